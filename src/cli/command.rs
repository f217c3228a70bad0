//! The commands for people: what each takes, and what it prints.

use std::error::Error;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use clap::{Args, CommandFactory, Parser, Subcommand};
use log::LevelFilter;

use super::calls::Calls;
use super::stderr::{LOG_LEVEL, begin, tell, tell_error};
use super::stdout::{Stdout, show_text, style};
use super::{pager, place, setup, tool};
use crate::audio::telephone::Encoding;
use crate::call;
use crate::cmd::check::{self, Style};
use crate::cmd::convert::Progress;
use crate::cmd::{callers, console, convert, help, hours, messages, say};
use crate::config::{Arguments, Config, Environment};
use crate::sys::error::Chain;
use crate::sys::identity::{self, Question};
use crate::sys::number::{self, DIGITS};
use crate::sys::plain::plain;

/// Answers questions on an extension of Asterisk. Asterisk runs it as AGI(phone-assistant,recording=FILE.wav,reply=FILE); the commands below are for people.
#[derive(Debug, Parser)]
#[command(name = "phone-assistant", version = env!("PHONE_ASSISTANT_VERSION"), after_help = AFTER_HELP, disable_help_subcommand = true)]
pub(super) struct Cli {
    /// The settings file [default: /etc/phone-assistant/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make sound files for Asterisk from WAV, MP3, AAC, M4A, FLAC or OGG
    Convert(Convert),
    /// Speak a text in the configured voice, into a sound file for Asterisk
    Say(Say),
    /// Try everything that a call needs, and say how to fix what does not work
    Check(Check),
    /// Put a key into the settings, try it, and say what to click in FreePBX
    Setup(setup::Setup),
    /// Show how calls ended and where their time went, from the log of calls
    Calls(Calls),
    /// Show when the house is open, as the program understands the settings
    Hours(Hours),
    /// Show who is remembered from one call to the next
    Callers {
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Forget what was said with a caller
    Forget {
        /// Whose calls are forgotten, in quotes if there are blanks in it
        #[arg(value_parser = number)]
        number: String,
    },
    /// Show the messages of callers that are not delivered, and why
    Messages(Messages),
    /// Show the tools that the model may use, or use one by hand
    Tool(tool::Tool),
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
    Identity(Identity),
    /// Print what Asterisk's console answers to a command, such as "dialplan reload"
    Console(Console),
}

#[derive(Debug, Args)]
struct Convert {
    /// Sounds to convert, and last the file to write (NAME.ulaw) or the folder to write to; - for stdin and stdout
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
}

#[derive(Debug, Args)]
struct Say {
    /// What to say
    #[arg(allow_hyphen_values = true)]
    text: String,
    /// The file to write, such as welcome.ulaw
    #[arg(value_name = "OUT")]
    output: PathBuf,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
struct Check {
    /// Write one JSON object
    #[arg(long)]
    json: bool,
    /// Leave out whatever needs the network
    #[arg(long)]
    offline: bool,
    /// Also send a test message by mail and webhook, where these are set
    #[arg(long)]
    send_test: bool,
    /// Tell only what has become worse, or was fixed, since the last time; for people, not with --json
    #[arg(long, conflicts_with = "json")]
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
}

#[derive(Debug, Args)]
struct Hours {
    /// Say whether the house is open now; the exit code is 0 when open, 1 when closed, 2 when unknown
    #[arg(long)]
    now: bool,
    /// The hours of this persona
    #[arg(long, value_name = "NAME")]
    persona: Option<String>,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct Messages {
    /// Deliver what is due, and say nothing
    #[arg(long)]
    deliver: bool,
    /// Try it anew now: all that is not delivered, or the message with this id
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "")]
    retry: Option<String>,
    /// Show all of a message
    #[arg(long, value_name = "ID")]
    show: Option<String>,
    /// Remove a message, delivered or not
    #[arg(long, value_name = "ID")]
    remove: Option<String>,
}

/// What is known of the user that Asterisk runs as.
#[derive(Debug, Args)]
struct Known {
    /// The folder in which the machine is laid out
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    root: PathBuf,
    /// The user that Asterisk runs as, where the machine does not tell
    #[arg(long)]
    user: Option<String>,
    /// Its group, where that is not the user's own
    #[arg(long)]
    group: Option<String>,
}

impl From<Known> for Question {
    fn from(known: Known) -> Self {
        Self {
            root: known.root,
            user: known.user,
            group: known.group,
        }
    }
}

#[derive(Debug, Args)]
struct Console {
    #[command(flatten)]
    known: Known,
    /// Asterisk's program, and what comes before its options, for install.sh, which wants the answer as it is
    #[arg(long, value_name = "WORDS", hide = true)]
    asterisk: Option<String>,
    /// The words of the command
    #[arg(required = true, num_args = 1..)]
    command: Vec<String>,
}

#[derive(Debug, Args)]
struct Identity {
    #[command(flatten)]
    known: Known,
    /// Also the folders that asterisk.conf sets
    #[arg(long)]
    all: bool,
}

impl Cli {
    pub(super) fn run(self) -> ExitCode {
        match self.command.run(self.config) {
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                tell_error(error.as_ref());
                ExitCode::FAILURE
            }
        }
    }
}

