//! Answers that are interrupted, and taken up again.

use std::time::{Duration, Instant};

use testkit::audio::clips;

use super::super::tests::{
    FRAME_BYTES, answering, asks_for, end, ended, key, question, sound, through,
};
use super::super::{Answering, Event, Settings};
use crate::audio::speech::turn::Limits;
use crate::audio::{Pcm, to_f32, to_i16};
use crate::call::caller_audio::CallerAudio;
use crate::call::interrupted::Interrupted;
use crate::call::job::Job;
use crate::call::line::{Input, Sound};
use crate::call::phase::tests::{Heard as Line, Virtual, caller};
use crate::sys::error::Stage;

/// An answer of three sentences of 4 s, each spoken in one go, which begins at 1000 ms.
pub(in super::super) fn of_three_sentences(
    change: impl FnOnce(&mut Settings),
) -> Virtual<Answering> {
    let mut call = answering(change);
    call.scene.caller = Some(caller(call.at(0), None));
    call.hears(0, 1000, Line::Quiet);
    call.on(1000, question("When?"));
    for words in [
        "One, two, three.",
        "Four, five, six.",
        "Seven, eight, nine.",
    ] {
        call.on(1000, Input::Work(Event::Speaks(words.into())));
        let loud = [0x20, 0xa0].repeat(200 * FRAME_BYTES / 2);
        call.on(1000, Input::Work(Event::Sound(loud)));
        call.on(1000, Input::Work(Event::SentenceEnd));
    }
    call.on(1000, end());
    call.assert_steps(&[(1000, "play /r #*@0")]);
    call
}

/// The caller speaks at `ms`, and what they say has proved to be nothing at `known`.
fn for_nothing(call: &mut Virtual<Answering>, since: u64, ms: u64, known: u64) {
    let said = call.hears(since, ms - since, Line::Quiet);
    call.hears(said, 600, Line::Voice);
    assert!(ended(call).ends_with("interrupted"), "{}", ended(call));
    call.scene.caller.as_mut().expect("there").forget();
    call.go_on(known, |phase, scene, now| phase.take_up(false, scene, now));
}

#[test]
fn an_answer_goes_on_from_the_sentence_that_was_cut() {
    let mut call = of_three_sentences(|_| {});
    for_nothing(&mut call, 1000, 7000, 8200);
    // The second sentence begins 4 s into the answer.
    call.assert_steps(&[(7100, "stop"), (8200, "play /r #*@32000")]);
    assert_eq!(ended(&call), "goes on");
    call.ends(16_220, Sound::Answer, through(600));
    assert_eq!(ended(&call), "16220 ANSWERED ");
    let spoken = call.scene.turn.spoken.heard();
    assert_eq!(
        spoken,
        "One, two, three. Four, five, six. Seven, eight, nine."
    );
}

#[test]
fn nothing_is_heard_of_an_answer_between_its_interruption_and_its_going_on() {
    let mut call = of_three_sentences(|_| {});
    let until = call.hears(1000, 1500, Line::Quiet);
    call.hears(until, 600, Line::Voice);
    call.assert_steps(&[(2600, "stop")]);
    call.pass(60_000).on(60_000, sound(50));
    call.assert_steps(&[]);
}

#[test]
fn the_sentence_of_a_text_that_was_spoken_in_one_go_is_found_by_its_silence() {
    let mut call = answering(|_| {});
    call.scene.caller = Some(caller(call.at(0), None));
    call.hears(0, 1000, Line::Quiet);
    call.on(1000, question("When?"));
    let words = "One and two and three and four. Five and six and seven.";
    call.on(1000, Input::Work(Event::Speaks(words.into())));
    // The second sentence begins after 6.2 s, and by its length after 5.9 s.
    for (level, frames) in [(0x00, 300), (0xff, 10), (0x00, 200)] {
        let bytes = vec![level; frames * FRAME_BYTES];
        call.on(1000, Input::Work(Event::Sound(bytes)));
    }
    call.on(1000, Input::Work(Event::SentenceEnd))
        .on(1000, end());
    call.told();
    for_nothing(&mut call, 1000, 9000, 10_000);
    let offset = 304 * 160;
    let steps = call.told();
    assert_eq!(steps[1], (10_000, format!("play /r #*@{offset}")));
}

