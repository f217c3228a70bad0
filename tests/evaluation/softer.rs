//! Callers who speak softer in their second turn, in a call in which nothing plays.

use phone_assistant::audio::speech::turn::{Change, Endpointer};

use crate::ends::{LIMITS, PLACES, SPEECH_DBFS};
use crate::judge::{Count, Figure, Limit};
use crate::material::{Material, Place};
use crate::parallel::{self, pairs};
use crate::random::Random;
use crate::signal::{RATE_HZ, mix_into, over_the_line, seconds};

/// How much softer the second turn is, in dB.
const SOFTER_DB: [f32; 4] = [0.0, 6.0, 12.0, 18.0];
/// Between the turns.
const PAUSE: f32 = 8.0;
/// Until then after its first sound the second turn is to have begun: what is kept from before reaches as far.
const SOON: f32 = 0.6;

/// Prints how many of the second turns have begun in time.
pub(crate) fn figures(halves: &[Material]) -> Vec<Figure> {
    let rows = pairs(&PLACES, halves.iter().enumerate());
    let all = parallel::each(&rows, |((_, place, below_db), (_, material))| {
        let all = 0..material.sentences.len();
        SOFTER_DB.map(|softer_db| {
            let heard = |index| is_heard(material, index, *place, *below_db, softer_db);
            Count::new(all.clone().map(heard))
        })
    });
    println!(
        "\n| place | half | second turns heard in time: as loud | 6 dB softer | 12 dB softer | 18 dB softer |"
    );
    println!("|---|---|---|---|---|---|");
    for (((name, ..), (half, _)), heard) in rows.iter().zip(&all) {
        let [usual, soft, softer, softest] = heard;
        println!(
            "| {name} | {} | {usual} | {soft} | {softer} | {softest} |",
            half + 1
        );
    }
    let in_all = |softer: usize| all.iter().map(|heard| heard[softer]).sum();
    let figure = |name: &str, softer| Figure::count(name, in_all(softer), Limit::AtLeast(9, 10));
    vec![
        figure("second turns that are as loud heard", 0),
        figure("second turns that are 6 dB softer heard", 1),
    ]
}

fn is_heard(
    material: &Material,
    index: usize,
    place: Place,
    below_db: f32,
    softer_db: f32,
) -> bool {
    let all = &material.sentences;
    let (first, second) = (&all[index].samples, &all[(index + 7) % all.len()].samples);
    let at = seconds(2.0) + first.len() + seconds(PAUSE);
    let len = at + second.len() + seconds(1.0);
    let mut line = vec![0.0; len];
    let background = material.background(place, len, &mut Random::new(index as u64));
    mix_into(&mut line, &background, 0, SPEECH_DBFS - below_db);
    mix_into(&mut line, first, seconds(2.0), SPEECH_DBFS);
    mix_into(&mut line, second, at, SPEECH_DBFS - softer_db);
    let mut endpointer = Endpointer::new(RATE_HZ, LIMITS);
    let (mut heard, mut is_heard) = (0, false);
    let soon = at + seconds(SOON);
    for piece in over_the_line(&line).chunks(160) {
        heard += piece.len();
        endpointer.push(piece, |change, _| {
            is_heard |= change == Change::SpeechStart && (at..soon).contains(&heard);
        });
        is_heard |= heard >= at && heard - piece.len() < at && endpointer.is_in_turn();
    }
    is_heard
}
