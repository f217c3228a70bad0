//! `mode=hours`: tells the dialplan whether the house is open, and asks no service.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::SystemTime;

use super::contract;
use super::line::Line;
use super::messages::Messages;
use crate::agi::Command;
use crate::config::{Arguments, Config, Environment, Needs};
use crate::knowledge::Opening;
use crate::knowledge::hours::State;
use crate::messages::Caller;
use crate::sys::error::{Chain, INTERNAL};
use crate::sys::state;

/// Why it is not known whether the house is open.
struct Fault {
    text: String,
    /// The settings of the house whose administrators are to be told, if they are.
    config: Option<Box<Config>>,
}

/// Sets `ASSISTANT_OPEN`: 1 where the house is open, 0 where it is closed, and nothing where that is not known, also after
/// a surprise.
pub(super) fn tell<O: Write>(
    line: &mut Line<O>,
    arguments: &Arguments,
    environment: Environment<'_>,
) {
    // What an earlier call of this program has left is no answer.
    if !set(line, OPEN, "") || !set(line, ERROR, "") {
        return;
    }
    let found = catch_unwind(AssertUnwindSafe(|| find(arguments, environment)));
    let surprise = |_| {
        Err(Fault {
            text: INTERNAL.to_owned(),
            config: None,
        })
    };
    match found.unwrap_or_else(surprise) {
        Ok(State::Open) => {
            set(line, OPEN, "1");
        }
        Ok(State::Closed) => {
            set(line, OPEN, "0");
        }
        Ok(State::Unknown) => {}
        Err(fault) => report(line, fault),
    }
}

fn find(arguments: &Arguments, environment: Environment<'_>) -> Result<State, Fault> {
    let config = Config::load(Needs::Nothing, arguments, environment).map_err(|faults| Fault {
        text: Chain(&faults).to_string(),
        config: None,
    })?;
    match Opening::of_call(&config, environment, SystemTime::now()) {
        Ok(opening) => Ok(opening.hours.at(opening.now)),
        Err(cause) => Err(Fault {
            text: Chain(&cause).to_string(),
            config: Some(Box::new(config)),
        }),
    }
}

fn report<O: Write>(line: &mut Line<O>, fault: Fault) {
    let message = format!("hours: {}", fault.text);
    let is_told = contract::tell_fault(line, &message) && set(line, ERROR, &message);
    let Some(mut config) = fault.config.filter(|_| is_told) else {
        return;
    };
    let state = state::State::new(&config.state_folder);
    let news = (TOPIC.to_owned(), fault.text);
    for told in contract::warn_administrators(line, &state, vec![news]) {
        // The next call delivers it, or the timer.
        let mut messages = Messages::of(&mut config, None, Caller::default());
        messages.notify(&told, SystemTime::now());
    }
}

/// Sets a variable. Returns whether Asterisk still listens.
fn set<O: Write>(line: &mut Line<O>, name: &str, value: &str) -> bool {
    line.try_asking(Command::SetVariable {
        name,
        value,
        is_words: false,
    })
}

const OPEN: &str = "ASSISTANT_OPEN";
const ERROR: &str = "ASSISTANT_ERROR";
/// As in the calls that ask a model.
const TOPIC: &str = "opening hours";
