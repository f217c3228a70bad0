//! The books of one machine: a file.

use std::time::SystemTime;

use super::books::{Change, Entry, Held, Step};
use super::ledger::Ledger;
use super::refused::{Refused, guard};
use crate::config::Limits;
use crate::sys::date;
use crate::sys::state::State;
use crate::sys::state::guard::Guard;

/// The file.
#[derive(Debug)]
pub(super) struct Folder {
    guard: Guard,
}

impl Folder {
    pub(super) fn of(state: &State) -> Self {
        Self {
            guard: guard(state),
        }
    }

    /// Makes a change, or refuses it; a change that ends a call is refused by no limit.
    ///
    /// # Errors
    /// [`Refused`]; then nothing has changed.
    pub(super) fn change(
        &self,
        limits: Limits,
        change: &Change<'_>,
        clock: &dyn Fn() -> SystemTime,
    ) -> Result<Entry, Refused> {
        let held_day = change.held.map(|held| held.day);
        let begin = || Ledger::of(held_day.unwrap_or_else(|| date::day(clock())));
        match change.step {
            Step::Begin(_) => {
                // The clock is read under the lock, so that entries that others wrote while this call waited are not in
                // the future. What is set aside is on the disk before anything is paid: a loss of power must not let it
                // be spent twice.
                let enter = |ledger: &mut Ledger| enter(ledger, limits, change, clock());
                self.guard.update_for_good(begin, enter)
            }
            // A caller is waiting, so the disk is waited for only once a call, when it is admitted.
            Step::GoOn => {
                let enter = |ledger: &mut Ledger| enter(ledger, limits, change, clock());
                self.guard.update(begin, enter)
            }
            // No limit is checked at the end. The money is spent, and has to be counted even if it is more than was set
            // aside.
            Step::End => self.guard.update(begin, |ledger| Ok(end(ledger, change))),
        }
    }
}

fn enter(
    ledger: &mut Ledger,
    limits: Limits,
    change: &Change<'_>,
    now: SystemTime,
) -> Result<Entry, Refused> {
    ledger.catch_up(now);
    // What was set aside yesterday is no longer counted.
    if let Some(held) = change.held.filter(|held| held.day == ledger.day) {
        ledger.spent = ledger.spent - held.amount;
    }
    // Both limits are checked before anything is written: a refused call must change nothing.
    if let (Step::Begin(caller), Some(limit)) = (change.step, limits.calls_per_hour) {
        let made = ledger.calls.get(caller).map_or(0, Vec::len);
        if u32::try_from(made).is_ok_and(|made| made >= limit) {
            return Err(Refused::Caller { made, limit });
        }
    }
    if let Some(limit) = limits.per_day
        && ledger.spent + change.amount > limit
    {
        return Err(Refused::Day {
            spent: ledger.spent,
            limit,
            max_cost: change.amount,
            ahead: ledger.ahead_of(now),
        });
    }
    let before = ledger.spent;
    ledger.spent = before + change.amount;
    if let (Step::Begin(caller), Some(_)) = (change.step, limits.calls_per_hour) {
        ledger.note(caller.to_owned(), now);
    }
    Ok(Entry {
        held: held(ledger, change),
        ahead: ledger.ahead_of(now),
        before,
        alone: None,
    })
}

fn end(ledger: &mut Ledger, change: &Change<'_>) -> Entry {
    let before = ledger.spent;
    // Yesterday's money is no longer counted.
    if let Some(held) = change.held.filter(|held| held.day == ledger.day) {
        ledger.spent = ledger.spent - held.amount + change.amount;
    }
    Entry {
        held: held(ledger, change),
        ahead: None,
        before,
        alone: None,
    }
}

fn held(ledger: &Ledger, change: &Change<'_>) -> Held {
    Held {
        amount: change.amount,
        day: ledger.day,
        is_shared: false,
    }
}
