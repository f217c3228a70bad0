//! The files of a call: the reply, written beside its place and renamed when it is whole, or in its place while it
//! is played; the recording, removed after use; and what calls left behind that ended in some other way.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{self, Path, PathBuf};
use std::process;
use std::time::SystemTime;

use log::warn;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::sys::mode::PERMISSIONS;
use crate::sys::owner::{self, Held};

mod leftovers;
pub(crate) mod reading;
pub(crate) mod text;

pub use leftovers::RemovedAfterUse;
pub(crate) use leftovers::{remove_replies, sweep};
pub(crate) use reading::{is_readable_by_all, read_own, way_in};
pub use reading::{list, open, read};

pub(crate) use text::read_text;

use leftovers::sweep_new;
use reading::checked;

/// Why the reply cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}; {way_out}")]
pub struct Error {
    path: String,
    way_out: &'static str,
    source: io::Error,
}

/// The users that may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone, since what was said is private.
    Owner,
    /// All users, as far as the umask allows: a sound that Asterisk plays, whichever user made it.
    All,
}

impl Readers {
    fn mode(self) -> Mode {
        Mode::from_raw_mode(match self {
            Self::Owner => 0o600,
            Self::All => 0o666,
        })
    }
}

/// A file that appears in its place only when it is whole, unless it is revealed before. Dropped before it is whole, it
/// leaves nothing.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    folder: Held,
    /// Its name in the folder now.
    name: OsString,
    place: PathBuf,
}

impl NewFile {
    /// Opens a temporary file beside `place`, in place of one that a killed call may have left. It is always a new
    /// file: a link that another user put there is not followed.
    ///
    /// # Errors
    /// [`Error`] names `place` and the cause.
    pub fn create(place: &Path, readers: Readers) -> Result<Self, Error> {
        let create = || {
            let (folder, mut name) = hold(place)?;
            name.push(".part");
            let acting = folder.act()?;
            remove_in(&folder, &name)?;
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let file = rustix::fs::openat(&folder, &name, flags, readers.mode())?;
            drop(acting);
            Ok((File::from(file), folder, name))
        };
        let (file, folder, name) = create().map_err(|source| failed(place, source))?;
        Ok(Self {
            file,
            folder,
            name,
            place: place.to_owned(),
        })
    }

    /// Opens a new file in `folder`, under a name of its own, for a place that other processes may be filling as well,
    /// on other machines too. It gets there by [`finish_as`](Self::finish_as). What killed processes have left there is
    /// removed.
    ///
    /// # Errors
    /// [`Error`] names a file of `folder` and the cause.
    pub(crate) fn create_in(folder: &Path, readers: Readers) -> Result<Self, Error> {
        let now = SystemTime::now();
        sweep_new(folder, now);
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let moment = since.unwrap_or_default().as_nanos();
        // Another machine that shares the folder may have a process of the same number.
        let name = format!("new-{}-{moment:x}", process::id());
        Self::create(&folder.join(name), readers)
    }

