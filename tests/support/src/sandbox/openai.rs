//! OpenAI's voice, `POST /v1/audio/speech`.
//!
//! The audio is that of the [`Script`](super::script::Script) whose answer is to be spoken, else made up so that it
//! differs by text. Spec: <https://platform.openai.com/docs/api-reference/audio/createSpeech>.

use serde_json::{Value, json};

use super::context::Context;
use super::delivery::Right;
use super::http::{Request, Response};
use crate::audio::{Clip, wav};

/// Answers one request.
///
/// # Errors
/// The answer to one that the service would refuse.
pub(super) fn speak(request: &Request, context: &Context<'_>) -> Result<Right, Response> {
    check_key(request, context)?;
    let body: Value =
        serde_json::from_slice(&request.body).map_err(|_| refusal(None, None, NOT_JSON))?;
    check_names(&body, FIELDS)?;
    let input = text(&body, "input")?;
    check_input(input)?;
    let model = text(&body, "model")?;
    check_model(model, MODEL_NAMES, OWN_MODELS, request, context)?;
    check_choices(model, &body)?;
    let clip = context
        .spoken(input)
        .at_speed(body["speed"].as_f64().unwrap_or(1.0));
    let format = body["response_format"].as_str().unwrap_or("mp3");
    let response = audio(format, &clip).chunked();
    let pace = context.voice_pace();
    Ok(match format {
        "wav" | "pcm" => Right::audio(response, &clip, pace),
        _ => Right::whole(response, pace.first),
    })
}

/// The shape of all errors of OpenAI.
pub(super) fn error(
    status: u16,
    kind: &str,
    param: Option<&str>,
    code: Option<&str>,
    message: &str,
) -> Response {
    let error = json!({"message": message, "type": kind, "param": param, "code": code});
    Response::json(status, &json!({"error": error}))
}

/// A request that is not as it should be.
pub(super) fn refusal(param: Option<&str>, code: Option<&str>, message: &str) -> Response {
    error(400, "invalid_request_error", param, code, message)
}

/// A server in one's own network asks for no key, and does not look at one.
pub(super) fn check_key(request: &Request, context: &Context<'_>) -> Result<(), Response> {
    if request.is_plain {
        return Ok(());
    }
    let key = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "));
    let (code, message) = match key {
        Some(super::service::OPENAI_API_KEY) => return Ok(()),
        Some(_) => (Some("invalid_api_key"), INCORRECT_KEY),
        None => (None, NO_KEY),
    };
    context.refused("an unknown API key");
    Err(error(401, "invalid_request_error", None, code, message))
}

/// No other names than these.
pub(super) fn check_names(body: &Value, names: &[&str]) -> Result<(), Response> {
    let object = body
        .as_object()
        .ok_or_else(|| refusal(None, None, NOT_JSON))?;
    match object.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let message = format!("Unknown parameter: '{name}'.");
            Err(refusal(Some(name), Some("unknown_parameter"), &message))
        }
    }
}

/// The refusal of a request that lacks something.
pub(super) fn missing(name: &str) -> Response {
    let message = format!("Missing required parameter: '{name}'.");
    refusal(Some(name), Some("missing_required_parameter"), &message)
}

/// The model must be one of those that OpenAI offers, or one of a server in one's own network.
pub(super) fn check_model(
    model: &str,
    known: &[&str],
    own: &[&str],
    request: &Request,
    context: &Context<'_>,
) -> Result<(), Response> {
    let offered = if request.is_plain { own } else { known };
    if offered.contains(&model) && !context.is_retired(model) {
        return Ok(());
    }
    Err(no_such_model(model))
}

fn no_such_model(model: &str) -> Response {
    let message = format!("The model `{model}` does not exist or you do not have access to it.");
    error(
        404,
        "invalid_request_error",
        None,
        Some("model_not_found"),
        &message,
    )
}

/// A text that must be there.
pub(super) fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str, Response> {
    match &body[name] {
        Value::String(text) => Ok(text),
        Value::Null => Err(missing(name)),
        other => {
            let message =
                format!("Invalid type for '{name}': expected a string, but got {other} instead.");
            Err(refusal(Some(name), Some("invalid_type"), &message))
        }
    }
}

