//! What is made of the caller's voice, in virtual time.

use std::collections::VecDeque;

use super::*;
use crate::call::phase::tests::melody;

/// A pipe that gives these bytes at a time.
struct Pipe(VecDeque<Vec<u8>>);

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(bytes) = self.0.pop_front() else {
            return Ok(0);
        };
        into[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

#[test]
fn samples_are_whole_however_the_bytes_come() {
    let samples: Vec<i16> = (0..40).map(|at| at * 700 - 14_000).collect();
    let bytes: Vec<u8> = samples
        .iter()
        .flat_map(|sample| sample.to_ne_bytes())
        .collect();
    for len in [1, 2, 3, 7, 80] {
        let (heard, pieces) = bounded(100);
        let pipe = Pipe(bytes.chunks(len).map(<[u8]>::to_vec).collect());
        listen(pipe, &heard).expect("it ends");
        drop(heard);
        assert_eq!(
            pieces.iter().flatten().collect::<Vec<_>>(),
            samples,
            "{len} at a time"
        );
    }
}

#[test]
fn a_line_that_no_longer_reads_ends_the_listening() {
    let (heard, pieces) = bounded(1);
    drop(pieces);
    let pipe = Pipe([vec![0; 320], vec![0; 320]].into());
    assert!(listen(pipe, &heard).is_ok());
}

fn caller(now: Instant) -> CallerAudio {
    let limits = Limits {
        quiet: Duration::from_millis(700),
        pause: None,
        longest: Duration::from_secs(8),
    };
    CallerAudio::new(8000, limits, now)
}

/// A line that is never quite silent, and then a voice of 0.6 s.
fn speaks(caller: &mut CallerAudio, now: Instant) -> Vec<Change> {
    caller.hear(&[30, -30].repeat(4000), now);
    caller.hear(
        &testkit::audio::clips::babble(8000, "waterfall").samples,
        now,
    )
}

#[test]
fn a_phone_that_sends_nothing_is_silent_and_its_silence_ends_a_turn() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut caller = caller(start);
    assert_eq!(speaks(&mut caller, at(1600)), [Change::SpeechStart]);
    assert_eq!(caller.next_look(), at(1680));
    assert!(caller.hear_nothing(at(1679)).is_empty());
    assert!(caller.hear_nothing(at(2000)).is_empty() && caller.is_in_turn());
    assert_eq!(caller.hear_nothing(at(2400)), [Change::EndOfTurn]);
    assert_eq!(caller.last_quiet(), Duration::from_millis(700));
    let heard = caller.heard().duration();
    assert!((Duration::from_millis(1300)..Duration::from_millis(2200)).contains(&heard));
}

#[test]
fn the_caller_can_end_a_turn_that_has_begun_and_only_that() {
    let start = Instant::now();
    let mut caller = caller(start);
    assert!(caller.end_turn().is_empty());
    speaks(&mut caller, start);
    assert_eq!(caller.end_turn(), [Change::EndOfTurn]);
    assert!(!caller.is_in_turn() && !caller.heard().samples.is_empty());
}

#[test]
fn what_is_forgotten_is_no_turn() {
    let start = Instant::now();
    let mut caller = caller(start);
    speaks(&mut caller, start);
    caller.forget();
    assert!(!caller.is_in_turn() && caller.end_turn().is_empty());
}

/// A sound of which no more is known than how loud it is.
fn unknown(loudest_dbfs: f32) -> Heard {
    Heard {
        loudest_dbfs,
        samples: None,
        is_anew: false,
    }
}

#[test]
fn a_voice_interrupts_a_sound_only_when_it_is_louder_than_the_echo_may_be() {
    let start = Instant::now();
    for (played_dbfs, interrupts) in [(f32::MIN, true), (-30.0, true), (10.0, false)] {
        let mut caller = caller(start);
        caller.hear(&[30, -30].repeat(4000), start);
        let voice = testkit::audio::clips::babble(8000, "waterfallwaterfall").samples;
        let mut changes = Vec::new();
        for packet in voice.chunks(160) {
            changes.extend(caller.overhear(packet, &unknown(played_dbfs), start));
        }
        assert_eq!(
            changes.contains(&Change::SpeechStart),
            interrupts,
            "{played_dbfs} dB"
        );
    }
}

#[test]
fn after_two_interruptions_without_words_a_voice_has_to_last_longer_until_the_caller_is_understood()
{
    let start = Instant::now();
    // 400 ms of a word are enough at first.
    let interrupts = |prepare: fn(&mut CallerAudio)| {
        let mut caller = caller(start);
        caller.hear(&[30, -30].repeat(4000), start);
        prepare(&mut caller);
        let voice = testkit::audio::clips::babble(8000, "waterfall").samples;
        let mut packets = voice.chunks(160).take(22);
        packets.any(|packet| {
            caller
                .overhear(packet, &unknown(-30.0), start)
                .contains(&Change::SpeechStart)
        })
    };
    assert!(interrupts(CallerAudio::interrupted_for_nothing));
    let twice = |caller: &mut CallerAudio| (0..2).for_each(|_| caller.interrupted_for_nothing());
    assert!(!interrupts(twice));
    assert!(interrupts(|caller| {
        caller.interrupted_for_nothing();
        caller.interrupted_for_nothing();
        caller.was_understood();
        caller.interrupted_for_nothing();
    }));
}

