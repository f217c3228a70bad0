//! The block of `agi_name: value` lines with which Asterisk opens a session, read as strictly as `setup_env` of
//! res_agi.c writes it: each name once, in its order, the arguments last.
//!
//! Values are raw: not escaped, in whatever encoding the caller's phone used, with colons and spaces of their own. They
//! may hold line breaks as well: Asterisk unescapes the user part of a SIP address, so `From:
//! <sip:5%0Aagi_arg_1%3A…@host>` adds lines to the block. A caller can add lines but cannot take away Asterisk's own,
//! so an added line is doubled, out of place, or followed by what Asterisk wrote itself. The first two are a
//! [`Forgery`]; the last shows when `Session::confirm` asks. Behind the last argument alone more arguments can be added
//! unseen: a dialplan must put no caller's words there.

use std::io::{self, BufRead, Read};

/// What Asterisk tells about itself, the channel and the arguments of `AGI()`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Env {
    /// Names without `agi_`, and their values, up to a forgery.
    values: Vec<(String, String)>,
    forgery: Option<Forgery>,
}

/// A block that is not as Asterisk writes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} of the block that opens the session is not what Asterisk writes there: the caller's number or name, or \
     an argument of AGI(), holds a line break; such a call is not answered"
)]
pub struct Forgery {
    /// Counted from 1.
    line: usize,
}

impl Env {
    /// Reads up to the empty line that ends the block, or to the end of `input`.
    ///
    /// `None` means that `input` ended before the block did: Asterisk closed it. Bytes that are not UTF-8 become
    /// U+FFFD.
    ///
    /// # Errors
    /// What reading `input` itself reports, or [`io::ErrorKind::InvalidData`]: it does not come from Asterisk.
    pub fn read(input: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut values = Vec::new();
        let mut input = input.take(MAX_BYTES);
        let mut line = Vec::new();
        while input.read_until(b'\n', &mut line)? > 0 {
            if values.is_empty() && !line.starts_with(PREFIX.as_bytes()) {
                // Any client can connect to the port of FastAGI. One that is not Asterisk is refused by its first
                // line, so that it is neither answered nor waited for.
                return Err(stranger("its first line does not begin with agi_"));
            }
            if line == b"\n" {
                return Ok(Some(Self::of(values)));
            }
            values.push(setting(&String::from_utf8_lossy(&line)));
            line.clear();
        }
        match input.limit() {
            0 => Err(stranger("its first lines do not end")),
            _ => Ok(None),
        }
    }

    /// Believes values up to the first that is out of place.
    fn of(mut values: Vec<(String, String)>) -> Self {
        let names: Vec<_> = values.iter().map(|(name, _)| name.as_str()).collect();
        let fault = first_fault(&names);
        // The names up to `version` come before any value that a caller chooses, so the log of calls can still name a
        // forged call by its `uniqueid`.
        values.truncate(fault.unwrap_or(values.len()));
        let forgery = fault.map(|index| Forgery { line: index + 1 });
        Self { values, forgery }
    }

    /// Where the block is not as Asterisk writes it, if anywhere.
    pub(crate) fn forgery(&self) -> Option<&Forgery> {
        self.forgery.as_ref()
    }

    /// The value of `agi_{name}`, as it came.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut all = self.values.iter();
        let (_, value) = all.find(|(known, _)| known == name)?;
        Some(value)
    }

    /// `agi_arg_1`, `agi_arg_2` and so on: how arguments reach a program that has no command line of
    /// its own (FastAGI, or a recorded session). None of a block with a forgery.
    pub fn arguments(&self) -> impl Iterator<Item = &str> {
        let arguments = self
            .values
            .iter()
            .filter(|(name, _)| name.starts_with(ARGUMENT));
        arguments
            // The fault shows only behind what was forged: an `agi_arg_2` in a line break of the first argument is in
            // order, and what is out of order is Asterisk's own `agi_arg_2` after it.
            .filter(|_| self.forgery.is_none())
            .map(|(_, value)| value.as_str())
    }
}

/// Splits at the first colon: later ones belong to the value. A line of another look has no name.
fn setting(line: &str) -> (String, String) {
    let line = line.trim_end_matches(['\r', '\n']);
    let named = line
        .strip_prefix(PREFIX)
        .and_then(|line| line.split_once(':'));
    let (name, value) = named.unwrap_or_default();
    // `setup_env` writes `name: value`: one space is the format's, and any further one is the caller's.
    let value = value.strip_prefix(' ').unwrap_or(value);
    (name.to_owned(), value.to_owned())
}

