//! What a language model has written down of a recording: a transcript, or something else that must not pass as one.
//!
//! The structure that it is asked for keeps most of it out: an introduction, and words about silence. What is left is
//! told by its length, which callers cannot say in that time, and by [describing](described) the recording from
//! beginning to end. A short answer in place of the question cannot be told from a transcript here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::described;

/// The structure of what the model writes: whether anybody speaks comes first, so that it has decided before it writes;
/// and last in which of several languages.
/// See <https://ai.google.dev/gemini-api/docs/structured-output>.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schema<'a> {
    r#type: &'static str,
    properties: Properties<'a>,
    required: &'static [&'static str],
    property_ordering: &'static [&'static str],
}

#[derive(Serialize)]
struct Properties<'a> {
    has_speech: Type<'a>,
    transcript: Type<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<Type<'a>>,
}

#[derive(Serialize)]
struct Type<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    r#enum: Vec<&'a str>,
}

impl<'a> Schema<'a> {
    /// For callers who speak one of these languages.
    pub(super) fn of(languages: impl Iterator<Item = &'a str>) -> Self {
        const NAMES: &[&str] = &["has_speech", "transcript", "language"];
        let of_type = |r#type| Type {
            r#type,
            r#enum: Vec::new(),
        };
        let languages: Vec<_> = languages.collect();
        let are_several = languages.len() > 1;
        let names = if are_several { NAMES } else { &NAMES[..2] };
        Self {
            r#type: "OBJECT",
            properties: Properties {
                has_speech: of_type("BOOLEAN"),
                transcript: of_type("STRING"),
                language: are_several.then_some(Type {
                    r#enum: languages,
                    ..of_type("STRING")
                }),
            },
            required: names,
            property_ordering: names,
        }
    }
}

#[derive(Deserialize)]
struct Written {
    has_speech: bool,
    transcript: String,
    language: Option<String>,
}

/// The transcript in what a model wrote by the [`Schema`] about a recording with `spoken` of speech at most, empty where
/// there is none; and its language, if that was asked for.
///
/// # Errors
/// Why it is no transcript.
pub(super) fn structured(
    wrote: &str,
    spoken: Duration,
) -> Result<(String, Option<String>), &'static str> {
    // Models put JSON into a fence of code although JSON alone was asked for.
    let bare = wrote.trim().trim_start_matches("```json").trim_matches('`');
    match serde_json::from_str(bare.trim()) {
        Ok(Written {
            has_speech: true,
            transcript,
            language,
        }) => Ok((plain(&transcript, spoken)?, language)),
        Ok(_) => Ok(NOTHING),
        Err(_) if wrote.trim().is_empty() => Ok(NOTHING),
        Err(_) => Err("it is not the JSON that was asked for"),
    }
}

/// The transcript in what was written without any structure.
///
/// # Errors
/// Why it is no transcript.
pub(super) fn plain(wrote: &str, spoken: Duration) -> Result<String, &'static str> {
    let text = wrote.trim();
    if described::describes(text) {
        return Err("it describes the recording");
    }
    if text.chars().count() > max_chars(spoken) {
        return Err("nobody says so much in so short a time");
    }
    Ok(text.to_owned())
}

/// The most characters that are said in this time, in which short words that noise hides may be missing.
fn max_chars(spoken: Duration) -> usize {
    let millis = CHARS_A_SECOND * (spoken + MARGIN).as_millis();
    usize::try_from(millis / 1000).unwrap_or(usize::MAX)
}

/// Nobody has said anything.
const NOTHING: (String, Option<String>) = (String::new(), None);

/// An auctioneer's; most people say 15.
const CHARS_A_SECOND: u128 = 25;
const MARGIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_SECONDS: Duration = Duration::from_secs(2);

    #[test]
    fn only_what_was_said_is_a_transcript() {
        let said = |text: &str| format!(r#"{{"has_speech": true, "transcript": {text:?}}}"#);
        let table = [
            (
                said("How far away is the moon?"),
                Some("How far away is the moon?"),
            ),
            (
                said(" Wie weit ist der Mond? "),
                Some("Wie weit ist der Mond?"),
            ),
            (said("I can't hear you."), Some("I can't hear you.")),
            (
                said("I don't hear any dial tone."),
                Some("I don't hear any dial tone."),
            ),
            (said("No."), Some("No.")),
            (format!("```json\n{}\n```", said("Four.")), Some("Four.")),
            (
                r#"{"has_speech": false, "transcript": ""}"#.to_owned(),
                Some(""),
            ),
            (
                r#"{"has_speech": false, "transcript": "Noise is heard."}"#.to_owned(),
                Some(""),
            ),
            (String::new(), Some("")),
            ("Sure! Here is the transcript: Four.".to_owned(), None),
            ("How far away is the moon?".to_owned(), None),
            (r#"{"transcript": "Four."}"#.to_owned(), None),
            (
                "{\"has_speech\": true, \"transcript\": \"Fo".to_owned(),
                None,
            ),
            (said("The caller asks how far away the moon is."), None),
            (said("**Transcript:** Four."), None),
            (said("I hear no speech in this recording."), None),
            (said("(The recording contains only noise.)"), None),
            (said("“Sure! Here’s the transcript: four.”"), None),
        ];
        for (wrote, expected) in table {
            let found = structured(&wrote, TWO_SECONDS);
            let text = found.as_ref().ok().map(|(text, _)| text.as_str());
            assert_eq!(text, expected, "{wrote}: {found:?}");
        }
    }

    #[test]
    fn a_language_is_asked_for_where_there_are_several() {
        let of = |languages: &[&str]| {
            serde_json::to_value(Schema::of(languages.iter().copied())).expect("JSON")
        };
        assert_eq!(of(&["de-DE"])["properties"].get("language"), None);
        let several = of(&["de-DE", "fr-FR"]);
        let expected = serde_json::json!({"type": "STRING", "enum": ["de-DE", "fr-FR"]});
        assert_eq!(several["properties"]["language"], expected);
        assert_eq!(several["required"][2], "language");
        let wrote = r#"{"has_speech": true, "transcript": "Oui.", "language": "fr-FR"}"#;
        let told = structured(wrote, TWO_SECONDS).expect("a transcript");
        assert_eq!(told, ("Oui.".to_owned(), Some("fr-FR".to_owned())));
    }

    #[test]
    fn nobody_says_more_than_25_characters_a_second() {
        for (millis, max) in [(0, 25), (500, 37), (2_000, 75), (55_000, 1_400)] {
            let spoken = Duration::from_millis(millis);
            assert!(plain(&"a".repeat(max), spoken).is_ok(), "{max}");
            assert!(plain(&"a".repeat(max + 1), spoken).is_err(), "{max}");
        }
    }
}
