//! OpenAI's `chat/completions`, and every server that speaks it:
//! <https://platform.openai.com/docs/api-reference/chat/create>.

use std::iter;

use log::warn;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answering::{Answering, Dialect, End, StreamEvent, Tokens, blocked};
use super::{Asked, Model, Speaker};
use crate::cloud::access::Access;
use crate::cloud::budget::Budget;
use crate::cloud::credentials::CredentialsError;
use crate::cloud::http::{self, Client, Incoming, Request};
use crate::cloud::{Error, Service, openai};
use crate::config::{Endpoint, Llm};
use crate::sys::deadline::Deadline;

/// Makes a model with these settings.
#[expect(clippy::unnecessary_wraps, reason = "others read a key file")]
pub(super) fn make(
    access: &Access,
    settings: &Llm,
    endpoint: Endpoint,
) -> Result<Box<dyn Model>, CredentialsError> {
    Ok(Box::new(OpenAi {
        client: access.client.clone(),
        settings: settings.clone(),
        endpoint,
    }))
}

#[derive(Debug)]
struct OpenAi {
    client: Client,
    settings: Llm,
    endpoint: Endpoint,
}

impl OpenAi {
    fn ask(&self, asked: Asked<'_>, limit: TokenLimit, budget: Budget) -> Result<Incoming, Error> {
        let request = Request {
            service: self.service(),
            url: format!("{}/chat/completions", self.endpoint.base_url),
            auth: openai::auth(&self.endpoint),
            content_type: "application/json",
            body: Some(self.body(asked, limit).into()),
            words: asked.words(),
            max_bytes: MAX_ANSWER,
        };
        self.client.open(&request, budget)
    }

    fn service(&self) -> Service {
        openai::service(&self.endpoint, SERVICE, "the model's server")
    }

    fn body(&self, asked: Asked<'_>, limit: TokenLimit) -> Vec<u8> {
        let max = self.settings.max_output_tokens;
        let persona = Message {
            role: "system",
            content: asked.persona,
        };
        let body = Body {
            model: &self.endpoint.model,
            messages: iter::once(persona)
                .chain(asked.turns().map(Message::of))
                .collect(),
            stream: true,
            stream_options: json!({"include_usage": true}),
            max_completion_tokens: (limit == TokenLimit::Completion).then_some(max),
            max_tokens: (limit == TokenLimit::Tokens).then_some(max),
        };
        // Plain strings and numbers: there is nothing in it that JSON cannot hold.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl Model for OpenAi {
    fn warm(&self, deadline: Deadline) {
        self.client.warm(self.endpoint.origin(), deadline);
    }

    fn answer(&self, asked: Asked<'_>, budget: Budget) -> Result<Answering, Error> {
        let budget = budget.within(self.settings.timeout);
        let limit = TokenLimit::of(&self.settings.token_limit, &self.endpoint);
        let incoming = match self.ask(asked, limit, budget) {
            Err(Error::Refused(refusal))
                if matches!(refusal.status, 400 | 422)
                    && refusal.message.contains(limit.name())
                    && self.settings.token_limit == "auto" =>
            {
                let other = limit.other();
                warn!(
                    "{} refuses {}, asking with {}; name it in token_limit under [llm.openai] to save this time",
                    refusal.service.name,
                    limit.name(),
                    other.name()
                );
                self.ask(asked, other, budget)
            }
            result => result,
        };
        Ok(Answering::new(incoming?, &DIALECT))
    }

    fn models(&self, deadline: Deadline) -> Result<Option<Vec<String>>, Error> {
        openai::models(&self.client, &self.endpoint, self.service(), deadline)
    }
}

/// The field that limits an answer: OpenAI's newer models refuse the older one, other servers know only that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TokenLimit {
    Completion,
    Tokens,
}

