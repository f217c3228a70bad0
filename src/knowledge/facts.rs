//! The facts about the house: prices, people, addresses, in text files that an administrator writes.
//!
//! They are read anew for each call. A copy of the last good ones is kept in the folder of state, and used for a day from
//! the first call on that cannot read them, so that a save in the wrong encoding does not leave the model without them at
//! once.

mod guard;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use log::debug;
use serde::{Deserialize, Serialize};

use crate::sys::date::{self, SECONDS_A_DAY};
use crate::sys::digest;
use crate::sys::error::Chain;
use crate::sys::files;
use crate::sys::plain::BYTE_ORDER_MARK;
use crate::sys::state::State;

/// Why facts are not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file or the folder cannot be read.
    #[error(
        "cannot read the facts in {path}; {remedy}", remedy = self.remedy()
    )]
    Unreadable {
        /// The file or folder.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A path that depends on where the program was started.
    #[error("the facts in {0} cannot be found by calls; {remedy}", remedy = self.remedy())]
    Relative(String),
    /// A folder without text files.
    #[error("the folder {0} holds no facts; {remedy}", remedy = self.remedy())]
    Nothing(String),
    /// What a full disk leaves of a file, or one that is still to be written.
    #[error("the facts in {0} are empty; {remedy}", remedy = self.remedy())]
    Empty(String),
    /// More files than anybody writes by hand.
    #[error("the folder {0} holds more than {MAX_ENTRIES} files; {remedy}", remedy = self.remedy())]
    Crowded(String),
    /// Others may write what the model takes for true.
    #[error(transparent)]
    Unguarded(#[from] guard::Fault),
    /// More than fits.
    #[error("the facts in {path} have more than {MAX} bytes; {remedy}", remedy = self.remedy())]
    TooLong {
        /// The file or folder.
        path: String,
    },
    /// Bytes that UTF-8 does not have.
    #[error(
        "the facts in {path} are not UTF-8 text: byte {byte:#04x} at offset {offset}, in line {line}; {remedy}", remedy = self.remedy()
    )]
    NotText {
        /// The file.
        path: String,
        /// The first such byte.
        byte: u8,
        /// Its place, from 0 on.
        offset: usize,
        /// Its line, from 1 on.
        line: usize,
    },
}

impl Error {
    /// What is to be done.
    pub(crate) fn remedy(&self) -> String {
        match self {
            Self::Unreadable { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => "write them, or change facts in [knowledge]",
                io::ErrorKind::PermissionDenied => "let Asterisk's user read it",
                _ => "put a text file there, or a folder of them",
            }
            .to_owned(),
            Self::Relative(_) => "write the whole path, from / on".to_owned(),
            Self::Nothing(_) => "put files in it whose names end with .md or .txt".to_owned(),
            Self::Empty(_) => {
                "write down what callers ask for, or take facts out of [knowledge]".to_owned()
            }
            Self::Crowded(_) => "keep the facts in a folder of their own".to_owned(),
            Self::Unguarded(fault) => fault.remedy(),
            Self::TooLong { .. } => "keep what callers ask for".to_owned(),
            Self::NotText { .. } => "save the file as UTF-8".to_owned(),
        }
    }
}

/// The facts that a call has.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The text; `None` where there is not even a copy of it.
    pub(crate) text: Option<String>,
    /// Why they could not be read.
    pub(crate) error: Option<Error>,
}

/// The last good facts.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Copy {
    /// When they were read, in seconds since 1970.
    read: u64,
    /// When they could not be read for the first time after that.
    broken_since: Option<u64>,
    text: String,
}

impl Facts {
    /// Reads what is at `place`, or takes the copy of it for a day.
    pub(crate) fn read(place: &Path, state: &State, now: SystemTime) -> Self {
        let file = copy_of(place);
        let copy: Copy = state.read(&file);
        match read(place) {
            Ok(text) => {
                let age = date::seconds(now).checked_sub(copy.read);
                let is_old = age.is_none_or(|age| age >= KEPT_ANEW_AFTER);
                if copy.text != text || copy.broken_since.is_some() || is_old {
                    keep(state, &file, &text, now);
                    remove_old(state, now);
                }
                Self {
                    text: Some(text),
                    error: None,
                }
            }
            Err(error) => Self {
                text: Some(copy)
                    .filter(|copy| !copy.text.is_empty() && is_usable(copy, state, &file, now))
                    .map(|copy| copy.text),
                error: Some(error),
            },
        }
    }
}

/// Whether the day is not over that begins when the facts cannot be read for the first time, which is noted.
fn is_usable(copy: &Copy, state: &State, file: &str, now: SystemTime) -> bool {
    let now = date::seconds(now);
    // What is to come is noted by a clock that was wrong.
    if let Some(since) = copy.broken_since.filter(|since| *since <= now) {
        return now - since <= SECONDS_A_DAY;
    }
    let noted = state
        .waiting_briefly()
        .update(file, |copy: &mut Copy| copy.broken_since = Some(now));
    if let Err(cause) = noted {
        debug!(
            "it is not noted since when the facts cannot be read: {}",
            Chain(&cause)
        );
    }
    true
}

