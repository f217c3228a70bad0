//! Why a folder is not held, or something in it not used.

use std::io;

/// Why a folder is not held, or something in it not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "{path} is a link to {to}, and others than root can change it, so it is not followed: put the file itself in \
         its place if the link is yours, remove the link if it is not"
    )]
    Link { path: String, to: String },
    #[error(
        "{path} belongs to user {owner}, who is neither root nor Asterisk's user: give it to one of them"
    )]
    Stranger { path: String, owner: u32 },
    #[error("{path} is no folder: take away what is there, then run this again")]
    NotAFolder { path: String },
    #[error("a file belongs at {path}: take away what is there, then run this again")]
    NotAFile { path: String },
    #[error("{path} is not below {root}")]
    Outside { path: String, root: String },
    #[error("{path} is being changed by another program: run this again")]
    Raced { path: String },
    #[error("{path} holds more than the {most} bytes that are read")]
    TooLarge { path: String, most: u64 },
    #[error(
        "{path} belongs to user {found}: give it to user {wanted} (chown -h {wanted} {path}), or take it away, then run this \
         again"
    )]
    Owner {
        path: String,
        found: u32,
        wanted: u32,
    },
    #[error("cannot {doing} {path}")]
    System {
        doing: &'static str,
        path: String,
        source: io::Error,
    },
}

impl Error {
    /// Whether the file, or a folder on the way to it, does not exist.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::System { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Whether the system does not allow it.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::System { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}
