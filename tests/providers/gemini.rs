//! Gemini hears and speaks: with one key, in few requests, and nothing passes that it should not.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::audio::{measure, wav};
use testkit::{Fault, GEMINI_API_KEY, Response, Service, Settings, Stage, Webhook};

use super::gemini;
use crate::audio::{pcm_bytes, tone};
use crate::call::heard;
use crate::calling;
use crate::house::{House, MOON, each, many_sentences};
use crate::limits::records;

#[test]
fn one_key_carries_a_whole_call_and_is_sent_in_its_own_header_alone() {
    for house in [House::new(), House::streaming()] {
        let outcome = house.outcome_with("question-moon.wav", &gemini(&house));
        outcome
            .assert_exit(0)
            .assert_manners()
            .assert_variable("ASSISTANT_STATUS", "ANSWERED")
            .assert_variable("ASSISTANT_QUESTION", "How far away is the moon?")
            .assert_variable("ASSISTANT_ANSWER", MOON);
        for request in house.sandbox.requests() {
            let service = request.service;
            assert_eq!(request.header("x-goog-api-key"), Some(GEMINI_API_KEY));
            assert_eq!(request.header("authorization"), None, "{service:?}");
            assert_eq!(request.status, 200, "{service:?}");
        }
        assert!(outcome.warnings.is_empty(), "{:?}", outcome.warnings);
    }
}

#[test]
fn a_service_account_takes_the_place_of_the_key_for_every_stage() {
    let house = House::new();
    let settings = house
        .sandbox
        .settings()
        .set("stt.provider", "gemini")
        .set("tts.provider", "gemini");
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    for request in house.sandbox.requests() {
        assert_eq!(request.header("x-goog-api-key"), None);
        assert!(request.header("authorization").is_some());
    }
}

