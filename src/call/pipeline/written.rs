//! An answer that a model is writing: its place on the bill, and the calls that it ends with.

use crate::cloud::llm::Answering;
use crate::cloud::llm::functions::Turn;
use crate::cloud::{self, Tokens};
use crate::spending::bill::{self, Entry};
use crate::sys::costs::Usage;
use crate::text::SentenceStream;

/// An answer that is being written, and its place on the bill.
pub(super) struct Written {
    pub(super) answering: Answering,
    pub(super) entry: Entry,
    /// The most tokens that the sound in the request has.
    pub(super) sound: Tokens,
    /// How many bytes of words the model has read.
    pub(super) read_bytes: usize,
    /// The fingerprint of the model.
    pub(super) by: String,
    /// Whether it was offered functions, and may still call one.
    pub(super) may_call: bool,
}

impl Written {
    /// Puts down what was used of an answer of which nothing is heard: what the service tells, else what `error` says.
    pub(super) fn give_up(&mut self, error: &cloud::Error) {
        match self.told() {
            Some(usage) => self.entry.used(usage),
            None => self.entry.failed(error),
        }
    }

    /// The turn that the model has ended with calls, where these are to be made.
    pub(super) fn calls(&self) -> Option<Turn> {
        let turn = self.may_call.then(|| self.answering.turn());
        turn.filter(|turn| !turn.calls.is_empty())
    }

    /// Puts down what it has used, as the service tells or by its length.
    pub(super) fn settle(&mut self, answer: &SentenceStream) {
        let sound = bill::tokens(Tokens {
            output: 0,
            ..self.sound
        });
        if let Some(usage) = self.told() {
            self.entry.used(usage);
        } else {
            let by_length = bill::estimate(self.read_bytes, answer.written());
            self.entry.estimated(by_length + sound);
        }
    }

    /// What the service tells that it has used.
    fn told(&mut self) -> Option<Usage> {
        self.answering.tokens().map(bill::tokens)
    }
}
