//! Settings from several places, laid over each other: a later layer hides an earlier one.
//!
//! Every value is checked where it comes in, and every fault is kept, so that one look shows them all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use ring::digest::{SHA256, digest};
use toml::{Table, Value};

use super::keys::{KEYS, Key, Kind, find, nearest};
use super::personas::Personas;
use super::private;
use super::values::{Secret, Shown};
use crate::{files, redact};

/// The values in force, and all faults of the settings.
#[derive(Debug)]
pub(super) struct Layers {
    /// Each value with its source.
    values: BTreeMap<&'static str, (Value, String)>,
    pub(super) personas: Personas,
    pub(super) faults: Vec<String>,
}

impl Layers {
    /// The lowest layer: every key has its default.
    pub(super) fn defaults() -> Self {
        let mut layers = Self {
            values: BTreeMap::new(),
            personas: Personas::default(),
            faults: Vec::new(),
        };
        for key in KEYS {
            let line = format!("value = {}", key.default);
            match line.parse::<Table>().map(|mut table| table.remove("value")) {
                Ok(Some(value)) => layers.set(key, value, DEFAULT),
                _ => layers
                    .faults
                    .push(format!("{}: its default is not TOML", key.name)),
            }
        }
        layers
    }

    /// Lays the text of a settings file, called `source`, on top.
    pub(super) fn add_file(&mut self, text: &str, source: &str) {
        match text.parse::<Table>() {
            Ok(table) => self.add_table(&table, "", source),
            Err(error) => {
                // The error's own Display quotes the line, and the line may hold a key.
                let line = error
                    .span()
                    .map_or(1, |span| 1 + text[..span.start].matches('\n').count());
                self.faults
                    .push(format!("{source}, line {line}: {}", error.message()));
            }
        }
    }

    fn add_table(&mut self, table: &Table, path: &str, source: &str) {
        for (name, value) in table {
            let full = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            match (find(&full), value) {
                (Some(key), value) => self.set(key, value.clone(), source),
                (None, Value::Table(personas)) if full == "persona" => {
                    self.faults.extend(self.personas.add(personas, source));
                }
                (None, Value::Table(inner)) if !inner.is_empty() || is_table(&full) => {
                    self.add_table(inner, &full, source);
                }
                _ => self.unknown(&full, source),
            }
        }
    }

    /// Lays one value, given as plain text, on top.
    pub(super) fn add_text(&mut self, name: &str, text: &str, source: &str) {
        match find(name) {
            Some(key) => self.set(key, from_text(key.kind, text), source),
            None => self.unknown(name, source),
        }
    }

    /// Takes keys from the files that the settings name for them, where no key is set.
    pub(super) fn add_key_files(&mut self) {
        for key in KEYS {
            let Some(secret) = key.name.strip_suffix("_file").and_then(find) else {
                continue;
            };
            let path = self.text(key.name);
            if secret.kind == Kind::Secret && !path.is_empty() && self.text(secret.name).is_empty()
            {
                self.add_secret_file(secret, Path::new(&path), key.name);
            }
        }
    }

    /// Lays the credentials on top that systemd hands to Asterisk, and so to us:
    /// `LoadCredential=phone-assistant.openai.api_key:…`.
    pub(super) fn add_credentials(&mut self, folder: &Path) {
        for key in KEYS {
            let name = format!("phone-assistant.{}", key.name);
            let path = folder.join(&name);
            match key.kind {
                _ if !path.exists() => {}
                Kind::Secret => self.add_secret_file(key, &path, &format!("systemd's {name}")),
                Kind::Path => self.add_text(
                    key.name,
                    &path.to_string_lossy(),
                    &format!("systemd's {name}"),
                ),
                _ => {}
            }
        }
    }

    fn add_secret_file(&mut self, key: &'static Key, path: &Path, source: &str) {
        let text = files::read(path, MAX_SECRET)
            .map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        match text {
            Ok(text) if text.is_empty() => self
                .faults
                .push(format!("{source}: there is no key in the file")),
            Ok(text) => self.set(key, Value::String(text), source),
            Err(error) => self
                .faults
                .push(format!("{source}: cannot read the file: {error}")),
        }
    }

