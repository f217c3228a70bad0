//! How people use the phone: they wait for the beep, ask, and listen; and what they are expected to have heard.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use testkit::audio::{Clip, wav};

use crate::machine::Machine;
use crate::phone::{Call, Found, Heard, Phone, Said};

/// A call of somebody who asked something, from beginning to end.
pub(crate) struct Exchange {
    pub(crate) said: Said,
    pub(crate) heard: Heard,
}

/// Dials 8008, asks after the beep, and listens until Asterisk hangs up.
pub(crate) fn ask(machine: &Machine, phone: &Phone, question: &Clip) -> Result<Exchange, String> {
    let mut call = dial(phone)?;
    call.wait_to_hear(&machine.sound("beep"), BEEP_WITHIN)?;
    let said = call.say(question);
    listen(call, said)
}

/// Dials 8008.
pub(crate) fn dial(phone: &Phone) -> Result<Call, String> {
    phone.dial("8008").map_err(|refused| format!("{refused:?}"))
}

/// Listens until Asterisk hangs up.
pub(crate) fn listen(call: Call, said: Said) -> Result<Exchange, String> {
    let heard = call.wait_for_end(LONGEST_CALL);
    if heard.ended_by_phone() {
        return Err(format!(
            "Asterisk did not end the call within {LONGEST_CALL:?}"
        ));
    }
    Ok(Exchange { said, heard })
}

impl Exchange {
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
        let audible = self.heard.first_audible_after(self.said.last_voiced);
        let first = audible.ok_or("nothing was heard")?;
        if first + NEAR < only.begins || only.begins + NEAR < first {
            let wrong = "something else was heard before the answer";
            return Err(format!("{wrong}; {}", self.heard.summary()));
        }
        self.heard.is_whole(&only, expected).map(|()| only)
    }

    /// The caller heard this answer of `tests/data`, and none of the others.
    pub(crate) fn only_answer(&self, name: &str) -> Result<Found, String> {
        let found = self.answer(&data(&format!("answer-{name}.wav")))?;
        self.nothing_of_answers_but(Some(name))?;
        Ok(found)
    }

    fn nothing_of_answers_but(&self, expected: Option<&str>) -> Result<(), String> {
        let others = ANSWERS.iter().filter(|name| Some(**name) != expected);
        for name in others {
            self.nothing_of(name, &data(&format!("answer-{name}.wav")))?;
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

/// A recording of `tests/data`.
pub(crate) fn data(name: &str) -> Clip {
    wav::read(
        &Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data")
            .join(name),
    )
}

/// The words of a question of `tests/data`, without the silence that ends it.
pub(crate) fn words(name: &str) -> Clip {
    let mut clip = data(name);
    let silence = usize::try_from(2 * clip.rate_hz).unwrap();
    clip.samples.truncate(clip.samples.len() - silence);
    clip
}

/// A moment as Asterisk's log writes it: seconds since 1970.
pub(crate) fn wall_clock(moment: Instant) -> f64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64();
    let ago = Instant::now().checked_duration_since(moment);
    ago.map_or_else(
        || now + (moment - Instant::now()).as_secs_f64(),
        |ago| now - ago.as_secs_f64(),
    )
}

/// Different sentences of one voice are less alike; half of a sentence is more like the whole.
const UNLIKE: f64 = 0.6;
/// As near as the beginning of a sound is known.
const NEAR: Duration = Duration::from_millis(200);
/// From the program's last word to the apology's first sound.
const MARGIN: Duration = Duration::from_millis(500);
/// How long the example dialplan waits for the end of the question.
const SILENCE: Duration = Duration::from_secs(2);
const ANSWERS: [&str; 4] = ["moon", "opening-hours", "tea", "unknown"];
/// How long a caller waits for the beep, and for what is not long in coming either.
pub(crate) const BEEP_WITHIN: Duration = Duration::from_secs(15);
const LONGEST_CALL: Duration = Duration::from_secs(60);
