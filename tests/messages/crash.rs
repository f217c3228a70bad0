//! What callers were told is kept, whatever ends the program, the machine or the disk.
//!
//! `KILLS=200` kills as many calls as that; a plain run fewer.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::{self, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use testkit::{CallBuilder, Outcome, Posted, Stage, Takes, until};

use super::{NOTED, Post, text};
use crate::house::{self, House, PATIENCE, argument, program};

fn number(index: usize) -> String {
    format!("+49301{index:05}")
}

/// A call of this number, with a reply of its own.
fn call_of(post: &Post, index: usize) -> CallBuilder {
    let reply = post.house.calls().join(format!("call-{index}-reply"));
    testkit::Call::builder(program())
        .arg(argument("recording", &post.house.recording()))
        .arg(argument("reply", &reply))
        .arg(argument("config", &post.house.settings_file()))
        .agi("agi_callerid", number(index))
        .agi("agi_callingpres", "0")
}

/// A house whose settings are written, and whose recording stays for all calls.
fn prepared(post: &Post) {
    post.house.sandbox.answer_with(NOTED);
    post.house.ask("question-tea.wav");
    let settings = post.settings().set("recording.keep", true);
    settings
        .set("reply.play", "dialplan")
        .write(post.house.other());
}

/// Whether the dialplan has been given an answer to play.
fn was_told(outcome: &Outcome) -> bool {
    !outcome.variable("ASSISTANT_FILE").is_empty()
}

/// The ids under which each caller's messages came.
fn ids(posted: &[Posted]) -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::<_, BTreeSet<_>>::new();
    for one in posted {
        let json = one.json();
        let number = json["caller"]["number"].as_str().unwrap().to_owned();
        let id = json["id"].as_str().unwrap().to_owned();
        all.entry(number).or_default().insert(id);
    }
    all
}

/// Delivers all, also of calls that were killed and are not over by their own account.
fn deliver_all(post: &Post) {
    until("all is delivered", PATIENCE, || {
        let output = post
            .house
            .command(&post.settings(), &["messages", "--retry"]);
        output.status.success() && post.waiting().is_empty()
    });
}

#[track_caller]
fn assert_none_lost(post: &Post, told: &BTreeSet<String>) {
    let ids = ids(&post.webhook.posted());
    for number in told {
        assert!(
            ids.contains_key(number),
            "{number} was told, and nothing came"
        );
    }
    for (number, ids) in ids {
        assert_eq!(ids.len(), 1, "{number} came under {ids:?}");
    }
}

#[test]
fn killed_at_any_moment_a_call_loses_no_message_that_was_confirmed() {
    let kills = env::var("KILLS").map_or(24, |number| number.parse().unwrap());
    let post = Post::new(House::new());
    prepared(&post);
    // Each moment comes once, from the start to beyond the end of a call here.
    let began = Instant::now();
    call_of(&post, 99_999).start().finish(PATIENCE);
    let longest = began.elapsed() * 5 / 4;
    let told = Mutex::new(BTreeSet::from([number(99_999)]));
    let killed = AtomicUsize::new(0);
    house::each(0..kills, |index| {
        let call = call_of(&post, index).start();
        let moment = longest * u32::try_from(index).unwrap() / u32::try_from(kills).unwrap();
        let began = Instant::now();
        until("the moment", PATIENCE, || began.elapsed() >= moment);
        call.kill();
        let outcome = call.finish(PATIENCE);
        killed.fetch_add(usize::from(!outcome.status.success()), Ordering::Relaxed);
        if was_told(&outcome) {
            told.lock().unwrap().insert(number(index));
        }
    });
    deliver_all(&post);
    assert_none_lost(&post, &told.lock().unwrap());
    assert!(
        killed.load(Ordering::Relaxed) * 3 > kills,
        "{killed:?} of {kills} were killed"
    );
}

