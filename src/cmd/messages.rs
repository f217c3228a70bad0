//! `phone-assistant messages`: shows what waits to be delivered and what has failed, and delivers it.
//!
//! Root does it as the user whose folder it is.

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::config::{self, Arguments, Config, Environment, Needs};
use crate::messages::{self, Entry, Kind, Progress, Speaker, Spool, Way};
use crate::sys::date;
use crate::sys::owner;
use crate::sys::plain::{counted, plain, plain_to};

/// Why messages cannot be shown or delivered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The folder cannot be used.
    #[error(transparent)]
    Spool(#[from] messages::Error),
    /// The settings have faults, so nothing is delivered by them.
    #[error("the settings are not right")]
    Settings(#[from] config::Faults),
    /// Root cannot do it as the folder's user.
    #[error(transparent)]
    User(#[from] owner::Error),
    /// No message has this id, or several begin so.
    #[error(
        "no message has the id {0}, or more than one begins so; phone-assistant messages lists them"
    )]
    Unknown(String),
}

/// Delivers what is due, unless another process does, and says nothing.
///
/// # Errors
/// [`Error`].
pub(crate) fn deliver(config: Option<&Path>, environment: Environment<'_>) -> Result<(), Error> {
    let spool = open_to_deliver(config, environment)?;
    if !spool.folder().is_dir() {
        return Ok(());
    }
    let settings_of = |persona: &str| settings_of(persona, config, environment);
    Ok(messages::deliver(&spool, &settings_of)?)
}

/// The folder, where the settings have no fault: half of them may lead messages to the wrong people, or nowhere.
fn open_to_deliver(config: Option<&Path>, environment: Environment<'_>) -> Result<Spool, Error> {
    let spool = open(config, environment)?;
    let arguments = Arguments::of_file(config.map(Path::to_owned));
    Config::load(Needs::Nothing, &arguments, environment)?;
    Ok(spool)
}

/// The settings of a persona. Those of one that is gone, or has a fault, name no place: its messages wait for it.
fn settings_of(persona: &str, config: Option<&Path>, environment: Environment<'_>) -> Config {
    let of_persona = Some(persona).filter(|persona| !persona.is_empty());
    let arguments = Arguments::of_file(config.map(Path::to_owned));
    let arguments = arguments.with_persona(of_persona.map(str::to_owned));
    Config::load(Needs::Nothing, &arguments, environment).unwrap_or_else(|faults| {
        let mut config = *faults.understood;
        config.messages.mail_to.clear();
        config.messages.webhook.clear();
        config
    })
}

/// Tries everything anew that is not delivered, or the message with this id.
///
/// # Errors
/// [`Error`].
pub(crate) fn retry(
    id: &str,
    config: Option<&Path>,
    environment: Environment<'_>,
) -> Result<String, Error> {
    let spool = open_to_deliver(config, environment)?;
    let now = SystemTime::now();
    let mut count = 0;
    for entry in spool.entries(false)?.into_iter().flatten() {
        if !entry.id.starts_with(id) {
            continue;
        }
        let anew = |entry: &mut Entry| {
            entry.due = entry.due.min(date::seconds(now));
            let undone = entry.ways.values_mut().filter(|way| way.done.is_none());
            undone.for_each(|way| *way = Progress::default());
        };
        spool.change(&entry.id, entry.kind, anew)?;
        count += 1;
    }
    if count == 0 && !id.is_empty() {
        return Err(Error::Unknown(id.to_owned()));
    }
    // There is none before the first message.
    if spool.folder().is_dir() {
        let settings_of = |persona: &str| settings_of(persona, config, environment);
        messages::deliver(&spool, &settings_of)?;
    }
    listed(&spool, now)
}

/// Removes a message, delivered or not.
///
/// # Errors
/// [`Error`].
pub(crate) fn remove(
    id: &str,
    config: Option<&Path>,
    environment: Environment<'_>,
) -> Result<String, Error> {
    let spool = open(config, environment)?;
    let name = spool.remove(id)?;
    let name = name.ok_or_else(|| Error::Unknown(id.to_owned()))?;
    let id = name.split('.').next().unwrap_or_default();
    Ok(format!("{id} is removed\n"))
}

