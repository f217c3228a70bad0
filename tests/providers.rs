//! Every provider does the work of its stage, and says what is wrong when it cannot.

mod gemini;
mod hears;

use serde_json::json;
use testkit::{Fault, GEMINI_API_KEY, Proxy, Response, Service, Settings, Stage};

use crate::house::{House, MOON, PATIENCE};

#[test]
fn servers_in_ones_own_network_carry_a_whole_call_without_a_cloud_and_without_a_key() {
    for house in [House::new(), House::streaming()] {
        let settings = house.sandbox.local_settings();
        let outcome = house.outcome_with("question-moon.wav", &settings);
        outcome
            .assert_exit(0)
            .assert_manners()
            .assert_variable("ASSISTANT_STATUS", "ANSWERED")
            .assert_variable("ASSISTANT_QUESTION", "How far away is the moon?")
            .assert_variable("ASSISTANT_ANSWER", MOON);
        for request in house.sandbox.requests() {
            let service = request.service;
            assert_eq!(request.header("authorization"), None, "{service:?}");
            assert_eq!(request.status, 200, "{service:?}");
        }
        assert!(outcome.warnings.is_empty(), "{:?}", outcome.warnings);
    }
}

#[test]
fn an_address_may_have_its_version_or_go_on_with_the_path_of_a_request() {
    let house = House::new();
    let base_url = house.sandbox.base_url();
    for path in ["/", "/v1", "/v1/", "/v1/chat/completions"] {
        let tables = ["stt.openai", "llm.openai", "tts.openai"];
        let settings = tables.iter().fold(openai(&house), |settings, table| {
            let base_url = format!(" {base_url}{path}");
            settings.set(&format!("{table}.base_url"), base_url)
        });
        let outcome = house.outcome_with("question-moon.wav", &settings);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    }
}

#[test]
fn openai_transcribes_and_answers_too() {
    let house = House::new();
    let settings = openai(&house).set("stt.phrases", json!(["Asterisk", "FreePBX"]));
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let sandbox = &house.sandbox;
    let form = &sandbox.requests_of(Service::OpenAiStt)[0].body;
    assert_eq!(form["model"], "gpt-transcribe");
    assert_eq!(form["language"], "en");
    assert_eq!(form["keywords[]"], json!(["Asterisk", "FreePBX"]));
    assert_eq!(form["file"]["rate_hz"], 8000);
    let asked = &sandbox.requests_of(Service::OpenAiChat)[0].body;
    assert_eq!(
        asked["messages"][1]["content"],
        "How long should black tea steep?"
    );
}

#[test]
fn languages_and_words_are_named_as_each_model_of_openai_takes_them() {
    let (languages, words) = (json!(["de-DE", "en-GB"]), json!(["Asterisk", "FreePBX"]));
    let table = [
        (
            "gpt-transcribe",
            json!([null, ["de", "en"], ["Asterisk", "FreePBX"], null]),
        ),
        (
            "gpt-4o-transcribe",
            json!([null, null, null, "Asterisk, FreePBX"]),
        ),
    ];
    for (model, expected) in table {
        let house = House::new();
        let settings = openai(&house)
            .set("stt.openai.model", model)
            .set("stt.alternative_languages", languages.clone())
            .set("stt.phrases", words.clone());
        let outcome = house.outcome_with("question-tea.wav", &settings);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let form = &house.sandbox.requests_of(Service::OpenAiStt)[0].body;
        let found = ["language", "languages[]", "keywords[]", "prompt"].map(|name| &form[name]);
        assert_eq!(json!(found), expected, "{model}");
    }
}

