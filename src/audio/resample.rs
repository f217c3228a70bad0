//! From one sample rate to another, in pieces of any size.
//!
//! The resampler works in blocks and is late by half a block. It hides both: pieces of any length go in, the result
//! does not depend on how the sound was cut, and it begins and ends where the sound did.
//! Overshoot beyond full scale is left in; the limiter that follows deals with it.

use std::f64::consts::{PI, TAU};
use std::ops::RangeInclusive;

use fourier::{Complex, Fourier};

/// Why a sound cannot be resampled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rate that no sound file has.
    #[error(
        "cannot resample from {from_hz} Hz to {to_hz} Hz: sample rates from {} to {} Hz are understood",
        RATES_HZ.start(),
        RATES_HZ.end()
    )]
    Rate {
        /// The rate that was asked to be read.
        from_hz: u32,
        /// The rate that was asked to be made.
        to_hz: u32,
    },
}

/// A stream of samples on its way from one rate to another.
pub struct Resampler {
    from_hz: usize,
    to_hz: usize,
    /// None where both rates are the same: then samples pass untouched.
    engine: Option<Engine>,
    frames_in: usize,
}

impl Resampler {
    /// A resampler between two rates in Hz, each within 4,000 to 192,000.
    ///
    /// # Errors
    /// [`Error::Rate`]
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, Error> {
        let refused = || Error::Rate { from_hz, to_hz };
        let supported = |rate_hz: u32| {
            let in_range = RATES_HZ.contains(&rate_hz);
            usize::try_from(rate_hz)
                .ok()
                .filter(|_| in_range)
                .ok_or_else(refused)
        };
        let (from_hz, to_hz) = (supported(from_hz)?, supported(to_hz)?);
        let engine = if from_hz == to_hz {
            None
        } else {
            Some(Engine::new(from_hz, to_hz))
        };
        Ok(Self {
            from_hz,
            to_hz,
            engine,
            frames_in: 0,
        })
    }

    /// Takes in samples and appends to `output` those that are ready.
    pub fn push(&mut self, input: &[f32], output: &mut Vec<f32>) {
        self.frames_in += input.len();
        match &mut self.engine {
            None => output.extend_from_slice(input),
            Some(engine) => engine.push(input, output),
        }
    }

    /// Appends what is still inside, so that the whole lasts as long as what went in, rounded up to a frame.
    pub fn finish(self, output: &mut Vec<f32>) {
        if let Some(engine) = self.engine {
            engine.finish((self.frames_in * self.to_hz).div_ceil(self.from_hz), output);
        }
    }
}

/// A low-pass by overlap-add, whose blocks are transformed at one rate and transformed back at the other: what the lower
/// rate cannot carry is left out of their spectra.
struct Engine {
    forward: Fourier,
    inverse: Fourier,
    low_pass: Vec<Complex<f32>>,
    spectrum: Vec<Complex<f32>>,
    block_in: Vec<f32>,
    len_in: usize,
    /// A block, and the end of its filtered sound, which belongs to the next one.
    block_out: Vec<f32>,
    overlap: Vec<f32>,
    /// Frames at the start that are only the filter's delay.
    skip: usize,
    frames_out: usize,
}

impl Engine {
    fn new(from_hz: usize, to_hz: usize) -> Self {
        // An even number of the shortest blocks that have whole frames on both sides: then half a block, the
        // filter's delay, is a whole number of frames too, and taking it off shifts the sound by nothing.
        let divisor = greatest_common_divisor(from_hz, to_hz);
        let len_in = (from_hz / BLOCKS_PER_SECOND).next_multiple_of(2 * from_hz / divisor);
        let len_out = len_in / (from_hz / divisor) * (to_hz / divisor);
        let mut forward = Fourier::new(2 * len_in);
        let mut low_pass = vec![Complex::default(); len_in.min(len_out)];
        forward.forward(&windowed_sinc(len_in, len_out), &mut low_pass);
        Self {
            forward,
            inverse: Fourier::new(2 * len_out),
            spectrum: low_pass.clone(),
            low_pass,
            block_in: Vec::with_capacity(len_in),
            len_in,
            block_out: vec![0.0; 2 * len_out],
            overlap: vec![0.0; len_out],
            skip: len_out / 2,
            frames_out: 0,
        }
    }

