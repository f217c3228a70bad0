//! A PIN that the caller types: they are asked for it, and their keys are collected until `#` or a pause.

use std::time::{Duration, Instant};

use crate::call::keypad::{END_KEY, KEYS};
use crate::call::line::{How, Input, Play, Sound};
use crate::call::phase::{Act, Phase, Step};
use crate::call::phrase::Phrase;
use crate::call::turn::Scene;
use crate::sys::error::Failure;

/// What the caller has typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// These digits.
    Keys(String),
    Nothing,
}

/// Asks for a PIN and takes it in.
pub(super) struct PinEntry {
    /// The question, until it has been heard or a key is pressed.
    phrase: Option<Phrase>,
    /// What is played meanwhile, because Asterisk tells keys only while something plays.
    silence: Option<String>,
    is_sounding: bool,
    keys: String,
    /// When the next key is waited for no longer, once the question has been heard.
    until: Option<Instant>,
    end: Option<Result<Typed, Failure>>,
}

impl PinEntry {
    pub(super) fn new(phrase: Phrase, silence: Option<String>) -> Self {
        Self {
            phrase: Some(phrase),
            ..Self::going_on(String::new(), silence)
        }
    }

    /// Takes in a PIN of which these keys have been typed.
    pub(super) fn going_on(keys: String, silence: Option<String>) -> Self {
        Self {
            phrase: None,
            silence,
            is_sounding: false,
            keys,
            until: None,
            end: None,
        }
    }

    fn press(&mut self, key: char, now: Instant) {
        self.phrase = None;
        self.until = Some(now + PATIENCE);
        match key {
            '0'..='9' if self.keys.len() < MAX_KEYS => self.keys.push(key),
            '0'..='9' => {}
            END_KEY => self.finish(),
            // A caller who has mistyped begins again.
            _ => self.keys.clear(),
        }
    }

    fn finish(&mut self) {
        let keys = std::mem::take(&mut self.keys);
        let typed = if keys.is_empty() {
            Typed::Nothing
        } else {
            Typed::Keys(keys)
        };
        self.end.get_or_insert(Ok(typed));
    }
}

impl Phase for PinEntry {
    type End = Typed;

    fn on(&mut self, input: Input, scene: &mut Scene, now: Instant) {
        match (&input, &mut scene.caller) {
            (Input::HungUp, _) => self.end = Some(Ok(Typed::Nothing)),
            (Input::Ended(played), _) => {
                self.is_sounding = false;
                match played.how {
                    How::Key { key, .. } => return self.press(key, now),
                    How::Unplayable(_) if self.phrase.is_none() => self.silence = None,
                    _ => {}
                }
            }
            // What they say is no answer to this.
            (Input::Caller(samples), Some(caller)) => {
                caller.hear_after(samples, now);
                caller.forget();
            }
            (Input::Elapsed, Some(caller)) => {
                if let Some(silence) = caller.missing(now) {
                    caller.hear_after(&silence, now);
                }
                caller.forget();
            }
            _ => {}
        }
        if self.until.is_some_and(|until| until <= now) {
            self.finish();
        }
        if let Some(phrase) = &mut self.phrase
            && !matches!(input, Input::Caller(_))
        {
            phrase.on(input, scene, now);
        }
    }

    fn poll(&mut self, scene: &mut Scene, now: Instant) -> Step<Typed> {
        if let Some(end) = self.end.take() {
            return Step::End(end);
        }
        if let Some(phrase) = &mut self.phrase {
            match phrase.poll(scene, now) {
                Step::Do(Act::Play(play)) => {
                    self.is_sounding = true;
                    return Step::Do(Act::Play(keyed(play.name)));
                }
                Step::Do(act) => return Step::Do(act),
                Step::Wait(until) => return Step::Wait(until),
                Step::End(Err(failure)) => return Step::End(Err(failure)),
                Step::End(Ok(_)) => self.phrase = None,
            }
        }
        let until = *self.until.get_or_insert(now + PATIENCE);
        if let Some(name) = self.silence.clone().filter(|_| !self.is_sounding) {
            self.is_sounding = true;
            return Step::Do(Act::Play(keyed(name)));
        }
        let look = scene.next_look();
        Step::Wait(look.map_or(until, |look| look.min(until)))
    }
}

/// A sound that any key ends. As silence, it leads to no operator: 0 is a digit here.
fn keyed(name: String) -> Play {
    Play {
        what: Sound::KeepAlive,
        name,
        stop_keys: KEYS.to_owned(),
        offset: 0,
    }
}

