//! The arguments of `AGI()`: `name=value`, where the name is one of ours or a setting's.

use std::path::{Path, PathBuf};

use super::keys::{self, Key, Kind, setting};
use super::layers::{ARGUMENT, Layers};

/// The arguments of `AGI()`, told apart.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// `recording=`: the recording of the question.
    pub recording: Option<PathBuf>,
    /// `reply=`: the answer's place, without extension.
    pub reply: Option<PathBuf>,
    /// `config=`: the settings file.
    pub config: Option<PathBuf>,
    mode: Mode,
    /// `persona=`: the persona that answers; none where it is empty, so that a dialplan may hand on a variable.
    pub persona: Option<String>,
    are_remote: bool,
    pub(super) settings: Vec<(String, String)>,
    pub(super) faults: Vec<String>,
}

/// `mode=`: the kind of call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// One question, which was recorded.
    #[default]
    Question,
    Conversation,
    Check,
    Hours,
    Disclose,
}

impl Arguments {
    /// Tells them apart; what cannot be understood is a fault that [`Config::load`](super::Config::load) reports.
    pub fn parse<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let mut parsed = Self::default();
        for argument in arguments {
            match argument.split_once('=') {
                Some((name, value)) => parsed.add(name, value),
                None => parsed
                    .faults
                    .push("an AGI argument is not name=value".to_owned()),
            }
        }
        parsed
    }

    /// The same of arguments that came over a network.
    pub(crate) fn parse_remote<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            are_remote: true,
            ..Self::parse(arguments)
        }
    }

    /// Whether they came over a network, from a client that may be anywhere.
    pub(crate) fn are_remote(&self) -> bool {
        self.are_remote
    }

    /// `mode=check`: look around for the doctor instead of answering a call. Not for clients of the port of FastAGI:
    /// the doctor would take their note for Asterisk's.
    pub(crate) fn is_check(&self) -> bool {
        self.mode == Mode::Check && !self.are_remote
    }

    /// `mode=hours`: tell the dialplan whether the house is open, instead of answering a call.
    pub(crate) fn is_hours(&self) -> bool {
        self.mode == Mode::Hours
    }

    /// `mode=disclose`: tell the caller what they talk with, instead of answering a call.
    pub(crate) fn is_disclosure(&self) -> bool {
        self.mode == Mode::Disclose
    }

    /// Whether they may name no more than a persona and the encoding. No limit of calls counts a disclosure, and each voice
    /// and loudness that a client of the port of FastAGI could name would be paid for once more.
    fn are_narrow(&self) -> bool {
        self.is_disclosure() && self.are_remote
    }

    /// `mode=conversation`: a conversation of several turns, without a recording.
    pub fn is_conversation(&self) -> bool {
        self.mode == Mode::Conversation
    }

    /// No arguments but the settings file, if one was named.
    pub fn of_file(config: Option<PathBuf>) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }

    /// The same with this persona.
    #[must_use]
    pub(crate) fn with_persona(self, persona: Option<String>) -> Self {
        Self { persona, ..self }
    }

    fn add(&mut self, name: &str, value: &str) {
        let is_secret = keys::find(name).is_some_and(|key| key.kind == Kind::Secret);
        match name {
            "recording" => self.recording = Some(value.into()),
            "reply" => self.reply = Some(value.into()),
            "config" => self.config = Some(value.into()),
            "persona" => self.persona = Some(value.to_owned()).filter(|name| !name.is_empty()),
            "mode" if value == "check" => self.mode = Mode::Check,
            "mode" if value == "hours" => self.mode = Mode::Hours,
            "mode" if value == "disclose" => self.mode = Mode::Disclose,
            "mode" if value == "conversation" => self.mode = Mode::Conversation,
            "keep" => self.settings.push((KEEP.name.to_owned(), value.to_owned())),
            _ if is_secret => self.faults.push(format!(
                "{name} cannot be an AGI argument: Asterisk logs those"
            )),
            _ => self.settings.push((name.to_owned(), value.to_owned())),
        }
    }
}

