//! Many callers at once: each hears the answer to what they asked, and one too many hears that all lines are busy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{ptr, thread};

use testkit::audio::{Clip, clips, wav};
use testkit::{Sandbox, Script, TempDir};

use super::call::SERVICES;
use super::services::sandbox;
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
    let questions: Vec<_> = (0..CALLERS)
        .map(|number| Question::new(number, &folder))
        .collect();
    let scripts = questions.iter().map(|question| question.script.clone());
    let machine = Machine::installed(lab, Sandbox::start(scripts.collect()));
    for (stage, delay) in SERVICES {
        machine.sandbox.delay(stage, delay);
    }
    machine.set_global("ASSISTANT_MAX_CALLS", &CALLERS.to_string());
    let mut single = None;
    report.check("a single caller hears the answer", || {
        let exchange = questions[0].ask(&machine)?;
        single = Some(questions[0].is_answered(&exchange)?);
        Ok(())
    });
    let over = AtomicBool::new(false);
    let before = machine.asterisk_use();
    let (exchanges, one_more, peak_kib) = thread::scope(|scope| {
        let machine = &machine;
        let peak_kib = scope.spawn(|| watch(machine, &over));
        let ask = |question| scope.spawn(move || Question::ask(question, machine));
        let callers: Vec<_> = questions.iter().map(ask).collect();
        let one_more = scope.spawn(|| dial_when_all_are_counted(machine));
        let exchanges: Vec<_> = callers
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        let one_more = one_more.join().unwrap();
        over.store(true, Ordering::Relaxed);
        (exchanges, one_more, peak_kib.join().unwrap())
    });
    let after = machine.asterisk_use();
    let mut late = Vec::new();
    let name = format!("{CALLERS} callers at once each hear their own answer and no other");
    report.check(&name, || {
        for (question, exchange) in questions.iter().zip(exchanges) {
            let exchange = exchange?;
            late.push(question.is_answered(&exchange)?);
            for other in questions.iter().filter(|other| !ptr::eq(*other, question)) {
                exchange.nothing_of(&other.script.answer, &other.answer)?;
            }
        }
        Ok(())
    });
    late.sort();
    let name = "none of them hears it more than 1 s later than a single caller";
    report.check(name, || {
        let (single, last) = single.zip(late.last()).ok_or("nobody heard it")?;
        if *last <= single + Duration::from_secs(1) {
            Ok(())
        } else {
            Err(format!(
                "the last after {last:?}, a single caller after {single:?}"
            ))
        }
    });
    let sentence = "hears that all lines are busy";
    let name = format!(
        "caller {}, while {CALLERS} are counted, {sentence}",
        CALLERS + 1
    );
    report.check(&name, || one_more);
    report.check("a crowd leaves no file and no process behind", || {
        machine.becomes_clean()
    });
    if let (Some(first), Some(last)) = (late.first(), late.last()) {
        let (first, last, median) = (ms(*first), ms(*last), ms(late[late.len() / 2]));
        report.figure(
            format!("{CALLERS} callers at once, ear to ear"),
            format!("{first} to {last}, median {median}"),
        );
    }
    let calls = u32::try_from(CALLERS).unwrap();
    let program = after.children_cpu.saturating_sub(before.children_cpu) / calls;
    let asterisk = after.cpu.saturating_sub(before.cpu) / calls;
    report.figure(
        "each of their calls",
        format!(
            "peak memory {peak_kib} KiB; processor time: program and clean-up {}, Asterisk {}",
            ms(program),
            ms(asterisk)
        ),
    );
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

    fn ask(&self, machine: &Machine) -> Result<Exchange, String> {
        caller::ask(machine, &machine.phone(), &self.asked)
    }

    /// How long after the question its answer was audible.
    fn is_answered(&self, exchange: &Exchange) -> Result<Duration, String> {
        exchange.answer(&self.answer)?;
        exchange.ear_to_ear()
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

/// The peak memory of any program in KiB, looked up again and again until it is over.
fn watch(machine: &Machine, over: &AtomicBool) -> u64 {
    let mut peak = 0;
    while !over.load(Ordering::Relaxed) {
        let uses = machine.programs().into_iter().filter_map(Use::of);
        peak = uses.map(|now| now.peak_kib).fold(peak, u64::max);
        thread::sleep(Duration::from_millis(20));
    }
    peak
}

const CALLERS: usize = 30;
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
