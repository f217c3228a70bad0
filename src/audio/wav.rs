//! WAV files: a forgiving reader, and a writer.
//!
//! The reader is our own because the files we meet are still being written, or never had an end: Asterisk's recording
//! of a live call says that it holds 0 bytes, a streamed answer of a speech service that it holds 4 GiB. Both are read
//! to their real end, with memory bounded by the caller's limit and not by what a header claims. PCM of 8, 16, 24 and 32
//! bits, floating-point samples, A-law and mu-law are read; other codings are named in the error. Some speech services
//! send a file for each sentence, one behind the other: all of them are heard.
//!
//! Specification: [RFC 2361](https://www.rfc-editor.org/rfc/rfc2361) for the format tags, and Microsoft's
//! [Multiple Channel Audio Data and WAVE Files](https://learn.microsoft.com/windows-hardware/drivers/audio/extensible-wave-format-descriptors).

mod coding;

use std::io::{self, Read, Seek, Write};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::kind::Kind;
use super::{Pcm, to_f32, to_i16};
use coding::Coding;

/// Why something could not be read as a WAV file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stream failed.
    #[error("cannot read the WAV file")]
    Read(#[source] io::Error),
    /// The file is empty: not even a header was written.
    #[error("the WAV file is empty (0 bytes)")]
    Empty,
    /// Another kind of file.
    #[error("expected a WAV file, found {0}")]
    NotWav(&'static str),
    /// It ends or rambles on before its audio begins.
    #[error("the WAV file is damaged: {0}")]
    Damaged(&'static str),
    /// It is a WAV file whose samples are coded in another way.
    #[error("the WAV file holds {found}, which is not understood: save it as 16-bit PCM")]
    Coding {
        /// What it holds, as its users call it.
        found: String,
    },
    /// Not a rate between 8,000 and 48,000 Hz.
    #[error("the WAV file has {0} samples per second, and 8000 to 48000 are understood")]
    Rate(u32),
    /// No channel, or for a recording more than two.
    #[error("the WAV file has {0} channels, and 1 or 2 are understood")]
    Channels(u16),
    /// A further file behind it has another rate.
    #[error("the WAV file is followed by one of another rate: save them as one sound")]
    RateChange {
        /// The rate of the first one.
        from_hz: u32,
        /// That of the further one.
        to_hz: u32,
    },
}

/// Reads a recording: a WAV file of 8 to 48 kHz, mono, or stereo which is mixed down; at most `limit` of it.
///
/// A file that is only a header is a sound without samples, not an error: a phone that sends nothing while it is
/// silent leaves one.
///
/// # Errors
/// [`Error`]
pub fn read(input: impl Read, limit: Duration) -> Result<Pcm, Error> {
    let reader = Reader::open(input)?;
    reader.format.check_recording()?;
    let reader = Reader {
        is_alone: true,
        ..reader
    };
    reader.whole(limit)
}

/// Samples read as they arrive, of a WAV file or bare.
#[derive(Debug)]
pub struct Reader<R> {
    input: Ahead<R>,
    format: Format,
    /// How many bytes of audio are still to come, as its header tells.
    left: u64,
    /// What has been read and is less than a frame, or may begin a further file.
    carry: Vec<u8>,
    /// Whether the header of a further file comes next.
    goes_on: bool,
    /// Whether no further file is looked for.
    is_alone: bool,
}

/// An input of which some has been read too early.
#[derive(Debug)]
struct Ahead<R> {
    bytes: Vec<u8>,
    input: R,
}

impl<R: Read> Read for Ahead<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() {
            return self.input.read(into);
        }
        let len = self.bytes.as_slice().read(into)?;
        self.bytes.drain(..len);
        Ok(len)
    }
}

impl<R: Read> Reader<R> {
    /// A WAV file of any rate and number of channels, read up to its samples.
    ///
    /// # Errors
    /// [`Error`]
    pub fn open(input: R) -> Result<Self, Error> {
        let bytes = Vec::new();
        let mut input = Ahead { bytes, input };
        let (format, left) = Format::of_file(&mut input)?;
        Ok(Self {
            input,
            format,
            left,
            carry: Vec::new(),
            goes_on: false,
            is_alone: false,
        })
    }

