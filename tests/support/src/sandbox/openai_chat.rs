//! OpenAI's models, `POST /v1/chat/completions`, whole or as a stream of events that ends with `[DONE]`.
//!
//! Spec: <https://platform.openai.com/docs/api-reference/chat/create>.

use serde_json::{Value, json};

use super::context::Context;
use super::delivery::{Form, Piece, Right};
use super::functions;
use super::http::{Request, Response};
use super::openai;

/// Answers one request, whole or as a stream.
pub(super) fn answer(request: &Request, context: &Context<'_>) -> Right {
    let mut body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let is_stream = body["stream"] == true;
    let form = if is_stream { Form::Events } else { Form::Whole };
    let generated = match generate(&mut body, request, context) {
        Ok(generated) => generated,
        Err(refusal) => return Right::refusal(refusal, form),
    };
    let pace = context.model_pace();
    if !is_stream {
        let due = pace.due(generated.words.len());
        return Right::whole(Response::json(200, &generated.whole()), due);
    }
    let (mut text, mut pieces) = (String::new(), Vec::new());
    for (event, words) in generated.events(body["stream_options"]["include_usage"] == true) {
        text.extend(["data: ", &event, "\n\n"]);
        pieces.push(Piece {
            end: text.len(),
            due: pace.due(words),
        });
    }
    Right {
        response: Response::new(200, "text/event-stream", text).chunked(),
        form,
        pieces,
    }
}

fn generate(
    body: &mut Value,
    request: &Request,
    context: &Context<'_>,
) -> Result<Generated, Response> {
    openai::check_key(request, context)?;
    openai::check_names(body, FIELDS)?;
    let called = functions::take_from_openai(body)?;
    if called.is_offered && context.knows_no_functions() {
        let message = "registry.ollama.ai/library/a-model does not support tools";
        return Err(openai::refusal(None, None, message));
    }
    let model = openai::text(body, "model")?;
    openai::check_model(model, MODELS, OWN_MODELS, request, context)?;
    let limit = limit(body, request.is_plain)?;
    check_effort(model, &body["reasoning_effort"])?;
    let messages = body["messages"].as_array().filter(|all| !all.is_empty());
    let messages = messages.ok_or_else(|| openai::missing("messages"))?;
    for message in messages {
        let role = openai::text(message, "role")?;
        openai::one_of(
            "messages[0].role",
            role,
            &["system", "developer", "user", "assistant"],
        )?;
        openai::text(message, "content")?;
    }
    let asked = messages[messages.len() - 1]["content"]
        .as_str()
        .unwrap_or_default();
    let turns = context.calling();
    let turn = called.next(&turns);
    let answer = match turn {
        Some(turn) => turn.words.clone(),
        None => called
            .answer(context)
            .unwrap_or_else(|| context.answer_to(asked)),
    };
    let round = called.results.len();
    let calls = turn.map(|turn| functions::openai_deltas(round, turn, request.is_plain));
    let is_calling = calls.is_some();
    let words = answer.split_inclusive(' ').map(str::to_owned);
    Ok(Generated {
        model: model.to_owned(),
        asked: asked.split_whitespace().count(),
        calls: calls.unwrap_or_default(),
        finish_reason: if is_calling && !request.is_plain {
            "tool_calls"
        } else if words.clone().count() > limit {
            "length"
        } else {
            "stop"
        },
        words: words.take(limit).collect(),
        id: format!("chatcmpl-{}", context.request_id()),
    })
}

/// Newer models of OpenAI refuse the older name of the limit, and other servers know no other.
fn limit(body: &Value, is_own_server: bool) -> Result<usize, Response> {
    let (right, wrong) = if is_own_server {
        ("max_tokens", "max_completion_tokens")
    } else {
        ("max_completion_tokens", "max_tokens")
    };
    if body.get(wrong).is_some() {
        let message = format!(
            "Unsupported parameter: '{wrong}' is not supported with this model. Use '{right}' instead."
        );
        return Err(openai::refusal(
            Some(wrong),
            Some("unsupported_parameter"),
            &message,
        ));
    }
    let limit = body[right]
        .as_u64()
        .and_then(|limit| usize::try_from(limit).ok());
    Ok(limit.unwrap_or(usize::MAX))
}

