//! When the echo comes back: the delay at which what comes from the phone is most like what was played.
//!
//! Speech is like itself at any small shift, so that the peak of its correlation is broad. Both sounds are therefore
//! whitened first, each by linear prediction from its own last samples, and the peak is as sharp as the echo's path.
//! Four kilohertz carry what is needed of a voice, also behind a codec for mobile phones, and cost little.
//!
//! Source of the whitening: [J. Makhoul, 1975](https://doi.org/10.1109/PROC.1975.9792).

use std::collections::VecDeque;
use std::f32::consts::PI;
use std::fmt;

use fourier::{Complex, Fourier};

use crate::count;
use crate::level::rms_dbfs;

/// Compares what is played with what comes back, block by block.
pub(super) struct Delay {
    factor: usize,
    block: usize,
    far: Whitened,
    near: Whitened,
    /// What was played, whitened: as much as an echo may be late, and a block.
    played: VecDeque<f32>,
    fourier: Fourier,
    /// The sum of the latest blocks' correlations, as a spectrum.
    cross: Vec<Complex<f32>>,
    /// The energies of the latest blocks that were compared: of what came, and for each delay of what was played.
    came: f32,
    played_at: Vec<f32>,
    /// How many blocks count of those that were compared.
    blocks: f32,
}

impl Delay {
    /// Looks in sound at `rate_hz` for echoes of up to [`LATEST_BLOCKS`] blocks.
    pub(super) fn new(rate_hz: u32) -> Self {
        let factor = usize::try_from(rate_hz / RATE_HZ).unwrap_or(1).max(1);
        Self {
            factor,
            block: BLOCK,
            far: Whitened::new(factor),
            near: Whitened::new(factor),
            played: vec![0.0; LAGS + BLOCK].into(),
            fourier: Fourier::new(POINTS),
            cross: vec![Complex::default(); POINTS / 2 + 1],
            came: 0.0,
            played_at: vec![0.0; LAGS],
            blocks: 0.0,
        }
    }

    /// Forgets what has been compared, but not what was played.
    pub(super) fn forget(&mut self) {
        self.cross.fill(Complex::default());
        self.came = 0.0;
        self.played_at.fill(0.0);
        self.blocks = 0.0;
    }

    /// Takes in a block of what was played and one of what came meanwhile.
    pub(super) fn push(&mut self, far: &[f32], near: &[f32]) {
        let far = self.far.push(far);
        self.played.drain(..self.block);
        self.played.extend(far);
        let is_audible = rms_dbfs(near) > AUDIBLE_DBFS;
        let near = self.near.push(near);
        if is_audible {
            self.compare(&near);
        }
    }

    fn compare(&mut self, near: &[f32]) {
        let played = self.played.make_contiguous();
        let energy = |samples: &[f32]| samples.iter().map(|sample| sample * sample).sum::<f32>();
        self.came = KEPT * self.came + energy(near);
        self.blocks = KEPT * self.blocks + 1.0;
        // The energy of the block that was played `delay` samples before; from one delay to the next, it loses its
        // last sample and gains one before its first.
        let mut then = energy(&played[LAGS..]);
        for (delay, sum) in self.played_at.iter_mut().enumerate() {
            *sum = KEPT * *sum + then.max(0.0);
            let start = LAGS - delay;
            then += played[start - 1].powi(2) - played[start + self.block - 1].powi(2);
        }
        let latest = [&[0.0; LAGS], near].concat();
        let [came, played] = [&latest, &*played].map(|samples| {
            let mut bins = vec![Complex::default(); POINTS / 2 + 1];
            self.fourier.forward(samples, &mut bins);
            bins
        });
        for ((sum, came), played) in self.cross.iter_mut().zip(&came).zip(&played) {
            *sum = *sum * KEPT + came * played.conj();
        }
    }

    /// After how many samples the strongest echo comes back, if there is one beyond doubt.
    pub(super) fn find(&mut self) -> Option<usize> {
        let sure = SURE.max(CHANCE / (self.blocks * count(BLOCK)).sqrt());
        let mut correlation = [0.0; LAGS];
        self.fourier.inverse(&self.cross, &mut correlation);
        let likeness = correlation
            .iter()
            .zip(&self.played_at)
            .map(|(sum, energy)| {
                let bound = (energy * self.came).sqrt();
                if bound > FAINTEST {
                    (sum / bound).abs()
                } else {
                    0.0
                }
            });
        let (delay, likeness) = likeness
            .enumerate()
            .max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        (likeness > sure).then_some(delay * self.factor)
    }
}

