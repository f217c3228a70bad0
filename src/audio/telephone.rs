//! Sound as Asterisk plays it: resampled, made louder without clipping, and encoded in the file's format.
//!
//! The chain is `resample -> shape -> encode`, in pieces as they come. What goes out is a whole number of 20 ms
//! frames, Asterisk's unit of playing, so that one file can follow another without a gap.
//!
//! Formats: [Asterisk's sound formats](https://docs.asterisk.org/Fundamentals/Key-Concepts/Asterisk-Sounds-Packages/),
//! `format_pcm.c`, `format_sln.c` and `format_wav.c` in its source.

use std::io::{self, Cursor, Seek, Write};
use std::time::Duration;

use super::level::Level;
use super::resample::{self, Resampler};
use super::shaping::{Shaper, VoiceShape};
use super::{Pcm, duration_of, g711, to_f32, to_i16, wav};

/// How a sound file for Asterisk is encoded. Displays as the file's extension, which is what tells Asterisk, and is read
/// from it: case matters, as it does to Asterisk, where `.WAV` is another format than `.wav`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "lowercase", parse_err_ty = UnknownEncoding, parse_err_fn = unknown)]
pub enum Encoding {
    /// G.711 mu-law at 8 kHz.
    Ulaw,
    /// G.711 A-law at 8 kHz.
    Alaw,
    /// Headerless 16-bit PCM at 8 kHz.
    Sln,
    /// Headerless 16-bit PCM at 16 kHz, for wideband phones.
    Sln16,
    /// A WAV file of 16-bit PCM at 8 kHz.
    Wav,
    /// A WAV file of 16-bit PCM at 16 kHz; Asterisk wants it named `.wav16`.
    Wav16,
}

impl Encoding {
    /// Every encoding, in the order in which help and errors list them.
    pub const ALL: [Self; 6] = [
        Self::Ulaw,
        Self::Alaw,
        Self::Sln,
        Self::Sln16,
        Self::Wav,
        Self::Wav16,
    ];

    /// The extension by which Asterisk recognises it, without the dot.
    pub fn extension(self) -> &'static str {
        self.into()
    }

    /// The encoding that a channel plays with the least loss: 16 kHz for wideband phones, else G.711. `formats` is what
    /// `CHANNEL(audionativeformat)` lists, such as `(ulaw|g722)`.
    pub fn for_channel(formats: &str) -> Self {
        let mut names = formats.split(|c: char| !c.is_ascii_alphanumeric());
        if names.clone().any(|name| WIDEBAND.contains(&name)) {
            Self::Sln16
        } else if names.any(|name| name == "alaw") && !formats.contains("ulaw") {
            Self::Alaw
        } else {
            Self::Ulaw
        }
    }

    /// Samples of 20 ms, Asterisk's unit of playing.
    pub fn frame_samples(self) -> u32 {
        u32::from(self.rate_hz() / FRAMES_PER_SECOND)
    }

    /// Bytes of 20 ms, a WAV file's header aside.
    pub fn frame_bytes(self) -> usize {
        let samples = usize::from(self.rate_hz() / FRAMES_PER_SECOND);
        match self {
            Self::Ulaw | Self::Alaw => samples,
            Self::Sln | Self::Sln16 | Self::Wav | Self::Wav16 => 2 * samples,
        }
    }

    /// How loud encoded sound is: a number that is only good for comparing pieces of one length and encoding.
    pub fn loudness(self, bytes: &[u8]) -> u64 {
        match self {
            // Both laws count upwards with the magnitude, once their inversions are taken off.
            Self::Ulaw => bytes.iter().map(|byte| u64::from(!byte & 0x7F)).sum(),
            Self::Alaw => bytes
                .iter()
                .map(|byte| u64::from((byte ^ 0x55) & 0x7F))
                .sum(),
            Self::Sln | Self::Sln16 | Self::Wav | Self::Wav16 => {
                let samples = bytes.as_chunks().0.iter().copied().map(i16::from_le_bytes);
                samples.map(|sample| u64::from(sample.unsigned_abs())).sum()
            }
        }
    }

    /// The samples of encoded sound, on the scale of −1.0 to 1.0.
    pub fn samples(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::Ulaw => bytes
                .iter()
                .map(|code| g711::signed(*code, g711::mu_law_magnitude(*code)))
                .collect(),
            Self::Alaw => bytes
                .iter()
                .map(|code| g711::signed(*code, g711::a_law_magnitude(*code)))
                .collect(),
            Self::Sln | Self::Sln16 | Self::Wav | Self::Wav16 => {
                let samples = bytes.as_chunks().0.iter().copied().map(i16::from_le_bytes);
                samples.map(to_f32).collect()
            }
        }
    }

    /// Samples per second.
    pub fn rate_hz(self) -> u16 {
        match self {
            Self::Ulaw | Self::Alaw | Self::Sln | Self::Wav => 8_000,
            Self::Sln16 | Self::Wav16 => 16_000,
        }
    }
}

