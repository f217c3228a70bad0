//! Whether Asterisk's log shows the stages of a call, which an administrator looks for when one has failed.
//!
//! Stages are told with `VERBOSE` at level 3, and Asterisk tells at that level too which step of the dialplan it takes.
//! So the call that lets Asterisk start this program shows what its log files hold. A file whose level is plain
//! `verbose`, as FreePBX has it, holds no more than the console of Asterisk itself shows, which is nothing for a
//! service.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::console::{say, typed};
use super::finding::Report;
use crate::sys::files;

/// The log files of Asterisk, and how long each was.
pub(super) struct LogFiles(Vec<(PathBuf, u64)>);

impl LogFiles {
    /// Those that Asterisk writes to now.
    pub(super) fn of_asterisk() -> Self {
        Self::new(&say("logger show channels").unwrap_or_default())
    }

    fn new(channels: &str) -> Self {
        let len = |path: &PathBuf| fs::metadata(path).map_or(0, |data| data.len());
        let files = channels.lines().filter_map(log_file).map(|path| {
            let len = len(&path);
            (path, len)
        });
        Self(files.collect())
    }

    /// Tells whether one of them shows the call of this check, which has just been made. Asterisk writes a moment
    /// later.
    pub(super) fn examine(&self, is_freepbx: bool, report: &mut Report<'_>) {
        let mut waited = Duration::ZERO;
        while self.showing().is_none() && !self.0.is_empty() && waited < PATIENCE {
            thread::sleep(PAUSE);
            waited += PAUSE;
        }
        self.tell(is_freepbx, report);
    }

    /// The file that shows the call of this check.
    fn showing(&self) -> Option<&Path> {
        let mut files = self.0.iter();
        let showing = files.find(|(path, from)| shows_step(path, *from).unwrap_or_default());
        showing.map(|(path, _)| path.as_path())
    }

    fn tell(&self, is_freepbx: bool, report: &mut Report<'_>) {
        if let Some(path) = self.showing() {
            return report.ok(ID, &format!("{} shows the stages of calls", path.display()));
        }
        let is_denied = |error: io::Error| error.kind() == io::ErrorKind::PermissionDenied;
        let is_closed = |path: &Path| files::open(path).is_err_and(is_denied);
        if let Some((path, _)) = self.0.iter().find(|(path, _)| is_closed(path)) {
            let why = format!("cannot read {}", path.display());
            return report.not_tried(ID, &why, "run phone-assistant check as root");
        }
        let paths = self.0.iter().map(|(path, _)| path.display().to_string());
        let text = match &paths.collect::<Vec<_>>()[..] {
            [] => "no log file shows the stages of calls: there is none".to_owned(),
            paths => format!(
                "no log file shows the stages of calls: {}",
                paths.join(", ")
            ),
        };
        let reload = typed("logger reload");
        let plain = format!("{PLAIN}; then: {reload}");
        report.warn(ID, &text, if is_freepbx { FREEPBX } else { &plain });
    }
}

/// The file of a line of `logger show channels`, if it is one that is written to.
fn log_file(line: &str) -> Option<PathBuf> {
    let mut columns = line.split_whitespace();
    let path = columns.next().filter(|path| path.starts_with('/'))?;
    let is_written = columns.next() == Some("File") && columns.any(|column| column == "Enabled");
    is_written.then(|| named(path))
}

/// The file of which Asterisk shows this name, or its first characters.
fn named(shown: &str) -> PathBuf {
    let path = PathBuf::from(shown);
    if shown.chars().count() < SHOWN_CHARS || path.exists() {
        return path;
    }
    let entries = path.parent().map(fs::read_dir).into_iter().flatten();
    let mut files = entries.flatten().flatten().map(|entry| entry.path());
    let is_it = |file: &PathBuf| file.to_string_lossy().starts_with(shown);
    files.find(is_it).unwrap_or(path)
}

