//! The answer of a tool's server, as the model gets it: text of a size that it reads quickly.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::cloud::Error;
use crate::cloud::http::Incoming;
use crate::sys::plain::is_unseen;
use crate::text::page_text;

/// Reads a whole answer. What is no text is a fault that the model is told.
///
/// # Errors
/// [`Error`] when it is not whole in time.
pub(super) fn read(mut incoming: Incoming) -> Result<Result<String, String>, Error> {
    let mut body = Vec::new();
    loop {
        let block = incoming.block()?;
        if block.is_empty() {
            break;
        }
        body.extend(block);
    }
    Ok(told(incoming.content_type(), &body))
}

/// A body as the model is told of it.
///
/// # Errors
/// That it is no text.
pub(super) fn told(content_type: &str, body: &[u8]) -> Result<String, String> {
    let kind = content_type.split(';').next().unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(EMPTY.to_owned());
    }
    if !is_text(&kind, body) {
        return Err(format!("the answer is no text, but {}", named(&kind)));
    }
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    let text: Cow<'_, str> = if serde_json::from_str::<IgnoredAny>(text).is_ok() {
        compact(text).into()
    } else if kind == "text/html" || kind == "application/xhtml+xml" {
        page_text(text).into()
    } else {
        text.into()
    };
    let is_shown = |c: &char| matches!(c, '\n' | '\t') || !c.is_control() && !is_unseen(*c);
    Ok(cut(&text.chars().filter(is_shown).collect::<String>()))
}

/// Whether a body is text, by its type, or by itself where it has none.
fn is_text(kind: &str, body: &[u8]) -> bool {
    let by_type = kind.starts_with("text/")
        || [
            "json",
            "xml",
            "yaml",
            "csv",
            "javascript",
            "x-www-form-urlencoded",
        ]
        .iter()
        .any(|word| kind.ends_with(word));
    let is_unknown = kind.is_empty() || kind == "application/octet-stream";
    let is_binary = body.contains(&0);
    !is_binary && (by_type || is_unknown && std::str::from_utf8(body).is_ok())
}

/// The type for the model, if it is one.
fn named(kind: &str) -> &str {
    let is_type = |c: char| c.is_ascii_alphanumeric() || "/.+-".contains(c);
    if kind.is_empty() || kind.len() > 80 || !kind.chars().all(is_type) {
        "content of an unknown type"
    } else {
        kind
    }
}

/// JSON without the blanks between its values. Numbers and the order of members stay as they came.
fn compact(json: &str) -> String {
    let (mut is_in_text, mut is_escaped) = (false, false);
    let mut is_kept = |c: &char| {
        let is_kept = is_in_text || !c.is_ascii_whitespace();
        match c {
            '"' if !is_escaped => is_in_text = !is_in_text,
            _ => {}
        }
        is_escaped = is_in_text && *c == '\\' && !is_escaped;
        is_kept
    };
    json.chars().filter(|c| is_kept(c)).collect()
}

/// A text of at most [`MAX_TOLD`] bytes; what is longer ends with a mark.
fn cut(text: &str) -> String {
    if text.len() <= MAX_TOLD {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(MAX_TOLD - CUT.len());
    format!("{}{CUT}", &text[..end])
}

/// The largest answer that is read.
pub(super) const MAX_BYTES: u64 = 64 * 1024;
/// The longest text that the model is told, in bytes: some 2,000 tokens, which are paid for.
pub(crate) const MAX_TOLD: usize = 8 * 1024;
const CUT: &str = " … (the rest was left out)";
const EMPTY: &str = "done; the answer is empty";
