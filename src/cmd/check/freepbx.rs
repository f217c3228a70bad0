//! What FreePBX changes in the files that install.sh has put.

use std::io;
use std::path::{Path, PathBuf};

use super::finding::Report;
use crate::sys::files;
use crate::sys::identity::conf::Conf;

/// What `fwconsole` of FreePBX is to leave alone: at each boot it would give the program to the user of its web pages,
/// and open the log of calls to all. The file is FreePBX's own, and `[blacklist]` in it names what is spared.
pub(super) fn examine(root: &Path, kept: &[PathBuf], report: &mut Report<'_>) {
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
    let missing = kept.iter().filter(|path| !spared.contains(&path.as_path()));
    let missing: Vec<_> = missing.map(|path| path.display().to_string()).collect();
    if missing.is_empty() {
        report.ok(id, "it leaves the program and the log of calls alone");
    } else {
        let text = format!(
            "each start of FreePBX gives others {}: {} does not name it under [blacklist]",
            missing.join(" and "),
            file.display()
        );
        report.warn(id, &text, "sudo ./install.sh");
    }
}

/// Whether FreePBX is on the machine below `root`.
pub(super) fn is_here(root: &Path) -> bool {
    root.join("etc/freepbx.conf").exists()
}

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
        let [etc, program, log] = ["etc/asterisk", "agi-bin/phone-assistant", "calls.jsonl"]
            .map(|name| root.path().join(name));
        fs::create_dir_all(&etc).expect("made");
        let found = || {
            findings(|report| examine(root.path(), &[program.clone(), log.clone()], report)).pop()
        };
        assert_eq!(found(), None, "no FreePBX");
        fs::write(root.path().join("etc/freepbx.conf"), "<?php").expect("written");
        let item = |path: &Path| format!("item = {}\n", path.display());
        let (one, both) = (item(&program), item(&program) + &item(&log));
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
            let is_named = finding.text.contains("calls.jsonl");
            assert_eq!(is_named, status == Status::Warn, "{finding:?}");
        }
    }
}
