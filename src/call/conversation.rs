//! A talk of several turns: the caller speaks and is answered, may interrupt the answer, and speaks again.
//!
//! Each turn is answered as a call with one question is; only its question comes from the open ear instead of a
//! recording, and is transcribed as soon as it may be over.

mod ahead;
mod listening;

use std::io::Write;
use std::mem::take;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::select_biased;
use log::{debug, warn};

use super::answering::Answering;
use super::ears::Ears;
use super::mouth::place;
use super::quiet::Quiet;
use super::sentences::Sentences;
use super::{Call, Outcome, bill};
use crate::agi::Command;
use crate::audio::Pcm;
use crate::audio::speech::turn::Limits;
use crate::audio::telephone::Encoding;
use crate::cloud::chain::Time;
use crate::cloud::llm::Exchange;
use crate::config::{Config, Sentence};
use crate::deadline::Deadline;
use crate::error::{At, Chain, Failure, Stage};
use crate::files::{self, NewFile, Readers};
use crate::say;
use crate::services::Services;
use crate::text::Order;
use ahead::Transcriptions;
use listening::{Ahead, Heard};

/// A talk under way.
pub(super) struct Talk<'a, O> {
    call: &'a mut Call<O>,
    config: &'a Config,
    services: Arc<Services>,
    ears: Ears,
    /// What is played while we listen.
    quiet: Quiet,
    encoding: Encoding,
    began: Instant,
    /// Since when the caller says nothing.
    silent_since: Instant,
    /// Who the model is, and what it may order.
    persona: Arc<str>,
    /// What was said, and as much of each answer as was heard.
    before: Vec<Exchange>,
    /// What the caller said before they went on, which has not been transcribed in time.
    unanswered: Option<Pcm>,
    /// How often that, and what they say now, has been sent.
    transcriptions: Transcriptions,
}

/// Why a talk cannot begin.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(
        "a conversation hears the caller through EAGI, which is not to be had by agi://: start it by EAGI(phone-assistant,mode=conversation,…)"
    )]
    NotEnhanced,
    #[error("cannot hear the caller through file descriptor 3")]
    Deaf(#[source] std::io::Error),
}

impl<'a, O: Write> Talk<'a, O> {
    pub(super) fn begin(
        call: &'a mut Call<O>,
        config: &'a Config,
        services: Arc<Services>,
        encoding: Encoding,
    ) -> Result<Self, Failure> {
        let is_enhanced = call.session.env().get("enhanced") == Some("1.0");
        if !is_enhanced {
            return Err(Error::NotEnhanced).at(Stage::Recording);
        }
        let format = call.session.get_variable("EAGI_AUDIO_FORMAT");
        let is_wide = format.is_ok_and(|format| format.as_deref() == Some("slin16"));
        let settings = &config.conversation;
        let limits = Limits {
            quiet: settings.quiet,
            pause: listening::pause(settings, Transcriptions::default()),
            longest: settings.max_question,
        };
        let now = (call.clock)();
        let rate_hz = if is_wide { 16_000 } else { 8000 };
        let ears = Ears::open(rate_hz, limits, now).map_err(Error::Deaf);
        Ok(Self {
            ears: ears.at(Stage::Recording)?,
            quiet: Quiet::new(&settings.sounds, encoding),
            call,
            config,
            services,
            encoding,
            began: now,
            silent_since: now,
            unanswered: None,
            transcriptions: Transcriptions::default(),
            persona: persona(config).into(),
            before: Vec::new(),
        })
    }

    /// Talks until one of the two has had enough.
    pub(super) fn run(mut self) -> Result<Outcome, Failure> {
        match self.talk() {
            Err(limit) if limit.stage == Stage::Limit => Ok(Outcome::Limited(limit)),
            outcome => outcome,
        }
    }

