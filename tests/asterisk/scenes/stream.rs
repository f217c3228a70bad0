//! The answer that is heard while it is being made: how soon, every sample once and in order, and what is heard while
//! there is nothing to hear.

use std::thread;
use std::time::Duration;

use phone_assistant::audio::telephone::Encoding;
use testkit::audio::stream::Delivery;
use testkit::{Fault, PACE, Recorded, Sandbox, Stage};

use super::call::programs_started;
use super::services::{GAIN_DB, LEAD, sandbox};
use crate::caller::{self, Exchange, SOON, answer, ask_in, ask_until, data, wall_clock};
use crate::converted::converted;
use crate::lab::Lab;
use crate::machine::Machine;
use crate::phone::{PACKET, first_audible};
use crate::report::Report;

/// Services at the pace of the figures in tests/README.md.
/// A machine on which what is heard can be told beforehand, as no level that was measured decides it.
fn fixed_gain(lab: &Lab) -> Machine {
    let machine = Machine::installed(lab, paced(8.0));
    machine.configure(&machine.settings().set("tts.gain_db", FIXED_GAIN_DB));
    machine
}

fn paced(speed: f64) -> Sandbox {
    let sandbox = sandbox();
    sandbox.pace(speed);
    sandbox
}

/// Twenty callers, a second apart, hear how soon the answer begins.
pub(crate) fn first_word(lab: &Lab, report: &Report) {
    for speed in [8.0, 1.5] {
        let machine = Machine::installed(lab, paced(speed));
        machine.set_global("ASSISTANT_MAX_CALLS", &CALLS.to_string());
        let name = format!(
            "with a voice at {speed} times real time the first word comes in time, p95 of {CALLS} calls"
        );
        report.check(&name, || {
            let exchanges = staggered(&machine)?;
            let above = above_floor(&machine, &exchanges)?;
            let name = format!("first word above its floor, voice at {speed} times real time");
            report.p95(name, above, MAX_ABOVE)
        });
    }
}

