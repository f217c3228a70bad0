//! From a text to telephone audio in a voice that is paid for: the one way to begin it, for answers, phrases and commands.

mod again;
mod kept;
mod loudness;

use std::io::{Seek, Write};
use std::mem::take;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::audio::decode::{self, Decoder};
use crate::audio::telephone::{self, Encoding, Telephone};
use crate::audio::{duration_of, to_i16, wav};
use crate::cloud::budget::{Budget, Retry};
use crate::cloud::fallback::Candidate;
use crate::cloud::tts::{Bare, Sound, Speech, Voice};
use crate::cloud::{self, Cause, Tokens};
use crate::config::Endpoint;
use crate::spending::bill::{self, Billing, Entry};
use crate::sys::costs::Usage;
use crate::sys::deadline::Deadline;
use crate::sys::error::Stage;
use crate::sys::hangup::Hangup;
use crate::sys::threads::{self, NoThread};
use crate::text;

use again::Again;
pub(crate) use kept::{KeptPhrases, is_kept};
pub(crate) use loudness::Loudness;

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
    Audio(#[source] decode::Error),
    /// The service sent no sound at all.
    #[error(
        "the voice service sent no usable audio: expected sound, found {0}; check model, format and base_url in its \
         table under [tts]"
    )]
    NotAudio(&'static str),
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
        "there is nothing in the text that a voice can say; {}",
        cloud::TRY_AGAIN
    )]
    Nothing,
}

/// On whose bill texts are spoken, and what is made of the sound.
#[derive(Clone, Debug)]
pub(crate) struct Speaker {
    pub(crate) billing: Billing,
    pub(crate) encoding: Encoding,
    pub(crate) loudness: Loudness,
    /// Whether the sound is heard while it is made, so that its beginning may not wait for its end.
    pub(crate) is_streamed: bool,
    /// Ends the pause before a second attempt.
    pub(crate) hangup: Hangup,
    /// The language of the texts, where it is not the settings'.
    pub(crate) language: Option<String>,
}

impl Speaker {
    /// Has `text` spoken, of any length, at the rate of the encoding if the voice can. Returns when the sound begins;
    /// where the voice takes the text in several pieces only, the last must begin by `deadline`.
    ///
    /// # Errors
    /// [`Error`]; nothing is asked for once the work is over.
    pub(crate) fn begin(
        &self,
        candidate: &Candidate<dyn Voice>,
        text: &str,
        budget: Budget,
        deadline: Deadline,
    ) -> Result<Speaking, Error> {
        let asker = Asker::new(self, candidate);
        let pieces = pieces(text, &*asker.voice).into_iter();
        let mut rest = pieces.map(str::to_owned).collect::<Vec<_>>().into_iter();
        let first = rest.next().ok_or(Error::Nothing)?;
        let since = Instant::now();
        Ok(Speaking {
            piece: asker.ask(first, budget)?,
            took: since.elapsed(),
            asker,
            later: Budget::new(deadline, budget.idle),
            again: Again::default(),
            rest,
        })
    }
}

/// The pieces in which a voice takes a text.
fn pieces<'t>(text: &'t str, voice: &dyn Voice) -> Vec<&'t str> {
    text::breaths(text, voice.max_chars(), voice.max_sentence_chars())
}

/// What asks a voice for the pieces of a text.
#[derive(Clone, Debug)]
struct Asker {
    speaker: Speaker,
    endpoint: Endpoint,
    voice: Arc<dyn Voice>,
}

impl Asker {
    fn new(speaker: &Speaker, candidate: &Candidate<dyn Voice>) -> Self {
        let (mut endpoint, mut voice) = (candidate.endpoint.clone(), candidate.provider.clone());
        if let Some(language) = &speaker.language
            && let Some(other) = voice.in_language(language)
        {
            (endpoint, voice) = (endpoint.speaking(language), other);
        }
        Self {
            speaker: speaker.clone(),
            endpoint,
            voice,
        }
    }

    /// What makes samples at `rate_hz` telephone audio.
    fn telephone<W: Write + Seek>(
        &self,
        out: W,
        rate_hz: u32,
        lead: Duration,
    ) -> Result<Telephone<W>, telephone::Error> {
        let Speaker {
            loudness, encoding, ..
        } = &self.speaker;
        let is_wide = encoding.rate_hz() > Encoding::Ulaw.rate_hz();
        let lead = if is_wide { lead.max(WIDE_LEAD) } else { lead };
        let shape = loudness.shape(&self.endpoint, lead, !self.speaker.is_streamed);
        Telephone::of_voice(out, rate_hz, *encoding, shape)
    }

