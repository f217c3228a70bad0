//! The words by which `install.sh` has files put and taken away: `phone-assistant place …`. They are not for people,
//! and belong to the `install.sh` of the same version.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::stderr::tell;
use crate::cmd::place::{self, Found, Ground, Reader, Wanted, WantedFolder};
use crate::sys::error::Chain;
use crate::sys::held::Last;
use crate::sys::rights::{self as user, Rights as User};

#[derive(Debug, Args)]
pub(super) struct Where {
    /// The folder that all paths are below
    #[arg(long, default_value = "/")]
    root: PathBuf,
    /// The user, beside root and the one who runs this, that folders may belong to
    #[arg(long)]
    guest: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Put files, all or none: MODE (linked:MODE replaces what root's link leads to), USER:GROUP (or -), FROM (or - to
    /// remove it) and TO, for each
    Files {
        #[command(flatten)]
        place: Where,
        items: Vec<OsString>,
    },
    /// Make folders: MODE, USER:GROUP (or -) and PATH, for each
    Folders {
        #[command(flatten)]
        place: Where,
        items: Vec<OsString>,
    },
    /// Write a plain file to stdout, with the rights of the user who can put something in its place; exit with 3 if there is
    /// none, 4 if the guest may not even look, 5 if it is not written, 6 if the guest may not read it
    Read {
        #[command(flatten)]
        place: Where,
        /// With the rights of the guest
        #[arg(long)]
        as_guest: bool,
        /// Where to write its MODE and USER:GROUP, as "files" takes them
        #[arg(long)]
        rights: Option<PathBuf>,
        /// Refuse what is no text
        #[arg(long)]
        text: bool,
        path: PathBuf,
    },
    /// Tell whether a folder belongs to the guest
    Guests {
        #[command(flatten)]
        place: Where,
        folder: PathBuf,
    },
    /// Tell which of these sounds a folder does not have
    Sounds {
        #[command(flatten)]
        place: Where,
        folder: PathBuf,
        names: Vec<String>,
    },
    /// Remove files, and folders with all that is in them
    Trees {
        #[command(flatten)]
        place: Where,
        /// Also those that are called the same with a dot and a number behind it
        #[arg(long)]
        numbered: bool,
        paths: Vec<PathBuf>,
    },
    /// Write the dialplan that belongs to this program to stdout
    Dialplan,
    /// Tell whether this program was built from the sources in a folder
    Sources { folder: PathBuf },
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Place(#[from] place::Error),
    #[error(transparent)]
    User(#[from] user::Error),
    #[error("cannot do this without being interrupted")]
    Interrupted(#[source] io::Error),
    #[error("cannot write to stdout")]
    Unwritten(#[source] io::Error),
    #[error("cannot note a file's rights")]
    Unnoted(#[source] io::Error),
    #[error(
        "'{0}' is not what this install.sh and this program agree on: take both from one version"
    )]
    Disagreed(String),
}

impl Action {
    /// Returns the exit code.
    pub(super) fn run(self) -> Result<u8, Error> {
        // What has begun is brought to its end: it takes a moment, and would leave files behind.
        let _signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(Error::Interrupted)?;
        let told = match self {
            Self::Files { place, items } => {
                // install.sh passes four words for a file: its rights, its owner, the source and the place.
                let wanted: Result<Vec<_>, _> = items.chunks(4).map(file).collect();
                place.ground()?.files(&wanted?)?
            }
            Self::Folders { place, items } => {
                let wanted: Result<Vec<_>, _> = items.chunks(3).map(folder).collect();
                place.ground()?.folders(&wanted?)?;
                Vec::new()
            }
            Self::Guests { place, folder } => {
                place.ground()?.expect_guests(&folder)?;
                Vec::new()
            }
            Self::Trees {
                place,
                numbered,
                paths,
            } => place.ground()?.trees(&paths, numbered)?,
            Self::Sounds {
                place,
                folder,
                names,
            } => place.ground()?.missing_sounds(&folder, &names)?,
            Self::Dialplan => return write(place::dialplan().as_bytes()),
            Self::Sources { folder } => {
                place::expect_sources(&folder)?;
                Vec::new()
            }
            Self::Read {
                place,
                as_guest,
                rights,
                text,
                path,
            } => {
                let reader = if as_guest {
                    Reader::Guest
                } else {
                    Reader::Keeper
                };
                let found = place.ground()?.read(&path, reader, text);
                return answer(found, rights.as_deref());
            }
        };
        write(
            told.iter()
                .map(|line| line.clone() + "\n")
                .collect::<String>()
                .as_bytes(),
        )
    }
}

impl Where {
    fn ground(self) -> Result<Ground, place::Error> {
        Ground::new(self.root, self.guest.as_deref())
    }
}

fn write(bytes: &[u8]) -> Result<u8, Error> {
    let mut stdout = io::stdout();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(Error::Unwritten)?;
    Ok(0)
}

/// Passes on what was read, or tells by the exit code why it was not.
fn answer(found: Result<Found, place::Error>, rights: Option<&Path>) -> Result<u8, Error> {
    let (code, why) = match found {
        Err(error) if error.is_absence() => return Ok(THERE_IS_NONE),
        Err(error) if error.is_closed() => (IT_IS_CLOSED, error.to_string()),
        Err(error) if error.is_private() => (IT_IS_PRIVATE, error.to_string()),
        found => match pass_on(&found?, rights) {
            Err(error) => (THERE_IS_NO_ROOM, Chain(&error).to_string()),
            done => return done,
        },
    };
    tell(&format!("phone-assistant: {why}"));
    Ok(code)
}

/// Writes a file's content to stdout, after its rights to `rights`. Only root can give files away.
fn pass_on(found: &Found, rights: Option<&Path>) -> Result<u8, Error> {
    if let Some(rights) = rights {
        let (user, group) = found.owner;
        let owner = if rustix::process::geteuid().is_root() {
            format!("{user}:{group}")
        } else {
            "-".to_owned()
        };
        let line = format!("{:04o} {owner}\n", found.mode);
        fs::write(rights, line).map_err(Error::Unnoted)?;
    }
    write(&found.bytes)
}

fn file(words: &[OsString]) -> Result<Wanted, Error> {
    let [rights, owner, from, to] = words else {
        return Err(disagreed(words));
    };
    let (last, digits) = match rights.as_bytes().strip_prefix(b"linked:") {
        Some(digits) => (Last::Follow, OsStr::from_bytes(digits)),
        None => (Last::Take, rights.as_os_str()),
    };
    Ok(Wanted {
        mode: mode(digits)?,
        owner: owners(owner)?,
        from: (from != "-").then(|| from.into()),
        to: to.into(),
        last,
    })
}

fn folder(words: &[OsString]) -> Result<WantedFolder, Error> {
    let [rights, owner, path] = words else {
        return Err(disagreed(words));
    };
    Ok(WantedFolder {
        mode: mode(rights)?,
        owner: owners(owner)?,
        path: path.into(),
    })
}

fn mode(word: &OsStr) -> Result<u32, Error> {
    let mode = word
        .to_str()
        .and_then(|digits| u32::from_str_radix(digits, 8).ok());
    mode.filter(|mode| *mode <= 0o777)
        .ok_or_else(|| disagreed(&[word.to_owned()]))
}

fn owners(word: &OsString) -> Result<Option<(u32, u32)>, Error> {
    if word == "-" {
        return Ok(None);
    }
    let (user, group) = word
        .to_str()
        .and_then(|word| word.split_once(':'))
        .ok_or_else(|| disagreed(std::slice::from_ref(word)))?;
    Ok(Some((User::find(user)?.uid, user::group(group)?)))
}

fn disagreed(words: &[OsString]) -> Error {
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    Error::Disagreed(words.join(" ").escape_debug().to_string())
}

/// The exit code where there is nothing to read.
const THERE_IS_NONE: u8 = 3;

/// The exit code where what was read could not be written.
const THERE_IS_NO_ROOM: u8 = 5;

/// The exit code where the guest may not read what is there.
const IT_IS_PRIVATE: u8 = 6;

/// The exit code where the guest does not get as far as to what is to be read.
const IT_IS_CLOSED: u8 = 4;
