//! The settings: defaults, then the file, then the environment, then the persona that `AGI()` names, then its other
//! arguments.
//!
//! Strict: an unknown key or a value out of its range is a fault, and all faults are told at once.
//! [`keys`] declares each key and says what it means.

mod addresses;
mod arguments;
pub(crate) mod catalogue;
mod checked;
mod chosen;
pub(crate) mod endpoint;
mod excerpt;
mod file;
pub mod keys;
mod kind;
mod knowledge;
mod languages;
mod layers;
pub mod limits;
mod lookups;
mod messages;
mod persona_layer;
pub mod personas;
pub mod private;
pub(crate) mod providers;
mod sections;
mod shared;
pub mod tools;
mod values;
mod voices;
mod written;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use addresses::is_https;
pub use arguments::Arguments;
pub(crate) use checked::pasted_key;
pub(crate) use chosen::first_on;
pub use endpoint::{Endpoint, Provider};
use keys::setting;
pub use knowledge::{Audience, Knowledge};
use layers::Layers;
pub use limits::{Limits, Retention};
pub use messages::Messages;
pub use sections::{Conversation, Filler, Http, Llm, Sentence, Stt, Tts, Waiting};
pub use tools::Tool;
pub use values::{Secret, Shown};
use written::MOST_FAULTS;

use crate::sys::state::State;
use crate::sys::state::server::Server;
use log::{debug, warn};

/// Everything that is wrong with the settings.
#[derive(Debug, thiserror::Error)]
#[error("{}", first(.all))]
pub struct Faults {
    all: Vec<String>,
    excerpts: Vec<Vec<String>>,
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

    /// Each of them, with the line of the settings file that it is about, and a mark below that.
    pub(crate) fn with_excerpts(&self) -> impl Iterator<Item = (&str, &[String])> {
        let excerpts = self.excerpts.iter().map(Vec::as_slice);
        self.all.iter().map(String::as_str).zip(excerpts)
    }

    /// What is said of a line of the settings file, without that file's name; `None` where `fault` is about no line.
    pub(crate) fn of_line<'f>(&self, fault: &'f str) -> Option<&'f str> {
        let file = self.file.display().to_string();
        written::place_in(&file, fault)?;
        fault.strip_prefix(&file)?.strip_prefix(", ")
    }
}

/// The process's environment, or a test's.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What must be complete in the settings, by what they are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// All stages, the recording of a question and the place for its answer: a call.
    Call,
    /// All stages, and the place for answers: a conversation of several turns.
    Conversation,
    /// All stages.
    Stages,
    /// The stage that speaks.
    Voice,
    /// Nothing: what is set only has to be right.
    Nothing,
}

/// Why a provider is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
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
    /// The recording of the question (`recording=`); empty where none is needed.
    pub recording: PathBuf,
    /// The answer's place, without extension (`reply=`); empty where none is needed.
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
    /// `[state]`: the server that several machines share.
    pub shared: Option<Arc<Server>>,
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
    /// `[knowledge]`
    pub knowledge: Knowledge,
    /// `[limits]`
    pub limits: Limits,
    /// `[memory]`
    pub memory: Retention,
    /// `[messages]`
    pub messages: Messages,
    /// The providers that are named in a stage and cannot be asked, while others can be.
    pub unusable: Vec<Unusable>,
    /// The stages for which the program chooses the provider, by the settings' words.
    pub automatic: Vec<&'static str>,
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
    /// The names of all `[persona.NAME]`.
    pub personas: Vec<String>,
    /// All `[tool.NAME]`.
    pub tools: Vec<Tool>,
    /// What is set otherwise than by default.
    pub shown: Vec<Shown>,
    /// `[http]`
    pub http: Http,
}

impl Config {
    /// What calls remember for each other: in a folder, and on the server that machines share if there is one.
    pub(crate) fn state(&self) -> State {
        State::new(&self.state_folder).with(self.shared.clone())
    }

    /// What sets this setting otherwise than by default, if anything does.
    pub(crate) fn set(&self, key: impl Into<Option<&'static keys::Key>>) -> Option<&Shown> {
        let key = key.into()?;
        self.shown.iter().find(|shown| shown.name == key.name)
    }

    /// Whether callers may be asked for a PIN.
    pub(crate) fn has_pins(&self) -> bool {
        self.tools.iter().any(|tool| tool.pin_file.is_some())
    }

    /// Reads all layers.
    ///
    /// # Errors
    /// All [`Faults`] together.
    pub fn load(
        needs: Needs,
        arguments: &Arguments,
        environment: Environment<'_>,
    ) -> Result<Self, Faults> {
        let mut layers = Layers::defaults();
        layers.faults.extend_from_slice(&arguments.faults);
        let named = arguments
            .config
            .as_deref()
            // A client of the port of FastAGI must not choose the file that is read; `add_arguments` makes a fault of
            // it.
            .filter(|_| !arguments.are_remote());
        let (file, text) = file::add(&mut layers, named, environment);
        Self::of_layers(layers, needs, arguments, (file, &text), environment)
    }

