//! What is heard of answers and phrases into which something sounds: a noise, an "mm-hm", a television, an echo, words.

use std::path::Path;
use std::thread;
use std::time::Duration;

use testkit::audio::{Clip, clips, wav};
use testkit::{Sandbox, Script, TempDir};

use super::conversation::{QUIET, dial, machine, turn};
use super::talk::{cough, together};
use crate::caller::{self, SOON, answer, data_dir, words};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::phone::Call;
use crate::report::{Report, ms};

/// What sounds into an answer: its name, the sound, and what a transcriber hears in it.
type Disturbance = (&'static str, fn() -> Clip, &'static str);

const DISTURBANCES: &[Disturbance] = &[
    ("a cough", || cough(7), "[cough]"),
    (
        "a noise like a voice",
        || clips::babble(8000, "rumbling noise"),
        "[noise]",
    ),
    ("\"mm-hm\"", || clips::babble(8000, "hmm mmh hm"), "Mm-hm."),
];

/// Services that hear the questions of `tests/data`, and in the disturbances what is in them.
fn services(folder: &Path) -> Sandbox {
    let mut scripts = Script::standard(&data_dir());
    for (number, (_, sound, transcript)) in DISTURBANCES.iter().enumerate() {
        let place = folder.join(format!("{number}.wav"));
        wav::write(&place, &sound());
        scripts.push(Script {
            question_wav: Some(place),
            question: (*transcript).to_owned(),
            answer: "Who said that?".to_owned(),
            answer_wav: None,
        });
    }
    Sandbox::start(scripts)
}

/// A noise and an "mm-hm" do not end an answer: it goes on, and is heard whole.
pub(crate) fn run(lab: &Lab, report: &Report) {
    let folder = TempDir::new().unwrap();
    let machine = machine(lab, services(folder.path()), |settings| settings);
    machine.sandbox.pace(8.0);
    for (name, sound, _) in DISTURBANCES {
        let mut gaps = Vec::new();
        report.check(
            &format!("an answer goes on after {name}, and is heard whole"),
            || {
                gaps = together(4, |_| goes_on(&machine, &sound()))?;
                machine.becomes_clean()
            },
        );
        let name = format!("in a conversation, from {name} into an answer to the rest of it");
        report.check(&format!("{name}, in time"), || {
            report.p95(&name, gaps, Duration::from_millis(1500))
        });
    }
}

/// How long after `sound` an answer into which it sounds is heard.
fn goes_on(machine: &Machine, sound: &Clip) -> Result<Duration, String> {
    let mut call = dial(machine, &machine.phone())?;
    let said = call.say(&words("question-moon.wav"));
    call.listen_from(said.last_voiced);
    call.wait_for_sound(SOON)?;
    thread::sleep(Duration::from_millis(1500));
    let noise = call.say(sound);
    call.listen_from(noise.last_voiced);
    let first = call.wait_for_sound(SOON)?;
    let found = call.wait_to_hear(&answer("moon"), SOON);
    if found.is_err() {
        // It was not stopped at all.
        call.listen_from(said.last_voiced);
    }
    let found = found.or_else(|_| call.wait_to_hear(&answer("moon"), SOON))?;
    call.so_far().is_whole(&found, &answer("moon"))?;
    thread::sleep(Duration::from_millis(400));
    turn(&mut call, "question-tea.wav", &answer("tea"))?;
    Ok(first - noise.last_voiced)
}

/// What a caller says into the greeting is answered, and stops it.
pub(crate) fn into_the_greeting(lab: &Lab, report: &Report) {
    let greeting = "Good morning and welcome to the house of many long words, in which you may ask whatever you like.";
    let sandbox = Sandbox::start(Script::standard(&data_dir()));
    let machine = machine(lab, sandbox, |settings| {
        settings.set("conversation.greeting", greeting)
    });
    for when in [
        "the first call, in which it is made",
        "a call in which it is kept",
    ] {
        report.check(
            &format!("who speaks into the greeting is answered, in {when}"),
            || {
                let mut call = caller::dial_to(&machine.phone(), "8009")?;
                call.wait_for_sound(SOON)?;
                thread::sleep(Duration::from_millis(1200));
                let said = call.say(&words("question-tea.wav"));
                let silent = call.so_far().silent_from(said.first_voiced, QUIET);
                let silent = silent.ok_or("the greeting never fell silent")? - said.first_voiced;
                call.listen_from(said.last_voiced);
                let found = call.wait_to_hear(&answer("tea"), SOON)?;
                call.so_far().is_whole(&found, &answer("tea"))?;
                if silent > Duration::from_millis(600) {
                    return Err(format!("the greeting fell silent after {}", ms(silent)));
                }
                call.hang_up();
                machine.becomes_clean()
            },
        );
    }
}

