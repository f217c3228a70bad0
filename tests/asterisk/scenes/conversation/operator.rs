//! The key that leads to a person, whatever is heard.

use std::fs;

use testkit::{Sandbox, Script, Stage};

use super::{LONGEST, dial, machine, only};
use crate::caller::{SOON, answer, data_dir, words};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::phone::Call;
use crate::report::Report;

pub(crate) fn run(lab: &Lab, report: &Report) {
    let sandbox = Sandbox::start(Script::standard(&data_dir()));
    let machine = machine(lab, sandbox, |settings| {
        settings
            .set("conversation.operator", "200")
            .set("conversation.ask_after", 30)
            .set("waiting.play", "music")
            .set("waiting.after", 1)
    });
    put_music(&machine);
    report.check("the key 0 leads to a person while music plays", || {
        let call = with_music(&machine)?;
        led_away(&machine, call)
    });
    report.check("music ends where the answer begins", || {
        let mut call = with_music(&machine)?;
        machine.sandbox.release(Stage::Llm);
        let found = call.wait_to_hear(&answer("tea"), SOON)?;
        let heard = call.so_far();
        heard.is_whole(&found, &answer("tea"))?;
        let music = machine.sound(MUSIC);
        if heard
            .find(&music)
            .iter()
            .any(|music| music.ends > found.begins)
        {
            return Err("it plays on".into());
        }
        call.hang_up();
        machine.becomes_clean()
    });
    report.check("the key 0 leads to a person from the answer", || {
        let mut call = dial(&machine, &machine.phone())?;
        let said = call.say(&words("question-moon.wav"));
        call.listen_from(said.last_voiced);
        call.wait_for_sound(SOON)?;
        led_away(&machine, call)
    });
}

/// A caller who has asked something and hears music.
fn with_music(machine: &Machine) -> Result<Call, String> {
    machine.sandbox.hold(Stage::Llm);
    let mut call = dial(machine, &machine.phone())?;
    let said = call.say(&words("question-tea.wav"));
    call.listen_from(said.last_voiced);
    call.wait_to_hear(&machine.sound(MUSIC), SOON)?;
    Ok(call)
}

/// The caller presses the key, and hears the reception.
fn led_away(machine: &Machine, call: Call) -> Result<(), String> {
    call.press('0');
    let heard = call.wait_for_end(LONGEST);
    machine.sandbox.release(Stage::Llm);
    only(&heard, &machine.sound("hello-world"))?;
    machine.becomes_clean()
}

/// Gives Asterisk something to play on hold.
fn put_music(machine: &Machine) {
    const FOLDER: &str = "/var/lib/asterisk/music";
    let sound = format!("/var/lib/asterisk/sounds/en/{MUSIC}.wav");
    fs::create_dir(machine.path(FOLDER)).unwrap();
    let music = machine.path(&format!("{FOLDER}/music.wav"));
    fs::copy(machine.path(&sound), music).unwrap();
    let class = format!("[default]\nmode=files\ndirectory={FOLDER}\n");
    fs::write(machine.path("/etc/asterisk/musiconhold.conf"), class).unwrap();
    machine.asterisk("moh reload");
}

/// The recording of Asterisk's that stands for music.
const MUSIC: &str = "vm-msgsaved";
