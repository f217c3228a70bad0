//! phone-assistant: a voice that answers on an extension of Asterisk.
//!
//! Asterisk starts the binary as a classic AGI script. One call runs from top to bottom:
//!
//! ```text
//! stdin  agi_* lines      -> agi::Env
//! arguments, file, environment -> config::Config
//! recording               -> audio::Pcm   -> where is the speech? none: NOSPEECH
//! speech   --stt-->  question --llm-->  answer --tts-->  Pcm  -> telephone audio -> the reply file
//! SET VARIABLE ASSISTANT_STATUS, _FILE, _QUESTION, _ANSWER, _ERROR
//! ```
//!
//! Modules depend downwards only: `main` on `cli`, `cli` on `call`, `call` on the leaves, and
//! leaves on the standard library and one outside crate each.

pub mod agi;
pub mod audio;
pub mod call;
pub mod cli;
pub mod cloud;
pub mod config;
pub mod convert;
pub mod deadline;
pub mod error;
pub mod files;
pub mod hangup;
pub mod say;
pub mod text;
