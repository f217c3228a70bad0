//! What the benchmarks share: when to measure, the median of several runs, and one way to print.

// No benchmark uses all of it.
#![allow(dead_code, clippy::print_stdout)]

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

/// The program that is measured: the one that was built for it, or the one that `PHONE_ASSISTANT_TESTED` names, such as
/// the static one.
pub(crate) fn program() -> PathBuf {
    let named = std::env::var_os("PHONE_ASSISTANT_TESTED");
    named.map_or_else(
        || env!("CARGO_BIN_EXE_phone-assistant").into(),
        PathBuf::from,
    )
}

/// Is measuring asked for? `cargo test --all-targets` runs benchmarks too, without this argument.
pub(crate) fn is_wanted() -> bool {
    std::env::args().any(|argument| argument == "--bench")
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
