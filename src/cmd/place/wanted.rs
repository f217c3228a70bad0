//! What is to be where, and why it could not be put there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::sys::held::{self, Last, Place, Trust, shown};
use crate::sys::rights::{self as user, Rights as User};

/// Why something was not put, read or taken away.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Held(#[from] held::Error),
    #[error(transparent)]
    User(#[from] user::Error),
    #[error("cannot read {path}")]
    Unread { path: String, source: io::Error },
    #[error("{path} holds a zero byte, so it is no text: put the text there, then run this again")]
    NoText { path: String },
    #[error(
        "user {uid} may not enter the folder of {path}, and Asterisk runs as that user: let them in, or set another \
         folder in asterisk.conf"
    )]
    Closed { path: String, uid: u32 },
    #[error("{path} is nested more than {MAX_DEPTH} folders deep: take it away by hand")]
    TooDeep { path: String },
    #[error(
        "{path} belongs to user {owner}, and others can have put it there, so it is not emptied: take it away by hand"
    )]
    Foreign { path: String, owner: u32 },
    #[error(
        "this program was built from other sources than those in {path}: build it there, or take both from one version"
    )]
    OtherSources { path: String },
    #[error(
        "user {uid} may not read {path}, and Asterisk runs as that user: let them read it, or take it away"
    )]
    Private { path: String, uid: u32 },
    #[error("{path} belongs to user {owner}, and Asterisk does not run as that user")]
    NotGuests { path: String, owner: u32 },
}

impl Error {
    /// Whether the guest may not even look whether there is something to read.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// Whether the guest may not read what is there.
    pub(crate) fn is_private(&self) -> bool {
        matches!(self, Self::Private { .. })
    }

    /// Whether what was to be read does not exist.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Held(error) if error.is_absence())
    }
}

/// Where everything happens, and who else may own folders there.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(super) root: PathBuf,
    pub(super) guest: Option<User>,
}

impl Ground {
    /// Everything below `root`, where folders may also belong to `guest`.
    ///
    /// # Errors
    /// That there is no such user.
    pub(crate) fn new(root: PathBuf, guest: Option<&str>) -> Result<Self, Error> {
        let guest = guest.map(User::find).transpose()?;
        Ok(Self { root, guest })
    }

    pub(super) fn trust(&self) -> Trust {
        Trust::with(self.guest.as_ref().map(|guest| guest.uid))
    }

    pub(super) fn find(&self, path: &Path, last: Last, make: bool) -> Result<Place, held::Error> {
        Place::find(&self.root, path, self.trust(), last, make)
    }
}

/// A file as it should be.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) mode: u32,
    /// User and group, if they are to be set.
    pub(crate) owner: Option<(u32, u32)>,
    /// What is to be in it; nothing, if there is to be no such file.
    pub(crate) from: Option<PathBuf>,
    pub(crate) to: PathBuf,
    /// What becomes of a link in its place.
    pub(crate) last: Last,
}

/// A folder as it should be.
#[derive(Debug)]
pub(crate) struct WantedFolder {
    pub(crate) mode: u32,
    pub(crate) owner: Option<(u32, u32)>,
    pub(crate) path: PathBuf,
}

/// The user with whose rights a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// The user who can put something in its place: the guest, unless that is only root or the user who runs this.
    Keeper,
    /// The guest, who must get nothing that they could not read before.
    Guest,
}

/// A plain file as it was at one moment.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) bytes: Vec<u8>,
    /// What its mode says of reading, writing and running.
    pub(crate) mode: u32,
    /// Its user and group.
    pub(crate) owner: (u32, u32),
}

/// The content of a file of the user who runs this, in a folder of their own.
pub(super) fn content(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Unread {
        path: shown(path),
        source,
    })
}

/// Deeper than anything of ours.
pub(super) const MAX_DEPTH: usize = 32;
