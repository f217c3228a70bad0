//! Takes the echo of what is played out of what comes back from the phone.
//!
//! Three steps, each only on the strength of the one before: `delay` finds when the echo comes back, `filter` learns
//! how, and `trust` measures what that removes. Until the echo has proved to be removed, samples pass through
//! unchanged. Where nothing has been played for longer than an echo lasts, they pass through at no cost.
//!
//! Both sounds come at one rate and by one clock: the sample that was being played when a sample came is handed in
//! with it. That may be wrong by a constant, as each play of Asterisk's begins at a moment that is not known exactly.

mod delay;
mod filter;
mod trust;

use self::delay::{Delay, LATEST_BLOCKS};
use self::filter::Filter;
use self::trust::Trust;
use super::{to_f32, to_i16};

/// An echo canceller for one call.
#[derive(Debug)]
pub struct Canceller {
    block: usize,
    /// What does not fill a block yet.
    near_rest: Vec<i16>,
    far_rest: Vec<f32>,
    /// The latest samples, as many as an echo may be late and the filter learns from at once.
    far: Vec<f32>,
    near: Vec<f32>,
    /// How many blocks have passed since anything was played.
    silent_blocks: usize,
    /// Until when it is not worth to look for the delay again, in blocks.
    until_look: usize,
    delay: Delay,
    path: Option<Path>,
}

/// A piece of what has come from the phone.
#[derive(Debug, PartialEq)]
pub struct Part {
    /// The samples, without echo if that is known.
    pub samples: Vec<i16>,
    /// What is known of the echo in them.
    pub echo: Echo,
}

/// What is known of an echo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Echo {
    /// Nothing: there may be any, or none.
    Unknown,
    /// There is one, which may be as loud as this in dB of full scale, or louder.
    Found(f32),
    /// It has been removed, but for what may be as loud as this in dB of full scale.
    Removed(f32),
}

/// The way of an echo through the phone.
#[derive(Debug)]
struct Path {
    filter: Filter,
    /// When the echo is strongest, and when its filter begins, in samples after it was played.
    peak: usize,
    start: usize,
    trust: Trust,
    /// Whether any of what was played can come back now.
    is_heard: bool,
    /// How many blocks in a row it has failed.
    failing: usize,
}

impl Canceller {
    /// Makes a canceller for sound at `rate_hz`, 8,000 or 16,000.
    pub fn new(rate_hz: u32) -> Self {
        let block = usize::try_from(rate_hz / BLOCKS_PER_SECOND)
            .unwrap_or(1)
            .max(1);
        Self {
            block,
            near_rest: Vec::new(),
            far_rest: Vec::new(),
            far: vec![0.0; FAR_BLOCKS * block],
            near: vec![0.0; PAST_BLOCKS * block],
            silent_blocks: FAR_BLOCKS,
            until_look: 0,
            delay: Delay::new(rate_hz),
            path: None,
        }
    }

    /// Takes in what has come from the phone and what was played meanwhile; what is missing of that was silence.
    /// Returns what is complete.
    pub fn push(&mut self, near: &[i16], far: &[f32]) -> Vec<Part> {
        self.far_rest.extend(far.iter().take(near.len()));
        // Both sides stay equally long. A shift between them would be a delay that changes, which no filter can follow.
        self.far_rest.resize(self.near_rest.len() + near.len(), 0.0);
        self.near_rest.extend_from_slice(near);
        if self.is_idle() && self.far_rest.iter().all(|sample| *sample == 0.0) {
            self.far_rest.clear();
            let samples = std::mem::take(&mut self.near_rest);
            return vec![Part {
                samples,
                echo: Echo::Unknown,
            }];
        }
        let near = std::mem::take(&mut self.near_rest);
        let far = std::mem::take(&mut self.far_rest);
        let (near_blocks, far_blocks) =
            (near.chunks_exact(self.block), far.chunks_exact(self.block));
        self.near_rest.extend_from_slice(near_blocks.remainder());
        self.far_rest.extend_from_slice(far_blocks.remainder());
        let blocks = near_blocks.zip(far_blocks);
        blocks.map(|(near, far)| self.take(near, far)).collect()
    }

