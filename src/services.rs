//! The services that the settings name, ready to be asked: for each stage a fallback of providers.

mod changes;
mod sound_refusals;

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use log::debug;

use crate::cloud::access::{Access, Providers};
use crate::cloud::fallback::{self, Candidate, Fallback};
use crate::cloud::google_auth::ServiceAccount;
use crate::cloud::http::Client;
use crate::cloud::llm::{self, Model};
use crate::cloud::stt::{self, Recognizer};
use crate::cloud::tts::{self, Voice};
use crate::config::{Config, Endpoint, Secret, Unusable, catalogue};
use crate::sys::date::{self, WallClock};
use crate::sys::digest;
use crate::sys::error::{self, Stage};
use crate::sys::hangup::Hangup;
use crate::sys::state::State;
use crate::sys::threads::{self, NoThread};
use changes::SwitchedOff;
pub(crate) use changes::{Change, WARNED_DAYS, successor_remedy};
use sound_refusals::SoundRefusals;

/// The services of a call.
#[derive(Debug)]
pub(crate) struct Services {
    /// The speech recognizers.
    pub(crate) recognizers: Fallback<dyn Recognizer>,
    /// The language models.
    pub(crate) models: Fallback<dyn Model>,
    /// The voices.
    pub(crate) voices: Arc<Fallback<dyn Voice>>,
    /// Whether the model has heard callers itself, where it is to.
    pub(crate) sound_refusals: SoundRefusals,
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
            voices: maker.voices()?.into(),
            sound_refusals: SoundRefusals::default(),
        })
    }

    /// Begins to recall which of them have failed in earlier calls at `now`, all by one question.
    ///
    /// # Errors
    /// [`NoThread`].
    pub(crate) fn begin_recall(
        self: &Arc<Self>,
        state: State,
        now: SystemTime,
    ) -> Result<JoinHandle<()>, NoThread> {
        let services = self.clone();
        threads::spawn(move || {
            let all = [
                services.recognizers.to_recall(),
                services.models.to_recall(),
                services.voices.to_recall(),
            ];
            fallback::recall(&state, now, &all);
        })
    }

    /// Whether the model that is asked first hears callers itself, and has not refused to in this call.
    pub(crate) fn model_hears(&self) -> bool {
        let sound = self.models.first().max_tokens_of_sound(Duration::ZERO);
        sound.is_some() && !self.sound_refusals.is_refused()
    }

    /// The changes of the next [`WARNED_DAYS`] days, each with its stage: whose model is switched off, and who follows.
    pub(crate) fn changes(&self, now: SystemTime) -> Vec<(Stage, String)> {
        let all = [
            (Stage::Stt, Change::of(&self.recognizers, now)),
            (Stage::Llm, Change::of(&self.models, now)),
            (Stage::Tts, Change::of(&self.voices, now)),
        ];
        let soon = |(stage, change): (_, Option<Change>)| {
            let change = change.filter(|change| change.days_left <= WARNED_DAYS)?;
            Some((stage, change.to_string()))
        };
        all.into_iter().filter_map(soon).collect()
    }

    /// What administrators are told of the models that have refused functions.
    pub(crate) fn without_functions(&self) -> Vec<String> {
        let models = self.models.candidates().iter();
        models
            .filter_map(|model| model.provider.without_functions())
            .collect()
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
    let maker = Maker::new(config, hangup)?;
    let voices = maker.voices()?;
    fallback::recall(&maker.state, (maker.clock)(), &[voices.to_recall()]);
    Ok(voices)
}

