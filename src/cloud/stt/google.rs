//! Google Speech-to-Text v1, `speech:recognize`:
//! <https://cloud.google.com/speech-to-text/docs/reference/rest/v1/speech/recognize>.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Recognizer, Recording, Transcript};
use crate::cloud::access::Access;
use crate::cloud::budget::Budget;
use crate::cloud::credentials::CredentialsError;
use crate::cloud::google_auth;
use crate::cloud::google_auth::ServiceAccount;
use crate::cloud::http::{Auth, Client, Request, Response};
use crate::cloud::refusal::google_duration;
use crate::cloud::{Error, Listed, Service};
use crate::config::{Endpoint, Stt};
use crate::sys::deadline::Deadline;

/// Makes a recognizer with these settings.
///
/// # Errors
/// [`CredentialsError`] of the service account.
pub(super) fn make(
    access: &Access,
    settings: &Stt,
    endpoint: Endpoint,
) -> Result<Box<dyn Recognizer>, CredentialsError> {
    Ok(Box::new(Google {
        client: access.client.clone(),
        account: access.account()?,
        settings: settings.clone(),
        endpoint,
    }))
}

#[derive(Debug)]
struct Google {
    client: Client,
    account: Arc<ServiceAccount>,
    settings: Stt,
    endpoint: Endpoint,
}

impl Google {
    fn body(&self, recording: Recording<'_>) -> Vec<u8> {
        // Samples without a header, at their own rate: the fields would have to agree with a WAV file's header or the
        // request is refused, and Google asks that nothing is resampled.
        let bytes: Vec<u8> = recording
            .samples
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        let phrases = Some(&self.settings.phrases).filter(|phrases| !phrases.is_empty());
        let question = Question {
            config: RecognitionConfig {
                encoding: "LINEAR16",
                sample_rate_hertz: recording.rate_hz,
                language_code: &self.settings.language,
                alternative_language_codes: &self.settings.alternative_languages,
                model: &self.endpoint.model,
                enable_automatic_punctuation: self.settings.punctuation,
                speech_contexts: phrases
                    .map(|phrases| SpeechContext { phrases })
                    .into_iter()
                    .collect(),
            },
            audio: Audio {
                content: BASE64_STANDARD.encode(bytes),
            },
        };
        // Plain strings and numbers: there is nothing in it that JSON cannot hold.
        serde_json::to_vec(&question).unwrap_or_default()
    }
}

impl Recognizer for Google {
    fn transcribe(&self, recording: Recording<'_>, budget: Budget) -> Result<Transcript, Error> {
        let request = Request {
            service: SERVICE,
            url: format!("{}/v1/speech:recognize", self.endpoint.base_url),
            auth: Auth::None,
            content_type: "application/json",
            body: Some(self.body(recording).into()),
            words: String::new(),
            max_bytes: MAX_ANSWER,
        };
        let budget = budget.within(self.settings.timeout);
        let send = |request: &Request, budget: Budget| self.client.send(request, budget);
        let response = self
            .account
            .send(&self.client, request, AUDIENCE, budget, send)?;
        transcript(&response)
    }

    fn models(&self, _: Deadline) -> Result<Option<Vec<Listed>>, Error> {
        Ok(None)
    }
}

/// Reads the transcript in the service's answer.
///
/// # Errors
/// [`Error::Malformed`] when it is not the JSON that the service documents.
pub fn transcript(response: &Response) -> Result<Transcript, Error> {
    let answer: Answer = response.json(SERVICE)?;
    Ok(Transcript {
        text: answer.transcript(),
        language: answer.language(),
        billed: answer.total_billed_time.as_str().and_then(google_duration),
        ..Transcript::default()
    })
}

#[derive(Serialize)]
struct Question<'a> {
    config: RecognitionConfig<'a>,
    audio: Audio,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecognitionConfig<'a> {
    encoding: &'static str,
    sample_rate_hertz: u32,
    language_code: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    alternative_language_codes: &'a [String],
    model: &'a str,
    enable_automatic_punctuation: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    speech_contexts: Vec<SpeechContext<'a>>,
}

#[derive(Serialize)]
struct SpeechContext<'a> {
    phrases: &'a [String],
}

#[derive(Serialize)]
struct Audio {
    content: String,
}

/// The answer. Proto3's JSON leaves out whatever is empty, so every field may be missing.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answer {
    /// A text; an answer is not discarded where it is something else.
    total_billed_time: Value,
    results: Vec<SpeechRecognitionResult>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SpeechRecognitionResult {
    alternatives: Vec<Alternative>,
    #[serde(rename = "languageCode")]
    language_code: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Alternative {
    transcript: String,
}

impl Answer {
    /// The language in which the first words were said.
    fn language(&self) -> Option<String> {
        let mut codes = self.results.iter().map(|result| &result.language_code);
        let code = codes.find_map(|code| code.as_str().filter(|code| !code.is_empty()));
        code.map(str::to_owned)
    }

    /// The best words of all results, which are "sequential portions of audio"; a later one brings its own space.
    fn transcript(&self) -> String {
        let best = self
            .results
            .iter()
            .filter_map(|result| result.alternatives.first());
        best.map(|alternative| alternative.transcript.as_str())
            .collect::<String>()
            .trim()
            .to_owned()
    }
}

const SERVICE: Service = Service {
    name: "Google Speech-to-Text",
    settings: "[stt.google]",
    key: google_auth::KEY,
};

/// The audience for which Google's own client signs, also for a regional address.
const AUDIENCE: &str = "https://speech.googleapis.com/";

/// Far more than the few kilobytes of text that a minute of speech has.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_not_thrown_away_for_what_is_said_beside_it() {
        for beside in [
            r#""totalBilledTime": 15"#,
            r#""totalBilledTime": null"#,
            r#""requestId": null"#,
        ] {
            let body = format!(
                r#"{{"results": [{{"alternatives": [{{"transcript": "yes"}}]}}, {{"alternatives": null}}], {beside}}}"#
            );
            let response = Response {
                content_type: String::new(),
                body: body.into_bytes(),
            };
            let transcript = transcript(&response).expect("an answer");
            assert_eq!(
                (transcript.text.as_str(), transcript.billed),
                ("yes", None),
                "{beside}"
            );
        }
    }

    #[test]
    fn documented_answers_become_one_transcript() {
        let table = [
            (
                r#"{"results":[{"alternatives":[{"transcript":"how old is the Brooklyn Bridge","confidence":0.98}],"resultEndTime":"1.770s","languageCode":"en-us"}],"totalBilledTime":"15s","requestId":"123"}"#,
                "how old is the Brooklyn Bridge",
            ),
            (
                r#"{"results":[{"alternatives":[{"transcript":"one"},{"transcript":"won"}]},{"alternatives":[{"transcript":" two"}]}]}"#,
                "one two",
            ),
            (
                r#"{"results":[{"alternatives":[{"transcript":"一"}]},{"alternatives":[{"transcript":"二"}]}]}"#,
                "一二",
            ),
            (r#"{"totalBilledTime":"15s","requestId":"123"}"#, ""),
            ("{}", ""),
            (r#"{"results":[{"alternatives":[{}]},{}]}"#, ""),
        ];
        for (body, expected) in table {
            let answer: Answer = serde_json::from_str(body).expect(body);
            assert_eq!(answer.transcript(), expected);
        }
    }
}
