//! The files of a log of calls: the log itself, and what logrotate has made of older ones beside it.
//! <https://man7.org/linux/man-pages/man8/logrotate.8.html>

use std::cmp::Reverse;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::sys::files;
use crate::sys::unpacked::Unpacked;

/// The log and the older ones beside it, the newest first; and what else is there that is named after it.
///
/// # Errors
/// When its folder cannot be looked at.
pub(super) fn all(log: &Path) -> io::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let beside = match files::list(files::parent(log)) {
        // A folder may let people in who may not list it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            vec![log.with_added_extension("1")]
        }
        beside => beside?,
    };
    let (mut older, mut others) = (Vec::new(), Vec::new());
    for path in beside {
        let more = more(&path, log);
        match more.as_deref().map(age) {
            Some(Some(age)) => older.push((age, path)),
            Some(None) => others.push(path),
            None => {}
        }
    }
    // While one is being compressed it is there twice.
    older.sort();
    older.dedup_by(|(_, next), (_, before)| *next == before.with_added_extension("gz"));
    // Numbers and dates are there side by side where an administrator has changed from one to the other.
    older
        .sort_by_key(|(_, path)| Reverse(fs::metadata(path).and_then(|data| data.modified()).ok()));
    let older = older.into_iter().map(|(_, path)| path);
    Ok(([log.to_owned()].into_iter().chain(older).collect(), others))
}

/// What the name of a file that logrotate may have rotated has more than that of the log: at its end, or with logrotate's
/// `extension` before that.
pub(in crate::cmd) fn more(path: &Path, log: &Path) -> Option<String> {
    let [name, log_name, stem] = [path.file_name(), log.file_name(), log.file_stem()]
        .map(|part| part.unwrap_or_default().to_string_lossy());
    let is_rotated = |more: &str| more.starts_with(['.', '-']);
    if let Some(more) = name.strip_prefix(&*log_name) {
        return is_rotated(more).then(|| more.to_owned());
    }
    let (before, behind) = name
        .strip_prefix(&*stem)?
        .split_once(&log_name[stem.len()..])?;
    // A log of something else may only begin as this one does.
    let has_digit = before.get(1..)?.starts_with(|c: char| c.is_ascii_digit());
    (has_digit && is_rotated(before)).then(|| format!("{before}{behind}"))
}

/// How old a log is whose name has so much more than that of the log: its number, else its date.
fn age(more: &str) -> Option<(u64, Reverse<u64>)> {
    let more = more.strip_suffix(".gz").unwrap_or(more);
    match more.split_at_checked(1)? {
        (".", number) => Some((number.parse().ok()?, Reverse(0))),
        ("-", date) if date.len() >= DATE => {
            let date = date.replace('-', "").parse().ok()?;
            Some((u64::MAX, Reverse(date)))
        }
        _ => None,
    }
}

/// Whether a file is compressed, by its name.
pub(super) fn is_compressed(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b".gz")
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
            "calls.jsonl-2026-11-17.gz",
            "calls.3.jsonl.gz",
            "calls-20261110-1794268800.jsonl",
        ];
        let others = [
            "calls.jsonl.2.gz.tmp",
            "calls.jsonl.old",
            "calls.jsonl-1",
            "calls.jsonl.",
            "calls.4.jsonl.xz",
            "calls.json.1",
            "calls-shop.jsonl",
            "calls.html",
            "calls.jsonl10",
        ];
        for (day, name) in (0..).zip(names.iter().chain(&others).chain(&["calls.jsonl.2"])) {
            let file = fs::File::create(folder.path().join(name)).expect("made");
            let written = SystemTime::now() - Duration::from_secs(day * 86_400);
            file.set_modified(written).expect("ours");
        }
        let (all, beside) = all(&log).expect("there");
        let names_of = |paths: &[PathBuf]| -> Vec<_> {
            let names = paths.iter().filter_map(|path| path.file_name()?.to_str());
            names.map(str::to_owned).collect()
        };
        let found = names_of(&all);
        let mut expected = names.to_vec();
        expected.retain(|name| *name != "calls.jsonl.2.gz");
        expected.push("calls.jsonl.2");
        assert_eq!(found, expected);
        let mut beside = names_of(&beside);
        beside.sort();
        let mut told = others[..5].to_vec();
        told.sort_unstable();
        assert_eq!(beside, told);
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
