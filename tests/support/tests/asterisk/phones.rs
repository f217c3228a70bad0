//! What goes over the line of a phone.

use std::fs;
use std::time::Duration;

use testkit::audio::wav;
use testkit::{Phone, TempDir};

#[test]
fn a_phone_says_one_thing_after_the_other_in_whole_packets_and_is_silent_between() {
    let dir = TempDir::new().unwrap();
    let line = dir.path().join("line");
    fs::write(&line, "").unwrap();
    let phone = Phone::open(&line);
    phone.say(vec![1; 200]);
    phone.say(vec![2; 100]).wait();
    phone.wait(Duration::from_millis(30));
    phone.say(vec![3; 10]).wait();
    drop(phone);
    let sent = wav::samples_of(&fs::read(line).unwrap());
    assert_eq!(sent.len() % 160, 0, "{} samples", sent.len());
    let runs: Vec<_> = sent
        .chunk_by(i16::eq)
        .map(|run| (run[0], run.len()))
        .collect();
    // Before the first word and after each wait there are as many packets of silence as the machine took.
    let said: Vec<_> = runs.iter().filter(|(sample, _)| *sample != 0).collect();
    assert_eq!(said, [&(1, 200), &(2, 100), &(3, 10)]);
    let silence = sent.iter().skip_while(|sample| **sample != 2).skip(100);
    assert!(silence.take_while(|sample| **sample == 0).count() >= 240);
}

#[test]
fn what_is_said_on_a_line_that_has_ended_is_not_waited_for() {
    let phone = Phone::open("/dev/full".as_ref());
    phone.say(vec![1; 200]).wait();
    phone.wait(Duration::from_secs(60));
}
