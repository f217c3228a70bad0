//! Makes what a package has beside the program, into a folder: man pages, completions of shells, systemd's units, the
//! changelog, and the licences of all that the program is built from. `src/packaging/build` runs it.

mod manual_page;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use clap_complete::Shell;
use phone_assistant::{cli, manual};
use serde_json::Value;

/// Arguments: the folder, the target that the program is built for, the package's version, and its date as a changelog
/// has it.
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, target, version, date] = arguments.as_slice() else {
        return Err("usage: package FOLDER TARGET VERSION DATE".into());
    };
    let folder = Path::new(folder);
    fs::create_dir_all(folder)?;
    pages(folder, version)?;
    completions(folder)?;
    units(folder)?;
    fs::write(folder.join("changelog"), changelog(version, date))?;
    fs::write(folder.join("third-party-notices"), notices(target)?)?;
    Ok(())
}

/// A page for the program, one for each command, and the manual.
fn pages(folder: &Path, version: &str) -> Result<(), Box<dyn Error>> {
    let folder = folder.join("man");
    fs::create_dir_all(&folder)?;
    clap_mangen::generate_to(cli::command(), &folder)?;
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
        let mut file = fs::File::create(folder.join(name))?;
        clap_complete::generate(shell, &mut cli::command(), "phone-assistant", &mut file);
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

/// The licences of all packages that are built into the program, each text once.
fn notices(target: &str) -> Result<String, Box<dyn Error>> {
    let mut packages = BTreeMap::new();
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in dependencies(target)? {
        let [name, version, license] =
            ["name", "version", "license"].map(|key| package[key].as_str().unwrap_or("none named"));
        packages.insert(format!("{name} {version}"), license.to_owned());
        let manifest = package["manifest_path"]
            .as_str()
            .ok_or("a package has no place")?;
        for text in licenses(
            Path::new(manifest)
                .parent()
                .ok_or("a package has no folder")?,
        )? {
            texts
                .entry(text)
                .or_default()
                .insert(format!("{name} {version}"));
        }
    }
    let silero = include_str!("../silero/LICENSE").trim();
    packages.insert(
        "silero-vad (weights of its network for 8 kHz)".to_owned(),
        "MIT".to_owned(),
    );
    texts
        .entry(silero.to_owned())
        .or_default()
        .insert("silero-vad".to_owned());
    let mut out = format!(
        "phone-assistant is built from these, and from {}:\n\n",
        built_in(target)
    );
    for (package, license) in packages {
        writeln!(out, "  {package}: {license}")?;
    }
    for (text, packages) in texts {
        let packages: Vec<_> = packages.into_iter().collect();
        write!(
            out,
            "\n{}\n{}\n\n{text}\n",
            "-".repeat(72),
            packages.join(", ")
        )?;
    }
    Ok(out)
}

/// What is built in beside packages of Cargo's: for armhf, which has no standard library of rustup's, `build` takes what
/// unwinds from GCC.
fn built_in(target: &str) -> String {
    let rust = "Rust's standard library (MIT or Apache-2.0) with musl (MIT)";
    if target.starts_with("armv7") {
        format!("{rust} and libgcc (GPL-3 with the GCC Runtime Library Exception)")
    } else {
        rust.to_owned()
    }
}

/// What Cargo knows of the packages of others that the program for this target is built from.
fn dependencies(target: &str) -> Result<Vec<Value>, Box<dyn Error>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--filter-platform",
            target,
        ])
        .args([
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let nodes = list(&metadata["resolve"]["nodes"]);
    let mut found = BTreeSet::new();
    let mut waiting = vec![metadata["resolve"]["root"].clone()];
    while let Some(id) = waiting.pop() {
        let node = nodes.iter().find(|node| node["id"] == id);
        for dependency in list(&node.ok_or("cargo names a package that it does not list")?["deps"])
        {
            let is_built_in = list(&dependency["dep_kinds"])
                .iter()
                .any(|kind| kind["kind"].is_null());
            let id = &dependency["pkg"];
            if is_built_in && found.insert(id.to_string()) {
                waiting.push(id.clone());
            }
        }
    }
    let mut packages = list(&metadata["packages"]);
    // What has no source is our own.
    packages.retain(|package| {
        found.contains(&package["id"].to_string()) && !package["source"].is_null()
    });
    Ok(packages)
}

/// The texts of the files in a package's folder that are called like a licence.
fn licenses(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        let is_license = ["LICEN", "COPYING", "COPYRIGHT", "NOTICE"]
            .iter()
            .any(|word| name.starts_with(word));
        if is_license && entry.file_type()?.is_file() {
            texts.push(fs::read_to_string(entry.path())?.trim().to_owned());
        }
    }
    Ok(texts)
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
