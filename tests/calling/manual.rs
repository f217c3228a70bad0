//! Tools: the manual's examples as they stand, each against a server that answers as the real one does; the command that
//! uses them by hand, and what the doctor says of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use testkit::{CallingTurn, Response, TempDir, ToolAnswer, ToolRequest, ToolServer};

use super::pins::{silence, type_into};
use crate::docs::tools_of_the_manual;
use crate::house::{House, PATIENCE, program};

/// The manual's tools, at a stand-in.
struct Workbench {
    folder: TempDir,
    server: ToolServer,
}

/// The hosts that the manual names.
const HOSTS: [&str; 4] = [
    "https://api.open-meteo.com",
    "http://homeassistant.local:8123",
    "https://n8n.example.org",
    "http://intranet.example.org",
];

impl Workbench {
    fn new() -> Self {
        Self::at(ToolServer::start(answer))
    }

    fn at(server: ToolServer) -> Self {
        let folder = TempDir::new().unwrap();
        let mut settings = tools_of_the_manual();
        for host in HOSTS {
            assert!(settings.contains(host), "{host}");
            settings = settings.replace(host, &server.url());
        }
        let bench = Self { folder, server };
        let own = format!("\"{}/", bench.folder.path().display());
        settings = settings.replace("\"/etc/phone-assistant/", &own);
        let state = bench.path("state").display().to_string();
        settings.extend(["[state]\nfolder = '", &state, "'\n"]);
        bench.write("config.toml", &settings);
        bench.write(
            "homeassistant.header",
            "Authorization: Bearer the-token-of-the-house\n",
        );
        bench.write("n8n.header", "X-Office-Key: the-key-of-the-office\n");
        bench.write("house.pin", "482915\n");
        bench.write("appointment.pin", "7314\n");
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o640)).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .arg("--config")
            .arg(self.path("config.toml"))
            .env_clear()
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What the model would be told.
    #[track_caller]
    fn told(&self, arguments: &[&str]) -> String {
        let output = self.run(&[&["tool"], arguments].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn only_request(&self) -> ToolRequest {
        let [request] = &self.server.requests()[..] else {
            panic!("{:?}", self.server.requests());
        };
        request.clone()
    }
}

/// As Open-Meteo, Home Assistant, n8n and a web server answer.
fn answer(request: &ToolRequest) -> ToolAnswer {
    let (path, _) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    ToolAnswer::Gives(match (request.method.as_str(), path) {
        ("HEAD", "/") => Response::new(404, "text/plain", ""),
        ("GET", "/v1/forecast") => Response::json(200, &weather()),
        ("POST", "/api/conversation/process") => Response::json(200, &house()),
        ("POST", "/webhook/appointment") => Response::json(200, &json!({"asked": true})),
        ("GET", "/presence.csv") => Response::new(200, "text/csv", PRESENCE),
        _ => panic!("{request:?}"),
    })
}

const PRESENCE: &str = "name,present,room\r\nAnna Rossi,yes,12\r\nJim Berg,no,\r\n";

/// <https://open-meteo.com/en/docs>
fn weather() -> Value {
    json!({
        "latitude": 45.7, "longitude": 4.8, "generationtime_ms": 0.08, "utc_offset_seconds": 3600,
        "timezone": "Europe/Paris", "timezone_abbreviation": "GMT+1", "elevation": 174.0,
        "daily_units": {"time": "iso8601", "weather_code": "wmo code", "temperature_2m_max": "°C"},
        "daily": {"time": ["2026-11-29", "2026-11-30"], "weather_code": [3, 61], "temperature_2m_max": [9.4, 7.0]},
    })
}

/// <https://developers.home-assistant.io/docs/intent_conversation_api/>
fn house() -> Value {
    json!({
        "response": {
            "response_type": "action_done",
            "language": "en",
            "data": {"targets": [], "success": [{"type": "entity", "name": "Kitchen", "id": "light.kitchen"}], "failed": []},
            "speech": {"plain": {"speech": "Turned off the lights", "extra_data": null}},
        },
        "conversation_id": "01JDXM", "continue_conversation": false,
    })
}

#[test]
fn the_weather_of_the_manual_is_looked_up() {
    let bench = Workbench::new();
    let told = bench.told(&["weather", "latitude=45.7", "longitude=-4.8"]);
    let expected = weather().to_string();
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), weather());
    assert_eq!(told.trim_end().len(), expected.len(), "no blanks: {told}");
    let request = bench.only_request();
    let target = "/v1/forecast?latitude=45.7&longitude=-4.8&daily=weather_code,temperature_2m_max,temperature_2m_min,\
        precipitation_probability_max&timezone=auto&forecast_days=4";
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("GET", target)
    );
    assert_eq!(request.header("authorization"), "");
}

#[test]
fn the_house_of_the_manual_is_told_what_to_do_with_its_token() {
    let bench = Workbench::new();
    let sentence = r#"turn off "all" the lights, {sentence} \ ü"#;
    let told = bench.told(&["house", &format!("sentence={sentence}")]);
    assert!(told.contains("Turned off the lights"), "{told}");
    let request = bench.only_request();
    assert_eq!(request.target, "/api/conversation/process");
    assert_eq!(
        request.header("authorization"),
        "Bearer the-token-of-the-house"
    );
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.json(), json!({"text": sentence, "language": "en"}));
}

