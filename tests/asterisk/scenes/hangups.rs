//! Callers who hang up, at every stage: nothing is left, and nothing more is paid for.

use std::thread;
use std::time::{Duration, Instant};

use testkit::Stage;

use super::services::sandbox;
use crate::caller::{self, SOON, ask_in, ask_until, call_works, data, words};
use crate::lab::Lab;
use crate::machine::{AFTERMATH, Machine};
use crate::phone::Call;
use crate::report::Report;

pub(crate) fn run(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    at_every_moment(&machine, report, "");
    report.check("after all the hang-ups a normal call works", || {
        call_works(&machine)
    });
}

/// Callers of one machine, whose program is reached in some `way`.
pub(super) fn at_every_moment(machine: &Machine, report: &Report, way: &str) {
    for (number, moment) in MOMENTS.iter().enumerate() {
        let name = format!("{way}a caller who hangs up {} leaves nothing", moment.when);
        report.check(&name, || {
            hang_up(machine, &format!("50{number:02}"), moment)
        });
    }
}

/// When the caller hangs up, what happens until then, and which stages have been asked by then.
struct Moment {
    when: &'static str,
    until: fn(&Machine, &mut Call) -> Result<(), String>,
    asked: &'static [Stage],
}

const MOMENTS: &[Moment] = &[
    Moment {
        when: "before the beep",
        until: |_, _| Ok(()),
        asked: &[],
    },
    Moment {
        when: "during the beep",
        until: |_, call| call.wait_for_sound(SOON).map(drop),
        asked: &[],
    },
    Moment {
        when: "while speaking",
        until: |machine, call| {
            caller::beep(call, machine)?;
            call.start_saying(&words(QUESTION));
            thread::sleep(Duration::from_millis(900));
            Ok(())
        },
        asked: &[],
    },
    Moment {
        when: "in the silence",
        until: |machine, call| {
            ask_in(call, machine, &words(QUESTION))?;
            thread::sleep(Duration::from_millis(700));
            Ok(())
        },
        asked: &[],
    },
    Moment {
        when: "while speech is recognised",
        until: |machine, call| ask_until(call, machine, Stage::Stt, LONG).map(drop),
        asked: &[Stage::Stt],
    },
    Moment {
        when: "while the model thinks",
        until: |machine, call| ask_until(call, machine, Stage::Llm, LONG).map(drop),
        asked: &[Stage::Stt, Stage::Llm],
    },
    Moment {
        when: "while the voice is made",
        until: |machine, call| ask_until(call, machine, Stage::Tts, LONG).map(drop),
        asked: &[Stage::Stt, Stage::Llm, Stage::Tts],
    },
    Moment {
        when: "while a sound fills the wait",
        until: |machine, call| {
            ask_until(call, machine, Stage::Llm, LONG)?;
            call.wait_for_sound(SOON)?;
            thread::sleep(Duration::from_millis(300));
            Ok(())
        },
        asked: &[Stage::Stt, Stage::Llm],
    },
    Moment {
        when: "at the first of the answer",
        until: |machine, call| {
            ask_in(call, machine, &data(QUESTION))?;
            call.wait_for_sound(SOON).map(drop)
        },
        asked: &[Stage::Stt, Stage::Llm, Stage::Tts],
    },
    Moment {
        when: "while the voice stalls in the middle of the answer",
        until: |machine, call| {
            machine.sandbox.stall_voice(Duration::from_secs(1), LONG, 2);
            ask_in(call, machine, &data(QUESTION))?;
            thread::sleep(Duration::from_secs(4));
            machine.sandbox.restore(Stage::Tts);
            Ok(())
        },
        asked: &[Stage::Stt, Stage::Llm, Stage::Tts],
    },
    Moment {
        when: "while the answer is played",
        until: |machine, call| {
            ask_in(call, machine, &data(QUESTION))?;
            call.wait_for_sound(SOON)?;
            thread::sleep(Duration::from_millis(700));
            Ok(())
        },
        asked: &[Stage::Stt, Stage::Llm, Stage::Tts],
    },
];

fn hang_up(machine: &Machine, number: &str, moment: &Moment) -> Result<(), String> {
    let before = machine.sandbox.requests().len();
    let dialled = Instant::now();
    let mut call = caller::dial(&machine.phone().number(number))?;
    (moment.until)(machine, &mut call)?;
    let heard = call.hang_up();
    thread::sleep(AFTERMATH.saturating_sub(heard.ended.elapsed()));
    machine.is_clean()?;
    let requests = machine.sandbox.requests().split_off(before);
    // The voice may be asked for several sentences.
    let mut asked: Vec<_> = requests.iter().map(|request| request.stage).collect();
    asked.dedup();
    if asked != moment.asked || requests.iter().any(|request| request.at > heard.ended) {
        return Err(format!("the services were asked for {asked:?}"));
    }
    let lasted = heard.ended - dialled;
    let recorded = machine.recorded_length(number)?;
    if recorded <= lasted + Duration::from_secs(1) {
        Ok(())
    } else {
        Err(format!(
            "the call lasted {lasted:?}, its record says {recorded:?}"
        ))
    }
}

const QUESTION: &str = "question-tea.wav";
/// A service that is still busy when the caller has long hung up.
const LONG: Duration = Duration::from_secs(8);
