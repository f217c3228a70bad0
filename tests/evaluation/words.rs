//! Short words into a phrase and just after an answer, in calls of the whole program in real time.

use std::path::Path;
use std::thread;
use std::time::Duration;

use testkit::audio::wav;
use testkit::{Phone, Stage};

use crate::dialled::Dialled;
use crate::judge::{Count, Figure, Limit};
use crate::material::Material;
use crate::signal::{amplify, over_the_line, seconds};

/// When a word is said.
#[derive(Clone, Copy)]
enum Moment {
    /// Milliseconds into the greeting.
    InPhrase(u64),
    /// Milliseconds after an answer has ended.
    AfterAnswer(u64),
}

const MOMENTS: [(&str, Moment); 5] = [
    ("0.8 s into a phrase", Moment::InPhrase(800)),
    ("2 s into a phrase", Moment::InPhrase(2000)),
    ("0.1 s after an answer", Moment::AfterAnswer(100)),
    ("0.2 s after an answer", Moment::AfterAnswer(200)),
    ("0.4 s after an answer", Moment::AfterAnswer(400)),
];
const WORDS_DBFS: f32 = -24.0;
/// How long a short word is at most.
const SHORT: f32 = 0.6;
/// Of each half, for each moment.
const WORDS: usize = 5;
/// How long a word takes at most to be sent.
const PATIENCE: Duration = Duration::from_secs(4);

/// Prints how many words were sent of those that were said at each moment.
pub(crate) fn figures(halves: &[Material]) -> Vec<Figure> {
    println!("\n| moment | short words heard |\n|---|---|");
    let figures = MOMENTS.map(|(name, moment)| {
        let words = halves.iter().flat_map(short_words);
        let heard = thread::scope(|scope| {
            let calls: Vec<_> = words
                .map(|word| scope.spawn(move || is_heard(&word, moment)))
                .collect();
            Count::new(calls.into_iter().map(|call| call.join().expect("no panic")))
        });
        println!("| {name} | {heard} |");
        let name = format!("short words heard {name}");
        // After 1.2 s a call knows whether anything comes back of what it plays, and before that it takes a longer proof.
        let limit = match moment {
            Moment::InPhrase(..1200) => Limit::None,
            _ => Limit::AtLeast(9, 10),
        };
        Figure::count(name, heard, limit)
    });
    figures.into()
}

/// The first short words of a half, as they arrive.
fn short_words(material: &Material) -> Vec<Vec<i16>> {
    let short = |said: &&Vec<f32>| said.len() <= seconds(SHORT);
    let words = material.utterances.iter().filter(short).take(WORDS);
    let arrive = |word: &Vec<f32>| {
        let mut word = word.clone();
        amplify(&mut word, WORDS_DBFS);
        over_the_line(&word)
    };
    words.map(arrive).collect()
}

fn is_heard(word: &[i16], moment: Moment) -> bool {
    let (greeting, wait_ms) = match moment {
        Moment::InPhrase(wait_ms) => (GREETING, wait_ms),
        Moment::AfterAnswer(wait_ms) => ("", wait_ms),
    };
    let dialled = Dialled::new(greeting);
    let phone = Phone::open(&dialled.pipe);
    match moment {
        Moment::InPhrase(_) => dialled.wait_for_phrase(),
        Moment::AfterAnswer(_) => {
            phone.wait(Duration::from_secs(1));
            phone.say(wav::read(Path::new(QUESTION)).samples).wait();
            dialled.wait_to_be_heard(2);
        }
    }
    let asked = || dialled.sandbox.requests_to(Stage::Stt).len();
    let before = asked();
    phone.wait(Duration::from_millis(wait_ms));
    phone.say(word.to_vec());
    phone.wait(PATIENCE);
    let is_heard = asked() > before;
    drop(phone);
    dialled.hang_up();
    is_heard
}

const GREETING: &str = "Good morning. You are speaking with the assistant of the house, which answers questions of all kinds.";
const QUESTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/question-tea.wav");
