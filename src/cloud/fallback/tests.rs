//! Which provider of a stage is asked, in which order, and what is remembered.

use super::*;
use crate::cloud::{Refusal, Service};
use crate::config::Provider;
use crate::sys::deadline::Deadline;
use std::cell::{Cell, RefCell};
use std::time::{Instant, SystemTime};

const SERVICE: Service = Service {
    name: "a service",
    settings: "[x]",
    key: "key",
};

fn refused(status: u16) -> Error {
    Error::Refused(Box::new(Refusal::read(SERVICE, status, b"", &[])))
}

fn blocked() -> Error {
    Error::Blocked {
        service: "a service",
        reason: "SAFETY".to_owned(),
    }
}

fn late(after: Duration) -> Error {
    Error::Timeout {
        service: "a service",
        host: "example.com".to_owned(),
        after,
    }
}

/// A fallback of providers that are only names; one that begins with a star is an alias of the one before, one in
/// brackets a reserve, and the model of one with a dagger is switched off on [`CLOSING_DAY`].
fn fallback(names: &[&str], state: &State) -> Fallback<str> {
    let candidate = |(index, name): (usize, &&str)| Candidate {
        endpoint: Endpoint {
            provider: Provider::called("openai"),
            base_url: String::new(),
            model: (*name).to_owned(),
            voice: String::new(),
            api_key: None,
            is_reserve: name.starts_with('('),
        },
        fingerprint: (*name).to_owned(),
        successor_of: name.starts_with('*').then(|| index - 1),
        closes: name.ends_with('†').then_some(CLOSING_DAY),
        provider: (*name).into(),
    };
    let candidates = names.iter().enumerate().map(candidate).collect();
    let limit = Duration::from_secs(4);
    let hangup = Hangup::default();
    let clock = SystemTime::now;
    let fallback = Fallback::new(candidates, None, limit, state.clone(), clock, hangup);
    recall(state, clock(), &[fallback.to_recall()]);
    fallback
}

/// Asks, and returns who was asked and who did it: with `!` who may be asked again, with `?` who is.
fn ask(
    fallback: &Fallback<str>,
    fails: impl Fn(&str) -> Option<Error>,
) -> (Vec<String>, Option<String>) {
    ask_within(20, fallback, fails)
}

/// The same in a stage that has this number of seconds left.
fn ask_within(
    seconds: u64,
    fallback: &Fallback<str>,
    fails: impl Fn(&str) -> Option<Error>,
) -> (Vec<String>, Option<String>) {
    let asked = RefCell::new(Vec::new());
    let attempt = |candidate: &Candidate<str>, budget: Budget| {
        let retry = match budget.retry {
            Retry::Once => "!",
            Retry::Second => "?",
            Retry::Never => "",
        };
        asked
            .borrow_mut()
            .push(format!("{}{retry}", &*candidate.provider));
        match fails(&candidate.provider) {
            Some(error) => Err(error),
            None => Ok(candidate.provider.to_string()),
        }
    };
    let done = fallback.ask(budget(seconds), attempt);
    (asked.into_inner(), done.ok().map(|done| done.value))
}

fn budget(seconds: u64) -> Budget {
    let deadline = Deadline::after(Instant::now(), Duration::from_secs(seconds), Instant::now);
    Budget::new(deadline, Duration::from_secs(1))
}

pub(super) fn state() -> (testkit::TempDir, State) {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let state = State::new(folder.path());
    (folder, state)
}

#[test]
fn each_is_asked_in_turn_and_only_the_last_hope_twice() {
    let (_folder, state) = state();
    let fallback = fallback(&["a", "b", "c"], &state);
    let (asked, done) = ask(&fallback, |name| (name != "c").then(|| refused(503)));
    assert_eq!(asked, ["a", "b", "c!"]);
    assert_eq!(done.as_deref(), Some("c"));
    let told = fallback.stood_in().expect("a candidate did");
    assert!(
        told.starts_with("openai c stood in for openai a: a service answered 503"),
        "{told}"
    );
    // In one call a candidate that has failed is not asked again, as long as there are others.
    assert_eq!(ask(&fallback, |_| None).0, ["c!"]);
    assert_eq!(
        ask(&fallback, |name| (name == "c").then(|| refused(503))).0,
        ["c!", "c?", "a!"]
    );
}

