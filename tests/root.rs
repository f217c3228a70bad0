//! What root does in the folders of another user, who may put a link there at any moment. As an ordinary user the same
//! commands are run on folders of one's own, where links lead no further than that user may go.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use phone_assistant::sys::error::Chain;
use phone_assistant::sys::files::{self, NewFile, Readers};
use phone_assistant::sys::state;
use testkit::TempDir;

use crate::house::{House, data, program};

const STAY: u32 = 100;

/// A user who is not root; no test needs a name for it.
const OTHER: u32 = 65_534;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A folder of the other user, and one that is root's alone with a key in it.
struct Place {
    theirs: TempDir,
    private: TempDir,
}

impl Place {
    fn new() -> Self {
        let [theirs, private] = [(); 2].map(|()| TempDir::new().unwrap());
        fs::set_permissions(theirs.path(), fs::Permissions::from_mode(0o755)).unwrap();
        give(theirs.path());
        fs::write(private.path().join("key"), KEY).unwrap();
        Self { theirs, private }
    }

    /// A link of theirs to what is root's.
    fn link(&self, name: &str) -> PathBuf {
        let link = self.theirs.path().join(name);
        symlink(self.private.path(), &link).unwrap();
        if is_root() {
            lchown(&link, Some(OTHER), Some(OTHER)).unwrap();
        }
        link
    }

    /// A real folder of theirs.
    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.theirs.path().join(name);
        fs::create_dir(&folder).unwrap();
        give(&folder);
        folder
    }

    #[track_caller]
    fn assert_untouched(&self, output: &Output) {
        let names: Vec<_> = fs::read_dir(self.private.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        let key = fs::read(self.private.path().join("key")).unwrap();
        assert!(names == ["key"] && key == KEY, "{names:?} {output:?}");
    }
}

const KEY: &[u8] = b"root's own key, which is not sixty-four characters of hexadecimal";

fn give(path: &Path) {
    if is_root() {
        chown(path, Some(OTHER), Some(OTHER)).unwrap();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// As root a link is refused and named; otherwise the command has done no more than this user may.
#[track_caller]
fn assert_refused(place: &Place, link: &Path, output: &Output) {
    if is_root() {
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{output:?}");
        assert!(
            told.contains(&format!("{} is a link to", link.display())),
            "{told}"
        );
        place.assert_untouched(output);
    }
}

#[test]
fn root_forgets_nobody_behind_a_link() {
    let (house, place) = (House::new(), Place::new());
    let link = place.link("callers");
    let settings = house
        .sandbox
        .settings()
        .set("memory.callers", "all")
        .set("memory.folder", text(&link));
    for arguments in [&["forget", "200"][..], &["callers"]] {
        assert_refused(&place, &link, &house.command(&settings, arguments));
    }
}

#[test]
fn root_forgets_as_the_owner_while_the_owner_exchanges_the_folder() {
    let (house, place) = (House::new(), Place::new());
    let folder = place.theirs.path().join("callers");
    let settings = house
        .sandbox
        .settings()
        .set("memory.callers", "all")
        .set("memory.folder", text(&folder));
    if !is_root() {
        assert_eq!(
            house.command(&settings, &["forget", "200"]).status.code(),
            Some(1)
        );
        return;
    }
    let real = place.folder("real");
    let link = place.link("link");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for next in [&real, &link] {
                    // Each stands there for about as long as the command works.
                    drop(fs::rename(next, &folder));
                    (0..STAY).for_each(|_| thread::yield_now());
                    drop(fs::rename(&folder, next));
                }
            }
        });
        let outputs: Vec<_> = (0..60)
            .map(|_| house.command(&settings, &["forget", "200"]))
            .collect();
        is_over.store(true, Ordering::Relaxed);
        place.assert_untouched(&outputs[0]);
    });
}

