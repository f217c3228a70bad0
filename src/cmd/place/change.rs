//! One file that is put or taken away, in two steps: what can fail for want of rights or room comes first, and changes
//! nothing; a rename follows, and can be taken back.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process;

use ring::rand::{SecureRandom, SystemRandom};
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid, fchmod, fchown, fstat};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::wanted::{Error, Ground, Wanted, content};
use crate::sys::held::{self, Folder, Last, Place, is_same, kind};
use crate::sys::mode::PERMISSIONS;

/// What is to happen in one place.
#[derive(Debug)]
pub(super) struct Change {
    place: Place,
    what: What,
    /// Whether it has happened.
    is_done: bool,
    /// A second name of what was there before.
    old: Option<OsString>,
}

#[derive(Debug)]
enum What {
    Nothing,
    /// The file stays open: the number of one that is taken away and closed may be given to the next.
    Put {
        temporary: OsString,
        file: File,
    },
    Remove,
}

impl Change {
    /// Makes everything ready, and changes nothing. Where there is nothing to take away, nothing is to happen.
    pub(super) fn prepare(ground: &Ground, wanted: &Wanted) -> Result<Option<Self>, Error> {
        let Some(from) = &wanted.from else {
            return Self::prepare_removal(ground, wanted);
        };
        let place = ground.find(&wanted.to, wanted.last, true)?;
        sweep(&place.folder)?;
        Self::prepare_put(wanted, place, &content(from)?).map(Some)
    }

    /// Makes the file ready that is to hold `bytes`.
    pub(super) fn prepare_put(wanted: &Wanted, place: Place, bytes: &[u8]) -> Result<Self, Error> {
        let is_file = refuse_folder(&place)?;
        let Wanted { mode, owner, .. } = *wanted;
        let what = if is_file && stands(&place, bytes, mode, owner)? {
            What::Nothing
        } else {
            put(&place.folder, bytes, mode, owner)?
        };
        Ok(Self::new(place, what))
    }

    fn prepare_removal(ground: &Ground, wanted: &Wanted) -> Result<Option<Self>, Error> {
        let place = match ground.find(&wanted.to, Last::Take, false) {
            Err(error) if error.is_absence() => return Ok(None),
            place => place?,
        };
        sweep(&place.folder)?;
        refuse_folder(&place)?;
        let is_there = place.folder.stat(&place.name)?.is_some();
        Ok(is_there.then(|| Self::new(place, What::Remove)))
    }

    fn new(place: Place, what: What) -> Self {
        Self {
            place,
            what,
            is_done: false,
            old: None,
        }
    }

    /// What became of it, for people.
    pub(super) fn told(&self) -> String {
        let what = match self.what {
            What::Nothing => "unchanged",
            What::Put { .. } => "installed",
            What::Remove => "removed  ",
        };
        format!("{what}  {}", self.place.path())
    }

    fn carry_out(&mut self) -> Result<(), held::Error> {
        let Place { folder, name } = &self.place;
        if let What::Nothing = self.what {
            return Ok(());
        }
        // By a second name, and not by a rename: calls find the old file in its place until the new one has replaced
        // it.
        self.old = second_name(folder, name);
        match &self.what {
            What::Nothing => {}
            What::Remove => {
                rustix::fs::unlinkat(folder.fd(), name, AtFlags::empty())
                    .map_err(|errno| folder.failed("remove", name, errno))?;
                self.is_done = true;
            }
            What::Put { temporary, file } => {
                expect(folder, temporary, name, file)?;
                rustix::fs::renameat(folder.fd(), temporary, folder.fd(), name)
                    .map_err(|errno| folder.failed("put", name, errno))?;
                self.is_done = true;
                expect(folder, name, name, file)?;
            }
        }
        Ok(())
    }

    /// Brings back what was there before.
    fn undo(&mut self) {
        if !self.is_done {
            return;
        }
        let Place { folder, name } = &self.place;
        let undone = match self.old.take() {
            Some(old) => rustix::fs::renameat(folder.fd(), old, folder.fd(), name),
            None => rustix::fs::unlinkat(folder.fd(), name, AtFlags::empty()),
        };
        if let Err(errno) = undone {
            log::error!("{} is not as it was before: {errno}", self.place.path());
        }
    }
}

/// Leaves nothing beside what was put.
impl Drop for Change {
    fn drop(&mut self) {
        let temporary = match &self.what {
            What::Put { temporary, .. } if !self.is_done => Some(temporary),
            _ => None,
        };
        for name in temporary.into_iter().chain(&self.old) {
            // The owner of the folder may have taken it away.
            rustix::fs::unlinkat(self.place.folder.fd(), name, AtFlags::empty()).ok();
        }
    }
}

/// Carries out all of them, or none.
pub(super) fn commit(changes: &mut [Change]) -> Result<(), held::Error> {
    for index in 0..changes.len() {
        if let Err(error) = changes[index].carry_out() {
            for change in changes[..=index].iter_mut().rev() {
                change.undo();
            }
            return Err(error);
        }
    }
    Ok(())
}

