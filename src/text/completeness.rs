//! Whether a caller's words are finished: a question that stands, or a sentence that needs more.
//!
//! Only words tell. Recognizers put a full stop behind everything, so that a mark at the end says nothing unless it is
//! one of trailing off. What needs more is told by its last words (an article, a preposition, "my name is"), by a number
//! or a name that is being spelled, or by a clause without its main clause; what is finished by its first words (a
//! question word, a verb before its subject) and an end that needs nothing. Each language is one row of [`languages`].

mod languages;

use crate::sys::language;
use languages::{LANGUAGES, Language};

/// Whether words are finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Completeness {
    /// A whole question, or a yes, a no, thanks or a goodbye.
    Finished,
    /// More has to follow.
    Unfinished,
    /// The words do not tell, or nothing is known of their language.
    #[default]
    Unknown,
}

/// Judges `transcript`, which is in one of the languages with these tags, such as `en-US`.
///
/// Where it may be in several, only what all tables that say anything agree on counts.
pub(crate) fn completeness<'t>(
    transcript: &str,
    languages: impl Iterator<Item = &'t str>,
) -> Completeness {
    let said = Utterance::of(transcript);
    let verdicts = languages.map(|tag| {
        let mut known = LANGUAGES.iter();
        let known = known.find(|known| language::is_same(known.tag, tag));
        known.map_or(Completeness::Unknown, |language| said.judge(language))
    });
    let agree = |one: Completeness, other: Completeness| match (one, other) {
        (Completeness::Unknown, told) | (told, Completeness::Unknown) => Some(told),
        (one, other) => (one == other).then_some(one),
    };
    let mut verdicts = verdicts;
    let agreed = verdicts.try_fold(Completeness::Unknown, agree);
    agreed.unwrap_or_default()
}

/// What was said last, as words.
struct Utterance {
    /// All words, in lower case.
    words: Vec<String>,
    /// Where the last sentence begins in them.
    sentence: usize,
    has_comma: bool,
    trails_off: bool,
    /// Whether the last word is written with a capital, as German nouns are.
    ends_with_capital: bool,
}

impl Utterance {
    fn of(transcript: &str) -> Self {
        let transcript = transcript.trim().replace('’', "'");
        let mut words = Vec::new();
        let (mut sentence, mut has_ended) = (0, false);
        let mut last = "";
        for chunk in transcript.split_whitespace() {
            if std::mem::take(&mut has_ended) {
                sentence = words.len();
            }
            has_ended = chunk.ends_with(['.', '?', '!']);
            // A time of day stays one word, so that it is no number that is being told.
            let parts = chunk.split(|c: char| !c.is_alphanumeric() && !"':".contains(c));
            for part in parts.filter(|part| part.chars().any(char::is_alphanumeric)) {
                words.push(
                    part.trim_start_matches('\'')
                        .trim_end_matches(':')
                        .to_lowercase(),
                );
                last = part;
            }
        }
        Self {
            sentence,
            has_comma: transcript.trim_end_matches(',').contains(','),
            trails_off: transcript.ends_with(TRAILING_OFF) || transcript.ends_with(".."),
            ends_with_capital: last.starts_with(char::is_uppercase),
            words,
        }
    }

    fn judge(&self, language: &Language) -> Completeness {
        let sentence = &self.words[self.sentence..];
        let Some(last) = sentence.last() else {
            return Completeness::Unknown;
        };
        if is_all_of(language.answers, sentence) || is_all_of(FOLLOWING, sentence) {
            return Completeness::Finished;
        }
        let is_cut = self.trails_off || last.ends_with('\'') || lists(language.fillers, last);
        let sentence = without_leads(sentence, language);
        let asks = starts_with(language.asks, sentence);
        if is_cut || self.needs_more(sentence, asks, language) {
            return Completeness::Unfinished;
        }
        match asks {
            Some(asked) if self.stands(sentence, asked, language) => Completeness::Finished,
            _ => Completeness::Unknown,
        }
    }

    /// Whether the last words cannot be the end.
    fn needs_more(&self, sentence: &[String], asked: Option<usize>, language: &Language) -> bool {
        let is_open =
            || ends_with(language.open, sentence) && !ends_with(language.closed, sentence);
        let is_clause = || {
            let clause = starts_with(language.subordinators, sentence);
            let asks_later = || {
                let mut rests = (1..sentence.len()).map(|at| &sentence[at..]);
                rests.any(|rest| starts_with(language.asks, rest).is_some())
            };
            // "When I arrive" is a clause, and "when do" is a question.
            clause.is_some()
                && clause > asked
                && !self.has_comma
                && (asked.is_some() || !asks_later())
        };
        is_open() || self.is_spelling(language) || is_clause()
    }

