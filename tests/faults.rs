//! Everything that can go wrong: the caller hears a recorded apology in time, the log says what to do,
//! and no file is left.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use testkit::{Act, Fault, Outcome, Settings, Stage};

use crate::house::{House, PATIENCE, assert_at_once, data, each, short_sound};
use crate::providers;

/// The deadline of these calls.
const DEADLINE: Duration = Duration::from_secs(3);

fn call_with_fault(stage: Stage, fault: Fault, times: usize) -> (House, Outcome) {
    call_of_provider(usual, stage, fault, times)
}

fn usual(house: &House) -> Settings {
    house.sandbox.settings()
}

fn call_of_provider(
    provider: fn(&House) -> Settings,
    stage: Stage,
    fault: Fault,
    times: usize,
) -> (House, Outcome) {
    let house = House::new();
    // A busy machine needs time for what ends by itself, and for a second try.
    let never_ends = matches!(fault, Fault::Hang | Fault::Endless | Fault::Slow(_));
    let deadline = if never_ends { DEADLINE } else { PATIENCE / 2 };
    house.sandbox.fault(stage, fault, times);
    let settings = provider(&house).set("call.deadline", deadline.as_secs());
    let outcome = house.outcome_with("question-tea.wav", &settings);
    (house, outcome)
}

/// FAILED in time, at this stage, with these words in the error, and nothing left behind.
#[track_caller]
fn assert_fails(house: &House, outcome: &Outcome, stage: &str, words: &[&str]) {
    outcome
        .assert_exit(0)
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "FAILED")
        .assert_variable("ASSISTANT_FILE", "");
    for word in words {
        outcome.assert_variable_contains("ASSISTANT_ERROR", word);
    }
    let error = outcome.variable("ASSISTANT_ERROR");
    outcome.assert(
        error.starts_with(&format!("{stage}: ")),
        &format!("the error does not begin with {stage:?}"),
    );
    assert_at_once(outcome.took.saturating_sub(DEADLINE));
    house.assert_no_file(outcome);
}