fn staggered(machine: &Machine) -> Result<Vec<Exchange>, String> {
    thread::scope(|scope| {
        let calls: Vec<_> = (0..CALLS)
            .map(|_| {
                let call = scope
                    .spawn(|| caller::ask(machine, &machine.phone(), &data("question-moon.wav")));
                thread::sleep(APART);
                call
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    })
}

/// By how much each caller waited longer than for the silence after the question, the services, and the silence with
/// which the voice begins.
fn above_floor(machine: &Machine, exchanges: &[Exchange]) -> Result<Vec<Duration>, String> {
    let started = programs_started(&machine.log());
    if started.len() != exchanges.len() {
        return Err(format!("the program was started {} times", started.len()));
    }
    let services = services_and_silence(&machine.sandbox);
    let pairs = exchanges.iter().zip(started);
    pairs
        .map(|(exchange, started)| {
            exchange.only_answer("moon")?;
            let silence = started - wall_clock(exchange.said.last_voiced);
            let floor = Duration::from_secs_f64(silence) + services;
            Ok(exchange.ear_to_ear()?.saturating_sub(floor))
        })
        .collect()
}

/// From the end of a question to the first sound of the moon's answer, were there nothing but services at their pace and
/// the silence with which the voice begins.
pub(super) fn services_and_silence(sandbox: &Sandbox) -> Duration {
    let silence = first_audible(&sandbox.spoken(FIRST_SENTENCE).amplified(GAIN_DB)).min(LEAD);
    PACE.floor(FIRST_SENTENCE) + silence
}

/// What arrives at a mu-law phone is the whole conversion of what the voice said, byte by byte.
pub(crate) fn run(lab: &Lab, report: &Report) {
    let machine = fixed_gain(lab);
    for speed in [8.0, 1.5, 1.2] {
        machine.sandbox.pace(speed);
        let name = format!(
            "with a voice at {speed} times real time every sample is heard once, without a hole"
        );
        report.check(&name, || {
            let delivery = delivered(&machine)?;
            match delivery.longest_pause() {
                longest if longest < HOLE => Ok(()),
                _ => Err(format!("it pauses: {:?}", delivery.pauses)),
            }
        });
    }
    machine.sandbox.pace(8.0);
    report.check(
        "a voice that stalls for 3 s is heard with one pause, nothing lost or repeated",
        || {
            let (after, pause) = (Duration::from_millis(1500), Duration::from_secs(3));
            machine.sandbox.stall_voice(after, pause, 1);
            let pauses = delivered(&machine)?.pauses;
            let long = pauses.iter().filter(|pause| pause.lasts > HOLE);
            match long.count() {
                1 => Ok(()),
                _ => Err(format!("it pauses: {pauses:?}")),
            }
        },
    );
    machine.sandbox.pace(0.7);
    report.check(
        "a voice slower than speech is heard whole, nothing lost or repeated",
        || {
            let pauses = delivered(&machine)?.pauses;
            match pauses.len() {
                1..=5 => Ok(()),
                _ => Err(format!("it pauses: {pauses:?}")),
            }
        },
    );
    machine.sandbox.pace(8.0);
    report.check("a key stops the answer", || {
        let mut call = caller::dial(&machine.phone())?;
        let said = ask_in(&mut call, &machine, &data("question-moon.wav"))?;
        let first = call.wait_for_sound(SOON)?;
        let pressed = call.press('#');
        let exchange = caller::listen(call, said)?;
        let heard = exchange.heard.ended - pressed;
        if pressed > first && heard < Duration::from_secs(1) {
            Ok(())
        } else {
            Err(format!("the call went on for {heard:?} after the key"))
        }
    });
    report.check(
        "the record of a call says how it ended and how soon the answer came",
        || {
            let exchange = caller::ask(
                &machine,
                &machine.phone().number("5077"),
                &data("question-moon.wav"),
            )?;
            let heard = exchange.ear_to_ear()?;
            machine.becomes_clean()?;
            let records = machine.call_records();
            let record = records.lines().rfind(|line| line.starts_with("5077,"));
            let told = record.and_then(|line| {
                line.rsplit_once("ANSWERED ")?
                    .1
                    .strip_suffix(" ms")?
                    .parse()
                    .ok()
            });
            let told = Duration::from_millis(told.ok_or_else(|| format!("{record:?}"))?);
            // The voice begins with a silence that the program does not hear.
            if told.abs_diff(heard) > Duration::from_millis(300) {
                return Err(format!("it says {told:?}, the caller says {heard:?}"));
            }
            let shown = machine.root().shell("phone-assistant calls");
            if shown.contains(&told.as_millis().to_string()) {
                Ok(())
            } else {
                Err(format!("phone-assistant calls shows {shown}"))
            }
        },
    );
    report.check(
        "a dialplan that plays the answer itself plays it whole",
        || {
            let settings = machine.settings().set("reply.play", "dialplan");
            machine.configure(&settings.set("waiting.play", "nothing"));
            let exchange = caller::ask(&machine, &machine.phone(), &data("question-moon.wav"))?;
            exchange.only_answer("moon").map(drop)
        },
    );
    report.check("nothing is left of any of them", || machine.becomes_clean());
}

/// Asks, and finds every byte of the answer in what arrives.
fn delivered(machine: &Machine) -> Result<Delivery, String> {
    let before = machine.sandbox.requests_to(Stage::Tts).len();
    let exchange = caller::ask(machine, &machine.phone(), &data("question-moon.wav"))?;
    exchange.heard.delivered(&spoken(machine, before))
}

/// What the voice was asked for since so many requests, each text converted as a whole.
fn spoken(machine: &Machine, since: usize) -> Vec<u8> {
    let requests = machine.sandbox.requests_to(Stage::Tts).split_off(since);
    let text = |request: &Recorded| request.body["input"].as_str().unwrap().to_owned();
    let texts: Vec<_> = requests.iter().map(text).collect();
    converted(&machine.sandbox, &texts, Encoding::Ulaw, FIXED_GAIN_DB)
}

/// An answer that breaks off: the caller hears what there is, and then the apology.
pub(crate) fn broken(lab: &Lab, report: &Report) {
    let machine = fixed_gain(lab);
    let faults = [
        (
            "the model breaks off with an error",
            Stage::Llm,
            Fault::MidStreamError(3),
            "llm: Gemini answered 503",
        ),
        (
            "the model's connection ends early",
            Stage::Llm,
            Fault::BreakAfter(3),
            "llm: Gemini broke off",
        ),
        (
            "the voice's connection breaks",
            Stage::Tts,
            Fault::CutAfter(Duration::from_secs(2)),
            "tts: OpenAI's voice broke off",
        ),
    ];
    for (when, stage, fault, why) in faults {
        report.check(
            &format!("when {when}, what there is is heard, and then the apology"),
            || {
                machine.sandbox.fault(stage, fault, usize::MAX);
                let before = machine.sandbox.requests_to(Stage::Tts).len();
                let exchange = caller::ask(&machine, &machine.phone(), &data("question-moon.wav"));
                machine.sandbox.restore(stage);
                machine.sandbox.pace(8.0);
                let exchange = exchange?;
                let expected = spoken(&machine, before);
                let delivery = exchange.heard.delivered_beginning(&expected)?;
                if delivery.len < 12_000 || delivery.longest_pause() > HOLE {
                    return Err(format!("of {} bytes: {delivery:?}", expected.len()));
                }
                let sorry = exchange.heard.find(&machine.sound("im-sorry"));
                // The last packet of the one may come late, and the first of the other in time.
                if sorry.len() != 1 || sorry[0].begins + PACKET < delivery.ends {
                    return Err(format!(
                        "the apology was heard at {sorry:?}, the answer until {:?}",
                        delivery.ends
                    ));
                }
                let log = machine.last_warning();
                if log.contains(" PARTIAL AGI SUCCESS ") && log.contains(why) {
                    machine.becomes_clean()
                } else {
                    Err(log)
                }
            },
        );
    }
}

/// What is heard until the answer begins.
pub(crate) fn waiting(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    machine.configure(&machine.settings().set("llm.timeout", 20));
    let moment = machine.sound("one-moment-please");
    report.check(
        "a caller who waits hears \"one moment please\", again and again, until the answer",
        || {
            let mut call = caller::dial(&machine.phone())?;
            let said = ask_until(&mut call, &machine, Stage::Llm, Duration::from_secs(13))?;
            let exchange = caller::listen(call, said)?;
            let fillers = exchange.heard.find(&moment);
            let after: Vec<_> = fillers
                .iter()
                .map(|found| found.begins - said.last_voiced)
                .collect();
            let [first, second, ..] = after[..] else {
                return Err(format!(
                    "it was heard {after:?} after the question; {}",
                    exchange.heard.summary()
                ));
            };
            // 2 s of silence end the question; then it is played after 2.5 s, and 6 s after its end.
            let in_time = (4.2..5.5).contains(&first.as_secs_f64())
                && (6.0..9.5).contains(&(second.as_secs_f64() - first.as_secs_f64()));
            let found = exchange.heard.find(&answer("tea"));
            match found[..] {
                [only] if in_time && only.begins > fillers[1].begins => {
                    exchange.heard.is_whole(&only, &answer("tea"))
                }
                _ => Err(format!(
                    "it was heard {after:?} after the question, the answer at {found:?}"
                )),
            }
        },
    );
    report.check(
        "it is heard to its end, and the answer right after it",
        || {
            let mut call = caller::dial(&machine.phone())?;
            let said = ask_until(
                &mut call,
                &machine,
                Stage::Llm,
                Duration::from_millis(2_900),
            )?;
            let exchange = caller::listen(call, said)?;
            let found = exchange.heard.find(&answer("tea"));
            match (&found[..], &exchange.heard.find(&moment)[..]) {
                ([only], [filler])
                    if only.begins > filler.ends
                        && only.begins < filler.ends + Duration::from_millis(400) =>
                {
                    exchange.heard.is_whole(filler, &moment)
                }
                found => Err(format!("found {found:?}; {}", exchange.heard.summary())),
            }
        },
    );
    report.check(
        "a sound for waiting that does not exist harms nothing",
        || {
            machine.configure(&machine.settings().set("waiting.sound", "no-such-sound"));
            let mut call = caller::dial(&machine.phone())?;
            let said = ask_until(&mut call, &machine, Stage::Llm, Duration::from_secs(4))?;
            let exchange = caller::listen(call, said)?;
            exchange.only_answer("tea")?;
            machine.becomes_clean()
        },
    );
}

const FIRST_SENTENCE: &str =
    "The moon is about three hundred eighty-four thousand kilometres away.";

const CALLS: usize = 20;
const APART: Duration = Duration::from_secs(1);
pub(super) const MAX_ABOVE: Duration = Duration::from_millis(350);

/// A pause that a phone's buffer does not hide.
pub(crate) const HOLE: Duration = Duration::from_millis(60);

const FIXED_GAIN_DB: f32 = 6.0;
