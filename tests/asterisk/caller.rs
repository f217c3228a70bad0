//! How people use the phone: they wait for the beep, ask, and listen; and what they are expected to have heard.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use testkit::audio::{Clip, wav};
use testkit::{Script, Stage};

use crate::machine::Machine;
use crate::phone::{Call, Found, Heard, Phone, Side, SpokenAt};

/// The call of a caller who asked something, from beginning to end.
pub(crate) struct Exchange {
    pub(crate) said: SpokenAt,
    pub(crate) heard: Heard,
}

/// Dials 8008, asks after the beep, and listens until Asterisk hangs up.
pub(crate) fn ask(machine: &Machine, phone: &Phone, question: &Clip) -> Result<Exchange, String> {
    let mut call = dial(phone)?;
    let said = ask_in(&mut call, machine, question)?;
    listen(call, said)
}

/// Asks after the beep.
pub(crate) fn ask_in(
    call: &mut Call,
    machine: &Machine,
    question: &Clip,
) -> Result<SpokenAt, String> {
    beep(call, machine)?;
    Ok(call.say(question))
}

/// Waits for the beep.
pub(crate) fn beep(call: &mut Call, machine: &Machine) -> Result<Found, String> {
    call.wait_to_hear(&machine.sound("beep"), SOON)
}

/// Asks after the beep, and waits until a stage is busy with it, as it will be for so long.
pub(crate) fn ask_until(
    call: &mut Call,
    machine: &Machine,
    stage: Stage,
    busy: Duration,
) -> Result<SpokenAt, String> {
    let before = machine.sandbox.requests_to(stage).len();
    machine.sandbox.delay(stage, busy);
    let said = ask_in(call, machine, &data("question-tea.wav"));
    if said.is_ok() {
        machine.sandbox.wait_for(stage, before + 1, SOON);
    }
    machine.sandbox.restore(stage);
    said
}

/// How many turns the model was told in its last question.
pub(crate) fn turns_told(machine: &Machine) -> Option<usize> {
    let asked = machine.sandbox.requests_to(Stage::Llm);
    asked.last()?.body["contents"].as_array().map(Vec::len)
}

/// A call on this machine is answered, and leaves nothing.
pub(crate) fn call_works(machine: &Machine) -> Result<(), String> {
    ask(machine, &machine.phone(), &data("question-moon.wav"))?.only_answer("moon")?;
    machine.becomes_clean()
}

/// Dials 8008.
pub(crate) fn dial(phone: &Phone) -> Result<Call, String> {
    dial_to(phone, "8008")
}

/// Dials any number.
pub(crate) fn dial_to(phone: &Phone, extension: &str) -> Result<Call, String> {
    phone
        .dial(extension)
        .map_err(|refused| format!("{refused:?}"))
}

/// Listens until Asterisk hangs up.
pub(crate) fn listen(call: Call, said: SpokenAt) -> Result<Exchange, String> {
    let heard = call.wait_for_end(LONGEST_CALL);
    if heard.ended_by == Side::Phone {
        return Err(format!(
            "Asterisk did not end the call within {LONGEST_CALL:?}"
        ));
    }
    Ok(Exchange { said, heard })
}

impl Exchange {
    /// From the last audible sample of the question to the first of whatever came then.
    pub(crate) fn ear_to_ear(&self) -> Result<Duration, String> {
        let audible = self.heard.first_audible_after(self.said.last_voiced);
        Ok(audible.ok_or("nothing was heard")? - self.said.last_voiced)
    }

    /// The caller heard this answer, whole, once, and before anything else.
    pub(crate) fn answer(&self, expected: &Clip) -> Result<Found, String> {
        let found = self.heard.find(expected);
        let [only] = found[..] else {
            return Err(format!(
                "the answer was heard at {found:?}, at best by {:.2}; {}",
                self.heard.likeness(expected),
                self.heard.summary()
            ));
        };
        let first = self.said.last_voiced + self.ear_to_ear()?;
        if first + NEAR < only.begins || only.begins + NEAR < first {
            let wrong = "something else was heard before the answer";
            return Err(format!("{wrong}; {}", self.heard.summary()));
        }
        self.heard.is_whole(&only, expected).map(|()| only)
    }