/// Every fault of a service, what the error must say of it, and whether it is asked a second time.
fn faults() -> Vec<(&'static str, Fault, &'static [&'static str], usize)> {
    vec![
        ("400", Fault::Status(400), &["400", "check"], 1),
        ("401", Fault::Status(401), &["401", "check"], 1),
        ("403", Fault::Status(403), &["403", "; "], 1),
        ("404", Fault::Status(404), &["404", "check model"], 1),
        ("429", Fault::Status(429), &["429", "; "], 2),
        (
            "429, wait 1 s",
            Fault::RetryAfter(Duration::from_secs(1)),
            &["429", "too many requests"],
            2,
        ),
        (
            "429, wait 60 s",
            Fault::RetryAfter(Duration::from_secs(60)),
            &["429", "too many requests"],
            1,
        ),
        ("429, no money", Fault::QuotaExhausted, &["429"], 1),
        ("500", Fault::Status(500), &["500", "usually passes"], 2),
        ("503", Fault::Status(503), &["503", "usually passes"], 2),
        ("hang", Fault::Hang, &["no whole answer within", "check"], 1),
        ("reset", Fault::Reset, &["broke off", "check"], 2),
        ("not JSON", Fault::NotJson, &["base_url"], 1),
        ("empty", Fault::Empty, &["; "], 1),
        ("cut short", Fault::CutShort, &["broke off", "check"], 2),
        ("endless", Fault::Endless, &["check"], 1),
        (
            "slow",
            Fault::Slow(10),
            &["no whole answer within", "check"],
            1,
        ),
    ]
}

fn every_fault_of(provider: fn(&House) -> Settings, stage: Stage, name: &str) {
    each(faults(), |(what, fault, words, requests)| {
        if (stage, &fault) == (Stage::Llm, &Fault::Endless) {
            // A model that does not come to an end has said enough at some point.
            return;
        }
        let (house, outcome) = call_of_provider(provider, stage, fault, usize::MAX);
        assert_fails(&house, &outcome, name, words);
        // While one sentence is being spoken, the next has been asked for; and what has come after a retired model has
        // another address.
        let asked = house.sandbox.requests_to(stage);
        let asked = asked
            .iter()
            .filter(|request| (&request.path, &request.body) == (&asked[0].path, &asked[0].body))
            .count();
        outcome.assert(
            asked == requests,
            &format!("{what}: asked {asked} times, expected {requests}"),
        );
    });
}

#[test]
fn every_fault_of_speech_to_text_ends_in_a_named_failure() {
    every_fault_of(usual, Stage::Stt, "stt");
}

#[test]
fn every_fault_of_the_model_ends_in_a_named_failure() {
    every_fault_of(usual, Stage::Llm, "llm");
}

#[test]
fn every_fault_of_the_voice_ends_in_a_named_failure() {
    every_fault_of(usual, Stage::Tts, "tts");
}

#[test]
fn every_fault_of_openais_transcription_ends_in_a_named_failure() {
    every_fault_of(providers::openai, Stage::Stt, "stt");
}

#[test]
fn every_fault_of_openais_model_ends_in_a_named_failure() {
    every_fault_of(providers::openai, Stage::Llm, "llm");
}

#[test]
fn every_fault_of_googles_voice_ends_in_a_named_failure() {
    every_fault_of(providers::google_voice, Stage::Tts, "tts");
}

#[test]
fn every_fault_of_geminis_transcription_ends_in_a_named_failure() {
    every_fault_of(providers::gemini, Stage::Stt, "stt");
}

#[test]
fn every_fault_of_geminis_voice_ends_in_a_named_failure() {
    every_fault_of(providers::gemini, Stage::Tts, "tts");
}

#[test]
fn every_fault_of_servers_in_ones_own_network_ends_in_a_named_failure() {
    let local = |house: &House| house.sandbox.local_settings();
    for (stage, name) in [
        (Stage::Stt, "stt"),
        (Stage::Llm, "llm"),
        (Stage::Tts, "tts"),
    ] {
        every_fault_of(local, stage, name);
    }
}

#[test]
fn what_passes_by_itself_is_tried_again_and_the_caller_hears_the_answer() {
    for stage in [Stage::Stt, Stage::Llm, Stage::Tts] {
        for fault in [
            Fault::Status(503),
            Fault::Reset,
            Fault::CutShort,
            Fault::RetryAfter(Duration::ZERO),
        ] {
            let (_house, outcome) = call_with_fault(stage, fault.clone(), 1);
            outcome.assert(
                outcome.variable("ASSISTANT_STATUS") == "ANSWERED",
                &format!("{fault:?} once at {stage:?}"),
            );
        }
    }
}

#[test]
fn a_wrong_clock_is_named() {
    for offset in [-7200, 7200] {
        let house = House::new();
        house.sandbox.clock_offset(offset);
        let outcome = house.outcome("question-tea.wav");
        let direction = if offset < 0 { "ahead" } else { "behind" };
        outcome.assert_variable_contains("ASSISTANT_ERROR", "stt: ");
        outcome
            .assert_variable_contains("ASSISTANT_ERROR", direction)
            .assert_variable_contains("ASSISTANT_ERROR", "timedatectl");
    }
}

#[test]
fn a_deleted_key_is_named() {
    let house = House::new();
    let credentials = house.other().join("creds.json");
    house
        .sandbox
        .write_credentials(&credentials, |key| key["private_key_id"] = "deleted".into());
    let settings = house
        .sandbox
        .settings()
        .set("google.credentials", credentials.to_str().unwrap());
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome
        .assert_variable("ASSISTANT_STATUS", "FAILED")
        .assert_variable_contains("ASSISTANT_ERROR", "stt: ");
    outcome.assert_variable_contains("ASSISTANT_ERROR", "new one in Google Cloud's console");
}

/// What is wrong with a recording, and how it comes to be so.
type Preparation = (&'static str, fn(&House));

#[test]
fn unusable_recordings_fail_by_name_and_cost_nothing() {
    let table: [Preparation; 5] = [
        ("missing", |_| ()),
        ("0 bytes, which a full disk leaves", |house| {
            house.ask("empty.wav");
        }),
        ("no WAV", |house| {
            house.leave(b"not a WAV file at all, just words");
        }),
        ("GSM", |house| {
            house.ask("gsm-wav49.wav");
        }),
        ("a folder", |house| {
            fs::create_dir(house.recording()).unwrap();
        }),
    ];
    for (what, prepare) in table {
        let house = House::new();
        prepare(&house);
        let outcome = house.call().start().finish(PATIENCE);
        outcome
            .assert_variable("ASSISTANT_STATUS", "FAILED")
            .assert_exit(0)
            .assert_manners();
        let error = outcome.variable("ASSISTANT_ERROR");
        outcome.assert(error.starts_with("recording: "), what);
        assert_eq!(house.sandbox.requests().len(), 0, "{what}");
    }
}

#[test]
fn a_place_that_cannot_be_written_fails_before_anything_is_paid() {
    let house = House::new();
    let settings = house.sandbox.settings();
    let config = settings.write(house.other());
    let full = house.ask("question-tea.wav");
    for (reply, way_out) in [
        ("/nonexistent/reply", "make its folder first"),
        ("/proc/reply", "check that the disk has room"),
    ] {
        full.ask("question-tea.wav");
        let outcome = testkit::Call::builder(crate::house::program())
            .arg(crate::house::argument("recording", &house.recording()))
            .arg(format!("reply={reply}"))
            .arg(crate::house::argument("config", &config))
            .start()
            .finish(PATIENCE);
        assert_fails(&house, &outcome, "reply", &["cannot write", way_out]);
    }
    assert_eq!(house.sandbox.requests().len(), 0);
}

#[test]
fn wrong_settings_fail_all_at_once_and_show_no_key() {
    let house = House::new();
    house.ask("question-tea.wav");
    let settings = house
        .sandbox
        .settings()
        .set("stt.langauge", "en-US")
        .set("tts.gain_db", 99)
        .set("llm.gemini.api_key", "two words");
    let outcome = house.call_with(&settings).start().finish(PATIENCE);
    let words = [
        "did you mean stt.language?",
        "tts.gain_db must be",
        "llm.gemini.api_key must be",
    ];
    assert_fails(&house, &outcome, "config", &words);
    outcome.assert(
        !outcome.to_string().contains("two words"),
        "a secret is shown",
    );
}

#[test]
fn missing_credentials_and_keys_fail_by_name() {
    let house = House::new();
    let settings = house.sandbox.settings();
    let no_key = house.other().join("no-key.json");
    testkit::write_secret(&no_key, "no key");
    let table = [
        (
            settings
                .clone()
                .set("google.credentials", "/nonexistent.json"),
            "/nonexistent.json",
        ),
        (
            settings
                .clone()
                .set("google.credentials", no_key.to_str().unwrap()),
            "is not the JSON key file",
        ),
        (
            settings.clone().set("http.ca_file", "/nonexistent.pem"),
            "/nonexistent.pem",
        ),
        (
            settings
                .clone()
                .set("http.ca_file", data("README.md").to_str().unwrap()),
            "no certificate in PEM",
        ),
        (settings.without("openai.api_key"), "no key for the voice"),
    ];
    for (settings, words) in table {
        let outcome = house.outcome_with("question-tea.wav", &settings);
        assert_fails(&house, &outcome, "config", &[words]);
    }
    assert_eq!(house.sandbox.requests().len(), 0);
}

#[test]
fn a_service_that_cannot_be_reached_is_named() {
    let house = House::new();
    let settings = house.sandbox.settings();
    let table = [
        (
            settings
                .clone()
                .set("stt.google.base_url", "https://localhost:1"),
            "nothing listens there",
        ),
        (
            settings
                .clone()
                .set("stt.provider", "openai")
                .set("stt.openai.base_url", "http://localhost:1/v1"),
            "check that the server runs",
        ),
        (
            settings
                .clone()
                .set("stt.google.base_url", "https://no-such-host.invalid"),
            "name server",
        ),
        (
            settings.clone().without("http.ca_file"),
            "nobody whom this machine trusts has issued its certificate",
        ),
        (
            settings
                .clone()
                .set("http.proxy", "http://office:secret@127.0.0.1:1"),
            "through the proxy 127.0.0.1:1; check",
        ),
        (
            settings
                .clone()
                .set("http.proxy", "http://office:secret@no-such-host.invalid"),
            "through the proxy no-such-host.invalid:80; check",
        ),
    ];
    for (settings, words) in table {
        let outcome = house
            .ask("question-tea.wav")
            .call_with(&settings)
            .start()
            .finish(PATIENCE);
        assert_fails(&house, &outcome, "stt", &["cannot connect to", words]);
        outcome.assert(
            !outcome.to_string().contains("secret"),
            "the proxy's password is shown",
        );
    }
}

/// An answer of the model in a single event.
fn event(json: &serde_json::Value) -> testkit::Response {
    testkit::Response::new(200, "text/event-stream", format!("data: {json}\r\n\r\n"))
}

#[test]
fn a_model_that_never_ends_is_heard_up_to_the_limit() {
    let house = House::new();
    house.sandbox.fault(Stage::Llm, Fault::Endless, 1);
    house.sandbox.respond(Stage::Tts, short_sound());
    let outcome = house.outcome("question-tea.wav");
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    // A sentence without an end is spoken in pieces, and the next text is asked for before the last of them. Two of
    // them may be the same words, which are no second try of the first.
    let answer = outcome.variable("ASSISTANT_ANSWER");
    let asked = house.sandbox.requests_to(Stage::Tts).into_iter();
    let spoken: Vec<_> = asked
        .map(|request| request.body["input"].as_str().unwrap().to_owned())
        .collect();
    outcome.assert(
        spoken.iter().all(|piece| answer.contains(piece.as_str())),
        "a piece is no part of the answer",
    );
    let words = |text: &str| text.split_whitespace().count();
    let all_words: usize = spoken.iter().map(|piece| words(piece)).sum();
    outcome.assert(
        all_words == words(answer),
        &format!("{all_words} words of {} were spoken", words(answer)),
    );
    assert!(answer.len() <= 1000, "{} characters", answer.len());
}

#[test]
fn blocked_and_empty_answers_are_told_apart() {
    let candidate = |parts: serde_json::Value, reason: &str| serde_json::json!({"candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": reason}]});
    let text = serde_json::json!([{"text": "Well. This is"}]);
    let table = [
        (
            serde_json::json!({"promptFeedback": {"blockReason": "SAFETY"}}),
            "will not answer this (SAFETY)",
        ),
        (
            candidate(text.clone(), "RECITATION"),
            "will not answer this (RECITATION)",
        ),
        (
            candidate(serde_json::json!([]), "MAX_TOKENS"),
            "raise it in [llm]",
        ),
        (
            candidate(serde_json::json!([{"text": "***\n"}]), "MAX_TOKENS"),
            "nothing in the text that a voice can say",
        ),
        (
            candidate(serde_json::json!([{"text": "***\n"}]), "STOP"),
            "nothing in the text that a voice can say",
        ),
    ];
    for (body, words) in table {
        let house = House::new();
        house.sandbox.respond(Stage::Llm, event(&body));
        let outcome = house.outcome("question-tea.wav");
        assert_fails(&house, &outcome, "llm", &[words]);
        assert_eq!(house.sandbox.requests_to(Stage::Tts).len(), 0);
    }
    let house = House::new();
    house
        .sandbox
        .respond(Stage::Llm, event(&candidate(text, "MAX_TOKENS")));
    let outcome = house.outcome("question-tea.wav");
    outcome
        .assert_variable("ASSISTANT_STATUS", "ANSWERED")
        .assert_variable("ASSISTANT_ANSWER", "Well.");
}

