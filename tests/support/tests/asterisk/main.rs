//! The scripted Asterisk, and shell scripts that serve as good and bad AGI programs.
#![allow(clippy::unwrap_used)]

mod phones;
mod sounds;

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use testkit::{Act, Call, CallBuilder, Outcome, TempDir};

const LONG: Duration = Duration::from_secs(30);
/// What a program that does not end by itself waits for; longer than anybody here has patience.
const SLEEP: Duration = Duration::from_secs(60);

/// A call to a shell script in a directory; the script has `env` (reads the block) and `say` (a command and its reply,
/// read again when a signal came between).
fn call(dir: &TempDir, script: &str) -> CallBuilder {
    let path = dir.path().join("agi");
    let helpers = "env() { while read -r line && [ -n \"$line\" ]; do echo \"$line\" >&2; done; }\n\
                   hear() { read -r reply || read -r reply; echo \"$reply\" >&2; }\n\
                   say() { printf '%s\\n' \"$1\"; hear; }\n";
    std::fs::write(&path, format!("#!/bin/sh\n{helpers}{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    Call::builder(&path)
}

fn run(script: &str) -> Outcome {
    let dir = TempDir::new().unwrap();
    call(&dir, script).start().finish(LONG)
}

#[test]
fn a_well_behaved_program_gets_its_block_its_replies_and_its_variables() {
    let dir = TempDir::new().unwrap();
    let outcome = call(&dir, r#"env; echo "$AST_AGI_DIR|$HOME|$1" >&2; say 'VERBOSE "hello there" 2'; say 'SET VARIABLE X "a \"b\""'; say 'GET VARIABLE Y'"#)
        .arg("recording=/x y.wav")
        .agi("agi_calleridname", b"M\xfcller: x")
        .variable("Y", "(why)")
        .start()
        .finish(LONG);
    outcome
        .assert_exit(0)
        .assert_manners()
        .assert_variable("X", "a \"b\"")
        .assert_variable("ASSISTANT_STATUS", "");
    assert_eq!(outcome.verbose, [("hello there".to_owned(), 2)]);
    for part in [
        "agi_request: agi\n",
        "agi_arg_1: recording=/x y.wav\n",
        "agi-bin||recording=/x y.wav\n",
        "200 result=1 ((why))\n",
        "M\u{fffd}ller: x",
    ] {
        assert!(outcome.stderr.contains(part), "{part}\n{outcome}");
    }
    assert_eq!(outcome.commands().count(), 3);
}

#[test]
fn every_breach_of_the_protocol_is_named() {
    let long = format!("env; say 'NOOP {}'", "x".repeat(2042));
    let cases = [
        (
            "env; printf 'NOOP\\nNOOP\\n'; read -r a; read -r b",
            "before the reply",
        ),
        (
            "env; printf 'NO'; sleep 0.1; printf 'OP\\n'; read -r a",
            "in one piece",
        ),
        ("env; say ''", "an empty line"),
        ("env; say 'failure is near'", "failed start"),
        ("env; printf 'NOOP \\377\\n'; read -r a", "not UTF-8"),
        (
            "env; printf 'NOOP \\000\\n'; read -r a",
            "control character 0x00",
        ),
        (
            "env; printf 'NOOP\\r\\n'; read -r a",
            "control character 0x0d",
        ),
        (long.as_str(), "2047 bytes, more than 2046"),
        ("env; printf NOOP", "within a line"),
        ("env; say 'Hello, Asterisk'", "a wrong command"),
        ("env; say 'SET VARIABLE X'", "a wrong command"),
    ];
    for (script, part) in cases {
        let outcome = run(script);
        assert!(
            outcome
                .violations
                .iter()
                .any(|violation| violation.contains(part)),
            "{part}\n{outcome}"
        );
    }
    run(&format!("env; say 'NOOP {}'", "x".repeat(2041))).assert_manners();
}

#[test]
fn a_hang_up_ends_a_program_that_does_not_listen() {
    let dir = TempDir::new().unwrap();
    let call = call(&dir, "env; say NOOP; exec sleep 60").start();
    call.wait_for_command("NOOP", LONG);
    call.hangup();
    let outcome = call.finish(LONG);
    assert_eq!(outcome.status.signal(), Some(1), "{outcome}");
}

#[test]
fn a_program_that_ignores_the_hang_up_finds_a_dead_channel() {
    let dir = TempDir::new().unwrap();
    let outcome = call(&dir, "trap 'echo hangup >&2' HUP; env; say 'CHANNEL STATUS'; say 'CHANNEL STATUS'; say 'SET VARIABLE X y'")
        .at(2, Act::Hangup)
        .start()
        .finish(LONG);
    outcome
        .assert_exit(0)
        .assert_manners()
        .assert_variable("X", "y");
    assert!(outcome.stderr.ends_with("200 result=6\nhangup\n511 Command Not Permitted on a dead channel or intercept routine\n200 result=1\n"), "{outcome}");
}

#[test]
fn agiexitonhangup_closes_both_pipes() {
    let dir = TempDir::new().unwrap();
    let call = call(&dir, "trap '' HUP PIPE; env; say NOOP; read -r x || echo eof >&2; printf 'NOOP\\n' 2>/dev/null || echo epipe >&2").start();
    call.wait_for_command("NOOP", LONG);
    call.hangup_and_close();
    let outcome = call.finish(LONG);
    assert!(outcome.stderr.ends_with("eof\nepipe\n"), "{outcome}");
}

#[test]
fn a_program_waits_for_the_reply_or_the_end_of_its_input() {
    let dir = TempDir::new().unwrap();
    let delay = Act::Delay(Duration::from_millis(200));
    let ends_instead = |script: &str, delay: &Act| {
        let call = call(&dir, script).at("NOOP", delay.clone());
        call.at("NOOP", Act::CloseStdin).start().finish(LONG)
    };
    let outcome = ends_instead("env; say NOOP; say 'NOOP last'", &delay);
    outcome.assert_manners();
    assert_eq!(outcome.commands().count(), 2, "{outcome}");
    let outcome = ends_instead(
        "env; printf 'NOOP\\nNOOP last\\n'; read -r a",
        &Act::Delay(LONG / 2),
    );
    assert!(
        outcome.violations[0].contains("before the reply"),
        "{outcome}"
    );
    let has_ended = call(
        &dir,
        "env; say 'NOOP first'; hear; say NOOP; say 'NOOP last'",
    )
    .at(2, delay.clone())
    .start();
    has_ended.wait_for_command("NOOP first", LONG);
    has_ended.close_stdin();
    let outcome = has_ended.finish(LONG);
    outcome.assert_manners();
    assert_eq!(outcome.commands().count(), 3, "{outcome}");
}

#[test]
fn fastagi_has_its_own_block_and_hangs_up_by_a_line() {
    let dir = TempDir::new().unwrap();
    let outcome = call(&dir, "env; echo \"argc $#\" >&2; say NOOP; say NOOP; hear")
        .arg("x=y")
        .fast_agi("assistant")
        .at(2, Act::Hangup)
        .start()
        .finish(LONG);
    assert!(
        outcome
            .stderr
            .starts_with("agi_network: yes\nagi_network_script: assistant\nagi_request"),
        "{outcome}"
    );
    assert!(
        outcome
            .stderr
            .ends_with("agi_arg_1: x=y\nargc 0\n200 result=0\nHANGUP\n200 result=0\n"),
        "{outcome}"
    );
}

#[test]
fn replies_can_be_late_odd_and_preceded_by_lines() {
    let dir = TempDir::new().unwrap();
    let outcome = call(&dir, "env; say NOOP; say 'GET VARIABLE X'; hear; say NOOP")
        .at("NOOP", Act::Delay(Duration::from_millis(150)))
        .at(
            "GET VARIABLE",
            Act::Before(b"100 result=0 Trying...".to_vec()),
        )
        .at(3, Act::Reply(b"510 Invalid".to_vec()))
        .start()
        .finish(LONG);
    assert!(outcome.took >= Duration::from_millis(150));
    assert!(
        outcome
            .stderr
            .ends_with("\n200 result=0\n100 result=0 Trying...\n200 result=0\n510 Invalid\n"),
        "{outcome}"
    );
}

#[test]
fn a_program_that_outlives_its_time_is_killed_and_reported() {
    let dir = TempDir::new().unwrap();
    let held = dir.path().join("held");
    let sleeps = format!(
        "env; trap '' HUP; {{ sleep {0}; touch '{1}'; }} & wait; sleep {0}",
        SLEEP.as_secs(),
        held.display()
    );
    let outcome = call(&dir, &sleeps)
        .start()
        .finish(Duration::from_millis(300));
    assert_eq!(outcome.status.signal(), Some(9));
    assert!(outcome.violations[0].contains("still running"));
    assert!(
        !held.exists(),
        "a process of the program's own must not hold us up"
    );
    drop(call(&dir, "exec sleep 60").start());
}

#[test]
#[should_panic(expected = "ASSISTANT_STATUS is \"\", expected \"ANSWERED\"")]
fn a_failed_assertion_tells_the_whole_call() {
    run("env; say NOOP").assert_variable("ASSISTANT_STATUS", "ANSWERED");
}
