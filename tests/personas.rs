//! Who answers depends on the number that was dialled.

use testkit::{Settings, Stage};

use crate::conversation;
use crate::house::House;

fn with_kitchen(settings: Settings) -> Settings {
    settings
        .set("persona.kitchen.prompt", "You cook.")
        .set("persona.kitchen.voice", "onyx")
        .set("persona.kitchen.language", "de-DE")
        .set("persona.kitchen.greeting", "This is the kitchen.")
        .set("persona.kitchen.model", "gemini-3.6-flash")
}

#[test]
fn a_persona_reaches_every_service_and_only_the_calls_that_choose_it() {
    for (arguments, persona) in [(vec![], None), (vec!["persona=kitchen"], Some("You cook."))] {
        let house = House::new();
        let settings = with_kitchen(house.sandbox.settings());
        let mut call = house.ask("question-tea.wav").call_with(&settings);
        for argument in arguments {
            call = call.arg(argument);
        }
        let outcome = call.start().finish(crate::house::PATIENCE);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let body = |stage| house.sandbox.requests_to(stage)[0].body.to_string();
        let said = house.sandbox.requests_to(Stage::Llm)[0].clone();
        assert_eq!(
            said.path.contains("gemini-3.6-flash:"),
            persona.is_some(),
            "{}",
            said.path
        );
        assert_eq!(body(Stage::Llm).contains("You cook."), persona.is_some());
        assert_eq!(body(Stage::Stt).contains("de-DE"), persona.is_some());
        assert_eq!(body(Stage::Tts).contains("\"onyx\""), persona.is_some());
    }
}

#[test]
fn an_unknown_persona_fails_the_call_and_names_those_there_are() {
    let house = House::new();
    let settings = with_kitchen(house.sandbox.settings());
    let call = house.ask("question-tea.wav").call_with(&settings);
    let outcome = call
        .arg("persona=garden")
        .start()
        .finish(crate::house::PATIENCE);
    outcome
        .assert_variable("ASSISTANT_STATUS", "FAILED")
        .assert_variable_contains(
            "ASSISTANT_ERROR",
            "unknown persona garden (there are: kitchen)",
        );
    assert_eq!(house.sandbox.paid_requests(), 0);
}

#[test]
fn a_talk_is_greeted_with_the_words_and_the_voice_of_its_persona() {
    let house = House::new();
    let settings = with_kitchen(conversation::settings(&house)).set("conversation.ask_after", 2.0);
    let outcome = conversation::talk_with(&house, &settings, &["persona=kitchen"]).finish();
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(house.spoken_texts(), ["This is the kitchen."]);
    let spoken = house.sandbox.requests_to(Stage::Tts)[0].body.to_string();
    assert!(spoken.contains("\"onyx\""), "{spoken}");
}
