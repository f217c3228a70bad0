//! What the model sends back, put together from server-sent events: each a `GenerateContentResponse` with the next words.
//!
//! The answer is whole only if one of them has a `finishReason`: nothing else marks the end. An error in the middle breaks
//! the format: it comes as bare JSON between the events.

use std::collections::VecDeque;

use serde::Deserialize;

use super::SERVICE;
use crate::cloud::Error;
use crate::cloud::http::{Incoming, json};
use crate::cloud::sse::Events;

/// An answer on its way.
#[derive(Debug)]
pub struct Answering {
    incoming: Incoming,
    answer: Answer,
    /// What ended it too early, until it has been told.
    failure: Option<Error>,
    has_ended: bool,
}

/// An answer being put together from what arrives.
#[derive(Debug, Default)]
pub struct Answer {
    events: Events,
    /// Words, markup included, that nobody has taken yet.
    words: VecDeque<String>,
    has_events: bool,
    has_words: bool,
    end: Option<End>,
}

/// Why the model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It has said all.
    Whole,
    /// It had more to say and was cut at `max_output_tokens`.
    Cut,
}

impl Answering {
    pub(super) fn new(incoming: Incoming) -> Self {
        Self {
            incoming,
            answer: Answer::default(),
            failure: None,
            has_ended: false,
        }
    }

    /// The next words; `None` when no more will come.
    ///
    /// # Errors
    /// [`Error`] when the answer breaks off, [`Error::Blocked`] when the service withholds the rest of it. What came
    /// before that has been given.
    pub fn words(&mut self) -> Result<Option<String>, Error> {
        while self.answer.words.is_empty() && self.answer.end.is_none() && !self.has_ended {
            if let Err(error) = self.receive() {
                self.failure = Some(error);
                self.has_ended = true;
            }
        }
        match self.answer.words.pop_front() {
            Some(words) => Ok(Some(words)),
            None => self.failure.take().map_or(Ok(None), Err),
        }
    }

    fn receive(&mut self) -> Result<(), Error> {
        let block = self.incoming.block()?;
        self.has_ended = block.is_empty();
        let had_stray = self.answer.events.stray().len();
        self.answer.push(&block)?;
        if self.answer.events.stray().len() > had_stray {
            self.check_stray()?;
        }
        Ok(())
    }

    /// Might asking once more help, when it has broken off by `error` and nothing of it was heard?
    pub fn may_retry(&self, error: &Error) -> bool {
        self.incoming.may_retry(error)
    }

    /// Why no more words come.
    ///
    /// # Errors
    /// [`Error`] when nothing says that the answer is whole, [`Error::Empty`] when there are no words in it.
    pub fn end(&self) -> Result<End, Error> {
        let empty = |remedy| {
            Err(Error::Empty {
                service: SERVICE.name,
                remedy,
            })
        };
        let Answer {
            end,
            has_words,
            has_events,
            ..
        } = self.answer;
        match (end, has_words) {
            (None, _) if !has_events => Err(self.incoming.malformed()),
            (None, _) => Err(self.incoming.broken("it ended without a finishReason")),
            (Some(End::Cut), false) => empty(RAISE_LIMIT),
            (Some(End::Whole), false) => empty(TRY_AGAIN),
            (Some(end), true) => Ok(end),
        }
    }

    /// What stands between the events is an error, as soon as it is whole.
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
            Some(status) => self.incoming.refusal(status, stray.as_bytes()),
            None => self.incoming.malformed(),
        })
    }
}

impl Answer {
    /// Takes in the next bytes of the stream, none at its end.
    ///
    /// # Errors
    /// [`Error::Malformed`] when an event is not the JSON that the service documents, [`Error::Blocked`] when the service
    /// withholds the answer.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut events = self.events.push(bytes);
        if bytes.is_empty() {
            events.extend(self.events.rest());
        }
        events.iter().try_for_each(|event| self.take(event))
    }

    /// The words that nobody has taken yet.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    fn take(&mut self, event: &str) -> Result<(), Error> {
        self.has_events = true;
        let content: Content = json(SERVICE, "text/event-stream", event.as_bytes())?;
        if !content.prompt_feedback.block_reason.is_empty() {
            return Err(blocked(&content.prompt_feedback.block_reason));
        }
        let candidate = content.candidates.into_iter().next().unwrap_or_default();
        self.end = match candidate.finish_reason.as_str() {
            "" => self.end,
            "STOP" => Some(End::Whole),
            "MAX_TOKENS" => Some(End::Cut),
            // SAFETY, RECITATION, PROHIBITED_CONTENT …: what came with it is not meant to be heard.
            reason => return Err(blocked(reason)),
        };
        let spoken = candidate.content.parts.iter().filter(|part| !part.thought);
        let words: String = spoken.map(|part| part.text.as_str()).collect();
        self.has_words |= !words.trim().is_empty();
        self.words
            .extend(Some(words).filter(|words| !words.is_empty()));
        Ok(())
    }
}

