//! Asterisk's side: is it there, does it know the dialplan, the program and the sounds?

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::finding::Report;
use super::machine::{asterisk_folder, wants_loader};
use crate::config::{Config, Filler};

/// Looks at what Asterisk needs for a call.
pub(super) fn examine(config: Option<&Config>, report: &mut Report<'_>) {
    examine_program(report);
    match say("core show version") {
        Ok(version) => {
            report.ok("Asterisk", version.lines().next().unwrap_or_default());
            examine_dialplan(report);
            examine_applications(report);
        }
        Err(why) => report.fail(
            "Asterisk",
            &format!("it does not answer: {why}"),
            "start it, or restart it if it hangs: systemctl restart asterisk (FreePBX: fwconsole restart)",
        ),
    }
    examine_sounds(config, report);
}

/// What Asterisk answers to a command.
pub(super) fn say(command: &str) -> Result<String, String> {
    said(Command::new("asterisk").args(["-rx", command]), PATIENCE)
}

/// What a program says. One that takes longer is ended: an Asterisk that hangs takes connections, and answers nothing.
fn said(command: &mut Command, limit: Duration) -> Result<String, String> {
    let pipes = command.stdin(Stdio::null()).stdout(Stdio::piped());
    let child = pipes.stderr(Stdio::piped()).spawn();
    let child = child.map_err(|error| format!("cannot run asterisk -rx: {error}"))?;
    let process = Pid::from_child(&child);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(limit) else {
        // It may have ended just now.
        kill_process(process, Signal::KILL).ok();
        return Err(format!("no answer within {} s", limit.as_secs()));
    };
    let output = output.map_err(|error| format!("cannot read its answer: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        let said = [text(&output.stderr), text(&output.stdout)].join(" ");
        Err(said.lines().next().unwrap_or_default().trim().to_owned())
    }
}

/// The program that Asterisk starts must be there, run, and be this version.
fn examine_program(report: &mut Report<'_>) {
    let id = "program";
    let folder = asterisk_folder(
        "astagidir",
        &["/var/lib/asterisk/agi-bin", "/usr/share/asterisk/agi-bin"],
    );
    let program = folder.join("phone-assistant");
    let shown = program.display();
    let install = "sudo ./install.sh";
    match wants_loader(&program) {
        Err(error) => {
            return report.fail(id, &format!("cannot read {shown}: {error}"), install);
        }
        Ok(true) => report.warn(
            id,
            &format!(
                "{shown} is not static: it stops working when this machine's libraries change"
            ),
            install,
        ),
        Ok(false) => {}
    }
    let version = Command::new(&program).arg("--version").output();
    match version {
        Ok(output) if output.status.success() => {
            let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            if version == OWN_VERSION {
                report.ok(id, &format!("{shown}, {version}"));
            } else {
                let text = format!("{shown} is {version}, and this is {OWN_VERSION}");
                report.warn(id, &text, install);
            }
        }
        Ok(output) => report.fail(
            id,
            &format!("{shown} does not run: {}", output.status),
            install,
        ),
        Err(error) => report.fail(
            id,
            &format!("{shown} cannot be run: {error}"),
            &format!("chmod 755 {shown}, or {install}"),
        ),
    }
}

fn examine_dialplan(report: &mut Report<'_>) {
    let plan = say("dialplan show custom-openai").unwrap_or_default();
    let remedy = "sudo ./install.sh --dialplan; and: asterisk -rx \"dialplan reload\"";
    if !plan.contains("phone-assistant") {
        let text = "the context custom-openai is not loaded, or does not run phone-assistant";
        return report.fail("dialplan", text, remedy);
    }
    if !plan.contains("mode=check") {
        let text =
            "the context custom-openai is of an earlier version: it has no way in for this check";
        return report.warn("dialplan", text, remedy);
    }
    report.ok("dialplan", "the context custom-openai is loaded");
}

fn examine_applications(report: &mut Report<'_>) {
    let is_missing = |name: &&&str| {
        let shown = say(&format!("core show application {name}")).unwrap_or_default();
        !shown.contains("Info about")
    };
    let missing: Vec<_> = APPLICATIONS.iter().filter(is_missing).copied().collect();
    if missing.is_empty() {
        report.ok("applications", &APPLICATIONS.join(", "));
    } else {
        report.fail(
            "applications",
            &format!("Asterisk does not know {}", missing.join(", ")),
            "load their modules in /etc/asterisk/modules.conf: res_agi, app_mixmonitor, app_waitforsilence",
        );
    }
}

/// The recorded words of the dialplan: without them callers hear nothing where they should hear an apology.
fn examine_sounds(config: Option<&Config>, report: &mut Report<'_>) {
    let data = asterisk_folder("astdatadir", &["/var/lib/asterisk", "/usr/share/asterisk"]);
    let folder = data.join("sounds");
    let missing: Vec<_> = SOUNDS
        .iter()
        .filter(|name| !is_sound(&folder, name))
        .copied()
        .collect();
    if missing.is_empty() {
        report.ok(
            "sounds",
            &format!("all {} are in {}", SOUNDS.len(), folder.display()),
        );
    } else {
        report.fail(
            "sounds",
            &format!("missing in {}: {}", folder.display(), missing.join(", ")),
            "install Asterisk's core sounds: in FreePBX under Admin, Sound Languages; in Debian asterisk-core-sounds-en",
        );
    }
    if let Some(Filler::Sound(name)) = config.map(|config| &config.waiting.play)
        && !is_sound(&folder, name)
    {
        report.warn(
            "sound for waiting",
            &format!("{name} is missing: callers wait in silence"),
            "install it, or set sound in [waiting]",
        );
    }
}

/// A file of any format in the folder itself or in that of a language.
fn is_sound(folder: &Path, name: &str) -> bool {
    let is_here = |folder: &Path| {
        let path = folder.join(name);
        let (Some(parent), Some(stem)) = (path.parent(), path.file_name()) else {
            return false;
        };
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| {
            let path = entry.path();
            path.file_stem() == Some(stem) && path.extension().is_some()
        })
    };
    let languages = fs::read_dir(folder).into_iter().flatten().flatten();
    is_here(folder) || languages.into_iter().any(|entry| is_here(&entry.path()))
}

const PATIENCE: Duration = Duration::from_secs(10);
const OWN_VERSION: &str = concat!("phone-assistant ", env!("CARGO_PKG_VERSION"));

/// What the example dialplan uses beside what every Asterisk has.
const APPLICATIONS: [&str; 5] = [
    "AGI",
    "EAGI",
    "MixMonitor",
    "StopMixMonitor",
    "WaitForSilence",
];
const SOUNDS: [&str; 8] = [
    "beep",
    "hello",
    "im-sorry",
    "please-try-call-later",
    "please-try-again",
    "goodbye",
    "all-circuits-busy-now",
    "one-moment-please",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asterisk_that_hangs_is_not_waited_for() {
        let limit = Duration::from_millis(50);
        let why = said(Command::new("sleep").arg("60"), limit).expect_err("it hangs");
        assert!(why.contains("no answer within"), "{why}");
        let answer = said(Command::new("echo").arg("Asterisk 22"), PATIENCE);
        assert_eq!(answer.as_deref(), Ok("Asterisk 22"));
        let why = said(Command::new("ls").arg("/nonexistent"), PATIENCE).expect_err("a failure");
        assert!(why.contains("/nonexistent"), "{why}");
    }
}
