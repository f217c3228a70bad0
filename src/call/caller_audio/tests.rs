//! What is made of the caller's voice, in virtual time.

mod echoes;

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
    assert_eq!(caller.missing(at(1679)), None);
    let mut hear_nothing = |ms| {
        let silence = caller.missing(at(ms)).expect("it is missing");
        caller.hear(&silence, at(ms))
    };
    assert!(hear_nothing(2000).is_empty());
    assert_eq!(hear_nothing(2400), [Change::EndOfTurn]);
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
fn a_short_word_is_the_callers_before_an_answer_begins_and_too_short_while_it_plays() {
    let start = Instant::now();
    let nothing = Heard {
        loudest_dbfs: f32::MIN,
        samples: Some(Vec::new()),
        is_anew: false,
    };
    for (heard, begins) in [(nothing, true), (unknown(-30.0), false)] {
        let mut caller = caller(start);
        caller.hear(&[30, -30].repeat(4000), start);
        let word = testkit::audio::clips::babble(8000, "waterfall").samples;
        let mut packets = word.chunks(160).take(11);
        let interrupts = packets.any(|packet| {
            caller
                .overhear(packet, &heard, start)
                .contains(&Change::SpeechStart)
        });
        assert_eq!(interrupts, begins, "{heard:?}");
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

/// A phone that sends all the time, in a room with a steady noise.
struct Room {
    caller: CallerAudio,
    now: Instant,
    noise: f32,
    chance: u32,
}

impl Room {
    /// It is as loud as this, in dB of full scale, and has been heard for 3 s.
    fn new(noise_dbfs: f32) -> Self {
        let now = Instant::now();
        let mut room = Self {
            caller: caller(now),
            now,
            noise: 10_f32.powf(noise_dbfs / 20.0) * 3_f32.sqrt(),
            chance: 1,
        };
        room.hear(&[0].repeat(24_000));
        room
    }

    /// What comes of these samples, packet by packet.
    fn packets(&mut self, samples: &[i16]) -> Vec<Vec<i16>> {
        let mut noise = || {
            self.chance = self
                .chance
                .wrapping_mul(1_664_525)
                .wrapping_add(1_013_904_223);
            let white = f32::from(u16::try_from(self.chance >> 16).unwrap_or_default());
            crate::audio::to_i16((white / 32_768.0 - 1.0) * self.noise)
        };
        let heard: Vec<i16> = (samples.iter())
            .map(|it| it.saturating_add(noise()))
            .collect();
        heard.chunks(160).map(<[i16]>::to_vec).collect()
    }

    /// When a turn begins, in ms, while nothing is heard.
    fn hear(&mut self, samples: &[i16]) -> Option<usize> {
        self.each(samples, CallerAudio::hear)
    }

    /// When a turn begins, in ms, while an answer or a phrase is heard.
    fn overhear(&mut self, samples: &[i16]) -> Option<usize> {
        self.each(samples, |caller, packet, now| {
            caller.overhear(packet, &unknown(-12.0), now)
        })
    }

    fn each(
        &mut self,
        samples: &[i16],
        mut take: impl FnMut(&mut CallerAudio, &[i16], Instant) -> Vec<Change>,
    ) -> Option<usize> {
        let packets = self.packets(samples).into_iter();
        let begins: Vec<bool> = packets
            .map(|packet| {
                self.now += Duration::from_millis(20);
                take(&mut self.caller, &packet, self.now).contains(&Change::SpeechStart)
            })
            .collect();
        begins.iter().position(|begins| *begins).map(|at| 20 * at)
    }
}

/// This much silence, in ms, and then a voice of about 1.2 s.
fn then_voice(ms: usize) -> Vec<i16> {
    let voice = testkit::audio::clips::babble(8000, "waterfallwaterfall");
    [vec![0; 8 * ms], voice.samples].concat()
}

#[test]
fn a_fan_is_no_echo_however_long_answers_last() {
    for noise_dbfs in [-60.0, -46.0, -36.0] {
        let mut room = Room::new(noise_dbfs);
        assert!(room.hear(&then_voice(0)).is_some(), "the question");
        assert_eq!(room.hear(&[0].repeat(16_000)), None);
        for answer in ["first", "second"] {
            let begins = room.overhear(&then_voice(6000));
            let is_soon = begins.is_some_and(|ms| (6000..6600).contains(&ms));
            assert!(
                is_soon,
                "{answer} answer beside {noise_dbfs} dB: {begins:?}"
            );
            assert_eq!(room.hear(&[0].repeat(16_000)), None);
        }
    }
}

#[test]
fn the_first_sign_of_a_voice_is_told_beside_a_fan_too() {
    for (noise_dbfs, samples, is_told) in [
        (-60.0, [vec![0; 24_000], voice()].concat(), true),
        (-40.0, [vec![0; 24_000], voice()].concat(), true),
        (-40.0, vec![0; 40_000], false),
    ] {
        let mut room = Room::new(noise_dbfs);
        let mut told = false;
        room.each(&samples, |caller, packet, now| {
            let changes = caller.overhear(packet, &unknown(-12.0), now);
            told |= caller.first_sign();
            changes
        });
        assert_eq!(told, is_told, "{noise_dbfs} dB");
    }
}

/// The phone sends nothing while the caller is silent.
#[test]
fn a_phone_with_silence_suppression_lets_soft_voices_interrupt_and_gives_a_first_sign() {
    let mut room = Room::new(-60.0);
    for _ in 0..30 {
        room.now += Duration::from_millis(100);
        let silence = room.caller.missing(room.now).expect("it is missing");
        room.caller.overhear(&silence, &unknown(-12.0), room.now);
    }
    let soft: Vec<i16> = voice().iter().map(|sample| sample / 4).collect();
    let mut told = None;
    let begins = room.each(&soft, |caller, packet, now| {
        let changes = caller.overhear(packet, &unknown(-12.0), now);
        told = told.or(caller.first_sign().then_some(now));
        changes
    });
    assert!(
        told.is_some() && begins.is_some_and(|ms| ms < 600),
        "{begins:?}"
    );
}

/// A word of 0.25 s right behind an answer, or at the end of a phrase.
#[test]
fn a_short_word_counts_where_nothing_comes_back() {
    let mut word = then_voice(0);
    word.truncate(2000);
    word.extend([0; 4000]);
    for (name, is_after, for_nothing) in [
        ("behind an answer", true, 0),
        ("behind it, after interruptions without words", true, 2),
        ("into a phrase", false, 0),
    ] {
        let mut room = Room::new(-60.0);
        (0..for_nothing).for_each(|_| room.caller.interrupted_for_nothing());
        assert_eq!(room.overhear(&[0].repeat(16_000)), None);
        let begins = room.each(&word, |caller, packet, now| {
            if is_after {
                caller.hear_after(packet, now)
            } else {
                caller.hear_beside(packet, &unknown(-12.0), now)
            }
        });
        assert!(begins.is_some_and(|ms| ms < 400), "{name}: {begins:?}");
    }
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
