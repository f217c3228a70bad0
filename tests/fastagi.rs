//! FastAGI: Asterisk connects, and systemd starts the program for each connection, as for the unit files in README.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use testkit::audio::{g711, measure};
use testkit::{Call, CallBuilder, Fault, Outcome, Stage};

use crate::house::{House, MOON, PATIENCE, argument, data, program};

/// From the hang-up to the end of the process.
const AT_ONCE: Duration = Duration::from_secs(1);

/// systemd's own socket activation with `Accept=yes`, on a port of this test.
struct Server {
    systemd: Child,
    address: SocketAddr,
    /// What systemd says of its connections, and what the program writes to stderr.
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Server {
    fn start() -> Self {
        Self::running(&[], &[program().to_str().unwrap()])
    }

    /// Runs another command for each connection, with more variables in its environment.
    fn running(variables: &[&str], command: &[&str]) -> Self {
        let address = free_address();
        let mut systemd = Command::new("systemd-socket-activate")
            // As bare as systemd's: no HOME, no language.
            .env_clear()
            .args(["--accept", "--inetd", "--listen", &address.to_string()])
            .args(variables.iter().flat_map(|variable| ["--setenv", variable]))
            .args(command)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("systemd-socket-activate (Debian: systemd): {error}"));
        let stderr = BufReader::new(systemd.stderr.take().unwrap());
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || {
            let lines = stderr.lines().map_while(Result::ok);
            lines
                .take_while(|line| tell.send(line.clone()).is_ok())
                .count()
        });
        let mut server = Self {
            systemd,
            address,
            lines,
            seen: Vec::new(),
        };
        server.wait_for("Listening on", 1, PATIENCE);
        server
    }

    /// Waits until so many lines have told of something.
    ///
    /// # Panics
    /// When they have not in time.
    #[track_caller]
    fn wait_for(&mut self, what: &str, times: usize, limit: Duration) {
        let until = Instant::now() + limit;
        while self.seen.iter().filter(|line| line.contains(what)).count() < times {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(error) => panic!("{what:?} after {limit:?}: {error}\n{}", self.text()),
            }
        }
    }

    /// All processes of so many connections end within a time, and each ends well.
    #[track_caller]
    fn assert_ended(&mut self, connections: usize, limit: Duration) {
        self.wait_for(" died with code ", connections, limit);
        let died = self.seen.iter().filter(|line| line.contains(" died "));
        for line in died {
            assert!(line.ends_with(" died with code 0"), "{}", self.text());
        }
    }

    fn text(&self) -> String {
        self.seen.join("\n")
    }

    /// Asterisk at the other end, with the arguments of the house's dialplan.
    fn call(&self, house: &House) -> CallBuilder {
        house.call().over(self.address)
    }

    /// Somebody at the other end who is not Asterisk.
    fn stranger(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What it has started, systemd ends with it.
        self.systemd.kill().unwrap();
        self.systemd.wait().unwrap();
    }
}

/// A port that nobody listens on.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

/// Lets a call come to the point where the model has been asked and does not answer.
fn in_paid_work(
    server: &Server,
    house: &House,
    call: impl FnOnce(CallBuilder) -> CallBuilder,
) -> Call {
    house.sandbox.fault(Stage::Llm, Fault::Hang, usize::MAX);
    house.ask("question-tea.wav");
    let call = call(server.call(house)).start();
    house.sandbox.wait_for(Stage::Llm, 1, PATIENCE);
    call
}

#[track_caller]
fn assert_refused(outcome: &Outcome, reason: &str) {
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "FAILED")
        .assert_variable_contains("ASSISTANT_ERROR", reason);
}

#[test]
fn a_call_over_the_network_is_heard_as_any_other() {
    let mut server = Server::start();
    let house = House::streaming();
    house.ask("question-moon.wav");
    let outcome = server.call(&house).start().finish(PATIENCE);
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "ANSWERED")
        .assert_variable("ASSISTANT_ANSWER", MOON);
    let place = format!("{}.ulaw", house.reply().display());
    let heard = outcome.played_of(Path::new(&place));
    let likeness = measure::heard(&g711::decoded_mulaw(&heard), &house.voice());
    outcome.assert(
        likeness > 0.9,
        &format!("heard with likeness {likeness:.3}"),
    );
    server.assert_ended(1, PATIENCE);
    house.assert_no_file(&outcome);
}

#[test]
fn several_at_once_hear_each_their_own_answer() {
    let mut server = Server::start();
    let house = House::new();
    let settings = house.sandbox.settings().set("reply.play", "dialplan");
    let config = settings.write(house.other());
    let asked = [
        ("moon", "The moon is about"),
        ("tea", "Black tea should steep"),
        ("opening-hours", "On Saturdays we are open"),
        ("tea", "Black tea should steep"),
        ("moon", "The moon is about"),
    ];
    let start = |(id, (question, answer))| {
        let call = house.calls().join(format!("call-1700000000.{id}"));
        let recording = format!("{}.wav", call.display());
        fs::copy(data(&format!("question-{question}.wav")), &recording).unwrap();
        let call = Call::builder(program())
            .arg(format!("recording={recording}"))
            .arg(format!("reply={}-reply", call.display()))
            .arg(argument("config", &config));
        (call.over(server.address).start(), answer)
    };
    let calls: Vec<_> = (1..).zip(asked).map(start).collect();
    for (call, answer) in calls {
        let outcome = call.finish(PATIENCE);
        outcome
            .assert_manners()
            .assert_variable("ASSISTANT_STATUS", "ANSWERED")
            .assert_variable_contains("ASSISTANT_ANSWER", answer);
    }
    server.assert_ended(asked.len(), PATIENCE);
}

