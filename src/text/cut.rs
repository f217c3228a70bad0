//! Text within a limit: a service's input, an answer's length, a line of a protocol.
//!
//! A cut goes where it is heard least: between sentences, else between clauses, else between words. A
//! character in the sense of these limits is a `char`, as the services count.

use super::marks::{
    is_clause_end, is_combining, is_south_east_asian, is_unspaced, is_wide_clause_end,
};
use super::sentences::sentences;

/// The beginning of `text` that ends with a sentence and has at most `max_chars` characters, without the
/// space around it. A first sentence that is longer ends at a clause, but without the mark that announces
/// the next, else at a word, else anywhere.
pub fn limit(text: &str, max_chars: usize) -> &str {
    let text = text.trim();
    let head = &text[..first_piece_len(text, max_chars)];
    let hangs = |c: char| c.is_whitespace() || c == '-' || is_clause_end(c);
    if head.len() < text.len() {
        head.trim_end_matches(hangs)
    } else {
        head
    }
}

/// `text` in pieces of at most `max_chars` characters: as many whole sentences as go into each, cut as by
/// [`limit`] where one is longer. Only space between the pieces is left out, and no piece is empty.
/// A limit of 0 counts as 1.
pub fn chunks(text: &str, max_chars: usize) -> Vec<&str> {
    let mut chunks = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(first_piece_len(rest, max_chars.max(1)));
        chunks.push(chunk.trim_end());
        rest = after.trim_start();
    }
    chunks
}

/// `text` in pieces as by [`chunks`], in which no sentence has more than `max_sentence_chars` characters: one that has is
/// cut, and each of its pieces stands alone. Text without any mark is one sentence.
pub fn breaths(text: &str, max_chars: usize, max_sentence_chars: usize) -> Vec<&str> {
    let mut breaths = Vec::new();
    for chunk in chunks(text, max_chars) {
        let mut from = 0;
        let mut at = 0;
        for sentence in sentences(chunk) {
            let end = at + sentence.len();
            // Google's voices refuse a sentence of more than some 300 characters without a mark, whatever the length
            // of the whole (https://github.com/pgmichael/wavenet-for-chrome/issues/106). The limit is in no document.
            if sentence.trim().chars().count() > max_sentence_chars {
                breaths.extend(Some(chunk[from..at].trim()));
                breaths.extend(chunks(sentence, max_sentence_chars));
                from = end;
            }
            at = end;
        }
        breaths.extend(Some(chunk[from..].trim()));
    }
    breaths.retain(|breath| !breath.is_empty());
    breaths
}

/// The length in bytes of the beginning of `text`, and the space after it, that ends with the first clause of at least
/// `min_chars` characters; where there is no mark for twice as long, with a word, or anywhere in a script without spaces.
pub(super) fn end_of_clause(text: &str, min_chars: usize) -> Option<usize> {
    let mut chars = text.char_indices().enumerate().peekable();
    let mut before = None;
    while let Some((count, (_, c))) = chars.next() {
        let &(_, (end, after)) = chars.peek()?;
        let ends = (count + 1 >= min_chars && ends_clause(before, c, after))
            || (count + 1 >= 2 * min_chars && ends_word(c, after));
        if ends {
            let space = text[end..].len() - text[end..].trim_start().len();
            return Some(end + space).filter(|&end| end < text.len());
        }
        before = Some(c);
    }
    None
}

/// The length in bytes of what `text`, which begins with a word, has within `max_chars` characters.
fn first_piece_len(text: &str, max_chars: usize) -> usize {
    let head = first_chars(text, max_chars);
    if head.len() == text.len() {
        return text.len();
    }
    last_sentence_end(text, head.len(), max_chars)
        .or_else(|| last_end(text, head.len(), ends_clause))
        .or_else(|| last_end(text, head.len(), |_, _, after| after.is_whitespace()))
        .or_else(|| last_end(text, head.len(), |_, _, after| !is_combining(after)))
        .unwrap_or(head.len())
}

/// Where the last sentence ends that fits into `max_len` bytes, which are `max_chars` characters. Only a window of
/// `text` is looked at, so that a long sentence is not searched once for every piece of it.
fn last_sentence_end(text: &str, max_len: usize, max_chars: usize) -> Option<usize> {
    let window = first_chars(text, max_chars.saturating_add(LOOKAHEAD_CHARS));
    let ends = sentences(window).scan(0, |start, sentence| {
        let end = *start + sentence.trim_end().len();
        *start += sentence.len();
        Some(end)
    });
    ends.take_while(|&end| end <= max_len).last()
}

/// The last place in `text`, at most at byte `max_len`, that `is_end` says is one, by the two characters
/// before it and the one after it.
fn last_end(
    text: &str,
    max_len: usize,
    is_end: impl Fn(Option<char>, char, char) -> bool,
) -> Option<usize> {
    let (head, tail) = text.split_at(max_len);
    let mut after = tail.chars().next()?;
    for (at, last) in head.char_indices().rev() {
        if is_end(head[..at].chars().next_back(), last, after) {
            return Some(at + last.len_utf8());
        }
        after = last;
    }
    None
}

/// Whether a clause ends between `last` and `after`: not in "10:30" and not in "1,000".
fn ends_clause(before: Option<char>, last: char, after: char) -> bool {
    let dash = last == '-' && before.is_some_and(char::is_whitespace);
    is_wide_clause_end(last)
        || last == '—'
        || (after.is_whitespace() && (is_clause_end(last) || dash))
}

/// Whether a word may end between `last` and `after`.
fn ends_word(last: char, after: char) -> bool {
    let has_no_spaces = is_unspaced(last) || is_south_east_asian(last);
    after.is_whitespace() || (has_no_spaces && after.is_alphanumeric() && !is_combining(after))
}

