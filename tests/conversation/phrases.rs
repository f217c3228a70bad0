//! What a caller says into the greeting and the disclosure.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use testkit::audio::clips;
use testkit::{Outcome, Settings, Stage};

use super::{BREATH, Conversation, SHORT, converse, settings};
use crate::house::{self, House, PATIENCE};

/// A phrase of 8 s.
fn phrase(house: &House) -> PathBuf {
    let phrase = house.other().join("phrase");
    fs::write(phrase.with_extension("ulaw"), vec![0x5a; PHRASE_BYTES]).unwrap();
    phrase
}

const PHRASE_BYTES: usize = 8 * 8000;

/// A caller who asks about tea, two seconds into a phrase that `change` makes of this sound.
fn asked_into(house: &House, change: impl FnOnce(Settings, String) -> Settings) -> Conversation {
    house.sandbox.answer_with(SHORT);
    let phrase = phrase(house);
    let sound = format!("sound:{}", phrase.display());
    let conversation = converse(house, &change(settings(house), sound));
    let playing = format!("STREAM FILE \"{}\"", phrase.display());
    conversation.call.wait_for_command(&playing, PATIENCE);
    conversation.phone.wait(Duration::from_secs(2));
    conversation.ask("question-tea.wav").wait();
    conversation
}

fn heard_of_phrase(house: &House, outcome: &Outcome) -> usize {
    let phrase = house.other().join("phrase.ulaw");
    outcome.played_of(&phrase).len()
}

#[test]
fn what_is_said_into_the_greeting_is_answered_and_stops_it_where_callers_may_interrupt() {
    house::each([true, false], |barge_in| {
        let house = House::new();
        let conversation = asked_into(&house, |settings, sound| {
            settings
                .set("conversation.greeting", sound)
                .set("conversation.barge_in", barge_in)
                .set("conversation.max_turns", 1)
        });
        let outcome = conversation.finish();
        outcome.assert_manners();
        outcome.assert_variable("ASSISTANT_QUESTION", "How long should black tea steep?");
        outcome.assert_variable("ASSISTANT_ANSWER", SHORT);
        let heard = heard_of_phrase(&house, &outcome);
        let is_right = if barge_in {
            (2 * 8000..3 * 8000).contains(&heard)
        } else {
            heard == PHRASE_BYTES
        };
        outcome.assert(
            is_right,
            &format!("{heard} bytes of the greeting are heard"),
        );
        assert_eq!(house.sandbox.requests_to(Stage::Stt).len(), 1);
    });
}

#[test]
fn a_silent_caller_who_speaks_into_the_goodbye_is_answered() {
    house::each([true, false], |barge_in| {
        let house = House::new();
        let conversation = asked_into(&house, |settings, sound| {
            settings
                .set("conversation.goodbye", sound)
                .set("conversation.ask_after", 2.0)
                .set("conversation.barge_in", barge_in)
                .set("conversation.max_turns", 1)
        });
        let outcome = conversation.finish();
        outcome.assert_manners();
        outcome.assert_variable("ASSISTANT_QUESTION", "How long should black tea steep?");
        outcome.assert_variable("ASSISTANT_ANSWER", SHORT);
        let first = heard_of_phrase(&house, &outcome) - PHRASE_BYTES;
        let is_right = if barge_in {
            (2 * 8000..3 * 8000).contains(&first)
        } else {
            first == PHRASE_BYTES
        };
        outcome.assert(is_right, &format!("{first} bytes of the goodbye are heard"));
    });
}

#[test]
fn a_noise_into_the_greeting_has_it_said_once_more() {
    let house = House::new();
    let nothing = testkit::Response::new(200, "application/json", "{}");
    house.sandbox.respond(Stage::Stt, nothing);
    let conversation = asked_into(&house, |settings, sound| {
        settings.set("conversation.greeting", sound)
    });
    conversation.wait_to_be_heard(2);
    let outcome = conversation.hang_up();
    outcome.assert_manners();
    let heard = heard_of_phrase(&house, &outcome);
    outcome.assert(heard > PHRASE_BYTES + 2 * 8000, &format!("{heard} bytes"));
}

