//! Tells when a caller begins and ends to speak, while it happens.
//!
//! Sound comes in frames of 10 ms, from a phone that is always open. The level of each is compared with a noise floor
//! that follows the line: a tenth of the last three seconds stays below it. So a fan that starts raises the floor
//! within seconds and does not hold a turn for ever; in steady noise the floor is the level of the pauses. Sound that
//! fluctuates is told from the caller by the caller's own level, which `own` follows.
//!
//! Nothing here reads a clock: time is counted in frames.

use std::collections::VecDeque;
use std::time::Duration;

use super::own::{Background, OwnLevel};
use super::{HighPass, frame_level, frames_last, level_frame_len, noise_floor, sound};
use crate::Pcm;

/// What ends a turn.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a caller may pause within a turn.
    pub quiet: Duration,
    /// The pause after which the turn may be over, so that what has been said can already be sent. `None`: the end of
    /// the turn is waited for.
    pub pause: Option<Duration>,
    /// The maximum length of a turn, whatever is heard.
    pub longest: Duration,
}

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The caller has begun to speak.
    SpeechStart,
    /// The caller pauses, and may have ended.
    Pause,
    /// The caller goes on after a pause.
    Resume,
    /// The caller has ended, or has spoken for long enough.
    EndOfTurn,
}

/// How long a voice has to last before it begins a turn while something is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proof {
    /// As where nothing is heard.
    Usual,
    /// About as long as a short word.
    Short,
    /// Longer than a cough.
    #[default]
    Long,
    /// Twice as long.
    Longest,
}

/// Listens for one turn after the other.
#[derive(Debug)]
pub struct Endpointer {
    limits: Limits,
    rate_hz: u32,
    high_pass: Option<HighPass>,
    /// Samples that do not fill a frame yet.
    rest: Vec<i16>,
    /// The last levels.
    levels: VecDeque<f32>,
    floor_db: f32,
    /// Whether each of the last frames rose out of the noise.
    loud: VecDeque<bool>,
    /// The sound that may belong to a turn: all of one, else a little before it.
    samples: Vec<i16>,
    turn: Option<Turn>,
    until_floor: usize,
    /// Whether what is kept belongs to a turn that is over.
    has_ended: bool,
    /// For how many frames all of it is kept, because the next turn may begin with it.
    kept_for: usize,
    /// How long the caller had been quiet when they went on last, or the last turn ended, in frames.
    last_quiet: usize,
    /// How loud the echo of what the caller hears may be.
    echo_dbfs: Option<f32>,
    proof: Proof,
    /// For how many frames nothing has been heard that may come back as an echo.
    undisturbed: usize,
    own: OwnLevel,
    background: Background,
}

/// A turn under way, in frames.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    length: usize,
    quiet: usize,
    /// How long nothing as loud as the caller has been heard.
    paused: usize,
    is_pausing: bool,
    /// The quiet that ends it, where that is not the usual: until the caller goes on, and each time.
    ends_after: Option<Duration>,
    always_ends_after: Option<Duration>,
}

impl Endpointer {
    /// Listens to sound of this rate, in samples per second.
    pub fn new(rate_hz: u32, limits: Limits) -> Self {
        Self {
            limits,
            rate_hz,
            high_pass: None,
            rest: Vec::new(),
            levels: VecDeque::with_capacity(LEVELS),
            floor_db: f32::MAX,
            loud: VecDeque::with_capacity(GUARDED_FRAMES),
            samples: Vec::new(),
            turn: None,
            until_floor: 0,
            has_ended: false,
            kept_for: 0,
            last_quiet: 0,
            echo_dbfs: None,
            proof: Proof::default(),
            undisturbed: UNSURE_FRAMES,
            own: OwnLevel::new(),
            background: Background::default(),
        }
    }

    /// Takes in what was heard, of any length. `tell` is given each change, and the endpointer as it is then.
    pub fn push(&mut self, samples: &[i16], mut tell: impl FnMut(Change, &Self)) {
        let len = level_frame_len(self.rate_hz);
        self.rest.extend_from_slice(samples);
        let heard = std::mem::take(&mut self.rest);
        let frames = heard.chunks_exact(len);
        self.rest.extend_from_slice(frames.remainder());
        for frame in frames {
            if let Some(change) = self.hear(frame) {
                tell(change, self);
            }
        }
    }

