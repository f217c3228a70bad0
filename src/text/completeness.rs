//! Whether a caller's words are finished: a question that stands, or a sentence that needs more.
//!
//! Recognizers put a full stop or a question mark behind everything, so that a mark at the end decides nothing unless
//! it is one of trailing off; a question mark is a hint where a question has the words of a statement. What needs more
//! is told by its last words (an article, a preposition, "my name is"), by what a question lacks (the predicate behind
//! its subject, the German verb at the end), by a number or a name that is being spelled, or by a clause without its
//! main clause; what is finished by its first words (a question word, a verb before its subject, a request) and an end
//! that needs nothing. Each language is one file of [`languages`].

mod languages;
mod phrases;
mod spelling;
mod utterance;

use crate::sys::language;
use languages::{LANGUAGES, Language};
use phrases::lists;
use utterance::Utterance;

/// Whether words are finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Completeness {
    /// A whole question or request, or a yes, a no, thanks or a goodbye.
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
        known.map_or(Completeness::Unknown, |language| judge(&said, language))
    });
    let agree = |one: Completeness, other: Completeness| match (one, other) {
        (Completeness::Unknown, told) | (told, Completeness::Unknown) => Some(told),
        (one, other) => (one == other).then_some(one),
    };
    let mut verdicts = verdicts;
    let agreed = verdicts.try_fold(Completeness::Unknown, agree);
    agreed.unwrap_or_default()
}

fn judge(said: &Utterance, language: &Language) -> Completeness {
    let words = &said.words[said.sentence..];
    let Some(last) = words.last() else {
        return Completeness::Unknown;
    };
    let is_answer = |words| language.is_all_of(&[language.answers, FOLLOWING], words);
    if is_answer(words) {
        return Completeness::Finished;
    }
    let is_hesitation = language.is_all_of(&[language.leads, language.hesitations], words)
        && language.ends_with(language.hesitations, words);
    let is_cut = said.trails_off || last.ends_with(|c: char| !c.is_alphanumeric());
    if is_cut || is_hesitation || language.ends_with(language.fillers, words) {
        return Completeness::Unfinished;
    }
    let sentence = Sentence::of(said, language);
    if sentence.needs_more() || said.is_spelling(language) {
        return Completeness::Unfinished;
    }
    if is_answer(sentence.words) || sentence.stands() {
        return Completeness::Finished;
    }
    Completeness::Unknown
}

/// The last sentence, without a greeting, "and" or "well" before it.
struct Sentence<'s> {
    words: &'s [String],
    /// The words without what may stand behind any, such as "please" and "tomorrow".
    core: &'s [String],
    /// The number of words with which it asks.
    asked: Option<usize>,
    /// Whether these are question words.
    is_open_question: bool,
    said: &'s Utterance,
    language: &'s Language,
}

impl<'s> Sentence<'s> {
    fn of(said: &'s Utterance, language: &'s Language) -> Self {
        let mut words = &said.words[said.sentence..];
        let lead = |words: &[String]| {
            let lead = language.starts_with(language.leads, words);
            lead.max(language.starts_with(language.hesitations, words))
        };
        while let Some(len) = lead(words).filter(|len| *len < words.len()) {
            words = &words[len..];
        }
        let mut core = words;
        let light = |core: &[String]| language.end(language.light, core);
        while let Some(len) = light(core).filter(|len| *len < core.len()) {
            core = &core[..core.len() - len];
        }
        let question = language.starts_with(language.questions, words);
        let asked = question.max(language.starts_with(language.asks, words));
        let is_open_question = question.is_some() && question == asked;
        Self {
            words,
            core,
            asked,
            is_open_question,
            said,
            language,
        }
    }

    /// Whether the end cannot be the end.
    fn needs_more(&self) -> bool {
        let (words, core, language) = (self.words, self.core, self.language);
        if self.closes() {
            return self.is_clause();
        }
        let asks_for_it = self.asks_for_object_or_subject();
        let lacks_object =
            !asks_for_it && !language.verb_comes_last && language.ends_with(language.verbs, core);
        let is_begun = language.ends_with(language.begun, core)
            && !(asks_for_it && (language.verb_comes_last || !self.ends_with_auxiliary()));
        let ends_with = |list| language.ends_with(list, words);
        let is_open = ends_with(language.open) || ends_with("@");
        is_open && !ends_with(language.either)
            || is_begun
            || lacks_object
            || self.lacks_predicate() && !ends_with(language.asks_at_end)
            || self.is_clause()
    }

