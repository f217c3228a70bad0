//! From root to Asterisk's user: what root may do tells nothing about what a call may.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use super::finding::Report;
use super::{Options, Style};
use crate::config::keys::ENVIRONMENT;
use crate::files;

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Does the same again as Asterisk's user, with its groups, in an environment that has nothing of root's, but the keys
/// of Asterisk's.
pub(super) fn run_as_asterisk(options: &Options, out: &mut dyn Write) -> io::Result<u8> {
    run_as(&asterisk(), options, out)
}

fn run_as(asterisk: &Identity, options: &Options, out: &mut dyn Write) -> io::Result<u8> {
    out.flush()?;
    let why = match try_to_become(asterisk) {
        Ok(()) => match command(asterisk, options)?.status() {
            Ok(status) if status.code().is_some_and(|code| code <= 2) => {
                return Ok(u8::try_from(status.code().unwrap_or(2)).unwrap_or(2));
            }
            result => result.map_or_else(|error| error.to_string(), |status| status.to_string()),
        },
        Err(why) => why,
    };
    let mut report = Report::new(out, options.style);
    let Identity { user, group, .. } = asterisk;
    let text = format!("cannot become Asterisk's user {user}, group {group}: {why}");
    let remedy = "check that both are there: getent passwd, getent group; run the program that install.sh has put there, /usr/local/bin/phone-assistant; setpriv comes with util-linux";
    report.fail("user", &text, remedy);
    report.close()?;
    Ok(2)
}

/// Does nothing as Asterisk's user: where that fails, setpriv ends with a code that could be the doctor's as well.
fn try_to_become(asterisk: &Identity) -> Result<(), String> {
    match setpriv(asterisk).arg("true").output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// What follows is done as Asterisk's user.
fn setpriv(asterisk: &Identity) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", &asterisk.user, "--regid", &asterisk.group])
        .arg(&asterisk.groups)
        .env_clear()
        .env("PATH", PATH)
        .current_dir("/");
    command
}

/// The same again, marked: where Asterisk is root, root must know that it has been started so.
fn command(asterisk: &Identity, options: &Options) -> io::Result<Command> {
    let mut command = setpriv(asterisk);
    command
        .arg(env::current_exe()?)
        .arg("check")
        .env(IS_ASTERISKS, "1")
        .envs(asterisk.environment.iter().cloned());
    for name in KEPT {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    if let Some(config) = &options.config {
        command.arg("--config").arg(std::path::absolute(config)?);
    }
    for (flag, is_set) in [
        ("--offline", options.offline),
        ("--quiet", options.quiet),
        ("--json", options.style == Style::Json),
    ] {
        if is_set {
            command.arg(flag);
        }
    }
    Ok(command)
}

/// Whom Asterisk runs as, in the words of setpriv.
struct Identity {
    user: String,
    group: String,
    groups: String,
    /// What of its environment decides about the settings.
    environment: Vec<(&'static str, String)>,
}

/// Is it Asterisk's user who asks? Yes where that is not known.
pub(super) fn is_asterisks() -> bool {
    let own = rustix::process::geteuid().as_raw().to_string();
    running().is_none_or(|running| running.user == own)
}

/// Asterisk's user, as people call it.
pub(super) fn user_name() -> String {
    named("/etc/passwd", asterisk().user)
}

/// Asterisk's group, as people call it.
pub(super) fn group_name() -> String {
    named("/etc/group", asterisk().group)
}

fn named(list: &str, user: String) -> String {
    let id = user.parse().ok();
    id.map_or(user, |id| files::name_of(list, id))
}

/// What of the running Asterisk's environment decides about the settings, as far as we are told.
pub(super) fn asterisks_environment() -> Vec<(&'static str, String)> {
    running().map_or_else(Vec::new, |running| running.environment)
}

/// As the process that runs, else as its settings say, else as usual.
fn asterisk() -> Identity {
    if let Some(running) = running() {
        return running;
    }
    let conf = fs::read_to_string("/etc/asterisk/asterisk.conf").unwrap_or_default();
    let user = setting(&conf, "runuser").unwrap_or("asterisk").to_owned();
    let group = setting(&conf, "rungroup").unwrap_or(&user).to_owned();
    Identity {
        user,
        group,
        groups: "--init-groups".to_owned(),
        environment: Vec::new(),
    }
}

/// Where Asterisk is told its group it gives up the user's others.
fn running() -> Option<Identity> {
    let processes = fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|entry| {
        let path = entry.path();
        let name = fs::read_to_string(path.join("comm")).ok()?;
        let own = root_of(Path::new("/proc/self"));
        // Where the system does not tell others than root, it is taken for ours.
        let same_root = root_of(&path).is_none_or(|root| Some(root) == own);
        if name.trim() != "asterisk" || !same_root {
            return None;
        }
        let status = fs::read_to_string(path.join("status")).ok()?;
        let groups = status
            .lines()
            .find_map(|line| line.strip_prefix("Groups:"))?;
        let groups: Vec<_> = groups.split_whitespace().collect();
        let owner = fs::metadata(&path).ok()?;
        // Root is told it, and its own user where it has no more rights than that one.
        let environment = fs::read(path.join("environ")).unwrap_or_default();
        Some(Identity {
            user: owner.uid().to_string(),
            group: owner.gid().to_string(),
            groups: if groups.is_empty() {
                "--clear-groups".to_owned()
            } else {
                format!("--groups={}", groups.join(","))
            },
            environment: of_settings(&environment),
        })
    })
}

/// The variables that the settings are read from, of those that a process was started with.
fn of_settings(environment: &[u8]) -> Vec<(&'static str, String)> {
    let environment = String::from_utf8_lossy(environment);
    let keys = ENVIRONMENT.iter().map(|(variable, _)| *variable);
    let names = keys.chain(["CREDENTIALS_DIRECTORY", "PHONE_ASSISTANT_CONFIG"]);
    let value = |name: &'static str| {
        let mut set = environment.split('\0');
        let value = set.find_map(|set| set.strip_prefix(name)?.strip_prefix('='))?;
        Some((name, value.to_owned()))
    };
    names.filter_map(value).collect()
}

