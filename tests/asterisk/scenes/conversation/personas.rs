//! Extensions that are answered by personas.

use std::fs::OpenOptions;
use std::io::Write;

use testkit::Stage;

use super::{CONNECT, LONGEST, machine, only, services, turn};
use crate::caller::{self, SOON, answer, call_works, data, words};
use crate::lab::Lab;
use crate::report::Report;

/// The manual's two extensions, as an administrator puts them into the dialplan.
pub(crate) fn run(lab: &Lab, report: &Report) {
    let services = services(&[(
        "opening-hours",
        &format!("{CONNECT} [[transfer reception]]"),
    )]);
    let machine = machine(lab, services, |settings| {
        settings
            .set("conversation.transfers", ["reception=200"])
            .set("persona.kitchen.prompt", COOK)
            .set("persona.kitchen.voice", "onyx")
            .set("persona.kitchen.greeting", GREETING)
            .set("persona.office.prompt", CLERK)
            .set("persona.office.language", "en-GB")
    });
    let dialplan = machine.path("/etc/asterisk/extensions_custom.conf");
    let dialplan = OpenOptions::new().append(true).open(dialplan);
    dialplan.unwrap().write_all(EXTENSIONS.as_bytes()).unwrap();
    machine.asterisk("dialplan reload");
    let asked = |expected: [(Stage, &str); 3]| {
        for (stage, words) in expected {
            let asked = machine.sandbox.requests_to(stage);
            let body = asked.last().map(|asked| asked.body.to_string());
            if !body.as_ref().is_some_and(|body| body.contains(words)) {
                return Err(format!("not {words:?} in {body:?}"));
            }
        }
        machine.becomes_clean()
    };
    report.check("one number is answered by one persona", || {
        let mut call = caller::dial_to(&machine.phone(), "8010")?;
        let said = caller::ask_in(&mut call, &machine, &data("question-tea.wav"))?;
        caller::listen(call, said)?.only_answer("tea")?;
        asked([
            (Stage::Stt, "en-GB"),
            (Stage::Llm, CLERK),
            (Stage::Tts, "nova"),
        ])
    });
    report.check("another number talks in another's voice", || {
        let mut call = caller::dial_to(&machine.phone(), "8011")?;
        call.wait_to_hear(&machine.sandbox.spoken(GREETING), SOON)?;
        turn(&mut call, "question-tea.wav", &answer("tea"))?;
        call.hang_up();
        asked([
            (Stage::Stt, "en-US"),
            (Stage::Llm, COOK),
            (Stage::Tts, "onyx"),
        ])
    });
    report.check(
        "a persona transfers callers too, to where the dialplan of its extension dials",
        || {
            let mut call = caller::dial_to(&machine.phone(), "8011")?;
            call.wait_to_hear(&machine.sandbox.spoken(GREETING), SOON)?;
            call.say(&words("question-opening-hours.wav"));
            let heard = call.wait_for_end(LONGEST);
            only(&heard, &machine.sound("hello-world"))?;
            machine.becomes_clean()
        },
    );
    report.check(
        "records of calls tell the number that was dialled, how it ended and who answered",
        || {
            let mut call = caller::dial_to(&machine.phone(), "8009")?;
            call.wait_for_sound(SOON)?;
            call.hang_up();
            machine.becomes_clean()?;
            let records = machine.call_records();
            let table = [
                (",8010,", "persona=office"),
                (",8011,", "persona=kitchen"),
                (",200,", "persona=kitchen"),
                (",8009,", "HANGUP"),
            ];
            let has = |(number, words): &(&str, &str)| {
                let mut lines = records.lines();
                lines.any(|line| line.contains(number) && line.contains(words))
            };
            match table.iter().find(|row| !has(row)) {
                None => Ok(()),
                Some(row) => Err(format!("no {row:?} in {records}")),
            }
        },
    );
    report.check("whoever calls 8008 is answered by neither", || {
        call_works(&machine)?;
        let default = "You are a friendly voice on the telephone.";
        asked([
            (Stage::Stt, "en-US"),
            (Stage::Llm, default),
            (Stage::Tts, "nova"),
        ])
    });
}

/// What the manual adds to the dialplan for them.
const EXTENSIONS: &str = include_str!("../../../../src/manual/personas.conf");
const GREETING: &str = "Kitchen, what can I do for you?";
const COOK: &str = "You answer in a kitchen.";
const CLERK: &str = "You answer in an office.";
