//! The user and group that Asterisk runs as, from what only root or that user can have said.
//!
//! Believed are, in this order: `asterisk.conf`; the unit of systemd or the init script; the owner of the control
//! socket that answers. Where they differ nothing is guessed, and what others than root can change names their own user
//! alone. A process proves nothing: any user can name one "asterisk".

mod author;
pub(crate) mod conf;
pub(crate) mod names;
pub(crate) mod process;
mod service;
mod socket;

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use author::Author;
use conf::Conf;
use names::{Names, Unread, number};

use crate::sys::plain::quoted;
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
    /// Whether a source names the user; otherwise it is the usual one.
    pub(crate) is_said: bool,
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
    /// A file is there and cannot be read, or others than root can change it.
    #[error("cannot rely on {}, which may say as whom Asterisk runs; run this as root, or name the user with --user", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No user or group can have that name.
    #[error(
        "{source_name} says {}, which is no name of a {what}; correct it there, or name the right {what} with --{what}",
        quoted(.value)
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
        "there is no {what} {}, which {source_name} says; correct it there, or name the right {what} with --{what}",
        quoted(.value)
    )]
    Unknown {
        /// "user" or "group".
        what: &'static str,
        /// What says so.
        source_name: String,
        /// The name.
        value: String,
    },
    /// It is said by a user who may not say it.
    #[error(
        "{source_name} says {value}, and {author} can change that: what others than root can change may name no {what} \
         but their own; correct it there, or name the right {what} with --{what}"
    )]
    Overreach {
        /// "user" or "group".
        what: &'static str,
        /// What says so.
        source_name: String,
        /// The name.
        value: String,
        /// The user who can change it.
        author: String,
    },
    /// A user who is in no list has no group there either.
    #[error("user {user} is not in /etc/passwd, so their group is not known; name it with --group")]
    NoGroup {
        /// The user's number.
        user: String,
    },
    /// Nothing says so, and the usual user is not there.
    #[error(
        "there is no user {USUAL} for Asterisk to run as; install Asterisk first, set runuser in /etc/asterisk/asterisk.conf, or name the user with --user"
    )]
    NoAsterisk,
    /// Sources differ.
    #[error(
        "it is not clear which {what} Asterisk runs as: {said}; name the right one with --{what}, or make them agree"
    )]
    Several {
        /// "user" or "group".
        what: &'static str,
        /// What each source says, for the message.
        said: String,
    },
}

/// What one source says.
#[derive(Clone, Debug, Default)]
struct Claim {
    author: Author,
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
    let sources = Sources {
        names,
        claims: claims(question)?,
        is_here: question.root == Path::new("/"),
    };
    let user = sources.user()?;
    let group = sources.group(&user)?;
    let entry = sources.names.user(&user);
    let uid = entry.map(|user| user.id).or_else(|| number(&user));
    let listed = sources.names.group(&group).map(|group| group.id);
    let gid = listed.or_else(|| number(&group));
    sources.vouch_for_user(&user, uid)?;
    sources.vouch_for_group(&group, gid)?;
    let ids = uid.zip(gid);
    if sources.claims.is_empty() && sources.is_here {
        contradicted(ids.map(|(user, _)| user))?;
    }
    let names = question.user.is_none().then_some(&sources.claims);
    let is_said = names
        .into_iter()
        .flatten()
        .any(|claim| claim.user.is_some());
    Ok(Identity {
        user,
        group,
        ids,
        is_said,
    })
}

/// What the sources say, and the names that the machine has.
struct Sources {
    names: Names,
    claims: Vec<Claim>,
    /// Whether it is this machine, whose users are known.
    is_here: bool,
}

impl Sources {
    fn user(&self) -> Result<String, Error> {
        match self.agreed(USER, |claim| claim.user.as_deref())? {
            Some(user) => Ok(user),
            None if self.is_here && self.names.user(USUAL).is_none() => Err(Error::NoAsterisk),
            None => Ok(USUAL.to_owned()),
        }
    }

    /// The group that is named, else the user's own.
    fn group(&self, user: &str) -> Result<String, Error> {
        if let Some(group) = self.agreed(GROUP, |claim| claim.group.as_deref())? {
            return Ok(group);
        }
        let entry = self.names.user(user);
        match entry.and_then(|user| self.names.own_group(user)) {
            Some(group) => Ok(group),
            None if self.is_here && entry.is_none() => Err(Error::NoGroup {
                user: user.to_owned(),
            }),
            None => Ok(user.to_owned()),
        }
    }