#[test]
fn languages_and_words_are_named_as_each_model_takes_them() {
    let settings = |house: &House, model: &str| {
        gemini(house)
            .set("stt.gemini.model", model)
            .set("stt.alternative_languages", json!(["de-DE"]))
            .set("stt.phrases", json!(["Asterisk", "FreePBX"]))
    };
    let asked = |model: &str| {
        let house = House::new();
        let outcome = house.outcome_with("question-tea.wav", &settings(&house, model));
        outcome
            .assert_variable("ASSISTANT_STATUS", "ANSWERED")
            .assert_variable("ASSISTANT_QUESTION", "How long should black tea steep?");
        house.sandbox.requests_of(Service::GeminiStt)[0]
            .body
            .clone()
    };
    let body = asked("gemini-3.5-flash-lite");
    let told = body["systemInstruction"].to_string();
    for part in ["never answer", "en-US, some de-DE", "Asterisk, FreePBX"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let config = &body["generationConfig"];
    assert_eq!(config["thinkingConfig"]["thinkingLevel"], "MINIMAL");
    assert_eq!(config["responseMimeType"], "application/json");
    assert_eq!(
        body["contents"][0]["parts"][0]["inlineData"]["mimeType"],
        "audio/wav"
    );

    let body = asked("gemini-3.5-transcribe");
    let expected = json!({
        "languageCodes": ["en-US", "de-DE"],
        "customVocabulary": ["Asterisk", "FreePBX"],
        "mode": "VERBATIM",
    });
    assert_eq!(
        body["generationConfig"],
        json!({"audioTranscriptionConfig": expected})
    );
    assert_eq!(body["systemInstruction"], Value::Null);
}

/// An answer whose words are these.
fn written(text: &str) -> Response {
    let candidate =
        json!({"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP"});
    Response::json(200, &json!({"candidates": [candidate]}))
}

fn transcript(text: &str) -> Response {
    written(&json!({"has_speech": true, "transcript": text}).to_string())
}

/// What is no transcript of a question of two seconds.
fn no_transcripts() -> Vec<Response> {
    vec![
        written(&json!({"has_speech": false, "transcript": ""}).to_string()),
        written(&json!({"has_speech": false, "transcript": "Noise is heard."}).to_string()),
        written(""),
        written("Sure! Here is the transcript: How long should black tea steep?"),
        transcript(""),
        transcript("[music]"),
        transcript("The caller asks how long black tea should steep."),
        transcript("I hear no speech in this recording."),
        transcript(&"Black tea should steep for three to five minutes. ".repeat(4)),
    ]
}

#[test]
fn a_caller_is_answered_in_the_language_that_gemini_hears() {
    for (languages, told) in [(json!(["en-US", "fr-FR"]), true), (json!(["en-US"]), false)] {
        let house = House::new();
        let wrote =
            json!({"has_speech": true, "transcript": "Combien de temps ?", "language": "fr-FR"});
        house
            .sandbox
            .respond(Stage::Stt, written(&wrote.to_string()));
        let settings = house
            .sandbox
            .settings()
            .set("gemini.api_key", GEMINI_API_KEY)
            .set("stt.provider", "gemini")
            .set("tts.provider", "google")
            .set("languages", languages.clone());
        house
            .outcome_with("question-tea.wav", &settings)
            .assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let asked = &house.sandbox.requests_to(Stage::Stt)[0].body;
        let schema = &asked["generationConfig"]["responseSchema"]["properties"];
        let choice = schema.get("language").map(|language| &language["enum"]);
        assert_eq!(choice, told.then_some(&languages));
        let spoken = &house.sandbox.requests_to(Stage::Tts)[0].body;
        let expected = if told { "fr-FR" } else { "en-US" };
        assert_eq!(spoken["voice"]["languageCode"], expected);
    }
}

#[test]
fn nothing_but_a_transcript_passes_as_one() {
    each(no_transcripts(), |reply| {
        let house = House::new();
        house.sandbox.respond(Stage::Stt, reply.clone());
        let outcome = house.outcome_with("question-tea.wav", &gemini(&house));
        outcome.assert(
            outcome.variable("ASSISTANT_STATUS") == "NOSPEECH",
            &format!("{reply:?}"),
        );
        assert_eq!(house.sandbox.requests().len(), 1, "{reply:?}");
    });
}

#[test]
fn where_there_surely_is_speech_another_provider_is_asked_once_for_its_words() {
    let with_fallback = |house: &House| {
        house
            .sandbox
            .settings()
            .set("gemini.api_key", GEMINI_API_KEY)
            .set("stt.provider", "gemini")
            .set("stt.fallback", json!(["openai", "google"]))
    };
    each(no_transcripts(), |reply| {
        let house = House::new();
        let fault = Fault::Reply(reply.clone());
        house
            .sandbox
            .fault_service(Service::GeminiStt, fault, usize::MAX);
        let outcome = house.outcome_with("question-tea.wav", &with_fallback(&house));
        outcome
            .assert_variable("ASSISTANT_STATUS", "ANSWERED")
            .assert_variable("ASSISTANT_QUESTION", "How long should black tea steep?");
        let warning = outcome.warnings.join(" ");
        outcome.assert(
            warning.contains("gemini heard no words in speech"),
            "nobody is told",
        );
        assert_eq!(house.sandbox.requests_of(Service::OpenAiStt).len(), 1);
    });
    let table = [
        (
            "question-tea.wav",
            Fault::Reply(Response::json(200, &json!({"text": ""}))),
            [1, 1, 0],
        ),
        ("question-tea.wav", Fault::Status(401), [1, 1, 1]),
    ];
    for (question, fault, expected) in table {
        let house = House::new();
        let nothing = Fault::Reply(transcript(""));
        house
            .sandbox
            .fault_service(Service::GeminiStt, nothing, usize::MAX);
        house
            .sandbox
            .fault_service(Service::GoogleStt, Fault::Status(401), usize::MAX);
        house
            .sandbox
            .fault_service(Service::OpenAiStt, fault, usize::MAX);
        let outcome = house.outcome_with(question, &with_fallback(&house));
        outcome.assert_variable("ASSISTANT_STATUS", "NOSPEECH");
        let services = [Service::GeminiStt, Service::OpenAiStt, Service::GoogleStt];
        let asked = services.map(|service| house.sandbox.requests_of(service).len());
        assert_eq!(asked, expected);
    }
}

#[test]
fn where_a_transcriber_hears_nothing_the_usual_model_of_the_same_key_is_asked() {
    let house = House::new();
    let settings = gemini(&house)
        .set("stt.gemini.model", "gemini-3.5-transcribe")
        .set("stt.fallback", json!([]));
    house
        .sandbox
        .fault_service(Service::GeminiStt, Fault::Reply(written("")), 1);
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome
        .assert_variable("ASSISTANT_STATUS", "ANSWERED")
        .assert_variable("ASSISTANT_QUESTION", "How long should black tea steep?");
    let asked = house.sandbox.requests_of(Service::GeminiStt);
    let models = ["gemini-3.5-transcribe", "gemini-3.5-flash-lite"];
    assert_eq!(asked.len(), models.len());
    for (request, model) in asked.iter().zip(models) {
        assert!(request.path.contains(model), "{}", request.path);
    }
}

/// An answer without any content that ends for this reason, and what it has used.
fn useless(reason: &str) -> Value {
    let candidates = match reason {
        "" => json!([]),
        reason => json!([{"finishReason": reason}]),
    };
    let used = json!({"promptTokenCount": 70, "candidatesTokenCount": 5, "thoughtsTokenCount": 25});
    json!({"candidates": candidates, "usageMetadata": used})
}

#[test]
fn what_is_told_to_be_used_for_an_answer_of_no_use_is_paid_for() {
    let stt = |reason: &str| {
        let reply = Response::json(200, &useless(reason));
        (Service::GeminiStt, "gemini gemini-3.5-flash-lite", reply)
    };
    let tts = |reason: &str| {
        let events = format!("data: {}\r\n\r\n", useless(reason));
        let reply = Response::new(200, "text/event-stream", events);
        (
            Service::GeminiTts,
            "gemini gemini-3.8-flash-lite-tts",
            reply,
        )
    };
    let replies = [stt(""), stt("SAFETY"), tts("STOP"), tts("OTHER")];
    each(replies, |(service, name, reply)| {
        let house = House::new();
        let log = house.other().join("calls.jsonl");
        house
            .sandbox
            .fault_service(service, Fault::Reply(reply.clone()), usize::MAX);
        let settings = gemini(&house)
            .set("log.calls", log.to_str().unwrap())
            .set("stt.gemini.model", "gemini-3.5-flash-lite")
            .set("llm.gemini.model", "gemini-3.6-flash");
        house.outcome_with("question-tea.wav", &settings);
        let asked = house.sandbox.requests_of(service).len();
        let record = &records(&log)[0];
        let used = record["used"].as_array().unwrap();
        let of_it = used.iter().find(|used| used["service"] == name);
        let tokens = of_it.map(|used| (&used["input_tokens"], &used["output_tokens"]));
        let expected = [70 * asked, 30 * asked].map(Value::from);
        assert!(asked > 0, "{service:?}");
        assert_eq!(
            tokens,
            Some((&expected[0], &expected[1])),
            "{reply:?}: {record}"
        );
    });
}

#[test]
fn the_mood_stands_beside_the_text_and_nothing_in_that_is_performed() {
    let house = House::new();
    house
        .sandbox
        .answer_with("Well, a < b is [really] true. It is 5 > 3, too.");
    let settings = gemini(&house)
        .set("tts.instructions", "Speak warmly.")
        .set("tts.speed", 0.8)
        .set("tts.gemini.voice", "Puck")
        .set("stt.language", "en-GB");
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    for request in house.sandbox.requests_of(Service::GeminiTts) {
        assert_eq!(request.query, "alt=sse");
        let part = &request.body["contents"][0]["parts"][0];
        assert_eq!(
            part["speechMetadata"],
            json!({"style": "Speak warmly. Speak slowly."})
        );
        let text = part["text"].as_str().unwrap();
        assert!(!text.contains(['[', ']', '<', '>']), "{text}");
        assert!(!text.contains("warmly"), "{text}");
        let speech = json!({
            "languageCode": "en-GB",
            "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}},
        });
        let config = json!({"responseModalities": ["AUDIO"], "speechConfig": speech});
        assert_eq!(request.body["generationConfig"], config);
    }
    // Where callers speak several languages the voice hears from the text which one it is.
    let house = House::new();
    let settings = gemini(&house).set("languages", json!(["en-GB", "fr-FR"]));
    house.outcome_with("question-tea.wav", &settings);
    let asked = house.sandbox.requests_of(Service::GeminiTts);
    assert!(!asked.is_empty());
    for request in asked {
        let speech = &request.body["generationConfig"]["speechConfig"];
        assert_eq!(speech["languageCode"], Value::Null);
    }
}

#[test]
fn an_answer_is_spoken_in_three_requests_at_most() {
    let answer = many_sentences(6);
    for house in [House::new(), House::streaming()] {
        house.sandbox.answer_with(&answer);
        house
            .sandbox
            .pace_model(Duration::from_millis(50), Duration::from_millis(40));
        house.sandbox.pace_voice(Duration::from_millis(100), 200.0);
        let outcome = house.outcome_with("question-moon.wav", &gemini(&house));
        outcome
            .assert_variable("ASSISTANT_STATUS", "ANSWERED")
            .assert_variable("ASSISTANT_ANSWER", answer.trim());
        let asked = house.sandbox.requests_of(Service::GeminiTts);
        let texts: Vec<_> = asked
            .iter()
            .map(|request| {
                request.body["contents"][0]["parts"][0]["text"]
                    .as_str()
                    .unwrap()
            })
            .collect();
        assert_eq!(texts.join(" "), answer.trim());
        assert!((2..=3).contains(&texts.len()), "{texts:?}");
        assert!(
            texts[0].starts_with("This is number 1 ") && texts[0].len() < 60,
            "{texts:?}"
        );
    }
}

#[test]
fn each_look_up_adds_one_request_for_the_voice_at_most() {
    // Who hears the answer while it is made hears all of it.
    for (house, kinds, sentences) in [
        (House::new(), ["green", "black"].as_slice(), 6),
        (House::streaming(), &["green"], 4),
    ] {
        let said = many_sentences(sentences);
        let turns = kinds.iter().map(|kind| calling::order(kind).saying(&said));
        house.sandbox.call_with(turns);
        house
            .sandbox
            .pace_model(Duration::from_millis(50), Duration::from_millis(10));
        house.sandbox.pace_voice(Duration::from_millis(100), 200.0);
        let hook = Webhook::start();
        let settings = calling::with_tool(gemini(&house), &hook);
        let said = vec![said.trim(); kinds.len()].join(" ");
        let found = vec!["ok"; kinds.len()].join(", ");
        let answer = format!("{said} This was found: {found}.");
        house
            .outcome_with("question-moon.wav", &settings)
            .assert_variable("ASSISTANT_STATUS", "ANSWERED")
            .assert_variable("ASSISTANT_ANSWER", &answer);
        let asked = house.sandbox.requests_of(Service::GeminiTts).len();
        assert!((3..=3 + kinds.len()).contains(&asked), "{asked}");
    }
}

/// An event with a sound of this type in base64, and why it ends.
fn event(mime_type: &str, data: &str, reason: &str) -> String {
    let part = json!({"inlineData": {"mimeType": mime_type, "data": data}});
    let candidate = json!({"content": {"parts": [part], "role": "model"}, "finishReason": reason});
    format!("data: {}\r\n\r\n", json!({"candidates": [candidate]}))
}

fn events(body: String) -> Response {
    Response::new(200, "text/event-stream", body).chunked()
}

#[test]
fn half_a_second_is_heard_whatever_it_is_called_and_wherever_it_is_cut() {
    let samples = |rate_hz: u32| pcm_bytes(&tone(rate_hz, 1_000, 0.5, rate_hz / 2), 16);
    let clip = testkit::audio::Clip {
        rate_hz: 24_000,
        samples: samples(24_000)
            .chunks(2)
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect(),
    };
    let riff = wav::with_header(&clip, wav::Header::Right);
    let whole = |kind: &str, bytes: &[u8]| event(kind, &STANDARD.encode(bytes), "STOP");
    let cut = |every: usize| {
        let data = STANDARD.encode(samples(24_000)).into_bytes();
        let pieces = data.chunks(every).map(|piece| {
            event(
                "audio/l16; rate=24000",
                std::str::from_utf8(piece).unwrap(),
                "",
            )
        });
        pieces.collect::<String>() + &event("", "", "STOP")
    };
    let padded = |every: usize| {
        let sound = samples(24_000);
        let pieces = sound.chunks(every).map(|piece| {
            event(
                "audio/L16;codec=pcm;rate=24000",
                &STANDARD.encode(piece),
                "",
            )
        });
        pieces.collect::<String>() + &event("", "", "STOP")
    };
    let rows = vec![
        whole("audio/L16;codec=pcm;rate=24000", &samples(24_000)),
        whole("audio/l16; rate=16000; channels=1", &samples(16_000)),
        whole("audio/pcm;Rate=\"8000\"", &samples(8_000)),
        whole("audio/L16", &samples(24_000)),
        whole("", &samples(24_000)),
        whole("audio/wav", &riff),
        whole("audio/L16;rate=8000", &riff),
        cut(4_001),
        cut(1_022),
        padded(2_001),
        padded(1_000),
    ];
    each(rows.into_iter().enumerate(), |(row, body)| {
        let house = House::new();
        house.sandbox.answer_with("One sentence is enough here.");
        house.sandbox.respond(Stage::Tts, events(body));
        let outcome = house.outcome_with("question-tea.wav", &gemini(&house));
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let heard = heard(&house, "ulaw");
        assert!(
            (0.45..0.62).contains(&heard.seconds()),
            "row {row}: {} s",
            heard.seconds()
        );
        let level = measure::tone_db(&heard, 1_000.0);
        // The level of its RMS, 3 dB below its amplitude, is what voices are brought to.
        assert!((-18.0..-14.0).contains(&level), "row {row}: {level} dB");
    });
}

/// What a voice sends in place of sound, and what the error says.
fn no_sounds() -> Vec<(Response, &'static str)> {
    let text = json!({"candidates": [{"content": {"parts": [{"text": "I cannot speak."}]}, "finishReason": "STOP"}]});
    let blocked = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}});
    let error = json!({"error": {"code": 503, "status": "UNAVAILABLE", "message": "overloaded"}});
    vec![
        (events(format!("data: {text}\n\n")), "sent an empty answer"),
        (events(event("", "", "STOP")), "sent an empty answer"),
        (
            events(event("", "", "OTHER")),
            "gave up on its answer (OTHER)",
        ),
        (
            events(event("", "", "SAFETY")),
            "gave up on its answer (SAFETY)",
        ),
        (
            events(format!("data: {blocked}\n\n")),
            "(PROHIBITED_CONTENT)",
        ),
        (events(format!("data: {error}\n\n")), "answered 503"),
        (events(format!("{error:#}\n")), "answered 503"),
        (
            events(event("audio/L16;rate=24000", "!!!!", "")),
            "base_url",
        ),
        (
            events(event(
                "audio/L16;rate=24000",
                &"AAAA".repeat(16_000),
                "STOP",
            )),
            "no sound",
        ),
    ]
}

