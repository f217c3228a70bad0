//! Speech to text, one file per provider.

pub mod google;
pub(crate) mod openai;

use std::fmt::Debug;
use std::time::Duration;

use super::access::Providers;
use super::budget::Budget;
use super::{Error, Listed};
use crate::config::Stt;
use crate::sys::deadline::Deadline;

/// The recognisers: the name in the settings, and what makes one.
pub(crate) const PROVIDERS: &Providers<dyn Recognizer, Stt> =
    &[("google", google::make), ("openai", openai::make)];

/// A recogniser.
pub(crate) trait Recognizer: Debug + Send + Sync {
    /// Transcribes mono samples of `rate_hz`, at most [`MAX_LENGTH`] of them.
    ///
    /// # Errors
    /// [`Error`] of the request.
    fn transcribe(
        &self,
        samples: &[i16],
        rate_hz: u32,
        budget: Budget,
    ) -> Result<Transcript, Error>;

    /// Lists the models that the service offers; `None` where it has no such list.
    ///
    /// # Errors
    /// [`Error`] of the request.
    fn models(&self, deadline: Deadline) -> Result<Option<Vec<Listed>>, Error>;
}

/// The result of a transcription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// The words; empty when it heard none.
    pub text: String,
    /// The length of audio that is billed, if the service tells it.
    pub billed: Option<Duration>,
}

/// The length of the longest piece to send: Google takes a minute, and this leaves room for its rounding. Others take
/// more.
pub(crate) const MAX_LENGTH: Duration = Duration::from_secs(55);
