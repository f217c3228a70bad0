//! What root does in another user's folder, it does as that user: then links that the user plants there lead no further
//! than that user may go, and no file is left that a call cannot change.
//!
//! A folder is either held (`hold`), and what is done in it names no path any more; or it is used by its path
//! (`act_in`, `become_owner`), and then it must not be root's own where another user can exchange it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::sys::error::Chain;
use crate::sys::held::{self, Last, Place, Trust};
use crate::sys::identity::names;
use crate::sys::mode::{WRITABLE_BY_GROUP, WRITABLE_BY_OTHERS};
use crate::sys::rights::{self, Acting, Rights};
use crate::sys::rooted::{self, Fault};

/// Why root does nothing there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Others can change whose folder it is.
    #[error(
        "root does nothing in {}, because others can change where that leads; {way}run this as the user whose folder it is",
        .folder.display()
    )]
    Unclear {
        /// The folder.
        folder: PathBuf,
        /// What to do about it first.
        way: &'static str,
        /// What others can change.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is not there, or cannot be looked at.
    #[error("cannot look at {}", .path.display())]
    Look {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system does not let root become the folder's owner.
    #[error("cannot become {user}, the user of {}; run this as that user", .folder.display())]
    Become {
        /// The folder.
        folder: PathBuf,
        /// Its owner's name.
        user: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Look { source, .. } => source,
            error => Self::new(io::ErrorKind::PermissionDenied, Chain(&error).to_string()),
        }
    }
}

/// Another user, whose folder root has to do with.
#[derive(Clone, Debug)]
struct Owner {
    folder: PathBuf,
    uid: u32,
}

impl Owner {
    /// The owner of `folder`, or of the nearest one above it that is there. `None` where that is root, or where this
    /// process is not root: then it is to go on as it is.
    ///
    /// # Errors
    /// [`Error`] where another user can exchange a folder of root's, or has put a link on the way.
    fn of(folder: &Path) -> Result<Option<Self>, Error> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let unclear = |fault| unclear(folder, fault);
        let real = rooted::follow(folder).map_err(unclear)?.real;
        let there = nearest(&real);
        let owner = hold_real(folder, &there)?.owner;
        if owner.is_none() {
            rooted::resolve(&there, None).map_err(unclear)?;
        }
        Ok(owner)
    }

    fn become_for_good(&self) -> Result<(), Error> {
        let rights = Rights::of(self.uid).map_err(|error| self.failed(error))?;
        rights.take().map_err(|error| self.failed(error))
    }

    fn act(&self) -> Result<Acting, Error> {
        let rights = Rights::of(self.uid).map_err(|error| self.failed(error))?;
        rights.begin().map_err(|error| self.failed(error))
    }

    fn failed(&self, source: rights::Error) -> Error {
        Error::Become {
            folder: self.folder.clone(),
            user: names::user_name(self.uid),
            source: source.into(),
        }
    }
}

/// A folder that is held open, so that what becomes of its name changes nothing, and the user as whom root works in it.
#[derive(Debug)]
pub(crate) struct Held {
    fd: OwnedFd,
    owner: Option<Owner>,
}

impl Held {
    /// Acts as the folder's owner in this thread, where that is not root, until what is returned is dropped.
    ///
    /// # Errors
    /// [`Error::Become`].
    pub(crate) fn act(&self) -> Result<Option<Acting>, Error> {
        let is_root = geteuid().is_root();
        let owner = self.owner.as_ref().filter(|_| is_root);
        owner.map(Owner::act).transpose()
    }

    /// Becomes the folder's owner for good, where that is not root.
    ///
    /// # Errors
    /// [`Error::Become`].
    pub(crate) fn become_for_good(&self) -> Result<(), Error> {
        self.owner.as_ref().map_or(Ok(()), Owner::become_for_good)
    }
}

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Holds `folder`. Others may write to one of root's, since no link is followed that they can have made.
///
/// # Errors
/// [`Error`] where it is root's below another user's, or another user's below that of a third.
pub(crate) fn hold(folder: &Path) -> Result<Held, Error> {
    if geteuid().is_root() {
        let followed = rooted::follow(folder);
        return hold_real(
            folder,
            &followed.map_err(|fault| unclear(folder, fault))?.real,
        );
    }
    // Without root's rights a link leads no further than this user may go in any case.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(CWD, folder, flags, Mode::empty());
    let fd = fd.map_err(|errno| unseen(folder, errno.into()))?;
    Ok(Held { fd, owner: None })
}

