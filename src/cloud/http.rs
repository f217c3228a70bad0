//! Requests over HTTPS: sent, timed, checked, retried once where that helps. The only user of `ureq`.
//!
//! Every request runs on a thread of its own, so that a hang-up or the deadline ends the wait for it
//! at once, whatever it hangs in.

mod exchange;
mod handshake;
mod incoming;
mod setup;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use log::{Level, debug, log_enabled, trace, warn};
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::Agent;

use super::{Error, Service};
use crate::config::{self, Secret};
use crate::deadline::Deadline;
use crate::error::Chain;
use crate::hangup::{Gone, Hangup};
use crate::redact::Hidden;

use exchange::exchange;
pub use incoming::Incoming;
use incoming::Wait;
pub use setup::{PROXIES, SetupError};

/// How a request proves who sends it.
#[derive(Clone, Debug)]
pub enum Auth {
    /// It does not, or not yet.
    None,
    /// By this part of the body.
    InBody(Secret),
    /// `Authorization: Bearer …`
    Bearer(Secret),
    /// `x-goog-api-key: …`, and never an `Authorization` beside it: Google refuses both together.
    GoogleApiKey(Secret),
}

/// How long an answer is waited for, and whether it is asked for twice.
#[derive(Clone, Copy, Debug)]
pub struct Patience<'a> {
    /// It must have begun by then; an answer that is only of use whole must have ended.
    pub deadline: Deadline,
    /// Once it has begun it may stop for no longer than this.
    pub idle: Duration,
    /// What is done about a failure that may pass by itself.
    pub retry: Retry<'a>,
}

impl Patience<'static> {
    /// For an answer that is only of use whole, and is asked for once.
    pub fn short(deadline: Deadline) -> Self {
        Self {
            deadline,
            idle: deadline.left(),
            retry: Retry::Never,
        }
    }
}

impl Patience<'_> {
    /// With a service that may take `limit` by itself.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self {
            deadline: self.deadline.within(limit),
            ..self
        }
    }
}

/// What is done about a failure that may pass by itself.
#[derive(Clone, Copy, Debug)]
pub enum Retry<'a> {
    /// The service is asked a second time, after a moment.
    Once,
    /// This is the second time, and that ended the first.
    After(&'a Error),
    /// Nothing: there is somebody else to ask.
    Never,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whom it is for.
    pub service: Service,
    /// The whole address.
    pub url: String,
    /// Who sends it.
    pub auth: Auth,
    /// The type of `body`.
    pub content_type: &'static str,
    /// What is posted; without it the request is a GET.
    pub body: Option<Arc<[u8]>>,
    /// What of it was said: an error that repeats it is not shown whole.
    pub words: String,
    /// An answer of more bytes is an error.
    pub most: u64,
}

/// A 2xx answer, whole.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its `Content-Type`, without what it quotes of the request; empty where there is none.
    pub content_type: String,
    /// Its body.
    pub body: Vec<u8>,
}

/// What a look at a host has shown.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// How long it took to look its name up, to connect and to be answered.
    pub took: Duration,
    /// How many seconds this machine's clock is ahead of the host's, if that tells.
    pub clock_ahead: Option<i64>,
}

/// What sends requests. Clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    /// For requests without TLS, which never leave private networks.
    private: Agent,
    hangup: Hangup,
    log_words: bool,
}

impl Client {
    /// A client that gives up when `hangup` is raised.
    ///
    /// # Errors
    /// [`SetupError`] when the settings cannot be used.
    pub fn new(
        settings: &config::Http,
        hangup: &Hangup,
        log_words: bool,
    ) -> Result<Self, SetupError> {
        Ok(Self {
            agent: setup::agent(settings)?,
            private: setup::private_agent(),
            hangup: hangup.clone(),
            log_words,
        })
    }

    /// Sends `request` and waits for the whole answer.
    ///
    /// # Errors
    /// [`Error`]; everything but a 2xx answer is one.
    pub fn send(&self, request: &Request, patience: Patience<'_>) -> Result<Response, Error> {
        self.with_retry(request, patience, |_| {
            self.begin(request, Wait::Whole(patience.deadline))?.whole()
        })
    }

    /// Sends `request` and waits for the first bytes of the answer; the others are read as they come.
    ///
    /// # Errors
    /// [`Error`]; everything but a 2xx answer is one.
    pub fn open(&self, request: &Request, patience: Patience<'_>) -> Result<Incoming, Error> {
        let wait = Wait::Stream(patience.deadline, patience.idle);
        self.with_retry(request, patience, |may_retry| {
            let mut incoming = self.begin(request, wait)?;
            incoming.may_retry = may_retry;
            Ok(incoming)
        })
    }

