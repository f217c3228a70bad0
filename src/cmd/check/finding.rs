//! What was found, and how it is written: for people, for programs, or not at all.

mod shown;

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::slice;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;

use crate::sys::error::{Chain, way_out};
use crate::sys::plain::plain_to;
use crate::sys::redact;
use crate::sys::remedy::{INSTALLER_OF_PACKAGE, is_packaged};
pub use shown::Page;
pub(crate) use shown::Shown;

/// The state of what was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is as it should be.
    Ok,
    /// Calls work, but an administrator should know.
    Warn,
    /// Calls do not work, or not for all.
    Fail,
}

impl Finding {
    pub(super) fn new(id: &str, status: Status, text: &str, remedy: &str) -> Self {
        Self {
            id: id.to_owned(),
            status,
            text: text.to_owned(),
            remedy: remedy.to_owned(),
            excerpt: Vec::new(),
            settings: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Each fault that it puts together, or itself where it is about one thing.
    fn each(&self) -> &[Self] {
        match &self.faults[..] {
            [] => slice::from_ref(self),
            faults => faults,
        }
    }

    /// The same, safe to show.
    fn clean(self) -> Self {
        let clean = |text: String| one_line(&text);
        Self {
            id: plain_to(&self.id, MAX_LINE),
            status: self.status,
            text: one_line(&self.text),
            remedy: fit(&one_line(&self.remedy), is_packaged()),
            excerpt: self.excerpt.into_iter().map(clean).collect(),
            settings: self.settings.into_iter().map(Setting::clean).collect(),
            faults: self.faults.into_iter().map(Self::clean).collect(),
        }
    }

    /// Whether it was looked at.
    pub(super) fn is_tried(&self) -> bool {
        !self.text.starts_with(NOT_TRIED)
    }
}

impl Status {
    /// The exit code, as scripts want it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warn => 1,
            Self::Fail => 2,
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Ok => "\x1b[32m",
            Self::Warn => "\x1b[33m",
            Self::Fail => "\x1b[31m",
        }
    }
}

/// Pads the word to the width of the widest.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok  ",
            Self::Warn => "warn",
            Self::Fail => "fail",
        })
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What, in a word or three; the same from run to run, and so nothing is redacted in it.
    pub id: String,
    /// How it is.
    pub status: Status,
    /// What was found.
    pub text: String,
    /// How to fix it; empty where nothing has to be, and then `null` in JSON.
    #[serde(
        default,
        serialize_with = "null_if_empty",
        deserialize_with = "empty_if_null"
    )]
    pub remedy: String,
    /// What is shown below the text as it is, such as the faulty line of a file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excerpt: Vec<String>,
    /// The settings that are set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<Setting>,
    /// The faults that a page puts together as this finding; JSON has each of them in its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Finding>,
}

/// A setting that is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value; of a secret only that there is one.
    pub value: String,
    /// Where it was set.
    pub source: String,
}

impl Setting {
    fn clean(self) -> Self {
        Self {
            name: one_line(&self.name),
            value: one_line(&self.value),
            source: one_line(&self.source),
        }
    }
}

fn null_if_empty<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    Some(text)
        .filter(|text| !text.is_empty())
        .serialize(serializer)
}

fn empty_if_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// For people, each as soon as it is there.
    Page(Page),
    /// One JSON object at the end.
    Json,
    /// A JSON object a line, as soon as it is there: what Asterisk's user finds, for root to tell.
    Lines,
    /// Not at all.
    Silent,
}

/// A line of [`Style::Lines`].
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Finding(Finding),
    Trying { trying: String },
}

/// Findings on their way out.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    style: Style,
    findings: Vec<Finding>,
    /// Whether the last line of the terminal says what is being tried.
    is_trying: bool,
    failure: Option<io::Error>,
}

impl<'a> Report<'a> {
    pub(super) fn new(out: &'a mut dyn Write, style: Style) -> Self {
        Self {
            out,
            style,
            findings: Vec::new(),
            is_trying: false,
            failure: None,
        }
    }

