//! A model that hears the caller itself: no transcript is waited for, and what it writes down of it is not spoken.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::audio::clips;
use testkit::{Fault, Outcome, Response, Service, Settings, Stage};

use super::{gemini, openai};
use crate::conversation::{self, asked_of_tea, converse, one_turn};
use crate::house::{House, MOON, PATIENCE, each, many_sentences};

const TEA: &str = "How long should black tea steep?";

/// A model that hears, and on a busy machine is not given up for being slow.
fn hearing(settings: Settings) -> Settings {
    settings
        .set("llm.hears", true)
        .set("call.fallback_after", 60.0)
}

/// The sound of a request's last turn, in base64; empty where there is none.
fn sound(body: &Value) -> &str {
    let last = body["contents"].as_array().unwrap().last().unwrap();
    let blob = &last["parts"][0]["inlineData"];
    assert!(blob.is_null() || blob["mimeType"] == "audio/wav", "{blob}");
    blob["data"].as_str().unwrap_or_default()
}

/// A stream of events with the pieces of an answer, and no count of tokens.
fn written(pieces: &[&str]) -> Response {
    written_to("STOP", pieces)
}

/// The same with another reason for its end; without any it breaks off.
fn written_to(end: &str, pieces: &[&str]) -> Response {
    let last = pieces.len() - 1;
    let events = pieces.iter().enumerate().map(|(index, text)| {
        let reason = if index == last { end } else { "" };
        let content = json!({"parts": [{"text": text}], "role": "model"});
        let reply = json!({"candidates": [{"content": content, "finishReason": reason}]});
        format!("data: {reply}\r\n\r\n")
    });
    Response::new(200, "text/event-stream", events.collect::<String>()).chunked()
}

/// A call about tea to a model that writes so, and the house where it was.
fn answered_by(pieces: &[&str]) -> (House, Outcome) {
    let house = House::new();
    house.sandbox.respond(Stage::Llm, written(pieces));
    let outcome = house.outcome_with("question-tea.wav", &hearing(house.sandbox.settings()));
    (house, outcome)
}

#[test]
fn a_caller_whom_the_model_hears_is_answered_by_one_request_less() {
    for house in [House::new(), House::streaming()] {
        let log = house.other().join("calls.jsonl");
        let settings = house
            .sandbox
            .settings()
            .set("log.calls", log.to_str().unwrap())
            .set("log.words", true);
        house.outcome_with("question-moon.wav", &settings);
        // Whoever waited for a transcript would wait for ever.
        house.sandbox.hold(Stage::Stt);
        let outcome = house.outcome_with("question-moon.wav", &hearing(settings));
        outcome
            .assert_exit(0)
            .assert_manners()
            .assert_variable("ASSISTANT_STATUS", "ANSWERED")
            .assert_variable("ASSISTANT_QUESTION", "How far away is the moon?")
            .assert_variable("ASSISTANT_ANSWER", MOON);
        assert_eq!(house.sandbox.requests_to(Stage::Stt).len(), 1);
        let asked = house.sandbox.requests_to(Stage::Llm);
        assert_eq!((sound(&asked[0].body), asked.len()), ("", 2));
        assert!(sound(&asked[1].body).len() > 10_000);
        let [told, usual] = [1, 0].map(|at| asked[at].body["systemInstruction"].to_string());
        assert!(told.contains("[[heard WORDS]]") && !usual.contains("heard"));
        assert!(house.spoken_texts().iter().all(|text| !text.contains("[[")));
        let is_told = |line: &str| {
            line.starts_with("VERBOSE")
                && line.contains(", and heard \\\"How far away is the moon?\\\"")
        };
        outcome.assert(outcome.commands().any(is_told), "the log is not told");
        let lines = fs::read_to_string(&log).unwrap();
        let records: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(records[0]["question_by"], Value::Null);
        assert_eq!(records[1]["question_by"], "model");
        assert_eq!(records[1]["question"], "How far away is the moon?");
        house.sandbox.release(Stage::Stt);
    }
}

#[test]
fn nothing_of_what_it_heard_is_spoken_however_it_is_cut() {
    let text = format!("For 3 minutes. Not longer! [[heard {TEA}]]");
    each([1, 2, 3, 5, 8, 13, 28, 100], |len| {
        let pieces: Vec<&str> = text
            .as_bytes()
            .chunks(len)
            .map(|piece| std::str::from_utf8(piece).unwrap())
            .collect();
        let (house, outcome) = answered_by(&pieces);
        outcome
            .assert_variable("ASSISTANT_STATUS", "ANSWERED")
            .assert_variable("ASSISTANT_ANSWER", "For 3 minutes. Not longer!")
            .assert_variable("ASSISTANT_QUESTION", TEA);
        let spoken = house.spoken_texts().join(" ");
        assert_eq!(spoken, "For 3 minutes. Not longer!", "by {len}");
    });
}

