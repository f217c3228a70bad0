//! What a call takes from the caller's last ones, and leaves for his next. No call fails of that.

use std::io::Write;
use std::time::SystemTime;

use log::warn;

use super::pipeline::Settings;
use super::{Call, Outcome};
use crate::cloud::llm::Exchange;
use crate::config::Config;
use crate::error::{Chain, Failure};
use crate::memory::{self, Memory, Signs};
use crate::text::Order;

/// What a call has to do with memory.
#[derive(Default)]
pub(super) struct Remembering {
    /// Of the caller, if he is one to be remembered.
    memory: Option<Memory>,
    /// Who is remembered, once that is known.
    settings: Option<memory::Settings>,
    /// Why something was not remembered.
    pub(super) fault: Option<String>,
}

impl<O: Write> Call<O> {
    /// Recalls what was said with this caller, if he is one to be remembered. The model may write a note beside its answer
    /// then, and `config` gives it room for that.
    pub(super) fn recall(&mut self, config: &mut Config) {
        let env = self.session.env();
        let get = |name| env.get(name).unwrap_or_default();
        let signs = Signs {
            channel: get("channel"),
            number: get("callerid"),
            presentation: self.presentation,
        };
        match Memory::of(&config.memory, signs, SystemTime::now()) {
            Ok(memory) => self.remembering.memory = memory,
            Err(cause) => self.has_no_memory(&cause),
        }
        self.remembering.settings = Some(config.memory.clone());
        if self.remembering.memory.is_some() {
            config.llm.max_output_tokens += NOTE_TOKENS;
        }
    }

    /// The same settings, with what is remembered.
    pub(super) fn with_memory(&self, settings: Settings) -> Settings {
        let Some(memory) = &self.remembering.memory else {
            return settings;
        };
        let earlier = memory.exchanges().iter().map(|one| Exchange {
            question: one.question.clone(),
            answer: one.answer.clone(),
        });
        settings.remembering(&memory.instructions(SystemTime::now()), earlier.collect())
    }

    /// Takes what the model has ordered so far. To be forgotten is not put off: the caller may hang up.
    pub(super) fn take_orders(&mut self, orders: Vec<Order>) {
        if orders.contains(&Order::Forget) && !self.ordered.contains(&Order::Forget) {
            let forgotten = self.remembering.memory.as_mut().map(Memory::forget);
            if let Some(Err(cause)) = forgotten {
                self.has_no_memory(&cause);
            }
        }
        self.ordered = orders;
    }

    /// Keeps what was asked and what was heard of the answer, as soon as it has been.
    pub(super) fn remember(&mut self, outcome: &Result<Outcome, Failure>) {
        let settled = self.remembering.memory.as_mut().map(Memory::settle);
        if let Some(Err(cause)) = settled {
            self.has_no_memory(&cause);
        }
        let answer = match outcome {
            // The dialplan plays it to whoever is still there.
            Ok(Outcome::Answered(Some(_))) if !self.hangup.is_raised() => self.answer.clone(),
            _ => self.said.heard(),
        };
        if self.question.is_empty() || answer.is_empty() {
            return;
        }
        let note = self.ordered.iter().rev().find_map(|order| match order {
            Order::Note(note) => Some(note.as_str()),
            _ => None,
        });
        let Some(memory) = &mut self.remembering.memory else {
            return;
        };
        let kept = memory.add(&self.question, &answer, note, SystemTime::now());
        if let Err(cause) = kept {
            self.has_no_memory(&cause);
        }
    }

    /// Drops what is too old of all callers, when nobody waits any more.
    pub(super) fn sweep_memory(&self) {
        let settings = self.remembering.settings.as_ref();
        let swept = settings.map(|settings| settings.sweep(SystemTime::now()));
        if let Some(Err(cause)) = swept {
            warn!("{}", Chain(&cause));
        }
    }

    fn has_no_memory(&mut self, cause: &memory::Error) {
        let line = Chain(cause).to_string();
        warn!("{line}");
        self.remembering.fault.get_or_insert(line);
    }
}

/// A note of 500 characters, in languages whose words are several tokens.
const NOTE_TOKENS: u32 = 250;
