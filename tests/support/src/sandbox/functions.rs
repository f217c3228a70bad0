//! Functions that the models of the sandbox call: what the services check of what comes back.
//!
//! <https://ai.google.dev/gemini-api/docs/thought-signatures>,
//! <https://platform.openai.com/docs/guides/function-calling?api-mode=chat>.

use serde_json::{Value, json};

use super::calling_turn::CallingTurn;
use super::context::Context;
use super::google;
use super::http::Response;
use super::openai;

/// What a request tells of calls.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Whether functions are offered.
    pub(super) is_offered: bool,
    /// The results of each turn before.
    pub(super) results: Vec<Vec<String>>,
}

impl Asked {
    /// What the model calls next, by the test's script.
    pub(super) fn next<'t>(&self, turns: &'t [CallingTurn]) -> Option<&'t CallingTurn> {
        turns.get(self.results.len()).filter(|_| self.is_offered)
    }

    /// What the model says with the results, if there are any and the test wants nothing else.
    pub(super) fn answer(&self, context: &Context<'_>) -> Option<String> {
        let all = self.results.concat();
        let is_told = !all.is_empty() && !context.is_answer_set();
        is_told.then(|| format!("This was found: {}.", all.join(", ")))
    }
}

/// Takes the turns with calls off the end of a request to Gemini, and checks them.
///
/// # Errors
/// What Google answers to turns that are not as they should be.
pub(super) fn take_from_gemini(body: &mut Value) -> Result<Asked, Response> {
    let mut asked = Asked {
        is_offered: body.get("tools").is_some(),
        ..Asked::default()
    };
    let Some(contents) = body["contents"].as_array_mut() else {
        return Ok(asked);
    };
    let is_result = |turn: &Value| turn["parts"][0].get("functionResponse").is_some();
    let is_words = |turn: &Value| turn["role"] != "model" && !is_result(turn);
    let question = contents.iter().rposition(is_words).map_or(0, |at| at + 1);
    let turns = contents.split_off(question.min(contents.len()));
    for pair in turns.chunks(2) {
        let results = check_gemini(asked.results.len(), pair).map_err(google::invalid)?;
        asked.results.push(results);
    }
    Ok(asked)
}

/// The results of a turn, which must be all, and of the calls before them.
fn check_gemini(round: usize, pair: &[Value]) -> Result<Vec<String>, &'static str> {
    let parts = |at: usize, name: &str| -> Vec<Value> {
        let parts = pair.get(at).and_then(|turn| turn["parts"].as_array());
        let parts = parts.into_iter().flatten();
        parts
            .filter(|part| part.get(name).is_some())
            .cloned()
            .collect()
    };
    let (calls, results) = (parts(0, "functionCall"), parts(1, "functionResponse"));
    let first = calls.first().ok_or(
        "Please ensure that function response turn comes immediately after a function call turn.",
    )?;
    match first["thoughtSignature"].as_str() {
        None => {
            return Err(
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance.",
            );
        }
        Some(came) if came != signature(round, &first["functionCall"]) => {
            return Err("Thought signature is not valid.");
        }
        Some(_) => {}
    }
    if calls.len() != results.len() {
        return Err(
            "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
        );
    }
    let pairs = calls.iter().zip(&results);
    let told = pairs.map(|(call, result)| {
        let (call, result) = (&call["functionCall"], &result["functionResponse"]);
        if call["name"] != result["name"] || call["id"] != result["id"] {
            return Err(
                "Please ensure that the function response has the name and the id of its call.",
            );
        }
        let text = result["response"]["result"].as_str();
        text.map(str::to_owned)
            .ok_or("function_response.response must be an object.")
    });
    told.collect()
}

/// The parts by which Gemini calls: the first alone is signed.
pub(super) fn gemini_parts(round: usize, turn: &CallingTurn) -> Vec<Value> {
    let calls = turn.calls.iter().enumerate();
    let part = |(number, (name, arguments)): (usize, &(String, Value))| {
        let mut call = json!({"name": name, "args": arguments});
        if number == 0 {
            call["id"] = format!("{name}-{round}").into();
            let signature = signature(round, &call);
            return json!({"functionCall": call, "thoughtSignature": signature});
        }
        json!({"functionCall": call})
    };
    calls.map(part).collect()
}

