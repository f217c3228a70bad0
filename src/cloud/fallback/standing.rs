//! How providers have done so far, and what calls remember of it for each other. The time is a parameter.

use std::collections::BTreeMap;
use std::time::Duration;

use log::debug;
use serde::{Deserialize, Serialize};

use crate::cloud::refusal::Meaning;
use crate::cloud::{Cause, Error, Refusal};
use crate::sys::state::State;
use crate::sys::{date, error};

/// How a provider has done so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    /// It heard no words in this call where another one heard some. Once that may be chance.
    Doubted(Failing),
    /// An earlier call found it failing.
    Remembered(Failing),
    /// This call found it failing.
    Failed(Failing),
}

/// What is remembered of a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Failing {
    /// The beginning and the end of this state, in seconds since 1970.
    since: u64,
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
            Self::Good | Self::Doubted(_) => 0,
            Self::Remembered(_) => 1,
            Self::Failed(_) => 2,
        }
    }

    /// Why it is not good.
    pub(super) fn failing(&self) -> Option<&Failing> {
        match self {
            Self::Good => None,
            Self::Doubted(failing) | Self::Remembered(failing) | Self::Failed(failing) => {
                Some(failing)
            }
        }
    }
}

impl Failing {
    /// What `error` says at `now`, in seconds since 1970, of a provider that was given `given` to begin, and is usually
    /// given `usual`.
    pub(super) fn of<E: Cause + std::error::Error + 'static>(
        error: &E,
        given: Duration,
        usual: Duration,
        now: u64,
    ) -> Self {
        let service = error.service();
        let lasts = service.and_then(|error| lasts(error, given, usual, now));
        let why = error::Chain(error).to_string();
        Self {
            since: now,
            until: now + lasts.unwrap_or_default().as_secs(),
            why: why.chars().take(MAX_WHY).collect(),
            is_retired: service.is_some_and(is_retired),
        }
    }
}

/// The standings that earlier calls have left at `now`.
pub(super) fn remembered(state: &State, fingerprints: &[&str], now: u64) -> Vec<Standing> {
    if fingerprints.is_empty() {
        return Vec::new();
    }
    if let Some(server) = state.server() {
        let keys = fingerprints.iter().map(|fingerprint| key(fingerprint));
        match server.get(keys.collect()) {
            Ok(found) if found.len() == fingerprints.len() => {
                return found.into_iter().map(shared).collect();
            }
            Ok(_) => debug!(
                "the server that machines share gives another number of values than was asked for"
            ),
            Err(lost) => debug!("{lost}"),
        }
    }
    let memory: Memory = state.read(FILE);
    let standing = |fingerprint: &&str| match memory.get(*fingerprint) {
        // A clock that was set back must not keep a provider out for longer.
        Some(failing) if (failing.since..=failing.until).contains(&now) => {
            Standing::Remembered(failing.clone())
        }
        _ => Standing::Good,
    };
    fingerprints.iter().map(standing).collect()
}

/// What another machine has left, which is there for as long as it holds: their clocks may differ.
fn shared(left: Option<Vec<u8>>) -> Standing {
    let failing = left.and_then(|left| serde_json::from_slice(&left).ok());
    failing.map_or(Standing::Good, Standing::Remembered)
}

fn key(fingerprint: &str) -> String {
    format!("phone-assistant:provider:{fingerprint}")
}

/// Tells later calls of a failure that goes on after `now`.
pub(super) fn remember(state: &State, fingerprint: &str, failing: Failing, now: u64) {
    if failing.until <= now {
        return;
    }
    if let (Some(server), Ok(left)) = (state.server(), serde_json::to_vec(&failing)) {
        let time = Duration::from_secs(failing.until - now);
        match server.set(&key(fingerprint), left, time) {
            Ok(()) => return,
            Err(lost) => debug!("{lost}"),
        }
    }
    let remember = |memory: &mut Memory| {
        memory.retain(|_, failing| failing.until > now);
        memory.insert(fingerprint.to_owned(), failing);
    };
    if let Err(cause) = state.waiting_briefly().update(FILE, remember) {
        debug!("{}", error::Chain(&cause));
    }
}

