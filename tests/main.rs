//! All integration tests in one binary, a module per theme.
#![allow(clippy::unwrap_used)]

mod audio;
mod call;
mod dialplan;
mod faults;
mod hangups;
mod house;
mod install;