#[test]
fn words_that_are_missing_are_left_out_and_noise_is_no_question() {
    let table: [(&[&str], &str, &str); 6] = [
        (&["For 3 minutes."], "ANSWERED", ""),
        (&["For 3 minutes. ", "[[heard How lo"], "ANSWERED", ""),
        (&["For 3 minutes. [[heard]]"], "ANSWERED", ""),
        (&["For 3 minutes. [[heard (noise)]]"], "ANSWERED", ""),
        (&["[[heard]]"], "NOSPEECH", ""),
        (&["[[hea", "rd ]]"], "NOSPEECH", ""),
    ];
    each(table, |(pieces, status, question)| {
        let (house, outcome) = answered_by(pieces);
        outcome
            .assert_variable("ASSISTANT_STATUS", status)
            .assert_variable("ASSISTANT_QUESTION", question);
        assert_eq!(house.sandbox.requests_to(Stage::Llm).len(), 1);
        assert_eq!(house.sandbox.requests_to(Stage::Stt).len(), 0);
    });
}

#[test]
fn an_answer_that_breaks_off_where_nothing_more_is_spoken_is_whole() {
    for end in ["", "MAX_TOKENS", "OTHER"] {
        for house in [House::new(), House::streaming()] {
            let response = written_to(end, &["For 3 minutes. ", "[[heard How lo", "ng"]);
            house.sandbox.respond(Stage::Llm, response);
            let settings = hearing(house.sandbox.settings());
            let outcome = house.outcome_with("question-tea.wav", &settings);
            outcome
                .assert_variable("ASSISTANT_STATUS", "ANSWERED")
                .assert_variable("ASSISTANT_ANSWER", "For 3 minutes.")
                .assert_variable("ASSISTANT_QUESTION", "");
            assert_eq!(house.sandbox.requests_to(Stage::Llm).len(), 1);
        }
    }
}

#[test]
fn what_is_no_speech_is_not_sent() {
    let sounds = [
        clips::silence(8000, 3.0),
        clips::tone(8000, 425.0, -12.0, 3.0),
        clips::noise(8000, -25.0, 3.0, 1),
    ];
    each(sounds.into_iter().enumerate(), |(row, sound)| {
        let house = House::new();
        let settings = hearing(house.sandbox.settings());
        let call = house.say(&sound).call_with(&settings);
        let outcome = call.start().finish(PATIENCE);
        outcome.assert_variable("ASSISTANT_STATUS", "NOSPEECH");
        assert_eq!(house.sandbox.requests().len(), 0, "row {row}");
    });
}

#[test]
fn a_model_that_does_not_answer_sound_is_asked_in_words() {
    let modality = json!({"error": {"code": 400, "status": "INVALID_ARGUMENT",
        "message": "Audio input modality is not enabled for models/gemini-3.6-flash"}});
    let faults = [
        Fault::Reply(Response::json(400, &modality)),
        Fault::Status(429),
        Fault::Status(503),
        Fault::Hang,
        Fault::Reset,
        Fault::Empty,
        Fault::NotJson,
    ];
    each(&faults, |fault| {
        let house = House::new();
        house
            .sandbox
            .fault_service(Service::Gemini, fault.clone(), 1);
        let mut settings = hearing(house.sandbox.settings());
        if *fault == Fault::Hang {
            settings = settings.set("call.fallback_after", 2.0);
        }
        let outcome = house.outcome_with("question-tea.wav", &settings);
        outcome.assert(
            outcome.variable("ASSISTANT_STATUS") == "ANSWERED",
            &format!("{fault:?}"),
        );
        outcome.assert_variable("ASSISTANT_QUESTION", TEA);
        let requests = house.sandbox.requests();
        let paid = requests
            .iter()
            .filter(|request| request.stage != Stage::Token);
        let order: Vec<_> = paid.map(|request| request.service).collect();
        let expected = [Service::Gemini, Service::GoogleStt, Service::Gemini];
        assert_eq!(order[..3], expected, "{fault:?}");
        let asked = house.sandbox.requests_of(Service::Gemini);
        assert!(!sound(&asked[0].body).is_empty() && sound(&asked[1].body).is_empty());
        let warning = outcome.warnings.join(" ");
        outcome.assert(
            warning.contains("did not hear the caller"),
            "nobody is told",
        );
    });
}

