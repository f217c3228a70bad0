//! What no log may hold: keys and tokens never, what was said only where the settings allow it.

use serde_json::json;
use testkit::{GEMINI_API_KEY, OPENAI_API_KEY, Response, Stage};

use crate::house::{House, MOON, PATIENCE};

/// How every token that the program signs begins: the base64 of `{"typ":"JWT"` or `{"alg":…`.
const TOKEN: &str = "eyJ";

#[test]
fn a_trace_of_a_call_shows_no_key_and_no_word() {
    let house = House::new();
    house.sandbox.refuse_self_signed(Stage::Llm);
    let call = house
        .ask("question-moon.wav")
        .call()
        .env("PHONE_ASSISTANT_LOG", "trace");
    let outcome = call.start().finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    for secret in [OPENAI_API_KEY, TOKEN, "PRIVATE KEY", "moon", MOON] {
        outcome.assert(
            !outcome.stderr.contains(secret),
            &format!("{secret:?} is logged"),
        );
    }
    for part in ["AGI < ", "POST https://", "<25 bytes>", "sent: <"] {
        outcome.assert(
            outcome.stderr.contains(part),
            &format!("{part:?} is not logged"),
        );
    }
}

#[test]
fn words_are_logged_where_they_may_be_and_keys_are_not() {
    let house = House::new();
    house.sandbox.refuse_self_signed(Stage::Stt);
    let settings = house
        .sandbox
        .settings()
        .set("log.words", true)
        .set("llm.gemini.api_key", GEMINI_API_KEY);
    let call = house
        .ask("question-moon.wav")
        .call_with(&settings)
        .env("PHONE_ASSISTANT_LOG", "trace");
    let outcome = call.start().finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    for secret in [
        OPENAI_API_KEY,
        GEMINI_API_KEY,
        TOKEN,
        "PRIVATE KEY",
        "access_token",
    ] {
        outcome.assert(
            !outcome.stderr.contains(secret),
            &format!("{secret:?} is logged"),
        );
    }
    outcome.assert(
        outcome.stderr.contains("How far away is the moon?"),
        "the words are not logged",
    );
}

#[test]
fn an_error_quotes_neither_the_key_nor_what_was_said() {
    let house = House::new();
    house.sandbox.respond(
        Stage::Stt,
        Response::json(200, &json!({"results": "what was said"})),
    );
    let outcome = house.outcome("question-moon.wav");
    outcome.assert_variable_contains("ASSISTANT_ERROR", "break its format");
    outcome.assert(
        !outcome.to_string().contains("what was said"),
        "the words are in the error",
    );

    let house = House::new();
    let quoting = json!({"error": {"message": format!("Incorrect API key: {OPENAI_API_KEY}"), "code": "invalid_api_key"}});
    house
        .sandbox
        .respond(Stage::Tts, Response::json(401, &quoting));
    let outcome = house.outcome("question-moon.wav");
    outcome.assert_variable_contains("ASSISTANT_ERROR", "[redacted]");
    outcome.assert(
        !outcome.to_string().contains(OPENAI_API_KEY),
        "the key is in the error",
    );

    let house = House::new();
    let sentence = "The moon is far away.";
    let quoting =
        json!({"error": {"message": format!("cannot speak {sentence:?}"), "code": "bad_input"}});
    house.sandbox.answer_with(sentence);
    house
        .sandbox
        .respond(Stage::Tts, Response::json(400, &quoting));
    let outcome = house.outcome("question-moon.wav");
    outcome.assert_variable_contains("ASSISTANT_ERROR", "cannot speak \"<21 bytes>\"");
}
