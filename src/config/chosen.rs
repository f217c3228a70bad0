//! Which providers do the work of a stage: those that the settings name, or with `auto` those that have a key.
//!
//! `provider = "auto"` chooses among providers with a key alone, so that nothing goes to a company that was given none
//! for the work. Beside a named provider, `fallback = "auto"` stands for the usual one of that stage, if it has one.

use std::io;
use std::path::Path;

use super::endpoint::{Endpoint, Provider};
use super::keys::{self, setting};
use super::kind::AUTO;
use super::layers::Layers;
use super::providers::{self, WITH_KEY};
use crate::config::catalogue;
use crate::sys::error::Stage;

/// The providers of `stage`, each once, in the order in which they are asked.
pub(super) fn endpoints(layers: &Layers, stage: &str) -> Vec<Endpoint> {
    let others = layers.texts(keys::in_table(stage, "fallback"));
    let named = layers.text(keys::in_table(stage, "provider"));
    let keyed = if is_automatic(layers, stage) {
        keyed(layers, stage)
    } else {
        Vec::new()
    };
    let first = match keyed.first() {
        Some(first) => vec![first.clone()],
        None => named_one(layers, stage, &named).into_iter().collect(),
    };
    let mut all = first;
    for name in others {
        match (name.as_str(), named.as_str()) {
            (AUTO, AUTO) => all.extend_from_slice(&keyed),
            (AUTO, _) => {
                let usual = providers::stand_in(stage);
                all.extend(usual.and_then(|name| named_one(layers, stage, name)));
            }
            (name, _) => all.extend(named_one(layers, stage, name)),
        }
    }
    let reserve = keyed.into_iter().map(|endpoint| Endpoint {
        is_reserve: true,
        ..endpoint
    });
    // Behind all that are named: `each_once` keeps the first of each, and a named one must not become a reserve.
    all.extend(reserve);
    let mut all = each_once(all);
    // Only here, since `each_once` would drop a second one of the same provider.
    if let Some(usual) = all.iter().find_map(|one| beside_transcriber(stage, one)) {
        all.push(usual);
    }
    all
}

/// The usual model, where one is named that only transcribes: over Gemini's interface these were reported to give empty
/// transcripts.
fn beside_transcriber(stage: &str, endpoint: &Endpoint) -> Option<Endpoint> {
    let usual = endpoint.provider.setting(stage, "model")?;
    let is_one = stage == "stt" && endpoint.only_transcribes();
    is_one.then(|| Endpoint {
        model: usual.default_text().to_owned(),
        ..endpoint.clone()
    })
}

/// The one of `endpoints` that is asked first on a day, in days since 1970 in UTC: the first whose model is still there,
/// and a reserve where that of no other is.
pub(crate) fn first_on(stage: Stage, endpoints: &[Endpoint], day: u64) -> Option<&Endpoint> {
    let is_there = |endpoint: &&Endpoint| {
        let closes = catalogue::closes(stage, endpoint);
        closes.is_none_or(|first| day < first)
    };
    let all = endpoints.iter().filter(is_there);
    all.min_by_key(|endpoint| endpoint.is_reserve)
}

/// Whether the settings leave it to the program which provider does the work of `stage`.
pub(super) fn is_automatic(layers: &Layers, stage: &str) -> bool {
    layers.text(keys::in_table(stage, "provider")) == AUTO
}

/// The provider whose voice or model a persona's `value` is: the one that the settings name, else the one that is known to
/// have it, else the first one with a key whose model is still there. A provider that replaces that one keeps its own.
/// `stage` is `tts` or `llm`.
pub(super) fn owner(layers: &Layers, stage: &str, value: &str) -> Option<Provider> {
    if !is_automatic(layers, stage) {
        return Provider::of(stage, &layers.text(keys::in_table(stage, "provider")));
    }
    let keyed = keyed(layers, stage);
    let work = if stage == "tts" {
        Stage::Tts
    } else {
        Stage::Llm
    };
    let first = first_on(work, &keyed, layers.today).or(keyed.first());
    // A server of one's own may have voices of any name.
    let is_foreign = stage == "tts" && first.is_some_and(Endpoint::is_private);
    let known = providers::owner(stage, value).filter(|_| !is_foreign);
    let known = known.and_then(|name| Provider::of(stage, name));
    let usual = || Provider::of(stage, keys::providers(stage).first()?);
    known
        .or_else(|| first.map(|first| first.provider))
        .or_else(usual)
}

/// Why no provider of `stage` is asked, where the choice is left to the program and none has a key.
pub(super) fn nothing_to_choose(layers: &Layers, stage: &str, what: &str, file: &Path) -> String {
    let (usual, _) = WITH_KEY[0];
    let place = Provider::called(usual.name).place_of_key(stage, file);
    let key = format!("{place}; or run sudo phone-assistant setup");
    let all = all(layers, stage);
    match all.iter().find_map(|one| unnamed(layers, stage, one)) {
        Some((name, table, setting)) => format!(
            "{setting} is empty, and there is no key for {what}: set {name} = \"…\" under [{table}] \
             (phone-assistant help openai.toml), or {key}"
        ),
        None => format!("no key for {what}: set {key}"),
    }
}

/// The setting that keeps a provider with a key, or one whose address is set, from being asked: its name in its table, that
/// table, and its full name.
fn unnamed(
    layers: &Layers,
    stage: &str,
    endpoint: &Endpoint,
) -> Option<(&'static str, &'static str, &'static str)> {
    let address = endpoint.provider.setting(stage, "base_url");
    let is_meant = endpoint.api_key.is_some() || address.is_some_and(|key| layers.is_set(key));
    let setting = endpoint.unnamed(stage).filter(|_| is_meant)?;
    let (table, name) = setting.rsplit_once('.')?;
    Some((name, table, setting))
}

/// The providers that have what they need.
fn keyed(layers: &Layers, stage: &str) -> Vec<Endpoint> {
    let all = all(layers, stage).into_iter();
    let is_keyed = |endpoint: &Endpoint| {
        let has_account = || has_account(&layers.text(setting!("google.credentials")));
        endpoint.missing(stage, "", Path::new("")).is_none()
            && (!endpoint.uses_account() || has_account())
    };
    all.filter(is_keyed).collect()
}

fn all(layers: &Layers, stage: &str) -> Vec<Endpoint> {
    let names = keys::providers(stage).iter();
    let all = names.filter_map(|name| named_one(layers, stage, name));
    all.collect()
}

fn named_one(layers: &Layers, stage: &str, name: &str) -> Option<Endpoint> {
    let provider = Provider::of(stage, name)?;
    Some(Endpoint::of(layers, stage, provider))
}

fn each_once(all: Vec<Endpoint>) -> Vec<Endpoint> {
    let mut once: Vec<Endpoint> = Vec::new();
    for endpoint in all {
        if once.iter().all(|other| other.provider != endpoint.provider) {
            once.push(endpoint);
        }
    }
    once
}

/// Whether there is a service account. One whose key file was named and is not there is told, and so counts.
fn has_account(path: &str) -> bool {
    let is_missing = || {
        let found = Path::new(path).metadata();
        found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    if path == setting!("google.credentials").default_text() {
        !is_missing()
    } else {
        !path.is_empty()
    }
}

#[cfg(test)]
mod tests;
