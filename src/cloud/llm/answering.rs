//! What a model sends back, put together from server-sent events, each with the next words. What an event says is left
//! to the provider's [`Dialect`].
//!
//! An answer is whole only if an event says so. An error in the middle may come as an event, or break the format: then
//! it stands as bare JSON between the events.

use std::collections::VecDeque;
use std::time::Duration;

use crate::cloud::http::Incoming;
use crate::cloud::sse::Events;
use crate::cloud::{Error, Service};

/// How a provider writes its events.
#[derive(Debug)]
pub struct Dialect {
    /// The service whose dialect it is.
    pub(crate) service: Service,
    /// Reads the data of an event.
    pub(crate) read: fn(&str) -> Result<StreamEvent, Error>,
    /// The error of an answer that did not end as it should.
    pub(crate) ends_with: &'static str,
}

/// The content of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamEvent {
    /// The next words, markup included.
    pub(crate) words: String,
    /// Why no more words will come, if so.
    pub(crate) end: Option<End>,
    /// The tokens that the answer has used.
    pub(crate) tokens: Option<Tokens>,
    /// The status that an error body names.
    pub(crate) error: Option<u16>,
}

/// Why the model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The answer is whole.
    Whole,
    /// The answer was cut at `max_output_tokens`.
    Cut,
}

/// The tokens that an answer is billed by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Tokens that the model has read.
    pub(crate) input: u64,
    /// Tokens that it has written, thinking included.
    pub(crate) output: u64,
}

/// An answer on its way.
#[derive(Debug)]
pub(crate) struct Answering {
    incoming: Incoming,
    answer: Answer,
    /// The error that ended it too early, until it has been returned.
    failure: Option<Error>,
    has_ended: bool,
}

/// An answer being put together from what arrives.
#[derive(Debug)]
pub struct Answer {
    dialect: &'static Dialect,
    events: Events,
    /// Words, markup included, that were not taken yet.
    words: VecDeque<String>,
    /// All words so far.
    said: String,
    has_events: bool,
    end: Option<End>,
    tokens: Option<Tokens>,
    /// An error in place of an event, and the status that it names.
    error: Option<(u16, String)>,
}

impl Answering {
    pub(super) fn new(incoming: Incoming, dialect: &'static Dialect) -> Self {
        Self {
            incoming,
            answer: Answer::new(dialect),
            failure: None,
            has_ended: false,
        }
    }

    /// Waits for the next words; `None` when no more will come.
    ///
    /// # Errors
    /// [`Error`] when the answer breaks off, [`Error::Blocked`] when the service withholds the rest of it; all
    /// words before that have been returned.
    pub(crate) fn words(&mut self) -> Result<Option<String>, Error> {
        while self.answer.words.is_empty() && self.answer.end.is_none() && !self.has_ended {
            if let Err(error) = self.receive() {
                self.failure = Some(error);
                self.has_ended = true;
            }
        }
        match self.answer.words.pop_front() {
            Some(words) => {
                self.incoming.begins();
                Ok(Some(words))
            }
            None => self.failure.take().map_or(Ok(None), Err),
        }
    }

    fn receive(&mut self) -> Result<(), Error> {
        let block = self.incoming.block()?;
        self.has_ended = block.is_empty();
        let had_stray = self.answer.events.stray().len();
        self.answer.push(&block)?;
        if let Some((status, body)) = &self.answer.error {
            return Err(self
                .incoming
                .refusal(*status, body.as_bytes(), &self.answer.said));
        }
        if self.answer.events.stray().len() > had_stray {
            self.check_stray()?;
        }
        Ok(())
    }

    /// Whether a second attempt may help, if it has broken off by `error` and nothing of it was heard.
    pub(crate) fn may_retry(&self, error: &Error) -> bool {
        self.incoming.may_retry(error)
    }

