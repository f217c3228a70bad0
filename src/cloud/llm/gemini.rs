//! Gemini's `streamGenerateContent`: <https://ai.google.dev/api/generate-content>.

use log::warn;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answering::{
    Answering, Data, Dialect, End, StreamEvent, Tokens, blocked, failed, refusal_in,
};
use super::frames::DONE;
use super::{Asked, Model, Speaker};
use crate::cloud::access::Access;
use crate::cloud::budget::Budget;
use crate::cloud::credentials::CredentialsError;
use crate::cloud::gemini::Gemini;
use crate::cloud::{Error, Listed, Service};
use crate::config::{Endpoint, Llm};
use crate::sys::deadline::Deadline;

/// Makes a model with these settings.
///
/// # Errors
/// [`CredentialsError`] where the service account signs in.
pub(super) fn make(
    access: &Access,
    settings: &Llm,
    endpoint: Endpoint,
) -> Result<Box<dyn Model>, CredentialsError> {
    Ok(Box::new(Persona {
        gemini: Gemini::new(access, endpoint, SERVICE, "api_key in [llm.gemini]")?,
        settings: settings.clone(),
    }))
}

#[derive(Debug)]
struct Persona {
    gemini: Gemini,
    settings: Llm,
}

impl Persona {
    fn ask(
        &self,
        asked: Asked<'_>,
        thinking: Option<Thinking>,
        budget: Budget,
    ) -> Result<Answering, Error> {
        let (body, words) = (self.body(asked, thinking), asked.words());
        let method = "streamGenerateContent?alt=sse";
        let incoming = self.gemini.open(method, body, words, MAX_ANSWER, budget)?;
        Ok(Answering::new(incoming, &DIALECT))
    }

