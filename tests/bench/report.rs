//! What the benchmarks share: when to measure, the median of several runs, and one way to print.

// No benchmark uses all of it.
#![allow(dead_code, clippy::print_stdout, clippy::unwrap_used)]

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use testkit::{Server, Settings};

/// The program that is measured; the first to ask has it named.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = testkit::tested_program(env!("CARGO_BIN_EXE_phone-assistant"));
        println!("{}", program.display());
        program
    })
}

/// Is measuring asked for? `cargo test --all-targets` runs benchmarks too, without this argument.
pub(crate) fn is_wanted() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// Whether this part is to be measured: all are where none is named, as in `cargo bench --bench call -- shared`.
pub(crate) fn is_named(part: &str) -> bool {
    let words = std::env::args().skip(1);
    let named: Vec<_> = words.filter(|word| !word.starts_with('-')).collect();
    named.is_empty() || named.iter().any(|name| name == part)
}

/// The middle one of several figures.
pub(crate) fn median(figures: &mut [f64]) -> f64 {
    let middle = figures.len() / 2;
    *figures.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Milliseconds, and parts of them.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// Millions of bytes.
pub(crate) fn megabytes(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes).unwrap()) / 1e6
}

/// The first lines of a table: what is in it, and its columns.
pub(crate) fn heading(what: &str, columns: &[&str]) {
    println!("\n{what:<54}{}   target", aligned(columns));
}

/// One line of a table.
pub(crate) fn row(name: &str, figures: &[String], verdict: &str) {
    println!("{name:<54}{}   {verdict}", aligned(figures));
}

/// A target, and whether it is met.
pub(crate) fn verdict(target: &str, is_met: bool) -> String {
    format!("{target}: {}", if is_met { "ok" } else { "MISSED" })
}

fn aligned(cells: &[impl Display]) -> String {
    cells
        .iter()
        .fold(String::new(), |line, cell| format!("{line}{cell:>12}"))
}

/// Settings by which a call remembers its caller and is counted, in folders below `folder`.
pub(crate) fn counted(settings: Settings, folder: &Path) -> Settings {
    let of = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    settings
        .set("state.folder", of("state"))
        .set("memory.callers", "all")
        .set("memory.folder", of("callers"))
        .set("limits.max_daily_cost", 1000.0)
        .set("limits.max_calls_per_caller_per_hour", 1000)
}

/// The same on a server, which is reached by this port. Its certificate is trusted beside that of the services.
pub(crate) fn shared(
    settings: Settings,
    server: &Server,
    port: u16,
    services: &Path,
    folder: &Path,
) -> Settings {
    let url = server
        .url()
        .replace(&server.port().to_string(), &port.to_string());
    let mut trusted = fs::read(services).unwrap();
    trusted.extend(fs::read(server.ca_file()).unwrap_or_default());
    let trusted_file = folder.join(format!("trusted-{port}.pem"));
    fs::write(&trusted_file, trusted).unwrap();
    settings
        .set("http.ca_file", trusted_file.to_str().unwrap())
        .set("state.url", url)
        .set(
            "state.password_file",
            server.password_file().to_str().unwrap(),
        )
        .set("state.machines", 2)
}
