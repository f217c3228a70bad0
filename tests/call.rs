//! Whole calls that go well, and those in which there is nothing to answer.

use std::fs;

use testkit::audio::{Clip, clips, g711, measure, wav};
use testkit::{Fault, GEMINI_API_KEY, Outcome, Response, Stage};

use crate::house::{self, House, MOON, PATIENCE, data};

/// The reply that the call has left, as a phone hears it.
pub(crate) fn heard(house: &House, extension: &str) -> Clip {
    let path = format!("{}.{extension}", house.reply().display());
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    match extension {
        "ulaw" => g711::decoded_mulaw(&bytes),
        "alaw" => Clip::telephone(bytes.into_iter().map(g711::from_alaw).collect()),
        _ => Clip {
            rate_hz: 16_000,
            samples: wav::samples_of(&bytes),
        },
    }
}

/// The reply is the whole answer in the voice that was asked for it, and nothing else.
#[track_caller]
fn assert_hears(house: &House, extension: &str, outcome: &Outcome) {
    let asked = house.spoken_texts();
    assert_eq!(asked.join(" "), outcome.variable("ASSISTANT_ANSWER"));
    let likeness = measure::heard(&heard(house, extension), &house.voice());
    outcome.assert(
        likeness > 0.9,
        &format!("{asked:?} is heard with likeness {likeness:.3}"),
    );
}

/// Three questions with so much silence between them that they do not fit into one request.
fn long_question() -> Clip {
    let pause = clips::silence(8000, 25.0);
    let question = |name| wav::read(&data(name));
    let first = question("question-moon.wav").then(&pause);
    let second = question("question-tea.wav").then(&pause);
    first
        .then(&second)
        .then(&question("question-opening-hours.wav"))
}

#[test]
fn a_question_is_answered_and_only_the_reply_is_left() {
    let house = House::new();
    let outcome = house.outcome("question-moon.wav");
    outcome
        .assert_exit(0)
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "ANSWERED")
        .assert_variable("ASSISTANT_FILE", &house.reply().display().to_string())
        .assert_variable("ASSISTANT_QUESTION", "How far away is the moon?")
        .assert_variable("ASSISTANT_ANSWER", MOON)
        .assert_variable("ASSISTANT_ERROR", "")
        .assert_variable("ASSISTANT_KEY", "");
    assert_eq!(house.files(), ["call-1700000000.17-reply.ulaw"]);
    assert_hears(&house, "ulaw", &outcome);
    // The moon's answer begins with a clause: it is spoken while the rest is being written.
    assert_eq!(house.sandbox.requests_to(Stage::Stt).len(), 1);
    assert_eq!(house.sandbox.requests_to(Stage::Llm).len(), 1);
}

#[test]
fn a_wideband_phone_is_answered_in_its_own_quality() {
    let house = House::new();
    let call = house
        .ask("question-moon-16k.wav")
        .call()
        .variable("CHANNEL(audionativeformat)", "(g722)");
    let outcome = call.start().finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(house.files(), ["call-1700000000.17-reply.sln16"]);
    assert_hears(&house, "sln16", &outcome);
}

#[test]
fn an_a_law_phone_and_a_fixed_format_get_their_files() {
    for (native, format, extension) in [
        ("(alaw)", "auto", "alaw"),
        ("(g722)", "ulaw", "ulaw"),
        ("(ulaw)", "sln16", "sln16"),
    ] {
        let house = House::new();
        let settings = house.sandbox.settings().set("reply.format", format);
        let call = house.ask("question-tea.wav").call_with(&settings);
        let outcome = call
            .variable("CHANNEL(audionativeformat)", native)
            .start()
            .finish(PATIENCE);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        assert_hears(&house, extension, &outcome);
    }
}

#[test]
fn silence_costs_nothing() {
    let house = House::new();
    let silent = [
        (
            "digital silence",
            wav::with_header(&clips::silence(8000, 3.0), wav::Header::Right),
        ),
        (
            "a soft line",
            wav::with_header(&clips::noise(8000, -60.0, 3.0, 1), wav::Header::Right),
        ),
        (
            "a phone that sends nothing",
            fs::read(data("header-only.wav")).unwrap(),
        ),
    ];
    for (what, bytes) in silent {
        fs::write(house.recording(), bytes).unwrap();
        let outcome = house.call().start().finish(PATIENCE);
        outcome
            .assert_exit(0)
            .assert_manners()
            .assert_variable("ASSISTANT_STATUS", "NOSPEECH");
        outcome.assert_variable("ASSISTANT_FILE", "");
        house.assert_no_file(&outcome);
        assert_eq!(house.sandbox.requests().len(), 0, "{what}");
    }
}

