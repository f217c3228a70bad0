//! The suite that dials the program on a real Asterisk; `tests/asterisk/run` prepares the machine and starts it.
//! Arguments choose scenes by their names; without any, all are played but those that are played by name only.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod caller;
#[path = "../audio/converted.rs"]
mod converted;
mod lab;
mod machine;
mod phone;
mod processes;
mod report;
mod scenes;
mod servers;

use std::process::ExitCode;
use std::sync::Mutex;
use std::{env, thread};

use lab::Lab;
use processes::stolen;
use report::{Report, ms};
use scenes::{ALONE, BY_NAME, HOLE, Scene, TOGETHER, UNHEARD};

fn main() -> ExitCode {
    let lab = Lab::open().unwrap_or_else(|error| panic!("{error}"));
    let chosen: Vec<String> = env::args().skip(1).collect();
    let is_chosen = |scene: &&Scene| {
        chosen.is_empty() || chosen.iter().any(|name| scene.0.contains(name.as_str()))
    };
    let by_name = || {
        BY_NAME
            .iter()
            .filter(|scene| chosen.iter().any(|name| name == scene.0))
    };
    let all = ALONE.iter().chain(TOGETHER).chain(UNHEARD);
    if !all.clone().any(|scene| is_chosen(&scene)) && by_name().next().is_none() {
        let all = all.chain(BY_NAME);
        let names = all.map(|scene| scene.0);
        panic!("the scenes are {}", names.collect::<Vec<_>>().join(", "));
    }
    let report = Report::new();
    for scene in ALONE.iter().filter(is_chosen).chain(by_name()) {
        let (own, before) = (report.of_scene(), stolen());
        play(scene, &lab, &own);
        let stolen = stolen().saturating_sub(before);
        if own.has_held() || stolen < HOLE {
            report.add(own);
        } else {
            println!(
                "again, for {} were not this machine's: {}",
                ms(stolen),
                scene.0
            );
            play(scene, &lab, &report);
        }
    }
    let again = Mutex::new(Vec::new());
    for (scenes, at_once) in SIDE_BY_SIDE {
        let waiting: Vec<_> = scenes.iter().filter(is_chosen).collect();
        let waiting = Mutex::new(waiting.into_iter());
        thread::scope(|scope| {
            for _ in 0..at_once {
                scope.spawn(|| {
                    while let Some(scene) = { waiting.lock().unwrap().next() } {
                        let own = report.of_scene();
                        play(scene, &lab, &own);
                        if own.has_held() {
                            report.add(own);
                        } else {
                            again.lock().unwrap().push(scene);
                        }
                    }
                });
            }
        });
    }
    // What is heard beside other scenes may have holes that are the machine's: alone it is judged for good.
    for scene in again.into_inner().unwrap() {
        println!("again and alone: {}", scene.0);
        play(scene, &lab, &report);
    }
    ExitCode::from(u8::from(!report.close()))
}

/// A scene that cannot even be set up has failed.
fn play((name, scene): &Scene, lab: &Lab, report: &Report) {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| scene(lab, report)));
    if outcome.is_err() {
        report.check(&format!("the scene \"{name}\" comes to its end"), || {
            Err("it panicked, see above".into())
        });
    }
}

/// Groups that follow each other, and how many scenes of each play at once: calls spend their time waiting, and two
/// processors carry many; but what is heard has holes when others keep both busy.
const SIDE_BY_SIDE: [(&[Scene], usize); 2] = [(TOGETHER, 7), (UNHEARD, 3)];
