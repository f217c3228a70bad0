//! The folder of callers: a file for each, under a name that does not tell whose it is.
//!
//! A process that changes anything holds the lock for all of it, which takes milliseconds; files are replaced as a
//! whole, so that readers need none. The name is a keyed hash: <https://www.rfc-editor.org/rfc/rfc2104>.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use log::{debug, warn};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use super::caller::Caller;
use super::record::{MAX_BYTES, Record};
use crate::config::limits::RetentionLimits;
use crate::sys::date::SECONDS_A_DAY;
use crate::sys::error::Chain;
use crate::sys::files::{self, NewFile, Readers};
use crate::sys::state;

/// Why something cannot be remembered or forgotten.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Another process holds the lock, or it cannot be taken.
    #[error(transparent)]
    Lock(#[from] state::Error),
    /// A file cannot be replaced.
    #[error(transparent)]
    Write(#[from] files::Error),
    /// A file cannot be read.
    #[error("cannot read {path}; check that it belongs to Asterisk's user, in a folder of its own")]
    Read {
        /// The file or folder.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file is not what calls write.
    #[error(
        "cannot understand {path}, so it is left as it is; phone-assistant check tells what to do"
    )]
    Unclear {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The key is none.
    #[error(
        "cannot use {path}, the key of all callers' names: it has {len} bytes instead of {KEY_BYTES}; phone-assistant check tells what to do"
    )]
    Key {
        /// The key.
        path: String,
        /// Its length.
        len: usize,
    },
    /// A file cannot be removed.
    #[error("cannot remove {path}; what it remembers is still there")]
    Remove {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It is no JSON.
    #[error("cannot write {path} as JSON")]
    Json {
        /// The file.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The system gives no random bytes.
    #[error("the system has no random bytes for a key")]
    Random,
}

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    folder: PathBuf,
}

/// A caller's file.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds, or why that cannot be told.
    pub record: Result<Record, Error>,
    /// Its size.
    pub bytes: u64,
    /// When it was written, where that can be told.
    modified: Option<SystemTime>,
}

impl Store {
    /// The files in `folder`, which is made when it is first needed.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// What is kept of a caller; `None` where there is nothing.
    ///
    /// # Errors
    /// [`Error`], also where there is something that cannot be read or understood.
    pub(crate) fn read(&self, caller: &Caller) -> Result<Option<Record>, Error> {
        let path = self.place(caller)?;
        read(&path)
    }

    /// Changes what is kept of a caller, or begins it where that is `None`, and returns what `change` does.
    ///
    /// # Errors
    /// [`Error`]; then it is as it was.
    pub(crate) fn change<R>(
        &self,
        caller: &Caller,
        change: impl FnOnce(&mut Option<Record>) -> R,
    ) -> Result<R, Error> {
        let path = self.place(caller)?;
        let lock = self.lock()?;
        let mut record = read(&path)?;
        let before = record.clone();
        let result = change(&mut record);
        // What has not changed is not written: each write waits for the disk twice, for the file and for its folder.
        if let Some(record) = record.filter(|record| Some(record) != before.as_ref()) {
            write(&path, &record)?;
        }
        drop(lock);
        Ok(result)
    }

    /// Forgets a caller, also what cannot be understood of them. Waits for the lock for at most `patience`.
    ///
    /// # Errors
    /// [`Error`]; then it is as it was.
    pub(crate) fn remove(&self, caller: &Caller, patience: Duration) -> Result<(), Error> {
        let path = self.place(caller)?;
        let _lock = self.lock_within(patience)?;
        remove(&path)?;
        self.sync()
    }

    /// Forgets all callers of a number, in the one spelling that it has. Returns how many files that were.
    ///
    /// # Errors
    /// [`Error`]; then some may still be there.
    pub(crate) fn forget(&self, number: &str) -> Result<usize, Error> {
        let is_there = self.folder.try_exists();
        if !is_there.map_err(|source| unreadable(&self.folder, source))? {
            return Ok(0);
        }
        // One that cannot be understood is found by its name alone.
        let own = Caller::all_of(number).map(|caller| self.place(&caller));
        let (own, fault) = match own.into_iter().collect::<Result<Vec<_>, _>>() {
            Ok(own) => (own, Ok(())),
            // Without a key the others are still found by what they hold.
            Err(error) => (Vec::new(), Err(error)),
        };
        let lock = self.lock()?;
        let is_theirs = |entry: &Entry| {
            let known = entry.record.as_ref();
            known.is_ok_and(|record| record.number == number) || own.contains(&entry.path)
        };
        let entries: Vec<_> = self.entries()?.into_iter().filter(is_theirs).collect();
        // The places of this number's callers come again, for the half file that a killed call may have left without a
        // whole one.
        for path in entries.iter().map(|entry| &entry.path).chain(&own) {
            remove(path)?;
        }
        self.sync()?;
        drop(lock);
        fault.map(|()| entries.len())
    }