    fn push(&mut self, mut input: &[f32], output: &mut Vec<f32>) {
        while !input.is_empty() {
            let missing = self.len_in - self.block_in.len();
            let (now, later) = input.split_at(missing.min(input.len()));
            self.block_in.extend_from_slice(now);
            input = later;
            if now.len() == missing {
                self.emit_block(output);
            }
        }
    }

    fn finish(mut self, len_frames: usize, output: &mut Vec<f32>) {
        while self.frames_out < len_frames {
            self.emit_block(output);
        }
        output.truncate(output.len() - (self.frames_out - len_frames));
    }

    fn emit_block(&mut self, output: &mut Vec<f32>) {
        self.forward.forward(&self.block_in, &mut self.spectrum);
        self.block_in.clear();
        for (bin, factor) in self.spectrum.iter_mut().zip(&self.low_pass) {
            *bin *= factor;
        }
        self.inverse.inverse(&self.spectrum, &mut self.block_out);
        let (block, rest) = self.block_out.split_at(self.overlap.len());
        let skipped = self.skip.min(block.len());
        let ready = block.iter().zip(&self.overlap).map(|(a, b)| a + b);
        output.extend(ready.skip(skipped));
        self.skip -= skipped;
        self.frames_out += block.len() - skipped;
        self.overlap.copy_from_slice(rest);
    }
}

/// A low-pass for blocks of `len_in` frames that become `len_out`: it lets pass what both rates can carry.
///
/// Its slope is as wide as the main lobe of the window, and ends where the lower rate does.
fn windowed_sinc(len_in: usize, len_out: usize) -> Vec<f32> {
    let [len_in_frames, len_out_frames] = [len_in, len_out].map(frames);
    let cutoff = (len_in_frames.min(len_out_frames) - SLOPE) / len_in_frames;
    let taps = (0..len_in).map(|at| {
        let from_middle = frames(at) - len_in_frames / 2.0;
        let turn = PI * from_middle * cutoff;
        let sinc = if turn == 0.0 { 1.0 } else { turn.sin() / turn };
        sinc * blackman_harris(frames(at) / len_in_frames)
    });
    let taps: Vec<f64> = taps.collect();
    // A block of more frames at the other rate has as much more in each bin of its spectrum.
    let gain = len_out_frames / len_in_frames / taps.iter().sum::<f64>();
    taps.iter().map(|tap| nearest(tap * gain)).collect()
}

/// The window of four terms whose side lobes are 92 dB down, at a part of its length:
/// [F. J. Harris, 1978](https://doi.org/10.1109/PROC.1978.10837).
fn blackman_harris(part: f64) -> f64 {
    let cosines = [1.0, 2.0, 3.0].map(|times| (TAU * times * part).cos());
    0.35875 - 0.48829 * cosines[0] + 0.14128 * cosines[1] - 0.01168 * cosines[2]
}

fn frames(len: usize) -> f64 {
    f64::from(u32::try_from(len).unwrap_or(u32::MAX))
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "there is no other way to the nearest number in single precision"
)]
fn nearest(number: f64) -> f32 {
    number as f32
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

/// From half a telephone's rate to the highest of the studio's. The bound is for memory: rates without a common
/// divisor make blocks of two seconds.
const RATES_HZ: RangeInclusive<u32> = 4_000..=192_000;

/// Blocks of 16 ms with this window are the shortest that leave 3.4 kHz untouched and put 4.3 kHz more than 130 dB
/// down on the way to 8 kHz. They cost 0.1 ms to set up, and delay by 8 ms.
const BLOCKS_PER_SECOND: usize = 63;
/// Half of the window's main lobe is four bins of a spectrum as long as the window, each of two N-ths of the band.
const SLOPE: f64 = 8.0;