    fn talk(&mut self) -> Result<Outcome, Failure> {
        let settings = &self.config.conversation;
        self.say(&settings.greeting, "hello")?;
        self.silent_since = (self.call.clock)();
        let (mut turns, mut silences, mut unclear) = (0, 0, 0);
        while turns < settings.max_turns {
            let outcome = match self.listen()? {
                Heard::Gone => return Ok(Outcome::HungUp),
                Heard::Late => break,
                Heard::Silence if !self.call.ordered.is_empty() => {
                    // What interrupted was nothing.
                    match self.ordered() {
                        Some(end) => return Ok(end),
                        None => continue,
                    }
                }
                Heard::Silence if silences > 0 => break,
                Heard::Silence => {
                    silences += 1;
                    self.say(&settings.still_there, "beep")?;
                    self.silent_since = (self.call.clock)();
                    continue;
                }
                Heard::Turn(turn) => match self.answer(turn) {
                    // The model may have noted something, and that alone.
                    Err(failure)
                        if matches!(failure.cause.downcast_ref(), Some(say::Error::Nothing)) =>
                    {
                        warn!("{failure}");
                        self.play("beep")?;
                        Outcome::Answered(None)
                    }
                    outcome => outcome?,
                },
            };
            match outcome {
                // He went on before anybody knew what he had said.
                Outcome::Answered(_) if self.unanswered.is_some() => {}
                Outcome::Answered(_) => {
                    (turns, silences, unclear) = (turns + 1, 0, 0);
                    self.silent_since = (self.call.clock)();
                    if let Some(end) = self.ordered() {
                        return Ok(end);
                    }
                }
                Outcome::NoSpeech => {
                    // They have said something that nobody understood, and may want to say it again. But it was paid for, and
                    // noise without end is to end too.
                    unclear += 1;
                    if unclear > MOST_UNCLEAR {
                        turns += 1;
                    } else {
                        let lately = (self.call.clock)().checked_sub(settings.ask_after / 2);
                        self.silent_since = self.silent_since.max(lately.unwrap_or(self.began));
                    }
                    if let Some(end) = self.ordered() {
                        return Ok(end);
                    }
                }
                other => return Ok(other),
            }
        }
        self.say(&settings.goodbye, "goodbye")?;
        Ok(Outcome::Answered(None))
    }

    /// Lets the caller hear the answer, or as much of it as he wants.
    fn answer(&mut self, mut turn: Ahead) -> Result<Outcome, Failure> {
        let last = (
            take(&mut self.call.question),
            take(&mut self.call.answer),
            take(&mut self.call.ordered),
        );
        self.call.begin_turn(self.ears.last_quiet());
        let place = files::append(&self.config.reply, &format!(".{}", self.encoding));
        let reply = NewFile::create(&place, Readers::Owner).at(Stage::Reply)?;
        let answering = Answering::new(self.call, self.config, reply, self.encoding);
        let ears = Some(&mut self.ears).filter(|_| self.config.conversation.barge_in);
        let is_patient = self.transcriptions.left() == 0;
        let outcome = answering
            .hearing(ears, is_patient)
            .run(take(&mut turn.taken), turn.events.clone());
        if !self.config.conversation.barge_in {
            self.skip_what_was_said();
        }
        self.call.remember(&outcome);
        self.unanswered = None;
        match outcome {
            Ok(Outcome::Answered(_)) if self.call.question.is_empty() => {
                self.unanswered = Some((*turn.speech).clone());
                (self.call.question, self.call.answer, self.call.ordered) = last;
                return outcome;
            }
            Ok(Outcome::Answered(_)) => self.before.push(Exchange {
                question: self.call.question.clone(),
                answer: self.call.said.heard(),
            }),
            // Nothing was said after all.
            Ok(Outcome::NoSpeech) => {
                (self.call.question, self.call.answer, self.call.ordered) = last;
            }
            _ => {}
        }
        self.begin_anew();
        outcome
    }

    /// What was said meanwhile was said to the sound that played.
    fn skip_what_was_said(&mut self) {
        let now = (self.call.clock)();
        let pieces = self.ears.pieces().clone();
        for piece in pieces.try_iter() {
            self.ears.hear(&piece, now);
        }
        self.ears.forget();
    }

    /// How the talk ends, if the model has ordered that and the caller has nothing to say to it.
    fn ordered(&mut self) -> Option<Outcome> {
        if self.ears.is_in_turn() {
            return None;
        }
        let ordered = take(&mut self.call.ordered);
        ordered.into_iter().find_map(|order| match order {
            Order::Goodbye => Some(Outcome::Answered(None)),
            Order::Transfer(name) => {
                let mut known = self.config.conversation.transfers.iter();
                let found = known.find(|(known, _)| is_same_name(known, &name));
                if found.is_none() {
                    warn!("the model wants to transfer to somebody who is not in transfers under [conversation]");
                }
                found.map(|(_, extension)| Outcome::Transfer(extension.clone()))
            }
            Order::Note(_) | Order::Forget => None,
        })
    }