/// Holds the folder `real`, which is what `folder` leads to.
fn hold_real(folder: &Path, real: &Path) -> Result<Held, Error> {
    let data = real.symlink_metadata();
    let uid = data.map_err(|source| unseen(real, source))?.uid();
    let guest = (uid != 0).then_some(uid);
    // Of the place, only the folder counts.
    let inside = real.join("inside");
    let place = Place::find(
        Path::new("/"),
        &inside,
        Trust::with(guest),
        Last::Take,
        false,
    );
    let place = place.map_err(|error| not_held(folder, error))?;
    let fd = place.folder.fd().try_clone_to_owned();
    Ok(Held {
        fd: fd.map_err(|source| unseen(real, source))?,
        owner: guest.map(|uid| Owner {
            folder: folder.to_owned(),
            uid,
        }),
    })
}

/// Opens a file for reading, with no more rights than the users who can put something in its place: a link there leads
/// root no further than they may go, and a file that they have moved there is theirs to read, or is not opened.
///
/// # Errors
/// What the system says, that it is no regular file, or an [`Error`].
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // What this process was given is open already, with the rights of the user who gave it.
    if DESCRIPTORS.iter().any(|own| path.starts_with(own)) {
        return File::open(path);
    }
    if path.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a folder",
        ));
    }
    // A pipe would wait for its other end.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    if !geteuid().is_root() {
        return regular(rustix::fs::openat(CWD, path, flags, Mode::empty())?.into());
    }
    let path = std::path::absolute(path)?;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::IsADirectory.into());
    };
    let held = hold(folder)?;
    let Some(owner) = &held.owner else {
        return open_in_roots(&path, folder);
    };
    let open = || Ok(rustix::fs::openat(&held, name, flags, Mode::empty())?);
    let rights = Rights::of(owner.uid).map_err(io::Error::other)?;
    regular(open_as(&rights, open)?.into())
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        let why = "it is no regular file";
        Err(io::Error::new(io::ErrorKind::InvalidInput, why))
    }
}

/// Opens a file in a folder of root's. Where others may write to it, a file may be a link of theirs, or another user's.
fn open_in_roots(path: &Path, folder: &Path) -> io::Result<File> {
    let failed = |error| io::Error::from(not_held(folder, error));
    let place = Place::find(Path::new("/"), path, Trust::with(None), Last::Follow, false);
    let Place { folder, name } = place.map_err(failed)?;
    let owner = folder.stat(&name).map_err(failed)?.map(|stat| stat.st_uid);
    let is_shared =
        rustix::fs::fstat(folder.fd())?.st_mode & (WRITABLE_BY_GROUP | WRITABLE_BY_OTHERS) != 0;
    let reader = match owner {
        _ if !folder.is_ours() => Some(NOBODY),
        // What is root's there may have been moved there from another user's folder.
        Some(0) if is_shared => Some(NOBODY),
        Some(owner) if is_shared => Some(owner),
        _ => None,
    };
    let open = || folder.open(&name).map_err(failed);
    let opened = match reader {
        Some(uid) => open_as(&Rights::of(uid).map_err(io::Error::other)?, open)?,
        None => open()?,
    };
    opened
        .map(|(file, _)| file)
        .ok_or_else(|| Errno::NOENT.into())
}

/// Opens something as a user, who is named where they may not.
fn open_as<T>(rights: &Rights, open: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let opened = rights.act(open).map_err(io::Error::other)?;
    opened.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => {
            let readers = match rights.uid {
                NOBODY => "every user may read".to_owned(),
                uid => format!("user {} may read", names::user_name(uid)),
            };
            let why = format!(
                "others than root can put a file there, so root reads only what {readers}; move it into a folder that \
                 root alone can change, or let them read it"
            );
            io::Error::new(error.kind(), why)
        }
        _ => error,
    })
}

/// Becomes the owner of `folder` for good, where that is not root.
///
/// # Errors
/// [`Error`].
pub(crate) fn become_owner(folder: &Path) -> Result<(), Error> {
    Owner::of(folder)?.map_or(Ok(()), |owner| owner.become_for_good())
}

/// Acts as the owner of `folder`, where that is not root.
///
/// # Errors
/// [`Error`].
pub(crate) fn act_in(folder: &Path) -> Result<Option<Acting>, Error> {
    Owner::of(folder)?.map(|owner| owner.act()).transpose()
}

fn unclear(folder: &Path, fault: Fault) -> Error {
    let way = match fault {
        Fault::Look { path, source } => return Error::Look { path, source },
        Fault::Link { .. } => "remove the link, or ",
        Fault::Owner { .. } | Fault::Open { .. } => "take that from them, or ",
    };
    Error::Unclear {
        folder: folder.to_owned(),
        way,
        source: fault.into(),
    }
}

