//! `phone-assistant check` on a machine on which everything is right, and on one on which something is not: every fault is
//! planted for real, found, and named with its remedy; once it is fixed, all is well again.

use std::fs;
use std::process::Output;

use serde_json::Value;
use testkit::{Fault, Service, Settings};

use super::services::sandbox;
use crate::lab::Lab;
use crate::machine::Machine;
use crate::report::Report;

/// What is wrong, how it comes to be so, how it is fixed, and what the doctor says: the status, and words of the finding and its remedy.
struct Planted {
    what: &'static str,
    plant: fn(&Machine),
    mend: fn(&Machine),
    status: &'static str,
    words: &'static [&'static str],
}

/// All is right; then each fault in turn.
pub(crate) fn run(lab: &Lab, report: &Report) {
    let mut machine = Machine::installed(lab, sandbox());
    machine.configure(&settings(&machine));
    report.check(
        "on a machine on which all is right, the doctor finds nothing but retirement dates",
        || {
            let found = check(&machine, &[])?;
            let bad = worse(&found, "through Asterisk").chain(worse(&found, ""));
            let bad: Vec<_> = bad
                .filter(|finding| !text(finding).contains("switched off"))
                .collect();
            if bad.is_empty() {
                Ok(())
            } else {
                Err(format!("{bad:?}"))
            }
        },
    );
    report.check(
        "it speaks in lines for people, without colour where nobody sees it",
        || {
            let output = run_check(&machine, &[]);
            let lines = String::from_utf8_lossy(&output.stdout).into_owned();
            let is_right = lines.contains("ok    through Asterisk") && !lines.contains('\x1b');
            if is_right { Ok(()) } else { Err(lines) }
        },
    );
    for planted in FAULTS {
        report.check(
            &format!("the doctor finds {}, and knows what to do", planted.what),
            || {
                (planted.plant)(&machine);
                let found = check(&machine, &[]);
                (planted.mend)(&machine);
                found_as(&found?, planted)
            },
        );
    }
    report.check("with everything fixed, all is well again", || {
        let found = check(&machine, &[])?;
        let bad: Vec<_> = worse(&found, "")
            .filter(|finding| !text(finding).contains("switched off"))
            .collect();
        if bad.is_empty() {
            Ok(())
        } else {
            Err(format!("{bad:?}"))
        }
    });
    quiet(&machine, report);
    other_asterisks(&mut machine, report);
}

/// What a daily run says.
fn quiet(machine: &Machine, report: &Report) {
    report.check(
        "a daily run tells what got worse, once, and what was fixed",
        || {
            let said =
                || String::from_utf8_lossy(&run_check(machine, &["--quiet"]).stdout).into_owned();
            said();
            let nothing = said();
            machine
                .sandbox
                .fault_service(Service::Gemini, Fault::Status(503), usize::MAX);
            let (worse, again) = (said(), said());
            machine.sandbox.restore_service(Service::Gemini);
            let fixed = said();
            let is_right = nothing.is_empty()
                && worse.contains("fail  llm gemini")
                && again.is_empty()
                && fixed.contains("llm gemini gemini-3.6-flash: fixed");
            if is_right {
                Ok(())
            } else {
                Err(format!("{nothing:?} {worse:?} {again:?} {fixed:?}"))
            }
        },
    );
}

/// What it says where Asterisk has keys of its own, does not run, or is root; and to whom it is a stranger.
fn other_asterisks(machine: &mut Machine, report: &Report) {
    report.check(
        "the doctor asks with the key of Asterisk's environment, which overrides the settings",
        || {
            machine.restart_asterisk_with(&[("OPENAI_API_KEY", "sk-of-somebody-else")]);
            let found = check(machine, &[])?;
            let all = found["checks"].as_array().into_iter().flatten();
            let is_told = all
                .filter(|finding| finding["id"] == "settings")
                .filter_map(|finding| finding["settings"].as_array())
                .flatten()
                .any(|set| {
                    set["name"] == "openai.api_key"
                        && set["value"] == "[redacted]"
                        && set["source"] == "OPENAI_API_KEY"
                });
            let is_refused =
                worse(&found, "tts openai").any(|finding| text(finding).contains("401"));
            let is_different = worse(&found, "through Asterisk").next().is_some();
            if is_told && is_refused && !is_different {
                Ok(())
            } else {
                Err(found.to_string())
            }
        },
    );
    report.check(
        "run by anybody else the doctor says that it should be root, and nothing that is wrong",
        || {
            let mut command = machine
                .root()
                .command_of("nobody", "/usr/local/bin/phone-assistant");
            let output = command.args(["check", "--offline"]).output().unwrap();
            let lines = String::from_utf8_lossy(&output.stdout).into_owned();
            let is_wrong = |line: &str| line.starts_with("fail  ");
            if lines.contains("warn  user") && !lines.lines().any(is_wrong) {
                Ok(())
            } else {
                Err(lines)
            }
        },
    );
    report.check(
        "without Asterisk the doctor says so, and checks the rest",
        || {
            machine.kill_asterisk();
            let found = check(machine, &["--offline"])?;
            let is_named =
                worse(&found, "Asterisk").any(|finding| text(finding).contains("start it"));
            if is_named {
                Ok(())
            } else {
                Err(found.to_string())
            }
        },
    );
    report.check("where Asterisk is root the doctor comes to an end", || {
        shell(machine, "cp /bin/sleep /tmp/asterisk");
        let mut command = machine.root().command("/tmp/asterisk");
        let mut asterisk = command.arg("60").spawn().unwrap();
        let found = check(machine, &["--offline"]);
        asterisk.kill().ok();
        asterisk.wait().ok();
        found.map(drop)
    });
}

