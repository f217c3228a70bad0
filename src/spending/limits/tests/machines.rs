//! What holds wherever calls and costs are counted, and what happens when the server of several machines is lost.

use std::fs;
use std::thread;
use std::time::{Duration, SystemTime};

use testkit::TempDir;

use super::CENT;
use crate::config::Limits;
use crate::spending::limits::machines::PAYING;
use crate::spending::limits::{self, Admission, Refused};
use crate::sys::costs::MicroDollars;
use crate::sys::error::Chain;
use crate::sys::state::server::tests::shared;
use crate::sys::state::{self, State};

/// A machine, which shares `server` with one other if there is one.
pub(super) struct Machine {
    _folder: TempDir,
    pub(super) state: State,
}

impl Machine {
    pub(super) fn of(server: Option<&testkit::Server>) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let state = State::new(folder.path());
        let machine = Self {
            _folder: folder,
            state,
        };
        machine.next_call(server)
    }

    /// The same machine, in a call that has lost nothing yet.
    pub(super) fn next_call(self, server: Option<&testkit::Server>) -> Self {
        self.wait_for_programs();
        Self {
            state: self.state.with(server.map(shared)),
            ..self
        }
    }

    /// Waits for programs that other tests start: until such a program runs it has the locks of this one, and a call that
    /// finds the lock of those who tell what is owed does not tell it.
    pub(super) fn wait_for_programs(&self) {
        let file = self.state.file(PAYING);
        drop(state::lock(&file, Duration::from_secs(20)).expect("they run soon"));
    }

    pub(super) fn admit(
        &self,
        limits: Limits,
        max_cost: MicroDollars,
    ) -> Result<Admission, Refused> {
        let admitted = limits.admit(&self.state, "1001", max_cost, SystemTime::now);
        admitted.map(|admission| admission.expect("it is limited"))
    }
}

pub(super) fn per_day(limit: MicroDollars) -> Limits {
    Limits {
        per_day: Some(limit),
        ..Limits::default()
    }
}

/// Runs `test` with each place of the books.
fn everywhere(name: &str, test: impl Fn(Option<&testkit::Server>)) {
    test(None);
    for program in testkit::Server::programs(name) {
        test(Some(&testkit::Server::start(program)));
        test(Some(&testkit::Server::start_encrypted(program)));
    }
}

#[test]
fn thirty_calls_at_once_never_exceed_the_day_anywhere() {
    everywhere("the day's limit", |server| {
        let machine = Machine::of(server);
        let other = server.map(|server| Machine::of(Some(server)));
        let limits = per_day(CENT.times(10));
        let admitted: Vec<_> = thread::scope(|scope| {
            let calls = (0..30).map(|call| {
                let machine = other.as_ref().filter(|_| call % 2 == 0).unwrap_or(&machine);
                scope.spawn(move || machine.admit(limits, CENT))
            });
            let calls: Vec<_> = calls.collect();
            let results = calls.into_iter().map(|call| call.join().expect("no panic"));
            results.filter_map(Result::ok).collect()
        });
        assert_eq!(admitted.len(), 10);
        assert!(admitted.iter().all(|admission| admission.alone.is_none()));
        let told = machine
            .admit(limits, CENT)
            .expect_err("all is spent")
            .to_string();
        assert!(told.contains("$0.1000 of $0.1000"), "{told}");
        let mut admitted = admitted.into_iter();
        admitted.next().expect("ten").settle(MicroDollars(1));
        machine
            .admit(limits, CENT)
            .expect_err("a millionth too little");
        machine
            .admit(limits, CENT - MicroDollars(1))
            .expect("exactly the rest");
    });
}

#[test]
fn a_call_that_goes_on_replaces_what_it_has_set_aside_anywhere() {
    everywhere("setting aside", |server| {
        let machine = Machine::of(server);
        let limits = per_day(CENT.times(3));
        let mut admission = machine.admit(limits, CENT).expect("admitted");
        let go_on = |admission: &mut Admission, spent, next| {
            limits
                .go_on(admission, spent, next, SystemTime::now)
                .is_ok()
        };
        assert!(go_on(&mut admission, MicroDollars(100), CENT.times(2)));
        assert!(!go_on(&mut admission, CENT.times(2), CENT.times(2)));
        machine
            .admit(limits, CENT)
            .expect_err("two cents and a bit are set aside");
        admission.settle(CENT);
        machine.admit(limits, CENT.times(2)).expect("one was spent");
    });
}