/// The index of the first name that is doubled, missing, or out of place; the number of names where one is missing at
/// the end.
fn first_fault(names: &[&str]) -> Option<usize> {
    let same = |known: &[&str], names: &[&str]| {
        let pairs = known.iter().zip(names);
        pairs.take_while(|(known, name)| known == name).count()
    };
    let network = same(&NETWORK, names);
    let always = network + same(&ALWAYS, &names[network..]);
    if always < network + ALWAYS.len() {
        return Some(always);
    }
    let arguments = (1..).zip(&names[always..]);
    let arguments = arguments.take_while(|(number, name)| **name == format!("{ARGUMENT}{number}"));
    let end = always + arguments.count();
    let is_end = names[end..].is_empty() || names[end..] == FREEPBX;
    (!is_end).then_some(end)
}

fn stranger(why: &str) -> io::Error {
    let why = format!("{why}, so this is not Asterisk");
    io::Error::new(io::ErrorKind::InvalidData, why)
}

const PREFIX: &str = "agi_";
const ARGUMENT: &str = "arg_";

/// The names that are sent only over FastAGI, the second only where the address has a path.
const NETWORK: [&str; 2] = ["network", "network_script"];

/// The names that are always sent, in the order of `setup_env`, the same from Asterisk 16 to 23.
const ALWAYS: [&str; 20] = [
    "request",
    "channel",
    "language",
    "type",
    "uniqueid",
    "version",
    "callerid",
    "calleridname",
    "callingpres",
    "callingani2",
    "callington",
    "callingtns",
    "dnid",
    "rdnis",
    "context",
    "extension",
    "priority",
    "enhanced",
    "accountcode",
    "threadid",
];

/// What FreePBX's own FastAGI server adds behind everything else.
const FREEPBX: [&str; 2] = ["ASTAGIDIR", "port"];

