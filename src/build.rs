//! Tells the program which sources it is built from: versions may be called the same.
//! <https://doc.rust-lang.org/cargo/reference/build-scripts.html>

use std::io::{self, Write};
use std::path::Path;

#[path = "sys/sources.rs"]
mod sources;

fn main() -> io::Result<()> {
    let mut cargo = io::stdout();
    for path in sources::FILES.iter().chain([&sources::FOLDER]) {
        writeln!(cargo, "cargo::rerun-if-changed={path}")?;
    }
    let digest = sources::digest(Path::new("."))?;
    writeln!(cargo, "cargo::rustc-env=PHONE_ASSISTANT_SOURCES={digest}")
}
