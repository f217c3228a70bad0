//! How loud speech is: the active speech level of ITU-T P.56, method B (<https://www.itu.int/rec/T-REC-P.56>).
//!
//! Pauses must not make a voice soft, so the energy is divided by the time in which there is speech. How long that is
//! depends on the threshold above which a sound counts as speech, and the right threshold lies 15.9 dB below the level
//! that is looked for. The speech is counted against a row of thresholds at once, each twice the one before, and at the
//! end the level is found between the two where that distance is reached. So the state has a fixed size.

use std::time::Duration;

/// The RMS of samples on the scale of −1.0 to 1.0, in dB of full scale.
pub fn rms_dbfs(samples: &[f32]) -> f32 {
    let squares = samples.iter().map(|sample| sample * sample).sum::<f32>();
    let len = f32::from(u16::try_from(samples.len().max(1)).unwrap_or(u16::MAX));
    // Digital silence has no logarithm, so it counts as −120 dB.
    10.0 * (squares / len).max(1e-12).log10()
}

/// The level of some speech.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// The RMS of the speech without its pauses, in dB of full scale: a sine of full scale has −3.01.
    pub dbfs: f32,
    /// How much speech there was.
    pub active: Duration,
}

/// Measures the level of speech as it comes.
#[derive(Clone, Debug)]
pub struct Meter {
    rate_hz: u16,
    /// The part of an average that is left of it one sample later.
    decay: f32,
    /// The number of samples behind speech that still count as speech.
    hangover: u64,
    energy: f32,
    /// The average magnitude, and the average of that.
    average: f32,
    envelope: f32,
    now: u64,
    /// The number of thresholds that the envelope reaches, and of those by which the sample counts as speech.
    reached: usize,
    counting: usize,
    /// The sample from which on speech by each threshold has ended, where the envelope does not reach that.
    until: [u64; COUNT],
    /// How many samples are speech by how many thresholds: exact up to 2^24, 17 minutes at 16 kHz.
    samples: [f32; COUNT + 1],
}

/// The level that one threshold leads to.
struct Point {
    active: f32,
    level_dbfs: f32,
    threshold_dbfs: f32,
}

impl Meter {
    /// Makes a meter for samples at `rate_hz`.
    pub fn new(rate_hz: u16) -> Self {
        Self {
            rate_hz,
            decay: (-1.0 / (AVERAGE_SECONDS * f32::from(rate_hz))).exp(),
            hangover: u64::from(rate_hz / HANGOVERS_PER_SECOND),
            energy: 0.0,
            average: 0.0,
            envelope: 0.0,
            now: 0,
            reached: 0,
            counting: 0,
            until: [0; COUNT],
            samples: [0.0; COUNT + 1],
        }
    }

    /// Takes in samples on the scale of −1.0 to 1.0.
    pub fn push(&mut self, samples: &[f32]) {
        for block in samples.chunks(BLOCK_FRAMES) {
            // A short sum of its own loses nothing of small values beside a great sum.
            self.energy += block.iter().map(|sample| sample * sample).sum::<f32>();
            for sample in block {
                self.count(sample.abs());
            }
        }
    }

    fn count(&mut self, magnitude: f32) {
        self.average = magnitude + self.decay * (self.average - magnitude);
        // P.56 takes the exponential average twice, which gives an envelope without ripples at the pitch of the voice.
        self.envelope = self.average + self.decay * (self.envelope - self.average);
        while (THRESHOLDS.get(self.reached)).is_some_and(|next| self.envelope >= *next) {
            self.reached += 1;
        }
        // P.56 counts 0.2 s after speech as speech (the hangover), for each threshold from the moment at which the
        // envelope fell below it.
        while self.reached > 0 && self.envelope < THRESHOLDS[self.reached - 1] {
            self.reached -= 1;
            self.until[self.reached] = self.now + self.hangover;
        }
        self.counting = self.counting.max(self.reached);
        while self.counting > self.reached && self.now >= self.until[self.counting - 1] {
            self.counting -= 1;
        }
        self.samples[self.counting] += 1.0;
        self.now += 1;
    }

    /// The level of all that has come; `None` without any speech.
    pub fn level(&self) -> Option<Level> {
        let mut points = self.points();
        let mut low = points.next()?;
        let high = loop {
            match points.next() {
                Some(next) if next.distance() > 0.0 => low = next,
                next => break next,
            }
        };
        // The lowest may be too high already for very soft speech, and single peaks may pass none of the highest.
        let part = match &high {
            Some(high) if low.distance() > 0.0 => {
                low.distance() / (low.distance() - high.distance())
            }
            _ => 0.0,
        };
        let high = high.as_ref().unwrap_or(&low);
        let between = |low: f32, high: f32| low + part * (high - low);
        let seconds = between(low.active, high.active) / f32::from(self.rate_hz);
        Some(Level {
            dbfs: between(low.level_dbfs, high.level_dbfs),
            active: Duration::try_from_secs_f32(seconds).unwrap_or_default(),
        })
    }

    fn points(&self) -> impl Iterator<Item = Point> {
        let active = |index: usize| self.samples[index + 1..].iter().sum::<f32>();
        let counted = THRESHOLDS.iter().enumerate();
        let counted = counted.map(move |(index, threshold)| (active(index), *threshold));
        let some = counted.filter(|(active, _)| *active > 0.0 && self.energy > 0.0);
        some.map(|(active, threshold)| Point {
            active,
            level_dbfs: 10.0 * (self.energy / active).log10(),
            threshold_dbfs: 20.0 * threshold.log10(),
        })
    }
}

