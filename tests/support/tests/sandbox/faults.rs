//! What goes wrong on request.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::audio::clips;
use testkit::{Fault, OPENAI_API_KEY, Response, Sandbox, Stage};

use super::{
    Answer, Client, GEMINI, LLM, SPEECH, STT, TTS, generate_body, recognize_body, sandbox,
    speak_body,
};

const STAGES: [Stage; 3] = [Stage::Stt, Stage::Llm, Stage::Tts];

fn ask(client: &Client, stage: Stage) -> Result<Answer, ureq::Error> {
    match stage {
        Stage::Stt => client.try_ask(
            STT,
            &client.token_for(SPEECH),
            &recognize_body(&clips::babble(8000, "x")),
        ),
        Stage::Llm => client.try_ask(LLM, &client.token_for(GEMINI), &generate_body("x")),
        _ => client.try_ask(TTS, OPENAI_API_KEY, &speak_body("x", "wav")),
    }
}

#[test]
fn statuses_come_in_the_vendors_shape_and_only_as_often_as_asked() {
    let (_dir, sandbox, client) = sandbox();
    for stage in STAGES {
        for status in [400, 401, 403, 404, 429, 500, 503] {
            sandbox.fault(stage, Fault::Status(status), 1);
            let answer = ask(&client, stage).unwrap();
            assert_eq!(answer.status, status);
            assert!(
                !answer.json["error"]["message"].as_str().unwrap().is_empty(),
                "{stage:?}: {}",
                answer.json
            );
        }
        sandbox.fault(stage, Fault::RetryAfter(Duration::from_secs(23)), 1);
        sandbox.fault(stage, Fault::QuotaExhausted, 1);
        let limited = ask(&client, stage).unwrap();
        assert_eq!(
            (
                limited.status,
                limited.headers["retry-after"].to_str().unwrap()
            ),
            (429, "23")
        );
        assert!(
            ask(&client, stage)
                .unwrap()
                .json
                .to_string()
                .contains("current quota")
        );
        assert_eq!(ask(&client, stage).unwrap().status, 200);
    }
    assert_eq!(sandbox.paid_requests(), 30);
}

#[test]
fn bodies_can_be_wrong_in_every_way() {
    let (_dir, sandbox, client) = sandbox();
    for stage in STAGES {
        sandbox.fault(stage, Fault::NotJson, 1);
        assert!(ask(&client, stage).unwrap().body.starts_with(b"<!DOCTYPE"));
        sandbox.fault(stage, Fault::Empty, 1);
        assert_eq!(ask(&client, stage).unwrap().body, b"");
        sandbox.fault(stage, Fault::WrongShape, 1);
        assert_eq!(ask(&client, stage).unwrap().json, json!({}));
        sandbox.respond(
            stage,
            Response::new(418, "text/plain", "tea?").header("X-Pot", "black"),
        );
        for _ in 0..2 {
            let answer = ask(&client, stage).unwrap();
            assert_eq!(
                (answer.status, &answer.headers["x-pot"]),
                (418, &"black".parse().unwrap())
            );
        }
        sandbox.restore(stage);
        assert_eq!(ask(&client, stage).unwrap().status, 200);
    }
}

#[test]
fn connections_can_break_in_every_way() {
    let (_dir, sandbox, client) = sandbox();
    let hasty = Client::new(&sandbox, Duration::from_millis(500));
    for stage in STAGES {
        let faults = [
            (Fault::Reset, "reset by peer"),
            (Fault::CutShort, "disconnected"),
            (Fault::Hang, "timeout"),
            (Fault::Endless, "larger than request limit"),
        ];
        for (fault, part) in faults {
            sandbox.fault(stage, fault.clone(), 1);
            let client = if fault == Fault::Hang {
                &hasty
            } else {
                &client
            };
            let error = ask(client, stage)
                .map(|answer| answer.status)
                .unwrap_err()
                .to_string();
            assert!(error.contains(part), "{stage:?} {fault:?}: {error}");
        }
    }
}

#[test]
fn answers_can_be_late_and_slow() {
    let (_dir, sandbox, client) = sandbox();
    let right = ask(&client, Stage::Tts).unwrap().body;
    sandbox.delay(Stage::Tts, Duration::from_millis(100));
    sandbox.fault(Stage::Tts, Fault::Slow(10_000), 1);
    let begun = Instant::now();
    assert_eq!(ask(&client, Stage::Tts).unwrap().body, right);
    assert!(
        begun.elapsed()
            > Duration::from_millis(100 + u64::try_from(right.len() - 500).unwrap() / 10)
    );
}

#[test]
fn an_answer_that_is_held_comes_when_it_is_released() {
    let (_dir, sandbox, client) = sandbox();
    sandbox.hold(Stage::Tts);
    thread::scope(|scope| {
        let held = scope.spawn(|| ask(&client, Stage::Tts).unwrap());
        sandbox.wait_for(Stage::Tts, 1, PATIENCE);
        // Other stages answer meanwhile.
        assert_eq!(ask(&client, Stage::Llm).unwrap().status, 200);
        sandbox.wait_for_answers(Stage::Llm, 1, PATIENCE);
        let asked = sandbox.requests_to(Stage::Tts);
        assert!(asked[0].answered.is_none() && !held.is_finished());
        sandbox.release(Stage::Tts);
        assert_eq!(held.join().unwrap().status, 200);
    });
    assert_eq!(ask(&client, Stage::Tts).unwrap().status, 200);
}

#[test]
fn a_sandbox_that_goes_takes_its_connections_along() {
    let ways: [fn(&Sandbox); 2] = [
        |sandbox| sandbox.fault(Stage::Tts, Fault::Hang, 1),
        |sandbox| sandbox.hold(Stage::Tts),
    ];
    for keep_silent in ways {
        let (_dir, sandbox, client) = sandbox();
        keep_silent(&sandbox);
        thread::scope(|scope| {
            let asked = scope.spawn(|| ask(&client, Stage::Tts).map(|answer| answer.status));
            sandbox.wait_for(Stage::Tts, 1, PATIENCE);
            drop(sandbox);
            if let Err(error) = asked.join().unwrap() {
                assert!(!error.to_string().contains("timeout"), "{error}");
            }
        });
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
