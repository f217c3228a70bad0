//! A call while it goes on: one loop that waits for what happens, lets a phase decide, and does what the phase wants.

mod answers;
mod waiting;

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::answering::Answered;
use super::caller_audio::{self, CallerAudio};
use super::contract;
use super::dialogue::{Dialogue, Next};
use super::disclosure::Disclosure;
use super::event::Transcript;
use super::interrupted::Interrupted;
use super::job::Job;
use super::keepalive;
use super::line::{How, Input, Line, Play, Played, Sound};
use super::listening::{Heard, Listening};
use super::messages::Messages;
use super::operator;
use super::outcome::Outcome;
use super::phase::{Act, Phase, Step};
use super::phrase::{BargeIn, Phrase, PhraseEnd};
use super::pipeline::Work;
use super::purse::Purse;
use super::remembering::Remembering;
use super::settings::Settings;
use super::toolbox::Toolbox;
use super::turn::Scene;
use crate::audio::Pcm;
use crate::audio::speech::turn::Limits;
use crate::audio::telephone::Encoding;
use crate::cloud::llm::Exchange;
use crate::config::Config;
use crate::knowledge::actions::Actions;
use crate::knowledge::{self, Knowledge};
use crate::services::Services;
use crate::spending::bill::Billing;
use crate::sys::costs::MicroDollars;
use crate::sys::deadline::Deadline;
use crate::sys::error::{At, Failure, Stage};
use crate::sys::files::{self, NewFile};
use crate::timeline::Mark;
use crate::voice::{self, Loudness, Speaker};

/// What a call has while it goes on.
pub(super) struct Flow<'a, O> {
    pub(super) line: &'a mut Line<O>,
    pub(super) scene: &'a mut Scene,
    pub(super) purse: &'a mut Purse,
    pub(super) remembering: &'a mut Remembering,
    pub(super) disclosure: &'a mut Disclosure,
    pub(super) messages: &'a mut Messages,
    pub(super) config: &'a Config,
    pub(super) knowledge: &'a Knowledge,
    pub(super) services: Arc<Services>,
    pub(super) loudness: Loudness,
    pub(super) encoding: Encoding,
    /// The caller's number for the limits; empty where it is withheld.
    pub(super) caller: String,
    /// Whether this is a conversation, and no question.
    pub(super) is_conversation: bool,
    /// What was said in the conversation, and as much of each answer as was heard.
    pub(super) before: Vec<Exchange>,
    pub(super) job: Job,
    /// What the model may call, if anything.
    pub(super) toolbox: Option<Arc<Toolbox>>,
    /// What was typed in the caller's turn and may be a PIN.
    pub(super) typed_pins: Vec<String>,
    /// The file that the answer is written to; none until something is to be written, where another answer is interrupted
    /// and may go on.
    pub(super) reply: Option<NewFile>,
    pub(super) interrupted: Option<Interrupted>,
    /// Whether a message was lost in an answer that another has taken the place of, and the caller is still to be told.
    pub(super) has_lost_message: bool,
    /// The silence that is played where no phase plays anything, so that the key that leads to the operator is taken.
    pub(super) silence: Option<String>,
}

/// Why a conversation cannot begin.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(
        "a conversation hears the caller through EAGI, which agi:// does not offer: start it by EAGI(phone-assistant,mode=conversation,…)"
    )]
    NotEnhanced,
    #[error("cannot hear the caller through file descriptor 3")]
    Deaf(#[source] std::io::Error),
}

