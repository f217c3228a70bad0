//! OpenAI's `audio/transcriptions`, and every server that speaks it:
//! <https://platform.openai.com/docs/api-reference/audio/createTranscription>.

use serde::Deserialize;
use serde_json::Value;

use super::{Recognizer, Recording, Transcript};
use crate::cloud::access::Access;
use crate::cloud::budget::Budget;
use crate::cloud::credentials::CredentialsError;
use crate::cloud::http::{Request, Response};
use crate::cloud::json::parse;
use crate::cloud::openai::Server;
use crate::cloud::{Error, Listed, Service};
use crate::config::{Endpoint, Stt};
use crate::sys::deadline::Deadline;
use crate::sys::language::primary;

/// Makes a recognizer with these settings.
#[expect(clippy::unnecessary_wraps, reason = "others read a key file")]
pub(super) fn make(
    access: &Access,
    settings: &Stt,
    endpoint: Endpoint,
) -> Result<Box<dyn Recognizer>, CredentialsError> {
    Ok(Box::new(OpenAi {
        server: Server::new(access, endpoint, SERVICE, OWN),
        settings: settings.clone(),
    }))
}

#[derive(Debug)]
struct OpenAi {
    server: Server,
    settings: Stt,
}

impl OpenAi {
    /// The form, part by part: <https://www.rfc-editor.org/rfc/rfc7578>.
    fn body(&self, recording: Recording<'_>) -> Vec<u8> {
        let Stt {
            language,
            alternative_languages,
            phrases,
            ..
        } = &self.settings;
        let mut form = Vec::new();
        let mut add = |name: &str, value: &str| {
            let head =
                format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            form.extend_from_slice(head.as_bytes());
            form.extend_from_slice(value.as_bytes());
            form.extend_from_slice(b"\r\n");
        };
        // By its name, as no server tells which of the two forms its model takes.
        let takes_lists = self.server.endpoint.model.contains(TAKES_LISTS);
        add("model", &self.server.endpoint.model);
        add("response_format", "json");
        // A model that takes one language is told none where callers speak several: it would write down the others as
        // if they were that one.
        if alternative_languages.is_empty() {
            add("language", primary(language));
        } else if takes_lists {
            let mut codes = vec![primary(language)];
            codes.extend(alternative_languages.iter().map(|tag| primary(tag)));
            codes.sort_unstable();
            codes.dedup();
            for code in codes {
                add("languages[]", code);
            }
        }
        if takes_lists {
            for phrase in phrases {
                add("keywords[]", phrase);
            }
        } else if !phrases.is_empty() {
            add("prompt", &phrases.join(", "));
        }
        // OpenAI requires a file name with an extension, and a type, for this part.
        let file = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"question.wav\"\r\nContent-Type: audio/wav\r\n\r\n"
        );
        form.extend_from_slice(file.as_bytes());
        form.extend(recording.wav());
        form.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        form
    }
}

impl Recognizer for OpenAi {
    fn transcribe(&self, recording: Recording<'_>, budget: Budget) -> Result<Transcript, Error> {
        let (path, body) = ("audio/transcriptions", self.body(recording));
        let request = Request {
            content_type: CONTENT_TYPE,
            ..self.server.post(path, body, String::new(), MAX_ANSWER)
        };
        let budget = budget.within(self.settings.timeout);
        let response = self.server.client.send(&request, budget)?;
        transcript(&response)
    }

    fn models(&self, deadline: Deadline) -> Result<Option<Vec<Listed>>, Error> {
        self.server.models(deadline)
    }
}

/// Reads the transcript in the service's answer.
///
/// # Errors
/// [`Error::Malformed`] when it is not the JSON that the service documents.
pub(crate) fn transcript(response: &Response) -> Result<Transcript, Error> {
    // Where nothing was said, servers write null.
    if parse::<Nothing>(&response.body).is_ok() {
        return Ok(Transcript::default());
    }
    let answer: Answer = response.json(SERVICE)?;
    Ok(Transcript {
        text: answer.text.trim().to_owned(),
        language: answer.language.as_str().map(str::to_owned),
        ..Transcript::default()
    })
}

#[derive(Deserialize)]
struct Answer {
    text: String,
    /// Some servers tell it. A transcript is not discarded where it is no text.
    #[serde(default)]
    language: Value,
}

#[derive(Deserialize)]
struct Nothing {
    #[serde(rename = "text")]
    _text: (),
}

const SERVICE: Service = Service {
    name: "OpenAI's transcription",
    settings: "[stt.openai]",
    key: "api_key in [openai]",
};

/// A server in the user's own network. The key of OpenAI is never sent there.
const OWN: Service = Service {
    name: "the transcription server",
    key: "api_key in [stt.openai]",
    ..SERVICE
};

/// Part of the names of the models that take lists of languages and words; others find out the language themselves where
/// there are several, and take one text of words.
const TAKES_LISTS: &str = "gpt-transcribe";

/// A boundary of 40 bytes, which stand in nothing that a telephone records.
const BOUNDARY: &str = "phone-assistant-7d3f1c0a9b5e4826af61c9d2";
const CONTENT_TYPE: &str = "multipart/form-data; boundary=phone-assistant-7d3f1c0a9b5e4826af61c9d2";

/// Far more than the few kilobytes of text that a minute of speech has.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_of_nothing_is_empty_and_one_that_is_missing_is_none() {
        let table = [
            (r#"{"text":" yes "}"#, Some("yes")),
            (r#"{"text":""}"#, Some("")),
            (r#"{"text":null}"#, Some("")),
            ("\u{feff}{\"text\":null}", Some("")),
            (r#"{"text":null,"language":"en"}"#, Some("")),
            ("\u{feff}{\"text\":\"yes\"}", Some("yes")),
            (r#"{"text":7}"#, None),
            ("{}", None),
            ("null", None),
        ];
        for (body, expected) in table {
            let response = Response {
                content_type: "application/json".to_owned(),
                body: body.into(),
            };
            let found = transcript(&response).ok().map(|found| found.text);
            assert_eq!(found.as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn the_language_is_taken_where_it_is_told() {
        for (body, expected) in [
            (r#"{"text":"oui","language":"fr"}"#, Some("fr")),
            (r#"{"text":"oui","language":7}"#, None),
            (r#"{"text":"oui"}"#, None),
        ] {
            let response = Response {
                content_type: "application/json".to_owned(),
                body: body.into(),
            };
            let found = transcript(&response).expect("a transcript").language;
            assert_eq!(found.as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn the_boundary_is_the_one_that_the_type_names() {
        assert!(CONTENT_TYPE.ends_with(&format!("boundary={BOUNDARY}")));
    }
}
