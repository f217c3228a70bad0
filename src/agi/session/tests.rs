//! What a session makes of Asterisk's lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::*;

const VERBOSE: Command<'_> = Command::Verbose {
    message: "x",
    level: 1,
};

/// A session with an Asterisk that has proved to be alone and then writes `input`, or with a recording of it.
fn session(input: &str, end: End) -> (Session<Replies>, Hangup) {
    let hangup = Hangup::default();
    let block = testkit::agi_block("1001", &[]);
    let (reader, mut replies) = io::pipe().expect("a pipe");
    let recorded = if end == End::Success { input } else { "" };
    replies
        .write_all(format!("{block}{recorded}").as_bytes())
        .expect("room in it");
    let output = Replies {
        line: (end == End::Hangup).then_some(replies),
        last: Some(input.to_owned()),
        sent: Vec::new(),
    };
    let mut session = Session::open(reader, end, output, &hangup).expect("a whole block");
    session.confirm().expect("nobody else speaks");
    (session, hangup)
}

/// An Asterisk that gives back what it is asked for.
struct Replies {
    line: Option<io::PipeWriter>,
    /// Ends the session behind the first reply.
    last: Option<String>,
    sent: Vec<String>,
}

impl Write for Replies {
    fn write(&mut self, command: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(command).into_owned();
        let name = text.split('"').nth(1).unwrap_or_default();
        let reply = format!("200 result=1 ({name})\n");
        self.sent.push(text);
        if let Some(line) = &mut self.line {
            line.write_all(reply.as_bytes())?;
            if let Some(last) = self.last.take() {
                line.write_all(last.as_bytes())?;
                self.line = None;
            }
        }
        Ok(command.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A session with an Asterisk that has proved to be alone, and then does what `output` makes of its replies.
fn confirmed<W: Write>(hangup: &Hangup, output: impl FnOnce(io::PipeWriter) -> W) -> Session<W> {
    let (input, mut replies) = io::pipe().expect("a pipe");
    let block = testkit::agi_block("1001", &[]);
    replies.write_all(block.as_bytes()).expect("room in it");
    let opened = Session::open(input, End::Hangup, output(replies), hangup);
    let mut session = opened.expect("a block");
    session.confirm().expect("nobody else speaks");
    session
}

/// A session with an Asterisk that has written `input` before it reads.
fn asked(input: &str) -> Session<Replies> {
    let (reader, mut replies) = io::pipe().expect("a pipe");
    replies.write_all(input.as_bytes()).expect("room in it");
    let output = Replies {
        line: Some(replies),
        last: None,
        sent: Vec::new(),
    };
    Session::open(reader, End::Hangup, output, &Hangup::default()).expect("a block")
}

#[test]
fn nothing_that_was_written_before_the_first_command_is_taken_for_a_reply() {
    let block = testkit::agi_block("1001", &[]);
    let table = [
        ("", true),
        ("\n", true),
        ("HANGUP\n", true),
        ("100 result=0 Trying...\n", false),
        ("200 result=1\n", false),
        ("200 result=1 (x)\n200 result=0 endpos=0\n", false),
        ("agi_calleridname: x\n\n", false),
        ("511 Command Not Permitted on a dead channel\n", false),
        ("520-Usage\nagi_x: y\n520 End of proper usage.\n", false),
        ("200 result=1 (x\ny)\n", false),
        ("200 result=1 (x\n", false),
        ("520-Usage\n", false),
        ("x\n", false),
    ];
    for (before, is_alone) in table {
        let mut session = asked(&format!("{block}{before}"));
        let confirmed = session.confirm();
        match confirmed {
            Ok(()) => assert!(is_alone, "{before:?}"),
            Err(Error::Unasked) => assert!(!is_alone, "{before:?}"),
            Err(error) => panic!("{before:?}: {error}"),
        }
        // Whatever its origin, what follows is in step again.
        let value = session.get_variable("NAME").expect("in step");
        assert_eq!(value.as_deref(), Some("NAME"), "{before:?}");
    }
}

#[test]
fn a_block_that_is_not_asterisks_alone_is_told_and_the_next_reply_still_fits() {
    let block = testkit::agi_block("5\nagi_arg_3: x", &["a=1"]);
    let mut session = asked(&block);
    assert!(matches!(session.confirm(), Err(Error::Forged(_))));
    let value = session.get_variable("NAME").expect("in step");
    assert_eq!(value.as_deref(), Some("NAME"));
    // A recorded session is asked nothing.
    let input = io::Cursor::new(block.into_bytes());
    let opened = Session::open(input, End::Success, Vec::new(), &Hangup::default());
    let mut recorded = opened.expect("a block");
    assert!(matches!(recorded.confirm(), Err(Error::Forged(_))));
    assert!(recorded.output.is_empty());
}

#[test]
fn each_session_asks_for_another_text() {
    let texts = [(); 2].map(|()| {
        let mut session = asked(&testkit::agi_block("1001", &[]));
        session.confirm().expect("alone");
        let sent = session.output.sent.concat();
        assert!(sent.starts_with("GET FULL VARIABLE \""), "{sent}");
        sent
    });
    assert_ne!(texts[0], texts[1]);
}

#[test]
fn a_peer_that_sends_nonsense_is_dropped_after_64_kilobytes() {
    let line = |text: &str| format!("{text}\n");
    let endless = [
        line(&"x".repeat(1000)),
        line(""),
        line("HANGUP"),
        line("100 x"),
        line("520-x"),
        line("511 x"),
        line("200 result=1"),
        "x".repeat(1000),
        "200 result=1 (x\n".to_owned(),
    ];
    for text in endless {
        let block = testkit::agi_block("1001", &[]);
        let read = Arc::new(AtomicUsize::new(0));
        let input = Counted {
            bytes: block.clone().into_bytes(),
            more: text.clone().into_bytes(),
            read: read.clone(),
        };
        let hangup = Hangup::default();
        let session = Session::open(input, End::Hangup, io::sink(), &hangup).expect("a block");
        // The thread that reads ends, and that is a hang-up.
        session.hangup.raised().recv().expect_err("nothing is sent");
        while Arc::strong_count(&read) > 1 {
            thread::yield_now();
        }
        let limit = block.len() + 3 * MAX_NONSENSE;
        assert!(read.load(Ordering::Relaxed) < limit, "{text:?}");
    }
}

/// An input without end that counts what is taken of it.
struct Counted {
    bytes: Vec<u8>,
    more: Vec<u8>,
    read: Arc<AtomicUsize>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.bytes.len() < buffer.len() {
            self.bytes.extend_from_slice(&self.more);
        }
        buffer.copy_from_slice(&self.bytes[..buffer.len()]);
        self.bytes.drain(..buffer.len());
        self.read.fetch_add(buffer.len(), Ordering::Relaxed);
        Ok(buffer.len())
    }
}

fn variable(input: &str) -> Result<Option<String>, Error> {
    session(input, End::Hangup).0.get_variable("X")
}

#[test]
fn a_value_comes_whole() {
    let table = [
        ("200 result=1 (hello world)\n", Some("hello world")),
        ("200 result=1 ((ulaw))\n", Some("(ulaw)")),
        ("200 result=1 (a: b) c)\n", Some("a: b) c")),
        ("200 result=1 (two\nlines)\n", Some("two\nlines")),
        ("200 result=0\n", None),
        (
            "\n\n200 result=1 (after blank lines)\n",
            Some("after blank lines"),
        ),
        (
            "HANGUP\n200 result=1 (after a hang-up)\n",
            Some("after a hang-up"),
        ),
        (
            "100 result=0 Trying...\n200 result=1 (after trying)\n",
            Some("after trying"),
        ),
    ];
    for (input, expected) in table {
        assert_eq!(
            variable(input).expect(input).as_deref(),
            expected,
            "{input:?}"
        );
    }
}

#[test]
fn a_refusal_is_told_and_the_next_reply_still_fits() {
    let usage = "520-Invalid command syntax.  Proper usage follows:\n\n Usage: 200 result=9 (x\n520 End of proper usage.\n";
    for refusal in [
        usage,
        "510 Invalid or unknown command\n",
        "520 Invalid command syntax.\n",
    ] {
        let (mut session, hangup) =
            session(&format!("{refusal}200 result=1 (next)\n"), End::Hangup);
        let first = session.get_variable("X");
        assert!(
            matches!(first, Err(Error::Refused { .. })),
            "{refusal:?} gave {first:?}"
        );
        assert_eq!(
            session.get_variable("X").expect("in step").as_deref(),
            Some("next")
        );
        drop(hangup);
    }
}

#[test]
fn a_sound_that_ends_while_it_is_stopped_is_told_and_the_next_reply_still_fits() {
    let table = [
        ("", None),
        ("200 result=35 endpos=1600\n", Some('#')),
        ("200 result=0 endpos=1600\n", None),
        ("510 Invalid or unknown command\n", None),
        ("511 Command Not Permitted on a dead channel\n", None),
    ];
    for (crossing, key) in table {
        let input = format!("{crossing}200 result=0\n200 result=1 (next)\n");
        let (mut session, _) = session(&input, End::Hangup);
        let ended = session.stop().expect(crossing);
        assert_eq!(ended.is_some(), crossing.contains("endpos"), "{crossing}");
        assert_eq!(ended.and_then(|reply| reply.key()), key, "{crossing}");
        let next = session.get_variable("X").expect("in step");
        assert_eq!(next.as_deref(), Some("next"), "{crossing}");
    }
}

#[test]
fn a_dead_channel_is_a_hang_up() {
    let (mut session, hangup) = session(
        "511 Command Not Permitted on a dead channel\n",
        End::Success,
    );
    assert!(matches!(session.ask(VERBOSE), Err(Error::Dead)));
    assert!(hangup.is_raised());
}

#[test]
fn the_end_of_a_pipe_is_a_hang_up_and_the_end_of_a_recording_is_success() {
    let (mut piped, hung_up) = session("", End::Hangup);
    assert!(matches!(piped.ask(VERBOSE), Err(Error::Closed)));
    assert!(hung_up.is_raised());
    let (mut recorded, hung_up) = session("", End::Success);
    recorded.ask(VERBOSE).expect("counts as carried out");
    assert_eq!(recorded.output.sent, ["VERBOSE \"x\" 1\n"]);
    assert!(!hung_up.is_raised());
}

#[test]
fn a_closed_stdout_is_a_hang_up() {
    struct Broken(io::ErrorKind);
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for kind in [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset] {
        let (hangup, block) = (Hangup::default(), &b"agi_request: x\n\n"[..]);
        let opened = Session::open(block, End::Success, Broken(kind), &hangup);
        let mut session = opened.expect("a whole block");
        assert!(matches!(session.ask(VERBOSE), Err(Error::Closed)));
        assert!(hangup.is_raised());
    }
}

#[test]
fn who_is_not_asterisk_opens_no_session() {
    let hangup = Hangup::default();
    let request = &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..];
    let opened = Session::open(request, End::Hangup, Vec::new(), &hangup);
    assert!(matches!(opened, Err(Error::Io(_))));
}

#[test]
fn an_input_that_ends_within_the_block_opens_no_session() {
    let hangup = Hangup::default();
    let opened = Session::open(&b"agi_request: x\n"[..], End::Hangup, Vec::new(), &hangup);
    assert!(matches!(opened, Err(Error::Closed)));
}

/// An Asterisk that has read the command which is to stop a sound together with the one that began it.
struct PlaysOn {
    stops: usize,
    replies: io::PipeWriter,
}

impl Write for PlaysOn {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.stops += usize::from(line.starts_with(b"NOOP"));
        if line.starts_with(b"NOOP") && self.stops == 2 {
            self.replies.write_all(b"200 result=0\n200 result=0\n")?;
        }
        if line.starts_with(b"GET ") {
            let text = String::from_utf8_lossy(line);
            let name = text.split('"').nth(1).unwrap_or_default();
            self.replies
                .write_all(format!("200 result=1 ({name})\n").as_bytes())?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_sound_that_plays_on_is_stopped_by_more_to_read() {
    let output = |replies| PlaysOn { stops: 0, replies };
    let mut session = confirmed(&Hangup::default(), output);
    let command = Command::StreamFile {
        name: "x",
        stop_keys: "",
        offset: 0,
    };
    session.start(command).expect("a reader");
    assert_eq!(session.stop().expect("its own reply"), None);
    assert_eq!(session.output.stops, 2);
    let value = session.get_variable("X").expect("in step");
    assert_eq!(value.as_deref(), Some("X"));
}

/// A peer that goes on writing ends of sounds, and never the reply to the command that stops one.
struct Drips(io::PipeWriter);

impl Write for Drips {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if let Some(text) = text.strip_prefix("GET FULL VARIABLE ") {
            let text = text.trim_matches(['"', '\n']);
            self.0
                .write_all(format!("200 result=1 ({text})\n").as_bytes())?;
        } else {
            let mut replies = self.0.try_clone()?;
            // Until the pipe is closed.
            thread::spawn(move || while replies.write_all(b"200 result=0 endpos=0\n").is_ok() {});
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_peer_that_never_lets_a_sound_be_stopped_is_given_up() {
    let hangup = Hangup::default();
    let mut session = confirmed(&hangup, Drips);
    // After a hang-up it gives up sooner.
    hangup.raise();
    session.stop().expect_err("it is not stopped");
}
