//! Answers that come back from the phone as an echo, whose way may change in their middle.

use super::*;
use crate::audio::level::rms_dbfs;
use crate::audio::{to_f32, to_i16};

/// A made voice, as a line carries it.
fn words(text: &str, gain: f32) -> Vec<f32> {
    let samples = testkit::audio::clips::babble(8000, text).samples;
    samples.iter().map(|it| gain * to_f32(*it)).collect()
}

/// The way of an echo: how much of what is played comes back how many samples later.
#[derive(Clone)]
struct Way(Vec<(usize, f32)>);

impl Way {
    /// A line brings back one echo, 12 dB softer, 150 ms later.
    fn line() -> Self {
        Self(vec![(1200, 0.25)])
    }

    /// A loudspeaker brings back a room as well, which fades within 0.2 s.
    fn loudspeaker() -> Self {
        let tail = (1..40_u16).map(|at| {
            let sign = if at * at % 7 < 3 { 1.0 } else { -1.0 };
            let fades = 0.85_f32.powi(i32::from(at));
            (1200 + usize::from(13 * at), sign * 0.08 * fades)
        });
        Self([(1200, 0.22)].into_iter().chain(tail).collect())
    }

    fn changed(&self, later: usize, gain: f32) -> Self {
        let taps = self.0.iter();
        Self(
            taps.map(|(at, factor)| (at + later, gain * factor))
                .collect(),
        )
    }

    /// Adds what comes back between these moments.
    fn add_to(&self, line: &mut [f32], played: &[f32], ms: std::ops::Range<usize>) {
        for (delay, factor) in &self.0 {
            let from = (8 * ms.start).max(*delay);
            let to = (8 * ms.end).min(line.len());
            for at in from..to {
                line[at] += factor * played[at - delay];
            }
        }
    }
}

/// When a turn begins, in ms, into an answer of this voice, which comes back by one way until a moment, then by the other.
fn begins_in_echo(
    answer: &str,
    ways: [&Way; 2],
    changes_at_ms: usize,
    said_at_ms: Option<usize>,
) -> Option<usize> {
    let answer = words(answer, 1.0);
    let mut line = vec![0.0; answer.len()];
    ways[0].add_to(&mut line, &answer, 0..changes_at_ms);
    ways[1].add_to(&mut line, &answer, changes_at_ms..usize::MAX / 8);
    if let Some(ms) = said_at_ms {
        let said = words("waterfallwaterfall", 0.4);
        for (line, said) in line[8 * ms..].iter_mut().zip(said) {
            *line += said;
        }
    }
    let start = Instant::now();
    let mut caller = caller(start);
    caller.hear(&[30, -30].repeat(4000), start);
    let loudest_dbfs = rms_dbfs(&answer) + 6.0;
    let mut pieces = line.chunks(160).zip(answer.chunks(160)).enumerate();
    let begins = pieces.position(|(at, (came, played))| {
        let came: Vec<i16> = came.iter().map(|sample| to_i16(*sample)).collect();
        let heard = Heard {
            loudest_dbfs,
            samples: Some(played.to_vec()),
            is_anew: at == 0,
        };
        let now = start + Duration::from_millis(20) * u32::try_from(at).expect("small");
        let changes = caller.overhear(&came, &heard, now);
        changes.contains(&Change::SpeechStart)
    });
    begins.map(|pieces| 20 * pieces)
}

#[test]
fn a_loud_echo_is_no_turn_and_a_caller_in_it_is_heard() {
    let (answer, line) = (&ANSWERS[0].repeat(4), Way::line());
    assert_eq!(begins_in_echo(answer, [&line; 2], 0, None), None);
    let begins = begins_in_echo(answer, [&line; 2], 0, Some(5000)).expect("the caller is heard");
    assert!((5200..6500).contains(&begins), "{begins} ms");
}

/// The phone is moved, or its loudspeaker turned up, in the middle of an answer.
#[test]
fn an_echo_whose_way_changes_stops_few_answers_and_callers_are_heard_again_behind_it() {
    let ways = [Way::line(), Way::loudspeaker()];
    let changes = [
        ("40 ms later", 320, 1.0),
        ("6 dB louder", 0, 2.0),
        ("both", 320, 2.0),
    ];
    let all = ways
        .iter()
        .flat_map(|way| changes.map(|change| (way, change)));
    std::thread::scope(|scope| {
        for (way, (name, later, gain)) in all {
            scope.spawn(move || {
                let other = way.changed(later, gain);
                let begins = |answer: &str, said_at_ms| {
                    begins_in_echo(&answer.repeat(3), [way, &other], CHANGES_MS, said_at_ms)
                };
                let cut = ANSWERS[..8].iter().filter(|it| begins(it, None).is_some());
                let cut = cut.count();
                assert!(cut <= 3, "{name}: {cut} of 8 answers are stopped");
                let heard = ANSWERS.iter().filter_map(|it| begins(it, Some(SAID_MS)));
                let heard = heard
                    .filter(|ms| (SAID_MS..SAID_MS + 1500).contains(ms))
                    .count();
                assert!(heard >= 9, "{name}: {heard} of 10 callers are heard");
            });
        }
    });
}

const CHANGES_MS: usize = 2000;
/// By then the new way has been learnt.
const SAID_MS: usize = 5500;

const ANSWERS: [&str; 10] = [
    "the river runs down to the sea and back ",
    "a long road leads over hills and fields ",
    "many birds fly south before winter comes ",
    "the old clock in the hall strikes eleven ",
    "bread is baked early in every small town ",
    "trains leave from the second platform now ",
    "our shop opens at nine on every weekday ",
    "light needs one second to reach the moon ",
    "seven ships were waiting outside the bay ",
    "the museum is closed on the first monday ",
];

/// A recording of Asterisk's plays behind an answer whose echo was removed, and ends in the middle of a word.
#[test]
fn the_end_of_a_recording_that_comes_back_begins_no_turn_where_an_echo_is_known() {
    let start = Instant::now();
    let at =
        |index: usize| start + Duration::from_millis(20) * u32::try_from(index).expect("small");
    let mut caller = caller(start);
    caller.hear(&[30, -30].repeat(4000), start);
    let answer = words(&ANSWERS[0].repeat(4), 1.0);
    let mut line = vec![0.0; answer.len()];
    Way::line().add_to(&mut line, &answer, 0..usize::MAX / 8);
    let pieces = |sound: &[f32]| -> Vec<Vec<i16>> {
        let packets = sound.chunks(160);
        packets
            .map(|packet| packet.iter().map(|sample| to_i16(*sample)).collect())
            .collect()
    };
    let mut now = 0;
    for (came, played) in pieces(&line).iter().zip(answer.chunks(160)) {
        let heard = Heard {
            loudest_dbfs: rms_dbfs(&answer) + 6.0,
            samples: Some(played.to_vec()),
            is_anew: now == 0,
        };
        caller.overhear(came, &heard, at(now));
        now += 1;
    }
    for _ in 0..50 {
        caller.hear(&[30, -30].repeat(80), at(now));
        now += 1;
    }
    let recording = pieces(&words(&ANSWERS[1].repeat(2), 0.25));
    let (plays, ends) = recording.split_at(recording.len() - 20);
    let mut changes = Vec::new();
    for piece in plays {
        changes.extend(caller.hear_beside_recording(piece, at(now)));
        now += 1;
    }
    for piece in ends {
        changes.extend(caller.hear_after(piece, at(now)));
        now += 1;
    }
    assert_eq!(changes, []);
}
