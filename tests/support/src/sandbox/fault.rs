//! Everything that goes wrong with a service, each in the shape that its vendor documents.

use std::time::Duration;

use serde_json::{Value, json};

use super::http::Response;
use super::server::Delivery;
use super::{Stage, gemini, google, google_auth, openai, speech_to_text};

/// A way for a service to fail, put in place of its answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The vendor's documented error for 400, 401, 403, 404, 429, 500 or 503.
    Status(u16),
    /// Status 429 with a wait: `Retry-After`, and Google's `RetryInfo`.
    RetryAfter(Duration),
    /// Status 429 for the want of money: waiting does not help.
    QuotaExhausted,
    /// The request is taken, and nothing ever comes back.
    Hang,
    /// The connection is reset after the request.
    Reset,
    /// Status 200 with a page of HTML.
    NotJson,
    /// Status 200 with no body at all.
    Empty,
    /// Half of the announced body, then the end of the connection.
    CutShort,
    /// A body that begins well and never ends.
    Endless,
    /// Status 200 with `{}`.
    WrongShape,
    /// The right answer, at so many bytes a second.
    Slow(u32),
    /// This response.
    Reply(Response),
}

impl Fault {
    /// What the client gets instead of `right`, and how.
    pub(super) fn applied(&self, stage: Stage, right: Response) -> (Response, Delivery) {
        let response = match self {
            Self::Status(status) => documented(stage, *status),
            Self::RetryAfter(wait) => rate_limited(stage, *wait),
            Self::QuotaExhausted => out_of_quota(stage),
            Self::NotJson => Response::new(200, "text/html; charset=utf-8", HTML),
            Self::Empty => Response::new(200, right_type(&right), ""),
            Self::WrongShape => Response::json(200, &json!({})),
            Self::Reply(response) => response.clone(),
            Self::Hang => return (right, Delivery::Never),
            Self::Reset => return (right, Delivery::Reset),
            Self::CutShort => return (right, Delivery::Half),
            Self::Slow(rate) => return (right, Delivery::Slow(*rate)),
            Self::Endless => return endless(stage, right),
        };
        (response, Delivery::Whole)
    }
}

fn right_type(right: &Response) -> &str {
    super::http::header(&right.headers, "Content-Type").unwrap_or("application/octet-stream")
}

/// JSON that goes on with white space, or audio that goes on with a soft buzz.
fn endless(stage: Stage, mut right: Response) -> (Response, Delivery) {
    if stage == Stage::Tts {
        return (right, Delivery::Endless(1));
    }
    // Without its last brace the answer could still become valid.
    while right.body.pop_if(|byte| *byte != b'}').is_some() {}
    right.body.pop();
    (right, Delivery::Endless(b' '))
}

/// The error that a stage's vendor documents for a status.
pub(super) fn documented(stage: Stage, status: u16) -> Response {
    match stage {
        Stage::Stt => google::error(
            status,
            &google_message(&speech_to_text::API, status),
            &google_details(&speech_to_text::API, status),
        ),
        Stage::Llm => match status {
            404 => gemini::no_such_model("gemini-2.0-flash"),
            _ => google::error(
                status,
                &google_message(&gemini::API, status),
                &google_details(&gemini::API, status),
            ),
        },
        Stage::Tts => openai_error(status),
        Stage::Token => {
            let (error, description) = oauth_words(status);
            google_auth::oauth_error(status, error, description)
        }
    }
}

fn google_message(api: &google::Api, status: u16) -> String {
    let host = api.host;
    match status {
        400 => "Request contains an invalid argument.".to_owned(),
        401 => google::INVALID_CREDENTIALS.to_owned(),
        403 => format!(
            "{} has not been used in project 100000000000 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/{host}/overview?project=100000000000 then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.",
            api.title
        ),
        404 => "Requested entity was not found.".to_owned(),
        429 => "Resource has been exhausted (e.g. check quota).".to_owned(),
        500 => "Internal error encountered.".to_owned(),
        _ => "The service is currently unavailable.".to_owned(),
    }
}

fn google_details(api: &google::Api, status: u16) -> Value {
    match status {
        403 => api.info("SERVICE_DISABLED"),
        _ => json!([]),
    }
}

fn openai_error(status: u16) -> Response {
    let (kind, code, message) = match status {
        400 => ("invalid_request_error", None, "Invalid request."),
        401 => (
            "invalid_request_error",
            Some("invalid_api_key"),
            openai::INCORRECT_KEY,
        ),
        403 => (
            "request_forbidden",
            Some("unsupported_country_region_territory"),
            "Country, region, or territory not supported",
        ),
        404 => (
            "invalid_request_error",
            Some("model_not_found"),
            "The model `tts-1` does not exist or you do not have access to it.",
        ),
        429 => (
            "requests",
            Some("rate_limit_exceeded"),
            "Rate limit reached for tts-1 on requests per min (RPM): Limit 3, Used 3, Requested 1.",
        ),
        500 => (
            "server_error",
            None,
            "The server had an error while processing your request. Sorry about that!",
        ),
        _ => (
            "server_error",
            None,
            "The engine is currently overloaded, please try again later",
        ),
    };
    openai::error(status, kind, None, code, message)
}

fn oauth_words(status: u16) -> (&'static str, &'static str) {
    match status {
        400 => ("invalid_grant", "Invalid JWT Signature."),
        401 => ("invalid_client", "The OAuth client was not found."),
        403 => ("access_denied", "Account restricted."),
        429 => ("rate_limit_exceeded", "Rate limit exceeded."),
        503 => (
            "temporarily_unavailable",
            "The service is temporarily unavailable.",
        ),
        _ => ("internal_failure", "Internal error."),
    }
}

fn rate_limited(stage: Stage, wait: Duration) -> Response {
    let seconds = wait.as_secs();
    let response = match stage {
        Stage::Stt | Stage::Llm => {
            let retry = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")});
            google::error(429, QUOTA, &json!([quota_failure(), retry]))
        }
        Stage::Tts | Stage::Token => documented(stage, 429),
    };
    response.header("Retry-After", &seconds.to_string())
}

fn out_of_quota(stage: Stage) -> Response {
    match stage {
        Stage::Stt | Stage::Llm => google::error(429, QUOTA, &json!([quota_failure()])),
        Stage::Tts => openai::error(
            429,
            "insufficient_quota",
            None,
            Some("insufficient_quota"),
            OUT_OF_MONEY,
        ),
        Stage::Token => documented(stage, 429),
    }
}

fn quota_failure() -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"subject": "project:100000000000", "description": "Quota exceeded."}],
    })
}

const QUOTA: &str = "You exceeded your current quota, please check your plan and billing details.";
const OUT_OF_MONEY: &str = "You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.";
const HTML: &str = "<!DOCTYPE html>\n<html><head><title>Sign in to the network</title></head><body><h1>Welcome, guest</h1></body></html>\n";
