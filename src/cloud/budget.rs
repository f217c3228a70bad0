//! How long a request, or the work of a stage with all its candidates, may still take. Decides by the clock of its
//! [`Deadline`] alone, and waits for nothing but the pause before a second attempt.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::warn;

use super::{Cause, Error};
use crate::sys::deadline::Deadline;
use crate::sys::error::Chain;
use crate::sys::hangup::Hangup;

/// What a request, or the work of a stage with all its candidates, may still take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// The time by which the reply must have begun, or have ended where only a whole one is of use.
    pub(crate) deadline: Deadline,
    /// The longest pause in a reply that has begun.
    pub(crate) idle: Duration,
    /// The time that sending the request takes, to any provider.
    pub(crate) upload: Duration,
    /// What follows a failure that may pass by itself.
    pub(crate) retry: Retry,
}

/// What follows a failure that may pass by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// A second attempt, after a pause.
    Once,
    /// Nothing: this is the second attempt.
    Second,
    /// Nothing: there is another provider to ask.
    Never,
}

/// How often a provider may be asked for the same work, and paid: see [`Retry::Once`].
pub(crate) const MAX_TRIES: u64 = 2;

impl Budget {
    /// The budget for work that is sent in no time and may be retried.
    pub(crate) fn new(deadline: Deadline, idle: Duration) -> Self {
        Self {
            deadline,
            idle,
            upload: Duration::ZERO,
            retry: Retry::Once,
        }
    }

    /// The budget for one attempt, which may use up all of it.
    pub(crate) fn once(deadline: Deadline) -> Self {
        Self {
            retry: Retry::Never,
            ..Self::new(deadline, deadline.left())
        }
    }

    /// The budget of a service that may take `limit` by itself.
    #[must_use]
    pub(crate) fn within(self, limit: Duration) -> Self {
        Self {
            deadline: self.deadline.within(limit),
            ..self
        }
    }

    /// The budget of a provider with another one behind it: it must begin within `limit` of having received the
    /// request, and gets one attempt.
    #[must_use]
    pub(crate) fn shortened(self, limit: Duration) -> Self {
        Self {
            retry: Retry::Never,
            ..self.within(limit + self.upload)
        }
    }

    /// Makes `attempt`, and a second one after a pause where this budget allows it and it may help.
    ///
    /// # Errors
    /// That of the last attempt, or [`Error::HungUp`] where `hangup` was raised in the pause.
    pub(crate) fn attempt<T, E: Cause + From<Error>>(
        self,
        hangup: &Hangup,
        mut attempt: impl FnMut(Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let error = match attempt(self) {
            Err(error) if self.retry == Retry::Once => error,
            result => return result,
        };
        attempt(self.second(error, hangup)?)
    }

    /// Waits for the moment of a second attempt, and returns its budget. What a request costs is put down only after the
    /// pause, so that one that is never sent costs nothing.
    ///
    /// # Errors
    /// `error` itself where a second attempt cannot help or comes too late, and [`Error::HungUp`] where `hangup` was raised
    /// in the pause.
    pub(super) fn second<E: Cause + From<Error>>(
        self,
        error: E,
        hangup: &Hangup,
    ) -> Result<Self, E> {
        let Some(transient) = error.service().filter(|error| error.is_transient()) else {
            return Err(error);
        };
        let pause = retry_pause(transient, SystemTime::now());
        // An attempt that begins after the deadline would only make the caller wait for a failure that is known
        // already.
        if pause >= self.deadline.left() {
            return Err(error);
        }
        let why = Chain(transient);
        warn!("trying again in {} ms: {why}", pause.as_millis());
        if hangup.pause(pause).is_err() {
            return Err(Error::HungUp("nobody").into());
        }
        Ok(Self {
            retry: Retry::Second,
            ..self
        })
    }

    /// How long the next part of a reply may take. Until something of use has come, the limit of the beginning holds.
    pub(super) fn next_part(&self, has_begun: bool) -> Duration {
        if has_begun {
            self.idle
        } else {
            self.deadline.left()
        }
    }
}

impl Error {
    /// Whether the same request may succeed in a moment.
    fn is_transient(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.is_transient(),
            Self::Connect { transient, .. }
            | Self::Empty { transient, .. }
            | Self::Unsayable { transient } => *transient,
            // A second attempt is safe: these requests change nothing at a service but the bill, and nothing of the
            // first answer was heard.
            Self::Broken { .. } | Self::Failed { .. } => true,
            // A time-out is among these: the first attempt has used up the time that a second one needs.
            _ => false,
        }
    }
}

/// The pause before a second attempt: what the service asks for, or [`RETRY_PAUSE`] and up to a quarter more, so that
/// callers who failed together do not return together.
fn retry_pause(error: &Error, now: SystemTime) -> Duration {
    let asked_for = match error {
        Error::Refused(refusal) => refusal.retry_after,
        _ => None,
    };
    // The jitter comes from the clock: it must differ between calls that failed together, and need not be
    // unpredictable.
    let nanos = now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.subsec_nanos());
    asked_for.unwrap_or(RETRY_PAUSE + RETRY_PAUSE * (nanos % 256) / 1024)
}

