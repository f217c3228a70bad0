//! How much of an answer that is still being made is given to Asterisk, and when.
//!
//! Asterisk plays a file that grows, as long as the writer stays ahead; at the file's end the play is over for good.
//! What has been appended cannot be taken back, so no more is appended than is needed to stay ahead, and the last of
//! it is kept at hand: if the voice stalls, the sound runs out at the end of a sentence or at the quietest place of
//! that. While a play runs out nothing is appended, so that its end is known to the sample, and the next play begins
//! exactly there.
//!
//! Nothing here reads a clock, writes a file or talks to Asterisk.

use std::time::{Duration, Instant};

use crate::audio::telephone::{Encoding, FRAME};

/// Encoded sound between the voice and Asterisk.
#[derive(Debug)]
pub(super) struct PlayoutBuffer {
    encoding: Encoding,
    /// What has come from the voice and has not been appended.
    held: Vec<u8>,
    /// The bytes of it up to the last end of a sentence.
    sentences: usize,
    /// No more will come.
    is_complete: bool,
    /// Frames in the file, and how many of them have been heard.
    appended: u32,
    heard: u32,
    play: Option<Play>,
    /// When the first came that waits for a play to begin, and how many bytes were held then.
    refill: Option<(Instant, usize)>,
    /// The file takes no more.
    is_abandoned: bool,
    /// Plays in a row of which nothing was heard.
    fruitless: u32,
}

/// One play of the file, from `from` on.
#[derive(Debug)]
struct Play {
    began: Instant,
    from: u32,
    /// The lengths that the file has had since, one for each time something was appended.
    ends: Vec<u32>,
    /// The most that there has been in store.
    most: Duration,
    /// Nothing is appended any more.
    runs_out: bool,
}

