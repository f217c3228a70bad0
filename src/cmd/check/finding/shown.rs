//! A finding as people read it: wrapped at blanks where the width of the terminal is known, else a line each for its text
//! and its remedy, which is what `grep` and cron want.

use std::fmt;
use std::io::{self, Write};

use super::{Finding, Setting};
use crate::sys::plain::{CLEAR, broken};

/// What findings are written on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Whether it shows colours.
    pub is_coloured: bool,
    /// How many columns it has, if that is known.
    pub width: Option<usize>,
}

/// A finding on a page.
pub(crate) struct Shown<'a>(pub(crate) &'a Finding, pub(crate) Page);

impl Shown<'_> {
    /// The column in which the text begins. A narrow terminal has more room for it below the name.
    fn column(&self) -> usize {
        match self.1.width {
            Some(..NARROW) => STATUS,
            _ => TEXT,
        }
    }

    /// Writes `text` from a column on, where the cursor is.
    fn flow(&self, f: &mut fmt::Formatter<'_>, column: usize, text: &str) -> fmt::Result {
        match self.1.width {
            Some(width) => writeln!(f, "{}", broken(text, column, column, width)),
            None => writeln!(f, "{text}"),
        }
    }

    fn line(&self, f: &mut fmt::Formatter<'_>, column: usize, text: &str) -> fmt::Result {
        write!(f, "{:column$}", "")?;
        self.flow(f, column, text)
    }

    /// The settings, and once for those that follow each other where they were set.
    fn settings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = None;
        for Setting {
            name,
            value,
            source,
        } in &self.0.settings
        {
            if last.replace(source) != Some(source) {
                self.line(f, self.column(), &format!("by {source}:"))?;
            }
            self.line(f, self.column() + 2, &format!("{name} = {value}"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(finding, page) = self;
        let (colour, plain) = if page.is_coloured {
            (finding.status.colour(), "\x1b[0m")
        } else {
            ("", "")
        };
        let Finding {
            id,
            status,
            text,
            remedy,
            ..
        } = finding;
        write!(f, "{colour}{status}{plain}  ")?;
        if self.column() == TEXT && id.chars().count() <= NAME {
            write!(f, "{id:<NAME$}  ")?;
            self.flow(f, TEXT, text)?;
        } else if page.width.is_none() {
            writeln!(f, "{id}  {text}")?;
        } else {
            writeln!(f, "{id}")?;
            self.line(f, self.column(), text)?;
        }
        for line in &finding.excerpt {
            // The blanks of a line that fits stand for themselves.
            let end = self.column() + line.chars().count();
            match page.width {
                Some(width) if width < end => self.line(f, self.column(), line)?,
                _ => writeln!(f, "{:1$}{line}", "", self.column())?,
            }
        }
        self.settings(f)?;
        if remedy.is_empty() {
            return Ok(());
        }
        // Commands have blanks, and are copied: they get as much room as there is.
        let column = if page.width.is_some() { STATUS } else { TEXT };
        write!(f, "{:column$}-> ", "")?;
        self.flow(f, column + 3, remedy)
    }
}

/// Writes what is being tried on a line that the next finding takes. Returns whether the page is one that shows that.
pub(super) fn trying(out: &mut dyn Write, page: Page, what: &str) -> io::Result<bool> {
    let Some(width) = page.width else {
        return Ok(false);
    };
    let room = width.saturating_sub(STATUS + 3);
    let what: String = what.chars().take(room).collect();
    write!(out, "{CLEAR}{:STATUS$}{what} …", "")?;
    out.flush()?;
    Ok(true)
}

/// Clears that line.
pub(super) fn end_trying(out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{CLEAR}")
}

/// The width of a status with the blanks behind it, that of most names, and the column behind them.
const STATUS: usize = 6;
const NAME: usize = 22;
const TEXT: usize = STATUS + NAME + 2;
/// Fewer columns than this are too few for two columns of text.
const NARROW: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    fn finding(text: &str, remedy: &str) -> Finding {
        Finding::new("folder for state", Status::Warn, text, remedy)
    }

    fn shown(finding: &Finding, width: Option<usize>) -> String {
        let page = Page {
            is_coloured: false,
            width,
        };
        Shown(finding, page).to_string()
    }

    const LONG: &str = "cannot open /var/lib/phone-assistant/state/checked.json.lock; make its folder first (install.sh makes \
                        the folder for calls)";

    #[test]
    fn words_stay_whole_at_every_width_and_nothing_is_lost() {
        let finding = finding(
            LONG,
            "sudo phone-assistant console 'dialplan reload'; check again",
        );
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        for width in 49..200 {
            let shown = shown(&finding, Some(width));
            let widest = shown.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(width), "{width}:\n{shown}");
            let expected = format!(
                "warn folder for state {} -> {}",
                finding.text, finding.remedy
            );
            assert_eq!(words(&shown), words(&expected), "{width}:\n{shown}");
        }
    }

    #[test]
    fn what_is_tried_is_told_on_a_terminal_alone_and_gone_with_the_next_finding() {
        for (width, expected) in [
            (None, "ok    host                    well\n"),
            (
                Some(80),
                "\r\x1b[K      a host …\r\x1b[Kok    host                    well\n",
            ),
            (
                Some(12),
                "\r\x1b[K      a h …\r\x1b[Kok    host\n      well\n",
            ),
        ] {
            let mut out = Vec::new();
            let page = Page {
                is_coloured: false,
                width,
            };
            let mut report = super::super::Report::new(&mut out, super::super::Style::Page(page));
            report.trying("a host");
            report.ok("host", "well");
            report.close().expect("a vector takes all");
            let shown = String::from_utf8(out).expect("text");
            assert!(shown.starts_with(expected), "{shown:?}");
        }
    }

    #[test]
    fn what_is_piped_has_a_line_for_the_text_and_one_for_the_remedy() {
        let shown = shown(&finding(LONG, "ls"), None);
        let expected = format!("warn  folder for state        {LONG}\n{:30}-> ls\n", "");
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_file_is_named_once_for_all_that_it_sets() {
        let setting = |name: &str, source: &str| Setting {
            name: name.to_owned(),
            value: "1".to_owned(),
            source: source.to_owned(),
        };
        let settings = vec![
            setting("a", "x.toml"),
            setting("b", "x.toml"),
            setting("c", "C"),
        ];
        let finding = Finding {
            settings,
            ..finding("3 are set", "")
        };
        let blank = " ".repeat(TEXT);
        let expected = format!(
            "warn  folder for state        3 are set\n{blank}by x.toml:\n{blank}  a = 1\n{blank}  b = 1\n{blank}by C:\n{blank}  c = 1\n"
        );
        assert_eq!(shown(&finding, None), expected);
        assert_eq!(shown(&finding, Some(80)), expected);
    }

    #[test]
    fn a_line_of_an_excerpt_that_is_too_long_is_wrapped() {
        let finding = Finding {
            excerpt: vec![LONG.to_owned()],
            ..finding("faults", "")
        };
        for width in [50, 80, 120] {
            let shown = shown(&finding, Some(width));
            let widest = shown.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(width), "{width}:\n{shown}");
        }
    }

    #[test]
    fn an_excerpt_stands_below_the_text_as_it_is() {
        let finding = Finding {
            excerpt: vec!["3 | speed = 1,5".to_owned(), "  |          ^".to_owned()],
            ..finding("a comma", "")
        };
        let lines = shown(&finding, Some(50));
        let lines: Vec<_> = lines.lines().collect();
        assert_eq!(
            lines[1..],
            [
                "      a comma",
                "      3 | speed = 1,5",
                "        |          ^"
            ]
        );
    }
}
