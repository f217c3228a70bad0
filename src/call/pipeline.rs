//! The services at work, each while the one before it still is: the question is transcribed, and of the model's
//! answer one sentence is heard while the next is being spoken and the one after that is being thought of.
//!
//! All of it happens in threads of its own. They tell the call what comes of it as [`Event`]s, in the order in which the
//! caller should hear it, and know nothing of Asterisk.

use std::io::{self, Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use log::warn;

use super::Words;
use super::services::Services;
use crate::audio::telephone::Encoding;
use crate::audio::{Pcm, speech};
use crate::cloud;
use crate::cloud::llm::gemini::{Answering, End};
use crate::cloud::stt::google;
use crate::deadline::Deadline;
use crate::error::{At, Chain, Failure, Stage};
use crate::say::{self, Speaking};
use crate::text::Growing;
use crate::timeline::Mark;

/// What comes of the work.
#[derive(Debug)]
pub(super) enum Event {
    /// Something that costs money begins, if the call agrees.
    Begins(Stage, Sender<()>),
    /// A step of the call's timeline is over.
    Reached(Mark, Instant),
    /// A stage is over, which began then; this is what came of it.
    Done(Stage, Instant, String),
    /// What the caller asked; empty when there were no words in it.
    Question(String),
    /// What the answer is so far.
    Answer(String),
    /// The next of the encoded sound.
    Sound(Vec<u8>),
    /// No more will come.
    End(Result<(), Failure>),
}

/// All that is needed to answer a question.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) services: Arc<Services>,
    /// What the caller said.
    pub(super) speech: Arc<Pcm>,
    /// How the answer is encoded.
    pub(super) encoding: Encoding,
    /// When the answer must begin.
    pub(super) deadline: Deadline,
    /// Is the answer heard while it is made? Then only its beginning has a deadline.
    pub(super) is_streamed: bool,
}

