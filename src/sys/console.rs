//! Asterisk's console: what it answers to a command.
//!
//! Asterisk's own program is asked, and it does what its settings say before it connects: as root it would make a folder
//! and give a group any file by a path that Asterisk's user has chosen. So it runs as that user.

use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use crate::sys::apart::{self, End, Stream};
use crate::sys::rights::Rights;

/// How the console is reached.
#[derive(Debug)]
pub(crate) struct Console {
    /// The program and its first arguments.
    pub(crate) asterisk: Vec<OsString>,
    /// The rights that it is asked with, in a clean environment; `None`: those of this process, in its environment.
    pub(crate) rights: Option<Rights>,
}

impl Console {
    /// The answer to a command, as it was written.
    ///
    /// # Errors
    /// Why there is none, in words for an administrator.
    pub(crate) fn say(&self, command: &str) -> Result<String, String> {
        let (program, arguments) = self
            .asterisk
            .split_first()
            .ok_or("no asterisk was named, so there is none to ask")?;
        let mut asked = apart::other(program, self.rights.as_ref());
        asked.args(arguments).args(["-rx", command]);
        if self.rights.is_some() {
            asked.env("PATH", PATH).env("LC_ALL", "C").current_dir("/");
        }
        said(&mut asked, PATIENCE)
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
        End::Ended(status) if status.success() => Ok(output),
        End::Ended(_) => {
            let mut said = errors.lines().chain(output.lines());
            Err(said.next().unwrap_or_default().trim().to_owned())
        }
        End::Late => Err(format!("no answer within {} s", limit.as_secs())),
        End::TooMuch => Err("its answer is too long".to_owned()),
    }
}

/// The folders of programs, for what root starts as another user.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const PATIENCE: Duration = Duration::from_secs(10);

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
        assert_eq!(answer.as_deref(), Ok("Asterisk 22\n"));
        let why = said(&mut shell("ls /nonexistent"), PATIENCE).expect_err("a failure");
        assert!(why.contains("/nonexistent"), "{why}");
    }
}
