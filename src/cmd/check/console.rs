//! What Asterisk says at its console.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::user;
use crate::sys::console::{Console, PATH};
use crate::sys::error::Chain;
use crate::sys::remedy::shell_quoted;
use crate::sys::rooted;

/// Why Asterisk does not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// It is about to end.
    #[error(
        "it is stopping, or about to restart: it takes no new call and waits until the running ones have ended"
    )]
    Stopping,
    /// There is none on this machine.
    #[error("there is no program asterisk in {0}")]
    Missing(String),
    /// Anything else, in words for an administrator.
    #[error("{0}")]
    Failed(String),
}

/// What Asterisk answers to a command.
pub(super) fn say(command: &str) -> Result<String, Error> {
    let own = env::var("PATH").ok().filter(|_| !user::is_root());
    let asterisk = found("asterisk", own.as_deref())?;
    let console = Console {
        asterisk: vec![asterisk],
        rights: None,
    };
    let answer = console.say(command).map_err(Error::Failed)?;
    let is_refused = |line: &str| line.starts_with("Command '") && line.ends_with(AT_SHUTDOWN);
    if answer.lines().any(is_refused) {
        return Err(Error::Stopping);
    }
    Ok(answer.trim().to_owned())
}

/// What Asterisk says of its settings, for which it is asked once; nothing where it does not answer.
pub(super) fn settings() -> &'static str {
    static SETTINGS: OnceLock<String> = OnceLock::new();
    SETTINGS.get_or_init(|| say("core show settings").unwrap_or_default())
}

/// The folder that Asterisk's settings have behind this title. Where its file says nothing, it is the compiled-in one.
pub(super) fn folder(title: &str) -> Option<PathBuf> {
    value(settings(), title).map(PathBuf::from)
}

/// What Asterisk's settings have behind this title.
pub(super) fn value<'a>(settings: &'a str, title: &str) -> Option<&'a str> {
    let mut lines = settings.lines().map(str::trim);
    lines
        .find_map(|line| line.strip_prefix(title))
        .map(str::trim)
}

/// What an administrator types to say it: Asterisk's own program, run as root, would do what its user has written into
/// `asterisk.conf`, and run as that user it would share the administrator's terminal.
pub(super) fn typed(command: &str) -> String {
    typed_as(&user::named(), command)
}

fn typed_as(named: &str, command: &str) -> String {
    format!(
        "sudo phone-assistant console{named} {}",
        shell_quoted(command)
    )
}

/// The program of that name in the folders of the caller's own PATH, if it counts, or in the usual ones: that of users
/// often has no /usr/sbin. Root runs only what root alone can change, wherever it is found.
fn found(name: &str, own: Option<&str>) -> Result<OsString, Error> {
    let path = own.map_or_else(|| PATH.to_owned(), |own| format!("{own}:{PATH}"));
    let mut places = path.split(':').map(|folder| Path::new(folder).join(name));
    let Some(place) = places.find(|place| place.exists()) else {
        return Err(Error::Missing(path));
    };
    if !user::is_root() {
        return Ok(place.into());
    }
    match rooted::resolve(&place, None) {
        Ok(real) => Ok(real.into()),
        Err(fault) => Err(Error::Failed(format!(
            "root does not run it: {}",
            Chain(&fault)
        ))),
    }
}

/// What Asterisk answers to nearly every command from `core stop gracefully` on, with success as its exit code.
const AT_SHUTDOWN: &str = "cannot be run during shutdown";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_nowhere_is_told_as_missing() {
        let own = Some("/nonexistent");
        let missing = found("no-such-program-here", own);
        let error = missing.expect_err("there is none").to_string();
        assert!(
            error.starts_with("there is no program asterisk in /"),
            "{error}"
        );
        assert!(found("sh", own).is_ok() && found("sh", None).is_ok());
    }

    #[test]
    fn a_folder_is_the_one_that_asterisk_names() {
        let settings = "* Directories\n  -------------\n  VarLib directory:            /var/lib/asterisk\n  \
                        Data directory:              /usr/share/asterisk\n  \
                        AGI Scripts directory:       /usr/share/asterisk/agi-bin\n";
        let table = [
            (settings, "Data directory:", Some("/usr/share/asterisk")),
            (
                settings,
                "AGI Scripts directory:",
                Some("/usr/share/asterisk/agi-bin"),
            ),
            (
                "No such command 'core show settings'",
                "Data directory:",
                None,
            ),
            ("", "Data directory:", None),
        ];
        for (settings, title, expected) in table {
            assert_eq!(value(settings, title), expected, "{settings}");
        }
    }

    #[test]
    fn root_is_told_to_ask_apart_from_its_terminal_and_as_the_user_who_was_named() {
        for named in ["", " --user pbx --group voice"] {
            let told = typed_as(named, "dialplan show 200@from-internal");
            let expected =
                format!("sudo phone-assistant console{named} 'dialplan show 200@from-internal'");
            assert_eq!(told, expected);
        }
    }
}
