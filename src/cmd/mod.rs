//! The commands for people, one module each. `place` is what `install.sh` asks for.
//!
//! A new command is a module here, which takes plain options and returns what is to be shown, and a variant of `Command` in
//! `cli::command` with its arguments for `clap`: there, or in a file of its own below `cli` where they are many. A row of
//! `manual/commands.md` tells of it; tests ask for the row and for each option.

pub(crate) mod callers;
pub(crate) mod calls;
pub mod check;
pub(crate) mod console;
pub mod convert;
pub mod help;
pub(crate) mod hours;
pub(crate) mod messages;
pub(crate) mod place;
pub(crate) mod say;
pub(crate) mod setup;
pub(crate) mod tool;
