//! Listening in a conversation: what the caller says is transcribed as soon as their turn may be over, and is a turn when
//! it is.

mod ahead;
mod presence;
mod said;
mod transcriptions;
mod trial;
mod typing;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::caller_audio::CallerAudio;
use super::echo::LATEST;
use super::event::Event;
use super::keypad::KEYS;
use super::line::{How, Input, Play, Sound};
use super::phase::{Act, Phase, Step};
use super::turn::Scene;
use crate::audio::Pcm;
use crate::audio::speech::turn::Change;
use crate::config::{Conversation, Filler, Waiting};
use crate::sys::error::Failure;
use presence::Presence;
use transcriptions::{Transcribing, Transcriptions};
use trial::{Known, Share, Trial};

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
    ahead: Option<Trial>,
    /// What need not be sent again.
    known: Known,
    /// What they have typed on the keypad and that is not answered.
    typed: Vec<String>,
    /// A turn that is over and may be a background's.
    withheld: Option<Arc<Pcm>>,
    /// The first samples of the turn under way, which interrupts something, that are known to hold no words.
    wordless: Option<usize>,
    presence: Presence,
    /// Whether it was known of the last turn, when it ended, whether it has words.
    is_judged: bool,
    /// Since when the caller says nothing.
    silent_since: Instant,
    /// Since when they wait for an answer: since the usual quiet behind their last word.
    waits_since: Instant,
    /// How long they wait before they hear that they are to wait.
    longest_wait: Duration,
    /// Until when the echo of the last sound may come back.
    echoes_until: Instant,
    end: Option<Result<Heard, Failure>>,
    todo: VecDeque<Act>,
}

impl Listening {
    /// Listens in a conversation that began at `began`, and plays `silence` meanwhile. `waiting` tells how a caller who
    /// waits is told so.
    pub(super) fn new(
        settings: Conversation,
        waiting: &Waiting,
        silence: Option<String>,
        began: Instant,
    ) -> Self {
        Self {
            longest_wait: match waiting.play {
                Filler::Nothing => UNHEARD,
                Filler::Sound(_) | Filler::Music(_) => waiting.after.min(UNHEARD),
            },
            end_at: began + settings.longest,
            settings,
            silence,
            sounding: false,
            is_left_to_model: false,
            transcriptions: Transcriptions::default(),
            unanswered: None,
            ahead: None,
            known: Known::default(),
            typed: Vec::new(),
            withheld: None,
            wordless: None,
            presence: Presence::default(),
            is_judged: false,
            silent_since: began,
            waits_since: began,
            echoes_until: began,
            end: None,
            todo: VecDeque::new(),
        }
    }

    /// Begins to listen at `now` to a caller who has said nothing since `silent_since`.
    pub(super) fn begin(&mut self, silent_since: Instant, now: Instant) {
        (self.silent_since, self.waits_since) = (silent_since, now);
        self.echoes_until = now + LATEST;
        self.presence.begins(now);
    }

    /// Takes up what the caller has said into the phrase before.
    pub(super) fn take_up(&mut self, scene: &mut Scene, now: Instant) {
        if scene.may_be_in_turn() {
            self.presence.turn_begins(now);
        }
        let Some(mut said) = scene.said.pop() else {
            return;
        };
        // All turns that were said into the phrase are one question: a caller who is not answered yet goes on.
        for before in scene.said.drain(..).rev() {
            said.samples.splice(..0, before.samples);
        }
        let said = Arc::new(self.last_of(said));
        let may_send = interrupts(scene) || self.presence.may_send(&said, now);
        match (may_send, scene.is_in_turn()) {
            (true, true) => self.unanswered = Some(said),
            (true, false) => self.send(said, scene),
            (false, true) => {
                if let Some(caller) = &mut scene.caller {
                    caller.began_with(&said);
                }
            }
            (false, false) => {
                self.presence.turn_begins(now);
                self.presence.turn_ends(now);
                self.withheld = Some(said);
            }
        }
    }

    /// Leaves what is said from now on to the model, which hears it itself, or has it transcribed.
    pub(super) fn leave_to_model(&mut self, is_left: bool, scene: &mut Scene) {
        self.is_left_to_model = is_left;
        self.pause_after_more(scene);
    }

    /// Since when a caller who has ended waits for an answer.
    pub(super) fn waits_since(&self) -> Instant {
        self.waits_since
    }

    /// The caller has been understood, or not: then what they say next goes on with `unanswered`.
    pub(super) fn answered(&mut self, unanswered: Option<Arc<Pcm>>, scene: &mut Scene) {
        if unanswered.is_some() {
            (self.unanswered, self.wordless) = (unanswered, None);
            self.pause_after_more(scene);
        } else {
            self.known = Known::default();
            self.typed.clear();
            self.put_off(scene);
        }
    }

    /// No service has transcribed what they said last, which is sent again behind the answer that it interrupted: with the
    /// words before it that are known, and with what was typed.
    pub(super) fn put_off(&mut self, scene: &mut Scene) {
        self.transcriptions = Transcriptions::default();
        (self.unanswered, self.wordless) = (None, None);
        self.pause_after_more(scene);
    }

