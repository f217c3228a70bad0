//! Users and groups by name and number, of this machine or of one that is laid out below a folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::files;

/// The lists of users and groups.
#[derive(Debug)]
pub(crate) struct Names {
    users: Vec<Entry>,
    groups: Vec<Entry>,
}

/// A line of `passwd` or `group`.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) id: u32,
    /// A user's own group.
    group: Option<u32>,
    /// The names in the last field: a group's users.
    members: Vec<String>,
}

impl Names {
    /// The lists below `root`, where there are any, and then those of this machine.
    pub(crate) fn of(root: &Path) -> Self {
        let places = [root.to_owned(), PathBuf::from("/")];
        let list = |name: &str| {
            let files = places.iter().map(|place| place.join("etc").join(name));
            files.flat_map(|file| entries(&file)).collect()
        };
        Self {
            users: list("passwd"),
            groups: list("group"),
        }
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

fn members(field: &str) -> Vec<String> {
    field.split(',').map(str::to_owned).collect()
}

fn find<'a>(list: &'a [Entry], name: &str) -> Option<&'a Entry> {
    let by_name = list.iter().find(|entry| entry.name == name);
    let id = name.parse().ok();
    by_name.or_else(|| list.iter().find(|entry| Some(entry.id) == id))
}

fn entries(file: &Path) -> Vec<Entry> {
    let bytes = files::read(file, MAX_BYTES).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let entry = |line: &str| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        Some(Entry {
            name: name.to_owned(),
            id: id.parse().ok()?,
            group: fields.clone().next().and_then(|group| group.parse().ok()),
            members: fields.next().map_or_else(Vec::new, members),
        })
    };
    text.lines().filter_map(entry).collect()
}

/// A list of a hundred thousand users.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups_are_known_by_name_and_number() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let etc = folder.path().join("etc");
        std::fs::create_dir(&etc).expect("made");
        std::fs::write(etc.join("passwd"), "pbx:x:7123:7124::/:/bin/false\n").expect("written");
        std::fs::write(etc.join("group"), "voice:x:7124:\naudio:x:29:pbx,other\n")
            .expect("written");
        let names = Names::of(folder.path());
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
