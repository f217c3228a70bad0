//! What happens to the money of a day, wherever it is counted.

use super::refused::Ahead;
use crate::sys::costs::MicroDollars;

/// What a call wants to be put down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'c> {
    /// What has been set aside for it, which the amount takes the place of.
    pub(super) held: Option<Held>,
    /// What it has spent, and may spend next.
    pub(super) amount: MicroDollars,
    pub(super) step: Step<'c>,
}

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'c> {
    /// It begins, by the caller with this key.
    Begin(&'c str),
    /// It goes on.
    GoOn,
    /// It ends.
    End,
}

/// What is set aside for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) amount: MicroDollars,
    /// The day that it counts for, since 1970.
    pub(super) day: u64,
    /// Whether it is counted where several machines count.
    pub(super) is_shared: bool,
}

/// What has been put down.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) held: Held,
    pub(super) ahead: Option<Ahead>,
    /// What was spent and set aside on the day before.
    pub(super) before: MicroDollars,
    /// Why the machine counts alone.
    pub(super) alone: Option<String>,
}