impl PlayoutBuffer {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            held: Vec::new(),
            sentences: 0,
            is_complete: false,
            appended: 0,
            heard: 0,
            play: None,
            refill: None,
            is_abandoned: false,
            fruitless: 0,
        }
    }

    /// Takes in what the voice has sent, at `now`.
    pub(super) fn push(&mut self, bytes: &[u8], now: Instant) {
        self.held.extend_from_slice(bytes);
        if self.play.is_none() {
            self.refill.get_or_insert((now, self.held.len()));
        }
    }

    /// What has come ends with a sentence: no better place for a pause.
    pub(super) fn end_sentence(&mut self) {
        self.sentences = self.held.len();
    }

    /// No more will come. What is less than a frame is left out: only a broken sound ends so.
    pub(super) fn complete(&mut self) {
        self.is_complete = true;
        // Asterisk plays whole frames only. The rest would keep `is_over` from ever being true.
        let whole = self.held.len() / self.encoding.frame_bytes() * self.encoding.frame_bytes();
        self.held.truncate(whole);
    }

    /// What has not been appended is not worth hearing.
    pub(super) fn forget(&mut self) {
        self.held.clear();
        self.sentences = 0;
    }

    /// What was to be appended last has not been, and nothing more can be: what plays is the end.
    pub(super) fn abandon(&mut self) {
        self.is_complete = true;
        self.is_abandoned = true;
        self.held.clear();
        if let Some(play) = &mut self.play {
            play.runs_out = true;
            play.ends.pop();
            self.appended = play.ends.last().copied().unwrap_or(play.from);
        }
    }

    /// Whether there is enough at `now` to begin. After a pause that is less if the voice has become faster than speech, more if
    /// it has not: one long pause disturbs less than several short ones.
    pub(super) fn can_begin(&self, now: Instant) -> bool {
        let unheard = FRAME * (self.appended - self.heard + self.held_frames());
        let enough = if self.heard == 0 || self.is_fast(now) {
            START
        } else {
            SLOW_START
        };
        let is_whole = self.is_complete || self.sentences > 0;
        let has_enough = unheard >= enough || (is_whole && !unheard.is_zero());
        self.play.is_none() && !self.is_abandoned && has_enough
    }

    /// Whether more sound has come since the first than was spoken meanwhile.
    fn is_fast(&self, now: Instant) -> bool {
        self.refill.is_some_and(|(since, first)| {
            let frames = self.held.len().saturating_sub(first) / self.encoding.frame_bytes();
            let came = FRAME * u32::try_from(frames).unwrap_or(u32::MAX);
            // What comes in one packet comes at once, however slow the voice is. It takes several to tell.
            came >= TELLING && came > now.saturating_duration_since(since)
        })
    }

    /// Begins a play at `now`. Returns what is to be appended before, and from which frame to play.
    pub(super) fn begin(&mut self, now: Instant) -> (Vec<u8>, u32) {
        self.refill = None;
        self.play = Some(Play {
            began: now,
            from: self.heard,
            ends: Vec::new(),
            most: Duration::ZERO,
            runs_out: self.is_complete,
        });
        let held = self.held_frames();
        let frames = if self.is_complete {
            held
        } else {
            // The other half stays at hand: if the voice stalls now, the play can still run out at a good place.
            held.div_ceil(2).min(ENOUGH_FRAMES)
        };
        (self.append(frames), self.heard)
    }

    /// Asterisk is asked to play at `now`.
    pub(super) fn began(&mut self, now: Instant) {
        if let Some(play) = &mut self.play {
            play.began = now;
        }
    }

    /// Asterisk has not played anything.
    pub(super) fn refused(&mut self) {
        self.play = None;
    }

    /// What is to be appended at `now` to a play under way.
    ///
    /// All but the last 400 ms at hand may be appended early; where they end a sentence, they too. Otherwise they are kept
    /// until Asterisk needs them: then either half of them follow, or, where the voice has become too slow, they are the
    /// end of the play, up to the end of a sentence or the quietest place.
    pub(super) fn more(&mut self, now: Instant) -> Option<Vec<u8>> {
        let (left, held) = (self.left(now), self.held_frames());
        let sentences = self.frames(self.sentences);
        let kept = if sentences == held { 0 } else { LATITUDE };
        let play = self.play.as_mut().filter(|play| !play.runs_out)?;
        let in_store = left + FRAME * held;
        play.most = play.most.max(in_store);
        let is_low = in_store < LOW.min(play.most / 2);
        play.runs_out = left < MARGIN
            || self.is_complete
            || (is_low && left <= MIN_AHEAD && held > 0 && kept > 0);
        // Asterisk may be at the end of the file already. What is appended now is played or not, and then nothing
        // tells where the next play has to begin.
        let frames = if left < MARGIN {
            0
        } else if self.is_complete {
            held
        } else if left <= MAX_AHEAD && held > kept {
            // Not everything: what is appended cannot be taken back.
            (held - kept).min(ENOUGH_FRAMES)
        } else if left > MIN_AHEAD {
            0
        } else if is_low {
            if sentences > 0 {
                sentences
            } else {
                self.quietest(held)
            }
        } else {
            held.div_ceil(2)
        };
        (frames > 0).then(|| self.append(frames))
    }

    /// When [`more`](Self::more) is to be asked again if nothing comes before. `None`: not at all.
    pub(super) fn next_look(&self, now: Instant) -> Option<Instant> {
        let play = self.play.as_ref().filter(|play| !play.runs_out)?;
        let end = play.began + FRAME * (self.appended - play.from);
        let early = match self.held_frames() {
            0 => MARGIN,
            1..=LATITUDE if self.sentences < self.held.len() => MIN_AHEAD,
            _ => MAX_AHEAD,
        };
        // Not at `now`: a look that changes nothing would be repeated at once, without end.
        Some(end.checked_sub(early)?.max(now + FRAME / 4))
    }

    /// When a play that runs out should be over.
    pub(super) fn end_of_play(&self) -> Option<Instant> {
        let play = self.play.as_ref().filter(|play| play.runs_out)?;
        Some(play.began + FRAME * (self.appended - play.from))
    }

    /// The play was over at `now`; Asterisk says that the file had `frames_at_open` frames when it was opened.
    ///
    /// A play lasts as long as what it plays, or a little longer. One that was shorter had reached the end of the
    /// file just before something was appended to it.
    pub(super) fn ended(&mut self, now: Instant, frames_at_open: Option<u32>) {
        let Some(play) = self.play.take() else { return };
        let lasted = now.saturating_duration_since(play.began) + MARGIN;
        let ends = play.ends.iter().copied().chain(frames_at_open);
        // `endpos` is the length of the file when it was opened, whatever was played of it. The time until the reply
        // tells to a frame how far Asterisk came (measured with Asterisk 22).
        let fits = |&end: &u32| end > play.from && FRAME * (end - play.from) <= lasted;
        let end = ends.filter(fits).max().or(frames_at_open);
        let heard = end
            .unwrap_or(self.appended)
            .clamp(self.heard, self.appended);
        self.fruitless = if heard > self.heard {
            0
        } else {
            self.fruitless + 1
        };
        self.heard = heard;
    }

    /// Whether all that may be left unheard is the silence with which a voice ends.
    pub(super) fn is_nearly_over(&self) -> bool {
        let unheard = FRAME * (self.appended - self.heard + self.held_frames());
        self.is_complete && unheard <= TAIL
    }

    /// The play is stopped at `now`. What was appended stays in the file.
    pub(super) fn stop(&mut self, now: Instant) {
        self.heard = self.heard_of(now).0;
        (self.play, self.refill) = (None, None);
    }

    /// The next play begins at `frame`, although that has been heard.
    pub(super) fn go_back_to(&mut self, frame: u32) {
        self.heard = frame.min(self.heard);
    }

    /// Whether Asterisk ends one play after the other without a sound, as where it sees another file than the one that is
    /// written: it would do so for ever.
    pub(super) fn is_stuck(&self) -> bool {
        self.fruitless >= MAX_FRUITLESS
    }

    /// Whether the last play has ended without a sound.
    pub(super) fn was_fruitless(&self) -> bool {
        self.fruitless > 0
    }

    /// Whether everything has been heard.
    pub(super) fn is_over(&self) -> bool {
        let is_heard = self.held.is_empty() && self.heard == self.appended;
        self.is_complete && self.play.is_none() && (is_heard || self.is_abandoned)
    }

    /// Whether the caller has heard anything by `now`.
    pub(super) fn has_been_heard(&self, now: Instant) -> bool {
        let play = self.play.as_ref();
        self.heard > 0 || play.is_some_and(|play| now.saturating_duration_since(play.began) > FRAME)
    }

    /// How many frames of how many that have come have been heard by `now`.
    pub(super) fn heard_of(&self, now: Instant) -> (u32, u32) {
        let heard = self.play.as_ref().map_or(self.heard, |play| {
            let played = now.saturating_duration_since(play.began).as_millis() / FRAME.as_millis();
            let played = u32::try_from(played).unwrap_or(u32::MAX);
            play.from.saturating_add(played).min(self.appended)
        });
        (heard, self.appended + self.held_frames())
    }

    /// Whether a play has ever been begun.
    pub(super) fn has_begun(&self) -> bool {
        self.appended > 0
    }

    /// How much of the file has not been heard, as far as the clock tells.
    fn left(&self, now: Instant) -> Duration {
        self.play.as_ref().map_or(Duration::ZERO, |play| {
            (FRAME * (self.appended - play.from))
                .saturating_sub(now.saturating_duration_since(play.began))
        })
    }

    fn held_frames(&self) -> u32 {
        self.frames(self.held.len())
    }

    fn frames(&self, len_bytes: usize) -> u32 {
        u32::try_from(len_bytes / self.encoding.frame_bytes()).unwrap_or(u32::MAX)
    }

    /// The number of frames, of 1 to `most` that are held, after which the sound is quietest; the last of several.
    fn quietest(&self, most: u32) -> u32 {
        let frames = self.held.chunks_exact(self.encoding.frame_bytes());
        let loudness: Vec<u64> = frames.map(|frame| self.encoding.loudness(frame)).collect();
        let edge = |after: &u32| {
            let at = usize::try_from(*after).unwrap_or(usize::MAX);
            let before = loudness.get(at - 1).copied().unwrap_or_default();
            before + loudness.get(at).copied().unwrap_or(before)
        };
        // `min_by_key` returns the first of equals, so the latest comes first here: the later the pause, the more time
        // the voice has to catch up.
        (1..=most).rev().min_by_key(edge).unwrap_or(most)
    }

    /// Takes `frames` of the frames that are held.
    fn append(&mut self, frames: u32) -> Vec<u8> {
        let len = usize::try_from(frames).unwrap_or(usize::MAX) * self.encoding.frame_bytes();
        let len = len.min(self.held.len());
        self.appended += frames;
        self.sentences = self.sentences.saturating_sub(len);
        if let Some(play) = &mut self.play {
            play.ends.push(self.appended);
        }
        self.held.drain(..len).collect()
    }
}

/// Playing begins with this much sound.
const START: Duration = Duration::from_millis(200);

/// Going on with a slow voice begins with this much.
const SLOW_START: Duration = Duration::from_secs(1);

/// How much sound tells whether a voice is fast.
const TELLING: Duration = Duration::from_millis(100);

/// With less than that unheard, Asterisk may reach the file's end while something is being appended.
const MARGIN: Duration = Duration::from_millis(40);

/// With less than that unheard, something is to be appended soon.
const MIN_AHEAD: Duration = Duration::from_millis(100);

/// How far ahead sound is appended where there is plenty: a late writer then does no harm.
const MAX_AHEAD: Duration = Duration::from_secs(1);

/// The maximum number of frames that are appended at a time: a second.
const ENOUGH_FRAMES: u32 = 50;

/// With less than that in store, and less than half of what there was, the voice has become too slow.
const LOW: Duration = Duration::from_millis(600);

/// A part of the end that is not missed.
const TAIL: Duration = Duration::from_millis(200);

/// A play may miss what was appended a moment before it began.
const MAX_FRUITLESS: u32 = 3;

/// The number of frames within which the quietest place is looked for: two syllables.
const LATITUDE: u32 = 20;

#[cfg(test)]
mod tests;
