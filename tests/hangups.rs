//! The caller hangs up: paid work stops at once, no file is left, and it is no error.

use std::thread;
use std::time::{Duration, Instant};

use testkit::{Act, Call, Fault, Outcome, Signal, Stage};

use crate::house::{House, PATIENCE, assert_at_once};

/// Lets a call come to the point where `stage` has been asked and does not answer, and hangs up there.
fn hang_up_at(stage: Stage, hang_up: impl FnOnce(&Call)) -> (House, Outcome, Duration) {
    let house = House::new();
    house.sandbox.fault(stage, Fault::Hang, usize::MAX);
    let call = house.ask("question-tea.wav").call().start();
    house.sandbox.wait_for(stage, 1, PATIENCE);
    let since = Instant::now();
    hang_up(&call);
    let outcome = call.finish(PATIENCE);
    (house, outcome, since.elapsed())
}

#[track_caller]
fn assert_ended(house: &House, outcome: &Outcome, took: Duration) {
    outcome.assert_exit(0).assert_manners();
    assert_at_once(took);
    house.assert_no_file(outcome);
}

#[test]
fn a_hang_up_at_every_stage_ends_the_call_at_once() {
    for stage in [Stage::Stt, Stage::Llm, Stage::Tts] {
        let (house, outcome, took) = hang_up_at(stage, Call::hangup);
        assert_ended(&house, &outcome, took);
        outcome.assert_variable("ASSISTANT_STATUS", "HANGUP");
        assert_eq!(
            house.sandbox.requests().last().unwrap().stage,
            stage,
            "nothing is asked after the hang-up"
        );
    }
}

#[test]
fn closed_pipes_a_closed_stdin_and_sigterm_are_hang_ups_too() {
    for stage in [Stage::Stt, Stage::Llm, Stage::Tts] {
        let (house, outcome, took) = hang_up_at(stage, Call::hangup_and_close);
        assert_ended(&house, &outcome, took);
        let (house, outcome, took) = hang_up_at(stage, Call::close_stdin);
        assert_ended(&house, &outcome, took);
        let (house, outcome, took) = hang_up_at(stage, |call| call.signal(Signal::TERM));
        assert_ended(&house, &outcome, took);
    }
}

#[test]
fn an_asterisk_that_says_nothing_after_the_hang_up_is_not_waited_for_again_and_again() {
    let mute = |house: &House| {
        let call = house.ask("question-tea.wav").call();
        call.at("SET VARIABLE", Act::Reply(Vec::new()))
    };
    thread::scope(|scope| {
        // The twin that nobody hangs up waits as long for the same reply as one may before that.
        let waiting = scope.spawn(|| {
            let house = House::new();
            mute(&house).start().finish(LONG_ENOUGH).took
        });
        let house = House::new();
        house.sandbox.fault(Stage::Llm, Fault::Hang, usize::MAX);
        let call = mute(&house).start();
        house.sandbox.wait_for(Stage::Llm, 1, PATIENCE);
        let since = Instant::now();
        call.hangup();
        let outcome = call.finish(PATIENCE);
        let took = since.elapsed();
        outcome.assert_exit(0);
        let twin = waiting.join().unwrap();
        outcome.assert(
            took < twin,
            &format!("{took:?} to end, and {twin:?} without a hang-up"),
        );
        let commands = outcome.commands();
        let set = commands.filter(|line| line.contains("SET VARIABLE"));
        assert_eq!(set.count(), 1);
    });
}

#[test]
fn a_hang_up_between_two_commands_is_noticed_by_the_refusal_or_the_line() {
    let table = [
        ("GET VARIABLE", Act::Hangup),
        (
            "GET VARIABLE",
            Act::Reply(
                b"511 Command Not Permitted on a dead channel or intercept routine\n".to_vec(),
            ),
        ),
        ("GET VARIABLE", Act::Before(b"HANGUP\n".to_vec())),
        ("VERBOSE", Act::Hangup),
        ("VERBOSE", Act::CloseStdin),
    ];
    for (command, act) in table {
        let house = House::new();
        let outcome = house
            .ask("question-tea.wav")
            .call()
            .at(command, act.clone())
            .start()
            .finish(PATIENCE);
        outcome.assert_exit(0).assert_manners();
        house.assert_no_file(&outcome);
        let paid = house.sandbox.paid_requests();
        outcome.assert(
            paid == 0,
            &format!("{act:?} at {command}: {paid} requests after the hang-up"),
        );
    }
}

#[test]
fn a_hang_up_before_the_first_line_leaves_nothing() {
    let house = House::new();
    let outcome = house
        .ask("question-tea.wav")
        .call()
        .raw_block("agi_request: phone-assistant\n")
        .start();
    outcome.close_stdin();
    let outcome = outcome.finish(PATIENCE);
    outcome.assert_exit(0).assert_manners();
    assert_eq!(house.sandbox.requests().len(), 0);
    house.assert_no_file(&outcome);
}

#[test]
fn a_call_on_a_channel_that_is_dead_already_asks_nobody() {
    let house = House::new();
    let outcome = house
        .ask("question-tea.wav")
        .call()
        .dead()
        .start()
        .finish(PATIENCE);
    outcome
        .assert_exit(0)
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "HANGUP");
    assert_eq!(house.sandbox.requests().len(), 0);
    house.assert_no_file(&outcome);
}

#[test]
fn a_hang_up_during_the_last_variables_leaves_no_reply() {
    let house = House::new();
    let outcome = house
        .ask("question-tea.wav")
        .call()
        .at("SET VARIABLE", Act::CloseStdin)
        .start()
        .finish(PATIENCE);
    outcome.assert_exit(0).assert_manners();
    house.assert_no_file(&outcome);
}

/// Twice what a reply is waited for before a hang-up.
const LONG_ENOUGH: Duration = Duration::from_secs(10);
