//! Messages that callers leave: kept before the caller hears that they are, delivered once they have hung up.

mod crash;
mod delivery;
mod keeping;
mod late;
mod typing;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use testkit::{CallBuilder, Outcome, Sendmail, Settings, Stage, Webhook, until};

use crate::conversation::{self, asked_of_tea};
use crate::house::{House, PATIENCE};

const TEA: &str = "How long should black tea steep?";

/// A house whose callers can leave messages, and where these arrive.
struct Post {
    house: House,
    webhook: Webhook,
    sendmail: Sendmail,
}

impl Post {
    fn new(house: House) -> Self {
        let sendmail = Sendmail::new(house.other());
        Self {
            webhook: Webhook::start(),
            sendmail,
            house,
        }
    }

    fn folder(&self) -> PathBuf {
        self.house.other().join("messages")
    }

    fn settings(&self) -> Settings {
        self.with(self.house.sandbox.settings())
    }

    fn with(&self, settings: Settings) -> Settings {
        settings
            .set("knowledge.disclosure", "none")
            .set("messages.folder", text(&self.folder()))
            .set("messages.sendmail", text(&self.sendmail.program()))
            .set("messages.mail_to", ["office@example.org"])
            .set("messages.webhook", self.webhook.url())
    }

    /// A call from a phone that asks about tea.
    fn call(&self, settings: &Settings) -> CallBuilder {
        let call = self.house.ask("question-tea.wav").call_with(settings);
        call.agi("agi_callerid", "+4930123456")
            .agi("agi_calleridname", "Jim")
            .agi("agi_callingpres", "0")
    }

    fn one_call(&self, settings: &Settings) -> Outcome {
        self.call(settings).start().finish(PATIENCE)
    }

    /// The files of messages that are not delivered.
    fn waiting(&self) -> Vec<PathBuf> {
        files(&self.folder())
    }

    fn delivered(&self) -> Vec<PathBuf> {
        files(&self.folder().join("delivered"))
    }

    /// Waits until nothing is left to be delivered.
    #[track_caller]
    fn wait_until_delivered(&self, count: usize) {
        // On a busy machine a way may be late, and is tried again after a minute, as the timer does.
        let mut timer = Instant::now() + PATIENCE;
        until("all is delivered", 4 * PATIENCE, || {
            if timer <= Instant::now() {
                timer += PATIENCE;
                self.house
                    .command(&self.settings(), &["messages", "--deliver"]);
            }
            self.waiting().is_empty() && self.delivered().len() == count
        });
    }
}

