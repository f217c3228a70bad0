//! The time that a call, or one stage of it, may still take. The clock is a parameter.

use std::time::{Duration, Instant};

/// Where the time comes from: [`Instant::now`], or a test's own clock.
pub type Clock = fn() -> Instant;

/// A moment that work must not outlast.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    clock: Clock,
    end: Instant,
}

impl Deadline {
    /// Makes a deadline `budget` after `start`, by `clock`.
    pub fn after(start: Instant, budget: Duration, clock: Clock) -> Self {
        Self {
            clock,
            end: start + budget,
        }
    }

    /// What is left; zero when it has passed.
    pub fn left(&self) -> Duration {
        self.end.saturating_duration_since((self.clock)())
    }

    /// A deadline by the same clock, `budget` from now.
    #[must_use]
    pub(crate) fn restarted(&self, budget: Duration) -> Self {
        Self::after((self.clock)(), budget, self.clock)
    }

    /// The same deadline, `by` later.
    #[must_use]
    pub(crate) fn put_off(self, by: Duration) -> Self {
        Self {
            end: self.end + by,
            ..self
        }
    }

    /// The deadline of a stage that may take `limit` by itself: whichever comes first.
    #[must_use]
    pub fn within(&self, limit: Duration) -> Self {
        Self {
            clock: self.clock,
            end: self.end.min((self.clock)() + limit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local!(static NOW: Cell<Instant> = Cell::new(Instant::now()));

    fn now() -> Instant {
        NOW.get()
    }

    fn pass(time: Duration) {
        NOW.set(NOW.get() + time);
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_left_shrinks_to_zero_and_stays_there() {
        let deadline = Deadline::after(now(), 3 * SECOND, now);
        pass(SECOND);
        assert_eq!(deadline.left(), 2 * SECOND);
        pass(5 * SECOND);
        assert_eq!(deadline.left(), Duration::ZERO);
    }

    #[test]
    fn a_stage_ends_at_its_own_limit_or_with_the_call() {
        let call = Deadline::after(now(), 10 * SECOND, now);
        assert_eq!(call.within(4 * SECOND).left(), 4 * SECOND);
        pass(8 * SECOND);
        assert_eq!(call.within(4 * SECOND).left(), 2 * SECOND);
    }
}
