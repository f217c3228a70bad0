//! Whether a number or a name is being told piece by piece.

use super::languages::Language;
use super::phrases::lists;
use super::utterance::{Utterance, is_digit};

/// A piece of a number or of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// Digits, of this number.
    Digits(usize),
    Letter,
}

impl Utterance {
    pub(super) fn is_spelling(&self, language: &Language) -> bool {
        self.is_spelled_as(language) || self.is_told(language)
    }

    fn is_told(&self, language: &Language) -> bool {
        let mut run = Vec::new();
        for at in (0..self.words.len()).rev() {
            let Some(piece) = self.piece(at, language) else {
                break;
            };
            // "A B 7" is one name; "8 p" is no part of one.
            if matches!(piece, Piece::Digits(_)) && run.last() == Some(&Piece::Letter) {
                break;
            }
            run.push(piece);
        }
        let (before, told) = self.words.split_at(self.words.len() - run.len());
        let Some(first) = told.first() else {
            return false;
        };
        let count = |piece: &Piece| match piece {
            Piece::Digits(digits) => *digits,
            Piece::Letter => 1,
        };
        let is_mixed =
            run.contains(&Piece::Letter) && run.iter().any(|piece| *piece != Piece::Letter);
        let is_one_by_one = run.len() > 1 && !is_mixed && run.iter().all(|piece| count(piece) == 1);
        let is_dialled = first.starts_with('+') || first.starts_with('0') && told != ["0"];
        let is_told = is_one_by_one
            || run.len() >= LONG_RUN
            || is_dialled
            || language.ends_with(language.numbers, before);
        // How long it will become is not known; most are whole from this number of signs on.
        let whole = if is_dialled {
            WHOLE_DIALLED
        } else {
            WHOLE_NUMBER
        };
        is_told && run.iter().map(count).sum::<usize>() < whole
    }

    /// The part of a number or a name that the word at `at` is; `None` where it is neither.
    fn piece(&self, at: usize, language: &Language) -> Option<Piece> {
        let word = self.words.get(at)?;
        let figures = word.trim_start_matches('+');
        if !figures.is_empty() && figures.chars().all(is_digit) {
            return Some(Piece::Digits(figures.len()));
        }
        for (list, digits) in [(language.digits, 1), (language.tens, 2)] {
            if language.lists(list, word) {
                return Some(Piece::Digits(digits));
            }
        }
        self.is_letter(at, language).then_some(Piece::Letter)
    }

    /// Whether a word is a letter that is told, not one of the language's words of one letter.
    fn is_letter(&self, at: usize, language: &Language) -> bool {
        let word = &self.words[at];
        let is_one = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
        is_one && (self.capitals[at] || !lists(language.letters, word))
    }

    /// Whether the last words are those with which a letter is told, as in "M as in Mike".
    fn is_spelled_as(&self, language: &Language) -> bool {
        let Some((last, before)) = self.words.split_last() else {
            return false;
        };
        let letter = |words: &[String]| {
            let len = language.end(language.spelled_as, words)?;
            let at = (words.len() - len).checked_sub(1)?;
            self.is_letter(at, language).then_some(at)
        };
        let stands_for = |at: usize| last.starts_with(self.words[at].as_str());
        letter(&self.words).is_some() || letter(before).is_some_and(stands_for)
    }
}

/// The number of pieces from which on what is told is a number or a name, and no amount or time.
const LONG_RUN: usize = 3;
const WHOLE_NUMBER: usize = 9;
/// The same of a number that begins as telephone numbers do.
const WHOLE_DIALLED: usize = 10;