impl Drop for Post {
    /// A test that fails shows what has become of the messages.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let shown = self.house.command(&self.settings(), &["messages"]);
            let shown = String::from_utf8_lossy(&shown.stdout);
            // Where nobody reads it, the failure itself is told all the same.
            writeln!(std::io::stderr(), "{shown}").ok();
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_json = |path: &PathBuf| path.extension().is_some_and(|name| name == "json");
    paths.filter(is_json).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

const NOTED: &str = "[[message Anna: Jim asks how long tea steeps.]] I have noted it.";

#[test]
fn a_message_is_mailed_and_posted_with_what_was_said_word_for_word() {
    let post = Post::new(House::new());
    post.house.sandbox.answer_with(NOTED);
    let outcome = post.one_call(&post.settings());
    outcome
        .assert_exit(0)
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "ANSWERED")
        .assert_variable("ASSISTANT_ANSWER", "I have noted it.");
    assert_eq!(post.house.spoken_texts(), ["I have noted it."]);
    post.wait_until_delivered(1);
    let posted = post.webhook.posted();
    assert_eq!(posted.len(), 1);
    let mut body = posted[0].json();
    let id = body["id"].take();
    assert!(id.as_str().unwrap().len() > 20, "{id}");
    assert!(body["time"].take().as_str().unwrap().ends_with('Z'));
    let audio_ms = body["audio_ms"].take().as_u64().unwrap();
    assert!((1000..5000).contains(&audio_ms), "{audio_ms}");
    let expected = json!({
        "id": Value::Null,
        "time": Value::Null,
        "kind": "message",
        "persona": "",
        "caller": {"number": "+4930123456", "name": "Jim", "withheld": false},
        "for": "Anna",
        "note": "Jim asks how long tea steeps.",
        "words": [
            {"who": "caller", "text": TEA},
            {"who": "assistant", "text": "I have noted it."},
        ],
        "audio_ms": Value::Null,
    });
    assert_eq!(body, expected);
    let mails = post.sendmail.mails();
    assert_eq!(mails.len(), 1);
    let beginning = ["-i", "-f"];
    assert_eq!(mails[0].arguments[..2], beginning);
    assert_eq!(mails[0].arguments[3..], ["--", "office@example.org"]);
    assert_eq!(mails[0].subject(), "Message for Anna from Jim, +4930123456");
    let body = mails[0].body();
    assert!(
        body.contains(TEA) && body.contains("Jim asks how long tea steeps."),
        "{body}"
    );
    assert!(
        mails[0].text.contains(id.as_str().unwrap()),
        "its Message-ID"
    );
    let folder = fs::metadata(post.folder()).unwrap().permissions().mode() & 0o7777;
    let file = fs::metadata(&post.delivered()[0])
        .unwrap()
        .permissions()
        .mode()
        & 0o7777;
    assert_eq!((folder, file), (0o700, 0o600));
    // No log has the words.
    for line in outcome.dialogue.iter().map(|line| &line.text) {
        assert!(!line.contains("Jim asks"), "{line}");
    }
    assert!(!outcome.stderr.contains("Jim asks"), "{}", outcome.stderr);
}

#[test]
fn of_a_caller_who_withholds_the_number_nothing_but_that_is_delivered() {
    let post = Post::new(House::new());
    post.house.sandbox.answer_with(NOTED);
    let call = post.call(&post.settings());
    call.agi("agi_callingpres", "32").start().finish(PATIENCE);
    post.wait_until_delivered(1);
    let posted = post.webhook.posted()[0].json();
    assert_eq!(
        posted["caller"],
        json!({"number": "", "name": "", "withheld": true})
    );
    let mail = &post.sendmail.mails()[0];
    assert!(mail.body().contains("the number is withheld"));
    assert!(!mail.text.contains("4930123456") && !mail.body().contains("4930123456"));
}

#[test]
fn a_call_without_messages_sends_what_it_has_always_sent() {
    let post = Post::new(House::new());
    let settings = post.house.sandbox.settings();
    post.one_call(&settings);
    post.one_call(&post.settings());
    let asked = post.house.sandbox.requests_to(Stage::Llm);
    let system = |index: usize| asked[index].body["systemInstruction"].to_string();
    assert!(!system(0).contains("message"), "{}", system(0));
    assert!(system(1).contains("[[message FOR: TEXT]]"), "{}", system(1));
    let cannot_ask = "say that they may call again and leave one";
    assert!(system(1).contains(cannot_ask), "{}", system(1));
    assert!(!system(1).contains("offer to take"), "{}", system(1));
    let settings = conversation::settings(&post.house).set("conversation.max_turns", 1);
    asked_of_tea(&post.house, &post.with(settings)).finish();
    let asked = post.house.sandbox.requests_to(Stage::Llm);
    let last = asked.last().unwrap().body["systemInstruction"].to_string();
    let offer = "or you cannot help, offer to take a message";
    assert!(last.contains(offer), "{last}");
    let max_tokens =
        |index: usize| asked[index].body["generationConfig"]["maxOutputTokens"].as_u64();
    assert_eq!((max_tokens(0), max_tokens(1)), (Some(400), Some(900)));
    assert!(!post.folder().exists(), "nothing was left");
}

