//! Compressed sound: packets out of a container, and samples out of these.

use std::io::ErrorKind;

use log::debug;
use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Cause;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use super::super::kind::Kind;
use super::error::Error;
use super::opus::{self, Opus};

/// A sound in a container that symphonia reads.
pub(super) struct Coded {
    container: Box<dyn FormatReader>,
    codec: Codec,
    track_id: u32,
    rate_hz: u32,
    interleaved: Vec<f32>,
}

enum Codec {
    Symphonia(Box<dyn AudioDecoder>),
    Opus(Box<Opus>),
}

impl Coded {
    /// Reads as much as it takes to know the format.
    ///
    /// # Errors
    /// [`Error`]
    pub(super) fn open(source: Box<dyn MediaSource>, kind: Kind) -> Result<Self, Error> {
        let container = open_container(source).map_err(|cause| refusal(cause, kind))?;
        let (codec, track_id, rate_hz) = sound_in(&*container)?;
        Ok(Self {
            container,
            codec,
            track_id,
            rate_hz,
            interleaved: Vec::new(),
        })
    }

    pub(super) fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Appends the samples of the next packet to `mono`, perhaps none; false at the end.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Damaged`] or [`Error::RateChange`]
    pub(super) fn next(&mut self, mono: &mut Vec<f32>) -> Result<bool, Error> {
        let packet = match self.container.next_packet() {
            // A further stream of Ogg behind the first one, as of a speech service that makes one for each sentence.
            Err(Cause::ResetRequired) => return self.go_on().map(|()| true),
            Err(cause) => return Err(broken(cause)),
            Ok(None) => return Ok(false),
            Ok(Some(packet)) if packet.track_id != self.track_id => return Ok(true),
            Ok(Some(packet)) => packet,
        };
        let Some(channels) = self.decode(&packet)? else {
            return Ok(true);
        };
        let frames = self.interleaved.chunks_exact(channels.into());
        // The mean of the channels, since their sum could be beyond full scale.
        mono.extend(frames.map(|frame| frame.iter().sum::<f32>() / f32::from(channels)));
        Ok(true)
    }

    /// Begins to decode another sound of the same rate.
    fn go_on(&mut self) -> Result<(), Error> {
        let (codec, track_id, to_hz) = sound_in(&*self.container)?;
        (self.codec, self.track_id) = (codec, track_id);
        let from_hz = self.rate_hz;
        if to_hz == from_hz {
            Ok(())
        } else {
            Err(Error::RateChange { from_hz, to_hz })
        }
    }

    /// Decodes a packet and returns how many channels it has; None where it is damaged.
    fn decode(&mut self, packet: &Packet) -> Result<Option<u16>, Error> {
        let damage = match &mut self.codec {
            Codec::Opus(opus) => match opus.decode(packet, &mut self.interleaved) {
                Ok(channels) => return Ok(Some(channels)),
                Err(fault) => fault.to_string(),
            },
            Codec::Symphonia(decoder) => match decoder.decode(packet) {
                Ok(block) => {
                    check_rate(&block, self.rate_hz)?;
                    block.copy_to_vec_interleaved(&mut self.interleaved);
                    let channels = u16::try_from(block.spec().channels().count());
                    return Ok(Some(channels.unwrap_or(u16::MAX).max(1)));
                }
                Err(Cause::DecodeError(fault)) => fault.to_owned(),
                Err(cause) => return Err(broken(cause)),
            },
        };
        // A damaged packet is a moment of sound. What follows is worth more to the caller than an error.
        log::debug!("passed over a damaged packet: {damage}");
        Ok(None)
    }
}

impl Codec {
    fn of(parameters: &AudioCodecParameters) -> Result<Self, Error> {
        if parameters.codec == CODEC_ID_OPUS {
            let head = parameters.extra_data.as_deref().unwrap_or_default();
            return opus::open(head).map(Box::new).map(Self::Opus);
        }
        symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map(Self::Symphonia)
            .map_err(|_| Error::Unsupported)
    }
}

/// The decoder of the sound in a container, its track and its samples per second.
fn sound_in(container: &dyn FormatReader) -> Result<(Codec, u32, u32), Error> {
    let track = container
        .default_track(TrackType::Audio)
        .ok_or(Error::Unsupported)?;
    let parameters = track
        .codec_params
        .as_ref()
        .and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or(Error::Unsupported)?;
    let rate_hz = parameters.sample_rate.ok_or(Error::Unsupported)?;
    Ok((Codec::of(parameters)?, track.id, rate_hz))
}

fn open_container(source: Box<dyn MediaSource>) -> Result<Box<dyn FormatReader>, Cause> {
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    symphonia::default::get_probe().probe(
        &Hint::new(),
        stream,
        FormatOptions::default(),
        MetadataOptions::default(),
    )
}

/// A file that breaks off in its header is not one of an unknown format.
fn refusal(cause: Cause, kind: Kind) -> Error {
    match (broken(cause), kind) {
        (Error::Damaged, Kind::Unknown(name)) => Error::Unknown(name),
        (error, _) => error,
    }
}

/// A source that has failed is told apart from one that has ended.
fn broken(cause: Cause) -> Error {
    debug!("the decoder says: {cause}");
    match cause {
        // The decoders' own ends are of no kind.
        Cause::IoError(error)
            if error.raw_os_error().is_some()
                || !matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::Other) =>
        {
            Error::Read(error)
        }
        _ => Error::Damaged,
    }
}

fn check_rate(block: &GenericAudioBufferRef<'_>, from_hz: u32) -> Result<(), Error> {
    let to_hz = block.spec().rate();
    if to_hz == from_hz {
        Ok(())
    } else {
        Err(Error::RateChange { from_hz, to_hz })
    }
}
