//! The command line. Settings as `name=value`, or no arguments and a stdin that is no terminal: a call for Asterisk. A
//! word: a command for people.

mod pager;
mod place;
mod stderr;

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{CommandFactory, Parser, Subcommand};
use env_logger::Target;
use log::{LevelFilter, error};
use rustix::process::{Resource, Rlimit, setrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::agi::End;
use crate::audio::telephone::Encoding;
use crate::call::{self, Invocation};
use crate::cmd::calls::{self, Pen};
use crate::cmd::check::{self, Style};
use crate::cmd::{callers, convert, help, say};
use crate::config::Environment;
use crate::sys::error::Chain;
use crate::sys::hangup::Hangup;
use crate::sys::identity::{self, Question};
use crate::sys::number::DIGITS;
use crate::sys::{apart, number, redact, threads};

/// Answers questions on an extension of Asterisk. Asterisk runs it as AGI(phone-assistant,recording=FILE.wav,reply=FILE); the commands below are for people.
#[derive(Debug, Parser)]
#[command(name = "phone-assistant", version, after_help = AFTER_HELP, disable_help_subcommand = true)]
struct Cli {
    /// The settings file [default: /etc/phone-assistant/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make sound files for Asterisk from WAV, MP3, FLAC or OGG
    Convert {
        /// Sounds to convert, and last the file to write (NAME.ulaw) or the folder to write to
        #[arg(required = true, num_args = 2.., value_names = ["IN", "OUT"])]
        files: Vec<PathBuf>,
        /// Make it this much louder; a limiter keeps it from clipping
        #[arg(
            long,
            value_name = "DB",
            default_value_t = 2.0,
            allow_negative_numbers = true
        )]
        gain: f32,
        /// ulaw, alaw, sln, sln16, wav or wav16 [default: as the name of OUT says, else ulaw]
        #[arg(long)]
        format: Option<Encoding>,
    },
    /// Speak a text in the configured voice, into a sound file for Asterisk
    Say {
        /// What to say
        text: String,
        /// The file to write, such as welcome.ulaw
        #[arg(value_name = "OUT")]
        output: PathBuf,
    },
    /// Try everything that a call needs, and say how to fix what does not work
    Check {
        /// Write one JSON object
        #[arg(long)]
        json: bool,
        /// Leave out whatever needs the network
        #[arg(long)]
        offline: bool,
        /// Tell only what has become worse, or was fixed, since the last time
        #[arg(long)]
        quiet: bool,
        /// The user that Asterisk runs as, where the machine does not tell
        #[arg(long)]
        user: Option<String>,
        /// Its group, where that is not the user's own
        #[arg(long, requires = "user")]
        group: Option<String>,
        /// Write a JSON object a line, for root's run
        #[arg(long, hide = true)]
        lines: bool,
    },
    /// Show how calls ended and where their time went, from the log of calls
    Calls {
        /// Look at the newest N calls
        #[arg(long, value_name = "N", default_value = "100")]
        last: NonZeroUsize,
        /// Draw this call instead of the last one: Asterisk's UNIQUEID
        #[arg(long)]
        id: Option<String>,
        /// The log [default: calls in [log] of the settings]
        file: Option<PathBuf>,
    },
    /// Show who is remembered from one call to the next
    Callers,
    /// Forget what was said with a caller
    Forget {
        /// Whose calls are forgotten, in quotes if there are blanks in it
        #[arg(value_parser = number)]
        number: String,
    },
    /// Print the manual: its topics, one of them, or a setting
    Help {
        /// A topic, or a setting such as stt.language [default: list all topics]
        topic: Option<String>,
    },
    /// What install.sh puts where other users own folders
    #[command(hide = true, subcommand)]
    Place(place::Action),
    /// Say which user and group Asterisk runs as, for install.sh
    #[command(hide = true)]
    Identity {
        /// The folder in which the machine is laid out
        #[arg(long, value_name = "DIR", default_value = "/")]
        root: PathBuf,
        /// The user, where it is known
        #[arg(long)]
        user: Option<String>,
        /// The group, where it is known
        #[arg(long)]
        group: Option<String>,
        /// Also the folders that asterisk.conf sets
        #[arg(long)]
        all: bool,
    },
}

/// Does what the command line says.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    no_core_dump();
    let arguments: Vec<OsString> = arguments.skip(1).collect();
    // Before there is a thread, which would keep the rights that are given up here.
    if let Err(cause) = apart::enter(&arguments) {
        tell(&format!("phone-assistant, started apart: {cause}"));
        return ExitCode::from(EX_OSERR);
    }
    let log = start_log();
    let code = carry_out(arguments);
    if let Some(log) = log {
        log.flush();
    }
    code
}

fn carry_out(arguments: Vec<OsString>) -> ExitCode {
    if is_call(&arguments) {
        answer(&arguments);
        return ExitCode::SUCCESS;
    }
    if arguments.is_empty() {
        Cli::command().print_help().ok();
        return ExitCode::SUCCESS;
    }
    match Cli::try_parse_from(
        [OsString::from("phone-assistant")]
            .into_iter()
            .chain(arguments),
    ) {
        Ok(cli) => cli.run(),
        Err(error) => show(&error),
    }
}

