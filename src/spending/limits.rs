//! Limits of calls and of money, kept by all calls of a machine together.
//!
//! Before a call pays for anything it sets aside the maximum that it can cost, and afterwards it gives back what it has
//! not spent. A call that is killed gives nothing back, so the day's limit is never exceeded. Where it cannot be told
//! what was spent, nothing is paid for.

mod ledger;

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use log::warn;

use crate::config::Limits;
use crate::sys::costs::MicroDollars;
use crate::sys::date;
use crate::sys::error::Chain;
use crate::sys::number;
use crate::sys::state::State;
use crate::sys::state::guard::{self, Guard};

use ledger::Ledger;

/// Why a call may not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// This caller has made as many calls as are allowed.
    #[error(
        "this caller has made {made} calls within an hour; max_calls_per_caller_per_hour in [limits] allows {most}"
    )]
    Caller {
        /// How many calls this caller has made within the hour.
        made: usize,
        /// How many are allowed.
        most: u32,
    },
    /// The day's money is spent.
    #[error(
        "{spent} of {most} are spent or set aside today, and this call could cost {max_cost}; max_daily_cost in [limits]{}",
        .ahead.map(|ahead| format!("; but {ahead}")).unwrap_or_default()
    )]
    Day {
        /// What has been spent, and set aside by running calls.
        spent: MicroDollars,
        /// The limit of the day.
        most: MicroDollars,
        /// What this call could cost.
        max_cost: MicroDollars,
        /// The day that is counted has not come yet.
        ahead: Option<Ahead>,
    },
    /// The ledger cannot be read or written.
    #[error(
        "calls and costs cannot be counted, so nothing is paid for; phone-assistant check tells what to do"
    )]
    Unknown(#[from] guard::Error),
}

/// A ledger that counts for a day after tomorrow: the clock was wrong when it was written, or is wrong now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ahead {
    /// The ledger's day, since 1970.
    day: u64,
    /// How many days it is away.
    days: u64,
}

impl fmt::Display for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, days) = (date::calendar(self.day), self.days);
        write!(
            f,
            "{LEDGER} counts for {day}, which by this machine's clock is {days} days away, and goes on with that until then"
        )
    }
}

/// A call that may go on, and what is set aside for it.
#[derive(Debug)]
pub(crate) struct Admission {
    guard: Guard,
    set_aside: MicroDollars,
    day: u64,
    /// A warning for administrators about the ledger.
    pub ahead: Option<Ahead>,
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
        let (guard, caller) = (guard(state), number::key(caller));
        let admit = |ledger: &mut Ledger| {
            // The clock is read under the lock, so that entries that others wrote while this call waited are not in the
            // future.
            let now = clock();
            ledger.catch_up(now);
            self.check(ledger, &caller, max_cost, now)?;
            let before = ledger.spent;
            ledger.spent = before + max_cost;
            if self.calls_per_hour.is_some() {
                ledger.note(caller, now);
            }
            Ok::<_, Refused>((ledger.day, ledger.ahead_of(now), before))
        };
        // What is set aside is on the disk before anything is paid: a loss of power must not let it be spent twice.
        let (day, ahead, before) =
            guard.update_for_good(|| Ledger::of(date::day(clock())), admit)?;
        Ok(Some(Admission {
            guard,
            set_aside: max_cost,
            day,
            ahead,
            before,
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
        let (day, before) = (admission.day, admission.set_aside);
        let set_aside = spent + max_cost;
        let go_on = |ledger: &mut Ledger| {
            let now = clock();
            ledger.catch_up(now);
            // What was set aside yesterday is no longer counted.
            if ledger.day == day {
                ledger.spent = ledger.spent - before;
            }
            self.check_day(ledger, set_aside, now)?;
            ledger.spent = ledger.spent + set_aside;
            Ok::<_, Refused>(ledger.day)
        };
        // A caller is waiting, so the disk is waited for only once a call, when it is admitted.
        admission.day = admission.guard.update(|| Ledger::of(day), go_on)?;
        admission.set_aside = set_aside;
        Ok(())
    }

    /// Whether calls can be counted, as calls will find it, and what is spent today: for administrators.
    ///
    /// # Errors
    /// Why they cannot.
    pub(crate) fn look(
        state: &State,
        now: SystemTime,
    ) -> Result<(Option<Ahead>, MicroDollars), guard::Error> {
        let ledger = guard(state).read::<Ledger>()?;
        let mut ledger = ledger.unwrap_or_else(|| Ledger::of(date::day(now)));
        ledger.catch_up(now);
        Ok((ledger.ahead_of(now), ledger.spent))
    }

    /// What administrators are told where so little of the day's money is left that calls will soon be turned away.
    pub(crate) fn nearly_spent(self, spent: MicroDollars) -> Option<String> {
        let most = self.per_day?;
        let is_near = spent.0.saturating_mul(100) >= most.0.saturating_mul(WARNED_PERCENT);
        is_near.then(|| {
            format!(
                "{spent} of {most} are spent or set aside today, and beyond that calls are turned away: max_daily_cost in [limits]"
            )
        })
    }

    fn check(
        self,
        ledger: &Ledger,
        caller: &str,
        max_cost: MicroDollars,
        now: SystemTime,
    ) -> Result<(), Refused> {
        let made = ledger.calls.get(caller).map_or(0, Vec::len);
        if let Some(most) = self.calls_per_hour
            && u32::try_from(made).is_ok_and(|made| made >= most)
        {
            return Err(Refused::Caller { made, most });
        }
        self.check_day(ledger, max_cost, now)
    }

    fn check_day(
        self,
        ledger: &Ledger,
        max_cost: MicroDollars,
        now: SystemTime,
    ) -> Result<(), Refused> {
        let spent = ledger.spent;
        match self.per_day {
            Some(most) if spent + max_cost > most => Err(Refused::Day {
                spent,
                most,
                max_cost,
                ahead: ledger.ahead_of(now),
            }),
            _ => Ok(()),
        }
    }
}

impl Admission {
    /// Gives back what was set aside and not spent.
    pub(crate) fn settle(self, spent: MicroDollars) {
        let settle = |ledger: &mut Ledger| {
            // Yesterday's money is no longer counted.
            if ledger.day == self.day {
                ledger.spent = ledger.spent - self.set_aside + spent;
            }
            Ok::<_, guard::Error>(())
        };
        if let Err(cause) = self.guard.update(|| Ledger::of(self.day), settle) {
            warn!("more counts as spent today than was: {}", Chain(&cause));
        }
    }
}

/// The file that keeps what has been spent and which callers have called.
pub(crate) fn ledger(state: &State) -> PathBuf {
    state.file(LEDGER)
}

fn guard(state: &State) -> Guard {
    Guard::new(ledger(state))
}

const LEDGER: &str = "limits.json";
/// How much of the day's money is spent when administrators are told.
const WARNED_PERCENT: u64 = 80;

#[cfg(test)]
mod tests;