    /// The caller heard this answer of `tests/data`, and none of the others.
    pub(crate) fn only_answer(&self, name: &str) -> Result<Found, String> {
        let found = self.answer(&answer(name))?;
        self.nothing_of_answers_but(Some(name))?;
        Ok(found)
    }

    fn nothing_of_answers_but(&self, expected: Option<&str>) -> Result<(), String> {
        let others = ANSWERS.iter().filter(|name| Some(**name) != expected);
        for name in others {
            self.nothing_of(name, &answer(name))?;
        }
        Ok(())
    }

    /// Not even a part of this sound was heard.
    pub(crate) fn nothing_of(&self, name: &str, sound: &Clip) -> Result<(), String> {
        let likeness = self.heard.likeness(sound);
        if likeness < UNLIKE {
            Ok(())
        } else {
            Err(format!("\"{name}\" was heard, by {likeness:.2}"))
        }
    }

    /// The caller heard Asterisk's recorded apology when the program's deadline was over, or before, and no answer of
    /// anybody; and Asterisk's log says `why`.
    pub(crate) fn apology(
        &self,
        machine: &Machine,
        deadline: Duration,
        why: &str,
    ) -> Result<(), String> {
        self.nothing_of("please-try-again", &machine.sound("please-try-again"))?;
        self.any_apology(machine, deadline, why)
    }

    /// The same of a caller who has been asked again.
    pub(crate) fn any_apology(
        &self,
        machine: &Machine,
        deadline: Duration,
        why: &str,
    ) -> Result<(), String> {
        self.nothing_of_answers_but(None)?;
        let [sorry, later] =
            ["im-sorry", "please-try-call-later"].map(|name| self.heard.find(&machine.sound(name)));
        let after = match (&sorry[..], &later[..]) {
            ([sorry], [later]) if sorry.begins < later.begins => {
                sorry.begins - self.said.last_voiced
            }
            _ => {
                let summary = self.heard.summary();
                return Err(format!(
                    "the apology was heard at {sorry:?}, {later:?}; {summary}"
                ));
            }
        };
        if after > SILENCE + deadline + MARGIN {
            return Err(format!("the apology came {after:?} after the question"));
        }
        let log = machine.last_warning();
        if log.contains(why) {
            Ok(())
        } else {
            Err(format!("not for the reason {why:?}: {log}"))
        }
    }
}

/// The folder `tests/data`.
pub(crate) fn data_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// A recording of `tests/data`.
pub(crate) fn data(name: &str) -> Clip {
    wav::read(&data_dir().join(name))
}

/// How the voice says an answer of `tests/data`.
pub(crate) fn answer(name: &str) -> Clip {
    let scripts = Script::standard(&data_dir());
    let wav = data_dir().join(format!("answer-{name}.wav"));
    let is_it = |script: &&Script| script.answer_wav.as_deref() == Some(wav.as_path());
    let words = scripts.iter().find(is_it).unwrap().answer.clone();
    Script::voice(scripts, &words)
}

/// The words of a question of `tests/data`, without the silence that ends it.
pub(crate) fn words(name: &str) -> Clip {
    let mut clip = data(name);
    let silence = usize::try_from(2 * clip.rate_hz).unwrap();
    clip.samples.truncate(clip.samples.len() - silence);
    clip
}

/// A moment that has passed as Asterisk's log writes it: seconds since 1970.
pub(crate) fn wall_clock(moment: Instant) -> f64 {
    let then = SystemTime::now() - moment.elapsed();
    then.duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// Different sentences of one voice are less alike; half of a sentence is more like the whole.
const UNLIKE: f64 = 0.6;
/// As near as the beginning of a sound is known.
pub(crate) const NEAR: Duration = Duration::from_millis(200);
/// From the program's last word to the apology's first sound.
const MARGIN: Duration = Duration::from_millis(500);
/// How long the example dialplan waits for the end of the question.
const SILENCE: Duration = Duration::from_secs(2);
const ANSWERS: [&str; 4] = ["moon", "opening-hours", "tea", "unknown"];
/// What happens early in a call happens within this.
pub(crate) const SOON: Duration = Duration::from_secs(15);
const LONGEST_CALL: Duration = Duration::from_secs(60);
