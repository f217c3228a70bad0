//! A phrase that is always the same: a greeting, a question whether the caller is still there, a goodbye.

use std::time::{Duration, Instant};

use log::warn;

use super::caller_audio::CallerAudio;
use super::event::Event;
use super::line::{How, Input, Sound};
use super::phase::{Act, Phase, Step};
use super::turn::Scene;
use crate::error::{At, Failure, INTERNAL, Stage};
use crate::files;

/// Plays a phrase to its end, as soon as it has been spoken.
pub(super) struct Phrase {
    state: State,
    /// The sound of Asterisk's that is played if no voice speaks.
    instead: &'static str,
}

enum State {
    /// A voice speaks it.
    Making,
    /// This sound is to be played.
    Made(String),
    /// It ends no later than this.
    Playing(Instant),
    Over,
}

impl Phrase {
    /// Plays the sound of this name, a path or one of Asterisk's own.
    pub(super) fn sound(name: String) -> Self {
        Self {
            state: State::Made(name),
            instead: "",
        }
    }

    /// Waits for [`Event::Phrase`].
    pub(super) fn being_made(instead: &'static str) -> Self {
        Self {
            state: State::Making,
            instead,
        }
    }

    fn take(&mut self, event: Event) {
        let made = match event {
            Event::Phrase(place) => Ok(files::absolute(&place)),
            Event::End(Err(failure)) => Err(failure),
            Event::Panicked => Err(INTERNAL).at(Stage::Tts),
            _ => return,
        };
        if matches!(self.state, State::Making) {
            self.state = State::Made(made.unwrap_or_else(|failure: Failure| {
                warn!("{failure}");
                self.instead.to_owned()
            }));
        }
    }
}

impl Phase for Phrase {
    type End = ();

    fn on(&mut self, input: Input, scene: &mut Scene, now: Instant) {
        match (input, &mut scene.caller) {
            (Input::HungUp, _) => self.state = State::Over,
            (Input::Ended(played), _) => {
                if let How::Unplayable(cause) = played.how {
                    let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
                    warn!("asterisk cannot play a phrase of [conversation]{cause}");
                }
                self.state = State::Over;
            }
            (Input::Work(event), _) => self.take(event),
            (Input::Caller(samples), Some(caller)) => drop(caller.hear(&samples, now)),
            (Input::Elapsed, caller) => {
                if let Some(caller) = caller {
                    caller.hear_nothing(now);
                }
                if matches!(self.state, State::Playing(end) if end <= now) {
                    self.state = State::Over;
                }
            }
            (Input::Caller(_) | Input::Failed(_), _) => {}
        }
    }

    fn poll(&mut self, scene: &mut Scene, now: Instant) -> Step<()> {
        let caller = scene.caller.as_ref().map(CallerAudio::next_look);
        let end = match &mut self.state {
            State::Making => None,
            State::Playing(end) => Some(*end),
            State::Made(name) => {
                let name = std::mem::take(name);
                self.state = State::Playing(now + LONGEST);
                return Step::Do(Act::Play {
                    what: Sound::Phrase,
                    name,
                    stop_keys: String::new(),
                    offset: 0,
                });
            }
            State::Over => {
                // What was said meanwhile was said to the sound.
                if let Some(caller) = &mut scene.caller {
                    caller.forget();
                }
                return Step::End(Ok(()));
            }
        };
        let first = caller.into_iter().chain(end).min();
        Step::Wait(first.unwrap_or(now + LONGEST))
    }
}

/// No caller is greeted for longer.
const LONGEST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
