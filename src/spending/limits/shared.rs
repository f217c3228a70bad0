//! The books of several machines: two kinds of keys on the server that they share. Days are those of its clock.

use serde::{Deserialize, Serialize};

use super::books::{Change, Entry, Held, Step};
use super::refused::Refused;
use crate::config::Limits;
use crate::sys::costs::MicroDollars;
use crate::sys::state::server::{Lost, Server};

/// What a machine has set aside and given back without the server, which has to be told of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Owed {
    pub(super) day: u64,
    pub(super) amount: i64,
}

/// What the server has said last to a machine.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Seen {
    /// Days since 1970.
    pub(super) day: u64,
    /// All that is spent or set aside on that day.
    pub(super) spent: MicroDollars,
    /// When the server began to count, in millionths of a second since 1970; 0 where it has said nothing yet.
    pub(super) life: u64,
    /// The number of changes since then.
    pub(super) changes: u64,
    /// By which the server knows the machine: the life and the number of its first change.
    pub(super) name: String,
}

/// What the server answers to a change.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) entry: Result<Entry, Refused>,
    pub(super) seen: Seen,
    /// Whether it had lost what the machine had seen there.
    pub(super) is_lost: bool,
}

/// Makes a change, and puts down what is owed, and what the machine has seen where the server has lost it. Both are put
/// down whether the change is refused or not.
///
/// # Errors
/// [`Lost`]; then all of it may have been done or none.
pub(super) fn change_and_owe(
    server: &Server,
    limits: Limits,
    change: &Change<'_>,
    owed: Owed,
    seen: &Seen,
) -> Result<Counted, Lost> {
    let (step, caller) = match change.step {
        Step::Begin(caller) => ("begin", caller),
        Step::GoOn => ("go on", ""),
        Step::End => ("end", ""),
    };
    let request = Request {
        step,
        caller,
        held: change.held,
        amount: change.amount,
        limits,
        owed,
        seen: seen.clone(),
        ..Request::default()
    };
    let told = request.ask(server)?;
    let entry = match (told.status, limits.per_day, limits.calls_per_hour) {
        (1, _, Some(limit)) => Err(Refused::Caller {
            made: usize::try_from(told.made).unwrap_or(usize::MAX),
            limit,
        }),
        (2, Some(limit), _) => Err(Refused::Day {
            spent: told.others,
            limit,
            max_cost: change.amount,
            ahead: None,
        }),
        (0, ..) => Ok(Entry {
            held: Held {
                amount: change.amount,
                day: told.seen.day,
                is_shared: true,
            },
            ahead: None,
            before: told.others,
            alone: None,
        }),
        // A refusal by a limit that is not set here is not of our script. It counts as no answer, and this machine
        // counts by itself.
        _ => return Err(server.garbled()),
    };
    Ok(Counted {
        entry,
        seen: told.seen,
        is_lost: told.is_lost,
    })
}

/// All that is spent or set aside today, and changes nothing.
///
/// # Errors
/// [`Lost`].
pub(super) fn look(server: &Server, seen: &Seen) -> Result<MicroDollars, Lost> {
    let request = Request {
        step: "look",
        seen: seen.clone(),
        ..Request::default()
    };
    Ok(request.ask(server)?.others)
}

/// Counts a trial call under keys of its own, to find out whether the server can count.
///
/// # Errors
/// [`Lost`].
pub(crate) fn try_out(server: &Server) -> Result<(), Lost> {
    let mut request = Request {
        trial: TRIAL,
        step: "begin",
        ..Request::default()
    };
    request.limits.calls_per_hour = Some(u32::MAX);
    // With a name of its own, as every check would otherwise add a machine to the key.
    "check".clone_into(&mut request.seen.name);
    request.ask(server).map(drop)
}

/// What the script is asked.
#[derive(Default)]
struct Request<'r> {
    /// What its keys have in front.
    trial: &'r str,
    step: &'r str,
    caller: &'r str,
    held: Option<Held>,
    amount: MicroDollars,
    limits: Limits,
    owed: Owed,
    seen: Seen,
}

/// What the script answers.
struct Answer {
    status: u64,
    seen: Seen,
    /// What is spent and set aside without this call.
    others: MicroDollars,
    made: u64,
    is_lost: bool,
}

impl Request<'_> {
    fn ask(self, server: &Server) -> Result<Answer, Lost> {
        let held = self.held.map_or((0, 0), |held| (held.day, held.amount.0));
        let per_day = self.limits.per_day.map(|limit| limit.0.to_string());
        let calls = self.limits.calls_per_hour.map(|limit| limit.to_string());
        let mut seen = self.seen;
        // By position, as `reserve.lua` reads them. An empty text is a limit that is not set: a 0 there would be a limit of
        // nothing.
        let arguments = vec![
            self.step.to_owned(),
            held.0.to_string(),
            held.1.to_string(),
            self.amount.0.to_string(),
            per_day.unwrap_or_default(),
            calls.unwrap_or_default(),
            self.owed.day.to_string(),
            self.owed.amount.to_string(),
            seen.day.to_string(),
            seen.spent.0.to_string(),
            seen.life.to_string(),
            seen.changes.to_string(),
            seen.name.clone(),
        ];
        // All that a change touches is in these two keys, so that the script changes both or neither.
        let key = |rest: &str| format!("{PREFIX}{}{rest}", self.trial);
        let keys = vec![key(SPENT), key(CALLS) + self.caller];
        let answer = server.run(SCRIPT, keys, arguments)?;
        let Some([status, day, spent, others, made, life, changes, is_lost]) = numbers(&answer)
        else {
            return Err(server.garbled());
        };
        seen.spent = MicroDollars(spent);
        (seen.day, seen.life, seen.changes) = (day, life, changes);
        // The script names a new machine by its first change. No other machine can have made that, so names need no random
        // number and no host name.
        if seen.name.is_empty() {
            seen.name = format!("{life}:{changes}");
        }
        Ok(Answer {
            status,
            seen,
            others: MicroDollars(others),
            made,
            is_lost: is_lost == 1,
        })
    }
}

/// The numbers that the script answers; none where something else has answered.
fn numbers(answer: &[i64]) -> Option<[u64; 8]> {
    let numbers = answer.iter().map(|number| u64::try_from(*number).ok());
    numbers.collect::<Option<Vec<_>>>()?.try_into().ok()
}

const PREFIX: &str = "phone-assistant:";
/// The day and what is spent of its money, with what is set aside by calls that go on.
const SPENT: &str = "spent";
/// And a caller: when their calls of the last hour began.
const CALLS: &str = "calls:";
const TRIAL: &str = "trial:";

/// Returns 0, or 1 where the caller and 2 where the day has no more; the day; all that is spent on it; the same without
/// what this call holds; the caller's calls; the life and its changes; 1 where what this machine had seen was lost.
const SCRIPT: &str = include_str!("reserve.lua");
