//! Another user of this machine, and what root does with no more rights than theirs.
//!
//! Rights belong to threads: <https://man7.org/linux/man-pages/man7/credentials.7.html>. So a thread of its own gives them
//! up and ends, while the rest of the process keeps them. Its real and its saved user stay root: a signal to a thread is
//! one to its process, and these two decide who may send it (kill(2)).

use std::fs;
use std::io;
use std::thread;

use rustix::process::{Gid, Uid, geteuid, getgid, getuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// A user with all of their groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

/// Why rights are not those of a user.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("/etc/{file} has no '{}'", name.escape_debug())]
    Unknown { file: &'static str, name: String },
    #[error("cannot read /etc/{file}")]
    Unread {
        file: &'static str,
        source: io::Error,
    },
    #[error("cannot become user {uid}")]
    Refused { uid: u32, source: io::Error },
}

impl User {
    /// Finds who has this name, or this number.
    ///
    /// # Errors
    /// [`Error`] says which list does not have it.
    pub(crate) fn find(name: &str) -> Result<Self, Error> {
        let users = list("passwd")?;
        let line = entry(&users, name).ok_or_else(|| unknown("passwd", name))?;
        let id = |field: usize| line.get(field).and_then(|id| id.parse().ok());
        let (Some(uid), Some(gid)) = (id(2), id(3)) else {
            return Err(unknown("passwd", name));
        };
        let groups = groups_of(line.first().copied().unwrap_or_default(), &list("group")?);
        Ok(Self { uid, gid, groups })
    }

    /// Does a `job` with the rights of this user, if whoever runs this can take them; else with their own.
    ///
    /// # Errors
    /// [`Error::Refused`]; then nothing was done.
    pub(crate) fn act<T: Send>(&self, job: impl FnOnce() -> T + Send) -> Result<T, Error> {
        if !geteuid().is_root() {
            return Ok(job());
        }
        let act = || {
            self.become_it()?;
            Ok(job())
        };
        let refused = |source| Error::Refused {
            uid: self.uid,
            source,
        };
        thread::scope(|scope| {
            let acting = thread::Builder::new().spawn_scoped(scope, act)?;
            acting
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("internal error")))
        })
        .map_err(refused)
    }

    fn become_it(&self) -> io::Result<()> {
        let groups: Vec<_> = self.groups.iter().copied().map(Gid::from_raw).collect();
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        set_thread_groups(&groups)?;
        set_thread_res_gid(getgid(), gid, getgid())?;
        set_thread_res_uid(getuid(), uid, Uid::ROOT)?;
        Ok(())
    }
}

/// The number of the group that has this name, or this number.
///
/// # Errors
/// [`Error`] says that there is none.
pub(crate) fn group(name: &str) -> Result<u32, Error> {
    let groups = list("group")?;
    let line = entry(&groups, name);
    let id = line.and_then(|line| line.get(2)?.parse().ok());
    id.or_else(|| name.parse().ok())
        .ok_or_else(|| unknown("group", name))
}

fn list(file: &'static str) -> Result<String, Error> {
    let bytes =
        fs::read(format!("/etc/{file}")).map_err(|source| Error::Unread { file, source })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The fields of the line that begins with this name, or has this number.
fn entry<'a>(list: &'a str, name: &str) -> Option<Vec<&'a str>> {
    let lines = || list.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines()
        .find(|line| line.first() == Some(&name))
        .or_else(|| lines().find(|line| line.get(2) == Some(&name)))
}

fn groups_of(user: &str, groups: &str) -> Vec<u32> {
    let has = |line: &&str| {
        line.rsplit(':')
            .next()
            .is_some_and(|members| members.split(',').any(|member| member == user))
    };
    groups
        .lines()
        .filter(has)
        .filter_map(|line| line.split(':').nth(2)?.parse().ok())
        .collect()
}

fn unknown(file: &'static str, name: &str) -> Error {
    Error::Unknown {
        file,
        name: name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn users_and_groups_are_found_by_name_and_by_number() {
        let root = User::find("root").expect("every machine has one");
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(User::find("0").expect("it is root's"), root);
        assert_eq!(group("root").expect("every machine has one"), 0);
        assert_eq!(group("4000000001").expect("a number"), 4_000_000_001);
        for name in ["no such user", "", "-u"] {
            assert!(User::find(name).is_err() && group(name).is_err(), "{name}");
        }
    }

    #[test]
    fn only_groups_that_name_the_user_are_theirs() {
        let groups = "a:x:1:me,you\nb:x:2:you\nc:x:3:\nd:x:4:notme\ne:x:5:me\n";
        assert_eq!(groups_of("me", groups), [1, 5]);
    }

    #[test]
    fn rights_that_were_given_up_for_a_job_are_given_up_for_nothing_else() {
        let nobody = User {
            uid: 65_534,
            gid: 65_534,
            groups: Vec::new(),
        };
        let before = geteuid();
        let acted = nobody.act(|| geteuid().as_raw()).expect("it may");
        let expected = if before.is_root() {
            nobody.uid
        } else {
            before.as_raw()
        };
        assert_eq!(acted, expected);
        assert_eq!(geteuid(), before);
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
        let nobody = User {
            uid: 65_534,
            gid: 65_534,
            groups: Vec::new(),
        };
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
                assert_eq!(acting_as.as_raw(), 65_534);
                assert!(!may_signal(65_534, "0", id), "this process could be ended");
                assert!(!may_signal(65_534, "STOP", id), "this process was stopped");
            } else {
                assert_eq!(acting_as, geteuid());
            }
            drop(end);
        });
    }
}
