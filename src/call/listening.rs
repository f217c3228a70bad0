//! Listening in a conversation: what the caller says is transcribed as soon as their turn may be over, and is a turn when
//! it is.

mod transcriptions;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::answering::USUAL_DBFS;
use super::caller_audio::CallerAudio;
use super::event::Event;
use super::line::{How, Input, Play, Sound};
use super::phase::{Act, Phase, Step};
use super::question;
use super::turn::Scene;
use crate::audio::Pcm;
use crate::audio::speech::turn::Change;
use crate::config::Conversation;
use crate::sys::error::{Failure, Stage};
use transcriptions::{Transcribing, Transcriptions};

/// What came of listening.
#[derive(Debug)]
pub(super) enum Heard {
    /// The caller has spoken, and it is being transcribed.
    Turn(Utterance),
    /// The caller says nothing.
    Silence,
    HungUp,
    /// The conversation has lasted long enough.
    Late,
}

/// What the caller has said.
#[derive(Debug)]
pub(super) struct Utterance {
    pub(super) speech: Arc<Pcm>,
    /// What has come of its transcription so far.
    pub(super) events: Vec<Event>,
}

/// Listens for one turn after the other.
pub(super) struct Listening {
    settings: Conversation,
    /// The conversation's latest end.
    end_at: Instant,
    /// The silence that is played meanwhile, unless Asterisk does not play it.
    silence: Option<String>,
    sounding: bool,
    /// Whether the model hears the caller itself, so that there is nothing to send before their turn is over.
    is_left_to_model: bool,
    /// How often what is being said has been sent.
    transcriptions: Transcriptions,
    /// What the caller said before they went on, which was not transcribed in time.
    unanswered: Option<Arc<Pcm>>,
    /// What was sent because the turn may be over.
    ahead: Option<Utterance>,
    /// Since when the caller says nothing.
    silent_since: Instant,
    /// Until when the echo of the last sound may come back.
    echoes_until: Instant,
    end: Option<Result<Heard, Failure>>,
    todo: VecDeque<Act>,
}

impl Listening {
    /// Listens in a conversation that began at `began`, and plays `silence` meanwhile.
    pub(super) fn new(settings: Conversation, silence: Option<String>, began: Instant) -> Self {
        Self {
            end_at: began + settings.longest,
            settings,
            silence,
            sounding: false,
            is_left_to_model: false,
            transcriptions: Transcriptions::default(),
            unanswered: None,
            ahead: None,
            silent_since: began,
            echoes_until: began,
            end: None,
            todo: VecDeque::new(),
        }
    }

    /// Begins to listen at `now` to a caller who has said nothing since `silent_since`.
    pub(super) fn begin(&mut self, silent_since: Instant, now: Instant) {
        self.silent_since = silent_since;
        self.echoes_until = now + ECHO;
    }

    /// Leaves what is said from now on to the model, which hears it itself, or has it transcribed.
    pub(super) fn leave_to_model(&mut self, is_left: bool) {
        self.is_left_to_model = is_left;
    }

    /// The caller has been understood, or not: then what they say next goes on with `unanswered`.
    pub(super) fn answered(&mut self, unanswered: Option<Arc<Pcm>>, scene: &mut Scene) {
        if unanswered.is_none() {
            self.transcriptions = Transcriptions::default();
        }
        self.unanswered = unanswered;
        self.pause_after_more(scene);
    }

    /// Whether what the caller says goes on with what has not been answered.
    pub(super) fn goes_on(&self) -> bool {
        self.unanswered.is_some()
    }

    /// Whether the next transcription of this turn is the last that is paid for.
    pub(super) fn is_patient(&self) -> bool {
        self.transcriptions.left() == 0
    }

    /// After how much quiet a turn may be over.
    pub(super) fn pause(&self) -> Option<Duration> {
        let first = PAUSE.min(self.settings.quiet);
        let pause = self.transcriptions.pause(first);
        pause.filter(|_| self.settings.thinks_ahead && !self.is_left_to_model)
    }

    fn pause_after_more(&self, scene: &mut Scene) {
        if let Some(caller) = &mut scene.caller {
            caller.pause_after(self.pause());
        }
    }

    /// Has what may be all that the caller says transcribed.
    fn follow(&mut self, changes: &[Change], scene: &mut Scene) {
        for change in changes {
            match self.transcriptions.on(*change, self.ahead.is_some()) {
                Transcribing::Stay => {}
                // A noise is paid for only if it ends as a turn.
                Transcribing::TryOut if !seems_voice(scene) => {}
                Transcribing::TryOut => {
                    // While the turn goes on, all that may still be sent of it is set aside.
                    self.transcribe(self.transcriptions.left() - 1, scene);
                }
                // The caller went on, so the transcript would lack the end of what they say. The request under way is
                // paid for, but nothing that would follow it is.
                Transcribing::Drop => {
                    self.ahead = None;
                    self.todo.push_back(Act::Cancel);
                }
                Transcribing::Take => self.end_turn(),
                Transcribing::Transcribe => {
                    self.transcribe(0, scene);
                    self.end_turn();
                }
            }
            if self.end.is_some() {
                return;
            }
        }
    }

    fn end_turn(&mut self) {
        if let Some(utterance) = self.ahead.take() {
            self.end = Some(Ok(Heard::Turn(utterance)));
        }
    }

    /// Has what was heard transcribed, unless it is no speech; `later` more transcriptions of it may follow.
    fn transcribe(&mut self, later: u32, scene: &mut Scene) {
        self.ahead = None;
        let Some(speech) = self.speech(scene) else {
            self.todo.push_back(Act::Cancel);
            return;
        };
        self.transcriptions.send();
        self.pause_after_more(scene);
        self.todo.push_back(Act::Transcribe {
            speech: speech.clone(),
            later,
        });
        self.ahead = Some(Utterance {
            speech,
            events: Vec::new(),
        });
    }

