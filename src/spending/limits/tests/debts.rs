//! What a machine owes the server: told once, given back at most once, and no call waits for another that tells it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::machines::{Machine, per_day};
use super::*;
use crate::sys::state;
use crate::sys::state::server::Server;
use crate::sys::state::server::tests::shared;
use crate::sys::sync::lock;

/// What becomes of the answers of scripts on their way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// Nothing is asked.
    Closed,
    /// It is asked, and the answer does not arrive.
    Lost,
    /// It is asked, and another answer arrives.
    Garbled,
}

/// A way to a server which spoils what it is told to.
struct Spoiler {
    port: u16,
    way: Arc<Mutex<Way>>,
}

impl Spoiler {
    fn before(server: &testkit::Server) -> Self {
        let to = shared(server).address().port;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("ours").port();
        let way = Arc::new(Mutex::new(Way::Open));
        let is = Arc::clone(&way);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("a connection");
                if *lock(&is) == Way::Closed {
                    continue;
                }
                let is = Arc::clone(&is);
                thread::spawn(move || relay(&client, to, &is));
            }
        });
        Self { port, way }
    }

    fn is(&self, way: Way) {
        *lock(&self.way) = way;
    }

    /// The server behind it, in a call that has lost nothing yet.
    fn server(&self, server: &testkit::Server) -> Arc<Server> {
        let mut address = shared(server).address().clone();
        address.port = self.port;
        Arc::new(Server::new(address, 2).with_patience(Duration::from_secs(20)))
    }
}

/// Takes questions to the server, in whatever parts they come, and its answers back, until one of the two ends it.
fn relay(client: &TcpStream, to: u16, way: &Mutex<Way>) {
    let server = &TcpStream::connect((Ipv4Addr::LOCALHOST, to)).expect("it listens");
    let asks_script = &AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(move || {
            pass(client, |bytes| {
                if bytes.windows(4).any(|word| word == b"EVAL") {
                    asks_script.store(true, Ordering::SeqCst);
                }
                let mut server = server;
                server.write_all(bytes)
            });
            // The server may have ended it.
            server.shutdown(Shutdown::Both).ok();
        });
        pass(server, |bytes| {
            let is_script = asks_script.swap(false, Ordering::SeqCst);
            let mut client = client;
            match *lock(way) {
                Way::Garbled if is_script => client.write_all(b"*1\r\n:7\r\n"),
                Way::Lost if is_script => client.shutdown(Shutdown::Both),
                _ => client.write_all(bytes),
            }
        });
        // The client may have ended it.
        client.shutdown(Shutdown::Both).ok();
    });
}

/// Passes on what comes, until one side has ended.
fn pass(mut from: &TcpStream, on: impl Fn(&[u8]) -> io::Result<()>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(len @ 1..) = from.read(&mut bytes)
        && on(&bytes[..len]).is_ok()
    {}
}

/// A machine on a way to a server.
struct Scene {
    server: testkit::Server,
    way: Spoiler,
    machine: Machine,
}

impl Scene {
    fn start(program: &str) -> Self {
        let server = testkit::Server::start(program);
        let way = Spoiler::before(&server);
        let machine = Machine::of(None);
        Self {
            server,
            way,
            machine,
        }
    }

    /// The machine in a new call, for which the way is like this from its beginning.
    fn call(&self, way: Way) -> State {
        self.way.is(way);
        let server = self.way.server(&self.server);
        self.machine.state.clone().with(Some(server))
    }

    fn admit(&self, way: Way, cost: MicroDollars) -> Admission {
        self.machine.wait_for_programs();
        let state = self.call(way);
        let admitted = limits().admit(&state, "1001", cost, SystemTime::now);
        admitted.expect("admitted").expect("it is limited")
    }

    /// What the server says is spent, once it has been told what is owed.
    fn spent(&self) -> String {
        self.machine.wait_for_programs();
        self.spent_now()
    }

    /// The same, with what is owed told by any machine.
    fn spent_now(&self) -> String {
        let state = self.call(Way::Open);
        let refused = limits().admit(&state, "1001", CENT.times(11), SystemTime::now);
        let told = refused.expect_err("too much").to_string();
        let (spent, _) = told.split_once(" of").expect("what is spent");
        spent.to_owned()
    }
}

fn limits() -> Limits {
    per_day(CENT.times(10))
}

/// Runs `test` with each kind of server.
fn with_scenes(name: &str, test: impl Fn(Scene)) {
    for program in testkit::Server::programs(name) {
        test(Scene::start(program));
    }
}

