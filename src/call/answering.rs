//! The answer, while it is made: it goes to Asterisk as it comes, or whole into a file for the dialplan.
//!
//! Until there is something to hear, and in every longer pause, the caller is told that the line is alive.

mod calling;
mod filler;
mod plays;
mod taking_up;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::echo::{Reply, Source};
use super::event::Event;
use super::line::{Input, Play, Sound};
use super::phase::{Act, Phase, Step};
use super::playout::PlayoutBuffer;
use super::turn::Scene;
use crate::agi;
use crate::audio::speech::turn::Change;
use crate::audio::telephone::Encoding;
use crate::config::Waiting;
use crate::sys::error::{At, Failure, INTERNAL, Stage};
use crate::text::{self, Action};
use crate::timeline::Mark;
use calling::Calling;
use filler::Filling;

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
        "Asterisk cannot play {0}; check that its user may read the folder, or set play = \"dialplan\" in [reply]"
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
    /// The keys with which the caller begins to type, and interrupts it.
    pub(super) typed_keys: &'static str,
    /// The languages in which a back-channel is not answered, because another answer goes on after it.
    pub(super) back_channels: Vec<String>,
    /// Whether nothing ends it before the caller has been understood: then they would go on, and all that they have said
    /// would have to be transcribed once more.
    pub(super) is_patient: bool,
}

/// What came of an answer.
#[derive(Debug)]
pub(super) enum Answered {
    /// The caller has heard it to its end, or has ended it by a key.
    Heard,
    /// The caller has begun to speak.
    Interrupted,
    /// It is whole, and the dialplan is to play it.
    Whole,
    /// It has nothing that a voice can say.
    Wordless,
    /// There were no words in the question.
    NoSpeech,
    /// The caller only shows that they follow the answer before.
    Follows,
    HungUp,
    /// It broke off after its beginning was heard.
    Partial(Failure),
}

pub(super) struct Answering {
    settings: Settings,
    playout: PlayoutBuffer,
    sounding: Option<Sound>,
    filler: Filling,
    /// When it was interrupted last, and how often it has been by what had no words, and by signs that the caller follows.
    interrupted: Option<Instant>,
    for_nothing: u32,
    followed: u32,
    /// Until when it pauses because the caller may have begun to speak, and how often it has.
    pausing: Option<Instant>,
    pauses: u32,
    /// When the answer must have begun, or must go on after a pause.
    due: Instant,
    /// The end of the work; the first counts.
    end: Option<Result<(), Failure>>,
    /// Whether the model has written all of it.
    is_written: bool,
    /// What ends the phase before the answer has ended.
    outcome: Option<Result<Answered, Failure>>,
    /// What is to be done, in this order.
    todo: VecDeque<Act>,
    /// What is played of the answer.
    played: Reply,
    calling: Calling,
}

impl Answering {
    /// Waits for the answer of a turn that began at `started`.
    pub(super) fn new(settings: Settings, started: Instant) -> Self {
        Self {
            playout: PlayoutBuffer::new(settings.encoding),
            sounding: None,
            filler: Filling::new(settings.waiting.clone(), started),
            interrupted: None,
            for_nothing: 0,
            followed: 0,
            pausing: None,
            pauses: 0,
            due: started + settings.deadline + GRACE,
            end: None,
            is_written: false,
            outcome: None,
            todo: VecDeque::new(),
            played: Reply::new(settings.encoding),
            calling: Calling::default(),
            settings,
        }
    }

    /// Counts the caller's silence from `since` on, which may be before the turn was taken for over.
    pub(super) fn silent_since(mut self, since: Instant) -> Self {
        self.filler.silence_begins(since);
        self
    }

