//! `phone-assistant check` where no Asterisk is: what it says of settings and services. What it says of a machine with an
//! Asterisk, tests/asterisk knows.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use serde_json::{Value, json};
use testkit::{Response, Settings, Stage, TempDir};

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

#[test]
fn findings_stay_whole_where_keys_and_users_are_ordinary_words() {
    let house = House::new();
    let found = |settings: Settings| {
        let mut found = check(&house, &settings, &["--offline"]);
        for finding in found.as_array_mut().unwrap() {
            let text = finding["text"].as_str().unwrap();
            // The settings differ, and so do the numbers of the processes that tried a folder.
            let told = text.chars().filter(|c| !c.is_ascii_digit());
            let is_about = finding["id"] != "settings";
            finding["text"] = told.filter(|_| is_about).collect::<String>().into();
        }
        found
    };
    let settings = |key: &str, user: &str| {
        house.sandbox.settings().set("openai.api_key", key).set(
            "http.proxy",
            format!("http://{user}:pw@127.0.0.1:9").as_str(),
        )
    };
    let usual = found(settings("sk-0123456789abcdef", "4f9b2c7d6e"));
    let words = found(settings("openai", "asterisk"));
    assert_eq!(words, usual);
    assert!(of(&words, "Asterisk").count() == 1, "{words:#}");
    assert!(!words.to_string().contains("[redacted]"), "{words:#}");

    // The service says the short key back.
    let quoting =
        json!({"error": {"message": "the key openai is wrong", "code": "invalid_api_key"}});
    house
        .sandbox
        .respond(Stage::Tts, Response::json(401, &quoting));
    let settings = house.sandbox.settings().set("openai.api_key", "openai");
    let found = check(&house, &settings, &[]);
    let id = "tts openai tts-1";
    let failed = of(&found, id).find(|finding| finding["status"] == "fail");
    let text = failed.unwrap_or_else(|| panic!("no {id} in {found:#}"))["text"].to_string();
    assert!(text.contains("the key [redacted] is wrong"), "{text}");
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
    doctor(house, settings, arguments).output().unwrap()
}

fn doctor(house: &House, settings: &Settings, arguments: &[&str]) -> Command {
    let config = settings.write(house.other());
    let mut command = Command::new(program());
    command
        .arg("check")
        .args(arguments)
        .arg("--config")
        .arg(config)
        .env_clear()
        .env("PHONE_ASSISTANT_CHECK_AS_ASTERISK", "1");
    command
}

#[test]
fn a_reader_that_has_seen_enough_does_not_change_the_exit_code() {
    let house = House::new();
    let settings = house.sandbox.settings().set("stt.langauge", "de-DE");
    let read = run_check(&house, &settings, &["--offline"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = doctor(&house, &settings, &["--offline"])
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), read.status.code());
    assert_eq!(read.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!told.contains("pipe"), "{told}");
}

/// Ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn nobody_becomes_asterisk_by_starting_a_program_of_that_name() {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let asterisk = folder.path().join("asterisk");
    // Written by a child: a file that this process writes while another test forks could not be run.
    let copied = Command::new("cp").arg("/bin/sleep").arg(&asterisk).status();
    assert!(copied.unwrap().success());
    // This machine may have no Asterisk; the one that is laid out has an answer.
    let machine = TempDir::new().unwrap();
    let units = machine.path().join("lib/systemd/system");
    fs::create_dir_all(&units).unwrap();
    let unit = "[Service]\nUser=pbx\nGroup=voice\nExecStart=/usr/sbin/asterisk -f\n";
    fs::write(units.join("asterisk.service"), unit).unwrap();
    let ask = |arguments: &[&str]| {
        let output = Command::new(program()).args(arguments).output().unwrap();
        let [told, faults] = [output.stdout, output.stderr].map(String::from_utf8);
        (output.status.code(), told.unwrap(), faults.unwrap())
    };
    let identity = || {
        let root = machine.path().to_str().unwrap();
        [
            ask(&["identity"]),
            ask(&["identity", "--root", root]),
            // Whom a person names is believed on every machine.
            ask(&["identity", "--user", "root"]),
        ]
    };
    let before = identity();
    let lines = [&before[1].1, &before[2].1].map(String::as_str);
    assert_eq!(
        lines,
        ["user pbx\ngroup voice\n", "user root\ngroup root\n"]
    );
    let mut command = Command::new(&asterisk);
    if rustix::process::geteuid().is_root() {
        chown(&asterisk, Some(65_534), Some(65_534)).unwrap();
        command.uid(65_534).gid(65_534);
    }
    let running = Running(command.arg("1000").spawn().unwrap());
    let name = format!("/proc/{}/comm", running.0.id());
    while fs::read_to_string(&name).unwrap().trim() != "asterisk" {
        thread::yield_now();
    }
    assert_eq!(identity(), before);
    // Nor does root's doctor ask as that user, or tell people to give it anything.
    let output = Command::new(program())
        .args(["check", "--offline", "--json"])
        .output()
        .unwrap();
    let found = String::from_utf8(output.stdout).unwrap();
    for word in ["65534", "nobody"] {
        assert!(!found.contains(word), "{found}");
    }
}

#[test]
fn root_tells_what_another_user_finds() {
    let house = House::new();
    fs::set_permissions(house.other(), fs::Permissions::from_mode(0o755)).unwrap();
    let config = house.sandbox.settings().write(house.other());
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    let check = |style: &[&str]| {
        let output = Command::new(program())
            .args(["check", "--offline", "--user", "nobody", "--config"])
            .arg(&config)
            .args(style)
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, found) = check(&["--json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    assert!(!found["checks"].as_array().unwrap().is_empty(), "{found:#}");
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // The settings are root's alone, and nobody has looked.
    let text = of(&found["checks"], "settings").next().unwrap()["text"].to_string();
    assert!(text.contains("Permission denied"), "{text}");
    assert_eq!(code, Some(2));
    let state = of(&found["checks"], "folder for state").next().unwrap();
    if state["status"] == "fail" {
        let remedy = state["remedy"].as_str().unwrap();
        assert!(remedy.contains("chown -hR nobody: "), "{remedy}");
    }
    let (code, lines) = check(&[]);
    assert!(lines.contains("fail  settings"), "{lines}");
    assert!(lines.contains("checks: "), "{lines}");
    assert_eq!(code, Some(2));
    let (code, lines) = check(&["--quiet"]);
    assert!(lines.starts_with("fail  "), "{lines}");
    assert_eq!(code, Some(2));
}

#[test]
fn a_program_that_runs_apart_has_a_session_and_no_terminal() {
    let script = "cat /proc/$$/stat; if : </dev/tty; then echo terminal; fi; cat; echo $PHONE_ASSISTANT_APART";
    let output = Command::new(program())
        .args(["sh", "-c", script])
        .env("PHONE_ASSISTANT_APART", "exec")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let fields: Vec<_> = told.split_whitespace().collect();
    // Process, name, state, parent, group, session.
    assert_eq!((fields[0], fields[0]), (fields[4], fields[5]), "{told}");
    assert!(!told.contains("terminal"), "{told}");
    let output = Command::new(program())
        .arg("no-such-program-anywhere")
        .env("PHONE_ASSISTANT_APART", "exec")
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(71), "{told}");
    assert!(told.contains("no-such-program-anywhere"), "{told}");
}
