//! What the tests of phone-assistant share, written without a line of the program they test.
//!
//! * [`Sandbox`]: every service the program asks, on loopback over real TLS, well-behaved or failing on demand.
//! * [`Proxy`]: the way out of a company's network.
//! * [`Relay`]: a long way to a sandbox, every byte as late as on a real one.
//! * [`Call`]: a scripted Asterisk that starts the program as an AGI and serves its commands.
//! * [`Phone`]: what the caller says in a conversation, packet by packet.
//! * [`Activation`]: systemd's socket activation, which starts the program for each connection of FastAGI.
//! * [`Server`]: what several machines share.
//! * [`Webhook`] and [`Sendmail`]: where messages arrive.
//! * [`ToolServer`]: what a tool asks.
//! * [`Terminal`]: a pseudo terminal, and a person at it.
//! * [`until`]: the wait for anything else.
//! * [`audio`]: sounds by rule, WAV files with every kind of header, decoders and measures.

// A test may stop at the first surprise: unwrap and panic are its way to say so.
#![allow(clippy::unwrap_used)]
#![allow(clippy::return_self_not_must_use)]

mod acceptor;
mod activation;
mod asterisk;
mod peer;
mod program;
mod proxy;
mod relay;
mod sandbox;
mod server;
mod sink;
mod terminal;
mod tool_server;
mod until;

pub use activation::{Activation, ActivationBuilder, Ended};
pub use asterisk::{
    Act, At, Call, CallBuilder, Direction, Frame, Line, Music, Outcome, Phone, Saying, agi_block,
    words,
};
pub use peer::{Flaw, Peer};
pub use program::{copy_program, tested_program, write_program};
pub use proxy::Proxy;
pub use relay::Relay;
pub use rustix::process::Signal;
pub use sandbox::{
    CallingTurn, Fault, GEMINI_API_KEY, OPENAI_API_KEY, PACE, Pace, Place, Recorded, Response,
    Sandbox, Script, Service, Settings, Stage, WarmUp, leak, spellings, write_secret,
};
pub use server::Server;
pub use sink::{Mail, Posted, Sendmail, Takes, Webhook};
pub use sound as audio;
pub use tempfile::TempDir;
pub use terminal::Terminal;
pub use tool_server::{ToolAnswer, ToolRequest, ToolServer};
pub use until::until;