    /// All files of callers; none where there is no folder.
    ///
    /// # Errors
    /// [`Error::Read`] where there is one that cannot be read.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>, Error> {
        let paths = self.paths()?.into_iter();
        let entries = paths.filter(|path| is_callers(path)).filter_map(entry);
        Ok(entries.collect())
    }

    fn paths(&self) -> Result<Vec<PathBuf>, Error> {
        files::list(&self.folder).map_err(|source| unreadable(&self.folder, source))
    }

    /// Once a day: drops what is too old, of all callers. A call that ends waits for this, so it takes no longer than a
    /// moment: what is left then, or while another holds the lock, is the next call's work.
    ///
    /// # Errors
    /// [`Error`]; then some of it is still there.
    pub(crate) fn sweep(&self, retention: RetentionLimits, now: SystemTime) -> Result<(), Error> {
        if !self.is_sweep_due(now) {
            return Ok(());
        }
        let lock = match self.lock_within(Duration::ZERO) {
            Err(Error::Lock(state::Error::Busy { .. })) => return Ok(()),
            lock => lock?,
        };
        // Another may have swept just before.
        if self.is_sweep_due(now) && self.sweep_until(Instant::now() + A_MOMENT, retention, now)? {
            let place = self.folder.join(LOCK);
            lock.set_modified(now)
                .map_err(|source| unreadable(&place, source))?;
        }
        Ok(())
    }

    fn is_sweep_due(&self, now: SystemTime) -> bool {
        let swept = fs::metadata(self.folder.join(LOCK)).and_then(|data| data.modified());
        let is_due = |swept: SystemTime| {
            let age = now.duration_since(swept);
            // A clock that was wrong has swept in the future.
            age.is_err() || age.is_ok_and(|age| age >= A_DAY)
        };
        swept.is_ok_and(is_due)
    }

    /// Whether everything has been swept by then. The caller of this function holds the lock.
    fn sweep_until(
        &self,
        end: Instant,
        retention: RetentionLimits,
        now: SystemTime,
    ) -> Result<bool, Error> {
        // No other process is writing: these were left by calls that were killed.
        let is_left = |path: &PathBuf| {
            path.extension().is_some_and(|name| name == PART)
                && is_callers(&path.with_extension(""))
        };
        for path in self.paths()?.into_iter().filter(is_left) {
            remove_file(&path)?;
        }
        let mut paths = self.paths()?;
        paths.retain(|path| is_callers(path));
        // Where there are too many for one moment, each call has others before it.
        let nanos = now.duration_since(SystemTime::UNIX_EPOCH);
        let nanos = nanos.unwrap_or_default().subsec_nanos();
        let first = usize::try_from(nanos).unwrap_or(0) % paths.len().max(1);
        paths.rotate_left(first);
        let (mut is_done, mut fault) = (true, Ok(()));
        for path in paths {
            is_done = Instant::now() < end;
            if !is_done {
                break;
            }
            // One that cannot be swept keeps no other.
            let swept = entry(path).map_or(Ok(()), |entry| sweep_one(entry, retention, now));
            fault = fault.and(swept);
        }
        self.sync()?;
        if let Err(cause) = fault {
            warn!("{}", Chain(&cause));
        }
        Ok(is_done)
    }

    /// Makes sure that what was removed does not come back after a loss of power.
    fn sync(&self) -> Result<(), Error> {
        files::sync_folder(&self.folder).map_err(|source| kept(&self.folder, source))
    }

    /// Tries whether callers can be remembered.
    ///
    /// # Errors
    /// [`Error`] tells why not.
    pub(crate) fn try_out(&self) -> Result<(), Error> {
        self.key()?;
        let _lock = self.lock()?;
        let mut trial = NewFile::create(&self.folder.join("trial"), Readers::Owner)?;
        trial.try_writing()?;
        Ok(())
    }

    /// Holds the lock until what is returned is dropped.
    fn lock(&self) -> Result<state::Lock, Error> {
        self.lock_within(PATIENCE)
    }

    fn lock_within(&self, patience: Duration) -> Result<state::Lock, Error> {
        Ok(state::lock(&self.folder.join(LOCK), patience)?)
    }

    fn place(&self, caller: &Caller) -> Result<PathBuf, Error> {
        // There are few enough numbers to try all of them against a plain hash.
        let name = hmac::sign(&self.key()?, caller.name().as_bytes());
        Ok(self.folder.join(hex(name.as_ref()) + EXTENSION))
    }

    /// The key of all names, made once.
    fn key(&self) -> Result<hmac::Key, Error> {
        if let Some(key) = self.read_key()? {
            return Ok(key);
        }
        let lock = self.lock()?;
        // Others may have made it meanwhile.
        if let Some(key) = self.read_key()? {
            return Ok(key);
        }
        let bytes: [u8; KEY_BYTES] = random()?;
        let mut file = NewFile::create(&self.folder.join(KEY), Readers::Owner)?;
        file.write_all(&bytes)?;
        // Without this key no caller's file is found again, so a loss of power must not take it back.
        file.finish_for_good()?;
        drop(lock);
        Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    }

    /// `None`: there is none yet.
    fn read_key(&self) -> Result<Option<hmac::Key>, Error> {
        let path = self.folder.join(KEY);
        match files::read_own(&path, 1024) {
            Ok(bytes) if bytes.len() == KEY_BYTES => {
                Ok(Some(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
            }
            Ok(bytes) => Err(Error::Key {
                path: path.display().to_string(),
                len: bytes.len(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(unreadable(&path, source)),
        }
    }
}

/// An id for a new file.
pub(super) fn new_id() -> Result<String, Error> {
    random::<8>().map(|bytes| hex(&bytes))
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map(|()| bytes).map_err(|_| Error::Random)
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
    digits.collect()
}

/// `None` where it has been removed meanwhile.
fn entry(path: PathBuf) -> Option<Entry> {
    let record = read(&path).transpose()?;
    let data = fs::symlink_metadata(&path).ok();
    Some(Entry {
        record,
        bytes: data.as_ref().map_or(0, fs::Metadata::len),
        modified: data.and_then(|data| data.modified().ok()),
        path,
    })
}

/// `None` where there is no file.
fn read(path: &Path) -> Result<Option<Record>, Error> {
    // What is much larger is not ours.
    let most = u64::try_from(2 * MAX_BYTES).unwrap_or(u64::MAX);
    match files::read_own(path, most) {
        Ok(bytes) => match Record::parse(&bytes) {
            Ok(record) => Ok(Some(record)),
            Err(source) => Err(Error::Unclear {
                path: path.display().to_string(),
                source,
            }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(unreadable(path, source)),
    }
}

fn write(path: &Path, record: &Record) -> Result<(), Error> {
    let json = serde_json::to_vec(record).map_err(|source| Error::Json {
        path: path.display().to_string(),
        source,
    })?;
    let mut file = NewFile::create(path, Readers::Owner)?;
    file.write_all(&json)?;
    Ok(file.finish_for_good()?)
}

/// Removes a caller's file, and what a call that was killed has left of another.
fn remove(path: &Path) -> Result<(), Error> {
    remove_file(&files::append(path, &format!(".{PART}")))?;
    remove_file(path)
}

fn remove_file(path: &Path) -> Result<(), Error> {
    files::remove(path).map_err(|source| kept(path, source))
}

fn kept(path: &Path, source: io::Error) -> Error {
    Error::Remove {
        path: path.display().to_string(),
        source,
    }
}

/// Drops what is too old of one caller.
fn sweep_one(entry: Entry, retention: RetentionLimits, now: SystemTime) -> Result<(), Error> {
    let Ok(record) = entry.record else {
        // Whatever it holds is no younger than the file: it goes because of its age, not because it cannot be read.
        let age = entry
            .modified
            .and_then(|time| now.duration_since(time).ok());
        if age.is_some_and(|age| age >= retention.max_age) {
            remove(&entry.path)?;
        }
        return Ok(());
    };
    let mut kept = record.clone();
    kept.trim(retention, now);
    if kept.exchanges.is_empty() {
        debug!("{} is too old", entry.path.display());
        remove(&entry.path)?;
    } else if kept != record {
        write(&entry.path, &kept)?;
    }
    Ok(())
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Read {
        path: path.display().to_string(),
        source,
    }
}

/// Whether it is named as we name them. Other files in the folder are not touched.
fn is_callers(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let hash = name.and_then(|name| name.strip_suffix(EXTENSION));
    hash.is_some_and(|hash| hash.len() == HASH_CHARS && hash.bytes().all(|c| c.is_ascii_hexdigit()))
}

/// The file that the lock is on. It was written when the folder was swept.
const LOCK: &str = "lock";
const KEY: &str = "key";
const KEY_BYTES: usize = 32;
const EXTENSION: &str = ".json";
/// The extension of a file that is not whole yet.
const PART: &str = "part";
/// SHA-256 in hexadecimal.
const HASH_CHARS: usize = 64;

/// How long the lock is waited for: enough for thirty calls that end at once on a slow disk. A caller may wait for it
/// between two turns.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// How long a caller may wait before they hear what follows their call.
const A_MOMENT: Duration = Duration::from_millis(200);
const A_DAY: Duration = Duration::from_secs(SECONDS_A_DAY);

#[cfg(test)]
mod tests;
