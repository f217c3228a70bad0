//! Whose key a text is, by its form, and whether its service takes it, by a request that costs nothing: for the list of
//! its models.

use std::path::PathBuf;
use std::sync::Arc;

use super::Error;
use crate::cloud;
use crate::cloud::google_auth::ServiceAccount;
use crate::config::{Config, Job, Secret, pasted_key};
use crate::services::Maker;
use crate::sys::deadline::Deadline;
use crate::sys::hangup::Hangup;
use crate::sys::pasted;

use super::file::SettingsFile;

/// A key of one of the services.
pub(super) enum Key {
    Gemini(Secret),
    OpenAi(Secret),
    /// The key file of a service account, of which only the private key is secret, and who that is.
    Account(String, Arc<ServiceAccount>),
}

impl Key {
    /// # Errors
    /// That it is none that is known; nothing of the text is quoted.
    pub(super) fn recognize(text: &str) -> Result<Self, Error> {
        if pasted::unwrapped(text).starts_with('{') {
            let account = ServiceAccount::parse(text.as_bytes(), "what was given".to_owned())?;
            return Ok(Self::Account(text.to_owned(), account));
        }
        let unknown = |found: &str| Error::UnknownKey(found.to_owned());
        let key = pasted_key(text).map_err(|found| unknown(&found))?;
        let begins = |beginnings: &[&str]| {
            let key = key.expose();
            beginnings
                .iter()
                .any(|beginning| key.starts_with(beginning))
        };
        match key.expose().len() {
            0 => Err(unknown("nothing")),
            1..SHORTEST => Err(unknown("a text that is too short")),
            // Keys that are bound to a service account begin with `AQ.`, the older standard keys with `AIza`:
            // <https://ai.google.dev/gemini-api/docs/api-key>.
            _ if begins(&["AQ.", "AIza"]) => Ok(Self::Gemini(key)),
            _ if begins(&["sk-"]) => Ok(Self::OpenAi(key)),
            _ => Err(unknown("another beginning")),
        }
    }

    /// For people.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Gemini(_) => "Gemini",
            Self::OpenAi(_) => "OpenAI",
            Self::Account(..) => "Google (service account)",
        }
    }

    /// Puts it where the settings have it.
    pub(super) fn put_into(&self, settings: &mut SettingsFile) -> Result<(), Error> {
        match self {
            Self::Gemini(key) => settings.set("gemini.api_key", key.expose())?,
            Self::OpenAi(key) => settings.set("openai.api_key", key.expose())?,
            Self::Account(..) => {}
        }
        Ok(())
    }

    /// Asks the service for its models with this key, at the address that the settings have for it. Returns how many
    /// there are; `None` where that is a server of one's own or one with a key of its own, which gets no other key.
    pub(super) fn try_out(
        &self,
        text: &str,
        file: PathBuf,
        deadline: Deadline,
    ) -> Result<Option<usize>, Error> {
        let mut settings = SettingsFile::parse(text)?;
        for (name, value) in self.alone() {
            settings.set(name, value)?;
        }
        // Where the stage has a key of its own, its address may be another company's.
        let is_own = |name: &str| name.matches('.').count() == 2 && name.contains(".api_key");
        let has_own_key = settings
            .changes()
            .iter()
            .any(|change| is_own(&change.name) && !change.before.is_empty());
        // What else is missing does not matter here, and no key of the environment is meant.
        let config = Config::of_text(Job::Calls, &settings.text(), file, &|_| None);
        let config = config.unwrap_or_else(|faults| *faults.understood);
        let maker = Maker::new(&config, &Hangup::default()).map_err(Error::Setup)?;
        let maker = maker.for_lists();
        if let Self::Account(_, account) = self {
            maker.know(account.clone());
        }
        let listed = if let Self::OpenAi(_) = self {
            let recognizers = maker.recognizers().map_err(Error::Setup)?;
            let candidate = &recognizers.candidates()[0];
            if candidate.endpoint.is_private() || has_own_key {
                return Ok(None);
            }
            candidate.provider.models(deadline)
        } else {
            let models = maker.models().map_err(Error::Setup)?;
            if has_own_key {
                return Ok(None);
            }
            models.candidates()[0].provider.models(deadline)
        };
        let listed = listed.map_err(|source| self.refused(source))?;
        Ok(Some(listed.map_or(0, |models| models.len())))
    }

    /// The settings by which this key alone is used.
    fn alone(&self) -> Vec<(&'static str, &str)> {
        let (shared, stage) = match self {
            Self::OpenAi(key) => (("openai.api_key", key.expose()), "stt"),
            Self::Gemini(key) => (("gemini.api_key", key.expose()), "llm"),
            Self::Account(..) => (("gemini.api_key", ""), "llm"),
        };
        let mut all = vec![shared];
        all.extend(match stage {
            "stt" => [
                ("stt.provider", "openai"),
                ("stt.openai.api_key", ""),
                ("stt.openai.api_key_file", ""),
            ],
            _ => [
                ("llm.provider", "gemini"),
                ("llm.gemini.api_key", ""),
                ("llm.gemini.api_key_file", ""),
            ],
        });
        if let Self::Account(..) = self {
            all.push(("gemini.api_key_file", ""));
        }
        all
    }

    fn refused(&self, source: cloud::Error) -> Error {
        Error::Refused {
            kind: self.kind(),
            source,
        }
    }
}

/// The last four characters, by which people tell their keys apart.
pub(super) fn ending(key: &str) -> String {
    let chars: Vec<char> = key.chars().collect();
    match chars.len() {
        0 => "none".to_owned(),
        1..SHORTEST => "…".to_owned(),
        len => format!("…{}", chars[len - 4..].iter().collect::<String>()),
    }
}

/// Shorter than any key of these services.
const SHORTEST: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::error::Chain;

    const ACCOUNT: &str = include_str!("../../../tests/data/throwaway-service-account.json");

    #[test]
    fn a_key_is_known_by_its_form_and_never_quoted() {
        let table = [
            ("AQ.Ab8RN6I0123456789abcdef", Ok("Gemini")),
            ("AIzaSyA0123456789abcdefghi", Ok("Gemini")),
            (" \"AQ.Ab8RN6I0123456789abcdef\"\n", Ok("Gemini")),
            ("GEMINI_API_KEY=AQ.Ab8RN6I0123456789abcdef", Ok("Gemini")),
            ("sk-proj-0123456789abcdef", Ok("OpenAI")),
            (ACCOUNT, Ok("Google (service account)")),
            ("", Err("found nothing")),
            ("AQ.", Err("too short")),
            ("sk-hidden", Err("too short")),
            ("gsk_hidden0123456789abcdef", Err("another beginning")),
            ("AQ.hidden0123456789\nabcdef", Err("more than one line")),
            ("{\"installed\": {\"a\": \"hidden\"}}", Err("OAuth client")),
        ];
        for (text, expected) in table {
            match (Key::recognize(text), expected) {
                (Ok(key), Ok(kind)) => assert_eq!(key.kind(), kind),
                (Err(error), Err(part)) => {
                    let error = Chain(&error).to_string();
                    assert!(error.contains(part), "{error}");
                    assert!(!error.contains("hidden"), "{error}");
                }
                (found, _) => panic!("{text}: {}", found.is_ok()),
            }
        }
    }

    #[test]
    fn of_a_key_only_the_end_is_shown() {
        for (key, expected) in [
            ("AQ.Ab8RN6I0123456789wxyz", "…wxyz"),
            ("short", "…"),
            ("", "none"),
        ] {
            assert_eq!(ending(key), expected);
        }
    }
}
