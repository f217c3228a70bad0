//! The files of a call: the reply, written beside its place and renamed when it is whole, or in its place while it
//! is played; the recording, removed after use; and what calls left behind that ended in some other way.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, SystemTime};

use log::{debug, warn};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::owner::{self, Held};

/// Why the reply cannot be written.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot write {path}; check that the disk has room, and that its folder is there and may be \
     written (install.sh makes the folder for calls)"
)]
pub struct Error {
    path: String,
    source: io::Error,
}

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone: what was said is nobody else's business.
    Owner,
    /// Everybody, as far as the umask allows: a sound that Asterisk plays, whoever made it.
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
    /// Opens a temporary file beside `place`, in place of one that a killed call may have left. It is
    /// always a new file: a link that somebody planted there is not followed.
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

    /// The same in `folder`, under a name of its own, for a place that others may be filling as well, on other machines too.
    /// It gets there by [`finish_as`](Self::finish_as). What killed processes have left there is removed.
    ///
    /// # Errors
    /// [`Error`] names a file of `folder` and the cause.
    pub fn create_in(folder: &Path, readers: Readers) -> Result<Self, Error> {
        let now = SystemTime::now();
        sweep_new(folder, now);
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let moment = since.unwrap_or_default().as_nanos();
        let name = format!("new-{}-{moment:x}", process::id());
        Self::create(&folder.join(name), readers)
    }

    /// Makes sure that there is room: writes a little and takes it back. A full disk lets files be
    /// opened, and fails when something is written.
    ///
    /// # Errors
    /// [`Error`] names the file and the cause.
    pub fn try_writing(&mut self) -> Result<(), Error> {
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

    /// The file itself, for what writes piece by piece.
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
    pub fn finish_as(self, place: &Path) -> Result<(), Error> {
        let finish = || {
            let (folder, name) = hold(place)?;
            self.rename(&folder, &name)
        };
        finish().map_err(|source| failed(place, source))
    }

    /// Like [`finish`](Self::finish); it is there then also after a loss of power.
    ///
    /// # Errors
    /// [`Error`] names the file and the cause.
    pub fn finish_for_good(self) -> Result<(), Error> {
        let finish = || {
            self.file.sync_all()?;
            self.rename(&self.folder, name_in(&self.place)?)?;
            let _acting = self.folder.act()?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let folder = rustix::fs::openat(&self.folder, ".", flags, Mode::empty())?;
            Ok(rustix::fs::fsync(folder)?)
        };
        finish().map_err(|source| failed(&self.place, source))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
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

/// Opens a regular file for reading. Anything else is refused at once: a pipe would wait for its writer
/// for ever, and a device may never end.
///
/// # Errors
/// What the system says, or that it is no regular file.
pub fn open(path: &Path) -> io::Result<File> {
    regular(OpenOptions::new().read(true), OFlags::NONBLOCK, path)
}

/// Opens a regular file for writing at its end, and makes it with `mode` if there is none. A link is
/// refused: where somebody else may write to the folder, it could lead to any file of whoever runs this. Root does this
/// as the owner of the folder.
///
/// # Errors
/// What the system says, or that it is no regular file.
pub fn open_to_append(path: &Path, mode: u32) -> io::Result<File> {
    let (folder, name) = hold(path)?;
    let _acting = folder.act()?;
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
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
    let (is, may_be) = (data.mode() & ALL_RIGHTS, data.mode() & mode);
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

/// Makes a folder that everybody may look into, as far as the umask allows, and those above it that are missing. Root
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

/// Is it a regular file that everybody may read who has a user on this machine?
pub fn is_readable_by_all(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.mode() & READABLE_BY_OTHERS != 0)
}

/// The folder that a path is in.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// With `NONBLOCK` among the flags a pipe without another end is an error, or is opened and then refused.
fn regular(options: &mut OpenOptions, flags: OFlags, path: &Path) -> io::Result<File> {
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    checked(options.custom_flags(flags).open(path)?)
}

fn checked(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no regular file",
        ))
    }
}

/// The content of a regular file of at most `most` bytes.
///
/// # Errors
/// As [`open`], or that it is larger.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    content(open(path)?, most)
}

/// The same of a file that nobody but us puts there: a link in its place is refused, whether it leads anywhere or not.
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

/// A recording that is removed when this goes out of scope, whatever happens until then.
#[derive(Debug)]
pub struct RemovedAfterUse(Option<PathBuf>);

impl RemovedAfterUse {
    /// Guards `recording`, if its name is one that Asterisk gives: an argument may name the wrong file.
    pub fn new(recording: Option<PathBuf>) -> Self {
        let is_wav = |path: &PathBuf| {
            path.extension()
                .is_some_and(|name| name == "wav" || name == "wav16")
        };
        Self(recording.filter(is_wav))
    }

    /// Lets the file stay, if `keep`.
    pub fn keep_if(&mut self, keep: bool) {
        self.0.take_if(|_| keep);
    }
}

impl Drop for RemovedAfterUse {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            remove(path);
        }
    }
}

