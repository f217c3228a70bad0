//! Files and folders of facts: which are read, and what is said of the others.

use std::os::unix::fs::{PermissionsExt, symlink};
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
fn a_text_without_a_word_is_no_facts() {
    for text in ["", " \n\r\n", "\u{feff}\n"] {
        let error = in_file(text.as_bytes()).expect_err("empty");
        assert!(error.starts_with("the facts in FILE are empty"), "{error}");
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
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    assert!(matches!(read(folder.path()), Err(Error::Nothing(_))));
    put("20-prices.md", "A haircut costs 25 euros.\n");
    put("10-people.txt", "Anna cuts hair.\n");
    put("30-empty.md", "\n");
    put(".40.md", "hidden");
    put("50.md~", "a copy");
    put("60.jpg", "\u{fffd}");
    let expected = "Anna cuts hair.\n\nA haircut costs 25 euros.";
    assert_eq!(read(folder.path()).expect("facts"), expected);
    // A full disk leaves no byte of a file that is written anew.
    put("40-people.md", "");
    let error = read(folder.path()).expect_err("cut off").to_string();
    assert!(error.contains("40-people.md are empty"), "{error}");
    put("40-people.md", "\n");
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
    for mode in [0o777, 0o1777] {
        open_to(folder.path(), mode);
        let error = read(folder.path()).expect_err("all may add files");
        assert!(matches!(error, Error::Unguarded(_)), "{error}");
    }
    assert_eq!(read(&file).expect("as in /tmp"), "Tea.");
    open_to(folder.path(), 0o777);
    let error = read(&file).expect_err("it can be replaced").to_string();
    let way = format!("chmod o-w {}", folder.path().display());
    assert!(error.ends_with(&way), "{error}");
}

#[test]
fn a_link_is_refused_where_others_may_change_what_it_leads_to() {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let place = |name: &str| folder.path().join(name);
    fs::create_dir(place("open")).expect("made");
    fs::write(place("open/facts.md"), "Tea.").expect("written");
    symlink("open/facts.md", place("relative.md")).expect("linked");
    symlink(place("open"), place("folder")).expect("linked");
    let links = [
        place("relative.md"),
        place("folder/../open/facts.md"),
        place("folder"),
    ];
    for link in &links {
        assert_eq!(read(link).expect("closed"), "Tea.", "{}", link.display());
    }
    open_to(&place("open"), 0o777);
    for link in &links {
        let error = read(link).expect_err("open").to_string();
        assert!(
            error.ends_with(&format!("chmod o-w {}", place("open").display())),
            "{error}"
        );
    }
}

#[test]
fn a_folder_of_more_files_than_people_write_is_refused() {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    for index in 0..MAX_ENTRIES {
        fs::write(folder.path().join(format!("{index}.md")), "a").expect("written");
    }
    let all = read(folder.path()).expect("as many as may be");
    assert_eq!(all.matches('a').count(), MAX_ENTRIES);
    fs::write(folder.path().join("more"), "").expect("written");
    assert!(matches!(read(folder.path()), Err(Error::Crowded(_))));
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
    fs::write(&file, "\n").expect("written");
    let empty = facts(29);
    assert_eq!(empty.text.as_deref(), Some("Coffee."));
    assert!(matches!(empty.error, Some(Error::Empty(_))));
    fs::remove_file(&file).expect("removed");
    let vanished = facts(29);
    assert_eq!(vanished.text.as_deref(), Some("Coffee."));
    assert!(matches!(vanished.error, Some(Error::Unreadable { .. })));
    assert_eq!(facts(53).text.as_deref(), Some("Coffee."));
    let later = facts(54);
    assert!(
        later.text.is_none() && later.error.is_some(),
        "a day is over"
    );
    // Another place has a copy of its own.
    let other = Facts::read(&folder.path().join("other.md"), &state, now());
    assert!(other.text.is_none());
    fs::write(&file, "Tea.").expect("written");
    assert_eq!(facts(55).text.as_deref(), Some("Tea."));
    // No call for three days, and a break in the meantime.
    fs::remove_file(&file).expect("removed");
    assert_eq!(facts(130).text.as_deref(), Some("Tea."));
    assert_eq!(facts(154).text.as_deref(), Some("Tea."));
    assert!(facts(155).text.is_none());
}

#[test]
fn copies_of_other_places_are_kept_while_they_are_used_and_removed_after_a_month() {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let state = State::new(&folder.path().join("state"));
    let day = HOUR * 24;
    let (one, other) = (folder.path().join("one.md"), folder.path().join("other.md"));
    for place in [&one, &other] {
        fs::write(place, "Tea.").expect("written");
        Facts::read(place, &state, now());
    }
    let is_kept = || state.file(&copy_of(&other)).is_file();
    Facts::read(&one, &state, now() + day * 29);
    assert!(is_kept());
    Facts::read(&one, &state, now() + day * 30);
    assert!(!is_kept());
    assert!(state.file(&copy_of(&one)).is_file());
}
