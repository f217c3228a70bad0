//! A conversation of several turns, through EAGI.

pub(crate) mod cost;
mod interruptions;
mod meaning;
mod operator;
mod phrases;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::audio::wav;
use testkit::{Call, CallBuilder, Fault, Outcome, Phone, Saying, Settings, Stage};

use crate::house::{self, House, PATIENCE, argument, assert_at_once, data, program};

/// A conversation that is going on.
pub(crate) struct Conversation {
    pub(crate) call: Call,
    pub(crate) reply: PathBuf,
    silence: PathBuf,
    pub(crate) phone: Phone,
}

/// A question without the silence around it.
pub(crate) fn spoken(name: &str) -> Vec<i16> {
    let samples = wav::read(&data(name)).samples;
    let loud = |sample: &i16| sample.unsigned_abs() > 300;
    let first = samples.iter().position(loud).unwrap();
    let last = samples.iter().rposition(loud).unwrap();
    samples[first..=last].to_vec()
}

/// A second of a question six times, and after each a pause in which it is transcribed ahead.
pub(crate) fn with_pauses() -> Vec<i16> {
    let samples = spoken("question-tea.wav");
    [&samples[..8000], &[0; 4800]].concat().repeat(6)
}

/// Where the sounds are that are made once and kept.
fn sounds(house: &House) -> PathBuf {
    house.other().join("sounds")
}

pub(crate) fn settings(house: &House) -> Settings {
    house
        .sandbox
        .settings()
        .set("conversation.greeting", "")
        .set("conversation.goodbye", "")
        .set("conversation.still_there", "")
        .set("conversation.ask_after", 3.0)
        .set("conversation.sounds", sounds(house).to_str().unwrap())
}

pub(crate) fn converse(house: &House, settings: &Settings) -> Conversation {
    converse_with(house, settings, &[])
}

pub(crate) fn converse_with(
    house: &House,
    settings: &Settings,
    arguments: &[&str],
) -> Conversation {
    converse_in(house, settings, |call| {
        arguments.iter().fold(call, CallBuilder::arg)
    })
}

/// A conversation in a call that `change` sets up.
pub(crate) fn converse_in(
    house: &House,
    settings: &Settings,
    change: impl FnOnce(CallBuilder) -> CallBuilder,
) -> Conversation {
    let (call, pipe) = line(house, settings);
    let call = change(call).real_time().start();
    Conversation {
        call,
        reply: house.reply(),
        silence: sounds(house).join("silence"),
        phone: Phone::open(&pipe),
    }
}

/// A call that hears what is written into the pipe.
fn line(house: &House, settings: &Settings) -> (CallBuilder, PathBuf) {
    let pipe = house.other().join("audio");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let settings = settings.clone().set("reply.play", "stream");
    let call = Call::builder(program())
        .arg("mode=conversation")
        .arg(argument("reply", &house.reply()))
        .arg(argument("config", &settings.write(house.other())))
        .enhanced(&pipe);
    (call, pipe)
}

impl Conversation {
    /// Asks what is in this file of tests/data, without the silence around it.
    pub(crate) fn ask(&self, question: &str) -> Saying {
        self.phone.say(spoken(question))
    }

    /// Waits until an answer begins to be heard.
    pub(crate) fn wait_for_answer(&self) {
        self.wait_for_sounds(&self.reply, 1);
    }

    /// Waits until the caller is listened to for the n-th time.
    pub(crate) fn wait_to_be_heard(&self, times: usize) {
        self.wait_for_sounds(&self.silence, times);
    }

    pub(crate) fn press(&self, key: char) {
        self.call.press(key);
    }

    /// Types these keys, each once the caller is listened to again, the first of them when that is for the n-th time.
    pub(crate) fn types(&self, keys: &str, times: usize) {
        for (times, key) in (times..).zip(keys.chars()) {
            self.wait_to_be_heard(times);
            self.call.press(key);
        }
    }

