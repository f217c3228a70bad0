//! The answer is heard while it is being made: every sample once and in order, without a hole where the voice is fast
//! enough, and with one pause where it is not.

use std::path::PathBuf;
use std::time::Duration;

use phone_assistant::audio::telephone::Encoding;
use testkit::{Act, Fault, Outcome, PACE, Settings, Stage};

use crate::house::{House, MOON, PATIENCE, assert_at_once, short_sound};

/// A frame that is this late is a hole; the scripted Asterisk shares the processor with everything else.
const HOLE: Duration = Duration::from_millis(60);

/// What is heard can be told beforehand only where no level that was measured decides it.
const GAIN_DB: f32 = 6.0;

fn house(voice_speed: f64) -> House {
    let house = House::streaming().louder_by(GAIN_DB);
    house.sandbox.pace_model(PACE.model_first, PACE.model_word);
    house.sandbox.pace_voice(PACE.voice_first, voice_speed);
    house
}

fn reply(house: &House) -> PathBuf {
    format!("{}.ulaw", house.reply().display()).into()
}

/// Calls take as long as people talk; they do not mind others beside them.
fn side_by_side<T: Send>(cases: impl IntoIterator<Item = T>, check: impl Fn(T) + Sync) {
    let check = &check;
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || check(case));
        }
    });
}

/// Some of the texts that the voice was asked for, as the caller hears them.
fn whole(house: &House, texts: &[String]) -> Vec<u8> {
    house.converted(texts, Encoding::Ulaw, GAIN_DB)
}

/// The caller heard this, sample by sample, and nothing of the call is left.
#[track_caller]
fn assert_heard(house: &House, outcome: &Outcome, expected: &[u8]) {
    let heard = outcome.played_of(&reply(house));
    let differs = heard
        .iter()
        .zip(expected)
        .position(|(one, other)| one != other);
    outcome.assert(
        heard == expected,
        &format!(
            "{} samples were heard of {}; they differ from {differs:?} on",
            heard.len(),
            expected.len()
        ),
    );
    outcome
        .assert_exit(0)
        .assert_manners()
        .assert_variable("ASSISTANT_FILE", "");
    house.assert_no_file(outcome);
}

/// The pauses within the answer that can be heard, and after how many samples each came.
fn pauses(house: &House, outcome: &Outcome) -> Vec<(usize, Duration)> {
    let place = reply(house);
    let frames: Vec<_> = outcome
        .played
        .iter()
        .filter(|frame| frame.path == place)
        .collect();
    let mut samples = 0;
    let mut pauses = Vec::new();
    for pair in frames.windows(2) {
        samples += pair[0].bytes.len();
        let silence = pair[1]
            .at
            .saturating_duration_since(pair[0].at + pair[0].lasts);
        if silence > HOLE {
            pauses.push((samples, silence));
        }
    }
    pauses
}

/// Makes a call again until its pauses are as they should be. Whatever else this machine does only adds to them, so those
/// that the program makes itself are there in every round.
#[track_caller]
fn in_some_round(round: impl Fn() -> Result<(), String>) {
    let mut faults = Vec::new();
    for _ in 0..ROUNDS {
        match round() {
            Ok(()) => return,
            Err(fault) => faults.push(fault),
        }
    }
    panic!("in each of {ROUNDS} rounds: {}", faults.join("\n"));
}

const ROUNDS: usize = 10;

/// A call at whose end everything has been heard; and its pauses.
fn heard_whole(house: &House, question: &str) -> (Outcome, Vec<(usize, Duration)>) {
    let outcome = house.outcome(question);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_heard(house, &outcome, &whole(house, &house.spoken_texts()));
    let pauses = pauses(house, &outcome);
    (outcome, pauses)
}

