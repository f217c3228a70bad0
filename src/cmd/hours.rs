//! `phone-assistant hours`: when the house is open, as the program understands the settings.

use std::error::Error;
use std::fmt::Write;
use std::time::SystemTime;

use crate::config::{Arguments, Config, Environment, Needs};
use crate::knowledge::hours::State;
use crate::knowledge::language::ENGLISH;
use crate::knowledge::{Opening, words};

/// Reads the opening hours and the clock of the persona that `arguments` choose.
///
/// # Errors
/// Faults of the settings, or [`knowledge::Error`](crate::knowledge::Error).
pub(crate) fn opening(
    arguments: &Arguments,
    environment: Environment<'_>,
    now: SystemTime,
) -> Result<Opening, Box<dyn Error>> {
    let config = Config::load(Needs::Nothing, arguments, environment)?;
    Ok(Opening::of(&config.knowledge, environment, now)?)
}

/// Prints the state now, and the hours of the coming two weeks.
///
/// # Errors
/// As [`opening`].
pub(crate) fn list(
    arguments: &Arguments,
    environment: Environment<'_>,
    now: SystemTime,
) -> Result<String, Box<dyn Error>> {
    let opening = opening(arguments, environment, now)?;
    let Opening { hours, clock, now } = &opening;
    let zone = match clock.name.as_str() {
        "" => String::new(),
        name => format!(" ({name})"),
    };
    let (date, time) = (ENGLISH.date(now.date()), words::time(now.time()));
    let mut out = format!("{date}, {time}{zone}\n{}\n\n", ENGLISH.now(hours, *now));
    let week = hours.week(now.date());
    for date in now.date().iter_days().take(DAYS) {
        let (day, spans) = (date.format("%a %e %b %Y"), hours.day(date));
        let mark = if week.is_kept(date, &spans) {
            ""
        } else {
            "  (not as in an ordinary week)"
        };
        writeln!(out, "{day}  {}{mark}", ENGLISH.day(&spans))?;
    }
    writeln!(out, "\nOrdinary week: {}", ENGLISH.week(&week))?;
    if let Some(day) = hours.next_closed_day(now.date()) {
        writeln!(out, "Next day closed: {}", ENGLISH.date(day))?;
    }
    if hours.lacks_country {
        out.push_str("No day is a public holiday: country under [knowledge] is not set.\n");
    }
    Ok(out)
}

/// The state now, in a line, and the exit code: 0 when the house is open, 1 when it is closed, 2 when that is not
/// known.
///
/// # Errors
/// As [`opening`].
pub(crate) fn now(
    arguments: &Arguments,
    environment: Environment<'_>,
    now: SystemTime,
) -> Result<(String, u8), Box<dyn Error>> {
    let opening = opening(arguments, environment, now)?;
    let code = match opening.hours.at(opening.now) {
        State::Open => 0,
        State::Closed => CLOSED,
        State::Unknown => UNKNOWN,
    };
    Ok((ENGLISH.now(&opening.hours, opening.now) + "\n", code))
}

/// The exit code where the house is closed.
const CLOSED: u8 = 1;

/// The exit code where it is not known whether the house is open.
pub(crate) const UNKNOWN: u8 = 2;

/// How many days are printed.
const DAYS: usize = 14;
