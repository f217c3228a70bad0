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
    /// The caller heard this answer, whole and once, and no other.
    pub(crate) fn answer(&self, expected: &Clip) -> Result<Found, String> {
        let found = self.heard.find(expected);
        match found[..] {
            [only] if only.begins > self.said.last_voiced => Ok(only),
            _ => Err(format!(
                "the answer was heard at {found:?}, at best by {:.2}; {}",
                self.heard.likeness(expected),
                self.heard.summary()
            )),
        }
    }

    /// The caller heard this answer of `tests/data`, whole and once, and none of the others.
    pub(crate) fn only_answer(&self, name: &str) -> Result<Found, String> {
        let found = self.answer(&data(&format!("answer-{name}.wav")))?;
        self.no_answer_but(Some(name))?;
        Ok(found)
    }

    fn no_answer_but(&self, expected: Option<&str>) -> Result<(), String> {
        for name in ANSWERS.iter().filter(|name| Some(**name) != expected) {
            let found = self.heard.find(&data(&format!("answer-{name}.wav")));
            if !found.is_empty() {
                return Err(format!(
                    "somebody else's answer was heard: {name} at {found:?}"
                ));
            }
        }
        Ok(())
    }

    /// The caller heard Asterisk's recorded apology and no answer of anybody, and was told so often to have
    /// said nothing; when it began.
    fn apology(&self, machine: &Machine, blamed: usize) -> Result<Instant, String> {
        self.no_answer_but(None)?;
        if self.heard.find(&machine.sound("please-try-again")).len() != blamed {
            return Err("the caller was told to have said nothing".into());
        }
        let [sorry, later] =
            ["im-sorry", "please-try-call-later"].map(|name| self.heard.find(&machine.sound(name)));
        match (&sorry[..], &later[..]) {
            ([sorry], [later]) if sorry.begins < later.begins => Ok(sorry.begins),
            _ => Err(format!(
                "the apology was heard at {sorry:?}, {later:?}; {}",
                self.heard.summary()
            )),
        }
    }

    /// The apology came when the program's deadline was over, or before.
    pub(crate) fn apology_within(
        &self,
        machine: &Machine,
        deadline: Duration,
    ) -> Result<(), String> {
        let after = self.apology(machine, 0)? - self.said.last_voiced;
        if after <= SILENCE + deadline + MARGIN {
            Ok(())
        } else {
            Err(format!("the apology came {after:?} after the question"))
        }
    }

    /// The apology came after the caller had been silent once and then asked.
    pub(crate) fn apology_after_a_second_try(&self, machine: &Machine) -> Result<(), String> {
        self.apology(machine, 1).map(drop)
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

/// From the program's last word to the apology's first sound.
const MARGIN: Duration = Duration::from_millis(500);
/// How long the example dialplan waits for the end of the question.
const SILENCE: Duration = Duration::from_secs(2);
const ANSWERS: [&str; 4] = ["moon", "opening-hours", "tea", "unknown"];
/// How long a caller waits for the beep, and for what is not long in coming either.
pub(crate) const BEEP_WITHIN: Duration = Duration::from_secs(15);
const LONGEST_CALL: Duration = Duration::from_secs(60);