#[test]
fn a_caller_is_answered_in_their_language_by_the_voice_of_it() {
    let charon = "en-US-Chirp3-HD-Charon";
    let table = [
        (
            json!(["en-US", "fr-FR"]),
            "fr-fr",
            charon,
            "fr-FR",
            "fr-FR-Chirp3-HD-Charon",
            true,
        ),
        (
            json!(["en-US", "fr-FR"]),
            "en-us",
            charon,
            "en-US",
            charon,
            true,
        ),
        (json!(["en-US", "fr-FR"]), "fr-fr", "", "fr-FR", "", true),
        (
            json!(["en-US", "fr-FR"]),
            "fr",
            charon,
            "fr-FR",
            "fr-FR-Chirp3-HD-Charon",
            true,
        ),
        (
            json!(["en-US", "fr-FR"]),
            "it-it",
            charon,
            "en-US",
            charon,
            false,
        ),
        (json!(["en-US"]), "fr-fr", charon, "en-US", charon, false),
    ];
    for (languages, told, voice, language, name, is_told) in table {
        let house = House::new();
        let settings = house
            .sandbox
            .settings()
            .set("languages", languages)
            .set("tts.provider", "google")
            .set("tts.google.voice", voice);
        let heard = json!({"results": [{
            "alternatives": [{"transcript": "Combien de temps ?", "confidence": 0.9}],
            "languageCode": told,
        }]});
        house
            .sandbox
            .respond(Stage::Stt, Response::json(200, &heard));
        let outcome = house.outcome_with("question-tea.wav", &settings);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        for asked in house.sandbox.requests_to(Stage::Tts) {
            let expected =
                [language, name].map(|text| json!(Some(text).filter(|text| !text.is_empty())));
            let found = ["languageCode", "name"].map(|key| asked.body["voice"][key].clone());
            assert_eq!(found, expected, "{told} {voice}");
        }
        let model = house.sandbox.requests_to(Stage::Llm)[0].body.clone();
        let prompt = model["systemInstruction"]["parts"][0]["text"]
            .as_str()
            .unwrap()
            .to_owned();
        let end =
            format!("\n\nThe caller's last words are in the language {language}: answer in it.");
        assert_eq!(prompt.ends_with(&end), is_told, "{prompt}");
    }
}

#[test]
fn a_model_of_openai_thinks_as_little_as_it_can() {
    let table = [
        ("gpt-6-luna", "least", json!(["none"])),
        ("gpt-6-luna", "high", json!(["high"])),
        ("gpt-6-luna", "unset", json!([null])),
        ("gpt-6-sol", "least", json!(["none", "low"])),
        ("gpt-4.1-mini", "least", json!([null])),
        ("gpt-4.1-mini", "low", json!(["low", null])),
    ];
    for (model, setting, expected) in table {
        let house = House::new();
        let settings = openai(&house)
            .set("llm.openai.model", model)
            .set("llm.openai.thinking", setting);
        let outcome = house.outcome_with("question-tea.wav", &settings);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let asked = house.sandbox.requests_of(Service::OpenAiChat).into_iter();
        let efforts: Vec<_> = asked
            .map(|request| request.body["reasoning_effort"].clone())
            .collect();
        assert_eq!(json!(efforts), expected, "{model} {setting}");
    }
}

#[test]
fn an_answer_is_heard_however_a_server_sends_it() {
    let text = "The moon is far away. Goodbye!";
    let chunk = |text: &str| json!({"choices": [{"index": 0, "delta": {"content": text}}]});
    let whole = json!({
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
    });
    let (first, second) = (chunk("The moon is far "), chunk("away. Goodbye!"));
    let table = [
        ("whole", whole.to_string()),
        ("whole, in lines", format!("{whole:#}")),
        (
            "whole, as an event",
            format!("data: {whole}\n\ndata: [DONE]\n\n"),
        ),
        (
            "glued",
            format!("data: {first}data: {second}\n\ndata: [DONE]\n\n"),
        ),
        (
            "one line each",
            format!("data: {first}\ndata: {second}\ndata: [DONE]\n"),
        ),
        (
            "after a mark",
            format!("\u{feff}data: {first}\n\ndata: {second}\n\ndata: [DONE]\n\n"),
        ),
        (
            "after a comment",
            format!("data: : WAIT\n\ndata: {first}\n\ndata: {second}\n\ndata: [DONE]\n\n"),
        ),
        (
            "lines that end with CR",
            format!("data: {first}\r\rdata: {second}\r\rdata: [DONE]\r\r"),
        ),
    ];
    let line = |text: &str, done: bool| {
        let message = json!({"role": "assistant", "content": text});
        json!({"model": "llama3.2", "message": message, "done": done}).to_string() + "\n"
    };
    let lines = line("The moon is ", false) + &line("far away. Goodbye!", false) + &line("", true);
    for (what, body) in table.into_iter().chain([("in lines of Ollama's", lines)]) {
        let house = House::new();
        let answer = testkit::Response::new(200, "text/event-stream", body);
        house.sandbox.respond(Stage::Llm, answer);
        let outcome = house.outcome_with("question-moon.wav", &house.sandbox.local_settings());
        outcome.assert(outcome.variable("ASSISTANT_ANSWER") == text, what);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    }
}

