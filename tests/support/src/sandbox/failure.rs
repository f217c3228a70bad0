//! What a client gets of each fault, in the shape that the vendor documents.

use std::time::Duration;

use serde_json::{Value, json};

use super::delivery::{Delivery, End, Form, Piece, Right, wrapped};
use super::fault::Fault;
use super::http::{Request, Response, header};
use super::service::Service;
use super::{gemini, google, google_auth, google_tts, openai, speech_to_text};

impl Fault {
    /// What the client gets instead of `right`, and how.
    pub(super) fn applied(
        &self,
        service: Service,
        request: &Request,
        right: Right,
    ) -> (Response, Delivery) {
        let len = right.response.body.len();
        let delivery = match self {
            Self::Hang => Delivery::Never,
            Self::Reset => Delivery::Reset,
            Self::Slow(rate) => Delivery::Pieces(right.at_rate(*rate), End::Right),
            Self::BreakAfter(events) if right.is_stream() => {
                Delivery::Pieces(right.until(right.place_after(*events)), End::Right)
            }
            Self::CutShort | Self::BreakAfter(_) => {
                Delivery::Pieces(right.until(len / 2), End::Cut)
            }
            Self::HangAfterEvents(events) => {
                Delivery::Pieces(right.until(right.place_after(*events)), End::Silence)
            }
            Self::CutAfter(sound) => {
                Delivery::Pieces(right.until(right.place_of(*sound)), End::Cut)
            }
            Self::HangAfter(sound) => {
                Delivery::Pieces(right.until(right.place_of(*sound)), End::Silence)
            }
            Self::StallAfter(sound, pause) => {
                Delivery::Pieces(right.paused_at(right.place_of(*sound), *pause), End::Right)
            }
            Self::Endless => return endless(service, right),
            Self::Bytes(bytes, more) => Delivery::Bytes(bytes.clone(), more.clone()),
            Self::Echo(place) => {
                let response = place.response(request);
                let delivery = Delivery::whole(&response);
                return (response, delivery);
            }
            Self::MidStreamError(events) if right.is_stream() => {
                return failing(service, right, *events);
            }
            _ => {
                let response = self.in_place_of(service, &right);
                let delivery = Delivery::whole(&response);
                return (response, delivery);
            }
        };
        (right.response, delivery)
    }

    /// The response of a fault that leaves nothing of the right one.
    fn in_place_of(&self, service: Service, right: &Right) -> Response {
        let error = match self {
            Self::Reply(response) => return response.clone(),
            Self::WrongShape => return wrong_shape(right.form),
            Self::NotJson => return Response::new(200, "text/html; charset=utf-8", HTML),
            Self::Empty => return Response::new(200, right_type(&right.response), ""),
            Self::Status(status) => documented(service, *status),
            Self::Detail(status) => Response::json(
                *status,
                &json!({"detail": "Model is not installed locally"}),
            ),
            Self::RetryAfter(wait) => rate_limited(service, *wait),
            Self::QuotaExhausted => out_of_quota(service),
            _ => documented(service, 503),
        };
        wrapped(error, right.form)
    }
}

fn right_type(right: &Response) -> &str {
    header(&right.headers, "Content-Type").unwrap_or("application/octet-stream")
}

fn wrong_shape(form: Form) -> Response {
    match form {
        Form::Events | Form::Sounding { .. } => {
            Response::new(200, "text/event-stream", "data: {}\r\n\r\n").chunked()
        }
        Form::Array => Response::json(200, &json!([{}])).chunked(),
        Form::Whole | Form::Audio { .. } => Response::json(200, &json!({})),
    }
}

fn endless(service: Service, right: Right) -> (Response, Delivery) {
    let place = right.place_after(usize::MAX);
    let mut response = right.response;
    let more = match right.form {
        Form::Audio { .. } => vec![1],
        Form::Events => {
            response.body.truncate(place);
            if service == Service::OpenAiChat {
                ON_AND_ON.into()
            } else {
                AND_SO_ON.into()
            }
        }
        Form::Sounding { .. } => {
            response.body.truncate(place);
            let buzz = "AQEB".repeat(1_000);
            SOUND_ON.replace("SOUND", &buzz).into()
        }
        Form::Whole | Form::Array => {
            // Without its last brace the answer could still become valid.
            while response.body.pop_if(|byte| *byte != b'}').is_some() {}
            response.body.pop();
            vec![b' ']
        }
    };
    (response, Delivery::Endless(more))
}

