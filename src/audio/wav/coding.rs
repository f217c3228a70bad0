//! How the samples of a WAV file are coded, and what they are on the scale of −1.0 to 1.0.

use super::super::{g711, to_f32};

/// A coding in which each sample stands for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    U8,
    I16,
    I24,
    I32,
    F32,
    F64,
    ALaw,
    MuLaw,
}

impl Coding {
    /// The coding with this format tag and this number of bits in a sample.
    pub(super) fn of(tag: u16, bits: u16) -> Option<Self> {
        Some(match (tag, bits) {
            (TAG_PCM, 8) => Self::U8,
            (TAG_PCM, 16) => Self::I16,
            (TAG_PCM, 24) => Self::I24,
            (TAG_PCM, 32) => Self::I32,
            (3, 32) => Self::F32,
            (3, 64) => Self::F64,
            (6, 8) => Self::ALaw,
            (7, 8) => Self::MuLaw,
            _ => return None,
        })
    }

    /// What its users call a coding that is none of these.
    pub(super) fn name(tag: u16, bits: u16) -> String {
        match tag {
            TAG_PCM => format!("{bits}-bit PCM"),
            2 | 0x11 => "ADPCM".to_owned(),
            3 => format!("{bits}-bit floating-point samples"),
            6 => format!("{bits}-bit A-law"),
            7 => format!("{bits}-bit mu-law"),
            0x31 => "GSM (Asterisk's .WAV or .wav49)".to_owned(),
            0x55 => "MP3".to_owned(),
            other => format!("an unknown coding ({other:#06x})"),
        }
    }

    pub(super) fn len_bytes(self) -> usize {
        match self {
            Self::U8 | Self::ALaw | Self::MuLaw => 1,
            Self::I16 => 2,
            Self::I24 => 3,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// One sample; silence where `bytes` are not [`len_bytes`](Self::len_bytes) of them.
    pub(super) fn sample(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            // WAV has samples of 8 bits without a sign, and all others with one.
            (Self::U8, &[byte]) => (f32::from(byte) - 128.0) / 128.0,
            (Self::I16, &[a, b]) => to_f32(i16::from_le_bytes([a, b])),
            (Self::I24, &[a, b, c]) => fine(i16::from_le_bytes([b, c]), u16::from_le_bytes([0, a])),
            (Self::I32, &[a, b, c, d]) => {
                fine(i16::from_le_bytes([c, d]), u16::from_le_bytes([a, b]))
            }
            (Self::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (Self::F64, eight) => eight
                .try_into()
                .map_or(0.0, |bytes| narrowed(f64::from_le_bytes(bytes))),
            (Self::MuLaw, &[code]) => g711::signed(code, g711::mu_law_magnitude(code)),
            (Self::ALaw, &[code]) => g711::signed(code, g711::a_law_magnitude(code)),
            _ => 0.0,
        }
    }
}

/// A sample of more than 16 bits: the upper 16, and those below them.
fn fine(upper: i16, lower: u16) -> f32 {
    to_f32(upper) + f32::from(lower) / 65_536.0 / 32_768.0
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "nothing else narrows, and a sample needs no more digits"
)]
fn narrowed(sample: f64) -> f32 {
    sample as f32
}

/// `WAVE_FORMAT_PCM` of Microsoft's mmreg.h; the other tags are in the same file.
const TAG_PCM: u16 = 0x0001;
