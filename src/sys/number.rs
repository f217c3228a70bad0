//! Telephone numbers of callers: one spelling for each, however it is written.
//!
//! Callers choose what stands in place of their number: a name, nothing, or bytes that are to be taken for another's.

use std::ops::RangeInclusive;

use ring::digest::{SHA256, digest};

use super::digest::hex;

/// What is shown in place of a caller's number.
enum Shown {
    /// Digits, with a `+` before an international number, which may also have been written with `00`.
    Number(String),
    Withheld,
    /// Anything else, in lower case.
    Name(String),
}

impl Shown {
    fn of(text: &str) -> Self {
        let text = text.trim().to_lowercase();
        let (sign, rest) = match text.strip_prefix('+') {
            Some(rest) => ("+", rest),
            None => ("", text.as_str()),
        };
        let is_number = rest.chars().all(|c| c.is_ascii_digit() || is_between(c));
        let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
        if HIDDEN.contains(&text.as_str()) || (is_number && digits.is_empty()) {
            return Self::Withheld;
        }
        if !is_number || digits.len() > MAX_DIALLED {
            return Self::Name(text);
        }
        match digits.strip_prefix("00") {
            Some(rest) if sign.is_empty() => Self::Number(format!("+{rest}")),
            _ => Self::Number(format!("{sign}{digits}")),
        }
    }
}

/// The number, if it can be told from others: it has as many digits as [`DIGITS`], which are not all 0.
pub(crate) fn normal(text: &str) -> Option<String> {
    let Shown::Number(number) = Shown::of(text) else {
        return None;
    };
    let digits = number.trim_start_matches('+');
    let is_distinguishable =
        DIGITS.contains(&digits.len()) && digits.contains(|digit| digit != '0');
    is_distinguishable.then_some(number)
}

/// Whether `text` can be dialled with the keys of a telephone.
pub(crate) fn is_dialled(text: &str) -> bool {
    let is_key = |byte: u8| byte.is_ascii_digit() || b"*#".contains(&byte);
    !text.is_empty() && text.bytes().all(is_key)
}

/// A [`normal`] number in digits alone, as an account has it: `+` is `00` again.
pub(crate) fn dialled(number: &str) -> String {
    number.replacen('+', "00", 1)
}

/// A short name for each caller; all callers who withhold their number share one. What is no number is not kept as it
/// came, but as a digest.
pub(crate) fn key(text: &str) -> String {
    match Shown::of(text) {
        Shown::Number(number) => number,
        Shown::Withheld => "anonymous".to_owned(),
        Shown::Name(name) => {
            let hash = digest(&SHA256, name.as_bytes());
            format!("name-{}", hex(&hash.as_ref()[..KEY_BYTES]))
        }
    }
}

/// Whether it stands for a number that is withheld or not known.
pub(crate) fn is_withheld(text: &str) -> bool {
    matches!(Shown::of(text), Shown::Withheld)
}

/// An extension as it is dialled, which may hold `*` and `#`.
pub(crate) fn extension(text: &str) -> Option<String> {
    let is_written = |c: char| c.is_whitespace() || c == '+' || is_between(c);
    let is_dialled = |c: char| c.is_ascii_digit() || c == '*' || c == '#';
    let extension: String = text.chars().filter(|c| !is_written(*c)).collect();
    let is_right = !extension.is_empty() && extension.chars().all(is_dialled);
    is_right.then_some(extension)
}

/// Whether people write it between digits.
fn is_between(c: char) -> bool {
    " ()-./".contains(c)
}

/// What Asterisk and telephone networks say in place of a number.
const HIDDEN: &[&str] = &[
    "",
    "anonymous",
    "unknown",
    "restricted",
    "unavailable",
    "private",
    "withheld",
    "asterisk",
    "<unknown>",
];

