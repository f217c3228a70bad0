//! Gemini's streams, right and broken, and how much each model is asked to think.

use super::*;
use crate::cloud::llm::answering::{read_whole, turn_of};
use crate::cloud::llm::functions::{Call, Function};
use serde_json::{Value, json};

#[test]
fn an_answer_is_not_thrown_away_for_what_is_said_beside_it() {
    for usage in [
        r#"{"promptTokenCount":"7"}"#,
        r#"{"promptTokenCount":-4}"#,
        r#"{"candidatesTokenCount":1.5}"#,
        "null",
    ] {
        let event = r#"{"candidates":[{"content":{"parts":[{"text":"yes"}]},"finishReason":null}],"usageMetadata":USAGE}"#.replace("USAGE", usage);
        let said = read_event(&event).expect("an answer");
        assert_eq!((said.words.as_str(), said.tokens), ("yes", None), "{usage}");
    }
    let nothing = read_event(r#"{"candidates":null,"usageMetadata":null}"#).expect("an event");
    assert_eq!(nothing, StreamEvent::default());
}

#[test]
fn thinking_is_as_little_as_each_model_takes() {
    let table = [
        ("gemini-3.5-flash-lite", r#"{"thinkingLevel":"MINIMAL"}"#),
        ("gemini-flash-lite-latest", r#"{"thinkingLevel":"MINIMAL"}"#),
        ("gemini-3.6-flash", r#"{"thinkingLevel":"MINIMAL"}"#),
        ("gemini-3.8-flash", r#"{"thinkingLevel":"LOW"}"#),
        ("gemini-flash-latest", r#"{"thinkingLevel":"LOW"}"#),
        ("gemini-2.5-flash", r#"{"thinkingBudget":0}"#),
        ("gemini-2.5-pro", r#"{"thinkingBudget":128}"#),
    ];
    for (model, expected) in table {
        let thinking = serde_json::to_string(&Thinking::of("least", model)).expect("plain");
        assert_eq!(thinking, expected, "{model}");
    }
    assert_eq!(Thinking::of("unset", "gemini-2.5-flash"), None);
    assert_eq!(
        Thinking::of("xhigh", "x"),
        Some(Thinking::ThinkingLevel("XHIGH".into()))
    );
}

fn event(parts: &str, reason: &str) -> String {
    let candidate =
        format!(r#"{{"content":{{"role":"model","parts":{parts}}},"finishReason":"{reason}"}}"#);
    format!(
        "data: {{\"candidates\":[{candidate}],\"modelVersion\":\"gemini-3.5-flash-lite\"}}\r\n\r\n"
    )
}

#[test]
fn words_come_event_by_event_and_the_last_tells_why_it_ends() {
    let (hello, more) = (
        r#"[{"text":"Hello"}]"#,
        r#"[{"text":" there."},{"text":" Goodbye!\n"}]"#,
    );
    let thought = r#"[{"text":"Let me think.","thought":true},{"text":"Four."}]"#;
    let table = [
        (
            event(hello, "") + &event(more, "STOP"),
            "Hello there. Goodbye!\n",
            Some(End::Whole),
        ),
        (
            event(hello, "") + &event(more, "MAX_TOKENS"),
            "Hello there. Goodbye!\n",
            Some(End::Cut),
        ),
        (
            event(hello, "") + &event("[]", "STOP"),
            "Hello",
            Some(End::Whole),
        ),
        (event(thought, "STOP"), "Four.", Some(End::Whole)),
        (
            event(hello, "STOP") + "data: [DONE]\n\n",
            "Hello",
            Some(End::Whole),
        ),
        (event(hello, ""), "Hello", None),
        (
            event(hello, "STOP").trim_end().to_owned(),
            "Hello",
            Some(End::Whole),
        ),
        (
            format!(
                "[{}]",
                event(hello, "STOP").trim_start_matches("data: ").trim()
            ),
            "Hello",
            Some(End::Whole),
        ),
        ("data: {\"usageMetadata\":{}}\n\n".to_owned(), "", None),
        (String::new(), "", None),
    ];
    for (stream, words, end) in table {
        assert_eq!(
            read_whole(&DIALECT, &stream),
            Ok((words.to_owned(), end)),
            "{stream}"
        );
    }
}

#[test]
fn what_the_service_withholds_or_gives_up_is_told_with_its_reason() {
    let hello = r#"[{"text":"Hello"}]"#;
    let table = [
        (event(hello, "SAFETY"), "(SAFETY)"),
        (
            event(hello, "") + &event("[]", "RECITATION"),
            "(RECITATION)",
        ),
        (
            "data: {\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\"}}\n\n".to_owned(),
            "(PROHIBITED_CONTENT)",
        ),
        (event(hello, "OTHER"), "gave up on its answer (OTHER)"),
        (event("[]", "MALFORMED_RESPONSE"), "(MALFORMED_RESPONSE)"),
        (
            event("[]", "IMAGE_SAFETY"),
            "will not answer this (IMAGE_SAFETY)",
        ),
        (
            "data: {\"candidates\": 7}\n\n".to_owned(),
            "break its format",
        ),
    ];
    for (stream, part) in table {
        let error = read_whole(&DIALECT, &stream).expect_err(&stream);
        assert!(error.contains(part), "{error:?} for {stream}");
    }
}

#[test]
fn calls_come_as_parts_and_go_back_as_they_came() {
    let stream = event(r#"[{"text":"One "},{"text":"moment."}]"#, "")
        + &event(
            r#"[{"text":"Hm.","thought":true},{"functionCall":{"id":"a","name":"weather","args":{"latitude":45.70,"place":"Lyon"}},"thoughtSignature":"c2ln+/=="}]"#,
            "",
        )
        + &event(r#"[{"functionCall":{"name":"news"}}]"#, "")
        + &event(r#"[{"text":"","thoughtSignature":"bGFzdA=="}]"#, "STOP");
    let turn = turn_of(&DIALECT, &stream);
    let call = |id: &str, name: &str, arguments: Value| Call {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: Ok(arguments),
    };
    assert_eq!(turn.words, "One moment.");
    let arguments = json!({"latitude": 45.7, "place": "Lyon"});
    assert_eq!(
        turn.calls,
        [
            call("a", "weather", arguments.clone()),
            call("", "news", json!({}))
        ]
    );
    let round = Round {
        turn,
        results: vec!["sunny".to_owned(), "none".to_owned()],
    };
    let sent = super::round(&round);
    assert_eq!(
        serde_json::to_value(&sent[..]).expect("plain"),
        json!([
            {"role": "model", "parts": [
                {"text": "One moment."},
                {"functionCall": {"id": "a", "name": "weather", "args": arguments}, "thoughtSignature": "c2ln+/=="},
                {"functionCall": {"name": "news", "args": null}},
                {"text": "", "thoughtSignature": "bGFzdA=="},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "a", "name": "weather", "response": {"result": "sunny"}}},
                {"functionResponse": {"name": "news", "response": {"result": "none"}}},
            ]},
        ])
    );
}

#[test]
fn the_calls_of_an_answer_that_was_cut_are_none() {
    let parts = r#"[{"functionCall":{"name":"news","args":{}}}]"#;
    for (end, count) in [("STOP", 1), ("MAX_TOKENS", 0), ("", 0)] {
        assert_eq!(
            turn_of(&DIALECT, &event(parts, end)).calls.len(),
            count,
            "{end}"
        );
    }
}

/// The question of a caller, with these functions.
fn asked(functions: &[Function]) -> Asked<'_> {
    Asked {
        prompt: "P",
        before: &[],
        question: Question::Words("Q"),
        functions,
        rounds: &[],
    }
}

#[test]
fn a_request_without_functions_says_nothing_of_them() {
    let text = |asked| String::from_utf8(body(asked, 400, None)).expect("JSON");
    assert_eq!(
        text(asked(&[])),
        r#"{"systemInstruction":{"parts":[{"text":"P"}]},"contents":[{"role":"user","parts":[{"text":"Q"}]}],"generationConfig":{"maxOutputTokens":400}}"#
    );
    let function = |properties| Function {
        name: "news".to_owned(),
        description: "D".to_owned(),
        parameters: json!({"type": "object", "properties": properties}),
    };
    // One without arguments has no schema.
    let functions = [function(json!({})), function(json!({"a": {}}))];
    assert_eq!(
        text(asked(&functions)),
        r#"{"systemInstruction":{"parts":[{"text":"P"}]},"contents":[{"role":"user","parts":[{"text":"Q"}]}],"tools":[{"functionDeclarations":[{"name":"news","description":"D"},{"name":"news","description":"D","parametersJsonSchema":{"properties":{"a":{}},"type":"object"}}]}],"generationConfig":{"maxOutputTokens":400}}"#
    );
}
