//! The answers of a call: each is begun, heard, and remembered, and one that was interrupted for nothing is taken up again.

use std::io::Write;
use std::mem::take;
use std::time::{Duration, Instant, SystemTime};

use log::warn;

use super::Flow;
use crate::audio::Pcm;
use crate::call::answering::{self, Answered, Answering};
use crate::call::caller_audio::CallerAudio;
use crate::call::disclosure;
use crate::call::event::Event;
use crate::call::interrupted::Interrupted;
use crate::call::job::Job;
use crate::call::keypad;
use crate::call::line::Input;
use crate::call::listening::{Listening, Utterance};
use crate::call::phase::{Act, Phase};
use crate::call::turn::Turn;
use crate::cloud::llm::Exchange;
use crate::sys::error::{At, Failure, Stage};
use crate::sys::files::{self, NewFile, Readers};
use crate::text::Action;
use crate::timeline::Mark;

impl<O: Write> Flow<'_, O> {
    /// Lets the caller hear the answer to what they have said, or as much of it as they want.
    pub(super) fn answer_turn(
        &mut self,
        utterance: Utterance,
        listening: &mut Listening,
    ) -> Result<Answered, Failure> {
        let waited = self.scene.caller.as_ref().map(CallerAudio::last_quiet);
        let now = self.line.now();
        // The turn before is put back where this one turns out to be none. What the model wanted then, such as a
        // transfer that a noise interrupted, is still to be done.
        let mut before = self.scene.begin_turn(now, waited.unwrap_or_default());
        if self.interrupted.is_none() {
            self.reply().at(Stage::Reply)?;
        }
        let (is_patient, silent_since) = (listening.is_patient(), listening.waits_since());
        let mut answering = self.begin_answer(utterance.events, is_patient, silent_since);
        let mut answered = self.follow_answer(&mut answering);
        let is_forgiven = self.forgive_interruption(&mut answered, &utterance.speech);
        let is_nothing = matches!(answered, Ok(Answered::NoSpeech | Answered::Follows));
        let is_followed = matches!(answered, Ok(Answered::Follows));
        let has_words = self.scene.turn.is_understood() || is_followed;
        if let Some(interrupted) = &mut self.interrupted {
            interrupted.is_followed = is_followed;
        }
        if (has_words || is_nothing) && !is_forgiven {
            listening.transcribed(&utterance.speech, has_words, self.line.now());
        }
        if let Some(caller) = self
            .scene
            .caller
            .as_mut()
            .filter(|_| is_nothing && !has_words && !is_forgiven)
        {
            caller.had_no_words();
        }
        let is_stopped = matches!(answered, Ok(Answered::Heard | Answered::Interrupted));
        let mut unanswered = None;
        if is_stopped && !self.scene.turn.is_understood() {
            unanswered = Some(utterance.speech);
            self.scene.turn = before;
        } else if is_nothing {
            // Nothing was said after all that is to be answered.
            self.scene.turn = before;
        } else {
            std::mem::swap(&mut self.scene.turn, &mut before);
            self.remember_interrupted();
            std::mem::swap(&mut self.scene.turn, &mut before);
            // Speech that goes on is part of the next utterance, and a noise is not speech.
            self.messages.spoke(utterance.speech.duration());
            self.conclude(answering, &answered);
        }
        if is_forgiven {
            listening.put_off(self.scene);
        } else {
            listening.answered(unanswered, self.scene);
        }
        self.tell_of_message(answered)
    }

    /// Lets the answer before go on where no service has transcribed the `speech` that interrupted it, which is sent once
    /// more behind that answer. Returns whether that is so.
    fn forgive_interruption(
        &mut self,
        answered: &mut Result<Answered, Failure>,
        speech: &Pcm,
    ) -> bool {
        let is_of_stt = matches!(answered, Err(failure) if failure.stage == Stage::Stt);
        if !is_of_stt || self.interrupted.is_none() || self.scene.turn.is_understood() {
            return false;
        }
        if let Err(failure) = std::mem::replace(answered, Ok(Answered::NoSpeech)) {
            self.go_on_after(failure);
            self.scene.said.push(speech.clone());
        }
        true
    }

    /// Tells why it is not known what interrupted an answer, which goes on.
    pub(super) fn go_on_after(&mut self, failure: Failure) {
        warn!("the answer goes on after an interruption that was not transcribed: {failure}");
        self.scene.forgiven = Some(failure);
    }

    /// Lets the caller hear the rest of the answer that was interrupted for nothing.
    pub(super) fn take_up(&mut self, listening: &mut Listening) -> Result<Answered, Failure> {
        self.scene.turn.is_interrupted = false;
        // What was put off is still to be sent.
        if self.scene.said.is_empty() {
            listening.answered(None, self.scene);
        }
        let Some(interrupted) = self.interrupted.take() else {
            return Ok(Answered::Heard);
        };
        self.scene.turn.has_lost_message |= interrupted.has_lost_message;
        let mut answering = interrupted.answering;
        (self.job, self.reply) = (interrupted.job, interrupted.reply);
        // It is noted anew when more of it has been heard.
        self.before.pop();
        answering.take_up(interrupted.is_followed, self.scene, self.line.now());
        for event in interrupted.told {
            answering.on(Input::Work(event), self.scene, self.line.now());
        }
        let answered = self.follow_answer(&mut answering);
        self.conclude(answering, &answered);
        self.tell_of_message(answered)
    }

    /// Notes what was heard of an answer that was understood, and keeps the rest of one that may go on.
    fn conclude(&mut self, answering: Answering, answered: &Result<Answered, Failure>) {
        if matches!(
            answered,
            Ok(Answered::Heard | Answered::Interrupted | Answered::Partial(_))
        ) {
            self.before.push(Exchange {
                question: self.scene.turn.question_later().to_owned(),
                answer: heard(&self.scene.turn),
            });
        }
        if let Ok(Answered::Heard | Answered::Interrupted) = answered
            && let Some(toolbox) = &self.toolbox
            && was_heard(&self.scene.turn)
        {
            // By a key callers skip what they have not heard, and a message that is lost cuts the answer.
            let turn = &self.scene.turn;
            let is_cut = turn.key.is_some() || turn.has_lost_message;
            toolbox.was_heard(matches!(answered, Ok(Answered::Heard)) && !is_cut);
        }
        if matches!(answered, Ok(Answered::Interrupted)) {
            self.scene.turn.is_interrupted = true;
            self.interrupted = Some(Interrupted {
                may_be_followed: (was_heard(&self.scene.turn) || answering.has_told_to_wait())
                    && !answering.has_just_asked(self.scene, self.line.now()),
                is_followed: false,
                has_lost_message: false,
                told: Vec::new(),
                answering,
                job: std::mem::replace(&mut self.job, Job::none()),
                reply: self.reply.take(),
            });
        } else {
            self.remember(answered);
        }
        // What was lost in the answer before is told behind one that has been heard.
        if answered.is_ok() && self.interrupted.is_none() {
            self.scene.turn.has_lost_message |= take(&mut self.has_lost_message);
        }
    }

    /// Prepares to let the caller hear what the services make, or to have it written for the dialplan. `events` are what
    /// has come already, and the caller has waited since `silent_since`.
    pub(super) fn begin_answer(
        &mut self,
        events: Vec<Event>,
        is_patient: bool,
        silent_since: Instant,
    ) -> Answering {
        self.scene.turn.opening = self.disclosure.opening();
        let voice = &self.services.voices.first_candidate().endpoint;
        let known = || self.loudness.usual_wait(voice);
        self.scene.voice_takes = self.scene.voice_takes.or_else(known);
        let interrupted = self.interrupted.as_ref();
        let languages = interrupted.filter(|interrupted| interrupted.may_be_followed);
        let languages = languages.map(|_| self.config.stt.languages().map(str::to_owned).collect());
        let is_typed = self.is_conversation && self.config.conversation.barge_in;
        let settings = answering::Settings {
            waiting: self.config.waiting.clone(),
            stop_keys: self.config.stop_keys.clone(),
            deadline: self.config.deadline,
            idle: self.config.idle_timeout,
            reply: files::absolute(&self.config.reply),
            encoding: self.encoding,
            is_streamed: self.config.is_streamed,
            barge_in: self.config.conversation.barge_in,
            typed_keys: if is_typed { keypad::DIGITS } else { "" },
            back_channels: languages.unwrap_or_default(),
            is_patient,
        };
        let started = self.scene.turn.started;
        let mut answering = Answering::new(settings, started).silent_since(silent_since);
        // The last of these may be the model's `Begins`, to which the call has not agreed while the turn went on.
        for event in events {
            answering.on(Input::Work(event), self.scene, self.line.now());
        }
        answering
    }

    /// Lets an answer be heard to its end, or until it is interrupted.
    pub(super) fn follow_answer(&mut self, answering: &mut Answering) -> Result<Answered, Failure> {
        let mut answered = self.follow(answering);
        let is_interrupted = matches!(answered, Ok(Answered::Interrupted));
        if !is_interrupted || !self.scene.turn.is_understood() {
            // An answer that does not go on is not paid for to its end, so its job ends before anything else is done.
            let job = std::mem::replace(&mut self.job, Job::none());
            let may_come = was_heard(&self.scene.turn) && !answering.is_written();
            let late = self.keep_late_messages(job, may_come);
            self.scene.turn.actions.extend(notes(late));
            let reply = self.reply.take();
            if let (Ok(Answered::Whole), Some(reply)) = (&answered, reply) {
                answered = reply.finish().at(Stage::Reply).map(|()| Answered::Whole);
                // What the dialplan plays is heard from here on.
                let now = self.line.now();
                self.scene.turn.timeline.reached(Mark::FirstPlayed, now);
            }
        }
        let is_whole = matches!(answered, Ok(Answered::Whole));
        let turn = &self.scene.turn;
        let spoken = turn.spoken.heard();
        self.disclosure
            .answered(self.line, &turn.opening, &spoken, is_whole);
        answered
    }

    /// Takes in what an answer that waits tells of its turn, as it comes: the caller may have heard that messages were taken,
    /// and their words belong to what they say next.
    pub(super) fn heed_interrupted(&mut self) {
        while let Some(event) = self.interrupted.as_mut().and_then(Interrupted::next_event) {
            self.forget_if_wanted(&event);
            let (Some(interrupted), Some(exchange)) =
                (&mut self.interrupted, self.before.last_mut())
            else {
                return;
            };
            match event {
                Event::Messages(messages, kept) => {
                    let (question, now) = (&exchange.question, SystemTime::now());
                    interrupted.has_lost_message |= !self
                        .messages
                        .keep_and_confirm(&messages, &kept, question, now);
                    continue;
                }
                Event::Heard(ref words) if !words.is_empty() => exchange.question.clone_from(words),
                _ => {}
            }
            interrupted.told.push(event);
        }
    }

    /// Forgets a caller who wants that at once: they may hang up before the answer goes on.
    fn forget_if_wanted(&mut self, event: &Event) {
        if matches!(event, Event::Actions(actions) if actions.contains(&Action::Forget)) {
            self.perform(Act::Forget);
        }
    }

    /// Ends a job. Of an answer that a caller has begun to hear the messages that `may_come` are still kept: what they have
    /// heard may have confirmed one whose text comes last. Meanwhile the caller is not listened to. Forgets a caller who
    /// wants that. Returns what else it has told.
    fn keep_late_messages(&mut self, mut job: Job, may_come: bool) -> Vec<Event> {
        let told = if may_come && self.messages.are_taken() {
            self.take_late(job)
        } else {
            job.events().try_iter().collect()
        };
        for event in &told {
            self.forget_if_wanted(event);
        }
        told
    }

    fn take_late(&mut self, job: Job) -> Vec<Event> {
        // A voice that is refused would end the model's text, but after a hang-up nothing is waited for.
        let (is_hung_up, mut asked) = (self.line.is_hung_up(), Vec::new());
        let mut told = Vec::new();
        let deadline = self.line.deadline(LATE_MESSAGES);
        job.drain(&deadline, |event| match event {
            Event::Messages(messages, kept) => drop(self.perform(Act::Keep(messages, kept))),
            Event::Begins(_, agrees) if !is_hung_up => asked.push(agrees),
            // Nothing is called any more, and the end is that of the bill, not of the answer.
            Event::Calls(_) | Event::End(_) | Event::Panicked => {}
            event => told.push(event),
        });
        told
    }

    /// Pays for no more of an answer that waits: what has been made can still be heard.
    pub(super) fn stop_paying(&mut self) {
        let Some(mut interrupted) = self.interrupted.take() else {
            return;
        };
        let may_come = was_heard(&self.scene.turn) && !interrupted.is_written();
        let last = self.keep_late_messages(interrupted.take_job(), may_come);
        interrupted.has_lost_message |= take(&mut self.scene.turn.has_lost_message);
        interrupted.end(last, self.scene, self.line.now());
        self.interrupted = Some(interrupted);
        self.tell_question();
    }

    /// Leaves to the caller's next call what was heard of this answer.
    pub(super) fn remember(&mut self, answered: &Result<Answered, Failure>) {
        let is_whole = matches!(answered, Ok(Answered::Whole)) && !self.line.is_hung_up();
        let heard = if is_whole {
            self.scene.turn.answer.clone()
        } else {
            heard(&self.scene.turn)
        };
        self.remembering.keep(&self.scene.turn, &heard);
        self.messages.said(&self.scene.turn, &heard);
    }

    /// The same for an answer that was interrupted, and does not go on because the call ends or another takes its place. Its
    /// turn is the call's.
    pub(super) fn remember_interrupted(&mut self) {
        let Some(interrupted) = self.interrupted.take() else {
            return;
        };
        let may_come = was_heard(&self.scene.turn) && !interrupted.is_written();
        let late = self.keep_late_messages(interrupted.job, may_come);
        for event in interrupted.told.into_iter().chain(late) {
            match event {
                Event::Heard(words) => self.scene.turn.question = words,
                Event::Actions(actions) => self.scene.turn.actions = actions,
                _ => {}
            }
        }
        self.tell_question();
        // The answer that takes its place is heard first.
        let has_lost = take(&mut self.scene.turn.has_lost_message);
        self.has_lost_message |= has_lost || interrupted.has_lost_message;
        self.remember(&Ok(Answered::Interrupted));
    }

    /// Has the model told later what the caller has said in the turn whose answer was interrupted, as far as it is known by
    /// now.
    fn tell_question(&mut self) {
        if let Some(exchange) = self.before.last_mut() {
            self.scene
                .turn
                .question_later()
                .clone_into(&mut exchange.question);
        }
    }

    /// The file that the answer is written to. An answer that was interrupted has the same place, and is given up for it.
    pub(super) fn reply(&mut self) -> Result<&mut NewFile, files::Error> {
        if let Some(interrupted) = &mut self.interrupted {
            drop(take(&mut interrupted.reply));
        }
        let reply = if let Some(reply) = self.reply.take() {
            reply
        } else {
            let place = files::append(&self.config.reply, &format!(".{}", self.encoding));
            NewFile::create(&place, Readers::Owner)?
        };
        Ok(self.reply.insert(reply))
    }
}

/// What is noted behind an answer that a key has ended. Nothing else of it is done any more.
fn notes(late: Vec<Event>) -> impl Iterator<Item = Action> {
    let actions = late.into_iter().rev().find_map(|event| match event {
        Event::Actions(actions) => Some(actions),
        _ => None,
    });
    let is_note = |action: &Action| matches!(action, Action::Note(_));
    actions.into_iter().flatten().filter(is_note)
}

/// A model writes faster than a voice speaks. After a hang-up threads end at once, but may still wait for a disk.
const LATE_MESSAGES: Duration = Duration::from_secs(2);

/// Whether the caller has begun to hear the answer.
fn was_heard(turn: &Turn) -> bool {
    turn.timeline.has_reached(Mark::FirstPlayed)
}

/// What the caller has heard of an answer, without what it began with.
fn heard(turn: &Turn) -> String {
    disclosure::without(&turn.opening, turn.spoken.heard())
}
