//! Roots to run programs in: overlays over those that `run` keeps, made in a tmpfs that ends with its namespaces.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

/// What all machines share.
pub(crate) struct Lab {
    asterisk_root: PathBuf,
    old_debian_root: PathBuf,
    binary: PathBuf,
    servers: Option<PathBuf>,
    package: Option<PathBuf>,
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
        let lab = Self {
            asterisk_root: variable("ASTERISK_ROOT")?,
            old_debian_root: variable("OLD_DEBIAN_ROOT")?,
            binary: variable("BINARY")?,
            servers: std::env::var_os("SERVERS").map(PathBuf::from),
            package: std::env::var_os("PACKAGE").map(PathBuf::from),
            machines: AtomicU8::new(0),
        };
        // In this mount namespace only.
        mount(&["-t", "tmpfs", "machines"], Path::new(MACHINES));
        Ok(lab)
    }

    /// The static binary that is tested.
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// The Python environment that holds real servers.
    ///
    /// # Panics
    /// When `run` was not told to play a scene that needs them.
    pub(crate) fn servers(&self) -> &Path {
        let servers = self.servers.as_deref();
        servers.expect("SERVERS is not set: start tests/asterisk/run real-servers")
    }

    /// The Debian package of the static binary.
    ///
    /// # Panics
    /// When `run` was not told to play the scene that needs it.
    pub(crate) fn package(&self) -> &Path {
        let package = self.package.as_deref();
        package.expect("PACKAGE is not set: start tests/asterisk/run package")
    }

    /// A number that no other root has, and a folder for it.
    fn place(&self) -> (u8, PathBuf) {
        let number = self.machines.fetch_add(1, Ordering::Relaxed);
        (number, Path::new(MACHINES).join(number.to_string()))
    }

    /// A fresh copy of a root, with `/proc`, and its number.
    fn copy_of(&self, lower: &Path) -> (Root, u8) {
        let (number, folder) = self.place();
        let [upper, work, merged] = ["upper", "work", "root"].map(|name| folder.join(name));
        for folder in [&upper, &work, &merged] {
            fs::create_dir_all(folder).unwrap();
        }
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            lower.display(),
            upper.display(),
            work.display()
        );
        mount(&["-t", "overlay", "-o", &options, "overlay"], &merged);
        mount(&["-t", "proc", "proc"], &merged.join("proc"));
        (Root::with_names(merged), number)
    }

    /// Debian with Asterisk, laid out as FreePBX does; and a number for an address.
    pub(crate) fn asterisk(&self) -> (Root, u8) {
        self.copy_of(&self.asterisk_root)
    }

    /// An older Debian, without Asterisk.
    pub(crate) fn old_debian(&self) -> Root {
        self.copy_of(&self.old_debian_root).0
    }

    /// A root with nothing in it but `resolv.conf` and `hosts`.
    pub(crate) fn bare_root(&self) -> Root {
        Root::with_names(self.place().1)
    }
}

/// A folder to run programs in as if it were the whole machine.
pub(crate) struct Root(PathBuf);

impl Root {
    /// Makes a folder a root that knows itself by name, and nobody else: nothing serves names on the loopback.
    fn with_names(folder: PathBuf) -> Self {
        let etc = folder.join("etc");
        fs::create_dir_all(&etc).unwrap();
        fs::write(etc.join("hosts"), "127.0.0.1 localhost\n").unwrap();
        fs::write(etc.join("resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
        Self(folder)
    }

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

/// Mounts something at a place.
pub(crate) fn mount(arguments: &[&str], place: &Path) {
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

/// A folder that every Linux has and that nothing in the namespaces needs.
const MACHINES: &str = "/run";
