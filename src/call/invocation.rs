//! How the program is started for a call, and whose arguments are believed.

use std::io::{Read, Write};
use std::path::Path;

use log::error;

use super::line::Line;
use crate::agi::{self, End, Session};
use crate::config::{Arguments, Config, Environment, Needs};
use crate::sys::deadline::Clock;
use crate::sys::error::Chain;
use crate::sys::files::RemovedAfterUse;
use crate::sys::hangup::Hangup;

/// How the program was started for a call.
pub(crate) struct Invocation<'a, I, O> {
    /// Asterisk's side: stdin.
    pub input: I,
    /// What the end of `input` means.
    pub end: End,
    /// Our side: stdout.
    pub output: O,
    /// The command line, without the program's name.
    pub arguments: Vec<String>,
    /// The process's environment.
    pub environment: Environment<'a>,
    /// Raised by signals too.
    pub hangup: Hangup,
    /// The clock of the deadline, which runs from the start.
    pub clock: Clock,
    /// What is done for the doctor in place of a call.
    pub look_around: fn(&Arguments, Environment<'_>),
    /// Has messages delivered by the settings in this file, where it is not the usual one, once the call is over.
    pub deliver: fn(Option<&Path>),
}

/// A session that is open, and what it says of the call.
pub(super) struct Opened<O> {
    pub(super) line: Line<O>,
    /// Whether the block is Asterisk's alone.
    pub(super) confirmed: Result<(), agi::Error>,
    pub(super) arguments: Arguments,
    /// Whether the arguments may be a caller's.
    pub(super) is_distrusted: bool,
}

impl<I: Read + Send + 'static, O: Write> Invocation<'_, I, O> {
    /// Reads the environment block; `None` where there is no session.
    pub(super) fn open(self) -> Option<Opened<O>> {
        let session = Session::open(self.input, self.end, self.output, &self.hangup);
        let session = session.inspect_err(|cause| {
            error!(
                "no AGI session: {} (Asterisk runs this; people begin with phone-assistant --help)",
                Chain(cause)
            );
            forget_recording(&self.arguments, self.environment);
        });
        let mut session = session.ok()?;
        let confirmed = session.confirm();
        let own = Arguments::parse(self.arguments.iter().map(String::as_str));
        // Over FastAGI arguments stand in the block, which the client has written and a caller's number may have added
        // to. They are believed only once the block is confirmed, and never as much as the command line, which Asterisk
        // itself has passed by exec.
        let arguments = match (self.end, &confirmed) {
            (_, Err(_)) => own,
            _ if !self.arguments.is_empty() => own,
            (End::Hangup, Ok(())) => Arguments::parse_remote(session.env().arguments()),
            (End::Success, Ok(())) => Arguments::parse(session.env().arguments()),
        };
        Some(Opened {
            line: Line::new(session, self.hangup, self.clock),
            is_distrusted: confirmed.is_err() && self.arguments.is_empty(),
            confirmed,
            arguments,
        })
    }
}

/// Removes the recording of a call that was over before it began, unless it is to be kept.
fn forget_recording(own: &[String], environment: Environment<'_>) {
    let arguments = Arguments::parse(own.iter().map(String::as_str));
    let config = Config::load(Needs::Call, &arguments, environment);
    let keep = config.map_or_else(
        |faults| faults.understood.keep_recording,
        |config| config.keep_recording,
    );
    RemovedAfterUse::new(arguments.recording).keep_if(keep);
}
