//! What callers talk with: told to those from outside and to nobody else, as their phones hear it.

use std::fs::OpenOptions;
use std::io::Write;
use std::thread;

use testkit::Stage;

use super::conversation::only;
use super::services::sandbox;
use crate::caller::{self, NEAR, SOON, data};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::phone::{Heard, Phone};
use crate::report::Report;

pub(crate) fn run(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    machine.configure(&machine.settings().without("knowledge.disclosure"));
    let dialplan = OpenOptions::new().append(true).open(machine.path(DIALPLAN));
    dialplan.unwrap().write_all(TRUNK.as_bytes()).unwrap();
    machine.asterisk("dialplan reload");
    let (own, trunk) = (machine.phone(), machine.phone().number("provider"));
    let words = machine.sandbox.spoken(TEXT);
    report.check(
        "the doctor has the words spoken before anybody calls",
        || {
            let found = machine.root().shell("phone-assistant check || true");
            let told = found.lines().filter(|line| line.contains("disclosure"));
            let told: Vec<_> = told.collect();
            match (&told[..], times_spoken(&machine)) {
                ([line], 1) if line.starts_with("ok ") => Ok(()),
                (_, times) => Err(format!("spoken {times} times, {found}")),
            }
        },
    );
    report.check(
        "a caller from a trunk is told before the beep, and a phone of the house is not",
        || {
            let (outside, inside) = at_once(&trunk, &own, |phone| asked(&machine, phone));
            let (outside, inside) = (outside?, inside?);
            let beep = machine.sound("beep");
            if only(&outside, &words)?.ends > only(&outside, &beep)?.begins + NEAR {
                return Err("the beep came first".into());
            }
            only(&inside, &beep)?;
            none_of_it(&inside, &machine)?;
            match times_spoken(&machine) {
                1 => machine.becomes_clean(),
                times => Err(format!("spoken {times} times")),
            }
        },
    );
    report.check(
        "a conversation tells a caller from a trunk and greets them, and greets a phone of the house at once",
        || {
            let greet = |phone: &Phone| greeted(&machine, phone, "8009");
            let (outside, inside) = at_once(&trunk, &own, greet);
            let (outside, inside) = (outside?, inside?);
            let hello = machine.sound("hello");
            if only(&outside, &words)?.ends > only(&outside, &hello)?.begins + NEAR {
                return Err("the greeting came first".into());
            }
            none_of_it(&inside, &machine)
        },
    );
    report.check(
        "a caller who was told is not told again in the same call",
        || {
            let heard = greeted(&machine, &trunk, "8010")?;
            only(&heard, &words).map(drop)
        },
    );
    report.check("behind an older dialplan the answer begins with it", || {
        let script = format!("sed -i '/mode=disclose,persona/d' {DIALPLAN}");
        machine.root().shell(&script);
        machine.asterisk("dialplan reload");
        let heard = asked(&machine, &trunk)?;
        let beginning = spoken(&machine).pop().unwrap_or_default();
        if !beginning.starts_with(TEXT) || beginning == TEXT && times_spoken(&machine) != 2 {
            return Err(format!("the voice was asked for {beginning:?}"));
        }
        only(&heard, &machine.sandbox.spoken(&beginning))?;
        machine.becomes_clean()
    });
}

/// A caller of 8008 who asks for tea, to the end.
fn asked(machine: &Machine, phone: &Phone) -> Result<Heard, String> {
    let mut call = caller::dial(phone)?;
    let said = caller::ask_in(&mut call, machine, &data("question-tea.wav"))?;
    Ok(caller::listen(call, said)?.heard)
}

/// A caller who hangs up once they have been greeted.
fn greeted(machine: &Machine, phone: &Phone, extension: &str) -> Result<Heard, String> {
    let mut call = caller::dial_to(phone, extension)?;
    call.wait_to_hear(&machine.sound("hello"), SOON)?;
    Ok(call.hang_up())
}

/// Two callers at the same time.
fn at_once<T: Send>(one: &Phone, other: &Phone, call: impl Fn(&Phone) -> T + Sync) -> (T, T) {
    thread::scope(|scope| {
        let one = scope.spawn(|| call(one));
        (one.join().unwrap(), call(other))
    })
}

fn none_of_it(heard: &Heard, machine: &Machine) -> Result<(), String> {
    match heard.find(&machine.sandbox.spoken(TEXT))[..] {
        [] => Ok(()),
        ref found => Err(format!("it was heard at {found:?}; {}", heard.summary())),
    }
}

/// The texts with these words that the voice was asked for.
fn spoken(machine: &Machine) -> Vec<String> {
    let asked = machine.sandbox.requests_to(Stage::Tts);
    let texts = asked
        .iter()
        .filter_map(|asked| asked.body["input"].as_str());
    let with = texts.filter(|text| text.contains(TEXT));
    with.map(str::to_owned).collect()
}

fn times_spoken(machine: &Machine) -> usize {
    spoken(machine).len()
}

const TEXT: &str = "You are talking with an automatic assistant.";
const DIALPLAN: &str = "/etc/asterisk/extensions_custom.conf";
/// A trunk's way in. 8010 is told by a line of its own before it comes to a conversation.
const TRUNK: &str = "\n\
    [from-assistant-trunk]\n\
    exten => 8008,1,Goto(custom-openai,8008,1)\n\
    exten => 8009,1,Goto(custom-openai,8009,1)\n\
    exten => 8010,1,Answer()\n \
    same => n,Wait(1)\n \
    same => n,AGI(phone-assistant,mode=disclose)\n \
    same => n,Goto(custom-openai,8009,1)\n";
