//! One question and what has become of it.

use std::mem::take;
use std::time::{Duration, Instant};

use log::info;

use super::caller_audio::CallerAudio;
use super::spoken::Spoken;
use crate::sys::error::Stage;
use crate::text::Action;
use crate::timeline::Timeline;

/// What the phases of a call share.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) turn: Turn,
    /// The caller's voice, in a conversation.
    pub(super) caller: Option<CallerAudio>,
    /// What is being done.
    pub(super) stage: Stage,
    /// Lines for Asterisk's log, which wait until no sound plays.
    pub(super) notes: Vec<String>,
}

/// One question, begun by [`Scene::begin_turn`].
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) started: Instant,
    pub(super) timeline: Timeline,
    /// Empty until it has been transcribed.
    pub(super) question: String,
    pub(super) answer: String,
    /// The key with which the caller stopped the answer.
    pub(super) key: Option<char>,
    /// The texts of the answer that were spoken, and how much of them was heard.
    pub(super) spoken: Spoken,
    /// What the model wants to be done after its answer.
    pub(super) actions: Vec<Action>,
}

impl Scene {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            turn: Turn::new(started),
            caller: None,
            stage: Stage::Config,
            notes: Vec::new(),
        }
    }

    /// Begins a turn at `now`, `waited` after the caller's last word. Returns the turn before it.
    pub(super) fn begin_turn(&mut self, now: Instant, waited: Duration) -> Turn {
        let mut turn = Turn::new(now);
        turn.timeline.set_waited_before(waited);
        std::mem::replace(&mut self.turn, turn)
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

    /// Whether the caller is speaking.
    pub(super) fn is_in_turn(&self) -> bool {
        self.caller.as_ref().is_some_and(CallerAudio::is_in_turn)
    }
}

impl Turn {
    fn new(started: Instant) -> Self {
        Self {
            started,
            timeline: Timeline::new(started),
            question: String::new(),
            answer: String::new(),
            key: None,
            spoken: Spoken::default(),
            actions: Vec::new(),
        }
    }

    pub(super) fn take_actions(&mut self) -> Vec<Action> {
        take(&mut self.actions)
    }
}
