//! One question and what has become of it.

use std::mem::take;
use std::time::{Duration, Instant};

use log::info;

use super::caller_audio::CallerAudio;
use super::keypad::Keypad;
use super::question;
use super::spoken::Spoken;
use crate::audio::Pcm;
use crate::config::Sentence;
use crate::sys::error::{Failure, Stage};
use crate::text::Action;
use crate::timeline::Timeline;

/// What the phases of a call share.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) turn: Turn,
    /// The caller's voice, in a conversation.
    pub(super) caller: Option<CallerAudio>,
    /// What they have said to its end into a phrase, or into an answer that heeds voices no more or goes on although nobody
    /// knows what was said, turn by turn.
    pub(super) said: Vec<Pcm>,
    /// Whether they seem to have spoken into a phrase, which is said again where that was nothing.
    pub(super) is_cut_off: bool,
    /// A phrase behind an answer that they seem to have spoken into, and the sound that stands in for it.
    pub(super) cut_phrase: Option<(Sentence, &'static str)>,
    /// What they are typing.
    pub(super) keypad: Keypad,
    /// Whether a PIN is to be typed before the answer goes on.
    pub(super) wants_pin: bool,
    /// What is being done.
    pub(super) stage: Stage,
    /// Lines for Asterisk's log, which wait until no sound plays.
    pub(super) notes: Vec<String>,
    /// How long the voice took to begin, when it was asked last in this call, else in another.
    pub(super) voice_takes: Option<Duration>,
    /// The last failure of a turn after which the call went on.
    pub(super) forgiven: Option<Failure>,
    /// Why a phrase was not heard as it was meant.
    pub(super) unheard: Option<String>,
}

/// One question, begun by [`Scene::begin_turn`].
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) started: Instant,
    pub(super) timeline: Timeline,
    /// Empty until it has been transcribed, or written down by a model that has heard it.
    pub(super) question: String,
    /// Whether the model has heard the caller itself: then the words of the question are its own, or are missing.
    pub(super) is_heard_by_model: bool,
    pub(super) answer: String,
    /// The key with which the caller stopped the answer.
    pub(super) key: Option<char>,
    /// The texts of the answer that were spoken, and how much of them was heard.
    pub(super) spoken: Spoken,
    /// The words that the answer begins with, before its own.
    pub(super) opening: String,
    /// Whether the answer was interrupted, and may go on.
    pub(super) is_interrupted: bool,
    /// What the model wants to be done after its answer.
    pub(super) actions: Vec<Action>,
    /// Whether a message of the caller's could not be kept.
    pub(super) has_lost_message: bool,
}

impl Scene {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            turn: Turn::new(started),
            caller: None,
            said: Vec::new(),
            is_cut_off: false,
            cut_phrase: None,
            keypad: Keypad::default(),
            wants_pin: false,
            stage: Stage::Config,
            notes: Vec::new(),
            voice_takes: None,
            forgiven: None,
            unheard: None,
        }
    }

    /// Begins a turn at `now`, `waited` after the caller's last word. Returns the turn before it.
    pub(super) fn begin_turn(&mut self, now: Instant, waited: Duration) -> Turn {
        let mut turn = Turn::new(now);
        turn.timeline.set_waited_before(waited);
        self.wants_pin = false;
        std::mem::replace(&mut self.turn, turn)
    }

    /// Keeps the turn of the caller's that has just ended, where it is speech: the endpointer keeps one turn only.
    pub(super) fn keep_said(&mut self) {
        let heard = self.caller.as_ref().map(CallerAudio::heard);
        let speech = heard.and_then(question::trim);
        self.said.extend(speech.map(|heard| heard.speech));
    }

    /// Notes what a stage has done since it began, for both logs.
    pub(super) fn note(&mut self, stage: Stage, took: Duration, what: &str) {
        let line = format!("{stage}: {} ms, {what}", took.as_millis());
        info!("{line}");
        self.notes.push(line);
    }

    /// When a silence of the caller's line may be taken in, in a conversation.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.caller.as_ref().map(CallerAudio::next_look)
    }

    /// Whether something is still to be done that what the caller seems to say keeps waiting.
    pub(super) fn is_open(&self) -> bool {
        let turn = &self.turn;
        self.is_cut_off || turn.is_interrupted || !turn.actions.is_empty()
    }

    /// Whether the caller is speaking.
    pub(super) fn is_in_turn(&self) -> bool {
        self.caller.as_ref().is_some_and(CallerAudio::is_in_turn)
    }

    /// Whether the caller has just said something, and may have ended.
    pub(super) fn is_in_pause(&self) -> bool {
        self.caller.as_ref().is_some_and(CallerAudio::is_in_pause)
    }

    /// Whether the caller is speaking, or something is heard of which that is still doubted.
    pub(super) fn may_be_in_turn(&self) -> bool {
        (self.caller.as_ref()).is_some_and(CallerAudio::may_be_in_turn)
    }
}

