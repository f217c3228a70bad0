//! `install.sh` on a machine with Asterisk: what it puts there, for whom, and that it takes everything back.

use std::collections::BTreeMap;
use std::fs;
use std::process::Output;
use std::time::Duration;

use testkit::Stage;

use super::services::sandbox;
use crate::caller::{self, ask_until, call_works};
use crate::lab::Lab;
use crate::machine::{INSTALL, Machine};
use crate::report::Report;

pub(crate) fn run(lab: &Lab, report: &Report) {
    let machine = Machine::bare(lab, sandbox());
    machine.root().shell(FWCONSOLE_CHOWN);
    let untouched = snapshot(&machine);
    report.check(
        "a fresh installation has the owners and modes that DESIGN and README name",
        || {
            succeeds(&machine.install(INSTALL))?;
            machine.put_keys();
            machine.configure(&machine.settings());
            owners_and_modes(&machine)
        },
    );
    report.check("a second run changes nothing", || {
        let before = snapshot(&machine);
        succeeds(&machine.install(INSTALL))?;
        same(&before, &snapshot(&machine))?;
        let shown = machine.asterisk("dialplan show 8008@custom-openai");
        // One for the disclosure, and one for the question.
        match shown.matches("AGI(phone-assistant").count() {
            2 => Ok(()),
            count => Err(format!("Asterisk has {count} AGI() in the extension")),
        }
    });
    report.check("a further run mends the rights to a key", || {
        let key = "/etc/phone-assistant/google-creds.json";
        let script = format!("chown root:root {key}; chmod 604 {key}");
        machine.root().shell(&script);
        succeeds(&machine.install(INSTALL))?;
        match modes(&machine)[key].as_str() {
            "root:asterisk 640" => Ok(()),
            rights => Err(format!("it is {rights}")),
        }
    });
    report.check("the asterisk user may use everything and change neither program nor settings", || {
        allowed(&machine, "asterisk", "test -r /etc/phone-assistant/config.toml -a -r /etc/phone-assistant/google-creds.json")?;
        allowed(&machine, "asterisk", "/var/lib/asterisk/agi-bin/phone-assistant --version")?;
        for folder in ["calls", "state", "sounds", "callers"] {
            allowed(&machine, "asterisk", &format!("touch /var/lib/phone-assistant/{folder}/x && rm /var/lib/phone-assistant/{folder}/x"))?;
        }
        for path in ["/etc/phone-assistant/config.toml", "/etc/phone-assistant", "/usr/local/bin/phone-assistant"] {
            forbidden(&machine, "asterisk", &format!("touch {path}"))?;
        }
        Ok(())
    });
    report.check(
        "nobody else reads keys, settings or calls, also after FreePBX has opened its folders",
        || {
            machine.root().shell(FWCONSOLE_CHOWN);
            for path in [
                "/etc/phone-assistant/config.toml",
                "/etc/phone-assistant/google-creds.json",
            ] {
                forbidden(&machine, "nobody", &format!("cat {path}"))?;
            }
            forbidden(&machine, "nobody", "ls /var/lib/phone-assistant")
        },
    );
    report.check("after that a call works", || call_works(&machine));
    report.check(
        "an upgrade in the middle of a call disturbs neither call nor settings",
        || upgrade(&machine),
    );
    report.check(
        "--uninstall leaves only settings, keys and data, --purge leaves nothing",
        || {
            succeeds(&machine.install(&["--uninstall"]))?;
            let left = difference(&untouched, &snapshot(&machine));
            let is_ours = |path: &String| {
                path.starts_with("/etc/phone-assistant")
                    || path.starts_with("/var/lib/phone-assistant")
            };
            if let Some(path) = left
                .iter()
                .find(|path| !is_ours(path) && !path.ends_with(BACKUP))
            {
                return Err(format!("{path} is left, or changed"));
            }
            if !left.iter().any(|path| path.ends_with("google-creds.json")) {
                return Err("the keys are gone".into());
            }
            succeeds(&machine.install(&["--purge"]))?;
            same(&untouched, &snapshot(&machine))
        },
    );
}

