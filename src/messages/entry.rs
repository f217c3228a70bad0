//! A message as the spool keeps it, and as the webhook gets it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config;
use crate::sys::date;
use crate::sys::number;

/// What is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A message that a caller has left.
    Message,
    /// The words of a call.
    Transcript,
    /// Something that administrators should know; by mail alone.
    Notice,
}

/// A way to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Way {
    Mail,
    Webhook,
}

/// The speaker of a transcript's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Speaker {
    Caller,
    Assistant,
}

/// What was said in one go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Words {
    pub(crate) who: Speaker,
    pub(crate) text: String,
}

/// The caller, as Asterisk shows them. Of one who withholds their number nothing else is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Caller {
    pub(crate) number: String,
    pub(crate) name: String,
    pub(crate) withheld: bool,
}

/// How far one way has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Attempts that have failed.
    pub(crate) tries: u32,
    /// When the next attempt is due, in seconds since 1970.
    pub(crate) due: u64,
    /// When it was delivered.
    pub(crate) done: Option<u64>,
    /// Whether it is not tried any more.
    pub(crate) has_failed: bool,
    /// Why the last attempt has failed.
    pub(crate) error: String,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The same however often it is delivered; later ones are greater.
    pub(crate) id: String,
    pub(crate) kind: Kind,
    /// When it was left, in milliseconds since 1970.
    pub(crate) time_ms: u64,
    /// The persona that has taken it; empty: none.
    pub(crate) persona: String,
    pub(crate) caller: Caller,
    /// Whom it is for, as the assistant wrote it.
    pub(crate) recipient: String,
    /// The message, as the assistant wrote it.
    pub(crate) note: String,
    /// Whether the note broke off.
    pub(crate) is_cut: bool,
    /// What was said, as it was transcribed.
    pub(crate) words: Vec<Words>,
    /// How long the caller has spoken.
    pub(crate) audio_ms: u64,
    /// The recording, where it is kept.
    pub(crate) recording: Option<PathBuf>,
    /// When it is delivered at the earliest, in seconds since 1970: a call that goes on adds to it.
    pub(crate) due: u64,
    pub(crate) ways: BTreeMap<Way, Progress>,
}

impl Caller {
    /// A short name, by which messages of one caller are counted and kept in order.
    pub(crate) fn key(&self) -> String {
        number::key(&self.number)
    }
}

impl Entry {
    /// A new message that is to be delivered by the ways of these settings.
    pub(crate) fn new(
        kind: Kind,
        id: String,
        settings: &config::Messages,
        now: SystemTime,
    ) -> Self {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let is_set = [
            (Way::Mail, !settings.mail_to.is_empty()),
            (
                Way::Webhook,
                !settings.webhook.is_empty() && kind != Kind::Notice,
            ),
        ];
        let ways = is_set.into_iter().filter(|(_, is_set)| *is_set);
        Self {
            id,
            kind,
            time_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            persona: String::new(),
            caller: Caller::default(),
            recipient: String::new(),
            note: String::new(),
            is_cut: false,
            words: Vec::new(),
            audio_ms: 0,
            recording: None,
            due: since.as_secs(),
            ways: ways.map(|(way, _)| (way, Progress::default())).collect(),
        }
    }

    /// When it was left.
    pub(crate) fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.time_ms)
    }

    /// The key within which messages are kept in order: the caller. A message of an unknown caller stands alone.
    pub(super) fn sequence(&self) -> String {
        if number::is_withheld(&self.caller.number) {
            self.id.clone()
        } else {
            self.caller.key()
        }
    }

    /// Whether this way is to be tried. A time that is more than a day ahead comes from a clock that was wrong.
    pub(super) fn is_due(&self, way: Way, now: SystemTime) -> bool {
        let now = date::seconds(now);
        let has_come = |due: u64| due <= now || due > now + date::SECONDS_A_DAY;
        has_come(self.due) && self.ways.get(&way).is_none_or(|way| has_come(way.due))
    }

    /// Whether nothing is left to be done.
    pub(crate) fn is_delivered(&self) -> bool {
        self.ways.values().all(|way| way.done.is_some())
    }

    /// Whether a way is still to be tried.
    pub(super) fn is_pending(&self) -> bool {
        self.ways.values().any(Progress::is_pending)
    }

    /// Whether a way is not tried any more, and none is left to be tried.
    pub(crate) fn has_failed(&self) -> bool {
        let is_over = |way: &Progress| way.done.is_some() || way.has_failed;
        !self.is_delivered() && self.ways.values().all(is_over)
    }

    /// What the webhook gets.
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "time": date::rfc3339(self.time()),
            "kind": self.kind,
            "persona": self.persona,
            "caller": self.caller,
            "for": self.recipient,
            "note": self.note,
            "words": self.words,
            "audio_ms": self.audio_ms,
        })
    }
}

