//! What administrators are told once a day, by whichever call comes first.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::sys::date;
use crate::sys::state::State;

/// Whether it is the first time on a day, in UTC, that this is to be told. When that cannot be noted, it is told too often.
pub(super) fn first_today(state: &State, what: &str, now: SystemTime) -> bool {
    let today = date::day(now);
    let told = state
        .waiting_briefly()
        .update(FILE, |told: &mut BTreeMap<String, u64>| {
            told.insert(what.to_owned(), today) == Some(today)
        });
    !told.unwrap_or_default()
}

const FILE: &str = "told.json";

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_thing_is_told_once_a_day() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let state = State::new(folder.path());
        let at = |hours: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(hours * 3600);
        let told = |what, hours| first_today(&state, what, at(hours));
        assert!(told("stt", 48) && told("tts", 48));
        assert!(!told("stt", 71) && !told("tts", 49));
        assert!(told("stt", 72));
    }
}
