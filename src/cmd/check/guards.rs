//! Checks what limits and memory keep. Where it cannot be read, calls are turned away or remember nothing until an
//! administrator has looked at it.

use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::finding::Report;
use super::options::MaxCost;
use super::user::{given, user_name};
use crate::config::{Config, Environment, Limits};
use crate::memory::{self, CallerFile, Folder};
use crate::spending::limits;
use crate::sys::costs::MicroDollars;
use crate::sys::error::Chain;
use crate::sys::remedy::{self, shell_quoted};
use crate::sys::state::State;
use crate::sys::state::guard::Error;

/// Whether calls and costs can be counted in the folder of `state`, where they are limited.
pub(super) fn examine_ledger(limits: Limits, state: &State, report: &mut Report<'_>) {
    if limits == Limits::default() {
        return;
    }
    if state.server().is_some()
        && limits.per_day.is_some()
        && let Err(cause) = limits::has_note(state)
    {
        report.warn(
            LIMITS,
            &format!(
                "while the server of all machines does not answer, every call is turned away: {}",
                Chain(&cause)
            ),
            "the next call that reaches that server fixes it",
        );
    }
    let path = limits::ledger(state);
    // What machines spend that share a server is asked of that.
    let is_all = state.server().is_none();
    match Limits::look(state, SystemTime::now()) {
        Ok((None, spent)) => match limits.nearly_spent(spent).filter(|_| is_all) {
            Some(text) => report.warn(LIMITS, &text, NEARLY_SPENT),
            None => report.ok(LIMITS, "calls and costs are counted"),
        },
        Ok((Some(ahead), _)) => report.fail(
            LIMITS,
            &format!("{ahead}: all costs until then count as those of one day"),
            &format!(
                "date -u; if that is right: {} (today's spending begins at $0 then)",
                removed(&path)
            ),
        ),
        Err(cause) => report.fail(
            LIMITS,
            &format!("every call is turned away: {}", Chain(&cause)),
            &remedy(&cause, &path),
        ),
    }
}

/// Whether the most that one call sets aside leaves enough of what a day may cost.
pub(super) fn examine_reserve(
    config: &Config,
    max_cost: MaxCost,
    environment: Environment<'_>,
    report: &mut Report<'_>,
) {
    if config.limits.per_day.is_some()
        && let Some(max_cost) = max_cost(config, environment, SystemTime::now())
    {
        tell_reserve(config.limits, max_cost, report);
    }
}

fn tell_reserve(limits: Limits, max_cost: MicroDollars, report: &mut Report<'_>) {
    let Some((text, least)) = limits.turns_away_early(max_cost) else {
        return;
    };
    let cents = least.0.div_ceil(10_000);
    let remedy = format!(
        "set max_daily_cost in [limits] to {}.{:02} or more, or take a voice that is paid by the character (help limits)",
        cents / 100,
        cents % 100
    );
    if limits.per_day.is_some_and(|most| max_cost > most) {
        report.fail(LIMITS, &text, &remedy);
    } else {
        report.warn(LIMITS, &text, &remedy);
    }
}

fn remedy(cause: &Error, path: &Path) -> String {
    let shown = shell_quoted(path);
    match cause {
        Error::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            let own = remedy::own(path, &user_name());
            format!("ls -ld {shown}; {own}")
        }
        Error::Read { .. } | Error::Unclear { .. } | Error::Full { .. } => format!(
            "look at {shown}, then remove it: {} (today's spending begins at $0 then)",
            removed(path)
        ),
        Error::Change(_) => format!("ls -ld {shown}*; df -h {shown}"),
    }
}

fn removed(path: &Path) -> String {
    remedy::remove(path, &user_name())
}

/// Whether all callers that are remembered can be read.
pub(super) fn examine_remembered(folder: &Path, report: &mut Report<'_>) {
    let files = match Folder::new(folder).files() {
        Ok(files) => files,
        Err(cause) => {
            let remedy = remedy_for_callers(&cause, folder);
            return report.fail(MEMORY, &Chain(&cause).to_string(), &remedy);
        }
    };
    let unreadable = |file: CallerFile| Some((file.path, file.entry.record.err()?));
    let unreadable: Vec<_> = files.into_iter().filter_map(unreadable).collect();
    let Some((path, cause)) = unreadable.first() else {
        return;
    };
    let (count, shown) = (unreadable.len(), shell_quoted(path));
    report.warn(
        MEMORY,
        &format!(
            "{count} of the callers that are remembered cannot be read, and their calls have no memory; the first: {}",
            Chain(cause)
        ),
        &format!(
            "look at {shown}, then remove it: {} (that caller is forgotten then)",
            removed(path)
        ),
    );
}

/// How a folder of callers that cannot be used is repaired.
pub(super) fn remedy_for_callers(cause: &memory::Error, folder: &Path) -> String {
    let shown = shell_quoted(folder);
    match cause {
        memory::Error::Key { path, .. } => format!(
            "look for {} in a backup; without one remove it: {} (all callers are forgotten then)",
            shell_quoted(path),
            removed(Path::new(path))
        ),
        _ => format!(
            "df -h {shown}; and: {}; or set callers in [memory] to \"none\"",
            given(folder)
        ),
    }
}

