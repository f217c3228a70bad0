//! What a request to a server of OpenAI's kind says: who said what, which functions there are, what was called, and what
//! came of that: <https://platform.openai.com/docs/guides/function-calling?api-mode=chat>.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use crate::cloud::llm::Speaker;
use crate::cloud::llm::functions::{Call, Function, Round};

#[derive(Serialize)]
pub(super) struct Message<'a> {
    role: &'static str,
    /// `null` where a model has called without a word.
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    id: Cow<'a, str>,
    r#type: &'static str,
    function: Called<'a>,
}

#[derive(Serialize)]
struct Called<'a> {
    name: &'a str,
    arguments: String,
}

/// A function that the model may call.
#[derive(Serialize)]
pub(super) struct Tool<'a> {
    r#type: &'static str,
    function: Declaration<'a>,
}

#[derive(Serialize)]
struct Declaration<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
}

impl<'a> Message<'a> {
    fn saying(role: &'static str, content: &'a str) -> Self {
        Self {
            role,
            content: Some(content),
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }

    /// The system prompt.
    pub(super) fn persona(prompt: &'a str) -> Self {
        // Not as "developer", OpenAI's newer name for it, which other servers do not know.
        Self::saying("system", prompt)
    }

    pub(super) fn of((speaker, words): (Speaker, &'a str)) -> Self {
        match speaker {
            Speaker::Caller => Self::saying("user", words),
            Speaker::Model => Self::saying("assistant", words),
        }
    }
}

/// What the model has called, and one message for each result.
pub(super) fn round(round: &Round) -> impl Iterator<Item = Message<'_>> {
    let words = Some(round.turn.words.as_str()).filter(|words| !words.trim().is_empty());
    let calls = round.turn.calls.iter().enumerate();
    let called = Message {
        role: "assistant",
        content: words,
        tool_calls: calls
            .map(|(number, call)| ToolCall::of(number, call))
            .collect(),
        tool_call_id: None,
    };
    let results = round.calls().enumerate();
    let results = results.map(|(number, (call, result))| Message {
        tool_call_id: Some(id(number, call)),
        ..Message::saying("tool", result)
    });
    [called].into_iter().chain(results)
}

impl<'a> ToolCall<'a> {
    fn of(number: usize, call: &'a Call) -> Self {
        Self {
            id: id(number, call),
            r#type: "function",
            function: Called {
                name: &call.name,
                arguments: call.arguments_json(),
            },
        }
    }
}

/// The name of a call; one of ours where the server has given none.
fn id(number: usize, call: &Call) -> Cow<'_, str> {
    // The result must come out under the same name as its call.
    if call.id.is_empty() {
        format!("call_{number}").into()
    } else {
        call.id.as_str().into()
    }
}

impl<'a> Tool<'a> {
    pub(super) fn of(function: &'a Function) -> Self {
        Self {
            r#type: "function",
            function: Declaration {
                name: &function.name,
                description: &function.description,
                parameters: &function.parameters,
            },
        }
    }
}
