//! What people read: stdout, and what it shows.

use std::error::Error;
use std::io::{self, IsTerminal, Write};

use clap::builder::StyledStr;
use rustix::termios::tcgetwinsize;

use super::stderr::{end_begun, is_dumb};
use crate::cmd::calls::Pen;
use crate::cmd::check::{Page, Style};
use crate::config::Environment;
use crate::sys::plain::{broken, seen};

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

/// The style of findings: for a terminal in colour, unless `NO_COLOR` is set (<https://no-color.org>), and in its width. One
/// that obeys nothing gets what a file gets.
pub(super) fn style(json: bool, environment: Environment<'_>) -> Style {
    if json {
        return Style::Json;
    }
    if !io::stdout().is_terminal() || is_dumb(environment) {
        return Style::Page(Page::default());
    }
    Style::Page(Page {
        is_coloured: wants_colours(environment),
        width: width(),
    })
}

fn wants_colours(environment: Environment<'_>) -> bool {
    let is_refused = environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    !is_refused && !is_dumb(environment)
}

/// How many columns the terminal has, where stdout is one.
fn width() -> Option<usize> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|width| *width > 0)
}

/// Shows clap's help, as wide as the terminal; for other readers each of its lines stays whole.
pub(super) fn show_help(
    help: &StyledStr,
    environment: Environment<'_>,
) -> Result<(), Box<dyn Error>> {
    let Some(width) = width() else {
        return show_text(&help.to_string());
    };
    let text = if wants_colours(environment) {
        help.ansi().to_string()
    } else {
        help.to_string()
    };
    show_text(&wrapped(&text, width))
}

/// Breaks the lines of a help that are too long: what stands behind a name goes on below itself.
fn wrapped(text: &str, width: usize) -> String {
    let mut all = String::new();
    for line in text.lines() {
        let indent = line.rfind("  ").map_or(0, |gap| seen(&line[..gap + 2]));
        all.push_str(&broken(line, 0, indent.min(width / 2), width));
        all.push('\n');
    }
    all
}

/// The pen for pictures: blocks only where they will be seen, on a terminal whose locale is UTF-8.
pub(super) fn pen(environment: Environment<'_>) -> Pen {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| environment(name).filter(|value| !value.is_empty()))
        .unwrap_or_default()
        .to_ascii_lowercase();
    let has_blocks = locale.contains("utf-8") || locale.contains("utf8");
    let pen = if io::stdout().is_terminal() && has_blocks {
        Pen::BLOCKS
    } else {
        Pen::ASCII
    };
    width().map_or(pen, |width| pen.within(width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_help_is_broken_at_blanks_and_goes_on_below_what_it_says() {
        let text =
            "Shows a thing of its length\n\n  \x1b[1m--json\x1b[0m  Write one JSON object\n  x";
        let table = [
            (80, format!("{text}\n")),
            (
                21,
                "Shows a thing of its\nlength\n\n  \x1b[1m--json\x1b[0m  Write one\n          JSON object\n  x\n"
                    .to_owned(),
            ),
        ];
        for (width, expected) in table {
            assert_eq!(wrapped(text, width), expected);
        }
    }
}
