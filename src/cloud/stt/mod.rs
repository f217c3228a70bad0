//! Speech to text, one file per provider.

mod described;
mod gemini;
pub mod google;
pub(crate) mod openai;
mod written;

use std::fmt::Debug;
use std::time::Duration;

use super::access::{Providers, makers};
use super::budget::Budget;
use super::{Error, Listed, Tokens};
use crate::config::Stt;
use crate::config::providers::providers;
use crate::sys::deadline::Deadline;

/// The recognizers: the name in the settings, and what makes one.
pub(crate) const PROVIDERS: &Providers<dyn Recognizer, Stt> = providers!(stt, makers);

/// A piece of what a caller has said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recording<'a> {
    /// Mono samples; a recognizer gets at most [`MAX_LENGTH`] of them.
    pub(crate) samples: &'a [i16],
    /// The number of samples in a second.
    pub(crate) rate_hz: u32,
    /// The length of all of it but its pauses.
    pub(crate) spoken: Duration,
}

impl Recording<'_> {
    pub(super) fn length(&self) -> Duration {
        let samples = u64::try_from(self.samples.len()).unwrap_or(u64::MAX);
        Duration::from_millis(samples.saturating_mul(1000) / u64::from(self.rate_hz.max(1)))
    }

    /// A WAV file of 16-bit mono samples: <http://soundfile.sapp.org/doc/WaveFormat/>.
    pub(super) fn wav(&self) -> Vec<u8> {
        let data_len = u32::try_from(2 * self.samples.len()).unwrap_or(u32::MAX);
        let mut file = Vec::with_capacity(HEADER_LEN + 2 * self.samples.len());
        file.extend_from_slice(b"RIFF");
        // RIFF counts what follows its own first eight bytes: 36 more bytes of this header, and the samples.
        file.extend(data_len.saturating_add(36).to_le_bytes());
        // The format in 16 bytes: PCM (1), one channel, samples and bytes a second, bytes of a frame (2), bits of a
        // sample (16).
        file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
        file.extend(self.rate_hz.to_le_bytes());
        file.extend((2 * self.rate_hz).to_le_bytes());
        file.extend_from_slice(b"\x02\0\x10\0data");
        file.extend(data_len.to_le_bytes());
        file.extend(self.samples.iter().flat_map(|sample| sample.to_le_bytes()));
        file
    }
}

/// A recognizer.
pub(crate) trait Recognizer: Debug + Send + Sync {
    /// Transcribes a recording.
    ///
    /// # Errors
    /// [`Error`] of the request.
    fn transcribe(&self, recording: Recording<'_>, budget: Budget) -> Result<Transcript, Error>;

    /// The most tokens that a recording of this length is billed by; none where it is billed by the minute.
    fn max_tokens(&self, _length: Duration) -> Tokens {
        Tokens::default()
    }

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
    /// The tag of the language that was spoken, if the service tells it.
    pub language: Option<String>,
    /// The length of audio that is billed, if the service tells it.
    pub billed: Option<Duration>,
    /// The tokens that it is billed by, if it is.
    pub tokens: Tokens,
}

/// The length of the longest piece to send: Google takes a minute, and this leaves room for its rounding. Others take
/// more.
pub(crate) const MAX_LENGTH: Duration = Duration::from_secs(55);

const HEADER_LEN: usize = 44;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_a_wav_of_these_samples() {
        let recording = Recording {
            samples: &[1, -2],
            rate_hz: 8000,
            spoken: Duration::ZERO,
        };
        let file = recording.wav();
        assert_eq!(
            file,
            b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x04\0\0\0\x01\0\xfe\xff"
        );
        assert_eq!(file.len(), HEADER_LEN + 4);
    }
}
