//! The block of `agi_name: value` lines with which Asterisk opens a session.
//!
//! Values are raw: not escaped, in whatever encoding the caller's phone used, with colons and spaces
//! of their own. A line without a colon is no setting and is passed over (FreePBX's FastAGI proxy and
//! arguments with line breaks produce such lines). Only the first line must be one of Asterisk's: a port
//! is found by others, too, and a web browser's request holds lines of any look.

use std::io::{self, BufRead, Read};

/// What Asterisk tells about itself, the channel and the arguments of `AGI()`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Env(Vec<(String, String)>);

impl Env {
    /// Reads up to the empty line that ends the block, or to the end of `input`.
    ///
    /// `None` means that `input` ended before the block did: Asterisk has gone. Bytes that are not
    /// UTF-8 become U+FFFD. Beyond 256 KiB nothing more is kept.
    ///
    /// # Errors
    /// What reading `input` itself reports, or [`io::ErrorKind::InvalidData`]: it does not come from Asterisk.
    pub fn read(input: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut env = Self::default();
        let mut input = input.take(MAX_BYTES);
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            if input.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            if number == 1 && !line.starts_with(b"agi_") {
                return Err(io::Error::new(io::ErrorKind::InvalidData, STRANGER));
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches(['\r', '\n']);
            if text.is_empty() {
                return Ok(Some(env));
            }
            env.0.extend(setting(text));
        }
        Ok((input.limit() == 0).then_some(env))
    }

    /// The value of `agi_{name}`, as it came. Unknown names are kept too.
    pub fn get(&self, name: &str) -> Option<&str> {
        let is_it = |key: &str| key.strip_prefix("agi_") == Some(name);
        self.0
            .iter()
            .find(|(key, _)| is_it(key))
            .map(|(_, value)| value.as_str())
    }

    /// `agi_arg_1`, `agi_arg_2` and so on: how arguments reach a program that has no command line of
    /// its own (FastAGI, or a recorded session).
    pub fn arguments(&self) -> impl Iterator<Item = &str> {
        (1..).map_while(|n| self.get(&format!("arg_{n}")))
    }
}

/// Splits at the first colon: later ones belong to the value.
fn setting(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    Some((
        name.to_owned(),
        value.strip_prefix(' ').unwrap_or(value).to_owned(),
    ))
}

/// Far above what Asterisk sends (about thirty lines, arguments of at most 8 KiB), far below harm.
const MAX_BYTES: u64 = 256 * 1024;

const STRANGER: &str = "its first line does not begin with agi_, so this is not Asterisk";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(block: impl AsRef<[u8]>) -> Option<Env> {
        Env::read(&mut block.as_ref()).expect("a slice can be read")
    }

    #[test]
    fn values_are_taken_whole_whatever_they_hold() {
        let table: &[(&str, &[u8], &str)] = &[
            ("plain", b"agi_x: 8008\n", "8008"),
            ("a space inside", b"agi_x: Anna Maria\n", "Anna Maria"),
            ("spaces around", b"agi_x:  two \n", " two "),
            (
                "a colon and a space inside",
                b"agi_x: sip: anna\n",
                "sip: anna",
            ),
            ("empty", b"agi_x: \n", ""),
            ("no space after the colon", b"agi_x:8008\n", "8008"),
            ("a carriage return", b"agi_x: 8008\r\n", "8008"),
            (
                "quotes and parentheses",
                b"agi_x: \"Bob\" (home)\n",
                "\"Bob\" (home)",
            ),
            (
                "Latin-1, which is not UTF-8",
                b"agi_x: Jos\xe9\n",
                "Jos\u{fffd}",
            ),
            ("a NUL byte", b"agi_x: a\0b\n", "a\0b"),
        ];
        for (name, line, expected) in table {
            let env = read([line, &b"\n"[..]].concat()).expect("a whole block");
            assert_eq!(env.get("x"), Some(*expected), "{name}");
        }
    }

    #[test]
    fn the_empty_line_ends_the_block_and_nothing_behind_it_is_read() {
        let mut input = &b"agi_network: yes\nno colon here\nagi_a: 1\n\n200 result=1\n"[..];
        let env = Env::read(&mut input).expect("readable").expect("whole");
        assert_eq!(env.get("network"), Some("yes"));
        assert_eq!(env.get("a"), Some("1"));
        assert_eq!(env.get("b"), None);
        assert_eq!(input, b"200 result=1\n");
    }

    #[test]
    fn a_block_cut_short_means_that_asterisk_has_gone() {
        assert_eq!(read(""), None);
        assert_eq!(read("agi_request: phone-assistant\nagi_chan"), None);
    }

    #[test]
    fn a_block_without_end_is_not_kept_without_end() {
        let endless = b"agi_request: phone-assistant\n".chain(io::repeat(b'x'));
        let env = Env::read(&mut io::BufReader::new(endless)).expect("readable");
        assert_eq!(env, read("agi_request: phone-assistant\n\n"));
    }

    #[test]
    fn what_does_not_begin_as_asterisk_does_is_not_asterisk() {
        let strangers: [&[u8]; 5] = [
            b"GET / HTTP/1.1\r\nagi_arg_1: config=/tmp/x\r\n\r\n",
            b"\n",
            b"\r\nagi_request: x\n\n",
            b"AGI_request: x\n\n",
            b"\x16\x03\x01\x02\x00\x01",
        ];
        for mut bytes in strangers {
            let read = Env::read(&mut bytes).expect_err("not from Asterisk");
            assert_eq!(read.kind(), io::ErrorKind::InvalidData);
        }
        let read = Env::read(&mut io::BufReader::new(io::repeat(b'x')));
        assert!(read.is_err());
    }

    #[test]
    fn arguments_come_in_order_and_stop_at_the_first_gap() {
        let env = read("agi_arg_2: b=2\nagi_arg_1: a=1\nagi_arg_4: d=4\n\n").expect("whole");
        assert_eq!(env.arguments().collect::<Vec<_>>(), ["a=1", "b=2"]);
    }
}
