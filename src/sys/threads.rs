//! Threads, which the system may refuse: a limit of processes counts them too.

use std::io;
use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};

use super::error::INTERNAL;

/// The system has refused a thread, with the error number of `errno.h` that says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this machine gives Asterisk's user no more threads ({}); raise its limit of processes, which counts them (TasksMax= \
     of Asterisk's systemd unit, pids.max of its container, ulimit -u), or free memory", io::Error::from_raw_os_error(*.0)
)]
pub struct NoThread(i32);

/// A thread has panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{INTERNAL}")]
pub(crate) struct Panicked;

impl From<io::Error> for NoThread {
    fn from(error: io::Error) -> Self {
        Self(error.raw_os_error().unwrap_or_default())
    }
}

/// Begins `job` on a thread of its own.
///
/// # Errors
/// [`NoThread`]; [`std::thread::spawn`] would panic.
pub(crate) fn spawn<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, NoThread> {
    may_spawn()?;
    Ok(Builder::new().spawn(job)?)
}

/// Begins `job` on a thread that ends within `scope`.
///
/// # Errors
/// [`NoThread`]; [`Scope::spawn`] would panic.
pub(crate) fn spawn_within<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    job: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, NoThread> {
    may_spawn()?;
    Ok(Builder::new().spawn_scoped(scope, job)?)
}

/// Waits for a thread, and returns what it has done.
///
/// # Errors
/// [`Panicked`].
pub(crate) fn join<T>(thread: JoinHandle<T>) -> Result<T, Panicked> {
    // What it panicked with has been logged.
    thread.join().map_err(|_| Panicked)
}

#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "in tests it may refuse")]
fn may_spawn() -> Result<(), NoThread> {
    Ok(())
}

#[cfg(test)]
use tests::may_spawn;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::Cell;
    use std::thread;

    thread_local! {
        static REFUSES: Cell<bool> = const { Cell::new(false) };
    }

    /// Lets this thread start no other while `job` runs.
    pub(crate) fn without_threads<T>(job: impl FnOnce() -> T) -> T {
        REFUSES.set(true);
        let done = job();
        REFUSES.set(false);
        done
    }

    pub(super) fn may_spawn() -> Result<(), NoThread> {
        if REFUSES.get() {
            return Err(NoThread(rustix::io::Errno::AGAIN.raw_os_error()));
        }
        Ok(())
    }

    #[test]
    fn a_refused_thread_is_no_panic_and_says_why_and_what_to_do() {
        let refused = without_threads(|| spawn(|| ()).map(drop));
        let told = refused.expect_err("none is given").to_string();
        assert!(told.contains("Resource temporarily unavailable"), "{told}");
        assert!(told.contains("TasksMax"), "{told}");
        let refused =
            without_threads(|| thread::scope(|scope| spawn_within(scope, || ()).is_err()));
        assert!(refused);
    }
}