impl Layers {
    /// Lays the arguments on top, as far as the settings in `file` below them allow that.
    pub(super) fn add_arguments(&mut self, arguments: &Arguments, file: &Path) {
        let may_be_any = self.text(setting!("call.arguments")) == "all";
        // The dialplan may ask for it; a client of the port of FastAGI could fill the disk.
        let may_keep = |key: &Key| key == KEEP && !arguments.are_remote;
        let longest = if arguments.are_remote && !may_be_any {
            LONGEST_REMOTE
        } else {
            usize::MAX
        };
        for (name, value) in &arguments.settings {
            match keys::find(name) {
                Some(_) if value.len() > longest => {
                    let limit = format!(" of more than {LONGEST_REMOTE} bytes over FastAGI");
                    self.faults.push(refused(name, &limit, file));
                }
                Some(key) if !may_be_any && arguments.are_narrow() && key != ENCODING => {
                    self.faults
                        .push(refused(name, " of mode=disclose over FastAGI", file));
                }
                Some(key) if !may_be_any && !key.is_safe_argument() && !may_keep(key) => {
                    self.faults.push(refused(name, "", file));
                }
                _ => self.add_text(name, value, ARGUMENT),
            }
        }
        if arguments.are_remote && arguments.config.is_some() {
            self.faults.push(NO_FILE.to_owned());
        }
        let refusals = [
            (
                RECORDING,
                &arguments.recording,
                format!(" outside {CALLS} over FastAGI"),
            ),
            (
                REPLY,
                &arguments.reply,
                format!(" outside {CALLS}, or without {REPLY_ENDING} at its end, over FastAGI"),
            ),
        ];
        for (name, place, refusal) in refusals {
            if place
                .as_ref()
                .is_some_and(|place| !self.allows(arguments, name, place))
            {
                self.faults.push(refused(name, &refusal, file));
            }
        }
    }

    /// Whether calls may have a file there. Recordings are removed after use, and what has the name of a reply before it,
    /// so strangers must not name any but those of calls.
    fn allows(&self, arguments: &Arguments, name: &str, place: &Path) -> bool {
        let is_calls = place.parent() == Some(Path::new(CALLS));
        let is_reply = || {
            place
                .as_os_str()
                .as_encoded_bytes()
                .ends_with(REPLY_ENDING.as_bytes())
        };
        !arguments.are_remote
            || self.text(setting!("call.arguments")) == "all"
            || is_calls && (name != REPLY || is_reply())
    }

    /// The recording that the arguments name, where it is allowed; else an empty path.
    pub(super) fn recording(&self, arguments: &Arguments) -> PathBuf {
        self.allowed(arguments, RECORDING, arguments.recording.as_ref())
    }

    /// The answer's place, where it is allowed; else an empty path.
    pub(super) fn reply(&self, arguments: &Arguments) -> PathBuf {
        self.allowed(arguments, REPLY, arguments.reply.as_ref())
    }

    fn allowed(&self, arguments: &Arguments, name: &str, place: Option<&PathBuf>) -> PathBuf {
        let allowed = place.filter(|place| self.allows(arguments, name, place));
        allowed.cloned().unwrap_or_default()
    }
}

fn refused(name: &str, limit: &str, file: &Path) -> String {
    format!(
        "{name} cannot be an argument{limit}, unless {} says arguments = \"all\" under [call]",
        file.display()
    )
}

const KEEP: &Key = setting!("recording.keep");
const ENCODING: &Key = setting!("reply.format");
const RECORDING: &str = "recording=";
const REPLY: &str = "reply=";
/// The end of a reply's name in the example dialplan, which no recording has.
const REPLY_ENDING: &str = "-reply";

const NO_FILE: &str = "config= cannot be an argument over FastAGI: set PHONE_ASSISTANT_CONFIG in the unit that starts the program";

/// The longest argument over FastAGI, in bytes: it is sent with each request, and paid for.
const LONGEST_REMOTE: usize = 1000;

/// Where the example dialplan puts the files of calls, and install.sh makes the folder.
const CALLS: &str = "/var/lib/phone-assistant/calls";
