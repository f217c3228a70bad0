//! Why there is nothing to show of calls.

use std::io;
use std::path::PathBuf;

use crate::sys::files;
use crate::sys::owner;

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is no log.
    #[error(
        "calls are not logged, since calls in [log] is empty; name a file: phone-assistant calls FILE"
    )]
    NoLog,
    /// It cannot be read.
    #[error("cannot read the log of calls {}; {way}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What to do about it.
        way: String,
        /// Why.
        source: io::Error,
    },
    /// Root cannot do it as the user whose folder it is in.
    #[error(transparent)]
    User(#[from] owner::Error),
    /// The page cannot be written.
    #[error(transparent)]
    Write(#[from] files::Error),
    /// Stdout takes no more.
    #[error("cannot write to stdout")]
    Stdout(#[source] io::Error),
    /// What is there cannot be opened.
    #[error("cannot read what is at {}; {}, or name another file for the page", .path.display(), files::way_in(source))]
    Old {
        /// The place.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is there is no page of calls.
    #[error("{} is there and is no page of calls; name another file for the page", .0.display())]
    NoPage(PathBuf),
    /// The page would take the place of a log.
    #[error("{} is a log of calls; name another file for the page", .0.display())]
    Log(PathBuf),
    /// There is no such call.
    #[error("there is no call {id} in {} and the older logs beside it{}", .path.display(), if *.is_cut { ", as far back as they are read (64 MiB)" } else { "" })]
    NoSuchCall {
        /// The call.
        id: String,
        /// The log.
        path: PathBuf,
        /// Whether there is more of the log than was read.
        is_cut: bool,
    },
}
