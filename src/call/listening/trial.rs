//! What was sent in a pause, because the turn may be over, and what of it need not be sent again when it was not.

use std::time::Duration;

use super::{Utterance, presence};
use crate::audio::Pcm;
use crate::call::event::{Event, Transcript};
use crate::text::Completeness;

/// What was sent because the turn may be over.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) utterance: Utterance,
    /// All that was said so far, once it is transcribed, and whether it is finished.
    pub(super) transcript: Option<(Transcript, Completeness)>,
    /// The samples of the turn that are transcribed with it; 0: that turn is over.
    pub(super) until: usize,
    /// How long the caller was quiet before they went on in the same turn; `None`: they have not.
    pub(super) paused: Option<Duration>,
    /// The share that it is of a turn which is over and waits for this transcript.
    pub(super) of_turn: Option<Share>,
}

/// How much of a turn was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    All,
    /// Its beginning. All of it is sent behind that.
    Part,
}

/// What the caller has said of what was not answered yet, and how much of the turn that is.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) transcript: Transcript,
    until: usize,
}

impl Trial {
    pub(super) fn new(utterance: Utterance, until: usize) -> Self {
        Self {
            utterance,
            transcript: None,
            until,
            paused: None,
            of_turn: None,
        }
    }

    /// Whether its turn goes on, and the caller has said nothing since.
    pub(super) fn is_whole(&self) -> bool {
        self.paused.is_none() && self.of_turn.is_none()
    }

    /// Whether no transcript will come of it.
    pub(super) fn is_lost(&self) -> bool {
        let is_end = |event: &Event| matches!(event, Event::End(_) | Event::Panicked);
        self.transcript.is_none() && self.utterance.events.iter().any(is_end)
    }

    /// Whether it is known to hold no words, and too long for an "um" that recognizers leave out.
    pub(super) fn is_wordless(&self) -> bool {
        let is_known = self.transcript.is_some();
        is_known && !self.has_words() && presence::is_long(&self.utterance.speech)
    }

    /// Whether it is known to hold words.
    pub(super) fn has_words(&self) -> bool {
        let transcript = self.transcript.as_ref();
        transcript.is_some_and(|(said, _)| !said.words.is_empty())
    }

    /// What need not be sent again of a turn that went on: all of it, where that was after a real pause, and it had words.
    pub(super) fn known(&self) -> Option<Known> {
        let (said, completeness) = self.transcript.as_ref()?;
        let is_apart = match self.of_turn {
            Some(share) => share == Share::All,
            None => self.paused.is_some_and(|paused| paused >= REAL_PAUSE),
        };
        let mut transcript = said.clone();
        if *completeness == Completeness::Unfinished {
            // Recognizers end everything with a full stop.
            let words = transcript.words.trim_end_matches(['.', '…']);
            transcript.words.truncate(words.len());
        }
        (is_apart && !transcript.words.is_empty()).then_some(Known {
            transcript,
            until: self.until,
        })
    }
}

impl Known {
    pub(super) fn is_empty(&self) -> bool {
        self.transcript.words.is_empty()
    }

    /// The part of a turn that is not transcribed yet.
    pub(super) fn rest(&self, turn: &Pcm) -> Pcm {
        // In noise the first sound of a word is heard late: what was quiet at the end of the pause is sent as well.
        let around = usize::try_from(turn.rate_hz / AROUND_PER_SECOND).unwrap_or_default();
        let begin = self.until.saturating_sub(around).min(turn.samples.len());
        Pcm {
            rate_hz: turn.rate_hz,
            samples: turn.samples[begin..].to_vec(),
        }
    }

    /// Ends the turn: all samples of the next one are new.
    pub(super) fn end_turn(&mut self) {
        self.until = 0;
    }
}

/// The quiet at which no word is cut in two. A plosive or a breath is shorter.
const REAL_PAUSE: Duration = Duration::from_millis(500);
/// 200 ms of the 300 ms of quiet that were sent.
const AROUND_PER_SECOND: u32 = 5;
