//! What strangers choose and a terminal would obey: callers their names and words, services what they answer, and users
//! who may write to a folder what its files hold. No command shows it as it is, neither to people nor as JSON.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use testkit::{
    Fault, Outcome, Response, Settings, Stage, Takes, Terminal, ToolAnswer, ToolRequest,
    ToolServer, Webhook, until, write_program,
};

use crate::house::{House, PATIENCE, program};

/// Everything that a terminal obeys, and words that it may show.
pub(crate) const UNSEEN: &str = "innocent\x1b[2J\u{9b}2J\u{202E}\u{2066}\u{2069}\u{2028}\u{2029}\u{200B}\u{200F}\u{FEFF}\u{AD}\u{E0041}é世";

/// # Panics
/// When a terminal would obey something in it, the ends of its lines apart.
#[track_caller]
pub(crate) fn assert_harmless(text: &str) {
    let is_obeyed = |c: char| {
        c.is_control() && c != '\n'
            || ('\u{200B}'..='\u{200F}').contains(&c)
            || ('\u{2028}'..='\u{202E}').contains(&c)
            || ('\u{2060}'..='\u{206F}').contains(&c)
            || ('\u{E0000}'..='\u{E0FFF}').contains(&c)
            || matches!(c, '\u{FEFF}' | '\u{AD}')
    };
    assert!(!text.contains(is_obeyed), "{text:?}");
}

/// A house after a call of such a stranger: its message is not delivered, its caller is remembered, and the log of calls
/// has a line.
struct Visited {
    house: House,
    settings: Settings,
    _webhook: Webhook,
    _tools: ToolServer,
}

impl Visited {
    fn new() -> Self {
        let (house, webhook, tools) = (House::new(), Webhook::start(), ToolServer::start(told));
        webhook.always(Takes::Status(500));
        let sendmail = house.other().join("sendmail");
        write_program(
            &sendmail,
            format!("#!/bin/sh\ncat >/dev/null\necho '{UNSEEN}' >&2\nexit 75\n"),
        );
        let path = |name: &str| house.other().join(name).to_str().unwrap().to_owned();
        let settings = house
            .sandbox
            .settings()
            .set("log.words", true)
            .set("log.calls", path("calls.jsonl"))
            .set("memory.callers", "all")
            .set("memory.folder", path("callers"))
            .set("messages.folder", path("messages"))
            .set("messages.sendmail", path("sendmail"))
            .set("messages.mail_to", ["office@example.org"])
            .set("messages.webhook", webhook.url());
        let settings = WAYS.iter().fold(settings, |settings, way| {
            settings
                .set(&format!("tool.{way}.description"), "Looks something up.")
                .set(&format!("tool.{way}.url"), format!("{}/{way}", tools.url()))
        });
        house.sandbox.answer_with(&format!(
            "[[message Anna: {UNSEEN}]] I have noted it. {UNSEEN}"
        ));
        house.sandbox.respond(Stage::Stt, heard());
        let call = house.ask("question-tea.wav").call_with(&settings);
        let outcome = call
            .agi("agi_callerid", "+4930123456")
            .agi("agi_calleridname", UNSEEN)
            .agi("agi_callingpres", "0")
            .env("PHONE_ASSISTANT_LOG", "trace")
            .start()
            .finish(PATIENCE);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        assert_told_harmlessly(&outcome);
        let visited = Self {
            house,
            settings,
            _webhook: webhook,
            _tools: tools,
        };
        until("both ways are tried", PATIENCE, || {
            let shown = visited.shown(&["messages"]);
            ["mail: 1 try", "webhook: 1 try"]
                .iter()
                .all(|part| shown.contains(part))
        });
        visited
    }

    #[track_caller]
    fn shown(&self, arguments: &[&str]) -> String {
        let mut command =
            self.house
                .command_as_asterisk(&self.settings, arguments[0], &arguments[1..]);
        shown(&mut command)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.house.other().join(name)
    }

    /// The only JSON file of a folder.
    fn file_in(&self, folder: &str) -> PathBuf {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let is_json = |path: &PathBuf| path.extension().is_some_and(|end| end == "json");
        let [only] = &paths.filter(is_json).collect::<Vec<_>>()[..] else {
            panic!("several files in {folder}");
        };
        only.clone()
    }
}

/// What a command shows and logs, which is harmless.
#[track_caller]
fn shown(command: &mut Command) -> String {
    let output = command.env("PHONE_ASSISTANT_LOG", "trace").output();
    let output = output.unwrap();
    let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_harmless(&shown);
    shown
}

/// What a recognizer has heard.
fn heard() -> Response {
    let heard = json!({"results": [{"alternatives": [{"transcript": UNSEEN}]}]});
    Response::json(200, &heard)
}

/// How a tool may answer, each at a path of its own.
const WAYS: [&str; 3] = ["text", "json", "html"];

fn told(request: &ToolRequest) -> ToolAnswer {
    ToolAnswer::Gives(match request.target.as_str() {
        "/json" => Response::json(200, &json!({ UNSEEN: UNSEEN })),
        "/html" => Response::new(200, "text/html", format!("<p>{UNSEEN}</p>")),
        _ => Response::new(200, "text/plain", UNSEEN),
    })
}

