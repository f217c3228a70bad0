//! The words that tell whether an utterance is finished, one file a language.
//!
//! A line of such a file that is not indented begins a list with its name. The lists are as [`super::phrases`] has them. A
//! rule is left out where its list is empty.

use std::sync::LazyLock;

use crate::sys::packed::{self, packed};

/// What tells in one language.
pub(super) struct Language {
    /// The primary subtag, as in `en`.
    pub(super) tag: &'static str,
    /// What is said while thinking.
    pub(super) fillers: &'static str,
    /// What may stand before a sentence, and is said while thinking if nothing follows.
    pub(super) hesitations: &'static str,
    /// What else may stand before a sentence and is no part of it.
    pub(super) leads: &'static str,
    /// What is a whole utterance.
    pub(super) answers: &'static str,
    /// What stands before a noun: articles, possessives and their like. No sentence ends with one.
    pub(super) determiners: &'static str,
    /// What joins two nouns into one subject.
    pub(super) joins: &'static str,
    /// Subjects of one word.
    pub(super) pronouns: &'static str,
    /// Ends that need more.
    pub(super) open: &'static str,
    /// Beginnings that need more than one of `light` behind them.
    pub(super) begun: &'static str,
    /// What may stand behind anything, and completes nothing.
    pub(super) light: &'static str,
    /// Ends that need nothing although the rules hold them for open.
    pub(super) closed: &'static str,
    /// The parts that verbs put at the end, each with the stems of the verbs that have it.
    pub(super) separable: &'static str,
    /// Ends that do not tell, although the rules hold them for ends.
    pub(super) either: &'static str,
    /// Question words.
    pub(super) questions: &'static str,
    /// Those that may ask for what is done or has.
    pub(super) objects: &'static str,
    /// Those that need a noun.
    pub(super) of_nouns: &'static str,
    /// What else questions begin with.
    pub(super) asks: &'static str,
    /// Those of them that need more than a subject.
    pub(super) predicates: &'static str,
    /// The ends of questions that begin as statements do.
    pub(super) asks_at_end: &'static str,
    /// The beginnings of requests and introductions, which need more than a noun.
    pub(super) requests: &'static str,
    /// Verbs that need an object.
    pub(super) verbs: &'static str,
    /// Verbs that stand before their subject and need another verb behind it, or another part.
    pub(super) auxiliaries: &'static str,
    /// Of these, the ones that need nothing but a subject behind a question word.
    pub(super) copulas: &'static str,
    /// Whether the other verb is the last word of the question.
    pub(super) verb_comes_last: bool,
    /// What looks like that verb and is none, or shows that a noun follows.
    pub(super) nominal: &'static str,
    /// Whether a verb needs a subject behind a question word.
    pub(super) needs_subject: bool,
    /// The beginnings of clauses that need a main clause.
    pub(super) subordinators: &'static str,
    /// What announces a number.
    pub(super) numbers: &'static str,
    /// The digits in words, and the numbers in which they are told.
    pub(super) digits: &'static str,
    /// The numbers of two digits in which they are told as well.
    pub(super) tens: &'static str,
    /// The words of one letter, which spell nothing.
    pub(super) letters: &'static str,
    /// What stands between a letter and the word that tells it.
    pub(super) spelled_as: &'static str,
}

impl Language {
    /// Reads a file. It is kept as long as the program runs.
    fn read(packed: &[u8]) -> Self {
        let text: &'static str = packed::text(packed).leak();
        let list = |name: &str| {
            let (_, behind) = text
                .split_once(&format!("\n{name}:"))
                .expect("each file has all lists");
            let ends = |(at, _): &(usize, &str)| !behind[at + 1..].starts_with(' ');
            let end = behind.match_indices('\n').find(ends);
            end.map_or(behind, |(at, _)| &behind[..at]).trim()
        };
        Self {
            tag: list("tag"),
            fillers: list("fillers"),
            hesitations: list("hesitations"),
            leads: list("leads"),
            answers: list("answers"),
            determiners: list("determiners"),
            joins: list("joins"),
            pronouns: list("pronouns"),
            open: list("open"),
            begun: list("begun"),
            light: list("light"),
            closed: list("closed"),
            separable: list("separable"),
            either: list("either"),
            questions: list("questions"),
            objects: list("objects"),
            of_nouns: list("of_nouns"),
            asks: list("asks"),
            predicates: list("predicates"),
            asks_at_end: list("asks_at_end"),
            requests: list("requests"),
            verbs: list("verbs"),
            auxiliaries: list("auxiliaries"),
            copulas: list("copulas"),
            verb_comes_last: !list("verb_comes_last").is_empty(),
            nominal: list("nominal"),
            needs_subject: !list("needs_subject").is_empty(),
            subordinators: list("subordinators"),
            numbers: list("numbers"),
            digits: list("digits"),
            tens: list("tens"),
            letters: list("letters"),
            spelled_as: list("spelled_as"),
        }
    }
}

pub(super) static LANGUAGES: LazyLock<[Language; 5]> = LazyLock::new(|| {
    [
        packed!("english.txt").as_slice(),
        packed!("german.txt"),
        packed!("french.txt"),
        packed!("spanish.txt"),
        packed!("italian.txt"),
    ]
    .map(Language::read)
});
