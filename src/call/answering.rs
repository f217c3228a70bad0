//! The call while it is being answered: one loop that hears both the services and Asterisk.
//!
//! The answer goes to Asterisk while it is made, or whole into a file for the dialplan. Until there is something to
//! hear, and in every longer pause, the caller is told that the line is alive.

mod silence;

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, never, select_biased};

use super::ears::Ears;
use super::mouth::{Error, Mouth, Playing, place};
use super::pipeline::Event;
use super::{Call, INTERNAL, Outcome};
use crate::agi::{self, Command, Line, Reply};
use crate::audio::speech::turn::Change;
use crate::audio::telephone::Encoding;
use crate::config::Config;
use crate::error::{At, Failure, Stage};
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
    /// When the answer must have begun, or must go on after a pause.
    due: Option<Instant>,
    end: Option<Result<(), Failure>>,
    /// An open ear, in a conversation.
    ears: Option<&'a mut Ears>,
    /// Nothing ends the answer before the caller has been understood.
    is_patient: bool,
    /// How loud each frame of the answer is, in dB of full scale.
    levels_dbfs: Vec<f32>,
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
            ears: None,
            is_patient: false,
            levels_dbfs: Vec::new(),
        }
    }

    /// Lets the caller interrupt the answer. Where it `is_patient`, not before they have been understood: then they would go
    /// on, and all that they have said would have to be transcribed once more.
    pub(super) fn hearing(self, ears: Option<&'a mut Ears>, is_patient: bool) -> Self {
        Self {
            ears,
            is_patient,
            ..self
        }
    }

    /// Carries out what the services have delivered and deliver, until the caller has heard it, has interrupted it, or
    /// has gone.
    pub(super) fn run(
        mut self,
        taken: Vec<Event>,
        events: Receiver<Event>,
    ) -> Result<Outcome, Failure> {
        let outcome = self.listen(taken, events);
        let now = (self.call.clock)();
        let heard_of = self.heard_of(now);
        self.call.said.was_heard(heard_of);
        let is_heard = self.mouth.has_been_heard(now);
        self.hush();
        match outcome {
            Ok(Some(outcome)) => return Ok(outcome),
            Err(failure) => self.end = Some(Err(failure)),
            Ok(None) => {}
        }
        match self.end {
            Some(Err(failure)) if is_heard => Ok(Outcome::Partial(failure)),
            Some(Err(failure)) => Err(failure),
            _ => {
                let outcome = self.mouth.close(&self.config.reply)?;
                // What the dialplan plays is heard from here on; otherwise this moment has been.
                let now = (self.call.clock)();
                self.call.timeline.reached(Mark::FirstPlayed, now);
                Ok(outcome)
            }
        }
    }

    /// `None`: the end of the answer has come, one way or the other.
    fn listen(
        &mut self,
        taken: Vec<Event>,
        mut events: Receiver<Event>,
    ) -> Result<Option<Outcome>, Failure> {
        for event in taken {
            if let Some(outcome) = self.take(event)? {
                return Ok(Some(outcome));
            }
        }
        let (hangup, lines) = (self.call.hangup.clone(), self.call.session.lines().clone());
        let pieces = self
            .ears
            .as_ref()
            .map_or_else(never, |ears| ears.pieces().clone());
        let (no_events, no_lines) = (never(), never());
        loop {
            if let Some(outcome) = self.play_on()? {
                return Ok(Some(outcome));
            }
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
                recv(lines) -> line => self.hear(line.ok())?,
                recv(pieces) -> piece => self.overhear(piece.ok()),
                recv(events) -> event => if let Ok(event) = event {
                    self.take(event)?
                } else {
                    events = no_events.clone();
                    // Threads that end without a word have panicked.
                    self.end_with(Err(INTERNAL).at(self.call.stage));
                    None
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
            Event::Ordered(orders) => self.call.take_orders(orders),
            Event::Sound(bytes) => match &mut self.mouth {
                Mouth::Dialplan(file) => file.write_all(&bytes).at(Stage::Reply)?,
                Mouth::Caller(playing) => playing.supply.push(&bytes, (self.call.clock)()),
            },
            Event::Speaks(text) => {
                let (_, frames) = self.heard_of((self.call.clock)());
                self.call.said.begins(text, frames);
            }
            Event::SentenceEnd => {
                self.call.said.ends();
                if let Some(playing) = self.playing() {
                    playing.supply.end_sentence();
                }
            }
            Event::Forget => {
                if let Some(playing) = self.playing() {
                    playing.supply.forget();
                }
            }
            Event::End(result) => self.end_with(result),
        }
        Ok(None)
    }

    /// No more will come. The first reason counts.
    fn end_with(&mut self, result: Result<(), Failure>) {
        self.end.get_or_insert(result);
        if let Some(playing) = self.playing() {
            playing.supply.complete();
        }
    }

    /// How many frames of how many the caller has heard.
    fn heard_of(&mut self, now: Instant) -> (u32, u32) {
        self.playing()
            .map_or((0, 0), |playing| playing.supply.heard_of(now))
    }

    fn playing(&mut self) -> Option<&mut Playing> {
        match &mut self.mouth {
            Mouth::Caller(playing) => Some(playing),
            Mouth::Dialplan(_) => None,
        }
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
    fn play_on(&mut self) -> Result<Option<Outcome>, Failure> {
        let now = (self.call.clock)();
        if self.call.hangup.is_raised() {
            return Ok(Some(Outcome::HungUp));
        }
        let Some(playing) = self.playing() else {
            return Ok(None);
        };
        if playing.supply.can_begin(now) {
            // A key or the hang-up may have ended what sounds just before.
            let key = self.hush().and_then(|reply| reply.key());
            let key = key.filter(|_| self.may_be_ended());
            if key.is_some() || self.call.hangup.is_raised() {
                self.call.key = key;
                return Ok(Some(Outcome::Answered(None)));
            }
            self.begin_play()?;
        } else if let Some(bytes) = playing.supply.more(now) {
            self.append(&bytes);
        }
        Ok(None)
    }

    fn begin_play(&mut self) -> Result<(), Failure> {
        let now = (self.call.clock)();
        let Some(playing) = self.playing() else {
            return Ok(());
        };
        if !playing.supply.has_begun() {
            playing.file.reveal().at(Stage::Reply)?;
        }
        let (bytes, from) = playing.supply.begin(now);
        let (name, offset) = (
            playing.name.clone(),
            u64::from(from * playing.samples_per_frame),
        );
        if !self.append(&bytes) {
            return Ok(());
        }
        let now = (self.call.clock)();
        if let Some(playing) = self.playing() {
            playing.supply.began(now);
        }
        let command = Command::StreamFile {
            name: &name,
            stop_keys: &self.config.stop_keys,
            offset,
        };
        self.call.session.start(command).at(Stage::Reply)?;
        self.call.timeline.reached(Mark::FirstPlayed, now);
        (self.sounding, self.filler_due) = (Sounding::Answer, None);
        Ok(())
    }

    /// Appends to what plays. If that fails, what has been appended is the end of the answer.
    fn append(&mut self, bytes: &[u8]) -> bool {
        let Some(playing) = self.playing() else {
            return false;
        };
        let result = playing.file.write_all(bytes).at(Stage::Reply);
        let encoding = playing.encoding;
        let is_appended = result.is_ok();
        if !is_appended {
            playing.supply.abandon();
            self.end = Some(result);
        }
        let frames = bytes.chunks(encoding.frame_bytes());
        let levels = frames.map(|frame| encoding.level_dbfs(frame));
        self.levels_dbfs.extend(levels);
        is_appended
    }

    /// Takes a line from Asterisk while something plays.
    fn hear(&mut self, line: Option<(Instant, Line)>) -> Result<Option<Outcome>, Failure> {
        let (at, line) = line.unzip();
        // Every sound's reply tells where it ended; a recorded session that is over gives no more of them.
        let is_sound = |reply: &Reply| reply.endpos.is_some() || at.is_none();
        // Which command it was matters only to the words of an error.
        match self.call.session.answer(line, Command::Noop) {
            Ok(None) => Ok(None),
            Ok(Some(reply)) if !is_sound(&reply) => Ok(None),
            Ok(Some(reply)) => self.sound_ended(&reply, at.unwrap_or_else(self.call.clock)),
            Err(agi::Error::Dead | agi::Error::Closed) => Ok(Some(Outcome::HungUp)),
            Err(cause) if self.sounding == Sounding::Sound => {
                self.give_up_filler(&cause);
                Ok(None)
            }
            Err(cause) => Err(cause).at(Stage::Reply),
        }
    }

    fn sound_ended(&mut self, reply: &Reply, at: Instant) -> Result<Option<Outcome>, Failure> {
        let sounding = std::mem::replace(&mut self.sounding, Sounding::Nothing);
        let key = reply.key();
        if sounding == Sounding::Answer {
            self.call.timeline.reached(Mark::LastPlayed, at);
        } else {
            self.filler_due = Some(at + self.config.waiting.every);
        }
        if reply.result == "-1" {
            return self.could_not_play(sounding);
        }
        if key.is_some() && self.may_be_ended() {
            self.call.key = key;
            return Ok(Some(Outcome::Answered(None)));
        }
        if sounding == Sounding::Answer
            && let Some(playing) = self.playing()
        {
            let frames = |samples: u64| samples / u64::from(playing.samples_per_frame);
            let at_open = reply.endpos.map(frames);
            let at_open = at_open.and_then(|frames| u32::try_from(frames).ok());
            playing.supply.ended(at, at_open);
            let (is_stuck, was_fruitless) =
                (playing.supply.is_stuck(), playing.supply.was_fruitless());
            self.filler_due = Some(at + self.config.waiting.after);
            if is_stuck {
                return self.unplayable();
            }
            if !was_fruitless {
                self.due = Some(at + self.config.idle_timeout + GRACE);
            }
        }
        Ok(None)
    }

    /// The caller has gone, or Asterisk does not find the sound.
    fn could_not_play(&mut self, sounding: Sounding) -> Result<Option<Outcome>, Failure> {
        self.call.try_asking(Command::ChannelStatus);
        if self.call.hangup.is_raised() {
            return Ok(Some(Outcome::HungUp));
        }
        if sounding == Sounding::Sound {
            self.give_up_filler(&"asterisk cannot play it");
            return Ok(None);
        }
        self.unplayable()
    }

    fn unplayable(&mut self) -> Result<Option<Outcome>, Failure> {
        if let Some(playing) = self.playing() {
            playing.supply.refused();
        }
        self.call.timeline.withdraw(Mark::FirstPlayed);
        Err(Error::Unplayable(place(&self.config.reply))).at(Stage::Reply)
    }

    /// When something is to be done if nothing happens before.
    fn next_look(&self) -> Instant {
        let now = (self.call.clock)();
        let mut moments = vec![self.due()];
        if self.sounding == Sounding::Nothing {
            moments.push(self.filler_due);
        }
        moments.push(self.ears.as_ref().map(|ears| ears.next_look()));
        if let Mouth::Caller(Playing { supply, .. }) = &self.mouth {
            moments.push(supply.next_look(now));
            moments.push(supply.end_of_play().map(silent_at));
        }
        moments
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now + PATIENCE)
    }

    /// Takes in what the caller says meanwhile; `None`: Asterisk has gone.
    fn overhear(&mut self, piece: Option<Vec<i16>>) -> Option<Outcome> {
        let Some(piece) = piece else {
            return Some(Outcome::HungUp);
        };
        let now = (self.call.clock)();
        let played_dbfs = self.played_dbfs(now);
        let ears = self.ears.as_mut()?;
        let changes = ears.overhear(&piece, played_dbfs, now);
        // What they say from its first syllable on is the next question.
        let interrupts = if self.is_patient {
            ears.is_in_turn()
        } else {
            changes.contains(&Change::Begins)
        };
        (interrupts && self.may_be_ended()).then_some(Outcome::Answered(None))
    }

    /// Whether the caller may end the answer, by speaking or by a key.
    fn may_be_ended(&self) -> bool {
        !self.is_patient || !self.call.question.is_empty()
    }

    /// How loud that is whose echo may come back now, in dB of full scale.
    fn played_dbfs(&mut self, now: Instant) -> f32 {
        match self.sounding {
            Sounding::Answer => self.loudest_of_late(now).unwrap_or(USUAL_DBFS),
            Sounding::Sound | Sounding::Music => USUAL_DBFS,
            Sounding::Nothing => f32::MIN,
        }
    }

    /// The loudest frame of the answer among those whose echo may come back now.
    fn loudest_of_late(&mut self, now: Instant) -> Option<f32> {
        let (heard, _) = self.heard_of(now);
        let heard = usize::try_from(heard).unwrap_or(usize::MAX);
        let end = self
            .levels_dbfs
            .len()
            .min(heard.saturating_add(AHEAD_FRAMES));
        let recent = &self.levels_dbfs[heard.saturating_sub(ECHO_FRAMES).min(end)..end];
        recent.iter().copied().reduce(f32::max)
    }

    /// Does what the time has come for.
    fn look(&mut self) -> Result<Option<Outcome>, Failure> {
        let now = (self.call.clock)();
        if let Some(ears) = &mut self.ears {
            ears.hear_nothing(now);
        }
        let is_past = |moment: Option<Instant>| moment.is_some_and(|moment| moment <= now);
        if is_past(self.due()) {
            let late = if self.has_begun() {
                Error::Stopped(self.config.idle_timeout)
            } else {
                Error::Late(self.config.deadline)
            };
            return Err(late).at(self.call.stage);
        }
        if let Mouth::Caller(Playing { supply, .. }) = &self.mouth
            && is_past(supply.end_of_play().map(silent_at))
        {
            return Err(agi::Error::Silent(PATIENCE)).at(Stage::Reply);
        }
        if self.sounding == Sounding::Nothing && is_past(self.filler_due) {
            self.fill_silence();
        }
        Ok(None)
    }

    /// When the answer must have begun, or go on, unless it plays.
    fn due(&self) -> Option<Instant> {
        self.due.filter(|_| self.sounding != Sounding::Answer)
    }

    /// Has the answer begun to play?
    fn has_begun(&self) -> bool {
        matches!(&self.mouth, Mouth::Caller(playing) if playing.supply.has_begun())
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

/// When Asterisk should long have told that a play that was to end then has ended.
fn silent_at(end: Instant) -> Instant {
    end + PATIENCE
}

/// An echo comes back within 320 ms, and the clock may be 80 ms off.
const ECHO_FRAMES: usize = 16;
const AHEAD_FRAMES: usize = 4;
/// A loud recording.
pub(super) const USUAL_DBFS: f32 = -12.0;

/// The services' own deadlines end at the same moment, and tell more: they go first.
const GRACE: Duration = Duration::from_millis(200);

/// Asterisk tells the end of a sound at once; a machine that swaps may take seconds.
const PATIENCE: Duration = Duration::from_secs(5);
