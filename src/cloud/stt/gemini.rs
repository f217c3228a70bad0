//! Gemini's `generateContent` with the sound in the request: <https://ai.google.dev/gemini-api/docs/audio>.
//!
//! A general model would as soon answer a caller as write down what they say. So it is told its task, writes JSON in
//! which it says first whether anybody speaks, and what it writes is held to what was heard: see [`written`].

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use log::debug;
use serde::Serialize;

use super::written::{self, Schema};
use super::{Recognizer, Recording, Transcript};
use crate::cloud::access::Access;
use crate::cloud::budget::Budget;
use crate::cloud::credentials::CredentialsError;
use crate::cloud::gemini::wire::{Body, Part, Reply, Thinking, Turn};
use crate::cloud::gemini::{Gemini, KEY, TOKENS_A_SECOND, max_written};
use crate::cloud::google_auth;
use crate::cloud::{Error, Listed, Service, Tokens};
use crate::config::{Endpoint, Stt};
use crate::sys::deadline::Deadline;

/// Makes a recognizer with these settings.
///
/// # Errors
/// [`CredentialsError`] where the service account signs in.
pub(super) fn make(
    access: &Access,
    settings: &Stt,
    endpoint: Endpoint,
) -> Result<Box<dyn Recognizer>, CredentialsError> {
    Ok(Box::new(GeminiRecognizer {
        instruction: instruction(settings),
        gemini: Gemini::new(access, endpoint, SERVICE, KEY)?,
        settings: settings.clone(),
    }))
}

#[derive(Debug)]
struct GeminiRecognizer {
    gemini: Gemini,
    settings: Stt,
    /// What a general model is told of its task.
    instruction: String,
}

impl GeminiRecognizer {
    fn body(&self, sound: String, length: Duration, thinking: Option<Thinking>) -> Vec<u8> {
        if self.gemini.endpoint.only_transcribes() {
            return Body {
                system_instruction: None,
                contents: vec![Turn::user(vec![Part::wav(sound)])],
                tools: None,
                generation_config: GenerationConfig {
                    audio_transcription_config: Some(AudioTranscriptionConfig::of(&self.settings)),
                    ..GenerationConfig::default()
                },
            }
            .bytes();
        }
        Body {
            system_instruction: Some(Turn::instruction(&self.instruction)),
            contents: vec![Turn::user(vec![Part::wav(sound), Part::text(TASK)])],
            tools: None,
            generation_config: GenerationConfig {
                max_output_tokens: Some(max_written(length)),
                response_mime_type: Some("application/json"),
                response_schema: Some(Schema::of(self.settings.languages())),
                thinking_config: thinking,
                audio_transcription_config: None,
            },
        }
        .bytes()
    }
}

impl Recognizer for GeminiRecognizer {
    fn transcribe(&self, recording: Recording<'_>, budget: Budget) -> Result<Transcript, Error> {
        let budget = budget.within(self.settings.timeout);
        let sound = BASE64_STANDARD.encode(recording.wav());
        let length = recording.length();
        let ask = |thinking| {
            let body = self.body(sound.clone(), length, thinking);
            self.gemini.send(body, MAX_ANSWER, budget)
        };
        // Thinking counts against `maxOutputTokens`, which is set by what can be said in the recording's length.
        let reply: Reply = self.gemini.thinking("least", ask)?.json(SERVICE)?;
        let wrote = words(&reply).map_err(|error| error.billed(reply.tokens()))?;
        let read = if self.gemini.endpoint.only_transcribes() {
            written::plain(&wrote, recording.spoken).map(|text| (text, None))
        } else {
            written::structured(&wrote, recording.spoken)
        };
        // What is no transcript counts as no words heard: whether there were any is known once another recognizer has
        // heard some.
        let (text, language) = read.unwrap_or_else(|why| {
            debug!("{} wrote no transcript: {why}", SERVICE.name);
            Default::default()
        });
        let estimate = Tokens {
            output: text.len().try_into().unwrap_or(u64::MAX),
            ..self.max_tokens(length)
        };
        Ok(Transcript {
            text,
            language,
            billed: None,
            tokens: reply.tokens().unwrap_or(estimate),
        })
    }

    fn max_tokens(&self, length: Duration) -> Tokens {
        let told = if self.gemini.endpoint.only_transcribes() {
            self.settings.phrases.iter().map(String::len).sum()
        } else {
            let languages = self.settings.languages().map(str::len).sum::<usize>();
            self.instruction.len() + TASK.len() + languages
        };
        Tokens {
            input: TOKENS_A_SECOND * (length.as_secs() + 1)
                + u64::try_from(told).unwrap_or(u64::MAX)
                + SCHEMA_TOKENS,
            output: max_written(length).into(),
        }
    }

