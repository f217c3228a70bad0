//! Why a sound could not be decoded.

use std::io;

use super::super::wav;

/// Why a sound could not be decoded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source failed.
    #[error("cannot read the sound file")]
    Read(#[source] io::Error),
    /// Nothing in it at all.
    #[error("the file is empty (0 bytes)")]
    Empty,
    /// Not a sound file, or one of another format.
    #[error("this is {0}: save the sound as WAV, MP3, M4A, FLAC or Ogg")]
    Unknown(&'static str),
    /// A known container around something else, such as Speex in Ogg or surround sound in Opus.
    #[error(
        "the file's sound is in a coding that is not understood: save it as WAV, MP3, M4A, FLAC or Ogg"
    )]
    Unsupported,
    /// A WAV file that cannot be read.
    #[error(transparent)]
    Wav(wav::Error),
    /// It breaks off or makes no sense.
    #[error("the file is damaged or cut short")]
    Damaged,
    /// MPEG-4 that cannot be read as it comes.
    #[error(
        "the M4A file is cut short, or has its index at its end, where it comes too late: save it with its index first, or as WAV, MP3, FLAC or Ogg"
    )]
    LateIndex,
    /// Pieces of different rates were joined into one file.
    #[error(
        "the file changes from {from_hz} to {to_hz} samples per second midway: save its parts as one sound"
    )]
    RateChange {
        /// The rate at its beginning.
        from_hz: u32,
        /// The rate from here on.
        to_hz: u32,
    },
}

impl From<wav::Error> for Error {
    fn from(error: wav::Error) -> Self {
        match error {
            wav::Error::Read(cause) => Self::Read(cause),
            wav::Error::RateChange { from_hz, to_hz } => Self::RateChange { from_hz, to_hz },
            other => Self::Wav(other),
        }
    }
}
