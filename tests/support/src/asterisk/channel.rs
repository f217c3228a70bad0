//! The channel that a call is on: its variables, and what each AGI command does to it.
//!
//! Spec: Asterisk 22, res/res_agi.c. No processes, pipes or threads here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::outcome::{Frame, Music};
use super::sound::Sound;
use super::words;

/// A channel, up or hung up.
#[derive(Debug)]
pub(super) struct Channel {
    /// Variables, and functions by their whole call: `CALLERID(num)`.
    pub(super) variables: BTreeMap<String, String>,
    pub(super) verbose: Vec<(String, u32)>,
    pub(super) warnings: Vec<String>,
    /// After a hang-up, when only some commands are left.
    pub(super) dead: bool,
    /// Where relative names of sounds are looked up.
    pub(super) sounds_dir: Option<PathBuf>,
    /// Sound files are seen as they were before anything was written.
    pub(super) sees_empty_files: bool,
    /// What the caller heard.
    pub(super) played: Vec<Frame>,
    pub(super) music: Vec<Music>,
}

/// What a command gets.
#[derive(Debug)]
pub(super) struct Reply {
    /// One or more lines, without the last line's end.
    pub(super) text: Vec<u8>,
    /// What plays before the reply, which is for a sound that is heard to its end.
    pub(super) plays: Option<Playback>,
    /// How long a key is waited for before the reply, which is for none.
    pub(super) waits: Option<Duration>,
    /// The command was no command, or not used right.
    pub(super) wrong: bool,
    /// The command hangs the channel up.
    pub(super) hangs_up: bool,
    /// In place of the text comes the end of the program's input.
    pub(super) ends_input: bool,
}

/// A sound that the caller's keys can stop.
#[derive(Debug)]
pub(super) struct Playback {
    pub(super) sound: Sound,
    pub(super) escape_digits: String,
}

impl Reply {
    pub(super) fn new(text: impl Into<Vec<u8>>) -> Self {
        Self {
            text: text.into(),
            plays: None,
            waits: None,
            wrong: false,
            hangs_up: false,
            ends_input: false,
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
            return command.misused();
        }
        self.run_known(command, arguments)
    }

    fn run_known(&mut self, command: &Command, arguments: &[String]) -> Reply {
        let argument = |index: usize| arguments.get(index).map_or("", String::as_str);
        match command.name {
            "ANSWER" | "NOOP" => Reply::new("200 result=0"),
            "CHANNEL STATUS" => Reply::new("200 result=6"),
            "EXEC" => self.exec(argument(0), argument(1)),
            "GET FULL VARIABLE" => {
                Reply::new(format!("200 result=1 ({})", self.substituted(argument(0))))
            }
            "GET VARIABLE" => self.get(argument(0)),
            "HANGUP" => Reply {
                hangs_up: true,
                ..Reply::new("200 result=1")
            },
            "SET MUSIC" => self.set_music(argument(0), arguments.get(1)),
            "SET VARIABLE" => {
                self.variables
                    .insert(argument(0).to_owned(), argument(1).to_owned());
                Reply::new("200 result=1")
            }
            "STREAM FILE" => match arguments.get(2).map_or(Ok(0), |offset| offset.parse()) {
                Ok(offset) => self.stream(argument(0), argument(1), offset),
                Err(_) => command.misused(),
            },
            "VERBOSE" => {
                self.verbose
                    .push((argument(0).to_owned(), argument(1).parse().unwrap_or(0)));
                Reply::new("200 result=1")
            }
            "WAIT FOR DIGIT" => match argument(0).parse() {
                Ok(longest) => Reply {
                    waits: Some(Duration::from_millis(longest)),
                    ..Reply::new("200 result=0")
                },
                Err(_) => command.misused(),
            },
            other => unreachable!("{other} is in the table but not here"),
        }
    }

