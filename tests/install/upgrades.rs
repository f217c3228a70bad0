//! A newer version over an older one: program and dialplan are put together or not at all, a program that is only called
//! the same is noticed, and what an older dialplan asks for is still done.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use testkit::{Call, Outcome, Settings, write_program};

use super::machine::{elf_of, write_script};
use super::{EXAMPLE, Machine, PLAN, THIS, TUTORIAL, elf};
use crate::conversation::{self, asked_of_tea_with};
use crate::house::{House, PATIENCE, argument, each, program};

#[test]
fn without_rust_a_program_from_other_sources_is_not_kept_beside_a_new_dialplan() {
    let scripts = [
        // It is called the same, and is older than "place".
        "case $1 in --version) echo '{THIS}' ;; *) exit 64 ;; esac",
        // It is called the same, and its dialplan is another.
        "case $* in --version) echo '{THIS}' ;; 'place dialplan') echo '[custom-openai]' ;; esac",
    ];
    for script in scripts {
        let machine = Machine::new();
        let path = machine.path("tools/older");
        write_script(&path, &script.replace("{THIS}", THIS.trim_end()));
        let older = elf_of(&path, false);
        machine.write(PROGRAMS[0], "");
        write_program(&machine.path(PROGRAMS[0]), &older);
        machine.write(PLAN, "[a]\n");
        let before = machine.snapshot();
        machine
            .run(&["--dialplan"])
            .fails(1)
            .says("built from other sources");
        assert_eq!(machine.snapshot(), before);
        machine.write("given", &older);
        let given = machine.path("given");
        machine
            .run(&["--binary", given.to_str().unwrap(), "--dialplan"])
            .fails(1)
            .says("built from other sources");
        assert_eq!(machine.plan(), "[a]\n");
    }
}

#[test]
fn without_rust_a_program_from_other_sources_is_not_kept_beside_the_same_dialplan() {
    let machine = Machine::new();
    machine.install(&["--dialplan"]).succeeds();
    machine.run(&[]).succeeds().says("stays as it is");
    let lock = machine.read("src/Cargo.lock");
    machine.write("src/Cargo.lock", [&lock[..], b"# changed\n"].concat());
    let before = machine.snapshot();
    for arguments in [&[][..], &["--dialplan"]] {
        machine
            .run(arguments)
            .fails(1)
            .says("built from other sources")
            .says("with sudo, or use --binary FILE");
    }
    assert_eq!(machine.snapshot(), before);
    // Where there are no sources, there is nothing else to compare with.
    fs::remove_file(machine.path("src/src")).unwrap();
    fs::remove_file(machine.path("src/Cargo.toml")).unwrap();
    machine.install(&["--dialplan"]).succeeds();
}

#[test]
fn program_and_dialplan_are_put_together_or_not_at_all() {
    let in_the_way = [
        PROGRAMS[0],
        PROGRAMS[1],
        &format!("{PLAN}.before-phone-assistant"),
    ];
    for folder in in_the_way {
        let machine = Machine::with_asterisk();
        machine.write(PLAN, "[a]\n");
        machine.install(&[]).succeeds();
        let old = machine.read("tools/static");
        fs::remove_file(machine.path(folder)).ok();
        machine.write(&format!("{folder}/x"), "");
        machine.write("tools/static", elf("phone-assistant 9.0.0\n", false));
        machine
            .install(&["--dialplan"])
            .fails(1)
            .says("a file belongs at");
        assert_eq!(machine.plan(), "[a]\n", "{folder}");
        for program in PROGRAMS.iter().filter(|program| **program != folder) {
            assert_eq!(
                machine.read(program),
                old,
                "{program}, where {folder} is a folder"
            );
        }
    }
}

#[test]
fn a_program_goes_back_with_the_dialplan_that_asterisk_does_not_show() {
    for had_one in [true, false] {
        let machine = Machine::with_asterisk();
        machine.write(PLAN, "[a]\n");
        let old = machine.read("tools/static");
        if had_one {
            machine.install(&[]).succeeds();
        }
        machine.write(
            "tools/elsewhere",
            "  '8008' =>  1. Answer()   [extensions_override.conf:3]\n",
        );
        machine.write("tools/static", elf("phone-assistant 9.0.0\n", false));
        machine.install(&["--dialplan"]).fails(1);
        assert_eq!(machine.plan(), "[a]\n");
        for program in PROGRAMS {
            if had_one {
                assert_eq!(machine.read(program), old);
            } else {
                assert!(!machine.path(program).exists());
            }
        }
    }
}

