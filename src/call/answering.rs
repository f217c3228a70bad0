//! The answer, while it is made: it goes to Asterisk as it comes, or whole into a file for the dialplan.
//!
//! Until there is something to hear, and in every longer pause, the caller is told that the line is alive.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use log::warn;

use super::event::Event;
use super::line::{How, Input, Play, Played, Sound};
use super::phase::{Act, Phase, Step};
use super::playout::Playout;
use super::turn::Scene;
use crate::agi;
use crate::audio::speech::turn::Change;
use crate::audio::telephone::Encoding;
use crate::config::{Filler, Waiting};
use crate::sys::error::{At, Chain, Failure, INTERNAL, Stage};
use crate::text::Action;
use crate::timeline::Mark;

/// Why an answer was not heard, or not to its end, although the services did their work.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(
        "no whole answer within {:.1} s; check in the log which stage took so long, or raise deadline in [call]", .0.as_secs_f32()
    )]
    Late(Duration),
    #[error(
        "the answer stopped for {:.1} s; check in the log which stage took so long, or raise idle_timeout in [call]", .0.as_secs_f32()
    )]
    Stopped(Duration),
    #[error(
        "asterisk cannot play {0}; may its user read the folder? With play = \"dialplan\" in [reply] the dialplan plays it"
    )]
    Unplayable(String),
}

/// How an answer is given.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) waiting: Waiting,
    pub(super) stop_keys: String,
    /// From the start of the turn to the answer's first sample.
    pub(super) deadline: Duration,
    /// The longest pause in the answer.
    pub(super) idle: Duration,
    /// The reply's path without extension, as Asterisk plays it.
    pub(super) reply: String,
    /// How the answer is encoded.
    pub(super) encoding: Encoding,
    /// Whether the caller hears the answer while it is made; else the dialplan plays it.
    pub(super) is_streamed: bool,
    /// Whether the caller's voice ends it.
    pub(super) barge_in: bool,
    /// Whether nothing ends it before the caller has been understood: then they would go on, and all that they have said
    /// would have to be transcribed once more.
    pub(super) is_patient: bool,
}

/// What came of an answer.
#[derive(Debug)]
pub(super) enum Answered {
    /// The caller has heard it to its end, or has ended it.
    Heard,
    /// It is whole, and the dialplan is to play it.
    Whole,
    /// It has nothing that a voice can say.
    Wordless,
    /// There were no words in the question.
    NoSpeech,
    HungUp,
    /// It broke off after its beginning was heard.
    Partial(Failure),
}

pub(super) struct Answering {
    settings: Settings,
    playout: Playout,
    sounding: Option<Sound>,
    /// When a silence has become too long.
    filler_due: Option<Instant>,
    /// When the answer must have begun, or must go on after a pause.
    due: Instant,
    /// The end of the work; the first counts.
    end: Option<Result<(), Failure>>,
    /// What ends the phase before the answer has ended.
    outcome: Option<Result<Answered, Failure>>,
    /// What is to be done, in this order.
    todo: VecDeque<Act>,
    /// How loud each frame of the answer is, in dB of full scale.
    levels_dbfs: Vec<f32>,
}

impl Answering {
    /// Waits for the answer of a turn that began at `started`.
    pub(super) fn new(settings: Settings, started: Instant) -> Self {
        Self {
            playout: Playout::new(settings.encoding),
            sounding: None,
            filler_due: Some(started + settings.waiting.after),
            due: started + settings.deadline + GRACE,
            end: None,
            outcome: None,
            todo: VecDeque::new(),
            levels_dbfs: Vec::new(),
            settings,
        }
    }

