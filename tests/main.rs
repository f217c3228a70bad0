//! All integration tests in one binary, a module per theme.
#![allow(clippy::unwrap_used)]

mod audio;
mod by_hand;
mod call;
mod calls;
mod conversation;
mod dialplan;
mod disclosure;
mod docs;
mod doctor;
mod fallback;
mod fastagi;
mod faults;
mod fuzz;
mod handshakes;
mod hangups;
mod hostile;
mod house;
mod install;
mod knowledge;
mod limits;
mod machines;
mod memory;
mod messages;
mod personas;
mod providers;
mod root;
mod secrets;
mod setup;
mod speech;
mod starving;
mod strangers;
mod stream;
mod structure;
mod turns;
mod voices;