fn found_as(found: &Value, planted: &Planted) -> Result<(), String> {
    let is_it = |finding: &&Value| {
        let text = text(finding);
        finding["status"] == planted.status
            && planted.words.iter().all(|words| text.contains(words))
    };
    let all: Vec<_> = worse(found, "").collect();
    if all.iter().any(is_it) {
        Ok(())
    } else {
        Err(format!("not {:?} in {all:#?}", planted.words))
    }
}

/// The findings that are not all right, and whose name begins like this.
pub(super) fn worse<'a>(found: &'a Value, id: &'a str) -> impl Iterator<Item = &'a Value> {
    let findings = found["checks"].as_array().map_or(&[][..], Vec::as_slice);
    findings.iter().filter(move |finding| {
        finding["status"] != "ok"
            && finding["id"]
                .as_str()
                .is_some_and(|name| name.starts_with(id))
    })
}

fn text(finding: &Value) -> String {
    ["id", "text", "remedy"]
        .map(|key| finding[key].as_str().unwrap_or_default())
        .join(" | ")
}

pub(super) fn check(machine: &Machine, arguments: &[&str]) -> Result<Value, String> {
    let output = run_check(machine, &[&["--json"], arguments].concat());
    let found: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {output:?}"))?;
    let expected = match found["status"].as_str() {
        Some("ok") => 0,
        Some("warn") => 1,
        _ => 2,
    };
    let shown = String::from_utf8_lossy(&output.stdout);
    if [testkit::OPENAI_API_KEY, "PRIVATE KEY", "eyJ"]
        .iter()
        .any(|secret| shown.contains(secret))
    {
        return Err("a key is shown".to_owned());
    }
    if output.status.code() == Some(expected) {
        Ok(found)
    } else {
        Err(format!(
            "exit code {:?}, status {}",
            output.status, found["status"]
        ))
    }
}

fn run_check(machine: &Machine, arguments: &[&str]) -> Output {
    let mut command = machine.root().command("phone-assistant");
    command.arg("check").args(arguments).output().unwrap()
}

/// With somebody to fall back on in every stage.
fn settings(machine: &Machine) -> Settings {
    machine
        .settings()
        .without("tts.fallback")
        .set("stt.fallback", serde_json::json!(["openai"]))
        .set("llm.fallback", serde_json::json!(["openai"]))
        .set("llm.openai.model", "gpt-6-luna")
        .set("llm.openai.token_limit", "max_completion_tokens")
}

fn configure(machine: &Machine, key: &str, value: impl Into<Value>) {
    machine.configure(&settings(machine).set(key, value));
}

fn usual(machine: &Machine) {
    machine.configure(&settings(machine));
}

fn shell(machine: &Machine, script: &str) {
    machine.root().shell(script);
}

fn restore(machine: &Machine) {
    for service in [
        Service::GoogleStt,
        Service::OpenAiStt,
        Service::Gemini,
        Service::OpenAiChat,
        Service::OpenAiTts,
        Service::GoogleTts,
    ] {
        machine.sandbox.restore_service(service);
    }
}

/// Lets an extension of the administrator's set something before it goes to the assistant.
fn add_extension(machine: &Machine, setting: &str) {
    let step = format!("exten => 8012,1,Set({setting})");
    let jump = " same => n,Gosub(custom-openai,8009,1)";
    shell(
        machine,
        &format!("printf '%s\\n' '[custom-own]' '{step}' '{jump}' >>/etc/asterisk/extensions.conf"),
    );
    machine.asterisk("dialplan reload");
}

