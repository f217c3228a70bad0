//! What the caller said, out of Asterisk's recording.

use std::io::{self, BufReader};
use std::path::Path;
use std::time::Duration;

use crate::audio::{Pcm, duration_of, speech, wav};
use crate::sys::files;

/// Why there is nothing to transcribe.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(
        "cannot open the recording {path}; did MixMonitor run, and may Asterisk's user read its folder?"
    )]
    Open { path: String, source: io::Error },
    #[error(
        "cannot use the recording {path}; MixMonitor must write a .wav, and an empty one means a full disk (df -h)"
    )]
    Read { path: String, source: wav::Error },
}

/// A question without the silence around it.
pub(super) struct Question {
    pub(super) speech: Pcm,
    /// The silence that came after the last word, if it is known.
    pub(super) silence: Option<Duration>,
}

/// Reads a recording, at most `limit` of it.
pub(super) fn read(place: &Path, limit: Duration) -> Result<Pcm, Error> {
    let path = || place.display().to_string();
    let file = files::open(place).map_err(|source| Error::Open {
        path: path(),
        source,
    })?;
    wav::read(BufReader::new(file), limit).map_err(|source| Error::Read {
        path: path(),
        source,
    })
}

/// The part of a recording in which there is speech, if there is any.
pub(super) fn trim(pcm: &Pcm) -> Option<Question> {
    let range = speech::find(pcm)?;
    let after = duration_of(pcm.samples.len() - range.end, pcm.rate_hz);
    Some(Question {
        // Where nothing is left out, it is not known how much of it was silent.
        silence: (!after.is_zero()).then(|| after + speech::AROUND),
        speech: Pcm {
            rate_hz: pcm.rate_hz,
            samples: pcm.samples[range].to_vec(),
        },
    })
}
