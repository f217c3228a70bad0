//! Mutation fuzzing of whatever reads bytes that others write: AGI, WAV files, the services' JSON.
//!
//! Each input is made from valid ones by a generator that its number seeds, so the same inputs come
//! every time. A plain `cargo test` feeds some thousands of them; the whole million each takes
//! `FUZZ_INPUTS=1000000 cargo test --release --test main fuzz -- --nocapture`.
//!
//! An input that only shows how a reader refuses rubbish proves little: at least half must get past
//! the first look, whatever that is for each reader.

mod agi;
mod audio;
mod cloud;
mod mutate;
mod text;
mod tools;
mod tree;

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use mutate::Random;

/// Feeds so many inputs; `feed` tells whether one got past the reader's first look.
///
/// # Panics
/// When `feed` does, with the input as Rust writes it; or when too few inputs got so far.
#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn fuzz(
    what: &str,
    inputs: u32,
    make: impl Fn(&mut Random) -> Vec<u8>,
    feed: impl Fn(&[u8]) -> bool,
) {
    let begun = Instant::now();
    let mut past = 0;
    for seed in 0..inputs {
        let input = make(&mut Random::new(seed));
        let is_past = catch_unwind(AssertUnwindSafe(|| feed(&input)));
        let is_past = is_past
            .unwrap_or_else(|_| panic!("{what}, seed {seed}: b\"{}\"", input.escape_ascii()));
        past += u32::from(is_past);
    }
    let share = 100.0 * f64::from(past) / f64::from(inputs);
    let seconds = begun.elapsed().as_secs_f64();
    println!("{what}: {inputs} inputs, {share:.1} % past the first look, {seconds:.1} s");
    assert!(
        share >= 50.0,
        "{what}: only {share:.1} % got past the first look"
    );
}

/// How many inputs each reader gets.
fn inputs() -> u32 {
    env::var("FUZZ_INPUTS").map_or(INPUTS, |number| number.parse().unwrap())
}

/// Few enough that an unoptimised build needs some seconds for all readers together.
const INPUTS: u32 = 3_000;
