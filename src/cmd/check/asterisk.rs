//! Asterisk's side: whether it is there, and knows the dialplan and the program.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::Access;

use super::console::{self, say};
use super::finding::Report;
use super::machine::{USUAL_AGI_BINS, agi_program, wants_loader};
use super::{user, ways};
use crate::config::Config;
use crate::sys::files;
use crate::sys::remedy;

/// Looks at what Asterisk needs for a call.
pub(super) fn examine(config: Option<&Config>, report: &mut Report<'_>) {
    examine_program(report);
    match say("core show version") {
        Ok(version) => {
            // Remarks of its own may come before it.
            let is_version = |line: &&str| line.starts_with(ID);
            report.ok(ID, version.lines().find(is_version).unwrap_or(&version));
            examine_entity(console::settings(), report);
            ways::examine(config, report);
            examine_applications(report);
        }
        Err(why @ console::Error::Stopping) => report.fail(
            ID,
            &why.to_string(),
            &format!(
                "wait until it has started again and check once more; if it is not to stop: {}",
                console::typed("core abort shutdown")
            ),
        ),
        Err(why @ console::Error::Missing(_)) => report.fail(
            ID,
            &why.to_string(),
            "install Asterisk, or let its program be found there",
        ),
        Err(why) => report.fail(
            ID,
            &format!("it does not answer: {why}"),
            "start it, or restart it if it hangs: systemctl restart asterisk (FreePBX: fwconsole restart)",
        ),
    }
    if let Some(config) = config {
        examine_operator(config, report);
    }
}

/// Examines the program that Asterisk starts, which must be there, run, and be this one. It is not run for that: a user
/// who may replace it could have it do anything.
fn examine_program(report: &mut Report<'_>) {
    examine_program_at(&agi_program(), report);
}

fn examine_program_at(program: &Path, report: &mut Report<'_>) {
    let id = "program";
    let shown = program.display();
    let install = "sudo ./install.sh";
    if let Ok(to) = fs::read_link(program) {
        let text = format!(
            "{shown} is a link to {}, and FreePBX gives what it leads to to Asterisk's user",
            to.display()
        );
        let remove = remedy::remove(program, &user::user_name());
        return report.warn(id, &text, &format!("{remove}; {install}"));
    }
    match wants_loader(program) {
        Err(error) => {
            let text = format!("cannot read {shown}: {error}");
            let remedy = match program.parent() {
                Some(folder) if error.kind() == io::ErrorKind::NotFound => install_into(folder),
                _ => install.to_owned(),
            };
            return report.fail(id, &text, &remedy);
        }
        Ok(true) => report.warn(
            id,
            &format!(
                "{shown} is not static: it stops working when this machine's libraries change"
            ),
            install,
        ),
        Ok(false) => {}
    }
    if let Err(error) = rustix::fs::access(program, Access::EXEC_OK) {
        let text = format!("{shown} cannot be run: {}", io::Error::from(error));
        return report.fail(id, &text, install);
    }
    match is_this_program(program) {
        Ok(true) => report.ok(id, &format!("{shown}, {OWN_VERSION}")),
        Ok(false) => {
            let text = format!(
                "{shown} is not the program that runs here, {OWN_VERSION}: it is older or newer, or was replaced"
            );
            report.warn(id, &text, install);
        }
        Err(error) => report.fail(id, &format!("cannot read {shown}: {error}"), install),
    }
}

/// Names the folder to the installer, which may take another one for Asterisk's. Asterisk's user may have named a folder
/// of root's, so an unusual one is for a person to judge.
fn install_into(folder: &Path) -> String {
    let quoted = remedy::shell_quoted(folder);
    let install = format!("sudo ./install.sh --agi-bin {quoted}");
    if USUAL_AGI_BINS.map(Path::new).contains(&folder) {
        install
    } else {
        format!("if that is Asterisk's folder for AGI programs: {install}")
    }
}

