//! What was named by an option holds for the versions that come later, which dpkg installs without any.

use std::fs;

use super::super::links::chmod;
use super::super::machine::Machine;
use super::{AGI, AGI_OF_DEBIAN, CONF, PROGRAM, lay_out, packaged, put_program, run};

#[test]
fn a_folder_that_was_named_gets_each_version_and_loses_it_at_the_end() {
    let machine = packaged();
    machine.write(&format!("{FOLDER}/others"), "");
    run(&machine, &["--agi-bin", "/opt/agi//"]).succeeds();
    let before = machine.snapshot();
    run(&machine, &["--configure"]).succeeds();
    assert_eq!(machine.snapshot(), before);
    put_program(&machine, b"newer");
    run(&machine, &["--configure"]).succeeds();
    assert_eq!(machine.read(NAMED), machine.read(PROGRAM));
    assert!(!machine.path(AGI).exists());
    run(&machine, &["--uninstall"]).succeeds();
    assert!(!machine.path(NAMED).exists());
    assert!(machine.path(FOLDER).join("others").exists());
}

#[test]
fn what_asterisk_says_by_now_counts_more_than_a_folder_that_was_named() {
    let machine = packaged();
    machine.write(&format!("{FOLDER}/others"), "");
    machine.write("usr/share/asterisk/agi-bin/others", "");
    run(&machine, &["--agi-bin", "/opt/agi"]).succeeds();
    put_program(&machine, b"newer");
    let named = "[directories]\nastagidir => /usr/share/asterisk/agi-bin\n";
    machine.write(CONF, named);
    run(&machine, &["--configure"]).succeeds();
    assert_eq!(machine.read(AGI_OF_DEBIAN), machine.read(PROGRAM));
    assert!(!machine.path(NAMED).exists());
    fs::remove_file(machine.path(CONF)).unwrap();
    run(&machine, &["--configure"]).succeeds();
    assert!(!machine.path(NAMED).exists());
}

#[test]
fn a_folder_that_was_named_and_is_gone_stops_neither_an_upgrade_nor_a_removal() {
    let machine = packaged();
    machine.write(&format!("{FOLDER}/others"), "");
    run(&machine, &["--agi-bin", "/opt/agi"]).succeeds();
    fs::remove_dir_all(machine.path(FOLDER)).unwrap();
    let note = "there is no folder /opt/agi any more";
    run(&machine, &["--configure"]).succeeds().says(note);
    assert_eq!(machine.read(AGI), machine.read(PROGRAM));
    run(&machine, &["--agi-bin", "/opt/agi"]).fails(1);
    run(&machine, &["--uninstall"]).succeeds();
    assert!(!machine.path(AGI).exists());
}

#[test]
fn a_user_and_group_that_were_named_hold_until_others_are() {
    let machine = Machine::as_root();
    lay_out(&machine);
    let owners = || {
        let all = machine.read("tools/owners");
        machine.write("tools/owners", "");
        String::from_utf8(all).unwrap()
    };
    let named = ["--user", "pbx", "--group", "phones"];
    run(&machine, &named).succeeds();
    owners();
    for _ in 0..2 {
        let done = run(&machine, &["--configure"]);
        done.succeeds().says("--user pbx --group phones");
        let owners = owners();
        assert!(owners.contains("root:phones "), "{owners}");
        assert!(!owners.contains("asterisk:"), "{owners}");
    }
    run(&machine, &["--user", "other"]).succeeds();
    let owners = owners();
    assert!(
        owners.contains("root:other ") && !owners.contains("phones"),
        "{owners}"
    );
    run(&machine, &["--uninstall"]).succeeds();
    assert!(!machine.path("etc/phone-assistant/installed").exists());
}

#[test]
fn a_user_who_was_named_gives_way_to_the_one_that_asterisk_conf_names_by_now() {
    let machine = Machine::as_root();
    lay_out(&machine);
    run(&machine, &["--user", "root"]).succeeds();
    machine.write("tools/owners", "");
    let hardened = "[options]\nrunuser = pbx\nrungroup = pbx\n";
    machine.write(CONF, hardened);
    let done = run(&machine, &["--configure"]);
    done.succeeds()
        .says("--user root holds no more, since Asterisk runs as pbx");
    let owners = String::from_utf8(machine.read("tools/owners")).unwrap();
    assert!(owners.contains("root:pbx "), "{owners}");
    assert!(!owners.contains("root:root etc/phone"), "{owners}");
    let again = run(&machine, &["--configure"]);
    again.succeeds();
    assert!(!again.text().contains("no more"), "{}", again.text());
}

#[test]
fn a_group_that_is_named_alone_leaves_the_user_who_was_named() {
    let machine = Machine::as_root();
    lay_out(&machine);
    run(&machine, &["--user", "pbx"]).succeeds();
    let done = run(&machine, &["--group", "phones"]);
    done.succeeds().says("--user pbx --group phones");
    let done = run(&machine, &["--configure"]);
    done.succeeds().says("--user pbx --group phones");
}

/// What a person says of root holds for that run: by the next one `asterisk.conf` may belong to another user, and does
/// what that user has written.
#[test]
fn asterisk_is_not_asked_as_root_because_that_was_named_once() {
    let machine = Machine::as_root();
    lay_out(&machine);
    machine.tool("asterisk", "echo asked >>\"$TOOLS/asked\"");
    run(&machine, &["--user", "root"]).succeeds();
    fs::remove_file(machine.path("tools/asked")).ok();
    machine.write(
        super::PLAN,
        "; BEGIN phone-assistant\n; END phone-assistant\n",
    );
    run(&machine, &["--configure"])
        .succeeds()
        .says("asked nothing as root");
    run(&machine, &["--uninstall"]).succeeds();
    assert!(!machine.path("tools/asked").exists());
}

#[test]
fn what_others_can_have_written_is_nobodys_word() {
    for (path, mode) in [
        ("etc/phone-assistant", 0o775),
        ("etc/phone-assistant/installed", 0o646),
    ] {
        let machine = packaged();
        machine.write(&format!("{FOLDER}/others"), "");
        run(&machine, &["--agi-bin", "/opt/agi"]).succeeds();
        let old = machine.read(NAMED);
        put_program(&machine, b"newer");
        chmod(&machine.path(path), mode);
        run(&machine, &["--configure"])
            .succeeds()
            .says("installed is not believed");
        assert_eq!(machine.read(NAMED), old, "{path}");
        assert_eq!(machine.read(AGI), machine.read(PROGRAM), "{path}");
    }
}

/// Only what is in the way stays, and what the next run wants to know with it.
#[test]
fn an_uninstall_that_stops_halfway_keeps_what_was_named() {
    let machine = packaged();
    machine.write(&format!("{FOLDER}/others"), "");
    run(&machine, &["--agi-bin", "/opt/agi"]).succeeds();
    let watch = "etc/cron.d/phone-assistant";
    machine.write(&format!("{watch}/{}x", "d/".repeat(40)), "");
    let stopped = run(&machine, &["--uninstall"]);
    stopped.fails(1).says("again with --agi-bin /opt/agi");
    assert!(machine.path("etc/phone-assistant/installed").exists());
    fs::remove_dir_all(machine.path(watch)).unwrap();
    run(&machine, &["--uninstall"]).succeeds();
    assert!(!machine.path("etc/phone-assistant/installed").exists());
}

const FOLDER: &str = "opt/agi";
const NAMED: &str = "opt/agi/phone-assistant";
