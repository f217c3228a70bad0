//! What is left of a call when it is over, and assertions that tell all they know.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// The side that wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Asterisk, to the program's standard input.
    ToProgram,
    /// The program, to its standard output.
    ToAsterisk,
}

/// A line of the dialogue.
#[derive(Clone, Debug)]
pub struct Line {
    /// The side that wrote it.
    pub direction: Direction,
    /// The line without its end; what is not UTF-8 is shown as `�`.
    pub text: String,
    /// When it was written or read.
    pub at: Instant,
}

/// What the caller heard of a file in one go: 20 ms, or what was left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When it was due to begin.
    pub at: Instant,
    /// How long it plays.
    pub lasts: Duration,
    /// As they are in the file.
    pub bytes: Vec<u8>,
    /// The file, extension included.
    pub path: PathBuf,
}

/// A stretch of music on hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Music {
    /// The class, if the program named one.
    pub class: Option<String>,
    /// When it was put on.
    pub from: Instant,
    /// When it ended; `None` if it was on at the end of the call.
    pub until: Option<Instant>,
}

/// A call that is over.
#[derive(Debug)]
pub struct Outcome {
    /// The program's exit code, or the signal that ended it. Over a network that is not known, and counts as 0.
    pub status: ExitStatus,
    /// The channel's variables at the end, those set before the call among them.
    pub variables: BTreeMap<String, String>,
    /// The messages of `VERBOSE` and their levels.
    pub verbose: Vec<(String, u32)>,
    /// The warnings in Asterisk's log.
    pub warnings: Vec<String>,
    /// What `STREAM FILE` played, in order; at the times of a telephone only in a call in real time.
    pub played: Vec<Frame>,
    /// When music was on, in order.
    pub music: Vec<Music>,
    /// All lines of both sides.
    pub dialogue: Vec<Line>,
    /// What the program wrote to its standard error.
    pub stderr: String,
    /// Where the program broke the protocol, or outlived its time.
    pub violations: Vec<String>,
    /// When the program was started.
    pub started: Instant,
    /// From the start to the end of the program.
    pub took: Duration,
}

impl Outcome {
    /// The value of a channel variable; empty, as in the dialplan, when it was never set.
    pub fn variable(&self, name: &str) -> &str {
        self.variables.get(name).map_or("", String::as_str)
    }

    /// The commands that the program sent, in their order.
    pub fn commands(&self) -> impl Iterator<Item = &str> {
        self.dialogue
            .iter()
            .filter(|line| line.direction == Direction::ToAsterisk)
            .map(|line| line.text.as_str())
    }

    /// What was played of a file, in the order in which the caller heard it.
    pub fn played_of(&self, path: &Path) -> Vec<u8> {
        let frames = self.played.iter().filter(|frame| frame.path == path);
        frames.flat_map(|frame| &frame.bytes).copied().collect()
    }

    /// The longest time without a sound between the first and the last frame of a file, be there other files between.
    pub fn longest_silence_in(&self, path: &Path) -> Duration {
        let is_of_it = |frame: &Frame| frame.path == path;
        let ends = (
            self.played.iter().position(is_of_it),
            self.played.iter().rposition(is_of_it),
        );
        let (Some(first), Some(last)) = ends else {
            return Duration::ZERO;
        };
        let silences = self.played[first..=last].windows(2).map(|pair| {
            let silent_from = pair[0].at + pair[0].lasts;
            pair[1].at.saturating_duration_since(silent_from)
        });
        silences.max().unwrap_or_default()
    }

    /// # Panics
    /// When a variable has another value.
    #[track_caller]
    pub fn assert_variable(&self, name: &str, expected: &str) -> &Self {
        let found = self.variable(name);
        self.assert(
            found == expected,
            &format!("{name} is {found:?}, expected {expected:?}"),
        )
    }

    /// # Panics
    /// When a variable's value does not contain a text.
    #[track_caller]
    pub fn assert_variable_contains(&self, name: &str, part: &str) -> &Self {
        let found = self.variable(name);
        self.assert(
            found.contains(part),
            &format!("{name} is {found:?}, expected {part:?} in it"),
        )
    }

    /// # Panics
    /// When the program did not end by itself with this exit code.
    #[track_caller]
    pub fn assert_exit(&self, code: i32) -> &Self {
        self.assert(
            self.status.code() == Some(code),
            &format!("ended with {}, expected exit code {code}", self.status),
        )
    }

    /// # Panics
    /// When the program broke the protocol or outlived its time.
    #[track_caller]
    pub fn assert_manners(&self) -> &Self {
        self.assert(self.violations.is_empty(), "the protocol was violated")
    }

    /// # Panics
    /// When something that the test knows better is not so; tells it together with the whole call.
    #[track_caller]
    pub fn assert(&self, holds: bool, otherwise: &str) -> &Self {
        assert!(holds, "{otherwise}\n{self}");
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "--- the call: {}, after {:.3} s",
            self.status,
            self.took.as_secs_f64()
        )?;
        let since = |at: Instant| at.duration_since(self.started).as_secs_f64();
        for line in &self.dialogue {
            let arrow = if line.direction == Direction::ToProgram {
                "<-"
            } else {
                "->"
            };
            writeln!(out, "{:8.3} {arrow} {}", since(line.at), line.text)?;
        }
        for frames in self
            .played
            .chunk_by(|one, next| one.path == next.path && one.at + 2 * one.lasts > next.at)
        {
            let (first, last) = (&frames[0], &frames[frames.len() - 1]);
            let bytes: usize = frames.iter().map(|frame| frame.bytes.len()).sum();
            let path = first.path.display();
            writeln!(
                out,
                "{:8.3} played {bytes} bytes of {path} until {:.3}",
                since(first.at),
                since(last.at + last.lasts)
            )?;
        }
        for violation in &self.violations {
            writeln!(out, "violation: {violation}")?;
        }
        write!(out, "--- standard error:\n{}---", self.stderr)
    }
}
