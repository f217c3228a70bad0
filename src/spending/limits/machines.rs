//! The books of a machine that may share a server with others.
//!
//! While the server answers, it counts for all. A call that gets no answer is counted in this machine's folder, where
//! it may spend an equal part of what was left of the day when the server last answered. What happens there is also
//! noted as owed, and the server is told of it by the first call that reaches it again.

use std::time::{Duration, SystemTime};

use log::debug;
use serde::{Deserialize, Serialize};

use super::books::{Change, Entry, Step};
use super::folder::Folder;
use super::refused::Refused;
use super::shared::{self, Counted, Seen};
use crate::config::Limits;
use crate::sys::costs::MicroDollars;
use crate::sys::date;
use crate::sys::error::Chain;
use crate::sys::state::guard::{self, Guard, Guarded};
use crate::sys::state::server::{Lost, Server};
use crate::sys::state::{self, State};

/// The folder, and the server where there is one.
#[derive(Debug)]
pub(super) struct Machines {
    folder: Folder,
    state: State,
    owed: Guard,
}

impl Machines {
    pub(super) fn of(state: &State) -> Self {
        Self {
            folder: Folder::of(state),
            state: state.clone(),
            owed: Guard::new(state.file(OWED)),
        }
    }

    fn change_shared(
        &self,
        server: &Server,
        limits: Limits,
        change: &Change<'_>,
    ) -> Result<Entry, Refused> {
        let owed = self.owed.read::<Owed>()?;
        // Nothing is owed as a rule. Then no call waits for the lock of the one that pays.
        let counted = if owed.is_none_or(|owed| owed.amount == 0) {
            self.change_and_owe(server, limits, change, shared::Owed::default())?
        } else {
            self.change_and_pay(server, limits, change)?
        };
        self.note(&counted);
        counted.entry
    }

    fn change_and_owe(
        &self,
        server: &Server,
        limits: Limits,
        change: &Change<'_>,
        owed: shared::Owed,
    ) -> Result<Counted, Lost> {
        let seen = self.state.read::<Note>(SEEN).seen;
        shared::change_and_owe(server, limits, change, owed, &seen)
    }

    /// Notes what the server has said. Calls at once do so in any order, and the last of its states is to stay.
    fn note(&self, counted: &Counted) {
        let seen = &counted.seen;
        let note = |note: &mut Note| {
            if counted.is_lost {
                note.lost_on = seen.day;
            }
            // Of calls that were the first at once, the name of one stays.
            if note.seen.life != seen.life || note.seen.changes < seen.changes {
                note.seen = seen.clone();
            }
        };
        if let Err(cause) = self.state.waiting_briefly().update(SEEN, note) {
            debug!("{}", Chain(&cause));
        }
    }

    /// Makes a change, and tells the server what is owed. One call at a time tells it; others do not wait, because
    /// a silent server would hold them all up.
    fn change_and_pay(
        &self,
        server: &Server,
        limits: Limits,
        change: &Change<'_>,
    ) -> Result<Counted, Refused> {
        let _paying = match state::lock(&self.state.file(PAYING), Duration::ZERO) {
            Err(state::Error::Busy { .. }) => {
                let nothing = shared::Owed::default();
                return Ok(self.change_and_owe(server, limits, change, nothing)?);
            }
            lock => lock.map_err(guard::Error::from)?,
        };
        let owed = self.take_what_is_due()?;
        let answer = self.change_and_owe(server, limits, change, owed);
        let left = match &answer {
            Err(lost) if owed.amount < 0 && !lost.may_have_run => owed.amount,
            Ok(_) if owed.amount > 0 => -owed.amount,
            // Where no answer came it may have been told or not: what was spent is told again, and what is to be given
            // back is not.
            _ => 0,
        };
        if left != 0 {
            self.owe(owed.day, left)?;
        }
        Ok(answer?)
    }

    /// What is owed. What is to be given back is not owed any more then, so that it is not given back twice, whatever
    /// becomes of this call; what was spent is owed until the server has answered.
    fn take_what_is_due(&self) -> Result<shared::Owed, Refused> {
        let take = |owed: &mut Owed| {
            let taken = shared::Owed {
                day: owed.day,
                amount: owed.amount,
            };
            owed.amount = owed.amount.max(0);
            Ok(taken)
        };
        self.owed.update(|| Owed::of(0), take)
    }

    /// Adds to what is owed of this day. Of a day that is over nothing is owed any more.
    fn owe(&self, day: u64, more: i64) -> Result<(), Refused> {
        let owe = |owed: &mut Owed| {
            // A debt of yesterday is dropped: the server counts the money of one day only.
            if owed.day < day {
                *owed = Owed::of(day);
            }
            if owed.day == day {
                owed.amount += more;
            }
            Ok(())
        };
        self.owed.update(|| Owed::of(day), owe)
    }

