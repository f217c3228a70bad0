//! The Asterisk that runs, for the groups and the environment that it has.
//!
//! Any user can name a process of theirs "asterisk", and other roots and containers have an Asterisk of their own. So a
//! process counts only with our root and mount namespace, and a program named asterisk that root alone can change; and
//! since any user may run that program as well, only if it runs as the user whom others have named. See proc(5).

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags};

use super::service::WITH_VALUE;
use crate::sys::{rooted, threads};

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
}

/// Those of one user, or all, as far as this user is told. A console (`asterisk -r`) is none: it has the environment of
/// the user who opened it.
pub(crate) fn all(user: Option<u32>) -> Vec<Process> {
    let all = move || {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut ids: Vec<u32> = ids.collect();
        ids.sort_unstable();
        let found = ids.into_iter().filter_map(|id| Process::of(id, user));
        found.collect()
    };
    in_time(all).unwrap_or_default()
}

/// The result of a job, unless it takes too long: a process can have its memory, and so its arguments, anywhere, and
/// keep those waiting who read them.
fn in_time<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    // After the time limit there is no receiver any more.
    threads::spawn(move || sender.send(job()).ok()).ok()?;
    receiver.recv_timeout(PATIENCE).ok()
}

/// The beginning of a file of a process, which makes it as long as it likes.
fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What `/proc` has of a process, and of no other that has its number later.
struct Folder(OwnedFd);

impl Folder {
    fn of(id: u32) -> Option<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let held = rustix::fs::openat(CWD, format!("/proc/{id}"), flags, Mode::empty());
        held.ok().map(Self)
    }

    fn join(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.0.as_raw_fd()))
    }
}

impl Process {
    /// The process of this number, if it is an Asterisk, and of `user` where one is named.
    fn of(id: u32, user: Option<u32>) -> Option<Self> {
        Self::within(&Folder::of(id)?, id, user)
    }

    fn within(folder: &Folder, id: u32, wanted: Option<u32>) -> Option<Self> {
        // An Asterisk in a container has another root or other mounts, and its files and users are none of ours.
        let is_ours = is_same(&folder.join("root"), Path::new("/proc/self/root"))
            && is_same(&folder.join("ns/mnt"), Path::new("/proc/self/ns/mnt"));
        if !is_ours || !is_asterisk(&folder.join("exe")) {
            return None;
        }
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        let status = fs::read_to_string(folder.join("status")).ok()?;
        let numbers = |name: &str| -> Option<Vec<u32>> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(
                line.split_whitespace()
                    .filter_map(|id| id.parse().ok())
                    .collect(),
            )
        };
        // The real one comes first, then the effective one: proc_pid_status(5).
        let user = *numbers("Uid:")?.get(1)?;
        if wanted.is_some_and(|wanted| wanted != user)
            || is_console(&beginning(&folder.join("cmdline")).ok()?)
        {
            return None;
        }
        Some(Self {
            id,
            user,
            is_leader: session(&stat) == Some(id),
            groups: numbers("Groups:")?,
        })
    }

    /// What it was started with; nothing where we are not told.
    pub(crate) fn environment(&self) -> Vec<u8> {
        let (id, user) = (self.id, self.user);
        let read = move || {
            let folder = Folder::of(id)?;
            // The number may be another process's by now, so all that was known of it is looked at again by this
            // descriptor.
            Self::within(&folder, id, Some(user))?;
            beginning(&folder.join("environ")).ok()
        };
        in_time(read).flatten().unwrap_or_default()
    }
}

