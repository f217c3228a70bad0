//! Messages of callers, on their way to the people that they are for.
//!
//! A call puts a message into the [`Spool`], and only then may its caller hear that it was taken. A process of its own
//! delivers it by mail and by webhook, tries again where that fails, and keeps what was delivered for a while. Whatever
//! happens meanwhile, a message that the spool holds is delivered at least once, always under the same id.

mod deliver;
mod entry;
mod error;
mod hook;
mod mail;
mod spool;
#[cfg(test)]
mod tests;

pub(crate) use deliver::{Sink, deliver};
pub(crate) use entry::{Caller, Entry, Kind, Progress, Speaker, Way, Words};
pub(crate) use error::Error;
pub(crate) use spool::Spool;

use std::time::{Duration, SystemTime};

use crate::sys::error::Chain;
use crate::sys::plain::counted;

/// The longest message, in characters.
pub(crate) const MAX_CHARS: usize = 4000;

/// What administrators should know of messages that have not been delivered; nothing where all is as it should be.
pub(crate) fn trouble(spool: &Spool, now: SystemTime) -> Option<String> {
    let entries = match spool.entries(false) {
        Ok(entries) => entries,
        Err(cause) => return Some(Chain(&cause).to_string()),
    };
    let has_failed = |entry: &&Result<Entry, Error>| entry.as_ref().is_ok_and(Entry::has_failed);
    let is_late = |entry: &Entry| {
        let age = now.duration_since(entry.time()).unwrap_or_default();
        entry.is_pending() && age >= LATE
    };
    let is_trouble = |entry: &&Result<Entry, Error>| entry.as_ref().map_or(true, is_late);
    let told = [
        (
            entries.iter().filter(has_failed).collect::<Vec<_>>(),
            "not delivered, and not tried any more",
            "once the cause is gone: phone-assistant messages --retry",
        ),
        (
            entries.iter().filter(is_trouble).collect(),
            "not delivered after an hour",
            "see phone-assistant messages",
        ),
    ];
    let told = told.into_iter().filter_map(|(entries, what, remedy)| {
        let why = why(entries.first()?);
        let count = counted(entries.len(), "message is", "messages are");
        Some(format!("{count} {what}; the first: {why}; {remedy}"))
    });
    let told: Vec<_> = told.collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// Why a message has not been delivered.
fn why(entry: &Result<Entry, Error>) -> String {
    match entry {
        Ok(entry) => {
            let left = entry.ways.values().filter(|way| way.done.is_none());
            let errors = left.map(|way| way.error.as_str());
            let mut errors = errors.filter(|error| !error.is_empty());
            errors
                .next()
                .unwrap_or("no process has delivered it")
                .to_owned()
        }
        Err(cause) => Chain(cause).to_string(),
    }
}

/// A mail server or a webhook may be down for a while.
const LATE: Duration = Duration::from_secs(60 * 60);
