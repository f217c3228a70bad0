//! The Asterisk that runs, for the groups and the environment that it has.
//!
//! Any user can name a process of theirs "asterisk", and other roots and containers have an Asterisk of their own. So a
//! process counts only with our root and mount namespace, and a program named asterisk that root alone can change; and
//! since any user may run that program as well, only if it runs as the user whom others have named. See proc(5).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::service::WITH_VALUE;
use crate::sys::rooted;

/// A process that is an Asterisk of this machine.
#[derive(Debug)]
pub(crate) struct Process {
    /// Its id.
    pub(crate) id: u32,
    /// Its user, in effect.
    pub(crate) user: u32,
    /// Whether it leads its session, as a service does.
    pub(crate) is_leader: bool,
    /// The other groups that it is in.
    pub(crate) groups: Vec<u32>,
    /// What it was started with; nothing where we are not told.
    pub(crate) environment: Vec<u8>,
}

/// All of them, as far as this user is told. A console (`asterisk -r`) is none: it has the environment of the user who
/// opened it.
pub(crate) fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut ids: Vec<u32> = ids.collect();
    ids.sort_unstable();
    ids.into_iter().filter_map(Process::of).collect()
}

impl Process {
    fn of(id: u32) -> Option<Self> {
        let path = PathBuf::from(format!("/proc/{id}"));
        let is_ours = is_same(&path.join("root"), Path::new("/proc/self/root"))
            && is_same(&path.join("ns/mnt"), Path::new("/proc/self/ns/mnt"));
        if !is_ours || !is_asterisk(&path.join("exe")) {
            return None;
        }
        if is_console(&fs::read(path.join("cmdline")).ok()?) {
            return None;
        }
        let stat = fs::read_to_string(path.join("stat")).ok()?;
        let status = fs::read_to_string(path.join("status")).ok()?;
        let numbers = |name: &str| -> Option<Vec<u32>> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(
                line.split_whitespace()
                    .filter_map(|id| id.parse().ok())
                    .collect(),
            )
        };
        Some(Self {
            id,
            user: *numbers("Uid:")?.get(1)?,
            is_leader: session(&stat) == Some(id),
            groups: numbers("Groups:")?,
            environment: fs::read(path.join("environ")).unwrap_or_default(),
        })
    }
}

/// The session, from what `/proc/ID/stat` says. The name that stands before it may hold anything.
fn session(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(3)?.parse().ok()
}

/// Whether Asterisk's arguments make it a console of the one that runs: its name, or `-r`, `-R` or `-x` among its
/// options.
fn is_console(command: &[u8]) -> bool {
    let command = String::from_utf8_lossy(command);
    let mut words = command.split('\0');
    let program = words.next().unwrap_or_default();
    if program.rsplit('/').next() == Some("rasterisk") {
        return true;
    }
    while let Some(word) = words.next().filter(|word| *word != "--") {
        let Some(letters) = word.strip_prefix('-') else {
            continue;
        };
        let (flags, value) = letters.split_at(letters.find(WITH_VALUE).unwrap_or(letters.len()));
        if flags.contains(['r', 'R']) || value.starts_with('x') {
            return true;
        }
        if value.len() == 1 {
            words.next();
        }
    }
    false
}

/// Whether two paths lead to the same thing. Where we may not look, they do not.
fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let data = fs::metadata(path).ok()?;
        Some((data.dev(), data.ino()))
    };
    place(one).is_some_and(|found| place(other) == Some(found))
}

/// Whether a process runs a program named asterisk that root alone can change, at its place on the disk too.
fn is_asterisk(exe: &Path) -> bool {
    let Ok(path) = fs::read_link(exe) else {
        return false;
    };
    path.file_name().is_some_and(|name| name == "asterisk")
        && rooted::resolve(&path, None).is_ok_and(|real| is_same(&real, exe))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};
    use std::process::{Child, Command};

    use super::*;

    /// Ends with its test.
    struct Running(Child);

    impl Drop for Running {
        fn drop(&mut self) {
            // It may have ended by itself.
            self.0.kill().ok();
            self.0.wait().ok();
        }
    }

    #[test]
    fn a_console_is_told_from_the_asterisk_that_it_asks() {
        let table = [
            ("/usr/sbin/asterisk\0-f\0-p\0-U\0asterisk\0", false),
            ("/usr/sbin/asterisk\0-fUrx\0-G\0-r\0", false),
            ("asterisk\0-g\0--\0-r\0", false),
            ("asterisk\0-rx\0core show version\0", true),
            ("asterisk\0-vvvr\0", true),
            ("asterisk\0-C\0/etc/a.conf\0-R\0", true),
            ("asterisk\0-x\0core stop now\0", true),
            ("/usr/sbin/rasterisk\0", true),
        ];
        for (command, expected) in table {
            assert_eq!(is_console(command.as_bytes()), expected, "{command:?}");
        }
    }

    #[test]
    fn a_session_is_read_whatever_the_programs_name_holds() {
        assert_eq!(session("17 (a) S 1 2) S 1 17 18 0 -1 4"), Some(18));
        assert_eq!(session("17 (asterisk"), None);
        // It is 0 where whoever began the session is outside of our process namespace.
        let [stat, status] = ["stat", "status"]
            .map(|name| fs::read_to_string(format!("/proc/self/{name}")).expect("Linux has it"));
        let mut fields = status.split_whitespace();
        let expected = fields.find(|field| *field == "NSsid:").and(fields.next());
        assert_eq!(session(&stat).map(|id| id.to_string()).as_deref(), expected);
    }

    #[test]
    fn nobody_becomes_asterisk_by_a_name() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let [copy, link] = ["copy/asterisk", "link/asterisk"].map(|name| folder.path().join(name));
        for program in [&copy, &link] {
            fs::create_dir(program.parent().expect("a folder")).expect("made");
        }
        // Written by a child: a file that this process writes while another test forks could not be run.
        let copied = Command::new("cp").arg("/bin/sleep").arg(&copy).status();
        assert!(copied.expect("cp is everywhere").success());
        if rustix::process::geteuid().is_root() {
            chown(&copy, Some(65_534), Some(65_534)).expect("given away");
        }
        symlink("/bin/sleep", &link).expect("linked");
        let before: Vec<_> = all().iter().map(|process| process.id).collect();
        let running = [&copy, &link].map(|program| {
            let child = Command::new(program).arg("1000").spawn();
            Running(child.expect("it runs"))
        });
        for Running(child) in &running {
            // It has its name once it is the other program.
            let path = format!("/proc/{}/comm", child.id());
            while fs::read_to_string(&path).expect("it runs").trim() != "asterisk" {
                std::thread::yield_now();
            }
        }
        let after: Vec<_> = all().iter().map(|process| process.id).collect();
        for Running(child) in &running {
            assert!(!after.contains(&child.id()), "{before:?} {after:?}");
        }
    }
}
