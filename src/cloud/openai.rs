//! What the three services of OpenAI have in common, and the many servers that speak their API.

use serde::Deserialize;
use serde_json::Value;

use super::access::Access;
use super::budget::Budget;
use super::http::{Auth, Client, Request};
use super::{Error, Listed, Service};
use crate::config::Endpoint;
use crate::sys::date::{self, SECONDS_A_DAY};
use crate::sys::deadline::Deadline;

/// A server that speaks OpenAI's API.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) service: Service,
    pub(super) client: Client,
    pub(super) endpoint: Endpoint,
}

impl Server {
    /// The server at `endpoint`. Its user knows it as `openai`, or as `own` where it is in the user's own network.
    pub(super) fn new(access: &Access, endpoint: Endpoint, openai: Service, own: Service) -> Self {
        Self {
            service: if endpoint.is_private() { own } else { openai },
            client: access.client.clone(),
            endpoint,
        }
    }

    /// Connects to the server, so that the next request finds the connection open.
    pub(super) fn warm(&self, deadline: Deadline) {
        self.client.warm(self.endpoint.origin(), deadline);
    }

    /// Lists the models: <https://platform.openai.com/docs/api-reference/models/list>.
    pub(super) fn models(&self, deadline: Deadline) -> Result<Option<Vec<Listed>>, Error> {
        let request = self.request("models", MAX_LIST);
        let budget = Budget::once(deadline);
        let list: List = self.client.send(&request, budget)?.json(self.service)?;
        let listed = |model: Model| Listed {
            shutdown: model.shutdown(),
            name: model.id,
        };
        Ok(Some(list.data.into_iter().map(listed).collect()))
    }

    /// A request that posts `body` to `path`, for an answer of at most `max_bytes`. `words` is the part of the body that
    /// was said.
    pub(super) fn post(&self, path: &str, body: Vec<u8>, words: String, max_bytes: u64) -> Request {
        Request {
            content_type: "application/json",
            body: Some(body.into()),
            words,
            ..self.request(path, max_bytes)
        }
    }

    fn request(&self, path: &str, max_bytes: u64) -> Request {
        let key = self.endpoint.api_key.clone();
        Request {
            service: self.service,
            url: format!("{}/{path}", self.endpoint.base_url),
            // A server in the user's own network may need no key.
            auth: key.map_or(Auth::None, Auth::Bearer),
            content_type: "",
            body: None,
            words: String::new(),
            max_bytes,
        }
    }
}

#[derive(Deserialize)]
struct List {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
    /// The day on which it is switched off: a date, or seconds since 1970.
    #[serde(default)]
    shutdown_date: Value,
}

impl Model {
    fn shutdown(&self) -> Option<String> {
        match &self.shutdown_date {
            Value::String(date) => Some(date.get(..DATE_LEN)?.to_owned()),
            date => Some(date::calendar(date.as_u64()? / SECONDS_A_DAY)),
        }
    }
}

/// The length of `2027-01-06`.
const DATE_LEN: usize = 10;

/// Some hundred models, with a few hundred bytes of description each.
const MAX_LIST: u64 = 4 * 1024 * 1024;

/// Whether the endpoint is OpenAI itself, at its own host or one of a region, such as `eu.api.openai.com`.
pub(super) fn is_openai(endpoint: &Endpoint) -> bool {
    let origin = endpoint.origin().trim_end_matches(":443");
    let host = origin.strip_prefix("https://").unwrap_or_default();
    let region = host.strip_suffix(HOST);
    // With the dot: `my-api.openai.com` would be another host.
    region.is_some_and(|region| region.is_empty() || region.ends_with('.'))
}

const HOST: &str = "api.openai.com";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Provider;

    #[test]
    fn the_day_on_which_a_model_is_switched_off_is_read_in_any_form() {
        let table = [
            (r#""2027-01-06""#, Some("2027-01-06")),
            (r#""2027-01-06T00:00:00Z""#, Some("2027-01-06")),
            ("1799193600", Some("2027-01-06")),
            ("null", None),
            (r#""soon""#, None),
        ];
        for (date, expected) in table {
            let json = format!(r#"{{"id":"tts-1","shutdown_date":{date}}}"#);
            let model: Model = serde_json::from_str(&json).expect("JSON");
            assert_eq!(model.shutdown().as_deref(), expected, "{date}");
        }
    }

    #[test]
    fn openai_is_known_at_each_of_its_hosts() {
        let table = [
            ("https://api.openai.com/v1", true),
            ("https://eu.api.openai.com/v1", true),
            ("https://us.api.openai.com:443/v1", true),
            ("https://api.openai.com/other/v1", true),
            ("https://notapi.openai.com/v1", false),
            ("https://api.openai.com.example/v1", false),
            ("https://host/api.openai.com", false),
            ("http://api.openai.com/v1", false),
        ];
        for (base_url, expected) in table {
            let endpoint = Endpoint {
                provider: Provider::called("openai"),
                base_url: base_url.to_owned(),
                model: String::new(),
                voice: String::new(),
                api_key: None,
                is_reserve: false,
            };
            assert_eq!(is_openai(&endpoint), expected, "{base_url}");
        }
    }
}
