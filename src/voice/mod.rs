//! From a text to telephone audio in a voice that is paid for: the one way to begin it, for answers, phrases and commands.

mod kept;

use std::io::{Seek, Write};
use std::mem::take;
use std::time::Duration;

use crate::audio::telephone::{self, Encoding, Telephone};
use crate::audio::{duration_of, to_f32, wav};
use crate::cloud;
use crate::cloud::budget::Budget;
use crate::cloud::fallback::{Candidate, Cause};
use crate::cloud::tts::{Sound, Speech, Voice};
use crate::spending::bill::{self, Billing, Entry};
use crate::spending::costs::Usage;
use crate::sys::deadline::Deadline;
use crate::sys::error::Stage;
use crate::text;

pub(crate) use kept::{KeptPhrases, is_kept};

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

/// On whose bill texts are spoken, and what is made of the sound.
#[derive(Clone, Debug)]
pub(crate) struct Speaker {
    pub(crate) billing: Billing,
    pub(crate) encoding: Encoding,
    /// How much louder than the voice delivers it.
    pub(crate) gain_db: f32,
}

impl Speaker {
    /// Has `text` spoken, of any length, at the rate of the encoding if the voice can. Returns when the sound begins;
    /// where the voice takes the text in several pieces only, the last must begin by `deadline`.
    ///
    /// # Errors
    /// [`Error`]; nothing is asked for once the work is over.
    pub(crate) fn begin<'a>(
        &'a self,
        candidate: &'a Candidate<dyn Voice>,
        text: &str,
        budget: Budget,
        deadline: Deadline,
    ) -> Result<Speaking<'a>, Error> {
        let voice = &*candidate.provider;
        let pieces = text::breaths(text, voice.max_chars(), MAX_SENTENCE_CHARS);
        let pieces: Vec<_> = pieces.into_iter().map(str::to_owned).collect();
        let mut pieces = pieces.into_iter();
        let piece = pieces.next().ok_or(Error::Nothing)?;
        let chars = text.chars().count();
        let max_usage = max_usage(chars, 1);
        let entry = self
            .billing
            .begin(Stage::Tts, &candidate.endpoint, max_usage)?;
        let begin = || begun(voice.speak(&piece, self.rate_hz(), budget)?);
        let (samples, ahead) = begin().inspect_err(|error| entry.failed(error))?;
        Ok(Speaking {
            speaker: self,
            voice,
            entry,
            characters: max_usage.characters,
            deadline,
            idle: budget.idle,
            samples,
            ahead,
            piece,
            pieces,
        })
    }

    fn rate_hz(&self) -> u32 {
        self.encoding.rate_hz().into()
    }
}

/// A text that is being spoken.
#[derive(Debug)]
pub(crate) struct Speaking<'a> {
    speaker: &'a Speaker,
    voice: &'a dyn Voice,
    entry: Entry<'a>,
    /// How many the whole text has.
    characters: u64,
    /// When the last piece must begin.
    deadline: Deadline,
    idle: Duration,
    /// What the service is sending, and what of it has been read already.
    samples: wav::Reader<Sound>,
    ahead: Vec<i16>,
    /// What is being spoken.
    piece: String,
    /// Pieces that have not been asked for: the service takes a text of any length only in several.
    pieces: std::vec::IntoIter<String>,
}

impl Speaking<'_> {
    /// Writes telephone audio to `out` as it comes, and puts it on the bill once it is whole. Returns how long it is.
    ///
    /// # Errors
    /// [`Error`]; what had come before it has been written.
    pub(crate) fn write<W: Write + Seek>(&mut self, out: W) -> Result<Duration, Error> {
        let rate_hz = self.samples.rate_hz();
        let Speaker {
            encoding, gain_db, ..
        } = *self.speaker;
        let mut telephone = Telephone::new(out, rate_hz, encoding, gain_db)?;
        let mut had_sound = self.pass_on(&mut telephone)?;
        while let Some(piece) = self.pieces.next() {
            let budget = Budget::new(self.deadline, self.idle);
            let speech = self.voice.speak(&piece, self.speaker.rate_hz(), budget)?;
            (self.samples, self.ahead) = begun(speech)?;
            self.piece = piece;
            if self.samples.rate_hz() != rate_hz {
                return Err(Error::Rate(rate_hz, self.samples.rate_hz()));
            }
            had_sound |= self.pass_on(&mut telephone)?;
        }
        if !had_sound {
            return Err(Error::NoSound);
        }
        let length = telephone.finish()?;
        self.entry.used(Usage {
            characters: self.characters,
            ..bill::audio(length)
        });
        Ok(length)
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
        let chars = self.piece.chars().count();
        let limit = max_length(chars, 1);
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
                return Err(Error::Endless { chars, limit });
            }
        }
        Ok(!is_silent)
    }
}

/// The maximum usage of a voice that speaks `chars` characters in `texts` texts. Some voices are paid by the minute.
pub(crate) fn max_usage(chars: usize, texts: usize) -> Usage {
    Usage {
        characters: u64::try_from(chars).unwrap_or(u64::MAX),
        ..bill::audio(max_length(chars, texts))
    }
}

/// A voice that goes on for longer is given up.
fn max_length(chars: usize, texts: usize) -> Duration {
    let [chars, texts] = [chars, texts].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    MAX_PAUSE * texts + MAX_CHARACTER * chars
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

/// A slow voice says ten characters in a second; at the slowest speed there is, and with digits to spell out, one.
const MAX_CHARACTER: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// The longest sentence in characters, with some reserve: Google's voices refuse sentences of more than about 300.
const MAX_SENTENCE_CHARS: usize = 280;

/// The time for a text of several pieces, which takes several requests; each has its own time-out as well.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(600);
