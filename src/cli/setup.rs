//! `phone-assistant setup` at a terminal or without one: where the key comes from, and who is asked.

use std::error::Error;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::stderr::tell;
use crate::cmd::check::{self, Style};
use crate::cmd::setup::{self, Asker, NEXT, Options};
use crate::config::Environment;
use crate::sys::error::Chain;
use crate::sys::files;

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
        };
        // The check is of the file that is written here, and root's looks into its own environment for none.
        let of_environment = || environment("PHONE_ASSISTANT_CONFIG").map(PathBuf::from);
        let mut out = io::stdout();
        match setup::run(options, asker, environment, Instant::now, &mut out) {
            Err(missing @ setup::Error::NoKey) => {
                tell(&format!("phone-assistant: {}", Chain(&missing)));
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
                    quiet: false,
                    style,
                    user: self.user,
                    group: self.group,
                },
                environment,
                Instant::now,
                &mut out,
            )?
        };
        write!(out, "{NEXT}")?;
        Ok(code)
    }
}

/// What the file of the key holds.
fn read_key(path: &Path) -> Result<String, NoKey> {
    let name = path.to_string_lossy();
    if KEYS_BEGIN
        .iter()
        .any(|beginning| name.starts_with(beginning))
        && !path.exists()
    {
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
        let _hidden = Hidden::begin()?;
        let answer = self.ask(question);
        writeln!(io::stdout())?;
        answer
    }
}

/// The terminal shows nothing of what is typed until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> io::Result<Self> {
        let usual = tcgetattr(io::stdin())?;
        let mut silent = usual.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(usual))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing anyway.
        tcsetattr(io::stdin(), OptionalActions::Now, &self.0).ok();
    }
}

/// The exit code where something is missing that nobody can be asked for.
const MISSING: u8 = 2;

/// A key file of Google's has two kilobytes.
const MAX_KEY: u64 = 64 * 1024;

const KEYS_BEGIN: [&str; 3] = ["AQ.", "AIza", "sk-"];