    /// Reads all layers, with `text` for what the settings file `file` says.
    ///
    /// # Errors
    /// All [`Faults`] together.
    pub(crate) fn of_text(
        needs: Needs,
        text: &str,
        file: PathBuf,
        environment: Environment<'_>,
    ) -> Result<Self, Faults> {
        let mut layers = Layers::defaults();
        layers.add_file(text, &file.display().to_string());
        Self::of_layers(
            layers,
            needs,
            &Arguments::default(),
            (file, text),
            environment,
        )
    }

    /// The settings file that `named` or the environment names, or the usual one, and its text if it is there.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(crate) fn text_of_file(
        named: Option<&Path>,
        environment: Environment<'_>,
    ) -> (PathBuf, io::Result<Option<String>>) {
        let (file, _) = file::place(named, environment);
        let text = file::read(&file);
        (file, text)
    }

    /// Lays what lies above the settings file on top of it, and makes the settings of all.
    fn of_layers(
        mut layers: Layers,
        needs: Needs,
        arguments: &Arguments,
        (file, text): (PathBuf, &str),
        environment: Environment<'_>,
    ) -> Result<Self, Faults> {
        if let Some(folder) = environment("CREDENTIALS_DIRECTORY") {
            layers.add_credentials(Path::new(&folder));
        }
        for (variable, key) in keys::ENVIRONMENT {
            if let Some(value) = environment(variable).filter(|value| !value.is_empty()) {
                layers.add_text(key.name, &value, variable);
            }
        }
        // Arguments come after the other sources: whether they may be any is decided by `call.arguments` in those below
        // them.
        layers.add_arguments(arguments, &file);
        // A key file counts only where no source has set the key itself.
        layers.add_key_files();
        layers.add_persona(arguments);
        layers.faults.extend(file::open_secrets(&layers, &file));
        layers.faults.extend(Conversation::faults(&layers));
        layers.faults.extend(Messages::faults(&layers));
        layers.faults.extend(shared::faults(&layers));
        let mut config = Self::assemble(&layers, arguments);
        // The dialplan cannot play what is to be interrupted.
        config.is_streamed |= needs == Needs::Conversation;
        let missing = config.missing(needs, arguments, &layers, &file);
        // What a broken file says is not known, and so it does not lack anything.
        if layers.is_whole {
            layers.faults.extend(missing);
        }
        if layers.faults.is_empty() {
            Ok(config)
        } else {
            let source = file.display().to_string();
            let place = |fault: &String| written::place_in(&source, fault);
            let line = |fault: &String| place(fault).unwrap_or((usize::MAX, 0));
            layers.faults.sort_by_key(line);
            let more = layers.faults.len().saturating_sub(MOST_FAULTS);
            if more > 0 {
                layers.faults.truncate(MOST_FAULTS);
                layers.faults.push(format!("there are {more} more faults"));
            }
            let excerpt = |fault: &String| excerpt::excerpt(text, &source, fault);
            Err(Faults {
                excerpts: layers.faults.iter().map(excerpt).collect(),
                all: layers.faults,
                file,
                understood: Box::new(config),
            })
        }
    }

    /// Whether this user may read the settings, before people are told anything by settings that are not theirs.
    ///
    /// # Errors
    /// That they may not.
    pub(crate) fn expect_readable(
        config: Option<&Path>,
        environment: Environment<'_>,
    ) -> Result<(), file::Closed> {
        file::expect_readable(config, environment)
    }

    /// Loads the settings for commands that look into past calls. They are needed most when settings are wrong, so
    /// faults are only logged.
    pub(crate) fn to_look_back(config: Option<PathBuf>, environment: Environment<'_>) -> Self {
        Self::load(Needs::Nothing, &Arguments::of_file(config), environment).unwrap_or_else(
            |faults| {
                warn!("{faults}");
                *faults.understood
            },
        )
    }

    fn assemble(layers: &Layers, arguments: &Arguments) -> Self {
        let shared = shared::assemble(layers);
        Self {
            recording: layers.recording(arguments),
            reply: layers.reply(arguments),
            keep_recording: layers.switch(setting!("recording.keep")),
            max_recording: layers.seconds(setting!("recording.max_length")),
            deadline: layers.seconds(setting!("call.deadline")),
            idle_timeout: layers.seconds(setting!("call.idle_timeout")),
            fallback_after: layers.seconds(setting!("call.fallback_after")),
            state_folder: layers.text(setting!("state.folder")).into(),
            shared: shared.clone(),
            log_words: layers.switch(setting!("log.words")),
            log_calls: layers.path(setting!("log.calls")),
            credentials: layers.text(setting!("google.credentials")).into(),
            stt: Stt::assemble(layers),
            llm: Llm::assemble(layers),
            tts: Tts::assemble(layers),
            knowledge: Knowledge::assemble(layers),
            limits: Limits::assemble(layers),
            memory: Retention::assemble(layers, shared),
            messages: Messages::assemble(layers),
            unusable: Vec::new(),
            automatic: ["stt", "llm", "tts"]
                .into_iter()
                .filter(|stage| chosen::is_automatic(layers, stage))
                .collect(),
            is_streamed: layers.text(setting!("reply.play")) == "stream",
            stop_keys: layers.text(setting!("reply.stop_keys")),
            reply_format: layers.text(setting!("reply.format")),
            waiting: Waiting::assemble(layers),
            conversation: Conversation::assemble(layers),
            personas: layers.personas.tables.keys().cloned().collect(),
            tools: layers.tools.tools.clone(),
            shown: layers.shown(),
            http: Http::assemble(layers),
        }
    }

    /// Returns what is among `needs` and is not set. Of a stage one endpoint must be complete; any other that is not is
    /// dropped.
    fn missing(
        &mut self,
        needs: Needs,
        arguments: &Arguments,
        layers: &Layers,
        file: &Path,
    ) -> Vec<String> {
        let mut faults = match needs {
            Needs::Nothing => return Vec::new(),
            Needs::Call => self.odd_arguments(arguments, true),
            Needs::Conversation => self.odd_arguments(arguments, false),
            Needs::Voice | Needs::Stages => Vec::new(),
        };
        let stages = [
            ("stt", "speech to text", &mut self.stt.endpoints),
            ("llm", "the model", &mut self.llm.endpoints),
            ("tts", "the voice", &mut self.tts.endpoints),
        ];
        let mut lacks = Vec::new();
        for (stage, what, endpoints) in stages {
            if needs != Needs::Voice || stage == "tts" {
                let unusable = complete(stage, what, endpoints, file);
                if endpoints.is_empty() {
                    let first = unusable.into_iter().map(|first| first.what).next();
                    let nothing = || chosen::nothing_to_choose(layers, stage, what, file);
                    lacks.push((what, first.unwrap_or_else(nothing)));
                } else {
                    self.unusable.extend(unusable);
                }
            }
        }
        faults.extend(joined(lacks));
        faults
    }

    fn odd_arguments(&self, arguments: &Arguments, has_recording: bool) -> Vec<String> {
        let (recording, reply) = (&self.recording, &self.reply);
        let is_empty = |path: &Path| path.as_os_str().is_empty();
        let is_missing = |path: Option<&PathBuf>| path.is_none_or(|path| is_empty(path));
        // What has the name of the reply in any format of Asterisk's is removed before the reply is written, the
        // recording too.
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

/// Drops the endpoints of a stage that cannot be asked, and returns them.
fn complete(
    stage: &'static str,
    what: &str,
    endpoints: &mut Vec<Endpoint>,
    file: &Path,
) -> Vec<Unusable> {
    let mut unusable = Vec::new();
    let mut is_first = true;
    endpoints.retain(|endpoint| {
        let missing = endpoint.missing(stage, what, file);
        let found = missing.map(|what| Unusable {
            stage,
            provider: endpoint.provider,
            is_first,
            what,
        });
        is_first = false;
        if let Some(Unusable { provider, what, .. }) = &found {
            debug!("{} is not asked: {what}", provider.name());
        }
        let is_complete = found.is_none();
        unusable.extend(found);
        is_complete
    });
    unusable
}

/// What stages lack, each with what people call the stage: said once where they lack the same key.
fn joined(lacks: Vec<(&str, String)>) -> Vec<String> {
    let mut all: Vec<(Vec<&str>, String)> = Vec::new();
    for (what, lack) in lacks {
        let of_key = lack
            .strip_prefix(NO_KEY)
            .and_then(|key| key.strip_prefix(what));
        let Some(of_key) = of_key else {
            all.push((Vec::new(), lack));
            continue;
        };
        match all.iter_mut().find(|(_, other)| other == of_key) {
            Some((stages, _)) => stages.push(what),
            None => all.push((vec![what], of_key.to_owned())),
        }
    }
    let told = |(stages, lack): (Vec<&str>, String)| match &stages[..] {
        [] => lack,
        [one] => format!("{NO_KEY}{one}{lack}"),
        [first @ .., last] => format!("{NO_KEY}{} and {last}{lack}", first.join(", ")),
    };
    all.into_iter().map(told).collect()
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

/// How a stage is said to lack a key, before its name for people.
const NO_KEY: &str = "no key for ";

/// How many faults are shown: about a screenful.
const SHOWN_FAULTS: usize = 12;

#[cfg(test)]
mod tests;
