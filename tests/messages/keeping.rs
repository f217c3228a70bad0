//! How messages are kept: how many, for how long, and that a caller can have them removed.

use std::fs::{self, File};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use testkit::{Outcome, Stage, Takes, Webhook, until};

use super::{NOTED, Post, TEA, files};
use crate::calling::{order, with_tool};
use crate::conversation::{self, BREATH, asked_of_tea};
use crate::house::{self, House, PATIENCE};

const LOST: &str = "I am sorry, your message could not be taken. Please call again later.";

/// A call with a message, and whether its caller heard that it could not be taken.
pub(super) fn is_lost(post: &Post, outcome: &Outcome) -> bool {
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    post.house.spoken_texts().contains(&LOST.to_owned())
}

#[test]
fn what_a_message_says_is_transcribed_also_where_the_model_hears_callers() {
    let post = Post::new(House::new());
    post.house.sandbox.answer_with(NOTED);
    post.one_call(&post.settings().set("llm.hears", true));
    post.wait_until_delivered(1);
    assert_eq!(post.house.sandbox.requests_to(Stage::Stt).len(), 1);
    let words = post.webhook.posted()[0].json()["words"].to_string();
    assert!(words.contains(TEA), "{words}");
}

#[test]
fn a_caller_who_has_left_as_many_as_are_allowed_is_not_offered_another() {
    let post = Post::new(House::new());
    let settings = post
        .settings()
        .set("limits.max_messages_per_caller_per_hour", 2);
    post.house.sandbox.answer_with(NOTED);
    for _ in 0..3 {
        post.one_call(&settings);
    }
    post.wait_until_delivered(2);
    let asked = post.house.sandbox.requests_to(Stage::Llm);
    let offers = asked
        .iter()
        .map(|one| one.body["systemInstruction"].to_string());
    let offers: Vec<_> = offers
        .map(|told| ["[[message", "where you cannot help"].map(|words| told.contains(words)))
        .collect();
    assert_eq!(offers, [[true; 2], [true; 2], [false; 2]]);
    // Another caller is.
    let other = post.call(&settings).agi("agi_callerid", "+4930999");
    let outcome = other.start().finish(PATIENCE);
    assert!(!is_lost(&post, &outcome));
    post.wait_until_delivered(3);
}

/// Has as many messages wait as may.
pub(super) fn fill(post: &Post) {
    let folder = post.folder();
    fs::create_dir_all(&folder).unwrap();
    for number in 0..200 {
        let name = format!("{number:016x}-00000000.message.json");
        fs::write(folder.join(name), "{}").unwrap();
    }
}

#[test]
fn no_more_than_200_wait_and_the_caller_hears_that() {
    let post = Post::new(House::new());
    fill(&post);
    post.house.sandbox.answer_with(NOTED);
    let outcome = post.one_call(&post.settings());
    assert!(is_lost(&post, &outcome));
    let told = outcome
        .warnings
        .iter()
        .any(|line| line.contains("200 messages wait"));
    outcome.assert(told, "administrators are told");
    let is_message = |path: &&PathBuf| path.display().to_string().ends_with(".message.json");
    assert_eq!(files(&post.folder()).iter().filter(is_message).count(), 200);
}

#[test]
fn a_message_is_cut_at_4000_characters_and_says_so() {
    let post = Post::new(House::new());
    let long = "tea ".repeat(1200);
    post.house
        .sandbox
        .answer_with(&format!("[[message Anna: {long}]] Noted."));
    let settings = post.settings().set("llm.max_output_tokens", 8000);
    post.one_call(&settings);
    post.wait_until_delivered(1);
    let note = post.webhook.posted()[0].json()["note"]
        .as_str()
        .unwrap()
        .len();
    assert!((3900..=4000).contains(&note), "{note}");
    assert!(
        post.sendmail.mails()[0]
            .body()
            .contains("[It broke off here.]")
    );
}

#[test]
fn a_message_in_whose_middle_the_model_stops_is_kept_as_far_as_it_goes() {
    let post = Post::new(House::new());
    post.house
        .sandbox
        .answer_with("I have noted it. [[message Anna: Jim asks for");
    post.one_call(&post.settings());
    post.wait_until_delivered(1);
    assert_eq!(post.webhook.posted()[0].json()["note"], "Jim asks for");
    assert!(
        post.sendmail.mails()[0]
            .body()
            .contains("[It broke off here.]")
    );
}

