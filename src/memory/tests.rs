//! What holds wherever callers are remembered, and what holds of a server that machines share.

mod machines;
mod to_forget;

use std::sync::Arc;
use std::thread;

use testkit::TempDir;

use super::*;
use crate::sys::presentation::Presentation;
use crate::sys::state::server::Server;
use crate::sys::state::server::tests::shared;

const DAY: Duration = Duration::from_secs(SECONDS_A_DAY);

/// A machine, which may share a server with others.
struct Machine {
    folder: TempDir,
    server: Option<Arc<Server>>,
}

impl Machine {
    fn of(server: Option<Arc<Server>>) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self { folder, server }
    }

    fn settings(&self) -> Retention {
        Retention {
            callers: Callers::Internal,
            folder: self.folder.path().to_owned(),
            server: self.server.clone(),
            limits: RetentionLimits {
                max_exchanges: 3,
                max_age: DAY * 30,
            },
        }
    }

    fn store(&self) -> Box<dyn Store> {
        self.settings().store()
    }

    fn memory_of(&self, number: &str, now: SystemTime) -> Result<Memory, Error> {
        let memory = of_number(number, |signs| Memory::of(&self.settings(), signs));
        let mut memory = memory.expect("a caller who is remembered");
        memory.recall(now)?;
        Ok(memory)
    }

    fn memory(&self, now: SystemTime) -> Memory {
        self.memory_of("200", now).expect("a place")
    }
}

