//! How loud samples are.

use crate::number::float;

/// The level of samples in dBFS, where a full-scale square wave is 0 dB; −120 for silence.
pub fn level_db(samples: &[i16]) -> f64 {
    let energy: f64 = samples
        .iter()
        .map(|sample| f64::from(*sample).powi(2))
        .sum();
    let power = energy / float(samples.len().max(1)) / FULL_SCALE.powi(2);
    (10.0 * power.log10()).max(SILENCE_DB)
}

/// The loudest sample, as a part of the loudest possible.
pub fn peak(samples: &[i16]) -> f64 {
    samples
        .iter()
        .map(|sample| f64::from(*sample).abs())
        .fold(0.0, f64::max)
        / FULL_SCALE
}

pub(crate) const FULL_SCALE: f64 = 32_768.0;
pub(crate) const SILENCE_DB: f64 = -120.0;
