//! The ledger that guards the day's money: no road leads back to nothing spent.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use testkit::Settings;

use super::call;
use crate::house::{House, PATIENCE, each};

/// A way to come to a ledger, what a call then becomes and what it says of it.
type Road = (&'static str, fn(&Path), &'static str, &'static str);

/// All of the day's money is spent. Only a ledger that is not there, or one of an earlier day, may begin at nothing.
const ROADS: &[Road] = &[
    ("as it was", |_| {}, "LIMITED", "$10.0000 of $10.0000"),
    (
        "no file",
        |file| fs::remove_file(file).unwrap(),
        "ANSWERED",
        "",
    ),
    (
        "yesterday's",
        |file| change(file, "day", json!(today() - 1)),
        "ANSWERED",
        "",
    ),
    (
        "of 1970",
        |file| change(file, "day", json!(0)),
        "ANSWERED",
        "",
    ),
    (
        "tomorrow's",
        |file| change(file, "day", json!(today() + 1)),
        "LIMITED",
        "$10.0000 of",
    ),
    (
        "of the day after",
        |file| change(file, "day", json!(today() + 2)),
        "LIMITED",
        "2 days away",
    ),
    (
        "of the end of time",
        |file| change(file, "day", json!(u64::MAX)),
        "LIMITED",
        "9999-12-31",
    ),
    (
        "of an earlier program",
        |file| remove(file, "version"),
        "LIMITED",
        "$10.0000 of",
    ),
    (
        "of a later program",
        |file| change(file, "version", json!(2)),
        "LIMITED",
        "version 2",
    ),
    (
        "of a later program, with nothing that we know",
        |file| fs::write(file, r#"{"version":7,"days":[]}"#).unwrap(),
        "LIMITED",
        "version 7",
    ),
    (
        "of no program",
        |file| change(file, "version", json!("one")),
        "LIMITED",
        UNCLEAR,
    ),
    (
        "empty",
        |file| fs::write(file, "").unwrap(),
        "LIMITED",
        "empty",
    ),
    (
        "half",
        |file| fs::write(file, r#"{"day":20785,"spe"#).unwrap(),
        "LIMITED",
        UNCLEAR,
    ),
    (
        "noughts",
        |file| fs::write(file, [0; 64]).unwrap(),
        "LIMITED",
        UNCLEAR,
    ),
    (
        "no text",
        |file| fs::write(file, [0xff; 64]).unwrap(),
        "LIMITED",
        UNCLEAR,
    ),
    (
        "nothing",
        |file| fs::write(file, "null").unwrap(),
        "LIMITED",
        UNCLEAR,
    ),
    (
        "a list",
        |file| fs::write(file, "[]").unwrap(),
        "LIMITED",
        UNCLEAR,
    ),
    (
        "an object without anything",
        |file| fs::write(file, "{}").unwrap(),
        "LIMITED",
        UNCLEAR,
    ),
    (
        "no amount",
        |file| remove(file, "spent"),
        "LIMITED",
        "spent",
    ),
    ("no day", |file| remove(file, "day"), "LIMITED", "day"),
    ("no calls", |file| remove(file, "calls"), "LIMITED", "calls"),
    (
        "something more",
        |file| change(file, "spent_by", json!({})),
        "LIMITED",
        "spent_by",
    ),
    (
        "a large amount",
        |file| change(file, "spent", json!(1e30)),
        "LIMITED",
        UNCLEAR,
    ),
    (
        "a negative amount",
        |file| change(file, "spent", json!(-1)),
        "LIMITED",
        UNCLEAR,
    ),
    (
        "a part of an amount",
        |file| change(file, "spent", json!(0.5)),
        "LIMITED",
        UNCLEAR,
    ),
    (
        "an amount in words",
        |file| change(file, "spent", json!("0")),
        "LIMITED",
        UNCLEAR,
    ),
    (
        "the largest amount",
        |file| change(file, "spent", json!(u64::MAX)),
        "LIMITED",
        "of $10",
    ),
    (
        "a negative day",
        |file| change(file, "day", json!(-1)),
        "LIMITED",
        UNCLEAR,
    ),
    ("no number", |file| put(file, "NaN"), "LIMITED", UNCLEAR),
    ("no end", |file| put(file, "Infinity"), "LIMITED", UNCLEAR),
    (
        "too large a number",
        |file| put(file, "1e999"),
        "LIMITED",
        UNCLEAR,
    ),
    (
        "twice",
        |file| put(file, r#"1,"spent":0"#),
        "LIMITED",
        "duplicate",
    ),
    (
        "more than a file may have",
        |file| put(file, &" ".repeat(5 << 20)),
        "LIMITED",
        "bytes",
    ),
    (
        "a folder",
        |file| {
            fs::remove_file(file).unwrap();
            fs::create_dir(file).unwrap();
        },
        "LIMITED",
        "no regular file",
    ),
    (
        "a link to it",
        |file| {
            fs::rename(file, file.with_extension("else")).unwrap();
            symlink(file.with_extension("else"), file).unwrap();
        },
        "LIMITED",
        "a link",
    ),
    (
        "a link that leads nowhere",
        |file| {
            fs::remove_file(file).unwrap();
            symlink("/nonexistent/limits.json", file).unwrap();
        },
        "LIMITED",
        "a link",
    ),
    (
        "a pipe",
        |file| {
            fs::remove_file(file).unwrap();
            let made = std::process::Command::new("mkfifo").arg(file).status();
            assert!(made.unwrap().success());
        },
        "LIMITED",
        "no regular file",
    ),
    (
        // Root reads it all the same, and then it is what it was.
        "a file that nobody may read",
        |file| fs::set_permissions(file, fs::Permissions::from_mode(0o000)).unwrap(),
        "LIMITED",
        "",
    ),
    (
        "nothing can be written beside it",
        |file| {
            change(file, "spent", json!(0));
            fs::create_dir(beside(file, ".part")).unwrap();
        },
        "LIMITED",
        "cannot write",
    ),
    (
        "a folder in place of the lock",
        |file| {
            change(file, "spent", json!(0));
            fs::create_dir(beside(file, ".lock")).unwrap();
        },
        "LIMITED",
        "limits.json.lock",
    ),
    (
        "a link in place of the lock",
        |file| {
            change(file, "spent", json!(0));
            symlink("/nonexistent/lock", beside(file, ".lock")).unwrap();
        },
        "LIMITED",
        "limits.json.lock",
    ),
    (
        "a file in place of the folder",
        |file| {
            fs::remove_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file.parent().unwrap(), "").unwrap();
        },
        "LIMITED",
        "limits.json.lock",
    ),
    (
        "a link to no folder in place of the folder",
        |file| {
            fs::remove_dir_all(file.parent().unwrap()).unwrap();
            symlink("/nonexistent/state", file.parent().unwrap()).unwrap();
        },
        "LIMITED",
        "limits.json.lock",
    ),
];

const UNCLEAR: &str = "cannot understand";

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

/// In days since 1970.
fn today() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs() / (24 * 60 * 60)
}

/// Of a pipe nothing is read, which would not end.
fn content(file: &Path) -> Option<Vec<u8>> {
    let data = fs::metadata(file).ok()?;
    data.is_file().then(|| fs::read(file).ok())?
}

fn change(file: &Path, name: &str, value: Value) {
    let mut ledger: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    ledger[name] = value;
    fs::write(file, ledger.to_string()).unwrap();
}

fn remove(file: &Path, name: &str) {
    let mut ledger: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    ledger.as_object_mut().unwrap().remove(name);
    fs::write(file, ledger.to_string()).unwrap();
}

/// Puts something in place of the amount that is no JSON of ours.
fn put(file: &Path, amount: &str) {
    let ledger = fs::read_to_string(file).unwrap();
    fs::write(file, ledger.replace("10000000", amount)).unwrap();
}

fn beside(file: &Path, extension: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(extension);
    name.into()
}