/// How many digits a number has: from the shortest extensions to E.164's longest number.
pub(crate) const DIGITS: RangeInclusive<usize> = 2..=15;
/// Behind a prefix for foreign countries.
const MAX_DIALLED: usize = 20;
const KEY_BYTES: usize = 12;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_has_one_spelling_however_it_is_written() {
        let table = [
            ("200", "200"),
            (" 200 ", "200"),
            ("10", "10"),
            ("+49 (30) 123-456", "+4930123456"),
            ("+49.30.123456", "+4930123456"),
            ("0049 30 123456", "+4930123456"),
            ("00-49/30123456", "+4930123456"),
            // A national number does not tell its country.
            ("030 123456", "030123456"),
            ("+123456789012345", "+123456789012345"),
            ("00123456789012345", "+123456789012345"),
        ];
        for (written, expected) in table {
            assert_eq!(normal(written).as_deref(), Some(expected), "{written:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_nobodys() {
        let table = [
            ("nothing", ""),
            ("hidden", "anonymous"),
            ("unknown to Asterisk", "unknown"),
            ("restricted", "Restricted"),
            ("in brackets", "<unknown>"),
            ("a name", "anna"),
            ("an address", "200@pbx.example"),
            ("one digit", "7"),
            ("16 digits", "1234567890123456"),
            ("16 digits after +", "+1234567890123456"),
            ("only noughts", "0000000000"),
            ("a place-holder", "00"),
            ("two signs", "++4930"),
            ("a sign inside", "49+30"),
            ("a code", "*43"),
            ("other digits", "٢٠٠"),
            ("a path", "../../etc/passwd"),
            ("a NUL", "200\0"),
        ];
        for (name, written) in table {
            assert_eq!(normal(written), None, "{name}: {written:?}");
        }
    }

    #[test]
    fn callers_have_short_plain_names_that_nobody_can_forge_into_anothers() {
        let table = [
            ("200", "200"),
            (" 200 ", "200"),
            ("+49 (30) 123-456", "+4930123456"),
            ("0049.30/123456", "+4930123456"),
            ("", "anonymous"),
            (" \t", "anonymous"),
            ("Anonymous", "anonymous"),
            ("<unknown>", "anonymous"),
            ("+", "anonymous"),
            ("()", "anonymous"),
            ("- . /", "anonymous"),
            ("12345678901234567890", "12345678901234567890"),
        ];
        for (written, expected) in table {
            assert_eq!(key(written), expected, "{written:?}");
        }
        let long = "9".repeat(10_000);
        let names = "x".repeat(10_000);
        let hostile = [
            "anna",
            "200\0",
            "200\n",
            "200\r\nagi_arg_1: x",
            "2\u{202e}00",
            "2\u{200b}00",
            "٢٠٠",
            "200@pbx.example",
            "../../etc/passwd",
            "\u{1b}[2J",
            "\u{9b}31m",
            "name-00",
            "123456789012345678901",
            &long,
            &names,
        ];
        let mut all: Vec<_> = hostile.iter().map(|written| key(written)).collect();
        for (name, written) in all.iter().zip(hostile) {
            let plain = |c: char| c.is_ascii_hexdigit() || "name-".contains(c);
            // What is trimmed is a number like any other.
            let is_number = ["200\n"].contains(&written);
            assert!(
                is_number || name.starts_with("name-"),
                "{written:?}: {name}"
            );
            assert!(name.len() < 30 && name.chars().all(plain), "{name}");
        }
        all.sort();
        all.dedup();
        assert_eq!(all.len(), hostile.len(), "no two are one");
    }

    #[test]
    fn an_extension_is_what_is_dialled() {
        let table = [
            ("200", Some("200")),
            (" +49 (30) 123-456", Some("4930123456")),
            ("*97", Some("*97")),
            ("9#", Some("9#")),
            ("2\u{a0}00", Some("200")),
            ("", None),
            ("- .", None),
            ("anna", None),
            ("200&201", None),
            ("200,1", None),
            ("٢٠٠", None),
        ];
        for (written, expected) in table {
            assert_eq!(extension(written).as_deref(), expected, "{written:?}");
        }
    }

    proptest! {
        #[test]
        fn a_spelling_stays_as_it_is(number in "[+0-9 ()./-]{0,20}|\\PC{0,20}") {
            if let Some(once) = normal(&number) {
                prop_assert_eq!(normal(&once), Some(once));
            }
        }
    }
}
