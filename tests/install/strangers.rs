//! What others have written where `install.sh` reads: it shows nothing that a terminal would obey, believes no name that
//! nobody has, keeps to its own lines in FreePBX's file, and notices that there is no room before it changes anything.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown, symlink};
use std::process::{Command, Stdio};

use testkit::TempDir;

use super::links::{CONF, RUNS_AS_NOBODY, of_nobody};
use super::races::NOBODY;
use super::{Machine, Outcomes, PLAN};
use crate::house::program;

#[test]
fn lines_of_others_are_shown_harmless() {
    let odd = "\u{1b}[2J \u{202e} \u{2028} \u{200b} \u{9b}31m";
    let machine = Machine::new();
    let text = format!("[custom-openai]\nexten => 8008,1,NoOp({odd})\n same => n,Echo()\n");
    machine.write(PLAN, &text);
    let stopped = machine.install(&["--dialplan"]);
    stopped.fails(1).says("NoOp(?[2J").says("same => n,Echo()");
    // U+FFFD stands for what a terminal would obey or hide.
    let strange = |c: char| !"\n\u{fffd}".contains(c) && !(' '..='~').contains(&c);
    assert_eq!(stopped.text().matches(strange).collect::<String>(), "");
    // Also where it comes from asterisk.conf.
    machine.write(
        "etc/asterisk/asterisk.conf",
        format!("[directories]\nastagidir => /opt/{odd}\n"),
    );
    let done = machine.install(&[]);
    assert_eq!(done.text().matches(strange).collect::<String>(), "");
}

#[test]
fn a_user_or_group_that_nobody_is_stops_it_before_anything_is_changed() {
    for conf in [
        "runuser = -u",
        "rungroup = -g",
        "runuser = pbx\nrungroup = a b",
    ] {
        let machine = Machine::as_root();
        machine.write("etc/asterisk/asterisk.conf", format!("[options]\n{conf}\n"));
        let before = machine.snapshot();
        machine.install(&["--dialplan"]).fails(1);
        assert_eq!(machine.snapshot(), before, "{conf}");
    }
}

#[test]
fn the_user_and_group_that_are_named_are_the_ones() {
    let machine = Machine::as_root();
    machine.write("etc/asterisk/asterisk.conf", "[options]\nrunuser = pbx\n");
    machine
        .install(&["--user", "other", "--group", "phones"])
        .succeeds();
    let owners = String::from_utf8(machine.read("tools/owners")).unwrap();
    assert!(
        owners.contains("other:phones ") && !owners.contains("pbx"),
        "{owners}"
    );
    machine
        .install(&["--user"])
        .fails(64)
        .says("--user wants a value");
}

#[test]
fn a_tool_that_does_not_tell_that_the_disk_is_full_is_noticed_before_anything_is_changed() {
    // A file gets the beginning of what is written, and a pipe everything.
    let cut = |real: &str| {
        format!(
            "if [ -f /proc/self/fd/1 ]; then {real} \"$@\" >\"$TOOLS/whole\"; head -c 200 \"$TOOLS/whole\"; \
             else exec {real} \"$@\"; fi"
        )
    };
    for tool in ["awk", "sed", "cat"] {
        let machine = Machine::new();
        let lines = "; a line of somebody else\n".repeat(900);
        machine.write(PLAN, format!("[a]\n{lines}"));
        let real = fs::canonicalize(machine.path("tools").join(tool)).unwrap();
        machine.tool(tool, &cut(real.to_str().unwrap()));
        machine.write("tools/whole", "");
        let before = machine.snapshot();
        machine
            .install(&["--dialplan"])
            .fails(1)
            .says("is there room in");
        assert_eq!(machine.snapshot().len(), before.len(), "{tool}");
        assert_eq!(machine.plan(), format!("[a]\n{lines}"), "{tool}");
    }
}

