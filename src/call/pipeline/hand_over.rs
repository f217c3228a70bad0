//! How the pieces of an answer get from the model to the voice.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::gate::Gate;
use super::piece::{Piece, Text};
use super::work::{Work, send};
use crate::call::event::Event;
use crate::call::settings::Takes;
use crate::sys::deadline::Deadline;
use crate::text::{Action, SentenceStream};
use crate::timeline::Mark;

/// Hands the pieces of an answer to the voice, one after the other, and tells the call of them.
pub(super) struct HandOver<'a> {
    give_text: &'a Sender<Text>,
    tell: &'a Sender<Event>,
    gate: Gate<'a>,
    /// The words that the voice says first; none once it has been given a piece.
    opening: Option<String>,
    /// Whether the model hears the caller itself.
    is_sound: bool,
    has_begun: bool,
    /// When the voice must have begun.
    deadline: Deadline,
    /// The pieces whose sound has not been passed on; also those that wait for a message to be kept.
    on_its_way: Underway,
    waiting: Underway,
}

/// Each piece holds a clone of the sender until its sound has been passed on.
type Underway = (Sender<Infallible>, Receiver<Infallible>);

impl<'a> HandOver<'a> {
    pub(super) fn new(
        work: &Work,
        is_sound: bool,
        give_text: &'a Sender<Text>,
        tell: &'a Sender<Event>,
    ) -> Self {
        let opening = work.settings.opening.to_string();
        Self {
            give_text,
            tell,
            gate: Gate::new(work.settings.takes == Takes::Messages, tell),
            opening: Some(opening).filter(|opening| !opening.is_empty()),
            is_sound,
            has_begun: false,
            deadline: work.deadline,
            on_its_way: bounded(0),
            waiting: bounded(0),
        }
    }

    /// Hands over the next piece of `answer`. Returns whether more is wanted.
    pub(super) fn give(&mut self, piece: String, answer: &SentenceStream) -> bool {
        // Before the piece is spoken: it may say that a message was taken, which must be true by then.
        if !self.keep(answer.actions()) {
            return false;
        }
        // From its first piece on the turn counts as understood, and may be interrupted, although the caller's words come
        // only at the end of the answer.
        if self.is_sound && !self.has_begun {
            send(self.tell, Event::Heard(String::new()));
        }
        self.has_begun = true;
        if let Some(words) = self.opening.take() {
            let opening = Piece::opening(words, self.deadline);
            self.give_text.send(Text::Piece(opening)).ok();
        }
        send(
            self.tell,
            Event::Reached(Mark::FirstSentence, Instant::now()),
        );
        let so_far = Event::Answer(answer.said().to_owned());
        let is_heard = self.tell.send(so_far).is_ok();
        let held = self.gate.next(&piece);
        let (on_its_way, _) = if self.gate.waits_for_message() {
            &self.waiting
        } else {
            &self.on_its_way
        };
        let piece = Piece {
            words: piece,
            is_opening: false,
            held,
            deadline: self.deadline,
            on_its_way: Some(on_its_way.clone()),
        };
        // A voice that has failed takes no more; it tells why. The message that was confirmed is still wanted.
        let is_spoken = self.give_text.send(Text::Piece(piece)).is_ok();
        is_spoken || is_heard && self.gate.takes_messages()
    }

    /// Has the call keep the messages that the answer has by now. Returns whether they are kept.
    pub(super) fn keep(&mut self, actions: &[Action]) -> bool {
        self.gate.keep(actions)
    }

    /// Lets what has been handed over be heard, since the answer goes on only later; not what waits for a message.
    pub(super) fn release(&mut self) {
        self.gate.release();
        // A voice that has failed says nothing in the pause either.
        self.give_text.send(Text::Pause).ok();
    }

    /// Waits until what has been handed over has been spoken and passed on; not what waits for a message, which the model
    /// writes only later.
    pub(super) fn wait(&mut self) {
        wait_for(&mut self.on_its_way);
        if !self.gate.waits_for_message() {
            wait_for(&mut self.waiting);
        }
    }

    /// Puts off what is to be spoken next, because the answer was held up for this time.
    pub(super) fn put_off(&mut self, by: Duration) {
        self.deadline = self.deadline.put_off(by);
    }

    /// When the voice must have begun.
    pub(super) fn deadline(&self) -> Deadline {
        self.deadline
    }
}

fn wait_for(underway: &mut Underway) {
    let (sender, passed_on) = std::mem::replace(underway, bounded(0));
    drop(sender);
    // It only ever ends by the drop of the last sender.
    passed_on.recv().ok();
}
