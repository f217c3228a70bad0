//! Turns in virtual time: made voices and what is heard around them, by their levels.

use super::*;
use crate::to_i16;

const RATE_HZ: u32 = 8000;
const LIMITS: Limits = Limits {
    quiet: Duration::from_millis(700),
    pause: None,
    longest: Duration::from_secs(30),
};

/// A sound on the line, from and to these milliseconds, at this level in dB of full scale.
type Part = (Sound, u32, u32, f32);

#[derive(Clone, Copy, PartialEq)]
enum Sound {
    /// Five syllables a second, with next to nothing between them.
    Voice,
    /// The same without its pitch.
    Whisper,
    /// It rises and falls, and is never quiet.
    Television,
    /// No sound: an answer is heard by the caller meanwhile.
    Answer,
    /// The same, and barge-in needs longer proof.
    ProofOfAnswer,
}
use Sound::{Answer, ProofOfAnswer, Television, Voice, Whisper};

/// What changes on a line with these sounds, and when, in milliseconds.
fn changes(parts: &[Part], until_ms: u32) -> Vec<(Change, u32)> {
    changes_of(
        &mut Endpointer::new(RATE_HZ, LIMITS),
        parts,
        until_ms,
        |_, _| {},
    )
}

/// The same of this endpointer, which is prepared for each frame.
fn changes_of(
    endpointer: &mut Endpointer,
    parts: &[Part],
    until_ms: u32,
    mut prepare: impl FnMut(u32, &mut Endpointer),
) -> Vec<(Change, u32)> {
    let mut noise = 1_u32;
    let mut changes = Vec::new();
    for frame in 0..until_ms / 10 {
        let ms = frame * 10;
        let is_heard = |sound| {
            parts
                .iter()
                .any(|part| part.0 == sound && (part.1..part.2).contains(&ms))
        };
        prepare(ms, endpointer);
        let is_proved = is_heard(ProofOfAnswer);
        endpointer.need_proof(if is_proved {
            Proof::Longest
        } else {
            Proof::Long
        });
        endpointer.guard_against((is_heard(Answer) || is_proved).then_some(-60.0));
        let samples: Vec<i16> = (0..80)
            .map(|n| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let white =
                    f32::from(u16::try_from(noise >> 16).unwrap_or_default()) / 32_768.0 - 1.0;
                let at = parts.iter().filter(|part| (part.1..part.2).contains(&ms));
                let sounds = at
                    .map(|(sound, _, _, dbfs)| sample(*sound, frame * 80 + n, white) * gain(*dbfs));
                to_i16(sounds.sum::<f32>() + white * gain(-60.0))
            })
            .collect();
        endpointer.push(&samples, |change, _| changes.push((change, ms)));
    }
    changes
}

fn gain(db: f32) -> f32 {
    10_f32.powf(db / 20.0)
}

/// A sample of the sound, at about 0 dB where it is loud.
fn sample(sound: Sound, at: u32, white: f32) -> f32 {
    let seconds = f32::from(u16::try_from(at % 8000).unwrap_or_default()) / 8000.0;
    let syllable = (seconds * 5.0).fract();
    let harmonics = |hz: u16| -> f32 {
        let wave = |k: u16| (std::f32::consts::TAU * f32::from(hz * k) * seconds).sin();
        (2..18).map(wave).sum::<f32>() * 0.35
    };
    match sound {
        Voice if syllable < 0.75 => harmonics(150),
        Whisper if syllable < 0.75 => white * 1.7,
        Voice | Whisper | Answer | ProofOfAnswer => 0.0,
        Television => harmonics(190) * gain(-12.0 * syllable),
    }
}

/// A caller who speaks for two seconds, 1 s after the line is open.
const SPEAKS: Part = (Voice, 1000, 3000, -20.0);

fn count(changes: &[(Change, u32)], what: Change) -> usize {
    changes.iter().filter(|(change, _)| *change == what).count()
}

#[test]
fn a_turn_ends_soon_after_the_caller_in_any_background() {
    for (name, background) in [
        ("a quiet line", (Television, 0, 0, 0.0)),
        ("a television all the time", (Television, 0, 9000, -40.0)),
        ("one that is loud", (Television, 0, 9000, -32.0)),
        ("other talkers", (Voice, 0, 9000, -36.0)),
        (
            "music on hold that begins in the turn",
            (Television, 2400, 9000, -36.0),
        ),
    ] {
        let changes = changes(&[SPEAKS, background], 9000);
        let soon = changes
            .iter()
            .find(|(change, ms)| *change == Change::EndOfTurn && *ms >= 2900);
        let (_, ended) = soon.unwrap_or_else(|| panic!("{name}: the turn is held"));
        assert!((3600..4300).contains(ended), "{name}: {ended}");
        let later = changes
            .iter()
            .filter(|(change, ms)| *change == Change::SpeechStart && *ms > *ended);
        assert_eq!(later.count(), 0, "{name}: it begins a turn by itself");
    }
}

