//! What interrupts an answer: the sound of a place alone, and a caller in it.

use std::time::{Duration, Instant};

use phone_assistant::audio::speech::turn::Change;
use phone_assistant::audio::telephone::Encoding;
use phone_assistant::audio::{g711, to_i16};
use phone_assistant::call::caller_audio::CallerAudio;
use phone_assistant::call::echo::{Reply, Source};

use crate::ends::LIMITS;
use crate::material::{
    FRAME, Material, Place, RATE_HZ, Sentence, amplify, mix_into, over_the_line, seconds,
};
use crate::random::Random;

/// The places, and how loud each is.
const PLACES: [(&str, Place, f32); 4] = [
    ("line noise, -65 dBFS", Place::Line, -65.0),
    ("television, -36 dBFS", Place::Television, -36.0),
    ("babble, -36 dBFS", Place::Babble, -36.0),
    ("music, -36 dBFS", Place::Music, -36.0),
];
pub(crate) const ANSWER_DBFS: f32 = -18.0;
pub(crate) const ANSWER: f32 = 12.0;
const ASKS_DBFS: f32 = -24.0;
/// In each place and half.
const ANSWERS: usize = 24;
/// A caller is to be heard until then.
pub(crate) const SOON: f32 = 1.5;

/// Prints what interrupted the answers of both halves.
pub(crate) fn print(halves: &[Material; 2]) {
    println!(
        "\n| place | half | answers cut by it alone | callers heard within 1.5 s at -24 dBFS | 6 dB softer | 12 dB softer | delay p50 |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (name, place, dbfs) in PLACES {
        for (half, material) in halves.iter().enumerate() {
            let sounds = Sounds {
                material,
                place,
                dbfs,
            };
            let cut = (0..ANSWERS).filter(|seed| sounds.interrupted(*seed, None).is_some());
            let cut = cut.count();
            let heard = |dbfs| -> Vec<f32> {
                let delays = (0..ANSWERS).filter_map(|seed| sounds.interrupted(seed, Some(dbfs)));
                delays.filter(|delay| (0.0..SOON).contains(delay)).collect()
            };
            let mut delays = heard(ASKS_DBFS);
            delays.sort_unstable_by(f32::total_cmp);
            println!(
                "| {name} | {} | {cut} of {ANSWERS} | {} | {} | {} | {:.2} |",
                half + 1,
                delays.len(),
                heard(ASKS_DBFS - 6.0).len(),
                heard(ASKS_DBFS - 12.0).len(),
                delays.get(delays.len() / 2).copied().unwrap_or(f32::NAN),
            );
        }
    }
}

struct Sounds<'a> {
    material: &'a Material,
    place: Place,
    dbfs: f32,
}

impl Sounds<'_> {
    /// When an answer is interrupted, in seconds since the caller spoke into it, or since it began where they say nothing.
    fn interrupted(&self, seed: usize, caller_dbfs: Option<f32>) -> Option<f32> {
        let mut random = Random::new(seed as u64);
        let asked: &Sentence = random.one_of(&self.material.sentences);
        let said: &Sentence = random.one_of(&self.material.sentences);
        let answer_at = seconds(2.0) + asked.samples.len() + seconds(4.0);
        let speaks_at = answer_at + seconds(2.0 + 6.0 * random.unit());
        let len = answer_at + seconds(ANSWER);
        let mut answer = self.material.talker(seconds(ANSWER), &mut random);
        amplify(&mut answer, ANSWER_DBFS);
        let mut line = vec![0.0; len];
        mix_into(
            &mut line,
            &self.material.background(self.place, len, &mut random),
            0,
            self.dbfs,
        );
        mix_into(&mut line, &asked.samples, seconds(2.0), ASKS_DBFS);
        if let Some(dbfs) = caller_dbfs {
            mix_into(&mut line, &said.samples, speaks_at, dbfs);
        }
        let begins = begins(&over_the_line(&line), &answer, answer_at)?;
        let since = if caller_dbfs.is_some() {
            speaks_at
        } else {
            answer_at
        };
        Some(begins - since as f32 / RATE_HZ as f32)
    }
}

/// When a turn begins after the answer has, in seconds.
pub(crate) fn begins(line: &[i16], answer: &[f32], answer_at: usize) -> Option<f32> {
    let start = Instant::now();
    let mut caller = CallerAudio::new(RATE_HZ, LIMITS, start);
    let mut reply = Reply::new(Encoding::Ulaw);
    let coded = answer.iter().map(|sample| g711::mu_law(to_i16(*sample)));
    reply.append(&coded.collect::<Vec<u8>>());
    let mut frame = 0;
    for (index, piece) in line.chunks(2 * FRAME).enumerate() {
        let now = start + Duration::from_millis(20) * u32::try_from(index).unwrap();
        if (index + 1) * 2 * FRAME <= answer_at {
            caller.hear(piece, now);
            continue;
        }
        if frame == 0 {
            caller.end_turn();
        }
        frame += 1;
        let heard = reply.heard(Source::Answer(frame), piece.len(), RATE_HZ);
        if caller
            .overhear(piece, &heard, now)
            .contains(&Change::SpeechStart)
        {
            return Some(index as f32 * 0.02 + 0.02);
        }
    }
    None
}
