//! The log of calls is rotated where there is a logrotate, and goes with everything else. That logrotate takes the
//! file is left to a real machine.
//! <https://man7.org/linux/man-pages/man8/logrotate.8.html>

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::Machine;

#[test]
fn the_log_is_rotated_as_asterisks_user() {
    for (conf, user, group) in [
        ("", "asterisk", "asterisk"),
        (
            "[options]\nrunuser = pbx\nrungroup = phones\n",
            "pbx",
            "phones",
        ),
    ] {
        let machine = Machine::as_root();
        machine.write("etc/asterisk/asterisk.conf", conf);
        machine.write("etc/logrotate.d/asterisk", "");
        machine.install(&[]).succeeds();
        let rules = String::from_utf8(machine.read(RULES)).unwrap();
        assert!(
            rules.contains("\n/var/log/asterisk/phone-assistant.jsonl {\n"),
            "{rules}"
        );
        for rule in [
            format!("su {user} {group}"),
            format!("create 0640 {user} {group}"),
            // Whatever program logrotate.conf names for all, phone-assistant calls reads what gzip has made.
            "compresscmd gzip".to_owned(),
            "uncompresscmd gunzip".to_owned(),
            "compressext .gz".to_owned(),
        ] {
            assert!(rules.lines().any(|line| line.trim() == rule), "{rules}");
        }
        assert_eq!(
            machine.metadata(RULES).mode() & 0o777,
            0o644,
            "logrotate wants it so"
        );
        let owners = String::from_utf8(machine.read("tools/owners")).unwrap();
        let rules = format!("root:root {}\n", machine.path(RULES).display());
        assert!(owners.contains(&rules), "{owners}");
    }
}

#[test]
fn an_upgrade_leaves_the_rules_as_they_are() {
    let machine = Machine::new();
    machine.write("etc/logrotate.d/asterisk", "");
    machine.install(&[]).succeeds();
    machine.write(RULES, "# mine\n");
    let before = machine.snapshot();
    machine
        .install(&[])
        .succeeds()
        .says(&format!("unchanged  {}", machine.path(RULES).display()));
    assert_eq!(machine.snapshot(), before);
}

#[test]
fn below_a_staging_folder_logrotate_need_not_have_been_there() {
    let machine = Machine::new();
    machine.install(&[]).succeeds().says(RULES);
    assert_eq!(machine.metadata("etc/logrotate.d").mode() & 0o777, 0o755);
    machine.run(&["--uninstall"]).succeeds();
    assert!(!machine.path(RULES).exists());
}

#[test]
fn rules_that_were_changed_stay_until_the_purge() {
    let machine = Machine::new();
    machine.install(&[]).succeeds();
    let rules = String::from_utf8(machine.read(RULES)).unwrap();
    machine.write(RULES, rules.replace("rotate 8", "rotate 520"));
    let uninstalled = machine.run(&["--uninstall"]);
    uninstalled.succeeds().says("which was changed");
    assert!(machine.path(RULES).exists());
    machine.install(&[]).succeeds();
    machine.run(&["--purge"]).succeeds();
    assert!(!machine.path(RULES).exists());
}

#[test]
fn rules_of_an_earlier_version_go_as_those_of_this_one() {
    for (line, before) in [
        (
            "the old ones, compressed or not.",
            "the newest old one: by the name of .1, and not compressed.",
        ),
        (
            "\n    compresscmd gzip\n    uncompresscmd gunzip\n    compressext .gz\n",
            "\n",
        ),
    ] {
        let machine = Machine::new();
        machine.install(&[]).succeeds();
        let rules = String::from_utf8(machine.read(RULES)).unwrap();
        let former = rules.replace(line, before);
        assert_ne!(former, rules);
        machine.write(RULES, &former);
        machine.run(&["--uninstall"]).succeeds();
        assert!(!machine.path(RULES).exists());
        machine.install(&[]).succeeds();
        machine.write(RULES, former + "    compresscmd xz\n");
        machine
            .run(&["--uninstall"])
            .succeeds()
            .says("which was changed");
    }
}

#[test]
fn rules_go_although_asterisk_went_first() {
    for change in ["", "# mine\n"] {
        let machine = Machine::as_root();
        machine.write(CONF, "[options]\nrunuser = pbx\nrungroup = phones\n");
        machine.install(&["--watch"]).succeeds();
        for path in [RULES, CRON] {
            let rules = String::from_utf8(machine.read(path)).unwrap();
            machine.write(path, rules + change);
        }
        machine.write(CONF, "[options]\nrunuser = -u\n");
        machine.run(&["--uninstall"]).succeeds();
        for path in [RULES, CRON] {
            assert_eq!(machine.path(path).exists(), !change.is_empty(), "{path}");
        }
    }
}

#[test]
fn uninstall_takes_the_rules_and_purge_the_logs() {
    let machine = Machine::new();
    let (ours, others) = (
        [
            "phone-assistant.jsonl",
            "phone-assistant.jsonl.1",
            "phone-assistant.jsonl.2.gz",
            "phone-assistant.jsonl.10.gz",
            "phone-assistant.jsonl-20261201",
            "phone-assistant.jsonl-20261124.gz",
            "phone-assistant.2.jsonl",
            "phone-assistant-20261201.jsonl.gz",
        ]
        .map(|name| format!("var/log/asterisk/{name}")),
        ["full", "phone-assistant.jsonl.old", "phone-assistant.json"]
            .map(|name| format!("var/log/asterisk/{name}")),
    );
    machine.write("etc/logrotate.d/asterisk", "");
    for path in ours.iter().chain(&others) {
        machine.write(path, "{}\n");
    }
    machine.install(&[]).succeeds();
    machine
        .run(&["--uninstall"])
        .succeeds()
        .says(RULES)
        .says("kept");
    assert!(!machine.path(RULES).exists());
    assert!(ours.iter().all(|path| machine.path(path).exists()));
    machine.run(&["--purge"]).succeeds().says(LOG);
    assert!(!ours.iter().any(|path| machine.path(path).exists()));
    assert!(others.iter().all(|path| machine.path(path).exists()));
    assert_eq!(
        fs::read_dir(machine.path("etc/logrotate.d"))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn what_the_settings_have_elsewhere_is_named_for_no_purge_removes_it() {
    let settings = "[log]\ncalls = \"/srv/log/calls.jsonl\"\n[memory]\n  folder='/srv/callers' # a disk\n\
        [messages]\nfolder = \"/srv/none\"\n#folder = \"/srv/not\"\n[state]\nfolder = \"/var/lib/phone-assistant/state\"\n";
    for action in ["--uninstall", "--purge"] {
        let machine = Machine::new();
        machine.install(&[]).succeeds();
        machine.write("etc/phone-assistant/config.toml", settings);
        for path in ["srv/log/calls.jsonl", "srv/callers/x", "srv/not/x"] {
            machine.write(path, "");
        }
        let told = machine.run(&[action]).succeeds().text();
        for (path, is_named) in [
            ("/srv/log/calls.jsonl", true),
            ("/srv/callers", true),
            ("/srv/none", false),
            ("/srv/not", false),
            ("/var/lib/phone-assistant/state", false),
        ] {
            let line = format!("note: no purge removes {path}, which the settings name\n");
            assert_eq!(told.contains(&line), is_named, "{path}: {told}");
        }
    }
}

const RULES: &str = "etc/logrotate.d/phone-assistant";
const CRON: &str = "etc/cron.d/phone-assistant";
const CONF: &str = "etc/asterisk/asterisk.conf";
const LOG: &str = "var/log/asterisk/phone-assistant.jsonl";
