//! The folder of messages: a file for each that is not delivered, and below it one for those that are.
//!
//! A file is replaced as a whole and is on the disk, with its name, before anything is said of it. A process that changes
//! one holds the lock of the folder for that. Names begin with the time, so that their order is that of the messages.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::entry::{Entry, Kind};
use super::error::Error;
use crate::sys::date;
use crate::sys::digest::hex;
use crate::sys::files::{self, NewFile, Readers};
use crate::sys::number;
use crate::sys::random;
use crate::sys::state;

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
}

impl Spool {
    /// The messages in `folder`, which is made when it is first needed.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// An id for a message of this moment.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub(crate) fn new_id(now: SystemTime) -> Result<String, Error> {
        let random = random::bytes::<4>().map_err(|_| Error::Random)?;
        Ok(format!("{}-{}", beginning(now), hex(&random)))
    }

    /// Keeps a message for good. Of those of its kind at most [`MAX_WAITING`] wait at a time, and of one caller as many are
    /// taken within an hour as `per_hour` says.
    ///
    /// # Errors
    /// [`Error`]; then it is not kept.
    pub(crate) fn add(&self, entry: &Entry, per_hour: Option<u32>) -> Result<(), Error> {
        make(&self.folder)?;
        // The disk is waited for before the lock is held and after, as calls wait for that.
        let file = Self::prepare(&self.place(&entry.id, entry.kind), entry)?;
        let lock = self.lock()?;
        let waiting = Self::paths(&self.folder)?;
        let suffix = suffix(entry.kind);
        let of_kind = || waiting.iter().filter(|path| has_suffix(path, suffix));
        // What has failed for good stays, and must not stand in the way of others. Files are read only where it matters.
        let is_pending = |path: &&PathBuf| {
            let entry = read(path).ok();
            entry.is_none_or(|entry| entry.is_some_and(|entry| entry.is_pending()))
        };
        if of_kind().count() >= MAX_WAITING && of_kind().filter(is_pending).count() >= MAX_WAITING {
            return Err(Error::Full {
                folder: self.folder.display().to_string(),
            });
        }
        if let Some(limit) = per_hour {
            let left = self.left_lately(&entry.caller.key(), entry.time())?;
            if u32::try_from(left).is_ok_and(|left| left >= limit) {
                return Err(Error::TooMany { left });
            }
        }
        file.finish()?;
        drop(lock);
        sync(&self.folder)
    }

    /// How many messages this caller has left in the hour before `now`.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub(crate) fn left_lately(&self, caller: &str, now: SystemTime) -> Result<usize, Error> {
        let begin = beginning(now.checked_sub(AN_HOUR).unwrap_or(UNIX_EPOCH));
        let is_recent = |path: &PathBuf| {
            has_suffix(path, suffix(Kind::Message)) && name_of(path) >= begin.as_str()
        };
        let folders = [self.folder.clone(), self.delivered()];
        let mut paths = Self::paths(&folders[0])?;
        paths.extend(Self::paths(&folders[1])?);
        paths.retain(is_recent);
        // One that is delivered meanwhile is in both for a moment, and then in the second.
        let names: BTreeSet<_> = paths.iter().map(|path| name_of(path)).collect();
        let entry = |name: &&str| {
            let mut found = folders.iter().map(|folder| read(&folder.join(name)));
            found.find_map(|read| read.ok().flatten())
        };
        let is_theirs = |name: &&str| entry(name).is_some_and(|it| it.caller.key() == caller);
        Ok(names.iter().copied().filter(is_theirs).count())
    }

    /// All messages that are not delivered, or are where `delivered` says so, in the order in which they were left; also
    /// why one cannot be read.
    ///
    /// # Errors
    /// [`Error::Read`] where the folder cannot be.
    pub(crate) fn entries(&self, delivered: bool) -> Result<Vec<Result<Entry, Error>>, Error> {
        let folder = if delivered {
            self.delivered()
        } else {
            self.folder.clone()
        };
        let paths = Self::paths(&folder)?;
        Ok(paths
            .iter()
            .filter_map(|path| read(path).transpose())
            .collect())
    }

    /// Finds a message by its id, or by what this begins with if that is enough.
    ///
    /// # Errors
    /// [`Error`].
    pub(crate) fn find(&self, id: &str) -> Result<Option<Entry>, Error> {
        match &self.named(id)?[..] {
            [only] => read(only),
            _ => Ok(None),
        }
    }

    /// The files whose names begin with this.
    fn named(&self, id: &str) -> Result<Vec<PathBuf>, Error> {
        let mut paths = Self::paths(&self.folder)?;
        paths.extend(Self::paths(&self.delivered())?);
        paths.retain(|path| name_of(path).starts_with(id));
        Ok(paths)
    }

    /// The message as it is by now; none where it was delivered or removed.
    ///
    /// # Errors
    /// [`Error`] where it cannot be read.
    pub(crate) fn reread(&self, entry: &Entry) -> Result<Option<Entry>, Error> {
        read(&self.place(&entry.id, entry.kind))
    }

    /// Whether there is anything that is not delivered.
    pub(crate) fn has_waiting(&self) -> bool {
        Self::paths(&self.folder).is_ok_and(|paths| !paths.is_empty())
    }

    /// Changes a message that is still there and not delivered. Where all of it is done then, it is moved to those that
    /// are. Returns whether it was there.
    ///
    /// # Errors
    /// [`Error`]; then it is as it was.
    pub(crate) fn change(
        &self,
        id: &str,
        kind: Kind,
        change: impl FnOnce(&mut Entry),
    ) -> Result<bool, Error> {
        let path = self.place(id, kind);
        let lock = self.lock()?;
        let Some(mut entry) = read(&path)? else {
            return Ok(false);
        };
        change(&mut entry);
        if !entry.is_delivered() {
            Self::prepare(&path, &entry)?.finish()?;
            drop(lock);
            sync(&self.folder)?;
            return Ok(true);
        }
        let folder = self.delivered();
        make(&folder)?;
        let place = folder.join(path.file_name().unwrap_or_default());
        // For a moment it is in both places. Where that is all that is left of this, the next run finds it delivered.
        Self::prepare(&place, &entry)?.finish_for_good()?;
        remove(&path)?;
        drop(lock);
        sync(&self.folder)?;
        Ok(true)
    }

    /// Removes a message, delivered or not, by its id or what this begins with if that is enough; also one that cannot be
    /// understood. Returns the name of its file, and none where there is no such message or are several.
    ///
    /// # Errors
    /// [`Error`].
    pub(crate) fn remove(&self, id: &str) -> Result<Option<String>, Error> {
        let _lock = self.lock()?;
        // For a moment one is in both folders.
        let paths = self.named(id)?;
        let name = paths.first().map(|path| name_of(path).to_owned());
        if paths
            .iter()
            .any(|path| Some(name_of(path)) != name.as_deref())
        {
            return Ok(None);
        }
        for path in &paths {
            remove(path)?;
        }
        self.sync()?;
        Ok(name)
    }

    /// Removes all messages and transcripts of a number, in the one spelling that it has, also what killed processes have
    /// left of them. Returns how many there were.
    ///
    /// # Errors
    /// The last [`Error`], after all that can be removed has been.
    pub(crate) fn forget(&self, number: &str) -> Result<usize, Error> {
        if !self.folder.is_dir() {
            return Ok(0);
        }
        let _lock = self.lock()?;
        let mut paths = Self::paths(&self.folder)?;
        paths.extend(Self::paths(&self.delivered())?);
        paths.extend(self.parts()?);
        let is_theirs =
            |entry: &Entry| number::normal(&entry.caller.number).as_deref() == Some(number);
        let (mut count, mut fault) = (0, None);
        for path in paths {
            let removed = match read(&path) {
                // One that is being left now is not taken then, and its caller hears that.
                Ok(Some(entry)) if is_theirs(&entry) => {
                    remove(&path).map(|()| usize::from(!is_part(&path)))
                }
                // A message that was not written to its end names no caller, and is removed an hour later.
                Err(_) if is_part(&path) => Ok(0),
                read => read.map(|_| 0),
            };
            match removed {
                Ok(more) => count += more,
                Err(cause) => fault = Some(cause),
            }
        }
        self.sync()?;
        fault.map_or(Ok(count), Err)
    }

    /// Removes what was delivered longer than `keep` ago. One of the last hour stays, since messages are counted by them,
    /// and so does what cannot be read.
    ///
    /// # Errors
    /// [`Error`]; then some of it is still there.
    pub(crate) fn sweep(&self, keep: Duration, now: SystemTime) -> Result<(), Error> {
        let delivered = self.delivered();
        let until = now.checked_sub(keep.max(AN_HOUR)).unwrap_or(UNIX_EPOCH);
        let name_until = beginning(until);
        self.remove_parts(now)?;
        let paths = Self::paths(&delivered)?;
        // What was left later was delivered later too, and need not be read.
        for path in paths
            .iter()
            .take_while(|path| name_of(path) < name_until.as_str())
        {
            let is_over = |entry: &Entry| {
                let done = entry.ways.values().filter_map(|way| way.done).max();
                done.unwrap_or(date::seconds(entry.time())) < date::seconds(until)
            };
            if read(path).ok().flatten().as_ref().is_some_and(is_over) {
                // Calls wait for this lock.
                let _lock = self.lock()?;
                remove(path)?;
            }
        }
        Ok(())
    }

    /// Whether no process has looked for a day at what was delivered.
    pub(crate) fn is_sweep_due(&self, now: SystemTime) -> bool {
        let age = self.last_delivery().map(|last| now.duration_since(last));
        let is_old = age.is_none_or(|age| age.is_ok_and(|age| age >= A_DAY));
        is_old && Self::paths(&self.delivered()).is_ok_and(|paths| !paths.is_empty())
    }

    /// Removes what killed processes have left half written.
    fn remove_parts(&self, now: SystemTime) -> Result<(), Error> {
        for path in self.parts()? {
            let written = fs::metadata(&path).and_then(|data| data.modified());
            let age = written.ok().and_then(|time| now.duration_since(time).ok());
            if age.is_some_and(|age| age >= AN_HOUR) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// What is being written, or was when its process was killed.
    fn parts(&self) -> Result<Vec<PathBuf>, Error> {
        let mut parts = list(&self.folder)?;
        parts.extend(list(&self.delivered())?);
        parts.retain(|path| is_part(path));
        Ok(parts)
    }

    /// Tries whether messages can be kept.
    ///
    /// # Errors
    /// [`Error`] tells why not.
    pub(crate) fn try_out(&self) -> Result<(), Error> {
        let _lock = self.lock()?;
        self.try_writing("trial")
    }

    /// Tries whether the disk takes anything, under a name that nothing else has meanwhile.
    ///
    /// # Errors
    /// [`Error`] tells why not.
    pub(crate) fn try_writing(&self, name: &str) -> Result<(), Error> {
        let mut trial = NewFile::create(&self.folder.join(name), Readers::Owner)?;
        Ok(trial.try_writing()?)
    }

    /// Takes the lock of the process that delivers, where no other one holds it. One that holds it is told that there is
    /// more to be delivered.
    ///
    /// # Errors
    /// [`Error`].
    pub(crate) fn lock_delivery(&self) -> Result<Option<state::Lock>, Error> {
        // The mark is set before the lock is tried: its holder looks for it after each run, once it has given the lock
        // back, so one of the two processes sees what the other has not.
        let mark = self.folder.join(MORE);
        files::open_to_append(&mark, 0o600).map_err(|source| moved(&mark, source))?;
        match state::lock(&self.folder.join(DELIVERING), Duration::ZERO) {
            Ok(lock) => {
                remove(&mark)?;
                let now = SystemTime::now();
                lock.set_modified(now)
                    .map_err(|source| moved(&mark, source))?;
                Ok(Some(lock))
            }
            Err(state::Error::Busy { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// When a process has last looked for what is to be delivered.
    pub(crate) fn last_delivery(&self) -> Option<SystemTime> {
        let data = fs::metadata(self.folder.join(DELIVERING));
        data.and_then(|data| data.modified()).ok()
    }

    /// Whether there is more to be delivered than the last run has seen.
    pub(crate) fn has_more(&self) -> bool {
        self.folder.join(MORE).exists()
    }

    fn delivered(&self) -> PathBuf {
        self.folder.join(DELIVERED)
    }

    fn place(&self, id: &str, kind: Kind) -> PathBuf {
        self.folder.join(format!("{id}{}", suffix(kind)))
    }

    /// A file that is on the disk, and not yet in its place.
    fn prepare(path: &Path, entry: &Entry) -> Result<NewFile, Error> {
        let json = serde_json::to_vec(entry).map_err(|source| Error::Unclear {
            path: path.display().to_string(),
            source,
        })?;
        let mut file = NewFile::create(path, Readers::Owner)?;
        file.write_all(&json)?;
        let synced = file.file().sync_all();
        synced.map_err(|source| moved(path, source))?;
        Ok(file)
    }

    /// The messages in a folder, in the order in which they were left.
    fn paths(folder: &Path) -> Result<Vec<PathBuf>, Error> {
        let mut paths = list(folder)?;
        let suffixes = [Kind::Message, Kind::Transcript, Kind::Notice].map(suffix);
        paths.retain(|path| suffixes.iter().any(|suffix| has_suffix(path, suffix)));
        // Names begin with the time, so this is the order in which the messages were left.
        paths.sort();
        Ok(paths)
    }

    fn lock(&self) -> Result<state::Lock, Error> {
        Ok(state::lock(&self.folder.join(LOCK), PATIENCE)?)
    }

    fn sync(&self) -> Result<(), Error> {
        sync(&self.folder)?;
        let delivered = self.delivered();
        if delivered.is_dir() {
            sync(&delivered)
        } else {
            Ok(())
        }
    }
}

/// Makes a folder for good, if there is none.
fn make(folder: &Path) -> Result<(), Error> {
    if folder.is_dir() {
        return Ok(());
    }
    files::create_folder(folder).map_err(|source| moved(folder, source))?;
    // A loss of power could otherwise take the folder with all that is synced in it.
    sync(files::parent(folder))
}

/// Makes sure that what was removed or moved stays so after a loss of power.
fn sync(folder: &Path) -> Result<(), Error> {
    files::sync_folder(folder).map_err(|source| moved(folder, source))
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    files::list(folder).map_err(|source| Error::Read {
        path: folder.display().to_string(),
        source,
    })
}

/// `None` where there is none any more.
fn read(path: &Path) -> Result<Option<Entry>, Error> {
    let shown = || path.display().to_string();
    match files::read_own(path, MAX_BYTES) {
        Ok(bytes) => understood(path, &bytes)
            .map(Some)
            .map_err(|source| Error::Unclear {
                path: shown(),
                source,
            }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Read {
            path: shown(),
            source,
        }),
    }
}

/// The message in a file, whole or still to be put in its place. Its id is shown and mailed as it is, so it must be that of
/// the name, whose letters are known.
fn understood(path: &Path, bytes: &[u8]) -> serde_json::Result<Entry> {
    let entry: Entry = serde_json::from_slice(bytes)?;
    let name = name_of(path);
    let name = name.strip_suffix(".part").unwrap_or(name);
    if name.strip_suffix(suffix(entry.kind)) != Some(entry.id.as_str()) {
        return Err(serde::de::Error::custom(
            "its id and kind are not those of its name",
        ));
    }
    Ok(entry)
}

fn is_part(path: &Path) -> bool {
    path.extension().is_some_and(|name| name == "part")
}

fn remove(path: &Path) -> Result<(), Error> {
    files::remove(path).map_err(|source| moved(path, source))
}

fn moved(path: &Path, source: io::Error) -> Error {
    Error::Move {
        path: path.display().to_string(),
        source,
    }
}

/// What the names of messages of this moment begin with.
fn beginning(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:0TIME_CHARS$x}", since.as_nanos())
}

fn name_of(path: &Path) -> &str {
    let name = path.file_name().and_then(|name| name.to_str());
    name.unwrap_or_default()
}

/// Other files in the folder are not touched.
fn has_suffix(path: &Path, suffix: &str) -> bool {
    // Nothing but an id may stand before it, so that no other file of the folder is delivered or removed.
    let id = name_of(path).strip_suffix(suffix);
    id.is_some_and(|id| {
        id.bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    })
}

fn suffix(kind: Kind) -> &'static str {
    match kind {
        Kind::Message => ".message.json",
        Kind::Transcript => ".transcript.json",
        Kind::Notice => ".notice.json",
    }
}

/// How many messages wait at most; as many transcripts and notices.
pub(super) const MAX_WAITING: usize = 200;

const DELIVERED: &str = "delivered";
const LOCK: &str = "lock";
const DELIVERING: &str = "delivering.lock";
/// Is there where there may be something that the process which delivers has not seen.
const MORE: &str = "more";

/// Nanoseconds since 1970 in hexadecimal, up to the year 2554.
const TIME_CHARS: usize = 16;

/// 30 calls may end at once, on a slow disk.
const PATIENCE: Duration = Duration::from_secs(15);
const AN_HOUR: Duration = Duration::from_secs(60 * 60);
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A long conversation has 20 answers.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
