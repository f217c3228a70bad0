//! Echoes of made speech: synthetic voices, whose pitch, vowels and pauses wander, through known paths.

use super::*;
use crate::count;
use crate::level::rms_dbfs;
use std::f32::consts::TAU;

/// Repeatable chance: xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u16) -> u16 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u16::try_from(self.0 >> 48).expect("16 bits") % end
    }

    /// From −1.0 to 1.0.
    fn swing(&mut self) -> f32 {
        f32::from(self.below(20_001)) / 10_000.0 - 1.0
    }
}

/// A voice of this length that is never twice the same: syllables of harmonics, or of hiss, and pauses between.
fn voice(seconds: usize, rate_hz: u32, dbfs: f32, seed: u64) -> Vec<f32> {
    let mut chance = Chance(seed * 77_777 + 1);
    let len = seconds * usize::try_from(rate_hz).expect("small");
    let step = 1.0 / count(usize::try_from(rate_hz).expect("small"));
    let mut samples = Vec::new();
    let mut phase = 0.0;
    while samples.len() < len {
        let ms = 80 + usize::from(chance.below(170));
        let syllable = ms * usize::try_from(rate_hz / 1000).expect("small");
        let pitch = 110.0 + 60.0 * chance.swing();
        let vowels: Vec<f32> = (1..25).map(|_| chance.swing().powi(3)).collect();
        let is_hiss = chance.below(4) == 0;
        let is_pause = chance.below(6) == 0;
        for at in 0..syllable {
            phase = (phase + pitch * step) % 1.0;
            let swell = (TAU * count(at) / count(syllable) / 2.0).sin();
            let harmonics = vowels.iter().enumerate();
            let voiced: f32 = harmonics
                .map(|(order, weight)| weight * (TAU * phase * count(order + 1)).sin())
                .sum();
            let sound = if is_hiss {
                2.0 * chance.swing()
            } else {
                voiced
            };
            samples.push(if is_pause { 0.0 } else { swell * sound });
        }
    }
    samples.truncate(len);
    let gain = 10_f32.powf((dbfs - rms_dbfs(&samples)) / 20.0);
    samples.iter().map(|sample| sample * gain).collect()
}

/// A path: echoes at these delays in samples, by these factors.
fn through(path: &[(usize, f32)], far: &[f32]) -> Vec<f32> {
    let mut near = vec![0.0; far.len()];
    for (delay, factor) in path {
        for (near, far) in near[*delay..].iter_mut().zip(far) {
            *near += factor * far;
        }
    }
    near
}

const LINE: [(usize, f32); 3] = [(960, 0.22), (963, -0.1), (1004, 0.05)];

/// What a canceller made of a call, block by block.
struct Call {
    near: Vec<f32>,
    parts: Vec<Part>,
}

fn call(rate_hz: u32, near: &[f32], far: &[f32]) -> Call {
    let mut canceller = Canceller::new(rate_hz);
    run(&mut canceller, rate_hz, near, far)
}

fn run(canceller: &mut Canceller, rate_hz: u32, near: &[f32], far: &[f32]) -> Call {
    let block = usize::try_from(rate_hz / BLOCKS_PER_SECOND).expect("small");
    let mut parts = Vec::new();
    for (near, far) in near.chunks(block).zip(far.chunks(block)) {
        let near: Vec<i16> = near.iter().copied().map(to_i16).collect();
        parts.extend(canceller.push(&near, far));
    }
    let near = near.to_vec();
    Call { near, parts }
}

impl Call {
    /// By how many dB the sound from one second to another was made softer.
    fn removed_db(&self, seconds: std::ops::Range<f32>) -> f32 {
        let len = self.parts[0].samples.len();
        let blocks = self.near.chunks(len).zip(&self.parts).enumerate();
        let within = blocks.filter(|(at, _)| seconds.contains(&(count(*at) / 50.0)));
        let (mut came, mut left) = (Vec::new(), Vec::new());
        for (_, (near, part)) in within {
            came.extend_from_slice(near);
            left.extend(part.samples.iter().map(|sample| to_f32(*sample)));
        }
        rms_dbfs(&came) - rms_dbfs(&left)
    }

