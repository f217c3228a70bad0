//! "The caller hung up", as one fact that every part of a call can ask about or wait for.
//!
//! A hang-up arrives in many ways: SIGHUP or SIGTERM, the end of stdin, a `HANGUP` line, a reply 511, a broken pipe on
//! stdout. The code that sees one raises the flag; what it means is decided elsewhere.

use std::convert::Infallible;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, never, select_biased, unbounded};

use crate::sys::sync::lock;
use crate::sys::threads::{self, NoThread};

/// A flag that goes up once and stays up. Clones share it.
#[derive(Clone)]
pub struct Hangup {
    /// Dropping the only sender raises the flag, which wakes every receiver.
    down: Arc<Mutex<Option<Sender<Infallible>>>>,
    raised: Receiver<Infallible>,
}

/// Why a job was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Gone {
    /// The caller hung up first.
    #[error("the caller hung up")]
    HungUp,
    /// Its time was up first.
    #[error("its time was up")]
    TimedOut,
    /// It panicked, or has no more results.
    #[error("it ended without a result")]
    Ended,
    /// There was no thread to do it on.
    #[error(transparent)]
    NoThread(NoThread),
}

/// The results of a job on a thread of its own, in their order.
#[derive(Debug)]
pub struct Results<T> {
    handed_over: Receiver<T>,
    hangup: Hangup,
    not_begun: Option<NoThread>,
}

impl Default for Hangup {
    fn default() -> Self {
        let (sender, raised) = bounded(0);
        Self {
            down: Arc::new(Mutex::new(Some(sender))),
            raised,
        }
    }
}

impl Hangup {
    /// Says that the caller hung up. Saying it twice does no harm.
    pub fn raise(&self) {
        drop(lock(&self.down).take());
    }

    /// Whether the caller has hung up.
    pub(crate) fn is_raised(&self) -> bool {
        // Nothing is ever sent (`Infallible`). The disconnection is the message, since all receivers see it, and see it
        // for ever.
        self.raised.try_recv() == Err(TryRecvError::Disconnected)
    }

    /// The receiver for `select!`, which becomes ready, disconnected, at the hang-up.
    pub fn raised(&self) -> &Receiver<Infallible> {
        &self.raised
    }

    /// Runs `job` on a thread of its own and waits for its result, the hang-up or the end of `limit`,
    /// whichever comes first.
    ///
    /// # Errors
    /// [`Gone`] tells what came before the result.
    pub fn or<T: Send + 'static>(
        &self,
        limit: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Gone> {
        let run = |tell: &dyn Fn(T) -> bool| {
            // A job that was given up has no receiver any more.
            tell(job());
        };
        self.start(run).next(limit)
    }

    /// Runs `job` on a thread of its own. It hands over results by calling what it is given, which returns whether the
    /// results are still wanted.
    ///
    /// A job that is given up runs on until it notices by itself, so give it only work that leaves
    /// nothing behind, such as a request whose socket dies with the process. It is what makes a
    /// hang-up immediate: no wait for a name server, a connection or a TLS handshake can hold it.
    pub fn start<T: Send + 'static>(
        &self,
        job: impl FnOnce(&dyn Fn(T) -> bool) + Send + 'static,
    ) -> Results<T> {
        let (tell, results) = unbounded();
        let run = move || {
            let hand_over = |result| tell.send(result).is_ok();
            // A panic has been logged where it happened; the results end, and that is how it is noticed.
            catch_unwind(AssertUnwindSafe(|| job(&hand_over))).ok();
        };
        // After a hang-up nothing is begun, and each wait for its results ends at once by the hang-up.
        let not_begun = if self.is_raised() {
            None
        } else {
            threads::spawn(run).err()
        };
        Results {
            handed_over: results,
            hangup: self.clone(),
            not_begun,
        }
    }

    /// Waits for `time`, or until the hang-up if that comes first.
    ///
    /// # Errors
    /// [`Gone::HungUp`].
    pub fn pause(&self, time: Duration) -> Result<(), Gone> {
        match wait(&never::<()>(), self, time) {
            Err(Gone::HungUp) => Err(Gone::HungUp),
            _ => Ok(()),
        }
    }
}

impl<T> Results<T> {
    /// The next result, waited for no longer than `limit` or until the hang-up.
    ///
    /// # Errors
    /// [`Gone`]
    pub fn next(&self, limit: Duration) -> Result<T, Gone> {
        if let Some(no_thread) = self.not_begun {
            return Err(Gone::NoThread(no_thread));
        }
        wait(&self.handed_over, &self.hangup, limit)
    }
}

fn wait<T>(results: &Receiver<T>, hangup: &Hangup, limit: Duration) -> Result<T, Gone> {
    // Biased, so that a hang-up counts before a result that has come at the same moment.
    select_biased! {
        recv(hangup.raised) -> _ => Err(Gone::HungUp),
        recv(results) -> result => result.map_err(|_| Gone::Ended),
        default(limit) => Err(Gone::TimedOut),
    }
}

impl fmt::Debug for Hangup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hangup").field(&self.is_raised()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::threads::tests::without_threads;
    use std::sync::mpsc::channel;
    use std::thread;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_job_that_ends_in_time_gives_its_result() {
        assert_eq!(Hangup::default().or(LONG, || 7), Ok(7));
    }

    #[test]
    fn a_hang_up_ends_the_wait_for_a_job_that_never_ends() {
        let hangup = Hangup::default();
        let (started, has_started) = channel();
        let raise = hangup.clone();
        let raiser = thread::spawn(move || {
            has_started.recv().expect("the job starts");
            raise.raise();
        });
        let result = hangup.or(LONG, move || {
            started.send(()).expect("the raiser listens");
            thread::park_timeout(LONG);
        });
        raiser.join().expect("the raiser ends");
        assert_eq!(result, Err(Gone::HungUp));
    }

    #[test]
    fn after_a_hang_up_no_wait_begins() {
        let hangup = Hangup::default();
        hangup.raise();
        hangup.raise();
        assert!(hangup.is_raised());
        assert_eq!(
            hangup.or(LONG, || thread::park_timeout(LONG)),
            Err(Gone::HungUp)
        );
    }

    #[test]
    fn a_pause_lasts_its_time_or_until_the_hang_up() {
        let hangup = Hangup::default();
        assert_eq!(hangup.pause(Duration::from_millis(1)), Ok(()));
        hangup.raise();
        assert_eq!(hangup.pause(LONG), Err(Gone::HungUp));
    }

    #[test]
    fn a_job_that_panics_is_told_apart() {
        assert_eq!(
            Hangup::default().or(LONG, || panic!("on purpose")),
            Err::<(), _>(Gone::Ended)
        );
    }

    #[test]
    fn a_job_without_a_thread_is_told_apart_from_one_that_panics() {
        let result = without_threads(|| Hangup::default().or(LONG, || 7));
        assert!(matches!(result, Err(Gone::NoThread(_))), "{result:?}");
    }

    #[test]
    fn time_runs_out() {
        let result = Hangup::default().or(Duration::from_millis(1), || thread::park_timeout(LONG));
        assert_eq!(result, Err(Gone::TimedOut));
    }
}
