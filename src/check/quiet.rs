//! `--quiet`: only what has changed since the last time, for a daily run that nobody reads while all is well.

use std::collections::BTreeMap;
use std::io::{self, Write};

use log::warn;

use super::finding::{Finding, Shown, Status};
use crate::error::Chain;
use crate::state::State;

/// The last run's statuses by what was looked at.
type Last = BTreeMap<String, Status>;

/// Tells what has become worse and what was mended, and remembers how it is now.
///
/// # Errors
/// When `out` takes no more.
pub(super) fn tell_changes(
    findings: &[Finding],
    state: &State,
    out: &mut dyn Write,
) -> io::Result<()> {
    let now = worst_by_id(findings);
    let last: Last = state.read(FILE);
    let before = |id: &str| last.get(id).copied().unwrap_or(Status::Ok);
    for finding in findings {
        if finding.status > before(&finding.id) {
            write!(out, "{}", Shown(finding, false))?;
        }
    }
    for (id, status) in &last {
        let is_now = now.get(id).copied().unwrap_or(Status::Ok);
        if is_now < *status {
            writeln!(out, "{is_now}  {id}: mended")?;
        }
    }
    if let Err(cause) = state.update(FILE, |last: &mut Last| *last = now) {
        warn!("{}", Chain(&cause));
    }
    Ok(())
}

/// Whatever is not all right.
fn worst_by_id(findings: &[Finding]) -> Last {
    let mut worst = Last::new();
    for finding in findings
        .iter()
        .filter(|finding| finding.status > Status::Ok)
    {
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
        Finding {
            id: id.to_owned(),
            status,
            text: "text".to_owned(),
            remedy: String::new(),
        }
    }

    #[test]
    fn only_what_has_changed_is_told() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let state = State::new(folder.path());
        let told = |findings: &[Finding]| {
            let mut out = Vec::new();
            tell_changes(findings, &state, &mut out).expect("a vector takes all");
            String::from_utf8(out).expect("text")
        };
        let well = [finding("dns", Status::Ok), finding("key", Status::Ok)];
        let ill = [finding("dns", Status::Ok), finding("key", Status::Warn)];
        let worse = [finding("dns", Status::Ok), finding("key", Status::Fail)];
        assert_eq!(told(&well), "");
        assert!(told(&ill).starts_with("warn  key"));
        assert_eq!(told(&ill), "");
        assert!(told(&worse).starts_with("fail  key"));
        assert_eq!(told(&ill), "warn  key: mended\n");
        assert_eq!(told(&well), "ok    key: mended\n");
        assert_eq!(told(&well), "");
    }
}
