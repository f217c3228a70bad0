//! The settings: defaults, then the file, then the environment, then the persona that `AGI()` names, then its other
//! arguments.
//!
//! Strict: an unknown key or a value out of its range is a fault, and all faults are told at once.
//! [`keys`] declares each key and says what it means.

mod arguments;
mod endpoint;
pub mod keys;
mod layers;
mod persona_layer;
pub mod personas;
pub mod private;
mod sections;
mod values;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use arguments::Arguments;
pub use endpoint::{Endpoint, Provider};
use layers::Layers;
pub(crate) use layers::is_https;
pub use sections::{Conversation, Filler, Http, Llm, Sentence, Stt, Tts, Waiting};
pub use values::{Secret, Shown};

use log::{debug, warn};

use crate::costs::MicroDollars;
use crate::date::SECONDS_A_DAY;
use crate::files;
use crate::limits::Limits;
use crate::memory::{self, Callers};
use crate::remedy;

/// Everything that is wrong with the settings.
#[derive(Debug, thiserror::Error)]
#[error("{}", first(.all))]
pub struct Faults {
    all: Vec<String>,
    /// The settings file, whether it is there or not.
    pub file: PathBuf,
    /// The settings, as far as they could be understood.
    pub understood: Box<Config>,
}

impl Faults {
    /// Each of them.
    pub fn all(&self) -> &[String] {
        &self.all
    }
}

/// The process's environment, or a test's.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Which job the settings are for: only what it uses must be complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// A whole call.
    Call,
    /// A conversation of several turns, without a recording.
    Conversation,
    /// Speaking a text into a file.
    Say,
    /// Showing the log of calls, or who is remembered.
    Calls,
    /// Checking everything.
    Check,
}

/// Why a provider is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The stage, by the settings' word.
    pub stage: &'static str,
    /// The provider.
    pub provider: Provider,
    /// Whether it is the first choice of its stage.
    pub is_first: bool,
    /// What is missing.
    pub what: String,
}

/// The settings, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The recording of the question (`recording=`); empty for jobs without one.
    pub recording: PathBuf,
    /// The answer's place, without extension (`reply=`); empty for jobs without one.
    pub reply: PathBuf,
    /// `[recording]`
    pub keep_recording: bool,
    /// How much of a recording is listened to; the rest is ignored.
    pub max_recording: Duration,
    /// `[call]`: from the start to the first sample of the answer.
    pub deadline: Duration,
    /// `[call]`: how long a service may pause in the middle of its answer.
    pub idle_timeout: Duration,
    /// `[call]`: how long a service with a fallback may take to begin its answer.
    pub fallback_after: Duration,
    /// `[state]`: what calls remember for each other.
    pub state_folder: PathBuf,
    /// `[log]`: whether the log may hold what was said.
    pub log_words: bool,
    /// `[log]`: the log of calls, if there is to be one.
    pub log_calls: Option<PathBuf>,
    /// `[google]`
    pub credentials: PathBuf,
    /// `[stt]`
    pub stt: Stt,
    /// `[llm]`
    pub llm: Llm,
    /// `[tts]`
    pub tts: Tts,
    /// `[limits]`
    pub limits: Limits,
    /// `[memory]`
    pub memory: memory::Settings,
    /// The providers that are named in a stage and cannot be asked, while others can be.
    pub lacking: Vec<Lack>,
    /// `[reply]`: whether the program plays the answer itself while it is made. Otherwise the dialplan plays it whole.
    pub is_streamed: bool,
    /// `[reply]`: the keys with which the caller stops the answer.
    pub stop_keys: String,
    /// `[reply]`: an encoding's name, or `auto`.
    pub reply_format: String,
    /// `[waiting]`
    pub waiting: Waiting,
    /// `[conversation]`
    pub conversation: Conversation,
    /// What is set otherwise than by default.
    pub shown: Vec<Shown>,
    /// `[http]`
    pub http: Http,
}