#[test]
fn killed_at_any_moment_the_delivery_loses_nothing_and_keeps_each_id() {
    let post = Post::new(House::new());
    prepared(&post);
    post.webhook.always(Takes::Status(500));
    for index in 0..6 {
        call_of(&post, index % 3)
            .start()
            .finish(PATIENCE)
            .assert_exit(0);
    }
    post.sendmail.wait_for(6, PATIENCE);
    let before = post.webhook.posted().len();
    post.webhook.always(Takes::Status(200));
    for moment in (0..60).cycle().take(120) {
        if post.waiting().is_empty() {
            break;
        }
        let mut delivery = Command::new(program())
            .args(["messages", "--retry", "--config"])
            .arg(post.house.settings_file())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        until("the moment", PATIENCE, || {
            began.elapsed() >= Duration::from_millis(moment)
        });
        delivery.kill().unwrap();
        delivery.wait().unwrap();
    }
    deliver_all(&post);
    // In the order in which they were left, but for those that came twice.
    let posted = &post.webhook.posted()[before..];
    for caller in 0..3 {
        let of_caller = posted.iter().map(Posted::json);
        let of_caller = of_caller.filter(|one| one["caller"]["number"] == number(caller));
        let mut ids: Vec<_> = of_caller
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect();
        ids.dedup();
        assert!(ids.is_sorted(), "{ids:?}");
        assert_eq!(ids.len(), 2, "{ids:?}");
    }
    assert_eq!(post.delivered().len(), 6);
}

/// Waits until a call has come to a point.
type Wait = dyn Fn(&Post, &testkit::Call);

#[test]
fn hung_up_at_any_point_a_call_delivers_what_was_confirmed_once() {
    let post = Post::new(House::streaming());
    post.house.sandbox.answer_with(NOTED);
    let settings = post.settings();
    let reply = format!("STREAM FILE \"{}\"", post.house.reply().display());
    let asked = |stage| {
        move |post: &Post, _: &testkit::Call| post.house.sandbox.wait_for(stage, 1, PATIENCE)
    };
    let sent = |start: &str| {
        let start = start.to_owned();
        move |_: &Post, call: &testkit::Call| call.wait_for_command(&start, PATIENCE)
    };
    let points: [(&str, Box<Wait>); 7] = [
        ("the first word", Box::new(sent("GET VARIABLE"))),
        ("the format", Box::new(sent("GET VARIABLE \"CHANNEL"))),
        ("the transcript", Box::new(asked(Stage::Stt))),
        ("the model", Box::new(asked(Stage::Llm))),
        ("the voice", Box::new(asked(Stage::Tts))),
        ("the answer", Box::new(sent(&reply))),
        (
            "the status",
            Box::new(sent("SET VARIABLE \"ASSISTANT_STATUS")),
        ),
    ];
    let mut told = BTreeSet::new();
    for (index, (name, wait)) in points.iter().enumerate() {
        let call = post
            .call(&settings)
            .agi("agi_callerid", number(index))
            .start();
        wait(&post, &call);
        call.hangup();
        let outcome = call.finish(PATIENCE);
        outcome.assert_exit(0).assert_manners();
        if outcome.commands().any(|line| line.starts_with(&reply)) {
            told.insert(number(index));
        }
        let count = post.house.sandbox.requests().len();
        assert!(count <= 3 * (index + 1), "{name}: {count} requests");
    }
    assert!(told.len() >= 2, "{told:?}");
    deliver_all(&post);
    assert_none_lost(&post, &told);
}

