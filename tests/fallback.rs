//! When a provider fails, the next one is asked, at once, and the caller hears the answer.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;
use testkit::{Fault, GEMINI_API_KEY, OPENAI_API_KEY, Outcome, Response, Service, Settings, Stage};

use crate::house::{self, House, PATIENCE, each};
use crate::setup::keyless;

/// A house whose stages each have a second provider.
fn settings(house: &House) -> Settings {
    house
        .sandbox
        .settings()
        .without("tts.fallback")
        .set("stt.fallback", json!(["openai"]))
        .set("llm.fallback", json!(["openai"]))
        .set("llm.openai.model", "gpt-6-luna")
        .set("llm.openai.token_limit", "max_completion_tokens")
        .set("call.fallback_after", 1.5)
}

fn ask(house: &House) -> Outcome {
    ask_with(house, settings)
}

fn ask_with(house: &House, settings: fn(&House) -> Settings) -> Outcome {
    house.outcome_with("question-tea.wav", &settings(house))
}

/// The same with Gemini first in each stage.
fn of_gemini(house: &House) -> Settings {
    settings(house)
        .set("gemini.api_key", GEMINI_API_KEY)
        .set("stt.provider", "gemini")
        .set("tts.provider", "gemini")
        .set("tts.fallback", json!(["openai"]))
}

/// The first and the second service of a stage, and the settings that name them.
type Pair = (Service, Service, fn(&House) -> Settings);

const PAIRS: [Pair; 5] = [
    (Service::GoogleStt, Service::OpenAiStt, settings),
    (Service::Gemini, Service::OpenAiChat, settings),
    (Service::OpenAiTts, Service::GoogleTts, settings),
    (Service::GeminiStt, Service::OpenAiStt, of_gemini),
    (Service::GeminiTts, Service::OpenAiTts, of_gemini),
];

#[test]
fn no_fault_of_the_first_provider_is_heard() {
    let faults = [
        Fault::Status(400),
        Fault::Status(401),
        Fault::Status(403),
        Fault::Status(404),
        Fault::Status(429),
        Fault::RetryAfter(Duration::from_secs(60)),
        Fault::QuotaExhausted,
        Fault::Status(500),
        Fault::Status(503),
        Fault::Hang,
        Fault::Reset,
        Fault::NotJson,
        Fault::Empty,
        Fault::CutShort,
        Fault::WrongShape,
    ];
    for (first, second, settings) in PAIRS {
        each(&faults, |fault| {
            if (first, fault) == (Service::GoogleStt, &Fault::WrongShape) {
                // It is how Google says that it has heard no words.
                return;
            }
            let house = House::new();
            house
                .sandbox
                .fault_service(first, fault.clone(), usize::MAX);
            let outcome = ask_with(&house, settings);
            outcome
                .assert_variable("ASSISTANT_STATUS", "ANSWERED")
                .assert_exit(0)
                .assert_manners();
            let asked = house.sandbox.requests_of(second).len();
            outcome.assert(
                asked > 0,
                &format!("{second:?} was not asked after {fault:?} of {first:?}"),
            );
            let warning = outcome.warnings.join(" ");
            outcome.assert(
                warning.contains("stood in for"),
                "Asterisk's log is not warned",
            );
            house.sandbox.assert_clean();
        });
    }
}

#[test]
fn a_model_that_stops_without_reason_is_passed_over() {
    for reason in [
        "STOP",
        "OTHER",
        "MALFORMED_RESPONSE",
        "MALFORMED_FUNCTION_CALL",
    ] {
        let house = House::new();
        let event = json!({"candidates": [{"finishReason": reason}]});
        let answer = Response::new(200, "text/event-stream", format!("data: {event}\n\n"));
        let fault = Fault::Reply(answer);
        house
            .sandbox
            .fault_service(Service::Gemini, fault, usize::MAX);
        ask(&house).assert_variable("ASSISTANT_STATUS", "ANSWERED");
        assert_eq!(
            house.sandbox.requests_of(Service::OpenAiChat).len(),
            1,
            "{reason}"
        );
    }
}

#[test]
fn a_quota_of_a_day_is_remembered_although_it_tells_a_wait_of_moments() {
    let house = House::new();
    let error = json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota exceeded.", "details": [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quotaValue": "250"}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.2s"},
    ]}});
    let fault = Fault::Reply(Response::json(429, &error));
    house
        .sandbox
        .fault_service(Service::Gemini, fault, usize::MAX);
    assert_remembered(&house, &settings(&house), Service::Gemini);
}

