//! What root does in the folders of another user, who may put a link there at any moment. As an ordinary user the same
//! commands are run on folders of one's own, where links lead no further than that user may go.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use testkit::{Settings, TempDir};

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

fn run(settings: &Settings, house: &House, arguments: &[&str]) -> Output {
    let config = settings.write(house.other());
    Command::new(program())
        .args(arguments)
        .arg("--config")
        .arg(config)
        .env_remove("PHONE_ASSISTANT_CONFIG")
        .stdin(Stdio::null())
        .output()
        .unwrap()
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
        assert_refused(&place, &link, &run(&settings, &house, arguments));
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
            run(&settings, &house, &["forget", "200"]).status.code(),
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
            .map(|_| run(&settings, &house, &["forget", "200"]))
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
        let convert = run(&settings, &house, &["convert", text(&tea), text(&output)]);
        let spoken = folder.join(format!("say-{name}"));
        let say = run(&settings, &house, &["say", "Hello there.", text(&spoken)]);
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
    let output = run(
        &settings,
        &house,
        &["convert", &both[0], &both[1], text(&into)],
    );
    assert_refused(&place, &link, &output);
}

#[test]
fn root_reads_no_log_of_calls_behind_a_link() {
    let (house, place) = (House::new(), Place::new());
    let log = place.link("log").join("key");
    let output = run(&house.sandbox.settings(), &house, &["calls", text(&log)]);
    assert_refused(&place, &place.theirs.path().join("log"), &output);
    let folder = place.folder("real");
    let line = r#"{"time":"2026-11-25T03:18:00.250Z","id":"1.2","status":"ANSWERED"}"#;
    fs::write(folder.join("calls.jsonl"), format!("{line}\n")).unwrap();
    let log = folder.join("calls.jsonl");
    let output = run(&house.sandbox.settings(), &house, &["calls", text(&log)]);
    assert!(output.status.success(), "{output:?}");
}
