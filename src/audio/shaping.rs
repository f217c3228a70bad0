//! What is done to a sound between its resampling and its encoding: the silence before it is cut, and it becomes louder
//! by one gain, from its beginning to its end.

use std::mem::take;
use std::time::Duration;

use super::lead::Lead;
use super::level::{Level, Meter};
use super::loudness::Limiter;

/// How the sound of a voice is shaped.
#[derive(Clone, Copy, Debug)]
pub struct VoiceShape {
    /// How much louder it becomes.
    pub gain: Gain,
    /// The level that its speech is expected to have, in dB of full scale.
    pub expected_dbfs: f32,
    /// The length to which the silence before it is cut.
    pub lead: Duration,
}

/// How much louder the sound of a voice becomes.
#[derive(Clone, Copy, Debug)]
pub enum Gain {
    /// By this number of dB.
    Db(f32),
    /// By what brings its speech to this level in dB of full scale. Nothing is ready before that is known: at its end, or
    /// after 20 s of it.
    ToLevel(f32),
}

/// A sound that is being shaped.
pub(super) struct Shaper {
    rate_hz: u16,
    lead: Option<Lead>,
    /// Measures a voice before it becomes louder.
    meter: Option<Meter>,
    limiter: Limiter,
    waiting: Option<Waiting>,
    cut: Vec<f32>,
}

/// What has come of a sound whose gain is not known.
struct Waiting {
    target_dbfs: f32,
    samples: Vec<f32>,
}

impl Shaper {
    /// Makes what only makes a sound louder by `gain_db`.
    pub(super) fn louder(rate_hz: u16, gain_db: f32) -> Self {
        Self {
            rate_hz,
            lead: None,
            meter: None,
            limiter: Limiter::new(rate_hz, gain_db),
            waiting: None,
            cut: Vec::new(),
        }
    }

    /// Makes what shapes the sound of a voice.
    pub(super) fn of_voice(rate_hz: u16, shape: VoiceShape) -> Self {
        let (gain_db, target_dbfs) = match shape.gain {
            Gain::Db(gain_db) => (gain_db, None),
            Gain::ToLevel(target_dbfs) => (0.0, Some(target_dbfs)),
        };
        Self {
            lead: Some(Lead::new(rate_hz, shape.lead, shape.expected_dbfs)),
            meter: Some(Meter::new(rate_hz)),
            waiting: target_dbfs.map(|target_dbfs| Waiting {
                target_dbfs,
                samples: Vec::new(),
            }),
            ..Self::louder(rate_hz, gain_db)
        }
    }

    /// Takes in samples and appends to `output` those that are ready.
    pub(super) fn push(&mut self, input: &[f32], output: &mut Vec<f32>) {
        match &mut self.lead {
            Some(lead) => {
                let mut cut = take(&mut self.cut);
                cut.clear();
                lead.push(input, &mut cut);
                self.pass_on(&cut, output);
                self.cut = cut;
            }
            None => self.pass_on(input, output),
        }
    }

    /// Appends what is still inside. Returns the level that a voice had, if it said anything.
    pub(super) fn finish(mut self, output: &mut Vec<f32>) -> Option<Level> {
        if let Some(lead) = self.lead.take() {
            let mut rest = Vec::new();
            lead.finish(&mut rest);
            self.pass_on(&rest, output);
        }
        // Before the limiter ends: a short sound may have waited for its gain until now.
        self.settle(output);
        self.limiter.finish(output);
        self.meter?.level()
    }

    fn pass_on(&mut self, samples: &[f32], output: &mut Vec<f32>) {
        // Measured before the gain, since what is kept of a voice is how loud the provider makes it.
        if let Some(meter) = &mut self.meter {
            meter.push(samples);
        }
        let Some(waiting) = &mut self.waiting else {
            return self.limiter.push(samples, output);
        };
        waiting.samples.extend_from_slice(samples);
        if waiting.samples.len() > usize::from(self.rate_hz) * MAX_WAIT_SECONDS {
            self.settle(output);
        }
    }

    /// Decides on the gain, if that was not known.
    fn settle(&mut self, output: &mut Vec<f32>) {
        let Some(Waiting {
            target_dbfs,
            samples,
        }) = self.waiting.take()
        else {
            return;
        };
        if let Some(level) = self.meter.as_ref().and_then(Meter::level) {
            // The gain is one for the whole sound: a gain that followed the level would make the voice swell and fade
            // within a sentence.
            self.limiter = Limiter::new(self.rate_hz, gain_db(target_dbfs, level.dbfs));
        }
        self.limiter.push(&samples, output);
    }
}

/// The gain that brings speech of the level `dbfs` to `target_dbfs`. What is far too soft is mostly noise.
pub fn gain_db(target_dbfs: f32, dbfs: f32) -> f32 {
    (target_dbfs - dbfs).clamp(-MAX_GAIN_DB, MAX_GAIN_DB)
}

const MAX_GAIN_DB: f32 = 30.0;

/// A megabyte at 16 kHz.
const MAX_WAIT_SECONDS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// Bursts of a sine after some silence.
    fn speech() -> Vec<f32> {
        let step = std::f32::consts::TAU * 300.0 / 8_000.0;
        let phases = std::iter::successors(Some(0.0), |phase| Some(phase + step));
        let burst: Vec<_> = phases
            .map(|phase: f32| 0.05 * phase.sin())
            .take(2_400)
            .collect();
        let one = [vec![0.0; 1_000], burst].concat();
        one.repeat(3)
    }

    fn shaped(shape: VoiceShape, piece: usize) -> (Vec<f32>, Option<Level>) {
        let mut shaper = Shaper::of_voice(8_000, shape);
        let mut output = Vec::new();
        for samples in speech().chunks(piece) {
            shaper.push(samples, &mut output);
        }
        let level = shaper.finish(&mut output);
        (output, level)
    }

    #[test]
    fn the_pieces_in_which_a_voice_comes_make_no_difference_and_its_gain_is_one() {
        for gain in [Gain::Db(6.0), Gain::ToLevel(-19.0)] {
            let shape = VoiceShape {
                gain,
                expected_dbfs: -30.0,
                lead: Duration::from_millis(30),
            };
            let (whole, level) = shaped(shape, usize::MAX);
            let level = level.expect("speech");
            let (pieces, same) = shaped(shape, 77);
            let difference = same.expect("speech").dbfs - level.dbfs;
            assert!(difference.abs() < 0.001, "{gain:?}: {difference} dB");
            assert_eq!(whole.len(), pieces.len(), "{gain:?}");
            for (one, other) in whole.iter().zip(&pieces) {
                // 100 dB below full scale.
                assert!((one - other).abs() < 0.000_01, "{gain:?}: {one}, {other}");
            }
            let factor = 10_f32.powf(match gain {
                Gain::Db(gain_db) => gain_db / 20.0,
                Gain::ToLevel(target_dbfs) => (target_dbfs - level.dbfs) / 20.0,
            });
            // All but the cut silence and the ramp behind it.
            let rest = speech().split_off(1_000);
            let heard = &whole[whole.len() - rest.len()..];
            for (sample, heard) in rest.iter().zip(heard) {
                assert!(
                    (sample * factor - heard).abs() < 0.000_1,
                    "{sample}, {heard}"
                );
            }
        }
    }

    #[test]
    fn a_gain_is_never_more_than_a_voice_can_need() {
        for (target, level, expected) in [
            (-19.0, -25.0, 6.0),
            (-19.0, -80.0, 30.0),
            (-35.0, 0.0, -30.0),
        ] {
            assert_eq!(gain_db(target, level).to_bits(), f32::to_bits(expected));
        }
    }
}