    /// Connects to the host of `url` and looks at its clock. It asks for nothing.
    ///
    /// # Errors
    /// [`Error`] when there is no connection or no answer.
    pub fn look(&self, service: Service, url: &str, deadline: Deadline) -> Result<Look, Error> {
        let (agent, limit) = (self.agent_for(url).clone(), deadline.left());
        let (url, began) = (url.to_owned(), Instant::now());
        let timeout = Error::Timeout {
            service: service.name,
            host: host(&url).to_owned(),
            after: limit,
        };
        let look = move || exchange::look(&agent, service, &url, limit);
        let looked = self.hangup.or(limit, look);
        let clock_ahead = looked.map_err(|gone| match gone {
            Gone::NoThread(source) => Error::NoThread {
                service: service.name,
                source,
            },
            _ => timeout,
        })??;
        Ok(Look {
            took: began.elapsed(),
            clock_ahead,
        })
    }

    /// Connects to the host of `url`, so that the next request to it finds the way open. It asks for nothing; what
    /// the host answers, if it answers at all, does not matter.
    pub fn warm(&self, url: &str, deadline: Deadline) {
        let Some(front) = front(url) else { return };
        let (agent, limit) = (self.agent_for(url).clone(), deadline.left());
        let asked = front.to_owned();
        let ask = move || {
            let config = agent.head(&asked).config();
            config.timeout_global(Some(limit)).build().call().map(drop)
        };
        match self.hangup.or(limit, ask) {
            Ok(Ok(())) => debug!("connected to {front}"),
            Ok(Err(error)) => debug!("not connected to {front} ahead of time: {error}"),
            Err(gone) => debug!("not connected to {front} ahead of time: {gone:?}"),
        }
    }

    fn agent_for(&self, url: &str) -> &Agent {
        if url.starts_with("http://") {
            &self.private
        } else {
            &self.agent
        }
    }

    /// Makes an attempt, which is told whether another may follow, and perhaps that other one.
    fn with_retry<T>(
        &self,
        request: &Request,
        Patience {
            deadline, retry, ..
        }: Patience<'_>,
        attempt: impl Fn(bool) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let error = match retry {
            Retry::Never => return attempt(false),
            Retry::After(error) => {
                self.pause(request, error, deadline)?;
                return attempt(false);
            }
            Retry::Once => match attempt(true) {
                Err(error) if error.is_transient() => error,
                result => return result,
            },
        };
        if self.pause(request, &error, deadline).is_err() {
            return Err(error);
        }
        attempt(false)
    }

    /// Waits until `request` may be sent a second time.
    fn pause(&self, request: &Request, error: &Error, deadline: Deadline) -> Result<(), Error> {
        let service = request.service.name;
        let pause = error
            .retry_after()
            .unwrap_or_else(|| RETRY_PAUSE + jitter());
        if pause >= deadline.left() {
            return Err(Error::Timeout {
                service,
                host: host(&request.url).to_owned(),
                after: deadline.left(),
            });
        }
        warn!("trying again in {} ms: {}", pause.as_millis(), Chain(error));
        self.hangup.pause(pause).map_err(|_| Error::HungUp(service))
    }

    fn begin(&self, request: &Request, wait: Wait) -> Result<Incoming, Error> {
        // A body that signs in holds a token, and so does its answer.
        let may_show = self.log_words && !matches!(request.auth, Auth::InBody(_));
        let body = request.body.as_deref().unwrap_or_default();
        BodyLog::new("sent", may_show).add(request.content_type, body);
        let limits = wait.limits();
        if limits.first.is_zero() {
            return Err(Error::Timeout {
                service: request.service.name,
                host: host(&request.url).to_owned(),
                after: limits.first,
            });
        }
        let (agent, mut sent) = (self.agent_for(&request.url).clone(), request.clone());
        if self.log_words {
            sent.words.clear();
        }
        let asked = sent.clone();
        let parts = self
            .hangup
            .start(move |hand_over| exchange(&agent, &sent, limits, hand_over));
        Incoming::begin(asked, parts, wait, may_show)
    }
}

impl Response {
    /// The body as the JSON that `service` documents.
    ///
    /// # Errors
    /// [`Error::Malformed`] tells what came instead, without quoting it: it may hold what was said.
    pub fn json<T: DeserializeOwned>(&self, service: Service) -> Result<T, Error> {
        json(service, &self.content_type, &self.body)
    }

    /// It is not what `service` documents.
    pub fn malformed(&self, service: Service) -> Error {
        malformed(service, &self.content_type, self.body.len(), None)
    }
}

/// A body, or a part of one that stands for itself, as the JSON that `service` documents. Servers put `null` where
/// there is nothing: it stands for what is left out.
///
/// # Errors
/// [`Error::Malformed`], as [`Response::json`].
pub fn json<T: DeserializeOwned>(
    service: Service,
    content_type: &str,
    body: &[u8],
) -> Result<T, Error> {
    let broken = |error: serde_json::Error| {
        malformed(service, content_type, body.len(), Some(error.column()))
    };
    if body.iter().filter(|byte| b",[{".contains(byte)).count() > MAX_VALUES {
        return Err(malformed(service, content_type, body.len(), None));
    }
    let mut value = serde_json::from_slice(body).map_err(broken)?;
    leave_out_nulls(&mut value);
    T::deserialize(value).map_err(broken)
}

