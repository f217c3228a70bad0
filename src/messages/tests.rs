//! The folder, and what is counted, removed and understood in it.

use std::fs;
use std::time::{Duration, SystemTime};

use super::{Entry, Error, Kind, Progress, Spool, Way};

/// An entry of this time with one way, as yet untried.
pub(super) fn entry(kind: Kind, time: SystemTime) -> Entry {
    let id = Spool::new_id(time).expect("an id");
    let config = crate::config::Config::of_text(
        crate::config::Needs::Nothing,
        "",
        std::path::PathBuf::new(),
        &|_| None,
    );
    let config = config.unwrap_or_else(|faults| *faults.understood);
    let mut entry = Entry::new(kind, id, &config.messages, time);
    entry.ways.insert(Way::Mail, Progress::default());
    entry
}

fn spool() -> (testkit::TempDir, Spool) {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let spool = Spool::new(&folder.path().join("messages"));
    (folder, spool)
}

#[test]
fn what_has_failed_for_good_takes_no_room() {
    let (_folder, spool) = spool();
    let now = SystemTime::now();
    for _ in 0..200 {
        spool.add(&entry(Kind::Message, now), None).expect("kept");
    }
    let next = entry(Kind::Message, now);
    assert!(matches!(spool.add(&next, None), Err(Error::Full { .. })));
    let first = spool.entries(false).expect("listed").remove(0);
    let first = first.expect("read");
    let fail = |entry: &mut Entry| {
        let way = entry.ways.get_mut(&Way::Mail).expect("a way");
        way.fail("refused".to_owned(), true, now, now);
    };
    assert!(spool.change(&first.id, first.kind, fail).expect("changed"));
    spool.add(&next, None).expect("kept");
}

#[test]
fn administrators_are_told_what_has_failed_for_good_apart_from_what_is_late() {
    let (_folder, spool) = spool();
    let now = SystemTime::now();
    let minutes = |count: u64| now + Duration::from_secs(count * 60);
    let one = entry(Kind::Message, now);
    spool.add(&one, None).expect("kept");
    assert_eq!(super::trouble(&spool, minutes(59)), None);
    let late = "1 message is not delivered after an hour; the first: no process has delivered it; see phone-assistant \
                messages";
    assert_eq!(super::trouble(&spool, minutes(60)).as_deref(), Some(late));
    let other = entry(Kind::Message, now);
    spool.add(&other, None).expect("kept");
    let fail = |entry: &mut Entry| {
        // The mail was taken at the second attempt.
        let mail = entry.ways.get_mut(&Way::Mail).expect("a way");
        mail.fail("busy".to_owned(), false, now, now);
        mail.done = Some(crate::sys::date::seconds(now));
        let webhook = entry.ways.entry(Way::Webhook).or_default();
        webhook.fail("refused".to_owned(), true, now, now);
    };
    spool.change(&other.id, other.kind, fail).expect("changed");
    let failed = "1 message is not delivered, and not tried any more; the first: refused; once the cause is gone: \
                  phone-assistant messages --retry";
    assert_eq!(super::trouble(&spool, minutes(1)).as_deref(), Some(failed));
    let both = super::trouble(&spool, minutes(60));
    assert_eq!(both, Some(format!("{failed}; {late}")));
}

#[test]
fn a_file_whose_id_is_not_that_of_its_name_is_left_and_can_be_removed() {
    let (_folder, spool) = spool();
    let one = entry(Kind::Message, SystemTime::now());
    spool.add(&one, None).expect("kept");
    let path = spool.folder().join(format!("{}.message.json", one.id));
    let text = fs::read_to_string(&path).expect("read");
    fs::write(&path, text.replace(&one.id, "\\u001b[2J")).expect("written");
    let read = spool.entries(false).expect("listed").remove(0);
    assert!(matches!(read, Err(Error::Unclear { .. })));
    let removed = spool.remove(&one.id).expect("removed");
    assert_eq!(removed, Some(format!("{}.message.json", one.id)));
    assert!(!spool.has_waiting());
}

