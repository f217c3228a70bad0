//! What the dialplan, Asterisk's log and the log of calls are told of a call. `phone-assistant help call` describes the variables.

use std::io::Write;
use std::mem::take;
use std::path::PathBuf;
use std::time::SystemTime;

use log::{info, warn};

use super::line::Line;
use super::outcome::Outcome;
use super::turn::{Scene, Turn};
use crate::agi::Command;
use crate::spending::bill::Bill;
use crate::sys::error::{Chain, Failure};
use crate::sys::redact;
use crate::sys::state::State;
use crate::timeline::record::{self, Record};

use once_a_day::first_today;

mod once_a_day;

/// What is known of a call that its end tells of.
#[derive(Debug, Default)]
pub(super) struct Contract {
    /// Whether the arguments are not to be believed, which say what has been recorded.
    pub(super) is_distrusted: bool,
    /// The log of calls.
    pub(super) log: Option<PathBuf>,
    pub(super) log_words: bool,
    /// The persona that the call has chosen.
    pub(super) persona: Option<String>,
}

impl Contract {
    /// Tells both logs and the dialplan how the call ended. Returns whether Asterisk took it.
    pub(super) fn report<O: Write>(
        &self,
        line: &mut Line<O>,
        scene: &mut Scene,
        outcome: &Outcome,
    ) -> bool {
        let took = line.now().saturating_duration_since(scene.turn.started);
        info!(
            "{} after {} ms; {}",
            outcome.status(),
            took.as_millis(),
            scene.turn.timeline
        );
        let failure = outcome.failure();
        let failure = failure.map(ToString::to_string).unwrap_or_default();
        tell_notes(line, &mut scene.notes)
            && (failure.is_empty() || tell_fault(line, &failure))
            && self.set_variables(line, &scene.turn, outcome, &failure)
    }

    /// Sets the variables, the status last: a dialplan that finds it finds the others.
    fn set_variables<O: Write>(
        &self,
        line: &mut Line<O>,
        turn: &Turn,
        outcome: &Outcome,
        failure: &str,
    ) -> bool {
        let status = outcome.status();
        // Without one, which means FAILED, the dialplan removes the recording itself.
        let told = match outcome {
            Outcome::Failed(_) if self.is_distrusted => "",
            _ => status,
        };
        let [question, answer] = [&turn.question, &turn.answer].map(|words| redact::secrets(words));
        let key = turn.key.map(String::from).unwrap_or_default();
        let for_cdr = self.for_cdr(status, turn);
        let variables = [
            ("ASSISTANT_QUESTION", question.as_str(), true),
            ("ASSISTANT_ANSWER", answer.as_str(), true),
            ("ASSISTANT_ERROR", failure, false),
            ("ASSISTANT_FILE", outcome.file(), false),
            ("ASSISTANT_KEY", key.as_str(), false),
            ("ASSISTANT_TRANSFER", outcome.extension(), false),
            ("CDR(userfield)", for_cdr.as_str(), false),
            ("ASSISTANT_STATUS", told, false),
        ];
        variables.into_iter().all(|(name, value, is_words)| {
            line.try_asking(Command::SetVariable {
                name,
                value,
                is_words,
            })
        })
    }

    /// Tells Asterisk's record of the call how it ended, how soon it was answered, and by whom.
    fn for_cdr(&self, status: &str, turn: &Turn) -> String {
        // Asterisk keeps 255 bytes of `userfield` (`AST_MAX_USER_FIELD` in channel.h), and FreePBX's column has as
        // many: too few for what was said, and a cut within a character fails in the database.
        let mut words = vec![status.to_owned()];
        words.extend(turn.timeline.ear_to_ear_ms().map(|ms| format!("{ms} ms")));
        words.extend(self.persona.as_ref().map(|name| format!("persona={name}")));
        words.join(" ")
    }

    /// Adds the call to the log of calls.
    pub(super) fn log(
        &self,
        began: SystemTime,
        unique_id: &str,
        scene: &Scene,
        bill: &Bill,
        outcome: &Outcome,
    ) {
        let Some(path) = &self.log else { return };
        let turn = &scene.turn;
        let mut record = Record::new(began, unique_id, outcome.status(), &turn.timeline)
            .with_bill(bill.used(), bill.total());
        record.persona.clone_from(&self.persona);
        if let Some(failure) = outcome.failure().or(scene.forgiven.as_ref()) {
            record = record.with_failure(failure);
        }
        if self.log_words {
            record = record.with_words(&turn.question, &turn.answer);
            if turn.is_heard_by_model {
                record = record.with_question_of_model();
            }
        }
        if let Err(cause) = record::append(path, &record) {
            warn!("{}", Chain(&cause));
        }
    }
}

/// Tells Asterisk's log, which is the one that administrators see. Returns whether Asterisk still listens.
pub(super) fn tell_notes<O: Write>(line: &mut Line<O>, notes: &mut Vec<String>) -> bool {
    take(notes).iter().all(|note| tell(line, note, PROGRESS))
}

/// Tells Asterisk's log what went wrong. Returns whether Asterisk still listens.
pub(super) fn tell_fault<O: Write>(line: &mut Line<O>, fault: &str) -> bool {
    tell(line, fault, FAULT)
}

fn tell<O: Write>(line: &mut Line<O>, message: &str, level: u8) -> bool {
    line.try_asking(Command::Verbose { message, level })
}

/// Tells both logs that the caller is asked to try again after this failure.
pub(super) fn tell_forgiven<O: Write>(line: &mut Line<O>, failure: &Failure) {
    let told = format!("the caller is asked to try again: {failure}");
    warn!("{told}");
    tell(line, &told, FAULT);
}

/// Tells Asterisk's log, once a day each, what administrators should know. Returns what was told.
pub(super) fn warn_administrators<O: Write>(
    line: &mut Line<O>,
    state: &State,
    news: Vec<(String, String)>,
) -> Vec<String> {
    let mut told = Vec::new();
    for (topic, text) in news {
        if first_today(state, &topic, SystemTime::now()) {
            let warning = format!("phone-assistant: {topic}: {text}");
            // By FreePBX's defaults a line of `VERBOSE` reaches its log only while a console is open. A WARNING always
            // does.
            line.try_asking(Command::Warning(&warning));
            told.push(warning);
        }
    }
    told
}

/// Levels of `VERBOSE`: FreePBX shows up to 3, and 1 is shown nearly everywhere.
const PROGRESS: u8 = 3;
const FAULT: u8 = 1;

#[cfg(test)]
mod tests;
