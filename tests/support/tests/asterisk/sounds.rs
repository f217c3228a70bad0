//! What the caller hears: sounds that play, grow, end, and are stopped.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::io::Errno;
use testkit::{Act, CallBuilder, Outcome, TempDir};

use super::{LONG, call};

/// A call in real time to a script that may say `play` (a sound, from an offset if it likes), read the reply with `hear`,
/// and wait for the test with `told`. The sounds `short` and `long` (0.1 and 2 seconds) are there.
fn playing(dir: &TempDir, script: &str) -> CallBuilder {
    for (name, len) in [("short", SHORT), ("long", LONG_SOUND)] {
        fs::write(sound(dir, name), numbered(0, len)).unwrap();
    }
    let play = "play() { printf 'STREAM FILE %s \"12#\" %s\\n' \"$1\" \"$2\"; }";
    let pipe = dir.path().join("told");
    let made = mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR);
    assert!(matches!(made, Ok(()) | Err(Errno::EXIST)), "{made:?}");
    let told = format!("told() {{ read -r told <'{}'; }}", pipe.display());
    call(dir, &format!("{play}; {told}; trap '' HUP; env; {script}"))
        .sounds_dir(dir.path())
        .real_time()
}

/// Lets the script go on that waits with `told`.
fn tell(dir: &TempDir) {
    fs::write(dir.path().join("told"), "go on\n").unwrap();
}

fn outcome(script: &str) -> (Outcome, TempDir) {
    let dir = TempDir::new().unwrap();
    let outcome = playing(&dir, script).start().finish(LONG);
    (outcome, dir)
}

fn sound(dir: &TempDir, name: &str) -> PathBuf {
    dir.path().join(format!("{name}.ulaw"))
}

/// Bytes that differ from their neighbours, and by block.
fn numbered(from: usize, to: usize) -> Vec<u8> {
    (from..to)
        .map(|index| u8::try_from((index ^ (index >> 8)) & 0xff).unwrap())
        .collect()
}

/// The replies that the script heard, as its standard error has them after the block.
#[track_caller]
fn assert_heard(outcome: &Outcome, replies: &[&str]) {
    let heard: Vec<_> = outcome
        .stderr
        .lines()
        .skip_while(|line| line.starts_with("agi_"))
        .collect();
    outcome
        .assert_exit(0)
        .assert(heard == replies, &format!("heard {heard:?}"));
}

#[test]
fn a_sound_plays_a_frame_every_20_ms_and_its_end_is_told_when_the_last_one_is_over() {
    let (outcome, dir) = outcome("play short; hear; play long 15200; hear; play none 7; hear");
    assert_heard(
        &outcome,
        &[
            "200 result=0 endpos=800",
            "200 result=0 endpos=16000",
            "200 result=-1 endpos=7",
        ],
    );
    outcome.assert_manners();
    assert_eq!(outcome.played_of(&sound(&dir, "short")), numbered(0, SHORT));
    assert_eq!(
        outcome.played_of(&sound(&dir, "long")),
        numbered(15_200, LONG_SOUND)
    );
    assert_eq!(outcome.played.len(), 10);
    let first = outcome.played[0].at;
    for (index, frame) in (0..).zip(&outcome.played[..5]) {
        assert_eq!((frame.lasts, frame.bytes.len()), (FRAME, 160));
        let at = frame.at - first;
        outcome.assert(at == FRAME * index, &format!("frame {index} at {at:?}"));
    }
    outcome.assert(outcome.played[5].at - first >= 5 * FRAME, "gone too early");
    let gone = outcome.started + outcome.took;
    outcome.assert(gone >= outcome.played[9].at + FRAME, "gone too early");
}

#[test]
fn one_sound_of_a_call_in_real_time_may_be_over_at_once() {
    let dir = TempDir::new().unwrap();
    let call = playing(&dir, "play long; hear; play short; hear");
    let outcome = call.at_once(&dir.path().join("long")).start().finish(LONG);
    assert_heard(
        &outcome,
        &["200 result=0 endpos=16000", "200 result=0 endpos=800"],
    );
    let (long, short) = outcome.played.split_at(LONG_SOUND / 160);
    assert!(long.iter().all(|frame| frame.at == long[0].at));
    assert_eq!(short[4].at - short[0].at, FRAME * 4);
}

