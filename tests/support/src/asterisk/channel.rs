//! The channel that a call is on: its variables, and what each AGI command does to it.
//!
//! Spec: Asterisk 22, res/res_agi.c. No processes, pipes or threads here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::words;

/// A channel, up or hung up.
#[derive(Debug)]
pub(super) struct Channel {
    /// Variables, and functions by their whole call: `CALLERID(num)`.
    pub(super) variables: BTreeMap<String, String>,
    pub(super) verbose: Vec<(String, u32)>,
    /// After a hang-up, when only some commands are left.
    pub(super) dead: bool,
    /// Where relative names of sounds are looked up.
    pub(super) sounds_dir: Option<PathBuf>,
}

/// What a command gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// One or more lines, without the last line's end.
    pub(super) text: Vec<u8>,
    /// How long a sound plays before the reply; anything that is written meanwhile stops it.
    pub(super) plays: Option<Duration>,
    /// The command was no command, or not used right.
    pub(super) wrong: bool,
    /// The command hangs the channel up.
    pub(super) hangs_up: bool,
}

impl Reply {
    fn new(text: impl Into<Vec<u8>>) -> Self {
        Self {
            text: text.into(),
            plays: None,
            wrong: false,
            hangs_up: false,
        }
    }
}

impl Channel {
    /// Runs one command line.
    pub(super) fn run(&mut self, line: &str) -> Reply {
        let words = words::split(line).unwrap_or_default();
        let Some((command, arguments)) = Command::find(&words) else {
            return Reply {
                wrong: true,
                ..Reply::new("510 Invalid or unknown command")
            };
        };
        if self.dead && !command.works_when_dead {
            return Reply::new("511 Command Not Permitted on a dead channel or intercept routine");
        }
        if !command.arguments.contains(&arguments.len()) {
            return Reply {
                wrong: true,
                ..Reply::new(command.usage())
            };
        }
        self.run_known(command.name, arguments)
    }

    fn run_known(&mut self, command: &str, arguments: &[String]) -> Reply {
        let argument = |index: usize| arguments.get(index).map_or("", String::as_str);
        match command {
            "ANSWER" | "NOOP" => Reply::new("200 result=0"),
            "CHANNEL STATUS" => Reply::new("200 result=6"),
            "GET FULL VARIABLE" => {
                Reply::new(format!("200 result=1 ({})", self.substituted(argument(0))))
            }
            "GET VARIABLE" => self.get(argument(0)),
            "HANGUP" => Reply {
                hangs_up: true,
                ..Reply::new("200 result=1")
            },
            "SET VARIABLE" => {
                self.variables
                    .insert(argument(0).to_owned(), argument(1).to_owned());
                Reply::new("200 result=1")
            }
            "STREAM FILE" => self.stream(argument(0), argument(2)),
            "VERBOSE" => {
                self.verbose
                    .push((argument(0).to_owned(), argument(1).parse().unwrap_or(0)));
                Reply::new("200 result=1")
            }
            other => unreachable!("{other} is in the table but not here"),
        }
    }

    /// A value cut after 1023 bytes, be it in the middle of a character.
    fn get(&self, name: &str) -> Reply {
        match self.variables.get(name) {
            None => Reply::new("200 result=0"),
            Some(value) => {
                let value = &value.as_bytes()[..value.len().min(LONGEST_VALUE)];
                Reply::new([b"200 result=1 (", value, b")"].concat())
            }
        }
    }

    /// A text with every `${NAME}` replaced; a name that is not known is replaced by nothing.
    fn substituted(&self, text: &str) -> String {
        let Some((before, rest)) = text.split_once("${") else {
            return text.to_owned();
        };
        let (name, after) = rest.split_once('}').unwrap_or((rest, ""));
        let value = self.variables.get(name).map_or("", String::as_str);
        format!("{before}{value}{}", self.substituted(after))
    }

    fn stream(&self, name: &str, offset: &str) -> Reply {
        let offset: u64 = offset.parse().unwrap_or(0);
        match self.sound(name) {
            None => Reply::new(format!("200 result=-1 endpos={offset}")),
            Some((len, rate_hz)) => {
                let plays = Duration::from_secs(1)
                    * u32::try_from(len.saturating_sub(offset)).unwrap()
                    / rate_hz;
                Reply {
                    plays: Some(plays),
                    ..Reply::new(format!("200 result=0 endpos={len}"))
                }
            }
        }
    }

    /// The length in samples and the rate of a sound, by its name without extension.
    fn sound(&self, name: &str) -> Option<(u64, u32)> {
        let path = self
            .sounds_dir
            .clone()
            .unwrap_or_default()
            .join(name)
            .into_os_string();
        FORMATS
            .iter()
            .find_map(|(extension, header_len, bytes_per_sample, rate_hz)| {
                let mut path = path.clone();
                path.push(extension);
                let len = std::fs::metadata(&path).ok()?.len();
                Some((len.saturating_sub(*header_len) / bytes_per_sample, *rate_hz))
            })
    }
}

