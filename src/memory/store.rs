//! A place where callers are remembered: a folder, or a server that several machines share.

use std::fmt;
use std::io;
use std::time::{Duration, SystemTime};

use super::caller::Caller;
use super::key::KEY_BYTES;
use super::record::Record;
use crate::config::limits::RetentionLimits;
use crate::sys::date::SECONDS_A_DAY;
use crate::sys::files;
use crate::sys::state::server::Lost;
use crate::sys::state::{self, guard};

/// The place. Callers are found in it under a name that does not tell whose it is.
pub(crate) trait Store: fmt::Debug + Send {
    /// What is kept of a caller; `None` where there is nothing.
    ///
    /// # Errors
    /// [`Error`], also where there is something that cannot be read or understood.
    fn read(&self, caller: &Caller) -> Result<Option<Record>, Error>;

    /// Changes what is kept of a caller, or begins it where that is `None`. Where other calls change it meanwhile,
    /// `change` may be called again.
    ///
    /// # Errors
    /// [`Error`]; then it is as it was.
    fn change(&self, caller: &Caller, change: &mut Change<'_>) -> Result<(), Error>;

    /// Forgets a caller, also what cannot be understood of them. Waits for other calls for at most `patience`. `id` is
    /// that of the record, where it is known.
    ///
    /// # Errors
    /// [`Error`]; then it may still be there.
    fn remove(&self, caller: &Caller, id: Option<&str>, patience: Duration) -> Result<(), Error>;

    /// Forgets all callers of a number, in the one spelling that it has. Returns how many records that were.
    ///
    /// # Errors
    /// [`Error`]; then some may still be there.
    fn forget(&self, number: &str) -> Result<usize, Error>;

    /// All callers that are remembered.
    ///
    /// # Errors
    /// [`Error`] where the place itself cannot be read.
    fn entries(&self) -> Result<Vec<Entry>, Error>;

    /// Drops some of what is too old, of all callers.
    ///
    /// # Errors
    /// [`Error`]; then some of it is still there.
    fn sweep(&self, sweep: Sweep) -> Result<(), Error>;
}

/// What is to be swept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sweep {
    pub retention: RetentionLimits,
    pub now: SystemTime,
    /// How long it may take. A caller waits for it before they hear what follows their call.
    pub time: Duration,
}

/// What is done to a record.
pub(super) type Change<'c> = dyn FnMut(&mut Option<Record>) + 'c;

/// What is kept of one caller.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What it holds, or why that cannot be told.
    pub record: Result<Record, Error>,
    /// Its size.
    pub bytes: u64,
}

/// Why something cannot be remembered or forgotten.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Another process holds the lock, or it cannot be taken.
    #[error(transparent)]
    Lock(#[from] state::Error),
    /// A file cannot be replaced.
    #[error(transparent)]
    Write(#[from] files::Error),
    /// A file cannot be read.
    #[error("cannot read {path}; check that it belongs to Asterisk's user, in a folder of its own")]
    Read {
        /// The file or folder.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file is not what calls write.
    #[error(
        "cannot understand {path}, so it is left as it is; phone-assistant check tells what to do"
    )]
    Unclear {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The key is none.
    #[error(
        "cannot use {path}, the key of all callers' names: it has {len} bytes instead of {KEY_BYTES}; phone-assistant check tells what to do"
    )]
    Key {
        /// The key.
        path: String,
        /// Its length.
        len: usize,
    },
    /// A file cannot be removed.
    #[error("cannot remove {path}; what it remembers is still there")]
    Remove {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It is no JSON.
    #[error("cannot write {path} as JSON")]
    Json {
        /// The file.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The server that machines share cannot be used.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// The server could not be asked to forget a caller, which is noted.
    #[error("the caller is forgotten by the next call on this machine that reaches the server")]
    Owed(#[source] Lost),
    /// The file with the callers who are still to be forgotten cannot be used.
    #[error(transparent)]
    Debts(#[from] guard::Error),
    /// What the server holds was not sealed by the key of this machine, or was changed since.
    #[error(
        "cannot open {name} of [state] url, so it is left as it is; phone-assistant check tells what to do"
    )]
    Sealed {
        /// The server's key.
        name: String,
    },
    /// Another machine has sealed what the server holds, by another key.
    #[error("cannot use {path}: the other machines have another key; copy it from one of them")]
    OtherKey {
        /// This machine's key.
        path: String,
    },
    /// It would take too long to look at all keys of the server.
    #[error(
        "the database of [state] url has too many keys to look for callers; give it to nothing else"
    )]
    Crowded,
    /// Other calls of the same caller change it all the time.
    #[error("cannot change {name} of [state] url, which other calls change all the time")]
    Contended {
        /// The server's key.
        name: String,
    },
    /// The system gives no random bytes.
    #[error("the system has no random bytes for a key")]
    Random,
}

/// How often what is too old is dropped.
pub(super) const A_DAY: Duration = Duration::from_secs(SECONDS_A_DAY);
