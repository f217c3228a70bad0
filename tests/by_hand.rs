//! What people do at a terminal: replaying a call, converting, speaking, asking for help.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use testkit::audio::wav;
use testkit::{Fault, Service, Stage, TempDir};

use crate::house::{House, assert_like, data, program};

/// The demo's services, left running; they end with this.
struct Served {
    demo: Child,
    config: PathBuf,
}

impl Served {
    fn start() -> Self {
        // Beside what was built with it, whichever program is under test.
        let built = Path::new(env!("CARGO_BIN_EXE_phone-assistant"));
        let demo = built.with_file_name("examples").join("demo");
        let mut demo = Command::new(demo)
            .arg("--serve")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(demo.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let hint = lines
            .find(|line| line.contains("PHONE_ASSISTANT_CONFIG="))
            .unwrap();
        let config = hint
            .split(['=', ' '])
            .find(|word| word.contains("config.toml"))
            .unwrap()
            .into();
        assert!(lines.any(|line| line.contains("Ctrl-C")));
        Self { demo, config }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.demo);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.demo.wait().unwrap().success());
    }
}

fn run(arguments: &[&str]) -> Output {
    Command::new(program())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// All files below a folder with their contents' lengths.
fn tree(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            files.extend(tree(&entry.path()));
        } else {
            files.push((entry.path(), entry.metadata().unwrap().len()));
        }
    }
    files.sort();
    files
}

#[test]
fn a_recorded_session_replays_twice_and_leaves_the_tree_as_it_was() {
    let served = Served::start();
    let checkout = TempDir::new().unwrap();
    fs::create_dir_all(checkout.path().join("tests/data")).unwrap();
    fs::create_dir(checkout.path().join("target")).unwrap();
    for name in ["replay.agi", "question-moon.wav"] {
        fs::copy(data(name), checkout.path().join("tests/data").join(name)).unwrap();
    }
    let before = tree(checkout.path());
    for _ in 0..2 {
        let output = Command::new(program())
            .env("PHONE_ASSISTANT_CONFIG", &served.config)
            .current_dir(checkout.path())
            .stdin(File::open(checkout.path().join("tests/data/replay.agi")).unwrap())
            .output()
            .unwrap();
        let commands = String::from_utf8(output.stdout).unwrap();
        assert!(
            commands.contains("SET VARIABLE \"ASSISTANT_STATUS\" \"ANSWERED\"\n"),
            "{commands}"
        );
        fs::remove_file(checkout.path().join("target/replay-reply.ulaw")).unwrap();
        assert_eq!(tree(checkout.path()), before);
    }
}

#[test]
fn a_stderr_that_nobody_reads_holds_no_call_up() {
    let house = House::new();
    let settings = house.sandbox.settings().set("tts.fallback", ["google"]);
    house
        .sandbox
        .fault_service(Service::OpenAiTts, Fault::Status(401), usize::MAX);
    let config = settings.set("reply.play", "dialplan").write(house.other());
    let session = house.other().join("session.agi");
    fs::write(&session, testkit::agi_block("1001", &[])).unwrap();
    let call = |stderr: Stdio| {
        house.ask("question-moon.wav");
        let begun = Instant::now();
        let output = Command::new(program())
            .arg(format!("recording={}", house.recording().display()))
            .arg(format!("reply={}", house.reply().display()))
            .arg(format!("config={}", config.display()))
            .env("PHONE_ASSISTANT_LOG", "trace")
            .stdin(File::open(&session).unwrap())
            .stderr(stderr)
            .output()
            .unwrap();
        let commands = String::from_utf8(output.stdout).unwrap();
        assert!(
            commands.contains("\"ASSISTANT_STATUS\" \"ANSWERED\""),
            "{commands}"
        );
        begun.elapsed()
    };
    // A pipe holds 64 KiB.
    let (_unread, mut full) = std::io::pipe().unwrap();
    full.write_all(&vec![b'x'; 65_536]).unwrap();
    assert_like(call(full.into()), || call(Stdio::null()));
}

