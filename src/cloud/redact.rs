//! What a service may quote of a request, and nobody should read in a log: keys, and what was said.
//!
//! Services quote in parts as well: the beginning and the end of a key, half a sentence. So every part that could only
//! come from there is taken out.

/// A text that is not to be shown.
#[derive(Clone, Copy, Debug)]
pub enum Hidden<'a> {
    /// A key or a token.
    Secret(&'a str),
    /// Something that was said.
    Words(&'a str),
}

/// `text` without whatever it shares with `hidden`.
pub fn redact(text: &str, hidden: &[Hidden<'_>]) -> String {
    let parts = hidden
        .iter()
        .fold(text.to_owned(), |text, hidden| match hidden {
            Hidden::Secret(secret) => {
                without(&text, secret, SECRET_PART, |_| "[redacted]".to_owned())
            }
            Hidden::Words(words) => without(&text, words, WORDS_PART, |part| {
                format!("<{} bytes>", part.len())
            }),
        });
    if hidden
        .iter()
        .any(|hidden| matches!(hidden, Hidden::Secret(_)))
    {
        without_masks(&parts)
    } else {
        parts
    }
}

/// `text` with `shown` in place of every part of at least `least` bytes that also stands in `source`, and of the whole of
/// a shorter one.
fn without(text: &str, source: &str, least: usize, shown: impl Fn(&str) -> String) -> String {
    if source.is_empty() {
        return text.to_owned();
    }
    let least = least.min(source.len());
    let mut result = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let len = common_beginning(rest, source, least);
        let (part, after) = rest.split_at(len.unwrap_or(first.len_utf8()));
        match len {
            Some(_) => result.push_str(&shown(part)),
            None => result.push_str(part),
        }
        rest = after;
    }
    result
}

/// How many bytes at the beginning of `text` stand somewhere in `source`, if at least so many do.
fn common_beginning(text: &str, source: &str, least: usize) -> Option<usize> {
    let matches = source.char_indices().map(|(start, _)| {
        let pairs = text.chars().zip(source[start..].chars());
        let same = pairs.take_while(|(a, b)| a == b);
        same.map(|(c, _)| c.len_utf8()).sum()
    });
    matches.max().filter(|len| *len >= least)
}

/// `text` with words that are masked, as in `sk-ab****wxyz`, taken out whole.
fn without_masks(text: &str) -> String {
    let is_masked =
        |word: &&str| word.contains("**") || word.contains("...") && word.contains("sk-");
    let words = text.split_inclusive(char::is_whitespace).map(|word| {
        if is_masked(&word) {
            format!("[redacted]{}", &word[word.trim_end().len()..])
        } else {
            word.to_owned()
        }
    });
    words.collect()
}

/// Of a key, so much may be seen: the beginning says only what kind of key it is.
const SECRET_PART: usize = 6;

/// Of what was said, so much may be seen: shorter parts are words that everybody uses.
const WORDS_PART: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_out_whole_in_parts_and_masked() {
        let key = [Hidden::Secret("sk-proj-0123456789abcdef")];
        let table = [
            (
                "key sk-proj-0123456789abcdef is wrong",
                "key [redacted] is wrong",
            ),
            (
                "Incorrect API key provided: sk-proj-0123",
                "Incorrect API key provided: [redacted]",
            ),
            ("key sk-pr**********cdef. Go on.", "key [redacted] Go on."),
            ("key sk-pr...cdef", "key [redacted]"),
            ("…789abcdef", "…[redacted]"),
            ("nothing of it", "nothing of it"),
        ];
        for (text, expected) in table {
            assert_eq!(redact(text, &key), expected);
        }
    }

    #[test]
    fn what_was_said_is_taken_out_in_parts_and_counted() {
        let words = [Hidden::Words("Wie weit ist es zum Mond? Fährt ein Bus?")];
        let table = [
            (
                "cannot say: Wie weit ist es zum Mond? Fährt ein Bus?",
                "cannot say: <41 bytes>",
            ),
            ("cannot say: weit ist es zum Mo…", "cannot say:<19 bytes>…"),
            ("ein Bus", "ein Bus"),
        ];
        for (text, expected) in table {
            assert_eq!(redact(text, &words), expected);
        }
        assert_eq!(
            redact("nova is no voice", &[Hidden::Words("nova")]),
            "<4 bytes> is no voice"
        );
        assert_eq!(redact("anything", &[Hidden::Words("")]), "anything");
    }
}
