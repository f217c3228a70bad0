//! `--quiet`: only what has changed since the last time, for a daily run whose output is read only when something is
//! wrong.

use std::collections::BTreeMap;
use std::io::{self, Write};

use log::warn;

use super::finding::{Finding, Page, Shown, Status};
use crate::sys::error::Chain;
use crate::sys::plain::plain;
use crate::sys::state::State;

/// The last run's statuses by what was looked at.
type Last = BTreeMap<String, Status>;

/// Tells what has become worse and what was fixed, and remembers how it is now. What was not tried, or is missing from
/// the findings of a partial run, stays as it was; what is missing from those of a whole run is forgotten.
///
/// # Errors
/// When `out` takes no more.
pub(super) fn tell_changes(
    findings: &[Finding],
    is_whole: bool,
    state: &State,
    out: &mut dyn Write,
) -> io::Result<()> {
    let is_whole = is_whole && findings.iter().all(Finding::is_tried);
    let last: Last = state.read(FILE);
    let before = |id: &str| last.get(id).copied().unwrap_or(Status::Ok);
    for finding in findings {
        if finding.status > before(&finding.id) {
            write!(out, "{}", Shown(finding, Page::default()))?;
        }
    }
    let mut now = worst_by_id(findings);
    for (id, status) in &last {
        let mut all = findings
            .iter()
            .filter(|finding| finding.id == *id)
            .peekable();
        let is_there = all.peek().is_some();
        if is_there && all.all(Finding::is_tried) {
            if now.get(id) == Some(&Status::Ok) {
                writeln!(out, "{}  {}: fixed", Status::Ok, plain(id))?;
            }
        } else if is_there || !is_whole {
            let kept = now.entry(id.clone()).or_insert(*status);
            *kept = (*kept).max(*status);
        }
    }
    // `before` takes what is missing for fine.
    now.retain(|_, status| *status > Status::Ok);
    if let Err(cause) = state.update(FILE, |last: &mut Last| *last = now) {
        warn!("{}", Chain(&cause));
    }
    Ok(())
}

fn worst_by_id(findings: &[Finding]) -> Last {
    let mut worst = Last::new();
    for finding in findings {
        let status = worst.entry(finding.id.clone()).or_insert(finding.status);
        *status = finding.status.max(*status);
    }
    worst
}

const FILE: &str = "check.json";

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(id: &str, status: Status) -> Finding {
        Finding::new(id, status, "text", "")
    }

    fn told(findings: &[Finding], is_whole: bool, folder: &testkit::TempDir) -> String {
        let mut out = Vec::new();
        let state = State::new(folder.path());
        tell_changes(findings, is_whole, &state, &mut out).expect("a vector takes all");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn what_was_not_looked_at_is_not_fixed() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let told = |findings: &[Finding], is_whole| told(findings, is_whole, &folder);
        let ill = [finding("key", Status::Fail)];
        let untried = Finding {
            text: "not tried: no voice".to_owned(),
            ..finding("key", Status::Warn)
        };
        assert!(told(&ill, true).starts_with("fail  key"));
        assert_eq!(told(&[], false), "");
        assert_eq!(told(&[untried], true), "");
        assert_eq!(told(&ill, true), "");
        assert_eq!(
            told(&[finding("key", Status::Ok)], true),
            "ok    key: fixed\n"
        );
        // What there is no more is forgotten, and told when it is back.
        assert!(told(&ill, true).starts_with("fail  key"));
        assert_eq!(told(&[], true), "");
        assert!(told(&ill, true).starts_with("fail  key"));
    }

    #[test]
    fn only_what_has_changed_is_told() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let told = |findings: &[Finding]| told(findings, true, &folder);
        let well = [finding("dns", Status::Ok), finding("key", Status::Ok)];
        let ill = [finding("dns", Status::Ok), finding("key", Status::Warn)];
        let worse = [finding("dns", Status::Ok), finding("key", Status::Fail)];
        assert_eq!(told(&well), "");
        assert!(told(&ill).starts_with("warn  key"));
        assert_eq!(told(&ill), "");
        assert!(told(&worse).starts_with("fail  key"));
        assert_eq!(told(&ill), "", "better, and not yet fixed");
        assert_eq!(told(&well), "ok    key: fixed\n");
        assert_eq!(told(&well), "");
    }
}
