//! The call of a tool as text, which ends where its brackets close.

use super::label::is_fence;

/// A call that is being read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Call {
    depth: usize,
    /// The mark that ends the string which is being read.
    quote: Option<char>,
    is_escaped: bool,
    /// Something of it has been read: its name may stand in front of its brackets.
    has_begun: bool,
    /// Its brackets have closed; only other brackets may follow at once, as in `name[ARGS]{}`.
    has_closed: bool,
    fence: Fence,
}

/// The end of a fence of code around a call, which belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fence {
    #[default]
    None,
    Open,
    Closing,
}

impl Call {
    /// What is left of an object of which the first value has been read.
    pub(super) fn rest_of_object() -> Self {
        Self {
            depth: 1,
            has_begun: true,
            ..Self::default()
        }
    }

    /// The same call, in a fence of code.
    pub(super) fn in_fence(self) -> Self {
        Self {
            fence: Fence::Open,
            ..self
        }
    }

    /// Reads on in `text`. Returns how many bytes of it belong to the call, and whether it has ended there.
    pub(super) fn read(&mut self, text: &str) -> (usize, bool) {
        for (at, c) in text.char_indices() {
            let goes_on = !self.has_closed || matches!(c, '[' | '{' | '(');
            let may_end = self.depth == 0 && (!goes_on || (self.has_begun && c == '\n'));
            if may_end && !self.closes_fence(c) {
                return (at, true);
            }
            self.take(c);
        }
        (text.len(), false)
    }

    /// Whether `c`, behind the brackets, belongs to the end of the fence.
    fn closes_fence(&mut self, c: char) -> bool {
        match self.fence {
            Fence::Open if c.is_whitespace() => true,
            Fence::Open | Fence::Closing if is_fence(c.encode_utf8(&mut [0; 4])) => {
                self.fence = Fence::Closing;
                true
            }
            _ => false,
        }
    }

    fn take(&mut self, c: char) {
        self.has_begun |= !c.is_whitespace();
        if self.quote.is_some() {
            if !self.is_escaped && self.quote == Some(c) {
                self.quote = None;
            }
            self.is_escaped = c == '\\' && !self.is_escaped;
            return;
        }
        match c {
            // Outside of brackets it may be an apostrophe, which nothing closes.
            '"' | '\'' if self.depth > 0 => self.quote = Some(c),
            '[' | '{' | '(' => self.depth += 1,
            ']' | '}' | ')' => {
                self.depth = self.depth.saturating_sub(1);
                self.has_closed |= self.depth == 0;
            }
            _ => {}
        }
    }
}
