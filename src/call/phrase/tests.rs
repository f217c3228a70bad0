//! Phrases, in virtual time.

use std::path::PathBuf;

use testkit::audio::clips::babble;

use super::*;
use crate::audio::level::rms_dbfs;
use crate::audio::telephone::Encoding;
use crate::audio::{Pcm, to_f32, to_i16};
use crate::call::phase::tests::{Heard as Line, Virtual, caller};

#[test]
fn a_sound_is_played_to_its_end() {
    let mut call = Virtual::new(|_, _| Phrase::sound("hello".into()));
    call.ends(
        1500,
        Sound::Phrase,
        How::Through {
            endpos: Some(12_000),
        },
    );
    call.assert_steps(&[(0, "play hello @0")]);
    assert!(matches!(call.end, Some((1500, Ok(PhraseEnd::Heard)))));
}

#[test]
fn a_phrase_is_played_once_it_has_been_made_and_a_sound_instead_if_it_cannot_be() {
    let kept = Event::Phrase(PathBuf::from("/s/abc"), None);
    let failed = Event::End(Err("no voice").at(Stage::Tts));
    let table = [
        (kept, "play /s/abc @0"),
        (failed, "play beep @0"),
        (Event::Panicked, "play beep @0"),
    ];
    for (event, step) in table {
        let mut call =
            Virtual::new(|now, _| Phrase::being_made(now + LONGEST_PHRASE, Some("beep")));
        call.on(900, Input::Work(event));
        call.on(950, Input::Work(Event::Panicked));
        call.assert_steps(&[(900, step)]);
    }
}

#[test]
fn a_sound_that_asterisk_cannot_play_is_replaced_by_another_and_told() {
    let sounds: [fn(String) -> Phrase; 2] =
        [Phrase::sound, |name| Phrase::kept(Path::new(&name), None)];
    for sound in sounds {
        let mut call = Virtual::new(|_, _| sound("/s/office".into()).or(Some("hello")));
        call.ends(10, Sound::Phrase, How::Unplayable(None));
        call.assert_steps(&[(0, "play /s/office @0"), (10, "play hello @0")]);
        call.ends(900, Sound::Phrase, How::Unplayable(None));
        let why = "Asterisk cannot play /s/office";
        let unheard = PhraseEnd::Unheard(why.to_owned());
        assert!(
            matches!(&call.end, Some((900, Ok(end))) if *end == unheard),
            "{:?}",
            call.end
        );
    }
}

#[test]
fn a_phrase_that_is_not_made_in_time_is_replaced_by_a_sound() {
    let soon = Duration::from_secs(5);
    let mut call = Virtual::new(|now, _| Phrase::being_made(now + soon, Some("hello")));
    call.pass(4999);
    call.assert_steps(&[]);
    call.pass(5000);
    call.on(
        5100,
        Input::Work(Event::Phrase(PathBuf::from("/s/late"), None)),
    );
    call.assert_steps(&[(5000, "play hello @0")]);
}

/// A phrase on a line that is known after a second.
fn heard(barge_in: BargeIn) -> Virtual<Phrase> {
    let mut call = Virtual::new(|now, scene| {
        scene.caller = Some(caller(now, None));
        Phrase::sound("hello".into()).barge_in(barge_in)
    });
    call.hears(0, 1000, Line::Quiet);
    call
}

#[test]
fn what_is_said_into_a_phrase_is_a_turn_and_stops_it_where_it_may() {
    for (barge_in, ends_at, is_in_turn) in [
        (BargeIn::Ignores, 1800, false),
        (BargeIn::Keeps, 1800, true),
        (BargeIn::Yields, 1300, true),
    ] {
        let mut call = heard(barge_in);
        let end = call.hears(1000, 800, Line::Voice);
        call.ends(end, Sound::Phrase, How::Through { endpos: Some(8000) });
        let (ended, said) = call.end.as_ref().expect("it ends");
        assert_eq!((*ended, call.scene.is_in_turn()), (ends_at, is_in_turn));
        let after = Duration::from_millis(ends_at);
        let name = "hello".to_owned();
        let expected = match barge_in {
            BargeIn::Yields => PhraseEnd::Interrupted { name, after },
            _ => PhraseEnd::Heard,
        };
        assert!(matches!(said, Ok(said) if *said == expected), "{said:?}");
    }
}

