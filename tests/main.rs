//! All integration tests in one binary, a module per theme. They begin in the order of their names, so what takes as long as
//! people talk stands in front, where the rest still fills the processors beside it.
#![allow(clippy::unwrap_used)]

mod answer;
mod audio;
mod by_hand;
mod call;
mod calling;
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
mod manners;
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
mod structure;
mod terminals;
mod turns;
mod voices;
