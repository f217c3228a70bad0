//! The values in force. A setting is named by [`setting!`](super::keys::setting), which knows while compiling whether there
//! is one; a provider that lacks a setting has an empty value of it.

use std::path::PathBuf;
use std::time::Duration;

use toml::Value;

use super::keys::Key;
use super::layers::{Layers, PROXY};
use super::values::Secret;

impl Layers {
    /// A text, a path, an address or a word.
    pub(super) fn text(&self, key: impl Into<Option<&'static Key>>) -> String {
        self.value_of(key.into())
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    /// A path; `None` where it is empty.
    pub(super) fn path(&self, key: impl Into<Option<&'static Key>>) -> Option<PathBuf> {
        Some(self.text(key))
            .filter(|text| !text.is_empty())
            .map(PathBuf::from)
    }

    /// A secret; `None` where it is empty.
    pub(super) fn secret(&self, key: impl Into<Option<&'static Key>>) -> Option<Secret> {
        let key = key.into();
        let is_address = key == Some(PROXY);
        Some(self.text(key))
            .filter(|text| !text.is_empty())
            .map(if is_address {
                Secret::address
            } else {
                Secret::new
            })
    }

    fn value_of(&self, key: Option<&'static Key>) -> Option<&Value> {
        self.value(key?)
    }

    pub(super) fn texts(&self, key: impl Into<Option<&'static Key>>) -> Vec<String> {
        let texts = self.value_of(key.into()).and_then(Value::as_array);
        let texts = texts.map(Vec::as_slice).unwrap_or_default();
        texts
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    pub(super) fn switch(&self, key: impl Into<Option<&'static Key>>) -> bool {
        self.value_of(key.into())
            .and_then(Value::as_bool)
            .unwrap_or_default()
    }

    pub(super) fn number(&self, key: impl Into<Option<&'static Key>>) -> f64 {
        self.number_if_set(key).unwrap_or_default()
    }

    pub(super) fn number_if_set(&self, key: impl Into<Option<&'static Key>>) -> Option<f64> {
        self.value_of(key.into()).and_then(Value::as_float)
    }

    pub(super) fn whole(&self, key: impl Into<Option<&'static Key>>) -> u32 {
        let whole = self
            .value_of(key.into())
            .and_then(Value::as_integer)
            .unwrap_or_default();
        u32::try_from(whole).unwrap_or_default()
    }

    pub(super) fn seconds(&self, key: impl Into<Option<&'static Key>>) -> Duration {
        Duration::try_from_secs_f64(self.number(key)).unwrap_or_default()
    }

    /// The BCP-47 tag of a language.
    pub(super) fn language(&self, key: impl Into<Option<&'static Key>>) -> String {
        language_tag(&self.text(key))
    }

    pub(super) fn languages(&self, key: impl Into<Option<&'static Key>>) -> Vec<String> {
        let named = self.texts(key).into_iter();
        named.map(|language| language_tag(&language)).collect()
    }
}

/// The tag of a language that may be named as the environment does it: `de_DE.UTF-8`.
fn language_tag(named: &str) -> String {
    let tag = named.split(['.', '@']).next().unwrap_or_default();
    tag.replace('_', "-")
}
