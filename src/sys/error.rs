//! Why a call failed: the stage, the chain of causes, and the one line that tells both.

use std::error::Error;
use std::fmt;
use std::iter::successors;

use serde::Deserialize;

use crate::sys::redact;

/// The part of a call that failed, as `ASSISTANT_ERROR` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Stage {
    /// Settings, arguments and keys.
    Config,
    /// Reading what the caller said.
    Recording,
    /// Limits of calls and costs.
    Limit,
    /// Speech to text.
    Stt,
    /// The language model.
    Llm,
    /// Text to speech.
    Tts,
    /// Writing what the caller will hear.
    Reply,
}

/// A failed call.
#[derive(Debug)]
pub struct Failure {
    /// Where.
    pub stage: Stage,
    /// Why; its message says what to do.
    pub cause: Box<dyn Error + Send + Sync>,
}

/// Turns any error into the [`Failure`] of a stage.
pub trait At<T> {
    /// Says which stage failed.
    ///
    /// # Errors
    /// Exactly when `self` is one.
    fn at(self, stage: Stage) -> Result<T, Failure>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> At<T> for Result<T, E> {
    fn at(self, stage: Stage) -> Result<T, Failure> {
        self.map_err(|cause| Failure {
            stage,
            cause: cause.into(),
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let causes = Chain(self.cause.as_ref()).to_string();
        let mut shown = causes.chars();
        write!(
            f,
            "{}: {}",
            self.stage,
            shown.by_ref().take(MAX_SHOWN).collect::<String>()
        )?;
        if shown.next().is_some() {
            f.write_str(" …")
        } else {
            Ok(())
        }
    }
}

/// An error with all its causes, on one line, whatever strangers have put into them.
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut causes = vec![self.0.to_string()];
        let mut cause = self.0.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        f.write_str(&redact::shown(&causes.join(": ")))
    }
}

/// What to do about an error: a message of ours ends with the way out, and causes may follow it.
pub(crate) fn way_out(error: &(dyn Error + 'static)) -> Option<String> {
    successors(Some(error), |&error| error.source()).find_map(|error| {
        let message = redact::shown(&error.to_string());
        Some(message.rsplit_once("; ")?.1.to_owned())
    })
}

/// The cause of a failure that is a fault of this program.
pub(crate) const INTERNAL: &str =
    "an internal error, which is a bug: please report it with the log";

/// Far more than any message of ours; what a service or a file says may be longer than a log should hold.
const MAX_SHOWN: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the recording; check its folder")]
    struct Unreadable(#[source] io::Error);

    #[test]
    fn a_failure_without_end_is_cut() {
        let failure = Err::<(), _>("é".repeat(5000))
            .at(Stage::Llm)
            .expect_err("it is one");
        assert_eq!(
            failure.to_string(),
            format!("llm: {} …", "é".repeat(MAX_SHOWN))
        );
    }

    #[test]
    fn a_failure_is_one_line_with_its_stage_and_every_cause() {
        let cause = Unreadable(io::Error::other("disk on fire"));
        let failure = Err::<(), _>(cause)
            .at(Stage::Recording)
            .expect_err("it is one");
        assert_eq!(
            failure.to_string(),
            "recording: cannot read the recording; check its folder: disk on fire"
        );
    }
}
