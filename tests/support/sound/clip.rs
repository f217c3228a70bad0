//! A piece of sound, and what can be done to it.

use crate::level::level_db;
use crate::number::{float, to_index, to_sample};
use crate::spectrum::resampled;

/// A piece of mono, 16-bit linear sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    /// Samples per second.
    pub rate_hz: u32,
    /// One sample per frame.
    pub samples: Vec<i16>,
}

impl Clip {
    /// A clip of 8,000 samples a second, what telephones and most of Asterisk's files have.
    pub fn telephone(samples: Vec<i16>) -> Self {
        Self {
            rate_hz: 8000,
            samples,
        }
    }

    /// How long it lasts, in seconds.
    pub fn seconds(&self) -> f64 {
        float(self.samples.len()) / f64::from(self.rate_hz.max(1))
    }

    /// Whether any tenth of a second of it is louder than a quiet line (−55 dBFS).
    pub fn is_audible(&self) -> bool {
        let frame = usize::try_from(self.rate_hz / 10).unwrap_or(1).max(1);
        self.samples
            .chunks(frame)
            .any(|frame| level_db(frame) > -55.0)
    }

    /// This clip, and then another of the same rate.
    pub fn then(mut self, next: &Self) -> Self {
        assert_eq!(
            self.rate_hz, next.rate_hz,
            "clips of one rate can be joined"
        );
        self.samples.extend_from_slice(&next.samples);
        self
    }

    /// This clip with another of the same rate on top, as far as this one goes.
    pub fn mixed_with(mut self, other: &Self) -> Self {
        assert_eq!(
            self.rate_hz, other.rate_hz,
            "clips of one rate can be mixed"
        );
        for (sample, added) in self.samples.iter_mut().zip(&other.samples) {
            *sample = sample.saturating_add(*added);
        }
        self
    }

    /// The same, louder or softer; what would be too loud is clipped.
    pub fn amplified(mut self, gain_db: f64) -> Self {
        let gain = 10_f64.powf(gain_db / 20.0);
        for sample in &mut self.samples {
            *sample = to_sample(f64::from(*sample) * gain);
        }
        self
    }

    /// The same in another time, and so at another pitch: good enough to tell that a speed was asked for.
    pub fn at_speed(&self, speed: f64) -> Self {
        let len = to_index(float(self.samples.len()) / speed);
        let samples = (0..len)
            .filter_map(|index| self.samples.get(to_index(float(index) * speed)).copied())
            .collect();
        Self {
            rate_hz: self.rate_hz,
            samples,
        }
    }

    /// The same at another rate, through its spectrum: slow, exact, and nothing like a resampler for streams.
    pub fn at_rate(&self, rate_hz: u32) -> Self {
        if rate_hz == self.rate_hz {
            return self.clone();
        }
        let samples: Vec<f64> = self
            .samples
            .iter()
            .map(|sample| f64::from(*sample))
            .collect();
        let resampled = resampled(&samples, self.rate_hz, rate_hz);
        Self {
            rate_hz,
            samples: resampled.into_iter().map(to_sample).collect(),
        }
    }
}
