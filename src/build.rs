//! Tells the program which sources it is built from, since versions may be called the same, and links it.
//! <https://doc.rust-lang.org/cargo/reference/build-scripts.html>

use std::env;
use std::io::{self, Write};
use std::path::Path;

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
    let digest = sources::digest(Path::new("."))?;
    writeln!(cargo, "cargo::rustc-env=PHONE_ASSISTANT_SOURCES={digest}")
}
