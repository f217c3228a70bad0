//! Values that threads share.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a value that is whole at any time, also after a thread has panicked that held it: each change is one
/// assignment or one push.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
