//! What wrong requests and wrong credentials get.

use serde_json::{Value, json};
use testkit::audio::clips;
use testkit::{GEMINI_API_KEY, OPENAI_API_KEY, Stage};

use super::{
    Answer, Client, GEMINI, LLM, SPEECH, STT, TTS, generate_body, recognize_body, sandbox,
    speak_body,
};

fn with(body: &Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let mut body = body.clone();
    body.pointer_mut(parent).unwrap()[name] = value;
    body
}

fn assert_refused(answer: &Answer, status: u16, part: &str) {
    assert_eq!(answer.status, status, "{part}: {}", answer.json);
    assert!(
        answer.json.to_string().contains(part),
        "{part}: {}",
        answer.json
    );
}

#[test]
fn speech_to_text_refuses_what_google_refuses() {
    let (_dir, _sandbox, client) = sandbox();
    let right = recognize_body(&clips::silence(8000, 1.0));
    let token = client.token_for(SPEECH);
    let four = json!(["a", "b", "c", "d"]);
    let cases = [
        (
            "/config/x",
            json!(1),
            "Unknown name \\\"x\\\" at 'config': Cannot find field.",
        ),
        (
            "/config/sampleRateHertz",
            json!(7999),
            "bad sample rate hertz",
        ),
        (
            "/config/sampleRateHertz",
            json!(48_001),
            "bad sample rate hertz",
        ),
        (
            "/config/encoding",
            json!("WAV"),
            "Invalid value at 'config.encoding'",
        ),
        ("/config/languageCode", json!(""), "bad language code"),
        ("/config/alternativeLanguageCodes", four, "too many"),
        (
            "/config/speechContexts",
            json!([{"phrases": ["x".repeat(101)]}]),
            "too long",
        ),
        ("/audio/content", json!("*"), "Base64 decoding failed"),
        ("/audio/content", json!(""), "RecognitionAudio not set"),
    ];
    for (pointer, value, part) in cases {
        assert_refused(
            &client.ask(STT, &token, &with(&right, pointer, value)),
            400,
            part,
        );
    }
    assert_refused(
        &client.recognize(&clips::silence(8000, 60.01)),
        400,
        "Sync input too long",
    );
    assert_eq!(client.recognize(&clips::silence(8000, 60.0)).status, 200);
    let none = client
        .post(STT, ("accept", "*/*"), right.to_string().as_bytes())
        .unwrap();
    assert_refused(&none, 401, "UNAUTHENTICATED");
}

#[test]
fn gemini_refuses_what_google_refuses() {
    let (_dir, _sandbox, client) = sandbox();
    let right = generate_body("hello");
    let token = client.token_for(GEMINI);
    let cases = [
        (
            "/generationConfig/thinkingConfig/thinkingBudget",
            json!(0),
            "only one of",
        ),
        ("/contents/0/role", json!("assistant"), "valid role"),
        ("/contents", json!([]), "contents is not specified"),
        ("/system_prompt", json!(""), "Unknown name"),
    ];
    for (pointer, value, part) in cases {
        assert_refused(
            &client.ask(LLM, &token, &with(&right, pointer, value)),
            400,
            part,
        );
    }
    let model = |name: &str| LLM.replace("gemini-3.5-flash-lite", name);
    assert_refused(
        &client.ask(&model("gemini-2.0-flash"), &token, &right),
        404,
        "models/gemini-2.0-flash is not found",
    );
    assert_refused(
        &client.ask(&model("gemini-3.8-flash"), &token, &right),
        400,
        "Thinking level",
    );
    let short = client
        .ask(
            LLM,
            &token,
            &with(&right, "/generationConfig/maxOutputTokens", json!(2)),
        )
        .json;
    assert_eq!(short["candidates"][0]["finishReason"], "MAX_TOKENS");
}

#[test]
fn openai_refuses_what_openai_refuses() {
    let (_dir, _sandbox, client) = sandbox();
    let right = speak_body("hello", "wav");
    let cases = [
        ("/x", json!(1), 400, "unknown_parameter"),
        (
            "/input",
            json!("é".repeat(4097)),
            400,
            "string_above_max_length",
        ),
        ("/input", json!(""), 400, "empty_string"),
        ("/input", Value::Null, 400, "missing_required_parameter"),
        ("/speed", json!(4.1), 400, "decimal_above_max_value"),
        ("/speed", json!(0.2), 400, "decimal_below_min_value"),
        ("/voice", json!("marin"), 400, "invalid_value"),
        ("/response_format", json!("ulaw"), 400, "invalid_value"),
        ("/model", json!("tts-9"), 404, "model_not_found"),
    ];
    for (pointer, value, status, part) in cases {
        assert_refused(
            &client.ask(TTS, OPENAI_API_KEY, &with(&right, pointer, value)),
            status,
            part,
        );
    }
    assert_refused(&client.ask(TTS, "sk-other", &right), 401, "invalid_api_key");
    let longest = with(&speak_body(&".".repeat(4096), "pcm"), "/speed", json!(4.0));
    assert_eq!(client.ask(TTS, OPENAI_API_KEY, &longest).status, 200);
}