    /// Puts `text` on the bill and asks for it. Returns when the sound begins.
    fn ask(&self, text: String, budget: Budget) -> Result<Piece, Error> {
        let max_usage = max_usage(&*self.voice, text.chars().count(), 1);
        let Speaker {
            billing, encoding, ..
        } = &self.speaker;
        let entry = billing.begin(Stage::Tts, &self.endpoint, max_usage)?;
        let rate_hz = encoding.rate_hz().into();
        let begin = || begun(self.voice.speak(&text, rate_hz, budget)?);
        let (sound, samples, ahead) = begin().inspect_err(|error| entry.failed(error))?;
        Ok(Piece {
            text,
            voice: self.voice.clone(),
            entry,
            sound,
            samples,
            ahead,
        })
    }
}

/// A text that is being spoken.
pub(crate) struct Speaking {
    asker: Asker,
    /// How long the voice took to begin.
    took: Duration,
    /// The budget of each piece after the first.
    later: Budget,
    again: Again,
    piece: Piece,
    /// Pieces that have not been asked for.
    rest: std::vec::IntoIter<String>,
}

impl Speaking {
    /// Writes telephone audio to `out` as it comes, and asks for each piece while the one before it is being written. Of
    /// the silence before it at most `lead` is kept. Returns how long it is.
    ///
    /// # Errors
    /// [`Error`]; what had come before it has been written.
    pub(crate) fn write<W: Write + Seek>(
        &mut self,
        out: W,
        lead: Duration,
    ) -> Result<Duration, Error> {
        let rate_hz = self.piece.samples.rate_hz();
        let mut telephone = self.asker.telephone(out, rate_hz, lead)?;
        let mut had_sound = false;
        loop {
            let (is_heard, next) = self.pass_on(&mut telephone)?;
            had_sound |= is_heard;
            let Some(next) = next else { break };
            self.piece = next;
            let next_hz = self.piece.samples.rate_hz();
            if next_hz != rate_hz {
                return Err(Error::Rate(rate_hz, next_hz));
            }
        }
        if !had_sound {
            return Err(Error::NoSound);
        }
        let written = telephone.finish()?;
        if let Some(level) = written.level {
            let Asker {
                speaker, endpoint, ..
            } = &self.asker;
            speaker.loudness.note(endpoint, level, self.took);
        }
        Ok(written.length)
    }

    /// Whether the text may be begun anew: not once a piece after the first was asked for twice. From then on none is.
    pub(crate) fn may_begin_anew(&self) -> bool {
        self.again.text()
    }

    /// Passes on the piece that is being spoken, and asks for the next. Returns whether there was anything to hear, and the
    /// next piece. An error of the one does not wait for the other.
    fn pass_on<W: Write + Seek>(
        &mut self,
        telephone: &mut Telephone<W>,
    ) -> Result<(bool, Option<Piece>), Error> {
        let Some(text) = self.rest.next() else {
            return Ok((self.piece.pass_on(telephone)?, None));
        };
        let (asker, again) = (self.asker.clone(), self.again.clone());
        let mut later = self.later;
        if again.is_of_text() {
            later.retry = Retry::Never;
        }
        let ask = move || {
            later.attempt(&asker.speaker.hangup, |budget| {
                // The piece before has broken off meanwhile, and the text is begun anew as a whole. This thread is no
                // longer waited for: the error, which no reader gets, keeps it from paying for a second try.
                if budget.retry == Retry::Second && !again.piece() {
                    return Err(cloud::Error::HungUp("nobody").into());
                }
                asker.ask(text.clone(), budget)
            })
        };
        // The thread may outlast this call: where the piece under way fails, its error is returned at once and does
        // not wait until the next piece has begun.
        let ahead = threads::spawn(ask.clone());
        let is_heard = self.piece.pass_on(telephone)?;
        let next = match ahead {
            Ok(ahead) => ahead.join().unwrap_or_else(|panic| resume_unwind(panic)),
            // Without a thread it is asked for only now.
            Err(NoThread { .. }) => ask(),
        };
        Ok((is_heard, Some(next?)))
    }
}

/// A piece of a text that is being spoken.
struct Piece {
    text: String,
    voice: Arc<dyn Voice>,
    entry: Entry,
    /// What the service is sending, the samples in it, and what of these has been read already.
    sound: Sound,
    samples: Decoder,
    ahead: Vec<f32>,
}

impl Piece {
    /// Passes on all samples, and puts them on the bill. Returns whether there was anything to hear in them. Of a sound
    /// that breaks off, or that is not heard to its end, the service may have made the rest as well.
    fn pass_on<W: Write + Seek>(&mut self, telephone: &mut Telephone<W>) -> Result<bool, Error> {
        let (rate_hz, chars) = (self.samples.rate_hz(), self.text.chars().count());
        let mut len_frames = 0;
        let passed = self.pass_on_samples(telephone, &mut len_frames);
        let came = duration_of(len_frames, rate_hz);
        let (sound, told) = match &passed {
            Ok(_) => (came, self.sound.tokens()),
            Err(error) => {
                let told = error.service().and_then(cloud::Error::tokens);
                (came.max(usual_length(chars)), told)
            }
        };
        let tokens = told.unwrap_or_else(|| self.voice.max_tokens(chars, sound));
        self.entry.used(spoken(chars, sound, tokens));
        passed
    }