    /// The clock of what is played has been set anew, and the echo is to be found again.
    pub fn realign(&mut self) {
        self.delay.forget();
        self.until_look = LOOK_EVERY;
        if let Some(path) = &mut self.path {
            path.trust.suspend();
        }
    }

    /// The latest samples were the caller's own voice.
    pub fn forget_latest(&mut self) {
        if let Some(path) = &mut self.path {
            path.trust.forget_latest();
        }
    }

    /// Whether the way of the echo is known, and nothing that was played comes back by it now.
    pub fn is_in_pause(&self) -> bool {
        let path = self.path.as_ref();
        path.is_some_and(|path| path.trust.has_been_given() && !path.is_heard)
    }

    /// Whether nothing that was played can still come back.
    fn is_idle(&self) -> bool {
        self.silent_blocks >= FAR_BLOCKS
    }

    fn take(&mut self, near: &[i16], far: &[f32]) -> Part {
        let is_silent = far.iter().all(|sample| *sample == 0.0);
        self.silent_blocks = if is_silent { self.silent_blocks + 1 } else { 0 };
        self.far.drain(..self.block);
        self.far.extend_from_slice(far);
        self.near.drain(..self.block);
        self.near.extend(near.iter().map(|sample| to_f32(*sample)));
        let rest = match &mut self.path {
            Some(path) => path.take_off(&self.far, &self.near, self.block),
            None => None,
        };
        self.compare(rest.as_deref());
        match (&self.path, rest) {
            (Some(path), Some(rest)) => Part {
                samples: rest.iter().map(|sample| to_i16(*sample)).collect(),
                echo: Echo::Removed(path.trust.left_dbfs()),
            },
            (Some(path), None) if path.is_heard && path.trust.is_likely() => Part {
                samples: near.to_vec(),
                echo: Echo::Found(path.trust.echo_dbfs()),
            },
            _ => Part {
                samples: near.to_vec(),
                echo: Echo::Unknown,
            },
        }
    }

    /// Compares what has come, or is left of it, with what was played.
    fn compare(&mut self, rest: Option<&[f32]>) {
        let near = rest.unwrap_or(&self.near[self.near.len() - self.block..]);
        self.delay
            .push(&self.far[self.far.len() - self.block..], near);
        self.until_look = self.until_look.saturating_sub(1);
        if self.until_look > 0 {
            return;
        }
        self.until_look = LOOK_EVERY;
        let found = self.delay.find();
        match (&mut self.path, found) {
            // `compare` has been given what is left after the removal. An echo that is still found in that is not the
            // caller.
            (Some(path), found) if path.trust.is_given() => path.trust.is_echo(found.is_some()),
            (_, Some(peak)) => self.aim(peak),
            (_, None) => {}
        }
        if self
            .path
            .as_ref()
            .is_some_and(|path| path.failing > GIVEN_UP)
        {
            self.path = None;
            self.realign();
        }
    }

    /// The echo is strongest at this delay.
    fn aim(&mut self, peak: usize) {
        let lead = LEAD_BLOCKS * self.block;
        match &mut self.path {
            Some(path) if path.trust.has_been_given() => {
                path.shift(peak, &self.far, &self.near, self.block);
            }
            // Still within what the filter covers, so all that it has learnt stays of use.
            Some(path) if path.peak.abs_diff(peak) < lead / 2 => path.peak = peak,
            _ => {
                let mut path = Path {
                    filter: Filter::new(self.block, PARTITIONS),
                    peak,
                    start: peak.saturating_sub(lead),
                    trust: Trust::default(),
                    is_heard: false,
                    failing: 0,
                };
                path.catch_up(&self.far, &self.near, self.block);
                self.path = Some(path);
            }
        }
    }
}

impl Path {
    /// Learns from what has come before the latest block.
    fn catch_up(&mut self, far: &[f32], near: &[f32], block: usize) {
        let blocks = near.len() / block;
        let filter = &mut self.filter;
        filter.replay(past(
            far,
            self.start + blocks * block,
            (PARTITIONS + 1) * block,
        ));
        // In the order in which they came, since the filter remembers what was played before. The latest block, 0, is
        // left to `take_off`.
        for ago in (1..blocks).rev() {
            filter.play(past(far, self.start + ago * block, 2 * block));
            let came = past(near, ago * block, block);
            let echo = filter.echo();
            let rest = difference(came, &echo);
            self.trust.see(came, &echo, &rest);
            filter.learn(&rest);
        }
    }

