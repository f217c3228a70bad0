//! What was ordered in an answer that a lost message cuts.

use std::fs;

use testkit::Webhook;

use super::{order, ordered, with_tool};
use crate::conversation;
use crate::house::{House, PATIENCE};

#[test]
fn an_answer_that_a_lost_message_cuts_tells_of_no_order() {
    let (house, hook) = (House::new(), Webhook::start());
    let folder = house.other().join("messages");
    fs::write(&folder, "no folder").unwrap();
    let settings = conversation::settings(&house)
        .set("messages.folder", folder.to_str().unwrap())
        .set("messages.webhook", hook.url())
        .set("conversation.max_turns", 2)
        .set("conversation.ask_after", 15.0);
    let settings = with_tool(settings, &hook);
    let takes_note = order("black").saying("One moment. [[message Anna: tea]]");
    house.sandbox.call_with([order("green"), takes_note]);
    let conversation = conversation::asked_of_tea(&house, &settings);
    hook.wait_for(1, PATIENCE);
    conversation.wait_to_be_heard(2);
    house.sandbox.call_with([order("green")]);
    conversation.phone.wait(conversation::BREATH);
    conversation.ask("question-tea.wav");
    conversation.finish();
    let spoken = house.spoken_texts().join(" ");
    assert!(
        spoken.contains("your message could not be taken"),
        "{spoken}"
    );
    assert!(spoken.contains("error: this was not called"), "{spoken}");
    let green = ordered(&hook).into_iter().filter(|kind| kind == "green");
    assert_eq!(green.count(), 1, "{spoken}");
}
