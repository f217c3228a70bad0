//! What is so about the house: prices, people, addresses, in text files that an administrator writes.
//!
//! They are read anew for each call. A copy of the last good ones is kept in the folder of state, and used for a day when
//! they cannot be read, so that a save in the wrong encoding does not leave the model without them at once.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use log::debug;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::sys::date::{self, SECONDS_A_DAY};
use crate::sys::error::Chain;
use crate::sys::files;
use crate::sys::plain::BYTE_ORDER_MARK;
use crate::sys::remedy::shell_quoted;
use crate::sys::state::State;

/// Why facts are not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file or the folder cannot be read.
    #[error(
        "cannot read the facts in {path}; {remedy}", remedy = self.remedy()
    )]
    Unreadable {
        /// The file or folder.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A path that depends on where the program was started.
    #[error("the facts in {0} cannot be found by calls; {remedy}", remedy = self.remedy())]
    Relative(String),
    /// A folder without text files.
    #[error("the folder {0} holds no facts; {remedy}", remedy = self.remedy())]
    Nothing(String),
    /// Others may write what the model takes for true.
    #[error("every user of this machine may change the facts in {path}; {remedy}")]
    Open {
        /// The file or folder.
        path: String,
        /// How it is closed.
        remedy: String,
    },
    /// More than fits.
    #[error("the facts in {path} have more than {MAX} bytes; {remedy}", remedy = self.remedy())]
    TooLong {
        /// The file or folder.
        path: String,
    },
    /// Bytes that UTF-8 does not have.
    #[error(
        "the facts in {path} are not UTF-8 text: byte {byte:#04x} at offset {offset}, in line {line}; {remedy}", remedy = self.remedy()
    )]
    NotText {
        /// The file.
        path: String,
        /// The first such byte.
        byte: u8,
        /// Its place, from 0 on.
        offset: usize,
        /// Its line, from 1 on.
        line: usize,
    },
}

impl Error {
    /// What is to be done.
    pub(crate) fn remedy(&self) -> String {
        match self {
            Self::Unreadable { .. } => {
                "check that it is there and that Asterisk's user may read it".to_owned()
            }
            Self::Relative(_) => "write the whole path, from / on".to_owned(),
            Self::Nothing(_) => "put files in it whose names end with .md or .txt".to_owned(),
            Self::Open { remedy, .. } => remedy.clone(),
            Self::TooLong { .. } => "keep what callers ask for".to_owned(),
            Self::NotText { .. } => "save the file as UTF-8".to_owned(),
        }
    }
}

/// The facts that a call has.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The text; `None` where there is not even a copy of it.
    pub(crate) text: Option<String>,
    /// Why they could not be read.
    pub(crate) error: Option<Error>,
}

/// The last good facts.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Copy {
    /// When they were read, in seconds since 1970.
    read: u64,
    text: String,
}

impl Facts {
    /// Reads what is at `place`, or takes the copy of it that is at most a day old.
    pub(crate) fn read(place: &Path, state: &State, now: SystemTime) -> Self {
        let file = copy_of(place);
        let copy: Copy = state.read(&file);
        let age = date::seconds(now).checked_sub(copy.read);
        match read(place) {
            Ok(text) => {
                if copy.text != text || age.is_none_or(|age| age >= KEPT_ANEW_AFTER) {
                    keep(state, &file, &text, now);
                }
                Self {
                    text: Some(text),
                    error: None,
                }
            }
            Err(error) => Self {
                text: age
                    .filter(|age| *age <= SECONDS_A_DAY && !copy.text.is_empty())
                    .map(|_| copy.text),
                error: Some(error),
            },
        }
    }
}

/// The facts in a file, or in all files `*.md` and `*.txt` of a folder, in the order of their names.
///
/// # Errors
/// [`Error`]
pub(crate) fn read(place: &Path) -> Result<String, Error> {
    if !place.is_absolute() {
        return Err(Error::Relative(place.display().to_string()));
    }
    let data = fs::metadata(place).map_err(|source| unreadable(place, source))?;
    let files = if data.is_dir() {
        assert_closed(place, data.mode())?;
        of_folder(place)?
    } else {
        vec![place.to_owned()]
    };
    let mut all = String::new();
    for file in files {
        let room = MAX.saturating_sub(all.len());
        let text = read_file(&file, room).map_err(|error| match error {
            Error::TooLong { .. } => too_long(place),
            error => error,
        })?;
        let text = text.trim();
        if !all.is_empty() && !text.is_empty() {
            all.push_str("\n\n");
        }
        all.push_str(text);
    }
    match all.len() {
        ..=MAX => Ok(all),
        _ => Err(too_long(place)),
    }
}

