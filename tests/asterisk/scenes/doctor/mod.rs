//! `phone-assistant check` on a machine on which everything is right, and on one on which something is not: every fault is
//! planted for real, found, and named with its remedy; once it is fixed, all is well again.

mod asking;
mod dialplan;
mod files;
mod planted;
mod services;

use serde_json::Value;
use testkit::{Fault, Service};

use super::services::sandbox;
use crate::lab::Lab;
use crate::machine::Machine;
use crate::report::Report;
pub(super) use asking::{check, worse};
use asking::{run_check, text};
use planted::{Planted, settings, shell};

/// All is right; then each fault in turn.
pub(crate) fn run(lab: &Lab, report: &Report) {
    let mut machine = Machine::installed(lab, sandbox());
    machine.configure(&settings(&machine));
    report.check(
        "on a machine on which all is right, the doctor finds nothing but retirement dates",
        || {
            let found = check(&machine, &[])?;
            let bad = worse(&found, "through Asterisk").chain(worse(&found, ""));
            let bad: Vec<_> = bad
                .filter(|finding| !text(finding).contains("switched off"))
                .collect();
            if bad.is_empty() {
                Ok(())
            } else {
                Err(format!("{bad:?}"))
            }
        },
    );
    report.check(
        "it speaks in lines for people, without colour where nobody sees it",
        || {
            let output = run_check(&machine, &[]);
            let lines = String::from_utf8_lossy(&output.stdout).into_owned();
            let is_right = lines.contains("ok    through Asterisk") && !lines.contains('\x1b');
            if is_right { Ok(()) } else { Err(lines) }
        },
    );
    for planted in FAULTS.into_iter().flatten() {
        report.check(
            &format!("the doctor finds {}, and knows what to do", planted.what),
            || {
                (planted.plant)(&machine);
                let found = check(&machine, &[]);
                (planted.repair)(&machine);
                found_as(&found?, planted)
            },
        );
    }
    report.check("with everything fixed, all is well again", || {
        let found = check(&machine, &[])?;
        let bad: Vec<_> = worse(&found, "")
            .filter(|finding| !text(finding).contains("switched off"))
            .collect();
        if bad.is_empty() {
            Ok(())
        } else {
            Err(format!("{bad:?}"))
        }
    });
    quiet(&machine, report);
    other_asterisks(&mut machine, report);
}

/// What a daily run says.
fn quiet(machine: &Machine, report: &Report) {
    report.check(
        "a daily run tells what got worse, once, and what was fixed",
        || {
            let said =
                || String::from_utf8_lossy(&run_check(machine, &["--quiet"]).stdout).into_owned();
            said();
            let nothing = said();
            machine
                .sandbox
                .fault_service(Service::Gemini, Fault::Status(503), usize::MAX);
            let (worse, again) = (said(), said());
            machine.sandbox.restore_service(Service::Gemini);
            let fixed = said();
            let is_right = nothing.is_empty()
                && worse.contains("fail  llm gemini")
                && again.is_empty()
                && fixed.contains("llm gemini gemini-3.6-flash: fixed");
            if is_right {
                Ok(())
            } else {
                Err(format!("{nothing:?} {worse:?} {again:?} {fixed:?}"))
            }
        },
    );
}

/// What it says where Asterisk has keys of its own, does not run, or is root; and to whom it is a stranger.
fn other_asterisks(machine: &mut Machine, report: &Report) {
    report.check(
        "the doctor asks with the key of Asterisk's environment, which overrides the settings",
        || {
            machine.restart_asterisk_with(&[("OPENAI_API_KEY", "sk-of-somebody-else")]);
            let found = check(machine, &[])?;
            let all = found["checks"].as_array().into_iter().flatten();
            let is_told = all
                .filter(|finding| finding["id"] == "settings")
                .filter_map(|finding| finding["settings"].as_array())
                .flatten()
                .any(|set| {
                    set["name"] == "openai.api_key"
                        && set["value"] == "[redacted]"
                        && set["source"] == "OPENAI_API_KEY"
                });
            let is_refused =
                worse(&found, "tts openai").any(|finding| text(finding).contains("401"));
            let is_different = worse(&found, "through Asterisk").next().is_some();
            if is_told && is_refused && !is_different {
                Ok(())
            } else {
                Err(found.to_string())
            }
        },
    );
    report.check(
        "run by anybody else the doctor says that it should be root, and nothing that is wrong",
        || {
            let mut command = machine
                .root()
                .command_of("nobody", "/usr/local/bin/phone-assistant");
            let output = command.args(["check", "--offline"]).output().unwrap();
            let lines = String::from_utf8_lossy(&output.stdout).into_owned();
            let is_wrong = |line: &str| line.starts_with("fail  ");
            if lines.contains("warn  user") && !lines.lines().any(is_wrong) {
                Ok(())
            } else {
                Err(lines)
            }
        },
    );
    report.check(
        "without Asterisk the doctor says so, and checks the rest",
        || {
            machine.kill_asterisk();
            let found = check(machine, &["--offline"])?;
            let is_named =
                worse(&found, "Asterisk").any(|finding| text(finding).contains("start it"));
            if is_named {
                Ok(())
            } else {
                Err(found.to_string())
            }
        },
    );
    report.check("where Asterisk is root the doctor comes to an end", || {
        shell(machine, "cp /bin/sleep /tmp/asterisk");
        let mut command = machine.root().command("/tmp/asterisk");
        let mut asterisk = command.arg("60").spawn().unwrap();
        let found = check(machine, &["--offline"]);
        asterisk.kill().ok();
        asterisk.wait().ok();
        found.map(drop)
    });
}

fn found_as(found: &Value, planted: &Planted) -> Result<(), String> {
    let is_it = |finding: &&Value| {
        let text = text(finding);
        finding["status"] == planted.status
            && planted.words.iter().all(|words| text.contains(words))
    };
    let all: Vec<_> = worse(found, "").collect();
    if all.iter().any(is_it) {
        Ok(())
    } else {
        Err(format!("not {:?} in {all:#?}", planted.words))
    }
}

/// In the order in which they are planted.
const FAULTS: [&[Planted]; 3] = [services::FAULTS, files::FAULTS, dialplan::FAULTS];
