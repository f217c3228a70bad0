//! Sounds made by rule: the same every time, on every machine.

use std::f64::consts::TAU;

use crate::Clip;
use crate::number::{float, to_index, to_sample};

/// Digital silence.
pub fn silence(rate_hz: u32, seconds: f64) -> Clip {
    Clip {
        rate_hz,
        samples: vec![0; len(rate_hz, seconds)],
    }
}

/// A sine whose peak is at a level in dBFS.
pub fn tone(rate_hz: u32, frequency_hz: f64, peak_db: f64, seconds: f64) -> Clip {
    let step = TAU * frequency_hz / f64::from(rate_hz);
    let amplitude = amplitude(peak_db);
    let samples = (0..len(rate_hz, seconds))
        .map(|index| to_sample(amplitude * (step * float(index)).sin()))
        .collect();
    Clip { rate_hz, samples }
}

/// White noise of a level in dBFS (RMS), the same for the same seed.
pub fn noise(rate_hz: u32, rms_db: f64, seconds: f64, seed: u64) -> Clip {
    let mut random = Random::new(seed);
    // Evenly spread values between −1 and 1 have an RMS of 1/√3.
    let amplitude = amplitude(rms_db) * 3_f64.sqrt();
    let samples = (0..len(rate_hz, seconds))
        .map(|_| to_sample(amplitude * random.value()))
        .collect();
    Clip { rate_hz, samples }
}

/// Sound with the rhythm and the colours of speech, about 65 ms to a character, different for different texts.
///
/// It is not speech: no recognizer would understand it. It lets a test tell whose answer it hears.
pub fn babble(rate_hz: u32, text: &str) -> Clip {
    let letter_len = len(rate_hz, SECONDS_PER_CHARACTER);
    let seed = text.bytes().fold(FNV_OFFSET, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
    });
    let mut random = Random::new(seed);
    let pitch_hz = 130.0 + 40.0 * random.value();
    let step = TAU * 0.5 / float(letter_len);
    let envelope: Vec<_> = (0..letter_len)
        .map(|index| (step * float(index)).sin())
        .collect();
    let mut samples = Vec::with_capacity(letter_len * text.len());
    for letter in text.chars() {
        if !letter.is_alphanumeric() {
            samples.resize(samples.len() + letter_len, 0);
            continue;
        }
        let bend = 1.0 + 0.1 * random.value();
        let period = voiced_period(rate_hz, pitch_hz * bend, &mut random);
        let values = envelope.iter().zip(period.iter().cycle());
        samples.extend(values.map(|(envelope, value)| to_sample(LOUDNESS * envelope * value)));
    }
    Clip { rate_hz, samples }
}

/// One period of a voice: harmonics of its pitch, loudest near two formants taken at random.
fn voiced_period(rate_hz: u32, pitch_hz: f64, random: &mut Random) -> Vec<f64> {
    let formants_hz = [
        500.0 + 250.0 * random.value(),
        1500.0 + 600.0 * random.value(),
    ];
    let len = len(rate_hz, 1.0 / pitch_hz);
    let nearness = |hz: f64, formant_hz: f64| 1.0 / (1.0 + ((hz - formant_hz) / 150.0).powi(2));
    let level = |number: u32| {
        let hz = f64::from(number) * pitch_hz;
        nearness(hz, formants_hz[0]) + 0.6 * nearness(hz, formants_hz[1])
    };
    let levels: Vec<_> = (1..=18).map(level).collect();
    // Every harmonic goes through the same sine, in steps of its number.
    let step = TAU / float(len);
    let sine: Vec<_> = (0..len).map(|index| (step * float(index)).sin()).collect();
    let value = |index: usize| {
        let harmonics = levels.iter().zip(1..);
        harmonics
            .map(|(level, number)| level * sine[index * number % len])
            .sum()
    };
    (0..len).map(value).collect()
}

/// A small generator of numbers between −1 and 1 (xorshift64*, by Vigna).
pub struct Random {
    state: u64,
}

impl Random {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self { state: seed.max(1) }
    }

    /// The next number.
    pub fn value(&mut self) -> f64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let high_half = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        f64::from(u32::try_from(high_half).unwrap()) / f64::from(u32::MAX) * 2.0 - 1.0
    }
}

fn len(rate_hz: u32, seconds: f64) -> usize {
    to_index((f64::from(rate_hz) * seconds).round())
}

fn amplitude(db: f64) -> f64 {
    FULL_SCALE * 10_f64.powf(db / 20.0)
}

/// About the pace of a voice that reads English aloud.
const SECONDS_PER_CHARACTER: f64 = 0.065;
/// Leaves room for the harmonics to add up.
const LOUDNESS: f64 = 0.12 * FULL_SCALE;
const FULL_SCALE: f64 = 32_767.0;
/// Of the FNV-1a hash.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;