/// `base` with an extension appended: names carry the call's id, whose dot is no extension.
pub fn append(base: &Path, extension: &str) -> PathBuf {
    let mut name = base.as_os_str().to_owned();
    name.push(extension);
    name.into()
}

/// Removes every file that Asterisk might play in place of the reply at `base`: it picks among all
/// formats that it finds under a name.
pub fn remove_replies(base: &Path) {
    if base.file_name().is_none() {
        return;
    }
    for extension in PLAYABLE {
        remove(&append(base, &format!(".{extension}")));
    }
}

/// Removes what calls left in `folder` more than an hour before `now`: only files named as the example
/// dialplan names them, and recordings only unless they are to be kept.
pub fn sweep(folder: &Path, keep_recordings: bool, now: SystemTime) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if is_leftover(name, keep_recordings) && is_old(&path, now) {
            debug!(
                "removing {}, left behind by an earlier call",
                path.display()
            );
            remove(&path);
        }
    }
}

/// Removes what [`NewFile::create_in`] has made in `folder` for processes that were killed.
fn sweep_new(folder: &Path, now: SystemTime) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        let number = name
            .strip_prefix("new-")
            .and_then(|name| name.strip_suffix(".part"));
        if number.is_some() && is_old(&entry.path(), now) {
            remove(&entry.path());
        }
    }
}

/// Has no call that may still go on written it?
fn is_old(path: &Path, now: SystemTime) -> bool {
    let modified = fs::symlink_metadata(path).and_then(|data| data.modified());
    modified.is_ok_and(|time| {
        now.duration_since(time)
            .is_ok_and(|age| age > FORGOTTEN_AFTER)
    })
}

/// Is it `call-ID.wav`, `call-ID-2.wav` (a second try), `call-ID-reply.ulaw` or the like, with an id that ends in
/// digits, a dot, digits?
fn is_leftover(name: &str, keep_recordings: bool) -> bool {
    let name = name.strip_suffix(".part").unwrap_or(name);
    let Some((stem, extension)) = name
        .strip_prefix("call-")
        .and_then(|name| name.rsplit_once('.'))
    else {
        return false;
    };
    let id = match (stem.strip_suffix("-reply"), extension) {
        (Some(id), extension) if PLAYABLE.contains(&extension) => id,
        (None, "wav") if !keep_recordings => stem.strip_suffix("-2").unwrap_or(stem),
        _ => return false,
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (time, count) = id.rsplit_once('.').unwrap_or_default();
    digits(time.rsplit('-').next().unwrap_or_default()) && digits(count)
}

fn remove(path: &Path) {
    let remove = || {
        let (folder, name) = hold(path)?;
        let _acting = folder.act()?;
        remove_in(&folder, &name)
    };
    match remove() {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            warn!("cannot remove {}: {error}", path.display());
        }
        _ => {}
    }
}

fn failed(place: &Path, source: io::Error) -> Error {
    Error {
        path: place.display().to_string(),
        source,
    }
}

/// A block of most file systems: less might fit into what a full disk has left of one.
const TRIAL_BYTES: usize = 4096;

/// In a file's mode.
const READABLE_BY_OTHERS: u32 = 0o004;

/// Of a mode, what `chmod` sets.
const ALL_RIGHTS: u32 = 0o7777;

/// No call lasts that long.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

/// The extensions under which Asterisk looks for a sound, from its format modules.
const PLAYABLE: &[&str] = &[
    "pcm", "ulaw", "ul", "mu", "ulw", "alaw", "al", "alw", "au", "g722", "sln", "slin", "raw",
    "sln12", "sln16", "sln24", "sln32", "sln44", "sln48", "sln96", "sln192", "wav", "wav16", "WAV",
    "wav49", "gsm", "g729", "g726", "ilbc", "siren7", "siren14", "ogg", "ogg16",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_calls_leave_behind_is_theirs() {
        let leftovers = [
            "call-1700000000.17.wav",
            "call-1700000000.17-2.wav",
            "call-1700000000.17-reply.ulaw",
            "call-1700000000.17-reply.sln16.part",
            "call-pbx-1700000000.17.wav",
            "call-pbx.office-1700000000.1-reply.alaw",
        ];
        for name in leftovers {
            assert!(is_leftover(name, false), "{name}");
        }
        let others = [
            "call-notes.wav",
            "call-17.wav",
            "call-17-2.wav",
            "call-1700000000.17-3.wav",
            "call-1700000000.17-2-reply.ulaw",
            "call-.17.wav",
            "call-1700000000.wav",
            "recall-1700000000.17.wav",
            "call-1700000000.17.mp3",
            "call-1700000000.17-reply.txt",
            "call-",
            "",
            "1700000000.17.wav",
        ];
        for name in others {
            assert!(!is_leftover(name, false), "{name}");
        }
        for kept in ["call-1700000000.17.wav", "call-1700000000.17-2.wav"] {
            assert!(!is_leftover(kept, true), "{kept}");
        }
    }

    #[test]
    fn two_who_fill_one_folder_under_the_same_process_id_do_not_mix() {
        // As two machines may that share it.
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
