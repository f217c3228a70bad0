//! The services at work, each while the one before it still is: the question is transcribed, and of the model's
//! answer one sentence is heard while the next is being spoken and the one after that is being thought of.
//!
//! All of it happens in threads of its own. They tell the call what comes of it as [`Event`]s, in the order in which
//! the caller should hear it, and know nothing of Asterisk.

mod gate;
mod hand_over;
mod looking_up;
mod piece;
mod sound;
mod transcribing;
mod voice;
mod work;
mod written;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use log::{debug, warn};

use super::event::{Event, Transcript};
use super::max_cost;
use crate::cloud;
use crate::cloud::budget::Budget;
use crate::cloud::fallback::Candidate;
use crate::cloud::llm::{Answering, End, Model, Question};
use crate::services::Services;
use crate::spending::bill;
use crate::sys::error::{At, Failure, Stage};
use crate::sys::redact::Words;
use crate::sys::threads::{self, NoThread};
use crate::text::{Action, SentenceStream, completeness};
use crate::timeline::Mark;
use hand_over::HandOver;
use looking_up::Called;
use piece::Text;
use sound::WrittenDown;
pub(super) use work::Work;
use work::{Thought, may_begin, send};
use written::Written;

impl Work {
    /// Begins to work.
    ///
    /// # Errors
    /// [`NoThread`].
    pub(super) fn start(self) -> Result<Receiver<Event>, NoThread> {
        let (tell, events) = unbounded();
        if self.settings.warm
            && let Err(cause) = self.clone().warm(&tell)
        {
            debug!("connections are not opened ahead of time: {cause}");
        }
        threads::spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| self.carry_out(&tell)));
            // A panic has been logged; without this event the call knows that there was one.
            if let Ok(result) = result {
                tell.send(Event::End(result)).ok();
            }
        })?;
        Ok(events)
    }

    /// Opens the ways to the model and the voice, which are not needed yet.
    fn warm(self, tell: &Sender<Event>) -> Result<(), NoThread> {
        let tell = tell.clone();
        threads::spawn(move || {
            let Services { models, voices, .. } = &*self.services;
            thread::scope(|scope| {
                let warm = || models.first().warm(self.deadline);
                if let Err(cause) = threads::spawn_within(scope, warm) {
                    debug!("one connection is not opened ahead of time: {cause}");
                }
                voices.first().warm(self.deadline);
            });
            send(&tell, Event::Reached(Mark::Connect, Instant::now()));
        })?;
        Ok(())
    }

    fn carry_out(&self, tell: &Sender<Event>) -> Result<(), Failure> {
        if let Some(hearing) = self.hearing() {
            return self.reply(Some(&hearing), "", tell);
        }
        let heard = self.question(tell)?;
        if heard.words.is_empty() {
            return Ok(());
        }
        let work = self.in_language(heard.language.as_deref());
        work.reply(None, &heard.words, tell)
    }

    /// The same work for a caller who speaks `language`, where that is not the same for all of them.
    fn in_language(&self, language: Option<&str>) -> Cow<'_, Self> {
        let Some(language) = language else {
            return Cow::Borrowed(self);
        };
        let mut work = self.clone();
        work.settings = self.settings.in_language(language);
        work.speaker.language = Some(language.to_owned());
        Cow::Owned(work)
    }

    /// Answers what the caller has said: the sound of it, or else its words.
    fn reply(
        &self,
        hearing: Option<&Self>,
        words: &str,
        tell: &Sender<Event>,
    ) -> Result<(), Failure> {
        let (give_text, texts) = unbounded();
        // Without room in between, one text is asked for while the one before is passed on, and none further ahead:
        // all that is asked for is paid for, and an interruption throws it away.
        let (give_sound, sounds) = bounded(0);
        thread::scope(|scope| {
            let speak = move || self.speak(&texts, &give_sound, tell);
            threads::spawn_within(scope, speak).at(Stage::Tts)?;
            let voice = threads::spawn_within(scope, || {
                let result = self.pass_on_all(sounds, tell);
                if result.is_err() {
                    // Whatever the model still has to say, the caller shall not wait for it.
                    send(tell, Event::End(result));
                }
            });
            let voice = voice.at(Stage::Tts)?;
            let thought = if let Some(hearing) = hearing {
                self.answer_sound(hearing, &give_text, tell)
            } else {
                let question = Question::Words(words);
                self.think(question, &mut Called::default(), &give_text, tell)
            };
            // The voice's thread ends when no more text can come, and the join below waits for it.
            drop(give_text);
            voice.join().unwrap_or_else(|panic| resume_unwind(panic));
            thought
        })
    }

    /// Transcribes the question, and tells it.
    fn question(&self, tell: &Sender<Event>) -> Result<Transcript, Failure> {
        let mut heard = if self.speech.samples.is_empty() {
            self.known.clone()
        } else {
            self.known.followed_by(self.transcribe(tell)?)
        };
        if !self.typed.is_empty() {
            let typed = Words(&self.typed, self.settings.log_words);
            let what = format!("{typed} typed on the keypad");
            send(tell, Event::Done(Stage::Recording, Instant::now(), what));
            heard = heard.followed_by(Transcript::of(&self.typed));
        }
        let languages = self.settings.spoken(heard.language.as_deref());
        let completeness = completeness(&heard.words, languages);
        send(tell, Event::Transcribed(heard.clone(), completeness));
        send(tell, Event::Question(heard.words.clone()));
        Ok(heard)
    }

    /// Writes the model's answer, as a voice can say it, piece by piece.
    fn think(
        &self,
        question: Question<'_>,
        called: &mut Called,
        give_text: &Sender<Text>,
        tell: &Sender<Event>,
    ) -> Result<(), Failure> {
        match self.try_to_think(question, called, give_text, tell)? {
            Thought::Spoken => Ok(()),
            Thought::Unsaid(error) => Err(error).at(Stage::Llm),
        }
    }

    /// The same, where something else can be done if no model has written anything that could be said.
    fn try_to_think(
        &self,
        question: Question<'_>,
        called: &mut Called,
        give_text: &Sender<Text>,
        tell: &Sender<Event>,
    ) -> Result<Thought, Failure> {
        let since = may_begin(Stage::Llm, tell)?;
        let is_sound = matches!(question, Question::Sound(_));
        let mut voice = HandOver::new(self, is_sound, give_text, tell);
        let mut answer = self.settings.answer();
        let written = self.write(question, called, &mut answer, &mut voice, tell);
        let (rest, mut written) = match written {
            Ok(written) => written,
            Err(cloud::Error::Unsayable { .. }) if !is_sound => {
                send(tell, Event::Wordless);
                return Ok(Thought::Spoken);
            }
            Err(error) => return Ok(Thought::Unsaid(error)),
        };
        // What was written before the break is paid for as well, so it is put on the bill before the error leaves this
        // function.
        if rest.is_err() {
            written.settle(&answer);
            // What the caller has heard may confirm the message in whose middle the model has broken off.
            answer.last(true);
        }
        if let Ok(Some(piece)) = &rest {
            voice.give(piece.clone(), &answer);
        }
        voice.keep(answer.actions());
        drop(voice);
        rest.at(Stage::Llm)?;
        let heard = is_sound.then(|| self.tell_heard(&answer, tell));
        written.settle(&answer);
        self.tell_end(&answer, heard, since, tell);
        Ok(Thought::Spoken)
    }

    /// Tells what has come of an answer that has ended, and what the model has `heard` where it hears the caller.
    fn tell_end(
        &self,
        answer: &SentenceStream,
        heard: Option<WrittenDown>,
        since: Instant,
        tell: &Sender<Event>,
    ) {
        if heard == Some(WrittenDown::Nobody) {
            send(tell, Event::Written);
            return send(tell, Event::Question(String::new()));
        }
        send(tell, Event::Actions(answer.actions().to_vec()));
        // Those who wait for the actions wait no longer than for this.
        send(tell, Event::Written);
        let is_noted = |action: &Action| matches!(action, Action::Note(_) | Action::Message(_));
        if !answer.has_pieces() && answer.actions().iter().all(is_noted) {
            return send(tell, Event::Wordless);
        }
        warn_of_losses(answer);
        let mut what = Words(answer.said(), self.settings.log_words).to_string();
        if let Some(heard) = heard {
            what.push_str(&heard.told(self.settings.log_words));
        }
        send(tell, Event::Done(Stage::Llm, since, what));
    }

    /// Has an answer written, with all that is looked up for it, and returns its last piece.
    fn write(
        &self,
        question: Question<'_>,
        called: &mut Called,
        answer: &mut SentenceStream,
        voice: &mut HandOver<'_>,
        tell: &Sender<Event>,
    ) -> Result<(Result<Option<String>, cloud::Error>, Written), cloud::Error> {
        loop {
            let (rest, mut written) = self.write_on(question, called, answer, voice, tell)?;
            let (Ok(piece), Some(turn)) = (&rest, written.calls()) else {
                return Ok((rest, written));
            };
            written.settle(answer);
            if let Some(piece) = piece
                && !voice.give(piece.clone(), answer)
            {
                return Ok((Ok(None), written));
            }
            // The caller may hear that a message was taken while something is looked up, if it was.
            if !voice.keep(answer.actions()) {
                return Ok((Ok(None), written));
            }
            voice.release();
            self.look_up((turn, &written.by), called, voice, tell)?;
            *answer = answer.going_on();
        }
    }

    /// Asks the models, and returns the last piece of the answer. A model that breaks off before anything can be said,
    /// or ends so, is as good as one that does not answer.
    fn write_on(
        &self,
        question: Question<'_>,
        called: &Called,
        answer: &mut SentenceStream,
        voice: &mut HandOver<'_>,
        tell: &Sender<Event>,
    ) -> Result<(Result<Option<String>, cloud::Error>, Written), cloud::Error> {
        let before = answer.going_on();
        let deadline = voice.deadline();
        let attempt = |candidate: &Candidate<dyn Model>, budget: Budget| {
            let mut written = self.ask(candidate, question, called, budget)?;
            let error = match read(&mut written.answering, answer, tell, voice) {
                Ok(end) => {
                    // After the limit there would be nothing to say of what came of calls.
                    written.may_call &= !answer.is_full() && !answer.has_ended();
                    let rest = answer.last(end == End::Cut);
                    if !answer.is_blank() || written.calls().is_some() {
                        return Ok((Ok(rest), written));
                    }
                    written.settle(answer);
                    // Models send an empty answer now and then, and answer the same request the next time
                    // (https://github.com/livekit/agents/issues/4066). One that was cut before its first word would be
                    // cut there again.
                    let transient = end == End::Whole;
                    cloud::Error::Unsayable { transient }
                }
                // The caller may have heard a part of it: another model's answer would begin anew in the middle of a
                // sentence, so none is asked.
                Err(error) if answer.has_own_pieces() => return Ok((Err(error), written)),
                Err(error) => {
                    written.give_up(&error);
                    error
                }
            };
            *answer = before.going_on();
            Err(error)
        };
        let models = &self.services.models;
        let budget = self.budget(deadline);
        match question {
            Question::Words(_) => Ok(models.ask(budget, attempt)?.value),
            Question::Sound(_) => models.ask_first(self.with_upload(budget), attempt),
        }
    }

    fn ask(
        &self,
        candidate: &Candidate<dyn Model>,
        question: Question<'_>,
        called: &Called,
        budget: Budget,
    ) -> Result<Written, cloud::Error> {
        let prompt = called.prompt_of(&self.settings, &candidate.fingerprint);
        let asked = called.asked(&self.settings, question, prompt.as_deref());
        let (bytes, sound) = match question {
            Question::Words(words) => (words.len(), None),
            Question::Sound(_) => {
                let length = self.speech.duration();
                (0, candidate.provider.max_tokens_of_sound(length))
            }
        };
        let sound = sound.unwrap_or_default();
        let mut most = max_cost::tokens(&self.settings, bytes) + bill::tokens(sound);
        if !called.is_empty() {
            most = most + max_cost::of_rounds(&self.settings);
        }
        let entry = self
            .billing()
            .begin(Stage::Llm, &candidate.endpoint, most)?;
        let answering = candidate.provider.answer(asked, budget);
        let answering = answering.inspect_err(|error| entry.failed(error))?;
        Ok(Written {
            answering,
            entry,
            sound,
            read_bytes: asked.bytes(),
            by: candidate.fingerprint.clone(),
            may_call: !asked.functions.is_empty(),
        })
    }
}

