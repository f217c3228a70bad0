//! What happened in a call, written by its threads and read by the test.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::outcome::{Direction, Line};

/// A shared record; clones are the same record.
#[derive(Clone, Default)]
pub(super) struct Log {
    shared: Arc<(Mutex<Entries>, Condvar)>,
}

#[derive(Default)]
pub(super) struct Entries {
    pub(super) dialogue: Vec<Line>,
    pub(super) violations: Vec<String>,
    pub(super) stderr: Vec<u8>,
    /// How many frames of sounds have begun to play.
    frames: usize,
    /// The program's input has ended, so that there are no replies to wait for.
    input_has_ended: bool,
}

impl Log {
    pub(super) fn line(&self, direction: Direction, bytes: &[u8]) {
        let line = Line {
            direction,
            text: String::from_utf8_lossy(bytes).into_owned(),
            at: Instant::now(),
        };
        self.with(|entries| entries.dialogue.push(line));
        self.shared.1.notify_all();
    }

    pub(super) fn violation(&self, what: String) {
        self.with(|entries| entries.violations.push(what));
    }

    pub(super) fn stderr(&self, bytes: &[u8]) {
        self.with(|entries| entries.stderr.extend_from_slice(bytes));
    }

    /// To be told before the program can notice it.
    pub(super) fn input_ends(&self) {
        self.with(|entries| entries.input_has_ended = true);
    }

    pub(super) fn has_input_ended(&self) -> bool {
        self.with(|entries| entries.input_has_ended)
    }

    /// Waits for this number of commands that begin with a text; false when the time is over.
    pub(super) fn wait_for_commands(&self, start: &str, count: usize, timeout: Duration) -> bool {
        let is_one =
            |line: &&Line| line.direction == Direction::ToAsterisk && line.text.starts_with(start);
        self.wait_while(timeout, |entries| {
            let commands = entries.dialogue.iter().filter(is_one);
            commands.count() < count
        })
    }

    pub(super) fn frame_begins(&self) {
        self.with(|entries| entries.frames += 1);
        self.shared.1.notify_all();
    }

    /// Waits until this number of frames of sounds have begun; false when the time is over.
    pub(super) fn wait_for_frames(&self, count: usize, timeout: Duration) -> bool {
        self.wait_while(timeout, |entries| entries.frames < count)
    }

    /// Waits as long as `waiting` holds; false when the time is over.
    fn wait_while(&self, timeout: Duration, waiting: impl FnMut(&mut Entries) -> bool) -> bool {
        let (entries, changed) = &*self.shared;
        let entries = entries.lock().unwrap();
        let (entries, waited) = changed
            .wait_timeout_while(entries, timeout, waiting)
            .unwrap();
        drop(entries);
        !waited.timed_out()
    }

    /// Takes everything that was written.
    pub(super) fn take(&self) -> Entries {
        self.with(std::mem::take)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Entries) -> T) -> T {
        change(&mut self.shared.0.lock().unwrap())
    }
}
