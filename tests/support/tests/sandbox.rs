//! The sandbox, asked by a client that knows nothing of phone-assistant.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use testkit::audio::{Clip, clips, measure, wav};
use testkit::{Fault, OPENAI_API_KEY, Sandbox, Script, Stage};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

const STT: &str = "/v1/speech:recognize";
const LLM: &str = "/v1beta/models/gemini-3.5-flash-lite:generateContent";
const TTS: &str = "/v1/audio/speech";
const SPEECH: &str = "https://speech.googleapis.com/";
const GEMINI: &str = "https://generativelanguage.googleapis.com/";

/// Questions of made-up sound, so that these tests need no recordings.
fn sandbox(dir: &Path) -> Sandbox {
    let script = |name: &str| {
        let path = dir.join(format!("{name}.wav"));
        let quiet = clips::silence(8000, 0.5);
        wav::write(
            &path,
            &quiet.clone().then(&clips::babble(8000, name)).then(&quiet),
        );
        Script {
            question_wav: Some(path),
            question: format!("{name}?"),
            answer: format!("The answer to {name}."),
            answer_wav: None,
        }
    };
    Sandbox::start(vec![
        script("how far is the moon"),
        script("when are you open"),
    ])
}

struct Client {
    agent: ureq::Agent,
    base_url: String,
    key_file: Value,
}

type Answer = (u16, Value, ureq::http::HeaderMap, Vec<u8>);

impl Client {
    fn new(sandbox: &Sandbox) -> Self {
        let pem = std::fs::read(sandbox.ca_file()).unwrap();
        let roots = RootCerts::new_with_certs(&[Certificate::from_pem(&pem).unwrap()]);
        let agent = ureq::Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(2)))
            .proxy(None)
            .build()
            .into();
        let key_file =
            serde_json::from_slice(&std::fs::read(sandbox.credentials_file()).unwrap()).unwrap();
        Self {
            agent,
            base_url: sandbox.base_url(),
            key_file,
        }
    }

    fn post(
        &self,
        path: &str,
        authorization: (&str, &str),
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let content_type = if path == "/token" {
            "application/x-www-form-urlencoded"
        } else {
            "application/json"
        };
        let mut response = self
            .agent
            .post(format!("{}{path}", self.base_url))
            .header(authorization.0, authorization.1)
            .header("content-type", content_type)
            .send(body)?;
        let headers = response.headers().clone();
        let body = response.body_mut().read_to_vec()?;
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Ok((response.status().as_u16(), json, headers, body))
    }

    fn jwt(&self, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let email = &self.key_file["client_email"];
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let mut header =
            json!({"alg": "RS256", "typ": "JWT", "kid": self.key_file["private_key_id"]});
        let mut claims =
            json!({"iss": email, "sub": email, "aud": SPEECH, "iat": now, "exp": now + 3600});
        change(&mut header, &mut claims);
        let signed = [header, claims]
            .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
            .join(".");
        let pem: String = self.key_file["private_key"]
            .as_str()
            .unwrap()
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect();
        let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(pem).unwrap()).unwrap();
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            signed.as_bytes(),
            &mut signature,
        )
        .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn token_for(&self, audience: &str) -> String {
        self.jwt(|_, claims| claims["aud"] = audience.into())
    }

    fn ask(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.post(
            path,
            ("authorization", &format!("Bearer {token}")),
            body.to_string().as_bytes(),
        )
        .unwrap()
    }

    fn recognize(&self, clip: &Clip) -> Answer {
        self.ask(STT, &self.token_for(SPEECH), &recognize_body(clip))
    }

    fn generate(&self, question: &str) -> Answer {
        self.ask(LLM, &self.token_for(GEMINI), &generate_body(question))
    }

    fn speak(&self, text: &str, format: &str) -> Answer {
        self.ask(TTS, OPENAI_API_KEY, &speak_body(text, format))
    }
}

