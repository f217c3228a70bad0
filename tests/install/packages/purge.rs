//! What `postrm` of a package removes at a purge, and what it leaves because the sources have installed it since.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::super::machine::{Machine, Outcome, Outcomes};
use super::{JOB, LINKED, PROGRAM, lay_out, packaged, run};

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
        let is_found = purge.contains(&format!("find -H {folder} "))
            && purge.contains(&format!("-name {file} "));
        assert!(is_named || is_found, "{place}");
        seen += 1;
    }
    assert_eq!(seen, 5);
    assert!(purge.contains("/etc/asterisk/extensions_custom.conf.before-phone-assistant"));
}

#[test]
fn a_purge_leaves_what_the_sources_have_installed_since_the_package_was_removed() {
    for prefix in ["/usr/local", "/usr", ""] {
        let machine = packaged();
        machine.write("etc/cron.d/others", "");
        run(&machine, &["--configure", "--watch"]).succeeds();
        run(&machine, &["--uninstall"]).succeeds();
        unpacked(&machine);
        let given = machine.path("tools/static");
        let from_sources = |arguments: &[&str]| {
            let mut command = machine.command(arguments);
            let prefix = if prefix.is_empty() { "/" } else { prefix };
            command.env("PREFIX", prefix).outcome()
        };
        from_sources(&["--binary", given.to_str().unwrap(), "--watch"]).succeeds();
        machine.write(LOG, "{}\n");
        name_it_as_seen_from_here(&machine);
        let before = machine.snapshot();
        let kept = purge(&machine);
        kept.succeeds().says("stay").says("/bin/phone-assistant");
        assert_eq!(machine.snapshot(), before, "{prefix}");
        from_sources(&["--uninstall"]).succeeds();
        purge(&machine).succeeds();
        expect_nothing(&machine);
    }
}

#[test]
fn a_purge_removes_everything_once_a_package_has_taken_it_over() {
    let machine = Machine::new();
    machine.write("etc/cron.d/others", "");
    machine.install(&["--watch"]).succeeds();
    assert!(installed(&machine).ends_with("\nsources /usr/local/bin/phone-assistant\n"));
    lay_out(&machine);
    run(&machine, &["--configure"]).succeeds();
    assert!(!installed(&machine).contains("sources"));
    unpacked(&machine);
    purge(&machine).succeeds();
    expect_nothing(&machine);
}

/// The file is one of an earlier version, or what it names is no program of the sources any more.
#[test]
fn a_purge_removes_everything_where_no_program_of_the_sources_is_left() {
    let none: fn(&Path) = |_| ();
    let link = |program: &Path| symlink(LINKED, program).unwrap();
    let file = |program: &Path| fs::write(program, "of others").unwrap();
    for (is_named, put) in [(true, none), (true, link), (false, file)] {
        let machine = Machine::new();
        machine.write("usr/local/bin/others", "");
        machine.write("etc/cron.d/others", "");
        machine.install(&["--watch"]).succeeds();
        name_it_as_seen_from_here(&machine);
        if !is_named {
            let text = installed(&machine);
            let (hashes, _) = text.split_once("sources ").unwrap();
            machine.write(INSTALLED, hashes);
        }
        let program = machine.path("usr/local/bin/phone-assistant");
        fs::remove_file(&program).unwrap();
        put(&program);
        purge(&machine).succeeds();
        expect_nothing(&machine);
    }
}

/// Runs the script of the package, with the staging folder before each of its places.
fn purge(machine: &Machine) -> Outcome {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/packaging/postrm");
    let script = fs::read_to_string(script).unwrap();
    let places = ["/etc/", "/var/"];
    let script = places.iter().fold(script, |script, place| {
        script.replace(place, &format!("\"$ROOT\"{place}"))
    });
    machine.write("tools/postrm", script);
    let mut command = Command::new("/bin/sh");
    command.arg("-u").arg(machine.path("tools/postrm"));
    command.arg("purge").env_clear();
    command.env("PATH", machine.path("tools"));
    command.env("ROOT", machine.path("")).outcome()
}

/// The script looks for the program outside of a staging folder.
fn name_it_as_seen_from_here(machine: &Machine) {
    let root = machine.path("");
    let named = format!("sources {}", root.to_str().unwrap().trim_end_matches('/'));
    let text = installed(machine);
    assert!(text.contains("\nsources /"), "{text}");
    machine.write(INSTALLED, text.replace("sources ", &named));
}

fn installed(machine: &Machine) -> String {
    String::from_utf8(machine.read(INSTALLED)).unwrap()
}

/// Takes away what dpkg does.
fn unpacked(machine: &Machine) {
    fs::remove_file(machine.path(PROGRAM)).unwrap();
    fs::remove_dir_all(machine.path("usr/share/phone-assistant")).unwrap();
}

fn expect_nothing(machine: &Machine) {
    let settings = "etc/phone-assistant";
    let rules = "etc/logrotate.d/phone-assistant";
    for path in [settings, "var/lib/phone-assistant", rules, JOB, LOG] {
        assert!(!machine.path(path).exists(), "{path}");
    }
}

const INSTALLED: &str = "etc/phone-assistant/installed";
const LOG: &str = "var/log/asterisk/phone-assistant.jsonl";
