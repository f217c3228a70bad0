//! Programs that a test puts in place and has run.
//!
//! A file that is open for writing cannot be run, and a child that another test has just started may hold what is open
//! here. So another process writes them, each under a new name.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

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

/// A name that is new in the folder of `path`.
fn new_name(path: &Path) -> TempPath {
    NamedTempFile::new_in(path.parent().unwrap())
        .unwrap()
        .into_temp_path()
}
