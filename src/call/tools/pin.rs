//! A PIN that the caller types: they are asked for it, and their keys are collected until `#` or a pause.

use std::time::{Duration, Instant};

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
            silence,
            is_sounding: false,
            keys: String::new(),
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
                caller.hear(samples, now);
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

const KEYS: &str = "0123456789*#";
const END_KEY: char = '#';

/// How long a key is waited for.
const PATIENCE: Duration = Duration::from_secs(8);

/// No PIN has more digits; what is typed beyond makes no right one.
const MAX_KEYS: usize = 32;
