//! Machines that remember callers on one server, and what becomes of a call when it does not do what it should.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;
use crate::memory::key::Key;
use crate::sys::error::Chain;
use crate::sys::state::server::Address;
use crate::sys::state::server::tests::tell;

/// Two machines with the same key, and the server that they share.
pub(super) struct Pair {
    program: &'static str,
    server: testkit::Server,
    pub(super) machines: [Machine; 2],
}

impl Pair {
    fn start(program: &'static str) -> Self {
        let server = testkit::Server::start(program);
        let machines = [1, 2].map(|_| Machine::of(Some(shared(&server))));
        let pair = Self {
            program,
            server,
            machines,
        };
        Key::in_folder(pair.machines[0].folder.path()).expect("made");
        let keys = pair.machines.each_ref();
        let [from, to] = keys.map(|machine| key::place(machine.folder.path()));
        fs::copy(from, to).expect("copied");
        pair
    }

    pub(super) fn remember(&self, number: &str, question: &str) {
        let memory = self.machines[0].memory_of(number, now());
        memory
            .and_then(|mut memory| memory.add(question, "It is so.", Some("Jim"), now()))
            .expect("kept");
    }

    /// Of the other machine.
    pub(super) fn recalled(&self, number: &str) -> Result<Vec<String>, Error> {
        let memory = self.machines[1].memory_of(number, now())?;
        Ok(questions(&memory).into_iter().map(str::to_owned).collect())
    }

    /// The server, as a call finds it.
    fn server(&self) -> Arc<Server> {
        shared(&self.server)
    }

    /// What the key of this caller is called on the server.
    fn name(&self, number: &str) -> String {
        let key = Key::in_folder(self.machines[0].folder.path()).expect("there");
        format!("phone-assistant:caller:{}", key.name(&caller(number)))
    }

    fn sealed(&self, number: &str) -> Vec<u8> {
        let values = self.server().get(vec![self.name(number)]).expect("read");
        values.into_iter().next().flatten().expect("it is there")
    }

    fn put(&self, number: &str, value: Vec<u8>) {
        let set = self.server().set(&self.name(number), value, DAY);
        set.expect("it is put there");
    }

    /// New calls, which have lost nothing yet.
    pub(super) fn next_calls(&mut self) {
        for machine in &mut self.machines {
            machine.server = Some(shared(&self.server));
        }
    }
}

/// Runs `test` with each kind of server.
pub(super) fn with_pairs(name: &str, test: impl Fn(Pair)) {
    for program in testkit::Server::programs(name) {
        test(Pair::start(program));
    }
}

#[test]
fn a_caller_of_one_machine_is_known_and_forgotten_at_the_other() {
    with_pairs("callers of two machines", |pair| {
        pair.remember("200", "one");
        assert_eq!(pair.recalled("200").expect("readable"), ["one"]);
        let mut here = pair.machines[0].memory(now());
        let mut there = pair.machines[1].memory(now());
        there.forget().expect("forgotten");
        assert!(pair.recalled("200").expect("readable").is_empty());
        here.add("late", "a", None, now()).expect("fine");
        assert_eq!(here.instructions(now()), "");
        assert!(pair.recalled("200").expect("readable").is_empty());
    });
}

#[test]
fn the_server_holds_neither_numbers_nor_words_and_nothing_for_ever() {
    with_pairs("what the server holds", |pair| {
        pair.remember("4930123456", "When does the pool open?");
        let sealed = pair.sealed("4930123456");
        let shown = String::from_utf8_lossy(&sealed).into_owned() + &pair.name("4930123456");
        for words in ["4930123456", "pool", "PJSIP"] {
            assert!(!shown.contains(words), "{words}");
        }
        let left = pair.server().run(
            "return { redis.call('PTTL', KEYS[1]) }",
            vec![pair.name("4930123456")],
            Vec::<String>::new(),
        );
        let days = left.expect("it answers")[0] / 1000 / 86_400;
        assert!((29..=30).contains(&days), "{days} days");
        // The same words are never sealed alike.
        let key = Key::in_folder(pair.machines[0].folder.path()).expect("there");
        assert_ne!(
            key.seal("a", b"words").expect("sealed"),
            key.seal("a", b"words").expect("sealed")
        );
    });
}

