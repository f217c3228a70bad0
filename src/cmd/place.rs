//! What `install.sh` puts where other users than root own folders or may write into them: files, all of them or none;
//! folders; and what is taken away again. It never names a path there: see [`held`](crate::sys::held).
//!
//! A file is made under a name that cannot be known beforehand, is written, given and opened to others through its
//! descriptor, and renamed within the folder. The owner of the folder can put something else under that name in
//! between; then theirs is in the place, which they could have done anyway, and it is told.

mod change;
mod removal;
#[cfg(test)]
mod tests;
mod wanted;

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::cmd::calls::rotated::more;
use crate::cmd::check::sounds;
use crate::sys::held::{self, Folder, Last, Place, Trust, shown};
use crate::sys::packed::{self, packed};
use crate::sys::sources;
use change::Change;
use removal::Removal;
pub(crate) use wanted::{Error, Found, Ground, Reader, Wanted, WantedFolder};

/// Returns the dialplan that belongs to this program.
pub(crate) fn dialplan() -> String {
    packed::text(packed!("extensions_custom.conf.example"))
}

/// Makes sure that a folder has the sources that this program was built from.
///
/// # Errors
/// [`Error`] says that it has others, or none.
pub(crate) fn expect_sources(folder: &Path) -> Result<(), Error> {
    let found = sources::digest(folder).map_err(|source| Error::Unread {
        path: shown(folder),
        source,
    })?;
    if found == env!("PHONE_ASSISTANT_SOURCES") {
        return Ok(());
    }
    Err(Error::OtherSources {
        path: shown(folder),
    })
}

/// The user and the group of a file, by their numbers; `None` where it keeps what it has.
type Owner = Option<(u32, u32)>;

