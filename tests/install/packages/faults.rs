//! A package is configured whatever is wrong with Asterisk's own files, or dpkg would be left in the middle.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown, symlink};

use super::super::PLAN;
use super::super::links::{chmod, of_nobody};
use super::super::machine::Machine;
use super::super::races::NOBODY;
use super::{AGI, CONF, PROGRAM, lay_out, packaged, put_program, run};

/// Else dpkg would be left in the middle, and Asterisk with an older program.
#[test]
fn a_package_is_installed_whatever_is_wrong_with_the_dialplan() {
    let lost = |machine: &Machine| {
        let whole = machine.plan();
        machine.write(PLAN, whole.replace("; END phone-assistant", ";"));
    };
    let zero = |machine: &Machine| machine.write(PLAN, machine.plan() + "\0");
    let folder = |machine: &Machine| {
        fs::remove_file(machine.path(PLAN)).unwrap();
        fs::create_dir(machine.path(PLAN)).unwrap();
    };
    let unread = |machine: &Machine| {
        machine.write("tools/loaded", "");
        machine.write("tools/unread", "");
    };
    let wrongs: [(Change, &str); 4] = [
        (lost, "has lost one of the lines"),
        (zero, "extensions_custom.conf stays as it is"),
        (folder, "extensions_custom.conf stays as it is"),
        (unread, "note: Asterisk does not read"),
    ];
    for (spoil, words) in wrongs {
        let machine = Machine::with_asterisk();
        lay_out(&machine);
        run(&machine, &["--dialplan"]).succeeds();
        let whole = machine.plan();
        spoil(&machine);
        put_program(&machine, b"newer");
        for _ in 0..2 {
            run(&machine, &["--configure"]).succeeds().says(words);
            assert_eq!(machine.read(AGI), machine.read(PROGRAM));
        }
        fs::remove_dir(machine.path(PLAN)).ok();
        machine.write(PLAN, whole);
        run(&machine, &["--uninstall"]).succeeds();
        assert!(!machine.path(AGI).exists());
    }
}

#[test]
fn a_package_is_installed_whatever_is_wrong_with_the_other_files_of_asterisk() {
    let lost = |machine: &Machine| machine.write(CHOWN, "; BEGIN phone-assistant\n[blacklist]\n");
    let zero = |machine: &Machine| machine.write(CHOWN, "\0");
    let wrongs: [(Change, &str); 2] = [
        (lost, "has lost one of the lines"),
        (zero, "freepbx_chown.conf stays as it is"),
    ];
    for (spoil, words) in wrongs {
        let machine = packaged();
        machine.write("etc/freepbx.conf", "");
        spoil(&machine);
        let before = machine.read(CHOWN);
        run(&machine, &[]).fails(1);
        for _ in 0..2 {
            run(&machine, &["--configure"]).succeeds().says(words);
            assert_eq!(machine.read(AGI), machine.read(PROGRAM));
            assert_eq!(machine.read(CHOWN), before);
        }
    }
}

#[test]
fn as_root_a_package_is_installed_where_asterisks_user_may_not_enter_or_read() {
    let backup = format!("{PLAN}.before-phone-assistant");
    for (path, mode, words) in [
        ("var/lib/asterisk", 0o700, "may not enter the folder"),
        (&*backup, 0o600, "could not be brought back"),
    ] {
        let Some(machine) = of_nobody() else {
            return;
        };
        machine.write(&backup, "secret");
        machine.write(PLAN, "[a]\n");
        lchown(machine.path("etc/asterisk"), Some(NOBODY), None).unwrap();
        lay_out(&machine);
        chmod(&machine.path(path), mode);
        let arguments = ["--configure", "--dialplan"];
        run(&machine, &arguments[1..]).fails(1).says(words);
        run(&machine, &arguments).succeeds().says(words);
        assert_eq!(machine.read(AGI), machine.read(PROGRAM));
        let is_left = path == backup;
        assert_eq!(machine.plan() == "[a]\n", is_left);
        assert_eq!(machine.read(&backup) == b"secret", is_left);
    }
}