#[test]
fn a_message_is_kept_before_anything_is_looked_up() {
    let (post, hook) = (Post::new(House::streaming()), Webhook::start());
    hook.always(Takes::Never);
    let said = "[[message Anna: Jim asks for tea.]]";
    post.house.sandbox.call_with([order("green").saying(said)]);
    let settings = with_tool(post.settings(), &hook).set("tool.order.timeout", 20.0);
    let call = post.call(&settings).start();
    hook.wait_for(1, PATIENCE);
    assert_eq!(post.waiting().len(), 1);
    call.hangup();
    call.finish(PATIENCE).assert_manners();
    post.wait_until_delivered(1);
    assert_eq!(post.webhook.posted()[0].json()["note"], "Jim asks for tea.");
}

#[test]
fn an_answer_that_is_only_a_message_is_confirmed_by_the_program() {
    let post = Post::new(House::new());
    post.house
        .sandbox
        .answer_with("[[message Anna: Jim asks for tea.]]");
    let outcome = post.one_call(&post.settings());
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    assert_eq!(post.house.spoken_texts(), ["Your message has been noted."]);
    post.wait_until_delivered(1);
}

#[test]
fn what_was_delivered_is_removed_after_its_days_and_forget_removes_all_at_once() {
    let post = Post::new(House::new());
    post.house.sandbox.answer_with(NOTED);
    post.one_call(&post.settings());
    post.wait_until_delivered(1);
    let file = post.delivered().remove(0);
    let deliver = || {
        post.house
            .command(&post.settings(), &["messages", "--deliver"])
    };
    deliver();
    assert!(file.exists(), "it is new");
    let mut entry: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let eight_days_ago = now.checked_sub(Duration::from_secs(8 * 86_400)).unwrap();
    for way in ["mail", "webhook"] {
        entry["ways"][way]["done"] = eight_days_ago.as_secs().into();
    }
    // Its name says when it was left.
    let id = format!("{:016x}-0a1b2c3d", eight_days_ago.as_nanos());
    entry["id"] = id.as_str().into();
    fs::remove_file(&file).unwrap();
    let file = file.with_file_name(format!("{id}.message.json"));
    fs::write(&file, entry.to_string()).unwrap();
    deliver();
    assert!(!file.exists(), "it is old");
    post.webhook.always(Takes::Status(500));
    for _ in 0..2 {
        post.one_call(&post.settings());
    }
    post.sendmail.wait_for(3, PATIENCE);
    let forget = || {
        post.house
            .command(&post.settings(), &["forget", "+49 30 123456"])
    };
    let callers = post.house.other().join("callers");
    fs::create_dir(&callers).unwrap();
    fs::write(callers.join("key"), [7; 32]).unwrap();
    let lost = post
        .settings()
        .set("state.url", "redis://127.0.0.1:1")
        .set("memory.callers", "all")
        .set("memory.folder", callers.to_str().unwrap());
    // Messages are forgotten, and it is told that the server was not asked.
    let told = (post.house).command(&lost, &["forget", "+49 30 123456"]);
    assert_eq!(told.status.code(), Some(2));
    assert!(post.waiting().is_empty() && post.delivered().is_empty());
    post.one_call(&post.settings());
    assert_eq!(forget().status.code(), Some(0));
    assert!(post.waiting().is_empty() && post.delivered().is_empty());
    assert_eq!(forget().status.code(), Some(1));
}

#[test]
fn what_cannot_be_read_keeps_nothing_else_from_being_forgotten() {
    let post = Post::new(House::new());
    let folder = post.folder();
    fs::create_dir_all(folder.join("delivered")).unwrap();
    let damaged = folder.join("0000000000000001-00000000.message.json");
    fs::write(&damaged, "{").unwrap();
    post.house.sandbox.answer_with(NOTED);
    post.one_call(&post.settings());
    // The message, and what administrators are told of the other file.
    until("both are delivered", PATIENCE, || {
        post.delivered().len() == 2
    });
    let told = (post.house).command(&post.settings(), &["forget", "+4930123456"]);
    let stderr = String::from_utf8_lossy(&told.stderr);
    assert_eq!(told.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("0000000000000001"), "{stderr}");
    assert!(damaged.exists());
    let [left] = &post.delivered()[..] else {
        panic!("{:?}", post.delivered());
    };
    assert!(left.to_str().unwrap().ends_with(".notice.json"));
}

