//! Requests over HTTPS: sent, timed, checked, retried once where that helps. The only user of `ureq`.
//!
//! Every request runs on a thread of its own, so that a hang-up or the deadline ends the wait for it
//! at once, whatever it hangs in.

mod exchange;
mod handshake;
mod incoming;
mod names;
mod proxy;
mod race;
mod request;
mod setup;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use log::{debug, warn};
use ureq::Agent;

use super::{Error, Service};
use crate::config;
use crate::deadline::Deadline;
use crate::error::Chain;
use crate::hangup::{Gone, Hangup};

use exchange::exchange;
pub use incoming::Incoming;
use incoming::Wait;
pub use proxy::{Variable, variables};
pub use request::{Auth, Request, Response, json};
use request::{BodyLog, host};
pub use setup::SetupError;

/// How long an answer is waited for, and whether it is asked for twice.
#[derive(Clone, Copy, Debug)]
pub struct Patience<'a> {
    /// The time by which the answer must have begun, or ended if it is only of use whole.
    pub deadline: Deadline,
    /// How long the answer may pause once it has begun.
    pub idle: Duration,
    /// What is done about a failure that may pass by itself.
    pub retry: Retry<'a>,
}

impl Patience<'static> {
    /// The patience for an answer that is only of use whole, and is asked for once.
    pub fn short(deadline: Deadline) -> Self {
        Self {
            deadline,
            idle: deadline.left(),
            retry: Retry::Never,
        }
    }
}

impl Patience<'_> {
    /// The same patience with a service that may take `limit` by itself.
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
    /// No retry: there is another provider to ask.
    Never,
}

/// What a look at a host has shown.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// How long it took to look its name up, to connect and to be answered.
    pub took: Duration,
    /// How many seconds this machine's clock is ahead of the host's, if that tells.
    pub clock_ahead: Option<i64>,
}

/// Reads the root certificates of `[http] ca_file`, as every client does.
///
/// # Errors
/// [`SetupError`] when there are none.
pub fn check_roots(file: &Path) -> Result<(), SetupError> {
    setup::own_roots(file).map(drop)
}

/// What sends requests. Clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    /// The agent for requests without TLS, which never leave private networks.
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

    /// Connects to the host of `url` and reads its clock from the answer to a HEAD request.
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

    /// Connects to the host of `url`, so that the next request to it finds the connection open. It sends a HEAD
    /// request; what the host answers, if it answers at all, does not matter.
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
            Err(gone) => debug!("not connected to {front} ahead of time: {gone}"),
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