/// Whether the part of a log file behind `from` shows that Asterisk took the step of this check.
fn shows_step(path: &Path, from: u64) -> io::Result<bool> {
    let mut file = files::open(path)?;
    // The log was rotated meanwhile: a new file is in its place, or it was emptied.
    let is_new = file.metadata()?.len() < from;
    file.seek(SeekFrom::Start(if is_new { 0 } else { from }))?;
    let mut bytes = Vec::new();
    file.take(MAX_NEW).read_to_end(&mut bytes)?;
    Ok(bytes.windows(STEP.len()).any(|window| window == STEP))
}

const ID: &str = "Asterisk's log";
/// What Asterisk shows of a file's name.
const SHOWN_CHARS: usize = 35;
const STEP: &[u8] = b"[check@custom-openai:1]";
const FREEPBX: &str = "Settings, Asterisk Logfile Settings, Log Files: set Verbose of the file full to 3, press Submit and Apply Config";
const PLAIN: &str =
    "in /etc/asterisk/logger.conf below [logfiles]: full => notice,warning,error,verbose(3)";
/// More than a busy Asterisk logs during a check.
const MAX_NEW: u64 = 16 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::check::finding::{Status, findings};

    #[test]
    fn the_files_are_those_that_asterisk_writes_to() {
        let table = [
            (
                "/var/log/asterisk/full              File     default    Enabled    - NOTICE VERBOSE ",
                true,
            ),
            // Asterisk 13.
            (
                "/var/log/asterisk/full              File     Enabled    - NOTICE VERBOSE ",
                true,
            ),
            (
                "/var/log/asterisk/full              File     default    Disabled   - NOTICE ",
                false,
            ),
            (
                "syslog.local0                       Syslog   default    Enabled    - NOTICE ",
                false,
            ),
            (
                "                                    Console  default    Enabled    - NOTICE ",
                false,
            ),
            (
                "Channel                             Type     Formatter  Status    Configuration",
                false,
            ),
            ("Logger queue limit: 1000", false),
        ];
        for (line, is_one) in table {
            let expected = is_one.then(|| PathBuf::from("/var/log/asterisk/full"));
            assert_eq!(log_file(line), expected, "{line}");
        }
    }

    #[test]
    fn a_long_name_is_found_by_its_beginning() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let path = folder
            .path()
            .join("calls-of-phone-assistant-and-others.log");
        let shown: String = path.to_string_lossy().chars().take(SHOWN_CHARS).collect();
        let line = format!("{shown}  File  default  Enabled  - VERBOSE");
        assert_eq!(log_file(&line), Some(PathBuf::from(&shown)), "no such file");
        fs::write(&path, "").expect("written");
        assert_eq!(log_file(&line), Some(path));
    }

    #[test]
    fn only_what_was_logged_during_the_check_counts() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let full = folder.path().join("full");
        let line = format!("{}  File  default  Enabled  - VERBOSE", full.display());
        let step = "pbx.c: Executing [check@custom-openai:1] AGI(\"Local/c\", \"x\")\n";
        let other = "pbx.c: Executing [8008@custom-openai:1] Answer(\"PJSIP/1\", \"\")\n";
        let (long, both) = (other.repeat(9), format!("{step}{other}"));
        let table = [
            ("the step", "", step, true),
            ("a file that was begun anew", &long, step, true),
            ("an earlier check", step, &both, false),
            ("nothing", other, other, false),
        ];
        for (name, before, after, is_shown) in table {
            fs::write(&full, before).expect("written");
            let files = LogFiles::new(&line);
            fs::write(&full, after).expect("written");
            assert_eq!(files.showing().is_some(), is_shown, "{name}");
        }
    }

    #[test]
    fn the_remedy_is_that_of_the_machine() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let file = || LogFiles(vec![(folder.path().join("full"), 0)]);
        let table = [
            (file(), true, "full", "Asterisk Logfile Settings"),
            (file(), false, "full", "logger reload"),
            (LogFiles(Vec::new()), false, "there is none", "logger.conf"),
        ];
        for (files, is_freepbx, words, remedy) in table {
            let found = findings(|report| files.tell(is_freepbx, report)).pop();
            let found = found.expect("something is found");
            assert_eq!(found.status, Status::Warn, "{found:?}");
            assert!(found.text.contains(words), "{found:?}");
            assert!(found.remedy.contains(remedy), "{found:?}");
        }
    }
}
