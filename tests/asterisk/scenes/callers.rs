//! Callers who say nothing, too much, or what they had better not, and those who call themselves strange names.

use std::time::Duration;

use testkit::Stage;
use testkit::audio::{Clip, clips};

use super::sandbox;
use crate::caller::{self, data};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::phone::Heard;
use crate::report::Report;

pub(crate) fn silent(lab: &Lab, report: &Report) {
    let mut machine = Machine::installed(lab, sandbox());
    report.check(
        "a silent caller is asked twice, then the call ends, and nobody is paid",
        || {
            let heard = caller::dial(&machine.phone())?.wait_for_end(PATIENCE);
            asked_twice(&machine, &heard)
        },
    );
    // FreePBX's setting makes Asterisk wake up every 20 ms, and then it does not notice that nothing comes.
    machine
        .root()
        .shell("sed -i 's/^transmit_silence.*/transmit_silence = no/' /etc/asterisk/asterisk.conf");
    machine.restart_asterisk();
    report.check(
        "a caller whose phone sends nothing is asked twice where Asterisk sends no silence",
        || {
            let call = caller::dial(&machine.phone())?;
            call.mute(true);
            asked_twice(&machine, &call.wait_for_end(PATIENCE))
        },
    );
}

/// And did so after the longest question, where FreePBX makes Asterisk send silence meanwhile.
pub(crate) fn mute_phone(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    report.check(
        "a caller whose phone sends nothing is asked again after the longest question",
        || {
            let mut call = caller::dial(&machine.phone())?;
            call.mute(true);
            call.wait_to_hear(
                &machine.sound("please-try-again"),
                LONGEST_QUESTION + Duration::from_secs(10),
            )?;
            drop(call);
            machine.is_clean()
        },
    );
}

fn asked_twice(machine: &Machine, heard: &Heard) -> Result<(), String> {
    in_order(
        machine,
        heard,
        &["beep", "please-try-again", "beep", "goodbye"],
    )?;
    match machine.sandbox.paid_requests() {
        0 => machine.is_clean(),
        paid => Err(format!("{paid} requests were paid for")),
    }
}

pub(crate) fn endless_music(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    report.check("a caller with music that never ends is asked again after the longest question, and nobody is paid", || {
        let mut call = caller::dial(&machine.phone())?;
        call.wait_to_hear(&machine.sound("beep"), PATIENCE)?;
        call.start_saying(&music(LONGEST_QUESTION.as_secs_f64() + 10.0));
        call.wait_to_hear(&machine.sound("please-try-again"), LONGEST_QUESTION + Duration::from_secs(10))?;
        drop(call);
        match machine.sandbox.paid_requests() {
            0 => machine.is_clean(),
            paid => Err(format!("{paid} requests were paid for")),
        }
    });
}

pub(crate) fn long_question(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    report.check(
        "a question of 70 s is understood from its beginning to its end",
        || {
            let talk = clips::babble(
                8000,
                &"and then there was something else to tell ".repeat(24),
            );
            let mut moon = data("question-moon.wav");
            // Its last 2 seconds are the silence that ends a question.
            moon.samples.truncate(moon.samples.len() - 2 * 8000);
            let question = moon.then(&talk).then(&data("question-tea.wav"));
            let length = question.seconds();
            if !(68.0..80.0).contains(&length) {
                return Err(format!("it lasts {length:.0} s"));
            }
            caller::ask(&machine, &machine.phone(), &question)?.only_answer("moon")?;
            let asked = machine.sandbox.requests_to(Stage::Llm)[0].body.to_string();
            if asked.contains("How far away is the moon?")
                && asked.contains("How long should black tea steep?")
            {
                Ok(())
            } else {
                Err(format!("the model was asked {asked}"))
            }
        },
    );
}

pub(crate) fn strange_names(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    for (what, number, name) in NAMES {
        report.check(&format!("a caller ID with {what} is only a name"), || {
            let phone = machine.phone().number(number).name(name);
            caller::ask(&machine, &phone, &data("question-tea.wav"))?.only_answer("tea")?;
            harmless(&machine)
        });
    }
    report.check("a caller ID with line breaks is only a name", || {
        let phone = machine.phone();
        let mut call = phone
            .dial("broken-name")
            .map_err(|refused| format!("{refused:?}"))?;
        call.wait_to_hear(&machine.sound("beep"), PATIENCE)?;
        let said = call.say(&data("question-tea.wav"));
        caller::listen(call, said)?.only_answer("tea")?;
        harmless(&machine)
    });
}

/// Nothing that a name asked for has been done.
fn harmless(machine: &Machine) -> Result<(), String> {
    machine.is_clean()?;
    let found = machine
        .root()
        .shell("find / -xdev -name 'pwned*' -not -path '/proc/*'");
    if found.is_empty() {
        Ok(())
    } else {
        Err(format!("somebody made {found}"))
    }
}

/// The sounds were heard in this order, and no other of Asterisk's that callers know.
fn in_order(machine: &Machine, heard: &Heard, names: &[&str]) -> Result<(), String> {
    let mut all: Vec<_> = [
        "beep",
        "please-try-again",
        "goodbye",
        "im-sorry",
        "please-try-call-later",
    ]
    .iter()
    .flat_map(|name| {
        heard
            .find(&machine.sound(name))
            .into_iter()
            .map(move |found| (found.begins, *name))
    })
    .collect();
    all.sort();
    let found: Vec<_> = all.iter().map(|(_, name)| *name).collect();
    if found == names {
        Ok(())
    } else {
        Err(format!("{found:?}; {}", heard.summary()))
    }
}

/// Chords without a pause.
fn music(seconds: f64) -> Clip {
    let note = |hz: f64| clips::tone(8000, hz, -18.0, seconds);
    note(262.0)
        .mixed_with(&note(330.0))
        .mixed_with(&note(392.0))
}

const NAMES: &[(&str, &str, &[u8])] = &[
    ("quotes and commas", "5101", br#"A "B", C',D;E"#),
    (
        "shell commands",
        "5102",
        b"$(touch /tmp/pwned1)`touch /tmp/pwned2`;touch /tmp/pwned3|touch /tmp/pwned4&",
    ),
    (
        "dialplan expressions",
        "5103",
        b"${SHELL(touch /tmp/pwned5)}$[1/0]${FILE(/tmp/pwned6,0,1)}",
    ),
    ("unbalanced brackets", "5104", b"((([[[{{{"),
    ("bytes that are no UTF-8", "5105", b"J\xf6rg \xff\xfe\x80"),
    (
        "a shell command as its number",
        "%24%28touch%20%2Ftmp%2Fpwned7%29",
        b"x",
    ),
];
const PATIENCE: Duration = Duration::from_secs(30);
/// The example dialplan's limit.
const LONGEST_QUESTION: Duration = Duration::from_secs(90);