#[test]
fn when_all_fail_the_first_one_is_named() {
    for (first, second, settings) in PAIRS {
        let house = House::new();
        house
            .sandbox
            .fault_service(first, Fault::Status(401), usize::MAX);
        house
            .sandbox
            .fault_service(second, Fault::Status(503), usize::MAX);
        let outcome = ask_with(&house, settings);
        outcome
            .assert_variable("ASSISTANT_STATUS", "FAILED")
            .assert_variable_contains("ASSISTANT_ERROR", "401");
        // The last one is asked twice: that may pass by itself.
        assert_eq!(house.sandbox.requests_of(second).len(), 2, "{second:?}");
    }
}

#[test]
fn whoever_refuses_connections_is_passed_over_within_half_a_call() {
    let house = House::new();
    let refusing = |key: &str| settings(&house).set(key, "https://localhost:1");
    let candidates = [
        settings(&house),
        refusing("stt.google.base_url"),
        refusing("llm.gemini.base_url"),
        refusing("tts.openai.base_url"),
    ];
    // In turns, and the shortest of each: whatever else this machine does only adds to a time. So more rounds never hide
    // what a provider really adds.
    let mut shortest = [Duration::MAX; 4];
    let mut more = [Duration::MAX; 3];
    for round in 0..ROUNDS {
        for (settings, shortest) in candidates.iter().zip(&mut shortest) {
            *shortest = took(&house, settings, round).min(*shortest);
        }
        let [base, others @ ..] = shortest;
        more = others.map(|took| took.saturating_sub(base));
        if round >= 4 && more.iter().all(|more| *more < base / 2) {
            return;
        }
    }
    panic!("of {shortest:?} more than without a refusal, for stt, llm and tts: {more:?}");
}

/// How long a call takes that remembers nothing of the ones before it.
fn took(house: &House, settings: &Settings, round: usize) -> Duration {
    let state = house.other().join(format!("state-{round}"));
    // What another candidate has remembered is not for this one.
    std::fs::remove_dir_all(&state).ok();
    let settings = settings
        .clone()
        .set("state.folder", state.to_str().unwrap());
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    outcome.took
}

const ROUNDS: usize = 100;

#[test]
fn whoever_never_answers_costs_their_time_once_and_then_nothing() {
    for (first, _, settings) in PAIRS {
        let house = House::new();
        house.sandbox.fault_service(first, Fault::Hang, usize::MAX);
        // One sentence: of two, the second may be asked for while the first is still waited for.
        house.sandbox.answer_with("Three minutes.");
        let outcome = ask_with(&house, settings);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        outcome.assert(
            outcome.took >= Duration::from_millis(1500),
            "it was not waited for",
        );
        let next = ask_with(&house, settings);
        next.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        // Whom nobody asks, nobody waits for.
        assert_eq!(house.sandbox.requests_of(first).len(), 1, "{first:?}");
        // The owner is told once a day.
        assert_eq!((outcome.warnings.len(), next.warnings.len()), (1, 0));
    }
}

#[test]
fn a_stage_with_little_time_remembers_too_who_never_answers() {
    let house = House::new();
    house
        .sandbox
        .fault_service(Service::Gemini, Fault::Hang, usize::MAX);
    let settings = settings(&house).set("llm.timeout", 1.0);
    assert_remembered(&house, &settings, Service::Gemini);
}

/// Two calls are answered, and only the first of them asks the one that fails.
#[track_caller]
fn assert_remembered(house: &House, settings: &Settings, failing: Service) {
    for _ in 0..2 {
        let outcome = house.outcome_with("question-tea.wav", settings);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    }
    assert_eq!(house.sandbox.requests_of(failing).len(), 1, "{failing:?}");
}

#[test]
fn who_stands_in_for_one_that_is_known_to_fail_has_the_whole_time_and_a_second_try() {
    let house = House::new();
    house
        .sandbox
        .fault_service(Service::OpenAiTts, Fault::Status(401), usize::MAX);
    ask(&house).assert_variable("ASSISTANT_STATUS", "ANSWERED");
    // Longer than a provider is waited for while there is a better one to ask.
    house.sandbox.delay(Stage::Tts, Duration::from_secs(2));
    ask(&house).assert_variable("ASSISTANT_STATUS", "ANSWERED");
    house.sandbox.delay(Stage::Tts, Duration::ZERO);
    house
        .sandbox
        .fault_service(Service::GoogleTts, Fault::Status(503), 1);
    ask(&house).assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(house.sandbox.requests_of(Service::OpenAiTts).len(), 1);
}

#[test]
fn a_wrong_key_is_remembered_whatever_the_service_says_of_it() {
    let house = House::new();
    let settings = settings(&house).set("llm.gemini.api_key", "AIza-wrong");
    assert_remembered(&house, &settings, Service::Gemini);
}

