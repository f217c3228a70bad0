//! Callers who speak late in an answer, into the second answer of a call, or over a phone that suppresses silence.

use crate::calls::{PACKET, Played, begins};
use crate::interruptions::{ANSWER_DBFS, ASKS_DBFS, is_soon};
use crate::judge::{Count, Figure, Limit};
use crate::material::{Material, Place};
use crate::parallel::{self, pairs};
use crate::random::Random;
use crate::signal::{RATE_HZ, amplify, mix_into, over_the_line, seconds};

/// The places, how loud each is, and whether the phone sends nothing while the caller is silent.
const PLACES: [(&str, Place, f32, bool); 6] = [
    ("line noise, -65 dBFS", Place::Line, -65.0, false),
    ("a phone that suppresses silence", Place::Line, -65.0, true),
    ("fan, -36 dBFS", Place::Fan, -36.0, false),
    ("television, -36 dBFS", Place::Television, -36.0, false),
    ("babble, -36 dBFS", Place::Babble, -36.0, false),
    ("music, -36 dBFS", Place::Music, -36.0, false),
];
/// When the caller speaks into which answer of the call.
const MOMENTS: [(&str, usize, f32, f32); 3] = [
    ("4.5 to 8 s into the first answer", 1, 4.5, 8.0),
    ("2 s into the second answer", 2, 2.0, 2.0),
    ("6 s into the second answer", 2, 6.0, 6.0),
];
/// In each place and half, for each moment.
const ANSWERS: usize = 16;
/// How long answers are, and how long one takes to come.
const ANSWER: f32 = 9.5;
const COMES: f32 = 2.5;
/// How long after an answer the caller asks again.
const ASKS_AGAIN: f32 = 1.5;

/// Prints how many callers were heard at each moment.
pub(crate) fn figures(halves: &[Material]) -> Vec<Figure> {
    let rows = pairs(pairs(&PLACES, &MOMENTS), halves);
    let calls = pairs(rows, 0..ANSWERS);
    let all = parallel::each(&calls, |(((place, moment), material), seed)| {
        is_soon(interrupted(material, place, moment, *seed))
    });
    let moments = MOMENTS.map(|(name, ..)| name).join(" | ");
    println!("\n| place | callers as loud as before heard within 1.5 s: {moments} |");
    println!("|---|---|---|---|");
    let mut heard = all.chunks(halves.len() * ANSWERS);
    let mut figures = Vec::new();
    for (place, ..) in PLACES {
        let row = MOMENTS.map(|(moment, ..)| {
            let heard = heard.next().into_iter().flatten().copied();
            let heard = Count::new(heard);
            let name = format!("callers heard {moment}, {place}");
            figures.push(Figure::count(name, heard, Limit::AtLeast(9, 10)));
            heard.to_string()
        });
        println!("| {place} | {} |", row.join(" | "));
    }
    figures
}

/// When the last answer is interrupted, in seconds since the caller spoke into it.
fn interrupted(
    material: &Material,
    (_, place, dbfs, is_suppressed): &(&str, Place, f32, bool),
    (_, answers, earliest, latest): &(&str, usize, f32, f32),
    seed: usize,
) -> Option<f32> {
    let mut random = Random::new(21_000 + seed as u64);
    let (mut said, mut played, mut at) = (Vec::new(), Vec::new(), seconds(2.0));
    for _ in 0..*answers {
        let asked = &random.one_of(&material.sentences).samples;
        said.push((asked, at));
        at += asked.len() + seconds(COMES);
        let mut answer = material.talker(seconds(ANSWER), &mut random);
        amplify(&mut answer, ANSWER_DBFS);
        played.push((answer, at));
        at += seconds(ANSWER + ASKS_AGAIN);
    }
    let speaks = earliest + (latest - earliest) * random.unit();
    let speaks_at = played.last()?.1 + seconds(speaks);
    said.push((&random.one_of(&material.sentences).samples, speaks_at));
    let mut line = material.background(*place, at, &mut random);
    amplify(&mut line, *dbfs);
    for (sentence, at) in &said {
        mix_into(&mut line, sentence, *at, ASKS_DBFS);
    }
    let mut line = over_the_line(&line);
    if *is_suppressed {
        let is_sent = |at| {
            said.iter()
                .any(|(sentence, from)| (*from..*from + sentence.len() + HANGOVER).contains(&at))
        };
        for (index, packet) in line.chunks_mut(PACKET).enumerate() {
            if !is_sent(index * PACKET) && !is_sent((index + 1) * PACKET) {
                packet.fill(0);
            }
        }
    }
    let played: Vec<_> = played
        .iter()
        .map(|(sound, at)| Played { sound, at: *at })
        .collect();
    Some(begins(&line, &played)? - speaks_at as f32 / RATE_HZ as f32)
}

/// How long a phone goes on to send: 200 ms.
const HANGOVER: usize = 1600;
