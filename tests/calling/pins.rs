//! PINs that a caller types before a tool is used: what is typed, what comes of it, and that it stands nowhere.

use testkit::{Outcome, Webhook, write_secret};

use super::{order, ordered, with_tool};
use crate::conversation;
use crate::house::{House, PATIENCE};

const PIN: &str = "482915";

/// A call about tea on an extension of this kind, whose tool wants a PIN and whose caller types these keys.
fn typed(is_conversation: bool, keys: &str) -> (House, Webhook, Outcome) {
    let house = if is_conversation {
        House::new()
    } else {
        House::streaming()
    };
    let hook = Webhook::start();
    house
        .sandbox
        .call_with([order("green").saying("One moment, please.")]);
    let file = house.other().join("tea.pin");
    write_secret(&file, &format!("{PIN}\n"));
    let settings = if is_conversation {
        conversation::settings(&house)
            .set("conversation.max_turns", 1)
            .set("conversation.operator", "200")
    } else {
        house.sandbox.settings()
    };
    let settings = with_tool(settings, &hook)
        .set("tool.order.pin_file", file.to_str().unwrap())
        .set("log.words", true);
    let sounds = file.with_file_name("sounds");
    let settings = settings.set("conversation.sounds", sounds.to_str().unwrap());
    let silence = format!(
        "STREAM FILE \"{}\" \"0123456789*#\"",
        sounds.join("silence").display()
    );
    // A conversation has played it once already, while it listened to the question.
    let before = usize::from(is_conversation);
    let type_into = |call: &testkit::Call| {
        for (number, key) in keys.chars().enumerate() {
            call.wait_for_commands(&silence, before + number + 1, PATIENCE);
            call.press(key);
        }
    };
    let outcome = if is_conversation {
        let talking = conversation::asked_of_tea(&house, &settings);
        type_into(&talking.call);
        talking.finish()
    } else {
        let call = house.ask("question-tea.wav").call_with(&settings).start();
        type_into(&call);
        call.finish(PATIENCE)
    };
    (house, hook, outcome)
}

#[test]
fn a_tool_is_used_once_its_pin_was_typed_and_nobody_is_told_the_pin() {
    for is_conversation in [false, true] {
        let (house, hook, outcome) = typed(is_conversation, &format!("{PIN}#"));
        assert_eq!(ordered(&hook), ["green"]);
        let spoken = house.spoken_texts().join(" ");
        assert!(
            spoken.contains("Please type your PIN, then the hash key."),
            "{spoken}"
        );
        assert!(spoken.contains("This was found: ok."), "{spoken}");
        let told = outcome.commands().collect::<Vec<_>>().join("\n") + &outcome.stderr + &spoken;
        assert!(!told.contains(PIN), "{outcome}");
        for request in house.sandbox.requests() {
            assert!(!request.body.to_string().contains(PIN));
        }
    }
}

#[test]
fn a_wrong_pin_and_none_are_told_to_the_model_in_one_line() {
    let table = [
        (
            "4829#",
            "error: this was not done, because the PIN that the caller typed is wrong",
        ),
        (
            "#",
            "error: this was not done, because the caller typed no PIN",
        ),
    ];
    for (keys, told) in table {
        let (_house, hook, outcome) = typed(false, keys);
        outcome.assert_variable(
            "ASSISTANT_ANSWER",
            &format!("One moment, please. This was found: {told}."),
        );
        assert!(hook.posted().is_empty());
    }
}
