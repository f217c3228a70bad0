//! Settings, files and folders: what can be seen without asking a service or Asterisk.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::console;
use super::finding::Report;
use super::freepbx;
use super::guards;
use super::messages;
use super::settings;
use super::user::{given, user_name};
use crate::config::keys::setting;
use crate::config::{Config, Endpoint, Environment, Faults, limits::Callers};
use crate::memory::Folder;
use crate::sys::error::Chain;
use crate::sys::files::{self, NewFile, Readers};
use crate::sys::identity::conf::set_folder;
use crate::sys::mode::{ANYTHING_BY_GROUP_OR_OTHERS, ANYTHING_BY_OTHERS};
use crate::sys::remedy::{self, shell_quoted};
use crate::sys::state::State;

/// Looks at the settings and all files that they name. Returns the settings, if they can be used.
pub(super) fn examine<'c>(
    config: &'c Result<Config, Faults>,
    environment: Environment<'_>,
    report: &mut Report<'_>,
) -> Option<&'c Config> {
    let config = match config {
        Ok(config) => config,
        Err(faults) => {
            settings::tell_faults(faults, report);
            examine_state(&faults.understood.state_folder, report);
            return None;
        }
    };
    settings::examine(config, environment, report);
    if uses_account(config) {
        settings::examine_credentials(&config.credentials, report);
    }
    examine_folder("folder for calls", &Path::new(DATA).join("calls"), report);
    examine_state(&config.state_folder, report);
    guards::examine_ledger(config.limits, &config.state(), report);
    if config.memory.callers != Callers::None {
        examine_callers(&config.memory.folder, report);
    }
    messages::examine_folder(config, report);
    examine_privacy(Path::new(DATA), report);
    if let Some(log) = &config.log_calls {
        examine_log(log, report);
    }
    if let Some(file) = &config.http.ca_file {
        settings::examine_root(file, report);
    }
    let log = config.log_calls.as_deref();
    freepbx::examine(Path::new("/"), &agi_program(), log, report);
    Some(config)
}

/// Whether a provider can be asked at all. The usual fallback needs a Google account; where there is none, calls
/// skip it.
pub(super) fn is_asked(config: &Config, endpoint: &Endpoint) -> bool {
    !endpoint.uses_account() || uses_account(config)
}

fn uses_account(config: &Config) -> bool {
    // The usual fallback of the voice is there for those who have the key.
    let is_usual = config.set(setting!("tts.fallback")).is_none();
    let voices = config.tts.endpoints.iter();
    let voices = voices.take(if is_usual { 1 } else { usize::MAX });
    let all = config
        .stt
        .endpoints
        .iter()
        .chain(&config.llm.endpoints)
        .chain(voices);
    all.into_iter().any(Endpoint::uses_account) || config.credentials.exists()
}

/// Tries to write a file there.
fn examine_folder(id: &str, folder: &Path, report: &mut Report<'_>) {
    let trial = folder.join(format!("check-{}", std::process::id()));
    let written = NewFile::create(&trial, Readers::Owner).and_then(|mut file| file.try_writing());
    match written {
        Ok(()) => report.ok(id, &format!("{} can be written to", folder.display())),
        Err(error) => {
            let remedy = format!("df -h {}; and: {}", shell_quoted(folder), given(folder));
            report.fail(id, &Chain(&error).to_string(), &remedy);
        }
    }
}

fn examine_state(folder: &Path, report: &mut Report<'_>) {
    let state = State::new(folder);
    let written = state.update("checked.json", |last: &mut u64| *last += 1);
    // One that root has left keeps calls from remembering anything.
    match written.and_then(|()| state.try_locks()) {
        Ok(()) => report.ok(
            "folder for state",
            &format!("{} can be written to", folder.display()),
        ),
        Err(error) => report.fail(
            "folder for state",
            &Chain(&error).to_string(),
            &given(folder),
        ),
    }
}

/// Where callers are remembered, if they are.
fn examine_callers(folder: &Path, report: &mut Report<'_>) {
    let (id, shown) = ("folder for callers", folder.display());
    if let Err(error) = Folder::new(folder).try_out() {
        let remedy = guards::remedy_for_callers(&error, folder);
        return report.fail(id, &Chain(&error).to_string(), &remedy);
    }
    guards::examine_remembered(folder, report);
    let is_open =
        fs::metadata(folder).is_ok_and(|data| data.mode() & ANYTHING_BY_GROUP_OR_OTHERS != 0);
    if is_open {
        let text = format!("others may look into {shown}, where callers are remembered");
        let remedy = remedy::mode(folder, 0o700, &user_name());
        report.warn(id, &text, &remedy);
    } else {
        report.ok(id, &format!("{shown} can be written to"));
    }
}