    /// All that the caller has said and was not answered; `None` if it is no speech.
    fn speech(&self, scene: &Scene) -> Option<Arc<Pcm>> {
        let heard = scene.caller.as_ref().map(CallerAudio::heard);
        let heard = heard.and_then(question::trim);
        match (&self.unanswered, heard.map(|heard| heard.speech)) {
            (Some(first), Some(heard)) => {
                let mut all = Pcm::clone(first);
                all.samples.extend(heard.samples);
                Some(Arc::new(self.last_of(all)))
            }
            // What the caller seemed to go on with was no speech.
            (first, None) => first.clone(),
            (None, heard) => heard.map(Arc::new),
        }
    }

    /// The end of what was said, as long as a turn may be: a caller who goes on and on is not paid for again and again.
    fn last_of(&self, mut said: Pcm) -> Pcm {
        let longest = self.settings.max_question.as_millis();
        let most = longest * u128::from(said.rate_hz) / 1000;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let surplus = said.samples.len().saturating_sub(most);
        said.samples.drain(..surplus);
        said
    }

    fn ended(&mut self, how: &How, scene: &mut Scene) {
        self.sounding = false;
        match how {
            // Listening goes on without it: the caller's voice comes through the pipe whatever plays. What is lost is
            // the key, since Asterisk drops keys while nothing plays, and the packets to the phone.
            How::Unplayable(_) => self.silence = None,
            How::Key { .. } => {
                let changes = scene.caller.as_mut().map(CallerAudio::end_turn);
                self.follow(&changes.unwrap_or_default(), scene);
            }
            How::Through { .. } | How::AtOnce => {}
        }
    }

    /// The transcription may begin; what comes after it waits until the turn is over.
    fn take(&mut self, event: Event) {
        let Some(ahead) = &mut self.ahead else { return };
        match event {
            Event::Begins(Stage::Stt, agrees) => self.todo.push_back(Act::Agree(agrees)),
            // Among these is the model's `Begins`, whose thread waits for its reply: so nothing but the transcription
            // is paid for before the turn is over.
            event => ahead.events.push(event),
        }
    }

    /// Whether a caller who says nothing has been waited for long enough.
    fn patience_ends(&self, scene: &Scene, now: Instant) -> Option<Heard> {
        // Not even the conversation's latest end cuts a caller off in the middle of a sentence; `max_question` bounds
        // how long that can last.
        if scene.is_in_turn() {
            None
        } else if now >= self.end_at {
            Some(Heard::Late)
        } else if !scene.turn.actions.is_empty() {
            // The model wanted to end or transfer the call, and what interrupted it has proved to be no speech. There
            // is nothing to wait for.
            Some(Heard::Silence)
        } else {
            let silent = now.saturating_duration_since(self.silent_since);
            (silent >= self.settings.ask_after).then_some(Heard::Silence)
        }
    }
}

fn seems_voice(scene: &Scene) -> bool {
    let caller = scene.caller.as_ref();
    caller.is_some_and(CallerAudio::seems_voice)
}

impl Phase for Listening {
    type End = Heard;

    fn on(&mut self, input: Input, scene: &mut Scene, now: Instant) {
        let changes = match (input, &mut scene.caller) {
            (Input::HungUp, _) => {
                self.end = Some(Ok(Heard::HungUp));
                return;
            }
            (Input::Failed(failure), _) => {
                self.end = Some(Err(failure));
                return;
            }
            (Input::Ended(played), _) => return self.ended(&played.how, scene),
            (Input::Work(event), _) => return self.take(event),
            (Input::Caller(_) | Input::Elapsed, None) => return,
            (Input::Caller(samples), Some(caller)) => {
                // The sound before has ended, but its echo is still on the way, and would begin a turn that ends in a
                // paid transcription.
                let is_echo = now < self.echoes_until;
                caller.guard_against(is_echo.then_some(USUAL_DBFS));
                caller.hear(&samples, now)
            }
            (Input::Elapsed, Some(caller)) => caller.hear_nothing(now),
        };
        self.follow(&changes, scene);
    }

    fn poll(&mut self, scene: &mut Scene, now: Instant) -> Step<Heard> {
        if let Some(act) = self.todo.pop_front() {
            return Step::Do(act);
        }
        let end = self.end.take();
        if let Some(end) = end.or_else(|| self.patience_ends(scene, now).map(Ok)) {
            self.sounding = false;
            if !matches!(end, Ok(Heard::Turn(_))) {
                self.ahead = None;
            }
            return Step::End(end);
        }
        if let Some(name) = self.silence.as_ref().filter(|_| !self.sounding) {
            self.sounding = true;
            return Step::Do(Act::Play(Play {
                what: Sound::KeepAlive,
                name: name.clone(),
                stop_keys: END_KEY.to_owned(),
                offset: 0,
            }));
        }
        Step::Wait(scene.next_look().unwrap_or(now + ECHO))
    }
}

/// The key by which the caller says that they have ended.
const END_KEY: &str = "#";
/// The quiet after which a turn may be over.
// A timer of this length would cut more than half of the turns of real people (LiveKit's eot-bench: 55.6 %). So what
// is sent then is only tried, and is dropped when the caller goes on.
const PAUSE: Duration = Duration::from_millis(300);
/// The echo of a sound comes back within this time.
const ECHO: Duration = Duration::from_millis(320);

#[cfg(test)]
mod tests;