/// Words would be blocked like the sound, and be paid for.
#[test]
fn a_question_that_is_blocked_as_sound_is_not_asked_again_in_words() {
    let blocked = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}});
    let house = House::new();
    let body = format!("data: {blocked}\r\n\r\n");
    let response = Response::new(200, "text/event-stream", body).chunked();
    house.sandbox.respond(Stage::Llm, response);
    let outcome = house.outcome_with("question-tea.wav", &hearing(house.sandbox.settings()));
    outcome
        .assert_variable("ASSISTANT_STATUS", "FAILED")
        .assert_variable_contains("ASSISTANT_ERROR", "will not answer this");
    let [asked, transcribed] =
        [Stage::Llm, Stage::Stt].map(|stage| house.sandbox.requests_to(stage));
    assert_eq!((asked.len(), transcribed.len()), (1, 0));
    assert!(!outcome.warnings.join(" ").contains("did not hear"));
}

#[test]
fn a_model_that_never_answers_leaves_the_rest_of_the_time_to_a_transcript() {
    let house = House::new();
    house
        .sandbox
        .fault_service(Service::Gemini, Fault::Hang, usize::MAX);
    let settings = hearing(house.sandbox.settings())
        .set("call.fallback_after", 2.0)
        .set("llm.fallback", json!(["openai"]))
        .set("llm.openai.model", "gpt-6-luna")
        .set("llm.openai.token_limit", "max_completion_tokens");
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome
        .assert_variable("ASSISTANT_STATUS", "ANSWERED")
        .assert_variable("ASSISTANT_QUESTION", TEA);
    // It is known to fail, and not waited for in words.
    let services = [Service::Gemini, Service::GoogleStt, Service::OpenAiChat];
    let asked = services.map(|service| house.sandbox.requests_of(service).len());
    assert_eq!(asked, [1, 1, 1]);
}

#[test]
fn where_another_service_answers_the_caller_is_transcribed() {
    let house = House::new();
    let outcome = house.outcome_with("question-tea.wav", &hearing(openai(&house)));
    outcome
        .assert_variable("ASSISTANT_STATUS", "ANSWERED")
        .assert_variable("ASSISTANT_QUESTION", TEA);
    assert_eq!(house.sandbox.requests_to(Stage::Stt).len(), 1);
    assert!(outcome.warnings.is_empty(), "{:?}", outcome.warnings);
}

#[test]
fn sound_is_on_the_bill_as_tokens_whether_the_service_counts_them_or_not() {
    let seconds = |house: &House| {
        let asked = house.sandbox.requests_to(Stage::Llm);
        u64::try_from(sound(&asked[0].body).len() * 3 / 4 / 2 / 8000).unwrap()
    };
    let used = |house: &House| -> Value {
        let log = house.other().join("calls.jsonl");
        let settings = hearing(gemini(house)).set("log.calls", log.to_str().unwrap());
        let outcome = house.outcome_with("question-moon.wav", &settings);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let record: Value = serde_json::from_slice(&fs::read(&log).unwrap()).unwrap();
        record["used"].clone()
    };
    let house = House::new();
    let told = used(&house);
    assert_eq!(
        told.as_array().unwrap().len(),
        2,
        "a model and a voice: {told}"
    );
    assert_eq!(
        told[0]["input_tokens"],
        32 * (seconds(&house) + 1),
        "{told}"
    );
    assert!(told[0]["microdollars"].as_u64().unwrap() > 0);
    let house = House::new();
    house
        .sandbox
        .respond(Stage::Llm, written(&["Far. [[heard How far?]]"]));
    let estimated = used(&house);
    let tokens = estimated[0]["input_tokens"].as_u64().unwrap();
    assert!(tokens > 32 * (seconds(&house) + 1), "{estimated}");
}

#[test]
fn all_that_hearing_and_what_may_follow_it_can_cost_is_set_aside() {
    let house = House::new();
    let could_cost = |settings: Settings| {
        let settings = settings.set("limits.max_daily_cost", 0.000_001);
        let outcome = house.outcome_with("question-tea.wav", &settings);
        outcome.assert_variable("ASSISTANT_STATUS", "LIMITED");
        let error = outcome.variable("ASSISTANT_ERROR");
        let (_, cost) = error.split_once("could cost $").unwrap();
        let (cost, _) = cost.split_once(';').unwrap();
        cost.parse::<f64>().unwrap()
    };
    let usual = could_cost(house.sandbox.settings());
    let with_sound = could_cost(hearing(house.sandbox.settings()));
    // Two tries of 400 tokens of answer, at $3.75 a million.
    assert!(with_sound > usual + 0.003, "{with_sound} and {usual}");
    assert_eq!(house.sandbox.paid_requests(), 0);
}

