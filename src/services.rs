//! The three services, ready to be asked, and what of the settings concerns the work with them.

use std::error::Error;
use std::time::Duration;

use crate::cloud::google_auth::ServiceAccount;
use crate::cloud::http::Client;
use crate::cloud::llm::gemini::{Model, SignIn};
use crate::cloud::stt::google::Recognizer;
use crate::cloud::tts::openai::Voice;
use crate::config::Config;
use crate::hangup::Hangup;

/// The three services.
pub(super) struct Services {
    pub(super) recognizer: Recognizer,
    pub(super) model: Model,
    pub(super) voice: Voice,
    pub(super) settings: Settings,
}

/// How they are worked with.
pub(super) struct Settings {
    /// Connections are opened before they are needed.
    pub(super) warm: bool,
    /// So long may a service stop in the middle of its answer.
    pub(super) idle: Duration,
    pub(super) voice_timeout: Duration,
    pub(super) max_answer_chars: usize,
    pub(super) gain_db: f32,
    pub(super) log_words: bool,
}

impl Services {
    pub(super) fn new(
        config: &Config,
        hangup: &Hangup,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let client = Client::new(&config.http, hangup, config.log_words)?;
        let account = ServiceAccount::load(&config.credentials)?;
        let sign_in = match &config.llm.api_key {
            Some(key) => SignIn::ApiKey(key.clone()),
            None => SignIn::Account(account.clone()),
        };
        Ok(Self {
            recognizer: Recognizer::new(client.clone(), account, config.stt.clone()),
            model: Model::new(client.clone(), sign_in, config.llm.clone()),
            voice: Voice::new(client, config.tts.clone()),
            settings: Settings {
                warm: config.http.warm,
                idle: config.idle_timeout,
                voice_timeout: config.tts.timeout,
                max_answer_chars: config.llm.max_answer_chars,
                gain_db: config.tts.gain_db,
                log_words: config.log_words,
            },
        })
    }
}
