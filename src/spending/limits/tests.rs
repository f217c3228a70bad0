//! Limits as calls meet them, one after the other and at once.

mod debts;
mod lost;
mod machines;
mod rate;

use super::*;
use crate::sys::date::SECONDS_A_DAY;
use crate::sys::files;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
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
    let ledger = guard(state).read::<Ledger>().expect("readable");
    ledger.expect("it is there").spent
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
    // In the first turn little was spent.
    let spent = MicroDollars(100);
    limits
        .go_on(&mut admission, spent, CENT.times(2), || at(1))
        .expect("a second turn");
    assert_eq!(super::tests::spent(&state), CENT.times(2) + spent);
    limits
        .go_on(&mut admission, CENT.times(2), CENT.times(2), || at(2))
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
fn administrators_are_told_from_four_fifths_of_the_day_on() {
    let (_folder, state) = state();
    let limits = Limits {
        per_day: Some(CENT.times(10)),
        ..Limits::default()
    };
    let admit = |time| {
        let admitted = limits.admit(&state, "1001", CENT, || at(time));
        admitted.expect("enough is left").expect("limited").before
    };
    for call in 0..10 {
        let told = limits.nearly_spent(admit(0));
        assert_eq!(told.is_some(), call >= 8, "call {call}: {told:?}");
        let words = "$0.0800 of $0.1000 are spent";
        assert!(told.is_none_or(|told| call > 8 || told.starts_with(words)));
    }
    let (_, today) = Limits::look(&state, at(1)).expect("readable");
    assert!(limits.nearly_spent(today).is_some());
    let (_, tomorrow) = Limits::look(&state, at(SECONDS_A_DAY)).expect("readable");
    assert_eq!(limits.nearly_spent(tomorrow), None);
    assert_eq!(limits.nearly_spent(admit(SECONDS_A_DAY)), None);
    assert_eq!(Limits::default().nearly_spent(CENT), None);
}

/// Whether some call holds the lock of the ledger.
fn is_held(state: &State) -> bool {
    let lock = files::append(&ledger(state), ".lock");
    let lock = File::open(lock).expect("it is there once a call has come");
    lock.try_lock().is_err()
}

/// A call that read the clock before it waited would take those that came in between for calls of the future.
#[test]
fn calls_that_waited_for_the_lock_count_each_other() {
    let (_folder, state) = state();
    let limits = Limits {
        calls_per_hour: Some(2),
        ..Limits::default()
    };
    let reads = AtomicU64::new(0);
    let clock = || {
        assert!(is_held(&state), "the clock is read before the lock is held");
        at(reads.fetch_add(1, Ordering::Relaxed))
    };
    let admit = || limits.admit(&state, "1001", CENT, clock).is_ok();
    let admitted = thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(admit)).collect();
        let results = calls.into_iter().map(|call| call.join().expect("no panic"));
        results.filter(|is_admitted| *is_admitted).count()
    });
    assert_eq!(admitted, 2);
    assert!(reads.into_inner() >= 8, "each has read it");
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

/// The ledger's day is 20,782.
#[test]
fn only_a_later_day_begins_at_nothing_and_one_that_has_not_come_is_told() {
    let day = |days: u64, seconds| Duration::from_secs(days * SECONDS_A_DAY + seconds);
    let last = SECONDS_A_DAY - 1;
    let table = [
        ("the same moment", day(20_782, 0), false, None),
        ("the last second of the day", day(20_782, last), false, None),
        ("the first of the next", day(20_783, 0), true, None),
        ("years later", day(40_000, 0), true, None),
        ("a step back over midnight", day(20_781, last), false, None),
        ("a day back", day(20_781, 0), false, None),
        ("two days back", day(20_780, last), false, Some(2)),
        ("a clock that is not set", day(0, 0), false, Some(20_782)),
    ];
    for (name, since, begins, days) in table {
        let (_folder, state) = state();
        let limits = Limits {
            per_day: Some(CENT.times(3)),
            ..Limits::default()
        };
        let now = || SystemTime::UNIX_EPOCH + since;
        limits
            .admit(&state, "1001", CENT.times(2), || at(0))
            .expect("the first");
        let (told, _) = Limits::look(&state, now()).expect("readable");
        assert_eq!(told.map(|ahead| ahead.days), days, "{name}");
        let second = limits.admit(&state, "1001", CENT.times(2), now);
        assert_eq!(second.is_ok(), begins, "{name}");
        if let (Err(refused), Some(days)) = (&second, days) {
            let told = format!("{days} days away");
            assert!(refused.to_string().contains(&told), "{name}: {refused}");
        }
        // What fits is added, and is not begun anew when the clock is right again.
        if !begins {
            let third = limits.admit(&state, "1001", CENT, now).expect("it fits");
            let told = third.expect("counted").ahead;
            assert_eq!(told.map(|ahead| ahead.days), days, "{name}");
            assert_eq!(spent(&state), CENT.times(3), "{name}");
            limits
                .admit(&state, "1001", CENT, || at(last))
                .expect_err("all is spent");
        }
    }
}