#[test]
fn each_way_that_does_not_take_a_message_is_named_and_delays_no_mail() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let table = [
        (
            "answers 500",
            None,
            Takes::Status(500),
            "the webhook answered 500",
        ),
        ("resets", None, Takes::Resets, "webhook"),
        (
            "is absent",
            Some(format!("http://{closed}/")),
            Takes::Status(200),
            "cannot connect",
        ),
        (
            "has no TLS",
            Some("https".to_owned()),
            Takes::Status(200),
            "webhook",
        ),
    ];
    house::each(table, |(name, url, takes, expected)| {
        let post = Post::new(House::new());
        post.house.sandbox.answer_with(NOTED);
        post.webhook.always(takes);
        let url = match url {
            Some(scheme) if scheme == "https" => post.webhook.url().replace("http:", "https:"),
            url => url.unwrap_or_else(|| post.webhook.url()),
        };
        let settings = post.settings().set("messages.webhook", url);
        post.one_call(&settings);
        post.sendmail.wait_for(1, PATIENCE);
        let mut shown = String::new();
        until("the failure is noted", PATIENCE, || {
            let output = post.house.command(&settings, &["messages"]);
            shown = String::from_utf8(output.stdout).unwrap();
            shown.contains("webhook: 1 try") && shown.contains("mail: delivered")
        });
        assert!(shown.contains(expected), "{name}: {shown}");
    });
}

#[test]
fn a_mail_that_is_not_taken_is_tried_again_unless_its_address_is_wrong() {
    for (code, expected) in [
        (75, "mail: 1 try"),
        (68, "mail: 1 try"),
        (67, "mail: failed after 1 try"),
    ] {
        let post = Post::new(House::new());
        post.house.sandbox.answer_with(NOTED);
        post.sendmail.exits_with(code);
        post.one_call(&post.settings());
        let mut shown = String::new();
        until("the failure is noted", PATIENCE, || {
            let output = post.house.command(&post.settings(), &["messages"]);
            shown = String::from_utf8(output.stdout).unwrap();
            shown.contains(expected)
        });
        assert!(
            shown.contains(&format!("exit code {code}: it is full")),
            "{shown}"
        );
        post.sendmail.exits_with(0);
        post.house
            .command(&post.settings(), &["messages", "--retry"]);
        post.wait_until_delivered(1);
        assert_eq!(post.webhook.posted().len(), 1);
    }
}

/// Whether this machine has strace; where it has not, one line on standard error says so.
fn has_strace(test: &str) -> bool {
    let version = Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .status();
    let is_there = version.is_ok_and(|status| status.success());
    if !is_there {
        // Not by a macro, whose lines a test that passes does not show.
        let line = format!("not run: {test} needs strace, and this machine has none\n");
        io::stderr().write_all(line.as_bytes()).unwrap();
    }
    is_there
}

/// Runs a call under strace with these arguments.
fn traced(post: &Post, index: usize, arguments: &str) -> Outcome {
    let strace = post.house.other().join(format!("strace-{index}"));
    let script = format!(
        "#!/bin/sh\nexec strace -f -qq {arguments} '{}' \"$@\"\n",
        program().display()
    );
    std::fs::write(&strace, script).unwrap();
    // A program that is open for writing cannot be run: see `testkit::Sendmail`.
    let copy = format!(
        "cp '{0}' '{0}.new' && chmod 755 '{0}.new'",
        strace.display()
    );
    let copied = Command::new("sh").arg("-c").arg(copy).status().unwrap();
    assert!(copied.success());
    let reply = post.house.calls().join(format!("call-{index}-reply"));
    let call = testkit::Call::builder(&strace.with_extension("new"))
        .arg(argument("recording", &post.house.recording()))
        .arg(argument("reply", &reply))
        .arg(argument("config", &post.house.settings_file()))
        .agi("agi_callerid", number(index))
        .agi("agi_callingpres", "0");
    call.start().finish(PATIENCE)
}

