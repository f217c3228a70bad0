//! Reading files that may have been exchanged for a pipe without a writer, or for one without an end.

use crate::sys::mode::READABLE_BY_OTHERS;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};

/// Opens a regular file for reading. Anything else is refused before it is opened: a pipe would wait for its writer
/// for ever, and a device may never end, or begin something when it is opened.
///
/// # Errors
/// What the system says, or that it is no regular file.
pub fn open(path: &Path) -> io::Result<File> {
    regular(path, OFlags::empty())
}

/// The content of a regular file of at most `limit` bytes.
///
/// # Errors
/// As [`open`], or that it is larger.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    content(open(path)?, limit)
}

/// The content of a file that only this program puts there: a link in its place is refused, whether it leads anywhere
/// or not.
///
/// # Errors
/// As [`read`], or that it is a link.
pub(crate) fn read_own(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    content(regular(path, OFlags::NOFOLLOW)?, limit)
}

/// What to do where something cannot be read, by what the system said.
pub(crate) fn way_in(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound => "check its name",
        io::ErrorKind::PermissionDenied => "run this as root (sudo)",
        io::ErrorKind::NotADirectory => "a file has the name of its folder",
        io::ErrorKind::InvalidInput | io::ErrorKind::IsADirectory => "name a file",
        _ => "check it, and the disk that it is on",
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
pub(crate) fn is_readable_by_all(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.mode() & READABLE_BY_OTHERS != 0)
}

/// Holds what stands there, and opens that once it is known to be a regular file.
fn regular(path: &Path, flags: OFlags) -> io::Result<File> {
    // Not by the standard library: with musl that drops O_PATH from a file's flags, and then a pipe is opened and
    // waited for.
    let open = |how| rustix::fs::openat(CWD, path, flags | how | OFlags::CLOEXEC, Mode::empty());
    let held = checked(open(OFlags::PATH)?.into())?;
    // By its descriptor the very file is opened that was looked at; by its path another may stand there by now.
    match File::open(format!("/proc/self/fd/{}", held.as_raw_fd())) {
        // Without /proc there is only the path, where something else may stand by now.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            checked(open(OFlags::NONBLOCK | OFlags::NOCTTY)?.into())
        }
        opened => opened,
    }
}

pub(super) fn checked(file: File) -> io::Result<File> {
    let data = file.metadata()?;
    let why = match data.is_symlink() {
        _ if data.is_file() => return Ok(file),
        true => "it is a link",
        false => "it is no regular file",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}

fn content(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len < limit) {
        Ok(bytes)
    } else {
        Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has {limit} bytes or more"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn only_a_regular_file_is_opened() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let place = |name: &str| folder.path().join(name);
        fs::write(place("file"), "text").expect("written");
        symlink(place("file"), place("link")).expect("linked");
        symlink("/dev/zero", place("device")).expect("linked");
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(CWD, place("pipe"), mode).expect("made");
        let _listener = UnixListener::bind(place("socket")).expect("bound");
        let limit = 5;
        for name in ["file", "link"] {
            assert_eq!(read(&place(name), limit).expect(name), b"text");
        }
        assert_eq!(read_own(&place("file"), limit).expect("no link"), b"text");
        for (name, why) in [
            ("link", "it is a link"),
            ("device", "it is a link"),
            ("pipe", "it is no regular file"),
            ("socket", "it is no regular file"),
        ] {
            let error = read_own(&place(name), limit).expect_err(name);
            assert_eq!(error.to_string(), why, "{name}");
        }
        for name in ["device", "pipe", "socket", ""] {
            let error = read(&place(name), limit).expect_err(name);
            assert_eq!(error.to_string(), "it is no regular file", "{name}");
        }
        assert!(read(&place("file"), 4).is_err(), "as long as the limit");
    }
}
