//! The rights of another user of this machine, and what root does with no more than those.
//!
//! Rights belong to threads: <https://man7.org/linux/man-pages/man7/credentials.7.html>. Where root goes on afterwards
//! its real and its saved user stay root: a signal to a thread is one to its process, and these two decide who may send
//! it (kill(2)).

use std::io;
use std::marker::PhantomData;

use rustix::process::{Gid, Uid, geteuid, getgid, getgroups, getuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::sys::identity::names::{Entry, Names, Unread, number};

/// A user with all of their groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
}

/// Why rights are not those of a user.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("/etc/{file} has no '{}'", name.escape_debug())]
    Unknown { file: &'static str, name: String },
    #[error(transparent)]
    Unread(#[from] Unread),
    #[error("cannot become user {uid}")]
    Refused { uid: u32, source: io::Error },
}

impl Rights {
    /// Finds the user with this name, or this number. A number that no list has is a user all the same, see
    /// [`Self::of`].
    ///
    /// # Errors
    /// [`Error`] says which list does not have it.
    pub(crate) fn find(name: &str) -> Result<Self, Error> {
        let names = Names::here()?;
        let listed = names.user(name).map(|user| Self::listed(&names, user));
        let rights = listed.or_else(|| number(name).map(Self::unlisted));
        rights.ok_or_else(|| unknown("passwd", name))
    }

    /// The rights of the user `uid`. One who is in no list has no group but [`NO_GROUP`]: less than they may have.
    ///
    /// # Errors
    /// [`Error::Unread`].
    pub(crate) fn of(uid: u32) -> Result<Self, Error> {
        let names = Names::here()?;
        let user = names.user_of(uid);
        Ok(user.map_or_else(|| Self::unlisted(uid), |user| Self::listed(&names, user)))
    }

    fn listed(names: &Names, user: &Entry) -> Self {
        let gid = user.group.unwrap_or(NO_GROUP);
        Self {
            uid: user.id,
            gid,
            groups: names.groups_of(&user.name, gid),
        }
    }

    fn unlisted(uid: u32) -> Self {
        Self {
            uid,
            gid: NO_GROUP,
            groups: Vec::new(),
        }
    }

    /// Does a `job` with these rights, if the user who runs this can take them; else with their own.
    ///
    /// # Errors
    /// [`Error::Refused`]; then nothing was done.
    pub(crate) fn act<T>(&self, job: impl FnOnce() -> T) -> Result<T, Error> {
        let _acting = geteuid().is_root().then(|| self.begin()).transpose()?;
        Ok(job())
    }

    /// Gives root's thread these rights until what is returned is dropped.
    ///
    /// # Errors
    /// [`Error::Refused`]; then the thread has its own.
    pub(crate) fn begin(&self) -> Result<Acting, Error> {
        let begin = || {
            // Made before the first change: where a later one fails, its drop takes back those before it.
            let acting = Acting {
                groups: getgroups()?,
                here: PhantomData,
            };
            set_thread_groups(&self.all_groups())?;
            set_thread_res_gid(getgid(), Gid::from_raw(self.gid), getgid())?;
            // The user comes last, since groups can be changed with root's rights alone; the saved user stays root and
            // leads back.
            set_thread_res_uid(getuid(), Uid::from_raw(self.uid), Uid::ROOT)?;
            Ok(acting)
        };
        begin().map_err(|source| self.refused(source))
    }

    /// Takes these rights for good: in this thread and those that it starts.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub(crate) fn take(&self) -> Result<(), Error> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        let take = || {
            set_thread_groups(&self.all_groups())?;
            set_thread_res_gid(gid, gid, gid)?;
            set_thread_res_uid(uid, uid, uid)
        };
        take().map_err(|source| self.refused(source))
    }

    fn all_groups(&self) -> Vec<Gid> {
        self.groups.iter().copied().map(Gid::from_raw).collect()
    }

    fn refused(&self, source: rustix::io::Errno) -> Error {
        Error::Refused {
            uid: self.uid,
            source: source.into(),
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
    /// Takes root's rights back. A failure is ignored: the thread then can do less, not more.
    fn drop(&mut self) {
        // The user comes first: only root can set the groups.
        set_thread_res_uid(getuid(), Uid::ROOT, Uid::ROOT).ok();
        set_thread_res_gid(getgid(), getgid(), getgid()).ok();
        set_thread_groups(&self.groups).ok();
    }
}

/// The number of the group that has this name, or this number.
///
/// # Errors
/// [`Error`] says that there is none.
pub(crate) fn group(name: &str) -> Result<u32, Error> {
    let names = Names::here()?;
    let id = names.group(name).map(|group| group.id);
    id.or_else(|| number(name))
        .ok_or_else(|| unknown("group", name))
}

fn unknown(file: &'static str, name: &str) -> Error {
    Error::Unknown {
        file,
        name: name.to_owned(),
    }
}

/// Linux's overflow group: Debian calls it nogroup, and nothing of value is given to it.
const NO_GROUP: u32 = 65_534;

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn users_and_groups_are_found_by_name_and_by_number() {
        let root = Rights::find("root").expect("every machine has one");
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(Rights::find("0").expect("it is root's"), root);
        assert_eq!(Rights::of(0).expect("it is root's"), root);
        assert_eq!(group("root").expect("every machine has one"), 0);
        assert_eq!(group("4000000001").expect("a number"), 4_000_000_001);
        for name in ["no such user", "", "-u", "+5"] {
            assert!(
                Rights::find(name).is_err() && group(name).is_err(),
                "{name}"
            );
        }
    }

    #[test]
    fn a_number_that_only_a_directory_knows_is_a_user_without_groups() {
        let rights = Rights::find("4000000001").expect("a number");
        assert_eq!(
            rights,
            Rights::of(4_000_000_001).expect("the lists are there")
        );
        assert_eq!((rights.uid, rights.gid), (4_000_000_001, NO_GROUP));
        assert_eq!(rights.groups, [0_u32; 0]);
    }

    const NOBODY: u32 = 65_534;

    #[test]
    fn rights_that_were_taken_for_a_job_are_taken_for_nothing_else() {
        let nobody = Rights::unlisted(NOBODY);
        let before = (geteuid(), getgroups().expect("they can be asked for"));
        let acted = nobody.act(|| geteuid().as_raw()).expect("it may");
        let expected = if before.0.is_root() {
            NOBODY
        } else {
            before.0.as_raw()
        };
        assert_eq!(acted, expected);
        assert_eq!((geteuid(), getgroups().expect("as before")), before);
    }

    /// Whether another process of `uid` may send `signal` to the thread `id`.
    fn may_signal(uid: u32, signal: &str, id: i32) -> bool {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("kill -{signal} {id}")]);
        let status = shell.uid(uid).gid(uid).stderr(Stdio::null()).status();
        status.expect("every machine has a shell").success()
    }

    #[test]
    fn the_user_may_send_no_signal_to_root_who_acts_with_their_rights() {
        let nobody = Rights::unlisted(NOBODY);
        let (tell, told) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                let job = move || {
                    let id = rustix::thread::gettid().as_raw_nonzero().get();
                    tell.send((id, geteuid())).expect("it is waited for");
                    // An error says that the other end is over too.
                    ended.recv().ok();
                };
                nobody.act(job).expect("it may");
            });
            let (id, acting_as) = told.recv().expect("it acts");
            if geteuid().is_root() {
                assert_eq!(acting_as.as_raw(), NOBODY);
                assert!(!may_signal(NOBODY, "0", id), "this process could be ended");
                assert!(!may_signal(NOBODY, "STOP", id), "this process was stopped");
            } else {
                assert_eq!(acting_as, geteuid());
            }
            drop(end);
        });
    }
}
