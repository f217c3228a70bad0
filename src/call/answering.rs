//! The call while it is being answered: one loop that hears both the services and Asterisk.
//!
//! The answer goes to Asterisk while it is made, or whole into a file for the dialplan. Until there is something to
//! hear, and in every longer pause, the caller is told that the line is alive.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, never, select_biased};
use log::{debug, warn};

use super::mouth::{Error, Mouth, Playing, place};
use super::pipeline::Event;
use super::{Call, INTERNAL, Outcome};
use crate::agi::{self, Command, Line, Reply};
use crate::audio::telephone::Encoding;
use crate::config::{Config, Filler};
use crate::error::{At, Chain, Failure, Stage};
use crate::files::NewFile;
use crate::timeline::Mark;

/// What can be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sounding {
    Nothing,
    Sound,
    Music,
    Answer,
}

pub(super) struct Answering<'a, O> {
    call: &'a mut Call<O>,
    config: &'a Config,
    mouth: Mouth,
    sounding: Sounding,
    /// When a silence has become too long.
    filler_due: Option<Instant>,
    /// When the answer must have begun.
    due: Option<Instant>,
    end: Option<Result<(), Failure>>,
}

impl<'a, O: std::io::Write> Answering<'a, O> {
    pub(super) fn new(
        call: &'a mut Call<O>,
        config: &'a Config,
        reply: NewFile,
        encoding: Encoding,
    ) -> Self {
        Self {
            sounding: Sounding::Nothing,
            filler_due: Some(call.started + config.waiting.after),
            due: Some(call.started + config.deadline + GRACE),
            end: None,
            mouth: Mouth::new(config, reply, encoding),
            call,
            config,
        }
    }

    /// Carries out what the services deliver, until the caller has heard it or has gone.
    pub(super) fn run(mut self, events: Receiver<Event>) -> Result<Outcome, Failure> {
        let outcome = self.listen(events);
        self.hush();
        match (outcome, self.end) {
            (Ok(None), Some(Ok(()))) => {
                // What the dialplan plays is heard from here on; otherwise this moment has been.
                self.call
                    .timeline
                    .reached(Mark::FirstPlayed, (self.call.clock)());
                self.mouth.close(&self.config.reply)
            }
            (Ok(Some(outcome)), _) => Ok(outcome),
            (Err(failure), _) | (Ok(None), Some(Err(failure))) if self.mouth.has_been_heard() => {
                Ok(Outcome::Partial(failure))
            }
            (Err(failure), _) | (Ok(None), Some(Err(failure))) => Err(failure),
            (Ok(None), None) => Err(INTERNAL).at(self.call.stage),
        }
    }

    /// `None`: the end of the answer has come, one way or the other.
    fn listen(&mut self, mut events: Receiver<Event>) -> Result<Option<Outcome>, Failure> {
        let (hangup, lines) = (self.call.hangup.clone(), self.call.session.lines().clone());
        let (no_events, no_lines) = (never(), never());
        loop {
            self.play_on()?;
            if self.is_over() {
                return Ok(None);
            }
            let wait = self
                .next_look()
                .saturating_duration_since((self.call.clock)());
            let lines = if self.awaits_reply() {
                &lines
            } else {
                &no_lines
            };
            let outcome = select_biased! {
                recv(hangup.raised()) -> _ => Some(Outcome::HungUp),
                recv(lines) -> line => self.heard(line.ok())?,
                recv(events) -> event => match event {
                    Ok(event) => self.take(event)?,
                    Err(_) if self.end.is_some() => {
                        events = no_events.clone();
                        None
                    }
                    Err(_) => return Ok(None),
                },
                default(wait) => self.look()?,
            };
            if outcome.is_some() {
                return Ok(outcome);
            }
        }
    }