impl Ground {
    fn removal(&self) -> Removal<'_> {
        Removal {
            trust: self.trust(),
            guest: self.guest.as_ref(),
        }
    }

    /// Puts all `wanted` files, in their order, or changes nothing. Returns what became of each.
    ///
    /// # Errors
    /// [`Error`] names the file that could not be put.
    pub(crate) fn files(&self, wanted: &[Wanted]) -> Result<Vec<String>, Error> {
        let prepare = |wanted| Change::prepare(self, wanted).transpose();
        let mut changes = wanted
            .iter()
            .filter_map(prepare)
            .collect::<Result<Vec<_>, _>>()?;
        change::commit(&mut changes)?;
        Ok(changes.iter().map(Change::told).collect())
    }

    /// Puts files with their bytes in place of those that are there, in their order, or changes nothing. Without an owner
    /// a file has that of the one before and its mode, with one it is for them alone.
    ///
    /// # Errors
    /// [`Error`] names the file that could not be put.
    pub(crate) fn write(&self, files: &[(PathBuf, Owner, &[u8])]) -> Result<(), Error> {
        let prepare = |(to, owner, bytes): &(PathBuf, Owner, &[u8])| {
            let place = self.find(to, Last::Follow, false)?;
            let (mode, owner) = match owner {
                Some(_) => (MODE_OF_SETTINGS, *owner),
                None => rights_of(&place)?,
            };
            let wanted = Wanted {
                mode,
                owner,
                from: None,
                to: to.clone(),
                last: Last::Follow,
            };
            Change::prepare_put(&wanted, place, bytes)
        };
        let changes = files.iter().map(prepare).collect::<Result<Vec<_>, _>>();
        Ok(change::commit(&mut changes?)?)
    }

    /// Makes folders that are missing, and gives all of them their owner and mode. A link that only root can have made
    /// leads to the folder that is meant.
    ///
    /// # Errors
    /// [`Error`] names the folder that is not as it should be.
    pub(crate) fn folders(&self, wanted: &[WantedFolder]) -> Result<(), Error> {
        for folder in wanted {
            let place = self.find(&folder.path, Last::Follow, true)?;
            match &self.guest {
                // What another user can replace by a third user's folder is not given to the guest.
                Some(guest) if !place.folder.is_ours() => {
                    guest.act(|| make(&place, folder.mode, Some(guest.uid), self.trust()))??;
                }
                _ => {
                    let made = make(&place, folder.mode, None, self.trust())?;
                    give(&made, folder)?;
                }
            }
        }
        Ok(())
    }

    /// A plain file, without zero bytes if it is to be a `text`.
    ///
    /// # Errors
    /// [`Error`] says why it is not read; [`Error::is_absence`], that there is none.
    pub(crate) fn read(&self, path: &Path, reader: Reader, text: bool) -> Result<Found, Error> {
        let found = match (reader, &self.guest) {
            (Reader::Guest, Some(guest)) => guest.act(|| self.read_known(path))??,
            (Reader::Guest, None) => self.read_known(path)?,
            (Reader::Keeper, guest) => {
                let place = self.find_there(path, Last::Follow)?;
                let found = match guest.as_ref().filter(|_| !place.folder.is_ours()) {
                    Some(guest) => guest.act(|| content_of(&place))?,
                    None => content_of(&place),
                }
                .map_err(|error| self.private(&place, error))?;
                if place.folder.is_open() {
                    self.expect_known(&place, found.owner)?;
                }
                found
            }
        };
        if text && found.bytes.contains(&0) {
            return Err(Error::NoText { path: shown(path) });
        }
        Ok(found)
    }

    /// A plain file of root, the user who runs this or the guest.
    fn read_known(&self, path: &Path) -> Result<Found, Error> {
        let place = self.find_there(path, Last::Take)?;
        let found = content_of(&place)?;
        self.expect_known(&place, found.owner)?;
        Ok(found)
    }

    /// Makes sure that a file belongs to root, the user who runs this or the guest.
    fn expect_known(&self, place: &Place, (owner, _): (u32, u32)) -> Result<(), Error> {
        if self.trust().admits(owner) {
            return Ok(());
        }
        let path = place.path();
        Err(held::Error::Stranger { path, owner }.into())
    }

    /// The place of a file that is there.
    fn find_there(&self, path: &Path, last: Last) -> Result<Place, Error> {
        let place = self.find(path, last, false);
        let place = place.map_err(|error| self.closed(path, error))?;
        let seen = place.folder.stat(&place.name);
        match seen.map_err(|error| self.closed(path, error))? {
            Some(_) => Ok(place),
            None => Err(absent(&place).into()),
        }
    }

    fn private(&self, place: &Place, error: held::Error) -> Error {
        match &self.guest {
            Some(guest) if error.is_refusal() => Error::Private {
                path: place.path(),
                uid: guest.uid,
            },
            _ => error.into(),
        }
    }

    fn closed(&self, path: &Path, error: held::Error) -> Error {
        match &self.guest {
            Some(guest) if error.is_refusal() => Error::Closed {
                path: shown(path),
                uid: guest.uid,
            },
            _ => error.into(),
        }
    }

    /// Returns which of these sounds a folder does not have. Asterisk's user may change what is there, so it is looked
    /// at with the rights of the guest.
    ///
    /// # Errors
    /// That the system does not let root become the guest.
    pub(crate) fn missing_sounds(
        &self,
        folder: &Path,
        names: &[String],
    ) -> Result<Vec<String>, Error> {
        let look = || {
            let is_missing = |name: &&String| !sounds::is_there(folder, name);
            let missing = names.iter().filter(|_| folder.is_dir()).filter(is_missing);
            missing.cloned().collect()
        };
        match &self.guest {
            Some(guest) => Ok(guest.act(look)?),
            None => Ok(look()),
        }
    }

    /// Makes sure that a folder is there and belongs to the guest: to the user who runs this, where none is named. Root is
    /// no guest.
    ///
    /// # Errors
    /// [`Error`] says that it is not there, or whose it is.
    pub(crate) fn expect_guests(&self, folder: &Path) -> Result<(), Error> {
        // Of the place, only the folder counts.
        let place = self.find(&folder.join("inside"), Last::Take, false)?;
        let owner = place.folder.owner();
        let guest = self.guest.as_ref().map(|guest| guest.uid);
        if owner != 0 && owner == guest.unwrap_or_else(|| geteuid().as_raw()) {
            return Ok(());
        }
        let path = shown(folder);
        Err(Error::NotGuests { path, owner })
    }

    /// Takes away files and folders with all that is in them, and with `numbered` also those that are called the same
    /// with a number or a date behind it or before its extension, as logrotate calls old logs. Returns which there were.
    ///
    /// # Errors
    /// [`Error`] names what could not be taken away.
    pub(crate) fn trees(&self, paths: &[PathBuf], numbered: bool) -> Result<Vec<String>, Error> {
        let mut told = Vec::new();
        for path in paths {
            let place = match self.find(path, Last::Take, false) {
                Err(error) if error.is_absence() => continue,
                place => place?,
            };
            if place.folder.stat(&place.name)?.is_some() {
                self.removal().remove(&place.folder, &place.name, 0)?;
                told.push(format!("removed    {}", place.path()));
            }
            if numbered {
                told.extend(self.remove_numbered(&place)?);
            }
        }
        Ok(told)
    }

    fn remove_numbered(&self, place: &Place) -> Result<Option<String>, Error> {
        let is_numbered = |name: &OsString| {
            let more = more(Path::new(name), Path::new(&place.name));
            more.is_some_and(|more| more[1..].starts_with(|c: char| c.is_ascii_digit()))
        };
        let mut names = place.folder.names()?;
        names.retain(is_numbered);
        for name in &names {
            self.removal().remove(&place.folder, name, 0)?;
        }
        let told = format!("removed    {}[.-]* ({})", place.path(), names.len());
        Ok((!names.is_empty()).then_some(told))
    }
}