#[test]
fn root_writes_sounds_as_the_owner_of_their_folder_and_behind_no_link() {
    let (house, place) = (House::new(), Place::new());
    let settings = house
        .sandbox
        .settings()
        .set("state.folder", text(&place.theirs.path().join("state")));
    let (folder, link) = (place.folder("sounds"), place.link("custom"));
    let tea = data("answer-tea.wav");
    for (folder, name) in [(&folder, "a.ulaw"), (&link, "b.ulaw")] {
        let output = folder.join(name);
        let convert = house.command(&settings, &["convert", text(&tea), text(&output)]);
        let spoken = folder.join(format!("say-{name}"));
        let say = house.command(&settings, &["say", "Hello there.", text(&spoken)]);
        if folder == &link {
            assert_refused(&place, &link, &convert);
            assert_refused(&place, &link, &say);
            continue;
        }
        for (made, output) in [(output, convert), (spoken, say)] {
            assert!(output.status.success(), "{output:?}");
            let owner = fs::metadata(folder).unwrap().uid();
            assert_eq!(fs::metadata(made).unwrap().uid(), owner);
        }
    }
    let both = [text(&tea), text(&data("beep.wav"))].map(str::to_owned);
    let into = link.join("deep");
    let output = house.command(&settings, &["convert", &both[0], &both[1], text(&into)]);
    assert_refused(&place, &link, &output);
}