#[test]
fn a_gemini_key_is_taken_alone_or_not_at_all() {
    let (_dir, _sandbox, client) = sandbox();
    let body = generate_body("hello").to_string();
    let post = |header: (&str, &str)| client.post(LLM, header, body.as_bytes()).unwrap();
    assert_eq!(post(("x-goog-api-key", GEMINI_API_KEY)).status, 200);
    assert_refused(
        &post(("x-goog-api-key", "AQ.other")),
        400,
        "API_KEY_INVALID",
    );
    assert_refused(&post(("accept", "*/*")), 403, "unregistered callers");
    let url = format!("{}{LLM}", client.base_url);
    let both = client
        .agent
        .post(url)
        .header("x-goog-api-key", GEMINI_API_KEY)
        .header("authorization", "Bearer x");
    let answer = both
        .send(&body)
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    assert!(
        answer.contains("Multiple authentication credentials received"),
        "{answer}"
    );
}

type Change = fn(&mut Value, &mut Value);

#[test]
fn tokens_are_checked_to_the_letter() {
    let (_dir, sandbox, client) = sandbox();
    let silence = clips::silence(8000, 1.0);
    let cases: [(&str, Change); 7] = [
        ("not signed", |header, _| header["kid"] = "another".into()),
        ("RS256", |header, _| header["alg"] = "none".into()),
        ("not valid now", |_, claims| {
            claims["exp"] = (claims["exp"].as_i64().unwrap() + 1).into();
        }),
        ("not valid now", |_, claims| {
            for name in ["iat", "exp"] {
                claims[name] = (claims[name].as_i64().unwrap() + 60).into();
            }
        }),
        ("audience", |_, claims| claims["aud"] = GEMINI.into()),
        ("audience", |_, claims| {
            claims["scope"] = "https://www.googleapis.com/auth/cloud-platform".into();
        }),
        ("client_email", |_, claims| {
            claims["sub"] = "other@example.org".into();
        }),
    ];
    for (why, change) in cases {
        let answer = client.ask(STT, &client.jwt(change), &recognize_body(&silence));
        assert_refused(&answer, 401, "ACCESS_TOKEN_TYPE_UNSUPPORTED");
        let refusal = sandbox.requests().pop().unwrap().refusal.unwrap();
        assert!(refusal.contains(why), "{refusal}");
    }
    for (offset, status) in [(-3600, 401), (3605, 401), (0, 200)] {
        sandbox.clock_offset(offset);
        assert_eq!(
            client.recognize(&silence).status,
            status,
            "the sandbox's clock is {offset} s ahead"
        );
    }
}

fn exchange(client: &Client, scope: &str) -> Answer {
    let assertion = client.jwt(|_, claims| {
        claims["aud"] = "https://oauth2.googleapis.com/token".into();
        claims["scope"] = scope.into();
    });
    let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
    let body = format!("grant_type={grant}&assertion={assertion}");
    client
        .post("/token", ("accept", "*/*"), body.as_bytes())
        .unwrap()
}

#[test]
fn an_assertion_buys_a_token_where_self_signed_ones_are_refused() {
    let (_dir, sandbox, client) = sandbox();
    let auth = "https://www.googleapis.com/auth/";
    sandbox.refuse_self_signed(Stage::Llm);
    assert_refused(
        &client.generate("hello"),
        401,
        "ACCESS_TOKEN_TYPE_UNSUPPORTED",
    );
    let token = |scope: &str| {
        exchange(&client, scope).json["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let platform = token(&format!("{auth}cloud-platform"));
    let insufficient = client.ask(LLM, &platform, &generate_body("hello"));
    assert_refused(&insufficient, 403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
    assert_eq!(
        client
            .ask(STT, &platform, &recognize_body(&clips::silence(8000, 1.0)))
            .status,
        200
    );
    let both = token(&format!(
        "{auth}cloud-platform {auth}generative-language.retriever"
    ));
    assert_eq!(client.ask(LLM, &both, &generate_body("hello")).status, 200);
    assert_refused(&exchange(&client, ""), 400, "invalid_scope");
    sandbox.clock_offset(-600);
    assert_refused(&exchange(&client, auth), 400, "in a reasonable timeframe");
}