#[test]
fn what_was_read_and_not_written_is_told_from_what_is_not_there() {
    let machine = Machine::new();
    machine.write("there", "text");
    for (name, code) in [("there", 5), ("nowhere", 3), ("tools", 1)] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut read = Command::new(program());
        read.args(["place", "read", "--root"]).arg(machine.path(""));
        let status = read
            .arg(machine.path(name))
            .stdout(full)
            .stderr(Stdio::null())
            .status();
        assert_eq!(status.unwrap().code(), Some(code), "{name}");
    }
}

#[test]
fn freepbx_is_told_to_leave_program_and_log_alone_and_forgets_it_again() {
    for others in [
        "",
        "[custom]\nfile = /a,0640,b,c\n",
        "[blacklist]\nitem = /x",
        "; mine\n[blacklist]\n\n",
    ] {
        let machine = Machine::new();
        machine.write("etc/freepbx.conf", "");
        if !others.is_empty() {
            machine.write(CHOWN, others);
        }
        machine.install(&[]).succeeds();
        let text = String::from_utf8(machine.read(CHOWN)).unwrap();
        assert!(text.starts_with(others), "{text}");
        let ours = "[blacklist]\nitem = /var/lib/asterisk/agi-bin/phone-assistant\n\
            item = /var/log/asterisk/phone-assistant.jsonl\n";
        assert!(text.contains(ours), "{text}");
        let before = machine.snapshot();
        machine.install(&[]).succeeds();
        assert_eq!(machine.snapshot(), before, "a second run");
        machine.run(&["--uninstall"]).succeeds();
        assert_eq!(machine.path(CHOWN).exists(), !others.is_empty());
        if !others.is_empty() {
            assert_eq!(machine.read(CHOWN), others.as_bytes());
        }
    }
    let machine = Machine::new();
    machine.install(&[]).succeeds();
    assert!(!machine.path(CHOWN).exists(), "where there is no FreePBX");
}

#[test]
fn an_asterisk_that_never_answers_or_never_ends_is_not_waited_for() {
    // A stopped process takes no time of the machine, and no signal but one ends it.
    let mute = "kill -STOP $$";
    let endless =
        "trap '' PIPE; while :; do echo '  AGI Scripts directory:  /srv/agi'; done 2>/dev/null";
    for asterisk in [mute, endless] {
        let machine = Machine::with_asterisk();
        machine.tool("asterisk", asterisk);
        let real = fs::canonicalize(machine.path("tools/timeout")).unwrap();
        fs::remove_file(machine.path("tools/timeout")).unwrap();
        let sooner = format!(
            "[ \"$3\" = 15 ] && shift 3 && exec {} -s KILL 0.2 \"$@\"",
            real.display()
        );
        machine.tool("timeout", &sooner);
        machine.write(PLAN, "[a]\n");
        let done = machine.install(&["--dialplan"]);
        done.succeeds().says("Asterisk is not running");
        assert!(machine.plan().starts_with("[a]\n"));
        machine.run(&["--uninstall"]).succeeds();
        assert_eq!(machine.plan(), "[a]\n");
        // It says how it is called, and no more.
        let later = sooner.replace("0.2", "$limit");
        machine.tool(
            "timeout",
            &format!("limit=0.2; case $* in *'core show version') limit=60 ;; esac\n{later}"),
        );
        machine.tool(
            "asterisk",
            &format!(
                "if [ \"$2\" = 'core show version' ]; then echo Asterisk; else {asterisk}; fi"
            ),
        );
        machine.install(&["--dialplan"]).fails(1);
        assert_eq!(machine.plan(), "[a]\n");
    }
}

