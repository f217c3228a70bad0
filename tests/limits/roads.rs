//! The roads that led, or could lead, to a day on which nothing seems to be spent.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// A way to come to a ledger, what a call then becomes and what it says of it.
pub(super) type Road = (&'static str, fn(&Path), &'static str, &'static str);

/// All of the day's money is spent. Only a ledger that is not there, or one of an earlier day, may begin at nothing.
pub(super) const ROADS: &[Road] = &[
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

/// In days since 1970.
pub(super) fn today() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs() / (24 * 60 * 60)
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
