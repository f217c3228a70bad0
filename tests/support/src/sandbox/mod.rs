//! One HTTPS server on loopback that stands in for every service the program asks.
//!
//! Speech-to-Text, Gemini, OpenAI's voice and Google's token endpoint check what the real ones check and answer, also
//! refuse, as they do. A test makes them fail with a [`Fault`], slow, or wrong about the time, and looks at what was
//! asked. A request that none of them knows is an error of the test.
//!
//! ```no_run
//! use testkit::{Fault, Sandbox, Script, Stage};
//!
//! let sandbox = Sandbox::start(Script::standard("tests/data".as_ref()));
//! sandbox.fault(Stage::Llm, Fault::Status(503), 1);
//! let config = sandbox.settings().set("call.deadline", 5).write("/some/dir".as_ref());
//! // … run the program with this config …
//! assert_eq!(sandbox.requests_to(Stage::Llm).len(), 2);
//! ```

mod answers;
mod calling_turn;
mod context;
mod delivery;
mod echo;
mod failure;
mod fault;
mod functions;
mod gemini;
mod gemini_stt;
mod gemini_tts;
mod google;
mod google_auth;
mod google_tts;
mod http;
mod models;
mod openai;
mod openai_chat;
mod openai_stt;
mod proto_json;
mod recorded;
mod script;
mod server;
mod service;
mod settings;
mod speech_to_text;
mod state;
mod tls;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;
use serde_json::Value;
use tempfile::TempDir;

pub use calling_turn::CallingTurn;
pub use echo::{Place, leak, spellings};
pub use fault::Fault;
pub use http::Response;
pub use recorded::{Recorded, WarmUp};
pub use script::Script;
pub use service::{GEMINI_API_KEY, OPENAI_API_KEY, Service, Stage};
pub use settings::{Settings, write_secret};

use delivery::{ModelPace, VoicePace};
use google_auth::ServiceAccount;
use script::Scripts;
use server::Server;
use state::{Shared, State};

use crate::Relay;
use crate::audio::Clip;

/// A running sandbox; dropping it closes all connections and, if a request came that no service knows, panics.
pub struct Sandbox {
    server: Option<Server>,
    plain: Option<Server>,
    ipv6: OnceLock<Option<Server>>,
    tls: Arc<ServerConfig>,
    shared: Arc<Shared>,
    dir: TempDir,
    key_file: Value,
}

impl Sandbox {
    /// Starts on a free port; `scripts` say which questions are understood.
    pub fn start(scripts: Vec<Script>) -> Self {
        let dir = TempDir::new().unwrap();
        let identity = tls::identity();
        std::fs::write(dir.path().join(CA_FILE), &identity.ca_pem).unwrap();
        let mut key_file: Value = serde_json::from_str(KEY_FILE).unwrap();
        let shared = Arc::new(Shared::new(
            ServiceAccount::from_key_file(&key_file),
            Scripts::new(scripts),
        ));
        let localhost = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server =
            Server::start(localhost, Some(identity.config.clone()), shared.clone()).unwrap();
        let plain = Server::start(localhost, None, shared.clone()).unwrap();
        key_file["token_uri"] = format!("https://localhost:{}/token", server.port()).into();
        let sandbox = Self {
            server: Some(server),
            plain: Some(plain),
            ipv6: OnceLock::new(),
            tls: identity.config,
            shared,
            dir,
            key_file,
        };
        sandbox.write_credentials(&sandbox.credentials_file(), |_| ());
        sandbox
    }

    /// `https://localhost:PORT`.
    pub fn base_url(&self) -> String {
        format!("https://localhost:{}", self.port())
    }

    /// `http://127.0.0.1:PORT`, where servers of OpenAI's kind ask for no key, and have models of their own.
    pub fn plain_url(&self) -> String {
        let port = self.plain.as_ref().map_or(0, Server::port);
        format!("http://127.0.0.1:{port}")
    }

