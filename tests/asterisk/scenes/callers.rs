//! Callers who say nothing, too much, or what they had better not, and those who call themselves strange names.

use std::time::Duration;

use testkit::Stage;
use testkit::audio::{Clip, clips};

use super::services::sandbox;
use crate::caller::{self, data, words};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::phone::{Call, Heard};
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

/// Where FreePBX makes Asterisk send silence, that nothing comes is noticed by the packets alone, and so long before
/// FreePBX ends the call that the answer is heard whole.
pub(crate) fn mute_phone(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    report.check(
        "a phone that sends nothing while its user is silent gets its whole answer within seconds",
        || {
            ask_mute(
                &machine,
                &clips::silence(8000, 0.5).then(&words("question-moon.wav")),
            )
        },
    );
    report.check(
        "a phone that sends nothing while silent is noticed soon after two fluent seconds too",
        || {
            let moon = words("question-moon.wav");
            let hum = clips::tone(8000, 400.0, -20.0, (2.2 - moon.seconds()).max(0.5));
            ask_mute(&machine, &hum.then(&moon))
        },
    );
    report.check(
        "a phone that always sends gets the answer to a long question as soon as to a short one",
        || {
            let tea = words("question-tea.wav");
            let hum = clips::tone(8000, 400.0, -20.0, 12.5 - 2.0 * tea.seconds());
            let question = tea.clone().then(&hum).then(&tea);
            let exchange = caller::ask(&machine, &machine.phone(), &question)?;
            exchange.only_answer("tea")?;
            is_within(SILENCE + SERVICES, exchange.ear_to_ear()?)
        },
    );
    report.check(
        "a phone that sends nothing at all is asked again within 30 s",
        || {
            let mut call = caller::dial(&machine.phone())?;
            let asked = caller::beep(&mut call, &machine)?;
            call.mute(true);
            let again = call.wait_to_hear(&machine.sound("please-try-again"), RTP_TIMEOUT)?;
            is_within(RTP_TIMEOUT, again.begins - asked.ends)
        },
    );
}

/// Asks from a phone that sends nothing but the question, which is about the moon.
fn ask_mute(machine: &Machine, question: &Clip) -> Result<(), String> {
    let mut call = caller::dial(&machine.phone())?;
    call.mute(true);
    caller::beep(&mut call, machine)?;
    call.mute(false);
    let said = call.say(question);
    call.mute(true);
    let exchange = caller::listen(call, said)?;
    exchange.only_answer("moon")?;
    is_within(NOTICED + SERVICES, exchange.ear_to_ear()?)
}

fn is_within(limit: Duration, after: Duration) -> Result<(), String> {
    if after < limit {
        Ok(())
    } else {
        Err(format!("after {after:?}"))
    }
}

/// A caller who thinks for a while, and one whose machine wants less silence than usual.
pub(crate) fn thinking(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    report.check(
        "a caller who thinks for six seconds after the beep is heard",
        || {
            let question = clips::silence(8000, 6.0).then(&words("question-moon.wav"));
            caller::ask(&machine, &machine.phone(), &question)?
                .only_answer("moon")
                .map(drop)
        },
    );
    report.check(
        "a question ends after as much silence as ASSISTANT_SILENCE says",
        || {
            let took = |silence: &str| {
                machine.set_global("ASSISTANT_SILENCE", silence);
                let exchange = caller::ask(&machine, &machine.phone(), &data("question-tea.wav"))?;
                exchange.only_answer("tea")?;
                exchange.ear_to_ear()
            };
            let (short, usual) = (took("800")?, took("nonsense")?);
            let saved = usual.saturating_sub(short);
            if saved.abs_diff(Duration::from_millis(1200)) < Duration::from_millis(400) {
                Ok(())
            } else {
                Err(format!("{short:?} instead of {usual:?}"))
            }
        },
    );
}

pub(crate) fn endless_music(lab: &Lab, report: &Report) {
    let music = music(LONGEST_QUESTION.as_secs_f64() + 20.0);
    let plays = |call: &Call| {
        call.start_saying(&music);
    };
    asked_again_at_last("with music that never ends", plays, lab, report);
}

fn asked_again_at_last(who: &str, does: impl FnOnce(&Call), lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    let sentence = "is asked again after the longest question, and nobody is paid";
    report.check(&format!("a caller {who} {sentence}"), || {
        let mut call = caller::dial(&machine.phone())?;
        does(&call);
        let asked = caller::beep(&mut call, &machine)?;
        let limit = LONGEST_QUESTION + Duration::from_secs(10);
        let again = call.wait_to_hear(&machine.sound("please-try-again"), limit)?;
        let after = again.begins - asked.ends;
        // WaitForSilence compares times in whole seconds, so up to one of them is missing.
        if after + Duration::from_secs(1) < LONGEST_QUESTION {
            return Err(format!("already after {after:?}"));
        }
        machine.nothing_was_paid()
    });
}

