//! The wall clock, in UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the date comes from: [`SystemTime::now`], or a test's own clock.
pub(crate) type WallClock = fn() -> SystemTime;

/// Whole seconds since 1970; 0 by a clock that stands before.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

/// Whole days since 1970.
pub(crate) fn day(time: SystemTime) -> u64 {
    seconds(time) / SECONDS_A_DAY
}

/// A day since 1970 as the calendar writes it, such as `2026-11-25`; what lies beyond the year 9999 is its last day.
pub(crate) fn calendar(day: u64) -> String {
    let since = Duration::from_secs(day.saturating_mul(SECONDS_A_DAY));
    rfc3339(UNIX_EPOCH + since.min(LAST_DATE))[..10].to_owned()
}

/// UTC to the millisecond, such as `2026-11-25T03:18:00.250Z`. The calendar is the one of `httpdate`,
/// whose dates read `Wed, 25 Nov 2026 03:18:00 GMT`.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let since = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .min(LAST_DATE);
    let date = httpdate::fmt_http_date(UNIX_EPOCH + since);
    let (day, month, year, clock) = (&date[5..7], &date[8..11], &date[12..16], &date[17..25]);
    let month = MONTHS.iter().position(|name| *name == month);
    format!(
        "{year}-{:02}-{day}T{clock}.{:03}Z",
        month.map_or(0, |index| index + 1),
        since.subsec_millis()
    )
}

/// UTC as a mail's header has it (RFC 5322, section 3.3), such as `Wed, 25 Nov 2026 03:18:00 +0000`.
pub(crate) fn rfc5322(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let date = httpdate::fmt_http_date(UNIX_EPOCH + since.min(LAST_DATE));
    // RFC 5322 has `GMT` only among the obsolete zones (section 4.3), which must not be written any more.
    date.replace("GMT", "+0000")
}

/// Leap seconds are not counted.
pub(crate) const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// The end of the year 9999, beyond which the form of the date has no room.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_799);

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates_of_the_calendar() {
        let table = [
            (Duration::ZERO, "1970-01-01T00:00:00.000Z"),
            (Duration::from_secs(951_782_399), "2000-02-28T23:59:59.000Z"),
            (Duration::from_secs(951_782_400), "2000-02-29T00:00:00.000Z"),
            (
                Duration::from_millis(1_795_576_680_250),
                "2026-11-25T03:18:00.250Z",
            ),
            (
                Duration::from_secs(4_107_542_400),
                "2100-03-01T00:00:00.000Z",
            ),
            (LAST_DATE, "9999-12-31T23:59:59.000Z"),
            (2 * LAST_DATE, "9999-12-31T23:59:59.000Z"),
        ];
        for (since, shown) in table {
            assert_eq!(rfc3339(UNIX_EPOCH + since), shown);
        }
        for (day, shown) in [
            (0, "1970-01-01"),
            (20_782, "2026-11-25"),
            (u64::MAX, "9999-12-31"),
        ] {
            assert_eq!(calendar(day), shown);
        }
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(rfc3339(before), "1970-01-01T00:00:00.000Z");
    }
}