    pub(super) fn ok(&mut self, id: &str, text: &str) {
        self.add(id, Status::Ok, text, "");
    }

    /// The settings that are set.
    pub(super) fn settings(&mut self, text: &str, settings: Vec<Setting>) {
        self.tell(Finding {
            settings,
            ..Finding::new(SETTINGS, Status::Ok, text, "")
        });
    }

    pub(super) fn warn(&mut self, id: &str, text: &str, remedy: &str) {
        self.add(id, Status::Warn, text, remedy);
    }

    /// Says what is looked at now, where people watch: it may take its time.
    pub(super) fn trying(&mut self, what: &str) {
        let written = match self.style {
            Style::Page(page) => shown::trying(self.out, page, &one_line(what)),
            Style::Lines => writeln!(self.out, "{}", json!({ TRYING: what })).map(|()| false),
            Style::Json | Style::Silent => Ok(false),
        };
        self.is_trying |= written.as_ref().is_ok_and(|is_shown| *is_shown);
        self.note(written.map(drop));
    }

    /// Takes a line of a run of [`Style::Lines`] as if it had been found here. Returns whether it was one.
    pub(super) fn take_line(&mut self, line: &str) -> bool {
        match serde_json::from_str(line) {
            Ok(Line::Finding(finding)) => self.tell(finding),
            Ok(Line::Trying { trying }) => self.trying(&trying),
            Err(_) => return false,
        }
        true
    }

    /// Warns of what could not be looked at.
    pub(super) fn not_tried(&mut self, id: &str, why: &str, remedy: &str) {
        self.warn(id, &format!("{NOT_TRIED}{why}"), remedy);
    }

    pub(super) fn fail(&mut self, id: &str, text: &str, remedy: &str) {
        self.add(id, Status::Fail, text, remedy);
    }

    /// Tells an error with its causes. A message of ours ends with the way out, which becomes the remedy.
    pub(super) fn fail_with(&mut self, id: &str, error: &(dyn Error + 'static)) {
        let text = Chain(error).to_string();
        match way_out(error) {
            Some(way) => self.fail(id, &text.replacen(&format!("; {way}"), "", 1), &way),
            None => self.fail(id, &text, "see what it says"),
        }
    }

    pub(super) fn add(&mut self, id: &str, status: Status, text: &str, remedy: &str) {
        self.tell(Finding::new(id, status, text, remedy));
    }

    /// Tells a finding, perhaps of a run as another user, which is not trusted to have cleaned it.
    pub(super) fn tell(&mut self, finding: Finding) {
        let finding = finding.clean();
        self.end_trying();
        let written = match self.style {
            Style::Page(page) => write!(self.out, "{}", Shown(&finding, page)),
            Style::Lines => writeln!(self.out, "{}", json!(finding)),
            Style::Json | Style::Silent => Ok(()),
        };
        self.note(written);
        self.findings.push(finding);
    }

    /// A reader that has seen enough is no error: what is found still decides the exit code.
    fn note(&mut self, written: io::Result<()>) {
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.style = Style::Silent,
            Err(error) => drop(self.failure.get_or_insert(error)),
            Ok(()) => {}
        }
    }

    fn end_trying(&mut self) {
        if std::mem::take(&mut self.is_trying) {
            let written = shown::end_trying(self.out);
            self.note(written);
        }
    }

