//! The commands we send. A command's `Display` is the line on the wire, without its line break.
//!
//! Asterisk splits a line at spaces and tabs, takes quotes and backslashes as escapes, has no way to
//! write a line break, and cuts lines of more than 2,046 bytes (8,190 from 22.6 on) into two commands.
//! So every argument is quoted, control characters become spaces, and [`MAX_LINE`] is kept.

use std::fmt;
use std::time::Duration;

use crate::sys::redact;

/// One AGI command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// Gives a channel variable a value; what does not fit the line is cut off.
    SetVariable {
        /// The variable's name.
        name: &'a str,
        /// Its value, stored as it is: Asterisk substitutes nothing in it.
        value: &'a str,
        /// Whether it is something that was said, which a log shows only on request.
        is_words: bool,
    },
    /// Asks how the channel is. It is the one command of ours that a dead channel refuses.
    ChannelStatus,
    /// Asks for a channel variable or a dialplan function.
    GetVariable(&'a str),
    /// Asks for this text, which must not hold a `$`, to be sent back. A dead channel does so as well.
    Echo(&'a str),
    /// Does nothing. Written while something plays, it stops that.
    Noop,
    /// Plays music on hold of a class, the channel's own if it is empty; `None` ends it.
    Music(Option<&'a str>),
    /// Plays a sound file. Its reply comes when that has ended.
    StreamFile {
        /// Its name without extension, a path or among Asterisk's own sounds.
        name: &'a str,
        /// The keys with which the caller may stop it.
        stop_keys: &'a str,
        /// Where to begin, in samples of the file's own rate.
        offset: u64,
    },
    /// Waits for a key of the caller's, at most this long. Unlike a sound it must not be stopped: Asterisk would log a
    /// warning.
    WaitForDigit(Duration),
    /// Writes a warning to Asterisk's log.
    Warning(&'a str),
    /// Writes a line to Asterisk's log and console.
    Verbose {
        /// The text; what does not fit the line is cut off.
        message: &'a str,
        /// The level, from 1, nearly always shown, to 4.
        level: u8,
    },
}

impl Command<'_> {
    /// The line as a log may hold it: with `words`, or only with the number of their bytes.
    pub(crate) fn for_log(&self, words: bool) -> String {
        match *self {
            Self::SetVariable {
                name,
                value,
                is_words: true,
            } if !words => {
                format!("SET VARIABLE {name} <{} bytes>", value.len())
            }
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::SetVariable { name, value, .. } => {
                let head = format!("SET VARIABLE {} ", Quoted(name, MAX_NAME));
                write!(f, "{head}{}", Quoted(value, MAX_LINE - head.len()))
            }
            Self::ChannelStatus => f.write_str("CHANNEL STATUS"),
            Self::GetVariable(name) => write!(f, "GET VARIABLE {}", Quoted(name, MAX_NAME)),
            // Asterisk returns a text without `${}` as it is, and does so on a dead channel too. Text from outside
            // must not come here: Asterisk would expand it, and `SHELL()` runs commands.
            Self::Echo(text) => write!(f, "GET FULL VARIABLE {}", Quoted(text, MAX_NAME)),
            Self::Noop => f.write_str("NOOP"),
            Self::Music(None) => f.write_str("SET MUSIC OFF"),
            Self::Music(Some("")) => f.write_str("SET MUSIC ON"),
            Self::Music(Some(class)) => write!(f, "SET MUSIC ON {}", Quoted(class, MAX_NAME)),
            Self::StreamFile {
                name,
                stop_keys,
                offset,
            } => {
                // Empty keys need their quotes: without them Asterisk would take the offset for the keys.
                let keys = Quoted(stop_keys, MAX_NAME);
                write!(f, "STREAM FILE {} {keys} {offset}", Quoted(name, MAX_PATH))
            }
            Self::WaitForDigit(longest) => write!(f, "WAIT FOR DIGIT {}", longest.as_millis()),
            Self::Warning(message) => {
                // The application's last argument takes in all further commas. What stands in it may come from a
                // service: where AGIEXECFULL is set, Asterisk would expand it.
                let warning = format!("WARNING,{}", redact::shown(message).replace('$', " "));
                write!(
                    f,
                    "EXEC Log {}",
                    Quoted(&warning, MAX_LINE - "EXEC Log ".len())
                )
            }
            Self::Verbose { message, level } => {
                let text_max = MAX_LINE - "VERBOSE  ".len() - u8::MAX.to_string().len();
                let message = redact::shown(message);
                write!(f, "VERBOSE {} {level}", Quoted(&message, text_max))
            }
        }
    }
}

/// An argument in quotes, of at most this number of bytes with them; what is too long is cut at a character.
struct Quoted<'a>(&'a str, usize);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut room = self.1.saturating_sub("\"\"".len());
        f.write_str("\"")?;
        for c in self.0.chars() {
            // Asterisk has no escape for a line break: its backslash only takes the next character as it is
            // (`parse_args` in res_agi.c). Sent bare, a line break would begin a second command, and a NUL would end
            // the line early.
            let c = if c.is_control() { ' ' } else { c };
            let escape = if matches!(c, '"' | '\\') { "\\" } else { "" };
            // A backslash and its character are cut together: one that stood alone at the end would escape the closing
            // quote. And no character is cut apart, because Asterisk publishes each command as JSON and logs errors
            // with backtraces for one that is not UTF-8.
            let Some(left) = room.checked_sub(escape.len() + c.len_utf8()) else {
                break;
            };
            room = left;
            write!(f, "{escape}{c}")?;
        }
        f.write_str("\"")
    }
}

