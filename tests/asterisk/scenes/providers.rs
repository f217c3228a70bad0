//! Other providers than the usual ones, and those that stand in for others, on a real Asterisk.

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::json;
use testkit::{Fault, GEMINI_API_KEY, Recorded, Service, Settings, Stage};

use super::conversation;
use super::services::sandbox;
use crate::caller::{self, Exchange, answer, data};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::report::{Report, ms};

/// No cloud at all: three servers in the office's own network, without keys.
pub(crate) fn local(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    let settings = machine.sandbox.local_settings();
    machine.configure(&settings.without("log.calls").without("state.folder"));
    let name = "a caller is answered by servers in the own network alone, without a key and without a cloud";
    let name_outside =
        "without TLS nothing is sent to a name that stands for an address on the internet";
    report.check(name_outside, || {
        let hosts = "127.0.0.1 localhost\n10.0.0.1 elsewhere.example\n8.8.8.8 elsewhere.example\n";
        fs::write(machine.path("/etc/hosts"), hosts).unwrap();
        let away = machine
            .sandbox
            .local_settings()
            .set("stt.openai.base_url", "http://elsewhere.example");
        machine.configure(&away.without("log.calls").without("state.folder"));
        let exchange = ask(&machine, "question-tea.wav")?;
        let settings = machine.sandbox.local_settings();
        machine.configure(&settings.without("log.calls").without("state.folder"));
        exchange.apology(
            &machine,
            Duration::from_secs(5),
            "without TLS only private networks are safe",
        )
    });
    report.check(name, || {
        ask(&machine, "question-moon.wav")?.only_answer("moon")?;
        let requests = machine.sandbox.requests();
        match requests
            .iter()
            .find(|request| request.header("authorization").is_some())
        {
            Some(request) => Err(format!("{:?} was sent a key", request.service)),
            None => machine.becomes_clean(),
        }
    });
}

/// One Gemini key and nothing else, for all three stages, and a model that hears the caller itself.
pub(crate) fn one_key(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    let alone = machine
        .settings()
        .keyless()
        .set("google.credentials", "/etc/phone-assistant/none.json")
        .set("gemini.api_key", GEMINI_API_KEY);
    machine.configure(&alone);
    report.check("with a Gemini key alone a question is answered", || {
        ask(&machine, "question-moon.wav")?.only_answer("moon")?;
        machine.becomes_clean()
    });
    report.check(
        "with a Gemini key alone a conversation of two turns is held",
        || {
            let mut call = conversation::dial(&machine, &machine.phone())?;
            conversation::turn(&mut call, "question-tea.wav", &answer("tea"))?;
            conversation::turn(&mut call, "question-moon.wav", &answer("moon"))?;
            call.hang_up();
            machine.becomes_clean()
        },
    );
    report.check(
        "the key is sent as Gemini takes it, and nothing else",
        || {
            let is_wrong = |request: &Recorded| {
                request.header("x-goog-api-key") != Some(GEMINI_API_KEY)
                    || request.header("authorization").is_some()
            };
            match machine.sandbox.requests().into_iter().find(is_wrong) {
                Some(request) => Err(format!("{:?}", request.service)),
                None => Ok(()),
            }
        },
    );
    report.check(
        "a caller whom the model hears itself is answered without a transcript",
        || {
            machine.configure(&alone.set("llm.hears", true));
            let transcripts = || machine.sandbox.requests_to(Stage::Stt).len();
            let before = transcripts();
            ask(&machine, "question-tea.wav")?.only_answer("tea")?;
            match transcripts() - before {
                0 => machine.becomes_clean(),
                more => Err(format!("{more} recordings were transcribed")),
            }
        },
    );
}

