//! How much softer the sound that the caller hears comes back from their phone, as far as this call has shown it.
//!
//! A handset brings back next to nothing, so that a soft voice can interrupt a loud answer; a phone on a table brings
//! back a lot. Until it is known, the worst is assumed.

mod reply;

use std::collections::VecDeque;

pub use reply::{Heard, Reply, Source};
pub(super) use reply::{LATEST, LONGEST_PHRASE, USUAL_DBFS};

/// What has been seen of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct EchoPath {
    /// For each piece how loud it was, and how loud what was being heard, in dB of full scale.
    seen: VecDeque<(f32, f32)>,
    /// Whether there is an echo beyond doubt.
    is_found: bool,
}

impl EchoPath {
    /// A piece from the phone was so loud while what was being heard was so loud, in dB of full scale.
    pub(super) fn see(&mut self, came_dbfs: f32, played_dbfs: f32) {
        // In the pauses of an answer what comes back is the noise of the room: compared with next to nothing it would
        // look like a very loud echo.
        if played_dbfs < AUDIBLE_DBFS {
            return;
        }
        if self.seen.len() == MAX_PIECES {
            self.seen.pop_front();
        }
        self.seen.push_back((came_dbfs, played_dbfs));
    }

    /// The latest pieces were the caller's own voice.
    pub(super) fn forget_latest(&mut self) {
        self.seen.truncate(self.known());
    }

    /// What was played has been found in what came back. Returns whether that is new.
    pub(super) fn find(&mut self, room_dbfs: f32) -> bool {
        let is_new = !std::mem::replace(&mut self.is_found, true);
        let latest = self.seen.range(self.known()..);
        if is_new && Self::loss_db(latest, room_dbfs) < FAINT_LOSS_DB {
            // What was seen before it began, as when the caller presses the key for the loudspeaker, no longer holds.
            self.seen.clear();
        }
        is_new
    }

    /// How loud the echo may be, in dB of full scale, while what is being heard is so loud, beside a room that reaches
    /// `room_dbfs` by itself.
    pub(super) fn of(&self, played_dbfs: f32, room_dbfs: f32) -> f32 {
        let known = self.known();
        let learnt = || Self::loss_db(self.seen.range(..known), room_dbfs);
        let loss = if known < ENOUGH_PIECES {
            USUAL_LOSS_DB
        } else if known < MANY_PIECES || !self.is_found {
            // What was loud may be the caller, who speaks into the beginning of the answer, or the room, which has
            // become louder.
            learnt().max(USUAL_LOSS_DB)
        } else {
            learnt()
        };
        played_dbfs - loss
    }

    /// Whether this call has shown that next to nothing comes back, which can be heard beside the room.
    pub(super) fn is_faint(&self, room_dbfs: f32) -> bool {
        let known = self.known();
        let learnt = || Self::loss_db(self.seen.range(..known), room_dbfs);
        known >= ENOUGH_PIECES && learnt() >= FAINT_LOSS_DB
    }

    /// Whether there is an echo beyond doubt.
    pub(super) fn is_found(&self) -> bool {
        self.is_found
    }

    /// By how much the echo is softer at least, by these pieces.
    fn loss_db<'a>(seen: impl Iterator<Item = &'a (f32, f32)>, room_dbfs: f32) -> f32 {
        // What is no louder than the room was before is no echo.
        let echo = |(came, played): &(f32, f32)| {
            let is_room = *came <= room_dbfs + ABOVE_ROOM_DB;
            if is_room { f32::MIN } else { came - played }
        };
        let mut known: Vec<f32> = seen.map(echo).collect();
        known.sort_unstable_by(f32::total_cmp);
        // A cough does not count.
        let loud = known.get(known.len() * 9 / 10).copied().unwrap_or_default();
        (-loud - MARGIN_DB).min(MAX_LOSS_DB)
    }

    /// How many pieces cannot be the beginning of what is about to be taken for the caller's voice.
    fn known(&self) -> usize {
        self.seen.len().saturating_sub(UNSURE_PIECES)
    }
}

