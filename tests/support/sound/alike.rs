//! Finds a recording within another, whatever their levels, rates and what was trimmed off.
//!
//! The measure is the normalised cross-correlation of the two, by FFT, at 2,000 samples a second: most of a voice's
//! energy lies below 1 kHz, and a test that runs without optimisation is glad of every sample less.

use std::f64::consts::PI;
use std::ops::Range;

use realfft::num_complex::Complex;

use crate::spectrum::{backward, extended, forward};
use crate::{Clip, float};

/// A recording to look in, prepared for any number of references.
#[derive(Clone, Debug)]
pub struct Recording {
    /// With silence before and after, where a reference may stick out that has lost its beginning or end.
    samples: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
}

impl Recording {
    /// Prepares a recording.
    pub fn new(clip: &Clip) -> Self {
        let silence = vec![0.0; MARGIN];
        let samples = [&silence, &common(clip), &silence]
            .map(Vec::as_slice)
            .concat();
        let spectrum = forward(extended(&samples, samples.len().next_power_of_two()));
        Self { samples, spectrum }
    }
}

/// A recording to look for: its audible part, at the common rate, with an energy of one.
#[derive(Clone, Debug)]
pub struct Reference {
    samples: Vec<f64>,
}

/// A place where a reference was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// Where it begins, in seconds; below 0 when its beginning was cut off.
    pub at_seconds: f64,
    /// How well it agrees: 1 for the same, 0 for something else.
    pub likeness: f64,
}

impl Reference {
    /// Prepares a reference; what is silent before and after is left out.
    pub fn new(clip: &Clip) -> Self {
        let samples = common(clip);
        let samples = &samples[active(&samples)];
        let norm = samples
            .iter()
            .map(|sample| sample * sample)
            .sum::<f64>()
            .sqrt();
        let samples = samples
            .iter()
            .map(|sample| sample / norm.max(f64::MIN_POSITIVE))
            .collect();
        Self { samples }
    }

    /// How long its audible part lasts.
    pub fn seconds(&self) -> f64 {
        float(self.samples.len()) / f64::from(COMMON_HZ)
    }

    /// The best likeness anywhere in a recording.
    pub fn best_in(&self, recording: &Recording) -> f64 {
        self.likenesses(recording).into_iter().fold(0.0, f64::max)
    }

    /// The places in a recording where the likeness is above a threshold, none overlapping another, in their order.
    pub fn matches_in(&self, recording: &Recording, threshold: f64) -> Vec<Match> {
        let mut likenesses = self.likenesses(recording);
        let mut matches = Vec::new();
        while let Some((index, likeness)) =
            largest(&likenesses).filter(|(_, likeness)| *likeness > threshold)
        {
            let at_seconds = (float(index) / float(PLACES) - float(MARGIN)) / f64::from(COMMON_HZ);
            matches.push(Match {
                at_seconds,
                likeness,
            });
            let len = PLACES * self.samples.len();
            let (begin, end) = (index.saturating_sub(len), index + len);
            let end = end.min(likenesses.len());
            likenesses[begin..end].fill(0.0);
        }
        matches.sort_by(|one, other| one.at_seconds.total_cmp(&other.at_seconds));
        matches
    }

    /// The likeness for every place; a sample has several, since a place may lie between two.
    fn likenesses(&self, recording: &Recording) -> Vec<f64> {
        let Some(last) = recording.samples.len().checked_sub(self.samples.len()) else {
            return Vec::new();
        };
        let products = self.products(&recording.spectrum);
        let energies = window_energies(&recording.samples, self.samples.len());
        // A silent place is like nothing: it must not win by being divided by next to nothing.
        let floor = energies.iter().copied().fold(0.0, f64::max) * 1e-6 + f64::MIN_POSITIVE;
        let likeness =
            |index: usize| products[index].abs() / energies[index / PLACES].max(floor).sqrt();
        (0..=PLACES * last).map(likeness).collect()
    }

