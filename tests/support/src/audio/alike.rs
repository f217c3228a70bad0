//! Finds a recording within another, whatever their levels, rates and what was trimmed off.
//!
//! The measure is the normalised cross-correlation of the two, by FFT, at 4,000 samples a second: the voiced parts of
//! speech lie below 2 kHz, and a test that runs without optimisation is glad of every sample less.

use std::ops::Range;

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

use super::{Clip, float, to_index};

/// A recording to look for: its audible part, at the common rate, with a mean of zero and an energy of one.
#[derive(Clone, Debug)]
pub struct Reference {
    samples: Vec<f64>,
}

/// A place where a recording was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// Where it begins, in seconds; below 0 when its beginning was cut off.
    pub at_seconds: f64,
    /// How well it agrees: 1 for the same, 0 for something else.
    pub likeness: f64,
}

impl Reference {
    /// Prepares a recording; what is silent before and after is left out.
    pub fn new(clip: &Clip) -> Self {
        let mut samples = common(clip);
        let active = active(&samples);
        samples = samples[active].to_vec();
        let norm = samples
            .iter()
            .map(|sample| sample * sample)
            .sum::<f64>()
            .sqrt()
            .max(f64::MIN_POSITIVE);
        for sample in &mut samples {
            *sample /= norm;
        }
        Self { samples }
    }

    /// How long its audible part lasts.
    pub fn seconds(&self) -> f64 {
        float(self.samples.len()) / COMMON_RATE
    }

    /// The best likeness anywhere in a clip.
    pub fn best_in(&self, clip: &Clip) -> f64 {
        self.likenesses(&common(clip))
            .into_iter()
            .fold(0.0, f64::max)
    }

    /// The places in a clip where the likeness is above a threshold, none overlapping another.
    pub fn matches_in(&self, clip: &Clip, threshold: f64) -> Vec<Match> {
        let mut likenesses = self.likenesses(&common(clip));
        let mut matches = Vec::new();
        while let Some((index, likeness)) =
            largest(&likenesses).filter(|(_, likeness)| *likeness > threshold)
        {
            let at_seconds = (float(index) - float(self.margin())) / COMMON_RATE;
            matches.push(Match {
                at_seconds,
                likeness,
            });
            let reach = self.samples.len() / 2;
            let end = likenesses.len().min(index + reach);
            likenesses[index.saturating_sub(reach)..end].fill(0.0);
        }
        matches
    }

    /// How far a recording may stick out of a clip that has lost its beginning or end.
    fn margin(&self) -> usize {
        self.samples.len() / 4
    }

    /// The likeness for every place, beginning `margin` before the clip does.
    fn likenesses(&self, samples: &[f64]) -> Vec<f64> {
        let margin = self.margin();
        let places = (samples.len() + 2 * margin).saturating_sub(self.samples.len());
        if places == 0 || self.samples.is_empty() {
            return Vec::new();
        }
        let padded = [vec![0.0; margin].as_slice(), samples, &vec![0.0; margin]].concat();
        let products = correlation(&padded, &self.samples);
        let energies = window_energies(&padded, self.samples.len());
        // A silent place is like nothing: it must not win by being divided by next to nothing.
        let floor = energies.iter().copied().fold(0.0, f64::max) * 0.01 + f64::MIN_POSITIVE;
        let pairs = products.iter().zip(&energies).take(places);
        pairs
            .map(|(product, energy)| product.abs() / energy.max(floor).sqrt())
            .collect()
    }
}

/// The same signal at another rate, by cutting or extending its spectrum.
pub(super) fn resampled(samples: &[f64], from_hz: u32, to_hz: u32) -> Vec<f64> {
    let ratio = f64::from(to_hz) / f64::from(from_hz);
    let len = to_index((float(samples.len()) * ratio).round());
    if len == 0 {
        return Vec::new();
    }
    let mut planner = RealFftPlanner::<f64>::new();
    let mut spectrum = forward(&mut planner, samples.to_vec());
    spectrum.resize(len / 2 + 1, Complex::ZERO);
    // An inverse transform takes only real values at both ends of the spectrum.
    if let Some(last) = spectrum.last_mut() {
        last.im = 0.0;
    }
    let scale = 1.0 / float(samples.len());
    backward(&mut planner, spectrum, len)
        .into_iter()
        .map(|sample| sample * scale)
        .collect()
}

fn common(clip: &Clip) -> Vec<f64> {
    let samples: Vec<f64> = clip
        .samples
        .iter()
        .map(|sample| f64::from(*sample))
        .collect();
    let mut samples = resampled(&samples, clip.rate_hz, 4000);
    let mean = samples.iter().sum::<f64>() / float(samples.len().max(1));
    for sample in &mut samples {
        *sample -= mean;
    }
    samples
}

/// From the first to the last tenth of a second that is not far below the loudest.
fn active(samples: &[f64]) -> Range<usize> {
    let frame = to_index(COMMON_RATE / 10.0);
    let energies: Vec<f64> = samples
        .chunks(frame)
        .map(|frame| frame.iter().map(|sample| sample * sample).sum())
        .collect();
    let threshold = energies.iter().copied().fold(0.0, f64::max) * 0.001;
    let is_active = |energy: &f64| *energy > threshold;
    let first = energies.iter().position(is_active).unwrap_or(0);
    let last = energies
        .iter()
        .rposition(is_active)
        .map_or(0, |last| last + 1);
    first * frame..samples.len().min(last * frame)
}

fn largest(values: &[f64]) -> Option<(usize, f64)> {
    values
        .iter()
        .copied()
        .enumerate()
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
}

/// The energy within a window of a length that begins at each place.
fn window_energies(samples: &[f64], len: usize) -> Vec<f64> {
    let mut energy: f64 = samples[..len.min(samples.len())]
        .iter()
        .map(|sample| sample * sample)
        .sum();
    let mut energies = vec![energy];
    for (leaving, entering) in samples.iter().zip(&samples[len.min(samples.len())..]) {
        energy += entering * entering - leaving * leaving;
        energies.push(energy);
    }
    energies
}

/// The sum of products of a template with a signal, for every place of the template.
fn correlation(signal: &[f64], template: &[f64]) -> Vec<f64> {
    let len = (signal.len() + template.len()).next_power_of_two();
    let mut planner = RealFftPlanner::<f64>::new();
    let extended = |samples: &[f64]| [samples, &vec![0.0; len - samples.len()]].concat();
    let mut spectrum = forward(&mut planner, extended(signal));
    let other = forward(&mut planner, extended(template));
    for (one, other) in spectrum.iter_mut().zip(other) {
        *one *= other.conj();
    }
    let scale = 1.0 / float(len);
    backward(&mut planner, spectrum, len)
        .into_iter()
        .map(|product| product * scale)
        .collect()
}

fn forward(planner: &mut RealFftPlanner<f64>, mut samples: Vec<f64>) -> Vec<Complex<f64>> {
    let transform = planner.plan_fft_forward(samples.len());
    let mut spectrum = transform.make_output_vec();
    transform.process(&mut samples, &mut spectrum).unwrap();
    spectrum
}

fn backward(
    planner: &mut RealFftPlanner<f64>,
    mut spectrum: Vec<Complex<f64>>,
    len: usize,
) -> Vec<f64> {
    let transform = planner.plan_fft_inverse(len);
    let mut samples = transform.make_output_vec();
    transform.process(&mut spectrum, &mut samples).unwrap();
    samples
}

const COMMON_RATE: f64 = 4000.0;
