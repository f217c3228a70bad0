//! How loud the caller speaks and how loud it is around them, which tells one from the other.
//!
//! The noise floor of [`turn`](super::turn) is the level of the pauses in steady noise. A street, a television and other
//! talkers fluctuate, and are above that floor nearly always; but the person who holds the phone is louder than they are.

use std::collections::VecDeque;
use std::time::Duration;

use super::frames_last;

/// The caller's own level: that of their loud speech, in the turn under way and in the turns before it.
#[derive(Debug)]
pub(super) struct OwnLevel {
    /// In the turn under way.
    now_dbfs: f32,
    /// In the last two turns of a voice.
    before: [Option<f32>; 2],
    /// The same before the last turn ended.
    before_last: [Option<f32>; 2],
    far: [Far; FAR.len()],
}

/// How long it has been since the last sound near the caller's own level.
#[derive(Clone, Copy, Debug, Default)]
struct Far {
    /// Whether each of the last frames was near it, as one bit each.
    recent: u8,
    frames: usize,
}

impl OwnLevel {
    /// Knows nothing of the caller yet.
    pub(super) fn new() -> Self {
        Self {
            now_dbfs: f32::MIN,
            before: [None; 2],
            before_last: [None; 2],
            far: [Far::default(); FAR.len()],
        }
    }

    /// Takes in the last of these levels, as frame number `length` of a turn.
    pub(super) fn hear(&mut self, levels: &VecDeque<f32>, length: usize) {
        if length % OWN_EVERY == 1 {
            let frames = OWN_FRAMES.min(length + BEFORE_TURN);
            let recent = levels.iter().rev().take(frames).copied().collect();
            self.now_dbfs = exceeded_by(recent, OWN_SHARE, OWN_LEAST);
        }
        let level = levels.back().copied().unwrap_or(f32::MIN);
        for (far, (below_db, _)) in self.far.iter_mut().zip(FAR) {
            let is_near = level > self.now_dbfs - below_db;
            far.recent = (far.recent << 1 | u8::from(is_near)) & RECENT;
            let is_near = far.recent.count_ones() >= NEAR;
            far.frames = if is_near { 0 } else { far.frames + 1 };
        }
    }

    /// Whether what is heard now is as loud as the caller may be.
    pub(super) fn is_near(&self) -> bool {
        self.far_frames() == 0
    }

    /// For how many frames nothing has been heard that is as loud as the caller may be.
    pub(super) fn far_frames(&self) -> usize {
        self.far[0].frames
    }

    /// How long the caller has been quiet, in frames, if that is long enough for the end of a turn which ends after
    /// `quiet` where the noise is steady.
    pub(super) fn ended(&self, quiet: Duration) -> Option<usize> {
        let mut far = self.far.iter().zip(FAR);
        let ended = far.find(|(far, (_, longer))| frames_last(far.frames) >= quiet + *longer)?;
        Some(ended.0.frames)
    }

    /// What is softer than this in the turn under way is not the caller.
    pub(super) fn softest_dbfs(&self) -> f32 {
        self.now_dbfs - FAR[0].0
    }

    /// The turn has ended, and its level is remembered if it had a voice.
    pub(super) fn end(&mut self, has_voice: bool) {
        self.before_last = self.before;
        if has_voice {
            self.before = [self.before[1], Some(self.now_dbfs)];
        }
        self.forget();
    }

    /// The last turn was not the caller's.
    pub(super) fn take_back(&mut self) {
        self.before = self.before_last;
    }

    /// The turn was none.
    pub(super) fn forget(&mut self) {
        self.far = [Far::default(); FAR.len()];
    }

    /// The level in the turns before, if the call has heard its caller. It is that of the louder of two, because the
    /// other may have been something else than the caller; one who stays softer is believed at the second turn.
    pub(super) fn known_dbfs(&self) -> Option<f32> {
        let [before, last] = self.before;
        last.map(|last| before.map_or(last, |before| last.max(before)))
    }
}

/// The loudness of the place where the caller is, while they do not speak to the program.
#[derive(Debug, Default)]
pub(super) struct Background {
    levels: VecDeque<f32>,
    loud_dbfs: Option<f32>,
}

impl Background {
    /// Takes in the level of a frame in which no turn was under way, nor any about to begin.
    pub(super) fn hear(&mut self, level: f32) {
        if self.levels.len() == BACKGROUND_FRAMES {
            self.levels.pop_front();
        }
        self.levels.push_back(level);
    }

    /// Finds out anew how loud it is.
    pub(super) fn measure(&mut self) {
        if self.levels.len() >= BACKGROUND_LEAST {
            let levels = self.levels.iter().copied().collect();
            self.loud_dbfs = Some(exceeded_by(levels, LOUD_SHARE, 1));
        }
    }

    /// What its loudest sounds reach, once something has been heard of it.
    pub(super) fn loud_dbfs(&self) -> Option<f32> {
        self.loud_dbfs
    }
}

/// The level that one frame in `share` exceeds, and at least `least` of them.
fn exceeded_by(mut levels: Vec<f32>, share: usize, least: usize) -> f32 {
    let louder = (levels.len() / share).max(least);
    let at = levels.len().saturating_sub(louder + 1);
    if levels.is_empty() {
        return f32::MIN;
    }
    *levels.select_nth_unstable_by(at, f32::total_cmp).1
}

/// 4 s, in which anybody who speaks is loud once.
const OWN_FRAMES: usize = 400;
/// The own level moves slowly: every 100 ms is often enough.
const OWN_EVERY: usize = 10;
/// The frames by which a turn was noticed are the caller's.
const BEFORE_TURN: usize = 12;
/// One frame in 33 is louder than the own level, and six in a short word.
const OWN_SHARE: usize = 33;
const OWN_LEAST: usize = 6;

/// How far below the own level a sound is not the caller's, and how much longer than in steady noise it takes then to end
/// a turn: unstressed words are as far below as a television, and a caller may become softer for a sentence.
const FAR: [(f32, Duration); 2] = [
    (13.0, Duration::from_millis(500)),
    (5.0, Duration::from_millis(1800)),
];
/// As a turn goes on in noise: by 30 of 70 ms.
const RECENT: u8 = 0b111_1111;
const NEAR: u32 = 3;

/// 8 s, and at least one.
const BACKGROUND_FRAMES: usize = 800;
const BACKGROUND_LEAST: usize = 100;
const LOUD_SHARE: usize = 20;
