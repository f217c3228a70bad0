//! Gemini's stand-ins that hear and speak: what they take, and what they refuse.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::GEMINI_API_KEY;
use testkit::audio::{Clip, clips, wav};

use super::{Answer, Client, LLM, sandbox};

const SPOKEN: &str = "/v1beta/models/gemini-3.8-flash-lite-tts:streamGenerateContent?alt=sse";
const TRANSCRIBER: &str = "/v1beta/models/gemini-3.5-transcribe:generateContent";

fn ask(client: &Client, path: &str, body: &Value) -> Answer {
    let header = ("x-goog-api-key", GEMINI_API_KEY);
    client
        .post(path, header, body.to_string().as_bytes())
        .unwrap()
}

fn sound_body(clip: &Clip) -> Value {
    let wav = wav::with_header(clip, wav::Header::Right);
    let blob = json!({"mimeType": "audio/wav", "data": STANDARD.encode(wav)});
    json!({
        "systemInstruction": {"parts": [{"text": "Write down what is said."}]},
        "contents": [{"role": "user", "parts": [{"inlineData": blob}]}],
        "generationConfig": {"responseMimeType": "application/json"},
    })
}

fn voice_body(text: &str) -> Value {
    let voice = json!({"prebuiltVoiceConfig": {"voiceName": "Kore"}});
    json!({
        "contents": [{"role": "user", "parts": [{"text": text, "speechMetadata": {"style": "calm"}}]}],
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "speechConfig": {"voiceConfig": voice, "languageCode": "en-US"},
        },
    })
}

#[test]
fn what_is_said_is_written_down_and_silence_is_empty() {
    let (_dir, _sandbox, client) = sandbox();
    let quiet = clips::silence(8000, 0.5);
    let question = quiet
        .clone()
        .then(&clips::babble(8000, "when are you open"))
        .then(&quiet);
    for (clip, has_speech, words) in [(question, true, "when are you open?"), (quiet, false, "")] {
        let answer = ask(&client, LLM, &sound_body(&clip));
        assert_eq!(answer.status, 200, "{}", answer.json);
        let text = &answer.json["candidates"][0]["content"]["parts"][0]["text"];
        let written: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        assert_eq!(
            written,
            json!({"has_speech": has_speech, "transcript": words})
        );
        assert!(answer.json["usageMetadata"]["promptTokenCount"].is_u64());
    }
}

#[test]
fn what_is_heard_is_answered_and_written_down_where_that_is_told() {
    let (_dir, _sandbox, client) = sandbox();
    let quiet = clips::silence(8000, 0.5);
    let question = quiet
        .clone()
        .then(&clips::babble(8000, "when are you open"))
        .then(&quiet);
    let told = "End with [[heard WORDS]].";
    let answer = "The answer to when are you open.";
    let table = [
        (
            &question,
            told,
            format!("{answer} [[heard when are you open?]]"),
        ),
        (&question, "Be brief.", answer.to_owned()),
        (&quiet, told, "[[heard]]".to_owned()),
    ];
    for (clip, instruction, expected) in table {
        let body = with(
            with(sound_body(clip), "/generationConfig", json!({})),
            "/systemInstruction/parts/0/text",
            json!(instruction),
        );
        let answer = ask(&client, super::STREAM, &body);
        assert_eq!(answer.status, 200, "{}", answer.json);
        let events = super::events(&String::from_utf8(answer.body).unwrap());
        let text = |event: &Value| {
            let text = &event["candidates"][0]["content"]["parts"][0]["text"];
            text.as_str().unwrap().to_owned()
        };
        assert_eq!(events.iter().map(text).collect::<String>(), expected);
        let usage = &events.last().unwrap()["usageMetadata"];
        let seconds = 32 * (clip.samples.len().div_ceil(8000));
        assert_eq!(usage["promptTokenCount"], seconds, "{usage}");
    }
}

