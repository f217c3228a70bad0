//! A service's refusal: what its error body says, and what that means for the administrator.
//!
//! Three shapes are read. Google's `{"error":{"code","message","status","details"}}`, sometimes in an
//! array (<https://google.aip.dev/193>); OpenAI's `{"error":{"message","type","param","code"}}`
//! (<https://platform.openai.com/docs/guides/error-codes>); OAuth's `{"error","error_description"}`
//! (RFC 6749, 5.2). Servers that speak OpenAI's API may send `{"detail": …}` or no JSON at all.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::Service;
use crate::sys::plain::plain;
use crate::sys::redact::{Hidden, redact};

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
    /// Whether a quota or a credit is used up, so that waiting a little does not help.
    pub is_quota: bool,
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
        let json = serde_json::from_slice::<Value>(body).unwrap_or_default();
        let top = json.get(0).unwrap_or(&json);
        let error = &top["error"];
        let details = error["details"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let detail = |name: &str| details.iter().find_map(|detail| detail[name].as_str());
        let is_quota_failure = details.iter().any(|detail| {
            detail["@type"]
                .as_str()
                .is_some_and(|name| name.ends_with("QuotaFailure"))
        });
        let retry_after = detail("retryDelay").and_then(google_duration);
        let codes = [&error["status"], &error["code"], &error["type"], error];
        let is_insufficient = codes
            .iter()
            .any(|code| code.as_str() == Some("insufficient_quota"));
        let message = first_text(&[&error["message"], &top["error_description"], &top["detail"]]);
        Self {
            service,
            status,
            code: one_line(first_text(&codes), hidden),
            // Google's limits per minute name the moment to come back; those per day do not.
            is_quota: is_insufficient || (is_quota_failure && retry_after.is_none()),
            reason: one_line(detail("reason").unwrap_or_default(), hidden),
            message: one_line(message, hidden),
            retry_after,
            clock_ahead: None,
        }
    }

    /// Whether the same request may succeed in a moment. Quotas and faults of ours do not pass by themselves.
    pub fn is_transient(&self) -> bool {
        match self.status {
            429 => !self.is_quota && self.retry_after.is_none_or(|wait| wait <= SHORT),
            408 | 500 | 502 | 503 | 504 => self.retry_after.is_none_or(|wait| wait <= SHORT),
            _ => false,
        }
    }

    /// Whether Google refuses this kind of token here, and would accept another kind. Google's reasons are
    /// `ACCESS_TOKEN_TYPE_UNSUPPORTED` and `ACCESS_TOKEN_SCOPE_INSUFFICIENT`.
    pub fn is_token_kind(&self) -> bool {
        matches!(self.status, 401 | 403) && self.reason.starts_with("ACCESS_TOKEN_")
    }

    /// Whether the service does not know the key. Gemini says so with 400 and the reason `API_KEY_INVALID`.
    pub fn is_unknown_key(&self) -> bool {
        self.status == 401 || self.status == 400 && self.reason.starts_with("API_KEY_")
    }

    /// The remedy, for an administrator.
    fn remedy(&self) -> String {
        let Service { settings, key, .. } = self.service;
        match self.status {
            _ if self.is_quota => "the account has no credit or quota left: see its billing page".to_owned(),
            _ if self.reason == "SERVICE_DISABLED" => {
                "switch this API on for the project of the service account, in Google Cloud's console".to_owned()
            }
            _ if self.reason == "BILLING_DISABLED" => "the project needs a billing account".to_owned(),
            _ if self.code == "invalid_grant" => {
                "the key may have been deleted: make a new one in Google Cloud's console, and check the clock".to_owned()
            }
            _ if self.is_unknown_key() => format!("check the key: {key}"),
            300..=399 => format!("check base_url in {settings}: the service wants another address"),
            400 | 422 => format!("check the values in {settings}"),
            403 => format!("the key ({key}) may not do this: check its permissions, and that the API is switched on"),
            404 | 405 => format!("check model and base_url in {settings}: models are retired now and then"),
            413 => "the recording or text is too large for the service".to_owned(),
            429 => "too many requests for this account: wait, or raise its quota".to_owned(),
            500.. => "the service itself has trouble, which usually passes".to_owned(),
            _ => "see the service's documentation".to_owned(),
        }
    }
}

fn first_text<'a>(candidates: &[&'a Value]) -> &'a str {
    candidates
        .iter()
        .find_map(|value| value.as_str())
        .unwrap_or_default()
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

