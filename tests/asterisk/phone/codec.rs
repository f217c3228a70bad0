//! The three codecs of the suite. G.722 is ffmpeg's work; whole sounds go through it before and after a call.
//!
//! Specs: ITU-T G.711 and G.722; RFC 3551 for their names and numbers.

use std::time::Duration;

use testkit::audio::{Clip, ffmpeg, g711, wav};

/// How the phone speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Ulaw,
    Alaw,
    G722,
}

impl Codec {
    /// The payload type and the name (RFC 3551, table 4).
    pub(super) fn payload(self) -> (u8, &'static str) {
        match self {
            Self::Ulaw => (0, "PCMU"),
            Self::Alaw => (8, "PCMA"),
            Self::G722 => (9, "G722"),
        }
    }

    /// A byte that is silence, over and over.
    pub(super) fn silence(self) -> u8 {
        match self {
            Self::Ulaw => 0xff,
            Self::Alaw => 0xd5,
            Self::G722 => 0xfa,
        }
    }

    pub(super) fn encode(self, clip: &Clip) -> Vec<u8> {
        match self {
            Self::Ulaw => g711::encoded_mulaw(&clip.at_rate(8000).samples),
            Self::Alaw => g711::encoded_alaw(&clip.at_rate(8000).samples),
            Self::G722 => {
                let samples = clip.at_rate(16_000).samples;
                through_ffmpeg(&RAW_16K, wav::bytes_of(&samples), &["-f", "g722"])
            }
        }
    }

    pub(super) fn decode(self, payload: &[u8]) -> Clip {
        match self {
            Self::Ulaw => g711::decoded_mulaw(payload),
            Self::Alaw => {
                Clip::telephone(payload.iter().map(|byte| g711::from_alaw(*byte)).collect())
            }
            Self::G722 => Clip {
                rate_hz: 16_000,
                samples: match payload {
                    [] => Vec::new(),
                    payload => wav::samples_of(&through_ffmpeg(
                        &["-f", "g722"],
                        payload.to_vec(),
                        &RAW_16K,
                    )),
                },
            },
        }
    }
}

fn through_ffmpeg(from: &[&str], bytes: Vec<u8>, to: &[&str]) -> Vec<u8> {
    ffmpeg::convert(from, bytes, to).expect("ffmpeg is installed and knows G.722")
}

const RAW_16K: [&str; 6] = ["-f", "s16le", "-ar", "16000", "-ac", "1"];
/// How much sound a packet of the phone's holds.
pub(crate) const PACKET: Duration = Duration::from_millis(20);
