//! What a call takes from the caller's last ones, and leaves for the next. No call fails because of that.

use std::time::SystemTime;

use log::warn;

use super::settings::Settings;
use super::turn::Turn;
use crate::cloud::llm::Exchange;
use crate::config::{Config, Retention};
use crate::memory::{self, Memory, Signs};
use crate::sys::error::Chain;
use crate::text::Action;

/// What a call has to do with memory.
#[derive(Default)]
pub(super) struct Remembering {
    /// The caller's memory, if they are to be remembered.
    memory: Option<Memory>,
    /// Which callers are remembered, once that is known.
    settings: Option<Retention>,
    /// Why something was not remembered.
    pub(super) fault: Option<String>,
}

impl Remembering {
    /// Recalls what was said with this caller, if they are to be remembered. The model may write a note beside its answer
    /// then, and `config` gives it room for that.
    pub(super) fn recall(&mut self, config: &mut Config, signs: Signs<'_>) {
        match Memory::of(&config.memory, signs, SystemTime::now()) {
            Ok(Some(memory)) => {
                let note_tokens = memory::MAX_SUMMARY_CHARS / MIN_CHARS_PER_TOKEN;
                config.llm.max_output_tokens += u32::try_from(note_tokens).unwrap_or(u32::MAX);
                self.memory = Some(memory);
            }
            Ok(None) => {}
            Err(cause) => {
                self.has_no_memory(&cause);
                if let memory::Error::Lost(_) = cause {
                    self.memory = Memory::that_forgets(&config.memory, signs);
                }
            }
        }
        self.settings = Some(config.memory.clone());
    }

    /// The same settings, with what was said in earlier calls.
    pub(super) fn with_memory(&self, settings: Settings) -> Settings {
        let Some(memory) = &self.memory else {
            return settings;
        };
        let earlier = memory.exchanges().iter().map(|one| Exchange {
            question: one.question.clone(),
            answer: one.answer.clone(),
        });
        settings.remembering(earlier.collect())
    }

    /// What the model is told of the caller, and of how it remembers them; nothing where it does not.
    pub(super) fn instructions(&self, now: SystemTime) -> String {
        let memory = self.memory.as_ref();
        memory
            .map(|memory| memory.instructions(now))
            .unwrap_or_default()
    }

    /// Forgets the caller.
    pub(super) fn forget(&mut self) {
        let forgotten = self.memory.as_mut().map(Memory::forget);
        if let Some(Err(cause)) = forgotten {
            self.has_no_memory(&cause);
        }
    }

    /// Keeps what was asked in `turn` and what was `heard` of the answer, as soon as it has been.
    pub(super) fn keep(&mut self, turn: &Turn, heard: &str) {
        let settled = self.memory.as_mut().map(Memory::settle);
        if let Some(Err(cause)) = settled {
            self.has_no_memory(&cause);
        }
        let question = turn.question_later();
        // An answer of which nothing was heard is no part of what was said: the model would later refer to words that
        // the caller does not know.
        if question.is_empty() || heard.is_empty() {
            return;
        }
        let note = turn.actions.iter().rev().find_map(|action| match action {
            Action::Note(note) => Some(note.as_str()),
            _ => None,
        });
        let Some(memory) = &mut self.memory else {
            return;
        };
        if let Err(cause) = memory.add(question, heard, note, SystemTime::now()) {
            self.has_no_memory(&cause);
        }
    }

    /// Drops what is too old of all callers, once the call is over.
    pub(super) fn sweep(&self) {
        let settings = self.settings.as_ref();
        let is_without_server = self.memory.is_none();
        let swept = settings.map(|settings| settings.sweep(is_without_server, SystemTime::now()));
        if let Some(Err(cause)) = swept {
            warn!("{}", Chain(&cause));
        }
    }

    fn has_no_memory(&mut self, cause: &memory::Error) {
        let line = Chain(cause).to_string();
        warn!("{line}");
        self.fault.get_or_insert(line);
    }
}

/// In languages whose words are several tokens.
const MIN_CHARS_PER_TOKEN: usize = 2;
