//! A turn that ends by what was said in it.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::{Response, Stage};

use super::{BREATH, SHORT, converse, one_turn, settings};
use crate::house::House;

#[test]
fn the_model_is_asked_sooner_after_a_question_and_later_after_half_a_sentence() {
    // A request takes some of it.
    let (soon, usual, late) = (100..300, 300..1300, 1400..3000);
    let table = [
        ("How long should black tea steep.", "en-US", true, &soon),
        ("Wie lange muss schwarzer Tee ziehen.", "de-DE", true, &soon),
        ("I need a plumber.", "en-US", true, &usual),
        ("How long should black tea steep.", "sv-SE", true, &usual),
        ("How long should black tea steep.", "en-US", false, &usual),
        ("I would like to.", "en-US", true, &late),
        ("Mein Name ist.", "de-DE", true, &late),
    ];
    for (words, language, by_meaning, expected) in table {
        // Another try is for a machine that was busy.
        let mut tries = (0..3).map(|_| waited_ms(words, language, by_meaning));
        let is_kept = tries.any(|waited| expected.contains(&waited));
        assert!(is_kept, "{words} ({language}): not within {expected:?} ms");
    }
}

#[test]
fn a_caller_whom_a_slow_recognizer_keeps_waiting_is_told_so_as_soon_as_others() {
    // Another try is for a machine that was busy.
    let is_soon = (0..3).any(|_| {
        let house = House::new();
        house.sandbox.hold(Stage::Stt);
        let conversation = converse(&house, &settings(&house).set("waiting.after", 1.0));
        conversation.phone.wait(BREATH);
        conversation.ask("question-tea.wav").wait();
        let end = Instant::now();
        conversation.wait_for_sounds(Path::new("one-moment-please"), 1);
        let waited = end.elapsed();
        house.sandbox.release(Stage::Stt);
        conversation.hang_up();
        waited < Duration::from_millis(2500)
    });
    assert!(is_soon, "not 1 s after the quiet that ends a turn");
}

/// From the transcript, which is there at once after 0.3 s of quiet, to the model.
fn waited_ms(words: &str, language: &str, by_meaning: bool) -> u128 {
    let house = House::new();
    house.sandbox.answer_with(SHORT);
    let transcript = json!({"results": [{"alternatives": [{"transcript": words}]}]});
    let transcript = Response::json(200, &transcript);
    house.sandbox.respond(Stage::Stt, transcript);
    let settings = settings(&house)
        .set("stt.language", language)
        .set("conversation.by_meaning", by_meaning)
        .set("conversation.max_turns", 1);
    let outcome = one_turn(&house, &settings);
    outcome.assert_variable("ASSISTANT_QUESTION", words);
    let at = |stage| house.sandbox.requests_to(stage)[0].at;
    let waited = at(Stage::Llm) - at(Stage::Stt);
    waited.as_millis()
}
