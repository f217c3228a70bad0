//! What is said to a server of the kind of Redis, and what it answers.
//!
//! Spec: <https://redis.io/docs/latest/develop/reference/protocol-spec/>, RESP2, which a connection speaks that asks for no
//! other version. A crate for it would add a hundredth to the program, for these few lines.

use std::io::{self, BufRead, Read};

use crate::sys::plain::plain_to;

/// A command: its name and arguments, of any bytes.
pub(super) type Command = Vec<Vec<u8>>;

/// A command of words.
pub(super) fn command<const N: usize>(words: [&str; N]) -> Command {
    words.map(|word| word.as_bytes().to_vec()).into()
}

/// The bytes of a command.
pub(super) fn packed(command: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", command.len()).into_bytes();
    for word in command {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// There is no such thing.
    Nothing,
    Number(i64),
    Bytes(Vec<u8>),
    Several(Vec<Self>),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What the server says.
    #[error("the server answers {0}")]
    Refused(String),
    #[error("its answer cannot be understood")]
    Garbled,
}

impl Error {
    /// Whether there was no answer in time.
    pub(super) fn is_timeout(&self) -> bool {
        use io::ErrorKind::{TimedOut, WouldBlock};
        matches!(self, Self::Io(error) if matches!(error.kind(), TimedOut | WouldBlock))
    }
}

/// Reads one answer.
///
/// # Errors
/// [`Error`]; a refusal within several answers is one of all of them.
pub(super) fn read(from: &mut impl BufRead) -> Result<Answer, Error> {
    read_within(&mut from.take(MAX_ANSWER), MAX_DEPTH, &mut { MAX_PARTS })
}

/// Reads an answer whose lists lie `depth` deep and hold `parts` values together, at most.
fn read_within(from: &mut impl BufRead, depth: u32, parts: &mut usize) -> Result<Answer, Error> {
    let line = line(from)?;
    let (kind, rest) = line.split_at_checked(1).ok_or(Error::Garbled)?;
    let number = || rest.parse::<i64>().map_err(|_| Error::Garbled);
    let count = |limit: usize| match number()? {
        -1 => Ok(None),
        count => usize::try_from(count)
            .ok()
            .filter(|count| *count <= limit)
            .map(Some)
            .ok_or(Error::Garbled),
    };
    Ok(match kind {
        "+" => Answer::Bytes(rest.as_bytes().to_vec()),
        "-" => return Err(Error::Refused(plain_to(rest, MAX_SHOWN))),
        ":" => Answer::Number(number()?),
        "$" => match count(MAX_BYTES)? {
            None => Answer::Nothing,
            Some(len) => Answer::Bytes(bytes(from, len)?),
        },
        "*" => match count(*parts)? {
            None => Answer::Nothing,
            Some(_) if depth == 0 => return Err(Error::Garbled),
            Some(count) => {
                *parts -= count;
                let all = (0..count).map(|_| read_within(from, depth - 1, parts));
                Answer::Several(all.collect::<Result<_, _>>()?)
            }
        },
        _ => return Err(Error::Garbled),
    })
}

/// A line without its end.
fn line(from: &mut impl BufRead) -> Result<String, Error> {
    let mut line = Vec::new();
    from.take(MAX_LINE).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    let line = line.strip_suffix(b"\r\n").ok_or(Error::Garbled)?;
    Ok(String::from_utf8_lossy(line).into_owned())
}

/// Reads `len` bytes and the end of their line.
fn bytes(from: &mut impl BufRead, len: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; len + END.len()];
    from.read_exact(&mut bytes)?;
    if !bytes.ends_with(END) {
        return Err(Error::Garbled);
    }
    bytes.truncate(len);
    Ok(bytes)
}

const END: &[u8] = b"\r\n";

/// The answers to this program are two deep, and hold records of callers: what is far more is none of them.
const MAX_DEPTH: u32 = 4;
const MAX_PARTS: usize = 1 << 16;
const MAX_BYTES: usize = 16 << 20;
const MAX_ANSWER: u64 = 32 << 20;
const MAX_LINE: u64 = 64 << 10;

/// The number of characters that are shown of a refusal.
const MAX_SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(answer: &[u8]) -> String {
        match read(&mut &*answer) {
            Ok(Answer::Bytes(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
            Ok(answer) => format!("{answer:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn each_kind_of_answer_is_read() {
        let table: &[(&[u8], &str)] = &[
            (b"+OK\r\n", "OK"),
            (b":-7\r\n", "Number(-7)"),
            (b"$5\r\na\r\nb\0\r\n", "a\r\nb\0"),
            (b"$0\r\n\r\n", ""),
            (b"$-1\r\n", "Nothing"),
            (b"*-1\r\n", "Nothing"),
            (b"*0\r\n", "Several([])"),
            (
                b"*2\r\n$1\r\n0\r\n*1\r\n:3\r\n",
                "Several([Bytes([48]), Several([Number(3)])])",
            ),
            (b"-NOAUTH login\r\n", "the server answers NOAUTH login"),
            (b"*2\r\n:1\r\n-OOM full\r\n", "the server answers OOM full"),
            (b"-ERR \x1b[2J\r\n", "the server answers ERR  [2J"),
        ];
        for (answer, expected) in table {
            assert_eq!(told(answer), *expected);
        }
        let long = told(&[&b"-"[..], &[b'x'; 999], END].concat());
        assert_eq!(
            long,
            format!("the server answers {}…", "x".repeat(MAX_SHOWN))
        );
    }

    #[test]
    fn what_is_no_answer_or_too_much_is_an_error() {
        const GARBLED: &str = "its answer cannot be understood";
        let deep = b"*1\r\n".repeat(9);
        let long = vec![b'+'; 1 << 17];
        let numbers = [&b"*65535\r\n"[..], &b":1\r\n".repeat(65535)].concat();
        let many = [&b"*2\r\n"[..], &numbers, &numbers].concat();
        let word = [&b"$16777216\r\n"[..], &vec![b'x'; 16 << 20], b"\r\n"].concat();
        let large = [&b"*2\r\n"[..], &word, &word].concat();
        let table: &[(&[u8], &str)] = &[
            (b"", "unexpected end of file"),
            (b"$5\r\nab", "failed to fill whole buffer"),
            (b"\r\n", GARBLED),
            (b"+OK\n", GARBLED),
            (b":x\r\n", GARBLED),
            (b"$1\r\nabc", GARBLED),
            (b"$-2\r\n", GARBLED),
            (b"$99999999999\r\n", GARBLED),
            (b"*99999999\r\n", GARBLED),
            (b"HTTP/1.1 400 Bad Request\r\n", GARBLED),
            (&deep, GARBLED),
            (&long, GARBLED),
            (&many, GARBLED),
            (&large, "failed to fill whole buffer"),
        ];
        for (answer, expected) in table {
            assert_eq!(told(answer), *expected);
        }
    }

    #[test]
    fn a_command_is_sent_with_the_length_of_each_word() {
        let mut set = command(["SET", "name"]);
        set.push("ü\r\n".into());
        assert_eq!(
            packed(&set),
            "*3\r\n$3\r\nSET\r\n$4\r\nname\r\n$4\r\nü\r\n\r\n".as_bytes()
        );
    }
}
