//! What is different when Asterisk starts the program: it hands down its own environment, groups and view of the disk.
//!
//! The doctor has Asterisk run `AGI(phone-assistant,mode=check)`; that one looks around, notes what it sees, and ends.
//! Nothing is paid for, so it does no harm if anybody else dials it.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::process::Gid;
use serde::{Deserialize, Serialize};

use super::asterisk::say;
use super::finding::{Finding, Report, Status, Style};
use super::{machine, understood};
use crate::config::{Arguments, Config, Environment, Job, Shown};
use crate::date;
use crate::error::Chain;
use crate::state::State;

/// What one process sees.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct View {
    /// In seconds since 1970.
    time: u64,
    user: u32,
    groups: Vec<u32>,
    /// Name, digest and source of every setting that is set.
    settings: Vec<(String, String, String)>,
    findings: Vec<Finding>,
}

/// Notes what is seen from inside Asterisk, for the doctor.
pub fn look_around(arguments: &Arguments, environment: Environment<'_>) {
    let mut sink = std::io::sink();
    let mut report = Report::new(&mut sink, Style::Silent);
    let config = Config::load(Job::Check, arguments, environment);
    machine::examine(&config, environment, &mut report);
    let settings = understood(&config);
    let view = View::new(settings, report.findings());
    let state = State::new(&settings.state_folder);
    if let Err(cause) = state.update(FILE, |last: &mut View| *last = view) {
        log::error!("{}", Chain(&cause));
    }
}

impl View {
    fn new(settings: &Config, findings: &[Finding]) -> Self {
        let setting = |shown: &Shown| {
            (
                shown.name.clone(),
                shown.digest.clone(),
                shown.source.clone(),
            )
        };
        Self {
            time: date::seconds(SystemTime::now()),
            user: rustix::process::geteuid().as_raw(),
            groups: groups(
                &rustix::process::getgroups().unwrap_or_default(),
                rustix::process::getegid(),
            ),
            settings: settings.shown.iter().map(setting).collect(),
            findings: findings.to_vec(),
        }
    }

    /// What `other`, which Asterisk has started, finds and is not found here.
    fn worse_in<'a>(&self, other: &'a Self) -> Vec<&'a Finding> {
        let is_known = |finding: &Finding| {
            let same = |own: &Finding| own.id == finding.id && own.status >= finding.status;
            self.findings.iter().any(same)
        };
        let all = other.findings.iter();
        all.filter(|finding| finding.status > Status::Ok && !is_known(finding))
            .collect()
    }

    /// Takes the groups of `other` where that hinders nothing: Asterisk that was started with `-G` has given up the other
    /// groups of its user, and cron has not.
    fn forgive_groups(&mut self, other: &Self) {
        if self.worse_in(other).is_empty() {
            self.groups.clone_from(&other.groups);
        }
    }

    /// How `other`, which Asterisk has started, differs.
    fn differences(&self, other: &Self) -> Vec<String> {
        let mut all = Vec::new();
        if self.user != other.user {
            all.push(format!(
                "it runs as user {} there, as {} here",
                other.user, self.user
            ));
        }
        if self.groups != other.groups {
            all.push(format!(
                "its groups are {:?} there, {:?} here",
                other.groups, self.groups
            ));
        }
        for (name, digest, source) in &other.settings {
            match self.settings.iter().find(|(own, ..)| own == name) {
                Some((_, own, _)) if own == digest => {}
                Some((.., here)) => all.push(format!(
                    "{name} comes from {source} there, from {here} here"
                )),
                None => all.push(format!("{name} is set there, by {source}")),
            }
        }
        for (name, _, source) in &self.settings {
            if other.settings.iter().all(|(theirs, ..)| theirs != name) {
                all.push(format!("{name} is not set there; here it is, by {source}"));
            }
        }
        all
    }
}

