//! Reservations of several processes at once, as many a second as a busy day has.

use std::env;
use std::io::{self, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use super::*;
use crate::spending::limits::spent_together;
use crate::sys::state::server::tests::shared;
use crate::sys::state::server::{Address, Server};

/// What the call of this number sets aside, and what of it is spent; nothing is given back where it is killed.
fn amounts(call: u64) -> (MicroDollars, MicroDollars) {
    let (aside, spent) = (20_001 + 2 * call, 101 + 2 * call);
    let is_killed = call.is_multiple_of(3);
    let spent = if is_killed { aside } else { spent };
    (MicroDollars(aside), MicroDollars(spent))
}

fn limits() -> Limits {
    Limits {
        calls_per_hour: u32::try_from(PROCESSES * CALLS).ok(),
        per_day: Some(MicroDollars(u64::from(u32::MAX))),
    }
}

/// With `RESERVATIONS_TIMED` they are to be fast, too.
#[test]
fn eight_processes_set_aside_at_once_and_all_is_counted_to_the_millionth_of_a_dollar() {
    for program in testkit::Server::programs("eight processes") {
        let server = testkit::Server::start(program);
        let machines = [(), ()].map(|()| state());
        let begun = Instant::now();
        let processes: Vec<_> = (0..PROCESSES)
            .map(|process| reserving(process, &machines[usize::from(process % 2 == 0)].1, &server))
            .collect();
        for mut process in processes {
            assert!(process.wait().expect("it was started").success());
        }
        let took = begun.elapsed();
        let all: MicroDollars = (0..PROCESSES * CALLS).map(|call| amounts(call).1).sum();
        let [(_, first), _] = &machines;
        let server = shared(&server);
        assert_eq!(spent_together(first, &server).expect("it answers"), all);
        let first = first.clone().with(Some(server));
        let refused = limits().admit(&first, "1001", CENT, SystemTime::now);
        let told = refused.expect_err("one call too many").to_string();
        assert!(
            told.contains(&format!("made {} calls", PROCESSES * CALLS)),
            "{told}"
        );
        let rate = u128::from(PROCESSES * CALLS) * 1000 / took.as_millis().max(1);
        let line = format!("{program}: {rate} reservations a second from {PROCESSES} processes\n");
        io::stderr()
            .write_all(line.as_bytes())
            .expect("it takes a line");
        assert!(
            env::var_os("RESERVATIONS_TIMED").is_none() || rate >= 200,
            "{line}"
        );
    }
}

/// Starts this test binary once more, for the test below alone.
fn reserving(process: u64, state: &State, server: &testkit::Server) -> Child {
    let program = env::current_exe().expect("this test");
    let name = "spending::limits::tests::rate::a_process_that_sets_aside";
    let mut command = Command::new(program);
    command.args(["--ignored", "--exact", name]);
    command.env("RESERVE_FOR", process.to_string());
    command.env("RESERVE_IN", state.file(""));
    command.env("RESERVE_AT", server.url());
    command.env("RESERVE_BY", server.password_file());
    command.stdout(Stdio::null()).spawn().expect("it starts")
}

#[test]
#[ignore = "a process that another test starts"]
fn a_process_that_sets_aside() {
    let of = |name| env::var(name).expect("the other test sets it");
    let process: u64 = of("RESERVE_FOR").parse().expect("a number");
    let mut address = Address::parse(&of("RESERVE_AT")).expect("right");
    address.password_file = Some(of("RESERVE_BY").into());
    let state = State::new(Path::new(&of("RESERVE_IN")));
    for call in process * CALLS..(process + 1) * CALLS {
        // Each call is a connection of its own, as if it were a process of its own.
        let server = Server::new(address.clone(), 2).with_patience(Duration::from_secs(20));
        let state = state.clone().with(Some(Arc::new(server)));
        let (aside, spent) = amounts(call);
        let admitted = limits().admit(&state, "1001", aside, SystemTime::now);
        let admission = admitted.expect("admitted").expect("it is limited");
        assert!(admission.alone.is_none(), "{admission:?}");
        if spent < aside {
            admission.settle(spent);
        }
    }
}

const PROCESSES: u64 = 8;
const CALLS: u64 = 50;
