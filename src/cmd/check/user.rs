//! From root to Asterisk's user: what root may do tells nothing about what a call may.
//!
//! Root tells what that user's run finds, and does nothing else. That run has no terminal: it is apart, see
//! [`crate::sys::apart`], and only its lines come back, as text. They can be believed: the run is this program, and Linux
//! lets no process of that user trace one that was root's, or open its pipes. To end or stop it is all that they can
//! do.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::path::{Component, Path};
use std::process::Command;
use std::time::Duration;

use super::finding::{Page, Report, Status, Style, one_line, worst};
use super::options::Options;
use crate::config::Environment;
use crate::config::keys::ENVIRONMENT;
use crate::sys::apart::{self, End, Stream};
use crate::sys::console::PATH;
use crate::sys::error::Chain;
use crate::sys::identity::process::{self, Process};
use crate::sys::identity::{self, Identity, Question};
use crate::sys::remedy::{self, INSTALLED, shell_quoted};
use crate::sys::rights::Rights;
use crate::sys::rooted;

/// How a folder is given to Asterisk's user alone.
pub(super) fn given(folder: &Path) -> String {
    remedy::own_alone(folder, &user_name())
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Does the same again as Asterisk's user, with its groups, in an environment that has nothing of root's, but the keys
/// of Asterisk's. Returns the exit code.
pub(super) fn run_as_asterisk(options: &Options, out: &mut dyn Write) -> io::Result<u8> {
    let question = Question {
        user: options.user.clone(),
        group: options.group.clone(),
        root: "/".into(),
    };
    let run = identity::find(&question)
        .map_err(Into::into)
        .and_then(|asterisk| run_of(&asterisk, options));
    match run {
        Ok(mut command) if options.quiet => relay_text(&mut command, PATIENCE, out),
        Ok(mut command) => {
            let mut report = Report::new(out, options.style);
            let named = named_by(options);
            examine_own_place(&named, &mut report);
            if options.config.is_none()
                && let Some(file) = env::var_os(SETTINGS)
            {
                tell_unused(Path::new(&file), &named, &mut report);
            }
            relay(&mut command, PATIENCE, report)
        }
        Err(error) => refuse(error.as_ref(), options.style, out),
    }
}

/// Tells why it is not clear as whom to look.
fn refuse(error: &(dyn Error + 'static), style: Style, out: &mut dyn Write) -> io::Result<u8> {
    let mut report = Report::new(out, style);
    report.fail_with("user", error);
    Ok(worst(&report.close()?).exit_code())
}

/// Checks that only root can change the program that root runs.
fn examine_own_place(named: &str, report: &mut Report<'_>) {
    let place = env::current_exe();
    let place = place.unwrap_or_else(|_| INSTALLED[0].into());
    if let Err(fault) = rooted::resolve(&place, None) {
        let text = format!("root runs this program, and {}", Chain(&fault));
        report.warn(
            "program of root",
            &text,
            &own_program(Path::new("/"), named),
        );
    }
}

/// The remedy where root runs a program of others: the one that is installed in the machine laid out in `root`.
fn own_program(root: &Path, named: &str) -> String {
    let is_there = |place: &&&str| root.join(place.trim_start_matches('/')).exists();
    let place = INSTALLED.iter().find(is_there).unwrap_or(&INSTALLED[1]);
    format!("let root run the one that is installed: sudo {place} check{named}")
}

/// Tells that root's own environment names settings: what calls read is named by Asterisk's.
fn tell_unused(file: &Path, named: &str, report: &mut Report<'_>) {
    let file = shell_quoted(file);
    let text = format!(
        "{SETTINGS} is set here, and {file} was not looked at: Asterisk's own environment counts"
    );
    let remedy = format!("sudo phone-assistant check{named} --config {file}");
    report.warn(ID_OF_SETTINGS, &text, &remedy);
}

/// Tells that the running Asterisk's environment names settings that are not looked at, because others than root can
/// change them, and that user can start a program with any.
pub(super) fn examine_named_settings(report: &mut Report<'_>) {
    let own = rustix::process::geteuid().as_raw();
    let environment = running(own).map(|running| running.environment());
    tell_refused(&environment.unwrap_or_default(), report);
}

fn tell_refused(environment: &[u8], report: &mut Report<'_>) {
    let environment = String::from_utf8_lossy(environment);
    let Some(file) = value_in(&environment, SETTINGS) else {
        return;
    };
    if let Err(fault) = rooted::resolve(Path::new(file), None) {
        let file = shell_quoted(file);
        let text = format!(
            "Asterisk was started with {SETTINGS}={file}, and that was not looked at: {}",
            Chain(&fault)
        );
        let named = named();
        let remedy = format!(
            "let root alone change it, or: sudo phone-assistant check{named} --config {file}"
        );
        report.warn(ID_OF_SETTINGS, &text, &remedy);
    }
}

/// The command that runs this check again as Asterisk's user. It is marked by [`IS_ASTERISKS`]: where that user is
/// root, it would otherwise start itself without end.
fn run_of(asterisk: &Identity, options: &Options) -> Result<Command, Box<dyn Error>> {
    let mut rights = asterisk.rights().ok_or_else(|| {
        format!(
            "user {} or group {} is unknown here; getent passwd and getent group list those that exist",
            asterisk.user, asterisk.group
        )
    })?;
    if rights.uid == 0 && options.user.is_none() {
        return Err(AS_ROOT.into());
    }
    let running = running(rights.uid);
    if let Some(running) = &running {
        rights.groups.clone_from(&running.groups);
    }
    let environment = running.map(|running| of_settings(&running.environment()));
    let names = format!("{}:{}", asterisk.user, asterisk.group);
    command(&rights, &names, &environment.unwrap_or_default(), options)
        .map_err(|error| format!("cannot start the check: {error}").into())
}

fn command(
    rights: &Rights,
    names: &str,
    environment: &[(&'static str, String)],
    options: &Options,
) -> io::Result<Command> {
    let mut command = apart::ourselves(rights);
    command
        .arg("check")
        .env("PATH", PATH)
        .env(IS_ASTERISKS, names)
        .env(NAMED, named_by(options))
        .envs(environment.iter().cloned())
        // That user may have no right to enter the folder that root stands in.
        .current_dir("/");
    for (name, value) in KEPT.map(|name| (name, env::var_os(name))) {
        command.envs(value.map(|value| (name, value)));
    }
    command.envs(env::var_os(TIME_ZONE).map(|zone| (ROOTS_TIME_ZONE, zone)));
    if let Some(config) = &options.config {
        command.arg("--config").arg(std::path::absolute(config)?);
    }
    for (flag, is_set) in [
        ("--offline", options.offline),
        ("--send-test", options.send_test),
        ("--quiet", options.quiet),
        ("--lines", !options.quiet),
    ] {
        if is_set {
            command.arg(flag);
        }
    }
    Ok(command)
}

/// Tells each finding of a run of [`Style::Lines`] as if it had been found here.
fn relay(command: &mut Command, limit: Duration, mut report: Report<'_>) -> io::Result<u8> {
    let end = apart::run(command, limit, &mut |stream, line| {
        if stream == Stream::Err || !report.take_line(&line) {
            pass_on(&line);
        }
    });
    if let Err(why) = code(end, limit) {
        report.fail(ID, &why, REMEDY);
    }
    Ok(worst(&report.close()?).exit_code())
}

/// Passes on the lines of a quiet run, which are for people already.
fn relay_text(command: &mut Command, limit: Duration, out: &mut dyn Write) -> io::Result<u8> {
    let mut written = Ok(());
    let end = apart::run(command, limit, &mut |stream, line| {
        if stream == Stream::Err {
            pass_on(&line);
        } else if written.is_ok() {
            written = writeln!(out, "{}", one_line(&line));
        }
    });
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
        _ => {}
    }
    match code(end, limit) {
        Ok(code) => Ok(code),
        Err(why) => {
            let mut report = Report::new(out, Style::Page(Page::default()));
            report.fail(ID, &why, REMEDY);
            Ok(worst(&report.close()?).exit_code())
        }
    }
}

/// What that user's run logs. A closed stderr is no reason to fail.
fn pass_on(line: &str) {
    writeln!(io::stderr(), "{}", one_line(line)).ok();
}

/// The exit code of a run that came to its end, or why it did not.
fn code(end: io::Result<End>, limit: Duration) -> Result<u8, String> {
    match end {
        Ok(End::Ended(status)) => match status.code().and_then(|code| u8::try_from(code).ok()) {
            Some(code) if code <= Status::Fail.exit_code() => Ok(code),
            _ => Err(format!("it ended early: {status}")),
        },
        Ok(End::Late) => Err(format!("it was ended after {} s", limit.as_secs())),
        Ok(End::TooMuch) => Err("it was ended, because it said more than anybody reads".to_owned()),
        Err(error) => Err(format!("it cannot be started: {error}")),
    }
}

/// Whether this process runs as Asterisk's user; yes where that is not known.
pub(super) fn is_asterisks() -> bool {
    let own = rustix::process::geteuid().as_raw();
    match identity() {
        Ok(asterisk) => asterisk.ids.is_none_or(|(user, _)| user == own),
        // Asterisk's user can read Asterisk's files.
        Err(identity::Error::Read { source, .. }) => {
            source.kind() != io::ErrorKind::PermissionDenied
        }
        Err(_) => true,
    }
}

/// Asterisk's user, as people call it.
pub(super) fn user_name() -> String {
    names().0
}

/// Asterisk's group, as people call it.
pub(super) fn group_name() -> String {
    names().1
}

/// Asterisk's user and group, as root has found them where it has started this.
fn names() -> (String, String) {
    let told = env::var(IS_ASTERISKS).unwrap_or_default();
    if let Some((user, group)) = told.split_once(':') {
        return (user.to_owned(), group.to_owned());
    }
    let usual = || ("asterisk".to_owned(), "asterisk".to_owned());
    identity().map_or_else(|_| usual(), |asterisk| (asterisk.user, asterisk.group))
}

/// Whom a person has named as Asterisk's user and group, as the options to type again; empty where nobody was named.
pub(super) fn named() -> String {
    env::var(NAMED).unwrap_or_default()
}

/// The same for root, who has the options.
fn named_by(options: &Options) -> String {
    let all = [("user", &options.user), ("group", &options.group)].into_iter();
    all.filter_map(|(option, name)| Some(format!(" --{option} {}", shell_quoted(name.as_ref()?))))
        .collect()
}

fn identity() -> Result<Identity, identity::Error> {
    identity::find(&Question {
        root: Path::new("/").to_owned(),
        user: None,
        group: None,
    })
}

/// The variables of the running Asterisk's environment that decide about the settings and the clock, as far as this user
/// may read them.
pub(super) fn asterisks_environment() -> Vec<(&'static str, String)> {
    let own = rustix::process::geteuid().as_raw();
    running(own).map_or_else(Vec::new, |running| of_settings(&running.environment()))
}

/// The time zone of the shell that has started the doctor, root's too, and not that of the running Asterisk.
pub(super) fn own_time_zone(environment: Environment<'_>) -> Option<String> {
    let is_handed_on = environment(IS_ASTERISKS).is_some();
    environment(if is_handed_on {
        ROOTS_TIME_ZONE
    } else {
        TIME_ZONE
    })
}

/// The Asterisk that runs as a user. Where Asterisk is told its group it gives up the user's others.
fn running(user: u32) -> Option<Process> {
    best(process::all(Some(user)), user)
}

/// The process of `user` that leads its session, as a service does, before any other that this user has started.
fn best(all: Vec<Process>, user: u32) -> Option<Process> {
    let theirs = all.into_iter().filter(|process| process.user == user);
    theirs.min_by_key(|process| !process.is_leader)
}

/// The variables that the settings and the clock are read from, of those that a process was started with. That user can
/// start a process with any: so another settings file counts only if root alone can change it, and credentials only
/// where systemd puts them. What Asterisk itself reads otherwise is told as a difference.
fn of_settings(environment: &[u8]) -> Vec<(&'static str, String)> {
    let environment = String::from_utf8_lossy(environment);
    let keys = ENVIRONMENT.iter().map(|(variable, _)| *variable);
    let names = keys.chain(["CREDENTIALS_DIRECTORY", SETTINGS, TIME_ZONE]);
    let value = |name: &'static str| {
        let value = value_in(&environment, name)?;
        may_set(name, Path::new(value)).then(|| (name, value.to_owned()))
    };
    names.filter_map(value).collect()
}

fn value_in<'a>(environment: &'a str, name: &str) -> Option<&'a str> {
    let mut set = environment.split('\0');
    set.find_map(|set| set.strip_prefix(name)?.strip_prefix('='))
}