    pub(crate) fn wait_for_sounds(&self, sound: &Path, times: usize) {
        let playing = format!("STREAM FILE \"{}\"", sound.display());
        self.call.wait_for_commands(&playing, times, PATIENCE);
    }

    /// Hangs up, and waits for the end.
    pub(crate) fn hang_up(self) -> Outcome {
        self.call.hangup();
        self.finish()
    }

    pub(crate) fn finish(self) -> Outcome {
        self.call.finish(Duration::from_secs(60))
    }
}

/// One turn, and how the call ends then.
pub(crate) fn one_turn(house: &House, settings: &Settings) -> Outcome {
    asked_of_tea(house, settings).finish()
}

/// A conversation in which the caller asks about tea.
pub(crate) fn asked_of_tea(house: &House, settings: &Settings) -> Conversation {
    asked_of_tea_with(house, settings, &[])
}

pub(crate) fn asked_of_tea_with(
    house: &House,
    settings: &Settings,
    arguments: &[&str],
) -> Conversation {
    let conversation = converse_with(house, settings, arguments);
    conversation.phone.wait(BREATH);
    conversation.ask("question-tea.wav");
    conversation
}

/// What is loud and no speech: so many samples of a square wave of 444 Hz.
fn square_wave(len: i32, amplitude: i16) -> Vec<i16> {
    let sign = |at: i32| if at / 9 % 2 == 0 { 1 } else { -1 };
    (0..len).map(|at| sign(at) * amplitude).collect()
}

#[test]
fn each_turn_is_answered_with_what_was_said_before_it() {
    let house = House::new();
    house.sandbox.answer_with("Three minutes.");
    let settings = settings(&house)
        .set("conversation.max_turns", 2)
        .set("conversation.ask_after", 15.0);
    let conversation = asked_of_tea(&house, &settings);
    conversation.wait_to_be_heard(2);
    house.sandbox.answer_with("Far away.");
    conversation.phone.wait(BREATH);
    conversation.ask("question-moon.wav");
    let outcome = conversation.finish();
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    outcome.assert_variable("ASSISTANT_ANSWER", "Far away.");
    let asked = house.sandbox.requests_to(Stage::Llm);
    let contents = |index: usize| asked[index].body["contents"].as_array().unwrap().len();
    assert_eq!((contents(0), contents(1), asked.len()), (1, 3, 2));
    // Two questions, each transcribed once: ahead, while it might have gone on.
    assert_eq!(house.sandbox.requests_to(Stage::Stt).len(), 2);
    house.sandbox.assert_clean();
    house.assert_no_file(&outcome);
    assert_each_answer_is_told_of_before_the_next(&outcome, &house.reply());
}

/// Asterisk's log has all lines of an answer once that has been heard, and not only at the end of the call.
#[track_caller]
fn assert_each_answer_is_told_of_before_the_next(outcome: &Outcome, reply: &Path) {
    let playing = format!("STREAM FILE \"{}\"", reply.display());
    let is_told = |line: &str| line.starts_with("VERBOSE") && line.contains("tts: ");
    let order: String = outcome
        .commands()
        .filter_map(|line| match line {
            line if is_told(line) => Some('t'),
            line if line.starts_with(&playing) => Some('p'),
            _ => None,
        })
        .collect();
    let turns: Vec<_> = order.split('t').collect();
    let is_heard_first = turns[..2].iter().all(|played| played.contains('p'));
    outcome.assert(
        turns.len() == 3 && is_heard_first && turns[2].is_empty(),
        &order,
    );
}

