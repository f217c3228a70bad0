//! An answer that is still coming: read as it arrives, with every wait bounded.

use std::io::{self, Read};
use std::panic::resume_unwind;
use std::time::{Duration, Instant};

use log::debug;

use super::exchange::{Head, Part};
use super::request::{BodyLog, Request, Response, host, malformed};
use crate::cloud::budget::Budget;
use crate::cloud::json::parse;
use crate::cloud::refusal::status_in;
use crate::cloud::{Error, Refusal};
use crate::sys::deadline::Deadline;
use crate::sys::error::Chain;
use crate::sys::hangup::{Gone, Results};
use crate::sys::redact::{Hidden, redact};

/// A 2xx answer whose body is still coming.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// What its headers tell.
    head: Head,
    source: Source,
    /// The `Content-Type` without what it may quote of the request.
    shown_type: String,
    /// The bytes that have arrived and were not taken yet.
    buffer: Vec<u8>,
    received: u64,
    has_ended: bool,
    /// Whether anything of use has come. Until then the limit of the beginning holds, whatever bytes come.
    has_begun: bool,
}

/// The source of an answer's parts, and how long each may take.
#[derive(Debug)]
struct Source {
    request: Request,
    parts: Results<Part>,
    budget: Budget,
    started: Instant,
    log: BodyLog,
}

impl Incoming {
    /// Waits until the answer to `request` has begun: of a stream, until its first bytes are there.
    pub(super) fn begin(
        request: Request,
        parts: Results<Part>,
        budget: Budget,
        may_show: bool,
    ) -> Result<Self, Error> {
        let mut incoming = Self {
            head: Head::default(),
            source: Source {
                request,
                parts,
                budget,
                started: Instant::now(),
                log: BodyLog::new("received", may_show),
            },
            shown_type: String::new(),
            buffer: Vec::new(),
            received: 0,
            has_ended: false,
            has_begun: false,
        };
        while incoming.received == 0 && !incoming.has_ended {
            incoming.receive()?;
        }
        Ok(incoming)
    }

    /// Its `Content-Type`; empty where there is none.
    pub(crate) fn content_type(&self) -> &str {
        &self.head.content_type
    }

    /// The sample rate of a sound, where a header of its own tells it.
    pub(crate) fn rate_hz(&self) -> Option<u32> {
        self.head.rate_hz
    }

    /// Notes that something of use has come: from here on only the limit of a pause holds.
    pub(crate) fn begins(&mut self) {
        self.has_begun = true;
    }

    /// Returns the next bytes as they come; none at the end of the answer.
    ///
    /// # Errors
    /// [`Error`] when it stops or breaks off.
    pub(crate) fn block(&mut self) -> Result<Vec<u8>, Error> {
        while self.buffer.is_empty() && !self.has_ended {
            self.receive()?;
        }
        Ok(std::mem::take(&mut self.buffer))
    }

    /// Returns at least `len` of the bytes that are next, or all there are; they stay to be read.
    ///
    /// # Errors
    /// [`Error`] when it stops or breaks off.
    pub(crate) fn peek(&mut self, len: usize) -> Result<&[u8], Error> {
        while self.buffer.len() < len && !self.has_ended {
            self.receive()?;
        }
        Ok(&self.buffer)
    }

    /// Returns what still comes within `limit`, up to the end of the answer.
    pub(crate) fn rest_within(&mut self, limit: Duration) -> Vec<u8> {
        let end = Instant::now() + limit;
        while !self.has_ended {
            match self
                .source
                .parts
                .next(end.saturating_duration_since(Instant::now()))
            {
                Ok(Part::Block(block)) => self.buffer.extend(block),
                Ok(Part::Head(_)) => {}
                // What came before a failure is kept, since it may tell why the service refused.
                Ok(Part::End | Part::Failed(_)) | Err(_) => self.has_ended = true,
            }
        }
        std::mem::take(&mut self.buffer)
    }

    /// The error of a refusal in the middle of an answer, with the status that it names and its body. `answer` is the part
    /// before it, which the error does not repeat either.
    pub(crate) fn refusal(&self, status: u16, body: &[u8], answer: &str) -> Error {
        let Request { service, .. } = self.source.request;
        let mut hidden = self.source.request.hidden();
        if !self.source.log.may_show {
            hidden.push(Hidden::Words(answer));
        }
        Error::Refused(Box::new(Refusal::read(service, status, body, &hidden)))
    }

