//! Why a call may not go on, and the file that tells.

use std::fmt;
use std::path::PathBuf;

use crate::sys::costs::MicroDollars;
use crate::sys::date;
use crate::sys::plain::counted;
use crate::sys::state::State;
use crate::sys::state::guard::{self, Guard};
use crate::sys::state::server::Lost;

/// Why a call may not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// This caller has made as many calls as are allowed.
    #[error(
        "this caller has made {} within an hour; max_calls_per_caller_per_hour in [limits] allows {limit}", counted(.made, "call", "calls")
    )]
    Caller {
        /// How many calls this caller has made within the hour.
        made: usize,
        /// How many are allowed.
        limit: u32,
    },
    /// The day's money is spent.
    #[error(
        "{spent} of {limit} are spent or set aside today, and this call could cost {max_cost}; max_daily_cost in [limits]{}",
        .ahead.map(|ahead| format!("; but {ahead}")).unwrap_or_default()
    )]
    Day {
        /// What has been spent, and set aside by running calls.
        spent: MicroDollars,
        /// The limit of the day.
        limit: MicroDollars,
        /// What this call could cost.
        max_cost: MicroDollars,
        /// The day that is counted has not come yet.
        ahead: Option<Ahead>,
    },
    /// This machine counts alone, and its part has no more.
    #[error("{refused}; {why}")]
    Alone {
        /// Why the call may not go on.
        refused: Box<Refused>,
        /// Why it counts alone.
        why: String,
    },
    /// The ledger cannot be read or written.
    #[error(
        "calls and costs cannot be counted, so nothing is paid for; phone-assistant check tells what to do"
    )]
    Unknown(#[from] guard::Error),
    /// The server that machines share cannot be used, which the folder makes up for.
    #[error(transparent)]
    Lost(#[from] Lost),
}

impl Refused {
    /// Whether too little of the day's money is left.
    pub(crate) fn is_for_the_day(&self) -> bool {
        match self {
            Self::Day { .. } => true,
            Self::Alone { refused, .. } => refused.is_for_the_day(),
            _ => false,
        }
    }
}

/// A ledger that counts for a day after tomorrow: the clock was wrong when it was written, or is wrong now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ahead {
    /// The ledger's day, since 1970.
    pub(super) day: u64,
    /// How many days it is away.
    pub(super) days: u64,
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

/// The file that keeps what has been spent and which callers have called.
pub(crate) fn ledger(state: &State) -> PathBuf {
    state.file(LEDGER)
}

pub(super) fn guard(state: &State) -> Guard {
    Guard::new(ledger(state))
}

const LEDGER: &str = "limits.json";