    /// Headerless little-endian 16-bit samples, with those of all channels (at least one) in turn.
    pub fn bare(input: R, rate_hz: u32, channels: u16) -> Self {
        let bytes = Vec::new();
        Self {
            input: Ahead { bytes, input },
            format: Format {
                rate_hz,
                channels: channels.max(1),
                coding: Coding::I16,
            },
            left: u64::MAX,
            carry: Vec::new(),
            goes_on: false,
            is_alone: false,
        }
    }

    /// Samples per second.
    pub fn rate_hz(&self) -> u32 {
        self.format.rate_hz
    }

    /// Whether no sample can be beyond full scale, or no number.
    pub(super) fn holds_integers(&self) -> bool {
        !matches!(self.format.coding, Coding::F32 | Coding::F64)
    }

    /// Appends to `samples` what one read of the input gives, perhaps less than one sample; false at the end. All
    /// channels are mixed into one, on the scale of −1.0 to 1.0.
    ///
    /// # Errors
    /// [`Error::Read`], and those of a further file
    pub fn next(&mut self, samples: &mut Vec<f32>) -> Result<bool, Error> {
        if std::mem::take(&mut self.goes_on) {
            self.go_on()?;
        }
        let had = self.carry.len();
        self.carry.resize(had + READ_BLOCK_BYTES, 0);
        let read = loop {
            match self.input.read(&mut self.carry[had..]) {
                // A signal has come, as at a hang-up. It says nothing of the file.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // All samples are there, and what failed is only the search for a further file.
                Err(_) if self.left == 0 => break 0,
                result => break result.map_err(Error::Read)?,
            }
        };
        self.carry.truncate(had + read);
        let further = further_file(&self.carry).filter(|_| !self.is_alone);
        // Until more has come, what may begin a further file is not taken for samples.
        let sure = match further {
            Some((at, true)) => at,
            Some((at, false)) if read > 0 => at,
            _ => self.carry.len(),
        };
        let audio = sure.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let mut used = audio - self.format.mix(&self.carry[..audio], samples);
        if audio < sure || further == Some((sure, true)) {
            // Neither chunks behind the audio nor a part of a frame are any.
            used = sure;
        }
        self.left = self
            .left
            .saturating_sub(u64::try_from(used).unwrap_or(u64::MAX));
        self.carry.drain(..used);
        if further == Some((sure, true)) {
            self.input.bytes = std::mem::take(&mut self.carry);
            self.goes_on = true;
        }
        Ok(read > 0)
    }

    /// Reads the header of a further file.
    fn go_on(&mut self) -> Result<(), Error> {
        let from_hz = self.format.rate_hz;
        (self.format, self.left) = Format::of_file(&mut self.input)?;
        match self.format.rate_hz {
            to_hz if to_hz == from_hz => Ok(()),
            to_hz => Err(Error::RateChange { from_hz, to_hz }),
        }
    }

    /// The rest, at most `limit` of it.
    ///
    /// # Errors
    /// [`Error::Read`]
    pub fn whole(mut self, limit: Duration) -> Result<Pcm, Error> {
        let rate_hz = self.format.rate_hz;
        let max_samples = limit.as_nanos() * u128::from(rate_hz) / 1_000_000_000;
        let max_samples = usize::try_from(max_samples).unwrap_or(usize::MAX);
        let (mut samples, mut block) = (Vec::new(), Vec::new());
        while samples.len() < max_samples && self.next(&mut block)? {
            samples.extend(block.drain(..).map(to_i16));
        }
        samples.truncate(max_samples);
        Ok(Pcm { rate_hz, samples })
    }
}

/// Writes a whole sound as a WAV file.
///
/// # Errors
/// Those of `out`.
pub fn write(out: impl Write + Seek, pcm: &Pcm) -> io::Result<()> {
    let mut writer = Writer::new(out, pcm.rate_hz)?;
    writer.write(&pcm.samples)?;
    writer.finish()
}

/// A mono 16-bit WAV file being written, whose sizes are put right at the end.
pub struct Writer<W: Write + Seek>(hound::WavWriter<W>);

