//! Text to speech, one file per provider.

pub(crate) mod google;
pub(crate) mod openai;

use std::fmt::Debug;
use std::io::{self, Cursor, Read};
use std::sync::{Arc, Mutex};

use super::access::Providers;
use super::budget::Budget;
use super::http::Incoming;
use super::{Error, Listed};
use crate::config::Tts;
use crate::sys::deadline::Deadline;
use crate::sys::sync::lock;

/// The voices: the name in the settings, and what makes one.
pub(crate) const PROVIDERS: &Providers<dyn Voice, Tts> =
    &[("openai", openai::make), ("google", google::make)];

/// A voice.
pub(crate) trait Voice: Debug + Send + Sync {
    /// Connects to the service, so that the first sentence finds the connection open.
    fn warm(&self, deadline: Deadline);

    /// The number of characters of the longest text that one request may carry.
    fn max_chars(&self) -> usize;

    /// Has `text` of at most [`max_chars`](Self::max_chars) characters spoken, at `rate_hz` if the service lets the rate be
    /// chosen. Returns when the sound begins.
    ///
    /// # Errors
    /// [`Error`] of the request; [`Error::Empty`] when no audio came.
    fn speak(&self, text: &str, rate_hz: u32, budget: Budget) -> Result<Speech, Error>;

    /// Lists the models that the service offers; `None` where it has no such list.
    ///
    /// # Errors
    /// [`Error`] of the request.
    fn models(&self, deadline: Deadline) -> Result<Option<Vec<Listed>>, Error>;
}

/// Spoken text, as it comes from the service.
#[derive(Debug)]
pub(crate) struct Speech {
    pub(crate) sound: Sound,
    /// What the sound is where it is no known kind of file.
    pub(crate) bare: Option<Bare>,
}

/// Bare 16-bit samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bare {
    pub(crate) rate_hz: u32,
    pub(crate) channels: u16,
}

/// The bytes of a sound. Clones read on where the others have stopped.
#[derive(Clone, Debug)]
pub(crate) struct Sound(Arc<Mutex<Bytes>>);

#[derive(Debug)]
enum Bytes {
    /// Bytes that are still coming.
    Coming(Box<Incoming>),
    /// Bytes that have all come.
    Whole(Cursor<Vec<u8>>),
}

impl Sound {
    fn coming(incoming: Incoming) -> Self {
        Self(Arc::new(Mutex::new(Bytes::Coming(Box::new(incoming)))))
    }

    pub(crate) fn whole(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Bytes::Whole(Cursor::new(bytes)))))
    }

    /// Notes that something of use has come: from here on only the limit of a pause holds.
    pub(crate) fn begins(&self) {
        if let Bytes::Coming(incoming) = &mut *lock(&self.0) {
            incoming.begins();
        }
    }

    /// Whether a second attempt may help, if the sound breaks off by `error` before it was of use.
    pub(crate) fn may_retry(&self, error: &Error) -> bool {
        match &*lock(&self.0) {
            Bytes::Coming(incoming) => incoming.may_retry(error),
            Bytes::Whole(_) => false,
        }
    }
}

impl Read for Sound {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut *lock(&self.0) {
            Bytes::Coming(incoming) => incoming.read(into),
            Bytes::Whole(bytes) => bytes.read(into),
        }
    }
}