    /// Takes in what the services deliver.
    fn take(&mut self, event: Event, scene: &mut Scene, now: Instant) {
        let turn = &mut scene.turn;
        match event {
            Event::Begins(stage, agrees) => {
                scene.stage = stage;
                self.todo.push_back(Act::Agree(agrees));
            }
            Event::Reached(mark, at) => turn.timeline.reached(mark, at),
            Event::Done(stage, since, what) => {
                scene.note(stage, now.saturating_duration_since(since), &what);
            }
            Event::Question(question) if question.is_empty() => {
                self.finish(Ok(Answered::NoSpeech));
            }
            Event::Question(question) => turn.question = question,
            Event::Heard(words) => {
                turn.is_heard_by_model = true;
                turn.question = words;
            }
            Event::Answer(answer) => turn.answer = answer,
            Event::Actions(actions) => {
                if actions.contains(&Action::Forget) && !turn.actions.contains(&Action::Forget) {
                    self.todo.push_back(Act::Forget);
                }
                turn.actions = actions;
            }
            Event::Sound(bytes) if self.settings.is_streamed => self.playout.push(&bytes, now),
            Event::Sound(bytes) => self.todo.push_back(Act::Append(bytes)),
            Event::Speaks(text) => turn.spoken.begins(text, self.playout.heard_of(now).1),
            Event::SentenceEnd => {
                turn.spoken.ends();
                self.playout.end_sentence();
            }
            Event::Forget => self.playout.forget(),
            Event::Messages(messages, kept) => self.todo.push_back(Act::Keep(messages, kept)),
            Event::Wordless => self.finish(Ok(Answered::Wordless)),
            Event::Phrase(_) => {}
            Event::End(result) => self.end_with(result),
            Event::Panicked => self.end_with(Err(INTERNAL).at(scene.stage)),
        }
    }

    /// No more will come.
    fn end_with(&mut self, result: Result<(), Failure>) {
        self.end.get_or_insert(result);
        self.playout.complete();
    }

    /// Ends the phase; the first reason counts.
    fn finish(&mut self, outcome: Result<Answered, Failure>) {
        self.outcome.get_or_insert(outcome);
    }

    /// The caller ends the answer, if they may.
    fn stop_by_caller(&mut self, key: Option<char>, scene: &mut Scene) {
        if !self.settings.is_patient || scene.turn.is_understood() {
            scene.turn.key = key;
            self.finish(Ok(Answered::Heard));
        }
    }

    fn ended(&mut self, played: Played, scene: &mut Scene) {
        let Played { what, how, at } = played;
        self.sounding = None;
        if what == Sound::Answer {
            scene.turn.timeline.reached(Mark::LastPlayed, at);
        } else {
            self.filler_due = Some(at + self.settings.waiting.every);
        }
        let endpos = match how {
            How::Unplayable(cause) => return self.could_not_play(what, cause, at, scene),
            How::Key { key, endpos } => {
                self.stop_by_caller(Some(key), scene);
                endpos
            }
            How::Through { endpos } => endpos,
            How::AtOnce => None,
        };
        if what == Sound::Answer && self.outcome.is_none() {
            self.answer_ended(endpos, at, scene);
        }
    }

    /// A play of the answer is over, but perhaps not the answer.
    fn answer_ended(&mut self, endpos: Option<u64>, at: Instant, scene: &mut Scene) {
        let samples_per_frame = u64::from(self.settings.encoding.frame_samples());
        let at_open = endpos.map(|samples| samples / samples_per_frame);
        let at_open = at_open.and_then(|frames| u32::try_from(frames).ok());
        self.playout.ended(at, at_open);
        self.filler_due = Some(at + self.settings.waiting.after);
        if self.playout.is_stuck() {
            self.could_not_play(Sound::Answer, None, at, scene);
        } else if !self.playout.was_fruitless() {
            // Only sound that was heard gives the answer more time: an Asterisk that ends each play at once would
            // otherwise move the deadline on for ever.
            self.due = at + self.settings.idle + GRACE;
        }
    }

    fn could_not_play(
        &mut self,
        what: Sound,
        cause: Option<agi::Error>,
        at: Instant,
        scene: &mut Scene,
    ) {
        if what != Sound::Answer {
            self.give_up_filler(cause.as_ref());
            return;
        }
        if cause.is_none() {
            self.playout.refused();
        }
        if !self.playout.has_been_heard(at) {
            // It was noted when Asterisk was asked to play, and only the reply tells that nothing was heard.
            scene.turn.timeline.withdraw(Mark::FirstPlayed);
        }
        self.finish(match cause {
            Some(cause) => Err(cause).at(Stage::Reply),
            None => Err(Error::Unplayable(self.settings.reply.clone())).at(Stage::Reply),
        });
    }

    /// A filler that Asterisk does not play is not tried again.
    fn give_up_filler(&mut self, cause: Option<&agi::Error>) {
        let cause = cause.map_or_else(
            || "asterisk cannot play it".to_owned(),
            |cause| Chain(cause).to_string(),
        );
        match std::mem::replace(&mut self.settings.waiting.play, Filler::Nothing) {
            Filler::Sound(name) => warn!("sound = \"{name}\" of [waiting] is left out: {cause}"),
            Filler::Music(class) => {
                warn!("music_class = \"{class}\" of [waiting] is left out: {cause}");
            }
            Filler::Nothing => {}
        }
        self.filler_due = None;
    }