#[test]
fn what_is_no_audio_is_never_played_as_samples() {
    let hint = "check model, format";
    // A service that says what is wrong is quoted.
    let table: [(&str, &[u8], [&str; 2]); 8] = [
        (
            "audio/mpeg",
            b"ID3\x04\0\0\0\0\0\0 and so on",
            ["found text", hint],
        ),
        (
            "audio/mpeg",
            b"ID3\x04\0\0\0\0\0\0\x01\0\x02\0\x01\0",
            ["tts: the voice service sent no usable audio", hint],
        ),
        ("audio/pcm", b"Bad Gateway", ["found text", hint]),
        (
            "audio/mpeg",
            b"\xff\xfb\x90\x64\0\0\0\0",
            ["damaged or cut short", hint],
        ),
        (
            "audio/ogg",
            b"OggS\0\x02\0\0",
            ["damaged or cut short", hint],
        ),
        (
            "video/webm",
            b"\x1a\x45\xdf\xa3\x9f",
            ["found a WebM", hint],
        ),
        (
            "application/json",
            br#"{"detail": "no such voice"}"#,
            ["answered 500: no such voice", "; "],
        ),
        (
            "text/html",
            b"<!doctype html><title>Welcome</title>",
            ["found HTML", hint],
        ),
    ];
    for (content_type, body, expected) in table {
        let house = House::new();
        let settings = house.sandbox.settings().set("tts.openai.format", "pcm");
        house
            .sandbox
            .respond(Stage::Tts, testkit::Response::new(200, content_type, body));
        let outcome = house.outcome_with("question-tea.wav", &settings);
        assert_fails(&house, &outcome, "tts", &expected);
    }
}

