//! What is played of an answer or a phrase while the caller speaks: how loud it is, and its samples.
//!
//! Asterisk plays by its own clock, and the phone sends by its own. What was played when a sample came is therefore
//! reckoned by the playout's clock once, at the beginning of a play, and counted in samples from then on: an echo
//! canceller can find out a constant delay, but cannot follow a clock that jumps by a packet now and then.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use crate::audio::level::rms_dbfs;
use crate::audio::telephone::{Encoding, FRAME, frame_len};
use crate::sys::files;

/// What plays while a piece comes from the caller.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// Silence.
    Nothing,
    /// A sound of Asterisk's, whose samples are not known.
    Recording,
    /// The answer or phrase, of which this number of frames has been heard.
    Answer(u32),
}

/// What the caller hears while a piece comes from them.
#[derive(Clone, Debug)]
pub struct Heard {
    /// How loud the loudest is whose echo may come back now, in dB of full scale.
    pub loudest_dbfs: f32,
    /// Its samples; fewer than came are followed by silence. `None`: it is not known what is heard.
    pub samples: Option<Vec<f32>>,
    /// Whether they no longer follow those before.
    pub is_anew: bool,
}

impl Heard {
    /// Whether nothing is heard, nor may the echo of anything come back.
    pub(crate) fn is_silence(&self) -> bool {
        self.samples.as_ref().is_some_and(Vec::is_empty) && self.loudest_dbfs <= SILENT_DBFS
    }
}

/// An answer on its way into the file that Asterisk plays, or a phrase.
#[derive(Debug)]
pub struct Reply {
    encoding: Encoding,
    /// All of it, encoded: what is played is far before what has been made, also after an answer is taken up again.
    /// `llm.max_answer_chars` bounds it: 1000 characters are about 70 s, or 2.3 MB of wideband sound.
    bytes: Vec<u8>,
    /// How loud each frame is, in dB of full scale.
    levels_dbfs: Vec<f32>,
    /// How loud what was heard with each of the last frames was.
    recent_dbfs: VecDeque<f32>,
    /// The frame that was heard last.
    heard: usize,
    /// Where the play under way is; `None`: nothing of the answer plays.
    cursor: Option<Cursor>,
}

/// A place in the answer, in samples of the caller's rate.
#[derive(Debug)]
struct Cursor {
    next: usize,
    /// For how many pieces in a row the playout's clock has told otherwise.
    off: usize,
}