#[test]
fn an_answer_that_has_not_begun_begins_when_what_interrupted_it_was_nothing() {
    let mut call = answering(|_| {});
    call.scene.caller = Some(caller(call.at(0), None));
    let until = call.hears(0, 1000, Line::Quiet);
    call.on(1000, question("When?"));
    call.hears(until, 600, Line::Voice);
    assert!(ended(&call).ends_with("interrupted"));
    // The deadline of 20 s does not run meanwhile.
    call.go_on(21_000, |phase, scene, now| phase.take_up(false, scene, now));
    assert_eq!(ended(&call), "goes on");
    call.on(21_100, sound(50)).on(21_100, end());
    call.assert_steps(&[(21_100, "play /r #*@0")]);
}

#[test]
fn what_the_voice_takes_is_not_how_long_an_interruption_lasts() {
    let mut call = answering(|_| {});
    call.scene.caller = Some(caller(call.at(0), None));
    let until = call.hears(0, 1000, Line::Quiet);
    call.on(1000, question("When?"));
    asks_for(&mut call, 1000, 1080);
    call.hears(until, 600, Line::Voice);
    assert!(ended(&call).ends_with("interrupted"));
    call.go_on(9000, |phase, scene, now| phase.take_up(false, scene, now));
    // What came meanwhile is told now.
    call.on(9000, sound(50)).on(9000, end());
    assert_eq!(call.scene.voice_takes, Some(Duration::from_millis(80)));
}

#[test]
fn what_was_made_of_an_answer_that_a_limit_ends_is_heard_and_no_request_begins() {
    let mut call = answering(|_| {});
    call.scene.caller = Some(caller(call.at(0), None));
    let until = call.hears(0, 1000, Line::Quiet);
    call.on(1000, question("When?")).on(1000, sound(100));
    call.hears(until, 600, Line::Voice);
    call.told();
    let (tell, events) = crossbeam_channel::unbounded();
    let (agrees, answer) = crossbeam_channel::bounded(1);
    for event in [
        Event::Sound(vec![0x55; 50 * FRAME_BYTES]),
        Event::Begins(Stage::Tts, agrees),
    ] {
        tell.send(event).expect("it is kept");
    }
    call.go_on(3000, |phase, scene, now| {
        phase.end_with_what_came(events.try_iter(), scene, now);
        assert_eq!(phase.playout.heard_of(now).1, 150);
        phase.take_up(false, scene, now);
    });
    call.ends(5900, Sound::Answer, through(150));
    assert_eq!(ended(&call), "5900 ANSWERED ");
    assert_eq!(call.told(), [(3000, "play /r #*@0".into())]);
    assert!(answer.try_recv().is_err());
}

#[test]
fn an_answer_that_has_been_heard_but_for_its_last_moment_is_not_interrupted() {
    for (ms, end) in [(12_700, "12940 ANSWERED "), (12_400, "12640 interrupted")] {
        let mut call = of_three_sentences(|_| {});
        let until = call.hears(1000, ms - 1000, Line::Quiet);
        call.hears(until, 600, Line::Voice);
        assert_eq!(ended(&call), end);
    }
}

#[test]
fn an_answer_is_taken_up_three_times_and_then_heard_to_its_end() {
    let mut call = of_three_sentences(|_| {});
    let mut now = 1000;
    for _ in 0..3 {
        for_nothing(&mut call, now, now + 1000, now + 3000);
        now += 3000;
    }
    for _ in 0..2 {
        let quiet = call.hears(now, 2000, Line::Voice);
        now = call.hears(quiet, 1000, Line::Quiet);
        assert_eq!(ended(&call), "goes on");
    }
    // It is answered after this answer.
    let said: Vec<_> = call.scene.said.iter().map(Pcm::duration).collect();
    assert!(
        said.len() == 2 && said.iter().all(|said| *said > Duration::from_secs(2)),
        "{said:?}"
    );
    for _ in 0..2 {
        let quiet = call.hears(now, 2000, Line::Voice);
        // A phone that sends nothing while it is silent.
        call.pass(quiet + 1500);
        now = quiet + 1500;
    }
    let kept: Duration = call.scene.said.iter().map(Pcm::duration).sum();
    assert!((6..=10).contains(&kept.as_secs()), "{kept:?}");
    call.ends(now + 500, Sound::Answer, key('#'));
    assert_eq!(
        ended(&call),
        format!("{} ANSWERED ", now + 500),
        "a key still ends it"
    );
}

