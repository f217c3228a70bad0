//! Whose word a file is, and what its author may say about the user that Asterisk runs as.
//!
//! A user can name root, or any other user, in a file that they can write. What root did as that user would be done with
//! paths that the author has chosen. So users speak for themselves alone, and only what root alone can change may name
//! another.

use std::fmt;
use std::path::Path;

use super::names::{self, Names};
use crate::sys::rooted::{self, Fault};

/// The users who can have written a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Author {
    /// Root alone, or a person at the command line.
    Root,
    /// One user, by their number.
    User(u32),
    /// It cannot be told.
    #[default]
    Anyone,
}

impl Author {
    /// The author of the file at `path`, whose owner is `owner`. What belongs to `trusted` counts as root's.
    pub(super) fn of(path: &Path, owner: u32, trusted: Option<u32>) -> Self {
        match rooted::resolve(path, None) {
            _ if trusted == Some(owner) => Self::Root,
            Ok(_) => Self::Root,
            Err(_) if owner != 0 => Self::User(owner),
            Err(Fault::Owner { uid, .. }) => Self::User(uid),
            Err(_) => Self::Anyone,
        }
    }

    /// Whether it may say that Asterisk runs as the user of this number.
    pub(super) fn may_name_user(self, user: Option<u32>) -> bool {
        match self {
            Self::Root => true,
            Self::User(own) => Some(own) == user,
            Self::Anyone => false,
        }
    }

    /// Whether it may say that Asterisk runs as the group of this number.
    pub(super) fn may_name_group(self, group: Option<u32>, names: &Names) -> bool {
        let Self::User(own) = self else {
            return self == Self::Root;
        };
        let user = names.user_of(own);
        user.zip(group).is_some_and(|(user, group)| {
            let own = user.group.unwrap_or(group);
            names.groups_of(&user.name, own).contains(&group)
        })
    }
}

impl fmt::Display for Author {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => write!(out, "root"),
            Self::User(user) => write!(out, "user {}", names::user_name(*user)),
            Self::Anyone => write!(out, "others than root"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    use super::super::tests::root;
    use super::*;

    #[test]
    fn a_file_is_the_word_of_whoever_can_change_it() {
        assert_eq!(Author::of(Path::new("/etc/passwd"), 0, None), Author::Root);
        let folder = root(&[("conf/file", "")]);
        let file = folder.path().join("conf/file");
        let own = fs::metadata(&file).expect("there").uid();
        assert_eq!(Author::of(&file, own, Some(own)), Author::Root);
        if own != 0 {
            assert_eq!(Author::of(&file, own, None), Author::User(own));
            return;
        }
        let conf = folder.path().join("conf");
        chown(&conf, Some(65_534), None).expect("given away");
        assert_eq!(Author::of(&file, 0, None), Author::User(65_534));
        chown(&file, Some(65_533), None).expect("given away");
        assert_eq!(Author::of(&file, 65_533, None), Author::User(65_533));
        for path in [&conf, &file] {
            chown(path, Some(0), None).expect("ours");
        }
        fs::set_permissions(&conf, fs::Permissions::from_mode(0o777)).expect("ours");
        assert_eq!(Author::of(&file, 0, None), Author::Anyone);
    }

    #[test]
    fn users_speak_for_themselves_and_their_groups() {
        let machine = root(&[
            ("etc/passwd", "pbx:x:7123:7124::/:/bin/false\n"),
            (
                "etc/group",
                "voice:x:7124:\naudio:x:7129:pbx\nshadow:x:7142:\n",
            ),
        ]);
        let names = Names::of(machine.path()).expect("both can be read");
        let table = [
            (Author::Root, [true, true, true], [true, true, true]),
            (
                Author::User(7123),
                [true, false, false],
                [true, true, false],
            ),
            (
                Author::User(7199),
                [false, false, false],
                [false, false, false],
            ),
            (Author::Anyone, [false, false, false], [false, false, false]),
        ];
        for (author, users, groups) in table {
            let users_found = [Some(7123), Some(0), None].map(|user| author.may_name_user(user));
            assert_eq!(users_found, users, "{author}");
            let groups_found =
                [7124, 7129, 7142].map(|group| author.may_name_group(Some(group), &names));
            assert_eq!(groups_found, groups, "{author}");
        }
        assert!(!Author::User(7123).may_name_group(None, &names));
    }
}