    /// `https://[::1]:PORT`, if this machine has IPv6.
    pub fn ipv6_url(&self) -> Option<String> {
        let port = self.port();
        let start = || {
            // The port that is this sandbox's already: "localhost" is both addresses, and at another port here a call
            // to another sandbox would come.
            let address = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
            Server::start(address, Some(self.tls.clone()), self.shared.clone()).ok()
        };
        self.ipv6.get_or_init(start).as_ref()?;
        Some(format!("https://[::1]:{port}"))
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.as_ref().map_or(0, Server::port)
    }

    /// The certificate of the authority that signed the sandbox's, as PEM.
    pub fn ca_file(&self) -> PathBuf {
        self.dir.path().join(CA_FILE)
    }

    /// The service account's key file, its `token_uri` pointing here.
    pub fn credentials_file(&self) -> PathBuf {
        self.dir.path().join("service-account.json")
    }

    /// Writes a key file that departs from the right one: change `private_key_id` for a key that is not known.
    pub fn write_credentials(&self, path: &Path, change: impl FnOnce(&mut Value)) {
        let mut key_file = self.key_file.clone();
        change(&mut key_file);
        write_secret(path, &format!("{key_file:#}\n"));
    }

    /// The program's settings for servers in one's own network: all three speak OpenAI's API without TLS, and no key is
    /// set anywhere.
    pub fn local_settings(&self) -> Settings {
        Settings::local(&self.plain_url(), self.dir.path())
    }

    /// The program's settings that make it use the sandbox, to be changed and written.
    pub fn settings(&self) -> Settings {
        Settings::new(&self.base_url(), &self.credentials_file(), &self.ca_file())
    }

    /// The same, but every request takes the way through a relay, those for tokens too.
    pub fn settings_through(&self, relay: &Relay) -> Settings {
        let base_url = format!("https://localhost:{}", relay.port());
        let credentials = self
            .dir
            .path()
            .join(format!("service-account-{}.json", relay.port()));
        self.write_credentials(&credentials, |key_file| {
            key_file["token_uri"] = format!("{base_url}/token").into();
        });
        Settings::new(&base_url, &credentials, &self.ca_file())
    }

    /// [`settings`](Self::settings) as text.
    pub fn config_toml(&self) -> String {
        self.settings().to_toml()
    }

    /// [`settings`](Self::settings) written as `config.toml` into a directory.
    pub fn write_config(&self, dir: &Path) -> PathBuf {
        self.settings().write(dir)
    }

    /// The next `times` requests of a stage fail like this; faults of one stage queue up.
    pub fn fault(&self, stage: Stage, fault: Fault, times: usize) {
        self.shared
            .with(|state| state.conduct(stage).faults.push_back((fault, times)));
    }

    /// The same for one service, whatever its stage is to do.
    pub fn fault_service(&self, service: Service, fault: Fault, times: usize) {
        self.shared
            .with(|state| state.faults.push((service, fault, times)));
    }

    /// A single service is as it was at the start.
    pub fn restore_service(&self, service: Service) {
        self.shared
            .with(|state| state.faults.retain(|(of, _, _)| *of != service));
    }

    /// A model is switched off.
    pub fn retire(&self, model: &str) {
        self.shared
            .with(|state| state.retired.push(model.to_owned()));
    }

    /// All further requests of a stage get this response.
    pub fn respond(&self, stage: Stage, response: Response) {
        self.fault(stage, Fault::Reply(response), usize::MAX);
    }

    /// All further answers of a stage, faults too, come this much later.
    pub fn delay(&self, stage: Stage, delay: Duration) {
        self.shared.with(|state| state.conduct(stage).delay = delay);
    }

    /// The model says the n-th word of further answers `first + n × per_word` after the request: an event of a stream
    /// comes with its last word, and so does a whole answer. All at once unless set.
    pub fn pace_model(&self, first: Duration, per_word: Duration) {
        let pace = ModelPace {
            first,
            per_word,
            stops_after: None,
        };
        self.shared
            .with(|state| state.conduct(Stage::Llm).model_pace = pace);
    }

    /// The model stops after so many words of further answers, and goes on at its pace after
    /// [`release`](Self::release).
    pub fn stop_model_after(&self, words: usize) {
        self.shared.with(|state| {
            state.conduct(Stage::Llm).model_pace.stops_after = Some(words);
        });
    }

