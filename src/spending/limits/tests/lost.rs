//! A server of several machines that has lost what it had counted, or takes no more: no limit is silently gone.

use super::machines::{Machine, per_day};
use super::*;
use crate::spending::limits::{self, spent_together};
use crate::sys::state::server::tests::{shared, tell};

/// Runs `test` with each kind of server, and two machines that share it.
fn with_two(name: &str, test: impl Fn(&mut testkit::Server, &str, [Machine; 2])) {
    for program in testkit::Server::programs(name) {
        let mut server = testkit::Server::start(program);
        let machines = [(), ()].map(|()| Machine::of(Some(&server)));
        test(&mut server, program, machines);
    }
}

fn limits() -> Limits {
    per_day(CENT.times(10))
}

/// What the server says is spent, or part of the machine alone.
fn spent(machine: &Machine) -> String {
    let refused = machine.admit(limits(), CENT.times(11));
    let told = refused.expect_err("too much").to_string();
    let (spent, _) = told.split_once(" of").expect("what is spent");
    spent.to_owned()
}

/// Whether administrators are told that the server has lost what it had counted.
fn is_told(machine: &Machine) -> bool {
    limits::lost(&machine.state, SystemTime::now()).is_some()
}

#[test]
fn a_server_that_comes_back_empty_counts_on_from_the_most_that_its_machines_have_seen() {
    with_two(
        "a server that comes back empty",
        |server, program, machines| {
            let [first, second] = &machines;
            let kept = first.admit(limits(), CENT.times(2)).expect("admitted");
            second.admit(limits(), CENT.times(3)).expect("admitted");
            assert!(!is_told(first) && !is_told(second));
            server.restart(program);
            let [first, second] = machines.map(|machine| machine.next_call(Some(server)));
            // The first machine has seen two cents, and the second five. Four are left over these five.
            let other = first
                .admit(limits(), CENT.times(4))
                .expect("by what it has seen");
            assert_eq!(spent(&first), "$0.0600");
            assert_eq!(spent(&second), "$0.0900");
            second
                .admit(limits(), CENT.times(2))
                .expect_err("one cent is left");
            assert_eq!([spent(&first), spent(&second)], ["$0.0900"; 2]);
            // What was set aside before is given back all the same.
            let state = first.state.clone();
            Admission {
                books: Machines::of(&state),
                ..kept
            }
            .settle(CENT);
            other.settle(CENT);
            assert_eq!(spent(&second), "$0.0500");
            assert!(is_told(&first) && is_told(&second));
            server.restart(program);
            let second = second.next_call(Some(server));
            assert_eq!(spent(&second), "$0.0500");
        },
    );
}

#[test]
fn a_server_that_comes_back_as_it_was_some_time_ago_counts_on_from_what_was_seen_since() {
    with_two(
        "a server that comes back older",
        |server, _, [first, second]| {
            first.admit(limits(), CENT).expect("admitted");
            let shared = shared(server);
            tell(&shared, &["COPY", "phone-assistant:spent", "older"]);
            first.admit(limits(), CENT.times(2)).expect("admitted");
            second.admit(limits(), CENT.times(4)).expect("admitted");
            tell(
                &shared,
                &["COPY", "older", "phone-assistant:spent", "REPLACE"],
            );
            assert_eq!(spent(&first), "$0.0300");
            assert_eq!(spent(&second), "$0.0700");
            assert_eq!(spent(&first), "$0.0700");
            assert!(is_told(&first) && is_told(&second));
        },
    );
}

#[test]
fn a_replica_that_takes_the_place_of_its_server_counts_on_from_what_it_has_missed() {
    with_two("a replica", |server, program, machines| {
        let replica = testkit::Server::start(program);
        let [source, other] = [&*server, &replica].map(shared);
        let port = source.address().port.to_string();
        tell(&other, &["CONFIG", "SET", "masterauth", "a-password"]);
        tell(&other, &["REPLICAOF", "127.0.0.1", &port]);
        let [first, second] = machines;
        first.admit(limits(), CENT).expect("admitted");
        testkit::until("it has the cent", Duration::from_secs(20), || {
            spent_together(&Machine::of(None).state, &other).is_ok_and(|spent| spent == CENT)
        });
        tell(&other, &["REPLICAOF", "NO", "ONE"]);
        second
            .admit(limits(), CENT.times(4))
            .expect("it has missed this");
        server.stop();
        let [first, second] = [first, second].map(|machine| machine.next_call(Some(&replica)));
        assert_eq!(spent(&first), "$0.0100");
        assert_eq!(spent(&second), "$0.0500");
        assert!(!is_told(&first) && is_told(&second));
    });
}