#[test]
fn a_field_that_is_refused_in_place_of_an_answer_is_left_out_or_replaced() {
    let event = |error: serde_json::Value| format!("data: {}\n\n", json!({"error": error}));
    let limit = "Unsupported parameter: 'max_tokens'";
    let table: [(String, Replaced); 4] = [
        (
            event(json!({"message": "Unknown parameter: reasoning_effort", "code": 400})),
            |body| body["reasoning_effort"].is_null(),
        ),
        (
            json!({"error": "this model does not support thinking"}).to_string(),
            |body| body["reasoning_effort"].is_null(),
        ),
        (
            event(json!({"message": limit, "type": "invalid_request_error"})),
            |body| body["max_completion_tokens"].is_number(),
        ),
        (
            event(json!({"message": "stream_options: extra field"})),
            |body| body["stream_options"].is_null(),
        ),
    ];
    for (refusal, is_replaced) in table {
        let house = House::new();
        let reply = testkit::Response::new(200, "text/event-stream", &*refusal);
        house.sandbox.fault(Stage::Llm, Fault::Reply(reply), 1);
        let mut settings = openai(&house);
        if refusal.contains("max_tokens") {
            settings = settings.without("llm.openai.token_limit");
        }
        let outcome = house.outcome_with("question-tea.wav", &settings);
        let asked = house.sandbox.requests_of(Service::OpenAiChat);
        outcome.assert(
            asked.len() == 2 && is_replaced(&asked[1].body) && !is_replaced(&asked[0].body),
            &refusal,
        );
    }
}

/// Whether a request is without the field that was refused.
type Replaced = fn(&serde_json::Value) -> bool;

#[test]
fn an_error_in_place_of_an_answer_is_told_as_what_it_is() {
    let table = [
        (
            Stage::Stt,
            "application/json",
            r#"{"detail":"no such model"}"#,
            "answered 500: no such model",
        ),
        (
            Stage::Llm,
            "text/event-stream",
            "data: {\"error\":{\"code\":404,\"message\":\"no such model\"}}\n\n",
            "answered 404: no such model",
        ),
        (
            Stage::Llm,
            "text/event-stream",
            "data: {\"object\":\"error\",\"message\":\"no such model\",\"code\":404}\n\ndata: [DONE]\n\n",
            "answered 404: no such model",
        ),
        (
            Stage::Llm,
            "application/json",
            r#"{"message":"no such model"}"#,
            "answered 500: no such model",
        ),
        (
            Stage::Tts,
            "application/json",
            r#"{"error":{"message":"no such voice","code":404}}"#,
            "answered 404: no such voice",
        ),
    ];
    for (stage, kind, body, words) in table {
        let house = House::new();
        house
            .sandbox
            .respond(stage, testkit::Response::new(200, kind, body));
        let outcome = house.outcome_with("question-tea.wav", &house.sandbox.local_settings());
        outcome
            .assert_variable("ASSISTANT_STATUS", "FAILED")
            .assert_variable_contains("ASSISTANT_ERROR", words);
    }
}

#[test]
fn a_transcript_that_is_null_is_no_question() {
    let house = House::new();
    let nothing = testkit::Response::json(200, &json!({"text": null}));
    house.sandbox.respond(Stage::Stt, nothing);
    let outcome = house.outcome_with("question-tea.wav", &house.sandbox.local_settings());
    outcome.assert_variable("ASSISTANT_STATUS", "NOSPEECH");
}

