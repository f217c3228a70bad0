//! Where turns end: sentences with a pause at their own longest gap, in the sound of a place.

use std::time::Duration;

use phone_assistant::audio::speech::turn::{Change, Endpointer, Limits};

use crate::material::{Material, Place, RATE_HZ, mix_into, over_the_line, seconds};
use crate::random::Random;

pub(crate) const LIMITS: Limits = Limits {
    quiet: Duration::from_millis(700),
    pause: None,
    longest: Duration::from_secs(30),
};

/// The places, and how far each is below the caller.
pub(crate) const PLACES: [(&str, Place, f32); 5] = [
    ("line noise, -65 dBFS", Place::Line, 39.0),
    ("fan, 10 dB", Place::Fan, 10.0),
    ("traffic, 15 dB", Place::Traffic, 15.0),
    ("television, 20 dB", Place::Television, 20.0),
    ("babble, 15 dB", Place::Babble, 15.0),
];
pub(crate) const SPEECH_DBFS: f32 = -26.0;
const PAUSES: [f32; 4] = [0.4, 0.6, 0.8, 1.0];
/// The line before the caller speaks and after.
const BEFORE: f32 = 2.0;
const AFTER: f32 = 14.0;
/// Until then after the last word a turn is to have ended.
const HELD: f32 = 4.0;

/// What became of the turns in one place.
#[derive(Default)]
struct Figures {
    turns: usize,
    in_pause: [usize; 4],
    in_second_half: usize,
    delays: Vec<f32>,
    held: usize,
    /// Turns that the place alone began after the caller had ended.
    of_place: usize,
}

/// Prints what became of the turns of both halves.
pub(crate) fn print(halves: &[Material; 2]) {
    println!(
        "\n| place | half | ended in a pause of 0.4 / 0.6 / 0.8 / 1.0 s | in the second part | delay p50 / p95 | still open after 4 s | begun by the place alone |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (name, place, below_db) in PLACES {
        for (half, material) in halves.iter().enumerate() {
            println!(
                "| {name} | {} | {}",
                half + 1,
                figures(material, place, below_db)
            );
        }
    }
}

fn figures(material: &Material, place: Place, below_db: f32) -> Figures {
    let mut figures = Figures::default();
    let mut random = Random::new(17);
    for sentence in &material.sentences {
        for (index, pause) in PAUSES.into_iter().enumerate() {
            let (spoken, first_end, second) = sentence.with_pause(seconds(pause));
            let len = seconds(BEFORE) + spoken.len() + seconds(AFTER);
            let mut line = vec![0.0; len];
            let background = material.background(place, len, &mut random);
            mix_into(&mut line, &background, 0, SPEECH_DBFS - below_db);
            mix_into(&mut line, &spoken, seconds(BEFORE), SPEECH_DBFS);
            let at = |samples: usize| BEFORE + samples as f32 / RATE_HZ as f32;
            let marks = [first_end, second, spoken.len()].map(at);
            figures.add(&changes(&line), marks, index);
        }
    }
    figures
}

/// The beginnings and ends of turns, in seconds.
fn changes(line: &[f32]) -> Vec<(f32, Change)> {
    let mut endpointer = Endpointer::new(RATE_HZ, LIMITS);
    let (mut at, mut changes) = (0.0, Vec::new());
    for piece in over_the_line(line).chunks(160) {
        at += 0.02;
        endpointer.push(piece, |change, _| changes.push((at, change)));
    }
    changes
}

impl Figures {
    /// Adds a turn whose first part ends, whose second begins, and which ends at these seconds.
    fn add(&mut self, changes: &[(f32, Change)], [pause, second, end]: [f32; 3], index: usize) {
        let within = |change, from: f32, to: f32| {
            let all = changes.iter().filter(move |(_, what)| *what == change);
            all.map(|(at, _)| *at)
                .filter(move |at| (from..to).contains(at))
        };
        self.turns += 1;
        self.in_pause[index] +=
            usize::from(within(Change::EndOfTurn, pause, second).next().is_some());
        self.in_second_half += usize::from(within(Change::EndOfTurn, second, end).next().is_some());
        let begun = within(Change::SpeechStart, 0.0, end).next_back();
        let is_over =
            begun.is_some_and(|begun| within(Change::EndOfTurn, begun, end).next().is_some());
        let mut over = end;
        if !is_over {
            let ended = within(Change::EndOfTurn, end, end + HELD).next();
            self.delays.extend(ended.map(|ended| ended - end));
            self.held += usize::from(ended.is_none());
            over = ended.unwrap_or(end + HELD);
        }
        self.of_place += within(Change::SpeechStart, over + 0.01, f32::MAX).count();
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut delays = self.delays.clone();
        delays.sort_unstable_by(f32::total_cmp);
        let delay = |percent: usize| {
            let at = delays.len().saturating_sub(1) * percent / 100;
            delays.get(at).copied().unwrap_or(f32::NAN)
        };
        let of_each = self.turns / PAUSES.len();
        let paused = self
            .in_pause
            .map(|count| format!("{}", count * 100 / of_each.max(1)));
        write!(
            f,
            "{} % | {} of {} | {:.2} / {:.2} | {} | {} |",
            paused.join(" / "),
            self.in_second_half,
            self.turns,
            delay(50),
            delay(95),
            self.held,
            self.of_place,
        )
    }
}
