//! What is remembered of a caller from one call to the next, and what is not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use testkit::{Act, Call, CallBuilder, Fault, Outcome, Settings, Stage};

use crate::house::{House, PATIENCE, argument, data, many_sentences, program};

const TEA: &str = "How long should black tea steep?";
const TEA_ANSWER: &str = "Black tea should steep for three to five minutes. Goodbye!";

/// Where callers are remembered.
fn callers(house: &House) -> PathBuf {
    house.other().join("callers")
}

fn settings(house: &House, callers_are: &str) -> Settings {
    house
        .sandbox
        .settings()
        .set("memory.callers", callers_are)
        .set("memory.folder", callers(house).to_str().unwrap())
}

/// A call of this number from this channel.
fn call(house: &House, settings: &Settings, channel: &str, number: &str) -> CallBuilder {
    let call = house.ask("question-tea.wav").call_with(settings);
    call.agi("agi_channel", channel)
        .agi("agi_callerid", number)
        .agi("agi_callingpres", "0")
}

/// A call of the phone 200, to its end.
fn phone_calls(house: &House, settings: &Settings) -> Outcome {
    let call = call(house, settings, "PJSIP/200-0000000a", "200");
    let outcome = call.start().finish(PATIENCE);
    outcome
        .assert_exit(0)
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "ANSWERED");
    outcome
}

/// What the model was told the n-th time: the system prompt, and what was said, each with whose it was.
fn told(house: &House, index: usize) -> (String, Vec<String>) {
    let body = &house.sandbox.requests_to(Stage::Llm)[index].body;
    let text = |turn: &Value| turn["parts"][0]["text"].as_str().unwrap().to_owned();
    let turns = body["contents"].as_array().unwrap().iter().map(text);
    (text(&body["systemInstruction"]), turns.collect())
}

/// The files of callers.
fn files(house: &House) -> Vec<PathBuf> {
    let entries = fs::read_dir(callers(house)).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|name| name == "json"))
        .collect();
    paths.sort();
    paths
}

/// What the only file holds.
fn record(house: &House) -> Value {
    let files = files(house);
    assert_eq!(files.len(), 1, "{files:?}");
    serde_json::from_slice(&fs::read(&files[0]).unwrap()).unwrap()
}

fn exchanges(house: &House) -> usize {
    record(house)["exchanges"].as_array().unwrap().len()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Runs a command for people on this house's settings.
fn command(house: &House, settings: &Settings, arguments: &[&str]) -> Output {
    let config = settings.write(house.other());
    Command::new(program())
        .args(arguments)
        .arg("--config")
        .arg(config)
        .env_remove("PHONE_ASSISTANT_CONFIG")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn the_next_call_goes_on_where_the_last_one_ended() {
    let house = House::new();
    let settings = settings(&house, "internal");
    let answer = "Tea it is, Jim. [[note The caller is Jim and likes tea.]]";
    house.sandbox.answer_with(answer);
    let outcome = phone_calls(&house, &settings);
    outcome.assert_variable("ASSISTANT_ANSWER", "Tea it is, Jim.");
    assert_eq!(house.spoken_texts(), ["Tea it is, Jim."]);
    let (first, _) = told(&house, 0);
    assert!(first.contains("[[note TEXT]]"), "{first}");
    assert!(!first.contains("your note on the caller"), "{first}");
    let config_max = 400;
    let body = &house.sandbox.requests_to(Stage::Llm)[0].body;
    let most = body["generationConfig"]["maxOutputTokens"].as_u64();
    assert_eq!(most, Some(config_max + 250), "room for the note");

    phone_calls(&house, &settings);
    let (second, turns) = told(&house, 1);
    assert!(
        second.contains("\"The caller is Jim and likes tea.\""),
        "{second}"
    );
    assert_eq!(turns, [TEA, "Tea it is, Jim.", TEA]);
    assert_eq!(exchanges(&house), 2);
    house.sandbox.assert_clean();
    // No log has the note, and neither has any variable.
    for text in outcome.dialogue.iter().map(|line| &line.text) {
        assert!(!text.contains("likes tea"), "{text}");
    }
    assert!(!outcome.stderr.contains("likes tea"), "{}", outcome.stderr);
}
