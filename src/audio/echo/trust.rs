//! Whether the echo that the filter foretells is the one that comes back, and how much is left once it is taken off.
//!
//! The first is told by the part of the foretold echo that is found in what came, their scalar product by the echo's
//! own energy: 1 where it is right, however loud the caller speaks meanwhile, and near 0 where the path is another.
//! The second is measured while the echo is most of what comes.

use std::collections::VecDeque;

use crate::level::rms_dbfs;

/// What is known of a filter.
#[derive(Debug)]
pub(super) struct Trust {
    /// Energies of late: what came, the echo foretold, what is left, and the scalar product of the first two.
    came: f32,
    echo: f32,
    left: f32,
    both: f32,
    /// How many blocks with an echo have been seen since it was suspended or begun.
    seen: usize,
    is_given: bool,
    has_been_given: bool,
    is_echo: bool,
    /// For each block with an echo, by how much what was left was louder than the echo foretold, in dB.
    left_db: VecDeque<f32>,
    /// How loud the echo is, also just before, and how loud it has been at most of late.
    echo_dbfs: f32,
    loudest_dbfs: f32,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            came: 0.0,
            echo: 0.0,
            left: 0.0,
            both: 0.0,
            seen: 0,
            is_given: false,
            has_been_given: false,
            is_echo: false,
            left_db: VecDeque::new(),
            echo_dbfs: SILENT_DBFS,
            loudest_dbfs: SILENT_DBFS,
        }
    }
}

impl Trust {
    /// Takes in a block: what came, the echo foretold, and what was left.
    pub(super) fn see(&mut self, came: &[f32], echo: &[f32], left: &[f32]) {
        let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let level = level_dbfs(echo);
        self.echo_dbfs = level.max(self.echo_dbfs - FADES_DB);
        // Beside so soft an echo noise would decide, so the block counts neither for trust nor against it.
        if level < AUDIBLE_DBFS {
            return;
        }
        self.loudest_dbfs = level.max(self.loudest_dbfs - FORGOTTEN_DB);
        // All four decay alike, so that their ratios are those of the same 0.4 s.
        for (sum, energy) in [
            (&mut self.came, product(came, came)),
            (&mut self.echo, product(echo, echo)),
            (&mut self.left, product(left, left)),
            (&mut self.both, product(came, echo)),
        ] {
            *sum = KEPT * *sum + energy;
        }
        self.seen += 1;
        if level > self.loudest_dbfs - LOUD_DB {
            if self.left_db.len() == MAX_BLOCKS {
                self.left_db.pop_front();
            }
            // Relative to the echo, so that it holds for louder and softer parts of an answer alike.
            self.left_db.push_back(level_dbfs(left) - level);
        }
        self.judge();
    }

    fn judge(&mut self) {
        let found = self.found();
        if self.seen < ENOUGH_AGAIN {
            return;
        }
        // Two thresholds, so that trust does not come and go within a word: it is lost at 0.4 and won back at 0.7. To
        // win it at first takes longer and an echo that is really removed.
        if self.is_given {
            self.is_given = found > LOST;
        } else if self.has_been_given {
            self.is_given = found > AGAIN;
        } else if self.seen >= ENOUGH {
            self.is_given = found > AGAIN && self.left < REMOVED * self.came;
        }
        self.has_been_given |= self.is_given;
    }

    /// The part of the echo foretold that was found in what came.
    fn found(&self) -> f32 {
        self.both / self.echo.max(f32::MIN_POSITIVE)
    }

    /// How much of what came is explained by the echo foretold: a correlation of up to 1.0.
    pub(super) fn fit(&self) -> f32 {
        self.both / (self.came * self.echo).sqrt().max(f32::MIN_POSITIVE)
    }

    /// Whether there is an echo, which need not be known well.
    pub(super) fn is_likely(&self) -> bool {
        self.fit() > LIKELY
    }