/// Examines whether recordings are private, since they hold what callers said.
fn examine_privacy(folder: &Path, report: &mut Report<'_>) {
    let Ok(data) = fs::metadata(folder) else {
        return;
    };
    if data.mode() & ANYTHING_BY_OTHERS != 0 {
        let shown = folder.display();
        report.warn(
            "privacy",
            &format!("others may look into {shown}, where recordings are"),
            &remedy::mode(folder, 0o700, &user_name()),
        );
    } else {
        report.ok("privacy", "nobody else may look into recordings");
    }
}

fn examine_log(log: &Path, report: &mut Report<'_>) {
    match files::open_to_append(log, LOG_MODE) {
        Ok(_) => report.ok(
            "log of calls",
            &format!("{} can be added to", log.display()),
        ),
        Err(error) => report.warn(
            "log of calls",
            &format!("cannot add to {}: {error}", log.display()),
            &format!("{}; or set calls in [log]", remedy::own(log, &user_name())),
        ),
    }
}

/// The program in the folder from which Asterisk starts it.
pub(super) fn agi_program() -> PathBuf {
    let folder = console::folder("AGI Scripts directory:")
        .or_else(|| set_folder("astagidir"))
        .unwrap_or_else(|| usual_agi_bin(Path::new("/")));
    folder.join("phone-assistant")
}

/// The folder for AGI programs where no file of Asterisk's names one, as install.sh finds it: FreePBX has its own, and
/// Debian's exists beside it on some machines.
fn usual_agi_bin(root: &Path) -> PathBuf {
    let [freepbx, debian] = USUAL_AGI_BINS.map(|path| root.join(path.trim_start_matches('/')));
    if !root.join("etc/freepbx.conf").exists() && debian.is_dir() {
        debian
    } else {
        freepbx
    }
}

/// Whether a program needs a dynamic loader. The header of an ELF file tells:
/// <https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html>.
pub(super) fn wants_loader(program: &Path) -> io::Result<bool> {
    let mut bytes = Vec::new();
    files::open(program)?
        .take(HEADERS)
        .read_to_end(&mut bytes)?;
    let number = |at: usize, len: usize| -> Option<usize> {
        let field = bytes.get(at..at + len)?;
        let mut whole = [0; 8];
        whole[..len].copy_from_slice(field);
        usize::try_from(u64::from_le_bytes(whole)).ok()
    };
    // e_phoff, e_phentsize and e_phnum, of 32 and of 64 bits: armhf is one of the packages.
    let (start, size, count) = match bytes.get(..6) {
        Some(b"\x7fELF\x01\x01") => (number(28, 4), number(42, 2), number(44, 2)),
        Some(b"\x7fELF\x02\x01") => (number(32, 8), number(54, 2), number(56, 2)),
        _ => return Err(io::Error::other("it is no program for this machine")),
    };
    let (Some(start), Some(size), Some(count)) = (start, size, count) else {
        return Err(io::Error::other("it is cut short"));
    };
    Ok((0..count).any(|index| number(start + index * size, 4) == Some(PT_INTERP)))
}

/// FreePBX's and Debian's folders for AGI programs.
pub(super) const USUAL_AGI_BINS: [&str; 2] =
    ["/var/lib/asterisk/agi-bin", "/usr/share/asterisk/agi-bin"];