#[test]
fn as_root_no_folder_of_root_gets_a_program_because_asterisk_conf_names_it() {
    let Some(machine) = of_nobody() else {
        return;
    };
    let conf = |folder: &str| {
        let text = format!("{RUNS_AS_NOBODY}[directories]\nastagidir => {folder}\n");
        machine.write(CONF, text);
    };
    // The file is its user's.
    lchown(machine.path("etc/asterisk"), Some(NOBODY), None).unwrap();
    machine.write("etc/cron.hourly/x", "");
    machine.write("opt/agi/x", "");
    machine.write("usr/share/asterisk/agi-bin/x", "");
    lchown(machine.path("opt/agi"), Some(NOBODY), None).unwrap();
    let before = machine.snapshot();
    for folder in [
        "/etc/cron.hourly",
        "/opt/agi/../../etc/cron.hourly/",
        "/etc",
        "/opt/none",
    ] {
        conf(folder);
        machine.install(&[]).fails(1).says("--agi-bin");
    }
    assert!(machine.snapshot().keys().eq(before.keys()));
    for folder in ["/opt/agi", "/usr/share/asterisk/agi-bin/"] {
        conf(folder);
        machine.install(&[]).succeeds();
        let program = machine.path(&folder[1..]).join("phone-assistant");
        assert!(program.exists(), "{folder}");
        machine.run(&["--uninstall"]).succeeds();
        assert!(!program.exists(), "{folder}");
    }
    conf("/etc/cron.hourly");
    let named = ["--agi-bin", "/etc/cron.hourly"];
    machine.install(&named).succeeds();
    machine.install(&[]).succeeds();
    // What root has named holds, and nothing else that the file names by then.
    let copy = "etc/cron.daily/phone-assistant";
    machine.write(copy, machine.read("tools/static"));
    conf("/etc/cron.daily");
    machine.install(&[]).fails(1).says("--agi-bin");
    machine
        .run(&["--uninstall"])
        .succeeds()
        .says("unless you name it");
    assert!(machine.path(copy).exists());
    assert!(!machine.path("etc/cron.hourly/phone-assistant").exists());
    conf("/etc/cron.hourly");
    machine.install(&named).succeeds();
    machine
        .run(&[&["--uninstall"][..], &named].concat())
        .succeeds();
    assert!(!machine.path("etc/cron.hourly/phone-assistant").exists());
}

#[test]
fn as_root_a_folder_that_root_alone_can_have_named_is_the_one_at_each_upgrade() {
    let Some(machine) = of_nobody() else {
        return;
    };
    let text = format!("{RUNS_AS_NOBODY}[directories]\nastagidir => /opt/agi\n");
    machine.write(CONF, text);
    machine.write("opt/agi/x", "");
    // Where the sources are below another user's folder, that user can have named it.
    let is_roots = machine.is_roots_alone(CONF);
    let code = i32::from(!is_roots);
    for _ in 0..2 {
        machine.install(&[]).fails(code);
        assert_eq!(machine.path("opt/agi/phone-assistant").exists(), is_roots);
    }
    machine.run(&["--uninstall"]).succeeds();
    assert!(!machine.path("opt/agi/phone-assistant").exists());
}

#[test]
fn as_root_the_root_folder_is_no_folder_for_programs() {
    let Some(machine) = of_nobody() else {
        return;
    };
    let text = format!("{RUNS_AS_NOBODY}[directories]\nastagidir => /\n");
    machine.write(CONF, &text);
    // Whoever may write it is its user.
    lchown(machine.path(CONF), Some(NOBODY), None).unwrap();
    machine.install(&[]).fails(1).says("name it with --agi-bin");
    assert!(!machine.path("phone-assistant").exists());
    machine.write(CONF, RUNS_AS_NOBODY);
    machine.install(&[]).succeeds();
    machine.write(CONF, &text);
    let purged = machine.run(&["--purge"]);
    purged.succeeds().says("what is there stays");
    assert!(!machine.path("etc/phone-assistant").exists());
}

#[test]
fn an_asterisk_that_runs_as_root_is_asked_only_where_a_person_says_so() {
    let machine = Machine::as_root();
    machine.tool("asterisk", "echo Asterisk 22");
    machine.write(CONF, "[options]\nrunuser = root\n");
    machine.write(PLAN, "[a]\n");
    let before = machine.snapshot();
    machine
        .install(&["--dialplan"])
        .fails(1)
        .says("--user root");
    assert_eq!(machine.snapshot(), before);
    // With nothing to ask for it is no matter.
    machine.install(&[]).succeeds();
    // It is asked then, if not understood: Asterisk's own environment is a clean one.
    let named = machine.install(&["--dialplan", "--user", "root"]);
    assert!(
        !named.text().contains("add --user root"),
        "{}",
        named.text()
    );
}