#[test]
fn no_command_shows_what_strangers_have_left_or_answer_as_it_is() {
    let visited = Visited::new();
    let sandbox = &visited.house.sandbox;
    let sound = visited.path("said.wav");
    let sound = sound.to_str().unwrap();
    let asserted = |arguments: &[&str]| {
        let shown = visited.shown(arguments);
        assert!(shown.contains("innocent"), "{arguments:?}: {shown}");
    };
    sandbox.fault(Stage::Stt, Fault::Reply(heard()), usize::MAX);
    for arguments in [
        &["messages"][..],
        &["messages", "--show", ""],
        &["messages", "--retry"],
        &["messages", "--retry", UNSEEN],
        &["messages", "--show", UNSEEN],
        &["messages", "--remove", UNSEEN],
        &["calls", "--json"],
        &["calls", "--id", UNSEEN],
        &["forget", UNSEEN],
        &["tool", "text"],
        &["tool", "json"],
        &["tool", "html"],
        &["tool", UNSEEN],
        &["check"],
        &["check", "--json", "--send-test"],
        &["convert", UNSEEN, sound],
        &["help", UNSEEN],
    ] {
        asserted(arguments);
    }
    let refusal = json!({"error": {"message": format!("no such voice {UNSEEN}"), "code": UNSEEN}});
    for stage in [Stage::Stt, Stage::Llm, Stage::Tts] {
        let refusal = Fault::Reply(Response::json(400, &refusal));
        sandbox.fault(stage, refusal, usize::MAX);
    }
    for arguments in [
        &["check"][..],
        &["check", "--json"],
        &["say", "Hello.", sound],
    ] {
        asserted(arguments);
    }
}

#[test]
fn what_a_stranger_says_reaches_no_log_with_what_a_terminal_obeys() {
    let house = House::new();
    let message = format!("no such voice {UNSEEN}");
    let error = json!({"error": {"message": message, "code": UNSEEN}});
    house
        .sandbox
        .fault(Stage::Llm, Fault::Reply(Response::json(400, &error)), 1);
    house.sandbox.fault(
        Stage::Tts,
        Fault::Reply(Response::json(400, &error)),
        usize::MAX,
    );
    let settings = house
        .sandbox
        .settings()
        .set("llm.fallback", json!(["openai"]))
        .set("llm.openai.model", "gpt-6-luna")
        .set("log.words", true);
    house.sandbox.answer_with(&format!("Four. {UNSEEN}"));
    let call = house
        .ask("question-moon.wav")
        .call_with(&settings)
        .agi("agi_calleridname", UNSEEN)
        .env("PHONE_ASSISTANT_LOG", "trace");
    let outcome = call.start().finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "FAILED");
    outcome.assert_variable_contains("ASSISTANT_ERROR", "no such voice");
    outcome.assert(!outcome.warnings.is_empty(), "administrators are not told");
    assert_told_harmlessly(&outcome);
}

/// # Panics
/// When a line on Asterisk's console or in a log has something that a terminal would obey, or none is a stranger's.
#[track_caller]
fn assert_told_harmlessly(outcome: &Outcome) {
    let told = outcome.verbose.iter().map(|(line, _)| line);
    let error = outcome.variable("ASSISTANT_ERROR").to_owned();
    let told = told.chain(&outcome.warnings);
    let told: Vec<_> = told.chain([&error, &outcome.stderr]).collect();
    for text in &told {
        assert_harmless(text);
    }
    let is_theirs = told.iter().any(|text| text.contains("innocent"));
    outcome.assert(is_theirs, "nothing of a stranger's is shown");
}

/// Asterisk's console shows what callers call themselves. What `install.sh` reads is as it is.
#[test]
fn a_terminal_is_shown_nothing_of_asterisks_that_it_would_obey() {
    let mut command = Command::new(program());
    command.args([
        "console",
        "--asterisk",
        "echo",
        "--user",
        "65534",
        "--group",
        "65534",
        UNSEEN,
    ]);
    let (_, screen) = Terminal::start(&mut command).finish();
    assert!(screen.contains("-rx innocent"), "{screen}");
    assert_harmless(&screen.replace('\r', ""));
}

/// Users who may write to the program's folders can write anything into any file there.
#[test]
fn no_command_shows_what_is_in_a_file_as_it_is() {
    let visited = Visited::new();
    for (file, commands) in [
        (
            visited.file_in("messages"),
            [&["messages"][..], &["messages", "--show", ""]],
        ),
        (
            visited.file_in("callers"),
            [&["callers"], &["callers", "--json"]],
        ),
        (
            visited.path("calls.jsonl"),
            [&["calls"], &["calls", "--json"]],
        ),
    ] {
        let text = fs::read_to_string(&file).unwrap();
        let right: Value = serde_json::from_str(&text).unwrap();
        let places = strings(&right);
        assert!(places.len() > 2, "{right}");
        let mut all = String::new();
        for place in places {
            let mut wrong = right.clone();
            *wrong.pointer_mut(&place).unwrap() = json!(UNSEEN);
            fs::write(&file, wrong.to_string() + "\n").unwrap();
            all.extend(commands.map(|command| visited.shown(command)));
        }
        assert!(all.contains("innocent"), "{commands:?}");
        fs::write(&file, text).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        fs::rename(&file, file.with_file_name(format!("{UNSEEN}{name}"))).unwrap();
        for command in commands.into_iter().chain([&["check", "--offline"][..]]) {
            visited.shown(command);
        }
    }
}

/// Where the strings of a JSON are.
fn strings(json: &Value) -> Vec<String> {
    let within: Vec<_> = match json {
        Value::String(_) => return vec![String::new()],
        Value::Array(all) => (0..all.len())
            .map(|index| index.to_string())
            .zip(all)
            .collect(),
        Value::Object(all) => all
            .iter()
            .map(|(name, value)| (name.clone(), value))
            .collect(),
        _ => Vec::new(),
    };
    let places = within.into_iter().flat_map(|(name, value)| {
        let places = strings(value).into_iter();
        places.map(move |place| format!("/{name}{place}"))
    });
    places.collect()
}