/// On a machine that runs the tutorial.
pub(crate) fn over_the_tutorial(lab: &Lab, report: &Report) {
    let machine = Machine::bare(lab, sandbox());
    let key = fs::read_to_string(machine.sandbox.credentials_file()).unwrap();
    fs::write(
        machine.path("/var/lib/asterisk/agi-bin/google-creds.json"),
        key,
    )
    .unwrap();
    fs::write(machine.path(PLAN), TUTORIAL).unwrap();
    machine.root().shell("chown asterisk:asterisk /var/lib/asterisk/agi-bin/*; chmod 775 /var/lib/asterisk/agi-bin/*");
    machine.asterisk("dialplan reload");
    let before = snapshot(&machine);
    report.check(
        "over the tutorial's extension the installer stops, and nothing has changed",
        || {
            let stopped = machine.install(INSTALL);
            if stopped.status.success() {
                return Err("it went on".into());
            }
            let said = String::from_utf8_lossy(&stopped.stderr).into_owned();
            if !said.contains("AGI(openai.py)") || !said.contains("--replace") {
                return Err(format!("it said {said}"));
            }
            same(&before, &snapshot(&machine))
        },
    );
    report.check(
        "with --replace calls are ours, and the tutorial's key is in the safe place",
        || {
            let mut replace = INSTALL.to_vec();
            replace.push("--replace");
            succeeds(&machine.install(&replace))?;
            let modes = modes(&machine);
            if modes
                .get("/etc/phone-assistant/google-creds.json")
                .map(String::as_str)
                != Some("root:asterisk 640")
            {
                return Err(format!("the key is not in its place: {modes:?}"));
            }
            machine.put_certificate();
            machine.configure(&machine.settings());
            call_works(&machine)
        },
    );
    report.check("--uninstall brings the tutorial's extension back", || {
        succeeds(&machine.install(&["--uninstall"]))?;
        let plan = fs::read_to_string(machine.path(PLAN)).unwrap();
        if plan != TUTORIAL {
            return Err(format!("the file is now {plan}"));
        }
        let shown = machine.asterisk("dialplan show 8008@custom-openai");
        if shown.contains("AGI(openai.py)") && !shown.contains("phone-assistant") {
            Ok(())
        } else {
            Err(format!("Asterisk has {shown}"))
        }
    });
}

/// While the user asterisk, who owns Asterisk's folders, puts links in the place of whatever root makes there.
pub(crate) fn beside_a_stranger(lab: &Lab, report: &Report) {
    let machine = Machine::bare(lab, sandbox());
    machine.root().shell(FWCONSOLE_CHOWN);
    machine.root().shell(
        "mkdir -p /etc/sudoers.d /root/private; chmod 700 /root/private; \
         echo '{\"private_key\": \"of root\"}' >/root/private/google-creds.json",
    );
    let out_of_reach = |machine: &Machine| {
        let listed =
            "find /root /etc/sudoers.d /etc/shadow /etc/passwd -printf '%p %u:%g %m %s %l\\n'";
        machine.root().shell(listed)
    };
    let before = out_of_reach(&machine);
    report.check(
        "whatever asterisk's user swaps, root changes nothing elsewhere",
        || {
            let mut attack = machine
                .root()
                .command_of("asterisk", "sh")
                .args(["-c", ATTACK])
                .spawn()
                .unwrap();
            for _ in 0..20 {
                // It may be told that somebody is at work there.
                machine.install(INSTALL);
            }
            attack.kill().unwrap();
            attack.wait().unwrap();
            machine.root().shell(AFTER_THE_ATTACK);
            let after = out_of_reach(&machine);
            if after != before {
                return Err(format!("{before} became {after}"));
            }
            succeeds(&machine.install(INSTALL))
        },
    );
    report.check("a link to root's folder brings asterisk's user no key of root", || {
        machine.root().shell(
            "rm -rf /etc/phone-assistant/google-creds.json /var/lib/asterisk/agi-bin; \
             ln -s /root/private /var/lib/asterisk/agi-bin; chown -h asterisk: /var/lib/asterisk/agi-bin",
        );
        let refused = machine.install(INSTALL);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        if refused.status.success() || !said.contains("may not enter the folder") {
            return Err(format!("it said {said}"));
        }
        match out_of_reach(&machine) {
            after if after == before => Ok(()),
            after => Err(format!("{before} became {after}")),
        }
    });
}