#[test]
fn a_sound_that_grows_in_time_plays_on() {
    let grow =
        "play growing; for part in 1 2 3; do sleep 0.05; cat part$part >>growing.ulaw; done; hear";
    let dir = TempDir::new().unwrap();
    fs::write(sound(&dir, "growing"), numbered(0, 2400)).unwrap();
    for (part, from) in [(1, 2400), (2, 3200), (3, 4000)] {
        fs::write(
            dir.path().join(format!("part{part}")),
            numbered(from, from + 800),
        )
        .unwrap();
    }
    let outcome = playing(&dir, grow)
        .working_dir(dir.path())
        .start()
        .finish(LONG);
    assert_heard(&outcome, &["200 result=0 endpos=2400"]);
    let path = sound(&dir, "growing");
    outcome.assert(
        outcome.played_of(&path) == numbered(0, 4800),
        "not all of it",
    );
    let silence = outcome.longest_silence_in(&path);
    outcome.assert(
        silence == Duration::ZERO,
        &format!("{silence:?} of silence"),
    );
}

#[test]
fn a_sound_whose_writer_is_late_ends_and_goes_on_from_an_offset() {
    let late = "play late; hear; sleep 0.2; cat more >>late.ulaw; play late 800; hear";
    let dir = TempDir::new().unwrap();
    fs::write(sound(&dir, "late"), numbered(0, 800)).unwrap();
    fs::write(dir.path().join("more"), numbered(800, 1000)).unwrap();
    let outcome = playing(&dir, late)
        .working_dir(dir.path())
        .start()
        .finish(LONG);
    assert_heard(
        &outcome,
        &["200 result=0 endpos=800", "200 result=0 endpos=1000"],
    );
    let path = sound(&dir, "late");
    assert_eq!(outcome.played_of(&path), numbered(0, 1000));
    assert_eq!(outcome.played.last().unwrap().bytes.len(), 40);
    outcome.assert(
        outcome.longest_silence_in(&path) >= Duration::from_millis(100),
        "no silence",
    );
}

#[test]
fn a_sound_of_no_bytes_ends_at_once() {
    let dir = TempDir::new().unwrap();
    fs::write(sound(&dir, "empty"), []).unwrap();
    let outcome = playing(&dir, "play empty; hear").start().finish(LONG);
    assert_heard(&outcome, &["200 result=0 endpos=0"]);
    assert_eq!(outcome.played, []);
}

#[test]
fn whatever_is_written_stops_a_sound_and_only_that_is_answered() {
    let dir = TempDir::new().unwrap();
    let call = playing(&dir, "play long; told; say NOOP; play short; hear").start();
    call.wait_for_frame(6, LONG);
    tell(&dir);
    let outcome = call.finish(LONG);
    assert_heard(&outcome, &["200 result=0", "200 result=0 endpos=800"]);
    outcome.assert_manners();
    let played = outcome.played_of(&sound(&dir, "long"));
    outcome.assert((800..8000).contains(&played.len()), "not stopped");
    assert_eq!(played, numbered(0, played.len()));
}

#[test]
fn a_command_that_crosses_the_end_of_a_sound_gets_a_reply_of_its_own() {
    let dir = TempDir::new().unwrap();
    let outcome = playing(&dir, "play short; sleep 0.3; say NOOP; hear")
        .at("STREAM FILE", Act::Delay(Duration::from_secs(5)))
        .start()
        .finish(LONG);
    assert_heard(&outcome, &["200 result=0 endpos=800", "200 result=0"]);
    outcome.assert_manners();
}

#[test]
fn the_end_of_the_program_stops_a_sound() {
    let (outcome, _dir) = outcome("play long; exit 0");
    assert_heard(&outcome, &[]);
    outcome.assert(outcome.played.len() < 50, "not stopped");
}