impl<W: Write + Seek> Writer<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// Those of the output, as in the other methods.
    pub fn new(out: W, rate_hz: u32) -> io::Result<Self> {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: rate_hz,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        hound::WavWriter::new(out, spec).map(Self).map_err(into_io)
    }

    /// Appends samples.
    ///
    /// # Errors
    /// Those of the output.
    pub fn write(&mut self, samples: &[i16]) -> io::Result<()> {
        for block in samples.chunks(WRITE_BLOCK_FRAMES) {
            let len = u32::try_from(block.len()).map_err(io::Error::other)?;
            let mut writer = self.0.get_i16_writer(len);
            for &sample in block {
                writer.write_sample(sample);
            }
            writer.flush().map_err(into_io)?;
        }
        Ok(())
    }

    /// Writes the sizes into the header.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(self) -> io::Result<()> {
        self.0.finalize().map_err(into_io)
    }
}

fn into_io(error: hound::Error) -> io::Error {
    match error {
        hound::Error::IoError(error) => error,
        other => io::Error::other(other),
    }
}

fn check_riff(input: &mut impl Read) -> Result<(), Error> {
    let head = read_up_to(input, RIFF_HEAD_BYTES)?;
    match Kind::of(&head) {
        _ if head.is_empty() => Err(Error::Empty),
        Kind::Wav => Ok(()),
        kind => Err(Error::NotWav(kind.name())),
    }
}

/// Where in `bytes` the header of a WAV file begins, and whether all that tells it is there.
fn further_file(bytes: &[u8]) -> Option<(usize, bool)> {
    let is_it = |head: &[u8]| {
        let (name, kind) = head.split_at(head.len().min(4));
        let kind = kind.get(4..).unwrap_or_default();
        b"RIFF".starts_with(name) && b"WAVE".starts_with(kind)
    };
    let heads = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'R');
    let mut heads = heads.map(|(at, _)| {
        (
            at,
            &bytes[at..bytes.len().min(at + usize::from(RIFF_HEAD_BYTES))],
        )
    });
    let (at, head) = heads.find(|(_, head)| is_it(head))?;
    Some((at, head.len() == usize::from(RIFF_HEAD_BYTES)))
}

/// The head of a chunk; its content follows in the stream.
struct Chunk {
    id: [u8; 4],
    len_bytes: u32,
}

impl Chunk {
    /// None at the end of the stream.
    fn read(input: &mut impl Read) -> Result<Option<Self>, Error> {
        let head = read_up_to(input, 8)?;
        let Ok([a, b, c, d, size @ ..]) = <[u8; 8]>::try_from(head) else {
            return Ok(None);
        };
        Ok(Some(Self {
            id: [a, b, c, d],
            len_bytes: u32::from_le_bytes(size),
        }))
    }

    /// A length of 0 is one not yet filled in.
    fn audio_len(&self) -> u64 {
        match self.len_bytes {
            // Asterisk writes the size only when it closes the file (`wav_close` in format_wav.c). Until then, and
            // after a crash, it is 0, and the samples go on to the file's end.
            0 => u64::MAX,
            // OpenAI and speaches send 0xFFFFFFFF, since they stream: more than ever comes, so the stream's end counts.
            len => len.into(),
        }
    }

    /// Chunks begin at even places: an odd one is followed by a byte that it does not count.
    fn padded_len(&self) -> u64 {
        u64::from(self.len_bytes).next_multiple_of(2)
    }
}

/// What the `fmt ` chunk says.
#[derive(Debug)]
struct Format {
    rate_hz: u32,
    /// At least one.
    channels: u16,
    coding: Coding,
}

impl Format {
    /// Reads the header of a file, up to its samples. Returns how many bytes of audio it tells of as well.
    fn of_file(input: &mut impl Read) -> Result<(Self, u64), Error> {
        check_riff(input)?;
        let mut format = None;
        let mut passed = 0;
        while passed < HEADER_LIMIT_BYTES {
            let Some(chunk) = Chunk::read(input)? else {
                return Err(Error::Damaged("it ends before its audio begins"));
            };
            let mut content = input
                .by_ref()
                .take(chunk.padded_len().min(HEADER_LIMIT_BYTES));
            match &chunk.id {
                b"fmt " => format = Some(Self::read(&mut content)?),
                b"data" => {
                    let format =
                        format.ok_or(Error::Damaged("its audio comes before its format"))?;
                    return Ok((format, chunk.audio_len()));
                }
                _ => {}
            }
            passed +=
                CHUNK_HEAD_BYTES + io::copy(&mut content, &mut io::sink()).map_err(Error::Read)?;
        }
        Err(Error::Damaged("no audio is found near its beginning"))
    }

