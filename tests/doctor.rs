//! `phone-assistant check` where no Asterisk is: what it says of settings and services, and of what a stand-in for
//! `asterisk -rx` answers. What it says of a real one, tests/asterisk knows.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use testkit::{
    Fault, Response, Service, Settings, Stage, TempDir, copy_program, until, write_program,
};

use crate::house::{House, PATIENCE, each, program};

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
        "llm gemini gemini-3.6-flash",
        "llm gemini gemini-flash-latest",
    ] {
        assert!(of(&found, id).all(|finding| finding["status"] == "ok"));
        assert_eq!(of(&found, id).count(), 1, "{id} in {found:#}");
    }
}

#[test]
fn gemini_is_tried_in_every_stage_and_told_of_where_it_hears_nothing() {
    let house = House::new();
    let settings = crate::providers::gemini(&house);
    let found = check(&house, &settings, &[]);
    for id in [
        "stt gemini gemini-3.5-flash-lite",
        "llm gemini gemini-3.6-flash",
        "tts gemini gemini-3.8-flash-lite-tts",
    ] {
        assert!(of(&found, id).all(|finding| finding["status"] == "ok"));
        assert_eq!(of(&found, id).count(), 1, "{id} in {found:#}");
    }
    let nothing = json!({"candidates": [{"content": {"parts": [{}]}, "finishReason": "STOP"}]});
    house
        .sandbox
        .respond(Stage::Stt, testkit::Response::json(200, &nothing));
    let found = check(&house, &settings, &[]);
    let stt = of(&found, "stt gemini gemini-3.5-flash-lite")
        .next()
        .unwrap();
    assert_eq!(stt["status"], "warn");
    assert!(stt["text"].to_string().contains("was said"), "{stt}");
}

#[test]
fn what_a_host_that_is_not_reached_would_do_is_not_tried_and_its_fault_is_told_once() {
    let house = House::new();
    let settings = house.sandbox.settings();
    let settings = ["stt", "llm", "tts"]
        .iter()
        .fold(settings, |settings, stage| {
            let provider = format!("{stage}.provider");
            let address = format!("{stage}.openai.base_url");
            let own = settings
                .set(&provider, "openai")
                .set(&address, "http://127.0.0.1:1/v1");
            own.set(&format!("{stage}.fallback"), [""; 0])
        });
    let settings = settings.set("llm.openai.model", "own-model");
    let found = check(&house, &settings, &[]);
    let host = of(&found, "127.0.0.1:1").next().unwrap();
    assert_eq!(host["status"], "fail");
    let all = found.as_array().unwrap();
    let tried = all
        .iter()
        .filter(|it| it["text"].to_string().contains("refused"));
    assert_eq!(tried.count(), 1, "{found:#}");
    for stage in ["stt openai", "llm openai", "tts openai"] {
        let of_stage = |it: &&Value| it["id"].as_str().unwrap().starts_with(stage);
        let text = &all.iter().find(of_stage).unwrap()["text"];
        assert_eq!(text, "not tried: 127.0.0.1:1 was not reached");
    }
    let disclosure = of(&found, "disclosure").next().unwrap();
    assert_eq!(disclosure["status"], "warn", "{disclosure:#}");
    let text = disclosure["text"].as_str().unwrap();
    assert!(
        text.starts_with("not tried: 127.0.0.1:1 was not reached"),
        "{text}"
    );
}

