//! The PIN of a tool: a caller types it on the telephone's keys before the first use in a call.
//!
//! Tries are counted by day and number, so that a PIN of few digits is not found out by trying. Where they cannot be
//! counted no PIN is right.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use log::warn;
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::sys::date;
use crate::sys::error::Chain;
use crate::sys::files;
use crate::sys::number;
use crate::sys::state::State;
use crate::sys::state::guard::{self, Guard, Guarded};

/// The PIN of one tool.
#[derive(Clone, Debug)]
pub(crate) struct Pin {
    tool: String,
    file: PathBuf,
    guard: Guard,
}

/// What becomes of a PIN that was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the tool's.
    Right,
    /// It is another.
    Wrong,
    /// This number has tried too often today, or nothing can be compared or counted.
    Locked,
}

impl Pin {
    pub(super) fn new(tool: &str, file: &Path, state_folder: &Path) -> Self {
        Self {
            tool: tool.to_owned(),
            file: file.to_owned(),
            guard: guard_of_pins(state_folder),
        }
    }

    /// Compares what was typed by the caller with this number, as the call shows it, and counts a wrong try.
    pub(crate) fn verify(&self, typed: &str, caller: &str, now: SystemTime) -> Verdict {
        let verdict = self.read().map(|pin| is_same(typed, &pin));
        let verdict = verdict.and_then(|is_right| {
            self.count(is_right, caller, now)
                .map_err(|error| Chain(&error).to_string())
        });
        verdict.unwrap_or_else(|why| {
            warn!("no PIN of the tool {} is taken: {why}", self.tool);
            Verdict::Locked
        })
    }

    /// Whether any of these typed keys may be this PIN, with up to one digit too many or too few. Only lengths are
    /// compared, so that trying out numbers tells nothing of the digits. A PIN that cannot be read may have any length.
    pub(crate) fn may_be_among(&self, typed: &[String]) -> bool {
        let lens = self.read().map_or(DIGITS, |pin| pin.len()..=pin.len());
        let lens = lens.start() - 1..=lens.end() + 1;
        typed.iter().any(|keys| lens.contains(&keys.len()))
    }

    /// Whether these are as many digits as this PIN has.
    pub(crate) fn is_as_long_as(&self, keys: &str) -> bool {
        self.read().is_ok_and(|pin| pin.len() == keys.len())
    }

    /// Reads the PIN.
    ///
    /// # Errors
    /// What is wrong with its file.
    pub(crate) fn read(&self) -> Result<String, String> {
        let (tool, shown) = (&self.tool, self.file.display());
        let text = files::read_text(&self.file, MAX_FILE)
            .map_err(|error| format!("cannot read pin_file of [tool.{tool}], {shown}: {error}"))?;
        let pin = text.trim();
        let is_pin = DIGITS.contains(&pin.len()) && pin.bytes().all(|byte| byte.is_ascii_digit());
        if is_pin {
            Ok(pin.to_owned())
        } else {
            let (min, max) = (DIGITS.start(), DIGITS.end());
            Err(format!(
                "pin_file of [tool.{tool}], {shown}, must hold {min} to {max} digits and nothing else"
            ))
        }
    }

    /// The verdict, with what this number has tried today.
    fn count(
        &self,
        is_right: bool,
        caller: &str,
        now: SystemTime,
    ) -> Result<Verdict, guard::Error> {
        let today = date::day(now);
        self.guard.update(
            || Tries::of(today),
            |tries| {
                tries.catch_up(today);
                let caller = number::key(caller);
                let wrong = tries.wrong.get(&caller).copied().unwrap_or(0);
                // This comes first: after too many wrong tries the right PIN must not be told from another.
                if wrong >= MAX_WRONG {
                    return Ok(Verdict::Locked);
                }
                if is_right {
                    return Ok(Verdict::Right);
                }
                tries.wrong.insert(caller, wrong + 1);
                Ok(Verdict::Wrong)
            },
        )
    }
}

/// Whether two PINs are the same. How long it takes tells nothing of either.
fn is_same(typed: &str, pin: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"phone-assistant PIN");
    let tag = hmac::sign(&key, pin.as_bytes());
    // It compares in constant time, which `==` does not.
    hmac::verify(&key, typed.as_bytes(), tag.as_ref()).is_ok()
}

/// The file that counts wrong tries.
pub(crate) fn guard_of_pins(state_folder: &Path) -> Guard {
    Guard::new(State::new(state_folder).file("pins.json"))
}

/// The wrong tries of a day.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tries {
    version: u32,
    /// Days since 1970.
    day: u64,
    /// How many each number has made.
    wrong: BTreeMap<String, u32>,
}

impl Guarded for Tries {
    const VERSION: u32 = 1;
}

impl Tries {
    fn of(day: u64) -> Self {
        Self {
            version: Self::VERSION,
            day,
            wrong: BTreeMap::new(),
        }
    }

    /// Begins a later day. An earlier one is a clock that was set back, which gives no new tries.
    fn catch_up(&mut self, today: u64) {
        if today > self.day {
            *self = Self::of(today);
        }
    }
}

/// How many digits a PIN has.
const DIGITS: std::ops::RangeInclusive<usize> = 4..=12;
const MAX_FILE: u64 = 1024;
/// Wrong tries of a number in a day (UTC).
const MAX_WRONG: u32 = 10;
