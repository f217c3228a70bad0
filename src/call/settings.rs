//! How the services are worked with: what the model is told, and the limits of an answer.

use std::sync::Arc;
use std::time::Duration;

use crate::cloud::llm::functions::Function;
use crate::cloud::llm::{Asked, Exchange, Question};
use crate::config::{Config, Stt};
use crate::text::SentenceStream;

/// How the services are worked with.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Connections are opened before they are needed.
    pub(super) warm: bool,
    /// The longest pause of a service in the middle of its answer.
    pub(super) idle: Duration,
    pub(super) voice_timeout: Duration,
    pub(super) max_answer_chars: usize,
    /// The words that the voice says before the answer; empty where there are none.
    pub(super) opening: Arc<str>,
    pub(super) max_output_tokens: u32,
    /// The model's instructions: the system prompt.
    pub(super) prompt: Arc<str>,
    /// What the model may call.
    pub(super) functions: Arc<[Function]>,
    /// What was said before.
    pub(super) before: Arc<[Exchange]>,
    pub(super) log_words: bool,
    pub(super) takes: Takes,
    pub(super) hearer: Hearer,
    /// What callers speak.
    stt: Stt,
}

/// What the model may write beside what is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Takes {
    Nothing,
    /// That the call ends or is transferred, what is to be noted about the caller, and what it has heard.
    Actions,
    /// These, and messages of the caller's.
    Messages,
}

/// The service that hears the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hearer {
    /// A recognizer transcribes what they say.
    Recognizer,
    /// The model itself, where it can.
    Model,
}

impl Settings {
    /// The settings of an answer, for which the model is told `prompt`.
    pub(super) fn of(config: &Config, prompt: String) -> Self {
        Self {
            warm: config.http.warm,
            idle: config.idle_timeout,
            voice_timeout: config.tts.timeout,
            max_answer_chars: config.llm.max_answer_chars,
            opening: Arc::default(),
            max_output_tokens: config.llm.max_output_tokens,
            prompt: prompt.into(),
            functions: Arc::new([]),
            before: Arc::new([]),
            log_words: config.log_words,
            takes: Takes::Nothing,
            hearer: if config.llm.hears {
                Hearer::Model
            } else {
                Hearer::Recognizer
            },
            stt: config.stt.clone(),
        }
    }

    /// An answer that nothing has been written of yet.
    pub(super) fn answer(&self) -> SentenceStream {
        let answer = SentenceStream::new(self.max_answer_chars);
        match self.takes {
            Takes::Nothing => answer,
            Takes::Actions | Takes::Messages => answer.with_actions(),
        }
    }

    /// The one of the languages that callers speak which a recogniser means by `told`: `fr-fr`, `fr`. `None` where they
    /// all speak the same.
    pub(super) fn language(&self, told: &str) -> Option<&str> {
        let is_it = |language: &&str| language.eq_ignore_ascii_case(told);
        let is_alike = |language: &&str| primary(language).eq_ignore_ascii_case(primary(told));
        let all = || self.stt.languages();
        let found = all().find(is_it).or_else(|| all().find(is_alike));
        found.filter(|_| all().count() > 1)
    }

    /// The languages that what was said may be in, where a recogniser has `told` one of them or none.
    pub(super) fn spoken<'s>(&'s self, told: Option<&'s str>) -> impl Iterator<Item = &'s str> {
        let is_it = move |language: &&str| told.is_none_or(|told| told == *language);
        self.stt.languages().filter(is_it)
    }

    /// The languages that one caller may speak and another not: all of them where there are several, else none.
    pub(super) fn other_languages(&self) -> impl Iterator<Item = &str> {
        let are_several = self.stt.languages().count() > 1;
        self.stt.languages().filter(move |_| are_several)
    }

    /// The same for the language of which the model is told with the most words.
    pub(super) fn in_longest_language(&self) -> Self {
        let longest = self.other_languages().max_by_key(|language| language.len());
        longest.map_or_else(|| self.clone(), |language| self.in_language(language))
    }

    /// The same for a caller who speaks `language`.
    pub(super) fn in_language(&self, language: &str) -> Self {
        let prompt = format!(
            "{}\n\nThe caller's last words are in the language {language}: answer in it.",
            self.prompt
        );
        Self {
            prompt: prompt.into(),
            ..self.clone()
        }
    }

    /// The same for an answer that the voice begins with these words.
    pub(super) fn opening(self, words: String) -> Self {
        Self {
            opening: words.into(),
            ..self
        }
    }

    /// The same for a model that hears the caller itself: it is told so, and how it writes down what it has heard. That
    /// stands behind the rest, so that turns that are transcribed begin with the same prompt.
    pub(super) fn hearing(&self) -> Self {
        Self {
            prompt: format!("{}\n\n{HEARS}{}", self.prompt, self.stt.told()).into(),
            // What the model has heard is written as an action, so actions are read even where none may end or
            // transfer the call.
            takes: self.takes.max(Takes::Actions),
            ..self.clone()
        }
    }

    /// The same for a turn of a conversation, after what was said `before`.
    pub(super) fn in_conversation(self, before: &[Exchange]) -> Self {
        Self {
            before: before.into(),
            takes: self.takes.max(Takes::Actions),
            ..self
        }
    }

    /// The same with what was said in earlier calls of the caller.
    pub(super) fn remembering(self, earlier: Vec<Exchange>) -> Self {
        let before = earlier.into_iter().chain(self.before.iter().cloned());
        Self {
            before: before.collect(),
            takes: self.takes.max(Takes::Actions),
            ..self
        }
    }

    /// The same for a model that may call these functions.
    pub(super) fn calling(self, functions: Vec<Function>) -> Self {
        Self {
            functions: functions.into(),
            ..self
        }
    }

    /// The same for a caller who can leave messages.
    pub(super) fn taking_messages(self) -> Self {
        Self {
            takes: Takes::Messages,
            ..self
        }
    }

    /// The same where what happens next depends on the words: a recogniser transcribes them, also where a
    /// model hears callers otherwise.
    pub(super) fn transcribed(self) -> Self {
        Self {
            hearer: Hearer::Recognizer,
            ..self
        }
    }

    /// What the model is asked.
    pub(super) fn asked<'a>(&'a self, question: Question<'a>) -> Asked<'a> {
        Asked {
            prompt: &self.prompt,
            before: &self.before,
            question,
            functions: &self.functions,
            rounds: &[],
        }
    }
}

/// The language in a tag without its region.
fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or_default()
}

/// The answer comes first, because the caller waits for it.
const HEARS: &str = "The caller's last words come as a recording of their voice: answer what they say there. After your \
     answer and all else, end with [[heard WORDS]], which nobody hears: WORDS are exactly what the caller says in the \
     recording, word for word and in their language. Where nobody can be understood in it, as in noise and music, write \
     [[heard]] and nothing else.";
