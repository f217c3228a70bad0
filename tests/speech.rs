//! Nobody's words are lost, and silence costs nothing: the speech detector against its two tables.
//!
//! A failure lists every clip that was judged wrongly, by name.

// Clips are made by formula: sample counts and times are converted everywhere, and far below any limit.
#![allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::unwrap_used
)]

pub(crate) mod clips;
pub(crate) mod tables;

use clips::{
    Colour, RATE_HZ, add, at_level, at_peak, len, mix_into, noise, pcm, read_wav, silence, tones,
};
use phone_assistant::audio::{Pcm, speech};
use std::ops::Range;
use std::time::Duration;

#[test]
fn silence_noise_clicks_and_tones_hold_no_speech() {
    let clips = tables::without_speech();
    assert!(clips.len() >= 60, "only {} clips", clips.len());
    let heard = clips
        .iter()
        .filter_map(|(name, pcm)| Some((name, speech::find(pcm)?)));
    assert_eq!(heard.collect::<Vec<_>>(), []);
}

#[test]
fn no_utterance_is_lost_or_cut_in_any_condition() {
    let clips = tables::with_speech();
    assert!(clips.len() >= 400, "only {} clips", clips.len());
    let wrong = clips
        .iter()
        .filter_map(|clip| match speech::find(&clip.pcm) {
            None => Some(format!("lost: {}", clip.name)),
            Some(found) if !covers(&found, &clip.speech) => Some(format!(
                "cut to {found:?} of {:?}: {}",
                clip.speech, clip.name
            )),
            Some(_) => None,
        });
    assert_eq!(wrong.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn speech_after_the_beep_echo_is_found_without_the_beep() {
    for word in clips::utterances()
        .iter()
        .filter(|word| word.rate_hz == RATE_HZ)
    {
        let mut call = tables::beep_echo(-35.0, -62.0, 5.0);
        let start = len(2.0, RATE_HZ);
        mix_into(&mut call, &at_peak(&word.samples, -20.0), start);
        let found = speech::find(&pcm(&call, RATE_HZ)).unwrap_or(0..0);
        let active = word.active();
        assert!(
            covers(&found, &(start + active.start..start + active.end)),
            "{}: {found:?}",
            word.name
        );
        assert!(
            found.start > len(0.6, RATE_HZ),
            "{}: {found:?} holds the beep",
            word.name
        );
    }
}

#[test]
fn words_between_digital_silences_are_all_kept() {
    let [word, other] =
        ["recorded-italian-o", "whispered-hi"].map(|name| at_peak(&utterance(name).samples, -25.0));
    let call = [
        silence(1.0),
        word.clone(),
        silence(0.7),
        other,
        silence(0.7),
        word,
        silence(2.0),
    ]
    .concat();
    let spoken = len(1.0, RATE_HZ)..call.len() - len(2.0, RATE_HZ);
    let found = speech::find(&pcm(&call, RATE_HZ)).unwrap();
    assert!(covers(&found, &spoken), "{found:?} of {spoken:?}");
}

#[test]
fn a_word_is_found_in_a_background_that_grew_louder_during_the_call() {
    for (colour, name) in [
        (Colour::White, "yes"),
        (Colour::Pink, "recorded-italian-a"),
        (Colour::White, "whispered-stop"),
    ] {
        let word = utterance(name);
        let loud = noise(colour, -45.0, len(8.0, RATE_HZ), 1);
        let mut call = [noise(colour, -65.0, len(2.0, RATE_HZ), 2), loud].concat();
        let start = len(7.0, RATE_HZ);
        mix_into(
            &mut call,
            &clips::gain(&word.samples, -33.0 - word.active_level_db()),
            start,
        );
        let found = speech::find(&pcm(&call, RATE_HZ)).unwrap_or(0..0);
        assert!(
            covers(&found, &(start..start + word.samples.len())),
            "{name} in {colour:?} noise: {found:?}"
        );
    }
}

#[test]
fn the_waiting_before_and_after_a_question_is_trimmed() {
    for name in [
        "question-moon.wav",
        "question-opening-hours.wav",
        "question-tea.wav",
        "question-moon-16k.wav",
    ] {
        let question = read_wav(&clips::data(name));
        let found = speech::find(&question).unwrap();
        let rest = len(1.5, question.rate_hz)..len(1.8, question.rate_hz);
        assert!(
            rest.contains(&(question.samples.len() - found.end)),
            "{name}: {found:?} of {}",
            question.samples.len()
        );
    }
}

#[test]
fn every_rate_that_sound_comes_in_is_understood() {
    let word = at_peak(&utterance("hi").samples, -20.0);
    for rate_hz in [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000] {
        let place =
            |i: usize| i * usize::try_from(RATE_HZ).unwrap() / usize::try_from(rate_hz).unwrap();
        let spoken: Vec<f64> = (0..len(0.3, rate_hz)).map(|i| word[place(i)]).collect();
        let mut call = noise(Colour::Pink, -60.0, len(3.0, rate_hz), 3);
        let beep = at_level(&tones(&[(700.0, 1.0)], len(0.4, rate_hz), rate_hz), -30.0);
        mix_into(&mut call, &beep, 0);
        assert_eq!(
            speech::find(&pcm(&call, rate_hz)),
            None,
            "a beep at {rate_hz} Hz"
        );
        let start = len(1.5, rate_hz);
        mix_into(&mut call, &spoken, start);
        let found = speech::find(&pcm(&call, rate_hz)).unwrap_or(0..0);
        assert!(
            covers(&found, &(start..start + spoken.len())),
            "at {rate_hz} Hz: {found:?}"
        );
    }
}

#[test]
fn a_rate_that_no_telephone_has_is_survived() {
    for rate_hz in [0, 1, 99, 1000, 192_000, u32::MAX] {
        let call = pcm(&noise(Colour::White, -20.0, 4000, 4), rate_hz);
        speech::find(&call);
        check_pieces(&call, Duration::from_secs(1), "an odd rate");
    }
}

#[test]
fn long_recordings_are_cut_in_their_pauses() {
    let limit = Duration::from_secs(55);
    for (name, seconds, pauses, cuts) in [
        ("shorter than the limit", 54.0, vec![(20.0, 21.0)], vec![]),
        ("as long as the limit", 55.0, vec![(45.0, 46.0)], vec![]),
        (
            "70 s with a pause",
            70.0,
            vec![(20.0, 21.5), (48.0, 48.6)],
            vec![48.0..48.6],
        ),
        (
            "70 s, the longest of several pauses",
            70.0,
            vec![(40.0, 40.3), (45.0, 45.9), (52.0, 52.2)],
            vec![45.0..45.9],
        ),
        (
            "170 s",
            170.0,
            vec![(50.0, 50.5), (90.0, 91.0), (133.0, 133.4)],
            vec![50.0..50.5, 90.0..91.0, 133.0..133.4],
        ),
        (
            "a pause across the limit",
            80.0,
            vec![(54.8, 55.4)],
            vec![54.8..55.0],
        ),
        (
            "digital silence",
            60.0,
            vec![(44.0, 45.0)],
            vec![44.0..45.0],
        ),
        (
            "no pause at all",
            120.0,
            vec![],
            vec![36.0..55.0, 73.0..110.0, 109.0..120.0],
        ),
    ] {
        let call = talk(seconds, &pauses, name == "digital silence");
        let pieces = check_pieces(&call, limit, name);
        let found: Vec<f64> = pieces[1..]
            .iter()
            .map(|piece| piece.start as f64 / f64::from(RATE_HZ))
            .collect();
        let as_expected = found.len() <= cuts.len()
            && found
                .iter()
                .zip(&cuts)
                .all(|(cut, pause)| pause.contains(cut));
        assert!(
            as_expected && (name == "no pause at all" || found.len() == cuts.len()),
            "{name}: cut at {found:?}, expected {cuts:?}"
        );
    }
}

#[test]
fn nothing_is_one_empty_piece() {
    let nothing = Pcm {
        rate_hz: RATE_HZ,
        samples: vec![],
    };
    let pieces = speech::split(&nothing, Duration::from_secs(55));
    assert!(pieces.len() == 1 && pieces[0].is_empty(), "{pieces:?}");
}

fn covers(found: &Range<usize>, spoken: &Range<usize>) -> bool {
    found.start <= spoken.start && found.end >= spoken.end
}

fn utterance(name: &str) -> clips::Utterance {
    clips::utterances()
        .into_iter()
        .find(|word| word.name == name)
        .unwrap()
}

/// Asserts that the pieces cover all, in order, without gap or overlap, and none is too long or empty.
fn check_pieces(call: &Pcm, limit: Duration, name: &str) -> Vec<Range<usize>> {
    let pieces = speech::split(call, limit);
    let max_samples = limit.as_secs_f64() * f64::from(call.rate_hz.max(1000));
    assert!(
        pieces
            .iter()
            .all(|piece| !piece.is_empty() && piece.len() as f64 <= max_samples),
        "{name}: {pieces:?}"
    );
    assert!(
        pieces.windows(2).all(|pair| pair[0].end == pair[1].start),
        "{name}: {pieces:?}"
    );
    assert_eq!(
        (pieces[0].start, pieces[pieces.len() - 1].end),
        (0, call.samples.len()),
        "{name}"
    );
    pieces
}

/// Someone who talks without a break, except for `pauses` from one second to another.
fn talk(seconds: f64, pauses: &[(f64, f64)], digital_silence: bool) -> Pcm {
    let word = at_peak(&utterance("recorded-today").samples, -12.0);
    let len_frames = len(seconds, RATE_HZ);
    let mut talk: Vec<f64> = word[800..3200]
        .iter()
        .copied()
        .cycle()
        .take(len_frames)
        .collect();
    for (start, end) in pauses {
        talk[len(*start, RATE_HZ)..len(*end, RATE_HZ)].fill(0.0);
    }
    let line = if digital_silence {
        vec![]
    } else {
        noise(Colour::Pink, -60.0, len_frames, 5)
    };
    pcm(&add(&talk, &line), RATE_HZ)
}
