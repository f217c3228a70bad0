//! "The caller hung up", as one fact that every part of a call can ask about or wait for.
//!
//! A hang-up arrives in many ways: SIGHUP or SIGTERM, the end of stdin, a `HANGUP` line, a reply 511,
//! a broken pipe on stdout. Whoever sees one raises the flag; what it means is decided elsewhere.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// A flag that goes up once and stays up. Clones share it.
#[derive(Clone, Default)]
pub struct Hangup(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    raised: bool,
    waiting: Vec<Box<dyn FnOnce() + Send>>,
}

/// Why a job was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// The caller hung up first.
    HungUp,
    /// Its time was up first.
    TimedOut,
    /// It panicked, or could not be started.
    Panicked,
}

impl Hangup {
    /// Says that the caller hung up. Saying it twice does no harm.
    pub fn raise(&self) {
        let waiting = {
            let mut state = self.lock();
            state.raised = true;
            std::mem::take(&mut state.waiting)
        };
        for wake in waiting {
            wake();
        }
    }

    /// Has the caller hung up?
    pub fn is_raised(&self) -> bool {
        self.lock().raised
    }

    /// Runs `job` on a thread of its own and waits for its result, the hang-up or the end of `limit`,
    /// whichever comes first.
    ///
    /// A job that is given up runs on until it notices by itself, so give it only work that leaves
    /// nothing behind, such as a request whose socket dies with the process. It is what makes a
    /// hang-up immediate: no wait for a name server, a connection or a TLS handshake can hold it.
    ///
    /// # Errors
    /// [`Gone`] tells what came before the result.
    pub fn or<T: Send + 'static>(
        &self,
        limit: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Gone> {
        if self.is_raised() {
            return Err(Gone::HungUp);
        }
        let (tell, told) = channel();
        self.tell_when_raised(tell.clone());
        let thread = thread::Builder::new().spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(job)).map_err(|_| Gone::Panicked);
            // Nobody listens any more to a job that was given up.
            drop(tell.send(result));
        });
        thread.map_err(|_| Gone::Panicked)?;
        wait(&told, limit)
    }

    /// Waits for `time`, or less: until the hang-up.
    ///
    /// # Errors
    /// [`Gone::HungUp`].
    pub fn pause(&self, time: Duration) -> Result<(), Gone> {
        let (tell, told) = channel::<Result<(), Gone>>();
        self.tell_when_raised(tell);
        match wait(&told, time) {
            Err(Gone::HungUp) => Err(Gone::HungUp),
            _ => Ok(()),
        }
    }

    fn tell_when_raised<T: Send + 'static>(&self, listener: Sender<Result<T, Gone>>) {
        // A listener that has gone away has its result already.
        self.when_raised(move || drop(listener.send(Err(Gone::HungUp))));
    }

    /// Calls `wake` at the hang-up, or at once when that has been.
    fn when_raised(&self, wake: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        if state.raised {
            drop(state);
            wake();
        } else {
            state.waiting.push(Box::new(wake));
        }
    }

    /// A panic elsewhere cannot leave the two fields half changed, so a poisoned lock is used as it is.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait<T>(told: &Receiver<Result<T, Gone>>, limit: Duration) -> Result<T, Gone> {
    match told.recv_timeout(limit) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err(Gone::TimedOut),
        Err(RecvTimeoutError::Disconnected) => Err(Gone::Panicked),
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
    use std::sync::mpsc::channel;

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
            Err::<(), _>(Gone::Panicked)
        );
    }

    #[test]
    fn time_runs_out() {
        let result = Hangup::default().or(Duration::from_millis(1), || thread::park_timeout(LONG));
        assert_eq!(result, Err(Gone::TimedOut));
    }
}
