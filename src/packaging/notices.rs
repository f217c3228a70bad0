//! The licences of all that the program is built from.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The licences of all packages that are built into the program, each text once.
pub(crate) fn of(target: &str) -> Result<String, Box<dyn Error>> {
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
    for (name, text) in built_in_texts(&sysroot()?)? {
        texts.entry(text).or_default().insert(name.to_owned());
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

/// Where Rust is installed.
fn sysroot() -> Result<PathBuf, Box<dyn Error>> {
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()?;
    Ok(String::from_utf8(output.stdout)?.trim().into())
}

/// The licences of what is built in beside packages of Cargo's. Rust tells those of its library, and of all that is in it,
/// as a page for the browser.
fn built_in_texts(sysroot: &Path) -> Result<[(&'static str, String); 2], Box<dyn Error>> {
    let folder = sysroot.join("share/doc/rust");
    let read = |path: &Path| {
        fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let mut library = text_of(&read(&folder.join("COPYRIGHT-library.html"))?);
    // It names the licences of Rust's own files by these files.
    let own = fs::read_dir(folder.join("licenses"))?.map(|entry| Ok(entry?.path()));
    let mut own: Vec<PathBuf> = own.collect::<Result<_, std::io::Error>>()?;
    own.sort();
    for path in own {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if library.contains(&format!("License: {name}")) {
            write!(library, "\n\n{name}:\n\n{}", read(&path)?.trim())?;
        }
    }
    let musl = include_str!("musl-copyright").trim();
    Ok([
        ("Rust's standard library", library),
        ("musl", musl.to_owned()),
    ])
}

/// The text of a page, without the blanks at the beginning of its lines and more than one empty line.
fn text_of(page: &str) -> String {
    let body = page.split_once("</head>").map_or(page, |(_, body)| body);
    let without_tags = body
        .split('<')
        .map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    let mut text = without_tags.collect::<String>();
    for (name, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ] {
        text = text.replace(name, character);
    }
    let mut lines: Vec<_> = text.lines().map(str::trim).collect();
    lines.dedup_by(|one, before| one.is_empty() && before.is_empty());
    lines.join("\n").trim().to_owned()
}

/// The texts of the files in a package's folder, and in those below it, that are called like a licence.
fn licenses(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_uppercase();
        let is_code = [".RS", ".PY", ".SH", ".C", ".H", ".TOML"]
            .iter()
            .any(|end| name.ends_with(end));
        let is_license = ["LICEN", "COPYING", "COPYRIGHT", "NOTICE"]
            .iter()
            .any(|word| name.starts_with(word));
        if kind.is_dir() {
            texts.extend(licenses(&path)?);
        } else if kind.is_file() && is_license && !is_code {
            texts.push(String::from_utf8_lossy(&fs::read(&path)?).trim().to_owned());
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_licences_of_all_that_is_built_in_are_there_also_those_of_a_part_of_a_package() {
        let notices = of("x86_64-unknown-linux-musl").expect("all of them");
        for part in [
            "Rich Felker",
            "Rust's standard library\n",
            "library/core/src/unicode",
            "UNICODE LICENSE V3",
            "the fiat-crypto authors",
            "Silero Team",
        ] {
            assert!(notices.contains(part), "{part}");
        }
        assert!(!notices.contains("</"), "no page");
    }
}