#[test]
fn a_voice_that_sends_no_audio_is_not_taken_for_another() {
    let house = House::new();
    // "no sound"
    let answer = serde_json::json!({"audioContent": "bm8gc291bmQ="});
    house
        .sandbox
        .respond(Stage::Tts, testkit::Response::json(200, &answer));
    let outcome = house.outcome_with("question-tea.wav", &providers::google_voice(&house));
    outcome.assert_variable_contains("ASSISTANT_ERROR", "in its table under [tts]");
}

/// The settings of a model, what it sends now and then as JSON of an event, and what the error says if it goes on so.
type StopsWithoutReason = (fn(&House) -> Settings, serde_json::Value, &'static str);

fn stops_without_reason() -> Vec<StopsWithoutReason> {
    let gemini = |content: serde_json::Value, reason: &str| serde_json::json!({"candidates": [{"content": content, "finishReason": reason}]});
    let openai = |content: serde_json::Value, reason: &str| serde_json::json!({"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": reason}]});
    let empty = "sent an empty answer; that happens now and then";
    let nothing = serde_json::Value::Null;
    let unsayable = "nothing in the text that a voice can say";
    let text = |text: &str| gemini(serde_json::json!({"parts": [{"text": text}]}), "STOP");
    vec![
        (usual, text("<think>Tea?</think>"), unsayable),
        (usual, text("{\"name\": \"map\"}"), unsayable),
        (usual, text("\u{1f44d}\n"), unsayable),
        (
            providers::openai,
            openai("<think>Tea?".into(), "stop"),
            unsayable,
        ),
        (
            usual,
            gemini(serde_json::json!({"role": "model"}), "STOP"),
            empty,
        ),
        (
            usual,
            gemini(serde_json::json!({"parts": [{"text": ""}]}), "STOP"),
            empty,
        ),
        (usual, gemini(nothing.clone(), "STOP"), empty),
        (
            usual,
            gemini(nothing.clone(), "MALFORMED_FUNCTION_CALL"),
            "gave up on its answer (MALFORMED_FUNCTION_CALL)",
        ),
        (
            usual,
            gemini(nothing.clone(), "MALFORMED_RESPONSE"),
            "gave up on its answer (MALFORMED_RESPONSE)",
        ),
        (
            usual,
            gemini(serde_json::json!({"parts": [{"text": "Well"}]}), "OTHER"),
            "gave up on its answer (OTHER)",
        ),
        (providers::openai, openai("".into(), "stop"), empty),
        (
            providers::openai,
            openai(nothing.clone(), "error"),
            "gave up on its answer (error)",
        ),
        (
            providers::openai,
            openai("Well".into(), "abort"),
            "gave up on its answer (abort)",
        ),
    ]
}

