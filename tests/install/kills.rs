//! `install.sh` is ended in the middle, at moments by chance: what was there is whole, no dialplan is there without its
//! program, and the next run brings everything to its end and leaves nothing behind.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs, thread};

use rustix::process::{Pid, Signal, kill_process_group};
use testkit::write_program;

use super::{EXAMPLE, Machine, OLDEST_RUST, Outcomes, PLAN, elf};

#[test]
fn after_a_kill_everything_is_old_or_new_and_the_next_run_ends_it() {
    let machine = Machine::with_asterisk();
    let old = [
        state(&machine, "0.0.9", false),
        state(&machine, "0.1.0", true),
    ];
    let lines = trace(&machine, usize::MAX, Signal::KILL);
    for round in 0..kills() {
        let [old, new] = if round % 2 == 0 {
            [&old[0], &old[1]]
        } else {
            [&old[1], &old[0]]
        };
        old.put(&machine);
        new.offer(&machine);
        let at = by_chance(lines);
        trace(&machine, at, Signal::KILL);
        whole(&machine, old, new, at);
        machine.install(&["--dialplan"]).succeeds();
        assert!(new.is_in(&machine), "killed at line {at}");
        left_nothing(&machine, at);
    }
}

#[test]
fn whoever_ends_it_by_a_signal_finds_nothing_left_behind() {
    let machine = Machine::with_asterisk();
    let [old, new] = [
        state(&machine, "0.0.9", false),
        state(&machine, "0.1.0", true),
    ];
    let lines = trace(&machine, usize::MAX, Signal::TERM);
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        // The last lines are those of its own clearing away.
        let by_chance = (0..kills().div_ceil(3)).map(|_| by_chance(lines));
        for at in by_chance.chain(lines.saturating_sub(3)..=lines) {
            old.put(&machine);
            new.offer(&machine);
            trace(&machine, at, signal);
            whole(&machine, &old, &new, at);
            left_nothing(&machine, at);
        }
    }
}