    /// Moves the filter, whose shape holds, to where the peak is now, and judges it there.
    fn shift(&mut self, peak: usize, far: &[f32], near: &[f32], block: usize) {
        // The peak is known to two samples, and three are too many for the upper half of the band.
        let moved = (self.start + peak).saturating_sub(self.peak);
        let judged: Vec<(usize, Trust)> = (moved.saturating_sub(NEAR_PEAK)..=moved + NEAR_PEAK)
            .filter(|start| *start <= LATEST_BLOCKS * block)
            .map(|start| (start, self.judged_at(start, far, near, block)))
            .collect();
        let best = judged
            .into_iter()
            .max_by(|(_, a), (_, b)| a.fit().total_cmp(&b.fit()));
        if let Some((start, trust)) = best {
            (self.start, self.peak) = (start, peak);
            self.trust.renew(trust);
        }
        self.filter
            .replay(past(far, self.start + block, (PARTITIONS + 1) * block));
    }

    /// How the filter does with the blocks before the latest when it begins at `start`.
    fn judged_at(&mut self, start: usize, far: &[f32], near: &[f32], block: usize) -> Trust {
        let mut trust = Trust::default();
        self.filter.replay(past(
            far,
            start + JUDGED_BLOCKS * block,
            (PARTITIONS + 1) * block,
        ));
        for ago in (1..JUDGED_BLOCKS).rev() {
            self.filter.play(past(far, start + ago * block, 2 * block));
            let (came, echo) = (past(near, ago * block, block), self.filter.echo());
            trust.see(came, &echo, &difference(came, &echo));
        }
        trust
    }

    /// What is left of the latest block without its echo, if that is trusted.
    fn take_off(&mut self, far: &[f32], near: &[f32], block: usize) -> Option<Vec<f32>> {
        self.filter.play(past(far, self.start, 2 * block));
        let heard = past(far, self.start, (PARTITIONS + 1) * block);
        self.is_heard = heard.iter().any(|sample| *sample != 0.0);
        if !self.is_heard {
            return None;
        }
        let near = past(near, 0, block);
        let echo = self.filter.echo();
        let rest = difference(near, &echo);
        self.trust.see(near, &echo, &rest);
        self.failing = if self.trust.fails() {
            self.failing + 1
        } else {
            0
        };
        // After the block has been judged: a filter that had learnt from it would fit it too well.
        if self.trust.may_learn() {
            self.filter.learn(&rest);
        }
        self.trust.is_given().then_some(rest)
    }
}

/// The `len` samples that end `ago` samples before the latest.
fn past(samples: &[f32], ago: usize, len: usize) -> &[f32] {
    let end = samples.len() - ago;
    &samples[end - len..end]
}

fn difference(samples: &[f32], others: &[f32]) -> Vec<f32> {
    let pairs = samples.iter().zip(others);
    pairs.map(|(sample, other)| sample - other).collect()
}

/// A block is 20 ms, as Asterisk's packets are: what comes is never held back.
const BLOCKS_PER_SECOND: u32 = 50;
/// The filter's length: 240 ms, of which 40 lie before the strongest part of the echo.
const PARTITIONS: usize = 12;
const LEAD_BLOCKS: usize = 2;
/// The filter learns from the last second at once.
const PAST_BLOCKS: usize = 50;
const FAR_BLOCKS: usize = LATEST_BLOCKS + PARTITIONS + 1 + PAST_BLOCKS;
/// How many samples the peak may be off, and by how many blocks a filter is judged that was moved.
const NEAR_PEAK: usize = 4;
const JUDGED_BLOCKS: usize = 25;
/// Every 40 ms is often enough to look for the delay.
const LOOK_EVERY: usize = 2;
/// Half a second of failing, and the path is another.
const GIVEN_UP: usize = 25;

#[cfg(test)]
mod tests;
