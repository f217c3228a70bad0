//! Gemini where it speaks: a model for speech, whose answer is sound in base64, event by event.
//!
//! Each event has an odd number of bytes, so that samples are cut in two. Tags in brackets, which the real voices perform,
//! are refused: whatever a model writes, none may get so far. Spec: <https://ai.google.dev/gemini-api/docs/speech-generation>.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::context::Context;
use super::delivery::{Form, Piece, Right};
use super::http::{Request, Response};
use super::{gemini, google};
use crate::audio::{Clip, float, to_index, wav};

/// Whether a request is for a model that speaks.
pub(super) fn is_asked(request: &Request) -> bool {
    gemini::called(request).is_some_and(|(model, _)| model.contains("tts"))
}

/// Answers one request, as a stream of events.
///
/// # Errors
/// The answer to one that the service would refuse.
pub(super) fn speak(request: &Request, context: &Context<'_>) -> Result<Right, Response> {
    let (model, form) = gemini::called(request).unwrap_or(("", Form::Whole));
    let body = gemini::read(model, request, context)?;
    let text = text(&body).map_err(google::invalid)?;
    check(&body, &text).map_err(google::invalid)?;
    if form != Form::Events {
        return Err(google::invalid(
            "(sandbox) only streams of events are known here",
        ));
    }
    let clip = context.spoken(&text);
    let pace = context.voice_pace();
    Ok(stream(model, &text, &clip, |seconds| pace.whole(seconds)))
}

/// The events, and when each is due.
fn stream(model: &str, text: &str, clip: &Clip, due: impl Fn(f64) -> Duration) -> Right {
    let bytes = wav::bytes_of(&clip.samples);
    let (mut body, mut pieces, mut sent) = (Vec::new(), Vec::new(), 0);
    let count = bytes.len().div_ceil(EVENT_BYTES).max(1);
    let blocks = bytes.chunks(EVENT_BYTES).chain(std::iter::repeat(&[][..]));
    for (index, block) in blocks.take(count).enumerate() {
        let mut event = event(model, block, clip.rate_hz);
        if index + 1 == count {
            event["candidates"][0]["finishReason"] = "STOP".into();
            event["usageMetadata"] = json!({
                "promptTokenCount": text.split_whitespace().count(),
                "candidatesTokenCount": to_index((TOKENS_PER_SECOND * clip.seconds()).ceil()),
            });
        }
        body.extend(format!("data: {event}\r\n\r\n").into_bytes());
        pieces.push(Piece {
            end: body.len(),
            due: due(float(sent) / f64::from(2 * clip.rate_hz)),
        });
        sent += block.len();
    }
    let event_len = pieces.first().map_or(0, |piece| piece.end);
    let per_second = event_len * usize::try_from(2 * clip.rate_hz).unwrap() / EVENT_BYTES;
    Right {
        response: Response::new(200, "text/event-stream", body).chunked(),
        form: Form::Sounding {
            bytes_per_second: u32::try_from(per_second).unwrap(),
        },
        pieces,
    }
}

fn event(model: &str, block: &[u8], rate_hz: u32) -> Value {
    let mime_type = format!("audio/L16;codec=pcm;rate={rate_hz}");
    let blob = json!({"mimeType": mime_type, "data": STANDARD.encode(block)});
    json!({
        "candidates": [{
            "content": {"parts": [{"inlineData": blob}], "role": "model"},
            "index": 0,
        }],
        "modelVersion": model,
    })
}

fn text(body: &Value) -> Result<String, &'static str> {
    let parts = gemini::last_parts(body)?;
    let words = parts.iter().filter_map(|part| part["text"].as_str());
    let text: String = words.collect();
    if text.trim().is_empty() {
        return Err(
            "* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.\n",
        );
    }
    Ok(text)
}

fn check(body: &Value, text: &str) -> Result<(), &'static str> {
    let config = &body["generationConfig"];
    if config["responseModalities"] != json!(["AUDIO"]) {
        return Err(
            "The requested combination of response modalities (TEXT) is not supported by the model.",
        );
    }
    if body.get("systemInstruction").is_some() {
        return Err("Developer instruction is not enabled for this model");
    }
    let voice = &config["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"]["voiceName"];
    if !VOICES.contains(&voice.as_str().unwrap_or_default()) {
        return Err("Voice name is not supported. Allowed voice names are: Kore, Puck, …");
    }
    if text.len() > LONGEST_TEXT {
        return Err("The input token count exceeds the maximum number of tokens allowed (8192).");
    }
    if text.contains(['[', ']', '<', '>']) {
        return Err("(sandbox) there are tags in the text, which a voice would perform");
    }
    Ok(())
}

/// 40 ms and a little, and whole groups of base64.
const EVENT_BYTES: usize = 2_001;
const TOKENS_PER_SECOND: f64 = 25.0;
const LONGEST_TEXT: usize = 4 * 8_192;
const VOICES: &[&str] = &["Kore", "Puck", "Charon", "Leda"];
