//! `phone-assistant say`: makes a sound file of a text, in the configured voice.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::audio::telephone::{Encoding, UnknownEncoding};
use crate::cloud::budget::Budget;
use crate::config::{Arguments, Config, Environment, Faults, Needs};
use crate::services::{self, SetupError};
use crate::spending::bill::Billing;
use crate::sys::deadline::{Clock, Deadline};
use crate::sys::files::{self, NewFile, Readers};
use crate::sys::hangup::Hangup;
use crate::sys::owner;
use crate::text;
use crate::voice::{self, Loudness, Speaker};

/// Why `phone-assistant say` failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The output's name does not say what to make.
    #[error("cannot tell what to make of {path}")]
    Format {
        /// The output.
        path: PathBuf,
        /// Why.
        source: UnknownEncoding,
    },
    /// The settings are not right.
    #[error("the settings are not right")]
    Config(#[from] Faults),
    /// No voice can be asked at all.
    #[error("the voice cannot be set up")]
    Setup(#[source] SetupError),
    /// The text could not be spoken.
    #[error(transparent)]
    Speak(#[from] voice::Error),
    /// Root cannot write it as the user whose folder it is for.
    #[error(transparent)]
    User(#[from] owner::Error),
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] files::Error),
}

/// Speaks `text` into the sound file `output`, whose extension names the format. Returns how long it is.
///
/// # Errors
/// [`Error`]
pub(crate) fn run(
    text: &str,
    output: &Path,
    config: Option<PathBuf>,
    environment: Environment<'_>,
    clock: Clock,
) -> Result<Duration, Error> {
    let extension = output
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    let encoding: Encoding = extension.parse().map_err(|source| Error::Format {
        path: output.to_owned(),
        source,
    })?;
    let config = Config::load(Needs::Voice, &Arguments::of_file(config), environment)?;
    let hangup = Hangup::default();
    let voices = services::voices(&config, &hangup).map_err(Error::Setup)?;
    let text = text::speakable(text);
    let deadline = Deadline::after(clock(), voice::MAX_WAIT, clock);
    let budget = Budget::new(deadline, config.tts.timeout);
    let speaker = Speaker {
        billing: Billing::default(),
        encoding,
        loudness: Loudness::new(&config.tts, &config.state_folder),
        is_streamed: false,
        hangup: hangup.clone(),
        language: None,
    };
    let begin = |candidate, share: Budget| speaker.begin(candidate, &text, share, deadline);
    let mut speaking = voices.ask(budget, begin)?.value;
    // Root's rights were for the keys alone.
    owner::hold(files::parent(output))?.become_for_good()?;
    let mut file = NewFile::create(output, Readers::All)?;
    let length = speaking.write(file.file(), voice::FIRST_LEAD)?;
    file.finish()?;
    Ok(length)
}
