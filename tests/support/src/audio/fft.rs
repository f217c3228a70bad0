//! The discrete Fourier transform, for lengths without large prime factors. A few lines of our own: the crates that are
//! quick at every length take longer to be compiled than all tests to recognise all questions.

use std::collections::HashMap;
use std::f64::consts::TAU;
use std::ops::{Add, Mul};
use std::sync::{Arc, LazyLock, Mutex};

use super::float;

/// A complex number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Complex {
    pub(super) re: f64,
    pub(super) im: f64,
}

impl Complex {
    pub(super) const ZERO: Self = Self { re: 0.0, im: 0.0 };

    pub(super) fn conj(self) -> Self {
        Self {
            im: -self.im,
            ..self
        }
    }
}

impl Add for Complex {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            re: self.re + other.re,
            im: self.im + other.im,
        }
    }
}

impl Mul for Complex {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self {
            re: self.re * other.re - self.im * other.im,
            im: self.re * other.im + self.im * other.re,
        }
    }
}

/// The spectrum of a real signal, up to half of its rate.
pub(super) fn forward(samples: &[f64]) -> Vec<Complex> {
    let signal: Vec<_> = samples
        .iter()
        .map(|re| Complex { re: *re, im: 0.0 })
        .collect();
    let mut spectrum = transformed(&signal);
    spectrum.truncate(samples.len() / 2 + 1);
    spectrum
}

/// The real signal of `len` samples, an even number, that has this spectrum; `len` times as loud.
pub(super) fn backward(spectrum: &[Complex], len: usize) -> Vec<f64> {
    // Back is forth with everything conjugated; the upper half is the lower one's conjugate already.
    let half = len / 2;
    let at = |index: usize| match index {
        0 => Complex {
            im: 0.0,
            ..spectrum[0]
        },
        _ if index == half => Complex {
            im: 0.0,
            ..spectrum[half]
        },
        _ if index < half => spectrum[index].conj(),
        _ => spectrum[len - index],
    };
    let signal: Vec<_> = (0..len).map(at).collect();
    let samples = transformed(&signal).into_iter();
    samples.map(|sample| sample.re).collect()
}

fn transformed(signal: &[Complex]) -> Vec<Complex> {
    let mut output = vec![Complex::ZERO; signal.len()];
    if !signal.is_empty() {
        transform(signal, 1, &mut output, &roots(signal.len()));
    }
    output
}

/// Cooley and Tukey's: every `stride`-th value, in as many parts as the smallest prime factor, and those put together.
fn transform(input: &[Complex], stride: usize, output: &mut [Complex], roots: &[Complex]) {
    let len = output.len();
    if len == 1 {
        output[0] = input[0];
        return;
    }
    let parts = (2..=len)
        .find(|factor| len.is_multiple_of(*factor))
        .unwrap();
    let part = len / parts;
    for (index, output) in output.chunks_exact_mut(part).enumerate() {
        transform(&input[index * stride..], stride * parts, output, roots);
    }
    if parts == 2 {
        let (even, odd) = output.split_at_mut(part);
        for ((even, odd), root) in even.iter_mut().zip(odd).zip(roots.iter().step_by(stride)) {
            let turned = *odd * *root;
            let minus = Complex {
                re: -turned.re,
                im: -turned.im,
            };
            (*even, *odd) = (*even + turned, *even + minus);
        }
        return;
    }
    let mut values = vec![Complex::ZERO; parts];
    for at in 0..part {
        for (index, value) in values.iter_mut().enumerate() {
            *value = output[index * part + at] * roots[index * at * stride];
        }
        for turn in 0..parts {
            let turned = values
                .iter()
                .enumerate()
                .map(|(index, value)| *value * roots[index * turn * part * stride % roots.len()]);
            output[turn * part + at] = turned.fold(Complex::ZERO, Add::add);
        }
    }
}

/// The roots of unity, clockwise; they cost more than the transform that they are for, so those of each length are kept.
fn roots(len: usize) -> Arc<Vec<Complex>> {
    static KEPT: LazyLock<Mutex<HashMap<usize, Arc<Vec<Complex>>>>> = LazyLock::new(Mutex::default);
    let root = |index: usize| {
        let (sin, cos) = (TAU * float(index) / float(len)).sin_cos();
        Complex { re: cos, im: -sin }
    };
    let mut kept = KEPT.lock().unwrap();
    let roots = kept
        .entry(len)
        .or_insert_with(|| Arc::new((0..len).map(root).collect()));
    Arc::clone(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(len: usize) -> Vec<f64> {
        (0..len).map(|at| float(at * at % 17) - 8.0).collect()
    }

    #[test]
    fn a_spectrum_is_what_its_definition_says() {
        for len in [1, 2, 3, 4, 6, 8, 14, 20, 30, 64, 90] {
            let signal = signal(len);
            let by_definition = |bin: usize| {
                let turned = signal.iter().enumerate().map(|(at, sample)| {
                    let (sin, cos) = (TAU * float(at * bin) / float(len)).sin_cos();
                    Complex {
                        re: sample * cos,
                        im: -sample * sin,
                    }
                });
                turned.fold(Complex::ZERO, Add::add)
            };
            for (bin, found) in forward(&signal).into_iter().enumerate() {
                let expected = by_definition(bin);
                let apart = (found.re - expected.re).hypot(found.im - expected.im);
                assert!(apart < 1e-9, "{len}, {bin}: {found:?}, not {expected:?}");
            }
        }
    }

    #[test]
    fn there_and_back_is_the_signal() {
        for len in [2, 6, 16, 882, 1024, 960] {
            let signal = signal(len);
            let back = backward(&forward(&signal), len);
            for (sample, back) in signal.iter().zip(back) {
                assert!((sample - back / float(len)).abs() < 1e-9, "{len}");
            }
        }
    }
}
