//! From a text to samples in the configured voice, and `phone-assistant say`, which makes a sound of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::audio::telephone::{self, Encoding, UnknownEncoding};
use crate::audio::{Pcm, wav};
use crate::cloud;
use crate::cloud::http::{Client, SetupError};
use crate::cloud::tts::openai::{LONGEST, Voice};
use crate::config::{Arguments, Config, Environment, Faults, Job};
use crate::deadline::{Clock, Deadline};
use crate::files::{self, NewFile, Readers};
use crate::hangup::Hangup;
use crate::text;

/// Why a text could not be spoken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The service did not do it.
    #[error(transparent)]
    Service(#[from] cloud::Error),
    /// The service sent something else than the audio that was asked for.
    #[error(
        "the voice service sent no usable audio; check model, format and base_url in [tts.openai]"
    )]
    Audio(#[from] wav::Error),
    /// Two pieces of one text do not fit together.
    #[error("the voice service changed its sample rate from {0} to {1} Hz within one text")]
    Rate(u32, u32),
    /// Audio without samples.
    #[error("the voice service sent no sound; check model and voice in [tts.openai]")]
    NoSound,
    /// There is nothing to say.
    #[error(
        "there is nothing in the text that a voice can say; if that happens often, change persona in [llm]"
    )]
    Nothing,
}

/// Speaks `text`, however long it is, in as many requests as that takes.
///
/// # Errors
/// [`Error`]
pub fn speak(voice: &Voice, text: &str, deadline: Deadline) -> Result<Pcm, Error> {
    let mut whole: Option<Pcm> = None;
    for piece in text::chunks(text, LONGEST) {
        let speech = voice.speak(piece, deadline)?;
        let pcm = match speech.raw_rate_hz {
            Some(rate_hz) => wav::raw(&speech.bytes, rate_hz)?,
            None => wav::read(&speech.bytes[..], LONGEST_SPEECH)?,
        };
        match &mut whole {
            None => whole = Some(pcm),
            Some(whole) if whole.rate_hz == pcm.rate_hz => whole.samples.extend(pcm.samples),
            Some(whole) => return Err(Error::Rate(whole.rate_hz, pcm.rate_hz)),
        }
    }
    match whole {
        Some(pcm) if pcm.samples.is_empty() => Err(Error::NoSound),
        whole => whole.ok_or(Error::Nothing),
    }
}

/// A text of several pieces takes several requests; each has its own time-out as well.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// More than the longest text takes.
const LONGEST_SPEECH: Duration = Duration::from_secs(1200);

/// Why `phone-assistant say` failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The output's name does not say what to make.
    #[error("cannot tell what to make of {path}")]
    Format {
        /// The output.
        path: PathBuf,
        /// Why.
        source: UnknownEncoding,
    },
    /// The settings.
    #[error("the settings are not right")]
    Config(#[from] Faults),
    /// The network's settings.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// No samples.
    #[error(transparent)]
    Speak(#[from] Error),
    /// Samples of a strange rate.
    #[error(transparent)]
    Encode(#[from] telephone::Error),
    /// No file.
    #[error(transparent)]
    Write(#[from] files::Error),
}

/// Speaks `text` into the sound file `output`, whose extension names the format. Returns how long it is.
///
/// # Errors
/// [`CommandError`]
pub fn run(
    text: &str,
    output: &Path,
    config: Option<PathBuf>,
    environment: Environment<'_>,
    clock: Clock,
) -> Result<Duration, CommandError> {
    let extension = output
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    let encoding: Encoding = extension.parse().map_err(|source| CommandError::Format {
        path: output.to_owned(),
        source,
    })?;
    let config = Config::load(Job::Say, &Arguments::of_file(config), environment)?;
    let client = Client::new(&config.http, &Hangup::default(), config.log_words)?;
    let gain_db = config.tts.gain_db;
    let pcm = speak(
        &Voice::new(client, config.tts),
        &text::speakable(text),
        Deadline::after(clock(), LONGEST_WAIT, clock),
    )?;
    let mut file = NewFile::create(output, Readers::All)?;
    file.write_all(&telephone::encode(&pcm, encoding, gain_db)?)?;
    file.finish()?;
    Ok(pcm.duration())
}
