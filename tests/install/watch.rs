//! `--watch`: cron delivers messages every 5 minutes and checks everything once a day, as Asterisk's user. <https://man7.org/linux/man-pages/man5/crontab.5.html>

use std::os::unix::fs::MetadataExt;

use super::Machine;

#[test]
fn the_daily_check_runs_as_asterisks_user_and_only_where_it_was_asked_for() {
    let machine = Machine::as_root();
    machine.write("etc/asterisk/asterisk.conf", "[options]\nrunuser = pbx\n");
    machine.write("etc/cron.d/others", "");
    machine.install(&[]).succeeds();
    assert!(!machine.path(CRON).exists());
    machine.install(&["--watch"]).succeeds().says(CRON);
    let lines = String::from_utf8(machine.read(CRON)).unwrap();
    let job = lines.lines().last().unwrap();
    let (minute, rest) = job.split_once(' ').unwrap();
    assert!(minute.parse::<u8>().unwrap() < 60, "{job}");
    assert_eq!(rest, format!("6 * * * pbx {PROGRAM} check --quiet"));
    assert!(
        lines.contains(&format!("\n*/5 * * * * pbx {PROGRAM} messages --deliver\n")),
        "{lines}"
    );
    assert!(lines.contains("/usr/sbin"), "asterisk is found: {lines}");
    assert_eq!(
        machine.metadata(CRON).mode() & 0o777,
        0o644,
        "cron wants it so"
    );
    // It stays as it is, also when it is not asked for again.
    let before = machine.snapshot();
    machine.install(&["--watch"]).succeeds().says("unchanged");
    machine.install(&[]).succeeds();
    assert_eq!(machine.snapshot(), before);
    machine.run(&["--uninstall"]).succeeds().says(CRON);
    assert!(!machine.path(CRON).exists());
}

#[test]
fn below_a_staging_folder_cron_need_not_have_been_there() {
    let machine = Machine::new();
    machine.install(&["--watch"]).succeeds().says(CRON);
    assert_eq!(machine.metadata("etc/cron.d").mode() & 0o777, 0o755);
}

#[test]
fn a_watch_that_was_changed_stays_until_the_purge_if_it_looks_for_the_program() {
    for (change, stays) in [("MAILTO=me\n", true), ("", false)] {
        for has_look in [true, false] {
            let machine = Machine::new();
            machine.install(&["--watch"]).succeeds();
            let mut lines = String::from_utf8(machine.read(CRON)).unwrap() + change;
            if !has_look {
                lines = lines.replace("[ ! -x /usr/local/bin/phone-assistant ] || ", "");
            }
            machine.write(CRON, lines);
            let done = machine.run(&["--uninstall"]);
            done.succeeds();
            assert_eq!(machine.path(CRON).exists(), stays && has_look);
            assert_eq!(done.text().contains("which was changed"), stays && has_look);
        }
    }
}

/// What cron runs: where the program is gone, nothing.
const PROGRAM: &str = "[ ! -x /usr/local/bin/phone-assistant ] || /usr/local/bin/phone-assistant";

const CRON: &str = "etc/cron.d/phone-assistant";