    fn read(input: &mut impl Read) -> Result<Self, Error> {
        let content = read_up_to(input, FORMAT_LEN_BYTES)?;
        let word = |at: usize| {
            content
                .get(at..at + 2)
                .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        };
        let cut = || Error::Damaged("its format is cut short");
        let tag = word(0).ok_or_else(cut)?;
        let tag = if tag == TAG_EXTENSIBLE {
            word(SUBFORMAT_AT).ok_or_else(cut)?
        } else {
            tag
        };
        let bits = word(14).ok_or_else(cut)?;
        let coding = Coding::of(tag, bits).ok_or_else(|| Error::Coding {
            found: Coding::name(tag, bits),
        })?;
        let [low, high] = [word(4), word(6)].map(|half| u32::from(half.unwrap_or(0)));
        match word(2).ok_or_else(cut)? {
            0 => Err(Error::Channels(0)),
            channels => Ok(Self {
                rate_hz: high << 16 | low,
                channels,
                coding,
            }),
        }
    }

    fn check_recording(&self) -> Result<(), Error> {
        match *self {
            Self { rate_hz, .. } if !RATES_HZ.contains(&rate_hz) => Err(Error::Rate(rate_hz)),
            Self {
                channels: 1 | 2, ..
            } => Ok(()),
            Self { channels, .. } => Err(Error::Channels(channels)),
        }
    }

    fn frame_bytes(&self) -> usize {
        usize::from(self.channels) * self.coding.len_bytes()
    }

    /// Appends to `samples` what the frames in `bytes` are with all channels mixed into one; returns how many bytes are
    /// left over.
    fn mix(&self, bytes: &[u8], samples: &mut Vec<f32>) -> usize {
        if (self.coding, self.channels) == (Coding::I16, 1) {
            // As all voices send it: by itself, this loop is compiled to vectors.
            let (frames, rest) = bytes.as_chunks();
            let frames = frames.iter().map(|frame| i16::from_le_bytes(*frame));
            samples.extend(frames.map(to_f32));
            return rest.len();
        }
        let frames = bytes.chunks_exact(self.frame_bytes());
        let rest = frames.remainder().len();
        samples.extend(frames.map(|frame| self.mixed(frame)));
        rest
    }

    /// The average of all channels.
    fn mixed(&self, frame: &[u8]) -> f32 {
        let samples = frame.chunks_exact(self.coding.len_bytes());
        let sum: f32 = samples.map(|bytes| self.coding.sample(bytes)).sum();
        sum / f32::from(self.channels)
    }
}

/// The next `len` bytes, or fewer where the stream ends.
fn read_up_to(input: &mut impl Read, len: u16) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(len.into());
    input
        .take(len.into())
        .read_to_end(&mut bytes)
        .map_err(Error::Read)?;
    Ok(bytes)
}

const RATES_HZ: RangeInclusive<u32> = 8_000..=48_000;

/// "RIFF", a size, "WAVE".
const RIFF_HEAD_BYTES: u16 = 12;

/// `WAVE_FORMAT_EXTENSIBLE` of Microsoft's mmreg.h.
const TAG_EXTENSIBLE: u16 = 0xFFFE;
/// Where an extensible format names its real one: the first two bytes of its `SubFormat`.
const SUBFORMAT_AT: usize = 24;
/// The longest format, the extensible one.
const FORMAT_LEN_BYTES: u16 = 40;

const CHUNK_HEAD_BYTES: u64 = 8;

/// Cover pictures and editors' notes may come before the audio; an endless run of them must end.
const HEADER_LIMIT_BYTES: u64 = 16 << 20;

const READ_BLOCK_BYTES: usize = 16 << 10;
const WRITE_BLOCK_FRAMES: usize = 4_096;