    /// Whether a number or a name is being told piece by piece.
    fn is_spelling(&self, language: &Language) -> bool {
        let signs = self.words.iter().rev().map(|word| signs(word, language));
        let run: Vec<usize> = signs.map_while(|signs| signs).collect();
        let (before, told) = self.words.split_at(self.words.len() - run.len());
        let Some(first) = told.first() else {
            return false;
        };
        let is_one_by_one = run.len() > 1 && run.iter().all(|signs| *signs == 1);
        let is_told = is_one_by_one
            || run.len() >= LONG_RUN
            || first.starts_with('0')
            || ends_with(language.numbers, before);
        // How long it will become is not known; most are whole from this number of signs on.
        is_told && run.iter().sum::<usize>() < WHOLE_NUMBER
    }

    /// Whether a question that begins with `asked` words of asking has all that it needs.
    fn stands(&self, sentence: &[String], asked: usize, language: &Language) -> bool {
        let verb = sentence
            .iter()
            .position(|word| lists(language.auxiliaries, word));
        let Some(verb) = verb.filter(|_| !language.auxiliaries.is_empty()) else {
            return sentence.len() > asked + 1;
        };
        if language.verb_comes_last {
            return !self.ends_with_capital
                && sentence
                    .last()
                    .is_some_and(|last| last.ends_with(['n', 't']));
        }
        let (before, rest) = (verb, &sentence[verb + 1..]);
        // A noun has an article, or is more than one word.
        let is_pronoun = rest
            .first()
            .is_some_and(|first| lists(language.pronouns, first));
        let subject = if is_pronoun { 1 } else { 2 };
        let is_whole = before > 0 && lists(language.copulas, &sentence[verb]);
        rest.len() >= subject + usize::from(!is_whole)
    }
}

/// The sentence without what may stand before any: a greeting, "and", "well".
fn without_leads<'s>(mut sentence: &'s [String], language: &Language) -> &'s [String] {
    while let Some(len) = starts_with(language.leads, sentence)
        && len < sentence.len()
    {
        sentence = &sentence[len..];
    }
    sentence
}

/// Whether the words are nothing but phrases of this list.
fn is_all_of(list: &str, mut words: &[String]) -> bool {
    while let Some(len) = starts_with(list, words) {
        words = &words[len..];
    }
    words.is_empty()
}

/// The number of words of the longest phrase of `list` with which `words` begin.
fn starts_with(list: &str, words: &[String]) -> Option<usize> {
    let lens = list.split_whitespace().filter_map(|phrase| {
        let len = phrase.split('_').count();
        let begin = words.get(..len)?;
        is_like(phrase, begin).then_some(len)
    });
    lens.max()
}

/// Whether `words` end with a phrase of `list`. A star in it stands for one word or more.
fn ends_with(list: &str, words: &[String]) -> bool {
    list.split_whitespace().any(|phrase| {
        let (before, end) = match phrase.strip_prefix("*_") {
            Some(end) => (Some(""), end),
            None => phrase
                .split_once("_*_")
                .map_or((None, phrase), |(before, end)| (Some(before), end)),
        };
        let at = words.len().checked_sub(end.split('_').count());
        let Some((start, end_words)) = at.map(|at| words.split_at(at)) else {
            return false;
        };
        let is_before = |before: &str| match (before, start) {
            (_, []) => false,
            ("", _) => true,
            // One word at least is for the star.
            (before, [start @ .., _]) => start
                .windows(before.split('_').count())
                .any(|part| is_like(before, part)),
        };
        is_like(end, end_words) && before.is_none_or(is_before)
    })
}

fn is_like(phrase: &str, words: &[String]) -> bool {
    phrase.split('_').eq(words.iter().map(String::as_str))
}

fn lists(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|listed| listed == word)
}

/// The number of digits or letters that a word spells, if it does.
fn signs(word: &str, language: &Language) -> Option<usize> {
    let is_figure = word.chars().all(|c| c.is_ascii_digit());
    let is_sign = word.chars().count() == 1 || lists(language.digits, word);
    (is_figure || is_sign).then_some(if is_figure { word.len() } else { 1 })
}

/// What recognizers write where a voice breaks off.
const TRAILING_OFF: [char; 7] = [',', ';', ':', '-', '–', '—', '…'];
/// What listeners say to show that they follow. It ends with what alone would be a filler.
const FOLLOWING: &str = "mm_hm mm_hmm m_hm mhm mhmm mmhm uh_huh aha";
/// The number of pieces from which on what is told is a number or a name, and no amount or time.
const LONG_RUN: usize = 3;
const WHOLE_NUMBER: usize = 9;

#[cfg(test)]
mod tests;