/// Bytes of a command line without its line break.
// Asterisk's buffer has 2,048 bytes before 20.16, 21.11 and 22.6 (https://github.com/asterisk/asterisk/issues/1317).
// It takes the rest of a longer line for the next command, and then there are two replies for one command.
const MAX_LINE: usize = 2000;

/// Long enough for every name that we use, short enough to leave room for a value.
const MAX_NAME: usize = 200;

/// Longer than any path that Asterisk opens.
const MAX_PATH: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn set(value: &str) -> String {
        Command::SetVariable {
            name: "X",
            value,
            is_words: false,
        }
        .to_string()
    }

    #[test]
    fn arguments_reach_asterisk_as_they_are() {
        let table = [
            ("plain", r#"SET VARIABLE "X" "plain""#),
            ("", r#"SET VARIABLE "X" """#),
            ("two words", r#"SET VARIABLE "X" "two words""#),
            (r#"say "hi""#, r#"SET VARIABLE "X" "say \"hi\"""#),
            (r"C:\temp", r#"SET VARIABLE "X" "C:\\temp""#),
            (
                "one\ntwo\r\n\tthree\0",
                "SET VARIABLE \"X\" \"one two   three \"",
            ),
            ("a\u{85}b\u{7f}c", "SET VARIABLE \"X\" \"a b c\""),
            (
                "${SHELL(id)} $[1+1]",
                r#"SET VARIABLE "X" "${SHELL(id)} $[1+1]""#,
            ),
            ("größer, 世界", r#"SET VARIABLE "X" "größer, 世界""#),
        ];
        for (value, line) in table {
            assert_eq!(set(value), line);
        }
    }

    #[test]
    fn other_commands_look_as_asterisk_reads_them() {
        let get = Command::GetVariable("CHANNEL(audionativeformat)");
        assert_eq!(
            get.to_string(),
            r#"GET VARIABLE "CHANNEL(audionativeformat)""#
        );
        assert_eq!(Command::ChannelStatus.to_string(), "CHANNEL STATUS");
        assert_eq!(Command::Noop.to_string(), "NOOP");
        assert_eq!(Command::Music(Some("")).to_string(), "SET MUSIC ON");
        assert_eq!(
            Command::Music(Some("jazz")).to_string(),
            r#"SET MUSIC ON "jazz""#
        );
        assert_eq!(Command::Music(None).to_string(), "SET MUSIC OFF");
        let play = Command::StreamFile {
            name: "/c/call-1.2-reply",
            stop_keys: "#*",
            offset: 320,
        };
        assert_eq!(
            play.to_string(),
            r##"STREAM FILE "/c/call-1.2-reply" "#*" 320"##
        );
        let verbose = Command::Verbose {
            message: "stt: 640 ms",
            level: 3,
        };
        assert_eq!(verbose.to_string(), r#"VERBOSE "stt: 640 ms" 3"#);
        let warning = Command::Warning("a, ${SHELL(b)} \"c\"");
        assert_eq!(
            warning.to_string(),
            r#"EXEC Log "WARNING,a,  {SHELL(b)} \"c\"""#
        );
    }

    #[test]
    fn a_log_counts_what_was_said_unless_words_are_allowed() {
        let said = Command::SetVariable {
            name: "X",
            value: "grüß",
            is_words: true,
        };
        assert_eq!(said.for_log(false), "SET VARIABLE X <6 bytes>");
        assert_eq!(said.for_log(true), said.to_string());
        let plain = Command::SetVariable {
            name: "X",
            value: "FAILED",
            is_words: false,
        };
        assert_eq!(plain.for_log(false), plain.to_string());
    }

    #[test]
    fn no_line_is_too_long_and_no_character_is_split() {
        for unit in ["a", "é", "世", "😀", "\"", "\\", "\n"] {
            for len in [MAX_LINE / unit.len() - 20, MAX_LINE, 3 * MAX_LINE] {
                let text = unit.repeat(len);
                let verbose = Command::Verbose {
                    message: &text,
                    level: 255,
                }
                .to_string();
                for line in [set(&text), verbose] {
                    assert!(line.len() <= MAX_LINE, "{} bytes of {unit:?}", line.len());
                    assert!(line.len() > MAX_LINE - 8 || len < MAX_LINE, "cut too early");
                }
            }
        }
    }

    #[test]
    fn a_value_that_just_fits_is_whole() {
        let room = MAX_LINE - set("").len();
        assert!(set(&"a".repeat(room)).ends_with("aa\""));
        assert_eq!(set(&"a".repeat(room)).len(), MAX_LINE);
        assert_eq!(set(&"a".repeat(room + 1)).len(), MAX_LINE);
    }
}