#[test]
fn what_a_killed_build_has_left_goes_with_the_next_one_as_its_builder() {
    let machine = Machine::new();
    machine.rust(OLDEST_RUST, "/");
    machine.tool("musl-gcc", "exit 0");
    // The sources are somebody else's, so that they are not built in.
    machine.tool("ls", "echo drwxr-xr-x 2 another another 4096");
    machine.tool(
        "sudo",
        r#"echo "$*" >>"$TOOLS/sudo.log"; shift 4; exec "$@""#,
    );
    let me = Command::new("id").arg("-un").output().unwrap().stdout;
    let me = String::from_utf8(me).unwrap().trim().to_owned();
    let names = format!(
        "case $# in 1) if [ $1 = -un ]; then echo other; else echo 1000; fi ;; *) echo {me} ;; esac"
    );
    machine.tool("id", &names);
    let build = || machine.command(&[]).env("SUDO_USER", &me).outcome();
    machine.tool("getent", "echo caller:x:1001:1001::/home/caller:/bin/sh");
    let cargo = fs::read_to_string(machine.path("tools/cargo")).unwrap();
    machine.write("tools/cargo-whole", &cargo);
    let kill = r#". "$TOOLS/cargo-whole"; kill -KILL $PPID"#;
    machine.tool("cargo", kill);
    let folder = || {
        let noted = String::from_utf8(machine.read("tools/built")).unwrap();
        let folder = noted.split_once("--target-dir ").unwrap().1.trim();
        PathBuf::from(folder)
    };
    build();
    let left = folder();
    assert!(left.exists(), "it was killed in the middle: {left:?}");
    machine.tool("cargo", r#". "$TOOLS/cargo-whole""#);
    build().succeeds();
    assert!(!left.exists() && left != folder() && !folder().exists());
    let calls = String::from_utf8(machine.read("tools/sudo.log")).unwrap();
    for folder in [left, folder()] {
        let call = format!("-u {me} -i -- rm -rf {}", folder.display());
        assert!(calls.lines().any(|line| line == call), "{calls}");
    }
}

/// What belongs to one version.
struct State {
    program: Vec<u8>,
    plan: String,
}

/// The version as `install.sh` puts it; the older one has another dialplan.
fn state(machine: &Machine, version: &str, is_new: bool) -> State {
    let program = elf(&format!("phone-assistant {version}\n"), false);
    machine.write("tools/static", &program);
    machine.install(&["--dialplan"]).succeeds();
    let plan = machine.plan();
    assert!(plan.contains(EXAMPLE));
    State {
        program,
        plan: if is_new {
            plan
        } else {
            plan.replace("Wait(1)", "Wait(9)")
        },
    }
}

impl State {
    fn put(&self, machine: &Machine) {
        for path in PROGRAMS {
            write_program(&machine.path(path), &self.program);
        }
        machine.write(PLAN, &self.plan);
    }

    /// The next run puts this one.
    fn offer(&self, machine: &Machine) {
        machine.write("tools/static", &self.program);
    }

    fn is_in(&self, machine: &Machine) -> bool {
        PROGRAMS
            .iter()
            .all(|path| machine.read(path) == self.program)
            && machine.plan().contains(EXAMPLE)
    }
}

#[track_caller]
fn whole(machine: &Machine, old: &State, new: &State, at: usize) {
    for path in PROGRAMS {
        let found = machine.read(path);
        assert!(
            found == old.program || found == new.program,
            "{path} is cut at line {at}"
        );
    }
    let plan = machine.plan();
    let renewed = plan != old.plan;
    assert!(
        !renewed || plan.contains(EXAMPLE),
        "half a dialplan at line {at}: {plan}"
    );
    if renewed {
        assert!(
            new.is_in(machine),
            "a dialplan without its program at line {at}"
        );
    }
    assert!(
        machine
            .read("etc/phone-assistant/config.toml")
            .ends_with(b"HTTPS_PROXY of the environment\n")
    );
}

/// Neither in its own folder, nor beside what it puts.
#[track_caller]
fn left_nothing(machine: &Machine, at: usize) {
    let left: Vec<_> = machine
        .snapshot()
        .into_keys()
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(".phone-assistant."))
        })
        .chain(
            fs::read_dir(machine.temporary())
                .unwrap()
                .map(|entry| entry.unwrap().path()),
        )
        .filter(|path| !path.ends_with("kept"))
        .collect();
    assert!(left.is_empty(), "left at line {at}: {left:?}");
}

/// Runs `install.sh` until it has written `at` lines of its trace, and then ends it with all that it has started. Returns
/// how many lines there were.
fn trace(machine: &Machine, at: usize, signal: Signal) -> usize {
    let given = machine.path("tools/static");
    let mut command: Command = machine.traced(&["--binary", given.to_str().unwrap(), "--dialplan"]);
    let mut child = command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let seen = lines.by_ref().take(at).count();
    if seen == at {
        // What runs now has no lines of its own.
        (0..by_chance(YIELDS)).for_each(|_| thread::yield_now());
        let group = Pid::from_child(&child);
        // It may have ended by itself.
        kill_process_group(group, signal).ok();
    }
    // The pipe ends with the last process of the group.
    let rest = lines.count();
    child.wait().unwrap();
    seen + rest
}

fn by_chance(most: usize) -> usize {
    let random = RandomState::new().build_hasher().finish();
    usize::try_from(random % u64::try_from(most).unwrap()).unwrap()
}

/// `PHONE_ASSISTANT_KILLS=40` takes half a minute.
fn kills() -> usize {
    let asked = env::var("PHONE_ASSISTANT_KILLS").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(6)
}

/// As many as a program needs to do its part, more or less.
const YIELDS: usize = 20_000;
const PROGRAMS: [&str; 2] = [
    "usr/local/bin/phone-assistant",
    "var/lib/asterisk/agi-bin/phone-assistant",
];