#[test]
fn who_speaks_during_an_answer_is_heard_and_the_model_knows_where_it_broke_off() {
    let house = House::new();
    house.sandbox.answer_with(&house::many_sentences(12));
    let settings = settings(&house).set("conversation.max_turns", 2);
    let conversation = asked_of_tea(&house, &settings);
    conversation.wait_for_answer();
    house.sandbox.answer_with(SHORT);
    conversation.phone.wait(Duration::from_secs(3));
    assert_eq!(house.sandbox.requests_to(Stage::Llm).len(), 1);
    conversation.ask("question-moon.wav");
    let outcome = conversation.finish();
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let asked = house.sandbox.requests_to(Stage::Llm);
    assert_eq!(asked.len(), 2);
    let heard = asked[1].body["contents"][1]["parts"][0]["text"].as_str();
    let heard = heard.unwrap();
    let whole = house::many_sentences(12);
    assert!(
        whole.starts_with(heard) && heard.len() * 2 < whole.len() && !heard.is_empty(),
        "{heard}"
    );
}

#[test]
fn of_a_slow_voice_the_model_knows_as_well_where_its_answer_broke_off() {
    let house = House::new();
    let whole = house::many_sentences(12);
    house.sandbox.answer_with(&whole);
    house.sandbox.pace_voice(Duration::ZERO, 1.5);
    let settings = settings(&house).set("conversation.max_turns", 2);
    let conversation = asked_of_tea(&house, &settings);
    conversation.wait_for_answer();
    conversation.phone.wait(Duration::from_secs(3));
    conversation.ask("question-moon.wav");
    house.sandbox.wait_for(Stage::Llm, 2, PATIENCE);
    conversation.hang_up();
    let asked = house.sandbox.requests_to(Stage::Llm);
    let heard = asked[1].body["contents"][1]["parts"][0]["text"].as_str();
    let heard = heard.unwrap();
    assert!(heard.len() * 3 < whole.len(), "{heard}");
}

#[test]
fn the_model_ends_the_conversation_and_transfers_to_those_in_the_settings_alone() {
    let table = [
        ("See you soon. [[goodbye]]", "ANSWERED", ""),
        (
            "One moment please. [[transfer Reception]]",
            "TRANSFER",
            "200",
        ),
        ("One moment please. [[transfer 0900123]]", "ANSWERED", ""),
    ];
    house::each(&table, |(answer, status, extension)| {
        let house = House::new();
        house.sandbox.answer_with(answer);
        let settings = settings(&house)
            .set("conversation.transfers", ["reception=200"])
            .set("conversation.ask_after", 2.0);
        let outcome = one_turn(&house, &settings);
        outcome.assert_variable("ASSISTANT_STATUS", status);
        outcome.assert_variable("ASSISTANT_TRANSFER", extension);
        let spoken = house.spoken_texts().join(" ");
        assert!(
            answer.starts_with(&spoken) && !spoken.contains('['),
            "{spoken}"
        );
        assert_eq!(house.sandbox.requests_to(Stage::Llm).len(), 1);
    });
}

#[test]
fn who_says_nothing_is_asked_once_and_costs_nothing() {
    let house = House::new();
    let settings = settings(&house).set("conversation.ask_after", 2.0);
    let conversation = converse(&house, &settings);
    let outcome = conversation.finish();
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert!(outcome.took > Duration::from_secs(4), "{:?}", outcome.took);
    assert_eq!(asked(&house), 0);
}

#[test]
fn who_hangs_up_in_the_middle_of_a_conversation_ends_it() {
    for during in ["listening", "the answer"] {
        let house = House::new();
        let conversation = converse(&house, &settings(&house));
        conversation.phone.wait(BREATH);
        if during == "the answer" {
            conversation.ask("question-tea.wav");
            conversation.wait_for_answer();
        }
        let outcome = conversation.hang_up();
        outcome
            .assert_variable("ASSISTANT_STATUS", "HANGUP")
            .assert_exit(0);
        house.assert_no_file(&outcome);
    }
}

#[test]
fn a_key_ends_a_turn_before_quiet_does_and_nothing_else() {
    assert_key_hastens(|conversation| {
        conversation.phone.wait(BREATH);
        // Nobody has begun to speak.
        conversation.call.press('#');
        conversation.phone.wait(BREATH);
    });
}

