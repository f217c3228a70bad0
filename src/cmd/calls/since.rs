//! The moment since when calls are looked at.

use std::time::{Duration, SystemTime};

use chrono::{NaiveDate, NaiveTime};

use crate::sys::date::{self, SECONDS_A_DAY};

/// A moment in UTC, as far as it was written, in the form in which the log has the times of calls: so their texts compare
/// as the moments do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Since(String);

impl Since {
    /// Reads a day, perhaps with a time of day, or a time before `now`.
    pub(crate) fn parse(text: &str, now: SystemTime) -> Option<Self> {
        let text = text.trim();
        if let Some(ago) = ago(text) {
            return Some(Self(date::rfc3339(now.checked_sub(ago)?)));
        }
        let moment = text.to_ascii_uppercase().replace(' ', "T");
        let moment = moment.trim_end_matches('Z');
        let has_form = moment.len() >= DAY.len() && moment.len() <= FORM.len();
        let fits = moment
            .bytes()
            .zip(FORM.bytes())
            .all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                form => byte == form,
            });
        let is_whole = [
            DAY.len(),
            HOUR.len(),
            MINUTE.len(),
            SECOND.len(),
            FORM.len(),
        ];
        let is_one = has_form && fits && is_whole.contains(&moment.len()) && is_possible(moment);
        is_one.then(|| Self(moment.to_owned()))
    }

    /// Whether a call that began at `time` counts.
    pub(super) fn includes(&self, time: &str) -> bool {
        time >= self.0.as_str()
    }
}

/// Whether the calendar has the day of a moment in [`FORM`], and the day its time.
fn is_possible(moment: &str) -> bool {
    let number = |from: usize, to: usize| {
        moment
            .get(from..to)
            .map_or(0, |text| text.parse::<u32>().unwrap_or(0))
    };
    let day = NaiveDate::from_ymd_opt(number(0, 4).cast_signed(), number(5, 7), number(8, 10));
    let time = NaiveTime::from_hms_opt(number(11, 13), number(14, 16), number(17, 19));
    day.is_some() && time.is_some()
}

/// A time such as `30m`, `12h`, `7d` or `2w`.
fn ago(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        'm' => 60,
        'h' => 60 * 60,
        'd' => SECONDS_A_DAY,
        'w' => 7 * SECONDS_A_DAY,
        _ => return None,
    };
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}

const DAY: &str = "0000-00-00";
const HOUR: &str = "0000-00-00T00";
const MINUTE: &str = "0000-00-00T00:00";
const SECOND: &str = "0000-00-00T00:00:00";
const FORM: &str = "0000-00-00T00:00:00.000";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_a_moment_and_a_time_ago_are_understood_and_nothing_else() {
        // 2026-11-25, 03:18:00 UTC.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_576_680);
        let table = [
            ("2026-11-24", Some("2026-11-24")),
            ("2026-11-24T08", Some("2026-11-24T08")),
            ("2026-11-24t08:30z", Some("2026-11-24T08:30")),
            ("2026-11-24 08:30:01.250", Some("2026-11-24T08:30:01.250")),
            ("90m", Some("2026-11-25T01:48:00.000Z")),
            ("12h", Some("2026-11-24T15:18:00.000Z")),
            ("7d", Some("2026-11-18T03:18:00.000Z")),
            ("1w", Some("2026-11-18T03:18:00.000Z")),
            ("", None),
            ("d", None),
            ("-1d", None),
            ("7 days", None),
            ("9999999999999999999w", None),
            ("yesterday", None),
            ("2026-11", None),
            ("2026-11-24T", None),
            ("2026-11-24T8:30", None),
            ("24.11.2026", None),
            ("2026-13-01", None),
            ("2026-00-01", None),
            ("2026-11-00", None),
            ("2026-11-30", Some("2026-11-30")),
            ("2026-11-31", None),
            ("2026-02-29", None),
            ("2028-02-29", Some("2028-02-29")),
            ("2100-02-29", None),
            ("2026-11-24T23:59:59", Some("2026-11-24T23:59:59")),
            ("2026-11-24T24:00", None),
            ("2026-11-24T08:60", None),
            ("2026-11-24T08:30:60", None),
        ];
        for (text, expected) in table {
            let expected = expected.map(|moment| Since(moment.to_owned()));
            assert_eq!(Since::parse(text, now), expected, "{text}");
        }
    }

    #[test]
    fn calls_of_that_moment_count() {
        let since = Since("2026-11-24T08:30".to_owned());
        assert!(since.includes("2026-11-24T08:30:00.000Z") && since.includes("2026-11-25"));
        assert!(!since.includes("2026-11-24T08:29:59.999Z") && !since.includes("2026-11-24"));
    }
}
