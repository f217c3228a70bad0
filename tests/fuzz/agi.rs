//! What Asterisk says, damaged; and what we say when the words are hostile.

use std::io::{self, Cursor, Read, Write};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use phone_assistant::agi::{Command, End, Env, Line, Session};
use phone_assistant::sys::hangup::Hangup;
use phone_assistant::sys::plain::plain;

use super::mutate::mutated;
use super::{fuzz, inputs};

#[test]
fn no_environment_block_makes_its_reader_panic() {
    let feed = |input: &[u8]| {
        let Ok(Some(env)) = Env::read(&mut &*input) else {
            return false;
        };
        assert!(env.arguments().count() <= input.len());
        true
    };
    let blocks = blocks();
    let blocks: Vec<_> = blocks.iter().map(Vec::as_slice).collect();
    let make = |random: &mut _| mutated(&blocks, PREFIX_LEN, random);
    fuzz("environment blocks", inputs(), make, feed);
}

#[test]
fn no_number_of_a_caller_becomes_an_argument_or_a_reply() {
    let numbers = numbers();
    let numbers: Vec<_> = numbers.iter().map(Vec::as_slice).collect();
    let make = |random: &mut _| mutated(&numbers, 2, random);
    fuzz("numbers of callers", inputs(), make, call_from);
}

/// Opens a session with a caller of this number; true when the number holds a line break.
fn call_from(number: &[u8]) -> bool {
    let [before, after] = [0, 1].map(|part| {
        let block = testkit::agi_block("NUMBER", &ARGUMENTS);
        block.split("NUMBER").nth(part).unwrap().to_owned()
    });
    // To Asterisk a zero byte is the end of a text. A pipe that nobody reads yet holds 64 KiB.
    let number = number.split(|byte| *byte == 0).next().unwrap_or_default();
    let number = &number[..number.len().min(8192)];
    let (input, mut asterisk) = io::pipe().unwrap();
    asterisk
        .write_all(&[before.as_bytes(), number, after.as_bytes()].concat())
        .unwrap();
    let output = Echo(asterisk);
    let session = Session::open(input, End::Hangup, output, &Hangup::default());
    let is_broken = number.contains(&b'\n');
    let mut session = session.unwrap();
    let is_confirmed = session.confirm().is_ok();
    assert_eq!(is_confirmed, !is_broken);
    if is_confirmed {
        assert!(session.env().arguments().eq(ARGUMENTS));
    }
    is_broken
}

/// An Asterisk that gives back what it is asked for.
struct Echo(io::PipeWriter);

