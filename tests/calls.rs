//! The log of calls, written by several calls at once, and `phone-assistant calls`, which shows it.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use phone_assistant::sys::costs::{MicroDollars, Usage};
use phone_assistant::sys::error::{At, Stage};
use phone_assistant::timeline::record::{Record, Used, append};
use phone_assistant::timeline::{Mark, Timeline};
use testkit::TempDir;

use crate::house::program;
use crate::terminals::{UNSEEN, assert_harmless};

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
    let record = known(&env::var("APPEND_ID").unwrap()).with_words(&"long ".repeat(2000), "");
    for _ in 0..LINES {
        append(Path::new(&log), &record).unwrap();
    }
}

#[test]
fn a_new_log_is_closed_to_others_and_an_old_one_keeps_its_mode() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    append(&log, &known("1.1")).unwrap();
    assert_eq!(mode(&log) & 0o137, 0, "{:o}", mode(&log));
    fs::set_permissions(&log, fs::Permissions::from_mode(0o600)).unwrap();
    append(&log, &known("1.2")).unwrap();
    assert_eq!(mode(&log), 0o600);
    assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), 2);
}

#[test]
fn a_log_that_was_opened_to_others_is_closed_again_and_a_link_is_not_followed() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    // FreePBX hands out the first at each start.
    for (found, expected) in [
        (0o664, 0o640),
        (0o666, 0o640),
        (0o777, 0o640),
        (0o640, 0o640),
        (0o600, 0o600),
    ] {
        fs::write(&log, "").unwrap();
        fs::set_permissions(&log, fs::Permissions::from_mode(found)).unwrap();
        append(&log, &known("1.1")).unwrap();
        assert_eq!(mode(&log), expected, "{found:o}");
    }
    let elsewhere = folder.path().join("elsewhere");
    fs::write(&elsewhere, "").unwrap();
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o664)).unwrap();
    let link = folder.path().join("link.jsonl");
    symlink(&elsewhere, &link).unwrap();
    append(&link, &known("1.1")).unwrap_err();
    assert_eq!(mode(&elsewhere), 0o664);
}

#[test]
fn what_a_terminal_would_obey_is_escaped_in_the_log_and_means_the_same() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    let record = known("1.1").with_words(UNSEEN, UNSEEN);
    append(&log, &record).unwrap();
    let line = fs::read_to_string(&log).unwrap();
    assert!(
        line.contains(r"\u202e") && line.contains(r"\u009b"),
        "{line}"
    );
    assert_harmless(line.trim_end());
    assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), record);
}

#[test]
fn calls_shows_nothing_that_a_terminal_would_obey() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    let hostile = Record {
        time: UNSEEN.to_owned(),
        status: format!("FAILED{UNSEEN}"),
        persona: Some(UNSEEN.to_owned()),
        stage: Some(UNSEEN.to_owned()),
        error: Some(UNSEEN.to_owned()),
        ..known(UNSEEN)
    };
    let line = serde_json::to_string(&hostile).unwrap();
    assert!(line.contains('\u{202E}'), "{line}");
    fs::write(&log, line).unwrap();
    let told = shown(&[log.to_str().unwrap()]);
    assert!(told.contains("innocent"), "{told}");
    assert_harmless(&told);
    let output = calls(&["--id", "\u{202E}1.1\x1b[2J", log.to_str().unwrap()]);
    assert_harmless(&String::from_utf8(output.stderr).unwrap());
}

#[test]
fn a_log_of_terabytes_is_read_from_its_end_and_no_further_than_it_is_worth() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    let path = log.to_str().unwrap();
    let told_with = |arguments: &[&str]| {
        let output = calls(arguments);
        let told = [output.stdout, output.stderr].concat();
        String::from_utf8(told).unwrap()
    };
    // Its calls are at its end, behind zeros that take no room on the disk.
    let hole = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&log)
        .unwrap();
    hole.set_len(1 << 42).unwrap();
    (&hole).write_all(b"\n").unwrap();
    append(&log, &known("1700000000.17")).unwrap();
    assert_eq!(told_with(&["--last", "1", path]), KNOWN);
    let cut = "\nthe log goes on: at most its newest 64 MiB are read\n";
    assert_eq!(told_with(&[path]), format!("{KNOWN}{cut}"));
    let told = told_with(&["--id", "1.2", path]);
    assert!(told.contains("as far back as they are read"), "{told}");
    // And before them.
    hole.set_len(1 << 43).unwrap();
    assert_eq!(told_with(&[path]), format!("no calls in {path}\n{cut}"));
}

