//! Limits of calls and of money, kept by all calls of a machine together, or of several machines.
//!
//! Before a call pays for anything it sets aside the maximum that it can cost, and afterwards it gives back what it has
//! not spent. A call that is killed gives nothing back, so the day's limit is never exceeded. Where it cannot be told
//! what was spent, nothing is paid for.

mod books;
mod folder;
mod ledger;
mod machines;
mod refused;
mod shared;

use std::time::SystemTime;

use log::warn;

use crate::config::Limits;
use crate::sys::costs::MicroDollars;
use crate::sys::date;
use crate::sys::error::Chain;
use crate::sys::number;
use crate::sys::state::State;

use books::{Change, Held, Step};
use ledger::Ledger;
use machines::Machines;
pub(crate) use machines::{has_note, lost, spent_together};
use refused::guard;
pub(crate) use refused::{Ahead, Refused, ledger};
pub(crate) use shared::try_out;

/// A call that may go on, and what is set aside for it.
#[derive(Debug)]
pub(crate) struct Admission {
    books: Machines,
    held: Held,
    /// A warning for administrators about the ledger.
    pub ahead: Option<Ahead>,
    /// Why this machine counts alone, although it shares a server with others.
    pub alone: Option<String>,
    /// What was spent and set aside on this day before the call.
    pub before: MicroDollars,
}

impl Limits {
    /// Admits a call that can cost at most `max_cost`, or refuses it. Where nothing is limited, nothing is counted.
    /// `caller` is the number as the call shows it, and empty where that is withheld.
    ///
    /// # Errors
    /// [`Refused`]; then nothing is counted either.
    pub(crate) fn admit(
        self,
        state: &State,
        caller: &str,
        max_cost: MicroDollars,
        clock: impl Fn() -> SystemTime,
    ) -> Result<Option<Admission>, Refused> {
        if self == Self::default() {
            return Ok(None);
        }
        let (books, caller) = (Machines::of(state), number::key(caller));
        let change = Change {
            held: None,
            amount: max_cost,
            step: Step::Begin(&caller),
        };
        let entry = books.change(self, &change, &clock)?;
        Ok(Some(Admission {
            books,
            held: entry.held,
            ahead: entry.ahead,
            alone: entry.alone,
            before: entry.before,
        }))
    }

    /// Re-admits a running call that has spent `spent` and may cost up to `max_cost` more, or refuses it.
    ///
    /// # Errors
    /// [`Refused`]; then as much is set aside as before.
    pub(crate) fn go_on(
        self,
        admission: &mut Admission,
        spent: MicroDollars,
        max_cost: MicroDollars,
        clock: impl Fn() -> SystemTime,
    ) -> Result<(), Refused> {
        let change = Change {
            held: Some(admission.held),
            amount: spent + max_cost,
            step: Step::GoOn,
        };
        let entry = admission.books.change(self, &change, &clock)?;
        admission.held = entry.held;
        admission.alone = admission.alone.take().or(entry.alone);
        Ok(())
    }

    /// Whether calls can be counted, as calls will find it, and what is spent today: for administrators.
    ///
    /// # Errors
    /// Why they cannot.
    pub(crate) fn look(
        state: &State,
        now: SystemTime,
    ) -> Result<(Option<Ahead>, MicroDollars), crate::sys::state::guard::Error> {
        let ledger = guard(state).read::<Ledger>()?;
        let mut ledger = ledger.unwrap_or_else(|| Ledger::of(date::day(now)));
        ledger.catch_up(now);
        Ok((ledger.ahead_of(now), ledger.spent))
    }

    /// Returns a warning if one call's reserve turns calls away before the 80 % warning, and the smallest daily limit
    /// that avoids it.
    pub(crate) fn turns_away_early(self, max_cost: MicroDollars) -> Option<(String, MicroDollars)> {
        let per_day = self.per_day?;
        let (least, left) = (
            max_cost.times(100 / (100 - WARNED_PERCENT)),
            per_day - max_cost,
        );
        let until = if max_cost > per_day {
            "so none is let through".to_owned()
        } else {
            format!("so calls are turned away once more than {left} are spent or set aside")
        };
        let told = || {
            format!(
                "a call sets aside up to {max_cost} of the {per_day} that a day may cost, {until}"
            )
        };
        (least > per_day).then(|| (told(), least))
    }

    /// What administrators are told where so little of the day's money is left that calls will soon be turned away.
    pub(crate) fn nearly_spent(self, spent: MicroDollars) -> Option<String> {
        let per_day = self.per_day?;
        let is_near = spent.0.saturating_mul(100) >= per_day.0.saturating_mul(WARNED_PERCENT);
        is_near.then(|| {
            format!(
                "{spent} of {per_day} are spent or set aside today, and beyond that calls are turned away: max_daily_cost in [limits]"
            )
        })
    }
}

impl Admission {
    /// Gives back what was set aside and not spent.
    pub(crate) fn settle(self, spent: MicroDollars) {
        let change = Change {
            held: Some(self.held),
            amount: spent,
            step: Step::End,
        };
        // By no limits, since giving back is never refused.
        let settled = self
            .books
            .change(Limits::default(), &change, &SystemTime::now);
        if let Err(cause) = settled {
            warn!("more counts as spent today than was: {}", Chain(&cause));
        }
    }
}

/// How much of the day's money is spent when administrators are told.
const WARNED_PERCENT: u64 = 80;

#[cfg(test)]
mod tests;
