//! The lists of models: OpenAI's `GET /v1/models`, Gemini's `GET /v1beta/models`. Asking for one costs nothing.
//!
//! Specs: <https://platform.openai.com/docs/api-reference/models/list>, <https://ai.google.dev/api/models>.

use serde_json::{Value, json};

use super::context::Context;
use super::http::{Request, Response};
use super::{gemini, openai, openai_chat, openai_stt};

/// Whether a list is asked for.
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
        return Ok(page(&models, request));
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
        .map(|name| {
            let shutdown = SHUTDOWNS.iter().find(|(known, _)| known == name);
            json!({
                "id": name, "object": "model", "created": 1_700_000_000, "owned_by": "openai",
                "shutdown_date": shutdown.map(|(_, date)| date),
            })
        })
        .collect();
    Ok(Response::json(
        200,
        &json!({"object": "list", "data": data}),
    ))
}

/// A page of the list: "The service may return fewer models" than are asked for.
fn page(models: &[Value], request: &Request) -> Response {
    let parameter = |name: &str| {
        let mut pairs = request
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    };
    let start =
        parameter("pageToken").and_then(|token| token.strip_prefix("from%2B")?.parse().ok());
    let start: usize = start.unwrap_or_default();
    let end = models.len().min(start + MODELS_PER_PAGE);
    let mut page = json!({"models": models[start.min(end)..end]});
    if end < models.len() {
        page["nextPageToken"] = format!("from+{end}").into();
    }
    Response::json(200, &page)
}

const MODELS_PER_PAGE: usize = 3;

/// The days on which models are switched off.
const SHUTDOWNS: &[(&str, &str)] = &[("tts-1", "2027-01-06"), ("tts-1-hd", "2027-01-06")];