/// A process of another root, a container's, is another machine's.
fn root_of(process: &Path) -> Option<std::path::PathBuf> {
    fs::read_link(process.join("root")).ok()
}

/// `name = value` or `name => value` anywhere in `asterisk.conf`; the last one counts.
pub(super) fn setting<'a>(conf: &'a str, name: &str) -> Option<&'a str> {
    let mut values = conf.lines().filter_map(|line| {
        let line = line.split(';').next()?.trim();
        let (key, value) = line.split_once('=')?;
        let value = value.trim_start_matches('>').trim();
        (key.trim() == name && !value.is_empty()).then_some(value)
    });
    values.next_back()
}

/// Set where the doctor already works as Asterisk's user.
pub(super) const IS_ASTERISKS: &str = "PHONE_ASSISTANT_CHECK_AS_ASTERISK";

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How a terminal is to be written to, and how much is to be logged.
const KEPT: [&str; 6] = [
    "TERM",
    "NO_COLOR",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "PHONE_ASSISTANT_LOG",
];

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn the_doctor_starts_itself_only_once_with_the_keys_of_asterisks_environment() {
        let root = Identity {
            user: "0".to_owned(),
            group: "0".to_owned(),
            groups: "--clear-groups".to_owned(),
            environment: of_settings(b"OPENAI_API_KEY_FILE=x\0OPENAI_API_KEY=sk-1\0HOME=/root\0"),
        };
        let options = Options {
            config: None,
            offline: true,
            quiet: false,
            style: Style::Plain,
        };
        let command = command(&root, &options).expect("this test has a path");
        let value = |name: &str| command.get_envs().find(|(set, _)| *set == name)?.1;
        assert!(value(IS_ASTERISKS).is_some());
        assert_eq!(value("OPENAI_API_KEY"), Some(OsStr::new("sk-1")));
        assert_eq!(value("HOME"), None);
    }

    #[test]
    fn a_user_who_is_not_there_is_a_failure_and_told() {
        let nobody = Identity {
            user: "no-such-user".to_owned(),
            group: "no-such-group".to_owned(),
            groups: "--init-groups".to_owned(),
            environment: Vec::new(),
        };
        let options = Options {
            config: None,
            offline: true,
            quiet: false,
            style: Style::Json,
        };
        let mut out = Vec::new();
        let code = run_as(&nobody, &options, &mut out).expect("a vector takes all");
        assert_eq!(code, 2);
        let report = String::from_utf8(out).expect("text");
        assert!(report.contains("Asterisk's user no-such-user"), "{report}");
    }

    #[test]
    fn settings_of_asterisk_are_read_as_it_reads_them() {
        let conf = "[directories](!)\nastagidir => /var/lib/asterisk/agi-bin ; usual\n[options]\n;runuser = no\nrunuser = pbx\n";
        assert_eq!(setting(conf, "runuser"), Some("pbx"));
        assert_eq!(
            setting(conf, "astagidir"),
            Some("/var/lib/asterisk/agi-bin")
        );
        assert_eq!(setting(conf, "rungroup"), None);
    }
}
