//! The Asterisk Gateway Interface: what Asterisk says first, what we command, what it replies.
//!
//! Nothing here knows of HTTP, audio or settings. The protocol is documented at
//! <https://docs.asterisk.org/Configuration/Interfaces/Asterisk-Gateway-Interface-AGI/>; where Asterisk
//! behaves otherwise, `res/res_agi.c` of Asterisk 22 decides.

mod command;
mod env;
mod reply;
mod session;

pub use command::Command;
pub use env::{Env, Forgery};
pub use reply::{Line, Reply};
pub use session::{End, Error, Session};
