//! The services' JSON in other shapes than documented, and what becomes of the words in it.

use phone_assistant::cloud::http::Response;
use phone_assistant::cloud::llm::{Answer, gemini, openai};
use phone_assistant::cloud::stt::{Transcript, google};
use phone_assistant::cloud::{Refusal, Service};
use phone_assistant::sys::redact::Hidden;
use phone_assistant::text::{chunks, limit, sentences, speakable};
use serde_json::{Value, json};
use testkit::spellings;

use super::mutate::Random;
use super::tree::mutated;
use super::{fuzz, inputs};

#[test]
fn no_answer_makes_the_reader_of_transcripts_panic() {
    fuzz_json(
        "transcripts",
        &transcripts(),
        |input| match google::transcript(&response(input)) {
            Ok(Transcript { text, .. }) => assert_eq!(text.trim(), text),
            Err(error) => assert!(!error.to_string().is_empty()),
        },
    );
}

#[test]
fn no_answer_of_the_model_makes_its_readers_panic() {
    fuzz_json("answers", &answers(), |input| {
        let event = [b"data: ", input, b"\r\n\r\n"].concat();
        for dialect in [&gemini::DIALECT, &openai::DIALECT] {
            let mut answer = Answer::new(dialect);
            match answer.push(&event).and_then(|()| answer.push(&[])) {
                Ok(()) => answer.words().for_each(say),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    });
}

#[test]
fn no_refusal_makes_its_reader_panic() {
    let hidden = [Hidden::Secret("sk-secret")];
    fuzz_json("refusals", &refusals(), |input| {
        let status = [300, 400, 401, 403, 404, 429, 500, 503][input.len() % 8];
        let refusal = Refusal::read(SERVICE, status, input, &hidden);
        assert!(!refusal.to_string().contains("sk-secret"));
        assert!(!refusal.to_string().contains(char::is_control));
        let shown = squeezed(&refusal.to_string());
        for (what, spelled) in spellings("sk-secret") {
            assert!(!shown.contains(&squeezed(&spelled)), "{what}: {refusal}");
        }
    });
}

/// What is left when blanks and what is not seen are overlooked.
fn squeezed(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).collect()
}

/// Past the first look is what is JSON at all.
fn fuzz_json(what: &str, seeds: &[Value], feed: impl Fn(&[u8])) {
    let seeds: Vec<_> = seeds.iter().collect();
    let make = |random: &mut Random| mutated(&seeds, random);
    fuzz(what, inputs(), make, |input| {
        feed(input);
        serde_json::from_slice::<Value>(input).is_ok()
    });
}

fn response(body: &[u8]) -> Response {
    Response {
        content_type: "application/json; charset=UTF-8".to_owned(),
        body: body.to_vec(),
    }
}

/// From the model's words to the voice's.
fn say(answer: &str) {
    let spoken = speakable(answer);
    for text in [answer, &spoken] {
        assert_eq!(sentences(text).collect::<String>(), text);
        for max_chars in [0, 1, 30, 4_096] {
            assert!(limit(text, max_chars).chars().count() <= max_chars);
            let pieces = chunks(text, max_chars);
            let is_right = |piece: &&str| (1..=max_chars.max(1)).contains(&piece.chars().count());
            assert!(pieces.iter().all(is_right), "{pieces:?}");
        }
    }
}

const SERVICE: Service = Service {
    name: "Google Speech-to-Text",
    settings: "[stt.google]",
    key: "[google] credentials",
};

fn transcripts() -> [Value; 4] {
    [
        json!({
            "results": [{
                "alternatives": [{"transcript": "how old is the Brooklyn Bridge", "confidence": 0.98}],
                "resultEndTime": "1.770s",
                "languageCode": "en-us",
            }],
            "totalBilledTime": "15s",
            "requestId": "123",
        }),
        json!({"results": [
            {"alternatives": [{"transcript": "one"}, {"transcript": "won"}]},
            {"alternatives": [{"transcript": " two"}], "channelTag": 1},
        ]}),
        json!({"results": [{"alternatives": [{"transcript": "今天天气"}]}, {"alternatives": [{}]}]}),
        json!({"totalBilledTime": "15s", "requestId": "123"}),
    ]
}

fn answers() -> Vec<Value> {
    let whole = TEXTS.iter().map(|text| {
        json!({
            "candidates": [{
                "content": {"role": "model", "parts": [{"text": text}]},
                "finishReason": "STOP",
                "index": 0,
            }],
            "usageMetadata": {"totalTokenCount": 9},
            "modelVersion": "gemini-3.5-flash-lite",
        })
    });
    let others = [
        json!({"candidates": [{
            "content": {"parts": [{"text": "Let me think.", "thought": true}, {"text": "Four. "}, {"text": "Goodbye!"}]},
            "finishReason": "MAX_TOKENS",
        }]}),
        json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}),
        json!({"candidates": [{"finishReason": "RECITATION"}]}),
    ];
    whole.chain(others).collect()
}

fn refusals() -> Vec<Value> {
    let said_back =
        |(_, spelled)| json!({"error": {"message": spelled, "code": "invalid_api_key"}});
    let documented = [
        json!({"error": {
            "code": 403,
            "message": "Cloud Speech-to-Text API has not been used.",
            "status": "PERMISSION_DENIED",
            "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}],
        }}),
        json!([{"error": {
            "code": 429,
            "message": "Quota exceeded.\nPlease retry.",
            "status": "RESOURCE_EXHAUSTED",
            "details": [
                {"@type": "type.googleapis.com/google.rpc.QuotaFailure"},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "23.5s"},
            ],
        }}]),
        json!({"error": {
            "message": "Incorrect API key provided: sk-secret.",
            "type": "invalid_request_error",
            "param": null,
            "code": "invalid_api_key",
        }}),
        json!({"error": {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": null}}),
        json!({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}),
        json!({"detail": "unknown\nvoice sk-secret"}),
    ];
    let said_back = spellings("sk-secret").into_iter().map(said_back);
    documented.into_iter().chain(said_back).collect()
}

/// What models write although the persona asks them to speak.
const TEXTS: &[&str] = &[
    "The moon is about **384,400 km** away. Light needs *a little over* one second for that. Goodbye!",
    "# Opening hours\n\n- Mon–Fri: 9 a.m. to 5 p.m.\n- Sat: `closed`\n\n1. Call [us](https://example.com/a?b=c).\n2. Wait.",
    "| day | time |\n|---|--:|\n| Mon | 9:00 |\n\n> She said: „Ja.“ & left.[^1]\n\n[^1]: A note.\n\n```sh\nls -l | wc\n```",
    "<b>Tea</b> &amp; <i>cake</i><br/>❤️ 👩‍👩‍👧 🇩🇪 ~~no~~ <!-- hidden --> ![alt](x.png) \\*not\\* bold_at_all",
    "Dr. Smith kommt am 3. Mai um 17.30 Uhr, z. B. nach St. Gallen… Oder? „Nein!“ — doch.",
    "你好。“再见。”今天，天气很好！ Привет, мир. مرحبا؟ नमस्ते। שלום.",
];
