//! Messages in the model's answer: each is kept before the caller can hear that it was taken.
//!
//! What confirms a message may stand before it in the answer as well as after it. So where messages can be left, a piece
//! is handed to the voice only once the call has kept the messages before it, and the sound of the last piece so far is
//! held back until the text goes on or has ended; what may confirm a message, by its words, and all behind it until that end,
//! or until the answer pauses to look something up and a message is kept.

use std::convert::Infallible;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::call::event::Event;
use crate::text::{self, Action, Message};

/// Holds back what the caller must not hear yet.
pub(super) struct Gate<'a> {
    tell: &'a Sender<Event>,
    takes_messages: bool,
    /// The messages that the call has kept.
    kept: Vec<Message>,
    /// Dropping it lets the last piece be heard.
    last: Option<Sender<Infallible>>,
    /// The same for the first that may confirm a message.
    confirming: Option<Sender<Infallible>>,
}

/// Holds back the sound of a piece, until each of these senders is dropped.
#[derive(Default)]
pub(super) struct Held(Vec<Receiver<Infallible>>);

impl<'a> Gate<'a> {
    pub(super) fn new(takes_messages: bool, tell: &'a Sender<Event>) -> Self {
        Self {
            tell,
            takes_messages,
            kept: Vec::new(),
            last: None,
            confirming: None,
        }
    }

    /// Has the call keep the messages that the answer has by now. Returns whether they are kept.
    pub(super) fn keep(&mut self, actions: &[Action]) -> bool {
        let message = |action: &Action| match action {
            Action::Message(message) => Some(message.clone()),
            _ => None,
        };
        let all = actions.iter().filter_map(message);
        let new: Vec<_> = all.filter(|message| !self.kept.contains(message)).collect();
        if new.is_empty() || !self.takes_messages {
            return true;
        }
        self.kept.extend(new.iter().cloned());
        // A call that does not keep them drops the sender.
        let (are_kept, answer) = bounded(1);
        // A call that has ended keeps nothing, and gives no answer.
        self.tell.send(Event::Messages(new, are_kept)).ok();
        answer.recv().is_ok()
    }

    /// Whether the model's text is read to its end, although no more of it is spoken.
    pub(super) fn takes_messages(&self) -> bool {
        self.takes_messages
    }

    /// Lets the pieces so far be heard before the answer has ended. What may confirm a message, and all behind it, waits on
    /// where none is kept yet: it may still come.
    pub(super) fn release(&mut self) {
        self.last = None;
        if !self.kept.is_empty() {
            self.confirming = None;
        }
    }

    /// Whether the last piece waits for a message.
    pub(super) fn waits_for_message(&self) -> bool {
        self.confirming.is_some()
    }

    /// Lets the last piece be heard, and holds back the sound of the next, which are these `words`.
    pub(super) fn next(&mut self, words: &str) -> Held {
        if !self.takes_messages {
            return Held::default();
        }
        let (last, held) = bounded(0);
        // Pieces are heard in their order, so those behind it wait with it.
        let holds = self.confirming.is_none() && text::may_confirm(words);
        let (confirming, last) = if holds {
            (Some(last), None)
        } else {
            (None, Some(last))
        };
        self.confirming = self.confirming.take().or(confirming);
        self.last = last;
        Held(vec![held])
    }
}

