//! Requests over HTTPS: sent, timed, checked, retried once where that helps. The only user of `ureq`.
//!
//! Every request runs on a thread of its own, so that a hang-up or the deadline ends the wait for it
//! at once, whatever it hangs in.

mod setup;

use std::fmt;
use std::io::Read;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use log::{debug, trace, warn};
use serde::de::DeserializeOwned;
use ureq::Agent;

use super::{Error, Refusal, Service};
use crate::config::{self, Secret};
use crate::deadline::Deadline;
use crate::error::Chain;
use crate::hangup::{Gone, Hangup};

pub use setup::SetupError;

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

/// A POST.
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
    /// What is sent.
    pub body: Arc<[u8]>,
    /// What of it was said: an error that repeats it is not shown whole.
    pub words: String,
    /// An answer of more bytes is an error.
    pub most: u64,
    /// May it be sent a second time when that might help?
    pub may_retry: bool,
}

/// A 2xx answer, whole.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its `Content-Type`; empty where there is none.
    pub content_type: String,
    /// Its body.
    pub body: Vec<u8>,
}

/// What sends requests. Clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
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
        let agent = setup::agent(settings)?;
        Ok(Self {
            agent,
            hangup: hangup.clone(),
            log_words,
        })
    }

    /// Sends `request` and waits for the whole answer, at most until `deadline`. What may pass by
    /// itself is tried a second time.
    ///
    /// # Errors
    /// [`Error`]; everything but a 2xx answer is one.
    pub fn send(&self, request: &Request, deadline: Deadline) -> Result<Response, Error> {
        let error = match self.attempt(request, deadline) {
            Err(error) if request.may_retry && error.is_transient() => error,
            result => return result,
        };
        let pause = error
            .retry_after()
            .unwrap_or_else(|| RETRY_PAUSE + jitter());
        if pause >= deadline.left() {
            return Err(error);
        }
        warn!(
            "trying again in {} ms: {}",
            pause.as_millis(),
            Chain(&error)
        );
        self.hangup
            .pause(pause)
            .map_err(|_| Error::HungUp(request.service.name))?;
        self.attempt(request, deadline)
    }

    fn attempt(&self, request: &Request, deadline: Deadline) -> Result<Response, Error> {
        let (agent, mut sent, limit) = (self.agent.clone(), request.clone(), deadline.left());
        if self.log_words {
            sent.words.clear();
        }
        // A body that signs in holds a token, and so does its answer.
        let may_show = self.log_words && !matches!(request.auth, Auth::InBody(_));
        log_body("sent", request.content_type, &request.body, may_show);
        let host = host(&request.url).to_owned();
        let service = request.service.name;
        if limit.is_zero() {
            return Err(Error::Timeout {
                service,
                host,
                after: limit,
            });
        }
        let started = Instant::now();
        let result = self
            .hangup
            .or(limit, move || exchange(&agent, &sent, limit));
        let result = match result {
            Ok(result) => result,
            Err(Gone::HungUp) => Err(Error::HungUp(service)),
            Err(Gone::TimedOut) => Err(Error::Timeout {
                service,
                host,
                after: limit,
            }),
            Err(Gone::Panicked) => resume_unwind(Box::new("a request panicked")),
        };
        let took = started.elapsed().as_millis();
        match &result {
            Ok(response) => {
                debug!("POST {} -> {} in {took} ms", request.url, Summary(response));
                log_body("received", &response.content_type, &response.body, may_show);
            }
            Err(error) => debug!(
                "POST {} failed after {took} ms: {}",
                request.url,
                Chain(error)
            ),
        }
        result
    }
}

impl Response {
    /// The body as the JSON that `service` documents.
    ///
    /// # Errors
    /// [`Error::Malformed`] tells what came instead, without quoting it: it may hold what was said.
    pub fn json<T: DeserializeOwned>(&self, service: Service) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let kind = self.content_type.split(';').next().unwrap_or_default();
            let found = match self.body.len() {
                0 => "an empty body".to_owned(),
                len => format!(
                    "{len} bytes of {kind:?} that break its format in column {}",
                    error.column()
                ),
            };
            Error::Malformed { service, found }
        })
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
    /// What an error must not repeat, and what stands in its place.
    fn hidden(&self) -> Vec<(&str, String)> {
        let key = self
            .auth
            .secret()
            .map(|secret| (secret, "[redacted]".to_owned()));
        let words = (self.words.as_str(), format!("<{} bytes>", self.words.len()));
        key.into_iter()
            .chain([words])
            .filter(|(text, _)| !text.is_empty())
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

/// What a log may say of an answer: the status is 2xx, headers by allow-list.
struct Summary<'a>(&'a Response);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} bytes of {:?}",
            self.0.body.len(),
            self.0.content_type
        )
    }
}

