//! The call of a tool as text, which ends where its brackets close.

/// A call that is being read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Call {
    depth: usize,
    /// The mark that ends the string which is being read.
    quote: Option<char>,
    is_escaped: bool,
    /// The first character that is seen: its name may stand in front of its brackets.
    first: Option<char>,
    /// Its brackets have closed; only other brackets may follow at once, as in `name[ARGS]{}`.
    has_closed: bool,
    /// The number of line breaks since the last character that is seen.
    line_breaks: usize,
    end: End,
    /// The last line, if it is not the first.
    line: Option<String>,
}

/// What ends a call, beside its brackets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Line,
    /// A fence of code, which belongs to it.
    Fence,
    ClosingFence,
    /// A token, which may be missing where brackets are all that was called with.
    Token,
}

impl Call {
    /// What is left of an object of which a value has been read, inside `depth` brackets.
    pub(super) fn rest_of_object(depth: usize) -> Self {
        Self {
            depth,
            first: Some('{'),
            has_closed: depth == 0,
            ..Self::default()
        }
    }

    /// The same call, in a fence of code.
    pub(super) fn in_fence(self) -> Self {
        Self {
            end: End::Fence,
            ..self
        }
    }

    /// A call behind the token of its beginning.
    pub(super) fn between_tokens() -> Self {
        Self {
            end: End::Token,
            ..Self::default()
        }
    }

    /// Reads on in `text`. Returns how many bytes of it belong to the call, and whether it has ended there.
    pub(super) fn read(&mut self, text: &str) -> (usize, bool) {
        for (at, c) in text.char_indices() {
            if !self.takes(c) {
                return (at, true);
            }
        }
        (text.len(), false)
    }

    /// Takes in `c`. Returns whether it belongs to the call.
    pub(super) fn takes(&mut self, c: char) -> bool {
        if self.end == End::Fence && self.line_breaks > 0 && is_mark_of_fence(c) {
            (self.depth, self.quote, self.has_closed) = (0, None, true);
        }
        if self.has_ended(c) {
            return false;
        }
        self.take(c);
        true
    }

    /// The last line of a call that has not ended, where that is rather a sentence: the answer behind a call that lacks a
    /// bracket.
    pub(super) fn last_line(&self) -> Option<&str> {
        let line = self.line.as_deref()?;
        (self.depth > 0 && line.trim_start().starts_with(begins_words)).then_some(line)
    }

    /// Whether the call has ended before `c`.
    fn has_ended(&mut self, c: char) -> bool {
        let is_open = self.depth > 0;
        // Where brackets are missing, a paragraph of words ends it.
        if is_open && self.quote.is_none() && self.line_breaks > 1 && begins_words(c) {
            return true;
        }
        let is_behind = !is_open && self.has_closed;
        match self.end {
            End::Token => {
                let has_name = !matches!(self.first, Some('[' | '{'));
                is_behind && !has_name && self.line_breaks > 0 && begins_words(c)
            }
            _ if is_open => false,
            _ if is_behind && !matches!(c, '[' | '{' | '(') => !self.closes_fence(c),
            _ => self.first.is_some() && c == '\n' && !self.closes_fence(c),
        }
    }

    /// Whether `c`, behind the brackets, belongs to the end of the fence.
    fn closes_fence(&mut self, c: char) -> bool {
        match self.end {
            End::Fence if c.is_whitespace() => true,
            End::Fence | End::ClosingFence if is_mark_of_fence(c) => {
                self.end = End::ClosingFence;
                true
            }
            _ => false,
        }
    }

    fn take(&mut self, c: char) {
        self.note_line(c);
        if !c.is_whitespace() {
            self.first.get_or_insert(c);
        }
        if self.quote.is_some() {
            // Only what is no JSON has single quotes: they may be apostrophes.
            let is_over = c == '\n' && self.quote == Some('\'');
            if is_over || !self.is_escaped && self.quote == Some(c) {
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

    fn note_line(&mut self, c: char) {
        if c == '\n' {
            self.line_breaks += 1;
            self.line.get_or_insert_default().clear();
            return;
        }
        if !c.is_whitespace() {
            self.line_breaks = 0;
        }
        if let Some(line) = &mut self.line {
            line.push(c);
        }
    }
}

/// Whether fences of code are made of `c`.
pub(super) fn is_mark_of_fence(c: char) -> bool {
    matches!(c, '`' | '~')
}

/// Whether a sentence may begin with `c`, and nothing that goes on in a call.
fn begins_words(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '¿' | '¡' | '“' | '„' | '«' | '*' | '#')
}
