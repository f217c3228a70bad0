//! Machines on which something is wrong: no settings, no room, no program, no network. The caller hears the
//! apology, and once it is mended the next call works.

use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, thread};

use testkit::Stage;

use super::sandbox;
use crate::caller::{self, Exchange, data};
use crate::lab::{Lab, mount};
use crate::machine::Machine;
use crate::report::Report;

/// Settings and keys.
pub(crate) fn settings(lab: &Lab, report: &Report) {
    let machine = prepared(lab);
    let settings = "/etc/phone-assistant";
    broken(
        report,
        &machine,
        ("without a config.toml", "config: no key for the voice"),
        |machine| {
            machine
                .root()
                .shell(&format!("mv {settings}/config.toml {settings}/away"));
        },
        |machine| {
            machine
                .root()
                .shell(&format!("mv {settings}/away {settings}/config.toml"));
        },
    );
    broken(
        report,
        &machine,
        (
            "with a key file that is none",
            "config: /etc/phone-assistant/google-creds.json is not",
        ),
        |machine| {
            machine.root().shell(&format!("cp -p {settings}/google-creds.json {settings}/away; echo '{{}}' >{settings}/google-creds.json"));
        },
        |machine| {
            machine
                .root()
                .shell(&format!("mv {settings}/away {settings}/google-creds.json"));
        },
    );
    broken(
        report,
        &machine,
        ("without the program", "AGI NOTFOUND"),
        |machine| {
            machine
                .root()
                .shell(&format!("mv {PROGRAM} {PROGRAM}-away"));
        },
        |machine| {
            machine
                .root()
                .shell(&format!("mv {PROGRAM}-away {PROGRAM}"));
        },
    );
}

/// Files and the disk.
pub(crate) fn disk(lab: &Lab, report: &Report) {
    let machine = prepared(lab);
    broken(
        report,
        &machine,
        ("with a full disk", "No space left"),
        |machine| {
            mount(
                &["-t", "tmpfs", "-o", "size=64k", "small"],
                &machine.path(CALLS),
            );
            machine.root().shell(&format!(
                "chown asterisk:asterisk {CALLS}; chmod 700 {CALLS}; ! cat /dev/zero >{CALLS}/full"
            ));
        },
        unmount,
    );
    broken(
        report,
        &machine,
        (
            "with a disk that fills up during the question",
            "No space left",
        ),
        |machine| {
            let arguments = ["-t", "tmpfs", "-o", "size=64k", "small"];
            mount(&arguments, &machine.path(CALLS));
            machine.root().shell(&format!(
                "chown asterisk:asterisk {CALLS}; chmod 700 {CALLS}; head -c 40k /dev/zero >{CALLS}/nearly-full"
            ));
        },
        unmount,
    );
    broken(
        report,
        &machine,
        (
            "with a calls folder that is read-only",
            "Read-only file system",
        ),
        |machine| {
            mount(
                &["-t", "tmpfs", "-o", "ro", "read-only"],
                &machine.path(CALLS),
            );
        },
        unmount,
    );
    report.check(
        "with a recording that cannot be read, the caller hears the apology",
        || {
            let over = AtomicBool::new(false);
            let exchange = thread::scope(|scope| {
                scope.spawn(|| forbid_reading(&machine, &over));
                let exchange = caller::ask(&machine, &machine.phone(), &data("question-tea.wav"));
                over.store(true, Ordering::Relaxed);
                exchange
            })?;
            exchange.apology(&machine, DEADLINE, "Permission denied")?;
            normal_call(&machine)
        },
    );
}

/// Names and connections.
pub(crate) fn network(lab: &Lab, report: &Report) {
    let machine = prepared(lab);
    let lead_to = |machine: &Machine, url: &str| {
        let settings = ["stt.google", "llm.gemini", "tts.openai"]
            .iter()
            .fold(settings_of(machine), |settings, table| {
                settings.set(&format!("{table}.base_url"), url)
            });
        machine.configure(&settings);
    };
    let mend = |machine: &Machine| machine.configure(&settings_of(machine));
    broken(
        report,
        &machine,
        (
            "with services that refuse connections",
            "Connection refused",
        ),
        |machine| {
            lead_to(machine, "https://127.0.0.1:9");
        },
        mend,
    );
    broken(
        report,
        &machine,
        ("without a name server", "services.example"),
        |machine| {
            lead_to(machine, "https://services.example");
        },
        mend,
    );
    let silent = UdpSocket::bind("127.0.0.1:53").unwrap();
    broken(
        report,
        &machine,
        ("with a name server that never answers", "services.example"),
        |machine| {
            lead_to(machine, "https://services.example");
        },
        mend,
    );
    drop(silent);
}

