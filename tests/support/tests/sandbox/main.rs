//! The sandbox, asked by a client that knows nothing of phone-assistant.
#![allow(clippy::unwrap_used)]

mod answers;
mod broken_streams;
mod connections;
mod faults;
mod gemini;
mod refusals;
mod relays;
mod sentences;
mod streams;

use std::io::{self, Read as _};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use testkit::audio::{Clip, clips, wav};
use testkit::{OPENAI_API_KEY, Sandbox, Script, TempDir};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

const STT: &str = "/v1/speech:recognize";
const LLM: &str = "/v1beta/models/gemini-3.5-flash-lite:generateContent";
const STREAM: &str = "/v1beta/models/gemini-3.5-flash-lite:streamGenerateContent?alt=sse";
const STREAM_ARRAY: &str = "/v1beta/models/gemini-3.5-flash-lite:streamGenerateContent";
const TTS: &str = "/v1/audio/speech";
const SPEECH: &str = "https://speech.googleapis.com/";
const GEMINI: &str = "https://generativelanguage.googleapis.com/";

/// Questions of made-up sound, so that these tests need no recordings.
fn sandbox() -> (TempDir, Sandbox, Client) {
    let dir = TempDir::new().unwrap();
    let script = |name: &str| {
        let path = dir.path().join(format!("{name}.wav"));
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
    let sandbox = Sandbox::start(vec![
        script("how far is the moon"),
        script("when are you open"),
    ]);
    let client = Client::new(&sandbox, Duration::from_secs(20));
    (dir, sandbox, client)
}

struct Client {
    agent: ureq::Agent,
    base_url: String,
    key_file: Value,
}

struct Answer {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: Vec<u8>,
    json: Value,
}

/// An answer, and when what of it came after it was asked for.
struct Streamed {
    status: u16,
    headers: ureq::http::HeaderMap,
    arrivals: Vec<(Duration, Vec<u8>)>,
    ended: Duration,
    error: Option<io::Error>,
}

impl Streamed {
    fn body(&self) -> Vec<u8> {
        let pieces = self.arrivals.iter().map(|(_, piece)| piece.as_slice());
        pieces.collect::<Vec<_>>().concat()
    }

    fn text(&self) -> String {
        String::from_utf8(self.body()).unwrap()
    }

    fn events(&self) -> Vec<Value> {
        events(&self.text())
    }

    /// Those that came whole.
    fn events_before_the_cut(&self) -> Vec<Value> {
        let text = String::from_utf8_lossy(&self.body()).into_owned();
        let (whole, _) = text.rsplit_once("\r\n\r\n").unwrap_or_default();
        events(whole)
    }
}

fn events(text: &str) -> Vec<Value> {
    text.split("\r\n")
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn trusting(authorities: &[Certificate<'static>]) -> TlsConfig {
    TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(authorities))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build()
}

impl Client {
    fn new(sandbox: &Sandbox, timeout: Duration) -> Self {
        let pem = std::fs::read(sandbox.ca_file()).unwrap();
        let agent = ureq::Agent::config_builder()
            .tls_config(trusting(&[Certificate::from_pem(&pem).unwrap()]))
            .http_status_as_error(false)
            .timeout_global(Some(timeout))
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
        Ok(Answer {
            status: response.status().as_u16(),
            headers,
            body,
            json,
        })
    }

    /// Reads an answer as it comes, until it ends or has gone on far longer than a right one.
    fn stream(&self, path: &str, token: &str, body: &Value) -> Streamed {
        let begun = Instant::now();
        let response = self
            .agent
            .post(format!("{}{path}", self.base_url))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .send(body.to_string())
            .unwrap();
        let (parts, body) = response.into_parts();
        let mut reader = body.into_reader();
        let mut streamed = Streamed {
            status: parts.status.as_u16(),
            headers: parts.headers,
            arrivals: Vec::new(),
            ended: Duration::ZERO,
            error: None,
        };
        let mut buffer = vec![0; 64 * 1024];
        while streamed.arrivals.len() < 1000 {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => streamed
                    .arrivals
                    .push((begun.elapsed(), buffer[..len].to_vec())),
                Err(error) => {
                    streamed.error = Some(error);
                    break;
                }
            }
        }
        streamed.ended = begun.elapsed();
        streamed
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

    fn try_ask(&self, path: &str, token: &str, body: &Value) -> Result<Answer, ureq::Error> {
        self.post(
            path,
            ("authorization", &format!("Bearer {token}")),
            body.to_string().as_bytes(),
        )
    }

    fn ask(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.try_ask(path, token, body).unwrap()
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
        "generationConfig": {"maxOutputTokens": 400, "thinkingConfig": {"thinkingLevel": "MINIMAL"}},
    })
}

fn speak_body(text: &str, format: &str) -> Value {
    json!({"model": "tts-1", "voice": "nova", "input": text, "response_format": format})
}
