//! What cannot be read is not forgotten: it is left alone, and the call goes on without memory.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{callers, exchanges, files, phone_calls, settings, told};
use crate::house::House;

/// What a caller's file becomes, and what is told of it.
type Fault = (&'static str, fn(&Path), &'static str);

const FAULTS: &[Fault] = &[
    (
        "half",
        |file| fs::write(file, r#"{"version":1,"id":"a","num"#).unwrap(),
        "EOF",
    ),
    ("empty", |file| fs::write(file, "").unwrap(), "empty"),
    (
        "no text",
        |file| fs::write(file, [0xff; 300]).unwrap(),
        "expected value",
    ),
    (
        "huge",
        |file| fs::write(file, r#"{"version":1,"exchanges":["#.repeat(100_000)).unwrap(),
        "bytes or more",
    ),
    (
        "a later format",
        |file| fs::write(file, r#"{"version":2,"id":"a","number":"200"}"#).unwrap(),
        "version 2",
    ),
    (
        "a later format, with nothing that we know",
        |file| fs::write(file, r#"{"version":3}"#).unwrap(),
        "version 3",
    ),
    (
        "a time that cannot be",
        |file| {
            let text = fs::read_to_string(file).unwrap();
            let (before, _) = text.split_once("\"time\":").unwrap();
            let rest = r#"1e30,"question":"q","answer":"a"}]}"#;
            fs::write(file, format!("{before}\"time\":{rest}")).unwrap();
        },
        "expected u64",
    ),
    (
        "a folder",
        |file| {
            fs::remove_file(file).unwrap();
            fs::create_dir(file).unwrap();
        },
        "no regular file",
    ),
    (
        "a link",
        |file| {
            fs::rename(file, file.with_extension("else")).unwrap();
            symlink(file.with_extension("else"), file).unwrap();
        },
        "a link",
    ),
    (
        "a link that leads nowhere",
        |file| {
            fs::remove_file(file).unwrap();
            symlink("/nonexistent/caller.json", file).unwrap();
        },
        "a link",
    ),
];

#[test]
fn a_file_that_cannot_be_read_is_left_alone_and_the_call_goes_on_without_memory() {
    for (name, spoil, words) in FAULTS {
        let house = House::new();
        let settings = settings(&house, "internal");
        phone_calls(&house, &settings);
        let file = files(&house).remove(0);
        spoil(&file);
        let before = fs::read(&file).ok();
        let warned = phone_calls(&house, &settings).warnings;
        assert!(
            warned.len() == 1 && warned[0].contains("memory: cannot") && warned[0].contains(words),
            "{name}: {warned:?}"
        );
        assert_eq!(told(&house, 1).1.len(), 1, "{name}");
        assert_eq!(fs::read(&file).ok(), before, "{name}");
        let again = phone_calls(&house, &settings);
        assert!(again.warnings.is_empty(), "{name}: {:?}", again.warnings);
        // Once an administrator has looked at it and removed it, the caller is remembered anew.
        let removed = if file.is_dir() {
            fs::remove_dir(&file)
        } else {
            fs::remove_file(&file)
        };
        removed.unwrap();
        phone_calls(&house, &settings);
        assert_eq!(exchanges(&house), 1, "{name}");
    }
}

#[test]
fn a_key_that_is_none_makes_strangers_of_nobody() {
    let house = House::new();
    let settings = settings(&house, "internal");
    phone_calls(&house, &settings);
    let place = callers(&house).join("key");
    let key = fs::read(&place).unwrap();
    for broken in ["", "short"] {
        fs::write(&place, broken).unwrap();
        phone_calls(&house, &settings);
        assert_eq!(fs::read(&place).unwrap(), broken.as_bytes());
        assert_eq!(exchanges(&house), 1);
        // By their number callers are still found in what can be read.
        let output = house.command(&settings, &["forget", "201"]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            text.contains("cannot use") && text.contains("key"),
            "{text}"
        );
    }
    fs::write(&place, key).unwrap();
    phone_calls(&house, &settings);
    assert_eq!(exchanges(&house), 2);
    // Who is to be forgotten is, whatever the key.
    fs::write(&place, "short").unwrap();
    house.command(&settings, &["forget", "200"]);
    assert!(files(&house).is_empty());
}