    /// What has been heard of the turn under way, or of the one that has just ended, from a little before its first
    /// sound.
    pub fn heard(&self) -> Pcm {
        Pcm {
            rate_hz: self.rate_hz,
            samples: self.samples.clone(),
        }
    }

    /// How many samples [`Self::heard`] has.
    pub fn heard_len(&self) -> usize {
        self.samples.len()
    }

    /// How loud the last 20 ms were, in dB of full scale.
    pub fn level_dbfs(&self) -> f32 {
        let last = self.levels.iter().rev().take(2).copied();
        last.fold(f32::MIN, f32::max)
    }

    /// Whether a turn is under way.
    pub fn is_in_turn(&self) -> bool {
        self.turn.is_some()
    }

    /// Whether in a turn something as loud as the caller is heard at this moment.
    pub fn is_speaking(&self) -> bool {
        self.turn.is_some_and(|turn| turn.paused == 0)
    }

    /// While something is heard whose echo may be as loud as this, only what is louder and lasts begins a turn: an echo
    /// does not, nor does a cough, nor what is far softer than the caller was before. `None`: nothing is heard; the least
    /// of all levels: nothing is heard at this moment.
    pub fn guard_against(&mut self, echo_dbfs: Option<f32>) {
        self.echo_dbfs = echo_dbfs;
    }

    /// Sets how long a voice has to last before it begins a turn while something is heard.
    pub fn need_proof(&mut self, proof: Proof) {
        self.proof = proof;
    }

    /// What has been heard of late is no part of a turn.
    pub fn doubt_latest(&mut self) {
        self.loud.clear();
    }

    /// What the loudest sounds around the caller reach, in dB of full scale; the least of all levels where that is not
    /// known.
    pub fn background_dbfs(&self) -> f32 {
        self.background.loud_dbfs().unwrap_or(f32::MIN)
    }

    /// Sets the pause after which a turn may be over from now on; `None`: its end is waited for.
    pub fn pause_after(&mut self, quiet: Option<Duration>) {
        self.limits.pause = quiet;
    }

    /// Sets the quiet that ends the turn under way, if one is, until the caller goes on.
    pub fn end_after(&mut self, quiet: Duration) {
        if let Some(turn) = &mut self.turn {
            turn.ends_after = Some(quiet);
        }
    }

    /// Sets the quiet that ends the turn under way, if one is, however often the caller goes on.
    pub fn always_end_after(&mut self, quiet: Duration) {
        if let Some(turn) = &mut self.turn {
            turn.always_ends_after = Some(quiet);
        }
    }

    /// Ends the turn under way, if one is, before quiet does.
    pub fn end(&mut self) -> Option<Change> {
        self.last_quiet = self.turn.take()?.quiet;
        self.own.end(self.has_voice());
        // While the turn went on its quiet end could still be the caller. Now it is known to be the background, or an echo.
        let quiet = self.last_quiet.min(self.undisturbed);
        for level in self.levels.iter().rev().take(quiet) {
            self.background.hear(*level);
        }
        self.background.measure();
        self.has_ended = true;
        self.loud.clear();
        Some(Change::EndOfTurn)
    }

    /// How long the caller had been quiet when they went on last, or the last turn ended.
    pub fn last_quiet(&self) -> Duration {
        frames_last(self.last_quiet)
    }

    /// There were no words in the turn that has ended last, so that its level is not the caller's.
    pub fn had_no_words(&mut self) {
        self.own.take_back();
    }

    /// Gives up the turn under way: what follows is another.
    pub fn forget(&mut self) {
        self.give_up();
        self.keep_before();
    }

    /// Gives up the first `len` samples of the turn under way. The next turn begins with the others, if it begins soon.
    pub fn forget_first(&mut self, len: usize) {
        self.give_up();
        self.samples.drain(..len.min(self.samples.len()));
        self.kept_for = KEPT_FRAMES;
    }

