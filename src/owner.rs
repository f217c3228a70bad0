//! What root does in another user's folder, it does as that user: then links that the user plants there lead no further
//! than that user may go, and no file is left that a call cannot change.

use std::io;
use std::marker::PhantomData;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::{Gid, Uid, geteuid, getgid, getgroups, getuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::files;
use crate::rooted::{self, Fault};

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(
            io::ErrorKind::PermissionDenied,
            crate::error::Chain(&error).to_string(),
        )
    }
}

/// Why root does nothing there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not clear whose folder it is.
    #[error(
        "root does nothing in {}, because others can change where that leads; remove the link, or run this as the user whose folder it is",
        .folder.display()
    )]
    Unclear {
        /// The folder.
        folder: PathBuf,
        /// What others can change.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The system does not let root become the folder's owner.
    #[error("cannot become {user}, the user of {}; run this as that user", .folder.display())]
    Become {
        /// The folder.
        folder: PathBuf,
        /// Its owner's name.
        user: String,
        /// Why.
        source: io::Error,
    },
}

/// Another user, whose folder root has to do with.
#[derive(Debug)]
pub(crate) struct Owner {
    folder: PathBuf,
    user: Uid,
    group: Gid,
}

impl Owner {
    /// The owner of `folder`, or of the nearest one above it that is there. `None` where that is root, or where this
    /// process is not root: then it is to go on as it is.
    ///
    /// # Errors
    /// [`Error::Unclear`] where anybody else can change where `folder` leads.
    pub(crate) fn of(folder: &Path) -> Result<Option<Self>, Error> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let unclear = |fault: Fault| Error::Unclear {
            folder: folder.to_owned(),
            source: Box::new(fault),
        };
        let there = nearest(&rooted::follow(folder).map_err(unclear)?.real);
        let look = |path: &Path| {
            let source = path.symlink_metadata();
            source.map_err(|source| Fault::Look {
                path: path.to_owned(),
                source,
            })
        };
        let user = look(&there).map_err(unclear)?.uid();
        let real = rooted::resolve(&there, Some(user)).map_err(unclear)?;
        let owner = Self {
            folder: folder.to_owned(),
            user: Uid::from_raw(user),
            group: Gid::from_raw(look(&real).map_err(unclear)?.gid()),
        };
        Ok((user != 0).then_some(owner))
    }

    /// The same where it does not matter that others can exchange what is above a folder of root's, because a person
    /// has named it: a link of others is refused all the same.
    ///
    /// # Errors
    /// [`Error::Unclear`] names the link.
    fn of_named(folder: &Path) -> Result<Option<Self>, Error> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let unclear = |fault: Fault| Error::Unclear {
            folder: folder.to_owned(),
            source: Box::new(fault),
        };
        let there = nearest(&rooted::follow(folder).map_err(unclear)?.real);
        let data = there.symlink_metadata();
        let data = data.map_err(|source| {
            unclear(Fault::Look {
                path: there,
                source,
            })
        })?;
        let owner = Self {
            folder: folder.to_owned(),
            user: Uid::from_raw(data.uid()),
            group: Gid::from_raw(data.gid()),
        };
        Ok((data.uid() != 0).then_some(owner))
    }

    /// Becomes this user for good: in this thread and those that it starts, with no group but the folder's.
    ///
    /// # Errors
    /// [`Error::Become`].
    pub(crate) fn become_for_good(&self) -> Result<(), Error> {
        let (user, group) = (self.user, self.group);
        let all = || {
            set_thread_groups(&[group])?;
            set_thread_res_gid(group, group, group)?;
            set_thread_res_uid(user, user, user)
        };
        all().map_err(|error| self.failed(error.into()))
    }

    /// Acts as this user in this thread until what is returned is dropped.
    ///
    /// # Errors
    /// [`Error::Become`].
    pub(crate) fn act(&self) -> Result<Acting, Error> {
        let failed = |error: rustix::io::Errno| self.failed(error.into());
        let acting = Acting {
            groups: getgroups().map_err(failed)?,
            here: PhantomData,
        };
        set_thread_groups(&[self.group]).map_err(failed)?;
        set_thread_res_gid(getgid(), self.group, getgid()).map_err(failed)?;
        set_thread_res_uid(getuid(), self.user, Uid::ROOT).map_err(failed)?;
        Ok(acting)
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Become {
            folder: self.folder.clone(),
            user: files::name_of("/etc/passwd", self.user.as_raw()),
            source,
        }
    }
}

/// Root's thread while it acts as another user.
#[derive(Debug)]
pub(crate) struct Acting {
    groups: Vec<Gid>,
    /// Rights are a thread's own.
    here: PhantomData<*const ()>,
}

impl Drop for Acting {
    /// A thread that did not get root's rights back could do less, not more.
    fn drop(&mut self) {
        set_thread_res_uid(getuid(), Uid::ROOT, Uid::ROOT).ok();
        set_thread_res_gid(getgid(), getgid(), getgid()).ok();
        set_thread_groups(&self.groups).ok();
    }
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

/// The same in a folder that a person or the settings have named, see [`Owner::of_named`].
///
/// # Errors
/// [`Error`].
pub(crate) fn act_in_named(folder: &Path) -> Result<Option<Acting>, Error> {
    Owner::of_named(folder)?
        .map(|owner| owner.act())
        .transpose()
}

/// Becomes the owner of such a folder for good.
///
/// # Errors
/// [`Error`].
pub(crate) fn become_owner_of_named(folder: &Path) -> Result<(), Error> {
    Owner::of_named(folder)?.map_or(Ok(()), |owner| owner.become_for_good())
}

/// `folder`, or the nearest one above it that is there. A link that leads nowhere is there.
fn nearest(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let mut all = absolute.ancestors();
    let there = all.find(|path| path.symlink_metadata().is_ok());
    there.unwrap_or(Path::new("/")).to_owned()
}

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
            let found = found.map_err(|error| crate::error::Chain(&error).to_string());
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
}