/// Shows all of a message.
///
/// # Errors
/// [`Error`].
pub(crate) fn show(
    id: &str,
    config: Option<&Path>,
    environment: Environment<'_>,
) -> Result<String, Error> {
    let spool = open(config, environment)?;
    let entry = spool.find(id)?;
    let entry = entry.ok_or_else(|| Error::Unknown(id.to_owned()))?;
    let mut text = line_of(&entry);
    for line in entry.note.lines() {
        writeln!(text, "  note: {}", plain(line)).ok();
    }
    for words in &entry.words {
        let who = match words.who {
            Speaker::Caller => "caller",
            Speaker::Assistant => "assistant",
        };
        writeln!(text, "  {who}: {}", plain(&words.text)).ok();
    }
    Ok(text)
}

/// Lists what is not delivered.
///
/// # Errors
/// [`Error`].
pub(crate) fn list(config: Option<&Path>, environment: Environment<'_>) -> Result<String, Error> {
    listed(&open(config, environment)?, SystemTime::now())
}

fn open(config: Option<&Path>, environment: Environment<'_>) -> Result<Spool, Error> {
    let config = Config::to_look_back(config.map(Path::to_owned), environment);
    let config::Messages { folder, .. } = &config.messages;
    owner::become_owner(folder)?;
    Ok(Spool::new(folder))
}

fn listed(spool: &Spool, now: SystemTime) -> Result<String, Error> {
    let (mut text, mut count) = (String::new(), 0);
    for entry in spool.entries(false)? {
        count += 1;
        match entry {
            Ok(entry) => text.push_str(&line_of(&entry)),
            // A string takes in everything.
            Err(cause) => drop(writeln!(text, "{}", plain(&cause.to_string()))),
        }
    }
    let delivered = spool.entries(true)?.into_iter().flatten();
    let of_day = delivered.filter(|entry| {
        let done = entry.ways.values().filter_map(|way| way.done).max();
        done.is_some_and(|done| date::seconds(now).saturating_sub(done) < date::SECONDS_A_DAY)
    });
    writeln!(
        text,
        "{count} not delivered; {} delivered in the last 24 hours",
        of_day.count()
    )
    .ok();
    Ok(text)
}

/// A message and what has become of it, a line for each way.
fn line_of(entry: &Entry) -> String {
    let kind = match entry.kind {
        Kind::Message => "message",
        Kind::Transcript => "transcript",
        Kind::Notice => "notice",
    };
    let caller = match (entry.kind, &entry.caller.withheld) {
        (Kind::Notice, _) => "for administrators".to_owned(),
        (_, true) => "number withheld".to_owned(),
        (_, false) => format!("{} {}", entry.caller.number, entry.caller.name),
    };
    let recipient = match entry.recipient.as_str() {
        "" => String::new(),
        name => format!(", for {name}"),
    };
    let left = minute(date::seconds(entry.time()));
    let about = plain_to(
        &format!("{kind} from {}{recipient}", caller.trim()),
        MAX_SHOWN,
    );
    let mut text = format!("{}  {left}  {about}\n", entry.id);
    for (way, progress) in &entry.ways {
        let name = match way {
            Way::Mail => "mail",
            Way::Webhook => "webhook",
        };
        writeln!(text, "  {name}: {}", state_of(progress)).ok();
    }
    text
}

fn state_of(way: &Progress) -> String {
    let error = plain(&way.error);
    match way {
        Progress {
            done: Some(done), ..
        } => format!("delivered {}", minute(*done)),
        Progress {
            has_failed: true,
            tries,
            ..
        } => format!(
            "failed after {}, and is not tried any more: {error}",
            counted(tries, "try", "tries")
        ),
        Progress { tries: 0, .. } => "waits".to_owned(),
        Progress { tries, due, .. } => {
            format!(
                "{}, the next {}: {error}",
                counted(tries, "try", "tries"),
                minute(*due)
            )
        }
    }
}

/// Such as `2026-11-25 03:18 UTC`.
fn minute(seconds: u64) -> String {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    let time = date::rfc3339(time.unwrap_or(SystemTime::UNIX_EPOCH));
    format!("{} {} UTC", &time[..10], &time[11..16])
}

const MAX_SHOWN: usize = 120;
