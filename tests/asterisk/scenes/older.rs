//! A newer program behind the dialplans that earlier versions brought: nobody has to renew theirs for an upgrade.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::conversation;
use super::services::sandbox;
use crate::caller::{self, answer, data};
use crate::lab::{Lab, succeed};
use crate::machine::Machine;
use crate::report::Report;

pub(crate) fn first(lab: &Lab, report: &Report) {
    answer_behind(FIRST, lab, report);
}

pub(crate) fn later(lab: &Lab, report: &Report) {
    answer_behind(LATER, lab, report);
}

fn answer_behind(commits: &[&str], lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    let dialplan = machine.path("/etc/asterisk/extensions_custom.conf");
    for commit in commits {
        let text = example_of(commit);
        fs::write(&dialplan, &text).unwrap();
        machine.asterisk("dialplan reload");
        report.check(
            &format!("the dialplan of {commit} answers a question"),
            || {
                let phone = machine.phone();
                let exchange = caller::ask(&machine, &phone, &data("question-tea.wav"))?;
                exchange.only_answer("tea")?;
                machine.becomes_clean()
            },
        );
        report.check(&format!("the dialplan of {commit} says sorry"), || {
            machine.configure(&machine.settings().set("llm.gemini.model", "no-such-model"));
            let phone = machine.phone();
            let exchange = caller::ask(&machine, &phone, &data("question-tea.wav"))?;
            machine.configure(&machine.settings());
            exchange.apology(&machine, Duration::ZERO, "no-such-model")?;
            machine.becomes_clean()
        });
        if text.contains("mode=conversation") {
            report.check(
                &format!("the dialplan of {commit} holds a conversation"),
                || {
                    let mut call = conversation::dial(&machine, &machine.phone())?;
                    conversation::turn(&mut call, "question-tea.wav", &answer("tea")).map(drop)
                },
            );
        }
    }
}

/// The example dialplan as it was.
fn example_of(commit: &str) -> String {
    let place = format!("{commit}:extensions_custom.conf.example");
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "-C", env!("CARGO_MANIFEST_DIR")]);
    succeed(git.args(["show", &place]))
}

/// The first that was to be upgraded, and those that have changed the dialplan since.
const FIRST: &[&str] = &[
    "c580c19", "84423f8", "89efa08", "14e3fcf", "4d5d0b3", "952bb13",
];
const LATER: &[&str] = &[
    "27fde5a", "4d42c07", "9fc3d45", "405ea59", "3854df2", "71ebf7b", "fedb3eb",
];
