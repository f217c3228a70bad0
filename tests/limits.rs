//! Limits of calls and costs: beyond them nothing is paid for, and what was used stands in the log of calls.

mod ledger;
mod roads;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::Value;
use testkit::{Fault, Outcome, Settings, Stage};

use crate::house::{House, PATIENCE, argument, data, program};

/// A call with this caller ID.
fn call(house: &House, settings: &Settings, caller: &str) -> Outcome {
    let call = house.ask("question-tea.wav").call_with(settings);
    call.agi("agi_callerid", caller).start().finish(PATIENCE)
}

#[test]
fn a_caller_who_has_had_their_calls_is_told_so_and_nothing_is_paid() {
    let house = House::new();
    let settings = house
        .sandbox
        .settings()
        .set("limits.max_calls_per_caller_per_hour", 2);
    for _ in 0..2 {
        call(&house, &settings, "1001").assert_variable("ASSISTANT_STATUS", "ANSWERED");
    }
    let (paid, warm_ups) = (
        house.sandbox.paid_requests(),
        house.sandbox.warm_ups().len(),
    );
    let outcome = call(&house, &settings, "1001");
    outcome
        .assert_exit(0)
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "LIMITED")
        .assert_variable("ASSISTANT_FILE", "")
        .assert_variable_contains("ASSISTANT_ERROR", "limit: this caller has made 2 calls");
    assert_eq!(house.sandbox.paid_requests(), paid);
    assert_eq!(
        house.sandbox.warm_ups().len(),
        warm_ups,
        "not even a connection is opened"
    );
    house.assert_no_file(&outcome);
    // Other callers may still call; those who hide their number share one limit.
    call(&house, &settings, "1002").assert_variable("ASSISTANT_STATUS", "ANSWERED");
    for status in ["ANSWERED", "ANSWERED", "LIMITED"] {
        call(&house, &settings, "anonymous").assert_variable("ASSISTANT_STATUS", status);
    }
}

#[test]
fn a_caller_who_says_nothing_uses_nothing_up() {
    let house = House::new();
    let settings = house
        .sandbox
        .settings()
        .set("limits.max_calls_per_caller_per_hour", 1);
    house.ask("header-only.wav");
    for _ in 0..2 {
        house.ask("header-only.wav");
        let outcome = house.call_with(&settings).start().finish(PATIENCE);
        outcome.assert_variable("ASSISTANT_STATUS", "NOSPEECH");
    }
    call(&house, &settings, "1001").assert_variable("ASSISTANT_STATUS", "ANSWERED");
}

#[test]
fn administrators_are_told_that_calls_are_turned_away_however_little_is_spent() {
    let house = House::new();
    let settings = house.sandbox.settings().set("limits.max_daily_cost", 0.01);
    for is_told in [true, false] {
        let outcome = call(&house, &settings, "1001");
        outcome.assert_variable("ASSISTANT_STATUS", "LIMITED");
        let warning = "phone-assistant: cost: calls are turned away: limit: ";
        let found = outcome
            .warnings
            .iter()
            .filter(|line| line.contains(warning));
        assert_eq!(
            found.count(),
            usize::from(is_told),
            "{:?}",
            outcome.warnings
        );
    }
}

#[test]
fn thirty_calls_at_once_never_cost_more_than_a_day_may() {
    let house = House::new();
    // Room for some of them, as each sets the most aside that it can cost.
    let log = house.other().join("calls.jsonl");
    let settings = house
        .sandbox
        .settings()
        .set("limits.max_daily_cost", 0.5)
        .set("log.calls", log.to_str().unwrap())
        .set("reply.play", "dialplan");
    let config = settings.write(house.other());
    let statuses = thread::scope(|scope| {
        let calls: Vec<_> = (0..30)
            .map(|number| {
                let recording = house.calls().join(format!("call-1700000000.{number}.wav"));
                fs::copy(data("question-tea.wav"), &recording).unwrap();
                let reply = house
                    .calls()
                    .join(format!("call-1700000000.{number}-reply"));
                let call = testkit::Call::builder(program())
                    .arg(argument("recording", &recording))
                    .arg(argument("reply", &reply))
                    .arg(argument("config", &config));
                scope.spawn(move || {
                    call.start()
                        .finish(PATIENCE)
                        .variable("ASSISTANT_STATUS")
                        .to_owned()
                })
            })
            .collect();
        calls
            .into_iter()
            .map(|call| call.join().unwrap())
            .collect::<Vec<_>>()
    });
    let count = |status: &str| statuses.iter().filter(|found| *found == status).count();
    assert_eq!(count("ANSWERED") + count("LIMITED"), 30, "{statuses:?}");
    assert!(
        count("ANSWERED") > 3 && count("LIMITED") > 0,
        "{statuses:?}"
    );
    let spent: u64 = records(&log)
        .iter()
        .map(|record| record["microdollars"].as_u64().unwrap_or(0))
        .sum();
    assert!(spent <= 500_000, "{spent}");
    let ledger =
        fs::read_to_string(house.sandbox.ca_file().with_file_name("state/limits.json")).unwrap();
    let ledger: Value = serde_json::from_str(&ledger).unwrap();
    assert_eq!(
        ledger["spent"].as_u64(),
        Some(spent),
        "what was not spent is given back"
    );
}

