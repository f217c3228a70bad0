//! How turns end, what interrupts answers and what is lost or paid for, on real voices and sounds in real places:
//! `tests/evaluation/run` downloads them and starts this with their folder. Each figure has its limit; one that is beyond it
//! fails the run.
#![allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    clippy::unwrap_used
)]

mod answers;
mod calls;
mod codecs;
mod coughs;
mod dialled;
mod echoes;
mod ends;
mod interruptions;
mod judge;
mod material;
mod network;
mod noises;
mod parallel;
mod presence;
mod random;
mod signal;
mod softer;
mod utterances;
mod words;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use judge::Figure;
use material::Material;

/// Prints a table, and returns the figures that are judged.
type Table = fn(&[Material]) -> Vec<Figure>;

const TABLES: [(&str, Table); 11] = [
    ("ends", ends::figures),
    ("interruptions", interruptions::figures),
    ("answers", answers::figures),
    ("coughs", coughs::figures),
    ("echoes", echoes::figures),
    ("softer", softer::figures),
    ("utterances", utterances::figures),
    ("noises", noises::figures),
    ("network", network::figures),
    ("presence", presence::figures),
    ("words", words::figures),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments
        .next()
        .expect("the folder of the material is named");
    let (options, names): (Vec<_>, Vec<_>) = arguments.partition(|name| name.starts_with("--"));
    let is_table = |name: &String| TABLES.iter().any(|(table, _)| name == table);
    if let Some(unknown) = names.iter().find(|name| !is_table(name)) {
        println!(
            "{unknown} is no table; there are {}",
            TABLES.map(|(name, _)| name).join(", ")
        );
        return ExitCode::FAILURE;
    }
    let halves = if options.iter().any(|option| option == "--half") {
        1
    } else {
        2
    };
    let halves: Vec<_> = (0..halves)
        .map(|half| Material::read(Path::new(&folder), half))
        .collect();
    let mut figures = Vec::new();
    for (name, table) in TABLES {
        if names.is_empty() || names.iter().any(|named| named == name) {
            let start = Instant::now();
            figures.extend(table(&halves));
            println!("\n{name}: {} s", start.elapsed().as_secs());
        }
    }
    if judge::are_within(&figures) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
