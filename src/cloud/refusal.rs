//! A service's refusal: what its error body says, and what that means for the administrator.

mod body;
mod meaning;

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::json::parse;
use super::service::Service;
use crate::sys::plain::plain;
use crate::sys::redact::{Hidden, redact};
use body::Body;

pub(crate) use body::status_in;
pub(crate) use meaning::Meaning;

/// An answer whose status is not 2xx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The service that refused.
    pub service: Service,
    /// The HTTP status.
    pub status: u16,
    /// The service's own word for it, such as `PERMISSION_DENIED` or `invalid_api_key`; may be empty.
    pub code: String,
    /// Google's finer word, such as `SERVICE_DISABLED`; may be empty.
    pub reason: String,
    /// The service's explanation, on one line and without our key.
    pub message: String,
    /// What it means beyond its status.
    pub(crate) meaning: Meaning,
    /// The field of the request that it names; may be empty.
    param: String,
    /// The time after which it wants to be asked again.
    pub retry_after: Option<Duration>,
    /// The number of seconds that this machine's clock is ahead of the service's.
    pub clock_ahead: Option<i64>,
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {}", self.service.name, self.status)?;
        for word in [&self.code, &self.reason] {
            if !word.is_empty() {
                write!(f, " {word}")?;
            }
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message.trim_end_matches('.'))?;
        }
        write!(f, "; {}", self.remedy())
    }
}

