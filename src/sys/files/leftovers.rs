//! The files of a call that are to go: its own recording, and what calls that were killed have left.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use log::{debug, warn};

use super::{append, hold, remove_in};

/// A recording that is removed when this goes out of scope, whatever happens until then.
#[derive(Debug)]
pub struct RemovedAfterUse(Option<PathBuf>);

impl RemovedAfterUse {
    /// Guards `recording`, if its name is one that Asterisk gives: an argument may name the wrong file.
    pub fn new(recording: Option<PathBuf>) -> Self {
        let is_wav = |path: &PathBuf| {
            path.extension()
                .is_some_and(|name| name == "wav" || name == "wav16")
        };
        Self(recording.filter(is_wav))
    }

    /// Lets the file stay, if `keep`.
    pub(crate) fn keep_if(&mut self, keep: bool) {
        self.0.take_if(|_| keep);
    }
}

impl Drop for RemovedAfterUse {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            remove(path);
        }
    }
}

/// Removes every file that Asterisk might play in place of the reply at `base`: it picks among all
/// formats that it finds under a name.
pub(crate) fn remove_replies(base: &Path) {
    if base.file_name().is_none() {
        return;
    }
    for extension in PLAYABLE {
        remove(&append(base, &format!(".{extension}")));
    }
}

/// Removes what calls left in `folder` more than an hour before `now`: only files named as the example
/// dialplan names them, and recordings only unless they are to be kept.
pub(crate) fn sweep(folder: &Path, keep_recordings: bool, now: SystemTime) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if is_leftover(name, keep_recordings) && is_old(&path, now) {
            debug!(
                "removing {}, left behind by an earlier call",
                path.display()
            );
            remove(&path);
        }
    }
}

/// Removes what [`NewFile::create_in`] has made in `folder` for processes that were killed.
pub(super) fn sweep_new(folder: &Path, now: SystemTime) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        let number = name
            .strip_prefix("new-")
            .and_then(|name| name.strip_suffix(".part"));
        if number.is_some() && is_old(&entry.path(), now) {
            remove(&entry.path());
        }
    }
}

/// Whether it is too old to belong to a call that may still be running.
fn is_old(path: &Path, now: SystemTime) -> bool {
    let modified = fs::symlink_metadata(path).and_then(|data| data.modified());
    modified.is_ok_and(|time| {
        now.duration_since(time)
            .is_ok_and(|age| age > FORGOTTEN_AFTER)
    })
}

/// Whether the name is `call-ID.wav`, `call-ID-2.wav` (a second try), `call-ID-reply.ulaw` or the like, with an id that
/// ends in digits, a dot, digits.
fn is_leftover(name: &str, keep_recordings: bool) -> bool {
    let name = name.strip_suffix(".part").unwrap_or(name);
    let Some((stem, extension)) = name
        .strip_prefix("call-")
        .and_then(|name| name.rsplit_once('.'))
    else {
        return false;
    };
    let id = match (stem.strip_suffix("-reply"), extension) {
        (Some(id), extension) if PLAYABLE.contains(&extension) => id,
        (None, "wav") if !keep_recordings => stem.strip_suffix("-2").unwrap_or(stem),
        _ => return false,
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // With `systemname` set in asterisk.conf, Asterisk puts that name and a hyphen before each id.
    let (time, count) = id.rsplit_once('.').unwrap_or_default();
    digits(time.rsplit('-').next().unwrap_or_default()) && digits(count)
}

fn remove(path: &Path) {
    let remove = || {
        let (folder, name) = hold(path)?;
        let _acting = folder.act()?;
        remove_in(&folder, &name)
    };
    match remove() {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            warn!("cannot remove {}: {error}", path.display());
        }
        _ => {}
    }
}

/// Longer than any call lasts.
pub(super) const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

/// The extensions under which Asterisk looks for a sound, from its format modules.
const PLAYABLE: &[&str] = &[
    "pcm", "ulaw", "ul", "mu", "ulw", "alaw", "al", "alw", "au", "g722", "sln", "slin", "raw",
    "sln12", "sln16", "sln24", "sln32", "sln44", "sln48", "sln96", "sln192", "wav", "wav16", "WAV",
    "wav49", "gsm", "g729", "g726", "ilbc", "siren7", "siren14", "ogg", "ogg16",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_calls_leave_behind_is_theirs() {
        let leftovers = [
            "call-1700000000.17.wav",
            "call-1700000000.17-2.wav",
            "call-1700000000.17-reply.ulaw",
            "call-1700000000.17-reply.sln16.part",
            "call-pbx-1700000000.17.wav",
            "call-pbx.office-1700000000.1-reply.alaw",
        ];
        for name in leftovers {
            assert!(is_leftover(name, false), "{name}");
        }
        let others = [
            "call-notes.wav",
            "call-17.wav",
            "call-17-2.wav",
            "call-1700000000.17-3.wav",
            "call-1700000000.17-2-reply.ulaw",
            "call-.17.wav",
            "call-1700000000.wav",
            "recall-1700000000.17.wav",
            "call-1700000000.17.mp3",
            "call-1700000000.17-reply.txt",
            "call-",
            "",
            "1700000000.17.wav",
        ];
        for name in others {
            assert!(!is_leftover(name, false), "{name}");
        }
        for kept in ["call-1700000000.17.wav", "call-1700000000.17-2.wav"] {
            assert!(!is_leftover(kept, true), "{kept}");
        }
    }
}