fn asked_twice(machine: &Machine, heard: &Heard) -> Result<(), String> {
    in_order(
        machine,
        heard,
        &["beep", "please-try-again", "beep", "goodbye"],
    )?;
    machine.nothing_was_paid()?;
    machine.becomes_clean()
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
            let question = words("question-moon.wav")
                .then(&talk)
                .then(&data("question-tea.wav"));
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
    for (what, number, name, arrives) in NAMES {
        report.check(&format!("a caller ID with {what} is only a name"), || {
            let phone = machine.phone().number(number).name(name);
            caller::ask(&machine, &phone, &data("question-tea.wav"))?.only_answer("tea")?;
            harmless(&machine, arrives)
        });
    }
    report.check(
        "a caller ID with line breaks and broken UTF-8 is only a name",
        || {
            let dialled = machine.phone().dial("broken-name");
            let mut call = dialled.map_err(|refused| format!("{refused:?}"))?;
            let said = caller::ask_in(&mut call, &machine, &data("question-tea.wav"))?;
            caller::listen(call, said)?.only_answer("tea")?;
            harmless(&machine, "agi_arg_1: config=/tmp/x")
        },
    );
}

pub(crate) fn forged_numbers(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    report.check("a number with line breaks is only a number", || {
        let phone = machine.phone().number(FORGED);
        caller::ask(&machine, &phone, &data("question-tea.wav"))?
            .only_answer("tea")
            .map(drop)
    });
    report.check(
        "a number with line breaks is not answered by a dialplan that hands it on",
        || {
            hand_numbers_on(&machine);
            forged_number(&machine)
        },
    );
}

/// Takes out of the dialplan what keeps numbers on one line.
pub(super) fn hand_numbers_on(machine: &Machine) {
    let dialplan = "/etc/asterisk/extensions_custom.conf";
    machine.root().shell(&format!(
        "sed -i 's/^ same => n,Set(CALLERID(.*/ same => n,NoOp()/' {dialplan}"
    ));
    machine.asterisk("dialplan reload");
}

/// A caller from such a number hears the apology, and no service is asked.
pub(super) fn forged_number(machine: &Machine) -> Result<(), String> {
    let before = machine.sandbox.requests().len();
    let phone = machine.phone().number(FORGED);
    let exchange = caller::ask(machine, &phone, &data("question-tea.wav"))?;
    exchange.apology(machine, Duration::ZERO, "line break")?;
    machine.becomes_clean()?;
    match machine.sandbox.requests().len() - before {
        0 => Ok(()),
        asked => Err(format!("{asked} requests were made")),
    }
}

/// A number that Asterisk unescapes to two lines, of which the second would lead a key elsewhere.
pub(super) const FORGED: &str = "5%0Aagi_arg_3%3Atts.openai.base_url%3Dhttps%3A%2F%2F127.0.0.1%3A9";

/// The name was a name to Asterisk, and nothing that it asks for has been done.
fn harmless(machine: &Machine, arrives: &str) -> Result<(), String> {
    machine.becomes_clean()?;
    let records = machine.call_records();
    if !records.contains(arrives) {
        return Err(format!("{arrives:?} did not arrive: {records}"));
    }
    let found = machine
        .root()
        .shell("find / -xdev -name 'pwned*' -not -path '/proc/*'");
    if found.is_empty() {
        Ok(())
    } else {
        Err(format!("a caller made {found}"))
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

/// What is strange about it, the number, the name, and a part of them that shows in Asterisk's record of the call.
const NAMES: &[(&str, &str, &[u8], &str)] = &[
    ("quotes and commas", "5101", br#"A "B", C',D;E"#, "C',D;E"),
    (
        "shell commands",
        "5102",
        b"$(touch /tmp/pwned1)`touch /tmp/pwned2`;touch /tmp/pwned3|touch /tmp/pwned4&",
        "$(touch /tmp/pwned1)`touch",
    ),
    (
        "dialplan expressions",
        "5103",
        b"${SHELL(touch /tmp/pwned5)}$[1/0]${FILE(/tmp/pwned6,0,1)}",
        "${SHELL(touch /tmp/pwned5)}$[1/0]",
    ),
    ("unbalanced brackets", "5104", b"((([[[{{{", "((([[[{{{"),
    (
        "bytes that are no UTF-8",
        "5105",
        b"J\xf6rg \xff\xfe\x80",
        "rg ",
    ),
    (
        "a shell command as its number",
        "%24%28touch%20%2Ftmp%2Fpwned7%29",
        b"x",
        // Only letters and digits of it are handed on.
        "touchtmppwned7",
    ),
];
const PATIENCE: Duration = Duration::from_secs(30);

/// When FreePBX ends the call of a phone that sends nothing.
const RTP_TIMEOUT: Duration = Duration::from_secs(30);

/// How long after the question the dialplan notices that a phone sends nothing.
const NOTICED: Duration = Duration::from_secs(6);

/// The example dialplan's silence, and what the services take at most.
const SILENCE: Duration = Duration::from_secs(2);
const SERVICES: Duration = Duration::from_secs(1);

/// The example dialplan's limit.
const LONGEST_QUESTION: Duration = Duration::from_secs(90);
