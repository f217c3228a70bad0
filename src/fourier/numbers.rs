//! Complex numbers, and roots of unity among them.

use std::f64::consts::PI;

pub use num_complex::Complex;

/// Complex numbers, their parts apart.
pub(crate) struct Numbers {
    pub(crate) re: Vec<f32>,
    pub(crate) im: Vec<f32>,
}

impl Numbers {
    pub(crate) fn zeros(len: usize) -> Self {
        Self {
            re: vec![0.0; len],
            im: vec![0.0; len],
        }
    }

    pub(crate) fn exchange(&mut self) {
        std::mem::swap(&mut self.re, &mut self.im);
    }

    pub(crate) fn multiply(&mut self, factors: &[Complex<f32>]) {
        for ((re, im), factor) in self.re.iter_mut().zip(&mut self.im).zip(factors) {
            let product = Complex::new(*re, *im) * factor;
            (*re, *im) = (product.re, product.im);
        }
    }
}

/// The complex `len`-th root of unity to the power of `-power`.
pub(crate) fn twiddle(power: usize, len: usize) -> Complex<f32> {
    // Beyond a circle, precision would be lost.
    let angle = -2.0 * PI * number(power % len) / number(len);
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "there is no other way to round to the nearest"
    )]
    let rounded = |part: f64| part as f32;
    Complex::new(rounded(angle.cos()), rounded(angle.sin()))
}

fn number(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "lengths are far below the limit"
)]
pub(crate) fn single(n: usize) -> f32 {
    n as f32
}
