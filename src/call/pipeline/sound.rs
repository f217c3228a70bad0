//! A question that the model hears itself, without a transcript: it answers, and writes down what it has heard behind
//! its answer. Where it does not, the question is transcribed and answered as any other.

use crossbeam_channel::Sender;
use log::warn;

use super::looking_up::Called;
use super::piece::Text;
use super::work::{Thought, Work, send};
use crate::audio::{Pcm, speech};
use crate::call::event::Event;
use crate::call::max_cost;
use crate::call::settings::Hearer;
use crate::cloud;
use crate::cloud::llm::Question;
use crate::cloud::stt::Recording;
use crate::sys::error::{At, Chain, Failure, Stage};
use crate::sys::redact::Words;
use crate::text::{self, SentenceStream};

/// What a model says it has heard.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WrittenDown {
    /// These words.
    Said(String),
    /// Nobody who can be understood, and so there is no answer either.
    Nobody,
    /// It does not say.
    Unwritten,
}

impl WrittenDown {
    /// What an answer that has ended tells, in at most `longest` characters.
    fn of(answer: &SentenceStream, longest: usize) -> Self {
        let words = answer.heard();
        match words.map(|words| text::limit(words, longest).trim()) {
            Some(words) if text::has_words(words) => Self::Said(words.to_owned()),
            Some(_) if !answer.has_pieces() && answer.actions().is_empty() => Self::Nobody,
            _ => Self::Unwritten,
        }
    }

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
    /// The same work with a model that hears the caller itself, where the settings want that and the model can. What is
    /// typed, or known in words, is no sound.
    pub(super) fn hearing(&self) -> Option<Self> {
        let is_sound = self.known.words.is_empty() && self.typed.is_empty();
        let is_wanted = self.settings.hearer == Hearer::Model && is_sound;
        (is_wanted && self.services.model_hears()).then(|| Self {
            settings: self.settings.hearing(),
            ..self.clone()
        })
    }

    /// Has the model of `hearing` answer what it hears, else the question transcribed and answered, by the same
    /// deadline.
    pub(super) fn answer_sound(
        &self,
        hearing: &Self,
        give_text: &Sender<Text>,
        tell: &Sender<Event>,
    ) -> Result<(), Failure> {
        let Pcm { rate_hz, samples } = &*self.speech;
        let sound = Question::Sound(Recording {
            samples,
            rate_hz: *rate_hz,
            spoken: speech::sounding(samples, *rate_hz),
        });
        let mut called = Called::default();
        let error = match hearing.try_to_think(sound, &mut called, give_text, tell)? {
            Thought::Spoken => return Ok(()),
            // What a service will not answer as sound, it will not answer as words either: the transcript would be
            // paid for in vain.
            Thought::Unsaid(error)
                if matches!(error, cloud::Error::HungUp(_)) || error.is_of_question() =>
            {
                return Err(error).at(Stage::Llm);
            }
            Thought::Unsaid(error) => error,
        };
        warn!(
            "the model does not answer what it hears, so the question is transcribed: {}",
            Chain(&error)
        );
        self.services.sound_refusals.failed(&error);
        let heard = self.question(tell)?;
        if heard.words.is_empty() {
            return Ok(());
        }
        // Of that language the model alone is told: the voice is at work already.
        let work = self.in_language(heard.language.as_deref());
        work.think(Question::Words(&heard.words), &mut called, give_text, tell)
    }

    /// Tells the words that the model has written down as the caller's.
    pub(super) fn tell_heard(&self, answer: &SentenceStream, tell: &Sender<Event>) -> WrittenDown {
        let longest = max_cost::max_question_chars(self.speech.duration());
        let heard = WrittenDown::of(answer, longest);
        if let WrittenDown::Said(words) = &heard {
            send(tell, Event::Heard(words.clone()));
        }
        heard
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::audio::telephone::Encoding;
    use crate::call::event::Transcript;
    use crate::call::settings::Settings;
    use crate::config::{Arguments, Config, Needs};
    use crate::services::Services;
    use crate::spending::bill::Billing;
    use crate::sys::deadline::Deadline;
    use crate::sys::hangup::Hangup;
    use crate::voice::{Loudness, Speaker};

    /// Work for a model that hears callers.
    fn work(known: &str, typed: &str) -> Work {
        let environment = |name: &str| (name == "GEMINI_API_KEY").then(|| "AQ.1".into());
        let file = Arguments::of_file(None);
        let config = Config::load(Needs::Voice, &file, &environment).expect("complete");
        let mut settings = Settings::of(&config, String::new());
        settings.hearer = Hearer::Model;
        Work {
            services: Services::new(&config, &Hangup::default())
                .expect("right settings")
                .into(),
            settings,
            speech: Arc::new(Pcm {
                rate_hz: 8000,
                samples: Vec::new(),
            }),
            is_interruption: false,
            known: Transcript::of(known),
            typed: typed.to_owned(),
            speaker: Speaker {
                billing: Billing::default(),
                encoding: Encoding::Ulaw,
                loudness: Loudness::new(&config.tts, &config.state_folder),
                is_streamed: true,
                hangup: Hangup::default(),
                language: None,
            },
            toolbox: None,
            deadline: Deadline::after(Instant::now(), Duration::ZERO, Instant::now),
            is_streamed: true,
        }
    }

    #[test]
    fn the_model_hears_only_what_is_all_sound() {
        let is_heard = |known, typed| work(known, typed).hearing().is_some();
        assert!(is_heard("", ""));
        assert!(!is_heard("A table.", ""), "its words are known");
        assert!(!is_heard("", "06"), "its digits are typed");
    }

    #[test]
    fn what_was_heard_stands_behind_the_answer_or_in_its_place() {
        let said = |words: &str| WrittenDown::Said(words.to_owned());
        let table = [
            ("Four minutes. [[heard How long?]]", said("How long?")),
            ("Four minutes. [[heard how long is it]]", said("how long")),
            ("[[goodbye]] [[heard Bye.]]", said("Bye.")),
            ("[[heard]]", WrittenDown::Nobody),
            ("[[heard …]]", WrittenDown::Nobody),
            ("Four minutes. [[heard]]", WrittenDown::Unwritten),
            ("Four minutes.", WrittenDown::Unwritten),
            ("[[goodbye]] [[heard]]", WrittenDown::Unwritten),
            ("", WrittenDown::Unwritten),
        ];
        for (written, expected) in table {
            let mut answer = SentenceStream::new(1000).with_actions();
            answer.push(written);
            answer.last(false);
            assert_eq!(WrittenDown::of(&answer, 9), expected, "{written}");
        }
    }

    #[test]
    fn the_log_has_the_words_only_where_it_may() {
        let said = WrittenDown::Said("How long?".to_owned());
        assert_eq!(said.told(true), ", and heard \"How long?\"");
        assert_eq!(said.told(false), ", and heard <9 bytes>");
        assert_eq!(WrittenDown::Nobody.told(true), "");
        let unwritten = WrittenDown::Unwritten.told(true);
        assert_eq!(unwritten, ", and did not write down what it heard");
    }
}
