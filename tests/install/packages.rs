//! `install.sh` for packages: other prefixes, staging folders, and the copy of it that a package has beside its dialplan.
//! Real packages on real machines are tried by `tests/packages/run`.

use std::fs;
use std::os::unix::fs::MetadataExt;

use testkit::write_program;

use super::machine::{Machine, Outcome, Outcomes};
use super::{PLAN, THIS, elf};

mod faults;
mod folders;
mod purge;
mod remembered;

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
fn a_checkout_takes_nothing_away_that_a_package_has_taken_over() {
    let machine = Machine::new();
    machine.install(&[]).succeeds();
    lay_out(&machine);
    run(&machine, &["--configure"]).succeeds();
    let before = machine.snapshot();
    for option in ["--uninstall", "--purge"] {
        let refused = machine.run(&[option]);
        refused.fails(1).says("a package has taken over");
        refused.says("apt-get remove phone-assistant");
        assert_eq!(machine.snapshot(), before, "{option}");
    }
    run(&machine, &["--uninstall"]).succeeds();
    assert!(!machine.path(AGI).exists());
}

#[test]
fn a_package_takes_over_the_program_and_the_job_that_cron_has_of_the_sources() {
    for (prefix, change) in [
        ("/usr/local", ""),
        ("/opt/pa", ""),
        ("/opt/pa", "MAILTO=me\n"),
    ] {
        let machine = Machine::new();
        machine.write("etc/cron.d/others", "");
        let given = machine.path("tools/static");
        let mut installed = machine.command(&["--binary", given.to_str().unwrap(), "--watch"]);
        installed.env("PREFIX", prefix).outcome().succeeds();
        let text = || String::from_utf8(machine.read(JOB)).unwrap();
        machine.write(JOB, text() + change);
        let before = text();
        lay_out(&machine);
        for _ in 0..2 {
            run(&machine, &["--configure"]).succeeds();
            let old = machine.path(&format!("{}/bin/phone-assistant", &prefix[1..]));
            assert_eq!(fs::read_link(&old).unwrap().to_str(), Some(LINKED));
            let expected = before.replace(&format!(" {prefix}/"), " /usr/");
            let is_changed = !change.is_empty();
            assert_eq!(text(), if is_changed { before.clone() } else { expected });
        }
        let removed = run(&machine, &["--uninstall"]);
        removed.succeeds();
        assert_eq!(machine.path(JOB).exists(), !change.is_empty());
        assert_eq!(
            removed.text().contains("which was changed"),
            !change.is_empty()
        );
        let folder = machine.path(&format!("{}/bin", &prefix[1..]));
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "{prefix}");
    }
}

#[test]
fn a_job_that_names_somebody_elses_program_leaves_that_alone() {
    let machine = packaged();
    let job =
        "*/5 * * * * pbx [ ! -x /opt/pa/bin/phone-assistant ] || /opt/pa/bin/phone-assistant x\n";
    machine.write(JOB, job);
    machine.write("opt/pa/bin/phone-assistant", "of others");
    run(&machine, &["--configure"]).succeeds();
    run(&machine, &["--uninstall"]).succeeds();
    assert_eq!(machine.read(JOB), job.as_bytes());
    assert_eq!(machine.read("opt/pa/bin/phone-assistant"), b"of others");
}

#[test]
fn a_package_says_how_apt_removes_what_is_kept() {
    let machine = packaged();
    run(&machine, &["--configure"]).succeeds();
    let removed = run(&machine, &["--uninstall"]);
    removed
        .succeeds()
        .says("(apt purge phone-assistant removes them)");
    assert!(!removed.text().contains("--purge"), "{}", removed.text());
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
    // The dialplan may be the administrator's own.
    assert!(!says_next());
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

const CONF: &str = "etc/asterisk/asterisk.conf";
const PROGRAM: &str = "usr/bin/phone-assistant";
const LINKED: &str = "/usr/bin/phone-assistant";
const JOB: &str = "etc/cron.d/phone-assistant";
const AGI: &str = "var/lib/asterisk/agi-bin/phone-assistant";
const AGI_OF_DEBIAN: &str = "usr/share/asterisk/agi-bin/phone-assistant";