#[test]
fn the_other_name_of_the_token_limit_is_tried_when_one_is_refused() {
    let house = House::new();
    let settings = openai(&house).set("llm.openai.token_limit", "auto");
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let asked = house.sandbox.requests_of(Service::OpenAiChat);
    let names = ["max_tokens", "max_completion_tokens"];
    let limits: Vec<_> = asked
        .iter()
        .map(|request| names.map(|name| request.body[name].as_u64()))
        .collect();
    assert_eq!(limits, [[Some(400), None], [None, Some(400)]]);

    house.outcome_with("question-tea.wav", &openai(&house));
    assert_eq!(house.sandbox.requests_of(Service::OpenAiChat).len(), 3);
}

#[test]
fn google_speaks_at_the_rate_of_the_telephone() {
    for (format, rate_hz) in [("ulaw", 8000), ("sln16", 16_000)] {
        let house = House::new();
        let settings = google_voice(&house)
            .set("reply.format", format)
            .set("tts.google.voice", "en-GB-Chirp3-HD-Charon");
        let outcome = house.outcome_with("question-tea.wav", &settings);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let asked = &house.sandbox.requests_of(Service::GoogleTts)[0].body;
        assert_eq!(asked["audioConfig"]["sampleRateHertz"], rate_hz);
        assert_eq!(asked["voice"]["languageCode"], "en-GB");
    }
}

#[test]
fn a_key_for_the_cloud_is_never_sent_without_tls() {
    let house = House::new();
    let settings = house
        .sandbox
        .local_settings()
        .set("openai.api_key", "sk-cloud");
    house.outcome_with("question-tea.wav", &settings);
    let settings = settings.set("llm.openai.api_key", "for-the-own-server");
    house.outcome_with("question-tea.wav", &settings);
    let keys = |service| {
        let requests = house.sandbox.requests_of(service);
        let keys = requests
            .iter()
            .map(|request| request.header("authorization").map(str::to_owned));
        keys.collect::<Vec<_>>()
    };
    assert_eq!(
        keys(Service::OpenAiChat),
        [None, Some("Bearer for-the-own-server".to_owned())]
    );
    assert!(keys(Service::OpenAiTts).iter().all(Option::is_none));
}

#[test]
fn without_tls_nothing_leaves_the_private_network() {
    let house = House::new();
    let table = [
        (
            "http://8.8.8.8:8000",
            "must be https address, http in private networks",
        ),
        (
            "http://user:password@10.0.0.1",
            "must be https address, http in private networks",
        ),
        // What a name stands for is seen when it is looked up.
        ("http://no-such-host.invalid", "etc/resolv.conf"),
    ];
    for (base_url, words) in table {
        let settings = house
            .sandbox
            .local_settings()
            .set("stt.openai.base_url", base_url);
        let outcome = house.outcome_with("question-tea.wav", &settings);
        outcome
            .assert_variable("ASSISTANT_STATUS", "FAILED")
            .assert_variable_contains("ASSISTANT_ERROR", words);
    }
    assert_eq!(house.sandbox.requests().len(), 0);
}

#[test]
fn what_a_server_of_another_make_says_is_read_too() {
    let house = House::new();
    house
        .sandbox
        .fault(Stage::Tts, Fault::Detail(404), usize::MAX);
    let outcome = house.outcome_with("question-tea.wav", &house.sandbox.local_settings());
    let words = "tts: the voice's server answered 404: Model is not installed locally; check model";
    outcome.assert_variable_contains("ASSISTANT_ERROR", words);
}

