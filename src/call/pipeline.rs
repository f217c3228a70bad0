//! The services at work, each while the one before it still is: the question is transcribed, and of the model's
//! answer one sentence is heard while the next is being spoken and the one after that is being thought of.
//!
//! All of it happens in threads of its own. They tell the call what comes of it as [`Event`]s, in the order in which the
//! caller should hear it, and know nothing of Asterisk.

use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use log::{debug, warn};

use super::Words;
use crate::audio::telephone::Encoding;
use crate::audio::{Pcm, speech};
use crate::cloud;
use crate::cloud::chain::{Broken, Done};
use crate::cloud::http::{Patience, Retry};
use crate::cloud::llm::{Answering, End, Model};
use crate::cloud::stt;
use crate::config::Config;
use crate::deadline::Deadline;
use crate::error::{At, Failure, Stage};
use crate::say::{self, Speaking};
use crate::services::Services;
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
    /// The sound so far ends with a sentence.
    SentenceEnd,
    /// What has not been heard of the sound is not worth hearing.
    Forget,
    /// No more will come.
    End(Result<(), Failure>),
}

/// All that is needed to answer a question.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) services: Arc<Services>,
    pub(super) settings: Settings,
    /// What the caller said.
    pub(super) speech: Arc<Pcm>,
    /// How the answer is encoded.
    pub(super) encoding: Encoding,
    /// When the answer must begin.
    pub(super) deadline: Deadline,
    /// Is the answer heard while it is made? Then only its beginning has a deadline.
    pub(super) is_streamed: bool,
}

/// How the services are worked with.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Connections are opened before they are needed.
    warm: bool,
    /// So long may a service stop in the middle of its answer.
    idle: Duration,
    voice_timeout: Duration,
    max_answer_chars: usize,
    gain_db: f32,
    log_words: bool,
}

impl Settings {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            warm: config.http.warm,
            idle: config.idle_timeout,
            voice_timeout: config.tts.timeout,
            max_answer_chars: config.llm.max_answer_chars,
            gain_db: config.tts.gain_db,
            log_words: config.log_words,
        }
    }
}