    fn change_alone(
        &self,
        limits: Limits,
        change: &Change<'_>,
        may_have_run: bool,
        clock: &dyn Fn() -> SystemTime,
    ) -> Result<Entry, Refused> {
        // The folder knows nothing of what is held on the server, and must not subtract it from its own count.
        let here = Change {
            held: change.held.filter(|held| !held.is_shared),
            ..*change
        };
        let entry = match (change.step, change.held) {
            (Step::End, Some(held)) if held.is_shared => Entry {
                held,
                ahead: None,
                before: MicroDollars::default(),
                alone: None,
            },
            _ => self
                .folder
                .change(self.share(limits, clock())?, &here, clock)?,
        };
        let before = change.held.filter(|held| held.day == entry.held.day);
        let before = before.map_or(0, |held| signed(held.amount));
        let more = signed(change.amount) - before;
        // What the server may have given back already is not given back again.
        let more = if may_have_run { more.max(0) } else { more };
        self.owe(entry.held.day, more)?;
        Ok(entry)
    }

    /// The part of what is limited that this machine may use by itself. Where it cannot read what was left of the day, it
    /// may not use any.
    fn share(&self, limits: Limits, now: SystemTime) -> Result<Limits, Refused> {
        let machines = self.state.server().map_or(1, |server| server.machines());
        // Calls are counted here and there alone: only of money it matters what has been spent elsewhere.
        let seen = match limits.per_day {
            Some(_) => read_note(&self.state)?.seen,
            None => Seen::default(),
        };
        let spent = if seen.day == date::day(now) {
            seen.spent
        } else {
            MicroDollars::default()
        };
        let part = |limit: MicroDollars| MicroDollars((limit - spent).0 / u64::from(machines));
        Ok(Limits {
            // At least one call: a limit below the number of machines would otherwise refuse every caller while the
            // server is away.
            calls_per_hour: limits.calls_per_hour.map(|limit| (limit / machines).max(1)),
            per_day: limits.per_day.map(part),
        })
    }
}

impl Machines {
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
        let Some(server) = self.state.server() else {
            return self.folder.change(limits, change, clock);
        };
        // A call that began alone ends alone. The server has no amount of it that a change could replace.
        if change.held.is_some_and(|held| !held.is_shared) {
            return self.change_alone(limits, change, false, clock);
        }
        match self.change_shared(server, limits, change) {
            Err(Refused::Lost(lost)) => {
                let why = format!("{}; {ALONE}", Chain(&lost));
                match self.change_alone(limits, change, lost.may_have_run, clock) {
                    Ok(entry) => Ok(Entry {
                        alone: Some(why),
                        ..entry
                    }),
                    Err(refused @ (Refused::Caller { .. } | Refused::Day { .. })) => {
                        let refused = Box::new(refused);
                        Err(Refused::Alone { refused, why })
                    }
                    Err(other) => Err(other),
                }
            }
            result => result,
        }
    }
}

/// What the server is to be told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Owed {
    version: u32,
    /// Days since 1970.
    day: u64,
    /// In millionths of a dollar; below 0 where more was given back than set aside.
    amount: i64,
}

impl Guarded for Owed {
    const VERSION: u32 = 1;
}

impl Owed {
    fn of(day: u64) -> Self {
        Self {
            version: Self::VERSION,
            day,
            amount: 0,
        }
    }
}

/// What the server has said last, and the last day on which it had lost what was seen there.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Note {
    #[serde(flatten)]
    seen: Seen,
    lost_on: u64,
}

impl Guarded for Note {
    const VERSION: u32 = 1;
}

/// What the server has said last, for what depends on it.
fn read_note(state: &State) -> Result<Note, guard::Error> {
    let note = Guard::new(state.file(SEEN)).read()?;
    Ok(note.unwrap_or_default())
}

/// Whether it is known what the server has said last: a machine that cannot read it spends nothing alone.
///
/// # Errors
/// Why it cannot be read.
pub(crate) fn has_note(state: &State) -> Result<(), guard::Error> {
    read_note(state).map(drop)
}

/// What all machines have spent today, as the next call will find it on the server that they share. Nothing changes.
///
/// # Errors
/// [`Lost`].
pub(crate) fn spent_together(state: &State, server: &Server) -> Result<MicroDollars, Lost> {
    shared::look(server, &state.read::<Note>(SEEN).seen)
}

/// What administrators are told on a day on which the server had lost what this machine had seen there.
pub(crate) fn lost(state: &State, now: SystemTime) -> Option<String> {
    let server = state.server()?;
    let is_lost = state.read::<Note>(SEEN).lost_on == date::day(now);
    is_lost.then(|| format!("{} has lost {LOST}", server.address()))
}

fn signed(amount: MicroDollars) -> i64 {
    i64::try_from(amount.0).unwrap_or(i64::MAX)
}

const OWED: &str = "owed.json";
/// The lock of the call that tells what is owed.
pub(super) const PAYING: &str = "owed.paying.lock";
const SEEN: &str = "shared.json";
const ALONE: &str = "until it answers, this machine counts its calls by itself and spends at most its share of what was left of the day";
const LOST: &str = "what it had counted: of today's money, what its machines saw last counts on, and the calls of each caller are counted anew; let it keep its data (appendonly yes)";
