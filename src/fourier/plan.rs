//! How a transform of complex numbers of one length is computed.

use super::numbers::{Complex, Numbers, single, twiddle};
use super::pass::Pass;

/// The way of a transform.
pub(crate) enum Plan {
    Passes(Vec<Pass>),
    Convolution(Convolution),
}

impl Plan {
    pub(crate) fn new(len: usize) -> Self {
        passes(len).map_or_else(|| Self::Convolution(Convolution::new(len)), Self::Passes)
    }

    /// How many numbers it works on: at least its length.
    pub(crate) fn room(&self, len: usize) -> usize {
        match self {
            Self::Passes(_) => len,
            Self::Convolution(convolution) => convolution.len,
        }
    }

    /// Transforms the first of these numbers in their place; those beyond its length are zeros.
    pub(crate) fn run(&self, numbers: &mut Numbers, scratch: &mut Numbers) {
        match self {
            Self::Passes(passes) => run(passes, numbers, scratch),
            Self::Convolution(convolution) => convolution.run(numbers, scratch),
        }
    }
}

fn run(passes: &[Pass], numbers: &mut Numbers, scratch: &mut Numbers) {
    for pass in passes {
        pass.run(numbers, scratch);
        std::mem::swap(numbers, scratch);
    }
}

/// A pass for each factor of a length, if it has small ones alone.
fn passes(len: usize) -> Option<Vec<Pass>> {
    let mut passes = Vec::new();
    let mut stride = 1;
    while stride < len {
        // Four first: the strides of what follows are then multiples of the numbers that are computed at a time.
        let rest = len / stride;
        let radix = [4, 2, 3, 5, 7]
            .into_iter()
            .find(|radix| rest.is_multiple_of(*radix))?;
        passes.push(Pass::new(radix, stride, len));
        stride *= radix;
    }
    Some(passes)
}

/// A transform of any length, as the convolution with a chirp, which is computed by longer transforms.
pub(crate) struct Convolution {
    len: usize,
    passes: Vec<Pass>,
    /// The chirp, as long as the transform.
    chirp: Vec<Complex<f32>>,
    /// The spectrum of its conjugate, divided by its length.
    spectrum: Vec<Complex<f32>>,
}

impl Convolution {
    fn new(transform_len: usize) -> Self {
        // The convolution of n numbers with a chirp on either side takes 2n - 1, and must not wrap around.
        let len = (2 * transform_len).next_power_of_two();
        let passes = passes(len).unwrap_or_default();
        let square = |at: usize| at * at % (2 * transform_len);
        let chirp = (0..transform_len).map(|at| twiddle(square(at), 2 * transform_len));
        let chirp: Vec<_> = chirp.collect();
        let (mut numbers, mut scratch) = (Numbers::zeros(len), Numbers::zeros(len));
        let scale = 1.0 / single(len);
        for (at, number) in chirp.iter().enumerate() {
            // The chirp is the same on both sides of its middle, and its left side stands at the end.
            for place in [at, (len - at) % len] {
                numbers.re[place] = number.re * scale;
                numbers.im[place] = -number.im * scale;
            }
        }
        run(&passes, &mut numbers, &mut scratch);
        let spectrum = numbers.re.iter().zip(&numbers.im);
        let spectrum = spectrum.map(|(re, im)| Complex::new(*re, *im)).collect();
        Self {
            len,
            passes,
            chirp,
            spectrum,
        }
    }

    fn run(&self, numbers: &mut Numbers, scratch: &mut Numbers) {
        numbers.multiply(&self.chirp);
        numbers.re[self.chirp.len()..].fill(0.0);
        numbers.im[self.chirp.len()..].fill(0.0);
        run(&self.passes, numbers, scratch);
        numbers.multiply(&self.spectrum);
        // With its parts exchanged this transform is the inverse, as in `Fourier::inverse`.
        numbers.exchange();
        run(&self.passes, numbers, scratch);
        numbers.exchange();
        numbers.multiply(&self.chirp);
    }
}