    fn unknown(&mut self, name: &str, source: &str) {
        let hint = nearest(name).map_or(String::new(), |near| format!(" (did you mean {near}?)"));
        self.faults.push(unknown(source, "", name, &hint));
    }

    pub(super) fn set(&mut self, key: &'static Key, value: Value, source: &str) {
        if let (Kind::Secret, Some(secret)) = (key.kind, value.as_str()) {
            match key.name {
                PROXY => redact::enrol_address(secret),
                _ => redact::enrol(secret),
            }
        }
        match checked(key.kind, value) {
            Ok(value) => drop(self.values.insert(key.name, (value, source.to_owned()))),
            Err(found) => {
                let is_hidden = matches!(
                    key.kind,
                    Kind::Secret | Kind::Path | Kind::Url | Kind::UrlOrPrivate
                );
                let found = if is_hidden { "something else" } else { &found };
                self.faults.push(format!(
                    "{source}: {} must be {}, found {found}",
                    key.name, key.kind
                ));
            }
        }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name).map(|(value, _)| value)
    }

    /// Where the value comes from.
    pub(super) fn source(&self, name: &str) -> &str {
        self.values.get(name).map_or("", |(_, source)| source)
    }

    /// What is set otherwise than by default, in the order of the table, and then what personas say.
    pub(super) fn shown(&self) -> Vec<Shown> {
        let set = KEYS.iter().filter(|key| self.source(key.name) != DEFAULT);
        let shown = set.filter_map(|key| {
            let name = key.name.to_owned();
            let value = self.value(key.name)?;
            Some(Shown::new(name, key.kind, value, self.source(key.name)))
        });
        shown.chain(self.personas.shown()).collect()
    }

    /// Whether a secret comes from this source.
    pub(super) fn has_secret_of(&self, source: &str) -> bool {
        let is_secret = |key: &&Key| key.kind == Kind::Secret && !self.text(key.name).is_empty();
        KEYS.iter()
            .filter(is_secret)
            .any(|key| self.source(key.name) == source)
    }

    /// The files that keys were taken from, and Google's.
    pub(super) fn key_files(&self) -> BTreeSet<PathBuf> {
        let is_taken = |key: &&Key| match key.name.strip_suffix("_file") {
            Some(secret) => self.source(secret) == key.name,
            None => key.name == "google.credentials",
        };
        let keys = KEYS.iter().filter(is_taken);
        keys.filter_map(|key| self.path(key.name)).collect()
    }

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
        self.value(name)
            .and_then(Value::as_float)
            .unwrap_or_default()
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
}

impl Shown {
    pub(super) fn new(name: String, kind: Kind, value: &Value, source: &str) -> Self {
        let value = value.to_string();
        let hash = digest(&SHA256, value.as_bytes());
        let is_hidden = kind == Kind::Secret && value != "\"\"";
        Self {
            name,
            source: source.to_owned(),
            digest: BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..DIGEST_BYTES]),
            value: if is_hidden {
                "[redacted]".to_owned()
            } else {
                value
            },
        }
    }
}

/// The one secret that is an address.
const PROXY: &str = "http.proxy";

/// The source of values that are not set.
const DEFAULT: &str = "default";

/// Enough to tell two values apart, and nothing to guess a key by.
const DIGEST_BYTES: usize = 6;

/// Far longer than any key.
const MAX_SECRET: u64 = 16 * 1024;

/// The fault of a name that is none of the table `path`. It is shown unless it may be a key.
pub(super) fn unknown(source: &str, path: &str, name: &str, hint: &str) -> String {
    if is_name(name) {
        format!("{source}: unknown setting {path}{name}{hint}")
    } else {
        format!("{source}: unknown setting whose name is not shown, as it may be a key{hint}")
    }
}

/// Whether it looks like a setting's name. Keys that were pasted into the wrong place do not.
fn is_name(text: &str) -> bool {
    text.len() <= 60
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'.'))
}