#[test]
fn a_model_that_is_to_hear_callers_answers_a_recording() {
    let house = House::new();
    let texts = |settings: Settings, id: &str| -> Vec<String> {
        let found = check(&house, &settings.set("llm.hears", true), &[]);
        let line = |finding: &Value| format!("{} {}", finding["status"], finding["text"]);
        of(&found, id).map(line).collect()
    };
    let (who, model) = ("llm hears", "llm gemini gemini-3.6-flash");
    let gemini = || house.sandbox.settings();
    let told = texts(gemini(), who);
    let expected = "gemini gemini-3.6-flash gets the caller's sound; if it fails: google telephony";
    assert_eq!(told, [format!("\"ok\" \"{expected}\"")]);
    let tried = texts(gemini(), model);
    assert!(tried[1].contains("answered a recording in"), "{tried:?}");
    // The first request asks for a word, the second for an answer to a recording.
    let yes =
        json!({"candidates": [{"content": {"parts": [{"text": "Yes."}]}, "finishReason": "STOP"}]});
    let yes = Response::new(200, "text/event-stream", format!("data: {yes}\r\n\r\n"));
    for fault in [Fault::Reply(yes), Fault::Status(400)] {
        house.sandbox.fault_service(Service::Gemini, fault, 1);
    }
    let tried = texts(gemini(), model);
    assert!(tried[1].contains("warn") && tried[1].contains("does not answer a recording"));
    house.sandbox.restore_service(Service::Gemini);
    let with_messages = gemini().set("messages.mail_to", ["office@example.org"]);
    for settings in [crate::providers::openai(&house), with_messages] {
        let told = texts(settings, who);
        assert!(
            told[0].contains("warn") && told[0].contains("does nothing"),
            "{told:?}"
        );
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
    let set = of(&found, "settings").next().unwrap()["settings"].clone();
    for name in ["persona.kitchen.voice", "persona.office.language"] {
        let all = set.as_array().unwrap().iter();
        assert!(all.clone().any(|it| it["name"] == name), "{name} in {set}");
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
            finding["settings"].take();
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
pub(crate) fn check(house: &House, settings: &Settings, arguments: &[&str]) -> Value {
    let output = run_check(house, settings, &[&["--json"], arguments].concat());
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    found["checks"].clone()
}

/// Those of one name.
pub(crate) fn of<'a>(found: &'a Value, id: &'a str) -> impl Iterator<Item = &'a Value> {
    let all = found.as_array().unwrap().iter();
    all.filter(move |finding| finding["id"] == id)
}

/// Starts the doctor as whoever runs this test, root too, and lets it end.
pub(crate) fn run_check(house: &House, settings: &Settings, arguments: &[&str]) -> Output {
    doctor(house, settings, arguments).output().unwrap()
}

fn doctor(house: &House, settings: &Settings, arguments: &[&str]) -> Command {
    house.command_as_asterisk(settings, "check", arguments)
}

/// An Asterisk that answers with what is in files.
struct StandIn {
    house: House,
}

impl StandIn {
    /// On it all is right.
    fn new() -> Self {
        let stand_in = Self {
            house: House::new(),
        };
        fs::set_permissions(stand_in.folder(), fs::Permissions::from_mode(0o777)).unwrap();
        let own = "  '8008' =>  1. AGI(phone-assistant,mode=disclose) [x:1]\n  \
                    2. AGI(phone-assistant,persona=${ASSISTANT_PERSONA}) [x:1]\n  \
            '8009' =>  1. Answer() [x:2]\n  'check' =>  1. AGI(phone-assistant,mode=check) [x:3]\n";
        stand_in.say("core show version", "Asterisk 22.10.1 built by nobody");
        let globals = "   ASSISTANT_SILENCE=1500\n   OTHER=x\n    -- 2 variable(s)";
        stand_in.say("dialplan show globals", globals);
        stand_in.say(
            "core show settings",
            "  Entity ID:                   02:00:00:00:00:07\n",
        );
        stand_in.say("dialplan show 200@from-internal", RECEPTION);
        for name in APPLICATIONS {
            let info = format!("  -= Info about Application '{name}' =- ");
            stand_in.say(&format!("core show application {name}"), &info);
        }
        stand_in.say("dialplan show", &format!("{OWN_CONTEXT}{own}"));
        stand_in.leads("Goto(custom-openai,8008,1)");
        let script = format!(
            "#!/bin/sh\ncd '{}'\necho \"$2\" >>asked\ncat \"say $2\" 2>/dev/null || echo \"There is no existence of that\"\n",
            stand_in.folder().display()
        );
        write_program(&stand_in.folder().join("asterisk"), script);
        stand_in
    }

    fn folder(&self) -> &Path {
        self.house.other()
    }

    fn say(&self, command: &str, answer: &str) {
        fs::write(self.folder().join(format!("say {command}")), answer).unwrap();
    }

    /// Adds a step to the rest of the dialplan.
    fn leads(&self, step: &str) {
        let path = self.folder().join("say dialplan show");
        let plan = fs::read_to_string(&path).unwrap();
        let other =
            format!("\n[ Context 'other' created by 'pbx_config' ]\n  '1' =>  1. {step} [x:4]\n");
        fs::write(path, plan + &other).unwrap();
    }

    /// Nearly every command is refused.
    fn is_stopping(&self) {
        for entry in fs::read_dir(self.folder()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if let Some(command) = name.strip_prefix("say ") {
                self.say(
                    command,
                    &format!("Command '{command}' cannot be run during shutdown"),
                );
            }
        }
    }

    /// What the doctor finds, as a user for whom it takes Asterisk from its path.
    fn found(&self, settings: &Settings) -> Value {
        let config = settings.write(self.folder());
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        // That user need not reach the folder where the program was built.
        let opened = File::open(program()).unwrap();
        let mut command = Command::new(format!("/proc/self/fd/{}", opened.as_raw_fd()));
        command
            .args(["check", "--offline", "--json", "--config"])
            .arg(&config)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.folder().display()))
            .env("PHONE_ASSISTANT_CHECK_AS_ASTERISK", "1");
        if rustix::process::geteuid().is_root() {
            chown(&config, Some(65_534), Some(65_534)).unwrap();
            command.uid(65_534).gid(65_534);
        }
        let output = command.output().unwrap();
        let found = serde_json::from_slice::<Value>(&output.stdout);
        found.unwrap_or_else(|error| panic!("{error}: {output:?}"))["checks"].take()
    }

    fn settings(&self) -> Settings {
        let settings = self.house.sandbox.settings();
        settings
            .set("conversation.transfers", ["reception=200"])
            .set("persona.kitchen.voice", "onyx")
    }
}

const OWN_CONTEXT: &str = "[ Context 'custom-openai' created by 'pbx_config' ]\n";
const RECEPTION: &str = "[ Included context 'from-internal-xfer' created by 'pbx_config' ]\n  '200' =>  1. Dial(PJSIP/200) [x:5]\n";
const NOBODY: &str =
    "[ Included context 'bad-number' created by 'pbx_config' ]\n  '_X.' =>  1. Progress() [x:6]\n";
const APPLICATIONS: [&str; 7] = [
    "AGI",
    "EAGI",
    "Gosub",
    "MixMonitor",
    "StopMixMonitor",
    "WaitForNoise",
    "WaitForSilence",
];
/// What the doctor finds by asking Asterisk.
const ASKED: [&str; 8] = [
    "entity ID",
    "globals",
    "Asterisk",
    "dialplan",
    "applications",
    "ways in",
    "personas",
    "transfers",
];

type Planted = (
    &'static str,
    fn(&StandIn),
    &'static str,
    &'static str,
    &'static [&'static str],
);