    /// Why no more words come.
    ///
    /// # Errors
    /// [`Error`] when nothing says that the answer is whole, [`Error::Empty`] when there are no words in it.
    pub(crate) fn end(&self) -> Result<End, Error> {
        let Answer {
            dialect,
            end,
            has_events,
            ..
        } = self.answer;
        let has_words = !self.answer.said.trim().is_empty();
        let empty = |remedy| {
            Err(Error::Empty {
                service: dialect.service.name,
                remedy,
            })
        };
        match (end, has_words) {
            (None, _) if !has_events => Err(self.incoming.malformed()),
            (None, _) => Err(self.incoming.broken(dialect.ends_with)),
            (Some(End::Cut), false) => empty(RAISE_LIMIT),
            (Some(End::Whole), false) => empty(TRY_AGAIN),
            (Some(end), true) => Ok(end),
        }
    }

    /// The tokens that the answer has used, if the service says so: with its last words, or right after them.
    pub(crate) fn tokens(&mut self) -> Option<Tokens> {
        if self.answer.tokens.is_none() && !self.has_ended {
            let rest = self.incoming.rest_within(LAST_EVENT);
            // Whatever else stands there, the answer is whole.
            self.answer.push(&rest).ok();
        }
        self.answer.tokens
    }

    /// Fails once the text between the events is a whole error.
    fn check_stray(&self) -> Result<(), Error> {
        let stray = self.answer.events.stray();
        if stray.len() > MAX_STRAY {
            return Err(self.incoming.malformed());
        }
        let Ok(json) = serde_json::from_str::<serde_json::Value>(stray) else {
            return Ok(());
        };
        let error = &json.get(0).unwrap_or(&json)["error"];
        let status = error["code"].as_u64();
        Err(match status.and_then(|code| u16::try_from(code).ok()) {
            Some(status) => self
                .incoming
                .refusal(status, stray.as_bytes(), &self.answer.said),
            None => self.incoming.malformed(),
        })
    }
}

impl Answer {
    /// Makes an answer of which nothing has come.
    pub fn new(dialect: &'static Dialect) -> Self {
        Self {
            dialect,
            events: Events::default(),
            words: VecDeque::new(),
            said: String::new(),
            has_events: false,
            end: None,
            tokens: None,
            error: None,
        }
    }

    /// Takes in the next bytes of the stream, none at its end.
    ///
    /// # Errors
    /// [`Error::Malformed`] when an event is not the JSON that the service documents, [`Error::Blocked`] when the
    /// service withholds the answer.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut events = self.events.push(bytes);
        if bytes.is_empty() {
            events.extend(self.events.rest());
        }
        events.iter().try_for_each(|event| self.take(event))
    }

    /// The words that were not taken yet.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// Why no more words will come, if so.
    #[cfg(test)]
    pub(crate) fn end(&self) -> Option<End> {
        self.end
    }

    fn take(&mut self, event: &str) -> Result<(), Error> {
        self.has_events = true;
        let StreamEvent {
            words,
            end,
            tokens,
            error,
        } = (self.dialect.read)(event)?;
        self.end = self.end.or(end);
        self.tokens = tokens.or(self.tokens);
        self.error = error
            .map(|status| (status, event.to_owned()))
            .or(self.error.take());
        self.said.push_str(&words);
        self.words
            .extend(Some(words).filter(|words| !words.is_empty()));
        Ok(())
    }
}

/// The error of a service that withholds its answer for a reason such as `PROHIBITED_CONTENT`; whatever else `reason`
/// holds is not told.
pub(super) fn blocked(service: Service, reason: &str) -> Error {
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    Error::Blocked {
        service: service.name,
        reason: reason.chars().take_while(plain).take(40).collect(),
    }
}

const RAISE_LIMIT: &str = "the model thought until max_output_tokens was used up: raise it in [llm], or choose another model";
const TRY_AGAIN: &str =
    "that happens now and then; if it stays, choose another model in the settings of [llm]";

/// The size of an error, with room to spare: it has a kilobyte or two.
const MAX_STRAY: usize = 64 * 1024;

/// The time for the tokens that an answer has used, which are sent along with its end, if at all.
const LAST_EVENT: Duration = Duration::from_millis(500);
