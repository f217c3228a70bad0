//! The phase in which the caller hears a phrase, such as the disclosure, the greeting, the question whether they are still
//! there, the goodbye; or a sound of Asterisk's.

use std::time::{Duration, Instant};

use log::warn;

use super::echo::USUAL_DBFS;
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
    /// Why the caller does not hear it, if that is known.
    fault: Option<String>,
}

enum State {
    /// A voice speaks it, until then; else this sound of Asterisk's is played, if any.
    Making(Instant, Option<&'static str>),
    /// This sound is to be played.
    Made(String),
    /// This sound plays, no longer than until then.
    Playing(String, Instant),
    Over,
}

impl Phrase {
    /// Plays the sound of this name, a path or one of Asterisk's own.
    pub(super) fn sound(name: String) -> Self {
        Self::of(State::Made(name))
    }

    /// The same for a sound during which the caller may begin their next turn.
    pub(super) fn keeping_speech(self) -> Self {
        Self {
            keeps_speech: true,
            ..self
        }
    }

    /// Waits for [`Event::Phrase`], but no longer than `until`: then the sound `instead` is played, if any.
    pub(super) fn being_made(until: Instant, instead: Option<&'static str>) -> Self {
        Self::of(State::Making(until, instead))
    }

    /// Plays the sound `instead`, if any, because no voice speaks.
    pub(super) fn failed(failure: &Failure, instead: Option<&'static str>) -> Self {
        let mut phrase = Self::of(State::Over);
        phrase.fail(failure.to_string(), instead);
        phrase
    }

    fn of(state: State) -> Self {
        Self {
            state,
            keeps_speech: false,
            fault: None,
        }
    }

    fn fail(&mut self, fault: String, instead: Option<&'static str>) {
        warn!("{fault}");
        self.fault = Some(fault);
        self.state = instead.map_or(State::Over, |name| State::Made(name.to_owned()));
    }

    fn take(&mut self, event: Event) {
        let made = match event {
            Event::Phrase(place) => Ok(files::absolute(&place)),
            Event::End(Err(failure)) => Err(failure),
            Event::Panicked => Err(INTERNAL).at(Stage::Tts),
            _ => return,
        };
        if let State::Making(_, instead) = self.state {
            match made {
                Ok(place) => self.state = State::Made(place),
                Err(failure) => self.fail(Failure::to_string(&failure), instead),
            }
        }
    }
}

impl Phase for Phrase {
    /// Why the caller has not heard it, if anything but a hang-up kept them from that.
    type End = Option<String>;

    fn on(&mut self, input: Input, scene: &mut Scene, now: Instant) {
        match (input, &mut scene.caller) {
            (Input::HungUp, _) => self.state = State::Over,
            (Input::Ended(played), _) => {
                let state = std::mem::replace(&mut self.state, State::Over);
                if let (How::Unplayable(cause), State::Playing(name, _)) = (played.how, state) {
                    let cause = cause.map(|cause| format!(": {}", Chain(&cause)));
                    let fault = format!("asterisk cannot play {name}{}", cause.unwrap_or_default());
                    self.fail(fault, None);
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
                        self.fail(LATE.to_owned(), instead);
                    }
                    _ => {}
                }
            }
            (Input::Caller(_) | Input::Failed(_), _) => {}
        }
    }

    fn poll(&mut self, scene: &mut Scene, now: Instant) -> Step<Self::End> {
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
                return Step::End(Ok(self.fault.take()));
            }
        };
        let first = caller.into_iter().chain(end).min();
        Step::Wait(first.unwrap_or(now + LONGEST))
    }
}

/// No caller is greeted for longer.
const LONGEST: Duration = Duration::from_secs(60);
const LATE: &str = "tts: no voice has spoken the phrase in time";

#[cfg(test)]
mod tests;
