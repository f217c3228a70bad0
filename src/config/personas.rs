//! Personas: tables `[persona.NAME]` of the settings file. Each stands for some settings of the calls that choose it by
//! `AGI(phone-assistant,persona=NAME)`, and lies between the environment and the other arguments.
//!
//! All of them are checked whenever the settings are read: a persona of another extension is no place where a misspelt
//! key could wait for its first caller.

use std::collections::BTreeMap;
use std::fmt;

use toml::{Table, Value};

use super::checked::checked;
use super::keys::{self, KEYS, Key, Kind, setting, unknown};
use super::values::Shown;

/// A key of a persona's table.
#[derive(Debug)]
pub struct PersonaKey {
    /// Its name in the table.
    pub name: &'static str,
    /// What it takes the place of.
    pub stands_for: Setting,
}

/// The setting that a persona's key stands for. `Display` gives it as the manual's table has it.
#[derive(Clone, Copy, Debug)]
pub enum Setting {
    /// This one.
    Of(&'static Key),
    /// A stage, and a key of one provider's table: its first one's, or with `auto` the one's that knows the value. The
    /// others keep their own.
    OfFirst(&'static str, &'static str),
}

/// All keys of a persona's table.
pub const PERSONA_KEYS: &[PersonaKey] = &[
    key("prompt", Setting::Of(setting!("llm.persona"))),
    key("voice", Setting::OfFirst("tts", "voice")),
    key("language", Setting::Of(setting!("stt.language"))),
    key("languages", Setting::Of(setting!("languages"))),
    key("greeting", Setting::Of(setting!("conversation.greeting"))),
    key("model", Setting::OfFirst("llm", "model")),
    key("place", Setting::Of(setting!("knowledge.place"))),
    key("facts", Setting::Of(setting!("knowledge.facts"))),
    key(
        "opening_hours",
        Setting::Of(setting!("knowledge.opening_hours")),
    ),
    key(
        "disclosure_text",
        Setting::Of(setting!("knowledge.disclosure_text")),
    ),
    key("mail_to", Setting::Of(setting!("messages.mail_to"))),
    key("webhook", Setting::Of(setting!("messages.webhook"))),
    key("transcripts", Setting::Of(setting!("messages.transcripts"))),
];

/// What the settings file says of personas.
#[derive(Debug, Default)]
pub(super) struct Personas {
    pub(super) tables: BTreeMap<String, Persona>,
    /// The file.
    pub(super) source: String,
}

/// Gives the place of a setting, by its name below `[persona]`.
type Place<'a> = &'a dyn Fn(&str) -> String;

/// The values of one, by the names of its keys.
type Persona = BTreeMap<&'static str, Value>;

impl Personas {
    /// Takes the tables below `[persona]`, where `place` gives the place of a name below them. Returns what is wrong
    /// with them; what is right of a faulty one is kept, so that no error says that it does not exist.
    pub(super) fn add(&mut self, tables: &Table, source: &str, place: Place<'_>) -> Vec<String> {
        source.clone_into(&mut self.source);
        let mut faults = Vec::new();
        for (name, value) in tables {
            match value {
                Value::Table(table) if is_name(name) => {
                    let persona = understood(name, table, place, &mut faults);
                    self.tables.insert(name.clone(), persona);
                }
                Value::Table(_) => faults.push(format!(
                    "{}: the name of a persona may only hold letters, digits, - and _",
                    place(name)
                )),
                _ => faults.push(format!(
                    "{}: a setting under [persona] belongs to no persona: each has a table [persona.NAME]",
                    place(name)
                )),
            }
        }
        faults
    }

    /// Every setting of every persona, for display.
    pub(super) fn shown(&self) -> impl Iterator<Item = Shown> {
        let of = |(persona, name, value): (&str, &str, &Value)| {
            let name = format!("persona.{persona}.{name}");
            Shown::new(name, Kind::Text, value, &self.source)
        };
        self.values().map(of)
    }

    /// A persona's name, a key's, and its value.
    pub(super) fn values(&self) -> impl Iterator<Item = (&str, &'static str, &Value)> {
        self.tables.iter().flat_map(|(persona, values)| {
            let of = move |(name, value): (&&'static str, _)| (persona.as_str(), *name, value);
            values.iter().map(of)
        })
    }

    /// The fault of a name that no persona has. The names that there are show only where `may_list`.
    pub(super) fn none_called(&self, name: &str, may_list: bool) -> String {
        let shown = if is_name(name) {
            name
        } else {
            "whose name is not shown, as it is none"
        };
        if !may_list {
            return format!("unknown persona {shown}");
        }
        let names: Vec<_> = self.tables.keys().map(String::as_str).collect();
        if names.is_empty() {
            return format!("unknown persona {shown} (the settings have none)");
        }
        format!("unknown persona {shown} (there are: {})", names.join(", "))
    }
}

impl Setting {
    /// What it may hold.
    fn kind(&self) -> Kind {
        match self {
            Self::Of(key) => key.kind,
            Self::OfFirst(..) => Kind::Text,
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(key) => write!(f, "`{}`", key.name),
            Self::OfFirst(stage, key) => {
                let is_one = |name: &str| {
                    let parts: Vec<_> = name.split('.').collect();
                    matches!(parts[..], [of, _, last] if of == *stage && last == *key)
                };
                let all = KEYS.iter().filter(|key| is_one(key.name));
                let all: Vec<_> = all.map(|key| format!("`{}`", key.name)).collect();
                f.write_str(&all.join(" or "))
            }
        }
    }
}

/// The part of a persona's table that is as it should be.
fn understood(persona: &str, table: &Table, place: Place<'_>, faults: &mut Vec<String>) -> Persona {
    let names: Vec<_> = PERSONA_KEYS.iter().map(|key| key.name).collect();
    let mut values = Persona::new();
    for (name, value) in table {
        let place = place(&format!("{persona}.{name}"));
        let Some(key) = PERSONA_KEYS.iter().find(|key| key.name == name) else {
            faults.push(unknown(
                &place,
                &format!("persona.{persona}."),
                name,
                &keys::hint(&names, name, "a persona"),
            ));
            continue;
        };
        let kind = key.stands_for.kind();
        match checked(kind, value.clone()) {
            Ok(value) => drop(values.insert(key.name, value)),
            Err(found) => faults.push(format!(
                "{place}: persona.{persona}.{name} must be {kind}, found {found}"
            )),
        }
    }
    values
}

/// It stands in a dialplan and in a table's head, without quotation marks.
fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.bytes().all(fits)
}

const fn key(name: &'static str, stands_for: Setting) -> PersonaKey {
    PersonaKey { name, stands_for }
}

#[cfg(test)]
mod tests {
    use crate::config::Arguments;
    use crate::config::keys::{find, setting};
    use crate::config::layers::Layers;