/// Mode and owner of the file in a place. Only root can give files away.
fn rights_of(place: &Place) -> Result<(u32, Option<(u32, u32)>), held::Error> {
    let stat = place.folder.stat(&place.name)?;
    let rights = stat.map(|stat| {
        let owner = (stat.st_uid, stat.st_gid);
        let owner = geteuid().is_root().then_some(owner);
        (stat.st_mode & PERMISSIONS, owner)
    });
    Ok(rights.unwrap_or((MODE_OF_SETTINGS, None)))
}

fn content_of(place: &Place) -> Result<Found, held::Error> {
    let Some((file, stat)) = place.folder.open(&place.name)? else {
        return Err(absent(place));
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| place.folder.failed("read", &place.name, source))?;
    if u64::try_from(bytes.len()).is_ok_and(|found| found <= MAX_BYTES) {
        return Ok(Found {
            bytes,
            mode: stat.st_mode & PERMISSIONS,
            owner: (stat.st_uid, stat.st_gid),
        });
    }
    Err(held::Error::TooLarge {
        path: place.path(),
        most: MAX_BYTES,
    })
}

fn absent(place: &Place) -> held::Error {
    place.folder.failed("open", &place.name, Errno::NOENT)
}

/// Makes sure that there is such a folder, of `owner` if one is named.
fn make(place: &Place, mode: u32, owner: Option<u32>, trust: Trust) -> Result<Folder, held::Error> {
    let Place { folder, name } = place;
    let expect_owner = |found: u32| match owner {
        Some(wanted) if wanted != found => Err(held::Error::Owner {
            path: place.path(),
            found,
            wanted,
        }),
        _ => Ok(()),
    };
    match rustix::fs::mkdirat(folder.fd(), name, Mode::from_raw_mode(mode)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(folder.failed("make", name, errno)),
    }
    // Another user's folder may be closed to the guest, who would learn no more than that from opening it.
    if let Some(seen) = folder.stat(name)?
        && held::kind(&seen) == FileType::Directory
    {
        expect_owner(seen.st_uid)?;
    }
    let entered = folder.enter(name, OFlags::RDONLY, trust)?;
    expect_owner(entered.owner())?;
    // mkdir(2) takes the bits of the umask away, and a folder that was there may have another mode.
    rustix::fs::fchmod(entered.fd(), Mode::from_raw_mode(mode))
        .map_err(|errno| folder.failed("set the mode of", name, errno))?;
    Ok(entered)
}

fn give(made: &Folder, wanted: &WantedFolder) -> Result<(), held::Error> {
    let Some(owner) = wanted.owner else {
        return Ok(());
    };
    change::give(made.fd(), owner).map_err(|errno| held::Error::System {
        doing: "set the owner of",
        path: shown(&wanted.path),
        source: errno.into(),
    })
}

/// More than any text or program that is read.
const MAX_BYTES: u64 = 64 << 20;

/// What a mode says of reading, writing and running.
const PERMISSIONS: u32 = 0o777;

/// The mode of a text that may hold what not every user should read.
const MODE_OF_SETTINGS: u32 = 0o640;
