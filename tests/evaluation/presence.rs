//! What a television costs before anybody has spoken: the whole program, in real time, with stand-ins for Asterisk and the
//! services, of which the one that transcribes understands none of it.

use std::thread;

use testkit::{Phone, Response, Stage};

use crate::dialled::Dialled;
use crate::judge::Figure;
use crate::material::{Material, Place};
use crate::parallel::pairs;
use crate::random::Random;
use crate::signal::{amplify, over_the_line, seconds};

/// How loud the television is.
const TELEVISIONS_DBFS: [f32; 3] = [-26.0, -36.0, -46.0];
const SECONDS: f32 = 60.0;

/// Prints how often each television is transcribed. The calls hear it at the same time, so that a minute of each takes one.
pub(crate) fn figures(halves: &[Material]) -> Vec<Figure> {
    let rows = pairs(TELEVISIONS_DBFS, halves);
    let paid: Vec<_> = thread::scope(|scope| {
        let calls = rows
            .iter()
            .map(|(dbfs, half)| scope.spawn(|| requests(half, *dbfs)));
        let calls: Vec<_> = calls.collect();
        let ends = calls.into_iter().map(|call| call.join().expect("no panic"));
        ends.collect()
    });
    println!("\n| television | requests in a minute before anybody speaks |\n|---|---|");
    for ((dbfs, _), paid) in rows.iter().zip(&paid) {
        println!("| {dbfs} dBFS | {paid} |");
    }
    let max = paid.into_iter().max().unwrap_or_default();
    let name = "requests in a minute of television before anybody speaks";
    vec![Figure::of(name, max as f32, "requests", 0.0..=1.0)]
}

/// How many requests are paid for in a call that hears nothing but a television.
fn requests(material: &Material, dbfs: f32) -> usize {
    let len = seconds(SECONDS);
    let mut television = material.background(Place::Television, len, &mut Random::new(3));
    amplify(&mut television, dbfs);
    let dialled = Dialled::new("");
    let silence = Response::new(200, "application/json", "{}");
    dialled.sandbox.respond(Stage::Stt, silence);
    let phone = Phone::open(&dialled.pipe);
    phone.say(over_the_line(&television)).wait();
    dialled.hang_up()
}