/// As a backup that root has copied back has them.
#[test]
fn as_root_a_package_is_installed_where_folders_of_its_data_belong_to_others() {
    for (folder, owner) in [("calls", 0), ("messages", 54_321)] {
        let Some(machine) = of_nobody() else {
            return;
        };
        lay_out(&machine);
        let folder = format!("var/lib/phone-assistant/{folder}");
        machine.write(&format!("{folder}/restored"), "");
        let folder = machine.path(&folder);
        chmod(&folder, 0o700);
        lchown(&folder, Some(owner), Some(owner)).unwrap();
        let words = format!(
            "belongs to user {owner}: give it to user {NOBODY} (chown -h {NOBODY} {})",
            folder.display()
        );
        run(&machine, &[]).fails(1).says(&words);
        assert!(!machine.path(AGI).exists());
        for _ in 0..2 {
            let done = run(&machine, &["--configure"]);
            done.succeeds().says(&words);
            done.says("/var/lib/phone-assistant stays as it is");
            assert_eq!(machine.read(AGI), machine.read(PROGRAM));
        }
        lchown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
        let done = run(&machine, &["--configure"]).succeeds().text();
        assert!(!done.contains("stays as it is"), "{done}");
    }
}

#[test]
fn a_package_is_installed_where_the_folder_for_agi_programs_is_a_link_of_others() {
    let machine = packaged();
    machine.write(PLAN, "; BEGIN phone-assistant\n; END phone-assistant\n");
    let before = machine.plan();
    let agi_bin = machine.path("var/lib/asterisk/agi-bin");
    fs::rename(&agi_bin, machine.path("srv")).unwrap();
    symlink(machine.path("srv"), &agi_bin).unwrap();
    chmod(agi_bin.parent().unwrap(), 0o775);
    let words = "others than root can change it";
    run(&machine, &[]).fails(1).says(words);
    for _ in 0..2 {
        let done = run(&machine, &["--configure"]);
        done.succeeds().says(words);
        done.says("nothing was put where Asterisk looks");
        assert!(machine.path("etc/phone-assistant/config.toml").exists());
        assert!(!machine.path(AGI).exists());
        assert_eq!(machine.plan(), before);
    }
}

#[test]
fn a_package_is_installed_where_a_folder_that_is_not_usual_is_named() {
    let machine = packaged();
    machine.write(CONF, "[directories]\nastagidir => /opt/none\n");
    let done = run(&machine, &["--configure"]);
    done.succeeds().says("nothing was put where Asterisk looks");
    done.says("run  sudo /usr/share/phone-assistant/install.sh --agi-bin ");
    assert!(machine.path("etc/phone-assistant/config.toml").exists());
    assert!(!machine.path(AGI).exists());
    run(&machine, &[]).fails(1).says("name it with --agi-bin");
}

#[test]
fn where_nobody_knows_whom_asterisk_runs_as_a_package_is_installed_all_the_same() {
    let machine = packaged();
    machine.write("etc/asterisk/asterisk.conf", "[options]\nrunuser = -u\n");
    run(&machine, &["--configure"])
        .succeeds()
        .says("nothing was put where Asterisk looks");
    assert_eq!(
        machine.metadata("etc/phone-assistant/config.toml").mode() & 0o777,
        0o640
    );
    assert!(!machine.path(AGI).exists());
    run(&machine, &[]).fails(1);
}

#[test]
fn a_package_makes_no_folder_for_programs_that_may_be_the_wrong_one() {
    let machine = packaged();
    fs::remove_dir_all(machine.path("var/lib/asterisk")).unwrap();
    let done = run(&machine, &["--configure"]);
    done.succeeds()
        .says("there is no folder")
        .says("nothing was put");
    assert!(!machine.path("var/lib/asterisk").exists());
}

#[test]
fn where_asterisk_runs_as_root_it_gets_the_program_and_is_asked_nothing() {
    let machine = Machine::as_root();
    lay_out(&machine);
    machine.tool("asterisk", "echo asked >>\"$TOOLS/asked\"");
    machine.write("etc/asterisk/asterisk.conf", "[options]\nrunuser = root\n");
    let plan = "; BEGIN phone-assistant\n; END phone-assistant\n";
    machine.write(PLAN, plan);
    run(&machine, &["--configure"])
        .succeeds()
        .says("--user root");
    assert_eq!(machine.read(AGI), machine.read(PROGRAM));
    assert_eq!(machine.plan(), plan);
    assert!(!machine.path("tools/asked").exists());
}

/// What goes wrong on a machine.
type Change = fn(&Machine);

const CHOWN: &str = "etc/asterisk/freepbx_chown.conf";
