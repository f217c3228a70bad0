//! One call at a time, on each kind of phone, and where its time went.

use std::time::Duration;

use testkit::Stage;
use testkit::audio::{Clip, measure};

use super::services::{GAIN_DB, LEAD, sandbox};
use crate::caller::{self, Exchange, answer, data, wall_clock};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::phone::{Codec, PACKET, first_audible};
use crate::report::{Report, ms};

pub(crate) fn run(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    for (stage, delay) in SERVICES {
        machine.sandbox.delay(stage, delay);
    }
    for (name, codec, calls) in [
        ("mu-law", Codec::Ulaw, 3),
        ("A-law", Codec::Alaw, 1),
        ("G.722", Codec::G722, 1),
    ] {
        let mut times = Vec::new();
        report.check(
            &format!("a caller on a phone with {name} hears the answer"),
            || {
                for _ in 0..calls {
                    let exchange = caller::ask(
                        &machine,
                        &machine.phone().codec(codec),
                        &data("question-tea.wav"),
                    )?;
                    let answer = exchange.only_answer("tea")?;
                    times.push(Times::of(&exchange, &machine)?);
                    if codec == Codec::G722 {
                        check_band(&exchange.heard.during(&answer), report)?;
                    }
                }
                Ok(())
            },
        );
        times.sort_by_key(|times| times.own);
        let Some(median) = times.get(times.len() / 2) else {
            continue;
        };
        report.figure(
            format!("{name}, ear to ear"),
            format!(
                "{}: silence {}, services {}, program and Asterisk {} (the median of {} calls)",
                ms(median.ear_to_ear),
                ms(median.silence),
                ms(median.services),
                ms(median.own),
                times.len(),
            ),
        );
        report.check(
            &format!(
                "with {name} the program's own share is at most {}",
                ms(OWN_SHARE)
            ),
            || {
                if median.own <= OWN_SHARE {
                    Ok(())
                } else {
                    Err(ms(median.own))
                }
            },
        );
    }
}

/// Where the time went between the caller's last voiced sample and the first audible one of the answer.
struct Times {
    ear_to_ear: Duration,
    /// Until the dialplan, having heard 2 seconds of silence, starts the program.
    silence: Duration,
    /// From the arrival of each stage's first request to the end of its answer, and the silence with which the voice begins.
    services: Duration,
    /// All else.
    own: Duration,
}

impl Times {
    fn of(exchange: &Exchange, machine: &Machine) -> Result<Self, String> {
        let asked = exchange.said.last_voiced;
        let ear_to_ear = exchange.ear_to_ear()?;
        let silence = Duration::from_secs_f64(program_started(&machine.log())? - wall_clock(asked));
        let requests = machine.sandbox.requests();
        let first_of = |(stage, _)| {
            let mut later = requests.iter().filter(|request| request.at > asked);
            later.find(|request| request.stage == stage)
        };
        // What follows the first sentence is written and spoken while that is heard.
        let services = SERVICES
            .into_iter()
            .filter_map(first_of)
            .filter_map(|request| Some(request.answered? - request.at))
            .sum::<Duration>()
            + first_audible(&answer("tea").amplified(GAIN_DB)).min(LEAD);
        let parts = silence + services;
        // The phone hears in steps of a packet, and the program's own share is often less.
        if parts > ear_to_ear + PACKET {
            let [parts, whole] = [parts, ear_to_ear].map(ms);
            return Err(format!(
                "the parts, {parts}, are more than the whole, {whole}"
            ));
        }
        Ok(Self {
            ear_to_ear,
            silence,
            services,
            own: ear_to_ear.saturating_sub(parts),
        })
    }
}

/// When Asterisk last executed `AGI(phone-assistant,…)`, by its log.
fn program_started(log: &str) -> Result<f64, String> {
    let all = programs_started(log);
    all.last()
        .copied()
        .ok_or_else(|| "Asterisk's log shows no AGI".to_owned())
}

/// Each time when Asterisk executed `AGI(phone-assistant,…)` for a question, in order, in seconds since 1970.
pub(super) fn programs_started(log: &str) -> Vec<f64> {
    let is_question = |line: &&str| {
        let is_start = line.contains("Executing [8008@custom-openai:") && line.contains("] AGI(");
        is_start && !line.contains("mode=disclose")
    };
    let lines = log.lines().filter(is_question);
    let time = |line: &str| line.strip_prefix('[')?.split(']').next()?.parse().ok();
    lines.filter_map(time).collect()
}

/// A wideband phone hears what lies above 4 kHz, and as much of it as the voice has.
fn check_band(heard: &Clip, report: &Report) -> Result<(), String> {
    let heard = above_4_khz(heard);
    let spoken = above_4_khz(&answer("tea").at_rate(16_000));
    let levels = format!("{heard:.1} dB of what is heard, {spoken:.1} dB of what is spoken");
    report.figure("G.722, above 4 kHz", &levels);
    if (heard - spoken).abs() < 3.0 {
        Ok(())
    } else {
        Err(levels)
    }
}

/// The part of a clip's energy that lies above 4 kHz, in dB.
fn above_4_khz(clip: &Clip) -> f64 {
    let low = clip.at_rate(8000).at_rate(clip.rate_hz);
    let pairs = clip.samples.iter().zip(&low.samples);
    let high: Vec<i16> = pairs.map(|(all, low)| all.saturating_sub(*low)).collect();
    measure::level_db(&high) - measure::level_db(&clip.samples)
}

/// About what the real services take.
pub(super) const SERVICES: [(Stage, Duration); 3] = [
    (Stage::Stt, Duration::from_millis(700)),
    (Stage::Llm, Duration::from_millis(700)),
    (Stage::Tts, Duration::from_millis(600)),
];
const OWN_SHARE: Duration = Duration::from_millis(60);
