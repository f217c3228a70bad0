//! OpenAI's `chat/completions`, and every server that speaks it:
//! <https://platform.openai.com/docs/api-reference/chat/create>.

mod messages;

use std::iter;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answering::{Answering, Dialect, End, StreamEvent, refusal_in};
use super::calls;
use super::fields::{Fields, TokenLimit};
use super::json_values::DONE;
use super::{Asked, Model, Question};
use crate::cloud::access::Access;
use crate::cloud::budget::Budget;
use crate::cloud::credentials::CredentialsError;
use crate::cloud::event::Data;
use crate::cloud::openai::Server;
use crate::cloud::{Error, Listed, Service, Tokens};
use crate::config::{Endpoint, Llm};
use crate::sys::deadline::Deadline;
use crate::sys::sync::lock;
use messages::{Message, Tool};

/// Makes a model with these settings.
#[expect(clippy::unnecessary_wraps, reason = "others read a key file")]
pub(super) fn make(
    access: &Access,
    settings: &Llm,
    endpoint: Endpoint,
) -> Result<Box<dyn Model>, CredentialsError> {
    Ok(Box::new(OpenAi {
        fields: Mutex::new(Fields::of(settings, &endpoint)),
        server: Server::new(access, endpoint, SERVICE, OWN),
        settings: settings.clone(),
    }))
}

#[derive(Debug)]
struct OpenAi {
    server: Server,
    settings: Llm,
    /// What the server has not refused so far.
    fields: Mutex<Fields>,
}

impl OpenAi {
    fn ask(&self, asked: Asked<'_>, fields: &Fields, budget: Budget) -> Result<Answering, Error> {
        let max = self.settings.max_output_tokens;
        let body = body(asked, fields, &self.server.endpoint.model, max);
        let (path, words) = ("chat/completions", asked.words());
        let request = self.server.post(path, body, words, MAX_ANSWER);
        let incoming = self.server.client.open(&request, budget)?;
        Ok(Answering::new(incoming, &DIALECT))
    }
}

impl Model for OpenAi {
    fn warm(&self, deadline: Deadline) {
        self.server.warm(deadline);
    }

    fn answer(&self, asked: Asked<'_>, budget: Budget) -> Result<Answering, Error> {
        if let Question::Sound(_) = asked.question {
            let service = self.server.service.name;
            return Err(Error::Deaf { service });
        }
        let budget = budget.within(self.settings.timeout);
        let mut fields = lock(&self.fields).clone();
        // It ends: each time `Fields::after` gives up one of the fields for good, or raises the effort, and with
        // nothing left it returns `None`.
        loop {
            let mut answering = self.ask(asked, &fields, budget);
            let refusal = refusal_in(&mut answering);
            let Some(others) = refusal.and_then(|refusal| fields.after(refusal, &asked)) else {
                *lock(&self.fields) = fields;
                return answering;
            };
            fields = others;
        }
    }

    fn without_functions(&self) -> Option<String> {
        let is_it = !lock(&self.fields).functions;
        is_it.then(|| super::without_functions(self.server.service))
    }

    fn models(&self, deadline: Deadline) -> Result<Option<Vec<Listed>>, Error> {
        self.server.models(deadline)
    }
}

/// The body of a request for an answer of at most `max` tokens.
fn body(asked: Asked<'_>, fields: &Fields, model: &str, max: u32) -> Vec<u8> {
    let functions = if fields.functions {
        asked.functions
    } else {
        &[]
    };
    let body = Body {
        model,
        messages: iter::once(Message::persona(asked.prompt))
            .chain(asked.turns().map(Message::of))
            .chain(asked.rounds.iter().flat_map(messages::round))
            .collect(),
        tools: functions.iter().map(Tool::of).collect(),
        stream: true,
        // Of a stream OpenAI tells the tokens only on request, in a last chunk that has no choices.
        stream_options: fields.counts_tokens.then(|| json!({"include_usage": true})),
        reasoning_effort: fields.effort,
        max_completion_tokens: (fields.limit == TokenLimit::Completion).then_some(max),
        max_tokens: (fields.limit == TokenLimit::Tokens).then_some(max),
    };
    // Plain strings and numbers: there is nothing in it that JSON cannot hold.
    serde_json::to_vec(&body).unwrap_or_default()
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
}

/// How OpenAI writes its events: each is a `chat.completion.chunk`, and the last is the word `[DONE]`.
pub const DIALECT: Dialect = Dialect {
    service: SERVICE,
    read: read_event,
    ends_with: "it ended without a finish_reason",
};