#[test]
fn a_key_that_is_refused_in_the_middle_of_a_stream_is_remembered_too() {
    let house = House::new();
    let error = json!({"error": {"code": 403, "message": "No.", "status": "PERMISSION_DENIED"}});
    let event = format!("data: {error}\r\n\r\n");
    let reply = testkit::Response::new(200, "text/event-stream", event);
    house
        .sandbox
        .fault_service(Service::Gemini, Fault::Reply(reply), usize::MAX);
    assert_remembered(&house, &settings(&house), Service::Gemini);
}

#[test]
fn each_piece_of_a_long_text_has_its_own_time() {
    let house = House::new();
    let answer = house::many_sentences(120);
    house.sandbox.answer_with(&answer);
    house.sandbox.respond(Stage::Tts, house::short_sound());
    house.sandbox.delay(Stage::Tts, Duration::from_secs(2));
    let settings = settings(&house)
        .set("call.fallback_after", 5.0)
        .set("call.deadline", 60)
        .set("llm.max_answer_chars", 20_000)
        .set("llm.max_output_tokens", 8192);
    let outcome = house.outcome_with("question-moon.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let asked = house::in_order(house.spoken_texts());
    assert_eq!(asked.join(" "), answer.trim());
}

#[test]
fn bytes_without_words_or_sound_are_no_beginning() {
    let [model, openai, gemini] = [PAIRS[1], PAIRS[2], PAIRS[4]];
    let cases = [
        (model, Fault::Slow(20)),
        (openai, Fault::Slow(50)),
        (openai, Fault::HangAfter(Duration::ZERO)),
        (gemini, Fault::Slow(50)),
        (gemini, Fault::HangAfter(Duration::ZERO)),
    ];
    each(cases, |((first, _, settings), fault)| {
        let house = House::new();
        house.sandbox.fault_service(first, fault, usize::MAX);
        assert_remembered(&house, &settings(&house), first);
    });
}

#[test]
fn a_voice_without_sound_or_without_end_is_replaced_before_anybody_hears_it() {
    let silence = testkit::audio::clips::silence(24_000, 2.0);
    let silence = testkit::audio::wav::with_header(&silence, testkit::audio::wav::Header::Right);
    let silence = Fault::Reply(Response::new(200, "audio/wav", silence));
    let [openai, gemini] = [PAIRS[2], PAIRS[4]];
    let rows = [
        (openai, silence),
        (openai, Fault::Endless),
        (gemini, Fault::Endless),
        (gemini, Fault::MidStreamError(1)),
    ];
    each(rows, |((first, second, settings), fault)| {
        let house = House::new();
        house
            .sandbox
            .fault_service(first, fault.clone(), usize::MAX);
        ask_with(&house, settings).assert_variable("ASSISTANT_STATUS", "ANSWERED");
        assert!(!house.sandbox.requests_of(second).is_empty(), "{fault:?}");
    });
}

#[test]
fn a_repair_counts_at_once() {
    let house = House::new();
    house
        .sandbox
        .fault_service(Service::OpenAiTts, Fault::Status(401), 1);
    let wrong = settings(&house).set("openai.api_key", "sk-wrong");
    house.outcome_with("question-tea.wav", &wrong);
    let asked = house.sandbox.requests_of(Service::OpenAiTts).len();
    // The wrong key is not tried again, the right one is.
    house.outcome_with("question-tea.wav", &wrong);
    assert_eq!(house.sandbox.requests_of(Service::OpenAiTts).len(), asked);
    ask(&house);
    assert!(house.sandbox.requests_of(Service::OpenAiTts).len() > asked);
}

#[test]
fn what_passes_by_itself_is_not_remembered() {
    let house = House::new();
    house
        .sandbox
        .fault_service(Service::GoogleStt, Fault::Status(503), 1);
    ask(&house);
    ask(&house);
    assert_eq!(house.sandbox.requests_of(Service::GoogleStt).len(), 2);
}

#[test]
fn a_retired_model_is_followed_by_its_alias() {
    let house = House::new();
    house.sandbox.retire("gemini-3.6-flash");
    let outcome = house.outcome("question-tea.wav");
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let paths = |from: usize| {
        let asked = house.sandbox.requests_to(Stage::Llm);
        let paths = asked[from..].iter().map(|request| request.path.clone());
        paths.collect::<Vec<_>>()
    };
    let (old, alias) = (
        "/v1beta/models/gemini-3.6-flash:streamGenerateContent",
        "/v1beta/models/gemini-flash-latest:streamGenerateContent",
    );
    assert_eq!(paths(0), [old, alias]);
    let warning = outcome.warnings.join(" ");
    outcome.assert(
        warning.contains("gemini gemini-flash-latest stood in"),
        "the owner is not warned",
    );
    // The next caller does not wait for the old one.
    house.outcome("question-tea.wav");
    assert_eq!(paths(2), [alias]);
}

#[test]
fn without_a_key_for_the_first_voice_the_second_speaks() {
    let house = House::new();
    let settings = settings(&house)
        .without("openai.api_key")
        .set("stt.fallback", json!([]))
        .set("llm.fallback", json!([]));
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let warning = outcome.warnings.join(" ");
    outcome.assert(
        warning.contains("no key for the voice"),
        "the owner is not warned",
    );
}

#[test]
fn a_fallback_that_cannot_be_used_harms_nobody() {
    let house = House::new();
    let settings = house.sandbox.local_settings().without("google.credentials");
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert!(outcome.warnings.is_empty(), "{:?}", outcome.warnings);
}

#[test]
fn a_voice_that_fails_in_the_middle_is_replaced_for_the_next_sentence() {
    let house = House::streaming();
    house.sandbox.answer_with(
        "The first sentence is spoken by one. The second one is spoken by the other. Goodbye!",
    );
    house.sandbox.pace(4.0);
    house.sandbox.fault_service(
        Service::OpenAiTts,
        Fault::Reply(right_first_voice(&house)),
        1,
    );
    house
        .sandbox
        .fault_service(Service::OpenAiTts, Fault::Status(503), usize::MAX);
    let outcome = house
        .ask("question-tea.wav")
        .call_with(&settings(&house))
        .start()
        .finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert!(!house.sandbox.requests_of(Service::GoogleTts).is_empty());
}

/// What OpenAI's voice would have said first.
fn right_first_voice(house: &House) -> testkit::Response {
    let clip = house.sandbox.spoken("The first sentence is spoken by one.");
    testkit::Response::new(200, "audio/wav", testkit::audio::wav::streamed(&clip))
}

/// Which key there is, and the providers that have none.
const KEYS: [(&str, &[&str]); 3] = [
    (
        "gemini",
        &[
            "stt.google",
            "stt.openai",
            "llm.openai",
            "tts.google",
            "tts.openai",
        ],
    ),
    (
        "openai",
        &[
            "stt.google",
            "stt.gemini",
            "llm.gemini",
            "tts.google",
            "tts.gemini",
        ],
    ),
    ("account", &["stt.openai", "llm.openai", "tts.openai"]),
];

/// Providers are left to the program or named as fallbacks, and whatever fails: an address whose key is not set is not even
/// connected to.
#[test]
fn nothing_is_ever_sent_to_a_host_whose_key_is_not_set() {
    let failing = [None, Some(Stage::Stt), Some(Stage::Llm), Some(Stage::Tts)];
    let cases = KEYS.iter().flat_map(|(key, others)| {
        let cases = failing
            .iter()
            .flat_map(|stage| [false, true].map(|named| (*stage, named)));
        cases.map(move |(stage, named)| (*key, *others, stage, named))
    });
    each(cases, |(key, others, stage, are_named)| {
        let house = House::new();
        let trap = TcpListener::bind("127.0.0.1:0").unwrap();
        trap.set_nonblocking(true).unwrap();
        let address = format!("https://localhost:{}", trap.local_addr().unwrap().port());
        let mut settings = keyless(&house);
        settings = match key {
            "gemini" => settings.set("gemini.api_key", GEMINI_API_KEY),
            "openai" => settings
                .set("openai.api_key", OPENAI_API_KEY)
                .set("llm.openai.model", "gpt-6-luna")
                .set("llm.openai.token_limit", "max_completion_tokens"),
            _ => {
                let account = house.sandbox.credentials_file();
                settings.set("google.credentials", account.to_str().unwrap())
            }
        };
        for provider in others {
            settings = settings.set(&format!("{provider}.base_url"), address.as_str());
        }
        if are_named {
            settings = settings
                .set("stt.fallback", json!(["google", "openai", "gemini"]))
                .set("llm.fallback", json!(["openai", "gemini"]))
                .set("tts.fallback", json!(["openai", "google", "gemini"]));
        }
        if let Some(stage) = stage {
            house.sandbox.fault(stage, Fault::Status(503), usize::MAX);
        }
        let outcome = house.outcome_with("question-tea.wav", &settings);
        let status = outcome.variable("ASSISTANT_STATUS");
        let what = format!("{key}, {stage:?} fails, named: {are_named}");
        outcome.assert((status == "ANSWERED") == stage.is_none(), &what);
        assert!(!house.sandbox.requests().is_empty(), "{what}");
        let connected = trap.accept().map_err(|error| error.kind());
        let nobody = connected.expect_err(&what);
        assert_eq!(nobody, std::io::ErrorKind::WouldBlock, "{what}");
    });
}
