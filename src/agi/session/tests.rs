//! What a session makes of Asterisk's lines.

use super::*;

const VERBOSE: Command<'_> = Command::Verbose {
    message: "x",
    level: 1,
};

fn session(input: &str, end: End) -> (Session<Vec<u8>>, Hangup) {
    let hangup = Hangup::default();
    let input = io::Cursor::new(format!("agi_request: phone-assistant\n\n{input}").into_bytes());
    (
        Session::open(input, end, Vec::new(), &hangup).expect("a whole block"),
        hangup,
    )
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
    assert_eq!(recorded.output, b"VERBOSE \"x\" 1\n");
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
        if line.starts_with(b"GET VARIABLE") {
            self.replies.write_all(b"200 result=1 (x)\n")?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_sound_that_plays_on_is_stopped_by_more_to_read() {
    let (input, mut replies) = io::pipe().expect("a pipe");
    replies
        .write_all(b"agi_request: x\n\n")
        .expect("room in it");
    let output = PlaysOn { stops: 0, replies };
    let mut session =
        Session::open(input, End::Hangup, output, &Hangup::default()).expect("a block");
    let before = Instant::now();
    let command = Command::StreamFile {
        name: "x",
        stop_keys: "",
        offset: 0,
    };
    session.start(command).expect("a reader");
    assert_eq!(session.stop().expect("its own reply"), None);
    assert!(before.elapsed() < PATIENCE / 2);
    let value = session.get_variable("X").expect("in step");
    assert_eq!(value.as_deref(), Some("x"));
}