    /// Takes in what the services deliver.
    fn take(&mut self, event: Event, scene: &mut Scene, now: Instant) {
        let turn = &mut scene.turn;
        match event {
            Event::Begins(stage, agrees) => {
                scene.stage = stage;
                if stage == Stage::Tts {
                    self.filler.voice_is_asked(scene.voice_takes, now);
                }
                self.todo.push_back(Act::Agree(agrees));
            }
            Event::Reached(mark, at) => {
                let takes = (mark == Mark::FirstAudio).then(|| self.filler.voice_begins(at));
                scene.voice_takes = takes.flatten().or(scene.voice_takes);
                turn.timeline.reached(mark, at);
            }
            Event::Done(stage, since, what) => {
                scene.note(stage, now.saturating_duration_since(since), &what);
            }
            Event::Question(question) if question.is_empty() => {
                self.finish(Ok(Answered::NoSpeech));
            }
            Event::Question(question) if self.follows(&question) => {
                self.finish(Ok(Answered::Follows));
            }
            Event::Question(question) => {
                // A model that had heard the caller, and called something, may have failed then.
                turn.is_heard_by_model = false;
                turn.question = question;
            }
            Event::Heard(words) => {
                turn.is_heard_by_model = true;
                turn.question = words;
            }
            Event::Answer(answer) => turn.answer = answer,
            Event::Actions(actions) => {
                let forgets = |actions: &[Action]| actions.contains(&Action::Forget);
                let is_new = forgets(&actions) && !forgets(&turn.actions);
                self.todo.extend(is_new.then_some(Act::Forget));
                turn.actions = actions;
            }
            Event::Sound(bytes) if self.settings.is_streamed => {
                self.filler.voice_speaks(now);
                self.playout.push(&bytes, now);
            }
            Event::Sound(bytes) => self.todo.push_back(Act::Append(bytes)),
            Event::Speaks(text) => turn.spoken.begins(text, self.playout.heard_of(now).1),
            Event::SentenceEnd => {
                turn.spoken.ends();
                self.playout.end_sentence();
            }
            Event::Forget => self.playout.forget(),
            Event::Messages(messages, kept) => self.todo.push_back(Act::Keep(messages, kept)),
            Event::Calls(calls) => self.calls(calls, scene, now),
            Event::Called => self.called(now),
            Event::Written => self.is_written = true,
            Event::Wordless => self.finish(Ok(Answered::Wordless)),
            Event::Phrase(..) | Event::Transcribed(..) => {}
            Event::End(result) => self.end_with(result),
            Event::Panicked => self.end_with(Err(INTERNAL).at(scene.stage)),
        }
    }

    /// Whether the model writes no more of it.
    pub(super) fn is_written(&self) -> bool {
        self.is_written
    }

    /// No more will come.
    pub(super) fn end_with(&mut self, result: Result<(), Failure>) {
        // The first end counts: a thread that ends because another has failed would hide the cause.
        self.end.get_or_insert(result);
        self.is_written = true;
        self.playout.complete();
    }

    /// Ends the phase; the first reason counts.
    fn finish(&mut self, outcome: Result<Answered, Failure>) {
        self.outcome.get_or_insert(outcome);
    }

    /// Whether these words of the caller's are not to be answered, because another answer goes on after them.
    fn follows(&self, words: &str) -> bool {
        let languages = &self.settings.back_channels;
        let tags = languages.iter().map(String::as_str);
        !languages.is_empty() && text::is_back_channel(words, tags)
    }

    /// Whether the caller may end the answer now.
    fn may_be_stopped(&self, scene: &Scene) -> bool {
        !self.settings.is_patient || scene.turn.is_understood()
    }

    /// Takes in what the caller says meanwhile. What they say from its first syllable on is the next question.
    fn overhear(&mut self, samples: &[i16], scene: &mut Scene, now: Instant) {
        let source = match self.sounding {
            Some(Sound::Answer) => Source::Answer(self.playout.heard_of(now).0),
            Some(_) => Source::Recording,
            None => Source::Nothing,
        };
        let Some(caller) = scene.caller.as_mut() else {
            return;
        };
        if !self.hears_voices() {
            let changes = caller.hear(samples, now);
            if self.playout.has_begun() {
                return;
            }
            if changes.contains(&Change::SpeechStart) {
                caller.forget();
            } else {
                // It began before the filler.
                self.keep_unheeded(&changes, scene);
            }
            return;
        }
        let heard = self.played.heard(source, samples.len(), caller.rate_hz());
        let changes = caller.overhear(samples, &heard, now);
        // `SpeechStart` is told once, and a patient answer may have to let it pass. So a turn that is still under way when
        // the caller has been understood stops the answer then.
        let interrupts = if self.settings.is_patient {
            caller.is_in_turn()
        } else {
            changes.contains(&Change::SpeechStart)
        };
        let may_interrupt = caller.first_sign();
        self.keep_unheeded(&changes, scene);
        if interrupts {
            self.interrupt(scene, now);
        } else {
            self.hesitate(may_interrupt, scene, now);
        }
    }

