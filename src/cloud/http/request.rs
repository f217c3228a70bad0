//! What is asked of a service and what it answers, and what of both a log may show.

use std::sync::Arc;
use std::time::Duration;

use log::{Level, log_enabled, trace};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cloud::json::parse;
use crate::cloud::{Error, Service};
use crate::config::Secret;
use crate::sys::redact::Hidden;

/// How a request proves its sender's identity.
#[derive(Clone, Debug)]
pub(crate) enum Auth {
    /// No credentials, or none yet.
    None,
    /// This part of the body.
    InBody(Secret),
    /// `Authorization: Bearer …`
    Bearer(Secret),
    /// `x-goog-api-key: …`, and never an `Authorization` beside it: Google refuses both together.
    GoogleApiKey(Secret),
    /// Headers for a webhook or a tool, by their names: the one that a file of the settings holds, and a signature.
    Headers(Vec<(String, Secret)>),
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The service that it is for.
    pub(crate) service: Service,
    /// The whole address.
    pub(crate) url: String,
    /// The sender's credentials.
    pub(crate) auth: Auth,
    /// The type of `body`.
    pub(crate) content_type: &'static str,
    /// The body of a POST request; without it the request is a GET.
    pub(crate) body: Option<Arc<[u8]>>,
    /// The part of the body that was said, which no error repeats whole; or the end of the address, which no log shows.
    pub(crate) words: String,
    /// The size of the largest answer; a larger one is an error.
    pub(crate) max_bytes: u64,
}

/// A 2xx answer, whole.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its `Content-Type`, without what it quotes of the request; empty where there is none.
    pub content_type: String,
    /// Its body.
    pub body: Vec<u8>,
}

impl Response {
    /// Reads the body as the JSON that `service` documents.
    ///
    /// # Errors
    /// [`Error::Malformed`] tells what came instead, without quoting it: it may hold what was said.
    pub(crate) fn json<T: DeserializeOwned>(&self, service: Service) -> Result<T, Error> {
        json(service, &self.content_type, &self.body)
    }

    /// The error of an answer that is not what `service` documents.
    pub(crate) fn malformed(&self, service: Service) -> Error {
        malformed(service, &self.content_type, self.body.len(), None)
    }
}

/// Reads a body, or a part of one that stands for itself, as the JSON that `service` documents. Servers put `null` where
/// there is nothing, so it counts as left out.
///
/// # Errors
/// [`Error::Malformed`], as [`Response::json`].
pub(crate) fn json<T: DeserializeOwned>(
    service: Service,
    content_type: &str,
    body: &[u8],
) -> Result<T, Error> {
    // The parser's own message repeats the value that it stumbles over, which may be what was said: only the place is
    // told.
    let broken = |error: serde_json::Error| {
        malformed(service, content_type, body.len(), Some(error.column()))
    };
    // Counted before parsing: the zeros of a hostile service would become more memory than a call may have.
    if body.iter().filter(|byte| b",[{".contains(byte)).count() > MAX_VALUES {
        return Err(malformed(service, content_type, body.len(), None));
    }
    let mut value = parse(body).map_err(broken)?;
    // serde's defaults stand for what is missing, and a null is not missing.
    leave_out_nulls(&mut value);
    T::deserialize(value).map_err(broken)
}

fn leave_out_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(leave_out_nulls);
        }
        Value::Array(values) => {
            values.retain(|value| !value.is_null());
            values.iter_mut().for_each(leave_out_nulls);
        }
        _ => {}
    }
}

impl Request {
    /// The request as the log names it: method and address.
    pub(super) fn line(&self) -> String {
        let method = if self.body.is_some() { "POST" } else { "GET" };
        match self.url.strip_suffix(&self.words) {
            Some(start) if !self.words.is_empty() => {
                format!("{method} {start}<{} bytes>", self.words.len())
            }
            _ => format!("{method} {}", self.url),
        }
    }

    /// The error of a reply that did not come within `after`.
    pub(super) fn timeout(&self, after: Duration) -> Error {
        Error::Timeout {
            service: self.service.name,
            host: host(&self.url).to_owned(),
            after,
        }
    }

    /// The parts that an error must not repeat.
    pub(super) fn hidden(&self) -> Vec<Hidden<'_>> {
        let keys = self.auth.secrets().into_iter().map(Hidden::Secret);
        keys.chain([Hidden::Words(&self.words)]).collect()
    }
}

