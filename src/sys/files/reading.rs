//! Reading files that may have been exchanged for a pipe without a writer, or for one without an end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

/// Opens a regular file for reading. Anything else is refused at once: a pipe would wait for its writer
/// for ever, and a device may never end.
///
/// # Errors
/// What the system says, or that it is no regular file.
pub fn open(path: &Path) -> io::Result<File> {
    regular(OpenOptions::new().read(true), OFlags::NONBLOCK, path)
}

/// The content of a regular file of at most `most` bytes.
///
/// # Errors
/// As [`open`], or that it is larger.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    content(open(path)?, most)
}

/// The content of a file that only this program puts there: a link in its place is refused, whether it leads anywhere
/// or not.
///
/// # Errors
/// As [`read`], or that it is a link.
pub fn read_own(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    match regular(OpenOptions::new().read(true), flags, path) {
        Ok(file) => content(file, most),
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            Err(io::Error::new(error.kind(), "it is a link"))
        }
        Err(error) => Err(error),
    }
}

/// What is in a folder; nothing where there is none.
///
/// # Errors
/// What the system says.
pub fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Whether it is a regular file that every user of this machine may read.
pub fn is_readable_by_all(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.mode() & READABLE_BY_OTHERS != 0)
}

/// With `NONBLOCK` among the flags a pipe without another end is an error, or is opened and then refused.
pub(super) fn regular(options: &mut OpenOptions, flags: OFlags, path: &Path) -> io::Result<File> {
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    checked(options.custom_flags(flags).open(path)?)
}

pub(super) fn checked(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no regular file",
        ))
    }
}

fn content(file: File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len < most) {
        Ok(bytes)
    } else {
        Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has {most} bytes or more"),
        ))
    }
}

/// The bit of a file's mode that lets others read it.
const READABLE_BY_OTHERS: u32 = 0o004;
