//! What callers type is theirs as what they say is.

use std::time::Duration;

use testkit::Stage;

use super::{Post, TEA};
use crate::conversation::{self, asked_of_tea, converse_in};
use crate::house::House;

const KEEPS: &str = "[[message Anna: Please call 0612.]] I have noted it. [[goodbye]]";

#[test]
fn a_typed_number_is_a_turn_that_no_transcription_is_paid_for() {
    let post = Post::new(House::new());
    post.house.sandbox.answer_with(KEEPS);
    let settings = post.with(conversation::settings(&post.house));
    let conversation = converse_in(&post.house, &settings, |call| {
        call.env("PHONE_ASSISTANT_LOG", "debug")
    });
    conversation.types("0612#", 1);
    let outcome = conversation.finish();
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "ANSWERED")
        .assert_variable("ASSISTANT_QUESTION", "[typed on the keypad: 0612]");
    let transcribed = post.house.sandbox.requests_to(Stage::Stt).len();
    outcome.assert(transcribed == 0, "nothing is transcribed");
    let asked = &post.house.sandbox.requests_to(Stage::Llm)[0];
    let told = asked.body["systemInstruction"].to_string();
    outcome.assert(told.contains("can type a number"), &told);
    post.wait_until_delivered(1);
    let words = post.webhook.posted()[0].json()["words"].clone();
    assert_eq!(words[0]["who"], "caller");
    assert_eq!(words[0]["text"], "[typed on the keypad: 0612]");
    // The logs have it as they have words.
    let told = " ms, <27 bytes> typed on the keypad";
    outcome.assert(outcome.commands().any(|line| line.contains(told)), told);
    for keys in ["0612", "result=54", "result=50"] {
        outcome.assert(!outcome.stderr.contains(keys), "the log has keys");
    }
}

#[test]
fn what_is_typed_stands_behind_what_was_said_before_it() {
    let post = Post::new(House::new());
    post.house.sandbox.answer_with("[[goodbye]] Fine.");
    post.house.sandbox.hold(Stage::Stt);
    let settings = post.with(conversation::settings(&post.house));
    let conversation = asked_of_tea(&post.house, &settings);
    conversation.types("06", 1);
    post.house.sandbox.release(Stage::Stt);
    conversation.phone.wait(Duration::from_millis(500));
    conversation.types("1#", 3);
    let outcome = conversation.finish();
    let question = format!("{TEA} [typed on the keypad: 061]");
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_QUESTION", &question);
    let transcribed = post.house.sandbox.requests_to(Stage::Stt).len();
    outcome.assert(transcribed == 1, "it is transcribed once");
}

#[test]
fn a_digit_interrupts_an_answer_and_begins_what_is_typed() {
    let house = House::new();
    house.sandbox.answer_with(&crate::house::many_sentences(12));
    let settings = conversation::settings(&house).set("conversation.max_turns", 2);
    let conversation = asked_of_tea(&house, &settings);
    conversation.wait_for_answer();
    house.sandbox.answer_with("[[goodbye]] Fine.");
    conversation.phone.wait(Duration::from_secs(1));
    conversation.press('7');
    conversation.types("5#", 2);
    let outcome = conversation.finish();
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_QUESTION", "[typed on the keypad: 75]");
}
