//! What everything else shares: files and whose they are, locks, hang-up, clock, money, errors, and what must not be shown.
//!
//! - Time, threads and the end of a call: `date`, `deadline`, `hangup`, `sync`, `threads`.
//! - Errors and money: [`costs`], [`error`], `remedy`.
//! - Texts that come from outside or are shown: `authority`, `language`, `number`, `pasted`, [`plain`], `presentation`,
//!   [`redact`].
//! - Names that are made: `digest`, `random`.
//! - Files of calls, and what calls remember for each other: [`files`], [`state`].
//! - What the build has put into the program: `packed`, `sources`; and what others have compressed: `unpacked`.
//! - Asterisk on this machine: `console`, `identity`.
//! - What root does in folders of other users: `apart`, `held`, `owner`, `rights`, `rooted`, `path_walk`. Nothing in these may
//!   change without `tests/install/races.rs`, which changes folders and links while root works in them.

pub(crate) mod apart;
pub(crate) mod authority;
pub(crate) mod console;
pub mod costs;
pub(crate) mod date;
pub mod deadline;
pub(crate) mod digest;
pub mod error;
pub mod files;
pub mod hangup;
pub(crate) mod held;
pub(crate) mod identity;
pub(crate) mod language;
pub(crate) mod mode;
pub(crate) mod number;
pub(crate) mod owner;
pub(crate) mod packed;
pub(crate) mod pasted;
pub(crate) mod path_walk;
pub mod plain;
pub(crate) mod presentation;
pub(crate) mod random;
pub mod redact;
pub(crate) mod remedy;
pub(crate) mod rights;
pub(crate) mod rooted;
pub(crate) mod sources;
pub mod state;
pub(crate) mod stdout;
pub(crate) mod sync;
pub(crate) mod threads;
pub(crate) mod unpacked;