    /// The sums of products with the recording, one for every place.
    fn products(&self, spectrum: &[Complex<f64>]) -> Vec<f64> {
        let len = 2 * (spectrum.len() - 1);
        let own = forward(extended(&self.samples, len));
        let mut product: Vec<_> = spectrum
            .iter()
            .zip(own)
            .map(|(one, other)| one * other.conj())
            .collect();
        product.resize(PLACES * len / 2 + 1, Complex::ZERO);
        backward(product, PLACES * len, len)
    }
}

/// A clip at the common rate, with a mean of zero.
fn common(clip: &Clip) -> Vec<f64> {
    let rate_hz = if clip.rate_hz.is_multiple_of(COMMON_HZ) {
        clip.rate_hz
    } else {
        4 * COMMON_HZ
    };
    let samples: Vec<f64> = clip
        .at_rate(rate_hz)
        .samples
        .into_iter()
        .map(f64::from)
        .collect();
    let samples = decimated(&samples, usize::try_from(rate_hz / COMMON_HZ).unwrap());
    let mean = samples.iter().sum::<f64>() / float(samples.len().max(1));
    samples.into_iter().map(|sample| sample - mean).collect()
}

/// Every `factor`-th sample, after a low-pass filter: the cheap way, where both rates allow it.
fn decimated(samples: &[f64], factor: usize) -> Vec<f64> {
    let half = LOBES * factor;
    let filter: Vec<f64> = (0..=2 * half)
        .map(|index| {
            let turns = (float(index) - float(half)) / float(factor);
            let sinc = if index == half {
                1.0
            } else {
                (PI * turns).sin() / (PI * turns)
            };
            sinc * (0.5 + 0.5 * (PI * turns / float(LOBES)).cos())
        })
        .collect();
    let filtered = |at: usize| {
        let window = &samples[at.saturating_sub(half)..samples.len().min(at + half + 1)];
        let taps = &filter[half.saturating_sub(at)..];
        window
            .iter()
            .zip(taps)
            .map(|(sample, tap)| sample * tap)
            .sum()
    };
    (0..samples.len()).step_by(factor).map(filtered).collect()
}

/// From the first to the last tenth of a second that is less than 30 dB below the loudest.
fn active(samples: &[f64]) -> Range<usize> {
    let frame = usize::try_from(COMMON_HZ / 10).unwrap();
    let energy = |frame: &[f64]| frame.iter().map(|sample| sample * sample).sum();
    let energies: Vec<f64> = samples.chunks(frame).map(energy).collect();
    let threshold = energies.iter().copied().fold(0.0, f64::max) * 0.001;
    let is_active = |energy: &f64| *energy > threshold;
    let first = energies.iter().position(is_active).unwrap_or(0);
    let end = energies
        .iter()
        .rposition(is_active)
        .map_or(0, |last| last + 1);
    first * frame..samples.len().min(end * frame)
}

fn largest(values: &[f64]) -> Option<(usize, f64)> {
    values
        .iter()
        .copied()
        .enumerate()
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
}

/// The energy within a window of a length, for every place where it can begin.
fn window_energies(samples: &[f64], len: usize) -> Vec<f64> {
    let mut energy: f64 = samples[..len].iter().map(|sample| sample * sample).sum();
    let mut energies = vec![energy];
    for (leaving, entering) in samples.iter().zip(&samples[len..]) {
        energy += entering * entering - leaving * leaving;
        energies.push(energy);
    }
    energies
}

const COMMON_HZ: u32 = 2000;
/// The places of a sample, one for each sample of a recording at 8 kHz: a quarter of a sample beside its place, a voice is only
/// 0.86 like itself.
const PLACES: usize = 4;
/// Of the filter's sinc, on each side.
const LOBES: usize = 4;
/// Half a second.
const MARGIN: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clips;

    #[test]
    fn places_do_not_overlap() {
        let tone = clips::tone(8000, 440.0, -10.0, 1.0);
        let pause = clips::silence(8000, 0.2);
        let twice = tone.clone().then(&pause).then(&tone);
        let found = Reference::new(&tone).matches_in(&Recording::new(&twice), 0.5);
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
