//! Which folder gets the program of a package, and that it is taken from no folder in which Asterisk may look.

use std::process::Command;
use std::{env, fs};

use testkit::write_program;

use super::super::machine::Machine;
use super::{AGI, AGI_OF_DEBIAN, CONF, PROGRAM, lay_out, packaged, put_program, run};

#[test]
fn a_program_is_put_where_asterisk_says_that_it_looks_and_stays_there() {
    let title = "  AGI Scripts directory:       ";
    // What Asterisk says, and whether each folder has the newer program, the older one or none afterwards.
    let (newer, older) = (Some(true), Some(false));
    let table = [
        (None, older, newer),
        (Some("/var/lib/asterisk/agi-bin"), newer, None),
        (Some("/usr/share/asterisk/agi-bin"), None, newer),
        (Some("/etc"), older, newer),
        (Some("/usr/share/asterisk/agi-bin/.."), older, newer),
    ];
    for (said, in_first, in_debians) in table {
        let machine = Machine::with_asterisk();
        lay_out(&machine);
        machine.write("usr/share/asterisk/agi-bin/others", "");
        machine.write(
            CONF,
            "[directories]\nastagidir => /var/lib/asterisk/agi-bin\n",
        );
        run(&machine, &[]).succeeds();
        // Asterisk's template says nothing.
        machine.write(
            CONF,
            "[directories](!)\nastagidir => /usr/share/asterisk/agi-bin\n",
        );
        let old = machine.read(AGI);
        put_program(&machine, b"newer");
        if let Some(said) = said {
            machine.write("tools/settings", format!("{title}{said}\n"));
        }
        run(&machine, &["--configure"]).succeeds();
        for (place, expected) in [(AGI, in_first), (AGI_OF_DEBIAN, in_debians)] {
            let found = fs::read(machine.path(place)).ok();
            assert_eq!(
                found,
                expected.map(|is_new| if is_new {
                    machine.read(PROGRAM)
                } else {
                    old.clone()
                }),
                "{place}, {said:?}"
            );
        }
        run(&machine, &["--uninstall"]).succeeds();
        assert!(!machine.path(AGI).exists() && !machine.path(AGI_OF_DEBIAN).exists());
    }
}

#[test]
fn no_copy_goes_before_asterisk_has_shown_its_dialplan() {
    let machine = Machine::with_asterisk();
    lay_out(&machine);
    run(&machine, &["--agi-bin", "/var/lib/asterisk/agi-bin"]).succeeds();
    let old = machine.read(AGI);
    machine.write("usr/share/asterisk/agi-bin/others", "");
    machine.write("tools/elsewhere", "  '8008' =>  1. Answer()   [x.conf:3]\n");
    let debians = ["--dialplan", "--agi-bin", "/usr/share/asterisk/agi-bin"];
    run(&machine, &debians).fails(1).says("are as they were");
    assert_eq!(machine.read(AGI), old);
    assert!(!machine.path(AGI_OF_DEBIAN).exists());
}

/// Where root may mount nothing, this tries nothing.
#[test]
fn a_folder_that_is_mounted_in_two_places_keeps_its_program() {
    let machine = packaged();
    machine.write("usr/share/asterisk/agi-bin/others", "");
    let installer = machine.script(
        "usr/share/phone-assistant/install.sh",
        &["--configure", "--agi-bin", "/usr/share/asterisk/agi-bin"],
    );
    let script = r#"mount --bind "$1" "$2" || exit 77; shift 2; exec env PATH="$INNER" "$@""#;
    let mut mounted = Command::new("unshare");
    mounted.args(["-m", "/bin/sh", "-c", script, "sh"]);
    for folder in ["usr/share", "var/lib"] {
        mounted.arg(machine.path(folder).join("asterisk/agi-bin"));
    }
    mounted
        .arg(installer.get_program())
        .args(installer.get_args());
    let vars = installer.get_envs();
    mounted.envs(vars.filter_map(|(name, value)| Some((name, value?))));
    mounted.env("INNER", machine.path("tools"));
    mounted.env("PATH", env::var_os("PATH").unwrap());
    let Ok(done) = mounted.output() else { return };
    if done.status.code() == Some(77) || String::from_utf8_lossy(&done.stderr).contains("unshare") {
        return;
    }
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert_eq!(machine.read(AGI_OF_DEBIAN), machine.read(PROGRAM));
}

#[test]
fn a_package_leaves_no_copy_behind_where_asterisk_has_its_programs_no_more() {
    let machine = packaged();
    run(&machine, &["--configure"]).succeeds();
    let old = machine.read(AGI);
    machine.write("usr/share/asterisk/agi-bin/others", "");
    put_program(&machine, b"newer");
    // Which of the two folders is Asterisk's is a guess until a file says it.
    run(&machine, &["--configure"]).succeeds();
    assert_eq!(machine.read(AGI), old);
    assert_eq!(machine.read(AGI_OF_DEBIAN), machine.read(PROGRAM));
    let named = "[directories]\nastagidir => /usr/share/asterisk/agi-bin\n";
    machine.write(CONF, named);
    run(&machine, &["--configure"]).succeeds();
    assert!(!machine.path(AGI).exists());
    assert_eq!(machine.read(AGI_OF_DEBIAN), machine.read(PROGRAM));
    fs::remove_file(machine.path(CONF)).unwrap();
    // What was never put there stays, and an earlier one goes with the package.
    write_program(&machine.path(AGI), "of others");
    write_program(&machine.path(AGI_OF_DEBIAN), old);
    run(&machine, &["--uninstall"]).succeeds();
    assert!(!machine.path(AGI_OF_DEBIAN).exists());
    assert_eq!(machine.read(AGI), b"of others");
    assert!(!machine.path("etc/phone-assistant/installed").exists());
}
