//! What well-formed requests get.

use testkit::audio::{Clip, clips, measure, wav};

use super::sandbox;

#[test]
fn a_question_is_told_by_its_samples_whatever_its_rate_and_level() {
    let (dir, _sandbox, client) = sandbox();
    let moon = wav::read(&dir.path().join("how far is the moon.wav"));
    let open = wav::read(&dir.path().join("when are you open.wav"));
    let both = open.clone().then(&clips::silence(8000, 3.0)).then(&moon);
    let trimmed = Clip::telephone(moon.samples[5000..moon.samples.len() - 5000].to_vec());
    let noisy = moon.clone().mixed_with(&clips::noise(8000, -35.0, 9.0, 1));
    let cases = [
        ("as it is", moon.clone(), "how far is the moon?"),
        (
            "soft",
            moon.clone().amplified(-25.0),
            "how far is the moon?",
        ),
        ("trimmed", trimmed, "how far is the moon?"),
        ("at 16 kHz", moon.at_rate(16_000), "how far is the moon?"),
        ("noisy", noisy, "how far is the moon?"),
        ("two", both, "when are you open?| how far is the moon?"),
        (
            "another",
            clips::babble(8000, "something else"),
            "unknown question",
        ),
        ("silence", clips::silence(8000, 2.0), ""),
    ];
    for (name, clip, expected) in cases {
        let answer = client.recognize(&clip);
        assert_eq!(answer.status, 200, "{name}: {}", answer.json);
        assert!(answer.headers.contains_key("date") && answer.json["requestId"].is_string());
        let results = answer.json["results"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let said = results
            .iter()
            .map(|result| result["alternatives"][0]["transcript"].as_str().unwrap());
        assert_eq!(said.collect::<Vec<_>>().join("|"), expected, "{name}");
    }
}

#[test]
fn an_answer_is_spoken_in_the_format_asked_for() {
    let (_dir, _sandbox, client) = sandbox();
    let answer = client.generate("How far is the moon?").json;
    let text = answer["candidates"][0]["content"]["parts"][0]["text"]
        .as_str()
        .unwrap();
    assert_eq!(text, "The answer to how far is the moon.");
    let wav = client.speak(text, "wav");
    assert_eq!(
        (&wav.body[..4], &wav.body[4..8]),
        (&b"RIFF"[..], &[0xff; 4][..])
    );
    assert_eq!(wav.headers["transfer-encoding"], "chunked");
    let pcm = client.speak(text, "pcm");
    assert_eq!(pcm.headers["content-type"], "audio/pcm");
    assert!(wav.body.ends_with(&pcm.body));
    assert!(client.speak(text, "mp3").body.starts_with(b"ID3"));
}

#[test]
fn different_answers_sound_different() {
    let (_dir, _sandbox, client) = sandbox();
    let clip = |text: &str| Clip {
        rate_hz: 24_000,
        samples: wav::samples_of(&client.speak(text, "pcm").body),
    };
    let (moon, open) = (
        clip("The answer to how far is the moon."),
        clip("The answer to when are you open."),
    );
    assert!((moon.seconds() - 34.0 * 0.065).abs() < 0.001);
    assert!(measure::heard(&moon.at_rate(8000), &moon) > 0.99);
    assert!(measure::heard(&open, &moon) < 0.5);
}

#[test]
#[should_panic(expected = "GET /v2/unknown")]
fn a_request_that_no_service_knows_fails_the_test() {
    let (_dir, _sandbox, client) = sandbox();
    let answer = client
        .agent
        .get(format!("{}/v2/unknown", client.base_url))
        .call()
        .unwrap();
    assert_eq!(answer.status(), 404);
}