#[test]
fn the_log_of_calls_tells_what_was_used_of_whom_and_what_it_cost() {
    let house = House::new();
    let (settings, log) = logged(&house);
    call(&house, &settings, "1001").assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let record = &records(&log)[0];
    let used = |index: usize| &record["used"][index];
    let spoken: usize = house
        .spoken_texts()
        .iter()
        .map(|text| text.chars().count())
        .sum();
    assert_eq!(used(0)["service"], "google telephony");
    assert_eq!(used(0)["microdollars"], 6000, "15 s at $0.024 a minute");
    assert_eq!(used(1)["service"], "gemini gemini-3.6-flash");
    assert_eq!(
        (&used(1)["input_tokens"], &used(1)["output_tokens"]),
        (&6.into(), &10.into())
    );
    assert_eq!(used(2)["service"], "openai tts-1");
    assert_eq!(used(2)["characters"], spoken);
    let sum: u64 = (0..3)
        .map(|index| used(index)["microdollars"].as_u64().unwrap())
        .sum();
    assert_eq!(record["microdollars"], sum);
    assert!(record["used"].get(3).is_none(), "{record}");
}

#[test]
fn an_empty_answer_costs_what_the_service_tells_or_nothing() {
    let usage = serde_json::json!({"promptTokenCount": 50, "candidatesTokenCount": 0});
    for (usage, input_tokens) in [(None, 6), (Some(usage), 56)] {
        let house = House::new();
        let (settings, log) = logged(&house);
        let empty = serde_json::json!({
            "candidates": [{"content": {"role": "model"}, "finishReason": "STOP"}],
            "usageMetadata": usage,
        });
        let body = format!("data: {empty}\r\n\r\n");
        let reply = testkit::Response::new(200, "text/event-stream", body);
        house.sandbox.fault(Stage::Llm, Fault::Reply(reply), 1);
        call(&house, &settings, "1001").assert_variable("ASSISTANT_STATUS", "ANSWERED");
        assert_eq!(house.sandbox.requests_to(Stage::Llm).len(), 2);
        let used = &records(&log)[0]["used"][1];
        assert_eq!(used["input_tokens"], input_tokens, "{used}");
        assert_eq!(used["output_tokens"], 10, "{used}");
    }
}

#[test]
fn a_request_that_breaks_off_and_is_sent_again_is_paid_twice() {
    let table = [
        (Fault::CutShort, 12_000),
        (Fault::Reset, 12_000),
        (Fault::Status(503), 6_000),
    ];
    for (fault, microdollars) in table {
        let house = House::new();
        let (settings, log) = logged(&house);
        house.sandbox.fault(Stage::Stt, fault.clone(), 1);
        call(&house, &settings, "1001").assert_variable("ASSISTANT_STATUS", "ANSWERED");
        assert_eq!(house.sandbox.requests_to(Stage::Stt).len(), 2, "{fault:?}");
        let used = &records(&log)[0]["used"][0];
        assert_eq!(used["microdollars"], microdollars, "{fault:?}: {used}");
    }
}

#[test]
fn what_cannot_be_counted_is_not_paid_for_where_there_is_a_limit() {
    let house = House::new();
    let settings = house
        .sandbox
        .settings()
        .set("state.folder", "/proc/nowhere");
    call(&house, &settings, "1001").assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let paid = house.sandbox.paid_requests();
    let limited = settings.set("limits.max_daily_cost", 10);
    let outcome = call(&house, &limited, "1001");
    outcome
        .assert_variable("ASSISTANT_STATUS", "LIMITED")
        .assert_variable_contains("ASSISTANT_ERROR", "cannot be counted");
    assert_eq!(house.sandbox.paid_requests(), paid);
}

/// Settings with a log of calls, and its place.
fn logged(house: &House) -> (Settings, PathBuf) {
    let log = house.other().join("calls.jsonl");
    let settings = house.sandbox.settings();
    (settings.set("log.calls", log.to_str().unwrap()), log)
}

/// The log of calls.
pub(crate) fn records(log: &Path) -> Vec<Value> {
    let text = fs::read_to_string(log).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
