//! What a model sends back, put together from server-sent events, each with the next words. What an event says is left
//! to the provider's [`Dialect`].
//!
//! An answer is whole only if an event says so. An error in the middle may come as an event, or break the format: then
//! it stands as bare JSON between the events, as does a whole answer of a server that does not stream.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

use super::calls::{Calls, Piece};
use super::functions::Turn;
use super::json_values::JsonValues;
use crate::cloud::event::EVENTS;
use crate::cloud::http::{Incoming, malformed};
use crate::cloud::sse::Events;
use crate::cloud::{Error, Refusal, Service, TRY_AGAIN, Tokens};

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
    /// Whether these are all words of the answer, with those that have come before.
    pub(crate) is_all: bool,
    /// Why no more words will come, if so.
    pub(crate) end: Option<End>,
    /// The tokens that the answer has used.
    pub(crate) tokens: Option<Tokens>,
    /// The status that an error body names.
    pub(crate) error: Option<u16>,
    /// Whether it stands on a line of its own, as Ollama writes them, instead of in an event.
    pub(crate) is_line: bool,
    /// Pieces of calls.
    pub(super) calls: Vec<Piece>,
    /// All of the event's parts, its words included, where the service wants some back exactly as they are.
    pub(super) parts: Vec<Value>,
}

impl StreamEvent {
    /// An event in which an error of this status stands.
    pub(super) fn error(status: u16) -> Self {
        Self {
            error: Some(status),
            ..Self::default()
        }
    }
}

/// Why the model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The answer is whole.
    Whole,
    /// The answer was cut at `max_output_tokens`.
    Cut,
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
    values: JsonValues,
    /// Words, markup included, that were not taken yet.
    words: VecDeque<String>,
    /// All words so far.
    said: String,
    has_events: bool,
    has_lines: bool,
    end: Option<End>,
    tokens: Option<Tokens>,
    /// An error in place of an event, and the status that it names.
    error: Option<(u16, String)>,
    calls: Calls,
    /// What the service wants back, with the words in between.
    parts: Vec<Value>,
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
        self.wait();
        match self.answer.words.pop_front() {
            Some(words) => {
                self.incoming.begins();
                Ok(Some(words))
            }
            None => self.failure.take().map_or(Ok(None), Err),
        }
    }

    /// Waits for the next words, or the end.
    fn wait(&mut self) {
        while self.answer.words.is_empty() && self.answer.end.is_none() && !self.has_ended {
            if let Err(error) = self.receive() {
                self.failure = Some(error);
                self.has_ended = true;
            }
        }
    }

    fn receive(&mut self) -> Result<(), Error> {
        let block = self.incoming.block()?;
        self.has_ended = block.is_empty();
        self.answer.push(&block)?;
        match &self.answer.error {
            Some((status, body)) => {
                let said = &self.answer.said;
                Err(self.incoming.refusal(*status, body.as_bytes(), said))
            }
            None if self.answer.events.stray().len() > MAX_STRAY => Err(self.incoming.malformed()),
            None => Ok(()),
        }
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
        let has_content = match end {
            // A call that was cut is none.
            Some(End::Whole) => self.answer.has_content(),
            _ => self.answer.has_words(),
        };
        let empty = |remedy, transient| {
            Err(Error::Empty {
                service: dialect.service.name,
                remedy,
                transient,
                tokens: None,
            })
        };
        match (end, has_content) {
            (None, _) if !has_events => Err(self.incoming.malformed()),
            (None, _) => Err(self.incoming.broken(dialect.ends_with)),
            // Thinking counts against the limit and can use it up before the first word; asked again the model would do
            // the same.
            (Some(End::Cut), false) => empty(RAISE_LIMIT, false),
            (Some(End::Whole), false) => empty(TRY_AGAIN, true),
            (Some(end), true) => Ok(end),
        }
    }

    /// What the model has written, once that is whole.
    pub(crate) fn turn(&self) -> Turn {
        self.answer.turn()
    }

    /// The tokens that the answer has used, if the service says so: with its last words, or right after them. An answer
    /// of which no more is wanted may go on for long before its service does.
    pub(crate) fn tokens(&mut self) -> Option<Tokens> {
        if self.answer.tokens.is_none() && self.answer.end.is_some() && !self.has_ended {
            let rest = self.incoming.rest_within(LAST_EVENT);
            // Whatever else stands there, the answer is whole.
            self.answer.push(&rest).ok();
        }
        self.answer.tokens
    }
}

/// The refusal of a request, also one that came with a status that promises an answer. Waits until that has begun.
pub(super) fn refusal_in(asked: &mut Result<Answering, Error>) -> Option<&Refusal> {
    let error = match asked {
        Ok(answering) => {
            answering.wait();
            answering.failure.as_ref()?
        }
        Err(error) => error,
    };
    match error {
        Error::Refused(refusal) => Some(refusal),
        _ => None,
    }
}