/// Long enough for a hiccup to pass, short enough for a caller not to wonder.
const RETRY_PAUSE: Duration = Duration::from_millis(400);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::{Refusal, Service};
    use std::cell::Cell;
    use std::time::Instant;

    const SECOND: Duration = Duration::from_secs(1);

    thread_local!(static NOW: Cell<Instant> = Cell::new(Instant::now()));

    fn now() -> Instant {
        NOW.get()
    }

    fn pass(time: Duration) {
        NOW.set(NOW.get() + time);
    }

    fn refused(retry_after: Option<Duration>) -> Error {
        let service = Service {
            name: "a service",
            settings: "[x]",
            key: "key",
        };
        let mut refusal = Refusal::read(service, 503, b"", &[]);
        refusal.retry_after = retry_after;
        Error::Refused(Box::new(refusal))
    }

    #[test]
    fn a_reply_has_until_the_deadline_to_begin_and_then_may_pause() {
        let deadline = Deadline::after(now(), 10 * SECOND, now);
        let budget = Budget::new(deadline, 2 * SECOND);
        pass(4 * SECOND);
        assert_eq!(budget.next_part(false), 6 * SECOND);
        assert_eq!(budget.next_part(true), 2 * SECOND);
        let once = Budget::once(deadline);
        assert_eq!((once.idle, once.retry), (6 * SECOND, Retry::Never));
        pass(10 * SECOND);
        assert_eq!(budget.next_part(false), Duration::ZERO);
        assert_eq!(budget.next_part(true), 2 * SECOND);
    }

    #[test]
    fn a_shortened_budget_allows_for_the_upload_and_never_for_more_than_there_is() {
        let deadline = Deadline::after(now(), 10 * SECOND, now);
        for (limit, upload, expected) in [(4, 0, 4), (4, 3, 7), (4, 30, 10), (30, 0, 10)] {
            let budget = Budget {
                upload: upload * SECOND,
                ..Budget::new(deadline, SECOND)
            };
            let shortened = budget.shortened(limit * SECOND);
            assert_eq!(shortened.next_part(false), expected * SECOND, "{limit} s");
            assert_eq!((shortened.idle, shortened.retry), (SECOND, Retry::Never));
        }
    }

    #[test]
    fn a_second_attempt_waits_as_long_as_the_service_asks_or_a_moment() {
        let broken = Error::Broken {
            service: "a service",
            host: String::new(),
            source: "it ended".into(),
        };
        let table = [
            (refused(Some(2 * SECOND)), 0, 2000),
            (refused(Some(Duration::ZERO)), 255, 0),
            (refused(None), 0, 400),
            (refused(None), 128, 450),
            (broken, 255, 499),
        ];
        for (error, nanos, expected) in table {
            let now = UNIX_EPOCH + Duration::from_nanos(nanos);
            assert_eq!(retry_pause(&error, now).as_millis(), expected, "{error}");
        }
    }

    #[test]
    fn a_second_attempt_needs_more_time_than_its_pause() {
        let [pause, left] = [1, 2].map(Duration::from_millis);
        let deadline = Deadline::after(now(), left, now);
        let budget = Budget::new(deadline, SECOND);
        let table = [
            (budget, pause, vec![Retry::Once, Retry::Second]),
            (budget, left, vec![Retry::Once]),
            (Budget::once(deadline), pause, vec![Retry::Never]),
        ];
        for (budget, pause, expected) in table {
            let (mut tries, began) = (Vec::new(), Instant::now());
            let result = budget.attempt(&Hangup::default(), |budget| {
                // The pause is over before anything is begun.
                assert!(tries.is_empty() || began.elapsed() >= pause);
                tries.push(budget.retry);
                Err::<(), _>(refused(Some(pause)))
            });
            assert!(result.is_err());
            assert_eq!(tries, expected, "{pause:?}");
        }
    }

    #[test]
    fn a_hang_up_in_the_pause_ends_it_and_no_second_attempt_is_made() {
        let budget = Budget::new(Deadline::after(now(), 60 * SECOND, now), SECOND);
        let (hangup, mut tries) = (Hangup::default(), 0);
        let result = budget.attempt(&hangup, |_| {
            tries += 1;
            hangup.raise();
            Err::<(), _>(refused(Some(2 * SECOND)))
        });
        assert!(matches!(result, Err(Error::HungUp(_))), "{result:?}");
        assert_eq!(tries, 1);
    }

    /// The limit of a service is that of each attempt, and the pause is no part of either.
    #[test]
    fn a_second_attempt_has_the_whole_time_of_a_service_whose_limit_is_shorter_than_the_pause() {
        let budget = Budget::new(Deadline::after(now(), SECOND, now), SECOND);
        let [limit, pause] = [1, 2].map(Duration::from_millis);
        let mut given = Vec::new();
        let result = budget.attempt(&Hangup::default(), |budget| {
            given.push(budget.within(limit).deadline.left());
            Err::<(), _>(refused(Some(pause)))
        });
        assert!(result.is_err());
        assert_eq!(given, [limit, limit]);
    }
}
