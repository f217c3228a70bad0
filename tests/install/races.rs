//! Whoever owns a folder changes what is in it while `install.sh` works there: what lies elsewhere stays as it is. The
//! races are run, and what they win is counted by what they change; `src/cmd/place/tests.rs` holds races open.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::links::{CONF, RUNS_AS_NOBODY, chmod, of_nobody};
use super::{Machine, PLAN};

#[test]
fn whatever_its_owner_does_in_a_folder_what_lies_elsewhere_stays_as_it_is() {
    let machine = with_strangers();
    machine.write(VICTIM, "root:hash\n");
    chmod(&machine.path(VICTIM), 0o600);
    let before = (names(&machine.path("root")), machine.metadata(VICTIM));
    let folders = [
        "etc/asterisk",
        "var/lib/asterisk/agi-bin",
        "var/lib/phone-assistant",
    ];
    race(&machine, &folders, || {}, &["--purge"]);
    let after = (names(&machine.path("root")), machine.metadata(VICTIM));
    assert_eq!(after.0, before.0);
    assert_eq!(
        (after.1.mode(), after.1.nlink()),
        (before.1.mode(), before.1.nlink())
    );
    assert_eq!(machine.read(VICTIM), b"root:hash\n");
    let holds = |(path, (_, _, _, content)): (_, (u32, i64, i64, Vec<u8>))| {
        (content == b"root:hash\n").then_some(path)
    };
    let copies: Vec<_> = machine.snapshot().into_iter().filter_map(holds).collect();
    assert_eq!(copies, [machine.path(VICTIM)]);
}

#[test]
fn as_root_a_folder_of_root_in_one_of_others_keeps_what_is_in_it() {
    let machine = Machine::really_root();
    chmod(&machine.temporary(), 0o1777);
    let mine = machine
        .temporary()
        .join("phone-assistant-install.999999999.mine");
    fs::create_dir_all(mine.join("inner")).unwrap();
    let theirs = "tools/tmp/phone-assistant-install.999999999.theirs";
    machine.write(&format!("{theirs}/keys/key"), "of root");
    machine.write("etc/asterisk/phone-assistant.d/key", "of root");
    machine.write("etc/asterisk/.phone-assistant.aB3xY9/key", "of root");
    let is_root = machine.metadata("tools/static").uid() == 0;
    if is_root {
        for folder in [theirs, "etc/asterisk"] {
            lchown(machine.path(folder), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let agi_bin = "[directories]\nastagidir => /etc/asterisk/agi\n";
        machine.write(CONF, format!("{RUNS_AS_NOBODY}{agi_bin}"));
        let agi_bin = machine.path("etc/asterisk/agi");
        fs::create_dir(&agi_bin).unwrap();
        lchown(agi_bin, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    machine.install(&["--dialplan"]).succeeds();
    assert!(!mine.exists());
    assert!(
        machine
            .path("etc/asterisk/.phone-assistant.aB3xY9/key")
            .exists()
    );
    if !is_root {
        return;
    }
    assert!(machine.path(theirs).join("keys/key").exists());
    // As the user who owns the folder can.
    let program = machine.path("etc/asterisk/agi/phone-assistant");
    fs::remove_file(&program).unwrap();
    fs::rename(machine.path("etc/asterisk/phone-assistant.d"), &program).unwrap();
    machine.run(&["--uninstall"]).succeeds().says("stays");
    assert!(program.join("key").exists());
}

#[test]
fn as_root_another_user_who_owns_the_folders_reaches_nothing() {
    let Some(machine) = of_nobody() else {
        return;
    };
    machine.write("root/sudoers.d/README", "");
    machine.write("root/google-creds.json", "{\"private_key\": \"of root\"}");
    machine.install(&["--dialplan"]).succeeds();
    for folder in [
        "etc/asterisk",
        "var/lib/asterisk",
        "var/lib/asterisk/agi-bin",
    ] {
        lchown(machine.path(folder), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    chmod(&machine.path("root"), 0o700);
    let before = names(&machine.path("root"));
    // A link in the place of the dialplan would end it early.
    let folders = ["var/lib/asterisk/agi-bin", "var/lib/asterisk"];
    race(&machine, &folders, become_nobody, &[]);
    assert_eq!(names(&machine.path("root")), before);
    assert!(
        !machine
            .path("etc/phone-assistant/google-creds.json")
            .exists()
    );
    let others: Vec<_> = [
        "root/sudoers.d/README",
        "root/google-creds.json",
        "etc/phone-assistant",
        "usr/local/bin",
    ]
    .into_iter()
    .filter(|path| machine.metadata(path).uid() != 0)
    .collect();
    assert!(others.is_empty(), "given away: {others:?}");
}

/// Installs again and again, and then does `also`, while the owner of each folder attacks there.
fn race(machine: &Machine, folders: &[&str], become_owner: fn(), also: &[&str]) {
    let is_over = &AtomicBool::new(false);
    thread::scope(|scope| {
        for folder in folders {
            scope.spawn(move || {
                become_owner();
                while !is_over.load(Ordering::Relaxed) {
                    attack(&machine.path(folder), &machine.path("root"));
                }
            });
        }
        for round in 0..ROUNDS {
            let program = super::elf(&format!("phone-assistant 0.1.{round}\n"), false);
            machine.write("tools/static", program);
            // It may be told that somebody is at work there.
            machine.install(&["--dialplan"]);
            if !also.is_empty() {
                machine.run(also);
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

/// For good, and in this thread alone.
fn become_nobody() {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    set_thread_groups(&[]).unwrap();
    set_thread_res_gid(group, group, group).unwrap();
    set_thread_res_uid(user, user, user).unwrap();
}

/// Puts links in the place of all that is ours in a folder, and in the folder's.
fn attack(folder: &Path, root: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with(".phone-assistant.")
        {
            // Somebody else may be faster.
            drop(fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)));
            drop(symlink(root.join("shadow"), &path));
        }
    }
    for name in ["google-creds.json", "extensions_custom.conf", "calls"] {
        drop(fs::remove_file(folder.join(name)));
        drop(symlink(root.join("shadow"), folder.join(name)));
    }
    let aside = folder.with_extension("aside");
    drop(fs::rename(folder, &aside));
    drop(symlink(root.join("sudoers.d"), folder));
    drop(fs::remove_file(folder));
    drop(fs::rename(&aside, folder));
}

/// A machine where others can change the folders of Asterisk, and where something lies that they must not reach.
fn with_strangers() -> Machine {
    let machine = Machine::new();
    machine.write(PLAN, "[a]\n");
    machine.write("root/sudoers.d/README", "");
    for folder in [
        "var/lib",
        "var/lib/asterisk",
        "var/lib/asterisk/agi-bin",
        "var/lib/phone-assistant",
        "etc",
        "etc/asterisk",
    ] {
        fs::create_dir_all(machine.path(folder)).unwrap();
        chmod(&machine.path(folder), 0o775);
    }
    machine
}

/// Everything below a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(names(&entry.path()));
        }
        found.push(entry.path().display().to_string());
    }
    found.sort();
    found
}

/// The user of this name on every Linux.
pub(super) const NOBODY: u32 = 65_534;

const VICTIM: &str = "root/shadow";
const ROUNDS: usize = 8;