#[test]
fn the_line_that_tells_of_a_hang_up_ends_paid_work_at_once() {
    let mut server = Server::start();
    let house = House::new();
    let call = in_paid_work(&server, &house, |call| call);
    call.hangup();
    server.assert_ended(1, AT_ONCE);
    let outcome = call.finish(PATIENCE);
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "HANGUP");
    assert_eq!(house.sandbox.requests().last().unwrap().stage, Stage::Llm);
    house.assert_no_file(&outcome);
}

#[test]
fn a_connection_that_breaks_off_without_a_word_is_a_hang_up() {
    let breaks: [fn(&Call); 2] = [Call::hangup_and_close, Call::close_stdin];
    for break_off in breaks {
        let mut server = Server::start();
        let house = House::new();
        let silently = |call: CallBuilder| call.variable("AGISIGHUP", "no");
        let call = in_paid_work(&server, &house, silently);
        break_off(&call);
        server.assert_ended(1, AT_ONCE);
        let outcome = call.finish(PATIENCE);
        outcome.assert_manners();
        assert_eq!(house.sandbox.requests().last().unwrap().stage, Stage::Llm);
        house.assert_no_file(&outcome);
    }
}

#[test]
fn a_conversation_is_refused_with_the_reason() {
    let mut server = Server::start();
    let house = House::new();
    let outcome = server
        .call(&house)
        .arg("mode=conversation")
        .start()
        .finish(PATIENCE);
    assert_refused(&outcome, "EAGI, which is not to be had by agi://");
    assert_eq!(house.sandbox.requests().len(), 0);
    server.assert_ended(1, PATIENCE);
}

#[test]
fn a_bare_word_is_a_fault_and_no_command() {
    let mut server = Server::start();
    for word in ["check", "--help"] {
        let builder = Call::builder(program()).arg(word).over(server.address);
        assert_refused(
            &builder.start().finish(PATIENCE),
            "an AGI argument is not name=value",
        );
    }
    server.assert_ended(2, PATIENCE);
}

#[test]
fn stderr_is_kept_apart_and_where_it_is_the_connection_nothing_is_written_to_it() {
    let everything = ["PHONE_ASSISTANT_LOG=trace"];
    let program = program().to_str().unwrap();
    for (command, is_logged) in [
        (&[program][..], true),
        (&["/bin/sh", "-c", "exec \"$0\" 2>&1", program], false),
    ] {
        let mut server = Server::running(&everything, command);
        let house = House::new();
        house.ask("question-tea.wav");
        let outcome = server.call(&house).start().finish(PATIENCE);
        outcome
            .assert_manners()
            .assert_variable("ASSISTANT_STATUS", "ANSWERED");
        server.assert_ended(1, PATIENCE);
        assert_eq!(
            server.text().contains("AGI > "),
            is_logged,
            "{}",
            server.text()
        );
    }
}

#[test]
fn who_is_not_asterisk_is_told_nothing() {
    let mut server = Server::start();
    let strangers: [&[u8]; 3] = [
        b"GET / HTTP/1.1\r\nagi_arg_1: stt.language=de-DE\r\n\r\n",
        b"\n",
        b"\x16\x03\x01\x02\x00\x01\x00\n",
    ];
    for bytes in strangers {
        let mut stream = server.stranger();
        stream.write_all(bytes).unwrap();
        let mut told = Vec::new();
        // It may close before it has read everything, and then the system says so.
        stream.read_to_end(&mut told).ok();
        assert!(told.is_empty(), "{}", told.escape_ascii());
    }
    server.assert_ended(strangers.len(), AT_ONCE);
    server.wait_for("so this is not Asterisk", strangers.len(), AT_ONCE);
}

#[test]
fn who_says_nothing_or_never_ends_is_not_waited_for_long() {
    let mut server = Server::start();
    let since = Instant::now();
    let mut waiting = [&b""[..], b"agi_network: yes\n", b"agi_network: yes"].map(|bytes| {
        let mut stream = server.stranger();
        stream.write_all(bytes).unwrap();
        stream
    });
    server.assert_ended(waiting.len(), Duration::from_secs(8));
    assert!(
        since.elapsed() > Duration::from_secs(4),
        "a busy Asterisk is waited for"
    );
    for stream in &mut waiting {
        let mut told = String::new();
        stream.read_to_string(&mut told).ok();
        assert_eq!(told, "");
    }
    server.wait_for("asterisk did not answer within 5 s", waiting.len(), AT_ONCE);
}

#[test]
fn the_unit_files_of_readme_are_what_systemd_takes() {
    let readme = include_str!("../README.md");
    let house = House::new();
    let name = "# /etc/systemd/system/";
    let units = readme
        .split("```ini\n")
        .filter_map(|block| block.split("```").next()?.strip_prefix(name));
    let files = units.map(|unit| {
        let (file, text) = unit.split_once('\n').unwrap();
        let text = text.replace(
            "/usr/local/bin/phone-assistant",
            program().to_str().unwrap(),
        );
        // Whether there is such a user is this machine's affair.
        let text = text.replace("User=asterisk", "User=root");
        let path = house.other().join(file);
        fs::write(&path, text).unwrap();
        path
    });
    let files: Vec<_> = files.collect();
    assert_eq!(files.len(), 2);
    let verified = Command::new("systemd-analyze")
        .arg("verify")
        .args(&files)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    let own: Vec<_> = said
        .lines()
        .filter(|line| line.contains("phone-assistant"))
        .collect();
    assert!(verified.status.success() && own.is_empty(), "{said}");
}