/// A sound at 4 kHz, from which all has been taken that its own past foretells.
struct Whitened {
    factor: usize,
    low_pass: Vec<f32>,
    /// The end of what came, as much as the low-pass needs.
    before: Vec<f32>,
    /// The last two blocks at 4 kHz, of which one is predicted from what stands before each sample.
    slow: Vec<f32>,
}

impl Whitened {
    fn new(factor: usize) -> Self {
        let len = if factor == 1 { 1 } else { TAPS_EACH * factor };
        let middle = count(len - 1) / 2.0;
        let taps: Vec<f32> = (0..len)
            .map(|tap| {
                let at = (count(tap) - middle) / count(factor);
                let hann = 0.5 + 0.5 * (PI * (count(tap) - middle) / (middle + 1.0)).cos();
                let sinc = if at == 0.0 {
                    1.0
                } else {
                    (PI * at).sin() / (PI * at)
                };
                sinc * hann
            })
            .collect();
        Self {
            factor,
            low_pass: taps,
            before: vec![0.0; len],
            slow: vec![0.0; 2 * BLOCK],
        }
    }

    fn push(&mut self, samples: &[f32]) -> Vec<f32> {
        self.before.extend_from_slice(samples);
        let windows = self.before.windows(self.low_pass.len()).skip(1);
        let slow = windows.step_by(self.factor).take(BLOCK).map(|window| {
            window
                .iter()
                .zip(&self.low_pass)
                .map(|(sample, tap)| sample * tap)
                .sum::<f32>()
        });
        let slow: Vec<f32> = slow.collect();
        self.before.drain(..self.before.len() - self.low_pass.len());
        self.slow.drain(..slow.len());
        self.slow.extend(slow);
        let prediction = prediction(&self.slow);
        let end = self.slow.len();
        (end - BLOCK..end)
            .map(|at| {
                let past = self.slow[at - ORDER..at].iter().rev();
                let foretold = past
                    .zip(&prediction)
                    .map(|(sample, weight)| sample * weight);
                self.slow[at] - foretold.sum::<f32>()
            })
            .collect()
    }
}

/// The weights by which a sound is best foretold from its last samples, the latest first: Levinson and Durbin's
/// recursion on its autocorrelation.
fn prediction(samples: &[f32]) -> [f32; ORDER] {
    let mut weights = [0.0; ORDER];
    let like = |lag: usize| -> f32 {
        let pairs = samples.iter().zip(&samples[lag..]);
        pairs.map(|(a, b)| a * b).sum()
    };
    let likeness: [f32; ORDER + 1] = std::array::from_fn(like);
    // A little noise keeps a pure tone from being foretold exactly, which rounding would turn into anything.
    let mut error = likeness[0] * 1.001 + f32::MIN_POSITIVE.sqrt();
    for order in 0..ORDER {
        let known = weights[..order]
            .iter()
            .zip(likeness[1..=order].iter().rev());
        let foretold: f32 = known.map(|(weight, like)| weight * like).sum();
        let reflection = (likeness[order + 1] - foretold) / error;
        let before = weights;
        for (at, weight) in weights[..order].iter_mut().enumerate() {
            *weight -= reflection * before[order - 1 - at];
        }
        weights[order] = reflection;
        error *= 1.0 - reflection * reflection;
    }
    weights
}

impl fmt::Debug for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delay").finish_non_exhaustive()
    }
}

const RATE_HZ: u32 = 4000;
/// 20 ms.
const BLOCK: usize = 80;
/// 760 ms: mobile phones bring an echo back after up to 600 ms, and the playout's clock is 80 ms uncertain on both
/// sides.
pub(super) const LATEST_BLOCKS: usize = 38;
const LAGS: usize = LATEST_BLOCKS * BLOCK;
const POINTS: usize = 4096;
/// The formants of a telephone's band below 2 kHz, and its slope.
const ORDER: usize = 8;
const TAPS_EACH: usize = 8;
/// What is kept of a comparison from one block to the next: 0.4 s count.
const KEPT: f32 = 0.95;
/// An energy below which there is nothing to compare.
const FAINTEST: f32 = 1e-6;
/// What is softer has no echo in it that would be heard.
const AUDIBLE_DBFS: f32 = -55.0;
/// Sounds that have nothing to do with each other are alike to less than this at all delays, and to less than so many
/// times what is usual for their length, which is one by the root of the number of samples.
const SURE: f32 = 0.3;
const CHANCE: f32 = 9.5;
