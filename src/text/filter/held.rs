//! What is kept back of an answer until it is known whether it is for the caller.

use super::super::sentences::end_of_sentence;
use super::label::Label;

/// What is passed on unless an answer follows: a text that begins with "Thought:" or "User:" may be all there is, and
/// "User:" behind an answer may announce the next turn of a conversation or a line of a list.
#[derive(Debug)]
pub(super) struct Held {
    /// They begin with the label, which has `label_len` bytes.
    words: String,
    label_len: usize,
    label: Label,
    /// They have been passed on, and so is what follows.
    is_released: bool,
}

impl Held {
    pub(super) fn new(label: Label, text: &str) -> Self {
        Self {
            words: text.to_owned(),
            label_len: text.len(),
            label,
            is_released: false,
        }
    }

    /// Takes in what follows. Returns what is to be passed on: all of it as soon as a word's end tells that it may be.
    pub(super) fn push(&mut self, words: &str) -> Option<String> {
        self.words.push_str(words);
        // Only the beginning is looked at, because each word's end looks at all.
        let may_tell = words.contains(char::is_whitespace) && self.words.len() < LONGEST_BEGINNING;
        self.is_released |= may_tell && self.is_own();
        self.is_released.then(|| std::mem::take(&mut self.words))
    }

    pub(super) fn words(&self) -> &str {
        &self.words
    }

    pub(super) fn is_thought(&self) -> bool {
        self.label == Label::Thought
    }

    pub(super) fn is_released(&self) -> bool {
        self.is_released
    }

    /// Whether the model's own words are announced by `label`, where an answer `has_passed` before or not.
    pub(super) fn may_end_at(&self, label: Label, has_passed: bool) -> bool {
        match label {
            Label::Model | Label::Alone => true,
            Label::Role => self.label == Label::Other,
            Label::Answer => self.label != Label::Other || has_passed,
            _ => false,
        }
    }

    /// Whether these are the model's own words and no turn: an action is in them, or names and their values are, as in
    /// "User: guest\nPassword: tea", or more than the name of a tool follows "Action:".
    pub(super) fn is_own(&self) -> bool {
        let is_own = || match self.label {
            Label::Thought => false,
            Label::Action => {
                let mut lines = self.lines();
                lines
                    .next()
                    .is_some_and(|line| line.contains(char::is_whitespace))
            }
            _ => self.words.contains("[[") || self.lines().skip(1).any(names_value),
        };
        self.is_released || is_own()
    }

    /// Whether these are what the model makes another speaker say, although no answer to it follows.
    pub(super) fn is_turn(&self) -> bool {
        let asks = |line: &str| {
            let line = line.trim_end_matches(is_markup);
            line.ends_with(['?', '？', '؟']) && end_of_sentence(line).is_none()
        };
        self.label == Label::Other
            && !self.is_own()
            && !self.names_caller()
            && self.lines().next().is_none_or(asks)
    }

    /// Whether the label may be that of a caller whose call is read back to him: "Caller: Jim Brown, is that right?"
    fn names_caller(&self) -> bool {
        let label = self.words[..self.label_len].to_lowercase();
        ["caller", "anrufer"]
            .iter()
            .any(|name| label.contains(name))
    }

    /// The lines behind the label that are not empty.
    fn lines(&self) -> impl Iterator<Item = &str> {
        let lines = self.words[self.label_len..].lines().map(str::trim);
        lines.filter(|line| !line.is_empty())
    }
}

/// Whether `line` is a name and its value, as in a form.
fn names_value(line: &str) -> bool {
    let Some((name, value)) = line.split_once([':', '：']) else {
        return false;
    };
    let name = name.trim_start_matches(|c: char| is_markup(c) || is_list_mark(c));
    let is_name =
        |c: char| c.is_alphanumeric() || is_markup(c) || matches!(c, '-' | '/' | '(' | ')');
    (1..=LONGEST_NAME).contains(&name.len())
        && name.chars().all(is_name)
        && !value.trim().is_empty()
}

fn is_list_mark(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '-' | '.' | '•' | '–')
}

fn is_markup(c: char) -> bool {
    matches!(c, '*' | '_' | ' ')
}

/// What is read to tell a list from a turn, and the longest name of a value, in bytes.
const LONGEST_BEGINNING: usize = 1000;
const LONGEST_NAME: usize = 40;