/// Whether `path` is a table of known keys.
fn is_table(path: &str) -> bool {
    let inside = |key: &Key| {
        key.name
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    KEYS.iter().any(inside)
}

/// `value` if it is what `kind` says (a whole number passes as a number), else how to show it.
pub(super) fn checked(kind: Kind, value: Value) -> Result<Value, String> {
    let fits = match (kind, &value) {
        (Kind::Text, Value::String(text)) => !text.contains('\0'),
        // A key file's content where its path belongs is a common mistake.
        (Kind::Path, Value::String(text)) => !text.contains(['{', '\n', '\0']),
        (Kind::Secret, Value::String(text)) => text.chars().all(|c| c.is_ascii_graphic()),
        (Kind::Url, Value::String(text)) => is_https(text),
        (Kind::UrlOrPrivate, Value::String(text)) => is_https(text) || is_private_http(text),
        (Kind::OneOf(words), Value::String(text)) => words.contains(&text.as_str()),
        (Kind::Several(words), Value::Array(chosen)) => {
            let is_known = |word: &Value| word.as_str().is_some_and(|word| words.contains(&word));
            chosen.iter().all(is_known)
        }
        (Kind::Switch, Value::Boolean(_)) => true,
        (Kind::Number(..), Value::Integer(whole)) => {
            let number = i32::try_from(*whole).map_or(f64::INFINITY, f64::from);
            return checked(kind, Value::Float(number));
        }
        (Kind::Number(least, most, _), Value::Float(number)) => (least..=most).contains(number),
        (Kind::Whole(least, most, _), Value::Integer(whole)) => {
            (i64::from(least)..=i64::from(most)).contains(whole)
        }
        (Kind::Texts(most, longest), Value::Array(texts)) => {
            let short = |text: &Value| text.as_str().is_some_and(|t| t.chars().count() <= longest);
            texts.len() <= most && texts.iter().all(short)
        }
        _ => false,
    };
    if fits {
        Ok(value)
    } else {
        Err(value.to_string())
    }
}

/// What `text`, from an argument or the environment, stands for. Several texts are separated by `|`, since a comma
/// separates the arguments of `AGI()`.
fn from_text(kind: Kind, text: &str) -> Value {
    let as_text = || Value::String(text.to_owned());
    match kind {
        Kind::Switch => match text.to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" | "1" => Value::Boolean(true),
            "no" | "false" | "off" | "0" => Value::Boolean(false),
            _ => as_text(),
        },
        Kind::Number(..) => text.parse().map_or_else(|_| as_text(), Value::Float),
        Kind::Whole(..) => text.parse().map_or_else(|_| as_text(), Value::Integer),
        Kind::Texts(..) | Kind::Several(_) => {
            let parts = text.split('|').filter(|part| !part.is_empty());
            Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
        }
        _ => as_text(),
    }
}

/// Keys travel to these addresses, so nothing but TLS will do.
pub(crate) fn is_https(address: &str) -> bool {
    address.strip_prefix("https://").is_some_and(is_place)
}

/// Whether it is an address without TLS that may be private, since a private network carries requests to no stranger.
/// Whether a name leads into one is seen when it is looked up.
fn is_private_http(address: &str) -> bool {
    let Some(place) = address
        .strip_prefix("http://")
        .filter(|place| is_place(place))
    else {
        return false;
    };
    let host = host_of(place).trim_matches(['[', ']']);
    host.parse().map_or(true, private::is_private)
}

/// A host, perhaps with a port and a path.
fn is_place(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '@' | '?' | '#' | '\\' | '"');
    !host_of(text).is_empty() && text.chars().all(plain)
}

