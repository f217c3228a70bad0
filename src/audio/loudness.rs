//! Louder without clipping: a gain, then a limiter that sees peaks coming.
//!
//! Every sample over the ceiling wants its gain reduced by what brings it down to the ceiling. The reduction applied is
//! the largest wanted within the last 5 ms, released slowly, averaged over 5 ms; the sound is delayed by as much. So
//! when a peak comes out, all that the average holds is at or above what that peak wanted: no peak can pass the
//! ceiling, the gain moves in ramps that are not heard as clicks, and a sound below the ceiling is not touched.
//!
//! The principle is described in Giannoulis, Massberg and Reiss, *Digital Dynamic Range Compressor Design*,
//! [JAES 60 (6), 2012](https://www.aes.org/e-lib/browse.cfm?elib=16354).

use std::collections::VecDeque;
use std::mem;

/// The largest magnitude that comes out of a [`Limiter`]: the largest that mu-law can say, 32,124 of 32,768.
pub const CEILING: f32 = 32_124.0 / 32_768.0;

/// A gain and the limiter that keeps it from clipping, for a stream of samples.
pub struct Limiter {
    gain: f32,
    /// The part of a reduction that is left of it one sample later.
    release: f32,
    released: f32,
    wanted: SlidingMaximum,
    average: MovingAverage,
    delay: Delay,
    /// Samples at the start that are only the delay.
    skip: usize,
    look_ahead: usize,
}

impl Limiter {
    /// A limiter for samples at `rate_hz`, which are first made louder (or softer) by `gain_db`.
    pub fn new(rate_hz: u16, gain_db: f32) -> Self {
        // Even a rate that no telephone has leaves a sample to look ahead.
        let window = (rate_hz / WINDOWS_PER_SECOND).max(2);
        let look_ahead = usize::from(window - 1);
        Self {
            gain: 10_f32.powf(gain_db / 20.0),
            release: (-1.0 / (RELEASE_SECONDS * f32::from(rate_hz))).exp(),
            released: 0.0,
            wanted: SlidingMaximum::new(window.into()),
            average: MovingAverage::of_zeros(window),
            delay: Delay::of_zeros(look_ahead),
            skip: look_ahead,
            look_ahead,
        }
    }

    /// Takes in samples and appends to `output` those that are ready.
    pub fn push(&mut self, input: &[f32], output: &mut Vec<f32>) {
        let begin = output.len();
        for block in input.chunks(BLOCK_FRAMES) {
            let louder = block.iter().map(|sample| sample * self.gain);
            // Most sound is far below the ceiling, and then there is nothing to work out.
            if self.average.is_zero() && louder.clone().all(|sample| sample.abs() <= CEILING) {
                output.extend(louder.map(|sample| self.delay.push(sample)));
            } else {
                output.extend(block.iter().map(|sample| self.limit(sample * self.gain)));
            }
        }
        let skipped = self.skip.min(input.len());
        output.drain(begin..begin + skipped);
        self.skip -= skipped;
    }

    /// Appends what is still inside: as many samples come out as went in.
    pub fn finish(mut self, output: &mut Vec<f32>) {
        self.push(&vec![0.0; self.look_ahead], output);
    }

    /// Takes in one sample, already louder, and returns the one that came a look-ahead before it.
    fn limit(&mut self, sample: f32) -> f32 {
        let wanted = if sample.abs() > CEILING {
            1.0 - CEILING / sample.abs()
        } else {
            0.0
        };
        let left = self.released * self.release;
        // A reduction that is too small to be heard is dropped, so that the sound is untouched again.
        let left = if left < STEP { 0.0 } else { left };
        self.released = self.wanted.push(wanted).max(left);
        let limited = self.delay.push(sample) * (1.0 - self.average.push(self.released));
        // This takes off only the last bit, which the multiplication may have rounded up.
        limited.clamp(-CEILING, CEILING)
    }
}

/// The largest of the last `window` values, none of them below 0.0.
struct SlidingMaximum {
    window: usize,
    pushed: usize,
    /// Values above 0.0 that are, or may become, the largest, with their place in the stream; they fall from front to
    /// back.
    candidates: VecDeque<(usize, f32)>,
}

impl SlidingMaximum {
    fn new(window: usize) -> Self {
        Self {
            window,
            pushed: 0,
            candidates: VecDeque::with_capacity(window),
        }
    }

    fn push(&mut self, value: f32) -> f32 {
        if value > 0.0 {
            // A value that is no larger than a later one can never be the largest again. So each is added and removed
            // once, whatever the window.
            while self
                .candidates
                .back()
                .is_some_and(|&(_, earlier)| earlier <= value)
            {
                self.candidates.pop_back();
            }
            self.candidates.push_back((self.pushed, value));
        }
        self.pushed += 1;
        if self
            .candidates
            .front()
            .is_some_and(|&(place, _)| place + self.window < self.pushed)
        {
            self.candidates.pop_front();
        }
        self.candidates.front().map_or(0.0, |&(_, largest)| largest)
    }
}

/// The average of the last values, each within 0.0 to 1.0 and rounded up to [`STEP`].
struct MovingAverage {
    values: Delay,
    sum: f32,
    /// One value's part in the average.
    weight: f32,
}

impl MovingAverage {
    fn of_zeros(window: u16) -> Self {
        Self {
            values: Delay::of_zeros(window.into()),
            sum: 0.0,
            weight: 1.0 / f32::from(window),
        }
    }

    fn push(&mut self, value: f32) -> f32 {
        // Beside this number an `f32` holds multiples of STEP only; `f32::ceil` is a call into libm on plain x86-64.
        let value = (value + STEP / 2.0 + ROUNDER) - ROUNDER;
        self.sum += value - self.values.push(value);
        self.sum * self.weight
    }

    /// Whether all the last values are 0.0.
    fn is_zero(&self) -> bool {
        self.sum == 0.0
    }
}

/// The last values, in a ring.
struct Delay {
    values: Vec<f32>,
    oldest: usize,
}

impl Delay {
    fn of_zeros(len: usize) -> Self {
        Self {
            values: vec![0.0; len],
            oldest: 0,
        }
    }

    /// Takes in the newest value and returns the oldest.
    fn push(&mut self, value: f32) -> f32 {
        let oldest = mem::replace(&mut self.values[self.oldest], value);
        self.oldest += 1;
        if self.oldest == self.values.len() {
            self.oldest = 0;
        }
        oldest
    }
}

/// One look-ahead window is 5 ms: half a period of the lowest voice, so that the gain does not follow the wave itself.
const WINDOWS_PER_SECOND: u16 = 200;

/// Long enough not to be heard within a word, short enough not to swallow the next.
const RELEASE_SECONDS: f32 = 0.06;

/// Sums of up to 256 multiples of this are exact in an `f32`: the running sum cannot drift, however long the stream.
const STEP: f32 = 1.0 / 65_536.0;

/// From here to its double an `f32` has 23 bits after the first: the last of them is [`STEP`].
const ROUNDER: f32 = STEP * 8_388_608.0;

/// Short enough for pauses to be found between the loud, long enough to be quick in them.
const BLOCK_FRAMES: usize = 128;