#[test]
fn a_model_that_stops_without_reason_is_asked_once_more() {
    each(stops_without_reason(), |(provider, body, words)| {
        let fault = Fault::Reply(event(&body));
        let (house, outcome) = call_of_provider(provider, Stage::Llm, fault.clone(), 1);
        outcome.assert(
            outcome.variable("ASSISTANT_STATUS") == "ANSWERED",
            &format!("{body} once"),
        );
        assert_eq!(house.sandbox.requests_to(Stage::Llm).len(), 2, "{body}");
        let (house, outcome) = call_of_provider(provider, Stage::Llm, fault, usize::MAX);
        assert_fails(&house, &outcome, "llm", &[words]);
        assert_eq!(house.sandbox.requests_to(Stage::Llm).len(), 2, "{body}");
    });
}

#[test]
fn a_stage_has_a_time_out_of_its_own() {
    let house = House::new();
    house.sandbox.fault(Stage::Llm, Fault::Hang, usize::MAX);
    let settings = house.sandbox.settings().set("llm.timeout", 1);
    let outcome = house.outcome_with("question-tea.wav", &settings);
    assert_fails(
        &house,
        &outcome,
        "llm",
        &["no whole answer within 1.0 s", "raise timeout"],
    );
}

/// The pause before the second try is the service's own wish, and no part of the time that it takes to answer.
#[test]
fn a_pause_longer_than_the_time_out_leaves_the_second_try_its_time() {
    let house = House::new();
    let fault = Fault::RetryAfter(Duration::from_secs(2));
    house.sandbox.fault(Stage::Llm, fault, 1);
    let settings = house.sandbox.settings().set("llm.timeout", 2);
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(house.sandbox.requests_to(Stage::Llm).len(), 2);
}

