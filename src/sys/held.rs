//! Folders that are held by descriptor, for what root does where other users own folders or may write into them.
//!
//! A path is walked one component at a time, and no step follows a link unless only root, or the user who runs this,
//! can have made it. What is found stays the same folder whatever its owner does to its name; all that happens in it
//! then names no path any more. The choice of those other users is left to the caller; what is put there, to `place`.
//! <https://man7.org/linux/man-pages/man2/openat.2.html>

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::sys::mode::{STICKY, WRITABLE_BY_GROUP, WRITABLE_BY_OTHERS};
use crate::sys::path_walk;
use crate::sys::plain::plain;

mod error;

pub(crate) use error::Error;

/// The owners whose folders may be used: root, the user who runs this, and one other user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trust {
    me: u32,
    guest: Option<u32>,
}

impl Trust {
    /// Lets folders of `guest` be used as well.
    pub(crate) fn with(guest: Option<u32>) -> Self {
        let me = rustix::process::geteuid().as_raw();
        Self { me, guest }
    }

    /// Whether only root, or the user who runs this, can change a file with this owner.
    pub(crate) fn is_ours(self, stat: &Stat) -> bool {
        self.owns(stat.st_uid)
    }

    /// Whether this user is root, or the user who runs this.
    pub(crate) fn owns(self, user: u32) -> bool {
        user == 0 || user == self.me
    }

    /// Whether this user is one of the three.
    pub(crate) fn admits(self, user: u32) -> bool {
        self.owns(user) || Some(user) == self.guest
    }

    /// Whether no other user can rename or replace what is in this folder and is ours.
    fn keeps(self, stat: &Stat) -> bool {
        // With the sticky bit, as `/tmp` has it, only the owner of a file may rename or remove it: chmod(2).
        self.is_ours(stat) && (!is_open(stat) || stat.st_mode & STICKY != 0)
    }
}

/// Whether others than its owner can put something into a folder.
fn is_open(stat: &Stat) -> bool {
    stat.st_mode & (WRITABLE_BY_GROUP | WRITABLE_BY_OTHERS) != 0
}

/// A folder, whatever its name leads to by now.
#[derive(Debug)]
pub(crate) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
    owner: u32,
    is_ours: bool,
    is_open: bool,
    /// The first folder on the way here that belongs to an unknown user.
    stranger: Option<(PathBuf, u32)>,
}

/// What happens at the last component of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    /// A link is followed where others can be.
    Follow,
    /// A link is what is meant.
    Take,
}

/// A name in a held folder, whether a file has it or not.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) folder: Folder,
    pub(crate) name: OsString,
}

impl Place {
    /// Finds `path`, which begins with `root`. Folders that are missing are made if `make`.
    ///
    /// # Errors
    /// [`Error`] names the component that is not to be used.
    pub(crate) fn find(
        root: &Path,
        path: &Path,
        trust: Trust,
        last: Last,
        make: bool,
    ) -> Result<Self, Error> {
        let mut walk = Walk::from(root, trust, make)?;
        walk.add(below(root, path)?);
        while let Some(name) = walk.ahead.pop_front() {
            if !walk.ahead.is_empty() {
                walk.enter(&name)?;
                continue;
            }
            let link = match last {
                Last::Follow => walk.here.link(&name, trust)?,
                Last::Take => None,
            };
            let Some(to) = link else {
                let folder = walk.end()?;
                return Ok(Self { folder, name });
            };
            walk.follow(&name, &to)?;
        }
        Err(Error::NotAFile { path: shown(path) })
    }

    pub(crate) fn path(&self) -> String {
        self.folder.path_of(&self.name)
    }
}

impl Folder {
    /// Whether only root, or the user who runs this, can change what is in it.
    pub(crate) fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// Whether others can put files of their own into it, even if they cannot change ours: `/tmp` is such a folder.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    pub(crate) fn owner(&self) -> u32 {
        self.owner
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// A path in it, for messages alone.
    pub(crate) fn path_of(&self, name: &OsStr) -> String {
        shown(&self.path.join(name))
    }

