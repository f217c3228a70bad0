//! The user and group that Asterisk runs as, from what only root or that user can have said.
//!
//! Believed are, in this order: `asterisk.conf`; the unit of systemd or the init script; the owner of the control socket
//! that answers. Where they differ nothing is guessed. A process proves nothing: anybody can name one "asterisk".
//! install.sh and the doctor share this, and it is a hidden command: `phone-assistant identity`.

pub(crate) mod conf;
mod names;
pub(crate) mod process;
mod service;
mod socket;

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use conf::Conf;
use names::Names;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Question {
    /// The machine: `/`, or a folder in which one is laid out. Then only files below it count, and names need not be
    /// known.
    pub root: PathBuf,
    /// The user, where a person has named it.
    pub user: Option<String>,
    /// The group, where a person has named it.
    pub group: Option<String>,
}

/// Asterisk's user and group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's name, or its number where it has none.
    pub user: String,
    /// The group's name, or its number where it has none.
    pub group: String,
    /// Their numbers, where they are known.
    pub(crate) ids: Option<(u32, u32)>,
}

/// Why it is not clear.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is there and cannot be read.
    #[error("cannot read {}, which may say as whom Asterisk runs; run this as root, or name the user with --user", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No user or group can have that name.
    #[error(
        "{source_name} says {value:?}, which is no name of a {what}; correct it there, or name the right {what} with --{what}"
    )]
    Name {
        /// "user" or "group".
        what: &'static str,
        /// What says so.
        source_name: String,
        /// The name.
        value: String,
    },
    /// The machine has no such user or group.
    #[error(
        "there is no {what} {value:?}, which {source_name} says; correct it there, or name the right {what} with --{what}"
    )]
    Unknown {
        /// "user" or "group".
        what: &'static str,
        /// What says so.
        source_name: String,
        /// The name.
        value: String,
    },
    /// Nothing says so, and the usual user is not there.
    #[error(
        "there is no user {USUAL:?} for Asterisk to run as: install Asterisk first, set runuser in /etc/asterisk/asterisk.conf, or name the user with --user"
    )]
    NoAsterisk,
    /// Sources differ.
    #[error(
        "it is not clear which {what} Asterisk runs as: {said}; name the right one with --{what}, or make them agree"
    )]
    Several {
        /// "user" or "group".
        what: &'static str,
        /// Each source and its answer.
        said: String,
    },
}

/// What one source says.
#[derive(Clone, Debug, Default)]
struct Claim {
    source: String,
    user: Option<String>,
    group: Option<String>,
}

/// The user and group that Asterisk runs as.
///
/// # Errors
/// [`Error`]; nothing is guessed.
pub fn find(question: &Question) -> Result<Identity, Error> {
    let names = Names::of(&question.root);
    let claims = claims(question)?;
    let is_here = question.root == Path::new("/");
    let named = |what, source_name: &str, value: &str| -> Result<String, Error> {
        let (source_name, value) = (source_name.to_owned(), shortened(value));
        if !is_name(&value) {
            return Err(Error::Name {
                what,
                source_name,
                value,
            });
        }
        let known = match what {
            USER => names.user(&value),
            _ => names.group(&value),
        };
        match known {
            Some(entry) => Ok(entry.name.clone()),
            None if is_here => Err(Error::Unknown {
                what,
                source_name,
                value,
            }),
            None => Ok(value),
        }
    };
    let user = match agreed(USER, &claims, |claim| claim.user.as_deref(), named)? {
        Some(user) => user,
        None if is_here && names.user(USUAL).is_none() => return Err(Error::NoAsterisk),
        None => USUAL.to_owned(),
    };
    let entry = names.user(&user);
    let group = match agreed(GROUP, &claims, |claim| claim.group.as_deref(), named)? {
        Some(group) => group,
        None => entry
            .and_then(|user| names.own_group(user))
            .unwrap_or_else(|| user.clone()),
    };
    let id = |group: &str| {
        names
            .group(group)
            .map(|group| group.id)
            .or_else(|| group.parse().ok())
    };
    let ids = entry.and_then(|user| Some((user.id, id(&group)?)));
    if claims.is_empty() && is_here {
        contradicted(ids.map(|(user, _)| user))?;
    }
    Ok(Identity { user, group, ids })
}

/// The folders that `asterisk.conf` sets, of those that install.sh asks for.
///
/// # Errors
/// [`Error::Read`].
pub fn folders(root: &Path) -> Result<Vec<(&'static str, String)>, Error> {
    let conf = conf(root)?;
    let set = |name| Some((name, conf.get("directories", name)?.to_owned()));
    Ok(FOLDERS.into_iter().filter_map(set).collect())
}