impl Config {
    /// Reads all layers.
    ///
    /// # Errors
    /// All [`Faults`] together.
    pub fn load(
        job: Job,
        arguments: &Arguments,
        environment: Environment<'_>,
    ) -> Result<Self, Faults> {
        let mut layers = Layers::defaults();
        layers.faults.extend_from_slice(&arguments.faults);
        let named = arguments
            .config
            .as_deref()
            .filter(|_| !arguments.are_remote);
        let file = add_file(&mut layers, named, environment);
        if let Some(folder) = environment("CREDENTIALS_DIRECTORY") {
            layers.add_credentials(Path::new(&folder));
        }
        for (variable, name) in keys::ENVIRONMENT {
            if let Some(value) = environment(variable).filter(|value| !value.is_empty()) {
                layers.add_text(name, &value, variable);
            }
        }
        layers.add_arguments(arguments, &file);
        layers.add_persona(arguments);
        layers.add_key_files();
        layers.faults.extend(open_secrets(&layers, &file));
        layers.faults.extend(Conversation::faults(&layers));
        let mut config = Self::assemble(&layers, arguments);
        // The dialplan cannot play what is to be interrupted.
        config.is_streamed |= job == Job::Conversation;
        layers.faults.extend(config.missing(job, arguments, &file));
        if layers.faults.is_empty() {
            Ok(config)
        } else {
            Err(Faults {
                all: layers.faults,
                file,
                understood: Box::new(config),
            })
        }
    }

    /// Loads the settings for commands that look into past calls. They are needed most when settings are wrong, so
    /// faults are only logged.
    pub fn to_look_back(config: Option<PathBuf>, environment: Environment<'_>) -> Self {
        Self::load(Job::Calls, &Arguments::of_file(config), environment).unwrap_or_else(|faults| {
            warn!("{faults}");
            *faults.understood
        })
    }

    fn assemble(layers: &Layers, arguments: &Arguments) -> Self {
        Self {
            recording: layers.place(arguments, arguments.recording.as_ref()),
            reply: layers.place(arguments, arguments.reply.as_ref()),
            keep_recording: layers.switch("recording.keep"),
            max_recording: layers.seconds("recording.max_length"),
            deadline: layers.seconds("call.deadline"),
            idle_timeout: layers.seconds("call.idle_timeout"),
            fallback_after: layers.seconds("call.fallback_after"),
            state_folder: layers.text("state.folder").into(),
            log_words: layers.switch("log.words"),
            log_calls: layers.path("log.calls"),
            credentials: layers.text("google.credentials").into(),
            stt: Stt::assemble(layers),
            llm: Llm::assemble(layers),
            tts: Tts::assemble(layers),
            limits: limits(layers),
            memory: memory(layers),
            lacking: Vec::new(),
            is_streamed: layers.text("reply.play") == "stream",
            stop_keys: layers.text("reply.stop_keys"),
            reply_format: layers.text("reply.format"),
            waiting: Waiting::assemble(layers),
            conversation: Conversation::assemble(layers),
            shown: layers.shown(),
            http: Http::assemble(layers),
        }
    }

    /// Returns what `job` needs and is not set. Of a stage one endpoint must be complete; one that is not is dropped.
    fn missing(&mut self, job: Job, arguments: &Arguments, file: &Path) -> Vec<String> {
        let mut faults = match job {
            Job::Calls => return Vec::new(),
            Job::Call => self.odd_arguments(arguments, true),
            Job::Conversation => self.odd_arguments(arguments, false),
            Job::Say | Job::Check => Vec::new(),
        };
        let is_key = |key| "0123456789*#".contains(key);
        if !self.stop_keys.chars().all(is_key) {
            faults.push(
                "reply.stop_keys holds something else than the keys 0 to 9, * and #".to_owned(),
            );
        }
        let stages = [
            ("stt", "speech to text", &mut self.stt.endpoints),
            ("llm", "the model", &mut self.llm.endpoints),
            ("tts", "the voice", &mut self.tts.endpoints),
        ];
        for (stage, what, endpoints) in stages {
            if job != Job::Say || stage == "tts" {
                let lacking = complete(stage, what, endpoints, file);
                if endpoints.is_empty() {
                    faults.extend(lacking.into_iter().map(|lack| lack.what).next());
                } else {
                    self.lacking.extend(lacking);
                }
            }
        }
        faults
    }