impl Answer {
    /// Makes an answer of which nothing has come.
    pub fn new(dialect: &'static Dialect) -> Self {
        Self {
            dialect,
            events: Events::default(),
            values: JsonValues::default(),
            words: VecDeque::new(),
            said: String::new(),
            has_events: false,
            has_lines: false,
            end: None,
            tokens: None,
            error: None,
            calls: Calls::default(),
            parts: Vec::new(),
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
        for event in events {
            let values = self.values.push(&event);
            values.iter().try_for_each(|value| self.take(value))?;
        }
        if bytes.is_empty() {
            self.values.rest().map_or(Ok(()), |rest| self.take(&rest))?;
        }
        self.take_stray(bytes.is_empty())
    }

    /// Takes in the text between the events once it is whole JSON: an error, or an answer that is not streamed.
    fn take_stray(&mut self, has_ended: bool) -> Result<(), Error> {
        let stray = self.events.stray().trim();
        // Each attempt reads all of the text again, so it is made only where the text can be whole, and while it is
        // short.
        let may_be_whole = stray.starts_with(['{', '[']) && stray.ends_with(['}', ']']);
        if !may_be_whole || stray.len() > MAX_TRIED && !has_ended {
            return Ok(());
        }
        let mut values = JsonValues::default();
        let whole = values.push(stray);
        if values.rest().is_some() {
            return Ok(());
        }
        self.events.clear_stray();
        let state = |answer: &Self| {
            let is_error = answer.error.is_some();
            (
                answer.said.len(),
                answer.end,
                is_error,
                answer.calls.is_empty(),
            )
        };
        let had = state(self);
        whole.iter().try_for_each(|frame| self.take(frame))?;
        // JSON that changes nothing is no answer, but a line of Ollama's own may hold no words and still be one.
        if had == state(self) && !self.has_lines {
            let len = whole.iter().map(String::len).sum();
            return Err(malformed(self.dialect.service, EVENTS, len, None));
        }
        Ok(())
    }

    /// The words that were not taken yet.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    fn take(&mut self, event: &str) -> Result<(), Error> {
        self.has_events = true;
        let read = match (self.dialect.read)(event) {
            // Whatever stands behind its end, the answer is whole.
            Err(_) if self.end.is_some() => return Ok(()),
            read => read?,
        };
        let StreamEvent {
            mut words,
            is_all,
            end,
            tokens,
            error,
            is_line,
            calls,
            parts,
        } = read;
        self.has_lines |= is_line;
        // An error behind the end takes nothing back of an answer that is whole.
        let error = error.filter(|_| self.end.is_none());
        self.end = self.end.or(end);
        self.tokens = tokens.or(self.tokens);
        self.error = error
            .map(|status| (status, event.to_owned()))
            .or(self.error.take());
        // A server that repeats its whole answer at the end of the stream must not have it spoken twice.
        if is_all && !self.said.is_empty() {
            words.clear();
        }
        self.keep(parts, &words);
        if !is_all || self.calls.is_empty() {
            for piece in calls {
                self.calls.push(piece);
            }
        }
        self.said.push_str(&words);
        self.words
            .extend(Some(words).filter(|words| !words.is_empty()));
        Ok(())
    }

    /// Keeps what the service wants back, and joins the words in between.
    fn keep(&mut self, parts: Vec<Value>, words: &str) {
        if !parts.is_empty() {
            self.parts.extend(parts);
            return;
        }
        let is_plain = |part: &&mut Value| part.as_object().is_some_and(|part| part.len() == 1);
        match self
            .parts
            .last_mut()
            .filter(is_plain)
            .and_then(|part| part.get_mut("text"))
        {
            Some(Value::String(text)) => text.push_str(words),
            _ if words.is_empty() => {}
            _ => self.parts.push(json!({"text": words})),
        }
    }

    fn has_words(&self) -> bool {
        !self.said.trim().is_empty()
    }

    fn has_content(&self) -> bool {
        self.has_words() || !self.calls.is_empty()
    }

    /// What the model has written. The calls of an answer that was cut are none.
    fn turn(&self) -> Turn {
        let is_whole = self.end == Some(End::Whole);
        Turn {
            words: self.said.clone(),
            calls: if is_whole {
                self.calls.whole()
            } else {
                Vec::new()
            },
            parts: self.parts.clone(),
        }
    }
}

/// The words of a stream and why it ended, or the error that ended it.
#[cfg(test)]
pub(super) fn read_whole(
    dialect: &'static Dialect,
    stream: &str,
) -> Result<(String, Option<End>), String> {
    let mut answer = Answer::new(dialect);
    answer
        .push(stream.as_bytes())
        .and_then(|()| answer.push(&[]))
        .map_err(|error| error.to_string())?;
    Ok((answer.words().collect(), answer.end))
}

/// The turn of a whole stream.
#[cfg(test)]
pub(super) fn turn_of(dialect: &'static Dialect, stream: &str) -> Turn {
    let mut answer = Answer::new(dialect);
    let pushed = answer
        .push(stream.as_bytes())
        .and_then(|()| answer.push(&[]));
    pushed.expect("a right stream");
    answer.turn()
}

const RAISE_LIMIT: &str = "the model thought until max_output_tokens was used up: raise it in [llm], or choose another model";

/// The maximum size of what is no event: an error has a kilobyte or two, a whole answer some 300.
const MAX_STRAY: usize = 512 * 1024;

/// Up to this size, that of an error, it is tried with each block whether it is whole.
const MAX_TRIED: usize = 8 * 1024;

/// The time for the tokens that an answer has used, which are sent along with its end, if at all.
const LAST_EVENT: Duration = Duration::from_millis(500);
