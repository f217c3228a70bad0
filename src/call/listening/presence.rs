//! Whether a caller is heard, or a background in which no words can be understood.
//!
//! A television, music on hold and people beside the caller begin turns and pause like a caller, and each transcription of
//! them is paid for. So before anybody has been understood one transcription at a time is under way; and once one has
//! come back without words, its sound is a background: then only what is louder is sent, and a turn with silence before and
//! behind it, as of a caller who waits for an answer. Nothing here reads a clock.

use std::mem::take;
use std::time::{Duration, Instant};

use crate::audio::level::rms_dbfs;
use crate::audio::{Pcm, speech, to_f32};

/// What is known of who is heard.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Presence {
    /// Whether the last transcript had words.
    is_understood: bool,
    /// Whether what was sent last had interrupted an answer or a phrase.
    pub(super) is_interruption: bool,
    background: Option<Background>,
    /// When the last turn ended, or listening began after one that was given up; and whether the one after it may be a
    /// caller's, by what was before it.
    ended_at: Option<Instant>,
    is_apart: bool,
}

/// Sound without words.
#[derive(Clone, Copy, Debug)]
struct Background {
    loudest_dbfs: f32,
    sent_at: Instant,
    /// How often it has been sent.
    times: u32,
    /// Whether the next turn is the first one after it, and may say it again.
    is_next: bool,
}

impl Presence {
    /// Takes in what was heard in `sound`, of which that is known at `now`.
    pub(super) fn heard(&mut self, has_words: bool, sound: &Pcm, now: Instant) {
        if !has_words && self.is_interruption {
            // It is taken back, and is no background yet: the caller may ask something as softly.
            return;
        }
        if has_words {
            self.is_there();
            return;
        }
        let was_understood = take(&mut self.is_understood);
        let loudest = loudest(sound);
        // A cough or a slammed door is over, and says nothing of what follows it. Nor does the "um" of a caller who has
        // been understood.
        if !is_long(sound) && (was_understood || !speech::is_sure(loudest, sound.rate_hz)) {
            return;
        }
        let new = Background {
            loudest_dbfs: f32::MIN,
            sent_at: now,
            times: 0,
            is_next: false,
        };
        let background = self.background.get_or_insert(new);
        background.loudest_dbfs = background.loudest_dbfs.max(level_dbfs(loudest));
        background.sent_at = now;
        background.times += 1;
        // The rest of the turn may have words, and so may the next one: recognizers leave out the "um" with which a caller
        // begins, and those who are not understood say it again.
        let is_first = background.times == 1;
        self.is_apart |= is_first;
        background.is_next = is_first && sound.duration() < SAID_AGAIN + 2 * speech::AROUND;
    }

    /// A caller is there for sure.
    pub(super) fn is_there(&mut self) {
        (self.is_understood, self.background) = (true, None);
    }

    /// A turn begins at `now`.
    pub(super) fn turn_begins(&mut self, now: Instant) {
        let background = self.background.as_mut();
        let is_next = background.is_some_and(|background| take(&mut background.is_next));
        self.is_apart = is_next || self.is_silent(now);
    }

    /// A turn ends at `now`.
    pub(super) fn turn_ends(&mut self, now: Instant) {
        self.ended_at = Some(now);
    }

    /// Whether no words have been understood so far, and it is not known yet whether there will be any.
    pub(super) fn is_unknown(self) -> bool {
        !self.is_understood && self.background.is_none()
    }

    /// Whether `sound` may be sent before the turn is over.
    pub(super) fn may_try(self, sound: &Pcm) -> bool {
        let Some(background) = self.background else {
            return true;
        };
        let loudest = loudest(sound);
        background.is_topped_by(loudest) && speech::is_sure(loudest, sound.rate_hz)
    }

    /// Whether `sound`, a turn that has ended at `now`, may be sent at once.
    pub(super) fn may_send(self, sound: &Pcm, now: Instant) -> bool {
        self.background.is_none_or(|background| {
            let is_late = now.saturating_duration_since(background.sent_at) >= AGAIN;
            is_late || background.is_topped_by(loudest(sound))
        })
    }

    /// Whether `sound`, a turn under way, is nothing but the background that was sent before.
    pub(super) fn is_only_background(self, sound: &Pcm) -> bool {
        let is_topped = |background: Background| background.is_topped_by(loudest(sound));
        self.is_beside_background()
            && is_long(sound)
            && self.background.is_some_and(|it| !is_topped(it))
    }

    /// Whether a turn under way may be one by what was before it.
    pub(super) fn is_beside_background(self) -> bool {
        self.background.is_some() && !self.has_second_chance()
    }

    /// The turn under way is of no interest, though it goes on.
    pub(super) fn turn_is_given_up(&mut self) {
        self.ended_at = None;
    }

    /// Listening begins at `now`, and a turn that was given up may have gone on until then.
    pub(super) fn begins(&mut self, now: Instant) {
        self.ended_at.get_or_insert(now);
    }

    /// Whether there has been silence at `now` since the last turn.
    pub(super) fn is_silent(self, now: Instant) -> bool {
        let is_silence = |end| now.saturating_duration_since(end) >= SILENCE;
        self.ended_at.is_some_and(is_silence)
    }

    /// Whether a turn that was not sent at once may be after silence.
    pub(super) fn has_second_chance(self) -> bool {
        let is_tried = |background: Background| background.times > SECOND_CHANCES;
        self.is_apart && !self.background.is_some_and(is_tried)
    }
}

impl Background {
    fn is_topped_by(self, loudest: &[i16]) -> bool {
        level_dbfs(loudest) >= self.loudest_dbfs + LOUDER_DB
    }
}

/// Whether a sound in which there are no words is too long for a cough, or the "um" of a caller.
pub(super) fn is_long(sound: &Pcm) -> bool {
    sound.duration() >= BACKGROUND + 2 * speech::AROUND
}

/// The loudest part of a sound that is as long as a short word.
fn loudest(sound: &Pcm) -> &[i16] {
    let step = usize::try_from(sound.rate_hz / STEPS_PER_SECOND).map_or(1, |len| len.max(1));
    let windows = sound.samples.windows(WORD_STEPS * step).step_by(step);
    let loudest = windows.max_by(|one, other| power(one).total_cmp(&power(other)));
    loudest.unwrap_or(&sound.samples)
}

fn power(samples: &[i16]) -> f32 {
    samples.iter().map(|sample| to_f32(*sample).powi(2)).sum()
}

fn level_dbfs(samples: &[i16]) -> f32 {
    let samples: Vec<f32> = samples.iter().copied().map(to_f32).collect();
    rms_dbfs(&samples)
}

/// Words are 300 ms long and more: `speech::is_sure` asks for as much.
const STEPS_PER_SECOND: u32 = 20;
const WORD_STEPS: usize = 6;
/// Sound of this length that is no word is no cough either.
const BACKGROUND: Duration = Duration::from_millis(1000);
/// What a caller says again at once is short, and a television talks on for longer.
const SAID_AGAIN: Duration = Duration::from_secs(2);
/// Voices of a television keep within this of their loudest word so far; a caller at the phone is louder by more.
const LOUDER_DB: f32 = 6.0;
/// A television nearly always pauses for less than this behind the quiet that ends a turn, and a caller who waits for an
/// answer for more.
const SILENCE: Duration = Duration::from_millis(1300);
/// How often such a turn is sent: a phone that rings beside the caller has silence around it as well.
const SECOND_CHANCES: u32 = 1;
/// A background that goes on is sent once in this time, for the sake of a caller who is no louder.
const AGAIN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
