//! Gemini's `streamGenerateContent`: <https://ai.google.dev/api/generate-content>.
//!
//! Here is what is asked; `answer` reads what comes back.

mod answer;

use std::sync::Arc;
use std::time::Duration;

use log::warn;
use serde::Serialize;

use crate::cloud::google_auth::ServiceAccount;
use crate::cloud::http::{Auth, Client, Incoming, Request};
use crate::cloud::{Error, Service};
use crate::config::{Llm, Secret};
use crate::deadline::Deadline;

pub use answer::{Answer, Answering, End};

/// Who asks: a key if there is one, else the service account.
#[derive(Debug)]
pub enum SignIn {
    /// A Gemini API key.
    ApiKey(Secret),
    /// The service account that speech to text uses too.
    Account(Arc<ServiceAccount>),
}

/// A model with a persona.
#[derive(Debug)]
pub struct Model {
    client: Client,
    sign_in: SignIn,
    settings: Llm,
}

impl Model {
    /// A model with these settings.
    pub fn new(client: Client, sign_in: SignIn, settings: Llm) -> Self {
        Self {
            client,
            sign_in,
            settings,
        }
    }

    /// Opens the way to the service, so that the question finds it open.
    pub fn warm(&self, deadline: Deadline) {
        if let SignIn::Account(account) = &self.sign_in {
            account.sign_ahead(AUDIENCE);
        }
        self.client.warm(&self.settings.base_url, deadline);
    }

    /// The model's answer to one question, as soon as it begins; then it may stop for no longer than `idle`. What may
    /// pass by itself is tried a second time; `after` says that this is it, and what ended the first.
    ///
    /// # Errors
    /// [`Error`] of the request.
    pub fn answer(
        &self,
        question: &str,
        after: Option<&Error>,
        deadline: Deadline,
        idle: Duration,
    ) -> Result<Answering, Error> {
        let deadline = deadline.within(self.settings.timeout);
        let thinking = Thinking::of(&self.settings.thinking, &self.settings.model);
        let incoming = match self.ask(question, thinking, after, deadline, idle) {
            // Which levels a model takes changes from model to model; its own default always works.
            Err(Error::Refused(refusal))
                if refusal.status == 400 && refusal.message.contains("hinking") =>
            {
                warn!(
                    "{} refuses our thinking level, asking without: {}",
                    self.settings.model, refusal.message
                );
                self.ask(question, None, after, deadline, idle)
            }
            result => result,
        };
        Ok(Answering::new(incoming?))
    }

    fn ask(
        &self,
        question: &str,
        thinking: Option<Thinking>,
        after: Option<&Error>,
        deadline: Deadline,
        idle: Duration,
    ) -> Result<Incoming, Error> {
        let Llm {
            base_url, model, ..
        } = &self.settings;
        let mut request = Request {
            service: SERVICE,
            url: format!("{base_url}/v1beta/models/{model}:streamGenerateContent?alt=sse"),
            auth: Auth::None,
            content_type: "application/json",
            body: self.body(question, thinking).into(),
            words: question.to_owned(),
            most: MAX_ANSWER,
            may_retry: true,
        };
        let open = |request: &Request| self.client.open(request, after, deadline, idle);
        match &self.sign_in {
            SignIn::Account(account) => {
                account.send(&self.client, request, AUDIENCE, deadline, open)
            }
            SignIn::ApiKey(key) => {
                request.auth = Auth::GoogleApiKey(key.clone());
                request.service = SERVICE_BY_KEY;
                open(&request)
            }
        }
    }

    fn body(&self, question: &str, thinking: Option<Thinking>) -> Vec<u8> {
        let body = Body {
            system_instruction: Turn {
                role: None,
                parts: [Words {
                    text: &self.settings.persona,
                }],
            },
            contents: [Turn {
                role: Some("user"),
                parts: [Words { text: question }],
            }],
            generation_config: GenerationConfig {
                max_output_tokens: self.settings.max_output_tokens,
                thinking_config: thinking,
            },
        };
        // Plain strings and numbers: there is nothing in it that JSON cannot hold.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    system_instruction: Turn<'a>,
    contents: [Turn<'a>; 1],
    generation_config: GenerationConfig,
}

#[derive(Serialize)]
struct Turn<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    parts: [Words<'a>; 1],
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
    /// `setting` for `model`; `least` is as little as the model is known to allow. From 3.7 Flash on
    /// that is `low`, and every later model has it; 2.5 Pro cannot do without 128 tokens.
    fn of(setting: &str, model: &str) -> Option<Self> {
        let level = |level: &str| Some(Self::ThinkingLevel(level.to_owned()));
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

const SERVICE: Service = Service {
    name: "Gemini",
    settings: "[llm.gemini]",
    key: "[google] credentials",
};

const SERVICE_BY_KEY: Service = Service {
    key: "api_key in [llm.gemini]",
    ..SERVICE
};

/// What Google's own client signs for.
const AUDIENCE: &str = "https://generativelanguage.googleapis.com/";

/// The largest `max_output_tokens` is some 50 kB of text.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinking_is_as_little_as_each_model_takes() {
        let table = [
            ("gemini-3.5-flash-lite", r#"{"thinkingLevel":"minimal"}"#),
            ("gemini-flash-lite-latest", r#"{"thinkingLevel":"minimal"}"#),
            ("gemini-3.6-flash", r#"{"thinkingLevel":"minimal"}"#),
            ("gemini-3.8-flash", r#"{"thinkingLevel":"low"}"#),
            ("gemini-flash-latest", r#"{"thinkingLevel":"low"}"#),
            ("gemini-2.5-flash", r#"{"thinkingBudget":0}"#),
            ("gemini-2.5-pro", r#"{"thinkingBudget":128}"#),
        ];
        for (model, expected) in table {
            let thinking = serde_json::to_string(&Thinking::of("least", model)).expect("plain");
            assert_eq!(thinking, expected, "{model}");
        }
        assert_eq!(Thinking::of("unset", "gemini-2.5-flash"), None);
        assert_eq!(
            Thinking::of("high", "x"),
            Some(Thinking::ThinkingLevel("high".into()))
        );
    }
}