fn upgrade(machine: &Machine) -> Result<(), String> {
    let settings = machine
        .settings()
        .set("llm.persona", "You are the voice of a bakery.");
    machine.configure(&settings);
    // Another version: it is the file itself that runs while it is replaced.
    let agi_bin = machine.path("/var/lib/asterisk/agi-bin/phone-assistant");
    let mut older = fs::read(&agi_bin).unwrap();
    older.extend_from_slice(b"an older version");
    fs::write(&agi_bin, &older).unwrap();
    let mut call = caller::dial(&machine.phone())?;
    let said = ask_until(&mut call, machine, Stage::Stt, Duration::from_secs(2))?;
    succeeds(&machine.install(INSTALL))?;
    caller::listen(call, said)?.only_answer("tea")?;
    if fs::read(&agi_bin).unwrap() == older {
        return Err("the program is still the older one".into());
    }
    let kept = fs::read_to_string(machine.path("/etc/phone-assistant/config.toml")).unwrap();
    if kept != settings.to_toml() {
        return Err(format!("the settings are now {kept}"));
    }
    call_with_persona(machine)
}

fn call_with_persona(machine: &Machine) -> Result<(), String> {
    call_works(machine)?;
    let asked = machine.sandbox.requests_to(Stage::Llm);
    let last = asked
        .last()
        .ok_or("the model was not asked")?
        .body
        .to_string();
    if last.contains("bakery") {
        Ok(())
    } else {
        Err(format!("the model was told {last}"))
    }
}

fn owners_and_modes(machine: &Machine) -> Result<(), String> {
    let found = modes(machine);
    let wrong: Vec<_> = MODES
        .iter()
        .filter(|(path, expected)| found.get(*path).map(String::as_str) != Some(*expected))
        .map(|(path, expected)| format!("{path} is {:?}, not {expected}", found.get(*path)))
        .collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("; "))
    }
}

/// Owner, group and mode of everything that is ours, by path.
fn modes(machine: &Machine) -> BTreeMap<String, String> {
    let found = machine.root().shell(
        "find /etc/phone-assistant /var/lib/phone-assistant /usr/local/bin/phone-assistant \
         /var/lib/asterisk/agi-bin/phone-assistant -printf '%p\\t%u:%g %m\\n'",
    );
    by_path(&found)
}

/// Every file that the installer may touch, with owner, mode and content.
fn snapshot(machine: &Machine) -> BTreeMap<String, String> {
    let found = machine.root().shell(
        "find /etc /usr/local /var/lib/phone-assistant /var/lib/asterisk -not -path '*/sounds/*' -not -name 'astdb*' \
         -not -name '*.sqlite3*' -printf '%p\\t%u:%g %m %y %l\\n' 2>/dev/null || :; \
         find /etc /usr/local /var/lib/phone-assistant /var/lib/asterisk/agi-bin -type f -exec md5sum {} + 2>/dev/null | \
         awk '{ printf \"%s content\\t%s\\n\", $2, $1 }'",
    );
    by_path(&found)
}

/// Lines of a path, a tab, and what there is to say of it.
fn by_path(lines: &str) -> BTreeMap<String, String> {
    let entries = lines.lines().filter_map(|line| line.split_once('\t'));
    entries
        .map(|(path, state)| (path.to_owned(), state.to_owned()))
        .collect()
}