/// Every field may be missing; `finishReason` is a word from a list that grows.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Content {
    candidates: Vec<Candidate>,
    prompt_feedback: PromptFeedback,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate {
    content: Parts,
    finish_reason: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parts {
    parts: Vec<Part>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Part {
    text: String,
    thought: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PromptFeedback {
    block_reason: String,
}

fn blocked(reason: &str) -> Error {
    Error::Blocked {
        service: SERVICE.name,
        reason: word(reason),
    }
}

/// A reason as Gemini writes them, `PROHIBITED_CONTENT`; nothing else of what stands there.
fn word(reason: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    reason.chars().take_while(plain).take(40).collect()
}

const RAISE_LIMIT: &str = "the model thought until max_output_tokens was used up: raise it in [llm], or choose another model";
const TRY_AGAIN: &str =
    "that happens now and then; if it stays, choose another model in [llm.gemini]";

/// An error has a kilobyte or two.
const MAX_STRAY: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn event(parts: &str, reason: &str) -> String {
        let candidate = format!(
            r#"{{"content":{{"role":"model","parts":{parts}}},"finishReason":"{reason}"}}"#
        );
        format!(
            "data: {{\"candidates\":[{candidate}],\"modelVersion\":\"gemini-3.5-flash-lite\"}}\r\n\r\n"
        )
    }

    /// The words of a stream and why it ended, or the error that ended it.
    fn read(stream: &str) -> Result<(String, Option<End>), String> {
        let mut answer = Answer::default();
        answer
            .push(stream.as_bytes())
            .and_then(|()| answer.push(&[]))
            .map_err(|error| error.to_string())?;
        Ok((answer.words().collect(), answer.end))
    }

    #[test]
    fn words_come_event_by_event_and_the_last_tells_why_it_ends() {
        let (hello, more) = (
            r#"[{"text":"Hello"}]"#,
            r#"[{"text":" there."},{"text":" Goodbye!\n"}]"#,
        );
        let thought = r#"[{"text":"Let me think.","thought":true},{"text":"Four."}]"#;
        let table = [
            (
                event(hello, "") + &event(more, "STOP"),
                "Hello there. Goodbye!\n",
                Some(End::Whole),
            ),
            (
                event(hello, "") + &event(more, "MAX_TOKENS"),
                "Hello there. Goodbye!\n",
                Some(End::Cut),
            ),
            (
                event(hello, "") + &event("[]", "STOP"),
                "Hello",
                Some(End::Whole),
            ),
            (event(thought, "STOP"), "Four.", Some(End::Whole)),
            (event(hello, ""), "Hello", None),
            (
                event(hello, "STOP").trim_end().to_owned(),
                "Hello",
                Some(End::Whole),
            ),
            ("data: {\"usageMetadata\":{}}\n\n".to_owned(), "", None),
            (String::new(), "", None),
        ];
        for (stream, words, end) in table {
            assert_eq!(read(&stream), Ok((words.to_owned(), end)), "{stream}");
        }
    }

    #[test]
    fn what_the_service_withholds_is_told_with_its_reason() {
        let hello = r#"[{"text":"Hello"}]"#;
        let table = [
            (event(hello, "SAFETY"), "(SAFETY)"),
            (
                event(hello, "") + &event("[]", "RECITATION"),
                "(RECITATION)",
            ),
            (
                "data: {\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\"}}\n\n"
                    .to_owned(),
                "(PROHIBITED_CONTENT)",
            ),
            (
                "data: {\"candidates\": 7}\n\n".to_owned(),
                "break its format",
            ),
        ];
        for (stream, part) in table {
            let error = read(&stream).expect_err(&stream);
            assert!(error.contains(part), "{error:?} for {stream}");
        }
    }
}
