//! Text to speech, one file per provider.

pub mod google;
pub mod openai;

use std::fmt::Debug;
use std::io::{self, Cursor, Read};

use super::budget::Budget;
use super::http::Incoming;
use super::{Error, Providers};
use crate::config::Tts;
use crate::deadline::Deadline;

/// The voices: the name in the settings, and what makes one.
pub(crate) const PROVIDERS: &Providers<dyn Voice, Tts> =
    &[("openai", openai::make), ("google", google::make)];

/// A voice.
pub trait Voice: Debug + Send + Sync {
    /// Opens the way to the service, so that the first sentence finds it open.
    fn warm(&self, deadline: Deadline);

    /// The longest text that one request may carry, in characters.
    fn longest(&self) -> usize;

    /// Has `text` of at most [`longest`](Self::longest) characters spoken, at `rate_hz` if the service lets the rate be
    /// chosen. Returns when the sound begins.
    ///
    /// # Errors
    /// [`Error`] of the request; [`Error::Empty`] when no audio came.
    fn speak(&self, text: &str, rate_hz: u32, budget: Budget) -> Result<Speech, Error>;

    /// The names of the models that the service offers; `None` where it has no such list.
    ///
    /// # Errors
    /// [`Error`] of the request.
    fn models(&self, deadline: Deadline) -> Result<Option<Vec<String>>, Error>;
}

/// Spoken text, as it comes from the service.
#[derive(Debug)]
pub struct Speech {
    /// A WAV file, or bare 16-bit samples.
    pub sound: Sound,
    /// The rate of bare samples; `None` for a file, which says it itself.
    pub raw_rate_hz: Option<u32>,
}

/// The bytes of a sound.
#[derive(Debug)]
pub enum Sound {
    /// They are still coming.
    Coming(Box<Incoming>),
    /// All of them have come.
    Whole(Cursor<Vec<u8>>),
}

impl Sound {
    /// What has come is of use: from here on only the limit of a pause holds.
    pub fn begins(&mut self) {
        if let Self::Coming(incoming) = self {
            incoming.begins();
        }
    }

    /// Whether asking once more may help, if it breaks off by `error` before anything was made of it.
    pub fn may_retry(&self, error: &Error) -> bool {
        match self {
            Self::Coming(incoming) => incoming.may_retry(error),
            Self::Whole(_) => false,
        }
    }
}

impl Read for Sound {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Coming(incoming) => incoming.read(into),
            Self::Whole(bytes) => bytes.read(into),
        }
    }
}
