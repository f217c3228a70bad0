//! Opus in Ogg: [RFC 7845](https://www.rfc-editor.org/rfc/rfc7845) around opus-pure.

use opus_pure::{MAX_PACKET_SAMPLES, OpusDecoder};
use symphonia::core::packet::Packet;

use super::error::Error;

/// A sound in Opus being decoded, always at 48 kHz.
pub(super) struct Opus {
    decoder: OpusDecoder,
    channels: u16,
    /// How many more frames stand before the sound's beginning.
    to_skip: usize,
    /// The factor of the output gain.
    gain: f32,
}

/// Reads the identification header: RFC 7845, 5.1.
///
/// # Errors
/// [`Error::Unsupported`] where it is none, and for more than two channels.
pub(super) fn open(head: &[u8]) -> Result<Opus, Error> {
    let &[
        b'O',
        b'p',
        b'u',
        b's',
        b'H',
        b'e',
        b'a',
        b'd',
        version,
        channels @ (1 | 2),
        skip_1,
        skip_2,
        _,
        _,
        _,
        _,
        gain_1,
        gain_2,
        0,
        ..,
    ] = head
    else {
        return Err(Error::Unsupported);
    };
    // The header's input sample rate is only a note of what was recorded: Opus in Ogg is decoded, and its lengths are
    // counted, at 48 kHz (RFC 7845, 4 and 5.1).
    let decoder = OpusDecoder::new(48_000, channels.into());
    // In MP4 the version is 0, and the upper byte comes first: "Encapsulation of Opus in ISO Base Media", 4.3.2.
    let number = |bytes| match version {
        0 => u16::from_be_bytes(bytes),
        _ => u16::from_le_bytes(bytes),
    };
    let gain_db = f32::from(number([gain_1, gain_2]).cast_signed()) / 256.0;
    Ok(Opus {
        decoder: decoder.map_err(|_| Error::Unsupported)?,
        channels: channels.into(),
        to_skip: number([skip_1, skip_2]).into(),
        gain: 10_f32.powf(gain_db / 20.0),
    })
}

impl Opus {
    /// Puts the samples of a packet into `interleaved`, none before the sound's beginning or after its end. Returns how many
    /// channels they have.
    ///
    /// # Errors
    /// That of a packet which is damaged.
    pub(super) fn decode(
        &mut self,
        packet: &Packet,
        interleaved: &mut Vec<f32>,
    ) -> Result<u16, opus_pure::Error> {
        if packet.data.is_empty() {
            return Err(opus_pure::Error::InvalidPacket("it is empty"));
        }
        let channels = usize::from(self.channels);
        interleaved.clear();
        interleaved.resize(MAX_PACKET_SAMPLES * channels, 0.0);
        let decoded = self
            .decoder
            .decode(&packet.data, MAX_PACKET_SAMPLES, interleaved);
        let frames = decoded.inspect_err(|_| interleaved.clear())?;
        // The last packet is filled up with silence beyond the sound's end: RFC 7845, 4.4. What stands before its
        // beginning lets the decoder settle: 4.2.
        let after = usize::try_from(packet.trim_end.get()).unwrap_or(usize::MAX);
        interleaved.truncate(frames.saturating_sub(after) * channels);
        let skipped = self.to_skip.min(interleaved.len() / channels);
        self.to_skip -= skipped;
        interleaved.drain(..skipped * channels);
        // The gain is a part of how the file is to sound, and players should apply it by default: RFC 7845, 5.1.
        for sample in interleaved {
            *sample *= self.gain;
        }
        Ok(self.channels)
    }
}