/// How long a provider that failed by `error` at `now` is passed over; `None` where the error may pass at once.
fn lasts(error: &Error, given: Duration, usual: Duration, now: u64) -> Option<Duration> {
    match error {
        Error::Connect { .. } | Error::Clock { .. } | Error::Credentials(_) => Some(SHORT),
        // A provider that was given less time than usual, because others had used it up, is not to blame.
        Error::Timeout { after, .. } => (given.max(*after) + PUNCTUALITY >= usual).then_some(SHORT),
        Error::Refused(refusal) => refused_for(refusal, now),
        _ => None,
    }
}

/// How long a refusal will be repeated.
fn refused_for(refusal: &Refusal, now: u64) -> Option<Duration> {
    let asked_for = refusal.retry_after;
    match (refusal.meaning, refusal.status) {
        // Google's wait is that of a limit per minute.
        (Meaning::DayQuota, _) => Some(until_tomorrow(GOOGLES_MIDNIGHT, now)),
        (Meaning::DayLimit, _) => {
            Some(asked_for.unwrap_or_else(|| until_tomorrow(0, now)).min(DAY))
        }
        // A limit that names no wait may be over when the next call comes.
        (Meaning::Status, 429) => asked_for.map(|wait| wait.min(LONG)),
        (Meaning::Status, 300..=399 | 403..=405 | 410) => Some(LONG),
        (Meaning::Status | Meaning::Content, _) => None,
        _ => Some(LONG),
    }
}

/// The time until a day ends that begins at this hour in UTC. In its first hour it may be the day before by the service's
/// clock.
fn until_tomorrow(hour: u64, now: u64) -> Duration {
    let since = Duration::from_secs((now + DAY.as_secs() - hour * 3600) % DAY.as_secs());
    if since < HOUR {
        HOUR
    } else {
        DAY.saturating_sub(since)
    }
}

/// Whether the model is retired. "Not found", or "gone": Gemini and OpenAI say so of a model that they have switched
/// off.
fn is_retired(error: &Error) -> bool {
    matches!(error, Error::Refused(refusal) if matches!(refusal.status, 404 | 410))
}

/// The time from the beginning of a stage to that of a request's preparation, and by how much a clock may be early.
const PUNCTUALITY: Duration = Duration::from_millis(100);

/// How long to remember what the network may have caused, and what an administrator has to fix.
const SHORT: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(300);

const HOUR: Duration = Duration::from_secs(3600);

/// A limit of a day is over after this at the latest.
const DAY: Duration = Duration::from_secs(date::SECONDS_A_DAY);

/// Midnight in California as an hour in UTC, where Google's days begin; in summer that is an hour earlier.
const GOOGLES_MIDNIGHT: u64 = 8;

