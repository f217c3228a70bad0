//! What the three services of OpenAI have in common, and the many servers that speak their API.

use serde::Deserialize;

use super::budget::Budget;
use super::http::{Auth, Client, Request};
use super::{Error, Service};
use crate::config::Endpoint;
use crate::sys::deadline::Deadline;

/// The key, if there is one: a server in the user's own network may need none.
pub(super) fn auth(endpoint: &Endpoint) -> Auth {
    endpoint.api_key.clone().map_or(Auth::None, Auth::Bearer)
}

/// `openai` as its user knows it, or under the name `own` where it is a server in the user's own network.
pub(super) fn service(endpoint: &Endpoint, openai: Service, own: &'static str) -> Service {
    if endpoint.is_private() {
        Service {
            name: own,
            ..openai
        }
    } else {
        openai
    }
}

/// Lists the models of a server: <https://platform.openai.com/docs/api-reference/models/list>.
///
/// # Errors
/// [`Error`] of the request.
pub(super) fn models(
    client: &Client,
    endpoint: &Endpoint,
    service: Service,
    deadline: Deadline,
) -> Result<Option<Vec<String>>, Error> {
    let request = Request {
        service,
        url: format!("{}/models", endpoint.base_url),
        auth: auth(endpoint),
        content_type: "",
        body: None,
        words: String::new(),
        max_bytes: MAX_LIST,
    };
    let list: List = client
        .send(&request, Budget::once(deadline))?
        .json(service)?;
    Ok(Some(list.data.into_iter().map(|model| model.id).collect()))
}

#[derive(Deserialize)]
struct List {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
}

/// Some hundred models, with a few hundred bytes of description each.
const MAX_LIST: u64 = 4 * 1024 * 1024;

/// Whether the endpoint is OpenAI itself.
pub(super) fn is_openai(endpoint: &Endpoint) -> bool {
    endpoint.base_url == "https://api.openai.com/v1"
}
