//! Lines for stderr that never block the caller. Asterisk hands down its own; where no process reads that, a write may
//! wait for ever. A server that starts the program for a connection may make the connection stderr as well; then there
//! are no lines.

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::iter::successors;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::fs::{FileType, fstat};

use crate::config::{Environment, Faults};
use crate::sys::error::Chain;
use crate::sys::plain::{CLEAR, plain};
use crate::sys::redact;
use crate::sys::threads::{self, NoThread};

/// The variable that says what is logged.
pub(super) const LOG_LEVEL: &str = "PHONE_ASSISTANT_LOG";

/// Whether stderr is the connection on which Asterisk talks to us. It would take every line for a command.
pub(super) fn is_asterisks() -> bool {
    let (Ok(input), Ok(errors)) = (fstat(io::stdin()), fstat(io::stderr())) else {
        return false;
    };
    FileType::from_raw_mode(errors.st_mode) == FileType::Socket
        && (input.st_dev, input.st_ino) == (errors.st_dev, errors.st_ino)
}

/// Tells people what happened, on stderr. A closed stderr is no reason to fail.
pub(super) fn tell(line: &str) {
    end_begun();
    writeln!(io::stderr(), "{}", redact::shown(line)).ok();
}

/// Tells why a command failed. Faults of the settings stand one below the other, each with the line that it is about.
pub(super) fn tell_error(error: &(dyn Error + 'static)) {
    let mut causes = successors(Some(error), |&error| error.source());
    let Some(faults) = causes.find_map(|cause| cause.downcast_ref::<Faults>()) else {
        return tell(&format!("phone-assistant: {}", Chain(error)));
    };
    let head = if error.is::<Faults>() {
        "the settings are not right".to_owned()
    } else {
        error.to_string()
    };
    tell(&format!("phone-assistant: {head}:"));
    for (fault, excerpt) in faults.with_excerpts() {
        tell(&format!("  {}", plain(fault)));
        for line in excerpt {
            tell(&format!("    {}", plain(line)));
        }
    }
}

/// Whether the terminal takes what it should obey for text.
pub(super) fn is_dumb(environment: Environment<'_>) -> bool {
    environment("TERM").is_some_and(|term| term == "dumb")
}

/// Says on a terminal what is being done, until a line or a text follows. Nothing where stderr is none, or cannot take it
/// back.
pub(super) fn begin(what: &str) {
    if io::stderr().is_terminal() && !is_dumb(&|name| std::env::var(name).ok()) {
        end_begun();
        // A closed stderr is no reason to fail.
        write!(io::stderr(), "{} …", plain(what)).ok();
        IS_BEGUN.store(true, Ordering::Relaxed);
    }
}

/// Clears that line, where there is one.
pub(super) fn end_begun() {
    if IS_BEGUN.swap(false, Ordering::Relaxed) {
        write!(io::stderr(), "{CLEAR}").ok();
    }
}

/// Takes lines, which a thread writes.
#[derive(Clone)]
pub(super) struct Lines(Sender<Line>);

enum Line {
    Text(Vec<u8>),
    /// All that came before has been written.
    Mark(Sender<()>),
}

impl Lines {
    /// Starts to write.
    ///
    /// # Errors
    /// [`NoThread`].
    pub(super) fn to_stderr() -> Result<Self, NoThread> {
        let (lines, to_write) = bounded(MANY);
        threads::spawn(move || write(&to_write))?;
        Ok(Self(lines))
    }

    /// Waits a little until what has been taken is written.
    pub(super) fn flush(&self) {
        let (written, mark) = bounded(1);
        if self.0.send_timeout(Line::Mark(written), PATIENCE).is_ok() {
            mark.recv_timeout(PATIENCE).ok();
        }
    }
}

impl Write for Lines {
    /// Drops what finds no room, and all that comes after it: then the reader of stderr has stopped reading.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !IS_STUCK.load(Ordering::Relaxed)
            && self
                .0
                .send_timeout(Line::Text(bytes.to_vec()), PATIENCE)
                .is_err()
        {
            // One line that has waited in vain is enough: FreePBX's FastAGI server starts programs with a pipe for
            // stderr that it never reads, and each further line would hold the call up for as long.
            IS_STUCK.store(true, Ordering::Relaxed);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(lines: &Receiver<Line>) {
    for line in lines {
        match line {
            // A closed stderr is no reason to fail.
            Line::Text(bytes) => drop(io::stderr().write_all(&bytes)),
            Line::Mark(written) => drop(written.send(())),
        }
    }
}

static IS_BEGUN: AtomicBool = AtomicBool::new(false);
static IS_STUCK: AtomicBool = AtomicBool::new(false);

/// More than a call at the lowest level writes within a moment.
const MANY: usize = 4096;
const PATIENCE: Duration = Duration::from_millis(200);