#[test]
fn a_hang_up_stops_a_sound_and_leaves_a_dead_channel() {
    let dir = TempDir::new().unwrap();
    let script =
        "trap 'echo hangup >&2' HUP; play long; hear; say 'CHANNEL STATUS'; play short; hear";
    let outcome = playing(&dir, script)
        .at("STREAM FILE", Act::HangupAfter(Duration::from_millis(110)))
        .start()
        .finish(LONG);
    let position = outcome.played.len() * 160;
    let stopped = format!("200 result=-1 endpos={position}");
    let mut heard: Vec<_> = outcome
        .stderr
        .lines()
        .skip_while(|line| line.starts_with("agi_"))
        .collect();
    heard.retain(|line| *line != "hangup");
    assert_eq!(heard, [stopped.as_str(), DEAD, DEAD], "{outcome}");
    outcome.assert(outcome.stderr.contains("\nhangup\n"), "no signal");
    outcome.assert((960..8000).contains(&position), "not in the middle");
}

#[test]
fn an_escape_digit_stops_a_sound_and_another_key_is_lost() {
    let dir = TempDir::new().unwrap();
    let outcome = playing(&dir, "play long; hear; play short; hear")
        .at(1, Act::Press('3', Duration::from_millis(30)))
        .at(1, Act::Press('#', Duration::from_millis(110)))
        .start()
        .finish(LONG);
    let position = outcome.played_of(&sound(&dir, "long")).len();
    assert_heard(
        &outcome,
        &[
            &format!("200 result=35 endpos={position}"),
            "200 result=0 endpos=800",
        ],
    );
    outcome.assert((960..8000).contains(&position), "not in the middle");
}

#[test]
fn a_test_presses_keys_itself() {
    let dir = TempDir::new().unwrap();
    let call = playing(&dir, "say NOOP; told; play long; hear").start();
    call.wait_for_command("NOOP", LONG);
    call.press('1');
    tell(&dir);
    call.wait_for_command("STREAM FILE", LONG);
    call.press('2');
    let outcome = call.finish(LONG);
    let position = outcome.played.len() * 160;
    assert_heard(
        &outcome,
        &["200 result=0", &format!("200 result=50 endpos={position}")],
    );
}

#[test]
fn a_hang_up_comes_when_it_is_due_whatever_the_program_does() {
    let dir = TempDir::new().unwrap();
    let outcome = call(&dir, "env; say NOOP; exec sleep 60")
        .at("NOOP", Act::HangupAfter(Duration::from_millis(150)))
        .start()
        .finish(LONG);
    outcome.assert(outcome.status.signal() == Some(1), "not by the hang-up");
    outcome.assert(outcome.took >= Duration::from_millis(150), "too early");
}

#[test]
fn music_plays_until_the_next_sound() {
    let script = "say 'SET MUSIC ON jazz'; sleep 0.1; play short; hear; say 'SET MUSIC ON'; say 'SET MUSIC OFF'; say 'SET MUSIC ON'";
    let (outcome, _dir) = outcome(script);
    let replies = [
        "200 result=0",
        "200 result=0 endpos=800",
        "200 result=0",
        "200 result=0",
        "200 result=0",
    ];
    assert_heard(&outcome, &replies);
    let [jazz, short, last] = &outcome.music[..] else {
        panic!("{:?}\n{outcome}", outcome.music);
    };
    assert_eq!((jazz.class.as_deref(), &short.class), (Some("jazz"), &None));
    let until = jazz.until.unwrap();
    assert!(until - jazz.from >= Duration::from_millis(100) && until <= outcome.played[0].at);
    assert!(short.until.is_some() && last.until.is_none());
}

#[test]
fn without_real_time_all_of_a_sound_is_played_at_once() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("hour.sln16");
    let bytes = numbered(0, 3_200_001);
    fs::write(&path, &bytes).unwrap();
    let outcome = call(&dir, "env; say 'STREAM FILE hour \"\" 10'")
        .sounds_dir(dir.path())
        .start()
        .finish(LONG);
    assert_heard(&outcome, &["200 result=0 endpos=1600000"]);
    outcome.assert(outcome.played_of(&path) == bytes[20..], "not all of it");
}

const SHORT: usize = 800;
const LONG_SOUND: usize = 16_000;
const FRAME: Duration = Duration::from_millis(20);
const DEAD: &str = "511 Command Not Permitted on a dead channel or intercept routine";
