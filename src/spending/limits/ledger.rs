//! What has been spent on a day, and which callers have called within an hour.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::refused::Ahead;
use crate::sys::costs::MicroDollars;
use crate::sys::date;
use crate::sys::state::guard::{Guarded, first};

/// The file. All of it is there, or it is none of ours: a number that is missing is not 0.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ledger {
    #[serde(default = "first")]
    version: u32,
    /// Days since 1970.
    pub(super) day: u64,
    /// The amount spent on that day, with what is set aside by calls that go on.
    pub(super) spent: MicroDollars,
    /// When each caller's calls began, in seconds since 1970.
    pub(super) calls: BTreeMap<String, Vec<u64>>,
}

impl Guarded for Ledger {
    const VERSION: u32 = 1;
}

impl Ledger {
    /// The ledger of a day on which nothing has been spent.
    pub(super) fn of(day: u64) -> Self {
        Self {
            version: Self::VERSION,
            day,
            spent: MicroDollars::default(),
            calls: BTreeMap::new(),
        }
    }

    /// Begins a later day, and drops the calls that no longer count. An earlier day is a clock that was set back, or
    /// has not been set yet: what is spent then is added to the day that the ledger has reached.
    pub(super) fn catch_up(&mut self, now: SystemTime) {
        let today = date::day(now);
        if today > self.day {
            (self.day, self.spent) = (today, MicroDollars::default());
        }
        let now = date::seconds(now);
        // Clocks are set back by seconds all the time. An entry that a wrong clock has put further into the future
        // blocks no call.
        self.calls.retain(|_, times| {
            times.retain(|time| now.abs_diff(*time) < SECONDS_AN_HOUR);
            !times.is_empty()
        });
    }

    /// Puts a call down.
    pub(super) fn note(&mut self, caller: String, now: SystemTime) {
        let times = self.calls.entry(caller).or_default();
        times.push(date::seconds(now));
    }

    /// How far its day lies ahead, if that is more than a step of the clock over midnight.
    pub(super) fn ahead_of(&self, now: SystemTime) -> Option<Ahead> {
        let days = self.day.saturating_sub(date::day(now));
        (days > 1).then_some(Ahead {
            day: self.day,
            days,
        })
    }
}

const SECONDS_AN_HOUR: u64 = 60 * 60;
