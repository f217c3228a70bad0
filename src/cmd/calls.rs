//! `phone-assistant calls`: how calls ended, where their time went, and a picture of one of them, from
//! the log that [`record`](crate::timeline::record) writes.
//!
//! The log is read from its end, so that a long one costs no more than the calls that are asked for.

mod backwards;
mod error;
mod page;
mod picture;
pub(super) mod rotated;
mod since;
mod summary;

use std::fmt;
use std::fs;
use std::io::{self, Cursor, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;
use serde_json::{Value, json};

use crate::config::{Config, Environment};
use crate::sys::files::{self, NewFile, Readers};
use crate::sys::identity::names;
use crate::sys::owner;
use crate::sys::plain::{counted, escaped, plain};
use crate::sys::stdout::{self, is_stream};
use crate::timeline::record::Record;
use backwards::{Backwards, Line};
pub(crate) use error::Error;
use page::Page;
pub(crate) use picture::Pen;
use picture::Picture;
pub(crate) use since::Since;
use summary::Summary;

/// What to show.
#[derive(Debug)]
pub(crate) struct Options {
    /// How many calls at most, the newest first.
    pub last: usize,
    /// Since when. `None`: however old they are.
    pub since: Option<Since>,
    /// The call whose picture is shown. `None`: the last one.
    pub id: Option<String>,
    /// Whether programs read it.
    pub is_json: bool,
    /// The log. `None`: the one of the settings.
    pub file: Option<PathBuf>,
    /// What the picture is drawn with.
    pub pen: Pen,
}

/// Returns what the log tells.
///
/// # Errors
/// [`Error`].
pub(crate) fn run(
    options: &Options,
    config: Option<PathBuf>,
    environment: Environment<'_>,
) -> Result<String, Error> {
    let log = log(options, config, environment)?;
    if !is_stream(&log) {
        owner::become_owner(files::parent(&log))?;
    }
    let report = Report::read(&log, options)?;
    Ok(if options.is_json {
        escaped(&format!("{:#}\n", report.json()))
    } else {
        report.to_string()
    })
}

/// Writes what the log tells into the file `out`, as a page for the browser that its owner alone can read. Returns what is
/// to be said of it, in lines.
///
/// # Errors
/// [`Error`].
pub(crate) fn write_page(
    options: &Options,
    out: &Path,
    config: Option<PathBuf>,
    environment: Environment<'_>,
) -> Result<Vec<String>, Error> {
    let log = log(options, config, environment)?;
    // Root reads as the user whose log it is, and writes as itself.
    let acting = if is_stream(&log) {
        None
    } else {
        owner::act_in(files::parent(&log))?
    };
    let report = Report::read(&log, options)?;
    drop(acting);
    let notes = report.notes();
    let page = report.page.html(&report.summary, &notes);
    let calls = counted(report.summary.calls(), "call", "calls");
    let told = [format!("{}: {calls}", out.display())];
    let told = told.into_iter().chain(notes).collect();
    if is_stream(out) {
        stdout::write(page.as_bytes()).map_err(Error::Stdout)?;
        return Ok(told);
    }
    let may_replace = page::may_replace(out).map_err(|source| Error::Old {
        path: out.to_owned(),
        source,
    })?;
    if !may_replace {
        return Err(Error::NoPage(out.to_owned()));
    }
    // One that is empty, or not there yet, could be taken for a place that is free.
    if report.logs.iter().any(|log| page::is_same(log, out)) {
        return Err(Error::Log(out.to_owned()));
    }
    let mut file = NewFile::create(out, Readers::Owner)?;
    file.write_all(page.as_bytes())?;
    file.finish()?;
    Ok(told)
}

fn log(
    options: &Options,
    config: Option<PathBuf>,
    environment: Environment<'_>,
) -> Result<PathBuf, Error> {
    if let Some(file) = &options.file {
        return Ok(file.clone());
    }
    let settings = Config::to_look_back(config, environment);
    settings.log_calls.ok_or(Error::NoLog)
}

/// What a log tells.
struct Report<'a> {
    log: &'a Path,
    options: &'a Options,
    summary: Summary,
    page: Page,
    shown: Option<Record>,
    /// The log and the older ones beside it, as far as it is a file.
    logs: Vec<PathBuf>,
    /// How many calls in a row are older than those that are looked at.
    too_old: usize,
    unreadable: usize,
    /// The files beside the log that were not read.
    not_read: Vec<PathBuf>,
    /// How many bytes of the log may still be read.
    budget: u64,
    /// Whether there was more to read than that.
    is_cut: bool,
}

