//! Waiting for what cannot be notified: a file that appears, a process that comes to a point.

use std::thread;
use std::time::{Duration, Instant};

/// Looks again and again, and returns once `holds` does.
///
/// # Panics
/// When it does not within `timeout`.
#[track_caller]
pub fn until(what: &str, timeout: Duration, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + timeout;
    while !holds() {
        assert!(Instant::now() < end, "not within {timeout:?}: {what}");
        thread::sleep(LOOK_AGAIN);
    }
}

const LOOK_AGAIN: Duration = Duration::from_millis(5);
