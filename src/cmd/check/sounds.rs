//! The sounds that Asterisk has.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::console::say;
use super::machine::set_folder;

/// The folder of Asterisk's sounds, which Asterisk is asked for once.
pub(super) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let settings = say("core show settings").unwrap_or_default();
        let data = data_folder(&settings).or_else(|| set_folder("astdatadir"));
        data.map_or_else(|| likely(&usual()), |data| data.join("sounds"))
    })
}

/// The folder of data that Asterisk names among its settings. Where its file says nothing, it is the compiled-in one.
fn data_folder(settings: &str) -> Option<PathBuf> {
    let mut lines = settings.lines().map(str::trim);
    let folder = lines.find_map(|line| line.strip_prefix("Data directory:"))?;
    Some(folder.trim().into())
}

/// The first of these folders that has sounds: Debian makes the one of FreePBX too, without any.
fn likely(all: &[PathBuf; 2]) -> PathBuf {
    let has_sounds = |folder: &&PathBuf| is_there(folder, "beep");
    all.iter().find(has_sounds).unwrap_or(&all[0]).clone()
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

    #[test]
    fn the_folder_of_sounds_is_the_one_that_asterisk_names_or_that_has_some() {
        let settings = "* Directories\n  -------------\n  VarLib directory:            /var/lib/asterisk\n  \
                        Data directory:              /usr/share/asterisk\n";
        let table = [
            (settings, Some("/usr/share/asterisk")),
            ("No such command 'core show settings'", None),
            ("", None),
        ];
        for (settings, expected) in table {
            let expected = expected.map(PathBuf::from);
            assert_eq!(data_folder(settings), expected, "{settings}");
        }
        let root = testkit::TempDir::new().expect("a temporary folder");
        let all = ["freepbx", "debian"].map(|name| root.path().join(name));
        assert_eq!(likely(&all), all[0], "neither is there");
        for folder in &all {
            fs::create_dir(folder).expect("made");
        }
        assert_eq!(likely(&all), all[0], "neither has any");
        fs::create_dir(all[1].join("en")).expect("made");
        fs::write(all[1].join("en/beep.gsm"), "").expect("written");
        assert_eq!(likely(&all), all[1]);
    }
}