fn leave_out_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(leave_out_nulls);
        }
        Value::Array(values) => {
            values.retain(|value| !value.is_null());
            values.iter_mut().for_each(leave_out_nulls);
        }
        _ => {}
    }
}

impl Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.is_transient(),
            Self::Connect { transient, .. } => *transient,
            Self::Broken { .. } => true,
            _ => false,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }
}

impl Request {
    /// What an error must not repeat.
    fn hidden(&self) -> Vec<Hidden<'_>> {
        let key = self.auth.secret().map(Hidden::Secret);
        key.into_iter()
            .chain([Hidden::Words(&self.words)])
            .collect()
    }
}

impl Auth {
    fn header(&self) -> Option<(&'static str, String)> {
        match self {
            Self::None | Self::InBody(_) => None,
            Self::Bearer(token) => Some(("authorization", format!("Bearer {}", token.expose()))),
            Self::GoogleApiKey(key) => Some(("x-goog-api-key", key.expose().to_owned())),
        }
    }

    fn secret(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::InBody(secret) | Self::Bearer(secret) | Self::GoogleApiKey(secret) => {
                Some(secret.expose())
            }
        }
    }
}

/// What came instead of what `service` documents, and where it was noticed.
fn malformed(service: Service, content_type: &str, len: usize, column: Option<usize>) -> Error {
    let kind = content_type.split(';').next().unwrap_or_default();
    let is_type = |c: char| c.is_ascii_alphanumeric() || "/.+-".contains(c);
    // What is no type might be anything, words among them.
    let kind = if kind.chars().all(is_type) { kind } else { "" };
    let found = match (len, column) {
        (0, _) => "an empty body".to_owned(),
        (_, None) => format!("{len} bytes of {kind:?} that are not in its format"),
        (_, Some(column)) => {
            format!("{len} bytes of {kind:?} that break its format in column {column}")
        }
    };
    Error::Malformed { service, found }
}

/// A body in the log. Bodies hold what was said, and recordings: of most only the size is shown. A text is shown when
/// all of it has come: in pieces, a key could not be found in it.
#[derive(Debug)]
struct BodyLog {
    verb: &'static str,
    may_show: bool,
    beginning: Vec<u8>,
}

impl BodyLog {
    fn new(verb: &'static str, may_show: bool) -> Self {
        Self {
            verb,
            may_show,
            beginning: Vec::new(),
        }
    }

    /// Takes in the next part.
    fn add(&mut self, content_type: &str, part: &[u8]) {
        trace!("{}: <{} bytes> {content_type}", self.verb, part.len());
        if self.may_show && log_enabled!(Level::Trace) {
            let room = MAX_LOGGED - self.beginning.len();
            self.beginning.extend(&part[..part.len().min(room)]);
        }
    }
}

impl Drop for BodyLog {
    fn drop(&mut self) {
        let text = match std::str::from_utf8(&self.beginning) {
            Err(error) if error.error_len().is_some() => return,
            Err(error) => String::from_utf8_lossy(&self.beginning[..error.valid_up_to()]),
            Ok(text) => text.into(),
        };
        if !text.is_empty() {
            trace!("{}: {text}", self.verb);
        }
    }
}

/// The host of an address, for people: without user, port and path.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// `https://host:port`, which every address of a host begins with.
fn front(url: &str) -> Option<&str> {
    let authority = url.find("://")? + "://".len();
    let end = url[authority..]
        .find('/')
        .map_or(url.len(), |at| authority + at);
    Some(&url[..end])
}

/// Up to a quarter of [`RETRY_PAUSE`], so that callers who failed together do not return together.
fn jitter() -> Duration {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.subsec_nanos());
    RETRY_PAUSE * (nanos % 256) / 1024
}

/// Long enough for a hiccup to pass, short enough for a caller not to wonder.
const RETRY_PAUSE: Duration = Duration::from_millis(400);

/// Far more than any answer has, and still little memory: two bytes of JSON can become a hundred.
const MAX_VALUES: usize = 100_000;

/// Of a text, so much is shown.
const MAX_LOGGED: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: Service = Service {
        name: "Gemini",
        settings: "[llm.gemini]",
        key: "[llm.gemini] api_key",
    };

    #[test]
    fn json_of_more_values_than_any_answer_has_is_not_taken_in() {
        let read = |values: usize| {
            let body = format!("[{}0]", "0,".repeat(values - 1));
            json::<Value>(SERVICE, "application/json", body.as_bytes()).map(drop)
        };
        assert!(read(MAX_VALUES).is_ok());
        let refused = read(MAX_VALUES + 1).expect_err("too many");
        assert!(matches!(refused, Error::Malformed { .. }), "{refused}");
    }
}
