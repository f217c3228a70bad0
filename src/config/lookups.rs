//! The values in force, by the names of their settings. A name that there is not has an empty value.

use std::path::PathBuf;
use std::time::Duration;

use toml::Value;

use super::layers::{Layers, PROXY};
use super::values::Secret;

impl Layers {
    /// A text, a path, an address or a word; empty also where there is no such key.
    pub(super) fn text(&self, name: &str) -> String {
        self.value(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    /// A path; `None` where it is empty.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        Some(self.text(name))
            .filter(|text| !text.is_empty())
            .map(PathBuf::from)
    }

    /// A secret; `None` where it is empty.
    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        Some(self.text(name))
            .filter(|text| !text.is_empty())
            .map(|text| match name {
                PROXY => Secret::address(text),
                _ => Secret::new(text),
            })
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let texts = self.value(name).and_then(Value::as_array);
        let texts = texts.map(Vec::as_slice).unwrap_or_default();
        texts
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    pub(super) fn switch(&self, name: &str) -> bool {
        self.value(name)
            .and_then(Value::as_bool)
            .unwrap_or_default()
    }

    pub(super) fn number(&self, name: &str) -> f64 {
        self.number_if_set(name).unwrap_or_default()
    }

    pub(super) fn number_if_set(&self, name: &str) -> Option<f64> {
        self.value(name).and_then(Value::as_float)
    }

    pub(super) fn whole(&self, name: &str) -> u32 {
        let whole = self
            .value(name)
            .and_then(Value::as_integer)
            .unwrap_or_default();
        u32::try_from(whole).unwrap_or_default()
    }

    pub(super) fn seconds(&self, name: &str) -> Duration {
        Duration::try_from_secs_f64(self.number(name)).unwrap_or_default()
    }

    /// The BCP-47 tag of a language.
    pub(super) fn language(&self, name: &str) -> String {
        language_tag(&self.text(name))
    }

    pub(super) fn languages(&self, name: &str) -> Vec<String> {
        let named = self.texts(name).into_iter();
        named.map(|language| language_tag(&language)).collect()
    }
}

/// The tag of a language that may be named as the environment does it: `de_DE.UTF-8`.
fn language_tag(named: &str) -> String {
    let tag = named.split(['.', '@']).next().unwrap_or_default();
    tag.replace('_', "-")
}
