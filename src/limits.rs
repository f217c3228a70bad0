//! Limits of calls and of money, kept by all calls of a machine together.
//!
//! A call sets aside the most that it can cost before it pays for anything, and gives back afterwards what it has not
//! spent. A call that is killed gives nothing back: the day's limit is never exceeded, whoever dies.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::costs::MicroDollars;
use crate::date;
use crate::state::{self, State};

/// What may be used; `None` stands for as much as you like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Calls that one caller may make within 60 minutes.
    pub calls_per_hour: Option<u32>,
    /// What all calls together may cost on one day, in UTC.
    pub per_day: Option<MicroDollars>,
}

/// Why a call may not go on.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The caller has had his calls.
    #[error(
        "this caller has made {made} calls within an hour; max_calls_per_caller_per_hour in [limits] allows {most}"
    )]
    Caller {
        /// So many.
        made: usize,
        /// So many may be.
        most: u32,
    },
    /// The day's money is spent.
    #[error(
        "{spent} of {most} are spent or set aside today, and this call could cost {greatest}; max_daily_cost in [limits]"
    )]
    Day {
        /// Spent, and set aside by calls that go on.
        spent: MicroDollars,
        /// What may be.
        most: MicroDollars,
        /// What this call could cost.
        greatest: MicroDollars,
    },
    /// Nobody can tell.
    #[error("calls and costs cannot be counted, so nothing is paid for")]
    Unknown(#[from] state::Error),
}

/// A call that may go on, and what is set aside for it.
#[derive(Debug)]
pub struct Admission {
    state: State,
    set_aside: MicroDollars,
    day: u64,
}

/// What is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Ledger {
    /// Days since 1970.
    day: u64,
    spent: MicroDollars,
    /// When each caller's calls began, in seconds since 1970.
    calls: BTreeMap<String, Vec<u64>>,
}

impl Limits {
    /// Lets a call go on that can cost at most `greatest`, or not. Where nothing is limited, nothing is counted.
    ///
    /// # Errors
    /// [`Refused`]; then nothing is counted either.
    pub fn admit(
        self,
        state: &State,
        caller_id: &str,
        greatest: MicroDollars,
        clock: impl FnOnce() -> SystemTime,
    ) -> Result<Option<Admission>, Refused> {
        if self == Self::default() {
            return Ok(None);
        }
        let admit = |ledger: &mut Ledger| {
            // Read in one's turn: what others have noted while one waited is not in the future.
            let now = clock();
            let (now, day) = (date::seconds(now), date::day(now));
            ledger.forget(now, day);
            self.check(ledger, &caller(caller_id), greatest)?;
            ledger.spent = ledger.spent + greatest;
            ledger.calls.entry(caller(caller_id)).or_default().push(now);
            Ok::<u64, Refused>(ledger.day)
        };
        let day = state.update(LEDGER, admit)??;
        Ok(Some(Admission {
            state: state.clone(),
            set_aside: greatest,
            day,
        }))
    }

    /// Lets a call that has `spent` so much go on, which can cost at most `greatest` more, or not.
    ///
    /// # Errors
    /// [`Refused`]; then as much is set aside as before.
    pub fn go_on(
        self,
        admission: &mut Admission,
        spent: MicroDollars,
        greatest: MicroDollars,
    ) -> Result<(), Refused> {
        let (day, before) = (admission.day, admission.set_aside);
        let set_aside = spent + greatest;
        let go_on = |ledger: &mut Ledger| {
            // What was set aside yesterday is no longer counted.
            let mine = if ledger.day == day {
                before
            } else {
                MicroDollars::default()
            };
            ledger.spent = ledger.spent - mine;
            let checked = self.check_day(ledger, set_aside);
            ledger.spent = ledger.spent + if checked.is_ok() { set_aside } else { mine };
            checked.map(|()| ledger.day)
        };
        admission.day = admission.state.update(LEDGER, go_on)??;
        admission.set_aside = set_aside;
        Ok(())
    }

    fn check(self, ledger: &Ledger, caller: &str, greatest: MicroDollars) -> Result<(), Refused> {
        let made = ledger.calls.get(caller).map_or(0, Vec::len);
        if let Some(most) = self.calls_per_hour
            && u32::try_from(made).is_ok_and(|made| made >= most)
        {
            return Err(Refused::Caller { made, most });
        }
        self.check_day(ledger, greatest)
    }

