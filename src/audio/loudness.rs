//! Louder without clipping: a gain, then a limiter that sees peaks coming.
//!
//! Every sample over the ceiling wants a gain that brings it down to the ceiling. The gain applied is the smallest
//! wanted within the last 5 ms, released slowly, averaged over 5 ms; the sound is delayed by as much. So when
//! a peak comes out, all that the average holds is at or below what that peak wanted: no peak can pass the
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
    /// The part of the way back to unity that the gain goes in one sample.
    release: f32,
    released: f32,
    lowest: SlidingMinimum,
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
            release: 1.0 - (-1.0 / (RELEASE_SECONDS * f32::from(rate_hz))).exp(),
            released: 1.0,
            lowest: SlidingMinimum::new(window.into()),
            average: MovingAverage::of_ones(window),
            delay: Delay::filled(0.0, look_ahead),
            skip: look_ahead,
            look_ahead,
        }
    }

    /// Takes in samples and appends to `output` those that are ready.
    pub fn push(&mut self, input: &[f32], output: &mut Vec<f32>) {
        let begin = output.len();
        output.extend(input.iter().map(|sample| self.limit(sample * self.gain)));
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
            CEILING / sample.abs()
        } else {
            1.0
        };
        let recovering = self.released + (1.0 - self.released) * self.release;
        self.released = self.lowest.push(wanted).min(recovering);
        let limited = self.delay.push(sample) * self.average.push(self.released);
        // This takes off only the last bit, which the multiplication may have rounded up.
        limited.clamp(-CEILING, CEILING)
    }
}

/// The smallest of the last `window` values.
struct SlidingMinimum {
    window: usize,
    pushed: usize,
    /// Values that are, or may become, the smallest, with their place in the stream; they rise from front to back.
    candidates: VecDeque<(usize, f32)>,
}

impl SlidingMinimum {
    fn new(window: usize) -> Self {
        Self {
            window,
            pushed: 0,
            candidates: VecDeque::with_capacity(window),
        }
    }

    fn push(&mut self, value: f32) -> f32 {
        while self
            .candidates
            .back()
            .is_some_and(|&(_, earlier)| earlier >= value)
        {
            self.candidates.pop_back();
        }
        self.candidates.push_back((self.pushed, value));
        self.pushed += 1;
        if self
            .candidates
            .front()
            .is_some_and(|&(place, _)| place + self.window < self.pushed)
        {
            self.candidates.pop_front();
        }
        self.candidates
            .front()
            .map_or(value, |(_, smallest)| *smallest)
    }
}

/// The average of the last values, each within 0.0 to 1.0 and rounded down to [`STEP`].
struct MovingAverage {
    values: Delay,
    sum: f32,
    len: f32,
}

impl MovingAverage {
    fn of_ones(window: u16) -> Self {
        let len = f32::from(window);
        Self {
            values: Delay::filled(1.0, window.into()),
            sum: len,
            len,
        }
    }

    fn push(&mut self, value: f32) -> f32 {
        let value = if value < 1.0 {
            (value / STEP).floor() * STEP
        } else {
            value
        };
        self.sum += value - self.values.push(value);
        self.sum / self.len
    }
}

/// The last values, in a ring.
struct Delay {
    values: Vec<f32>,
    oldest: usize,
}

impl Delay {
    fn filled(value: f32, len: usize) -> Self {
        Self {
            values: vec![value; len],
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
