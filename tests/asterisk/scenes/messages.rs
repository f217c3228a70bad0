//! A caller leaves a message, and types a number for it: kept before they hear so, and mailed once they have hung up.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use testkit::{Mail, Settings};

use super::conversation::{self, dial, services};
use crate::caller::{NEAR, SOON, answer, words};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::phone::Call;
use crate::report::Report;

pub(crate) fn run(lab: &Lab, report: &Report) {
    let machine = conversation::machine(lab, services(&[]), with_mail);
    put_sendmail(&machine);
    report.check(
        "a message with a typed number is kept before it is confirmed, and mailed once",
        || {
            let mut call = leave(&machine)?;
            // It is delivered as soon as the call is over, so that it is looked for while it is being confirmed.
            let confirmed = call.wait_for_sound(SOON)?;
            let [file] = &waiting(&machine)[..] else {
                return Err(format!("kept: {:?}", waiting(&machine)));
            };
            let kept = fs::metadata(file).and_then(|data| data.modified());
            let kept = kept.map_err(|error| error.to_string())?;
            let heard = SystemTime::now() - confirmed.elapsed();
            if kept > heard + NEAR {
                return Err("it was confirmed before it was kept".into());
            }
            call.wait_to_hear(&machine.sandbox.spoken(NOTED), SOON)?;
            call.wait_for_end(SOON);
            let mail = one_mail(&machine, 1)?;
            for words in [TYPED, "Please call 0612.", NOTED] {
                if !mail.contains(words) {
                    return Err(format!("no {words:?} in {mail}"));
                }
            }
            machine.becomes_clean()
        },
    );
    report.check(
        "a caller who hangs up as soon as it is confirmed has left it all the same",
        || {
            let mut call = leave(&machine)?;
            call.wait_for_sound(SOON)?;
            call.hang_up();
            one_mail(&machine, 2)?;
            machine.becomes_clean()
        },
    );
    report.check(
        "without sendmail a message waits, and is mailed once that is there",
        || {
            fs::remove_file(machine.path(SENDMAIL)).map_err(|error| error.to_string())?;
            let call = leave(&machine)?;
            call.wait_for_end(SOON);
            until("why it waits is told", || {
                let told = machine.root().shell("phone-assistant messages");
                told.contains("1 not delivered") && told.contains("mail: 1 try")
            })?;
            put_sendmail(&machine);
            machine.root().shell("phone-assistant messages --retry");
            one_mail(&machine, 3)?;
            machine.becomes_clean()
        },
    );
}

fn with_mail(settings: Settings) -> Settings {
    settings
        .set("messages.mail_to", ["office@example.org"])
        .set("messages.sendmail", SENDMAIL)
        .without("messages.folder")
}

/// Has a program take mails, each into a file of its own.
fn put_sendmail(machine: &Machine) {
    let root = machine.root();
    root.shell(&format!("mkdir -p {MAILS}; chown asterisk: {MAILS}"));
    let place = machine.path(SENDMAIL);
    let script =
        format!("#!/bin/sh\ncat > {MAILS}/$$.part && mv {MAILS}/$$.part {MAILS}/$$.mail\n");
    fs::write(&place, script).unwrap();
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A caller asks by voice, is asked for a number, and types it; the model confirms the message and says goodbye.
fn leave(machine: &Machine) -> Result<Call, String> {
    machine.sandbox.answer_as_scripted();
    let mut call = dial(machine, &machine.phone())?;
    let said = call.say(&words("question-tea.wav"));
    call.listen_from(said.last_voiced);
    call.wait_to_hear(&answer("tea"), SOON)?;
    thread::sleep(Duration::from_millis(400));
    machine.sandbox.answer_with(&format!(
        "[[message Anna: Please call 0612.]] {NOTED} [[goodbye]]"
    ));
    let mut pressed = Instant::now();
    for key in "0612#".chars() {
        pressed = call.press(key);
        thread::sleep(Duration::from_millis(400));
    }
    call.listen_from(pressed);
    Ok(call)
}

/// The messages that are not delivered.
fn waiting(machine: &Machine) -> Vec<PathBuf> {
    files(machine, "/var/lib/phone-assistant/messages", ".json")
}

/// The text of the last mail, where there are so many, once it is there.
fn one_mail(machine: &Machine, count: usize) -> Result<String, String> {
    until("it is mailed", || {
        files(machine, MAILS, ".mail").len() >= count && waiting(machine).is_empty()
    })?;
    let mut mails = files(machine, MAILS, ".mail");
    if mails.len() != count {
        return Err(format!("{} mails came", mails.len()));
    }
    mails.sort_by_key(|mail| fs::metadata(mail).and_then(|data| data.modified()).ok());
    let last = mails.pop().map(fs::read_to_string);
    let last = last.ok_or("no mail")?.map_err(|error| error.to_string())?;
    let mail = Mail {
        arguments: Vec::new(),
        text: last.replace("\r\n", "\n").replace('\n', "\r\n"),
    };
    Ok(mail.body())
}

fn files(machine: &Machine, folder: &str, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(machine.path(folder)).into_iter().flatten();
    let paths = entries.flatten().map(|entry| entry.path());
    paths
        .filter(|path| path.to_string_lossy().ends_with(end))
        .collect()
}

fn until(what: &str, is_so: impl Fn() -> bool) -> Result<(), String> {
    let deadline = Instant::now() + SOON;
    while !is_so() {
        if Instant::now() > deadline {
            return Err(format!("not in time: {what}"));
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

const SENDMAIL: &str = "/usr/sbin/sendmail";
const MAILS: &str = "/var/spool/mails";
const NOTED: &str = "I have noted it, and Anna will read it today.";
const TYPED: &str = "[typed on the keypad: 0612]";
