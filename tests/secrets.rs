//! What no log may hold: keys and tokens never, what was said only where the settings allow it.

use std::collections::BTreeSet;
use std::fs;

use serde_json::json;
use testkit::{
    Fault, GEMINI_API_KEY, OPENAI_API_KEY, Outcome, Place, Response, Settings, Stage, leak,
};

use crate::house::{House, MOON, PATIENCE, each};
use crate::providers;

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

    // In the type of a body that is not what it should be.
    for (stage, body) in [(Stage::Stt, "{"), (Stage::Tts, "no sound")] {
        let house = House::new();
        let quoting = Response::new(200, &format!("text/{OPENAI_API_KEY}"), body);
        house.sandbox.respond(stage, quoting);
        let call = house
            .ask("question-moon.wav")
            .call_with(&providers::openai(&house))
            .env("PHONE_ASSISTANT_LOG", "trace");
        let outcome = call.start().finish(PATIENCE);
        outcome.assert(
            !outcome.to_string().contains(OPENAI_API_KEY),
            "the key is in the error or in the log",
        );
    }

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

/// The settings of every provider, with a key wherever one can be.
fn of_all_providers(house: &House) -> [Settings; 4] {
    let with_key = |settings: Settings| settings.set("llm.gemini.api_key", GEMINI_API_KEY);
    [
        with_key(house.sandbox.settings()),
        providers::openai(house),
        providers::google_voice(house),
        providers::gemini(house),
    ]
}

#[test]
fn no_fault_of_speech_to_text_shows_a_key_on_any_level() {
    no_fault_shows_a_secret(0, Stage::Stt);
}

#[test]
fn no_fault_of_a_model_shows_a_key_or_a_word_on_any_level() {
    no_fault_shows_a_secret(1, Stage::Llm);
}

#[test]
fn no_fault_of_a_voice_shows_a_key_or_a_word_on_any_level() {
    no_fault_shows_a_secret(2, Stage::Tts);
}

fn no_fault_shows_a_secret(number: usize, stage: Stage) {
    let faults = [
        Fault::Status(400),
        Fault::Status(401),
        Fault::Status(403),
        Fault::Status(404),
        Fault::Status(429),
        Fault::Status(500),
        Fault::Detail(404),
        Fault::QuotaExhausted,
        Fault::Reset,
        Fault::NotJson,
        Fault::Empty,
        Fault::CutShort,
        Fault::WrongShape,
        Fault::MidStreamError(1),
    ];
    for (index, keys) in KEYS.iter().enumerate() {
        let message = quoting(keys[number], SENT[number]);
        let error = json!({"error": {"message": message, "code": "invalid_api_key"}});
        let quoting = [
            Fault::Reply(Response::json(401, &error)),
            Fault::Reply(Response::json(422, &json!({"detail": message}))),
        ];
        each(faults.iter().chain(&quoting), |fault| {
            shows_no_secret(stage, fault, index);
        });
    }
}

/// A call to the providers with this number shows nothing that it should not, on the level that shows most.
fn shows_no_secret(stage: Stage, fault: &Fault, providers: usize) {
    let house = House::new();
    house.sandbox.fault(stage, fault.clone(), usize::MAX);
    let settings = &of_all_providers(&house)[providers];
    let call = house.ask("question-moon.wav").call_with(settings);
    let call = call.env("PHONE_ASSISTANT_LOG", "trace");
    let outcome = call.start().finish(PATIENCE);
    let error = outcome.variable("ASSISTANT_ERROR");
    let shown = format!("{}\n{error}\n{:?}", outcome.stderr, outcome.verbose);
    for secret in SECRETS {
        let what = format!("{secret:?} is shown after {fault:?} at {stage:?}");
        outcome.assert(!shown.contains(secret), &what);
    }
}

/// Which key the service of each stage is sent, where it is one that does not change.
const KEYS: [[&str; 3]; 4] = [
    ["", GEMINI_API_KEY, OPENAI_API_KEY],
    [OPENAI_API_KEY; 3],
    ["", "", ""],
    [GEMINI_API_KEY; 3],
];