#[test]
fn turns_that_end_within_a_phrase_are_kept_whole() {
    for (barge_in, turns) in [(BargeIn::Keeps, 2), (BargeIn::Ignores, 0)] {
        let mut call = heard(barge_in);
        let mut until = 1000;
        for _ in 0..2 {
            until = call.hears(until, 1000, Line::Voice);
            until = call.hears(until, 1000, Line::Quiet);
        }
        call.ends(until, Sound::Phrase, How::Through { endpos: Some(8000) });
        let said = &call.scene.said;
        assert_eq!(said.len(), turns);
        let is_whole = |said: &crate::audio::Pcm| said.duration() > Duration::from_millis(950);
        assert!(said.iter().all(is_whole));
    }
}

#[test]
fn a_cough_into_a_phrase_does_not_stop_it() {
    let mut call = heard(BargeIn::Yields);
    let until = call.hears(1000, 180, Line::Voice);
    call.hears(until, 1000, Line::Quiet);
    assert!(call.end.is_none() && call.scene.said.is_empty());
}

#[test]
fn a_phrase_that_is_still_being_made_yields_too() {
    let mut call = Virtual::new(|now, scene| {
        scene.caller = Some(caller(now, None));
        Phrase::being_made(now + LONGEST_PHRASE, None).barge_in(BargeIn::Yields)
    });
    let until = call.hears(0, 1000, Line::Quiet);
    call.hears(until, 800, Line::Voice);
    let after = Duration::ZERO;
    let expected = PhraseEnd::Interrupted {
        name: String::new(),
        after,
    };
    assert!(matches!(&call.end, Some((_, Ok(said))) if *said == expected));
    call.assert_steps(&[]);
}

#[test]
fn a_phrase_ends_early_when_the_caller_hangs_up_when_it_cannot_be_played_and_after_a_minute() {
    let mut call = Virtual::new(|_, _| Phrase::sound("hello".into()));
    call.on(300, Input::HungUp);
    assert!(matches!(call.end, Some((300, Ok(PhraseEnd::Heard)))));
    let mut call = Virtual::new(|_, _| Phrase::sound("hello".into()));
    call.ends(10, Sound::Phrase, How::Unplayable(None));
    assert!(
        matches!(&call.end, Some((10, Ok(PhraseEnd::Unheard(why)))) if why == "Asterisk cannot play hello"),
        "{:?}",
        call.end
    );
    let mut call = Virtual::new(|_, _| Phrase::sound("hello".into()));
    call.pass(59_999);
    assert!(call.end.is_none());
    call.pass(60_000);
    assert!(matches!(call.end, Some((60_000, Ok(PhraseEnd::Heard)))));
}

#[test]
fn without_a_sound_instead_a_phrase_that_cannot_be_made_ends_and_tells_why() {
    let soon = Duration::from_secs(5);
    let making = |now| Phrase::being_made(now + soon, None);
    let mut call = Virtual::new(|now, _| making(now));
    call.on(900, Input::Work(Event::End(Err("no voice").at(Stage::Tts))));
    call.assert_steps(&[]);
    assert!(
        matches!(&call.end, Some((900, Ok(PhraseEnd::Unheard(why)))) if why == "tts: no voice"),
        "{:?}",
        call.end
    );
    let mut call = Virtual::new(|now, _| making(now));
    call.pass(5000).assert_steps(&[]);
    assert!(
        matches!(&call.end, Some((5000, Ok(PhraseEnd::Unheard(why)))) if why == LATE),
        "{:?}",
        call.end
    );
    let mut call = Virtual::new(|now, _| making(now));
    call.on(900, Input::HungUp);
    assert!(
        matches!(call.end, Some((900, Ok(PhraseEnd::Heard)))),
        "{:?}",
        call.end
    );
}

#[test]
fn a_digit_interrupts_a_phrase_that_yields_and_no_other() {
    for (barge_in, step) in [
        (BargeIn::Yields, "play hello 0123456789@0"),
        (BargeIn::Keeps, "play hello @0"),
        (BargeIn::Ignores, "play hello @0"),
    ] {
        let mut call = Virtual::new(|_, _| Phrase::sound("hello".into()).barge_in(barge_in));
        call.assert_steps(&[(0, step)]);
    }
    let mut call = Virtual::new(|_, _| Phrase::sound("hello".into()).barge_in(BargeIn::Yields));
    let key = How::Key {
        key: '7',
        endpos: None,
    };
    call.ends(1500, Sound::Phrase, key);
    let expected = PhraseEnd::Interrupted {
        name: "hello".to_owned(),
        after: Duration::from_millis(1500),
    };
    assert!(matches!(&call.end, Some((1500, Ok(said))) if *said == expected));
    assert!(call.scene.keypad.is_open());
}

