//! What interrupts an answer: the sound of a place alone, and a caller in it.

use crate::calls::{Played, begins};
use crate::judge::{Count, Figure, Limit, percentile};
use crate::material::{Material, Place, Sentence};
use crate::parallel::{self, pairs};
use crate::random::Random;
use crate::signal::{RATE_HZ, amplify, mix_into, over_the_line, seconds};

/// The places, and how loud each is.
const PLACES: [(&str, Place, f32); 6] = [
    ("line noise, -65 dBFS", Place::Line, -65.0),
    ("fan, -36 dBFS", Place::Fan, -36.0),
    ("traffic, -36 dBFS", Place::Traffic, -36.0),
    ("television, -36 dBFS", Place::Television, -36.0),
    ("babble, -36 dBFS", Place::Babble, -36.0),
    ("music, -36 dBFS", Place::Music, -36.0),
];
pub(crate) const ANSWER_DBFS: f32 = -18.0;
pub(crate) const ANSWER: f32 = 12.0;
pub(crate) const ASKS_DBFS: f32 = -24.0;
/// Nobody, and callers as loud as they asked and softer.
const CALLERS_DBFS: [Option<f32>; 4] = [
    None,
    Some(ASKS_DBFS),
    Some(ASKS_DBFS - 6.0),
    Some(ASKS_DBFS - 12.0),
];
/// In each place and half.
const ANSWERS: usize = 24;
/// A caller is to be heard until then.
const SOON: f32 = 1.5;

/// Prints what interrupted the answers of each half.
pub(crate) fn figures(halves: &[Material]) -> Vec<Figure> {
    let rows = pairs(&PLACES, 0..halves.len());
    let calls = pairs(&rows, 0..ANSWERS);
    let all = parallel::each(&calls, |(((_, place, dbfs), half), seed)| {
        let (material, place, dbfs) = (&halves[*half], *place, *dbfs);
        let sounds = Sounds {
            material,
            place,
            dbfs,
        };
        CALLERS_DBFS.map(|caller| sounds.interrupted(*seed, caller))
    });
    println!(
        "\n| place | half | answers cut by it alone | callers heard within 1.5 s at -24 dBFS | 6 dB softer | 12 dB softer | delay p50 |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (((name, ..), half), answers) in rows.iter().zip(all.chunks(ANSWERS)) {
        let soon = |caller| Count::new(answers.iter().map(|all| is_soon(all[caller])));
        let delays = answers.iter().filter_map(|all| all[1]);
        let delays = delays.filter(|delay| is_soon(Some(*delay))).collect();
        println!(
            "| {name} | {} | {} | {} | {} | {} | {:.2} |",
            half + 1,
            cut(answers),
            soon(1),
            soon(2),
            soon(3),
            percentile(delays, 50),
        );
    }
    judged(&all, halves.len() * ANSWERS)
}

type Wanted = fn(Place) -> bool;

/// What is judged, of all answers, of which there are so many in each place.
fn judged(all: &[[Option<f32>; 4]], in_each: usize) -> Vec<Figure> {
    let places = PLACES.iter().zip(all.chunks(in_each));
    let of = |wanted: Wanted| -> Vec<_> {
        let of_these = places.clone().filter(|((_, place, _), _)| wanted(*place));
        of_these.flat_map(|(_, answers)| answers).copied().collect()
    };
    let kinds: [(&str, Wanted, Limit); 3] = [
        (
            "a television, other talkers and music",
            is_voices,
            Limit::AtMost(6, 24),
        ),
        (
            "traffic",
            |place| place == Place::Traffic,
            Limit::AtMost(6, 24),
        ),
        (
            "line noise and a fan",
            |place| matches!(place, Place::Line | Place::Fan),
            Limit::AtMost(1, 24),
        ),
    ];
    let figures = kinds.into_iter().flat_map(|(name, wanted, limit)| {
        let answers = of(wanted);
        let heard = Count::new(answers.iter().map(|all| is_soon(all[1])));
        [
            Figure::count(format!("answers cut by {name} alone"), cut(&answers), limit),
            Figure::count(
                format!("callers as loud as before heard in {name}"),
                heard,
                Limit::AtLeast(71, 75),
            ),
        ]
    });
    figures.collect()
}

fn cut(answers: &[[Option<f32>; 4]]) -> Count {
    Count::new(answers.iter().map(|all| all[0].is_some()))
}

fn is_voices(place: Place) -> bool {
    matches!(place, Place::Television | Place::Babble | Place::Music)
}

/// Whether the caller has interrupted, and in time.
pub(crate) fn is_soon(delay: Option<f32>) -> bool {
    delay.is_some_and(|delay| (0.0..SOON).contains(&delay))
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
        let played = Played {
            sound: &answer,
            at: answer_at,
        };
        let begins = begins(&over_the_line(&line), &[played])?;
        let since = if caller_dbfs.is_some() {
            speaks_at
        } else {
            answer_at
        };
        Some(begins - since as f32 / RATE_HZ as f32)
    }
}