/// A wait that callers notice little more than the failure that it may prevent.
const SHORT: Duration = Duration::from_secs(2);

const MAX_MESSAGE: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: Service = Service {
        name: "Google Speech-to-Text",
        settings: "[stt.google]",
        key: "[google] credentials",
    };

    fn read(status: u16, body: &str) -> Refusal {
        Refusal::read(
            SERVICE,
            status,
            body.as_bytes(),
            &[Hidden::Secret("sk-secret")],
        )
    }

    #[test]
    fn every_documented_shape_becomes_one_line_with_a_remedy() {
        let table = [
            (
                403,
                r#"{"error":{"code":403,"message":"Cloud Speech-to-Text API has not been used.","status":"PERMISSION_DENIED","details":[{"reason":"SERVICE_DISABLED"}]}}"#,
                "Google Speech-to-Text answered 403 PERMISSION_DENIED SERVICE_DISABLED: Cloud Speech-to-Text API has not been used; switch this API on for the project of the service account, in Google Cloud's console",
            ),
            (
                404,
                r#"[{"error":{"code":404,"message":"models/x is not found","status":"NOT_FOUND"}}]"#,
                "Google Speech-to-Text answered 404 NOT_FOUND: models/x is not found; check model and base_url in [stt.google]: models are retired now and then",
            ),
            (
                401,
                r#"{"error":{"message":"Incorrect API key provided: sk-secret.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
                "Google Speech-to-Text answered 401 invalid_api_key: Incorrect API key provided: [redacted]; check the key: [google] credentials",
            ),
            (
                429,
                r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":null}}"#,
                "Google Speech-to-Text answered 429 insufficient_quota: You exceeded your current quota; the account has no credit or quota left: see its billing page",
            ),
            (
                400,
                r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#,
                "Google Speech-to-Text answered 400 invalid_grant: Invalid JWT Signature; the key may have been deleted: make a new one in Google Cloud's console, and check the clock",
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}}"#,
                "Google Speech-to-Text answered 400 INVALID_ARGUMENT API_KEY_INVALID: API key not valid. Please pass a valid API key; check the key: [google] credentials",
            ),
            (
                422,
                r#"{"detail":"unknown\nvoice"}"#,
                "Google Speech-to-Text answered 422: unknown voice; check the values in [stt.google]",
            ),
            (
                502,
                "<html>Bad Gateway</html>",
                "Google Speech-to-Text answered 502; the service itself has trouble, which usually passes",
            ),
            (
                500,
                "",
                "Google Speech-to-Text answered 500; the service itself has trouble, which usually passes",
            ),
        ];
        for (status, body, expected) in table {
            assert_eq!(read(status, body).to_string(), expected);
        }
    }

    #[test]
    fn only_what_passes_by_itself_is_worth_a_second_try() {
        let google_429 = |delay: &str| {
            format!(
                r#"{{"error":{{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{{"retryDelay":"{delay}"}}]}}}}"#
            )
        };
        let table = [
            (503, "", true),
            (500, "", true),
            (408, "", true),
            (429, "", true),
            (429, &google_429("1.5s"), true),
            (429, &google_429("2s"), true),
            (429, &google_429("23s"), false),
            (429, r#"{"error":{"code":"insufficient_quota"}}"#, false),
            (400, "", false),
            (401, "", false),
            (403, "", false),
            (404, "", false),
            (501, "", false),
        ];
        for (status, body, expected) in table {
            assert_eq!(
                read(status, body).is_transient(),
                expected,
                "{status} {body}"
            );
        }
    }

    #[test]
    fn a_refused_kind_of_token_is_told_from_a_refused_key() {
        let body = |reason: &str| {
            format!(
                r#"{{"error":{{"code":401,"status":"UNAUTHENTICATED","details":[{{"reason":"{reason}"}}]}}}}"#
            )
        };
        assert!(read(401, &body("ACCESS_TOKEN_TYPE_UNSUPPORTED")).is_token_kind());
        assert!(read(403, &body("ACCESS_TOKEN_SCOPE_INSUFFICIENT")).is_token_kind());
        assert!(!read(401, &body("CREDENTIALS_MISSING")).is_token_kind());
        assert!(!read(400, &body("ACCESS_TOKEN_TYPE_UNSUPPORTED")).is_token_kind());
    }

    #[test]
    fn a_long_message_is_cut() {
        let long = format!(r#"{{"detail":"{}"}}"#, "é".repeat(5000));
        assert_eq!(read(400, &long).message.chars().count(), MAX_MESSAGE);
    }
}
