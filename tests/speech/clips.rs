//! Makers of clips for the detector's tables: noises and clicks by formula, utterances from tests/data.
//!
//! Samples are `f64` in −1.0 to 1.0 until [`pcm`] rounds them; levels are RMS in dB of full scale. Every
//! noise comes from a seed, so a clip is the same on every run.

use phone_assistant::audio::Pcm;
use std::f64::consts::TAU;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use testkit::audio::{Clip, wav};

pub(crate) const RATE_HZ: u32 = 8000;

/// How many samples `seconds` are at `rate_hz`.
pub(crate) fn len(seconds: f64, rate_hz: u32) -> usize {
    (seconds * f64::from(rate_hz)).round() as usize
}

pub(crate) fn pcm(signal: &[f64], rate_hz: u32) -> Pcm {
    let samples = signal
        .iter()
        .map(|x| (x * 32768.0).round().clamp(-32768.0, 32767.0) as i16)
        .collect();
    Pcm { rate_hz, samples }
}

pub(crate) fn silence(seconds: f64) -> Vec<f64> {
    vec![0.0; len(seconds, RATE_HZ)]
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Colour {
    White,
    Pink,
    Brown,
    /// A fan: half pink noise, half mains hum with its harmonics.
    Office,
}

/// `len` samples of noise whose RMS is `level_db`.
pub(crate) fn noise(colour: Colour, level_db: f64, len: usize, seed: u64) -> Vec<f64> {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let (mut slow, mut middle, mut fast) = (0.0, 0.0, 0.0);
    let coloured: Vec<f64> = (0..len)
        .map(|_| {
            let white = random.normal();
            slow = 0.996 * slow + 0.1 * white;
            middle = 0.96 * middle + 0.3 * white;
            fast = 0.57 * fast + white;
            match colour {
                Colour::White => white,
                Colour::Brown => slow,
                Colour::Pink | Colour::Office => slow + middle + fast + 0.2 * white,
            }
        })
        .collect();
    match colour {
        Colour::Office => at_level(
            &add(&at_level(&coloured, 0.0), &hum(50.0, 0.0, len, RATE_HZ)),
            level_db,
        ),
        _ => at_level(&coloured, level_db),
    }
}

/// Mains hum: the fundamental and seven harmonics, weaker by their number.
pub(crate) fn hum(mains_hz: f64, level_db: f64, len: usize, rate_hz: u32) -> Vec<f64> {
    let parts: Vec<(f64, f64)> = (1..=8)
        .map(|n| (mains_hz * f64::from(n), 1.0 / f64::from(n)))
        .collect();
    at_level(&tones(&parts, len, rate_hz), level_db)
}

/// Sines given as (frequency in Hz, amplitude), all starting at once.
pub(crate) fn tones(parts: &[(f64, f64)], len: usize, rate_hz: u32) -> Vec<f64> {
    (0..len)
        .map(|i| {
            let seconds = i as f64 / f64::from(rate_hz);
            parts
                .iter()
                .map(|(hz, amplitude)| amplitude * (TAU * hz * seconds).sin())
                .sum()
        })
        .collect()
}

/// A sound that dies away: noise or a tone under an exponential that falls to a thousandth in `seconds`.
pub(crate) fn decaying(sound: &[f64]) -> Vec<f64> {
    let len = sound.len() as f64;
    sound
        .iter()
        .enumerate()
        .map(|(i, x)| x * 0.001_f64.powf(i as f64 / len))
        .collect()
}

pub(crate) fn at_level(signal: &[f64], level_db: f64) -> Vec<f64> {
    gain(signal, level_db - rms_db(signal))
}

pub(crate) fn at_peak(signal: &[f64], peak_db: f64) -> Vec<f64> {
    let peak = signal.iter().fold(1e-9, |peak: f64, x| peak.max(x.abs()));
    gain(signal, peak_db - 20.0 * peak.log10())
}

pub(crate) fn gain(signal: &[f64], db: f64) -> Vec<f64> {
    signal.iter().map(|x| x * 10f64.powf(db / 20.0)).collect()
}

pub(crate) fn rms_db(signal: &[f64]) -> f64 {
    10.0 * (signal.iter().map(|x| x * x).sum::<f64>() / signal.len().max(1) as f64 + 1e-12).log10()
}

/// Sample by sample, as long as the first.
pub(crate) fn add(one: &[f64], other: &[f64]) -> Vec<f64> {
    let mut sum = one.to_vec();
    mix_into(&mut sum, other, 0);
    sum
}

/// Adds `sound` to `bed` from sample `at`; what would stand beyond the bed's end is left out.
pub(crate) fn mix_into(bed: &mut [f64], sound: &[f64], at: usize) {
    for (bed, sound) in bed[at..].iter_mut().zip(sound) {
        *bed += sound;
    }
}

/// The samples that G.711 mu-law carries in place of `signal`: the nearest of its 256 values.
pub(crate) fn through_mulaw(signal: &[f64]) -> Vec<f64> {
    signal
        .iter()
        .map(|x| nearest_mulaw(x * 32768.0) / 32768.0)
        .collect()
}

fn nearest_mulaw(sample: f64) -> f64 {
    let biased = sample.abs().min(32635.0) + 132.0;
    let segment = (biased / 128.0).log2().floor().min(7.0);
    let step = 8.0 * 2f64.powf(segment);
    let value = (biased / step).floor() * step + step / 2.0 - 132.0;
    if sample < 0.0 { -value } else { value }
}

/// One word of the packs, with its silent ends cut off.
#[derive(Clone)]
pub(crate) struct Utterance {
    pub(crate) name: String,
    pub(crate) rate_hz: u32,
    pub(crate) samples: Vec<f64>,
}

impl Utterance {
    /// RMS over the 10 ms frames that are within 20 dB of the loudest.
    pub(crate) fn active_level_db(&self) -> f64 {
        let levels = self.frame_levels();
        let loudest = levels.iter().fold(-120.0_f64, |a, b| a.max(*b));
        let active: Vec<f64> = levels
            .into_iter()
            .filter(|level| *level > loudest - 20.0)
            .collect();
        10.0 * (active.iter().map(|db| 10f64.powf(db / 10.0)).sum::<f64>() / active.len() as f64)
            .log10()
    }

    /// From the first to the last 10 ms frame that is within 25 dB of the loudest.
    pub(crate) fn active(&self) -> Range<usize> {
        let levels = self.frame_levels();
        let loudest = levels.iter().fold(-120.0_f64, |a, b| a.max(*b));
        let heard = |level: &f64| *level > loudest - 25.0;
        let first = levels.iter().position(heard).unwrap();
        let last = levels.iter().rposition(heard).unwrap();
        let frame = len(0.01, self.rate_hz);
        first * frame..((last + 1) * frame).min(self.samples.len())
    }

    fn frame_levels(&self) -> Vec<f64> {
        self.samples
            .chunks(len(0.01, self.rate_hz))
            .map(rms_db)
            .collect()
    }
}

pub(crate) fn utterances() -> Vec<Utterance> {
    let index = fs::read_to_string(data("utterances.tsv")).unwrap();
    let rows = index
        .lines()
        .skip(1)
        .map(|row| row.split('\t').collect::<Vec<_>>());
    rows.map(|row| {
        let pack = read_wav(&data(row[0]));
        let (start, len): (usize, usize) = (row[2].parse().unwrap(), row[3].parse().unwrap());
        let samples = pack.samples[start..start + len]
            .iter()
            .map(|x| f64::from(*x) / 32768.0)
            .collect();
        Utterance {
            name: row[1].into(),
            rate_hz: pack.rate_hz,
            samples,
        }
    })
    .collect()
}

pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

pub(crate) fn read_wav(path: &Path) -> Pcm {
    let Clip { rate_hz, samples } = wav::read(path);
    Pcm { rate_hz, samples }
}

struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Nearly normal: the sum of four uniform values, less its mean.
    fn normal(&mut self) -> f64 {
        self.uniform() + self.uniform() + self.uniform() + self.uniform() - 2.0
    }
}