    /// Takes what the services deliver.
    fn take(&mut self, event: Event) -> Result<Option<Outcome>, Failure> {
        match event {
            Event::Begins(stage, agrees) => self.begin(stage, &agrees),
            Event::Reached(mark, at) => self.call.timeline.reached(mark, at),
            Event::Done(stage, since, what) => {
                self.call.note(stage, since, &what);
                self.tell_if_free();
            }
            Event::Question(question) if question.is_empty() => return Ok(Some(Outcome::NoSpeech)),
            Event::Question(question) => self.call.question = question,
            Event::Answer(answer) => self.call.answer = answer,
            Event::Sound(bytes) => match &mut self.mouth {
                Mouth::Dialplan(file) => file.write_all(&bytes).at(Stage::Reply)?,
                Mouth::Caller(playing) => playing.supply.push(&bytes, (self.call.clock)()),
            },
            Event::End(result) => {
                self.end.get_or_insert(result);
                if let Mouth::Caller(playing) = &mut self.mouth {
                    playing.supply.complete();
                }
            }
        }
        Ok(None)
    }

    /// Before anything that costs money Asterisk is asked whether the caller is still there: with
    /// `AGISIGHUP=no`, or on a channel that was dead from the start, no signal tells it. While a sound
    /// plays, the sound's own end tells it, and a question would break it off.
    fn begin(&mut self, stage: Stage, agrees: &Sender<()>) {
        self.call.stage = stage;
        if !self.awaits_reply() {
            // A dead channel raises the flag, and that is all there is to know.
            self.call.try_asking(Command::ChannelStatus);
        }
        if !self.call.hangup.is_raised() {
            // Whoever asked and has gone does not begin either.
            agrees.send(()).ok();
        }
    }

    /// Gives Asterisk what it is time to give.
    fn play_on(&mut self) -> Result<(), Failure> {
        let now = (self.call.clock)();
        let Mouth::Caller(playing) = &mut self.mouth else {
            return Ok(());
        };
        if playing.supply.can_begin(now) {
            self.hush();
            return self.begin_play();
        }
        if let Some(bytes) = playing.supply.more(now) {
            self.append(&bytes);
        }
        Ok(())
    }

    fn begin_play(&mut self) -> Result<(), Failure> {
        let now = (self.call.clock)();
        let Mouth::Caller(playing) = &mut self.mouth else {
            return Ok(());
        };
        let is_first = !playing.supply.has_begun();
        let (bytes, from) = playing.supply.begin(now);
        let (name, offset) = (
            playing.name.clone(),
            u64::from(from * playing.samples_per_frame),
        );
        if is_first {
            playing.file.reveal().at(Stage::Reply)?;
        }
        self.append(&bytes);
        let command = Command::StreamFile {
            name: &name,
            stop_keys: &self.config.stop_keys,
            offset,
        };
        self.call.session.start(command).at(Stage::Reply)?;
        self.call
            .timeline
            .reached(Mark::FirstPlayed, (self.call.clock)());
        (self.sounding, self.filler_due, self.due) = (Sounding::Answer, None, None);
        Ok(())
    }

    /// Appends to what plays. If that fails, what has been appended is the end of the answer.
    fn append(&mut self, bytes: &[u8]) {
        let Mouth::Caller(playing) = &mut self.mouth else {
            return;
        };
        if let Err(failure) = playing.file.write_all(bytes).at(Stage::Reply) {
            playing.supply.abandon();
            self.end = Some(Err(failure));
        }
    }

    /// Takes a line from Asterisk while something plays.
    fn heard(&mut self, line: Option<Line>) -> Result<Option<Outcome>, Failure> {
        // Which command it was matters only to the words of an error.
        match self.call.session.answer(line, Command::Noop) {
            Ok(None) => Ok(None),
            Ok(Some(reply)) => self.sound_ended(&reply),
            Err(agi::Error::Dead | agi::Error::Closed) => Ok(Some(Outcome::HungUp)),
            Err(cause) => Err(cause).at(Stage::Reply),
        }
    }

