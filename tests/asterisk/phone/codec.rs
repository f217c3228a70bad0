//! The three codecs of the suite. G.722 is ffmpeg's work; whole sounds go through it before and after a call.
//!
//! Specs: ITU-T G.711 and G.722; RFC 3551 for their names and numbers.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use testkit::audio::{Clip, g711, wav};

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
            Self::G722 => ffmpeg(
                &RAW_16K,
                &["-f", "g722"],
                &wav::bytes_of(&clip.at_rate(16_000).samples),
            ),
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
                    payload => wav::samples_of(&ffmpeg(&["-f", "g722"], &RAW_16K, payload)),
                },
            },
        }
    }
}

/// Converts bytes by way of pipes.
fn ffmpeg(from: &[&str], to: &[&str], bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error"])
        .args(from)
        .args(["-i", "pipe:0"])
        .args(to)
        .arg("pipe:1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        scope.spawn(move || input.write_all(bytes).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "ffmpeg failed");
    output.stdout
}

const RAW_16K: [&str; 6] = ["-f", "s16le", "-ar", "16000", "-ac", "1"];