impl<O: Write> Flow<'_, O> {
    /// Answers one question, whose speech this is.
    pub(super) fn answer_one(&mut self, speech: Pcm, reply: NewFile) -> Result<Outcome, Failure> {
        if self.disclosure.is_sound() {
            let began = self.line.now();
            self.disclose(self.barge_in())?;
            // The services have as long as ever.
            self.scene.turn.started += self.line.now().saturating_duration_since(began);
        }
        self.messages.spoke(speech.duration());
        self.begin_job(Arc::new(speech), Transcript::default(), &[], 0)?;
        if self.config.conversation.operator.is_some() && self.config.is_streamed {
            self.silence = keepalive::silence(&self.config.conversation.sounds, self.encoding);
        }
        self.reply = Some(reply);
        let started = self.scene.turn.started;
        let mut answering = self.begin_answer(Vec::new(), false, started);
        let answered = self.follow_answer(&mut answering);
        self.remember(&answered);
        match self.tell_of_message(answered)? {
            Answered::Heard | Answered::Interrupted => Ok(Outcome::Answered(None)),
            Answered::NoSpeech | Answered::Follows => Ok(Outcome::NoSpeech),
            Answered::HungUp => Ok(Outcome::HungUp),
            Answered::Partial(failure) => Ok(Outcome::Partial(failure)),
            Answered::Wordless => Err(voice::Error::Nothing).at(Stage::Llm),
            Answered::Whole => {
                let place = files::absolute(&self.config.reply);
                Ok(Outcome::Answered(Some(place)))
            }
        }
    }

    /// Converses until the caller or the model ends the call, or a limit is reached.
    pub(super) fn converse(&mut self) -> Result<Outcome, Failure> {
        // Nothing else tells: under plain AGI Asterisk closes file descriptor 3, and the first file that this program
        // opens becomes it.
        if self.line.env().get("enhanced") != Some("1.0") {
            return Err(Error::NotEnhanced).at(Stage::Recording);
        }
        let began = self.line.now();
        let settings = &self.config.conversation;
        self.silence = keepalive::silence(&settings.sounds, self.encoding);
        let waiting = &self.config.waiting;
        let mut listening = Listening::new(settings.clone(), waiting, self.silence.clone(), began);
        // The pipe is read before the first phrase plays. It holds 64 KiB, which is 4 s at 8 kHz, and Asterisk drops
        // what finds no room in it.
        self.hear_caller(listening.pause(), began)?;
        self.is_conversation = true;
        let is_interrupted = self.disclose(self.barge_in())?;
        let mut dialogue = Dialogue::new(settings.clone(), began);
        let mut first = dialogue.begin();
        if is_interrupted {
            // The caller has something to say, and is greeted only if that was none.
            first = dialogue.said(true, self.scene, self.line.now());
        }
        let ended = self.go_on(first, &mut dialogue, &mut listening);
        self.remember_interrupted();
        ended
    }

    /// Lets one phase follow the other, until the call ends.
    fn go_on(
        &mut self,
        mut next: Next,
        dialogue: &mut Dialogue,
        listening: &mut Listening,
    ) -> Result<Outcome, Failure> {
        loop {
            if self.line.is_hung_up() {
                return Ok(Outcome::HungUp);
            }
            next = match next {
                Next::Beep => {
                    let beep = Phrase::sound("beep".to_owned());
                    self.follow(&mut beep.barge_in(BargeIn::Keeps))?;
                    dialogue.said(false, self.scene, self.line.now())
                }
                Next::Apologize => {
                    let is_interrupted = self.apologize()?;
                    dialogue.apologized(is_interrupted, self.scene, self.line.now())
                }
                Next::Say(sentence, instead) => {
                    if self.disclosure.is_cut_off {
                        self.disclose(BargeIn::Keeps)?;
                    }
                    let said = self.say(sentence, Some(instead), dialogue.barge_in())?;
                    let is_interrupted = matches!(said, PhraseEnd::Interrupted { .. });
                    dialogue.said(is_interrupted, self.scene, self.line.now())
                }
                Next::Listen { silent_since } => {
                    // Whether an answer goes on is told by words.
                    let is_left = self.model_hears() && self.interrupted.is_none();
                    listening.leave_to_model(is_left, self.scene);
                    listening.begin(silent_since, self.line.now());
                    listening.take_up(self.scene, self.line.now());
                    let heard = self.listen(listening)?;
                    dialogue.heard(heard, self.scene)
                }
                Next::Answer(utterance) => {
                    let answered = self.answer_turn(utterance, listening);
                    let (goes_on, now) = (listening.goes_on(), self.line.now());
                    dialogue.answered(answered, goes_on, self.scene, now)?
                }
                Next::TakeUp => {
                    let answered = self.take_up(listening);
                    dialogue.answered(answered, false, self.scene, self.line.now())?
                }
                Next::End(outcome) => return Ok(outcome),
            };
        }
    }

    /// Listens to the caller. What they say into an answer that waits is nothing where the limits forbid to have it
    /// transcribed: the answer goes on, as far as it is made.
    fn listen(&mut self, listening: &mut Listening) -> Result<Heard, Failure> {
        match self.follow(listening) {
            Err(failure) if failure.stage == Stage::Limit && self.interrupted.is_some() => {
                self.go_on_after(failure);
                Ok(Heard::Silence)
            }
            heard => heard,
        }
    }

    /// Hears the caller through EAGI's file descriptor from now on.
    fn hear_caller(&mut self, pause: Option<Duration>, now: Instant) -> Result<(), Failure> {
        // The block does not tell the rate of the pipe. Asterisk takes it from this variable, which the dialplan may
        // set, else it is 8 kHz.
        let format = self.line.get_variable("EAGI_AUDIO_FORMAT");
        let is_wide = format.is_ok_and(|format| format.as_deref() == Some("slin16"));
        let settings = &self.config.conversation;
        let limits = Limits {
            quiet: settings.quiet,
            pause,
            longest: settings.max_question,
        };
        let rate_hz = if is_wide { 16_000 } else { 8000 };
        let voice = caller_audio::open().map_err(Error::Deaf);
        self.line.hear(voice.at(Stage::Recording)?);
        self.scene.caller = Some(CallerAudio::new(rate_hz, limits, now));
        Ok(())
    }

    /// Whether the model hears the caller itself, instead of being told what they say.
    fn model_hears(&self) -> bool {
        self.config.llm.hears && self.services.model_hears() && !self.messages.need_words()
    }

    /// Speaks for a new piece of work, whose sound may be heard while it is made.
    pub(super) fn speaker(&self, is_streamed: bool) -> Speaker {
        Speaker {
            billing: Billing::new(self.purse.bill.clone()),
            encoding: self.encoding,
            loudness: self.loudness.clone(),
            is_streamed,
            hangup: self.line.hangup().clone(),
            language: None,
        }
    }

    /// Lets a phase run to its end, in one loop: whatever happens goes to the phase, and whatever the phase wants is done.
    pub(super) fn follow<P: Phase>(&mut self, phase: &mut P) -> Result<P::End, Failure> {
        let end = loop {
            self.heed_interrupted();
            let input = match phase.poll(self.scene, self.line.now()) {
                Step::Do(act) => match self.perform(act) {
                    Some(input) => input,
                    None => continue,
                },
                Step::Wait(until) => match self.wait(until) {
                    Some(input) => input,
                    None => continue,
                },
                Step::End(end) => break end,
            };
            let called = self.operator().called_by(&input);
            self.note_keep_alive(&input);
            phase.on(input, self.scene, self.line.now());
            if let Some(called) = called {
                self.scene.turn.key = Some(operator::KEY);
                // It notes how much was heard.
                drop(phase.poll(self.scene, self.line.now()));
                break Err(called).at(Stage::Reply);
            }
        };
        // No phase leaves a sound behind: the next one would take its reply for that of its own.
        let Some(last) = self.line.stop() else {
            return end;
        };
        let last = Input::Ended(last);
        if let Some(called) = self.operator().called_by(&last) {
            self.scene.turn.key = Some(operator::KEY);
            return Err(called).at(Stage::Reply);
        }
        // A key was pressed just before the phase ended.
        if let Input::Ended(last) = last
            && let How::Key { key, .. } = last.how
            && matches!(last.what, Sound::KeepAlive | Sound::Phrase)
            && !self.scene.wants_pin
        {
            self.scene.keypad.press(key, last.at);
        }
        end
    }

    /// Does what a phase wants. Returns what the phase is to know of it.
    fn perform(&mut self, act: Act) -> Option<Input> {
        match act {
            Act::Append(bytes) => self.write(|reply| reply.write_all(&bytes)),
            Act::Reveal => self.write(NewFile::reveal),
            Act::Forget => {
                self.remembering.forget();
                self.messages.forget();
                None
            }
            Act::Keep(messages, kept) => {
                let (turn, now) = (&mut self.scene.turn, SystemTime::now());
                let question = &turn.question;
                turn.has_lost_message |= !self
                    .messages
                    .keep_and_confirm(&messages, &kept, question, now);
                None
            }
            // What is left is asked of Asterisk, or costs money.
            _ if self.line.is_hung_up() => Some(Input::HungUp),
            Act::Permit(calls) => self.end_silence().or_else(|| self.permit(&calls)),
            Act::Stop => self.line.stop().map(Input::Ended),
            Act::Play(play) => self.end_silence().or_else(|| self.play(play)),
            Act::Agree(agrees) => {
                // What begins now is paid for, and Asterisk tells of a hang-up late, or never where AGISIGHUP is off:
                // so it is asked.
                if self.line.is_connected() {
                    // A thread that has ended does not begin either.
                    agrees.send(()).ok();
                }
                None
            }
            Act::Transcribe {
                speech,
                known,
                typed,
                later,
            } => {
                let begun = self.begin_job(speech, known, &typed, later);
                begun.err().map(Input::Failed)
            }
        }
    }

    /// Begins a sound. Returns its end where it cannot be played.
    fn play(&mut self, mut play: Play) -> Option<Input> {
        self.operator().add_key(&mut play);
        if play.what != Sound::Answer {
            // An answer is waited for; anything else may begin a moment later. In a conversation something plays nearly
            // always, during which nothing can be told.
            contract::tell_notes(self.line, &mut self.scene.notes);
        }
        let (what, played) = (play.what, self.line.play(&play));
        let at = self.line.now();
        if what == Sound::Answer && played.is_ok() {
            self.scene.turn.timeline.reached(Mark::FirstPlayed, at);
        }
        let how = How::Unplayable(Some(played.err()?));
        Some(Input::Ended(Played { what, how, at }))
    }

    fn write(
        &mut self,
        write: impl FnOnce(&mut NewFile) -> Result<(), files::Error>,
    ) -> Option<Input> {
        let written = self.reply().and_then(write);
        written.at(Stage::Reply).err().map(Input::Failed)
    }

    /// How the services are worked with for the next answer.
    fn settings(&self, now: SystemTime) -> Settings {
        let conversation = Some(&self.config.conversation).filter(|_| self.is_conversation);
        let actions = Actions {
            conversation,
            messages: self.messages.allowed(),
            has_tools: self.toolbox.is_some(),
            has_pins: self.config.has_pins(),
        };
        let may_come = |interrupted: &Interrupted| !interrupted.is_written();
        let may_come = self.interrupted.as_ref().is_some_and(may_come);
        let toolbox = self.toolbox.as_ref();
        let done = toolbox.map(|toolbox| toolbox.done()).unwrap_or_default();
        let prompt = self.knowledge.prompt(
            knowledge::TurnParts {
                actions: &(actions.told() + &self.messages.so_far(may_come)),
                may_transfer: actions.may_transfer(),
                memory: &self.remembering.instructions(now),
                has_tools: toolbox.is_some() && self.services.without_functions().is_empty(),
                done: &done,
            },
            now,
        );
        let settings = Settings::of(self.config, prompt).opening(self.disclosure.opening());
        let settings = if self.is_conversation {
            settings.in_conversation(&self.before)
        } else {
            settings
        };
        let settings = if self.messages.are_taken() {
            settings.taking_messages()
        } else {
            settings
        };
        // An answer goes on where what interrupted it says nothing.
        let settings = if self.interrupted.is_some() || !self.model_hears() {
            settings.transcribed()
        } else {
            settings
        };
        let functions = toolbox.map(|toolbox| toolbox.functions());
        let settings = settings.calling(functions.unwrap_or_default());
        self.remembering.with_memory(settings)
    }

    /// Has speech transcribed and answered, in place of what was sent before.
    fn begin_job(
        &mut self,
        speech: Arc<Pcm>,
        known: Transcript,
        typed: &[String],
        later: u32,
    ) -> Result<(), Failure> {
        // It ends before the next one is admitted: from here on it begins no further request, which the next reserve
        // would have to cover.
        self.job = Job::none();
        let mut began = self.scene.turn.started;
        // In a conversation speech is sent before its turn has begun, so the deadline runs from the sending. The
        // caller of a single question has waited since the program was started.
        if self.is_conversation {
            began = self.line.now();
        }
        let work = Work {
            services: self.services.clone(),
            toolbox: self.toolbox.clone(),
            settings: self.settings(SystemTime::now()),
            speech,
            is_interruption: self.interrupted.is_some() || self.scene.is_cut_off,
            known,
            typed: self.typed_words(typed),
            speaker: self.speaker(self.config.is_streamed),
            deadline: Deadline::after(began, self.config.deadline, self.line.clock()),
            is_streamed: self.config.is_streamed,
        };
        self.scene.stage = Stage::Limit;
        // What was set aside for an answer that may go on is replaced by this. Where both are too much, what the caller
        // says goes first.
        let waiting = self.interrupted.as_ref().map(Interrupted::max_cost);
        let mut job = self.admit(work.clone(), later, waiting.unwrap_or_default());
        let is_limited = |failure: &Failure| failure.stage == Stage::Limit;
        if waiting.is_some() && job.as_ref().is_err_and(is_limited) {
            self.stop_paying();
            job = self.admit(work, later, MicroDollars::default());
        }
        self.job = job?;
        self.scene.stage = Stage::Stt;
        Ok(())
    }

    /// Begins work for which `besides` stays set aside.
    fn admit(&mut self, work: Work, later: u32, besides: MicroDollars) -> Result<Job, Failure> {
        let longest = self.config.conversation.max_question;
        Job::answer(work, later, longest, &mut |max_cost| {
            self.purse
                .admit(self.config, &self.caller, max_cost + besides)
        })
    }
}
