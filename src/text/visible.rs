//! What is seen of a text. Anything else may stand inside any mark, so it goes before another step reads the text.

use super::marks::{EMOJI_STYLE, KEYCAP, is_invisible, is_joiner};

/// Leaves out what is not seen of a text that is being written.
#[derive(Debug, Default)]
pub(super) struct Visible {
    /// The last character that was left.
    before: Option<char>,
}

impl Visible {
    /// The part of `text` that is seen.
    pub(super) fn read(&mut self, text: &str) -> String {
        let is_seen = |c: &char| {
            let is_seen = self.is_seen(*c);
            if is_seen {
                self.before = Some(*c);
            }
            is_seen
        };
        text.chars().filter(is_seen).collect()
    }

    /// Whether `c` is seen, or changes what is: joiners and styles do so in words and pictures, and among the signs of
    /// ASCII, of which marks are made, in those on keys alone.
    fn is_seen(&self, c: char) -> bool {
        let after_other = self.before.is_some_and(|before| !before.is_ascii());
        let is_key = |c: char| c.is_ascii_digit() || matches!(c, '#' | '*');
        match c {
            EMOJI_STYLE | KEYCAP => after_other || self.before.is_some_and(is_key),
            c if is_joiner(c) => after_other,
            c => c.is_whitespace() || !is_invisible(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_seen_or_changes_it_is_left_however_it_is_split() {
        let table = [
            ("<\u{200D}/th\u{200B}in\u{FE0F}k\u{0}>", "</think>"),
            ("\\\u{200C}\u{AD}frac\u{20E3} \u{FEFF}\u{202E}", "\\frac "),
            ("a\u{34F}b\u{61C}\u{180B}\u{E0101}\u{FFFA}\u{1B}", "ab"),
            ("می‌خواهم क्‍ष", "می‌خواهم क्‍ष"),
            ("👨‍👩‍👧 ❤️ 1️⃣#️⃣", "👨‍👩‍👧 ❤️ 1️⃣#️⃣"),
            (
                "a\t\r\n\u{85}\u{A0}\u{2028}b",
                "a\t\r\n\u{85}\u{A0}\u{2028}b",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(Visible::default().read(text), expected, "{text:?}");
            let mut visible = Visible::default();
            let split: String = text
                .chars()
                .map(|c| visible.read(c.encode_utf8(&mut [0; 4])))
                .collect();
            assert_eq!(split, expected, "{text:?} split");
        }
    }
}
