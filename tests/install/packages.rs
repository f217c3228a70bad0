//! `install.sh` for packages: other prefixes, staging folders, and the copy of it that a package has beside its dialplan.
//! Real packages on real machines are tried by `tests/packages/run`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use testkit::write_program;

use super::machine::{Machine, Outcome, Outcomes};
use super::{PLAN, THIS, elf};

#[test]
fn a_prefix_is_where_the_program_goes_and_what_timers_name() {
    let machine = Machine::new();
    machine.write("etc/cron.d/others", "");
    let given = machine.path("tools/static");
    let with = |prefix: &str, arguments: &[&str]| {
        let mut command = machine.command(arguments);
        command.env("PREFIX", prefix).outcome()
    };
    let arguments = ["--binary", given.to_str().unwrap(), "--watch"];
    with("opt/here", &arguments).fails(64).says("begins with /");
    with("/opt/here/", &arguments).succeeds();
    assert!(machine.path("opt/here/bin/phone-assistant").exists());
    assert!(!machine.path("usr/local").exists());
    let timer = String::from_utf8(machine.read("etc/cron.d/phone-assistant")).unwrap();
    assert_eq!(
        timer.matches(" || /opt/here/bin/phone-assistant ").count(),
        2,
        "{timer}"
    );
    with("/opt/here", &["--uninstall"]).succeeds();
    assert!(!machine.path("opt/here/bin/phone-assistant").exists());
}

