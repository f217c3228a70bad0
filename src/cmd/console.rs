//! `phone-assistant console`, with which root and install.sh ask Asterisk: as Asterisk's user, and apart from the
//! terminal of root, so that no process of that user shares it.

use std::ffi::OsString;
use std::path::Path;

use crate::sys::console::Console;
use crate::sys::identity::{self, Question};
use crate::sys::rights::Rights;

/// Why Asterisk was not asked, or does not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Identity(#[from] identity::Error),
    #[error("the numbers of Asterisk's user {user} and group {group} are not known")]
    Unknown { user: String, group: String },
    #[error(
        "root does not ask Asterisk as root: if Asterisk runs as root, say so with --user root"
    )]
    Root,
    #[error("Asterisk does not answer: {0}")]
    Silent(String),
}

/// The answer of `asterisk`, a program and its first arguments, to a command. Root asks as the user that the question
/// finds. Below a root of its own there may be no such user: then a person has named the program.
///
/// # Errors
/// [`Error`].
pub(crate) fn ask(question: &Question, asterisk: &str, command: &str) -> Result<String, Error> {
    let rights = if rustix::process::geteuid().is_root() {
        rights(question)?
    } else {
        None
    };
    let asterisk = asterisk.split_whitespace().map(OsString::from).collect();
    let console = Console { asterisk, rights };
    console.say(command).map_err(Error::Silent)
}

fn rights(question: &Question) -> Result<Option<Rights>, Error> {
    let found = identity::find(question)?;
    match found.rights() {
        Some(rights) if rights.uid == 0 && question.user.is_none() => Err(Error::Root),
        None if question.root == Path::new("/") => Err(Error::Unknown {
            user: found.user,
            group: found.group,
        }),
        rights => Ok(rights),
    }
}
