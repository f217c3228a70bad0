//! `install.sh` in a staging root, with stand-ins for Asterisk, Rust and whatever knows users: what it puts where,
//! what it refuses, and that it takes everything back. Owners and a real Asterisk are left to a real machine.

use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::{env, fs};

use machine::{Machine, OLDEST_RUST, Outcomes, elf};
use phone_assistant::config::keys;

use crate::docs::settings::is_of_tool;
use crate::personas::is_of_kitchen;

mod build;
mod kills;
mod links;
mod machine;
mod packages;
mod races;
mod rotation;
mod strangers;
mod sudo;
mod upgrades;
mod watch;

#[test]
fn a_fresh_machine_gets_everything_in_its_place() {
    let machine = Machine::new();
    let done = machine.install(&[]);
    done.succeeds();
    let modes = [
        ("usr/local/bin/phone-assistant", 0o100_755),
        ("var/lib/asterisk/agi-bin/phone-assistant", 0o100_755),
        ("etc/phone-assistant", 0o40_750),
        ("etc/phone-assistant/config.toml", 0o100_640),
        ("var/lib/phone-assistant", 0o40_700),
        ("var/lib/phone-assistant/calls", 0o40_700),
        ("var/lib/phone-assistant/state", 0o40_700),
        ("var/lib/phone-assistant/sounds", 0o40_700),
        ("var/lib/phone-assistant/callers", 0o40_700),
        ("var/lib/phone-assistant/messages", 0o40_700),
    ];
    for (path, mode) in modes {
        assert_eq!(
            format!("{:o}", machine.metadata(path).mode()),
            format!("{mode:o}"),
            "{path}"
        );
    }
    assert_eq!(
        machine.read("usr/local/bin/phone-assistant"),
        elf(THIS, false)
    );
    assert!(
        !machine.path(PLAN).exists(),
        "the dialplan is changed only when asked"
    );
    done.says("custom-openai,8008,1")
        .says("feature code 8008")
        .says("custom-openai,8009,1")
        .says("config.toml");
}

#[test]
fn a_second_run_changes_nothing() {
    let machine = Machine::with_asterisk();
    machine.write(PLAN, TUTORIAL);
    machine.install(&["--replace"]).succeeds();
    let before = machine.snapshot();
    machine
        .install(&["--dialplan"])
        .succeeds()
        .says("unchanged");
    assert_eq!(machine.snapshot(), before);
}

#[test]
fn an_upgrade_replaces_the_program_by_a_rename_and_leaves_changed_settings() {
    let machine = Machine::new();
    machine.install(&[]).succeeds();
    machine.write("etc/phone-assistant/config.toml", "[log]\nwords = true\n");
    let agi = "var/lib/asterisk/agi-bin/phone-assistant";
    let running = fs::File::open(machine.path(agi))
        .unwrap()
        .metadata()
        .unwrap()
        .ino();
    machine.write("new", elf("phone-assistant 9.0.0\n", false));
    machine
        .run(&["--binary", machine.path("new").to_str().unwrap()])
        .succeeds();
    assert_eq!(machine.read(agi), elf("phone-assistant 9.0.0\n", false));
    assert_ne!(machine.metadata(agi).ino(), running);
    assert_eq!(
        machine.read("etc/phone-assistant/config.toml"),
        b"[log]\nwords = true\n"
    );
}

#[test]
fn the_settings_are_right_as_they_come_and_with_every_line_in_use() {
    let machine = Machine::new();
    machine.install(&[]).succeeds();
    let text = String::from_utf8(machine.read("etc/phone-assistant/config.toml")).unwrap();
    let bare: toml::Table = text.parse().unwrap();
    assert_eq!(names(&bare, ""), ["gemini.api_key"]);
    let prose = |line: &&str| !line.starts_with("# ");
    let in_use: String = text
        .lines()
        .filter(prose)
        .map(|line| line.trim_start_matches('#').to_owned() + "\n")
        .collect();
    let full: toml::Table = in_use.parse().unwrap();
    let known =
        |name: &String| keys::find(name).is_some() || is_of_kitchen(name) || is_of_tool(name);
    assert!(names(&full, "").iter().all(known), "{in_use}");
}

