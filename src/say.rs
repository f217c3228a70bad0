//! From a text to samples in the configured voice, and `phone-assistant say`, which makes a sound of them.

use std::io::{Seek, Write};
use std::mem::take;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::audio::telephone::{self, Encoding, Telephone, UnknownEncoding};
use crate::audio::{duration_of, to_f32, wav};
use crate::cloud;
use crate::cloud::budget::Budget;
use crate::cloud::fallback::{Candidate, Cause};
use crate::cloud::tts::{Sound, Speech, Voice};
use crate::config::{Arguments, Config, Environment, Faults, Job};
use crate::deadline::{Clock, Deadline};
use crate::files::{self, NewFile, Readers};
use crate::hangup::Hangup;
use crate::owner;
use crate::services::{self, SetupError};
use crate::text;

/// Why a text could not be spoken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The service failed.
    #[error(transparent)]
    Service(#[from] cloud::Error),
    /// The service sent something else than the audio that was asked for.
    #[error(
        "the voice service sent no usable audio; check model, format and base_url in its table under [tts]"
    )]
    Audio(#[source] wav::Error),
    /// Two pieces of one text do not fit together.
    #[error("the voice service changed its sample rate from {0} to {1} Hz within one text")]
    Rate(u32, u32),
    /// Audio without samples.
    #[error("the voice service sent no sound; check model and voice in its table under [tts]")]
    NoSound,
    /// The sound cannot be made into telephone audio.
    #[error(transparent)]
    Telephone(#[from] telephone::Error),
    /// Far more sound than any voice makes of such a text.
    #[error("the voice service sent more than {} s of sound for a text of {chars} characters; check model and base_url in its table under [tts]", .limit.as_secs())]
    Endless {
        /// The text's length.
        chars: usize,
        /// Where listening stopped.
        limit: Duration,
    },
    /// There is nothing to say.
    #[error(
        "there is nothing in the text that a voice can say; if that happens often, change persona in [llm]"
    )]
    Nothing,
}

/// A text that is being spoken.
#[derive(Debug)]
pub(crate) struct Speaking<'a> {
    voice: &'a dyn Voice,
    /// The rate that is asked for.
    rate_hz: u16,
    /// The budget for the pieces that have not been asked for.
    rest: Budget,
    /// What the service is sending, and what of it has been read already.
    samples: wav::Reader<Sound>,
    ahead: Vec<i16>,
    chars: usize,
    /// Pieces that have not been asked for: the service takes a text of any length only in several.
    pieces: std::vec::IntoIter<String>,
}

impl<'a> Speaking<'a> {
    /// Has `text` spoken, of any length, at `rate_hz` if the voice can. Returns when the sound begins; where the voice
    /// takes the text in several pieces only, the last must begin by `deadline`.
    ///
    /// # Errors
    /// [`Error`]
    pub(crate) fn begin(
        voice: &'a dyn Voice,
        text: &str,
        rate_hz: u16,
        budget: Budget,
        deadline: Deadline,
    ) -> Result<Self, Error> {
        let pieces: Vec<_> = text::breaths(text, voice.max_chars(), LONGEST_SENTENCE)
            .into_iter()
            .map(str::to_owned)
            .collect();
        let mut pieces = pieces.into_iter();
        let piece = pieces.next().ok_or(Error::Nothing)?;
        let (samples, ahead) = begun(voice.speak(&piece, rate_hz.into(), budget)?)?;
        Ok(Self {
            voice,
            rate_hz,
            rest: Budget::new(deadline, budget.idle),
            samples,
            ahead,
            chars: piece.chars().count(),
            pieces,
        })
    }

    /// Writes telephone audio to `out` as it comes, made louder by `gain_db`. Returns how long it is.
    ///
    /// # Errors
    /// [`Error`]; what had come before it has been written.
    pub(crate) fn write<W: Write + Seek>(
        &mut self,
        out: W,
        encoding: Encoding,
        gain_db: f32,
    ) -> Result<Duration, Error> {
        let rate_hz = self.samples.rate_hz();
        let mut telephone = Telephone::new(out, rate_hz, encoding, gain_db)?;
        let mut had_sound = self.pass_on(&mut telephone)?;
        while let Some(piece) = self.pieces.next() {
            let speech = self.voice.speak(&piece, self.rate_hz.into(), self.rest)?;
            (self.samples, self.ahead) = begun(speech)?;
            self.chars = piece.chars().count();
            if self.samples.rate_hz() != rate_hz {
                return Err(Error::Rate(rate_hz, self.samples.rate_hz()));
            }
            had_sound |= self.pass_on(&mut telephone)?;
        }
        if had_sound {
            Ok(telephone.finish()?)
        } else {
            Err(Error::NoSound)
        }
    }