    /// Of the applications there is but one.
    fn exec(&mut self, application: &str, data: &str) -> Reply {
        match (application, data.split_once(',')) {
            ("Log", Some(("WARNING", message))) => {
                self.warnings.push(message.to_owned());
                Reply::new("200 result=0")
            }
            _ => Reply::new("200 result=-2"),
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

    /// The caller has hung up.
    pub(super) fn hang_up(&mut self) {
        self.dead = true;
        self.stop_music();
    }

    /// Asterisk takes any other word for neither, and does nothing.
    fn set_music(&mut self, on: &str, class: Option<&String>) -> Reply {
        let (is_on, is_off) = (begins(on, "on"), begins(on, "off"));
        if is_on || is_off {
            self.stop_music();
        }
        if is_on {
            self.music.push(Music {
                class: class.cloned(),
                from: Instant::now(),
                until: None,
            });
        }
        Reply {
            wrong: !is_on && !is_off,
            ..Reply::new("200 result=0")
        }
    }

    fn stop_music(&mut self) {
        if let Some(Music { until, .. }) = self.music.last_mut() {
            until.get_or_insert_with(Instant::now);
        }
    }

    /// Any music ends, even for a sound that is not there.
    fn stream(&mut self, name: &str, escape_digits: &str, offset: i64) -> Reply {
        self.stop_music();
        let path = self.sounds_dir.clone().unwrap_or_default().join(name);
        if self.sees_empty_files {
            return Reply::new("200 result=0 endpos=0");
        }
        // A position before the beginning is the beginning.
        match Sound::open(&path, u64::try_from(offset).unwrap_or(0)) {
            None => Reply::new(format!("200 result=-1 endpos={offset}")),
            Some(sound) => Reply {
                text: format!("200 result=0 endpos={}", sound.len).into_bytes(),
                plays: Some(Playback {
                    sound,
                    escape_digits: escape_digits.to_owned(),
                }),
                ..Reply::new("")
            },
        }
    }
}

fn begins(word: &str, with: &str) -> bool {
    word.get(..with.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(with))
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

    fn misused(&self) -> Reply {
        let Self { name, synopsis, .. } = self;
        Reply {
            wrong: true,
            ..Reply::new(format!(
                "520-Invalid command syntax.  Proper usage follows:\nUsage: {name} {synopsis}\n\n520 End of proper usage."
            ))
        }
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
    command("EXEC", 1..=127, true, "<application> [<options>]"),
    command(
        "GET FULL VARIABLE",
        1..=2,
        true,
        "<expression> [<channel name>]",
    ),
    command("GET VARIABLE", 1..=1, true, "<variablename>"),
    command("HANGUP", 0..=1, false, "[<channelname>]"),
    command("NOOP", 0..=127, true, "[<text>]"),
    command("SET MUSIC", 1..=2, false, "<on|off> [<class>]"),
    command("SET VARIABLE", 2..=2, true, "<variablename> <value>"),
    command(
        "STREAM FILE",
        2..=3,
        false,
        "<filename> <escape digits> [sample offset]",
    ),
    command("VERBOSE", 1..=2, true, "<message> <level>"),
    command("WAIT FOR DIGIT", 1..=1, false, "<timeout>"),
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
            warnings: Vec::new(),
            dead: false,
            sounds_dir: None,
            sees_empty_files: false,
            played: Vec::new(),
            music: Vec::new(),
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
            (
                "STREAM FILE /no/such/file 12 800",
                "200 result=-1 endpos=800",
            ),
            (
                "STREAM FILE /no/such/file 12 late",
                "520-Invalid command syntax.  Proper usage follows:\nUsage: STREAM FILE <filename> <escape digits> [sample offset]\n\n520 End of proper usage.",
            ),
            ("SET MUSIC ON", "200 result=0"),
            ("set music off", "200 result=0"),
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
        for command in ["CHANNEL STATUS", "SET MUSIC ON", "STREAM FILE x \"\""] {
            assert!(text(&mut channel, command).starts_with("511 "), "{command}");
        }
    }

    #[test]
    fn music_ends_when_it_is_told_to_or_a_sound_is_to_be_played_or_the_caller_hangs_up() {
        let ends: [fn(&mut Channel); 4] = [
            |channel| drop(channel.run("SET MUSIC OFF")),
            |channel| drop(channel.run("SET MUSIC ON")),
            |channel| drop(channel.run("STREAM FILE /no/such/file \"\"")),
            Channel::hang_up,
        ];
        for end in ends {
            let mut channel = channel();
            channel.run("SET MUSIC ON jazz");
            channel.run("NOOP");
            assert_eq!(channel.music[0].class.as_deref(), Some("jazz"));
            assert_eq!(channel.music[0].until, None);
            end(&mut channel);
            assert!(channel.music[0].until.is_some());
        }
        assert!(channel().run("SET MUSIC maybe").wrong);
    }
}
