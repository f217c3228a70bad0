//! Functions that the model calls in the middle of its answer: what they take is not the answer's time.

use std::time::Instant;

use super::Answering;
use crate::call::event::Calls;
use crate::call::line::Sound;
use crate::call::phase::Act;

/// The calls that hold an answer up.
#[derive(Debug, Default)]
pub(super) struct Calling {
    /// What is still to be permitted.
    calls: Option<Calls>,
    /// Since when the answer waits for them.
    since: Option<Instant>,
}

impl Calling {
    /// Whether the answer waits for calls.
    pub(super) fn is_under_way(&self) -> bool {
        self.since.is_some()
    }
}

impl Answering {
    /// The model has called functions.
    pub(super) fn calls(&mut self, calls: Calls, now: Instant) {
        self.calling.since = Some(now);
        self.calling.calls = Some(calls);
    }

    /// The model goes on with what has come of its calls.
    pub(super) fn called(&mut self, now: Instant) {
        if let Some(since) = self.calling.since.take() {
            self.due += now.saturating_duration_since(since);
        }
    }

    /// Permits calls, once it is time. A PIN is asked for in silence, after all that was said before has been heard.
    pub(super) fn permit(&mut self, now: Instant) -> Option<Act> {
        let calls = self.calling.calls.as_ref()?;
        if calls.needs_pin {
            let plays = self.pausing.is_some() || self.playout.can_begin(now);
            match self.sounding {
                Some(Sound::Answer) => return None,
                _ if plays => return None,
                Some(_) => {
                    self.sounding = None;
                    return Some(Act::Stop);
                }
                None => {}
            }
        }
        self.calling.calls.take().map(Act::Permit)
    }
}
