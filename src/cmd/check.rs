//! `phone-assistant check`, the doctor: tries everything that a call needs, and says how to fix what does not work.
//!
//! Started as root it does its work as Asterisk's user, in a clean environment. Last it lets Asterisk start it, because
//! a call has Asterisk's environment, groups and view of the disk, and tells what is different there.
//!
//! A new check goes into the module of what it looks at, `globals`, `loading`, `routes` and `ways` for the dialplan. [`run`]
//! calls each in the order in which its findings are shown: first what others need.

mod asterisk;
mod console;
mod disclosure;
mod finding;
mod freepbx;
mod globals;
mod guards;
mod hosts;
mod inside;
mod knowledge;
mod loading;
mod log_files;
mod machine;
mod messages;
mod options;
mod personas;
mod providers;
mod quiet;
mod routes;
mod services;
mod settings;
mod shared;
pub(crate) mod sounds;
mod tools;
mod user;
mod ways;

use std::io::{self, Write};
use std::time::Duration;

use crate::config::{Arguments, Config, Environment, Needs};
use crate::sys::deadline::{Clock, Deadline};
use crate::sys::hangup::Hangup;
use crate::sys::state::State;

pub use finding::{Finding, Page, Setting, Status, Style};
use finding::{Report, worst};
use hosts::Unreached;
pub(crate) use inside::look_around;
pub use options::Options;
use options::understood;
use services::Doctor;

/// Checks everything and writes what it finds to `out`. Returns the exit code: 0 if all is well, 1 with warnings, 2
/// with failures.
///
/// # Errors
/// When `out` takes no more.
pub fn run(
    options: &Options,
    environment: Environment<'_>,
    clock: Clock,
    out: &mut dyn Write,
) -> io::Result<u8> {
    if user::is_root() && environment(user::IS_ASTERISKS).is_none() {
        return user::run_as_asterisk(options, out);
    }
    let started = clock();
    let style = if options.quiet {
        Style::Silent
    } else {
        options.style
    };
    let mut report = Report::new(out, style);
    let is_asterisks = environment(user::IS_ASTERISKS).is_some() || user::is_asterisks();
    if !is_asterisks {
        let text = "this is not the user that Asterisk runs as, so nothing else was looked at";
        report.warn("user", text, "run it as root: sudo phone-assistant check");
        return Ok(worst(&report.close()?).exit_code());
    }
    // Cron's job has no root before it that would have handed it on.
    let asterisks = user::asterisks_environment();
    let of_asterisk = |name: &str| {
        let (_, value) = asterisks.iter().find(|(set, _)| *set == name)?;
        Some(value.clone())
    };
    if options.config.is_none() && environment(user::SETTINGS).is_none() {
        user::examine_named_settings(&mut report);
    }
    let time_zone = user::own_time_zone(environment);
    let environment = |name: &str| environment(name).or_else(|| of_asterisk(name));
    let arguments = Arguments::of_file(options.config.clone());
    let loaded = Config::load(Needs::Stages, &arguments, &environment);
    let config = machine::examine(&loaded, &environment, &mut report);
    asterisk::examine(config, &mut report);
    sounds::examine(config, &arguments, &environment, &mut report);
    if let Some(config) = config {
        guards::examine_reserve(config, options.max_cost, &environment, &mut report);
        knowledge::examine(config, &arguments, &environment, &mut report);
        providers::examine(config, &mut report);
        let deadline = (!options.offline).then(|| Deadline::after(started, PATIENCE, clock));
        let mut ask = |deadline| ask(config, &arguments, &environment, deadline, &mut report);
        let unreached = deadline.map(&mut ask);
        let to_speak = deadline.zip(unreached.as_ref());
        messages::examine_ways(config, &arguments, &environment, options, &mut report);
        tools::examine(config, deadline, &mut report);
        disclosure::examine(config, &arguments, &environment, to_speak, &mut report);
    }
    let settings = understood(&loaded);
    // It comes last, because it tells only what Asterisk's own run finds beside the findings so far.
    inside::examine(settings, time_zone.as_deref(), &mut report);
    let findings = report.close()?;
    if options.quiet {
        let is_whole = config.is_some() && !options.offline;
        let state = State::new(&settings.state_folder);
        quiet::tell_changes(&findings, is_whole, &state, out)?;
    }
    Ok(worst(&findings).exit_code())
}

/// Asks all that calls ask over the network. Returns the hosts that were not reached.
fn ask(
    config: &Config,
    arguments: &Arguments,
    environment: Environment<'_>,
    deadline: Deadline,
    report: &mut Report<'_>,
) -> Unreached {
    let hangup = Hangup::default();
    let unreached = hosts::examine(config, deadline, &hangup, report);
    let personas = personas::of_personas(config, Needs::Stages, arguments, environment);
    let doctor = Doctor {
        config,
        deadline,
        hangup: &hangup,
        hosts: &unreached,
    };
    doctor.examine(personas, report);
    shared::examine(config, report);
    unreached
}

/// Every service is given its own time; this is for all of them together.
const PATIENCE: Duration = Duration::from_secs(180);
