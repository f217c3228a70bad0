//! How turns end and what interrupts answers, on real voices in real places: `tests/evaluation/run` downloads them and
//! starts this with their folder. Nothing is judged here; the figures are for whoever changes a detector.
#![allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    clippy::unwrap_used
)]

mod echoes;
mod ends;
mod interruptions;
mod material;
mod random;
mod softer;

use std::path::Path;

use material::Material;

type Table = fn(&[Material; 2]);

fn main() {
    let folder = std::env::args()
        .nth(1)
        .expect("the folder of the material is named");
    let halves = [0, 1].map(|half| Material::read(Path::new(&folder), half));
    let only = std::env::args().nth(2);
    let tables: [(&str, Table); 4] = [
        ("ends", ends::print),
        ("interruptions", interruptions::print),
        ("echoes", echoes::print),
        ("softer", softer::print),
    ];
    for (name, print) in tables {
        if only.as_ref().is_none_or(|only| only == name) {
            print(&halves);
        }
    }
}
