//! Google's Gemini, `POST /v1beta/models/{model}:generateContent`.
//!
//! What is asked is looked up in the [`Script`](super::Script)s. Spec: <https://ai.google.dev/api/generate-content>.

use serde_json::{Value, json};

use super::Context;
use super::google::{self, Api};
use super::http::{Request, Response};
use super::proto_json::{self, Fields, Shape, integer};

pub(super) const API: Api = Api {
    host: "generativelanguage.googleapis.com",
    method: "google.ai.generativelanguage.v1beta.GenerativeService.GenerateContent",
    title: "Generative Language API",
    scopes: &[
        "generative-language",
        "generative-language.retriever",
        "generative-language.tuning",
    ],
    takes_api_key: true,
};

/// Answers one request; `model` comes from the path.
///
/// # Errors
/// The answer to one that the service would refuse.
pub(super) fn generate(
    model: &str,
    request: &Request,
    context: &Context<'_>,
) -> Result<Response, Response> {
    API.authorize(request, context)?;
    let body = proto_json::read(&request.body, REQUEST)
        .map_err(|violations| google::bad_request(&violations))?;
    let Some((_, levels)) = MODELS.iter().find(|(known, _)| *known == model) else {
        return Err(no_such_model(model));
    };
    let question = last_question(&body).map_err(google::invalid)?;
    check_thinking(&body["generationConfig"]["thinkingConfig"], levels).map_err(google::invalid)?;
    let answer = context.answer_to(&question);
    Ok(Response::json(
        200,
        &response(model, &question, &answer, &body, context),
    ))
}

/// The refusal of a model that does not exist, or not any more.
pub(super) fn no_such_model(model: &str) -> Response {
    let message = format!(
        "models/{model} is not found for API version v1beta, or is not supported for generateContent. Call ModelService.ListModels to see the list of available models and their supported methods."
    );
    google::error(404, &message, &json!([]))
}

fn response(
    model: &str,
    question: &str,
    answer: &str,
    body: &Value,
    context: &Context<'_>,
) -> Value {
    let limit = integer(&body["generationConfig"]["maxOutputTokens"]);
    let limit = limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(usize::MAX);
    let all = answer.split_inclusive(' ').count();
    let text: String = answer.split_inclusive(' ').take(limit).collect();
    let given = all.min(limit);
    let asked = question.split_whitespace().count();
    json!({
        "candidates": [{
            "content": {"parts": [{"text": text}], "role": "model"},
            "finishReason": if all > limit { "MAX_TOKENS" } else { "STOP" },
            "index": 0,
        }],
        "usageMetadata": {
            "promptTokenCount": asked,
            "candidatesTokenCount": given,
            "totalTokenCount": asked + given,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": asked}],
        },
        "modelVersion": model,
        "responseId": context.request_id(),
    })
}

/// The text of the last turn, which must be the user's.
fn last_question(body: &Value) -> Result<String, &'static str> {
    let contents = body["contents"]
        .as_array()
        .filter(|contents| !contents.is_empty());
    let contents =
        contents.ok_or("* GenerateContentRequest.contents: contents is not specified\n")?;
    let role = |content: &Value| content["role"].as_str().unwrap_or("user").to_owned();
    if contents
        .iter()
        .any(|content| !["user", "model"].contains(&role(content).as_str()))
    {
        return Err("Please use a valid role: user, model.");
    }
    let last = &contents[contents.len() - 1];
    if role(last) != "user" {
        return Err("Please ensure that the last turn of the conversation is of the user.");
    }
    let parts = last["parts"].as_array().map_or(&[][..], Vec::as_slice);
    let text: String = parts
        .iter()
        .filter_map(|part| part["text"].as_str())
        .collect();
    if text.is_empty() {
        return Err(
            "* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.\n",
        );
    }
    Ok(text)
}

fn check_thinking(config: &Value, levels: &[&str]) -> Result<(), &'static str> {
    let level = config["thinkingLevel"].as_str();
    if level.is_some() && config.get("thinkingBudget").is_some() {
        return Err("You can only set only one of thinking budget and thinking level.");
    }
    match level {
        Some(level) if !levels.iter().any(|known| known.eq_ignore_ascii_case(level)) => Err(
            "Thinking level is not supported for this model. Please retry with other thinking level.",
        ),
        _ => Ok(()),
    }
}

const REQUEST: Fields = &[
    ("model", Shape::Text),
    ("contents", Shape::List(&Shape::Message(CONTENT))),
    ("system_instruction", Shape::Message(CONTENT)),
    ("tools", Shape::List(&Shape::Message(TOOL))),
    ("tool_config", Shape::Any),
    ("safety_settings", Shape::List(&Shape::Any)),
    ("generation_config", Shape::Message(GENERATION_CONFIG)),
    ("cached_content", Shape::Text),
];
const CONTENT: Fields = &[
    ("role", Shape::Text),
    ("parts", Shape::List(&Shape::Message(PART))),
];
const PART: Fields = &[
    ("text", Shape::Text),
    ("thought", Shape::Bool),
    ("thought_signature", Shape::Bytes),
    (
        "inline_data",
        Shape::Message(&[("mime_type", Shape::Text), ("data", Shape::Bytes)]),
    ),
    ("function_call", Shape::Any),
    ("function_response", Shape::Any),
];
const TOOL: Fields = &[
    ("function_declarations", Shape::List(&Shape::Any)),
    ("google_search", Shape::Any),
    ("url_context", Shape::Any),
    ("code_execution", Shape::Any),
];
const GENERATION_CONFIG: Fields = &[
    ("stop_sequences", Shape::List(&Shape::Text)),
    ("response_mime_type", Shape::Text),
    ("response_schema", Shape::Any),
    ("response_modalities", Shape::List(&Shape::Text)),
    ("speech_config", Shape::Any),
    ("candidate_count", Shape::Integer),
    ("max_output_tokens", Shape::Integer),
    ("temperature", Shape::Number),
    ("top_p", Shape::Number),
    ("top_k", Shape::Integer),
    ("seed", Shape::Integer),
    ("thinking_config", Shape::Message(THINKING_CONFIG)),
];
const THINKING_CONFIG: Fields = &[
    (
        "thinking_level",
        Shape::Enum(
            "type.googleapis.com/google.ai.generativelanguage.v1beta.ThinkingConfig.ThinkingLevel",
            &[
                "THINKING_LEVEL_UNSPECIFIED",
                "MINIMAL",
                "LOW",
                "MEDIUM",
                "HIGH",
            ],
        ),
    ),
    ("thinking_budget", Shape::Integer),
    ("include_thoughts", Shape::Bool),
];
/// The models of late 2026, and the thinking levels that each takes.
const MODELS: &[(&str, &[&str])] = &[
    ("gemini-3.5-flash-lite", ALL_LEVELS),
    ("gemini-3.6-flash", ALL_LEVELS),
    ("gemini-3.8-flash", &["LOW", "MEDIUM", "HIGH"]),
    ("gemini-flash-lite-latest", ALL_LEVELS),
    ("gemini-flash-latest", &["LOW", "MEDIUM", "HIGH"]),
    ("gemini-2.5-flash-lite", &[]),
];
const ALL_LEVELS: &[&str] = &["MINIMAL", "LOW", "MEDIUM", "HIGH"];