#[test]
fn an_answer_that_asterisk_ends_at_once_again_and_again_is_given_up_after_three() {
    let house = House::streaming();
    house.ask("question-moon.wav");
    let outcome = house.call().sees_empty_files().start().finish(PATIENCE);
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "FAILED")
        .assert_variable_contains("ASSISTANT_ERROR", "Asterisk cannot play");
    // A busy machine fills the wait with a sound of its own.
    let answer = format!("STREAM FILE \"{}\"", house.reply().display());
    let plays = outcome.commands().filter(|line| line.starts_with(&answer));
    let plays = plays.count();
    outcome.assert(plays == 3, &format!("{plays} plays"));
    house.assert_no_file(&outcome);
}

#[test]
fn every_sample_is_heard_once_and_without_a_hole() {
    side_by_side([8.0, 1.5, 1.2], |speed| {
        in_some_round(|| {
            let house = house(speed);
            let (outcome, pauses) = heard_whole(&house, "question-moon.wav");
            outcome.assert_variable("ASSISTANT_ANSWER", MOON);
            if pauses.is_empty() {
                return Ok(());
            }
            Err(format!("at {speed} times real time: {pauses:?}\n{outcome}"))
        });
    });
}

#[test]
fn a_long_answer_of_many_sentences_has_no_hole_either() {
    in_some_round(|| {
        let house = house(1.5);
        house.sandbox.answer_with(
            "Yes. Dr. Smith is in on Mondays at 9.30 a.m. and on Fridays. He sees Mrs. Jones first, then everybody else! \
             You may call J. R. Miller for 3.5 percent. Is that all? I think so, and I wish you a good day.",
        );
        let (outcome, pauses) = heard_whole(&house, "question-tea.wav");
        if pauses.is_empty() {
            return Ok(());
        }
        Err(format!("{pauses:?}\n{outcome}"))
    });
}

#[test]
fn a_stall_of_the_voice_is_one_pause_at_a_quiet_place() {
    in_some_round(|| {
        let house = house(8.0);
        house
            .sandbox
            .stall_voice(Duration::from_millis(1500), Duration::from_secs(3), 1);
        let (outcome, pauses) = heard_whole(&house, "question-moon.wav");
        let &[(at, _)] = pauses.as_slice() else {
            return Err(format!("{pauses:?}\n{outcome}"));
        };
        // Of all places within 400 ms before the stall none is much quieter.
        let heard = whole(&house, &house.spoken_texts());
        let loudness = |at: usize| Encoding::Ulaw.loudness(&heard[at - 160..at + 160]);
        let others = (8..12_000 / 160).rev().take(20);
        let quietest = others.map(|frame| loudness(frame * 160)).min().unwrap();
        if loudness(at) <= quietest + quietest / 2 {
            return Ok(());
        }
        let found = loudness(at);
        Err(format!(
            "after {at} samples it is at {found}, and {quietest} was to be had"
        ))
    });
}

#[test]
fn a_voice_slower_than_speech_is_heard_whole_with_few_pauses() {
    in_some_round(|| {
        let house = house(0.7);
        let (outcome, pauses) = heard_whole(&house, "question-moon.wav");
        if (1..=4).contains(&pauses.len()) {
            return Ok(());
        }
        Err(format!("{pauses:?}\n{outcome}"))
    });
}

#[test]
fn a_model_that_breaks_off_is_heard_as_far_as_its_sentences_go() {
    side_by_side([Fault::MidStreamError(3), Fault::BreakAfter(3)], |fault| {
        let house = house(8.0);
        house.sandbox.fault(Stage::Llm, fault.clone(), usize::MAX);
        let outcome = house.outcome("question-moon.wav");
        outcome
            .assert_variable("ASSISTANT_STATUS", "PARTIAL")
            .assert_variable_contains("ASSISTANT_ERROR", "llm: Gemini");
        assert_eq!(house.sandbox.requests_to(Stage::Llm).len(), 1, "{fault:?}");
        let texts = house.spoken_texts();
        assert!(
            MOON.starts_with(&texts.join(" ")) && texts.join(" ") != MOON,
            "{texts:?}"
        );
        assert_heard(&house, &outcome, &whole(&house, &texts));
    });
}

