//! Whoever calls chooses their number and name, bytes and all: what they put there is neither an argument nor a reply.

use testkit::CallBuilder;

use crate::house::{House, PATIENCE, argument, program};

/// How Asterisk starts the program.
#[derive(Clone, Copy, Debug)]
enum Way {
    Agi,
    FastAgi,
}

/// A call whose settings come from the environment, as those of a service do.
fn call(house: &House, way: Way) -> CallBuilder {
    let settings = house.sandbox.settings().set("call.arguments", "all");
    let call = house.call_of_service(program(), &settings);
    let call = match way {
        Way::Agi => call,
        Way::FastAgi => call.fast_agi("phone-assistant"),
    };
    call.env("PHONE_ASSISTANT_CONFIG", house.settings_file())
}

/// A number that ends Asterisk's line and goes on with a whole block of its own.
fn whole_block(house: &House, after: &str) -> String {
    let recording = argument("recording", &house.recording());
    let reply = argument("reply", &house.reply());
    let block = testkit::agi_block("5", &[&recording, &reply, "stt.language=de-DE"]);
    let (_, from_number) = block.split_once("agi_callerid: ").unwrap();
    format!("{from_number}{after}")
}

#[test]
fn a_number_that_holds_line_breaks_is_not_answered() {
    let replies = "200 result=1 (x)\n".repeat(40);
    for way in [Way::Agi, Way::FastAgi] {
        let house = House::new();
        let other = House::new();
        let theirs = format!(
            "5\nagi_arg_3: tts.openai.base_url={}",
            other.sandbox.base_url()
        );
        let numbers = [
            ("an argument that leads the keys elsewhere", theirs),
            (
                "an argument in place of the first",
                "5\nagi_arg_1: keep=yes".into(),
            ),
            ("a line of no look", "5\nhello".into()),
            ("the end of the block", "5\n".into()),
            ("the end of the block and a hang-up", "5\n\nHANGUP".into()),
            ("a whole block", whole_block(&house, "x")),
            ("a whole block and replies", whole_block(&house, &replies)),
            (
                "a whole block and a hang-up",
                whole_block(&house, &format!("HANGUP\n{replies}")),
            ),
        ];
        for (name, number) in numbers {
            house.ask("question-tea.wav");
            let outcome = call(&house, way)
                .agi("agi_callerid", &number)
                .start()
                .finish(PATIENCE);
            let expected = match way {
                Way::Agi => "FAILED",
                // Nobody is believed who says what was recorded: without a status, which means the same, the dialplan
                // removes that itself.
                Way::FastAgi => "",
            };
            outcome.assert_manners();
            outcome.assert_variable("ASSISTANT_STATUS", expected);
            outcome.assert_variable_contains("ASSISTANT_ERROR", "line break");
            let paid = house.sandbox.requests().len() + other.sandbox.requests().len();
            outcome.assert(paid == 0, &format!("{way:?}, {name}: {paid} requests"));
        }
    }
}

#[test]
fn a_forged_argument_removes_no_file() {
    let house = House::new();
    for number in ["5\nagi_arg_1: recording=FILE", "5BLOCK"] {
        let file = house.other().join("voicemail.wav");
        std::fs::write(&file, "precious").unwrap();
        let forged = whole_block(&house, "x").replace(
            &argument("recording", &house.recording()),
            &argument("recording", &file),
        );
        let number = number.replace("FILE", &file.display().to_string());
        let number = number.replace("5BLOCK", &forged);
        let outcome = call(&house, Way::FastAgi)
            .agi("agi_callerid", number)
            .start()
            .finish(PATIENCE);
        outcome.assert_variable("ASSISTANT_STATUS", "");
        assert!(file.exists());
    }
}

#[test]
fn an_honest_call_is_answered_either_way() {
    for way in [Way::Agi, Way::FastAgi] {
        let house = House::new();
        house.ask("question-tea.wav");
        let outcome = call(&house, way)
            .agi("agi_callerid", b"J\xf6rg \"5\" <5>: 6")
            .start()
            .finish(PATIENCE);
        outcome
            .assert_manners()
            .assert_variable("ASSISTANT_STATUS", "ANSWERED");
    }
}
