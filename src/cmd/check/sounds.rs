//! The sounds that Asterisk has.

use std::fs;
use std::path::{Path, PathBuf};

use super::machine::asterisk_folder;

/// The folder of Asterisk's sounds.
pub(super) fn folder() -> PathBuf {
    asterisk_folder("astdatadir", &["/var/lib/asterisk", "/usr/share/asterisk"]).join("sounds")
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