    fn sound_ended(&mut self, reply: &Reply) -> Result<Option<Outcome>, Failure> {
        let now = (self.call.clock)();
        let was_answer =
            std::mem::replace(&mut self.sounding, Sounding::Nothing) == Sounding::Answer;
        if reply.result == "-1" {
            self.call.try_asking(Command::ChannelStatus);
            return match self.call.hangup.is_raised() {
                true => Ok(Some(Outcome::HungUp)),
                false if was_answer => {
                    Err(Error::Unplayable(place(&self.config.reply))).at(Stage::Reply)
                }
                false => {
                    warn!("asterisk cannot play sound = … of [waiting]");
                    self.filler_due = None;
                    Ok(None)
                }
            };
        }
        let Mouth::Caller(playing) = &mut self.mouth else {
            self.filler_due = Some(now + self.config.waiting.every);
            return Ok(None);
        };
        if !was_answer {
            self.filler_due = Some(now + self.config.waiting.every);
            return Ok(None);
        }
        self.call.timeline.reached(Mark::LastPlayed, now);
        if let Some(key) = reply.key() {
            self.call.key = Some(key);
            return Ok(Some(Outcome::Answered(None)));
        }
        let at_open = reply
            .endpos
            .map(|samples| samples / u64::from(playing.samples_per_frame));
        playing
            .supply
            .ended(now, at_open.and_then(|frames| u32::try_from(frames).ok()));
        self.filler_due = Some(now + self.config.waiting.after);
        Ok(None)
    }

    /// When something is to be done if nothing happens before.
    fn next_look(&self) -> Instant {
        let now = (self.call.clock)();
        let mut moments = vec![self.due];
        if self.sounding == Sounding::Nothing {
            moments.push(self.filler_due);
        }
        if let Mouth::Caller(Playing { supply, .. }) = &self.mouth {
            moments.push(supply.next_look(now));
            moments.push(supply.end_of_play().map(|end| end + PATIENCE));
        }
        moments
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now + PATIENCE)
    }

    /// Does what the time has come for.
    fn look(&mut self) -> Result<Option<Outcome>, Failure> {
        let now = (self.call.clock)();
        let is_past = |moment: Option<Instant>| moment.is_some_and(|moment| moment <= now);
        if is_past(self.due) {
            return Err(Error::Late(self.config.deadline)).at(self.call.stage);
        }
        if let Mouth::Caller(Playing { supply, .. }) = &self.mouth
            && is_past(supply.end_of_play().map(|end| end + PATIENCE))
        {
            return Err(agi::Error::Silent(PATIENCE)).at(Stage::Reply);
        }
        if self.sounding == Sounding::Nothing && is_past(self.filler_due) {
            self.fill_silence();
        }
        Ok(None)
    }

    /// Lets the caller hear that the line is alive.
    fn fill_silence(&mut self) {
        self.filler_due = None;
        let (started, sounding) = match &self.config.waiting.play {
            Filler::Nothing => return,
            Filler::Music(class) => {
                let command = Command::Music(Some(class));
                (self.call.session.ask(command).map(drop), Sounding::Music)
            }
            Filler::Sound(name) => {
                let command = Command::StreamFile {
                    name,
                    stop_keys: "",
                    offset: 0,
                };
                (self.call.session.start(command), Sounding::Sound)
            }
        };
        match started {
            Ok(()) => self.sounding = sounding,
            Err(cause) => debug!("filling a silence: {}", Chain(&cause)),
        }
    }

    /// Ends whatever sounds, at once.
    fn hush(&mut self) {
        let ended = match std::mem::replace(&mut self.sounding, Sounding::Nothing) {
            Sounding::Nothing => return,
            Sounding::Music => self.call.session.ask(Command::Music(None)).map(drop),
            Sounding::Sound | Sounding::Answer => self.call.session.stop(),
        };
        if let Err(cause) = ended {
            debug!("ending a sound: {}", Chain(&cause));
        }
    }

    /// Does Asterisk owe a reply to something that plays?
    fn awaits_reply(&self) -> bool {
        matches!(self.sounding, Sounding::Sound | Sounding::Answer)
    }

    /// What is to be told to Asterisk's log waits for a silence: told while a sound plays, it would end that.
    fn tell_if_free(&mut self) {
        if !self.awaits_reply() {
            self.call.tell_notes();
        }
    }

    fn is_over(&self) -> bool {
        match &self.mouth {
            _ if self.end.is_none() => false,
            Mouth::Dialplan(_) => true,
            Mouth::Caller(playing) => playing.supply.is_over(),
        }
    }
}

/// The services' own deadlines end at the same moment, and tell more: they go first.
const GRACE: Duration = Duration::from_millis(200);

/// Asterisk tells the end of a sound at once; a machine that swaps may take seconds.
const PATIENCE: Duration = Duration::from_secs(5);