/// A model that thinks takes some efforts, and one that does not takes none at all.
fn check_effort(model: &str, effort: &Value) -> Result<(), Response> {
    let Some(effort) = effort.as_str() else {
        return Ok(());
    };
    let refuse = |code: &str, message: String| {
        Err(openai::refusal(
            Some("reasoning_effort"),
            Some(code),
            &message,
        ))
    };
    let is_own = OWN_MODELS.contains(&model);
    match EFFORTS.iter().find(|(known, _)| *known == model) {
        None if is_own => Ok(()),
        None => refuse(
            "unknown_parameter",
            "Unrecognized request argument supplied: reasoning_effort".to_owned(),
        ),
        Some((_, efforts)) if !efforts.contains(&effort) => refuse(
            "unsupported_value",
            format!(
                "Unsupported value: 'reasoning_effort' does not support '{effort}' with this model. Supported values are: '{}'.",
                efforts.join("', '")
            ),
        ),
        Some(_) => Ok(()),
    }
}

/// What the model says; a word is a token, and keeps the space behind it.
struct Generated {
    model: String,
    asked: usize,
    words: Vec<String>,
    /// The deltas by which it calls, behind the words.
    calls: Vec<Value>,
    finish_reason: &'static str,
    id: String,
}

impl Generated {
    fn whole(&self) -> Value {
        let message = json!({"role": "assistant", "content": self.words.concat()});
        json!({
            "id": self.id, "object": "chat.completion", "model": self.model,
            "choices": [{"index": 0, "message": message, "finish_reason": self.finish_reason}],
            "usage": self.usage(),
        })
    }

    fn usage(&self) -> Value {
        let (asked, said) = (self.asked, self.words.len());
        json!({"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said})
    }

    /// The data of all events, and how many words have been said at the end of each.
    fn events(&self, with_usage: bool) -> Vec<(String, usize)> {
        let chunk = |delta: Value, reason: Value| {
            json!({
                "id": self.id, "object": "chat.completion.chunk", "model": self.model,
                "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
            })
        };
        let all = self.words.len();
        let mut said = 0;
        let mut events: Vec<(String, usize)> = Vec::new();
        for words in self.words.chunks(WORDS_PER_EVENT) {
            said += words.len();
            let delta = json!({"content": words.concat()});
            events.push((chunk(delta, Value::Null).to_string(), said));
        }
        for delta in &self.calls {
            events.push((chunk(delta.clone(), Value::Null).to_string(), all));
        }
        events.push((chunk(json!({}), self.finish_reason.into()).to_string(), all));
        if with_usage {
            let mut usage = chunk(json!({}), Value::Null);
            usage["choices"] = json!([]);
            usage["usage"] = self.usage();
            events.push((usage.to_string(), all));
        }
        events.push(("[DONE]".to_owned(), all));
        events
    }
}

const FIELDS: &[&str] = &[
    "model",
    "messages",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "reasoning_effort",
    "tools",
    "tool_choice",
];
pub(super) const MODELS: &[&str] = &["gpt-6-luna", "gpt-6-sol", "gpt-4.1-mini", "gpt-4o-mini"];
/// The models that think, and how much each may be asked to.
const EFFORTS: &[(&str, &[&str])] = &[
    ("gpt-6-luna", &["none", "low", "medium", "high", "xhigh"]),
    ("gpt-6-sol", &["low", "medium", "high"]),
];
/// Of a server in one's own network.
pub(super) const OWN_MODELS: &[&str] = &["llama3.2"];
const WORDS_PER_EVENT: usize = 6;