#[test]
fn keys_come_from_files_and_from_systemd() {
    let house = House::new();
    let file = house.other().join("openai.key");
    testkit::write_secret(&file, &format!("{}\n", testkit::OPENAI_API_KEY));
    let settings = house
        .sandbox
        .settings()
        .without("openai.api_key")
        .set("openai.api_key_file", file.to_str().unwrap());
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");

    let folder = house.other().join("credentials");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(
        folder.join("phone-assistant.openai.api_key"),
        testkit::OPENAI_API_KEY,
    )
    .unwrap();
    std::fs::write(
        folder.join("phone-assistant.gemini.api_key"),
        GEMINI_API_KEY,
    )
    .unwrap();
    let settings = house.sandbox.settings().without("openai.api_key");
    let call = house.ask("question-tea.wav").call_with(&settings);
    let outcome = call
        .env("CREDENTIALS_DIRECTORY", folder.to_str().unwrap())
        .start()
        .finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let asked = house.sandbox.requests_to(Stage::Llm);
    assert_eq!(asked[1].header("x-goog-api-key"), Some(GEMINI_API_KEY));

    let settings = settings.set("openai.api_key_file", "/nonexistent/openai.key");
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable_contains(
        "ASSISTANT_ERROR",
        "column 1: openai.api_key_file: cannot read the key in /nonexistent/openai.key: No such",
    );
}

#[test]
fn a_settings_file_with_a_key_that_everybody_may_read_is_refused_unless_that_is_allowed() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new();
    let open = |settings: &Settings| {
        let call = house.ask("question-tea.wav").call_with(settings);
        let file = house.other().join("config.toml");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        call.start().finish(PATIENCE)
    };
    let outcome = open(&house.sandbox.settings());
    outcome
        .assert_variable("ASSISTANT_STATUS", "FAILED")
        .assert_variable_contains(
            "ASSISTANT_ERROR",
            &closing(&house.other().join("config.toml")),
        );
    let allowed = house.sandbox.settings().set("secrets.allow_readable", true);
    open(&allowed).assert_variable("ASSISTANT_STATUS", "ANSWERED");
    // Where there is no key, there is nothing to hide.
    open(&house.sandbox.local_settings()).assert_variable("ASSISTANT_STATUS", "ANSWERED");
}

/// How an error says that such a file is closed: root is told no command for a place that is not the program's own.
fn closing(file: &std::path::Path) -> String {
    let shown = file.display();
    if rustix::process::geteuid().is_root() {
        format!("to close it: if {shown} is your file of keys, let only root and group")
    } else {
        format!("chmod 640 {shown} (or")
    }
}

#[test]
fn a_key_file_that_everybody_may_read_is_refused_unless_that_is_allowed() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new();
    let key = house.other().join("openai.key");
    testkit::write_secret(&key, testkit::OPENAI_API_KEY);
    let settings = house
        .sandbox
        .settings()
        .without("openai.api_key")
        .set("openai.api_key_file", key.to_str().unwrap());
    let allowed = settings.clone().set("secrets.allow_readable", true);
    let closed = std::fs::Permissions::from_mode(0o640);
    for file in [key, house.sandbox.credentials_file()] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let outcome = house.outcome_with("question-tea.wav", &settings);
        outcome
            .assert_variable("ASSISTANT_STATUS", "FAILED")
            .assert_variable_contains("ASSISTANT_ERROR", &closing(&file));
        let outcome = house.outcome_with("question-tea.wav", &allowed);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        std::fs::set_permissions(&file, closed.clone()).unwrap();
        let outcome = house.outcome_with("question-tea.wav", &settings);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    }
    // A key of one's own counts, and the file is not read.
    let settings = house.sandbox.settings();
    let settings = settings.set(
        "openai.api_key_file",
        crate::house::data("README.md").to_str().unwrap(),
    );
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
}

