//! `phone-assistant setup`: from a key to settings, at a terminal and without one.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use testkit::{GEMINI_API_KEY, OPENAI_API_KEY, Settings, Stage, Terminal};

use crate::house::{House, PATIENCE, argument, program};

#[test]
fn at_a_terminal_the_key_is_asked_unseen_and_tried_before_anything_is_written() {
    let house = House::new();
    let mut terminal = Terminal::start(&mut setup(&house, &keyless(&house), &[]));
    terminal.wait_for("Key: ").type_line(GEMINI_API_KEY);
    terminal.wait_for("Gemini: the key works");
    terminal.wait_for("https://ai.google.dev/gemini-api/terms");
    terminal
        .wait_for("Language ")
        .wait_for(": ")
        .type_line("de-DE");
    terminal.wait_for("Kore").wait_for("]: ").type_line("Puck");
    let (_, screen) = terminal.finish();
    assert!(!screen.contains(GEMINI_API_KEY), "{screen}");
    let ending = &GEMINI_API_KEY[GEMINI_API_KEY.len() - 4..];
    for part in [
        &*format!("gemini.api_key: none -> …{ending}"),
        "stt.language: not set -> de-DE",
        "tts.gemini.voice: not set -> Puck",
        "gemini: key found",
        "Custom Destinations, Add: Target custom-openai,8008,1",
    ] {
        assert!(screen.contains(part), "{part:?} is not in {screen}");
    }
    let written = fs::read_to_string(house.settings_file()).unwrap();
    let written: toml::Table = written.parse().unwrap();
    assert_eq!(written["gemini"]["api_key"].as_str(), Some(GEMINI_API_KEY));
    assert_eq!(written["stt"]["language"].as_str(), Some("de-DE"));
    assert_eq!(written["tts"]["gemini"]["voice"].as_str(), Some("Puck"));
    let mode = house
        .settings_file()
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "as it was before");
}

#[test]
fn ctrl_c_at_the_hidden_question_leaves_a_terminal_that_shows_what_is_typed() {
    let house = House::new();
    let settings = keyless(&house);
    let mut terminal = Terminal::start(&mut setup(&house, &settings, &[]));
    terminal.wait_for("Key: ");
    assert!(!terminal.shows_lines(), "the key is not to be seen");
    terminal.press_ctrl(b'C');
    terminal.wait_for("nothing was changed");
    assert!(terminal.shows_lines());
    let (status, screen) = terminal.finish();
    assert_eq!(status.code(), Some(1), "{screen}");
    let written = fs::read_to_string(house.settings_file()).unwrap();
    assert_eq!(written, settings.to_toml());
}

#[test]
fn without_a_terminal_nothing_is_asked() {
    let house = House::new();
    let missing = output(&house, &keyless(&house), &["--language", "de-DE"], "");
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
    let told = String::from_utf8_lossy(&missing.stderr);
    assert!(told.contains("--api-key-file"), "{told}");
    assert!(house.sandbox.requests().is_empty());

    let given = ["--api-key-file", "-", "--language", "de-DE", "--no-check"];
    let done = output(&house, &keyless(&house), &given, OPENAI_API_KEY);
    assert!(done.status.success(), "{done:?}");
    let written = fs::read_to_string(house.settings_file()).unwrap();
    let written: toml::Table = written.parse().unwrap();
    assert_eq!(written["openai"]["api_key"].as_str(), Some(OPENAI_API_KEY));
    assert!(
        house.sandbox.requests().is_empty(),
        "it was not to be tried"
    );
}

#[test]
fn a_gemini_key_is_all_that_a_call_needs() {
    let house = House::new();
    let given = ["--api-key-file", "-", "--no-check"];
    let done = output(&house, &keyless(&house), &given, GEMINI_API_KEY);
    assert!(done.status.success(), "{done:?}");
    house.ask("question-moon.wav");
    let outcome = testkit::Call::builder(program())
        .arg(argument("recording", &house.recording()))
        .arg(argument("reply", &house.reply()))
        .arg(argument("config", &house.settings_file()))
        .arg("reply.play=dialplan")
        .start()
        .finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    for stage in [Stage::Stt, Stage::Llm, Stage::Tts] {
        let asked = house.sandbox.requests_to(stage);
        let is_geminis = |path: &str| path.starts_with("/v1beta/models/gemini-");
        assert!(!asked.is_empty(), "{stage:?}");
        assert!(
            asked.iter().all(|request| is_geminis(&request.path)),
            "{asked:?}"
        );
    }
}

#[test]
fn a_key_that_its_service_refuses_is_not_written_and_never_shown() {
    let house = House::new();
    let settings = keyless(&house);
    let of_others = [
        ("AQ.of-somebody-else-0123456789", "Gemini"),
        ("sk-of-somebody-else-0123456789", "OpenAI"),
    ];
    for (key, kind) in of_others {
        let refused = output(&house, &settings, &["--api-key-file", "-"], key);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let told = String::from_utf8_lossy(&refused.stderr);
        let expected = format!("{kind}: the key was tried, and nothing was changed");
        assert!(told.contains(&expected), "{told}");
        let all = format!("{refused:?}");
        assert!(!all.contains(key), "{all}");
        let written = fs::read_to_string(house.settings_file()).unwrap();
        assert_eq!(written, settings.to_toml());
    }
}

#[test]
fn a_key_among_the_arguments_is_refused_and_not_repeated() {
    let house = House::new();
    let settings = keyless(&house);
    let refused = output(&house, &settings, &["--api-key-file", GEMINI_API_KEY], "");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(told.contains("this is a key"), "{told}");
    assert!(!format!("{refused:?}").contains(GEMINI_API_KEY));
}

#[test]
fn a_service_accounts_file_is_put_where_the_settings_have_it() {
    let house = House::new();
    let place = house.other().join("google-creds.json");
    let settings = keyless(&house).set("google.credentials", place.to_str().unwrap());
    testkit::write_secret(&place, "");
    let given = house.sandbox.credentials_file();
    let arguments = ["--api-key-file", given.to_str().unwrap()];
    let done = output(&house, &settings, &arguments, "");
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(
        told.contains("Google (service account): the key works"),
        "{done:?}"
    );
    assert_eq!(fs::read(&place).unwrap(), fs::read(given).unwrap());
    assert_eq!(
        fs::read_to_string(house.settings_file()).unwrap(),
        settings.to_toml()
    );
}

/// The sandbox's settings without any key and without named providers.
pub(crate) fn keyless(house: &House) -> Settings {
    house.sandbox.settings().keyless()
}

fn setup(house: &House, settings: &Settings, arguments: &[&str]) -> Command {
    house.command_as_asterisk(settings, "setup", arguments)
}

/// What comes of it where stdin holds `input` and nobody is there.
pub(crate) fn output(
    house: &House,
    settings: &Settings,
    arguments: &[&str],
    input: &str,
) -> Output {
    let mut command = setup(house, settings, arguments);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}