    /// When it was trusted, in blocks.
    fn trusted(&self) -> Vec<bool> {
        let is_removed = |part: &Part| matches!(part.echo, Echo::Removed(_));
        self.parts.iter().map(is_removed).collect()
    }

    fn is_trusted_from(&self) -> Option<f32> {
        let at = self.trusted().iter().position(|trusted| *trusted)?;
        Some(count(at) / 50.0)
    }
}

#[test]
fn an_exact_echo_is_removed_the_better_the_longer_it_lasts() {
    let far = voice(8, 8000, -18.0, 1);
    let call = call(8000, &through(&LINE, &far), &far);
    let from = call.is_trusted_from().expect("it is trusted");
    assert!((0.3..2.5).contains(&from), "{from} s");
    for (seconds, least_db) in [(2.5..4.0, 12.0), (4.0..6.0, 18.0), (6.0..8.0, 22.0)] {
        let removed = call.removed_db(seconds.clone());
        assert!(removed > least_db, "{removed} dB in {seconds:?}");
    }
}

#[test]
fn until_it_is_trusted_samples_are_those_that_came() {
    let far = voice(2, 8000, -18.0, 2);
    let near = through(&LINE, &far);
    let call = call(8000, &near, &far);
    let trusted = call.trusted();
    for ((part, near), trusted) in call.parts.iter().zip(near.chunks(160)).zip(trusted) {
        let came: Vec<i16> = near.iter().copied().map(to_i16).collect();
        assert_eq!(part.samples == came, !trusted);
    }
}

#[test]
fn a_caller_without_echo_is_never_taken_for_one() {
    for seed in 0..5 {
        let far = voice(6, 8000, -18.0, 10 + seed);
        let near = voice(6, 8000, -26.0, 30 + seed);
        let call = call(8000, &near, &far);
        assert_eq!(call.is_trusted_from(), None, "{seed}");
    }
}

#[test]
fn a_caller_who_speaks_into_the_echo_does_not_spoil_what_is_known_of_it() {
    let far = voice(9, 8000, -18.0, 3);
    let echo = through(&LINE, &far);
    let mut near = echo.clone();
    let caller = voice(2, 8000, -20.0, 4);
    for (near, caller) in near[5 * 8000..].iter_mut().zip(&caller) {
        *near += caller;
    }
    let call = call(8000, &near, &far);
    let trusted = call.trusted();
    let lost = trusted[250..].iter().filter(|trusted| !**trusted).count();
    assert!(lost < 10, "not trusted in {lost} blocks");
    let left: Vec<f32> = (call.parts[250..350].iter())
        .flat_map(|part| part.samples.iter().map(|sample| to_f32(*sample)))
        .collect();
    let spoilt: Vec<f32> = left.iter().zip(&caller).map(|(a, b)| a - b).collect();
    let softer = rms_dbfs(&echo[5 * 8000..7 * 8000]) - rms_dbfs(&spoilt);
    assert!(softer > 12.0, "the echo under the voice: {softer} dB");
    let after = call.removed_db(7.2..9.0);
    assert!(after > 18.0, "{after} dB after it");
}

#[test]
fn a_path_that_changes_loses_trust_and_is_learnt_anew() {
    let far = voice(10, 8000, -18.0, 5);
    let mut near = through(&LINE, &far);
    let other = through(&[(1500, -0.2), (1540, 0.1)], &far);
    near[40_000..].copy_from_slice(&other[40_000..]);
    let call = call(8000, &near, &far);
    let trusted = call.trusted();
    assert!(trusted[245], "it was trusted");
    let lost = trusted[250..].iter().position(|trusted| !*trusted);
    assert!(lost.is_some_and(|blocks| blocks < 30), "{lost:?} blocks");
    assert!(trusted[475..].iter().all(|trusted| *trusted));
    let again = call.removed_db(8.5..10.0);
    assert!(again > 10.0, "{again} dB");
}

