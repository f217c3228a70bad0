//! The services that the settings name, ready to be asked: for each stage a fallback of providers.

use std::cell::OnceCell;
use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use log::debug;
use ring::digest::{Context, SHA256};

use crate::catalogue;
use crate::cloud::fallback::{Candidate, Fallback};
use crate::cloud::google_auth::{CredentialsError, ServiceAccount};
use crate::cloud::http::Client;
use crate::cloud::llm::gemini::{Gemini, SignIn};
use crate::cloud::llm::{self, Model};
use crate::cloud::stt::{self, Recognizer};
use crate::cloud::tts::{self, Voice};
use crate::config::{Config, Endpoint, Lack, Provider, Secret};
use crate::error::{self, Stage};
use crate::hangup::Hangup;
use crate::state::State;

/// The services of a call.
#[derive(Debug)]
pub struct Services {
    /// The speech recognizers.
    pub recognizers: Fallback<dyn Recognizer>,
    /// The language models.
    pub models: Fallback<dyn Model>,
    /// The voices.
    pub voices: Fallback<dyn Voice>,
}

/// Why no service can be asked at all.
pub type SetupError = Box<dyn Error + Send + Sync>;

impl Services {
    /// Makes all services that a call needs.
    ///
    /// # Errors
    /// What is wrong with the first provider of a stage that is left without any.
    pub fn new(config: &Config, hangup: &Hangup) -> Result<Self, SetupError> {
        let maker = Maker::new(config, hangup)?;
        Ok(Self {
            recognizers: maker.recognizers()?,
            models: maker.models()?,
            voices: maker.voices()?,
        })
    }

    /// The stages in which a fallback replaced the first provider, and why.
    pub fn stood_in(&self) -> Vec<(Stage, String)> {
        let all = [
            (Stage::Stt, self.recognizers.stood_in()),
            (Stage::Llm, self.models.stood_in()),
            (Stage::Tts, self.voices.stood_in()),
        ];
        let told = |(stage, line): (_, Option<String>)| Some((stage, line?));
        all.into_iter().filter_map(told).collect()
    }
}

/// Makes the voices alone.
///
/// # Errors
/// As [`Services::new`].
pub fn voices(config: &Config, hangup: &Hangup) -> Result<Fallback<dyn Voice>, SetupError> {
    Maker::new(config, hangup)?.voices()
}

/// Makes the fallback of each stage.
pub struct Maker<'a> {
    config: &'a Config,
    client: Client,
    state: State,
    /// Read when the first provider needs it.
    account: OnceCell<Arc<ServiceAccount>>,
}

impl<'a> Maker<'a> {
    /// Prepares to make what these settings name.
    ///
    /// # Errors
    /// What is wrong under `[http]`.
    pub fn new(config: &'a Config, hangup: &Hangup) -> Result<Self, SetupError> {
        Ok(Self {
            config,
            client: Client::new(&config.http, hangup, config.log_words)?,
            state: State::new(&config.state_folder),
            account: OnceCell::new(),
        })
    }

    /// Makes the fallback of speech recognizers.
    ///
    /// # Errors
    /// What is wrong with the first provider, if no other is left.
    pub fn recognizers(&self) -> Result<Fallback<dyn Recognizer>, SetupError> {
        let settings = &self.config.stt;
        let make = |endpoint| self.recognizer(endpoint);
        self.fallback("stt", &settings.endpoints, settings.timeout, settings, make)
    }

    fn recognizer(&self, endpoint: Endpoint) -> Result<Box<dyn Recognizer>, CredentialsError> {
        let (client, settings) = (self.client.clone(), self.config.stt.clone());
        if endpoint.provider == Provider::OpenAi {
            return Ok(Box::new(stt::openai::OpenAi::new(
                client, settings, endpoint,
            )));
        }
        let account = self.account()?;
        Ok(Box::new(stt::google::Google::new(
            client, account, settings, endpoint,
        )))
    }

    /// Makes the fallback of language models.
    ///
    /// # Errors
    /// What is wrong with the first provider, if no other is left.
    pub fn models(&self) -> Result<Fallback<dyn Model>, SetupError> {
        let settings = &self.config.llm;
        let make = |endpoint| self.model(endpoint);
        self.fallback("llm", &settings.endpoints, settings.timeout, settings, make)
    }

    fn model(&self, endpoint: Endpoint) -> Result<Box<dyn Model>, CredentialsError> {
        let (client, settings) = (self.client.clone(), self.config.llm.clone());
        if endpoint.provider == Provider::OpenAi {
            return Ok(Box::new(llm::openai::OpenAi::new(
                client, settings, endpoint,
            )));
        }
        let sign_in = match &endpoint.api_key {
            Some(key) => SignIn::ApiKey(key.clone()),
            None => SignIn::Account(self.account()?),
        };
        Ok(Box::new(Gemini::new(client, sign_in, settings, endpoint)))
    }