#[test]
fn what_the_server_may_have_given_back_is_not_given_back_again() {
    for spoilt in [Way::Lost, Way::Garbled] {
        with_scenes("answers that are lost", |scene| {
            let kept = scene.admit(Way::Open, CENT.times(4));
            scene.way.is(spoilt);
            kept.settle(CENT);
            assert_eq!(scene.spent(), "$0.0100");
            assert_eq!(scene.spent(), "$0.0100", "nothing is owed");
        });
    }
}

#[test]
fn a_debt_that_is_to_be_given_back_is_told_at_most_once() {
    for spoilt in [Way::Lost, Way::Garbled] {
        with_scenes("debts that may have been told", |scene| {
            // The call ends where the server cannot be reached, so three cents are to be given back.
            let mut kept = scene.admit(Way::Open, CENT.times(4));
            kept.books = Machines::of(&scene.call(Way::Closed));
            kept.settle(CENT);
            // The server takes them back, and says so in vain; the cent of that call is counted twice.
            let other = scene.admit(spoilt, CENT);
            assert!(other.alone.is_some());
            assert_eq!(scene.spent(), "$0.0300");
            assert_eq!(scene.spent(), "$0.0300");
        });
    }
}

#[test]
fn a_debt_that_is_to_be_given_back_stays_while_the_server_is_not_asked() {
    with_scenes("debts that were not told", |scene| {
        let mut kept = scene.admit(Way::Open, CENT.times(4));
        kept.books = Machines::of(&scene.call(Way::Closed));
        kept.settle(CENT);
        let other = scene.admit(Way::Closed, CENT);
        other.settle(CENT);
        assert_eq!(scene.spent(), "$0.0200");
    });
}

#[test]
fn a_debt_that_was_spent_is_told_again_rather_than_never() {
    for spoilt in [Way::Lost, Way::Garbled] {
        with_scenes("debts that were spent", |scene| {
            scene.admit(Way::Closed, CENT.times(2)).settle(CENT);
            let other = scene.admit(spoilt, CENT);
            drop(other);
            // The debt of one and the cent of the other call, both twice.
            assert_eq!(scene.spent(), "$0.0400");
            assert_eq!(scene.spent(), "$0.0400");
        });
    }
}

#[test]
fn a_call_does_not_wait_for_another_that_tells_what_is_owed() {
    with_scenes("debts told by one call at a time", |scene| {
        scene.admit(Way::Closed, CENT).settle(CENT);
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let mut address = shared(&scene.server).address().clone();
        address.port = silent.local_addr().expect("ours").port();
        let server = Server::new(address, 2).with_patience(Duration::from_secs(20));
        let state = scene.machine.state.clone().with(Some(Arc::new(server)));
        thread::scope(|scope| {
            let first = scope.spawn(|| limits().admit(&state, "1001", CENT, SystemTime::now));
            let (asked, _) = silent.accept().expect("it asks");
            // While it waits for an answer, others write down what they owe, and ask without telling of it.
            let file = scene.machine.state.file("owed.json.lock");
            drop(state::lock(&file, Duration::ZERO).expect("nobody holds it"));
            assert_eq!(scene.spent_now(), "$0.0000");
            drop((asked, silent));
            let first = first.join().expect("no panic").expect("admitted");
            first.expect("it is limited").settle(CENT);
        });
        assert_eq!(scene.spent(), "$0.0200");
    });
}

#[test]
fn a_debt_of_yesterday_is_no_money_of_today() {
    with_scenes("debts over midnight", |scene| {
        let yesterday = || SystemTime::now() - Duration::from_secs(SECONDS_A_DAY);
        let state = scene.call(Way::Closed);
        let late = |cost| {
            let admitted = limits().admit(&state, "1001", cost, yesterday);
            admitted.expect("admitted").expect("it is limited")
        };
        // One call ends yesterday, and one today.
        late(CENT).settle(CENT);
        let goes_on = late(CENT.times(3));
        assert_eq!(scene.spent(), "$0.0000", "four cents are owed of yesterday");
        goes_on.settle(CENT);
        assert_eq!(scene.spent(), "$0.0000");
        // What is owed of today is all that is told.
        late(CENT);
        scene.admit(Way::Closed, CENT.times(2)).settle(CENT);
        assert_eq!(scene.spent(), "$0.0100");
        assert_eq!(scene.spent(), "$0.0100");
    });
}