impl Refusal {
    /// Reads an error body. `hidden` lists what services may quote of the request and must not be shown.
    pub fn read(service: Service, status: u16, body: &[u8], hidden: &[Hidden<'_>]) -> Self {
        let json = parse::<Value>(body).unwrap_or_default();
        let read = Body::new(&json);
        let message = read.message();
        let code = read.codes().next().unwrap_or_default();
        // What stands in front of a service and blocks this machine answers with a page of HTML; the key is not at
        // fault.
        let is_page = status == 403 && body.trim_ascii_start().starts_with(b"<");
        let retry_after = read.retry_delay().and_then(google_duration);
        Self {
            service,
            status,
            code: one_line(code, hidden),
            meaning: if is_page {
                Meaning::Page
            } else {
                Meaning::of(status, &read, &message)
            },
            param: read.param().to_owned(),
            reason: one_line(read.reason(), hidden),
            retry_after: retry_after.or_else(|| requested_wait(&message)),
            // An error that is only a word says it once.
            message: one_line(if message == code { "" } else { &message }, hidden),
            clock_ahead: None,
        }
    }

    /// Whether the same request may succeed in a moment. Quotas and faults of ours do not pass by themselves.
    pub(crate) fn is_transient(&self) -> bool {
        // The statuses are those that google-genai's client tries again. OpenAI's client does so with each 429; a
        // used-up quota has a meaning of its own here and is not tried again.
        self.meaning == Meaning::Status
            && matches!(self.status, 408 | 429 | 500 | 502..=504)
            && self.retry_after.is_none_or(|wait| wait <= SHORT)
    }

    /// Whether it is refused for what is in it, which another request may leave out, and not for who sends it or when.
    pub(crate) fn is_of_request(&self) -> bool {
        self.meaning == Meaning::Content || self.is_of_form()
    }

    /// Whether it refuses the form of this request, such as sound in it, as it will the next time.
    pub(crate) fn is_of_form(&self) -> bool {
        self.meaning == Meaning::Status && matches!(self.status, 400 | 413 | 415 | 422)
    }

    /// Whether the request is refused for what it says in `field`, as the refusal tells in any words. A refusal in place of
    /// an answer often tells no status, which then counts as 500.
    pub(super) fn names(&self, field: &str) -> bool {
        let message = self.message.to_lowercase();
        matches!(self.status, 400 | 422 | 500) && (self.param == field || message.contains(field))
    }

    /// Whether a server, or its model, refuses to be told of functions. Ollama: "… does not support tools"; vLLM: "auto" tool
    /// choice requires …; llama.cpp: "tools param requires …" with 500; OpenRouter: "No endpoints found that support tool
    /// use" with 404; Gemini: "Function calling is not enabled for …".
    pub(super) fn knows_no_functions(&self) -> bool {
        let message = self.message.to_lowercase();
        let words = ["tool", "function call", "functions"];
        matches!(self.status, 400 | 404 | 422 | 500 | 501)
            && words
                .iter()
                .any(|word| message.contains(word) || self.param.contains(word))
    }

    /// Whether Google refuses this kind of token here, and would accept another kind. Google's reasons are
    /// `ACCESS_TOKEN_TYPE_UNSUPPORTED` and `ACCESS_TOKEN_SCOPE_INSUFFICIENT`.
    pub(crate) fn is_token_kind(&self) -> bool {
        matches!(self.status, 401 | 403) && self.reason.starts_with("ACCESS_TOKEN_")
    }

    /// The remedy, for an administrator.
    fn remedy(&self) -> String {
        let Service { settings, key, .. } = self.service;
        let by_status = || match self.status {
            300..=399 => format!("check base_url in {settings}: the service wants another address"),
            400 | 422 => format!("check the values in {settings}"),
            403 => format!(
                "the key ({key}) may not do this: check its permissions, and that the API is switched on"
            ),
            404 | 405 => {
                format!("check model and base_url in {settings}: models are retired now and then")
            }
            413 => "the recording or text is too large for the service".to_owned(),
            429 => "too many requests for this account: wait, or raise its quota".to_owned(),
            501 => format!("the service cannot do this: check model and base_url in {settings}"),
            500.. => "the service itself has trouble, which usually passes".to_owned(),
            _ => "see the service's documentation".to_owned(),
        };
        self.meaning.remedy(self.service).unwrap_or_else(by_status)
    }
}

/// The wait that a message asks for: `Please try again in 7m12s.`, `Please retry in 25.4s`, `Please retry after 24
/// seconds.`
fn requested_wait(message: &str) -> Option<Duration> {
    let message = message.to_lowercase();
    let (_, rest) = ["try again in ", "retry in ", "retry after "]
        .iter()
        .find_map(|words| message.split_once(words))?;
    let mut words = rest
        .split_whitespace()
        .map(|word| word.trim_end_matches(['.', ',']));
    let (word, unit) = (words.next()?, words.next());
    if let (Ok(seconds), Some("second" | "seconds")) = (word.parse(), unit) {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let mut seconds = None;
    let mut rest = word;
    while let Some(len) = rest
        .find(|c: char| c.is_ascii_alphabetic())
        .filter(|&len| len > 0)
    {
        let (number, after) = rest.split_at(len);
        let unit_len = after.find(|c: char| !c.is_ascii_alphabetic());
        let (unit, after) = after.split_at(unit_len.unwrap_or(after.len()));
        let (_, unit_s) = UNITS.iter().find(|(name, _)| *name == unit)?;
        seconds = Some(seconds.unwrap_or(0.0) + number.parse::<f64>().ok()? * unit_s);
        rest = after;
    }
    Duration::try_from_secs_f64(seconds.filter(|_| rest.is_empty())?).ok()
}

/// Returns at most [`MAX_MESSAGE`] characters of `text` on one line, with what is hidden replaced.
fn one_line(text: &str, hidden: &[Hidden<'_>]) -> String {
    // Far more than is shown, so that nothing is cut in its middle.
    let beginning: String = text.chars().take(4 * MAX_MESSAGE).collect();
    let text = redact(&beginning, hidden);
    let words = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty());
    let words = words.collect::<Vec<_>>().join(" ");
    plain(&words).chars().take(MAX_MESSAGE).collect()
}

/// Google's JSON durations: `23s`, `1.770s`.
pub(super) fn google_duration(text: &str) -> Option<Duration> {
    text.strip_suffix('s')?
        .parse()
        .ok()
        .and_then(|s| Duration::try_from_secs_f64(s).ok())
}

/// The units of a wait, in seconds.
const UNITS: [(&str, f64); 4] = [("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001)];

/// A wait that callers notice little more than the failure that it may prevent.
const SHORT: Duration = Duration::from_secs(2);

const MAX_MESSAGE: usize = 300;

#[cfg(test)]
mod tests;
