//! What the caller says while the call goes on: EAGI's file descriptor 3.
//!
//! A thread reads all the time, because Asterisk drops what does not fit into the pipe. A phone that is silent may send
//! nothing at all; then the clock tells how much silence that was.

use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use log::debug;

use super::echo::{EchoPath, Heard, USUAL_DBFS};
use crate::audio::Pcm;
use crate::audio::echo::{Canceller, Echo};
use crate::audio::speech::opinion::{self, Opinion};
use crate::audio::speech::turn::{Change, Endpointer, Limits};
use crate::sys::threads;

/// Opens the caller's voice: file descriptor 3, in samples of the machine's own byte order. Its end is a hang-up.
///
/// # Errors
/// What the system says: without EAGI there is no such file.
pub(super) fn open() -> io::Result<Receiver<Vec<i16>>> {
    // Opened by its path, because taking over a descriptor by its number is unsafe code, which this crate forbids.
    let sound = File::open("/dev/fd/3")?;
    let (heard, pieces) = bounded(MAX_UNHEARD);
    threads::spawn(move || match listen(sound, &heard) {
        Ok(()) => debug!("the caller's sound has ended"),
        Err(cause) => debug!("the caller's sound cannot be read any more: {cause}"),
    })
    .map_err(io::Error::other)?;
    Ok(pieces)
}

/// What the caller says, piece by piece, and what follows from it.
#[derive(Debug)]
pub struct CallerAudio {
    endpointer: Endpointer,
    /// What had been said at the last pause or end. The piece that told of it may go on after that.
    said: Pcm,
    rate_hz: u32,
    /// Until when everything has been heard.
    heard_until: Instant,
    echo: EchoPath,
    canceller: Canceller,
    /// How loud what is heard is, in dB of full scale.
    played_dbfs: Option<f32>,
    /// How many interruptions since the caller was last understood held no words.
    for_nothing: u8,
    /// What is thought of the sound beside the endpointer's finding.
    opinion: Option<Opinion>,
    /// Since when a turn is under way that seemed to be no voice when it began.
    doubted_since: Option<Instant>,
}

impl CallerAudio {
    /// Takes in sound of this rate, from `now` on.
    pub fn new(rate_hz: u32, limits: Limits, now: Instant) -> Self {
        Self {
            endpointer: Endpointer::new(rate_hz, limits),
            said: Pcm {
                rate_hz,
                samples: Vec::new(),
            },
            rate_hz,
            heard_until: now,
            echo: EchoPath::default(),
            canceller: Canceller::new(rate_hz),
            played_dbfs: None,
            for_nothing: 0,
            opinion: Opinion::new(rate_hz),
            doubted_since: None,
        }
    }

    /// Takes in a piece. Returns what changes by it.
    pub fn hear(&mut self, piece: &[i16], now: Instant) -> Vec<Change> {
        self.heard_until = now;
        self.doubted_since = None;
        self.separate(piece, Some(&[])).0
    }

    /// Takes in the silence of a phone that has sent nothing up to now.
    pub(super) fn hear_nothing(&mut self, now: Instant) -> Vec<Change> {
        let silent = now.saturating_duration_since(self.heard_until);
        if silent < GAP {
            return Vec::new();
        }
        self.heard_until = now;
        // Phones with silence suppression send no packets while the caller is silent, and then Asterisk writes nothing
        // into the pipe. The endpointer counts frames and reads no clock, so it is given the frames that are missing;
        // otherwise a turn on such a phone would never end.
        let samples = silent.as_millis() * u128::from(self.rate_hz) / 1000;
        let silence = vec![0; usize::try_from(samples).unwrap_or_default()];
        self.separate(&silence, Some(&[])).0
    }

    /// When there may be a silence to take in.
    pub(super) fn next_look(&self) -> Instant {
        self.heard_until + GAP
    }

    /// Takes in a piece while something is heard: only what is louder than its echo, lasts and
    /// seems to be a voice is the caller.
    pub fn overhear(&mut self, piece: &[i16], heard: &Heard, now: Instant) -> Vec<Change> {
        self.guard_against(Some(heard.loudest_dbfs));
        let changes = self.take_beside(piece, heard, now);
        self.doubt(changes, now)
    }

    /// Takes in a piece while a phrase plays. Any voice that lasts counts as the caller. Unless next to nothing comes back,
    /// the phrase counts as loud: it comes first, before the call has shown how much comes back.
    pub(super) fn hear_beside(
        &mut self,
        piece: &[i16],
        heard: &Heard,
        now: Instant,
    ) -> Vec<Change> {
        let loudest = if self.echo.is_faint() {
            heard.loudest_dbfs
        } else {
            heard.loudest_dbfs.max(USUAL_DBFS)
        };
        self.guard_against(Some(loudest));
        self.doubted_since = None;
        self.take_beside(piece, heard, now)
    }