    /// What was found so far.
    pub(super) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Ends the report and returns all findings.
    pub(super) fn close(mut self) -> io::Result<Vec<Finding>> {
        self.end_trying();
        let count = |status| {
            let all = self.findings.iter();
            all.filter(|finding| finding.status == status).count()
        };
        let [well, warnings, failures] = [Status::Ok, Status::Warn, Status::Fail].map(count);
        let written = match self.style {
            Style::Json => {
                let status = self.findings.iter().map(|finding| finding.status).max();
                let all = json!({
                    "version": VERSION_OF_JSON,
                    "status": status.unwrap_or(Status::Ok),
                    "checks": self.findings.iter().flat_map(Finding::each).collect::<Vec<_>>(),
                });
                writeln!(self.out, "{all:#}")
            }
            Style::Page(_) => {
                let of = |count: usize, what: &str| match count {
                    1 => format!("1 {what}"),
                    count => format!("{count} {what}s"),
                };
                let all = of(self.findings.len(), "check");
                let warnings = of(warnings, "warning");
                writeln!(
                    self.out,
                    "\n{all}: {well} ok, {warnings}, {failures} failed"
                )
            }
            Style::Lines | Style::Silent => Ok(()),
        };
        self.note(written);
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(self.findings),
        }
    }
}

/// Makes text of services and files, which may hold anything, of any length, safe to show: a terminal must not obey it,
/// and it must not pass for another finding.
pub(super) fn one_line(text: &str) -> String {
    plain_to(&redact::secrets(text), MAX_LINE)
}

const NOT_TRIED: &str = "not tried: ";
const TRYING: &str = "trying";
const SETTINGS: &str = "settings";
/// It grows when programs that read the JSON must change.
const VERSION_OF_JSON: u32 = 1;
/// Longer than anything that we say ourselves.
const MAX_LINE: usize = 2000;

/// The worst that was found.
pub(super) fn worst(findings: &[Finding]) -> Status {
    let statuses = findings.iter().map(|finding| finding.status);
    statuses.max().unwrap_or(Status::Ok)
}

