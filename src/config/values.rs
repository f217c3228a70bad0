//! Values of settings: those that are secret, and those that are shown.

use std::fmt;

use toml::Value;

use super::keys::{Kind, names};
use crate::sys::{digest, redact};

/// A text that no log, error or `Debug` shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`, here and in anything that quotes it.
    pub fn new(text: String) -> Self {
        redact::spare(names());
        redact::enrol(&text);
        Self(text)
    }

    /// Hides an address, of which only what stands before its host is secret.
    pub fn address(text: String) -> Self {
        redact::spare(names());
        redact::enrol_address(&text);
        Self(text)
    }

    /// The text itself, for the one header that carries it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A setting that is set explicitly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// Its value; of a secret only that there is one.
    pub value: String,
    /// Where it was set.
    pub source: String,
    /// A digest of the value: equal values have equal ones, and no secret can be found out from it.
    pub digest: String,
}

impl Shown {
    pub(super) fn new(name: String, kind: Kind, value: &Value, source: &str) -> Self {
        let value = value.to_string();
        let is_hidden = kind == Kind::Secret && value != "\"\"";
        Self {
            name,
            source: source.to_owned(),
            digest: digest::short(value.as_bytes(), DIGEST_BYTES),
            value: if is_hidden {
                "[redacted]".to_owned()
            } else {
                value
            },
        }
    }
}

/// Enough to tell two values apart, and nothing to guess a key by.
const DIGEST_BYTES: usize = 6;
