//! Whose key a text is, by its form, and whether its service takes it, by a request that costs nothing: for the list of
//! its models.

use std::path::PathBuf;
use std::sync::Arc;

use super::error::Error;
use crate::cloud::fallback::Fallback;
use crate::cloud::google_auth::ServiceAccount;
use crate::cloud::{self, Listed};
use crate::config::providers::{Row, SetupKey, WITH_KEY, key_kind};
use crate::config::{Config, Needs, Secret, keys, pasted_key};
use crate::services::{Maker, SetupError};
use crate::sys::deadline::Deadline;
use crate::sys::hangup::Hangup;
use crate::sys::pasted;

use super::file::SettingsFile;

/// A key of one of the services.
pub(super) enum Key {
    /// The key of a provider, and what is known of such keys.
    Of(&'static Row, &'static SetupKey, Secret),
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
        match key.expose().len() {
            0 => Err(unknown("nothing")),
            1..SHORTEST => Err(unknown("a text that is too short")),
            _ => {
                let found = key_kind(key.expose());
                let (row, known) = found.ok_or_else(|| unknown("another beginning"))?;
                Ok(Self::Of(row, known, key))
            }
        }
    }

    /// For people.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Of(_, known, _) => known.vendor,
            Self::Account(..) => "Google (service account)",
        }
    }

    /// The stage and the provider by which it is tried. A service account has no other list of models than Gemini's.
    pub(super) fn tried(&self) -> (&'static str, &'static str) {
        match self {
            Self::Of(row, ..) => (row.stage, row.name),
            Self::Account(..) => ("llm", "gemini"),
        }
    }

    /// Puts it where the settings have it.
    pub(super) fn put_into(&self, settings: &mut SettingsFile) -> Result<(), Error> {
        if let Self::Of(_, known, key) = self {
            settings.set(keys::named(known.setting), key.expose())?;
        }
        Ok(())
    }

    /// Asks the service for its models with this key, at the address that the settings have for it. Returns how many
    /// there are; `None` where that is a server of one's own or one with a key of its own, which gets no other key, and where
    /// the service has no list.
    pub(super) fn try_out(
        &self,
        text: &str,
        file: PathBuf,
        deadline: Deadline,
    ) -> Result<Option<usize>, Error> {
        let mut settings = SettingsFile::parse(text)?;
        self.put_alone_into(&mut settings)?;
        // Where the stage has a key of its own, its address may be another company's.
        let is_own = |name: &str| name.matches('.').count() == 2 && name.contains(".api_key");
        let has_own_key = settings
            .changes()
            .iter()
            .any(|change| is_own(change.setting.name) && !change.before.is_empty());
        // What else is missing does not matter here, and no key of the environment is meant.
        let config = Config::of_text(Needs::Nothing, &settings.text(), file, &|_| None);
        let config = config.unwrap_or_else(|faults| *faults.understood);
        let maker = Maker::new(&config, &Hangup::default()).map_err(Error::Setup)?;
        let maker = maker.for_lists();
        if let Self::Account(_, account) = self {
            maker.use_account(account.clone());
        }
        let listed = match self.tried().0 {
            "stt" => list(maker.recognizers(), has_own_key, |one| one.models(deadline)),
            "llm" => list(maker.models(), has_own_key, |one| one.models(deadline)),
            _ => list(maker.voices(), has_own_key, |one| one.models(deadline)),
        };
        let listed = listed.map_err(Error::Setup)?;
        let listed = listed.transpose().map_err(|source| self.refused(source))?;
        Ok(listed.flatten().map(|models| models.len()))
    }

    /// Changes the settings so that only this key is used.
    fn put_alone_into(&self, settings: &mut SettingsFile) -> Result<(), Error> {
        let (stage, provider) = self.tried();
        if let Some(choice) = keys::in_table(stage, "provider") {
            settings.set(choice, provider)?;
        }
        for name in ["api_key_file", "api_key"] {
            let own = keys::of_provider(stage, provider, name);
            for key in own.into_iter().chain(keys::in_table(provider, name)) {
                settings.set(key, "")?;
            }
        }
        self.put_into(settings)
    }

    fn refused(&self, source: cloud::Error) -> Error {
        Error::Refused {
            kind: self.kind(),
            source,
        }
    }
}

/// Has the first provider asked for its list, unless it is another company's or a server of one's own.
///
/// # Errors
/// Why no provider was made.
fn list<P: ?Sized>(
    made: Result<Fallback<P>, SetupError>,
    is_other: bool,
    ask: impl Fn(&P) -> Listing,
) -> Result<Option<Listing>, SetupError> {
    let made = made?;
    let first = &made.candidates()[0];
    let is_other = is_other || first.endpoint.is_private();
    Ok((!is_other).then(|| ask(&first.provider)))
}

type Listing = Result<Option<Vec<Listed>>, cloud::Error>;

/// How the keys begin that are known: "Gemini's begin with AQ. or AIza, OpenAI's with sk-".
pub(super) fn beginnings() -> String {
    let mut told = String::new();
    for (_, known) in WITH_KEY {
        let (comma, begin) = if told.is_empty() {
            ("", "begin with ")
        } else {
            (", ", "with ")
        };
        let beginnings = known.beginnings.join(" or ");
        told += &[comma, known.vendor, "'s ", begin, &beginnings].concat();
    }
    told
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