#[test]
fn a_model_that_breaks_off_before_anything_can_be_said_is_asked_again() {
    side_by_side([Fault::MidStreamError(1), Fault::BreakAfter(1)], |fault| {
        let house = house(8.0);
        house.sandbox.fault(Stage::Llm, fault, 1);
        let outcome = house.outcome("question-moon.wav");
        outcome
            .assert_variable("ASSISTANT_STATUS", "ANSWERED")
            .assert_variable("ASSISTANT_ANSWER", MOON);
        assert_eq!(house.sandbox.requests_to(Stage::Llm).len(), 2);
    });
}

#[test]
fn a_voice_that_breaks_off_is_heard_as_far_as_it_came() {
    let house = house(8.0);
    let after = Duration::from_secs(1);
    house
        .sandbox
        .fault(Stage::Tts, Fault::CutAfter(after), usize::MAX);
    let outcome = house.outcome("question-moon.wav");
    outcome
        .assert_variable("ASSISTANT_STATUS", "PARTIAL")
        .assert_variable_contains("ASSISTANT_ERROR", "tts: OpenAI's voice broke off");
    let heard = outcome.played_of(&reply(&house)).len();
    let expected = whole(&house, &house.spoken_texts());
    assert_heard(&house, &outcome, &expected[..heard]);
    // A second of it, without two frames of the silence before it.
    assert!(
        (7_280..=7_680).contains(&heard),
        "{heard} samples were heard"
    );
}

#[test]
fn a_voice_that_falls_silent_is_given_up() {
    let house = house(8.0);
    house.sandbox.fault(
        Stage::Tts,
        Fault::HangAfter(Duration::from_secs(1)),
        usize::MAX,
    );
    let settings = house.sandbox.settings().set("call.idle_timeout", 1);
    let outcome = house.outcome_with("question-moon.wav", &settings);
    outcome
        .assert_variable("ASSISTANT_STATUS", "PARTIAL")
        .assert_variable_contains("ASSISTANT_ERROR", "stopped in the middle");
    house.assert_no_file(&outcome);
}

#[test]
fn a_service_may_take_longer_to_begin_than_to_go_on() {
    let house = house(8.0);
    house
        .sandbox
        .pace_model(Duration::from_millis(2500), PACE.model_word);
    house.sandbox.pace_voice(Duration::from_millis(1500), 8.0);
    let settings = house.sandbox.settings().set("call.idle_timeout", 1);
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
}

#[test]
fn a_call_leaves_its_timeline_in_the_log_of_calls_and_in_the_call_record() {
    let house = house(8.0);
    house.sandbox.delay(Stage::Stt, Duration::from_millis(300));
    let log = house.other().join("calls.jsonl");
    let settings = house
        .sandbox
        .settings()
        .set("log.calls", log.to_str().unwrap());
    let outcome = house.outcome_with("question-tea.wav", &settings);
    let line = std::fs::read_to_string(log).unwrap();
    let record: serde_json::Value = serde_json::from_str(line.trim_end()).unwrap();
    assert_eq!(record["status"], "ANSWERED");
    assert_eq!(record["id"], "1700000000.17");
    assert!(!line.contains("tea"), "{line}");
    let order = [
        "recording",
        "trim",
        "connect",
        "stt",
        "first_token",
        "first_sentence",
        "first_audio",
        "first_played",
        "last_played",
    ];
    let marks = order.map(|mark| {
        record["marks"][mark]
            .as_u64()
            .unwrap_or_else(|| panic!("no {mark} in {line}"))
    });
    assert!(marks.is_sorted(), "{line}");
    let ear_to_ear = record["ear_to_ear_ms"].as_u64().unwrap();
    // The recording ends with 2 s of silence.
    let expected = marks[7] + 2_000;
    assert!(ear_to_ear.abs_diff(expected) < 250, "{line}");
    outcome.assert_variable("CDR(userfield)", &format!("ANSWERED {ear_to_ear} ms"));
}

