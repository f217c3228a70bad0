//! Trees that are taken away: files and folders, with all that is in them.
//!
//! The owner of a folder can rename what root keeps in it, but cannot empty a folder of root there. So root empties by
//! itself only what no other user can have put where it is, and the rest with the rights of the guest.

use std::ffi::OsStr;

use rustix::fs::{AtFlags, FileType, OFlags};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::wanted::{Error, MAX_DEPTH};
use crate::sys::held::{Folder, Trust, kind};
use crate::sys::rights::Rights as User;

/// How trees are taken away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Removal<'a> {
    pub(super) trust: Trust,
    pub(super) guest: Option<&'a User>,
}

/// The user with whose rights a folder is emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rights {
    Own,
    Guest,
    /// The folder is not emptied.
    Nobody,
}

/// What decides on these rights.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// Whether only root, or the user who runs this, can have put the folder where it is.
    is_ours: bool,
    /// The user that empties it.
    acting: u32,
    /// Owner of the folder.
    owner: u32,
    /// Owner of the folder that it is in.
    above: u32,
    guest: Option<u32>,
}

impl Found {
    fn rights(self) -> Rights {
        let is_root = self.acting == 0;
        if self.is_ours || (!is_root && self.owner == self.above) {
            Rights::Own
        } else if is_root && Some(self.owner) == self.guest {
            Rights::Guest
        } else {
            Rights::Nobody
        }
    }
}

impl Removal<'_> {
    /// Takes away what has this name, whatever it is.
    pub(super) fn remove(self, folder: &Folder, name: &OsStr, depth: usize) -> Result<(), Error> {
        let flags = match folder.stat(name)? {
            None => return Ok(()),
            Some(stat) if kind(&stat) == FileType::Directory => {
                self.empty(folder, name, depth)?;
                AtFlags::REMOVEDIR
            }
            Some(_) => AtFlags::empty(),
        };
        match rustix::fs::unlinkat(folder.fd(), name, flags) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(folder.failed("remove", name, errno).into()),
        }
    }

    fn empty(self, folder: &Folder, name: &OsStr, depth: usize) -> Result<(), Error> {
        let path = || folder.path_of(name);
        if depth == MAX_DEPTH {
            return Err(Error::TooDeep { path: path() });
        }
        let inner = folder.enter(name, OFlags::RDONLY, self.trust)?;
        let found = Found {
            is_ours: folder.is_ours() && self.trust.owns(inner.owner()),
            acting: geteuid().as_raw(),
            owner: inner.owner(),
            above: folder.owner(),
            guest: self.guest.map(|guest| guest.uid),
        };
        match (found.rights(), self.guest) {
            (Rights::Own, _) => self.clear(&inner, depth),
            (Rights::Guest, Some(guest)) => guest.act(|| self.clear(&inner, depth))?,
            _ => Err(Error::Foreign {
                path: path(),
                owner: inner.owner(),
            }),
        }
    }

    fn clear(self, folder: &Folder, depth: usize) -> Result<(), Error> {
        for name in folder.names()? {
            self.remove(folder, &name, depth + 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_emptied_with_no_more_rights_than_whoever_can_have_put_it_there() {
        const ME: u32 = 1000;
        const GUEST: u32 = 100;
        const OTHER: u32 = 101;
        let of_guest = Some(GUEST);
        // Whether only we can have put it there, who empties it, its owner, the owner above, and the guest.
        let table = [
            ((true, 0, 0, 0, of_guest), Rights::Own),
            ((true, ME, ME, 0, None), Rights::Own),
            // A folder of root in one of the guest, or in one of root that others may write to.
            ((false, 0, 0, GUEST, of_guest), Rights::Nobody),
            ((false, 0, 0, 0, of_guest), Rights::Nobody),
            ((false, 0, 0, 0, None), Rights::Nobody),
            ((false, 0, GUEST, 0, of_guest), Rights::Guest),
            ((false, 0, GUEST, GUEST, of_guest), Rights::Guest),
            ((false, 0, GUEST, GUEST, None), Rights::Nobody),
            ((false, 0, OTHER, OTHER, of_guest), Rights::Nobody),
            // The guest, and users who are not root.
            ((false, GUEST, GUEST, GUEST, of_guest), Rights::Own),
            ((false, GUEST, 0, GUEST, of_guest), Rights::Nobody),
            ((false, ME, ME, ME, None), Rights::Own),
            ((false, ME, ME, OTHER, None), Rights::Nobody),
            ((false, ME, ME, 0, None), Rights::Nobody),
        ];
        for (row, rights) in table {
            let (is_ours, acting, owner, above, guest) = row;
            let found = Found {
                is_ours,
                acting,
                owner,
                above,
                guest,
            };
            assert_eq!(found.rights(), rights, "{found:?}");
        }
    }
}
