//! A service that says back the key that it was given, in every spelling that its client might overlook.

use std::collections::HashMap;

use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, Engine};
use serde_json::{Value, json};

use super::google_auth::form;
use super::http::{Request, Response};

/// Where a service says the key back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the message of an error, its headers and its reason phrase.
    Refusal,
    /// In the `Location` of a redirect and its reason phrase.
    Redirect,
    /// In a body and a `Content-Type` with status 200 that are not what they should be.
    Body,
    /// In an event of a stream, as words of a model.
    Event,
    /// As what the caller has said.
    Transcript,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Refusal,
        Self::Redirect,
        Self::Body,
        Self::Event,
        Self::Transcript,
    ];

    pub(super) fn response(self, request: &Request) -> Response {
        let all = spellings(&sent_key(request));
        let all: Vec<String> = all.into_iter().map(|(_, spelled)| spelled).collect();
        let text = all.join(" ; ");
        let is_graphic = |c: char| if c.is_ascii_graphic() { c } else { ' ' };
        let in_header: String = text.chars().map(is_graphic).take(8000).collect();
        let error =
            json!({"error": {"message": text, "status": in_header, "code": "invalid_api_key"}});
        match self {
            Self::Refusal => Response::json(401, &error)
                .header("X-Key", &in_header)
                .header("WWW-Authenticate", &in_header)
                .reason(&in_header),
            Self::Redirect => Response::new(302, "text/plain", text)
                .header("Location", &format!("https://localhost/{in_header}"))
                .reason(&in_header),
            Self::Body => Response::new(200, &in_header[..in_header.len().min(200)], text),
            Self::Event => {
                let gemini = json!([{"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP"}]);
                let openai = json!([{"delta": {"content": text}, "finish_reason": "stop"}]);
                let event = json!({"candidates": gemini, "choices": openai});
                let events = format!("data: {event}\n\ndata: [DONE]\n\n");
                Response::new(200, "text/event-stream", events)
            }
            Self::Transcript => {
                let google = json!([{"alternatives": [{"transcript": text}]}]);
                let written = json!({"has_speech": true, "transcript": text}).to_string();
                let gemini =
                    json!([{"content": {"parts": [{"text": written}]}, "finishReason": "STOP"}]);
                let body = json!({"results": google, "text": text, "candidates": gemini});
                Response::json(200, &body)
            }
        }
    }
}

/// What proves who sends a request.
fn sent_key(request: &Request) -> String {
    let bearer = request
        .header("authorization")
        .map(|value| value.trim_start_matches("Bearer "));
    let in_header = bearer.or(request.header("x-goog-api-key"));
    let in_body = || form(&request.body).remove("assertion").unwrap_or_default();
    in_header.map_or_else(in_body, str::to_owned)
}

/// What `text` shows of `key` in any spelling, if that tells eight of its characters, with the spelling's name. Blanks
/// and line breaks hide nothing.
pub fn leak(key: &str, text: &str) -> Option<(&'static str, String)> {
    let squeezed = |text: &str| -> Vec<u8> { text.bytes().filter(u8::is_ascii_graphic).collect() };
    let text = squeezed(text);
    let mut places: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (place, beginning) in text.windows(8).enumerate() {
        places.entry(beginning).or_default().push(place);
    }
    let is_shown = |part: &[u8]| {
        let mut places = places.get(&part[..8]).into_iter().flatten();
        places.any(|place| text[*place..].starts_with(part))
    };
    spellings(key).into_iter().find_map(|(name, spelled)| {
        let spelled = squeezed(&spelled);
        let mut parts = spelled.windows(8 * (spelled.len() / key.len()));
        let part = parts.find(|part| is_shown(part))?;
        Some((name, String::from_utf8_lossy(part).into_owned()))
    })
}

/// Every way in which `key` may be written, by name.
pub fn spellings(key: &str) -> Vec<(&'static str, String)> {
    let each = |write: fn(u8) -> String, between: &str| {
        let all: Vec<_> = key.bytes().map(write).collect();
        all.join(between)
    };
    let letter = |byte: u8| char::from(byte).to_string();
    let behind = |lead: &str| format!("{lead}{key}");
    vec![
        ("as it is", key.to_owned()),
        ("reversed", key.chars().rev().collect()),
        ("base64", BASE64_STANDARD.encode(key)),
        ("base64 without an end", BASE64_STANDARD_NO_PAD.encode(key)),
        ("base64 of URLs", BASE64_URL_SAFE.encode(key)),
        ("base64 behind one", BASE64_STANDARD.encode(behind("u"))),
        ("base64 behind two", BASE64_STANDARD.encode(behind("u:"))),
        (
            "base64 behind a user",
            BASE64_STANDARD.encode(behind("user:")),
        ),
        ("hex", each(|byte| format!("{byte:02x}"), "")),
        ("hex with colons", each(|byte| format!("{byte:02X}"), ":")),
        ("hex with blanks", each(|byte| format!("{byte:02x}"), " ")),
        ("percent", each(|byte| format!("%{byte:02X}"), "")),
        ("JSON", each(|byte| format!("\\u{byte:04x}"), "")),
        (
            "JSON in JSON",
            Value::from(each(|byte| format!("\\u{byte:04x}"), "")).to_string(),
        ),
        ("blanks", each(letter, " ")),
        ("lines", each(letter, "\r\n")),
        ("nothing seen", each(letter, "\u{200B}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_characters_of_a_key_are_found_in_any_spelling_and_seven_are_not() {
        let key = "sk-0123456789abcdef";
        for (name, spelled) in spellings(key) {
            let found = leak(key, &format!("it said:\n{spelled}."));
            assert!(found.is_some(), "{name}");
        }
        assert_eq!(leak(key, "sk-0123 and 6789abc"), None);
        assert!(leak(key, "sk-01234 and no more").is_some());
    }
}
