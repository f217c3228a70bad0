//! What a line makes of Asterisk's replies, and of everything else that happens to a call.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use crossbeam_channel::unbounded;

use super::*;
use crate::agi::End;
use crate::sys::sync::lock;

/// An Asterisk that gives these replies, one for each command.
pub(in crate::call) struct Script {
    line: io::PipeWriter,
    replies: VecDeque<&'static str>,
    sent: Sent,
}

/// The commands that were sent.
pub(in crate::call) type Sent = Arc<Mutex<Vec<String>>>;

impl Write for Script {
    fn write(&mut self, command: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(command);
        if text.starts_with("GET FULL VARIABLE") {
            let name = text.split('"').nth(1).unwrap_or_default();
            writeln!(self.line, "200 result=1 ({name})")?;
            return Ok(command.len());
        }
        lock(&self.sent).push(text.trim_end().to_owned());
        if let Some(reply) = self.replies.pop_front() {
            self.line.write_all(reply.as_bytes())?;
        }
        Ok(command.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn line(replies: &[&'static str]) -> Line<Script> {
    scripted(replies).0
}

pub(in crate::call) fn scripted(replies: &[&'static str]) -> (Line<Script>, Sent) {
    let (reader, mut writer) = io::pipe().expect("a pipe");
    let block = testkit::agi_block("1001", &[]);
    writer.write_all(block.as_bytes()).expect("room in it");
    let sent = Sent::default();
    let script = Script {
        line: writer,
        replies: replies.iter().copied().collect(),
        sent: sent.clone(),
    };
    let hangup = Hangup::default();
    let mut session = Session::open(reader, End::Hangup, script, &hangup).expect("a whole block");
    session.confirm().expect("Asterisk is alone");
    (Line::new(session, hangup, Instant::now), sent)
}

fn play(what: Sound) -> Play {
    Play {
        what,
        name: "beep".into(),
        stop_keys: "#".into(),
        offset: 0,
    }
}

fn next(line: &mut Line<Script>) -> Input {
    let soon = line.now() + Duration::from_secs(20);
    line.next(soon, &mut never())
}

fn told(input: &Input) -> String {
    let how = match input {
        Input::Ended(played) => &played.how,
        Input::HungUp => return "hung up".into(),
        Input::Caller(samples) => return format!("{} samples", samples.len()),
        Input::Work(event) => return format!("{event:?}"),
        Input::Elapsed => return "elapsed".into(),
        Input::Failed(failure) => return failure.to_string(),
    };
    match how {
        How::Through { endpos } => format!("through {endpos:?}"),
        How::Key { key, .. } => format!("key {key}"),
        How::AtOnce => "at once".into(),
        How::Unplayable(None) => "unplayable".into(),
        How::Unplayable(Some(cause)) => cause.to_string(),
    }
}

#[test]
fn the_reply_to_a_sound_tells_how_it_ended() {
    let table: &[(&[&str], &str)] = &[
        (&["200 result=0 endpos=8000\n"], "through Some(8000)"),
        (&["200 result=35 endpos=160\n"], "key #"),
        (&["200 result=0 endpos=0\n"], "at once"),
        (
            &["200 result=-1 endpos=0\n", "200 result=6\n"],
            "unplayable",
        ),
        (
            &[
                "200 result=-1 endpos=0\n",
                "511 Command Not Permitted on a dead channel\n",
            ],
            "hung up",
        ),
        (
            &["511 Command Not Permitted on a dead channel\n"],
            "hung up",
        ),
        (&["HANGUP\n"], "hung up"),
        (
            &["510 Invalid or unknown command\n"],
            "Asterisk answered 510 Invalid or unknown command to STREAM FILE \"beep\" \"#\" 0, which Asterisk 22 knows; update Asterisk",
        ),
        (
            &["200 result=1\n200 result=0 endpos=8000\n"],
            "through Some(8000)",
        ),
    ];
    for (replies, expected) in table {
        let mut line = line(replies);
        line.play(&play(Sound::Filler)).expect("asked");
        assert!(!line.is_free(), "{replies:?}");
        assert_eq!(told(&next(&mut line)), *expected, "{replies:?}");
    }
}

#[test]
fn a_sound_without_progress_is_given_up_the_third_time_in_a_row() {
    let (none, some) = ("200 result=0 endpos=0\n", "200 result=0 endpos=800\n");
    let mut line = line(&[
        none,
        none,
        some,
        none,
        none,
        none,
        "200 result=0 endpos=4\n",
    ]);
    let ends: Vec<_> = (0..6)
        .map(|_| {
            line.play(&play(Sound::Filler)).expect("asked");
            told(&next(&mut line))
        })
        .collect();
    let expected = [
        "at once",
        "at once",
        "through Some(800)",
        "at once",
        "at once",
        "unplayable",
    ];
    assert_eq!(ends, expected);
    // Twenty seconds of silence are not over at once, whatever the reply says.
    line.play(&play(Sound::KeepAlive)).expect("asked");
    assert_eq!(told(&next(&mut line)), "at once");
}

#[test]
fn what_happens_is_told_in_its_order_and_the_hang_up_first() {
    let mut line = line(&[]);
    let (say, voice) = unbounded();
    let (tell, mut work) = unbounded();
    line.hear(voice);
    say.send(vec![0; 160]).expect("heard");
    tell.send(Event::SentenceEnd).expect("heard");
    drop(tell);
    let now = line.now();
    let mut all: Vec<_> = (0..4).map(|_| told(&line.next(now, &mut work))).collect();
    line.hangup().raise();
    all.push(told(&line.next(now, &mut work)));
    assert_eq!(
        all,
        [
            "160 samples",
            "SentenceEnd",
            "Panicked",
            "elapsed",
            "hung up"
        ]
    );
}

#[test]
fn a_sound_that_ended_just_before_it_was_stopped_tells_how() {
    let mut line = line(&["200 result=42 endpos=160\n", "200 result=0\n"]);
    line.play(&play(Sound::Filler)).expect("asked");
    let ended = line.stop().map(Input::Ended).expect("it had ended");
    assert_eq!(told(&ended), "key *");
    assert!(line.is_free() && line.stop().is_none());
}

#[test]
fn music_plays_on_while_a_key_is_waited_for_until_one_that_ends_it() {
    const ON: &str = "SET MUSIC ON \"jazz\"";
    const WAIT: &str = "WAIT FOR DIGIT 100";
    const OFF: &str = "SET MUSIC OFF";
    const NONE: &str = "200 result=0\n";
    // The replies to the waits for a key, what they come to, and how many waits that takes.
    let table: [(&[&str], &str, usize); 5] = [
        (&["200 result=35\n"], "key #", 1),
        (&["200 result=53\n", "200 result=35\n"], "key #", 2),
        // Asterisk does not wait.
        (&[NONE, NONE, NONE], "unplayable", 3),
        (&["HANGUP\n"], "hung up", 1),
        (
            &["511 Command Not Permitted on a dead channel\n"],
            "hung up",
            1,
        ),
    ];
    for (waits, expected, times) in table {
        let replies = [&[NONE], waits, &[NONE]].concat();
        let (mut line, sent) = scripted(&replies);
        let name = "jazz".to_owned();
        line.play(&Play {
            name,
            ..play(Sound::Music)
        })
        .expect("asked");
        assert_eq!(told(&next(&mut line)), expected, "{waits:?}");
        let mut commands = vec![ON];
        commands.extend(std::iter::repeat_n(WAIT, times));
        if expected != "hung up" {
            commands.push(OFF);
        }
        assert_eq!(*lock(&sent), commands, "{waits:?}");
    }
}

#[test]
fn music_is_stopped_once_asterisk_has_told_of_a_key_or_of_none() {
    for (waited, expected) in [
        ("200 result=0\n", None),
        ("200 result=53\n", None),
        ("200 result=35\n", Some("key #")),
    ] {
        let (mut line, sent) = scripted(&["200 result=0\n", waited, "200 result=0\n"]);
        line.play(&play(Sound::Music)).expect("asked");
        let ended = line.stop().map(|played| told(&Input::Ended(played)));
        assert_eq!(ended.as_deref(), expected, "{waited}");
        assert!(line.is_free());
        assert_eq!(
            lock(&sent).last().map(String::as_str),
            Some("SET MUSIC OFF")
        );
    }
}