    /// Whether the question words stand for what is done or has, so that the verb may be the end.
    fn asks_for_object_or_subject(&self) -> bool {
        let asks_for = |list| self.language.starts_with(list, self.core);
        let asked = asks_for(self.language.objects).max(asks_for(self.language.of_nouns));
        asked.is_some_and(|len| self.core.len() > len)
    }

    /// Whether the last word is a verb that needs another, or a subject behind its verb.
    fn ends_with_auxiliary(&self) -> bool {
        let last = self.core.last();
        let fits = |list, word: &String| self.language.lists(list, word);
        last.is_some_and(|last| fits(self.language.predicates, last) || fits("%", last))
    }

    /// Whether the end needs nothing, whatever the rules hold it for.
    fn closes(&self) -> bool {
        let closes = |words| self.language.ends_with(self.language.closed, words);
        closes(self.words) || closes(self.core) || self.ends_with_part_of_verb()
    }

    /// Whether the last word is no preposition but belongs to a verb before it, as in "rufen Sie mich an".
    fn ends_with_part_of_verb(&self) -> bool {
        let [before @ .., _, last] = self.words else {
            return false;
        };
        let mut verbs = self.language.separable.split_whitespace();
        verbs.any(|verbs| match verbs.split_once('_') {
            Some((part, stems)) if part == last => {
                let has = |stem| before.iter().any(|word| word.starts_with(stem));
                stems.split('_').any(has)
            }
            _ => false,
        })
    }

    /// Whether a question has no more than its verb and its subject, and needs more.
    fn lacks_predicate(&self) -> bool {
        let (words, core, language) = (self.words, self.core, self.language);
        let Some(asked) = self.asked else {
            return false;
        };
        let is_subject = |words: &[String]| {
            !words.is_empty() && language.noun_phrase(words) == words.len() && self.ends_with_noun()
        };
        let rest = |at: usize| core.get(at..).unwrap_or_default();
        let is_on = |list, at: usize| core.get(at).is_some_and(|word| lists(list, word));
        let is_copula = |at| is_on(language.copulas, at);
        let auxiliary = (0..core.len()).find(|at| is_on(language.auxiliaries, *at));
        if language.verb_comes_last && auxiliary.is_some() {
            return self.infinitive().is_none();
        }
        if !self.is_open_question {
            let least = if language.needs_subject { 2 } else { 1 };
            let said = if is_copula(0) {
                rest(asked)
            } else {
                &words[asked..]
            };
            return language.starts_with(language.predicates, core) == self.asked
                && (rest(asked).len() < least || is_subject(said));
        }
        if let Some(verb) = auxiliary {
            return rest(verb + 1).is_empty() || !is_copula(verb) && is_subject(rest(verb + 1));
        }
        // The verb stands behind the question word, and its subject behind that.
        let needs_object = is_on(language.verbs, asked);
        // "J'annule" has its subject in it.
        let is_verb_alone = matches!(rest(asked), [verb] if !verb.contains('\''));
        language.verb_comes_last && needs_object && is_subject(rest(asked + 1))
            || language.needs_subject && is_verb_alone && !self.asks_for_object_or_subject()
    }

    /// Whether the last word of the core may be a noun. German ones have a capital, and "das" alone is a subject.
    fn ends_with_noun(&self) -> bool {
        let end = self.said.words.len() - self.words.len() + self.core.len();
        let is_capital = self.said.capitals.get(end - 1) == Some(&true);
        let is_that = matches!(self.core, [.., before, _] if before == "das");
        !self.language.verb_comes_last || is_capital || !self.has_capitals() && !is_that
    }

    /// Whether the recognizer writes capitals.
    fn has_capitals(&self) -> bool {
        self.said.capitals.first() == Some(&true)
    }

