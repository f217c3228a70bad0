//! A question that the model hears itself, without a transcript: it answers, and writes down what it has heard behind its
//! answer. Where it does not, the question is transcribed and answered as any other.

use crossbeam_channel::Sender;
use log::warn;

use super::{Thought, Work, send};
use crate::audio::{Pcm, duration_of, speech};
use crate::call::event::Event;
use crate::call::max_cost;
use crate::call::settings::Hearer;
use crate::cloud;
use crate::cloud::budget::Budget;
use crate::cloud::llm::Question;
use crate::cloud::stt::Recording;
use crate::sys::error::{At, Chain, Failure, Stage};
use crate::sys::redact::Words;
use crate::text::{self, SentenceStream};

/// What a model says it has heard.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// These words.
    Said(String),
    /// Nobody who can be understood, and so there is no answer either.
    Nobody,
    /// It does not say.
    Unwritten,
}

impl Heard {
    /// What the log is told of it, behind the answer.
    pub(super) fn told(&self, log_words: bool) -> String {
        match self {
            Self::Said(words) => format!(", and heard {}", Words(words, log_words)),
            Self::Nobody => String::new(),
            Self::Unwritten => ", and did not write down what it heard".to_owned(),
        }
    }
}

impl Work {
    /// The same work with a model that hears the caller itself, where the settings want that and the model can.
    pub(super) fn hearing(&self) -> Option<Self> {
        if self.settings.hearer == Hearer::Recognizer || self.services.hearing.is_refused() {
            return None;
        }
        let length = self.speech.duration();
        let sound = self.services.models.first().max_tokens_of_sound(length);
        sound.map(|_| Self {
            settings: self.settings.hearing(),
            ..self.clone()
        })
    }

    /// Has the model of `hearing` answer what it hears, else the question transcribed and answered, by the same deadline.
    pub(super) fn answer_sound(
        &self,
        hearing: &Self,
        give_text: &Sender<String>,
        tell: &Sender<Event>,
    ) -> Result<(), Failure> {
        let Pcm { rate_hz, samples } = &*self.speech;
        let sound = Question::Sound(Recording {
            samples,
            rate_hz: *rate_hz,
            spoken: speech::sounding(samples, *rate_hz),
        });
        let error = match hearing.try_to_think(sound, give_text, tell)? {
            Thought::Told => return Ok(()),
            Thought::Unsaid(error @ cloud::Error::HungUp(_)) => return Err(error).at(Stage::Llm),
            Thought::Unsaid(error) => error,
        };
        warn!(
            "the model does not answer what it hears, so the question is transcribed: {}",
            Chain(&error)
        );
        self.services.hearing.failed(&error);
        let question = self.question(tell)?;
        if question.is_empty() {
            return Ok(());
        }
        self.think(Question::Words(&question), give_text, tell)
    }

    /// Tells the words that the model has written down as the caller's.
    pub(super) fn tell_heard(&self, answer: &SentenceStream, tell: &Sender<Event>) -> Heard {
        let longest = max_cost::max_question_chars(self.speech.duration());
        let words = answer
            .heard()
            .map(|words| text::limit(words, longest).trim());
        match words {
            Some(words) if text::has_words(words) => {
                send(tell, Event::Heard(words.to_owned()));
                Heard::Said(words.to_owned())
            }
            Some(_) if !answer.has_pieces() && answer.actions().is_empty() => Heard::Nobody,
            _ => Heard::Unwritten,
        }
    }

    /// The budget of a request with the question's sound in it.
    pub(super) fn with_upload(&self, budget: Budget) -> Budget {
        let Pcm { rate_hz, samples } = &*self.speech;
        Budget {
            upload: super::hearing::sending_time(duration_of(samples.len(), *rate_hz)),
            ..budget
        }
    }
}
