//! Talks of several turns on extension 8009: who speaks is heard and answered, and ends it or is transferred.

pub(super) mod hang_ups;
pub(super) mod memory;
pub(super) mod operator;
pub(super) mod personas;
pub(super) mod transfers;

use std::thread;
use std::time::{Duration, Instant};

use testkit::audio::Clip;
use testkit::{Sandbox, Script, Settings};

use crate::caller::{self, NEAR, SOON, answer, data_dir, turns_told, words};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::phone::{Call, Codec, Found, Heard, Phone, SpokenAt};
use crate::report::Report;

/// What is answered to a question of `tests/data` instead of its own answer.
pub(super) fn services(answers: &[(&str, &str)]) -> Sandbox {
    let mut scripts = Script::standard(&data_dir());
    for (name, answer) in answers {
        let wav = data_dir().join(format!("question-{name}.wav"));
        let is_it = |script: &&mut Script| script.question_wav.as_deref() == Some(wav.as_path());
        let script = scripts.iter_mut().find(is_it).unwrap();
        (script.answer, script.answer_wav) = ((*answer).to_owned(), None);
    }
    Sandbox::start(scripts)
}

pub(super) fn machine(
    lab: &Lab,
    sandbox: Sandbox,
    change: impl Fn(Settings) -> Settings,
) -> Machine {
    let machine = Machine::installed(lab, sandbox);
    machine.configure(&change(machine.settings()));
    machine
}

/// A caller of 8009 who has been greeted.
pub(super) fn dial(machine: &Machine, phone: &Phone) -> Result<Call, String> {
    let mut call = caller::dial_to(phone, "8009")?;
    call.wait_to_hear(&machine.sound("hello"), SOON)?;
    Ok(call)
}

/// Says something, waits for the answer and hears it out.
pub(super) fn turn(
    call: &mut Call,
    question: &str,
    answer: &Clip,
) -> Result<(SpokenAt, Found), String> {
    let said = call.say(&words(question));
    call.listen_from(said.last_voiced);
    let found = call.wait_to_hear(answer, SOON)?;
    // People breathe before they speak on.
    thread::sleep(Duration::from_millis(400));
    Ok((said, found))
}

pub(crate) fn run(lab: &Lab, report: &Report) {
    let sandbox = services(&[("opening-hours", &format!("{GOODBYE} [[goodbye]]"))]);
    let machine = machine(lab, sandbox, |settings| settings);
    for codec in [Codec::Ulaw, Codec::G722] {
        let name = format!(
            "a conversation of three turns on a {codec:?} phone ends when the caller wants that"
        );
        report.check(&name, || {
            let phone = machine.phone().codec(codec);
            let mut call = dial(&machine, &phone)?;
            turn(&mut call, "question-tea.wav", &answer("tea"))?;
            turn(&mut call, "question-moon.wav", &answer("moon"))?;
            let said = call.say(&words("question-opening-hours.wav"));
            let heard = call.wait_for_end(LONGEST);
            let goodbye = only(&heard, &machine.sandbox.spoken(GOODBYE))?;
            ended_after(&heard, goodbye.ends)?;
            let turns = turns_told(&machine);
            if goodbye.begins < said.last_voiced || turns != Some(5) {
                return Err(format!("the model was told {turns:?} turns"));
            }
            machine.becomes_clean()?;
            let records = machine.call_records();
            match records.lines().last() {
                Some(last) if last.contains(",8009,ANSWERED") => Ok(()),
                last => Err(format!("the record of the call is {last:?}")),
            }
        });
    }
    report.check(
        "a caller who says nothing is asked once, and then it says goodbye",
        || {
            let before = machine.sandbox.requests().len();
            let call = dial(&machine, &machine.phone())?;
            let heard = call.wait_for_end(LONGEST);
            let asked = only(&heard, &machine.sound("beep"))?;
            let goodbye = only(&heard, &machine.sound("goodbye"))?;
            let between = (goodbye.begins - asked.ends).as_secs_f64();
            if !(7.5..9.5).contains(&between) || machine.sandbox.requests().len() != before {
                return Err(format!("goodbye {between} s after the question"));
            }
            machine.becomes_clean()
        },
    );
    report.check("the # key ends a turn at once", || {
        let mut call = dial(&machine, &machine.phone())?;
        let said = call.say(&words("question-tea.wav"));
        call.press('#');
        call.listen_from(said.last_voiced);
        let found = call.wait_to_hear(&answer("tea"), SOON)?;
        call.hang_up();
        let waited = found.begins - said.last_voiced;
        if waited < QUIET {
            machine.becomes_clean()
        } else {
            Err(format!("the answer came after {waited:?}"))
        }
    });
}

/// It was heard once.
pub(super) fn only(heard: &Heard, sound: &Clip) -> Result<Found, String> {
    match heard.find(sound)[..] {
        [only] => Ok(only),
        ref found => Err(format!(
            "it was heard at {found:?}, at best by {:.2}; {}",
            heard.likeness(sound),
            heard.summary()
        )),
    }
}

pub(super) fn ended_after(heard: &Heard, moment: Instant) -> Result<(), String> {
    if heard.ended + NEAR >= moment {
        Ok(())
    } else {
        Err("the call ended before the last word".into())
    }
}

pub(super) const GOODBYE: &str =
    "It was a pleasure to talk with you, and good luck with the garden.";
const CONNECT: &str = "One moment please, I will connect you with the reception.";
/// The program's default.
pub(super) const QUIET: Duration = Duration::from_millis(700);
const LONGEST: Duration = Duration::from_secs(60);