    fn check_day(self, ledger: &Ledger, greatest: MicroDollars) -> Result<(), Refused> {
        let spent = ledger.spent;
        match self.per_day {
            Some(most) if spent + greatest > most => Err(Refused::Day {
                spent,
                most,
                greatest,
            }),
            _ => Ok(()),
        }
    }
}

impl Admission {
    /// Gives back what was set aside and not spent.
    pub fn settle(self, spent: MicroDollars) {
        let settle = |ledger: &mut Ledger| {
            // Yesterday's money is no longer counted.
            if ledger.day == self.day {
                ledger.spent = ledger.spent - self.set_aside + spent;
            }
        };
        if let Err(cause) = self.state.update(LEDGER, settle) {
            log::debug!("{cause}");
        }
    }
}

impl Ledger {
    /// Drops what no longer counts.
    fn forget(&mut self, now: u64, today: u64) {
        // A clock that steps back over midnight does not begin a new day.
        if self.day != today && self.day != today + 1 {
            self.day = today;
            self.spent = MicroDollars::default();
        }
        // What a clock that was wrong has put into the future does not count either.
        let counts = |time: &u64| *time <= now && now - time < SECONDS_AN_HOUR;
        self.calls.retain(|_, times| {
            times.retain(counts);
            !times.is_empty()
        });
    }
}

/// One name for each caller, however the number is written; all who hide theirs share one.
fn caller(id: &str) -> String {
    let id = id.trim().to_lowercase();
    if HIDDEN.contains(&id.as_str()) {
        return "anonymous".to_owned();
    }
    let is_number = |c: char| c.is_ascii_digit() || "+ ()-./".contains(c);
    if !id.chars().all(is_number) {
        return id.chars().take(LONGEST_NAME).collect();
    }
    let digits = id.chars().filter(char::is_ascii_digit);
    let digits: String = digits.take(LONGEST_NAME).collect();
    match (id.starts_with('+'), digits.strip_prefix("00")) {
        (true, _) => format!("+{digits}"),
        (false, Some(number)) => format!("+{number}"),
        (false, None) => digits,
    }
}

/// What Asterisk and telephone networks say in place of a number.
const HIDDEN: &[&str] = &[
    "",
    "anonymous",
    "unknown",
    "restricted",
    "unavailable",
    "private",
    "withheld",
    "asterisk",
    "<unknown>",
];

