//! Numbers about sound, for tests to assert.

use std::f64::consts::TAU;

pub use crate::level::{level_db, peak};

use crate::level::{FULL_SCALE, SILENCE_DB};
use crate::{Clip, alike, float};

/// The level of the sine of one frequency in dBFS, where a full-scale sine is 0 dB (Goertzel's filter, Hann window).
pub fn tone_db(clip: &Clip, frequency_hz: f64) -> f64 {
    let step = TAU * frequency_hz / f64::from(clip.rate_hz);
    let window_step = TAU / float(clip.samples.len().max(1));
    let (mut one_back, mut two_back) = (0.0, 0.0);
    for (index, sample) in clip.samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (window_step * float(index)).cos();
        let next = f64::from(*sample) * window + 2.0 * step.cos() * one_back - two_back;
        (one_back, two_back) = (next, one_back);
    }
    let power = one_back.powi(2) + two_back.powi(2) - 2.0 * step.cos() * one_back * two_back;
    // Half of the amplitude goes to the negative frequency, and half of that into the window.
    let amplitude = power.max(0.0).sqrt() * 4.0 / float(clip.samples.len().max(1));
    (20.0 * (amplitude / FULL_SCALE).log10()).max(SILENCE_DB)
}

/// The ratio of a signal to what was added to it, in dB: both clips must be aligned and of one level.
pub fn snr_db(clean: &[i16], noisy: &[i16]) -> f64 {
    assert_eq!(
        clean.len(),
        noisy.len(),
        "clips of one length can be compared"
    );
    let signal: f64 = clean.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    let added: f64 = clean
        .iter()
        .zip(noisy)
        .map(|(one, other)| (f64::from(*one) - f64::from(*other)).powi(2))
        .sum();
    10.0 * (signal / added.max(f64::MIN_POSITIVE)).log10()
}

/// How well one clip is heard in another, from 0 (not at all) to 1, whatever their rates, levels and offset.
///
/// Recordings of one thing give more than 0.9, also through mu-law; different sentences of one voice less than 0.5.
pub fn heard(decoded: &Clip, expected: &Clip) -> f64 {
    alike::Reference::new(expected).best_in(&alike::Recording::new(decoded))
}

/// The middles of the longest pauses in a recording, in order: so many of them, the silence at its ends apart.
pub fn longest_pauses(clip: &Clip, count: usize) -> Vec<usize> {
    let frame = usize::try_from(clip.rate_hz / 100).unwrap();
    let quiet = peak(&clip.samples) * QUIET;
    let is_quiet: Vec<_> = clip
        .samples
        .chunks(frame)
        .map(|frame| peak(frame) < quiet)
        .collect();
    let mut pauses = Vec::new();
    let mut at = 0;
    for stretch in is_quiet.chunk_by(|one, other| one == other) {
        let is_inner = at > 0 && at + stretch.len() < is_quiet.len();
        if stretch[0] && is_inner {
            pauses.push((stretch.len(), (at + stretch.len() / 2) * frame));
        }
        at += stretch.len();
    }
    pauses.sort_by_key(|(len, _)| std::cmp::Reverse(*len));
    let mut middles: Vec<_> = pauses
        .into_iter()
        .take(count)
        .map(|(_, middle)| middle)
        .collect();
    middles.sort_unstable();
    assert_eq!(middles.len(), count, "the recording has too few pauses");
    middles
}

/// A hundredth of the loudest sample: 40 dB below it.
const QUIET: f64 = 0.01;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clips;

    #[test]
    fn a_tone_is_measured_at_its_level_and_nowhere_else() {
        let tone = clips::tone(8000, 1000.0, -20.0, 0.5);
        assert!(
            (tone_db(&tone, 1000.0) + 20.0).abs() < 0.05,
            "{}",
            tone_db(&tone, 1000.0)
        );
        assert!(tone_db(&tone, 1300.0) < -80.0, "{}", tone_db(&tone, 1300.0));
        assert!(
            (level_db(&tone.samples) + 23.01).abs() < 0.05,
            "{}",
            level_db(&tone.samples)
        );
    }
}
