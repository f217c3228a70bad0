//! What the model hands to the voice, one piece after the other.

use super::gate::Held;

/// What a voice is to say.
pub(super) struct Piece {
    pub(super) words: String,
    /// Whether an answer opens with it, in the language of the settings and not of the caller.
    pub(super) is_opening: bool,
    pub(super) held: Held,
}

impl Piece {
    /// What an answer opens with.
    pub(super) fn opening(words: String) -> Self {
        Self {
            words,
            is_opening: true,
            held: Held::default(),
        }
    }

    /// A part of the answer, whose sound may be `held`.
    pub(super) fn answer(words: String, held: Held) -> Self {
        Self {
            words,
            is_opening: false,
            held,
        }
    }

    /// This and what follows it, in one go.
    pub(super) fn with(self, next: Self) -> Self {
        Self::answer(format!("{} {}", self.words, next.words), next.held)
    }
}