#[test]
fn what_came_with_a_dialplan_that_asterisk_does_not_show_goes_back_with_it() {
    let settings = ["etc/phone-assistant", "var/lib/phone-assistant"];
    let backup = format!("{PLAN}.before-phone-assistant");
    for has in [&[][..], &[PLAN], &[PLAN, &backup, CHOWN]] {
        let machine = Machine::with_asterisk();
        for path in has {
            machine.write(path, format!("; {path}\n"));
        }
        machine.write("etc/freepbx.conf", "");
        machine.write("etc/logrotate.d/asterisk", "");
        machine.write("etc/cron.d/others", "");
        machine.write("tools/elsewhere", "  '8008' =>  1. Answer()   [x.conf:3]\n");
        let files = || {
            let all = machine.snapshot().into_iter();
            let files = all.filter(|(_, (mode, ..))| mode & 0o170_000 == 0o100_000);
            let is_kept = |path: &Path| {
                settings
                    .iter()
                    .any(|name| path.starts_with(machine.path(name)))
            };
            let files = files.filter(|(path, _)| !is_kept(path));
            files
                .map(|(path, (mode, .., content))| (path, mode, content))
                .collect::<Vec<_>>()
        };
        let before = files();
        machine.install(&["--dialplan", "--watch"]).fails(1);
        assert_eq!(files(), before, "{has:?}");
    }
}

#[test]
fn an_older_program_takes_nothing_back_and_says_what_to_do() {
    let machine = Machine::really_root();
    if machine.metadata("tools/static").uid() == 0 {
        machine.install(&["--dialplan"]).succeeds();
        let path = machine.path("tools/older");
        write_script(&path, "exit 64");
        machine.write(PROGRAMS[0], elf_of(&path, false));
        let before = machine.snapshot();
        machine
            .run(&["--uninstall"])
            .fails(1)
            .says("run ./install.sh first");
        assert_eq!(machine.snapshot(), before);
    }
    // A dialplan of ours stays where no program can take it out.
    let machine = Machine::new();
    machine.write(PLAN, TUTORIAL);
    machine.install(&["--replace"]).succeeds();
    fs::remove_file(machine.path(PROGRAMS[0])).unwrap();
    let before = machine.plan();
    machine
        .run(&["--uninstall"])
        .fails(1)
        .says("run ./install.sh first");
    assert_eq!(machine.plan(), before);
    assert!(before.contains(EXAMPLE));
}

/// How the example dialplan called the program as of each commit that changed these lines.
const CALLS: &[(&str, &[&str], Kind)] = &[
    (
        "c580c19",
        &["recording=FILE.wav", "reply=FILE-reply"],
        Kind::Question,
    ),
    ("84423f8", &["mode=check"], Kind::Check),
    (
        "14e3fcf",
        &["mode=conversation", "reply=FILE-reply"],
        Kind::Conversation,
    ),
    (
        "4d5d0b3",
        &["recording=FILE.wav", "reply=FILE-reply", "persona="],
        Kind::Question,
    ),
    (
        "4d5d0b3",
        &["mode=conversation", "reply=FILE-reply", "persona="],
        Kind::Conversation,
    ),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Question,
    Conversation,
    Check,
}

#[test]
fn what_an_older_dialplan_asks_for_is_still_done() {
    each(CALLS, |(commit, arguments, kind)| {
        let house = House::new();
        let state = house.other().join("state");
        fs::create_dir(&state).unwrap();
        let settings = conversation::settings(&house)
            .set("state.folder", state.to_str().unwrap())
            .set("conversation.max_turns", 1);
        let outcome = match kind {
            // The first two arguments are those of every conversation here.
            Kind::Conversation => asked_of_tea_with(&house, &settings, &arguments[2..]).finish(),
            Kind::Question | Kind::Check => {
                house.ask("question-moon.wav");
                called(&house, &settings, arguments, "PJSIP/1001-00000011")
            }
        };
        if *kind == Kind::Question {
            // What a newer dialplan has told these callers before is told by the answer.
            house.ask("question-moon.wav");
            let settings = settings
                .clone()
                .set("knowledge.disclosure_text", "I am a machine.");
            let told = called(&house, &settings, arguments, "PJSIP/provider-00000012");
            told.assert_variable("ASSISTANT_STATUS", "ANSWERED");
            let texts = house.spoken_texts();
            assert!(
                texts.iter().any(|text| text.starts_with("I am a machine.")),
                "{commit}: {texts:?}"
            );
        }
        if *kind == Kind::Check {
            assert!(state.join("seen-by-asterisk.json").exists(), "{commit}");
        } else {
            outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        }
        outcome.assert_exit(0);
    });
}

/// As `AGI(phone-assistant,ARGUMENT,...)`, with the settings of a test beside.
fn called(house: &House, settings: &Settings, arguments: &[&str], channel: &str) -> Outcome {
    let file = house.calls().join("call-1700000000.17");
    let config = settings
        .clone()
        .set("reply.play", "dialplan")
        .write(house.other());
    let call = arguments
        .iter()
        .fold(Call::builder(program()), |call, argument| {
            call.arg(argument.replace("FILE", file.to_str().unwrap()))
        });
    call.arg(argument("config", &config))
        .agi("agi_channel", channel)
        .start()
        .finish(PATIENCE)
}

const CHOWN: &str = "etc/asterisk/freepbx_chown.conf";
const PROGRAMS: [&str; 2] = [
    "usr/local/bin/phone-assistant",
    "var/lib/asterisk/agi-bin/phone-assistant",
];
