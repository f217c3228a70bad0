//! Asterisk's control socket: which user has made the one that answers.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags};

use super::Claim;
use super::author::Author;
use super::conf::Conf;
use crate::sys::mode::{SETGID, WRITABLE_BY_GROUP, WRITABLE_BY_OTHERS};
use crate::sys::rooted;

/// What the owner of the control socket says, if it is to be believed: a socket that takes a connection, in a real
/// folder of its owner or of root, which no stranger can write to or exchange. A folder of root's that a group may
/// write to says nothing: any of its members can have made the socket. Where the settings say which socket, it is the
/// word of their `author`, who may have chosen that of another program.
pub(super) fn claim(root: &Path, conf: &Conf, author: Author) -> Option<Claim> {
    let folder = conf.get("directories", "astrundir").unwrap_or(USUAL_FOLDER);
    let folder = Path::new(folder);
    let name = name_in_folder(conf.get("files", "astctl").unwrap_or(USUAL_NAME))?;
    let is_usual = USUAL_FOLDERS.iter().any(|usual| folder == Path::new(usual));
    let is_chosen = !is_usual || name != USUAL_NAME;
    let place = below(root, folder)?;
    let data = place.symlink_metadata().ok().filter(fs::Metadata::is_dir)?;
    let socket = open(&place.join(name)).ok()?;
    let made = socket.metadata().ok()?;
    let owner = made.uid();
    let is_groups = data.mode() & WRITABLE_BY_GROUP != 0;
    let is_theirs = data.uid() == owner || data.uid() == 0 && !is_groups;
    if !made.file_type().is_socket() || !is_theirs || data.mode() & WRITABLE_BY_OTHERS != 0 {
        return None;
    }
    if !answers(socket) {
        return None;
    }
    // Asterisk gives it to others where its settings say so, and a folder gives its own group.
    let is_given = |setting| conf.get("files", setting).is_some();
    let is_folders = data.mode() & SETGID != 0 || is_given("astctlgroup");
    Some(Claim {
        author: if is_chosen { author } else { Author::Root },
        source: format!(
            "the owner of the control socket {}",
            place.join(name).display()
        ),
        user: (!is_given("astctlowner")).then(|| owner.to_string()),
        group: (!is_folders).then(|| made.gid().to_string()),
    })
}

/// The name that Asterisk's socket has in its folder. Asterisk puts a `/` between the two, whatever begins with one; a
/// socket in another folder than that is not looked at.
fn name_in_folder(set: &str) -> Option<&str> {
    let name = set.trim_start_matches('/');
    let mut parts = Path::new(name).components();
    let is_one = matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none();
    is_one.then_some(name)
}

/// Where `folder` is, with no link on the way that others than root can have made; below a root of its own no link at
/// all.
fn below(root: &Path, folder: &Path) -> Option<PathBuf> {
    let parent = folder.parent()?;
    let name = folder.file_name()?;
    if root == Path::new("/") {
        let owner = fs::symlink_metadata(folder).ok()?.uid();
        return Some(rooted::resolve(parent, Some(owner)).ok()?.join(name));
    }
    let mut place = root.to_owned();
    for name in folder.strip_prefix("/").ok()?.components() {
        place.push(name);
        fs::symlink_metadata(&place)
            .ok()
            .filter(fs::Metadata::is_dir)?;
    }
    Some(place)
}

/// Holds what stands there, whatever takes its place; a link is held as a link.
fn open(path: &Path) -> io::Result<File> {
    // Not by the standard library: with musl that drops O_PATH from a file's flags, and a pipe in this place would be
    // waited for.
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(CWD, path, flags, Mode::empty())?.into())
}

/// Whether it takes a connection. Where too many wait for one already, the system would have us wait too.
fn answers(socket: File) -> bool {
    let (sender, receiver) = mpsc::channel();
    let connect = move || {
        // connect(2) takes a path alone, and at the socket's own path another one may stand by now.
        let path = format!("/proc/self/fd/{}", socket.as_raw_fd());
        // After the time limit there is no receiver any more.
        sender.send(UnixStream::connect(path).is_ok()).ok();
    };
    thread::Builder::new().spawn(connect).is_ok() && receiver.recv_timeout(PATIENCE) == Ok(true)
}