#[test]
fn words_are_absent_by_default() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    append(&log, &known("1.1")).unwrap();
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
        let error = append(&place(name), &known("1.1")).unwrap_err();
        let told = error.to_string();
        assert!(
            told.contains(name) && told.contains("set calls in [log]"),
            "{told}"
        );
        let is_missing = told.contains("; make its folder first, or ");
        assert_eq!(is_missing, name.starts_with("no folder/"), "{told}");
    }
    assert!(append(Path::new("/dev/full"), &known("1.1")).is_err());
    assert_eq!(fs::read_to_string(place("elsewhere")).unwrap(), "untouched");
    assert!(!place("nowhere").exists());
}

#[test]
fn a_known_call_looks_like_this() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    append(&log, &known("1700000000.17")).unwrap();
    assert_eq!(shown(&[log.to_str().unwrap()]), KNOWN);
}

#[test]
fn the_manual_shows_what_the_program_shows() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    for call in 0..20 {
        append(&log, &sample(call)).unwrap();
    }
    let (of_log, of_time) = (
        include_str!("../src/manual/log.md"),
        include_str!("../src/manual/time.md"),
    );
    let written = fs::read_to_string(&log).unwrap();
    let line = written.lines().last().unwrap();
    assert!(
        of_log.contains(&format!("```json\n{line}\n```\n")),
        "help log lacks\n{line}"
    );
    let told = shown(&[log.to_str().unwrap()]);
    assert!(
        of_time.contains(&format!("```text\n{told}```\n")),
        "help time lacks\n{told}"
    );
}

#[test]
fn a_failed_call_ends_with_its_last_step_and_says_why_and_commands_no_terminal() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    let line = r#"{"time":"2026-11-25T03:18:00.250Z","id":"1.1","status":"FAILED","silence_ms":2000,"marks":{"stt":500},"stage":"llm","error":"answered 429 \u001b[2J"}"#;
    fs::write(&log, line).unwrap();
    let told = shown(&[log.to_str().unwrap()]);
    assert_eq!(
        &told[told.find("\ncall ").unwrap() + 1..],
        "\
call 1.1, 2026-11-25T03:18:00.250Z, FAILED
llm: answered 429  [2J

silence           2000  #############################################
stt                500                                               ###########
                    ms  |0.0 s     |0.5 s     |1.0 s      |1.5 s     |2.0 s
"
    );
}

#[test]
fn a_half_line_at_the_end_is_skipped_and_counted() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    append(&log, &known("1700000000.17")).unwrap();
    let mut text = fs::read_to_string(&log).unwrap();
    text.extend_from_within(..100);
    fs::write(&log, text).unwrap();
    let told = shown(&[log.to_str().unwrap()]);
    assert_eq!(told, format!("{KNOWN}\n1 line could not be read\n"));
}

#[test]
fn calls_before_the_last_rotation_count_when_the_newer_ones_are_too_few() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    let rotated = folder.path().join("calls.jsonl.1");
    for id in ["1.1", "1.2", "1.3"] {
        append(&rotated, &known(id)).unwrap();
    }
    append(&log, &known("1.4")).unwrap();
    let path = log.to_str().unwrap();
    for (arguments, calls, drawn) in [
        (&[path][..], "4 calls, ", "call 1.4, "),
        (&["--last", "2", path], "2 calls, ", "call 1.4, "),
        (&["--last", "1", path], "1 call, ", "call 1.4, "),
        (
            &["--last", "1", "--id", "1.1", path],
            "1 call, ",
            "call 1.1, ",
        ),
    ] {
        let told = shown(arguments);
        assert!(told.starts_with(calls), "{arguments:?}: {told}");
        assert!(told.contains(drawn), "{arguments:?}: {told}");
    }
    fs::write(&log, "").unwrap();
    assert!(shown(&[path]).contains("call 1.3, "));
    fs::remove_file(&log).unwrap();
    assert!(shown(&[path]).contains("call 1.3, "));
}

