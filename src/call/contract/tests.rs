//! What Asterisk is told of a call, command by command.

use std::time::Instant;

use super::*;
use crate::call::line::tests::scripted;
use crate::sys::error::{At, Stage};
use crate::sys::sync::lock;

const OK: &str = "200 result=1\n";

fn scene() -> Scene {
    let mut scene = Scene::new(Instant::now());
    scene.turn.question = "When do you open?".into();
    scene.turn.answer = "At nine.".into();
    scene.turn.key = Some('#');
    scene
}

fn failed() -> Outcome {
    let failed = Err::<(), _>("no model").at(Stage::Llm);
    Outcome::Failed(failed.expect_err("it is one"))
}

/// Whether Asterisk took the report, and the commands that it was sent.
fn report(contract: &Contract, outcome: &Outcome, replies: &[&'static str]) -> (bool, Vec<String>) {
    let (mut line, sent) = scripted(replies);
    let is_told = contract.report(&mut line, &mut scene(), outcome);
    let sent = lock(&sent).clone();
    (is_told, sent)
}

#[test]
fn the_variables_are_set_in_their_order_and_the_status_last() {
    let (is_told, sent) = report(&Contract::default(), &Outcome::Answered(None), &[OK; 8]);
    assert!(is_told);
    let expected = [
        r#"SET VARIABLE "ASSISTANT_QUESTION" "When do you open?""#,
        r#"SET VARIABLE "ASSISTANT_ANSWER" "At nine.""#,
        r#"SET VARIABLE "ASSISTANT_ERROR" """#,
        r#"SET VARIABLE "ASSISTANT_FILE" """#,
        r##"SET VARIABLE "ASSISTANT_KEY" "#""##,
        r#"SET VARIABLE "ASSISTANT_TRANSFER" """#,
        r#"SET VARIABLE "CDR(userfield)" "ANSWERED""#,
        r#"SET VARIABLE "ASSISTANT_STATUS" "ANSWERED""#,
    ];
    assert_eq!(sent, expected);
}

#[test]
fn the_record_of_the_call_names_the_persona() {
    let contract = Contract {
        persona: Some("kitchen".to_owned()),
        ..Contract::default()
    };
    let (_, sent) = report(&contract, &Outcome::Answered(None), &[OK; 8]);
    let expected = r#"SET VARIABLE "CDR(userfield)" "ANSWERED persona=kitchen""#;
    assert_eq!(sent[6], expected);
}

#[test]
fn a_failure_is_told_to_the_log_as_well_and_a_call_that_is_not_believed_gets_no_status() {
    for (is_distrusted, status) in [(false, "FAILED"), (true, "")] {
        let contract = Contract {
            is_distrusted,
            ..Contract::default()
        };
        let (is_told, sent) = report(&contract, &failed(), &[OK; 9]);
        assert!(is_told);
        assert_eq!(sent[0], r#"VERBOSE "llm: no model" 1"#);
        assert_eq!(sent[3], r#"SET VARIABLE "ASSISTANT_ERROR" "llm: no model""#);
        assert_eq!(sent[7], r#"SET VARIABLE "CDR(userfield)" "FAILED""#);
        assert_eq!(
            sent[8],
            format!("SET VARIABLE \"ASSISTANT_STATUS\" \"{status}\"")
        );
    }
}

#[test]
fn a_dead_channel_is_told_everything_all_the_same() {
    let dead = "511 Command Not Permitted on a dead channel or intercept routine\n";
    let (is_told, sent) = report(&Contract::default(), &Outcome::HungUp, &[dead; 8]);
    assert!(is_told);
    assert_eq!(sent.len(), 8);
}

#[test]
fn notes_are_told_once() {
    let (mut line, sent) = scripted(&[OK; 2]);
    let mut notes = vec!["stt: 640 ms".to_owned(), "llm: 500 ms".to_owned()];
    assert!(tell_notes(&mut line, &mut notes));
    assert!(notes.is_empty() && tell_notes(&mut line, &mut notes));
    let expected = [r#"VERBOSE "stt: 640 ms" 3"#, r#"VERBOSE "llm: 500 ms" 3"#];
    assert_eq!(*lock(&sent), expected);
}

#[test]
fn administrators_are_warned_once_a_day_of_each_thing() {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let state = State::new(folder.path());
    let (mut line, sent) = scripted(&[OK; 3]);
    let news = || vec![("stt".to_owned(), "it stood in".to_owned())];
    warn_administrators(&mut line, &state, news());
    warn_administrators(&mut line, &state, news());
    warn_administrators(
        &mut line,
        &state,
        vec![("tts".to_owned(), "so did it".to_owned())],
    );
    let expected = [
        r#"EXEC Log "WARNING,phone-assistant: stt: it stood in""#,
        r#"EXEC Log "WARNING,phone-assistant: tts: so did it""#,
    ];
    assert_eq!(*lock(&sent), expected);
}