/// How long a key is waited for.
const PATIENCE: Duration = Duration::from_secs(8);

/// No PIN has more digits; what is typed beyond makes no right one.
const MAX_KEYS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::phase::tests::{Heard as Line, Virtual, caller};

    fn entry() -> Virtual<PinEntry> {
        Virtual::new(|now, scene| {
            scene.caller = Some(caller(now, None));
            PinEntry::new(Phrase::sound("ask".into()), Some("silence".into()))
        })
    }

    fn key(key: char) -> How {
        How::Key { key, endpos: None }
    }

    fn through() -> How {
        How::Through { endpos: None }
    }

    /// How it ended: when in ms, and with which keys.
    fn ended(call: &Virtual<PinEntry>) -> String {
        match &call.end {
            None => "goes on".into(),
            Some((ms, Ok(Typed::Keys(keys)))) => format!("{ms} {keys}"),
            Some((ms, Ok(Typed::Nothing))) => format!("{ms} nothing"),
            Some((ms, Err(failure))) => format!("{ms} {failure}"),
        }
    }

    #[test]
    fn keys_are_taken_until_the_hash_key_or_for_eight_seconds() {
        type Row<'a> = (&'a str, &'a [(u64, char)], &'a str);
        let table: &[Row<'_>] = &[
            (
                "into the question",
                &[(500, '4'), (700, '0'), (900, '#')],
                "900 40",
            ),
            (
                "after it",
                &[(2500, '4'), (3000, '2'), (3500, '#')],
                "3500 42",
            ),
            ("nothing", &[], "10000 nothing"),
            ("hash alone", &[(2500, '#')], "2500 nothing"),
            ("no hash", &[(2500, '4'), (10_400, '2')], "18400 42"),
            (
                "begun again",
                &[(2500, '4'), (3000, '*'), (3500, '2'), (4000, '#')],
                "4000 2",
            ),
        ];
        for (name, keys, expected) in table {
            let mut call = entry();
            let mut is_asked = true;
            for (ms, pressed) in *keys {
                if is_asked && *ms > 2000 {
                    call.ends(2000, Sound::KeepAlive, through());
                }
                is_asked = false;
                call.ends(*ms, Sound::KeepAlive, key(*pressed));
            }
            if is_asked {
                call.ends(2000, Sound::KeepAlive, through());
            }
            call.pass(30_000);
            assert_eq!(ended(&call), *expected, "{name}");
        }
    }

    #[test]
    fn silence_is_played_between_the_keys_and_every_key_ends_it() {
        let mut call = entry();
        call.ends(2000, Sound::KeepAlive, through());
        call.ends(3000, Sound::KeepAlive, key('4'));
        call.ends(5000, Sound::KeepAlive, through());
        call.assert_steps(&[
            (0, "play ask 0123456789*#@0"),
            (2000, "play silence 0123456789*#@0"),
            (3000, "play silence 0123456789*#@0"),
            (5000, "play silence 0123456789*#@0"),
        ]);
    }

    #[test]
    fn a_pin_that_the_caller_has_begun_to_type_is_not_asked_for() {
        let mut call = Virtual::new(|_, _| PinEntry::going_on("4".into(), Some("silence".into())));
        call.ends(1000, Sound::KeepAlive, key('2'));
        call.assert_steps(&[
            (0, "play silence 0123456789*#@0"),
            (1000, "play silence 0123456789*#@0"),
        ]);
        call.pass(30_000);
        assert_eq!(ended(&call), "9000 42");
    }

    #[test]
    fn what_is_said_meanwhile_is_no_turn_and_a_hang_up_ends_it() {
        let mut call = entry();
        call.hears(0, 1000, Line::Quiet);
        call.hears(1000, 2000, Line::Voice);
        assert_eq!(ended(&call), "goes on");
        assert!(call.scene.said.is_empty());
        call.on(3500, Input::HungUp);
        assert_eq!(ended(&call), "3500 nothing");
    }

    #[test]
    fn no_more_keys_are_kept_than_a_pin_may_have() {
        let mut call = entry();
        for ms in 1..200 {
            call.ends(ms, Sound::KeepAlive, key('7'));
        }
        call.ends(200, Sound::KeepAlive, key('#'));
        assert_eq!(ended(&call), format!("200 {}", "7".repeat(MAX_KEYS)));
    }
}
