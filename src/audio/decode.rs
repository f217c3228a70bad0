//! Sound files as people have them (WAV of any depth, MP3, FLAC, Ogg Vorbis) to blocks of mono samples.
//!
//! symphonia finds out the format by content, not by name, and decodes packet by packet, so that a long file takes
//! no more memory than a short one. The recording of a call is not read here but by [`super::wav`], which is
//! made for files without an end.
//!
//! See [symphonia's documentation](https://docs.rs/symphonia).

use std::io::{self, Cursor, Read};
use std::mem;

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Cause;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::well_known::FORMAT_ID_WAVE;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions, ReadOnlySource};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

/// Why a sound file could not be decoded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file failed before its format was known.
    #[error("cannot read the sound file")]
    Read(#[source] io::Error),
    /// Nothing in it at all.
    #[error("the file is empty (0 bytes)")]
    Empty,
    /// Not a sound file, or one of another format.
    #[error("this is not a WAV, MP3, FLAC or Ogg Vorbis file: save the sound as one of these")]
    Unknown(#[source] Cause),
    /// A known container around something else, such as GSM in WAV or Opus in Ogg.
    #[error(
        "the file's sound is in a coding that is not understood: save it as PCM WAV, MP3, FLAC or Ogg Vorbis"
    )]
    Unsupported(#[source] Option<Cause>),
    /// It breaks off or makes no sense.
    #[error("the file is damaged or cut short")]
    Damaged(#[source] Cause),
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

/// A sound file being decoded.
pub struct Decoder {
    container: Box<dyn FormatReader>,
    codec: Box<dyn AudioDecoder>,
    track_id: u32,
    rate_hz: u32,
    interleaved: Vec<f32>,
    mono: Vec<f32>,
}

impl Decoder {
    /// Reads as much as it takes to know the format.
    ///
    /// # Errors
    /// [`Error`]
    pub fn open(input: impl Read + Send + Sync + 'static) -> Result<Self, Error> {
        let container = open_container(with_open_end(input)?)?;
        let track = container
            .default_track(TrackType::Audio)
            .ok_or(Error::Unsupported(None))?;
        let parameters = track
            .codec_params
            .as_ref()
            .and_then(|parameters| parameters.audio());
        let parameters = parameters.ok_or(Error::Unsupported(None))?;
        let codec = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map_err(|cause| Error::Unsupported(Some(cause)))?;
        let rate_hz = parameters.sample_rate.ok_or(Error::Unsupported(None))?;
        let track_id = track.id;
        Ok(Self {
            container,
            codec,
            track_id,
            rate_hz,
            interleaved: Vec::new(),
            mono: Vec::new(),
        })
    }

    /// The samples per second of all blocks.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// The next samples, all channels mixed into one, on the scale of −1.0 to 1.0; None at the end.
    ///
    /// A packet that does not decode is passed over, as players do: the first ones of an MP3 file that was cut out
    /// of a longer one are of that kind.
    ///
    /// # Errors
    /// [`Error::Damaged`] or [`Error::RateChange`]
    pub fn next_block(&mut self) -> Result<Option<&[f32]>, Error> {
        while let Some(packet) = self.next_packet()? {
            if packet.track_id != self.track_id {
                continue;
            }
            match self.codec.decode(&packet) {
                Ok(block) => {
                    let rate_hz = block.spec().rate();
                    if rate_hz != self.rate_hz {
                        return Err(Error::RateChange {
                            from_hz: self.rate_hz,
                            to_hz: rate_hz,
                        });
                    }
                    mix_down(&block, &mut self.interleaved, &mut self.mono);
                    return Ok(Some(&self.mono));
                }
                Err(Cause::DecodeError(fault)) => {
                    log::debug!("passed over a damaged packet: {fault}");
                }
                Err(cause) => return Err(Error::Damaged(cause)),
            }
        }
        Ok(None)
    }

    /// A WAV file may break off anywhere: a stream's says that it holds 4 GiB.
    fn next_packet(&mut self) -> Result<Option<Packet>, Error> {
        match self.container.next_packet() {
            Err(Cause::IoError(error))
                if error.kind() == io::ErrorKind::UnexpectedEof
                    && self.container.format_info().format == FORMAT_ID_WAVE =>
            {
                Ok(None)
            }
            outcome => outcome.map_err(Error::Damaged),
        }
    }
}

/// Says of a WAV file that its end is not known, which is true of a live recording, whose size is still 0.
fn with_open_end(mut input: impl Read) -> Result<impl Read, Error> {
    let mut head = Vec::with_capacity(RIFF_HEAD_BYTES.into());
    input
        .by_ref()
        .take(RIFF_HEAD_BYTES.into())
        .read_to_end(&mut head)
        .map_err(Error::Read)?;
    match head.as_mut_slice() {
        [] => return Err(Error::Empty),
        [b'R', b'I', b'F', b'F', size @ ..] => size.fill(0xFF),
        _ => {}
    }
    Ok(Cursor::new(head).chain(input))
}

fn open_container(
    input: impl Read + Send + Sync + 'static,
) -> Result<Box<dyn FormatReader>, Error> {
    let stream = MediaSourceStream::new(
        Box::new(ReadOnlySource::new(input)),
        MediaSourceStreamOptions::default(),
    );
    symphonia::default::get_probe()
        .probe(
            &Hint::new(),
            stream,
            FormatOptions::default(),
            MetadataOptions::default(),
        )
        .map_err(refusal)
}

/// A file that breaks off in its header is not one of an unknown format.
fn refusal(cause: Cause) -> Error {
    match cause {
        Cause::Unsupported(_) => Error::Unknown(cause),
        Cause::IoError(error) if error.kind() != io::ErrorKind::UnexpectedEof => Error::Read(error),
        _ => Error::Damaged(cause),
    }
}

/// Averages the channels. A file of floating-point samples can hold anything; what is not a number becomes silence.
fn mix_down(block: &GenericAudioBufferRef<'_>, interleaved: &mut Vec<f32>, mono: &mut Vec<f32>) {
    let channels = u16::try_from(block.spec().channels().count())
        .unwrap_or(u16::MAX)
        .max(1);
    block.copy_to_vec_interleaved(interleaved);
    mono.clear();
    if channels == 1 {
        mem::swap(interleaved, mono);
    } else {
        let frames = interleaved.chunks_exact(channels.into());
        mono.extend(frames.map(|frame| frame.iter().sum::<f32>() / f32::from(channels)));
    }
    for sample in mono {
        *sample = if sample.is_finite() {
            sample.clamp(-LOUDEST, LOUDEST)
        } else {
            0.0
        };
    }
}

/// "RIFF" and the size that follows it.
const RIFF_HEAD_BYTES: u8 = 8;

/// 24 dB over full scale: louder is noise, and must not overflow what comes after.
const LOUDEST: f32 = 16.0;