#[test]
fn below_a_staging_folder_what_is_left_out_is_said_and_people_are_told_the_places_of_their_machine()
{
    let machine = Machine::new();
    let told = machine.install(&["--dialplan"]).succeeds().text();
    for words in [
        "owners are not set",
        "no Asterisk was told",
        "no recordings were looked for",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let (_, next) = told.split_once("\nNext\n").unwrap();
    let root = machine.path("");
    assert!(
        !next.contains(root.to_str().unwrap().trim_end_matches('/')),
        "{next}"
    );
}

#[test]
fn a_package_leaves_its_program_alone_and_asterisk_gets_a_copy() {
    let machine = packaged();
    machine.write("etc/cron.d/others", "");
    machine.write(PLAN, "[a]\n");
    let inode = machine.metadata(PROGRAM).ino();
    let done = run(&machine, &["--configure", "--dialplan", "--watch"]);
    done.succeeds().says("Next");
    assert_eq!(machine.metadata(PROGRAM).ino(), inode);
    assert_eq!(machine.read(AGI), machine.read(PROGRAM));
    assert!(
        !fs::symlink_metadata(machine.path(AGI))
            .unwrap()
            .is_symlink()
    );
    assert!(!machine.path("usr/local/bin").exists());
    let timer = String::from_utf8(machine.read("etc/cron.d/phone-assistant")).unwrap();
    assert_eq!(
        timer.matches(" || /usr/bin/phone-assistant ").count(),
        2,
        "{timer}"
    );
    let before = machine.snapshot();
    let again = run(&machine, &["--configure"]);
    assert!(
        !again.succeeds().text().contains("Next"),
        "{}",
        again.text()
    );
    assert_eq!(machine.snapshot(), before);
    run(&machine, &["--uninstall"]).succeeds();
    assert!(!machine.path(AGI).exists() && !machine.path("etc/cron.d/phone-assistant").exists());
    assert_eq!(machine.metadata(PROGRAM).ino(), inode);
    assert_eq!(machine.plan(), "[a]\n");
}

#[test]
fn a_package_takes_over_what_the_sources_have_installed_and_they_give_way() {
    let machine = Machine::new();
    machine.install(&[]).succeeds();
    machine.write("etc/phone-assistant/config.toml", "[log]\nwords = true\n");
    lay_out(&machine);
    run(&machine, &["--configure"]).succeeds().says("linked");
    let link = fs::read_link(machine.path("usr/local/bin/phone-assistant")).unwrap();
    assert_eq!(link.to_str(), Some("/usr/bin/phone-assistant"));
    assert_eq!(machine.read(AGI), machine.read(PROGRAM));
    assert_eq!(
        machine.read("etc/phone-assistant/config.toml"),
        b"[log]\nwords = true\n"
    );
    let before = machine.snapshot();
    machine
        .install(&[])
        .fails(1)
        .says("as a package")
        .says("apt-get remove");
    assert_eq!(machine.snapshot(), before);
    run(&machine, &["--uninstall"]).succeeds();
    assert!(fs::symlink_metadata(machine.path("usr/local/bin/phone-assistant")).is_err());
    assert!(machine.path(PROGRAM).exists());
}

#[test]
fn a_package_builds_nothing_takes_no_other_program_and_only_it_configures() {
    let machine = packaged();
    let before = machine.snapshot();
    for arguments in [&["--build"][..], &["--binary", "/bin/true"]] {
        run(&machine, arguments).fails(64).says("for the sources");
    }
    let sources = Machine::new();
    sources
        .install(&["--configure"])
        .fails(64)
        .says("no option");
    sources
        .install(&["--target", "x"])
        .fails(64)
        .says("goes with --build");
    assert_eq!(machine.snapshot(), before);
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
fn a_package_leaves_no_copy_behind_where_asterisk_has_its_programs_no_more() {
    let machine = packaged();
    run(&machine, &["--configure"]).succeeds();
    let old = machine.read(AGI);
    machine.write("usr/share/asterisk/agi-bin/others", "");
    put_program(&machine, b"newer");
    run(&machine, &["--configure"]).succeeds();
    assert!(!machine.path(AGI).exists());
    assert_eq!(machine.read(AGI_OF_DEBIAN), machine.read(PROGRAM));
    // What was never put there stays, and an earlier one goes with the package.
    write_program(&machine.path(AGI), "of others");
    write_program(&machine.path(AGI_OF_DEBIAN), old);
    run(&machine, &["--uninstall"]).succeeds();
    assert!(!machine.path(AGI_OF_DEBIAN).exists());
    assert_eq!(machine.read(AGI), b"of others");
    assert!(!machine.path("etc/phone-assistant/installed").exists());
}

/// Else dpkg would be left in the middle, and Asterisk with an older program.
#[test]
fn a_package_is_installed_whatever_is_wrong_with_the_dialplan() {
    let lost = |machine: &Machine| {
        let whole = machine.plan();
        machine.write(PLAN, whole.replace("; END phone-assistant", ";"));
    };
    let unread = |machine: &Machine| {
        machine.write("tools/loaded", "");
        machine.write("tools/unread", "");
    };
    let wrongs: [(Change, &str); 2] = [
        (lost, "has lost one of the lines"),
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
        machine.write(PLAN, whole);
        run(&machine, &["--uninstall"]).succeeds();
        assert!(!machine.path(AGI).exists());
    }
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

#[test]
fn a_package_that_comes_again_says_what_is_next_once_its_dialplan_has_gone() {
    let machine = packaged();
    machine.write(PLAN, "");
    run(&machine, &["--configure", "--dialplan"]).succeeds();
    let says_next = || {
        run(&machine, &["--configure"])
            .succeeds()
            .text()
            .contains("\nNext\n")
    };
    assert!(!says_next());
    run(&machine, &["--uninstall"]).succeeds();
    assert!(says_next());
}

/// By the time of a purge there is no install.sh, so that the package's script names its places itself.
#[test]
fn a_purge_of_the_package_removes_all_places_that_the_installer_names() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    let installer = fs::read_to_string(sources.join("install.sh")).unwrap();
    let (_, places) = installer.split_once("\nname_places() {\n").unwrap();
    let places = places.split("\n}\n").next().unwrap().lines();
    let purge = fs::read_to_string(sources.join("src/packaging/postrm")).unwrap();
    let mut seen = 0;
    for line in places {
        let Some((name, place)) = line.trim().split_once('=') else {
            continue;
        };
        if !["settings", "data", "rotation", "watch_file", "log"].contains(&name) {
            continue;
        }
        let place = place.trim_start_matches("$DESTDIR");
        let (folder, file) = place.rsplit_once('/').unwrap();
        let is_named = purge.contains(&format!(" {place}"));
        let is_found =
            purge.contains(&format!("find {folder} ")) && purge.contains(&format!("-name {file} "));
        assert!(is_named || is_found, "{place}");
        seen += 1;
    }
    assert_eq!(seen, 5);
    assert!(purge.contains("/etc/asterisk/extensions_custom.conf.before-phone-assistant"));
}

fn packaged() -> Machine {
    let machine = Machine::new();
    lay_out(&machine);
    machine
}

/// As a package puts its files.
fn lay_out(machine: &Machine) {
    machine.write(PROGRAM, "");
    machine.write("var/lib/asterisk/agi-bin/others", "");
    put_program(machine, b"packaged");
    for name in ["install.sh", "extensions_custom.conf.example"] {
        machine.write(
            &format!("usr/share/phone-assistant/{name}"),
            machine.read(&format!("src/{name}")),
        );
    }
}

fn put_program(machine: &Machine, version: &[u8]) {
    write_program(
        &machine.path(PROGRAM),
        [&elf(THIS, false), version].concat(),
    );
}

fn run(machine: &Machine, arguments: &[&str]) -> Outcome {
    machine
        .script("usr/share/phone-assistant/install.sh", arguments)
        .outcome()
}

/// What goes wrong on a machine.
type Change = fn(&Machine);

const PROGRAM: &str = "usr/bin/phone-assistant";
const AGI: &str = "var/lib/asterisk/agi-bin/phone-assistant";
const AGI_OF_DEBIAN: &str = "usr/share/asterisk/agi-bin/phone-assistant";
