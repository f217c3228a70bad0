//! What people read: stdout, and what it shows.

use std::error::Error;
use std::io::{self, IsTerminal, Write};

use rustix::termios::tcgetwinsize;

use super::stderr::end_begun;
use crate::cmd::calls::Pen;
use crate::cmd::check::{Page, Style};
use crate::config::Environment;

/// Stdout, where a reader that has seen enough is no error.
pub(super) struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        ended_early(io::stdout().write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        ended_early(io::stdout().flush(), ())
    }
}

fn ended_early<T>(done: io::Result<T>, otherwise: T) -> io::Result<T> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(otherwise),
        done => done,
    }
}

/// The answer could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to the terminal")]
struct Unread(#[source] io::Error);

/// Writes all of `text`.
pub(super) fn show_text(text: &str) -> Result<(), Box<dyn Error>> {
    end_begun();
    let mut out = Stdout;
    let shown = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    Ok(shown.map_err(Unread)?)
}

/// The style of findings: for a terminal in colour, unless `NO_COLOR` is set (<https://no-color.org>), and in its width.
pub(super) fn style(json: bool, environment: Environment<'_>) -> Style {
    if json {
        return Style::Json;
    }
    if !io::stdout().is_terminal() {
        return Style::Page(Page::default());
    }
    let wants_none = environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    let size = tcgetwinsize(io::stdout()).ok();
    let width = size.map(|size| usize::from(size.ws_col));
    Style::Page(Page {
        is_coloured: !wants_none,
        width: width.filter(|width| *width > 0),
    })
}

/// The pen for pictures: blocks only where they will be seen, on a terminal whose locale is UTF-8.
pub(super) fn pen(environment: Environment<'_>) -> Pen {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| environment(name).filter(|value| !value.is_empty()))
        .unwrap_or_default()
        .to_ascii_lowercase();
    if io::stdout().is_terminal() && (locale.contains("utf-8") || locale.contains("utf8")) {
        Pen::BLOCKS
    } else {
        Pen::ASCII
    }
}
