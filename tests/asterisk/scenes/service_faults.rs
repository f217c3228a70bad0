//! Services that fail, one at a time and in every way: the caller hears why nothing comes, and the next call works.

use testkit::{Fault, Stage};

use super::faults::{broken, impatient};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::report::Report;

pub(crate) fn speech_to_text(lab: &Lab, report: &Report) {
    let garbage = "Google Speech-to-Text sent 116 bytes of \"text/html\" that break its format";
    let service = ("speech to text", "stt: Google Speech-to-Text");
    all_faults_of(Stage::Stt, service, &format!("stt: {garbage}"), lab, report);
}

pub(crate) fn model(lab: &Lab, report: &Report) {
    let garbage = "llm: Gemini sent 116 bytes of \"text/html\" that are not in its format";
    all_faults_of(
        Stage::Llm,
        ("the model", "llm: Gemini"),
        garbage,
        lab,
        report,
    );
}

pub(crate) fn voice(lab: &Lab, report: &Report) {
    let garbage = "tts: the voice service sent no usable audio: expected sound, found HTML or XML; check model, format and \
        base_url in its table under [tts]";
    all_faults_of(
        Stage::Tts,
        ("the voice", "tts: OpenAI's voice"),
        garbage,
        lab,
        report,
    );
}

/// A service has a name in our sentences, and one in `ASSISTANT_ERROR`.
fn all_faults_of(
    stage: Stage,
    (name, service): (&str, &str),
    garbage: &str,
    lab: &Lab,
    report: &Report,
) {
    let machine = impatient(lab);
    let after = |what: &str| format!("{service} {what}");
    let faults = [
        (
            "answers with an error",
            Fault::Status(503),
            after("answered 503"),
        ),
        (
            "never answers",
            Fault::Hang,
            // The seconds that follow are what earlier stages have left of the deadline.
            after("gave no whole answer within "),
        ),
        (
            "resets the connection",
            Fault::Reset,
            after("broke off its answer"),
        ),
        (
            "answers with a web page",
            Fault::NotJson,
            garbage.to_owned(),
        ),
    ];
    for (does, fault, why) in faults {
        broken(
            report,
            &machine,
            (
                &format!("when {name} {does}"),
                &format!(" FAILED AGI SUCCESS {why}"),
            ),
            |machine: &Machine| machine.sandbox.fault(stage, fault, usize::MAX),
            |machine: &Machine| machine.sandbox.restore(stage),
        );
    }
}