fn recognize_body(clip: &Clip) -> Value {
    json!({
        "config": {"encoding": "LINEAR16", "sampleRateHertz": clip.rate_hz, "languageCode": "en-US", "model": "telephony"},
        "audio": {"content": STANDARD.encode(wav::bytes_of(&clip.samples))},
    })
}

fn generate_body(question: &str) -> Value {
    json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": question}]}],
        "generationConfig": {"maxOutputTokens": 400, "thinkingConfig": {"thinkingLevel": "minimal"}},
    })
}

fn speak_body(text: &str, format: &str) -> Value {
    json!({"model": "tts-1", "voice": "nova", "input": text, "response_format": format})
}

#[test]
fn a_question_is_told_by_its_samples_whatever_its_rate_and_level() {
    let dir = testkit::TempDir::new().unwrap();
    let sandbox = sandbox(dir.path());
    let client = Client::new(&sandbox);
    let moon = wav::read(&dir.path().join("how far is the moon.wav"));
    let open = wav::read(&dir.path().join("when are you open.wav"));
    let both = open.clone().then(&clips::silence(8000, 3.0)).then(&moon);
    let trimmed = Clip::telephone(moon.samples[5000..moon.samples.len() - 5000].to_vec());
    let cases = [
        ("as it is", moon.clone(), "how far is the moon?"),
        (
            "soft",
            moon.clone().amplified(-25.0),
            "how far is the moon?",
        ),
        ("trimmed", trimmed, "how far is the moon?"),
        ("at 16 kHz", moon.at_rate(16_000), "how far is the moon?"),
        (
            "noisy",
            moon.clone().mixed_with(&clips::noise(8000, -35.0, 9.0, 1)),
            "how far is the moon?",
        ),
        ("two", both, "when are you open?| how far is the moon?"),
        (
            "another",
            clips::babble(8000, "something else"),
            "unknown question",
        ),
        ("silence", clips::silence(8000, 2.0), ""),
    ];
    for (name, clip, expected) in cases {
        let (status, body, headers, _) = client.recognize(&clip);
        assert_eq!(status, 200, "{name}: {body}");
        assert!(headers.contains_key("date") && body["requestId"].is_string());
        let results = body["results"].as_array().cloned().unwrap_or_default();
        let said: Vec<_> = results
            .iter()
            .map(|result| result["alternatives"][0]["transcript"].as_str().unwrap())
            .collect();
        assert_eq!(said.join("|"), expected, "{name}");
    }
}