/// Makes the providers of each stage.
pub(crate) struct Maker<'a> {
    config: &'a Config,
    access: Access,
    state: State,
    clock: WallClock,
    hangup: Hangup,
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
            state: config.state(),
            clock: SystemTime::now,
            hangup: hangup.clone(),
        })
    }

    /// Makes what is only asked for lists, which a vendor also has where the model of the settings is switched off.
    pub(crate) fn for_lists(self) -> Self {
        Self {
            clock: || SystemTime::UNIX_EPOCH,
            ..self
        }
    }

    /// Makes all by another clock.
    #[cfg(test)]
    pub(crate) fn with_clock(self, clock: WallClock) -> Self {
        Self { clock, ..self }
    }

    /// Signs in to Google as `account`.
    pub(crate) fn use_account(&self, account: Arc<ServiceAccount>) {
        self.access.use_account(account);
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

    /// Makes a fallback of the endpoints that can be used. One that cannot is left out, unless there is no other; one
    /// whose model has been switched off is told, and there must be another.
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
        let today = date::day((self.clock)());
        let first = candidates.first().filter(|first| first.is_closed(today));
        let gone = first.map(|first| SwitchedOff::of(making.stage, first));
        // Where the program chooses the provider, the next one is its choice and replaces nothing that the settings
        // name.
        if let Some(gone) = &gone
            && !self.config.automatic.contains(&stage.as_str())
        {
            missing.get_or_insert(gone.what.clone());
        }
        // Where the stage's own time-out is the shorter one, a time-out would else never be as long as usual, and so
        // never be remembered.
        let limit = self.config.fallback_after.min(timeout);
        let (remembered, hangup) = (self.state.clone(), self.hangup.clone());
        let fallback = Fallback::new(candidates, missing, limit, remembered, self.clock, hangup);
        match gone {
            Some(gone) if fallback.first_on(today).is_none() => Err(gone.into()),
            _ => Ok(fallback),
        }
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
            closes: catalogue::closes(making.stage, endpoint),
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
        // `Debug` shows nothing of secrets, so each is added by itself; zero bytes keep two sets of settings from
        // becoming one text.
        let parts = [
            format!("{stage} {endpoint:?} {settings:?} {http:?}"),
            http.proxy.as_ref().map_or("", Secret::expose).to_owned(),
            key.map_or("", Secret::expose).to_owned(),
            self.access.account_identity().unwrap_or_default(),
        ];
        let text = parts.map(|part| part + "\0").concat();
        digest::short(text.as_bytes(), FINGERPRINT_BYTES)
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
    use crate::config::{Arguments, Needs};

    /// The last second of OpenAI's voices, by <https://developers.openai.com/api/docs/guides/text-to-speech>.
    fn last_second() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_799_193_599)
    }

    fn midnight() -> SystemTime {
        last_second() + Duration::from_secs(1)
    }

    /// What becomes of settings in which `ACCOUNT` stands for a service account.
    fn settings(text: &str) -> (testkit::TempDir, Config) {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let [key_file, file] = ["key.json", "config.toml"].map(|name| folder.path().join(name));
        let account = include_str!("../tests/data/throwaway-service-account.json");
        std::fs::write(&key_file, account).expect("written");
        let key_file = format!("google.credentials = '{}'", key_file.display());
        let text = text.replace("ACCOUNT", &key_file);
        std::fs::write(&file, format!("secrets.allow_readable = true\n{text}")).expect("written");
        let config = Config::load(Needs::Voice, &Arguments::of_file(Some(file)), &|_| None);
        let config = config.unwrap_or_else(|faults| panic!("{text}: {faults}"));
        (folder, config)
    }

    #[test]
    fn a_voice_that_is_switched_off_is_replaced_at_midnight() {
        const KEY: &str = "openai.api_key = 'sk-1'\n";
        const GONE: &str = "openai tts-1 was switched off on 2027-01-06";
        let named = "tts.provider = 'openai'\n";
        let alone = "tts.fallback = []\n";
        let own = "tts.openai.base_url = 'http://127.0.0.1:8880'\n";
        let table = [
            (format!("{KEY}ACCOUNT"), Some("google"), None),
            (format!("{KEY}{alone}ACCOUNT"), Some("google"), None),
            (format!("{KEY}{named}ACCOUNT"), Some("google"), Some(GONE)),
            (format!("{KEY}{named}{alone}ACCOUNT"), None, None),
            (KEY.to_owned(), None, None),
            (format!("{KEY}{own}"), Some("openai"), None),
        ];
        for (text, after, told) in table {
            let (_folder, config) = settings(&text);
            let maker = Maker::new(&config, &Hangup::default()).expect("no proxy");
            let first =
                |made: &Fallback<dyn Voice>| made.first_candidate().endpoint.provider.name();
            let maker = maker.with_clock(last_second);
            let before = maker.voices().expect("there is one");
            assert_eq!(first(&before), "openai", "{text}");
            let maker = maker.with_clock(midnight);
            match (maker.voices(), after) {
                (Ok(made), Some(after)) => {
                    assert_eq!(first(&made), after, "{text}");
                    assert_eq!(made.stood_in().as_deref(), told, "{text}");
                }
                (Err(error), None) => {
                    let error = error.to_string();
                    let expected =
                        format!("{GONE}, and there is no other provider with a key; use");
                    assert!(error.starts_with(&expected), "{error}");
                }
                (made, _) => panic!("{text}: {made:?}"),
            }
        }
    }

    /// Whisper's last second is that of 2027-02-25.
    #[test]
    fn a_list_can_be_had_of_whoever_has_switched_the_model_off() {
        let gone = || SystemTime::UNIX_EPOCH + Duration::from_secs(20_875 * date::SECONDS_A_DAY);
        let (_folder, config) = settings(
            "openai.api_key = 'sk-1'\nstt.provider = 'openai'\nstt.openai.model = 'whisper-1'\n",
        );
        let maker = Maker::new(&config, &Hangup::default()).expect("no proxy");
        let maker = maker.with_clock(gone);
        let error = maker.recognizers().expect_err("it is switched off");
        assert!(error.to_string().contains("2027-02-26"), "{error}");
        let recognizers = maker.for_lists().recognizers().expect("one");
        assert_eq!(recognizers.candidates().len(), 1);
    }

    #[test]
    fn administrators_are_told_90_days_ahead_who_follows() {
        let day = |days| last_second() - Duration::from_secs(days * date::SECONDS_A_DAY);
        let (_folder, config) = settings("openai.api_key = 'sk-1'\nACCOUNT");
        let maker = Maker::new(&config, &Hangup::default()).expect("no proxy");
        let maker = maker.with_clock(last_second);
        let voices = maker.voices().expect("there is one");
        let change = Change::of(&voices, day(38)).expect("one is known");
        assert_eq!(
            change.to_string(),
            "openai tts-1 will be switched off on 2027-01-06, in 39 days; then google is asked"
        );
        assert_eq!(Change::of(&voices, midnight()), None);
        let services = Services {
            recognizers: maker.recognizers().expect("there is one"),
            models: maker.models().expect("there is one"),
            voices: voices.into(),
            sound_refusals: SoundRefusals::default(),
        };
        for (now, expected) in [(day(90), 0), (day(89), 1), (day(0), 1), (midnight(), 0)] {
            assert_eq!(services.changes(now).len(), expected, "{now:?}");
        }
    }
}
