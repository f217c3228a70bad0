//! An answer that waits, because the caller seems to speak into it.

use std::time::Instant;

use super::answering::Answering;
use super::job::Job;
use super::turn::Scene;
use crate::sys::costs::MicroDollars;
use crate::sys::files::NewFile;

/// An answer that was interrupted, while it is not known whether the caller has said anything. Its turn stays the call's.
// Its events are not read meanwhile. So what is being made is made to its end, and whatever would have to be paid for
// after that waits for an agreement.
pub(super) struct Interrupted {
    pub(super) answering: Answering,
    pub(super) job: Job,
    /// None once another answer is written in its place.
    pub(super) reply: Option<NewFile>,
    /// Whether the caller had just been asked something.
    pub(super) has_just_asked: bool,
    /// Whether what they said last into it only shows that they follow.
    pub(super) is_followed: bool,
}

impl Interrupted {
    /// What it may still cost.
    pub(super) fn max_cost(&self) -> MicroDollars {
        self.job.max_cost()
    }

    /// Pays for no more of it at `now`: what has been made can still be heard.
    pub(super) fn stop_paying(&mut self, scene: &mut Scene, now: Instant) {
        let events = self.job.events();
        self.answering.end_with_what_came(events, scene, now);
        self.job = Job::none();
    }
}
