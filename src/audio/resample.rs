//! From one sample rate to another, in pieces of any size.
//!
//! rubato's resampler works in blocks and is late by half its filter. This wrapper hides both: pieces of any length go
//! in, the result does not depend on how the sound was cut, and it begins and ends where the sound did.
//! Overshoot beyond full scale is left in; the limiter that follows deals with it.
//!
//! See [rubato's documentation](https://docs.rs/rubato) for the filter.

use std::ops::RangeInclusive;

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{
    Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType,
    WindowFunction,
};

use super::count;

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
        let ratio = f64::from(to_hz) / f64::from(from_hz);
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
            Some(Engine::new(from_hz, to_hz, ratio).ok_or_else(refused)?)
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

/// rubato's resampler with the block that is being filled.
struct Engine {
    sinc: Async<f32>,
    block: Vec<f32>,
    /// Frames at the start that are only the filter's delay.
    skip: usize,
    frames_out: usize,
}

impl Engine {
    fn new(from_hz: usize, to_hz: usize, ratio: f64) -> Option<Self> {
        let divisor = greatest_common_divisor(from_hz, to_hz);
        let (up, down) = (to_hz / divisor, from_hz / divisor);
        // One filter for each place between two samples on which a frame can fall, if these are not too many.
        let (filters, between) = if up <= MOST_FILTERS {
            (up, SincInterpolationType::Nearest)
        } else {
            (FEW_FILTERS, SincInterpolationType::Cubic)
        };
        let len = (from_hz * FILTER_MS / 1_000).next_multiple_of(8);
        let parameters = SincInterpolationParameters::new(len, WindowFunction::BlackmanHarris)
            .f_cutoff(1.0 - SLOPE_HZ / count(from_hz.min(to_hz)))
            .oversampling_factor(filters)
            .interpolation(between);
        let block = from_hz / BLOCKS_PER_SECOND;
        let sinc = Async::new_sinc(ratio, 1.0, &parameters, block, 1, FixedAsync::Input).ok()?;
        // rubato's frame n, counted from 1, is the sound n * down / up - len / 2 + 1 / filters samples after its start.
        // The silence that is put before the sound makes its start fall on a frame.
        let start = |silence: usize| up * (len / 2 + silence) - up / filters;
        let silence = (0..down).find(|&silence| start(silence).is_multiple_of(down))?;
        let mut engine = Self {
            sinc,
            block: Vec::with_capacity(block),
            skip: start(silence) / down - 1,
            frames_out: 0,
        };
        engine.push(&vec![0.0; silence], &mut Vec::new());
        Some(engine)
    }

    fn push(&mut self, mut input: &[f32], output: &mut Vec<f32>) {
        while !input.is_empty() {
            let missing = self.sinc.input_frames_next() - self.block.len();
            let (now, later) = input.split_at(missing.min(input.len()));
            self.block.extend_from_slice(now);
            input = later;
            if now.len() == missing {
                self.emit_block(output);
            }
        }
    }

    fn finish(mut self, len_frames: usize, output: &mut Vec<f32>) {
        while self.frames_out < len_frames {
            // The filter holds back its last half, which only more input pushes out.
            self.block.resize(self.sinc.input_frames_next(), 0.0);
            self.emit_block(output);
        }
        output.truncate(output.len() - (self.frames_out - len_frames));
    }

    fn emit_block(&mut self, output: &mut Vec<f32>) {
        let input = SequentialSlice::new(&self.block, 1, self.block.len()).ok();
        let resampled = input.and_then(|input| self.sinc.process(&input, None).ok());
        let resampled = resampled
            .expect("the block has the length that the resampler asked for")
            .take_data();
        self.block.clear();
        let ready = &resampled[self.skip.min(resampled.len())..];
        self.skip -= resampled.len() - ready.len();
        self.frames_out += ready.len();
        output.extend_from_slice(ready);
    }
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

/// From half a telephone's rate to the highest of the studio's. The bound is for memory: where
/// two rates have no common divisor, there are as many places between two samples as the rate to be made has samples.
const RATES_HZ: RangeInclusive<u32> = 4_000..=192_000;

const BLOCKS_PER_SECOND: usize = 63;
/// A filter of 12 ms with this window is the shortest that leaves 3.4 kHz untouched and stops from 4.1 kHz on
/// on the way to 8 kHz.
const FILTER_MS: usize = 12;
/// Twice of how far below the end of the lower rate's band the middle of the slope is.
const SLOPE_HZ: f32 = 500.0;
/// Enough for each two of 8, 11.025, 16, 22.05, 24, 44.1 and 48 kHz.
const MOST_FILTERS: usize = 640;
/// With a cubic between them as good as one for each place, and four times as much work.
const FEW_FILTERS: usize = 128;
