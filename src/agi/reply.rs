//! What Asterisk writes back, one line at a time, as pure functions of the line.
//!
//! The usual reply is `200 result=R`, then perhaps ` (value)`, then perhaps ` endpos=N`. The value is raw:
//! it may hold spaces, parentheses, even line breaks, so it reaches from the first `(` to the last `)`.

use std::fmt;

use crate::sys::plain::plain;

/// One line from Asterisk, told apart by its beginning. Its `Display` is the line on the wire, as far as that was
/// understood, without its line break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// `200 …`: the command was carried out, for better or worse.
    Reply(Reply),
    /// `510 …`: Asterisk does not know the command.
    Unknown,
    /// `511 …`: the channel is dead; most commands are refused from now on.
    Dead,
    /// `520 …`: the command was malformed. Ends what [`Line::UsageBegins`] began, or stands alone.
    Usage,
    /// `520-…`: the first of several lines, of any look, up to the next [`Line::Usage`].
    UsageBegins,
    /// `HANGUP`, which FastAGI sends in place of a signal, at any time.
    Hangup,
    /// `1xx …`: the reply proper is still to come.
    Provisional,
    /// An empty line: nothing.
    Blank,
    /// Anything else; `503` and the like from single commands.
    Other(String),
}

/// The fields of a `200` line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// What follows `result=`, a number as a rule; empty where Asterisk leaves it out.
    pub result: String,
    /// What stands in parentheses, without them.
    pub value: Option<String>,
    /// The `endpos` of a sound that was played, in samples: how long its file was when it was opened. It is
    /// what tells the reply to `STREAM FILE` from others.
    pub endpos: Option<u64>,
}

impl Line {
    /// Tells what `line` (without its line break) is.
    pub fn parse(line: &str) -> Self {
        let line = line.trim_end_matches(['\r', '\n']);
        let is_code = |code: &str| {
            line.strip_prefix(code)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        match line {
            "" => Self::Blank,
            "HANGUP" => Self::Hangup,
            _ if is_code("200") => Self::Reply(Reply::parse(&line[3..])),
            _ if is_code("510") => Self::Unknown,
            _ if is_code("511") => Self::Dead,
            _ if is_code("520") => Self::Usage,
            _ if line.starts_with("520-") => Self::UsageBegins,
            _ if is_provisional(line) => Self::Provisional,
            _ => Self::Other(line.to_owned()),
        }
    }

    /// Whether `line` opens a value in parentheses that a later line must close. A variable's value may hold line
    /// breaks, and Asterisk sends them as they are.
    pub fn is_unfinished(line: &str) -> bool {
        line.starts_with("200 ") && line.contains('(') && !line.contains(')')
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reply(reply) => return write!(f, "200 {reply}"),
            Self::Other(line) => return f.write_str(&plain(line)),
            Self::Unknown => "510 Invalid or unknown command",
            Self::Dead => "511 Command Not Permitted on a dead channel or intercept routine",
            Self::Usage => "520 End of proper usage.",
            Self::UsageBegins => "520-Invalid command syntax.  Proper usage follows:",
            Self::Hangup => "HANGUP",
            Self::Provisional => "100 Trying...",
            Self::Blank => "",
        })
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "result={}", plain(&self.result))?;
        if let Some(value) = &self.value {
            write!(f, " ({})", plain(value))?;
        }
        match self.endpos {
            Some(endpos) => write!(f, " endpos={endpos}"),
            None => Ok(()),
        }
    }
}

impl Reply {
    fn parse(rest: &str) -> Self {
        let result = rest
            .trim_start()
            .strip_prefix("result=")
            .unwrap_or_default();
        let result = result.split([' ', '(']).next().unwrap_or_default();
        Self {
            result: result.to_owned(),
            value: value(rest).map(str::to_owned),
            endpos: endpos(rest),
        }
    }

    /// The key that the caller pressed, where the result is one.
    pub fn key(&self) -> Option<char> {
        let code: u8 = self.result.parse().ok()?;
        // The result is a key's ASCII code, 0 at the end of a file, and a state from 0 to 7 for `CHANNEL STATUS`: no
        // telephone has a key of such a code.
        Some(char::from(code)).filter(char::is_ascii_graphic)
    }