    /// Makes sure that there is room: writes a little and takes it back. A full disk lets files be
    /// opened, and fails when something is written.
    ///
    /// # Errors
    /// [`Error`] names the file and the cause.
    pub(crate) fn try_writing(&mut self) -> Result<(), Error> {
        let mut trial = || {
            self.file.write_all(&[0; TRIAL_BYTES])?;
            self.file.set_len(0)?;
            self.file.rewind()
        };
        trial().map_err(|source| failed(&self.place, source))
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`Error`] names the file and the cause.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file
            .write_all(bytes)
            .map_err(|source| failed(&self.place, source))
    }

    /// The file itself, for code that writes piece by piece.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Puts the file in its place while it is still being written. It stays there no longer than this value.
    ///
    /// # Errors
    /// [`Error`] names the file and the cause.
    pub fn reveal(&mut self) -> Result<(), Error> {
        let place = self.place.clone();
        let reveal = || {
            let name = name_in(&place)?;
            self.rename(&self.folder, name)?;
            Ok(name.to_owned())
        };
        self.name = reveal().map_err(|source| failed(&place, source))?;
        Ok(())
    }

    fn rename(&self, folder: &Held, name: &OsStr) -> io::Result<()> {
        let _acting = self.folder.act()?;
        Ok(rustix::fs::renameat(
            &self.folder,
            &self.name,
            folder,
            name,
        )?)
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// [`Error`] names the file and the cause.
    pub fn finish(self) -> Result<(), Error> {
        let finish = || self.rename(&self.folder, name_in(&self.place)?);
        finish().map_err(|source| failed(&self.place, source))
    }

    /// Puts the file in another place than the one that it was created for.
    ///
    /// # Errors
    /// [`Error`] names the file and the cause.
    pub(crate) fn finish_as(self, place: &Path) -> Result<(), Error> {
        let finish = || {
            let (folder, name) = hold(place)?;
            self.rename(&folder, &name)
        };
        finish().map_err(|source| failed(place, source))
    }

    /// Puts the file in its place like [`finish`](Self::finish), so that it survives a loss of power.
    ///
    /// # Errors
    /// [`Error`] names the file and the cause.
    pub(crate) fn finish_for_good(self) -> Result<(), Error> {
        let finish = || {
            // Without this a loss of power after the rename can leave the name with an empty file.
            self.file.sync_all()?;
            self.rename(&self.folder, name_in(&self.place)?)?;
            let _acting = self.folder.act()?;
            // The rename is in the folder and lasts once that is on the disk. The folder is held with O_PATH, which
            // fsync(2) does not take, so it is opened once more.
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let folder = rustix::fs::openat(&self.folder, ".", flags, Mode::empty())?;
            Ok(rustix::fs::fsync(folder)?)
        };
        finish().map_err(|source| failed(&self.place, source))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // Once the file is in its place this finds nothing under the temporary name.
        let remove = || {
            let _acting = self.folder.act()?;
            remove_in(&self.folder, &self.name)
        };
        if let Err(error) = remove() {
            warn!(
                "cannot remove what was to become {}: {error}",
                self.place.display()
            );
        }
    }
}

/// Holds the folder of a file. Root works on the file as the owner of that folder.
fn hold(place: &Path) -> io::Result<(Held, OsString)> {
    let name = name_in(place)?.to_owned();
    Ok((owner::hold(parent(place))?, name))
}

fn name_in(place: &Path) -> io::Result<&OsStr> {
    let none = || io::Error::new(io::ErrorKind::InvalidInput, "it is no name of a file");
    place.file_name().ok_or_else(none)
}

/// Removes a file of this name, if there is one.
fn remove_in(folder: &Held, name: &OsStr) -> io::Result<()> {
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        removed => Ok(removed?),
    }
}

/// Removes a file, if it is there.
///
/// # Errors
/// What the system says.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes sure that what was made, moved or removed in a folder stays so after a loss of power.
///
/// # Errors
/// What the system says.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Opens a regular file for writing at its end, and makes it with `mode` if there is none. A link is refused: where
/// other users may write to the folder, it could lead to any file of the user who runs this. Root does this as the
/// owner of the folder.
///
/// # Errors
/// What the system says, or that it is no regular file.
pub fn open_to_append(path: &Path, mode: u32) -> io::Result<File> {
    let (folder, name) = hold(path)?;
    let _acting = folder.act()?;
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
    // Without NONBLOCK a pipe in this place would hold the open until it has a reader: fifo(7).
    let flags = flags | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = rustix::fs::openat(&folder, &name, flags, Mode::from_raw_mode(mode))?;
    checked(file.into())
}

/// Takes from the group and from others what `mode` does not give them, if the file is ours: FreePBX hands out more at
/// every start (`fwconsole chown`).
///
/// # Errors
/// What the system says.
pub(crate) fn narrow(file: &File, mode: u32) -> io::Result<()> {
    let data = file.metadata()?;
    let (is, may_be) = (data.mode() & PERMISSIONS, data.mode() & mode);
    if is == may_be || data.uid() != rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(may_be))
}

/// Makes a folder that only its owner may look into. Root does this as the owner of the folder around it.
///
/// # Errors
/// What the system says; not that there is one already.
pub fn create_folder(path: &Path) -> io::Result<()> {
    make_folder(path, 0o700)
}

