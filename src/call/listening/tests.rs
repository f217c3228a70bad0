//! Listening, in virtual time: (voice and keys at ms -> step).

use std::path::PathBuf;

use super::*;
use crate::call::phase::tests::{Heard as Line, Virtual, caller};
use crate::config::Sentence;
use crate::sys::error::At;

fn listening(change: impl FnOnce(&mut Listening)) -> Virtual<Listening> {
    let settings = Conversation {
        quiet: Duration::from_millis(700),
        thinks_ahead: true,
        barge_in: true,
        max_question: Duration::from_secs(8),
        max_turns: 9,
        longest: Duration::from_secs(60),
        ask_after: Duration::from_secs(10),
        greeting: Sentence::Nothing,
        still_there: Sentence::Nothing,
        goodbye: Sentence::Nothing,
        sounds: PathBuf::new(),
        transfers: Vec::new(),
        operator: None,
    };
    Virtual::new(|now, scene| {
        let mut listening = Listening::new(settings, Some("/s/silence".into()), now);
        change(&mut listening);
        listening.begin(now, now);
        scene.caller = Some(caller(now, listening.pause()));
        listening
    })
}

/// How listening ended: when in ms, and by what.
fn ended(call: &Virtual<Listening>) -> String {
    match &call.end {
        None => "goes on".into(),
        Some((ms, Ok(Heard::Turn(said)))) => {
            let seconds = said.speech.duration().as_secs_f32();
            format!("{ms} turn of {seconds:.1} s, {} events", said.events.len())
        }
        Some((ms, Ok(Heard::Silence))) => format!("{ms} silence"),
        Some((ms, Ok(Heard::Late))) => format!("{ms} late"),
        Some((ms, Ok(Heard::HungUp))) => format!("{ms} hung up"),
        Some((ms, Err(failure))) => format!("{ms} {failure}"),
    }
}

const PLAY: &str = "play /s/silence #@0";

#[test]
fn a_turn_is_transcribed_after_a_pause_and_taken_at_its_end() {
    let mut call = listening(|_| {});
    let spoke = call.hears(0, 1000, Line::Quiet);
    let quiet = call.hears(spoke, 1500, Line::Voice);
    call.hears(quiet, 400, Line::Quiet);
    call.assert_steps(&[(0, PLAY), (2860, "transcribe 2.2 s, 3 later")]);
    call.on(2900, Input::Work(Event::Question("When?".into())));
    call.hears(2900, 600, Line::Quiet);
    assert_eq!(ended(&call), "3260 turn of 2.2 s, 1 events");
}

#[test]
fn what_the_model_hears_itself_is_sent_when_the_turn_is_over_and_not_ahead() {
    let mut call = listening(|listening| listening.leave_to_model(true));
    let spoke = call.hears(0, 1000, Line::Quiet);
    let quiet = call.hears(spoke, 1000, Line::Voice);
    let goes_on = call.hears(quiet, 400, Line::Quiet);
    let quiet = call.hears(goes_on, 600, Line::Voice);
    call.hears(quiet, 1000, Line::Quiet);
    call.assert_steps(&[(0, PLAY), (3760, "transcribe 2.8 s, 0 later")]);
    assert_eq!(ended(&call), "3760 turn of 2.8 s, 0 events");
}

#[test]
fn a_caller_who_goes_on_is_not_answered_yet() {
    let mut call = listening(|_| {});
    let spoke = call.hears(0, 1000, Line::Quiet);
    let quiet = call.hears(spoke, 1000, Line::Voice);
    let goes_on = call.hears(quiet, 400, Line::Quiet);
    let quiet = call.hears(goes_on, 600, Line::Voice);
    call.on(quiet, Input::Work(Event::Question("stale".into())));
    call.hears(quiet, 1000, Line::Quiet);
    let steps: Vec<_> = call.told().into_iter().map(|(_, step)| step).collect();
    let transcribed = [
        "transcribe 1.8 s, 3 later",
        "cancel",
        "transcribe 2.8 s, 2 later",
    ];
    assert_eq!(steps[0], PLAY);
    assert_eq!(steps[1..], transcribed);
    assert_eq!(ended(&call), "3760 turn of 2.8 s, 0 events");
}

#[test]
fn the_key_ends_a_turn_and_means_nothing_without_one() {
    let key = || How::Key {
        key: '#',
        endpos: None,
    };
    let mut call = listening(|_| {});
    call.ends(500, Sound::KeepAlive, key());
    call.assert_steps(&[(0, PLAY), (500, PLAY)]);
    let spoke = call.hears(500, 1000, Line::Quiet);
    call.hears(spoke, 1000, Line::Voice);
    call.ends(2550, Sound::KeepAlive, key());
    assert_eq!(ended(&call), "2550 turn of 1.4 s, 0 events");
}

#[test]
fn the_silence_is_played_again_and_again_unless_asterisk_does_not_play_it() {
    let mut call = listening(|_| {});
    call.pass(5000);
    call.ends(5000, Sound::KeepAlive, How::Through { endpos: None });
    call.ends(5500, Sound::KeepAlive, How::AtOnce);
    call.ends(6000, Sound::KeepAlive, How::Unplayable(None));
    call.pass(9000);
    call.assert_steps(&[(0, PLAY), (5000, PLAY), (5500, PLAY)]);
}

#[test]
fn patience_ends_after_silence_at_the_conversations_end_and_when_the_model_has_ended_it() {
    let mut call = listening(|_| {});
    call.pass(20_000);
    assert!(ended(&call).ends_with("silence"));
    assert!(matches!(call.end, Some((10_000..=10_080, _))));
    let mut call = listening(|listening| listening.settings.ask_after = Duration::from_secs(99));
    call.pass(99_000);
    assert!(ended(&call).ends_with("late"));
    assert!(matches!(call.end, Some((60_000..=60_080, _))));
    let mut call = listening(|_| {});
    call.scene.turn.actions = vec![crate::text::Action::Goodbye];
    call.pass(1000);
    assert!(matches!(call.end, Some((0..=80, Ok(Heard::Silence)))));
}

#[test]
fn a_hang_up_and_a_limit_end_it() {
    let mut call = listening(|_| {});
    call.on(700, Input::HungUp);
    assert_eq!(ended(&call), "700 hung up");
    let mut call = listening(|_| {});
    let refused = Err::<(), _>("the day's money is spent").at(Stage::Limit);
    call.on(700, Input::Failed(refused.expect_err("one")));
    assert_eq!(ended(&call), "700 limit: the day's money is spent");
}

#[test]
fn what_was_not_answered_is_transcribed_together_with_what_follows() {
    let first = Arc::new(Pcm {
        rate_hz: 8000,
        samples: vec![0; 16_000],
    });
    let mut call = listening(|listening| listening.unanswered = Some(first));
    let spoke = call.hears(0, 1000, Line::Quiet);
    let quiet = call.hears(spoke, 1000, Line::Voice);
    call.hears(quiet, 1000, Line::Quiet);
    assert_eq!(ended(&call), "2760 turn of 3.8 s, 0 events");
}

#[test]
fn the_echo_of_the_sound_before_begins_no_turn() {
    let mut call = listening(|_| {});
    let echo = call.hears(0, 120, Line::Voice);
    call.hears(echo, 1500, Line::Quiet);
    call.assert_steps(&[(0, PLAY)]);
    assert_eq!(ended(&call), "goes on");
}
