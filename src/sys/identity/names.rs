//! Users and groups by name and number, of this machine or of one that is laid out below a folder.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::sys::files::reading;

/// The lists of users and groups.
#[derive(Debug)]
pub(crate) struct Names {
    users: Vec<Entry>,
    groups: Vec<Entry>,
}

/// A list is there and cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", .path.display())]
pub(crate) struct Unread {
    pub(crate) path: PathBuf,
    pub(crate) source: io::Error,
}

/// A line of `passwd` or `group`.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) id: u32,
    /// A user's own group.
    pub(crate) group: Option<u32>,
    /// The names in the last field: a group's users.
    members: Vec<String>,
}

impl Names {
    /// The lists below `root`, where there are any, and then those of this machine.
    ///
    /// # Errors
    /// [`Unread`]; a list that is not there is empty.
    pub(crate) fn of(root: &Path) -> Result<Self, Unread> {
        let list = |name: &str| {
            let mut list = entries(&root.join("etc").join(name))?;
            if root != Path::new(HERE) {
                list.extend(entries(&Path::new(HERE).join("etc").join(name))?);
            }
            Ok(list)
        };
        Ok(Self {
            users: list("passwd")?,
            groups: list("group")?,
        })
    }

    /// The lists of this machine.
    ///
    /// # Errors
    /// [`Unread`].
    pub(crate) fn here() -> Result<Self, Unread> {
        Self::of(Path::new(HERE))
    }

    /// The first user who has this number, whatever others are called.
    pub(crate) fn user_of(&self, id: u32) -> Option<&Entry> {
        self.users.iter().find(|user| user.id == id)
    }

    /// The user of a name, or of a number.
    pub(crate) fn user(&self, name: &str) -> Option<&Entry> {
        find(&self.users, name)
    }

    /// The group of a name, or of a number.
    pub(crate) fn group(&self, name: &str) -> Option<&Entry> {
        find(&self.groups, name)
    }

    /// The groups that name a user as theirs, and this one: what a login has.
    pub(crate) fn groups_of(&self, user: &str, own: u32) -> Vec<u32> {
        let is_theirs = |group: &&Entry| group.members.iter().any(|member| member == user);
        let theirs = self.groups.iter().filter(is_theirs).map(|group| group.id);
        let all: BTreeSet<_> = theirs.chain([own]).collect();
        all.into_iter().collect()
    }

    /// The group that a user has without being in it: its name, or its number where it has none.
    pub(crate) fn own_group(&self, user: &Entry) -> Option<String> {
        let id = user.group?.to_string();
        let group = self.group(&id).map(|group| group.name.clone());
        Some(group.unwrap_or(id))
    }
}

/// The name of a user for messages: their number where no list has one.
pub(crate) fn user_name(id: u32) -> String {
    name_of(id, |names| &names.users)
}

/// The name of a group for messages: its number where no list has one.
pub(crate) fn group_name(id: u32) -> String {
    name_of(id, |names| &names.groups)
}

fn name_of(id: u32, list: impl Fn(&Names) -> &Vec<Entry>) -> String {
    let names = Names::here().ok();
    let entry = names.as_ref().map(list).and_then(|list| {
        let mut list = list.iter();
        list.find(|entry| entry.id == id)
    });
    entry.map_or_else(|| id.to_string(), |entry| entry.name.clone())
}

/// A number as people write one: digits alone.
pub(crate) fn number(text: &str) -> Option<u32> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits)
}

fn members(field: &str) -> Vec<String> {
    field.split(',').map(str::to_owned).collect()
}

fn find<'a>(list: &'a [Entry], name: &str) -> Option<&'a Entry> {
    // A user may be called by digits alone, and a name goes before a number, as chown(1) has it by POSIX.
    let by_name = list.iter().find(|entry| entry.name == name);
    let id = number(name);
    by_name.or_else(|| list.iter().find(|entry| Some(entry.id) == id))
}

fn entries(file: &Path) -> Result<Vec<Entry>, Unread> {
    let bytes = match reading::read(file, MAX_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read.map_err(|source| Unread {
            path: file.to_owned(),
            source,
        })?,
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let entry = |line: &str| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        Some(Entry {
            name: name.to_owned(),
            id: id.parse().ok()?,
            // The fourth field is a user's group in passwd(5) and a group's members in group(5), and is read as both.
            group: fields.clone().next().and_then(|group| group.parse().ok()),
            members: fields.next().map_or_else(Vec::new, members),
        })
    };
    Ok(text.lines().filter_map(entry).collect())
}

const HERE: &str = "/";
/// A list of a hundred thousand users.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_names_where_the_system_knows_one() {
        assert_eq!(
            (user_name(0), group_name(0)),
            ("root".into(), "root".into())
        );
        assert_eq!(user_name(4_000_000_000), "4000000000");
    }

    #[test]
    fn a_list_that_cannot_be_read_is_an_error_and_not_an_empty_one() {
        for name in ["passwd", "group"] {
            let folder = testkit::TempDir::new().expect("a temporary folder");
            let list = folder.path().join("etc").join(name);
            std::fs::create_dir_all(&list).expect("made in its place");
            let unread = Names::of(folder.path()).expect_err("a folder is no list");
            assert_eq!(unread.path, list);
        }
    }

    #[test]
    fn users_and_groups_are_known_by_name_and_number() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let etc = folder.path().join("etc");
        std::fs::create_dir(&etc).expect("made");
        std::fs::write(etc.join("passwd"), "pbx:x:7123:7124::/:/bin/false\n").expect("written");
        std::fs::write(etc.join("group"), "voice:x:7124:\naudio:x:29:pbx,other\n")
            .expect("written");
        let names = Names::of(folder.path()).expect("both can be read");
        for name in ["pbx", "7123"] {
            let user = names.user(name).expect("listed");
            assert_eq!((user.name.as_str(), user.id), ("pbx", 7123));
            assert_eq!(names.own_group(user).as_deref(), Some("voice"));
        }
        assert_eq!(names.groups_of("pbx", 7124), [29, 7124]);
        assert_eq!(names.groups_of("px", 7124), [7124]);
        assert_eq!(names.user("root").map(|user| user.id), Some(0));
        assert!(names.user("nobody-at-all").is_none());
    }
}