#[test]
fn what_breaks_off_is_asked_for_again_only_by_the_last_hope_and_once_in_all() {
    let (_folder, state) = state();
    for (names, is_retried, expected) in [
        (&["a"][..], false, &["a?"][..]),
        (&["a"], true, &[]),
        (&["a", "b"], false, &["b!"]),
    ] {
        let fallback = fallback(names, &state);
        let tries = Cell::new(0);
        let begin = |_: &Candidate<str>, _: Budget| {
            tries.set(tries.get() + 1);
            let fails = is_retried && tries.get() == 1;
            if fails { Err(refused(503)) } else { Ok(()) }
        };
        let done = fallback.ask(budget(20), begin).expect("it begins");
        let broken = Broken {
            candidate: done.candidate,
            may_retry: done.may_retry,
            error: refused(503),
        };
        let asked = RefCell::new(Vec::new());
        let again = |candidate: &Candidate<str>, budget: Budget| {
            let retry = if budget.retry == Retry::Second {
                "?"
            } else {
                "!"
            };
            asked
                .borrow_mut()
                .push(format!("{}{retry}", &*candidate.provider));
            Ok::<_, Error>(())
        };
        let done = fallback.ask_again(broken, budget(20), again);
        assert_eq!(asked.into_inner(), expected, "{names:?}");
        assert_eq!(done.is_ok(), !expected.is_empty(), "{names:?}");
    }
}

#[test]
fn who_was_only_too_slow_is_asked_once_more_when_all_others_fail() {
    let (_folder, state) = state();
    let fallback = fallback(&["slow", "b"], &state);
    let slow = |budget: Budget| budget.deadline.left() < Duration::from_secs(5);
    let asked = RefCell::new(Vec::new());
    let attempt = |candidate: &Candidate<str>, budget: Budget| {
        asked.borrow_mut().push(candidate.provider.to_string());
        match &*candidate.provider {
            "slow" if slow(budget) => Err(late(Duration::from_secs(4))),
            "slow" => Ok("done"),
            _ => Err(refused(401)),
        }
    };
    let done = fallback
        .ask(budget(20), attempt)
        .expect("the slow one does it");
    assert_eq!((done.candidate, done.value), (0, "done"));
    assert_eq!(asked.into_inner(), ["slow", "b", "slow"]);
}

#[test]
fn alone_one_is_asked_twice_and_nothing_is_remembered() {
    let (folder, state) = state();
    let (asked, done) = ask(&fallback(&["a"], &state), |_| Some(refused(401)));
    assert_eq!((asked, done), (vec!["a!".to_owned()], None));
    assert!(!folder.path().join(standing::FILE).exists());
}

#[test]
fn the_first_failure_in_the_settings_order_is_told() {
    let (_folder, state) = state();
    let fallback = fallback(&["a", "b"], &state);
    ask(&fallback, |name| (name == "a").then(|| refused(503)));
    let fails = |candidate: &Candidate<str>, _: Budget| {
        Err::<(), _>(refused(if &*candidate.provider == "a" {
            500
        } else {
            502
        }))
    };
    let error = fallback.ask(budget(20), fails).expect_err("all fail");
    assert!(error.to_string().contains("answered 500"), "{error}");
}

/// An error, the seconds that the stage had left, and whether it is remembered.
type Lasting = (fn() -> Error, u64, bool);

