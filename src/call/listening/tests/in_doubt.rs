//! Turns that may be a background's, because what was sent last had no words.

use super::*;

type Change = fn(&mut Scene);

/// The line brings a sound from `ms` on, which does this once it is heard, and then quiet, until that has been sent and no
/// words are found in it. Returns how long after its end it was sent, and when its words are known.
fn wordless(
    call: &mut Virtual<Listening>,
    ms: u64,
    sound: Line,
    does: Change,
) -> (Option<u64>, u64) {
    call.told();
    let half = call.hears(ms, 500, sound);
    does(&mut call.scene);
    let quiet = call.hears(half, 500, sound);
    let mut now = quiet;
    let mut sent = None;
    while now < quiet + 4000 && call.end.is_none() {
        now = call.hears(now, 20, Line::Quiet);
        let steps = call.told();
        let is_sent = |(ms, step): &(u64, String)| step.starts_with("transcribe").then_some(*ms);
        sent = sent.or(steps.iter().find_map(is_sent));
        if sent.is_some_and(|sent| now >= sent + 700) {
            call.on(now, transcribed("", Completeness::Unknown));
        }
    }
    if let Some((_, Ok(Heard::Turn(turn)))) = call.end.take() {
        let at = call.at(now);
        call.phase.transcribed(&turn.speech, false, at);
        call.phase.answered(None, &mut call.scene);
        call.phase.begin(at, at);
    }
    (sent.map(|sent| sent - quiet), now)
}

#[test]
fn what_interrupts_is_sent_at_once_however_often_it_had_no_words() {
    let table: [(&str, Change); 2] = [
        ("an answer", |scene| scene.turn.is_interrupted = true),
        ("a phrase", |scene| scene.is_cut_off = true),
    ];
    for (name, interrupts) in table {
        let mut call = listening(|_| {});
        let begins = call.hears(0, 1000, Line::Quiet);
        let (_, mut now) = wordless(&mut call, begins, Line::Voice, |_| {});
        for time in 1..4 {
            (call.scene.turn.is_interrupted, call.scene.is_cut_off) = (false, false);
            let begins = call.hears(now, 2000, Line::Quiet);
            let (sent, later) = wordless(&mut call, begins, Line::Voice, interrupts);
            now = later;
            let is_soon = sent.is_some_and(|ms| ms <= 400);
            assert!(is_soon, "{name}, {time}: {sent:?}");
        }
    }
}

#[test]
fn a_caller_as_loud_as_what_interrupted_for_nothing_is_sent_as_any_other() {
    let mut call = listening(|_| {});
    let mut now = call.hears(0, 1000, Line::Quiet);
    for time in 1..4 {
        (call.scene.turn.is_interrupted, call.scene.is_cut_off) = (false, false);
        let begins = call.hears(now, 2000, Line::Quiet);
        let does: Change = match time {
            1 => |scene| scene.turn.is_interrupted = true,
            2 => |scene| scene.is_cut_off = true,
            _ => |_| {},
        };
        let (sent, later) = wordless(&mut call, begins, Line::Voice, does);
        now = later;
        assert!(sent.is_some_and(|ms| ms <= 400), "{time}: {sent:?}");
    }
}

#[test]
fn a_turn_that_seems_no_voice_is_sent_after_silence_too() {
    for sound in [Line::Voice, Line::Melody] {
        let mut call = listening(|_| {});
        let begins = call.hears(0, 1000, Line::Quiet);
        let (first, now) = wordless(&mut call, begins, Line::Voice, |_| {});
        assert!(first.is_some());
        let begins = call.hears(now, 2000, Line::Quiet);
        let (sent, _) = wordless(&mut call, begins, sound, |_| {});
        assert!(sent.is_some_and(|ms| ms <= 2100), "{sent:?}");
    }
}

#[test]
fn what_was_said_into_a_phrase_and_may_be_a_background_is_sent_after_silence() {
    let mut call = listening(|_| {});
    let begins = call.hears(0, 1000, Line::Quiet);
    let (_, known) = wordless(&mut call, begins, Line::Voice, |_| {});
    let until = call.hears(known, 2000, Line::Quiet);
    call.told();
    let voice = testkit::audio::clips::babble(8000, "waterfall");
    call.scene.said = vec![Pcm {
        rate_hz: 8000,
        samples: voice.samples.clone(),
    }];
    let now = call.at(until);
    call.phase.take_up(&mut call.scene, now);
    call.hears(until, 1500, Line::Quiet);
    call.assert_steps(&[(until + 1300, "transcribe 0.6 s, 0 later")]);
}

#[test]
fn what_was_said_into_a_phrase_beside_a_background_is_sent_with_the_turn_under_way_at_its_end() {
    let mut call = listening(|_| {});
    let begins = call.hears(0, 1000, Line::Quiet);
    let (_, known) = wordless(&mut call, begins, Line::Voice, |_| {});
    let until = call.hears(known, 2000, Line::Quiet);
    call.told();
    let (quiet, steps) = with_what_was_said(&mut call, until, "waterfall");
    assert_eq!(
        steps,
        [(quiet + 2060, "transcribe 2.3 s, 0 later".to_owned())]
    );
}

#[test]
fn what_was_said_into_a_phrase_and_the_turn_under_way_are_no_longer_than_a_turn_may_be() {
    let mut call = listening(|_| {});
    let begins = call.hears(0, 1000, Line::Quiet);
    let (_, known) = wordless(&mut call, begins, Line::Voice, |_| {});
    let until = call.hears(known, 2000, Line::Quiet);
    call.told();
    let (_, steps) = with_what_was_said(&mut call, until, &"waterfall".repeat(13));
    let steps: Vec<_> = steps.iter().map(|(_, step)| step.as_str()).collect();
    assert_eq!(steps, ["transcribe 8.0 s, 0 later"]);
}

/// The caller has said `words` into a phrase, and is speaking again at `ms`, for another 400 ms. Returns when they are
/// quiet, and what is done then.
fn with_what_was_said(
    call: &mut Virtual<Listening>,
    ms: u64,
    words: &str,
) -> (u64, Vec<(u64, String)>) {
    let voice = testkit::audio::clips::babble(8000, words);
    let now = call.at(ms);
    let caller = call.scene.caller.as_mut().expect("there");
    caller.hear(&voice.samples[..8 * 200], now);
    assert!(call.scene.is_in_turn());
    call.scene.said = vec![Pcm {
        rate_hz: 8000,
        samples: voice.samples,
    }];
    call.phase.take_up(&mut call.scene, now);
    let quiet = call.hears(ms, 400, Line::Voice);
    call.hears(quiet, 3000, Line::Quiet);
    (quiet, call.told())
}
