//! The ledger that guards the day's money: no road leads back to nothing spent.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::json;
use testkit::Settings;

use super::call;
use super::roads::{ROADS, today};
use crate::house::{House, PATIENCE, each};

#[test]
fn the_days_money_begins_at_nothing_only_where_there_is_no_ledger_or_its_day_is_over() {
    let wrong = Mutex::new(Vec::new());
    each(ROADS, |(name, lead, status, words)| {
        let house = House::new();
        let settings = limited(&house, 10);
        let file = ledger(&house);
        let spent = json!({ "version": 1, "day": today(), "spent": 10_000_000, "calls": {} });
        fs::create_dir(file.parent().unwrap()).unwrap();
        fs::write(&file, spent.to_string()).unwrap();
        lead(&file);
        let before = content(&file);
        let outcome = call(&house, &settings, "1001");
        let (became, reason) = (
            outcome.variable("ASSISTANT_STATUS"),
            outcome.variable("ASSISTANT_ERROR"),
        );
        let is_kept = house.sandbox.paid_requests() == 0 && content(&file) == before;
        if became != *status || !reason.contains(words) || (became == "LIMITED" && !is_kept) {
            let found = format!("{name}: {became} {reason:?}, left alone: {is_kept}");
            wrong.lock().unwrap().push(found);
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn administrators_are_told_once_a_day_that_nothing_is_paid_for() {
    let house = House::new();
    let settings = limited(&house, 10);
    fs::create_dir(ledger(&house).parent().unwrap()).unwrap();
    fs::write(ledger(&house), "").unwrap();
    let warned = call(&house, &settings, "1001").warnings;
    let path = ledger(&house).display().to_string();
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].contains("limits: cannot understand") && warned[0].contains(&path));
    let again = call(&house, &settings, "1001");
    again.assert_variable("ASSISTANT_STATUS", "LIMITED");
    assert!(again.warnings.is_empty(), "{:?}", again.warnings);
    // So they are of a ledger that counts on for a day that has not come.
    let ahead = json!({ "version": 1, "day": today() + 400, "spent": 0, "calls": {} });
    fs::write(ledger(&house), ahead.to_string()).unwrap();
    fs::remove_file(ledger(&house).with_file_name("told.json")).unwrap();
    for count in [1, 0] {
        let outcome = call(&house, &settings, "1001");
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let warned = outcome.warnings;
        assert_eq!(warned.len(), count, "{warned:?}");
        assert!(warned.iter().all(|line| line.contains("400 days away")));
    }
}

#[test]
fn a_limit_of_calls_alone_is_none_where_nobody_knows_how_many_there_were() {
    let house = House::new();
    let settings = house
        .sandbox
        .settings()
        .set("limits.max_calls_per_caller_per_hour", 100);
    fs::create_dir(ledger(&house).parent().unwrap()).unwrap();
    fs::write(ledger(&house), "half").unwrap();
    let outcome = call(&house, &settings, "1001");
    outcome.assert_variable("ASSISTANT_STATUS", "LIMITED");
    assert_eq!(house.sandbox.paid_requests(), 0);
}

#[test]
fn whoever_withholds_their_number_shares_one_limit_whatever_freepbx_writes_over_that() {
    let house = House::new();
    let settings = house
        .sandbox
        .settings()
        .set("limits.max_calls_per_caller_per_hour", 1);
    let shows = |number: &str, callingpres: &str, saved: Option<&str>| {
        let call = house.ask("question-tea.wav").call_with(&settings);
        let call = call.agi("agi_callerid", number);
        let mut call = call.agi("agi_callingpres", callingpres);
        if let Some(saved) = saved {
            call = call.variable("CALLINGNUMPRES_SV", saved);
        }
        let outcome = call.start().finish(PATIENCE);
        outcome.assert_manners();
        outcome.variable("ASSISTANT_STATUS").to_owned()
    };
    assert_eq!(
        shows("+4930111", "0", Some("prohib_passed_screen")),
        "ANSWERED"
    );
    for (number, callingpres, saved) in [
        ("+4930222", "0", Some("prohib_passed_screen")),
        ("+4930333", "0", Some("unavailable")),
        ("+4930444", "32", None),
        ("anonymous", "0", Some("allowed")),
    ] {
        let status = shows(number, callingpres, saved);
        assert_eq!(status, "LIMITED", "{number} {callingpres} {saved:?}");
    }
    // What is shown is a limit of its own, also where FreePBX has not been.
    assert_eq!(
        shows("+4930111", "0", Some("allowed_not_screened")),
        "ANSWERED"
    );
    assert_eq!(shows("+4930222", "0", None), "ANSWERED");
}

#[test]
fn a_hostile_number_is_a_short_name_in_the_ledger() {
    let house = House::new();
    let settings = house
        .sandbox
        .settings()
        .set("limits.max_calls_per_caller_per_hour", 1);
    let long = "x".repeat(10_000);
    for number in [
        "../../etc/passwd",
        "1001\u{202e}2\u{9b}31m",
        "a\0b\u{1b}[2J",
        &long,
    ] {
        for status in ["ANSWERED", "LIMITED"] {
            call(&house, &settings, number).assert_variable("ASSISTANT_STATUS", status);
        }
    }
    let text = fs::read_to_string(ledger(&house)).unwrap();
    let is_plain = |c: char| c.is_ascii_graphic();
    assert!(text.chars().all(is_plain) && !text.contains('\\'), "{text}");
    assert!(text.len() < 500 && !text.contains("passwd"), "{text}");
}

fn limited(house: &House, dollars: u32) -> Settings {
    house
        .sandbox
        .settings()
        .set("limits.max_daily_cost", dollars)
}

fn ledger(house: &House) -> PathBuf {
    house.sandbox.ca_file().with_file_name("state/limits.json")
}

/// Of a pipe nothing is read, which would not end.
fn content(file: &Path) -> Option<Vec<u8>> {
    let data = fs::metadata(file).ok()?;
    data.is_file().then(|| fs::read(file).ok())?
}
