//! `phone-assistant setup` at a terminal or without one: where the key comes from, and who is asked.

use std::error::Error;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use clap::Args;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

use super::stderr::tell_error;
use super::stdout::Stdout;
use crate::call;
use crate::cmd::check::{self, Style};
use crate::cmd::setup::{self, Asker, Options};
use crate::config::Environment;
use crate::config::providers::key_kind;
use crate::sys::{date, files};

#[derive(Debug, Args)]
pub(super) struct Setup {
    /// The file that holds the key of Gemini or OpenAI, or a service account's JSON; - is stdin
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// The language that callers speak, such as de-DE
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// The voice, by its service's own name for it
    #[arg(long)]
    voice: Option<String>,
    /// The user that Asterisk runs as, where the machine does not tell
    #[arg(long)]
    user: Option<String>,
    /// Its group, where that is not the user's own
    #[arg(long, requires = "user")]
    group: Option<String>,
    /// Replace what is there without asking
    #[arg(long)]
    replace: bool,
    /// Neither try the key nor check everything afterwards
    #[arg(long)]
    no_check: bool,
}

/// The key cannot be had.
#[derive(Debug, thiserror::Error)]
enum NoKey {
    #[error("cannot read the file of the key")]
    Unread(#[source] io::Error),
    #[error(
        "--api-key-file wants a file, and this is a key, which others can see among the arguments; give - and paste \
         the key into stdin"
    )]
    NoFile,
}

impl Setup {
    /// Returns the exit code.
    pub(super) fn run(
        self,
        config: Option<PathBuf>,
        environment: Environment<'_>,
        style: Style,
    ) -> Result<u8, Box<dyn Error>> {
        let key = self.api_key_file.as_deref().map(read_key).transpose()?;
        let mut terminal = Terminal;
        let is_asked = io::stdin().is_terminal() && io::stdout().is_terminal();
        let asker: Option<&mut dyn Asker> = if is_asked { Some(&mut terminal) } else { None };
        let options = Options {
            config: config.clone(),
            key,
            language: self.language,
            voice: self.voice,
            user: self.user.clone(),
            group: self.group.clone(),
            is_tried: !self.no_check,
            may_replace: self.replace,
            today: date::day(SystemTime::now()),
        };
        // The check is of the file that is written here, and root's looks into its own environment for none.
        let of_environment = || environment("PHONE_ASSISTANT_CONFIG").map(PathBuf::from);
        let mut out = Stdout;
        match setup::run(options, asker, environment, Instant::now, &mut out) {
            Err(missing @ setup::Error::NoKey) => {
                tell_error(&missing);
                return Ok(MISSING);
            }
            done => done?,
        }
        let code = if self.no_check {
            0
        } else {
            writeln!(out)?;
            check::run(
                &check::Options {
                    config: config.or_else(of_environment),
                    offline: false,
                    send_test: false,
                    quiet: false,
                    style,
                    user: self.user,
                    group: self.group,
                    max_cost: call::max_cost_of_question,
                },
                environment,
                Instant::now,
                &mut out,
            )?
        };
        write!(out, "{}", setup::next())?;
        Ok(code)
    }
}

/// What the file of the key holds.
fn read_key(path: &Path) -> Result<String, NoKey> {
    let name = path.to_string_lossy();
    // A file whose name begins as a key does is taken for the file.
    if key_kind(&name).is_some() && !path.exists() {
        return Err(NoKey::NoFile);
    }
    let text = if name == "-" {
        let mut text = String::new();
        let read = io::stdin().take(MAX_KEY).read_to_string(&mut text);
        read.map(|_| text)
    } else {
        files::read_text(path, MAX_KEY)
    };
    text.map_err(NoKey::Unread)
}

/// The person at the terminal.
struct Terminal;

impl Asker for Terminal {
    fn ask(&mut self, question: &str) -> io::Result<String> {
        let mut stdout = io::stdout();
        write!(stdout, "{question}")?;
        stdout.flush()?;
        let mut line = String::new();
        match io::stdin().lock().read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line),
        }
    }

    fn ask_hidden(&mut self, question: &str) -> io::Result<String> {
        let hidden = Hidden::begin()?;
        let mut stdout = io::stdout();
        write!(stdout, "{question}")?;
        stdout.flush()?;
        let answer = typed(io::stdin().lock());
        drop(hidden);
        writeln!(stdout)?;
        answer
    }
}

/// Reads a line key by key, as a terminal passes them on that is [`Hidden`].
fn typed(keys: impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    for key in keys.bytes() {
        match key? {
            b'\r' | b'\n' => {
                return String::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData.into());
            }
            INTERRUPT | QUIT => return Err(io::ErrorKind::Interrupted.into()),
            END if line.is_empty() => break,
            ERASE | BACKSPACE => drop(line.pop()),
            KILL => line.clear(),
            key if key.is_ascii_control() || line.len() == MAX_LINE => {}
            key => line.push(key),
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// The terminal shows nothing of what is typed until this is dropped. Until then it passes each key on, also Ctrl-C: as a
/// signal that would end the program, and leave a terminal that shows nothing.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> io::Result<Self> {
        let usual = tcgetattr(io::stdin())?;
        let mut silent = usual.clone();
        let usually = LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        silent.local_modes.remove(usually);
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(usual))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Of what was pasted, the lines after the first are for no shell to run. A terminal that is gone shows nothing anyway.
        tcsetattr(io::stdin(), OptionalActions::Flush, &self.0).ok();
    }
}

/// The exit code where something is missing and there is no terminal to ask at.
const MISSING: u8 = 2;

/// A key file of Google's has two kilobytes.
const MAX_KEY: u64 = 64 * 1024;

/// Far longer than any key.
const MAX_LINE: usize = 4096;

/// The keys that edit a line and end a program, as terminals send them: Ctrl-C, Ctrl-D, Ctrl-H, Ctrl-U, Ctrl-\, and the
/// one for erasing.
const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const KILL: u8 = 0x15;
const QUIT: u8 = 0x1c;
const ERASE: u8 = 0x7f;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_line_is_edited_as_usual_and_ctrl_c_answers_nothing() {
        use io::ErrorKind::{Interrupted, InvalidData, UnexpectedEof};
        let table = [
            (&b"sk-1\nmore"[..], Ok("sk-1")),
            (b"sk-1\r", Ok("sk-1")),
            (b"\n", Ok("")),
            (b"sk-\x7f\x7f\x7f\x7fAQ.\x081\n", Ok("AQ1")),
            (b"sk-1\x15AQ.\n", Ok("AQ.")),
            (b"A\x1bQ\x04.\n", Ok("AQ.")),
            (b"sk-1\x03\n", Err(Interrupted)),
            (b"\x1c", Err(Interrupted)),
            (b"\x04", Err(UnexpectedEof)),
            (b"sk-1", Err(UnexpectedEof)),
            (b"\xff\n", Err(InvalidData)),
        ];
        for (keys, expected) in table {
            let found = typed(keys).map_err(|error| error.kind());
            assert_eq!(found.as_deref(), expected.as_deref(), "{keys:?}");
        }
    }
}