/// After something else has happened, a question that is ended by a key is answered before its twin, which quiet ends.
#[track_caller]
fn assert_key_hastens(before: impl Fn(&Conversation) + Sync) {
    let waited = |key: Option<char>| {
        let house = House::new();
        let settings = settings(&house)
            .set("conversation.quiet", 3.0)
            .set("conversation.think_ahead", false)
            .set("conversation.ask_after", 10.0)
            .set("conversation.max_turns", 1);
        let conversation = converse(&house, &settings);
        before(&conversation);
        conversation.ask("question-tea.wav");
        conversation.phone.wait(Duration::from_millis(200));
        let since = Instant::now();
        if let Some(key) = key {
            conversation.call.press(key);
        }
        conversation.wait_for_answer();
        let waited = since.elapsed();
        let outcome = conversation.finish();
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        assert_eq!(house.sandbox.requests_to(Stage::Stt).len(), 1);
        house.assert_no_file(&outcome);
        waited
    };
    thread::scope(|scope| {
        let quiet = scope.spawn(|| waited(None));
        let key = waited(Some('#'));
        let quiet = quiet.join().unwrap();
        assert!(key < quiet, "{key:?} after the key, {quiet:?} without one");
    });
}

#[test]
fn who_pauses_and_goes_on_is_heard_whole_and_what_was_sent_ahead_is_on_the_bill() {
    let house = House::new();
    house.sandbox.answer_with(SHORT);
    let log = house.other().join("calls.log");
    let settings = settings(&house)
        .set("log.calls", log.to_str().unwrap())
        .set("conversation.max_turns", 1);
    let conversation = converse(&house, &settings);
    conversation.phone.wait(BREATH);
    let samples = spoken("question-moon.wav");
    let (first, second) = samples.split_at(samples.len() / 2);
    let gap = vec![0; 8000 * 45 / 100];
    conversation.phone.say([first, &gap, second].concat());
    conversation.finish();
    let asked = house.sandbox.requests_to(Stage::Stt);
    let sent = |index: usize| {
        asked[index].body["audio"]["content"]
            .as_str()
            .unwrap()
            .len()
    };
    assert_eq!(asked.len(), 2);
    assert!(sent(1) > sent(0) * 3 / 2, "{} and {}", sent(0), sent(1));
    assert!(house.sandbox.requests_to(Stage::Llm).len() == 1);
    let record: Value = serde_json::from_slice(&fs::read(&log).unwrap()).unwrap();
    let billed = record["used"][0]["audio_ms"].as_u64().unwrap();
    let seconds = |base64: usize| u64::try_from(base64 * 3 / 4 / 2 / 8000 + 1).unwrap();
    assert_eq!(
        billed,
        1000 * (seconds(sent(0)) + seconds(sent(1))),
        "{record}"
    );
}

#[test]
fn a_question_is_not_lost_to_a_noise_that_follows_it() {
    let house = House::new();
    house.sandbox.answer_with(SHORT);
    house.sandbox.hold(Stage::Stt);
    let settings = settings(&house).set("conversation.max_turns", 1);
    let conversation = asked_of_tea(&house, &settings);
    conversation.phone.wait(Duration::from_millis(1300));
    conversation.phone.say(square_wave(4000, 4000));
    // It interrupts.
    house.sandbox.wait_for(Stage::Stt, 2, PATIENCE);
    house.sandbox.release(Stage::Stt);
    let outcome = conversation.finish();
    assert_eq!(house.sandbox.requests_to(Stage::Stt).len(), 2);
    outcome.assert_variable("ASSISTANT_QUESTION", "How long should black tea steep?");
}

/// A packet holds two of the frames in which time is counted, and a turn may end with either of them.
#[test]
fn a_turn_that_ends_within_a_packet_is_heard_as_any_other() {
    house::each([0, 80], |offset| {
        let house = House::new();
        let settings = settings(&house)
            .set("conversation.think_ahead", false)
            .set("conversation.max_turns", 1);
        house.sandbox.answer_with(SHORT);
        let conversation = converse(&house, &settings);
        conversation.phone.wait(BREATH);
        let question = spoken("question-tea.wav");
        conversation.phone.say([vec![0; offset], question].concat());
        let outcome = conversation.finish();
        outcome.assert_variable("ASSISTANT_QUESTION", "How long should black tea steep?");
    });
}

