//! An answer that is interrupted, and is taken up again where that was for nothing.

use std::time::{Duration, Instant};

use super::{Answered, Answering, GRACE};
use crate::audio::Pcm;
use crate::audio::speech::turn::Change;
use crate::call::event::Event;
use crate::call::line::Sound;
use crate::call::phase::Act;
use crate::call::turn::Scene;

impl Answering {
    /// The caller has begun to speak. What they say tells whether that ends the answer.
    pub(super) fn interrupt(&mut self, scene: &Scene, now: Instant) {
        if self.may_be_stopped(scene) && self.heeds_voices() {
            self.interrupted = Some(now);
            self.pausing = None;
            self.finish(Ok(Answered::Interrupted));
        }
    }

    /// Whether a voice interrupts the answer. A noise or an "okay" that comes again and again would have each of its
    /// beginnings transcribed, and none of the answer heard.
    pub(super) fn heeds_voices(&self) -> bool {
        let is_trusted = self.for_nothing < MAX_FOR_NOTHING && self.followed < MAX_FOLLOWED;
        self.hears_voices() && is_trusted
    }

    /// Whether what is said now is of interest: also where no voice is to stop an answer, before anything of it is heard,
    /// but not into a filler, which may come back.
    pub(super) fn hears_voices(&self) -> bool {
        self.settings.barge_in || !self.playout.has_begun() && self.sounding.is_none()
    }

    /// Keeps what is said into an answer that heeds voices no more, or not yet: it is listened to after this answer.
    pub(super) fn keep_unheeded(&self, changes: &[Change], scene: &mut Scene) {
        let is_heeded = self.heeds_voices() && self.may_be_stopped(scene);
        if is_heeded || !changes.contains(&Change::EndOfTurn) {
            return;
        }
        scene.keep_said();
        // A background goes on and on, and all that is kept is paid for. The last turn may be a long question.
        let length = |said: &[Pcm]| said.iter().map(Pcm::duration).sum::<Duration>();
        while scene.said.len() > 1 && length(&scene.said) > MOST_KEPT {
            scene.said.remove(0);
        }
    }

    /// Whether the caller has just been asked something, at `now`.
    pub(in crate::call) fn has_just_asked(&self, scene: &Scene, now: Instant) -> bool {
        let (at, all) = self.playout.heard_of(now);
        scene.turn.spoken.has_just_asked(at, all)
    }

    /// Whether the caller has heard that they are to wait.
    pub(in crate::call) fn has_told_to_wait(&self) -> bool {
        self.filler.has_told_to_wait()
    }

    /// What is to be done so that an answer which was interrupted is not heard.
    pub(super) fn fall_silent(&mut self, now: Instant) -> Option<Act> {
        self.interrupted.or(self.pausing)?;
        let sounding = self.sounding.take()?;
        if sounding == Sound::Answer {
            self.playout.stop(now);
        }
        Some(Act::Stop)
    }

    /// Pauses the answer at the first sign of a caller who `may_interrupt`, and goes on where that was none.
    // An answer that is silent at once is worth a short pause now and then, since what interrupts can be taken back.
    pub(super) fn hesitate(&mut self, may_interrupt: bool, scene: &Scene, now: Instant) {
        let is_playing = self.sounding == Some(Sound::Answer) && self.may_be_stopped(scene);
        let is_doubted = scene.may_be_in_turn() && !scene.is_in_turn();
        if let Some(end) = self.pausing.as_mut().filter(|_| is_doubted) {
            // It would go on for a moment, and stop again.
            *end = (*end).max(now + NEXT_PACKET);
        } else if self.pausing.is_some_and(|end| end <= now) && !may_interrupt {
            self.pausing = None;
            let (at, _) = self.playout.heard_of(now);
            let from = self.quietest_place(at.saturating_sub(REPEATED_FRAMES), at);
            self.playout.go_back_to(from);
            self.due = now + self.settings.idle + GRACE;
            self.filler.silence_begins(now);
        } else if may_interrupt && is_playing && self.pauses < MAX_PAUSES {
            self.pausing = Some(now + PAUSE);
            self.pauses += 1;
        }
    }

    /// Goes on at `now`, at the beginning of the sentence that was cut. Where the caller only showed that they follow,
    /// it had words, and the next interruption is not mistrusted for it.
    pub(in crate::call) fn take_up(&mut self, had_words: bool, scene: &mut Scene, now: Instant) {
        let Some(interrupted) = self.interrupted.take() else {
            return;
        };
        self.outcome = None;
        self.tell_of_pin(scene);
        self.for_nothing += u32::from(!had_words);
        self.followed += u32::from(had_words);
        let (at, all) = self.playout.heard_of(now);
        let (from, unsure) = scene.turn.spoken.sentence_at(at, all);
        let from = self.quietest_place(from.saturating_sub(unsure), (from + unsure).min(at));
        self.playout.go_back_to(from);
        self.due = if self.playout.has_begun() {
            now + self.settings.idle + GRACE
        } else {
            self.due + now.saturating_duration_since(interrupted)
        };
        self.filler.silence_begins(now);
    }

    /// Takes in at `now` what has come of an answer of which no more is paid for.
    pub(in crate::call) fn end_with_what_came(
        &mut self,
        events: impl Iterator<Item = Event>,
        scene: &mut Scene,
        now: Instant,
    ) {
        for event in events {
            // A request that has not begun is not made.
            if !matches!(event, Event::Begins(..) | Event::Calls(..)) {
                self.take(event, scene, now);
            }
        }
        self.end_with(Ok(()));
    }

    /// The frame between these two around which the answer is quietest: a place between two sentences, or two words.
    fn quietest_place(&self, first: u32, last: u32) -> u32 {
        let levels = self.played.levels_dbfs();
        let loudness = |frame: &u32| {
            let middle = usize::try_from(*frame).unwrap_or(usize::MAX);
            let end = middle.saturating_add(PLACE_FRAMES).min(levels.len());
            let around = levels.get(middle.saturating_sub(PLACE_FRAMES)..end);
            around
                .unwrap_or_default()
                .iter()
                .copied()
                .fold(f32::MIN, f32::max)
        };
        let quietest = |a: &u32, b: &u32| f32::total_cmp(&loudness(a), &loudness(b));
        (first..=last).min_by(quietest).unwrap_or(first)
    }
}

/// After as many interruptions without words an answer is heard to its end, unless a key stops it.
const MAX_FOR_NOTHING: u32 = 3;
/// The same after as many signs that the caller follows, which people give more often.
const MAX_FOLLOWED: u32 = 8;

/// What is kept of what is said into such an answer, where that is more than one turn.
const MOST_KEPT: Duration = Duration::from_secs(10);

/// A voice is proved within this time after its first sign.
const PAUSE: Duration = Duration::from_millis(350);

/// By then the caller's next packet tells whether it is still doubted that they speak.
const NEXT_PACKET: Duration = Duration::from_millis(100);

/// As often an answer pauses for nothing.
const MAX_PAUSES: u32 = 2;

/// What is heard once more after a pause, at most, so that it goes on between two words: half a second.
const REPEATED_FRAMES: u32 = 25;

/// What is looked at on both sides of a place, in frames: 80 ms.
const PLACE_FRAMES: usize = 4;

#[cfg(test)]
pub(super) mod tests;
