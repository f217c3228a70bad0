//! What the caller says while the call goes on: EAGI's file descriptor 3.
//!
//! A thread reads all the time, because Asterisk drops what does not fit into the pipe. A phone that is silent may send
//! nothing at all; then the clock tells how much silence that was.

use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use log::debug;

use super::echo::{EchoPath, Heard, LATEST, USUAL_DBFS};
use crate::audio::echo::{Canceller, Echo};
use crate::audio::speech::opinion::{self, Opinion};
use crate::audio::speech::turn::{Change, Endpointer, Limits, Proof};
use crate::audio::telephone::frame_len;
use crate::audio::{Pcm, duration_of};
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

/// What the caller hears, or has just heard, in dB of full scale.
#[derive(Clone, Copy, Debug)]
enum Beside {
    Nothing,
    /// It has ended, but its echo may still come back.
    Echo,
    /// It plays, and a voice has to last before it counts.
    Sound(f32, Proof),
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
    /// Until when the echo of a sound may come back of which the canceller knows nothing.
    unknown_until: Instant,
    /// What the caller hears, or has just heard.
    beside: Beside,
    /// The number of interruptions without words since the caller was last understood.
    for_nothing: u8,
    /// The second opinion on the sound, besides the endpointer's.
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
            unknown_until: now,
            beside: Beside::Nothing,
            for_nothing: 0,
            opinion: Opinion::new(rate_hz),
            doubted_since: None,
        }
    }

    /// Takes in a piece while nothing is heard. Returns what changes by it.
    pub fn hear(&mut self, piece: &[i16], now: Instant) -> Vec<Change> {
        self.hear_alone(piece, Beside::Nothing, now)
    }

    /// Takes in a piece behind a sound that has ended, whose echo may still come back, unless next to nothing does.
    pub(super) fn hear_after(&mut self, piece: &[i16], now: Instant) -> Vec<Change> {
        let is_absent = !self.echo.is_found() && self.is_faint();
        let beside = if is_absent {
            Beside::Nothing
        } else {
            Beside::Echo
        };
        self.hear_alone(piece, beside, now)
    }

    fn hear_alone(&mut self, piece: &[i16], beside: Beside, now: Instant) -> Vec<Change> {
        self.heard_until = now;
        self.doubted_since = None;
        self.beside = beside;
        let played: Option<&[f32]> = match beside {
            Beside::Sound(..) => None,
            Beside::Nothing | Beside::Echo => Some(&[]),
        };
        self.separate(piece, played).0
    }

    /// The silence of a phone that has sent nothing up to now; `None`: it may still send that.
    // Phones with silence suppression send no packets while the caller is silent, and then Asterisk writes nothing into
    // the pipe. The endpointer counts frames and reads no clock, so it is given the frames that are missing; otherwise a
    // turn on such a phone would never end.
    pub(super) fn missing(&self, now: Instant) -> Option<Vec<i16>> {
        let silent = now.saturating_duration_since(self.heard_until);
        let samples = silent.as_millis() * u128::from(self.rate_hz) / 1000;
        (silent >= GAP).then(|| vec![0; usize::try_from(samples).unwrap_or_default()])
    }

    /// When there may be a silence to take in.
    pub(super) fn next_look(&self) -> Instant {
        self.heard_until + GAP
    }

    /// Takes in a piece while an answer is made or heard: only what is louder than its echo, lasts and
    /// seems to be a voice is the caller. Before anything is heard a short word is long enough.
    pub fn overhear(&mut self, piece: &[i16], heard: &Heard, now: Instant) -> Vec<Change> {
        let proof = if self.for_nothing >= MAX_FOR_NOTHING {
            Proof::Longest
        } else if heard.is_silence() {
            Proof::Short
        } else {
            Proof::Long
        };
        let beside = Beside::Sound(heard.loudest_dbfs, proof);
        let changes = self.take_beside(piece, heard, beside, now);
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
        let beside = if !self.is_faint() {
            Beside::Sound(heard.loudest_dbfs.max(USUAL_DBFS), Proof::Long)
        } else if self.echo.is_found() {
            Beside::Sound(heard.loudest_dbfs, Proof::Long)
        } else {
            Beside::Sound(heard.loudest_dbfs, Proof::Short)
        };
        self.doubted_since = None;
        self.take_beside(piece, heard, beside, now)
    }

    /// Takes in a piece while a sound of Asterisk's plays, which may be loud, and of which nothing can be learnt.
    pub(super) fn hear_beside_recording(&mut self, piece: &[i16], now: Instant) -> Vec<Change> {
        self.unknown_until = now + LATEST;
        self.hear_alone(piece, Beside::Sound(USUAL_DBFS, Proof::Long), now)
    }

    fn take_beside(
        &mut self,
        piece: &[i16],
        heard: &Heard,
        beside: Beside,
        now: Instant,
    ) -> Vec<Change> {
        self.heard_until = now;
        self.beside = beside;
        if heard.samples.is_none() {
            self.unknown_until = now + LATEST;
        }
        if heard.is_anew {
            self.canceller.realign();
        }
        let (changes, is_removed) = self.separate(piece, heard.samples.as_deref());
        // A piece is judged by what was known before it and learnt from afterwards: otherwise a caller's first
        // syllable would raise the level that it has to exceed. What is heard in a turn may be the caller, and is no echo.
        // An echo that is otherwise removed is not heard in a pause of the answer.
        let may_be_echo = !is_removed && !self.canceller.is_in_pause();
        if may_be_echo && !self.endpointer.is_in_turn() {
            for _ in piece.chunks(frame_len(self.rate_hz)) {
                self.echo
                    .see(self.endpointer.level_dbfs(), heard.loudest_dbfs);
            }
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

    /// Takes in a piece without the echo of what was played meanwhile. `None`: that is not known. Returns what changes by
    /// it, and whether the echo was removed.
    fn separate(&mut self, piece: &[i16], played: Option<&[f32]>) -> (Vec<Change>, bool) {
        let (mut changes, mut is_removed) = (Vec::new(), false);
        for part in self.canceller.push(piece, played.unwrap_or_default()) {
            is_removed = matches!(part.echo, Echo::Removed(_));
            // What made the echo known was the echo.
            let is_new =
                part.echo != Echo::Unknown && self.echo.find(self.endpointer.background_dbfs());
            if is_new && !self.endpointer.is_in_turn() {
                self.endpointer.doubt_latest();
            }
            let (guard, proof) = self.guard(part.echo, played.is_some());
            self.endpointer.guard_against(guard);
            self.endpointer.need_proof(proof);
            changes.extend(self.take(&part.samples));
        }
        (changes, is_removed)
    }

    /// How loud an echo may be in a part of which that is known, and what proves a voice beside it.
    fn guard(&self, echo: Echo, is_known: bool) -> (Option<f32>, Proof) {
        let (played_dbfs, proof) = match self.beside {
            Beside::Nothing => return (None, Proof::Usual),
            Beside::Echo if self.is_echo_over() => return (None, Proof::Usual),
            Beside::Echo => (USUAL_DBFS, Proof::Long),
            Beside::Sound(dbfs, proof) => (dbfs, proof),
        };
        let usual = self.echo.of(played_dbfs, self.endpointer.background_dbfs());
        let guard = match echo {
            Echo::Removed(left_dbfs) if is_known => left_dbfs,
            Echo::Found(echo_dbfs) => usual.max(echo_dbfs),
            Echo::Removed(_) | Echo::Unknown => usual,
        };
        (Some(guard), proof)
    }

    /// Whether all that has been heard has come back, where the canceller knows the way of an echo.
    fn is_echo_over(&self) -> bool {
        self.heard_until >= self.unknown_until && self.canceller.is_in_pause()
    }

    /// Whether next to nothing comes back of what is heard.
    fn is_faint(&self) -> bool {
        self.echo.is_faint(self.endpointer.background_dbfs())
    }

    /// An answer was interrupted by what turned out to hold no words. After two of these only a voice that lasts twice as
    /// long interrupts: something around the caller does it.
    pub(crate) fn interrupted_for_nothing(&mut self) {
        self.for_nothing = self.for_nothing.saturating_add(1);
    }

    /// There were no words in the last turn.
    pub(crate) fn had_no_words(&mut self) {
        self.endpointer.had_no_words();
    }

    /// The caller has been understood.
    pub(crate) fn was_understood(&mut self) {
        self.for_nothing = 0;
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

    /// Whether nothing is heard of the caller at this moment, whose turn is not over.
    pub(super) fn is_in_pause(&self) -> bool {
        self.is_in_turn() && !self.endpointer.is_speaking()
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
        let is_trusted = self.for_nothing < MAX_FOR_NOTHING && self.is_faint();
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

    /// How long the caller has been speaking since the first `len` samples of the turn under way; nothing while they pause.
    pub(super) fn speaks_since(&self, len: usize) -> Duration {
        if !self.is_in_turn() || !self.endpointer.is_speaking() {
            return Duration::ZERO;
        }
        let since = self.endpointer.heard_len().saturating_sub(len);
        duration_of(since, self.rate_hz)
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

    /// The turn under way, if one is, began with this.
    pub(super) fn began_with(&mut self, said: &Pcm) {
        if self.is_in_turn() {
            self.endpointer.began_with(&said.samples);
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