/// Hands over each piece of the answer as soon as it stands, and tells each action, until the answer ends or is long
/// enough.
fn read(
    answering: &mut Answering,
    answer: &mut SentenceStream,
    tell: &Sender<Event>,
    voice: &mut HandOver<'_>,
) -> Result<End, cloud::Error> {
    while let Some(words) = next_words(answering, answer)? {
        send(tell, Event::Reached(Mark::FirstToken, Instant::now()));
        let known = answer.actions().len();
        answer.push(&words);
        if answer.actions().len() != known {
            send(tell, Event::Actions(answer.actions().to_vec()));
        }
        while let Some(piece) = answer.piece() {
            if !voice.give(piece, answer) {
                return Ok(End::Whole);
            }
        }
    }
    if answer.is_spoken_out() {
        return Ok(End::Whole);
    }
    answering.end()
}

/// Warns of what is left out of an answer.
fn warn_of_losses(answer: &SentenceStream) {
    if answer.has_lost_an_action() {
        warn!(
            "the answer ends in the middle of an action or a note, which is lost; raise max_output_tokens in [llm]"
        );
    }
    if answer.is_full() {
        warn!(
            "the answer was too long: its first {} bytes are spoken",
            answer.said().len()
        );
    }
}

/// What is still to be read. After all that is spoken only an action or what was heard may come, and no call fails of
/// missing that.
fn next_words(
    answering: &mut Answering,
    answer: &SentenceStream,
) -> Result<Option<String>, cloud::Error> {
    if !answer.wants_more() {
        return Ok(None);
    }
    match answering.words() {
        Err(error) if answer.is_spoken_out() => {
            debug!("after the last words that are spoken: {error}");
            Ok(None)
        }
        words => words,
    }
}
