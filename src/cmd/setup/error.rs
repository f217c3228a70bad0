//! Why nothing was set up.

use std::io;
use std::path::PathBuf;

use super::{file, key};
use crate::cloud;
use crate::cloud::credentials::CredentialsError;
use crate::cmd::place;
use crate::config::Faults;
use crate::services::SetupError;
use crate::sys::identity;
use crate::sys::plain::quoted;

/// Why nothing was set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot read the settings in {}", .file.display())]
    Unread { file: PathBuf, source: io::Error },
    #[error(transparent)]
    File(#[from] file::Error),
    #[error("the settings are not right; fix them first")]
    Config(#[from] Faults),
    #[error("there is no key yet; give one with --api-key-file FILE, where - stands for stdin")]
    NoKey,
    #[error(
        "this key's form is not recognised (found {0}); {beginnings}, and that of a service account is a JSON file",
        beginnings = key::beginnings()
    )]
    UnknownKey(String),
    #[error(
        "this is only the first line of a service account's JSON; give the JSON file with --api-key-file FILE"
    )]
    FirstLine,
    #[error(transparent)]
    Account(#[from] CredentialsError),
    #[error("the services cannot be set up")]
    Setup(#[source] SetupError),
    #[error("{kind}: the key was tried, and nothing was changed")]
    Refused {
        kind: &'static str,
        source: cloud::Error,
    },
    #[error("{} is no language; give a tag such as en-US, de-DE or fr-FR", quoted(.0))]
    Language(String),
    #[error("{voice} is no voice of {provider}, which speaks here; there are: {}", .known.join(", "))]
    Voice {
        voice: String,
        provider: &'static str,
        known: &'static [&'static str],
    },
    #[error(
        "no configured provider has a voice called {0}: none that speaks has what it needs; phone-assistant check tells \
         what is missing"
    )]
    NoVoice(String),
    #[error("nothing was changed")]
    Declined,
    #[error("there was no answer, and nothing was changed")]
    Unanswered(#[source] io::Error),
    #[error("cannot tell for which group the settings are; install phone-assistant first")]
    Identity(#[from] identity::Error),
    #[error("the number of Asterisk's group {0} is not known; getent group shows which there are")]
    Group(String),
    #[error("cannot change the settings")]
    Write(#[from] place::Error),
    #[error("cannot write to the terminal")]
    Output(#[from] io::Error),
}