fn not_held(folder: &Path, error: held::Error) -> Error {
    let fault = match error {
        held::Error::Link { path, to } => Fault::Link {
            path: path.into(),
            to: to.into(),
        },
        held::Error::Stranger { path, owner } => Fault::Owner {
            path: path.into(),
            uid: owner,
            owner: names::user_name(owner),
        },
        held::Error::System { path, source, .. } => Fault::Look {
            path: path.into(),
            source,
        },
        held::Error::NotAFolder { path } => Fault::Look {
            path: path.into(),
            source: io::ErrorKind::NotADirectory.into(),
        },
        error => {
            return Error::Unclear {
                folder: folder.to_owned(),
                way: "",
                source: error.into(),
            };
        }
    };
    unclear(folder, fault)
}

fn unseen(path: &Path, source: io::Error) -> Error {
    Error::Look {
        path: path.to_owned(),
        source,
    }
}

/// `folder`, or the nearest one above it that is there.
fn nearest(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let is_folder = |path: &&Path| path.symlink_metadata().is_ok_and(|data| data.is_dir());
    let there = absolute.ancestors().find(is_folder);
    there.unwrap_or(Path::new("/")).to_owned()
}

/// What leads to a descriptor that this process was given.
const DESCRIPTORS: [&str; 3] = ["/dev/stdin", "/dev/fd", "/proc/self/fd"];

/// The user of this number on every Linux, who may read what everybody may.
const NOBODY: u32 = 65_534;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    const OTHER: u32 = 65_534;

    /// A folder of another user, where the test can make one.
    fn others_folder() -> (testkit::TempDir, bool) {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        let is_root = geteuid().is_root();
        if is_root {
            chown(folder.path(), Some(OTHER), Some(OTHER)).expect("given away");
        }
        (folder, is_root)
    }

    #[test]
    fn root_acts_as_the_owner_and_comes_back() {
        let (folder, is_root) = others_folder();
        let made = folder.path().join("made");
        let acting = act_in(&folder.path().join("sub/sub")).expect("a real folder");
        assert_eq!(acting.is_some(), is_root, "nobody but root needs to");
        fs::write(&made, "").expect("written");
        drop(acting);
        let owner = fs::metadata(folder.path()).expect("there").uid();
        assert_eq!(fs::metadata(&made).expect("there").uid(), owner);
        assert_eq!(geteuid().is_root(), is_root);
    }

    #[test]
    fn a_link_of_the_owner_is_refused_by_root_and_named() {
        let (folder, is_root) = others_folder();
        let (link, private) = (folder.path().join("link"), testkit::TempDir::new());
        let private = private.expect("a temporary folder");
        for target in [private.path(), Path::new("/nowhere/at/all")] {
            symlink(target, &link).expect("linked");
            let found = Owner::of(&link);
            let found = found.map_err(|error| crate::sys::error::Chain(&error).to_string());
            match found {
                Err(why) => assert!(is_root && why.contains("/link is a link to"), "{why}"),
                Ok(owner) => assert!(!is_root && owner.is_none()),
            }
            fs::remove_file(&link).expect("removed");
        }
    }

    #[test]
    fn a_folder_of_root_below_another_users_is_refused() {
        let (folder, is_root) = others_folder();
        let below = folder.path().join("below");
        fs::create_dir(&below).expect("made");
        assert_eq!(Owner::of(&below).is_err(), is_root);
    }

    #[test]
    fn a_pipe_is_not_waited_for_whoever_opens_it() {
        let (theirs, _) = others_folder();
        let own = testkit::TempDir::new().expect("a temporary folder");
        for folder in [theirs.path(), own.path()] {
            let pipe = folder.join("pipe");
            rustix::fs::mkfifoat(CWD, &pipe, Mode::from_raw_mode(0o666)).expect("made");
            let error = open(&pipe).expect_err("it is no regular file");
            assert!(error.kind() != io::ErrorKind::NotFound, "{error}");
        }
    }

    #[test]
    fn a_file_that_not_everybody_may_read_is_named_as_that() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).expect("ours");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("ours");
        match open(&file) {
            Err(error) if geteuid().is_root() => {
                let why = error.to_string();
                assert!(why.contains("only what every user may read"), "{why}");
            }
            opened => assert!(!geteuid().is_root() && opened.is_ok(), "{opened:?}"),
        }
    }

    #[test]
    fn what_is_no_folder_is_named_as_that_and_nobodys_fault() {
        let (folder, _) = others_folder();
        let file = folder.path().join("file");
        fs::write(&file, "").expect("written");
        let kind = |place: &Path| io::Error::from(hold(place).expect_err("no folder")).kind();
        assert_eq!(kind(&file), io::ErrorKind::NotADirectory);
        assert_eq!(kind(&folder.path().join("none")), io::ErrorKind::NotFound);
        assert!(Owner::of(&file.join("below")).is_ok());
    }
}
