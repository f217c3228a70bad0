//! What an administrator is told to type as root where owners or modes are wrong.
//!
//! What is read here may be another thing when it is typed: whoever may write to a folder can put a link there. So a link
//! is named instead of followed, `chown` leaves links alone (`-h`), and `chmod`, which cannot, is left to the user whose
//! folder it is.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::identity::names;
use crate::rooted::{self, Fault, Followed};

/// Gives a folder or file to a user, and with `is_deep` what is in it.
pub(crate) fn own(path: &Path, user: &str, is_deep: bool) -> String {
    let option = if is_deep { "-hR" } else { "-h" };
    let give = |it: Followed| format!("chown {option} {user}: {}", it.real.display());
    rooted::follow(path).map_or_else(named, give)
}

/// Gives a folder of `user` a mode.
pub(crate) fn mode(path: &Path, mode: u32, user: &str) -> String {
    let give = |Followed { real, is_roots }| {
        let prefix = if is_roots {
            String::new()
        } else {
            format!("sudo -u {user} ")
        };
        format!("{prefix}chmod {mode:o} {}", real.display())
    };
    rooted::follow(path).map_or_else(named, give)
}

/// Closes a file that holds a key to all but root and a group.
pub(crate) fn close(path: &Path, group: &str) -> String {
    let close = |Followed { real, is_roots }| {
        let shown = real.display();
        let owner = fs::symlink_metadata(&real).map_or(0, |data| data.uid());
        if is_roots {
            format!("chown -h root:{group} {shown}; chmod 640 {shown}")
        } else if owner == 0 {
            format!(
                "put {shown} into a folder that root alone can change, such as /etc/phone-assistant, and name it in the settings"
            )
        } else {
            let user = names::user_name(owner);
            format!("sudo -u {user} chmod 640 {shown}")
        }
    };
    rooted::follow(path).map_or_else(named, close)
}

fn named(fault: Fault) -> String {
    let Fault::Link { path, to } = fault else {
        return fault.to_string();
    };
    let (path, to) = (path.display(), to.display());
    format!(
        "{path} is a link to {to}: if that is not yours, remove it (rm {path}) and run sudo ./install.sh; if it is, put the thing itself there"
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    /// A folder as Asterisk's user has one, where the test may give it away; else the test's own.
    fn theirs() -> testkit::TempDir {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        if rustix::process::geteuid().is_root() {
            chown(folder.path(), Some(65_534), None).expect("given away");
        }
        folder
    }

    #[test]
    fn below_anothers_folder_root_follows_nothing() {
        let folder = theirs();
        let place = folder.path().join("state");
        fs::create_dir(&place).expect("made");
        let shown = place.display();
        assert_eq!(own(&place, "pbx", false), format!("chown -h pbx: {shown}"));
        assert_eq!(own(&place, "pbx", true), format!("chown -hR pbx: {shown}"));
        assert_eq!(
            mode(&place, 0o700, "pbx"),
            format!("sudo -u pbx chmod 700 {shown}")
        );
        let missing = folder.path().join("missing/deep");
        assert_eq!(
            own(&missing, "pbx", false),
            format!("chown -h pbx: {}", missing.display())
        );
    }

    #[test]
    fn a_link_is_named_and_no_command_goes_through_it() {
        let folder = theirs();
        for (name, to) in [
            ("log", "/etc/shadow"),
            ("state", "/etc/cron.d"),
            ("away", "/nowhere"),
        ] {
            let link = folder.path().join(name);
            symlink(to, &link).expect("linked");
            if rustix::process::geteuid().is_root() {
                std::os::unix::fs::lchown(&link, Some(65_534), None).expect("given away");
            }
            for path in [link.clone(), link.join("below")] {
                for remedy in [
                    own(&path, "pbx", true),
                    mode(&path, 0o700, "pbx"),
                    close(&path, "pbx"),
                ] {
                    let words = format!("{} is a link to {to}", link.display());
                    assert!(remedy.starts_with(&words), "{remedy}");
                    assert!(
                        !remedy.contains("chown") && !remedy.contains("chmod"),
                        "{remedy}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_root_alone_can_change_is_changed_by_root() {
        let path = Path::new("/etc/phone-assistant-of-a-test");
        assert_eq!(
            mode(path, 0o700, "pbx"),
            format!("chmod 700 {}", path.display())
        );
        let expected = "chown -h root:voice /etc/passwd; chmod 640 /etc/passwd";
        assert_eq!(close(Path::new("/etc/passwd"), "voice"), expected);
    }

    #[test]
    fn a_key_in_anothers_folder_is_closed_by_its_owner() {
        let folder = theirs();
        let key = folder.path().join("key");
        fs::write(&key, "").expect("written");
        let is_root = rustix::process::geteuid().is_root();
        let remedy = close(&key, "voice");
        let owner = fs::metadata(&key).expect("there").uid();
        let user = names::user_name(owner);
        let expected = if is_root {
            format!("put {} into a folder", key.display())
        } else {
            format!("sudo -u {user} chmod 640 {}", key.display())
        };
        assert!(remedy.starts_with(&expected), "{remedy}");
    }
}