#[test]
fn requests_take_the_way_through_a_proxy_and_around_it() {
    let house = House::new();
    let proxy = Proxy::start(Some("office:secret"));
    let through = |login: &str| {
        let address = format!("http://{login}{}", proxy.address());
        house.sandbox.settings().set("http.proxy", address)
    };
    let outcome = house.outcome_with("question-tea.wav", &through("office:secret@"));
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let sandbox = format!("localhost:{}", house.sandbox.port());
    // How many connections there are, rests on how soon one is free for the next request.
    assert!(!proxy.targets().is_empty());
    assert!(
        proxy.targets().iter().all(|target| *target == sandbox),
        "{:?}",
        proxy.targets()
    );

    let asked = proxy.targets().len();
    let outcome = house.outcome_with("question-tea.wav", &through("office:wrong@"));
    outcome
        .assert_variable("ASSISTANT_STATUS", "FAILED")
        .assert_variable_contains("ASSISTANT_ERROR", "[http] proxy");
    outcome.assert(
        !outcome.to_string().contains("wrong"),
        "the password is shown",
    );

    let around = through("office:secret@").set("http.no_proxy", "localhost, 10.0.0.0/8");
    let outcome = house.outcome_with("question-tea.wav", &around);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    // Servers in one's own network are reached directly in any case.
    let local = house
        .sandbox
        .local_settings()
        .set("http.proxy", format!("http://{}", proxy.address()));
    let outcome = house.outcome_with("question-tea.wav", &local);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(proxy.targets().len(), asked);
}

#[test]
fn the_environments_proxy_and_exceptions_count_where_the_settings_name_none() {
    let house = House::new();
    let proxy = Proxy::start(None);
    let address = format!("http://{}", proxy.address());
    let call_in = |name: &str, value: &str, settings: &Settings| {
        let call = house.ask("question-tea.wav").call_with(settings);
        call.env(name, value).start().finish(PATIENCE)
    };
    let call = |settings: &Settings| call_in("HTTPS_PROXY", &address, settings);
    call(&house.sandbox.settings()).assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let asked = proxy.targets().len();
    // As many as there are connections: which requests share one is chance.
    assert!(asked >= 1, "{:?}", proxy.targets());
    let around = house.sandbox.settings().set("http.no_proxy", "localhost");
    call(&around).assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let through = house.sandbox.settings().set("http.proxy", address.as_str());
    call_in("NO_PROXY", "localhost", &through).assert_variable("ASSISTANT_STATUS", "ANSWERED");
    // One that cannot be used is as good as none, and is told.
    let outcome = call_in("ALL_PROXY", "socks5://127.0.0.1:1", &around);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let is_told = outcome
        .stderr
        .contains("the proxy that ALL_PROXY names is not used");
    outcome.assert(is_told, "ALL_PROXY is passed over in silence");
    assert_eq!(proxy.targets().len(), asked);
}

#[test]
fn a_proxy_of_socks_fails_with_the_way_out() {
    let house = House::new();
    let settings = house.sandbox.settings();
    let settings = settings.set("http.proxy", "socks5://office:secret@127.0.0.1:1080");
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome
        .assert_variable("ASSISTANT_STATUS", "FAILED")
        .assert_variable_contains("ASSISTANT_ERROR", "proxy of [http]: it is one of SOCKS");
}

#[test]
fn ipv6_is_as_good_as_ipv4() {
    let house = House::new();
    let Some(base_url) = house.sandbox.ipv6_url() else {
        // This machine has none.
        return;
    };
    let settings = ["stt.google", "llm.gemini", "tts.openai"]
        .iter()
        .fold(house.sandbox.settings(), |settings, table| {
            settings.set(&format!("{table}.base_url"), base_url.as_str())
        });
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
}

/// Gemini for all three stages, by one key and nothing else.
pub(crate) fn gemini(house: &House) -> Settings {
    house
        .sandbox
        .settings()
        .without("openai.api_key")
        .set("google.credentials", "/nonexistent/google-creds.json")
        .set("gemini.api_key", GEMINI_API_KEY)
        .set("stt.provider", "gemini")
        .set("tts.provider", "gemini")
}

/// OpenAI for all three stages.
pub(crate) fn openai(house: &House) -> Settings {
    house
        .sandbox
        .settings()
        .set("stt.provider", "openai")
        .set("llm.provider", "openai")
        .set("llm.openai.model", "gpt-6-luna")
        .set("llm.openai.token_limit", "max_completion_tokens")
}

/// Google's voice.
pub(crate) fn google_voice(house: &House) -> Settings {
    house.sandbox.settings().set("tts.provider", "google")
}