#[test]
fn root_converts_no_sound_that_whoever_can_put_it_there_may_not_read() {
    let (house, place) = (House::new(), Place::new());
    let settings = house.sandbox.settings();
    let tea = fs::read(data("answer-tea.wav")).unwrap();
    let private = place.private.path().join("private.wav");
    fs::write(&private, &tea).unwrap();
    fs::set_permissions(&private, fs::Permissions::from_mode(0o600)).unwrap();
    let folders = [
        (place.folder("theirs"), 0o755),
        (place.private.path().join("shared"), 0o775),
        (place.private.path().join("sticky"), 0o1777),
    ];
    fs::set_permissions(place.private.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for (folder, mode) in folders {
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        let [link, moved, open] = ["link", "moved", "open"].map(|name| folder.join(name));
        symlink(&private, &link).unwrap();
        for (file, mode) in [(&moved, 0o600), (&open, 0o644)] {
            fs::write(file, &tea).unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
        }
        if is_root() {
            lchown(&link, Some(OTHER), Some(OTHER)).unwrap();
        }
        for (input, is_refused) in [(link, is_root()), (moved, is_root()), (open, false)] {
            let output = house.other().join("made.ulaw");
            let done = house.command(&settings, &["convert", text(&input), text(&output)]);
            assert_eq!(
                done.status.success(),
                !is_refused,
                "{input:?} {mode:o} {done:?}"
            );
            assert_eq!(fs::remove_file(&output).is_ok(), !is_refused, "{input:?}");
        }
    }
}

#[test]
fn root_reads_no_log_of_calls_behind_a_link() {
    let (house, place) = (House::new(), Place::new());
    let log = place.link("log").join("key");
    let output = house.command(&house.sandbox.settings(), &["calls", text(&log)]);
    assert_refused(&place, &place.theirs.path().join("log"), &output);
    let folder = place.folder("real");
    let line = r#"{"time":"2026-11-25T03:18:00.250Z","id":"1.2","status":"ANSWERED"}"#;
    fs::write(folder.join("calls.jsonl"), format!("{line}\n")).unwrap();
    let log = folder.join("calls.jsonl");
    let output = house.command(&house.sandbox.settings(), &["calls", text(&log)]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn root_reads_what_the_owner_of_the_folder_may_read_whatever_its_group() {
    let (house, place) = (House::new(), Place::new());
    let folder = place.folder("log");
    let private = place.private.path().join("private.jsonl");
    fs::write(&private, call("1700000000.77")).unwrap();
    fs::set_permissions(place.private.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&private, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&private, folder.join("calls.jsonl")).unwrap();
    if is_root() {
        // As /var/log/asterisk is asterisk's, and of the group adm.
        chown(&folder, Some(OTHER), Some(0)).unwrap();
    }
    let log = folder.join("calls.jsonl");
    let output = house.command(&house.sandbox.settings(), &["calls", text(&log)]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.success(), !is_root(), "{output:?}");
    assert_eq!(told.contains("Permission denied"), is_root(), "{told}");
}

#[test]
fn a_log_that_the_folders_owner_may_not_read_is_told_as_that_and_an_older_one_is_passed_over() {
    let (house, place) = (House::new(), Place::new());
    let folder = place.folder("log");
    let [log, older] = ["calls.jsonl", "calls.jsonl.1"].map(|name| folder.join(name));
    let closed = |path: &Path| {
        fs::write(path, call("1.1")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    };
    let page = place.private.path().join("page.html");
    let calls = |more: &[&str]| {
        let arguments = [&["calls", text(&log)], more].concat();
        let output = house.command(&house.sandbox.settings(), &arguments);
        let told = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(told).unwrap())
    };
    closed(&log);
    if is_root() {
        for more in [&[][..], &["--html", text(&page)]] {
            let (_, told) = calls(more);
            assert!(
                told.contains("it is read as nobody, whose folder it is in"),
                "{told}"
            );
            assert!(told.contains("or let nobody read it"), "{told}");
            assert!(!told.contains("sudo"), "{told}");
        }
    }
    give(&log);
    closed(&older);
    for more in [
        &[][..],
        &["--since", "2026-11-01"],
        &["--html", text(&page)],
    ] {
        let (is_done, told) = calls(more);
        assert!(is_done, "{told}");
        let note = "1 file beside it was not read: calls.jsonl.1";
        assert_eq!(told.contains(note), is_root(), "{told}");
        let count = if is_root() { "1 call" } else { "2 calls" };
        assert!(told.contains(count), "{told}");
    }
}

fn call(id: &str) -> String {
    format!(r#"{{"time":"2026-11-25T03:18:00.250Z","id":"{id}","status":"ANSWERED"}}"#) + "\n"
}

/// A folder of root's, or of whoever runs this, in one that another user can exchange.
fn below(place: &Place) -> PathBuf {
    let folder = place.theirs.path().join("below");
    fs::create_dir(&folder).unwrap();
    folder
}

#[test]
fn root_does_nothing_in_a_folder_of_its_own_that_another_user_can_exchange() {
    let (house, place) = (House::new(), Place::new());
    let folder = below(&place);
    let log = folder.join("calls.jsonl");
    fs::write(&log, call("1.2")).unwrap();
    let output = house.command(&house.sandbox.settings(), &["calls", text(&log)]);
    assert_refused_as_theirs(&place, &output);
    let settings = house
        .sandbox
        .settings()
        .set("memory.callers", "all")
        .set("memory.folder", text(&folder));
    let output = house.command(&settings, &["forget", "200"]);
    if is_root() {
        assert_refused_as_theirs(&place, &output);
    }
    let faults = [
        NewFile::create(&folder.join("new"), Readers::All)
            .map(drop)
            .map_err(|error| Chain(&error).to_string()),
        files::open_to_append(&folder.join("more"), 0o600)
            .map(drop)
            .map_err(|error| error.to_string()),
        files::create_folder(&folder.join("sub")).map_err(|error| error.to_string()),
        state::lock(&folder.join("x.lock"), Duration::ZERO)
            .map(drop)
            .map_err(|error| Chain(&error).to_string()),
    ];
    for fault in faults {
        assert_eq!(fault.is_err(), is_root(), "{fault:?}");
        let why = fault.err().unwrap_or_default();
        assert_eq!(why.contains(text(place.theirs.path())), is_root(), "{why}");
    }
    let left = fs::read_dir(&folder).unwrap().count();
    assert!(!is_root() || left == 1, "{left} files are there");
}

/// As root the folder that is another user's is named.
#[track_caller]
fn assert_refused_as_theirs(place: &Place, output: &Output) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.success(), !is_root(), "{output:?}");
    let words = format!("{} belongs to", place.theirs.path().display());
    assert_eq!(told.contains(&words), is_root(), "{told}");
    assert!(!told.contains("remove the link"), "{told}");
}

#[test]
fn a_new_file_gets_into_the_folder_that_it_was_begun_in_whatever_has_its_name_by_then() {
    let place = Place::new();
    let (folder, moved) = (place.folder("folder"), place.theirs.path().join("moved"));
    let begin = |name| NewFile::create(&folder.join(name), Readers::All).unwrap();
    let (finished, mut revealed, dropped) =
        (begin("finished"), begin("revealed"), begin("dropped"));
    fs::rename(&folder, &moved).unwrap();
    place.link("folder");
    finished.finish().unwrap();
    revealed.reveal().unwrap();
    drop(dropped);
    let names = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&moved), ["finished", "revealed"]);
    drop(revealed);
    assert_eq!(names(&moved), ["finished"]);
    assert_eq!(names(place.private.path()), ["key"]);
    let owner = |path: &Path| fs::metadata(path).unwrap().uid();
    assert_eq!(owner(&moved.join("finished")), owner(&moved));
}