impl Turn {
    fn new(started: Instant) -> Self {
        Self {
            started,
            timeline: Timeline::new(started),
            question: String::new(),
            is_heard_by_model: false,
            answer: String::new(),
            key: None,
            spoken: Spoken::default(),
            opening: String::new(),
            is_interrupted: false,
            actions: Vec::new(),
            has_lost_message: false,
        }
    }

    /// Whether the caller has been understood.
    pub(super) fn is_understood(&self) -> bool {
        self.is_heard_by_model || !self.question.is_empty()
    }

    /// The question, as the model is told of it later.
    pub(super) fn question_later(&self) -> &str {
        if self.question.is_empty() && self.is_heard_by_model {
            UNWRITTEN
        } else {
            &self.question
        }
    }

    pub(super) fn take_actions(&mut self) -> Vec<Action> {
        take(&mut self.actions)
    }
}

/// Stands for words that the model has heard and not written down.
const UNWRITTEN: &str = "[the caller was heard, and their words were not written down]";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_nobody_has_written_down_are_told_to_be_missing() {
        let mut turn = Turn::new(Instant::now());
        let state = |turn: &Turn| (turn.is_understood(), turn.question_later().to_owned());
        assert_eq!(state(&turn), (false, String::new()));
        turn.is_heard_by_model = true;
        assert_eq!(state(&turn), (true, UNWRITTEN.to_owned()));
        turn.question = "How far?".to_owned();
        assert_eq!(state(&turn), (true, "How far?".to_owned()));
        turn.is_heard_by_model = false;
        assert_eq!(state(&turn), (true, "How far?".to_owned()));
    }

    #[test]
    fn a_turn_that_is_put_back_is_as_it_was_and_the_next_begins_with_nothing() {
        let began = Instant::now();
        let mut scene = Scene::new(began);
        scene.turn.question = "How far is the moon?".to_owned();
        scene.turn.key = Some('5');
        scene.turn.actions.push(Action::Forget);
        let later = began + Duration::from_secs(9);
        let before = scene.begin_turn(later, Duration::from_millis(700));
        assert_eq!(scene.turn.started, later);
        assert_eq!(scene.turn.question, "");
        assert_eq!(scene.turn.key, None);
        assert!(scene.turn.take_actions().is_empty());
        scene.turn = before;
        assert_eq!(scene.turn.started, began);
        assert_eq!(scene.turn.question, "How far is the moon?");
        assert_eq!(scene.turn.key, Some('5'));
        assert_eq!(scene.turn.take_actions(), [Action::Forget]);
        assert!(scene.turn.take_actions().is_empty(), "they are done once");
    }

    #[test]
    fn what_a_stage_has_done_waits_for_asterisks_log() {
        let mut scene = Scene::new(Instant::now());
        scene.note(Stage::Stt, Duration::from_micros(230_900), "<25 bytes>");
        assert_eq!(scene.notes, ["stt: 230 ms, <25 bytes>"]);
    }

    #[test]
    fn where_nobody_is_heard_nothing_is_to_be_looked_at() {
        let scene = Scene::new(Instant::now());
        assert_eq!((scene.next_look(), scene.is_in_turn()), (None, false));
    }
}