impl Point {
    /// How much further than the margin the level lies above the threshold.
    fn distance(&self) -> f32 {
        self.level_dbfs - self.threshold_dbfs - MARGIN_DB
    }
}

/// The constants of method B: of the average, of the hangover (0.2 s), and the margin between level and threshold.
const AVERAGE_SECONDS: f32 = 0.03;
const HANGOVERS_PER_SECOND: u16 = 5;
const MARGIN_DB: f32 = 15.9;

/// The thresholds, from the smallest step of a 16-bit sample to half of full scale.
const THRESHOLDS: [f32; COUNT] = {
    let mut all = [1.0 / 32_768.0; COUNT];
    let mut index = 1;
    while index < COUNT {
        all[index] = 2.0 * all[index - 1];
        index += 1;
    }
    all
};
const COUNT: usize = 15;

const BLOCK_FRAMES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    const RATE_HZ: u16 = 8_000;

    /// A sine that is on and off in turns, and its amplitude.
    fn bursts(on_ms: usize, off_ms: usize, times: usize, amplitude: f32) -> Vec<f32> {
        let step = TAU * 440.0 / f32::from(RATE_HZ);
        let sine = std::iter::successors(Some(0.0_f32), |phase| Some((phase + step) % TAU));
        let on: Vec<f32> = sine
            .map(|phase| amplitude * phase.sin())
            .take(8 * on_ms)
            .collect();
        let one = [on, vec![0.0; 8 * off_ms]].concat();
        one.repeat(times)
    }

    fn level_of(samples: &[f32]) -> Level {
        let mut meter = Meter::new(RATE_HZ);
        samples.chunks(77).for_each(|piece| meter.push(piece));
        meter.level().expect("a level")
    }

    fn amplitude(dbfs: f32) -> f32 {
        10_f32.powf((dbfs + 3.01) / 20.0)
    }

    #[test]
    fn a_sound_without_pauses_has_the_level_of_its_rms() {
        for dbfs in [-60.0, -35.0, -26.0, -19.0, -8.0, -3.01] {
            let level = level_of(&bursts(1_000, 0, 10, amplitude(dbfs)));
            assert!((level.dbfs - dbfs).abs() < 0.1, "{level:?} of {dbfs}");
            let missing = 10.0 - level.active.as_secs_f32();
            assert!((0.0..0.1).contains(&missing), "{level:?} of {dbfs}");
        }
    }

    /// The envelope of a burst of magnitude m, average 0.637 m, needs time to rise to the threshold and to fall to it
    /// again, and 0.2 s more count as speech.
    #[test]
    fn pauses_longer_than_the_hangover_are_no_speech() {
        let table = [
            // On and off in ms, and how much of each burst and its pause counts.
            (1_000, 100, 1.1),
            (1_000, 200, 1.2),
            (1_000, 1_000, 1.275),
            (1_000, 9_000, 1.275),
            (3_000, 3_000, 3.275),
        ];
        for (on, off, active) in table {
            for dbfs in [-35.0, -19.0, -8.0] {
                let level = level_of(&bursts(on, off, 5, amplitude(dbfs)));
                let seconds = level.active.as_secs_f32() / 5.0;
                assert!((seconds - active).abs() < 0.03, "{on}, {off}: {seconds} s");
                let burst = f32::from(u16::try_from(on).expect("small")) / 1_000.0;
                let expected = dbfs + 10.0 * (burst / active).log10();
                assert!(
                    (level.dbfs - expected).abs() < 0.12,
                    "{on}, {off}: {level:?}, {expected}"
                );
            }
        }
    }

    #[test]
    fn noise_in_the_pauses_and_the_pieces_in_which_it_comes_change_nothing() {
        let mut samples = bursts(800, 700, 6, amplitude(-26.0));
        let clean = level_of(&samples);
        for (index, sample) in samples.iter_mut().enumerate() {
            *sample += if index % 2 == 0 { 0.001 } else { -0.001 };
        }
        let noisy = level_of(&samples);
        assert!(
            (noisy.dbfs - clean.dbfs).abs() < 0.1,
            "{clean:?}, {noisy:?}"
        );
        let mut whole = Meter::new(RATE_HZ);
        whole.push(&samples);
        let whole = whole.level().expect("a level");
        assert!(
            (whole.dbfs - noisy.dbfs).abs() < 0.01,
            "{whole:?}, {noisy:?}"
        );
    }

    #[test]
    fn twice_the_magnitude_is_six_decibels_more() {
        let soft = bursts(300, 400, 9, 0.05);
        let loud: Vec<f32> = soft.iter().map(|sample| 2.0 * sample).collect();
        let more = level_of(&loud).dbfs - level_of(&soft).dbfs;
        assert!((more - 6.02).abs() < 0.05, "{more}");
    }

    #[test]
    fn silence_has_no_level() {
        let mut meter = Meter::new(RATE_HZ);
        assert_eq!(meter.level(), None);
        meter.push(&vec![0.0; 8_000]);
        assert_eq!(meter.level(), None);
        meter.push(&[0.000_01; 800]);
        assert_eq!(meter.level(), None);
    }
}