#[test]
fn a_caller_has_so_many_calls_anywhere() {
    everywhere("the limit of calls", |server| {
        let limits = Limits {
            calls_per_hour: Some(2),
            ..Limits::default()
        };
        let machine = Machine::of(server);
        let admit = |caller| {
            limits
                .admit(&machine.state, caller, CENT, SystemTime::now)
                .is_ok()
        };
        assert!(admit("+49-30-1234") && admit("0049 30 1234"));
        assert!(!admit("+49301234"));
        assert!(admit("+49301235"));
    });
}

#[test]
fn a_machine_alone_spends_its_part_and_tells_of_it_later() {
    for program in testkit::Server::programs("the part of a machine") {
        let mut server = testkit::Server::start(program);
        let limits = per_day(CENT.times(10));
        let machine = Machine::of(Some(&server));
        let mut kept = machine.admit(limits, CENT.times(4)).expect("admitted");
        server.stop();
        // It goes on with what it had, and with the part of the six cents that were left: three.
        limits
            .go_on(&mut kept, CENT, CENT, SystemTime::now)
            .expect("a part is left");
        let told = kept.alone.clone().expect("it is told");
        assert!(told.contains("counts its calls by itself"), "{told}");
        let machine = machine.next_call(Some(&server));
        machine
            .admit(limits, CENT.times(2))
            .expect_err("one cent of three is left");
        let other = machine.admit(limits, CENT).expect("the last cent");
        other.settle(MicroDollars(5000));
        kept.settle(CENT);

        server.restart(program);
        let machine = machine.next_call(Some(&server));
        let spent = |max_cost| {
            machine
                .admit(limits, max_cost)
                .expect_err("too much")
                .to_string()
        };
        // It counts on from the four cents that the machine has seen there. What may have been given back before it was
        // killed is not given back again, so only what changed since is: half a cent more, and a cent less.
        let told = spent(CENT.times(11));
        assert!(told.contains("$0.0350 of"), "{told}");
    }
}

#[test]
fn a_machine_alone_that_cannot_read_what_was_left_spends_nothing() {
    for program in testkit::Server::programs("a note that cannot be read") {
        let mut server = testkit::Server::start(program);
        let limits = per_day(CENT.times(10));
        let machine = Machine::of(Some(&server));
        machine.admit(limits, CENT.times(10)).expect("all of it");
        server.stop();
        let note = machine.state.file("shared.json");
        for damaged in ["", "{\"spent\":", "null"] {
            fs::write(&note, damaged).expect("written");
            let refused = machine.admit(limits, CENT).expect_err("nobody knows");
            let told = Chain(&refused).to_string();
            assert!(told.contains("shared.json"), "{told}");
            limits::has_note(&machine.state).expect_err("check tells it");
            let calls = Limits {
                calls_per_hour: Some(10),
                ..Limits::default()
            };
            let counted = machine.admit(calls, CENT).expect("money is not limited");
            counted.settle(MicroDollars(0));
        }
        server.restart(program);
        let machine = machine.next_call(Some(&server));
        machine
            .admit(limits, CENT.times(2))
            .expect("the server is empty");
        server.stop();
        machine.admit(limits, CENT).expect("it is repaired");
    }
}

#[test]
fn what_was_spent_alone_is_added_once_to_what_others_have_spent() {
    for program in testkit::Server::programs("what is owed") {
        let mut server = testkit::Server::start(program);
        let limits = per_day(CENT.times(10));
        let machine = Machine::of(Some(&server));
        server.stop();
        let alone = machine
            .admit(limits, CENT.times(2))
            .expect("its part is five");
        assert!(alone.alone.is_some());
        server.restart(program);
        let machine = machine.next_call(Some(&server));
        let other = Machine::of(Some(&server));
        other.admit(limits, CENT).expect("another machine's");
        // The call that is alone still holds its two cents.
        machine
            .admit(limits, CENT.times(8))
            .expect_err("two and one are taken");
        machine
            .admit(limits, CENT.times(8))
            .expect_err("which is told once");
        alone.settle(CENT);
        let machine = machine.next_call(Some(&server));
        machine
            .admit(limits, CENT.times(9))
            .expect_err("one and one are spent");
        machine
            .admit(limits, CENT.times(8))
            .expect("eight are left");
    }
}