impl Work {
    /// Begins to work.
    pub(super) fn start(self) -> io::Result<Receiver<Event>> {
        let (tell, events) = unbounded();
        if self.services.settings.warm {
            self.clone().warm(&tell)?;
        }
        thread::Builder::new().spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| self.carry_out(&tell)));
            // A panic has been logged; without this event the call knows that there was one.
            if let Ok(result) = result {
                tell.send(Event::End(result)).ok();
            }
        })?;
        Ok(events)
    }

    /// Opens the ways to the model and the voice, which are not needed yet.
    fn warm(self, tell: &Sender<Event>) -> io::Result<()> {
        let tell = tell.clone();
        thread::Builder::new().spawn(move || {
            let Services { model, voice, .. } = &*self.services;
            thread::scope(|scope| {
                scope.spawn(|| model.warm(self.deadline));
                voice.warm(self.deadline);
            });
            tell_of(&tell, Event::Reached(Mark::Connect, Instant::now()));
        })?;
        Ok(())
    }

    fn carry_out(&self, tell: &Sender<Event>) -> Result<(), Failure> {
        let question = self.transcribe(tell)?;
        tell_of(tell, Event::Question(question.clone()));
        if question.is_empty() {
            return Ok(());
        }
        let (write, written) = unbounded();
        let (speaking, begun) = bounded(0);
        thread::scope(|scope| {
            scope.spawn(move || self.speak(&written, &speaking, tell));
            let voice = scope.spawn(|| {
                let result = self.pass_on(begun, tell);
                if result.is_err() {
                    // Whatever the model still has to say, the caller shall not wait for it.
                    tell_of(tell, Event::End(result));
                }
            });
            let thought = self.think(&question, write, tell);
            voice.join().unwrap_or_else(|panic| resume_unwind(panic));
            thought
        })
    }

    /// The pieces of a long question are transcribed side by side and joined in order.
    fn transcribe(&self, tell: &Sender<Event>) -> Result<String, Failure> {
        let since = begins(Stage::Stt, tell)?;
        let Pcm { rate_hz, samples } = &*self.speech;
        let pieces = speech::split(&self.speech, google::LONGEST);
        let recognizer = &self.services.recognizer;
        let transcripts = thread::scope(|scope| {
            let transcribe =
                |piece| recognizer.transcribe(&samples[piece], *rate_hz, self.deadline);
            let threads: Vec<_> = pieces
                .into_iter()
                .map(|piece| scope.spawn(move || transcribe(piece)))
                .collect();
            let results = threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
            results.collect::<Result<Vec<_>, _>>()
        });
        let transcripts = transcripts.at(Stage::Stt)?;
        let question = transcripts.join(" ").trim().to_owned();
        tell_of(tell, Event::Reached(Mark::Stt, Instant::now()));
        let what = format!(
            "{} from {} piece(s) of speech",
            Words(&question, self.services.settings.log_words),
            transcripts.len()
        );
        tell_of(tell, Event::Done(Stage::Stt, since, what));
        Ok(question)
    }

    /// Writes the model's answer, as a voice can say it, piece by piece.
    fn think(
        &self,
        question: &str,
        write: Sender<String>,
        tell: &Sender<Event>,
    ) -> Result<(), Failure> {
        let since = begins(Stage::Llm, tell)?;
        let settings = &self.services.settings;
        let mut hand_over = move |piece: String, answer: &Growing| {
            tell_of(tell, Event::Reached(Mark::FirstSentence, Instant::now()));
            tell_of(tell, Event::Answer(answer.said().to_owned()));
            // A voice that has failed takes no more; it tells why.
            write.send(piece).is_ok()
        };
        let ask = |may_retry| {
            let model = &self.services.model;
            model
                .answer(question, may_retry, self.deadline, settings.idle)
                .at(Stage::Llm)
        };
        let mut answering = ask(true)?;
        let mut answer = Growing::new(settings.max_answer_chars);
        let mut end = read(&mut answering, &mut answer, tell, &mut hand_over);
        if let Err(error) = &end
            && answer.said().is_empty()
            && answering.may_retry(error)
        {
            warn!("asking the model again: {}", Chain(error));
            answering = ask(false)?;
            answer = Growing::new(settings.max_answer_chars);
            end = read(&mut answering, &mut answer, tell, &mut hand_over);
        }
        if let Some(piece) = answer.last(end.at(Stage::Llm)? == End::Cut) {
            hand_over(piece, &answer);
        }
        if answer.said().is_empty() {
            return Err(say::Error::Nothing).at(Stage::Llm);
        }
        if answer.is_full() {
            warn!(
                "the answer was too long: its first {} bytes are spoken",
                answer.said().len()
            );
        }
        let what = Words(answer.said(), settings.log_words).to_string();
        tell_of(tell, Event::Done(Stage::Llm, since, what));
        Ok(())
    }

    /// Has the pieces spoken, all that are there at a time in one go. The next is asked for while one is being passed on.
    fn speak<'a>(
        &'a self,
        written: &Receiver<String>,
        speaking: &Sender<Begun<'a>>,
        tell: &Sender<Event>,
    ) {
        let mut is_first = true;
        while let Ok(mut text) = written.recv() {
            for more in written.try_iter() {
                text.push(' ');
                text.push_str(&more);
            }
            // Once the caller hears something, only what stalls is given up.
            let deadline = if is_first || !self.is_streamed {
                self.deadline
            } else {
                self.deadline
                    .restarted(self.services.settings.voice_timeout)
            };
            is_first = false;
            let begins = self.ask_for(&text, deadline, tell);
            let has_failed = begins.is_err();
            if speaking.send(begins).is_err() || has_failed {
                break;
            }
        }
    }

    fn ask_for(&self, text: &str, deadline: Deadline, tell: &Sender<Event>) -> Begun<'_> {
        let since = begins(Stage::Tts, tell)?;
        let Services {
            voice, settings, ..
        } = &*self.services;
        let speaking = Speaking::begin(voice, text, deadline, settings.idle).at(Stage::Tts)?;
        tell_of(tell, Event::Reached(Mark::FirstAudio, Instant::now()));
        Ok((since, text.to_owned(), speaking))
    }

    /// Passes on one sound; if it breaks off before anything of it can have been heard, it is asked for once more.
    fn write(
        &self,
        text: &str,
        mut speaking: Speaking<'_>,
        tell: &Sender<Event>,
    ) -> Result<Duration, say::Error> {
        let Services {
            voice, settings, ..
        } = &*self.services;
        let mut out = Outlet::new(tell, self.is_streamed);
        let result = speaking.write(&mut out, self.encoding, settings.gain_db);
        let length = match result {
            Err(error) if !out.has_passed_on && speaking.may_retry(&error) => {
                warn!("asking the voice again: {}", Chain(&error));
                out = Outlet::new(tell, self.is_streamed);
                Speaking::begin(voice, text, self.deadline, settings.idle)?.write(
                    &mut out,
                    self.encoding,
                    settings.gain_db,
                )?
            }
            result => result?,
        };
        out.pass_on();
        Ok(length)
    }

    /// Passes on what is being spoken, encoded, as it comes.
    fn pass_on(&self, begun: Receiver<Begun<'_>>, tell: &Sender<Event>) -> Result<(), Failure> {
        let mut total = Duration::ZERO;
        let mut since = None;
        for begins in begun {
            let (asked, text, speaking) = begins?;
            since = since.or(Some(asked));
            total += self.write(&text, speaking, tell).at(Stage::Tts)?;
        }
        if let Some(since) = since {
            let what = format!("{:.1} s of {}", total.as_secs_f32(), self.encoding);
            tell_of(tell, Event::Done(Stage::Tts, since, what));
        }
        Ok(())
    }
}