/// One request and its answer, on the thread that may be given up.
fn exchange(agent: &Agent, request: &Request, limit: Duration) -> Result<Response, Error> {
    let mut post = agent.post(&request.url).content_type(request.content_type);
    if let Some((name, value)) = request.auth.header() {
        post = post.header(name, value);
    }
    let sent = post
        .config()
        .timeout_global(Some(limit))
        .build()
        .send(&request.body[..]);
    let failed = |error| network_error(request, limit, error);
    let response = sent.map_err(failed)?;
    let (parts, body) = response.into_parts();
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };

    let mut bytes = Vec::new();
    let mut body = body.into_reader().take(request.most + 1);
    body.read_to_end(&mut bytes)
        .map_err(|error| failed(ureq::Error::from(error)))?;
    if !parts.status.is_success() {
        let mut refusal = Refusal::read(
            request.service,
            parts.status.as_u16(),
            &bytes,
            &request.hidden(),
        );
        refusal.retry_after = header("retry-after")
            .map(retry_after)
            .or(refusal.retry_after);
        refusal.clock_ahead = header("date").and_then(|date| clock_ahead(date, SystemTime::now()));
        return Err(Error::Refused(Box::new(refusal)));
    }
    if u64::try_from(bytes.len()).is_ok_and(|len| len > request.most) {
        return Err(Error::TooLong {
            service: request.service.name,
            most: request.most,
        });
    }
    Ok(Response {
        content_type: header("content-type").unwrap_or_default().to_owned(),
        body: bytes,
    })
}

/// Bodies hold what was said, and recordings: of most only the size is shown.
fn log_body(verb: &str, content_type: &str, body: &[u8], may_show: bool) {
    match std::str::from_utf8(body) {
        Ok(text) if may_show && text.len() <= MAX_LOGGED => trace!("{verb}: {text}"),
        _ => trace!("{verb}: <{} bytes> {content_type}", body.len()),
    }
}

/// Tells an administrator what ureq tells a programmer.
fn network_error(request: &Request, limit: Duration, error: ureq::Error) -> Error {
    let service = request.service.name;
    let host = host(&request.url).to_owned();
    let connect = |remedy, transient, error: ureq::Error| {
        let (host, source) = (host.clone(), Box::new(error));
        Error::Connect {
            service,
            host,
            remedy,
            transient,
            source,
        }
    };
    match error {
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => connect(
            "it does not answer: check the network, the name server and the firewall",
            false,
            error,
        ),
        ureq::Error::Timeout(_) => Error::Timeout {
            service,
            host,
            after: limit,
        },
        ureq::Error::HostNotFound => connect(NAME_REMEDY, true, error),
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => connect(TLS_REMEDY, false, error),
        ureq::Error::Io(ref io) if is_lookup(io) => connect(NAME_REMEDY, true, error),
        ureq::Error::Io(ref io) if is_tls(io) => connect(TLS_REMEDY, false, error),
        ureq::Error::Io(ref io) if is_no_connection(io) => connect(
            "nothing listens there or the way is closed: check the network and the firewall",
            true,
            error,
        ),
        ureq::Error::ConnectionFailed | ureq::Error::ConnectProxyFailed(_) => {
            connect("check the network and [http] proxy", true, error)
        }
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
            connect("check base_url in its settings", false, error)
        }
        error => Error::Broken {
            service,
            host,
            source: Box::new(error),
        },
    }
}

/// The standard library has no kind for a failed look-up, only these words.
fn is_lookup(error: &std::io::Error) -> bool {
    error
        .to_string()
        .starts_with("failed to lookup address information")
}

/// rustls' errors travel inside an [`std::io::Error`] when they come in the middle of a handshake.
fn is_tls(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::InvalidData
}

fn is_no_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{
        AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable, PermissionDenied,
    };
    matches!(
        error.kind(),
        ConnectionRefused
            | HostUnreachable
            | NetworkUnreachable
            | AddrNotAvailable
            | PermissionDenied
    )
}

/// The host of an address, for people: without user, port and path.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// Seconds, as all of our services send them. The date that HTTP also allows counts as far away.
fn retry_after(value: &str) -> Duration {
    let seconds = value
        .trim()
        .parse()
        .ok()
        .and_then(|s| Duration::try_from_secs_f64(s).ok());
    seconds.unwrap_or(Duration::MAX)
}

/// How many seconds `now` is ahead of a `Date` header.
fn clock_ahead(date: &str, now: SystemTime) -> Option<i64> {
    let seconds = |time: SystemTime| {
        time.duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|d| i64::try_from(d.as_secs()).ok())
    };
    Some(seconds(now)? - seconds(httpdate::parse_http_date(date).ok()?)?)
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

const MAX_LOGGED: usize = 16 * 1024;

const NAME_REMEDY: &str =
    "its name is not known: check base_url, and the name server in /etc/resolv.conf";

const TLS_REMEDY: &str = "its certificate is not accepted: check this machine's date; behind a proxy that \
    inspects TLS, name its root certificate in [http] ca_file";