const LEDGER: &str = "limits.json";
const SECONDS_AN_HOUR: u64 = 60 * 60;
/// No number has more digits; what a caller makes up must not fill the file.
const LONGEST_NAME: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date::SECONDS_A_DAY;
    use std::path::Path;
    use std::thread;
    use std::time::Duration;

    const CENT: MicroDollars = MicroDollars(10_000);

    fn state() -> (testkit::TempDir, State) {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let state = State::new(folder.path());
        (folder, state)
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(20_782 * SECONDS_A_DAY + seconds)
    }

    fn spent(state: &State) -> MicroDollars {
        state.read::<Ledger>(LEDGER).spent
    }

    #[test]
    fn thirty_calls_at_once_never_exceed_the_day() {
        let (_folder, state) = state();
        let limits = Limits {
            per_day: Some(CENT.times(10)),
            ..Limits::default()
        };
        let admit = || limits.admit(&state, "1001", CENT, || at(0));
        let admitted = thread::scope(|scope| {
            let calls: Vec<_> = (0..30).map(|_| scope.spawn(admit)).collect();
            let results = calls.into_iter().map(|call| call.join().expect("no panic"));
            results
                .filter_map(|result| result.ok()?)
                .collect::<Vec<_>>()
        });
        assert_eq!(admitted.len(), 10);
        assert_eq!(spent(&state), CENT.times(10));
        let error = admit().expect_err("nothing is left").to_string();
        assert!(error.contains("$0.1000 of $0.1000"), "{error}");
        // What is given back is there for others; what is not, because a call was killed, is not.
        let mut admitted = admitted.into_iter();
        admitted.next().expect("ten").settle(MicroDollars(1));
        drop(admitted);
        assert_eq!(spent(&state), CENT.times(9) + MicroDollars(1));
        admit().expect_err("a millionth too little");
        limits
            .admit(&state, "1001", CENT - MicroDollars(1), || at(0))
            .expect("exactly the rest");
        limits
            .admit(&state, "1001", CENT, || at(SECONDS_A_DAY))
            .expect("the next day");
    }

    #[test]
    fn a_call_that_goes_on_sets_aside_for_each_turn_what_it_can_cost() {
        let (_folder, state) = state();
        let limits = Limits {
            per_day: Some(CENT.times(3)),
            ..Limits::default()
        };
        let admission = limits.admit(&state, "1001", CENT, || at(0));
        let mut admission = admission.expect("admitted").expect("counted");
        // Of the first turn little was spent.
        let spent = MicroDollars(100);
        limits
            .go_on(&mut admission, spent, CENT.times(2))
            .expect("a second turn");
        assert_eq!(super::tests::spent(&state), CENT.times(2) + spent);
        limits
            .go_on(&mut admission, CENT.times(2), CENT.times(2))
            .expect_err("too much");
        assert_eq!(super::tests::spent(&state), CENT.times(2) + spent);
        admission.settle(CENT);
        assert_eq!(super::tests::spent(&state), CENT);
    }

    #[test]
    fn a_caller_has_so_many_calls_in_any_hour() {
        let (_folder, state) = state();
        let limits = Limits {
            calls_per_hour: Some(2),
            ..Limits::default()
        };
        let admit = |caller, time| limits.admit(&state, caller, CENT, || at(time)).is_ok();
        assert!(admit("0049 30 1234", 0) && admit("+49-30-1234", 10));
        assert!(!admit("+49301234", 3599));
        assert!(admit("+49301235", 3599));
        assert!(admit("+49301234", 3600));
        assert!(!admit("+49301234", 3601));
        assert!(admit("+49301234", 3610));
        assert!(admit("Anonymous", 0) && admit("unknown", 0) && !admit("", 0));
    }

    #[test]
    fn those_who_waited_for_their_turn_count_each_other() {
        let (_folder, state) = state();
        let limits = Limits {
            calls_per_hour: Some(2),
            ..Limits::default()
        };
        let admit = || limits.admit(&state, "1001", CENT, SystemTime::now);
        let admitted = thread::scope(|scope| {
            let hold = |_: &mut Ledger| thread::sleep(Duration::from_millis(1500));
            let state = &state;
            scope.spawn(move || state.update(LEDGER, hold));
            let calls: Vec<_> = (0..8)
                .map(|_| {
                    thread::sleep(Duration::from_millis(150));
                    scope.spawn(admit)
                })
                .collect();
            let results = calls.into_iter().map(|call| call.join().expect("no panic"));
            results.flatten().count()
        });
        assert_eq!(admitted, 2);
    }

    #[test]
    fn a_clock_that_steps_back_over_midnight_begins_no_new_day() {
        let (_folder, state) = state();
        let limits = Limits {
            per_day: Some(CENT),
            ..Limits::default()
        };
        let admit = |time| limits.admit(&state, "1001", CENT, || at(time)).is_ok();
        assert!(admit(SECONDS_A_DAY));
        assert!(!admit(SECONDS_A_DAY - 3));
        assert!(!admit(SECONDS_A_DAY + 3));
    }

    #[test]
    fn a_clock_that_was_set_back_blocks_nobody() {
        let (_folder, state) = state();
        let limits = Limits {
            calls_per_hour: Some(1),
            ..Limits::default()
        };
        limits
            .admit(&state, "1001", CENT, || at(9999))
            .expect("the first");
        limits
            .admit(&state, "1001", CENT, || at(0))
            .expect("the other is of the future");
    }

    #[test]
    fn what_cannot_be_counted_is_refused_only_where_it_is_limited() {
        let nowhere = State::new(Path::new("/proc/nowhere/state"));
        Limits::default()
            .admit(&nowhere, "1001", CENT, || at(0))
            .expect("nothing is limited");
        let limits = Limits {
            per_day: Some(CENT),
            ..Limits::default()
        };
        let error = limits
            .admit(&nowhere, "1001", CENT, || at(0))
            .expect_err("cannot count");
        assert!(matches!(error, Refused::Unknown(_)), "{error}");
    }
}
