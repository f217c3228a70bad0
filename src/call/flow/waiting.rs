//! How a call waits: on a line on which the key that leads to the operator is taken, also where nothing is to be heard.

use std::io::Write;
use std::time::Instant;

use super::Flow;
use crate::call::contract;
use crate::call::line::{How, Input, Played, Sound};
use crate::call::operator::Operator;
use crate::timeline::Mark;

impl<O: Write> Flow<'_, O> {
    /// Waits for what happens next. Returns what the phase is to know of it.
    pub(super) fn wait(&mut self, until: Instant) -> Option<Input> {
        // While a sound plays a command would end it.
        if self.line.is_free() && !self.line.is_hung_up() {
            contract::tell_notes(self.line, &mut self.scene.notes);
            self.take_key_in_silence();
        }
        match self.line.next(until, self.job.events()) {
            Input::Ended(Played {
                what: Sound::Silence,
                how,
                ..
            }) if !matches!(how, How::Key { .. }) => {
                if matches!(how, How::Unplayable(_)) {
                    self.silence = None;
                }
                None
            }
            input => Some(input),
        }
    }

    /// Plays silence where nothing plays, because Asterisk drops keys then. Where a PIN is wanted the key is a digit.
    fn take_key_in_silence(&mut self) {
        let name = self.silence.as_ref();
        let name = name.filter(|_| self.line.is_silent() && !self.scene.wants_pin);
        let play = name.and_then(|name| self.operator().silence(name));
        if play.is_some_and(|play| self.line.play(&play).is_err()) {
            self.silence = None;
        }
    }

    /// Ends that silence. Returns the key that was pressed just before, if it leads to the operator.
    pub(super) fn end_silence(&mut self) -> Option<Input> {
        let ended = self.line.end_silence().map(Input::Ended)?;
        let called = self.operator().called_by(&ended);
        called.filter(|_| !self.scene.wants_pin).map(|_| ended)
    }

    pub(super) fn operator(&self) -> Operator<'_> {
        Operator {
            extension: self.config.conversation.operator.as_deref(),
            is_at_any_time: self.is_conversation,
            has_answer_begun: self.scene.turn.timeline.has_reached(Mark::FirstPlayed),
        }
    }
}
