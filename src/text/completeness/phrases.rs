//! Lists of phrases, and whether words begin or end with one.
//!
//! A list is one text. A space separates its phrases, and an underscore the words of a phrase. Of these, `~` stands for
//! any word, `@` for an article or its like, `%` for a pronoun, `&` for an auxiliary, `?` for a question word, `#` for a
//! number, `-s` for a word that ends with "s" and `s-` for one that begins with it, and a star before or inside the
//! phrase for one word or more.

use super::languages::Language;
use super::utterance::is_digit;

impl Language {
    /// The number of words of the longest phrase of `list` with which `words` begin.
    pub(super) fn starts_with(&self, list: &str, words: &[String]) -> Option<usize> {
        let lens = list.split_whitespace().filter_map(|phrase| {
            let len = phrase.split('_').count();
            let begin = words.get(..len)?;
            self.is_like(phrase, begin).then_some(len)
        });
        lens.max()
    }

    /// Whether `words` end with a phrase of `list`.
    pub(super) fn ends_with(&self, list: &str, words: &[String]) -> bool {
        self.end(list, words).is_some()
    }

    /// The number of words of the longest phrase of `list` with which `words` end; those before a star do not count.
    pub(super) fn end(&self, list: &str, words: &[String]) -> Option<usize> {
        let lens = list.split_whitespace().filter_map(|phrase| {
            let (before, end) = match phrase.strip_prefix("*_") {
                Some(end) => (Some(""), end),
                None => phrase
                    .split_once("_*_")
                    .map_or((None, phrase), |(before, end)| (Some(before), end)),
            };
            let len = end.split('_').count();
            let (start, end_words) = words.split_at(words.len().checked_sub(len)?);
            let is_before = |before: &str| match (before, start) {
                (_, []) => false,
                ("", _) => true,
                // One word at least is for the star.
                (before, [start @ .., _]) => start
                    .windows(before.split('_').count())
                    .any(|part| self.is_like(before, part)),
            };
            (self.is_like(end, end_words) && before.is_none_or(is_before)).then_some(len)
        });
        lens.max()
    }

    /// Whether the words are nothing but phrases of these lists.
    pub(super) fn is_all_of(&self, lists: &[&str], mut words: &[String]) -> bool {
        let longest = |words: &[String]| {
            let lens = lists.iter().map(|list| self.starts_with(list, words));
            lens.max().flatten()
        };
        while let Some(len) = longest(words) {
            words = &words[len..];
        }
        words.is_empty()
    }

    /// Whether a word is on `list`, whose phrases are of one word each.
    pub(super) fn lists(&self, list: &str, word: &str) -> bool {
        list.split_whitespace().any(|part| self.fits(part, word))
    }

    fn is_like(&self, phrase: &str, words: &[String]) -> bool {
        let mut words = words.iter();
        let fits = |part| words.next().is_some_and(|word| self.fits(part, word));
        phrase.split('_').all(fits) && words.next().is_none()
    }

    fn fits(&self, part: &str, word: &str) -> bool {
        match part {
            "@" => lists(self.determiners, word),
            "%" => self.lists(self.pronouns, word),
            "&" => lists(self.auxiliaries, word),
            "?" => lists(self.questions, word),
            "~" => true,
            "#" => {
                word.starts_with(is_digit)
                    || self.lists(self.digits, word)
                    || self.lists(self.tens, word)
            }
            _ => match (part.strip_prefix('-'), part.strip_suffix('-')) {
                (Some(end), _) if !end.is_empty() => word.len() > end.len() && word.ends_with(end),
                (_, Some(start)) if !start.is_empty() => word.starts_with(start),
                _ => part == word,
            },
        }
    }
}

pub(super) fn lists(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|listed| listed == word)
}
