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

mod ends;
mod interruptions;
mod material;
mod random;
mod softer;

use std::path::Path;

use material::Material;

fn main() {
    let folder = std::env::args()
        .nth(1)
        .expect("the folder of the material is named");
    let halves = [0, 1].map(|half| Material::read(Path::new(&folder), half));
    ends::print(&halves);
    interruptions::print(&halves);
    softer::print(&halves);
}