    /// The first sound of further answers comes `first` after the request, the rest at `speed` × real time, in
    /// pieces of some 20 ms. All at once unless set.
    pub fn pace_voice(&self, first: Duration, speed: f64) {
        assert!(speed > 0.0, "a voice that speaks");
        let pace = VoicePace { first, speed };
        self.shared
            .with(|state| state.conduct(Stage::Tts).voice_pace = pace);
    }

    /// Further answers of the voice begin with this much silence.
    pub fn lead_voice(&self, silence: Duration) {
        self.shared
            .with(|state| state.conduct(Stage::Tts).voice_lead = silence);
    }

    /// The next `times` answers of the voice stop for `pause` when so much of their sound has been sent. They queue up
    /// with the [`fault`](Self::fault)s; an answer that is shorter counts, but does not stop.
    pub fn stall_voice(&self, after: Duration, pause: Duration, times: usize) {
        self.fault(Stage::Tts, Fault::StallAfter(after, pause), times);
    }

    /// The services take as long as [`PACE`] says, and the voice is made at `voice_speed` × real time.
    pub fn pace(&self, voice_speed: f64) {
        self.delay(Stage::Stt, PACE.transcript);
        self.pace_model(PACE.model_first, PACE.model_word);
        self.pace_voice(PACE.voice_first, voice_speed);
    }

    /// All further answers of a stage wait for [`release`](Self::release); requests are taken, and can be
    /// [waited for](Self::wait_for).
    pub fn hold(&self, stage: Stage) {
        self.shared
            .with(|state| state.conduct(stage).is_held = true);
    }

    /// The answers of a stage that were held go out, and further ones come at once.
    pub fn release(&self, stage: Stage) {
        self.shared.tell(|state| state.conduct(stage).release());
    }

    /// A stage is as it was at the start.
    pub fn restore(&self, stage: Stage) {
        self.shared
            .tell(|state| *state.conduct(stage) = state::Conduct::default());
    }

    /// The language model's answer to whatever is asked from now on.
    pub fn answer_with(&self, text: &str) {
        self.shared
            .with(|state| state.answer = Some(text.to_owned()));
    }

    /// From now on the model answers each question as the scripts say.
    pub fn answer_as_scripted(&self) {
        self.shared.with(|state| state.answer = None);
    }

    /// From now on the model calls functions, turn by turn, where it is offered any, and then says what it was told.
    pub fn call_with(&self, turns: impl IntoIterator<Item = CallingTurn>) {
        self.shared
            .with(|state| state.calling = turns.into_iter().collect());
    }

    /// No model knows functions: each refuses to be told of any.
    pub fn know_no_functions(&self) {
        self.shared.with(|state| state.knows_no_functions = true);
    }

    /// How a text sounds, sample by sample, when it is asked for at the usual speed: the recorded answer of the script
    /// whose whole answer it is, else sound made up from the text.
    pub fn spoken(&self, text: &str) -> Clip {
        self.shared.spoken(text)
    }

    /// A stage refuses tokens that the service account signed itself, and takes only exchanged ones.
    pub fn refuse_self_signed(&self, stage: Stage) {
        self.shared
            .with(|state| state.conduct(stage).refuses_self_signed = true);
    }

    /// The sandbox's clock is ahead of this machine's by so many seconds, or behind.
    pub fn clock_offset(&self, seconds: i64) {
        self.shared.with(|state| state.clock_offset_s = seconds);
    }

