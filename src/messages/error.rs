//! Why messages cannot be kept, read or changed.

use std::io;

use super::spool::MAX_WAITING;
use crate::sys::files;
use crate::sys::plain::counted;
use crate::sys::state;

/// Why a message cannot be kept, read or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// As many wait as are kept.
    #[error("{MAX_WAITING} messages wait in {folder} already; see why by phone-assistant messages")]
    Full {
        /// The folder.
        folder: String,
    },
    /// This caller has left as many as are allowed.
    #[error(
        "this caller has left {} within an hour; max_messages_per_caller_per_hour in [limits] allows no more",
        counted(left, "message", "messages")
    )]
    TooMany {
        /// How many this caller has left.
        left: usize,
    },
    /// Another process holds the lock, or it cannot be taken.
    #[error(transparent)]
    Lock(#[from] state::Error),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] files::Error),
    /// A file cannot be read.
    #[error("cannot read {path}; {}", files::way_in(source))]
    Read {
        /// The file or folder.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file is not what calls write.
    #[error("cannot understand {path}, so it is left as it is")]
    Unclear {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A file cannot be moved or removed.
    #[error("cannot move or remove {path}")]
    Move {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The system gives no random bytes.
    #[error("the system has no random bytes for the id of a message")]
    Random,
}