impl Reply {
    /// Makes an answer of which nothing has come yet.
    pub fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            bytes: Vec::new(),
            levels_dbfs: Vec::new(),
            recent_dbfs: VecDeque::new(),
            heard: 0,
            cursor: None,
        }
    }

    /// Takes in a phrase that is kept at this place, without extension. `None`: it cannot be read, or is too long for one.
    pub(crate) fn of_phrase(place: &Path, encoding: Encoding) -> Option<Self> {
        let place = files::append(place, &format!(".{encoding}"));
        let frames = LONGEST_PHRASE.as_millis() / FRAME.as_millis();
        let most = usize::try_from(frames).ok()? * encoding.frame_bytes();
        let bytes = files::read(&place, u64::try_from(most).ok()?).ok()?;
        let mut phrase = Self::new(encoding);
        phrase.append(&bytes);
        Some(phrase)
    }

    /// Takes in what is appended to the file.
    pub fn append(&mut self, bytes: &[u8]) {
        let frames = bytes.chunks(self.encoding.frame_bytes());
        self.levels_dbfs
            .extend(frames.map(|frame| rms_dbfs(&self.encoding.samples(frame))));
        self.bytes.extend_from_slice(bytes);
    }

    /// How loud each frame is, in dB of full scale.
    pub(crate) fn levels_dbfs(&self) -> &[f32] {
        &self.levels_dbfs
    }

    /// What the caller hears of `source` while `len` samples at `rate_hz` come from them.
    pub fn heard(&mut self, source: Source, len: usize, rate_hz: u32) -> Heard {
        if !matches!(source, Source::Answer(_)) {
            self.cursor = None;
        }
        let (now_dbfs, samples, is_anew) = match source {
            Source::Nothing => (SILENT_DBFS, Some(Vec::new()), false),
            Source::Recording => (USUAL_DBFS, None, false),
            Source::Answer(frames) => {
                let heard = usize::try_from(frames).unwrap_or(usize::MAX);
                let is_anew = self.advance(heard, len, rate_hz);
                (self.loudest(heard), self.play(len, rate_hz), is_anew)
            }
        };
        // An echo comes later than its sound, so what guards against it is the loudest that may still be on its way.
        let frames = len.div_ceil(frame_len(rate_hz)).max(1);
        self.recent_dbfs
            .extend(std::iter::repeat_n(now_dbfs, frames));
        let surplus = self.recent_dbfs.len().saturating_sub(ECHO_FRAMES);
        self.recent_dbfs.drain(..surplus);
        Heard {
            loudest_dbfs: self.recent_dbfs.iter().copied().fold(SILENT_DBFS, f32::max),
            samples,
            is_anew,
        }
    }

    /// The loudest of the frames that may be heard now.
    fn loudest(&mut self, heard: usize) -> f32 {
        let end = heard
            .saturating_add(AHEAD_FRAMES)
            .min(self.levels_dbfs.len());
        let start = std::mem::replace(&mut self.heard, heard).min(heard);
        let levels = self.levels_dbfs.get(start..end).unwrap_or_default();
        levels.iter().copied().fold(SILENT_DBFS, f32::max)
    }

    /// Sets the cursor to what is played with a piece that has just come, if it is not there. Returns whether it was
    /// not.
    fn advance(&mut self, heard: usize, len: usize, rate_hz: u32) -> bool {
        let frame = frame_len(rate_hz);
        let expected =
            (heard.saturating_add(AHEAD_FRAMES).saturating_mul(frame)).saturating_sub(len);
        if let Some(cursor) = &mut self.cursor {
            let is_off = cursor.next.abs_diff(expected) > MAX_OFF_FRAMES * frame;
            cursor.off = if is_off { cursor.off + 1 } else { 0 };
            if cursor.off < LOST_PIECES {
                return false;
            }
        }
        self.cursor = Some(Cursor {
            next: expected,
            off: 0,
        });
        true
    }

    /// The next `len` samples at the cursor, unless the answer begins within them; silence behind the end.
    fn play(&mut self, len: usize, rate_hz: u32) -> Option<Vec<f32>> {
        let cursor = self.cursor.as_mut()?;
        let from = cursor.next;
        cursor.next += len;
        match u32::from(self.encoding.rate_hz()).cmp(&rate_hz) {
            Ordering::Greater => {
                // Each sample takes seven at double the rate: three before it, itself, and three behind.
                let fine = self.decoded((2 * from).checked_sub(3)?, 2 * len + 5)?;
                Some(fine.windows(7).step_by(2).map(halved).collect())
            }
            Ordering::Less => {
                // The cubic takes one sample before the place and two behind it.
                let coarse = self.decoded((from / 2).checked_sub(1)?, len / 2 + 5)?;
                let fine = coarse.windows(4).flat_map(|four| [four[1], between(four)]);
                Some(fine.skip(from % 2).take(len).collect())
            }
            Ordering::Equal => self.decoded(from, len),
        }
    }

    /// Samples of the answer at its own rate, with silence behind its end.
    fn decoded(&self, from: usize, len: usize) -> Option<Vec<f32>> {
        let samples_per_frame = usize::try_from(self.encoding.frame_samples()).ok()?;
        let bytes_each = self.encoding.frame_bytes() / samples_per_frame;
        let start = (from * bytes_each).min(self.bytes.len());
        let end = (start + len * bytes_each).min(self.bytes.len());
        let mut samples = self.encoding.samples(&self.bytes[start..end]);
        samples.resize(len, 0.0);
        Some(samples)
    }
}

/// The sample in the middle of seven, at half their rate. The weights are those of [`between`], for the opposite.
fn halved(seven: &[f32]) -> f32 {
    (16.0 * seven[3] + 9.0 * (seven[2] + seven[4]) - (seven[0] + seven[6])) / 32.0
}

/// The value between the two middle samples of four, on the cubic through all.
fn between(four: &[f32]) -> f32 {
    (9.0 * (four[1] + four[2]) - (four[0] + four[3])) / 16.0
}

/// The echo of a sound comes back within this time, also over mobile networks.
pub(crate) const LATEST: Duration = Duration::from_millis(600);
/// No phrase lasts longer.
pub(crate) const LONGEST_PHRASE: Duration = Duration::from_secs(60);
/// A loud recording.
pub(crate) const USUAL_DBFS: f32 = -12.0;
const SILENT_DBFS: f32 = f32::MIN;
/// Asterisk may be 80 ms ahead of the playout's clock, or as much behind it.
const AHEAD_FRAMES: usize = 4;
/// The frames whose echo may come back.
#[expect(clippy::as_conversions, reason = "a constant of 30")]
const ECHO_FRAMES: usize = (LATEST.as_millis() / FRAME.as_millis()) as usize;
/// When pieces come late, the clock runs ahead of the cursor until the rest has come. When packets were lost, it stays
/// ahead.
const MAX_OFF_FRAMES: usize = 3;
const LOST_PIECES: usize = 25;

#[cfg(test)]
mod tests;
