//! The part of 8008 that waits for the end of a question, run in virtual time against phones of many kinds.

use std::collections::BTreeMap;
use std::time::Duration;

use super::evaluate::evaluate;
use super::{EXAMPLE, Step, steps};

/// What a phone sends, in packets for each 100 of 20 ms that Asterisk sends.
#[derive(Clone, Copy, Debug)]
struct Phone {
    talking: u32,
    silent: u32,
}

/// Times in frames of 20 ms, from the moment at which the call was answered.
struct World<'a> {
    phone: Phone,
    /// When the caller talks: from, until.
    talk: &'a [(u32, u32)],
    /// How far into a second of the clock the call begins.
    clock: u32,
    now: u32,
    /// Hundredths of packets that have come.
    came: u32,
}

impl World<'_> {
    fn is_talk(&self, at: u32) -> bool {
        self.talk
            .iter()
            .any(|(from, until)| (*from..*until).contains(&at))
    }

    /// Lets a frame pass, and what the phone sends in it.
    fn pass(&mut self) {
        let is_talk = self.is_talk(self.now);
        let Phone { talking, silent } = self.phone;
        self.came += if is_talk { talking } else { silent };
        self.now += 1;
    }

    fn seconds(&self) -> u32 {
        (self.clock + self.now) / SECOND
    }

    /// As Asterisk's `WaitForSilence` does where it sends silence meanwhile: it counts what comes, in whole seconds.
    fn wait_for_silence(&mut self, silence_ms: u32, timeout: u32) -> &'static str {
        let (begun, mut silent) = (self.seconds(), 0);
        loop {
            let sends = self.phone.silent == self.phone.talking;
            silent = if self.is_talk(self.now) || !sends {
                0
            } else {
                silent + 20
            };
            self.pass();
            if silent >= silence_ms {
                return "SILENCE";
            }
            if self.seconds() - begun >= timeout {
                return "TIMEOUT";
            }
        }
    }

    /// Runs the loop until the question has been asked.
    fn listen(&mut self, silence_ms: u32) {
        let plan = steps(EXAMPLE);
        let place = |label: &str| {
            plan.iter()
                .position(|step| step.label == Some(label))
                .unwrap()
        };
        let mut variables =
            BTreeMap::from([("ASSISTANT_QUIET".to_owned(), silence_ms.to_string())]);
        let mut at = place("parts");
        while at != place("asked") {
            let Step {
                application, data, ..
            } = plan[at];
            variables.insert(
                "CHANNEL(rtcp,rxcount)".to_owned(),
                (self.came / 100).to_string(),
            );
            variables.insert("CHANNEL(rtcp,txcount)".to_owned(), self.now.to_string());
            at += 1;
            let data = evaluate(data, &variables);
            match application {
                "Set" => {
                    let (name, value) = data.split_once('=').unwrap();
                    variables.insert(name.to_owned(), value.to_owned());
                }
                "WaitForSilence" => {
                    let timeout = data.rsplit(',').next().unwrap().parse();
                    let status = self.wait_for_silence(silence_ms, timeout.expect("whole seconds"));
                    variables.insert("WAITSTATUS".to_owned(), status.to_owned());
                }
                "Goto" => at = place(&data),
                "GotoIf" => match data.split_once('?').unwrap() {
                    ("0", _) => {}
                    (_, label) => at = place(label),
                },
                other => panic!("{other}"),
            }
        }
    }
}

/// How late the end of a question is noticed, in seconds: at the earliest and at the latest, wherever in a second of
/// the clock the call begins. The caller talks 3 s after the call was answered.
fn noticed(phone: Phone, silence_ms: u32, talk: &[(f64, f64)]) -> (f64, f64) {
    let frames = |seconds: f64| {
        let whole = Duration::from_secs_f64(seconds).as_millis() * u128::from(SECOND) / 1000;
        u32::try_from(whole).unwrap()
    };
    let talk: Vec<_> = talk
        .iter()
        .map(|(from, until)| (frames(3.0 + from), frames(3.0 + until)))
        .collect();
    let delay = |clock| {
        let mut world = World {
            phone,
            talk: &talk,
            clock,
            now: 0,
            came: 0,
        };
        (0..talk[0].0 + NOISE).for_each(|_| world.pass());
        world.listen(silence_ms);
        (f64::from(world.now) - f64::from(talk[talk.len() - 1].1)) / f64::from(SECOND)
    };
    let delays = (0..SECOND).step_by(7).map(delay);
    delays.fold((f64::MAX, f64::MIN), |(min, max), it| {
        (min.min(it), max.max(it))
    })
}