fn difference(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let paths = before.keys().chain(after.keys());
    let changed = paths.filter(|path| before.get(*path) != after.get(*path));
    changed
        .map(|path| path.trim_end_matches(" content").to_owned())
        .collect()
}

fn same(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Result<(), String> {
    let changed = difference(before, after);
    if changed.is_empty() {
        Ok(())
    } else {
        Err(format!("changed: {changed:?}"))
    }
}

fn succeeds(output: &Output) -> Result<(), String> {
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("install.sh failed: {output:?}"))
    }
}

fn allowed(machine: &Machine, user: &str, script: &str) -> Result<(), String> {
    let output = machine
        .root()
        .command_of(user, "sh")
        .args(["-ec", script])
        .output()
        .unwrap();
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{user} may not: {script}: {output:?}"))
    }
}

/// The system refuses it, and would not refuse it to root.
fn forbidden(machine: &Machine, user: &str, command: &str) -> Result<(), String> {
    machine.root().shell(command);
    match allowed(machine, user, command) {
        Err(why) if why.contains("Permission denied") => Ok(()),
        Err(why) => Err(why),
        Ok(()) => Err(format!("{user} may: {command}")),
    }
}

const PLAN: &str = "/etc/asterisk/extensions_custom.conf";
/// Of the plan, for whoever wants it back.
const BACKUP: &str = ".before-phone-assistant";
const MODES: &[(&str, &str)] = &[
    ("/etc/phone-assistant", "root:asterisk 750"),
    ("/etc/phone-assistant/config.toml", "root:asterisk 640"),
    ("/var/lib/phone-assistant", "asterisk:asterisk 700"),
    ("/var/lib/phone-assistant/calls", "asterisk:asterisk 700"),
    ("/var/lib/phone-assistant/state", "asterisk:asterisk 700"),
    ("/var/lib/phone-assistant/sounds", "asterisk:asterisk 700"),
    ("/var/lib/phone-assistant/callers", "asterisk:asterisk 700"),
    ("/usr/local/bin/phone-assistant", "root:root 755"),
    ("/var/lib/asterisk/agi-bin/phone-assistant", "root:root 755"),
];
/// What `fwconsole chown` of FreePBX 17 does to the folders that it takes for its own. The journal of Asterisk's database
/// comes and goes meanwhile.
const FWCONSOLE_CHOWN: &str = "find /etc/asterisk /var/lib/asterisk /var/spool/asterisk /var/log/asterisk \
    ! -name '*-journal' -exec chown -h asterisk:asterisk {} +; \
    find /etc/asterisk -type d -exec chmod 775 {} +; find /etc/asterisk -type f -exec chmod 664 {} +; \
    chmod -R 775 /var/lib/asterisk/agi-bin";
/// What the owner of the folders can do, as fast as a shell can.
const ATTACK: &str = "cd /var/lib/asterisk; while :; do \
    for made in /etc/asterisk/.phone-assistant.* agi-bin/.phone-assistant.*; do \
        if [ -e \"$made\" ]; then rm -rf \"$made\"; ln -s /etc/sudoers.d \"$made\"; fi; done; \
    mv agi-bin aside && ln -s /root/private agi-bin; rm -f agi-bin; mv aside agi-bin; done";
const AFTER_THE_ATTACK: &str = "cd /var/lib/asterisk; \
    if [ -d aside ] && [ ! -L aside ]; then rm -rf agi-bin; mv aside agi-bin; fi; \
    find agi-bin /etc/asterisk -name '.phone-assistant.*' -exec rm -rf {} +";
/// Of the kind that people have copied.
const TUTORIAL: &str = "[custom-openai]\nexten => 8008,1,Answer()\n same => n,Record(/tmp/question.wav,2,30)\n \
    same => n,AGI(openai.py)\n same => n,Playback(/tmp/finalplayback)\n same => n,Hangup()\n";
