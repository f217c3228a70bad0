//! Many callers at once: each hears the answer to what he asked, and one too many hears that all lines are busy.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use testkit::audio::{Clip, clips, wav};
use testkit::{Sandbox, Script, Stage, TempDir};

use super::sandbox;
use crate::caller::{self, Exchange, data};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::processes::Use;
use crate::report::{Report, ms};

pub(crate) fn run(lab: &Lab, report: &Report) {
    two(lab, report);
    thirty(lab, report);
}

fn two(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    report.check("two callers at once each hear their own answer", || {
        let [tea, moon] = thread::scope(|scope| {
            ["tea", "moon"]
                .map(|name| {
                    let machine = &machine;
                    scope.spawn(move || {
                        let question = data(&format!("question-{name}.wav"));
                        let exchange = caller::ask(machine, &machine.phone(), &question)?;
                        exchange.only_answer(name)
                    })
                })
                .map(|thread| thread.join().unwrap())
        });
        tea.and(moon).map(drop)
    });
}

fn thirty(lab: &Lab, report: &Report) {
    let folder = TempDir::new().unwrap();
    let questions: Vec<Question> = (0..CALLERS)
        .map(|number| Question::new(number, &folder))
        .collect();
    let scripts = questions
        .iter()
        .map(|question| question.script.clone())
        .collect();
    let machine = Machine::installed(lab, Sandbox::start(scripts));
    for (stage, delay) in SERVICES {
        machine.sandbox.delay(stage, delay);
    }
    machine.set_global("ASSISTANT_MAX_CALLS", &CALLERS.to_string());
    let mut single = Duration::MAX;
    report.check("a single caller hears his answer", || {
        single = questions[0].ask(&machine)?;
        Ok(())
    });
    let over = AtomicBool::new(false);
    let cpu_before = machine.asterisk_cpu();
    let (times, one_more, uses) = thread::scope(|scope| {
        let uses = scope.spawn(|| watch(&machine, &over));
        let callers: Vec<_> = questions
            .iter()
            .map(|question| scope.spawn(|| question.ask(&machine)))
            .collect();
        let one_more = scope.spawn(|| dial_when_all_are_counted(&machine));
        let times: Vec<_> = callers
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        let one_more = one_more.join().unwrap();
        over.store(true, Ordering::Relaxed);
        (times, one_more, uses.join().unwrap())
    });
    let asterisk_cpu = machine.asterisk_cpu().saturating_sub(cpu_before);
    let mut late = Vec::new();
    report.check(
        &format!("{CALLERS} callers at once each hear their own answer"),
        || {
            let (heard, not_heard): (Vec<_>, Vec<_>) = times.into_iter().partition(Result::is_ok);
            late = heard.into_iter().flatten().collect();
            match not_heard.len() {
                0 => Ok(()),
                count => Err(format!("{count} did not: {not_heard:?}")),
            }
        },
    );
    late.sort();
    report.check(
        "none of them hears it more than 1 s later than a single caller",
        || {
            let last = late.last().ok_or("nobody heard it")?;
            if *last <= single + Duration::from_secs(1) {
                Ok(())
            } else {
                Err(format!(
                    "the last after {last:?}, a single caller after {single:?}"
                ))
            }
        },
    );
    report.check(
        &format!(
            "caller {}, while {CALLERS} are counted, hears that all lines are busy",
            CALLERS + 1
        ),
        || one_more,
    );
    report.check("a crowd leaves no file and no process behind", || {
        machine.is_clean()
    });
    tell_figures(report, &late, single, &uses, asterisk_cpu);
}

fn tell_figures(
    report: &Report,
    late: &[Duration],
    single: Duration,
    uses: &HashMap<u32, Use>,
    asterisk_cpu: Duration,
) {
    if let (Some(first), Some(last)) = (late.first(), late.last()) {
        report.figure(
            format!("{CALLERS} callers at once, ear to ear"),
            format!(
                "{} to {}, median {} (one caller: {})",
                ms(*first),
                ms(*last),
                ms(late[late.len() / 2]),
                ms(single)
            ),
        );
    }
    let mut memory: Vec<_> = uses.values().map(|one| one.peak_kib).collect();
    memory.sort_unstable();
    if let Some(most) = memory.last() {
        let count = u32::try_from(uses.len()).unwrap();
        let cpu: Duration = uses.values().map(|one| one.cpu).sum();
        report.figure(
            format!("each of {count} calls"),
            format!(
                "peak memory {most} KiB (median {}); processor time {}, and Asterisk {} (means)",
                memory[memory.len() / 2],
                ms(cpu / count),
                ms(asterisk_cpu / count),
            ),
        );
    }
}

/// A question that nobody else asks, and its answer.
struct Question {
    script: Script,
    asked: Clip,
    answer: Clip,
}

impl Question {
    fn new(number: usize, folder: &TempDir) -> Self {
        let words = WORDS[number % WORDS.len()];
        let question = format!("what about {words} number {number:02}");
        let answer = format!(
            "{words} number {number:02} is {}.",
            WORDS[(7 * number + 3) % WORDS.len()]
        );
        let asked = clips::babble(8000, &question);
        let path = folder.path().join(format!("{number}.wav"));
        wav::write(&path, &asked);
        Self {
            answer: clips::babble(24_000, &answer),
            script: Script {
                question_wav: Some(path),
                question,
                answer,
                answer_wav: None,
            },
            asked,
        }
    }

    /// How long after the question its answer was audible.
    fn ask(&self, machine: &Machine) -> Result<Duration, String> {
        let Exchange { said, heard } = caller::ask(machine, &machine.phone(), &self.asked)?;
        let exchange = Exchange { said, heard };
        exchange.answer(&self.answer)?;
        let audible = exchange
            .heard
            .first_audible_after(exchange.said.last_voiced);
        Ok(audible.ok_or("nothing was heard")? - exchange.said.last_voiced)
    }
}

/// One caller too many.
fn dial_when_all_are_counted(machine: &Machine) -> Result<(), String> {
    let counted = || {
        machine
            .asterisk("group show channels")
            .matches(" assistant ")
            .count()
    };
    let deadline = Instant::now() + Duration::from_secs(15);
    while counted() < CALLERS {
        if Instant::now() > deadline {
            return Err(format!("only {} were counted", counted()));
        }
        thread::sleep(Duration::from_millis(100));
    }
    let call = caller::dial(&machine.phone())?;
    let heard = call.wait_for_end(Duration::from_secs(30));
    let busy = heard.find(&machine.sound("all-circuits-busy-now"));
    let beep = heard.find(&machine.sound("beep"));
    match (busy.len(), beep.len()) {
        (1, 0) => Ok(()),
        _ => Err(format!(
            "busy was heard {} times; {}",
            busy.len(),
            heard.summary()
        )),
    }
}

/// What each program uses, looked up until it is over.
fn watch(machine: &Machine, over: &AtomicBool) -> HashMap<u32, Use> {
    let mut uses = HashMap::new();
    while !over.load(Ordering::Relaxed) {
        for pid in machine.programs() {
            if let Some(now) = Use::of(pid) {
                uses.insert(pid, now);
            }
        }
        thread::sleep(Duration::from_millis(50));
    }
    uses
}

const CALLERS: usize = 30;
/// About what the real services take.
const SERVICES: [(Stage, Duration); 3] = super::call::SERVICES;
const WORDS: [&str; 10] = [
    "bread",
    "the weather",
    "a taxi",
    "doctor",
    "garden",
    "the library",
    "monday",
    "school lunch",
    "parking",
    "the museum",
];