    /// The error of an answer that is JSON where something else was asked for: the refusal that it holds, if it comes whole
    /// within `deadline`.
    pub(crate) fn refusal_in_place(&mut self, deadline: Deadline) -> Error {
        self.buffer = self.rest_within(deadline.left());
        let refusal = self.refused_in_place();
        refusal.unwrap_or_else(|| self.malformed())
    }

    /// The refusal in a body that has come whole, with a status that promises an answer.
    fn refused_in_place(&self) -> Option<Error> {
        // A body that is larger is no error, and parsing it would take many times its size in memory.
        if self.buffer.len() > MAX_REFUSAL_IN_PLACE {
            return None;
        }
        let status = status_in(&parse(&self.buffer).ok()?)?;
        Some(self.refusal(status, &self.buffer, ""))
    }

    /// The error of an answer that has ended where its format says that it should not.
    pub(crate) fn broken(&self, why: &'static str) -> Error {
        Error::Broken {
            service: self.source.request.service.name,
            host: host(&self.source.request.url).to_owned(),
            source: why.into(),
        }
    }

    /// The error of an answer that is not what the service documents.
    pub(crate) fn malformed(&self) -> Error {
        let len = usize::try_from(self.received).unwrap_or(usize::MAX);
        malformed(self.source.request.service, &self.shown_type, len, None)
    }

    /// Waits for the whole answer.
    pub(super) fn whole(mut self) -> Result<Response, Error> {
        while !self.has_ended {
            self.receive()?;
        }
        // Servers of OpenAI's kind send errors with status 200 too; read as an answer, their reason would be lost.
        if let Some(refusal) = self.refused_in_place() {
            return Err(refusal);
        }
        Ok(Response {
            content_type: self.shown_type,
            body: self.buffer,
        })
    }

    /// Takes in the next part.
    fn receive(&mut self) -> Result<(), Error> {
        match self.source.next(self.has_begun) {
            Ok(Part::Head(head)) => {
                // A server may put anything into the type, also the key that it was sent, and errors and logs show the
                // type.
                self.shown_type = redact(&head.content_type, &self.source.request.hidden());
                self.head = head;
            }
            Ok(Part::Block(block)) => {
                self.received += u64::try_from(block.len()).unwrap_or(u64::MAX);
                self.source.log.add(&self.shown_type, &block);
                self.buffer.extend(block);
            }
            Ok(Part::End) => {
                self.has_ended = true;
                debug!(
                    "{} -> {} bytes of \"{}\" in {} ms",
                    self.source.request.line(),
                    self.received,
                    self.shown_type,
                    self.source.started.elapsed().as_millis()
                );
            }
            Ok(Part::Failed(error)) | Err(error) => return Err(self.source.failed(error)),
        }
        Ok(())
    }
}

impl Source {
    /// Waits for the next part. The beginning has its own limit.
    fn next(&self, has_begun: bool) -> Result<Part, Error> {
        let service = self.request.service.name;
        let limit = self.budget.next_part(has_begun);
        match self.parts.next(limit) {
            Ok(part) => Ok(part),
            Err(Gone::HungUp) => Err(Error::HungUp(service)),
            Err(Gone::NoThread(source)) => Err(Error::NoThread { service, source }),
            // The panic was logged by its own thread; carried on here, it ends the call as a fault of this program.
            Err(Gone::Ended) => resume_unwind(Box::new("a request panicked")),
            Err(Gone::TimedOut) if has_begun => Err(Error::Stalled {
                service,
                host: host(&self.request.url).to_owned(),
                after: limit,
            }),
            Err(Gone::TimedOut) => Err(self.request.timeout(self.started.elapsed())),
        }
    }

    fn failed(&self, error: Error) -> Error {
        debug!(
            "{} failed after {} ms: {}",
            self.request.line(),
            self.started.elapsed().as_millis(),
            Chain(&error)
        );
        error
    }
}

/// Readers of files can read it: a failure arrives as an [`io::Error`] that holds the [`Error`].
impl Read for Incoming {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.peek(1).map_err(io::Error::other)?;
        let len = self.buffer.len().min(into.len());
        into[..len].copy_from_slice(&self.buffer[..len]);
        self.buffer.drain(..len);
        Ok(len)
    }
}

/// The size of the JSON in which services tell an error, with room to spare.
const MAX_REFUSAL_IN_PLACE: usize = 64 * 1024;
