//! Two Asterisks that share one Redis server: one purse, one memory, and calls that go on without it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use testkit::{Server, Settings, Stage};

use super::services::sandbox;
use crate::caller::{self, ask_until, data, listen, turns_told};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::report::Report;

pub(crate) fn run(lab: &Lab, report: &Report) {
    let mut server = Server::start_encrypted(PROGRAM);
    let machines = [(), ()].map(|()| Machine::installed(lab, sandbox()));
    for machine in &machines {
        share(machine, &server);
        machine.configure(&settings(machine, &server));
    }
    let [first, second] = &machines;
    let is_known = |number| {
        is_told(first, number, "tea", 1)?;
        hand_over_key(first, second);
        is_told(second, number, "moon", 3)
    };
    report.check("a caller of one Asterisk is known at the other", || {
        is_known(OWN).or_else(|why| {
            // Then a call is right to go on without memory.
            if machines.iter().any(was_held_up) {
                is_known(ANOTHER)
            } else {
                Err(why)
            }
        })
    });
    let name = format!("2 × {CALLERS} callers at once never cost more than a day may");
    report.check(&name, || {
        crowd(&machines);
        let [answered, limited, cost] = totals(&machines);
        report.figure(
            "of callers at two Asterisks, answered and turned away for one limit",
            format!("{answered}, {limited}, for ${:.4}", dollars(cost)),
        );
        if answered > 0 && limited > 0 && dollars(cost) <= A_DAY {
            Ok(())
        } else {
            Err("that is not the limit".to_owned())
        }
    });
    let limited_to = |dollars: f64, server: &Server| {
        for machine in &machines {
            machine.configure(&settings(machine, server).set("limits.max_daily_cost", dollars));
        }
    };
    limited_to(PLENTY, &server);
    report.check(
        "a call goes on whose server is killed in the middle",
        || {
            let mut call = caller::dial(&first.phone().number(OWN))?;
            let said = ask_until(&mut call, first, Stage::Llm, Duration::from_secs(2));
            server.stop();
            listen(call, said?)?.only_answer("tea")?;
            first.becomes_clean()
        },
    );
    report.check(
        "without the server a caller is answered and not known",
        || is_told(second, OWN, "moon", 1),
    );
    server.restart(PROGRAM);
    for machine in &machines {
        share(machine, &server);
    }
    report.check(
        "a server that comes back empty knows nobody, and then both share it again",
        || {
            is_told(second, OWN, "tea", 1)?;
            is_told(first, OWN, "moon", 3)
        },
    );
    let [answered, limited, cost] = totals(&machines);
    limited_to(dollars(cost), &server);
    report.check(
        "what was spent counts on at a server that came back empty",
        || {
            let question = data("question-tea.wav");
            for machine in &machines {
                caller::ask(machine, &machine.phone().number(OWN), &question)?;
            }
            match totals(&machines) {
                [now_answered, now_limited, _]
                    if now_answered == answered && now_limited == limited + 2 =>
                {
                    Ok(())
                }
                other => Err(format!("{answered}, {limited} before, then {other:?}")),
            }
        },
    );
}

/// Gives a machine what the server asks for, and its certificate beside that of the services.
fn share(machine: &Machine, server: &Server) {
    machine.put_secret(&server.password_file(), "state-password");
    let trusted = machine.path("/etc/phone-assistant/ca.pem");
    let mut trusted = OpenOptions::new().append(true).open(trusted).unwrap();
    trusted
        .write_all(&fs::read(server.ca_file()).unwrap())
        .unwrap();
}

fn settings(machine: &Machine, server: &Server) -> Settings {
    machine
        .settings()
        .set("state.url", server.url())
        .set("state.password_file", "/etc/phone-assistant/state-password")
        .set("state.machines", 2)
        .set("memory.callers", "internal")
        .set("limits.max_daily_cost", A_DAY)
}

/// As the manual says.
fn hand_over_key(from: &Machine, to: &Machine) {
    fs::copy(from.path(KEY), to.path(KEY)).unwrap();
    to.root()
        .shell(&format!("chown asterisk:asterisk {KEY}; chmod 600 {KEY}"));
}

/// Whether a call has told that the server did not answer it in the time that calls wait, since this machine was busy.
fn was_held_up(machine: &Machine) -> bool {
    machine.log().contains("it does not answer within")
}

/// A caller from the house with this number asks something, and the model is told so many turns.
fn is_told(machine: &Machine, number: &str, name: &str, turns: usize) -> Result<(), String> {
    let question = data(&format!("question-{name}.wav"));
    let phone = machine.phone().number(number);
    caller::ask(machine, &phone, &question)?.only_answer(name)?;
    machine.becomes_clean()?;
    match turns_told(machine) {
        Some(found) if found == turns => Ok(()),
        other => {
            let warning = machine.last_warning();
            Err(format!("the model was told {other:?} turns; {warning}"))
        }
    }
}

/// All call at once; who is turned away hears the apology.
fn crowd(machines: &[Machine; 2]) {
    for machine in machines {
        machine.set_global("ASSISTANT_MAX_CALLS", &CALLERS.to_string());
    }
    let question = data("question-tea.wav");
    thread::scope(|scope| {
        for machine in machines {
            for number in 0..CALLERS {
                let phone = machine.phone().number(&format!("+4930{number:04}"));
                let question = &question;
                scope.spawn(move || caller::ask(machine, &phone, question).map(drop));
            }
        }
    });
}

/// How many calls were answered and limited on all machines, and what all have cost, in millionths of a dollar.
fn totals(machines: &[Machine; 2]) -> [u64; 3] {
    let totals = machines.each_ref().map(|machine| {
        let told = machine.root().shell("phone-assistant calls --json");
        let told: Value = serde_json::from_str(&told).unwrap();
        let calls = |status: &str| {
            told["statuses"][status]["calls"]
                .as_u64()
                .unwrap_or_default()
        };
        let cost = told["microdollars"].as_u64().unwrap_or_default();
        [calls("ANSWERED"), calls("LIMITED"), cost]
    });
    std::array::from_fn(|at| totals.iter().map(|of_machine| of_machine[at]).sum())
}

fn dollars(micro: u64) -> f64 {
    f64::from(u32::try_from(micro).unwrap()) / 1e6
}

const PROGRAM: &str = "redis-server";
const CALLERS: usize = 30;
/// What all may cost in a day, in dollars: the reserves of some calls.
const A_DAY: f64 = 0.5;
/// More than all calls of the scene cost, also for a machine alone.
const PLENTY: f64 = 50.0;
/// Phones of the house.
const OWN: &str = "1205";
const ANOTHER: &str = "1206";
const KEY: &str = "/var/lib/phone-assistant/callers/key";
