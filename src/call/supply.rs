//! How much of an answer that is still being made is given to Asterisk, and when.
//!
//! Asterisk plays a file that grows, as long as the writer stays ahead; at the file's end the play is over for good. What has been
//! appended cannot be taken back, so no more is appended than is needed to stay ahead, and each time up to the
//! quietest place at hand: if the voice stalls, the sound runs out there. While a play runs out nothing is
//! appended, so that its end is known to the sample, and the next play begins exactly there.
//!
//! Nothing here reads a clock, writes a file or talks to Asterisk.

use std::time::{Duration, Instant};

use crate::audio::telephone::{Encoding, FRAME};

/// Encoded sound between the voice and Asterisk.
#[derive(Debug)]
pub(super) struct Supply {
    encoding: Encoding,
    /// What has come from the voice and has not been appended.
    held: Vec<u8>,
    /// No more will come.
    is_complete: bool,
    /// Frames in the file, and how many of them have been heard.
    appended: u32,
    heard: u32,
    play: Option<Play>,
    /// Was the caller left waiting in the middle?
    has_paused: bool,
    /// The file takes no more.
    is_abandoned: bool,
}

/// One play of the file, from `from` on.
#[derive(Debug)]
struct Play {
    began: Instant,
    from: u32,
    /// The file's length before the last time something was appended.
    before_last: u32,
    /// The most that there has been in store.
    most: Duration,
    /// Nothing is appended any more.
    runs_out: bool,
}

impl Supply {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            held: Vec::new(),
            is_complete: false,
            appended: 0,
            heard: 0,
            play: None,
            has_paused: false,
            is_abandoned: false,
        }
    }

    /// Takes in what the voice has sent.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// No more will come. What is less than a frame is left out: only a broken sound ends so.
    pub(super) fn complete(&mut self) {
        self.is_complete = true;
        let whole = self.held.len() / self.encoding.frame_bytes() * self.encoding.frame_bytes();
        self.held.truncate(whole);
    }

    /// Nothing more can be appended: what plays is the end.
    pub(super) fn abandon(&mut self) {
        self.is_complete = true;
        self.held.clear();
        self.is_abandoned = true;
    }

    /// Is there enough to begin, or to go on after a pause?
    pub(super) fn can_begin(&self) -> bool {
        let enough = if self.has_paused { RESUME } else { START };
        let unheard = FRAME * (self.appended - self.heard + self.held_frames());
        self.play.is_none()
            && !self.is_abandoned
            && (unheard >= enough || (self.is_complete && !unheard.is_zero()))
    }

    /// Begins a play at `now`. Returns what is to be appended before, and from which frame to play.
    pub(super) fn begin(&mut self, now: Instant) -> (Vec<u8>, u32) {
        self.play = Some(Play {
            began: now,
            from: self.heard,
            before_last: self.appended,
            most: Duration::ZERO,
            runs_out: self.is_complete,
        });
        let held = self.held_frames();
        let frames = if self.is_complete {
            held
        } else {
            self.quietest(held.div_ceil(2), held)
        };
        (self.append(frames), self.heard)
    }

    /// What is to be appended at `now` to a play under way.
    pub(super) fn more(&mut self, now: Instant) -> Option<Vec<u8>> {
        let (left, held) = (self.left(now), self.held_frames());
        let in_hand = FRAME * held;
        let play = self.play.as_mut().filter(|play| !play.runs_out)?;
        play.most = play.most.max(left + in_hand);
        let is_low = left + in_hand < LOW.min(play.most / 2);
        play.runs_out = left < MARGIN || self.is_complete || (is_low && left <= ahead(in_hand));
        let frames = if left < MARGIN || held == 0 {
            return None;
        } else if self.is_complete {
            held
        } else if left > ahead(in_hand) {
            return None;
        } else if is_low {
            self.quietest(1, held)
        } else {
            self.quietest(held.div_ceil(2).max(held.saturating_sub(LATITUDE)), held)
        };
        Some(self.append(frames))
    }

    /// When [`more`](Self::more) is to be asked again if nothing comes before. `None`: not at all.
    pub(super) fn next_look(&self, now: Instant) -> Option<Instant> {
        let play = self.play.as_ref().filter(|play| !play.runs_out)?;
        let end = play.began + FRAME * (self.appended - play.from);
        let early = match self.held_frames() {
            0 => MARGIN,
            held => ahead(FRAME * held),
        };
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
        let fits = |&end: &u32| end > play.from && FRAME * (end - play.from) <= lasted;
        let at_open = frames_at_open.unwrap_or(self.appended);
        self.heard = [self.appended, play.before_last]
            .into_iter()
            .find(fits)
            .unwrap_or(at_open)
            .clamp(self.heard, self.appended);
        self.has_paused = true;
    }

    /// Has everything been heard?
    pub(super) fn is_over(&self) -> bool {
        let is_heard = self.held.is_empty() && self.heard == self.appended;
        self.is_complete && self.play.is_none() && (is_heard || self.is_abandoned)
    }

    /// Has anything been played?
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
        u32::try_from(self.held.len() / self.encoding.frame_bytes()).unwrap_or(u32::MAX)
    }

    /// The number of frames, within `least` to `most` of those held, after which the sound is quietest; the last of several.
    fn quietest(&self, least: u32, most: u32) -> u32 {
        let mut before = None;
        let frames = self.held.chunks_exact(self.encoding.frame_bytes());
        let loudness = frames.map(|frame| self.encoding.loudness(frame));
        let around: Vec<u64> = loudness
            .map(|now| now + before.replace(now).unwrap_or(now))
            .collect();
        let edge = |after: &u32| {
            let at = usize::try_from(*after).unwrap_or(usize::MAX);
            let last = around.last().copied().unwrap_or_default();
            around.get(at).copied().unwrap_or(last)
        };
        (least..=most).rev().min_by_key(edge).unwrap_or(most)
    }

    /// Takes so many of the frames that are held.
    fn append(&mut self, frames: u32) -> Vec<u8> {
        let len = usize::try_from(frames).unwrap_or(usize::MAX) * self.encoding.frame_bytes();
        if let Some(play) = &mut self.play {
            play.before_last = self.appended;
        }
        self.appended += frames;
        self.held.drain(..len.min(self.held.len())).collect()
    }
}

/// How much of the file should be unheard while `in_hand` is held: as much, so that a late writer has time where there is
/// plenty, and the place to run out can still be chosen where there is little.
fn ahead(in_hand: Duration) -> Duration {
    in_hand.clamp(LEAST_AHEAD, MOST_AHEAD)
}

/// Playing begins with so much.
const START: Duration = Duration::from_millis(200);

/// After a pause: one long pause disturbs less than several short ones.
const RESUME: Duration = Duration::from_secs(1);

/// With less than that unheard, Asterisk may reach the file's end while something is being appended.
const MARGIN: Duration = Duration::from_millis(40);

const LEAST_AHEAD: Duration = Duration::from_millis(80);
const MOST_AHEAD: Duration = Duration::from_secs(1);

/// With less than that in store, and less than half of what there was, the voice is too slow: the sound runs out.
const LOW: Duration = Duration::from_millis(400);

/// Within so many frames the quietest place is looked for: two syllables.
const LATITUDE: u32 = 20;
