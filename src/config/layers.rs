//! Settings from several places, laid over each other: a later layer hides an earlier one.
//!
//! Every value is checked where it comes in, and every fault is kept, so that one look shows them all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use toml::{Table, Value};

use super::checked::{checked, from_text};
use super::keys::{
    KEYS, Key, Kind, did_you_mean, find, names, nearest, setting, stands_for, unknown,
};
use super::personas::Personas;
use super::tools;
use super::values::Shown;
use super::written::{self, Lines, MOST_FAULTS};
use crate::sys::{date, files, pasted, redact};

/// The values in force, and all faults of the settings.
#[derive(Debug)]
pub(super) struct Layers {
    /// Each value with its source.
    values: BTreeMap<&'static str, (Value, String)>,
    /// The file that settings come from, and where they stand in it.
    file: (String, Lines),
    pub(super) personas: Personas,
    pub(super) tools: tools::Tables,
    pub(super) faults: Vec<String>,
    /// Whether all of the settings file was understood, or there is none.
    pub(super) is_whole: bool,
    /// The day by which models are switched off, in days since 1970 in UTC.
    pub(super) today: u64,
}

impl Layers {
    /// The lowest layer: every key has its default.
    pub(super) fn defaults() -> Self {
        let mut layers = Self {
            values: BTreeMap::new(),
            file: Default::default(),
            personas: Personas::default(),
            tools: tools::Tables::default(),
            faults: Vec::new(),
            is_whole: true,
            today: date::day(SystemTime::now()),
        };
        for key in KEYS {
            layers.set_default(key);
        }
        layers
    }