#[test]
fn what_was_delivered_long_ago_is_removed_but_not_what_cannot_be_read() {
    let (_folder, spool) = spool();
    let day = Duration::from_secs(86_400);
    let now = SystemTime::now();
    for time in [now - day * 9, now] {
        let one = entry(Kind::Message, time);
        spool.add(&one, None).expect("kept");
        let done = |entry: &mut Entry| {
            let way = entry.ways.get_mut(&Way::Mail).expect("a way");
            way.done = Some(crate::sys::date::seconds(time));
        };
        spool.change(&one.id, one.kind, done).expect("changed");
    }
    let id = Spool::new_id(now - day * 9).expect("an id");
    let damaged = format!("delivered/{id}.message.json");
    fs::write(spool.folder().join(&damaged), "{").expect("written");
    spool.sweep(day * 7, now).expect("swept");
    assert!(spool.folder().join(&damaged).exists());
    assert_eq!(spool.entries(true).expect("listed").len(), 2);
}

const JIM: &str = "+4930123456";

/// A message of this number.
fn entry_of(number: &str, time: SystemTime) -> Entry {
    let mut entry = entry(Kind::Message, time);
    entry.caller.number = number.to_owned();
    entry
}

/// Calls count without the lock, while a process that delivers moves it.
#[test]
fn what_is_in_both_folders_for_a_moment_is_one_message() {
    let (_folder, spool) = spool();
    let now = SystemTime::now();
    let one = entry_of(JIM, now);
    spool.add(&one, None).expect("kept");
    let name = format!("{}.message.json", one.id);
    let delivered = spool.folder().join("delivered");
    fs::create_dir(&delivered).expect("made");
    let left = || spool.left_lately(&one.caller.key(), now).expect("counted");
    assert_eq!(left(), 1);
    fs::copy(spool.folder().join(&name), delivered.join(&name)).expect("copied");
    assert_eq!(left(), 1);
    fs::remove_file(spool.folder().join(&name)).expect("removed");
    assert_eq!(left(), 1);
}

#[test]
fn a_caller_is_forgotten_also_where_some_file_cannot_be_read() {
    let (_folder, spool) = spool();
    let day = Duration::from_secs(86_400);
    let now = SystemTime::now();
    for (number, time) in [(JIM, now - day), ("+4930999", now), (JIM, now + day)] {
        spool.add(&entry_of(number, time), None).expect("kept");
    }
    let id = Spool::new_id(now).expect("an id");
    let damaged = spool.folder().join(format!("{id}.message.json"));
    fs::write(&damaged, "{").expect("written");
    let forgotten = spool.forget(JIM);
    assert!(matches!(forgotten, Err(Error::Unclear { .. })));
    let left = spool.entries(false).expect("listed").into_iter().flatten();
    let left: Vec<_> = left.map(|entry| entry.caller.number).collect();
    assert_eq!(left, ["+4930999"]);
    assert!(damaged.exists());
    fs::remove_file(damaged).expect("removed");
    assert_eq!(spool.forget("+4930999").expect("forgotten"), 1);
}

#[test]
fn what_a_killed_process_has_left_half_written_is_forgotten_and_goes_after_an_hour() {
    let (_folder, spool) = spool();
    let now = SystemTime::now();
    let delivered = spool.folder().join("delivered");
    spool.add(&entry_of("+4930999", now), None).expect("kept");
    fs::create_dir(&delivered).expect("made");
    // What killed processes leave: whole messages of two callers, and half of one.
    let mut parts = Vec::new();
    for folder in [spool.folder(), &delivered] {
        for number in [JIM, "+4930998", ""] {
            let entry = entry_of(number, now);
            let part = folder.join(format!("{}.message.json.part", entry.id));
            let whole = serde_json::to_string(&entry).expect("JSON");
            let text = if number.is_empty() { "{\"id\"" } else { &whole };
            fs::write(&part, text).expect("written");
            parts.push(part);
        }
    }
    let are_there = || parts.iter().map(|part| part.exists()).collect::<Vec<_>>();
    spool.forget(JIM).expect("forgotten");
    assert_eq!(are_there(), [false, true, true, false, true, true]);
    spool.sweep(Duration::ZERO, now).expect("swept");
    assert_eq!(are_there(), [false, true, true, false, true, true]);
    let later = now + Duration::from_secs(2 * 60 * 60);
    spool.sweep(Duration::ZERO, later).expect("swept");
    assert_eq!(are_there(), [false; 6]);
    assert!(spool.has_waiting());
}
