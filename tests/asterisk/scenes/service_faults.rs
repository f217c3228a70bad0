//! Services that fail, one at a time and in every way: the caller hears why nothing comes, and the next call works.

use std::time::Duration;

use testkit::{Fault, Stage};

use super::sandbox;
use crate::caller::{self, data};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::report::Report;

pub(crate) fn speech_to_text(lab: &Lab, report: &Report) {
    all_faults_of(Stage::Stt, "speech to text", lab, report);
}

pub(crate) fn model(lab: &Lab, report: &Report) {
    all_faults_of(Stage::Llm, "the model", lab, report);
}

pub(crate) fn voice(lab: &Lab, report: &Report) {
    all_faults_of(Stage::Tts, "the voice", lab, report);
}

fn all_faults_of(stage: Stage, name: &str, lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    machine.configure(&machine.settings().set("call.deadline", DEADLINE.as_secs()));
    for (does, fault) in FAULTS {
        report.check(
            &format!(
                "when {name} {does}, the caller hears the apology in time, and the next call works"
            ),
            || {
                machine.sandbox.fault(stage, fault.clone(), usize::MAX);
                let exchange = caller::ask(&machine, &machine.phone(), &data("question-tea.wav"))?;
                machine.sandbox.restore(stage);
                exchange.apology_within(&machine, DEADLINE)?;
                caller::ask(&machine, &machine.phone(), &data("question-moon.wav"))?
                    .only_answer("moon")?;
                machine.is_clean()
            },
        );
    }
}

const FAULTS: [(&str, Fault); 4] = [
    ("answers with an error", Fault::Status(503)),
    ("never answers", Fault::Hang),
    ("resets the connection", Fault::Reset),
    ("answers with a web page", Fault::NotJson),
];
/// `call.deadline` of this scene; the default would only make it longer.
const DEADLINE: Duration = Duration::from_secs(5);