/// The session, from what `/proc/ID/stat` says. The name that stands before it may hold anything.
fn session(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    // State, parent, group and session follow the name: proc_pid_stat(5).
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

/// More than any command line or environment that starts Asterisk.
const MAX_BYTES: u64 = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::env;
    use std::io::Write;
    use std::os::unix::fs::{chown, symlink};
    use std::process::{Child, Command};

    use super::*;

    /// Ends with its test.
    struct Running(Child);

    impl Running {
        /// Starts what becomes a program named asterisk, and waits until it is.
        fn start(command: &mut Command) -> Self {
            let mut running = Self(command.spawn().expect("it starts"));
            while running.name() != "asterisk" {
                let ended = running.0.try_wait().expect("our own");
                assert!(ended.is_none(), "{command:?}");
                std::thread::yield_now();
            }
            running
        }

        fn name(&self) -> String {
            let name = fs::read_to_string(format!("/proc/{}/comm", self.0.id()));
            name.expect("our own").trim().to_owned()
        }

        fn is_believed(&self) -> bool {
            Process::of(self.0.id(), None).is_some()
        }
    }

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
        // It is 0 where the session was begun outside of our process namespace.
        let [stat, status] = ["stat", "status"]
            .map(|name| fs::read_to_string(format!("/proc/self/{name}")).expect("Linux has it"));
        let mut fields = status.split_whitespace();
        let expected = fields.find(|field| *field == "NSsid:").and(fields.next());
        assert_eq!(session(&stat).map(|id| id.to_string()).as_deref(), expected);
    }

    #[test]
    fn of_what_a_process_shows_no_more_than_the_beginning_is_read() {
        let own = Folder::of(std::process::id()).expect("it runs");
        let shown = beginning(&own.join("cmdline")).expect("our own");
        assert!(!shown.is_empty());
        let endless = beginning(Path::new("/dev/zero")).expect("every Linux has it");
        assert_eq!(u64::try_from(endless.len()), Ok(MAX_BYTES));
        assert!(Folder::of(u32::MAX).is_none());
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
        for program in [&copy, &link] {
            let running = Running::start(Command::new(program).arg("1000"));
            assert!(!running.is_believed(), "{}", program.display());
        }
    }

    #[test]
    fn as_root_an_asterisk_of_other_mounts_or_of_another_root_is_none_of_ours() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let unshared = |program: &Path| {
            let mut command = Command::new("unshare");
            command.arg("--mount").arg(program);
            command
        };
        let tried = unshared(Path::new("true")).output();
        if !tried.is_ok_and(|tried| tried.status.success()) {
            let line = "not run: an asterisk of other mounts, which needs a root who may make a mount namespace\n";
            // Not by a macro, whose lines a test that passes does not show.
            io::stderr()
                .write_all(line.as_bytes())
                .expect("it takes a line");
            return;
        }
        // What is mounted for this is there for the test below alone.
        let mut below = unshared(&env::current_exe().expect("this test"));
        let name = "sys::identity::process::tests::with_mounts_of_its_own";
        below.args(["--ignored", "--exact", name]);
        let outside = fs::read_link(MOUNTS).expect("Linux has it");
        let output = below.env("MOUNTS_OUTSIDE", outside).output();
        let output = output.expect("it starts");
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert!(
            output.status.success() && told.contains("1 passed"),
            "{told}"
        );
    }

    #[test]
    #[ignore = "a process that another test starts"]
    fn with_mounts_of_its_own() {
        let outside = env::var_os("MOUNTS_OUTSIDE").expect("the other test sets it");
        assert_ne!(
            fs::read_link(MOUNTS)
                .expect("Linux has it")
                .into_os_string(),
            outside
        );
        // A root with a program of that name, and with what it is linked with.
        let script = "mount -t tmpfs none /mnt; cp /bin/sleep /mnt/asterisk
            for folder in /usr /lib*; do mkdir /mnt$folder; mount --bind $folder /mnt$folder; done";
        let made = Command::new("sh").args(["-ec", script]).status();
        assert!(made.expect("every Linux has it").success());
        for (words, is_ours) in [
            ("env /mnt/asterisk", true),
            ("unshare --mount /mnt/asterisk", false),
            ("chroot /mnt /asterisk", false),
        ] {
            let (program, arguments) = words.split_once(' ').expect("two words");
            let mut command = Command::new(program);
            let running = Running::start(command.args(arguments.split(' ')).arg("1000"));
            assert_eq!(running.is_believed(), is_ours, "{words}");
        }
    }

    const MOUNTS: &str = "/proc/self/ns/mnt";
}
