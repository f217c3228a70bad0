//! Keys, names and files of the folder.

use super::*;
use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

#[test]
fn all_who_begin_at_once_agree_on_one_key() {
    let number = "200".to_owned();
    let caller = Caller {
        number,
        account: None,
    };
    for _ in 0..20 {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let store = Folder::new(&folder.path().join("callers"));
        let begin = Barrier::new(8);
        let place = || {
            begin.wait();
            store.place(&caller).expect("a key")
        };
        let places: BTreeSet<_> = thread::scope(|scope| {
            let starters: Vec<_> = (0..8).map(|_| scope.spawn(place)).collect();
            let places = starters
                .into_iter()
                .map(|one| one.join().expect("no panic"));
            places.collect()
        });
        assert_eq!(places.len(), 1);
        assert_eq!(places.into_iter().next(), store.place(&caller).ok());
    }
}

#[test]
fn what_others_have_put_there_is_neither_shown_nor_swept() {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let store = Folder::new(folder.path());
    let hash = "0a".repeat(32);
    let others = ["notes.json", "0a.json", "key.json", "key.part", &hash];
    for name in others {
        fs::write(folder.path().join(name), "{}").expect("written");
    }
    let retention = RetentionLimits {
        max_exchanges: 1,
        max_age: Duration::ZERO,
    };
    assert!(
        store
            .sweep_until(Instant::now() + PATIENCE, retention, SystemTime::now())
            .expect("swept")
    );
    assert!(store.files().expect("readable").is_empty());
    assert!(others.iter().all(|name| folder.path().join(name).exists()));
    // One of ours that cannot be understood goes when it is too old.
    let ours = folder.path().join(hash + EXTENSION);
    fs::write(&ours, "{}").expect("written");
    let an_hour = RetentionLimits {
        max_age: Duration::from_secs(3600),
        ..retention
    };
    let part = files::append(&ours, ".part");
    fs::write(&part, "half").expect("written");
    for (retention, is_there) in [(an_hour, true), (retention, false)] {
        assert!(
            store
                .sweep_until(Instant::now() + PATIENCE, retention, SystemTime::now())
                .expect("swept")
        );
        assert_eq!(ours.exists(), is_there);
        assert!(!part.exists());
    }
}

#[test]
fn what_a_killed_call_has_left_is_forgotten_too() {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let store = Folder::new(folder.path());
    for caller in Caller::all_of("200") {
        let place = store.place(&caller).expect("a key");
        let part = files::append(&place, ".part");
        fs::write(&part, "half").expect("written");
        assert_eq!(store.forget("200").expect("forgotten"), 0);
        assert!(!part.exists());
        fs::write(&part, "half").expect("written");
        store.remove(&caller, PATIENCE).expect("forgotten");
        assert!(!part.exists());
    }
}
