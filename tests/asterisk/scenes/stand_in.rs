//! The suite tests itself: the scripted Asterisk of the other tests behaves as the real one, and the phone as a phone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use testkit::audio::g711;
use testkit::{Act, TempDir};

use super::services::sandbox;
use crate::caller::SOON;
use crate::lab::Lab;
use crate::machine::Machine;
use crate::phone::{Call, Heard};
use crate::report::{Report, ms};

pub(crate) fn run(lab: &Lab, report: &Report) {
    let machine = Machine::bare(lab, sandbox());
    report.check("a call that nobody answers can be taken back", || {
        let refused = machine
            .phone()
            .dial_for("nobody", Duration::from_millis(500));
        match refused.map_err(|refused| refused.status) {
            Err(Some(REQUEST_TERMINATED)) => Ok(()),
            Err(status) => Err(format!("refused with {status:?}")),
            Ok(_) => Err("it was answered".into()),
        }
    });
    let mut real = None;
    report.check("a program that plays sounds is served to its end", || {
        real = Some(call(&machine)?);
        Ok(())
    });
    let Some(real) = real else { return };
    report.check("sounds arrive byte by byte", || real.sounds());
    report.check("a key stops a sound", || real.key(report));
    report.check(
        "the scripted Asterisk replies to a program that plays sounds as the real one does",
        || {
            let scripted = scripted_replies();
            if scripted == real.replies {
                Ok(())
            } else {
                Err(format!("{scripted:#?} instead of {:#?}", real.replies))
            }
        },
    );
}

/// A call to the program on the real Asterisk.
struct Real {
    heard: Heard,
    pressed: Instant,
    replies: Vec<String>,
}

fn call(machine: &Machine) -> Result<Real, String> {
    let folder = machine.path(FOLDER);
    fs::create_dir_all(&folder).unwrap();
    furnish(&folder);
    machine
        .root()
        .shell(&format!("chown -R asterisk:asterisk {FOLDER}"));
    let mut call = machine
        .phone()
        .dial("stand-in")
        .map_err(|refused| format!("{refused:?}"))?;
    call.wait_for_sound(SOON)?;
    let pressed = call.press('5');
    hang_up_in_the_last(call, &folder).map(|(heard, replies)| Real {
        heard,
        pressed,
        replies,
    })
}

