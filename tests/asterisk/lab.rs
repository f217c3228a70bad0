//! Roots to run programs in: overlays over those that `run` keeps, made in a tmpfs that ends with its namespaces.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

/// What all machines share.
pub(crate) struct Lab {
    cache: PathBuf,
    binary: PathBuf,
    folder: PathBuf,
    machines: AtomicU8,
}

impl Lab {
    /// The one that `run` has prepared.
    pub(crate) fn open() -> Result<Self, String> {
        let variable = |name| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .ok_or_else(|| format!("{name} is not set: start tests/asterisk/run"))
        };
        let folder = PathBuf::from("/run/phone-assistant-machines");
        let lab = Self {
            cache: variable("ASTERISK_CACHE")?,
            binary: variable("BINARY")?,
            folder,
            machines: AtomicU8::new(0),
        };
        fs::create_dir_all(&lab.folder).map_err(|error| error.to_string())?;
        mount(&["-t", "tmpfs", "machines"], &lab.folder);
        Ok(lab)
    }

    /// The static binary that is tested.
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// A fresh copy of a root from the cache, with `/proc` and `/dev`, and a number that no other copy has.
    pub(crate) fn copy_of(&self, root: &str) -> (Root, u8) {
        let number = self.machines.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(number.to_string());
        let [upper, work, merged] = ["upper", "work", "root"].map(|name| folder.join(name));
        for folder in [&upper, &work, &merged] {
            fs::create_dir_all(folder).unwrap();
        }
        let lower = self.cache.join(root);
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            lower.display(),
            upper.display(),
            work.display()
        );
        mount(&["-t", "overlay", "-o", &options, "overlay"], &merged);
        mount(&["-t", "proc", "proc"], &merged.join("proc"));
        mount(&["--bind", "/dev"], &merged.join("dev"));
        fs::write(merged.join("etc/hosts"), "127.0.0.1 localhost\n").unwrap();
        fs::write(merged.join("etc/resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
        (Root(merged), number)
    }

    /// An older Debian, without Asterisk.
    pub(crate) fn old_debian(&self) -> Root {
        self.copy_of("old-debian").0
    }

    /// A root with nothing in it at all.
    pub(crate) fn bare_root(&self) -> Root {
        let number = self.machines.fetch_add(1, Ordering::Relaxed);
        let root = self.folder.join(number.to_string());
        fs::create_dir_all(&root).unwrap();
        Root(root)
    }
}

/// A folder to run programs in as if it were the whole machine.
pub(crate) struct Root(PathBuf);

impl Root {
    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// Where a file of this root is.
    pub(crate) fn path(&self, absolute: &str) -> PathBuf {
        self.0.join(absolute.trim_start_matches('/'))
    }

    /// A command in this root, in an environment that has nothing of ours.
    pub(crate) fn command(&self, program: &str) -> Command {
        self.command_as(&[], program)
    }

    /// The same as another user.
    pub(crate) fn command_of(&self, user: &str, program: &str) -> Command {
        self.command_as(&["--userspec", user], program)
    }

    fn command_as(&self, options: &[&str], program: &str) -> Command {
        let mut command = Command::new("chroot");
        command
            .args(options)
            .arg(&self.0)
            .arg(program)
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .stdin(Stdio::null());
        command
    }

    /// What a shell command prints in this root.
    ///
    /// # Panics
    /// When it fails.
    pub(crate) fn shell(&self, script: &str) -> String {
        succeed(self.command("sh").args(["-ec", script]))
    }
}

fn mount(arguments: &[&str], place: &Path) {
    succeed(Command::new("mount").args(arguments).arg(place));
}

/// What a command prints.
///
/// # Panics
/// When it fails.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
