//! The books of several machines: two kinds of keys on the server that they share. Days are those of its clock.

use std::sync::Arc;
use std::time::SystemTime;

use super::books::{Books, Change, Entry, Held, Step};
use super::refused::Refused;
use crate::config::Limits;
use crate::sys::costs::MicroDollars;
use crate::sys::state::server::Server;

/// The keys on the server.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) server: Arc<Server>,
}

/// What a machine has set aside and given back without the server, which has to be told of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Owed {
    pub(super) day: u64,
    pub(super) amount: i64,
}

/// What has been put down, and all that is spent or set aside on its day.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) entry: Entry,
    pub(super) spent: MicroDollars,
}

impl Shared {
    /// Makes a change, and puts down what is owed, which is done whether the change is refused or not.
    ///
    /// # Errors
    /// [`Refused`]. Where the server is lost, all of it may have been done or none.
    pub(super) fn change_and_owe(
        &self,
        limits: Limits,
        change: &Change<'_>,
        owed: Owed,
    ) -> Result<Counted, Refused> {
        let (step, caller) = match change.step {
            Step::Begin(caller) => ("begin", caller),
            Step::GoOn => ("go on", ""),
            Step::End => ("end", ""),
        };
        let held = change.held.map_or((0, 0), |held| (held.day, held.amount.0));
        let arguments = [
            step.to_owned(),
            held.0.to_string(),
            held.1.to_string(),
            change.amount.0.to_string(),
            limits
                .per_day
                .map_or(String::new(), |most| most.0.to_string()),
            limits
                .calls_per_hour
                .map_or(String::new(), |most| most.to_string()),
            owed.day.to_string(),
            owed.amount.to_string(),
        ];
        let keys = vec![SPENT.to_owned(), format!("{CALLS}{caller}")];
        let answer = self.server.run(SCRIPT, keys, arguments.to_vec())?;
        let Some([status, day, spent, made]) = numbers(&answer) else {
            return Err(self.server.garbled().into());
        };
        let spent = MicroDollars(spent);
        match (status, limits.per_day, limits.calls_per_hour) {
            (1, _, Some(most)) => Err(Refused::Caller {
                made: usize::try_from(made).unwrap_or(usize::MAX),
                most,
            }),
            (2, Some(most), _) => Err(Refused::Day {
                spent,
                most,
                max_cost: change.amount,
                ahead: None,
            }),
            (0, ..) => Ok(Counted {
                entry: Entry {
                    held: Held {
                        amount: change.amount,
                        day,
                        is_shared: true,
                    },
                    ahead: None,
                    before: spent - change.amount,
                    alone: None,
                },
                spent,
            }),
            _ => Err(self.server.garbled().into()),
        }
    }
}

/// The numbers that the script answers; none where something else has answered.
fn numbers(answer: &[i64]) -> Option<[u64; 4]> {
    let numbers = answer.iter().map(|number| u64::try_from(*number).ok());
    numbers.collect::<Option<Vec<_>>>()?.try_into().ok()
}

impl Books for Shared {
    fn change(
        &self,
        limits: Limits,
        change: &Change<'_>,
        _: &dyn Fn() -> SystemTime,
    ) -> Result<Entry, Refused> {
        let counted = self.change_and_owe(limits, change, Owed::default())?;
        Ok(counted.entry)
    }
}

/// The day and what is spent of its money, with what is set aside by calls that go on.
const SPENT: &str = "phone-assistant:spent";
/// And a caller: when their calls of the last hour began.
const CALLS: &str = "phone-assistant:calls:";

/// Returns 0, or 1 where the caller and 2 where the day has no more; the day; what is spent on it; the caller's calls.
const SCRIPT: &str = include_str!("reserve.lua");