#[test]
fn the_dialplan_is_added_once_beside_what_was_there() {
    let machine = Machine::with_asterisk();
    machine.write(PLAN, "[from-internal-custom]\nexten => 555,1,Echo()\n");
    machine.install(&["--dialplan"]).succeeds().says("checked");
    machine
        .install(&["--dialplan"])
        .succeeds()
        .says("unchanged");
    let plan = machine.plan();
    assert!(
        plan.starts_with(
            "[from-internal-custom]\nexten => 555,1,Echo()\n\n; BEGIN phone-assistant"
        ),
        "{plan}"
    );
    assert_eq!(plan.matches("[custom-openai]").count(), 1);
    assert!(plan.contains(EXAMPLE), "the example stands there unchanged");
    let backup = machine.read(&format!("{PLAN}.before-phone-assistant"));
    assert_eq!(backup, b"[from-internal-custom]\nexten => 555,1,Echo()\n");
}

#[test]
fn another_number_is_used_throughout_and_remembered() {
    let machine = Machine::with_asterisk();
    machine
        .install(&["--extension", "*7007"])
        .succeeds()
        .says("custom-openai,*7007,1");
    assert!(machine.plan().contains("exten => *7007,1,") && !machine.plan().contains("8008"));
    machine
        .install(&[])
        .succeeds()
        .says("unchanged")
        .says("feature code *7007");
    machine.install(&["--extension", "8008"]).succeeds();
    assert!(machine.plan().contains(EXAMPLE));
}

#[test]
fn a_conversation_has_a_number_of_its_own() {
    let machine = Machine::with_asterisk();
    let swapped = ["--extension", "8009", "--conversation", "8008"];
    machine
        .install(&swapped)
        .succeeds()
        .says("feature code 8009")
        .says("custom-openai,8008,1 and feature code 8008");
    let question = EXAMPLE
        .split("8008")
        .map(|part| part.replace("8009", "8008"));
    let expected = question.collect::<Vec<_>>().join("8009");
    assert!(machine.plan().contains(&expected));
    machine.install(&[]).succeeds().says("unchanged");
    let before = machine.plan();
    let same = ["--extension", "8008"];
    machine.install(&same).fails(1).says("a number each");
    assert_eq!(machine.plan(), before);
}

#[test]
fn an_older_block_of_ours_is_brought_up_to_date_where_it_stands() {
    let machine = Machine::with_asterisk();
    machine.install(&["--dialplan"]).succeeds();
    let newest = machine.plan() + "[after]\nexten => 1,1,Echo()\n";
    machine.write(PLAN, newest.replace("Wait(1)", "Wait(9)"));
    machine
        .install(&[])
        .succeeds()
        .says("installed  extensions 8008 and 8009");
    assert_eq!(machine.plan(), newest);
}

#[test]
fn the_old_number_stops_it_and_both_are_shown() {
    for old in IN_THE_WAY {
        let machine = Machine::with_asterisk();
        machine.write(PLAN, old);
        let before = machine.snapshot();
        let stopped = machine.install(&["--dialplan"]);
        stopped
            .fails(1)
            .says("--replace")
            .says("Playback(finalplayback)")
            .says("AGI(phone-assistant,");
        assert_eq!(machine.snapshot(), before, "{old}");
    }
}

#[test]
fn what_leads_to_us_or_is_somebody_elses_is_not_in_the_way() {
    let harmless = [
        "[from-internal-custom]\nexten => 8008,1,NoOp()\n same => n,Goto(custom-openai,8008,1)\nexten => 8008,n,Hangup()\n",
        "[from-internal-custom]\ninclude => custom-openai\n",
        "[custom-openai-two]\nexten => 80081,1,Echo()\nexten => _8008X,1,Echo()\n",
        ";[custom-openai]\n;exten => 8008,1,Echo()\n",
    ];
    for text in harmless {
        let machine = Machine::with_asterisk();
        machine.write(PLAN, text);
        machine.install(&["--dialplan"]).succeeds();
        assert!(machine.plan().starts_with(text), "{text}");
    }
}

#[test]
fn replace_comments_the_old_lines_out_and_uninstall_restores_every_byte() {
    for old in IN_THE_WAY {
        let machine = Machine::with_asterisk();
        machine.write(PLAN, old);
        machine.install(&["--replace"]).succeeds().says("checked");
        let plan = machine.plan();
        assert!(
            plan.contains("\n;~") && !plan.contains("\nexten => 8008,n,Playback(finalplayback)"),
            "{plan}"
        );
        machine.run(&["--uninstall"]).succeeds().says("restored");
        assert_eq!(machine.plan(), *old);
    }
}