#[test]
fn a_key_stops_the_answer_and_is_told() {
    let cases = [
        ('#', "#*", true),
        ('*', "#*", true),
        ('5', "#*", false),
        ('#', "", false),
    ];
    side_by_side(cases, |(key, keys, stops)| {
        let house = house(8.0);
        let settings = house.sandbox.settings().set("reply.stop_keys", keys);
        let call = house.ask("question-moon.wav").call_with(&settings);
        let outcome = call
            .at("STREAM FILE", Act::Press(key, Duration::from_millis(700)))
            .start()
            .finish(PATIENCE);
        outcome
            .assert_exit(0)
            .assert_manners()
            .assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let expected = if stops {
            key.to_string()
        } else {
            String::new()
        };
        outcome.assert_variable("ASSISTANT_KEY", &expected);
        let heard = outcome.played_of(&reply(&house)).len();
        let all = whole(&house, &house.spoken_texts()).len();
        outcome.assert(
            (heard < 8_000) == stops && (stops || heard == all),
            &format!("{key} of {keys:?}: {heard} of {all} samples were heard"),
        );
        house.assert_no_file(&outcome);
    });
}

#[test]
fn the_key_0_leads_from_the_answer_to_the_operator_if_there_is_one() {
    let cases = [
        ("200", "TRANSFER", "200"),
        ("+1 (20) 30*", "TRANSFER", "12030*"),
        ("", "ANSWERED", ""),
    ];
    side_by_side(cases, |(operator, status, extension)| {
        let house = house(8.0);
        let settings = house.sandbox.settings();
        let settings = settings.set("conversation.operator", operator);
        let call = house.ask("question-moon.wav").call_with(&settings);
        let outcome = call
            .at("STREAM FILE", Act::Press('0', Duration::from_millis(700)))
            .start()
            .finish(PATIENCE);
        outcome
            .assert_exit(0)
            .assert_manners()
            .assert_variable("ASSISTANT_STATUS", status)
            .assert_variable("ASSISTANT_TRANSFER", extension)
            .assert_variable("ASSISTANT_FILE", "");
        let heard = outcome.played_of(&reply(&house)).len();
        outcome.assert(
            (heard < 8_000) == (status == "TRANSFER"),
            "the answer went on",
        );
        house.assert_no_file(&outcome);
    });
}

/// Waits of 4.5 s before the answer, and a sound of one second for them.
fn with_wait(house: &House) -> Settings {
    house.sandbox.delay(Stage::Llm, Duration::from_secs(4));
    let sound = house.other().join("moment.ulaw");
    std::fs::write(sound, vec![0x55; 8_000]).unwrap();
    house
        .sandbox
        .settings()
        .set(
            "waiting.sound",
            house.other().join("moment").to_str().unwrap(),
        )
        .set("waiting.after", 1)
        .set("waiting.every", 2)
}

#[test]
fn a_caller_who_waits_hears_that_the_line_is_alive_until_the_answer_begins() {
    side_by_side([house(8.0), House::new()], |house| {
        let settings = with_wait(&house);
        // At 4 s, when the second sound begins, neither is answered.
        house
            .sandbox
            .delay(Stage::Llm, Duration::from_millis(4_300));
        let outcome = house
            .ask("question-tea.wav")
            .call_with(&settings)
            .real_time()
            .start()
            .finish(PATIENCE);
        outcome
            .assert_manners()
            .assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let moment = house.other().join("moment.ulaw");
        let fillers: Vec<_> = outcome
            .played
            .iter()
            .filter(|frame| frame.path == moment)
            .collect();
        let first = fillers[0].at.duration_since(outcome.started);
        outcome.assert(
            first >= Duration::from_millis(950),
            &format!("the first is heard after {first:?}"),
        );
        assert_at_once(first.saturating_sub(Duration::from_secs(1)));
        let played = outcome.played_of(&moment).len();
        outcome.assert(
            (8_000 + 800..=16_000).contains(&played),
            &format!("{played} samples of it are heard"),
        );
    });
}

