//! JSON as services send it.

use serde::de::DeserializeOwned;

use crate::sys::plain::BYTE_ORDER_MARK;

/// Reads a body, before which some servers put a byte order mark.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    let text = body.strip_prefix(BYTE_ORDER_MARK.as_bytes());
    serde_json::from_slice(text.unwrap_or(body))
}
