//! The static binary elsewhere: on an older Debian, and where there is nothing but itself.

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};

use testkit::audio::{g711, measure};
use testkit::{Sandbox, Settings};

use super::services::sandbox;
use crate::caller::{answer, data_dir};
use crate::lab::{Lab, Root};
use crate::report::Report;

pub(crate) fn run(lab: &Lab, report: &Report) {
    for (name, root) in [
        ("an older Debian", lab.old_debian()),
        (
            "a root with nothing but resolv.conf and hosts",
            lab.bare_root(),
        ),
    ] {
        report.check(
            &format!("the static binary carries a call on {name}"),
            || call(lab, &root),
        );
    }
}

/// A call whose answer is what it should be.
fn call(lab: &Lab, root: &Root) -> Result<(), String> {
    let sandbox = sandbox();
    put(lab, root, &sandbox);
    let settings = settings(&sandbox);
    let output = by_hand(root, &settings);
    let commands = String::from_utf8_lossy(&output.stdout).into_owned();
    if !commands.contains("SET VARIABLE \"ASSISTANT_STATUS\" \"ANSWERED\"") {
        return Err(format!(
            "it said {commands} {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let heard = g711::decoded_mulaw(&fs::read(root.path("/answer.ulaw")).unwrap());
    let likeness = measure::heard(&heard, &answer("tea"));
    if likeness > 0.9 {
        Ok(())
    } else {
        Err(format!(
            "the answer is like the expected one by {likeness:.2}"
        ))
    }
}

/// Puts into a root what a call by hand needs.
pub(super) fn put(lab: &Lab, root: &Root, sandbox: &Sandbox) {
    let put = |from: &Path, to: &str| fs::copy(from, root.path(to)).map(drop).unwrap();
    put(lab.binary(), "/phone-assistant");
    put(&sandbox.credentials_file(), "/key.json");
    put(&sandbox.ca_file(), "/ca.pem");
}

/// The settings for a call by hand.
pub(super) fn settings(sandbox: &Sandbox) -> Settings {
    sandbox
        .settings()
        .set("google.credentials", "/key.json")
        .set("http.ca_file", "/ca.pem")
}

/// A call by hand: Asterisk's side comes from a file.
pub(super) fn by_hand(root: &Root, settings: &Settings) -> Output {
    settings.write(&root.path("/"));
    // The program removes it.
    fs::copy(
        data_dir().join("question-tea.wav"),
        root.path("/question.wav"),
    )
    .unwrap();
    let session = fs::File::open(data_dir().join("replay.agi")).unwrap();
    root.command("/phone-assistant")
        .args([
            "recording=/question.wav",
            "reply=/answer",
            "config=/config.toml",
            "reply.play=dialplan",
        ])
        .stdin(Stdio::from(session))
        .output()
        .unwrap()
}
