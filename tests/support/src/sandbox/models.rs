//! The lists of models: OpenAI's `GET /v1/models`, Gemini's `GET /v1beta/models`. Asking for one costs nothing.
//!
//! Specs: <https://platform.openai.com/docs/api-reference/models/list>, <https://ai.google.dev/api/models>.

use serde_json::json;

use super::Context;
use super::http::{Request, Response};
use super::{gemini, openai, openai_chat, openai_stt};

/// Is it a list that is asked for?
pub(super) fn called(request: &Request) -> bool {
    request.method == "GET" && ["/v1/models", "/v1beta/models"].contains(&request.path.as_str())
}

/// Answers one request.
///
/// # Errors
/// The answer to one that the service would refuse.
pub(super) fn list(request: &Request, context: &Context<'_>) -> Result<Response, Response> {
    if request.path == "/v1beta/models" {
        gemini::API.authorize(request, context)?;
        let names = gemini::MODELS.iter().map(|(name, _)| *name);
        let models: Vec<_> = names
            .filter(|name| !context.is_retired(name))
            .map(|name| json!({"name": format!("models/{name}"), "supportedGenerationMethods": ["generateContent"]}))
            .collect();
        return Ok(Response::json(200, &json!({"models": models})));
    }
    openai::check_key(request, context)?;
    let lists = if request.is_plain {
        [
            openai_stt::OWN_MODELS,
            openai_chat::OWN_MODELS,
            openai::OWN_MODELS,
        ]
    } else {
        [openai_stt::MODELS, openai_chat::MODELS, openai::MODEL_NAMES]
    };
    let names = lists
        .into_iter()
        .flatten()
        .filter(|name| !context.is_retired(name));
    let data: Vec<_> = names
        .map(|name| json!({"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "openai"}))
        .collect();
    Ok(Response::json(
        200,
        &json!({"object": "list", "data": data}),
    ))
}
