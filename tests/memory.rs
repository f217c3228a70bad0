//! What is remembered of a caller from one call to the next, and what is not.

mod unreadable;

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};
use testkit::{Act, CallBuilder, Outcome, Settings, Stage, until};

use crate::conversation::{self, Conversation, asked_of_tea, one_turn};
use crate::house::{
    House, PATIENCE, argument, assert_at_once, data, each, many_sentences, program,
};

const TEA: &str = "How long should black tea steep?";
const TEA_ANSWER: &str = "Black tea should steep for three to five minutes. Goodbye!";

/// Where callers are remembered.
fn callers(house: &House) -> PathBuf {
    house.other().join("callers")
}

fn settings(house: &House, callers_are: &str) -> Settings {
    house
        .sandbox
        .settings()
        .set("memory.callers", callers_are)
        .set("memory.folder", callers(house).to_str().unwrap())
}

/// A call of this number from this channel.
fn call(house: &House, settings: &Settings, channel: &str, number: &str) -> CallBuilder {
    let call = house.ask("question-tea.wav").call_with(settings);
    call.agi("agi_channel", channel)
        .agi("agi_callerid", number)
        .agi("agi_callingpres", "0")
}

/// A call of the phone 200, to its end.
fn phone_calls(house: &House, settings: &Settings) -> Outcome {
    let call = call(house, settings, "PJSIP/200-0000000a", "200");
    let outcome = call.start().finish(PATIENCE);
    outcome
        .assert_exit(0)
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "ANSWERED");
    outcome
}

/// What the model was told the n-th time: the system prompt, and what was said, each with whose it was.
fn told(house: &House, index: usize) -> (String, Vec<String>) {
    let body = &house.sandbox.requests_to(Stage::Llm)[index].body;
    let text = |turn: &Value| turn["parts"][0]["text"].as_str().unwrap().to_owned();
    let turns = body["contents"].as_array().unwrap().iter().map(text);
    (text(&body["systemInstruction"]), turns.collect())
}

/// The files of callers.
fn files(house: &House) -> Vec<PathBuf> {
    let entries = fs::read_dir(callers(house)).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|name| name == "json"))
        .collect();
    paths.sort();
    paths
}

/// What the only file holds.
pub(crate) fn record(house: &House) -> Value {
    let files = files(house);
    assert_eq!(files.len(), 1, "{files:?}");
    serde_json::from_slice(&fs::read(&files[0]).unwrap()).unwrap()
}

fn exchanges(house: &House) -> usize {
    record(house)["exchanges"].as_array().unwrap().len()
}

