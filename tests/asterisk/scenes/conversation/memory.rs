//! Callers whose next call goes on where their last one ended.

use super::{dial, machine, services, turn};
use crate::caller::{answer, turns_told};
use crate::lab::Lab;
use crate::phone::Phone;
use crate::report::Report;

/// What a caller has said is known in their next call, until it is forgotten.
pub(crate) fn run(lab: &Lab, report: &Report) {
    let machine = machine(lab, services(&[]), |settings| {
        settings.set("memory.callers", "internal")
    });
    let contents = |phone: &Phone, question: &str, name: &str| {
        let mut call = dial(&machine, phone)?;
        turn(&mut call, question, &answer(name))?;
        call.hang_up();
        machine.becomes_clean()?;
        turns_told(&machine).ok_or_else(|| "the model was not asked".to_owned())
    };
    let same = |found: usize, expected: usize| {
        if found == expected {
            Ok(())
        } else {
            Err(format!("the model was told {found} turns"))
        }
    };
    let (own, stranger) = (
        machine.phone().number("1205"),
        machine.phone().number("+4930123456"),
    );
    report.check(
        "the next call of one of the house's phones goes on where the last ended",
        || {
            same(contents(&own, "question-tea.wav", "tea")?, 1)?;
            same(contents(&own, "question-moon.wav", "moon")?, 3)?;
            let shown = machine.root().shell("phone-assistant callers");
            if shown.contains("1205") {
                Ok(())
            } else {
                Err(shown)
            }
        },
    );
    report.check(
        "an extension that shows another number is remembered by its own",
        || {
            machine.asterisk("database put DEVICE 1205/user 1205");
            machine.asterisk("database put AMPUSER 1205/cidnum 4930987");
            let found = contents(&own, "question-tea.wav", "tea")?;
            machine.asterisk("database del AMPUSER 1205/cidnum");
            let records = machine.call_records();
            if records
                .lines()
                .last()
                .is_some_and(|line| line.starts_with("4930987,"))
            {
                same(found, 5)
            } else {
                Err(format!("the other number is not shown: {records}"))
            }
        },
    );
    report.check(
        "whoever is forgotten begins anew, and nobody else is remembered",
        || {
            machine.root().shell("phone-assistant forget 1205");
            same(contents(&own, "question-tea.wav", "tea")?, 1)?;
            same(contents(&stranger, "question-tea.wav", "tea")?, 1)?;
            same(contents(&stranger, "question-moon.wav", "moon")?, 1)?;
            let files = machine
                .root()
                .shell("find /var/lib/phone-assistant/callers -not -user asterisk");
            if files.is_empty() { Ok(()) } else { Err(files) }
        },
    );
}
