//! Requests over HTTPS: sent, timed, checked. The only user of `ureq`.
//!
//! Every request runs on a thread of its own, so that a hang-up or the deadline ends the wait for it
//! at once, whatever it hangs in.

mod exchange;
mod handshake;
mod incoming;
mod names;
mod network;
mod proxy;
mod race;
mod request;
mod setup;

use std::path::Path;
use std::time::{Duration, Instant};

use log::debug;
use ureq::Agent;

use super::budget::Budget;
use super::{Error, Service};
use crate::config;
use crate::sys::deadline::Deadline;
use crate::sys::hangup::{Gone, Hangup};

use exchange::exchange;
pub(crate) use incoming::Incoming;
pub(crate) use proxy::{Variable, variables};
pub use request::Response;
pub(crate) use request::{Auth, Request, json, malformed};
use request::{BodyLog, host};
pub use setup::SetupError;

/// The result of a look at a host.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The time that the name's look-up, the connection and the answer took.
    pub took: Duration,
    /// The number of seconds that this machine's clock is ahead of the host's, if the host tells.
    pub clock_ahead: Option<i64>,
}

/// Reads the root certificates of `[http] ca_file`, as every client does.
///
/// # Errors
/// [`SetupError`] when there are none.
pub(crate) fn check_roots(file: &Path) -> Result<(), SetupError> {
    setup::own_roots(file).map(drop)
}

/// The sender of all requests. Clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    /// The agent for requests without TLS, which never leave private networks.
    private: Agent,
    /// Ends every wait of a request.
    pub(super) hangup: Hangup,
    log_words: bool,
}

impl Client {
    /// Makes a client that gives up when `hangup` is raised.
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

    /// The same client for requests that `hangup` ends.
    pub(crate) fn until(&self, hangup: &Hangup) -> Self {
        Self {
            hangup: hangup.clone(),
            ..self.clone()
        }
    }

    /// Sends `request` and waits for the whole answer.
    ///
    /// # Errors
    /// [`Error`]; everything but a 2xx answer is one.
    pub(crate) fn send(&self, request: &Request, budget: Budget) -> Result<Response, Error> {
        self.begin(request, budget, None)?.whole()
    }

    /// Sends `request` and waits for the first bytes of the answer; the others are read as they come.
    ///
    /// # Errors
    /// [`Error`]; everything but a 2xx answer is one.
    pub(crate) fn open(&self, request: &Request, budget: Budget) -> Result<Incoming, Error> {
        self.begin(request, budget, Some(budget.idle))
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

    /// Connects to `origin`, a scheme, host and port, by a HEAD request, so that the next request there finds the
    /// connection open. Whether and what the host answers does not matter.
    pub(crate) fn warm(&self, origin: &str, deadline: Deadline) {
        let (agent, limit) = (self.agent_for(origin).clone(), deadline.left());
        let asked = origin.to_owned();
        let ask = move || {
            // A HEAD request is not billed, and its answer has no body: a connection goes back to the pool only once
            // the body has been read to its end.
            let config = agent.head(&asked).config();
            config.timeout_global(Some(limit)).build().call().map(drop)
        };
        match self.hangup.or(limit, ask) {
            Ok(Ok(())) => debug!("connected to {origin}"),
            Ok(Err(error)) => debug!("not connected to {origin} ahead of time: {error}"),
            Err(gone) => debug!("not connected to {origin} ahead of time: {gone}"),
        }
    }

    fn agent_for(&self, url: &str) -> &Agent {
        // The settings allow such addresses in private networks alone, and a name may lead anywhere: that agent looks
        // at what the name has led to.
        if url.starts_with("http://") {
            &self.private
        } else {
            &self.agent
        }
    }

    /// Sends `request` and waits until its answer begins. `idle` is the limit for a pause where it is streamed.
    fn begin(
        &self,
        request: &Request,
        budget: Budget,
        idle: Option<Duration>,
    ) -> Result<Incoming, Error> {
        // A body that signs in holds a token, and so does its answer.
        let may_show = self.log_words && !matches!(request.auth, Auth::InBody(_));
        let body = request.body.as_deref().unwrap_or_default();
        BodyLog::new("sent", may_show).add(request.content_type, body);
        let first = budget.deadline.left();
        if first.is_zero() {
            return Err(request.timeout(first));
        }
        let (agent, mut sent) = (self.agent_for(&request.url).clone(), request.clone());
        // Where the log may hold what was said, errors may repeat it.
        if self.log_words {
            sent.words.clear();
        }
        let asked = sent.clone();
        let parts = self
            .hangup
            .start(move |hand_over| exchange(&agent, &sent, first, idle, hand_over));
        Incoming::begin(asked, parts, budget, may_show)
    }
}
