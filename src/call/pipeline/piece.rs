//! What the model hands to the voice, one piece after the other.

/// What a voice is to say.
pub(super) enum Piece {
    /// What an answer opens with, in the language of the settings and not of the caller.
    Opening(String),
    Answer(String),
}

impl Piece {
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Opening(words) | Self::Answer(words) => words,
        }
    }
}
