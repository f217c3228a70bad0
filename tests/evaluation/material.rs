//! Real voices, streets and songs from Debian's packages, as a telephone carries them.

use std::f32::consts::TAU;
use std::fs::{self, File};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use phone_assistant::audio::decode::Decoder;
use phone_assistant::audio::resample::Resampler;

use crate::codecs;
use crate::random::Random;
use crate::signal::{FRAME, RATE_HZ, amplify, band, level_db, mix_into, normal, seconds};

/// The material of one half: no voice, street or song is in both.
pub(crate) struct Material {
    pub(crate) sentences: Vec<Sentence>,
    /// Single words and sentences, at 0 dB of active level.
    pub(crate) utterances: Vec<Vec<f32>>,
    /// Machines, places, songs and signals in which nobody speaks, likewise.
    pub(crate) noises: Vec<Vec<f32>>,
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

/// A sound from its first to its last active frame, of which the active level is 0 dB.
struct Active {
    samples: Vec<f32>,
    /// Whether each frame is active.
    frames: Vec<bool>,
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
        let spoken = |folders: &[&str]| -> Vec<_> {
            let voices = VOICES[all.clone()].iter();
            let folders =
                voices.flat_map(|voice| folders.iter().map(move |part| format!("{voice}/{part}")));
            let files = folders.flat_map(|folder| files(&root.join(SPOKEN).join(folder), ""));
            files.map(|path| (is_voice(&path), sound(&path))).collect()
        };
        let sounds = spoken(&[""]);
        let sentences = sounds.iter().filter_map(|(_, sound)| Sentence::new(sound));
        let sentences = evenly(sentences.collect(), SENTENCES);
        let words = [sounds, spoken(&WORDS)].concat();
        let voices = words.iter().filter(|(is_voice, _)| *is_voice);
        let utterances = voices.filter_map(|(_, sound)| Active::of(sound));
        let utterances = utterances.map(|active| active.samples);
        let utterances = utterances.filter(|said| LENGTHS.contains(&said.len()));
        let utterances = evenly(utterances.collect(), UTTERANCES);
        let of_half = |folder: &str, start| {
            let files = files(&root.join(folder), start);
            let files = files.into_iter().skip(half).step_by(2);
            let sounds = files.map(|path| normal(sound(&path)));
            sounds.collect::<Vec<_>>()
        };
        let songs = of_half("usr/share/asterisk/moh", "");
        Self {
            sentences,
            utterances,
            noises: noises(root, half, &songs),
            streets: of_half(PLACES, "Trafic"),
            songs,
        }
    }

