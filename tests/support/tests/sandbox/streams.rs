//! Answers that come in parts, and when each part comes.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::audio::wav;
use testkit::{OPENAI_API_KEY, Sandbox, Stage};

use super::{
    Client, GEMINI, STREAM, STREAM_ARRAY, Streamed, TTS, generate_body, sandbox, speak_body,
};

/// Fifteen words: two whole events, and one of three words.
const ANSWER: &str =
    "Light from the moon needs a little over one second to reach us. Goodbye, Zoë!";
const IN_EVENTS: [&str; 3] = [
    "Light from the moon needs a ",
    "little over one second to reach ",
    "us. Goodbye, Zoë!",
];

fn text_of(event: &Value) -> &str {
    event["candidates"][0]["content"]["parts"][0]["text"]
        .as_str()
        .unwrap()
}

fn streamed(client: &Client, path: &str) -> Streamed {
    let token = client.token_for(GEMINI);
    client.stream(path, &token, &generate_body("x"))
}

fn spoken(client: &Client, text: &str) -> Streamed {
    client.stream(TTS, OPENAI_API_KEY, &speak_body(text, "pcm"))
}

/// Of pieces of 20 ms, the sound of one may come at once.
fn assert_never_early(spoken: &Streamed, first: Duration, speed: f64) {
    let mut bytes = 0;
    for (at, piece) in &spoken.arrivals {
        bytes += piece.len();
        let sound = f64::from(u32::try_from(bytes).unwrap()) / 48_000.0;
        let due = first.as_secs_f64() + sound / speed - 0.021;
        assert!(
            at.as_secs_f64() >= due,
            "{bytes} bytes at {at:?}, not {due} s"
        );
    }
    assert!(spoken.arrivals[0].0 >= first);
}

#[test]
fn a_streamed_answer_comes_in_events_of_six_words() {
    let (_dir, sandbox, client) = sandbox();
    sandbox.answer_with(ANSWER);
    let stream = streamed(&client, STREAM);
    assert_eq!(stream.status, 200);
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    assert_eq!(stream.headers["transfer-encoding"], "chunked");
    let text = stream.text();
    let blocks: Vec<_> = text
        .strip_suffix("\r\n\r\n")
        .unwrap()
        .split("\r\n\r\n")
        .collect();
    assert!(blocks.iter().all(|block| !block.contains('\n')));
    let events = stream.events();
    assert_eq!(events.iter().map(text_of).collect::<Vec<_>>(), IN_EVENTS);
    let (last, others) = events.split_last().unwrap();
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert_eq!(last["usageMetadata"]["candidatesTokenCount"], 15);
    for event in others {
        assert_eq!(event["candidates"][0].get("finishReason"), None);
        assert_eq!(event.get("usageMetadata"), None);
        assert_eq!(event["responseId"], last["responseId"]);
    }
    assert_eq!(sandbox.requests_to(Stage::Llm)[0].query, "alt=sse");
}

#[test]
fn without_events_a_streamed_answer_is_one_array() {
    let (_dir, sandbox, client) = sandbox();
    sandbox.answer_with(ANSWER);
    let stream = streamed(&client, STREAM_ARRAY);
    assert_eq!(
        stream.headers["content-type"],
        "application/json; charset=UTF-8"
    );
    let array: Vec<Value> = serde_json::from_slice(&stream.body()).unwrap();
    assert_eq!(array.iter().map(text_of).collect::<Vec<_>>(), IN_EVENTS);
    assert_eq!(array[2]["candidates"][0]["finishReason"], "STOP");
}

#[test]
fn a_streamed_answer_ends_where_its_tokens_end() {
    let (_dir, sandbox, client) = sandbox();
    let cases = [
        (ANSWER, 5, "Light from the moon needs ", "MAX_TOKENS", 1),
        (ANSWER, 6, "Light from the moon needs a ", "MAX_TOKENS", 1),
        (
            ANSWER,
            7,
            "Light from the moon needs a little ",
            "MAX_TOKENS",
            2,
        ),
        (ANSWER, 15, ANSWER, "STOP", 3),
        ("", 10, "", "STOP", 1),
    ];
    for (answer, limit, expected, reason, count) in cases {
        sandbox.answer_with(answer);
        let mut body = generate_body("x");
        body["generationConfig"]["maxOutputTokens"] = limit.into();
        let events = client
            .stream(STREAM, &client.token_for(GEMINI), &body)
            .events();
        assert_eq!(events.iter().map(text_of).collect::<String>(), expected);
        let last = events.last().unwrap();
        assert_eq!(
            (&last["candidates"][0]["finishReason"], events.len()),
            (&json!(reason), count),
            "{limit}"
        );
    }
}

#[test]
fn a_stream_is_refused_as_the_whole_answer_is() {
    let (_dir, _sandbox, client) = sandbox();
    let token = client.token_for(GEMINI);
    let right = generate_body("x");
    let cases = [
        ("wrong", "gemini-3.5-flash-lite", right.clone(), 401),
        (&token, "gemini-2.0-flash", right, 404),
        (
            &token,
            "gemini-3.5-flash-lite",
            json!({"contents": []}),
            400,
        ),
        (&token, "gemini-3.5-flash-lite", json!({"content": []}), 400),
    ];
    for (token, model, body, status) in cases {
        let path = |method: &str| format!("/v1beta/models/{model}:{method}");
        let whole = client.ask(&path("generateContent"), token, &body);
        let events = client.ask(&path("streamGenerateContent?alt=sse"), token, &body);
        let array = client.ask(&path("streamGenerateContent"), token, &body);
        assert_eq!(
            [whole.status, events.status, array.status],
            [status; 3],
            "{body}"
        );
        assert_eq!(whole.json["error"]["code"], status);
        assert_eq!(events.json, whole.json);
        assert_eq!(array.json, json!([whole.json]));
    }
}

