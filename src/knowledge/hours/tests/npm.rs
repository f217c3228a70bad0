//! The same texts at the same moments as the npm package opening_hours, which is the reference for the notation:
//! `tests/data/opening-hours.mjs` wrote the table.

use chrono::NaiveDateTime;

use super::*;

const TABLE: &str = include_str!("../../../../tests/data/opening-hours.tsv");
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";
const TEXTS: usize = 82;
const MOMENTS: usize = 1000;

/// The texts of which the two say different things, at how many moments, and which of them is right.
const DIFFERENT: &[(&str, usize, &str)] = &[
    (
        "Mo-Su 10:00-18:00; easter -2 days-easter +1 day off",
        1,
        "ours: the reference leaves out the last day of a range where that is counted from Easter",
    ),
    (
        "Mo-Fr 08:00-12:00; 14:00-20:00",
        120,
        "ours: the page that has it says that the first rule counts on no day, since the second one is about each of them",
    ),
];

fn moment(index: usize) -> NaiveDateTime {
    let minutes = index * 1579;
    let minutes = if index.is_multiple_of(2) {
        minutes - minutes % 30
    } else {
        minutes
    };
    at("2026-01-01 00:00") + TimeDelta::minutes(i64::try_from(minutes).expect("few"))
}

fn theirs(letters: &str) -> Vec<State> {
    let codes = letters
        .chars()
        .map(|letter| LETTERS.find(letter).expect("a letter"));
    let states = codes.flat_map(|code| [code % 3, code / 3 % 3, code / 9]);
    let state = |digit| match digit {
        0 => State::Closed,
        1 => State::Open,
        _ => State::Unknown,
    };
    states.map(state).take(MOMENTS).collect()
}

#[test]
fn texts_mean_what_they_mean_to_the_reference_but_for_differences_that_are_known() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let (text, letters) = line.split_once('\t').expect("two fields");
        let (ours, theirs) = (hours(text), theirs(letters));
        assert_eq!(theirs.len(), MOMENTS);
        let differ: Vec<_> = (0..MOMENTS)
            .filter(|index| ours.at(moment(*index)) != theirs[*index])
            .collect();
        let mut known = DIFFERENT.iter().filter(|(known, ..)| *known == text);
        if differ.len() != known.next().map_or(0, |(_, moments, _)| *moments) {
            let first = differ
                .first()
                .map(|index| (moment(*index), ours.at(moment(*index)), theirs[*index]));
            wrong.push((text, differ.len(), first));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(count, TEXTS);
}