#[test]
fn a_key_file_with_a_second_name_is_opened_to_nobody() {
    let machine = Machine::new();
    machine.install(&[]).succeeds();
    machine.write("root/secret", "secret");
    super::links::chmod(&machine.path("root/secret"), 0o600);
    let key = machine.path("etc/phone-assistant/google-creds.json");
    fs::hard_link(machine.path("root/secret"), &key).unwrap();
    let told = "google-creds.json has a second name";
    machine.install(&[]).succeeds().says(told);
    assert_eq!(machine.metadata("root/secret").mode() & 0o777, 0o600);
    fs::remove_file(machine.path("root/secret")).unwrap();
    machine.install(&[]).succeeds();
    let mode = fs::metadata(&key).unwrap().mode() & 0o777;
    assert_eq!(mode, 0o640, "with one name it is what it is called");
}

#[test]
fn no_folder_is_made_because_it_is_named() {
    let machine = Machine::new();
    machine.write(
        "etc/asterisk/asterisk.conf",
        "[directories]\nastagidir => /opt/none\n",
    );
    let before = machine.snapshot();
    machine.install(&[]).fails(1).says("--agi-bin");
    let named = machine.install(&["--agi-bin", "/opt/none"]);
    named.fails(1).says("there is no folder");
    assert_eq!(machine.snapshot(), before);
}

#[test]
fn uninstall_takes_nothing_that_is_only_called_like_the_program() {
    let machine = Machine::new();
    let conf = "[directories]\nastagidir => /etc\n";
    for action in ["folder", "file", "link"] {
        machine.install(&[]).succeeds();
        let program = machine.path("var/lib/asterisk/agi-bin/phone-assistant");
        match action {
            // The settings are in a folder of this name.
            "folder" => machine.write("etc/asterisk/asterisk.conf", conf),
            "file" => machine.write("var/lib/asterisk/agi-bin/phone-assistant", "mine"),
            _ => {
                fs::rename(&program, machine.path("etc/moved")).unwrap();
                symlink(machine.path("etc"), &program).unwrap();
            }
        }
        machine.run(&["--uninstall"]).succeeds().says(" stays");
        assert!(machine.path("etc/phone-assistant/config.toml").exists());
        assert!(
            fs::symlink_metadata(&program).is_ok() || action == "folder",
            "{action}"
        );
        fs::remove_file(machine.path("etc/asterisk/asterisk.conf")).ok();
        fs::remove_file(&program).ok();
    }
}