/// Where install.sh and the dialplan put what calls leave.
const DATA: &str = "/var/lib/phone-assistant";
const LOG_MODE: u32 = 0o640;
const PT_INTERP: usize = 3;
/// The headers stand at the beginning of the file.
const HEADERS: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::cmd::check::finding::{Finding, Status, findings};
    use crate::config::{Arguments, Needs};

    /// What is found with these arguments, and no settings file.
    fn found_with(arguments: &[&str]) -> Vec<Finding> {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("config.toml");
        fs::write(&file, "call.arguments = 'all'").expect("written");
        let environment = |name: &str| match name {
            "OPENAI_API_KEY" => Some("sk-1".to_owned()),
            "GOOGLE_APPLICATION_CREDENTIALS" => Some("/nonexistent/key.json".to_owned()),
            "PHONE_ASSISTANT_CONFIG" => Some(file.display().to_string()),
            _ => None,
        };
        let arguments = Arguments::parse(arguments.iter().copied());
        let config = Config::load(Needs::Stages, &arguments, &environment);
        findings(|report| examine(&config, &environment, report))
    }

    #[test]
    fn the_program_is_looked_for_where_install_sh_puts_it() {
        let [freepbx, debian] = ["var/lib/asterisk/agi-bin", "usr/share/asterisk/agi-bin"];
        let table: [(&[&str], &str); 6] = [
            (&[], freepbx),
            (&[freepbx], freepbx),
            (&[debian], debian),
            (&[freepbx, debian], debian),
            (&[freepbx, debian, "etc/freepbx.conf"], freepbx),
            (&[debian, "etc/freepbx.conf"], freepbx),
        ];
        for (there, expected) in table {
            let root = testkit::TempDir::new().expect("a temporary folder");
            for folder in there {
                fs::create_dir_all(root.path().join(folder)).expect("made");
            }
            let found = usual_agi_bin(root.path());
            assert_eq!(found, root.path().join(expected), "{there:?}");
        }
    }

    #[test]
    fn the_folder_around_a_state_folder_of_ones_own_is_nobodys_business() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        let state = folder.path().join("state");
        let found = found_with(&[&format!("state.folder={}", state.display())]);
        let shown = folder.path().display().to_string();
        let about: Vec<_> = found
            .iter()
            .filter(|finding| finding.id != "settings" && finding.text.contains(&shown))
            .collect();
        assert_eq!(about.len(), 1, "{about:?}");
        assert_eq!(about[0].id, "folder for state");
        assert_eq!(about[0].status, Status::Ok);
    }

    #[test]
    fn the_folder_of_callers_is_tried_where_somebody_is_to_be_remembered() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let callers = folder.path().join("callers");
        let place = format!("memory.folder={}", callers.display());
        let found = |arguments: &[&str]| {
            let mut found = found_with(arguments).into_iter();
            found.find(|finding| finding.id == "folder for callers")
        };
        assert_eq!(found(&[&place]), None);
        assert!(!callers.exists(), "nothing is made for nobody");
        for expected in [Status::Ok, Status::Warn] {
            let finding = found(&[&place, "memory.callers=internal"]).expect("tried");
            assert_eq!(finding.status, expected, "{finding:?}");
            fs::set_permissions(&callers, fs::Permissions::from_mode(0o750)).expect("ours");
        }
        let nowhere = ["memory.folder=/proc/nowhere", "memory.callers=all"];
        let finding = found(&nowhere).expect("tried");
        assert_eq!(finding.status, Status::Fail, "{finding:?}");
        assert!(
            finding.remedy.contains("callers in [memory]"),
            "{finding:?}"
        );
    }

    #[test]
    fn a_file_that_was_named_and_is_not_there_is_told_with_the_ways_out() {
        let found = found_with(&["config=/nonexistent/pa.toml"]);
        let fault = found.iter().find(|finding| finding.id == "settings");
        let fault = fault.expect("no such file");
        let text = "cannot read the settings in /nonexistent/pa.toml: there is no such file";
        let remedy = "name the right one with --config, or run sudo phone-assistant setup";
        assert_eq!((&*fault.text, &*fault.remedy), (text, remedy));
    }

    #[test]
    fn a_fallback_that_somebody_named_and_that_cannot_be_asked_is_told() {
        let stated = |arguments: &[&str], id: &str| {
            let found = found_with(arguments).into_iter();
            let mut found = found.filter(|finding| finding.id == id);
            found.next().map(|finding| (finding.status, finding.text))
        };
        let (status, text) = stated(&["llm.fallback=openai"], "llm").expect("no model is named");
        assert_eq!(status, Status::Warn);
        assert!(text.contains("fallback openai"), "{text}");
        assert!(text.contains("llm.openai.model is empty"), "{text}");
        let no_file = "google.credentials=/nonexistent/creds.json";
        let local = [
            no_file,
            "stt.provider=openai",
            "llm.provider=openai",
            "llm.openai.model=gpt-6-luna",
        ];
        assert_eq!(stated(&local, "Google's key file"), None);
        let named = [&local[..], &["tts.fallback=google"]].concat();
        let (status, _) = stated(&named, "Google's key file").expect("it is named");
        assert_eq!(status, Status::Fail);
    }

    #[test]
    fn a_program_that_is_linked_dynamically_is_told() {
        let own = std::env::current_exe().expect("this test");
        assert!(wants_loader(&own).expect("a program"));
        assert!(wants_loader(Path::new("/etc/passwd")).is_err());
        // One of 32 bits, whose only header stands behind that of the file.
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let small = folder.path().join("small");
        for (kind, expected) in [(PT_INTERP, true), (1, false)] {
            let mut bytes = b"\x7fELF\x01\x01".to_vec();
            bytes.resize(84, 0);
            (bytes[28], bytes[42], bytes[44]) = (52, 32, 1);
            bytes[52] = u8::try_from(kind).expect("small");
            fs::write(&small, &bytes).expect("written");
            assert_eq!(wants_loader(&small).expect("a program"), expected);
        }
    }
}
