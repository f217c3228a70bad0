//! Where messages go, and what becomes of those that are not taken.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use ring::hmac;
use serde_json::json;
use testkit::{Activation, Settings, Takes, Webhook, until, write_secret};

use super::{NOTED, Post, TEA, text};
use crate::house::{self, House, PATIENCE, argument, program};

#[test]
fn a_webhook_that_is_down_is_tried_again_under_the_same_id_and_delays_no_mail() {
    let post = Post::new(House::new());
    post.house.sandbox.answer_with(NOTED);
    post.webhook.script([Takes::Status(500), Takes::Resets]);
    post.one_call(&post.settings());
    post.sendmail.wait_for(1, PATIENCE);
    post.webhook.wait_for(1, PATIENCE);
    until("the attempt is noted", PATIENCE, || {
        let output = post.house.command(&post.settings(), &["messages"]);
        let shown = String::from_utf8(output.stdout).unwrap();
        shown.contains("webhook: 1 try") && shown.contains("mail: delivered")
    });
    for _ in 0..2 {
        let output = post
            .house
            .command(&post.settings(), &["messages", "--retry"]);
        assert!(output.status.success(), "{output:?}");
    }
    post.wait_until_delivered(1);
    let posted = post.webhook.posted();
    let ids: Vec<_> = posted.iter().map(|one| one.json()["id"].clone()).collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(post.sendmail.mails().len(), 1, "it was delivered");
}

#[test]
fn administrators_get_a_mail_of_opening_hours_that_the_dialplan_alone_asks_for() {
    let post = Post::new(House::new());
    let settings = post.settings().set("knowledge.opening_hours", "Mo-Fr 9-18");
    for _ in 0..2 {
        let call = post.house.call_with(&settings).arg("mode=hours");
        let outcome = call.start().finish(PATIENCE);
        outcome.assert_exit(0).assert_manners();
    }
    post.house.command(&settings, &["messages", "--deliver"]);
    post.sendmail.wait_for(1, PATIENCE);
    let mails = post.sendmail.mails();
    assert_eq!(mails.len(), 1, "once a day");
    assert!(mails[0].body().contains("opening hours: "));
}

#[test]
fn administrators_get_a_mail_once_a_day_when_most_of_the_days_money_is_spent() {
    let post = Post::new(House::new());
    let settings = post.settings().set("limits.max_daily_cost", 10);
    let ledger = post.house.sandbox.ca_file();
    let ledger = ledger.with_file_name("state/limits.json");
    fs::create_dir(ledger.parent().unwrap()).unwrap();
    let day = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        / 86_400;
    for (spent, times) in [(7_900_000, 0), (8_000_000, 1), (8_100_000, 0)] {
        let of_day = json!({ "version": 1, "day": day, "spent": spent, "calls": {} });
        fs::write(&ledger, of_day.to_string()).unwrap();
        let outcome = post.one_call(&settings);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let warned = outcome.warnings;
        assert_eq!(warned.len(), times, "{spent}: {warned:?}");
        assert!(
            warned
                .iter()
                .all(|line| line.contains("are spent or set aside today"))
        );
    }
    post.house.command(&settings, &["messages", "--deliver"]);
    post.sendmail.wait_for(1, PATIENCE);
    let mails = post.sendmail.mails();
    assert_eq!(mails.len(), 1, "once a day");
    assert!(mails[0].body().contains("cost: "), "{}", mails[0].body());
}

#[test]
fn what_is_refused_for_good_stays_and_is_told_until_it_is_removed() {
    let post = Post::new(House::new());
    post.house.sandbox.answer_with(NOTED);
    post.webhook.always(Takes::Status(410));
    post.one_call(&post.settings());
    let shown = || {
        let output = post.house.command(&post.settings(), &["messages"]);
        String::from_utf8(output.stdout).unwrap()
    };
    until("it is refused", PATIENCE, || {
        shown().contains("is not tried any more: the webhook answered 410")
    });
    // Nobody tries it again.
    let delivered = post
        .house
        .command(&post.settings(), &["messages", "--deliver"]);
    assert!(
        delivered.status.success() && delivered.stdout.is_empty(),
        "{delivered:?}"
    );
    assert_eq!(post.webhook.posted().len(), 1);
    // The next call tells administrators, once a day.
    post.house.sandbox.answer_with("Three minutes.");
    for times in [1, 0] {
        let outcome = post.one_call(&post.settings());
        let told = outcome.warnings.iter().filter(|line| {
            line.contains("not tried any more; the first: the webhook answered 410")
        });
        assert_eq!(told.count(), times, "{:?}", outcome.warnings);
    }
    // By mail too.
    until("the mail", PATIENCE, || post.sendmail.mails().len() == 2);
    assert!(post.sendmail.mails()[1].body().contains("answered 410"));
    let shown = shown();
    let id = shown.split(' ').next().unwrap();
    let all = post
        .house
        .command(&post.settings(), &["messages", "--show", id]);
    let all = String::from_utf8(all.stdout).unwrap();
    assert!(all.contains(TEA) && all.contains("note: Jim asks"), "{all}");
    let removed = post
        .house
        .command(&post.settings(), &["messages", "--remove", id]);
    assert!(removed.status.success(), "{removed:?}");
    assert!(post.waiting().is_empty());
    let unknown = post
        .house
        .command(&post.settings(), &["messages", "--remove", id]);
    assert_eq!(unknown.status.code(), Some(1));
}