#[test]
fn what_passes_beside_traffic_is_no_turn_but_a_softer_caller_is() {
    let traffic = (Whisper, 0, 9000, -44.0);
    let table = [
        (
            "a car that passes",
            vec![traffic, (Whisper, 5000, 6500, -34.0)],
            false,
        ),
        (
            "the caller",
            vec![traffic, (Voice, 5000, 6500, -34.0)],
            true,
        ),
        (
            "a whisper where it is quiet",
            vec![(Whisper, 5000, 6500, -34.0)],
            true,
        ),
    ];
    for (name, mut parts, is_turn) in table {
        parts.push(SPEAKS);
        let changes = changes(&parts, 9000);
        let later = changes
            .iter()
            .any(|(change, ms)| *change == Change::SpeechStart && *ms > 4900);
        assert_eq!(later, is_turn, "{name}: {changes:?}");
    }
}

#[test]
fn beside_what_is_nearly_as_loud_as_the_caller_a_turn_ends_a_little_later() {
    let changes = changes(&[SPEAKS, (Television, 0, 9000, -28.0)], 9000);
    let ended = changes
        .iter()
        .find(|(change, ms)| *change == Change::EndOfTurn && *ms >= 2900);
    assert!(ended.is_some_and(|(_, ms)| (5400..5700).contains(ms)));
}

#[test]
fn a_caller_who_becomes_softer_is_one_caller() {
    // Of each: the second part, and how many turns there are by then.
    for (name, second, turns) in [
        ("softer within a turn", (Voice, 3000, 4600, -28.0), 1),
        ("softer in the next turn", (Voice, 8000, 10_000, -30.0), 2),
        (
            "a quiet one after a loud one",
            (Voice, 8000, 10_000, -44.0),
            2,
        ),
        ("a whisper", (Whisper, 8000, 10_000, -44.0), 2),
    ] {
        let changes = changes(&[SPEAKS, second], 12_000);
        assert_eq!(count(&changes, Change::SpeechStart), turns, "{name}");
        let (last, ended) = changes.last().expect("a turn");
        assert_eq!(*last, Change::EndOfTurn, "{name}");
        assert!(
            (second.2 + 500..second.2 + 1300).contains(ended),
            "{name}: {ended}"
        );
    }
}

#[test]
fn before_the_caller_has_been_heard_any_sound_may_be_theirs() {
    let television = (Television, 1000, 3000, -40.0);
    assert_eq!(count(&changes(&[television], 6000), Change::SpeechStart), 1);
    let interrupts = [television, (Answer, 500, 6000, 0.0)];
    assert_eq!(count(&changes(&interrupts, 6000), Change::SpeechStart), 1);
}

/// The caller has spoken before; then an answer is heard.
#[test]
fn nothing_far_softer_than_the_caller_interrupts_an_answer() {
    for (name, part, is_heard) in [
        ("a television", (Television, 6000, 12_000, -40.0), false),
        ("another talker", (Voice, 6000, 12_000, -37.0), false),
        ("the caller", (Voice, 7000, 9000, -20.0), true),
        ("the caller, softer", (Voice, 7000, 9000, -30.0), true),
        (
            "the caller, beside a television",
            (Voice, 7000, 9000, -22.0),
            true,
        ),
    ] {
        let parts = [SPEAKS, part, (Answer, 5000, 12_000, 0.0)];
        let changes = changes(&parts, 12_000);
        let turns = if is_heard { 2 } else { 1 };
        assert_eq!(count(&changes, Change::SpeechStart), turns, "{name}");
    }
}

#[test]
fn who_stays_softer_interrupts_after_the_second_turn() {
    let soft = [(Voice, 6000, 8000, -38.0), (Voice, 11_000, 13_000, -38.0)];
    let interrupts = |turns: &[Part]| {
        let answer = [
            (Answer, 16_000, 20_000, 0.0),
            (Voice, 17_000, 19_000, -38.0),
        ];
        let parts = [&[SPEAKS], turns, &answer].concat();
        count(&changes(&parts, 20_000), Change::SpeechStart) == turns.len() + 2
    };
    assert!(!interrupts(&soft[..1]));
    assert!(interrupts(&soft));
}

