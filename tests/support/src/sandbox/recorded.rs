//! Requests as they arrived, for tests to look at.

use std::time::Instant;

use serde_json::Value;

use super::http::header;
use super::service::{Service, Stage};

/// A request that arrived, secrets and all.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What it was for.
    pub stage: Stage,
    /// The service that was asked.
    pub service: Service,
    /// Which connection carried it, as a number of its own.
    pub connection: u64,
    /// When the last of it had come.
    pub at: Instant,
    /// When the last of its answer had been sent; `None` while it has not.
    pub answered: Option<Instant>,
    /// The path, without the query.
    pub path: String,
    /// What followed the `?`, undecoded.
    pub query: String,
    /// All headers, in their order.
    pub headers: Vec<(String, String)>,
    /// The body: JSON as it came, a form as an object of strings (of a file, what it is), `null` for anything else.
    pub body: Value,
    /// The status of the answer that was right, whatever fault took its place.
    pub status: u16,
    /// Why the services refused it, where their answer hides the reason.
    pub refusal: Option<String>,
}

impl Recorded {
    /// The value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// A request for `/`, which asks nothing: whoever sends it wants a connection that is ready.
#[derive(Clone, Copy, Debug)]
pub struct WarmUp {
    /// Which connection carried it, as [`Recorded::connection`].
    pub connection: u64,
    /// When it had come.
    pub at: Instant,
}