#[test]
fn what_a_wrong_address_has_refused_goes_out_once_an_administrator_retries() {
    house::each([401, 403, 404], |status| {
        let post = Post::new(House::new());
        post.house.sandbox.answer_with(NOTED);
        post.webhook.always(Takes::Status(status));
        post.one_call(&post.settings());
        let refused = format!("is not tried any more: the webhook answered {status}");
        until("it is refused", PATIENCE, || {
            let output = post.house.command(&post.settings(), &["messages"]);
            String::from_utf8(output.stdout).unwrap().contains(&refused)
        });
        post.webhook.always(Takes::Status(200));
        post.house
            .command(&post.settings(), &["messages", "--deliver"]);
        assert_eq!(post.webhook.posted().len(), 1, "{status}");
        post.house
            .command(&post.settings(), &["messages", "--retry"]);
        post.wait_until_delivered(1);
    });
}

#[test]
fn a_request_is_signed_and_has_the_header_of_the_settings_which_no_log_has() {
    let post = Post::new(House::new());
    post.house.sandbox.answer_with(NOTED);
    let [header, secret] = ["header", "secret"].map(|name| post.house.other().join(name));
    write_secret(&header, "Authorization: Bearer hook-7d8f6a5c4b3e\n");
    write_secret(&secret, "a-secret-of-the-hook\n");
    let settings = post
        .settings()
        .set("messages.webhook_header_file", text(&header))
        .set("messages.webhook_secret_file", text(&secret));
    let call = post.call(&settings).env("PHONE_ASSISTANT_LOG", "trace");
    let outcome = call.start().finish(PATIENCE);
    post.wait_until_delivered(1);
    let posted = &post.webhook.posted()[0];
    assert_eq!(posted.header("authorization"), "Bearer hook-7d8f6a5c4b3e");
    assert_eq!(posted.header("content-type"), "application/json");
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"a-secret-of-the-hook");
    let digest = hmac::sign(&key, &posted.body);
    let hex = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    let expected = format!("sha256={}", hex.collect::<String>());
    assert_eq!(posted.header("x-signature-256"), expected);
    assert!(
        !outcome.stderr.contains("7d8f6a5c4b3e"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_persona_has_its_own_places_and_one_that_is_down_delays_no_other() {
    let post = Post::new(House::new());
    let kitchen = Webhook::start();
    kitchen.always(Takes::Never);
    post.house.sandbox.answer_with(NOTED);
    let settings = post
        .settings()
        .set("persona.kitchen.prompt", "You cook.")
        .set("persona.kitchen.webhook", kitchen.url())
        .set("persona.kitchen.mail_to", ["kitchen@example.org"]);
    let call = post.call(&settings).arg("persona=kitchen");
    call.start().finish(PATIENCE).assert_exit(0);
    kitchen.wait_for(1, PATIENCE);
    let mails = post.sendmail.wait_for(1, PATIENCE);
    assert_eq!(mails[0].arguments[4..], ["kitchen@example.org"]);
    assert_eq!(kitchen.posted()[0].json()["persona"], "kitchen");
    // While the process that delivers waits for that, the next call's message is left to it.
    post.one_call(&settings);
    post.webhook.wait_for(1, PATIENCE);
    until("the other is delivered", PATIENCE, || {
        post.delivered().len() == 1
    });
}

#[test]
fn the_messages_of_one_caller_arrive_in_their_order() {
    let post = Post::new(House::new());
    post.webhook.script([Takes::Status(503)]);
    for text in ["first", "second", "third"] {
        post.house
            .sandbox
            .answer_with(&format!("[[message Anna: {text}]] Noted."));
        post.one_call(&post.settings());
    }
    // The second and third wait for the first.
    post.sendmail.wait_for(3, PATIENCE);
    until("nobody delivers", PATIENCE, || {
        let output = post
            .house
            .command(&post.settings(), &["messages", "--deliver"]);
        output.status.success()
    });
    assert_eq!(post.webhook.posted().len(), 1);
    post.house
        .command(&post.settings(), &["messages", "--retry"]);
    post.wait_until_delivered(3);
    let notes: Vec<_> = post
        .webhook
        .posted()
        .iter()
        .map(|one| one.json()["note"].clone())
        .collect();
    assert_eq!(notes, ["first", "first", "second", "third"]);
}

#[test]
fn the_words_of_every_call_are_delivered_where_that_is_wanted() {
    let post = Post::new(House::new());
    post.house.sandbox.answer_with("Three minutes.");
    let settings = post.settings().set("messages.transcripts", true);
    post.one_call(&settings);
    post.wait_until_delivered(1);
    let posted = post.webhook.posted()[0].json();
    assert_eq!(
        (&posted["kind"], &posted["note"]),
        (&json!("transcript"), &json!(""))
    );
    assert_eq!(posted["words"][0]["text"], TEA);
    assert_eq!(
        post.sendmail.mails()[0].subject(),
        "Call from Jim, +4930123456"
    );
    assert!(!post.sendmail.mails()[0].body().contains("The note"));
}

#[test]
fn the_doctor_sends_a_test_through_each_way() {
    let post = Post::new(House::new());
    post.webhook.script([Takes::Status(404)]);
    let check = |arguments: &[&str]| {
        let arguments = [&["--json"], arguments].concat();
        let mut command = post
            .house
            .command_as_asterisk(&post.settings(), "check", &arguments);
        let output = command.output().unwrap();
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = found["checks"].as_array().unwrap().clone();
        move |id: &str| {
            let one = checks.iter().find(|one| one["id"] == id).unwrap();
            (
                one["status"].as_str().unwrap().to_owned(),
                one["text"].as_str().unwrap().to_owned(),
            )
        }
    };
    let found = check(&["--send-test"]);
    let (status, text) = found("webhook");
    assert!(status == "fail" && text.contains("answered 404"), "{text}");
    let (status, text) = found("mail");
    assert!(
        status == "ok" && text.contains("has taken a test"),
        "{text}"
    );
    assert_eq!(found("timer for messages").0, "warn");
    assert_eq!(found("folder for messages").0, "ok");
    assert!(post.sendmail.mails()[0].body().contains("This is a test"));
    assert!(
        post.webhook.posted()[0].json()["note"]
            .as_str()
            .unwrap()
            .contains("a test")
    );
    // Otherwise nothing is sent.
    post.house
        .command(&post.settings(), &["messages", "--deliver"]);
    let found = check(&["--offline"]);
    assert_eq!(found("webhook").0, "ok");
    assert_eq!(found("timer for messages").0, "ok");
    assert_eq!(
        (post.webhook.posted().len(), post.sendmail.mails().len()),
        (1, 1)
    );
}

#[test]
fn the_doctor_sends_a_test_through_the_ways_of_a_persona_too() {
    let (post, kitchen) = (Post::new(House::new()), Webhook::start());
    let settings = post
        .settings()
        .set("persona.kitchen.prompt", "You cook.")
        .set("persona.kitchen.webhook", kitchen.url())
        .set("persona.kitchen.mail_to", ["kitchen@example.org"]);
    let arguments = ["--json", "--send-test"];
    let mut command = (post.house).command_as_asterisk(&settings, "check", &arguments);
    command.output().unwrap();
    let mut mailed: Vec<_> = post.sendmail.mails();
    mailed.sort_by_key(|mail| mail.arguments[4].clone());
    let to = mailed.iter().map(|mail| mail.arguments[4].as_str());
    let to: Vec<_> = to.collect();
    assert_eq!(to, ["kitchen@example.org", "office@example.org"]);
    assert!(
        mailed
            .iter()
            .all(|mail| mail.body().contains("This is a test"))
    );
    for webhook in [&post.webhook, &kitchen] {
        let [test] = &webhook.posted()[..] else {
            panic!("one test");
        };
        assert!(test.json()["note"].to_string().contains("a test"));
    }
}

/// The session of the process that delivers by the settings in this file, and its own id.
fn session_of_delivery(settings: &str) -> Option<(u32, u32)> {
    let mut ids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name();
        name.to_str()?.parse::<u32>().ok()
    });
    let delivers = |id: &u32| {
        let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        let command = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let has = |text: &[u8], part: &str| String::from_utf8_lossy(text).contains(part);
        has(&environment, settings) && has(&command, "--deliver")
    };
    let id = ids.find(delivers)?;
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // proc_pid_stat(5): behind the name in parentheses come state, parent, group and session.
    let (_, fields) = stat.rsplit_once(") ")?;
    Some((fields.split(' ').nth(3)?.parse().ok()?, id))
}