/// What is found.
#[cfg(test)]
pub(super) fn findings<T>(examine: impl FnOnce(&mut Report<'_>) -> T) -> Vec<Finding> {
    let mut sink = io::sink();
    let mut report = Report::new(&mut sink, Style::Silent);
    examine(&mut report);
    report.close().expect("nothing is written")
}

/// Names the installer where this machine has it: a package brings its own.
fn fit(remedy: &str, is_packaged: bool) -> String {
    if is_packaged {
        remedy.replace("./install.sh", INSTALLER_OF_PACKAGE)
    } else {
        remedy.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_stays_on_its_line_and_is_cut() {
        let long = "é".repeat(MAX_LINE);
        redact::enrol("sk-finding-8d7f6a5c4b3e");
        let table = [
            ("all is well", "all is well"),
            (
                "so\nfail  key  none\r\x1b[2J\u{85}",
                "so fail  key  none  [2J ",
            ),
            (
                "heard \u{202E}eno\u{2028}fail\u{200B}",
                "heard \u{FFFD}eno fail\u{FFFD}",
            ),
            ("c2stZmluZGluZy04ZDdmNmE1YzRiM2U=", "[redacted]U="),
            (&long, &long),
            (&format!("{long}é"), &format!("{long}…")),
        ];
        for (text, expected) in table {
            let mut out = Vec::new();
            let mut report = Report::new(&mut out, Style::Page(Page::default()));
            report.warn("llm", text, text);
            assert_eq!(report.findings()[0].text, expected);
            let shown = String::from_utf8(out).expect("text");
            assert_eq!(shown.lines().count(), 2, "{shown}");
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Problem(&'static str, #[source] Option<Box<Problem>>);

    #[test]
    fn the_way_out_is_told_once_and_apart_from_the_causes() {
        let table = [
            ("no voice; check it", None, "no voice", "check it"),
            (
                "no way to it; start it: now",
                Some("refused"),
                "no way to it: refused",
                "start it: now",
            ),
            (
                "no voice",
                Some("off; switch it on"),
                "no voice: off",
                "switch it on",
            ),
            ("one; two; three", None, "one; two", "three"),
            ("no voice", Some("off"), "no voice: off", "see what it says"),
        ];
        for (message, cause, text, remedy) in table {
            let error = Problem(message, cause.map(|cause| Box::new(Problem(cause, None))));
            let mut sink = io::sink();
            let mut report = Report::new(&mut sink, Style::Silent);
            report.fail_with("tts", &error);
            let found = &report.findings()[0];
            assert_eq!((&*found.text, &*found.remedy), (text, remedy), "{error:?}");
        }
    }

    /// A reader that closes after this number of bytes.
    struct Closing(usize);

    impl Write for Closing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let len = bytes.len().min(self.0);
            self.0 -= len;
            if len == 0 {
                Err(io::ErrorKind::BrokenPipe.into())
            } else {
                Ok(len)
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_seen_enough_changes_nothing_of_what_is_found() {
        for style in [Style::Page(Page::default()), Style::Json, Style::Lines] {
            let mut out = Closing(10);
            let mut report = Report::new(&mut out, style);
            report.ok("one", "well");
            report.fail("two", "not well", "fix it");
            let findings = report.close().expect("no error of ours");
            assert_eq!(findings.len(), 2, "{style:?}");
        }
    }

    #[test]
    fn what_another_user_found_is_told_as_if_it_had_been_found_here() {
        let mut lines = Vec::new();
        let mut there = Report::new(&mut lines, Style::Lines);
        let setting = Setting {
            name: "a".to_owned(),
            value: "b\u{1b}".to_owned(),
            source: "c".to_owned(),
        };
        there.settings("1 is set", vec![setting]);
        there.trying("llm");
        there.tell(Finding {
            excerpt: vec!["  ^".to_owned()],
            ..Finding::new("llm", Status::Fail, "slow", "wait")
        });
        there.close().expect("a vector takes all");
        let mut sink = io::sink();
        let mut here = Report::new(&mut sink, Style::Silent);
        let text = String::from_utf8(lines).expect("text");
        assert!(text.contains(r#""remedy":null"#), "{text}");
        for line in text.lines() {
            assert!(here.take_line(line), "{line}");
        }
        let hostile = Finding::new("x\u{1b}", Status::Ok, "one\u{1b}[2J\ntwo\u{7}", "\r");
        here.tell(Finding {
            excerpt: vec!["\u{1b}[2J\nfail".to_owned()],
            ..hostile
        });
        let [settings, slow, hostile] = here.findings() else {
            panic!("{:?}", here.findings());
        };
        assert_eq!(
            (&*settings.remedy, &*settings.settings[0].value),
            ("", "b ")
        );
        assert_eq!((&*slow.remedy, &*slow.excerpt[0]), ("wait", "  ^"));
        let Finding {
            id, text, excerpt, ..
        } = hostile;
        assert_eq!([id, text, &excerpt[0]], ["x ", "one [2J two ", " [2J fail"]);
    }

    #[test]
    fn the_last_line_counts_all_findings() {
        let table = [
            (vec![Status::Ok], "1 check: 1 ok, 0 warnings, 0 failed"),
            (
                vec![Status::Ok, Status::Warn, Status::Fail],
                "3 checks: 1 ok, 1 warning, 1 failed",
            ),
            (
                vec![Status::Warn; 2],
                "2 checks: 0 ok, 2 warnings, 0 failed",
            ),
        ];
        for (statuses, expected) in table {
            let mut out = Vec::new();
            let mut report = Report::new(&mut out, Style::Page(Page::default()));
            for status in statuses {
                report.add("id", status, "text", "");
            }
            report.close().expect("a vector takes all");
            let shown = String::from_utf8(out).expect("text");
            assert_eq!(shown.lines().last(), Some(expected));
        }
    }

    #[test]
    fn a_remedy_names_the_installer_that_the_machine_has() {
        let remedy = "sudo ./install.sh --dialplan; see";
        let packaged = "sudo /usr/share/phone-assistant/install.sh --dialplan; see";
        assert_eq!(fit(remedy, false), remedy);
        assert_eq!(fit(remedy, true), packaged);
        // Root passes on what Asterisk's user has found.
        assert_eq!(fit(packaged, true), packaged);
    }
}