/// A telephone's echo is assumed to be this much softer than what it echoes, until it is known.
const USUAL_LOSS_DB: f32 = 17.0;
/// Whatever the phone: the room is not silent.
const MAX_LOSS_DB: f32 = 32.0;
/// With this much between them, what is heard of an answer beside it is not its echo.
const FAINT_LOSS_DB: f32 = 25.0;
/// What is to lie between the echo and a voice.
const MARGIN_DB: f32 = 10.0;
/// Steady noise stays below its 95th percentile and this for all but a few pieces.
const ABOVE_ROOM_DB: f32 = 3.0;
/// What is softer than this tells nothing.
const AUDIBLE_DBFS: f32 = -35.0;
/// Pieces are packets of 20 ms: 6 s, 0.8 s and 0.4 s.
const MAX_PIECES: usize = 300;
const ENOUGH_PIECES: usize = 40;
const MANY_PIECES: usize = 150;
// This is as long as the proof of a voice takes while an answer is heard (`GUARDED_FRAMES` in audio/speech/turn.rs):
// until then these pieces may be echo or the caller.
const UNSURE_PIECES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// A room of which nothing is heard.
    const SILENT: f32 = f32::MIN;

    /// The loss after an answer of 2 s at -10 dB of full scale, in a room as loud as this.
    fn after(room_dbfs: f32, came: impl Fn(u16) -> f32) -> f32 {
        let mut path = EchoPath::default();
        for piece in 0..100 {
            path.see(came(piece), -10.0);
        }
        -10.0 - path.of(-10.0, room_dbfs)
    }

    #[test]
    fn a_silent_phone_lets_soft_voices_through_and_a_loud_one_does_not() {
        let cough = |piece| {
            if (40..47).contains(&piece) {
                -20.0
            } else {
                -70.0
            }
        };
        let voice = |piece| if piece >= 80 { -20.0 } else { -70.0 };
        for (name, loss_db, expected) in [
            ("silence", after(SILENT, |_| -70.0), MAX_LOSS_DB),
            ("20 dB below", after(SILENT, |_| -30.0), USUAL_LOSS_DB),
            ("36 dB below", after(SILENT, |_| -46.0), 26.0),
            ("a cough of 140 ms", after(SILENT, cough), MAX_LOSS_DB),
            ("a voice has just begun", after(SILENT, voice), MAX_LOSS_DB),
            ("a loud room", after(-34.0, |_| -32.0), MAX_LOSS_DB),
            ("an echo in it", after(-40.0, |_| -30.0), USUAL_LOSS_DB),
        ] {
            assert!((loss_db - expected).abs() < 0.01, "{name}: {loss_db} dB");
        }
    }

    #[test]
    fn before_enough_has_been_seen_the_worst_is_assumed() {
        let mut path = EchoPath::default();
        for _ in 0..ENOUGH_PIECES + UNSURE_PIECES - 1 {
            path.see(-90.0, -10.0);
            path.see(-20.0, AUDIBLE_DBFS - 1.0);
        }
        assert!((path.of(-10.0, SILENT) + 10.0 + USUAL_LOSS_DB).abs() < 0.01);
        path.see(-90.0, -10.0);
        assert!(path.of(-10.0, SILENT) < -10.0 - USUAL_LOSS_DB);
    }

    #[test]
    fn an_echo_that_is_louder_than_usual_is_learnt_where_it_is_one_and_a_voice_of_two_seconds_is_not()
     {
        for (pieces, is_found, loss_db) in [
            (MANY_PIECES - 1, true, USUAL_LOSS_DB),
            (MANY_PIECES, true, 2.0),
            (MAX_PIECES, false, USUAL_LOSS_DB),
        ] {
            let mut path = EchoPath::default();
            assert!(!is_found || path.find(SILENT) && !path.find(SILENT));
            for _ in 0..pieces + UNSURE_PIECES {
                path.see(-22.0, -10.0);
            }
            let loss = -10.0 - path.of(-10.0, SILENT);
            assert!((loss - loss_db).abs() < 0.01, "{pieces}: {loss} dB");
        }
    }

    #[test]
    fn a_line_that_was_silent_is_known_no_longer_once_a_loud_echo_is_found() {
        for (came_dbfs, is_faint) in [(-25.0, false), (-60.0, true)] {
            let mut path = EchoPath::default();
            (0..200).for_each(|_| path.see(-90.0, -10.0));
            (0..15).for_each(|_| path.see(came_dbfs, -10.0));
            assert!(path.is_faint(SILENT) && path.find(SILENT));
            assert_eq!(path.is_faint(SILENT), is_faint, "{came_dbfs} dB");
        }
    }
}