#[test]
fn what_delivers_has_a_session_of_its_own_and_the_environment_of_its_call() {
    let post = Post::new(House::new());
    post.house.sandbox.answer_with(NOTED);
    post.house.ask("question-tea.wav");
    post.webhook.always(Takes::Never);
    let file = post.settings().write(post.house.other());
    let call = testkit::Call::builder(program())
        .arg(argument("recording", &post.house.recording()))
        .arg(argument("reply", &post.house.reply()))
        .env("PHONE_ASSISTANT_CONFIG", &file);
    call.start().finish(PATIENCE);
    post.webhook.wait_for(1, PATIENCE);
    let (session, id) = session_of_delivery(text(&file)).expect("it delivers");
    assert_eq!(session, id);
}

#[test]
fn over_fastagi_the_connection_ends_first_and_then_its_process_delivers() {
    let post = Post::new(House::new());
    post.house.sandbox.answer_with(NOTED);
    post.house.ask("question-tea.wav");
    // A caller who waited for its answer would wait until it is given up, and it would not be delivered.
    post.webhook.always(Takes::Never);
    let settings = post.settings().set("call.arguments", "all");
    let call = post.house.call_of_service(program(), &settings);
    let server = Activation::of(program())
        .env("PHONE_ASSISTANT_CONFIG", post.house.settings_file())
        .start();
    let call = call
        .over(server.address())
        .agi("agi_callerid", "+4930123456")
        .agi("agi_callingpres", "0");
    let outcome = call.start().finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    post.sendmail.wait_for(1, PATIENCE);
    post.webhook.wait_for(1, PATIENCE);
    post.webhook.release();
    let processes = server.wait_for_ends(1, PATIENCE);
    assert!(processes[0].status.success());
    assert_eq!((post.waiting().len(), post.delivered().len()), (0, 1));
}