#[test]
fn as_root_nothing_that_only_root_may_read_is_copied_from_folders_of_others() {
    let Some(machine) = of_nobody() else {
        return;
    };
    let secret = "what only root may read";
    let backup = format!("{PLAN}.before-phone-assistant");
    let agi_bin = "var/lib/asterisk/agi-bin/phone-assistant";
    machine.write(PLAN, "[a]\n");
    for path in [agi_bin, &backup] {
        machine.write(path, secret);
        super::links::chmod(&machine.path(path), 0o600);
        let folder = machine.path(path);
        lchown(folder.parent().unwrap(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    // Asterisk's user runs it, so it is where every user gets to.
    let folder = TempDir::new().unwrap();
    super::links::chmod(folder.path(), 0o755);
    let asterisk = folder.path().join("asterisk.sh");
    fs::write(&asterisk, OTHERWISE).unwrap();
    let given = machine.path("tools/static");
    let install = || {
        let mut install = machine.command(&["--dialplan", "--binary", given.to_str().unwrap()]);
        install.env("ASTERISK", format!("sh {}", asterisk.display()));
        install.outcome()
    };
    // What cannot be brought back is not replaced.
    for path in [&*backup, agi_bin] {
        let before = machine.snapshot();
        install().fails(1).says("could not be brought back");
        assert_eq!(machine.snapshot(), before);
        let (place, aside) = (machine.path(path), machine.path(&format!("{path}.aside")));
        fs::rename(place, aside).unwrap();
    }
    let stopped = install();
    stopped.fails(1).says("are as they were");
    stopped.says(&format!("> 1. User({NOBODY})"));
    let is_copy = |(_, (mode, _, _, content)): &(_, (u32, i64, i64, Vec<u8>))| {
        mode & 0o077 != 0 && content == secret.as_bytes()
    };
    let copies: Vec<_> = machine.snapshot().into_iter().filter(is_copy).collect();
    assert!(copies.is_empty(), "{copies:?}");
    // A text of Asterisk that its own user cannot read is none.
    machine.write(PLAN, secret);
    super::links::chmod(&machine.path(PLAN), 0o600);
    machine
        .install(&["--dialplan"])
        .fails(1)
        .says("may not read");
}

#[test]
fn what_was_there_goes_back_with_the_rights_that_it_had() {
    let machine = Machine::with_asterisk();
    machine.write(PLAN, "[a]\n");
    let program = "var/lib/asterisk/agi-bin/phone-assistant";
    machine.write(program, "mine");
    super::links::chmod(&machine.path(program), 0o640);
    machine.write("tools/elsewhere", "  '8008' =>  1. Answer()   [x.conf:3]\n");
    machine.install(&["--dialplan"]).fails(1);
    assert_eq!(machine.read(program), b"mine");
    assert_eq!(machine.metadata(program).mode() & 0o777, 0o640);
}

#[test]
fn an_asterisk_that_answers_otherwise_each_time_leaves_nothing_half_done() {
    let machine = Machine::with_asterisk();
    machine.write(PLAN, "[a]\n");
    machine.tool(
        "asterisk",
        r#"
case $2 in
    'core show version') echo 'Asterisk 22' ;;
    'dialplan show '*)
        echo x >>"$TOOLS/count"
        echo "  'x' =>  1. NoOp($(grep -c x "$TOOLS/count"))   [x.conf:3]" ;;
esac"#,
    );
    machine
        .install(&["--dialplan"])
        .fails(1)
        .says("are as they were");
    assert_eq!(machine.plan(), "[a]\n");
    assert!(!machine.path("usr/local/bin/phone-assistant").exists());
    assert!(
        !machine
            .path("var/lib/asterisk/agi-bin/phone-assistant")
            .exists()
    );
}

#[test]
fn asterisk_is_started_by_the_program_alone_and_apart() {
    let machine = Machine::with_asterisk();
    let real = fs::read_to_string(machine.path("tools/asterisk")).unwrap();
    machine.write("tools/asterisk-itself", real);
    machine.tool(
        "asterisk",
        r#"
read -r stat </proc/$$/stat
command=$2
set -- ${stat##*) }
if [ "$4" = $$ ]; then session=own; else session=shared; fi
echo "$session $command" >>"$TOOLS/asked"
exec sh "$TOOLS/asterisk-itself" -rx "$command""#,
    );
    machine.install(&["--dialplan"]).succeeds().says("checked");
    machine.run(&["--uninstall"]).succeeds();
    let asked = String::from_utf8(machine.read("tools/asked")).unwrap();
    assert!(
        asked.contains("dialplan reload") && !asked.contains("shared"),
        "{asked}"
    );
}

#[test]
fn a_folder_of_others_is_no_place_for_files_of_its_own() {
    let machine = Machine::as_root();
    super::links::chmod(&machine.temporary(), 0o777);
    let before = machine.snapshot();
    machine.install(&[]).fails(1).says("set TMPDIR");
    assert_eq!(machine.snapshot(), before);
    super::links::chmod(&machine.temporary(), 0o1777);
    machine.install(&[]).succeeds();
}

/// An Asterisk whose dialplan tells who has asked.
const OTHERWISE: &str = r#"
case $2 in
    'core show version') echo 'Asterisk 22' ;;
    'dialplan show '*) echo "  'x' =>  1. User($(id -u))   [x.conf:3]" ;;
esac
"#;

const CHOWN: &str = "etc/asterisk/freepbx_chown.conf";
