//! Escapes of JSON that a server or a model has left in its text: `\n`, `\u00e9`.

/// The escape that `text` begins with, after the character `before`: its length, and what it stands for. A backslash
/// inside a word may as well be a path's, unless the text `has_escapes` before.
pub(super) fn escape(before: Option<char>, text: &str, has_escapes: bool) -> Option<(usize, char)> {
    let rest = text.trim_start_matches('\\');
    let slashes = text.len() - rest.len();
    // A text that is put into JSON twice has each backslash doubled.
    if !(1..=2).contains(&slashes) {
        return None;
    }
    let (len, c) = match rest.chars().next()? {
        'u' => code(&text[slashes - 1..])?,
        letter @ ('n' | 'r' | 't') => {
            let next = rest[1..].chars().next();
            let goes_on = next.is_some_and(|c| c.is_lowercase() || c.is_ascii_digit());
            let is_inside =
                before.is_some_and(|c| c.is_alphanumeric() || c.is_whitespace() || c == '\\');
            // Tabs do not stand inside words, and a user does behind a domain: `ACME\tom`. No user begins with a digit.
            let is_word = before.is_some_and(char::is_alphanumeric)
                && next.is_some_and(|c| !c.is_ascii_digit());
            let may_be_escape = has_escapes && (letter == 'n' || !is_word);
            if goes_on && is_inside && !may_be_escape {
                return None;
            }
            (2, if letter == 't' { ' ' } else { '\n' })
        }
        _ => return None,
    };
    Some((slashes - 1 + len, c))
}

/// The character of `\uXXXX`, or of two of them that are one in UTF-16.
fn code(text: &str) -> Option<(usize, char)> {
    let first = unit(text)?;
    let second = unit(&text[UNIT_LEN..]);
    let units = [first, second.unwrap_or_default()];
    let c = char::decode_utf16(units).next()?;
    Some(match c {
        Ok(c) => (UNIT_LEN * c.len_utf16(), c),
        Err(_) => (UNIT_LEN, char::REPLACEMENT_CHARACTER),
    })
}

fn unit(text: &str) -> Option<u16> {
    let digits = text.get(..UNIT_LEN)?.strip_prefix("\\u")?;
    let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
}

const UNIT_LEN: usize = "\\u0000".len();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_told_from_paths() {
        let cases = [
            (None, r"\nHi", false, Some((2, '\n'))),
            (Some('.'), r"\nhi", false, Some((2, '\n'))),
            (Some('o'), r"\nHi", false, Some((2, '\n'))),
            (Some('o'), r"\n", false, Some((2, '\n'))),
            (Some('o'), r"\nhi", false, None),
            (Some('o'), r"\nhi", true, Some((2, '\n'))),
            (Some('E'), r"\tom", true, None),
            (Some('n'), r"\t9", true, Some((2, ' '))),
            (Some('n'), r"\t9", false, None),
            (Some('s'), r"\root", true, None),
            (Some(' '), r"\tom", true, Some((2, ' '))),
            (Some(' '), r"\name", false, None),
            (Some('.'), r"\\nHi", false, Some((3, '\n'))),
            (Some('.'), r"\r\n", false, Some((2, '\n'))),
            (Some(':'), r"\tHi", false, Some((2, ' '))),
            (Some('f'), r"\u00e9 ", false, Some((6, 'é'))),
            (Some('f'), r"\\u00E9 ", false, Some((7, 'é'))),
            (None, r"\ud83d\ude00!", false, Some((12, '😀'))),
            (None, r"\ud83d!", false, Some((6, '\u{FFFD}'))),
            (None, r"\u00", false, None),
            (None, r"\u00é9", false, None),
            (None, r"\user", false, None),
            (None, r"\*", false, None),
            (None, r"\", false, None),
            (None, r"\\\n", false, None),
        ];
        for (before, text, has_escapes, expected) in cases {
            assert_eq!(
                escape(before, text, has_escapes),
                expected,
                "{before:?} {text}"
            );
        }
    }
}