/// A voice whose words mean nothing, as a line carries it.
fn words(text: &str, gain: f32) -> Vec<f32> {
    let samples = testkit::audio::clips::babble(8000, text).samples;
    samples
        .iter()
        .map(|sample| gain * crate::audio::to_f32(*sample))
        .collect()
}

/// When a turn begins, in ms after an answer whose echo comes back 12 dB softer, 150 ms later.
fn begins_in_echo(said_at_ms: Option<usize>) -> Option<usize> {
    let answer = words(&"the river runs down to the sea and back ".repeat(4), 1.0);
    let mut line = vec![0.0; answer.len()];
    for (line, played) in line[1200..].iter_mut().zip(&answer) {
        *line += 0.25 * played;
    }
    if let Some(ms) = said_at_ms {
        for (line, said) in line[8 * ms..]
            .iter_mut()
            .zip(words("waterfallwaterfall", 0.4))
        {
            *line += said;
        }
    }
    let start = Instant::now();
    let mut caller = caller(start);
    caller.hear(&[30, -30].repeat(4000), start);
    let loudest_dbfs = crate::audio::level::rms_dbfs(&answer) + 6.0;
    let pieces = line.chunks(160).zip(answer.chunks(160)).enumerate();
    for (at, (came, played)) in pieces {
        let came: Vec<i16> = came
            .iter()
            .map(|sample| crate::audio::to_i16(*sample))
            .collect();
        let heard = Heard {
            loudest_dbfs,
            samples: Some(played.to_vec()),
            is_anew: at == 0,
        };
        if caller
            .overhear(&came, &heard, start)
            .contains(&Change::SpeechStart)
        {
            return Some(20 * at);
        }
    }
    None
}

#[test]
fn a_loud_echo_is_no_turn_and_a_caller_in_it_is_heard() {
    assert_eq!(begins_in_echo(None), None);
    let begins = begins_in_echo(Some(5000)).expect("the caller is heard");
    assert!((5200..6500).contains(&begins), "{begins} ms");
}

/// Two words of a recorded voice.
fn voice() -> Vec<i16> {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/question-moon.wav");
    testkit::audio::wav::read(std::path::Path::new(data)).samples[3200..16_000].to_vec()
}

#[test]
fn a_melody_interrupts_nothing_but_a_voice_after_it_does_at_once() {
    let mut now = Instant::now();
    let mut caller = caller(now);
    let mut overhear = |caller: &mut CallerAudio, sound: &[i16]| {
        let begins = sound.chunks(160).position(|packet| {
            now += Duration::from_millis(20);
            caller
                .overhear(packet, &unknown(-40.0), now)
                .contains(&Change::SpeechStart)
        });
        begins.map(|packets| packets * 20)
    };
    assert_eq!(overhear(&mut caller, &[30, -30].repeat(4000)), None);
    assert_eq!(overhear(&mut caller, &melody()), None);
    assert!(!caller.is_in_turn() && !caller.seems_voice());
    let waited = overhear(&mut caller, &voice());
    assert!(waited.is_some_and(|ms| ms < 500), "{waited:?}");
    assert!(caller.is_in_turn() && caller.seems_voice());
}

#[test]
fn the_first_sign_of_a_voice_is_told_and_that_of_a_melody_is_not() {
    for (name, sound, is_told) in [("voice", voice(), true), ("melody", melody(), false)] {
        let now = Instant::now();
        let mut caller = caller(now);
        let mut told = false;
        // By then the line has brought nothing back of what is heard.
        let line = [[30, -30].repeat(8000), sound].concat();
        for packet in line.chunks(160) {
            caller.overhear(packet, &unknown(-15.0), now);
            told |= caller.first_sign();
        }
        assert_eq!(told, is_told, "{name}");
    }
}

#[test]
fn what_is_doubted_may_be_the_caller_and_is_not_learnt_as_an_echo() {
    let mut now = Instant::now();
    let mut caller = caller(now);
    let sound = [[30, -30].repeat(4000), melody()].concat();
    let mut doubted = 0;
    for packet in sound.chunks(160) {
        now += Duration::from_millis(20);
        let before = caller.may_be_in_turn().then(|| caller.echo.clone());
        caller.overhear(packet, &unknown(-25.0), now);
        if let Some(before) = before {
            assert!(!caller.is_in_turn());
            assert_eq!(caller.echo, before);
            doubted += 1;
        }
    }
    assert!(doubted > 10, "{doubted}");
}

#[test]
fn a_melody_is_a_turn_where_it_interrupts_nothing() {
    let now = Instant::now();
    let mut caller = caller(now);
    caller.hear(&[30, -30].repeat(4000), now);
    assert_eq!(caller.hear(&melody(), now)[..1], [Change::SpeechStart]);
    assert!(!caller.seems_voice());
}
