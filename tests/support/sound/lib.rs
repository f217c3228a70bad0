//! Audio for tests, made and measured without the program under test.
//!
//! [`Clip`] is a piece of sound; [`clips`] makes some, [`wav`] reads and writes files, [`g711`] codes and decodes telephone
//! samples, [`measure`] turns sound into numbers to assert, [`alike`] finds a recording within another, and [`stream`] known
//! bytes among packets. [`ffmpeg`] is what others use.

// A test may stop at the first surprise: unwrap and panic are its way to say so.
#![allow(clippy::unwrap_used)]
#![allow(clippy::return_self_not_must_use)]

pub mod alike;
mod clip;
pub mod clips;
pub mod ffmpeg;
pub mod g711;
mod level;
pub mod measure;
mod number;
mod spectrum;
pub mod stream;
pub mod wav;

pub use clip::Clip;
pub use number::{float, to_index};
