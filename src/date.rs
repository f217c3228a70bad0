//! The wall clock, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

/// Whole seconds since 1970; 0 by a clock that stands before.
pub fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

/// Whole days since 1970.
pub fn day(time: SystemTime) -> u64 {
    seconds(time) / SECONDS_A_DAY
}

/// Leap seconds are not counted.
pub const SECONDS_A_DAY: u64 = 24 * 60 * 60;
