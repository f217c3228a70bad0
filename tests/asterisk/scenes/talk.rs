//! Talks on extension 8009, by the clock of the phone: how soon they are answered, how soon they fall silent when the
//! caller speaks, and that nothing else silences them.

use std::thread;
use std::time::{Duration, Instant};

use testkit::PACE;
use testkit::audio::Clip;

use super::conversation::{GOODBYE, QUIET, dial, ended_after, machine, only, services, turn};
use super::stream::{HOLE, MAX_ABOVE, services_and_silence};
use crate::caller::{SOON, answer, words};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::phone::Call;
use crate::report::{Report, ms};

/// How soon it answers and how soon it falls silent, at the phone.
pub(crate) fn figures(lab: &Lab, report: &Report) {
    let machine = machine(lab, services(&[]), |settings| settings);
    machine.set_global("ASSISTANT_MAX_CALLS", "30");
    machine.sandbox.pace(8.0);
    turns(&machine, report);
    thirty(&machine, report);
}

pub(crate) fn timeline(lab: &Lab, report: &Report) {
    let goodbye = format!("{GOODBYE} [[goodbye]]");
    let sandbox = services(&[("tea", &many_sentences(12)), ("opening-hours", &goodbye)]);
    let machine = machine(lab, sandbox, |settings| settings);
    machine.sandbox.pace(8.0);
    report.check("a conversation goes as README's timeline tells", || {
        let mut call = dial(&machine, &machine.phone())?;
        let greeting = only(&call.so_far(), &machine.sound("hello"))?;
        let tea = call.say(&words("question-tea.wav"));
        call.listen_from(tea.last_voiced);
        let first = call.wait_for_sound(SOON)?;
        thread::sleep(Duration::from_secs(4));
        let moon = call.say(&words("question-moon.wav"));
        let silent = call.so_far().silent_from(moon.first_voiced, QUIET);
        let silent = silent.ok_or("it never fell silent")?;
        call.listen_from(moon.last_voiced);
        let answer = call.wait_to_hear(&answer("moon"), SOON)?;
        thread::sleep(Duration::from_millis(400));
        let hours = call.say(&words("question-opening-hours.wav"));
        call.listen_from(hours.last_voiced);
        let last = call.wait_to_hear(&machine.sandbox.spoken(GOODBYE), SOON)?;
        let moments = [
            ("\"hello\" begins", greeting.begins),
            ("the caller asks about tea", tea.first_voiced),
            ("they have ended", tea.last_voiced),
            ("a long answer begins", first),
            ("the caller asks about the moon", moon.first_voiced),
            ("the answer falls silent", silent),
            ("they have ended", moon.last_voiced),
            ("the answer about the moon begins", answer.begins),
            ("it has ended", answer.ends),
            ("the caller says goodbye", hours.first_voiced),
            ("they have ended", hours.last_voiced),
            ("the last answer begins", last.begins),
            ("it has ended", last.ends),
        ];
        for (what, moment) in moments {
            report.figure(format!("{:6.2} s", call.at(moment).as_secs_f64()), what);
        }
        let heard = call.wait_for_end(SOON);
        ended_after(&heard, last.ends)
    });
}

/// Twenty answers begin, and are interrupted by the next question.
fn turns(machine: &Machine, report: &Report) {
    let mut turns = Vec::new();
    report.check(
        "in a conversation who speaks is answered and falls silent for the next",
        || {
            turns = together(10, |number| two_turns(machine, number))?.concat();
            Ok(())
        },
    );
    let (first_words, silences): (Vec<_>, Vec<_>) = turns.into_iter().unzip();
    report.check(
        "in a conversation the answer begins in time, p95 of 20 turns",
        || {
            let name = "in a conversation, first word above its floor";
            report.p95(name, first_words, MAX_ABOVE)
        },
    );
    report.check(
        "who speaks during an answer silences it in time, p95 of 20",
        || {
            let name = "in a conversation, silent after the caller's first sound";
            let mut sorted = silences.clone();
            sorted.sort_unstable();
            let median = sorted[sorted.len() / 2];
            if median > Duration::from_millis(220) {
                return Err(format!("half of them take more than {}", ms(median)));
            }
            report.p95(name, silences, Duration::from_millis(300))
        },
    );
}