    /// Does what the time has come for.
    fn look(&mut self, scene: &mut Scene, now: Instant) {
        let caller = scene.caller.as_ref();
        match caller.and_then(|caller| caller.missing(now)) {
            Some(silence) => self.overhear(&silence, scene, now),
            None => self.hesitate(false, scene, now),
        }
        if self.due(now).is_some_and(|due| due <= now) {
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

    /// When the answer must have begun, or go on, unless it plays, or could and waits for the end of a filler.
    fn due(&self, now: Instant) -> Option<Instant> {
        let is_there = self.calling.is_under_way()
            || self.sounding == Some(Sound::Answer)
            || self.pausing.is_some()
            || self.playout.can_begin(now);
        (!is_there).then_some(self.due)
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
        // The answer pauses because the caller may have begun to speak. A filler would interrupt them as well.
        if self.pausing.is_some() {
            return None;
        }
        if self.playout.can_begin(now) {
            if self.sounding == Some(Sound::Filler) && self.filler.is_heard_out(now) {
                return None;
            }
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
        let is_late = self.due(now).is_some_and(|due| due <= now);
        if is_late || self.sounding.is_some() || self.is_over() {
            return None;
        }
        // In a pause of the answer keys mean what they mean in the answer.
        let stop_keys = if self.playout.has_begun() {
            &self.settings.stop_keys
        } else {
            ""
        };
        let stop_keys = self.and_typed(stop_keys);
        let play = self.filler.begin(&stop_keys, now)?;
        self.sounding = Some(play.what);
        Some(Act::Play(play))
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
            stop_keys: self.and_typed(&self.settings.stop_keys),
            offset: u64::from(from * self.settings.encoding.frame_samples()),
        }));
    }

    /// These keys, and those that the caller types.
    fn and_typed(&self, stop_keys: &str) -> String {
        let typed = self.settings.typed_keys.chars();
        let typed = typed.filter(|key| !stop_keys.contains(*key));
        stop_keys.chars().chain(typed).collect()
    }

    fn append(&mut self, bytes: Vec<u8>) -> Act {
        self.played.append(&bytes);
        Act::Append(bytes)
    }

    /// How the phase ends, if it does.
    fn ending(&mut self, scene: &mut Scene, now: Instant) -> Option<Result<Answered, Failure>> {
        if self.outcome.is_none() && !self.is_over() {
            return None;
        }
        scene.turn.spoken.was_heard(self.playout.heard_of(now));
        let failure = match self.outcome.take() {
            // Only silence was left to hear, so the answer counts as heard.
            Some(Ok(Answered::Interrupted)) if self.playout.is_nearly_over() => None,
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
        let filler = match self.sounding {
            None => self.filler.due_at(now),
            Some(Sound::Filler) if self.playout.can_begin(now) => self.filler.latest_end(),
            Some(_) => None,
        };
        let moments = [
            self.due(now),
            filler,
            scene.next_look(),
            self.playout.next_look(now),
            self.silent_at(),
            self.pausing,
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
        if let Some(stop) = self.fall_silent(now) {
            return Step::Do(stop);
        }
        if scene.turn.has_lost_message {
            // The rest of the answer may say that it was taken.
            self.finish(Ok(Answered::Heard));
        }
        if self.outcome.is_none()
            && let Some(act) = (self.todo.pop_front())
                .or_else(|| self.permit(scene, now))
                .or_else(|| self.play_on(now))
        {
            if matches!(&act, Act::Play(play) if play.what == Sound::Answer) {
                // The playout reckons what is heard from this moment on. What is appended before it may have taken a
                // while on a slow disk.
                self.playout.began(now);
                self.sounding = Some(Sound::Answer);
                self.filler.silence_ends();
            }
            return Step::Do(act);
        }
        let Some(end) = self.ending(scene, now) else {
            return Step::Wait(self.wake_at(scene, now));
        };
        if let Some(caller) = scene.caller.as_mut().filter(|_| !self.hears_voices()) {
            // It was said to the answer.
            caller.forget();
        }
        Step::End(end)
    }
}

/// The services' own deadlines end at the same moment, and tell more: they go first.
pub(super) const GRACE: Duration = Duration::from_millis(200);

/// Asterisk tells the end of a sound at once; a machine that swaps may take seconds.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
