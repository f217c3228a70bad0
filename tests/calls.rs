//! The log of calls, written by several calls at once, and `phone-assistant calls`, which shows it.

use std::env;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use phone_assistant::timeline::record::{Record, append};
use phone_assistant::timeline::{Mark, Timeline};
use testkit::TempDir;

#[test]
fn two_processes_that_append_at_once_never_mix_their_lines() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    let mut writers = [
        appending(&log, "1700000000.1"),
        appending(&log, "1700000000.2"),
    ];
    for writer in &mut writers {
        assert!(writer.wait().unwrap().success());
    }
    let text = fs::read_to_string(&log).unwrap();
    let records: Vec<Record> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for id in ["1700000000.1", "1700000000.2"] {
        let of_one = records.iter().filter(|record| record.id == id);
        assert_eq!(of_one.count(), LINES);
    }
    let switches = records.windows(2).filter(|two| two[0].id != two[1].id);
    assert!(
        switches.count() > 1,
        "they took turns, so this shows nothing"
    );
}

/// Starts this test binary once more, for the test below alone.
fn appending(log: &Path, id: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "calls::a_process_that_appends"])
        .env("APPEND_TO", log)
        .env("APPEND_ID", id)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "a process that another test starts"]
fn a_process_that_appends() {
    let log = env::var_os("APPEND_TO").unwrap();
    let record = record(&env::var("APPEND_ID").unwrap()).with_words(&"long ".repeat(2000), "");
    for _ in 0..LINES {
        append(Path::new(&log), &record).unwrap();
    }
}

#[test]
fn a_new_log_is_closed_to_others_and_an_old_one_keeps_its_mode() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    append(&log, &record("1.1")).unwrap();
    assert_eq!(mode(&log) & 0o137, 0, "{:o}", mode(&log));
    fs::set_permissions(&log, fs::Permissions::from_mode(0o600)).unwrap();
    append(&log, &record("1.2")).unwrap();
    assert_eq!(mode(&log), 0o600);
    assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), 2);
}

#[test]
fn words_are_absent_by_default() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    append(&log, &record("1.1")).unwrap();
    let line = fs::read_to_string(&log).unwrap();
    assert!(
        !line.contains("question") && !line.contains("answer\""),
        "{line}"
    );
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let folder = TempDir::new().unwrap();
    let place = |name: &str| folder.path().join(name);
    for pipe in ["pipe", "read pipe"] {
        let made = Command::new("mkfifo").arg(place(pipe)).status().unwrap();
        assert!(made.success());
    }
    // Both ends of a pipe can be opened at once without waiting for the other one.
    let mut both_ends = OpenOptions::new();
    both_ends.read(true).write(true);
    let _reader = both_ends.open(place("read pipe")).unwrap();
    fs::write(place("elsewhere"), "untouched").unwrap();
    symlink(place("elsewhere"), place("link")).unwrap();
    symlink(place("nowhere"), place("dangling")).unwrap();
    for name in [
        "pipe",
        "read pipe",
        "link",
        "dangling",
        ".",
        "no folder/calls.jsonl",
    ] {
        let error = append(&place(name), &record("1.1")).unwrap_err();
        let told = error.to_string();
        assert!(
            told.contains(name) && told.contains("set calls in [log]"),
            "{told}"
        );
    }
    assert!(append(Path::new("/dev/full"), &record("1.1")).is_err());
    assert_eq!(fs::read_to_string(place("elsewhere")).unwrap(), "untouched");
    assert!(!place("nowhere").exists());
}

/// A call that was answered, 3787 ms from ear to ear.
fn record(id: &str) -> Record {
    let start = Instant::now();
    let mut timeline = Timeline::new(start);
    timeline.set_waited_before(Duration::from_millis(1940));
    timeline.reached(Mark::Stt, start + Duration::from_millis(706));
    timeline.reached(Mark::FirstPlayed, start + Duration::from_millis(1847));
    Record::new(SystemTime::now(), id, "ANSWERED", &timeline)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// How many lines each process appends.
const LINES: usize = 500;
