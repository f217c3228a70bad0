//! What stands in the data of an event: a part of an answer, or an error in its place.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::http::{json, malformed};
use super::refusal::status_in;
use super::{Error, Service};

/// The data of an event.
pub(super) enum Data<T> {
    /// A part of the answer.
    Part(T),
    /// The status of an error that stands there instead.
    Error(u16),
}

impl<T: DeserializeOwned> Data<T> {
    /// Reads the JSON of an event.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is not what the service documents.
    pub(super) fn read(service: Service, event: &str) -> Result<Self, Error> {
        // Google sends an error as an event of a stream that has begun with status 200, and its own client raises on
        // it. Every field of an answer has a default, so read as an answer it would only be empty.
        let value: Value = json(service, EVENTS, event.as_bytes())?;
        match status_in(&value) {
            Some(status) => Ok(Self::Error(status)),
            None => T::deserialize(value)
                .map(Self::Part)
                .map_err(|error| malformed(service, EVENTS, event.len(), Some(error.column()))),
        }
    }
}

/// The type of what is read here.
pub(super) const EVENTS: &str = "text/event-stream";