/// What was asked of the model in a conversation about tea and then the moon.
fn asked_twice(house: &House) -> Vec<Value> {
    let settings = hearing(conversation::settings(house))
        .set("conversation.max_turns", 2)
        .set("conversation.ask_after", 15.0);
    let conversation = asked_of_tea(house, &settings);
    conversation.wait_to_be_heard(2);
    conversation.phone.wait(Duration::from_secs(1));
    conversation.ask("question-moon.wav");
    let outcome = conversation.finish();
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let asked = house.sandbox.requests_to(Stage::Llm);
    asked.into_iter().map(|request| request.body).collect()
}

#[test]
fn a_conversation_goes_on_with_the_words_that_were_heard() {
    let house = House::new();
    house.sandbox.answer_with("Three minutes.");
    let asked = asked_twice(&house);
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|body| !sound(body).is_empty()));
    let contents = asked[1]["contents"].as_array().unwrap();
    assert_eq!(contents.len(), 3);
    assert_eq!(contents[0]["parts"], json!([{"text": TEA}]));
    assert_eq!(contents[1]["parts"], json!([{"text": "Three minutes."}]));
    assert_eq!(house.sandbox.requests_to(Stage::Stt).len(), 0);
}

#[test]
fn a_conversation_says_which_words_were_not_written_down() {
    let house = House::new();
    house
        .sandbox
        .respond(Stage::Llm, written(&["Three minutes."]));
    let asked = asked_twice(&house);
    let contents = asked[1]["contents"].as_array().unwrap();
    let question = contents[0]["parts"][0]["text"].as_str().unwrap();
    assert!(question.starts_with('[') && question.ends_with("not written down]"));
    assert_eq!(contents[1]["parts"], json!([{"text": "Three minutes."}]));
}

#[test]
fn a_model_that_refuses_sound_is_not_sent_any_more_in_that_call() {
    let house = House::new();
    house.sandbox.answer_with("Three minutes.");
    house
        .sandbox
        .fault_service(Service::Gemini, Fault::Status(400), 1);
    let asked = asked_twice(&house);
    let sounds: Vec<_> = asked.iter().map(|body| !sound(body).is_empty()).collect();
    assert_eq!(sounds, [true, false, false]);
    assert_eq!(house.sandbox.requests_to(Stage::Stt).len(), 2);
}

#[test]
fn noise_that_the_model_does_not_understand_is_no_turn() {
    let house = House::new();
    house.sandbox.respond(Stage::Llm, written(&["[[heard]]"]));
    let settings = hearing(conversation::settings(&house)).set("conversation.ask_after", 2.0);
    let outcome = one_turn(&house, &settings);
    outcome
        .assert_variable("ASSISTANT_STATUS", "ANSWERED")
        .assert_variable("ASSISTANT_QUESTION", "");
    assert_eq!(house.sandbox.requests_to(Stage::Tts).len(), 0);
}

#[test]
fn who_interrupts_before_the_model_has_written_down_their_words_is_answered_next() {
    let house = House::new();
    let whole = many_sentences(12);
    house.sandbox.answer_with(&whole);
    house
        .sandbox
        .pace_model(Duration::ZERO, Duration::from_millis(200));
    let settings = hearing(conversation::settings(&house)).set("conversation.max_turns", 2);
    let conversation = asked_of_tea(&house, &settings);
    conversation.wait_for_answer();
    conversation.phone.wait(Duration::from_secs(3));
    conversation.ask("question-moon.wav");
    house.sandbox.wait_for(Stage::Llm, 2, PATIENCE);
    conversation.hang_up();
    let asked = house.sandbox.requests_to(Stage::Llm);
    let contents = asked[1].body["contents"].as_array().unwrap();
    let text = |index: usize| contents[index]["parts"][0]["text"].as_str().unwrap();
    assert!(text(0).ends_with("not written down]"), "{}", text(0));
    assert!(whole.starts_with(text(1)) && text(1).len() * 2 < whole.len());
    assert_eq!(text(2), "How far away is the moon?");
    assert_eq!(house.sandbox.requests_to(Stage::Stt).len(), 1);
}