#[test]
fn uninstall_leaves_the_bytes_around_our_block_alone() {
    let around = [
        ("", ""),
        ("\n", ""),
        ("[a]", ""),
        ("[a]\n", ""),
        ("[a]\r\n", "[b]\r\n"),
        ("[a]", "[b]"),
        ("[a]\n", "\n\n[b]"),
    ];
    for (before, after) in around {
        let machine = Machine::new();
        machine.write(PLAN, before);
        machine.install(&["--dialplan"]).succeeds();
        machine.write(PLAN, machine.plan() + after);
        machine.run(&["--uninstall"]).succeeds();
        let glue = if before.ends_with('\n') || before.is_empty() || after.is_empty() {
            ""
        } else {
            "\n"
        };
        assert_eq!(
            machine.plan(),
            format!("{before}{glue}{after}"),
            "{before:?} {after:?}"
        );
    }
}

#[test]
fn uninstall_keeps_settings_and_data_and_purge_removes_them() {
    let machine = Machine::new();
    machine.install(&[]).succeeds();
    machine.run(&["--uninstall"]).succeeds();
    assert!(!machine.path("usr/local/bin/phone-assistant").exists());
    assert!(
        !machine
            .path("var/lib/asterisk/agi-bin/phone-assistant")
            .exists()
    );
    assert!(machine.path("etc/phone-assistant/config.toml").exists());
    assert!(machine.path("var/lib/phone-assistant/calls").exists());
    machine.run(&["--purge"]).succeeds();
    assert!(!machine.path("etc/phone-assistant").exists());
    assert!(!machine.path("var/lib/phone-assistant").exists());
    machine.run(&["--purge"]).succeeds();
}

#[test]
fn a_purge_that_is_stopped_has_removed_the_keys_and_leaves_the_program_for_the_next_one() {
    let machine = Machine::new();
    machine.install(&[]).succeeds();
    let deep = format!("var/lib/phone-assistant/calls/{}", "d/".repeat(40));
    machine.write(&format!("{deep}x"), "");
    machine.run(&["--purge"]).fails(1).says("by hand");
    assert!(!machine.path("etc/phone-assistant").exists());
    assert!(machine.path("usr/local/bin/phone-assistant").exists());
    fs::remove_dir_all(machine.path("var/lib/phone-assistant/calls/d")).unwrap();
    machine.run(&["--purge"]).succeeds();
    assert!(!machine.path("var/lib/phone-assistant").exists());
    assert!(!machine.path("usr/local/bin/phone-assistant").exists());
}

#[test]
fn an_uninstall_that_cannot_end_says_what_is_left() {
    let machine = Machine::new();
    machine.write(PLAN, "[a]\n");
    machine.install(&["--dialplan"]).succeeds();
    let whole = machine.plan();
    // Without the end of our lines nobody knows which are ours.
    machine.write(PLAN, whole.replace("; END phone-assistant", ";"));
    let before = machine.snapshot();
    let stopped = machine.run(&["--uninstall"]);
    stopped.fails(1).says("has lost one of the lines");
    stopped.says("nothing was taken away");
    assert_eq!(machine.snapshot(), before);
    machine.write(PLAN, &whole);
    let watch = "etc/cron.d/phone-assistant";
    machine.write(&format!("{watch}/{}x", "d/".repeat(40)), "");
    let stopped = machine.run(&["--uninstall"]);
    stopped
        .fails(1)
        .says("still there")
        .says(&format!("{watch};"));
    assert_eq!(machine.plan(), "[a]\n");
    let agi = "var/lib/asterisk/agi-bin/phone-assistant";
    assert!(!machine.path(agi).exists(), "the rest is gone");
    let program = machine.path("usr/local/bin/phone-assistant");
    assert!(program.exists(), "the next run needs it");
    fs::remove_dir_all(machine.path(watch)).unwrap();
    machine.run(&["--uninstall"]).succeeds();
    assert!(!program.exists());
}