#[test]
fn a_caller_who_speaks_into_the_disclosure_is_told_with_the_answer() {
    let house = House::new();
    let conversation = asked_into(&house, |settings, sound| {
        settings
            .set("knowledge.disclosure", "all")
            .set("knowledge.disclosure_text", sound)
            .set("conversation.greeting", "sound:hello")
            .set("conversation.max_turns", 1)
    });
    let outcome = conversation.finish();
    outcome.assert_manners();
    outcome.assert_variable("ASSISTANT_DISCLOSED", "1");
    outcome.assert_variable("ASSISTANT_ANSWER", SHORT);
    let spoken = house.spoken_texts().join(" ");
    let told = "You are talking with an automatic assistant.";
    outcome.assert(spoken == format!("{told} {SHORT}"), &spoken);
    let is_greeted = outcome.commands().any(|line| line.contains("\"hello\""));
    outcome.assert(!is_greeted, "who has something to say is not greeted");
}

#[test]
fn a_caller_who_has_heard_most_of_the_disclosure_has_been_told() {
    let house = House::new();
    house.sandbox.answer_with(SHORT);
    let settings = settings(&house)
        .set("knowledge.disclosure", "all")
        .set("conversation.max_turns", 1);
    let conversation = converse(&house, &settings);
    conversation.call.wait_for_command("STREAM FILE", PATIENCE);
    // The stand-in takes 2.9 s to say it.
    conversation.phone.wait(Duration::from_millis(2300));
    conversation.ask("question-tea.wav").wait();
    let outcome = conversation.finish();
    outcome.assert_variable("ASSISTANT_DISCLOSED", "1");
    outcome.assert_variable("ASSISTANT_ANSWER", SHORT);
    let spoken = house.spoken_texts();
    assert_eq!(spoken.last().map(String::as_str), Some(SHORT), "{spoken:?}");
    assert_eq!(spoken.len(), 2, "{spoken:?}");
}

#[test]
fn a_noise_into_the_disclosure_has_it_said_again_before_the_greeting() {
    let house = House::new();
    let nothing = testkit::Response::new(200, "application/json", "{}");
    house.sandbox.respond(Stage::Stt, nothing);
    let conversation = asked_into(&house, |settings, sound| {
        settings
            .set("knowledge.disclosure", "all")
            .set("knowledge.disclosure_text", sound)
    });
    conversation.wait_to_be_heard(2);
    let outcome = conversation.hang_up();
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_DISCLOSED", "1");
    let heard = heard_of_phrase(&house, &outcome);
    outcome.assert(heard > PHRASE_BYTES + 2 * 8000, &format!("{heard} bytes"));
}

#[test]
fn a_greeting_that_asterisk_does_not_have_is_replaced_by_its_own_and_told_to_administrators() {
    let house = House::new();
    let settings = settings(&house).set("conversation.greeting", "sound:custom/office");
    let conversation = converse(&house, &settings);
    conversation
        .call
        .wait_for_command("STREAM FILE \"hello\"", PATIENCE);
    let outcome = conversation.hang_up();
    outcome.assert_manners();
    let warning = "phone-assistant: phrases: Asterisk cannot play custom/office";
    let is_told = outcome.commands().any(|line| line.contains(warning));
    outcome.assert(is_told, "administrators are told");
}

/// A voice near a phone that nobody speaks into, and no recognizer finds words in it.
#[test]
fn a_call_in_which_only_a_television_is_heard_ends_as_one_of_a_silent_caller_does() {
    let house = House::new();
    let nothing = testkit::Response::new(200, "application/json", "{}");
    house.sandbox.respond(Stage::Stt, nothing);
    let sound = format!("sound:{}", phrase(&house).display());
    let settings = settings(&house)
        .set("conversation.still_there", sound.clone())
        .set("conversation.goodbye", sound)
        .set("conversation.max_question", 4.0)
        .set("conversation.ask_after", 3.0);
    let conversation = converse(&house, &settings);
    conversation.phone.wait(BREATH);
    let voice = clips::babble(
        8000,
        &"waterfall  waterfallwaterf     waterfallwa ".repeat(30),
    );
    conversation.phone.say(voice.samples);
    let outcome = conversation.finish();
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "ANSWERED");
    // By itself it is sent once, and once where it interrupts a phrase; again where a busy machine transcribes that late.
    let sent = house.sandbox.requests_to(Stage::Stt).len();
    outcome.assert((1..=5).contains(&sent), &format!("{sent} requests"));
}