#[test]
fn all_logs_that_are_rotated_count_compressed_or_not() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    let written = |place: &Path, weeks| {
        let file = fs::File::options().append(true).open(place).unwrap();
        let week = Duration::from_secs(7 * 86_400);
        let modified = SystemTime::now() - week * weeks;
        file.set_modified(modified).unwrap();
    };
    for (weeks, (name, id)) in (0..).zip([
        ("", "1.9"),
        (".1", "1.8"),
        (".2", "1.7"),
        (".10", "1.6"),
        ("-20261124", "1.5"),
    ]) {
        let place = folder.path().join(format!("calls.jsonl{name}"));
        append(&place, &known(id)).unwrap();
        written(&place, weeks);
        if !["", ".1"].contains(&name) {
            let packed = Command::new("gzip").arg(&place).status().unwrap();
            assert!(packed.success());
        }
    }
    let path = log.to_str().unwrap();
    for arguments in [
        &["--since", "2026-11-01", path][..],
        &["--id", "1.5", path],
        &[path],
    ] {
        let told = shown(arguments);
        assert!(told.starts_with("5 calls, "), "{arguments:?}: {told}");
    }
    // One alone, and one that breaks off.
    let packed = folder.path().join("calls.jsonl.2.gz");
    assert!(shown(&[packed.to_str().unwrap()]).starts_with("1 call, "));
    let whole = fs::read(&packed).unwrap();
    fs::write(&packed, &whole[..whole.len() / 2]).unwrap();
    let told = shown(&[path]);
    assert!(told.starts_with("4 calls, "), "{told}");
    assert!(told.ends_with(" could not be read\n"), "{told}");
    // One that is larger than may be read is left out, and that is told.
    let large = Command::new("sh")
        .args(["-c", "head -c 70000000 /dev/zero | gzip >\"$0\""])
        .arg(&packed)
        .status();
    assert!(large.unwrap().success());
    written(&packed, 2);
    let told = shown(&[path]);
    assert!(
        told.starts_with("2 calls, ") && told.contains("the log goes on"),
        "{told}"
    );
}

#[test]
fn older_logs_count_by_whatever_name_logrotate_gives_them_and_others_are_told() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    let path = log.to_str().unwrap();
    for (name, id) in [
        ("calls.jsonl", "1.9"),
        ("calls.jsonl-2026-11-24.gz", "1.8"),
        ("calls.jsonl-20261117-1794873600.gz", "1.7"),
        ("calls.2.jsonl.gz", "1.6"),
        ("calls-20261110.jsonl", "1.5"),
    ] {
        let unpacked = name.strip_suffix(".gz").unwrap_or(name);
        let place = folder.path().join(unpacked);
        append(&place, &known(id)).unwrap();
        if unpacked != name {
            let packed = Command::new("gzip").arg(&place).status().unwrap();
            assert!(packed.success());
        }
    }
    // They are about other things.
    for name in ["calls-shop.jsonl", "calls.html", "callsigns.jsonl.1"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let told = shown(&[path]);
    assert!(told.starts_with("5 calls, "), "{told}");
    assert!(!told.contains("not read"), "{told}");
    for (name, note) in [
        (
            "calls.jsonl.3.xz",
            "1 file beside it was not read: calls.jsonl.3.xz",
        ),
        (
            "calls.4.jsonl.zst",
            "2 files beside it were not read: calls.",
        ),
    ] {
        fs::write(folder.path().join(name), "").unwrap();
        let told = shown(&[path]);
        assert!(told.starts_with("5 calls, "), "{told}");
        assert!(told.contains(&format!("\n{note}")), "{told}");
    }
    let told: serde_json::Value = serde_json::from_str(&shown(&["--json", path])).unwrap();
    assert_eq!(told["files_not_read"], 2);
    // Where the log alone is enough, nothing is missing.
    assert!(!shown(&["--last", "1", path]).contains("not read"));
}

#[test]
fn the_settings_say_where_the_log_is_also_where_they_are_wrong_otherwise() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("calls.jsonl");
    let settings = folder.path().join("config.toml");
    let text = format!("[log]\ncalls = {log:?}\n");
    fs::write(&settings, &text).unwrap();
    let asked = ["--config", settings.to_str().unwrap()];
    assert_eq!(shown(&asked), format!("no calls in {}\n", log.display()));
    append(&log, &known("1700000000.17")).unwrap();
    assert_eq!(shown(&asked), KNOWN);
    fs::write(&settings, text + "frobnicate = 1\n").unwrap();
    let output = calls(&asked);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), KNOWN);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("log.frobnicate"), "{told}");
}