    fn odd_arguments(&self, arguments: &Arguments, has_recording: bool) -> Vec<String> {
        let (recording, reply) = (&self.recording, &self.reply);
        let is_empty = |path: &Path| path.as_os_str().is_empty();
        let is_missing = |path: Option<&PathBuf>| path.is_none_or(|path| is_empty(path));
        let same_name = recording.with_extension("") == *reply && !is_empty(reply);
        let odd = |path: &Path| {
            path.to_str()
                .is_none_or(|text| text.contains(['&', '\u{fffd}', '\n', '\r', '\0']))
        };
        let is_odd = odd(reply) || reply.file_name().is_none() && !is_empty(reply);
        let table = [
            (
                has_recording && is_missing(arguments.recording.as_ref()),
                "the argument recording= is missing: AGI(phone-assistant,recording=…,reply=…)",
            ),
            (
                is_missing(arguments.reply.as_ref()),
                "the argument reply= is missing: AGI(phone-assistant,recording=…,reply=…)",
            ),
            (
                same_name,
                "reply= must differ from recording= without its extension",
            ),
            (
                is_odd,
                "reply= must be a path without &, which Playback takes for a separator",
            ),
        ];
        let faults = table.into_iter().filter(|(is_fault, _)| *is_fault);
        faults.map(|(_, fault)| fault.to_owned()).collect()
    }
}

/// Drops the endpoints of a stage that lack something. Returns what they lack.
fn complete(
    stage: &'static str,
    what: &str,
    endpoints: &mut Vec<Endpoint>,
    file: &Path,
) -> Vec<Lack> {
    let mut lacking = Vec::new();
    let mut is_first = true;
    endpoints.retain(|endpoint| {
        let missing = endpoint.missing(stage, what, file);
        let lack = missing.map(|what| Lack {
            stage,
            provider: endpoint.provider,
            is_first,
            what,
        });
        is_first = false;
        if let Some(lack) = &lack {
            debug!("{} is not asked: {}", lack.provider.name(), lack.what);
        }
        let is_complete = lack.is_none();
        lacking.extend(lack);
        is_complete
    });
    lacking
}

/// `[limits]`, where 0 stands for none. A limit on costs is at least one millionth of a dollar.
fn limits(layers: &Layers) -> Limits {
    let calls = layers.whole("limits.max_calls_per_caller_per_hour");
    let dollars = layers.number("limits.max_daily_cost");
    Limits {
        calls_per_hour: Some(calls).filter(|calls| *calls > 0),
        per_day: (dollars > 0.0).then(|| MicroDollars::of_dollars(dollars).max(MicroDollars(1))),
    }
}

/// `[memory]`
fn memory(layers: &Layers) -> memory::Settings {
    let max_exchanges = layers.whole("memory.max_exchanges");
    let days = layers.whole("memory.max_days");
    memory::Settings {
        callers: match layers.text("memory.callers").as_str() {
            "internal" => Callers::Internal,
            "all" => Callers::All,
            _ => Callers::None,
        },
        folder: layers.text("memory.folder").into(),
        limits: memory::Limits {
            max_exchanges: usize::try_from(max_exchanges).unwrap_or(usize::MAX),
            max_age: Duration::from_secs(SECONDS_A_DAY) * days,
        },
    }
}