#[test]
fn the_end_of_a_question_is_noticed_soon_after_the_silence_that_is_wanted() {
    let lengths = [
        0.3, 0.7, 1.0, 1.5, 1.8, 2.0, 2.5, 4.0, 8.0, 15.0, 16.5, 17.5, 30.0, 60.0,
    ];
    for (silence_ms, sends, other_packets, mute) in [
        (100, 0.2, 0.2, 4.0),
        (800, 1.6, 1.6, 4.0),
        (2000, 4.0, 4.0, 6.0),
        (2001, 4.0, 4.0, 8.0),
        (9999, 20.0, 20.0, 22.0),
    ] {
        let table = [
            (ALWAYS, sends),
            (
                Phone {
                    talking: 67,
                    silent: 67,
                },
                sends,
            ),
            (
                Phone {
                    talking: 50,
                    silent: 50,
                },
                other_packets,
            ),
            (
                Phone {
                    talking: 33,
                    silent: 33,
                },
                other_packets,
            ),
            (MUTE, mute),
            (
                Phone {
                    talking: 100,
                    silent: 12,
                },
                mute,
            ),
            (
                Phone {
                    talking: 50,
                    silent: 0,
                },
                mute,
            ),
            (
                Phone {
                    talking: 33,
                    silent: 0,
                },
                mute,
            ),
        ];
        for (phone, limit) in table {
            for length in lengths {
                let (_, max) = noticed(phone, silence_ms, &[(0.0, length)]);
                assert!(
                    max <= limit + 0.05,
                    "{phone:?} {silence_ms} ms {length} s: {max}"
                );
            }
        }
    }
}

/// Where no look falls into the silence, that is at once.
#[test]
fn a_phone_that_always_sends_is_not_made_late_by_looks_within_a_question_of_usual_length() {
    for length in [0.3, 1.0, 1.8, 2.5, 4.0, 8.0, 14.0, 18.5, 20.0, 30.0] {
        let (min, max) = noticed(ALWAYS, 2000, &[(0.0, length)]);
        assert!(min >= 1.98 && max <= 2.02, "{length} s: {min} to {max}");
    }
}

#[test]
fn a_pause_that_is_shorter_than_the_silence_does_not_end_a_question() {
    let packets = [(100, 100), (50, 50), (33, 33), (100, 0), (100, 12), (50, 0)];
    for (talking, silent) in packets {
        let phone = Phone { talking, silent };
        for before in [1.0, 1.5, 2.5, 4.0, 8.0, 17.0] {
            let (least, _) = noticed(phone, 2000, &[(0.0, before), (before + 1.5, before + 5.0)]);
            assert!(least > 0.0, "{phone:?} after {before} s: {least}");
        }
    }
}

#[test]
fn no_question_is_heard_for_longer_than_ninety_seconds_nor_cut_before() {
    for silence_ms in [100, 999, 1000, 2000, 5000, 9999] {
        for phone in [
            ALWAYS,
            MUTE,
            Phone {
                talking: 33,
                silent: 33,
            },
        ] {
            let (min, max) = noticed(phone, silence_ms, &[(0.0, 200.0)]);
            let heard = (200.0 + min, 200.0 + max);
            assert!(
                heard.0 > 89.0 && heard.1 <= 90.2,
                "{phone:?} {silence_ms} ms: {heard:?}"
            );
        }
    }
}

const ALWAYS: Phone = Phone {
    talking: 100,
    silent: 100,
};
const MUTE: Phone = Phone {
    talking: 100,
    silent: 0,
};

/// Frames a second, and those that `WaitForNoise` has heard when the loop begins.
const SECOND: u32 = 50;
const NOISE: u32 = 5;