#[test]
fn what_was_delivered_is_removed_after_its_days_by_a_call_too_once_a_day() {
    let other = Post::new(House::new());
    other.house.sandbox.answer_with(NOTED);
    other.one_call(&other.settings());
    other.wait_until_delivered(1);
    let entry = fs::read(other.delivered().remove(0)).unwrap();
    let mut entry: serde_json::Value = serde_json::from_slice(&entry).unwrap();
    let eight_days_ago = SystemTime::now() - Duration::from_secs(8 * 86_400);
    let since = eight_days_ago
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    for way in ["mail", "webhook"] {
        entry["ways"][way]["done"] = since.as_secs().into();
    }
    let id = format!("{:016x}-0a1b2c3d", since.as_nanos());
    entry["id"] = id.as_str().into();
    let post = Post::new(House::new());
    let delivered = post.folder().join("delivered");
    fs::create_dir_all(&delivered).unwrap();
    let old = delivered.join(format!("{id}.message.json"));
    fs::write(&old, entry.to_string()).unwrap();
    let looked = File::create(post.folder().join("delivering.lock")).unwrap();
    post.house.sandbox.answer_with("Three minutes.");
    post.one_call(&post.settings());
    assert!(old.exists(), "it was looked for today");
    // Also once no message is taken any more.
    let settings = post.settings().without("messages.mail_to");
    let settings = settings.without("messages.webhook");
    looked.set_modified(eight_days_ago).unwrap();
    post.one_call(&settings);
    until("it is removed", PATIENCE, || !old.exists());
}

#[test]
fn the_recording_is_mailed_where_it_is_kept_and_nowhere_else() {
    for keep in [true, false] {
        let post = Post::new(House::new());
        post.house.sandbox.answer_with(NOTED);
        post.one_call(&post.settings().set("recording.keep", keep));
        post.wait_until_delivered(1);
        let mail = &post.sendmail.mails()[0].text;
        assert_eq!(mail.contains("recording.wav"), keep);
        if keep {
            let recorded = fs::read(post.house.recording()).unwrap();
            let attached = mail.split("recording.wav").last().unwrap();
            let (_, base64) = attached.split_once("\r\n\r\n").unwrap();
            let base64 = base64.split("--").next().unwrap().replace("\r\n", "");
            assert!(BASE64_STANDARD.decode(base64).unwrap() == recorded);
        }
    }
}

#[test]
fn of_30_callers_at_once_none_is_lost_and_none_comes_twice_under_two_ids() {
    let post = Post::new(House::new());
    post.house.sandbox.answer_with(NOTED);
    post.house.ask("question-tea.wav");
    let settings = post.settings().set("recording.keep", true);
    thread::scope(|scope| {
        for number in 0..30 {
            let call = post.house.call_with(&settings);
            let call = call
                .agi("agi_callerid", format!("+4930{number:04}"))
                .arg(format!("reply={}-{number}", post.house.reply().display()));
            scope.spawn(move || {
                let outcome = call.start().finish(PATIENCE);
                outcome
                    .assert_exit(0)
                    .assert_variable("ASSISTANT_STATUS", "ANSWERED");
            });
        }
    });
    post.wait_until_delivered(30);
    let posted = post.webhook.posted();
    let number = |one: &testkit::Posted| one.json()["caller"]["number"].to_string();
    let mut numbers: Vec<_> = posted.iter().map(number).collect();
    numbers.sort();
    numbers.dedup();
    assert_eq!((posted.len(), numbers.len()), (30, 30));
    assert_eq!(post.sendmail.mails().len(), 30);
}

#[test]
fn a_message_left_just_before_the_caller_hangs_up_is_delivered() {
    let post = Post::new(House::streaming());
    post.house.sandbox.answer_with(NOTED);
    let call = post.call(&post.settings()).start();
    let reply = format!("STREAM FILE \"{}\"", post.house.reply().display());
    call.wait_for_commands(&reply, 1, PATIENCE);
    call.hangup();
    let outcome = call.finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "HANGUP");
    post.wait_until_delivered(1);
}

/// A model is told its answers as they were heard, without the messages in them.
#[test]
fn a_model_is_told_in_the_next_turn_whether_it_has_written_a_message() {
    let table = [
        (
            "I have noted it.",
            "So far you have written none in this call",
        ),
        (NOTED, "So far you have written 1 in this call"),
    ];
    house::each(table, |(answer, told)| {
        let post = Post::new(House::new());
        let sandbox = &post.house.sandbox;
        sandbox.answer_with(answer);
        let settings = post
            .with(conversation::settings(&post.house))
            .set("conversation.max_turns", 2)
            .set("conversation.ask_after", 15.0);
        let conversation = asked_of_tea(&post.house, &settings);
        conversation.wait_to_be_heard(2);
        sandbox.answer_with("Far away.");
        conversation.phone.wait(BREATH);
        conversation.ask("question-moon.wav");
        conversation.finish().assert_manners();
        let asked = sandbox.requests_to(Stage::Llm);
        let is_told = |index: usize| asked[index].body.to_string().contains("So far you have");
        assert_eq!((is_told(0), asked.len()), (false, 2), "{answer}");
        assert!(asked[1].body.to_string().contains(told), "{answer}");
    });
}
