//! A settings file that is changed by single values: comments, order and all else stay as they are.

use toml_edit::{DocumentMut, Item, Table, TableLike, value};

use crate::config::keys::Key;

/// The content of a settings file, and what of it was changed.
#[derive(Clone)]
pub(super) struct SettingsFile {
    document: DocumentMut,
    changes: Vec<Change>,
}

/// A value that was changed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change {
    pub(super) setting: &'static Key,
    /// The value before; empty where none was set.
    pub(super) before: String,
    pub(super) after: String,
}

/// Why a value cannot be set.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the settings are no TOML: {}", .0.message())]
    Toml(#[from] toml_edit::TomlError),
    #[error("{0} is no table in the settings: fix that first")]
    NoTable(String),
}

impl SettingsFile {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        Ok(Self {
            document: text.parse()?,
            changes: Vec::new(),
        })
    }

    /// The text of the file as it is now.
    pub(super) fn text(&self) -> String {
        self.document.to_string()
    }

    pub(super) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Sets a text. A comment behind the value before stays.
    pub(super) fn set(&mut self, setting: &'static Key, text: &str) -> Result<(), Error> {
        let (path, key) = setting.name.rsplit_once('.').unwrap_or(("", setting.name));
        let table = self.table(path)?;
        let before = table.get(key).and_then(Item::as_str).unwrap_or_default();
        let before = before.to_owned();
        if before == text {
            return Ok(());
        }
        match table.get_mut(key).and_then(Item::as_value_mut) {
            Some(old) => {
                let decor = old.decor().clone();
                *old = text.into();
                *old.decor_mut() = decor;
            }
            None => drop(table.insert(key, value(text))),
        }
        self.changes.push(Change {
            setting,
            before,
            after: text.to_owned(),
        });
        Ok(())
    }

    /// The table of a path, which is made if there is none.
    fn table(&mut self, path: &str) -> Result<&mut dyn TableLike, Error> {
        let no_table = || Error::NoTable(path.to_owned());
        let names = path.split('.').filter(|name| !name.is_empty());
        let mut found: Option<&dyn TableLike> = Some(self.document.as_table());
        for name in names.clone() {
            found = found.and_then(|table| table.get(name)?.as_table_like());
        }
        let new = found.is_none().then(|| self.last_table());
        let mut table: &mut dyn TableLike = self.document.as_table_mut();
        let last = names.clone().count().saturating_sub(1);
        for (index, name) in names.enumerate() {
            let made = match &new {
                Some(new) if index == last => new.clone(),
                _ => between(),
            };
            let item = table.entry(name).or_insert(Item::Table(made));
            table = item.as_table_like_mut().ok_or_else(no_table)?;
        }
        Ok(table)
    }

    /// A table for the end of the file. Comments that stood there belong to the table before it.
    fn last_table(&mut self) -> Table {
        let comments = self.document.trailing().as_str().unwrap_or_default();
        let comments = format!("{comments}\n");
        self.document.set_trailing("");
        let mut table = Table::new();
        table.set_position(Some(isize::MAX));
        table.decor_mut().set_prefix(comments);
        table
    }
}

/// A table that only leads to another, and has no line of its own.
fn between() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{find, setting};

    fn changed(before: &str, name: &str, text: &str) -> String {
        let mut file = SettingsFile::parse(before).expect("TOML");
        file.set(find(name).expect(name), text).expect("a table");
        file.text()
    }

    #[test]
    fn one_value_changes_and_all_else_stays() {
        let table = [
            (
                "# first\n[gemini]\napi_key = \"\"   # from there\n\n[stt]   # hears\n#language = \"en-US\"\n",
                "gemini.api_key",
                "# first\n[gemini]\napi_key = \"new\"   # from there\n\n[stt]   # hears\n#language = \"en-US\"\n",
            ),
            (
                "[stt]   # hears\n#language = \"en-US\"\n\n[llm]\n#a = 1\n",
                "stt.language",
                "[stt]   # hears\nlanguage = \"new\"\n#language = \"en-US\"\n\n[llm]\n#a = 1\n",
            ),
            (
                "[tts]\ngain_db = 1\n#speed = 1\n[tts.openai]\n#voice = \"x\"\n[http]\n#proxy = \"\"\n# end\n",
                "tts.gemini.voice",
                "[tts]\ngain_db = 1\n#speed = 1\n[tts.openai]\n#voice = \"x\"\n[http]\n#proxy = \"\"\n# end\n\n[tts.gemini]\nvoice = \"new\"\n",
            ),
            (
                "gemini.api_key = 'old' # mine\nlog.words = true\n",
                "gemini.api_key",
                "gemini.api_key = \"new\" # mine\nlog.words = true\n",
            ),
            (
                "stt = { language = 'old' }\n",
                "stt.language",
                "stt = { language = \"new\" }\n",
            ),
            ("", "gemini.api_key", "\n[gemini]\napi_key = \"new\"\n"),
        ];
        for (before, name, expected) in table {
            assert_eq!(changed(before, name, "new"), expected, "{name}");
        }
    }

    #[test]
    fn what_was_changed_is_known_with_what_was_there() {
        let mut file = SettingsFile::parse("[stt]\nlanguage = 'en-US'\n").expect("TOML");
        file.set(setting!("stt.language"), "en-US")
            .expect("a table");
        assert_eq!(file.changes(), []);
        file.set(setting!("stt.language"), "de-DE")
            .expect("a table");
        let [change] = file.changes() else {
            panic!("{:?}", file.changes())
        };
        assert_eq!((&*change.before, &*change.after), ("en-US", "de-DE"));
        assert!(SettingsFile::parse("stt").is_err());
        let mut odd = SettingsFile::parse("stt = 1").expect("TOML");
        assert!(odd.set(setting!("stt.language"), "de-DE").is_err());
    }
}