/// A caller who hangs up when they have been greeted.
fn greeted(house: &House, settings: &Settings) {
    let conversation = converse(house, settings);
    conversation.wait_to_be_heard(1);
    let outcome = conversation.hang_up();
    outcome.assert_variable("ASSISTANT_STATUS", "HANGUP");
    fs::remove_file(house.other().join("audio")).unwrap();
}

#[test]
fn a_greeting_is_spoken_once_and_kept() {
    let house = House::new();
    let settings = settings(&house).set("conversation.greeting", "Hello, how can I help you?");
    for _ in 0..2 {
        greeted(&house, &settings);
    }
    assert_eq!(house.spoken_texts(), ["Hello, how can I help you?"]);
    assert_eq!(house.sandbox.requests_to(Stage::Tts).len(), 1);
}

#[test]
fn a_greeting_is_kept_of_a_voice_that_stands_in_as_well() {
    let house = House::new();
    let settings = settings(&house)
        .set("conversation.greeting", "Hello, how can I help you?")
        .set("tts.openai.api_key", "sk-of-somebody-else")
        .set("tts.fallback", ["google"].as_slice())
        .set("tts.google.voice", "en-US-Chirp3-HD-Charon");
    for state in ["first", "second"] {
        // Nothing is known of who has failed, so both are asked in turn.
        let settings = settings
            .clone()
            .set("state.folder", house.other().join(state).to_str().unwrap());
        greeted(&house, &settings);
    }
    let asked = house.sandbox.requests_to(Stage::Tts);
    let asked: Vec<_> = asked.iter().map(|asked| asked.path.as_str()).collect();
    assert_eq!(
        asked,
        [
            "/v1/audio/speech",
            "/v1/text:synthesize",
            "/v1/audio/speech"
        ]
    );
}

#[test]
fn a_greeting_that_no_voice_says_in_time_is_asterisks_own() {
    let house = House::new();
    house.sandbox.fault(Stage::Tts, Fault::Hang, usize::MAX);
    let settings = settings(&house).set("conversation.greeting", "Hello, how can I help you?");
    let began = Instant::now();
    let conversation = converse(&house, &settings);
    conversation
        .call
        .wait_for_command("STREAM FILE \"hello\"", PATIENCE);
    let waited = began.elapsed();
    conversation.hang_up();
    // The manual: a voice that has not begun after 5 s is not waited for.
    assert_at_once(waited.saturating_sub(Duration::from_secs(5)));
}

#[test]
fn a_transfer_that_nobody_could_dial_is_a_fault_of_the_settings() {
    let house = House::new();
    for text in [
        "reception",
        "reception=",
        "=200",
        "sales=front desk",
        "sales=２００",
        "a]b=200",
    ] {
        let settings = settings(&house).set("conversation.transfers", [text]);
        let outcome = converse(&house, &settings).finish();
        outcome.assert_variable("ASSISTANT_STATUS", "FAILED");
        outcome.assert_variable_contains("ASSISTANT_ERROR", "conversation.transfers");
        fs::remove_file(house.other().join("audio")).unwrap();
    }
    let name = "Отдел ".repeat(15);
    house
        .sandbox
        .answer_with(&format!("One moment. [[transfer {name}]]"));
    let settings = settings(&house).set("conversation.transfers", [format!("{name}=*20-0#")]);
    let outcome = one_turn(&house, &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "TRANSFER");
    outcome.assert_variable("ASSISTANT_TRANSFER", "*200#");
    assert_eq!(house.spoken_texts(), ["One moment."]);
}