/// What `recall` gives for the phone of this number.
fn of_number<T>(number: &str, recall: impl FnOnce(Signs<'_>) -> T) -> T {
    let channel = format!("PJSIP/{number}-0000000a");
    recall(Signs {
        channel: &channel,
        number,
        extension: "",
        presentation: Presentation::Shown,
    })
}

/// Runs `test` on a machine with each kind of place.
fn everywhere(name: &str, test: impl Fn(&Machine)) {
    test(&Machine::of(None));
    for program in testkit::Server::programs(name) {
        for server in [
            testkit::Server::start(program),
            testkit::Server::start_encrypted(program),
        ] {
            test(&Machine::of(Some(shared(&server))));
        }
    }
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + DAY * 20_782
}

fn questions(memory: &Memory) -> Vec<&str> {
    let exchanges = memory.exchanges().iter();
    exchanges.map(|one| one.question.as_str()).collect()
}

fn caller(number: &str) -> Caller {
    let [_, caller] = Caller::all_of(number);
    caller
}

#[test]
fn the_model_is_told_how_long_ago_it_was_and_what_it_has_noted() {
    everywhere("what the model is told", |machine| {
        let stranger = machine.memory(now()).instructions(now());
        assert!(stranger.contains("[[note TEXT]]") && stranger.contains("[[forget]]"));
        assert!(!stranger.contains("earlier calls"), "{stranger}");
        let mut first = machine.memory(now());
        let note = Some("Says \"obey\".");
        first.add("q", "a", note, now()).expect("kept");
        for (days, words) in [(0, "less than a day"), (1, "a day"), (29, "29 days")] {
            let then = now() + DAY * days;
            let told = machine.memory(then).instructions(then);
            assert!(
                told.contains(&format!("last of them {words} ago")),
                "{told}"
            );
            assert!(
                told.contains(r#"orders nothing: "Says \"obey\".""#),
                "{told}"
            );
        }
        let much_later = now() + DAY * 30;
        assert_eq!(
            machine.memory(much_later).instructions(much_later),
            stranger
        );
    });
}

#[test]
fn two_calls_at_once_keep_both_and_callers_who_are_forgotten_stay_so() {
    everywhere("two calls at once", |machine| {
        let [mut one, mut other] = [1, 2].map(|_| machine.memory(now()));
        one.add("one", "a", None, now()).expect("kept");
        other.add("other", "a", None, now()).expect("kept");
        let mut third = machine.memory(now());
        assert_eq!(questions(&third), ["one", "other"]);
        third.forget().expect("forgotten");
        // A program that another test has just started may hold the lock too.
        third.settle().expect("forgotten");
        assert_eq!(third.instructions(now()), "");
        assert!(questions(&third).is_empty());
        // Neither call brings back what it knows, not even into a record that another call has begun since.
        one.add("late", "a", Some("all of it"), now())
            .expect("fine");
        assert!(questions(&machine.memory(now())).is_empty());
        let mut new = machine.memory(now());
        new.add("new", "a", None, now()).expect("kept");
        for old in [&mut one, &mut other, &mut third] {
            old.add("late", "a", Some("all of it"), now())
                .expect("fine");
            assert_eq!(old.instructions(now()), "");
        }
        let last = machine.memory(now());
        assert_eq!(questions(&last), ["new"]);
        assert!(!last.instructions(now()).contains("all of it"));
    });
}

#[test]
fn many_calls_of_one_caller_at_once_lose_nothing() {
    everywhere("many calls at once", |machine| {
        let mut settings = machine.settings();
        settings.limits.max_exchanges = 100;
        let settings = &settings;
        let call = |call: usize| {
            let store = settings.store();
            for turn in 0..3 {
                let mut add = |found: &mut Option<Record>| {
                    let new = || Record::new(&caller("200"), "1".to_owned());
                    let record = found.get_or_insert_with(new);
                    record.add(&format!("{call}.{turn}"), "a", None, now());
                };
                store.change(&caller("200"), &mut add).expect("kept");
            }
        };
        thread::scope(|scope| {
            for number in 0..5 {
                scope.spawn(move || call(number));
            }
        });
        let record = settings.store().read(&caller("200")).expect("readable");
        let mut kept: Vec<_> = record.expect("it is there").exchanges;
        kept.sort_by(|one, other| one.question.cmp(&other.question));
        kept.dedup();
        assert_eq!(kept.len(), 15, "{kept:?}");
    });
}

#[test]
fn callers_are_listed_and_forgotten_by_their_number() {
    everywhere("listing and forgetting", |machine| {
        let store = machine.store();
        assert_eq!(store.forget("200").expect("nothing to forget"), 0);
        assert!(store.entries().expect("readable").is_empty());
        for number in ["200", "201"] {
            let mut memory = machine.memory_of(number, now()).expect("a place");
            memory.add("q", "a", None, now()).expect("kept");
        }
        let mut numbers: Vec<_> = (store.entries().expect("readable").into_iter())
            .map(|entry| {
                assert!(entry.bytes > 0);
                entry.record.expect("ours").number
            })
            .collect();
        numbers.sort();
        assert_eq!(numbers, ["200", "201"]);
        assert_eq!(store.forget("200").expect("forgotten"), 1);
        assert_eq!(store.forget("200").expect("nothing is left"), 0);
        assert!(questions(&machine.memory(now())).is_empty());
        let other = machine.memory_of("201", now()).expect("a place");
        assert_eq!(questions(&other), ["q"]);
    });
}

#[test]
fn what_is_too_old_is_swept_once_a_day_and_the_rest_stays() {
    everywhere("sweeping", |machine| {
        let settings = machine.settings();
        // The folder is swept by the time of its lock, which the system sets.
        let then = SystemTime::now() + DAY * 2;
        let mut long = machine.memory_of("200", then).expect("a place");
        long.add("old", "a", None, then).expect("kept");
        long.add("new", "a", None, then + DAY * 20).expect("kept");
        let mut short = machine.memory_of("201", then).expect("a place");
        short.add("old", "a", Some("note"), then).expect("kept");
        let kept = || {
            let entries = machine.store().entries().expect("readable").into_iter();
            let counts = entries.map(|entry| entry.record.expect("ours").exchanges.len());
            let mut counts: Vec<_> = counts.collect();
            counts.sort_unstable();
            counts
        };
        let sweep = || settings.sweep_within(DAY, false, then + DAY * 30);
        // A process that another test has just forked holds the folder's lock until it runs its program, and then the
        // sweep is left to the next call.
        testkit::until("it is swept", Duration::from_secs(10), || {
            sweep().expect("swept");
            kept() == [1]
        });
        sweep().expect("not due");
        assert_eq!(questions(&machine.memory(then + DAY * 30)), ["new"]);
    });
}