/// Sound of this level, in dB of full scale.
fn at_dbfs(dbfs: f32, sound: &[i16]) -> Vec<f32> {
    let sound: Vec<_> = sound.iter().copied().map(to_f32).collect();
    let gain = 10_f32.powf((dbfs - rms_dbfs(&sound)) / 20.0);
    sound.iter().map(|sample| gain * sample).collect()
}

/// How many turns are heard into a greeting of six seconds, whose echo is softer than it by so much, and into which somebody
/// who is so loud says something after three, if anybody does; and whether it is cut.
fn turns(echo_db: Option<f32>, voice_dbfs: Option<f32>) -> (usize, bool) {
    let greeting = babble(8000, &"kingdom by the sea ".repeat(6)).samples;
    let greeting = at_dbfs(-18.0, &greeting[..48_000]);
    let mut line: Vec<f32> = [0.0005, -0.0005].repeat(32_000);
    let mut add = |at: usize, gain_db: f32, sound: &[f32]| {
        for (to, sample) in line[at..].iter_mut().zip(sound) {
            *to += 10_f32.powf(gain_db / 20.0) * sample;
        }
    };
    if let Some(echo_db) = echo_db {
        add(8 * 120, -echo_db, &greeting);
    }
    if let Some(voice_dbfs) = voice_dbfs {
        let voice = babble(8000, &"waterfall".repeat(3)).samples;
        add(8 * 3000, 0.0, &at_dbfs(voice_dbfs, &voice));
    }
    let mut samples = Reply::new(Encoding::Sln);
    let bytes = greeting
        .iter()
        .flat_map(|sample| to_i16(*sample).to_le_bytes());
    samples.append(&bytes.collect::<Vec<_>>());
    let mut call = Virtual::new(|now, scene| {
        scene.caller = Some(caller(now, None));
        Phrase::kept(Path::new("/s/greeting"), Some(samples)).barge_in(BargeIn::Yields)
    });
    let line: Vec<_> = line.into_iter().map(to_i16).collect();
    call.brings(0, &line);
    let is_cut = call.end.is_some();
    let turns = call.scene.said.len() + usize::from(call.scene.is_in_turn());
    (turns, is_cut)
}

#[test]
fn a_soft_voice_is_heard_in_a_phrase_where_the_line_brings_nothing_back_and_an_echo_is_not() {
    let table = [
        (None, Some(-20.0), true),
        (None, Some(-32.0), true),
        (None, Some(-38.0), true),
        (None, None, false),
        (Some(40.0), Some(-32.0), true),
        (Some(40.0), None, false),
        (Some(20.0), None, false),
        (Some(20.0), Some(-20.0), true),
        (Some(12.0), None, false),
        (Some(12.0), Some(-18.0), true),
        (Some(8.0), None, false),
    ];
    for (echo_db, voice_dbfs, is_heard) in table {
        let expected = (usize::from(is_heard), is_heard);
        assert_eq!(
            turns(echo_db, voice_dbfs),
            expected,
            "{echo_db:?}, {voice_dbfs:?}"
        );
    }
}

#[test]
fn two_turns_into_a_long_phrase_are_kept_whole_where_its_samples_are_known() {
    let mut samples = Reply::new(Encoding::Sln);
    let greeting = at_dbfs(
        -18.0,
        &babble(8000, &"kingdom by the sea ".repeat(9)).samples,
    );
    let greeting: Vec<_> = greeting.into_iter().map(to_i16).collect();
    let bytes = greeting.iter().flat_map(|sample| sample.to_le_bytes());
    samples.append(&bytes.collect::<Vec<_>>());
    let mut call = Virtual::new(|now, scene| {
        scene.caller = Some(caller(now, None));
        Phrase::kept(Path::new("/s/greeting"), Some(samples)).barge_in(BargeIn::Keeps)
    });
    let mut until = call.hears(0, 1000, Line::Quiet);
    for _ in 0..2 {
        until = call.hears(until, 3000, Line::Voice);
        until = call.hears(until, 1500, Line::Quiet);
    }
    let said: Vec<_> = call.scene.said.iter().map(Pcm::duration).collect();
    let is_whole = |said: &Duration| *said > Duration::from_millis(2900);
    assert!(said.len() == 2 && said.iter().all(is_whole), "{said:?}");
}