#[test]
fn what_lasts_is_remembered_for_the_next_call_and_what_passes_is_not() {
    let table: [Lasting; 7] = [
        (|| refused(401), 20, true),
        (|| refused(404), 20, true),
        (|| refused(503), 20, false),
        (|| refused(400), 20, false),
        (|| late(Duration::from_secs(4)), 20, true),
        // However long the request took to prepare.
        (|| late(Duration::from_secs(1)), 20, true),
        (|| late(Duration::from_secs(1)), 1, false),
    ];
    for (error, left, is_remembered) in table {
        let (_folder, state) = state();
        ask_within(left, &fallback(&["a", "b"], &state), |name| {
            (name == "a").then(error)
        });
        let next = fallback(&["a", "b"], &state);
        let (asked, _) = ask(&next, |_| None);
        // Only a candidate that is known to fail stands behind.
        let expected = if is_remembered { "b!" } else { "a" };
        assert_eq!(asked, [expected], "{}", error());
        // A candidate that is remembered as failing is still asked when no other is left.
        let (asked, done) = ask(&next, |name| (name == "b").then(|| refused(503)));
        assert!(asked.iter().any(|name| name.starts_with('a')), "{asked:?}");
        assert_eq!(done.as_deref(), Some("a"));
    }
}

#[test]
fn an_alias_is_asked_only_after_its_model_has_been_switched_off() {
    let (_folder, state) = state();
    let of = |names: &[&str], status: u16| {
        let fallback = fallback(names, &state);
        ask(&fallback, |name| {
            name.starts_with('a').then(|| refused(status))
        })
    };
    assert_eq!(of(&["a", "*a", "b"], 503).0, ["a", "b!"]);
    assert_eq!(of(&["a1", "*a1"], 503).0, ["a1!", "a1?"]);
    assert_eq!(
        of(&["a2", "*a2", "b"], 404),
        (
            vec!["a2".to_owned(), "*a2".to_owned()],
            Some("*a2".to_owned())
        )
    );
    assert_eq!(of(&["a3", "*a3"], 404).0, ["a3!", "*a3!"]);
    // The next call knows it.
    assert_eq!(of(&["a3", "*a3"], 404).0, ["*a3!"]);
}

#[test]
fn nobody_else_is_asked_after_a_hang_up_or_about_what_must_not_be_answered() {
    let (_folder, state) = state();
    let hung_up = || Error::HungUp("a service");
    assert_eq!(
        ask(&fallback(&["a", "b"], &state), |_| Some(blocked())).0,
        ["a"]
    );
    assert_eq!(
        ask(&fallback(&["a", "b"], &state), |_| Some(hung_up())).0,
        ["a"]
    );
}

const CLOSING_DAY: u64 = 20_824;

/// The last second before a model is switched off.
fn just_before() -> SystemTime {
    just_at() - Duration::from_secs(1)
}

/// The first one without.
fn just_at() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(CLOSING_DAY * date::SECONDS_A_DAY)
}

#[test]
fn a_model_that_was_switched_off_is_not_asked_from_midnight_on() {
    let cases: [(&[&str], &[&str], &[&str]); 6] = [
        (&["a†", "b"], &["a†", "b"], &["b"]),
        (&["a", "b†"], &["a", "b†"], &["a"]),
        (&["a†", "*alias", "b"], &["a†", "b"], &["*alias", "b"]),
        (&["a†", "(b)"], &["a†"], &["(b)"]),
        (&["a†", "b", "(c)"], &["a†", "b"], &["b"]),
        (&["a†"], &["a†"], &[]),
    ];
    for (names, before, after) in cases {
        let clocks: [(WallClock, _); 2] = [(just_before, before), (just_at, after)];
        for (clock, expected) in clocks {
            let (_folder, state) = state();
            let mut fallback = fallback(names, &state);
            fallback.clock = clock;
            let (asked, done) = ask(&fallback, |_| Some(refused(401)));
            let asked = asked.iter().map(|name| name.trim_end_matches('!'));
            assert!(asked.eq(expected.iter().copied()), "{names:?}");
            assert_eq!(done, None);
            let day = date::day(clock());
            let first = fallback.first_on(day).map(|first| &*first.provider);
            assert_eq!(first, expected.first().copied(), "{names:?}");
        }
    }
}

/// In the middle of a call, which began when there was one.
#[test]
fn when_no_model_is_left_the_error_says_so() {
    let (_folder, state) = state();
    let mut fallback = fallback(&["a†"], &state);
    fallback.clock = just_at;
    let attempt = |_: &Candidate<str>, _| -> Result<(), Error> { unreachable!("it is gone") };
    let error = fallback.ask(budget(10), attempt).expect_err("none is left");
    assert!(
        error
            .to_string()
            .contains("openai a† has been switched off"),
        "{error}"
    );
}

