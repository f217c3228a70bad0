//! Programs that a test puts in place and has run.
//!
//! A file that is open for writing cannot be run, and a child that another test has just started may hold what is open
//! here. So another process writes them, each under a new name.

use std::env::consts::ARCH;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::{NamedTempFile, TempPath};

/// Copies a program.
pub fn copy_program(from: &Path, to: &Path) {
    let new = new_name(to);
    let copied = Command::new("cp").arg(from).arg(&new).status().unwrap();
    assert!(copied.success());
    fs::set_permissions(&new, Permissions::from_mode(0o755)).unwrap();
    new.persist(to).unwrap();
}

/// Writes a program.
pub fn write_program(path: &Path, text: impl AsRef<[u8]>) {
    let new = new_name(path);
    fs::write(&new, text).unwrap();
    copy_program(&new, path);
}

/// The program to test or to measure. `PHONE_ASSISTANT_TESTED` names it, or says `built` for the one that cargo has built
/// for the test. Without it, it is the one that the installer has built of these sources, where there is one.
pub fn tested_program(built: &str) -> PathBuf {
    match std::env::var_os("PHONE_ASSISTANT_TESTED") {
        Some(name) if name == "built" => built.into(),
        Some(path) => path.into(),
        None => program_of_installer(built.as_ref()).unwrap_or_else(|| built.into()),
    }
}

/// The static one, or the one of a machine that cannot build that. With which compiler it was built is not looked at.
fn program_of_installer(built: &Path) -> Option<PathBuf> {
    let target = built.ancestors().nth(2)?;
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let is_of_sources = |program: &PathBuf| {
        let mut asked = Command::new(program);
        let status = asked.args(["place", "sources", sources]);
        let status = status.stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    ["musl", "gnu"]
        .map(|libc| format!("{ARCH}-unknown-linux-{libc}/release/phone-assistant"))
        .map(|place| target.join(place))
        .into_iter()
        .find(is_of_sources)
}

/// A name that is new in the folder of `path`.
fn new_name(path: &Path) -> TempPath {
    NamedTempFile::new_in(path.parent().unwrap())
        .unwrap()
        .into_temp_path()
}
