//! Races that are held open: between two steps, the owner of the folder does what they can do.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process;

use testkit::TempDir;

use super::change::{self, Change};
use super::wanted::MAX_DEPTH;
use super::*;
use crate::sys::error::Chain;

/// A folder that others can write to, beside one that they cannot reach, and what is to be put.
struct Scene {
    root: TempDir,
}

impl Scene {
    fn new() -> Self {
        let scene = Self {
            root: TempDir::new().expect("a temporary folder"),
        };
        for name in ["open", "closed"] {
            fs::create_dir(scene.path(name)).expect("made");
        }
        chmod(scene.root.path(), 0o755);
        chmod(&scene.path("open"), 0o777);
        scene.write("closed/victim", "victim");
        chmod(&scene.path("closed/victim"), 0o600);
        scene.write("new", "new");
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("read")
    }

    fn ground(&self) -> Ground {
        Ground::new(self.root.path().to_owned(), None).expect("nobody else")
    }

    fn wanted(&self, to: &str) -> Wanted {
        Wanted {
            mode: 0o755,
            owner: None,
            from: Some(self.path("new")),
            to: self.path(to),
            last: Last::Take,
        }
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let names = fs::read_dir(self.path(folder)).expect("a folder");
        let names = names.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<_> = names
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    fn prepared(&self, to: &[&str]) -> Vec<Change> {
        let prepare = |to: &&str| Change::prepare(&self.ground(), &self.wanted(to)).expect("ready");
        to.iter().filter_map(prepare).collect()
    }

    /// The new file that is not in its place yet.
    fn temporary(&self) -> PathBuf {
        let is_ours = |name: &String| name.starts_with(".phone-assistant.");
        let name = self.names("open").into_iter().find(is_ours).expect("one");
        self.path("open").join(name)
    }

    fn victim_is_well(&self) {
        let data = fs::metadata(self.path("closed/victim")).expect("there");
        assert_eq!((data.mode() & 0o7777, data.nlink()), (0o600, 1));
        assert_eq!(self.read("closed/victim"), "victim");
        assert_eq!(self.names("closed"), ["victim"]);
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("ours");
}

#[test]
fn what_is_put_in_a_file_s_place_before_the_rename_is_told_and_all_the_rest_taken_back() {
    let scene = Scene::new();
    scene.write("old", "old");
    let mut changes = scene.prepared(&["old", "fresh", "open/a"]);
    let temporary = scene.temporary();
    fs::remove_file(&temporary).expect("anybody may");
    symlink(scene.path("closed/victim"), &temporary).expect("anybody may");
    let raced = change::commit(&mut changes).expect_err("it is another file");
    assert!(matches!(raced, held::Error::Raced { .. }), "{raced}");
    drop(changes);
    assert_eq!(scene.read("old"), "old");
    assert_eq!(scene.names(""), ["closed", "new", "old", "open"]);
    assert!(scene.names("open").is_empty());
    scene.victim_is_well();
}

#[test]
fn a_folder_that_was_found_is_the_one_whatever_its_name_leads_to_later() {
    let scene = Scene::new();
    let mut changes = scene.prepared(&["open/a"]);
    fs::rename(scene.path("open"), scene.path("aside")).expect("moved");
    symlink(scene.path("closed"), scene.path("open")).expect("linked");
    change::commit(&mut changes).expect("put");
    drop(changes);
    assert_eq!(scene.names("aside"), ["a"]);
    scene.victim_is_well();
}

#[test]
fn a_link_in_the_place_itself_is_replaced_whenever_it_gets_there() {
    let scene = Scene::new();
    for is_early in [true, false] {
        let link = || symlink(scene.path("closed/victim"), scene.path("open/a")).expect("linked");
        if is_early {
            link();
        }
        let mut changes = scene.prepared(&["open/a"]);
        if !is_early {
            link();
        }
        change::commit(&mut changes).expect("put");
        drop(changes);
        assert_eq!(scene.read("open/a"), "new");
        assert_eq!(scene.names("open"), ["a"]);
        scene.victim_is_well();
        fs::remove_file(scene.path("open/a")).expect("ours");
    }
}

#[test]
fn links_are_followed_only_where_nobody_else_can_have_made_them() {
    let scene = Scene::new();
    symlink("closed", scene.path("ours")).expect("linked");
    symlink(scene.path("closed"), scene.path("open/theirs")).expect("linked");
    let ground = scene.ground();
    let read = |path: &str| ground.read(&scene.path(path), Reader::Keeper, true);
    for path in ["ours/victim", "open/../ours/./victim"] {
        let found = read(path).expect("it leads there");
        assert_eq!((&*found.bytes, found.mode), (&b"victim"[..], 0o600));
    }
    for path in ["open/theirs/victim", "open/theirs"] {
        let refused = read(path).expect_err("anybody can have made it");
        assert!(refused.to_string().contains("is not followed"), "{refused}");
    }
    symlink("loop", scene.path("loop")).expect("linked");
    assert!(read("loop").is_err() && read("loop/x").is_err());
    assert!(read("nowhere").expect_err("there is none").is_absence());
}

#[test]
fn what_is_no_text_of_a_common_size_is_not_read() {
    let scene = Scene::new();
    scene.write("zero", "a\0b");
    let huge = File::create(scene.path("huge")).expect("made");
    huge.set_len(1 << 42).expect("it takes no room");
    let made = process::Command::new("mkfifo")
        .arg(scene.path("pipe"))
        .status();
    assert!(made.expect("POSIX has it").success());
    for name in ["zero", "huge", "pipe", "open", "/dev/null"] {
        let read = scene.ground().read(&scene.path(name), Reader::Keeper, true);
        assert!(!read.expect_err(name).is_absence(), "{name}");
    }
}

#[test]
fn the_rights_of_a_file_are_those_at_its_reading_and_never_those_of_another_user() {
    let scene = Scene::new();
    scene.write("old", "old");
    chmod(&scene.path("old"), 0o6754);
    let ground = scene.ground();
    let found = ground.read(&scene.path("old"), Reader::Keeper, true);
    let found = found.expect("ours");
    // Whatever is in its place by now.
    chmod(&scene.path("old"), 0o666);
    let wanted = Wanted {
        mode: found.mode,
        ..scene.wanted("old")
    };
    let told = ground.files(&[wanted]).expect("put");
    assert_eq!(
        told,
        [format!("installed  {}", scene.path("old").display())]
    );
    let data = fs::metadata(scene.path("old")).expect("there");
    assert_eq!(data.mode() & 0o7777, 0o754);
    assert_eq!(found.owner, (data.uid(), data.gid()));
}

#[test]
fn as_root_what_a_guest_can_exchange_is_read_with_the_rights_of_the_guest() {
    let scene = Scene::new();
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let ground = Ground::new(scene.root.path().to_owned(), Some(NOBODY)).expect("a user");
    for folder in ["theirs", "shared"] {
        fs::create_dir(scene.path(folder)).expect("made");
    }
    let owner = ground.guest.as_ref().expect("named").uid;
    std::os::unix::fs::chown(scene.path("theirs"), Some(owner), None).expect("given");
    chmod(&scene.path("shared"), 0o775);
    for folder in ["theirs", "shared", "open"] {
        let path = scene.path(folder).join("moved");
        fs::write(&path, "of root").expect("written");
        let read = || ground.read(&path, Reader::Keeper, true);
        assert_eq!(read().expect("readable to all").bytes, b"of root");
        chmod(&path, 0o600);
        let refused = read().expect_err(folder);
        assert!(matches!(refused, Error::Private { .. }), "{refused}");
    }
    let ours = ground.read(&scene.path("closed/victim"), Reader::Keeper, true);
    assert_eq!(ours.expect("root's alone").bytes, b"victim");
}

#[test]
fn as_root_another_user_s_file_in_a_folder_like_tmp_is_a_stranger_s() {
    let scene = Scene::new();
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let ground = Ground::new(scene.root.path().to_owned(), Some(NOBODY)).expect("a user");
    chmod(&scene.path("open"), 0o1777);
    let guest = ground.guest.as_ref().expect("named").uid;
    for (name, owner, is_read) in [
        ("root", 0, true),
        ("guest", guest, true),
        ("other", 54_321, false),
    ] {
        scene.write(&format!("open/{name}"), name);
        let path = scene.path("open").join(name);
        std::os::unix::fs::chown(&path, Some(owner), None).expect("given");
        match ground.read(&path, Reader::Keeper, true) {
            Ok(found) => assert!(is_read && found.bytes == name.as_bytes(), "{name}"),
            Err(error) => assert!(
                !is_read && matches!(error, Error::Held(held::Error::Stranger { .. })),
                "{name}: {error}"
            ),
        }
    }
}

#[test]
fn sounds_are_looked_for_with_the_rights_of_the_guest() {
    let scene = Scene::new();
    let is_root = rustix::process::geteuid().is_root();
    scene.write("closed/beep.gsm", "");
    scene.write("open/hello.gsm", "");
    chmod(&scene.path("closed"), 0o700);
    symlink(scene.path("closed"), scene.path("open/en")).expect("linked");
    let guest = is_root.then_some(NOBODY);
    let ground = Ground::new(scene.root.path().to_owned(), guest).expect("a user");
    let names = ["beep", "hello", "goodbye"].map(str::to_owned);
    let missing = ground.missing_sounds(&scene.path("open"), &names);
    let missing = missing.expect("it may").join(" ");
    assert_eq!(missing, if is_root { "beep goodbye" } else { "goodbye" });
    let none = ground.missing_sounds(&scene.path("nowhere"), &names);
    assert!(none.expect("it may").is_empty(), "there is no such folder");
}

#[test]
fn only_a_folder_of_the_guest_is_one() {
    let scene = Scene::new();
    let is_root = rustix::process::geteuid().is_root();
    let ground = Ground::new(scene.root.path().to_owned(), is_root.then_some(NOBODY));
    let ground = ground.expect("a user");
    fs::create_dir(scene.path("theirs")).expect("made");
    if is_root {
        let owner = ground.guest.as_ref().expect("named").uid;
        std::os::unix::fs::chown(scene.path("theirs"), Some(owner), None).expect("given");
    }
    symlink("theirs", scene.path("link")).expect("linked");
    for (path, is_theirs) in [
        ("theirs", true),
        ("link", true),
        ("theirs/../closed", !is_root),
        ("closed", !is_root),
        ("nowhere", false),
        ("closed/victim", false),
    ] {
        let found = ground.expect_guests(&scene.path(path));
        assert_eq!(found.is_ok(), is_theirs, "{path}: {found:?}");
    }
    let nobody = scene.ground().expect_guests(&scene.path("closed"));
    assert_eq!(nobody.is_ok(), !is_root, "root is no guest");
}

#[test]
fn numbered_files_go_with_the_one_that_they_are_called_after() {
    let scene = Scene::new();
    let names = ["log", "log.1", "log.22.gz", "log-20261201.gz"];
    let kept = ["log-old", "log.", "log.gz", "log1", "other.1"];
    for name in names.iter().chain(&kept) {
        scene.write(&format!("closed/{name}"), "");
    }
    let log = [scene.path("closed/log")];
    let told = scene.ground().trees(&log, true).expect("gone");
    assert!(
        told.len() == 2 && told[1].ends_with("log[.-]* (3)"),
        "{told:?}"
    );
    let mut left = kept.to_vec();
    left.push("victim");
    assert_eq!(scene.names("closed"), left);
    assert!(scene.ground().trees(&log, true).expect("none").is_empty());
}

#[test]
fn files_with_a_number_before_the_extension_go_too() {
    let scene = Scene::new();
    let names = ["calls-20261201.jsonl.gz", "calls.2.jsonl"];
    let kept = ["calls-2.txt", "calls-shop.jsonl", "calls2.jsonl"];
    for name in names.iter().chain(&kept) {
        scene.write(&format!("closed/{name}"), "");
    }
    let log = [scene.path("closed/calls.jsonl")];
    scene.ground().trees(&log, true).expect("gone");
    let mut left = kept.to_vec();
    left.push("victim");
    assert_eq!(scene.names("closed"), left);
}

#[test]
fn what_killed_processes_have_left_goes_and_what_others_work_on_stays() {
    let scene = Scene::new();
    // It has ended, and its parent does not know.
    let mut ended = process::Command::new("true")
        .stdout(process::Stdio::piped())
        .spawn()
        .expect("started");
    let mut output = ended.stdout.take().expect("a pipe");
    output.read_to_end(&mut Vec::new()).expect("it ends");
    let stat = format!("/proc/{}/stat", ended.id());
    while !fs::read_to_string(&stat).expect("a zombie").contains(") Z") {
        std::thread::yield_now();
    }
    let name = |process: u32, random: &str| format!("open/.phone-assistant.{process}.{random}");
    let left = name(ended.id(), "0123456789abcdef");
    let kept = [
        name(process::id(), "0123456789abcdef"),
        name(ended.id(), "0123"),
        name(0, "0123456789abcdef"),
    ];
    for file in kept.iter().chain([&left]) {
        scene.write(file, "");
    }
    fs::create_dir(scene.path(&name(ended.id(), "fedcba9876543210"))).expect("made");
    fs::create_dir(scene.path("open/.phone-assistant.aB3xY9")).expect("made");
    scene.write("open/.phone-assistant.aB3xY9/file", "");
    scene
        .ground()
        .files(&[scene.wanted("open/a")])
        .expect("put");
    assert!(!scene.path(&left).exists());
    assert!(kept.iter().all(|file| scene.path(file).exists()));
    // A folder of that name may hold what belongs to others.
    assert!(scene.path("open/.phone-assistant.aB3xY9/file").exists());
    assert_eq!(scene.names("open").len(), 6);
    ended.wait().expect("ended");
}

#[test]
fn a_tree_goes_without_what_its_links_lead_to() {
    let scene = Scene::new();
    fs::create_dir_all(scene.path("tree/inner")).expect("made");
    symlink(scene.path("closed"), scene.path("tree/inner/link")).expect("linked");
    scene.write("tree/file", "");
    let paths = ["tree", "tree", "nowhere/x"].map(|path| scene.path(path));
    let told = scene.ground().trees(&paths, false).expect("gone");
    assert_eq!(told.len(), 1);
    assert_eq!(scene.names(""), ["closed", "new", "open"]);
    scene.victim_is_well();
    let deep = scene.root.path().join("d/".repeat(MAX_DEPTH + 2));
    fs::create_dir_all(deep).expect("made");
    let refused = scene.ground().trees(&[scene.path("d")], false);
    assert!(matches!(refused, Err(Error::TooDeep { .. })), "{refused:?}");
}

#[test]
fn as_root_a_folder_of_root_that_another_user_has_renamed_keeps_what_is_in_it() {
    let scene = Scene::new();
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let ground = Ground::new(scene.root.path().to_owned(), Some(NOBODY)).expect("a user");
    fs::create_dir_all(scene.path("theirs/data/inner")).expect("made");
    scene.write("theirs/data/inner/file", "");
    for path in ["theirs", "theirs/data", "theirs/data/inner"] {
        let owner = ground.guest.as_ref().expect("named").uid;
        std::os::unix::fs::chown(scene.path(path), Some(owner), None).expect("given");
    }
    // Neither below the name of ours, nor beside what is put, nor deep in a folder of theirs, nor in one open to all.
    let renamed = [
        "theirs/phone-assistant",
        "theirs/.phone-assistant.aB3xY9",
        "theirs/data/inner/keys",
        "open/phone-assistant",
    ];
    for path in renamed {
        fs::create_dir(scene.path(path)).expect("made");
        scene.write(&format!("{path}/key"), "of root");
        chmod(&scene.path(path), 0o700);
    }
    ground.files(&[scene.wanted("theirs/a")]).expect("put");
    for path in [
        "theirs/phone-assistant",
        "theirs/data",
        "open/phone-assistant",
    ] {
        let refused = ground.trees(&[scene.path(path)], false).expect_err(path);
        assert!(Chain(&refused).to_string().contains(path), "{refused}");
        let alone = scene.ground().trees(&[scene.path(path)], false);
        alone.expect_err("with the rights of nobody else");
    }
    for path in renamed {
        assert_eq!(scene.read(&format!("{path}/key")), "of root");
    }
    // What holds nothing of others goes, in a folder of root as well.
    fs::remove_dir_all(scene.path("theirs/data/inner/keys")).expect("ours");
    scene.write("theirs/data/inner/file", "");
    fs::rename(scene.path("theirs/data"), scene.path("closed/data")).expect("ours");
    ground
        .trees(&[scene.path("closed/data")], false)
        .expect("gone");
    scene.victim_is_well();
}

#[test]
fn folders_get_their_modes_and_no_link_is_taken_for_one() {
    let scene = Scene::new();
    let wanted = |path: &str| WantedFolder {
        mode: 0o700,
        owner: None,
        path: scene.path(path),
    };
    chmod(&scene.path("closed"), 0o755);
    scene
        .ground()
        .folders(&[wanted("closed"), wanted("closed/b/c")])
        .expect("made");
    for (path, mode) in [
        ("closed", 0o700),
        ("closed/b", 0o755),
        ("closed/b/c", 0o700),
    ] {
        assert_eq!(
            fs::metadata(scene.path(path)).expect("there").mode() & 0o777,
            mode,
            "{path}"
        );
    }
    fs::remove_dir_all(scene.path("closed/b")).expect("ours");
    symlink(scene.path("closed"), scene.path("open/link")).expect("linked");
    assert!(scene.ground().folders(&[wanted("open/link")]).is_err());
    assert!(scene.ground().folders(&[wanted("open/link/d")]).is_err());
    scene.victim_is_well();
}

#[test]
fn a_folder_behind_a_link_that_only_we_can_have_made_is_the_one_that_is_meant() {
    let scene = Scene::new();
    symlink(scene.path("far"), scene.path("data")).expect("linked");
    let wanted = |path: &str| WantedFolder {
        mode: 0o700,
        owner: None,
        path: scene.path(path),
    };
    let folders = [wanted("data"), wanted("data/calls")];
    scene.ground().folders(&folders).expect("made");
    scene.ground().folders(&folders).expect("as they are");
    for path in ["far", "far/calls"] {
        let data = fs::symlink_metadata(scene.path(path)).expect(path);
        assert_eq!(data.mode() & 0o170_777, 0o040_700, "{path}");
    }
    symlink(scene.path("closed"), scene.path("open/link")).expect("linked");
    assert!(scene.ground().folders(&[wanted("open/link")]).is_err());
    scene.victim_is_well();
}

#[test]
fn nothing_is_made_in_order_to_take_something_away() {
    let scene = Scene::new();
    let removal = |path: &str| Wanted {
        from: None,
        ..scene.wanted(path)
    };
    let told = scene.ground().files(&[removal("a/b/c"), removal("open/c")]);
    assert_eq!(told.expect("there is nothing"), [""; 0]);
    assert_eq!(scene.names(""), ["closed", "new", "open"]);
    let told = scene.ground().files(&[removal("new")]);
    assert_eq!(told.expect("removed").len(), 1);
    assert_eq!(scene.names(""), ["closed", "open"]);
}

#[test]
fn nothing_outside_of_the_root_is_touched() {
    let scene = Scene::new();
    let ground = Ground::new(scene.path("open"), None).expect("nobody else");
    assert!(ground.files(&[scene.wanted("closed/a")]).is_err());
    let up = ground.read(&scene.path("open/../closed/victim"), Reader::Keeper, true);
    assert!(up.expect_err("it is above").is_absence());
    scene.victim_is_well();
}

/// The user of this number on every Linux.
const NOBODY: &str = "65534";

#[test]
fn files_that_belong_together_are_written_both_or_neither() {
    let scene = Scene::new();
    let [account, settings] = ["closed/account", "closed/settings"].map(|name| scene.path(name));
    for name in ["closed/account", "closed/settings"] {
        scene.write(name, "before");
    }
    let (ground, owner) = (scene.ground(), None);
    let write = |second: &Path| {
        let account: (PathBuf, Owner, &[u8]) = (account.clone(), owner, b"after");
        ground.write(&[account, (second.to_owned(), owner, b"after")])
    };
    // In the place of the second is a folder, or nothing that could hold it.
    for second in [scene.path("open"), scene.path("closed/none/settings")] {
        let error = write(&second).expect_err("it cannot be written");
        assert!(!Chain(&error).to_string().is_empty());
        assert_eq!(scene.read("closed/account"), "before");
    }
    write(&settings).expect("both");
    assert_eq!(scene.read("closed/account"), "after");
    assert_eq!(scene.read("closed/settings"), "after");
    assert_eq!(
        scene.names("closed"),
        ["account", "settings", "victim"],
        "nothing is left beside them"
    );
}