/// The manual's settings as they stand, through a call of a phone.
#[test]
fn the_house_of_the_manual_does_what_a_caller_asks_for_who_types_its_pin() {
    let (bench, house) = (Workbench::new(), House::streaming());
    let sentence = "turn off the lights in the kitchen";
    let turn = CallingTurn::of("house", json!({"sentence": sentence}));
    house.sandbox.call_with([turn]);
    let text = fs::read_to_string(bench.path("config.toml")).unwrap();
    let manual: toml::Table = toml::from_str(&text).unwrap();
    let sounds = house.other().join("sounds");
    let mut settings = house
        .sandbox
        .settings()
        .set("conversation.sounds", sounds.to_str().unwrap());
    for (name, value) in manual["tool"]["house"].as_table().unwrap() {
        settings = match value.as_table() {
            Some(arguments) => arguments.iter().fold(settings, |settings, (of, told)| {
                settings.set(&format!("tool.house.{name}.{of}"), told.as_str().unwrap())
            }),
            None => settings.set(&format!("tool.house.{name}"), value.as_str().unwrap()),
        };
    }
    let call = house.ask("question-tea.wav").call_with(&settings);
    let call = call
        .agi("agi_channel", "PJSIP/200-0000000a")
        .agi("agi_callerid", "200")
        .agi("agi_callingpres", "0")
        .start();
    type_into(&call, &silence(&house), 0, "482915#");
    let outcome = call.finish(PATIENCE);
    outcome.assert_variable_contains("ASSISTANT_ANSWER", "Turned off the lights");
    let request = bench.only_request();
    assert_eq!(request.json(), json!({"text": sentence, "language": "en"}));
    assert_eq!(
        request.header("authorization"),
        "Bearer the-token-of-the-house"
    );
}

#[test]
fn the_workflow_of_the_manual_is_started() {
    let bench = Workbench::new();
    let arguments = [
        "name=Jim Berg",
        "day=2026-12-24",
        "part=morning",
        "people=3",
    ];
    let told = bench.told(&[&["appointment"], &arguments[..]].concat());
    assert_eq!(told, "{\"asked\":true}\n");
    let request = bench.only_request();
    assert_eq!(request.header("x-office-key"), "the-key-of-the-office");
    let expected = json!({"name": "Jim Berg", "day": "2026-12-24", "part": "morning", "people": 3});
    assert_eq!(request.json(), expected);
}

#[test]
fn the_list_of_the_manual_is_read() {
    let bench = Workbench::new();
    let told = bench.told(&["presence"]);
    assert_eq!(told, PRESENCE.replace('\r', ""));
    assert!(tools_of_the_manual_text().contains(&PRESENCE.replace("\r\n", "\n")));
}

fn tools_of_the_manual_text() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/tools.md")).unwrap()
}

/// Neither what the model gives nor what the server says of it, whatever becomes of the request.
#[test]
fn no_log_shows_a_value_an_answer_or_a_header() {
    let server = ToolServer::start(|request| {
        let quoted = format!(
            "{} {}",
            request.target,
            String::from_utf8_lossy(&request.body)
        );
        let status = if request.method == "GET" { 200 } else { 400 };
        ToolAnswer::Gives(Response::new(status, "text/plain", quoted + " the-token"))
    });
    let bench = Workbench::at(server);
    for (arguments, code) in [
        (&["weather", "latitude=45.123", "longitude=4.567"][..], 0),
        (&["house", "sentence=open the secret door now"], 1),
    ] {
        let output = bench
            .command(&[&["tool"], arguments].concat())
            .env("PHONE_ASSISTANT_LOG", "trace")
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        for part in ["45.123", "4.567", "secret", "door", "the-token", "daily="] {
            assert!(!stderr.contains(part), "{part}: {stderr}");
        }
        assert!(
            stderr.contains("/v1/forecast<") || stderr.contains("/process"),
            "{stderr}"
        );
    }
}

#[test]
fn without_a_name_all_are_listed_and_nothing_is_asked() {
    let bench = Workbench::new();
    let list = bench.told(&[]);
    for part in [
        "weather (all callers)\n",
        "house (internal callers, with a PIN)\n",
        "appointment (all callers, with a PIN)\n",
        "presence (internal callers)\n",
        "  latitude: a number, degrees north\n",
        "  part: one of morning, afternoon, the part of the day\n",
    ] {
        assert!(list.contains(part), "{part}: {list}");
    }
    assert!(bench.server.requests().is_empty());
}

#[test]
fn what_is_wrong_by_hand_is_told_and_not_sent() {
    let bench = Workbench::new();
    for (arguments, expected) in [
        (&["clock"][..], "no tool is called \"clock\""),
        (&["weather", "45.7"], "\"45.7\" is no argument"),
        (&["weather", "latitude=45.7"], "longitude is missing"),
        (
            &["weather", "latitude=north", "longitude=1"],
            "latitude must be a number",
        ),
        (
            &["presence", "who=Anna"],
            "there is no argument who, nor any other",
        ),
    ] {
        let output = bench.run(&[&["tool"], arguments].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
        assert!(output.stdout.is_empty());
    }
    assert!(bench.server.requests().is_empty());
}