/// How long above the floor two answers took to begin, and each to fall silent.
fn two_turns(machine: &Machine, number: u32) -> Result<Vec<(Duration, Duration)>, String> {
    let answered = services_and_silence(&machine.sandbox).saturating_sub(PACE.transcript);
    let floor = QUIET.max(PAUSE + PACE.transcript) + answered;
    let mut call = dial(machine, &machine.phone())?;
    let mut said = call.say(&words("question-moon.wav"));
    let mut turns = Vec::new();
    for turn in 0..2 {
        call.listen_from(said.last_voiced);
        let first = call.wait_for_sound(SOON)?;
        let above = (first - said.last_voiced).saturating_sub(floor);
        let into = Duration::from_millis(1500) + Duration::from_millis(137) * (2 * number + turn);
        thread::sleep((first + into).saturating_duration_since(Instant::now()));
        said = call.say(&words("question-moon.wav"));
        let silent = call.so_far().silent_from(said.first_voiced, QUIET);
        turns.push((
            above,
            silent.ok_or("it never fell silent")? - said.first_voiced,
        ));
    }
    Ok(turns)
}

fn thirty(machine: &Machine, report: &Report) {
    report.check(
        "thirty conversations at once are heard without a hole",
        || {
            let longest = together(30, |number| {
                thread::sleep(Duration::from_millis(50) * number);
                let mut call = dial(machine, &machine.phone())?;
                let mut longest = Duration::ZERO;
                for _ in 0..2 {
                    let (_, found) = turn(&mut call, "question-moon.wav", &answer("moon"))?;
                    longest = longest.max(call.so_far().longest_gap(found.begins, found.ends));
                }
                Ok(longest)
            })?;
            let longest = longest.into_iter().max().unwrap_or_default();
            report.figure(
                "30 conversations at once",
                format!("longest time without a packet in an answer {}", ms(longest)),
            );
            if longest <= HOLE {
                Ok(())
            } else {
                Err(format!("a hole of {longest:?}"))
            }
        },
    );
}

/// What is no voice of the caller's does not silence an answer.
pub(crate) fn echoes(lab: &Lab, report: &Report) {
    let machine = machine(lab, services(&[]), |settings| settings);
    machine.set_global("ASSISTANT_MAX_CALLS", "30");
    let whole = |call: &mut Call, disturb: &dyn Fn(&Call)| {
        let said = call.say(&words("question-moon.wav"));
        call.listen_from(said.last_voiced);
        call.wait_for_sound(SOON)?;
        disturb(call);
        let found = call.wait_to_hear(&answer("moon"), SOON)?;
        let heard = call.so_far();
        thread::sleep(Duration::from_millis(400));
        heard.is_whole(&found, &answer("moon"))
    };
    report.check(
        "20 answers that echo at -20 dB are heard to their end",
        || {
            together(5, |_| {
                let mut call = dial(&machine, &machine.phone())?;
                call.echo(-20.0, Duration::from_millis(100));
                (0..4).try_for_each(|_| whole(&mut call, &|_| ()))
            })
            .map(drop)
        },
    );
    report.check(
        "20 answers in which the caller coughs are heard to their end",
        || {
            together(5, |number| {
                let mut call = dial(&machine, &machine.phone())?;
                (0..4).try_for_each(|turn| {
                    whole(&mut call, &|call| {
                        thread::sleep(Duration::from_millis(300));
                        call.start_saying(&cough(4 * number + turn));
                    })
                })
            })
            .map(drop)
        },
    );
}

/// Runs `callers` calls at once; returns the result of each, or the first failure.
pub(super) fn together<T: Send>(
    callers: u32,
    call: impl Fn(u32) -> Result<T, String> + Sync,
) -> Result<Vec<T>, String> {
    thread::scope(|scope| {
        let call = &call;
        let threads: Vec<_> = (0..callers)
            .map(|number| scope.spawn(move || call(number)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

fn many_sentences(count: usize) -> String {
    let sentence =
        |number| format!("This is sentence number {number} of a long answer that nobody needs.");
    (1..=count).map(sentence).collect::<Vec<_>>().join(" ")
}

/// Two bursts of noise, each dying away within 150 ms, as loud as speech.
pub(super) fn cough(number: u32) -> Clip {
    let mut state = number.wrapping_mul(2_654_435_761) | 1;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        f64::from(state) / f64::from(u32::MAX) - 0.5
    };
    let burst = |from: f64, at: f64| {
        if at < from {
            0.0
        } else {
            (-(at - from) / 0.05).exp()
        }
    };
    let samples = (0..4000).map(|index| {
        let at = f64::from(index) / 8000.0;
        let loud = 12_000.0 * (burst(0.0, at) + if at < 0.2 { 0.0 } else { burst(0.2, at) });
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            reason = "it is below 24,000"
        )]
        let sample = (loud * noise()) as i16;
        sample
    });
    Clip {
        rate_hz: 8000,
        samples: samples.collect(),
    }
}

/// The program's.
const PAUSE: Duration = Duration::from_millis(300);
