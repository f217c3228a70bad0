//! The folders of Asterisk may belong to the user it runs as, and root runs `install.sh`: links and files that were
//! planted there, also in the middle of a run, hand nothing over and change nothing elsewhere. What needs another
//! owner runs as root only, and its name says so.
//! <https://docs.kernel.org/admin-guide/sysctl/fs.html#protected-symlinks>

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::Path;
use std::process::Command;

use super::races::NOBODY;
use super::{EXAMPLE, Machine, PLAN};

#[test]
fn a_link_that_only_root_can_have_made_stays_and_its_file_is_changed() {
    let machine = with_linked_plan();
    machine.install(&["--dialplan"]).succeeds();
    assert!(is_link(&machine.path(PLAN)) && is_link(&machine.path(NEXT)));
    let text = String::from_utf8(machine.read(FAR)).unwrap();
    assert!(text.starts_with("[a]\n") && text.contains(EXAMPLE));
    machine.run(&["--uninstall"]).succeeds();
    assert_eq!(machine.read(FAR), b"[a]\n");
}

#[test]
fn data_is_kept_where_a_link_of_the_administrator_leads() {
    let machine = Machine::new();
    for folder in ["var/lib", "srv"] {
        fs::create_dir_all(machine.path(folder)).unwrap();
    }
    for folder in ["", "var", "var/lib", "srv"] {
        chmod(&machine.path(folder), 0o755);
    }
    let data = machine.path("var/lib/phone-assistant");
    symlink(machine.path("srv/pa"), &data).unwrap();
    machine.install(&[]).succeeds();
    machine.install(&[]).succeeds();
    assert!(is_link(&data));
    assert_eq!(machine.metadata("srv/pa/calls").mode() & 0o777, 0o700);
    machine
        .run(&["--purge"])
        .succeeds()
        .says("what is there stays");
    assert!(!data.exists() && machine.path("srv/pa/calls").exists());
}

#[test]
fn a_link_that_others_could_have_made_is_refused_with_the_way_out() {
    for (folder, mode) in [
        ("etc/asterisk", 0o775),
        ("etc/asterisk", 0o757),
        ("etc", 0o775),
        ("srv/pbx", 0o775),
    ] {
        let machine = with_linked_plan();
        chmod(&machine.path(folder), mode);
        refuses_the_link(&machine);
    }
}

#[test]
fn as_root_a_link_or_a_folder_of_somebody_else_is_refused() {
    for path in [PLAN, NEXT, "etc/asterisk", "srv"] {
        let machine = with_linked_plan();
        if !is_root(&machine) {
            return;
        }
        lchown(machine.path(path), Some(STRANGER), Some(STRANGER)).unwrap();
        refuses_the_link(&machine);
    }
}

#[test]
fn a_link_to_itself_is_refused() {
    let machine = with_linked_plan();
    fs::remove_file(machine.path(NEXT)).unwrap();
    symlink("next.conf", machine.path(NEXT)).unwrap();
    machine.install(&["--dialplan"]).fails(1).says("is a link");
}

#[test]
fn the_plan_and_its_backup_have_the_owner_and_mode_of_the_original() {
    let machine = Machine::new();
    machine.write(PLAN, "[a]\n");
    chmod(&machine.path(PLAN), 0o604);
    if is_root(&machine) {
        lchown(machine.path(PLAN), Some(STRANGER), Some(STRANGER)).unwrap();
    }
    let before = machine.metadata(PLAN);
    machine.install(&["--dialplan"]).succeeds();
    for path in [PLAN, &format!("{PLAN}.before-phone-assistant")] {
        let after = machine.metadata(path);
        assert_eq!(
            (after.uid(), after.gid(), after.mode()),
            (before.uid(), before.gid(), before.mode()),
            "{path}"
        );
    }
}

#[test]
fn a_key_is_not_taken_from_behind_a_link() {
    let machine = Machine::new();
    machine.write(SECRET, KEY);
    machine.write("var/lib/asterisk/agi-bin/x", "");
    symlink(machine.path(SECRET), machine.path(OLD_KEY)).unwrap();
    machine.install(&[]).succeeds().says("was not taken");
    assert!(!machine.path(NEW_KEY).exists());
}