#[test]
fn what_cannot_be_shown_is_told_on_stderr() {
    let folder = TempDir::new().unwrap();
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    append(Path::new(&place("calls.jsonl")), &known("1.1")).unwrap();
    fs::write(place("none.toml"), "log.calls = \"\"\n").unwrap();
    let made = Command::new("mkfifo").arg(place("pipe")).status().unwrap();
    assert!(made.success());
    for (arguments, code, words) in [
        (
            vec![place("nowhere")],
            1,
            "nowhere; check its name: No such file",
        ),
        (
            vec![place("none/nowhere")],
            1,
            "nowhere; check its name: No such file",
        ),
        (
            vec!["/etc/passwd/log".into()],
            1,
            "a file has the name of its folder: ",
        ),
        (vec![place("")], 1, "it is no regular file"),
        (vec![place("pipe")], 1, "it is no regular file"),
        (vec!["/dev/zero".into()], 1, "it is no regular file"),
        (
            vec!["--id".into(), "1.2".into(), place("calls.jsonl")],
            1,
            "there is no call 1.2 in",
        ),
        (
            vec!["--config".into(), place("none.toml")],
            1,
            "calls in [log] is empty",
        ),
        (vec!["--last".into(), "0".into()], 64, "--last"),
        (vec!["--last".into(), "many".into()], 64, "--last"),
    ] {
        let output = calls(&arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(words), "{arguments:?}: {told}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

fn calls<S: AsRef<OsStr>>(arguments: &[S]) -> Output {
    Command::new(program())
        .arg("calls")
        .args(arguments)
        .env_remove("PHONE_ASSISTANT_CONFIG")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// What it says when all is well.
#[track_caller]
fn shown(arguments: &[&str]) -> String {
    let output = calls(arguments);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && told.is_empty(), "{told}");
    String::from_utf8(output.stdout).unwrap()
}

/// A call with every step, as [`KNOWN`] shows it.
fn known(id: &str) -> Record {
    let steps = [3, 1, 66, 636, 503, 210, 420, 8, 6153];
    Record::new(started(0), id, "ANSWERED", &timeline(1940, &steps))
}

/// One of twenty calls as they may come: the fifth caller says nothing, and the twelfth call fails.
fn sample(call: u32) -> Record {
    let id = format!("{}.{}", 1_795_576_678 + 317 * call, 17 + call);
    let spread = |times: u32, limit: u32| u64::from(call * times % 20 * limit / 20);
    let steps = [
        3,
        1,
        60 + spread(7, 20),
        560 + spread(3, 300),
        430 + spread(11, 400),
        150 + spread(13, 160),
        380 + spread(17, 220),
        8 + spread(9, 6),
        5400 + spread(19, 4000),
    ];
    let (status, reached) = match call {
        4 => ("NOSPEECH", 2),
        11 => ("FAILED", 4),
        _ => ("ANSWERED", 9),
    };
    let timeline = timeline(1930 + spread(9, 40), &steps[..reached]);
    let record = Record::new(started(call), &id, status, &timeline);
    let used = used();
    let cost = used.iter().map(|used| used.microdollars).sum();
    let record = if status == "ANSWERED" {
        record.with_bill(used, cost)
    } else {
        record
    };
    match Err::<(), _>("Gemini answered 503, twice").at(Stage::Llm) {
        Err(failure) if status == "FAILED" => record.with_failure(&failure),
        _ => record,
    }
}

/// A question of 4 s, and an answer of two sentences.
fn used() -> Vec<Used> {
    let used = |stage: &str, service: &str, usage, microdollars| Used {
        stage: stage.to_owned(),
        service: service.to_owned(),
        usage,
        microdollars: MicroDollars(microdollars),
    };
    let listened = Usage {
        audio_ms: 4000,
        ..Usage::default()
    };
    let answered = Usage {
        input_tokens: 112,
        output_tokens: 38,
        ..Usage::default()
    };
    let spoken = Usage {
        audio_ms: 5600,
        characters: 92,
        ..Usage::default()
    };
    vec![
        used("stt", "google telephony", listened, 6000),
        used("llm", "gemini gemini-3.5-flash-lite", answered, 129),
        used("tts", "openai tts-1", spoken, 1380),
    ]
}

/// 25 November 2026, 03:18 UTC, and later calls later.
fn started(call: u32) -> SystemTime {
    SystemTime::UNIX_EPOCH
        + Duration::from_millis(1_795_576_680_250)
        + Duration::from_secs(317) * call
}

/// What the first marks took, each after the one before it.
fn timeline(silence_ms: u64, steps_ms: &[u64]) -> Timeline {
    let start = Instant::now();
    let mut timeline = Timeline::new(start);
    timeline.set_waited_before(Duration::from_millis(silence_ms));
    let mut at = start;
    for (mark, ms) in Mark::ALL.into_iter().zip(steps_ms) {
        at += Duration::from_millis(*ms);
        timeline.reached(mark, at);
    }
    timeline
}

const KNOWN: &str = "\
1 call, 2026-11-25T03:18:00.250Z to 2026-11-25T03:18:00.250Z

ANSWERED               1

milliseconds         p50     p95   calls
ear to ear          3787    3787       1
silence             1940    1940       1
recording              3       3       1
trim                   1       1       1
connect               66      66       1
stt                  636     636       1
first token          503     503       1
first sentence       210     210       1
first audio          420     420       1
first played           8       8       1
last played         6153    6153       1

call 1700000000.17, 2026-11-25T03:18:00.250Z, ANSWERED

ear to ear        3787  --------------------------------------------------------
silence           1940  #############################
recording            3                               |
trim                 1                               |
connect             66                               #
stt                636                                #########
first token        503                                         ########
first sentence     210                                                 ###
first audio        420                                                    ######
first played         8                                                         |
last played       6153                                                         >
                    ms  |0 s           |1 s           |2 s          |3 s
";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// How many lines each process appends.
const LINES: usize = 500;