/// What only the service can make of a call.
fn signature(round: usize, call: &Value) -> String {
    let text = format!("{round} {} {}", call["name"], call["args"]);
    let sum = text.bytes().fold(7_u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    // Base64 of 16 bytes.
    format!("c2ln+/{:015x}A==", sum >> 4)
}

/// Takes the messages of turns with calls off the end of a request to OpenAI, and checks them.
///
/// # Errors
/// What OpenAI answers to messages that are not as they should be.
pub(super) fn take_from_openai(body: &mut Value) -> Result<Asked, Response> {
    check_tools(&body["tools"])?;
    let mut asked = Asked {
        is_offered: body.get("tools").is_some(),
        ..Asked::default()
    };
    let Some(messages) = body["messages"].as_array_mut() else {
        return Ok(asked);
    };
    let question = messages
        .iter()
        .rposition(|message| message["role"] == "user");
    let rest = messages.split_off(question.map_or(0, |at| at + 1).min(messages.len()));
    let mut rest = rest.into_iter().peekable();
    while let Some(called) = rest.next() {
        let calls = called["tool_calls"].as_array().cloned().unwrap_or_default();
        if calls.is_empty() {
            return Err(invalid(
                "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
            ));
        }
        let mut results = Vec::new();
        while let Some(result) = rest.next_if(|message| message["role"] == "tool") {
            results.push(result);
        }
        asked.results.push(check_openai(&calls, &results)?);
    }
    Ok(asked)
}

/// The result of each call.
fn check_openai(calls: &[Value], results: &[Value]) -> Result<Vec<String>, Response> {
    let told = calls.iter().map(|call| {
        let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
        if call["type"] != "function" || serde_json::from_str::<Value>(arguments).is_err() {
            return Err(invalid("invalid tool call arguments"));
        }
        let result = results.iter().find(|result| result["tool_call_id"] == call["id"]);
        let text = result.and_then(|result| result["content"].as_str());
        text.map(str::to_owned).ok_or_else(|| {
            invalid(&format!(
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
                call["id"]
            ))
        })
    });
    told.collect()
}

fn check_tools(tools: &Value) -> Result<(), Response> {
    let is_right = |tool: &Value| {
        let function = &tool["function"];
        let name = function["name"].as_str().unwrap_or_default();
        let is_of_it = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        tool["type"] == "function"
            && (1..=64).contains(&name.len())
            && name.chars().all(is_of_it)
            && function["parameters"]["type"] == "object"
    };
    let all = tools
        .as_array()
        .is_none_or(|tools| !tools.is_empty() && tools.iter().all(is_right));
    all.then_some(()).ok_or_else(|| {
        openai::refusal(
            Some("tools"),
            Some("invalid_value"),
            "Invalid value for 'tools'.",
        )
    })
}

fn invalid(message: &str) -> Response {
    openai::refusal(Some("messages"), None, message)
}

/// The deltas by which a server of OpenAI's kind calls: OpenAI in pieces, and one's own server as Ollama does, each call in
/// one chunk and all of them with the index 0.
pub(super) fn openai_deltas(round: usize, turn: &CallingTurn, is_own_server: bool) -> Vec<Value> {
    let mut deltas = Vec::new();
    for (number, (name, arguments)) in turn.calls.iter().enumerate() {
        let (id, arguments) = (format!("call_{round}_{number}"), arguments.to_string());
        let delta = |index: usize, call: Value| {
            let mut call = call;
            call["index"] = index.into();
            json!({"tool_calls": [call]})
        };
        if is_own_server {
            let function = json!({"name": name, "arguments": arguments});
            deltas.push(delta(
                0,
                json!({"id": id, "type": "function", "function": function}),
            ));
            continue;
        }
        let function = json!({"name": name, "arguments": ""});
        deltas.push(delta(
            number,
            json!({"id": id, "type": "function", "function": function}),
        ));
        let chars: Vec<char> = arguments.chars().collect();
        for piece in chars.chunks(5) {
            let piece: String = piece.iter().collect();
            deltas.push(delta(number, json!({"function": {"arguments": piece}})));
        }
    }
    deltas
}
