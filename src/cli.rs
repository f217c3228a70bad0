//! The command line. Settings as `name=value`, or no arguments and a stdin that is no terminal: a call for Asterisk. A
//! word: a command for people.

mod calls;
mod command;
mod delivering;
mod pager;
mod place;
mod setup;
mod stderr;
mod stdout;
mod tool;

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Instant;

use clap::builder::StyledStr;
use clap::{CommandFactory, Parser};
use env_logger::Target;
use log::{Level, LevelFilter, error};
use rustix::process::{Resource, Rlimit, setrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::agi::End;
use crate::call::{self, Invocation};
use crate::cmd::check;
use crate::sys::error::Chain;
use crate::sys::hangup::Hangup;
use crate::sys::{apart, redact, threads};
use command::{Cli, EX_USAGE};
use stderr::{LOG_LEVEL, tell, tell_error};
use stdout::show_help;

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

/// The command line as clap knows it, for what a package makes of it: man pages, and completions of shells.
pub fn command() -> clap::Command {
    Cli::command()
}

fn carry_out(arguments: Vec<OsString>) -> ExitCode {
    if is_call(&arguments) {
        return answer(&arguments);
    }
    if arguments.is_empty() {
        return help(&Cli::command().render_help());
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
    match first {
        _ if is_from_asterisk() => true,
        Some(first) => first.contains('=') && !first.starts_with('-'),
        None => !io::stdin().is_terminal(),
    }
}

/// Carries a call through. Asterisk reads what became of it from the call's variables, and is told success.
fn answer(arguments: &[OsString]) -> ExitCode {
    let hangup = Hangup::default();
    if let Err(cause) = raise_on_signals(&hangup) {
        error!(
            "hang-ups by signal will not be noticed: {}",
            Chain(cause.as_ref())
        );
    }
    let is_session = call::run(Invocation {
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
        look_around: check::look_around,
        deliver: delivering::begin,
    });
    // A connection that asks nothing only sees whether the port answers.
    if is_session || is_from_asterisk() || delivering::socket().is_some() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EX_USAGE)
    }
}

/// Whether Asterisk itself has started this program.
fn is_from_asterisk() -> bool {
    std::env::var_os("AST_AGI_DIR").is_some()
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
    // Asterisk gives SIGHUP its default back before exec (`ast_safe_fork` in app.c), and that ends the process: in the
    // middle of a paid request, with its files left behind and without a status for the dialplan.
    let mut signals = Signals::new([SIGHUP, SIGTERM, SIGINT])?;
    let hangup = hangup.clone();
    let raise = move || signals.forever().for_each(|_| hangup.raise());
    threads::spawn(raise)?;
    Ok(())
}

fn show(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let told = error.render().to_string();
        let told = told.strip_prefix("error: ").unwrap_or(&told);
        let told = format!("phone-assistant: {}", told.trim_end());
        if io::stderr().is_terminal() {
            told.lines().for_each(tell);
        } else {
            let parts = told.split("\n\n").filter(|part| !part.starts_with(USAGE));
            let line = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
            tell(&parts.map(line).collect::<Vec<_>>().join("; "));
        }
        return ExitCode::from(EX_USAGE);
    }
    help(&error.render())
}

fn help(text: &StyledStr) -> ExitCode {
    match show_help(text, &|name| std::env::var(name).ok()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell_error(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// What is to be logged, on stderr. Only our own records: what libraries log at the lowest levels may hold keys.
fn start_log() -> Option<stderr::Lines> {
    let is_read = io::stderr().is_terminal();
    let lines = (!is_read).then(stderr::Lines::to_stderr);
    let lines = lines.and_then(Result::ok);
    let mut builder = env_logger::Builder::new();
    let level = log_level();
    builder
        .filter_module(env!("CARGO_CRATE_NAME"), level)
        .filter_module("audio", level)
        .format(|out, record| {
            stderr::end_begun();
            let style = out.default_level_style(record.level());
            // Secrets are taken out here, where every line passes, and not where lines are written: no module can
            // forget it.
            let line = redact::shown(&record.args().to_string());
            // An error reads as that of a command does.
            let level = match record.level() {
                Level::Error => "",
                Level::Warn => "warning: ",
                Level::Info => "info: ",
                Level::Debug => "debug: ",
                Level::Trace => "trace: ",
            };
            writeln!(out, "{style}phone-assistant: {level}{style:#}{line}")
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

/// How clap begins what the help says as well.
const USAGE: &str = "Usage:";

/// From `sysexits.h`: the system refuses what is needed.
const EX_OSERR: u8 = 71;