/// The lock of a folder that is to be swept.
fn swept_yesterday(house: &House) -> File {
    let lock = callers(house).join("lock");
    let lock = File::options().write(true).open(lock).unwrap();
    let yesterday = SystemTime::now() - Duration::from_secs(25 * 60 * 60);
    lock.set_modified(yesterday).unwrap();
    lock
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_next_call_goes_on_where_the_last_one_ended() {
    let house = House::new();
    let settings = settings(&house, "internal");
    let answer = "Tea it is, Jim. [[note The caller is Jim and likes tea.]]";
    house.sandbox.answer_with(answer);
    let outcome = phone_calls(&house, &settings);
    outcome.assert_variable("ASSISTANT_ANSWER", "Tea it is, Jim.");
    assert_eq!(house.spoken_texts(), ["Tea it is, Jim."]);
    let (first, _) = told(&house, 0);
    assert!(first.contains("[[note TEXT]]"), "{first}");
    assert!(!first.contains("your note on the caller"), "{first}");
    let body = &house.sandbox.requests_to(Stage::Llm)[0].body;
    let max_tokens = body["generationConfig"]["maxOutputTokens"].as_u64();
    assert_eq!(max_tokens, Some(400 + 250), "room for the note");

    phone_calls(&house, &settings);
    let (second, turns) = told(&house, 1);
    assert!(
        second.contains("\"The caller is Jim and likes tea.\""),
        "{second}"
    );
    assert_eq!(turns, [TEA, "Tea it is, Jim.", TEA]);
    assert_eq!(exchanges(&house), 2);
    house.sandbox.assert_clean();
    // No log has the note, and neither has any variable.
    for text in outcome.dialogue.iter().map(|line| &line.text) {
        assert!(!text.contains("likes tea"), "{text}");
    }
    assert!(!outcome.stderr.contains("likes tea"), "{}", outcome.stderr);
}

#[test]
fn nothing_is_kept_and_the_model_is_told_nothing_unless_somebody_switches_it_on() {
    let house = House::new();
    let settings = house
        .sandbox
        .settings()
        .set("memory.folder", callers(&house).to_str().unwrap());
    phone_calls(&house, &settings);
    phone_calls(&house, &settings);
    let (system, turns) = told(&house, 1);
    assert!(!system.contains("[["), "{system}");
    assert_eq!(turns, [TEA]);
    assert!(!callers(&house).exists());
}

#[test]
fn only_who_is_certain_is_remembered_unless_all_are() {
    let phone = "PJSIP/200-0000000a";
    let trunk = "PJSIP/provider-0000000b";
    let table = [
        ("internal", phone, "200", true),
        ("internal", phone, "201", false),
        ("internal", trunk, "200", false),
        (
            "internal",
            "Local/200@from-internal-0000000c;2",
            "200",
            false,
        ),
        ("internal", phone, "anonymous", false),
        ("all", trunk, "+49 30 123456", true),
        ("all", trunk, "anonymous", false),
        ("all", trunk, "unknown", false),
        ("all", trunk, "", false),
    ];
    let house = House::new();
    for (mode, channel, number, is_remembered) in table {
        let settings = settings(&house, mode);
        let outcome = call(&house, &settings, channel, number)
            .start()
            .finish(PATIENCE);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let kept = files(&house);
        assert_eq!(
            kept.len(),
            usize::from(is_remembered),
            "{mode} {channel} {number}"
        );
        for path in kept {
            fs::remove_file(path).unwrap();
        }
    }
    let restricted = call(&house, &settings(&house, "all"), trunk, "200");
    restricted
        .agi("agi_callingpres", "32")
        .start()
        .finish(PATIENCE);
    assert!(files(&house).is_empty(), "the number is not to be shown");
    // FreePBX's inbound routes show every number, and keep what the network said of it.
    for (saved, is_remembered) in [("prohib_passed_screen", false), ("allowed", true)] {
        let call = call(&house, &settings(&house, "all"), trunk, "200");
        let call = call.variable("CALLINGNUMPRES_SV", saved);
        call.start().finish(PATIENCE).assert_manners();
        assert_eq!(files(&house).len(), usize::from(is_remembered), "{saved}");
    }
}

#[test]
fn who_forges_the_number_of_a_phone_does_not_find_what_it_has_said() {
    let house = House::new();
    let settings = settings(&house, "all");
    house
        .sandbox
        .answer_with("Yes, Jim. [[note The safe opens with 1234.]]");
    phone_calls(&house, &settings);
    let forged = call(&house, &settings, "PJSIP/provider-0000000b", "200");
    forged.start().finish(PATIENCE);
    let (system, turns) = told(&house, 1);
    assert!(!system.contains("1234"), "{system}");
    assert_eq!(turns, [TEA]);
    assert_eq!(files(&house).len(), 2);
    // One word forgets both.
    let output = house.command(&settings, &["forget", "200"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(files(&house).is_empty());
}

#[test]
fn who_wants_to_be_forgotten_is_and_nothing_more_of_the_call_is_kept() {
    let house = House::new();
    let settings = settings(&house, "internal");
    phone_calls(&house, &settings);
    assert_eq!(exchanges(&house), 1);
    house
        .sandbox
        .answer_with("[[forget]] I have forgotten you. [[note Never mind.]]");
    let outcome = phone_calls(&house, &settings);
    outcome.assert_variable("ASSISTANT_ANSWER", "I have forgotten you.");
    assert!(files(&house).is_empty());
    phone_calls(&house, &settings);
    let (system, turns) = told(&house, 2);
    assert!(!system.contains("Never mind"), "{system}");
    assert_eq!(turns, [TEA]);
}

#[test]
fn who_wants_to_be_forgotten_while_another_call_writes_is_forgotten_after_it() {
    let house = House::new();
    let settings = settings(&house, "internal");
    phone_calls(&house, &settings);
    house
        .sandbox
        .answer_with("[[forget]] I have forgotten you.");
    let lock = swept_yesterday(&house);
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let call = call(&house, &settings, "PJSIP/200-0000000a", "200").start();
    house.sandbox.wait_for_answers(Stage::Llm, 2, PATIENCE);
    until("the call waits for the lock", PATIENCE, || {
        has_opened(call.pid(), &callers(&house).join("lock"))
    });
    drop(lock);
    let outcome = call.finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    outcome.assert_variable("ASSISTANT_ERROR", "");
    assert!(files(&house).is_empty());
}

/// Whether a process has a file open.
fn has_opened(pid: u32, path: &Path) -> bool {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let mut files = open
        .flatten()
        .filter_map(|fd| fs::read_link(fd.path()).ok());
    files.any(|file| file == path)
}

#[test]
fn who_hangs_up_after_the_first_words_is_forgotten_all_the_same() {
    let house = House::streaming();
    // The first sound is the answer's, however long that takes.
    let settings = settings(&house, "internal").set("waiting.play", "nothing");
    phone_calls(&house, &settings);
    house
        .sandbox
        .answer_with(&format!("[[forget]] {}", many_sentences(20)));
    house
        .sandbox
        .pace_model(Duration::ZERO, Duration::from_millis(100));
    let call = call(&house, &settings, "PJSIP/200-0000000b", "200").start();
    call.wait_for_command("STREAM FILE", PATIENCE);
    call.hangup();
    let outcome = call.finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "HANGUP");
    assert!(files(&house).is_empty());
}

#[test]
fn a_hang_up_in_the_middle_of_an_answer_loses_nothing_that_was_heard() {
    let house = House::streaming();
    let settings = settings(&house, "internal");
    phone_calls(&house, &settings);
    let answer = many_sentences(12);
    house.sandbox.answer_with(&answer);
    let playing = format!("STREAM FILE \"{}\"", house.reply().display());
    let call = call(&house, &settings, "PJSIP/200-0000000b", "200");
    let call = call.at(playing.as_str(), Act::HangupAfter(Duration::from_secs(4)));
    let outcome = call.start().finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "HANGUP");
    let record = record(&house);
    assert_eq!(record["exchanges"][0]["answer"], TEA_ANSWER);
    let heard = record["exchanges"][1]["answer"].as_str().unwrap();
    assert!(
        answer.starts_with(heard) && !heard.is_empty() && heard.len() * 2 < answer.len(),
        "{heard}"
    );
}

#[test]
fn who_hangs_up_before_hearing_anything_leaves_what_was_there() {
    let house = House::new();
    let settings = settings(&house, "internal");
    phone_calls(&house, &settings);
    let before = record(&house);
    let spoken = house.sandbox.requests_to(Stage::Tts).len();
    house.sandbox.delay(Stage::Tts, Duration::from_secs(20));
    let call = call(&house, &settings, "PJSIP/200-0000000b", "200").start();
    house.sandbox.wait_for(Stage::Tts, spoken + 1, PATIENCE);
    call.hangup();
    call.finish(PATIENCE)
        .assert_variable("ASSISTANT_STATUS", "HANGUP");
    assert_eq!(record(&house), before);
}

#[test]
fn calls_of_one_number_at_once_lose_nothing() {
    const ROUNDS: usize = 4;
    const AT_ONCE: usize = 5;
    let house = House::new();
    let settings = settings(&house, "internal")
        .set("memory.max_exchanges", 100)
        .set("reply.play", "dialplan");
    let config = settings.write(house.other());
    for round in 0..ROUNDS {
        thread::scope(|scope| {
            for number in 0..AT_ONCE {
                let place = house.calls().join(format!("call-1700000000.{number}"));
                let recording = place.with_extension(format!("{number}.wav"));
                fs::copy(data("question-tea.wav"), &recording).unwrap();
                let call = testkit::Call::builder(program())
                    .arg(argument("recording", &recording))
                    .arg(argument(
                        "reply",
                        &place.with_extension(format!("{number}-reply")),
                    ))
                    .arg(argument("config", &config));
                scope.spawn(move || {
                    let outcome = call.start().finish(PATIENCE);
                    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
                    assert!(outcome.warnings.is_empty(), "{:?}", outcome.warnings);
                });
            }
        });
        // All who came first have agreed on one key, and so on one file.
        assert_eq!(exchanges(&house), (round + 1) * AT_ONCE);
    }
}

#[test]
fn files_are_nobody_elses_and_do_not_tell_the_number() {
    let house = House::new();
    phone_calls(&house, &settings(&house, "internal"));
    assert_eq!(mode(&callers(&house)), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(callers(&house)).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort_by_key(String::len);
    assert_eq!(names[..2], ["key", "lock"]);
    assert!(names.len() == 3 && names[2].len() == 69, "{names:?}");
    // Elsewhere the same number has another name.
    let other = House::new();
    phone_calls(&other, &self::settings(&other, "internal"));
    assert_ne!(files(&other)[0].file_name(), files(&house)[0].file_name());
}

#[test]
fn a_call_goes_on_without_memory_and_warns_once() {
    let house = House::new();
    let nowhere = settings(&house, "internal").set("memory.folder", "/proc/nowhere");
    let warned = phone_calls(&house, &nowhere).warnings;
    assert!(
        warned.len() == 1
            && warned[0].contains("memory: cannot")
            && warned[0].contains("/proc/nowhere"),
        "{warned:?}"
    );
    let (system, _) = told(&house, 0);
    assert!(!system.contains("[["), "{system}");
    let again = phone_calls(&house, &nowhere);
    assert!(again.warnings.is_empty(), "{:?}", again.warnings);
    assert!(again.stderr.contains("/proc/nowhere"), "{}", again.stderr);
}

#[test]
fn what_cannot_be_written_leaves_what_was_there() {
    let house = House::new();
    let settings = settings(&house, "internal");
    phone_calls(&house, &settings);
    let before = record(&house);
    // Nothing can be written beside it any more.
    fs::create_dir(files(&house)[0].with_extension("json.part")).unwrap();
    let warned = phone_calls(&house, &settings).warnings;
    assert!(
        warned.len() == 1 && warned[0].contains("cannot write"),
        "{warned:?}"
    );
    assert_eq!(record(&house), before);
    assert_eq!(told(&house, 1).1.len(), 3, "what is there is still used");
}

#[test]
fn what_is_too_old_is_not_told_and_goes_at_the_next_call_of_anybody_on_another_day() {
    let house = House::new();
    let settings = settings(&house, "internal").set("memory.max_days", 30);
    phone_calls(&house, &settings);
    let mut old = record(&house);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    old["exchanges"][0]["time"] = json!(now.as_secs() - 30 * 24 * 60 * 60);
    old["summary"] = json!("He likes tea.");
    let path = files(&house).remove(0);
    fs::write(&path, old.to_string()).unwrap();
    phone_calls(&house, &settings);
    assert_eq!(told(&house, 1).1, [TEA]);
    assert!(!record(&house).to_string().contains("He likes tea."));
    assert_eq!(exchanges(&house), 1, "the new one has taken its place");

    fs::write(&path, old.to_string()).unwrap();
    let somebody_calls = || {
        let call = call(&house, &settings, "PJSIP/provider-0000000b", "300");
        call.start()
            .finish(PATIENCE)
            .assert_variable("ASSISTANT_STATUS", "ANSWERED");
    };
    somebody_calls();
    assert!(path.exists(), "it was swept today already");
    let lock = swept_yesterday(&house);
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let began = Instant::now();
    somebody_calls();
    assert_at_once(began.elapsed());
    assert!(path.exists());
    drop(lock);
    somebody_calls();
    assert!(!path.exists(), "a caller who is not remembered sweeps too");
}

#[test]
fn a_note_after_an_answer_that_is_too_long_is_kept() {
    let house = House::new();
    let settings = settings(&house, "internal").set("llm.max_answer_chars", 60);
    let answer = many_sentences(12) + "[[note He likes long answers.]]";
    house.sandbox.answer_with(&answer);
    let outcome = phone_calls(&house, &settings);
    assert!(outcome.variable("ASSISTANT_ANSWER").len() <= 60);
    assert_eq!(record(&house)["summary"], "He likes long answers.");
    // One that is cut off takes nothing away.
    house.sandbox.answer_with("Yes, it is so. [[note He lik");
    let outcome = phone_calls(&house, &settings);
    outcome.assert_variable("ASSISTANT_ANSWER", "Yes, it is so.");
    assert!(
        outcome.stderr.contains("max_output_tokens"),
        "{}",
        outcome.stderr
    );
    assert_eq!(record(&house)["summary"], "He likes long answers.");
}

#[test]
fn a_note_is_no_answer() {
    let house = House::new();
    let settings = settings(&house, "internal");
    house.sandbox.answer_with("[[note Only this.]]");
    let call = call(&house, &settings, "PJSIP/200-0000000a", "200");
    let outcome = call.start().finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "FAILED");
    assert!(files(&house).is_empty());
}

#[test]
fn no_log_has_what_is_remembered() {
    let house = House::new();
    let settings = settings(&house, "internal");
    house
        .sandbox
        .answer_with("It is so, Jim. [[note Jim breeds hamsters.]]");
    for _ in 0..2 {
        let call = call(&house, &settings, "PJSIP/200-0000000a", "200");
        let call = call.env("PHONE_ASSISTANT_LOG", "trace");
        let outcome = call.start().finish(PATIENCE);
        for words in ["hamsters", "Jim"] {
            assert!(!outcome.stderr.contains(words), "{}", outcome.stderr);
        }
    }
}

#[test]
fn a_conversation_goes_on_where_the_last_one_ended_and_forgets_at_once() {
    let house = House::new();
    let settings = conversation::settings(&house)
        .set("memory.callers", "internal")
        .set("memory.folder", callers(&house).to_str().unwrap())
        .set("conversation.ask_after", 2.0);
    let pipe = house.other().join("audio");
    house
        .sandbox
        .answer_with("See you, Jim. [[note Jim.]] [[goodbye]]");
    one_turn(&house, &settings).assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(record(&house)["exchanges"][0]["answer"], "See you, Jim.");
    fs::remove_file(&pipe).unwrap();

    house.sandbox.answer_with("[[forget]] Done.");
    let settings = settings.set("conversation.max_turns", 2);
    let conversation = asked_of_tea(&house, &settings);
    conversation.wait_for_answer();
    until("the caller is forgotten", PATIENCE, || {
        files(&house).is_empty()
    });
    conversation.phone.wait(Duration::from_secs(1));
    conversation.ask("question-moon.wav");
    let outcome = conversation.finish();
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let (system, turns) = told(&house, 1);
    assert!(system.contains("\"Jim.\""), "{system}");
    assert_eq!(turns, [TEA, "See you, Jim.", TEA]);
    // The rest of the call knows nothing of it either, and leaves nothing.
    let (system, turns) = told(&house, 2);
    assert!(!system.contains("Jim"), "{system}");
    assert_eq!(turns[..2], [TEA, "Done."]);
    assert!(files(&house).is_empty());
}

/// A caller who is remembered from a call before interrupts an answer, behind which the model then writes this. Returns
/// once that has come.
fn written_while_an_answer_waits(house: &House, written: &str) -> Conversation {
    let settings = conversation::settings(house)
        .set("memory.callers", "internal")
        .set("memory.folder", callers(house).to_str().unwrap())
        .set("conversation.max_turns", 2);
    house.sandbox.answer_with("See you, Jim. [[goodbye]]");
    one_turn(house, &settings);
    assert_eq!(exchanges(house), 1);
    fs::remove_file(house.other().join("audio")).unwrap();
    let answer = format!("{}{written}", many_sentences(3));
    house.sandbox.answer_with(&answer);
    house.sandbox.stop_model_after(12);
    let conversation = asked_of_tea(house, &settings);
    conversation.wait_for_answer();
    conversation.phone.wait(Duration::from_secs(1));
    house.sandbox.answer_with("Far away.");
    let asked = conversation.ask("question-moon.wav");
    conversation.wait_to_be_heard(2);
    house.sandbox.release(Stage::Llm);
    asked.wait();
    conversation
}

#[test]
fn what_is_noted_behind_an_answer_that_was_interrupted_is_kept() {
    each([true, false], |is_answered| {
        let house = House::new();
        let conversation = written_while_an_answer_waits(&house, "[[note Likes tea.]]");
        let outcome = if is_answered {
            conversation.finish()
        } else {
            conversation.hang_up()
        };
        let record = record(&house);
        let questions = record["exchanges"].as_array().unwrap().len();
        outcome.assert(
            questions == 2 + usize::from(is_answered),
            &record.to_string(),
        );
        outcome.assert(record["summary"] == "Likes tea.", &record.to_string());
    });
}

#[test]
fn who_interrupts_an_answer_is_forgotten_at_once_where_the_model_wants_that_behind_it() {
    let house = House::new();
    let conversation = written_while_an_answer_waits(&house, "[[forget]]");
    conversation.wait_for_sounds(&conversation.reply, 2);
    let outcome = conversation.finish();
    outcome.assert_variable("ASSISTANT_ANSWER", "Far away.");
    assert!(files(&house).is_empty());
    // The answer that takes its place knows nothing of the caller's calls before.
    let (_, turns) = told(&house, 2);
    assert_eq!((turns[0].as_str(), turns.len()), (TEA, 3), "{turns:?}");
}

#[test]
fn callers_are_listed_and_forgotten_by_their_number() {
    let house = House::new();
    let settings = settings(&house, "all");
    let output = house.command(&settings, &["callers"]);
    let nobody = format!("nobody is remembered in {}\n", callers(&house).display());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), nobody);
    phone_calls(&house, &settings);
    phone_calls(&house, &settings);
    let outside = call(
        &house,
        &settings,
        "PJSIP/provider-0000000b",
        "0049 30 123456",
    );
    outside.start().finish(PATIENCE);
    let mut record = record_of(&house, "200");
    // Whoever may write to the folder may write anything; a terminal shall not obey it.
    let (path, mut hostile) = record.clone();
    hostile["account"] = json!("\u{202E}x\u{1b}[2J\u{200B}");
    fs::write(&path, hostile.to_string()).unwrap();
    let output = house.command(&settings, &["callers"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\u{FFFD}x [2J\u{FFFD}"), "{text:?}");
    record.1["exchanges"][0]["time"] = json!(1_795_576_679);
    record.1["exchanges"][1]["time"] = json!(1_795_576_680);
    fs::write(&record.0, record.1.to_string()).unwrap();
    let bytes = record.1.to_string().len();
    let output = house.command(&settings, &["callers"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        lines[0],
        "number            account                 exchanges  last call              bytes"
    );
    let of_phone = format!(
        "200               PJSIP/200                       2  2026-11-25 03:18 UTC{bytes:>8}"
    );
    assert!(lines.contains(&of_phone.as_str()), "{text}");
    assert!(
        text.contains("+4930123456       -                               1  "),
        "{text}"
    );
    assert_eq!(lines.len(), 3);
    let output = house.command(&settings, &["callers", "--json"]);
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&all["version"], &all["unreadable_files"]),
        (&json!(1), &json!(0))
    );
    let callers = all["callers"].as_array().unwrap();
    assert_eq!(callers.len(), 2);
    let phone = callers.iter().find(|caller| caller["number"] == "200");
    let expected = json!({
        "number": "200",
        "account": "PJSIP/200",
        "exchanges": 2,
        "last": "2026-11-25T03:18:00.000Z",
        "bytes": bytes,
    });
    assert_eq!(phone, Some(&expected));

    for (arguments, code, words) in [
        (&["forget", "201"][..], 1, "nobody of the number 201"),
        (&["forget", "anonymous"], 64, "2 to 15 digits"),
        (&["forget", "2"], 64, "2 to 15 digits"),
        (&["forget"], 64, "<NUMBER>"),
        (&["callers", "200"], 64, "unexpected argument"),
        (&["forget", "+49 (30) 123456"], 0, ""),
        (
            &["forget", "+4930123456"],
            1,
            "nobody of the number +4930123456",
        ),
        (&["forget", "200"], 0, ""),
    ] {
        let output = house.command(&settings, arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(words), "{arguments:?}: {told}");
    }
    assert!(files(&house).is_empty());
}

#[test]
fn who_cannot_be_read_is_counted_and_forgotten_too() {
    let house = House::new();
    let settings = settings(&house, "internal");
    phone_calls(&house, &settings);
    fs::write(&files(&house)[0], "no JSON").unwrap();
    let output = house.command(&settings, &["callers"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.ends_with("\n1 file could not be read\n"), "{text}");
    assert_eq!(
        house.command(&settings, &["forget", "200"]).status.code(),
        Some(0)
    );
    assert!(files(&house).is_empty());
}

/// Users other than root cannot give a folder away, and need not.
#[test]
fn root_leaves_no_file_of_its_own_in_anothers_folder() {
    let house = House::new();
    let settings = settings(&house, "internal");
    phone_calls(&house, &settings);
    if fs::metadata(house.other()).unwrap().uid() != 0 {
        return;
    }
    fs::set_permissions(house.other(), fs::Permissions::from_mode(0o755)).unwrap();
    for path in [
        callers(&house),
        callers(&house).join("key"),
        files(&house).remove(0),
    ] {
        chown(path, Some(65_534), Some(65_534)).unwrap();
    }
    fs::remove_file(callers(&house).join("lock")).unwrap();
    assert_eq!(
        house.command(&settings, &["callers"]).status.code(),
        Some(0)
    );
    assert_eq!(
        house.command(&settings, &["forget", "200"]).status.code(),
        Some(0)
    );
    let lock = fs::metadata(callers(&house).join("lock")).unwrap();
    assert_eq!((lock.uid(), lock.gid()), (65_534, 65_534));
    // What that user may not change, root does not change for it.
    phone_calls(&house, &settings);
    chown(callers(&house), Some(65_533), Some(65_533)).unwrap();
    let output = house.command(&settings, &["forget", "200"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(files(&house).len(), 1);
}

#[test]
fn nobody_is_said_to_be_forgotten_where_nobody_could_look() {
    let house = House::new();
    let settings = settings(&house, "internal");
    phone_calls(&house, &settings);
    let file = settings.write(house.other());
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}\n[memory]\nmax_days = 30\n")).unwrap();
    let forget = |config: &Path| {
        let output = Command::new(program())
            .args(["forget", "200", "--config", config.to_str().unwrap()])
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        told
    };
    assert!(forget(&file).contains("nobody was forgotten, because the settings"));
    let folder = file.join("callers");
    fs::write(
        house.other().join("other.toml"),
        format!("memory.folder = {folder:?}\n"),
    )
    .unwrap();
    let told = forget(&house.other().join("other.toml"));
    assert!(told.contains("cannot read"), "{told}");
    assert_eq!(files(&house).len(), 1);
}

/// The file of a number, and what it holds.
fn record_of(house: &House, number: &str) -> (PathBuf, Value) {
    let records = files(house).into_iter().map(|path| {
        let record: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        (path, record)
    });
    let mut records = records.filter(|(_, record)| record["number"] == number);
    records.next().unwrap()
}
