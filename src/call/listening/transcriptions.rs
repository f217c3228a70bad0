//! When what a caller has said is transcribed: as soon as their turn may be over, and no more often than one turn is worth.
//!
//! A caller who makes short pauses, or goes on before they have been understood, would be paid for at each of them. So three
//! times at most it is done ahead, after longer and longer quiet, and the last time is kept for the end of the turn. Nothing
//! here reads a clock.

use std::time::Duration;

use crate::audio::speech::turn::Change;

/// What is to be done with what has been heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transcribing {
    /// Nothing yet.
    Stay,
    /// Have it transcribed, in case it is all.
    TryOut,
    /// What was sent was not all.
    GoOn,
    /// The turn is over, and what was sent is all of it.
    Take,
    /// The turn is over: have it transcribed.
    Transcribe,
}

/// The transcriptions that have been paid for since a caller was understood last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Transcriptions {
    sent: u32,
}

impl Transcriptions {
    /// What follows from a change, where something that was sent `is_under_way` or not.
    pub(super) fn on(self, change: Change, is_under_way: bool) -> Transcribing {
        match change {
            Change::Pause if self.sent < MAX_AHEAD => Transcribing::TryOut,
            Change::SpeechStart | Change::Pause => Transcribing::Stay,
            Change::Resume => Transcribing::GoOn,
            Change::EndOfTurn if is_under_way => Transcribing::Take,
            Change::EndOfTurn => Transcribing::Transcribe,
        }
    }

    /// One more is paid for.
    pub(super) fn send(&mut self) {
        self.sent += 1;
    }

    /// The quiet after which a turn may be over, where that is `first` at first. `None`: its end is waited for.
    pub(super) fn pause(self, first: Duration) -> Option<Duration> {
        let doublings = self.sent.saturating_sub(MAX_AT_ONCE - 1);
        (self.sent < MAX_AHEAD).then(|| first * 2_u32.pow(doublings))
    }

    /// How many more there may be.
    pub(super) fn left(self) -> u32 {
        MAX.saturating_sub(self.sent)
    }
}

/// Of one turn: its end, and what is done ahead.
// Without this limit, pulses of half a second of sound and 0.4 s of quiet have 43 transcriptions paid for in a minute.
const MAX: u32 = 4;
const MAX_AHEAD: u32 = MAX - 1;
/// The number that are sent after the same quiet.
const MAX_AT_ONCE: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::speech::turn::{Endpointer, Limits};

    const FIRST: Duration = Duration::from_millis(300);

    #[test]
    fn the_wait_doubles_after_the_second_and_the_last_is_kept_for_the_end() {
        let mut sent = Transcriptions::default();
        for (pause, left) in [
            (Some(300), 4),
            (Some(300), 3),
            (Some(600), 2),
            (None, 1),
            (None, 0),
        ] {
            assert_eq!(sent.pause(FIRST), pause.map(Duration::from_millis));
            assert_eq!(sent.left(), left);
            sent.send();
        }
    }

    /// Voice and quiet by turns, in ms, and what is done when, with a turn that ends after 700 ms of quiet or 8 s.
    #[test]
    fn a_turn_of_many_pauses_is_transcribed_four_times_at_most() {
        use Transcribing::{GoOn, Take, Transcribe, TryOut};
        type Row<'a> = (&'a str, &'a [(u32, u32)], &'a [(u32, Transcribing)]);
        let table: &[Row<'_>] = &[
            ("a word", &[(1000, 1000)], &[(1350, TryOut), (1750, Take)]),
            (
                "a breath between two",
                &[(1000, 250), (1000, 1000)],
                &[(2600, TryOut), (3000, Take)],
            ),
            (
                "a thought between two",
                &[(1000, 500), (1000, 1000)],
                &[(1350, TryOut), (1530, GoOn), (2850, TryOut), (3250, Take)],
            ),
            (
                "pulses without end",
                &[(500, 400); 9],
                &[
                    (850, TryOut),
                    (930, GoOn),
                    (1750, TryOut),
                    (1830, GoOn),
                    (8060, Transcribe),
                ],
            ),
            (
                "pulses without end, and longer quiet",
                &[(500, 650); 8],
                &[
                    (850, TryOut),
                    (1180, GoOn),
                    (2000, TryOut),
                    (2330, GoOn),
                    (3450, TryOut),
                    (3480, GoOn),
                    (8060, Transcribe),
                    (8900, TryOut),
                ],
            ),
        ];
        for (name, sound, expected) in table {
            assert_eq!(steps(sound), *expected, "{name}");
        }
    }

    /// The steps but [`Transcribing::Stay`], and when in ms each is done. A turn that is over is understood at once.
    fn steps(sound: &[(u32, u32)]) -> Vec<(u32, Transcribing)> {
        let limits = Limits {
            quiet: Duration::from_millis(700),
            pause: Some(FIRST),
            longest: Duration::from_secs(8),
        };
        let mut endpointer = Endpointer::new(8000, limits);
        let (mut sent, mut is_under_way) = (Transcriptions::default(), false);
        let mut steps = Vec::new();
        // The line, which is never quite silent, is heard for a second before anybody speaks.
        let frames = sound.iter().flat_map(|(voice, quiet)| {
            let voice = (0..voice / 10).map(|_| true);
            voice.chain((0..quiet / 10).map(|_| false))
        });
        let silence = (0..100).map(|_| false);
        for (frame, is_voice) in (0..).zip(silence.chain(frames)) {
            let level = if is_voice { 8000 } else { 30 };
            let wave: Vec<i16> = (0..80)
                .map(|at| if at % 8 < 4 { level } else { -level })
                .collect();
            let mut changes = Vec::new();
            endpointer.push(&wave, |change, _| changes.push(change));
            for change in changes {
                let step = sent.on(change, is_under_way);
                match step {
                    Transcribing::Stay => continue,
                    Transcribing::TryOut => {
                        is_under_way = true;
                        sent.send();
                    }
                    Transcribing::GoOn => is_under_way = false,
                    Transcribing::Take | Transcribing::Transcribe => {
                        (is_under_way, sent) = (false, Transcriptions::default());
                    }
                }
                endpointer.pause_after(sent.pause(FIRST));
                steps.push((10 * (frame + 1_u32) - 1000, step));
            }
        }
        steps
    }
}
