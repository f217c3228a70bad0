//! PINs that a caller types before a tool is used: what is typed, what comes of it, and that it stands nowhere.

use testkit::{Call, Outcome, Settings, Webhook, write_secret};

use super::{order, ordered, with_tool};
use crate::conversation;
use crate::house::{House, PATIENCE};

pub(crate) const PIN: &str = "482915";
const ASKED: &str = "Please type your PIN, then the hash key.";
const ASKED_AGAIN: &str = "That PIN is wrong. Please type it again, then the hash key.";

/// These settings with a tool that wants a PIN, and logs that hold words.
pub(crate) fn with_pin(settings: Settings, house: &House, hook: &Webhook) -> Settings {
    let file = house.other().join("tea.pin");
    write_secret(&file, &format!("{PIN}\n"));
    let sounds = file.with_file_name("sounds");
    with_tool(settings, hook)
        .set("tool.order.pin_file", file.to_str().unwrap())
        .set("conversation.sounds", sounds.to_str().unwrap())
        .set("log.words", true)
}

/// The beginning of the command that plays silence between two keys.
pub(crate) fn silence(house: &House) -> String {
    let silence = house.other().join("sounds").join("silence");
    format!("STREAM FILE \"{}\" \"0123456789*#\"", silence.display())
}

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
    let settings = if is_conversation {
        conversation::settings(&house)
            .set("conversation.max_turns", 1)
            .set("conversation.operator", "200")
    } else {
        house.sandbox.settings()
    };
    let settings = with_pin(settings, &house, &hook);
    let silence = silence(&house);
    // A conversation has played it once already, while it listened to the question.
    let before = usize::from(is_conversation);
    let outcome = if is_conversation {
        let conversation = conversation::asked_of_tea(&house, &settings);
        type_into(&conversation.call, &silence, before, keys);
        conversation.finish()
    } else {
        let call = house.ask("question-tea.wav").call_with(&settings).start();
        type_into(&call, &silence, before, keys);
        call.finish(PATIENCE)
    };
    (house, hook, outcome)
}

/// Types these keys, each once the silence after the one before plays, which was played so often `before`.
pub(crate) fn type_into(call: &Call, silence: &str, before: usize, keys: &str) {
    for (number, key) in keys.chars().enumerate() {
        call.wait_for_commands(silence, before + number + 1, PATIENCE);
        call.press(key);
    }
}

/// A conversation whose caller types these keys in place of a question. Its log holds all that it may.
fn typed_unasked(keys: &str) -> (House, Webhook, Outcome) {
    let (house, hook) = (House::new(), Webhook::start());
    house.sandbox.call_with([order("green")]);
    let settings = conversation::settings(&house).set("conversation.max_turns", 1);
    let settings = with_pin(settings, &house, &hook);
    let conversation = conversation::converse_in(&house, &settings, |call| {
        call.env("PHONE_ASSISTANT_LOG", "trace")
    });
    type_into(&conversation.call, &silence(&house), 0, keys);
    let outcome = conversation.finish();
    (house, hook, outcome)
}

/// The PIN stands in no log, no command, no request and nothing that is spoken.
#[track_caller]
fn assert_untold(house: &House, outcome: &Outcome) {
    let spoken = house.spoken_texts().join(" ");
    let commands = outcome.commands().collect::<Vec<_>>().join("\n");
    for told in [commands, outcome.stderr.clone(), spoken] {
        outcome.assert(!told.contains(PIN), &told);
    }
    for request in house.sandbox.requests() {
        let body = request.body.to_string();
        outcome.assert(!body.contains(PIN), &body);
    }
}

#[test]
fn a_tool_is_used_once_its_pin_was_typed_and_nobody_is_told_the_pin() {
    for is_conversation in [false, true] {
        let (house, hook, outcome) = typed(is_conversation, &format!("{PIN}#"));
        assert_eq!(ordered(&hook), ["green"]);
        let spoken = house.spoken_texts().join(" ");
        assert!(spoken.contains(ASKED), "{spoken}");
        assert!(spoken.contains("This was found: ok."), "{spoken}");
        assert_untold(&house, &outcome);
    }
}

