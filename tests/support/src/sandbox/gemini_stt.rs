//! Gemini where it transcribes: `:generateContent` with sound in the request. Where it answers what it hears,
//! [`gemini`](super::gemini) does.
//!
//! Models that are made for it transcribe as they are configured, general ones do what the system instruction says, in the
//! JSON that `responseSchema` describes. Spec: <https://ai.google.dev/gemini-api/docs/audio>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::context::Context;
use super::delivery::Form;
use super::http::{Request, Response};
use super::{gemini, google};
use crate::audio::{Clip, to_index, wav};

/// Whether sound is in a request whose answer is a transcript: those to the caller are streamed.
pub(super) fn is_asked(request: &Request) -> bool {
    let is_whole = gemini::called(request).is_some_and(|(_, form)| form == Form::Whole);
    is_whole && has_sound(request)
}

fn has_sound(request: &Request) -> bool {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let mut contents = body["contents"].as_array().into_iter().flatten();
    contents.any(|content| {
        let mut parts = content["parts"].as_array().into_iter().flatten();
        parts.any(|part| {
            ["inlineData", "inline_data"]
                .iter()
                .any(|name| part.get(name).is_some())
        })
    })
}

/// Answers one request.
///
/// # Errors
/// The answer to one that the service would refuse.
pub(super) fn transcribe(request: &Request, context: &Context<'_>) -> Result<Response, Response> {
    let model = gemini::called(request).map_or("", |(model, _)| model);
    let body = gemini::read(model, request, context)?;
    let clip = sound(&body).map_err(google::invalid)?;
    let said = context.heard_in(&clip).join(" ");
    let config = &body["generationConfig"];
    let text = if model.contains("transcribe") {
        check_transcriber(&body).map_err(google::invalid)?;
        said
    } else {
        check_general(&body).map_err(google::invalid)?;
        match config["responseMimeType"].as_str() {
            Some("application/json") => {
                let mut written = json!({"has_speech": !said.is_empty(), "transcript": said});
                let language = &config["responseSchema"]["properties"]["language"];
                if let Some(first) = language["enum"].get(0) {
                    written["language"] = first.clone();
                }
                written.to_string()
            }
            _ => said,
        }
    };
    Ok(Response::json(200, &answer(model, &text, &clip)))
}

fn answer(model: &str, text: &str, clip: &Clip) -> Value {
    let heard = tokens(clip);
    let written = text.split_whitespace().count();
    let part = if text.is_empty() {
        json!({})
    } else {
        json!({"text": text})
    };
    json!({
        "candidates": [{
            "content": {"parts": [part], "role": "model"},
            "finishReason": "STOP",
            "index": 0,
        }],
        "usageMetadata": {
            "promptTokenCount": heard,
            "candidatesTokenCount": written,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": heard}],
        },
        "modelVersion": model,
    })
}

/// The tokens that a sound counts as.
pub(super) fn tokens(clip: &Clip) -> usize {
    TOKENS_PER_SECOND * to_index(clip.seconds().ceil())
}

fn sound(body: &Value) -> Result<Clip, &'static str> {
    let sound = sound_in(gemini::last_parts(body)?)?;
    sound.ok_or("Audio input modality is expected.")
}

/// The sound in the parts of a turn, if there is any.
///
/// # Errors
/// What the service says of one that it does not take.
pub(super) fn sound_in(parts: &[Value]) -> Result<Option<Clip>, &'static str> {
    let Some(blob) = parts.iter().find_map(|part| part.get("inlineData")) else {
        return Ok(None);
    };
    if blob["mimeType"] != "audio/wav" {
        return Err("Unsupported MIME type.");
    }
    let bytes = STANDARD.decode(blob["data"].as_str().unwrap_or_default());
    let clip = wav::parse(&bytes.unwrap_or_default());
    let clip = clip.ok_or("Request contains an invalid argument: the audio cannot be decoded.");
    clip.map(Some)
}

fn check_transcriber(body: &Value) -> Result<(), &'static str> {
    if body.get("systemInstruction").is_some() {
        return Err("Developer instruction is not enabled for models/gemini-3.5-transcribe");
    }
    let config = &body["generationConfig"];
    if config.get("responseSchema").is_some() || config.get("thinkingConfig").is_some() {
        return Err("Only audioTranscriptionConfig is supported by this model.");
    }
    Ok(())
}

/// Without an instruction a general model would answer the caller.
fn check_general(body: &Value) -> Result<(), &'static str> {
    if body.get("systemInstruction").is_none() {
        return Err("(sandbox) a general model has to be told that it is to transcribe");
    }
    if body["generationConfig"]
        .get("audioTranscriptionConfig")
        .is_some()
    {
        return Err("audioTranscriptionConfig is not supported by this model.");
    }
    let schema = &body["generationConfig"]["responseSchema"];
    let is_object = schema.is_null() || schema["type"] == "OBJECT";
    let mut properties = schema["properties"].as_object().into_iter().flatten();
    if is_object
        && properties.all(|(_, it)| TYPES.contains(&it["type"].as_str().unwrap_or_default()))
    {
        Ok(())
    } else {
        Err("* GenerateContentRequest.generation_config.response_schema: invalid schema\n")
    }
}

const TYPES: &[&str] = &["STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT"];
const TOKENS_PER_SECOND: usize = 32;