/// Lets Asterisk start the program, and tells what is different there.
pub(super) fn examine(settings: &Config, report: &mut Report<'_>) {
    let is_ok = |id: &str| {
        let mut all = report
            .findings()
            .iter()
            .filter(|finding| finding.id == id)
            .peekable();
        all.peek().is_some() && all.all(|finding| finding.status == Status::Ok)
    };
    if !["Asterisk", "program", "dialplan", "folder for state"]
        .iter()
        .all(|id| is_ok(id))
    {
        let why = "Asterisk cannot run the program as it should";
        return report.not_tried(ID, why, "mend that first");
    }
    let state = State::new(&settings.state_folder);
    if let Err(cause) = state.update(FILE, |last: &mut View| *last = View::default()) {
        return report.fail(ID, &Chain(&cause).to_string(), "see the folder for state");
    }
    let sent = say("channel originate Local/check@custom-openai application Wait 1");
    let Some(there) = wait_for(&state) else {
        let said = sent.unwrap_or_else(|why| why);
        let text = format!(
            "Asterisk did not run AGI(phone-assistant,mode=check) within {} s {said}",
            PATIENCE.as_secs()
        );
        return report.fail(
            ID,
            &text,
            "look into Asterisk's log: /var/log/asterisk/full",
        );
    };
    let mut here = View::new(settings, report.findings());
    for finding in here.worse_in(&there) {
        let id = format!("{ID}: {}", finding.id);
        report.add(&id, finding.status, &finding.text, &finding.remedy);
    }
    here.forgive_groups(&there);
    let differences = here.differences(&there);
    if differences.is_empty() {
        return report.ok(
            ID,
            "sees the same settings and user, and its groups hinder nothing",
        );
    }
    let remedy = "calls use what is there: mend Asterisk's environment (systemctl cat asterisk, /etc/default/asterisk), or set it in config.toml; restart Asterisk after a change of groups";
    report.warn(ID, &differences.join("; "), remedy);
}

fn wait_for(state: &State) -> Option<View> {
    let mut waited = Duration::ZERO;
    while waited < PATIENCE {
        let view: View = state.read(FILE);
        if view.time > 0 {
            return Some(view);
        }
        thread::sleep(PAUSE);
        waited += PAUSE;
    }
    None
}

/// All groups, sorted. The main one may be among the others or not: the rights are the same.
fn groups(others: &[Gid], main: Gid) -> Vec<u32> {
    let all = others.iter().chain([&main]).map(|group| group.as_raw());
    let all: BTreeSet<_> = all.collect();
    all.into_iter().collect()
}

const ID: &str = "through Asterisk";
const FILE: &str = "seen-by-asterisk.json";
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn view(settings: &[(&str, &str, &str)], groups: &[u32]) -> View {
        let setting = |(name, digest, source): &(&str, &str, &str)| {
            (
                (*name).to_owned(),
                (*digest).to_owned(),
                (*source).to_owned(),
            )
        };
        View {
            settings: settings.iter().map(setting).collect(),
            groups: groups.to_vec(),
            ..View::default()
        }
    }

    #[test]
    fn faulty_settings_are_noted_too_with_what_is_set() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("config.toml");
        let state = format!("state.folder = '{}'", folder.path().display());
        std::fs::write(&file, state).expect("written");
        let config = format!("config={}", file.display());
        let arguments = Arguments::parse(["stt.languag=x", "stt.language=de-DE", &config]);
        look_around(&arguments, &|_| None);
        let view: View = State::new(folder.path()).read(FILE);
        let names: Vec<_> = view
            .settings
            .iter()
            .map(|(name, ..)| name.as_str())
            .collect();
        assert_eq!(names, ["stt.language", "state.folder"]);
        assert!(view.findings.iter().any(|finding| finding.id == "settings"));
    }

    #[test]
    fn it_is_all_the_same_whether_the_main_group_is_among_the_others() {
        let [main, other] = [7, 5].map(Gid::from_raw);
        assert_eq!(groups(&[], main), groups(&[main], main));
        assert_eq!(groups(&[main, other], main), [5, 7]);
    }

    #[test]
    fn groups_are_told_only_where_something_is_worse_there() {
        let key = |status| Finding {
            id: "Google's key".to_owned(),
            status,
            text: String::new(),
            remedy: String::new(),
        };
        for (here, there, are_told) in [
            (Status::Ok, Status::Ok, false),
            (Status::Fail, Status::Fail, false),
            (Status::Ok, Status::Fail, true),
        ] {
            let mut here = View {
                findings: vec![key(here)],
                ..view(&[], &[5, 7])
            };
            let there = View {
                findings: vec![key(there)],
                ..view(&[], &[5])
            };
            here.forgive_groups(&there);
            assert_eq!(!here.differences(&there).is_empty(), are_told);
        }
    }

    #[test]
    fn every_difference_is_named_with_both_sources() {
        let here = view(
            &[
                ("openai.api_key", "a", "config.toml"),
                ("stt.language", "c", "config.toml"),
            ],
            &[5],
        );
        let there = view(
            &[
                ("openai.api_key", "b", "OPENAI_API_KEY"),
                ("http.proxy", "p", "x"),
            ],
            &[5, 7],
        );
        assert_eq!(
            here.differences(&there),
            [
                "its groups are [5, 7] there, [5] here",
                "openai.api_key comes from OPENAI_API_KEY there, from config.toml here",
                "http.proxy is set there, by x",
                "stt.language is not set there; here it is, by config.toml",
            ]
        );
        assert!(
            here.differences(&view(
                &[("openai.api_key", "a", "x"), ("stt.language", "c", "y")],
                &[5]
            ))
            .is_empty()
        );
    }
}