#[test]
fn each_event_comes_when_its_last_word_is_due() {
    let (_dir, sandbox, client) = sandbox();
    sandbox.answer_with(ANSWER);
    sandbox.pace_model(Duration::from_millis(100), Duration::from_millis(20));
    let stream = streamed(&client, STREAM);
    let mut text = String::new();
    let mut times = Vec::new();
    for (at, piece) in &stream.arrivals {
        text += &String::from_utf8_lossy(piece);
        times.resize(text.matches("\r\n\r\n").count(), *at);
    }
    let due = [220, 340, 400].map(Duration::from_millis);
    assert_eq!(times.len(), due.len());
    for (at, due) in times.iter().zip(due) {
        assert!(*at >= due, "{times:?}");
    }
    assert!(times[0] < times[1] && times[1] < times[2], "{times:?}");
    let begun = Instant::now();
    client.generate("x");
    assert!(begun.elapsed() >= due[2]);
    sandbox.restore(Stage::Llm);
    let again: Vec<_> = (0..5).map(|_| streamed(&client, STREAM).ended).collect();
    assert!(
        again.iter().any(|ended| *ended < stream.ended),
        "{again:?}, and {:?} with a pace",
        stream.ended
    );
}

#[test]
fn the_voice_speaks_at_its_pace() {
    let (_dir, sandbox, client) = sandbox();
    let text = "one and twenty blackbirds";
    let right = spoken(&client, text).body();
    let first = Duration::from_millis(80);
    sandbox.pace_voice(first, 4.0);
    let fast = spoken(&client, text);
    assert_eq!(fast.body(), right);
    assert_never_early(&fast, first, 4.0);
    assert!(fast.arrivals.len() > 3);
    let header = client.stream(TTS, OPENAI_API_KEY, &speak_body(text, "wav"));
    assert!(header.arrivals[0].0 >= first && header.body().ends_with(&right));
    sandbox.pace_voice(first, 1.0);
    let slow = spoken(&client, text);
    assert!(
        fast.ended < slow.ended,
        "{:?}, and {:?} at a quarter of the speed",
        fast.ended,
        slow.ended
    );
}

#[test]
fn only_so_many_answers_of_the_voice_stall() {
    let (_dir, sandbox, client) = sandbox();
    let text = "one and twenty blackbirds";
    let right = spoken(&client, text).body();
    let pause = Duration::from_secs(1);
    sandbox.stall_voice(Duration::from_millis(500), pause, 1);
    let stalled = spoken(&client, text);
    let early = stalled.arrivals.iter().take_while(|(at, _)| *at < pause);
    let early: usize = early.map(|(_, piece)| piece.len()).sum();
    assert!(early <= 24_000, "{early} bytes within the pause");
    assert!(stalled.body() == right && stalled.ended >= pause);
    let fluent = spoken(&client, text);
    assert!(fluent.body() == right && fluent.ended < stalled.ended);
}

#[test]
fn answers_in_flight_at_once_keep_their_own_pace() {
    let (_dir, sandbox, client) = sandbox();
    let (first, speed) = (Duration::from_millis(100), 3.0);
    sandbox.pace_voice(first, speed);
    let texts = ["The first sentence.", "And the second.", "Goodbye!"];
    let begun = Instant::now();
    thread::scope(|scope| {
        let streams = texts.map(|text| {
            let client = &client;
            (text, scope.spawn(move || spoken(client, text)))
        });
        for (text, stream) in streams {
            let stream = stream.join().unwrap();
            assert_never_early(&stream, first, speed);
            assert_eq!(
                wav::samples_of(&stream.body()),
                sandbox.spoken(text).samples
            );
        }
    });
    // One after the other they would need 1.2 s.
    assert!(begun.elapsed() >= Duration::from_millis(500));
    let requests = sandbox.requests_to(Stage::Tts);
    let last_came = requests.iter().map(|request| request.at).max().unwrap();
    let first_answered = requests.iter().filter_map(|request| request.answered).min();
    assert!(last_came < first_answered.unwrap());
}

#[test]
fn what_the_voice_would_say_is_known_sample_by_sample() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../data");
    let scripts = testkit::Script::standard(data.as_ref());
    let sandbox = Sandbox::start(scripts.clone());
    let client = Client::new(&sandbox, Duration::from_secs(20));
    // Several answers end with the same word; it sounds as in the first of them.
    let whole = scripts[0].answer.as_str();
    let recorded = wav::read(scripts[0].answer_wav.as_ref().unwrap());
    assert_eq!(sandbox.spoken(whole), recorded);
    for text in [whole, "Black tea should steep for three to five minutes."] {
        let samples = wav::samples_of(&spoken(&client, text).body());
        assert_eq!(sandbox.spoken(text).samples, samples, "{text}");
    }
    assert_ne!(sandbox.spoken("Goodbye!"), recorded);
}
