//! Whether administrators alone can change the facts: what the model takes for true must not be any user's choice.
//!
//! A user who may write to a folder can replace what is in it, so each component of a path is looked at, and of the
//! paths to which its links lead. Its group may write to each: that is how administrators share a file.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::sys::held::Trust;
use crate::sys::identity::names::user_name;
use crate::sys::mode::{STICKY, WRITABLE_BY_OTHERS};
use crate::sys::path_walk::PathWalk;
use crate::sys::plain::plain;
use crate::sys::remedy::shell_quoted;

/// Why others can change the facts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Others may write to a component.
    #[error("every user of this machine may change {}, and with it the facts; {}", shown(.0), self.remedy())]
    Open(PathBuf),
    /// A component belongs to another user.
    #[error("{} belongs to {owner}, who may change the facts; {}", shown(.path), self.remedy())]
    Foreign {
        /// The component.
        path: PathBuf,
        /// Its owner.
        owner: String,
    },
    /// Links that lead to each other.
    #[error("{} leads from link to link; {}", shown(.0), self.remedy())]
    Links(PathBuf),
    /// A component cannot be looked at.
    #[error("cannot look at {}; {}", shown(.path), self.remedy())]
    Look {
        /// The component.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Fault {
    /// What is to be done.
    pub(crate) fn remedy(&self) -> String {
        match self {
            Self::Open(path) => format!("chmod o-w {}", shell_quoted(path)),
            Self::Foreign { .. } => {
                "keep the facts where only root and Asterisk's user own files and folders, such as /etc/phone-assistant"
                    .to_owned()
            }
            Self::Links(_) => "name the file itself".to_owned(),
            Self::Look { .. } => "check that Asterisk's user may read it".to_owned(),
        }
    }
}

/// Asserts that only root, the user who runs this and groups of theirs can change what stands at `path`, which is whole.
///
/// # Errors
/// [`Fault`] names the first component that others can change.
pub(super) fn assert_guarded(path: &Path) -> Result<(), Fault> {
    let mut way = PathWalk::of(path);
    assert_kept(way.here(), &look(way.here())?)?;
    while let Some(next) = way.next() {
        let data = look(&next)?;
        if !data.is_symlink() {
            assert_kept(&next, &data)?;
            way.enter(next);
            continue;
        }
        assert_owned(&next, &data)?;
        let to = fs::read_link(&next).map_err(|source| unseen(&next, source))?;
        if !way.follow(&to) {
            return Err(Fault::Links(next));
        }
    }
    assert_closed(way.here(), &look(way.here())?)
}

/// Asserts that a file, or a folder of files, is not another user's and not open to them.
pub(super) fn assert_closed(path: &Path, data: &Metadata) -> Result<(), Fault> {
    assert_owned(path, data)?;
    if data.mode() & WRITABLE_BY_OTHERS == 0 {
        Ok(())
    } else {
        Err(Fault::Open(path.to_owned()))
    }
}

/// Asserts that others cannot replace in a folder what is not theirs. One with the sticky bit, like `/tmp`, prevents it.
fn assert_kept(path: &Path, data: &Metadata) -> Result<(), Fault> {
    if data.mode() & STICKY != 0 {
        assert_owned(path, data)
    } else {
        assert_closed(path, data)
    }
}

fn assert_owned(path: &Path, data: &Metadata) -> Result<(), Fault> {
    if Trust::with(None).owns(data.uid()) {
        return Ok(());
    }
    Err(Fault::Foreign {
        path: path.to_owned(),
        owner: user_name(data.uid()),
    })
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

fn shown(path: &Path) -> String {
    plain(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_of_another_user_is_named() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("facts.md");
        fs::write(&file, "Tea.").expect("written");
        assert!(assert_guarded(&file).is_ok());
        // Root alone can give files away.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        for place in [file.as_path(), folder.path()] {
            std::os::unix::fs::chown(place, Some(STRANGER), None).expect("given");
            let fault = assert_guarded(&file).expect_err("another's");
            assert!(
                matches!(&fault, Fault::Foreign { path, .. } if path == place),
                "{fault}"
            );
            std::os::unix::fs::chown(place, Some(0), None).expect("taken back");
        }
    }

    const STRANGER: u32 = 12_345;
}
