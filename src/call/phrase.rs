//! The phase in which the caller hears a phrase, such as the disclosure, the greeting, the question whether they are still
//! there, the goodbye; or a sound of Asterisk's.

use std::path::Path;
use std::time::{Duration, Instant};

use log::warn;

use super::caller_audio::CallerAudio;
use super::echo::{LONGEST_PHRASE, Reply, Source};
use super::event::Event;
use super::keypad::DIGITS;
use super::line::{How, Input, Play, Played, Sound};
use super::phase::{Act, Phase, Step};
use super::turn::Scene;
use crate::audio::speech::turn::Change;
use crate::audio::telephone::FRAME;
use crate::sys::error::{At, Chain, Failure, INTERNAL, Stage};
use crate::sys::files;

/// Plays a phrase to its end, as soon as it has been spoken.
pub(super) struct Phrase {
    state: State,
    /// The sound of Asterisk's that is heard where this cannot be.
    instead: Option<&'static str>,
    /// The samples of what is played, where they are known.
    samples: Option<Reply>,
    barge_in: BargeIn,
    said: PhraseEnd,
}

/// What a phrase does with what the caller says into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum BargeIn {
    /// It is of no interest: the call ends.
    #[default]
    Ignores,
    /// It is their next turn, or the beginning of that, and is kept until the phrase has been heard.
    Keeps,
    /// The same, and the phrase is not heard any further.
    Yields,
}

/// What became of a phrase.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PhraseEnd {
    /// It was heard, or the caller has hung up.
    Heard,
    /// Why the caller has not heard it.
    Unheard(String),
    /// The caller spoke when they had heard the sound `name` for `after`.
    Interrupted { name: String, after: Duration },
}

enum State {
    /// A voice speaks it, until then.
    Making(Instant),
    /// This sound is to be played.
    Made(String),
    /// This sound plays since then.
    Playing(String, Instant),
    Over,
}

impl Phrase {
    /// Plays the sound of this name, a path or one of Asterisk's own.
    pub(super) fn sound(name: String) -> Self {
        Self::of(State::Made(name))
    }

    /// Plays what is kept at this place, without extension, of which these are the samples, if they can be read.
    pub(super) fn kept(place: &Path, samples: Option<Reply>) -> Self {
        Self {
            samples,
            ..Self::sound(files::absolute(place))
        }
    }

    /// The same for one in whose place this sound of Asterisk's is heard, if any, where it cannot be.
    pub(super) fn or(self, instead: Option<&'static str>) -> Self {
        Self { instead, ..self }
    }

    /// The same for one that does this with what the caller says.
    pub(super) fn barge_in(self, barge_in: BargeIn) -> Self {
        Self { barge_in, ..self }
    }

    /// Waits for [`Event::Phrase`], but no longer than `until`: then the sound `instead` is played, if any.
    pub(super) fn being_made(until: Instant, instead: Option<&'static str>) -> Self {
        Self::of(State::Making(until)).or(instead)
    }

    /// Plays the sound `instead`, if any, because no voice speaks.
    pub(super) fn failed(failure: &Failure, instead: Option<&'static str>) -> Self {
        let mut phrase = Self::of(State::Over).or(instead);
        phrase.fail(failure.to_string());
        phrase
    }

    fn of(state: State) -> Self {
        Self {
            state,
            instead: None,
            samples: None,
            barge_in: BargeIn::default(),
            said: PhraseEnd::Heard,
        }
    }

    /// It cannot be heard. The first fault is kept, where the sound that stands in cannot be heard either.
    fn fail(&mut self, fault: String) {
        warn!("{fault}");
        if self.said == PhraseEnd::Heard {
            self.said = PhraseEnd::Unheard(fault);
        }
        self.samples = None;
        let instead = self.instead.take();
        self.state = instead.map_or(State::Over, |name| State::Made(name.to_owned()));
    }

    /// Takes in a piece of the caller's line. What is heard of a sound whose samples are not known may be loud.
    fn overhear(&mut self, piece: &[i16], caller: &mut CallerAudio, now: Instant) -> Vec<Change> {
        let State::Playing(_, since) = &self.state else {
            return caller.hear_after(piece, now);
        };
        let Some(samples) = &mut self.samples else {
            return caller.hear_beside_recording(piece, now);
        };
        let frames = now.saturating_duration_since(*since).as_millis() / FRAME.as_millis();
        let source = Source::Answer(u32::try_from(frames).unwrap_or(u32::MAX));
        let heard = samples.heard(source, piece.len(), caller.rate_hz());
        caller.hear_beside(piece, &heard, now)
    }