pub(super) const LIMITS: &str = "limits";
pub(super) const NEARLY_SPENT: &str = "sudo phone-assistant calls --since 1d tells what it went for; max_daily_cost in [limits] may be raised";
const MEMORY: &str = "memory";

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;
    use crate::cmd::check::finding::{Finding, Status, findings};
    use crate::sys::date;

    fn found(examine: impl Fn(&mut Report<'_>)) -> Vec<Finding> {
        findings(examine)
    }

    /// What precedes the command, which only its owner is told.
    const REMOVED: &str = "limits.json, then remove it: ";

    #[test]
    fn a_ledger_that_turns_calls_away_fails_and_is_to_be_looked_at() {
        let today = date::day(SystemTime::now());
        let nearly = &*format!(r#"{{"version":1,"day":{today},"spent":800000,"calls":{{}}}}"#);
        let table = [
            ("none", None, Status::Ok, "counted", ""),
            (
                "today's",
                Some(r#"{"version":1,"day":20000,"spent":1,"calls":{}}"#),
                Status::Ok,
                "counted",
                "",
            ),
            (
                "nearly all of today's",
                Some(nearly),
                Status::Warn,
                "$0.8000 of $1.0000 are spent",
                "max_daily_cost",
            ),
            ("empty", Some(""), Status::Fail, "empty", REMOVED),
            (
                "a later one",
                Some(r#"{"version":2}"#),
                Status::Fail,
                "version 2",
                REMOVED,
            ),
            (
                "one of a day to come",
                Some(r#"{"version":1,"day":200000,"spent":1,"calls":{}}"#),
                Status::Fail,
                "counts for 2517-08-01",
                "date -u",
            ),
        ];
        for (name, content, status, text, remedy) in table {
            let folder = testkit::TempDir::new().expect("a temporary folder");
            if let Some(content) = content {
                fs::write(folder.path().join("limits.json"), content).expect("written");
            }
            let limits = Limits {
                per_day: Some(MicroDollars(1_000_000)),
                ..Limits::default()
            };
            let found = found(|report| examine_ledger(limits, &State::new(folder.path()), report));
            assert_eq!(found.len(), 1, "{name}");
            assert_eq!(found[0].status, status, "{name}: {found:?}");
            assert!(found[0].text.contains(text), "{name}: {found:?}");
            assert!(found[0].remedy.contains(remedy), "{name}: {found:?}");
        }
        let unlimited = found(|report| {
            examine_ledger(Limits::default(), &State::new(Path::new("/proc")), report);
        });
        assert!(unlimited.is_empty(), "nothing is counted");
    }

    #[test]
    fn what_one_call_sets_aside_is_told_where_it_turns_others_away_early() {
        let dollars = |cents: u64| MicroDollars(cents * 10_000);
        let table = [
            (None, 83, None, ""),
            (Some(500), 83, None, ""),
            (Some(415), 83, None, ""),
            (
                Some(414),
                83,
                Some(Status::Warn),
                "once more than $3.3100 are",
            ),
            (
                Some(100),
                83,
                Some(Status::Warn),
                "once more than $0.1700 are",
            ),
            (
                Some(83),
                83,
                Some(Status::Warn),
                "once more than $0.0000 are",
            ),
            (Some(82), 83, Some(Status::Fail), "none is let through"),
        ];
        for (per_day, cents, status, words) in table {
            let limits = Limits {
                per_day: per_day.map(dollars),
                ..Limits::default()
            };
            let found = found(|report| tell_reserve(limits, dollars(cents), report));
            let found = found.first();
            assert_eq!(found.map(|found| found.status), status, "{per_day:?}");
            let is_told = |found: &Finding| {
                found.text.contains(words) && found.remedy.contains("to 4.15 or more")
            };
            assert!(found.is_none_or(is_told), "{found:?}");
        }
    }

    #[test]
    fn a_linked_folder_of_state_is_named_and_nothing_below_it_is_removed() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        let [real, state] = ["real", "it's;id"].map(|name| folder.path().join(name));
        fs::create_dir(&real).expect("made");
        fs::write(real.join("limits.json"), "").expect("written");
        symlink(&real, &state).expect("linked");
        if rustix::process::geteuid().is_root() {
            chown(folder.path(), Some(65_534), None).expect("given away");
        }
        let limits = Limits {
            per_day: Some(MicroDollars(1)),
            ..Limits::default()
        };
        let path = state.join("limits.json");
        let causes = [
            Limits::look(&State::new(&state), SystemTime::now()).expect_err("it is empty"),
            Error::Read {
                path: path.clone(),
                source: io::ErrorKind::PermissionDenied.into(),
            },
        ];
        for cause in causes {
            let remedy = remedy(&cause, &path);
            let words = format!("{} is a link to", shell_quoted(&state));
            assert!(remedy.contains(&words), "{remedy}");
            let of_below = format!("rm {}", shell_quoted(&path));
            assert!(
                !remedy.contains(&of_below) && !remedy.contains("chown"),
                "{remedy}"
            );
        }
        let found = found(|report| examine_ledger(limits, &State::new(&state), report));
        assert!(found[0].remedy.contains("is a link to"), "{found:?}");
    }

    #[test]
    fn callers_that_cannot_be_read_are_told() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let found = || found(|report| examine_remembered(folder.path(), report));
        assert!(found().is_empty());
        let place = folder.path().join("0a".repeat(32) + ".json");
        fs::write(&place, "half").expect("written");
        let warned = found();
        assert_eq!(warned[0].status, Status::Warn, "{warned:?}");
        let path = place.display().to_string();
        assert!(warned[0].remedy.contains(&path), "{warned:?}");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("written");
        let failed = findings(|report| examine_remembered(&file, report));
        assert!(
            failed[0].remedy.contains("callers in [memory]"),
            "{failed:?}"
        );
    }
}
