//! Streams of servers of OpenAI's kind, right and broken.

use super::*;
use crate::cloud::llm::answering::{read_whole, turn_of};
use crate::cloud::llm::functions::{Function, Round};

fn chunk(content: &str, reason: &str) -> String {
    format!(
        "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{content}}},\"finish_reason\":{reason}}}]}}\n\n"
    )
}

/// A line of Ollama's own.
fn ollama(content: &str, done: &str) -> String {
    format!(
        "{{\"model\":\"m\",\"created_at\":\"t\",\"message\":{{\"role\":\"assistant\",\"content\":\"{content}\",\"thinking\":\"Hm.\"}},\"done\":{done}}}\n"
    )
}

const DONE_LINE: &str = r#"true,"done_reason":"stop","prompt_eval_count":7,"eval_count":2"#;

#[test]
fn lines_of_ollama_tell_what_was_used_and_what_went_wrong() {
    let used = read_event(&ollama("", DONE_LINE)).expect("a line").tokens;
    let expected = Tokens {
        input: 7,
        output: 2,
    };
    assert_eq!(used, Some(expected));
    let stream = ollama("Hello", "false") + "{\"error\":\"out of memory\"}\n";
    assert_eq!(
        read_whole(&DIALECT, &stream),
        Ok(("Hello".to_owned(), None))
    );
    let mut answer = super::super::Answer::new(&DIALECT);
    answer
        .push(stream.as_bytes())
        .expect("an error has a status");
}

