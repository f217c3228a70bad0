//! What is left of a call when it is over, and assertions that tell all they know.

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// Who wrote a line.
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
    /// Who wrote it.
    pub direction: Direction,
    /// The line without its end; what is not UTF-8 is shown as `�`.
    pub text: String,
    /// When it was written or read.
    pub at: Instant,
}

/// A call that is over.
#[derive(Debug)]
pub struct Outcome {
    /// The program's exit code, or the signal that ended it.
    pub status: ExitStatus,
    /// The channel's variables at the end, those set before the call among them.
    pub variables: BTreeMap<String, String>,
    /// The messages of `VERBOSE` and their levels.
    pub verbose: Vec<(String, u32)>,
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
        for line in &self.dialogue {
            let arrow = if line.direction == Direction::ToProgram {
                "<-"
            } else {
                "->"
            };
            writeln!(
                out,
                "{:8.3} {arrow} {}",
                line.at.duration_since(self.started).as_secs_f64(),
                line.text
            )?;
        }
        for violation in &self.violations {
            writeln!(out, "violation: {violation}")?;
        }
        write!(out, "--- standard error:\n{}---", self.stderr)
    }
}
