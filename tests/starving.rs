//! A machine that gives the program fewer threads than it needs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use testkit::{Outcome, copy_program};

use crate::house::{House, PATIENCE, program};

#[test]
fn too_few_threads_are_a_failure_with_its_reason_and_never_a_bug_of_ours() {
    let outcomes: Vec<_> = (1..=MANY)
        .map(|processes| (processes, ask(processes)))
        .collect();
    for (processes, outcome) in &outcomes {
        let (status, error) = (
            outcome.variable("ASSISTANT_STATUS"),
            outcome.variable("ASSISTANT_ERROR"),
        );
        let is_fine = match status {
            "ANSWERED" => error.is_empty(),
            "FAILED" => is_told(error),
            // Without a thread that listens to Asterisk nothing can be told to it, and an empty status means FAILED.
            "" => is_told(&outcome.stderr),
            _ => false,
        };
        outcome.assert(
            is_fine,
            &format!("with {processes} processes: {status} by {error:?}"),
        );
        outcome.assert(!outcome.to_string().contains("bug"), "it is called a bug");
        outcome.assert(
            !outcome.stderr.contains("internal error"),
            "a thread panicked",
        );
        outcome.assert_exit(0);
    }
    let failed =
        |(_, outcome): &&(u32, Outcome)| outcome.variable("ASSISTANT_STATUS") != "ANSWERED";
    assert!(outcomes.iter().any(|one| failed(&one)), "no limit was felt");
    if is_root() {
        // There nobody else counts: the call fails wherever a thread is begun, until there are enough.
        let last = outcomes.iter().rposition(|one| failed(&one)).unwrap();
        assert!(last > 3 && last + 1 < outcomes.len(), "{last} failed");
        let reasons = outcomes[..=last]
            .iter()
            .map(|(_, outcome)| outcome.variable("ASSISTANT_ERROR"));
        let stages: std::collections::BTreeSet<_> = reasons
            .filter_map(|reason| reason.split(':').next())
            .collect();
        assert!(stages.len() > 1, "{stages:?}");
    }
}

/// A ledger that cannot be opened is none at which the day begins anew.
#[test]
fn with_too_few_files_to_open_no_call_forgets_what_the_day_has_cost() {
    let house = House::new();
    let settings = house
        .sandbox
        .settings()
        .set("state.folder", argument_of(&house.other().join("state")))
        .set("limits.max_daily_cost", 10);
    let ledger = house.other().join("state/limits.json");
    house
        .outcome_with("question-tea.wav", &settings)
        .assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let mut day: Value = serde_json::from_slice(&fs::read(&ledger).unwrap()).unwrap();
    day["spent"] = json!(10_000_000);
    fs::write(&ledger, day.to_string()).unwrap();
    let paid = house.sandbox.paid_requests();
    let statuses: Vec<_> = (3..=MANY_FILES)
        .map(|files| {
            house.ask("question-tea.wav");
            let behind = house.program_behind(&format!("ulimit -n {files}"));
            let outcome = house.call_of(&behind, &settings).start().finish(PATIENCE);
            outcome.variable("ASSISTANT_STATUS").to_owned()
        })
        .collect();
    assert!(
        !statuses.iter().any(|status| status == "ANSWERED"),
        "{statuses:?}"
    );
    assert_eq!(statuses.last().unwrap(), "LIMITED", "{statuses:?}");
    assert_ne!(statuses[0], "LIMITED", "no limit was felt");
    assert_eq!(house.sandbox.paid_requests(), paid);
}

/// A call of a user who may have so many processes, its threads and the program itself among them.
///
/// The system counts all processes of a user, and root's not at all: as root the call is another user's, who has no
/// others; as another user, only a low limit is sure to be felt.
fn ask(processes: u32) -> Outcome {
    let house = House::new();
    house.ask("question-tea.wav");
    let copy = house.other().join("phone-assistant");
    copy_program(program(), &copy);
    // Of the two letters a shell knows one.
    let limit = format!("ulimit -u {processes} 2>/dev/null || ulimit -p {processes}");
    let behind = house.program_behind_of(&limit, &copy);
    let by_number = house.sandbox.base_url().replace("localhost", "127.0.0.1");
    let settings = house
        .sandbox
        .settings()
        .set("http.warm", false)
        // Another way to the same server: its name is looked up once more.
        .set("llm.gemini.base_url", by_number)
        .set("secrets.allow_readable", true)
        .set("state.folder", argument_of(&house.other().join("state")));
    let mut call = house.call_of(&behind, &settings);
    if is_root() {
        open_to_all(house.other());
        open_to_all(house.sandbox.ca_file().parent().unwrap());
        call = call.user(USER + processes);
    }
    call.start().finish(PATIENCE)
}

fn is_told(text: &str) -> bool {
    text.contains("no more threads") && text.contains("TasksMax=")
}

fn argument_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            open_to_all(&entry.unwrap().path());
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// More than a call has open files.
const MANY_FILES: u32 = 40;

/// More than a call has threads.
const MANY: u32 = 20;

/// Nobody has these numbers.
const USER: u32 = 1_234_000;
