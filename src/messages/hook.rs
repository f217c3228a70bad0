//! The webhook: each message in a POST request, as JSON.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ring::hmac;

use super::entry::Entry;
use crate::cloud::budget::Budget;
use crate::cloud::http::{Auth, Client, Request};
use crate::cloud::own_header::{own_header, secret_text};
use crate::cloud::{Error, Service};
use crate::config::{self, Secret};
use crate::sys::deadline::Deadline;
use crate::sys::digest::hex;
use crate::sys::error::Chain;

use super::deliver::Failed;

/// Sends a message. Whatever answer of 2xx comes, it is taken.
///
/// # Errors
/// [`Failed`] says why it is not, and whether trying again is of any use.
pub(super) fn send(
    entry: &Entry,
    settings: &config::Messages,
    client: &Client,
) -> Result<(), Failed> {
    let body = entry.json().to_string().into_bytes();
    let headers = headers(settings, &body).map_err(Failed::for_now)?;
    let request = Request {
        service: WEBHOOK,
        url: settings.webhook.clone(),
        auth: Auth::Headers(headers),
        content_type: "application/json",
        body: Some(Arc::from(body)),
        words: String::new(),
        max_bytes: MAX_ANSWER,
    };
    let deadline = Deadline::after(Instant::now(), TIMEOUT, Instant::now);
    match client.open(&request, Budget::once(deadline)) {
        Ok(_) => Ok(()),
        // What a server answers may repeat what was said, so only its status is kept.
        Err(Error::Refused(refusal)) => Err(Failed {
            why: format!("the webhook answered {}", refusal.status),
            is_final: is_final(refusal.status),
        }),
        Err(error) => Err(Failed::for_now(Chain(&error).to_string())),
    }
}

/// Whether the webhook will not take it, however often it is asked: by RFC 9110 the fault of a 4xx is the request's, and
/// only of these three may pass by itself.
fn is_final(status: u16) -> bool {
    (400..500).contains(&status) && ![408, 425, 429].contains(&status)
}

/// The headers that go along.
///
/// # Errors
/// What is wrong with the file of one.
fn headers(settings: &config::Messages, body: &[u8]) -> Result<Vec<(String, Secret)>, String> {
    let mut headers = Vec::new();
    if let Some(path) = &settings.webhook_header_file {
        headers.push(own_header(path, "webhook_header_file of [messages]")?);
    }
    if let Some(path) = &settings.webhook_secret_file {
        let secret = secret_text(path, "webhook_secret_file of [messages]")?;
        // In the form of GitHub's `X-Hub-Signature-256`, which receivers have ready-made code for.
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        let digest = hmac::sign(&key, body);
        let hex = hex(digest.as_ref());
        headers.push((SIGNATURE.to_owned(), Secret::new(format!("sha256={hex}"))));
    }
    Ok(headers)
}

/// Tries whether the files that the settings name can be used.
///
/// # Errors
/// What is wrong with one.
pub(super) fn try_out(settings: &config::Messages) -> Result<(), String> {
    headers(settings, b"").map(drop)
}

const WEBHOOK: Service = Service {
    name: "the webhook",
    settings: "[messages]",
    key: "webhook_header_file under [messages]",
};

const SIGNATURE: &str = "X-Signature-256";
const TIMEOUT: Duration = Duration::from_secs(15);
/// What it answers is not read.
const MAX_ANSWER: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_the_request_is_final() {
        for status in [
            400, 401, 403, 404, 407, 409, 410, 413, 415, 422, 426, 428, 499,
        ] {
            assert!(is_final(status), "{status}");
        }
        for status in [301, 302, 399, 408, 425, 429, 500, 502, 503, 504, 599] {
            assert!(!is_final(status), "{status}");
        }
    }
}
