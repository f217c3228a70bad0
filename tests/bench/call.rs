//! What a whole call costs: the program as Asterisk runs it, a question of 3 s, an answer of 8 s, services that answer at once.
//!
//! The services are the sandbox, in this process, so that their work is not counted; but the program waits for it. Peak memory
//! is read while the program waits for its last reply: what the kernel tells of a child that has ended begins with what its
//! parent held.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod report;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use testkit::audio::{Clip, wav};
use testkit::{GEMINI_API_KEY, Sandbox, Script, Server, Settings, TempDir};
use wait4::Wait4;

fn main() -> ExitCode {
    if !report::is_wanted() {
        return ExitCode::SUCCESS;
    }
    let sandbox = Sandbox::start(Script::standard(&data("")));
    let folder = TempDir::new().unwrap();
    let settings = sandbox.settings();
    let gemini = settings
        .clone()
        .without("openai.api_key")
        .set("google.credentials", "/nonexistent/google-creds.json")
        .set("gemini.api_key", GEMINI_API_KEY)
        .set("stt.provider", "gemini")
        .set("tts.provider", "gemini");
    let facts = folder.path().join("facts.md");
    let line = "A haircut costs 24 euros on weekdays and 29 on Saturdays, washing included.\n";
    fs::write(&facts, line.repeat(48_000 / line.len())).unwrap();
    let informed = settings
        .clone()
        .set("knowledge.facts", facts.to_str().unwrap())
        .set(
            "knowledge.opening_hours",
            "Mo-Fr 09:00-18:00; Sa 09:00-12:00; PH off",
        )
        .set("knowledge.country", "FR");
    let rows = [
        ("call", "a whole call", settings.clone(), 40.0, 12.0),
        ("gemini", "the same with Gemini alone", gemini, 40.0, 14.0),
        (
            "facts",
            "the same with 48 kB of facts",
            informed,
            45.0,
            14.0,
        ),
    ];
    let mut small = true;
    for (part, what, settings, cpu_ms, peak_mb) in rows {
        if report::is_named(part) {
            settings.write(folder.path());
            small &= calls(what, folder.path(), cpu_ms, peak_mb) <= peak_mb;
        }
    }
    if report::is_named("shared") {
        small &= shared(
            &report::counted(settings, folder.path()),
            &sandbox,
            folder.path(),
        );
    }
    let compact = binary();
    // Times depend on what else the machine does; these do not.
    if small && compact {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Callers who are remembered and counted in folders, and on servers; whether a server takes no more than 1 MB.
fn shared(here: &Settings, sandbox: &Sandbox, folder: &Path) -> bool {
    here.write(folder);
    let least = calls("a caller who is remembered and counted", folder, 45.0, 14.0);
    let mut is_met = true;
    for program in Server::programs("a call with a server that machines share") {
        for server in [Server::start(program), Server::start_encrypted(program)] {
            let services = sandbox.ca_file();
            let there = report::shared(here.clone(), &server, server.port(), &services, folder);
            there.write(folder);
            let what = format!("the same at {}", server.url());
            is_met &= calls(&what, folder, 50.0, least + 1.0) <= least + 1.0;
        }
    }
    is_met
}

/// Prints what a call takes with the settings in `folder`. Returns the median of its peak memory, in MB.
fn calls(what: &str, folder: &Path, cpu_ms: f64, peak_mb: f64) -> f64 {
    let question = wav::with_header(&question(), wav::Header::Right);
    let warm_up = 1;
    let runs = (0..warm_up + RUNS).map(|_| call(folder, &question));
    let runs: Vec<Run> = runs.skip(warm_up).collect();
    let what = format!("{what}, {RUNS} times");
    report::heading(&what, &["median", "least", "most"]);
    spread("processor time, ms", &runs, |run| run.cpu_ms, cpu_ms);
    spread("from start to end, ms", &runs, |run| run.wall_ms, f64::MAX);
    spread("peak memory, MB", &runs, |run| run.peak_mb, peak_mb)
}

/// Prints a figure of all runs, and whether its median meets the target. Returns the median.
fn spread(name: &str, runs: &[Run], figure: impl Fn(&Run) -> f64, limit: f64) -> f64 {
    let mut figures: Vec<f64> = runs.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    let median = report::median(&mut figures);
    let shown = [median, figures[0], figures[RUNS - 1]].map(|figure| format!("{figure:.1}"));
    let verdict = report::verdict(&format!("≤ {limit:.1}"), median <= limit);
    report::row(
        name,
        &shown,
        if limit < f64::MAX { &verdict } else { "none" },
    );
    median
}

/// Prints the binary's size; whether it meets the target.
fn binary() -> bool {
    let bytes = fs::metadata(report::program()).unwrap().len();
    let size_mb = report::megabytes(bytes);
    let is_met = size_mb <= 10.0;
    let verdict = report::verdict("≤ 10", is_met);
    report::row(
        "size of the binary, MB",
        &[format!("{size_mb:.1}")],
        &verdict,
    );
    is_met
}

/// What one call took.
struct Run {
    cpu_ms: f64,
    wall_ms: f64,
    peak_mb: f64,
}

/// One call, from a recording just made; Asterisk's side is played here.
fn call(folder: &Path, question: &[u8]) -> Run {
    let recording = folder.join("question.wav");
    fs::write(&recording, question).unwrap();
    let start = Instant::now();
    let mut program = Command::new(report::program())
        .env_clear()
        .arg(format!("recording={}", recording.display()))
        .arg(format!("reply={}", folder.join("answer").display()))
        .arg(format!("config={}", folder.join("config.toml").display()))
        // Played, it would take as long as the answer.
        .arg("reply.play=dialplan")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut asterisk = program.stdin.take().unwrap();
    asterisk.write_all(BLOCK.as_bytes()).unwrap();
    let mut peak_mb = None;
    for command in BufReader::new(program.stdout.take().unwrap()).lines() {
        let command = command.unwrap();
        if let Some(status) = command.strip_prefix(STATUS) {
            assert_eq!(status, "\"ANSWERED\"");
            peak_mb = Some(peak_memory_mb(program.id()));
        }
        let echo = command.strip_prefix(ECHO);
        let value = echo.map_or("(ulaw)", |text| text.trim_end_matches('"'));
        asterisk
            .write_all(format!("200 result=1 ({value})\n").as_bytes())
            .unwrap();
    }
    let used = program.wait4().unwrap();
    let wall_ms = report::milliseconds(start.elapsed());
    assert!(used.status.success(), "the call ended with {}", used.status);
    Run {
        cpu_ms: report::milliseconds(used.rusage.utime + used.rusage.stime),
        wall_ms,
        peak_mb: peak_mb.expect("every call sets a status"),
    }
}

/// The most memory that a process has held, pages shared with others included.
fn peak_memory_mb(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.unwrap().trim().strip_suffix(" kB").unwrap();
    report::megabytes(kib.parse::<u64>().unwrap() * 1024)
}

/// 3 s of speech, the words of two questions, and the 2 s of quiet line that end a recording.
fn question() -> Clip {
    let moon = wav::read(&data("question-moon.wav")).samples;
    let hours = wav::read(&data("question-opening-hours.wav")).samples;
    let (words, quiet) = moon.split_at(moon.len() - QUIET_AFTER);
    let mut samples = [&words[QUIET_BEFORE..], &hours[QUIET_BEFORE..]].concat();
    samples.truncate(3 * 8_000);
    samples.extend(quiet);
    Clip::telephone(samples)
}

/// A file of tests/data.
fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

const RUNS: usize = 20;

/// What Asterisk says first.
const BLOCK: &str = "\
agi_request: phone-assistant
agi_channel: PJSIP/1001-00000001
agi_language: en
agi_type: PJSIP
agi_uniqueid: 1700000000.1
agi_version: 22.10.0
agi_callerid: 1001
agi_calleridname: unknown
agi_callingpres: 0
agi_callingani2: 0
agi_callington: 0
agi_callingtns: 0
agi_dnid: 8008
agi_rdnis: unknown
agi_context: custom-openai
agi_extension: 8008
agi_priority: 10
agi_enhanced: 0.0
agi_accountcode:\x20
agi_threadid: 140191871116992

";

/// What the program says last.
const STATUS: &str = "SET VARIABLE \"ASSISTANT_STATUS\" ";

/// The text that is to be sent back follows.
const ECHO: &str = "GET FULL VARIABLE \"";

/// The quiet around the words in `question-*.wav`, 0.4 s and 2 s.
const QUIET_BEFORE: usize = 3_200;
const QUIET_AFTER: usize = 16_000;