/// Makes a folder that every user may look into, as far as the umask allows, and those above it that are missing. Root
/// makes each as the owner of the folder around it.
///
/// # Errors
/// What the system says.
pub(crate) fn create_folders(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    match make_folder(path, 0o777) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_folders(parent(path))?;
            make_folder(path, 0o777)
        }
        made => made,
    }
}

fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    let (folder, name) = hold(path)?;
    let _acting = folder.act()?;
    match rustix::fs::mkdirat(&folder, &name, Mode::from_raw_mode(mode)) {
        Err(Errno::EXIST) => Ok(()),
        result => Ok(result?),
    }
}

/// The folder that a path is in.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// A path as Asterisk wants it: it looks for a relative one among its sounds.
pub(crate) fn absolute(path: &Path) -> String {
    let absolute = path::absolute(path);
    absolute.as_deref().unwrap_or(path).display().to_string()
}

/// `base` with an extension appended: names carry the call's id, whose dot is no extension.
pub fn append(base: &Path, extension: &str) -> PathBuf {
    let mut name = base.as_os_str().to_owned();
    name.push(extension);
    name.into()
}

fn failed(place: &Path, source: io::Error) -> Error {
    Error {
        path: place.display().to_string(),
        way_out: way_out(place, &source),
        source,
    }
}

/// What to do where `place` cannot be written, by what the system said.
pub(crate) fn way_out(place: &Path, source: &io::Error) -> &'static str {
    let is_lost = || !parent(place).exists();
    match source.kind() {
        ErrorKind::NotFound if is_lost() && place.starts_with(OURS) => {
            "make its folder first (install.sh makes the folder for calls)"
        }
        ErrorKind::NotFound if is_lost() => "make its folder first",
        ErrorKind::NotADirectory => "a file has the name of its folder",
        ErrorKind::InvalidFilename => "choose a shorter name",
        ErrorKind::PermissionDenied => "let the user who runs this write to its folder",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on its disk",
        ErrorKind::ReadOnlyFilesystem => "let its disk be written to",
        ErrorKind::IsADirectory => "a folder has that name",
        _ => "check that the disk has room, and that its folder is there and may be written",
    }
}

/// What install.sh makes.
const OURS: &str = "/var/lib/phone-assistant";

/// The size of a block in most file systems: less might fit into the rest of a block on a full disk.
const TRIAL_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::leftovers::FORGOTTEN_AFTER;
    use super::*;
    use std::fs;

    #[test]
    fn two_who_fill_one_folder_under_the_same_process_id_do_not_mix() {
        // Two machines may share the folder.
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let create = || NewFile::create_in(folder.path(), Readers::Owner).expect("created");
        let (mut one, mut other) = (create(), create());
        one.write_all(b"one").expect("written");
        other.write_all(b"oth").expect("written");
        let place = folder.path().join("one");
        one.finish_as(&place).expect("finished");
        assert_eq!(fs::read(place).expect("there"), b"one");
        let place = folder.path().join("other");
        other.finish_as(&place).expect("finished");
        assert_eq!(fs::read(place).expect("there"), b"oth");
    }

    #[test]
    fn what_a_killed_process_left_of_a_shared_folder_is_removed_when_it_is_old() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let old = SystemTime::now() - FORGOTTEN_AFTER * 2;
        for name in ["new-17.part", "new-17-0a.part", "kept.ulaw", "newer.part"] {
            let left = File::create(folder.path().join(name)).expect("created");
            left.set_modified(old).expect("made old");
        }
        let young = folder.path().join("new-18.part");
        fs::write(&young, "").expect("written");
        drop(NewFile::create_in(folder.path(), Readers::Owner).expect("created"));
        let left = fs::read_dir(folder.path()).expect("a folder").flatten();
        let mut left: Vec<_> = left.map(|entry| entry.file_name()).collect();
        left.sort();
        assert_eq!(left, ["kept.ulaw", "new-18.part", "newer.part"]);
    }

    #[test]
    fn an_extension_is_appended_to_a_name_with_a_dot() {
        assert_eq!(
            append(Path::new("/c/call-1700000000.17-reply"), ".ulaw"),
            Path::new("/c/call-1700000000.17-reply.ulaw")
        );
    }
}