    fn take_beside(&mut self, piece: &[i16], heard: &Heard, now: Instant) -> Vec<Change> {
        self.heard_until = now;
        if heard.is_anew {
            self.canceller.realign();
        }
        let (changes, is_removed) = self.separate(piece, heard.samples.as_deref());
        // A piece is judged by what was known before it and learnt from afterwards: otherwise a caller's first
        // syllable would raise the level that it has to exceed. What is heard in a turn may be the caller, and is no echo.
        if !is_removed && !self.endpointer.is_in_turn() {
            self.echo
                .see(self.endpointer.level_dbfs(), heard.loudest_dbfs);
        }
        if changes.contains(&Change::SpeechStart) {
            self.echo.forget_latest();
            self.canceller.forget_latest();
        }
        changes
    }

    /// Leaves out that a turn begins until it seems to be a voice.
    fn doubt(&mut self, mut changes: Vec<Change>, now: Instant) -> Vec<Change> {
        let begins = changes.contains(&Change::SpeechStart);
        let since = self
            .doubted_since
            .take()
            .filter(|_| self.endpointer.is_in_turn());
        let Some(since) = since.or(begins.then_some(now)) else {
            return changes;
        };
        if self.has_voice(GUARDED) {
            if !begins {
                changes.insert(0, Change::SpeechStart);
                self.canceller.forget_latest();
            }
        } else if now.saturating_duration_since(since) < DOUBT {
            changes.retain(|change| *change != Change::SpeechStart);
            self.doubted_since = Some(since);
        } else {
            // Within a turn nothing guards against an echo, which is a voice. Another turn may begin at once.
            changes.clear();
            self.endpointer.forget();
            self.canceller.forget_latest();
        }
        changes
    }

    /// Whether there seems to be a voice in the last second of what was heard.
    pub(super) fn seems_voice(&self) -> bool {
        self.has_voice(opinion::LONGEST)
    }

    /// Whether there seems to be a voice in the `last` part of what was heard. As long as that cannot be told, there is.
    fn has_voice(&self, last: Duration) -> bool {
        let opinion = self.opinion.as_ref();
        opinion.is_none_or(|opinion| opinion.is_voice(last).unwrap_or(true))
    }

    /// What is as loud as this, in dB of full scale, is heard now, or was just now. `None`: nothing is.
    pub(super) fn guard_against(&mut self, played_dbfs: Option<f32>) {
        self.played_dbfs = played_dbfs;
    }

    /// Takes in a piece without the echo of what was played meanwhile. `None`: that is not known. Returns what changes by
    /// it, and whether the echo was removed.
    fn separate(&mut self, piece: &[i16], played: Option<&[f32]>) -> (Vec<Change>, bool) {
        let (mut changes, mut is_removed) = (Vec::new(), false);
        for part in self.canceller.push(piece, played.unwrap_or_default()) {
            let usual = self.played_dbfs.map(|played| self.echo.of(played));
            let guard = match part.echo {
                Echo::Removed(left_dbfs) if played.is_some() => Some(left_dbfs),
                Echo::Found(echo_dbfs) => usual.map(|usual| usual.max(echo_dbfs)),
                Echo::Removed(_) | Echo::Unknown => usual,
            };
            self.endpointer.guard_against(guard);
            changes.extend(self.take(&part.samples));
            is_removed = matches!(part.echo, Echo::Removed(_));
        }
        (changes, is_removed)
    }

    /// An answer was interrupted by what turned out to hold no words. After two of these only a voice that lasts twice as
    /// long interrupts: something around the caller does it.
    pub(crate) fn interrupted_for_nothing(&mut self) {
        self.for_nothing = self.for_nothing.saturating_add(1);
        self.endpointer
            .need_longer_proof(self.for_nothing >= MAX_FOR_NOTHING);
    }

    /// The caller has been understood.
    pub(crate) fn was_understood(&mut self) {
        self.for_nothing = 0;
        self.endpointer.need_longer_proof(false);
    }

    /// What had been heard of a turn when it paused or ended last.
    pub(super) fn heard(&self) -> &Pcm {
        &self.said
    }

    /// Samples per second.
    pub(super) fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// How long the caller had been quiet when they went on last, or their last turn ended.
    pub(super) fn last_quiet(&self) -> Duration {
        self.endpointer.last_quiet()
    }

    /// Whether the caller is speaking.
    pub(super) fn is_in_turn(&self) -> bool {
        self.endpointer.is_in_turn() && self.doubted_since.is_none()
    }

    /// Whether the caller is speaking, or something is heard of which that is still doubted.
    pub(super) fn may_be_in_turn(&self) -> bool {
        self.endpointer.is_in_turn()
    }