#[test]
fn what_a_call_has_set_aside_outlives_a_ledger_that_is_removed_meanwhile() {
    let limits = Limits {
        per_day: Some(CENT.times(3)),
        ..Limits::default()
    };
    let begun = |state: &State| {
        let admission = limits.admit(state, "1001", CENT, || at(0));
        std::fs::remove_file(ledger(state)).expect("it was there");
        admission.expect("admitted").expect("counted")
    };
    let (_folder, state) = state();
    let mut admission = begun(&state);
    limits
        .go_on(&mut admission, CENT, CENT, || at(1))
        .expect("a second turn");
    assert_eq!(spent(&state), CENT.times(2));
    limits
        .admit(&state, "1001", CENT.times(2), || at(2))
        .expect_err("the second turn is counted");
    std::fs::remove_file(ledger(&state)).expect("it was there");
    admission.settle(CENT);
    assert_eq!(spent(&state), CENT, "what it has spent is");
}

#[test]
fn a_conversation_over_midnight_sets_aside_anew() {
    let (_folder, state) = state();
    let limits = Limits {
        per_day: Some(CENT.times(3)),
        ..Limits::default()
    };
    let admission = limits.admit(&state, "1001", CENT.times(3), || at(0));
    let mut admission = admission.expect("admitted").expect("counted");
    limits
        .go_on(&mut admission, CENT, CENT, || at(SECONDS_A_DAY))
        .expect("the day's money is new");
    assert_eq!(spent(&state), CENT.times(2));
}

#[test]
fn a_ledger_that_cannot_be_understood_is_left_as_it_is_by_every_step() {
    let limits = Limits {
        per_day: Some(CENT.times(3)),
        ..Limits::default()
    };
    let (_folder, state) = state();
    let admission = limits.admit(&state, "1001", CENT, || at(0));
    let mut admission = admission.expect("admitted").expect("counted");
    std::fs::write(ledger(&state), "").expect("written");
    limits
        .go_on(&mut admission, CENT, CENT, || at(1))
        .expect_err("it cannot be counted");
    limits
        .admit(&state, "1001", CENT, || at(1))
        .expect_err("it cannot be counted");
    Limits::look(&state, at(1)).expect_err("it cannot be told");
    admission.settle(CENT);
    assert_eq!(std::fs::read(ledger(&state)).expect("it is there"), b"");
}

#[test]
fn a_clock_that_is_set_back_by_seconds_forgets_no_call() {
    let (_folder, state) = state();
    let limits = Limits {
        calls_per_hour: Some(1),
        ..Limits::default()
    };
    let admit = |time| limits.admit(&state, "1001", CENT, || at(time)).is_ok();
    assert!(admit(9999));
    assert!(!admit(9996));
    assert!(!admit(10_000));
}

#[test]
fn callers_are_noted_only_where_they_are_limited() {
    let (_folder, state) = state();
    let limits = Limits {
        per_day: Some(CENT),
        ..Limits::default()
    };
    limits
        .admit(&state, "1001", CENT, || at(0))
        .expect("the first");
    let text = std::fs::read_to_string(ledger(&state)).expect("it is there");
    assert!(!text.contains("1001"), "{text}");
}