/// A stream that an error ends: among events the lines of its JSON, without `data:`.
fn failing(service: Service, right: Right, events: usize) -> (Response, Delivery) {
    let place = right.place_after(events);
    let mut pieces = right.until(place);
    let next = right.pieces.iter().find(|piece| piece.end > place);
    let due = next.map_or(Duration::ZERO, |piece| piece.due);
    let Right {
        mut response, form, ..
    } = right;
    let mut error = google::error(503, OVERLOADED, &json!([])).body;
    if service == Service::OpenAiChat {
        // Of OpenAI's kind an error is an event like the others.
        error = [b"data: ", error.trim_ascii(), b"\n\n"].concat();
    }
    response.body.truncate(place);
    match form {
        Form::Array => {
            let before = if place > 0 { ",\r\n" } else { "[" };
            response.body.extend_from_slice(before.as_bytes());
            response.body.extend_from_slice(error.trim_ascii_end());
            response.body.extend_from_slice(b"\n]\n");
        }
        _ => response.body.extend_from_slice(&error),
    }
    let end = response.body.len();
    pieces.push(Piece { end, due });
    (response, Delivery::Pieces(pieces, End::Right))
}

/// The error that a stage's vendor documents for a status.
fn documented(service: Service, status: u16) -> Response {
    let by_google = |api: &google::Api| {
        google::error(
            status,
            &google_message(api, status),
            &google_details(api, status),
        )
    };
    match service {
        Service::GoogleStt => by_google(&speech_to_text::API),
        Service::GoogleTts => by_google(&google_tts::API),
        Service::Gemini | Service::GeminiStt | Service::GeminiTts if status == 404 => {
            gemini::no_such_model("gemini-2.0-flash")
        }
        Service::Gemini | Service::GeminiStt | Service::GeminiTts => by_google(&gemini::API),
        Service::OpenAiStt | Service::OpenAiChat | Service::OpenAiTts | Service::Models => {
            openai_error(status)
        }
        Service::Token => {
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

fn rate_limited(service: Service, wait: Duration) -> Response {
    let seconds = wait.as_secs();
    let response = match service {
        Service::GoogleStt
        | Service::GoogleTts
        | Service::Gemini
        | Service::GeminiStt
        | Service::GeminiTts => {
            let retry = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")});
            google::error(429, QUOTA, &json!([quota_failure(), retry]))
        }
        _ => documented(service, 429),
    };
    response.header("Retry-After", &seconds.to_string())
}

fn out_of_quota(service: Service) -> Response {
    match service {
        Service::GoogleStt
        | Service::GoogleTts
        | Service::Gemini
        | Service::GeminiStt
        | Service::GeminiTts => google::error(429, QUOTA, &json!([quota_failure()])),
        Service::Token => documented(service, 429),
        _ => openai::error(
            429,
            "insufficient_quota",
            None,
            Some("insufficient_quota"),
            OUT_OF_MONEY,
        ),
    }
}

fn quota_failure() -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"subject": "project:100000000000", "description": "Quota exceeded."}],
    })
}

/// An event that the model could go on with.
const AND_SO_ON: &str = "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"and so on \"}],\"role\": \"model\"},\"index\": 0}]}\r\n\r\n";
const ON_AND_ON: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"and so on \"},\"finish_reason\":null}]}\n\n";
const SOUND_ON: &str = "data: {\"candidates\": [{\"content\": {\"parts\": [{\"inlineData\": {\"mimeType\": \"audio/L16;rate=24000\", \"data\": \"SOUND\"}}],\"role\": \"model\"},\"index\": 0}]}\r\n\r\n";
const QUOTA: &str = "You exceeded your current quota, please check your plan and billing details.";
const OUT_OF_MONEY: &str = "You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.";
const OVERLOADED: &str = "The model is overloaded. Please try again later.";
const HTML: &str = "<!DOCTYPE html>\n<html><head><title>Sign in to the network</title></head><body><h1>Welcome, guest</h1></body></html>\n";