#[test]
fn what_was_put_is_known_by_hashes_alone_wherever_their_file_leads() {
    for leads_elsewhere in [true, false] {
        let machine = Machine::new();
        let hash = format!("{:064x}  -\n", 7);
        machine.write(SECRET, format!("root:secret:1\n{hash}x{hash}"));
        machine.write("etc/phone-assistant/x", "");
        let placed = machine.path("etc/phone-assistant/installed");
        if leads_elsewhere {
            symlink(machine.path(SECRET), &placed).unwrap();
        } else {
            let made = Command::new("mkfifo").arg(&placed).status().unwrap();
            assert!(made.success());
        }
        machine.install(&[]).succeeds();
        let lines = String::from_utf8(machine.read("etc/phone-assistant/installed")).unwrap();
        let hashes = lines.strip_suffix("sources /usr/local/bin/phone-assistant\n");
        let is_hash = |line: &str| line.len() == 67 && line.ends_with("  -");
        assert!(
            hashes.is_some_and(|hashes| hashes.lines().all(is_hash)) && !lines.contains("root"),
            "{lines}"
        );
        assert!(!is_link(&placed));
    }
}

#[test]
fn as_root_a_key_of_neither_root_nor_asterisk_is_not_taken() {
    let machine = Machine::new();
    machine.write(OLD_KEY, KEY);
    if !is_root(&machine) {
        return;
    }
    lchown(machine.path(OLD_KEY), Some(STRANGER), Some(STRANGER)).unwrap();
    machine.install(&[]).succeeds().says("was not taken");
    assert!(!machine.path(NEW_KEY).exists());
}

#[test]
fn a_link_in_the_programs_place_is_replaced_and_what_it_leads_to_left_alone() {
    let machine = Machine::new();
    machine.install(&[]).succeeds();
    let program = machine.read(PROGRAM);
    machine.write(SECRET, &program);
    chmod(&machine.path(SECRET), 0o600);
    fs::create_dir(machine.path("root/folder")).unwrap();
    for target in [SECRET, "root/folder", "nowhere"] {
        fs::remove_file(machine.path(PROGRAM)).unwrap();
        symlink(machine.path(target), machine.path(PROGRAM)).unwrap();
        machine.install(&[]).succeeds();
        assert!(!is_link(&machine.path(PROGRAM)), "{target}");
        assert_eq!(machine.read(PROGRAM), program);
    }
    assert_eq!(machine.metadata(SECRET).mode() & 0o777, 0o600);
    assert_eq!(
        fs::read_dir(machine.path("root/folder")).unwrap().count(),
        0
    );
}

#[test]
fn a_program_with_a_wrong_mode_is_replaced_by_a_rename() {
    let machine = Machine::new();
    machine.install(&[]).succeeds();
    chmod(&machine.path(PROGRAM), 0o775);
    let inode = machine.metadata(PROGRAM).ino();
    machine.install(&[]).succeeds();
    let now = machine.metadata(PROGRAM);
    assert_eq!(now.mode() & 0o777, 0o755);
    assert_ne!(now.ino(), inode);
}

#[test]
fn a_folder_in_the_programs_place_is_told_also_where_mv_has_no_option_for_it() {
    for knows in ["", "case $1 in *T*) exit 64 ;; esac"] {
        let machine = Machine::new();
        machine.wrap("mv", knows, "");
        machine.install(&[]).succeeds();
        fs::remove_file(machine.path(PROGRAM)).unwrap();
        fs::create_dir(machine.path(PROGRAM)).unwrap();
        machine
            .install(&[])
            .fails(1)
            .says("a file belongs at")
            .says(PROGRAM);
        assert_eq!(fs::read_dir(machine.path(PROGRAM)).unwrap().count(), 0);
    }
}

