//! Sound as people and servers have it (WAV, MP3, AAC, M4A, FLAC, Ogg Vorbis and Opus, bare samples) to blocks of mono
//! samples.
//!
//! The kind is found out by content, not by name, and the sound is decoded piece by piece as it comes, so that a long
//! file takes no more memory than a short one. WAV is left to [`super::wav`], which is made for files without an end,
//! the other kinds to symphonia and, for Opus, to opus-pure.
//!
//! See [symphonia's documentation](https://docs.rs/symphonia).

mod coded;
mod error;
mod opus;

use std::fs::File;
use std::io::{self, Cursor, Read, Seek};

use symphonia::core::io::ReadOnlySource;

use super::kind::{HEAD_BYTES, Kind};
use super::wav;
use coded::Coded;
pub use error::Error;

/// A sound being decoded.
pub struct Decoder {
    source: Source,
    mono: Vec<f32>,
}

enum Source {
    Wav(wav::Reader<Input>),
    Coded(Coded),
}

/// The bytes of a sound.
type Input = Box<dyn Read + Send + Sync>;

impl Decoder {
    /// Reads as much as it takes to know the format.
    ///
    /// # Errors
    /// [`Error`]
    pub fn open(input: impl Read + Send + Sync + 'static) -> Result<Self, Error> {
        let (kind, input) = sniff(Box::new(input))?;
        Self::of(kind, input)
    }

    /// As [`open`](Self::open), but what is of no known kind is read as bare samples.
    ///
    /// # Errors
    /// [`Error`]
    pub fn open_or_bare(
        input: impl Read + Send + Sync + 'static,
        rate_hz: u32,
        channels: u16,
    ) -> Result<Self, Error> {
        match sniff(Box::new(input))? {
            (Kind::Unknown(_), input) => {
                let reader = wav::Reader::bare(input, rate_hz, channels);
                Ok(Self::from(Source::Wav(reader)))
            }
            (kind, input) => Self::of(kind, input),
        }
    }

    /// As [`open`](Self::open), and M4A whose description stands at its end, as telephones write it.
    ///
    /// # Errors
    /// [`Error`]
    pub fn open_file(mut file: File) -> Result<Self, Error> {
        if !file.metadata().is_ok_and(|data| data.is_file()) {
            return Self::open(file);
        }
        let head = head_of(&mut file)?;
        file.rewind().map_err(Error::Read)?;
        match Kind::of(&head) {
            // An unknown beginning may be junk before an MP3 file.
            kind @ (Kind::M4a | Kind::Unknown(_)) if !head.is_empty() => {
                Coded::open(Box::new(file), kind)
                    .map(Source::Coded)
                    .map(Self::from)
            }
            _ => Self::open(file),
        }
    }

    fn of(kind: Kind, input: Input) -> Result<Self, Error> {
        let source = match kind {
            Kind::Wav => Source::Wav(wav::Reader::open(input)?),
            Kind::Foreign(name) | Kind::Unknown(name) => return Err(Error::Unknown(name)),
            Kind::M4a | Kind::Coded(_) => {
                let input = Box::new(ReadOnlySource::new(input));
                Source::Coded(Coded::open(input, kind).map_err(|error| match error {
                    Error::Damaged if kind == Kind::M4a => Error::LateIndex,
                    error => error,
                })?)
            }
        };
        Ok(Self::from(source))
    }

    /// The samples per second of all blocks.
    pub fn rate_hz(&self) -> u32 {
        match &self.source {
            Source::Wav(reader) => reader.rate_hz(),
            Source::Coded(coded) => coded.rate_hz(),
        }
    }

    /// The next samples, at least one, all channels mixed into one, on the scale of −1.0 to 1.0; None at the end.
    ///
    /// A packet that does not decode is passed over, as players do: the first ones of an MP3 file that was cut out
    /// of a longer one are of that kind.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Damaged`] or [`Error::RateChange`]
    pub fn next_block(&mut self) -> Result<Option<&[f32]>, Error> {
        self.mono.clear();
        let mut is_tame = false;
        while self.mono.is_empty() {
            let goes_on = match &mut self.source {
                Source::Wav(reader) => {
                    is_tame = reader.holds_integers();
                    reader.next(&mut self.mono)?
                }
                Source::Coded(coded) => coded.next(&mut self.mono)?,
            };
            if !goes_on {
                return Ok(None);
            }
        }
        if !is_tame {
            self.mono.iter_mut().for_each(tame);
        }
        Ok(Some(&self.mono))
    }
}

impl From<Source> for Decoder {
    fn from(source: Source) -> Self {
        Self {
            source,
            mono: Vec::new(),
        }
    }
}

/// The kind of a sound, and all of it but the ID3 tags at its beginning.
fn sniff(mut input: Input) -> Result<(Kind, Input), Error> {
    let mut tags = 0;
    loop {
        let head = head_of(&mut input)?;
        let tag_bytes = id3_bytes(&head);
        let kind = match Kind::of(&head) {
            // Bare samples have no tags.
            Kind::Unknown(_) if tags > 0 => Kind::Coded("an MP3 file"),
            kind => kind,
        };
        if head.is_empty() && tags == 0 {
            return Err(Error::Empty);
        }
        input = Box::new(Cursor::new(head).chain(input));
        let Some(len) = tag_bytes.filter(|_| tags < MAX_TAGS) else {
            return Ok((kind, input));
        };
        // A tag may hold pictures of megabytes, so it is read past and never held; a voice's stream cannot be rewound
        // either.
        io::copy(&mut input.by_ref().take(len), &mut io::sink()).map_err(Error::Read)?;
        tags += 1;
    }
}

fn head_of(input: &mut impl Read) -> Result<Vec<u8>, Error> {
    let mut head = Vec::new();
    let read = input.take(HEAD_BYTES).read_to_end(&mut head);
    read.map(|_| head).map_err(Error::Read)
}

/// The length of the ID3v2 tag that begins here: <https://id3.org/id3v2.4.0-structure>, 3.1 and 6.2.
fn id3_bytes(head: &[u8]) -> Option<u64> {
    let &[b'I', b'D', b'3', _, _, flags, a, b, c, d, ..] = head else {
        return None;
    };
    let len = [a, b, c, d]
        .into_iter()
        .fold(0, |len, byte| len << 7 | u64::from(byte & 0x7F));
    let footer_bytes = if flags & 0x10 == 0 { 0 } else { 10 };
    Some(10 + len + footer_bytes)
}

/// A file of floating-point samples can hold anything; what is not a number becomes silence.
fn tame(sample: &mut f32) {
    *sample = if sample.is_finite() {
        sample.clamp(-LOUDEST, LOUDEST)
    } else {
        0.0
    };
}

/// 24 dB over full scale: louder is noise, and must not overflow what comes after.
const LOUDEST: f32 = 16.0;

/// How many tags may stand before a sound; there is one, or one of each version.
const MAX_TAGS: u8 = 4;