#[test]
fn a_record_that_was_changed_or_moved_is_no_callers_and_stays_as_it_is() {
    with_pairs("records that were changed", |pair| {
        pair.remember("200", "one");
        pair.remember("201", "another");
        let [own, others] = ["200", "201"].map(|number| pair.sealed(number));
        let key = Key::in_folder(pair.machines[0].folder.path()).expect("there");
        let mut flipped = own.clone();
        *flipped.last_mut().expect("not empty") ^= 1;
        let name = pair.name("200");
        let later = r#"{"version":2,"id":"a","number":"200"}"#;
        let table = [
            ("another caller's", others),
            ("one bit is another", flipped),
            ("cut", own[..own.len() - 1].to_vec()),
            ("its nonce alone", own[..12].to_vec()),
            ("shorter than that", b"x".to_vec()),
            (
                "plain",
                br#"{"version":1,"id":"a","number":"200"}"#.to_vec(),
            ),
            (
                "a later format",
                key.seal(&name, later.as_bytes()).expect("sealed"),
            ),
            ("sealed and no JSON", key.seal(&name, b"x").expect("sealed")),
        ];
        for (case, value) in table {
            pair.put("200", value.clone());
            let told = pair.recalled("200").expect_err(case).to_string();
            assert!(told.contains("left as it is"), "{case}: {told}");
            let mut change = |_: &mut Option<Record>| panic!("{case}: it is changed");
            let store = pair.machines[1].store();
            store.change(&caller("200"), &mut change).expect_err(case);
            assert_eq!(pair.sealed("200"), value, "{case}");
            let unreadable = store.entries().expect("readable").into_iter();
            let unreadable = unreadable.filter(|entry| entry.record.is_err());
            assert_eq!(unreadable.count(), 1, "{case}");
            assert_eq!(pair.recalled("201").expect("whole"), ["another"]);
        }
        pair.put("200", own);
        assert_eq!(pair.recalled("200").expect("whole"), ["one"]);
        // Callers are forgotten, whatever stands there.
        pair.put("200", b"x".to_vec());
        let forgotten = pair.machines[1].store().forget("200");
        assert_eq!(forgotten.expect("forgotten"), 1);
        assert!(pair.recalled("200").expect("readable").is_empty());
    });
}

#[test]
fn a_record_that_the_server_has_not_dropped_in_time_is_not_told() {
    with_pairs("records that are too old", |pair| {
        pair.remember("200", "old");
        let old = pair.sealed("200");
        let later = now() + DAY * 30;
        let memory = pair.machines[1].memory_of("200", later).expect("readable");
        assert!(questions(&memory).is_empty());
        // One that an old backup has brought back is as old as it was.
        pair.machines[0].store().forget("200").expect("forgotten");
        pair.put("200", old);
        let memory = pair.machines[1].memory_of("200", later).expect("readable");
        assert!(questions(&memory).is_empty());
    });
}

#[test]
fn a_machine_with_a_key_of_its_own_reads_and_changes_nothing() {
    with_pairs("machines with different keys", |pair| {
        pair.remember("200", "one");
        let stranger = Machine::of(Some(pair.server()));
        let told = stranger.memory_of("200", now()).expect_err("another key");
        assert!(
            told.to_string().contains("copy it from one of them"),
            "{told}"
        );
        let store = stranger.store();
        store.forget("200").expect_err("it cannot know the name");
        store.entries().expect_err("all would be unreadable");
        assert_eq!(pair.recalled("200").expect("readable"), ["one"]);
        // Even where it has looked before the other has written.
        tell(&pair.server(), &["FLUSHALL"]);
        let mut early = stranger.memory_of("200", now()).expect("nothing yet");
        pair.remember("200", "two");
        early
            .add("q", "a", None, now())
            .expect_err("another was first");
        store.entries().expect_err("all would be unreadable");
        assert_eq!(pair.recalled("200").expect("readable"), ["two"]);
    });
}

#[test]
fn a_machine_that_has_remembered_nobody_makes_no_key_to_forget_them() {
    with_pairs("machines without a key", |pair| {
        pair.remember("200", "one");
        let stranger = Machine::of(Some(pair.server()));
        for store in stranger.settings().stores() {
            assert_eq!(store.forget("200").expect("nothing is its own"), 0);
            assert!(store.entries().expect("nothing is its own").is_empty());
        }
        assert!(!key::place(stranger.folder.path()).exists());
        assert_eq!(pair.recalled("200").expect("readable"), ["one"]);
    });
}

#[test]
fn a_server_that_always_names_another_key_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("ours").port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("one call");
        let mut question = [0; 4096];
        while let Ok(len @ 1..) = stream.read(&mut question) {
            let is_scan = question[..len].windows(4).any(|word| word == b"SCAN");
            let answer = if is_scan {
                "*2\r\n$1\r\n7\r\n*0\r\n"
            } else {
                "*1\r\n$-1\r\n"
            };
            stream.write_all(answer.as_bytes()).expect("it reads");
        }
    });
    let address = Address::parse(&format!("redis://127.0.0.1:{port}")).expect("right");
    let server = Server::new(address, 2).with_patience(Duration::from_secs(20));
    let machine = Machine::of(Some(Arc::new(server)));
    Key::in_folder(machine.folder.path()).expect("made");
    let told = machine.store().entries().expect_err("there is no end");
    assert!(matches!(told, Error::Crowded), "{told}");
}

