//! What FreePBX changes in the files that install.sh has put.

use std::io;
use std::iter;
use std::path::Path;

use super::finding::Report;
use crate::sys::files;
use crate::sys::identity::conf::Conf;
use crate::sys::remedy::USUAL_LOG;

/// Examines whether FreePBX leaves the program and the log of calls alone: at each boot its `fwconsole` gives what is
/// in the program's folder to the user of its web pages, and opens what is below [`OPENED`] to all.
/// `[blacklist]` in a file of its own names what is spared.
pub(super) fn examine(root: &Path, program: &Path, log: Option<&Path>, report: &mut Report<'_>) {
    if !is_here(root) {
        return;
    }
    let id = "FreePBX";
    let file = root.join("etc/asterisk/freepbx_chown.conf");
    let read = files::read(&file, MAX_CONF);
    let conf = match read.and_then(|bytes| Conf::parse(&String::from_utf8_lossy(&bytes))) {
        Ok(conf) => conf,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Conf::default(),
        Err(error) => {
            let text = format!("cannot read {}: {error}", file.display());
            return report.warn(id, &text, "sudo ./install.sh");
        }
    };
    let spared: Vec<_> = conf.all("blacklist", "item").map(Path::new).collect();
    let agi_bin = program.parent().unwrap_or(program);
    let log = log.filter(|log| {
        OPENED.iter().any(|folder| log.starts_with(folder)) || log.starts_with(agi_bin)
    });
    let kept = iter::once(program).chain(log);
    let missing: Vec<_> = kept.filter(|path| !spared.contains(path)).collect();
    if missing.is_empty() {
        return report.ok(id, "it leaves the program and the log of calls alone");
    }
    let shown: Vec<_> = missing.iter().map(|path| path.to_string_lossy()).collect();
    let (shown, file) = (shown.join(" and "), file.display());
    let text = format!(
        "each start of FreePBX gives others {shown}: {file} does not name it under [blacklist]"
    );
    let way = |path: &Path| {
        if path == program || path == Path::new(USUAL_LOG) {
            "sudo ./install.sh".to_owned()
        } else {
            let path = path.display();
            format!(
                "add under [blacklist] in {file}, outside the lines of install.sh: item = {path}"
            )
        }
    };
    let mut ways: Vec<_> = missing.into_iter().map(way).collect();
    ways.dedup();
    report.warn(id, &text, &ways.join("; and "));
}

/// Whether FreePBX is on the machine below `root`.
pub(super) fn is_here(root: &Path) -> bool {
    root.join("etc/freepbx.conf").exists()
}

/// The folders of Asterisk in which FreePBX changes files.
const OPENED: [&str; 4] = [
    "/etc/asterisk",
    "/var/lib/asterisk",
    "/var/log/asterisk",
    "/var/spool/asterisk",
];
/// The file has a few lines.
const MAX_CONF: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cmd::check::finding::{Status, findings};

    #[test]
    fn what_freepbx_would_give_away_at_each_start_is_told() {
        let root = testkit::TempDir::new().expect("a temporary folder");
        let etc = root.path().join("etc/asterisk");
        let (program, log) = ("/srv/agi-bin/phone-assistant", Path::new(USUAL_LOG));
        fs::create_dir_all(&etc).expect("made");
        let found = || {
            let program = Path::new(program);
            findings(|report| examine(root.path(), program, Some(log), report)).pop()
        };
        assert_eq!(found(), None, "no FreePBX");
        fs::write(root.path().join("etc/freepbx.conf"), "<?php").expect("written");
        let one = format!("item = {program}\n");
        let both = format!("{one}item = {USUAL_LOG}\n");
        for (text, status) in [
            (None, Status::Warn),
            (Some(format!("[blacklist]\n{one}")), Status::Warn),
            (Some(format!("[custom]\n{both}")), Status::Warn),
            (Some(format!("[blacklist]\n;--\n{both}--;\n")), Status::Warn),
            (Some(format!("[blacklist]\nitem = /x\n{both}")), Status::Ok),
        ] {
            if let Some(text) = &text {
                fs::write(etc.join("freepbx_chown.conf"), text).expect("written");
            }
            let finding = found().expect("it is told");
            assert_eq!(finding.status, status, "{text:?} {finding:?}");
            let is_told = status == Status::Warn;
            assert_eq!(finding.text.contains(USUAL_LOG), is_told, "{finding:?}");
            let remedy = if is_told { "sudo ./install.sh" } else { "" };
            assert_eq!(finding.remedy, remedy);
        }
    }

    #[test]
    fn a_log_in_another_place_is_told_where_freepbx_changes_it_with_the_line_that_install_sh_does_not_write()
     {
        let root = testkit::TempDir::new().expect("a temporary folder");
        fs::create_dir_all(root.path().join("etc/asterisk")).expect("made");
        fs::write(root.path().join("etc/freepbx.conf"), "<?php").expect("written");
        let file = root.path().join("etc/asterisk/freepbx_chown.conf");
        let program = Path::new("/srv/agi-bin/phone-assistant");
        let found = |lines: &str, log: &str| {
            fs::write(&file, lines).expect("written");
            let log = Some(Path::new(log));
            let mut found = findings(|report| examine(root.path(), program, log, report));
            let found = found.pop().expect("it is told");
            (found.status, found.remedy)
        };
        let spared = format!("[blacklist]\nitem = {}\n", program.display());
        let well = (Status::Ok, String::new());
        for elsewhere in ["/srv/calls.jsonl", "/var/log/calls.jsonl"] {
            assert_eq!(found(&spared, elsewhere), well, "{elsewhere}");
        }
        for log in [
            "/var/log/asterisk/calls/a.jsonl",
            "/var/spool/asterisk/a.jsonl",
            "/srv/agi-bin/a.jsonl",
        ] {
            let shown = file.display();
            let line = format!("item = {log}");
            let way = format!(
                "add under [blacklist] in {shown}, outside the lines of install.sh: {line}"
            );
            assert_eq!(found(&spared, log), (Status::Warn, way.clone()));
            assert_eq!(found("", log).1, format!("sudo ./install.sh; and {way}"));
            // As the remedy has it done: behind the lines of install.sh, or with a section of its own before them.
            for done in [
                format!("{spared}{line}\n"),
                format!("[blacklist]\n{line}\n{spared}"),
            ] {
                assert_eq!(found(&done, log), well, "{done}");
            }
        }
    }
}
