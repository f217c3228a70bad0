//! The manual's profile without a cloud, as it stands, with a real server for each stage; what the phone heard is
//! transcribed by the same Whisper that transcribed the question.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::conversation::dial;
use super::doctor::{check, worse};
use super::services::sandbox;
use crate::caller::{self, data, words};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::phone::{Call, Heard};
use crate::report::Report;
use crate::servers::{Servers, transcribe};

pub(crate) fn run(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    machine.configure_as(include_str!("../../../src/manual/local.toml"));
    let _servers = Servers::start(lab, ANSWER);
    report.check("with real servers the doctor finds nothing wrong", || {
        let found = check(&machine, &[])?;
        let bad: Vec<_> = worse(&found, "").collect();
        for finding in found["checks"].as_array().into_iter().flatten() {
            if let (Some(id), Some(text)) = (finding["id"].as_str(), finding["text"].as_str())
                && STAGES.iter().any(|stage| id.starts_with(stage))
            {
                report.figure(id, text);
            }
        }
        if bad.is_empty() {
            Ok(())
        } else {
            Err(format!("{bad:#?}"))
        }
    });
    let mut one_turn = 0;
    report.check("a caller is answered by real servers", || {
        let phone = machine.phone();
        let exchange = caller::ask(&machine, &phone, &data("question-moon.wav"))?;
        let (asked, heard) = (exchange.said.last_voiced, &exchange.heard);
        is_answer(heard, asked, heard.ended, report)?;
        one_turn = tokens_read(&machine, report)?;
        machine.becomes_clean()
    });
    report.check(
        "a conversation of three turns is had with real servers",
        || {
            let mut call = dial(&machine, &machine.phone())?;
            let mut turns = Vec::new();
            for question in ["question-moon.wav", "question-tea.wav", "question-moon.wav"] {
                turns.push(turn(&machine, &mut call, question)?);
            }
            let heard = call.hang_up();
            for (asked, silent) in turns {
                is_answer(&heard, asked, silent, report)?;
            }
            let read = tokens_read(&machine, report)?;
            if read <= 3 * one_turn {
                return Err(format!(
                    "the model read {read} tokens in three turns, and {one_turn} in one"
                ));
            }
            machine.becomes_clean()
        },
    );
    report.check("no other server was asked", || machine.nothing_was_paid());
}

/// Asks something and hears the answer out. Returns when the question had ended, and when the program listened again.
fn turn(machine: &Machine, call: &mut Call, question: &str) -> Result<(Instant, Instant), String> {
    let asked = call.say(&words(question)).last_voiced;
    let before = machine.log().len();
    while asked.elapsed() < PATIENCE {
        let log = machine.log();
        let played = |name| log.get(before..).and_then(|new| new.rfind(name));
        if played(REPLY).is_some_and(|reply| played(LISTENING) > Some(reply)) {
            return Ok((asked, Instant::now()));
        }
        thread::sleep(LOOK_EVERY);
    }
    Err(format!(
        "no answer ended within {PATIENCE:?}; {}",
        call.so_far().summary()
    ))
}

/// Whisper understands most words of the answer between these moments.
fn is_answer(heard: &Heard, from: Instant, to: Instant, report: &Report) -> Result<(), String> {
    let transcript = transcribe(&heard.between(from, to))?;
    report.figure("heard at the phone", &transcript);
    let (expected, heard_words) = (set_of_words(ANSWER), set_of_words(&transcript));
    let missing: Vec<_> = expected.difference(&heard_words).collect();
    if missing.len() * 5 <= expected.len() {
        Ok(())
    } else {
        Err(format!(
            "{missing:?} are not in {transcript:?}; {}",
            heard.summary()
        ))
    }
}

fn set_of_words(text: &str) -> BTreeSet<String> {
    let letters = text.to_lowercase();
    let words = letters.split(|letter: char| !letter.is_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Notes where the time of the last call went, by the program's own log of calls. Returns how many tokens the model read.
fn tokens_read(machine: &Machine, report: &Report) -> Result<u64, String> {
    let log = fs::read_to_string(machine.path("/var/log/asterisk/phone-assistant.jsonl"));
    let log = log.map_err(|error| error.to_string())?;
    let last = log.lines().last().ok_or("the log of calls is empty")?;
    let record: Value = serde_json::from_str(last).map_err(|error| error.to_string())?;
    report.figure(
        "marks of its first answer, in ms",
        record["marks"].to_string(),
    );
    let used = record["used"].as_array().into_iter().flatten();
    let model = used.filter(|used| used["stage"] == "llm");
    Ok(model.filter_map(|used| used["input_tokens"].as_u64()).sum())
}

/// How the findings about services begin.
const STAGES: [&str; 3] = ["stt ", "llm ", "tts "];
/// What the model is made to say: words that Whisper spells in one way.
const ANSWER: &str =
    "The water should boil first. Then pour it over the leaves and wait for a while.";
/// Servers on a busy machine are slow.
const PATIENCE: Duration = Duration::from_secs(60);
/// What Asterisk's log names when it plays an answer, and while the program listens.
const REPLY: &str = "-reply.";
const LISTENING: &str = "/sounds/silence.";
const LOOK_EVERY: Duration = Duration::from_millis(100);