#[test]
fn a_voice_sends_events_of_an_odd_number_of_bytes() {
    let (_dir, sandbox, client) = sandbox();
    let answer = ask(&client, SPOKEN, &voice_body("Hello there."));
    assert_eq!(answer.status, 200, "{}", answer.json);
    let events = super::events(&String::from_utf8(answer.body).unwrap());
    let part = |event: &Value| event["candidates"][0]["content"]["parts"][0]["inlineData"].clone();
    let sound: Vec<u8> = events
        .iter()
        .flat_map(|event| {
            STANDARD
                .decode(part(event)["data"].as_str().unwrap())
                .unwrap()
        })
        .collect();
    assert_eq!(
        sound,
        wav::bytes_of(&sandbox.spoken("Hello there.").samples)
    );
    assert_eq!(
        part(&events[0])["mimeType"],
        "audio/L16;codec=pcm;rate=24000"
    );
    let reasons: Vec<_> = events
        .iter()
        .map(|event| event["candidates"][0]["finishReason"].as_str())
        .collect();
    assert_eq!(reasons.iter().flatten().count(), 1);
    assert_eq!(reasons.last(), Some(&Some("STOP")));
}

fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    body
}

/// Each of these requests is refused, and why.
fn assert_refused(table: &[(&str, Value, &str)]) {
    let (_dir, _sandbox, client) = sandbox();
    for (path, body, words) in table {
        let answer = ask(&client, path, body);
        assert_eq!(answer.status, 400, "{words}: {}", answer.json);
        let is_told = answer.json.to_string().contains(words);
        assert!(is_told, "{words}: {}", answer.json);
    }
}

#[test]
fn what_a_model_that_hears_refuses_is_refused() {
    let sound = || sound_body(&clips::silence(8000, 1.0));
    let (part, config) = ("/contents/0/parts/0", "/generationConfig");
    assert_refused(&[
        (
            LLM,
            with(sound(), &format!("{part}/x"), json!(1)),
            "Cannot find field",
        ),
        (
            LLM,
            with(
                sound(),
                &format!("{part}/inlineData/mimeType"),
                json!("audio/gsm"),
            ),
            "MIME type",
        ),
        (
            LLM,
            with(sound(), &format!("{part}/inlineData/data"), json!("*")),
            "Base64 decoding failed",
        ),
        (
            LLM,
            with(sound(), "/contents/0/role", json!("system")),
            "valid role",
        ),
        (
            LLM,
            with(
                sound(),
                &format!("{config}/responseSchema"),
                json!({"type": "object"}),
            ),
            "invalid schema",
        ),
        (
            LLM,
            with(
                sound(),
                &format!("{config}/thinkingConfig"),
                json!({"thinkingLevel": "minimal"}),
            ),
            "ThinkingLevel",
        ),
        (TRANSCRIBER, sound(), "Developer instruction is not enabled"),
        (
            super::STREAM,
            with(
                sound(),
                &format!("{part}/inlineData/mimeType"),
                json!("audio/gsm"),
            ),
            "MIME type",
        ),
        (
            super::STREAM,
            with(sound(), &format!("{part}/inlineData/data"), json!("AAAA")),
            "cannot be decoded",
        ),
    ]);
}

#[test]
fn what_a_model_that_speaks_refuses_is_refused() {
    let voice = || voice_body("Hello.");
    let (part, config) = ("/contents/0/parts/0", "/generationConfig");
    assert_refused(&[
        (
            SPOKEN,
            with(voice(), &format!("{part}/text"), json!("[laughs] Hello.")),
            "tags",
        ),
        (
            SPOKEN,
            with(voice(), &format!("{part}/text"), json!("Hello. <sigh>")),
            "tags",
        ),
        (
            SPOKEN,
            with(
                voice(),
                &format!("{part}/speechMetadata/mood"),
                json!("calm"),
            ),
            "Cannot find field",
        ),
        (
            SPOKEN,
            with(
                voice(),
                &format!("{config}/responseModalities"),
                json!(["TEXT"]),
            ),
            "modalities",
        ),
        (
            SPOKEN,
            with(
                voice(),
                &format!("{config}/speechConfig/voiceConfig"),
                json!({}),
            ),
            "Voice name",
        ),
        (
            SPOKEN,
            with(
                voice(),
                "/systemInstruction",
                json!({"parts": [{"text": "x"}]}),
            ),
            "Developer instruction",
        ),
    ]);
}
