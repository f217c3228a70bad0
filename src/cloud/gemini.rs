//! What the services of Gemini have in common: its address, its sign-in, its list of models.

pub(super) mod wire;

use std::sync::Arc;
use std::time::Duration;

use log::warn;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::access::Access;
use super::budget::Budget;
use super::credentials::CredentialsError;
use super::google_auth::ServiceAccount;
use super::http::{Auth, Client, Incoming, Request, Response};
use super::{Error, Listed, Service};
use crate::config::Endpoint;
use crate::sys::deadline::Deadline;
use wire::Thinking;

/// A service of Gemini's, reached with the endpoint's key, or as the service account where it has none.
#[derive(Debug)]
pub(super) struct Gemini {
    service: Service,
    client: Client,
    account: Option<Arc<ServiceAccount>>,
    pub(super) endpoint: Endpoint,
}

impl Gemini {
    /// The service at `endpoint`. `key` names the setting that holds its key, where it has one.
    pub(super) fn new(
        access: &Access,
        endpoint: Endpoint,
        mut service: Service,
        key: &'static str,
    ) -> Result<Self, CredentialsError> {
        // Google answers 400, "Multiple authentication credentials received", to a key beside a token, so there is one
        // or the other.
        let account = if endpoint.api_key.is_some() {
            service.key = key;
            None
        } else {
            Some(access.account()?)
        };
        Ok(Self {
            service,
            client: access.client.clone(),
            account,
            endpoint,
        })
    }

    /// Connects to the service, so that the next request finds the connection open.
    pub(super) fn warm(&self, deadline: Deadline) {
        if let Some(account) = &self.account {
            account.sign_ahead(AUDIENCE);
        }
        self.client.warm(self.endpoint.origin(), deadline);
    }

    /// Makes a request that lets the model think as much as `setting` says.
    pub(super) fn thinking<T>(
        &self,
        setting: &str,
        ask: impl Fn(Option<Thinking>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let model = &self.endpoint.model;
        match ask(Thinking::of(setting, model)) {
            // Which levels a model takes changes from model to model; its own default always works.
            Err(Error::Refused(refusal)) if refusal.names("thinking") => {
                warn!(
                    "{model} refuses our thinking level, asking without: {}",
                    refusal.message
                );
                ask(None)
            }
            result => result,
        }
    }

    /// Posts `body` to the model's `generateContent` and waits for the whole answer, which has at most `max_bytes`.
    pub(super) fn send(
        &self,
        body: Vec<u8>,
        max_bytes: u64,
        budget: Budget,
    ) -> Result<Response, Error> {
        let request = self.post("generateContent", body, String::new(), max_bytes);
        let send = |request: &Request, budget| self.client.send(request, budget);
        self.signed(request, budget, send)
    }

    /// Posts `body` to the model's `method` and waits for the first bytes of the answer, which has at most
    /// `max_bytes`.
    /// `words` is the part of the body that was said.
    pub(super) fn open(
        &self,
        method: &str,
        body: Vec<u8>,
        words: String,
        max_bytes: u64,
        budget: Budget,
    ) -> Result<Incoming, Error> {
        let request = self.post(method, body, words, max_bytes);
        let open = |request: &Request, budget| self.client.open(request, budget);
        self.signed(request, budget, open)
    }

    /// The models, page by page: <https://ai.google.dev/api/models#method:-models.list>.
    pub(super) fn models(&self, deadline: Deadline) -> Result<Option<Vec<Listed>>, Error> {
        let send = |request: &Request, budget| self.client.send(request, budget);
        let (mut models, mut from) = (Vec::new(), String::new());
        // A server that names a next page for ever must not hold the doctor.
        for _ in 0..MAX_PAGES {
            let request = self.request(&format!("models?pageSize=1000{from}"));
            let response = self.signed(request, Budget::once(deadline), send)?;
            let page: List = response.json(self.service)?;
            models.extend(page.models.into_iter().map(ListedModel::listed));
            if page.next_page_token.is_empty() {
                break;
            }
            let token = utf8_percent_encode(&page.next_page_token, NON_ALPHANUMERIC);
            from = format!("&pageToken={token}");
        }
        Ok(Some(models))
    }

    fn post(&self, method: &str, body: Vec<u8>, words: String, max_bytes: u64) -> Request {
        Request {
            body: Some(body.into()),
            words,
            max_bytes,
            ..self.request(&format!("models/{}:{method}", self.endpoint.model))
        }
    }

    fn request(&self, path: &str) -> Request {
        let key = self.endpoint.api_key.clone();
        Request {
            service: self.service,
            // Aliases such as `gemini-flash-latest` exist under v1beta alone, although Google's own client uses v1.
            url: format!("{}/v1beta/{path}", self.endpoint.base_url),
            // No key is judged by its beginning: new ones begin with `AQ.` instead of `AIza` and are refused as Bearer
            // tokens. Their kinds: <https://ai.google.dev/gemini-api/docs/api-key>.
            auth: key.map_or(Auth::None, Auth::GoogleApiKey),
            content_type: "application/json",
            body: None,
            words: String::new(),
            max_bytes: MAX_LIST,
        }
    }

    fn signed<T>(
        &self,
        request: Request,
        budget: Budget,
        send: impl Fn(&Request, Budget) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match &self.account {
            Some(account) => account.send(&self.client, request, AUDIENCE, budget, send),
            None => send(&request, budget),
        }
    }
}

/// The most tokens that the words of a recording of this length have, as written by a model: more than anybody says, and
/// some thoughts that cannot be switched off.
pub(super) fn max_written(length: Duration) -> u32 {
    let seconds = u32::try_from(length.as_secs()).unwrap_or(u32::MAX);
    seconds
        .saturating_add(1)
        .saturating_mul(WRITTEN_A_SECOND)
        .saturating_add(THOUGHT)
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct List {
    models: Vec<ListedModel>,
    /// Leads to the next page; empty on the last one.
    next_page_token: String,
}

#[derive(Deserialize)]
struct ListedModel {
    /// `models/gemini-…`
    name: String,
}

impl ListedModel {
    fn listed(self) -> Listed {
        Listed {
            name: self.name.trim_start_matches("models/").to_owned(),
            shutdown: None,
        }
    }
}

/// "Gemini represents each second of audio as 32 tokens."
pub(super) const TOKENS_A_SECOND: u64 = 32;

/// Nobody says more than some 25 characters a second, none of which is more than a token in most scripts.
const WRITTEN_A_SECOND: u32 = 40;
// Thinking counts against `maxOutputTokens`: without room for it an answer ends as MAX_TOKENS and has no text.
const THOUGHT: u32 = 512;

/// The setting that holds the key of the stages that have none of their own.
pub(super) const KEY: &str = "api_key in [gemini]";

/// The audience for which Google's own client signs.
const AUDIENCE: &str = "https://generativelanguage.googleapis.com/";

/// The maximum number of pages of the list, of which the first holds all of today's models.
const MAX_PAGES: usize = 10;

/// Some hundred models, with a few hundred bytes of description each.
const MAX_LIST: u64 = 4 * 1024 * 1024;