#[test]
fn a_conversation_keeps_to_the_limits_of_the_day() {
    let house = House::new();
    let settings = settings(&house).set("limits.max_daily_cost", 0.000_01);
    let outcome = one_turn(&house, &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "LIMITED");
    assert_eq!(asked(&house), 0);
}

#[test]
fn without_eagi_a_conversation_says_what_it_wants() {
    let house = House::new();
    let config = settings(&house).write(house.other());
    let call = Call::builder(program())
        .arg("mode=conversation")
        .arg(argument("reply", &house.reply()))
        .arg(argument("config", &config));
    let outcome = call.start().finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "FAILED");
    outcome.assert_variable_contains("ASSISTANT_ERROR", "EAGI(phone-assistant,mode=conversation");
}

#[test]
fn a_session_by_hand_hears_the_caller_when_its_lines_are_over() {
    let house = House::new();
    let (_, pipe) = line(&house, &settings(&house));
    let config = settings(&house)
        .set("reply.play", "stream")
        .write(house.other());
    let lines = house.other().join("lines");
    let block = testkit::agi_block("1001", &[]);
    fs::write(&lines, block.replace("enhanced: 0.0", "enhanced: 1.0")).unwrap();
    let mut program_by_hand = Command::new("/bin/sh");
    program_by_hand
        .args(["-c", "audio=$1; shift; exec \"$@\" 3<\"$audio\"", "sh"])
        .args([&pipe, program()])
        .arg("mode=conversation")
        .arg(argument("reply", &house.reply()))
        .arg(argument("config", &config))
        .stdin(fs::File::open(lines).unwrap())
        .stdout(std::process::Stdio::null());
    let mut running = program_by_hand.spawn().unwrap();
    let phone = Phone::open(&pipe);
    phone.wait(BREATH);
    phone.say(spoken("question-tea.wav"));
    house.sandbox.wait_for(Stage::Llm, 1, PATIENCE);
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(house.sandbox.requests_to(Stage::Stt).len(), 1);
}

#[test]
fn a_key_after_a_knock_leaves_the_silence_playing_and_the_next_key_is_told() {
    assert_key_hastens(|conversation| {
        conversation.phone.wait(BREATH + BREATH);
        // Long enough to begin a turn, and no speech.
        let knock = (0..800).map(|n| if n / 8 % 2 == 0 { 6000 } else { -6000 });
        conversation.phone.say(knock.collect());
        conversation.phone.wait(Duration::from_millis(200));
        conversation.call.press('#');
        conversation.phone.wait(BREATH);
    });
}

#[test]
fn who_hangs_up_while_greeted_is_not_listened_to() {
    let house = House::new();
    let greeting = house.other().join("greeting");
    fs::write(greeting.with_extension("ulaw"), vec![0x5a; 8000 * 8]).unwrap();
    let sound = format!("sound:{}", greeting.display());
    let settings = settings(&house).set("conversation.greeting", sound);
    let conversation = converse(&house, &settings);
    let command = format!("STREAM FILE \"{}\"", greeting.display());
    conversation.call.wait_for_command(&command, PATIENCE);
    conversation.call.signal(testkit::Signal::TERM);
    let outcome = conversation.finish();
    outcome
        .assert_manners()
        .assert_exit(0)
        .assert_variable("ASSISTANT_STATUS", "HANGUP");
    let silences = outcome.commands().filter(|line| line.contains("silence"));
    assert_eq!(silences.count(), 0);
}

#[test]
fn a_transfer_is_not_lost_to_a_word_that_nobody_understands() {
    let house = House::new();
    let connects = "One moment please, I am putting you through to the reception right now. [[transfer \"Reception.\"]]";
    house.sandbox.answer_with(connects);
    let settings = settings(&house)
        .set("conversation.transfers", ["reception=200"])
        .set("conversation.ask_after", 3.0);
    let conversation = asked_of_tea(&house, &settings);
    conversation.wait_for_answer();
    let nothing = testkit::Response::new(200, "application/json", "{}");
    house.sandbox.respond(Stage::Stt, nothing);
    conversation.phone.wait(Duration::from_secs(1));
    conversation.ask("question-moon.wav");
    let outcome = conversation.finish();
    assert_eq!(
        house.sandbox.requests_to(Stage::Stt).len(),
        2,
        "it interrupted"
    );
    outcome
        .assert_variable("ASSISTANT_STATUS", "TRANSFER")
        .assert_variable("ASSISTANT_TRANSFER", "200");
}

