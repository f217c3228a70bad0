//! The names of the services' voices, by which it is known whose a voice is where the settings do not say.

use crate::sys::language::is_same;

/// Whether it begins with a language and a country, as Google's voices do: `en-US-Wavenet-D`.
pub(super) fn is_of_google(voice: &str) -> bool {
    let mut parts = voice.split('-');
    let mut part = |lengths: std::ops::RangeInclusive<usize>| {
        let fits = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric());
        parts
            .next()
            .is_some_and(|part| lengths.contains(&part.len()) && fits(part))
    };
    part(2..=3) && part(2..=4) && parts.count() >= 2
}

/// Google's voice for callers who speak `language`, where `voice` is the configured one: that one, if it speaks the
/// language, of whatever region; else the one that sounds like it; empty, which stands for any, where there is none.
pub(crate) fn of_google_in(language: &str, voice: &str) -> String {
    let is_alike = |other: &str| is_same(other, language);
    if is_alike(voice) {
        return voice.to_owned();
    }
    let all = || CHIRP_LANGUAGES.iter();
    let exact = all().find(|other| other.eq_ignore_ascii_case(language));
    let name = voice.split_once(CHIRP).map(|(_, name)| name);
    match (name, exact.or_else(|| all().find(|other| is_alike(other)))) {
        (Some(name), Some(language)) => format!("{language}{CHIRP}{name}"),
        _ => String::new(),
    }
}

/// Whether Google has voices in `language` of the kind that is there in several languages.
fn has_chirp(language: &str) -> bool {
    CHIRP_LANGUAGES.iter().any(|other| is_same(other, language))
}

/// Whether Google's voice of this name is replaced by another where callers speak `language`, and one of the kind
/// `Chirp3-HD` would not be.
pub(super) fn is_replaced_in(language: &str, voice: &str) -> bool {
    !voice.is_empty() && of_google_in(language, voice).is_empty() && has_chirp(language)
}

/// The language in the name of a voice or a model that is made as Piper's are, which speak one each:
/// `de_DE-thorsten-medium`, `speaches-ai/piper-de_DE-thorsten-low`.
pub(super) fn of_piper(name: &str) -> Option<&str> {
    name.split(['-', '/']).find(|part| {
        let is = |part: &str, fits: fn(&char) -> bool| {
            part.chars().count() == 2 && part.chars().all(|c| fits(&c))
        };
        let tag = part.split_once('_');
        tag.is_some_and(|(language, region)| {
            is(language, char::is_ascii_lowercase) && is(region, char::is_ascii_uppercase)
        })
    })
}

/// How many of OpenAI's `tts-1` has.
pub(super) const OF_TTS_1: usize = 9;

/// <https://developers.openai.com/api/docs/guides/text-to-speech>.
pub(super) const OPENAI: &[&str] = &[
    "alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "ballad", "cedar",
    "marin", "verse",
];

/// <https://ai.google.dev/gemini-api/docs/speech-generation>.
pub(super) const GEMINI: &[&str] = &[
    "Achernar",
    "Achird",
    "Algenib",
    "Algieba",
    "Alnilam",
    "Aoede",
    "Autonoe",
    "Callirrhoe",
    "Charon",
    "Despina",
    "Enceladus",
    "Erinome",
    "Fenrir",
    "Gacrux",
    "Iapetus",
    "Kore",
    "Laomedeia",
    "Leda",
    "Orus",
    "Puck",
    "Pulcherrima",
    "Rasalgethi",
    "Sadachbia",
    "Sadaltager",
    "Schedar",
    "Sulafat",
    "Umbriel",
    "Vindemiatrix",
    "Zephyr",
    "Zubenelgenubi",
];

/// What stands between the language and the name in Google's voices of which each speaks many languages.
const CHIRP: &str = "-Chirp3-HD-";

/// The languages of those, of each language first the region that stands for regions which are not there:
/// <https://cloud.google.com/text-to-speech/docs/chirp3-hd>.
const CHIRP_LANGUAGES: &[&str] = &[
    "ar-XA", "bn-IN", "cmn-CN", "da-DK", "de-DE", "en-US", "en-GB", "en-AU", "en-IN", "es-ES",
    "es-US", "fi-FI", "fr-FR", "fr-CA", "gu-IN", "hi-IN", "id-ID", "it-IT", "ja-JP", "kn-IN",
    "ko-KR", "ml-IN", "mr-IN", "nb-NO", "nl-NL", "nl-BE", "pl-PL", "pt-BR", "ru-RU", "sv-SE",
    "sw-KE", "ta-IN", "te-IN", "th-TH", "tr-TR", "uk-UA", "ur-IN", "vi-VN",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_of_google_is_the_same_in_another_language_where_that_has_it() {
        let table = [
            ("en-US-Chirp3-HD-Charon", "fr-FR", "fr-FR-Chirp3-HD-Charon"),
            ("en-US-Chirp3-HD-Charon", "fr-fr", "fr-FR-Chirp3-HD-Charon"),
            ("en-US-Chirp3-HD-Charon", "is-IS", ""),
            ("en-US-Wavenet-D", "en-US", "en-US-Wavenet-D"),
            ("en-US-Wavenet-D", "en-GB", "en-US-Wavenet-D"),
            ("en-US-Wavenet-D", "fr-FR", ""),
            ("de-DE-Chirp3-HD-Charon", "de-CH", "de-DE-Chirp3-HD-Charon"),
            ("de-DE-Chirp3-HD-Charon", "fr-CH", "fr-FR-Chirp3-HD-Charon"),
            ("de-DE-Chirp3-HD-Charon", "fr-CA", "fr-CA-Chirp3-HD-Charon"),
            ("de-DE-Chirp3-HD-Charon", "en", "en-US-Chirp3-HD-Charon"),
            ("ent-US-Wavenet-D", "en-US", ""),
            ("", "fr-FR", ""),
        ];
        for (voice, language, expected) in table {
            assert_eq!(
                of_google_in(language, voice),
                expected,
                "{voice} {language}"
            );
        }
    }
}
