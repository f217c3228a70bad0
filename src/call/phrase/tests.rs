//! Phrases, in virtual time.

use std::path::PathBuf;

use super::*;
use crate::call::phase::tests::Virtual;

fn steps(steps: &[(u64, &str)]) -> Vec<(u64, String)> {
    let step = |&(ms, step): &(u64, &str)| (ms, step.to_owned());
    steps.iter().map(step).collect()
}

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
    assert_eq!(call.told(), steps(&[(0, "play hello @0")]));
    assert!(matches!(call.end, Some((1500, Ok(())))));
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
        let mut call = Virtual::new(|_, _| Phrase::being_made("beep"));
        call.on(900, Input::Work(event));
        call.on(950, Input::Work(Event::Panicked));
        assert_eq!(call.told(), steps(&[(900, step)]));
    }
}

#[test]
fn a_phrase_ends_early_when_the_caller_hangs_up_when_it_cannot_be_played_and_after_a_minute() {
    let mut call = Virtual::new(|_, _| Phrase::sound("hello".into()));
    call.on(300, Input::HungUp);
    assert!(matches!(call.end, Some((300, Ok(())))));
    let mut call = Virtual::new(|_, _| Phrase::sound("hello".into()));
    call.ends(10, Sound::Phrase, How::Unplayable(None));
    assert!(matches!(call.end, Some((10, Ok(())))));
    let mut call = Virtual::new(|_, _| Phrase::sound("hello".into()));
    call.pass(59_999);
    assert!(call.end.is_none());
    call.pass(60_000);
    assert!(matches!(call.end, Some((60_000, Ok(())))));
}
