//! What everything else shares: files and whose they are, locks, hang-up, clock, money, errors, and what must not be shown.

pub(crate) mod apart;
pub(crate) mod console;
pub mod costs;
pub(crate) mod date;
pub mod deadline;
pub mod error;
pub mod files;
pub mod hangup;
pub(crate) mod held;
pub(crate) mod identity;
pub(crate) mod language;
pub(crate) mod number;
pub(crate) mod owner;
pub(crate) mod packed;
pub(crate) mod pasted;
pub mod plain;
pub(crate) mod presentation;
pub mod redact;
pub(crate) mod remedy;
pub(crate) mod rights;
pub(crate) mod rooted;
pub(crate) mod sources;
pub mod state;
pub(crate) mod sync;
pub(crate) mod threads;
pub(crate) mod way;