/// Hands over each piece of the answer as soon as it stands, until the answer ends or is long enough.
fn read(
    answering: &mut Answering,
    answer: &mut Growing,
    tell: &Sender<Event>,
    hand_over: &mut dyn FnMut(String, &Growing) -> bool,
) -> Result<End, cloud::Error> {
    while let Some(words) = answering.words()? {
        tell_of(tell, Event::Reached(Mark::FirstToken, Instant::now()));
        answer.push(&words);
        while let Some(piece) = answer.piece() {
            if !hand_over(piece, answer) {
                return Ok(End::Whole);
            }
        }
        if answer.is_full() {
            return Ok(End::Whole);
        }
    }
    answering.end()
}

/// When something was asked for, what, and its sound.
type Begun<'a> = Result<(Instant, String, Speaking<'a>), Failure>;

/// Waits until the call agrees that a stage begins: it does not when the caller has hung up. Returns when that was.
fn begins(stage: Stage, tell: &Sender<Event>) -> Result<Instant, Failure> {
    let (agrees, answer) = bounded(1);
    tell_of(tell, Event::Begins(stage, agrees));
    answer.recv().map(|()| Instant::now()).at(stage)
}

/// A call that has ended wants to know nothing more.
fn tell_of(tell: &Sender<Event>, event: Event) {
    tell.send(event).ok();
}

/// Encoded sound on its way to the call: at once, or when it is whole.
struct Outlet<'a> {
    tell: &'a Sender<Event>,
    at_once: bool,
    held: Vec<u8>,
    has_passed_on: bool,
}

impl<'a> Outlet<'a> {
    fn new(tell: &'a Sender<Event>, at_once: bool) -> Self {
        Self {
            tell,
            at_once,
            held: Vec::new(),
            has_passed_on: false,
        }
    }

    fn pass_on(&mut self) {
        self.has_passed_on |= !self.held.is_empty();
        tell_of(self.tell, Event::Sound(std::mem::take(&mut self.held)));
    }
}

impl Write for Outlet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.at_once {
            self.pass_on();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Only formats with a header go back to it, and none of them is streamed.
impl Seek for Outlet<'_> {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