/// Whether this run is a call. With `AST_AGI_DIR`, which Asterisk sets, it always is, whatever the arguments: prose on
/// stdout would be taken for AGI commands.
fn is_call(arguments: &[OsString]) -> bool {
    let first = arguments.first().map(|first| first.to_string_lossy());
    let from_asterisk = std::env::var_os("AST_AGI_DIR").is_some();
    match first {
        _ if from_asterisk => true,
        Some(first) => first.contains('=') && !first.starts_with('-'),
        None => !io::stdin().is_terminal(),
    }
}

fn answer(arguments: &[OsString]) {
    let hangup = Hangup::default();
    if let Err(cause) = raise_on_signals(&hangup) {
        error!(
            "hang-ups by signal will not be noticed: {}",
            Chain(cause.as_ref())
        );
    }
    call::run(Invocation {
        input: io::stdin(),
        end: end_of_stdin(),
        output: io::stdout(),
        arguments: arguments
            .iter()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect(),
        environment: &|name| std::env::var(name).ok(),
        hangup,
        clock: Instant::now,
    });
}

/// What the end of stdin means: where it is a file, the end of a recorded session and not a hang-up.
fn end_of_stdin() -> End {
    let metadata = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .and_then(|fd| std::fs::File::from(fd).metadata());
    if metadata.is_ok_and(|data| data.is_file()) {
        End::Success
    } else {
        End::Hangup
    }
}

/// Asterisk sends SIGHUP when the caller hangs up, FreePBX's FastAGI proxy SIGTERM, a person Ctrl-C.
fn raise_on_signals(hangup: &Hangup) -> Result<(), Box<dyn Error>> {
    let mut signals = Signals::new([SIGHUP, SIGTERM, SIGINT])?;
    let hangup = hangup.clone();
    let raise = move || signals.forever().for_each(|_| hangup.raise());
    threads::spawn(raise)?;
    Ok(())
}

impl Cli {
    fn run(self) -> ExitCode {
        match self.command.run(self.config) {
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                tell(&format!("phone-assistant: {}", Chain(error.as_ref())));
                ExitCode::FAILURE
            }
        }
    }
}

impl Command {
    /// Returns the exit code.
    fn run(self, config: Option<PathBuf>) -> Result<u8, Box<dyn Error>> {
        let environment = |name: &str| std::env::var(name).ok();
        match self {
            Self::Convert {
                mut files,
                gain,
                format,
            } => {
                let output = files.pop().unwrap_or_default();
                let options = convert::Options {
                    inputs: files,
                    output,
                    gain_db: gain,
                    format,
                };
                convert::run(&options, &mut io::stderr())?;
            }
            Self::Say { text, output } => {
                let length = say::run(&text, &output, config, &environment, Instant::now)?;
                tell(&format!(
                    "{}: {:.1} s",
                    output.display(),
                    length.as_secs_f32()
                ));
            }
            Self::Calls { last, id, file } => {
                let options = calls::Options {
                    last: last.get(),
                    id,
                    file,
                    pen: pen(&environment),
                };
                show_text(&calls::run(&options, config, &environment)?)?;
            }
            Self::Place(action) => return Ok(action.run()?),
            Self::Callers => show_text(&callers::list(config, &environment)?)?,
            Self::Forget { number } => match callers::forget(&number, config, &environment) {
                Ok(done) => show_text(&done)?,
                Err(error @ callers::Error::Nobody { .. }) => return Err(error.into()),
                Err(error) => {
                    tell(&format!("phone-assistant: {}", Chain(&error)));
                    return Ok(COULD_NOT_LOOK);
                }
            },
            Self::Help { topic } => match help_on(topic.as_deref()) {
                Ok(page) if io::stdout().is_terminal() && pager::show(&page, &environment) => {}
                Ok(page) => show_text(&page)?,
                Err(error) => {
                    tell(&format!("phone-assistant: {error}"));
                    return Ok(EX_USAGE);
                }
            },
            Self::Identity {
                root,
                user,
                group,
                all,
            } => show_text(&identity_lines(&Question { root, user, group }, all)?)?,
            Self::Check {
                json,
                offline,
                quiet,
                user,
                group,
                lines,
            } => {
                // Cron mails all output, and what matters is among the findings.
                if quiet && environment(LOG_LEVEL).is_none() {
                    log::set_max_level(LevelFilter::Error);
                }
                let options = check::Options {
                    config,
                    offline,
                    quiet,
                    style: if lines {
                        Style::Lines
                    } else {
                        style(json, &environment)
                    },
                    user,
                    group,
                };
                return Ok(check::run(
                    &options,
                    &environment,
                    Instant::now,
                    &mut io::stdout(),
                )?);
            }
        }
        Ok(0)
    }
}