    /// It is known at `now` whether what was taken for a turn has words.
    pub(super) fn transcribed(&mut self, speech: &Pcm, has_words: bool, now: Instant) {
        if !self.is_judged {
            self.presence.heard(has_words, speech, now);
        }
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

    /// Takes in a piece of the caller's line. The sound before has ended, but its echo may still be on the way, and would
    /// begin a turn that ends in a paid transcription.
    fn hear(&self, piece: &[i16], caller: &mut CallerAudio, now: Instant) -> Vec<Change> {
        if now < self.echoes_until {
            caller.hear_after(piece, now)
        } else {
            caller.hear(piece, now)
        }
    }

    /// Has what may be all that the caller says transcribed.
    fn follow(&mut self, changes: &[Change], scene: &mut Scene, now: Instant) {
        for change in changes {
            if *change == Change::SpeechStart {
                self.withheld = None;
                self.presence.turn_begins(now);
            }
            let is_whole = self.ahead.as_ref().is_some_and(Trial::is_whole);
            match self.transcriptions.on(*change, is_whole) {
                Transcribing::Stay => {}
                Transcribing::TryOut => self.try_out(scene),
                Transcribing::GoOn => self.go_on(scene),
                Transcribing::Take if self.is_typing(scene) => self.hold(scene),
                Transcribing::Take => self.end_turn(),
                Transcribing::Transcribe => self.end_by_itself(scene, now),
            }
            if *change == Change::EndOfTurn {
                let quiet = scene.caller.as_ref().map(CallerAudio::last_quiet);
                let waited = quiet
                    .unwrap_or_default()
                    .saturating_sub(self.settings.quiet);
                self.waits_since = now.checked_sub(waited).unwrap_or(now);
                self.presence.turn_ends(now);
                self.known.end_turn();
                self.wordless = None;
                if let Some(ahead) = &mut self.ahead {
                    ahead.until = 0;
                }
            }
            if self.end.is_some() {
                return;
            }
        }
    }

    /// Has a turn transcribed that is over, where it may be a caller's.
    fn end_by_itself(&mut self, scene: &mut Scene, now: Instant) {
        let Some(speech) = self.speech(scene) else {
            return;
        };
        if self.waits_for_turn() {
            self.unanswered = Some(speech);
            return;
        }
        let quiet = scene.caller.as_ref().map(CallerAudio::last_quiet);
        let is_cut = self.pause().is_some() && quiet.is_some_and(|quiet| quiet < PAUSE);
        if is_cut && self.presence.is_unknown() {
            // It has become too long. Whether a caller is there is waited for, because a background would interrupt the
            // answer before it is known to be one.
            if self.ahead.is_none() {
                // `pause` is none once only the last one is left, so this does not go below 0.
                self.transcribe(speech, self.transcriptions.left() - 1, scene);
                self.wait_for(Share::All);
            } else {
                self.unanswered = Some(speech);
                self.wait_for(Share::Part);
            }
        } else if self.is_of_caller(scene) || self.presence.may_send(&speech, now) {
            self.send(speech, scene);
        } else {
            self.withheld = Some(speech);
        }
    }

    /// Has a turn transcribed that is over, once nothing more is typed.
    fn send(&mut self, speech: Arc<Pcm>, scene: &mut Scene) {
        if self.is_typing(scene) {
            // It has all that was sent of it in a pause.
            (self.ahead, self.unanswered) = (None, Some(speech));
            return;
        }
        self.transcribe(speech, 0, scene);
        self.end_turn();
    }

    /// Whether what is said goes on with a caller's words, or is to be told from them at once.
    fn is_of_caller(&self, scene: &Scene) -> bool {
        self.unanswered.is_some() || !self.known.is_empty() || interrupts(scene)
    }

    fn end_turn(&mut self) {
        if let Some(ahead) = self.ahead.take_if(|ahead| ahead.is_whole()) {
            self.is_judged = ahead.transcript.is_some();
            self.end = Some(Ok(Heard::Turn(ahead.utterance)));
        }
    }

    /// Has `speech` transcribed; `later` more transcriptions of the turn may follow.
    fn transcribe(&mut self, speech: Arc<Pcm>, later: u32, scene: &mut Scene) {
        self.transcriptions.send();
        self.wordless = None;
        self.presence.is_interruption = interrupts(scene);
        self.pause_after_more(scene);
        // Without a transcript no model can be asked, so that it costs nothing to wait for it: whether the caller has
        // ended is told by its words.
        let is_unknown = self.presence.is_unknown();
        let longest = if is_unknown { UNHEARD } else { UNFINISHED };
        // Behind the turn the caller hears that they are to wait.
        let usual = self.settings.quiet;
        self.end_after(longest.min(usual + self.longest_wait).max(usual), scene);
        self.todo.push_back(Act::Transcribe {
            speech: speech.clone(),
            known: self.known.transcript.clone(),
            typed: self.typed.clone(),
            later,
        });
        let heard = scene.caller.as_ref().map(CallerAudio::heard);
        let until = heard.map_or(0, |heard| heard.samples.len());
        let events = Vec::new();
        self.ahead = Some(Trial::new(Utterance { speech, events }, until));
    }

    fn ended(&mut self, how: &How, scene: &mut Scene, now: Instant) {
        self.sounding = false;
        match how {
            // Listening goes on without it: the caller's voice comes through the pipe whatever plays. What is lost is
            // the key, since Asterisk drops keys while nothing plays, and the packets to the phone.
            How::Unplayable(_) => self.silence = None,
            How::Key { key, .. } => self.pressed(*key, scene, now),
            How::Through { .. } | How::AtOnce => {}
        }
    }

    /// Whether a caller who says nothing has been waited for long enough.
    fn patience_ends(&self, scene: &Scene, now: Instant) -> Option<Heard> {
        let silent = now.saturating_duration_since(self.silent_since);
        let end = if scene.is_open() {
            // A phrase or an answer was interrupted, or the model wanted to end or transfer the call, and what kept them
            // from that has proved to be no speech. There is nothing to wait for.
            Heard::Silence
        } else if now >= self.end_at {
            Heard::Late
        } else if silent >= self.settings.ask_after {
            Heard::Silence
        } else {
            return None;
        };
        // Not even the conversation's latest end cuts a caller off in the middle of a sentence; `max_question` bounds
        // how long that can last.
        let may_speak = scene.may_be_in_turn() && !self.is_background(scene);
        let is_heard = self.withheld.is_some() || self.waits_for_turn();
        let is_waited_for = may_speak || is_heard || self.is_typing(scene);
        (!is_waited_for).then_some(end)
    }

    /// The same, after which what is heard of a background is of no interest: it would interrupt what is said next.
    fn lose_patience(&mut self, scene: &mut Scene, now: Instant) -> Option<Heard> {
        let end = self.patience_ends(scene, now)?;
        if let Some(caller) = scene.caller.as_mut().filter(|it| it.may_be_in_turn()) {
            caller.forget();
            self.presence.turn_is_given_up();
        }
        Some(end)
    }

    /// Whether the turn under way is a background that has no words, and would not be sent.
    fn is_background(&self, scene: &Scene) -> bool {
        if self.ahead.is_some() || self.is_of_caller(scene) || !self.presence.is_beside_background()
        {
            return false;
        }
        let so_far = scene.caller.as_ref().map(CallerAudio::so_far);
        so_far.is_some_and(|so_far| self.presence.is_only_background(&so_far))
    }
}

/// Whether an answer or a phrase waits for what interrupted it. How often it does is bounded.
fn interrupts(scene: &Scene) -> bool {
    scene.is_cut_off || scene.turn.is_interrupted
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
            (Input::Ended(played), _) => return self.ended(&played.how, scene, now),
            (Input::Work(event), _) => return self.take(event, scene, now),
            (Input::Caller(_) | Input::Elapsed, None) => return,
            (Input::Caller(samples), Some(caller)) => self.hear(&samples, caller, now),
            (Input::Elapsed, Some(caller)) => match caller.missing(now) {
                Some(silence) => self.hear(&silence, caller, now),
                None => Vec::new(),
            },
        };
        self.follow(&changes, scene, now);
        self.take_back(scene);
        let is_silent = self.presence.is_silent(now);
        if let Some(speech) = self.withheld.take_if(|_| is_silent)
            && self.presence.has_second_chance()
        {
            self.send(speech, scene);
        }
    }

    fn poll(&mut self, scene: &mut Scene, now: Instant) -> Step<Heard> {
        self.take_typed(scene, now);
        if let Some(act) = self.todo.pop_front() {
            return Step::Do(act);
        }
        let end = self.end.take();
        if let Some(end) = end.or_else(|| self.lose_patience(scene, now).map(Ok)) {
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
                stop_keys: KEYS.to_owned(),
                offset: 0,
            }));
        }
        let moments = [scene.next_look(), scene.keypad.ends_at()];
        let first = moments.into_iter().flatten().min();
        Step::Wait(first.unwrap_or(now + LATEST))
    }
}

/// No sound, where all that was said is transcribed.
fn nothing(rate_hz: u32) -> Pcm {
    Pcm {
        rate_hz,
        samples: Vec::new(),
    }
}

/// The quiet after which a turn may be over.
// A timer of this length would cut more than half of the turns of real people (LiveKit's eot-bench: 55.6 %). So what
// is sent then is only tried, and is dropped when the caller goes on.
const PAUSE: Duration = Duration::from_millis(300);
/// The quiet that ends a turn whose words are finished, and one whose words are not.
// LiveKit's eot-bench: a timer cuts off 21.7 % of turns at 0.6 s, and 5 % at 1.6 s.
const FINISHED: Duration = Duration::from_millis(500);
const UNFINISHED: Duration = Duration::from_millis(1800);
/// The quiet behind what is sent first, until it is known whether it has words: a background would interrupt the answer,
/// and be sent again.
const UNHEARD: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
