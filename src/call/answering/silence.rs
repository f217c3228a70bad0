//! What is heard while there is nothing to hear, and how whatever sounds is ended.

use std::fmt::Display;
use std::io::Write;

use log::{debug, warn};

use super::{Answering, Sounding};
use crate::agi::{Command, Reply};
use crate::config::Filler;
use crate::error::Chain;

impl<O: Write> Answering<'_, O> {
    /// Lets the caller hear that the line is alive.
    pub(super) fn fill_silence(&mut self) {
        self.filler_due = None;
        let (started, sounding) = match &self.config.waiting.play {
            Filler::Nothing => return,
            Filler::Music(class) => {
                let command = Command::Music(Some(class));
                (self.call.session.ask(command).map(drop), Sounding::Music)
            }
            Filler::Sound(name) => {
                // In a pause of the answer they mean what they mean in the answer.
                let stop_keys = if self.has_begun() {
                    &self.config.stop_keys
                } else {
                    ""
                };
                let command = Command::StreamFile {
                    name,
                    stop_keys,
                    offset: 0,
                };
                (self.call.session.start(command), Sounding::Sound)
            }
        };
        match started {
            Ok(()) => self.sounding = sounding,
            Err(cause) => debug!("filling a silence: {}", Chain(&cause)),
        }
    }

    /// Ends whatever sounds, at once. Had it ended by itself just before, this is how.
    pub(super) fn hush(&mut self) -> Option<Reply> {
        let ended = match std::mem::replace(&mut self.sounding, Sounding::Nothing) {
            Sounding::Nothing => return None,
            Sounding::Music => self.call.session.ask(Command::Music(None)).map(|_| None),
            Sounding::Sound | Sounding::Answer => self.call.session.stop(),
        };
        ended.unwrap_or_else(|cause| {
            debug!("ending a sound: {}", Chain(&cause));
            None
        })
    }

    /// A sound that Asterisk does not play is not tried again.
    pub(super) fn give_up_filler(&mut self, cause: &dyn Display) {
        if let Filler::Sound(name) = &self.config.waiting.play {
            warn!("sound = {name:?} of [waiting] is left out: {cause}");
        }
        self.sounding = Sounding::Nothing;
        self.filler_due = None;
    }
}
