//! How much softer the sound that the caller hears comes back from their phone, as far as this call has shown it.
//!
//! A handset brings back next to nothing, so that a soft voice can interrupt a loud answer; a phone on a table brings
//! back a lot. Until it is known, the worst is assumed.

mod reply;

use std::collections::VecDeque;

pub use reply::{Heard, Reply, Source};
pub(super) use reply::{LATEST, LONGEST_PHRASE, USUAL_DBFS};

/// What has been seen of it: for each piece, by how much it was louder than what was being heard, in dB.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct EchoPath {
    seen: VecDeque<f32>,
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
        self.seen.push_back(came_dbfs - played_dbfs);
    }

    /// The latest pieces were the caller's own voice.
    pub(super) fn forget_latest(&mut self) {
        self.seen.truncate(self.known());
    }

    /// How loud the echo may be, in dB of full scale, while what is being heard is so loud.
    pub(super) fn of(&self, played_dbfs: f32) -> f32 {
        let known = self.known();
        let loss = if known < ENOUGH_PIECES {
            USUAL_LOSS_DB
        } else if known < MANY_PIECES {
            // What was loud may still be the caller, who speaks into the beginning of the answer.
            self.loss_db(known).max(USUAL_LOSS_DB)
        } else {
            self.loss_db(known)
        };
        played_dbfs - loss
    }

    /// Whether this call has shown that next to nothing comes back.
    pub(super) fn is_faint(&self) -> bool {
        let known = self.known();
        known >= ENOUGH_PIECES && self.loss_db(known) >= FAINT_LOSS_DB
    }

    /// By how much the echo is softer at least, by the first `known` pieces.
    fn loss_db(&self, known: usize) -> f32 {
        let mut known: Vec<f32> = self.seen.iter().copied().take(known).collect();
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

    /// The loss after an answer of 2 s at -10 dB of full scale.
    fn after(came: impl Fn(u16) -> f32) -> f32 {
        let mut path = EchoPath::default();
        for piece in 0..100 {
            path.see(came(piece), -10.0);
        }
        -10.0 - path.of(-10.0)
    }

    #[test]
    fn a_silent_phone_lets_soft_voices_through_and_a_loud_one_does_not() {
        let near = |value: f32, expected: f32| (value - expected).abs() < 0.01;
        assert!(near(after(|_| -70.0), MAX_LOSS_DB));
        assert!(near(after(|_| -30.0), USUAL_LOSS_DB), "an echo 20 dB below");
        assert!(near(after(|_| -46.0), 26.0), "one 36 dB below");
        let cough = |piece| {
            if (40..47).contains(&piece) {
                -20.0
            } else {
                -70.0
            }
        };
        assert!(near(after(cough), MAX_LOSS_DB), "a cough of 140 ms");
        let voice = |piece| if piece >= 80 { -20.0 } else { -70.0 };
        assert!(
            near(after(voice), MAX_LOSS_DB),
            "a voice that has just begun"
        );
    }

    #[test]
    fn before_enough_has_been_seen_the_worst_is_assumed() {
        let mut path = EchoPath::default();
        for _ in 0..ENOUGH_PIECES + UNSURE_PIECES - 1 {
            path.see(-90.0, -10.0);
            path.see(-20.0, AUDIBLE_DBFS - 1.0);
        }
        assert!((path.of(-10.0) + 10.0 + USUAL_LOSS_DB).abs() < 0.01);
        path.see(-90.0, -10.0);
        assert!(path.of(-10.0) < -10.0 - USUAL_LOSS_DB);
    }

    #[test]
    fn an_echo_that_is_louder_than_usual_is_learnt_and_a_voice_of_two_seconds_is_not() {
        for (pieces, loss_db) in [(MANY_PIECES - 1, USUAL_LOSS_DB), (MANY_PIECES, 2.0)] {
            let mut path = EchoPath::default();
            for _ in 0..pieces + UNSURE_PIECES {
                path.see(-22.0, -10.0);
            }
            let loss = -10.0 - path.of(-10.0);
            assert!((loss - loss_db).abs() < 0.01, "{pieces}: {loss} dB");
        }
    }
}
