//! What a test wants the models of the sandbox to call.

use serde_json::Value;

/// A turn in which a model calls.
#[derive(Clone, Debug, Default)]
pub struct CallingTurn {
    /// What it says before.
    pub words: String,
    /// The functions that it calls, and with which arguments.
    pub calls: Vec<(String, Value)>,
}

impl CallingTurn {
    /// One call, without a word.
    pub fn of(name: &str, arguments: Value) -> Self {
        Self {
            words: String::new(),
            calls: vec![(name.to_owned(), arguments)],
        }
    }

    /// The same after these words.
    pub fn saying(self, words: &str) -> Self {
        Self {
            words: words.to_owned(),
            ..self
        }
    }

    /// The same with another call beside.
    pub fn and(mut self, name: &str, arguments: Value) -> Self {
        self.calls.push((name.to_owned(), arguments));
        self
    }
}