#[test]
fn help_and_version_go_to_stdout_and_mistakes_to_stderr() {
    let version = run(&["--version"]);
    let version = String::from_utf8(version.stdout).unwrap();
    let told = version.strip_prefix(concat!("phone-assistant ", env!("CARGO_PKG_VERSION"), " ("));
    let told = told.and_then(|told| told.strip_suffix(")\n"));
    let target = told.map(|told| told.rsplit(", ").next().unwrap());
    assert!(
        target.is_some_and(|target| target.starts_with(env::consts::ARCH)),
        "{version}"
    );
    let has_commit = told.is_some_and(|told| {
        let commit = told.split(['-', ',']).next().unwrap_or_default();
        commit.len() == 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    // A release that was built where there is git tells it.
    let is_release = program().iter().any(|part| part == "release");
    let git = Command::new("git").args(["rev-parse", "HEAD"]).output();
    let is_known = git.is_ok_and(|output| output.status.success());
    assert!(has_commit || !is_release || !is_known, "{version}");
    for (arguments, code, words) in [
        (&["--help"][..], 0, "convert"),
        (&["help", "convert"], 0, "--gain"),
        (&["help"], 0, "troubleshooting"),
        (&["help", "memory"], 0, "keyed hash"),
        (&["help", "check"], 0, "THE DOCTOR"),
        (&["help", "settings"], 0, "\nhttp.warm\n"),
        (&["help", "stt.language"], 0, "default: \"en-US\""),
        (&["help", "phone-assistant.socket"], 0, "[Socket]\n"),
        (&["convert", "--help"], 0, "limiter"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(
            String::from_utf8(output.stdout).unwrap().contains(words),
            "{arguments:?}"
        );
    }
    for arguments in [
        &["frobnicate"][..],
        &["convert", "only-one"],
        &["say"],
        &["--frob"],
        &["convert", "a", "b", "--gain", "loud"],
        &["help", "memry"],
        &["help", "memory", "cost"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(
            output.stdout.is_empty() && !output.stderr.is_empty(),
            "{arguments:?}"
        );
    }
}

/// `script` is a terminal: <https://man7.org/linux/man-pages/man1/script.1.html>.
#[test]
fn on_a_terminal_a_pager_shows_the_manual_and_where_there_is_none_it_is_printed() {
    let page = String::from_utf8(run(&["help", "memory"]).stdout).unwrap();
    let first = page.lines().next().unwrap();
    for (pager, expected) in [
        ("head -n 1", first),
        ("/nowhere/pager", page.trim_end()),
        ("", page.trim_end()),
    ] {
        let output = Command::new("script")
            .args(["--quiet", "--return", "--command"])
            .arg(format!("{} help memory", program().display()))
            .arg("/dev/null")
            .env("PAGER", pager)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{pager:?}: {shown}");
        assert_eq!(
            shown.replace("\r\n", "\n").trim_end(),
            expected,
            "{pager:?}"
        );
    }
}

#[test]
fn a_text_is_spoken_into_a_sound_file() {
    let house = House::new();
    let config = house.sandbox.write_config(house.other());
    for name in ["welcome.ulaw", "welcome.sln16", "welcome.wav"] {
        let output = house.other().join(name);
        let said = run(&[
            "--config",
            config.to_str().unwrap(),
            "say",
            "Welcome to the **office**.",
            output.to_str().unwrap(),
        ]);
        assert!(
            said.status.success(),
            "{}",
            String::from_utf8_lossy(&said.stderr)
        );
        let sound = fs::metadata(&output).unwrap();
        assert!(sound.len() > 8000);
        assert_ne!(
            sound.permissions().mode() & 0o044,
            0,
            "Asterisk cannot read what root made"
        );
    }
    assert!(wav::read(&house.other().join("welcome.wav")).is_audible());
    let asked = house.sandbox.requests_to(Stage::Tts);
    assert_eq!(
        (asked.len(), &asked[0].body["input"]),
        (3, &"Welcome to the office.".into())
    );
}

#[test]
fn a_text_that_cannot_be_spoken_says_why_and_leaves_no_file() {
    let house = House::new();
    let config = house.sandbox.write_config(house.other());
    house
        .sandbox
        .fault(Stage::Tts, testkit::Fault::Status(401), 1);
    let output = house.other().join("welcome.ulaw");
    let said = run(&[
        "--config",
        config.to_str().unwrap(),
        "say",
        "Hello",
        output.to_str().unwrap(),
    ]);
    let told = String::from_utf8(said.stderr).unwrap();
    assert_eq!(said.status.code(), Some(1), "{told}");
    assert!(
        told.contains("answered 401") && told.contains("check the key"),
        "{told}"
    );
    assert!(!output.exists());
    let said = run(&["say", "Hello", "welcome.mp3"]);
    assert!(
        String::from_utf8(said.stderr)
            .unwrap()
            .contains("use ulaw, alaw")
    );
}

#[test]
fn sounds_are_converted_from_the_command_line() {
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("question.ulaw");
    let converted = run(&[
        "convert",
        data("question-moon.wav").to_str().unwrap(),
        output.to_str().unwrap(),
    ]);
    assert!(
        converted.status.success(),
        "{}",
        String::from_utf8_lossy(&converted.stderr)
    );
    let samples = (fs::metadata(data("question-moon.wav")).unwrap().len() - 44) / 2;
    assert_eq!(
        fs::metadata(&output).unwrap().len(),
        samples.next_multiple_of(160)
    );
}