/// Noise is no fault of the provider that hears no words in it, and one that others can understand is only a hint.
#[test]
fn who_heard_no_words_is_asked_first_in_the_next_turn_until_that_repeats() {
    let (_folder, state) = state();
    let fallback = fallback(&["deaf", "b"], &state);
    let unheard = |name: &str| (name == "deaf").then_some(Error::Unheard { provider: "openai" });
    let deaf = &fallback.candidates()[0];
    // The other heard nothing either.
    assert_eq!(ask(&fallback, unheard).0, ["deaf", "b!"]);
    assert_eq!(fallback.stood_in(), None);
    // It heard words, once.
    assert_eq!(ask(&fallback, unheard).0, ["deaf", "b!"]);
    fallback.note_unheard(deaf, 1);
    let told = fallback.stood_in().expect("the other did");
    assert!(told.contains("heard no words in speech"), "{told}");
    // What it hears in between takes the doubt back.
    assert_eq!(ask(&fallback, |_| None).0, ["deaf"]);
    for _ in 0..2 {
        assert_eq!(ask(&fallback, unheard).0, ["deaf", "b!"]);
        fallback.note_unheard(deaf, 1);
    }
    assert_eq!(ask(&fallback, |_| None).0, ["b!"]);
    // Other calls find out for themselves.
    let next_call = self::fallback(&["deaf", "b"], &state);
    assert_eq!(ask(&next_call, |_| None).0, ["deaf"]);
}

#[test]
fn an_answer_of_emoji_alone_is_no_fault_and_is_told_before_the_faults_of_others() {
    let (_folder, state) = state();
    let smiles = || Error::Unsayable { transient: false };
    let smiling = fallback(&["a", "b"], &state);
    for _ in 0..2 {
        let (asked, done) = ask(&smiling, |name| (name == "a").then(smiles));
        assert_eq!((asked[0].as_str(), done.as_deref()), ("a", Some("b")));
    }
    assert_eq!(smiling.stood_in(), None);
    for names in [["dead", "smiling"], ["smiling", "dead"]] {
        let fails = |candidate: &Candidate<str>, _: Budget| {
            let is_dead = &*candidate.provider == "dead";
            Err::<(), _>(if is_dead { refused(401) } else { smiles() })
        };
        let fallback = fallback(&names, &state);
        // The second time one of them is known to fail.
        for _ in 0..2 {
            let error = fallback.ask(budget(20), fails).expect_err("both fail");
            assert!(
                matches!(error, Error::Unsayable { .. }),
                "{names:?}: {error}"
            );
        }
    }
}

#[test]
fn where_there_is_another_way_the_first_is_asked_once_and_forgiven_what_it_refuses_of_this_alone() {
    let rows = [
        (refused(400), "a"),
        (refused(413), "a"),
        (blocked(), "a"),
        (Error::HungUp("a service"), "a"),
        (refused(401), "b"),
        (refused(503), "b"),
        (late(Duration::from_secs(4)), "b"),
    ];
    for (error, next) in rows {
        let (_folder, state) = state();
        let fallback = fallback(&["a", "b"], &state);
        let why = error.to_string();
        let mut asked = Vec::new();
        let result = fallback.ask_first(budget(20), |candidate, budget| {
            let left = budget.deadline.left();
            assert!(left <= Duration::from_secs(4), "{left:?}");
            asked.push(format!("{} {:?}", &*candidate.provider, budget.retry));
            Err::<(), _>(error)
        });
        assert_eq!(result.expect_err("it failed").to_string(), why);
        assert_eq!(asked, ["a Never"], "{why}");
        assert_eq!(fallback.first(), next, "{why}");
        // Where another one is first now, it is noted that it did the work.
        let done = fallback.ask_first(budget(20), |candidate, _| {
            Ok(candidate.provider.to_string())
        });
        assert_eq!(done.expect("it works"), next, "{why}");
        assert_eq!(fallback.stood_in().is_some(), next == "b", "{why}");
    }
}
