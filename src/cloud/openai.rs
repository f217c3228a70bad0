//! What the three services of OpenAI have in common, and the many servers that speak their API.

use super::Service;
use super::http::Auth;
use crate::config::Endpoint;

/// The key, if there is one: a server in one's own network may do without.
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

/// Is it OpenAI itself?
pub(super) fn is_openai(endpoint: &Endpoint) -> bool {
    endpoint.base_url == "https://api.openai.com"
}