/// What is wrong, how Asterisk says so, and the one finding: name, status, and words of it and its remedy.
const PLANTED: &[Planted] = &[
    (
        "an Asterisk that is about to stop",
        StandIn::is_stopping,
        "Asterisk",
        "fail",
        &["takes no new call", "core abort shutdown"],
    ),
    (
        "no context",
        |it| {
            it.say(
                "dialplan show",
                "[ Context 'other' created by 'pbx_config' ]\n",
            );
        },
        "dialplan",
        "fail",
        &["not loaded", "./install.sh --dialplan"],
    ),
    (
        "no context, because the module that reads it is not loaded",
        |it| {
            it.say("dialplan show", "-= 0 extensions in 0 contexts. =-\n");
            it.say("module show like pbx_config", "0 modules loaded\n");
        },
        "dialplan",
        "fail",
        &["has not loaded pbx_config", "module load pbx_config"],
    ),
    (
        "an Asterisk without an ethernet interface",
        |it| {
            it.say(
                "core show settings",
                "  System:                      Linux\n  Entity ID:                   00:00:00:00:00:00\n",
            );
        },
        "entity ID",
        "warn",
        &["no ethernet interface", "entityid = "],
    ),
    (
        "a context of an earlier version",
        |it| {
            let own = "  '8008' =>  1. AGI(phone-assistant) [x:1]\n";
            it.say("dialplan show", &format!("{OWN_CONTEXT}{own}"));
            it.leads("Goto(custom-openai,8008,1)");
        },
        "dialplan",
        "warn",
        &["earlier version", "./install.sh --dialplan"],
    ),
    (
        "a context that tells callers nothing before a question",
        |it| {
            let own = "  '8008' =>  1. AGI(phone-assistant) [x:1]\n  \
                'check' =>  1. AGI(phone-assistant,mode=check) [x:3]\n";
            it.say("dialplan show", &format!("{OWN_CONTEXT}{own}"));
            it.leads("Goto(custom-openai,8008,1)");
        },
        "dialplan",
        "warn",
        &["automatic assistant", "./install.sh --dialplan"],
    ),
    (
        "a missing application",
        |it| {
            it.say(
                "core show application EAGI",
                "Your application(s) is (are) not registered",
            );
        },
        "applications",
        "fail",
        &["does not know EAGI", "res_agi"],
    ),
    (
        "a way in that leads to nothing",
        |it| it.leads("Gosub(custom-openai,*88,1)"),
        "ways in",
        "fail",
        &["custom-openai,*88", "Custom Destinations"],
    ),
    (
        "a transfer to a number that only has an announcement",
        |it| it.say("dialplan show 200@from-internal", NOBODY),
        "transfers",
        "warn",
        &["reception=200 in from-internal", "[conversation]"],
    ),
    (
        "a transfer that leads nowhere from the extension of a persona",
        |it| it.leads("Set(ASSISTANT_TRANSFER_CONTEXT=school)"),
        "transfers",
        "warn",
        &["reception=200 in school", "ASSISTANT_TRANSFER_CONTEXT"],
    ),
    (
        "a persona that the settings do not have",
        |it| it.leads("Set(ASSISTANT_PERSONA=kitchn)"),
        "personas",
        "fail",
        &["chooses kitchn", "[persona.kitchn]", "kitchen"],
    ),
    (
        "a silence in seconds, where milliseconds are wanted",
        |it| it.say("dialplan show globals", "   ASSISTANT_SILENCE=2\n"),
        "globals",
        "warn",
        &[
            "ASSISTANT_SILENCE=2",
            "2000 are waited for",
            "globals_custom.conf",
        ],
    ),
    (
        "an extension of a persona that lets nobody in",
        |it| it.leads("Set(ASSISTANT_MAX_CALLS=0)"),
        "globals",
        "fail",
        &["every caller is turned away"],
    ),
    (
        "such a persona for all calls",
        |it| it.say("dialplan show globals", "   ASSISTANT_PERSONA=garden\n"),
        "personas",
        "fail",
        &["chooses garden", "extensions_custom.conf"],
    ),
];

