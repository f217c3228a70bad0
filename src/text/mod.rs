//! Words on their way to a voice: markdown becomes speech, speech becomes sentences and pieces.
//!
//! A model answers in text meant for a screen, and with what is not for the caller, which `filter` takes out as it is
//! written. [`speakable`] keeps what a person would read aloud, [`sentences`] finds
//! where a voice may take breath, and [`limit`] and [`chunks`] fit text to a limit without breaking a word, a sentence
//! or a character where that can be helped. Everything is a pure function of its text; which limit applies is the
//! caller's business.
//!
//! Numbers, currencies and abbreviations are left to the speech service, which knows its language.

mod actions;
mod back_channel;
mod citations;
mod completeness;
mod confirming;
mod cut;
mod directions;
mod escapes;
mod filter;
mod formulas;
mod html;
mod joined;
mod lines;
mod marks;
mod sentence_stream;
mod sentences;
mod speakable;
mod spoken;
mod transcript;
mod visible;

pub use actions::{Action, Message};
pub(crate) use back_channel::is_back_channel;
pub use completeness::Completeness;
pub(crate) use completeness::completeness;
pub(crate) use confirming::may_confirm;
pub use cut::{breaths, chunks, limit};
pub(crate) use html::page_text;
pub(crate) use sentence_stream::MIN_PIECE_CHARS;
pub use sentence_stream::SentenceStream;
pub use sentences::sentences;
pub use speakable::speakable;
pub(crate) use transcript::has_words;

/// Holds what is said of each text, and that the same is said of what is said.
#[cfg(test)]
#[track_caller]
fn assert_says(cases: &[(&str, &str)]) {
    for (text, speech) in cases {
        assert_eq!(speakable(text), *speech, "{text}");
        assert_eq!(speakable(speech), *speech, "said again: {text}");
    }
}

/// `pattern` over and over: long enough that more than linear time would be noticed.
#[cfg(test)]
fn endless(pattern: &str) -> String {
    let len = if cfg!(debug_assertions) {
        30_000
    } else {
        1_000_000
    };
    pattern.repeat(len / pattern.len())
}