#[test]
fn who_interrupts_is_answered_with_their_words_before_which_the_model_wrote_down_meanwhile() {
    let house = House::new();
    house.sandbox.answer_with(&many_sentences(3));
    house.sandbox.stop_model_after(12);
    let settings = hearing(conversation::settings(&house)).set("conversation.max_turns", 2);
    let conversation = asked_of_tea(&house, &settings);
    conversation.wait_for_answer();
    conversation.ask("question-moon.wav");
    conversation.wait_to_be_heard(2);
    house.sandbox.release(Stage::Llm);
    house.sandbox.wait_for(Stage::Llm, 2, PATIENCE);
    conversation.hang_up();
    let asked = house.sandbox.requests_to(Stage::Llm);
    let contents = asked[1].body["contents"].as_array().unwrap();
    let text = |index: usize| contents[index]["parts"][0]["text"].as_str().unwrap();
    assert_eq!(text(0), TEA);
    let last = text(contents.len() - 1);
    assert_eq!(last, "How far away is the moon?");
}

#[test]
fn who_only_shows_that_they_follow_is_transcribed_and_does_not_end_the_answer() {
    let house = House::new();
    house.sandbox.answer_with(&many_sentences(6));
    let settings = hearing(conversation::settings(&house)).set("conversation.ask_after", 30.0);
    let conversation = asked_of_tea(&house, &settings);
    conversation.wait_for_answer();
    let heard = json!({"results": [{"alternatives": [{"transcript": "Mm-hm."}]}]});
    house
        .sandbox
        .respond(Stage::Stt, Response::json(200, &heard));
    conversation.phone.wait(Duration::from_millis(2500));
    let short = &conversation::spoken("question-tea.wav")[..4800];
    conversation.phone.say(short.to_vec()).wait();
    // The answer goes on.
    conversation.wait_for_sounds(&conversation.reply, 2);
    conversation.hang_up();
    assert_eq!(house.sandbox.requests_to(Stage::Stt).len(), 1);
    let asked = house.sandbox.requests_to(Stage::Llm);
    assert_eq!(asked.len(), 1);
    assert!(!sound(&asked[0].body).is_empty());
}

#[test]
fn what_interrupts_an_answer_is_transcribed_in_a_pause_and_not_at_the_end_of_the_turn() {
    // Another try is for a machine that was busy.
    let is_soon = (0..3).any(|_| {
        let house = House::new();
        house.sandbox.answer_with(&many_sentences(6));
        let settings = hearing(conversation::settings(&house)).set("conversation.quiet", 3.0);
        let conversation = asked_of_tea(&house, &settings);
        conversation.wait_for_answer();
        conversation.phone.wait(Duration::from_millis(2500));
        let short = &conversation::spoken("question-tea.wav")[..8000];
        conversation.phone.say(short.to_vec()).wait();
        let end = Instant::now();
        house.sandbox.wait_for(Stage::Stt, 1, PATIENCE);
        let took = end.elapsed();
        conversation.hang_up();
        took < Duration::from_secs(2)
    });
    assert!(is_soon, "it took as long as the quiet that ends a turn");
}

#[test]
fn who_goes_on_before_the_model_has_answered_is_heard_whole() {
    let house = House::new();
    house.sandbox.answer_with("Far away.");
    house.sandbox.hold(Stage::Llm);
    let settings = hearing(conversation::settings(&house)).set("conversation.max_turns", 1);
    let conversation = converse(&house, &settings);
    conversation.phone.wait(Duration::from_secs(1));
    conversation.ask("question-tea.wav");
    house.sandbox.wait_for(Stage::Llm, 1, PATIENCE);
    conversation.ask("question-moon.wav");
    house.sandbox.wait_for(Stage::Llm, 2, PATIENCE);
    house.sandbox.release(Stage::Llm);
    let outcome = conversation.finish();
    outcome
        .assert_variable("ASSISTANT_STATUS", "ANSWERED")
        .assert_variable("ASSISTANT_ANSWER", "Far away.")
        .assert_variable(
            "ASSISTANT_QUESTION",
            &format!("{TEA} How far away is the moon?"),
        );
    let asked = house.sandbox.requests_to(Stage::Llm);
    let sent = [0, 1].map(|index| sound(&asked[index].body).len());
    assert!(sent[1] > sent[0] * 3 / 2, "{sent:?}");
    assert_eq!(house.sandbox.requests_to(Stage::Stt).len(), 0);
}

#[test]
fn a_model_that_hears_is_told_the_languages_and_the_words_to_expect() {
    let house = House::new();
    let settings = hearing(house.sandbox.settings())
        .set("languages", json!(["de-DE", "fr-FR"]))
        .set("stt.phrases", json!(["Asterisk", "FreePBX"]));
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let asked = house.sandbox.requests_to(Stage::Llm)[0].body.clone();
    let prompt = asked["systemInstruction"]["parts"][0]["text"].to_string();
    for told in [
        "Most callers speak the language de-DE, some fr-FR.",
        "These words are spelled so where they are said: Asterisk, FreePBX.",
    ] {
        assert!(prompt.contains(told), "{prompt}");
    }
}