/// Something loud is heard before the caller asks; then they speak into the answer.
#[test]
fn a_noise_before_the_question_does_not_keep_the_caller_from_interrupting() {
    for (name, noise, had_no_words) in [
        ("nothing", (Whisper, 0, 0, 0.0), false),
        ("a cough", (Whisper, 1000, 1350, -2.0), false),
        ("a slammed door", (Whisper, 1000, 1150, -1.0), false),
        (
            "a television, in which no words are understood",
            (Television, 1000, 1900, -2.0),
            true,
        ),
    ] {
        let mut endpointer = Endpointer::new(RATE_HZ, LIMITS);
        let parts = [
            noise,
            (Voice, 4000, 6000, -20.0),
            (Answer, 8000, 12_000, 0.0),
            (Voice, 9000, 11_000, -20.0),
        ];
        let changes = changes_of(&mut endpointer, &parts, 12_000, |ms, endpointer| {
            if ms == 3500 && had_no_words {
                endpointer.had_no_words();
            }
        });
        let interrupts = |(change, ms): &(Change, u32)| {
            *change == Change::SpeechStart && (9000..9600).contains(ms)
        };
        assert!(changes.iter().any(interrupts), "{name}: {changes:?}");
    }
}

#[test]
fn a_caller_who_has_interrupted_for_nothing_has_to_speak_for_longer() {
    for (answer, ms, is_heard) in [
        (Answer, 380, true),
        (ProofOfAnswer, 380, false),
        (ProofOfAnswer, 900, true),
    ] {
        let parts = [(answer, 500, 6000, 0.0), (Voice, 2000, 2000 + ms, -20.0)];
        let changes = changes(&parts, 6000);
        assert_eq!(
            count(&changes, Change::SpeechStart),
            usize::from(is_heard),
            "{ms}"
        );
    }
}

/// When the turn of a caller ends who has been understood not to have finished, in a `background`.
fn ends_unfinished(background: Part, again: Part) -> u32 {
    let (mut endpointer, mut asked) = (Endpointer::new(RATE_HZ, LIMITS), false);
    let waits = Duration::from_millis(2000);
    let changes = changes_of(
        &mut endpointer,
        &[SPEAKS, background, again],
        9000,
        |ms, endpointer| {
            if ms >= 3200 && !std::mem::replace(&mut asked, true) {
                endpointer.end_after(waits);
            }
        },
    );
    let ends = changes
        .iter()
        .find(|(change, _)| *change == Change::EndOfTurn);
    ends.expect("it ends").1
}

#[test]
fn an_unfinished_sentence_is_waited_for_beside_a_television_too() {
    let (nothing, television) = ((Television, 0, 0, 0.0), (Television, 0, 9000, -40.0));
    for (name, background, again, ends) in [
        ("a quiet line", nothing, nothing, 4900..5200),
        ("a television", television, nothing, 5300..5700),
        (
            "the caller goes on",
            nothing,
            (Voice, 4000, 4600, -20.0),
            5200..5500,
        ),
        (
            "they go on beside it",
            television,
            (Voice, 4000, 4600, -20.0),
            5600..6000,
        ),
    ] {
        let ended = ends_unfinished(background, again);
        assert!(ends.contains(&ended), "{name}: {ended}");
    }
}

/// A caller who speaks twice, and pauses in their second turn, beside this.
#[test]
fn a_caller_may_have_ended_after_a_short_pause_beside_a_television_too() {
    let speaks_again = (Voice, 6000, 7000, -20.0);
    let goes_on = (Voice, 7600, 8600, -20.0);
    for (name, background, ends) in [
        ("a quiet line", (Television, 0, 0, 0.0), 9050..9150),
        (
            "a television all the time",
            (Television, 0, 11_000, -40.0),
            9550..9650,
        ),
        (
            "one that is loud",
            (Television, 0, 11_000, -34.0),
            9550..9650,
        ),
    ] {
        let limits = Limits {
            pause: Some(Duration::from_millis(300)),
            ..LIMITS
        };
        let mut endpointer = Endpointer::new(RATE_HZ, limits);
        let sounds = [SPEAKS, speaks_again, goes_on, background];
        let mut last_quiet = Duration::ZERO;
        let mut changes = changes_of(&mut endpointer, &sounds, 11_000, |ms, endpointer| {
            if ms == 8000 {
                last_quiet = endpointer.last_quiet();
            }
            if ms == 8960 {
                // Their words are finished.
                endpointer.end_after(Duration::from_millis(500));
            }
        });
        changes.retain(|(_, ms)| *ms >= 6000);
        let whats: Vec<_> = changes.iter().map(|(change, _)| *change).collect();
        assert_eq!(
            whats,
            [
                Change::SpeechStart,
                Change::Pause,
                Change::Resume,
                Change::Pause,
                Change::EndOfTurn
            ],
            "{name}: {changes:?}"
        );
        for (at, expected) in [(1, 7250..7350), (2, 7600..7700), (3, 8850..8950), (4, ends)] {
            assert!(expected.contains(&changes[at].1), "{name}: {changes:?}");
        }
        let paused = Duration::from_millis(500)..Duration::from_millis(700);
        assert!(paused.contains(&last_quiet), "{name}: {last_quiet:?}");
    }
}
