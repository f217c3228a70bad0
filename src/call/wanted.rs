//! Whether the work of a job is still waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cloud;

/// Shared by a job and all its threads.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted(Arc<AtomicBool>);

impl Wanted {
    /// Tells the threads that the work is no longer waited for.
    pub(super) fn end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Fails if the job was dropped: then no further service is asked.
    pub(super) fn check(&self) -> Result<(), cloud::Error> {
        if self.0.load(Ordering::Relaxed) {
            return Err(cloud::Error::HungUp("nobody"));
        }
        Ok(())
    }
}
