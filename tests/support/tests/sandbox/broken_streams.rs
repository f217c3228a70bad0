//! Streams that go wrong after they have begun well.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Fault, OPENAI_API_KEY, Response, Sandbox, Stage};

use super::{
    Client, GEMINI, LLM, STREAM, STREAM_ARRAY, Streamed, TTS, generate_body, sandbox, speak_body,
};

const ANSWER: &str =
    "Light from the moon needs a little over one second to reach us. Goodbye, Zoë!";
const HASTE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(20);
const VOICE_BYTES_PER_SECOND: usize = 48_000;

/// What a client gets; the one that is to meet silence has little patience.
fn with(sandbox: &Sandbox, path: &str, fault: Fault) -> Streamed {
    let falls_silent = matches!(fault, Fault::HangAfter(_) | Fault::HangAfterEvents(_));
    let client = Client::new(sandbox, if falls_silent { HASTE } else { PATIENCE });
    sandbox.answer_with(ANSWER);
    if path == TTS {
        sandbox.fault(Stage::Tts, fault, 1);
        let body = speak_body("one and twenty blackbirds", "pcm");
        return client.stream(path, OPENAI_API_KEY, &body);
    }
    sandbox.fault(Stage::Llm, fault, 1);
    client.stream(path, &client.token_for(GEMINI), &generate_body("x"))
}