#[test]
fn what_the_service_cannot_understand_is_no_speech() {
    let house = House::new();
    house.sandbox.respond(
        Stage::Stt,
        Response::json(200, &serde_json::json!({"totalBilledTime": "3s"})),
    );
    let outcome = house.outcome("question-moon.wav");
    outcome.assert_variable("ASSISTANT_STATUS", "NOSPEECH");
    house.assert_no_file(&outcome);
    assert_eq!(house.sandbox.paid_requests(), 1);
}

#[test]
fn a_long_question_goes_in_pieces_and_comes_back_in_order() {
    let house = House::new();
    house.say(&long_question());
    let outcome = house.call().start().finish(PATIENCE);
    let expected = "How far away is the moon? How long should black tea steep? When are you open on Saturdays?";
    outcome.assert_variable("ASSISTANT_QUESTION", expected);
    assert_eq!(house.sandbox.requests_to(Stage::Stt).len(), 2);
}

#[test]
fn an_api_key_can_take_the_place_of_the_service_account_for_gemini() {
    let house = House::new();
    let settings = house
        .sandbox
        .settings()
        .set("llm.gemini.api_key", GEMINI_API_KEY);
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let request = &house.sandbox.requests_to(Stage::Llm)[0];
    assert_eq!(request.header("x-goog-api-key"), Some(GEMINI_API_KEY));
    assert_eq!(request.header("authorization"), None);
}

#[test]
fn a_refused_kind_of_token_is_exchanged_once() {
    let house = House::new();
    house.sandbox.refuse_self_signed(Stage::Llm);
    let outcome = house.outcome("question-tea.wav");
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(house.sandbox.requests_to(Stage::Token).len(), 1);
    assert_eq!(house.sandbox.requests_to(Stage::Llm).len(), 2);
}

#[test]
fn an_exchange_that_fails_is_made_once_in_each_of_two_tries() {
    let house = House::new();
    house.sandbox.refuse_self_signed(Stage::Llm);
    let fault = Fault::Status(503);
    house.sandbox.fault(Stage::Token, fault, usize::MAX);
    let outcome = house.outcome("question-tea.wav");
    outcome.assert_variable("ASSISTANT_STATUS", "FAILED");
    assert_eq!(house.sandbox.requests_to(Stage::Token).len(), 2);
}

#[test]
fn settings_reach_the_services() {
    let house = House::new();
    let settings = house
        .sandbox
        .settings()
        .set("stt.language", "de-DE")
        .set("stt.alternative_languages", vec!["en-US", "fr-FR"])
        .set("stt.phrases", vec!["Asterisk"])
        .set("stt.google.model", "latest_long")
        .set("llm.persona", "You are a parrot.")
        .set("llm.max_output_tokens", 99)
        .set("tts.openai.model", "gpt-4o-mini-tts")
        .set("tts.openai.voice", "coral")
        .set("tts.speed", 1.25)
        .set("tts.instructions", "Speak like a pirate.");
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let body = |stage| house.sandbox.requests_to(stage)[0].body.clone();
    let config = &body(Stage::Stt)["config"];
    assert_eq!(config["languageCode"], "de-DE");
    assert_eq!(
        config["alternativeLanguageCodes"],
        serde_json::json!(["en-US", "fr-FR"])
    );
    assert_eq!(
        config["speechContexts"][0]["phrases"],
        serde_json::json!(["Asterisk"])
    );
    assert_eq!(config["model"], "latest_long");
    let llm = body(Stage::Llm);
    let told = llm["systemInstruction"]["parts"][0]["text"].as_str();
    let told = told.unwrap();
    assert!(
        told.starts_with(
            "You are a parrot.\n\nCallers speak de-DE, en-US or fr-FR. Answer in the language of their last words, and \
             where that is not clear in de-DE.\n\nHeute ist "
        ),
        "{told}"
    );
    assert_eq!(llm["generationConfig"]["maxOutputTokens"], 99);
    let tts = body(Stage::Tts);
    assert_eq!(
        (&tts["voice"], &tts["speed"]),
        (&"coral".into(), &1.25.into())
    );
    assert_eq!(tts["instructions"], "Speak like a pirate.");
}