#[test]
fn a_key_behind_a_linked_folder_stays_there_and_so_does_the_program() {
    let machine = Machine::new();
    machine.write("root/private/google-creds.json", KEY);
    chmod(&machine.path("root/private"), 0o700);
    machine.write("var/lib/asterisk/x", "");
    symlink(
        machine.path("root/private"),
        machine.path("var/lib/asterisk/agi-bin"),
    )
    .unwrap();
    // Others can have made the link.
    chmod(&machine.path("var/lib/asterisk"), 0o775);
    let refused = machine.install(&[]);
    refused.fails(1).says("is not followed");
    assert!(!machine.path(NEW_KEY).exists());
    let names = fs::read_dir(machine.path("root/private")).unwrap();
    assert_eq!(names.count(), 1, "the program was put there");
}

#[test]
fn a_key_that_asterisks_user_cannot_read_is_not_taken() {
    let machine = Machine::new();
    machine.write(OLD_KEY, KEY);
    chmod(&machine.path(OLD_KEY), 0);
    if is_root(&machine) {
        return;
    }
    machine.install(&[]).succeeds().says("was not taken");
    assert!(!machine.path(NEW_KEY).exists());
}

#[test]
fn as_root_a_key_and_a_folder_that_only_root_may_read_are_left_alone() {
    let Some(machine) = of_nobody() else {
        return;
    };
    machine.write(OLD_KEY, KEY);
    chmod(&machine.path(OLD_KEY), 0o600);
    machine.install(&[]).succeeds().says("was not taken");
    assert!(!machine.path(NEW_KEY).exists());
    chmod(&machine.path(OLD_KEY), 0o644);
    let agi_bin = format!("{RUNS_AS_NOBODY}[directories]\nastagidir => /root/private\n");
    machine.write("root/private/google-creds.json", KEY);
    chmod(&machine.path("root/private"), 0o700);
    machine.write(CONF, agi_bin);
    // The file is its user's.
    lchown(machine.path("etc/asterisk"), Some(NOBODY), None).unwrap();
    machine.install(&[]).fails(1).says("--agi-bin");
    machine
        .install(&["--agi-bin", "/root/private"])
        .fails(1)
        .says("may not enter the folder of");
    assert!(!machine.path(NEW_KEY).exists());
    assert!(!machine.path("root/private/phone-assistant").exists());
}

#[test]
fn as_root_a_staging_folder_may_be_closed_to_asterisks_user() {
    let Some(machine) = of_nobody() else {
        return;
    };
    chmod(&machine.path(""), 0o700);
    for _ in 0..2 {
        machine.install(&["--watch"]).succeeds();
    }
    assert!(!machine.path(NEW_KEY).exists());
    machine.run(&["--purge"]).succeeds();
}

#[test]
fn as_root_a_folder_of_root_is_not_given_to_asterisks_user_by_its_name() {
    let Some(machine) = of_nobody() else {
        return;
    };
    machine.install(&[]).succeeds();
    let (calls, mine) = (
        machine.path("var/lib/phone-assistant/calls"),
        machine.metadata("var/lib/phone-assistant"),
    );
    assert_eq!(
        machine.metadata("var/lib/phone-assistant/calls").uid(),
        mine.uid()
    );
    assert_ne!(mine.uid(), 0);
    // Whoever owns a folder can rename what root keeps in it.
    fs::remove_dir(&calls).unwrap();
    machine.write("var/lib/phone-assistant/roots/secret", KEY);
    chmod(&machine.path("var/lib/phone-assistant/roots"), 0o700);
    fs::rename(machine.path("var/lib/phone-assistant/roots"), &calls).unwrap();
    machine.install(&[]).fails(1).says("phone-assistant/calls");
    assert_eq!(machine.metadata("var/lib/phone-assistant/calls").uid(), 0);
}