#[test]
fn what_is_no_sound_is_named_and_another_voice_speaks() {
    each(no_sounds(), |(response, words)| {
        let house = House::new();
        let fault = Fault::Reply(response.clone());
        house
            .sandbox
            .fault_service(Service::GeminiTts, fault, usize::MAX);
        let outcome = house.outcome_with("question-tea.wav", &gemini(&house));
        outcome
            .assert_variable("ASSISTANT_STATUS", "FAILED")
            .assert_variable_contains("ASSISTANT_ERROR", words);
        let settings: Settings = gemini(&house)
            .set("openai.api_key", testkit::OPENAI_API_KEY)
            .set("tts.fallback", json!(["openai"]));
        let outcome = house.outcome_with("question-tea.wav", &settings);
        outcome.assert(
            outcome.variable("ASSISTANT_STATUS") == "ANSWERED",
            &format!("{response:?}"),
        );
    });
}

#[test]
fn a_voice_that_ends_for_another_reason_is_heard_as_far_as_it_came() {
    let sound = || STANDARD.encode(pcm_bytes(&tone(24_000, 1_000, 1.0, 12_000), 16));
    let rows = [
        (
            event("audio/L16;rate=24000", &sound(), "") + &event("", "", "OTHER"),
            "(OTHER)",
        ),
        (
            event("audio/L16;rate=24000", &sound(), "MAX_TOKENS"),
            "(MAX_TOKENS)",
        ),
        (
            event("audio/L16;rate=24000", &sound(), ""),
            "broke off its answer",
        ),
    ];
    each(rows, |(body, words)| {
        let house = House::streaming();
        house.sandbox.respond(Stage::Tts, events(body));
        let outcome = house.outcome_with("question-tea.wav", &gemini(&house));
        outcome
            .assert_variable("ASSISTANT_STATUS", "PARTIAL")
            .assert_variable_contains("ASSISTANT_ERROR", words);
    });
}