#[test]
fn the_voice_gets_words_and_no_markup_and_a_long_answer_ends_at_a_sentence() {
    let house = House::new();
    house.sandbox.answer_with("## Answer\n\n* **One** thing 😀\n* See [here](https://example.com/x)\n\nThat is all. And more that does not fit.");
    let settings = house.sandbox.settings().set("llm.max_answer_chars", 50);
    let outcome = house.outcome_with("question-tea.wav", &settings);
    let spoken = house.spoken_texts().join(" ");
    outcome.assert_variable("ASSISTANT_ANSWER", &spoken);
    assert!(spoken.ends_with("That is all."), "{spoken}");
    assert!(
        !spoken.contains(['#', '*', '[', '😀', '\n']) && !spoken.contains("http"),
        "{spoken}"
    );
}

#[test]
fn a_kept_recording_stays() {
    let house = House::new();
    let outcome = house
        .ask("question-tea.wav")
        .call()
        .arg("keep=yes")
        .start()
        .finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(
        house.files(),
        ["call-1700000000.17-reply.ulaw", "call-1700000000.17.wav"]
    );
}

#[test]
fn a_recording_to_keep_stays_even_when_the_settings_are_wrong() {
    let house = House::new();
    let settings = house.sandbox.settings().set("tts.gain_db", 99);
    let call = house
        .ask("question-tea.wav")
        .call_with(&settings)
        .arg("keep=yes");
    call.start()
        .finish(PATIENCE)
        .assert_variable("ASSISTANT_STATUS", "FAILED");
    assert_eq!(house.files(), ["call-1700000000.17.wav"]);
}

#[test]
fn pieces_of_a_long_question_are_transcribed_side_by_side() {
    let house = House::new();
    house.say(&long_question());
    house.sandbox.hold(Stage::Stt);
    let call = house.call().start();
    // The second does not wait for the first.
    house.sandbox.wait_for(Stage::Stt, 2, PATIENCE);
    house.sandbox.release(Stage::Stt);
    let outcome = call.finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
}

#[test]
fn pieces_that_are_refused_together_wait_for_one_exchange() {
    let house = House::new();
    house.sandbox.refuse_self_signed(Stage::Stt);
    house.say(&long_question());
    let outcome = house.call().start().finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(house.sandbox.requests_to(Stage::Token).len(), 1);
}