fn may_set(name: &str, value: &Path) -> bool {
    let mut names = value.components();
    match name {
        SETTINGS => rooted::resolve(value, None).is_ok(),
        "CREDENTIALS_DIRECTORY" => {
            value.starts_with(CREDENTIALS) && !names.any(|name| name == Component::ParentDir)
        }
        _ => true,
    }
}

/// Set where the doctor already works as Asterisk's user, to the names of user and group.
pub(super) const IS_ASTERISKS: &str = "PHONE_ASSISTANT_CHECK_AS_ASTERISK";

/// Set beside that to the options by which a person has named them.
const NAMED: &str = "PHONE_ASSISTANT_CHECK_NAMED";

/// Names the time zone, for Asterisk and for the one who has started the doctor.
const TIME_ZONE: &str = "TZ";
/// The time zone of root, where the doctor already works as Asterisk's user.
const ROOTS_TIME_ZONE: &str = "PHONE_ASSISTANT_CHECK_TZ";

/// Where systemd puts the credentials of a service; the folder is root's.
const CREDENTIALS: &str = "/run/credentials";

const AS_ROOT: &str = "Asterisk seems to run as root, and nothing is looked at as root unless you say so; run sudo phone-assistant check --user root";

/// How it is to speak, and how much is to be logged.
const KEPT: [&str; 4] = ["LANG", "LC_ALL", "LC_CTYPE", "PHONE_ASSISTANT_LOG"];

