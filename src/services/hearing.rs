//! Whether the model has heard callers itself in a call, where the settings want that.

use std::sync::Mutex;

use crate::cloud::Error;
use crate::sys::error::Chain;
use crate::sys::sync::lock;

/// What has kept the model from hearing callers in this call.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    fault: Mutex<Option<Fault>>,
}

#[derive(Clone, Debug)]
struct Fault {
    line: String,
    /// Whether it refuses sound, as it will the next time.
    is_refusal: bool,
}

impl Hearing {
    /// Notes that the caller had to be transcribed because of this error.
    pub(crate) fn failed(&self, error: &Error) {
        let is_refusal = matches!(error, Error::Refused(refusal) if refusal.is_of_request());
        let line = format!(
            "the model did not hear the caller, who was transcribed instead: {}",
            Chain(error)
        );
        let mut fault = lock(&self.fault);
        match &mut *fault {
            Some(fault) => fault.is_refusal |= is_refusal,
            None => *fault = Some(Fault { line, is_refusal }),
        }
    }

    /// Whether it is of no use to send sound once more.
    pub(crate) fn is_refused(&self) -> bool {
        lock(&self.fault)
            .as_ref()
            .is_some_and(|fault| fault.is_refusal)
    }

    /// What administrators are told, if something went wrong.
    pub(crate) fn fault(&self) -> Option<String> {
        lock(&self.fault).as_ref().map(|fault| fault.line.clone())
    }
}