#[test]
fn where_the_disk_takes_nothing_more_no_message_is_confirmed_that_is_not_there() {
    if !has_strace("a full disk") {
        return;
    }
    let post = Post::new(House::new());
    prepared(&post);
    let told = Mutex::new(BTreeSet::new());
    let faults = [
        ("fsync", 4),
        ("renameat", 12),
        ("unlinkat", 6),
        ("mkdirat", 2),
        ("ftruncate", 2),
        // Also of the reply and Asterisk's line, without which no call comes to a message.
        ("write", 24),
        // Of the folder of messages alone: a call opens 200 other files.
        ("openat", 18),
    ];
    let folder = post.folder();
    let opened = ["", "delivered"].map(|name| format!("-P '{}'", folder.join(name).display()));
    let opened = opened.join(" ");
    let all = faults.iter();
    let all = all.flat_map(|(call, max)| (1..=*max).map(move |when| (*call, when)));
    house::each(all.enumerate(), |(index, (call, when))| {
        let of = if call == "openat" { &opened } else { "" };
        let arguments =
            format!("-o /dev/null {of} -e trace={call} -e inject={call}:error=ENOSPC:when={when}+");
        let outcome = traced(&post, index, &arguments);
        let is_told = was_told(&outcome);
        // The folder is there already.
        outcome.assert(!is_told || when > 1 || call == "mkdirat", call);
        if is_told {
            told.lock().unwrap().insert(number(index));
        }
    });
    deliver_all(&post);
    assert_none_lost(&post, &told.lock().unwrap());
}

/// The part of the folders of messages that would be there after a loss of power, by the system calls so far: a name
/// counts from the sync of its folder on, if its content was synced before, and no longer once it is removed.
#[derive(Default)]
struct Disk {
    /// Files whose content is synced, by the folder and the name that they have now.
    synced: BTreeSet<(String, String)>,
    /// Names that are there, and those of them that a sync of the folder has made last.
    live: BTreeSet<(String, String)>,
    durable: BTreeSet<(String, String)>,
}

impl Disk {
    /// Takes in a line of strace, which shows descriptors with their paths.
    fn take(&mut self, line: &str) {
        let quoted: Vec<_> = line.split('"').skip(1).step_by(2).collect();
        let held: Vec<_> = line
            .split('<')
            .skip(1)
            .filter_map(|rest| rest.split('>').next())
            .collect();
        if line.contains("fsync(") {
            let Some(path) = held.first() else { return };
            if let Some(path) = path.strip_suffix(".part") {
                self.synced.insert(separated(path));
                return;
            }
            let is_of_it = |key: &&(String, String)| key.0 == *path && self.synced.contains(key);
            self.durable
                .extend(self.live.iter().filter(is_of_it).cloned());
        } else if let (true, [_, new], Some(folder)) =
            (line.contains("renameat"), &quoted[..], held.last())
        {
            self.live.insert(((*folder).to_owned(), (*new).to_owned()));
        } else if let (true, [path]) = (line.contains("unlink("), &quoted[..]) {
            self.live.remove(&separated(path));
            self.durable.remove(&separated(path));
        }
    }

    fn has_message(&self) -> bool {
        self.durable
            .iter()
            .any(|(_, name)| name.ends_with(".message.json"))
    }
}

/// The folder and the name of a path.
fn separated(path: &str) -> (String, String) {
    let (folder, name) = path.rsplit_once('/').unwrap();
    (folder.to_owned(), name.to_owned())
}

#[test]
fn after_a_loss_of_power_what_was_confirmed_is_there() {
    if !has_strace("a loss of power") {
        return;
    }
    let post = Post::new(House::new());
    prepared(&post);
    let log = post.house.other().join("trace");
    let arguments = format!(
        "-y -s 200 -o '{}' -e trace=fsync,renameat,renameat2,unlink,unlinkat,write,writev",
        text(&log)
    );
    let outcome = traced(&post, 1, &arguments);
    assert!(was_told(&outcome));
    until("it is delivered", PATIENCE, || post.delivered().len() == 1);
    let trace = std::fs::read_to_string(&log).unwrap();
    let mut disk = Disk::default();
    let mut was_told = false;
    for line in trace.lines() {
        let tells =
            line.contains("write") && line.contains("ASSISTANT_FILE") && !line.contains("\\\"\\\"");
        if tells {
            assert!(disk.has_message(), "told before it was there:\n{trace}");
            was_told = true;
        }
        disk.take(line);
        assert!(!was_told || disk.has_message(), "gone:\n{trace}");
    }
    assert!(was_told, "{trace}");
}