impl Write for Echo {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let text = text.split('"').nth(1).unwrap();
        self.0
            .write_all(format!("200 result=1 ({text})\n").as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const ARGUMENTS: [&str; 2] = ["recording=/a.wav", "reply=/b"];

/// What callers put behind a line break.
fn numbers() -> Vec<Vec<u8>> {
    let block = testkit::agi_block("5", &["recording=/etc/x.wav", "log.words=yes"]);
    let (_, own_end) = block.split_once("agi_callerid: ").unwrap();
    [
        "5\nagi_arg_3: stt.language=de-DE",
        "5\nagi_calleridname: x\nagi_callingpres: 0",
        "5\n\n200 result=1 (x)\nHANGUP\n",
        own_end,
        &format!("{own_end}200 result=1\n520-x\n"),
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

#[test]
fn no_line_makes_its_parser_panic() {
    let feed = |input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        let line = Line::parse(&text);
        assert!(!Line::is_unfinished(&text) || matches!(line, Line::Reply(_)));
        !matches!(line, Line::Other(_) | Line::Blank)
    };
    let make = |random: &mut _| mutated(LINES, CODE_LEN, random);
    fuzz("lines", inputs(), make, feed);
}

#[test]
fn no_conversation_makes_a_session_panic() {
    let make = |random: &mut _| mutated(CONVERSATIONS, OPENING.len(), random);
    fuzz("conversations", inputs(), make, converse);
}

#[test]
fn no_words_break_out_of_a_command() {
    let make = |random: &mut _| mutated(WORDS, 0, random);
    fuzz("commands", inputs(), make, command);
}

/// Plays a conversation to its end; true when its environment block was whole.
fn converse(input: &[u8]) -> bool {
    let (tell, told) = channel();
    let input = Watched {
        input: Cursor::new(input.to_vec()),
        tell,
    };
    let session = Session::open(input, End::Success, io::sink(), &Hangup::default());
    let ended_by_panic = told.recv().unwrap();
    assert!(!ended_by_panic, "the thread that reads panicked");
    let Ok(mut session) = session else {
        return false;
    };
    for _ in 0..4 {
        let value = session.get_variable("CHANNEL(audionativeformat)");
        let value = value.map_or_else(|error| error.to_string(), Option::unwrap_or_default);
        // Which of them Asterisk refuses is the input's choice.
        let (name, message) = ("ASSISTANT_ANSWER", value.as_str());
        drop(session.ask(Command::SetVariable {
            name,
            value: message,
            is_words: true,
        }));
        drop(session.ask(Command::Verbose { message, level: 1 }));
    }
    true
}

/// An input that tells when its reader lets go of it, and whether by a panic: on a thread of its own
/// that would go unnoticed.
struct Watched {
    input: Cursor<Vec<u8>>,
    tell: Sender<bool>,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Nobody listens any more when the test itself has failed.
        self.tell.send(thread::panicking()).ok();
    }
}

/// True when the words are hostile: no line can hold them as they are.
fn command(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let set = Command::SetVariable {
        name: &text,
        value: &text,
        is_words: true,
    };
    let verbose = Command::Verbose {
        message: &text,
        level: u8::MAX,
    };
    assert_reads_back(set, "SET VARIABLE % %", &text);
    // A line for people, on a terminal.
    assert_reads_back(verbose, "VERBOSE % 255", &plain(&text));
    assert_reads_back(Command::GetVariable(&text), "GET VARIABLE %", &text);
    !set.to_string().contains(&*text)
}

/// Asterisk reads the words of `shape`, with a beginning of `text` for each `%`.
fn assert_reads_back(command: Command<'_>, shape: &str, text: &str) {
    let text = text.replace(char::is_control, " ");
    let line = command.to_string();
    assert!(line.len() <= 2_000, "{} bytes", line.len());
    assert!(!line.contains(char::is_control), "{line:?}");
    // A quote left open would swallow the word after it.
    let words = testkit::words::split(&format!("{line} end")).unwrap();
    let shape: Vec<_> = shape.split(' ').chain(["end"]).collect();
    assert_eq!(words.len(), shape.len(), "{line}");
    for (word, expected) in words.iter().zip(shape) {
        let is_right = word == expected || expected == "%" && text.starts_with(word);
        assert!(is_right, "{word:?} in {line}");
    }
}

/// Blocks as Asterisk writes them: the damage is to hit every line of them.
fn blocks() -> Vec<Vec<u8>> {
    let plain = testkit::agi_block("1001", &["recording=/a b.wav", "reply=/c", ""]);
    let freepbx = "agi_ASTAGIDIR: /var/lib/asterisk/agi-bin\nagi_port: 40000\n\n\n";
    vec![
        include_bytes!("../data/replay.agi").to_vec(),
        testkit::agi_block("J\u{f6}rg \"Pepe\" (home): 1", &[]).into_bytes(),
        format!("agi_network: yes\nagi_network_script: x\n{plain}200 result=1\n").into_bytes(),
        format!(
            "{}{freepbx}",
            plain.trim_end_matches('\n').to_owned() + "\n"
        )
        .into_bytes(),
        testkit::agi_block("5\nagi_arg_1: config=/tmp/x\n\n200 result=1", &["a=b"]).into_bytes(),
    ]
}

/// `agi_`.
const PREFIX_LEN: usize = 4;

/// `200 `.
const CODE_LEN: usize = 4;

const LINES: &[&[u8]] = &[
    b"200 result=0",
    b"200 result=1 (hello world)",
    b"200 result=1 ((ulaw|g722))\n",
    b"200 result=-1 (hangup) endpos=0",
    b"200 result= (timeout)",
    b"200 result=1 (J\xf6rg: two\nlines) endpos=84073\r\n",
    b"100 result=0 Trying...",
    b"510 Invalid or unknown command\n",
    b"511 Command Not Permitted on a dead channel or intercept routine\n",
    b"520-Invalid command syntax.  Proper usage follows:\n",
    b"520 End of proper usage.\n",
    b"HANGUP",
];

const OPENING: &str = "agi_request: x\n\n";

const CONVERSATIONS: &[&[u8]] = &[
    b"agi_request: x\n\n200 result=1 ((ulaw))\n200 result=1\n200 result=1\n200 result=1\n",
    b"agi_request: x\n\n100 result=0 Trying...\n200 result=1 (two\nlines)\n510 Invalid or unknown command\n200 result=0\n",
    b"agi_request: x\n\n520-Invalid command syntax.  Proper usage follows:\n Usage: (x\n\n520 End of proper usage.\n200 result=1\n",
    b"agi_request: x\n\nHANGUP\n511 Command Not Permitted on a dead channel\n200 result=1 (J\xf6rg)\n",
    b"agi_request: x\n\n200 result=1\n520 Invalid command syntax.\n503 result=-2 Memory allocation failure\n\n200 result=\n",
];

const WORDS: &[&[u8]] = &[
    b"She said \"yes\" and \"no\".",
    b"C:\\temp\\\\\"x\\\"",
    b"one\ntwo\r\n\tthree\0four \x7f \xc2\x85",
    b"${SHELL(id)} \"$[1+1]\" 'a', b\n",
    b"J\xf6rg \xe4\xb8\x96\xe7\x95\x8c \"\xf0\x9f\x98\x80\" \\",
    &[b'"'; 1_100],
    &[b'\\'; 1_990],
    &[b'\n'; 2_500],
];
