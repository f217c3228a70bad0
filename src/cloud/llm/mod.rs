//! Language models, one file per provider. All of them stream; `answering` reads what comes.

pub(crate) mod answering;
mod fields;
mod frames;
pub(crate) mod functions;
pub mod gemini;
pub mod openai;

use std::fmt::Debug;
use std::time::Duration;

use super::access::Providers;
use super::budget::Budget;
use super::stt::Recording;
use super::{Error, Listed, Tokens};
use crate::config::Llm;
use crate::sys::deadline::Deadline;

pub use answering::Answer;
pub(crate) use answering::{Answering, End};

/// The language models: the name in the settings, and what makes one.
pub(crate) const PROVIDERS: &Providers<dyn Model, Llm> =
    &[("gemini", gemini::make), ("openai", openai::make)];

/// The request to a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The system prompt.
    pub(crate) prompt: &'a str,
    /// The exchanges before it, in their order.
    pub(crate) before: &'a [Exchange],
    /// The question of this turn.
    pub(crate) question: Question<'a>,
}

/// A question: its words, or for a model that hears the caller's voice.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Question<'a> {
    Words(&'a str),
    Sound(Recording<'a>),
}

/// A question, and the part of its answer that was heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exchange {
    /// The caller's words.
    pub(crate) question: String,
    /// The model's.
    pub(crate) answer: String,
}

impl<'a> Asked<'a> {
    /// The speaker and the words of each turn, in order, without sound.
    fn turns(&self) -> impl Iterator<Item = (Speaker, &'a str)> {
        let pair = |exchange: &'a Exchange| {
            [
                (Speaker::Caller, exchange.question.as_str()),
                (Speaker::Model, exchange.answer.as_str()),
            ]
        };
        // Nothing was heard of an answer that was interrupted at once.
        let before = self.before.iter().flat_map(pair);
        let before = before.filter(|(_, words)| !words.is_empty());
        let question = match self.question {
            Question::Words(words) => Some((Speaker::Caller, words)),
            Question::Sound(_) => None,
        };
        before.chain(question)
    }

    /// The words of all turns, which must not appear in a log.
    fn words(&self) -> String {
        let words: Vec<_> = self.turns().map(|(_, words)| words).collect();
        words.join("\n")
    }

    /// The number of bytes of words that the model reads.
    pub(crate) fn bytes(&self) -> usize {
        self.prompt.len() + self.turns().map(|(_, words)| words.len()).sum::<usize>()
    }
}

/// The speaker of some words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaker {
    Caller,
    Model,
}

/// A model.
pub(crate) trait Model: Debug + Send + Sync {
    /// Connects to the service, so that the question finds the connection open.
    fn warm(&self, deadline: Deadline);

    /// Returns the model's answer as soon as it begins.
    ///
    /// # Errors
    /// [`Error`] of the request.
    fn answer(&self, asked: Asked<'_>, budget: Budget) -> Result<Answering, Error>;

    /// The most tokens that a question of sound of this length adds, and that may be written down of it; `None` where the
    /// model does not hear.
    fn max_tokens_of_sound(&self, _length: Duration) -> Option<Tokens> {
        None
    }

    /// Lists the models that the service offers; `None` where it has no such list.
    ///
    /// # Errors
    /// [`Error`] of the request.
    fn models(&self, deadline: Deadline) -> Result<Option<Vec<Listed>>, Error>;
}
