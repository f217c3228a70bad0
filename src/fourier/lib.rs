//! The discrete Fourier transform of real samples, of any even length.
//!
//! A transform of n real samples is one of n / 2 complex numbers: the even samples are the real parts and the odd ones
//! the imaginary parts. It runs as Stockham's passes, one for each factor 2, 3, 4, 5 or 7 of the length, of which each
//! reads and writes its numbers in order. Lengths with other factors, which no usual sample rate has, are brought to a
//! power of two by Bluestein's convolution.
//!
//! Real and imaginary parts lie apart, so that a compiler can compute four numbers at a time.
//!
//! Sources: C. Van Loan, "Computational Frameworks for the Fast Fourier Transform", 1992, for the passes;
//! [L. Bluestein, 1970](https://doi.org/10.1109/TAU.1970.1162132) for all other lengths.

use std::fmt;

pub use numbers::Complex;

use numbers::{Numbers, single, twiddle};
use plan::Plan;

mod numbers;
mod pass;
mod plan;
#[cfg(test)]
mod tests;

/// A transform of real samples, and back, with what it needs to work in.
pub struct Fourier {
    /// Half of the length.
    half: usize,
    plan: Plan,
    /// One by the length.
    scale: f32,
    /// The unit root to the power of -k, for k up to a half.
    twiddles: Vec<Complex<f32>>,
    bins: Vec<Complex<f32>>,
    numbers: Numbers,
    scratch: Numbers,
}

impl Fourier {
    /// Prepares for `len` samples, which is even and at least 2.
    pub fn new(len: usize) -> Self {
        let half = len / 2;
        let plan = Plan::new(half);
        Self {
            half,
            twiddles: (0..=half).map(|k| twiddle(k, len)).collect(),
            scale: 1.0 / single(len),
            bins: vec![Complex::default(); half + 1],
            numbers: Numbers::zeros(plan.room(half)),
            scratch: Numbers::zeros(plan.room(half)),
            plan,
        }
    }

    /// The spectrum of `samples`, which are followed by silence where they are fewer than the length: as many bins
    /// from the lowest on as there is room for, of those up to half of the sample rate.
    pub fn forward(&mut self, samples: &[f32], bins: &mut [Complex<f32>]) {
        let half = self.half;
        let (pairs, rest) = samples.as_chunks();
        self.numbers.re[..half].fill(0.0);
        self.numbers.im[..half].fill(0.0);
        let places = (self.numbers.re.iter_mut()).zip(&mut self.numbers.im);
        for ((re, im), [even, odd]) in places.zip(pairs) {
            (*re, *im) = (*even, *odd);
        }
        if let [last] = rest {
            self.numbers.re[pairs.len()] = *last;
        }
        self.plan.run(&mut self.numbers, &mut self.scratch);
        let Numbers { re, im } = &self.numbers;
        let Some((lowest, bins)) = bins.split_first_mut() else {
            return;
        };
        *lowest = Complex::new(re[0] + im[0], 0.0);
        // The spectra of the even and of the odd samples come apart again by symmetry: each is the conjugate of its own
        // mirror image, as that of all real samples.
        let below = re[..half].iter().zip(&im[..half]).skip(1);
        let above = re[..half].iter().zip(&im[..half]).rev();
        for (((bin, (re, im)), (re_above, im_above)), twiddle) in bins
            .iter_mut()
            .zip(below)
            .zip(above)
            .zip(&self.twiddles[1..])
        {
            let even = Complex::new(re + re_above, im - im_above);
            let odd = Complex::new(im + im_above, re_above - re);
            *bin = (even + odd * twiddle) * 0.5;
        }
        if let Some(highest) = bins.get_mut(half - 1) {
            *highest = Complex::new(re[0] - im[0], 0.0);
        }
    }

    /// The samples of a spectrum, as many as there is room for. Bins that are missing at its upper end are zeros, and
    /// so are the imaginary parts of the outermost two.
    pub fn inverse(&mut self, bins: &[Complex<f32>], samples: &mut [f32]) {
        let (given, missing) = self.bins.split_at_mut(bins.len().min(self.half + 1));
        given.copy_from_slice(&bins[..given.len()]);
        missing.fill(Complex::default());
        let (lowest, highest) = (self.bins[0].re, self.bins[self.half].re);
        let Numbers { re, im } = &mut self.numbers;
        re[0] = (lowest + highest) * self.scale;
        im[0] = (lowest - highest) * self.scale;
        let places = re[1..self.half].iter_mut().zip(&mut im[1..self.half]);
        let inner = &self.bins[1..self.half];
        let pairs = inner.iter().zip(inner.iter().rev());
        for (((re, im), (below, above)), twiddle) in places.zip(pairs).zip(&self.twiddles[1..]) {
            let even = below + above.conj();
            let odd = (below - above.conj()) * twiddle.conj();
            *re = (even.re - odd.im) * self.scale;
            *im = (even.im + odd.re) * self.scale;
        }
        // With its parts exchanged on both sides, a transform is its own inverse.
        self.numbers.exchange();
        self.scratch.exchange();
        self.plan.run(&mut self.numbers, &mut self.scratch);
        self.numbers.exchange();
        self.scratch.exchange();
        let numbers = self.numbers.re.iter().zip(&self.numbers.im);
        let (pairs, rest) = samples.as_chunks_mut();
        for ([even, odd], (re, im)) in pairs.iter_mut().zip(numbers) {
            (*even, *odd) = (*re, *im);
        }
        if let [last] = rest {
            *last = self.numbers.re[pairs.len()];
        }
    }
}

impl fmt::Debug for Fourier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fourier").finish_non_exhaustive()
    }
}
