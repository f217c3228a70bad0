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
    assert_eq!(
        rest,
        "6 * * * pbx /usr/local/bin/phone-assistant check --quiet"
    );
    assert!(
        lines.contains("\n*/5 * * * * pbx /usr/local/bin/phone-assistant messages --deliver\n"),
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
fn without_cron_the_watch_is_refused_with_the_remedy() {
    let machine = Machine::new();
    machine
        .install(&["--watch"])
        .fails(1)
        .says("install cron first");
    assert!(
        !machine.path("etc/phone-assistant").exists(),
        "something was changed"
    );
}

const CRON: &str = "etc/cron.d/phone-assistant";