#[test]
fn a_long_question_into_an_answer_that_is_heard_to_its_end_is_kept_whole() {
    let mut call = of_three_sentences(|_| {});
    let mut now = 1000;
    for _ in 0..3 {
        for_nothing(&mut call, now, now + 1000, now + 3000);
        now += 3000;
    }
    let limits = Limits {
        quiet: Duration::from_millis(700),
        pause: None,
        longest: Duration::from_secs(30),
    };
    call.scene.caller = Some(CallerAudio::new(8000, limits, call.at(now)));
    let begins = call.hears(now, 400, Line::Quiet);
    let voice = clips::babble(8000, &"waterfall".repeat(30)).samples;
    let quiet = call.brings(begins, &voice[..8 * 10_400]);
    call.hears(quiet, 800, Line::Quiet);
    let said: Vec<_> = call.scene.said.iter().map(Pcm::duration).collect();
    assert!(
        said.len() == 1 && said[0] >= Duration::from_secs(10),
        "{said:?}, {}",
        ended(&call)
    );
}

#[test]
fn a_caller_who_follows_may_interrupt_eight_times_and_then_hears_the_answer_to_its_end() {
    let mut call = of_three_sentences(|_| {});
    let mut now = 1000;
    for _ in 0..8 {
        let said = call.hears(now, 1000, Line::Quiet);
        call.hears(said, 600, Line::Voice);
        assert!(ended(&call).ends_with("interrupted"), "{}", ended(&call));
        call.scene.caller.as_mut().expect("there").forget();
        now += 3000;
        call.go_on(now, |phase, scene, now| phase.take_up(true, scene, now));
    }
    assert_eq!(ended(&call), "goes on");
    let said = call.hears(now, 1000, Line::Quiet);
    call.hears(said, 2000, Line::Voice);
    assert_eq!(ended(&call), "goes on", "each was paid for");
}

#[test]
fn a_rest_that_does_not_come_is_waited_for_as_after_any_pause() {
    let mut call = answering(|_| {});
    call.scene.caller = Some(caller(call.at(0), None));
    let until = call.hears(0, 1000, Line::Quiet);
    call.on(1000, question("When?")).on(1000, sound(100));
    call.hears(until, 600, Line::Voice);
    call.go_on(3000, |phase, scene, now| phase.take_up(false, scene, now));
    call.ends(5100, Sound::Answer, through(100)).pass(10_299);
    assert_eq!(ended(&call), "goes on");
    call.pass(10_300);
    assert!(
        ended(&call).contains("stopped for 5.0 s"),
        "{}",
        ended(&call)
    );
}