struct Command {
    name: &'static str,
    arguments: std::ops::RangeInclusive<usize>,
    works_when_dead: bool,
    synopsis: &'static str,
}

impl Command {
    /// The command that a line's first words name, and the words after them.
    fn find(words: &[String]) -> Option<(&'static Self, &[String])> {
        COMMANDS.iter().find_map(|command| {
            let len = command.name.split(' ').count();
            let (name, arguments) = words.split_at_checked(len)?;
            name.join(" ")
                .eq_ignore_ascii_case(command.name)
                .then_some((command, arguments))
        })
    }

    fn usage(&self) -> String {
        let Self { name, synopsis, .. } = self;
        format!(
            "520-Invalid command syntax.  Proper usage follows:\nUsage: {name} {synopsis}\n\n520 End of proper usage."
        )
    }
}

const fn command(
    name: &'static str,
    arguments: std::ops::RangeInclusive<usize>,
    works_when_dead: bool,
    synopsis: &'static str,
) -> Command {
    Command {
        name,
        arguments,
        works_when_dead,
        synopsis,
    }
}

const COMMANDS: &[Command] = &[
    command("ANSWER", 0..=0, false, ""),
    command("CHANNEL STATUS", 0..=1, false, "[<channelname>]"),
    command(
        "GET FULL VARIABLE",
        1..=2,
        true,
        "<expression> [<channel name>]",
    ),
    command("GET VARIABLE", 1..=1, true, "<variablename>"),
    command("HANGUP", 0..=1, false, "[<channelname>]"),
    command("NOOP", 0..=127, true, "[<text>]"),
    command("SET VARIABLE", 2..=2, true, "<variablename> <value>"),
    command(
        "STREAM FILE",
        2..=3,
        false,
        "<filename> <escape digits> [sample offset]",
    ),
    command("VERBOSE", 1..=2, true, "<message> <level>"),
];
/// Extension, bytes before the samples, bytes to a sample, samples a second.
const FORMATS: &[(&str, u64, u64, u32)] = &[
    (".pcm", 0, 1, 8000),
    (".ulaw", 0, 1, 8000),
    (".alaw", 0, 1, 8000),
    (".sln", 0, 2, 8000),
    (".sln16", 0, 2, 16_000),
    (".wav", 44, 2, 8000),
    (".wav16", 44, 2, 16_000),
];
const LONGEST_VALUE: usize = 1023;

#[cfg(test)]
mod tests {
    use super::*;

    fn channel() -> Channel {
        let variables = [
            ("NAME", "va(l)ue"),
            ("CHANNEL(audionativeformat)", "(ulaw)"),
            ("LONG", &"ü".repeat(600)),
        ];
        let variables = variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        Channel {
            variables,
            verbose: Vec::new(),
            dead: false,
            sounds_dir: None,
        }
    }

    fn text(channel: &mut Channel, line: &str) -> String {
        String::from_utf8_lossy(&channel.run(line).text).into_owned()
    }

    #[test]
    fn commands_are_answered_as_asterisk_answers_them() {
        let mut channel = channel();
        let cases = [
            ("noop", "200 result=0"),
            ("GET VARIABLE NAME", "200 result=1 (va(l)ue)"),
            ("GET VARIABLE NONE", "200 result=0"),
            (
                "GET FULL VARIABLE \"<${NAME}> ${NONE}${CHANNEL(audionativeformat)}\"",
                "200 result=1 (<va(l)ue> (ulaw))",
            ),
            ("SET VARIABLE X \"a \\\"b\\\"\"", "200 result=1"),
            ("GET VARIABLE X", "200 result=1 (a \"b\")"),
            (
                "SET VARIABLE X",
                "520-Invalid command syntax.  Proper usage follows:\nUsage: SET VARIABLE <variablename> <value>\n\n520 End of proper usage.",
            ),
            ("", "510 Invalid or unknown command"),
            ("STREAM FILE /no/such/file \"\"", "200 result=-1 endpos=0"),
            ("CHANNEL STATUS", "200 result=6"),
        ];
        for (line, expected) in cases {
            assert_eq!(text(&mut channel, line), expected, "{line}");
        }
        assert_eq!(
            channel.run("GET VARIABLE LONG").text.len(),
            "200 result=1 ()".len() + 1023
        );
    }

    #[test]
    fn a_dead_channel_still_takes_variables() {
        let mut channel = Channel {
            dead: true,
            ..channel()
        };
        assert_eq!(text(&mut channel, "SET VARIABLE X y"), "200 result=1");
        assert!(text(&mut channel, "CHANNEL STATUS").starts_with("511 "));
    }
}