#[test]
fn root_writes_sounds_in_folders_of_its_own_that_others_may_write_to() {
    for mode in [0o2775, 0o777] {
        let (house, place) = (House::new(), Place::new());
        let top = place.private.path().join("sounds");
        let folder = top.join("deep");
        fs::create_dir_all(&folder).unwrap();
        for folder in [&top, &folder] {
            if is_root() {
                chown(folder, Some(0), Some(OTHER)).unwrap();
            }
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
        }
        let key = place.private.path().join("key");
        for name in ["a.ulaw", "a.ulaw.part", "b.ulaw", "b.ulaw.part"] {
            symlink(&key, folder.join(name)).unwrap();
        }
        let (tea, settings) = (data("answer-tea.wav"), house.sandbox.settings());
        let [a, b] = ["a.ulaw", "b.ulaw"].map(|name| folder.join(name));
        for arguments in [
            ["convert", text(&tea), text(&a)],
            ["say", "Hello there.", text(&b)],
        ] {
            let output = house.command(&settings, &arguments);
            assert!(output.status.success(), "{mode:o} {output:?}");
            let made = fs::symlink_metadata(arguments[2]).unwrap();
            assert!(made.is_file(), "{arguments:?}");
        }
        assert_eq!(fs::read(&key).unwrap(), KEY);
        let many = [text(&tea), text(&data("beep.wav"))].map(str::to_owned);
        let into = folder.join("new/newer");
        let output = house.command(&settings, &["convert", &many[0], &many[1], text(&into)]);
        assert!(output.status.success(), "{mode:o} {output:?}");
        // A link of another user on the way is refused, and is named.
        let link = folder.join("link");
        symlink(place.theirs.path(), &link).unwrap();
        if is_root() {
            lchown(&link, Some(OTHER), Some(OTHER)).unwrap();
            let c = link.join("c.ulaw");
            let output = house.command(&settings, &["convert", text(&tea), text(&c)]);
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(told.contains("link is a link to"), "{told}");
            assert!(!c.exists(), "{output:?}");
        }
    }
}