    /// Lays the text of a settings file, called `source`, on top.
    pub(super) fn add_file(&mut self, text: &str, source: &str) {
        match written::read(text) {
            Ok((table, lines)) => {
                self.file = (source.to_owned(), lines);
                self.add_table(&table, "", source);
            }
            Err(faults) => {
                self.is_whole = false;
                self.faults
                    .extend(faults.iter().map(|fault| fault.told(source)));
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
                (None, Value::Table(tables)) if full == "persona" || full == "tool" => {
                    let lines = &self.file.1;
                    let place = |name: &str| lines.place(source, &format!("{full}.{name}"));
                    self.faults.extend(match full.as_str() {
                        "tool" => self.tools.add(tables, source, &place),
                        _ => self.personas.add(tables, source, &place),
                    });
                }
                (None, Value::Table(inner)) if !inner.is_empty() || is_table(&full) => {
                    self.add_table(inner, &full, source);
                }
                (None, Value::Array(_)) if is_table(&full) => {
                    let place = self.line_of(source, &full);
                    let fault = format!("{place}: {full} stands there once: write [{full}]");
                    self.faults.push(fault);
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
            let Some(secret) = secret_in(key) else {
                continue;
            };
            let path = self.text(key);
            if !path.is_empty() && self.text(secret).is_empty() {
                let place = self.place(key);
                self.add_secret_file(
                    secret,
                    Path::new(&path),
                    key.name,
                    &format!("{place}: {}", key.name),
                );
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
                Kind::Secret => {
                    let source = format!("systemd's {name}");
                    self.add_secret_file(key, &path, &source, &source);
                }
                // Google's key stays in its file, so the setting gets the path of systemd's copy.
                Kind::Path | Kind::SecretFile => self.add_text(
                    key.name,
                    &path.to_string_lossy(),
                    &format!("systemd's {name}"),
                ),
                _ => {}
            }
        }
    }

    /// Faults name `place`.
    fn add_secret_file(&mut self, key: &'static Key, path: &Path, source: &str, place: &str) {
        match files::read_text(path, MAX_SECRET) {
            Ok(text) if pasted::unwrapped(&text).is_empty() => self
                .faults
                .push(format!("{place}: there is no key in {}", path.display())),
            Ok(text) => self.set(key, Value::String(text), source),
            Err(error) => self.faults.push(format!(
                "{place}: cannot read the key in {}: {error}",
                path.display()
            )),
        }
    }

    fn unknown(&mut self, name: &str, source: &str) {
        let small = name.to_ascii_lowercase();
        if small != name && (find(&small).is_some() || is_table(&small)) {
            let place = self.line_of(source, name);
            let fault = format!("{place}: names are in lower case: write {small}");
            return self.faults.push(fault);
        }
        // To look for one takes time, and later faults are not told.
        let is_told = self.faults.len() < MOST_FAULTS;
        let near = is_told.then(|| nearest(name)).flatten();
        let hint = near.map_or(String::new(), did_you_mean);
        let place = self.line_of(source, name);
        self.faults.push(unknown(&place, "", name, &hint));
    }

    pub(super) fn set(&mut self, key: &'static Key, value: Value, source: &str) {
        let written = value.as_str().unwrap_or_default().to_owned();
        let checked = checked(key.kind, value);
        if key.kind == Kind::Secret {
            // A key that is refused is enrolled as well, so that no fault shows it.
            let secret = checked.as_ref().ok().and_then(Value::as_str);
            let secret = secret.unwrap_or(&written);
            redact::spare(names());
            if key == PROXY {
                redact::enrol_address(secret);
            } else {
                redact::enrol(secret);
            }
        }
        match checked {
            Ok(value) => {
                self.values.insert(key.name, (value, source.to_owned()));
                self.forget_lower(stands_for(key), source);
            }
            Err(found) => self.faults.push(format!(
                "{}: {} must be {}, found {found}",
                self.line_of(source, key.name),
                key.name,
                key.kind
            )),
        }
    }

    /// Forgets what lower layers than `source` say of these settings.
    fn forget_lower(&mut self, keys: &[&'static Key], source: &str) {
        for key in keys {
            if ![source, ARGUMENT, DEFAULT].contains(&self.source(key)) {
                self.set_default(key);
            }
        }
    }

    fn set_default(&mut self, key: &'static Key) {
        let line = format!("value = {}", key.default);
        match line.parse::<Table>().map(|mut table| table.remove("value")) {
            Ok(Some(value)) => self.set(key, value, DEFAULT),
            _ => self
                .faults
                .push(format!("{}: its default is not TOML", key.name)),
        }
    }

    /// The place of a setting that comes from `source`, for people: with its line, if that is the settings file.
    pub(super) fn line_of(&self, source: &str, name: &str) -> String {
        match &self.file {
            (file, lines) if file == source => lines.place(source, name),
            _ => source.to_owned(),
        }
    }

    /// The place of the value in force, for people.
    pub(super) fn place(&self, key: &Key) -> String {
        self.line_of(self.source(key), key.name)
    }

    pub(super) fn value(&self, key: &Key) -> Option<&Value> {
        self.values.get(key.name).map(|(value, _)| value)
    }

    /// Where the value comes from.
    pub(super) fn source(&self, key: &Key) -> &str {
        self.values.get(key.name).map_or("", |(_, source)| source)
    }

    /// Whether it is set otherwise than by default.
    pub(super) fn is_set(&self, key: &Key) -> bool {
        self.source(key) != DEFAULT
    }

    /// What is set otherwise than by default, in the order of the table, and then what personas and tools say.
    pub(super) fn shown(&self) -> Vec<Shown> {
        let set = KEYS.iter().filter(|key| self.is_set(key));
        let shown = set.filter_map(|key| {
            let name = key.name.to_owned();
            let value = self.value(key)?;
            Some(Shown::new(name, key.kind, value, self.source(key)))
        });
        let own = self.personas.shown().chain(self.tools.shown());
        shown.chain(own).collect()
    }

    /// Whether a secret comes from this source.
    pub(super) fn has_secret_of(&self, source: &str) -> bool {
        let is_secret =
            |key: &&'static Key| key.kind == Kind::Secret && !self.text(*key).is_empty();
        KEYS.iter()
            .filter(is_secret)
            .any(|key| self.source(key) == source)
    }

    /// The files in use that hold a secret, those of tools too.
    pub(super) fn secret_files(&self) -> BTreeSet<PathBuf> {
        let is_used =
            |key: &&Key| secret_in(key).is_none_or(|secret| self.source(secret) == key.name);
        let keys = KEYS.iter().filter(|key| key.kind == Kind::SecretFile);
        let files = keys.filter(is_used).filter_map(|key| self.path(key));
        files.chain(self.tools.secret_files()).collect()
    }
}

/// The setting that the content of this file stands for, if there is one: `openai.api_key` of `openai.api_key_file`.
fn secret_in(key: &Key) -> Option<&'static Key> {
    let secret = find(key.name.strip_suffix("_file")?)?;
    (secret.kind == Kind::Secret).then_some(secret)
}

/// The one secret that is an address.
pub(super) const PROXY: &Key = setting!("http.proxy");

/// The source of values that arguments of `AGI()` set.
pub(super) const ARGUMENT: &str = "AGI argument";

/// The source of values that are not set.
const DEFAULT: &str = "default";

/// Far longer than any key.
const MAX_SECRET: u64 = 16 * 1024;

/// Whether `path` is a table of known keys.
fn is_table(path: &str) -> bool {
    let inside = |key: &Key| {
        key.name
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    KEYS.iter().any(inside)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::keys::providers;

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
                "stt.google.base_url = \"http://x\"",
                "stt.google.base_url must be https address, found http://, which does not protect what is sent: write https://",
            ),
            (
                "stt.google.base_url = \"https://\"",
                "stt.google.base_url must be https address, found no host in it",
            ),
            (
                "openai.api_key = 12345",
                "openai.api_key must be secret text, found a value without quotation marks",
            ),
            (
                "google.credentials = '~/key.json'",
                "google.credentials must be path, found ~ at its beginning",
            ),
            (
                "recording.keep = \"maybe\"",
                "recording.keep must be true, false, found \"maybe\"",
            ),
            ("stt = 1", "unknown setting stt"),
            (
                "stt = [{ language = 'x' }]",
                "stt stands there once: write [stt]",
            ),
            (
                "STT.language = 'x'",
                "names are in lower case: write stt.language",
            ),
            (
                "stt.Language = 'x'",
                "names are in lower case: write stt.language",
            ),
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
            let name = file.split(" = ").next().unwrap_or_default();
            let column = name.rfind('.').map_or(1, |dot| dot + 2);
            let expected = format!("config.toml, line 1, column {column}: {fault}");
            assert!(all[0].starts_with(&expected), "{all:?}");
        }
    }

    #[test]
    fn a_provider_that_there_is_none_of_is_told_with_those_that_there_are() {
        let names = providers("stt").join(", ");
        let expected = format!("stt.provider must be auto, {names}, found \"whisper\"");
        let all = faults("stt.provider = \"whisper\"");
        assert!(names.starts_with("google, "), "{names}");
        assert!(all[0].ends_with(&expected), "{all:?}");
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
        assert!(
            broken[0].starts_with("config.toml, line 2, column 11: "),
            "{broken:?}"
        );
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
        assert_eq!(layers.text(setting!("stt.language")), "fr-FR");
        assert_eq!(
            layers.seconds(setting!("call.deadline")),
            Duration::from_secs(20)
        );
        assert_eq!(
            layers.texts(setting!("stt.alternative_languages")),
            ["de-DE", "it-IT"]
        );
        assert!(layers.switch(setting!("recording.keep")));
        assert_eq!(layers.number(setting!("tts.speed")).to_string(), "1.25");
    }
}
