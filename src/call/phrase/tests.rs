//! Phrases, in virtual time.

use std::path::PathBuf;

use super::*;
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
    assert!(matches!(call.end, Some((1500, Ok(None)))));
}

#[test]
fn a_phrase_is_played_once_it_has_been_made_and_a_sound_instead_if_it_cannot_be() {
    let kept = Event::Phrase(PathBuf::from("/s/abc"));
    let failed = Event::End(Err("no voice").at(Stage::Tts));
    let table = [
        (kept, "play /s/abc @0"),
        (failed, "play beep @0"),
        (Event::Panicked, "play beep @0"),
    ];
    for (event, step) in table {
        let mut call = Virtual::new(|now, _| Phrase::being_made(now + LONGEST, Some("beep")));
        call.on(900, Input::Work(event));
        call.on(950, Input::Work(Event::Panicked));
        call.assert_steps(&[(900, step)]);
    }
}

#[test]
fn a_phrase_that_is_not_made_in_time_is_replaced_by_a_sound() {
    let soon = Duration::from_secs(5);
    let mut call = Virtual::new(|now, _| Phrase::being_made(now + soon, Some("hello")));
    call.pass(4999);
    call.assert_steps(&[]);
    call.pass(5000);
    call.on(5100, Input::Work(Event::Phrase(PathBuf::from("/s/late"))));
    call.assert_steps(&[(5000, "play hello @0")]);
}

#[test]
fn what_is_said_over_a_beep_begins_a_turn_and_what_is_said_over_a_phrase_does_not() {
    for (phrase, begins) in [
        (Phrase::sound("beep".into()).keeping_speech(), true),
        (Phrase::sound("hello".into()), false),
    ] {
        let mut call = Virtual::new(|now, scene| {
            scene.caller = Some(caller(now, None));
            phrase
        });
        let quiet_until = call.hears(0, 1000, Line::Quiet);
        let end = call.hears(quiet_until, 800, Line::Voice);
        call.ends(end, Sound::Phrase, How::Through { endpos: Some(8000) });
        assert_eq!(call.scene.is_in_turn(), begins);
    }
}

#[test]
fn a_phrase_ends_early_when_the_caller_hangs_up_when_it_cannot_be_played_and_after_a_minute() {
    let mut call = Virtual::new(|_, _| Phrase::sound("hello".into()));
    call.on(300, Input::HungUp);
    assert!(matches!(call.end, Some((300, Ok(None)))));
    let mut call = Virtual::new(|_, _| Phrase::sound("hello".into()));
    call.ends(10, Sound::Phrase, How::Unplayable(None));
    assert!(
        matches!(&call.end, Some((10, Ok(Some(why)))) if why == "asterisk cannot play hello"),
        "{:?}",
        call.end
    );
    let mut call = Virtual::new(|_, _| Phrase::sound("hello".into()));
    call.pass(59_999);
    assert!(call.end.is_none());
    call.pass(60_000);
    assert!(matches!(call.end, Some((60_000, Ok(None)))));
}

#[test]
fn without_a_sound_instead_a_phrase_that_cannot_be_made_ends_and_tells_why() {
    let soon = Duration::from_secs(5);
    let making = |now| Phrase::being_made(now + soon, None);
    let mut call = Virtual::new(|now, _| making(now));
    call.on(900, Input::Work(Event::End(Err("no voice").at(Stage::Tts))));
    call.assert_steps(&[]);
    assert!(
        matches!(&call.end, Some((900, Ok(Some(why)))) if why == "tts: no voice"),
        "{:?}",
        call.end
    );
    let mut call = Virtual::new(|now, _| making(now));
    call.pass(5000).assert_steps(&[]);
    assert!(
        matches!(&call.end, Some((5000, Ok(Some(why)))) if why == LATE),
        "{:?}",
        call.end
    );
    let mut call = Virtual::new(|now, _| making(now));
    call.on(900, Input::HungUp);
    assert!(matches!(call.end, Some((900, Ok(None)))), "{:?}", call.end);
}
