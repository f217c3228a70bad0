//! Where turns end: sentences with a pause at their own longest gap, in the sound of a place.

use std::time::Duration;

use phone_assistant::audio::speech::turn::{Change, Endpointer, Limits};

use crate::judge::{Count, Figure, Limit, percentile};
use crate::material::{Material, Place};
use crate::parallel::{self, pairs};
use crate::random::Random;
use crate::signal::{RATE_HZ, mix_into, over_the_line, seconds};

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

/// The places in which it is never quiet, where a turn is to end within this many seconds.
const UNEVEN: [Place; 3] = [Place::Traffic, Place::Television, Place::Babble];
const SOON: f32 = 1.3;
/// The delays p50 and p95 of each half where it is steady, as the timer alone gives them that tells quiet by the noise.
const STEADY: [(Place, [[f32; 2]; 2]); 2] = [
    (Place::Line, [[0.74, 0.75], [0.74, 0.75]]),
    (Place::Fan, [[0.69, 0.73], [0.69, 0.73]]),
];
const UNCHANGED: f32 = 0.02;
/// Of the places' own beginnings in 14 s behind each turn.
const BY_PLACE: Limit = Limit::AtMost(1, 100);

/// What became of the turns in one place.
#[derive(Clone, Default)]
struct Turns {
    all: usize,
    in_pause: [usize; 4],
    in_second_half: usize,
    delays: Vec<f32>,
    held: usize,
    /// Turns that the place alone began after the caller had ended.
    of_place: usize,
}

/// Prints what became of the turns of each half.
pub(crate) fn figures(halves: &[Material]) -> Vec<Figure> {
    let rows = pairs(&PLACES, 0..halves.len());
    let all = parallel::each(&rows, |((_, place, below_db), half)| {
        turns(&halves[*half], *place, *below_db)
    });
    println!(
        "\n| place | half | ended in a pause of 0.4 / 0.6 / 0.8 / 1.0 s | in the second part | delay p50 / p95 | still open after 4 s | begun by the place alone |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (((name, ..), half), turns) in rows.iter().zip(&all) {
        println!("| {name} | {} | {turns}", half + 1);
    }
    let held = all.iter().map(|turns| Count::of(turns.held, turns.all));
    let of_places = all.iter().map(|turns| Count::of(turns.of_place, turns.all));
    let mut figures = vec![
        Figure::count("turns held for 4 s longer", held.sum(), Limit::AtMost(0, 1)),
        Figure::count(
            "turns that a place alone began after the caller",
            of_places.sum(),
            BY_PLACE,
        ),
    ];
    for ((name, place, _), halves) in PLACES.iter().zip(all.chunks(halves.len())) {
        figures.extend(delays(name, *place, halves));
    }
    figures
}

/// How long the turns in a place take to end, by halves.
fn delays(name: &str, place: Place, halves: &[Turns]) -> Vec<Figure> {
    let of_both = halves.iter().flat_map(|turns| turns.delays.iter().copied());
    let p95 = percentile(of_both.collect(), 95);
    if UNEVEN.contains(&place) {
        return vec![Figure::of(
            format!("delay p95, {name}"),
            p95,
            "s",
            0.0..=SOON,
        )];
    }
    let steady = STEADY.iter().find(|(steady, _)| *steady == place);
    let (_, steady) = steady.expect("the rest is steady");
    let halves = halves.iter().zip(steady).enumerate();
    let both = halves.flat_map(|(half, (turns, usual))| {
        [50, 95]
            .into_iter()
            .zip(usual)
            .map(move |(percent, usual)| {
                let delay = percentile(turns.delays.clone(), percent);
                let name = format!("delay p{percent}, {name}, half {}", half + 1);
                Figure::of(name, delay, "s", usual - UNCHANGED..=usual + UNCHANGED)
            })
    });
    both.collect()
}

fn turns(material: &Material, place: Place, below_db: f32) -> Turns {
    let mut turns = Turns::default();
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
            turns.add(&changes(&line), marks, index);
        }
    }
    turns
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

impl Turns {
    /// Adds a turn whose first part ends, whose second begins, and which ends at these seconds.
    fn add(&mut self, changes: &[(f32, Change)], [pause, second, end]: [f32; 3], index: usize) {
        let within = |change, from: f32, to: f32| {
            let all = changes.iter().filter(move |(_, what)| *what == change);
            all.map(|(at, _)| *at)
                .filter(move |at| (from..to).contains(at))
        };
        self.all += 1;
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

impl std::fmt::Display for Turns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let delay = |percent| percentile(self.delays.clone(), percent);
        let of_each = self.all / PAUSES.len();
        let paused = self
            .in_pause
            .map(|count| format!("{}", count * 100 / of_each.max(1)));
        write!(
            f,
            "{} % | {} of {} | {:.2} / {:.2} | {} | {} |",
            paused.join(" / "),
            self.in_second_half,
            self.all,
            delay(50),
            delay(95),
            self.held,
            self.of_place,
        )
    }
}
