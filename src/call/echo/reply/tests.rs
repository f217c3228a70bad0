//! What is played of an answer, in virtual time.

use super::*;
use crate::audio::telephone::Encoding::{self, Sln, Sln16, Ulaw};

/// A ramp, so that each sample tells where it is from.
fn ramp(encoding: Encoding, frames: u32) -> Vec<u8> {
    let samples = 0..frames * encoding.frame_samples();
    let sample = |at: u32| i16::try_from(at).expect("a short answer").to_le_bytes();
    samples.flat_map(sample).collect()
}

/// The samples of the ramp that are heard with a piece.
fn heard(reply: &mut Reply, frames: u32, len: usize, rate_hz: u32) -> (Vec<f32>, bool) {
    let heard = reply.heard(Source::Answer(frames), len, rate_hz);
    let samples = heard.samples.expect("they are known");
    let whole = |sample: f32| sample * 32_768.0;
    (samples.into_iter().map(whole).collect(), heard.is_anew)
}

#[test]
fn samples_follow_each_other_whatever_the_clock_says_between() {
    let mut reply = Reply::new(Sln);
    reply.append(&ramp(Sln, 100));
    let mut next = None;
    for frames in [1, 2, 2, 4, 5, 8, 8, 8, 9, 10] {
        let (samples, is_anew) = heard(&mut reply, frames, 160, 8000);
        assert_eq!(is_anew, next.is_none());
        let first = next.unwrap_or(640.0);
        assert!((samples[0] - first).abs() < 0.1, "{frames}: {}", samples[0]);
        next = Some(samples[159] + 1.0);
    }
}

#[test]
fn packets_that_were_lost_are_made_up_for_in_half_a_second() {
    let mut reply = Reply::new(Sln);
    reply.append(&ramp(Sln, 200));
    for frames in 1..=10 {
        heard(&mut reply, frames, 160, 8000);
    }
    let anew: Vec<u32> = (20..60)
        .filter(|frames| heard(&mut reply, *frames, 160, 8000).1)
        .collect();
    assert_eq!(anew, [44]);
}

#[test]
fn each_play_begins_anew_and_what_is_not_the_answer_is_not_known() {
    let mut reply = Reply::new(Ulaw);
    reply.append(&vec![0x80; 16_000]);
    assert!(reply.heard(Source::Answer(1), 160, 8000).is_anew);
    let filler = reply.heard(Source::Recording, 160, 8000);
    assert!(filler.samples.is_none());
    let silence = reply.heard(Source::Nothing, 160, 8000);
    assert_eq!(silence.samples, Some(Vec::new()));
    assert!(reply.heard(Source::Answer(2), 160, 8000).is_anew);
    assert!(!reply.heard(Source::Answer(3), 160, 8000).is_anew);
}

#[test]
fn an_echo_may_come_back_for_600_ms_and_80_ms_before_the_clock() {
    let mut reply = Reply::new(Ulaw);
    reply.append(&[vec![0xFF; 160 * 20], vec![0x80; 160], vec![0xFF; 160 * 60]].concat());
    let loud: Vec<u32> = (0..80)
        .filter(|frames| {
            let heard = reply.heard(Source::Answer(*frames), 160, 8000);
            heard.loudest_dbfs > -10.0
        })
        .collect();
    assert_eq!((loud.first(), loud.last()), (Some(&17), Some(&50)));
}

#[test]
fn the_answers_rate_becomes_the_callers() {
    for (encoding, rate_hz, step) in [(Sln16, 8000, 2.0), (Sln, 8000, 1.0), (Sln, 16_000, 0.5)] {
        let mut reply = Reply::new(encoding);
        reply.append(&ramp(encoding, 50));
        let len = usize::try_from(rate_hz / 50).expect("small");
        let pieces = (2..20).flat_map(|frames| heard(&mut reply, frames, len, rate_hz).0);
        let samples: Vec<f32> = pieces.collect();
        let wrong = samples
            .windows(2)
            .find(|two| (two[1] - two[0] - step).abs() > 0.1);
        assert_eq!(wrong, None, "{encoding} at {rate_hz}");
    }
}

#[test]
fn behind_its_end_an_answer_is_silent() {
    let mut reply = Reply::new(Ulaw);
    reply.append(&[0x80; 800]);
    let end = reply.heard(Source::Answer(9), 160, 8000);
    assert_eq!(end.samples, Some(vec![0.0; 160]));
}

#[test]
fn any_place_of_a_long_answer_is_known_however_far_it_has_been_made() {
    let mut reply = Reply::new(Sln16);
    reply.append(&ramp(Sln16, 100));
    // A minute comes before the second frame has been heard.
    reply.append(&vec![0; 60 * 32_000]);
    let (samples, _) = heard(&mut reply, 2, 320, 16_000);
    assert!((samples[0] - 1600.0).abs() < 0.1, "{}", samples[0]);
    // It is taken up again there after it has been heard to its end.
    reply.heard(Source::Answer(3000), 320, 16_000);
    reply.heard(Source::Nothing, 320, 16_000);
    let (samples, _) = heard(&mut reply, 2, 320, 16_000);
    assert!((samples[0] - 1600.0).abs() < 0.1, "{}", samples[0]);
}
