//! Says the phrases of a call, which are the same in every call: a voice has spoken them before, or speaks them now.

use std::io::Write;
use std::mem::take;
use std::time::Duration;

use super::answering::Answered;
use super::answering::GRACE;
use super::contract;
use super::dialogue::TRY_AGAIN;
use super::echo::{LONGEST_PHRASE, Reply};
use super::flow::Flow;
use super::job::Job;
use super::operator::Called;
use super::phrase::{BargeIn, Phrase, PhraseEnd};
use crate::audio::telephone::FRAME;
use crate::cloud::budget::Budget;
use crate::config::Sentence;
use crate::knowledge::language::Language;
use crate::spending::limits::Refused;
use crate::sys::costs::MicroDollars;
use crate::sys::error::{Failure, Stage};
use crate::sys::files;
use crate::voice::KeptPhrases;

impl<O: Write> Flow<'_, O> {
    /// Says the disclosure, if it is due, and notes why where it is left to the first answer. That takes it over, so a
    /// voice that stands in has no time of its own. Returns whether the caller has spoken into it.
    pub(super) fn disclose(&mut self, barge_in: BargeIn) -> Result<bool, Failure> {
        self.disclosure.is_cut_off = false;
        let Some(sentence) = self.disclosure.due() else {
            return Ok(false);
        };
        let said = self.say_within(sentence, None, barge_in, LONGEST_WAIT)?;
        let is_interrupted = matches!(said, PhraseEnd::Interrupted { .. });
        match said {
            // Article 50 wants the caller informed, and not that they are kept from speaking. Without its last word a
            // sentence still tells it; a caller who has heard less is told at the beginning of the next answer, or before the
            // next phrase where it was a noise that stopped it.
            PhraseEnd::Interrupted { name, after } if after < self.length_of(&name) * 4 / 5 => {
                self.disclosure.is_cut_off = true;
            }
            PhraseEnd::Heard | PhraseEnd::Interrupted { .. } => self.disclosure.told(self.line),
            PhraseEnd::Unheard(why) => self.disclosure.fault = Some(why),
        }
        Ok(is_interrupted)
    }

    /// What a phrase that is not the last does with what the caller says into it.
    pub(super) fn barge_in(&self) -> BargeIn {
        if self.config.conversation.barge_in {
            BargeIn::Yields
        } else {
            BargeIn::Keeps
        }
    }

    /// How long the sound at this place lasts; the longest time where that is not known, as of Asterisk's own sounds.
    fn length_of(&self, name: &str) -> Duration {
        let place = files::append(name.as_ref(), &format!(".{}", self.encoding));
        let frame_bytes = u64::try_from(self.encoding.frame_bytes()).unwrap_or(u64::MAX);
        let frames = std::fs::metadata(place).map(|sound| sound.len() / frame_bytes);
        let frames = frames.ok().and_then(|frames| u32::try_from(frames).ok());
        frames.map_or(LONGEST_PHRASE, |frames| FRAME * frames)
    }

    /// Asks the caller, in Asterisk's own voice, to try again after the failure that has been forgiven. Returns whether they
    /// have spoken into it.
    pub(super) fn apologize(&mut self) -> Result<bool, Failure> {
        contract::tell_notes(self.line, &mut self.scene.notes);
        if let Some(failure) = &self.scene.forgiven {
            contract::tell_forgiven(self.line, failure);
        }
        for sound in ["im-sorry", TRY_AGAIN] {
            let mut phrase = Phrase::sound(sound.to_owned()).barge_in(self.barge_in());
            if matches!(self.follow(&mut phrase)?, PhraseEnd::Interrupted { .. }) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Says that a message could not be taken, or that one was of which the answer says nothing.
    pub(super) fn tell_of_message(
        &mut self,
        answered: Result<Answered, Failure>,
    ) -> Result<Answered, Failure> {
        let has_just_left = self.messages.has_just_left();
        // It is told once: the turn may be put back, and its answer taken up.
        let has_lost = take(&mut self.scene.turn.has_lost_message);
        let language = Language::of(&self.config.stt.language);
        let (words, instead) = match &answered {
            _ if self.line.is_hung_up() => return answered,
            _ if has_lost => (language.message_lost, "im-sorry"),
            Ok(Answered::Wordless) if has_just_left => (language.message_kept, "vm-msgsaved"),
            _ => return answered,
        };
        let sentence = Sentence::Spoken(words.to_owned());
        let barge_in = match self.scene.caller {
            Some(_) => self.barge_in(),
            None => BargeIn::Keeps,
        };
        let said = self.say(sentence.clone(), Some(instead), barge_in)?;
        if matches!(said, PhraseEnd::Interrupted { .. }) {
            self.scene.cut_phrase = Some((sentence, instead));
        }
        match answered {
            Err(failure) if failure.cause.is::<Called>() => Err(failure),
            _ => Ok(Answered::Heard),
        }
    }

    /// Says a phrase. Where it cannot be heard, the sound `instead` is, if any, and administrators are told.
    pub(super) fn say(
        &mut self,
        sentence: Sentence,
        instead: Option<&'static str>,
        barge_in: BargeIn,
    ) -> Result<PhraseEnd, Failure> {
        let mut patience = LONGEST_WAIT;
        if self.services.voices.candidates().len() > 1 {
            // The next voice has as long.
            patience += self.config.fallback_after.min(LONGEST_WAIT);
        }
        let said = self.say_within(sentence, instead, barge_in, patience)?;
        if let PhraseEnd::Unheard(why) = &said {
            self.scene.unheard.get_or_insert(why.clone());
        }
        Ok(said)
    }

    /// The same, where its sound is waited for no longer than `patience`.
    fn say_within(
        &mut self,
        sentence: Sentence,
        instead: Option<&'static str>,
        barge_in: BargeIn,
        patience: Duration,
    ) -> Result<PhraseEnd, Failure> {
        let phrase = match sentence {
            Sentence::Nothing => return Ok(PhraseEnd::Heard),
            Sentence::Sound(name) => Phrase::sound(name).or(instead),
            Sentence::Spoken(text) => {
                self.spoken(text, instead, patience, MicroDollars::default())?
            }
        };
        let said = self.follow(&mut phrase.barge_in(barge_in));
        if self.line.is_hung_up() {
            // The half-made sound is removed by the thread that makes it.
            self.job.wait(&self.line.deadline(SHORT_WAIT));
        }
        self.job = Job::none();
        said
    }

    /// A phrase that is heard in the middle of work for which `besides` stays set aside. Where no voice speaks it is the
    /// sound `instead`.
    pub(super) fn phrase_beside(
        &mut self,
        text: &str,
        instead: &'static str,
        besides: MicroDollars,
    ) -> Phrase {
        let spoken = self.spoken(text.to_owned(), Some(instead), LONGEST_WAIT, besides);
        spoken.unwrap_or_else(|refused| Phrase::failed(&refused, Some(instead)))
    }

    /// The phrase of this text, which is kept or is being made.
    fn spoken(
        &mut self,
        text: String,
        instead: Option<&'static str>,
        patience: Duration,
        besides: MicroDollars,
    ) -> Result<Phrase, Failure> {
        let phrases = KeptPhrases {
            folder: self.config.conversation.sounds.clone(),
            voices: self.services.voices.clone(),
            settings: self.config.tts.clone(),
            speaker: self.speaker(false),
        };
        if let Some(place) = phrases.find(&text) {
            let caller = self.scene.caller.as_ref();
            let samples = caller.and_then(|_| Reply::of_phrase(&place, self.encoding));
            return Ok(Phrase::kept(&place, samples).or(instead));
        }
        let patience = patience.min(self.config.tts.timeout);
        let deadline = self.line.deadline(patience);
        let budget = Budget::new(deadline, self.config.idle_timeout.min(LONGEST_WAIT));
        self.scene.stage = Stage::Limit;
        let job = Job::phrase(phrases, text, budget, &mut |max_cost| {
            self.purse
                .admit(self.config, &self.caller, max_cost + besides)
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
