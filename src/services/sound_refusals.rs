//! Whether the model has heard callers itself in a call, where the settings want that.

use std::sync::Mutex;

use crate::cloud::Error;
use crate::sys::error::Chain;
use crate::sys::sync::lock;

/// What has kept the model from hearing callers in this call.
#[derive(Debug, Default)]
pub(crate) struct SoundRefusals {
    fault: Mutex<Option<Fault>>,
}

#[derive(Clone, Debug)]
struct Fault {
    line: String,
    /// Whether it refuses sound, as it will the next time.
    is_refusal: bool,
}

impl SoundRefusals {
    /// Notes that the caller had to be transcribed because of this error.
    pub(crate) fn failed(&self, error: &Error) {
        let is_refusal = matches!(error, Error::Refused(refusal) if refusal.is_of_form());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::{Refusal, Service};

    #[test]
    fn sound_is_refused_by_its_form_and_not_for_what_was_said() {
        let service = Service {
            name: "a service",
            settings: "[x]",
            key: "key",
        };
        let flagged = br#"{"error": {"code": "content_policy_violation", "message": "no"}}"#;
        let table: [(u16, &[u8], bool); 4] = [
            (400, b"", true),
            (413, b"", true),
            (400, flagged, false),
            (503, b"", false),
        ];
        for (status, body, expected) in table {
            let refusals = SoundRefusals::default();
            let refusal = Refusal::read(service, status, body, &[]);
            refusals.failed(&Error::Refused(Box::new(refusal)));
            assert_eq!(refusals.is_refused(), expected, "{status}");
        }
    }
}