#[test]
fn an_answer_is_spoken_in_the_format_asked_for() {
    let dir = testkit::TempDir::new().unwrap();
    let sandbox = sandbox(dir.path());
    let client = Client::new(&sandbox);
    let (_, body, _, _) = client.generate("How far is the moon?");
    let text = body["candidates"][0]["content"]["parts"][0]["text"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(text, "The answer to how far is the moon.");
    let (_, _, headers, wav) = client.speak(&text, "wav");
    assert_eq!((&wav[..4], &wav[4..8]), (&b"RIFF"[..], &[0xff; 4][..]));
    assert_eq!(headers["transfer-encoding"], "chunked");
    let (_, _, headers, pcm) = client.speak(&text, "pcm");
    assert_eq!(headers["content-type"], "audio/pcm");
    assert!(wav.ends_with(&pcm));
    let clip = |bytes: &[u8]| Clip {
        rate_hz: 24_000,
        samples: wav::samples_of(bytes),
    };
    assert!((clip(&pcm).seconds() - 34.0 * 0.065).abs() < 0.001);
    let (_, _, _, other) = client.speak("The answer to when are you open.", "pcm");
    assert!(measure::heard(&clip(&pcm), &clip(&pcm)) > 0.999);
    assert!(measure::heard(&clip(&other), &clip(&pcm)) < 0.5);
    let (_, _, _, mp3) = client.speak(&text, "mp3");
    assert!(mp3.starts_with(b"ID3"));
}

#[test]
fn wrong_requests_are_refused_as_the_services_refuse_them() {
    let dir = testkit::TempDir::new().unwrap();
    let sandbox = sandbox(dir.path());
    let client = Client::new(&sandbox);
    let clip = clips::babble(8000, "hello");
    let (stt, llm, tts) = (
        recognize_body(&clip),
        generate_body("hello"),
        speak_body("hello", "wav"),
    );
    let (speech, gemini) = (client.token_for(SPEECH), client.token_for(GEMINI));
    let with = |body: &Value, pointer: &str, value: Value| {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let mut body = body.clone();
        body.pointer_mut(parent).unwrap()[name] = value;
        body
    };
    let gone = LLM.replace("3.5-flash-lite", "2.0-flash");
    let big = LLM.replace("3.5-flash-lite", "3.8-flash");
    let cases = [
        (
            STT,
            "",
            stt.clone(),
            401,
            "invalid authentication credentials",
        ),
        (
            STT,
            &gemini,
            stt.clone(),
            401,
            "ACCESS_TOKEN_TYPE_UNSUPPORTED",
        ),
        (
            STT,
            &speech,
            with(&stt, "/config/x", json!(1)),
            400,
            "Unknown name \\\"x\\\" at 'config': Cannot find field.",
        ),
        (
            STT,
            &speech,
            with(&stt, "/config/sampleRateHertz", json!(7999)),
            400,
            "bad sample rate hertz",
        ),
        (
            STT,
            &speech,
            with(&stt, "/config/languageCode", json!("")),
            400,
            "bad language code",
        ),
        (
            STT,
            &speech,
            with(
                &stt,
                "/config/alternativeLanguageCodes",
                json!(["a", "b", "c", "d"]),
            ),
            400,
            "too many",
        ),
        (
            STT,
            &speech,
            with(&stt, "/audio/content", json!("*")),
            400,
            "Base64 decoding failed",
        ),
        (
            STT,
            &speech,
            recognize_body(&clips::silence(8000, 60.1)),
            400,
            "Sync input too long",
        ),
        (
            LLM,
            &speech,
            llm.clone(),
            401,
            "ACCESS_TOKEN_TYPE_UNSUPPORTED",
        ),
        (
            gone.as_str(),
            &gemini,
            llm.clone(),
            404,
            "models/gemini-2.0-flash is not found",
        ),
        (big.as_str(), &gemini, llm.clone(), 400, "Thinking level"),
        (
            LLM,
            &gemini,
            with(
                &llm,
                "/generationConfig/thinkingConfig/thinkingBudget",
                json!(0),
            ),
            400,
            "only one of",
        ),
        (
            LLM,
            &gemini,
            with(&llm, "/contents/0/role", json!("assistant")),
            400,
            "valid role",
        ),
        (TTS, "sk-other", tts.clone(), 401, "invalid_api_key"),
        (
            TTS,
            OPENAI_API_KEY,
            with(&tts, "/x", json!(1)),
            400,
            "unknown_parameter",
        ),
        (
            TTS,
            OPENAI_API_KEY,
            speak_body(&"é".repeat(4097), "wav"),
            400,
            "string_above_max_length",
        ),
        (
            TTS,
            OPENAI_API_KEY,
            with(&tts, "/speed", json!(4.1)),
            400,
            "decimal_above_max_value",
        ),
        (
            TTS,
            OPENAI_API_KEY,
            with(&tts, "/voice", json!("marin")),
            400,
            "invalid_value",
        ),
        (
            TTS,
            OPENAI_API_KEY,
            with(&tts, "/model", json!("tts-9")),
            404,
            "model_not_found",
        ),
    ];
    for (path, token, body, status, part) in cases {
        let (found, answer, _, _) = client.ask(path, token, &body);
        assert_eq!(found, status, "{part}: {answer}");
        assert!(answer.to_string().contains(part), "{part}: {answer}");
    }
    let longest = with(&speak_body(&".".repeat(4096), "pcm"), "/speed", json!(4.0));
    assert_eq!(client.ask(TTS, OPENAI_API_KEY, &longest).0, 200);
    let both = client
        .agent
        .post(format!("{}{LLM}", client.base_url))
        .header("x-goog-api-key", "a")
        .header("authorization", "Bearer b");
    assert!(
        both.send(llm.to_string())
            .unwrap()
            .body_mut()
            .read_to_string()
            .unwrap()
            .contains("Multiple authentication")
    );
    let key = client
        .post(
            LLM,
            ("x-goog-api-key", testkit::GEMINI_API_KEY),
            llm.to_string().as_bytes(),
        )
        .unwrap();
    assert_eq!(key.0, 200);
}

type Change = fn(&mut Value, &mut Value);

#[test]
fn tokens_are_checked_to_the_letter() {
    let dir = testkit::TempDir::new().unwrap();
    let sandbox = sandbox(dir.path());
    let client = Client::new(&sandbox);
    let body = recognize_body(&clips::silence(8000, 1.0));
    let cases: [(&str, Change); 7] = [
        ("not signed", |header, _| header["kid"] = "another".into()),
        ("RS256", |header, _| header["alg"] = "none".into()),
        ("not valid now", |_, claims| {
            claims["exp"] = (claims["exp"].as_i64().unwrap() + 1).into()
        }),
        ("not valid now", |_, claims| {
            for name in ["iat", "exp"] {
                claims[name] = (claims[name].as_i64().unwrap() + 60).into();
            }
        }),
        ("audience", |_, claims| {
            claims["aud"] = "https://speech.googleapis.com".into()
        }),
        ("audience", |_, claims| {
            claims["scope"] = "https://www.googleapis.com/auth/cloud-platform".into()
        }),
        ("client_email", |_, claims| {
            claims["sub"] = "other@example.org".into()
        }),
    ];
    for (why, change) in cases {
        assert_eq!(client.ask(STT, &client.jwt(change), &body).0, 401, "{why}");
        let refusal = sandbox.requests().pop().unwrap().refusal.unwrap();
        assert!(refusal.contains(why), "{refusal}");
    }
    sandbox.clock_offset(-3600);
    assert_eq!(client.recognize(&clips::silence(8000, 1.0)).0, 401);
    sandbox.clock_offset(3605);
    assert_eq!(client.recognize(&clips::silence(8000, 1.0)).0, 401);
    sandbox.clock_offset(0);
    assert_eq!(client.recognize(&clips::silence(8000, 1.0)).0, 200);
}

#[test]
fn an_assertion_buys_a_token_where_self_signed_ones_are_refused() {
    let dir = testkit::TempDir::new().unwrap();
    let sandbox = sandbox(dir.path());
    let client = Client::new(&sandbox);
    sandbox.refuse_self_signed(Stage::Llm);
    assert_eq!(client.generate("hello").0, 401);
    let exchange = |client: &Client, scope: &str| {
        let assertion = client.jwt(|_, claims| {
            claims["aud"] = "https://oauth2.googleapis.com/token".into();
            claims["scope"] = scope.into();
        });
        let body = format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}"
        );
        client
            .post("/token", ("accept", "*/*"), body.as_bytes())
            .unwrap()
    };
    let auth = "https://www.googleapis.com/auth/";
    let (_, answer, _, _) = exchange(&client, &format!("{auth}cloud-platform"));
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(client.ask(LLM, token, &generate_body("hello")).0, 403);
    assert_eq!(
        client
            .ask(STT, token, &recognize_body(&clips::silence(8000, 1.0)))
            .0,
        200
    );
    let (_, answer, _, _) = exchange(
        &client,
        &format!("{auth}cloud-platform {auth}generative-language.retriever"),
    );
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(client.ask(LLM, token, &generate_body("hello")).0, 200);
    assert_eq!(exchange(&client, "").1["error"], "invalid_scope");
    sandbox.clock_offset(-600);
    let (status, answer, headers, _) = exchange(&client, "x");
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")));
    assert!(
        answer["error_description"]
            .as_str()
            .unwrap()
            .contains("reasonable timeframe")
            && headers.contains_key("date")
    );
}