impl TokenLimit {
    fn of(setting: &str, endpoint: &Endpoint) -> Self {
        match setting {
            "max_tokens" => Self::Tokens,
            "max_completion_tokens" => Self::Completion,
            _ if openai::is_openai(endpoint) => Self::Completion,
            _ => Self::Tokens,
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Completion => Self::Tokens,
            Self::Tokens => Self::Completion,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Completion => "max_completion_tokens",
            Self::Tokens => "max_tokens",
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    stream_options: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

impl<'a> Message<'a> {
    fn of((speaker, content): (Speaker, &'a str)) -> Self {
        let role = match speaker {
            Speaker::Caller => "user",
            Speaker::Model => "assistant",
        };
        Self { role, content }
    }
}

/// How OpenAI writes its events: each is a `chat.completion.chunk`, and the last is the word `[DONE]`.
pub const DIALECT: Dialect = Dialect {
    service: SERVICE,
    read: read_event,
    ends_with: "it ended without a finish_reason",
};

fn read_event(event: &str) -> Result<StreamEvent, Error> {
    if event.trim() == "[DONE]" {
        return Ok(StreamEvent {
            end: Some(End::Whole),
            ..StreamEvent::default()
        });
    }
    let chunk: Chunk = http::json(SERVICE, "text/event-stream", event.as_bytes())?;
    if let Some(error) = chunk.error {
        let status = error["code"]
            .as_u64()
            .and_then(|code| u16::try_from(code).ok());
        return Ok(StreamEvent {
            error: Some(status.unwrap_or(INTERNAL_SERVER_ERROR)),
            ..StreamEvent::default()
        });
    }
    let choice = chunk.choices.into_iter().next().unwrap_or_default();
    let end = match choice.finish_reason.as_deref() {
        None | Some("") => None,
        Some("length") => Some(End::Cut),
        Some("content_filter") => return Err(blocked(SERVICE, "content_filter")),
        Some(_) => Some(End::Whole),
    };
    Ok(StreamEvent {
        words: choice.delta.content.unwrap_or_default(),
        end,
        tokens: tokens(&chunk.usage),
        error: None,
    })
}

/// A chunk of an answer. Servers leave out much of it, and put `null` where there is nothing.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Chunk {
    choices: Vec<Choice>,
    usage: Value,
    error: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Choice {
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta {
    content: Option<String>,
}

/// The tokens that were used, if the service tells: an answer is not discarded for its numbers.
fn tokens(usage: &Value) -> Option<Tokens> {
    Some(Tokens {
        input: usage["prompt_tokens"].as_u64()?,
        output: usage["completion_tokens"].as_u64()?,
    })
}

const SERVICE: Service = Service {
    name: "OpenAI's model",
    settings: "[llm.openai]",
    key: "api_key in [openai]",
};

/// The status of an error in the middle of an answer that names none.
const INTERNAL_SERVER_ERROR: u16 = 500;

/// The largest `max_output_tokens` is some 50 kB of text; each token comes in an event of a few hundred bytes.
const MAX_ANSWER: u64 = 8 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::super::Answer;
    use super::*;

    fn chunk(content: &str, reason: &str) -> String {
        format!(
            "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{content}}},\"finish_reason\":{reason}}}]}}\n\n"
        )
    }

    /// The words of a stream, why it ended and what it used, or the error that ended it.
    fn read(stream: &str) -> Result<(String, Option<End>), String> {
        let mut answer = Answer::new(&DIALECT);
        answer
            .push(stream.as_bytes())
            .and_then(|()| answer.push(&[]))
            .map_err(|error| error.to_string())?;
        Ok((answer.words().collect(), answer.end()))
    }

    #[test]
    fn an_answer_is_not_thrown_away_for_what_is_said_beside_it() {
        for usage in [
            r#"{"prompt_tokens":"5","completion_tokens":1}"#,
            r#"{"prompt_tokens":-1,"completion_tokens":1}"#,
            "2.5",
            "null",
        ] {
            let event = r#"{"choices":[{"delta":{"content":"yes"}}],"usage":USAGE}"#
                .replace("USAGE", usage);
            let said = read_event(&event).expect("an answer");
            assert_eq!((said.words.as_str(), said.tokens), ("yes", None), "{usage}");
        }
        let nothing = read_event(r#"{"choices":null,"usage":null}"#).expect("an event");
        assert_eq!(nothing, StreamEvent::default());
    }

    #[test]
    fn words_come_event_by_event_until_one_has_a_reason_or_the_stream_is_done() {
        let done = "data: [DONE]\n\n";
        let hello = chunk("\"Hello\"", "null");
        let table = [
            (
                hello.clone() + &chunk("\".\"", "\"stop\"") + done,
                "Hello.",
                Some(End::Whole),
            ),
            (
                hello.clone() + &chunk("null", "\"length\"") + done,
                "Hello",
                Some(End::Cut),
            ),
            (hello.clone() + done, "Hello", Some(End::Whole)),
            (hello.clone(), "Hello", None),
            (
                "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n".to_owned(),
                "",
                None,
            ),
            (
                chunk("\"\"", "null") + "data: {\"choices\":[{}]}\n\n",
                "",
                None,
            ),
            (": ping\n\n".to_owned() + &hello, "Hello", None),
        ];
        for (stream, words, end) in table {
            assert_eq!(read(&stream), Ok((words.to_owned(), end)), "{stream}");
        }
    }

    #[test]
    fn what_is_withheld_or_in_another_format_is_an_error() {
        let table = [
            (chunk("null", "\"content_filter\""), "(content_filter)"),
            ("data: {\"choices\": 7}\n\n".to_owned(), "break its format"),
        ];
        for (stream, part) in table {
            let error = read(&stream).expect_err(&stream);
            assert!(error.contains(part), "{error:?} for {stream}");
        }
    }
}
