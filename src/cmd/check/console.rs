//! What Asterisk says at its console.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::user::{self, PATH};
use crate::sys::apart::{self, End, Stream};
use crate::sys::error::Chain;
use crate::sys::rooted;

/// Why Asterisk does not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// It is about to end.
    #[error(
        "it is stopping, or about to restart: it takes no new call and waits until the running ones have ended"
    )]
    Stopping,
    /// Anything else, in words for an administrator.
    #[error("{0}")]
    Failed(String),
}

/// What Asterisk answers to a command.
pub(super) fn say(command: &str) -> Result<String, Error> {
    let asterisk = found_in_path("asterisk").map_err(Error::Failed)?;
    let asked = said(apart::other(&asterisk).args(["-rx", command]), PATIENCE);
    let answer = asked.map_err(Error::Failed)?;
    let is_refused = |line: &str| line.starts_with("Command '") && line.ends_with(AT_SHUTDOWN);
    if answer.lines().any(is_refused) {
        return Err(Error::Stopping);
    }
    Ok(answer)
}

/// Root runs only what root alone can change, wherever it is found.
fn found_in_path(name: &str) -> Result<OsString, String> {
    if !user::is_root() {
        return Ok(name.into());
    }
    let mut places = PATH.split(':').map(|folder| Path::new(folder).join(name));
    let place = places.find(|place| place.exists());
    let place = place.ok_or_else(|| format!("there is no {name} in {PATH}"))?;
    match rooted::resolve(&place, None) {
        Ok(real) => Ok(real.into()),
        Err(fault) => Err(format!("root does not run it: {}", Chain(&fault))),
    }
}

/// The output of a program, which is ended after `limit`: an Asterisk that hangs takes connections and never answers.
fn said(command: &mut Command, limit: Duration) -> Result<String, String> {
    let (mut output, mut errors) = (String::new(), String::new());
    let end = apart::run(command, limit, &mut |stream, line| {
        let text = match stream {
            Stream::Out => &mut output,
            Stream::Err => &mut errors,
        };
        text.push_str(&line);
        text.push('\n');
    });
    match end.map_err(|error| format!("cannot run asterisk -rx: {error}"))? {
        End::Ended(status) if status.success() => Ok(output.trim().to_owned()),
        End::Ended(_) => {
            let mut said = errors.lines().chain(output.lines());
            Err(said.next().unwrap_or_default().trim().to_owned())
        }
        End::Late => Err(format!("no answer within {} s", limit.as_secs())),
        End::TooMuch => Err("its answer is longer than anybody reads".to_owned()),
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
/// What Asterisk answers to nearly every command from `core stop gracefully` on, with success as its exit code.
const AT_SHUTDOWN: &str = "cannot be run during shutdown";

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).process_group(0);
        command
    }

    #[test]
    fn an_asterisk_that_hangs_is_not_waited_for() {
        let limit = Duration::from_millis(50);
        let why = said(&mut shell("sleep 60"), limit).expect_err("it hangs");
        assert!(why.contains("no answer within"), "{why}");
        let answer = said(&mut shell("echo Asterisk 22"), PATIENCE);
        assert_eq!(answer.as_deref(), Ok("Asterisk 22"));
        let why = said(&mut shell("ls /nonexistent"), PATIENCE).expect_err("a failure");
        assert!(why.contains("/nonexistent"), "{why}");
    }
}
