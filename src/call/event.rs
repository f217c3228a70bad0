//! What the threads that do paid work tell the call, in the order in which the caller should hear of it.

use std::path::PathBuf;
use std::time::Instant;

use crossbeam_channel::Sender;

use super::echo::Reply;
use crate::sys::error::{Failure, Stage};
use crate::text::{Action, Completeness, Message};
use crate::timeline::Mark;

/// What a caller has said, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Transcript {
    /// Empty where no words were heard.
    pub(super) words: String,
    /// The language that it was said in, where it is told and not all callers speak the same.
    pub(super) language: Option<String>,
}

impl Transcript {
    /// These words, in a language that is not told.
    pub(super) fn of(words: &str) -> Self {
        Self {
            words: words.to_owned(),
            language: None,
        }
    }

    /// These words and the `next`.
    pub(super) fn followed_by(&self, next: Self) -> Self {
        let words = [self.words.as_str(), &next.words];
        let words = words.into_iter().filter(|words| !words.is_empty());
        Self {
            words: words.collect::<Vec<_>>().join(" "),
            // A caller who changes the language expects the answer in the one that they have ended with.
            language: next.language.or_else(|| self.language.clone()),
        }
    }
}

/// What comes of the work.
#[derive(Debug)]
pub(super) enum Event {
    /// Something that costs money begins, if the call agrees.
    Begins(Stage, Sender<()>),
    /// A step of the call's timeline is over.
    Reached(Mark, Instant),
    /// A stage is over that began then, and what it has done.
    Done(Stage, Instant, String),
    /// The transcript, and whether the caller's words are finished; [`Event::Question`] follows.
    Transcribed(Transcript, Completeness),
    /// The transcript; empty when there were no words in it.
    Question(String),
    /// The model has heard the caller itself, and these are the words that it has written down; empty until it has.
    Heard(String),
    /// The answer so far.
    Answer(String),
    /// The next of the encoded sound.
    Sound(Vec<u8>),
    /// A text begins to be spoken: the next sound is of it.
    Speaks(String),
    /// The sound so far ends with a sentence.
    SentenceEnd,
    /// The sound that has not been heard is not worth hearing.
    Forget,
    /// All actions that the model has asked for so far.
    Actions(Vec<Action>),
    /// The model has written all of its answer.
    Written,
    /// Messages of the caller's; what comes next waits until the call has kept them, and ends if it does not.
    Messages(Vec<Message>, Sender<()>),
    /// The answer has nothing that a voice could say, and no action that ends the call.
    Wordless,
    /// The model has called functions; they wait for a permit.
    Calls(Calls),
    /// What came of them has been told to the model.
    Called,
    /// A phrase is kept at this place, without extension. Its samples, if they can be read.
    Phrase(PathBuf, Option<Reply>),
    /// The work is done, or has failed.
    End(Result<(), Failure>),
    /// The work ended without a word: it has panicked.
    Panicked,
}

/// Functions that the model has called.
#[derive(Debug)]
pub(super) struct Calls {
    /// Their names, in the order of the calls.
    pub(super) names: Vec<String>,
    /// Whether a PIN is to be typed for one of them. Then all that the caller is to hear before has been told.
    pub(super) needs_pin: bool,
    /// Takes a permit for each; dropped, none is made.
    pub(super) permit: Sender<Vec<Permit>>,
}

/// Whether a function may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permit {
    Granted,
    /// What the model is told in place of a result.
    Refused(&'static str),
}
