//! A service, the models that it lists, and the tokens that some bill by.

use std::ops::Add;

/// A service as its users know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: &'static str,
    /// The table of settings that a remedy should name.
    pub settings: &'static str,
    /// The setting that holds its key.
    pub key: &'static str,
}

/// A model on a service's own list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its name.
    pub(crate) name: String,
    /// The day on which the service switches it off, such as `2027-01-06`, if it tells.
    pub(crate) shutdown: Option<String>,
}

/// The tokens that a request is billed by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Tokens that the model has read.
    pub input: u64,
    /// Tokens that it has written, thinking included.
    pub output: u64,
}

impl Add for Tokens {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
        }
    }
}

/// What wraps the words of a request: roles, and marks of beginning and end.
pub(crate) const ENVELOPE_TOKENS: u64 = 64;