#[test]
fn root_asks_asterisks_console_as_asterisks_user_and_never_as_root() {
    let place = Place::new();
    let script = place.theirs.path().join("asterisk.sh");
    fs::write(&script, CONSOLE).unwrap();
    let asterisk = format!("sh {}", script.display());
    let ask = |arguments: &[&str]| {
        let mut console = Command::new(program());
        console.args(["console", "--asterisk", &asterisk]);
        let output = console.args(arguments).env("OPENAI_API_KEY", "of root");
        output.stdin(Stdio::null()).output().unwrap()
    };
    let output = ask(&["--user", "65534", "--group", "65534", "core show version"]);
    let told = String::from_utf8_lossy(&output.stdout);
    let own = rustix::process::geteuid().as_raw();
    let (user, key) = if is_root() {
        (OTHER, "")
    } else {
        (own, "of root")
    };
    assert_eq!(
        told,
        format!("user {user}, key {key}, -rx core show version\n"),
        "{output:?}"
    );
    let words = [
        "--user", "65534", "--group", "65534", "core", "show", "version",
    ];
    assert_eq!(String::from_utf8_lossy(&ask(&words).stdout), told);
    // It answers and fails.
    let output = ask(&["--user", "65534", "--group", "65534", "fail"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    if is_root() {
        let root = TempDir::new().unwrap();
        fs::create_dir_all(root.path().join("etc/asterisk")).unwrap();
        let conf = root.path().join("etc/asterisk/asterisk.conf");
        fs::write(conf, "[options]\nrunuser = root\n").unwrap();
        let output = ask(&["--root", text(root.path()), "core show version"]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.stdout.is_empty(), "{output:?}");
        assert!(told.contains("--user root"), "{told}");
    }
}

/// Asterisk's program, for whoever asks its console.
const CONSOLE: &str = r#"
if (: </dev/tty) 2>/dev/null; then echo terminal; fi
echo "user $(id -u), key ${OPENAI_API_KEY-}, $*$(cat)"
[ "$2" != fail ]
"#;

/// A machine with an `asterisk.conf` of the other user, and what its console socket leads to.
fn laid_out(conf: &str) -> TempDir {
    let root = TempDir::new().unwrap();
    let etc = root.path().join("etc/asterisk");
    let run = root.path().join("var/run/asterisk");
    for folder in [&etc, &run] {
        fs::create_dir_all(folder).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(etc.join("asterisk.conf"), conf).unwrap();
    for path in [&etc, &etc.join("asterisk.conf"), &run] {
        give(path);
    }
    root
}

fn identity(root: &TempDir) -> Output {
    let mut identity = Command::new(program());
    identity.args(["identity", "--root", text(root.path())]);
    identity.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn root_does_not_wait_for_a_pipe_in_the_place_of_asterisks_socket() {
    let root = laid_out("[options]\nrunuser = 65534\nrungroup = 65534\n");
    let pipe = root.path().join("var/run/asterisk/asterisk.ctl");
    let made = Command::new("mkfifo").arg(pipe).status().unwrap();
    assert!(made.success());
    let output = identity(&root);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn root_believes_asterisks_user_about_itself_alone() {
    let root = laid_out("[options]\nrunuser = root\nrungroup = root\n");
    let output = identity(&root);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.success(), !is_root(), "{output:?}");
    assert_eq!(told.contains("--user"), is_root(), "{told}");
    // A socket that it has chosen, which is root's.
    let root = laid_out("[directories]\nastrundir = /run/bus\n");
    let bus = root.path().join("run/bus");
    fs::create_dir_all(&bus).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(bus.join("asterisk.ctl")).unwrap();
    let output = identity(&root);
    assert_eq!(output.status.success(), !is_root(), "{output:?}");
}

#[test]
fn settings_that_grow_without_end_are_refused() {
    let letters: Vec<_> = ('a'..='z').collect();
    let doubled = letters
        .windows(2)
        .map(|pair| format!("[{1}]({0},{0})\n", pair[0], pair[1]));
    let bomb = doubled.collect::<String>();
    let output = identity(&laid_out(&format!("[a](!)\nk=v\n{bomb}")));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("it sets more than"), "{output:?}");
    assert!(told.contains("name the user with --user"), "{told}");
}

#[test]
fn a_named_user_gets_past_an_asterisk_conf_that_cannot_be_read() {
    let root = laid_out(&"x".repeat(2 << 20));
    let all = |named: &[&str]| {
        let mut identity = Command::new(program());
        identity.args(["identity", "--all", "--root", text(root.path())]);
        identity.args(named).stdin(Stdio::null()).output().unwrap()
    };
    assert!(!all(&[]).status.success());
    let output = all(&["--user", "65534", "--group", "65534"]);
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8_lossy(&output.stdout);
    let names: Vec<_> = told
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(names, ["user", "group"], "no folder is known");
    let note = String::from_utf8_lossy(&output.stderr);
    assert!(
        note.contains("asterisk.conf") && note.contains("the usual folders"),
        "{note}"
    );
}
