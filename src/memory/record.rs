//! What is kept of one caller, and how it stays small.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::caller::Caller;
use crate::config::limits::RetentionLimits;
use crate::sys::date;
use crate::sys::state::guard;
use crate::text;

/// What a caller said, and as much of the answer as they have heard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exchange {
    /// When it was said, in seconds since 1970.
    pub time: u64,
    /// The caller's words.
    pub question: String,
    /// The model's.
    pub answer: String,
}

/// The file of one caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The format of the file.
    pub(super) version: u32,
    /// A new id for each file that is begun, by which a call knows whether the file that it has read is still there.
    pub(super) id: String,
    /// The caller's number.
    pub number: String,
    /// The account that they have signed in with, if they have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What the model has noted of them.
    #[serde(default)]
    pub summary: String,
    /// What was said, the newest last.
    #[serde(default)]
    pub exchanges: Vec<Exchange>,
}

impl Record {
    pub(super) fn new(caller: &Caller, id: String) -> Self {
        Self {
            version: VERSION,
            id,
            number: caller.number.clone(),
            account: caller.account.clone(),
            ..Self::default()
        }
    }

    /// Reads a file's content.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(bytes: &[u8]) -> serde_json::Result<Self> {
        guard::parse(bytes, VERSION)
    }

    /// Adds an exchange; a note of the model's takes the place of the summary.
    pub(super) fn add(
        &mut self,
        question: &str,
        answer: &str,
        note: Option<&str>,
        now: SystemTime,
    ) {
        self.exchanges.push(Exchange {
            time: date::seconds(now),
            question: cut(question, MAX_WORDS_CHARS),
            answer: cut(answer, MAX_WORDS_CHARS),
        });
        if let Some(note) = note {
            self.summary = cut(note, MAX_SUMMARY_CHARS);
        }
    }

    /// Drops what is too old and too much, the oldest first. Without any exchange there is nothing left, not even the
    /// summary.
    pub(super) fn trim(&mut self, retention: RetentionLimits, now: SystemTime) {
        let now = date::seconds(now);
        self.exchanges.retain_mut(|exchange| {
            // An exchange that was dated by a wrong clock would be young for ever.
            exchange.time = exchange.time.min(now);
            now - exchange.time < retention.max_age.as_secs()
        });
        let surplus = self.exchanges.len().saturating_sub(retention.max_exchanges);
        self.exchanges.drain(..surplus);
        while !self.exchanges.is_empty() && self.bytes() > MAX_BYTES {
            self.exchanges.remove(0);
        }
        // The summary tells what was said in them, so it must not outlast them.
        if self.exchanges.is_empty() {
            self.summary.clear();
        }
    }

    /// What is left of it once it is trimmed, if anything is.
    pub(super) fn trimmed(&self, retention: RetentionLimits, now: SystemTime) -> Option<Self> {
        let mut kept = self.clone();
        kept.trim(retention, now);
        Some(kept).filter(|kept| !kept.exchanges.is_empty())
    }

    /// When the caller called last.
    pub(crate) fn last(&self) -> Option<u64> {
        self.exchanges.iter().map(|exchange| exchange.time).max()
    }

    fn bytes(&self) -> usize {
        serde_json::to_vec(self).map_or(0, |json| json.len())
    }
}

/// Within its limit, and without what a terminal would obey or JSON would write at length.
fn cut(text: &str, max_chars: usize) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text.chars().map(plain).collect();
    text::limit(&text, max_chars).to_owned()
}

const VERSION: u32 = 1;

/// A file has no more than this. One exchange always fits: its words have at most 16,000 bytes.
pub(super) const MAX_BYTES: usize = 32 * 1024;

/// The maximum length of a question or an answer: two minutes of speech.
const MAX_WORDS_CHARS: usize = 2000;

/// What the model is told that a note may have.
pub(crate) const MAX_SUMMARY_CHARS: usize = 500;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::time::Duration;

    use super::*;

    const DAY: Duration = Duration::from_secs(date::SECONDS_A_DAY);
    const RETENTION: RetentionLimits = RetentionLimits {
        max_exchanges: 3,
        max_age: Duration::from_secs(30 * date::SECONDS_A_DAY),
    };

    fn day(day: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + DAY * (20_782 + day)
    }

    fn record() -> Record {
        let caller = Caller {
            number: "200".to_owned(),
            account: None,
        };
        Record::new(&caller, "1".to_owned())
    }

    fn questions(record: &Record) -> Vec<&str> {
        let questions = record.exchanges.iter().map(|one| one.question.as_str());
        questions.collect()
    }

    #[test]
    fn the_last_exchanges_are_kept_and_the_last_note() {
        let mut record = record();
        for (number, note) in [
            (1, None),
            (2, Some("first")),
            (3, None),
            (4, Some("second")),
        ] {
            record.add(&format!("question {number}"), "answer", note, day(0));
            record.trim(RETENTION, day(0));
        }
        assert_eq!(
            questions(&record),
            ["question 2", "question 3", "question 4"]
        );
        assert_eq!(record.summary, "second");
        record.add("question 5", "answer", Some(""), day(0));
        assert_eq!(record.summary, "", "a note may take everything back");
    }

    #[test]
    fn what_is_too_old_goes_and_the_summary_with_the_last_of_it() {
        let mut record = record();
        record.add("old", "answer", Some("a note"), day(0));
        record.add("new", "answer", None, day(1));
        let last_second = day(30) - Duration::from_secs(1);
        let table: [(SystemTime, &[&str]); 4] = [
            (last_second, &["old", "new"]),
            (day(30), &["new"]),
            (day(31) - Duration::from_secs(1), &["new"]),
            (day(31), &[]),
        ];
        for (now, kept) in table {
            record.trim(RETENTION, now);
            assert_eq!(questions(&record), kept);
            assert_eq!(record.summary.is_empty(), kept.is_empty());
        }
    }

    #[test]
    fn what_a_wrong_clock_has_put_into_the_future_grows_old_too() {
        let mut record = record();
        record.add("q", "a", None, day(5000));
        record.trim(RETENTION, day(0));
        assert_eq!(record.last(), Some(date::seconds(day(0))));
        record.trim(RETENTION, day(30));
        assert_eq!(record.last(), None);
    }

    #[test]
    fn a_later_format_is_not_taken_for_this_one() {
        let mut record = record();
        record.version += 1;
        let json = serde_json::to_vec(&record).expect("JSON");
        let error = Record::parse(&json).expect_err("another version");
        assert!(error.to_string().contains("version 2"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_file_stays_small_and_keeps_the_newest(
            texts in proptest::collection::vec("[a\"\\\\\u{1}€🙂 .]{0,40}", 1..12),
            times in 1_usize..200,
        ) {
            let retention = RetentionLimits { max_exchanges: 100, ..RETENTION };
            let mut record = record();
            for text in &texts {
                let long = text.repeat(times);
                record.add(&long, &long, Some(&long), day(0));
                record.trim(retention, day(0));
                prop_assert!(record.bytes() <= MAX_BYTES);
                prop_assert!(record.summary.chars().count() <= MAX_SUMMARY_CHARS);
            }
            let last = cut(&texts[texts.len() - 1].repeat(times), MAX_WORDS_CHARS);
            prop_assert_eq!(record.exchanges.last().map(|one| one.answer.clone()), Some(last));
            let json = serde_json::to_vec(&record).expect("JSON");
            prop_assert_eq!(Record::parse(&json).expect("our own"), record);
        }
    }
}
