//! Who answers depends on the number that was dialled.

use std::fs;

use phone_assistant::config::personas::PERSONA_KEYS;
use serde_json::Value;
use testkit::{CallBuilder, Settings, Stage};

use crate::conversation::{self, BREATH};
use crate::house::{House, PATIENCE};

/// Is that one of the settings which a persona named kitchen has?
pub(crate) fn is_of_kitchen(name: &str) -> bool {
    let key = name.strip_prefix("persona.kitchen.");
    PERSONA_KEYS.iter().any(|known| key == Some(known.name))
}

fn with_kitchen(settings: Settings) -> Settings {
    settings
        .set("persona.kitchen.prompt", "You cook.")
        .set("persona.kitchen.voice", "onyx")
        .set("persona.kitchen.language", "de-DE")
        .set("persona.kitchen.greeting", "This is the kitchen.")
        .set("persona.kitchen.model", "gemini-3.8-flash")
}

/// Was it the kitchen that each service worked for, or nobody in particular?
fn assert_answered_by_kitchen(house: &House, is_expected: bool) {
    let first = |stage| house.sandbox.requests_to(stage)[0].clone();
    let path = first(Stage::Llm).path;
    assert_eq!(path.contains("gemini-3.8-flash:"), is_expected, "{path}");
    for (stage, words) in [
        (Stage::Stt, "de-DE"),
        (Stage::Llm, "You cook."),
        (Stage::Tts, "\"onyx\""),
    ] {
        let body = first(stage).body.to_string();
        assert_eq!(body.contains(words), is_expected, "{words} in {body}");
    }
}

#[test]
fn a_persona_reaches_every_service_and_only_the_calls_that_choose_it() {
    let table = [
        (None, false),
        (Some("persona="), false),
        (Some("persona=kitchen"), true),
    ];
    for (argument, is_chosen) in table {
        let house = House::new();
        let log = house.other().join("calls.log");
        let settings =
            with_kitchen(house.sandbox.settings()).set("log.calls", log.to_str().unwrap());
        let call = house.ask("question-tea.wav").call_with(&settings);
        let call = argument.into_iter().fold(call, CallBuilder::arg);
        let outcome = call.start().finish(PATIENCE);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        assert_answered_by_kitchen(&house, is_chosen);
        let record: Value = serde_json::from_slice(&fs::read(&log).unwrap()).unwrap();
        let persona = is_chosen.then_some("kitchen");
        assert_eq!(record.get("persona").and_then(Value::as_str), persona);
    }
}

#[test]
fn a_conversation_is_held_by_its_persona_but_for_what_other_arguments_say() {
    let house = House::new();
    let settings = with_kitchen(conversation::settings(&house)).set("conversation.max_turns", 1);
    let arguments = ["conversation.greeting=", "persona=kitchen"];
    let conversation = conversation::converse_with(&house, &settings, &arguments);
    conversation.phone.wait(BREATH);
    conversation.ask("question-tea.wav");
    let outcome = conversation.finish();
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_answered_by_kitchen(&house, true);
    let greeting = "This is the kitchen.".to_owned();
    assert!(!house.spoken_texts().contains(&greeting));
}

#[test]
fn a_fallback_keeps_its_own_voice() {
    let house = House::new();
    let settings = with_kitchen(house.sandbox.settings())
        .set("tts.openai.api_key", "sk-of-somebody-else")
        .set("tts.fallback", ["google"].as_slice())
        .set("tts.google.voice", "en-US-Chirp3-HD-Charon");
    let call = house.ask("question-tea.wav").call_with(&settings);
    let outcome = call.arg("persona=kitchen").start().finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let asked = house.sandbox.requests_to(Stage::Tts);
    let last = asked.last().unwrap().body.to_string();
    assert!(last.contains("en-US-Chirp3-HD-Charon"), "{last}");
}

#[test]
fn an_unknown_persona_fails_the_call_and_names_those_there_are() {
    let house = House::new();
    let settings = with_kitchen(house.sandbox.settings());
    let call = house.ask("question-tea.wav").call_with(&settings);
    let outcome = call.arg("persona=garden").start().finish(PATIENCE);
    outcome
        .assert_variable("ASSISTANT_STATUS", "FAILED")
        .assert_variable_contains(
            "ASSISTANT_ERROR",
            "unknown persona garden (there are: kitchen)",
        );
    assert_eq!(house.sandbox.paid_requests(), 0);
}

#[test]
fn a_conversation_is_greeted_with_the_words_and_the_voice_of_its_persona() {
    let house = House::new();
    let settings = with_kitchen(conversation::settings(&house)).set("conversation.ask_after", 2.0);
    let outcome = conversation::converse_with(&house, &settings, &["persona=kitchen"]).finish();
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(house.spoken_texts(), ["This is the kitchen."]);
    let spoken = house.sandbox.requests_to(Stage::Tts)[0].body.to_string();
    assert!(spoken.contains("\"onyx\""), "{spoken}");
}