    /// `len` samples of a place, at 0 dB.
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
        let Active { samples, frames } = Active::of(sound)?;
        let (mut at, mut gap) = (0, 0..0);
        for like in frames.chunk_by(|a, b| a == b) {
            let range = at..at + like.len();
            at = range.end;
            let is_inner = range.start >= 50 && range.end + 50 <= frames.len();
            if !like[0] && is_inner && range.len() > gap.len() {
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

impl Active {
    /// None where nothing is.
    fn of(sound: &[f32]) -> Option<Self> {
        let levels: Vec<f32> = sound.chunks_exact(FRAME).map(level_db).collect();
        let mut sorted = levels.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let least = sorted.get(sorted.len() * 95 / 100)?.max(NOTHING_DB) - 30.0;
        let is_active = |level: &f32| *level > least;
        let first = levels.iter().position(is_active)?;
        let end = levels.iter().rposition(is_active)?;
        let levels = &levels[first..=end];
        let words: Vec<f32> = levels.iter().copied().filter(is_active).collect();
        let power = words.iter().map(|db| 10_f32.powf(db / 10.0)).sum::<f32>() / words.len() as f32;
        let gain_db = -10.0 * power.log10();
        let mut samples = sound[first * FRAME..(end + 1) * FRAME].to_vec();
        amplify(&mut samples, gain_db);
        let frames = levels.iter().map(is_active).collect();
        Some(Self { samples, frames })
    }
}

/// Whether the file of this name, among the voices, is one.
fn is_voice(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    !NO_VOICES.iter().any(|tone| name.starts_with(tone))
}

/// `wanted` of them, spread evenly.
fn evenly<T>(mut all: Vec<T>, wanted: usize) -> Vec<T> {
    let len = all.len();
    let mut at = 0;
    all.retain(|_| {
        at += 1;
        at * wanted / len > (at - 1) * wanted / len
    });
    all
}

/// What is heard in places and of machines, signals of computers, and pieces of songs.
fn noises(root: &Path, half: usize, songs: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let places = files(&root.join(PLACES), "");
    let signals = files(&root.join(SIGNALS), "");
    // The links are second names of the others.
    let is_signal = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        !name.starts_with(VOICE) && !path.is_symlink()
    };
    let files = places
        .into_iter()
        .chain(signals.into_iter().filter(is_signal));
    let mut noises: Vec<_> = files
        .skip(half)
        .step_by(2)
        .map(|path| sound(&path))
        .collect();
    let pieces = songs.iter().flat_map(|song| song.chunks_exact(SONG_PIECE));
    noises.extend(evenly(pieces.map(<[f32]>::to_vec).collect(), SONG_PIECES));
    for noise in &mut noises {
        noise.truncate(LONGEST_NOISE);
    }
    let noises = noises.iter().filter_map(|noise| Active::of(noise));
    noises.map(|active| active.samples).collect()
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
        .filter(|path| {
            path.extension()
                .is_some_and(|kind| kind == "wav" || kind == "oga")
        })
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(start)
        })
        .collect();
    files.sort();
    files
}

/// A sound file at 8 kHz, in the band of a telephone.
fn sound(path: &Path) -> Vec<f32> {
    if path.extension().is_some_and(|kind| kind == "oga") {
        return band(codecs::decoded(path));
    }
    let mut decoder = Decoder::open_file(File::open(path).unwrap()).unwrap();
    let mut resampler = Resampler::new(decoder.rate_hz(), RATE_HZ).unwrap();
    let mut samples = Vec::new();
    while let Some(block) = decoder.next_block().unwrap() {
        resampler.push(block, &mut samples);
    }
    resampler.finish(&mut samples);
    band(samples)
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

/// The first half of them is one half of the material.
const VOICES: [&str; 6] = [
    "en_US_f_Allison",
    "fr_CA_f_June",
    "it_IT_m_Carlo",
    "es_MX_f_Allison",
    "it_IT_f_Menardi",
    "ru_RU_f_IvrvoiceRU",
];
const SPOKEN: &str = "usr/share/asterisk/sounds";
/// Where single words are, beside the sentences.
const WORDS: [&str; 3] = ["digits", "letters", "phonetic"];
/// What is among the voices and is none.
const NO_VOICES: [&str; 5] = [
    "ascending-2tone",
    "beep",
    "descending-2tone",
    "tt-monkeys",
    "tt-weasels",
];
const PLACES: &str = "usr/share/games/lincity-ng/sounds";
const SIGNALS: &str = "usr/share/sounds/freedesktop/stereo";
/// What is among the signals and is a voice.
const VOICE: &str = "audio-channel";
/// Of each half.
const SENTENCES: usize = 56;
const UTTERANCES: usize = 110;
const SONG_PIECES: usize = 58;
const SONG_PIECE: usize = 32_000;
const LEAST_SECONDS: usize = 16_000;
const MOST_SECONDS: usize = 64_000;
/// How long an utterance is: 0.2 to 8 s.
const LENGTHS: RangeInclusive<usize> = 1_600..=64_000;
const LONGEST_NOISE: usize = 48_000;
/// What is softer is silence.
const NOTHING_DB: f32 = -60.0;