#[test]
fn as_root_everything_goes_where_asterisks_user_has_gone_first() {
    for action in ["--uninstall", "--purge"] {
        let Some(machine) = of_nobody() else {
            return;
        };
        machine.write(PLAN, "[a]\n");
        machine.install(&["--dialplan"]).succeeds();
        // As "userdel" leaves it: the folders stay with a number.
        machine.write(CONF, "[options]\nrunuser = -u\n");
        let places = ["etc/asterisk", PLAN, "var/lib/phone-assistant"];
        let data = ["calls", "state", "sounds", "callers", "messages"]
            .map(|name| format!("var/lib/phone-assistant/{name}"));
        for path in places.into_iter().chain(data.iter().map(String::as_str)) {
            lchown(machine.path(path), Some(STRANGER), Some(STRANGER)).unwrap();
        }
        machine.run(&[action]).succeeds();
        assert_eq!(machine.plan(), "[a]\n");
        assert_eq!(machine.metadata(PLAN).uid(), STRANGER);
        assert!(!machine.path(PROGRAM).exists());
        let is_kept = action == "--uninstall";
        assert_eq!(machine.path("var/lib/phone-assistant").exists(), is_kept);
    }
}

#[test]
fn as_root_everything_goes_where_asterisks_folder_has_gone_too() {
    let Some(machine) = of_nobody() else {
        return;
    };
    machine.install(&[]).succeeds();
    fs::remove_dir_all(machine.path("etc/asterisk")).unwrap();
    // Whom Asterisk runs as is not clear, as without its user.
    machine.write(
        "etc/systemd/system/asterisk.service",
        "[Service]\nUser=-u\n",
    );
    machine.run(&["--purge"]).succeeds();
    assert!(!machine.path("var/lib/phone-assistant").exists());
    assert!(!machine.path(PROGRAM).exists());
}

/// A machine whose Asterisk runs as another user, where whoever runs the tests is root.
pub(super) fn of_nobody() -> Option<Machine> {
    let machine = Machine::really_root();
    machine.write(CONF, RUNS_AS_NOBODY);
    is_root(&machine).then_some(machine)
}

/// `extensions_custom.conf` leads to `srv/pbx/next.conf`, and that to `etc/far.conf`; nobody else can write there.
fn with_linked_plan() -> Machine {
    let machine = Machine::new();
    machine.write(FAR, "[a]\n");
    for folder in ["etc/asterisk", "srv/pbx"] {
        fs::create_dir_all(machine.path(folder)).unwrap();
    }
    for folder in ["", "etc", "etc/asterisk", "srv", "srv/pbx"] {
        chmod(&machine.path(folder), 0o755);
    }
    symlink(machine.path(NEXT), machine.path(PLAN)).unwrap();
    symlink("../../etc/far.conf", machine.path(NEXT)).unwrap();
    machine.write(
        "usr/local/bin/phone-assistant",
        machine.read("tools/static"),
    );
    chmod(&machine.path("usr/local/bin/phone-assistant"), 0o755);
    machine
}

fn refuses_the_link(machine: &Machine) {
    let before = machine.snapshot();
    for action in ["--dialplan", "--uninstall"] {
        let arguments: &[&str] = &[action];
        let outcome = match action {
            "--uninstall" => machine.run(arguments),
            _ => machine.install(arguments),
        };
        outcome
            .fails(1)
            .says("is not followed")
            .says("put the file itself in its place");
    }
    assert_eq!(machine.snapshot(), before);
}

pub(super) fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).unwrap().is_symlink()
}

fn is_root(machine: &Machine) -> bool {
    machine.metadata("tools/static").uid() == 0
}

pub(super) const CONF: &str = "etc/asterisk/asterisk.conf";
pub(super) const RUNS_AS_NOBODY: &str = "[options]\nrunuser = nobody\n";

const NEXT: &str = "srv/pbx/next.conf";
const FAR: &str = "etc/far.conf";
const SECRET: &str = "root/secret";
const OLD_KEY: &str = "var/lib/asterisk/agi-bin/google-creds.json";
const NEW_KEY: &str = "etc/phone-assistant/google-creds.json";
const PROGRAM: &str = "var/lib/asterisk/agi-bin/phone-assistant";
const KEY: &str = "{\"private_key\": \"-----BEGIN\"}";

/// A user and a group that no machine has.
const STRANGER: u32 = 54_321;
