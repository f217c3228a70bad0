//! The folder of callers: a file for each, under a name that does not tell whose it is.
//!
//! A process that changes anything holds the lock for all of it, which takes milliseconds; files are replaced as a
//! whole, so that readers need none. The name is a keyed hash: <https://www.rfc-editor.org/rfc/rfc2104>.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use log::{debug, warn};

use super::caller::Caller;
use super::key::{self, Key, LOCK, PATIENCE};
use super::record::{MAX_BYTES, Record};
use super::store::{A_DAY, Change, Entry, Error, Store, Sweep};
use crate::sys::error::Chain;
use crate::sys::files::{self, NewFile, Readers};
use crate::sys::state;

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    folder: PathBuf,
}

/// A caller's file.
#[derive(Debug)]
pub(crate) struct CallerFile {
    /// Where it is.
    pub path: PathBuf,
    pub entry: Entry,
    /// When it was written, where that can be told.
    modified: Option<SystemTime>,
}

impl Folder {
    /// The files in `folder`, which is made when it is first needed.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// All files of callers; none where there is no folder.
    ///
    /// # Errors
    /// [`Error::Read`] where there is one that cannot be read.
    pub(crate) fn files(&self) -> Result<Vec<CallerFile>, Error> {
        let paths = self.paths()?.into_iter();
        let files = paths.filter(|path| is_callers(path)).filter_map(file);
        Ok(files.collect())
    }

    fn paths(&self) -> Result<Vec<PathBuf>, Error> {
        files::list(&self.folder).map_err(|source| unreadable(&self.folder, source))
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

    /// Returns whether everything has been swept. The caller of this function holds the lock.
    fn sweep_some(&self, sweep: Sweep) -> Result<bool, Error> {
        let end = Instant::now() + sweep.time;
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
        let nanos = sweep.now.duration_since(SystemTime::UNIX_EPOCH);
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
            let swept = file(path).map_or(Ok(()), |file| sweep_one(file, sweep));
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
        Key::in_folder(&self.folder)?;
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
        Ok(self.named(&Key::in_folder(&self.folder)?, caller))
    }

    fn named(&self, key: &Key, caller: &Caller) -> PathBuf {
        self.folder.join(key.name(caller) + EXTENSION)
    }
}

impl Store for Folder {
    fn read(&self, caller: &Caller) -> Result<Option<Record>, Error> {
        let path = self.place(caller)?;
        read(&path)
    }

    fn change(&self, caller: &Caller, change: &mut Change<'_>) -> Result<(), Error> {
        let path = self.place(caller)?;
        let lock = self.lock()?;
        let mut record = read(&path)?;
        let before = record.clone();
        change(&mut record);
        // What has not changed is not written: each write waits for the disk twice, for the file and for its folder.
        if let Some(record) = record.filter(|record| Some(record) != before.as_ref()) {
            write(&path, &record)?;
        }
        drop(lock);
        Ok(())
    }

    fn remove(&self, caller: &Caller, _: Option<&str>, patience: Duration) -> Result<(), Error> {
        let path = self.place(caller)?;
        let _lock = self.lock_within(patience)?;
        remove(&path)?;
        self.sync()
    }

    fn forget(&self, number: &str) -> Result<usize, Error> {
        let is_there = self.folder.try_exists();
        if !is_there.map_err(|source| unreadable(&self.folder, source))? {
            return Ok(0);
        }
        // One that cannot be understood is found by its name alone.
        let named = |key: Key| Caller::all_of(number).map(|caller| self.named(&key, &caller));
        let (own, fault) = match Key::existing(&self.folder) {
            Ok(key) => (key.map(named).into_iter().flatten().collect(), Ok(())),
            // Without a key the others are still found by what they hold.
            Err(error) => (Vec::new(), Err(error)),
        };
        let lock = self.lock()?;
        let is_theirs = |file: &CallerFile| {
            let known = file.entry.record.as_ref();
            known.is_ok_and(|record| record.number == number) || own.contains(&file.path)
        };
        let files: Vec<_> = self.files()?.into_iter().filter(is_theirs).collect();
        // The places of this number's callers come again, for the half file that a killed call may have left without a
        // whole one.
        for path in files.iter().map(|file| &file.path).chain(&own) {
            remove(path)?;
        }
        self.sync()?;
        drop(lock);
        fault.map(|()| files.len())
    }

    fn entries(&self) -> Result<Vec<Entry>, Error> {
        let files = self.files()?.into_iter();
        Ok(files.map(|file| file.entry).collect())
    }

    /// Once a day. A call that ends waits for this: what is left after a moment, or while another holds the lock, is the
    /// next call's work.
    fn sweep(&self, sweep: Sweep) -> Result<(), Error> {
        if !self.is_sweep_due(sweep.now) {
            return Ok(());
        }
        let lock = match self.lock_within(Duration::ZERO) {
            Err(Error::Lock(state::Error::Busy { .. })) => return Ok(()),
            lock => lock?,
        };
        // Another may have swept just before.
        if self.is_sweep_due(sweep.now) && self.sweep_some(sweep)? {
            let place = self.folder.join(LOCK);
            lock.set_modified(sweep.now)
                .map_err(|source| unreadable(&place, source))?;
        }
        Ok(())
    }
}

/// `None` where it has been removed meanwhile.
fn file(path: PathBuf) -> Option<CallerFile> {
    let record = read(&path).transpose()?;
    let data = fs::symlink_metadata(&path).ok();
    Some(CallerFile {
        entry: Entry {
            record,
            bytes: data.as_ref().map_or(0, fs::Metadata::len),
        },
        modified: data.and_then(|data| data.modified().ok()),
        path,
    })
}

/// `None` where there is no file.
fn read(path: &Path) -> Result<Option<Record>, Error> {
    // What is much larger is not ours.
    let max_bytes = u64::try_from(2 * MAX_BYTES).unwrap_or(u64::MAX);
    match files::read_own(path, max_bytes) {
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
fn sweep_one(file: CallerFile, sweep: Sweep) -> Result<(), Error> {
    let Sweep { retention, now, .. } = sweep;
    let Ok(record) = file.entry.record else {
        // Whatever it holds is no younger than the file: it goes because of its age, not because it cannot be read.
        let age = file.modified.and_then(|time| now.duration_since(time).ok());
        if age.is_some_and(|age| age >= retention.max_age) {
            remove(&file.path)?;
        }
        return Ok(());
    };
    match record.trimmed(retention, now) {
        None => {
            debug!("{} is too old", file.path.display());
            remove(&file.path)
        }
        Some(kept) if kept != record => write(&file.path, &kept),
        Some(_) => Ok(()),
    }
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
    hash.is_some_and(key::is_name)
}

const EXTENSION: &str = ".json";
/// The extension of a file that is not whole yet.
const PART: &str = "part";

#[cfg(test)]
mod tests;
