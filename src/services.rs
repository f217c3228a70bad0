//! The services that the settings name, ready to be asked: for each stage a fallback of providers.

use std::error::Error;
use std::fmt::Debug;
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use log::debug;
use ring::digest::{Context, SHA256};

use crate::cloud::access::{Access, Providers};
use crate::cloud::fallback::{Candidate, Fallback};
use crate::cloud::http::Client;
use crate::cloud::llm::{self, Model};
use crate::cloud::stt::{self, Recognizer};
use crate::cloud::tts::{self, Voice};
use crate::config::{Config, Endpoint, Secret, Unusable};
use crate::spending::catalogue;
use crate::sys::error::{self, Stage};
use crate::sys::hangup::Hangup;
use crate::sys::state::State;

/// The services of a call.
#[derive(Debug)]
pub(crate) struct Services {
    /// The speech recognizers.
    pub(crate) recognizers: Fallback<dyn Recognizer>,
    /// The language models.
    pub(crate) models: Fallback<dyn Model>,
    /// The voices.
    pub(crate) voices: Fallback<dyn Voice>,
}

/// Why no service can be asked at all.
pub(crate) type SetupError = Box<dyn Error + Send + Sync>;

impl Services {
    /// Makes all services that a call needs.
    ///
    /// # Errors
    /// What is wrong with the first provider of a stage that is left without any.
    pub(crate) fn new(config: &Config, hangup: &Hangup) -> Result<Self, SetupError> {
        let maker = Maker::new(config, hangup)?;
        Ok(Self {
            recognizers: maker.recognizers()?,
            models: maker.models()?,
            voices: maker.voices()?,
        })
    }

    /// The stages in which a fallback replaced the first provider, and why.
    pub(crate) fn stood_in(&self) -> Vec<(Stage, String)> {
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
pub(crate) fn voices(config: &Config, hangup: &Hangup) -> Result<Fallback<dyn Voice>, SetupError> {
    Maker::new(config, hangup)?.voices()
}

/// Makes the providers of each stage.
pub(crate) struct Maker<'a> {
    config: &'a Config,
    access: Access,
    state: State,
}

impl<'a> Maker<'a> {
    /// Prepares to make what these settings name.
    ///
    /// # Errors
    /// What is wrong under `[http]`.
    pub(crate) fn new(config: &'a Config, hangup: &Hangup) -> Result<Self, SetupError> {
        let client = Client::new(&config.http, hangup, config.log_words)?;
        Ok(Self {
            config,
            access: Access::new(client, config.credentials.clone()),
            state: State::new(&config.state_folder),
        })
    }

    /// Makes the speech recognizers.
    ///
    /// # Errors
    /// What is wrong with the first provider, if no other is left.
    pub(crate) fn recognizers(&self) -> Result<Fallback<dyn Recognizer>, SetupError> {
        let settings = &self.config.stt;
        let stage = Making {
            stage: Stage::Stt,
            providers: stt::PROVIDERS,
            settings,
        };
        self.fallback(&stage, &settings.endpoints, settings.timeout)
    }

    /// Makes the language models.
    ///
    /// # Errors
    /// What is wrong with the first provider, if no other is left.
    pub(crate) fn models(&self) -> Result<Fallback<dyn Model>, SetupError> {
        let settings = &self.config.llm;
        let stage = Making {
            stage: Stage::Llm,
            providers: llm::PROVIDERS,
            settings,
        };
        self.fallback(&stage, &settings.endpoints, settings.timeout)
    }

    /// Makes the voices.
    ///
    /// # Errors
    /// What is wrong with the first provider, if no other is left.
    pub(crate) fn voices(&self) -> Result<Fallback<dyn Voice>, SetupError> {
        let settings = &self.config.tts;
        let stage = Making {
            stage: Stage::Tts,
            providers: tts::PROVIDERS,
            settings,
        };
        self.fallback(&stage, &settings.endpoints, settings.timeout)
    }

