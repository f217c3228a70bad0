//! Callers who hang up at any moment of a conversation: nothing of theirs is left.

use std::thread;
use std::time::Duration;

use testkit::Stage;

use super::{CONNECT, machine, services, turn};
use crate::caller::{self, SOON, answer, words};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::phone::Call;
use crate::report::Report;

pub(crate) fn run(lab: &Lab, report: &Report) {
    let connect = format!("{CONNECT} [[transfer reception]]");
    let services = services(&[("opening-hours", &connect)]);
    let machine = machine(lab, services, |settings| {
        settings
            .set("conversation.transfers", ["reception=200"])
            .set("conversation.ask_after", 3)
    });
    for (when, moment) in MOMENTS {
        report.check(
            &format!("who hangs up {when} of a conversation leaves nothing"),
            || {
                let mut call = caller::dial_to(&machine.phone(), "8009")?;
                moment(&machine, &mut call)?;
                let heard = call.hang_up();
                machine.becomes_clean()?;
                for stage in [Stage::Stt, Stage::Llm, Stage::Tts] {
                    machine.sandbox.restore(stage);
                }
                let late = machine
                    .sandbox
                    .requests()
                    .iter()
                    .filter(|asked| asked.at > heard.ended)
                    .count();
                if late == 0 {
                    Ok(())
                } else {
                    Err(format!("{late} requests came after it"))
                }
            },
        );
    }
}

type Moment = fn(&Machine, &mut Call) -> Result<(), String>;

const MOMENTS: &[(&str, Moment)] = &[
    ("in the greeting", |_, call| {
        call.wait_for_sound(SOON).map(drop)
    }),
    ("while speaking", |machine, call| {
        call.wait_to_hear(&machine.sound("hello"), SOON)?;
        call.start_saying(&words("question-tea.wav"));
        thread::sleep(Duration::from_millis(900));
        Ok(())
    }),
    ("while speech is recognised", |machine, call| {
        until_asked(machine, call, Stage::Stt)
    }),
    ("while the model thinks", |machine, call| {
        until_asked(machine, call, Stage::Llm)
    }),
    ("while the voice is made", |machine, call| {
        until_asked(machine, call, Stage::Tts)
    }),
    ("in the answer", |machine, call| {
        call.wait_to_hear(&machine.sound("hello"), SOON)?;
        call.say(&words("question-tea.wav"));
        call.wait_for_sound(SOON)?;
        thread::sleep(Duration::from_millis(500));
        Ok(())
    }),
    ("after the first turn", |machine, call| {
        call.wait_to_hear(&machine.sound("hello"), SOON)?;
        turn(call, "question-tea.wav", &answer("tea")).map(drop)
    }),
    ("while interrupting an answer", |machine, call| {
        call.wait_to_hear(&machine.sound("hello"), SOON)?;
        let said = call.say(&words("question-moon.wav"));
        call.listen_from(said.last_voiced);
        call.wait_for_sound(SOON)?;
        thread::sleep(Duration::from_secs(1));
        call.start_saying(&words("question-tea.wav"));
        thread::sleep(Duration::from_millis(600));
        Ok(())
    }),
    ("when asked whether they are there", |machine, call| {
        call.wait_to_hear(&machine.sound("beep"), SOON).map(drop)
    }),
    ("in the last sentence", |machine, call| {
        let asked = call.wait_to_hear(&machine.sound("beep"), SOON)?;
        call.listen_from(asked.ends);
        call.wait_for_sound(SOON).map(drop)
    }),
    ("after being transferred", |machine, call| {
        call.wait_to_hear(&machine.sound("hello"), SOON)?;
        call.say(&words("question-opening-hours.wav"));
        let said = call.wait_to_hear(&machine.sandbox.spoken(CONNECT), SOON)?;
        call.listen_from(said.ends);
        call.wait_for_sound(SOON).map(drop)
    }),
];

/// A stage is busy with the caller's question for longer than they stay.
fn until_asked(machine: &Machine, call: &mut Call, stage: Stage) -> Result<(), String> {
    call.wait_to_hear(&machine.sound("hello"), SOON)?;
    let before = machine.sandbox.requests_to(stage).len();
    machine.sandbox.delay(stage, Duration::from_secs(8));
    call.say(&words("question-tea.wav"));
    machine.sandbox.wait_for(stage, before + 1, SOON);
    Ok(())
}