fn of_folder(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let is_text = |path: &PathBuf| {
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let ending = path.extension().and_then(|ending| ending.to_str());
        !is_hidden && matches!(ending, Some("md" | "txt"))
    };
    let files = files::list(folder).map_err(|source| unreadable(folder, source))?;
    let mut files: Vec<_> = files.into_iter().filter(is_text).collect();
    files.sort();
    if files.is_empty() {
        Err(Error::Nothing(folder.display().to_string()))
    } else {
        Ok(files)
    }
}

fn read_file(path: &Path, room: usize) -> Result<String, Error> {
    let cannot = |source| unreadable(path, source);
    let file = files::open(path).map_err(cannot)?;
    assert_closed(path, file.metadata().map_err(cannot)?.mode())?;
    let mut bytes = Vec::new();
    // A byte order mark, carriage returns and blanks at the end are no facts.
    let most = 2 * room + 16;
    let limit = u64::try_from(most).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() >= most {
        return Err(too_long(path));
    }
    let text = decoded(path, &bytes)?;
    if text.trim().len() <= room {
        Ok(text)
    } else {
        Err(too_long(path))
    }
}

/// UTF-8 with `\n` at the end of its lines, and without a byte order mark.
fn decoded(path: &Path, bytes: &[u8]) -> Result<String, Error> {
    let wrong = |offset: usize| Error::NotText {
        path: path.display().to_string(),
        byte: bytes.get(offset).copied().unwrap_or_default(),
        offset,
        line: bytes
            .iter()
            .take(offset)
            .filter(|byte| **byte == b'\n')
            .count()
            + 1,
    };
    let text = std::str::from_utf8(bytes).map_err(|error| wrong(error.valid_up_to()))?;
    if let Some(offset) = text.find('\0') {
        return Err(wrong(offset));
    }
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    Ok(text.replace("\r\n", "\n"))
}

fn assert_closed(path: &Path, mode: u32) -> Result<(), Error> {
    if mode & WRITABLE_BY_OTHERS == 0 {
        return Ok(());
    }
    Err(Error::Open {
        path: path.display().to_string(),
        remedy: format!("chmod o-w {}", shell_quoted(path)),
    })
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Unreadable {
        path: path.display().to_string(),
        source,
    }
}

fn too_long(path: &Path) -> Error {
    Error::TooLong {
        path: path.display().to_string(),
    }
}

fn keep(state: &State, file: &str, text: &str, now: SystemTime) {
    let kept = state.waiting_briefly().update(file, |copy: &mut Copy| {
        *copy = Copy {
            read: date::seconds(now),
            text: text.to_owned(),
        };
    });
    if let Err(cause) = kept {
        debug!("no copy of the facts is kept: {}", Chain(&cause));
    }
}

/// The name of the copy, which is the same for the same place alone.
fn copy_of(place: &Path) -> String {
    let hash = digest(&SHA256, place.as_os_str().as_encoded_bytes());
    let name = BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..NAME_BYTES]);
    format!("facts-{name}.json")
}

/// The maximum number of bytes of all facts.
pub(crate) const MAX: usize = 48_000;

/// A copy that has not changed is dated anew only now and then: calls need not write to the disk for it.
const KEPT_ANEW_AFTER: u64 = 60 * 60;

/// Enough to tell the places of one machine apart.
const NAME_BYTES: usize = 9;