impl Command {
    /// Whether it does what the settings say, and nothing without them.
    fn is_by_settings(&self) -> bool {
        match self {
            Self::Calls(calls) => calls.names_no_log(),
            Self::Say(_)
            | Self::Hours(_)
            | Self::Callers { .. }
            | Self::Forget { .. }
            | Self::Messages(_)
            | Self::Tool(_) => true,
            Self::Convert(_)
            | Self::Check(_)
            | Self::Setup(_)
            | Self::Help { .. }
            | Self::Place(_)
            | Self::Identity(_)
            | Self::Console(_) => false,
        }
    }

    /// Returns the exit code.
    fn run(self, config: Option<PathBuf>) -> Result<u8, Box<dyn Error>> {
        let environment = |name: &str| std::env::var(name).ok();
        if self.is_by_settings()
            && let Err(closed) = Config::expect_readable(config.as_deref(), &environment)
        {
            if !matches!(
                self,
                Self::Forget { .. } | Self::Hours(Hours { now: true, .. })
            ) {
                return Err(closed.into());
            }
            // Less would be an answer.
            tell_error(&closed);
            return Ok(COULD_NOT_LOOK);
        }
        match self {
            Self::Convert(convert) => convert.run()?,
            Self::Say(say) => say.run(config, &environment)?,
            Self::Check(check) => return Ok(check.run(config, &environment)?),
            Self::Setup(setup) => {
                return setup.run(config, &environment, style(false, &environment));
            }
            Self::Calls(calls) => calls.run(config, &environment)?,
            Self::Hours(hours) => return hours.run(config, &environment),
            Self::Callers { json } => show_text(&callers::list(json, config, &environment)?)?,
            Self::Forget { number } => match callers::forget(&number, config, &environment) {
                Ok(done) => show_text(&done)?,
                Err(error @ callers::Error::Nobody { .. }) => return Err(error.into()),
                Err(error) => {
                    tell_error(&error);
                    return Ok(COULD_NOT_LOOK);
                }
            },
            Self::Messages(messages) => messages.run(config.as_deref(), &environment)?,
            Self::Tool(tool) => show_text(&plain_lines(&tool.run(config, &environment)?))?,
            Self::Help { topic } => match help_on(topic.as_deref()) {
                Ok(page) if io::stdout().is_terminal() && pager::show(&page, &environment) => {}
                Ok(page) => show_text(&page)?,
                Err(error) => {
                    tell_error(&error);
                    return Ok(EX_USAGE);
                }
            },
            Self::Place(action) => return Ok(action.run()?),
            Self::Identity(identity) => show_text(&identity.lines()?)?,
            Self::Console(Console {
                known,
                asterisk,
                command,
            }) => {
                let program = asterisk.as_deref().unwrap_or("asterisk");
                let answer = console::ask(&known.into(), program, &command.join(" "))?;
                // Users who can write to Asterisk's files choose what is in it, and a pager or a log may show it.
                let is_raw = asterisk.is_some() && !io::stdout().is_terminal();
                show_text(&if is_raw { answer } else { plain_lines(&answer) })?;
            }
        }
        Ok(0)
    }
}

impl Convert {
    fn run(mut self) -> Result<(), Box<dyn Error>> {
        let output = self.files.pop().unwrap_or_default();
        let options = convert::Options {
            inputs: self.files,
            output,
            gain_db: self.gain,
            format: self.format,
        };
        let mut show = |progress: Progress<'_>| match progress {
            Progress::Begins(line) => begin(line),
            Progress::Done(line) => tell(line),
        };
        Ok(convert::run(&options, &mut show)?)
    }
}

