//! An answer that waits, because the caller seems to speak into it.

use std::time::Instant;

use super::answering::Answering;
use super::event::Event;
use super::job::Job;
use super::turn::Scene;
use crate::sys::costs::MicroDollars;
use crate::sys::files::NewFile;

/// An answer that was interrupted, while it is not known whether the caller has said anything. Its turn stays the call's.
// Its events wait meanwhile, but for messages and a wish to be forgotten. So what is being made is made to its end, and
// whatever would have to be paid for after that waits for an agreement.
pub(super) struct Interrupted {
    pub(super) answering: Answering,
    pub(super) job: Job,
    /// What the job has told since, which is taken in if the answer goes on.
    pub(super) told: Vec<Event>,
    /// None once another answer is written in its place.
    pub(super) reply: Option<NewFile>,
    /// Whether "yes" and the like show that the caller follows: they were hearing it, or had been
    /// told to wait, and had not just been asked something.
    pub(super) may_be_followed: bool,
    /// Whether what they said last into it only shows that they follow.
    pub(super) is_followed: bool,
    /// Whether a message of the caller's could not be kept while it waits.
    pub(super) has_lost_message: bool,
}

impl Interrupted {
    /// What it may still cost.
    pub(super) fn max_cost(&self) -> MicroDollars {
        self.job.max_cost()
    }

    /// What its job has told next.
    pub(super) fn next_event(&mut self) -> Option<Event> {
        self.job.events().try_recv().ok()
    }

    /// Whether the model writes no more of it.
    pub(super) fn is_written(&self) -> bool {
        let is_end = |event: &Event| matches!(event, Event::Written | Event::End(_));
        self.answering.is_written() || self.told.iter().any(is_end)
    }

    /// Takes the job away, because no more is paid for.
    pub(super) fn take_job(&mut self) -> Job {
        std::mem::replace(&mut self.job, Job::none())
    }

    /// What its job has told by its end, these `last` events among it, is all that can be heard of it.
    pub(super) fn end(&mut self, last: Vec<Event>, scene: &mut Scene, now: Instant) {
        let events = self.told.drain(..).chain(last);
        self.answering.end_with_what_came(events, scene, now);
    }
}