/// Waits until the last sound plays.
fn hang_up_in_the_last(call: Call, folder: &Path) -> Result<(Heard, Vec<String>), String> {
    let begun = Instant::now();
    while replies(folder).len() < REPLIES_BEFORE_LAST {
        if begun.elapsed() > SOON {
            return Err(format!("only {:?} came", replies(folder)));
        }
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_millis(300));
    let heard = call.hang_up();
    while replies(folder)
        .last()
        .is_none_or(|reply| !reply.starts_with("511"))
    {
        if begun.elapsed() > SOON {
            return Err(format!("only {:?} came", replies(folder)));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok((heard, replies(folder)))
}

impl Real {
    fn sounds(&self) -> Result<(), String> {
        let growing = self.heard.delivered(&noise("growing", GROWN))?;
        if growing.longest_pause() > HEARD_AS_ONE {
            return Err(format!("what grew in time paused: {growing:?}"));
        }
        let late = self.heard.delivered(&noise("late", GROWN))?;
        let gap = self.heard.longest_gap(late.begins, late.ends);
        match late.pauses[..] {
            [pause]
                if pause.offset == LEN
                    && pause.lasts > LATE
                    && pause.stamped > LATE
                    && pause.other == 0
                    && gap >= pause.lasts =>
            {
                Ok(())
            }
            _ => Err(format!("what was late paused otherwise: {late:?}, {gap:?}")),
        }
    }

    fn key(&self, report: &Report) -> Result<(), String> {
        let keyed = self.heard.delivered_beginning(&noise("keyed", LEN))?;
        let after = keyed.ends.saturating_duration_since(self.pressed);
        report.figure("a key stops a sound after", ms(after));
        if keyed.len < LEN && after < KEY_WITHIN {
            Ok(())
        } else {
            Err(format!("{after:?} after the key, {keyed:?}"))
        }
    }
}

/// The same program under the scripted Asterisk.
fn scripted_replies() -> Vec<String> {
    let folder = TempDir::new().unwrap();
    furnish(folder.path());
    let plays = |name: &str| format!("STREAM FILE \"{}/{name}", folder.path().display());
    testkit::Call::builder(&folder.path().join("agi"))
        .real_time()
        .at(
            plays("keyed").as_str(),
            Act::Press('5', Duration::from_millis(300)),
        )
        .at(
            plays("last").as_str(),
            Act::HangupAfter(Duration::from_millis(300)),
        )
        .start()
        .finish(SOON)
        .assert_exit(0)
        .assert_manners();
    replies(folder.path())
}

/// Puts the program and its sounds into a folder.
fn furnish(folder: &Path) {
    for name in ["keyed", "stopped", "last", "growing", "late"] {
        fs::write(folder.join(format!("{name}.ulaw")), noise(name, LEN)).unwrap();
    }
    for name in ["growing", "late"] {
        let more = &noise(name, GROWN)[LEN..];
        fs::write(folder.join(format!("more-{name}")), more).unwrap();
    }
    fs::write(folder.join("odd.ulaw"), noise("odd", 1000)).unwrap();
    fs::write(folder.join("wide.sln16"), noise("wide", 6400)).unwrap();
    fs::write(folder.join("empty.ulaw"), []).unwrap();
    let program = folder.join("agi");
    fs::write(&program, PROGRAM).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}

/// What the program was told. Where a sound was stopped depends on the moment, and is left out.
fn replies(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("replies")).unwrap_or_default();
    let is_stop =
        |line: &str| line.starts_with("200 result=53") || line.starts_with("200 result=-1 endpos=");
    text.lines()
        .map(|line| match line.rsplit_once('=') {
            Some((start, position)) if is_stop(line) && position != "7" => {
                let position: usize = position.parse().unwrap();
                let is_inside = position.is_multiple_of(160) && (160..LEN).contains(&position);
                format!("{start}={}", if is_inside { "INSIDE" } else { "OUTSIDE" })
            }
            _ => line.to_owned(),
        })
        .collect()
}

/// Audible noise that is another for each name.
fn noise(name: &str, len: usize) -> Vec<u8> {
    let mut state: u64 = name
        .bytes()
        .fold(1, |state, byte| state * 257 + u64::from(byte));
    let samples: Vec<i16> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        i16::from_be_bytes(state.to_be_bytes()[..2].try_into().unwrap()) / 4
    })
    .take(len)
    .collect();
    g711::encoded_mulaw(&samples)
}

/// What a program can do with sounds: grows one in time and one too late, stops one, tries what is not there.
const PROGRAM: &str = r#"#!/bin/sh
cd "${0%/*}" || exit
trap '' HUP
while read -r line && [ -n "$line" ]; do :; done
hear() { read -r reply; printf '%s\n' "$reply" >>replies; }
say() { printf '%s\n' "$1"; hear; }
play() { printf 'STREAM FILE "%s/%s" "5" %s\n' "$PWD" "$1" "$2"; }
play keyed; hear
sleep 0.3
play growing; sleep 0.4; cat more-growing >>growing.ulaw; hear
play late; hear; sleep 0.5; cat more-late >>late.ulaw; play late 8000; hear
play stopped; sleep 0.3; say 'NOOP stopped'
play wide 1600; hear
play odd; hear
play odd 900; hear
play odd 2000; hear
play odd -5; hear
play empty; hear
play none 7; hear
say 'SET MUSIC ON'
say 'SET MUSIC OFF'
say 'SET MUSIC ON default'
play odd; hear
play last; hear
say 'CHANNEL STATUS'
"#;
const FOLDER: &str = "/var/lib/asterisk/stand-in";
const REPLIES_BEFORE_LAST: usize = 16;
const REQUEST_TERMINATED: u16 = 487;
/// A second of a sound, and what it has grown to.
const LEN: usize = 8000;
const GROWN: usize = 16_000;
/// Asterisk's timer and the phone's thread may be as late as this.
const HEARD_AS_ONE: Duration = Duration::from_millis(40);
const LATE: Duration = Duration::from_millis(480);
/// From the beginning of a key to the last packet of what it stops: Asterisk waits for its end.
const KEY_WITHIN: Duration = Duration::from_millis(300);
