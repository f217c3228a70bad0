//! How providers have done so far, and what calls remember of it for each other. The time is a parameter.

use std::collections::BTreeMap;
use std::time::Duration;

use log::debug;
use serde::{Deserialize, Serialize};

use super::Cause;
use crate::cloud::Error;
use crate::sys::error;
use crate::sys::state::State;

/// How a provider has done so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    /// An earlier call found it failing.
    Remembered(Failing),
    /// This call found it failing.
    Failed(Failing),
}

/// What is remembered of a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Failing {
    /// The end of this state, in seconds since 1970.
    until: u64,
    pub(super) why: String,
    pub(super) is_retired: bool,
}

/// Failing providers by fingerprint.
type Memory = BTreeMap<String, Failing>;

impl Standing {
    /// How soon it is asked: the lowest rank first.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Remembered(_) => 1,
            Self::Failed(_) => 2,
        }
    }

    /// Why it is not good.
    pub(super) fn failing(&self) -> Option<&Failing> {
        match self {
            Self::Good => None,
            Self::Remembered(failing) | Self::Failed(failing) => Some(failing),
        }
    }
}

impl Failing {
    /// What `error` says at `now`, in seconds since 1970, of a provider that is usually given `usual` to begin.
    pub(super) fn of<E: Cause + std::error::Error + 'static>(
        error: &E,
        usual: Duration,
        now: u64,
    ) -> Self {
        let service = error.service();
        let lasts = service.and_then(|error| lasts(error, usual));
        let why = error::Chain(error).to_string();
        Self {
            until: now + lasts.unwrap_or_default().as_secs(),
            why: why.chars().take(MAX_WHY).collect(),
            is_retired: service.is_some_and(is_retired),
        }
    }
}

/// The standings that earlier calls have left at `now`.
pub(super) fn remembered<'a>(
    state: &State,
    fingerprints: impl ExactSizeIterator<Item = &'a str>,
    now: u64,
) -> Vec<Standing> {
    // Where there is no fallback, nothing is remembered of the only provider.
    let memory = if fingerprints.len() > 1 {
        state.read(FILE)
    } else {
        Memory::new()
    };
    let standing = |fingerprint| match memory.get(fingerprint) {
        // A clock that was set back must not keep a provider out for longer.
        Some(failing) if (now..=now + LONG.as_secs()).contains(&failing.until) => {
            Standing::Remembered(failing.clone())
        }
        _ => Standing::Good,
    };
    fingerprints.map(standing).collect()
}

/// Tells later calls of a failure that goes on after `now`.
pub(super) fn remember(state: &State, fingerprint: &str, failing: Failing, now: u64) {
    if failing.until <= now {
        return;
    }
    let remember = |memory: &mut Memory| {
        memory.retain(|_, failing| failing.until > now);
        memory.insert(fingerprint.to_owned(), failing);
    };
    if let Err(cause) = state.waiting_briefly().update(FILE, remember) {
        debug!("{}", error::Chain(&cause));
    }
}

/// How long a provider that failed by `error` is passed over; `None` where the error may pass at once.
fn lasts(error: &Error, usual: Duration) -> Option<Duration> {
    match error {
        Error::Connect { .. } | Error::Clock { .. } | Error::Credentials(_) => Some(SHORT),
        // A provider that was given less time than usual, because others had used it up, is not to blame.
        Error::Timeout { after, .. } => (*after + PUNCTUALITY >= usual).then_some(SHORT),
        Error::Refused(refusal) => match refusal.status {
            _ if refusal.is_quota || refusal.is_unknown_key() => Some(LONG),
            300..=399 | 403..=405 | 410 => Some(LONG),
            429 => refusal.retry_after.map(|wait| wait.min(LONG)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the model is retired. "Not found", or "gone": Gemini and OpenAI say so of a model that they have switched
/// off.
fn is_retired(error: &Error) -> bool {
    matches!(error, Error::Refused(refusal) if matches!(refusal.status, 404 | 410))
}

/// A time-out may be a little early by the clock that measures it.
const PUNCTUALITY: Duration = Duration::from_millis(100);

/// How long to remember what the network may have caused, and what an administrator has to fix.
const SHORT: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(300);

pub(super) const FILE: &str = "providers.json";
const MAX_WHY: usize = 300;