    /// All requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.with(|state| state.requests.clone())
    }

    /// The requests of one stage so far.
    pub fn requests_to(&self, stage: Stage) -> Vec<Recorded> {
        self.requests()
            .into_iter()
            .filter(|request| request.stage == stage)
            .collect()
    }

    /// The requests of one service so far.
    pub fn requests_of(&self, service: Service) -> Vec<Recorded> {
        let mut requests = self.requests();
        requests.retain(|request| request.service == service);
        requests
    }

    /// How many requests have arrived that cost money: all but those for tokens and lists.
    pub fn paid_requests(&self) -> usize {
        let is_paid = |request: &&Recorded| ![Stage::Token, Stage::Models].contains(&request.stage);
        self.requests().iter().filter(is_paid).count()
    }

    /// Waits until `count` requests of a stage have arrived, answered or not.
    ///
    /// # Panics
    /// When they have not within `timeout`.
    pub fn wait_for(&self, stage: Stage, count: usize, timeout: Duration) {
        let is_one = |request: &Recorded| request.stage == stage;
        self.wait_for_requests(
            &format!("requests to {stage:?} came"),
            count,
            timeout,
            is_one,
        );
    }

    /// Waits until `count` answers of a stage have been sent whole.
    ///
    /// # Panics
    /// When they have not within `timeout`.
    pub fn wait_for_answers(&self, stage: Stage, count: usize, timeout: Duration) {
        let is_one = |request: &Recorded| request.stage == stage && request.answered.is_some();
        self.wait_for_requests(
            &format!("answers of {stage:?} were sent"),
            count,
            timeout,
            is_one,
        );
    }

    fn wait_for_requests(
        &self,
        what: &str,
        count: usize,
        timeout: Duration,
        is_one: impl Fn(&Recorded) -> bool,
    ) {
        let came = |state: &State| state.requests.iter().filter(|one| is_one(one)).count();
        assert!(
            self.shared
                .wait_until(timeout, |state| came(state) >= count),
            "{} of {count} {what} within {timeout:?}",
            self.shared.with(|state| came(state))
        );
    }

    /// The requests for `/` so far, which are none of [`requests`](Self::requests).
    pub fn warm_ups(&self) -> Vec<WarmUp> {
        self.shared.with(|state| state.warm_ups.clone())
    }

    /// Waits until `count` requests for `/` have arrived.
    ///
    /// # Panics
    /// When they have not within `timeout`.
    pub fn wait_for_warm_ups(&self, count: usize, timeout: Duration) {
        assert!(
            self.shared
                .wait_until(timeout, |state| state.warm_ups.len() >= count),
            "{} of {count} warm-ups came within {timeout:?}",
            self.warm_ups().len()
        );
    }

    /// How many clients' connections have got through their TLS handshake so far.
    pub fn connections(&self) -> usize {
        self.shared.with(|state| state.connections)
    }

    /// Waits until `count` connections have got through their TLS handshake.
    ///
    /// # Panics
    /// When they have not within `timeout`.
    pub fn wait_for_connections(&self, count: usize, timeout: Duration) {
        assert!(
            self.shared
                .wait_until(timeout, |state| state.connections >= count),
            "{} of {count} connections came within {timeout:?}",
            self.connections()
        );
    }

    /// # Panics
    /// When a request came that no service knows.
    pub fn assert_clean(&self) {
        let unhandled = self.shared.with(|state| state.unhandled.clone());
        assert!(
            unhandled.is_empty(),
            "the sandbox knows nothing of these requests: {}",
            unhandled.join(", ")
        );
    }
}

/// How long services take.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From a recording to its transcript.
    pub transcript: Duration,
    /// From a question to the model's first word, and for each word.
    pub model_first: Duration,
    /// See `model_first`.
    pub model_word: Duration,
    /// From a text to its first sound.
    pub voice_first: Duration,
}

impl Pace {
    /// What cannot be had faster: from the question to the first sound of a sentence.
    pub fn floor(&self, sentence: &str) -> Duration {
        let words = u32::try_from(sentence.split(' ').count()).unwrap();
        self.transcript + self.model_first + self.model_word * words + self.voice_first
    }
}

/// About what the real services take.
pub const PACE: Pace = Pace {
    transcript: Duration::from_millis(700),
    model_first: Duration::from_millis(500),
    model_word: Duration::from_millis(30),
    voice_first: Duration::from_millis(600),
};

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shared.tell(State::release_all);
        (self.server, self.plain, self.ipv6) = (None, None, OnceLock::new());
        if !thread::panicking() {
            self.assert_clean();
        }
    }
}

const CA_FILE: &str = "ca.pem";
const KEY_FILE: &str = include_str!("../../../data/throwaway-service-account.json");