/// Parts of the words that each is sent.
const SENT: [&str; 3] = [
    "",
    "far away is the moon",
    "about three hundred eighty-four",
];

/// What a service may quote: its key whole, in part and masked, and of what it was sent a part.
fn quoting(key: &str, words: &str) -> String {
    let (beginning, end) = key.split_at(key.len() * 2 / 3);
    format!(
        "Incorrect API key provided: {key}, {beginning}, {end}, sk-sa****cdef. \
         You sent: {words}"
    )
}

/// Parts that could come from nowhere else.
const SECRETS: [&str; 9] = [
    "andbox-012",
    "0123456789abc",
    "AQ.sandb",
    "cdef.",
    TOKEN,
    "PRIVATE KEY",
    "access_token",
    "away is the moon",
    "hundred eighty",
];

#[test]
fn a_key_that_a_recognizer_says_back_in_any_spelling_is_shown_nowhere() {
    no_echo_shows_a_key(Stage::Stt);
}

#[test]
fn a_key_that_a_model_says_back_in_any_spelling_is_shown_nowhere() {
    no_echo_shows_a_key(Stage::Llm);
}

#[test]
fn a_key_that_a_voice_says_back_in_any_spelling_is_shown_nowhere() {
    no_echo_shows_a_key(Stage::Tts);
}

#[test]
fn a_signature_that_is_said_back_in_any_spelling_is_shown_nowhere() {
    each(Place::ALL, |place| says_back(Stage::Token, place, 0));
}

fn no_echo_shows_a_key(stage: Stage) {
    let all = Place::ALL
        .into_iter()
        .flat_map(|place| (0..KEYS.len()).map(move |providers| (place, providers)));
    each(all, |(place, providers)| says_back(stage, place, providers));
}

/// A call to a service that says back the key that it was given shows that key in no log, no variable and nothing else,
/// on the level that shows most and where words may be shown.
fn says_back(stage: Stage, place: Place, providers: usize) {
    let house = House::new();
    if stage == Stage::Token {
        house.sandbox.refuse_self_signed(Stage::Stt);
    }
    house.sandbox.fault(stage, Fault::Echo(place), usize::MAX);
    let log = house.other().join("calls.jsonl");
    let settings = of_all_providers(&house)[providers]
        .clone()
        .set("log.words", true)
        .set("log.calls", log.to_str().unwrap());
    let call = house.ask("question-moon.wav").call_with(&settings);
    let outcome = call
        .env("PHONE_ASSISTANT_LOG", "trace")
        .start()
        .finish(PATIENCE);
    let shown = everything(&outcome) + &fs::read_to_string(&log).unwrap();
    let keys: BTreeSet<String> = house
        .sandbox
        .requests()
        .iter()
        .flat_map(|request| {
            let of_header = |name: &str| {
                let found = request
                    .headers
                    .iter()
                    .find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.trim_start_matches("Bearer ").to_owned())
            };
            let assertion = request.body["assertion"].as_str().map(str::to_owned);
            [
                of_header("authorization"),
                of_header("x-goog-api-key"),
                assertion,
            ]
        })
        .flatten()
        .collect();
    outcome.assert(!keys.is_empty(), "nothing was asked with a key");
    outcome.assert(
        place != Place::Refusal || shown.contains("[redacted]"),
        "nothing was said back",
    );
    for key in keys {
        let left = leak(&key, &shown);
        outcome.assert(
            left.is_none(),
            &format!("{stage:?} {place:?}: {left:?} of {key} is shown"),
        );
    }
}

/// All of a call that a person may come to see.
fn everything(outcome: &Outcome) -> String {
    let lines = outcome.dialogue.iter().map(|line| line.text.clone());
    let told = outcome.verbose.iter().map(|(line, _)| line.clone());
    let all = lines
        .chain(told)
        .chain(outcome.warnings.clone())
        .chain(outcome.variables.values().cloned())
        .chain([outcome.stderr.clone()]);
    all.collect::<Vec<_>>().join("\n")
}
