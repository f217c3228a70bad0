//! `phone-assistant check` where no Asterisk is: what it says of settings and services. What it says of a machine with an
//! Asterisk, tests/asterisk knows.

use std::process::{Command, Output};

use serde_json::Value;
use testkit::Settings;

use crate::house::{House, program};

#[test]
fn a_stage_that_cannot_be_set_up_hides_no_fault_of_another() {
    let house = House::new();
    let settings = house
        .sandbox
        .settings()
        .set("google.credentials", "/nonexistent/creds.json")
        .set("openai.api_key", "sk-of-somebody-else");
    let found = check(&house, &settings, &[]);
    for (id, words) in [
        ("stt", "/nonexistent/creds.json"),
        ("tts openai tts-1", "401"),
    ] {
        let finding = of(&found, id).find(|finding| finding["status"] == "fail");
        let text = finding.unwrap_or_else(|| panic!("no {id} in {found:#}"))["text"].to_string();
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn the_alias_that_follows_a_retired_model_is_tried_too() {
    let house = House::new();
    let found = check(&house, &house.sandbox.settings(), &[]);
    for id in [
        "llm gemini gemini-3.5-flash-lite",
        "llm gemini gemini-flash-lite-latest",
    ] {
        assert!(of(&found, id).all(|finding| finding["status"] == "ok"));
        assert_eq!(of(&found, id).count(), 1, "{id} in {found:#}");
    }
}

#[test]
fn what_personas_say_is_shown_among_the_settings() {
    let house = House::new();
    let settings = house
        .sandbox
        .settings()
        .set("persona.kitchen.voice", "onyx")
        .set("persona.office.language", "de-DE");
    let found = check(&house, &settings, &["--offline"]);
    let text = of(&found, "settings").next().unwrap()["text"].to_string();
    for line in ["persona.kitchen.voice = ", "persona.office.language = "] {
        assert!(text.contains(line), "{line:?} in {text}");
    }
}

#[test]
fn a_daily_run_says_nothing_twice_on_stderr_either() {
    let house = House::new();
    let settings = house
        .sandbox
        .settings()
        .set("llm.provider", "openai")
        .set("llm.openai.model", "gpt-6-luna")
        .set("llm.openai.token_limit", "auto");
    // The model refuses the name that its server is asked with first, and that is a warning.
    let loud = run_check(&house, &settings, &[]);
    let warnings = String::from_utf8_lossy(&loud.stderr).into_owned();
    assert!(warnings.contains("name it in token_limit"), "{warnings}");
    run_check(&house, &settings, &["--quiet"]);
    let quiet = run_check(&house, &settings, &["--quiet"]);
    assert_eq!((quiet.stdout, quiet.stderr), (Vec::new(), Vec::new()));
}

/// All findings.
fn check(house: &House, settings: &Settings, arguments: &[&str]) -> Value {
    let output = run_check(house, settings, &[&["--json"], arguments].concat());
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    found["checks"].clone()
}

/// Those of one name.
fn of<'a>(found: &'a Value, id: &'a str) -> impl Iterator<Item = &'a Value> {
    let all = found.as_array().unwrap().iter();
    all.filter(move |finding| finding["id"] == id)
}

/// Starts the doctor as whoever runs this test, root too, and lets it end.
fn run_check(house: &House, settings: &Settings, arguments: &[&str]) -> Output {
    let config = settings.write(house.other());
    Command::new(program())
        .arg("check")
        .args(arguments)
        .arg("--config")
        .arg(config)
        .env_clear()
        .env("PHONE_ASSISTANT_CHECK_AS_ASTERISK", "1")
        .output()
        .unwrap()
}
