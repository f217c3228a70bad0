//! Machines on which something is wrong: no settings, no room, no program, no network. The caller hears the
//! apology, and once it is repaired the next call works.

use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, thread};

use testkit::Stage;

use super::faults::{DEADLINE, broken, impatient, settings as settings_of};
use crate::caller::{self, Exchange, SOON, ask_until, call_works, data};
use crate::lab::{Lab, mount, succeed};
use crate::machine::Machine;
use crate::phone::Call;
use crate::report::Report;

/// Settings, keys and the program.
pub(crate) fn settings(lab: &Lab, report: &Report) {
    let machine = impatient(lab);
    let (settings, key) = (SETTINGS, format!("{SETTINGS}/google-creds.json"));
    broken(
        report,
        &machine,
        (
            "without a config.toml and without a key",
            "config: no key for speech to text",
        ),
        shell(format!(
            "mkdir {settings}/away; mv {settings}/*.* {settings}/away"
        )),
        shell(format!(
            "mv {settings}/away/* {settings}; rmdir {settings}/away"
        )),
    );
    broken(
        report,
        &machine,
        (
            "with a key file that is none",
            &format!("config: {key} is not"),
        ),
        shell(format!("cp -p {key} {settings}/away; echo '{{}}' >{key}")),
        shell(format!("mv {settings}/away {key}")),
    );
    broken(
        report,
        &machine,
        ("without the program", "AGI NOTFOUND"),
        shell(format!("mv {PROGRAM} {PROGRAM}-away")),
        shell(format!("mv {PROGRAM}-away {PROGRAM}")),
    );
}

/// Files and the disk.
pub(crate) fn disk(lab: &Lab, report: &Report) {
    let machine = impatient(lab);
    broken(
        report,
        &machine,
        ("with a full disk", "No space left"),
        small_disk("! cat /dev/zero"),
        unmount,
    );
    broken(
        report,
        &machine,
        (
            "with a disk that fills up during the question",
            "No space left",
        ),
        small_disk("head -c 40k /dev/zero"),
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
    let name = "with a recording that cannot be read, the caller hears the apology";
    report.check(name, || {
        let over = AtomicBool::new(false);
        let exchange = thread::scope(|scope| {
            scope.spawn(|| forbid_reading(&machine, &over));
            let exchange = caller::ask(&machine, &machine.phone(), &data("question-tea.wav"));
            over.store(true, Ordering::Relaxed);
            exchange
        })?;
        exchange.apology(&machine, DEADLINE, "Permission denied")?;
        call_works(&machine)
    });
}

/// Names and connections.
pub(crate) fn network(lab: &Lab, report: &Report) {
    let machine = impatient(lab);
    let repair = |machine: &Machine| machine.configure(&settings_of(machine));
    broken(
        report,
        &machine,
        (
            "with services that refuse connections",
            "Connection refused",
        ),
        services_at("https://127.0.0.1:9"),
        repair,
    );
    broken(
        report,
        &machine,
        ("without a name server", "services.example"),
        services_at("https://services.example"),
        repair,
    );
    let silent = UdpSocket::bind("127.0.0.1:53").unwrap();
    broken(
        report,
        &machine,
        ("with a name server that never answers", "services.example"),
        services_at("https://services.example"),
        repair,
    );
    drop(silent);
}

/// Programs that die.
pub(crate) fn deaths(lab: &Lab, report: &Report) {
    let mut machine = impatient(lab);
    let name = "when the program is killed, the caller hears the apology, and the next call works";
    report.check(name, || {
        let exchange = killed(&machine, caller::dial(&machine.phone())?)?;
        exchange.apology(&machine, DEADLINE, "AGI FAILURE")?;
        call_works(&machine)
    });
    let name = "when a second program of a call is killed after a first that was not, the caller hears the apology";
    report.check(name, || {
        let mut call = caller::dial(&machine.phone())?;
        call.wait_to_hear(&machine.sound("please-try-again"), SOON)?;
        let exchange = killed(&machine, call)?;
        exchange.any_apology(&machine, DEADLINE, "AGI FAILURE")?;
        call_works(&machine)
    });
    let name = "when Asterisk is killed in a call, the program ends and leaves nothing";
    report.check(name, || {
        let mut call = caller::dial(&machine.phone())?;
        ask_until(&mut call, &machine, Stage::Stt, Duration::from_secs(8))?;
        machine.kill_asterisk();
        machine.becomes_clean()?;
        machine.restart_asterisk();
        call_works(&machine)
    });
}

/// Asks, and kills the program as soon as it asks its first service.
fn killed(machine: &Machine, mut call: Call) -> Result<Exchange, String> {
    let said = ask_until(&mut call, machine, Stage::Stt, Duration::from_secs(3))?;
    for pid in machine.programs() {
        succeed(Command::new("kill").args(["-KILL", &pid.to_string()]));
    }
    caller::listen(call, said)
}

fn shell(script: String) -> impl FnOnce(&Machine) {
    move |machine| drop(machine.root().shell(&script))
}

/// Room for 64 KiB of calls, less what a command writes there.
fn small_disk(fills: &str) -> impl FnOnce(&Machine) {
    let own = format!("chown asterisk:asterisk {CALLS}; chmod 700 {CALLS}");
    let script = format!("{own}; {fills} >{CALLS}/filled");
    move |machine| {
        let arguments = ["-t", "tmpfs", "-o", "size=64k", "small"];
        mount(&arguments, &machine.path(CALLS));
        machine.root().shell(&script);
    }
}

/// All services are said to be at another address.
fn services_at(url: &str) -> impl FnOnce(&Machine) {
    move |machine| {
        let tables = ["stt.google", "llm.gemini", "tts.openai"].iter();
        let settings = tables.fold(settings_of(machine), |settings, table| {
            settings.set(&format!("{table}.base_url"), url)
        });
        machine.configure(&settings);
    }
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

/// Whatever still cleans up there keeps what it has open.
fn unmount(machine: &Machine) {
    succeed(
        Command::new("umount")
            .arg("--lazy")
            .arg(machine.path(CALLS)),
    );
}

const PROGRAM: &str = "/var/lib/asterisk/agi-bin/phone-assistant";
const SETTINGS: &str = "/etc/phone-assistant";
const CALLS: &str = "/var/lib/phone-assistant/calls";
