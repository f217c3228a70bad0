//! Files that guard something, such as the day's money: one that cannot be read or understood is an error, and only one
//! that is not there is begun anew.
//!
//! Everything else that calls remember for each other is lost without harm, and is [`State`](super::State)'s. Content
//! of this kind has no [`Default`], so it cannot get there by mistake. What has been written here is still there after
//! a loss of power.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Serialize};

use super::{MAX_FILE, lock};
use crate::sys::files::{self, NewFile, Readers};

/// What such a file holds.
pub(crate) trait Guarded: Serialize + DeserializeOwned {
    /// The format that this program writes. Files of a later one are not touched.
    const VERSION: u32;
}

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    path: PathBuf,
}

/// Why a file cannot be read or changed. Then it is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file exists and cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The content is not what this program writes.
    #[error("cannot understand {}", .path.display())]
    Unclear {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file would be larger than what is read.
    #[error("{} would grow beyond {MAX_FILE} bytes", .path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be locked or written.
    #[error(transparent)]
    Change(#[from] super::Error),
}

impl Guard {
    /// The file at `path`, whose folder is made when it is first needed.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Its place.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds; `None` where there is no file.
    ///
    /// # Errors
    /// [`Error`].
    pub(crate) fn read<T: Guarded>(&self) -> Result<Option<T>, Error> {
        let path = || self.path.clone();
        match files::read_own(&self.path, MAX_FILE) {
            Ok(bytes) => match parse(&bytes, T::VERSION) {
                Ok(content) => Ok(Some(content)),
                Err(source) => Err(Error::Unclear {
                    path: path(),
                    source,
                }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Read {
                path: path(),
                source,
            }),
        }
    }

    /// Changes what it holds, or what `begin` gives where there is no file, and returns what `change` does. Unless that
    /// is an error the file has been replaced. After a loss of power it may be as it was before, or empty, and the
    /// latter is noticed.
    ///
    /// # Errors
    /// What `change` returns, or [`Error`]; then the file is as it was.
    pub(crate) fn update<T: Guarded, R, E: From<Error>>(
        &self,
        begin: impl FnOnce() -> T,
        change: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<R, E> {
        self.update_by(NewFile::finish, begin, change)
    }

    /// The same where it is to stay so after a loss of power: the disk is waited for, 100 ms and more where it is a
    /// card.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub(crate) fn update_for_good<T: Guarded, R, E: From<Error>>(
        &self,
        begin: impl FnOnce() -> T,
        change: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<R, E> {
        self.update_by(NewFile::finish_for_good, begin, change)
    }

    fn update_by<T: Guarded, R, E: From<Error>>(
        &self,
        finish: fn(NewFile) -> Result<(), files::Error>,
        begin: impl FnOnce() -> T,
        change: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<R, E> {
        let lock = lock(&files::append(&self.path, ".lock"), PATIENCE).map_err(Error::from)?;
        let mut content = self.read()?.unwrap_or_else(begin);
        let result = change(&mut content)?;
        self.write(&content, finish)?;
        drop(lock);
        Ok(result)
    }

    fn write<T: Guarded>(
        &self,
        content: &T,
        finish: fn(NewFile) -> Result<(), files::Error>,
    ) -> Result<(), Error> {
        let json = serde_json::to_vec(content).map_err(|source| super::Error::Json {
            path: self.path.display().to_string(),
            source,
        })?;
        // A larger file could be written and never be read again, and then every call would be turned away.
        if u64::try_from(json.len()).is_ok_and(|len| len >= MAX_FILE) {
            return Err(Error::Full {
                path: self.path.clone(),
            });
        }
        let replace = || {
            let mut file = NewFile::create(&self.path, Readers::Owner)?;
            file.write_all(&json)?;
            finish(file)
        };
        Ok(replace().map_err(super::Error::from)?)
    }
}

/// Reads a JSON object whose `version` says in which format it is; without one it is of the first. A later format is
/// named as such, whatever else has changed in it.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8], known: u32) -> serde_json::Result<T> {
    if bytes.is_empty() {
        return Err(serde_json::Error::custom(
            "it is empty, as a loss of power leaves files",
        ));
    }
    let Head { version } = serde_json::from_slice(bytes)?;
    if version != known {
        let which = if version > known {
            "a later"
        } else {
            "another"
        };
        return Err(serde_json::Error::custom(format_args!(
            "it is of version {version}, as {which} phone-assistant writes it; this one knows version {known}"
        )));
    }
    serde_json::from_slice(bytes)
}

#[derive(Deserialize)]
struct Head {
    #[serde(default = "first")]
    version: u32,
}

/// Files of the first format did not name it.
pub(crate) fn first() -> u32 {
    1
}

/// How long the lock is waited for: enough for thirty calls that begin at once, on a disk that takes 50 ms to sync a
/// file and as long for its folder.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[derive(Debug, Serialize, Deserialize)]
    struct Words(String);

    impl Guarded for Words {
        const VERSION: u32 = 1;
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Counted {
        version: u32,
        count: u64,
    }

    impl Guarded for Counted {
        const VERSION: u32 = 2;
    }

    fn add(guard: &Guard, more: u64) -> Result<u64, Error> {
        let begin = || Counted {
            version: Counted::VERSION,
            count: 0,
        };
        guard.update(begin, |counted| {
            counted.count += more;
            Ok(counted.count)
        })
    }

    #[test]
    fn it_begins_where_there_is_no_file_and_is_one_value_ever_after() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let guard = Guard::new(folder.path().join("state/n.json"));
        assert_eq!(guard.read::<Counted>().expect("no file"), None);
        assert_eq!(add(&guard, 2).expect("begun"), 2);
        assert_eq!(add(&guard, 3).expect("changed"), 5);
        let refused = guard.update(
            || unreachable!("it is there"),
            |counted: &mut Counted| {
                counted.count = 0;
                Err::<(), Error>(Error::Full {
                    path: PathBuf::new(),
                })
            },
        );
        refused.expect_err("what is asked for");
        assert_eq!(add(&guard, 0).expect("as it was"), 5);
    }

    #[test]
    fn other_versions_are_named_whatever_else_they_hold() {
        let table = [
            (r#"{"version":3,"count":[]}"#, "of version 3, as a later"),
            (r#"{"version":1,"count":1}"#, "of version 1, as another"),
            (r#"{"count":1}"#, "of version 1, as another"),
            (r#"{"version":2}"#, "missing field `count`"),
            ("", "empty"),
        ];
        for (json, words) in table {
            let error = parse::<Counted>(json.as_bytes(), 2).expect_err("not ours");
            assert!(error.to_string().contains(words), "{json}: {error}");
        }
    }

    #[test]
    fn nothing_is_written_that_would_not_be_read_again() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let guard = Guard::new(folder.path().join("words.json"));
        let limit = usize::try_from(MAX_FILE).expect("small");
        for (len, fits) in [(limit - 3, true), (limit - 2, false)] {
            let words = Words("x".repeat(len));
            let written = guard.write(&words, NewFile::finish);
            assert_eq!(written.is_ok(), fits, "{len}");
            let bytes = fs::read(&guard.path).expect("it is there");
            assert_eq!(bytes.len(), limit - 1);
            assert!(files::read_own(&guard.path, MAX_FILE).is_ok());
        }
    }
}