    /// What has this name in the folder; a link is not followed.
    pub(crate) fn stat(&self, name: &OsStr) -> Result<Option<Stat>, Error> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.failed("look at", name, errno)),
        }
    }

    /// Opens the plain file of this name for reading; nothing if there is none. A pipe would wait for its other end,
    /// and a link may lead anywhere.
    pub(crate) fn open(&self, name: &OsStr) -> Result<Option<(File, Stat)>, Error> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NXIO) => return Err(self.not_a_file(name)),
            Err(errno) => return Err(self.failed("open", name, errno)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(|errno| self.failed("look at", name, errno))?;
        match kind(&stat) {
            FileType::RegularFile => Ok(Some((File::from(fd), stat))),
            _ => Err(self.not_a_file(name)),
        }
    }

    /// The names in it.
    pub(crate) fn names(&self) -> Result<Vec<OsString>, Error> {
        let all = || {
            let listed = rustix::fs::openat(&self.fd, ".", FOLDER | OFlags::RDONLY, Mode::empty())?;
            let mut names = Vec::new();
            for entry in Dir::new(listed)? {
                let name = entry?.file_name().to_bytes().to_vec();
                if name != b"." && name != b".." {
                    names.push(OsString::from_vec(name));
                }
            }
            Ok::<_, Errno>(names)
        };
        all().map_err(|errno| self.failed("list", OsStr::new(""), errno))
    }

    /// The folder of this name in it, opened for `access`; a link is none.
    pub(crate) fn enter(&self, name: &OsStr, access: OFlags, trust: Trust) -> Result<Self, Error> {
        let fd = match rustix::fs::openat(&self.fd, name, FOLDER | access, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOTDIR | Errno::LOOP) => {
                let path = self.path_of(name);
                return Err(Error::NotAFolder { path });
            }
            Err(errno) => return Err(self.failed("open", name, errno)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(|errno| self.failed("look at", name, errno))?;
        let path = self.path.join(name);
        let unknown = (!trust.admits(stat.st_uid)).then(|| (path.clone(), stat.st_uid));
        Ok(Self {
            fd,
            owner: stat.st_uid,
            // The owner of a folder above can put another in place of this one, so all of them must be ours.
            is_ours: self.is_ours && trust.keeps(&stat),
            is_open: is_open(&stat),
            stranger: self.stranger.clone().or(unknown),
            path,
        })
    }

    /// Where a link of this name leads, if it is one.
    fn link(&self, name: &OsStr, trust: Trust) -> Result<Option<PathBuf>, Error> {
        let Some(stat) = self.stat(name)? else {
            return Ok(None);
        };
        if kind(&stat) != FileType::Symlink {
            return Ok(None);
        }
        let to = rustix::fs::readlinkat(&self.fd, name, Vec::new())
            .map_err(|errno| self.failed("read the link", name, errno))?;
        let to = PathBuf::from(OsString::from_vec(to.into_bytes()));
        // Both count: others can make links in an open folder, and can move a link of ours that stands in a folder of
        // theirs.
        if self.is_ours && trust.is_ours(&stat) {
            Ok(Some(to))
        } else {
            Err(self.not_followed(name, &to))
        }
    }

    fn not_followed(&self, name: &OsStr, to: &Path) -> Error {
        Error::Link {
            path: self.path_of(name),
            to: shown(to),
        }
    }

    pub(crate) fn not_a_file(&self, name: &OsStr) -> Error {
        Error::NotAFile {
            path: self.path_of(name),
        }
    }

    pub(crate) fn failed(
        &self,
        doing: &'static str,
        name: &OsStr,
        source: impl Into<io::Error>,
    ) -> Error {
        Error::System {
            doing,
            path: self.path_of(name),
            source: source.into(),
        }
    }
}

/// A path on its way to a folder. Links are rare, so what is behind one is put before what is left of the path.
struct Walk<'a> {
    root: &'a Path,
    trust: Trust,
    make: bool,
    here: Folder,
    above: Vec<Folder>,
    ahead: VecDeque<OsString>,
    links: usize,
}

impl<'a> Walk<'a> {
    fn from(root: &'a Path, trust: Trust, make: bool) -> Result<Self, Error> {
        Ok(Self {
            root,
            trust,
            make,
            here: start(root, trust)?,
            above: Vec::new(),
            ahead: VecDeque::new(),
            links: 0,
        })
    }

    /// Puts the components of `path` before what is left.
    fn add(&mut self, path: &Path) {
        let mut names = path_walk::names(path);
        names.append(&mut self.ahead);
        self.ahead = names;
    }

    fn enter(&mut self, name: &OsStr) -> Result<(), Error> {
        if name == ".." {
            // Back to the folder that was entered and is held, not to what the system has above this one by now.
            if let Some(above) = self.above.pop() {
                self.here = above;
            }
            return Ok(());
        }
        if let Some(to) = self.here.link(name, self.trust)? {
            return self.follow(name, &to);
        }
        let entered = match self.here.enter(name, OFlags::PATH, self.trust) {
            Err(error) if self.make && error.is_absence() => {
                self.make_folder(name)?;
                self.here.enter(name, OFlags::PATH, self.trust)?
            }
            entered => entered?,
        };
        self.above.push(mem::replace(&mut self.here, entered));
        Ok(())
    }

    fn make_folder(&self, name: &OsStr) -> Result<(), Error> {
        match rustix::fs::mkdirat(&self.here.fd, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(self.here.failed("make", name, errno)),
        }
    }

    fn follow(&mut self, name: &OsStr, to: &Path) -> Result<(), Error> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(self.here.not_followed(name, to));
        }
        if to.is_absolute() {
            let (root, rest) = match to.strip_prefix(self.root) {
                Ok(rest) => (self.root, rest),
                Err(_) => (Path::new("/"), to),
            };
            self.here = start(root, self.trust)?;
            self.above.clear();
            self.add(rest);
        } else {
            self.add(to);
        }
        Ok(())
    }

    fn end(self) -> Result<Folder, Error> {
        match &self.here.stranger {
            None => Ok(self.here),
            Some((path, owner)) => Err(Error::Stranger {
                path: shown(path),
                owner: *owner,
            }),
        }
    }
}

/// The folder that a walk begins in: the user who runs this has named it, so its path is taken as it is.
fn start(root: &Path, trust: Trust) -> Result<Folder, Error> {
    let open = || {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(CWD, root, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&fd)?;
        Ok::<_, Errno>((fd, stat))
    };
    let (fd, stat) = open().map_err(|errno| Error::System {
        doing: "open",
        path: shown(root),
        source: errno.into(),
    })?;
    Ok(Folder {
        fd,
        path: root.to_owned(),
        owner: stat.st_uid,
        is_ours: trust.keeps(&stat),
        is_open: is_open(&stat),
        stranger: None,
    })
}

fn below<'a>(root: &Path, path: &'a Path) -> Result<&'a Path, Error> {
    path.strip_prefix(root).map_err(|_| Error::Outside {
        path: shown(path),
        root: shown(root),
    })
}

/// A path as it is harmless for a terminal: its name may be a stranger's choice.
pub(crate) fn shown(path: &Path) -> String {
    plain(&path.display().to_string())
}

pub(crate) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// Whether both are of one file.
pub(crate) fn is_same(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// As many links as a person might put behind each other.
const MAX_LINKS: usize = 8;
