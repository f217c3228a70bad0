//! Where an answer goes: into a file for the dialplan, or to the caller while it is made.

use std::path::{Path, absolute};
use std::time::{Duration, Instant};

use super::Outcome;
use super::supply::Supply;
use crate::audio::telephone::Encoding;
use crate::config::Config;
use crate::error::{At, Failure, Stage};
use crate::files::NewFile;

/// Why an answer was not heard, or not to its end, although the services did their work.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(
        "no whole answer within {:.1} s; check in the log which stage took so long, or raise deadline in [call]", .0.as_secs_f32()
    )]
    Late(Duration),
    #[error(
        "the answer stopped for {:.1} s; check in the log which stage took so long, or raise idle_timeout in [call]", .0.as_secs_f32()
    )]
    Stopped(Duration),
    #[error(
        "asterisk cannot play {0}; may its user read the folder? With play = \"dialplan\" in [reply] the dialplan plays it"
    )]
    Unplayable(String),
}

/// Where the answer goes.
pub(super) enum Mouth {
    /// To the dialplan, when it is whole.
    Dialplan(NewFile),
    /// To the caller, while it is made.
    Caller(Playing),
}

/// A file that Asterisk plays while it grows.
pub(super) struct Playing {
    pub(super) file: NewFile,
    /// What Asterisk calls it: its path without extension.
    pub(super) name: String,
    pub(super) supply: Supply,
    pub(super) encoding: Encoding,
    pub(super) samples_per_frame: u32,
}

impl Mouth {
    pub(super) fn new(config: &Config, reply: NewFile, encoding: Encoding) -> Self {
        if !config.is_streamed {
            return Self::Dialplan(reply);
        }
        Self::Caller(Playing {
            file: reply,
            name: place(&config.reply),
            supply: Supply::new(encoding),
            encoding,
            samples_per_frame: encoding.frame_samples(),
        })
    }

    /// Has the caller heard anything of it by `now`?
    pub(super) fn has_been_heard(&self, now: Instant) -> bool {
        matches!(self, Self::Caller(playing) if playing.supply.has_been_heard(now))
    }

    /// Puts a whole answer where the dialplan finds it.
    pub(super) fn close(self, reply: &Path) -> Result<Outcome, Failure> {
        match self {
            Self::Caller(_) => Ok(Outcome::Answered(None)),
            Self::Dialplan(file) => {
                file.finish().at(Stage::Reply)?;
                Ok(Outcome::Answered(Some(place(reply))))
            }
        }
    }
}

/// A path as Asterisk wants it: it looks for a relative one among its sounds.
pub(super) fn place(path: &Path) -> String {
    absolute(path)
        .unwrap_or_else(|_| path.to_owned())
        .display()
        .to_string()
}