    /// The place of the verb with which a German question ends, or with which it ends before a clause.
    fn infinitive(&self) -> Option<usize> {
        let (core, language) = (self.core, self.language);
        let first = self.said.words.len() - self.words.len();
        let is_verb = |at: &usize| {
            let is_end = core.get(at + 1).is_none_or(|next| {
                lists(language.questions, next) || lists(language.subordinators, next)
            });
            let is_noun = if self.has_capitals() {
                self.said.capitals[first + at]
            } else {
                at.checked_sub(1)
                    .is_some_and(|before| lists(language.nominal, &core[before]))
            };
            let word = &core[*at];
            is_end && !is_noun && !lists(language.nominal, word) && word.ends_with('n')
        };
        (1..core.len()).find(is_verb)
    }

    /// Whether it is a clause whose main clause has to follow.
    fn is_clause(&self) -> bool {
        // "When I arrive" is a clause, and "when do" is a question.
        let (words, language) = (self.words, self.language);
        let clause = language.starts_with(language.subordinators, words);
        clause > self.asked && !self.said.has_comma && !self.asks_later()
    }

    /// Whether a question follows what the sentence begins with.
    fn asks_later(&self) -> bool {
        let language = self.language;
        let asks = |at| {
            let rest = &self.words[at..];
            let asked = language.starts_with(language.asks, rest)?;
            let follows = |list| language.starts_with(list, &rest[asked..]);
            let has_subject = language.auxiliaries.is_empty() || follows("% @").is_some();
            (rest.len() > asked && has_subject).then_some(())
        };
        (1..self.words.len()).find_map(asks).is_some()
    }

    /// Whether a question or a request that needs no more has all that it needs.
    fn stands(&self) -> bool {
        let (words, language) = (self.words, self.language);
        if self.closes() && self.asked.is_some() || language.ends_with(language.asks_at_end, words)
        {
            return true;
        }
        if language.ends_with(language.either, words) {
            return false;
        }
        let starts_with = |list| language.starts_with(list, words);
        if let Some(asked) = self.asked {
            let noun = starts_with(language.of_nouns);
            let is_noun_alone = noun.is_some_and(|len| words.len() <= len + 1);
            // "Do you deliver" stands, "do you repair" does not.
            let is_verb_alone = !language.verb_comes_last
                && matches!(words, [verb, _, _] if !lists(language.copulas, verb))
                && starts_with("&_%").is_some();
            return words.len() > asked && !is_noun_alone && !is_verb_alone;
        }
        if starts_with(language.subordinators).is_some() {
            return self.said.has_comma && self.asks_later();
        }
        if let Some(request) = starts_with(language.requests) {
            let needs_verb = words.iter().any(|word| lists(language.auxiliaries, word));
            let has_verb = !language.verb_comes_last || !needs_verb || self.infinitive().is_some();
            let asked_for = &words[request..];
            // "I need a plumber" may well go on.
            let is_more = asked_for.len() > language.noun_phrase(asked_for).max(1);
            return has_verb && is_more && !language.ends_with("#", words);
        }
        let knows =
            |word| lists(language.determiners, word) || language.lists(language.pronouns, word);
        self.said.has_question_mark
            && words.iter().any(|word| knows(word))
            && language.noun_phrase(words) < words.len()
    }
}

impl Language {
    /// The number of words of the noun with its article with which `words` begin, and of what belongs to it.
    fn noun_phrase(&self, words: &[String]) -> usize {
        let Some(article) = self.starts_with("@", words) else {
            return 0;
        };
        let mut len = words.len().min(article + 1);
        let join = |rest| self.starts_with(self.joins, rest);
        while let Some(joined) = words.get(len..).and_then(join) {
            let article = self.starts_with("@", &words[len + joined..]);
            len += joined + article.unwrap_or_default() + 1;
            len = words.len().min(len);
        }
        len
    }
}

/// What listeners say to show that they follow. It ends with what alone would be a filler.
const FOLLOWING: &str = "mm_hm mm_hmm m_hm mhm mhmm mmhm uh_huh aha";

#[cfg(test)]
mod tests;
