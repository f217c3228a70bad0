//! A phrase that is always the same: a greeting, a question whether the caller is still there, a goodbye.

use std::time::{Duration, Instant};

use log::warn;

use super::answering::USUAL_DBFS;
use super::event::Event;
use super::line::{How, Input, Play, Sound};
use super::phase::{Act, Phase, Step};
use super::turn::Scene;
use crate::sys::error::{At, Chain, Failure, INTERNAL, Stage};
use crate::sys::files;

/// Plays a phrase to its end, as soon as it has been spoken.
pub(super) struct Phrase {
    state: State,
    /// Whether what the caller says meanwhile is the beginning of their next turn; else it was said to the sound.
    keeps_speech: bool,
}

enum State {
    /// A voice speaks it, until then; else this sound of Asterisk's is played.
    Making(Instant, &'static str),
    /// This sound is to be played.
    Made(String),
    /// This sound plays, no longer than until then.
    Playing(String, Instant),
    Over,
}

impl Phrase {
    /// Plays the sound of this name, a path or one of Asterisk's own.
    pub(super) fn sound(name: String) -> Self {
        Self {
            state: State::Made(name),
            keeps_speech: false,
        }
    }

    /// Plays a beep in place of an answer; the caller may go on meanwhile.
    pub(super) fn beep() -> Self {
        Self {
            state: State::Made("beep".to_owned()),
            keeps_speech: true,
        }
    }

    /// Waits for [`Event::Phrase`], but no longer than `until`: then the sound `instead` is played.
    pub(super) fn being_made(until: Instant, instead: &'static str) -> Self {
        Self {
            state: State::Making(until, instead),
            keeps_speech: false,
        }
    }

    fn take(&mut self, event: Event) {
        let made = match event {
            Event::Phrase(place) => Ok(files::absolute(&place)),
            Event::End(Err(failure)) => Err(failure),
            Event::Panicked => Err(INTERNAL).at(Stage::Tts),
            _ => return,
        };
        if let State::Making(_, instead) = self.state {
            self.state = State::Made(made.unwrap_or_else(|failure: Failure| {
                warn!("{failure}");
                instead.to_owned()
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
                let state = std::mem::replace(&mut self.state, State::Over);
                if let (How::Unplayable(cause), State::Playing(name, _)) = (played.how, state) {
                    let cause = cause.map(|cause| format!(": {}", Chain(&cause)));
                    warn!("asterisk cannot play {name}{}", cause.unwrap_or_default());
                }
            }
            (Input::Work(event), _) => self.take(event),
            (Input::Caller(samples), Some(caller)) => {
                caller.guard_against(Some(USUAL_DBFS));
                caller.hear(&samples, now);
            }
            (Input::Elapsed, caller) => {
                if let Some(caller) = caller {
                    caller.hear_nothing(now);
                }
                match self.state {
                    State::Playing(_, end) if end <= now => self.state = State::Over,
                    State::Making(until, instead) if until <= now => {
                        self.state = State::Made(instead.to_owned());
                    }
                    _ => {}
                }
            }
            (Input::Caller(_) | Input::Failed(_), _) => {}
        }
    }

    fn poll(&mut self, scene: &mut Scene, now: Instant) -> Step<()> {
        let caller = scene.next_look();
        let end = match &mut self.state {
            State::Making(end, _) | State::Playing(_, end) => Some(*end),
            State::Made(name) => {
                let name = std::mem::take(name);
                self.state = State::Playing(name.clone(), now + LONGEST);
                return Step::Do(Act::Play(Play {
                    what: Sound::Phrase,
                    name,
                    stop_keys: String::new(),
                    offset: 0,
                }));
            }
            State::Over => {
                if let Some(caller) = &mut scene.caller
                    && !self.keeps_speech
                {
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
