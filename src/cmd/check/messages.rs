//! Messages, as `check` looks at them: whether they can be kept, what of them waits, and whether the ways are there by
//! which they are delivered. On demand a test goes through each.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use super::finding::Report;
use super::options::Options;
use super::personas::of_personas;
use super::user::{given, user_name};
use crate::config::{Arguments, Config, Environment, Needs};
use crate::messages::{self, Entry, Kind, Sink, Spool, Way};
use crate::sys::error::Chain;
use crate::sys::mode::ANYTHING_BY_GROUP_OR_OTHERS;
use crate::sys::plain::plain_to;
use crate::sys::remedy;

/// Whether messages can be kept, and what waits.
pub(super) fn examine_folder(config: &Config, report: &mut Report<'_>) {
    if !config.messages.are_delivered() {
        return;
    }
    let spool = Spool::new(&config.messages.folder);
    let (folder, shown) = (spool.folder(), spool.folder().display());
    if let Err(error) = spool.try_out() {
        return report.fail(FOLDER, &Chain(&error).to_string(), &given(folder));
    }
    let mode = fs::metadata(folder).map_or(0, |data| data.permissions().mode());
    if mode & ANYTHING_BY_GROUP_OR_OTHERS == 0 {
        report.ok(FOLDER, &format!("{shown} can be written to"));
    } else {
        let text = format!("others may look into {shown}, where messages are");
        report.warn(FOLDER, &text, &remedy::mode(folder, 0o700, &user_name()));
    }
    match messages::trouble(&spool, SystemTime::now()) {
        None => report.ok(WAITING, "none waits for more than an hour, and none has failed"),
        Some(why) => report.warn(
            WAITING,
            &why,
            "sudo phone-assistant messages lists them; once the cause is gone: sudo phone-assistant messages --retry",
        ),
    }
}

/// Looks at each way by which messages are delivered, those of personas too. Where the options say so a test goes through
/// each.
pub(super) fn examine_ways(
    config: &Config,
    arguments: &Arguments,
    environment: Environment<'_>,
    options: &Options,
    report: &mut Report<'_>,
) {
    let is_sent = options.send_test && !options.offline;
    let personas = of_personas(config, Needs::Nothing, arguments, environment);
    let all = [(String::new(), config.clone())]
        .into_iter()
        .chain(personas);
    let mut known = BTreeMap::new();
    for (of, config) in all {
        let settings = &config.messages;
        let ways = [
            (Way::Mail, settings.mail_to.join(", ")),
            (Way::Webhook, settings.webhook.clone()),
        ];
        for (way, place) in ways.into_iter().filter(|(_, place)| !place.is_empty()) {
            known
                .entry((way, place))
                .or_insert_with(|| (of.clone(), config.clone()));
        }
    }
    for ((way, place), (of, config)) in &known {
        examine_way(*way, &format!("{of}{place}"), config, is_sent, report);
    }
    if !known.is_empty() {
        examine_timer(&Spool::new(&config.messages.folder), report);
    }
}

fn examine_way(way: Way, place: &str, config: &Config, is_sent: bool, report: &mut Report<'_>) {
    let sink = Sink::new(way, config);
    let id = sink.name();
    let place = plain_to(place, MAX_SHOWN);
    if let Err(why) = sink.look() {
        return report.fail(id, &why, "see messages in phone-assistant help settings");
    }
    if !is_sent {
        return report.ok(id, &format!("{place} (--send-test sends a test)"));
    }
    report.trying(&place);
    let now = SystemTime::now();
    let sent = Spool::new_id(now).map_err(|error| error.to_string());
    let sent = sent.and_then(|id| {
        let test = Entry::new(Kind::Message, id, &config.messages, now);
        sink.test(&Entry {
            note: TEST.to_owned(),
            ..test
        })
    });
    match sent {
        Ok(()) => report.ok(id, &format!("{place} has taken a test")),
        Err(why) => report.fail(
            id,
            &format!("{place} has not taken a test: {why}"),
            "see that it works for Asterisk's user, then try again",
        ),
    }
}

/// Whether anything but the next call tries again what has failed.
fn examine_timer(spool: &Spool, report: &mut Report<'_>) {
    let age = spool.last_delivery().and_then(|last| last.elapsed().ok());
    match age {
        Some(age) if age < LATE => report.ok(TIMER, "messages were looked at within 20 minutes"),
        _ => report.warn(
            TIMER,
            "nothing has looked for messages to deliver for 20 minutes: what fails is tried again after the next call alone",
            "sudo ./install.sh --watch, or what phone-assistant help messages says of a timer",
        ),
    }
}

const FOLDER: &str = "folder for messages";
const WAITING: &str = "messages";
const TIMER: &str = "timer for messages";

const TEST: &str = "This is a test by phone-assistant check --send-test. Nobody has called.";
const LATE: Duration = Duration::from_secs(20 * 60);
const MAX_SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::check::finding::{Finding, Status, Style, findings};

    fn loaded(folder: &std::path::Path, more: &str) -> Config {
        let file = folder.join("config.toml");
        let text = format!(
            "[messages]\nfolder = '{0}/messages'\nsendmail = '{0}/sendmail'\n{more}",
            folder.display()
        );
        fs::write(&file, text).expect("written");
        let arguments = Arguments::of_file(Some(file));
        Config::load(Needs::Nothing, &arguments, &|_| None).expect("right settings")
    }

    fn found(config: &Config) -> Vec<Finding> {
        let options = Options {
            config: None,
            offline: true,
            send_test: true,
            quiet: false,
            style: Style::Silent,
            user: None,
            group: None,
            max_cost: |_, _, _| None,
        };
        findings(|report| {
            examine_folder(config, report);
            examine_ways(config, &Arguments::default(), &|_| None, &options, report);
        })
    }

    #[test]
    fn nothing_is_looked_at_where_no_message_can_be_left() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let config = loaded(folder.path(), "");
        assert_eq!(found(&config), []);
        assert!(!config.messages.folder.exists());
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let config = loaded(
            folder.path(),
            "mail_to = ['a@example.org']\nwebhook = 'http://127.0.0.1:1'\nwebhook_secret_file = '/nonexistent'",
        );
        let found = found(&config);
        let statuses: Vec<_> = found
            .iter()
            .map(|one| (one.id.as_str(), one.status))
            .collect();
        let expected = [
            ("folder for messages", Status::Ok),
            ("messages", Status::Ok),
            ("mail", Status::Fail),
            ("webhook", Status::Fail),
            ("timer for messages", Status::Warn),
        ];
        assert_eq!(statuses, expected, "{found:?}");
        assert!(found[2].text.contains("/sendmail"), "{found:?}");
        assert!(found[3].text.contains("webhook_secret_file"), "{found:?}");
    }
}
