//! What the calls of one machine remember for each other: small JSON files, each changed by one process at a time.
//!
//! A file is replaced as a whole, so that readers need no lock; writers wait for each other by a lock on a file beside
//! it, which the system gives back when its holder ends, however that is.
//!
//! [`State`] keeps what is lost without harm: what cannot be understood is put aside and begun anew. What guards money
//! is `guard`'s.

mod address;
pub(crate) mod guard;
mod link;
mod resp;
pub mod server;

use std::fs::TryLockError;
use std::fs::{self, File};
use std::io;
use std::ops::Deref;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use log::{debug, warn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sys::files::{self, NewFile, Readers};
use crate::sys::owner;
use crate::sys::rights::Acting;
use server::Server;

/// The folder of such files. Nothing in it that is read or changed through this guards anything.
#[derive(Clone, Debug)]
pub struct State {
    folder: PathBuf,
    patience: Duration,
    server: Option<Arc<Server>>,
}

/// Why something could not be remembered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The lock cannot be opened.
    #[error("cannot open {path}; {}", files::way_out(path.as_ref(), source))]
    Lock {
        /// The lock.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("{path} was held by another process for more than {:.1} s", .waited.as_secs_f32())]
    Busy {
        /// The lock.
        path: String,
        /// How long this one waited.
        waited: Duration,
    },
    /// The content cannot be written as JSON.
    #[error("cannot write {path} as JSON")]
    Json {
        /// The file.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The file cannot be replaced.
    #[error(transparent)]
    Write(#[from] files::Error),
}

impl State {
    /// The files in `folder`, which is made when it is first needed.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            patience: PATIENCE,
            server: None,
        }
    }

    /// The same, with the server that machines share, if they share one.
    #[must_use]
    pub fn with(self, server: Option<Arc<Server>>) -> Self {
        Self { server, ..self }
    }

    /// The server that machines share. Only what is said to be kept there is not in the folder.
    pub(crate) fn server(&self) -> Option<&Arc<Server>> {
        self.server.as_ref()
    }

    /// The same state, waited for only briefly: for what is good to remember and not worth waiting for.
    #[must_use]
    pub(crate) fn waiting_briefly(&self) -> Self {
        Self {
            patience: BRIEF_PATIENCE,
            ..self.clone()
        }
    }

    /// What the file `name` holds; the default where there is none, or none that can be understood.
    pub fn read<T: DeserializeOwned + Default>(&self, name: &str) -> T {
        let path = self.folder.join(name);
        match read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => T::default(),
            Err(error) => {
                debug!("{} is not used: {error}", path.display());
                T::default()
            }
        }
    }

    /// Changes what the file `name` holds, and returns what `change` does. A file that cannot be understood is put
    /// aside as `NAME.broken`.
    ///
    /// # Errors
    /// [`Error`]; then the file is as it was.
    pub fn update<T: Serialize + DeserializeOwned + Default, R>(
        &self,
        name: &str,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R, Error> {
        let path = self.folder.join(name);
        let lock = lock(&files::append(&path, ".lock"), self.patience)?;
        let mut content = match read(&path) {
            Ok(content) => content,
            Err(error) => {
                put_aside(&path, &error);
                T::default()
            }
        };
        let result = change(&mut content);
        let json = serde_json::to_vec(&content).map_err(|source| Error::Json {
            path: path.display().to_string(),
            source,
        })?;
        let mut file = NewFile::create(&path, Readers::Owner)?;
        file.write_all(&json)?;
        // The disk is not waited for: what a loss of power takes from these files is lost without harm.
        file.finish()?;
        drop(lock);
        Ok(result)
    }

    /// Tries whether all locks that exist may be opened for writing.
    ///
    /// # Errors
    /// [`Error`] names the first that may not.
    pub(crate) fn try_locks(&self) -> Result<(), Error> {
        let is_lock = |path: &PathBuf| path.extension().is_some_and(|name| name == "lock");
        let files = files::list(&self.folder).map_err(|error| unlocked(&self.folder, error))?;
        let mut locks = files.into_iter().filter(is_lock);
        locks.try_for_each(|path| lock(&path, self.patience).map(drop))
    }

    /// The path of one of its files.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Waits for the lock on the file at `path`, and makes the folder that it is in. The lock is given back when the file
/// is closed.
///
/// # Errors
/// [`Error`], also when another process holds it for longer than `patience`.
pub fn lock(path: &Path, patience: Duration) -> Result<Lock, Error> {
    let acting =
        owner::act_in(files::parent(path)).map_err(|error| unlocked(path, error.into()))?;
    let end = Instant::now() + patience;
    loop {
        let file = open_lock(path)?;
        wait_for(&file, path, patience, end)?;
        // A lock file that was removed meanwhile excludes no other process any more.
        if file.metadata().is_ok_and(|data| data.nlink() > 0) {
            return Ok(Lock {
                file,
                _acting: acting,
            });
        }
    }
}

/// A lock that is held. Root holds it as the owner of the folder, so that whatever is done in it leads no further than
/// that user may go.
#[derive(Debug)]
pub struct Lock {
    file: File,
    _acting: Option<Acting>,
}

impl Deref for Lock {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

fn open_lock(path: &Path) -> Result<File, Error> {
    let open = || files::open_to_append(path, 0o600);
    let opened = open().or_else(|error| {
        if let (io::ErrorKind::NotFound, Some(folder)) = (error.kind(), path.parent()) {
            files::create_folder(folder)?;
        }
        open()
    });
    opened.map_err(|source| unlocked(path, source))
}

fn wait_for(file: &File, path: &Path, patience: Duration, end: Instant) -> Result<(), Error> {
    // flock(2) has no time limit, so the lock is tried again and again.
    while let Err(error) = file.try_lock() {
        if let TryLockError::Error(error) = error {
            return Err(unlocked(path, error));
        }
        if Instant::now() > end {
            return Err(Error::Busy {
                path: path.display().to_string(),
                waited: patience,
            });
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

fn unlocked(path: &Path, source: io::Error) -> Error {
    Error::Lock {
        path: path.display().to_string(),
        source,
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    let bytes = files::read_own(path, MAX_FILE)?;
    serde_json::from_slice(&bytes).map_err(io::Error::from)
}

fn put_aside(path: &Path, error: &io::Error) {
    if error.kind() == io::ErrorKind::NotFound {
        return;
    }
    let aside = files::append(path, ".broken");
    warn!(
        "{} is begun anew, its old content is in {}: {error}",
        path.display(),
        aside.display()
    );
    // It is replaced in any case.
    fs::rename(path, aside).ok();
}

/// How long a lock is waited for. A change takes less than a millisecond; if it takes this long, something is wrong
/// with the disk.
const PATIENCE: Duration = Duration::from_secs(2);
const BRIEF_PATIENCE: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(2);

/// A day of calls has some kilobytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{chown, symlink};
    use std::sync::mpsc::channel;

    fn folder() -> (testkit::TempDir, State) {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let state = State::new(&folder.path().join("state"));
        (folder, state)
    }

    #[test]
    fn no_change_is_lost_when_many_make_them_at_once() {
        let (folder, state) = folder();
        let add_one = || state.update("n.json", |n: &mut u64| *n += 1);
        // A thread that waits too long for the others gets an error, and has changed nothing.
        let of_one = || (0..100).filter(|_| add_one().is_ok()).count();
        let made: usize = thread::scope(|scope| {
            let all = [(); 5].map(|()| scope.spawn(of_one));
            all.map(|one| one.join().expect("no panic")).iter().sum()
        });
        assert_eq!(state.read::<usize>("n.json"), made);
        assert!(made >= 100, "{made} of 500");
        let file = folder.path().join("state/n.json");
        assert_eq!(
            fs::metadata(file).expect("it is there").mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_broken_file_is_put_aside_and_begun_anew() {
        let (folder, state) = folder();
        assert_eq!(state.read::<u64>("n.json"), 0);
        state
            .update("n.json", |n: &mut u64| *n = 7)
            .expect("written");
        let file = folder.path().join("state/n.json");
        fs::write(&file, "{\"half\": ").expect("written");
        assert_eq!(state.read::<u64>("n.json"), 0);
        state
            .update("n.json", |n: &mut u64| *n += 1)
            .expect("written");
        assert_eq!(state.read::<u64>("n.json"), 1);
        let aside = fs::read(files::append(&file, ".broken")).expect("put aside");
        assert_eq!(aside, b"{\"half\": ");
    }

    #[test]
    fn a_lock_that_cannot_be_opened_is_told_with_what_hinders_it_alone() {
        let (folder, state) = folder();
        fs::create_dir_all(folder.path().join("state/n.json.lock")).expect("made");
        let told = state.update("n.json", |n: &mut u64| *n += 1);
        let told = told.expect_err("a folder is in its place").to_string();
        assert!(
            told.ends_with("n.json.lock; a folder has that name"),
            "{told}"
        );
    }

    #[test]
    fn a_planted_link_is_not_followed() {
        let (folder, state) = folder();
        state
            .update("n.json", |n: &mut u64| *n = 7)
            .expect("written");
        let victim = folder.path().join("victim");
        fs::write(&victim, "precious").expect("written");
        let file = folder.path().join("state/n.json");
        fs::remove_file(&file).expect("removed");
        symlink(&victim, &file).expect("planted");
        state
            .update("n.json", |n: &mut u64| *n = 8)
            .expect("written");
        fs::remove_file(files::append(&file, ".lock")).expect("removed");
        symlink(&victim, files::append(&file, ".lock")).expect("planted");
        let error = state
            .update("n.json", |n: &mut u64| *n = 9)
            .expect_err("a link");
        assert!(error.to_string().contains("n.json.lock"), "{error}");
        assert_eq!(fs::read(&victim).expect("still there"), b"precious");
    }

    /// Only root can give a file to another user, so only as root is there anything to test.
    #[test]
    fn what_root_remembers_belongs_to_the_owner_of_the_folder() {
        let (folder, state) = folder();
        let is_root = rustix::process::geteuid().is_root();
        let owner = if is_root {
            65_534
        } else {
            rustix::process::geteuid().as_raw()
        };
        chown(folder.path(), Some(owner), None).expect("given away");
        state
            .update("n.json", |n: &mut u64| *n = 7)
            .expect("written");
        for name in ["state", "state/n.json", "state/n.json.lock"] {
            let data = fs::metadata(folder.path().join(name)).expect("it is there");
            assert_eq!(data.uid(), owner, "{name}");
        }
        // Another name may lead anywhere.
        let lock = folder.path().join("state/other.json.lock");
        let other = folder.path().join("other");
        fs::write(&other, "").expect("written");
        fs::hard_link(&other, &lock).expect("linked");
        // Root works there as the owner, who may not write to root's file.
        let updated = state.update("other.json", |n: &mut u64| *n = 7);
        assert_eq!(updated.is_err(), is_root);
        let kept = fs::metadata(&other).expect("it is there").uid();
        assert_eq!(kept, rustix::process::geteuid().as_raw());
    }

    #[test]
    fn a_lock_that_was_removed_while_it_was_waited_for_keeps_others_out_all_the_same() {
        let (folder, state) = folder();
        let path = folder.path().join("state/n.json.lock");
        let held = lock(&path, PATIENCE).expect("free");
        let state = &state;
        let both = thread::scope(|scope| {
            let ((tell, told), (release, released)) = (channel(), channel::<()>());
            let place = &path;
            scope.spawn(move || {
                let held = lock(place, PATIENCE);
                tell.send(held.is_ok()).expect("it is waited for");
                // Until the other end is dropped.
                released.recv().ok();
            });
            while open_files_of(&path) < 2 {
                thread::yield_now();
            }
            fs::remove_file(&path).expect("it was there");
            drop(held);
            assert!(told.recv().expect("no panic"), "it gets the lock");
            // A process that comes now finds the lock that is held.
            let updated = state
                .waiting_briefly()
                .update("n.json", |n: &mut u64| *n += 1);
            drop(release);
            updated
        });
        assert!(matches!(both, Err(Error::Busy { .. })), "{both:?}");
    }

    /// How many descriptors of this process are of this file.
    fn open_files_of(path: &Path) -> usize {
        let open = fs::read_dir("/proc/self/fd")
            .into_iter()
            .flatten()
            .flatten();
        let links = open.filter_map(|entry| fs::read_link(entry.path()).ok());
        links.filter(|link| link == path).count()
    }

    #[test]
    fn a_lock_that_cannot_be_used_is_named() {
        let (folder, state) = folder();
        assert!(state.try_locks().is_ok(), "there is none yet");
        state
            .update("n.json", |n: &mut u64| *n = 7)
            .expect("written");
        assert!(state.try_locks().is_ok());
        let other = folder.path().join("state/other.json.lock");
        symlink("/nowhere", other).expect("planted");
        let error = state.try_locks().expect_err("a link");
        assert!(error.to_string().contains("other.json.lock"), "{error}");
        let nobodys = State::new(&folder.path().join("state/n.json"));
        nobodys.try_locks().expect_err("it is no folder");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let state = State::new(Path::new("/proc/nowhere/state"));
        let error = state
            .update("n.json", |n: &mut u64| *n = 8)
            .expect_err("no folder");
        assert!(
            error
                .to_string()
                .contains("/proc/nowhere/state/n.json.lock"),
            "{error}"
        );
    }
}