#[test]
fn what_was_seen_on_another_day_is_no_money_of_today() {
    with_two(
        "a server that loses yesterday",
        |server, program, [machine, _]| {
            machine.admit(limits(), CENT.times(4)).expect("admitted");
            let file = machine.state.file("shared.json");
            let noted = std::fs::read_to_string(&file).expect("noted");
            let today = date::day(SystemTime::now());
            let yesterday = noted.replace(&today.to_string(), &(today - 1).to_string());
            std::fs::write(&file, yesterday).expect("written");
            server.restart(program);
            let machine = machine.next_call(Some(server));
            assert_eq!(spent(&machine), "$0.0000");
        },
    );
}

#[test]
fn a_machine_that_was_only_refused_spends_its_part_of_what_was_left_then() {
    with_two(
        "a refusal before the server is lost",
        |server, _, machines| {
            let [first, second] = machines;
            second.admit(limits(), CENT).expect("admitted");
            first.admit(limits(), CENT.times(8)).expect("admitted");
            second
                .admit(limits(), CENT.times(2))
                .expect_err("one cent is left");
            server.stop();
            let second = second.next_call(Some(server));
            second
                .admit(limits(), CENT)
                .expect_err("its part is half a cent");
            second
                .admit(limits(), MicroDollars(5_000))
                .expect("half a cent");
        },
    );
}

/// The manual's sum: a day's limit, and for each machine but one its part of that.
#[test]
fn machines_that_lose_their_server_pass_the_day_by_no_more_than_the_manual_says() {
    with_two("what a day may cost at most", |server, _, machines| {
        let [first, second] = machines;
        let limits = per_day(CENT.times(10));
        // One has spent the day's limit, and the other has not called today.
        let mut total = spend(&first, limits);
        assert_eq!(total, 10);
        server.stop();
        let [first, second] = [first, second].map(|machine| machine.next_call(Some(server)));
        total += spend(&first, limits) + spend(&second, limits);
        assert_eq!(total, 15, "twice the limit, less a half");
    });
    with_two(
        "what a day costs where all have called",
        |server, _, machines| {
            let limits = per_day(CENT.times(10));
            let [first, second] = &machines;
            for machine in [first, second] {
                machine.admit(limits, CENT.times(2)).expect("admitted");
            }
            first
                .admit(limits, CENT.times(11))
                .expect_err("both have seen four");
            server.stop();
            let machines = machines.map(|machine| machine.next_call(Some(server)));
            let alone = machines.iter().map(|machine| spend(machine, limits));
            assert_eq!(alone.sum::<u32>(), 6, "exactly the rest");
        },
    );
}

/// Spends cent by cent until it is refused, and returns how many.
fn spend(machine: &Machine, limits: Limits) -> u32 {
    let admitted = (0..99).take_while(|_| machine.admit(limits, CENT).is_ok());
    u32::try_from(admitted.count()).expect("few")
}

#[test]
fn a_server_that_is_full_or_read_only_is_counted_without_until_it_takes_something_again() {
    let faults: [(&[&[&str]], &[&str]); 2] = [
        (
            &[
                &["CONFIG", "SET", "maxmemory-policy", "noeviction"],
                &["CONFIG", "SET", "maxmemory", "1"],
            ],
            &["CONFIG", "SET", "maxmemory", "0"],
        ),
        (
            &[&["REPLICAOF", "127.0.0.1", "1"]],
            &["REPLICAOF", "NO", "ONE"],
        ),
    ];
    for (fault, repair) in faults {
        with_two("a server that takes no more", |server, _, [machine, _]| {
            let shared = || shared(server);
            let kept = machine.admit(limits(), CENT.times(4)).expect("admitted");
            for words in fault {
                tell(&shared(), words);
            }
            let machine = machine.next_call(Some(server));
            // Three of the six cents that were left are its part.
            let alone = machine.admit(limits(), CENT.times(3)).expect("its part");
            let told = alone.alone.clone().expect("it is told");
            assert!(told.contains("counts its calls by itself"), "{told}");
            let refused = machine.admit(limits(), CENT);
            let told = refused.expect_err("nothing is left").to_string();
            assert!(told.contains("counts its calls by itself"), "{told}");
            let calls = Limits {
                calls_per_hour: Some(2),
                ..Limits::default()
            };
            let machine = machine.next_call(Some(server));
            let admit = |_: &u32| machine.admit(calls, MicroDollars(0)).is_ok();
            assert!((1..=2).contains(&(0..3).take_while(admit).count()));
            alone.settle(CENT);
            tell(&shared(), repair);
            let machine = machine.next_call(Some(server));
            assert_eq!(spent(&machine), "$0.0500", "four and one");
            kept.settle(CENT);
            assert!(!is_told(&machine), "nothing was lost");
        });
    }
}
