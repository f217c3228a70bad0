//! Paid work under way: the only place where work begins that costs money, once its maximum cost is set aside.

use std::time::Duration;

use crossbeam_channel::{Receiver, never, unbounded};

use super::echo::Reply;
use super::event::Event;
use super::max_cost;
use super::pipeline::Work;
use crate::cloud::budget::Budget;
use crate::spending::bill::Billing;
use crate::spending::limits::Refused;
use crate::sys::costs::MicroDollars;
use crate::sys::deadline::Deadline;
use crate::sys::error::{At, Failure, Stage};
use crate::sys::threads;
use crate::voice::KeptPhrases;

/// Work whose events are to be heard. Dropping it stops paying: no further request of it begins.
pub(super) struct Job {
    events: Receiver<Event>,
    billing: Billing,
    max_cost: MicroDollars,
}

/// Sets money aside, or refuses.
pub(super) type Admit<'a> = &'a mut dyn FnMut(MicroDollars) -> Result<(), Refused>;

impl Job {
    /// No work.
    pub(super) fn none() -> Self {
        Self {
            events: never(),
            billing: Billing::default(),
            max_cost: MicroDollars(0),
        }
    }

    /// Has the speech of `work` transcribed and answered, if `admit` sets aside what that can cost, `later` more
    /// transcriptions of at most `longest` included.
    ///
    /// # Errors
    /// [`Stage::Limit`] where it is refused, [`Stage::Stt`] where there is no thread for it.
    pub(super) fn answer(
        work: Work,
        later: u32,
        longest: Duration,
        admit: Admit<'_>,
    ) -> Result<Self, Failure> {
        let max_cost = max_cost::of_answer(
            &work.services,
            &work.settings,
            &work.speech,
            &[&*work.known.words, &work.typed].join(" "),
        ) + max_cost::of_transcriptions(&work.services, longest, later)
            + max_cost::of_hearing(&work.services, &work.settings, longest, later);
        // All that a turn may cost, its later transcriptions included, is admitted at once, so that no limit is met in
        // its middle.
        admit(max_cost).at(Stage::Limit)?;
        let billing = work.speaker.billing.clone();
        let events = work.start().at(Stage::Stt)?;
        Ok(Self {
            events,
            billing,
            max_cost,
        })
    }

    /// Has a phrase spoken and kept, if `admit` sets aside what that can cost.
    ///
    /// # Errors
    /// [`Stage::Limit`] where it is refused, [`Stage::Tts`] where there is no thread for it.
    pub(super) fn phrase(
        phrases: KeptPhrases,
        text: String,
        budget: Budget,
        admit: Admit<'_>,
    ) -> Result<Self, Failure> {
        let max_cost = phrases.max_cost(&text);
        admit(max_cost).at(Stage::Limit)?;
        let billing = phrases.speaker.billing.clone();
        let (tell, events) = unbounded();
        threads::spawn(move || {
            let event = match phrases.make(&text, budget) {
                Ok(place) => {
                    let samples = Reply::of_phrase(&place, phrases.speaker.encoding);
                    Event::Phrase(place, samples)
                }
                Err(failure) => Event::End(Err(failure)),
            };
            // A call that has ended wants to know nothing more.
            tell.send(event).ok();
        })
        .at(Stage::Tts)?;
        Ok(Self {
            events,
            billing,
            max_cost,
        })
    }

    /// Stops paying, and waits for the threads of the job to end, until `deadline` at most.
    pub(super) fn wait(&self, deadline: &Deadline) {
        self.billing.end();
        while self.events.recv_timeout(deadline.left()).is_ok() {}
    }

    /// Stops paying, and hands over what the job still tells, until the model or all of it has ended, or until `deadline`.
    pub(super) fn drain(self, deadline: &Deadline, mut take: impl FnMut(Event)) {
        self.billing.end();
        while let Ok(event) = self.events.recv_timeout(deadline.left()) {
            let is_end = matches!(event, Event::Written);
            take(event);
            if is_end {
                return;
            }
        }
    }

    /// What was set aside for it.
    pub(super) fn max_cost(&self) -> MicroDollars {
        self.max_cost
    }

    pub(super) fn events(&mut self) -> &mut Receiver<Event> {
        &mut self.events
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.billing.end();
    }
}