    /// Sets the quiet after which a turn may be over; `None`: its end is waited for.
    pub(super) fn pause_after(&mut self, quiet: Option<Duration>) {
        self.endpointer.pause_after(quiet);
    }

    /// Sets the quiet that ends the turn under way, until the caller goes on.
    pub(super) fn end_after(&mut self, quiet: Duration) {
        self.endpointer.end_after(quiet);
    }

    /// Sets the quiet that ends the turn under way, however often the caller goes on.
    pub(super) fn always_end_after(&mut self, quiet: Duration) {
        self.endpointer.always_end_after(quiet);
    }

    /// The caller says that they have ended, if they have begun.
    pub fn end_turn(&mut self) -> Vec<Change> {
        let ended = self.endpointer.end();
        if ended.is_some() {
            self.said = self.endpointer.heard();
        }
        ended.into_iter().collect()
    }

    /// Whether the caller may have begun to speak into what is heard. It is too early to be sure, and on a line that brings
    /// back an echo it is not told.
    pub(super) fn first_sign(&self) -> bool {
        let is_trusted = self.for_nothing < MAX_FOR_NOTHING && self.echo.is_faint();
        is_trusted && self.may_begin()
    }

    /// Whether the caller may be speaking, or beginning to.
    pub(super) fn may_be_speaking(&self) -> bool {
        self.may_be_in_turn() || self.may_begin()
    }

    fn may_begin(&self) -> bool {
        let may_be_voice = |opinion: &Opinion| opinion.may_begin(SIGN).unwrap_or(true);
        self.endpointer.may_begin() && self.opinion.as_ref().is_none_or(may_be_voice)
    }

    /// What has been heard of the turn under way.
    pub(super) fn so_far(&self) -> Pcm {
        self.endpointer.heard()
    }

    /// The first `len` samples of the turn under way, if one is, are of no interest. With the others the next begins, if
    /// the caller speaks on.
    pub(super) fn forget_first(&mut self, len: usize) {
        if self.is_in_turn() {
            self.endpointer.forget_first(len);
        }
    }

    /// What has been said is of no interest.
    pub(super) fn forget(&mut self) {
        self.endpointer.forget();
        self.said.samples.clear();
    }

    fn take(&mut self, samples: &[i16]) -> Vec<Change> {
        let was_in_turn = self.endpointer.is_in_turn();
        let (mut changes, said) = (Vec::new(), &mut self.said);
        self.endpointer.push(samples, |change, endpointer| {
            // Copied here, because the same piece may go on with the next turn.
            if matches!(change, Change::Pause | Change::EndOfTurn) {
                *said = endpointer.heard();
            }
            changes.push(change);
        });
        if let Some(opinion) = &mut self.opinion {
            opinion.push(samples);
            // Bit by bit, so that nothing waits for it where the caller pauses.
            if was_in_turn || self.endpointer.is_in_turn() || self.endpointer.may_begin() {
                opinion.judge();
            }
        }
        changes
    }
}

/// Passes on samples of the machine's own byte order, until they end or are no longer received.
fn listen(mut sound: impl Read, heard: &Sender<Vec<i16>>) -> io::Result<()> {
    let mut bytes = [0; PIECE_BYTES];
    let mut rest = 0;
    loop {
        let len = rest + sound.read(&mut bytes[rest..])?;
        if len == rest {
            return Ok(());
        }
        let pairs = bytes[..len].chunks_exact(2);
        let samples = pairs
            .map(|pair| i16::from_ne_bytes([pair[0], pair[1]]))
            .collect();
        rest = len % 2;
        // A pipe may split a sample. Its first byte is kept for the next read: without it all samples that follow
        // would be read half a sample off, as noise.
        bytes[0] = bytes[len - 1];
        if heard.send(samples).is_err() {
            return Ok(());
        }
    }
}

/// 20 ms at 16 kHz, which is what Asterisk writes at a time, and some more.
const PIECE_BYTES: usize = 2048;

/// 20 s of packets: what is not taken for longer, Asterisk drops.
const MAX_UNHEARD: usize = 1000;

/// After as many interruptions that held no words, a first sign is not trusted either.
const MAX_FOR_NOTHING: u8 = 2;
/// What a turn that interrupts is judged by, when it begins.
const GUARDED: Duration = Duration::from_millis(384);

/// What the first sign of a voice is judged by.
const SIGN: Duration = Duration::from_millis(160);

/// How long it is doubted.
const DOUBT: Duration = Duration::from_millis(400);

/// Packets come every 20 ms; three are missing before it is called a silence.
const GAP: Duration = Duration::from_millis(80);

#[cfg(test)]
mod tests;