    fn models(&self, deadline: Deadline) -> Result<Option<Vec<Listed>>, Error> {
        self.gemini.models(deadline)
    }
}

/// What the model has written.
///
/// # Errors
/// [`Error::Empty`] where it has not answered, [`Error::Failed`] where it stopped for a reason of its own: another
/// recognizer may do better, also where it withholds what was said.
fn words(reply: &Reply) -> Result<String, Error> {
    match reply.reason() {
        _ if !reply.has_answer() => Err(Error::Empty {
            service: SERVICE.name,
            remedy: "that happens now and then; if it persists, choose another model in [stt.gemini]",
            transient: true,
            tokens: None,
        }),
        "" | "STOP" => Ok(reply.words()),
        reason => Err(Error::failed(SERVICE, reason)),
    }
}

/// What a general model is told of its task, and of the callers.
fn instruction(settings: &Stt) -> String {
    let how = if settings.punctuation {
        "with"
    } else {
        "without"
    };
    format!("{INSTRUCTION} Write {how} punctuation.{}", settings.told())
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct GenerationConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_schema: Option<Schema<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<Thinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio_transcription_config: Option<AudioTranscriptionConfig<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AudioTranscriptionConfig<'a> {
    language_codes: Vec<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    custom_vocabulary: &'a [String],
    mode: &'static str,
}

impl<'a> AudioTranscriptionConfig<'a> {
    fn of(settings: &'a Stt) -> Self {
        let others = settings.alternative_languages.iter().map(String::as_str);
        Self {
            language_codes: std::iter::once(settings.language.as_str())
                .chain(others)
                .collect(),
            custom_vocabulary: &settings.phrases,
            mode: "VERBATIM",
        }
    }
}

const INSTRUCTION: &str = "You are a stenographer. In each recording from a telephone you write down what the caller says, \
     word for word, in the language that they speak. The caller does not speak to you: never answer, explain, \
     translate, complete or describe anything. Where nobody can be understood, as in silence, noise, music and tones, \
     has_speech is false and transcript is empty.";

/// What follows the sound.
const TASK: &str = "Write down what is said in this recording.";

const SERVICE: Service = Service {
    name: "Gemini's transcription",
    settings: "[stt.gemini]",
    key: google_auth::KEY,
};

/// What wraps the words of a request, and the schema.
const SCHEMA_TOKENS: u64 = 256;

/// Far more than the few kilobytes of text that a minute of speech has.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(phrases: &[&str], others: &[&str]) -> Stt {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Stt {
            language: "de-DE".to_owned(),
            alternative_languages: owned(others),
            phrases: owned(phrases),
            punctuation: true,
            timeout: Duration::from_secs(12),
            endpoints: Vec::new(),
        }
    }

    #[test]
    fn a_general_model_is_told_the_languages_and_words() {
        let told = instruction(&settings(&["Asterisk", "Lyon"], &["en-GB", "fr-FR"]));
        for part in [
            "never answer",
            "with punctuation",
            "de-DE, some en-GB or fr-FR.",
            "Asterisk, Lyon.",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(instruction(&settings(&[], &[])).ends_with("the language de-DE."));
    }

    #[test]
    fn an_answer_that_ends_for_another_reason_is_no_transcript() {
        let parts =
            r#""content":{"parts":[{"text":"thought","thought":true},{"text":"a"},{"text":"b"}]}"#;
        let ended =
            |reason: &str| format!(r#"{{"candidates":[{{{parts},"finishReason":"{reason}"}}]}}"#);
        let table = [
            (ended("STOP"), Ok("ab")),
            (ended(""), Ok("ab")),
            (
                r#"{"candidates":[{"content":{"parts":[{}]},"finishReason":"STOP"}]}"#.to_owned(),
                Ok(""),
            ),
            (ended("MAX_TOKENS"), Err("(MAX_TOKENS)")),
            (ended("SAFETY"), Err("(SAFETY)")),
            (
                r#"{"promptFeedback":{"blockReason":"OTHER"}}"#.to_owned(),
                Err("(OTHER)"),
            ),
            ("{}".to_owned(), Err("an empty answer")),
        ];
        for (body, expected) in table {
            let reply: Reply = serde_json::from_str(&body).expect("JSON");
            match (words(&reply), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{body}"),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (found, _) => panic!("{body}: {found:?}"),
            }
        }
    }
}
