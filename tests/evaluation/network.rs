//! What the network costs that is asked for a second opinion.

use std::fs;
use std::path::Path;

use phone_assistant::audio::speech::opinion::Opinion;

use crate::calls::PACKET;
use crate::judge::Figure;
use crate::material::Material;
use crate::random::Random;
use crate::signal::{RATE_HZ, amplify, over_the_line, seconds};

const SECONDS: f32 = 60.0;
/// Where the weights are.
const WEIGHTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/silero/silero-vad-8k");

/// Measures how much of a processor it takes to judge speech all the time, and how large it is.
pub(crate) fn figures(halves: &[Material]) -> Vec<Figure> {
    let mut talker = halves[0].talker(seconds(SECONDS), &mut Random::new(5));
    amplify(&mut talker, -26.0);
    let line = over_the_line(&talker);
    let mut opinion = Opinion::new(RATE_HZ).expect("a line's rate");
    let before = processor_seconds();
    for packet in line.chunks(PACKET) {
        opinion.push(packet);
        opinion.judge();
    }
    let share = 100.0 * (processor_seconds() - before) / SECONDS;
    let weights = fs::metadata(Path::new(WEIGHTS))
        .expect("the weights are there")
        .len();
    vec![
        Figure::of("the network, of a processor", share, "%", 0.0..=2.0),
        Figure::of(
            "the network's weights",
            weights as f32 / 1e6,
            "MB",
            0.0..=0.4,
        ),
    ]
}

/// How long a processor has worked for this thread, whatever else it did.
fn processor_seconds() -> f32 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells it");
    let nanoseconds = stat
        .split(' ')
        .next()
        .and_then(|first| first.parse::<u64>().ok());
    nanoseconds.expect("a number") as f32 / 1e9
}
