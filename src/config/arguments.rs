//! The arguments of `AGI()`: `name=value`, where the name is one of ours or a setting's.

use std::path::PathBuf;

use super::keys::{self, Kind};

/// The arguments of `AGI()`, told apart.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// `recording=`: the recording of the question.
    pub recording: Option<PathBuf>,
    /// `reply=`: the answer's place, without extension.
    pub reply: Option<PathBuf>,
    /// `config=`: the settings file.
    pub config: Option<PathBuf>,
    /// `mode=check`: look around for the doctor instead of answering a call.
    pub is_check: bool,
    /// `mode=conversation`: a talk of several turns, without a recording.
    pub is_conversation: bool,
    /// `persona=`: the persona that answers; none where it is empty, so that a dialplan may hand on a variable.
    pub persona: Option<String>,
    pub(super) settings: Vec<(String, String)>,
    pub(super) faults: Vec<String>,
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

    /// No arguments but the settings file that somebody named, if anybody did.
    pub fn of_file(config: Option<PathBuf>) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }

    fn add(&mut self, name: &str, value: &str) {
        let is_secret = keys::find(name).is_some_and(|key| key.kind == Kind::Secret);
        match name {
            "recording" => self.recording = Some(value.into()),
            "reply" => self.reply = Some(value.into()),
            "config" => self.config = Some(value.into()),
            "persona" => self.persona = Some(value.to_owned()).filter(|name| !name.is_empty()),
            "mode" if value == "check" => self.is_check = true,
            "mode" if value == "conversation" => self.is_conversation = true,
            "keep" => self
                .settings
                .push(("recording.keep".to_owned(), value.to_owned())),
            _ if is_secret => self.faults.push(format!(
                "{name} cannot be an AGI argument: Asterisk logs those"
            )),
            _ => self.settings.push((name.to_owned(), value.to_owned())),
        }
    }
}