fn first_chars(text: &str, max_chars: usize) -> &str {
    text.char_indices()
        .nth(max_chars)
        .map_or(text, |(end, _)| &text[..end])
}

/// How many characters after a sentence are read to know that it has ended: a quotation mark and a month's name.
const LOOKAHEAD_CHARS: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::endless;
    use super::*;

    #[test]
    fn a_limit_falls_between_sentences_then_clauses_then_words() {
        let cases = [
            ("One two. Three four.", 20, "One two. Three four."),
            ("One two. Three four.", 19, "One two."),
            ("One two. Three four.", 8, "One two."),
            ("One two. Three four.", 7, "One"),
            ("One two. Three four.", 3, "One"),
            ("One two. Three four.", 2, "On"),
            ("One two. Three four.", 0, ""),
            ("  Yes.  ", 4, "Yes."),
            ("  Yes.  ", 3, "Yes"),
            ("At 10:30, or 1,000 steps on", 26, "At 10:30"),
            ("At 10:30, or 1,000 steps on", 9, "At 10:30"),
            ("At 10:30, or 1,000 steps on", 8, "At"),
            ("We went - as ever - home again", 25, "We went - as ever"),
            ("well—yes indeed", 10, "well"),
            ("Dr. Smith is here", 10, "Dr. Smith"),
            ("今天，天气很好", 5, "今天"),
            ("今天天气很好", 5, "今天天气很"),
            ("你好。再见。", 5, "你好。"),
            ("", 5, ""),
            (" \n ", 5, ""),
        ];
        for (text, max_chars, expected) in cases {
            assert_eq!(limit(text, max_chars), expected, "{text:?} to {max_chars}");
        }
    }

    #[test]
    fn sentences_are_packed_into_as_few_pieces_as_the_limit_allows() {
        let text = "One two. Three four. Five, six, seven eight.";
        let cases: [(usize, &[&str]); 5] = [
            (44, &["One two. Three four. Five, six, seven eight."]),
            (43, &["One two. Three four.", "Five, six, seven eight."]),
            (20, &["One two. Three four.", "Five, six,", "seven eight."]),
            (
                19,
                &["One two.", "Three four.", "Five, six,", "seven eight."],
            ),
            (
                4,
                &[
                    "One", "two.", "Thre", "e", "four", ".", "Five", ",", "six,", "seve", "n",
                    "eigh", "t.",
                ],
            ),
        ];
        for (max_chars, expected) in cases {
            assert_eq!(chunks(text, max_chars), expected, "to {max_chars}");
        }
        assert!(chunks(" \n", 5).is_empty());
        assert_eq!(chunks("ab", 0), ["a", "b"]);
    }

    #[test]
    fn a_sentence_that_is_too_long_is_cut_and_its_pieces_stand_alone() {
        let cases: [(&str, &[&str]); 6] = [
            ("One two. Three. Four.", &["One two. Three. Four."]),
            (
                "One. Two three four five six, seven eight. Nine.",
                &["One.", "Two three four five", "six, seven eight.", "Nine."],
            ),
            (
                "one two three four five six",
                &["one two three four", "five six"],
            ),
            (
                "今天天气很好我们去公园散步然后回家吃饭睡觉吧",
                &["今天天气很好我们去公园散步然后回家吃饭睡", "觉吧"],
            ),
            (
                "एक दो तीन चार पाँच छह सात आठ नौ",
                &["एक दो तीन चार पाँच", "छह सात आठ नौ"],
            ),
            ("ที่นี่ที่นี่ที่นี่ที่นี่", &["ที่นี่ที่นี่ที่นี่", "ที่นี่"]),
        ];
        for (text, expected) in cases {
            assert_eq!(breaths(text, 1000, 20), expected, "{text}");
        }
        assert!(breaths(" ", 10, 5).is_empty());
    }

    #[test]
    fn text_without_a_sentence_is_cut_in_linear_time() {
        for pattern in ["a", "a ", "a, ", ". ", "   "] {
            let text = endless(pattern);
            assert!(
                chunks(&text, 100).iter().all(|chunk| chunk.len() <= 100),
                "{pattern:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_piece_is_too_long_or_empty_and_no_word_is_lost(text in any_text(), max_chars in 1_usize..30) {
            let chunks = chunks(&text, max_chars);
            prop_assert!(chunks.iter().all(|chunk| (1..=max_chars).contains(&chunk.chars().count())));
            prop_assert!(chunks.iter().all(|chunk| chunk.trim() == *chunk));
            prop_assert_eq!(letters(&chunks.concat()), letters(&text));
            let breaths = breaths(&text, 2 * max_chars, max_chars);
            prop_assert!(breaths.iter().all(|breath| (1..=2 * max_chars).contains(&breath.chars().count())));
            prop_assert_eq!(letters(&breaths.concat()), letters(&text));
        }

        #[test]
        fn a_limit_keeps_a_beginning_that_fits(text in any_text(), max_chars in 0_usize..30) {
            let kept = limit(&text, max_chars);
            prop_assert!(kept.chars().count() <= max_chars);
            prop_assert!(text.trim().starts_with(kept));
            prop_assert!(text.trim().chars().count() > max_chars || kept == text.trim());
        }
    }

    fn letters(text: &str) -> String {
        text.chars().filter(|c| !c.is_whitespace()).collect()
    }

    fn any_text() -> impl Strategy<Value = String> {
        "([a-zA-Z.!?,:—\"” \n3。，你」]|\\PC){0,60}"
    }
}