    /// The one answer of all claims that have one.
    fn agreed(
        &self,
        what: &'static str,
        of: impl Fn(&Claim) -> Option<&str>,
    ) -> Result<Option<String>, Error> {
        let claims = self.claims.iter();
        let said = claims.filter_map(|claim| Some((claim.source.as_str(), of(claim)?)));
        let (mut answers, mut unknown) = (Vec::new(), None);
        for (source, value) in said {
            let answer = match self.known(what, source, value) {
                // Kept until every source has been heard: where they differ, an administrator needs to know that first.
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

    /// The name of a user or group that a source calls by `value`, a name or a number.
    fn known(&self, what: &'static str, source: &str, value: &str) -> Result<String, Error> {
        let (source_name, value) = (source.to_owned(), shortened(value));
        if !is_name(&value) {
            return Err(Error::Name {
                what,
                source_name,
                value,
            });
        }
        let known = match what {
            USER => self.names.user(&value),
            _ => self.names.group(&value),
        };
        match known {
            Some(entry) => Ok(entry.name.clone()),
            // A directory such as LDAP may know it, which only a person can tell.
            None if source == ASKED && number(&value).is_some() => Ok(value),
            None if self.is_here => Err(Error::Unknown {
                what,
                source_name,
                value,
            }),
            None => Ok(value),
        }
    }

    fn vouch_for_user(&self, user: &str, uid: Option<u32>) -> Result<(), Error> {
        let is_named = |claim: &&Claim| claim.user.is_some();
        let named = self.claims.iter().filter(is_named);
        vouched(USER, user, named, |author| author.may_name_user(uid))
    }

    fn vouch_for_group(&self, group: &str, gid: Option<u32>) -> Result<(), Error> {
        let is_named = |claim: &&Claim| claim.group.is_some();
        let named = self.claims.iter().filter(is_named);
        vouched(GROUP, group, named, |author| {
            author.may_name_group(gid, &self.names)
        })
    }
}

/// Makes sure that one of the claims that name a user or group, which agree, is by an author who may do so.
fn vouched<'a>(
    what: &'static str,
    value: &str,
    mut named: impl Iterator<Item = &'a Claim> + Clone,
    may_name: impl Fn(Author) -> bool,
) -> Result<(), Error> {
    let is_vouched = named.clone().any(|claim| may_name(claim.author));
    match named.next() {
        Some(claim) if !is_vouched => Err(Error::Overreach {
            what,
            source_name: claim.source.clone(),
            value: value.to_owned(),
            author: claim.author.to_string(),
        }),
        _ => Ok(()),
    }
}

/// The folders that `asterisk.conf` sets, of those that install.sh asks for, and "root" as its author where only root
/// can change that file.
///
/// # Errors
/// [`Error::Read`].
pub(crate) fn folders(root: &Path) -> Result<Vec<(&'static str, String)>, Error> {
    let conf = conf(root)?;
    let set = |name| Some((name, conf.get("directories", name)?.to_owned()));
    let mut lines: Vec<_> = FOLDERS.into_iter().filter_map(set).collect();
    if Author::of(&root.join(conf::FILE), conf.owner, None) == Author::Root {
        lines.push(("author", "root".to_owned()));
    }
    Ok(lines)
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
        author: Author::Root,
        source: ASKED.to_owned(),
        user: question.user.clone(),
        group: question.group.clone(),
    };
    if asked.user.is_some() {
        return Ok(vec![asked]);
    }
    let conf = conf(root)?;
    // The administrator who lays out a machine vouches for its files.
    let is_laid_out = root != Path::new("/");
    let trusted = is_laid_out.then(|| rustix::process::geteuid().as_raw());
    let author = Author::of(&root.join(conf::FILE), conf.owner, trusted);
    let set = |name| conf.get("options", name).map(str::to_owned);
    let mut claims = vec![Claim {
        author,
        source: "runuser or rungroup in /etc/asterisk/asterisk.conf".to_owned(),
        user: set("runuser"),
        group: set("rungroup"),
    }];
    claims.extend(service::claims(root).map_err(|(path, source)| Error::Read { path, source })?);
    claims.extend(socket::claim(root, &conf, author));
    if asked.group.is_some() {
        // The group that a person names replaces those of the files instead of contradicting them.
        for claim in &mut claims {
            claim.group = None;
        }
        claims.push(asked);
    }
    claims.retain(|claim| claim.user.is_some() || claim.group.is_some());
    Ok(claims)
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
    let running = process::all(None);
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