/// A name that is none of [`Encoding::ALL`].
#[derive(Debug, thiserror::Error)]
#[error("unknown sound format \"{}\": use ulaw, alaw, sln, sln16, wav or wav16 (in small letters)", .0.escape_debug())]
pub struct UnknownEncoding(pub String);

fn unknown(name: &str) -> UnknownEncoding {
    UnknownEncoding(name.to_owned())
}

/// Why telephone audio could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The sound has a rate that cannot be resampled.
    #[error(transparent)]
    Resample(#[from] resample::Error),
    /// The file did not take the sound.
    #[error("cannot write the sound")]
    Write(#[from] io::Error),
}

/// A sound on its way into a file for Asterisk.
pub struct Telephone<W: Write + Seek> {
    resampler: Resampler,
    shaper: Shaper,
    encoder: Encoder<W>,
    resampled: Vec<f32>,
    shaped: Vec<f32>,
}

/// A sound that has been written.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// How long it is, without the silence up to a whole frame.
    pub length: Duration,
    /// The level that it had before it became louder, if it is a voice's and has any speech.
    pub level: Option<Level>,
}

impl<W: Write + Seek> Telephone<W> {
    /// The chain from samples at `from_hz` to `out`, made louder by `gain_db`. Each [`push`](Self::push) writes at most
    /// once: `out` needs no buffer.
    ///
    /// # Errors
    /// [`Error`]: a rate that cannot be resampled, or a header that cannot be written
    pub fn new(out: W, from_hz: u32, encoding: Encoding, gain_db: f32) -> Result<Self, Error> {
        let shaper = Shaper::louder(encoding.rate_hz(), gain_db);
        Self::with(out, from_hz, encoding, shaper)
    }

    /// The same chain for a voice.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of_voice(
        out: W,
        from_hz: u32,
        encoding: Encoding,
        shape: VoiceShape,
    ) -> Result<Self, Error> {
        let shaper = Shaper::of_voice(encoding.rate_hz(), shape);
        Self::with(out, from_hz, encoding, shaper)
    }

    fn with(out: W, from_hz: u32, encoding: Encoding, shaper: Shaper) -> Result<Self, Error> {
        Ok(Self {
            resampler: Resampler::new(from_hz, u32::from(encoding.rate_hz()))?,
            shaper,
            encoder: Encoder::new(out, encoding)?,
            resampled: Vec::new(),
            shaped: Vec::new(),
        })
    }

    /// Takes in mono samples on the scale of −1.0 to 1.0, and writes what is ready.
    ///
    /// # Errors
    /// [`Error::Write`]
    pub fn push(&mut self, samples: &[f32]) -> Result<(), Error> {
        self.resampled.clear();
        self.shaped.clear();
        self.resampler.push(samples, &mut self.resampled);
        self.shaper.push(&self.resampled, &mut self.shaped);
        Ok(self.encoder.write(&self.shaped)?)
    }

    /// Writes the rest, and silence up to a whole frame.
    ///
    /// # Errors
    /// [`Error::Write`]
    pub fn finish(mut self) -> Result<Written, Error> {
        self.resampled.clear();
        self.shaped.clear();
        self.resampler.finish(&mut self.resampled);
        self.shaper.push(&self.resampled, &mut self.shaped);
        let level = self.shaper.finish(&mut self.shaped);
        self.encoder.write(&self.shaped)?;
        Ok(Written {
            length: self.encoder.finish()?,
            level,
        })
    }
}