#[test]
fn an_answer_is_not_thrown_away_for_what_is_said_beside_it() {
    for usage in [
        r#"{"prompt_tokens":"5","completion_tokens":1}"#,
        r#"{"prompt_tokens":-1,"completion_tokens":1}"#,
        "2.5",
        "null",
    ] {
        let event =
            r#"{"choices":[{"delta":{"content":"yes"}}],"usage":USAGE}"#.replace("USAGE", usage);
        let said = read_event(&event).expect("an answer");
        assert_eq!((said.words.as_str(), said.tokens), ("yes", None), "{usage}");
    }
    let nothing = read_event(r#"{"choices":null,"usage":null}"#).expect("an event");
    assert_eq!(nothing, StreamEvent::default());
}

/// What a server sends of a thought, and how an answer after it ends.
const THOUGHT: &str =
    "data: {\"choices\":[{\"delta\":{\"content\":null,\"reasoning_content\":\"Porto?\"}}]}\n\n";
const WHOLE: Option<End> = Some(End::Whole);

#[test]
fn words_come_event_by_event_until_one_has_a_reason_or_the_stream_is_done() {
    let done = "data: [DONE]\n\n";
    let hello = chunk("\"Hello\"", "null");
    let table = [
        (
            hello.clone() + &chunk("\".\"", "\"stop\"") + done,
            "Hello.",
            Some(End::Whole),
        ),
        (
            hello.clone() + &chunk("\".\"", "\"stop\"") + "data: words of a proxy\n\n",
            "Hello.",
            Some(End::Whole),
        ),
        (
            hello.clone() + &chunk("null", "\"length\"") + done,
            "Hello",
            Some(End::Cut),
        ),
        (hello.clone() + done, "Hello", Some(End::Whole)),
        (THOUGHT.to_owned() + &hello + done, "Hello", WHOLE),
        (hello.clone(), "Hello", None),
        (
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n".to_owned(),
            "",
            None,
        ),
        (
            chunk("\"\"", "null") + "data: {\"choices\":[{}]}\n\n",
            "",
            None,
        ),
        (": ping\n\n".to_owned() + &hello, "Hello", None),
        (hello.replace("delta", "message"), "Hello", Some(End::Whole)),
        (
            hello.clone() + &chunk("\"Hello.\"", "\"stop\"").replace("delta", "message"),
            "Hello",
            Some(End::Whole),
        ),
        (
            hello.replace("data: ", "").replace("delta", "message"),
            "Hello",
            Some(End::Whole),
        ),
        (
            hello.replace("data: ", "").trim().to_owned() + done,
            "Hello",
            Some(End::Whole),
        ),
        (
            hello.clone() + &hello.replace("index\":0", "index\":1"),
            "Hello",
            None,
        ),
        (
            hello.clone() + &chunk("\"\"", "\"model_length\""),
            "Hello",
            Some(End::Cut),
        ),
        (
            chunk(
                r#"[{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]},{"type":"text","text":"Hello"}]"#,
                "null",
            ),
            "Hello",
            None,
        ),
        (
            chunk(r#"[{"type":"text","text":"Hello"}]"#, "\"stop\"").replace("delta", "message"),
            "Hello",
            Some(End::Whole),
        ),
        (
            ollama("He", "false")
                + &ollama("", "false")
                + &ollama("llo", "false")
                + &ollama("", DONE_LINE),
            "Hello",
            Some(End::Whole),
        ),
        (
            ollama("", "false") + &ollama("Hello", r#"true,"done_reason":"length""#),
            "Hello",
            Some(End::Cut),
        ),
        (ollama("Hello", "true"), "Hello", Some(End::Whole)),
        (ollama("Hello", "false"), "Hello", None),
        (
            chunk("\"a\\ud83d\"", "null") + &chunk("\"\\ude00b\"", "\"stop\""),
            "a😀b",
            Some(End::Whole),
        ),
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
fn words_and_reasons_of_other_apis_are_understood() {
    let table = [
        (
            chunk(r#"[{"type":"output_text","text":"Hello"}]"#, "\"stop\""),
            "Hello",
            Some(End::Whole),
        ),
        (
            "data: {\"choices\":[{\"text\":\"Hello\",\"finish_reason\":\"stop\"}]}\n\n".to_owned(),
            "Hello",
            Some(End::Whole),
        ),
        (
            chunk("\"Hello\"", "\"context_length_exceeded\""),
            "Hello",
            Some(End::Cut),
        ),
        (
            chunk("\"Hello\"", "\"model_context_window_exceeded\""),
            "Hello",
            Some(End::Cut),
        ),
    ];
    for (stream, words, end) in table {
        let read = read_whole(&DIALECT, &stream);
        assert_eq!(read, Ok((words.to_owned(), end)), "{stream}");
    }
}

#[test]
fn an_error_in_place_of_an_event_has_a_status() {
    let table = [
        (r#"{"error":{"code":502,"message":"x"}}"#, 502),
        (
            r#"{"error":{"code":"rate_limit_exceeded","message":"x"}}"#,
            429,
        ),
        (r#"{"object":"error","message":"x","code":404}"#, 404),
        (r#"{"message":"x"}"#, 500),
        (r#"{"detail":[{"msg":"x"}]}"#, 500),
        (
            r#"{"choices":[{"delta":{"content":""},"error":{"code":503,"message":"x"},"finish_reason":"error"}]}"#,
            503,
        ),
    ];
    for (event, status) in table {
        assert_eq!(
            read_event(event).ok(),
            Some(StreamEvent::error(status)),
            "{event}"
        );
    }
}

#[test]
fn what_is_withheld_or_in_another_format_is_an_error() {
    let table = [
        (chunk("null", "\"content_filter\""), "(content_filter)"),
        (
            chunk("\"Hello\"", "\"sensitive\""),
            "will not answer this (sensitive)",
        ),
        (
            chunk("\"Hello\"", "\"error\""),
            "gave up on its answer (error)",
        ),
        (chunk("null", "\"abort\""), "gave up on its answer (abort)"),
        (
            chunk("null", "\"rate_limit\""),
            "gave up on its answer (rate_limit)",
        ),
        (
            chunk("\"Hello\"", "\"quota_exceeded\""),
            "gave up on its answer (quota_exceeded)",
        ),
        (
            chunk("null,\"refusal\":\"No.\"", "null"),
            "will not answer this (refusal)",
        ),
        (
            chunk("null,\"refusal\":\"No.\"", "\"stop\"").replace("delta", "message"),
            "will not answer this (refusal)",
        ),
        ("data: {\"choices\": 7}\n\n".to_owned(), "break its format"),
    ];
    for (stream, part) in table {
        let error = read_whole(&DIALECT, &stream).expect_err(&stream);
        assert!(error.contains(part), "{error:?} for {stream}");
    }
}

/// The calls of a stream, each as its id, its name and its arguments.
fn calls_of(stream: &str) -> Vec<String> {
    let turn = turn_of(&DIALECT, stream);
    let told = turn.calls.iter().map(|call| {
        let arguments = call.arguments.as_ref().map(Value::to_string);
        format!(
            "{} {} {}",
            call.id,
            call.name,
            arguments.unwrap_or_default()
        )
    });
    told.collect()
}

fn delta(calls: &str, reason: &str) -> String {
    chunk(&format!("null,\"tool_calls\":{calls}"), reason)
}

#[test]
fn calls_are_read_from_servers_of_all_kinds() {
    let done = "data: [DONE]\n\n";
    let table = [
        (
            "OpenAI",
            delta(
                r#"[{"index":0,"id":"a","type":"function","function":{"name":"weather","arguments":""}}]"#,
                "null",
            ) + &delta(r#"[{"index":0,"function":{"arguments":"{\"x\""}}]"#, "null")
                + &delta(
                    r#"[{"index":0,"function":{"arguments":":1}"}},{"index":1,"id":"b","function":{"name":"news","arguments":"{}"}}]"#,
                    "null",
                )
                + &chunk("null", "\"tool_calls\"")
                + done,
            vec![r#"a weather {"x":1}"#, "b news {}"],
        ),
        (
            "whole calls in one chunk, and an end like any other",
            delta(
                r#"[{"id":"a","function":{"name":"weather","arguments":"{\"x\":1}"}},{"id":"b","function":{"name":"news","arguments":null}}]"#,
                "\"stop\"",
            ) + done,
            vec![r#"a weather {"x":1}"#, "b news {}"],
        ),
        (
            "a whole answer, repeated behind its stream",
            delta(
                r#"[{"index":0,"id":"a","function":{"name":"news","arguments":""}}]"#,
                "null",
            ) + &delta(
                r#"[{"id":"a","function":{"name":"news","arguments":""}}]"#,
                "\"tool_calls\"",
            )
            .replace("delta", "message"),
            vec!["a news {}"],
        ),
        (
            "not streamed at all",
            delta(
                r#"[{"id":"a","function":{"name":"news","arguments":"{}"}}]"#,
                "\"tool_calls\"",
            )
            .replace("delta", "message")
            .replace("data: ", ""),
            vec!["a news {}"],
        ),
        (
            "lines of Ollama's own",
            ollama("", "false").replace(
                "\"thinking\"",
                r#""tool_calls":[{"function":{"name":"weather","arguments":{"x":1}}}],"thinking""#,
            ) + &ollama("", DONE_LINE),
            vec![r#" weather {"x":1}"#],
        ),
        (
            "cut",
            delta(
                r#"[{"index":0,"id":"a","function":{"name":"news","arguments":"{"}}]"#,
                "\"length\"",
            ),
            vec![],
        ),
    ];
    for (name, stream, expected) in table {
        assert_eq!(calls_of(&stream), expected, "{name}");
    }
}

#[test]
fn every_call_is_answered_by_its_id() {
    let stream = delta(
        r#"[{"index":0,"id":"a","function":{"name":"weather","arguments":"{\"x\":1}"}},{"index":1,"function":{"name":"news","arguments":"{"}}]"#,
        "\"tool_calls\"",
    );
    let round = Round {
        turn: turn_of(&DIALECT, &stream),
        results: vec!["sunny".to_owned(), "no JSON".to_owned()],
    };
    let sent: Vec<_> = messages::round(&round).collect();
    assert_eq!(
        serde_json::to_value(&sent).expect("plain"),
        json!([
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{\"x\":1}"}},
                {"id": "call_1", "type": "function", "function": {"name": "news", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_call_id": "a", "content": "sunny"},
            {"role": "tool", "tool_call_id": "call_1", "content": "no JSON"},
        ])
    );
}

#[test]
fn a_request_without_functions_says_nothing_of_them() {
    let fields = Fields {
        limit: TokenLimit::Tokens,
        may_rename: false,
        effort: None,
        counts_tokens: true,
        functions: true,
    };
    let function = Function {
        name: "news".to_owned(),
        description: "D".to_owned(),
        parameters: json!({"type": "object", "properties": {}}),
    };
    let text = |functions: &[Function], fields: &Fields| {
        let asked = Asked {
            prompt: "P",
            before: &[],
            question: Question::Words("Q"),
            functions,
            rounds: &[],
        };
        String::from_utf8(body(asked, fields, "m", 400)).expect("JSON")
    };
    let without = r#"{"model":"m","messages":[{"role":"system","content":"P"},{"role":"user","content":"Q"}],"stream":true,"stream_options":{"include_usage":true},"max_tokens":400}"#;
    assert_eq!(text(&[], &fields), without);
    let function = [function];
    let with = without.replace(
        r#""stream":true"#,
        r#""tools":[{"type":"function","function":{"name":"news","description":"D","parameters":{"properties":{},"type":"object"}}}],"stream":true"#,
    );
    assert_eq!(text(&function, &fields), with);
    let refused = Fields {
        functions: false,
        ..fields
    };
    assert_eq!(text(&function, &refused), without, "after a refusal");
}