/// The bit of a mode that lets others write.
const WRITABLE_BY_OTHERS: u32 = 0o002;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_576_680)
    }

    fn open_to(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    }

    fn in_file(bytes: &[u8]) -> Result<String, String> {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("facts.txt");
        fs::write(&file, bytes).expect("written");
        read(&file).map_err(|error| {
            error
                .to_string()
                .replace(&file.display().to_string(), "FILE")
        })
    }

    #[test]
    fn text_passes_as_editors_write_it() {
        for (name, bytes, expected) in [
            ("plain", "A haircut costs 25 €.\n", "A haircut costs 25 €."),
            ("a byte order mark", "\u{feff}Tea.", "Tea."),
            ("lines of Windows", "a\r\nb\r\n", "a\nb"),
            ("nothing", "", ""),
        ] {
            assert_eq!(in_file(bytes.as_bytes()).as_deref(), Ok(expected), "{name}");
        }
    }

    #[test]
    fn what_is_no_utf_8_is_refused_with_the_byte_and_its_place() {
        for (name, bytes, place) in [
            (
                "Latin-1",
                &b"one\ncaf\xe9\n"[..],
                "byte 0xe9 at offset 7, in line 2",
            ),
            ("cut short", b"caf\xc3", "byte 0xc3 at offset 3, in line 1"),
            ("UTF-16", b"\xff\xfea\0", "byte 0xff at offset 0, in line 1"),
            ("a NUL", b"a\n\nb\0", "byte 0x00 at offset 4, in line 3"),
        ] {
            let error = in_file(bytes).expect_err(name);
            assert!(error.contains(place), "{name}: {error}");
        }
    }

    #[test]
    fn as_much_as_fits_is_taken_and_a_byte_more_is_not() {
        let text = "a".repeat(MAX);
        assert_eq!(in_file(text.as_bytes()).as_deref(), Ok(text.as_str()));
        assert_eq!(
            in_file(format!("\u{feff}{text}\r\n").as_bytes()).as_deref(),
            Ok(text.as_str())
        );
        let error = in_file(format!("{text}a").as_bytes()).expect_err("too long");
        assert!(error.contains("more than 48000 bytes"), "{error}");
        let error = in_file("é".repeat(2 * MAX).as_bytes()).expect_err("too long");
        assert!(error.contains("more than 48000 bytes"), "{error}");
    }

    #[test]
    fn a_folder_is_joined_in_the_order_of_names() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let put =
            |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
        assert!(matches!(read(folder.path()), Err(Error::Nothing(_))));
        put("20-prices.md", "A haircut costs 25 euros.\n");
        put("10-people.txt", "Anna cuts hair.\n");
        put("30-empty.md", "\n");
        put(".40.md", "hidden");
        put("50.md~", "a copy");
        put("60.jpg", "\u{fffd}");
        let expected = "Anna cuts hair.\n\nA haircut costs 25 euros.";
        assert_eq!(read(folder.path()).expect("facts"), expected);
        // Together they are too long.
        put("70.txt", &"a".repeat(MAX - expected.len() - 2));
        assert_eq!(read(folder.path()).expect("they fit").len(), MAX);
        put("80.txt", "a");
        let error = read(folder.path()).expect_err("too long").to_string();
        assert!(
            error.contains(&folder.path().display().to_string()),
            "{error}"
        );
    }

    #[test]
    fn what_others_may_write_is_refused_with_what_closes_it() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("facts.md");
        fs::write(&file, "Tea.").expect("written");
        open_to(&file, 0o664);
        assert_eq!(read(&file).expect("its group may"), "Tea.");
        open_to(&file, 0o646);
        for place in [file.as_path(), folder.path()] {
            let error = read(place).expect_err("open").to_string();
            assert!(
                error.contains("chmod o-w ") && error.contains("facts.md"),
                "{error}"
            );
        }
        open_to(&file, 0o644);
        open_to(folder.path(), 0o777);
        assert!(matches!(read(folder.path()), Err(Error::Open { .. })));
    }

    #[test]
    fn the_last_good_copy_is_used_for_a_day() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let state = State::new(&folder.path().join("state"));
        let file = folder.path().join("facts.md");
        let facts = |hours: u32| Facts::read(&file, &state, now() + HOUR * hours);
        let none = facts(0);
        assert!(none.text.is_none() && none.error.is_some());
        for (hours, text) in [(0, "Tea."), (2, "Coffee."), (5, "Coffee.")] {
            fs::write(&file, text).expect("written");
            let good = facts(hours);
            assert_eq!(good.text.as_deref(), Some(text));
            assert!(good.error.is_none());
        }
        fs::write(&file, b"Caf\xe9.").expect("written");
        let broken = facts(29);
        assert_eq!(broken.text.as_deref(), Some("Coffee."));
        assert!(matches!(broken.error, Some(Error::NotText { .. })));
        fs::remove_file(&file).expect("removed");
        let vanished = facts(29);
        assert_eq!(vanished.text.as_deref(), Some("Coffee."));
        assert!(matches!(vanished.error, Some(Error::Unreadable { .. })));
        let later = facts(30);
        assert!(
            later.text.is_none() && later.error.is_some(),
            "a day is over"
        );
        // Another place has a copy of its own.
        let other = Facts::read(&folder.path().join("other.md"), &state, now());
        assert!(other.text.is_none());
        fs::write(&file, "Tea.").expect("written");
        assert_eq!(facts(31).text.as_deref(), Some("Tea."));
    }
}