impl Auth {
    pub(super) fn headers(&self) -> Vec<(&str, String)> {
        match self {
            Self::None | Self::InBody(_) => Vec::new(),
            Self::Bearer(token) => vec![("authorization", format!("Bearer {}", token.expose()))],
            Self::GoogleApiKey(key) => vec![("x-goog-api-key", key.expose().to_owned())],
            Self::Headers(all) => {
                let all = all.iter();
                all.map(|(name, value)| (name.as_str(), value.expose().to_owned()))
                    .collect()
            }
        }
    }

    pub(super) fn secrets(&self) -> Vec<&str> {
        match self {
            Self::None => Vec::new(),
            Self::InBody(secret) | Self::Bearer(secret) | Self::GoogleApiKey(secret) => {
                vec![secret.expose()]
            }
            Self::Headers(all) => all.iter().map(|(_, value)| value.expose()).collect(),
        }
    }
}

/// The error of a body of `len` bytes that is not what `service` documents, as was noticed in `column`.
pub(crate) fn malformed(
    service: Service,
    content_type: &str,
    len: usize,
    column: Option<usize>,
) -> Error {
    let kind = content_type.split(';').next().unwrap_or_default();
    let is_type = |c: char| c.is_ascii_alphanumeric() || "/.+-".contains(c);
    // What is no type might be anything, words among them.
    let kind = if kind.chars().all(is_type) { kind } else { "" };
    let found = match (len, column) {
        (0, _) => "an empty body".to_owned(),
        (_, None) => format!("{len} bytes of \"{kind}\" that are not in its format"),
        (_, Some(column)) => {
            format!("{len} bytes of \"{kind}\" that break its format in column {column}")
        }
    };
    Error::Malformed { service, found }
}

/// A body in the log. Bodies hold words and recordings, so that usually only the size is shown. A text is shown once all
/// of it has come, because in pieces a key could not be found in it.
#[derive(Debug)]
pub(super) struct BodyLog {
    verb: &'static str,
    pub(super) may_show: bool,
    beginning: Vec<u8>,
}

impl BodyLog {
    pub(super) fn new(verb: &'static str, may_show: bool) -> Self {
        Self {
            verb,
            may_show,
            beginning: Vec::new(),
        }
    }

    /// Takes in the next part.
    pub(super) fn add(&mut self, content_type: &str, part: &[u8]) {
        trace!("{}: <{} bytes> {content_type}", self.verb, part.len());
        if self.may_show && log_enabled!(Level::Trace) {
            let room = MAX_LOGGED - self.beginning.len();
            self.beginning.extend(&part[..part.len().min(room)]);
        }
    }
}

impl Drop for BodyLog {
    fn drop(&mut self) {
        // Cut at its limit, a text may end within a character; what is no UTF-8 before that is sound, and not shown.
        let text = match std::str::from_utf8(&self.beginning) {
            Err(error) if error.error_len().is_some() => return,
            Err(error) => String::from_utf8_lossy(&self.beginning[..error.valid_up_to()]),
            Ok(text) => text.into(),
        };
        if !text.is_empty() {
            trace!("{}: {text}", self.verb);
        }
    }
}

/// The host of an address, for people: without user, port and path.
pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    // By the last `@`: a password that holds one unescaped would else be shown in part.
    authority.rsplit('@').next().unwrap_or_default()
}

/// The maximum number of values in a JSON body: far more than any answer has, and still little memory, since two bytes
/// of JSON can become a hundred.
const MAX_VALUES: usize = 100_000;

/// The number of bytes of a text that are shown.
const MAX_LOGGED: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: Service = Service {
        name: "Gemini",
        settings: "[llm.gemini]",
        key: "[llm.gemini] api_key",
    };

    #[test]
    fn a_request_is_named_by_its_method() {
        for (body, expected) in [
            (None, "GET https://host/"),
            (Some([].into()), "POST https://host/"),
        ] {
            let request = Request {
                service: SERVICE,
                url: "https://host/".to_owned(),
                auth: Auth::None,
                content_type: "",
                body,
                words: String::new(),
                max_bytes: 0,
            };
            assert_eq!(request.line(), expected);
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_json() {
        let read = json::<Value>(SERVICE, "", "\u{feff}{\"a\": null}".as_bytes());
        assert_eq!(read.expect("JSON"), serde_json::json!({}));
    }

    #[test]
    fn json_of_more_values_than_any_answer_has_is_not_taken_in() {
        let read = |values: usize| {
            let body = format!("[{}0]", "0,".repeat(values - 1));
            json::<Value>(SERVICE, "application/json", body.as_bytes()).map(drop)
        };
        assert!(read(MAX_VALUES).is_ok());
        let refused = read(MAX_VALUES + 1).expect_err("too many");
        assert!(matches!(refused, Error::Malformed { .. }), "{refused}");
    }
}
