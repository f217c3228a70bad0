//! A phase of a call: what happens is an input, what is to be done is an output, and time is a parameter.
//!
//! A phase reads no clock, waits for nothing, and neither writes files nor talks to Asterisk: the call does, in one loop.
//! So a phase can be tested in virtual time. Each begins and ends in silence.
//!
//! There are four: `Phrase` plays a sentence, `Listening` takes in a caller's turn, `Answering` plays an answer while it is
//! made, and `PinEntry` asks for a PIN. A new one is a file with a type for which [`Phase`] is implemented, a table of its
//! tests beside it, and a call of `Flow::follow` where it begins.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Sender;

use super::event::{Calls, Transcript};
use super::line::{Input, Play};
use super::turn::Scene;
use crate::audio::Pcm;
use crate::sys::error::Failure;
use crate::text::Message;

/// A part of a call that ends with an `End`.
pub(super) trait Phase {
    type End;

    /// Takes in what has happened at `now`.
    fn on(&mut self, input: Input, scene: &mut Scene, now: Instant);

    /// Returns what is to be done next at `now`. After [`Step::Do`] it is asked again.
    fn poll(&mut self, scene: &mut Scene, now: Instant) -> Step<Self::End>;
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Step<E> {
    Do(Act),
    /// Nothing before this moment, unless something happens.
    Wait(Instant),
    End(Result<E, Failure>),
}

/// What a phase wants to be done. If it cannot be done the phase is told so by [`Input::Failed`], and if a sound cannot be
/// played by its end.
#[derive(Debug)]
pub(super) enum Act {
    /// Plays a sound; nothing else plays.
    Play(Play),
    /// Stops what plays. If that had ended just before, the phase is told.
    Stop,
    /// Makes the reply's file visible under its name.
    Reveal,
    /// Appends encoded sound to the reply.
    Append(Vec<u8>),
    /// Lets a stage begin that costs money, if the caller is still there.
    Agree(Sender<()>),
    /// Keeps messages of the caller's, and says so.
    Keep(Vec<Message>, Sender<()>),
    /// Permits calls of functions, if the caller is still there and types the PIN that some want.
    Permit(Calls),
    /// Forgets the caller, who may hang up before the answer ends.
    Forget,
    /// Has speech transcribed and answered between the words that are `known` of what was said before it and those of what
    /// was `typed`, in place of what was sent before; `later` more transcriptions of the same turn may follow.
    Transcribe {
        speech: Arc<Pcm>,
        known: Transcript,
        typed: Vec<String>,
        later: u32,
    },
}

#[cfg(test)]
pub(super) mod tests;