    /// Whether asking once more may help, if it breaks off by `error` before anything of it was heard.
    pub(crate) fn may_retry(&self, error: &Error) -> bool {
        error
            .service()
            .is_some_and(|cause| self.samples.get_ref().may_retry(cause))
    }

    /// Passes on all samples of a piece. Returns whether there was anything to hear in them.
    fn pass_on<W: Write + Seek>(&mut self, telephone: &mut Telephone<W>) -> Result<bool, Error> {
        let (mut block, mut floats, mut len_frames) = (take(&mut self.ahead), Vec::new(), 0);
        let limit =
            LONGEST_PAUSE + LONGEST_CHARACTER * u32::try_from(self.chars).unwrap_or(u32::MAX);
        let (mut goes_on, mut is_silent) = (true, true);
        while goes_on {
            if block.is_empty() {
                goes_on = self.samples.next(&mut block)?;
            }
            is_silent &= block.iter().all(|sample| *sample == 0);
            floats.clear();
            floats.extend(block.iter().copied().map(to_f32));
            telephone.push(&floats)?;
            len_frames += block.len();
            block.clear();
            if duration_of(len_frames, self.samples.rate_hz()) > limit {
                let chars = self.chars;
                return Err(Error::Endless { chars, limit });
            }
        }
        Ok(!is_silent)
    }
}

/// The samples of a sound that has begun, and the first of them: bytes that drip in are no beginning.
fn begun(speech: Speech) -> Result<(wav::Reader<Sound>, Vec<i16>), Error> {
    let mut samples = match speech.raw_rate_hz {
        Some(rate_hz) => wav::Reader::bare(speech.sound, rate_hz)?,
        None => wav::Reader::open(speech.sound)?,
    };
    let mut ahead = Vec::new();
    while duration_of(ahead.len(), samples.rate_hz()) < BEGINNING && samples.next(&mut ahead)? {}
    if ahead.is_empty() {
        return Err(Error::NoSound);
    }
    samples.get_mut().begins();
    Ok((samples, ahead))
}

impl Cause for Error {
    fn service(&self) -> Option<&cloud::Error> {
        match self {
            Self::Service(error) => Some(error),
            _ => None,
        }
    }
}

/// The reading of a sound often fails because the service did, and then the service's error is the one to report.
impl From<wav::Error> for Error {
    fn from(error: wav::Error) -> Self {
        match error {
            wav::Error::Read(cause) => match cause.downcast::<cloud::Error>() {
                Ok(service) => Self::Service(service),
                Err(cause) => Self::Audio(wav::Error::Read(cause)),
            },
            other => Self::Audio(other),
        }
    }
}

/// How much sound must have arrived before it counts as begun; the playout waits for twice as much.
const BEGINNING: Duration = Duration::from_millis(100);

/// The longest sentence in characters, with some reserve: Google's voices refuse sentences of more than about 300.
const LONGEST_SENTENCE: usize = 280;

/// A slow voice says ten characters in a second; at the slowest speed there is, and with digits to spell out, one.
const LONGEST_CHARACTER: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The time for a text of several pieces, which takes several requests; each has its own time-out as well.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// Why `phone-assistant say` failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
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
    Speak(#[from] Error),
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
/// [`CommandError`]
pub(crate) fn run(
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
    let voices = services::voices(&config, &Hangup::default()).map_err(CommandError::Setup)?;
    let (text, gain_db) = (text::speakable(text), config.tts.gain_db);
    let deadline = Deadline::after(clock(), LONGEST_WAIT, clock);
    let budget = Budget::new(deadline, config.tts.timeout);
    let begin = |candidate, budget: Budget| {
        let Candidate { provider, .. }: &Candidate<dyn Voice> = candidate;
        Speaking::begin(&**provider, &text, encoding.rate_hz(), budget, deadline)
    };
    let mut speaking = voices.ask(budget, begin)?.value;
    // Root's rights were for the keys alone.
    owner::hold(files::parent(output))?.become_for_good()?;
    let mut file = NewFile::create(output, Readers::All)?;
    let length = speaking.write(file.file(), encoding, gain_db)?;
    file.finish()?;
    Ok(length)
}
