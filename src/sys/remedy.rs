//! What an administrator is told to type as root where owners or modes are wrong.
//!
//! What is read here may have changed when it is typed: a user who may write to a folder can put a link there. So a
//! link is named instead of followed, `chown` leaves links alone (`-h`), and `chmod`, which cannot, is left to the user
//! whose folder it is. A file's name may hold a command, so each path is quoted. Which file it is may be that user's
//! choice too: so root is told commands for our own places alone, and gives away nothing that is in another's folder.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path};

use crate::sys::identity::names;
use crate::sys::plain::plain;
use crate::sys::rooted::{self, Fault, Followed};

/// `text` as one word of a shell, whatever stands in it: in quotes where it has other characters than those of usual
/// paths, and with escapes where it has what a terminal obeys or is not seen.
pub(crate) fn shell_quoted(text: impl AsRef<OsStr>) -> String {
    let bytes = text.as_ref().as_bytes();
    let is_usual = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./@%+=:,-".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(is_usual) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    match std::str::from_utf8(bytes)
        .ok()
        .filter(|text| plain(text) == *text)
    {
        // Within single quotes a shell knows no escape, so they are closed for one that is escaped, and opened again.
        Some(text) => format!("'{}'", text.replace('\'', r"'\''")),
        None => format!(
            "$'{}'",
            bytes.iter().copied().map(escaped).collect::<String>()
        ),
    }
}

/// Whether a package has put the program here, and not `install.sh` of the sources.
pub(crate) fn is_packaged() -> bool {
    Path::new(INSTALLER_OF_PACKAGE).exists()
}

/// A byte as `$'…'` of a shell reads it.
fn escaped(byte: u8) -> String {
    match byte {
        b' '..=b'~' if !b"'\\".contains(&byte) => char::from(byte).to_string(),
        // With all three digits, so that no digit behind it is read as a part of it.
        byte => format!("\\{byte:03o}"),
    }
}

/// Returns the command that gives a file to `user`, or lets them make it.
pub(crate) fn own(path: &Path, user: &str) -> String {
    given(path, user, None)
}

/// Returns the command that gives a folder to `user` alone.
pub(crate) fn own_alone(folder: &Path, user: &str) -> String {
    given(folder, user, Some(OWNER_ALONE))
}

/// Returns the command that gives `path` to `user`, with `mode` if any. What another user has put into a folder of
/// `user` is not handed over: they may have moved it there.
fn given(path: &Path, user: &str, mode: Option<u32>) -> String {
    let Followed { real, is_roots } = match rooted::follow(path) {
        Ok(followed) => followed,
        Err(fault) => return named(fault),
    };
    let (user_word, shown) = (shell_quoted(user), shell_quoted(&real));
    let chmod = |by: &str| mode.map(|mode| format!("{by}chmod {mode:o} {shown}"));
    let owner = fs::symlink_metadata(&real).map(|data| names::user_name(data.uid()));
    if owner.as_ref().is_ok_and(|owner| owner == user) {
        let what = if real.is_dir() && has_others(&real, user) {
            Some(format!(
                "ls -la {shown} shows files of other users: move them elsewhere, or copy them as {user_word}"
            ))
        } else {
            chmod(&format!("sudo -u {user_word} "))
        };
        return what.unwrap_or_else(|| format!("ls -ld {shown}"));
    }
    if owner.is_err() {
        return missing(&real, &user_word, mode.is_some());
    }
    if is_roots && is_ours(path) {
        return by_root(&shown, &user_word, mode);
    }
    if is_roots {
        return format!("if you have chosen {shown} yourself, make {user_word} its owner");
    }
    let mut away = real.into_os_string();
    away.push(".old");
    format!(
        "sudo -u {user_word} mv {shown} {}; {INSTALL}",
        shell_quoted(away)
    )
}

/// The command for root, where root alone can change what stands there.
fn by_root(shown: &str, user_word: &str, mode: Option<u32>) -> String {
    let chown = format!("chown -h {user_word}: {shown}");
    let chmod = mode.map(|mode| format!("; chmod {mode:o} {shown}"));
    chown + &chmod.unwrap_or_default()
}