/// The facts in a file, or in all files `*.md` and `*.txt` of a folder, in the order of their names.
///
/// # Errors
/// [`Error`]
pub(crate) fn read(place: &Path) -> Result<String, Error> {
    if !place.is_absolute() {
        return Err(Error::Relative(place.display().to_string()));
    }
    let data = fs::metadata(place).map_err(|source| unreadable(place, source))?;
    let files = if data.is_dir() {
        guard::assert_guarded(place)?;
        of_folder(place)?
    } else {
        vec![place.to_owned()]
    };
    let mut all = String::new();
    for file in files {
        let room = MAX.saturating_sub(all.len());
        let text = read_file(&file, room).map_err(|error| match error {
            Error::TooLong { .. } => too_long(place),
            error => error,
        })?;
        let text = text.trim();
        if !all.is_empty() && !text.is_empty() {
            all.push_str("\n\n");
        }
        all.push_str(text);
    }
    match all.len() {
        0 => Err(Error::Empty(place.display().to_string())),
        1..=MAX => Ok(all),
        _ => Err(too_long(place)),
    }
}

fn of_folder(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let is_text = |path: &PathBuf| {
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let ending = path.extension().and_then(|ending| ending.to_str());
        !is_hidden && matches!(ending, Some("md" | "txt"))
    };
    let entries = fs::read_dir(folder).map_err(|source| unreadable(folder, source))?;
    let entries = entries.take(MAX_ENTRIES + 1);
    let files: Result<Vec<_>, _> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut files = files.map_err(|source| unreadable(folder, source))?;
    if files.len() > MAX_ENTRIES {
        return Err(Error::Crowded(folder.display().to_string()));
    }
    files.retain(is_text);
    // Each call is to have the same prompt, in whatever order the folder lists them.
    files.sort();
    if files.is_empty() {
        Err(Error::Nothing(folder.display().to_string()))
    } else {
        Ok(files)
    }
}

fn read_file(path: &Path, room: usize) -> Result<String, Error> {
    let cannot = |source| unreadable(path, source);
    let file = files::open(path).map_err(cannot)?;
    guard::assert_guarded(path)?;
    // What is read is what has been opened, whatever stands there by now.
    guard::assert_closed(path, &file.metadata().map_err(cannot)?)?;
    let mut bytes = Vec::new();
    // A byte order mark, carriage returns and blanks at the end are no facts.
    let max_bytes = 2 * room + 16;
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() >= max_bytes {
        return Err(too_long(path));
    }
    // A file that is empty on purpose has at least the end of a line, as editors leave it.
    if bytes.is_empty() {
        return Err(Error::Empty(path.display().to_string()));
    }
    let text = decoded(path, &bytes)?;
    if text.trim().len() <= room {
        Ok(text)
    } else {
        Err(too_long(path))
    }
}

/// UTF-8 with `\n` at the end of its lines, and without a byte order mark.
fn decoded(path: &Path, bytes: &[u8]) -> Result<String, Error> {
    let wrong = |offset: usize| Error::NotText {
        path: path.display().to_string(),
        byte: bytes.get(offset).copied().unwrap_or_default(),
        offset,
        line: bytes
            .iter()
            .take(offset)
            .filter(|byte| **byte == b'\n')
            .count()
            + 1,
    };
    let text = std::str::from_utf8(bytes).map_err(|error| wrong(error.valid_up_to()))?;
    if let Some(offset) = text.find('\0') {
        return Err(wrong(offset));
    }
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    Ok(text.replace("\r\n", "\n"))
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Unreadable {
        path: path.display().to_string(),
        source,
    }
}

fn too_long(path: &Path) -> Error {
    Error::TooLong {
        path: path.display().to_string(),
    }
}

fn keep(state: &State, file: &str, text: &str, now: SystemTime) {
    let kept = state.waiting_briefly().update(file, |copy: &mut Copy| {
        *copy = Copy {
            read: date::seconds(now),
            broken_since: None,
            text: text.to_owned(),
        };
    });
    if let Err(cause) = kept {
        debug!("no copy of the facts is kept: {}", Chain(&cause));
    }
}

/// Removes the copies of places that the settings have not named for long. Each persona may have a place.
fn remove_old(state: &State, now: SystemTime) {
    let folder = state.file("");
    for path in files::list(&folder).unwrap_or_default() {
        let name = path.file_name().and_then(|name| name.to_str());
        let is_copy = |name: &&str| name.starts_with(PREFIX) && name.ends_with(ENDING);
        let Some(name) = name.filter(is_copy) else {
            continue;
        };
        let age = date::seconds(now).saturating_sub(state.read::<Copy>(name).read);
        if age < REMOVED_AFTER {
            continue;
        }
        if let Err(cause) = fs::remove_file(&path) {
            debug!("{} is not removed: {cause}", path.display());
        }
    }
}

/// The name of the copy, which is the same for the same place alone.
fn copy_of(place: &Path) -> String {
    let name = digest::short(place.as_os_str().as_encoded_bytes(), NAME_BYTES);
    format!("{PREFIX}{name}{ENDING}")
}

/// The maximum number of bytes of all facts.
pub(crate) const MAX: usize = 48_000;

/// A copy that has not changed is dated anew only now and then: calls need not write to the disk for it.
const KEPT_ANEW_AFTER: u64 = SECONDS_A_DAY;
/// A copy that is not dated anew for this long is removed.
const REMOVED_AFTER: u64 = 30 * SECONDS_A_DAY;

/// Parts of the names of copies.
const PREFIX: &str = "facts-";
const ENDING: &str = ".json";

/// The maximum number of files in a folder of facts, of any kind.
const MAX_ENTRIES: usize = 1000;

/// Enough to tell the places of one machine apart.
const NAME_BYTES: usize = 9;

#[cfg(test)]
mod tests;