/// Whether the bytes of a file are those of the program that runs.
fn is_this_program(program: &Path) -> io::Result<bool> {
    let (mut own, mut other) = (File::open(OURSELVES)?, files::open(program)?);
    let (own_len, other_len) = (own.metadata()?.len(), other.metadata()?.len());
    let (mut one, mut two) = (vec![0; BLOCK], vec![0; BLOCK]);
    let mut left = own_len;
    let mut is_same = own_len == other_len;
    while is_same && left > 0 {
        let len = usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK));
        own.read_exact(&mut one[..len])?;
        other.read_exact(&mut two[..len])?;
        is_same = one[..len] == two[..len];
        left -= u64::try_from(len).unwrap_or(left);
    }
    Ok(is_same)
}

/// Asterisk takes the number that it is known by to others from an ethernet interface. Without one some modules do not load.
fn examine_entity(settings: &str, report: &mut Report<'_>) {
    let Some(entity) = console::value(settings, "Entity ID:") else {
        return;
    };
    let id = "entity ID";
    if entity == "00:00:00:00:00:00" {
        report.warn(
            id,
            "Asterisk has found no ethernet interface to take its entity ID from: it complains of that, and modules that \
             need one, such as DUNDi, do not load",
            "set entityid = 02:00:00:00:00:01, or any other that no Asterisk near it has, under [options] in asterisk.conf, and restart Asterisk",
        );
    } else {
        report.ok(id, entity);
    }
}

fn examine_applications(report: &mut Report<'_>) {
    let is_missing = |name: &&&str| {
        let shown = say(&format!("core show application {name}")).unwrap_or_default();
        !shown.contains("Info about")
    };
    let missing: Vec<_> = APPLICATIONS.iter().filter(is_missing).copied().collect();
    if missing.is_empty() {
        report.ok("applications", &APPLICATIONS.join(", "));
    } else {
        let first = if missing.len() == APPLICATIONS.len() {
            "if Asterisk is just starting, check again in a minute; else "
        } else {
            ""
        };
        let load = "load their modules in /etc/asterisk/modules.conf: res_agi, app_mixmonitor, app_stack, app_waitforsilence";
        let text = format!("Asterisk does not know {}", missing.join(", "));
        report.fail("applications", &text, &format!("{first}{load}"));
    }
}

/// The key 0 leads to a person only while Asterisk takes keys.
fn examine_operator(config: &Config, report: &mut Report<'_>) {
    let Some(operator) = &config.conversation.operator else {
        return;
    };
    let id = "key 0";
    if config.is_streamed {
        report.ok(id, &format!("it leads to {operator}"));
    } else {
        report.warn(
            id,
            &format!("it does not lead to {operator} on 8008, where the dialplan plays the answer"),
            "set play = \"stream\" in [reply]",
        );
    }
}

const ID: &str = "Asterisk";
// It leads to the running program even where that file has been replaced meanwhile.
const OURSELVES: &str = "/proc/self/exe";
const BLOCK: usize = 64 * 1024;
const OWN_VERSION: &str = concat!("phone-assistant ", env!("CARGO_PKG_VERSION"));

