//! Gemini's `generateContent`: <https://ai.google.dev/api/generate-content>.

use std::sync::Arc;

use log::warn;
use serde::{Deserialize, Serialize};

use crate::cloud::google_auth::ServiceAccount;
use crate::cloud::http::{Auth, Client, Request, Response};
use crate::cloud::{Error, Service};
use crate::config::{Llm, Secret};
use crate::deadline::Deadline;

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

/// What the model said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its words, markup included.
    pub text: String,
    /// It had more to say and was cut at `max_output_tokens`.
    pub is_cut: bool,
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

    /// The model's answer to one question.
    ///
    /// # Errors
    /// [`Error`] of the request; [`Error::Blocked`] and [`Error::Empty`] when there is nothing to say.
    pub fn answer(&self, question: &str, deadline: Deadline) -> Result<Answer, Error> {
        let deadline = deadline.within(self.settings.timeout);
        let thinking = Thinking::of(&self.settings.thinking, &self.settings.model);
        let response = match self.ask(question, thinking, true, deadline) {
            // Which levels a model takes changes from model to model; its own default always works.
            Err(Error::Refused(refusal))
                if refusal.status == 400 && refusal.message.contains("hinking") =>
            {
                warn!(
                    "{} refuses our thinking level, asking without: {}",
                    self.settings.model, refusal.message
                );
                self.ask(question, None, false, deadline)
            }
            result => result,
        };
        answer(&response?)
    }

    fn ask(
        &self,
        question: &str,
        thinking: Option<Thinking>,
        may_retry: bool,
        deadline: Deadline,
    ) -> Result<Response, Error> {
        let Llm {
            base_url, model, ..
        } = &self.settings;
        let mut request = Request {
            service: SERVICE,
            url: format!("{base_url}/v1beta/models/{model}:generateContent"),
            auth: Auth::None,
            content_type: "application/json",
            body: self.body(question, thinking).into(),
            words: question.to_owned(),
            most: MAX_ANSWER,
            may_retry,
        };
        match &self.sign_in {
            SignIn::Account(account) => account.send(&self.client, request, AUDIENCE, deadline),
            SignIn::ApiKey(key) => {
                request.auth = Auth::GoogleApiKey(key.clone());
                request.service = SERVICE_BY_KEY;
                self.client.send(&request, deadline)
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

/// The model's words in the service's answer.
///
/// # Errors
/// [`Error::Malformed`] when it is not the JSON that the service documents, [`Error::Blocked`] and
/// [`Error::Empty`] when there are no words in it to say.
pub fn answer(response: &Response) -> Result<Answer, Error> {
    response.json::<Content>(SERVICE)?.into_answer()
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

/// Every field may be missing; `finishReason` is a word from a list that grows.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Content {
    candidates: Vec<Candidate>,
    prompt_feedback: PromptFeedback,
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

impl Content {
    fn into_answer(self) -> Result<Answer, Error> {
        let blocked = |reason: &str| Error::Blocked {
            service: SERVICE.name,
            reason: word(reason),
        };
        if !self.prompt_feedback.block_reason.is_empty() {
            return Err(blocked(&self.prompt_feedback.block_reason));
        }
        let candidate = self.candidates.into_iter().next().unwrap_or_default();
        let spoken = candidate.content.parts.iter().filter(|part| !part.thought);
        let text = spoken
            .map(|part| part.text.as_str())
            .collect::<String>()
            .trim()
            .to_owned();
        match candidate.finish_reason.as_str() {
            "MAX_TOKENS" if text.is_empty() => Err(Error::Empty {
                service: SERVICE.name,
                remedy: RAISE_LIMIT,
            }),
            "MAX_TOKENS" => Ok(Answer { text, is_cut: true }),
            "" | "STOP" if text.is_empty() => Err(Error::Empty {
                service: SERVICE.name,
                remedy: TRY_AGAIN,
            }),
            "" | "STOP" => Ok(Answer {
                text,
                is_cut: false,
            }),
            // SAFETY, RECITATION, PROHIBITED_CONTENT …: what came before it is not meant to be heard.
            reason => Err(blocked(reason)),
        }
    }
}

/// A reason as Gemini writes them, `PROHIBITED_CONTENT`; nothing else of what stands there.
fn word(reason: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    reason.chars().take_while(plain).take(40).collect()
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

const RAISE_LIMIT: &str = "the model thought until max_output_tokens was used up: raise it in [llm], or choose another model";
const TRY_AGAIN: &str =
    "that happens now and then; if it stays, choose another model in [llm.gemini]";

/// The largest `max_output_tokens` is some 50 kB of text.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Answer, String> {
        serde_json::from_str::<Content>(body)
            .expect(body)
            .into_answer()
            .map_err(|error| error.to_string())
    }

    #[test]
    fn whole_cut_blocked_and_empty_answers_are_told_apart() {
        let said = |text: &str, is_cut| {
            Ok(Answer {
                text: text.to_owned(),
                is_cut,
            })
        };
        let candidate = |parts: &str, reason: &str| {
            format!(
                r#"{{"candidates":[{{"content":{{"role":"model","parts":{parts}}},"finishReason":"{reason}","index":0}}],"usageMetadata":{{"totalTokenCount":9}},"modelVersion":"gemini-3.5-flash-lite"}}"#
            )
        };
        let hello = r#"[{"text":"Hello"},{"text":" there. Goodbye!\n"}]"#;
        let thought = r#"[{"text":"Let me think.","thought":true},{"text":"Four."}]"#;
        assert_eq!(
            read(&candidate(hello, "STOP")),
            said("Hello there. Goodbye!", false)
        );
        assert_eq!(read(&candidate(thought, "STOP")), said("Four.", false));
        assert_eq!(
            read(&candidate(hello, "MAX_TOKENS")),
            said("Hello there. Goodbye!", true)
        );
        assert_eq!(
            read(r#"{"candidates":[{"content":{"parts":[{"text":"Four."}]}}]}"#),
            said("Four.", false)
        );
        let table = [
            (candidate("[]", "MAX_TOKENS"), "max_output_tokens"),
            (candidate(hello, "SAFETY"), "(SAFETY)"),
            (candidate("[]", "STOP"), "empty answer"),
            (
                r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}"#.to_owned(),
                "(PROHIBITED_CONTENT)",
            ),
            (
                r#"{"candidates":[{"finishReason":"RECITATION"}]}"#.to_owned(),
                "(RECITATION)",
            ),
            ("{}".to_owned(), "empty answer"),
        ];
        for (body, part) in table {
            let error = read(&body).expect_err(&body);
            assert!(error.contains(part), "{error:?} for {body}");
        }
    }

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