    fn layers(file: &str, arguments: &[&str]) -> Layers {
        let arguments = Arguments::parse(arguments.iter().copied());
        let mut layers = Layers::defaults();
        layers.add_file(file, "config.toml");
        for (name, value) in &arguments.settings {
            layers.add_text(name, value, "AGI argument");
        }
        layers.add_persona(&arguments);
        layers
    }

    const TWO: &str = "[stt]\nlanguage = 'fr-FR'\n\
        [persona.kitchen]\nprompt = 'You cook.'\nvoice = 'onyx'\nlanguage = 'de-DE'\n\
        greeting = 'Kitchen.'\nmodel = 'gemini-3-pro'\n\
        place = 'Lyon'\nfacts = '/etc/kitchen.md'\nopening_hours = '24/7'\ndisclosure_text = 'A machine cooks.'\n\
        [persona.office-2]\nprompt = 'You file.'\n";

    #[test]
    fn a_persona_lies_between_the_file_and_the_other_arguments() {
        let chosen = layers(TWO, &["persona=kitchen", "tts.openai.voice=alloy"]);
        assert_eq!(chosen.faults, Vec::<String>::new());
        let expected = [
            ("llm.persona", "You cook."),
            ("stt.language", "de-DE"),
            ("conversation.greeting", "Kitchen."),
            ("llm.gemini.model", "gemini-3-pro"),
            ("tts.openai.voice", "alloy"),
            ("tts.google.voice", ""),
            ("knowledge.place", "Lyon"),
            ("knowledge.facts", "/etc/kitchen.md"),
            ("knowledge.opening_hours", "24/7"),
            ("knowledge.disclosure_text", "A machine cooks."),
        ];
        for (name, value) in expected {
            assert_eq!(chosen.text(find(name)), value, "{name}");
        }
        let other = layers(TWO, &["persona=office-2"]);
        assert_eq!(other.text(setting!("llm.persona")), "You file.");
        assert_eq!(other.text(setting!("stt.language")), "fr-FR");
        let none = layers(TWO, &["persona="]);
        assert_eq!(none.text(setting!("stt.language")), "fr-FR");
        assert_eq!(none.faults, Vec::<String>::new());
    }

    #[test]
    fn voice_and_model_are_those_of_the_first_provider() {
        let google = format!("{TWO}[tts]\nprovider = 'google'\n[llm]\nprovider = 'openai'\n");
        let chosen = layers(&google, &["persona=kitchen"]);
        assert_eq!(chosen.text(setting!("tts.google.voice")), "onyx");
        assert_eq!(chosen.text(setting!("llm.openai.model")), "gemini-3-pro");
        assert_eq!(chosen.text(setting!("tts.openai.voice")), "nova");
    }

    #[test]
    fn each_fault_of_any_persona_is_told() {
        let table = [
            (
                "[persona.a]\npromt = 'x'",
                "",
                "unknown setting persona.a.promt (did you mean prompt?)",
            ),
            (
                "[persona.a]\nfrobnicate = 'x'",
                "",
                "(a persona has prompt, voice, language, languages, greeting, model, place, facts, opening_hours, \
                 disclosure_text, mail_to, webhook, transcripts)",
            ),
            (
                "[persona.a]\nprompt = 7",
                "",
                "config.toml, line 2, column 1: persona.a.prompt must be text, found 7 without quotation marks",
            ),
            ("[persona.'a b']\nprompt = 'x'", "", "may only hold letters"),
            ("[persona]\nprompt = 'x'", "", "belongs to no persona"),
            ("[persona.a]\nmodel = ''", "", "persona.a.model is empty"),
            ("[persona.a]\nprompt = ''", "", "persona.a.prompt is empty"),
            (
                TWO,
                "persona=garden",
                "unknown persona garden (there are: kitchen, office-2)",
            ),
            (
                "",
                "persona=garden",
                "unknown persona garden (the settings have none)",
            ),
        ];
        for (file, argument, fault) in table {
            let arguments: Vec<_> = [argument]
                .into_iter()
                .filter(|text| !text.is_empty())
                .collect();
            let faults = layers(file, &arguments).faults;
            let [only] = &faults[..] else {
                panic!("{file:?}: {faults:?}");
            };
            assert!(only.contains(fault), "{only:?} lacks {fault:?}");
        }
    }
}
