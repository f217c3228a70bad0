//! Samples as a telephone carries them.

use std::f32::consts::TAU;

use phone_assistant::audio::{g711, to_i16};

pub(crate) const RATE_HZ: u32 = 8000;
/// 10 ms.
pub(crate) const FRAME: usize = 80;

/// What a telephone carries of it: 300 to 3,400 Hz.
pub(crate) fn band(mut samples: Vec<f32>) -> Vec<f32> {
    for (hertz, is_high_pass) in [
        (300.0, true),
        (300.0, true),
        (3400.0, false),
        (3400.0, false),
    ] {
        filter(&mut samples, hertz, is_high_pass);
    }
    samples
}

/// A second-order filter of the [Audio EQ Cookbook](https://www.w3.org/TR/audio-eq-cookbook/).
fn filter(samples: &mut [f32], hertz: f32, is_high_pass: bool) {
    let (sin, cos) = (TAU * hertz / RATE_HZ as f32).sin_cos();
    let alpha = sin * std::f32::consts::FRAC_1_SQRT_2;
    let mirror = if is_high_pass { -1.0 } else { 1.0 };
    let gain = (1.0 - mirror * cos) / 2.0 / (1.0 + alpha);
    let (mut x1, mut x2, mut y1, mut y2) = (0.0, 0.0, 0.0, 0.0);
    for sample in samples {
        let x = *sample;
        let fed_back = -2.0 * cos * y1 + (1.0 - alpha) * y2;
        let y = gain * (x + mirror * 2.0 * x1 + x2) - fed_back / (1.0 + alpha);
        (x2, x1, y2, y1) = (x1, x, y1, y);
        *sample = y;
    }
}

pub(crate) fn mix_into(line: &mut [f32], sound: &[f32], at: usize, gain_db: f32) {
    let gain = 10_f32.powf(gain_db / 20.0);
    for (to, sample) in line[at..].iter_mut().zip(sound) {
        *to += sample * gain;
    }
}

/// The same at 0 dB.
pub(crate) fn normal(mut samples: Vec<f32>) -> Vec<f32> {
    let gain_db = -level_db(&samples);
    amplify(&mut samples, gain_db);
    samples
}

pub(crate) fn amplify(samples: &mut [f32], gain_db: f32) {
    let gain = 10_f32.powf(gain_db / 20.0);
    for sample in samples {
        *sample *= gain;
    }
}

pub(crate) fn level_db(samples: &[f32]) -> f32 {
    let power = samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32;
    10.0 * power.max(1e-12).log10()
}

/// What arrives over a line that codes in mu-law.
pub(crate) fn over_the_line(samples: &[f32]) -> Vec<i16> {
    let coded = samples.iter().map(|sample| {
        let code = g711::mu_law(to_i16(*sample));
        let magnitude = g711::mu_law_magnitude(code).cast_signed();
        if code < 0x80 { -magnitude } else { magnitude }
    });
    coded.collect()
}

pub(crate) fn seconds(seconds: f32) -> usize {
    (seconds * RATE_HZ as f32) as usize
}