fn error_of(stream: &Streamed) -> String {
    stream
        .error
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn is_finished(event: &Value) -> bool {
    event["candidates"][0]["finishReason"].is_string()
}

#[test]
fn a_broken_stream_ends_cleanly_and_is_not_finished() {
    let (_dir, sandbox, _client) = sandbox();
    for (events, expected) in [(0, 0), (1, 1), (2, 2), (3, 2), (usize::MAX, 2)] {
        let stream = with(&sandbox, STREAM, Fault::BreakAfter(events));
        assert_eq!((stream.status, error_of(&stream)), (200, String::new()));
        let events = stream.events();
        assert_eq!(events.len(), expected);
        assert!(!events.iter().any(is_finished));
    }
    let array = with(&sandbox, STREAM_ARRAY, Fault::BreakAfter(1));
    let text = array.text();
    assert!(text.starts_with("[{") && text.ends_with('}') && array.error.is_none());
    assert_eq!(
        with(&sandbox, STREAM, Fault::BreakAfter(1)).events().len(),
        1
    );
}

#[test]
fn an_error_in_a_stream_is_json_in_lines_and_no_event() {
    let (_dir, sandbox, _client) = sandbox();
    for events in [0, 1, 2] {
        let stream = with(&sandbox, STREAM, Fault::MidStreamError(events));
        assert_eq!((stream.status, error_of(&stream)), (200, String::new()));
        assert_eq!(stream.events().len(), events);
        let text = stream.text();
        let error = text.rsplit("\r\n\r\n").next().unwrap();
        assert!(error.starts_with("{\n  \"error\": {\n"), "{error}");
        let error: Value = serde_json::from_str(error).unwrap();
        assert_eq!(error["error"]["code"], 503);
        assert_eq!(error["error"]["status"], "UNAVAILABLE");
        let array = with(&sandbox, STREAM_ARRAY, Fault::MidStreamError(events));
        let array: Vec<Value> = serde_json::from_slice(&array.body()).unwrap();
        assert_eq!((array.len(), &array[events]), (events + 1, &error));
    }
    let whole = with(&sandbox, LLM, Fault::MidStreamError(1));
    assert_eq!(whole.status, 503);
}

#[test]
fn an_error_comes_when_the_next_event_is_due() {
    let (_dir, sandbox, _client) = sandbox();
    sandbox.pace_model(Duration::from_millis(50), Duration::from_millis(20));
    let stream = with(&sandbox, STREAM, Fault::MidStreamError(1));
    assert!(
        stream.ended >= Duration::from_millis(290),
        "{:?}",
        stream.ended
    );
    assert!(stream.text().ends_with("}\n"));
}

#[test]
fn a_stream_can_fall_silent() {
    let (_dir, sandbox, _client) = sandbox();
    for events in [0, 2] {
        let stream = with(&sandbox, STREAM, Fault::HangAfterEvents(events));
        assert_eq!(stream.events().len(), events);
        assert!(stream.ended >= HASTE && error_of(&stream).contains("timeout"));
    }
    for tenths in [0, 4] {
        let sound = Duration::from_millis(100 * tenths);
        let stream = with(&sandbox, TTS, Fault::HangAfter(sound));
        let expected = VOICE_BYTES_PER_SECOND / 10 * usize::try_from(tenths).unwrap();
        assert_eq!(stream.body().len(), expected);
        assert!(stream.ended >= HASTE && error_of(&stream).contains("timeout"));
    }
}

#[test]
fn the_voice_can_be_cut_though_its_body_has_not_ended() {
    let (_dir, sandbox, _client) = sandbox();
    let whole = with(&sandbox, TTS, Fault::Slow(1_000_000));
    assert_eq!((whole.error.is_none(), whole.body().len()), (true, 78_000));
    let cases = [
        (0, 0),
        (1, 48),
        (500, 24_000),
        (1625, 78_000),
        (9000, 78_000),
    ];
    for (sound_ms, bytes) in cases {
        let sound = Duration::from_millis(sound_ms);
        let stream = with(&sandbox, TTS, Fault::CutAfter(sound));
        assert_eq!(stream.body().len(), bytes, "{sound_ms} ms");
        assert!(
            error_of(&stream).contains("disconnected"),
            "{sound_ms} ms: {}",
            error_of(&stream)
        );
    }
    let event = with(&sandbox, STREAM, Fault::CutShort);
    assert!(error_of(&event).contains("disconnected"));
    assert!(!event.events_before_the_cut().iter().any(is_finished));
}

#[test]
fn what_fails_from_the_start_fails_streams_too() {
    let (_dir, sandbox, _client) = sandbox();
    for path in [STREAM, STREAM_ARRAY] {
        let wrapped = |error: Value| {
            if path == STREAM {
                error
            } else {
                error[0].clone()
            }
        };
        let faults = [
            (Fault::Status(500), 500),
            (Fault::RetryAfter(Duration::from_secs(7)), 429),
            (Fault::QuotaExhausted, 429),
        ];
        for (fault, status) in faults {
            let answer = with(&sandbox, path, fault);
            assert_eq!(answer.status, status);
            let error = wrapped(serde_json::from_slice(&answer.body()).unwrap());
            assert_eq!(error["error"]["code"], status);
        }
        let page = with(&sandbox, path, Fault::NotJson);
        assert!(page.text().starts_with("<!DOCTYPE") && page.status == 200);
        assert_eq!(with(&sandbox, path, Fault::Empty).body(), b"");
        let tea = Response::new(418, "text/plain", "tea?");
        assert_eq!(with(&sandbox, path, Fault::Reply(tea)).body(), b"tea?");
    }
    assert_eq!(
        with(&sandbox, STREAM, Fault::WrongShape).events(),
        [json!({})]
    );
    let array = with(&sandbox, STREAM_ARRAY, Fault::WrongShape);
    assert_eq!(array.text().replace(char::is_whitespace, ""), "[{}]");
}

#[test]
fn a_stream_can_be_slow_or_without_end() {
    let (_dir, sandbox, client) = sandbox();
    let slow = with(&sandbox, STREAM, Fault::Slow(2000));
    assert!(slow.arrivals.len() > 3 && slow.error.is_none());
    assert!(is_finished(slow.events().last().unwrap()));
    assert!(slow.ended >= Duration::from_millis(300), "{:?}", slow.ended);
    sandbox.fault(Stage::Llm, Fault::Endless, 2);
    let token = client.token_for(GEMINI);
    let events = client.stream(STREAM, &token, &generate_body("x"));
    let events = events.events_before_the_cut();
    assert!(events.len() > 1000 && !events.iter().any(is_finished));
    let array = client.stream(STREAM_ARRAY, &token, &generate_body("x"));
    assert!(serde_json::from_slice::<Value>(&array.body()).is_err());
    assert!(array.text().ends_with("      "));
}

#[test]
fn a_stream_can_fail_to_begin() {
    let (_dir, sandbox, _client) = sandbox();
    let client = Client::new(&sandbox, HASTE);
    for (fault, part) in [(Fault::Reset, "reset by peer"), (Fault::Hang, "timeout")] {
        sandbox.fault(Stage::Llm, fault, 1);
        let error = client
            .try_ask(STREAM, &client.token_for(GEMINI), &generate_body("x"))
            .map(|answer| answer.status)
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{error}");
    }
}
