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
    let settings = machine.settings();
    machine.configure(&settings.set("call.deadline", DEADLINE.as_secs()));
    let (log_name, garbage) = match stage {
        Stage::Stt => ("stt", "\"text/html\" that break its format"),
        Stage::Tts => ("tts", "expected a WAV file, found HTML"),
        _ => ("llm", "\"text/html\" that break its format"),
    };
    let faults = [
        ("answers with an error", Fault::Status(503), "answered 503"),
        ("never answers", Fault::Hang, "no whole answer within 5.0 s"),
        (
            "resets the connection",
            Fault::Reset,
            "broke off its answer",
        ),
        ("answers with a web page", Fault::NotJson, garbage),
    ];
    for (does, fault, why) in faults {
        let check = || {
            machine.sandbox.fault(stage, fault, usize::MAX);
            let exchange = caller::ask(&machine, &machine.phone(), &data("question-tea.wav"));
            machine.sandbox.restore(stage);
            exchange?.apology(&machine, DEADLINE, why)?;
            let log = machine.last_warning();
            if !log.contains(&format!(" FAILED AGI SUCCESS {log_name}: ")) {
                return Err(format!("not in {log_name}: {log}"));
            }
            caller::ask(&machine, &machine.phone(), &data("question-moon.wav"))?
                .only_answer("moon")?;
            machine.becomes_clean()
        };
        let sentence = "the caller hears the apology in time, and the next call works";
        report.check(&format!("when {name} {does}, {sentence}"), check);
    }
}

/// `call.deadline` of this scene; the default would only make it longer.
const DEADLINE: Duration = Duration::from_secs(5);