    fn body(&self, asked: Asked<'_>, thinking: Option<Thinking>) -> Vec<u8> {
        let body = Body {
            system_instruction: Turn {
                role: None,
                parts: [Words {
                    text: asked.persona,
                }],
            },
            contents: asked.turns().map(Turn::of).collect(),
            generation_config: GenerationConfig {
                max_output_tokens: self.settings.max_output_tokens,
                thinking_config: thinking,
            },
        };
        // Plain strings and numbers: there is nothing in it that JSON cannot hold.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl Model for Persona {
    fn warm(&self, deadline: Deadline) {
        self.gemini.warm(deadline);
    }

    fn answer(&self, asked: Asked<'_>, budget: Budget) -> Result<Answering, Error> {
        let budget = budget.within(self.settings.timeout);
        let thinking = Thinking::of(&self.settings.thinking, &self.gemini.endpoint.model);
        let mut answering = self.ask(asked, thinking, budget);
        // Which levels a model takes changes from model to model; its own default always works.
        if let Some(refusal) = refusal_in(&mut answering)
            && refusal.names("thinking")
        {
            warn!(
                "{} refuses our thinking level, asking without: {}",
                self.gemini.endpoint.model, refusal.message
            );
            answering = self.ask(asked, None, budget);
        }
        answering
    }

    fn models(&self, deadline: Deadline) -> Result<Option<Vec<Listed>>, Error> {
        self.gemini.models(deadline)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    system_instruction: Turn<'a>,
    contents: Vec<Turn<'a>>,
    generation_config: GenerationConfig,
}

#[derive(Serialize)]
struct Turn<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    parts: [Words<'a>; 1],
}

impl<'a> Turn<'a> {
    fn of((speaker, text): (Speaker, &'a str)) -> Self {
        let role = match speaker {
            Speaker::Caller => "user",
            Speaker::Model => "model",
        };
        Self {
            role: Some(role),
            parts: [Words { text }],
        }
    }
}

#[derive(Serialize)]
struct Words<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GenerationConfig {
    max_output_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<Thinking>,
}

/// How much the model may think: tokens that the caller waits for and never hears.
///
/// Gemini 2.5 counts them, later models know levels, and both fields together are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Thinking {
    ThinkingLevel(String),
    ThinkingBudget(u32),
}

impl Thinking {
    /// The field that asks `model` for `setting`; `least` is the minimum that the model is known to allow. From 3.7 Flash
    /// on that is `low`, which every later model has; 2.5 Pro cannot do without 128 tokens.
    fn of(setting: &str, model: &str) -> Option<Self> {
        let level = |level: &str| Some(Self::ThinkingLevel(level.to_ascii_uppercase()));
        match setting {
            "unset" => None,
            "least" if model.starts_with("gemini-2.5-pro") => Some(Self::ThinkingBudget(128)),
            "least" if model.starts_with("gemini-2.") => Some(Self::ThinkingBudget(0)),
            "least" if model.contains("lite") => level("minimal"),
            "least" if model.starts_with("gemini-3.6-flash") => level("minimal"),
            "least" => level("low"),
            chosen => level(chosen),
        }
    }
}

/// How Gemini writes its events: each is a `GenerateContentResponse`. Only the last has a `finishReason`, and nothing
/// else marks the end.
pub const DIALECT: Dialect = Dialect {
    service: SERVICE,
    read: read_event,
    ends_with: "it ended without a finishReason",
};

fn read_event(event: &str) -> Result<StreamEvent, Error> {
    // Only servers in between write it.
    if event == DONE {
        return Ok(StreamEvent::default());
    }
    let content: Content = match Data::read(SERVICE, event)? {
        Data::Part(content) => content,
        Data::Error(status) => return Ok(StreamEvent::error(status)),
    };
    if !content.prompt_feedback.block_reason.is_empty() {
        return Err(stopped(&content.prompt_feedback.block_reason));
    }
    let candidate = content.candidates.into_iter().next().unwrap_or_default();
    let end = match candidate.finish_reason.as_str() {
        "" => None,
        "STOP" => Some(End::Whole),
        "MAX_TOKENS" => Some(End::Cut),
        // What came with it is not meant to be heard.
        reason => return Err(stopped(reason)),
    };
    let spoken = candidate.content.parts.iter().filter(|part| !part.thought);
    Ok(StreamEvent {
        words: spoken.map(|part| part.text.as_str()).collect(),
        end,
        // Every event tells how much it is so far.
        tokens: tokens(&content.usage_metadata),
        ..StreamEvent::default()
    })
}

/// The error of an answer that ends for this reason. Some are about what is in the question or the answer; of others,
/// such as `OTHER` and `MALFORMED_RESPONSE`, a second try or another provider knows nothing.
fn stopped(reason: &str) -> Error {
    if WITHHELD.iter().any(|part| reason.contains(part)) {
        blocked(SERVICE, reason)
    } else {
        failed(SERVICE, reason)
    }
}

/// An event. Every field may be missing; `finishReason` is a word from a list that grows.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Content {
    candidates: Vec<Candidate>,
    prompt_feedback: PromptFeedback,
    usage_metadata: Value,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate {
    content: Parts,
    finish_reason: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parts {
    parts: Vec<Part>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Part {
    text: String,
    thought: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PromptFeedback {
    block_reason: String,
}

/// The tokens that were used, if the service tells: an answer is not discarded for its numbers. What is left out is 0.
fn tokens(usage: &Value) -> Option<Tokens> {
    let count = |name: &str| usage.get(name).map_or(Some(0), Value::as_u64);
    usage.as_object()?;
    Some(Tokens {
        input: count("promptTokenCount")?,
        output: count("candidatesTokenCount")?.saturating_add(count("thoughtsTokenCount")?),
    })
}

/// Parts of the reasons for which an answer is withheld: `SAFETY`, `IMAGE_SAFETY`, `PROHIBITED_CONTENT` …
const WITHHELD: [&str; 6] = [
    "SAFETY",
    "RECITATION",
    "PROHIBITED",
    "BLOCKLIST",
    "SPII",
    "JAILBREAK",
];

const SERVICE: Service = Service {
    name: "Gemini",
    settings: "[llm.gemini]",
    key: "[google] credentials",
};

/// The largest `max_output_tokens` is some 50 kB of text.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests;