#[test]
fn a_transfer_is_not_lost_to_a_noise_either() {
    let house = House::new();
    let connects = "One moment please, I am putting you through right now. [[transfer reception]]";
    house.sandbox.answer_with(connects);
    let settings = settings(&house)
        .set("conversation.transfers", ["reception=200"])
        // Whoever waits for a caller who is silent waits beyond the end of this test.
        .set("conversation.ask_after", 60.0);
    let conversation = asked_of_tea(&house, &settings);
    conversation.wait_for_answer();
    conversation.phone.wait(Duration::from_secs(1));
    conversation.phone.say(square_wave(8000, 12_000));
    let outcome = conversation.finish();
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "TRANSFER");
}

#[test]
fn who_goes_on_and_on_is_sent_no_longer_than_a_question_may_be() {
    let house = House::new();
    house.sandbox.answer_with(SHORT);
    house.sandbox.hold(Stage::Stt);
    let settings = settings(&house)
        .set("conversation.quiet", 0.4)
        .set("conversation.max_question", 5.0)
        .set("conversation.max_turns", 1);
    let conversation = converse(&house, &settings);
    conversation.phone.wait(BREATH);
    for _ in 0..4 {
        conversation.ask("question-tea.wav");
        conversation.phone.wait(Duration::from_millis(800));
    }
    house.sandbox.release(Stage::Stt);
    conversation.finish();
    let asked = house.sandbox.requests_to(Stage::Stt);
    let sent = asked
        .iter()
        .map(|asked| asked.body["audio"]["content"].as_str().unwrap().len());
    let seconds: Vec<_> = sent.map(|base64| base64 * 3 / 4 / 2 / 8000).collect();
    assert!(
        seconds.len() > 2 && seconds.iter().all(|sent| *sent <= 5),
        "{seconds:?}"
    );
}

#[test]
fn a_note_alone_does_not_end_a_conversation() {
    let house = House::new();
    house
        .sandbox
        .answer_with("[[note The caller is called Jim.]]");
    let settings = settings(&house)
        .set("memory.callers", "all")
        .set(
            "memory.folder",
            house.other().join("callers").to_str().unwrap(),
        )
        .set("conversation.still_there", "sound:beep")
        .set("conversation.max_turns", 1);
    let outcome = one_turn(&house, &settings);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let mut commands = outcome.commands();
    assert!(commands.any(|line| line.contains("STREAM FILE \"beep\"")));
}

#[test]
fn a_kept_greeting_that_is_empty_is_spoken_anew() {
    let house = House::new();
    let settings = settings(&house).set("conversation.greeting", "Hello, how can I help you?");
    for times in [1, 2] {
        greeted(&house, &settings);
        assert_eq!(house.sandbox.requests_to(Stage::Tts).len(), times);
        for sound in fs::read_dir(sounds(&house)).unwrap().flatten() {
            if sound.file_name() != "silence.ulaw" {
                fs::write(sound.path(), "").unwrap();
            }
        }
    }
}

