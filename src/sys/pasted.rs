//! Characters that come with text from a web page, a mail or a word processor, and that look like others or like
//! nothing: what they are called, and what of a pasted value is only its wrapping.

use crate::sys::plain::is_unseen;

/// Describes a character that is not what it looks like: `U+00A0, a no-break space`. `None` for all others.
pub(crate) fn description(c: char) -> Option<String> {
    let name = match c {
        '\u{feff}' => "a byte order mark, as it stands where two files were joined",
        '\u{a0}' | '\u{2007}' | '\u{202f}' => "a no-break space",
        '\u{2000}'..='\u{200a}' | '\u{205f}' | '\u{3000}' => "a space of another width",
        c if is_curly_quote(c) => "a typographic quotation mark",
        '…' => "an ellipsis",
        '‐'..='―' | '−' => "a typographic dash",
        '＝' | '＃' | '［' | '］' => "a sign of double width",
        '\t' | '\n' | '\r' => return None,
        c if c.is_control() => "a control character",
        c if is_unseen(c) => "an invisible character",
        _ => return None,
    };
    Some(format!("U+{:04X}, {name}", u32::from(c)))
}

/// Whether `c` is one of the quotation marks that word processors make of `"` and `'`.
pub(crate) fn is_curly_quote(c: char) -> bool {
    "“”„‟«»″‘’‚‛‹›′´".contains(c)
}

/// Returns `text` without blanks and invisible characters around it, and without the quotation marks of an environment
/// file: none of these begins or ends a key, a path or an address.
pub(crate) fn unwrapped(text: &str) -> &str {
    let text = trimmed(text);
    let pairs = [
        ('"', '"'),
        ('\'', '\''),
        ('“', '”'),
        ('„', '“'),
        ('‘', '’'),
        ('<', '>'),
    ];
    let inner = pairs.iter().find_map(|(open, close)| {
        let inner = text.strip_prefix(*open)?.strip_suffix(*close)?;
        Some(trimmed(inner))
    });
    inner.unwrap_or(text)
}

/// Returns `text` without blanks and invisible characters around it.
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c.is_control() || is_unseen(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_something_else_has_a_name() {
        let table = [
            ('\u{a0}', "U+00A0, a no-break space"),
            ('\u{3000}', "U+3000, a space of another width"),
            ('“', "U+201C, a typographic quotation mark"),
            ('’', "U+2019, a typographic quotation mark"),
            ('\u{200b}', "U+200B, an invisible character"),
            ('\u{ad}', "U+00AD, an invisible character"),
            ('\u{1a}', "U+001A, a control character"),
            ('–', "U+2013, a typographic dash"),
        ];
        for (c, expected) in table {
            assert_eq!(description(c).as_deref(), Some(expected), "{c:?}");
        }
        for c in "aZ09 \t\"'=#[]{}äß漢".chars() {
            assert_eq!(description(c), None, "{c:?}");
        }
    }

    #[test]
    fn only_the_wrapping_of_a_value_is_taken_off() {
        let table = [
            ("sk-1", "sk-1"),
            (" sk-1 \r\n", "sk-1"),
            ("\u{200b}sk-1\u{feff}", "sk-1"),
            ("\u{a0}sk-1\u{a0}", "sk-1"),
            ("\"sk-1\"", "sk-1"),
            ("' sk-1 '\n", "sk-1"),
            ("“sk-1”", "sk-1"),
            ("<https://host/v1>", "https://host/v1"),
            ("\"sk-1", "\"sk-1"),
            ("sk 1", "sk 1"),
            ("\"", "\""),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(unwrapped(text), expected, "{text:?}");
        }
    }
}