/// The first faults, and how many more there are.
fn first(faults: &[String]) -> String {
    let shown = faults
        .iter()
        .take(SHOWN_FAULTS)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("; ");
    match faults.len().saturating_sub(SHOWN_FAULTS) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

/// Lays the file on top: the one that was named, or the usual one if it is there. Returns which it is.
fn add_file(layers: &mut Layers, named: Option<&Path>, environment: Environment<'_>) -> PathBuf {
    let named = named
        .map(Path::to_owned)
        .or_else(|| environment("PHONE_ASSISTANT_CONFIG").map(PathBuf::from));
    let path = named.clone().unwrap_or_else(|| PathBuf::from(USUAL_FILE));
    let shown = path.display();
    match files::read(&path, MAX_FILE).and_then(to_text) {
        Ok(text) => layers.add_file(&text, &shown.to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {}
        Err(error) => layers
            .faults
            .push(format!("cannot read the settings in {shown}: {error}")),
    }
    path
}

/// The files that hold a key and that every user of this machine may read: the settings, and those that they name.
fn open_secrets(layers: &Layers, file: &Path) -> Vec<String> {
    if layers.switch("secrets.allow_readable") {
        return Vec::new();
    }
    // Usually Asterisk starts this program.
    let group = match rustix::process::getegid() {
        root if root.is_root() => "asterisk".to_owned(),
        own => crate::identity::names::group_name(own.as_raw()),
    };
    let mut secret = layers.key_files();
    if layers.has_secret_of(&file.display().to_string()) {
        secret.insert(file.to_owned());
    }
    let open = secret.iter().filter(|file| files::is_readable_by_all(file));
    let fault = |file: &PathBuf| {
        let shown = file.display();
        format!(
            "{shown} holds a key and everybody on this machine may read it; close it with: \
             {} (or set allow_readable in [secrets])",
            remedy::close(file, &group)
        )
    };
    open.map(fault).collect()
}

fn to_text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text"))
}

/// How many faults are shown: about a screenful.
const SHOWN_FAULTS: usize = 12;

/// A settings file has a few kilobytes.
const MAX_FILE: u64 = 1024 * 1024;

/// Where install.sh puts the settings.
const USUAL_FILE: &str = "/etc/phone-assistant/config.toml";

#[cfg(test)]
mod tests {
    use super::*;

    fn load(job: Job, arguments: &[&str]) -> Result<Config, Faults> {
        let environment = |name: &str| (name == "OPENAI_API_KEY").then(|| "sk-1".to_owned());
        Config::load(
            job,
            &Arguments::parse(arguments.iter().copied()),
            &environment,
        )
    }

    /// The same with settings of a file instead of arguments.
    fn load_file(job: Job, text: &str) -> Result<Config, Faults> {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("config.toml");
        std::fs::write(
            &file,
            format!("openai.api_key = 'sk-1'\nsecrets.allow_readable = true\n{text}"),
        )
        .expect("written");
        Config::load(job, &Arguments::of_file(Some(file)), &|_| None)
    }

    #[test]
    fn a_call_with_its_two_arguments_and_a_key_is_complete() {
        let config = load(
            Job::Call,
            &["recording=/c/call-1.2.wav", "reply=/c/r=1", "keep=yes"],
        )
        .expect("complete");
        assert_eq!(config.recording, Path::new("/c/call-1.2.wav"));
        assert_eq!(config.reply, Path::new("/c/r=1"));
        assert!(config.keep_recording);
        assert!(config.llm.persona.contains("goodbye"));
        assert!(!format!("{config:?}").contains("sk-1"));
    }

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        let faults = load(
            Job::Call,
            &[
                "oops",
                "llm.provider=openai",
                "openai.api_key=sk-2",
                "stt.languag=x",
            ],
        );
        let text = faults.expect_err("five faults").to_string();
        let parts = [
            "argument is not name=value",
            "llm.provider cannot be an argument",
            "recording= is missing",
            "reply= is missing",
            "openai.api_key cannot be an AGI argument",
            "did you mean stt.language?",
        ];
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
        assert!(!text.contains("sk-2"));
        let faults = load_file(Job::Call, "llm.provider = 'openai'").expect_err("three faults");
        assert_eq!(faults.all()[2], "llm.openai.model is empty");
    }

    /// Its price depends on it.
    #[test]
    fn the_model_of_googles_speech_is_its_voice() {
        let settings = "tts.provider = 'google'\ntts.google.voice = 'en-US-Standard-A'";
        let config = load_file(Job::Say, settings).expect("complete");
        assert_eq!(config.tts.endpoints[0].model, "en-US-Standard-A");
    }

    #[test]
    fn a_limit_on_costs_is_one_however_small() {
        let table = [
            ("0", None),
            ("1e-7", Some(1)),
            ("0.000001", Some(1)),
            ("0.0000016", Some(2)),
            ("2", Some(2_000_000)),
        ];
        for (dollars, expected) in table {
            let limit = format!("limits.max_daily_cost = {dollars}");
            let config = load_file(Job::Say, &limit).expect("complete");
            assert_eq!(
                config.limits.per_day,
                expected.map(MicroDollars),
                "{dollars}"
            );
        }
        // What is no amount is rejected.
        for dollars in [
            "nan", "inf", "-inf", "-1", "1e30", "100000.1", "1e999", "$2", "",
        ] {
            let argument = format!("limits.max_daily_cost={dollars}");
            load(Job::Say, &[&argument]).expect_err(dollars);
        }
    }

    #[test]
    fn speaking_a_text_needs_no_recording() {
        load(Job::Say, &[]).expect("complete");
    }

    #[test]
    fn calls_are_logged_unless_the_path_is_empty_also_when_something_else_is_wrong() {
        let usual = load(Job::Say, &[]).expect("complete").log_calls;
        assert_eq!(
            usual.as_deref(),
            Some(Path::new("/var/log/asterisk/phone-assistant.jsonl"))
        );
        let none = load_file(Job::Say, "log.calls = ''").expect("complete");
        assert_eq!(none.log_calls, None);
        let faults = load_file(Job::Say, "log.calls = '/c/l'\nstt.languag = 'x'");
        let faults = faults.expect_err("a fault");
        assert_eq!(
            faults.understood.log_calls.as_deref(),
            Some(Path::new("/c/l"))
        );
    }

    #[test]
    fn an_argument_leads_nowhere_unless_the_file_says_so() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("config.toml");
        let named = [
            "recording=/c/call-1.2.wav",
            "reply=/c/call-1.2-reply",
            "tts.openai.base_url=https://example.org",
            "http.warm=no",
            "stt.language=de-DE",
        ];
        let usual =
            named.map(|argument| argument.replace("/c/", "/var/lib/phone-assistant/calls/"));
        let usual = usual.each_ref().map(String::as_str);
        let other = format!("config={}", file.display());
        let more = [&usual[..], &[&other]].concat();
        let remote = |arguments: &[&str]| Arguments::parse_remote(arguments.iter().copied());
        let own = |arguments: &[&str]| Arguments::parse(arguments.iter().copied());
        let table = [
            ("safe", own(&named), 2),
            ("safe", remote(&named), 4),
            ("safe", remote(&usual), 2),
            ("safe", remote(&more), 3),
            ("safe", own(&usual[4..]), 2),
            ("all", own(&named), 0),
            ("all", remote(&named), 0),
            ("all", remote(&more), 1),
        ];
        for (allowed, arguments, expected) in table {
            let text = format!("call.arguments = '{allowed}'\n");
            std::fs::write(&file, text).expect("written");
            let environment = |name: &str| match name {
                "PHONE_ASSISTANT_CONFIG" => Some(file.display().to_string()),
                "OPENAI_API_KEY" => Some("sk-1".to_owned()),
                _ => None,
            };
            let loaded = Config::load(Job::Call, &arguments, &environment);
            let faults = loaded.as_ref().map_or_else(Faults::all, |_| &[]);
            assert_eq!(
                faults.len(),
                expected,
                "{allowed} {arguments:?}: {faults:?}"
            );
            let config = loaded.unwrap_or_else(|faults| *faults.understood);
            let is_led = config.tts.endpoints[0].base_url == "https://example.org";
            assert_eq!(is_led, allowed == "all", "{arguments:?}");
            assert_eq!(config.stt.language, "de-DE");
        }
    }

    #[test]
    fn a_named_file_must_be_there() {
        let faults =
            load(Job::Say, &["config=/nonexistent/config.toml"]).expect_err("no such file");
        assert!(
            faults
                .to_string()
                .contains("cannot read the settings in /nonexistent/config.toml")
        );
    }
}
