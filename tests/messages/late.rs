//! Messages that the model writes behind what the caller has heard of its answer.

use std::fs;
use std::time::Duration;

use testkit::{Outcome, Response, Sandbox, Stage, Takes, Webhook};

use super::keeping::{fill, is_lost};
use super::{Post, assert_heard_once_kept, files};
use crate::calling::pins::{PIN, silence, type_into, with_pin};
use crate::calling::{order, ordered, with_tool};
use crate::conversation::cost::could_cost;
use crate::conversation::{self, BREATH, asked_of_tea, one_turn, spoken};
use crate::house::{self, House, PATIENCE};

/// No word of it tells the program that it confirms a message.
const SETTLED: &str = "It is settled, Jim. Anna will hear of it today. Have a good day then. \
                       [[message Anna: Jim asks for tea.]]";

/// The model answers so, and stops where the answer can be heard. The rest comes soon after it goes on, long before the
/// program waits no more.
fn settle_slowly(sandbox: &Sandbox) {
    sandbox.answer_with(SETTLED);
    sandbox.pace_model(Duration::ZERO, Duration::from_millis(40));
    sandbox.stop_model_after(12);
}

#[test]
fn what_ends_an_answer_loses_no_message_that_it_has_confirmed() {
    house::each(["words", "a number", "the key 0", "the key #"], |end| {
        let post = Post::new(House::new());
        let sandbox = &post.house.sandbox;
        settle_slowly(sandbox);
        let settings = post
            .with(conversation::settings(&post.house))
            .set("conversation.operator", "200")
            .set(
                "conversation.max_turns",
                if end == "the key #" { 1 } else { 2 },
            );
        let conversation = asked_of_tea(&post.house, &settings);
        conversation.wait_for_answer();
        sandbox.answer_with("Far away.");
        match end {
            "words" => drop(conversation.ask("question-moon.wav")),
            "a number" => {
                conversation.press('7');
                conversation.types("#", 2);
            }
            "the key 0" => conversation.press('0'),
            _ => conversation.press('#'),
        }
        sandbox.release(Stage::Llm);
        let outcome = conversation.finish();
        outcome.assert_manners();
        post.wait_until_delivered(1);
        assert_eq!(post.webhook.posted()[0].json()["note"], "Jim asks for tea.");
    });
}

#[test]
fn who_ends_an_answer_by_a_key_is_forgotten_where_the_model_wants_that_behind_it() {
    let post = Post::new(House::new());
    let (house, sandbox) = (&post.house, &post.house.sandbox);
    let callers = house.other().join("callers");
    let settings = post
        .with(conversation::settings(house))
        .set("memory.callers", "internal")
        .set("memory.folder", callers.to_str().unwrap())
        .set("conversation.max_turns", 1);
    sandbox.answer_with("See you, Jim. [[goodbye]]");
    one_turn(house, &settings);
    assert_eq!(files(&callers).len(), 1);
    fs::remove_file(house.other().join("audio")).unwrap();
    settle_slowly(sandbox);
    sandbox.answer_with(&SETTLED.replace("message Anna: Jim asks for tea.", "forget"));
    let conversation = asked_of_tea(house, &settings);
    conversation.wait_for_answer();
    conversation.press('#');
    sandbox.release(Stage::Llm);
    conversation.finish().assert_manners();
    assert!(files(&callers).is_empty());
}

#[test]
fn a_model_is_not_told_that_it_has_written_none_while_an_answer_before_may_still_write_one() {
    let post = Post::new(House::new());
    let sandbox = &post.house.sandbox;
    sandbox.answer_with("Three minutes.");
    let settings = post
        .with(conversation::settings(&post.house))
        .set("conversation.max_turns", 3)
        .set("conversation.ask_after", 15.0);
    let conversation = asked_of_tea(&post.house, &settings);
    conversation.wait_to_be_heard(2);
    settle_slowly(sandbox);
    conversation.phone.wait(BREATH);
    conversation.ask("question-moon.wav");
    conversation.wait_for_sounds(&conversation.reply, 2);
    sandbox.answer_with("Far away.");
    conversation.ask("question-tea.wav");
    sandbox.wait_for(Stage::Llm, 3, PATIENCE);
    sandbox.release(Stage::Llm);
    conversation.finish().assert_manners();
    post.wait_until_delivered(1);
    let asked = sandbox.requests_to(Stage::Llm);
    let is_told = |index: usize| asked[index].body.to_string().contains("So far you have");
    assert_eq!((is_told(1), is_told(2)), (true, false));
}

/// What ends in a message that confirms it only where that is kept.
const NOTED: &str = "It is settled, Jim. Anna will hear of it today. I have noted it. \
                     [[message Anna: Jim asks for tea.]]";