#[test]
fn a_fault_of_the_settings_sends_and_fails_nothing_and_a_persona_that_is_gone_is_waited_for() {
    let post = Post::new(House::new());
    post.house.sandbox.answer_with(NOTED);
    post.webhook.always(Takes::Status(500));
    let office = |settings: Settings| settings.set("persona.office.prompt", "You are the office.");
    let call = post.call(&office(post.settings())).arg("persona=office");
    call.start().finish(PATIENCE);
    post.sendmail.wait_for(1, PATIENCE);
    let shown = |settings: &Settings| {
        let output = post.house.command(settings, &["messages"]);
        String::from_utf8(output.stdout).unwrap()
    };
    until("the failure is noted", PATIENCE, || {
        shown(&post.settings()).contains("webhook: 1 try")
    });
    post.webhook.always(Takes::Status(200));
    let faulty = office(post.settings()).set("messages.no_such_setting", 1);
    let retried = post.house.command(&faulty, &["messages", "--retry"]);
    assert_eq!(retried.status.code(), Some(1), "{retried:?}");
    assert!(shown(&faulty).contains("webhook: 1 try"));
    // The persona is gone.
    post.house
        .command(&post.settings(), &["messages", "--retry"]);
    let gone = shown(&post.settings());
    assert!(gone.contains("1 try") && gone.contains("is gone"), "{gone}");
    assert_eq!(post.webhook.posted().len(), 1);
    post.house
        .command(&office(post.settings()), &["messages", "--retry"]);
    post.wait_until_delivered(1);
}

#[test]
fn a_call_that_leaves_nothing_delivers_what_waits() {
    let post = Post::new(House::new());
    post.house.sandbox.answer_with(NOTED);
    post.webhook.always(Takes::Status(503));
    post.one_call(&post.settings());
    until("both ways are noted", PATIENCE, || {
        let output = post.house.command(&post.settings(), &["messages"]);
        let shown = String::from_utf8(output.stdout).unwrap();
        shown.contains("webhook: 1 try, the next") && shown.contains("mail: delivered")
    });
    let file = post.waiting().remove(0);
    let mut entry: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    entry["ways"]["webhook"]["due"] = 0.into();
    std::fs::write(&file, entry.to_string()).unwrap();
    post.webhook.always(Takes::Status(200));
    post.house.sandbox.answer_with("Three minutes.");
    post.one_call(&post.settings());
    post.wait_until_delivered(1);
}