/// The advice for what is missing: install.sh makes our folders and no other, and a call makes a file where it may.
fn missing(real: &Path, user_word: &str, is_folder: bool) -> String {
    if is_folder && is_ours(real) {
        return INSTALL.to_owned();
    }
    if is_folder {
        let shown = shell_quoted(real);
        return format!("make the folder {shown}, of user {user_word} and for them alone");
    }
    let folder = shell_quoted(real.parent().unwrap_or(real));
    format!("let {user_word} make files in {folder}: ls -ld {folder}; df -h {folder}")
}

/// Whether a folder has files of another user.
fn has_others(folder: &Path, user: &str) -> bool {
    let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| {
        let data = entry.metadata();
        data.is_ok_and(|data| data.is_file() && names::user_name(data.uid()) != user)
    })
}

/// Whether this path is one of ours. Any other may come from the environment of Asterisk's user, or from a settings
/// file that this user has named, and root is told no command for it.
fn is_ours(path: &Path) -> bool {
    let mut parts = path.components();
    let is_below = OURS.iter().any(|ours| path.starts_with(ours));
    is_below && parts.all(|part| part != Component::ParentDir)
}

/// Returns the command that removes a file or a link in a folder of `user`.
pub(crate) fn remove(path: &Path, user: &str) -> String {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return format!("remove {}", shell_quoted(path));
    };
    // What stands there may be a link, and that link is removed: only what is above it must be none.
    let above = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let remove = |Followed { real, .. }: Followed| {
        let place = real.join(name);
        let is_roots = rooted::follow(&place.with_file_name(NOTHING)).is_ok_and(|it| it.is_roots);
        if is_roots && !is_ours(path) {
            return format!("remove {}, if it is this program's", shell_quoted(place));
        }
        let prefix = prefix(is_roots, user);
        format!("{prefix}rm {}", shell_quoted(place))
    };
    rooted::follow(above).map_or_else(named, remove)
}

/// Returns the command that sets the mode of a folder of `user`, and first its owner where that is another user: only
/// the owner can set the mode.
pub(crate) fn mode(path: &Path, mode: u32, user: &str) -> String {
    let give = |Followed { real, is_roots }: Followed| {
        let owner = fs::symlink_metadata(&real).map(|data| names::user_name(data.uid()));
        if owner.is_ok_and(|owner| owner != user) {
            return given(path, user, Some(mode));
        }
        if is_roots && !is_ours(path) {
            let (user, real) = (shell_quoted(user), shell_quoted(real));
            return format!("let nobody but {user} look into {real}");
        }
        let prefix = prefix(is_roots, user);
        format!("{prefix}chmod {mode:o} {}", shell_quoted(real))
    };
    rooted::follow(path).map_or_else(named, give)
}

/// What stands before a command: root works only where root alone can change what stands there, elsewhere `user` does.
fn prefix(is_roots: bool, user: &str) -> String {
    if is_roots {
        String::new()
    } else {
        format!("sudo -u {} ", shell_quoted(user))
    }
}

/// Returns the command that closes a file with a key, or a folder of such files, to all but root and a group.
pub(crate) fn close(path: &Path, group: &str) -> String {
    let close = |Followed { real, is_roots }| {
        let shown = shell_quoted(&real);
        let group = shell_quoted(group);
        let owner = fs::symlink_metadata(&real).map_or(0, |data| data.uid());
        let (what, mode) = if real.is_dir() {
            ("folder", 750)
        } else {
            ("file", 640)
        };
        if is_roots && is_ours(path) {
            format!("chown -h root:{group} {shown}; chmod {mode} {shown}")
        } else if is_roots {
            format!("if {shown} is your {what} of keys, let only root and group {group} read it")
        } else if owner == 0 {
            format!(
                "put {shown} into a folder that root alone can change, such as /etc/phone-assistant, and name it in the settings"
            )
        } else if owner == rustix::process::geteuid().as_raw() {
            let user = names::user_name(owner);
            format!("sudo -u {} chmod {mode} {shown}", shell_quoted(user))
        } else {
            format!(
                "if {shown} is your {what} of keys, let only its owner and group {group} read it"
            )
        }
    };
    rooted::follow(path).map_or_else(named, close)
}