/// A caller who has spoken into an answer, behind which no message can be kept that comes while it is not known what they
/// have said. Returns the end of the call, which they have heard to its end.
fn lost_while_words_are_waited_for(post: &Post, is_noise: bool) -> Outcome {
    let sandbox = &post.house.sandbox;
    settle_slowly(sandbox);
    sandbox.answer_with(NOTED);
    let settings = post
        .with(conversation::settings(&post.house))
        // The model waits for longer than the caller speaks, however slow the machine is.
        .set("call.idle_timeout", 30)
        .set("conversation.max_turns", 2);
    let conversation = asked_of_tea(&post.house, &settings);
    conversation.wait_for_answer();
    sandbox.answer_with("Far away.");
    sandbox.hold(Stage::Stt);
    let mut said = spoken("question-moon.wav");
    if is_noise {
        said.truncate(6400);
        sandbox.respond(Stage::Stt, Response::new(200, "application/json", "{}"));
    }
    conversation.phone.wait(Duration::from_millis(500));
    conversation.phone.say(said).wait();
    sandbox.wait_for(Stage::Stt, 2, PATIENCE);
    // By then their turn is over, for want of words.
    conversation.phone.wait(Duration::from_secs(3));
    fill(post);
    sandbox.release(Stage::Llm);
    conversation.phone.wait(Duration::from_secs(1));
    sandbox.release(Stage::Stt);
    conversation.finish()
}

#[test]
fn a_message_that_is_lost_while_its_answer_waits_is_told_of_and_not_confirmed() {
    let post = Post::new(House::new());
    let outcome = lost_while_words_are_waited_for(&post, true);
    outcome.assert_manners();
    assert!(is_lost(&post, &outcome));
    outcome.assert(
        !outcome.variable("ASSISTANT_ANSWER").contains("noted"),
        "it is confirmed",
    );
}

#[test]
fn a_message_that_is_lost_while_its_answer_waits_cuts_no_other_which_takes_its_place() {
    let post = Post::new(House::new());
    let outcome = lost_while_words_are_waited_for(&post, false);
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_ANSWER", "Far away.");
    assert!(is_lost(&post, &outcome));
}

/// The limit allows no second answer beside the first, so that no more of this is paid for once the caller has typed.
#[test]
fn a_limit_that_ends_an_answer_loses_no_message_that_it_has_confirmed() {
    let other = Post::new(House::new());
    let could_cost = could_cost(
        &other.house,
        &other.with(conversation::settings(&other.house)),
    );
    let post = Post::new(House::new());
    let sandbox = &post.house.sandbox;
    settle_slowly(sandbox);
    let settings = post
        .with(conversation::settings(&post.house))
        .set("limits.max_daily_cost", could_cost * 1.05)
        .set("conversation.max_turns", 2);
    let conversation = asked_of_tea(&post.house, &settings);
    conversation.wait_for_answer();
    sandbox.answer_with("Far away.");
    conversation.press('7');
    conversation.types("#", 2);
    sandbox.release(Stage::Llm);
    let outcome = conversation.finish();
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_QUESTION", "[typed on the keypad: 7]");
    post.wait_until_delivered(1);
    assert_eq!(post.webhook.posted()[0].json()["note"], "Jim asks for tea.");
}

/// The message that `I have noted it.` before a look-up confirms.
const BEHIND: &str = "[[message Anna: Jim asks for tea.]] Goodbye.";

#[test]
fn what_confirms_a_message_before_a_look_up_is_heard_only_once_the_message_behind_it_is_kept() {
    let (post, hook) = (Post::new(House::streaming()), Webhook::start());
    // While this is waited for, what is not held back is heard.
    hook.always(Takes::Never);
    let sandbox = &post.house.sandbox;
    sandbox.call_with([order("green").saying("I have noted it.")]);
    sandbox.answer_with(BEHIND);
    let settings = with_tool(post.settings(), &hook).set("tool.order.timeout", 2.0);
    let outcome = post.one_call(&settings);
    assert_eq!(ordered(&hook), ["green"]);
    assert_heard_once_kept(&post, &outcome);
    assert_eq!(post.house.spoken_texts(), ["I have noted it.", "Goodbye."]);
}

#[test]
fn a_pin_is_asked_for_although_a_confirmation_waits_for_its_message() {
    let (post, hook) = (Post::new(House::new()), Webhook::start());
    let sandbox = &post.house.sandbox;
    sandbox.call_with([order("green").saying("It is noted.")]);
    sandbox.answer_with(BEHIND);
    let settings = post
        .with(conversation::settings(&post.house))
        .set("conversation.max_turns", 1);
    let settings = with_pin(settings, &post.house, &hook);
    let conversation = asked_of_tea(&post.house, &settings);
    type_into(
        &conversation.call,
        &silence(&post.house),
        1,
        &format!("{PIN}#"),
    );
    let outcome = conversation.finish();
    assert_eq!(ordered(&hook), ["green"]);
    assert_heard_once_kept(&post, &outcome);
    assert_eq!(
        outcome.variable("ASSISTANT_ANSWER"),
        "It is noted. Goodbye."
    );
}
