//! A cough before a question, louder than the caller: the question is to be heard, and so is what they say into its answer.

use std::time::{Duration, Instant};

use phone_assistant::audio::speech::turn::Change;
use phone_assistant::call::caller_audio::CallerAudio;

use crate::calls::{PACKET, Played, begins};
use crate::ends::LIMITS;
use crate::interruptions::{ANSWER_DBFS, ASKS_DBFS, is_soon};
use crate::judge::{Count, Figure, Limit};
use crate::material::{Material, Place};
use crate::parallel::{self, pairs};
use crate::random::Random;
use crate::signal::{RATE_HZ, amplify, band, level_db, mix_into, over_the_line, seconds};

/// How loud the coughs are.
const COUGHS_DBFS: [f32; 3] = [-20.0, -12.0, -8.0];
const LINE_DBFS: f32 = -65.0;
/// For each cough and half.
const CALLS: usize = 24;
/// From a cough to the question, and from its end to the answer.
const BEFORE: f32 = 2.5;
const COMES: f32 = 2.5;
/// When the caller speaks into the answer.
const SPEAKS: f32 = 3.0;
/// What is kept from before the beginning of a turn reaches as far.
const SOON: f32 = 0.6;

/// Prints how many questions and interruptions were heard after each cough.
pub(crate) fn figures(halves: &[Material]) -> Vec<Figure> {
    let calls = pairs(pairs(&COUGHS_DBFS, halves), 0..CALLS);
    let all = parallel::each(&calls, |((dbfs, material), seed)| {
        after_cough(material, **dbfs, *seed)
    });
    println!("\n| cough before | questions heard in time | callers heard in the answer |");
    println!("|---|---|---|");
    let mut figures = Vec::new();
    for (dbfs, heard) in COUGHS_DBFS.iter().zip(all.chunks(halves.len() * CALLS)) {
        let questions = Count::new(heard.iter().map(|heard| heard.0));
        let interruptions = Count::new(heard.iter().map(|heard| heard.1));
        println!("| {dbfs} dBFS | {questions} | {interruptions} |");
        for (what, heard) in [
            ("questions", questions),
            ("callers in the answer", interruptions),
        ] {
            let name = format!("{what} heard after a cough of {dbfs} dBFS");
            figures.push(Figure::count(name, heard, Limit::AtLeast(9, 10)));
        }
    }
    figures
}

/// Whether the question after a cough is heard in time, and what is said into its answer.
fn after_cough(material: &Material, dbfs: f32, seed: usize) -> (bool, bool) {
    let mut random = Random::new(31_000 + seed as u64);
    let asked = &random.one_of(&material.sentences).samples;
    let said = &random.one_of(&material.sentences).samples;
    let coughs_at = seconds(2.0);
    let asks_at = coughs_at + seconds(BEFORE);
    let answer_at = asks_at + asked.len() + seconds(COMES);
    let speaks_at = answer_at + seconds(SPEAKS);
    let len = speaks_at + said.len() + seconds(1.0);
    let mut line = material.background(Place::Line, len, &mut random);
    amplify(&mut line, LINE_DBFS);
    mix_into(&mut line, &cough(&mut random), coughs_at, dbfs);
    mix_into(&mut line, asked, asks_at, ASKS_DBFS);
    mix_into(&mut line, said, speaks_at, ASKS_DBFS);
    let mut answer = material.talker(len - answer_at, &mut random);
    amplify(&mut answer, ANSWER_DBFS);
    let line = over_the_line(&line);
    let played = Played {
        sound: &answer,
        at: answer_at,
    };
    let begins = begins(&line, &[played]);
    let delay = begins.map(|begins| begins - speaks_at as f32 / RATE_HZ as f32);
    (is_question_heard(&line, asks_at), is_soon(delay))
}

/// Whether a turn is under way soon after this sample.
fn is_question_heard(line: &[i16], at: usize) -> bool {
    let start = Instant::now();
    let mut caller = CallerAudio::new(RATE_HZ, LIMITS, start);
    let mut is_in_turn = false;
    for (packet, index) in line[..at + seconds(SOON)].chunks(PACKET).zip(0..) {
        for change in caller.hear(packet, start + Duration::from_millis(20) * index) {
            match change {
                Change::SpeechStart => is_in_turn = true,
                Change::EndOfTurn => is_in_turn = false,
                Change::Pause | Change::Resume => {}
            }
        }
    }
    is_in_turn
}

/// Two bursts of breath, of which the louder one is at 0 dB.
fn cough(random: &mut Random) -> Vec<f32> {
    let mut made = vec![0.0; seconds(0.5)];
    for (at, length, gain_db) in [(0.0, 0.22, 0.0), (0.27, 0.2, -5.0)] {
        let len = seconds(length);
        let breath = (0..len).map(|n| {
            let part = n as f32 / len as f32;
            (part * 12.0).min(1.0) * (-3.0 * part).exp() * random.noise()
        });
        let mut burst = band(breath.collect());
        let loudest_db = -level_db(&burst);
        amplify(&mut burst, loudest_db);
        mix_into(&mut made, &burst, seconds(at), gain_db);
    }
    made
}
