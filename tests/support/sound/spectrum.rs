//! Signals and their spectra, by FFT.

use std::sync::{LazyLock, Mutex, MutexGuard};

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

use crate::number::{float, to_index};

/// The same signal at another rate, by cutting or extending its spectrum.
pub(crate) fn resampled(samples: &[f64], from_hz: u32, to_hz: u32) -> Vec<f64> {
    let ratio = f64::from(to_hz) / f64::from(from_hz);
    let (from_len, to_len) = smooth_lens(samples.len(), from_hz, to_hz);
    let mut spectrum = forward(extended(samples, from_len));
    spectrum.resize(to_len / 2 + 1, Complex::ZERO);
    let mut resampled = backward(spectrum, to_len, from_len);
    resampled.truncate(to_index((float(samples.len()) * ratio).round()));
    resampled
}

/// Lengths in the ratio of two rates, the first not below `len`, that a transform is quick at.
fn smooth_lens(len: usize, from_hz: u32, to_hz: u32) -> (usize, usize) {
    let (mut divisor, mut rest) = (from_hz, to_hz);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    let [from, to] = [from_hz, to_hz].map(|rate| usize::try_from(rate / divisor).unwrap());
    let times = len.div_ceil(from).next_power_of_two().max(2);
    (from * times, to * times)
}

pub(crate) fn extended(samples: &[f64], len: usize) -> Vec<f64> {
    [samples, &vec![0.0; len - samples.len()]].concat()
}

pub(crate) fn forward(mut samples: Vec<f64>) -> Vec<Complex<f64>> {
    let transform = planner().plan_fft_forward(samples.len());
    let mut spectrum = transform.make_output_vec();
    transform.process(&mut samples, &mut spectrum).unwrap();
    spectrum
}

/// The signal of a spectrum, undoing a forward transform of `scale` samples.
pub(crate) fn backward(mut spectrum: Vec<Complex<f64>>, len: usize, scale: usize) -> Vec<f64> {
    let transform = planner().plan_fft_inverse(len);
    let mut samples = transform.make_output_vec();
    // The last value of the spectrum of an even number of real samples is real.
    if let Some(last) = spectrum.last_mut() {
        last.im = 0.0;
    }
    transform.process(&mut spectrum, &mut samples).unwrap();
    samples
        .into_iter()
        .map(|sample| sample / float(scale))
        .collect()
}

/// A plan costs more than the transform that it is for; this keeps those of every length that was wanted.
fn planner() -> MutexGuard<'static, RealFftPlanner<f64>> {
    static PLANNER: LazyLock<Mutex<RealFftPlanner<f64>>> =
        LazyLock::new(|| Mutex::new(RealFftPlanner::new()));
    PLANNER.lock().unwrap()
}
