//! The key that leads to the operator, at each moment of a conversation and in the pauses of an answer.

use std::fs;
use std::time::Duration;

use testkit::{Act, Call, Outcome, Settings, Stage};

use super::{BREATH, SHORT, asked_of_tea, converse, converse_in, settings, sounds, with_pauses};
use crate::house::{self, House, PATIENCE};

#[test]
fn the_key_0_leads_to_the_operator_from_whatever_is_heard() {
    house::each(&["greeting", "silence", "answer"], |sound| {
        let house = House::new();
        house.sandbox.answer_with(&house::many_sentences(12));
        let greeting = house.other().join("greeting");
        fs::write(greeting.with_extension("ulaw"), vec![0x5a; 8000 * 8]).unwrap();
        let greeting = greeting.display().to_string();
        let mut settings = settings(&house)
            .set("conversation.operator", "200")
            .set("conversation.ask_after", 15.0);
        if *sound == "greeting" {
            settings = settings.set("conversation.greeting", format!("sound:{greeting}"));
        }
        let conversation = converse(&house, &settings);
        match *sound {
            "greeting" => {
                let playing = format!("STREAM FILE \"{greeting}\"");
                conversation.call.wait_for_command(&playing, PATIENCE);
            }
            "silence" => conversation.wait_to_be_heard(1),
            _ => {
                conversation.phone.wait(BREATH);
                conversation.ask("question-tea.wav");
                conversation.wait_for_answer();
            }
        }
        conversation.call.press('0');
        let outcome = conversation.finish();
        outcome.assert_manners();
        outcome.assert_variable("ASSISTANT_STATUS", "TRANSFER");
        outcome.assert_variable("ASSISTANT_TRANSFER", "200");
        outcome.assert_variable("ASSISTANT_KEY", "0");
        house.assert_no_file(&outcome);
    });
}

/// When nothing is heard.
#[derive(Clone, Copy, Debug)]
enum Silence {
    /// The greeting is being spoken.
    Greeting,
    /// Nothing is heard of the answer yet, nor of what fills the time.
    Thinking,
    /// What fills the time has been heard.
    Filled,
    /// The model has stopped in the middle of its answer.
    Pause,
}

impl Silence {
    fn settings(self, settings: Settings) -> Settings {
        match self {
            Self::Greeting => settings.set("conversation.greeting", "Good morning!"),
            Self::Thinking | Self::Pause => settings.set("waiting.play", "nothing"),
            Self::Filled => settings
                .set("waiting.sound", "beep")
                .set("waiting.after", 1)
                .set("waiting.every", 30),
        }
    }

    fn prepare(self, house: &House) {
        match self {
            Self::Greeting => house.sandbox.hold(Stage::Tts),
            Self::Thinking | Self::Filled => house.sandbox.hold(Stage::Llm),
            Self::Pause => pause_in_answer(house),
        }
    }
}

/// The model stops behind its second sentence.
fn pause_in_answer(house: &House) {
    house.sandbox.answer_with(&house::many_sentences(4));
    house.sandbox.pace_model(Duration::ZERO, Duration::ZERO);
    house.sandbox.stop_model_after(14);
}

/// The beginning of the command that plays the silence in which the key alone is taken.
fn silence(house: &House) -> String {
    let silence = sounds(house).join("silence");
    format!("STREAM FILE \"{}\" \"0\"", silence.display())
}

/// That silence, once it plays for the n-th time.
fn wait_for_silence(call: &Call, house: &House, times: usize) {
    call.wait_for_commands(&silence(house), times, PATIENCE);
}

#[track_caller]
fn assert_led_to_200(house: &House, outcome: &Outcome) {
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "TRANSFER")
        .assert_variable("ASSISTANT_TRANSFER", "200")
        .assert_variable("ASSISTANT_KEY", "0");
    house.assert_no_file(outcome);
}

#[test]
fn the_key_0_leads_to_the_operator_from_where_nothing_is_heard() {
    let all = [
        (Silence::Greeting, 1),
        (Silence::Thinking, 1),
        (Silence::Filled, 2),
        (Silence::Pause, 2),
    ];
    house::each(all, |(silence, times)| {
        let house = House::new();
        silence.prepare(&house);
        let settings = settings(&house).set("conversation.operator", "200");
        let conversation = asked_of_tea(&house, &silence.settings(settings));
        wait_for_silence(&conversation.call, &house, times);
        conversation.call.press('0');
        assert_led_to_200(&house, &conversation.finish());
    });
}

#[test]
fn the_key_0_leads_to_the_operator_from_music() {
    let house = House::new();
    house.sandbox.hold(Stage::Llm);
    let settings = settings(&house)
        .set("waiting.play", "music")
        .set("waiting.after", 1)
        .set("conversation.operator", "200");
    let conversation = converse_in(&house, &settings, |call| {
        call.at("WAIT FOR DIGIT", Act::Press('0', Duration::from_millis(20)))
    });
    conversation.phone.wait(BREATH);
    conversation.ask("question-tea.wav");
    let outcome = conversation.finish();
    assert_led_to_200(&house, &outcome);
    let music = &outcome.music;
    outcome.assert(
        music.len() == 1 && music[0].until.is_some(),
        "the music has been switched off once",
    );
}

#[test]
fn the_key_0_leads_to_the_operator_from_a_pause_of_the_one_answer() {
    let house = House::streaming();
    pause_in_answer(&house);
    let sounds = sounds(&house);
    let settings = house
        .sandbox
        .settings()
        .set("waiting.play", "nothing")
        .set("conversation.operator", "200")
        .set("conversation.sounds", sounds.to_str().unwrap());
    let call = house.ask("question-tea.wav").call_with(&settings).start();
    wait_for_silence(&call, &house, 1);
    call.press('0');
    assert_led_to_200(&house, &call.finish(PATIENCE));
}

/// After the last transcription of a turn that is paid for, no key ends what is heard before the caller is understood.
#[test]
fn the_key_0_leads_nowhere_from_the_silence_within_a_number() {
    let house = House::new();
    house.sandbox.answer_with(SHORT);
    house.sandbox.hold(Stage::Stt);
    let filler = house.other().join("filler");
    fs::write(filler.with_extension("ulaw"), vec![0x5a; 8000 * 8]).unwrap();
    let settings = settings(&house)
        .set("waiting.sound", filler.to_str().unwrap())
        .set("waiting.after", 1)
        .set("conversation.operator", "200")
        .set("conversation.quiet", 0.4)
        .set("conversation.max_question", 20.0)
        .set("conversation.max_turns", 1);
    let conversation = converse(&house, &settings);
    conversation.phone.wait(BREATH);
    conversation.phone.say(with_pauses()).wait();
    conversation.wait_for_sounds(&filler, 1);
    conversation.press('7');
    conversation.phone.wait(Duration::from_secs(1));
    conversation.press('0');
    conversation.phone.wait(Duration::from_millis(500));
    house.sandbox.release(Stage::Stt);
    let outcome = conversation.finish();
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "ANSWERED");
}

#[test]
fn a_silence_that_does_not_play_while_the_caller_is_listened_to_does_not_play_for_the_key_0_either()
{
    let house = House::new();
    let settings = settings(&house)
        .set("conversation.operator", "200")
        .set("conversation.ask_after", 2.0);
    let conversation = converse_in(&house, &settings, |call| {
        call.at_once(&sounds(&house).join("silence"))
    });
    let outcome = conversation.finish();
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let silence = silence(&house);
    let plays = outcome
        .commands()
        .filter(|command| command.starts_with(&silence));
    outcome.assert(plays.count() == 0, "it plays with the key alone");
}