    /// Makes the fallback of voices.
    ///
    /// # Errors
    /// What is wrong with the first provider, if no other is left.
    pub fn voices(&self) -> Result<Fallback<dyn Voice>, SetupError> {
        let settings = &self.config.tts;
        let make = |endpoint| self.voice(endpoint);
        self.fallback("tts", &settings.endpoints, settings.timeout, settings, make)
    }

    fn voice(&self, endpoint: Endpoint) -> Result<Box<dyn Voice>, CredentialsError> {
        let (client, settings) = (self.client.clone(), self.config.tts.clone());
        if endpoint.provider == Provider::OpenAi {
            return Ok(Box::new(tts::openai::OpenAi::new(
                client, settings, endpoint,
            )));
        }
        let account = self.account()?;
        Ok(Box::new(tts::google::Google::new(
            client, account, settings, endpoint,
        )))
    }

    /// Makes a fallback of the endpoints that can be used. One that cannot is left out, unless there is no other.
    fn fallback<P: ?Sized>(
        &self,
        stage: &str,
        endpoints: &[Endpoint],
        timeout: Duration,
        settings: &dyn Debug,
        make: impl Fn(Endpoint) -> Result<Box<P>, CredentialsError>,
    ) -> Result<Fallback<P>, SetupError> {
        let (mut candidates, mut failures) = (Vec::new(), Vec::new());
        for endpoint in endpoints {
            match make(endpoint.clone()) {
                Ok(provider) => {
                    candidates.push(self.candidate(stage, endpoint, settings, provider, None));
                    candidates.extend(self.alias(
                        stage,
                        endpoint,
                        settings,
                        &make,
                        candidates.len() - 1,
                    ));
                }
                Err(error) => failures.push((endpoint.provider, error)),
            }
        }
        let is_first = |lack: &&Lack| lack.stage == stage && lack.is_first;
        let lack = self.config.lacking.iter().find(is_first);
        let mut missing = lack.map(|lack| lack.what.clone());
        for (provider, error) in failures {
            if candidates.is_empty() {
                return Err(error.into());
            }
            let line = format!("{}: {}", provider.name(), error::Chain(&error));
            debug!("{line}");
            if endpoints
                .first()
                .is_some_and(|first| first.provider == provider)
            {
                missing.get_or_insert(line);
            }
        }
        Ok(Fallback::new(
            candidates,
            missing,
            self.config.fallback_after.min(timeout),
            self.state.clone(),
        ))
    }

    /// The name under which Gemini offers whatever has come after a model of one kind.
    fn alias<P: ?Sized>(
        &self,
        stage: &str,
        endpoint: &Endpoint,
        settings: &dyn Debug,
        make: impl Fn(Endpoint) -> Result<Box<P>, CredentialsError>,
        of: usize,
    ) -> Option<Candidate<P>> {
        let is_gemini = endpoint.provider == Provider::Gemini;
        let alias = catalogue::alias_of(&endpoint.model).filter(|_| is_gemini)?;
        let endpoint = Endpoint {
            model: alias.to_owned(),
            ..endpoint.clone()
        };
        let provider = make(endpoint.clone()).ok()?;
        Some(self.candidate(stage, &endpoint, settings, provider, Some(of)))
    }

    fn candidate<P: ?Sized>(
        &self,
        stage: &str,
        endpoint: &Endpoint,
        settings: &dyn Debug,
        provider: Box<P>,
        successor_of: Option<usize>,
    ) -> Candidate<P> {
        Candidate {
            endpoint: endpoint.clone(),
            fingerprint: self.fingerprint(stage, endpoint, settings),
            successor_of,
            provider,
        }
    }

    /// A digest of everything that decides whether a provider works. No key can be found out from it.
    fn fingerprint(&self, stage: &str, endpoint: &Endpoint, settings: &dyn Debug) -> String {
        let proxy = self.config.http.proxy.as_ref();
        let key = endpoint.api_key.as_ref();
        let account = self.account.get().map(|account| account.identity());
        let parts = [
            format!("{stage} {endpoint:?} {settings:?} {:?}", self.config.http),
            proxy.map_or("", Secret::expose).to_owned(),
            key.map_or("", Secret::expose).to_owned(),
            account.unwrap_or_default(),
        ];
        let mut context = Context::new(&SHA256);
        for part in &parts {
            context.update(part.as_bytes());
            context.update(b"\0");
        }
        BASE64_URL_SAFE_NO_PAD.encode(&context.finish().as_ref()[..FINGERPRINT_BYTES])
    }

    fn account(&self) -> Result<Arc<ServiceAccount>, CredentialsError> {
        if let Some(account) = self.account.get() {
            return Ok(account.clone());
        }
        let account = ServiceAccount::load(&self.config.credentials)?;
        Ok(self.account.get_or_init(|| account).clone())
    }
}

/// Enough to tell all settings apart.
const FINGERPRINT_BYTES: usize = 12;
