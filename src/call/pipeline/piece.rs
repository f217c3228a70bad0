//! What the model hands to the voice, one piece after the other.

use std::convert::Infallible;

use crossbeam_channel::Sender;

use super::gate::Held;
use crate::sys::deadline::Deadline;

/// What comes from the model.
pub(super) enum Text {
    Piece(Piece),
    /// It looks something up now, and what it has written so far is to be heard meanwhile.
    Pause,
}

/// What a voice is to say.
pub(super) struct Piece {
    pub(super) words: String,
    /// Whether an answer opens with it, in the language of the settings and not of the caller.
    pub(super) is_opening: bool,
    pub(super) held: Held,
    /// When its sound must have begun, if nothing has been heard before it.
    pub(super) deadline: Deadline,
    /// Dropped with the piece, once its sound has been passed on.
    #[expect(dead_code, reason = "its drop is what tells")]
    pub(super) on_its_way: Option<Sender<Infallible>>,
}

impl Piece {
    /// What an answer opens with.
    pub(super) fn opening(words: String, deadline: Deadline) -> Self {
        Self {
            words,
            is_opening: true,
            held: Held::default(),
            deadline,
            on_its_way: None,
        }
    }

    /// This and what follows it, in one go.
    pub(super) fn with(self, next: Self) -> Self {
        Self {
            words: format!("{} {}", self.words, next.words),
            held: self.held.and(next.held),
            ..next
        }
    }
}