    /// Says what is always the same, to its end. Where no voice does, one of Asterisk's sounds is heard `instead`.
    fn say(&mut self, sentence: &Sentence, instead: &str) -> Result<(), Failure> {
        let name = match sentence {
            Sentence::Nothing => return Ok(()),
            Sentence::Sound(name) => name.clone(),
            Sentence::Spoken(text) => match self.spoken(text) {
                Ok(place) => place,
                Err(limit) if limit.stage == Stage::Limit => return Err(limit),
                Err(failure) => {
                    warn!("{failure}");
                    instead.to_owned()
                }
            },
        };
        self.play(&name)?;
        self.skip_what_was_said();
        Ok(())
    }

    /// Plays a sound to its end.
    fn play(&mut self, name: &str) -> Result<(), Failure> {
        let command = Command::StreamFile {
            name,
            stop_keys: "",
            offset: 0,
        };
        self.call.session.start(command).at(Stage::Reply)?;
        let (hangup, lines) = (self.call.hangup.clone(), self.call.session.lines().clone());
        loop {
            let line = select_biased! {
                recv(hangup.raised()) -> _ => {
                    self.call.session.stop().ok();
                    return Ok(());
                }
                recv(lines) -> line => line.ok().map(|(_, line)| line),
                default(LONGEST_SENTENCE) => {
                    self.call.session.stop().at(Stage::Reply)?;
                    return Ok(());
                }
            };
            match self.call.session.answer(line, command) {
                Ok(None) => {}
                Ok(Some(reply)) => {
                    if reply.result == "-1" {
                        // The caller has gone, or there is no such sound.
                        self.call.try_asking(Command::ChannelStatus);
                        if !self.call.hangup.is_raised() {
                            warn!("asterisk cannot play {name}");
                        }
                    }
                    return Ok(());
                }
                Err(cause) => {
                    debug!("{name}: {}", Chain(&cause));
                    return Ok(());
                }
            }
        }
    }

    /// The place of a sentence's sound, as Asterisk plays it.
    fn spoken(&mut self, text: &str) -> Result<String, Failure> {
        let sentences = Sentences {
            folder: &self.config.conversation.sounds,
            voices: &self.services.voices,
            bill: self.call.bill.clone(),
            encoding: self.encoding,
            gain_db: self.config.tts.gain_db,
        };
        if let Some(path) = sentences.kept(text) {
            return Ok(place(&path));
        }
        let greatest = bill::greatest_of_text(&self.services, text);
        self.call.admit(self.config, greatest).at(Stage::Limit)?;
        let mut patience = LONGEST_WAIT;
        if self.services.voices.links().len() > 1 {
            // The next voice has as long.
            patience += self.config.fallback_after.min(LONGEST_WAIT);
        }
        let patience = patience.min(self.config.tts.timeout);
        let time = Time {
            deadline: Deadline::after((self.call.clock)(), patience, self.call.clock),
            idle: self.config.idle_timeout.min(LONGEST_WAIT),
            sending: Duration::ZERO,
        };
        sentences.make(text, time).map(|path| place(&path))
    }
}

/// Models put names in quotes, and end them with a full stop.
fn is_same_name(known: &str, written: &str) -> bool {
    let is_around = |c: char| c.is_whitespace() || "\"'“”.".contains(c);
    let core = |name: &str| name.trim_matches(is_around).to_lowercase();
    core(known) == core(written)
}

/// The model's persona, and how it ends or transfers a call.
fn persona(config: &Config) -> String {
    let names: Vec<_> = config
        .conversation
        .transfers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let transfer = if names.is_empty() {
        String::new()
    } else {
        format!(
            " To hand the caller over to somebody, say so and end your answer with [[transfer NAME]], where NAME is one of: {}.",
            names.join(", ")
        )
    };
    format!(
        "{}\n\nBut this is a telephone call of several turns: you may ask back, and you say goodbye only when the caller wants to end the call; then end your answer with [[goodbye]].{transfer} An answer of yours that breaks off was interrupted by the caller, and nobody was handed over after it.",
        config.llm.persona
    )
}

/// Nobody waits longer in silence for a sentence that is always the same.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// After so many turns in a row that nobody understands a noise is taken for one.
const MOST_UNCLEAR: u32 = 2;
/// Nobody is greeted for longer.
const LONGEST_SENTENCE: Duration = Duration::from_secs(60);
