//! Language models, one file per provider. All of them stream; `answering` reads what comes.

pub(crate) mod answering;
mod calls;
mod fields;
pub(crate) mod functions;
pub mod gemini;
mod json_values;
pub mod openai;

use std::fmt::Debug;
use std::time::Duration;

use log::warn;

use super::access::{Providers, makers};
use super::budget::Budget;
use super::stt::Recording;
use super::{Error, Listed, Refusal, Service, Tokens};
use crate::config::Llm;
use crate::config::providers::providers;
use crate::sys::deadline::Deadline;

pub use answering::Answer;
pub(crate) use answering::{Answering, End};
use functions::{Function, Round};

/// The language models: the name in the settings, and what makes one.
pub(crate) const PROVIDERS: &Providers<dyn Model, Llm> = providers!(llm, makers);

/// The request to a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The system prompt.
    pub(crate) prompt: &'a str,
    /// The exchanges before it, in their order.
    pub(crate) before: &'a [Exchange],
    /// The question of this turn.
    pub(crate) question: Question<'a>,
    /// The functions that the model may call.
    pub(crate) functions: &'a [Function],
    /// What it has called for this question, and what came of that.
    pub(crate) rounds: &'a [Round],
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
        let turns = self.turns().map(|(_, words)| words.to_owned());
        let words: Vec<_> = turns
            .chain(self.rounds.iter().flat_map(Round::words))
            .collect();
        words.join("\n")
    }

    /// Whether this is refused because the server, or its model, knows no functions; then the way out is logged. After a
    /// first call it is refused for something else.
    fn is_refused_for_functions(&self, refusal: &Refusal) -> bool {
        let is_it =
            !self.functions.is_empty() && self.rounds.is_empty() && refusal.knows_no_functions();
        if is_it {
            warn!("{}: {refusal}", without_functions(refusal.service));
        }
        is_it
    }

    /// The number of bytes of words that the model reads.
    pub(crate) fn bytes(&self) -> usize {
        let words: usize = self.turns().map(|(_, words)| words.len()).sum();
        self.prompt.len() + words + functions::bytes(self.functions, self.rounds)
    }
}

/// What is told of a server, or its model, that has refused functions.
fn without_functions(service: Service) -> String {
    format!(
        "{} knows no tools and answers without them; choose a model that calls functions in {}",
        service.name, service.settings
    )
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

    /// What administrators are told where the model has refused functions in this call, and answers without them.
    fn without_functions(&self) -> Option<String> {
        None
    }

    /// Lists the models that the service offers; `None` where it has no such list.
    ///
    /// # Errors
    /// [`Error`] of the request.
    fn models(&self, deadline: Deadline) -> Result<Option<Vec<Listed>>, Error>;
}