    /// The turn under way began with these samples, which were heard before.
    pub fn began_with(&mut self, samples: &[i16]) {
        self.samples.splice(..0, samples.iter().copied());
    }

    fn give_up(&mut self) {
        self.turn = None;
        self.own.forget();
        self.loud.clear();
        self.kept_for = 0;
    }

    fn hear(&mut self, frame: &[i16]) -> Option<Change> {
        if std::mem::take(&mut self.has_ended) {
            self.samples.clear();
        }
        // Before the frame is added: the line is open for minutes, and only a turn may grow.
        if self.turn.is_none() {
            self.keep_before();
        }
        self.samples.extend_from_slice(frame);
        let level = self.level(frame);
        self.follow(level);
        self.undisturbed = if self.is_sounding() {
            0
        } else {
            self.undisturbed.saturating_add(1)
        };
        let threshold = (self.floor_db + ABOVE_FLOOR_DB).max(self.least_dbfs());
        self.loud
            .drain(..(self.loud.len() + 1).saturating_sub(LOUD_FRAMES));
        self.loud.push_back(level > threshold);
        let is_uneven = self.is_uneven();
        let Some(turn) = &mut self.turn else {
            if !self.begins() {
                self.hear_background();
                return None;
            }
            self.turn = Some(Turn::default());
            self.kept_for = 0;
            return Some(Change::SpeechStart);
        };
        turn.length += 1;
        let recent = self.loud.iter().rev().take(SPEAKING_FRAMES);
        let is_speaking = recent.filter(|loud| **loud).count() >= SPEAKING_LOUD;
        turn.quiet = if is_speaking { 0 } else { turn.quiet + 1 };
        self.own.hear(&self.levels, turn.length);
        // A television does not take back that the caller has not finished; anything takes back that they have, where it
        // is quiet else.
        let goes_on = is_speaking && self.own.is_near();
        let usual = turn.always_ends_after.unwrap_or(self.limits.quiet);
        (turn.ends_after).take_if(|quiet| goes_on || is_speaking && !is_uneven && *quiet < usual);
        let quiet = frames_last(turn.quiet);
        let ends_after = turn.ends_after.unwrap_or(usual);
        if quiet >= ends_after || frames_last(turn.length) >= self.limits.longest {
            return self.end();
        }
        if let Some(quiet) = self.own.ended(ends_after) {
            turn.quiet = quiet;
            return self.end();
        }
        self.pauses_or_goes_on(is_uneven)
    }

    /// Whether what is heard around the caller rises and falls, as a television does.
    fn is_uneven(&self) -> bool {
        let steady = FAINTEST_DBFS.max(self.floor_db + ABOVE_FLOOR_DB);
        (self.background.loud_dbfs()).is_some_and(|loud| loud > steady)
    }

    /// Whether the caller pauses within a turn, or goes on.
    fn pauses_or_goes_on(&mut self, is_uneven: bool) -> Option<Change> {
        let turn = self.turn.as_mut()?;
        let before = turn.paused;
        // Beside a television it is never quiet, but the person who holds the phone is louder.
        let far = if is_uneven { self.own.far_frames() } else { 0 };
        turn.paused = turn.quiet.max(far);
        let may_be_over = |pause| frames_last(turn.paused) >= pause;
        let change = match turn.is_pausing {
            false if self.limits.pause.is_some_and(may_be_over) => Change::Pause,
            true if turn.paused == 0 => Change::Resume,
            _ => return None,
        };
        turn.is_pausing = change == Change::Pause;
        if change == Change::Resume {
            self.last_quiet = before;
        }
        Some(change)
    }

    /// What is softer than this, in dB of full scale, is not the caller.
    fn least_dbfs(&self) -> f32 {
        // This is for the beginning of a turn. Within one, soft syllables have to count as speech too, or the turn would
        // end in the middle of a sentence.
        if self.turn.is_some() {
            return FAINTEST_DBFS;
        }
        let echo = self.echo_dbfs.unwrap_or(f32::MIN);
        let of_caller = match (self.own.known_dbfs(), self.background.loud_dbfs()) {
            (None, _) => f32::MIN,
            // Nor is what is no louder than that around the caller before the answer.
            (Some(own), _) if self.is_sounding() => {
                (self.background_dbfs()).clamp(own - INTERRUPTS_DB, own - BEGINS_DB)
            }
            (Some(own), None) => own - BEGINS_DB,
            // Where it is not as loud as that around the caller, they may have become softer, or handed the phone on.
            (Some(own), Some(loud)) => (own - BEGINS_DB).min(loud + ABOVE_BACKGROUND_DB),
        };
        echo.max(of_caller).max(FAINTEST_DBFS)
    }