#[test]
fn the_sound_for_waiting_is_heard_to_its_end_and_the_answer_right_after_it() {
    let house = house(8.0);
    // It begins just before the voice is asked, and the voice speaks before it ends.
    house.sandbox.pace_voice(Duration::from_millis(400), 8.0);
    let settings = with_wait(&house).set("waiting.after", 4.6);
    let outcome = house.outcome_with("question-tea.wav", &settings);
    let moment = house.other().join("moment.ulaw");
    let heard = outcome.played_of(&moment).len();
    outcome.assert(heard == 8_000, &format!("{heard} samples of it are heard"));
    let last = outcome
        .played
        .iter()
        .rposition(|frame| frame.path == moment);
    let last = last.unwrap();
    let ends = outcome.played[last].at + outcome.played[last].lasts;
    assert_at_once(outcome.played[last + 1].at.saturating_duration_since(ends));
    assert_heard(&house, &outcome, &whole(&house, &house.spoken_texts()));
}

/// The first call cannot know that the voice is slow: it fills the time, and the answer waits for the end of that.
#[test]
fn a_voice_that_another_call_has_found_slow_is_waited_for_in_silence() {
    let house = House::streaming();
    house.sandbox.answer_with("Three minutes.");
    house.sandbox.pace_voice(Duration::from_millis(2500), 8.0);
    let settings = house
        .sandbox
        .settings()
        .set("waiting.sound", "beep")
        .set("waiting.after", 2);
    let fillers = || {
        let outcome = house.outcome_with("question-tea.wav", &settings);
        outcome
            .assert_manners()
            .assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let commands = outcome.commands();
        commands
            .filter(|line| line.starts_with("STREAM FILE \"beep\""))
            .count()
    };
    assert_eq!([fillers(), fillers()], [1, 0]);
}

#[test]
fn music_may_fill_the_wait_and_a_missing_sound_harms_nothing() {
    let house = house(8.0);
    let settings = with_wait(&house)
        .set("waiting.play", "music")
        .set("waiting.music_class", "jazz");
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(outcome.music.len(), 1);
    assert_eq!(outcome.music[0].class.as_deref(), Some("jazz"));
    let answer = outcome.played[0].at;
    outcome.assert(
        outcome.music[0].until.is_some_and(|end| end <= answer),
        "the music plays on under the answer",
    );
    side_by_side(["/nonexistent/sound", "with \"quotes\" & more"], |sound| {
        let house = self::house(8.0);
        let settings = with_wait(&house).set("waiting.sound", sound);
        let outcome = house.outcome_with("question-tea.wav", &settings);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        assert_heard(&house, &outcome, &whole(&house, &house.spoken_texts()));
        let tried = outcome
            .commands()
            .filter(|command| command.starts_with("STREAM FILE"));
        assert_eq!(
            tried.count(),
            2,
            "a sound that cannot be played is not tried again"
        );
    });
}

#[test]
fn a_hang_up_ends_the_call_whatever_overlaps() {
    // While a sound fills the wait, at the first sample, and while one sentence is heard and the next is being spoken.
    let cases = [
        (300, true),
        (100, true),
        (700, true),
        (700, false),
        (1_500, true),
    ];
    side_by_side(cases, |(after, by_signal)| {
        let house = house(1.5);
        let mut settings = house.sandbox.settings();
        if after == 300 {
            settings = with_wait(&house);
        }
        let mut call = house.ask("question-moon.wav").call_with(&settings);
        if !by_signal {
            call = call.variable("AGISIGHUP", "no");
        }
        let outcome = call
            .at(
                "STREAM FILE",
                Act::HangupAfter(Duration::from_millis(after)),
            )
            .start()
            .finish(PATIENCE);
        outcome
            .assert_exit(0)
            .assert_manners()
            .assert_variable("ASSISTANT_STATUS", "HANGUP");
        house.assert_no_file(&outcome);
        let ended = outcome.started + outcome.took;
        if let Some(heard_last) = outcome.played.last() {
            assert_at_once(ended.saturating_duration_since(heard_last.at));
        }
    });
}

