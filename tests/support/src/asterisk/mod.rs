//! A scripted Asterisk: starts the program as an AGI, serves its commands, and hangs up when told to.
//!
//! What Asterisk 22 does is imitated to the byte where a program can notice; the channel itself is a table of variables.
//! What `STREAM FILE` plays is kept, frame by frame. Spec: Asterisk 22, res/res_agi.c.
//!
//! ```no_run
//! use std::time::Duration;
//! use testkit::{Act, Call};
//!
//! let outcome = Call::builder("target/debug/phone-assistant".as_ref())
//!     .arg("recording=/some/dir/q.wav")
//!     .at("SET VARIABLE ASSISTANT_STATUS", Act::Delay(Duration::from_millis(200)))
//!     .start()
//!     .finish(Duration::from_secs(10));
//! outcome.assert_exit(0).assert_manners().assert_variable("ASSISTANT_STATUS", "ANSWERED");
//! ```

mod builder;
mod call;
mod channel;
mod lines;
mod log;
mod outcome;
mod phone;
mod pipe;
mod session;
mod sound;
pub mod words;

pub use builder::{Act, At, CallBuilder, agi_block};
pub use call::Call;
pub use outcome::{Direction, Frame, Line, Music, Outcome};
pub use phone::{Phone, Saying};
