//! A provider of a stage, as the settings describe it. What it takes and needs follows from the settings that its row in
//! [`providers`](super::providers) has.

use std::fmt;
use std::path::Path;

use super::addresses::{base_of, origin_of};
use super::keys::{self, Key};
use super::layers::Layers;
use super::providers::{self, Api};
use super::values::Secret;
use super::voices;
use crate::sys::authority::host_of;
use crate::sys::language::is_same;

/// A provider of a stage, with what its own table of the settings says.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The provider whose API it speaks.
    pub provider: Provider,
    /// What the addresses of its requests begin with, without a slash at the end: for a server of OpenAI's kind with
    /// the path of its version.
    pub base_url: String,
    /// Its name for the recognizer, the model or the synthesiser; where it has only voices, the voice's.
    pub model: String,
    /// Its name for the voice; empty where it has none, or any will do.
    pub voice: String,
    /// Its key; `None` where the service account signs in, or no key is needed.
    pub api_key: Option<Secret>,
    /// Whether it is asked only once the models of all others have been switched off.
    pub is_reserve: bool,
}

/// A provider, by its name in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provider(&'static str);

impl Endpoint {
    /// What the settings say of `provider`, which does the work of `stage`.
    pub(super) fn of(layers: &Layers, stage: &str, provider: Provider) -> Self {
        let setting = |key: &str| provider.setting(stage, key);
        let row = providers::row(stage, provider.0);
        let speaks_openai = row.is_some_and(|row| row.api == Api::OpenAi);
        let base_url = base_of(&layers.text(setting("base_url")), speaks_openai);
        let own = layers.secret(setting("api_key"));
        // The key of a cloud service does not belong into a network without TLS.
        let api_key = if is_private(&base_url) {
            own
        } else {
            own.or(layers.secret(keys::in_table(provider.name(), "api_key")))
        };
        let voice = layers.text(setting("voice"));
        let model = setting("model");
        Self {
            provider,
            base_url,
            model: model.map_or_else(|| voice.clone(), |key| layers.text(key)),
            voice,
            api_key,
            is_reserve: false,
        }
    }

    /// The same in another language: Google's voices speak one each, and the others find out what they read.
    pub(crate) fn speaking(&self, language: &str) -> Self {
        if !self.has_voices_by_language() {
            return self.clone();
        }
        let voice = voices::of_google_in(language, &self.voice);
        Self {
            model: voice.clone(),
            voice,
            ..self.clone()
        }
    }

    /// Whether each of its voices speaks one language, and callers of another hear another voice.
    pub(crate) fn has_voices_by_language(&self) -> bool {
        let row = providers::row("tts", self.provider.0);
        row.is_some_and(|row| row.has_voices_by_language)
    }

    /// Whether its model is one for speech to text that is made to transcribe, and is told nothing else to do.
    pub(crate) fn only_transcribes(&self) -> bool {
        let word = providers::row("stt", self.provider.0).and_then(|row| row.transcribers);
        word.is_some_and(|word| self.model.contains(word))
    }

    /// Those of the `languages` for which this voice is none, going by its name: another one speaks them, or it reads them as
    /// if they were its own.
    pub(crate) fn lacks<'l>(&self, languages: impl Iterator<Item = &'l str>) -> Vec<&'l str> {
        let of_piper = || voices::of_piper(&self.voice).or_else(|| voices::of_piper(&self.model));
        let lacks = |language: &&str| {
            if self.has_voices_by_language() {
                voices::is_replaced_in(language, &self.voice)
            } else {
                self.is_private() && of_piper().is_some_and(|own| !is_same(own, language))
            }
        };
        languages.filter(lacks).collect()
    }

    /// What is missing for it to be asked for the work of `stage`, which people call `what`; `file` is where they would
    /// set it.
    pub(super) fn missing(&self, stage: &str, what: &str, file: &Path) -> Option<String> {
        match self.unnamed(stage) {
            Some(setting) => Some(format!("{setting} is empty")),
            None if self.api_key.is_none() && !self.is_private() && !self.uses_account() => {
                let place = self.provider.place_of_key(stage, file);
                Some(format!("no key for {what}: set {place}"))
            }
            None => None,
        }
    }

    /// The setting that must name its model or its voice, and is empty.
    pub(super) fn unnamed(&self, stage: &str) -> Option<&'static str> {
        let named = [("model", &self.model), ("voice", &self.voice)];
        named.into_iter().find_map(|(key, value)| {
            let setting = self.provider.setting(stage, key)?;
            (value.is_empty() && keys::is_required(setting.name)).then_some(setting.name)
        })
    }

    /// Its scheme, host and port.
    pub(crate) fn origin(&self) -> &str {
        origin_of(&self.base_url)
    }

    /// Its host, without its port.
    pub(crate) fn host(&self) -> &str {
        let place = self.base_url.split_once("://");
        host_of(place.map_or("", |(_, place)| place))
    }

    /// Whether it is reached without TLS, in a private network.
    pub(crate) fn is_private(&self) -> bool {
        is_private(&self.base_url)
    }

    /// Whether Google's service account signs in there.
    pub(crate) fn uses_account(&self) -> bool {
        self.api_key.is_none() && providers::takes_account(self.provider.0)
    }
}

/// The name for people: `openai tts-1`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.provider.name())?;
        if !self.model.is_empty() {
            write!(f, " {}", self.model)?;
        }
        Ok(())
    }
}

impl Provider {
    /// The provider called `name`.
    pub const fn called(name: &'static str) -> Self {
        Self(name)
    }

    /// The provider of `stage` that the settings call `name`, if there is one.
    pub(super) fn of(stage: &str, name: &str) -> Option<Self> {
        let all = keys::providers(stage).iter();
        all.copied().find(|word| *word == name).map(Self)
    }

    /// Its name in the settings.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// Whether its table under `stage` has this setting.
    pub(crate) fn takes(self, stage: &str, key: &str) -> bool {
        self.setting(stage, key).is_some()
    }

    /// Where its key belongs, for people: under its own name, where that is for all stages, and else under `stage`.
    pub(super) fn place_of_key(self, stage: &str, file: &Path) -> String {
        let (name, file) = (self.0, file.display());
        match keys::in_table(name, "api_key") {
            None => format!("api_key under [{stage}.{name}] in {file}"),
            Some(shared) => match keys::variable(shared) {
                Some(variable) => format!("api_key under [{name}] in {file}, or {variable}"),
                None => format!("api_key under [{name}] in {file}"),
            },
        }
    }

    /// The setting of this name in its table under `stage`, if it has one.
    pub(crate) fn setting(self, stage: &str, key: &str) -> Option<&'static Key> {
        keys::of_provider(stage, self.0, key)
    }
}

fn is_private(base_url: &str) -> bool {
    base_url.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_asked_for_where_the_settings_have_a_place_for_it() {
        let table = [
            ("openai", "api_key under [openai] in /f, or OPENAI_API_KEY"),
            ("newcomer", "api_key under [stt.newcomer] in /f"),
        ];
        for (name, place) in table {
            let endpoint = Endpoint {
                provider: Provider::called(name),
                base_url: "https://example.org".to_owned(),
                model: "m".to_owned(),
                voice: String::new(),
                api_key: None,
                is_reserve: false,
            };
            let missing = endpoint.missing("stt", "speech to text", Path::new("/f"));
            let expected = format!("no key for speech to text: set {place}");
            assert_eq!(missing, Some(expected));
        }
    }
}