    /// `200 result=0`.
    pub fn success() -> Self {
        Self {
            result: "0".to_owned(),
            ..Self::default()
        }
    }
}

fn value(rest: &str) -> Option<&str> {
    // Asterisk escapes nothing in a value, which may hold brackets of its own: so it ends at the last one.
    let (open, close) = (rest.find('(')?, rest.rfind(')')?);
    rest.get(open + 1..close)
}

/// The number at the end, 0 if it is none; within parentheses it would be part of a value.
fn endpos(rest: &str) -> Option<u64> {
    let (_, number) = rest.rsplit_once(" endpos=")?;
    (!number.contains(')')).then(|| number.parse().unwrap_or(0))
}

fn is_provisional(line: &str) -> bool {
    let digits = line.as_bytes().get(..3);
    digits.is_some_and(|d| d[0] == b'1' && d[1].is_ascii_digit() && d[2].is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(result: &str, value: Option<&str>) -> Line {
        Line::Reply(Reply {
            result: result.to_owned(),
            value: value.map(str::to_owned),
            endpos: None,
        })
    }

    fn played(result: &str, value: Option<&str>, endpos: u64) -> Line {
        let Line::Reply(reply) = reply(result, value) else {
            unreachable!("it is a reply");
        };
        Line::Reply(Reply {
            endpos: Some(endpos),
            ..reply
        })
    }

    #[test]
    fn lines_are_told_apart() {
        let table = [
            ("200 result=0", reply("0", None)),
            ("200 result=-1", reply("-1", None)),
            (
                "200 result=1 (hello world)",
                reply("1", Some("hello world")),
            ),
            (
                "200 result=1 ((ulaw|g722))",
                reply("1", Some("(ulaw|g722)")),
            ),
            ("200 result=1 (a) b (c)", reply("1", Some("a) b (c"))),
            ("200 result=1 (key: value)", reply("1", Some("key: value"))),
            ("200 result=1 (two\nlines)", reply("1", Some("two\nlines"))),
            ("200 result=1 ()", reply("1", Some(""))),
            ("200 result=", reply("", None)),
            ("200 result= (timeout)", reply("", Some("timeout"))),
            (
                "200 result=-1 (hangup) endpos=0",
                played("-1", Some("hangup"), 0),
            ),
            ("200 result=0 endpos=4800", played("0", None, 4800)),
            ("200 result=35 endpos=160", played("35", None, 160)),
            ("200 result=-1 endpos=-1", played("-1", None, 0)),
            ("200 result=1 (x endpos=5)", reply("1", Some("x endpos=5"))),
            ("200 result=0\r\n", reply("0", None)),
            ("200", reply("", None)),
            ("200 result=1 )(", reply("1", None)),
            ("510 Invalid or unknown command", Line::Unknown),
            (
                "511 Command Not Permitted on a dead channel or intercept routine",
                Line::Dead,
            ),
            (
                "520-Invalid command syntax.  Proper usage follows:",
                Line::UsageBegins,
            ),
            ("520 End of proper usage.", Line::Usage),
            (
                "520 Invalid command syntax.  Proper usage not available.",
                Line::Usage,
            ),
            ("100 result=0 Trying...", Line::Provisional),
            ("HANGUP", Line::Hangup),
            ("", Line::Blank),
            (
                "503 result=-2 Memory allocation failure",
                Line::Other("503 result=-2 Memory allocation failure".into()),
            ),
            ("2000 result=1", Line::Other("2000 result=1".into())),
            ("5200", Line::Other("5200".into())),
            ("HANGUP now", Line::Other("HANGUP now".into())),
        ];
        for (line, expected) in table {
            assert_eq!(Line::parse(line), expected, "{line:?}");
        }
    }

    #[test]
    fn a_value_that_is_still_open_is_noticed() {
        assert!(Line::is_unfinished("200 result=1 (first"));
        assert!(!Line::is_unfinished("200 result=1 (whole)"));
        assert!(!Line::is_unfinished("200 result=1"));
        assert!(!Line::is_unfinished("520-usage (of"));
    }
}
