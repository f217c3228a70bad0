//! Tells the program its version and which sources it is built from, since versions may be called the same, packs the
//! texts that it carries, and links it.
//! <https://doc.rust-lang.org/cargo/reference/build-scripts.html>

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use miniz_oxide::deflate::compress_to_vec;

#[path = "sys/sources.rs"]
mod sources;

fn main() -> io::Result<()> {
    let mut cargo = io::stdout();
    for path in sources::FILES.iter().chain([&sources::FOLDER]) {
        writeln!(cargo, "cargo::rerun-if-changed={path}")?;
    }
    // Relocations as a bitmap instead of a list of 0.4 MB. musl reads it from 1.2.4 on, thus Rust's own from `rust-version`
    // on; a linker that has no such option warns and writes the list.
    if env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|libc| libc == "musl") {
        writeln!(
            cargo,
            "cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs"
        )?;
    }
    pack()?;
    let version = version(&mut cargo)?;
    writeln!(cargo, "cargo::rustc-env=PHONE_ASSISTANT_VERSION={version}")?;
    let digest = sources::digest(Path::new("."))?;
    writeln!(cargo, "cargo::rustc-env=PHONE_ASSISTANT_SOURCES={digest}")
}

/// Returns what `--version` tells: version, commit and target. Only a release tells its commit, since otherwise each commit
/// would build the tests anew, and it needs sources that git knows.
fn version(cargo: &mut impl Write) -> io::Result<String> {
    let [version, target, profile] =
        ["CARGO_PKG_VERSION", "TARGET", "PROFILE"].map(|name| env::var(name).unwrap_or_default());
    let commit = git(&["rev-parse", "HEAD"]).filter(|_| profile == "release");
    let Some(commit) = commit.as_deref().and_then(|commit| commit.get(..SHORT)) else {
        return Ok(format!("{version} ({target})"));
    };
    // HEAD names a branch, and the log beside it grows with each commit. Cargo would always build anew for a file that is
    // not there.
    for file in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", file]).filter(|path| Path::new(path).exists());
        if let Some(path) = path {
            writeln!(cargo, "cargo::rerun-if-changed={path}")?;
        }
    }
    let sources = [
        &["diff", "--quiet", "HEAD", "--", sources::FOLDER][..],
        &sources::FILES,
    ]
    .concat();
    let changed = if git(&sources).is_some() {
        ""
    } else {
        "-changed"
    };
    Ok(format!("{version} ({commit}{changed}, {target})"))
}

/// What git answers about these sources; nothing without git, or where they are no repository of their own.
fn git(arguments: &[&str]) -> Option<String> {
    let here = env::current_dir().ok()?;
    let mut command = Command::new("git");
    command.env("GIT_CEILING_DIRECTORIES", here.parent()?);
    let answer = command.args(arguments).output().ok()?;
    let is_answer = answer.status.success();
    is_answer.then(|| {
        String::from_utf8_lossy(&answer.stdout)
            .trim_end()
            .to_owned()
    })
}

/// Packs the manual, lists of words and what else is long for `sys::packed`.
fn pack() -> io::Result<()> {
    let folder = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("packed");
    fs::create_dir_all(&folder)?;
    let mut files: Vec<_> = OTHERS.map(PathBuf::from).to_vec();
    for folder in FOLDERS {
        for entry in fs::read_dir(folder)? {
            files.push(entry?.path());
        }
    }
    files.retain(|path| path.extension() != Some(OsStr::new("rs")));
    for file in files {
        let name = file.file_name().unwrap_or_default();
        fs::write(folder.join(name), compress_to_vec(&fs::read(&file)?, MOST))?;
    }
    Ok(())
}

/// Digits of a commit that are told.
const SHORT: usize = 7;

/// What is packed but for their modules, and what beside that.
const FOLDERS: [&str; 2] = ["src/manual", "src/text/completeness/languages"];
const OTHERS: [&str; 2] = [sources::DIALPLAN, "src/cmd/calls/page.html"];

/// The level that packs closest.
const MOST: u8 = 10;