#[test]
fn a_key_file_where_its_path_belongs_is_not_shown() {
    let house = House::new();
    let content = r#"{"type":"service_account","private_key":"-----BEGIN"}"#;
    let call = house
        .ask("question-tea.wav")
        .call()
        .env("GOOGLE_APPLICATION_CREDENTIALS", content);
    let outcome = call.start().finish(PATIENCE);
    assert_fails(
        &house,
        &outcome,
        "config",
        &["google.credentials must be path"],
    );
    outcome.assert(!outcome.to_string().contains("BEGIN"), "the key is shown");
}

#[test]
fn pipes_and_devices_are_no_files_and_hold_nobody() {
    let house = House::new();
    let pipe = house.other().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let settings = house
        .sandbox
        .settings()
        .set("google.credentials", pipe.to_str().unwrap());
    let outcome = house.outcome_with("question-tea.wav", &settings);
    assert_fails(&house, &outcome, "config", &["it is no regular file"]);
    for config in [pipe.to_str().unwrap(), "/dev/zero"] {
        let outcome = house
            .ask("question-tea.wav")
            .call()
            .arg(format!("config={config}"))
            .start()
            .finish(PATIENCE);
        assert_fails(&house, &outcome, "config", &["cannot read the settings"]);
    }
    fs::rename(&pipe, house.recording()).unwrap();
    let outcome = house.call().start().finish(PATIENCE);
    assert_fails(&house, &outcome, "recording", &["it is no regular file"]);
}

#[test]
fn arguments_that_would_lose_something_are_refused() {
    let house = House::new();
    let base = house.recording().with_extension("");
    for reply in [base.to_str().unwrap(), "/tmp/a&b", "/"] {
        let call = house
            .ask("question-tea.wav")
            .call()
            .arg("keep=yes")
            .arg(format!("reply={reply}"));
        call.start()
            .finish(PATIENCE)
            .assert_variable_contains("ASSISTANT_ERROR", "config: reply= must");
        assert_eq!(house.files(), ["call-1700000000.17.wav"]);
    }
    let precious = house.other().join("precious.txt");
    fs::write(&precious, "not a recording").unwrap();
    let call = house
        .call()
        .arg(crate::house::argument("recording", &precious));
    call.start()
        .finish(PATIENCE)
        .assert_variable("ASSISTANT_STATUS", "FAILED");
    assert!(
        precious.exists(),
        "what is not named as a recording is not removed"
    );
}

