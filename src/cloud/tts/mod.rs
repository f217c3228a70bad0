//! Text to speech, one file per provider.

mod gemini;
mod gemini_stream;
pub(crate) mod google;
pub(crate) mod openai;

use std::fmt::Debug;
use std::io::{self, Cursor, Read};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::access::{Providers, makers};
use super::budget::Budget;
use super::http::Incoming;
use super::{Error, Listed, Tokens};
use crate::config::Tts;
use crate::config::providers::providers;
use crate::sys::deadline::Deadline;
use crate::sys::sync::lock;

/// The voices: the name in the settings, and what makes one.
pub(crate) const PROVIDERS: &Providers<dyn Voice, Tts> = providers!(tts, makers);

/// A voice.
pub(crate) trait Voice: Debug + Send + Sync {
    /// Connects to the service, so that the first sentence finds the connection open.
    fn warm(&self, deadline: Deadline);

    /// The number of characters of the longest text that one request may carry.
    fn max_chars(&self) -> usize;

    /// The number of characters of the longest sentence in it.
    fn max_sentence_chars(&self) -> usize {
        MAX_SENTENCE_CHARS
    }

    /// The number of requests that one answer may take: the last waits for all that is still to be said.
    fn max_requests(&self) -> usize {
        usize::MAX
    }

    /// The maximum number of tokens that a text of `chars` characters is billed by if its sound lasts `sound`; none where
    /// it is billed otherwise.
    fn max_tokens(&self, _chars: usize, _sound: Duration) -> Tokens {
        Tokens::default()
    }

    /// Has `text` of at most [`max_chars`](Self::max_chars) characters spoken, at `rate_hz` if the service lets the rate be
    /// chosen. Returns when the sound begins.
    ///
    /// # Errors
    /// [`Error`] of the request; [`Error::Empty`] when no audio came.
    fn speak(&self, text: &str, rate_hz: u32, budget: Budget) -> Result<Speech, Error>;

    /// The same voice for texts in another language than the settings'; `None` where it speaks whatever it reads.
    fn in_language(&self, _language: &str) -> Option<Arc<dyn Voice>> {
        None
    }

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
pub(crate) struct Sound(Arc<Mutex<Box<dyn Source>>>);

/// Where the bytes of a sound come from.
trait Source: Read + Debug + Send {
    /// Notes that something of use has come.
    fn begins(&mut self) {}

    /// The tokens that it is billed by, as far as the service has told.
    fn tokens(&self) -> Option<Tokens> {
        None
    }
}

/// Bytes that have all come.
impl Source for Cursor<Vec<u8>> {}

/// Bytes that are still coming.
impl Source for Incoming {
    fn begins(&mut self) {
        Incoming::begins(self);
    }
}

impl Sound {
    fn of(source: impl Source + 'static) -> Self {
        Self(Arc::new(Mutex::new(Box::new(source))))
    }

    pub(crate) fn whole(bytes: Vec<u8>) -> Self {
        Self::of(Cursor::new(bytes))
    }

    /// Notes that something of use has come: from here on only the limit of a pause holds.
    pub(crate) fn begins(&self) {
        lock(&self.0).begins();
    }

    /// The tokens that it is billed by, as far as the service has told.
    pub(crate) fn tokens(&self) -> Option<Tokens> {
        lock(&self.0).tokens()
    }
}

impl Read for Sound {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        lock(&self.0).read(into)
    }
}

impl Bare {
    /// Rates that a voice may have.
    const RATES_HZ: RangeInclusive<u32> = 4_000..=192_000;

    /// What bare samples are by their type, and whether it says that they are such: `audio/pcm;rate=22050`,
    /// `audio/L16; rate="16000"; channels=2`. Otherwise they are mono, and have the usual rate.
    fn of(content_type: &str, usual_hz: u32) -> (bool, Self) {
        let told = content_type.to_ascii_lowercase();
        let mut parts = told.split(';').map(str::trim);
        let is_told = parts.next().is_some_and(|kind| BARE.contains(&kind));
        let mut bare = Self {
            rate_hz: usual_hz,
            channels: 1,
        };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let number = value.trim().trim_matches('"').parse();
            match (name.trim(), number) {
                ("rate", Ok(rate_hz)) if Self::RATES_HZ.contains(&rate_hz) => {
                    bare.rate_hz = rate_hz;
                }
                ("channels", Ok(2)) => bare.channels = 2,
                _ => {}
            }
        }
        (is_told, bare)
    }
}

/// What servers call bare samples. RFC 2586 has those of L16 begin with the upper byte, but none of the servers does.
const BARE: &[&str] = &[
    "audio/pcm",
    "audio/x-pcm",
    "audio/l16",
    "audio/raw",
    "audio/x-raw",
];

/// The most characters of a sentence, with some reserve: Google's voices refuse sentences of more than about 300, and
/// others read shorter ones better.
pub(crate) const MAX_SENTENCE_CHARS: usize = 280;