#[test]
fn what_gemini_hears_and_speaks_is_billed_by_tokens() {
    let house = House::new();
    let log = house.other().join("calls.jsonl");
    let settings = gemini(&house).set("log.calls", log.to_str().unwrap());
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let record: Value = serde_json::from_str(&std::fs::read_to_string(&log).unwrap()).unwrap();
    let used = |index: usize| &record["used"][index];
    assert_eq!(used(0)["service"], "gemini gemini-3.5-flash-lite");
    let heard_ms = used(0)["audio_ms"].as_u64().unwrap();
    assert_eq!(
        used(0)["input_tokens"].as_u64(),
        Some(32 * heard_ms.div_ceil(1000))
    );
    assert!(
        used(0)["output_tokens"]
            .as_u64()
            .is_some_and(|tokens| tokens > 0)
    );
    assert_eq!(used(2)["service"], "gemini gemini-3.8-flash-lite-tts");
    let spoken_ms = used(2)["audio_ms"].as_u64().unwrap();
    let tokens = used(2)["output_tokens"].as_u64().unwrap();
    assert!(tokens.abs_diff(25 * spoken_ms / 1000) <= 3, "{record}");
    let all = (0..3).map(|index| used(index)["microdollars"].as_u64().unwrap());
    assert_eq!(record["microdollars"].as_u64(), Some(all.sum()));
}

#[test]
fn a_long_text_is_said_in_pieces_that_one_request_may_have() {
    let house = House::new();
    let text = many_sentences(220);
    let sound = house.say_aloud(&gemini(&house).write(house.other()), &text);
    let asked = house.sandbox.requests_of(Service::GeminiTts);
    let lens: Vec<_> = asked
        .iter()
        .map(|request| {
            request.body["contents"][0]["parts"][0]["text"]
                .as_str()
                .unwrap()
                .len()
        })
        .collect();
    assert!(
        lens.len() == 2 && lens.iter().all(|len| *len <= 4_500),
        "{lens:?}"
    );
    assert!(sound.seconds() > 200.0);
}

#[test]
fn what_it_can_cost_is_set_aside_before_anything_is_paid() {
    let house = House::new();
    let settings = gemini(&house).set("limits.max_daily_cost", 0.000_001);
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "LIMITED");
    assert_eq!(house.sandbox.paid_requests(), 0);
    let settings = settings.set("limits.max_daily_cost", 1.0);
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
}
