//! `mode=hours`: tells the dialplan whether the house is open, and asks no service.

use std::io::Write;
use std::time::SystemTime;

use log::debug;

use crate::agi::{Command, Session};
use crate::cmd::hours;
use crate::config::{Arguments, Environment};
use crate::knowledge::hours::State;
use crate::sys::error::Chain;

/// Sets `ASSISTANT_OPEN`: 1 where the house is open, 0 where it is closed, and nothing where that is not known.
pub(super) fn tell<O: Write>(
    session: &mut Session<O>,
    arguments: &Arguments,
    environment: Environment<'_>,
) {
    let (value, fault) = match hours::opening(arguments, environment, SystemTime::now()) {
        Ok(opening) => match opening.hours.at(opening.now) {
            State::Open => ("1", String::new()),
            State::Closed => ("0", String::new()),
            State::Unknown => ("", String::new()),
        },
        Err(cause) => ("", format!("hours: {}", Chain(cause.as_ref()))),
    };
    let message = Command::Verbose {
        message: &fault,
        level: FAULT,
    };
    let error = variable("ASSISTANT_ERROR", &fault);
    let open = variable("ASSISTANT_OPEN", value);
    let commands = [message, error, open];
    // Without a fault there is nothing to say of it.
    let commands = commands.into_iter().skip(usize::from(fault.is_empty()));
    for command in commands {
        if let Err(cause) = session.ask(command) {
            return debug!("telling whether the house is open: {}", Chain(&cause));
        }
    }
}

fn variable<'a>(name: &'a str, value: &'a str) -> Command<'a> {
    Command::SetVariable {
        name,
        value,
        is_words: false,
    }
}

/// The level of `VERBOSE` that is shown nearly everywhere.
const FAULT: u8 = 1;
