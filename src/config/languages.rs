//! What callers speak: `languages`, or what `[stt]` says more specifically.

use super::keys::{Key, setting};
use super::layers::Layers;

/// The languages that callers speak, as BCP-47 tags.
pub(super) struct Languages {
    /// The one that most of them speak.
    pub(super) first: String,
    /// Further ones.
    pub(super) others: Vec<String>,
}

impl Languages {
    pub(super) fn of(layers: &Layers) -> Self {
        let all = layers.languages(LANGUAGES);
        let first = match all.first() {
            Some(first) if !layers.is_set(LANGUAGE) => first.clone(),
            _ => layers.language(LANGUAGE),
        };
        let others = if layers.is_set(OTHERS) {
            layers.languages(OTHERS)
        } else {
            let others = all.into_iter().filter(|language| *language != first);
            others.take(MAX_OTHERS).collect()
        };
        Self { first, others }
    }
}

const LANGUAGES: &Key = setting!("languages");
const LANGUAGE: &Key = setting!("stt.language");
const OTHERS: &Key = setting!("stt.alternative_languages");

/// Google's limit.
const MAX_OTHERS: usize = 3;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::config::{Arguments, Config, Environment, Needs};

    /// What callers speak by these settings and arguments: the first language, and then the others.
    fn spoken(file: &str, arguments: &[&str]) -> String {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let place: PathBuf = folder.path().join("config.toml");
        testkit::write_secret(&place, file);
        let config = format!("config={}", place.display());
        let all = arguments.iter().copied().chain([config.as_str()]);
        let environment: Environment<'_> = &|_| None;
        let config = Config::load(Needs::Nothing, &Arguments::parse(all), environment);
        let config = config.unwrap_or_else(|faults| panic!("{file}: {:?}", faults.all()));
        assert_eq!(config.tts.language, config.stt.language, "{file}");
        let others = !config.stt.alternative_languages.is_empty();
        assert_eq!(config.tts.has_languages, others, "{file}");
        config.stt.languages().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn one_list_stands_for_both_settings_and_each_of_them_counts_instead() {
        let table = [
            ("", "en-US"),
            ("languages = ['de_DE.UTF-8']", "de-DE"),
            ("languages = ['en-US', 'fr-FR']", "en-US fr-FR"),
            (
                "languages = ['fr-FR', 'de-DE', 'it-IT', 'es-ES']",
                "fr-FR de-DE it-IT es-ES",
            ),
            (
                "languages = ['en-US', 'fr-FR']\n[stt]\nlanguage = 'fr-FR'",
                "fr-FR en-US",
            ),
            (
                "languages = ['en-US', 'fr-FR', 'it-IT', 'es-ES']\n[stt]\nlanguage = 'de-DE'",
                "de-DE en-US fr-FR it-IT",
            ),
            (
                "languages = ['en-US', 'fr-FR']\n[stt]\nalternative_languages = ['it-IT']",
                "en-US it-IT",
            ),
            (
                "[stt]\nlanguage = 'fr-FR'\nalternative_languages = ['it-IT']",
                "fr-FR it-IT",
            ),
        ];
        for (file, expected) in table {
            assert_eq!(spoken(file, &[]), expected, "{file}");
        }
    }

    #[test]
    fn what_lies_above_the_file_is_more_specific_than_all_that_it_says() {
        let kitchen = |own: &str| {
            format!(
                "languages = ['en-US', 'fr-FR']\n[stt]\nlanguage = 'fr-FR'\nalternative_languages = ['it-IT']\n\
                 [persona.kitchen]\n{own}"
            )
        };
        let table = [
            ("languages = ['de-DE']", &[][..], "de-DE"),
            (
                "languages = ['de-DE', 'es-ES']\nlanguage = 'es-ES'",
                &[],
                "es-ES de-DE",
            ),
            ("language = 'de-DE'", &[], "de-DE it-IT"),
            (
                "languages = ['de-DE', 'es-ES']",
                &["stt.language=es-ES"],
                "es-ES de-DE",
            ),
            (
                "language = 'de-DE'",
                &["languages=es-ES|it-IT"],
                "es-ES it-IT",
            ),
            (
                "",
                &["languages=es-ES|it-IT", "stt.language=it-IT"],
                "it-IT es-ES",
            ),
        ];
        for (own, arguments, expected) in table {
            let all = [arguments, &["persona=kitchen"]].concat();
            assert_eq!(spoken(&kitchen(own), &all), expected, "{own} {arguments:?}");
        }
    }
}
