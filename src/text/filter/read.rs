//! How the beginning of a text is read that may not be whole yet.

/// Whether the beginning of a text is something, which then has a length in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read<T> {
    Is(usize, T),
    /// The text ends too early to tell.
    MayBecome,
    Not,
}

/// At most `len` bytes of the beginning of `text`, to a whole character.
pub(super) fn first_bytes(text: &str, len: usize) -> &str {
    let mut len = len.min(text.len());
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    &text[..len]
}