#[test]
fn a_message_that_cannot_be_kept_is_not_confirmed_and_the_caller_hears_that() {
    for answer in [
        NOTED,
        "I have noted it. [[message Anna: Jim asks how long tea steeps.]]",
    ] {
        for house in [House::new(), House::streaming()] {
            let post = Post::new(house);
            post.house.sandbox.answer_with(answer);
            fs::write(post.folder(), "no folder").unwrap();
            let outcome = post.one_call(&post.settings());
            let reply = format!("STREAM FILE \"{}\"", post.house.reply().display());
            let heard: Vec<_> = outcome
                .commands()
                .filter(|line| line.starts_with(&reply))
                .collect();
            outcome.assert(heard.is_empty(), answer);
            outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
            outcome.assert_variable("ASSISTANT_FILE", "");
            let spoken = post.house.spoken_texts();
            let lost = "I am sorry, your message could not be taken. Please call again later.";
            outcome.assert(spoken.contains(&lost.to_owned()), answer);
            let warning = outcome
                .warnings
                .iter()
                .any(|line| line.contains("messages: "));
            outcome.assert(warning, "administrators are told");
        }
    }
}

#[test]
fn what_confirms_a_message_before_it_is_heard_only_once_it_is_kept() {
    let post = Post::new(House::streaming());
    let sandbox = &post.house.sandbox;
    sandbox.answer_with(
        "I have noted it. Goodbye then, Jim. [[message Anna: Jim asks how long tea steeps.]]",
    );
    // The sound is there long before the model has written the message.
    sandbox.pace_model(Duration::ZERO, Duration::from_millis(100));
    let outcome = post.one_call(&post.settings());
    assert_heard_once_kept(&post, &outcome);
}

/// The answer was heard, and not before its message was kept.
#[track_caller]
fn assert_heard_once_kept(post: &Post, outcome: &Outcome) {
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let reply = format!("STREAM FILE \"{}\"", post.house.reply().display());
    let heard = outcome
        .dialogue
        .iter()
        .find(|line| line.text.starts_with(&reply));
    let since_epoch = |time: SystemTime| time.elapsed().unwrap();
    post.wait_until_delivered(1);
    let posted = post.webhook.posted()[0].json();
    let kept = humantime(posted["time"].as_str().unwrap());
    assert!(
        heard.unwrap().at.elapsed() <= since_epoch(kept),
        "it was heard before"
    );
}

/// The time in `2026-11-25T03:18:00.250Z`, of today.
fn humantime(text: &str) -> SystemTime {
    let clock: Vec<f64> = text[11..23]
        .split(':')
        .map(|part| part.parse().unwrap())
        .collect();
    let of_day = clock[0] * 3600.0 + clock[1] * 60.0 + clock[2];
    let now = SystemTime::now();
    let today = now.duration_since(UNIX_EPOCH).unwrap().as_secs() / 86_400 * 86_400;
    UNIX_EPOCH + Duration::from_secs(today) + Duration::from_secs_f64(of_day)
}

#[test]
fn a_message_of_a_conversation_has_all_that_was_said_in_it() {
    let post = Post::new(House::new());
    post.house.sandbox.answer_with("For whom is it?");
    let settings = post.with(conversation::settings(&post.house));
    let conversation = asked_of_tea(&post.house, &settings);
    conversation.wait_to_be_heard(2);
    post.house
        .sandbox
        .answer_with(&format!("{NOTED} [[goodbye]]"));
    conversation.phone.wait(Duration::from_millis(300));
    conversation.ask("question-moon.wav");
    let outcome = conversation.finish();
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    post.wait_until_delivered(1);
    let words = post.webhook.posted()[0].json()["words"].clone();
    let who: Vec<_> = words
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["who"].clone())
        .collect();
    assert_eq!(who, ["caller", "assistant", "caller", "assistant"]);
    assert_eq!(words[0]["text"], TEA);
    assert_eq!(words[1]["text"], "For whom is it?");
    assert_eq!(words[3]["text"], "I have noted it.");
}
