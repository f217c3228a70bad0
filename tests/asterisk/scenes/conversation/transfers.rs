//! Callers who are transferred, or are not because nothing is where they would be transferred to.

use super::{CONNECT, LONGEST, dial, machine, only, services};
use crate::caller::{NEAR, call_works, words};
use crate::lab::Lab;
use crate::report::Report;

pub(crate) fn run(lab: &Lab, report: &Report) {
    let sandbox = services(&[
        ("tea", &format!("{CONNECT} [[transfer reception]]")),
        ("opening-hours", &format!("{CONNECT} [[transfer 201]]")),
    ]);
    let machine = machine(lab, sandbox, |settings| {
        settings
            .set("conversation.transfers", ["reception=200"])
            .set("conversation.ask_after", 2)
    });
    report.check(
        "a caller is transferred to whom the settings name, after the last word",
        || {
            let call = dial(&machine, &machine.phone())?;
            call.say(&words("question-tea.wav"));
            let heard = call.wait_for_end(LONGEST);
            let said = only(&heard, &machine.sandbox.spoken(CONNECT))?;
            let reception = only(&heard, &machine.sound("hello-world"))?;
            if reception.begins + NEAR < said.ends {
                return Err("the reception spoke first".into());
            }
            machine.becomes_clean()
        },
    );
    report.check("whoever is transferred no longer counts", || {
        machine.set_global("ASSISTANT_MAX_CALLS", "1");
        let counted = machine.asterisk("group show channels");
        if counted.contains("assistant") {
            return Err(counted);
        }
        call_works(&machine)
    });
    report.check(
        "nobody is transferred to where the settings do not lead",
        || {
            let call = dial(&machine, &machine.phone())?;
            call.say(&words("question-opening-hours.wav"));
            let heard = call.wait_for_end(LONGEST);
            only(&heard, &machine.sandbox.spoken(CONNECT))?;
            only(&heard, &machine.sound("goodbye"))?;
            machine.becomes_clean()
        },
    );
}

/// FreePBX has an announcement for every number that does not exist.
pub(crate) fn to_nobody(lab: &Lab, report: &Report) {
    let sandbox = services(&[("moon", &format!("{CONNECT} [[transfer nobody]]"))]);
    let machine = machine(lab, sandbox, |settings| {
        settings.set("conversation.transfers", ["nobody=299"])
    });
    report.check(
        "a number that FreePBX only knows an announcement for is an apology and a warning",
        || {
            let call = dial(&machine, &machine.phone())?;
            call.say(&words("question-moon.wav"));
            let heard = call.wait_for_end(LONGEST);
            only(&heard, &machine.sandbox.spoken(CONNECT))?;
            only(&heard, &machine.sound("im-sorry"))?;
            let warning = machine.last_warning();
            if warning.contains("TRANSFER") {
                machine.becomes_clean()
            } else {
                Err(warning)
            }
        },
    );
}
