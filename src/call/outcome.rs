//! How a call, or one answer in it, has ended.

use std::thread;

use crate::spending::limits::Refused;
use crate::sys::error::{Failure, INTERNAL, Stage};

/// How a call has ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The answer was heard, or is in this file for the dialplan to play.
    Answered(Option<String>),
    NoSpeech,
    HungUp,
    /// The answer broke off after its beginning was heard.
    Partial(Failure),
    /// This extension takes over.
    Transfer(String),
    /// A limit of calls or costs was reached, and nothing was paid for.
    Limited(Failure),
    Failed(Failure),
}

impl Outcome {
    /// How a call has ended that was carried through with this result, `stage` being what was done last.
    pub(super) fn of(
        result: thread::Result<Result<Self, Failure>>,
        is_forged: bool,
        is_hung_up: bool,
        stage: Stage,
    ) -> Self {
        match result {
            // A caller who can put lines into the block can put a hang-up there as well. With that as its status a
            // forged call would leave no reason in any log.
            Ok(Err(failure)) if is_forged => Self::Failed(failure),
            // A hang-up ends the work under way by an error of some kind, which is no failure of the call.
            _ if is_hung_up => Self::HungUp,
            Ok(Ok(outcome)) => outcome,
            Ok(Err(failure)) if failure.cause.is::<Refused>() => Self::Limited(failure),
            Ok(Err(failure)) => Self::Failed(failure),
            Err(_) => Self::Failed(Failure {
                stage,
                cause: INTERNAL.into(),
            }),
        }
    }

    /// The file that the dialplan is to play; empty if there is none.
    pub(super) fn file(&self) -> &str {
        match self {
            Self::Answered(Some(file)) => file,
            _ => "",
        }
    }

    /// The extension that takes over; empty if there is none.
    pub(super) fn extension(&self) -> &str {
        match self {
            Self::Transfer(extension) => extension,
            _ => "",
        }
    }

    pub(super) fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) | Self::Partial(failure) | Self::Limited(failure) => {
                Some(failure)
            }
            Self::Answered(_) | Self::NoSpeech | Self::HungUp | Self::Transfer(_) => None,
        }
    }

    /// The word that the dialplan branches on.
    pub(super) fn status(&self) -> &'static str {
        match self {
            Self::Answered(_) => "ANSWERED",
            Self::NoSpeech => "NOSPEECH",
            Self::HungUp => "HANGUP",
            Self::Transfer(_) => "TRANSFER",
            Self::Partial(_) => "PARTIAL",
            Self::Limited(_) => "LIMITED",
            Self::Failed(_) => "FAILED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::error::{At, Stage};

    #[test]
    fn each_outcome_has_its_word_and_what_belongs_to_it() {
        let failure = || {
            let failed = Err::<(), _>("why").at(Stage::Llm);
            failed.expect_err("it is one")
        };
        let table = [
            (Outcome::Answered(None), "ANSWERED", "", "", ""),
            (
                Outcome::Answered(Some("/c/r".into())),
                "ANSWERED",
                "/c/r",
                "",
                "",
            ),
            (Outcome::NoSpeech, "NOSPEECH", "", "", ""),
            (Outcome::HungUp, "HANGUP", "", "", ""),
            (Outcome::Transfer("200".into()), "TRANSFER", "", "200", ""),
            (Outcome::Partial(failure()), "PARTIAL", "", "", "llm: why"),
            (Outcome::Limited(failure()), "LIMITED", "", "", "llm: why"),
            (Outcome::Failed(failure()), "FAILED", "", "", "llm: why"),
        ];
        for (outcome, status, file, extension, why) in table {
            let told = outcome.failure().map(ToString::to_string);
            assert_eq!(outcome.status(), status);
            assert_eq!(outcome.file(), file, "{status}");
            assert_eq!(outcome.extension(), extension, "{status}");
            assert_eq!(told.unwrap_or_default(), why, "{status}");
        }
    }
}
