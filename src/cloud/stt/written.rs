//! What a language model has written down of a recording: a transcript, or something else that must not pass as one.
//!
//! The structure that it is asked for keeps most of it out: an introduction, and words about silence. What is left is
//! told by its length, which callers cannot say in that time, and by [describing](described) the recording from
//! beginning to end. A short answer in place of the question cannot be told from a transcript here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::described;

/// The structure of what the model writes: whether anybody speaks comes first, so that it has decided before it writes.
/// See <https://ai.google.dev/gemini-api/docs/structured-output>.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schema {
    r#type: &'static str,
    properties: Properties,
    required: [&'static str; 2],
    property_ordering: [&'static str; 2],
}

#[derive(Serialize)]
struct Properties {
    has_speech: Type,
    transcript: Type,
}

#[derive(Serialize)]
struct Type {
    r#type: &'static str,
}

impl Default for Schema {
    fn default() -> Self {
        const NAMES: [&str; 2] = ["has_speech", "transcript"];
        Self {
            r#type: "OBJECT",
            properties: Properties {
                has_speech: Type { r#type: "BOOLEAN" },
                transcript: Type { r#type: "STRING" },
            },
            required: NAMES,
            property_ordering: NAMES,
        }
    }
}

#[derive(Deserialize)]
struct Written {
    has_speech: bool,
    transcript: String,
}

/// The transcript in what was written by the [`Schema`] about a recording in which somebody may speak for so long; empty
/// where nobody does.
///
/// # Errors
/// Why it is no transcript.
pub(super) fn structured(wrote: &str, spoken: Duration) -> Result<String, &'static str> {
    // Models put JSON into a fence of code although JSON alone was asked for.
    let bare = wrote.trim().trim_start_matches("```json").trim_matches('`');
    match serde_json::from_str(bare.trim()) {
        Ok(Written {
            has_speech: true,
            transcript,
        }) => plain(&transcript, spoken),
        Ok(_) => Ok(String::new()),
        Err(_) if wrote.trim().is_empty() => Ok(String::new()),
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
            assert_eq!(found.as_deref().ok(), expected, "{wrote}: {found:?}");
        }
    }

    #[test]
    fn nobody_says_more_than_25_characters_a_second() {
        for (millis, most) in [(0, 25), (500, 37), (2_000, 75), (55_000, 1_400)] {
            let spoken = Duration::from_millis(millis);
            assert!(plain(&"a".repeat(most), spoken).is_ok(), "{most}");
            assert!(plain(&"a".repeat(most + 1), spoken).is_err(), "{most}");
        }
    }
}
