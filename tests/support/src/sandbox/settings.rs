//! The program's settings file, pointing every service at the sandbox.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::NamedTempFile;

/// A settings file in the making.
#[derive(Clone, Debug)]
pub struct Settings {
    tables: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Settings {
    pub(super) fn new(base_url: &str, credentials: &Path, ca_file: &Path) -> Self {
        let settings = Self {
            tables: BTreeMap::new(),
        }
        .set("google.credentials", path_text(credentials))
        .set("http.ca_file", path_text(ca_file))
        // Its default is this machine's own.
        .set("log.calls", "")
        .set("state.folder", path_text(&ca_file.with_file_name("state")))
        .set(
            "conversation.sounds",
            path_text(&ca_file.with_file_name("sounds")),
        )
        // Named, and without a fallback: a test of one provider's faults wants to see them.
        .set("stt.provider", "google")
        .set("llm.provider", "gemini")
        .set("tts.provider", "openai")
        .set("tts.fallback", Value::Array(Vec::new()))
        .set("openai.api_key", super::service::OPENAI_API_KEY);
        // Also the providers that a test does not use: nothing of a test may ever leave the machine.
        [
            "stt.google",
            "stt.openai",
            "stt.gemini",
            "llm.gemini",
            "llm.openai",
            "tts.openai",
            "tts.google",
            "tts.gemini",
        ]
        .iter()
        .fold(settings, |settings, table| {
            settings.set(&format!("{table}.base_url"), base_url)
        })
    }

    pub(super) fn local(base_url: &str, folder: &Path) -> Self {
        let settings = Self {
            tables: BTreeMap::new(),
        };
        ["stt", "llm", "tts"]
            .iter()
            .fold(settings, |settings, stage| {
                let key = |name: &str| format!("{stage}.{name}");
                settings
                    .set(&key("provider"), "openai")
                    .set(&key("openai.base_url"), base_url)
            })
            .set("stt.openai.model", "Systran/faster-whisper-small")
            .set("llm.openai.model", "llama3.2")
            .set("tts.openai.model", "kokoro")
            .set("tts.openai.voice", "af_heart")
            .set("google.credentials", "/nonexistent/google-creds.json")
            .set("log.calls", "")
            .set("state.folder", path_text(&folder.join("state")))
            .set("conversation.sounds", path_text(&folder.join("sounds")))
    }

    /// Sets one key, written as `table.key` or, above all tables, as `key`, to a string, a number, a truth value or an array.
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        let (table, key) = key.rsplit_once('.').unwrap_or(("", key));
        self.tables
            .entry(table.to_owned())
            .or_default()
            .insert(key.to_owned(), value.into());
        self
    }

    /// Leaves one key out, so that its default applies.
    pub fn without(mut self, key: &str) -> Self {
        let (table, key) = key.rsplit_once('.').unwrap_or(("", key));
        self.tables.entry(table.to_owned()).or_default().remove(key);
        self
    }

    /// Without any key and without named providers.
    pub fn keyless(self) -> Self {
        let named = [
            "stt.provider",
            "llm.provider",
            "tts.provider",
            "tts.fallback",
            "openai.api_key",
            "google.credentials",
        ];
        named.iter().fold(self, |all, name| all.without(name))
    }

    /// The file's text. Strings, numbers and arrays of JSON are those of TOML.
    pub fn to_toml(&self) -> String {
        let key = |(key, value): (&String, &Value)| format!("{key} = {value}\n");
        let table = |(table, keys): (&String, &BTreeMap<_, _>)| {
            let keys: String = keys.iter().map(key).collect();
            match table.as_str() {
                "" => keys,
                table => format!("[{table}]\n{keys}\n"),
            }
        };
        self.tables.iter().map(table).collect()
    }

    /// Writes `config.toml` into a directory, for nobody else to read.
    pub fn write(&self, dir: &Path) -> PathBuf {
        let path = dir.join("config.toml");
        write_secret(&path, &self.to_toml());
        path
    }
}

/// Writes a file for nobody else to read; an old one is replaced in one step, as programs may be reading it.
pub fn write_secret(path: &Path, text: &str) {
    let folder = path.parent().expect("a file is in a folder");
    let written = NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        Ok(file.persist(path)?)
    });
    written.unwrap_or_else(|error| panic!("writing {}: {error}", path.display()));
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}
