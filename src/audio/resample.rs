//! From one sample rate to another, in pieces of any size.
//!
//! rubato's synchronous resampler works in blocks and is late by half a block. This wrapper hides both: pieces of
//! any length go in, the result does not depend on how the sound was cut, and it begins and ends where the sound did.
//! Overshoot beyond full scale is left in; the limiter that follows deals with it.
//!
//! See [rubato's documentation](https://docs.rs/rubato) for the filter.

use std::ops::RangeInclusive;

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};

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
            Some(Engine::new(from_hz, to_hz).ok_or_else(refused)?)
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

/// rubato's resampler with the block being filled and the block being emptied.
struct Engine {
    fft: Fft<f32>,
    block_in: Vec<f32>,
    block_out: Vec<f32>,
    /// Frames at the start that are only the filter's delay.
    skip: usize,
    frames_out: usize,
}

impl Engine {
    fn new(from_hz: usize, to_hz: usize) -> Option<Self> {
        // An even number of the shortest blocks that have whole frames on both sides: then half a block, the
        // filter's delay, is a whole number of frames too, and taking it off shifts the sound by nothing.
        let even = 2 * from_hz / greatest_common_divisor(from_hz, to_hz);
        let block = (from_hz / BLOCKS_PER_SECOND).next_multiple_of(even);
        let fft = Fft::new_custom(from_hz, to_hz, block, 1, 1, WINDOW, FixedSync::Both).ok()?;
        Some(Self {
            block_in: Vec::with_capacity(fft.input_frames_next()),
            block_out: vec![0.0; fft.output_frames_next()],
            skip: fft.output_delay(),
            frames_out: 0,
            fft,
        })
    }

    fn push(&mut self, mut input: &[f32], output: &mut Vec<f32>) {
        while !input.is_empty() {
            let missing = self.fft.input_frames_next() - self.block_in.len();
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
            self.block_in.resize(self.fft.input_frames_next(), 0.0);
            self.emit_block(output);
        }
        output.truncate(output.len() - (self.frames_out - len_frames));
    }

    fn emit_block(&mut self, output: &mut Vec<f32>) {
        self.resample_block()
            .expect("both blocks have the lengths that the resampler asked for");
        self.block_in.clear();
        let ready = &self.block_out[self.skip.min(self.block_out.len())..];
        self.skip = self.skip.saturating_sub(self.block_out.len());
        self.frames_out += ready.len();
        output.extend_from_slice(ready);
    }

    fn resample_block(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        let len_out = self.block_out.len();
        let input = SequentialSlice::new(&self.block_in, 1, self.block_in.len())?;
        let mut output = SequentialSlice::new_mut(&mut self.block_out, 1, len_out)?;
        self.fft.process_into_buffer(&input, &mut output, None)?;
        Ok(())
    }
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
const WINDOW: WindowFunction = WindowFunction::BlackmanHarris;
