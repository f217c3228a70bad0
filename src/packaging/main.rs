//! Makes what a package has beside the program, into a folder: man pages, completions of shells, systemd's units, the
//! changelog, and the licences of all that the program is built from. `src/packaging/build` runs it.

mod completions;
mod manual_page;
mod notices;

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use clap_complete::Shell;
use phone_assistant::{cli, manual};

/// Arguments: the folder, the target that the program is built for, the package's version, and its date as a changelog
/// has it.
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, target, version, date] = arguments.as_slice() else {
        return Err("usage: package FOLDER TARGET VERSION DATE".into());
    };
    let folder = Path::new(folder);
    fs::create_dir_all(folder)?;
    pages(folder, version, target)?;
    completions(folder)?;
    units(folder)?;
    fs::write(folder.join("changelog"), changelog(version, date))?;
    fs::write(folder.join("third-party-notices"), notices::of(target)?)?;
    Ok(())
}

/// A page for the program, one for each command, and the manual.
fn pages(folder: &Path, version: &str, target: &str) -> Result<(), Box<dyn Error>> {
    let folder = folder.join("man");
    fs::create_dir_all(&folder)?;
    // That of the program which runs here is another.
    let packaged = format!("{version} ({target})").leak();
    clap_mangen::generate_to(cli::command().version(&*packaged), &folder)?;
    let path = folder.join("phone-assistant.1");
    let mut page = fs::read_to_string(&path)?;
    page.push_str(FILES);
    for topic in &manual::TOPICS {
        write!(
            page,
            ".TP\n.B phone-assistant help {}\n{}\n",
            topic.name, topic.summary
        )?;
    }
    fs::write(path, page)?;
    fs::write(
        folder.join("phone-assistant-manual.7"),
        manual_page::page(version),
    )?;
    Ok(())
}

fn completions(folder: &Path) -> Result<(), Box<dyn Error>> {
    let shells = [
        (Shell::Bash, "phone-assistant.bash"),
        (Shell::Fish, "phone-assistant.fish"),
        (Shell::Zsh, "_phone-assistant"),
    ];
    for (shell, name) in shells {
        fs::write(folder.join(name), completions::of(shell)?)?;
    }
    Ok(())
}

/// FastAGI's units, as the manual has them, with the program where a package has it.
fn units(folder: &Path) -> Result<(), Box<dyn Error>> {
    let units = manual::EXAMPLES
        .iter()
        .filter(|file| file.name.starts_with("phone-assistant"));
    for unit in units {
        let text = unit.text.replace("/usr/local/bin/", "/usr/bin/");
        let text = text.replace("/etc/systemd/system/", "/usr/lib/systemd/system/");
        fs::write(folder.join(unit.name), text)?;
    }
    Ok(())
}

/// Debian's changelog: <https://www.debian.org/doc/debian-policy/ch-source.html#debian-changelog-debian-changelog>.
fn changelog(version: &str, date: &str) -> String {
    format!(
        "phone-assistant ({version}) unstable; urgency=medium\n\n  \
         * What is new to its users: phone-assistant help changes.\n\n -- {MAINTAINER}  {date}\n"
    )
}

/// As Cargo.toml names it for the package.
const MAINTAINER: &str = "phone-assistant <packages@phone-assistant.invalid>";

const FILES: &str = r".SH FILES
.TP
.I /etc/phone\-assistant/config.toml
The settings; each call reads them.
.TP
.I /var/lib/phone\-assistant
Recordings under way, messages that are not delivered, and what is remembered of callers.
.TP
.I /var/log/asterisk/phone\-assistant.jsonl
The log of calls, a line each.
.TP
.I /usr/share/phone\-assistant/install.sh
Brings program and dialplan to Asterisk; \-\-help lists its options.
.SH MANUAL
The program carries its manual, which is also in
.BR phone\-assistant\-manual (7):
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_man_page_names_the_version_and_target_of_the_package() {
        let folder = std::env::temp_dir().join(format!("package-{}", std::process::id()));
        pages(&folder, "9.8.7", "armv7-unknown-linux-musleabihf").expect("written");
        let page = fs::read_to_string(folder.join("man/phone-assistant.1")).expect("there");
        fs::remove_dir_all(&folder).expect("ours");
        let (_, told) = page.split_once(".SH VERSION\n").expect("a section");
        let told = told.replace('\\', "");
        assert!(
            told.starts_with("v9.8.7 (armv7-unknown-linux-musleabihf)\n"),
            "{told}"
        );
    }
}