    /// Makes a fallback of the endpoints that can be used. One that cannot is left out, unless there is no other.
    fn fallback<P: ?Sized, S: Debug>(
        &self,
        making: &Making<'_, P, S>,
        endpoints: &[Endpoint],
        timeout: Duration,
    ) -> Result<Fallback<P>, SetupError> {
        let (mut candidates, mut failures) = (Vec::new(), Vec::new());
        for endpoint in endpoints {
            match self.candidate(making, endpoint, None) {
                Ok(candidate) => {
                    candidates.push(candidate);
                    candidates.extend(self.alias(making, endpoint, candidates.len() - 1));
                }
                Err(error) => failures.push((endpoint.provider, error)),
            }
        }
        let stage = making.stage.to_string();
        let is_first = |unusable: &&Unusable| unusable.stage == stage && unusable.is_first;
        let first = self.config.unusable.iter().find(is_first);
        let mut missing = first.map(|unusable| unusable.what.clone());
        for (provider, error) in failures {
            if candidates.is_empty() {
                return Err(error);
            }
            let line = format!("{}: {}", provider.name(), error::Chain(error.as_ref()));
            debug!("{line}");
            if endpoints[0].provider == provider {
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

    /// The candidate under the name that its provider keeps for whatever has come after a model of one kind.
    fn alias<P: ?Sized, S: Debug>(
        &self,
        making: &Making<'_, P, S>,
        endpoint: &Endpoint,
        successor_of: usize,
    ) -> Option<Candidate<P>> {
        let endpoint = Endpoint {
            model: catalogue::alias_of(making.stage, endpoint)?.to_owned(),
            ..endpoint.clone()
        };
        self.candidate(making, &endpoint, Some(successor_of)).ok()
    }

    fn candidate<P: ?Sized, S: Debug>(
        &self,
        making: &Making<'_, P, S>,
        endpoint: &Endpoint,
        successor_of: Option<usize>,
    ) -> Result<Candidate<P>, SetupError> {
        let name = endpoint.provider.name();
        let row = making.providers.iter().find(|(known, _)| *known == name);
        let (_, make) = row.ok_or_else(|| format!("{} has no provider {name}", making.stage))?;
        let provider = make(&self.access, making.settings, endpoint.clone())?;
        Ok(Candidate {
            endpoint: endpoint.clone(),
            fingerprint: self.fingerprint(making, endpoint),
            successor_of,
            provider: provider.into(),
        })
    }

    /// A digest of everything that decides whether a provider works. No key can be found out from it.
    fn fingerprint<P: ?Sized, S: Debug>(
        &self,
        making: &Making<'_, P, S>,
        endpoint: &Endpoint,
    ) -> String {
        let (stage, settings, http) = (making.stage, making.settings, &self.config.http);
        let key = endpoint.api_key.as_ref();
        let parts = [
            format!("{stage} {endpoint:?} {settings:?} {http:?}"),
            http.proxy.as_ref().map_or("", Secret::expose).to_owned(),
            key.map_or("", Secret::expose).to_owned(),
            self.access.account_identity().unwrap_or_default(),
        ];
        let mut context = Context::new(&SHA256);
        for part in &parts {
            context.update(part.as_bytes());
            context.update(b"\0");
        }
        BASE64_URL_SAFE_NO_PAD.encode(&context.finish().as_ref()[..FINGERPRINT_BYTES])
    }
}

/// A stage whose providers are being made.
struct Making<'a, P: ?Sized, S> {
    stage: Stage,
    providers: &'a Providers<P, S>,
    settings: &'a S,
}

/// Enough to tell all settings apart.
const FINGERPRINT_BYTES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys;
    use std::collections::BTreeSet;

    #[test]
    fn every_provider_of_the_settings_can_be_made_and_no_other() {
        fn names<P: ?Sized, S>(table: &Providers<P, S>) -> BTreeSet<&str> {
            table.iter().map(|(name, _)| *name).collect()
        }
        let stages = [
            (Stage::Stt, names(stt::PROVIDERS)),
            (Stage::Llm, names(llm::PROVIDERS)),
            (Stage::Tts, names(tts::PROVIDERS)),
        ];
        for (stage, made) in stages {
            let named = keys::providers(&stage.to_string()).iter().copied();
            assert_eq!(made, named.collect(), "{stage}");
        }
    }
}
