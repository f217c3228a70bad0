//! Conversions between counts, samples and real numbers.

/// A number of things as a real number; exact below 2^53.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "no clip has 2^53 samples"
)]
pub fn float(count: usize) -> f64 {
    count as f64
}

/// The index at or below a real number; 0 for what is below 0.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, which is what is wanted"
)]
pub fn to_index(value: f64) -> usize {
    value as usize
}

/// The nearest sample; what is out of range becomes the loudest.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "`as` saturates, which is what is wanted"
)]
pub(crate) fn to_sample(value: f64) -> i16 {
    value.round() as i16
}