/// Beside a television turns end, and answers are heard whole.
pub(crate) fn television(lab: &Lab, report: &Report) {
    let sandbox = Sandbox::start(Script::standard(&data_dir()));
    let machine = machine(lab, sandbox, |settings| settings);
    let mut waited = Vec::new();
    report.check(
        "beside a television turns end, and answers are heard whole",
        || {
            waited = together(4, |number| {
                let mut call = dial(&machine, &machine.phone())?;
                let question = words("question-moon.wav");
                let line = question.then(&clips::silence(8000, 18.0));
                let television = on_television(line.seconds(), number);
                let line = line.mixed_with(&television);
                let begins = std::time::Instant::now();
                call.start_saying(&line);
                let ends = begins + Duration::from_secs_f64(words("question-moon.wav").seconds());
                call.listen_from(ends);
                let found = call.wait_to_hear(&answer("moon"), SOON)?;
                call.so_far().is_whole(&found, &answer("moon"))?;
                Ok(found.begins - ends)
            })?;
            Ok(())
        },
    );
    report.check("beside a television turns end in time", || {
        let name = "in a conversation beside a television, from the question to the answer, of services that answer at once";
        report.p95(name, waited, Duration::from_millis(1900))
    });
}

/// A voice over music, 20 dB softer than callers speak.
fn on_television(seconds: f64, number: u32) -> Clip {
    let talks = clips::babble(
        8000,
        &format!("news of the day number {number} ").repeat(20),
    );
    let music = clips::tone(8000, 330.0, -20.0, seconds)
        .mixed_with(&clips::tone(8000, 415.0, -20.0, seconds))
        .mixed_with(&clips::tone(8000, 494.0, -20.0, seconds));
    talks.mixed_with(&music.amplified(-8.0)).amplified(-20.0)
}

/// A mobile phone that brings back a loud echo, late.
pub(crate) fn mobile(lab: &Lab, report: &Report) {
    let sandbox = Sandbox::start(Script::standard(&data_dir()));
    let machine = machine(lab, sandbox, |settings| settings);
    report.check(
        "most answers that echo at -12 dB after 400 ms are heard to their end",
        || {
            let whole = together(4, |_| {
                let mut call = dial(&machine, &machine.phone())?;
                call.echo(-12.0, Duration::from_millis(400));
                (0..2)
                    .map(|_| Ok(u32::from(is_heard_whole(&mut call)?)))
                    .sum::<Result<u32, String>>()
            })?;
            let whole: u32 = whole.into_iter().sum();
            report.figure(
                "answers that echo at -12 dB after 400 ms, heard whole",
                format!("{whole} of 8"),
            );
            if whole >= 5 {
                Ok(())
            } else {
                Err(format!("{whole} of 8 are heard whole"))
            }
        },
    );
}

fn is_heard_whole(call: &mut Call) -> Result<bool, String> {
    let said = call.say(&words("question-moon.wav"));
    call.listen_from(said.last_voiced);
    let first = call.wait_for_sound(SOON)?;
    let sound = answer("moon");
    thread::sleep(Duration::from_secs_f64(sound.seconds()) + Duration::from_secs(2));
    call.listen_from(first);
    let heard = call.so_far();
    let found = heard.find(&sound);
    let last = found
        .last()
        .filter(|found| found.begins + caller::NEAR > first);
    Ok(last.is_some_and(|found| heard.is_whole(found, &sound).is_ok()))
}