fn conf(root: &Path) -> Result<Conf, Error> {
    Conf::read(root).map_err(|source| Error::Read {
        path: root.join("etc/asterisk/asterisk.conf"),
        source,
    })
}

/// What every source says. Where a person has named the user, nothing else is asked.
fn claims(question: &Question) -> Result<Vec<Claim>, Error> {
    let root = &question.root;
    let asked = Claim {
        source: "the command line".to_owned(),
        user: question.user.clone(),
        group: question.group.clone(),
    };
    if asked.user.is_some() {
        return Ok(vec![asked]);
    }
    let conf = conf(root)?;
    let set = |name| conf.get("options", name).map(str::to_owned);
    let mut claims = vec![Claim {
        source: "runuser or rungroup in /etc/asterisk/asterisk.conf".to_owned(),
        user: set("runuser"),
        group: set("rungroup"),
    }];
    claims.extend(service::claims(root).map_err(|(path, source)| Error::Read { path, source })?);
    claims.extend(socket::claim(root, &conf));
    if asked.group.is_some() {
        claims.iter_mut().for_each(|claim| claim.group = None);
        claims.push(asked);
    }
    claims.retain(|claim| claim.user.is_some() || claim.group.is_some());
    Ok(claims)
}

/// The one answer of all claims that have one.
fn agreed(
    what: &'static str,
    claims: &[Claim],
    of: impl Fn(&Claim) -> Option<&str>,
    named: impl Fn(&'static str, &str, &str) -> Result<String, Error>,
) -> Result<Option<String>, Error> {
    let said = claims
        .iter()
        .filter_map(|claim| Some((claim.source.as_str(), of(claim)?)));
    let (mut answers, mut unknown) = (Vec::new(), None);
    for (source, value) in said {
        let answer = match named(what, source, value) {
            Err(error @ Error::Unknown { .. }) => {
                unknown.get_or_insert(error);
                value.to_owned()
            }
            answer => answer?,
        };
        answers.push((source, answer));
    }
    if answers.iter().any(|(_, answer)| *answer != answers[0].1) {
        return Err(several(what, &answers));
    }
    match unknown {
        Some(error) => Err(error),
        None => Ok(answers.pop().map(|(_, answer)| answer)),
    }
}

fn several(what: &'static str, answers: &[(&str, String)]) -> Error {
    let mut said = String::new();
    for (source, answer) in answers {
        let separator = if said.is_empty() { "" } else { ", " };
        // Writing to a string does not fail.
        write!(said, "{separator}{source} says {answer}").ok();
    }
    Error::Several { what, said }
}

/// Where nothing else says anything, an Asterisk that runs as another than the usual user stops the guess. It is not
/// believed either: any user can start Asterisk's own program.
fn contradicted(usual: Option<u32>) -> Result<(), Error> {
    let running = process::all();
    let is_usual = |process: &process::Process| Some(process.user) == usual;
    match running.first().filter(|_| !running.iter().any(is_usual)) {
        None => Ok(()),
        Some(other) => {
            let process = format!("the process {} of Asterisk", other.id);
            let user = crate::files::name_of("/etc/passwd", other.user);
            let usual = ("the usual where nothing is set", USUAL.to_owned());
            Err(several(USER, &[usual, (&process, user)]))
        }
    }
}

/// What can be a name for the commands that are given it, and stays on its line.
fn is_name(value: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "_.-@+$".contains(c);
    value.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && value.chars().all(is_inner)
}

fn shortened(value: &str) -> String {
    value.chars().take(MAX_NAME).collect()
}

const USER: &str = "user";
const GROUP: &str = "group";
/// The user that Debian, Red Hat and FreePBX make.
const USUAL: &str = "asterisk";
const FOLDERS: [&str; 2] = ["astagidir", "astdatadir"];
/// Longer than any system allows.
const MAX_NAME: usize = 256;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn root(files: &[(&str, &str)]) -> testkit::TempDir {
        let root = testkit::TempDir::new().expect("a temporary folder");
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        root
    }

    fn question(root: &Path) -> Question {
        Question {
            root: root.to_owned(),
            user: None,
            group: None,
        }
    }

    /// User and group, or what stands in their way.
    fn found(files: &[(&str, &str)]) -> Result<(String, String), String> {
        let root = root(files);
        let found = find(&question(root.path()));
        let found = found.map_err(|error| error.to_string())?;
        Ok((found.user, found.group))
    }

    const CONF: &str = "etc/asterisk/asterisk.conf";
    const UNIT: &str = "lib/systemd/system/asterisk.service";
    const USERS: (&str, &str) = (
        "etc/passwd",
        "pbx:x:7123:7124::/:/bin/false\nother:x:7125:7125::/:/bin/false\n",
    );
    const GROUPS: (&str, &str) = ("etc/group", "voice:x:7124:\nother:x:7125:\n");

    #[test]
    fn the_sources_that_agree_are_believed() {
        let runuser = (CONF, "[options]\nrunuser = pbx\n");
        let both = (CONF, "[options]\nrunuser = pbx\nrungroup = other\n");
        let unit = (
            UNIT,
            "[Service]\nUser=7123\nExecStart=/usr/sbin/asterisk -U pbx\n",
        );
        let table: &[(&[(&str, &str)], (&str, &str))] = &[
            (&[runuser], ("pbx", "voice")),
            (&[both], ("pbx", "other")),
            (&[unit], ("pbx", "voice")),
            (&[both, unit], ("pbx", "other")),
        ];
        for (files, (user, group)) in table {
            let files = [*files, &[USERS, GROUPS]].concat();
            let expected = ((*user).to_owned(), (*group).to_owned());
            assert_eq!(found(&files), Ok(expected), "{files:?}");
        }
        let unknown = found(&[(CONF, "[options]\nrunuser = no-such-user-here\n")]);
        let same = "no-such-user-here".to_owned();
        assert_eq!(
            unknown,
            Ok((same.clone(), same)),
            "a machine that is being laid out"
        );
    }

    #[test]
    fn sources_that_differ_are_refused_by_name() {
        let files = [
            (CONF, "[options]\nrunuser = pbx\n"),
            (UNIT, "[Service]\nUser=other\n"),
            USERS,
        ];
        let why = found(&files).expect_err("they differ");
        for words in [
            "asterisk.conf says pbx",
            "asterisk.service and its drop-ins says other",
            "--user",
        ] {
            assert!(why.contains(words), "{why}");
        }
        let groups = [
            (CONF, "[options]\nrunuser = pbx\nrungroup = voice\n"),
            (UNIT, "[Service]\nUser=pbx\nGroup=other\n"),
            USERS,
        ];
        let why = found(&groups).expect_err("they differ");
        assert!(
            why.contains("which group") && why.contains("--group"),
            "{why}"
        );
        let root = root(&files);
        let named = Question {
            user: Some("other".to_owned()),
            ..question(root.path())
        };
        assert_eq!(find(&named).expect("it was named").user, "other");
    }

    #[test]
    fn what_is_no_name_is_refused_before_anything_else() {
        for value in ["-u", "a:b", "a/b", "$(id)", "a b", ".x"] {
            let conf = format!("[options]\nrunuser = {value}\n");
            let why = found(&[(CONF, &conf)]).expect_err(value);
            assert!(
                why.contains("no name of a user") && why.contains("--user"),
                "{why}"
            );
            assert!(why.contains(&format!("{value:?}")), "{why}");
            let conf = format!("[options]\nrungroup = {value}\n");
            let why = found(&[(CONF, &conf)]).expect_err(value);
            assert!(why.contains("no name of a group"), "{why}");
        }
    }

    #[test]
    fn a_user_who_is_unknown_on_this_machine_is_refused_with_the_way_out() {
        let here = |user: &str, group: Option<&str>| {
            let question = Question {
                user: Some(user.to_owned()),
                group: group.map(str::to_owned),
                ..question(Path::new("/"))
            };
            find(&question)
        };
        let why = here("no-such-user-here", None)
            .expect_err("unknown")
            .to_string();
        assert!(
            why.contains("no-such-user-here") && why.contains("--user"),
            "{why}"
        );
        let why = here("root", Some("no-such-group"))
            .expect_err("unknown")
            .to_string();
        assert!(
            why.contains("no-such-group") && why.contains("--group"),
            "{why}"
        );
        let root = here("0", None).expect("every machine has it");
        assert_eq!((root.user.as_str(), root.ids), ("root", Some((0, 0))));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_taken_for_none() {
        let root = root(&[]);
        fs::create_dir_all(root.path().join(CONF)).expect("made");
        let error = find(&question(root.path())).expect_err("a folder");
        assert!(matches!(error, Error::Read { .. }), "{error}");
    }
}