pub(super) const FILE: &str = "providers.json";
const MAX_WHY: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Service;

    const SERVICE: Service = Service {
        name: "a service",
        settings: "[x]",
        key: "key",
    };

    /// 2026-11-28 at 13:00 UTC.
    const NOW: u64 = 1_795_870_800;

    fn lasts_s(status: u16, body: &str) -> Option<u64> {
        let refusal = Refusal::read(SERVICE, status, body.as_bytes(), &[]);
        let error = Error::Refused(Box::new(refusal));
        let four = Duration::from_secs(4);
        lasts(&error, four, four, NOW).map(|lasts| lasts.as_secs())
    }

    fn google(quota: &str, value: &str, delay: &str) -> String {
        format!(
            r#"{{"error":{{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{{"quotaId":"{quota}","quotaValue":"{value}"}}]}},{{"retryDelay":"{delay}"}}]}}}}"#
        )
    }

    #[test]
    fn a_refusal_is_remembered_for_as_long_as_it_holds() {
        let per_day = "GenerateRequestsPerDayPerProjectPerModel-FreeTier";
        let per_minute = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier";
        let openai = |code: &str, message: &str| {
            format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#)
        };
        let rate = "rate_limit_exceeded";
        let table = [
            // Until 8:00 UTC, midnight in California.
            (429, google(per_day, "250", "43s"), Some(19 * 3600)),
            (429, google(per_minute, "15", "12s"), Some(12)),
            (429, google(per_day, "0", "25s"), Some(300)),
            (
                429,
                openai(
                    rate,
                    "on requests per day (RPD): Limit 200. Please try again in 7m12s.",
                ),
                Some(432),
            ),
            (
                429,
                openai(rate, "on tokens per day (TPD). Please try again in 40h."),
                Some(86_400),
            ),
            (
                429,
                openai("429", "Rate limit exceeded: free-models-per-day"),
                Some(11 * 3600),
            ),
            (
                429,
                openai(rate, "on requests per min. Please try again in 20s."),
                Some(20),
            ),
            (429, openai(rate, "Slow down."), None),
            (429, openai("insufficient_quota", ""), Some(300)),
            (429, openai("billing_not_active", ""), Some(300)),
            (
                403,
                openai("unsupported_country_region_territory", ""),
                Some(300),
            ),
            (
                400,
                openai("", "User location is not supported for the API use."),
                Some(300),
            ),
            (402, String::new(), Some(300)),
            (400, openai("content_filter", ""), None),
            (403, openai("", "your input was flagged"), None),
            (400, openai("budget_exceeded", ""), Some(300)),
            (401, String::new(), Some(300)),
            (400, String::new(), None),
            (503, String::new(), None),
        ];
        for (status, body, expected) in table {
            assert_eq!(lasts_s(status, &body), expected, "{status} {body}");
        }
    }

    #[test]
    fn a_day_ends_at_its_hour() {
        let table = [
            (0, 8 * 3600),
            (8 * 3600 - 1, 1),
            (8 * 3600, 3600),
            (9 * 3600 - 1, 3600),
            (9 * 3600, 23 * 3600),
        ];
        for (now, expected) in table {
            assert_eq!(until_tomorrow(8, now).as_secs(), expected, "{now}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nobody_out() {
        let (_folder, state) = super::super::tests::state();
        let error = Error::Refused(Box::new(Refusal::read(SERVICE, 401, b"", &[])));
        let failing = Failing::of(&error, Duration::ZERO, Duration::ZERO, NOW);
        remember(&state, "x", failing, NOW);
        let is_remembered = |now| remembered(&state, &["x", "y"], now)[0] != Standing::Good;
        let table = [
            (NOW - 1, false),
            (NOW, true),
            (NOW + 300, true),
            (NOW + 301, false),
        ];
        for (now, expected) in table {
            assert_eq!(is_remembered(now), expected, "{now}");
        }
    }

    #[test]
    fn a_failure_is_remembered_by_all_machines_whatever_their_clocks_say() {
        for program in testkit::Server::programs("what machines know of services") {
            let server = testkit::Server::start(program);
            let error = Error::Refused(Box::new(Refusal::read(SERVICE, 401, b"", &[])));
            let failing = Failing::of(&error, Duration::ZERO, Duration::ZERO, NOW);
            let machines = [(); 2].map(|()| super::super::tests::state());
            let [one, other] = machines.each_ref().map(|(_, state)| {
                let server = crate::sys::state::server::tests::shared(&server);
                state.clone().with(Some(server))
            });
            remember(&one, "x", failing.clone(), NOW);
            let found = remembered(&other, &["x", "y"], NOW - 3600);
            assert_eq!(found, [Standing::Remembered(failing), Standing::Good]);
            let alone = remembered(&machines[0].1, &["x", "y"], NOW);
            assert_eq!(alone, [Standing::Good, Standing::Good]);
        }
    }
}