/// What the example dialplan uses beside what every Asterisk has.
const APPLICATIONS: [&str; 7] = [
    "AGI",
    "EAGI",
    "Gosub",
    "MixMonitor",
    "StopMixMonitor",
    "WaitForNoise",
    "WaitForSilence",
];
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::super::finding::{Finding, Status, findings};
    use super::*;
    use crate::config::{Arguments, Needs};

    fn program_at(path: &Path) -> Finding {
        let found = findings(|report| examine_program_at(path, report));
        found.last().expect("something is found").clone()
    }

    #[test]
    fn a_key_that_leads_to_a_person_only_at_times_is_told() {
        let table = [
            ("", None, ""),
            ("conversation.operator = '200'", Some(Status::Ok), "to 200"),
            (
                "conversation.operator = '200'\nreply.play = 'dialplan'",
                Some(Status::Warn),
                "on 8008",
            ),
            (
                "conversation.operator = '200'\nwaiting.play = 'music'",
                Some(Status::Ok),
                "to 200",
            ),
        ];
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("config.toml");
        for (settings, status, text) in table {
            testkit::write_secret(&file, &format!("{settings}\ngemini.api_key = 'AQ.1'\n"));
            let arguments = Arguments::of_file(Some(file.clone()));
            let config = Config::load(Needs::Voice, &arguments, &|_| None).expect("complete");
            let found = findings(|report| examine_operator(&config, report));
            let found = found.first();
            assert_eq!(found.map(|found| found.status), status, "{settings}");
            assert!(
                found.is_none_or(|found| found.text.contains(text)),
                "{settings}"
            );
        }
    }

    /// A header of a program without a loader, and what it would do.
    fn elf(script: &str) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01".to_vec();
        bytes.resize(64, 0);
        bytes.extend(script.as_bytes());
        bytes
    }

    #[test]
    fn a_replaced_program_is_told_by_its_bytes_and_never_run() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let (place, trace) = (
            folder.path().join("phone-assistant"),
            folder.path().join("trace"),
        );
        // A program that is run leaves a trace; it says what ours says.
        let script = format!("#!/bin/sh\ntouch {}\necho {OWN_VERSION}\n", trace.display());
        let table = [
            (
                script.clone().into_bytes(),
                Status::Fail,
                "it is no program",
            ),
            (
                elf(&script),
                Status::Warn,
                "is not the program that runs here",
            ),
        ];
        for (bytes, status, words) in table {
            fs::write(&place, bytes).expect("written");
            fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).expect("ours");
            let found = program_at(&place);
            assert!(
                found.status == status && found.text.contains(words),
                "{found:?}"
            );
        }
        fs::set_permissions(&place, fs::Permissions::from_mode(0o644)).expect("ours");
        let found = program_at(&place);
        assert!(
            found.status == Status::Fail && found.text.contains("cannot be run"),
            "{found:?}"
        );
        assert_eq!(
            found.remedy, "sudo ./install.sh",
            "root follows nothing there"
        );
        assert!(!trace.exists());
        fs::remove_file(&place).expect("removed");
        fs::copy(OURSELVES, &place).expect("copied");
        let found = program_at(&place);
        assert!(found.status == Status::Ok, "{found:?}");
        symlink(&place, folder.path().join("link")).expect("linked");
        let found = program_at(&folder.path().join("link"));
        assert!(
            found.status == Status::Warn && found.text.contains("is a link to"),
            "{found:?}"
        );
    }

    #[test]
    fn a_program_that_is_missing_is_put_into_the_folder_that_asterisk_names() {
        for (folder, remedy) in [
            ("/nowhere/agi-bin", "/nowhere/agi-bin"),
            ("/nowhere/a;id", "'/nowhere/a;id'"),
        ] {
            let found = program_at(&Path::new(folder).join("phone-assistant"));
            let remedy = format!(
                "if that is Asterisk's folder for AGI programs: sudo ./install.sh --agi-bin {remedy}"
            );
            assert_eq!(found.remedy, remedy);
        }
        for folder in USUAL_AGI_BINS {
            let remedy = install_into(Path::new(folder));
            assert_eq!(remedy, format!("sudo ./install.sh --agi-bin {folder}"));
        }
    }

    #[test]
    fn a_folder_that_asterisk_names_is_no_command() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let named = folder.path().join("a;id>pwned;");
        fs::create_dir(&named).expect("made");
        let link = named.join("phone-assistant");
        symlink("/etc/passwd", &link).expect("linked");
        let remedy = program_at(&link).remedy;
        let link = link.display();
        // Root's own folder is none that Asterisk's user removes something from.
        let expected = if rustix::process::geteuid().is_root() {
            format!("remove '{link}', if it is this program's; sudo ./install.sh")
        } else {
            format!("rm '{link}'; sudo ./install.sh")
        };
        assert!(remedy.ends_with(&expected), "{remedy}");
    }
}
