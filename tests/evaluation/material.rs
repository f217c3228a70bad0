//! Real voices, streets and songs from Debian's packages, as a telephone carries them.

use std::f32::consts::TAU;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use phone_assistant::audio::decode::Decoder;
use phone_assistant::audio::resample::Resampler;
use phone_assistant::audio::{g711, to_i16};

use crate::random::Random;

pub(crate) const RATE_HZ: u32 = 8000;
/// 10 ms.
pub(crate) const FRAME: usize = 80;

/// The material of one half: no voice, street or song is in both.
pub(crate) struct Material {
    pub(crate) sentences: Vec<Sentence>,
    streets: Vec<Vec<f32>>,
    songs: Vec<Vec<f32>>,
}

/// A sentence from its first to its last sound, of which the active level is 0 dB.
pub(crate) struct Sentence {
    pub(crate) samples: Vec<f32>,
    /// The middle of its longest inner gap.
    pub(crate) gap: usize,
    gap_len: usize,
}

/// What is heard around a caller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    /// White noise.
    Line,
    /// Brown noise and the lines of a motor.
    Fan,
    Traffic,
    /// One talker, and music 8 dB below.
    Television,
    /// Eight talkers.
    Babble,
    Music,
}

impl Material {
    /// Reads the half with this number, 0 or 1, of what the packages have put below `root`.
    pub(crate) fn read(root: &Path, half: usize) -> Self {
        let all = half * VOICES.len() / 2..(half + 1) * VOICES.len() / 2;
        let mut sentences: Vec<_> = VOICES[all]
            .iter()
            .flat_map(|voice| files(&root.join("usr/share/asterisk/sounds").join(voice), ""))
            .filter_map(|path| Sentence::new(&sound(&path)))
            .collect();
        let all = sentences.len();
        let mut at = 0;
        sentences.retain(|_| {
            at += 1;
            at * SENTENCES / all > (at - 1) * SENTENCES / all
        });
        let of_half = |folder: &str, start| {
            let files = files(&root.join(folder), start);
            let files = files.into_iter().skip(half).step_by(2);
            let sounds = files.map(|path| normal(sound(&path)));
            sounds.collect::<Vec<_>>()
        };
        Self {
            sentences,
            streets: of_half("usr/share/games/lincity-ng/sounds", "Trafic"),
            songs: of_half("usr/share/asterisk/moh", ""),
        }
    }

    /// So many samples of a place, at 0 dB.
    pub(crate) fn background(&self, place: Place, len: usize, random: &mut Random) -> Vec<f32> {
        let made = match place {
            Place::Line => band((0..len).map(|_| random.noise()).collect()),
            Place::Fan => fan(len, random),
            Place::Traffic => traffic(&self.streets, len, random),
            Place::Music => self.music(len, random),
            Place::Television => {
                let mut made = normal(self.talker(len, random));
                mix_into(&mut made, &self.music(len, random), 0, -8.0);
                made
            }
            Place::Babble => {
                let mut made = vec![0.0; len];
                for _ in 0..8 {
                    mix_into(&mut made, &normal(self.talker(len, random)), 0, 0.0);
                }
                made
            }
        };
        normal(made)
    }

    /// Sentences of all voices with short pauses between them, at 0 dB of active level.
    pub(crate) fn talker(&self, len: usize, random: &mut Random) -> Vec<f32> {
        let mut made = vec![0.0; len];
        let mut at = 0;
        while at < len {
            let sentence = random.one_of(&self.sentences);
            mix_into(&mut made, &sentence.samples, at, 0.0);
            at += sentence.samples.len() + seconds(0.1) + random.below(seconds(0.4));
        }
        made
    }

    fn music(&self, len: usize, random: &mut Random) -> Vec<f32> {
        let song = random.one_of(&self.songs);
        let start = random.below(song.len() - len);
        normal(song[start..start + len].to_vec())
    }
}

impl Sentence {
    /// None where it is too short or long, or has no gap with words on both sides.
    fn new(sound: &[f32]) -> Option<Self> {
        let levels: Vec<f32> = sound.chunks_exact(FRAME).map(level_db).collect();
        let mut sorted = levels.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let least = sorted.get(sorted.len() * 95 / 100)? - 30.0;
        let is_active = |level: &f32| *level > least;
        let first = levels.iter().position(is_active)?;
        let end = levels.iter().rposition(is_active)?;
        let levels = &levels[first..=end];
        let words: Vec<f32> = levels.iter().copied().filter(is_active).collect();
        let power = words.iter().map(|db| 10_f32.powf(db / 10.0)).sum::<f32>() / words.len() as f32;
        let gain_db = -10.0 * power.log10();
        let mut samples = sound[first * FRAME..(end + 1) * FRAME].to_vec();
        amplify(&mut samples, gain_db);
        let (mut at, mut gap) = (0, 0..0);
        for like in levels.chunk_by(|a, b| is_active(a) == is_active(b)) {
            let range = at..at + like.len();
            at = range.end;
            let is_inner = range.start >= 50 && range.end + 50 <= levels.len();
            if !is_active(&like[0]) && is_inner && range.len() > gap.len() {
                gap = range;
            }
        }
        let is_usual = (LEAST_SECONDS..MOST_SECONDS).contains(&samples.len());
        (is_usual && gap.len() >= 6).then_some(Self {
            samples,
            gap: (gap.start + gap.len() / 2) * FRAME,
            gap_len: gap.len() * FRAME,
        })
    }

