//! The commands for people, one module each. `place` is what `install.sh` asks for.

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