    /// Whether the caller has begun to speak.
    fn begins(&self) -> bool {
        let (frames, least) = self.proof_frames();
        let recent = self.loud.iter().rev().take(frames);
        let is_proved = recent.filter(|loud| **loud).count() >= least;
        // Where it is uneven, what is softer than the caller was may be a car that passes; elsewhere it may be a whisper.
        let may_be_unvoiced =
            frames == ONSET_FRAMES && (!self.is_uneven() || self.is_as_loud_as_before());
        is_proved && (may_be_unvoiced || self.is_voiced(frames.max(SHORT_FRAMES)))
    }

    /// Whether what begins is as loud as the caller was before, if they were heard.
    fn is_as_loud_as_before(&self) -> bool {
        self.own.known_dbfs().is_none_or(|own| {
            let recent = self.levels.iter().rev().take(ONSET_FRAMES);
            let loud = recent.filter(|level| **level > own - BEGINS_DB);
            loud.count() >= ONSET_LOUD
        })
    }

    /// How many frames of how many have to be loud.
    fn proof_frames(&self) -> (usize, usize) {
        match self.echo_dbfs.map_or(Proof::Usual, |_| self.proof) {
            Proof::Usual => (ONSET_FRAMES, ONSET_LOUD),
            Proof::Short => (SHORT_FRAMES, SHORT_LOUD),
            Proof::Long => (GUARDED_FRAMES, GUARDED_LOUD),
            Proof::Longest => (2 * GUARDED_FRAMES, 2 * GUARDED_LOUD),
        }
    }

    /// Whether what is heard may be the beginning of a turn, of which it takes longer to be sure.
    pub fn may_begin(&self) -> bool {
        let around = self.background_dbfs();
        let latest = self.loud.iter().rev().zip(self.levels.iter().rev());
        let recent = latest.take(SIGN_FRAMES);
        let loud = recent
            .filter(|(loud, level)| **loud && **level > around)
            .count();
        self.turn.is_none() && loud >= SIGN_LOUD && self.is_voiced(SIGN_FRAMES)
    }

    /// Whether what was loud in the turn that has just ended is a voice: else its level is that of a cough, a slammed door
    /// or a tone.
    fn has_voice(&self) -> bool {
        let len = LEVELS * level_frame_len(self.rate_hz);
        let latest = &self.samples[self.samples.len().saturating_sub(len)..];
        let latest = Pcm {
            rate_hz: self.rate_hz,
            samples: latest.to_vec(),
        };
        super::has_voice(&latest, self.own.softest_dbfs())
    }

    /// Whether what rises out of the noise in the last `frames` is a voice. A cough is as long and as loud, but it is
    /// noise.
    fn is_voiced(&self, frames: usize) -> bool {
        let len = frames * level_frame_len(self.rate_hz);
        let recent = &self.samples[self.samples.len().saturating_sub(len)..];
        sound::voiced_share(recent, self.rate_hz) >= VOICED_SHARE
    }

    /// Outside a turn only what a turn that begins now would begin with is kept.
    fn keep_before(&mut self) {
        if self.kept_for > 0 {
            self.kept_for -= 1;
            return;
        }
        let longest = self.proof_frames().0.max(GUARDED_FRAMES);
        let most = (BEFORE_FRAMES + longest) * level_frame_len(self.rate_hz);
        self.samples
            .drain(..self.samples.len().saturating_sub(most));
    }

    fn level(&mut self, frame: &[i16]) -> f32 {
        let high_pass = self
            .high_pass
            .get_or_insert_with(|| HighPass::new(self.rate_hz, frame.first()));
        frame_level(high_pass, frame)
    }