/// The variable that names the settings file.
pub(super) const SETTINGS: &str = "PHONE_ASSISTANT_CONFIG";

const ID: &str = "check";
const ID_OF_SETTINGS: &str = "settings file";
const REMEDY: &str = "see whether it ends with --offline, without the network; and look for what hangs: a disk, a server of names";
/// Services have three minutes, and Asterisk ten seconds for each of a dozen questions.
const PATIENCE: Duration = Duration::from_secs(420);

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::process::CommandExt;

    use super::*;

    fn options() -> Options {
        Options {
            config: None,
            offline: true,
            send_test: false,
            quiet: false,
            style: Style::Json,
            user: None,
            group: None,
            max_cost: |_, _, _| None,
        }
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).process_group(0);
        command
    }

    #[test]
    fn root_is_told_of_the_program_that_is_installed_here() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let remedy = || own_program(folder.path(), " --user pbx");
        let [package, sources] = INSTALLED;
        assert!(remedy().ends_with(&format!("sudo {sources} check --user pbx")));
        for place in [sources, package] {
            let file = folder.path().join(&place[1..]);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            std::fs::write(file, "").expect("written");
            assert!(
                remedy().ends_with(&format!("sudo {place} check --user pbx")),
                "{}",
                remedy()
            );
        }
    }

    #[test]
    fn the_doctor_starts_itself_only_once_with_the_keys_of_asterisks_environment() {
        let root = Rights {
            uid: 0,
            gid: 0,
            groups: Vec::new(),
        };
        let environment =
            of_settings(b"OPENAI_API_KEY_FILE=x\0OPENAI_API_KEY=sk-1\0HOME=/root\0TZ=Asia/Tokyo\0");
        let named = Options {
            user: Some("a b".to_owned()),
            group: Some("voice".to_owned()),
            ..options()
        };
        let command =
            command(&root, "root:root", &environment, &named).expect("this test has a path");
        let value = |name: &str| command.get_envs().find(|(set, _)| *set == name)?.1;
        assert!(value(IS_ASTERISKS).is_some());
        let typed = " --user 'a b' --group voice";
        assert_eq!(value(NAMED), Some(OsStr::new(typed)));
        assert_eq!(named_by(&options()), "");
        assert_eq!(value("OPENAI_API_KEY"), Some(OsStr::new("sk-1")));
        assert_eq!(value("TZ"), Some(OsStr::new("Asia/Tokyo")));
        assert_eq!(value("HOME"), None);
    }

    #[test]
    fn the_time_zone_of_the_shell_is_told_from_asterisks() {
        let of = |all: &'static [(&str, &str)]| {
            own_time_zone(&|name| {
                let (_, value) = all.iter().find(|(set, _)| *set == name)?;
                Some((*value).to_owned())
            })
        };
        assert_eq!(of(&[("TZ", "Asia/Tokyo")]).as_deref(), Some("Asia/Tokyo"));
        assert_eq!(of(&[(IS_ASTERISKS, "a:a"), ("TZ", "Asia/Tokyo")]), None);
        let both = of(&[(IS_ASTERISKS, "a:a"), ("TZ", "x"), (ROOTS_TIME_ZONE, "y")]);
        assert_eq!(both.as_deref(), Some("y"));
    }

    #[test]
    fn a_process_does_not_choose_the_settings_file() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let evil = folder.path().join("evil.toml");
        std::fs::write(&evil, "").expect("written");
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&evil, Some(65_534), None).expect("given away");
        }
        let evil = evil.display().to_string();
        for (name, value, expected) in [
            ("PHONE_ASSISTANT_CONFIG", &*evil, false),
            ("PHONE_ASSISTANT_CONFIG", "/nonexistent/config.toml", false),
            ("PHONE_ASSISTANT_CONFIG", "/etc/passwd", true),
            (
                "CREDENTIALS_DIRECTORY",
                "/run/credentials/asterisk.service",
                true,
            ),
            ("CREDENTIALS_DIRECTORY", "/run/credentials/../../tmp", false),
            ("CREDENTIALS_DIRECTORY", "/tmp", false),
            ("OPENAI_API_KEY", "sk-1", true),
        ] {
            let set = of_settings(format!("{name}={value}\0").as_bytes());
            let expected = expected.then(|| (name, value.to_owned()));
            assert_eq!(set, Vec::from_iter(expected), "{name}={value}");
        }
    }

    #[test]
    fn settings_that_are_named_and_not_looked_at_are_told() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let theirs = folder.path().join("theirs.toml");
        std::fs::write(&theirs, "").expect("written");
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&theirs, Some(65_534), None).expect("given away");
        }
        let theirs = theirs.display().to_string();
        let told = |tell: &dyn Fn(&mut Report<'_>)| {
            let mut out = Vec::new();
            let mut report = Report::new(&mut out, Style::Silent);
            tell(&mut report);
            let findings = report.close().expect("a vector takes all");
            let lines = findings
                .iter()
                .map(|it| format!("{} -> {}\n", it.text, it.remedy));
            lines.collect::<String>()
        };
        let refused = told(&|report| {
            let environment = format!("A=b\0PHONE_ASSISTANT_CONFIG={theirs}\0");
            tell_refused(environment.as_bytes(), report);
        });
        let unused = told(&|report| tell_unused(Path::new(&theirs), "", report));
        for text in [refused, unused] {
            let way = format!("check --config {theirs}\n");
            assert!(
                text.contains("was not looked at") && text.ends_with(&way),
                "{text}"
            );
        }
        for fine in ["A=b\0", "PHONE_ASSISTANT_CONFIG=/etc/passwd\0"] {
            let nothing = told(&|report| tell_refused(fine.as_bytes(), report));
            assert_eq!(nothing, "", "{fine}");
        }
    }

    #[test]
    fn the_environment_is_that_of_the_service_and_of_no_other_program_of_its_user() {
        let process = |id, user, is_leader| Process {
            id,
            user,
            is_leader,
            groups: Vec::new(),
        };
        let all = || {
            vec![
                process(7, 0, true),
                process(8, 5, false),
                process(9, 5, true),
                process(10, 5, true),
                process(11, 6, false),
            ]
        };
        for (user, expected) in [(5, Some(9)), (6, Some(11)), (7, None)] {
            assert_eq!(best(all(), user).map(|process| process.id), expected);
        }
    }

    #[test]
    fn why_no_user_is_looked_at_stands_apart_from_the_remedy() {
        let unread = identity::Error::Read {
            path: "/etc/asterisk/asterisk.conf".into(),
            source: io::Error::other("it is a link"),
        };
        let root = Identity {
            user: "root".to_owned(),
            group: "root".to_owned(),
            ids: Some((0, 0)),
            is_said: true,
        };
        let as_root = run_of(&root, &options()).expect_err("nobody said so");
        let table = [
            (
                unread.into(),
                "it is a link",
                "run this as root, or name the user with --user",
            ),
            (
                as_root,
                "unless you say so",
                "run sudo phone-assistant check --user root",
            ),
        ];
        for (error, text, remedy) in table {
            let mut out = Vec::new();
            let code = refuse(error.as_ref(), Style::Json, &mut out).expect("a vector takes all");
            let told: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
            let finding = &told["checks"][0];
            assert!(finding["text"].to_string().contains(text), "{finding}");
            assert_eq!((code, &finding["remedy"]), (2, &remedy.into()), "{finding}");
        }
    }

    #[test]
    fn a_user_who_is_not_there_is_a_failure_and_told() {
        let options = Options {
            user: Some("no-such-user".to_owned()),
            ..options()
        };
        let mut out = Vec::new();
        let code = run_as_asterisk(&options, &mut out).expect("a vector takes all");
        assert_eq!(code, 2);
        let report = String::from_utf8(out).expect("text");
        assert!(
            report.contains("no-such-user") && report.contains("--user"),
            "{report}"
        );
    }

    #[test]
    fn what_another_user_finds_is_told_and_decides_the_exit_code() {
        let finding = |status| {
            format!(
                r#"echo '{{"id":"dns","status":"{status}","text":"it\u001b[2Jis","remedy":""}}'"#
            )
        };
        let table = [
            (finding("ok"), 0, "\"it [2Jis\""),
            (finding("warn") + "; exit 1", 1, "\"it [2Jis\""),
            (finding("ok") + "; kill -9 $$", 2, "it ended early"),
            (finding("ok") + "; exit 70", 2, "it ended early"),
            (finding("ok") + "; sleep 1000", 2, "it was ended after"),
        ];
        for (script, expected, words) in table {
            let mut out = Vec::new();
            let report = Report::new(&mut out, Style::Json);
            let limit = if script.contains("sleep") { 0 } else { 60 };
            let limit = Duration::from_secs(limit) + Duration::from_millis(300);
            let code = relay(&mut shell(&script), limit, report).expect("a vector takes all");
            let told = String::from_utf8(out).expect("text");
            assert_eq!(code, expected, "{script}: {told}");
            assert!(told.contains(words), "{script}: {told}");
        }
    }

    #[test]
    fn a_quiet_run_says_its_own_lines_and_nothing_that_a_terminal_obeys() {
        let mut out = Vec::new();
        let script = "printf 'fail  dns  none\\033[2J\\n'; exit 2";
        let limit = Duration::from_secs(60);
        let code = relay_text(&mut shell(script), limit, &mut out).expect("a vector takes all");
        let told = String::from_utf8(out).expect("text");
        assert_eq!((code, told.as_str()), (2, "fail  dns  none [2J\n"));
    }
}
