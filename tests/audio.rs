//! Telephone audio, judged by numbers.

mod convert;
pub(crate) mod converted;
pub(crate) mod decode;
mod g711;
mod loudness;
mod resample;
mod telephone;
pub(crate) mod wav;

use std::f32::consts::TAU;

use phone_assistant::audio::to_i16;

/// A sine of `level` (1.0 is full scale).
pub(crate) fn tone(rate_hz: u32, frequency_hz: u32, level: f32, len_frames: u32) -> Vec<f32> {
    let turn = f32::from(u16::try_from(rate_hz).unwrap());
    let phases = (0..len_frames).map(|frame| frame * frequency_hz % rate_hz);
    phases
        .map(|phase| level * (TAU * f32::from(u16::try_from(phase).unwrap()) / turn).sin())
        .collect()
}

/// Samples in PCM of this depth.
pub(crate) fn pcm_bytes(samples: &[f32], bits: u16) -> Vec<u8> {
    let unused = 4 - usize::from(bits / 8);
    let bytes = samples.iter().flat_map(|sample| {
        let full = i32::from(to_i16(*sample)) << 16;
        full.to_le_bytes()[unused..].to_vec()
    });
    match bits {
        8 => bytes.map(|byte| byte.wrapping_add(128)).collect(),
        _ => bytes.collect(),
    }
}

/// The level of a sound in dB, where a sine of full scale has 0; edges are left out.
pub(crate) fn level_db(samples: &[f32]) -> f64 {
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    let energy: f64 = middle.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    let len = f64::from(u32::try_from(middle.len()).unwrap());
    10.0 * (2.0 * energy / len).max(1e-20).log10()
}

/// Full-scale noise with the envelope of speech: bursts of 60 to 300 ms between pauses. The same each time.
pub(crate) fn speech_like(len_frames: usize) -> Vec<f32> {
    let mut random = Random(8008);
    let mut samples = Vec::new();
    while samples.len() < len_frames {
        let burst = 480 + random.below(1_920);
        let loudness = f32::from(random.below(1_000)) / 1_000.0;
        samples.extend((0..burst).map(|_| loudness * random.sample()));
        samples.extend((0..random.below(1_600)).map(|_| 0.0));
    }
    samples.truncate(len_frames);
    samples
}

/// A small generator (Marsaglia's xorshift32), so that a failure can be repeated.
pub(crate) struct Random(pub(crate) u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// A number from 0 to `end`, without it.
    pub(crate) fn below(&mut self, end: u16) -> u16 {
        u16::try_from(self.next() % u32::from(end)).unwrap()
    }

    /// A sample from −1.0 to 1.0.
    pub(crate) fn sample(&mut self) -> f32 {
        f32::from(self.below(u16::MAX)) / 32_767.0 - 1.0
    }
}

/// `whole` cut into pieces of all sizes from 0 to 1,999.
pub(crate) fn pieces(whole: &[f32]) -> impl Iterator<Item = &[f32]> {
    let mut random = Random(17);
    let mut rest = whole;
    std::iter::from_fn(move || {
        let (piece, later) = rest.split_at(usize::from(random.below(2_000)).min(rest.len()));
        let more = !rest.is_empty();
        rest = later;
        more.then_some(piece)
    })
}