    /// The sentence with its gap made as long as `pause`: its samples, the end of its first part and the beginning of the
    /// second.
    pub(crate) fn with_pause(&self, pause: usize) -> (Vec<f32>, usize, usize) {
        let added = pause.saturating_sub(self.gap_len);
        let mut samples = self.samples[..self.gap].to_vec();
        samples.resize(self.gap + added, 0.0);
        samples.extend_from_slice(&self.samples[self.gap..]);
        let half = self.gap_len / 2;
        (samples, self.gap - half, self.gap + added + half)
    }
}

/// The sound files of a folder whose names begin so, in order of their names.
fn files(folder: &Path, start: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|cause| {
        panic!(
            "{}: {cause}; tests/evaluation/run downloads it",
            folder.display()
        )
    });
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|kind| kind == "wav"))
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(start)
        })
        .collect();
    files.sort();
    files
}

/// A sound file at 8 kHz, in the band of a telephone.
fn sound(path: &Path) -> Vec<f32> {
    let mut decoder = Decoder::open_file(File::open(path).unwrap()).unwrap();
    let mut resampler = Resampler::new(decoder.rate_hz(), RATE_HZ).unwrap();
    let mut samples = Vec::new();
    while let Some(block) = decoder.next_block().unwrap() {
        resampler.push(block, &mut samples);
    }
    resampler.finish(&mut samples);
    band(samples)
}

/// What a telephone carries of it: 300 to 3,400 Hz.
pub(crate) fn band(mut samples: Vec<f32>) -> Vec<f32> {
    for (hertz, is_high_pass) in [
        (300.0, true),
        (300.0, true),
        (3400.0, false),
        (3400.0, false),
    ] {
        filter(&mut samples, hertz, is_high_pass);
    }
    samples
}

/// A second-order filter of the [Audio EQ Cookbook](https://www.w3.org/TR/audio-eq-cookbook/).
fn filter(samples: &mut [f32], hertz: f32, is_high_pass: bool) {
    let (sin, cos) = (TAU * hertz / RATE_HZ as f32).sin_cos();
    let alpha = sin * std::f32::consts::FRAC_1_SQRT_2;
    let mirror = if is_high_pass { -1.0 } else { 1.0 };
    let gain = (1.0 - mirror * cos) / 2.0 / (1.0 + alpha);
    let (mut x1, mut x2, mut y1, mut y2) = (0.0, 0.0, 0.0, 0.0);
    for sample in samples {
        let x = *sample;
        let fed_back = -2.0 * cos * y1 + (1.0 - alpha) * y2;
        let y = gain * (x + mirror * 2.0 * x1 + x2) - fed_back / (1.0 + alpha);
        (x2, x1, y2, y1) = (x1, x, y1, y);
        *sample = y;
    }
}

/// Streets one after the other, each faded into the next.
fn traffic(streets: &[Vec<f32>], len: usize, random: &mut Random) -> Vec<f32> {
    let fade = seconds(0.2);
    let mut made = vec![0.0; len];
    let mut at = 0;
    while at < len {
        let mut street = random.one_of(streets).clone();
        let end = street.len();
        for n in 0..fade {
            let share = n as f32 / fade as f32;
            street[n] *= share;
            street[end - 1 - n] *= share;
        }
        mix_into(&mut made, &street, at, 0.0);
        at += end - fade;
    }
    made
}

fn fan(len: usize, random: &mut Random) -> Vec<f32> {
    let mut level = 0.0;
    let brown = (0..len).map(|_| {
        level = 0.98 * level + random.noise();
        level
    });
    let mut made = normal(brown.collect());
    for (n, sample) in made.iter_mut().enumerate() {
        let turn = TAU * 118.0 * n as f32 / RATE_HZ as f32;
        *sample += (1..12_u8)
            .map(|k| (f32::from(k) * turn).sin() / f32::from(k))
            .sum::<f32>();
    }
    band(made)
}

pub(crate) fn mix_into(line: &mut [f32], sound: &[f32], at: usize, gain_db: f32) {
    let gain = 10_f32.powf(gain_db / 20.0);
    for (to, sample) in line[at..].iter_mut().zip(sound) {
        *to += sample * gain;
    }
}

/// At 0 dB.
fn normal(mut samples: Vec<f32>) -> Vec<f32> {
    let gain_db = -level_db(&samples);
    amplify(&mut samples, gain_db);
    samples
}

pub(crate) fn amplify(samples: &mut [f32], gain_db: f32) {
    let gain = 10_f32.powf(gain_db / 20.0);
    for sample in samples {
        *sample *= gain;
    }
}

pub(crate) fn level_db(samples: &[f32]) -> f32 {
    let power = samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32;
    10.0 * power.max(1e-12).log10()
}

/// What arrives over a line that codes in mu-law.
pub(crate) fn over_the_line(samples: &[f32]) -> Vec<i16> {
    let coded = samples.iter().map(|sample| {
        let code = g711::mu_law(to_i16(*sample));
        let magnitude = g711::mu_law_magnitude(code).cast_signed();
        if code < 0x80 { -magnitude } else { magnitude }
    });
    coded.collect()
}

pub(crate) fn seconds(seconds: f32) -> usize {
    (seconds * RATE_HZ as f32) as usize
}

/// The first half of them is one half of the material.
const VOICES: [&str; 6] = [
    "en_US_f_Allison",
    "fr_CA_f_June",
    "it_IT_m_Carlo",
    "es_MX_f_Allison",
    "it_IT_f_Menardi",
    "ru_RU_f_IvrvoiceRU",
];
/// Of each half.
const SENTENCES: usize = 56;
const LEAST_SECONDS: usize = 16_000;
const MOST_SECONDS: usize = 64_000;