    /// Takes in what the caller says meanwhile. What they say from its first syllable on is the next question.
    fn overhear(&mut self, samples: &[i16], scene: &mut Scene, now: Instant) {
        let played_dbfs = self.played_dbfs(now);
        let Some(caller) = scene.caller.as_mut() else {
            return;
        };
        if !self.settings.barge_in {
            // It was said to the sound that plays.
            caller.hear(samples, now);
            return;
        }
        let changes = caller.overhear(samples, played_dbfs, now);
        // `Begins` is told once, and a patient answer may have to let it pass. So a turn that is still under way when
        // the caller has been understood stops the answer then.
        let interrupts = if self.settings.is_patient {
            caller.is_in_turn()
        } else {
            changes.contains(&Change::Begins)
        };
        if interrupts {
            self.stop_by_caller(None, scene);
        }
    }

    /// How loud the sound is whose echo may come back now, in dB of full scale.
    fn played_dbfs(&self, now: Instant) -> f32 {
        match self.sounding {
            Some(Sound::Answer) => self.loudest_of_late(now).unwrap_or(USUAL_DBFS),
            Some(_) => USUAL_DBFS,
            None => f32::MIN,
        }
    }

    /// The loudest frame of the answer among those whose echo may come back now.
    fn loudest_of_late(&self, now: Instant) -> Option<f32> {
        let (heard, _) = self.playout.heard_of(now);
        let heard = usize::try_from(heard).unwrap_or(usize::MAX);
        let end = heard.saturating_add(AHEAD_FRAMES);
        let end = end.min(self.levels_dbfs.len());
        let recent = &self.levels_dbfs[heard.saturating_sub(ECHO_FRAMES).min(end)..end];
        recent.iter().copied().reduce(f32::max)
    }

    /// Does what the time has come for.
    fn look(&mut self, scene: &mut Scene, now: Instant) {
        if let Some(caller) = &mut scene.caller {
            caller.hear_nothing(now);
        }
        if self.due().is_some_and(|due| due <= now) {
            let late = if self.playout.has_begun() {
                Error::Stopped(self.settings.idle)
            } else {
                Error::Late(self.settings.deadline)
            };
            self.finish(Err(late).at(scene.stage));
        } else if self.silent_at().is_some_and(|silent| silent <= now) {
            self.finish(Err(agi::Error::Silent(PATIENCE)).at(Stage::Reply));
        }
    }

    /// When the answer must have begun, or go on, unless it plays.
    fn due(&self) -> Option<Instant> {
        (self.sounding != Some(Sound::Answer)).then_some(self.due)
    }

    /// When Asterisk should long have told that a play which was to end has ended.
    fn silent_at(&self) -> Option<Instant> {
        self.playout.end_of_play().map(|end| end + PATIENCE)
    }

    /// Whether the answer has ended: the caller has heard all of it, or the dialplan can play it.
    fn is_over(&self) -> bool {
        self.end.is_some() && (!self.settings.is_streamed || self.playout.is_over())
    }

    /// What it is time to play.
    fn play_on(&mut self, now: Instant) -> Option<Act> {
        if self.playout.can_begin(now) {
            if self.sounding.take().is_some() {
                // A key may have ended it just before.
                return Some(Act::Stop);
            }
            self.begin_play(now);
            return self.todo.pop_front();
        }
        if let Some(bytes) = self.playout.more(now) {
            return Some(self.append(bytes));
        }
        // A deadline is noticed at the next input, which comes after this. A call that is late already must not begin
        // a filler that is cut off in the same moment.
        let is_late = self.due().is_some_and(|due| due <= now);
        let is_due = self.filler_due.is_some_and(|due| due <= now) && !is_late;
        if is_due && self.sounding.is_none() && !self.is_over() {
            return self.fill_silence();
        }
        None
    }

    fn begin_play(&mut self, now: Instant) {
        if !self.playout.has_begun() {
            self.todo.push_back(Act::Reveal);
        }
        let (bytes, from) = self.playout.begin(now);
        let append = self.append(bytes);
        self.todo.push_back(append);
        self.todo.push_back(Act::Play(Play {
            what: Sound::Answer,
            name: self.settings.reply.clone(),
            stop_keys: self.settings.stop_keys.clone(),
            offset: u64::from(from * self.settings.encoding.frame_samples()),
        }));
    }