/// The exit code where it is not known whether any caller is remembered.
const COULD_NOT_LOOK: u8 = 2;

/// The answer could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to the terminal")]
struct Unread(#[source] io::Error);

/// Writes to stdout. A reader that has seen enough is no error.
fn show_text(text: &str) -> Result<(), Unread> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Unread(error)),
        _ => Ok(()),
    }
}

/// A page of the manual, or how a command is used.
fn help_on(topic: Option<&str>) -> Result<String, help::Unknown> {
    let Some(topic) = topic else {
        return Ok(help::topics());
    };
    help::page(topic).or_else(|unknown| {
        let mut cli = Cli::command();
        cli.build();
        let command = cli.find_subcommand_mut(topic);
        command
            .map(|command| command.render_long_help().to_string())
            .ok_or(unknown)
    })
}

/// A line for the user, one for the group, and with `all` one for each folder that `asterisk.conf` sets.
fn identity_lines(question: &Question, all: bool) -> Result<String, identity::Error> {
    let found = identity::find(question)?;
    let mut lines = vec![("user", found.user), ("group", found.group)];
    if all {
        lines.extend(identity::folders(&question.root)?);
    }
    let lines = lines
        .into_iter()
        .map(|(name, value)| format!("{name} {value}\n"));
    Ok(lines.collect())
}

/// A caller's number in the one spelling that it has.
fn number(text: &str) -> Result<String, String> {
    let (least, most) = (DIGITS.start(), DIGITS.end());
    let rule = || format!("a number has {least} to {most} digits, perhaps after a + or 00");
    number::normal(text).ok_or_else(rule)
}

/// The style of findings: in colour on a terminal, unless `NO_COLOR` is set: <https://no-color.org>.
fn style(json: bool, environment: Environment<'_>) -> Style {
    let wants_none = environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    match json {
        true => Style::Json,
        false if io::stdout().is_terminal() && !wants_none => Style::Colour,
        false => Style::Plain,
    }
}

/// The pen for pictures: blocks only where they will be seen, on a terminal whose locale is UTF-8.
fn pen(environment: Environment<'_>) -> Pen {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| environment(name).filter(|value| !value.is_empty()))
        .unwrap_or_default()
        .to_ascii_lowercase();
    if io::stdout().is_terminal() && (locale.contains("utf-8") || locale.contains("utf8")) {
        Pen::BLOCKS
    } else {
        Pen::ASCII
    }
}

fn show(error: &clap::Error) -> ExitCode {
    // A terminal that was closed cannot be told about it.
    error.print().ok();
    ExitCode::from(if error.use_stderr() { EX_USAGE } else { 0 })
}

/// Tells people what happened, on stderr. A closed stderr is no reason to fail.
fn tell(line: &str) {
    writeln!(io::stderr(), "{}", redact::shown(line)).ok();
}

/// What is to be logged, on stderr. Only our own records: what libraries log at the lowest levels may hold keys.
fn start_log() -> Option<stderr::Lines> {
    let is_read = io::stderr().is_terminal();
    let lines = (!is_read).then(stderr::Lines::to_stderr);
    let lines = lines.and_then(Result::ok);
    let mut builder = env_logger::Builder::new();
    builder
        .filter_module(env!("CARGO_CRATE_NAME"), log_level())
        .format(|out, record| {
            let (style, level) = (out.default_level_style(record.level()), record.level());
            let line = redact::shown(&record.args().to_string());
            writeln!(out, "[{style}{level:<5}{style:#}] {line}")
        });
    if let Some(lines) = &lines {
        builder.target(Target::Pipe(Box::new(lines.clone())));
    }
    builder.init();
    // The usual message quotes what it stumbled over, and that may be what was said.
    std::panic::set_hook(Box::new(|panic| match panic.location() {
        Some(place) => error!("internal error at {place}"),
        None => error!("internal error"),
    }));
    lines
}

/// Warnings, or what `PHONE_ASSISTANT_LOG` says; nothing where Asterisk would take it for commands.
fn log_level() -> LevelFilter {
    if stderr::is_asterisks() {
        return LevelFilter::Off;
    }
    std::env::var(LOG_LEVEL)
        .ok()
        .and_then(|level| level.parse().ok())
        .unwrap_or(LevelFilter::Warn)
}

/// Keys and recordings must not end up in a core file, whatever limit Asterisk hands down.
fn no_core_dump() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Lowering a limit always succeeds; if a kernel thinks otherwise, the call matters more.
    setrlimit(Resource::Core, none).ok();
}

const LOG_LEVEL: &str = "PHONE_ASSISTANT_LOG";

/// From `sysexits.h`: the command was used incorrectly.
const EX_USAGE: u8 = 64;
/// The system refuses what is needed.
const EX_OSERR: u8 = 71;

const AFTER_HELP: &str = "The manual: phone-assistant help. Settings are in /etc/phone-assistant/config.toml. PHONE_ASSISTANT_LOG=info (or debug, trace) shows what happens.";