#[test]
fn every_fault_arrives_and_then_passes() {
    let dir = testkit::TempDir::new().unwrap();
    let sandbox = sandbox(dir.path());
    let client = Client::new(&sandbox);
    let ask = |stage: Stage| match stage {
        Stage::Stt => client.post(
            STT,
            (
                "authorization",
                &format!("Bearer {}", client.token_for(SPEECH)),
            ),
            recognize_body(&clips::babble(8000, "x"))
                .to_string()
                .as_bytes(),
        ),
        Stage::Llm => client.post(
            LLM,
            (
                "authorization",
                &format!("Bearer {}", client.token_for(GEMINI)),
            ),
            generate_body("x").to_string().as_bytes(),
        ),
        _ => client.post(
            TTS,
            ("authorization", &format!("Bearer {OPENAI_API_KEY}")),
            speak_body("x", "wav").to_string().as_bytes(),
        ),
    };
    for stage in [Stage::Stt, Stage::Llm, Stage::Tts] {
        for status in [400, 401, 403, 404, 429, 500, 503] {
            sandbox.fault(stage, Fault::Status(status), 1);
            let (found, body, _, _) = ask(stage).unwrap();
            assert_eq!(found, status);
            assert!(
                !body["error"]["message"].as_str().unwrap().is_empty(),
                "{stage:?}: {body}"
            );
        }
        sandbox.fault(stage, Fault::RetryAfter(Duration::from_secs(23)), 1);
        let (status, _, headers, _) = ask(stage).unwrap();
        assert_eq!(
            (status, headers["retry-after"].to_str().unwrap()),
            (429, "23")
        );
        sandbox.fault(stage, Fault::QuotaExhausted, 1);
        assert!(ask(stage).unwrap().1.to_string().contains("current quota"));
        sandbox.fault(stage, Fault::NotJson, 1);
        assert!(ask(stage).unwrap().3.starts_with(b"<!DOCTYPE"));
        sandbox.fault(stage, Fault::Empty, 1);
        assert_eq!(ask(stage).unwrap().3.len(), 0);
        sandbox.fault(stage, Fault::WrongShape, 1);
        assert_eq!(ask(stage).unwrap().1, json!({}));
        for fault in [Fault::Reset, Fault::CutShort, Fault::Hang, Fault::Endless] {
            sandbox.fault(stage, fault.clone(), 1);
            let begun = Instant::now();
            let error = ask(stage).map(|(status, ..)| status).unwrap_err();
            println!("{stage:?} {fault:?}: {error} after {:?}", begun.elapsed());
        }
        sandbox.fault(stage, Fault::Slow(4000), 1);
        let begun = Instant::now();
        let len = ask(stage).unwrap().3.len();
        println!("{stage:?} slow: {len} bytes in {:?}", begun.elapsed());
        assert_eq!(ask(stage).unwrap().0, 200);
    }
}

#[test]
fn a_sandbox_that_goes_takes_its_connections_along() {
    let dir = testkit::TempDir::new().unwrap();
    let sandbox = sandbox(dir.path());
    let client = Client::new(&sandbox);
    sandbox.fault(Stage::Tts, Fault::Hang, 1);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| client.post(TTS, ("a", "b"), b"{}").map(|answer| answer.0));
        sandbox.wait_for(Stage::Tts, 1, Duration::from_secs(2));
        let begun = Instant::now();
        drop(sandbox);
        assert!(asked.join().unwrap().is_err());
        assert!(begun.elapsed() < Duration::from_secs(1));
    });
}

#[test]
#[should_panic(expected = "GET /v2/unknown")]
fn a_request_that_no_service_knows_fails_the_test() {
    let dir = testkit::TempDir::new().unwrap();
    let sandbox = sandbox(dir.path());
    let client = Client::new(&sandbox);
    let answer = client
        .agent
        .get(format!("{}/v2/unknown", client.base_url))
        .call()
        .unwrap();
    assert_eq!(answer.status(), 404);
}
