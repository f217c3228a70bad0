//! The sounds that Asterisk has.

use std::fs;
use std::path::{Path, PathBuf};

use super::machine::asterisk_folder;

/// The folder of Asterisk's sounds.
pub(super) fn folder() -> PathBuf {
    asterisk_folder("astdatadir", &USUAL).join("sounds")
}

/// The folders of sounds that FreePBX and Debian have.
pub(super) fn usual() -> [PathBuf; 2] {
    USUAL.map(|data| Path::new(data).join("sounds"))
}

/// The one of `all` folders of sounds that has this one, and is not `folder`.
pub(super) fn elsewhere(all: &[PathBuf], folder: &Path, name: &str) -> Option<PathBuf> {
    // One may be a link to the other.
    let real = |path: &Path| path.canonicalize().ok();
    let is_other = |other: &&PathBuf| real(other).is_some_and(|other| Some(other) != real(folder));
    let mut others = all.iter().filter(is_other);
    others.find(|other| is_there(other, name)).cloned()
}

/// Whether a folder of sounds has one of this name: a file of any format in the folder itself or in that of a language.
pub(crate) fn is_there(folder: &Path, name: &str) -> bool {
    let is_here = |folder: &Path| {
        let path = folder.join(name);
        let (Some(parent), Some(stem)) = (path.parent(), path.file_name()) else {
            return false;
        };
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| {
            let path = entry.path();
            path.file_stem() == Some(stem) && path.extension().is_some()
        })
    };
    let languages = fs::read_dir(folder).into_iter().flatten().flatten();
    is_here(folder) || languages.into_iter().any(|entry| is_here(&entry.path()))
}

/// Where FreePBX and Debian have Asterisk's data.
const USUAL: [&str; 2] = ["/var/lib/asterisk", "/usr/share/asterisk"];

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_sound_is_found_where_asterisk_does_not_look() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let [one, other, link] = ["one", "other", "link"].map(|name| folder.path().join(name));
        fs::create_dir_all(one.join("custom")).expect("made");
        fs::create_dir_all(&other).expect("made");
        symlink(&one, &link).expect("linked");
        fs::write(one.join("custom/welcome.ulaw"), "").expect("written");
        let all = [one.clone(), other.clone()];
        let found = |folder| elsewhere(&all, folder, "custom/welcome");
        assert_eq!(found(&other), Some(one.clone()));
        assert_eq!(found(&one), None);
        assert_eq!(found(&link), None, "it is the same folder");
        assert_eq!(elsewhere(&all, &other, "custom/goodbye"), None);
    }
}