impl<'a> Report<'a> {
    /// Reads the log, and the rotated ones where the calls in the log are too few.
    fn read(log: &'a Path, options: &'a Options) -> Result<Self, Error> {
        let mut report = Self {
            log,
            options,
            summary: Summary::default(),
            page: Page::default(),
            shown: None,
            logs: Vec::new(),
            too_old: 0,
            unreadable: 0,
            not_read: Vec::new(),
            budget: MAX_READ,
            is_cut: false,
        };
        if is_stream(log) {
            report
                .add_stdin()
                .map_err(|source| unreadable(log, source))?;
            return report.checked();
        }
        let all = rotated::all(log).map_err(|source| unreadable(log, source))?;
        let (paths, others) = all;
        report.logs.clone_from(&paths);
        let mut missing = None;
        for path in &paths {
            match report.add_file(path) {
                Ok(true) => return report.checked(),
                Ok(false) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => missing = Some(error),
                Err(source) if path == log => return Err(unreadable(log, source)),
                // The others tell what they can.
                Err(_) => report.not_read.push(path.clone()),
            }
        }
        report.not_read.extend(others);
        match missing {
            // Before the first call there is no log, which is an error only where a file was named.
            Some(source) if options.file.is_some() && paths.len() == 1 => {
                Err(unreadable(log, source))
            }
            _ => report.checked(),
        }
    }

    /// Takes the calls of one file, newest first. Returns whether they are enough.
    fn add_file(&mut self, path: &Path) -> io::Result<bool> {
        let file = files::open(path)?;
        if !rotated::is_compressed(path) {
            return self.add(file);
        }
        match rotated::unpacked(file, self.budget)? {
            None => self.is_cut = true,
            Some((text, is_damaged)) => {
                self.unreadable += usize::from(is_damaged);
                return self.add(Cursor::new(text));
            }
        }
        Ok(true)
    }

    /// Takes the calls that come from stdin, whose end is known once it is there.
    fn add_stdin(&mut self) -> io::Result<bool> {
        let mut text = Vec::new();
        io::stdin().take(self.budget + 1).read_to_end(&mut text)?;
        if u64::try_from(text.len()).is_ok_and(|len| len > self.budget) {
            return Err(io::Error::other(format!(
                "it has more than {MAX_READ_MIB} MiB"
            )));
        }
        self.add(Cursor::new(text))
    }

    fn add(&mut self, file: impl Read + Seek) -> io::Result<bool> {
        let mut budget = self.budget;
        let mut lines = Backwards::new(file, &mut budget)?;
        for line in lines.by_ref() {
            let (record, unreadable) = match line? {
                Line::Whole(line) => parse(&line),
                Line::TooLong => (None, 1),
            };
            self.unreadable += unreadable;
            if let Some(record) = record {
                self.take(record);
            }
            if self.is_enough() {
                return Ok(true);
            }
        }
        self.is_cut |= lines.is_cut();
        self.budget = budget;
        Ok(self.is_cut)
    }

    fn take(&mut self, record: Record) {
        let id = self.options.id.as_ref();
        let since = self.options.since.as_ref();
        let is_new = since.is_none_or(|since| since.includes(&record.time));
        self.too_old = if is_new { 0 } else { self.too_old + 1 };
        if is_new && self.summary.calls() < self.options.last {
            self.summary.add(&record);
            self.page.add(&record);
        }
        let wanted = id.map_or(is_new, |id| *id == record.id);
        if wanted && self.shown.is_none() {
            self.shown = Some(record);
        }
    }

    fn is_enough(&self) -> bool {
        let has_all = self.summary.calls() >= self.options.last || self.too_old >= LONG_CALLS;
        has_all && (self.shown.is_some() || self.options.id.is_none())
    }

    fn checked(self) -> Result<Self, Error> {
        match (&self.options.id, &self.shown) {
            (Some(id), None) => Err(Error::NoSuchCall {
                id: id.clone(),
                path: self.log.to_owned(),
                is_cut: self.is_cut,
            }),
            _ => Ok(self),
        }
    }
}

