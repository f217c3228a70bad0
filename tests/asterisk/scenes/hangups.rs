//! Callers who hang up, at every stage: nothing is left, and nothing more is paid for.

use std::thread;
use std::time::{Duration, Instant};

use testkit::Stage;

use super::sandbox;
use crate::caller::{self, data};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::phone::Call;
use crate::report::Report;

pub(crate) fn run(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    for (number, (when, until)) in STAGES.iter().enumerate() {
        report.check(
            &format!("a caller who hangs up {when} leaves nothing"),
            || hang_up(&machine, &format!("50{number:02}"), *until),
        );
    }
    report.check("after all the hang-ups a normal call works", || {
        caller::ask(&machine, &machine.phone(), &data("question-tea.wav"))?
            .only_answer("tea")
            .map(drop)
    });
}

/// What the caller does before hanging up.
type Until = fn(&Machine, &mut Call) -> Result<(), String>;

const STAGES: &[(&str, Until)] = &[
    ("before the beep", |_, _| Ok(())),
    ("during the beep", |_, call| {
        call.wait_for_sound(PATIENCE).map(drop)
    }),
    ("while speaking", |machine, call| {
        beep(machine, call)?;
        call.start_saying(&data("question-tea.wav"));
        thread::sleep(Duration::from_millis(900));
        Ok(())
    }),
    ("in the silence", question),
    ("while speech is recognised", |machine, call| {
        in_stage(machine, call, Stage::Stt)
    }),
    ("while the model thinks", |machine, call| {
        in_stage(machine, call, Stage::Llm)
    }),
    ("while the voice is made", |machine, call| {
        in_stage(machine, call, Stage::Tts)
    }),
    ("while the answer is played", |machine, call| {
        question(machine, call)?;
        call.wait_for_sound(PATIENCE)?;
        thread::sleep(Duration::from_millis(700));
        Ok(())
    }),
];

fn beep(machine: &Machine, call: &mut Call) -> Result<(), String> {
    call.wait_to_hear(&machine.sound("beep"), PATIENCE)
        .map(drop)
}

/// Asks; the recording of the question ends with most of the silence that ends it.
fn question(machine: &Machine, call: &mut Call) -> Result<(), String> {
    beep(machine, call)?;
    call.say(&data("question-tea.wav"));
    Ok(())
}

fn in_stage(machine: &Machine, call: &mut Call, stage: Stage) -> Result<(), String> {
    let before = machine.sandbox.requests_to(stage).len();
    machine.sandbox.delay(stage, LONG);
    question(machine, call)?;
    machine.sandbox.wait_for(stage, before + 1, PATIENCE);
    machine.sandbox.restore(stage);
    Ok(())
}

fn hang_up(machine: &Machine, number: &str, until: Until) -> Result<(), String> {
    let dialled = Instant::now();
    let mut call = caller::dial(&machine.phone().number(number))?;
    until(machine, &mut call)?;
    let heard = call.hang_up();
    machine.is_clean()?;
    thread::sleep(AFTERMATH.saturating_sub(heard.ended.elapsed()));
    let late = machine
        .sandbox
        .requests()
        .iter()
        .filter(|request| request.at > heard.ended)
        .count();
    if late > 0 {
        return Err(format!("{late} request(s) were made after the hang-up"));
    }
    let lasted = heard.ended - dialled;
    let counted = machine.call_record(number)?;
    if counted <= lasted + Duration::from_secs(1) {
        Ok(())
    } else {
        Err(format!(
            "the call lasted {lasted:?}, its record says {counted:?}"
        ))
    }
}

const PATIENCE: Duration = Duration::from_secs(15);
/// A service that is still busy when the caller has long hung up.
const LONG: Duration = Duration::from_secs(8);
/// Within this a request that should not be made would have come.
const AFTERMATH: Duration = Duration::from_secs(2);
