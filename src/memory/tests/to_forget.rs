//! Callers who want to be forgotten where their server does not answer, and where a folder remembers them too.

use std::fs;
use std::net::TcpListener;

use super::machines::with_pairs;
use super::*;
use crate::sys::state::server::Address;

#[test]
fn callers_whom_a_lost_server_could_not_forget_are_forgotten_later() {
    // Whether the server is lost in the middle of the call, or before it.
    for is_recalled in [true, false] {
        with_pairs("callers to be forgotten later", |mut pair| {
            pair.remember("200", "one");
            let mut memory = pair.machines[0].memory(now());
            pair.machines[0].server = Some(nowhere());
            memory.store = pair.machines[0].store();
            if !is_recalled {
                pair.machines[0].memory_of("200", now()).expect_err("lost");
                let settings = pair.machines[0].settings();
                let forgetting = of_number("200", |signs| Memory::of(&settings, signs));
                memory = forgetting.expect("a caller who is remembered");
                memory.add("late", "a", None, now()).expect("not kept");
            }
            assert!(memory.instructions(now()).contains("[[forget]]"));
            assert!(matches!(memory.forget(), Err(Error::Owed(_))));
            memory.settle().expect("it is noted");
            assert_eq!(pair.recalled("200").expect("readable"), ["one"]);
            pair.next_calls();
            assert!(questions(&pair.machines[0].memory(now())).is_empty());
            assert!(pair.recalled("200").expect("readable").is_empty());
        });
    }
}

#[test]
fn a_check_forgets_callers_too() {
    with_pairs("callers whom a check forgets", |mut pair| {
        pair.remember("200", "one");
        let mut memory = pair.machines[0].memory(now());
        pair.machines[0].server = Some(nowhere());
        memory.store = pair.machines[0].store();
        memory.forget().expect_err("it is lost");
        let left = |machine: &Machine| {
            let server = machine.server.clone().expect("it shares one");
            Shared::new(server, machine.folder.path(), DAY).forget_later()
        };
        assert_eq!(left(&pair.machines[0]).expect("it is known"), 1);
        pair.next_calls();
        assert_eq!(left(&pair.machines[0]).expect("it is known"), 0);
        assert!(pair.recalled("200").expect("readable").is_empty());
    });
}

#[test]
fn what_was_begun_since_a_caller_was_to_be_forgotten_stays() {
    with_pairs("callers who call again", |mut pair| {
        pair.remember("200", "one");
        let mut memory = pair.machines[0].memory(now());
        pair.machines[0].server = Some(nowhere());
        memory.store = pair.machines[0].store();
        memory.forget().expect_err("it is lost");
        pair.next_calls();
        pair.machines[1].store().forget("200").expect("forgotten");
        let mut other = pair.machines[1].memory(now());
        other.add("new", "a", None, now()).expect("kept");
        assert_eq!(questions(&pair.machines[0].memory(now())), ["new"]);
    });
}

#[test]
fn where_it_is_not_known_who_is_to_be_forgotten_nobody_is_recalled() {
    with_pairs("a broken file of callers to be forgotten", |pair| {
        pair.remember("200", "one");
        let file = pair.machines[0].folder.path().join("to-forget.json");
        fs::write(file, "{\"version\": 1, ").expect("written");
        let told = pair.machines[0].memory_of("200", now());
        let told = told.expect_err("broken").to_string();
        assert!(told.contains("to-forget.json"), "{told}");
        assert_eq!(pair.recalled("200").expect("readable"), ["one"]);
    });
}

#[test]
fn callers_are_forgotten_also_where_they_were_remembered_before() {
    with_pairs("callers of a folder", |pair| {
        let folder = Folder::new(pair.machines[0].folder.path());
        let id = "1".to_owned();
        let begin =
            |record: &mut Option<Record>| *record = Some(Record::new(&caller("200"), id.clone()));
        folder.change(&caller("200"), &mut { begin }).expect("kept");
        let mut memory = pair.machines[0].memory(now());
        memory.forget().expect("forgotten");
        // A program that another test has just started may hold the lock too.
        memory.settle().expect("forgotten");
        assert!(folder.entries().expect("readable").is_empty());
    });
}

/// A server that is not there.
fn nowhere() -> Arc<Server> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("ours").port();
    let address = Address::parse(&format!("redis://127.0.0.1:{port}")).expect("right");
    Arc::new(Server::new(address, 2))
}