/// Each stage has a second provider.
pub(crate) fn fallbacks(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    machine.configure(&settings(&machine));
    let mut usual = Duration::ZERO;
    report.check(
        "with all providers at work a caller hears the answer",
        || {
            usual = ear_to_ear(&machine)?;
            Ok(())
        },
    );
    for (service, name) in FIRST {
        let sentence = format!(
            "when {name} never answers, callers hear the answer, later only those who are on the phone"
        );
        report.check(&sentence, || {
            machine
                .sandbox
                .fault_service(service, Fault::Hang, usize::MAX);
            let at_once = all(&machine, 3)?;
            let next = ear_to_ear(&machine)?;
            machine.sandbox.restore_service(service);
            let slowest = at_once.into_iter().max().unwrap_or_default();
            let (first, then) = (slowest.saturating_sub(usual), next.saturating_sub(usual));
            report.figure(
                format!("{name} never answers"),
                format!(
                    "{} more for those who were on the phone, {} for the next",
                    ms(first),
                    ms(then)
                ),
            );
            if then > LITTLE {
                return Err(format!("the next caller waited {then:?} longer"));
            }
            let log = machine.log();
            let warnings = log
                .lines()
                .filter(|line| line.contains("] WARNING[") && line.contains("stood in for"));
            match warnings.filter(|line| line.contains(name)).count() {
                1 => Ok(()),
                count => Err(format!("{count} warnings in Asterisk's log")),
            }
        });
    }
}

/// A limit is reached.
pub(crate) fn limits(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    machine.configure(
        &machine
            .settings()
            .set("limits.max_calls_per_caller_per_hour", 1),
    );
    machine.set_global("ASSISTANT_LIMITED_SOUND", "agent-newlocation");
    report.check(
        "beyond a limit a caller hears the sound for it, and nothing is paid",
        || {
            ask(&machine, "question-tea.wav")?.only_answer("tea")?;
            let paid = machine.sandbox.paid_requests();
            let exchange = ask(&machine, "question-moon.wav")?;
            let sound = machine.sound("agent-newlocation");
            if exchange.heard.find(&sound).len() != 1 {
                return Err(exchange.heard.summary());
            }
            match machine.sandbox.paid_requests() - paid {
                0 => machine.becomes_clean(),
                more => Err(format!("{more} requests were paid")),
            }
        },
    );
    report.check(
        "callers who withhold their number share one limit where FreePBX shows it",
        || {
            let calls = |number: &str| {
                let phone = machine.phone().number(number);
                let mut call = caller::dial_to(&phone, "withheld")?;
                let said = caller::ask_in(&mut call, &machine, &data("question-tea.wav"))?;
                caller::listen(call, said)
            };
            calls("5201")?.only_answer("tea")?;
            let paid = machine.sandbox.paid_requests();
            calls("5202")?;
            match machine.sandbox.paid_requests() - paid {
                0 => machine.becomes_clean(),
                more => Err(format!("{more} requests were paid")),
            }
        },
    );
}

/// Runs `callers` calls at once; returns how long each waited for the answer.
fn all(machine: &Machine, callers: usize) -> Result<Vec<Duration>, String> {
    thread::scope(|scope| {
        let calls: Vec<_> = (0..callers)
            .map(|_| scope.spawn(|| ear_to_ear(machine)))
            .collect();
        calls
            .into_iter()
            .map(|call| call.join().unwrap_or_else(|_| Err("panicked".into())))
            .collect()
    })
}

fn ear_to_ear(machine: &Machine) -> Result<Duration, String> {
    let exchange = ask(machine, "question-tea.wav")?;
    exchange.only_answer("tea")?;
    exchange.ear_to_ear()
}

fn ask(machine: &Machine, question: &str) -> Result<Exchange, String> {
    caller::ask(machine, &machine.phone(), &data(question))
}

fn settings(machine: &Machine) -> Settings {
    machine
        .settings()
        .without("tts.fallback")
        .set("stt.fallback", json!(["openai"]))
        .set("llm.fallback", json!(["openai"]))
        .set("llm.openai.model", "gpt-6-luna")
        .set("llm.openai.token_limit", "max_completion_tokens")
        .set("call.fallback_after", 1.5)
}

/// The service that each stage asks first, and its name in the settings.
const FIRST: [(Service, &str); 3] = [
    (Service::GoogleStt, "google telephony"),
    (Service::Gemini, "gemini gemini-3.6-flash"),
    (Service::OpenAiTts, "openai tts-1"),
];

/// Other scenes are played at the same time.
const LITTLE: Duration = Duration::from_millis(300);