#[test]
fn what_asterisk_says_of_a_fault_is_found_with_its_remedy() {
    each(PLANTED, |(what, plant, id, status, words)| {
        let stand_in = StandIn::new();
        plant(&stand_in);
        let found = stand_in.found(&stand_in.settings());
        let all = found.as_array().unwrap().iter();
        let worse: Vec<_> = all
            .filter(|finding| {
                finding["status"] != "ok" && ASKED.iter().any(|id| finding["id"] == *id)
            })
            .collect();
        assert_eq!(worse.len(), 1, "{what}: {worse:#?}");
        assert_eq!(
            (&worse[0]["id"], &worse[0]["status"]),
            (&json!(id), &json!(status)),
            "{what}"
        );
        let told = worse[0].to_string();
        for word in *words {
            assert!(told.contains(word), "{what}: no {word:?} in {told}");
        }
    });
}

#[test]
fn where_all_is_right_asterisk_is_asked_for_its_dialplan_once() {
    let stand_in = StandIn::new();
    stand_in.leads("Set(ASSISTANT_PERSONA=kitchen)");
    let found = stand_in.found(&stand_in.settings());
    for id in ASKED {
        let statuses: Vec<_> = of(&found, id).map(|finding| &finding["status"]).collect();
        assert_eq!(statuses, ["ok"], "{id} in {found:#}");
    }
    let asked = fs::read_to_string(stand_in.folder().join("asked")).unwrap();
    let plans = asked
        .lines()
        .filter(|line| line.starts_with("dialplan show"));
    let expected = [
        "dialplan show",
        "dialplan show globals",
        "dialplan show 200@from-internal",
    ];
    assert_eq!(plans.collect::<Vec<_>>(), expected);
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
    copy_program(Path::new("/bin/sleep"), &asterisk);
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
    until("it runs", PATIENCE, || {
        fs::read_to_string(&name).unwrap().trim() == "asterisk"
    });
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
fn callers_from_outside_who_are_told_nothing_are_found() {
    let stand_in = StandIn::new();
    let path = stand_in.folder().join("say dialplan show");
    let plan = fs::read_to_string(&path).unwrap();
    let way_in = "\n[ Context 'from-pstn' created by 'pbx_config' ]\n  \
        '1' =>  1. Goto(custom-openai,8008,1) [x:4]\n";
    fs::write(path, plan + way_in).unwrap();
    for (audience, warnings) in [("outside", 0), ("none", 1)] {
        let settings = stand_in.settings().set("knowledge.disclosure", audience);
        let found = stand_in.found(&settings);
        let told = of(&found, "disclosure").filter(|finding| finding["status"] == "warn");
        let told = told.filter(|finding| finding["text"].to_string().contains("from-pstn"));
        assert_eq!(told.count(), warnings, "{audience}: {found:#}");
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
    // The folder is shut as well, and so what is in it is not seen.
    for (path, mode) in [(&*config, 0o755), (house.other(), 0o700)] {
        fs::set_permissions(house.other(), fs::Permissions::from_mode(mode)).unwrap();
        let found: Value = serde_json::from_str(&check(&["--json"]).1).unwrap();
        let settings = of(&found["checks"], "settings").next().unwrap();
        let remedy = settings["remedy"].as_str().unwrap();
        let is_told = remedy.contains(&format!("{} ", path.display()));
        assert!(is_told && !remedy.contains("fix it"), "{remedy}");
    }
    fs::set_permissions(house.other(), fs::Permissions::from_mode(0o755)).unwrap();
    let state = of(&found["checks"], "folder for state").next().unwrap();
    if state["status"] == "fail" {
        let remedy = state["remedy"].as_str().unwrap();
        let is_there = fs::symlink_metadata("/var/lib/phone-assistant/state").is_ok();
        let expected = if is_there {
            "chown -h nobody: /var/lib/phone-assistant"
        } else {
            "sudo ./install.sh"
        };
        assert!(remedy.contains(expected), "{remedy}");
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
