//! Models that their vendors switch off: when a stage's changes, and who follows.

use std::fmt;
use std::time::SystemTime;

use crate::cloud::fallback::{Candidate, Fallback};
use crate::config::Endpoint;
use crate::config::catalogue;
use crate::sys::date;
use crate::sys::error::Stage;

/// How many days ahead administrators are told: time enough to choose another model.
pub(crate) const WARNED_DAYS: u64 = 90;

/// The day on which the model that is asked first is switched off.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The model, with its provider.
    pub(crate) endpoint: String,
    /// The first day without it, such as `2027-01-06`.
    pub(crate) date: String,
    pub(crate) days_left: u64,
    /// The provider that is asked first from then on, if there is one.
    pub(crate) next: Option<String>,
}

impl Change {
    /// The next change of a stage, if one is known.
    pub(crate) fn of<P: ?Sized>(fallback: &Fallback<P>, now: SystemTime) -> Option<Self> {
        let today = date::day(now);
        let first = fallback.first_on(today)?;
        let day = first.closes?;
        let next = fallback.first_on(day);
        Some(Self {
            endpoint: first.endpoint.to_string(),
            date: date::calendar(day),
            days_left: day - today,
            next: next.map(|next| next.endpoint.to_string()),
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoint,
            date,
            days_left,
            next,
        } = self;
        let days = if *days_left == 1 { "day" } else { "days" };
        write!(
            f,
            "{endpoint} will be switched off on {date}, in {days_left} {days}; then "
        )?;
        match next {
            Some(next) => write!(f, "{next} is asked"),
            None => f.write_str("there is no other provider"),
        }
    }
}

/// The model of a stage's first provider has been switched off.
#[derive(Debug, thiserror::Error)]
#[error("{}, and there is no other provider with a key; {remedy}", .what)]
pub(crate) struct SwitchedOff {
    /// Which one, and when.
    pub(crate) what: String,
    /// What to do.
    remedy: String,
}

impl SwitchedOff {
    /// What is told of `candidate` where it is closed by now.
    pub(crate) fn of<P: ?Sized>(stage: Stage, candidate: &Candidate<P>) -> Self {
        let date = date::calendar(candidate.closes.unwrap_or_default());
        Self {
            what: format!("{} was switched off on {date}", candidate.endpoint),
            remedy: successor_remedy(stage, &candidate.endpoint),
        }
    }
}

/// What to use instead of a model that is switched off.
pub(crate) fn successor_remedy(stage: Stage, endpoint: &Endpoint) -> String {
    let known = catalogue::ending(stage, endpoint).and_then(|model| model.successor.as_deref());
    match known {
        Some(successor) => format!("use instead, under [{stage}]: {successor}"),
        None => format!("name another model or provider under [{stage}]"),
    }
}
