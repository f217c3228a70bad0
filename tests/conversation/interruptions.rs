//! What interrupts an answer, and whether that goes on: a noise and an "mm-hm" do not end it, words do.

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::{Outcome, Response, Stage};

use super::{BREATH, SHORT, asked_of_tea, settings, spoken, square_wave};
use crate::house::{self, House};

/// What comes over the line while an answer is heard.
#[derive(Clone, Copy, Debug)]
enum Interruption {
    /// Loud, and no speech: it is not sent to anybody.
    Knock,
    /// Like a voice, but nobody finds words in it.
    Noise,
    /// The caller shows that they follow.
    Following(&'static str),
}

impl Interruption {
    fn sound(self) -> Vec<i16> {
        match self {
            Self::Knock => square_wave(6400, 12_000),
            Self::Noise => spoken("question-moon.wav")[..6400].to_vec(),
            Self::Following(_) => spoken("question-tea.wav")[..4800].to_vec(),
        }
    }

    /// What a transcriber that is asked makes of it.
    fn transcript(self) -> Response {
        let answer = match self {
            Self::Knock | Self::Noise => json!({}),
            Self::Following(words) => {
                json!({"results": [{"alternatives": [{"transcript": words}]}]})
            }
        };
        Response::new(200, "application/json", answer.to_string())
    }
}

/// How long after the end of each interruption the answer went on, and how many requests the interruptions made.
struct TakenUp {
    after: Vec<Duration>,
    transcriptions: usize,
}

/// A talk whose first answer is interrupted by these, one after the other, and whose caller asks something else after
/// it.
fn taken_up(interruptions: &[Interruption]) -> TakenUp {
    let house = House::new();
    house.sandbox.answer_with(&house::many_sentences(6));
    let settings = settings(&house).set("conversation.max_turns", 2);
    let talking = asked_of_tea(&house, &settings);
    talking.wait_for_answer();
    house.sandbox.delay(Stage::Stt, Duration::from_millis(700));
    let ends: Vec<_> = (2..)
        .zip(interruptions)
        .map(|(times, interruption)| {
            house.sandbox.respond(Stage::Stt, interruption.transcript());
            talking.phone.wait(Duration::from_millis(2500));
            talking.phone.say(interruption.sound()).wait();
            let end = Instant::now();
            talking.wait_for_sounds(&talking.reply, times);
            house.sandbox.restore(Stage::Stt);
            house.sandbox.delay(Stage::Stt, Duration::from_millis(700));
            end
        })
        .collect();
    let transcriptions = house.sandbox.requests_to(Stage::Stt).len() - 1;
    talking.wait_to_be_heard(interruptions.len() + 2);
    house.sandbox.answer_with(SHORT);
    talking.phone.wait(BREATH);
    talking.ask("question-moon.wav");
    let mut reply = talking.reply.clone().into_os_string();
    reply.push(".ulaw");
    let outcome = talking.finish();
    outcome.assert_manners();
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    outcome.assert_variable("ASSISTANT_ANSWER", SHORT);
    assert_told_of_the_whole(&house, &outcome);
    let goes_on = |end: &Instant| {
        let mut frames = outcome.played.iter();
        let next = frames.find(|frame| frame.path == reply && frame.at > *end);
        next.map_or(Duration::MAX, |frame| frame.at.duration_since(*end))
    };
    TakenUp {
        after: ends.iter().map(goes_on).collect(),
        transcriptions,
    }
}

/// The model was asked twice, and the second time told of the first answer as one that was heard to its end; and the
/// voice spoke nothing twice.
#[track_caller]
fn assert_told_of_the_whole(house: &House, outcome: &Outcome) {
    let asked = house.sandbox.requests_to(Stage::Llm);
    outcome.assert(asked.len() == 2, "the model is asked for each question");
    let contents = asked[1].body["contents"].as_array().unwrap();
    let heard = contents[1]["parts"][0]["text"].as_str().unwrap();
    let whole = house::many_sentences(6);
    outcome.assert(
        contents.len() == 3 && heard == whole.trim(),
        &format!("{} parts, {heard}", contents.len()),
    );
    let spoken = house.spoken_texts().join(" ");
    outcome.assert(spoken == format!("{} {SHORT}", whole.trim()), &spoken);
}

#[test]
fn an_answer_goes_on_after_noises_and_the_talk_with_it() {
    use Interruption::{Knock, Noise};
    house::each([[Knock, Noise, Noise], [Noise, Knock, Noise]], |noises| {
        let taken_up = taken_up(&noises);
        let noises = noises.iter().filter(|noise| matches!(noise, Noise));
        assert_eq!(
            taken_up.transcriptions,
            noises.count(),
            "a knock is not sent"
        );
        assert_soon(&taken_up);
    });
}

#[test]
fn an_answer_goes_on_after_a_caller_has_shown_that_they_follow() {
    let said = ["Mm-hm.", "Yes.", "Okay, I see."].map(Interruption::Following);
    assert_soon(&taken_up(&said));
}

#[track_caller]
fn assert_soon(taken_up: &TakenUp) {
    println!("the answer goes on after {:?}", taken_up.after);
    let is_soon = |after: &Duration| *after <= Duration::from_millis(1500);
    assert!(taken_up.after.iter().all(is_soon), "{:?}", taken_up.after);
}