impl Report<'_> {
    /// What of the log is not in it, in lines.
    fn notes(&self) -> Vec<String> {
        let unreadable = counted(self.unreadable, "line", "lines");
        let unreadable = format!("{unreadable} could not be read");
        let names = self.not_read.iter().filter_map(|path| path.file_name());
        let names = names.map(|name| plain(&name.to_string_lossy()));
        let names = names.take(MOST_NAMES).collect::<Vec<_>>().join(", ");
        let not_read = self.not_read.len();
        let files = counted(not_read, "file beside it was", "files beside it were");
        let files = format!("{files} not read: {names}");
        let cut = format!("the log goes on: at most its newest {MAX_READ_MIB} MiB are read");
        let notes = [
            (self.unreadable > 0, unreadable),
            (not_read > 0, files),
            (self.is_cut, cut),
        ];
        let notes = notes.into_iter().filter(|(is_so, _)| *is_so);
        notes.map(|(_, note)| note).collect()
    }

    /// The same for programs.
    fn json(&self) -> Value {
        let mut all = self.summary.json();
        all["version"] = json!(VERSION_OF_JSON);
        all["shown"] = json!(self.shown);
        all["unreadable_lines"] = json!(self.unreadable);
        all["files_not_read"] = json!(self.not_read.len());
        all["is_cut"] = json!(self.is_cut);
        all
    }
}

/// Root reads as the owner of the folder, who may not read everything that is in it.
fn unreadable(path: &Path, source: io::Error) -> Error {
    let user = geteuid();
    let owner = fs::metadata(files::parent(path)).map(|data| data.uid());
    let is_owners = !user.is_root() && owner.is_ok_and(|owner| owner == user.as_raw());
    let way = match source.kind() {
        io::ErrorKind::PermissionDenied if is_owners => {
            let user = names::user_name(user.as_raw());
            format!(
                "it is read as {user}, whose folder it is in: move it into a folder that root alone can change, or let \
                 {user} read it"
            )
        }
        _ => files::way_in(&source).to_owned(),
    };
    Error::Read {
        path: path.to_owned(),
        way,
        source,
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(record) = &self.shown {
            let picture = Picture::new(record, self.options.pen);
            write!(f, "{}\n{picture}", self.summary)?;
        } else {
            let log = plain(&self.log.display().to_string());
            let when = self.options.since.as_ref().map_or("", |_| " since then");
            writeln!(f, "no calls in {log}{when}")?;
        }
        let notes = self.notes();
        notes.iter().try_for_each(|note| writeln!(f, "\n{note}"))
    }
}

/// The record in `line`, and how many there are that cannot be read. A full disk cuts a record off, and
/// the next one follows it on the same line. No text in a record can look like the beginning of
/// another, since a quotation mark in it is escaped.
fn parse(line: &[u8]) -> (Option<Record>, usize) {
    if line.trim_ascii().is_empty() {
        return (None, 0);
    }
    let whole = serde_json::from_slice(line);
    match whole {
        Ok(record) => (Some(record), 0),
        Err(_) => (after_half(line), 1),
    }
}

fn after_half(line: &[u8]) -> Option<Record> {
    let start = line
        .windows(BEGINNING.len())
        .rposition(|bytes| bytes == BEGINNING)?;
    serde_json::from_slice(&line[start..]).ok()
}

/// The maximum size that is read: some hundred thousand calls.
const MAX_READ: u64 = MAX_READ_MIB * 1024 * 1024;
const MAX_READ_MIB: u64 = 64;

/// The log is in the order in which calls end, so some that began earlier may stand behind later ones.
const LONG_CALLS: usize = 1000;

/// It grows when programs that read the JSON must change.
const VERSION_OF_JSON: u32 = 1;

/// How many files are named that were not read.
const MOST_NAMES: usize = 3;

/// How each record begins.
const BEGINNING: &[u8] = br#"{"time":""#;

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str =
        r#"{"time":"t","id":"1.2","status":"FAILED","error":"\"{\"time\":\" it said"}"#;

    fn id(line: &str) -> (Option<String>, usize) {
        let (record, unreadable) = parse(line.as_bytes());
        (record.map(|record| record.id), unreadable)
    }

    #[test]
    fn a_half_record_takes_no_other_with_it() {
        let one = Some("1.2".to_owned());
        assert_eq!(id(RECORD), (one.clone(), 0));
        for len in [1, 9, 30, RECORD.len() - 1] {
            let half = &RECORD[..len];
            assert_eq!(id(half), (None, 1), "{half}");
            assert_eq!(id(&format!("{half}{RECORD}")), (one.clone(), 1), "{half}");
        }
    }

    #[test]
    fn an_empty_line_is_nothing_and_a_strange_one_is_counted() {
        assert_eq!(id(""), (None, 0));
        assert_eq!(id("\r"), (None, 0));
        assert_eq!(id("{}"), (None, 1));
        assert_eq!(id("\u{0}\u{0}"), (None, 1));
    }
}