    /// Judges by what has been seen since the filter was moved.
    pub(super) fn renew(&mut self, moved: Self) {
        (self.came, self.echo) = (moved.came, moved.echo);
        (self.left, self.both) = (moved.left, moved.both);
        self.seen = moved.seen;
        self.left_db = moved.left_db;
        self.judge();
    }

    /// Whether the echo is another than the one foretold.
    pub(super) fn fails(&self) -> bool {
        self.seen >= ENOUGH_AGAIN && self.found() < LOST
    }

    /// Whether the filter may follow: what is not aligned would only spoil it.
    pub(super) fn may_learn(&self) -> bool {
        self.is_given || !self.has_been_given
    }

    pub(super) fn is_given(&self) -> bool {
        self.is_given
    }

    pub(super) fn has_been_given(&self) -> bool {
        self.has_been_given
    }

    /// The filter is to be judged anew.
    pub(super) fn suspend(&mut self) {
        (self.came, self.echo, self.left, self.both) = (0.0, 0.0, 0.0, 0.0);
        self.seen = 0;
        self.left_db.clear();
        self.is_given = false;
    }

    /// Discards the latest blocks, which were the caller's own voice.
    pub(super) fn forget_latest(&mut self) {
        self.left_db.truncate(self.known());
    }

    /// How loud the echo may be now, in dB of full scale, before the filter is trusted.
    pub(super) fn echo_dbfs(&self) -> f32 {
        self.echo_dbfs + UNSURE_DB
    }

    /// Whether what is left is an echo: then none of it was the caller.
    pub(super) fn is_echo(&mut self, is_echo: bool) {
        self.is_echo = is_echo;
    }

    /// How loud what is left of the echo may be now, in dB of full scale.
    pub(super) fn left_dbfs(&self) -> f32 {
        let known = self.known();
        let all = self.left_db.len();
        let (from, to) = if self.is_echo {
            (all.saturating_sub(UNSURE_BLOCKS), all)
        } else if known < ENOUGH_AGAIN {
            (0, all)
        } else {
            (0, known)
        };
        let mut known: Vec<f32> = self.left_db.range(from..to).copied().collect();
        // The upper quartile: above most of what an echo leaves, and not moved by a single loud block, which may be the
        // caller.
        let at = known.len() * 3 / 4;
        let left = match known.get_mut(at) {
            Some(_) => *known.select_nth_unstable_by(at, f32::total_cmp).1,
            None => 0.0,
        };
        self.echo_dbfs + left + MARGIN_DB
    }

    /// How many blocks cannot be the beginning of what is about to be taken for the caller's voice.
    fn known(&self) -> usize {
        self.left_db.len().saturating_sub(UNSURE_BLOCKS)
    }
}

/// The level of the louder half.
fn level_dbfs(samples: &[f32]) -> f32 {
    let halves = samples.chunks(samples.len().div_ceil(2).max(1));
    halves.map(rms_dbfs).fold(SILENT_DBFS, f32::max)
}

const SILENT_DBFS: f32 = -120.0;
/// A foretold echo that is softer than this tells nothing: line noise and the steps of mu-law are as loud.
const AUDIBLE_DBFS: f32 = -50.0;
/// How much an echo within a room fades in a block.
const FADES_DB: f32 = 4.0;
/// What is kept of the energies from one block to the next: 0.4 s count.
const KEPT: f32 = 0.95;
const ENOUGH: usize = 25;
const ENOUGH_AGAIN: usize = 10;
/// At first the canceller has to remove 6 dB.
const REMOVED: f32 = 0.25;
/// A caller's voice is like a foretold echo to less than this.
const LIKELY: f32 = 0.2;
const AGAIN: f32 = 0.7;
const LOST: f32 = 0.4;
const MAX_BLOCKS: usize = 100;
/// What is left of an echo that is softer than its loudest by more than this is not the echo's, but the line's noise.
const LOUD_DB: f32 = 15.0;
const FORGOTTEN_DB: f32 = 0.1;
const UNSURE_BLOCKS: usize = 20;
const MARGIN_DB: f32 = 4.0;
const UNSURE_DB: f32 = 12.0;