impl Say {
    fn run(
        &self,
        config: Option<PathBuf>,
        environment: Environment<'_>,
    ) -> Result<(), Box<dyn Error>> {
        begin("speaking");
        let length = say::run(&self.text, &self.output, config, environment, Instant::now)?;
        let output = self.output.display();
        tell(&format!("{output}: {:.1} s", length.as_secs_f32()));
        Ok(())
    }
}

impl Check {
    fn run(self, config: Option<PathBuf>, environment: Environment<'_>) -> io::Result<u8> {
        // Cron mails all output, and what matters is among the findings.
        if self.quiet && environment(LOG_LEVEL).is_none() {
            log::set_max_level(LevelFilter::Error);
        }
        let options = check::Options {
            config,
            offline: self.offline,
            send_test: self.send_test,
            quiet: self.quiet,
            style: if self.lines {
                Style::Lines
            } else {
                style(self.json, environment)
            },
            user: self.user,
            group: self.group,
            max_cost: call::max_cost_of_question,
        };
        check::run(&options, environment, Instant::now, &mut Stdout)
    }
}

impl Hours {
    fn run(
        self,
        config: Option<PathBuf>,
        environment: Environment<'_>,
    ) -> Result<u8, Box<dyn Error>> {
        let arguments = Arguments::of_file(config).with_persona(self.persona);
        let now = SystemTime::now();
        if !self.now {
            show_text(&hours::list(&arguments, environment, now)?)?;
            return Ok(0);
        }
        match hours::now(&arguments, environment, now) {
            Ok((line, code)) => {
                show_text(&line)?;
                Ok(code)
            }
            Err(error) => {
                tell_error(error.as_ref());
                Ok(hours::UNKNOWN)
            }
        }
    }
}

impl Messages {
    fn run(
        self,
        config: Option<&Path>,
        environment: Environment<'_>,
    ) -> Result<(), Box<dyn Error>> {
        let text = match self {
            Self { deliver: true, .. } => return Ok(messages::deliver(config, environment)?),
            Self {
                retry: Some(id), ..
            } => {
                begin("delivering");
                messages::retry(&id, config, environment)?
            }
            Self { show: Some(id), .. } => messages::show(&id, config, environment)?,
            Self {
                remove: Some(id), ..
            } => messages::remove(&id, config, environment)?,
            _ => messages::list(config, environment)?,
        };
        show_text(&text)
    }
}

impl Identity {
    /// A line for the user, one for the group, and with `all` one for the user that a source names, and one for each folder
    /// that `asterisk.conf` sets.
    fn lines(self) -> Result<String, identity::Error> {
        let question = Question::from(self.known);
        let found = identity::find(&question)?;
        let said = found.is_said.then(|| found.user.clone());
        let mut lines = vec![("user", found.user), ("group", found.group)];
        if self.all {
            lines.extend(said.map(|user| ("said", user)));
            match identity::folders(&question.root) {
                // A person has named the user because of that file, as its error says, so it must not stop them.
                Err(error) if question.user.is_some() => {
                    let why = Chain(&error).to_string();
                    tell(&format!(
                        "phone-assistant: {why}; the usual folders are taken"
                    ));
                }
                folders => lines.extend(folders?),
            }
        }
        let lines = lines
            .into_iter()
            .map(|(name, value)| format!("{name} {value}\n"));
        Ok(lines.collect())
    }
}

/// From `sysexits.h`: the command was used incorrectly.
pub(super) const EX_USAGE: u8 = 64;
/// The exit code where it is not known whether any caller is remembered.
const COULD_NOT_LOOK: u8 = 2;

/// A text of several lines, with nothing that a terminal obeys.
fn plain_lines(text: &str) -> String {
    text.lines().map(|line| plain(line) + "\n").collect()
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

/// A caller's number in the one spelling that it has.
fn number(text: &str) -> Result<String, String> {
    let (min, max) = (DIGITS.start(), DIGITS.end());
    let rule = || format!("a number has {min} to {max} digits, perhaps after a + or 00");
    number::normal(text).ok_or_else(rule)
}

const AFTER_HELP: &str = "\
The manual is in the program: phone-assistant help lists its topics, phone-assistant help commands has all of this.
Settings are in /etc/phone-assistant/config.toml. PHONE_ASSISTANT_LOG=info (or debug, trace) shows what happens.

Exit codes: 0 all is well; 1 it failed, and stderr says why; 64 the command line was wrong. check and setup: 1 there are
warnings, 2 something fails. Others of forget, hours and setup: phone-assistant help commands.";