/// The host that an address begins with; one of IPv6 stands in brackets.
fn host_of(place: &str) -> &str {
    let end = match place.find(']') {
        Some(bracket) if place.starts_with('[') => bracket + 1,
        _ => place.find(['/', ':']).unwrap_or(place.len()),
    };
    &place[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(file: &str) -> Vec<String> {
        let mut layers = Layers::defaults();
        layers.add_file(file, "config.toml");
        layers.faults
    }

    #[test]
    fn defaults_are_within_their_own_bounds() {
        assert_eq!(Layers::defaults().faults, Vec::<String>::new());
    }

    #[test]
    fn a_wrong_value_says_what_would_be_right() {
        let table = [
            (
                "tts.gain_db = 99",
                "tts.gain_db must be -20 to 20 dB, found 99.0",
            ),
            (
                "tts.gain_db = \"loud\"",
                "tts.gain_db must be -20 to 20 dB, found \"loud\"",
            ),
            (
                "llm.max_output_tokens = 15",
                "llm.max_output_tokens must be 16 to 8192 tokens, found 15",
            ),
            (
                "llm.max_output_tokens = 1.5",
                "llm.max_output_tokens must be 16 to 8192 tokens, found 1.5",
            ),
            (
                "stt.provider = \"whisper\"",
                "stt.provider must be google, openai, found \"whisper\"",
            ),
            (
                "stt.google.base_url = \"http://x\"",
                "stt.google.base_url must be https address, found something else",
            ),
            (
                "stt.google.base_url = \"https://\"",
                "stt.google.base_url must be https address, found something else",
            ),
            (
                "stt.google.base_url = \"https://u:p@x\"",
                "stt.google.base_url must be https address, found something else",
            ),
            (
                "recording.keep = \"yes\"",
                "recording.keep must be true, false, found \"yes\"",
            ),
            ("stt = 1", "unknown setting stt"),
            (
                "sst.language = \"x\"",
                "unknown setting sst.language (did you mean stt.language?)",
            ),
            (
                "stt.langauge = \"x\"",
                "unknown setting stt.langauge (did you mean stt.language?)",
            ),
            (
                "stt.alternative_languages = [\"a\",\"b\",\"c\",\"d\"]",
                "stt.alternative_languages must be up to 3 texts of 20 characters, found [\"a\", \"b\", \"c\", \"d\"]",
            ),
        ];
        for (file, fault) in table {
            let all = faults(file);
            assert_eq!(all.len(), 1, "{file}: {all:?}");
            assert!(
                all[0].starts_with(&format!("config.toml: {fault}")) || all[0].contains(fault),
                "{all:?}"
            );
        }
    }

    #[test]
    fn bounds_belong_to_the_range() {
        for fine in [
            "[http]",
            "tts.gain_db = -20.0",
            "tts.gain_db = 20",
            "llm.max_output_tokens = 16",
            "llm.max_output_tokens = 8192",
        ] {
            assert_eq!(faults(fine), Vec::<String>::new(), "{fine}");
        }
    }

    #[test]
    fn all_faults_are_told_and_no_secret_is() {
        let all = faults("[openai]\napi_key = \"sk secret\"\n[log]\nwords = 1\nlevel = 2\n");
        assert_eq!(all.len(), 3);
        assert!(!all.join(" ").contains("sk secret"), "{all:?}");
        let broken = faults("[openai]\napi_key = sk-secret\n");
        assert!(broken[0].starts_with("config.toml, line 2: "), "{broken:?}");
        assert!(!broken[0].contains("sk-secret"), "{broken:?}");
    }

    #[test]
    fn a_later_layer_hides_an_earlier_one() {
        let mut layers = Layers::defaults();
        layers.add_file(
            "stt.language = \"de-DE\"\ncall.deadline = 20\n",
            "config.toml",
        );
        layers.add_text("stt.language", "fr-FR", "argument");
        layers.add_text("recording.keep", "yes", "argument");
        layers.add_text("stt.alternative_languages", "de-DE|it-IT", "argument");
        layers.add_text("tts.speed", "1.25", "argument");
        assert_eq!(layers.faults, Vec::<String>::new());
        assert_eq!(layers.text("stt.language"), "fr-FR");
        assert_eq!(layers.seconds("call.deadline"), Duration::from_secs(20));
        assert_eq!(
            layers.texts("stt.alternative_languages"),
            ["de-DE", "it-IT"]
        );
        assert!(layers.switch("recording.keep"));
        assert_eq!(layers.number("tts.speed").to_string(), "1.25");
    }
}
