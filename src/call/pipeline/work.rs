//! What the services work on, and how they tell the call what comes of it.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Sender, bounded};

use crate::audio::Pcm;
use crate::call::event::{Event, Transcript};
use crate::call::settings::Settings;
use crate::call::toolbox::Toolbox;
use crate::cloud;
use crate::cloud::budget::Budget;
use crate::services::Services;
use crate::spending::bill::Billing;
use crate::sys::deadline::Deadline;
use crate::sys::error::{At, Failure, Stage};
use crate::voice::Speaker;

/// All that is needed to answer a question.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) services: Arc<Services>,
    pub(crate) settings: Settings,
    /// What the caller said.
    pub(crate) speech: Arc<Pcm>,
    /// Whether an answer or a phrase waits for it, which goes on if nothing was said.
    pub(crate) is_interruption: bool,
    /// What they had said before, if that is transcribed.
    pub(crate) known: Transcript,
    /// What they have typed, as words; empty where they have not.
    pub(crate) typed: String,
    /// How the answer is spoken, and who pays for all of it.
    pub(crate) speaker: Speaker,
    /// What the model may call, if anything.
    pub(crate) toolbox: Option<Arc<Toolbox>>,
    /// When the answer must begin.
    pub(crate) deadline: Deadline,
    /// Whether the answer is heard while it is made; then only its beginning has a deadline.
    pub(crate) is_streamed: bool,
}

impl Work {
    pub(super) fn billing(&self) -> &Billing {
        &self.speaker.billing
    }

    /// The budget for work that must have begun by `deadline`.
    pub(super) fn budget(&self, deadline: Deadline) -> Budget {
        Budget::new(deadline, self.settings.idle)
    }
}

/// What became of an attempt to answer that did not fail in the middle of what is said.
pub(super) enum Thought {
    /// All that came of it has been handed over.
    Spoken,
    /// No model has written anything that could be said.
    Unsaid(cloud::Error),
}

/// Waits until the call agrees that a stage begins: it does not when the caller has hung up. Returns when that was.
pub(super) fn may_begin(stage: Stage, tell: &Sender<Event>) -> Result<Instant, Failure> {
    // The call is asked each time, because with `AGISIGHUP=no` only a command tells that the caller has hung up, and only
    // the call may send one to Asterisk. A sender that is dropped is a refusal.
    let (agrees, answer) = bounded(1);
    send(tell, Event::Begins(stage, agrees));
    answer.recv().map(|()| Instant::now()).at(stage)
}

/// A call that has ended wants to know nothing more.
pub(super) fn send(tell: &Sender<Event>, event: Event) {
    tell.send(event).ok();
}