fn remove_extension(machine: &Machine) {
    shell(
        machine,
        "sed -i '/custom-own/,$d' /etc/asterisk/extensions.conf",
    );
    machine.asterisk("dialplan reload");
}

fn set_log_level(machine: &Machine, level: &str) {
    let files = "/etc/asterisk/logger_logfiles_additional.conf";
    let script = format!("sed -i 's/verbose[^,]*/{level}/' {files}");
    shell(machine, &script);
    machine.asterisk("logger reload");
}

const FAULTS: &[Planted] = &[
    Planted {
        what: "a misspelt setting",
        plant: |machine| configure(machine, "stt.langauge", "de-DE"),
        mend: usual,
        status: "fail",
        words: &["unknown setting stt.langauge", "did you mean stt.language?"],
    },
    Planted {
        what: "settings that everybody may read",
        plant: |machine| shell(machine, "chmod 644 /etc/phone-assistant/config.toml"),
        mend: |machine| shell(machine, "chmod 640 /etc/phone-assistant/config.toml"),
        status: "fail",
        words: &[
            "everybody on this machine may read it",
            "chmod 640 /etc/phone-assistant/config.toml",
        ],
    },
    Planted {
        what: "a missing key file",
        plant: |machine| {
            shell(
                machine,
                "mv /etc/phone-assistant/google-creds.json /etc/phone-assistant/away",
            );
        },
        mend: |machine| {
            shell(
                machine,
                "mv /etc/phone-assistant/away /etc/phone-assistant/google-creds.json",
            );
        },
        status: "fail",
        words: &["Google's key file", "No such file"],
    },
    Planted {
        what: "a key file that Asterisk's user may not read",
        plant: |machine| shell(machine, "chmod 600 /etc/phone-assistant/google-creds.json"),
        mend: |machine| shell(machine, "chmod 640 /etc/phone-assistant/google-creds.json"),
        status: "fail",
        words: &[
            "Google's key file",
            "Permission denied",
            "chown -h root:asterisk",
        ],
    },
    Planted {
        what: "a key that OpenAI does not know",
        plant: |machine| configure(machine, "openai.api_key", "sk-of-somebody-else"),
        mend: usual,
        status: "fail",
        words: &["tts openai tts-1", "401", "check the key"],
    },
    Planted {
        what: "an account without credit",
        plant: |machine| {
            machine
                .sandbox
                .fault_service(Service::OpenAiTts, Fault::QuotaExhausted, usize::MAX);
        },
        mend: restore,
        status: "fail",
        words: &[
            "tts openai tts-1",
            "no credit or quota left",
            "billing page",
        ],
    },
    Planted {
        what: "an API that is switched off",
        plant: |machine| {
            machine
                .sandbox
                .fault_service(Service::GoogleStt, Fault::Status(403), usize::MAX);
        },
        mend: restore,
        status: "fail",
        words: &["stt google telephony", "switch this API on"],
    },
    Planted {
        what: "a model that the service does not have",
        plant: |machine| configure(machine, "llm.gemini.model", "gemini-3.5-flash-light"),
        mend: usual,
        status: "warn",
        words: &[
            "own list does not have gemini-3.5-flash-light",
            "there are: gemini-3.5-flash-lite",
        ],
    },
    Planted {
        what: "a fallback that does not work",
        plant: |machine| {
            machine
                .sandbox
                .fault_service(Service::GoogleTts, Fault::Status(403), usize::MAX);
        },
        mend: restore,
        status: "fail",
        words: &["tts google", "switch this API on"],
    },
    Planted {
        what: "a model that will be switched off soon",
        plant: |machine| configure(machine, "llm.openai.model", "gpt-4.1-mini"),
        mend: usual,
        status: "warn",
        words: &["llm openai gpt-4.1-mini", "2027-01-14", "gpt-6-luna"],
    },
    Planted {
        what: "a language that nobody speaks",
        plant: |machine| {
            let heard = serde_json::json!({"results": [{"alternatives": [{"transcript": "dekwik tstof"}]}]});
            let reply = Fault::Reply(testkit::Response::json(200, &heard));
            machine
                .sandbox
                .fault_service(Service::GoogleStt, reply, usize::MAX);
        },
        mend: restore,
        status: "warn",
        words: &[
            "stt google telephony",
            "dekwik tstof",
            "check language in [stt]",
        ],
    },
    Planted {
        what: "a voice that says nothing",
        plant: |machine| {
            let silence = testkit::audio::clips::silence(24_000, 2.0);
            let wav = testkit::audio::wav::streamed(&silence);
            let reply = Fault::Reply(testkit::Response::new(200, "audio/wav", wav));
            machine
                .sandbox
                .fault_service(Service::OpenAiTts, reply, usize::MAX);
        },
        mend: restore,
        status: "fail",
        words: &["tts openai tts-1", "no sound", "check model and voice"],
    },
    Planted {
        what: "a name for which no name server answers",
        plant: |machine| configure(machine, "stt.google.base_url", "https://speech.example"),
        mend: usual,
        status: "fail",
        words: &[
            "speech.example",
            "no name server answers for it",
            "/etc/resolv.conf",
        ],
    },
    Planted {
        what: "a port on which nobody listens",
        plant: |machine| configure(machine, "llm.gemini.base_url", "https://127.0.0.1:9"),
        mend: usual,
        status: "fail",
        words: &["127.0.0.1:9", "nothing listens there", "firewall"],
    },
    Planted {
        what: "a proxy that inspects TLS and is not trusted",
        plant: |machine| machine.configure(&settings(machine).without("http.ca_file")),
        mend: usual,
        status: "fail",
        words: &["has issued its certificate", "[http] ca_file"],
    },
    Planted {
        what: "a proxy that is not there",
        plant: |machine| configure(machine, "http.proxy", "http://127.0.0.1:9"),
        mend: usual,
        status: "fail",
        words: &["localhost", "through the proxy 127.0.0.1:9", "[http] proxy"],
    },
    Planted {
        what: "a clock that is wrong",
        plant: |machine| machine.sandbox.clock_offset(-7200),
        mend: |machine| machine.sandbox.clock_offset(0),
        status: "fail",
        words: &["clock", "ahead", "timedatectl set-ntp true"],
    },
    Planted {
        what: "a folder for calls that Asterisk's user may not write to",
        plant: |machine| shell(machine, "chown root: /var/lib/phone-assistant/calls"),
        mend: |machine| shell(machine, "chown asterisk: /var/lib/phone-assistant/calls"),
        status: "fail",
        words: &[
            "folder for calls",
            "sudo -u asterisk mv /var/lib/phone-assistant/calls",
        ],
    },
    Planted {
        what: "a lock that Asterisk's user may not use",
        plant: |machine| {
            let lock = "/var/lib/phone-assistant/state/providers.json.lock";
            shell(machine, &format!("install -m 600 -o root /dev/null {lock}"));
        },
        mend: |machine| {
            shell(
                machine,
                "rm /var/lib/phone-assistant/state/providers.json.lock",
            );
        },
        status: "fail",
        words: &[
            "folder for state",
            "providers.json.lock",
            "ls -la /var/lib/phone-assistant/state",
        ],
    },
    Planted {
        what: "data that others may look into",
        plant: |machine| shell(machine, "chmod 755 /var/lib/phone-assistant"),
        mend: |machine| shell(machine, "chmod 700 /var/lib/phone-assistant"),
        status: "warn",
        words: &["privacy", "chmod 700 /var/lib/phone-assistant"],
    },
    Planted {
        what: "a log of calls that Asterisk's user may not write to",
        plant: |machine| {
            shell(
                machine,
                "touch /var/log/asterisk/phone-assistant.jsonl; chown root: /var/log/asterisk/phone-assistant.jsonl",
            );
        },
        mend: |machine| shell(machine, "rm /var/log/asterisk/phone-assistant.jsonl"),
        status: "warn",
        words: &["log of calls", "sudo -u asterisk mv"],
    },
    Planted {
        what: "a program that is not there",
        plant: |machine| shell(machine, &format!("mv {PROGRAM} {PROGRAM}-away")),
        mend: |machine| shell(machine, &format!("mv {PROGRAM}-away {PROGRAM}")),
        status: "fail",
        words: &["program", "No such file", "sudo ./install.sh"],
    },
    Planted {
        what: "a program that is not static",
        plant: |machine| {
            shell(
                machine,
                &format!("mv {PROGRAM} {PROGRAM}-away; cp /bin/true {PROGRAM}"),
            );
        },
        mend: |machine| shell(machine, &format!("mv {PROGRAM}-away {PROGRAM}")),
        status: "warn",
        words: &["program", "not static", "sudo ./install.sh"],
    },
    Planted {
        what: "a program that may not be run",
        plant: |machine| shell(machine, &format!("chmod 644 {PROGRAM}")),
        mend: |machine| shell(machine, &format!("chmod 755 {PROGRAM}")),
        status: "fail",
        words: &["program", "cannot be run", "sudo ./install.sh"],
    },
    Planted {
        what: "missing sounds",
        plant: |machine| {
            shell(
                machine,
                &format!("mkdir {SOUNDS}/away; mv {SOUNDS}/im-sorry.* {SOUNDS}/away"),
            );
        },
        mend: |machine| {
            shell(
                machine,
                &format!("mv {SOUNDS}/away/* {SOUNDS}; rmdir {SOUNDS}/away"),
            );
        },
        status: "fail",
        words: &["sounds", "im-sorry", "core sounds"],
    },
    Planted {
        what: "a number that leads to an extension of the assistant that is not there",
        plant: |machine| {
            shell(
                machine,
                "printf '[custom-lost]\\nexten => 1,1,Goto(custom-openai,7777,1)\\n' >>/etc/asterisk/extensions.conf",
            );
            machine.asterisk("dialplan reload");
        },
        mend: |machine| {
            shell(
                machine,
                "sed -i '/custom-lost/,$d' /etc/asterisk/extensions.conf",
            );
            machine.asterisk("dialplan reload");
        },
        status: "fail",
        words: &["ways in", "custom-openai,7777", "Custom Destinations"],
    },
    Planted {
        what: "a dialplan that nothing leads to",
        plant: |machine| {
            shell(
                machine,
                "cd /etc/asterisk; cp extensions.conf kept; sed -i '/Goto(custom-openai/d; /custom-personas,/d' extensions.conf",
            );
            machine.asterisk("dialplan reload");
        },
        mend: |machine| {
            shell(machine, "cd /etc/asterisk; mv kept extensions.conf");
            machine.asterisk("dialplan reload");
        },
        status: "warn",
        words: &["ways in", "nothing in the dialplan", "Custom Destinations"],
    },
    Planted {
        what: "a transfer to a number that does not exist",
        plant: |machine| {
            configure(
                machine,
                "conversation.transfers",
                vec!["reception=200", "nobody=299"],
            );
        },
        mend: usual,
        status: "warn",
        words: &["transfers", "nobody=299", "[conversation]"],
    },
    Planted {
        what: "a transfer that leads nowhere from the extension of a persona",
        plant: |machine| {
            configure(machine, "conversation.transfers", vec!["reception=200"]);
            add_extension(machine, "ASSISTANT_TRANSFER_CONTEXT=custom-school");
        },
        mend: |machine| {
            remove_extension(machine);
            usual(machine);
        },
        status: "warn",
        words: &["transfers", "reception=200 in custom-school"],
    },
    Planted {
        what: "a persona that the dialplan chooses and the settings do not have",
        plant: |machine| add_extension(machine, "ASSISTANT_PERSONA=kitchn"),
        mend: remove_extension,
        status: "fail",
        words: &["personas", "kitchn", "[persona.kitchn]"],
    },
    Planted {
        what: "a log as FreePBX sets it, which shows no stage of a call",
        plant: |machine| set_log_level(machine, "verbose"),
        mend: |machine| set_log_level(machine, "verbose(3)"),
        status: "warn",
        words: &[
            "Asterisk's log",
            "/var/log/asterisk/full",
            "Asterisk Logfile Settings",
        ],
    },
    Planted {
        what: "an Asterisk that is about to stop",
        plant: |machine| {
            machine.asterisk("channel originate Local/nobody@from-internal application Wait 30");
            machine.stop_gracefully();
        },
        mend: |machine| {
            machine.asterisk("core abort shutdown");
            machine.asterisk("channel request hangup all");
        },
        status: "fail",
        words: &["Asterisk", "it is stopping", "core abort shutdown"],
    },
    Planted {
        what: "a dialplan that is not loaded",
        plant: |machine| {
            let plan = machine.path("/etc/asterisk/extensions_custom.conf");
            fs::rename(&plan, plan.with_extension("away")).unwrap();
            shell(machine, "touch /etc/asterisk/extensions_custom.conf");
            machine.asterisk("dialplan reload");
        },
        mend: |machine| {
            let plan = machine.path("/etc/asterisk/extensions_custom.conf");
            fs::rename(plan.with_extension("away"), &plan).unwrap();
            machine.asterisk("dialplan reload");
        },
        status: "fail",
        words: &["dialplan", "not loaded", "./install.sh --dialplan"],
    },
];

const PROGRAM: &str = "/var/lib/asterisk/agi-bin/phone-assistant";
const SOUNDS: &str = "/var/lib/asterisk/sounds/en";