#[test]
fn what_is_recorded_beyond_the_limit_is_not_listened_to() {
    let house = House::new();
    let settings = house.sandbox.settings().set("recording.max_length", 1.5);
    let outcome = house.outcome_with("question-moon.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let sent = house.sandbox.requests_to(Stage::Stt)[0].body["audio"]["content"]
        .as_str()
        .unwrap()
        .len();
    let max_bytes = 3 * 8000 / 2 * 2 / 3 * 4 + 8;
    assert!(
        sent <= max_bytes,
        "{sent} bytes of base64 for 1.5 s at 8 kHz"
    );
}

#[test]
fn bare_samples_of_another_rate_and_an_odd_length_are_heard() {
    let house = House::new();
    let settings = house.sandbox.settings().set("tts.openai.format", "pcm");
    let mut bytes = wav::bytes_of(&clips::tone(16_000, 500.0, -12.0, 1.0).samples);
    bytes.push(0);
    house.sandbox.answer_with("A tone of five hundred hertz.");
    house.sandbox.respond(
        Stage::Tts,
        Response::new(200, "audio/pcm;rate=16000", bytes),
    );
    let outcome = house.outcome_with("question-moon.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let clip = heard(&house, "ulaw");
    assert_eq!(clip.samples.len(), 8000);
    outcome.assert(
        measure::tone_db(&clip, 500.0) > -18.0,
        "the tone is not heard",
    );
}

#[test]
fn a_text_beyond_the_limit_of_the_service_is_spoken_in_pieces() {
    let house = House::new();
    // Twice what the service takes: however the first of it is split, the rest is more than enough.
    let answer = house::many_sentences(240);
    house.sandbox.answer_with(&answer);
    house.sandbox.respond(Stage::Tts, house::short_sound());
    house.sandbox.hold(Stage::Tts);
    let settings = house
        .sandbox
        .settings()
        .set("llm.max_answer_chars", 20_000)
        .set("llm.max_output_tokens", 8192);
    let call = house.ask("question-moon.wav").call_with(&settings).start();
    // Until the voice begins with what is there, all of it is.
    call.wait_for_command("VERBOSE \"llm: ", PATIENCE);
    house.sandbox.release(Stage::Tts);
    let outcome = call.finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let asked = house::in_order(house.spoken_texts());
    assert_eq!(asked.join(" "), answer.trim());
    let lengths: Vec<_> = asked.iter().map(|text| text.chars().count()).collect();
    assert!(lengths.iter().all(|length| *length <= 4096), "{lengths:?}");
    assert!(lengths.iter().any(|length| *length > 4000), "{lengths:?}");
}

#[test]
fn the_environment_overrides_the_file_and_arguments_override_both() {
    let house = House::new();
    let call = house
        .ask("question-tea.wav")
        .call()
        .env("OPENAI_API_KEY", "sk-other")
        .arg("stt.language=de-DE");
    let outcome = call.start().finish(PATIENCE);
    outcome.assert_variable_contains("ASSISTANT_ERROR", "tts: OpenAI's voice answered 401");
    assert_eq!(
        house.sandbox.requests_to(Stage::Stt)[0].body["config"]["languageCode"],
        "de-DE"
    );
}

#[test]
fn an_earlier_answer_in_another_format_is_never_played() {
    let house = House::new();
    for extension in ["sln16", "wav", "gsm", "pcm"] {
        fs::write(
            format!("{}.{extension}", house.reply().display()),
            "an earlier answer",
        )
        .unwrap();
    }
    let outcome = house.outcome("question-tea.wav");
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(house.files(), ["call-1700000000.17-reply.ulaw"]);
}

#[test]
fn what_crashed_calls_left_an_hour_ago_is_swept_up() {
    let house = House::new();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3700);
    let leave = |name: &str, time| {
        let file = fs::File::create(house.calls().join(name)).unwrap();
        file.set_modified(time).unwrap();
    };
    leave("call-1690000000.1.wav", old);
    leave("call-1690000000.1-reply.ulaw", old);
    leave("call-1690000000.2-reply.ulaw.part", old);
    leave("notes.wav", old);
    leave("call-1690000000.3.wav", std::time::SystemTime::now());
    house
        .outcome("question-tea.wav")
        .assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(
        house.files(),
        [
            "call-1690000000.3.wav",
            "call-1700000000.17-reply.ulaw",
            "notes.wav"
        ]
    );
}

#[test]
fn two_calls_of_one_second_share_nothing() {
    let house = House::new();
    let settings = house.sandbox.settings().set("reply.play", "dialplan");
    let config = settings.write(house.other());
    let start = |id: &str, question: &str| {
        let base = house.calls().join(format!("call-1700000000.{id}"));
        fs::copy(
            data(question),
            base.with_file_name(format!("call-1700000000.{id}.wav")),
        )
        .unwrap();
        testkit::Call::builder(house::program())
            .arg(format!("recording={}.wav", base.display()))
            .arg(format!("reply={}-reply", base.display()))
            .arg(crate::house::argument("config", &config))
            .start()
    };
    let calls = [
        start("1", "question-moon.wav"),
        start("10", "question-tea.wav"),
    ];
    let answers: Vec<_> = calls
        .into_iter()
        .map(|call| {
            call.finish(PATIENCE)
                .variable("ASSISTANT_ANSWER")
                .to_owned()
        })
        .collect();
    assert_eq!(
        answers,
        [
            MOON,
            "Black tea should steep for three to five minutes. Goodbye!"
        ]
    );
    assert_eq!(
        house.files(),
        [
            "call-1700000000.1-reply.ulaw",
            "call-1700000000.10-reply.ulaw"
        ]
    );
}

#[test]
fn arguments_may_come_from_the_block_as_fastagi_sends_them() {
    let house = House::new();
    let settings = house.sandbox.settings().set("call.arguments", "all");
    let config = settings.write(house.other());
    house.ask("question-tea.wav");
    let outcome = testkit::Call::builder(house::program())
        .fast_agi("phone-assistant")
        .env("PHONE_ASSISTANT_CONFIG", config)
        .agi(
            "agi_arg_1",
            crate::house::argument("recording", &house.recording()),
        )
        .agi("agi_arg_2", crate::house::argument("reply", &house.reply()))
        .extra_blank_line()
        .start()
        .finish(PATIENCE);
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "ANSWERED");
}
