//! `phone-assistant callers` and `phone-assistant forget NUMBER`: lists the callers that are remembered, and forgets
//! one.
//!
//! Root does it as the user whose folder it is: no file may be left behind there that a call cannot change.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::config::{Arguments, Config, Environment, Faults, Needs, Retention, limits::Callers};
use crate::memory::{self, Record};
use crate::messages::{self, Spool};
use crate::sys::date;
use crate::sys::owner;
use crate::sys::plain::plain;

/// Why callers cannot be listed or forgotten.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The folder cannot be used.
    #[error(transparent)]
    Memory(#[from] memory::Error),
    /// Root cannot do it as the folder's user.
    #[error(transparent)]
    User(#[from] owner::Error),
    /// The folder of messages cannot be used.
    #[error(transparent)]
    Messages(#[from] messages::Error),
    /// The settings do not tell where callers are remembered.
    #[error(
        "nobody was forgotten, because the settings do not tell where callers are remembered; fix them first"
    )]
    Settings(#[source] Faults),
    /// No caller with that number is remembered.
    #[error("nobody of the number {number} is remembered in {place}, or has left a message")]
    Nobody {
        /// The number.
        number: String,
        /// Where callers are remembered.
        place: String,
    },
}

/// Lists the callers that are remembered, the last one first: for programs as JSON.
///
/// # Errors
/// [`Error`].
pub(crate) fn list(
    is_json: bool,
    config: Option<PathBuf>,
    environment: Environment<'_>,
) -> Result<String, Error> {
    let settings = patient(Config::to_look_back(config, environment).memory);
    owner::become_owner(&settings.folder)?;
    let mut list = List {
        settings: &settings,
        lines: Vec::new(),
        unreadable: 0,
    };
    for store in settings.stores() {
        for entry in store.entries()? {
            match entry.record {
                Ok(record) => list.lines.push((record, entry.bytes)),
                Err(_) => list.unreadable += 1,
            }
        }
    }
    list.lines.sort_by_key(|(record, _)| record.last());
    list.lines.reverse();
    Ok(if is_json {
        format!("{:#}\n", list.json())
    } else {
        list.to_string()
    })
}

/// Forgets all that is kept under a number, messages too, in the one spelling that it has, and says that it is done.
///
/// # Errors
/// [`Error`], also when there is nothing to forget.
pub(crate) fn forget(
    number: &str,
    config: Option<PathBuf>,
    environment: Environment<'_>,
) -> Result<String, Error> {
    // Faulty settings are an error here: by the usual folder in place of the one that is meant, a caller would count as
    // forgotten who is still remembered.
    let config = Config::load(Needs::Nothing, &Arguments::of_file(config), environment);
    let config = config.map_err(Error::Settings)?;
    let settings = patient(config.memory);
    owner::become_owner(&settings.folder)?;
    let stores = settings.stores().into_iter();
    // All are asked, whatever one says, and messages are forgotten in any case.
    let remembered: Vec<_> = stores.map(|store| store.forget(number)).collect();
    owner::become_owner(&config.messages.folder)?;
    let messages = Spool::new(&config.messages.folder).forget(number)?;
    let remembered: usize = remembered.into_iter().sum::<Result<_, _>>()?;
    let count = remembered + messages;
    if count == 0 {
        return Err(Error::Nobody {
            number: number.to_owned(),
            place: place(&settings),
        });
    }
    Ok(format!("{number} is forgotten\n"))
}

/// The same settings, with a server that is given more time than in a call.
fn patient(settings: Retention) -> Retention {
    let server = settings.server.map(|server| server.of_command().into());
    Retention { server, ..settings }
}

fn place(settings: &Retention) -> String {
    let folder = settings.folder.display();
    match &settings.server {
        Some(server) => format!("{} or {folder}", server.address()),
        None => folder.to_string(),
    }
}

/// The callers that are remembered, one on each line.
struct List<'a> {
    settings: &'a Retention,
    lines: Vec<(Record, u64)>,
    unreadable: usize,
}

impl List<'_> {
    fn json(&self) -> Value {
        let caller = |(record, bytes): &(Record, u64)| {
            json!({
                "number": plain(&record.number),
                "account": record.account.as_deref().map(plain),
                "exchanges": record.exchanges.len(),
                "last": record.last().map(|seconds| date::rfc3339(moment(seconds))),
                "bytes": bytes,
            })
        };
        let callers: Vec<_> = self.lines.iter().map(caller).collect();
        json!({"version": VERSION_OF_JSON, "callers": callers, "unreadable_files": self.unreadable})
    }
}

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lines.is_empty() {
            let off = match self.settings.callers {
                Callers::None => ", and nobody will be: callers in [memory] is none",
                _ => "",
            };
            writeln!(
                f,
                "nobody is remembered in {}{off}",
                plain(&place(self.settings))
            )?;
        } else {
            writeln!(
                f,
                "{:<18}{:<24}{:>9}  {:<20}{:>8}",
                "number", "account", "exchanges", "last call", "bytes"
            )?;
        }
        for (record, bytes) in &self.lines {
            let account = cell(record.account.as_deref().unwrap_or("-"));
            writeln!(
                f,
                "{:<18}{account:<24}{:>9}  {:<20}{bytes:>8}",
                cell(&record.number),
                record.exchanges.len(),
                record.last().map_or("-".to_owned(), day_and_minute),
            )?;
        }
        let what = match self.settings.server {
            Some(_) => "record",
            None => "file",
        };
        match self.unreadable {
            0 => Ok(()),
            1 => writeln!(f, "\n1 {what} could not be read"),
            count => writeln!(f, "\n{count} {what}s could not be read"),
        }
    }
}

/// Such as `2026-11-25 03:18 UTC`.
fn day_and_minute(seconds: u64) -> String {
    let time = date::rfc3339(moment(seconds));
    format!("{} {} UTC", &time[..10], &time[11..16])
}

fn moment(seconds: u64) -> SystemTime {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Makes a text of a file, which may hold anything, fit for the table.
fn cell(text: &str) -> String {
    plain(text).chars().take(LONGEST).collect()
}

/// It grows when programs that read the JSON must change.
const VERSION_OF_JSON: u32 = 1;

/// Longer than any number and account that calls write.
const LONGEST: usize = 80;
