//! A call without a single thread: it cannot even listen to Asterisk while something else goes on. All that is left is
//! to say so, a command at a time.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::{Arc, Mutex};

use log::{debug, error};

use super::FAULT;
use crate::agi::Command;
use crate::error::{At, Failure, Stage};
use crate::sync::lock;
use crate::threads::NoThread;

/// A stream that a session works with, and that is still there if there can be no session.
pub(super) struct Lent<S>(Arc<Mutex<S>>);

impl<S> Lent<S> {
    pub(super) fn new(stream: S) -> Self {
        Self(Arc::new(Mutex::new(stream)))
    }
}

impl<S> Clone for Lent<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Read> Read for Lent<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        lock(&self.0).read(into)
    }
}

impl<S: Write> Write for Lent<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        lock(&self.0).flush()
    }
}

/// Tells both logs and the dialplan that the call has failed for the want of threads.
pub(super) fn give_up(input: impl Read, output: impl Write, cause: NoThread) {
    let Err(failure) = Err::<(), _>(cause).at(Stage::Config) else {
        return;
    };
    error!("{failure}");
    if let Err(error) = tell(&mut BufReader::new(input), output, &failure) {
        debug!("and Asterisk was not told: {error}");
    }
}

fn tell(input: &mut impl BufRead, mut output: impl Write, failure: &Failure) -> io::Result<()> {
    while !read_line(input)?.trim_ascii().is_empty() {}
    let failure = failure.to_string();
    let verbose = Command::Verbose {
        message: &failure,
        level: FAULT,
    };
    let variables = [
        ("ASSISTANT_ERROR", failure.as_str()),
        ("ASSISTANT_STATUS", "FAILED"),
    ];
    let variables = variables.map(|(name, value)| Command::SetVariable {
        name,
        value,
        is_words: false,
    });
    for command in [verbose].into_iter().chain(variables) {
        output.write_all(format!("{command}\n").as_bytes())?;
        output.flush()?;
        read_line(input)?;
    }
    Ok(())
}

/// The next line; empty at the end.
fn read_line(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    input.take(MAX_LINE).read_until(b'\n', &mut line)?;
    Ok(line)
}

const MAX_LINE: u64 = 64 * 1024;
