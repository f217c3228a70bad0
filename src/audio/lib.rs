//! Samples in, samples out: recordings, resampling, loudness, G.711 and where the speech is.
//!
//! Everything here is mono. Between the stages samples travel as `f32` in −1.0 to 1.0; at the edges,
//! where files and services meet, as 16-bit PCM in a [`Pcm`]. Nothing here opens a file or a socket.

pub mod speech;

use std::time::Duration;

pub mod decode;
pub mod echo;
pub mod g711;
mod kind;
mod lead;
pub mod level;
pub mod loudness;
pub mod resample;
pub mod shaping;
pub mod telephone;
pub mod wav;

/// A piece of mono, 16-bit linear PCM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pcm {
    /// Samples per second.
    pub rate_hz: u32,
    /// One sample per frame, since there is one channel.
    pub samples: Vec<i16>,
}

impl Pcm {
    /// How long it lasts when played.
    pub fn duration(&self) -> Duration {
        duration_of(self.samples.len(), self.rate_hz)
    }
}

/// How long `len_frames` frames last at `rate_hz`.
pub fn duration_of(len_frames: usize, rate_hz: u32) -> Duration {
    let nanos = u128::try_from(len_frames)
        .unwrap_or(u128::MAX)
        .saturating_mul(1_000_000_000);
    Duration::from_nanos(u64::try_from(nanos / u128::from(rate_hz.max(1))).unwrap_or(u64::MAX))
}

/// A 16-bit sample on the scale of −1.0 to 1.0.
pub fn to_f32(sample: i16) -> f32 {
    f32::from(sample) / FULL_SCALE
}

/// The nearest 16-bit sample; what lies beyond full scale is clipped.
pub fn to_i16(sample: f32) -> i16 {
    let scaled = sample * FULL_SCALE;
    // Truncating half a step further out rounds; `f32::round` is a call into libm on plain x86-64.
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "the one cast that saturates"
    )]
    let nearest = (scaled + 0.5_f32.copysign(scaled)) as i16;
    nearest
}

/// `n` as a divisor or factor; what is counted here stays far below the limit.
fn count(n: usize) -> f32 {
    f32::from(u16::try_from(n).unwrap_or(u16::MAX))
}

const FULL_SCALE: f32 = 32_768.0;