fn check_input(input: &str) -> Result<(), Response> {
    let len = input.chars().count();
    if len == 0 {
        let message = "Invalid 'input': empty string. Expected a string with minimum length 1, but got an empty string instead.";
        return Err(refusal(Some("input"), Some("empty_string"), message));
    }
    if len > LONGEST_INPUT {
        let message = format!(
            "Invalid 'input': string too long. Expected a string with maximum length {LONGEST_INPUT}, but got a string with length {len} instead."
        );
        return Err(refusal(
            Some("input"),
            Some("string_above_max_length"),
            &message,
        ));
    }
    Ok(())
}

fn check_choices(model: &str, body: &Value) -> Result<(), Response> {
    let voices = MODELS.iter().find(|(known, _)| *known == model);
    let voices = voices.map_or(OWN_VOICES, |(_, voices)| voices);
    one_of("voice", text(body, "voice")?, voices)?;
    one_of(
        "response_format",
        body["response_format"].as_str().unwrap_or("mp3"),
        &["mp3", "opus", "aac", "flac", "wav", "pcm"],
    )?;
    one_of(
        "stream_format",
        body["stream_format"].as_str().unwrap_or("audio"),
        &["audio"],
    )?;
    let speed = body["speed"].as_f64().unwrap_or(1.0);
    if !(0.25..=4.0).contains(&speed) {
        let (code, bound) = if speed > 4.0 {
            (
                "decimal_above_max_value",
                "above maximum value. Expected a value <= 4.0",
            )
        } else {
            (
                "decimal_below_min_value",
                "below minimum value. Expected a value >= 0.25",
            )
        };
        let message = format!("Invalid 'speed': decimal {bound}, but got {speed} instead.");
        return Err(refusal(Some("speed"), Some(code), &message));
    }
    Ok(())
}

/// One of the values that are documented.
pub(super) fn one_of(name: &str, given: &str, known: &[&str]) -> Result<(), Response> {
    if known.contains(&given) {
        return Ok(());
    }
    let message = format!(
        "Invalid value: '{given}'. Supported values are: '{}'.",
        known.join("', '")
    );
    Err(refusal(Some(name), Some("invalid_value"), &message))
}

fn audio(format: &str, clip: &Clip) -> Response {
    match format {
        "wav" => Response::new(200, "audio/wav", wav::streamed(clip)),
        "pcm" => Response::new(200, "audio/pcm", wav::bytes_of(&clip.samples)),
        // A client that forgot the format, or chose one that it cannot read, finds it out by the first bytes.
        "opus" => Response::new(200, "audio/opus", compressed(b"OggS\0\x02")),
        "aac" => Response::new(200, "audio/aac", compressed(b"\xff\xf1\x50\x80")),
        "flac" => Response::new(200, "audio/flac", compressed(b"fLaC\0\0\0\x22")),
        _ => Response::new(
            200,
            "audio/mpeg",
            compressed(b"ID3\x04\0\0\0\0\0\0\xff\xfb\x90\x64"),
        ),
    }
}

/// What begins as a compressed format does, and has no sound in it.
fn compressed(magic: &[u8]) -> Vec<u8> {
    [magic, &[0; 4096]].concat()
}

const FIELDS: &[&str] = &[
    "model",
    "input",
    "voice",
    "instructions",
    "response_format",
    "speed",
    "stream_format",
];
pub(super) const MODEL_NAMES: &[&str] = &["tts-1", "tts-1-hd", "gpt-4o-mini-tts"];
/// Of a server in one's own network.
pub(super) const OWN_MODELS: &[&str] = &["kokoro"];
const OWN_VOICES: &[&str] = &["af_heart"];
const MODELS: &[(&str, &[&str])] = &[
    ("tts-1", CLASSIC_VOICES),
    ("tts-1-hd", CLASSIC_VOICES),
    ("gpt-4o-mini-tts", VOICES),
];
const CLASSIC_VOICES: &[&str] = &[
    "alloy", "ash", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer",
];
const VOICES: &[&str] = &[
    "alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse",
    "marin", "cedar",
];
/// In characters, not bytes.
const LONGEST_INPUT: usize = 4096;
const NOT_JSON: &str =
    "We could not parse the JSON body of your request. The OpenAI API expects a JSON payload.";
pub(super) const INCORRECT_KEY: &str = "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.";
const NO_KEY: &str = "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