#[test]
fn a_purge_removes_more_old_logs_than_a_command_line_holds() {
    let machine = Machine::new();
    machine.install(&[]).succeeds();
    let log = "var/log/asterisk/phone-assistant.jsonl";
    for number in 0..1000 {
        machine.write(&format!("{log}.{number:0200}"), "");
    }
    machine.write(log, "");
    machine.write(&format!("{log}.of-others"), "");
    let purge = machine.command(&["--purge"]);
    // A command line may have a quarter of the stack.
    let mut small = Command::new("/bin/sh");
    small
        .args(["-c", "ulimit -s 1024; exec \"$@\"", "sh"])
        .arg(purge.get_program())
        .args(purge.get_args())
        .env_clear()
        .envs(
            purge
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    small.outcome().succeeds();
    let left = fs::read_dir(machine.path("var/log/asterisk")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["phone-assistant.jsonl.of-others"]);
    assert!(!machine.path("etc/phone-assistant").exists());
}

#[test]
fn a_large_dialplan_takes_time_by_its_length_and_not_by_the_square_of_it() {
    let machine = Machine::new();
    let lines = ";\n".repeat(200_000);
    machine.write(PLAN, &lines);
    machine.wrap("awk", "ulimit -t 5", "");
    machine.install(&["--dialplan"]).succeeds();
    assert!(machine.plan().starts_with(&lines) && machine.plan().contains(EXAMPLE));
}

#[test]
fn a_dialplan_that_asterisk_does_not_show_is_taken_back() {
    let machine = Machine::with_asterisk();
    machine.write(PLAN, "[a]\n");
    machine.write(
        "tools/elsewhere",
        "  '8008' =>  1. Answer()   [extensions_override.conf:3]\n",
    );
    machine
        .install(&["--dialplan"])
        .fails(1)
        .says("grep -rn custom-openai")
        .says("> 1. Answer()");
    assert_eq!(machine.plan(), "[a]\n");
    assert_eq!(machine.read("tools/loaded"), b"[a]\n", "and reloaded");
}

#[test]
fn a_line_that_is_there_is_not_asked_for_again() {
    let machine = Machine::with_asterisk();
    machine.write("etc/asterisk/extensions_custom.conf", "[a]\n");
    machine.write("tools/loaded", "");
    machine.write("tools/unread", "");
    for line in [
        "#include extensions_custom.conf",
        " #tryinclude \"extensions_custom.conf\"",
    ] {
        machine.write("etc/asterisk/extensions.conf", format!("[b]\n{line}\n"));
        let outcome = machine.install(&["--dialplan"]);
        outcome.fails(1).says("sudo phone-assistant check");
        assert!(
            !outcome.text().contains("put the line"),
            "{}",
            outcome.text()
        );
    }
}

#[test]
fn a_file_that_asterisk_does_not_read_is_all_that_is_told() {
    let machine = Machine::with_asterisk();
    machine.write("etc/asterisk/extensions_custom.conf", "[a]\n");
    machine.write("tools/loaded", "");
    machine.write("tools/unread", "");
    let outcome = machine.install(&["--dialplan"]);
    outcome
        .fails(1)
        .says("Asterisk does not read ")
        .says("put the line  #include extensions_custom.conf  into extensions.conf");
    assert!(
        !outcome.text().contains("custom-openai"),
        "no diff buries it: {}",
        outcome.text()
    );
    assert_eq!(machine.plan(), "[a]\n");
}

#[test]
fn an_asterisk_that_does_not_run_is_no_error() {
    let machine = Machine::with_asterisk();
    machine.write("tools/stopped", "");
    machine
        .install(&["--dialplan"])
        .succeeds()
        .says("Asterisk is not running")
        .says("phone-assistant console 'dialplan show");
    // Who had to be named here has to be named there as well.
    machine
        .install(&["--dialplan", "--user", "root"])
        .succeeds()
        .says("phone-assistant console --user root 'dialplan show");
    assert!(machine.plan().contains(EXAMPLE));
}

#[test]
fn a_lost_marker_is_refused_and_named() {
    let machine = Machine::new();
    machine.install(&["--dialplan"]).succeeds();
    machine.write(PLAN, machine.plan().replace("; END phone-assistant\n", ""));
    let before = machine.snapshot();
    machine.install(&[]).fails(1).says("; END phone-assistant");
    machine
        .run(&["--uninstall"])
        .fails(1)
        .says("; END phone-assistant");
    assert_eq!(machine.snapshot(), before);
}

#[test]
fn wrong_options_are_told_and_change_nothing() {
    let table: &[(&[&str], &str)] = &[
        (&["--dial"], "no option '--dial'"),
        (&["now"], "no option 'now'"),
        (&["--binary"], "--binary wants a value"),
        (&["--extension"], "--extension wants a value"),
        (&["--agi-bin", "agi"], "wants a path that begins with /"),
        (&["--extension", "80o8"], "wants digits, found '80o8'"),
        (&["--extension", "8008/&"], "wants digits"),
        (&["--conversation", "8o"], "wants digits, found '8o'"),
        (&["--uninstall", "--dialplan"], "go with no other option"),
        (&["--purge", "--binary", "x"], "go with no other option"),
    ];
    let machine = Machine::new();
    let before = machine.snapshot();
    for (arguments, message) in table {
        machine
            .run(arguments)
            .fails(64)
            .says(message)
            .says("--help");
    }
    assert_eq!(machine.snapshot(), before);
    machine.run(&["--help"]).succeeds().says("--uninstall");
}

#[test]
fn only_a_static_program_that_is_ours_is_installed() {
    let table = [
        (elf(THIS, true), "not a static 64-bit Linux program"),
        (
            b"#!/bin/sh\necho phone-assistant\n".to_vec(),
            "not a static 64-bit Linux program",
        ),
        (Vec::new(), "not a static 64-bit Linux program"),
        (
            elf(THIS, false)[..40].to_vec(),
            "not a static 64-bit Linux program",
        ),
        (
            elf("somebody else\n", false),
            "does not run here as phone-assistant",
        ),
    ];
    for (bytes, message) in table {
        let machine = Machine::new();
        machine.write("given", bytes);
        let before = machine.snapshot();
        machine
            .run(&["--binary", machine.path("given").to_str().unwrap()])
            .fails(1)
            .says(message);
        assert_eq!(machine.snapshot(), before, "{message}");
    }
    Machine::new()
        .run(&["--binary", "/nowhere/x"])
        .fails(1)
        .says("there is no file /nowhere/x");
}

#[test]
fn asterisk_conf_says_where_and_who() {
    let live = "[directories] ; here\nastagidir => /opt/agi ; agi\nastdatadir=/opt/data\n[options]\nrunuser = pbx\nrungroup=phones\n";
    let template = live
        .replace("[directories]", "[directories](!)")
        .replace("[options]", "[other]");
    let table = [
        (live, "opt/agi/x", "opt/agi", "pbx:phones"),
        (
            &template,
            "",
            "var/lib/asterisk/agi-bin",
            "asterisk:asterisk",
        ),
        (
            &template,
            "usr/share/asterisk/agi-bin/x",
            "usr/share/asterisk/agi-bin",
            "asterisk:asterisk",
        ),
    ];
    for (conf, present, agi_bin, owner) in table {
        let machine = Machine::as_root();
        machine.write("etc/asterisk/asterisk.conf", conf);
        if !present.is_empty() {
            machine.write(present, "");
        }
        let is_roots = machine.metadata("tools/static").uid() == 0;
        if agi_bin == "opt/agi" && is_roots && !machine.is_roots_alone("etc/asterisk/asterisk.conf")
        {
            machine.install(&[]).fails(1).says("--agi-bin");
            machine.install(&["--agi-bin", "/opt/agi"]).succeeds();
        } else {
            machine.install(&[]).succeeds();
        }
        assert!(
            machine.path(agi_bin).join("phone-assistant").exists(),
            "{agi_bin}"
        );
        let calls = format!(
            "{owner} {}",
            machine.path("var/lib/phone-assistant/calls").display()
        );
        let owners = String::from_utf8(machine.read("tools/owners")).unwrap();
        assert!(owners.contains(&calls), "{calls} in {owners}");
    }
}

#[test]
fn freepbx_is_asked_where_asterisk_conf_is_silent_and_never_what_answers_as_asterisk() {
    let machine = Machine::as_root();
    machine.write("etc/freepbx.conf", "");
    machine.write("usr/share/asterisk/agi-bin/x", "");
    machine.install(&[]).succeeds();
    assert!(
        machine
            .path("var/lib/asterisk/agi-bin/phone-assistant")
            .exists()
    );

    let machine = Machine::with_asterisk();
    machine.write(
        "tools/settings",
        "  AGI Scripts directory:       /srv/agi\n",
    );
    machine.write("srv/agi/x", "");
    machine.install(&[]).succeeds();
    assert!(!machine.path("srv/agi/phone-assistant").exists());
    assert!(
        machine
            .path("var/lib/asterisk/agi-bin/phone-assistant")
            .exists()
    );
}

#[test]
fn the_tutorials_key_is_copied_and_an_own_one_stays() {
    let key = "{\"private_key\": \"-----BEGIN\"}";
    let (old, new) = (
        "var/lib/asterisk/agi-bin/google-creds.json",
        "etc/phone-assistant/google-creds.json",
    );
    let machine = Machine::new();
    machine.write(old, key);
    machine.install(&[]).succeeds().says("can read");
    assert_eq!(
        (machine.read(old), machine.read(new)),
        (key.into(), key.into())
    );
    assert_eq!(machine.metadata(new).mode() & 0o777, 0o640);
    machine.write(new, "{\"private_key\": \"mine\"}");
    machine.install(&[]).succeeds();
    assert_eq!(machine.read(new), b"{\"private_key\": \"mine\"}");

    let machine = Machine::new();
    machine.write(old, "no key");
    machine.install(&[]).succeeds();
    assert!(!machine.path(new).exists());
}

#[test]
fn missing_recordings_of_asterisk_are_named() {
    let machine = Machine::new();
    machine.write("var/lib/asterisk/sounds/en/beep.wav", "");
    let done = machine.install(&[]);
    done.succeeds()
        .says("has no 'im-sorry'")
        .says("asterisk-core-sounds-en");
    assert!(!done.text().contains("has no 'beep'"));
}

#[test]
fn without_root_the_real_system_is_not_touched() {
    let machine = Machine::new();
    machine
        .command(&["--binary", "/nowhere/x"])
        .env_remove("DESTDIR")
        .outcome()
        .fails(1)
        .says("sudo");
}

#[test]
fn missing_or_old_rust_is_named_with_the_remedy() {
    let machine = Machine::new();
    machine
        .run(&[])
        .fails(1)
        .says("there is no Rust")
        .says("sh.rustup.rs");
    machine.rust("1.63.0", "");
    machine
        .run(&[])
        .fails(1)
        .says(&format!(
            "is 1.63.0, and {} or newer",
            env!("CARGO_PKG_RUST_VERSION")
        ))
        .says("rustup update");
}

#[test]
fn without_rust_the_rest_is_installed_beside_a_program_that_is_there() {
    let machine = Machine::new();
    let install = |version: &str| {
        let program = elf(&format!("phone-assistant {version}\n"), false);
        machine.write("given", program.clone());
        machine
            .run(&["--binary", machine.path("given").to_str().unwrap()])
            .succeeds();
        program
    };
    install("0.0.1");
    machine
        .run(&["--dialplan"])
        .fails(1)
        .says("is another version");
    let program = install(env!("CARGO_PKG_VERSION"));
    machine
        .run(&["--dialplan"])
        .succeeds()
        .says("there is no Rust to build with: the program stays as it is");
    assert_eq!(machine.read("usr/local/bin/phone-assistant"), program);
    let dialplan = machine.read("etc/asterisk/extensions_custom.conf");
    assert!(
        String::from_utf8(dialplan)
            .unwrap()
            .contains("[custom-openai]")
    );
}

#[test]
fn it_builds_for_musl_and_else_statically_for_glibc() {
    let table: &[(&[&str], &str, &str)] = &[
        (&["libdir", "musl-gcc", "cc"], "musl", ""),
        (&["libdir", "cc"], "gnu", "-Ctarget-feature=+crt-static"),
        (&["cc"], "gnu", "-Ctarget-feature=+crt-static"),
    ];
    for (present, libc, flags) in table {
        let machine = Machine::new();
        machine.rust(
            OLDEST_RUST,
            if present.contains(&"libdir") {
                "/"
            } else {
                "/nowhere"
            },
        );
        for compiler in present.iter().filter(|name| **name != "libdir") {
            machine.tool(compiler, "exit 0");
        }
        machine
            .run(&[])
            .succeeds()
            .says(&format!("-unknown-linux-{libc}"));
        let built = String::from_utf8(machine.read("tools/built")).unwrap();
        let (told, rest) = built.split_once("] ").unwrap();
        let sources = machine.path("src");
        let nameless = format!("--remap-path-prefix={}=/phone-assistant", sources.display());
        let expected = [*flags, &nameless].join(" ");
        assert!(told[1..].starts_with(expected.trim_start()), "{built}");
        let expected = format!(
            "build --release --locked --manifest-path {}",
            sources.join("Cargo.toml").display()
        );
        assert!(rest.starts_with(&expected), "{built}");
        assert!(
            built.contains(&format!(
                "--target {}-unknown-linux-{libc} ",
                env::consts::ARCH
            )),
            "{built}"
        );
        assert!(machine.path("usr/local/bin/phone-assistant").exists());
    }
}

#[test]
fn without_a_compiler_or_after_a_failed_build_nothing_is_installed() {
    let machine = Machine::new();
    machine.rust(OLDEST_RUST, "/nowhere");
    machine
        .run(&[])
        .fails(1)
        .says("there is no C compiler")
        .says("musl-tools");
    machine.tool("cc", "exit 0");
    machine.tool("cargo", "echo broken; exit 101");
    machine
        .run(&[])
        .fails(1)
        .says("the build failed")
        .says("--binary FILE");
    assert!(!machine.path("usr").exists());
}

#[test]
fn whoever_called_sudo_builds_and_leaves_no_file_in_anothers_sources() {
    let machine = Machine::new();
    machine.rust(OLDEST_RUST, "/");
    machine.tool("musl-gcc", "exit 0");
    machine.tool(
        "sudo",
        r#"echo "$*" >>"$TOOLS/sudo.log"; shift 4; exec "$@""#,
    );
    machine.tool("getent", "echo caller:x:1001:1001::/home/caller:/bin/sh");
    machine
        .command(&[])
        .env("SUDO_USER", "caller")
        .outcome()
        .succeeds()
        .says("as caller");
    let calls = String::from_utf8(machine.read("tools/sudo.log")).unwrap();
    assert!(
        calls
            .lines()
            .all(|line| line.starts_with("-u caller -i -- ")),
        "{calls}"
    );
    assert!(
        calls.contains("/home/caller/.cargo/bin/rustc --version"),
        "{calls}"
    );
    assert!(
        !machine.path("src/target").exists(),
        "the sources belong to somebody else"
    );
}

fn names(table: &toml::Table, prefix: &str) -> Vec<String> {
    let mut found: Vec<String> = table
        .iter()
        .flat_map(|(key, value)| match value {
            toml::Value::Table(inner) => names(inner, &format!("{prefix}{key}.")),
            _ => vec![format!("{prefix}{key}")],
        })
        .collect();
    found.sort();
    found
}

/// What this version calls itself.
const THIS: &str = concat!(
    "phone-assistant ",
    env!("CARGO_PKG_VERSION"),
    " (0123456, x86_64-unknown-linux-musl)\n"
);

const PLAN: &str = "etc/asterisk/extensions_custom.conf";
const EXAMPLE: &str = include_str!("../extensions_custom.conf.example");

const TUTORIAL: &str = "[custom-openai]\nexten => 8008,1,Answer()\nexten => 8008,n,AGI(openai.py)\n\
    exten => 8008,n,Playback(finalplayback)\nexten => 8008,n,Hangup()\n";

const IN_THE_WAY: &[&str] = &[
    TUTORIAL,
    "; mine\n[custom-openai]\nexten => 8008,1,AGI(a.py)\n same => n,Playback(finalplayback)",
    "[a]\nexten => 1,1,Echo()\r\n[custom-openai]\r\nexten => 8008,1,Playback(finalplayback)\r\n[b]\r\n",
    "[from-internal-custom]\nexten => 8007,1,Echo()\nexten=8008,1,Answer()\n same => n,Playback(finalplayback)\nexten => 8009,1,Echo()\n",
    "[a]\n\n[custom-openai](+)\nexten => 8008/100,1,Playback(finalplayback)\n\n[custom-openai]\n;~odd\n\n\n[b]\n",
    "[custom-openai]\nexten => 9,1,Playback(finalplayback)\n[x]\nexten => 8008,1,Hangup()\n\n",
];
