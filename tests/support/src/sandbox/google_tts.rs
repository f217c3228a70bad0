//! Google Cloud Text-to-Speech, `POST /v1/text:synthesize`.
//!
//! Spec: <https://cloud.google.com/text-to-speech/docs/reference/rest/v1/text/synthesize>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::context::Context;
use super::delivery::Right;
use super::google::{self, Api};
use super::http::{Request, Response};
use super::proto_json::{self, Fields, Shape, integer};
use crate::audio::wav::{self, Header};

pub(super) const API: Api = Api {
    host: "texttospeech.googleapis.com",
    method: "google.cloud.texttospeech.v1.TextToSpeech.SynthesizeSpeech",
    title: "Cloud Text-to-Speech API",
    scopes: &["cloud-platform"],
    takes_api_key: false,
};

/// Answers one request. The sound comes whole, when all of it has been made.
///
/// # Errors
/// The answer to one that the service would refuse.
pub(super) fn synthesize(request: &Request, context: &Context<'_>) -> Result<Right, Response> {
    API.authorize(request, context)?;
    let body = proto_json::read(&request.body, REQUEST)
        .map_err(|violations| google::bad_request(&violations))?;
    let text = body["input"]["text"].as_str().unwrap_or_default();
    if text.is_empty() {
        return Err(google::invalid("Either `text` or `ssml` must be set."));
    }
    if text.len() > LONGEST_TEXT {
        return Err(google::invalid(
            "Either `input.text` or `input.ssml` is longer than the limit of 5000 bytes.",
        ));
    }
    check_voice(&body["voice"]).map_err(|message| google::invalid(&message))?;
    let audio = &body["audioConfig"];
    if audio["audioEncoding"] != "LINEAR16" {
        return Err(google::invalid("Audio encoding must be specified."));
    }
    let rate = integer(&audio["sampleRateHertz"]).unwrap_or(VOICE_RATE);
    let rate_hz = u32::try_from(rate)
        .ok()
        .filter(|rate| (8000..=48_000).contains(rate));
    let rate_hz = rate_hz.ok_or_else(|| google::invalid("Invalid sample rate."))?;
    let speed = audio["speakingRate"].as_f64().unwrap_or(1.0);
    if !(0.25..=2.0).contains(&speed) {
        return Err(google::invalid(
            "Speaking rate must be between 0.25 and 2.0.",
        ));
    }
    let clip = context.spoken(text).at_speed(speed).at_rate(rate_hz);
    let pace = context.voice_pace();
    let due = pace.whole(clip.seconds());
    let encoded = STANDARD.encode(wav::with_header(&clip, Header::Right));
    Ok(Right::whole(
        Response::json(200, &json!({"audioContent": encoded})),
        due,
    ))
}

/// The language is required; a name must be one of the language's.
fn check_voice(voice: &Value) -> Result<(), String> {
    let language = voice["languageCode"].as_str().unwrap_or_default();
    let name = voice["name"].as_str().unwrap_or_default();
    if language.is_empty() {
        return Err("Voice language code must be specified.".to_owned());
    }
    let is_known = KINDS.iter().any(|kind| name.contains(kind));
    if !name.is_empty() && !is_known {
        return Err(format!("Voice '{name}' does not exist. Is it misspelled?"));
    }
    if !name.is_empty() && !name.starts_with(&format!("{language}-")) {
        return Err(format!(
            "Requested language code '{language}' doesn't match the voice '{name}''s language code. Either don't specify a language code, or specify a language code that matches the voice."
        ));
    }
    Ok(())
}

const REQUEST: Fields = &[
    (
        "input",
        Shape::Message(&[("text", Shape::Text), ("ssml", Shape::Text)]),
    ),
    (
        "voice",
        Shape::Message(&[
            ("language_code", Shape::Text),
            ("name", Shape::Text),
            ("ssml_gender", Shape::Text),
        ]),
    ),
    (
        "audio_config",
        Shape::Message(&[
            ("audio_encoding", Shape::Text),
            ("speaking_rate", Shape::Number),
            ("pitch", Shape::Number),
            ("volume_gain_db", Shape::Number),
            ("sample_rate_hertz", Shape::Integer),
            ("effects_profile_id", Shape::List(&Shape::Text)),
        ]),
    ),
];
const KINDS: &[&str] = &[
    "-Standard-",
    "-Wavenet-",
    "-Neural2-",
    "-Chirp3-HD-",
    "-Studio-",
];
const LONGEST_TEXT: usize = 5000;
const VOICE_RATE: i64 = 24_000;