const USUAL_FOLDER: &str = "/var/run/asterisk";
/// The same folder by both of its names: FreePBX writes the first into `asterisk.conf`.
const USUAL_FOLDERS: [&str; 2] = [USUAL_FOLDER, "/run/asterisk"];
const USUAL_NAME: &str = "asterisk.ctl";
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    fn said(root: &testkit::TempDir, conf: &str) -> Option<(Option<String>, Option<String>)> {
        let conf = Conf::parse(conf).expect("short");
        let claim = claim(root.path(), &conf, Author::Anyone)?;
        let is_usual = conf
            .get("files", "astctl")
            .is_none_or(|set| set.ends_with("asterisk.ctl"));
        assert_eq!(claim.author == Author::Root, is_usual);
        Some((claim.user, claim.group))
    }

    #[test]
    fn only_a_socket_that_answers_in_a_real_folder_is_believed() {
        let root = testkit::TempDir::new().expect("a temporary folder");
        let folder = root.path().join("var/run/asterisk");
        fs::create_dir_all(&folder).expect("made");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("ours");
        let place = folder.join("asterisk.ctl");
        assert_eq!(said(&root, ""), None, "there is none");
        fs::write(&place, "").expect("written");
        assert_eq!(said(&root, ""), None, "a file");
        fs::remove_file(&place).expect("removed");
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(CWD, &place, mode).expect("made");
        assert_eq!(said(&root, ""), None, "a pipe, which would wait for ever");
        fs::remove_file(&place).expect("removed");
        let listener = UnixListener::bind(&place).expect("bound");
        let own = fs::metadata(&place).expect("there");
        let ids = (Some(own.uid().to_string()), Some(own.gid().to_string()));
        assert_eq!(said(&root, ""), Some(ids.clone()));
        // FreePBX writes down what is usual.
        let usual =
            "[directories]\nastrundir => /var/run/asterisk\n[files]\nastctl = asterisk.ctl\n";
        assert_eq!(said(&root, usual), Some(ids.clone()));
        // Asterisk puts the folder before it all the same.
        let absolute = "[files]\nastctl = /asterisk.ctl\n";
        assert_eq!(said(&root, absolute), Some(ids.clone()));
        for outside in [place.display().to_string(), "../asterisk.ctl".to_owned()] {
            let conf = format!("[files]\nastctl = {outside}\n");
            assert_eq!(said(&root, &conf), None, "{outside}");
        }
        let given = "[files]\nastctlowner = root\nastctlgroup = staff\n";
        assert_eq!(said(&root, given), Some((None, None)));
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).expect("ours");
        assert_eq!(said(&root, ""), None, "open to all");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("ours");
        if rustix::process::geteuid().is_root() {
            // Its socket is another user's, as Asterisk's is.
            std::os::unix::fs::chown(&place, Some(65_534), Some(65_534)).expect("given");
            let theirs = (Some("65534".to_owned()), Some("65534".to_owned()));
            assert_eq!(said(&root, ""), Some(theirs));
            for group in [65_533, 0] {
                std::os::unix::fs::chown(&folder, None, Some(group)).expect("given");
                fs::set_permissions(&folder, fs::Permissions::from_mode(0o775)).expect("ours");
                assert_eq!(said(&root, ""), None, "open to group {group}");
            }
            std::os::unix::fs::chown(&place, Some(own.uid()), Some(own.gid())).expect("ours");
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("ours");
        let other = "[files]\nastctl = other.ctl\n";
        fs::hard_link(&place, folder.join("other.ctl")).expect("a second name");
        assert_eq!(said(&root, other), Some(ids), "of the author's choice");
        symlink(&place, folder.join("link")).expect("linked");
        assert_eq!(said(&root, "[files]\nastctl = link\n"), None, "a link");
        symlink(&folder, root.path().join("var/run/away")).expect("linked");
        let away = "[directories]\nastrundir = /var/run/away\n";
        assert_eq!(said(&root, away), None, "a folder behind a link");
        drop(listener);
        assert_eq!(said(&root, ""), None, "nobody listens");
    }
}