impl Work {
    /// Begins to work.
    pub(super) fn start(self) -> io::Result<Receiver<Event>> {
        let (tell, events) = unbounded();
        if self.settings.warm
            && let Err(cause) = self.clone().warm(&tell)
        {
            debug!("connections are not opened ahead of time: {cause}");
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
            let Services { models, voices, .. } = &*self.services;
            thread::scope(|scope| {
                scope.spawn(|| models.first().warm(self.deadline));
                voices.first().warm(self.deadline);
            });
            send(&tell, Event::Reached(Mark::Connect, Instant::now()));
        })?;
        Ok(())
    }

    fn carry_out(&self, tell: &Sender<Event>) -> Result<(), Failure> {
        let question = self.transcribe(tell)?;
        send(tell, Event::Question(question.clone()));
        if question.is_empty() {
            return Ok(());
        }
        let (give_text, texts) = unbounded();
        let (give_sound, sounds) = bounded(0);
        thread::scope(|scope| {
            scope.spawn(move || self.speak(&texts, &give_sound, tell));
            let voice = scope.spawn(|| {
                let result = self.pass_on_all(sounds, tell);
                if result.is_err() {
                    // Whatever the model still has to say, the caller shall not wait for it.
                    send(tell, Event::End(result));
                }
            });
            let thought = self.think(&question, give_text, tell);
            voice.join().unwrap_or_else(|panic| resume_unwind(panic));
            thought
        })
    }

    /// The pieces of a long question are transcribed side by side and joined in order.
    fn transcribe(&self, tell: &Sender<Event>) -> Result<String, Failure> {
        let since = may_begin(Stage::Stt, tell)?;
        let Pcm { rate_hz, samples } = &*self.speech;
        let pieces = speech::split(&self.speech, stt::LONGEST);
        let recognizers = &self.services.recognizers;
        let transcripts = thread::scope(|scope| {
            let transcribe = |piece: Range<usize>| {
                recognizers.ask(self.deadline, self.settings.idle, |recognizer, patience| {
                    recognizer.transcribe(&samples[piece.clone()], *rate_hz, patience)
                })
            };
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
        let words: Vec<_> = transcripts
            .iter()
            .map(|done| done.value.text.as_str())
            .collect();
        let question = words.join(" ").trim().to_owned();
        send(tell, Event::Reached(Mark::Stt, Instant::now()));
        let what = format!(
            "{} from {} piece(s) of speech",
            Words(&question, self.settings.log_words),
            transcripts.len()
        );
        send(tell, Event::Done(Stage::Stt, since, what));
        Ok(question)
    }

    /// Writes the model's answer, as a voice can say it, piece by piece.
    fn think(
        &self,
        question: &str,
        give_text: Sender<String>,
        tell: &Sender<Event>,
    ) -> Result<(), Failure> {
        let since = may_begin(Stage::Llm, tell)?;
        let settings = &self.settings;
        let mut hand_over = move |piece: String, answer: &Growing| {
            send(tell, Event::Reached(Mark::FirstSentence, Instant::now()));
            send(tell, Event::Answer(answer.said().to_owned()));
            // A voice that has failed takes no more; it tells why.
            give_text.send(piece).is_ok()
        };
        let mut answer = Growing::new(settings.max_answer_chars);
        let (end, _) = self.write(question, &mut answer, tell, &mut hand_over)?;
        if let Some(piece) = answer.last(end == End::Cut) {
            hand_over(piece, &answer);
        }
        if !answer.has_pieces() {
            return Err(say::Error::Nothing).at(Stage::Llm);
        }
        if answer.is_full() {
            warn!(
                "the answer was too long: its first {} bytes are spoken",
                answer.said().len()
            );
        }
        let what = Words(answer.said(), settings.log_words).to_string();
        send(tell, Event::Done(Stage::Llm, since, what));
        Ok(())
    }

    /// Asks the models. One that breaks off before anything can be said is as good as one that does not answer.
    fn write(
        &self,
        question: &str,
        answer: &mut Growing,
        tell: &Sender<Event>,
        hand_over: HandOver<'_>,
    ) -> Result<(End, Answering), Failure> {
        let Settings { idle, .. } = self.settings;
        let attempt = |model: &dyn Model, patience: Patience<'_>| {
            let mut answering = model.answer(question, patience)?;
            let mut end = read(&mut answering, answer, tell, hand_over);
            if let Err(error) = &end
                && !answer.has_pieces()
                && answering.may_retry(error)
            {
                *answer = answer.anew();
                let retry = Retry::After(error);
                answering = model.answer(question, Patience { retry, ..patience })?;
                end = read(&mut answering, answer, tell, hand_over);
            }
            match end {
                Err(error) if !answer.has_pieces() => {
                    *answer = answer.anew();
                    Err(error)
                }
                end => Ok((end, answering)),
            }
        };
        let asked = self.services.models.ask(self.deadline, idle, attempt);
        let (end, answering) = asked.at(Stage::Llm)?.value;
        Ok((end.at(Stage::Llm)?, answering))
    }

    /// Has the pieces spoken, all that are there at a time in one go. The next is asked for while one is being passed on.
    fn speak<'a>(
        &'a self,
        texts: &Receiver<String>,
        give_sound: &Sender<Result<Sound<'a>, Failure>>,
        tell: &Sender<Event>,
    ) {
        let mut is_first = true;
        while let Ok(mut text) = texts.recv() {
            for more in texts.try_iter() {
                text.push(' ');
                text.push_str(&more);
            }
            // Once the caller hears something, only what stalls is given up.
            let deadline = if is_first || !self.is_streamed {
                self.deadline
            } else {
                self.deadline.restarted(self.settings.voice_timeout)
            };
            is_first = false;
            let sound = self.begin(text, deadline, tell);
            let has_failed = sound.is_err();
            if give_sound.send(sound).is_err() || has_failed {
                break;
            }
        }
    }

    fn begin(
        &self,
        text: String,
        deadline: Deadline,
        tell: &Sender<Event>,
    ) -> Result<Sound<'_>, Failure> {
        let since = may_begin(Stage::Tts, tell)?;
        let begin = |voice, patience: Patience<'_>| {
            Speaking::begin(voice, &text, self.encoding.rate_hz(), patience)
        };
        let spoken = self
            .services
            .voices
            .ask(deadline, self.settings.idle, begin);
        let speaking = spoken.at(Stage::Tts)?;
        send(tell, Event::Reached(Mark::FirstAudio, Instant::now()));
        Ok(Sound {
            since,
            text,
            deadline,
            speaking,
        })
    }

    /// Passes on what is being spoken, encoded, as it comes.
    fn pass_on_all(
        &self,
        sounds: Receiver<Result<Sound<'_>, Failure>>,
        tell: &Sender<Event>,
    ) -> Result<(), Failure> {
        let mut total = Duration::ZERO;
        let mut began = None;
        for sound in sounds {
            let sound = sound?;
            began = began.or(Some(sound.since));
            total += self.pass_on(sound, tell).at(Stage::Tts)?;
        }
        if let Some(since) = began {
            let what = format!("{:.1} s of {}", total.as_secs_f32(), self.encoding);
            send(tell, Event::Done(Stage::Tts, since, what));
        }
        Ok(())
    }

    /// Passes on one sound; if it breaks off before anything of it can have been heard, it is asked for once more.
    fn pass_on(&self, sound: Sound<'_>, tell: &Sender<Event>) -> Result<Duration, say::Error> {
        let Sound {
            text,
            deadline,
            speaking:
                Done {
                    link,
                    value: mut speaking,
                },
            ..
        } = sound;
        let write = |speaking: &mut Speaking<'_>| {
            let mut out = Outlet::new(tell, self.is_streamed);
            let result = speaking.write(&mut out, self.encoding, self.settings.gain_db);
            (result, out)
        };
        let (result, mut out) = write(&mut speaking);
        let length = match result {
            Err(error @ say::Error::Endless { .. }) => {
                send(tell, Event::Forget);
                return Err(error);
            }
            Err(error) if !out.has_sent => {
                let may_retry = speaking.may_retry(&error);
                let broken = Broken {
                    link,
                    error,
                    may_retry,
                };
                let begin = |voice, patience: Patience<'_>| {
                    let mut speaking =
                        Speaking::begin(voice, &text, self.encoding.rate_hz(), patience)?;
                    let (result, again) = write(&mut speaking);
                    out = again;
                    // What has been heard cannot be begun anew.
                    if out.has_sent {
                        Ok(result)
                    } else {
                        result.map(Ok)
                    }
                };
                let voices = &self.services.voices;
                voices
                    .ask_again(broken, deadline, self.settings.idle, begin)?
                    .value?
            }
            result => result?,
        };
        out.send();
        send(tell, Event::SentenceEnd);
        Ok(length)
    }
}

