//! What all faults have in common: something is broken, a caller hears the apology in time, it is repaired, and the
//! next call works.

use std::time::Duration;

use super::services::sandbox;
use crate::caller::{self, call_works, data};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::report::Report;

/// A machine whose callers are not kept waiting for as long as the default says.
pub(super) fn impatient(lab: &Lab) -> Machine {
    let machine = Machine::installed(lab, sandbox());
    machine.configure(&settings(&machine));
    machine
}

/// The settings of an impatient machine.
pub(super) fn settings(machine: &Machine) -> testkit::Settings {
    machine.settings().set("call.deadline", DEADLINE.as_secs())
}

/// Breaks an impatient machine, calls, repairs it, calls again. Asterisk's log has to say why the first caller heard the
/// apology.
pub(super) fn broken(
    report: &Report,
    machine: &Machine,
    (how, why): (&str, &str),
    damage: impl FnOnce(&Machine),
    repair: impl FnOnce(&Machine),
) {
    let sentence = "the caller hears the apology in time, and the next call works";
    report.check(&format!("{how}, {sentence}"), || {
        damage(machine);
        let exchange = caller::ask(machine, &machine.phone(), &data("question-tea.wav"));
        repair(machine);
        exchange?.apology(machine, DEADLINE, why)?;
        call_works(machine)
    });
}

/// The `call.deadline` of an impatient machine.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);