#[test]
fn a_server_that_begins_anew_is_no_reason_to_bring_back_what_is_forgotten() {
    with_pairs("a server that begins anew", |mut pair| {
        pair.remember("200", "one");
        let mut memory = pair.machines[1].memory(now());
        pair.server.restart(pair.program);
        pair.next_calls();
        assert!(pair.recalled("200").expect("readable").is_empty());
        memory.store = pair.machines[1].store();
        memory.add("late", "a", None, now()).expect("fine");
        assert!(pair.recalled("200").expect("readable").is_empty());
        pair.remember("200", "new");
        assert_eq!(pair.recalled("200").expect("readable"), ["new"]);
    });
}

#[test]
fn a_server_that_takes_nothing_leaves_what_it_has() {
    let takes_nothing = [
        ["CONFIG", "SET", "maxmemory", "1"],
        ["CONFIG", "SET", "min-replicas-to-write", "1"],
    ];
    for words in takes_nothing {
        with_pairs("a server that takes nothing", |mut pair| {
            pair.remember("200", "one");
            tell(&pair.server(), &words);
            assert_eq!(pair.recalled("200").expect("readable"), ["one"]);
            let mut memory = pair.machines[0].memory(now());
            let told = memory.add("two", "a", None, now()).expect_err("not taken");
            assert!(told.to_string().contains("of [state] url"), "{told}");
            pair.next_calls();
            assert_eq!(pair.recalled("200").expect("readable"), ["one"]);
        });
    }
}

#[test]
fn a_replica_that_may_only_be_read_leaves_what_it_has() {
    with_pairs("a replica", |mut pair| {
        pair.remember("200", "one");
        // Nothing listens there, and it keeps what it has.
        tell(&pair.server(), &["REPLICAOF", "127.0.0.1", "1"]);
        assert_eq!(pair.recalled("200").expect("readable"), ["one"]);
        let mut memory = pair.machines[0].memory(now());
        let told = memory.forget().expect_err("not taken");
        let told = Chain(&told).to_string();
        assert!(told.contains("of [state] url"), "{told}");
        assert_eq!(memory.instructions(now()), "");
        pair.next_calls();
        memory.settle().expect("it is noted, and told once");
        tell(&pair.server(), &["REPLICAOF", "NO", "ONE"]);
        // The next call of that machine makes up for it, of whichever caller.
        let other = pair.machines[0].memory_of("201", now());
        assert!(questions(&other.expect("readable")).is_empty());
        assert!(pair.recalled("200").expect("readable").is_empty());
        pair.remember("200", "new");
        pair.machines[0].memory(now());
        assert_eq!(pair.recalled("200").expect("readable"), ["new"]);
    });
}

#[test]
fn a_server_that_answers_nonsense_or_nothing_has_no_memory_of_anybody() {
    let (brief, long) = (Duration::from_millis(150), Duration::from_secs(20));
    let silent = "it does not answer";
    let garbled = "cannot use redis://";
    for (nonsense, patience, words) in [
        ("", brief, silent),
        ("$999999999999\r\nx", long, garbled),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", long, garbled),
        ("+OK\r\n", long, garbled),
        ("*1\r\n$-1\r\n", long, garbled),
        ("*2\r\n$1\r\nx\r\n$1\r\nx\r\n", long, "have another key"),
        ("*2\r\n$-1\r\n$1\r\nx\r\n", long, "cannot open"),
        ("*2\r\n:1\r\n:2\r\n", long, garbled),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("ours").port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("one call");
            let mut question = [0; 4096];
            // Until the program has left.
            while stream.read(&mut question).is_ok_and(|len| len > 0)
                && stream.write_all(nonsense.as_bytes()).is_ok()
            {}
        });
        let address = Address::parse(&format!("redis://127.0.0.1:{port}")).expect("right");
        let server = Server::new(address, 2).with_patience(patience);
        let machine = Machine::of(Some(Arc::new(server)));
        let told = machine.memory_of("200", now()).expect_err(nonsense);
        let told = told.to_string();
        assert!(told.contains(words), "{nonsense:?}: {told}");
        assert_eq!(
            told.contains(silent),
            words == silent,
            "{nonsense:?}: {told}"
        );
    }
}