    fn append(&mut self, bytes: Vec<u8>) -> Act {
        let encoding = self.settings.encoding;
        let frames = bytes.chunks(encoding.frame_bytes());
        self.levels_dbfs
            .extend(frames.map(|frame| encoding.level_dbfs(frame)));
        Act::Append(bytes)
    }

    /// Lets the caller hear that the line is alive.
    fn fill_silence(&mut self) -> Option<Act> {
        self.filler_due = None;
        let (what, name) = match &self.settings.waiting.play {
            Filler::Nothing => return None,
            Filler::Music(class) => (Sound::Music, class.clone()),
            Filler::Sound(name) => (Sound::Filler, name.clone()),
        };
        self.sounding = Some(what);
        // In a pause of the answer keys mean what they mean in the answer.
        let stop_keys = if self.playout.has_begun() {
            self.settings.stop_keys.clone()
        } else {
            String::new()
        };
        Some(Act::Play(Play {
            what,
            name,
            stop_keys,
            offset: 0,
        }))
    }

    /// The reply takes no more. What plays is the end of the answer, if anything does.
    fn not_written(&mut self, failure: Failure) {
        self.todo.clear();
        if self.sounding == Some(Sound::Answer) {
            self.playout.abandon();
            self.end = Some(Err(failure));
        } else {
            self.playout.refused();
            self.finish(Err(failure));
        }
    }

    /// How the phase ends, if it does.
    fn ending(&mut self, scene: &mut Scene, now: Instant) -> Option<Result<Answered, Failure>> {
        if self.outcome.is_none() && !self.is_over() {
            return None;
        }
        scene.turn.spoken.was_heard(self.playout.heard_of(now));
        let failure = match self.outcome.take() {
            Some(Ok(answered)) => return Some(Ok(answered)),
            Some(Err(failure)) => Some(failure),
            None => self.end.take().and_then(Result::err),
        };
        Some(match failure {
            Some(failure) if self.playout.has_been_heard(now) => Ok(Answered::Partial(failure)),
            Some(failure) => Err(failure),
            None if self.settings.is_streamed => Ok(Answered::Heard),
            None => Ok(Answered::Whole),
        })
    }

    fn wake_at(&self, scene: &Scene, now: Instant) -> Instant {
        let filler = self.filler_due.filter(|_| self.sounding.is_none());
        let moments = [
            self.due(),
            filler,
            scene.next_look(),
            self.playout.next_look(now),
            self.silent_at(),
        ];
        let first = moments.into_iter().flatten().min();
        first.unwrap_or(now + PATIENCE)
    }
}

impl Phase for Answering {
    type End = Answered;

    fn on(&mut self, input: Input, scene: &mut Scene, now: Instant) {
        match input {
            Input::HungUp => self.outcome = Some(Ok(Answered::HungUp)),
            Input::Ended(played) => self.ended(played, scene),
            Input::Caller(samples) => self.overhear(&samples, scene, now),
            Input::Work(event) => self.take(event, scene, now),
            Input::Elapsed => self.look(scene, now),
            Input::Failed(failure) => self.not_written(failure),
        }
    }

    fn poll(&mut self, scene: &mut Scene, now: Instant) -> Step<Answered> {
        if scene.turn.has_lost_message {
            // The rest of the answer may say that it was taken.
            self.finish(Ok(Answered::Heard));
        }
        if self.outcome.is_none()
            && let Some(act) = self.todo.pop_front().or_else(|| self.play_on(now))
        {
            if matches!(&act, Act::Play(play) if play.what == Sound::Answer) {
                // The playout reckons what is heard from this moment on. What is appended before it may have taken a
                // while on a slow disk.
                self.playout.began(now);
                (self.sounding, self.filler_due) = (Some(Sound::Answer), None);
            }
            return Step::Do(act);
        }
        match self.ending(scene, now) {
            Some(end) => Step::End(end),
            None => Step::Wait(self.wake_at(scene, now)),
        }
    }
}

/// An echo comes back within 320 ms, and the clock may be 80 ms off.
// Measured with an echo 20 dB below the answer: up to 320 ms of delay none of eight answers is stopped by its own
// echo; at 400 ms, as over mobile networks, three are.
const ECHO_FRAMES: usize = 16;
const AHEAD_FRAMES: usize = 4;

/// A loud recording.
pub(super) const USUAL_DBFS: f32 = -12.0;

/// The services' own deadlines end at the same moment, and tell more: they go first.
pub(super) const GRACE: Duration = Duration::from_millis(200);

/// Asterisk tells the end of a sound at once; a machine that swaps may take seconds.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