    fn pass_on_samples<W: Write + Seek>(
        &mut self,
        telephone: &mut Telephone<W>,
        len_frames: &mut usize,
    ) -> Result<bool, Error> {
        let (rate_hz, chars) = (self.samples.rate_hz(), self.text.chars().count());
        let limit = max_length(chars, 1);
        let (ahead, mut is_heard) = (take(&mut self.ahead), false);
        let mut block = ahead.as_slice();
        loop {
            is_heard |= block.iter().any(|sample| to_i16(*sample) != 0);
            *len_frames += block.len();
            telephone.push(block)?;
            if duration_of(*len_frames, rate_hz) > limit {
                return Err(Error::Endless { chars, limit });
            }
            match self.samples.next_block()? {
                Some(next) => block = next,
                None => return Ok(is_heard),
            }
        }
    }
}

/// The maximum usage of a voice that speaks `text`, in as many pieces as it takes.
fn max_usage_of(text: &str, voice: &dyn Voice) -> Usage {
    max_usage(voice, text.chars().count(), pieces(text, voice).len())
}

/// The maximum usage of a voice that speaks `chars` characters in `texts` texts. Some voices are paid by the minute.
pub(crate) fn max_usage(voice: &dyn Voice, chars: usize, texts: usize) -> Usage {
    let sound = max_length(chars, texts);
    let tokens = (0..texts).fold(voice.max_tokens(chars, sound), |all, _| {
        all + voice.max_tokens(0, Duration::ZERO)
    });
    spoken(chars, sound, tokens)
}

fn spoken(chars: usize, sound: Duration, tokens: Tokens) -> Usage {
    Usage {
        characters: u64::try_from(chars).unwrap_or(u64::MAX),
        ..bill::audio(sound, tokens)
    }
}

/// The length of a text that is spoken slowly.
fn usual_length(chars: usize) -> Duration {
    SLOW_CHARACTER * u32::try_from(chars).unwrap_or(u32::MAX)
}

/// A voice that goes on for longer is given up.
fn max_length(chars: usize, texts: usize) -> Duration {
    let [chars, texts] = [chars, texts].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    MAX_PAUSE * texts + MAX_CHARACTER * chars
}

/// A sound that has begun, its samples, and the first of them: bytes that drip in are no beginning.
fn begun(Speech { sound, bare }: Speech) -> Result<(Sound, Decoder, Vec<f32>), Error> {
    let mut samples = match bare {
        Some(Bare { rate_hz, channels }) => {
            Decoder::open_or_bare(sound.clone(), rate_hz, channels)?
        }
        None => Decoder::open(sound.clone())?,
    };
    let mut ahead = Vec::new();
    while duration_of(ahead.len(), samples.rate_hz()) < BEGINNING {
        match samples.next_block()? {
            Some(block) => ahead.extend_from_slice(block),
            None => break,
        }
    }
    if ahead.is_empty() {
        return Err(Error::NoSound);
    }
    // From here on only a pause ends the wait. Pings, headers and bytes that drip in have not counted as a beginning,
    // because they would keep the fallback from asking the next provider.
    sound.begins();
    Ok((sound, samples, ahead))
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
impl From<decode::Error> for Error {
    fn from(error: decode::Error) -> Self {
        match error {
            decode::Error::Read(cause) => match cause.downcast::<cloud::Error>() {
                Ok(service) => Self::Service(service),
                Err(cause) => Self::Audio(decode::Error::Read(cause)),
            },
            decode::Error::Unknown(found) => Self::NotAudio(found),
            other => Self::Audio(other),
        }
    }
}

impl From<wav::Error> for Error {
    fn from(error: wav::Error) -> Self {
        decode::Error::from(error).into()
    }
}

/// The silence before the first sound of an answer, and before each later one, where it is a pause.
pub(crate) const FIRST_LEAD: Duration = Duration::from_millis(30);
pub(crate) const LATER_LEAD: Duration = Duration::from_millis(150);
/// The least of it for wideband phones. A decoder of G.722 that still knows the last sound makes a burst of one that begins
/// at once; in silence it forgets.
const WIDE_LEAD: Duration = Duration::from_millis(60);

/// How much sound must have arrived before it counts as begun; the playout waits for twice as much.
const BEGINNING: Duration = Duration::from_millis(100);

/// A slow voice says ten characters in a second; at the slowest speed there is, and with digits to spell out, one.
const MAX_CHARACTER: Duration = Duration::from_secs(1);
/// People say some 15 characters a second.
const SLOW_CHARACTER: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// The time for a text of several pieces, which takes several requests; each has its own time-out as well.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests;