#[test]
fn a_wrong_pin_is_typed_again_until_it_is_right() {
    for is_conversation in [false, true] {
        let (house, hook, outcome) = typed(is_conversation, &format!("4829#0#{PIN}#"));
        let spoken = house.spoken_texts().join(" ");
        assert_eq!(ordered(&hook), ["green"], "{spoken}");
        assert!(spoken.contains("This was found: ok."), "{spoken}");
        // It is spoken once, and kept.
        assert_eq!(spoken.matches(ASKED_AGAIN).count(), 1, "{spoken}");
        assert_untold(&house, &outcome);
    }
}

#[test]
fn a_wrong_pin_and_none_are_told_to_the_model_in_one_line() {
    let table = [
        ("4829##", "the PIN that the caller typed is wrong"),
        ("#", "the caller typed no PIN"),
        (
            "1#2#3#",
            "no PIN of this caller is taken any more after wrong ones",
        ),
    ];
    for (keys, why) in table {
        let (_house, hook, outcome) = typed(false, keys);
        let told = format!("error: this was not done, because {why}");
        outcome.assert_variable(
            "ASSISTANT_ANSWER",
            &format!("One moment, please. This was found: {told}."),
        );
        assert!(hook.posted().is_empty());
    }
}

/// What a model is told in the place of keys that may be a PIN.
const HIDDEN: &str = "[typed on the keypad: not shown]";

#[test]
fn a_pin_that_is_typed_before_it_is_asked_for_is_taken_and_shown_to_no_model() {
    let (house, hook, outcome) = typed_unasked(&format!("{PIN}#"));
    assert_eq!(ordered(&hook), ["green"]);
    let spoken = house.spoken_texts().join(" ");
    assert!(!spoken.contains(ASKED), "{spoken}");
    assert_untold(&house, &outcome);
    let question = outcome.variable("ASSISTANT_QUESTION");
    outcome.assert(question.contains(HIDDEN), question);
    for code in ["result=52", "result=56"] {
        outcome.assert(!outcome.stderr.contains(code), "the log has keys");
    }
}

#[test]
fn a_pin_that_is_typed_after_it_was_asked_for_is_shown_to_no_model() {
    let (house, hook) = (House::new(), Webhook::start());
    house.sandbox.call_with([order("green")]);
    let settings = conversation::settings(&house).set("conversation.max_turns", 2);
    let settings = with_pin(settings, &house, &hook);
    let conversation = conversation::asked_of_tea(&house, &settings);
    // None is typed while it is asked for, then too many digits.
    type_into(
        &conversation.call,
        &silence(&house),
        1,
        &format!("#{PIN}7#"),
    );
    let outcome = conversation.finish();
    assert!(hook.posted().is_empty());
    assert_untold(&house, &outcome);
    let question = outcome.variable("ASSISTANT_QUESTION");
    outcome.assert(question.contains(HIDDEN), question);
}

#[test]
fn a_pin_that_is_begun_anew_is_taken_and_shown_nowhere() {
    let (house, hook, outcome) = typed_unasked(&format!("48*{PIN}#"));
    assert_eq!(ordered(&hook), ["green"]);
    assert_untold(&house, &outcome);
    let question = outcome.variable("ASSISTANT_QUESTION");
    outcome.assert(question.contains(HIDDEN), question);
}

#[test]
fn a_number_as_long_as_the_pin_costs_no_try_and_the_pin_is_asked_for() {
    let (house, hook, outcome) = typed_unasked(&format!("123456#{PIN}#"));
    assert_eq!(ordered(&hook), ["green"]);
    let spoken = house.spoken_texts().join(" ");
    assert!(
        spoken.contains(ASKED) && !spoken.contains(ASKED_AGAIN),
        "{spoken}"
    );
    assert_untold(&house, &outcome);
}