#[test]
fn a_hang_up_while_the_music_ends_plays_nothing_more() {
    let house = house(8.0);
    let settings = with_wait(&house).set("waiting.play", "music");
    let call = house.ask("question-tea.wav").call_with(&settings);
    let outcome = call
        .at("SET MUSIC OFF", Act::Hangup)
        .start()
        .finish(PATIENCE);
    outcome
        .assert_exit(0)
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "HANGUP")
        .assert_variable("CDR(userfield)", "HANGUP");
    house.assert_no_file(&outcome);
}

#[test]
fn a_voice_that_never_ends_is_not_listened_to() {
    let house = house(f64::INFINITY);
    house.sandbox.fault(Stage::Tts, Fault::Endless, usize::MAX);
    let outcome = house.outcome("question-tea.wav");
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "PARTIAL")
        .assert_variable_contains("ASSISTANT_ERROR", "of sound for a text of");
    let heard = outcome.played_of(&reply(&house)).len();
    outcome.assert(heard < 12 * 8_000, &format!("{heard} samples were heard"));
    house.assert_no_file(&outcome);
}

#[test]
fn nothing_is_heard_of_a_call_whose_voice_never_begins() {
    let house = house(8.0);
    house.sandbox.fault(Stage::Tts, Fault::Hang, usize::MAX);
    let deadline = Duration::from_secs(3);
    let settings = house.sandbox.settings();
    let settings = settings.set("call.deadline", deadline.as_secs());
    let outcome = house.outcome_with("question-moon.wav", &settings);
    outcome
        .assert_variable("ASSISTANT_STATUS", "FAILED")
        .assert_variable_contains(
            "ASSISTANT_ERROR",
            "tts: OpenAI's voice gave no whole answer",
        );
    assert_at_once(outcome.took.saturating_sub(deadline));
    house.assert_no_file(&outcome);
}

#[test]
fn connections_are_opened_while_the_question_is_transcribed() {
    side_by_side([(true, 2), (false, 0)], |(warm, warm_ups)| {
        let house = house(8.0);
        house.sandbox.delay(Stage::Stt, Duration::from_millis(500));
        let settings = house.sandbox.settings().set("http.warm", warm);
        let outcome = house.outcome_with("question-tea.wav", &settings);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        assert_eq!(house.sandbox.warm_ups().len(), warm_ups, "warm = {warm}");
    });
}

#[test]
fn a_soft_answer_of_one_word_is_heard_too() {
    let house = house(8.0);
    house.sandbox.answer_with("Yes.");
    let outcome = house.outcome("question-tea.wav");
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_heard(&house, &outcome, &whole(&house, &house.spoken_texts()));
}

#[test]
fn a_model_that_writes_on_behind_the_limit_holds_nothing_up() {
    let house = House::new();
    house.sandbox.respond(Stage::Tts, short_sound());
    in_some_round(|| {
        house.sandbox.fault(Stage::Llm, Fault::Endless, 1);
        let outcome = house.outcome("question-tea.wav");
        outcome
            .assert_variable("ASSISTANT_STATUS", "ANSWERED")
            .assert(
                !outcome.stderr.contains("told that it used"),
                "nothing was told",
            );
        let took = outcome.took;
        // It could still tell what it has used, and is waited for no longer than this.
        if took < Duration::from_millis(500) {
            return Ok(());
        }
        Err(format!("{took:?}"))
    });
}