    /// Takes in what the caller says.
    fn follow(&mut self, changes: &[Change], scene: &mut Scene, now: Instant) {
        if self.barge_in == BargeIn::Ignores {
            return;
        }
        // The caller may say several turns into a long phrase.
        if changes.contains(&Change::EndOfTurn) {
            scene.keep_said();
        }
        let speaks = |change: &Change| matches!(change, Change::SpeechStart | Change::EndOfTurn);
        if self.barge_in == BargeIn::Yields && changes.iter().any(speaks) {
            self.interrupt(now);
        }
    }

    /// Stops the phrase, because the caller speaks or types.
    fn interrupt(&mut self, now: Instant) {
        let (name, after) = match std::mem::replace(&mut self.state, State::Over) {
            State::Playing(name, since) => (name, now.saturating_duration_since(since)),
            State::Making(_) | State::Made(_) => (String::new(), Duration::ZERO),
            State::Over => return,
        };
        self.said = PhraseEnd::Interrupted { name, after };
    }

    fn take(&mut self, event: Event) {
        // Work may end in any of these ways, and a phrase that is waited for must end in each: the call goes on behind
        // it.
        let made = match event {
            Event::Phrase(place, samples) => Ok((files::absolute(&place), samples)),
            Event::End(Err(failure)) => Err(failure),
            Event::Panicked => Err(INTERNAL).at(Stage::Tts),
            _ => return,
        };
        if let State::Making(_) = self.state {
            match made {
                Ok((name, samples)) => (self.state, self.samples) = (State::Made(name), samples),
                Err(failure) => self.fail(Failure::to_string(&failure)),
            }
        }
    }
}

impl Phase for Phrase {
    type End = PhraseEnd;

    fn on(&mut self, input: Input, scene: &mut Scene, now: Instant) {
        match (input, &mut scene.caller) {
            (Input::HungUp, _) => self.state = State::Over,
            (
                Input::Ended(Played {
                    how: How::Key { key, .. },
                    at,
                    ..
                }),
                _,
            ) => {
                scene.keypad.press(key, at);
                self.interrupt(now);
            }
            (Input::Ended(played), _) => {
                let state = std::mem::replace(&mut self.state, State::Over);
                if let (How::Unplayable(cause), State::Playing(name, _)) = (played.how, state) {
                    let cause = cause.map(|cause| format!(": {}", Chain(&cause)));
                    let fault = format!("Asterisk cannot play {name}{}", cause.unwrap_or_default());
                    self.fail(fault);
                }
            }
            (Input::Work(event), _) => self.take(event),
            (Input::Caller(piece), Some(caller)) => {
                let changes = self.overhear(&piece, caller, now);
                self.follow(&changes, scene, now);
            }
            (Input::Elapsed, caller) => {
                if let Some(caller) = caller
                    && let Some(silence) = caller.missing(now)
                {
                    let changes = self.overhear(&silence, caller, now);
                    self.follow(&changes, scene, now);
                }
                match self.state {
                    State::Playing(_, since) if since + LONGEST_PHRASE <= now => {
                        self.state = State::Over;
                    }
                    State::Making(until) if until <= now => self.fail(LATE.to_owned()),
                    _ => {}
                }
            }
            (Input::Caller(_) | Input::Failed(_), _) => {}
        }
    }

    fn poll(&mut self, scene: &mut Scene, now: Instant) -> Step<Self::End> {
        let caller = scene.next_look();
        let end = match &mut self.state {
            State::Making(end) => Some(*end),
            State::Playing(_, since) => Some(*since + LONGEST_PHRASE),
            State::Made(name) => {
                let name = std::mem::take(name);
                let yields = self.barge_in == BargeIn::Yields;
                self.state = State::Playing(name.clone(), now);
                return Step::Do(Act::Play(Play {
                    what: Sound::Phrase,
                    name,
                    stop_keys: if yields {
                        DIGITS.to_owned()
                    } else {
                        String::new()
                    },
                    offset: 0,
                }));
            }
            State::Over => {
                // Else what was said into the phrase would count as the beginning of the next turn.
                if let Some(caller) = &mut scene.caller
                    && self.barge_in == BargeIn::Ignores
                {
                    caller.forget();
                }
                return Step::End(Ok(std::mem::replace(&mut self.said, PhraseEnd::Heard)));
            }
        };
        let first = caller.into_iter().chain(end).min();
        Step::Wait(first.unwrap_or(now + LONGEST_PHRASE))
    }
}

const LATE: &str = "tts: no voice has spoken the phrase in time";

#[cfg(test)]
mod tests;