fn read_event(event: &str) -> Result<StreamEvent, Error> {
    // Some servers send this alone, and no `finish_reason` before it.
    if event.trim() == DONE {
        return Ok(StreamEvent {
            end: Some(End::Whole),
            ..StreamEvent::default()
        });
    }
    let chunk: Chunk = match Data::read(SERVICE, event)? {
        Data::Part(chunk) => chunk,
        Data::Error(status) => return Ok(StreamEvent::error(status)),
    };
    if let Some(is_last) = chunk.done {
        return line(chunk, is_last);
    }
    let mut choices = chunk.choices.into_iter();
    // The first event of Azure's streams has no choices at all.
    let choice = choices.find(|choice| choice.index == 0).unwrap_or_default();
    let end = end_of(choice.finish_reason.as_deref().unwrap_or_default())?;
    // A server may send one whole `chat.completion` although a stream was asked for: then `message` stands where
    // `delta` would.
    let is_all = choice.delta.is_none() && choice.message.is_some();
    let message = choice.delta.or(choice.message).unwrap_or_default();
    // Servers of `completions` alone have the text there.
    let words = Some(text_of(&message.content)).filter(|words| !words.is_empty());
    let words = words.unwrap_or(choice.text);
    // A refusal has a field of its own, beside which the answer would count as empty and be asked for again.
    if words.is_empty() && !message.refusal.is_empty() {
        return Err(Error::blocked(SERVICE, "refusal"));
    }
    Ok(StreamEvent {
        words,
        is_all,
        end: end.or(is_all.then_some(End::Whole)),
        tokens: tokens(&chunk.usage),
        calls: pieces(message.tool_calls),
        ..StreamEvent::default()
    })
}

/// A line of Ollama's own: <https://github.com/ollama/ollama/blob/main/docs/api.md#generate-a-chat-completion>.
fn line(chunk: Chunk, is_last: bool) -> Result<StreamEvent, Error> {
    let end = end_of(chunk.done_reason.as_deref().unwrap_or_default())?;
    let used = |(input, output)| Tokens { input, output };
    let message = chunk.message.unwrap_or_default();
    Ok(StreamEvent {
        words: text_of(&message.content),
        calls: pieces(message.tool_calls),
        end: end.or(Some(End::Whole)).filter(|_| is_last),
        tokens: chunk.prompt_eval_count.zip(chunk.eval_count).map(used),
        is_line: true,
        ..StreamEvent::default()
    })
}

/// The pieces of calls in a message. OpenAI writes arguments as text, piece by piece, and Ollama's own lines as an object.
fn pieces(calls: Vec<ToolCall>) -> Vec<calls::Piece> {
    let piece = |call: ToolCall| calls::Piece {
        index: call.index,
        id: call.id,
        name: call.function.name,
        arguments: match call.function.arguments {
            Value::String(text) => calls::Arguments::Text(text),
            Value::Null => calls::Arguments::default(),
            whole => calls::Arguments::Whole(whole),
        },
    };
    calls.into_iter().map(piece).collect()
}

/// Why an answer ends that has this `finish_reason`.
fn end_of(reason: &str) -> Result<Option<End>, Error> {
    let word = reason.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    match word.as_str() {
        "" => Ok(None),
        _ if has(WITHHELD) => Err(Error::blocked(SERVICE, reason)),
        _ if has(FAILED) => Err(Error::failed(SERVICE, reason)),
        _ if has(CUT) => Ok(Some(End::Cut)),
        // Beside `stop` servers have words of their own for a whole answer, such as `eos` and `tool_calls`.
        _ => Ok(Some(End::Whole)),
    }
}

/// The text of a message: itself, or the texts among its parts, of which others are thoughts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(text_of).collect(),
        Value::Object(part) => {
            let is_text = |kind: &Value| kind == "text" || kind == "output_text";
            let is_text = part.get("type").is_none_or(is_text);
            let text = part.get("text").and_then(Value::as_str);
            text.filter(|_| is_text).unwrap_or_default().to_owned()
        }
        _ => String::new(),
    }
}

/// A chunk of an answer, or all of it. Servers leave out much of it, and put `null` where there is nothing.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Chunk {
    choices: Vec<Choice>,
    usage: Value,
    // What follows is Ollama's own.
    message: Option<Part>,
    done: Option<bool>,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Choice {
    index: u32,
    delta: Option<Part>,
    message: Option<Part>,
    text: String,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Part {
    content: Value,
    refusal: String,
    tool_calls: Vec<ToolCall>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ToolCall {
    index: u64,
    id: String,
    function: Called,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Called {
    name: String,
    arguments: Value,
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

/// A server in the user's own network. The key of OpenAI is never sent there.
const OWN: Service = Service {
    name: "the model's server",
    key: "api_key in [llm.openai]",
    ..SERVICE
};

/// Parts of the reasons, of all servers, for which an answer is withheld.
const WITHHELD: &[&str] = &[
    "filter",
    "safety",
    "sensitive",
    "refusal",
    "recitation",
    "prohibited",
];

/// Parts of those that say nothing of the question: `error`, vLLM's `abort`, `insufficient_system_resource` …
const FAILED: &[&str] = &[
    "error",
    "abort",
    "cancel",
    "insufficient",
    "malformed",
    "overload",
    "rate_limit",
    "quota",
    "timeout",
    "other",
];

/// Parts of those for which an answer is cut: `length`, `max_tokens`, Anthropic's `model_context_window_exceeded` …
const CUT: &[&str] = &["length", "max_", "limit", "context", "exceeded"];

/// The largest `max_output_tokens` is some 50 kB of text; each token comes in an event of a few hundred bytes.
const MAX_ANSWER: u64 = 8 * 1024 * 1024;

#[cfg(test)]
mod tests;
