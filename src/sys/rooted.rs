//! Whether a path is root's alone: no other user can change where it leads or what stands there.
//!
//! A user who may write to a folder may put a link into it at any moment, so a path is trusted component by component.
//! What is done with a trusted path is left to others.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::sys::identity::names;
use crate::sys::mode::{STICKY, WRITABLE_BY_GROUP, WRITABLE_BY_OTHERS};
use crate::sys::path_walk::PathWalk;

/// Why a path is not root's alone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// A link that another user may have made.
    #[error("{} is a link to {}, and others than root can change it", .path.display(), .to.display())]
    Link {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        to: PathBuf,
    },
    /// A file or folder of another user.
    #[error("{} belongs to {owner}, who can change what is there", .path.display())]
    Owner {
        /// The file or folder.
        path: PathBuf,
        /// Its owner's name.
        owner: String,
        /// Its owner's number.
        uid: u32,
    },
    /// A file or folder that others may write to.
    #[error("others than its owner can write to {}", .path.display())]
    Open {
        /// The file or folder.
        path: PathBuf,
    },
    /// It cannot be looked at.
    #[error("cannot look at {}", .path.display())]
    Look {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The real path behind `path`, if only root and the user `trusted` can change any component of it. Links are followed
/// where root alone can have made them.
///
/// # Errors
/// [`Fault`] names the first component that others can change.
pub(crate) fn resolve(path: &Path, trusted: Option<u32>) -> Result<PathBuf, Fault> {
    let path = std::path::absolute(path).map_err(|source| unseen(path, source))?;
    let mut way = PathWalk::of(&path);
    let mut is_roots = examine(way.here(), &look(way.here())?, trusted)?;
    while let Some(next) = way.next() {
        let data = look(&next)?;
        if !data.is_symlink() {
            is_roots &= examine(&next, &data, trusted)?;
            way.enter(next);
            continue;
        }
        let to = fs::read_link(&next).map_err(|source| unseen(&next, source))?;
        if data.uid() != 0 || !is_roots || !way.follow(&to) {
            return Err(Fault::Link { path: next, to });
        }
    }
    Ok(way.end())
}

/// A path behind the links that root alone can have made.
#[derive(Debug)]
pub(crate) struct Followed {
    /// The real path; what is not there stands in it as it was.
    pub(crate) real: PathBuf,
    /// Whether root alone can change what stands there: what is above it belongs to root.
    pub(crate) is_roots: bool,
}

/// The real path behind `path`, whichever users own its components.
///
/// # Errors
/// The first link that others than root can have made, and where it leads.
pub(crate) fn follow(path: &Path) -> Result<Followed, Fault> {
    let path = std::path::absolute(path).map_err(|source| unseen(path, source))?;
    let (mut way, mut is_roots) = (PathWalk::of(&path), true);
    while let Some(next) = way.next() {
        is_roots = is_roots && is_roots_alone(way.here(), &next);
        let Ok(to) = fs::read_link(&next) else {
            way.enter(next);
            continue;
        };
        let is_theirs = !is_roots || look(&next).is_ok_and(|data| data.uid() != 0);
        if is_theirs || !way.follow(&to) {
            return Err(Fault::Link { path: next, to });
        }
    }
    let real = way.end();
    Ok(Followed { real, is_roots })
}

/// Whether root alone can change what stands at `inside`, in `folder`. A folder that is not there is made by any user
/// who can make it. In one like `/tmp` others leave root's files alone, and may have put there what is not root's.
fn is_roots_alone(folder: &Path, inside: &Path) -> bool {
    match fs::symlink_metadata(folder) {
        Ok(data) => {
            let is_open = data.mode() & (WRITABLE_BY_GROUP | WRITABLE_BY_OTHERS) != 0;
            let is_kept = || data.mode() & STICKY != 0 && is_of_root(inside);
            data.uid() == 0 && (!is_open || is_kept())
        }
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn is_of_root(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|data| data.uid() == 0)
}

/// Whether root alone can change what stands at `path`, which is a file or folder; an error where another user than
/// root and `trusted` can.
fn examine(path: &Path, data: &Metadata, trusted: Option<u32>) -> Result<bool, Fault> {
    let is_roots = data.uid() == 0;
    if !is_roots && Some(data.uid()) != trusted {
        return Err(Fault::Owner {
            path: path.to_owned(),
            owner: names::user_name(data.uid()),
            uid: data.uid(),
        });
    }
    // In a sticky folder others cannot touch what is not theirs.
    let is_sticky = data.is_dir() && data.mode() & STICKY != 0;
    // Of root's group too: where there is an access list, these bits say the most that any user on it may do.
    let is_groups = data.mode() & WRITABLE_BY_GROUP != 0 && is_roots;
    if !is_sticky && (data.mode() & WRITABLE_BY_OTHERS != 0 || is_groups) {
        return Err(Fault::Open {
            path: path.to_owned(),
        });
    }
    Ok(is_roots)
}

fn look(path: &Path) -> Result<Metadata, Fault> {
    fs::symlink_metadata(path).map_err(|source| unseen(path, source))
}

fn unseen(path: &Path, source: io::Error) -> Fault {
    Fault::Look {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A folder, and its owner: the user who runs the test.
    fn folder() -> (testkit::TempDir, u32) {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        let owner = fs::metadata(folder.path()).expect("there").uid();
        (folder, owner)
    }

    #[test]
    fn what_root_alone_can_change_is_followed_to_its_end() {
        let real = resolve(Path::new("/usr/../etc/./passwd"), None);
        assert_eq!(real.expect("root's"), Path::new("/etc/passwd"));
        for link in ["/bin", "/lib", "/usr/bin/sh"] {
            let real = fs::canonicalize(link).expect("every Linux has it");
            assert_eq!(resolve(Path::new(link), None).expect("root's"), real);
        }
    }

    #[test]
    fn a_component_of_another_user_is_named() {
        let (folder, owner) = folder();
        let path = folder.path().join("sub/file");
        fs::create_dir(folder.path().join("sub")).expect("made");
        fs::write(&path, "").expect("written");
        assert_eq!(resolve(&path, Some(owner)).expect("trusted"), path);
        if owner != 0 {
            let fault = resolve(&path, None).expect_err("not root's");
            assert!(matches!(fault, Fault::Owner { path, .. } if folder.path().starts_with(&path)));
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("ours");
        let fault = resolve(&path, Some(owner)).expect_err("open to all");
        assert!(matches!(fault, Fault::Open { path } if path == folder.path()));
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).expect("ours");
        assert!(resolve(&path, Some(owner)).is_ok(), "as /tmp is");
    }

    #[test]
    fn a_folder_of_roots_that_a_group_may_write_to_is_open_whichever_group_that_is() {
        let (folder, owner) = folder();
        let path = folder.path().join("file");
        fs::write(&path, "").expect("written");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o775)).expect("ours");
        let (found, followed) = (resolve(&path, Some(owner)), follow(&path));
        if owner == 0 {
            assert!(matches!(found, Err(Fault::Open { path }) if path == folder.path()));
        } else {
            assert_eq!(found.expect("its owner lets them"), path);
        }
        assert!(!followed.expect("no link").is_roots);
    }

    #[test]
    fn a_link_is_followed_only_where_root_alone_can_have_made_it() {
        let (folder, owner) = folder();
        let link = folder.path().join("link");
        symlink("/etc", &link).expect("linked");
        let found = resolve(&link.join("passwd"), Some(owner));
        if owner == 0 {
            assert_eq!(found.expect("root's"), Path::new("/etc/passwd"));
        } else {
            assert!(matches!(found, Err(Fault::Link { path, .. }) if path == link));
        }
        let [here, there] = ["here", "there"].map(|name| folder.path().join(name));
        symlink(&here, &there).expect("linked");
        symlink(&there, &here).expect("linked");
        let found = resolve(&here, Some(owner));
        assert!(matches!(found, Err(Fault::Link { .. })), "{found:?}");
    }

    #[test]
    fn a_link_of_others_is_told_from_one_of_roots_wherever_it_stands() {
        let (folder, owner) = folder();
        let link = folder.path().join("link");
        symlink("/etc", &link).expect("linked");
        let found = follow(&link.join("passwd"));
        match found {
            Ok(found) if owner == 0 => assert_eq!(found.real, Path::new("/etc/passwd")),
            found => assert!(matches!(found, Err(Fault::Link { path, .. }) if path == link)),
        }
        let missing = folder.path().join("missing/deep");
        let found = follow(&missing).expect("no link");
        assert_eq!((found.real, found.is_roots), (missing, owner == 0));
        let found = follow(Path::new("/bin/sh")).expect("root's links");
        assert_eq!(found.real, fs::canonicalize("/bin/sh").expect("there"));
        assert!(found.is_roots);
    }

    #[test]
    fn in_a_folder_like_tmp_only_what_is_roots_is_roots_alone() {
        let (folder, owner) = folder();
        let place = |name: &str| folder.path().join(name);
        fs::write(place("roots"), "").expect("written");
        fs::write(place("theirs"), "").expect("written");
        if owner == 0 {
            std::os::unix::fs::chown(place("theirs"), Some(65_534), None).expect("given away");
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).expect("ours");
        for (name, expected) in [("roots", owner == 0), ("theirs", false), ("none", false)] {
            let followed = follow(&place(name)).expect("no link");
            assert_eq!(followed.is_roots, expected, "{name}");
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let fault = resolve(Path::new("/proc/nowhere/file"), None).expect_err("missing");
        assert_eq!(fault.to_string(), "cannot look at /proc/nowhere");
    }
}
