//! Models that call functions in the middle of an answer, at services that check what comes back as the real ones do.

mod lost;
mod manual;
pub(crate) mod pins;

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{
    CallingTurn, Fault, GEMINI_API_KEY, Outcome, Recorded, Service, Settings, Stage, Takes, Webhook,
};

use crate::conversation;
use crate::house::{self, House, PATIENCE};
use crate::providers::openai;

/// These settings with a tool that orders tea at this address.
pub(crate) fn with_tool(settings: Settings, hook: &Webhook) -> Settings {
    settings
        .set("tool.order.description", "Orders tea.")
        .set("tool.order.url", hook.url())
        .set("tool.order.method", "POST")
        .set("tool.order.json", r#"{"kind": "{kind}"}"#)
        .set("tool.order.callers", "all")
        .set("tool.order.arguments.kind", "text: what kind of tea")
}

/// A call of the tool.
pub(crate) fn order(kind: &str) -> CallingTurn {
    CallingTurn::of("order", json!({"kind": kind}))
}

/// What was ordered, in any order.
pub(crate) fn ordered(hook: &Webhook) -> Vec<String> {
    let posted = hook.posted().into_iter();
    let kinds = posted.map(|posted| posted.json()["kind"].as_str().unwrap().to_owned());
    let mut kinds: Vec<_> = kinds.collect();
    kinds.sort();
    kinds
}

/// The settings of a house.
type MakeSettings = fn(&House) -> Settings;

/// The providers of models, by what a house sets for them.
const PROVIDERS: [(&str, MakeSettings); 3] = [
    ("gemini", |house| house.sandbox.settings()),
    ("openai", openai),
    ("a server in one's own network", |house| {
        house.sandbox.local_settings()
    }),
];

/// A call about tea, whose model calls in these turns.
fn called(
    house: &House,
    settings: Settings,
    turns: impl IntoIterator<Item = CallingTurn>,
) -> (Outcome, Webhook) {
    let hook = Webhook::start();
    house.sandbox.call_with(turns);
    let outcome = house.outcome_with("question-tea.wav", &with_tool(settings, &hook));
    outcome.assert_exit(0).assert_manners();
    (outcome, hook)
}

fn requests(house: &House) -> Vec<Recorded> {
    house.sandbox.requests_to(Stage::Llm)
}

fn statuses(house: &House) -> Vec<u16> {
    requests(house)
        .iter()
        .map(|request| request.status)
        .collect()
}

#[test]
fn an_answer_rests_on_what_its_model_has_called() {
    for (name, settings) in PROVIDERS {
        for house in [House::new(), House::streaming()] {
            let turns = [order("green").saying("One moment, please.")];
            let (outcome, hook) = called(&house, settings(&house), turns);
            outcome
                .assert_variable("ASSISTANT_STATUS", "ANSWERED")
                .assert_variable(
                    "ASSISTANT_ANSWER",
                    "One moment, please. This was found: ok.",
                );
            assert_eq!(ordered(&hook), ["green"], "{name}");
            assert_eq!(statuses(&house), [200, 200], "{name}");
            let spoken = house.spoken_texts().join(" ");
            assert_eq!(spoken, "One moment, please. This was found: ok.", "{name}");
        }
    }
}

#[test]
fn calls_of_one_turn_are_made_side_by_side_and_none_twice() {
    for (name, settings) in PROVIDERS {
        let house = House::new();
        let both = order("green").and("order", json!({"kind": "black"}));
        let again = order("black").and("order", json!({"kind": "white"}));
        let (outcome, hook) = called(&house, settings(&house), [both, again]);
        outcome.assert_variable("ASSISTANT_ANSWER", "This was found: ok, ok, ok, ok.");
        assert_eq!(ordered(&hook), ["black", "green", "white"], "{name}");
        assert_eq!(statuses(&house), [200, 200, 200], "{name}");
    }
}

#[test]
fn a_model_that_calls_without_end_is_asked_without_functions_after_three_rounds() {
    for (name, settings) in PROVIDERS {
        let house = House::new();
        let turns = ["a", "b", "c", "d", "e"].map(order);
        let (outcome, hook) = called(&house, settings(&house), turns);
        outcome.assert_variable("ASSISTANT_ANSWER", "This was found: ok, ok, ok.");
        assert_eq!(ordered(&hook), ["a", "b", "c"], "{name}");
        let offered = requests(&house);
        let offered: Vec<_> = offered
            .iter()
            .map(|it| it.body.get("tools").is_some())
            .collect();
        assert_eq!(offered, [true, true, true, false], "{name}");
    }
}

#[test]
fn an_answer_makes_six_calls_at_most() {
    let house = House::new();
    let many = ["b", "c", "d", "e", "f", "g", "h"];
    let turn = many.iter().fold(order("a"), |turn, kind| {
        turn.and("order", json!({"kind": kind}))
    });
    let (outcome, hook) = called(&house, house.sandbox.settings(), [turn, order("i")]);
    outcome.assert_variable_contains("ASSISTANT_ANSWER", "error: this was not called");
    assert_eq!(ordered(&hook), ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(requests(&house).len(), 2);
}

#[test]
fn a_model_that_stands_in_is_told_what_was_found_and_calls_nothing() {
    for first in ["gemini", "openai"] {
        let (house, hook) = (House::new(), Webhook::start());
        let (service, then) = match first {
            "gemini" => (Service::Gemini, "openai"),
            _ => (Service::OpenAiChat, "gemini"),
        };
        let settings = openai(&house)
            .set("gemini.api_key", GEMINI_API_KEY)
            .set("llm.provider", first)
            .set("llm.fallback", json!([then]));
        house
            .sandbox
            .call_with([order("green").saying("One moment."), order("black")]);
        house.sandbox.hold(Stage::Llm);
        let call = house
            .ask("question-tea.wav")
            .call_with(&with_tool(settings, &hook))
            .start();
        house.sandbox.wait_for(Stage::Llm, 1, PATIENCE);
        house
            .sandbox
            .fault_service(service, Fault::Status(503), usize::MAX);
        house.sandbox.release(Stage::Llm);
        let outcome = call.finish(PATIENCE);
        outcome.assert_variable(
            "ASSISTANT_ANSWER",
            "One moment. Black tea should steep for three to five minutes. Goodbye!",
        );
        assert_eq!(ordered(&hook), ["green"], "{first}");
        let asked = requests(&house);
        let last = &asked.last().unwrap().body;
        let told = last.to_string();
        assert!(
            told.contains("order: ok") && told.contains("One moment."),
            "{told}"
        );
        assert!(last.get("tools").is_none(), "{told}");
    }
}

#[test]
fn a_server_that_knows_no_functions_answers_without_them() {
    for (name, settings) in PROVIDERS {
        let house = House::new();
        house.sandbox.know_no_functions();
        let (outcome, hook) = called(&house, settings(&house), [order("green")]);
        outcome
            .assert_variable("ASSISTANT_STATUS", "ANSWERED")
            .assert_variable(
                "ASSISTANT_ANSWER",
                "Black tea should steep for three to five minutes. Goodbye!",
            );
        assert!(hook.posted().is_empty(), "{name}");
        assert_eq!(statuses(&house), [400, 200], "{name}");
        let told = outcome.stderr.matches("knows no tools").count();
        assert_eq!(told, 1, "{name}: {}", outcome.stderr);
        let warned = outcome.warnings.concat();
        outcome.assert(
            warned.contains("knows no tools"),
            "administrators are not told",
        );
    }
}

#[test]
fn a_tool_that_fails_is_told_to_the_model() {
    let table = [
        (Takes::Status(500), "error: the server answered 500"),
        (Takes::Resets, "error: the"),
        (Takes::Never, "error: no whole answer within 1.0 s"),
    ];
    for (takes, told) in table {
        let (house, hook) = (House::new(), Webhook::start());
        hook.always(takes);
        house.sandbox.call_with([order("green")]);
        let settings = with_tool(house.sandbox.settings(), &hook).set("tool.order.timeout", 1.0);
        let outcome = house.outcome_with("question-tea.wav", &settings);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let answer = outcome.variable("ASSISTANT_ANSWER");
        outcome.assert(answer.contains(told), answer);
        assert_eq!(hook.posted().len(), 1, "a POST is never repeated");
    }
}

#[test]
fn after_a_hang_up_nothing_is_called() {
    let (house, hook) = (House::streaming(), Webhook::start());
    house.sandbox.call_with([order("green")]);
    house.sandbox.hold(Stage::Llm);
    let settings = with_tool(house.sandbox.settings(), &hook);
    let call = house.ask("question-tea.wav").call_with(&settings).start();
    house.sandbox.wait_for(Stage::Llm, 1, PATIENCE);
    call.hangup();
    let outcome = call.finish(PATIENCE);
    house.sandbox.release(Stage::Llm);
    outcome.assert_variable("ASSISTANT_STATUS", "HANGUP");
    assert!(hook.posted().is_empty());
    assert_eq!(requests(&house).len(), 1);
}

#[test]
fn what_a_model_has_heard_and_called_for_is_not_asked_again_where_the_caller_goes_on() {
    let (house, hook) = (House::new(), Webhook::start());
    hook.always(Takes::Never);
    house.sandbox.call_with([order("green")]);
    let settings = conversation::settings(&house)
        .set("llm.hears", true)
        .set("call.fallback_after", 60.0)
        .set("conversation.max_turns", 2);
    let settings = with_tool(settings, &hook).set("tool.order.timeout", 20.0);
    let conversation = conversation::asked_of_tea(&house, &settings);
    hook.wait_for(1, PATIENCE);
    house.sandbox.call_with([]);
    house.sandbox.answer_with("Far away.");
    conversation.ask("question-moon.wav");
    house.sandbox.wait_for(Stage::Llm, 2, PATIENCE);
    conversation.hang_up();
    assert_eq!(ordered(&hook), ["green"]);
    let asked = &requests(&house)[1].body["contents"];
    let first = asked[0]["parts"][0]["text"].as_str().unwrap_or_default();
    assert!(first.ends_with("not written down]"), "{first}");
    let last = asked.as_array().unwrap().last().unwrap();
    assert_eq!(last["parts"][0]["text"], "How far away is the moon?");
}

/// The answer that tells of an order is lost to a model that fails, or to a caller who goes on.
#[test]
fn what_was_ordered_and_never_told_is_not_ordered_again_until_the_caller_has_heard_of_it() {
    house::each([true, false], |fails| {
        let (house, hook) = (House::new(), Webhook::start());
        let settings = conversation::settings(&house)
            .set("conversation.max_turns", 4)
            .set("conversation.ask_after", 15.0);
        let is_green = [order("green").saying("One moment, I am ordering it.")];
        house.sandbox.call_with(is_green);
        house.sandbox.hold(Stage::Llm);
        let conversation = conversation::asked_of_tea(&house, &with_tool(settings, &hook));
        house.sandbox.wait_for(Stage::Llm, 1, PATIENCE);
        if fails {
            house.sandbox.fault(Stage::Llm, Fault::Status(400), 1);
            house.sandbox.release(Stage::Llm);
            conversation.wait_to_be_heard(2);
        } else {
            house.sandbox.release(Stage::Llm);
            hook.wait_for(1, PATIENCE);
            conversation.wait_for_answer();
        }
        for (times, orders) in [(3, 1), (4, 2)] {
            house.sandbox.call_with([order("green")]);
            conversation.phone.wait(conversation::BREATH);
            conversation.ask("question-tea.wav");
            conversation.wait_to_be_heard(times);
            assert_eq!(hook.posted().len(), orders, "fails: {fails}");
        }
        conversation.hang_up();
        let asked = requests(&house);
        let told = |asked: &Recorded| {
            let prompt = &asked.body["systemInstruction"]["parts"][0]["text"];
            prompt
                .as_str()
                .unwrap()
                .contains(r#"order {"kind":"green"}: ok"#)
        };
        assert!(!told(&asked[0]) && asked[2..].iter().all(told));
        let spoken = house.spoken_texts().join(" ");
        assert!(spoken.contains("error: this was not called"), "{spoken}");
        assert!(spoken.ends_with("This was found: ok."), "{spoken}");
    });
}

#[test]
fn an_internal_tool_is_offered_to_phones_of_this_asterisk_alone() {
    let table = [
        ("PJSIP/200-0000000a", "200", true),
        ("PJSIP/provider-0000000b", "200", false),
        ("PJSIP/200-0000000a", "+4930123456", false),
    ];
    for (channel, number, is_internal) in table {
        for callers in ["internal", "all"] {
            let (house, hook) = (House::new(), Webhook::start());
            house.sandbox.call_with([order("green")]);
            let settings = with_tool(house.sandbox.settings(), &hook);
            let settings = settings.set("tool.order.callers", callers);
            let call = house.ask("question-tea.wav").call_with(&settings);
            let call = call
                .agi("agi_channel", channel)
                .agi("agi_callerid", number)
                .agi("agi_callingpres", "0");
            call.start()
                .finish(PATIENCE)
                .assert_variable("ASSISTANT_STATUS", "ANSWERED");
            let is_offered = requests(&house)[0].body.get("tools").is_some();
            let expected = is_internal || callers == "all";
            assert_eq!(is_offered, expected, "{channel} {number} {callers}");
            assert_eq!(hook.posted().len(), usize::from(expected));
        }
    }
}

/// What a call without tools, messages and memory asks a model, to the last byte, on 8008 and on 8009.
#[test]
fn a_request_without_tools_and_messages_has_nothing_else_in_it() {
    let settings = |settings: Settings| {
        settings
            .set("llm.persona", "You are Robin.")
            .set("knowledge.disclosure", "none")
            // The time is not the same in two calls.
            .set("knowledge.time_zone", "Nowhere/None")
    };
    let house = House::new();
    house.outcome_with("question-tea.wav", &settings(house.sandbox.settings()));
    let other = House::new();
    let of_turns = settings(conversation::settings(&other)).set("conversation.max_turns", 1);
    conversation::one_turn(&other, &of_turns);
    for (house, told) in [(house, ""), (other, TURNS)] {
        let [request] = &requests(&house)[..] else {
            panic!("one request");
        };
        let prompt = format!("You are Robin.{told}\n\nYou do not know the date and the time.");
        let expected = json!({
            "systemInstruction": {"parts": [{"text": prompt}]},
            "contents": [{"role": "user", "parts": [{"text": "How long should black tea steep?"}]}],
            "generationConfig": {
                "maxOutputTokens": 400,
                "thinkingConfig": {"thinkingLevel": "MINIMAL"},
            },
        });
        assert_eq!(request.body, expected);
    }
}

/// What a model is told of a conversation that it cannot hand over.
const TURNS: &str = "\n\nThis is a telephone call of several turns, whatever is said above of questions and of goodbye: \
     you may ask back, and you say goodbye only when the caller wants to end the call; then end your answer with \
     [[goodbye]]. If one of your answers breaks off, the caller interrupted it, and no transfer followed.";

#[test]
fn a_hang_up_ends_a_tool_that_hangs() {
    let (house, hook) = (House::streaming(), Webhook::start());
    hook.always(Takes::Never);
    house.sandbox.call_with([order("green")]);
    let settings = with_tool(house.sandbox.settings(), &hook).set("tool.order.timeout", 20.0);
    let call = house.ask("question-tea.wav").call_with(&settings).start();
    hook.wait_for(1, PATIENCE);
    call.hangup();
    call.finish(Duration::from_secs(5))
        .assert_variable("ASSISTANT_STATUS", "HANGUP");
    assert_eq!(requests(&house).len(), 1);
}

#[test]
fn a_conversation_calls_too_and_a_request_without_tools_has_no_word_of_them() {
    let (house, hook) = (House::new(), Webhook::start());
    house
        .sandbox
        .call_with([order("green").saying("One moment, please.")]);
    let settings = conversation::settings(&house).set("conversation.max_turns", 1);
    conversation::one_turn(&house, &with_tool(settings.clone(), &hook));
    assert_eq!(ordered(&hook), ["green"]);
    let spoken = house.spoken_texts().join(" ");
    assert!(spoken.contains("This was found: ok."), "{spoken}");
    let [first, ..] = &requests(&house)[..] else {
        panic!("no request");
    };
    let told = |body: &Value| body.to_string().contains("function");
    assert!(told(&first.body));

    let house = House::new();
    conversation::one_turn(
        &house,
        &conversation::settings(&house).set("conversation.max_turns", 1),
    );
    assert!(requests(&house).iter().all(|request| !told(&request.body)));
}