/// What is written decides whether a caller is not listened to for a moment, because a message may still come.
#[test]
fn an_answer_is_written_once_its_model_has_ended_and_not_when_a_tool_has() {
    type Row = (&'static str, fn() -> Vec<Event>, bool);
    fn used() -> Event {
        Event::Done(Stage::Llm, Instant::now(), "tool order: 2 bytes".to_owned())
    }
    let table: [Row; 5] = [
        ("nothing has come", Vec::new, false),
        ("a tool was used", || vec![used()], false),
        ("the model goes on", || vec![used(), Event::Called], false),
        ("the model has ended", || vec![Event::Written], true),
        ("all has ended", || vec![Event::End(Ok(()))], true),
    ];
    for (name, events, expected) in table {
        for waits in [true, false] {
            let mut call = answering(|_| {});
            let mut told = events();
            if !waits {
                for event in told.drain(..) {
                    call.on(1000, Input::Work(event));
                }
            }
            let interrupted = Interrupted {
                answering: call.phase,
                job: Job::none(),
                told,
                reply: None,
                may_be_followed: true,
                is_followed: false,
                has_lost_message: false,
            };
            assert_eq!(interrupted.is_written(), expected, "{name}, {waits}");
        }
    }
}

/// What the words of an interruption are taken for.
fn taken_for(words: &str, back_channels: &[&str]) -> String {
    let mut call = answering(|settings| {
        settings.back_channels = back_channels.iter().map(|&tag| tag.to_owned()).collect();
    });
    call.on(500, question(words));
    ended(&call)
}

#[test]
fn a_back_channel_into_an_answer_is_no_turn_and_words_are() {
    let languages: &[&str] = &["en-US", "de-DE"];
    for (words, becomes) in [
        ("Mm-hm.", "500 follows"),
        ("Yes.", "500 follows"),
        ("Ja, genau.", "500 follows"),
        ("", "500 NOSPEECH "),
        ("No.", "goes on"),
        ("Yes, but when?", "goes on"),
    ] {
        assert_eq!(taken_for(words, languages), becomes, "{words:?}");
    }
    // Where no answer is interrupted, or it had just asked something, "yes" is an answer.
    assert_eq!(taken_for("Yes.", &[]), "goes on");
}

#[test]
fn whether_something_was_asked_is_told_by_the_sentence_that_was_heard_last() {
    let mut call = answering(|_| {});
    call.scene.caller = Some(caller(call.at(0), None));
    call.hears(0, 1000, Line::Quiet);
    call.on(1000, question("When?"));
    for words in [
        "It is late.",
        "Shall I put you through?",
        "There is much to tell.",
    ] {
        call.on(1000, Input::Work(Event::Speaks(words.into())));
        call.on(1000, sound(200));
        call.on(1000, Input::Work(Event::SentenceEnd));
    }
    for (ms, asked) in [
        (2000, false),
        (4900, false),
        (5500, true),
        (9000, true),
        (10_900, true),
        (11_200, false),
    ] {
        let now = call.pass(ms).at(ms);
        assert_eq!(call.phase.has_just_asked(&call.scene, now), asked, "{ms}");
    }
}

/// The caller speaks for `ms_long` two seconds into an answer, on a line that has brought nothing back. Returns the steps.
fn after_a_sign(call: &mut Virtual<Answering>, ms_long: u64) -> Vec<(u64, String)> {
    let until = call.hears(1000, 2000, Line::Quiet);
    let until = call.hears(until, ms_long, Line::Voice);
    call.hears(until, 1000, Line::Quiet);
    call.told()
}

#[test]
fn an_answer_is_silent_at_the_first_sign_of_a_voice() {
    let mut call = of_three_sentences(|_| {});
    assert_eq!(after_a_sign(&mut call, 600), [(3100, "stop".into())]);
    assert_eq!(ended(&call), "3240 interrupted");
}

#[test]
fn a_sign_that_proves_to_be_nothing_is_a_short_pause() {
    let mut call = of_three_sentences(|_| {});
    let steps = after_a_sign(&mut call, 160);
    // What was heard in the last half second is heard once more.
    let (at, offset) = (3450, (2100 / 20 - 25) * 160);
    let on = format!("play /r #*@{offset}");
    assert_eq!(steps, [(3100, "stop".into()), (at, on)]);
    call.ends(at + 10_380, Sound::Answer, through(600));
    assert_eq!(ended(&call), format!("{} ANSWERED ", at + 10_380));
    assert_eq!(call.scene.turn.spoken.heard().len(), 53, "all of it");
}

#[test]
fn a_melody_is_no_sign_and_a_voice_that_is_doubted_is_one_pause() {
    let mut call = of_three_sentences(|_| {});
    let until = call.hears(1000, 2000, Line::Quiet);
    let until = call.hears(until, 1500, Line::Melody);
    assert_eq!(call.told(), []);
    let until = call.hears(until, 1500, Line::Quiet);
    // So short a voice is soon forgotten in what follows.
    let until = call.hears(until, 40, Line::Voice);
    let until = call.hears(until, 400, Line::Melody);
    call.hears(until, 600, Line::Voice);
    let steps = call.told();
    assert_eq!(steps.len(), 1, "{steps:?}");
    assert!(ended(&call).ends_with("interrupted"), "{}", ended(&call));
}

#[test]
fn an_answer_pauses_twice_for_nothing_and_not_where_signs_are_not_trusted() {
    let stops = |call: &mut Virtual<Answering>| {
        let mut until = call.hears(1000, 2000, Line::Quiet);
        for _ in 0..4 {
            until = call.hears(until, 160, Line::Voice);
            until = call.hears(until, 1000, Line::Quiet);
        }
        let steps = call.told();
        steps.iter().filter(|(_, step)| step == "stop").count()
    };
    assert_eq!(stops(&mut of_three_sentences(|_| {})), 2);
    assert_eq!(
        stops(&mut of_three_sentences(|settings| settings.barge_in = false)),
        0
    );
    let mut call = of_three_sentences(|_| {});
    for _ in 0..2 {
        call.scene
            .caller
            .as_mut()
            .expect("there")
            .interrupted_for_nothing();
    }
    assert_eq!(stops(&mut call), 0);
    let mut call = of_three_sentences(|_| {});
    call.scene
        .caller
        .as_mut()
        .expect("there")
        .interrupted_for_nothing();
    call.scene.caller.as_mut().expect("there").was_understood();
    call.scene
        .caller
        .as_mut()
        .expect("there")
        .interrupted_for_nothing();
    assert_eq!(stops(&mut call), 2);
}

#[test]
fn a_line_that_brings_back_the_answer_is_not_trusted_with_a_sign() {
    let mut call = of_three_sentences(|_| {});
    let until = call.hears(1000, 2000, Line::Echo);
    call.hears(until, 600, Line::Voice);
    assert!(
        call.told().iter().all(|(ms, _)| *ms > 3200),
        "not before it is proved"
    );
}

/// The amplitude of a sound at a sample, and at that many seconds.
type Wave = Box<dyn Fn(usize, f32) -> f32>;

/// Forty sounds that are no voice, of ten kinds, each at four levels.
fn noises() -> Vec<(String, Vec<i16>)> {
    let random = clips::noise(8000, -10.0, 0.5, 40).samples;
    let hiss = move |at: usize| to_f32(random[at % random.len()]);
    let tone = |hz: f32, at: f32| (std::f32::consts::TAU * hz * at).sin();
    let fades = |at: f32, within: f32| (-at / within).exp();
    let of_hiss = |envelope: fn(f32) -> f32| -> Wave {
        let hiss = hiss.clone();
        Box::new(move |index, at| hiss(index) * envelope(at))
    };
    let kinds: [(&str, u32, Wave); 10] = [
        ("cough", 350, of_hiss(|at| (-at / 0.1).exp())),
        ("two coughs", 600, of_hiss(|at| (-(at % 0.3) / 0.06).exp())),
        (
            "steps",
            600,
            of_hiss(|at| f32::from(u8::from(at % 0.3 < 0.03))),
        ),
        ("rustling", 500, of_hiss(|at| 0.6 + 0.4 * (at * 37.0).sin())),
        ("wind", 600, of_hiss(|at| (at * 5.0).sin().abs())),
        (
            "slam",
            300,
            Box::new(move |_, at| tone(90.0, at) * fades(at, 0.05)),
        ),
        (
            "knocks",
            600,
            Box::new(move |_, at| tone(444.0, at).signum() * fades(at % 0.2, 0.02)),
        ),
        (
            "hum",
            500,
            Box::new(move |_, at| tone(100.0, at) + 0.3 * tone(200.0, at)),
        ),
        (
            "key",
            300,
            Box::new(move |_, at| tone(770.0, at) + tone(1336.0, at)),
        ),
        (
            "ring",
            600,
            Box::new(move |_, at| tone(1000.0, at) * (1.0 + tone(20.0, at))),
        ),
    ];
    let sound = |wave: &Wave, ms: u32, level: f32| {
        let samples = 0..u16::try_from(8 * ms).expect("short");
        let samples = samples.map(|at| level * wave(at.into(), f32::from(at) / 8000.0));
        samples
            .map(|sample| to_i16(sample.clamp(-1.0, 1.0)))
            .collect()
    };
    let levels = [0.05, 0.12, 0.3, 0.7];
    let all = kinds.iter().flat_map(|(name, ms, wave)| {
        levels.map(|level| (format!("{name} at {level}"), sound(wave, *ms, level)))
    });
    all.collect()
}

#[test]
fn forty_noises_into_answers_cost_neither_the_conversation_nor_an_answer() {
    let (noises, mut pauses, mut interruptions) = (noises(), 0, 0);
    assert_eq!(noises.len(), 40);
    for noises in noises.chunks(4) {
        let mut call = of_three_sentences(|_| {});
        let mut until = 1000;
        for (_, noise) in noises {
            let begins = call.hears(until, 500, Line::Quiet);
            until = call.brings(begins, noise);
            until = call.hears(until, 500, Line::Quiet);
            if ended(&call).ends_with("interrupted") {
                interruptions += 1;
                call.scene.caller.as_mut().expect("there").forget();
                call.go_on(until, |phase, scene, now| phase.take_up(false, scene, now));
            }
            let steps = call.told();
            pauses += steps.iter().filter(|(_, step)| step == "stop").count();
        }
        call.ends(15_000, Sound::Answer, through(600));
        let (name, _) = &noises[0];
        assert!(
            ended(&call).ends_with("ANSWERED "),
            "{name}: {}",
            ended(&call)
        );
        let spoken = call.scene.turn.spoken.heard();
        assert!(spoken.ends_with("Seven, eight, nine."), "{name}: {spoken}");
    }
    assert_eq!((pauses, interruptions), (0, 0));
}