/// Sets the owner of what is open, unless it is right.
pub(super) fn give(open: impl AsFd, (user, group): (u32, u32)) -> Result<(), Errno> {
    let stat = fstat(&open)?;
    if (stat.st_uid, stat.st_gid) == (user, group) {
        return Ok(());
    }
    fchown(open, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))
}

/// Returns whether a plain file is there. What is neither that nor a link is not replaced.
fn refuse_folder(place: &Place) -> Result<bool, held::Error> {
    match place.folder.stat(&place.name)?.map(|stat| kind(&stat)) {
        Some(FileType::Directory) => Err(place.folder.not_a_file(&place.name)),
        found => Ok(found == Some(FileType::RegularFile)),
    }
}

/// Whether the file in this place is as it should be.
fn stands(
    place: &Place,
    bytes: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
) -> Result<bool, held::Error> {
    let Some((file, stat)) = place.folder.open(&place.name)? else {
        return Ok(false);
    };
    if stat.st_mode & PERMISSIONS != mode
        || owner.is_some_and(|owner| owner != (stat.st_uid, stat.st_gid))
    {
        return Ok(false);
    }
    let most = u64::try_from(bytes.len()).map_or(u64::MAX, |len| len + 1);
    let mut found = Vec::with_capacity(bytes.len() + 1);
    file.take(most)
        .read_to_end(&mut found)
        .map_err(|source| place.folder.failed("read", &place.name, source))?;
    Ok(found == bytes)
}

/// Makes the new file, under a name of its own.
fn put(
    folder: &Folder,
    bytes: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
) -> Result<What, held::Error> {
    let name = temporary_name(folder)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(folder.fd(), &name, flags, Mode::RUSR | Mode::WUSR)
        .map_err(|errno| folder.failed("make a file in", OsStr::new(""), errno))?;
    let mut file = File::from(fd);
    // The mode comes last: until the file has its owner it is open to no other user, and chown(2) takes bits of a mode
    // away. Synced, it is never an empty file after a loss of power.
    let mut write = || {
        file.write_all(bytes)?;
        if let Some(owner) = owner {
            give(&file, owner)?;
        }
        fchmod(&file, Mode::from_raw_mode(mode))?;
        file.sync_all()
    };
    match write() {
        Ok(()) => Ok(What::Put {
            temporary: name,
            file,
        }),
        Err(source) => {
            // The disk is full, perhaps.
            rustix::fs::unlinkat(folder.fd(), &name, AtFlags::empty()).ok();
            Err(folder.failed("write a file in", OsStr::new(""), source))
        }
    }
}

/// Makes sure that `name` leads to the file that we have made.
fn expect(folder: &Folder, name: &OsStr, place: &OsStr, file: &File) -> Result<(), held::Error> {
    let new = fstat(file).map_err(|errno| folder.failed("look at", place, errno))?;
    match folder.stat(name)? {
        Some(stat) if is_same(&stat, &new) => Ok(()),
        _ => Err(held::Error::Raced {
            path: folder.path_of(place),
        }),
    }
}

/// Gives what is there a second name, by which it can be brought back. Not every file system can.
fn second_name(folder: &Folder, name: &OsStr) -> Option<OsString> {
    let old = temporary_name(folder).ok()?;
    rustix::fs::linkat(folder.fd(), name, folder.fd(), &old, AtFlags::empty()).ok()?;
    Some(old)
}

/// A name that cannot be known beforehand, with the process that it belongs to.
fn temporary_name(folder: &Folder) -> Result<OsString, held::Error> {
    let mut random = [0; 8];
    SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| folder.failed("find a name in", OsStr::new(""), Errno::AGAIN))?;
    let random = u64::from_ne_bytes(random);
    Ok(format!("{TEMPORARY}{}.{random:016x}", process::id()).into())
}

/// Takes away the files that killed processes have left in a folder. A folder may be called like that and hold what
/// belongs to others.
fn sweep(folder: &Folder) -> Result<(), held::Error> {
    for name in folder.names()? {
        let is_file = |stat| kind(&stat) == FileType::RegularFile;
        if is_left(&name) && folder.stat(&name)?.is_some_and(is_file) {
            // Its owner may be at work there, and it hinders nothing.
            rustix::fs::unlinkat(folder.fd(), &name, AtFlags::empty()).ok();
        }
    }
    Ok(())
}

fn is_left(name: &OsStr) -> bool {
    let process = || {
        let (process, random) = name.to_str()?.strip_prefix(TEMPORARY)?.split_once('.')?;
        let is_random = random.len() == 16 && random.bytes().all(|digit| digit.is_ascii_hexdigit());
        Pid::from_raw(process.parse().ok()?).filter(|_| is_random)
    };
    process().is_some_and(|process| !is_running(process))
}

/// A process that has ended is listed until its parent has asked how, which may be never.
fn is_running(process: Pid) -> bool {
    let stat = || fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok();
    let has_ended = |stat: String| {
        let state = stat.rsplit_once(") ").map(|(_, state)| state.to_owned());
        state.is_some_and(|state| state.starts_with(['Z', 'X']))
    };
    test_kill_process(process) != Err(Errno::SRCH) && !stat().is_some_and(has_ended)
}

const TEMPORARY: &str = ".phone-assistant.";