/// A whole sound as the content of a file for Asterisk.
///
/// # Errors
/// [`Error::Resample`]
pub fn encode(pcm: &Pcm, encoding: Encoding, gain_db: f32) -> Result<Vec<u8>, Error> {
    let mut out = Cursor::new(Vec::new());
    let mut telephone = Telephone::new(&mut out, pcm.rate_hz, encoding, gain_db)?;
    let mut block = Vec::with_capacity(BLOCK_FRAMES);
    for samples in pcm.samples.chunks(BLOCK_FRAMES) {
        block.clear();
        block.extend(samples.iter().copied().map(to_f32));
        telephone.push(&block)?;
    }
    telephone.finish()?;
    Ok(out.into_inner())
}

/// The last step: samples to bytes.
struct Encoder<W: Write + Seek> {
    encoding: Encoding,
    sink: Sink<W>,
    len_frames: usize,
    samples: Vec<i16>,
    bytes: Vec<u8>,
}

/// Where encoded samples go.
enum Sink<W: Write + Seek> {
    Headerless(W),
    Wav(wav::Writer<W>),
}

impl<W: Write + Seek> Encoder<W> {
    fn new(out: W, encoding: Encoding) -> io::Result<Self> {
        let sink = match encoding {
            Encoding::Wav | Encoding::Wav16 => {
                Sink::Wav(wav::Writer::new(out, u32::from(encoding.rate_hz()))?)
            }
            Encoding::Ulaw | Encoding::Alaw | Encoding::Sln | Encoding::Sln16 => {
                Sink::Headerless(out)
            }
        };
        Ok(Self {
            encoding,
            sink,
            len_frames: 0,
            samples: Vec::new(),
            bytes: Vec::new(),
        })
    }

    fn write(&mut self, samples: &[f32]) -> io::Result<()> {
        self.len_frames += samples.len();
        self.samples.clear();
        self.samples.extend(samples.iter().copied().map(to_i16));
        match &mut self.sink {
            Sink::Wav(writer) => writer.write(&self.samples)?,
            Sink::Headerless(out) => {
                self.bytes.clear();
                append_encoded(&mut self.bytes, &self.samples, self.encoding);
                out.write_all(&self.bytes)?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<Duration> {
        let len_frames = self.len_frames;
        // See `WAV_UNPLAYED_FRAMES`: without it the end of the last word would not be heard.
        let unplayed = if matches!(self.sink, Sink::Wav(_)) {
            WAV_UNPLAYED_FRAMES
        } else {
            0
        };
        let rate_hz = self.encoding.rate_hz();
        let padded =
            (len_frames + unplayed).next_multiple_of(usize::from(rate_hz / FRAMES_PER_SECOND));
        self.write(&vec![0.0; padded - len_frames])?;
        match self.sink {
            Sink::Wav(writer) => writer.finish()?,
            Sink::Headerless(mut out) => out.flush()?,
        }
        Ok(duration_of(len_frames, u32::from(rate_hz)))
    }
}

fn append_encoded(bytes: &mut Vec<u8>, samples: &[i16], encoding: Encoding) {
    match encoding {
        Encoding::Ulaw => bytes.extend(samples.iter().copied().map(g711::mu_law)),
        Encoding::Alaw => bytes.extend(samples.iter().copied().map(g711::a_law)),
        Encoding::Sln | Encoding::Sln16 | Encoding::Wav | Encoding::Wav16 => {
            bytes.extend(samples.iter().copied().flat_map(i16::to_le_bytes));
        }
    }
}

/// Asterisk plays in frames of 20 ms.
pub const FRAME: Duration = Duration::from_millis(20);
const FRAMES_PER_SECOND: u16 = 50;

/// The number of samples in a frame, at least 1.
pub fn frame_len(rate_hz: u32) -> usize {
    usize::try_from(rate_hz / u32::from(FRAMES_PER_SECOND)).map_or(usize::MAX, |len| len.max(1))
}

/// Asterisk takes the header's 44 bytes off the end of a WAV file (`wav_read` in `format_wav.c`): those must be
/// silence.
const WAV_UNPLAYED_FRAMES: usize = 22;

/// How much [`encode`] takes at a time: enough to be fast, small beside the sound itself.
const BLOCK_FRAMES: usize = 4_096;

/// Asterisk's names of formats of 12 kHz and more, from its `main/codec_builtin.c`.
const WIDEBAND: &[&str] = &[
    "g722", "g719", "siren7", "siren14", "speex16", "speex32", "opus", "silk12", "silk16",
    "silk24", "slin12", "slin16", "slin24", "slin32", "slin44", "slin48", "slin96", "slin192",
];