impl Held {
    /// Holds back two pieces that are spoken in one go.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Waits until it may be heard.
    pub(super) fn wait(&self) {
        for held in &self.0 {
            // It only ever ends by the drop of its sender.
            held.recv().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use crossbeam_channel::unbounded;

    use super::super::piece::Piece;
    use super::*;
    use crate::sys::deadline::Deadline;

    fn message(text: &str) -> Action {
        Action::Message(Message {
            to: String::new(),
            text: text.to_owned(),
            is_cut: false,
        })
    }

    #[test]
    fn each_message_is_kept_once_and_waited_for() {
        let (tell, events) = unbounded();
        let asked = thread::spawn(move || {
            let mut gate = Gate::new(true, &tell);
            let one = [Action::Goodbye, message("one")];
            let both = [message("one"), message("two")];
            [
                gate.keep(&one),
                gate.keep(&one),
                gate.keep(&both),
                gate.keep(&both),
            ]
        });
        let mut texts = Vec::new();
        for is_kept in [true, false] {
            let Ok(Event::Messages(new, answer)) = events.recv() else {
                panic!("another event");
            };
            texts.extend(new.into_iter().map(|message| message.text));
            if is_kept {
                answer.send(()).expect("it is waited for");
            }
        }
        assert_eq!(asked.join().expect("no panic"), [true, true, false, true]);
        assert_eq!(texts, ["one", "two"]);
    }

    fn is_held(held: &Held) -> bool {
        let is_empty = Err(crossbeam_channel::TryRecvError::Empty);
        held.0.iter().any(|held| held.try_recv() == is_empty)
    }

    #[test]
    fn what_may_confirm_a_message_is_held_until_the_text_has_ended() {
        // Each piece, and whether it is held once all of them are there; what is heard behind one that is held waits for it.
        let table: &[&[(&str, bool)]] = &[
            &[("Tea.", false), ("And milk.", false), ("And honey.", true)],
            &[("It is noted.", true), ("Goodbye.", true)],
            &[
                ("Yes.", false),
                ("It is noted.", true),
                ("Bye.", false),
                ("Jim.", true),
            ],
            &[
                ("It is noted.", true),
                ("A message.", false),
                ("Bye.", true),
            ],
        ];
        for pieces in table {
            let (tell, _events) = unbounded();
            let mut gate = Gate::new(true, &tell);
            let held: Vec<_> = pieces.iter().map(|(words, _)| gate.next(words)).collect();
            let are_held: Vec<_> = held.iter().map(is_held).collect();
            let expected: Vec<_> = pieces.iter().map(|(_, is_held)| *is_held).collect();
            assert_eq!(are_held, expected, "{pieces:?}");
            drop(gate);
            assert!(!held.iter().any(is_held), "{pieces:?}");
        }
    }

    #[test]
    fn before_a_look_up_what_may_confirm_a_message_is_heard_only_if_one_is_kept() {
        for has_kept in [false, true] {
            let (tell, events) = unbounded();
            let mut gate = Gate::new(true, &tell);
            let held = ["Tea.", "It is noted.", "One moment."].map(|words| gate.next(words));
            if has_kept {
                thread::scope(|scope| {
                    let kept = scope.spawn(|| gate.keep(&[message("one")]));
                    let Ok(Event::Messages(_, answer)) = events.recv() else {
                        panic!("another event");
                    };
                    answer.send(()).expect("it is waited for");
                    assert!(kept.join().expect("no panic"));
                });
            }
            gate.release();
            let are_held = held.each_ref().map(is_held);
            assert_eq!(are_held, [false, !has_kept, false], "{has_kept}");
            drop(gate);
            assert!(!held.iter().any(is_held));
        }
    }

    #[test]
    fn pieces_that_are_spoken_in_one_go_wait_for_each_of_them() {
        let (tell, _events) = unbounded();
        let mut gate = Gate::new(true, &tell);
        let now = Instant::now();
        let deadline = Deadline::after(now, Duration::ZERO, Instant::now);
        let mut piece = |words: &str| Piece {
            held: gate.next(words),
            ..Piece::opening(words.to_owned(), deadline)
        };
        let both = piece("It is noted.").with(piece("Goodbye."));
        let _third = piece("Jim.");
        assert!(is_held(&both.held), "the first may confirm a message");
        drop(gate);
        assert!(!is_held(&both.held));
    }

    #[test]
    fn the_last_piece_is_held_until_the_next_or_the_end() {
        let (tell, _events) = unbounded();
        let mut gate = Gate::new(true, &tell);
        let first = gate.next("Tea.");
        assert!(is_held(&first));
        let second = gate.next("And milk.");
        assert!(!is_held(&first) && is_held(&second));
        drop(gate);
        assert!(!is_held(&second));
        second.wait();
        let mut open = Gate::new(false, &tell);
        assert!(!is_held(&open.next("I have noted it.")));
        assert!(open.keep(&[message("one")]), "nobody is asked");
    }
}