impl Progress {
    /// Notes that an attempt has failed. It is tried again after 1, 5, 15 and 60 minutes, then every hour, until the
    /// message is three days old and was tried often, as a clock that jumps makes it old at once; where that is of no use
    /// it `has_failed` for good.
    pub(crate) fn fail(
        &mut self,
        error: String,
        is_final: bool,
        left: SystemTime,
        now: SystemTime,
    ) {
        let pause = PAUSES_MIN
            .get(usize::try_from(self.tries).unwrap_or(usize::MAX))
            .unwrap_or(&LONGEST_PAUSE_MIN);
        self.tries += 1;
        self.error = error;
        self.due = date::seconds(now) + pause * 60;
        let age = now.duration_since(left).unwrap_or_default();
        self.has_failed = is_final || age >= GIVEN_UP_AFTER && self.tries >= MIN_TRIES;
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.done.is_none() && !self.has_failed
    }
}

const PAUSES_MIN: [u64; 3] = [1, 5, 15];
const LONGEST_PAUSE_MIN: u64 = 60;
const MIN_TRIES: u32 = 20;
const GIVEN_UP_AFTER: Duration = Duration::from_secs(3 * date::SECONDS_A_DAY);

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(count: u64) -> Duration {
        Duration::from_secs(count * 60)
    }

    #[test]
    fn what_fails_is_tried_again_after_longer_and_longer_pauses_for_three_days() {
        let left = UNIX_EPOCH + minutes(1_000_000);
        let (mut way, mut now, mut pauses) = (Progress::default(), left, Vec::new());
        while way.is_pending() {
            way.fail("it is down".to_owned(), false, left, now);
            let next = UNIX_EPOCH + Duration::from_secs(way.due);
            pauses.push(next.duration_since(now).expect("later").as_secs() / 60);
            now = next;
        }
        assert_eq!(pauses[..6], [1, 5, 15, 60, 60, 60]);
        let after = now.duration_since(left).expect("later");
        assert!(after >= GIVEN_UP_AFTER && after <= GIVEN_UP_AFTER + minutes(120));
        assert_eq!(usize::try_from(way.tries), Ok(pauses.len()));
    }

    #[test]
    fn a_clock_that_jumps_neither_gives_up_nor_delays() {
        let (mut way, now) = (Progress::default(), UNIX_EPOCH + minutes(1_000_000));
        for _ in 1..MIN_TRIES {
            way.fail("it is down".to_owned(), false, UNIX_EPOCH, now);
            assert!(way.is_pending(), "{} tries", way.tries);
        }
        way.fail("it is down".to_owned(), false, UNIX_EPOCH, now);
        assert!(way.has_failed);
        for (ahead, is_due) in [(0, true), (60, false), (23 * 60, false), (25 * 60, true)] {
            let mut entry = crate::messages::tests::entry(Kind::Message, now);
            entry.due = date::seconds(now + minutes(ahead));
            assert_eq!(entry.is_due(Way::Mail, now), is_due, "{ahead} min");
        }
    }

    #[test]
    fn only_messages_of_one_known_caller_wait_for_each_other() {
        let of = |number: &str| {
            let mut entry = crate::messages::tests::entry(Kind::Message, UNIX_EPOCH);
            entry.caller.number = number.to_owned();
            entry.sequence()
        };
        assert_eq!(of("+4930123456"), of("+4930123456"));
        assert_ne!(of("+4930123456"), of("+4930123457"));
        assert_ne!(of(""), of(""));
    }

    #[test]
    fn what_is_refused_for_good_is_not_tried_again() {
        let mut way = Progress::default();
        way.fail("410".to_owned(), true, UNIX_EPOCH, UNIX_EPOCH);
        assert!(way.has_failed && !way.is_pending());
    }
}