/// Far above what Asterisk sends (about thirty lines, arguments of at most 8 KiB), far below harm.
const MAX_BYTES: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use testkit::agi_block as block;

    use super::*;

    fn read(block: impl AsRef<[u8]>) -> Option<Env> {
        Env::read(&mut block.as_ref()).expect("a slice can be read")
    }

    #[test]
    fn values_are_taken_whole_whatever_they_hold() {
        let table: &[(&str, &[u8], &str)] = &[
            ("plain", b"agi_callerid: 8008\n", "8008"),
            (
                "a space inside",
                b"agi_callerid: Anna Maria\n",
                "Anna Maria",
            ),
            ("spaces around", b"agi_callerid:  two \n", " two "),
            (
                "a colon and a space inside",
                b"agi_callerid: sip: anna\n",
                "sip: anna",
            ),
            ("empty", b"agi_callerid: \n", ""),
            ("no space after the colon", b"agi_callerid:8008\n", "8008"),
            ("a carriage return", b"agi_callerid: 8008\r\n", "8008"),
            (
                "quotes and parentheses",
                b"agi_callerid: \"Bob\" (home)\n",
                "\"Bob\" (home)",
            ),
            (
                "Latin-1, which is not UTF-8",
                b"agi_callerid: Jos\xe9\n",
                "Jos\u{fffd}",
            ),
            ("a NUL byte", b"agi_callerid: a\0b\n", "a\0b"),
        ];
        let whole = block("1001", &[]);
        let (before, after) = whole
            .split_once("agi_callerid: 1001\n")
            .expect("it is there");
        for (name, line, expected) in table {
            let env = read([before.as_bytes(), line, after.as_bytes()].concat());
            let env = env.expect("a whole block");
            assert_eq!(env.get("callerid"), Some(*expected), "{name}");
            assert_eq!(env.forgery(), None, "{name}");
        }
    }

    #[test]
    fn the_empty_line_ends_the_block_and_nothing_behind_it_is_read() {
        let bytes = block("1001", &[]) + "200 result=1\n";
        let mut input = bytes.as_bytes();
        let env = Env::read(&mut input).expect("readable").expect("whole");
        assert_eq!(env.get("threadid"), Some("140191871116992"));
        assert_eq!(input, b"200 result=1\n");
    }

    #[test]
    fn a_block_cut_short_means_that_asterisk_has_gone() {
        assert_eq!(read(""), None);
        assert_eq!(read("agi_request: phone-assistant\nagi_chan"), None);
    }

    #[test]
    fn a_block_without_end_is_refused_after_64_kilobytes() {
        let endless = b"agi_request: phone-assistant\n".chain(io::repeat(b'x'));
        let mut endless = io::BufReader::new(endless);
        let refused = Env::read(&mut endless).expect_err("no end");
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
        for (filling, is_read) in [(65_536, true), (65_537, false)] {
            let rest = block("", &[]).len();
            let read = Env::read(&mut block(&"x".repeat(filling - rest), &[]).as_bytes());
            assert_eq!(read.is_ok(), is_read, "{filling} bytes");
        }
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
    fn a_block_is_believed_in_asterisks_order_alone() {
        let plain = block("1234", &["a=1", "b=2"]);
        let (always, arguments) = plain.split_at(plain.find("agi_arg_1").expect("it is there"));
        let fast = format!("agi_network: yes\nagi_network_script: x\n{plain}");
        let proxied =
            plain.trim_end_matches('\n').to_owned() + "\nagi_ASTAGIDIR: /x\nagi_port: 9\n\n";
        let whole = [
            ("AGI", plain.clone()),
            ("FastAGI", fast.clone()),
            ("no path", format!("agi_network: yes\n{plain}")),
            ("no arguments", format!("{always}\n")),
            ("FreePBX's server", proxied.clone()),
        ];
        for (name, block) in whole {
            assert_eq!(read(&block).expect("whole").forgery(), None, "{name}");
        }
        let line = |from: &str, to: &str| plain.replacen(from, to, 1);
        let forged = [
            (
                "an argument in the number",
                line("1234", "5\nagi_arg_3: c=3"),
                8,
            ),
            ("any line in the number", line("1234", "5\nhello"), 8),
            (
                "a carriage return and a line break",
                line("1234", "5\r\n\r\nagi_x: y"),
                8,
            ),
            (
                "a block that ends in the number",
                line("1234", "5\n\nagi_arg_1: c=3"),
                8,
            ),
            (
                "a doubled name",
                line("agi_dnid", "agi_callerid: 7\nagi_dnid"),
                13,
            ),
            ("a missing name", line("agi_rdnis: unknown\n", ""), 14),
            (
                "two names the other way round",
                line("agi_dnid: 8008\nagi_rdnis", "agi_rdnis: 5\nagi_dnid"),
                13,
            ),
            ("an argument left out", line("agi_arg_1", "agi_arg_2"), 21),
            ("an argument twice", line("agi_arg_2", "agi_arg_1"), 22),
            (
                "an argument numbered otherwise",
                line("agi_arg_1", "agi_arg_01"),
                21,
            ),
            ("an argument of two lines", line("a=1", "a=1\nb"), 22),
            (
                "an argument numbered on",
                line("a=1", "a=1\nagi_arg_2: c=3"),
                23,
            ),
            (
                "a line behind the arguments",
                line("b=2\n", "b=2\nagi_x: y\n"),
                23,
            ),
            (
                "arguments first",
                format!(
                    "{}{always}\n",
                    arguments.trim_end_matches('\n').to_owned() + "\n"
                ),
                1,
            ),
            ("a name of other case", line("agi_dnid", "agi_DNID"), 13),
            ("no colon", line("agi_dnid: 8008", "agi_dnid"), 13),
            (
                "a script without a network",
                format!("agi_network_script: x\n{plain}"),
                1,
            ),
            (
                "half of FreePBX's lines",
                proxied.replace("agi_port: 9\n", ""),
                23,
            ),
        ];
        for (name, block, line) in forged {
            let env = read(&block).expect("whole");
            assert_eq!(env.forgery(), Some(&Forgery { line }), "{name}");
            assert_eq!(env.arguments().next(), None, "{name}");
        }
    }

    #[test]
    fn what_stands_before_a_forgery_is_still_told() {
        let env = read(block("5\nagi_dnid: 7", &[])).expect("whole");
        assert_eq!(env.get("uniqueid"), Some("1700000000.17"));
        assert_eq!(env.get("callerid"), Some("5"));
        assert_eq!(env.get("dnid"), None);
    }

    #[test]
    fn arguments_come_in_order() {
        let env = read(block("1234", &["a=1", "", "b=2"])).expect("whole");
        assert_eq!(env.arguments().collect::<Vec<_>>(), ["a=1", "", "b=2"]);
    }
}
