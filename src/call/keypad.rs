//! What a caller types on the keypad: keys are collected until `#` or a pause ends them. Nothing here reads a clock.

use std::mem::take;
use std::time::{Duration, Instant};

/// The keys that a caller has typed one after the other.
#[derive(Debug)]
pub(super) struct Keypad {
    keys: String,
    max_keys: usize,
    /// When they are complete, unless another key comes before.
    end: Option<Instant>,
}

impl Default for Keypad {
    fn default() -> Self {
        Self::of(MAX_KEYS)
    }
}

impl Keypad {
    /// Collects at most `max_keys`, after which no pause is waited for.
    pub(super) fn of(max_keys: usize) -> Self {
        Self {
            keys: String::new(),
            max_keys,
            end: None,
        }
    }

    /// Takes in a key that was pressed at `now`. What comes after the end and before [`take`](Self::take) is dropped.
    pub(super) fn press(&mut self, key: char, now: Instant) {
        if self.end.is_some_and(|end| end <= now) || !KEYS.contains(key) {
            return;
        }
        let is_first = self.keys.is_empty();
        match key {
            END_KEY if is_first => return,
            END_KEY => {}
            _ => self.keys.push(key),
        }
        let is_complete = key == END_KEY || self.keys.len() >= self.max_keys;
        self.end = Some(if is_complete { now } else { now + PAUSE });
    }

    /// Completes what was typed at `end`, where that is earlier than the end of the pause.
    pub(super) fn end_by(&mut self, end: Instant) {
        self.end = self.end.map(|pause| pause.min(end));
    }

    /// Whether keys were typed that have not been taken.
    pub(super) fn is_open(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Whether keys were typed that are not complete at `now`.
    pub(super) fn goes_on(&self, now: Instant) -> bool {
        self.is_open() && self.end.is_some_and(|end| now < end)
    }

    /// The keys, complete or not.
    pub(super) fn keys(&self) -> &str {
        &self.keys
    }

    /// When the keys are complete; none where there are none.
    pub(super) fn ends_at(&self) -> Option<Instant> {
        self.end
    }

    /// Takes the keys, once they are complete at `now`.
    pub(super) fn take(&mut self, now: Instant) -> Option<String> {
        self.end.take_if(|end| *end <= now)?;
        Some(take(&mut self.keys))
    }
}

/// Typed keys as words of the caller's.
pub(super) fn words(keys: &str) -> String {
    format!("[typed on the keypad: {keys}]")
}

/// What a caller means who begins anew with `*`.
pub(super) fn last_part(keys: &str) -> &str {
    keys.rsplit('*').next().unwrap_or(keys)
}

/// Stands for typed keys that may be a PIN.
pub(super) const HIDDEN: &str = "[typed on the keypad: not shown]";

/// The keys by which a caller begins to type what may interrupt the assistant.
pub(super) const DIGITS: &str = "0123456789";
/// The keys that are collected, and the one that ends them.
pub(super) const KEYS: &str = "0123456789*#";
pub(super) const END_KEY: char = '#';

/// People look a number up between two of its keys.
const PAUSE: Duration = Duration::from_secs(3);
/// A telephone number has 15 digits at most, and a bank account number 30.
const MAX_KEYS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys at their ms, and what is taken when, where that is tried every 100 ms.
    #[test]
    fn keys_are_collected_until_the_hash_key_or_a_pause() {
        type Row<'a> = (&'a str, &'a [(u64, &'a str)], &'a [(u64, &'a str)]);
        let long = "1".repeat(MAX_KEYS + 1);
        let most = &long[1..];
        let table: &[Row<'_>] = &[
            ("nothing", &[], &[]),
            ("hash alone", &[(100, "#")], &[]),
            ("ended", &[(100, "06"), (900, "1#")], &[(900, "061")]),
            ("a pause", &[(100, "06"), (900, "1")], &[(3900, "061")]),
            ("just in time", &[(100, "0"), (3000, "6")], &[(6000, "06")]),
            (
                "too late",
                &[(100, "0"), (3200, "6")],
                &[(3100, "0"), (6200, "6")],
            ),
            ("a star", &[(100, "*21*5#")], &[(100, "*21*5")]),
            (
                "two",
                &[(100, "1#"), (200, "2#")],
                &[(100, "1"), (200, "2")],
            ),
            ("behind the end", &[(100, "1#2")], &[(100, "1")]),
            ("other keys", &[(100, "A1D#")], &[(100, "1")]),
            ("the longest", &[(100, most)], &[(100, most)]),
            ("too long", &[(100, &long)], &[(100, most)]),
        ];
        for (name, pressed, expected) in table {
            let start = Instant::now();
            let (mut keypad, mut taken) = (Keypad::default(), Vec::new());
            for ms in (0..10_000).step_by(100) {
                let now = start + Duration::from_millis(ms);
                let due = pressed.iter().filter(|(at, _)| *at == ms);
                for key in due.flat_map(|(_, keys)| keys.chars()) {
                    keypad.press(key, now);
                }
                let is_due = keypad.ends_at().is_some_and(|end| end <= now);
                assert_eq!(keypad.goes_on(now), keypad.is_open() && !is_due, "{name}");
                let keys = keypad.take(now);
                assert_eq!(keys.is_some(), is_due, "{name}");
                taken.extend(keys.map(|keys| (ms, keys)));
            }
            let taken: Vec<_> = taken.iter().map(|(ms, keys)| (*ms, &keys[..])).collect();
            assert_eq!(taken, *expected, "{name}");
            assert!(!keypad.is_open(), "{name}");
        }
    }

    #[test]
    fn a_pause_can_be_made_shorter_until_the_next_key() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut keypad = Keypad::of(2);
        keypad.end_by(at(0));
        assert_eq!((keypad.ends_at(), keypad.take(at(0))), (None, None));
        keypad.press('0', at(0));
        keypad.end_by(at(1500));
        keypad.end_by(at(9000));
        assert_eq!(keypad.ends_at(), Some(at(1500)));
        keypad.press('6', at(1499));
        assert_eq!(keypad.take(at(1499)), Some("06".to_owned()), "it is full");
    }
}
