//! What interrupts an answer that comes back from the phone: its echo alone, and a caller behind that.

use crate::calls::{Played, begins};
use crate::codecs::through_gsm;
use crate::interruptions::{ANSWER, ANSWER_DBFS, is_soon};
use crate::judge::{Count, Figure, Limit};
use crate::material::{Material, Place};
use crate::parallel::{self, pairs};
use crate::random::Random;
use crate::signal::{RATE_HZ, amplify, band, level_db, mix_into, over_the_line, seconds};

/// The ways back, how loud they are, and how many milliseconds they take.
const WAYS: [(&str, Way, f32, f32); 7] = [
    ("handset", Way::None, 0.0, 0.0),
    ("line, -20 dB, 120 ms", Way::Line, -20.0, 0.12),
    ("loudspeaker, -20 dB, 150 ms", Way::Room, -20.0, 0.15),
    ("line, -12 dB, 120 ms", Way::Line, -12.0, 0.12),
    ("loudspeaker, -12 dB, 150 ms", Way::Room, -12.0, 0.15),
    ("mobile, -12 dB, 400 ms, GSM", Way::Mobile, -12.0, 0.4),
    ("line, -6 dB, 120 ms", Way::Line, -6.0, 0.12),
];
const CALLERS_DBFS: [f32; 4] = [-20.0, -26.0, -32.0, -38.0];
const LINE_DBFS: f32 = -65.0;
/// For each way and half.
const ANSWERS: usize = 8;
/// The playout's clock is behind by up to this many seconds, from one answer to another.
const CLOCK: f32 = 0.08;
/// A room's echo fades by 60 dB within this many seconds, and is 3 dB softer than what comes straight.
const FADES: f32 = 0.3;
const ROOM: f32 = 0.2;

#[derive(Clone, Copy, PartialEq)]
enum Way {
    None,
    Line,
    Room,
    Mobile,
}

/// Prints what interrupted the answers of each half.
pub(crate) fn figures(halves: &[Material]) -> Vec<Figure> {
    let rows = pairs(&WAYS, 0..halves.len());
    let calls = pairs(&rows, 0..ANSWERS);
    let all = parallel::each(&calls, |((way, half), seed)| {
        let (_, way, gain_db, delay) = **way;
        let of = |caller| interrupted(&halves[*half], (way, gain_db, delay), *seed, caller);
        (
            of(None).is_some(),
            CALLERS_DBFS.map(|dbfs| is_soon(of(Some(dbfs)))),
        )
    });
    println!(
        "\n| way back | half | answers cut by their echo | callers heard within 1.5 s at -20 / -26 / -32 / -38 dBFS |"
    );
    println!("|---|---|---|---|");
    for (((name, ..), half), answers) in rows.iter().zip(all.chunks(ANSWERS)) {
        let heard: Vec<_> = (0..CALLERS_DBFS.len())
            .map(|caller| answers.iter().filter(|(_, heard)| heard[caller]).count())
            .map(|heard| (100 * heard / ANSWERS).to_string())
            .collect();
        let cut = Count::new(answers.iter().map(|(cut, _)| *cut));
        println!(
            "| {name} | {} | {cut} | {} % |",
            half + 1,
            heard.join(" / ")
        );
    }
    let ways = WAYS.iter().zip(all.chunks(halves.len() * ANSWERS));
    ways.flat_map(|((name, way, gain_db, _), answers)| {
        let (cut, heard) = limits(*way, *gain_db);
        [
            Figure::count(
                format!("answers cut by their echo, {name}"),
                Count::new(answers.iter().map(|(cut, _)| *cut)),
                cut,
            ),
            Figure::count(
                format!("callers at -26 dBFS heard, {name}"),
                Count::new(answers.iter().map(|(_, heard)| heard[1])),
                heard,
            ),
        ]
    })
    .collect()
}

/// How many answers an echo may cut, and behind it how many callers at -26 dBFS are to be heard.
fn limits(way: Way, gain_db: f32) -> (Limit, Limit) {
    match way {
        Way::Mobile => (Limit::AtMost(3, 8), Limit::AtLeast(6, 10)),
        // No more was asked for than that it becomes no worse.
        Way::Line if gain_db > -12.0 => (Limit::None, Limit::None),
        _ => (Limit::AtMost(1, 8), Limit::AtLeast(9, 10)),
    }
}

/// When an answer is interrupted, in seconds since the caller spoke into it, or since it began where they say nothing.
fn interrupted(
    material: &Material,
    (way, gain_db, delay): (Way, f32, f32),
    seed: usize,
    caller_dbfs: Option<f32>,
) -> Option<f32> {
    let mut random = Random::new(7_000 + seed as u64);
    let said = &random.one_of(&material.sentences).samples;
    let also = &random.one_of(&material.sentences).samples;
    let answer_at = seconds(2.0);
    let speaks_at = answer_at + seconds(3.0 + 5.5 * random.unit());
    let mut answer = material.talker(seconds(ANSWER), &mut random);
    amplify(&mut answer, ANSWER_DBFS);
    let len = answer_at + seconds(ANSWER + 1.0);
    let mut line = material.background(Place::Line, len, &mut random);
    amplify(&mut line, LINE_DBFS);
    if way != Way::None {
        let echo = echo_of(&answer, way, gain_db, &mut random);
        let comes_at = answer_at + seconds(delay + CLOCK * random.unit());
        mix_into(&mut line, &echo, comes_at, 0.0);
    }
    if let Some(dbfs) = caller_dbfs {
        mix_into(&mut line, said, speaks_at, dbfs);
        let then = speaks_at + said.len() + seconds(0.3);
        mix_into(&mut line, also, then.min(len), dbfs);
    }
    let played = Played {
        sound: &answer,
        at: answer_at,
    };
    let begins = begins(&over_the_line(&line), &[played])?;
    let since = match caller_dbfs {
        Some(_) => speaks_at,
        None => answer_at,
    };
    Some(begins - since as f32 / RATE_HZ as f32)
}

fn echo_of(answer: &[f32], way: Way, gain_db: f32, random: &mut Random) -> Vec<f32> {
    let heard = band(answer.to_vec());
    let mut echo = match way {
        Way::None | Way::Line => heard,
        Way::Room => in_room(&heard, random),
        Way::Mobile => through_gsm(&heard),
    };
    let gain_db = gain_db + level_db(answer) - level_db(&echo);
    amplify(&mut echo, gain_db);
    echo
}

fn in_room(sound: &[f32], random: &mut Random) -> Vec<f32> {
    let tail = (0..seconds(ROOM)).map(|at| {
        let fades = 10_f32.powf(-3.0 * at as f32 / RATE_HZ as f32 / FADES);
        fades * (2.0 * random.unit() - 1.0)
    });
    let mut tail: Vec<f32> = tail.collect();
    let energy: f32 = tail.iter().map(|tap| tap * tap).sum();
    let gain_db = -3.0 - 10.0 * energy.log10();
    amplify(&mut tail, gain_db);
    let mut out = sound.to_vec();
    for (delay, tap) in tail.iter().enumerate() {
        for (to, sample) in out[delay..].iter_mut().zip(sound) {
            *to += tap * sample;
        }
    }
    out
}
