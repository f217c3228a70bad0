//! The visible part of a text. Anything else may stand inside any mark, so it goes before another step reads the text.

use super::marks::{EMOJI_STYLE, KEYCAP, is_invisible, is_joiner, is_pictograph};

/// Leaves out what is not seen of a text that is being written.
#[derive(Debug, Default)]
pub(super) struct Visible {
    /// The last character that was kept.
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

    /// Whether `c` is seen, or changes what is.
    fn is_seen(&self, c: char) -> bool {
        let is_behind = |fits: fn(char) -> bool| {
            let before = self.before.filter(|before| !makes_marks(*before));
            before.is_some_and(fits)
        };
        match c {
            EMOJI_STYLE | KEYCAP => is_behind(has_styles),
            c if is_joiner(c) => is_behind(is_joined),
            c => c.is_whitespace() || !is_invisible(c),
        }
    }
}

/// Signs outside ASCII of which tokens and citations are made.
fn makes_marks(c: char) -> bool {
    matches!(c, '｜' | '▁' | '◁' | '▷' | '✿' | '【' | '】' | '†')
}

/// A key, or a sign that may be a picture.
fn has_styles(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '#' | '*') || !c.is_ascii() && !c.is_alphanumeric()
}

/// Pictures, and the scripts whose letters look different when they are joined: Arabic, those of India and Tibet, Burmese,
/// Khmer and Mongolian.
fn is_joined(c: char) -> bool {
    c == EMOJI_STYLE
        || is_pictograph(c)
        || matches!(c, '\u{600}'..='\u{DFF}' | '\u{F00}'..='\u{109F}' | '\u{1780}'..='\u{18AF}')
        || matches!(c, '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}')
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
            (
                "◁\u{200D}think▷｜\u{FE0F}a✿\u{200C}F【3†\u{200D}s】用\u{200D}户\u{FE0F}：é\u{200D}",
                "◁think▷｜a✿F【3†s】用户：é",
            ),
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