/// Takes a piece of an answer and the answer so far, and tells whether more is wanted.
type HandOver<'a> = &'a mut dyn FnMut(String, &Growing) -> bool;

/// A text that is being spoken.
struct Sound<'a> {
    /// When it was asked for.
    since: Instant,
    text: String,
    /// When it had to begin.
    deadline: Deadline,
    speaking: Done<Speaking<'a>>,
}

/// Hands over each piece of the answer as soon as it stands, until the answer ends or is long enough.
fn read(
    answering: &mut Answering,
    answer: &mut Growing,
    tell: &Sender<Event>,
    hand_over: HandOver<'_>,
) -> Result<End, cloud::Error> {
    while let Some(words) = answering.words()? {
        send(tell, Event::Reached(Mark::FirstToken, Instant::now()));
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

/// Waits until the call agrees that a stage begins: it does not when the caller has hung up. Returns when that was.
fn may_begin(stage: Stage, tell: &Sender<Event>) -> Result<Instant, Failure> {
    let (agrees, answer) = bounded(1);
    send(tell, Event::Begins(stage, agrees));
    answer.recv().map(|()| Instant::now()).at(stage)
}

/// A call that has ended wants to know nothing more.
fn send(tell: &Sender<Event>, event: Event) {
    tell.send(event).ok();
}

/// Encoded sound on its way to the call: at once, or when it is whole.
struct Outlet<'a> {
    tell: &'a Sender<Event>,
    at_once: bool,
    held: Vec<u8>,
    has_sent: bool,
}

impl<'a> Outlet<'a> {
    fn new(tell: &'a Sender<Event>, at_once: bool) -> Self {
        Self {
            tell,
            at_once,
            held: Vec::new(),
            has_sent: false,
        }
    }

    fn send(&mut self) {
        if !self.held.is_empty() {
            self.has_sent = true;
            send(self.tell, Event::Sound(std::mem::take(&mut self.held)));
        }
    }
}

impl Write for Outlet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.at_once {
            self.send();
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
