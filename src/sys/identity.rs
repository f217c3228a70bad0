//! The user and group that Asterisk runs as, from what only root or that user can have said.
//!
//! Believed are, in this order: `asterisk.conf`; the unit of systemd or the init script; the owner of the control
//! socket that answers. Where they differ nothing is guessed. A process proves nothing: any user can name one
//! "asterisk". install.sh and the doctor share this, and it is a hidden command: `phone-assistant identity`.

pub(crate) mod conf;
pub(crate) mod names;
pub(crate) mod process;
mod service;
mod socket;

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use conf::Conf;
use names::{Names, Unread, number};

use crate::sys::rights::Rights;

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Question {
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
pub(crate) struct Identity {
    /// The user's name, or its number where it has none.
    pub user: String,
    /// The group's name, or its number where it has none.
    pub group: String,
    /// Their numbers, where they are known.
    pub(crate) ids: Option<(u32, u32)>,
}

impl Identity {
    /// What this user may do on this machine; nothing where their numbers are not known.
    pub(crate) fn rights(&self) -> Option<Rights> {
        let (uid, gid) = self.ids?;
        let groups = self.usual_groups();
        Some(Rights { uid, gid, groups })
    }

    /// The other groups that this user has on this machine, where no process tells.
    fn usual_groups(&self) -> Vec<u32> {
        let own = self.ids.map(|(_, own)| own);
        // Where the lists cannot be read it has no other.
        let all = own.and_then(|own| Some(Names::here().ok()?.groups_of(&self.user, own)));
        all.or(own.map(|own| vec![own])).unwrap_or_default()
    }
}

/// Why it is not clear.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
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
    /// A user who is in no list has no group there either.
    #[error("user {user} is not in /etc/passwd, so their group is not known; name it with --group")]
    NoGroup {
        /// The user's number.
        user: String,
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
pub(crate) fn find(question: &Question) -> Result<Identity, Error> {
    let names = Names::of(&question.root)
        .map_err(|Unread { path, source }| Error::Read { path, source })?;
    let claims = claims(question)?;
    let is_here = question.root == Path::new("/");
    let check = |what, source_name: &str, value: &str| -> Result<String, Error> {
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
            // A directory such as LDAP may know it, which only a person can tell.
            None if source_name == ASKED && number(&value).is_some() => Ok(value),
            None if is_here => Err(Error::Unknown {
                what,
                source_name,
                value,
            }),
            None => Ok(value),
        }
    };
    let user = match agreed(USER, &claims, |claim| claim.user.as_deref(), check)? {
        Some(user) => user,
        None if is_here && names.user(USUAL).is_none() => return Err(Error::NoAsterisk),
        None => USUAL.to_owned(),
    };
    let entry = names.user(&user);
    let group = match agreed(GROUP, &claims, |claim| claim.group.as_deref(), check)? {
        Some(group) => group,
        None => match entry.and_then(|user| names.own_group(user)) {
            Some(group) => group,
            None if is_here && entry.is_none() => return Err(Error::NoGroup { user }),
            None => user.clone(),
        },
    };
    let uid = entry.map(|user| user.id).or_else(|| number(&user));
    let listed = names.group(&group).map(|group| group.id);
    let gid = listed.or_else(|| number(&group));
    let ids = uid.zip(gid);
    if claims.is_empty() && is_here {
        contradicted(ids.map(|(user, _)| user))?;
    }
    Ok(Identity { user, group, ids })
}

/// The folders that `asterisk.conf` sets, of those that install.sh asks for.
///
/// # Errors
/// [`Error::Read`].
pub(crate) fn folders(root: &Path) -> Result<Vec<(&'static str, String)>, Error> {
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
        source: ASKED.to_owned(),
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
        for claim in &mut claims {
            claim.group = None;
        }
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
    check: impl Fn(&'static str, &str, &str) -> Result<String, Error>,
) -> Result<Option<String>, Error> {
    let said = claims
        .iter()
        .filter_map(|claim| Some((claim.source.as_str(), of(claim)?)));
    let (mut answers, mut unknown) = (Vec::new(), None);
    for (source, value) in said {
        let answer = match check(what, source, value) {
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

/// Fails where an Asterisk runs as another than the usual user and no other source says anything, so that the usual
/// user is not guessed. The process is not believed either: any user can start Asterisk's own program.
fn contradicted(usual: Option<u32>) -> Result<(), Error> {
    let running = process::all();
    let is_usual = |process: &process::Process| Some(process.user) == usual;
    match running.first().filter(|_| !running.iter().any(is_usual)) {
        None => Ok(()),
        Some(other) => {
            let process = format!("the process {} of Asterisk", other.id);
            let user = names::user_name(other.user);
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

/// The source that is a person.
const ASKED: &str = "the command line";
const USER: &str = "user";
const GROUP: &str = "group";
/// The user that Debian, Red Hat and FreePBX make.
const USUAL: &str = "asterisk";
const FOLDERS: [&str; 2] = ["astagidir", "astdatadir"];
/// Longer than any system allows.
const MAX_NAME: usize = 256;

#[cfg(test)]
mod tests;
