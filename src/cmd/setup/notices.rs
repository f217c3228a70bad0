//! What is to be said of the settings beside the changes: which key is in force where something hides the one that was
//! written, and which models are switched off.

use std::path::Path;

use super::key::Key;
use crate::config::keys::{self, setting};
use crate::config::{Config, Endpoint, Shown, catalogue, first_on};
use crate::services::successor_remedy;
use crate::sys::date;
use crate::sys::error::Stage;

/// What is used in place of `key`, which `file` has, or the settings' place for a service account.
pub(super) fn hiding(config: &Config, key: &Key, file: &Path) -> Vec<String> {
    let file = file.display().to_string();
    match key {
        Key::Of(row, _, key) => hiding_key(config, row.name, key.expose(), &file),
        Key::Account(..) => hiding_account(config, &file),
    }
}

/// A key of one stage, of the environment or of systemd stands above the one for all stages, such as under `[gemini]`.
fn hiding_key(config: &Config, provider: &str, key: &str, file: &str) -> Vec<String> {
    let shared = set(config, keys::in_table(provider, "api_key"));
    let mut told = Vec::new();
    if let Some(other) = shared.filter(|shown| shown.source != file) {
        told.push(format!(
            "{} is set here, and is used in place of {} in {file}",
            other.source, other.name
        ));
    }
    let key_file = set(config, keys::in_table(provider, "api_key_file"));
    if let (Some(unread), Some(shared), []) = (key_file, shared, &told[..]) {
        told.push(format!(
            "{} is not read, since {} is set",
            unread.name, shared.name
        ));
    }
    for (stage, endpoints) in stages(config) {
        let own = set(
            config,
            keys::of_provider(&stage.to_string(), provider, "api_key"),
        );
        let endpoint = endpoints
            .iter()
            .find(|endpoint| endpoint.provider.name() == provider);
        let is_same = endpoint.is_none_or(|endpoint| {
            let used = endpoint.api_key.as_ref();
            used.is_some_and(|used| used.expose() == key)
        });
        if let Some(own) = own.filter(|_| !is_same) {
            told.push(format!("{stage} uses {} in its place", place(own, file)));
        }
    }
    told
}

fn hiding_account(config: &Config, file: &str) -> Vec<String> {
    let mut told = Vec::new();
    let other = set(config, setting!("google.credentials")).filter(|shown| shown.source != file);
    if let Some(other) = other {
        told.push(format!(
            "{} names {} here, which is used in its place",
            other.source, other.value
        ));
    }
    for (stage, endpoints) in stages(config) {
        let has_key = |endpoint: &&Endpoint| {
            endpoint.provider.name() == "gemini" && endpoint.api_key.is_some()
        };
        let own = keys::of_provider(&stage.to_string(), "gemini", "api_key");
        let keys = [own, Some(setting!("gemini.api_key"))];
        let shown = keys.into_iter().find_map(|key| set(config, key));
        if let Some(own) = shown.filter(|_| endpoints.iter().any(|endpoint| has_key(&endpoint))) {
            told.push(format!(
                "{stage} asks Gemini with {} and not as the service account",
                place(own, file)
            ));
        }
    }
    told
}

/// The models that are switched off, and what is done about it. `today` is in days since 1970 in UTC.
pub(super) fn switched_off(config: &Config, today: u64) -> Vec<String> {
    let told = |(stage, endpoints): (Stage, &[Endpoint])| {
        let first = endpoints.first()?;
        let day = catalogue::closes(stage, first).filter(|day| *day <= today)?;
        let follows = match first_on(stage, endpoints, today) {
            Some(next) => format!("{next} is asked in its place"),
            None => successor_remedy(stage, first),
        };
        let date = date::calendar(day);
        Some(format!(
            "{stage}: {first} was switched off on {date}; {follows}"
        ))
    };
    stages(config).into_iter().filter_map(told).collect()
}

fn stages(config: &Config) -> [(Stage, &[Endpoint]); 3] {
    [
        (Stage::Stt, &config.stt.endpoints),
        (Stage::Llm, &config.llm.endpoints),
        (Stage::Tts, &config.tts.endpoints),
    ]
}

/// A setting that is set and not empty.
fn set(config: &Config, key: impl Into<Option<&'static keys::Key>>) -> Option<&Shown> {
    config.set(key).filter(|shown| shown.value != "\"\"")
}

/// The name of a setting, with where it comes from if that is not the settings file.
fn place(Shown { name, source, .. }: &Shown, file: &str) -> String {
    if source == file {
        name.clone()
    } else {
        format!("{name} ({source})")
    }
}