#[test]
fn a_play_that_begins_at_another_moment_is_trusted_again_at_once() {
    let (far, next) = (voice(5, 8000, -18.0, 6), voice(3, 8000, -18.0, 7));
    for later in [-300_i16, -40, -1, 0, 3, 77, 600] {
        let mut canceller = Canceller::new(8000);
        run(&mut canceller, 8000, &through(&LINE, &far), &far);
        canceller.realign();
        let moved = LINE.map(|(delay, factor)| {
            let delay = i32::try_from(delay).expect("small") + i32::from(later);
            (usize::try_from(delay).expect("positive"), factor)
        });
        let call = run(&mut canceller, 8000, &through(&moved, &next), &next);
        let from = call.is_trusted_from().expect("it is trusted");
        assert!(from < 1.0, "{later} samples later: {from} s");
        let removed = call.removed_db(1.2..3.0);
        assert!(removed > 10.0, "{later} samples later: {removed} dB");
    }
}

#[test]
fn silence_passes_unchanged_and_nothing_is_known_once_the_far_end_has_stopped() {
    let near = voice(1, 8000, -26.0, 8);
    let silent = call(8000, &near, &[]);
    assert!(silent.parts.is_empty(), "nothing was handed in");
    let mut canceller = Canceller::new(8000);
    let came: Vec<i16> = near.iter().copied().map(to_i16).collect();
    let parts = canceller.push(&came, &[]);
    assert!(parts.iter().all(|part| part.echo == Echo::Unknown));
    let passed: Vec<i16> = parts.into_iter().flat_map(|part| part.samples).collect();
    assert_eq!(passed, came);
    let far = [voice(4, 8000, -18.0, 9), vec![0.0; 8000]].concat();
    let call = run(&mut canceller, 8000, &through(&LINE, &far), &far);
    let trusted = call.trusted();
    assert!(trusted[199] && trusted[205], "the end still comes back");
    assert!(trusted[225..].iter().all(|trusted| !trusted));
    let rest = &call.parts[225..];
    assert!(rest.iter().all(|part| part.echo == Echo::Unknown));
}

#[test]
fn pieces_of_any_length_lose_no_sample() {
    let far = voice(1, 8000, -18.0, 11);
    let near: Vec<i16> = (0..8000).map(|at| at % 97).collect();
    for len in [1, 7, 80, 161, 500, 8000] {
        let mut canceller = Canceller::new(8000);
        let pieces = near.chunks(len).zip(far.chunks(len));
        let parts = pieces.flat_map(|(near, far)| canceller.push(near, far));
        let passed: Vec<i16> = parts.flat_map(|part| part.samples).collect();
        let is_whole = near.len() - passed.len() < 160;
        assert!(is_whole && near.starts_with(&passed), "{len} at a time");
    }
}

#[test]
fn wide_sound_is_no_other() {
    let far = voice(6, 16_000, -18.0, 12);
    let path = LINE.map(|(delay, factor)| (2 * delay, factor));
    let call = call(16_000, &through(&path, &far), &far);
    let removed = call.removed_db(4.0..6.0);
    assert!(removed > 15.0, "{removed} dB");
}

/// The path into a room and back, and what is removed of its echo in the end.
fn in_room(room: u64, far: &[f32]) -> (usize, f32) {
    let mut chance = Chance(99 + 1_000 * room);
    let first = usize::from(400 + chance.below(2400));
    let direct = 0.15 * if chance.below(2) == 0 { 1.0 } else { -1.0 };
    let tail = (1..40_u8).map(|at| {
        let fades = 0.85_f32.powi(i32::from(at));
        let delay = first + 8 * usize::from(at) + usize::from(chance.below(8));
        (delay, 0.07 * fades * chance.swing())
    });
    let path = [vec![(first, direct)], tail.collect()].concat();
    let call = call(8000, &through(&path, far), far);
    (first, call.removed_db(2.0..2.4))
}

#[test]
fn twenty_rooms_are_learnt() {
    let far: Vec<f32> = voice(4, 8000, -18.0, 13);
    let far = &far[..19_200];
    std::thread::scope(|scope| {
        for half in [0..50, 50..100].map(|half| half.step_by(5)) {
            scope.spawn(move || {
                for room in half {
                    let (first, removed) = in_room(room, far);
                    assert!(removed > 6.0, "room {room}, {first} samples: {removed} dB");
                }
            });
        }
    });
}
