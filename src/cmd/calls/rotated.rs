//! The files of a log of calls: the log itself, and what logrotate has made of older ones beside it.
//! <https://man7.org/linux/man-pages/man8/logrotate.8.html>

use std::cmp::Reverse;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::sys::files;
use crate::sys::unpacked::Unpacked;

/// The log and the older ones beside it, the newest first.
///
/// # Errors
/// When its folder cannot be looked at.
pub(super) fn all(log: &Path) -> io::Result<Vec<PathBuf>> {
    let Some(name) = log.file_name() else {
        return Ok(vec![log.to_owned()]);
    };
    let age = |path: &PathBuf| {
        let suffix = path.file_name()?.as_encoded_bytes();
        age(suffix.strip_prefix(name.as_encoded_bytes())?)
    };
    let beside = match files::list(files::parent(log)) {
        // A folder may let people in who may not list it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            vec![log.with_added_extension("1")]
        }
        beside => beside?,
    };
    let older = beside.into_iter();
    let mut older: Vec<_> = older.filter_map(|path| Some((age(&path)?, path))).collect();
    // While one is being compressed it is there twice.
    older.sort();
    older.dedup_by_key(|(age, _)| *age);
    // Numbers and dates are there side by side where an administrator has changed from one to the other.
    older
        .sort_by_key(|(_, path)| Reverse(fs::metadata(path).and_then(|data| data.modified()).ok()));
    let older = older.into_iter().map(|(_, path)| path);
    Ok([log.to_owned()].into_iter().chain(older).collect())
}

/// How old a log is whose name goes on like this behind that of the log: its number, else its date.
fn age(suffix: &[u8]) -> Option<(u64, Reverse<u64>)> {
    let suffix = suffix.strip_suffix(COMPRESSED).unwrap_or(suffix);
    let (mark, digits) = suffix.split_first()?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match mark {
        b'.' => Some((number, Reverse(0))),
        b'-' if digits.len() >= DATE => Some((u64::MAX, Reverse(number))),
        _ => None,
    }
}

/// Whether a file is compressed, by its name.
pub(super) fn is_compressed(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(COMPRESSED)
}

/// What was compressed, and whether it breaks off or is no such file. `None`: it has more than `most` bytes.
///
/// # Errors
/// When it cannot be read.
pub(super) fn unpacked(file: impl Read, most: u64) -> io::Result<Option<(Vec<u8>, bool)>> {
    let mut text = Vec::new();
    let read = Unpacked::of("gzip", file.take(most.saturating_add(OVERHEAD)))
        .take(most.saturating_add(1))
        .read_to_end(&mut text);
    let is_damaged = match read {
        Err(error) if is_of_content(&error) => true,
        read => read.map(|_| false)?,
    };
    let is_whole = u64::try_from(text.len()).is_ok_and(|len| len <= most);
    Ok(is_whole.then_some((text, is_damaged)))
}

fn is_of_content(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
    )
}

const COMPRESSED: &[u8] = b".gz";
/// By so many bytes a compressed text may be longer than the text, at most.
const OVERHEAD: u64 = 1024;
/// The digits of a date such as 20261201.
const DATE: usize = 8;

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn older_logs_come_in_the_order_in_which_they_were_rotated() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let log = folder.path().join("calls.jsonl");
        let names = [
            "calls.jsonl",
            "calls.jsonl-20261201",
            "calls.jsonl-20261124.gz",
            "calls.jsonl.1",
            "calls.jsonl.2.gz",
            "calls.jsonl.10.gz",
        ];
        let others = [
            "calls.jsonl.2.gz.tmp",
            "calls.jsonl.old",
            "calls.jsonl-1",
            "calls.json.1",
            "calls.jsonl.",
        ];
        for (day, name) in (0..).zip(names.iter().chain(&others).chain(&["calls.jsonl.2"])) {
            let file = fs::File::create(folder.path().join(name)).expect("made");
            let written = SystemTime::now() - Duration::from_secs(day * 86_400);
            file.set_modified(written).expect("ours");
        }
        let all = all(&log).expect("there");
        let found: Vec<_> = all
            .iter()
            .filter_map(|path| path.file_name()?.to_str())
            .collect();
        let mut expected = names;
        expected.swap(4, 5);
        expected[5] = "calls.jsonl.2";
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_cut_or_no_log_at_all_is_taken_as_far_as_it_goes() {
        let packed = miniz_oxide::deflate::compress_to_vec(b"one\ntwo\n", 6);
        let whole = [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], &packed, &[0; 8]].concat();
        let of = |bytes: &[u8], most| unpacked(bytes, most).expect("readable");
        assert_eq!(of(&whole, 8), Some((b"one\ntwo\n".to_vec(), false)));
        assert_eq!(of(&whole, 7), None);
        assert_eq!(
            of(&whole[..12], 8).map(|(_, is_damaged)| is_damaged),
            Some(true)
        );
        assert_eq!(of(b"{}", 8), Some((Vec::new(), true)));
    }
}
