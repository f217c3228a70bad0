//! What a caller can make us pay for again and again in one conversation, and where that ends.

use std::fs;

use serde_json::{Value, json};
use testkit::{Settings, Stage};

use super::{BREATH, SHORT, converse, one_turn, settings, spoken, with_pauses};
use crate::house::House;

/// Half a second of a voice and 0.4 s of quiet, again and again.
fn pulses(count: usize) -> Vec<i16> {
    let samples = spoken("question-tea.wav");
    let pulse = [&samples[..4000], &[0; 3200]].concat();
    pulse.repeat(count)
}

#[test]
fn a_turn_of_many_pauses_is_transcribed_four_times_at_most() {
    let house = House::new();
    house.sandbox.answer_with(SHORT);
    let settings = settings(&house)
        .set("conversation.max_question", 6.0)
        .set("conversation.max_turns", 1);
    let conversation = converse(&house, &settings);
    conversation.phone.wait(BREATH);
    conversation.phone.say(pulses(7));
    conversation.finish();
    let asked = house.sandbox.requests_to(Stage::Stt).len();
    assert!((2..=4).contains(&asked), "{asked} transcriptions");
}

#[test]
fn whoever_goes_on_again_and_again_before_they_are_understood_pays_for_four_transcriptions_too() {
    let house = House::new();
    house.sandbox.answer_with(SHORT);
    // Nobody is understood before they go on.
    house.sandbox.hold(Stage::Stt);
    let settings = settings(&house)
        .set("conversation.quiet", 0.4)
        .set("conversation.max_question", 20.0)
        .set("conversation.max_turns", 1);
    let conversation = converse(&house, &settings);
    conversation.phone.wait(BREATH);
    conversation.phone.say(with_pauses()).wait();
    house.sandbox.release(Stage::Stt);
    let outcome = conversation.finish();
    let asked = house.sandbox.requests_to(Stage::Stt).len();
    assert!((2..=4).contains(&asked), "{asked} transcriptions");
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
}

#[test]
fn noises_that_nobody_understands_use_up_turns() {
    let house = House::new();
    let nothing = testkit::Response::new(200, "application/json", "{}");
    house.sandbox.respond(Stage::Stt, nothing);
    let settings = settings(&house)
        .set("conversation.max_turns", 2)
        .set("conversation.ask_after", 60.0);
    let conversation = converse(&house, &settings);
    conversation.phone.wait(BREATH);
    // Each is more than twice as loud as the one before, so that it may be a caller.
    for softer in [27, 9, 3, 1] {
        let sound = noise().into_iter().map(|sample| sample / softer);
        conversation.phone.say(sound.collect());
    }
    conversation.finish();
    let asked = house.sandbox.requests_to(Stage::Stt).len();
    assert_eq!(asked, 4, "two for free, and two turns");
}

#[test]
fn a_noise_that_goes_on_is_paid_for_once() {
    let house = House::new();
    let nothing = testkit::Response::new(200, "application/json", "{}");
    house.sandbox.respond(Stage::Stt, nothing);
    let settings = settings(&house).set("conversation.ask_after", 60.0);
    let conversation = converse(&house, &settings);
    conversation.phone.wait(BREATH);
    conversation.phone.say(noise().repeat(12)).wait();
    conversation.hang_up();
    assert_eq!(house.sandbox.requests_to(Stage::Stt).len(), 1);
}

/// Half a second of a voice, and silence.
fn noise() -> Vec<i16> {
    let samples = spoken("question-tea.wav");
    [&samples[..4000], &vec![0; 12_000]].concat()
}

/// The dollars that a question about tea could cost with these settings.
pub(crate) fn could_cost(house: &House, settings: &Settings) -> f64 {
    let settings = settings.clone().set("limits.max_daily_cost", 0.000_001);
    let outcome = one_turn(house, &settings);
    fs::remove_file(house.other().join("audio")).unwrap();
    outcome.assert_variable("ASSISTANT_STATUS", "LIMITED");
    let error = outcome.variable("ASSISTANT_ERROR");
    let (_, cost) = error.split_once("could cost $").unwrap();
    let (cost, _) = cost.split_once(';').unwrap();
    cost.parse().unwrap()
}

#[test]
fn all_that_a_turn_may_be_transcribed_is_set_aside_before_the_first_time() {
    let house = House::new();
    let could_cost = |thinks_ahead: bool| {
        let settings = settings(&house)
            .set("conversation.think_ahead", thinks_ahead)
            .set("conversation.max_question", 60.0);
        could_cost(&house, &settings)
    };
    // A minute of Google's costs $0.024.
    assert!(could_cost(true) > could_cost(false) + 3.0 * 0.024);
    assert_eq!(house.sandbox.paid_requests(), 0);
}

#[test]
fn what_was_transcribed_before_a_real_pause_is_neither_sent_nor_billed_again() {
    let house = House::new();
    house.sandbox.answer_with(SHORT);
    let words = json!({"results": [{"alternatives": [{"transcript": "I would like to."}]}]});
    let words = testkit::Response::json(200, &words);
    house.sandbox.respond(Stage::Stt, words);
    let log = house.other().join("calls.log");
    let settings = settings(&house)
        .set("log.calls", log.to_str().unwrap())
        .set("conversation.max_turns", 1);
    let conversation = converse(&house, &settings);
    conversation.phone.wait(BREATH);
    let samples = spoken("question-moon.wav");
    let (first, second) = samples.split_at(samples.len() / 2);
    conversation
        .phone
        .say([first, &vec![0; 9600], second].concat());
    let outcome = conversation.finish();
    outcome.assert_variable("ASSISTANT_QUESTION", "I would like to I would like to.");
    let asked = house.sandbox.requests_to(Stage::Stt);
    let sent_ms = |index: usize| {
        let sound = asked[index].body["audio"]["content"].as_str().unwrap();
        sound.len() * 3 / 4 / 2 / 8
    };
    assert_eq!(asked.len(), 2);
    // What is silent is sent around both.
    let all_ms = sent_ms(0) + sent_ms(1);
    assert!(all_ms < samples.len() / 8 + 1700, "{all_ms} ms");
    let record: Value = serde_json::from_slice(&fs::read(&log).unwrap()).unwrap();
    let billed_ms = record["used"][0]["audio_ms"].as_u64().unwrap();
    let billed_ms = usize::try_from(billed_ms).unwrap();
    assert!(billed_ms.abs_diff(all_ms) < 3, "{all_ms} ms, {record}");
}