fn named(fault: Fault) -> String {
    let Fault::Link { path, to } = fault else {
        return fault.to_string();
    };
    let (path, to) = (shell_quoted(path), shell_quoted(to));
    format!(
        "{path} is a link to {to}: if that is not yours, remove it and run sudo ./install.sh; if it is, put the thing itself there"
    )
}

/// Where install.sh puts what is ours.
const OURS: [&str; 3] = [
    "/etc/phone-assistant",
    "/var/lib/phone-assistant",
    USUAL_LOG,
];
/// The log of calls where the settings name no other.
pub(crate) const USUAL_LOG: &str = "/var/log/asterisk/phone-assistant.jsonl";
/// Where a package has the installer.
pub(crate) const INSTALLER_OF_PACKAGE: &str = "/usr/share/phone-assistant/install.sh";
/// Where a package and `install.sh` of the sources put the program that root runs.
pub(crate) const INSTALLED: [&str; 2] =
    ["/usr/bin/phone-assistant", "/usr/local/bin/phone-assistant"];
const INSTALL: &str = "sudo ./install.sh";
const OWNER_ALONE: u32 = 0o700;
/// A name that nothing has: what it is asked for is the folder.
const NOTHING: &str = "phone-assistant-nothing";

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
        let aside = format!("sudo -u pbx mv {shown} {shown}.old; sudo ./install.sh");
        assert_eq!(own(&place, "pbx"), aside);
        assert_eq!(own_alone(&place, "pbx"), aside);
        assert_eq!(mode(&place, 0o700, "pbx"), aside, "only its owner can");
        let missing = folder.path().join("missing/deep");
        let above = folder.path().join("missing");
        let words = format!("let pbx make files in {}", above.display());
        assert!(own(&missing, "pbx").starts_with(&words));
        let words = format!("make the folder {}", missing.display());
        assert!(own_alone(&missing, "pbx").starts_with(&words));
        let owner = names::user_name(fs::metadata(&place).expect("there").uid());
        let closed = format!("sudo -u {owner} chmod 700 {shown}");
        assert_eq!(own_alone(&place, &owner), closed);
        assert_eq!(mode(&place, 0o700, &owner), closed);
        assert_eq!(own(&place, &owner), format!("ls -ld {shown}"));
    }

    #[test]
    fn a_file_of_another_user_in_a_folder_is_named_and_not_given() {
        let folder = theirs();
        let user = names::user_name(fs::metadata(folder.path()).expect("there").uid());
        let file = folder.path().join("limits.json");
        fs::write(&file, "").expect("written");
        let remedy = own_alone(folder.path(), &user);
        assert_eq!(
            remedy.contains("shows files of other users"),
            rustix::process::geteuid().is_root(),
            "{remedy}"
        );
        assert!(!remedy.contains("chown"), "{remedy}");
        if rustix::process::geteuid().is_root() {
            let remedy = own(&file, &user);
            assert!(
                remedy.starts_with(&format!("sudo -u {user} mv ")),
                "{remedy}"
            );
        }
    }

    #[test]
    fn root_is_told_no_command_for_a_place_that_it_has_not_chosen() {
        for path in ["/etc/passwd", "/etc", "/etc/phone-assistant/../passwd"] {
            let path = Path::new(path);
            for remedy in [
                own(path, "pbx"),
                own_alone(path, "pbx"),
                mode(path, 0o700, "pbx"),
                close(path, "pbx"),
                remove(&path.join("x"), "pbx"),
            ] {
                let has_command = ["chown", "chmod", "rm "]
                    .iter()
                    .any(|it| remedy.contains(it));
                assert!(!has_command, "{remedy}");
            }
        }
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
                    own(&path, "pbx"),
                    own_alone(&path, "pbx"),
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
        let path = Path::new("/etc/phone-assistant/of-a-test");
        assert_eq!(
            mode(path, 0o700, "pbx"),
            format!("chmod 700 {}", path.display())
        );
        let shown = path.display();
        let expected = format!("chown -h root:voice {shown}; chmod 640 {shown}");
        assert_eq!(close(path, "voice"), expected);
        let (expected, shown) = (
            format!("chown -h pbx: {shown}; chmod 700 {shown}"),
            shown.to_string(),
        );
        assert_eq!(by_root(&shown, "pbx", Some(0o700)), expected);
        assert_eq!(
            by_root(&shown, "pbx", None),
            format!("chown -h pbx: {shown}")
        );
        assert_eq!(own_alone(path, "pbx"), INSTALL, "it is not there");
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

    #[test]
    fn a_shell_takes_every_path_as_one_word() {
        let table = [
            (
                "/var/lib/a-b_c.d@e%f+g=h:i,j",
                "/var/lib/a-b_c.d@e%f+g=h:i,j",
            ),
            ("/tmp/a;wget -qO- x|sh;", "'/tmp/a;wget -qO- x|sh;'"),
            ("/tmp/it's $(id)`id`", r"'/tmp/it'\''s $(id)`id`'"),
            ("/tmp/a\nb\u{1b}'\\", r"$'/tmp/a\012b\033\047\134'"),
            ("/tmp/\u{202E}x", r"$'/tmp/\342\200\256x'"),
            ("/tmp/Ä", "'/tmp/Ä'"),
            ("", "''"),
        ];
        for (path, expected) in table {
            assert_eq!(shell_quoted(path), expected);
            if !path.contains(char::is_control) && !path.contains('\u{202E}') {
                let script = format!("printf %s {expected}");
                let output = std::process::Command::new("sh")
                    .args(["-c", &script])
                    .output();
                let said = output.expect("every machine has a shell").stdout;
                assert_eq!(String::from_utf8(said).as_deref(), Ok(path));
            }
        }
        let bytes = OsStr::from_bytes(b"/tmp/\xff");
        assert_eq!(shell_quoted(bytes), r"$'/tmp/\377'");
    }

    #[test]
    fn no_remedy_has_a_path_that_a_shell_would_obey() {
        let folder = theirs();
        let place = folder.path().join("a;id>pwned;");
        fs::create_dir(&place).expect("made");
        let quoted = shell_quoted(&place);
        let link = folder.path().join("b;id;");
        symlink("/etc/c;id;", &link).expect("linked");
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::lchown(&link, Some(65_534), None).expect("given away");
        }
        for (path, shown) in [(&place, quoted), (&link.join("x"), shell_quoted(&link))] {
            for remedy in [
                own_alone(path, "pbx"),
                mode(path, 0o700, "pbx"),
                close(path, "pbx"),
                remove(path, "pbx"),
            ] {
                assert!(remedy.contains(&shown), "{remedy}");
                let outside: String = remedy.split('\'').step_by(2).collect();
                assert!(!outside.contains(";id"), "{remedy}");
            }
        }
    }

    #[test]
    fn a_link_is_removed_and_what_is_behind_one_is_not() {
        let folder = theirs();
        let link = folder.path().join("link");
        symlink("/etc", &link).expect("linked");
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::lchown(&link, Some(65_534), None).expect("given away");
        }
        let shown = link.display();
        assert_eq!(remove(&link, "pbx"), format!("sudo -u pbx rm {shown}"));
        let below = remove(&link.join("passwd"), "pbx");
        assert!(
            below.starts_with(&format!("{shown} is a link to /etc")),
            "{below}"
        );
        let roots = Path::new("/etc/phone-assistant/of-a-test");
        assert_eq!(remove(roots, "pbx"), "rm /etc/phone-assistant/of-a-test");
    }
}