/// Sound comes faster than anybody speaks, so that an hour of it takes less than a minute.
#[test]
fn an_hour_of_conversation_does_not_grow() {
    let house = House::new();
    let settings = settings(&house)
        .set("conversation.max_turns", 200)
        .set("conversation.max_minutes", 120)
        .set("conversation.ask_after", 60);
    let (call, pipe) = line(&house, &settings);
    // glibc has a heap for each thread, and which of them grows is chance. The program that is installed has one.
    let call = call.env("MALLOC_ARENA_MAX", "1");
    let call = call.real_time().at_once(&house.reply()).start();
    let silence = format!(
        "STREAM FILE \"{}\"",
        sounds(&house).join("silence").display()
    );
    let mut line = OpenOptions::new().write(true).open(pipe).unwrap();
    let mut said = 0;
    let mut say = |samples: &[i16]| {
        said += samples.len();
        let bytes: Vec<u8> = samples.iter().flat_map(|x| x.to_ne_bytes()).collect();
        line.write_all(&bytes).unwrap();
    };
    let question = spoken("question-tea.wav");
    let (pause, quiet) = (vec![0; 8000 * 4 / 10], vec![0; 8000 * 45]);
    let mut first = 0;
    for turn in 1..=TURNS {
        call.wait_for_commands(&silence, turn, PATIENCE);
        for part in [
            &question, &pause, &question, &pause, &question, &pause, &question, &quiet,
        ] {
            say(part);
        }
        house.sandbox.wait_for(Stage::Tts, turn, PATIENCE);
        if turn == TURNS / 10 {
            first = resident_kib(call.pid());
        }
    }
    let last = resident_kib(call.pid());
    let minutes = said / 8000 / 60;
    assert!(minutes >= 60, "{minutes} min");
    assert!(last <= first + 2048, "from {first} kB to {last} kB");
    call.hangup();
    let outcome = call.finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "HANGUP");
    house.assert_no_file(&outcome);
}

fn resident_kib(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.unwrap().parse().unwrap()
}

/// Each is a minute of sound.
const TURNS: usize = 70;

/// An answer that nobody has to listen to for long.
const SHORT: &str = "Yes.";

/// How often anybody was asked for anything.
fn asked(house: &House) -> usize {
    let stages = [Stage::Stt, Stage::Llm, Stage::Tts];
    let asked = stages.map(|stage| house.sandbox.requests_to(stage).len());
    asked.iter().sum()
}

/// The line is known after less.
pub(crate) const BREATH: Duration = Duration::from_millis(600);

#[test]
fn after_a_turn_that_a_service_fails_the_caller_is_asked_to_try_again_and_heard() {
    let table = [(1, "ANSWERED", ""), (usize::MAX, "FAILED", "key")];
    house::each(&table, |(times, status, error)| {
        let house = House::new();
        let log = house.other().join("calls.jsonl");
        house.sandbox.answer_with(SHORT);
        house.sandbox.fault(Stage::Llm, Fault::Status(401), *times);
        let settings = settings(&house)
            .set("log.calls", log.display().to_string())
            .set("conversation.max_turns", 2)
            .set("conversation.ask_after", 15.0);
        let conversation = asked_of_tea(&house, &settings);
        conversation.wait_to_be_heard(2);
        conversation.phone.wait(BREATH);
        conversation.ask("question-moon.wav");
        let outcome = conversation.finish();
        outcome.assert_manners();
        outcome.assert_variable("ASSISTANT_STATUS", status);
        outcome.assert_variable_contains("ASSISTANT_ERROR", error);
        for apology in ["im-sorry", "please-try-again"] {
            let playing = format!("STREAM FILE \"{apology}\"");
            let played = outcome.commands().filter(|line| line.starts_with(&playing));
            assert_eq!(played.count(), 1, "{apology}");
        }
        let told = outcome
            .commands()
            .filter(|line| line.starts_with("VERBOSE"));
        let told = told.filter(|line| line.contains("the caller is asked to try again: llm: "));
        let told: Vec<_> = told.collect();
        assert!(
            matches!(&told[..], [line] if line.ends_with("\" 1")),
            "{told:?}"
        );
        let mut commands = outcome.commands();
        let warning = "EXEC Log \"WARNING,phone-assistant: conversation: ";
        assert!(
            commands.any(|line| line.starts_with(warning)),
            "administrators are warned"
        );
        let log = fs::read_to_string(&log).unwrap();
        assert!(log.contains(r#""stage":"llm","error":""#), "{log}");
    });
}