#[test]
fn a_token_is_never_sent_in_the_clear() {
    let house = House::new();
    let credentials = house.other().join("creds.json");
    house.sandbox.write_credentials(&credentials, |key| {
        key["token_uri"] = "http://localhost/token".into();
    });
    let settings = house
        .sandbox
        .settings()
        .set("google.credentials", credentials.to_str().unwrap());
    let outcome = house.outcome_with("question-tea.wav", &settings);
    assert_fails(
        &house,
        &outcome,
        "config",
        &["token_uri that is no https address"],
    );
}

#[test]
fn one_refused_variable_does_not_lose_a_good_answer() {
    let house = House::new();
    let refused =
        Act::Reply(b"520 Invalid command syntax.  Proper usage not available.\n".to_vec());
    let call = house
        .ask("question-tea.wav")
        .call()
        .at("SET VARIABLE \"ASSISTANT_QUESTION\"", refused);
    let outcome = call.start().finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(house.files(), ["call-1700000000.17-reply.ulaw"]);
}

#[test]
fn an_asterisk_that_answers_late_is_not_misunderstood() {
    let house = House::new();
    let late = Act::Delay(Duration::from_millis(5500));
    let call = house
        .ask("question-tea.wav")
        .call()
        .variable("CHANNEL(audionativeformat)", "(alaw)");
    let outcome = call.at("GET VARIABLE", late).start().finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(house.files(), ["call-1700000000.17-reply.ulaw"]);
}

#[test]
fn a_process_that_holds_keys_leaves_no_core_file() {
    let house = House::new();
    house.sandbox.fault(Stage::Stt, Fault::Hang, usize::MAX);
    let call = house.ask("question-tea.wav").call().start();
    house.sandbox.wait_for(Stage::Stt, 1, PATIENCE);
    let limits = fs::read_to_string(format!("/proc/{}/limits", call.pid())).unwrap();
    call.hangup();
    call.finish(PATIENCE);
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(
        core.split_whitespace().collect::<Vec<_>>()[4..6],
        ["0", "0"]
    );
}

#[test]
fn a_reply_is_never_written_through_a_link_that_somebody_planted() {
    let house = House::new();
    let victim = house.other().join("victim");
    fs::write(&victim, "precious").unwrap();
    let place = format!("{}.ulaw", house.reply().display());
    std::os::unix::fs::symlink(&victim, format!("{place}.part")).unwrap();
    std::os::unix::fs::symlink(&victim, &place).unwrap();
    house
        .outcome("question-tea.wav")
        .assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(fs::symlink_metadata(&place).unwrap().is_file());
}

#[test]
fn a_model_that_refuses_our_thinking_level_is_asked_without_it() {
    let house = House::new();
    let settings = house
        .sandbox
        .settings()
        .set("llm.gemini.model", "gemini-3.8-flash")
        .set("llm.gemini.thinking", "minimal");
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(house.sandbox.requests_to(Stage::Llm).len(), 2);
}

#[test]
fn a_word_from_asterisk_is_no_command() {
    let outcome = testkit::Call::builder(crate::house::program())
        .arg("convert")
        .start()
        .finish(PATIENCE);
    outcome
        .assert_exit(0)
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "FAILED");
    outcome.assert_variable_contains("ASSISTANT_ERROR", "an AGI argument is not name=value");
}

#[test]
fn files_of_a_call_are_private() {
    let house = House::new();
    house
        .outcome("question-tea.wav")
        .assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let reply = fs::metadata(format!("{}.ulaw", house.reply().display())).unwrap();
    assert_eq!(reply.permissions().mode() & 0o777, 0o600);
}