    /// Takes in a frame of the background, unless it may be the beginning of a turn, or an echo.
    fn hear_background(&mut self) {
        let before = self.levels.len().checked_sub(UNSURE_FRAMES);
        if let Some(at) = before
            && self.undisturbed >= UNSURE_FRAMES
        {
            self.background.hear(self.levels[at]);
        }
    }

    /// Whether something is heard at this moment that may come back as an echo.
    fn is_sounding(&self) -> bool {
        self.echo_dbfs.is_some_and(|echo| echo > f32::MIN)
    }

    fn follow(&mut self, level: f32) {
        if self.levels.len() == LEVELS {
            self.levels.pop_front();
        }
        self.levels.push_back(level);
        if self.levels.len() < ENOUGH_FOR_FLOOR {
            return;
        }
        if self.until_floor > 0 {
            self.until_floor -= 1;
            return;
        }
        self.until_floor = FLOOR_EVERY;
        let from = self.levels.len().saturating_sub(FLOOR_FRAMES);
        let recent = &self.levels.make_contiguous()[from..];
        self.floor_db = noise_floor(recent, ENOUGH_FOR_FLOOR);
        self.background.measure();
    }
}

/// Four seconds, which is what the caller's own level takes.
const LEVELS: usize = 400;
/// Three seconds: longer than any caller speaks without a dip, short enough for a fan that starts.
const FLOOR_FRAMES: usize = 300;
/// The floor moves slowly: every 100 ms is often enough.
const FLOOR_EVERY: usize = 10;
/// No turn begins before this much of the line has been heard.
const ENOUGH_FOR_FLOOR: usize = 30;
/// Steady noise stays below this for all but a few frames.
const ABOVE_FLOOR_DB: f32 = 4.0;
/// Softer than any voice that can be understood.
const FAINTEST_DBFS: f32 = -58.0;

/// A turn begins when 60 of 120 ms rise out of the noise: clicks stay at 50.
const ONSET_FRAMES: usize = 12;
const ONSET_LOUD: usize = 6;
/// While an answer is heard it takes 240 of 400 ms, of which half are voiced: a word may end within them.
// Of twelve coughs none stops an answer so, but "hmm" and "aha" stop 18 of 20, and a longer proof does not tell those
// from words: only a transcript does.
const GUARDED_FRAMES: usize = 40;
const GUARDED_LOUD: usize = 24;
const VOICED_SHARE: f32 = 0.5;
/// A short word has 200 of 300 ms, and no click.
const SHORT_FRAMES: usize = 30;
const SHORT_LOUD: usize = 20;
/// The longest proof takes as many.
const LOUD_FRAMES: usize = 2 * GUARDED_FRAMES;
/// The first sign of a voice are 90 of 120 ms, of which half are voiced.
const SIGN_FRAMES: usize = 12;
const SIGN_LOUD: usize = 9;
/// In an answer nothing counts that is softer than the caller was by this much.
// At 20 dB a caller who is 6 dB softer than before always interrupts in a quiet room, at 15 dB 39 times of 48; but then a
// television, a song or other talkers 12 dB below the caller cut one answer in three, and at 15 dB one in nine; none of 144
// where what interrupts also has to be louder than these were before.
const INTERRUPTS_DB: f32 = 15.0;
/// Where nothing is heard it counts from this much below the caller, because the sound around them has more time then;
/// where it is softer around them, from this much above that.
const BEGINS_DB: f32 = 10.0;
const ABOVE_BACKGROUND_DB: f32 = 8.0;
/// 500 ms in which a voice may rise before it begins a turn are not yet the background.
const UNSURE_FRAMES: usize = 50;
/// A turn goes on as long as 30 of 70 ms rise out of the noise.
const SPEAKING_FRAMES: usize = 7;
const SPEAKING_LOUD: usize = 3;
/// 400 ms are kept from before the longest onset: a soft consonant or syllable that noise hides.
const BEFORE_FRAMES: usize = 40;
/// A caller who speaks on begins another turn within a second, also where it takes twice as long to be sure.
const KEPT_FRAMES: usize = 100;

#[cfg(test)]
mod tests;
