//! Says the phrases of a call, which are the same in every call: a voice has spoken them before, or speaks them now. Each
//! is heard to its end.

use std::io::Write;
use std::time::Duration;

use super::answering::Answered;
use super::answering::GRACE;
use super::contract;
use super::flow::Flow;
use super::job::Job;
use super::phrase::Phrase;
use crate::cloud::budget::Budget;
use crate::config::Sentence;
use crate::knowledge::language::Language;
use crate::spending::limits::Refused;
use crate::sys::deadline::Deadline;
use crate::sys::error::{Failure, Stage};
use crate::sys::files;
use crate::voice::KeptPhrases;

impl<O: Write> Flow<'_, O> {
    /// Says the disclosure, if it is due, and notes why where it is left to the first answer. That takes it over, so a
    /// voice that stands in has no time of its own.
    pub(super) fn disclose(&mut self) -> Result<(), Failure> {
        let Some(sentence) = self.disclosure.due() else {
            return Ok(());
        };
        let unheard = self.say_within(sentence, None, LONGEST_WAIT)?;
        self.disclosure.said(self.line, unheard);
        Ok(())
    }

    /// Asks the caller, in Asterisk's own voice, to try again after the failure that has been forgiven. What they say to
    /// the last sound is the beginning of their next turn.
    pub(super) fn apologize(&mut self) -> Result<(), Failure> {
        contract::tell_notes(self.line, &mut self.scene.notes);
        if let Some(failure) = &self.scene.forgiven {
            contract::tell_forgiven(self.line, failure);
        }
        self.follow(&mut Phrase::sound("im-sorry".to_owned()))?;
        self.follow(&mut Phrase::sound("please-try-again".to_owned()).keeping_speech())?;
        Ok(())
    }

    /// Says that a message could not be taken, or that one was of which the answer says nothing.
    pub(super) fn tell_of_message(
        &mut self,
        answered: Result<Answered, Failure>,
    ) -> Result<Answered, Failure> {
        let has_just_left = self.messages.has_just_left();
        let language = Language::of(&self.config.stt.language);
        let (words, instead) = match &answered {
            _ if self.line.is_hung_up() => return answered,
            _ if self.scene.turn.has_lost_message => (language.message_lost, "im-sorry"),
            Ok(Answered::Wordless) if has_just_left => (language.message_kept, "vm-msgsaved"),
            _ => return answered,
        };
        self.say(Sentence::Spoken(words.to_owned()), Some(instead))?;
        Ok(Answered::Heard)
    }

    /// Says a phrase to its end. If no voice speaks, the sound `instead` is heard, if any. Returns why it
    /// was not heard, if anything but a hang-up kept it from that.
    pub(super) fn say(
        &mut self,
        sentence: Sentence,
        instead: Option<&'static str>,
    ) -> Result<Option<String>, Failure> {
        let mut patience = LONGEST_WAIT;
        if self.services.voices.candidates().len() > 1 {
            // The next voice has as long.
            patience += self.config.fallback_after.min(LONGEST_WAIT);
        }
        self.say_within(sentence, instead, patience)
    }

    /// The same, where its sound is waited for no longer than `patience`.
    fn say_within(
        &mut self,
        sentence: Sentence,
        instead: Option<&'static str>,
        patience: Duration,
    ) -> Result<Option<String>, Failure> {
        let mut phrase = match sentence {
            Sentence::Nothing => return Ok(None),
            Sentence::Sound(name) => Phrase::sound(name),
            Sentence::Spoken(text) => self.spoken(text, instead, patience)?,
        };
        let said = self.follow(&mut phrase);
        if self.line.is_hung_up() {
            // The half-made sound is removed by the thread that makes it.
            self.job.wait(SHORT_WAIT);
        }
        self.job = Job::none();
        said
    }

    /// The phrase of this text, which is kept or is being made.
    fn spoken(
        &mut self,
        text: String,
        instead: Option<&'static str>,
        patience: Duration,
    ) -> Result<Phrase, Failure> {
        let phrases = KeptPhrases {
            folder: self.config.conversation.sounds.clone(),
            voices: self.services.voices.clone(),
            settings: self.config.tts.clone(),
            speaker: self.speaker(false),
        };
        if let Some(place) = phrases.find(&text) {
            return Ok(Phrase::sound(files::absolute(&place)));
        }
        let patience = patience.min(self.config.tts.timeout);
        let deadline = Deadline::after(self.line.now(), patience, self.line.clock());
        let budget = Budget::new(deadline, self.config.idle_timeout.min(LONGEST_WAIT));
        self.scene.stage = Stage::Limit;
        let job = Job::phrase(phrases, text, budget, &mut |max_cost| {
            self.purse.admit(self.config, &self.caller, max_cost)
        });
        match job {
            Ok(job) => self.job = job,
            // A limit that refuses a phrase refuses all that would follow it, so the call ends as LIMITED. Other
            // failures cost only the voice.
            Err(failure) if failure.cause.is::<Refused>() => return Err(failure),
            Err(failure) => return Ok(Phrase::failed(&failure, instead)),
        }
        self.scene.stage = Stage::Tts;
        let until = self.line.now() + patience + GRACE;
        Ok(Phrase::being_made(until, instead))
    }
}

/// After a hang-up a thread that asks a service ends at once.
const SHORT_WAIT: Duration = Duration::from_secs(1);

/// No caller waits longer in silence for a phrase.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