/// Programs that die.
pub(crate) fn deaths(lab: &Lab, report: &Report) {
    let mut machine = prepared(lab);
    report.check(
        "when the program is killed, the caller hears the apology, and the next call works",
        || {
            let exchange = killed(&machine, || {
                caller::ask(&machine, &machine.phone(), &data("question-tea.wav"))
            })?;
            exchange.apology(&machine, DEADLINE, "AGI FAILURE")?;
            normal_call(&machine)
        },
    );
    report.check("when a second program of a call is killed after a first that was not, the caller hears the apology", || {
        let exchange = killed(&machine, || {
            let mut call = caller::dial(&machine.phone())?;
            call.wait_to_hear(&machine.sound("please-try-again"), PATIENCE)?;
            call.wait_to_hear(&machine.sound("beep"), PATIENCE)?;
            let said = call.say(&data("question-tea.wav"));
            caller::listen(call, said)
        })?;
        exchange.any_apology(&machine, DEADLINE, "AGI FAILURE")?;
        normal_call(&machine)
    });
    report.check(
        "when Asterisk is killed in a call, the program ends and leaves nothing",
        || {
            let before = machine.sandbox.requests_to(Stage::Stt).len();
            machine.sandbox.delay(Stage::Stt, Duration::from_secs(8));
            let mut call = caller::dial(&machine.phone())?;
            call.wait_to_hear(&machine.sound("beep"), PATIENCE)?;
            call.say(&data("question-tea.wav"));
            machine.sandbox.wait_for(Stage::Stt, before + 1, PATIENCE);
            machine.kill_asterisk();
            machine.becomes_clean()?;
            machine.sandbox.restore(Stage::Stt);
            machine.restart_asterisk();
            normal_call(&machine)
        },
    );
}

fn prepared(lab: &Lab) -> Machine {
    let machine = Machine::installed(lab, sandbox());
    machine.configure(&settings_of(&machine));
    machine
}

fn settings_of(machine: &Machine) -> testkit::Settings {
    machine.settings().set("call.deadline", DEADLINE.as_secs())
}

/// Breaks the machine, calls, mends it, calls again.
fn broken(
    report: &Report,
    machine: &Machine,
    (how, why): (&str, &str),
    breaks: impl FnOnce(&Machine),
    mends: impl FnOnce(&Machine),
) {
    report.check(
        &format!("{how} the caller hears the apology, and the next call works"),
        || {
            breaks(machine);
            let exchange = caller::ask(machine, &machine.phone(), &data("question-tea.wav"));
            mends(machine);
            exchange?.apology(machine, DEADLINE, why)?;
            normal_call(machine)
        },
    );
}

fn normal_call(machine: &Machine) -> Result<(), String> {
    caller::ask(machine, &machine.phone(), &data("question-moon.wav"))?.only_answer("moon")?;
    machine.becomes_clean()
}

/// A call whose program is killed as soon as it asks its first service.
fn killed(
    machine: &Machine,
    call: impl FnOnce() -> Result<Exchange, String>,
) -> Result<Exchange, String> {
    let before = machine.sandbox.requests_to(Stage::Stt).len();
    machine.sandbox.delay(Stage::Stt, Duration::from_secs(3));
    let exchange = thread::scope(|scope| {
        scope.spawn(|| {
            machine
                .sandbox
                .wait_for(Stage::Stt, before + 1, LONGER_THAN_ANY_CALL);
            for pid in machine.programs() {
                let status = Command::new("kill")
                    .args(["-KILL", &pid.to_string()])
                    .status();
                assert!(status.unwrap().success(), "the program could not be killed");
            }
        });
        call()
    });
    machine.sandbox.restore(Stage::Stt);
    exchange
}

/// Takes away every right to a recording as soon as there is one.
fn forbid_reading(machine: &Machine, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        for entry in fs::read_dir(machine.path(CALLS)).unwrap().flatten() {
            let nobody = fs::Permissions::from_mode(0o000);
            // It may have been removed in the meantime.
            fs::set_permissions(entry.path(), nobody).ok();
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn unmount(machine: &Machine) {
    let status = Command::new("umount").arg(machine.path(CALLS)).status();
    assert!(status.unwrap().success(), "umount");
}

const PROGRAM: &str = "/var/lib/asterisk/agi-bin/phone-assistant";
const CALLS: &str = "/var/lib/phone-assistant/calls";
const DEADLINE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(20);
const LONGER_THAN_ANY_CALL: Duration = Duration::from_secs(60);
