//! Text for a terminal and for one line of a log: that of strangers made harmless, and lines broken at its width.
//!
//! Callers choose their names, services their messages, and users who may write to a folder the names in it. A terminal
//! obeys control characters; format characters reorder or hide what stands beside them, and so show a line that was
//! never written (<https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing>). The words that the dialplan
//! gets are left alone: there Persian needs U+200C, and many an emoji U+200D.

use std::ffi::OsStr;
use std::fmt::{Display, Write};

/// What editors and some servers put before a text.
pub(crate) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// `text` on one line: a blank for each control character and line break, U+FFFD for each character that is not seen.
pub fn plain(text: &str) -> String {
    text.chars().map(harmless).collect()
}

/// `text` in quotation marks, on one line: a name or a path in a message.
pub(crate) fn quoted(text: impl AsRef<OsStr>) -> String {
    format!("\"{}\"", plain(&text.as_ref().to_string_lossy()))
}

/// The same as [`plain`], of at most `max_chars` characters; what is longer ends with an ellipsis.
pub(crate) fn plain_to(text: &str, max_chars: usize) -> String {
    let mut chars = text.chars().map(harmless);
    let mut shown: String = chars.by_ref().take(max_chars).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// `json` with every character that is not seen as `\uXXXX`, so that it can be shown on a terminal. Outside of its
/// strings there are only line breaks, and these stay.
pub(crate) fn escaped(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_control() && c != '\n' || is_unseen(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // A string takes in everything.
                write!(shown, "\\u{unit:04x}").ok();
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

fn harmless(c: char) -> char {
    match c {
        '\u{2028}' | '\u{2029}' => ' ',
        c if c.is_control() => ' ',
        c if is_unseen(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

/// Whether `c` is seen only by its effect on others, or not at all: Unicode's categories Cf, Zl and Zp, and the letters
/// and marks that are drawn as nothing (`Default_Ignorable_Code_Point`), but for the variation selectors of emoji.
pub(crate) fn is_unseen(c: char) -> bool {
    UNSEEN
        .binary_search_by(|(first, last)| match () {
            () if *last < c => std::cmp::Ordering::Less,
            () if *first > c => std::cmp::Ordering::Greater,
            () => std::cmp::Ordering::Equal,
        })
        .is_ok()
}

/// Ranges of unseen characters from the Unicode Character Database 16.0, in order.
const UNSEEN: [(char, char); 24] = [
    ('\u{AD}', '\u{AD}'),
    ('\u{34F}', '\u{34F}'),
    ('\u{600}', '\u{605}'),
    ('\u{61C}', '\u{61C}'),
    ('\u{6DD}', '\u{6DD}'),
    ('\u{70F}', '\u{70F}'),
    ('\u{890}', '\u{891}'),
    ('\u{8E2}', '\u{8E2}'),
    ('\u{115F}', '\u{1160}'),
    ('\u{17B4}', '\u{17B5}'),
    ('\u{180B}', '\u{180F}'),
    ('\u{200B}', '\u{200F}'),
    ('\u{2028}', '\u{202E}'),
    ('\u{2060}', '\u{206F}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{FEFF}', '\u{FEFF}'),
    ('\u{FFA0}', '\u{FFA0}'),
    ('\u{FFF0}', '\u{FFFB}'),
    ('\u{110BD}', '\u{110BD}'),
    ('\u{110CD}', '\u{110CD}'),
    ('\u{13430}', '\u{1343F}'),
    ('\u{1BCA0}', '\u{1BCA3}'),
    ('\u{1D173}', '\u{1D17A}'),
    ('\u{E0000}', '\u{E0FFF}'),
];

/// To the first column, and nothing behind it: ECMA-48, CR and EL.
pub(crate) const CLEAR: &str = "\r\x1b[K";

/// A count with the word for what is counted: of one, or of any other number.
pub(crate) fn counted(count: impl Display, one: &str, more: &str) -> String {
    let count = count.to_string();
    let word = if count == "1" { one } else { more };
    format!("{count} {word}")
}

/// Breaks a line at its blanks where it would be wider than `width`. It begins in the column `at` and goes on in the column
/// `indent`; a word that is too long for that, such as a path, begins further to the left.
pub(crate) fn broken(line: &str, mut at: usize, indent: usize, width: usize) -> String {
    let mut out = String::new();
    for (number, word) in line.split(' ').enumerate() {
        let len = seen(word);
        if at > indent && at + 1 + len > width {
            at = indent.min(width.saturating_sub(len));
            out.push('\n');
            out.push_str(&" ".repeat(at));
        } else if number > 0 {
            out.push(' ');
            at += 1;
        }
        out.push_str(word);
        at += len;
    }
    out
}

/// How many characters of a text are seen: those between an escape and the `m` that ends it are not.
pub(crate) fn seen(text: &str) -> usize {
    let mut parts = text.split('\x1b');
    let first = parts.next().map_or(0, |text| text.chars().count());
    let behind = parts.filter_map(|part| part.split_once('m'));
    first + behind.map(|(_, text)| text.chars().count()).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_would_obey_is_not_left() {
        let table = [
            ("all is well", "all is well"),
            ("a\x1b[2Jb\nc\u{9b}é\u{7f}", "a [2Jb c é "),
            ("one\u{2028}two\u{2029}three", "one two three"),
            ("safe\u{202E}txt.exe\u{202C}", "safe\u{FFFD}txt.exe\u{FFFD}"),
            (
                "\u{2066}x\u{2069}\u{200B}\u{200F}\u{FEFF}",
                "\u{FFFD}x\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}",
            ),
            ("\u{AD}\u{61C}\u{E0041}", "\u{FFFD}\u{FFFD}\u{FFFD}"),
            (
                "größer, 世界, 👋🏽, ❤\u{FE0F}, cafe\u{301}",
                "größer, 世界, 👋🏽, ❤\u{FE0F}, cafe\u{301}",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_longer_text_ends_with_an_ellipsis() {
        assert_eq!(plain_to("ééé", 3), "ééé");
        assert_eq!(plain_to("éé\né", 3), "éé …");
    }

    #[test]
    fn json_means_the_same_when_it_is_escaped() {
        let words = "a\u{202E}b\u{E0041}c\u{9b}\u{200D}d\u{2028}";
        let json = serde_json::to_string(words).expect("a string is JSON");
        let shown = escaped(&json);
        assert_eq!(shown, r#""a\u202eb\udb40\udc41c\u009b\u200dd\u2028""#);
        assert_eq!(serde_json::from_str::<String>(&shown).expect("JSON"), words);
        assert_eq!(escaped("[\n  \"a\\n\"\n]\n"), "[\n  \"a\\n\"\n]\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn every_format_character_is_known(text in "[\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cc}]") {
            let c = text.chars().next().expect("one");
            prop_assert!(c.is_control() || is_unseen(c), "{c:?}");
        }
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(UNSEEN.windows(2).all(|two| two[0].1 < two[1].0));
    }
}
