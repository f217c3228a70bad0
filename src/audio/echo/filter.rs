//! The adaptive filter of the echo canceller: a partitioned Kalman filter in the frequency domain.
//!
//! The echo is what was played, convolved with the path through line, phone and room. The path is cut into partitions
//! of one block each; the spectrum of a partition is its state, and each bin of it has a variance, which says how far
//! it may still be from the truth. With the far end's spectra X, the error's spectrum E, and the power S of all that
//! is no echo, each block moves partition p by
//!
//! ```text
//! K_p = P_p X_p* / (½ Σ |X_q|² P_q + S)        W_p += K_p E        P_p -= ½ K_p X_p P_p
//! ```
//!
//! Half, because half of the samples of each transform are zeros (overlap-save). The step is large where little is
//! known, and small while the caller speaks, because S rises then: double talk needs no detector of its own.
//!
//! Sources: [G. Enzner and P. Vary, 2006](https://doi.org/10.1016/j.sigpro.2005.09.013); for partitions F. Kuech,
//! E. Mabande and G. Enzner, "State-space architecture of the partitioned-block-based acoustic echo controller", 2014.

use std::collections::VecDeque;
use std::fmt;

use fourier::{Complex, Fourier};

type Spectrum = Vec<Complex<f32>>;

/// The path of an echo, as far as it has been learnt.
pub(super) struct Filter {
    block: usize,
    /// Of two blocks.
    fourier: Fourier,
    /// The spectra of what was played, the latest first: one for each partition.
    far: VecDeque<Spectrum>,
    partitions: Vec<Partition>,
    /// The power of all that is no echo, for each bin.
    others: Vec<f32>,
}

struct Partition {
    weights: Spectrum,
    variance: Vec<f32>,
}

impl Filter {
    /// Makes a filter that knows nothing, for blocks of `block` samples and echoes of up to `partitions` blocks.
    pub(super) fn new(block: usize, partitions: usize) -> Self {
        let bins = block + 1;
        let unknown = || Partition {
            weights: vec![Complex::default(); bins],
            variance: vec![UNKNOWN; bins],
        };
        Self {
            block,
            fourier: Fourier::new(2 * block),
            far: (0..partitions)
                .map(|_| vec![Complex::default(); bins])
                .collect(),
            partitions: (0..partitions).map(|_| unknown()).collect(),
            others: vec![0.0; bins],
        }
    }

    /// Replaces all that was played by `far`, the latest last: a block more than there are partitions.
    pub(super) fn replay(&mut self, far: &[f32]) {
        let block = self.block;
        for two in far.windows(2 * block).step_by(block) {
            self.play(two);
        }
    }

    /// Takes in what was played: the block before the latest, and the latest.
    pub(super) fn play(&mut self, two_blocks: &[f32]) {
        let mut oldest = self.far.pop_back().unwrap_or_default();
        self.fourier.forward(two_blocks, &mut oldest);
        self.far.push_front(oldest);
    }

    /// The echo of what was played, for the latest block.
    pub(super) fn echo(&mut self) -> Vec<f32> {
        let mut sum = vec![Complex::default(); self.others.len()];
        for (partition, far) in self.partitions.iter().zip(&self.far) {
            for ((sum, weight), far) in sum.iter_mut().zip(&partition.weights).zip(far) {
                *sum += weight * far;
            }
        }
        let mut echo = vec![0.0; 2 * self.block];
        self.fourier.inverse(&sum, &mut echo);
        // A product of spectra convolves in a circle, so the first half is wrapped around and of no use (overlap-save).
        echo.split_off(self.block)
    }

    /// Learns from what was left of the latest block once its echo was taken off.
    pub(super) fn learn(&mut self, error: &[f32]) {
        let block = self.block;
        let mut padded = vec![0.0; block];
        padded.extend_from_slice(error);
        let mut errors = vec![Complex::default(); block + 1];
        self.fourier.forward(&padded, &mut errors);
        let steps = self.steps(&errors);
        for (partition, far) in self.partitions.iter_mut().zip(&self.far) {
            let mut change = partition.correct(far, &steps);
            // Only the first half of a partition's response is within its reach; the rest is what a circular
            // convolution has wrapped around.
            self.fourier.inverse(&change, &mut padded[..block]);
            self.fourier.forward(&padded[..block], &mut change);
            for (weight, change) in partition.weights.iter_mut().zip(&change) {
                *weight += change;
            }
        }
    }

    /// What each bin's error weighs: E / (½ Σ |X|² P + S), and the real part of it without E.
    fn steps(&mut self, errors: &[Complex<f32>]) -> Vec<(Complex<f32>, f32)> {
        let mut unsure = vec![0.0; errors.len()];
        for (partition, far) in self.partitions.iter().zip(&self.far) {
            for ((sum, variance), far) in unsure.iter_mut().zip(&partition.variance).zip(far) {
                *sum += 0.5 * variance * far.norm_sqr();
            }
        }
        let bins = errors.iter().zip(&mut self.others).zip(&unsure);
        bins.map(|((error, others), unsure)| {
            *others += SMOOTHING * (error.norm_sqr() - *others);
            let inverse = 1.0 / (unsure + *others + f32::MIN_POSITIVE.sqrt());
            (error * inverse, inverse)
        })
        .collect()
    }
}

impl Partition {
    /// Makes the bins surer that were heard, and returns by how much their weights change.
    fn correct(&mut self, far: &[Complex<f32>], steps: &[(Complex<f32>, f32)]) -> Spectrum {
        let bins = self.weights.iter().zip(&mut self.variance).zip(far);
        bins.zip(steps)
            .map(|(((weight, variance), far), (error, inverse))| {
                let change = far.conj() * error * *variance;
                let learnt = 0.5 * *variance * far.norm_sqr() * inverse;
                // Paths change: phones are moved, and their clocks drift against Asterisk's.
                *variance = *variance * (1.0 - learnt) * KEPT + (1.0 - KEPT) * weight.norm_sqr();
                change
            })
            .collect()
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter").finish_non_exhaustive()
    }
}

/// The variance of what is not known yet: the square of an echo 20 dB down in each partition.
const UNKNOWN: f32 = 0.01;
/// What is kept of a bin's variance and power from one block of 20 ms to the next.
const KEPT: f32 = 0.999;
/// The part of the power of all that is no echo that is the latest block's.
const SMOOTHING: f32 = 0.2;
