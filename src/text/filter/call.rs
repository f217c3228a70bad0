//! The call of a tool as text, which ends where its brackets close.

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

    /// Reads on in `text`. Returns how many bytes of it belong to the call, and whether it has ended there.
    pub(super) fn read(&mut self, text: &str) -> (usize, bool) {
        for (at, c) in text.char_indices() {
            let goes_on = !self.has_closed || matches!(c, '[' | '{' | '(');
            if self.depth == 0 && (!goes_on || (self.has_begun && c == '\n')) {
                return (at, true);
            }
            self.take(c);
        }
        (text.len(), false)
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
