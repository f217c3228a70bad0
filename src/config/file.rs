//! The settings file, and who may read what holds a key.

use std::io;
use std::path::{Path, PathBuf};

use super::Environment;
use super::keys::setting;
use super::layers::Layers;
use crate::sys::{files, remedy};

/// Which file holds the settings: the one that was named, or the usual one. Also whether it was named.
pub(super) fn place(named: Option<&Path>, environment: Environment<'_>) -> (PathBuf, bool) {
    let named = named
        .map(Path::to_owned)
        .or_else(|| environment("PHONE_ASSISTANT_CONFIG").map(PathBuf::from));
    let is_named = named.is_some();
    (named.unwrap_or_else(|| USUAL_FILE.into()), is_named)
}

/// The text of the settings in `file`; `None` where there are none.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn read(file: &Path) -> io::Result<Option<String>> {
    match files::read_text(file, MAX_FILE) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The settings hold keys, so not every user may read them.
#[derive(Debug, thiserror::Error)]
#[error("you may not read the settings in {}; run this as root (sudo)", .0.display())]
pub(crate) struct Closed(PathBuf);

/// Whether this user may read the settings.
pub(super) fn expect_readable(
    named: Option<&Path>,
    environment: Environment<'_>,
) -> Result<(), Closed> {
    let (path, _) = place(named, environment);
    match read(&path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Closed(path)),
        _ => Ok(()),
    }
}

/// Lays the file on top: the one that was named, or the usual one if it is there. Returns which it is, and its text.
pub(super) fn add(
    layers: &mut Layers,
    named: Option<&Path>,
    environment: Environment<'_>,
) -> (PathBuf, String) {
    let (path, is_named) = place(named, environment);
    let shown = path.display();
    let read = match read(&path) {
        // The environment alone may hold all settings, so the usual file may be missing; one that was named may not.
        Ok(None) if is_named => Err(io::Error::new(
            io::ErrorKind::NotFound,
            "there is no such file",
        )),
        read => read,
    };
    let text = read.unwrap_or_else(|error| {
        let fault = format!("cannot read the settings in {shown}: {error}");
        layers.faults.push(fault);
        layers.is_whole = false;
        None
    });
    let text = text.unwrap_or_default();
    layers.add_file(&text, &shown.to_string());
    (path, text)
}

/// The files that hold a key and that every user of this machine may read: the settings, and those that they name.
pub(super) fn open_secrets(layers: &Layers, file: &Path) -> Vec<String> {
    if layers.switch(setting!("secrets.allow_readable")) {
        return Vec::new();
    }
    // Usually Asterisk starts this program.
    let group = match rustix::process::getegid() {
        root if root.is_root() => "asterisk".to_owned(),
        own => crate::sys::identity::names::group_name(own.as_raw()),
    };
    let mut secret = layers.secret_files();
    if layers.has_secret_of(&file.display().to_string()) {
        secret.insert(file.to_owned());
    }
    let open = secret.iter().filter(|file| files::is_readable_by_all(file));
    let fault = |file: &PathBuf| {
        let shown = file.display();
        format!(
            "{shown} holds a key and everybody on this machine may read it; to close it: \
             {} (or set allow_readable in [secrets])",
            remedy::close(file, &group)
        )
    };
    open.map(fault).collect()
}

/// A settings file has a few kilobytes.
const MAX_FILE: u64 = 1024 * 1024;

/// Where install.sh puts the settings.
const USUAL_FILE: &str = "/etc/phone-assistant/config.toml";
